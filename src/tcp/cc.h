/* Congestion control: how fast, never what is lost.  An algorithm is a table of functions and its state a union in the
 * transfer; it writes cwnd and ssthresh and nothing else. */
#ifndef AK_TCP_CC_H
#define AK_TCP_CC_H

#include "tcp/tcb.h"

struct ak_cc_ack {
    uint32_t acked_bytes;     /* newly acknowledged */
    uint32_t in_flight_bytes; /* before this ACK */
    uint32_t mss_bytes;
    uint64_t now_us;
};

struct ak_cc_ops {
    const char *name;
    void (*init)(struct ak_transfer *transfer);
    void (*on_ack)(struct ak_transfer *transfer, const struct ak_cc_ack *ack); /* outside recovery, RFC 5681 s3.1 */
    void (*on_loss)(struct ak_transfer *transfer, uint32_t in_flight_bytes, uint32_t mss_bytes); /* recovery begins */
    void (*on_rto)(struct ak_transfer *transfer, uint32_t in_flight_bytes, uint32_t mss_bytes);
};

extern const struct ak_cc_ops ak_cc_newreno;
const struct ak_cc_ops *ak_cc_at(uint64_t index);

#endif
