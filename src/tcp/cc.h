/* Congestion control: how fast, never what is lost.  An algorithm is a table of functions and its state a union in the
 * transfer; it writes cwnd and ssthresh and nothing else.
 *
 * Windows count bytes in flight.  What all algorithms share is not here: recovery shares cwnd out by PRR (prr.c), a
 * spurious reduction is taken back by copying the state kept before it (undo.c), and a repeated timeout is no new event
 * of congestion (loss.c). */
#ifndef AK_TCP_CC_H
#define AK_TCP_CC_H

#include "tcp/tcb.h"

struct ak_rate_sample;

/* An acknowledgment of new data outside of fast recovery. */
struct ak_cc_ack {
    uint32_t acked_bytes;     /* newly acknowledged: bytes, however many ACKs tell of them (RFC 3465) */
    uint32_t in_flight_bytes; /* before this ACK */
    uint32_t mss_bytes;
    uint32_t rtt_us;       /* the least measured by this ACK, and by SACK since the last; 0: none */
    uint32_t sample_count; /* of how many */
    uint32_t srtt_us;
    ak_seq una, nxt; /* SND.UNA after it, SND.NXT */
    bool limited;    /* the window, not the application or the peer, held sending back (RFC 7661) */
    bool paced;      /* the window is spread over the round trip */
    uint64_t now_us;
};

enum ak_cc_event {
    AK_CC_LOSS,    /* fast recovery begins, RFC 5681 s3.2 */
    AK_CC_TIMEOUT, /* RFC 5681 s3.1: the first of a row of timeouts */
    AK_CC_MARK,    /* ECN-Echo, RFC 3168 s6.1.2 */
};

enum ak_cc_recovery { AK_CC_REPAIRED, AK_CC_SPURIOUS };

/* An algorithm that models the path: it measures (rate.h), and paces whatever the settings say.  It has a side record,
 * and none of the functions of ak_cc_ops. */
struct ak_cc_model {
    /* A transfer begins, with the bandwidth that an earlier one has left, 0: none; and what this one leaves. */
    void (*begin)(struct ak_core *core, struct ak_tcb *t, uint64_t rate);
    uint64_t (*end)(struct ak_core *core, struct ak_tcb *t);
    void (*restart)(struct ak_core *core, struct ak_tcb *t); /* sends after idle */
    void (*acked)(struct ak_core *core, struct ak_tcb *t, bool limited);
    void (*lost)(struct ak_core *core, struct ak_tcb *t, const struct ak_rate_sample *lost, bool new_range);
    void (*event)(struct ak_core *core, struct ak_tcb *t, enum ak_cc_event event);
    void (*recovered)(struct ak_core *core, struct ak_tcb *t, enum ak_cc_recovery how);
};

struct ak_cc_ops {
    const char *name;
    const struct ak_cc_model *model; /* NULL: a window alone */
    void (*init)(struct ak_transfer *x);
    void (*on_ack)(struct ak_transfer *x, const struct ak_cc_ack *ack);
    /* flight_bytes: FlightSize */
    void (*on_congestion)(struct ak_transfer *x, enum ak_cc_event event, uint32_t flight_bytes, uint32_t mss_bytes);
};

extern const struct ak_cc_ops ak_cc_newreno; /* RFC 5681: cc_newreno.c */
extern const struct ak_cc_ops ak_cc_cubic;   /* RFC 9438: cc_cubic.c */
extern const struct ak_cc_ops ak_cc_bbr;     /* draft-ietf-ccwg-bbr: cc_bbr.c */
const struct ak_cc_ops *ak_cc_at(uint64_t index);
/* The congestion control of a transfer begins, and ends. */
void ak_cc_begin(struct ak_core *core, struct ak_tcb *t);
void ak_cc_end(struct ak_core *core, struct ak_tcb *t);
/* Congestion: with a window alone, flight_bytes is FlightSize. */
void ak_cc_congestion(struct ak_core *core, struct ak_tcb *t, enum ak_cc_event event, uint32_t flight_bytes);
uint32_t ak_cubic_root(uint64_t v); /* cc_cubic.c: the largest r with r^3 <= v */

/* Slow start by bytes, RFC 5681 s3.1: what an ACK adds to the window, at most up to ssthresh. */
static inline uint32_t ak_cc_slow_start_bytes(const struct ak_transfer *x, const struct ak_cc_ack *ack) {
    /* RFC 3465 s2.3: L = 1 after a timeout, since an ACK may then cover much that had come long before. */
    uint32_t most = x->in_recovery == AK_RECOVERY_RTO ? ack->mss_bytes : ack->acked_bytes;
    return ak_min_u32(ak_min_u32(ack->acked_bytes, most), x->ssthresh - x->cwnd);
}

/* hystart.c, RFC 9406: slow start that ends before the queue overflows. */
void ak_hystart_init(struct ak_hystart *h);
/* An ACK in slow start: grows the window, and may set ssthresh. */
void ak_hystart_on_ack(struct ak_transfer *x, struct ak_hystart *h, const struct ak_cc_ack *ack);
/* RFC 9406 s4.3: only the first slow start of a connection. */
void ak_hystart_stop(struct ak_hystart *h);

#endif
