/* Proportional Rate Reduction: RFC 9937.  In fast recovery each ACK lets go as much as brings the flight down from what
 * it was to ssthresh evenly, and up to it again if more was lost than that: no pause, no burst. */
#include "tcp/loss.h"

void ak_prr_begin(struct ak_transfer *x, uint32_t flight_bytes) {
    x->prr.recover_fs = ak_max_u32(flight_bytes, 1);
    x->prr.delivered = 0;
    x->prr.out = 0;
}

/* s6.2. */
void ak_prr_on_ack(struct ak_transfer *x, const struct ak_prr_ack *ack) {
    x->prr.delivered += ack->delivered_bytes;
    bool first = x->prr.out == 0;
    if (ack->delivered_bytes == 0 && !first) return;
    uint64_t count = 0;
    if (ack->in_flight_bytes > x->ssthresh) {
        uint64_t due = (x->prr.delivered * x->ssthresh + x->prr.recover_fs - 1) / x->prr.recover_fs;
        count = due > x->prr.out ? due - x->prr.out : 0;
    } else {
        uint64_t unspent = x->prr.delivered > x->prr.out ? x->prr.delivered - x->prr.out : 0;
        count = ak_max_u64(unspent, ack->delivered_bytes);
        if (ack->safe) count += ack->mss_bytes;
        count = ak_min_u64(x->ssthresh - ack->in_flight_bytes, count);
    }
    if (first) count = ak_max_u64(count, ack->mss_bytes); /* the fast retransmit itself */
    x->cwnd = (uint32_t)ak_min_u64(ack->in_flight_bytes + count, UINT32_MAX / 2);
}
