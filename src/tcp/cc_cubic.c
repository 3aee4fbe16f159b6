/* CUBIC: RFC 9438, with HyStart++ (RFC 9406) in the first slow start.
 *
 * After a reduction the window grows along W_cubic(t) = C (t - K)^3 + W_max: fast at first, flat around the window that
 * was lost, then fast again in search of more.  Where Reno would have grown faster, its estimate W_est holds.
 *
 * Integers only: windows in bytes, time in milliseconds, C = 0.4 segments / s^3 = 4 mss / 10^10 bytes / ms^3.  What a
 * division leaves over is carried to the next ACK, so slow growth is not lost to rounding. */
#include "tcp/cc.h"

enum { SPAN_MS = 1 << 20 }; /* |t - K| at most so long, 17 minutes: its cube times 4 mss / 10^5 stays within 64 bits */

/* The integer cube root: the largest r with r^3 <= v, one bit at a time. */
uint32_t ak_cubic_root(uint64_t v) {
    uint64_t root = 0;
    for (int bit = 21; bit >= 0; bit--) {
        uint64_t with = root | (1ull << bit);
        if (with <= 2642245 && with * with * with <= v) root = with; /* 2642245^3 is the last below 2^64 */
    }
    return (uint32_t)root;
}

/* C d^3 in bytes. */
static uint64_t cubed(uint64_t d_ms, uint32_t mss_bytes) {
    d_ms = ak_min_u64(d_ms, SPAN_MS);
    return d_ms * d_ms * d_ms / 100000 * (4ull * mss_bytes) / 100000;
}

static uint64_t window_at(const struct ak_cubic *c, uint64_t t_ms, uint32_t mss_bytes) {
    if (t_ms >= c->k_ms) return c->plateau + cubed(t_ms - c->k_ms, mss_bytes);
    uint64_t below = cubed(c->k_ms - t_ms, mss_bytes);
    return below < c->plateau ? c->plateau - below : 0;
}

/* A stage of congestion avoidance begins: s4.2, and with no W_max known (after a timeout, s4.8, or HyStart++, s4.10) or
 * already beyond it, K = 0. */
static void epoch_begins(struct ak_transfer *x, const struct ak_cc_ack *ack) {
    struct ak_cubic *c = &x->cc.cubic;
    c->epoch_us = ack->now_us;
    c->last_us = ack->now_us;
    c->plateau = ak_max_u32(x->cwnd, c->w_max);
    uint64_t gap = c->plateau - x->cwnd;
    c->k_ms = ak_cubic_root(gap * 2500000000ull / ack->mss_bytes);
    c->w_est = x->cwnd;
    c->grow_carry = 0;
    c->est_carry = 0;
}

/* s4.3: alpha = 3 (1 - beta) / (1 + beta) = 9 / 17 segments a round trip, and 1 from cwnd_prior on. */
static void estimate_reno(const struct ak_transfer *x, struct ak_cubic *c, const struct ak_cc_ack *ack) {
    uint64_t parts = c->w_est < c->cwnd_prior ? 9 : 17;
    uint64_t per = 17ull * x->cwnd;
    c->est_carry += parts * ack->mss_bytes * ack->acked_bytes;
    uint64_t whole = c->est_carry / per;
    c->est_carry -= whole * per;
    c->w_est = (uint32_t)ak_min_u64(c->w_est + whole, UINT32_MAX);
}

static void avoidance(struct ak_transfer *x, const struct ak_cc_ack *ack) {
    struct ak_cubic *c = &x->cc.cubic;
    if (c->epoch_us == 0) epoch_begins(x, ack);
    c->last_us = ack->now_us;
    estimate_reno(x, c, ack);
    uint64_t t_us = ack->now_us - c->epoch_us;
    /* s4.3: the Reno-friendly region.  DEVIATES: cwnd is W_est at least, and what s4.4 makes of it beyond: the ACKs of
     * a long round trip come in one burst, and W_cubic(t) is below W_est all through the first. */
    if (window_at(c, t_us / 1000, ack->mss_bytes) < c->w_est) x->cwnd = ak_max_u32(x->cwnd, c->w_est);
    /* s4.2: towards W_cubic(t + RTT), by at most half a window a round trip. */
    uint64_t target = window_at(c, (t_us + ack->srtt_us) / 1000, ack->mss_bytes);
    target = ak_min_u64(target, (uint64_t)x->cwnd + x->cwnd / 2);
    if (target <= x->cwnd) return;
    c->grow_carry += (target - x->cwnd) * ack->acked_bytes;
    uint64_t whole = c->grow_carry / x->cwnd;
    c->grow_carry -= whole * x->cwnd;
    x->cwnd = (uint32_t)ak_min_u64(ak_min_u64(x->cwnd + whole, target), UINT32_MAX / 2);
}

static void cubic_init(struct ak_transfer *x) {
    x->cc.cubic = (struct ak_cubic){.w_max = 0};
    ak_hystart_init(&x->cc.cubic.hystart);
    if (x->ssthresh != UINT32_MAX) ak_hystart_stop(&x->cc.cubic.hystart); /* not the first slow start */
}

static void cubic_on_ack(struct ak_transfer *x, const struct ak_cc_ack *ack) {
    struct ak_cubic *c = &x->cc.cubic;
    if (!ack->limited) {
        /* s4.2, s5.8: the time in which the application sent too little does not count. */
        if (c->epoch_us != 0) c->epoch_us += ack->now_us - c->last_us;
        c->last_us = ack->now_us;
        return;
    }
    if (x->cwnd < x->ssthresh)
        ak_hystart_on_ack(x, &c->hystart, ack);
    else
        avoidance(x, ack);
}

static void cubic_on_congestion(struct ak_transfer *x, enum ak_cc_event event, uint32_t flight_bytes,
                                uint32_t mss_bytes) {
    struct ak_cubic *c = &x->cc.cubic;
    c->cwnd_prior = x->cwnd;
    /* s4.7, fast convergence: a flow that did not get back to its last maximum makes room for others. */
    c->w_max = x->cwnd < c->w_max ? (uint32_t)((uint64_t)x->cwnd * 17 / 20) : x->cwnd;
    /* s4.6: beta = 0.7 */
    uint32_t reduced = (uint32_t)((uint64_t)flight_bytes * 7 / 10);
    x->ssthresh = ak_max_u32(reduced, 2 * mss_bytes);
    x->cwnd = event == AK_CC_MARK ? ak_max_u32(reduced, mss_bytes) : x->ssthresh;
    c->epoch_us = 0;
    ak_hystart_stop(&c->hystart);
    if (event != AK_CC_TIMEOUT) return;
    x->cwnd = mss_bytes;
    c->w_max = 0; /* s4.8: K = 0 in the next stage */
}

const struct ak_cc_ops ak_cc_cubic = {
    .name = "cubic",
    .init = cubic_init,
    .on_ack = cubic_on_ack,
    .on_congestion = cubic_on_congestion,
};
