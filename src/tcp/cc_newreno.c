/* NewReno: RFC 5681's slow start and congestion avoidance with byte counting (RFC 3465). */
#include "tcp/cc.h"

static void newreno_init(struct ak_transfer *x) {
    x->cc.newreno.acked_bytes = 0;
}

static void newreno_on_ack(struct ak_transfer *x, const struct ak_cc_ack *ack) {
    if (!ack->limited) return; /* RFC 7661: a window that was not used says nothing about the path */
    if (x->cwnd < x->ssthresh) {
        x->cwnd += ak_cc_slow_start_bytes(x, ack);
        return;
    }
    x->cc.newreno.acked_bytes += ack->acked_bytes; /* s3.1 (3) by bytes */
    if (x->cc.newreno.acked_bytes >= x->cwnd) {
        x->cc.newreno.acked_bytes -= x->cwnd;
        x->cwnd += ack->mss_bytes;
    }
}

static void newreno_on_congestion(struct ak_transfer *x, enum ak_cc_event event, uint32_t flight_bytes,
                                  uint32_t mss_bytes) {
    x->ssthresh = ak_max_u32(flight_bytes / 2, 2 * mss_bytes); /* RFC 5681 s3.1 (4) */
    x->cwnd = event == AK_CC_TIMEOUT ? mss_bytes : x->ssthresh;
    if (event == AK_CC_MARK) x->cwnd = ak_max_u32(flight_bytes / 2, mss_bytes); /* RFC 3168 s6.1.2: down to one */
    x->cc.newreno.acked_bytes = 0;
}

const struct ak_cc_ops ak_cc_newreno = {
    .name = "newreno",
    .init = newreno_init,
    .on_ack = newreno_on_ack,
    .on_congestion = newreno_on_congestion,
};
