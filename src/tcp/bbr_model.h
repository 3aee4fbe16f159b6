/* What cc_bbr.c and bbr_model.c share. */
#ifndef AK_TCP_BBR_MODEL_H
#define AK_TCP_BBR_MODEL_H

#include "tcp/rate.h"

/* An ACK, or a loss, and whose. */
struct ak_bbr_turn {
    struct ak_core *core;
    struct ak_tcb *t;
    struct ak_transfer *x;
    struct ak_rate *c;
    struct ak_bbr *b;
    const struct ak_rate_sample *rs;
    uint32_t mss, in_flight;
    bool limited; /* C.is_cwnd_limited */
};

/* What a rate delivers in a time. */
static inline uint64_t ak_bbr_volume(uint64_t rate, uint64_t us) {
    if (rate >> 40 != 0) return rate / 1000000 * us;
    return rate * ak_min_u64(us, 0xffffff) / 1000000;
}
static inline uint32_t ak_bbr_beta(uint32_t bytes) { /* BBR.Beta: 0.7 */
    return (uint32_t)((uint64_t)bytes * 7 / 10);
}
static inline uint64_t ak_bbr_max_bw(const struct ak_bbr *b) {
    return ak_max_u64(b->max_bw[0], b->max_bw[1]);
}
static inline uint32_t ak_bbr_extra_acked(const struct ak_bbr *b) {
    return ak_max_u32(b->extra[0], b->extra[1]);
}

uint32_t ak_bbr_bdp(const struct ak_bbr_turn *v); /* cc_bbr.c */

void ak_bbr_start_round(const struct ak_bbr_turn *v);
void ak_bbr_reset_signals(struct ak_bbr *b);
void ak_bbr_reset_shortterm(struct ak_bbr *b);
/* ResetFullBW, with a rate to begin from. */
void ak_bbr_reset_full(struct ak_bbr *b, uint64_t full_bw);
void ak_bbr_advance_filter(struct ak_bbr *b);

/* The steps of an ACK, in their order: s5.2.3. */
void ak_bbr_take_sample(const struct ak_bbr_turn *v);
void ak_bbr_take_aggregation(const struct ak_bbr_turn *v);
void ak_bbr_check_full(const struct ak_bbr_turn *v);
void ak_bbr_sample_taken(const struct ak_bbr_turn *v);

/* IsInflightTooHigh: more than 2 % of what was in flight were lost. */
bool ak_bbr_too_high(const struct ak_bbr_turn *v, const struct ak_rate_sample *rs);
/* InflightAtLoss: at how much in flight that was so; lost->newly_acked_bytes is the size of what was lost. */
uint32_t ak_bbr_inflight_at_loss(const struct ak_rate_sample *lost);
void ak_bbr_save(struct ak_bbr *b);
void ak_bbr_restore(struct ak_bbr *b);

#endif
