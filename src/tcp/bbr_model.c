/* BBR's model of the path, draft-ietf-ccwg-bbr s5.5: what ACKs and losses say about its rate, what it holds, and how it
 * bundles ACKs. */
#include "tcp/bbr_model.h"

enum { LOSS_PERCENT = 2, FULL_BW_ROUNDS = 3, EXTRA_ROUNDS = 5, KEPT_PERCENT = 87 };

/* Counts of delivered bytes are modulo 2^32, and near to each other. */
static bool reached(uint32_t delivered, uint32_t end) {
    return (int32_t)(delivered - end) >= 0;
}

void ak_bbr_start_round(const struct ak_bbr_turn *v) {
    v->b->round_end = v->x->delivered_bytes;
}

void ak_bbr_reset_signals(struct ak_bbr *b) {
    b->loss_in_round = false;
    b->bw_latest = 0;
    b->inflight_latest = 0;
}

void ak_bbr_reset_shortterm(struct ak_bbr *b) {
    b->bw_shortterm = UINT64_MAX;
    b->inflight_shortterm = UINT32_MAX;
}

void ak_bbr_reset_full(struct ak_bbr *b, uint64_t full_bw) {
    b->full_bw = full_bw;
    b->full_bw_count = 0;
    b->full_bw_now = false;
}

/* s5.5.6; a cycle in which nothing was measured does not make the one before forgotten. */
void ak_bbr_advance_filter(struct ak_bbr *b) {
    if (b->max_bw[1] == 0) return;
    b->max_bw[0] = b->max_bw[1];
    b->max_bw[1] = 0;
}

static void update_round(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    b->round_start = v->rs->any && reached(v->rs->prior_delivered_bytes, b->round_end);
    if (!b->round_start) return;
    ak_bbr_start_round(v);
    b->round_count++;
    b->rounds_since_probe++;
}

/* s5.5.10.3: once a round in which something was lost, unless it was asking for it. */
static void adapt_shortterm(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    bool probing = b->mode == AKSU_CC_STARTUP || b->mode == AKSU_CC_PROBE_REFILL || b->mode == AKSU_CC_PROBE_UP;
    if (probing || !b->loss_in_round) return;
    /* DEVIATES: losses below the threshold lower nothing while the path delivers what the flow sends, or the flow did
     * not try: without this the pacing margin alone, 1 % a round, would halve the rate in the course of a cycle in
     * which each round loses a segment.  In DOWN 90 % of the bandwidth is sent. */
    uint64_t bw = ak_min_u64(ak_bbr_max_bw(b), b->bw_shortterm);
    bool borne_out = v->rs->app_limited || b->bw_latest >= bw / 100 * KEPT_PERCENT;
    if (borne_out && !ak_bbr_too_high(v, v->rs)) return;
    if (b->inflight_shortterm == UINT32_MAX) b->inflight_shortterm = v->x->cwnd;
    b->bw_shortterm = ak_max_u64(b->bw_latest, bw * 7 / 10);
    b->inflight_shortterm = ak_max_u32(b->inflight_latest, ak_bbr_beta(b->inflight_shortterm));
}

/* UpdateLatestDeliverySignals, UpdateCongestionSignals */
void ak_bbr_take_sample(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    const struct ak_rate_sample *rs = v->rs;
    b->bw_latest = ak_max_u64(b->bw_latest, rs->rate);
    b->inflight_latest = ak_max_u32(b->inflight_latest, rs->delivered_bytes);
    b->loss_round_start = rs->any && reached(rs->prior_delivered_bytes, b->loss_round_end);
    if (b->loss_round_start) b->loss_round_end = v->x->delivered_bytes;
    update_round(v);
    if (rs->rate > 0 && (rs->rate >= ak_bbr_max_bw(b) || !rs->app_limited))
        b->max_bw[1] = ak_max_u64(b->max_bw[1], rs->rate);
    if (!b->loss_round_start) return;
    adapt_shortterm(v);
    b->loss_in_round = false;
}

/* AdvanceLatestDeliverySignals, BoundBWForModel */
void ak_bbr_sample_taken(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    if (b->loss_round_start) {
        b->bw_latest = v->rs->rate;
        b->inflight_latest = v->rs->delivered_bytes;
    }
    b->bw = ak_min_u64(ak_bbr_max_bw(b), b->bw_shortterm);
}

/* s5.5.9: what came beyond what the bandwidth lets expect.  The filter is the larger of two periods, of one round each
 * in Startup and of five later. */
void ak_bbr_take_aggregation(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    uint64_t now_us = v->core->now_us;
    uint64_t expected = ak_bbr_volume(b->bw, now_us - b->extra_at_us);
    if (b->extra_delivered <= expected) {
        b->extra_delivered = 0;
        b->extra_at_us = now_us;
        expected = 0;
    }
    b->extra_delivered = (uint32_t)ak_min_u64((uint64_t)b->extra_delivered + v->rs->newly_acked_bytes, UINT32_MAX);
    uint32_t extra = ak_min_u32((uint32_t)(b->extra_delivered - ak_min_u64(expected, b->extra_delivered)), v->x->cwnd);
    if (b->round_count - b->extra_round >= (b->full_bw_reached ? EXTRA_ROUNDS : 1)) {
        b->extra_round = b->round_count;
        b->extra[0] = b->extra[1];
        b->extra[1] = 0;
    }
    b->extra[1] = ak_max_u32(b->extra[1], extra);
}

/* s5.3.1.2 */
void ak_bbr_check_full(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    if (b->full_bw_now || !b->round_start || v->rs->app_limited) return;
    if (v->rs->rate >= b->full_bw + b->full_bw / 4) {
        ak_bbr_reset_full(b, v->rs->rate);
        return;
    }
    b->full_bw_count++;
    b->full_bw_now = b->full_bw_count >= FULL_BW_ROUNDS;
    if (b->full_bw_now) b->full_bw_reached = true;
}

bool ak_bbr_too_high(const struct ak_bbr_turn *v, const struct ak_rate_sample *rs) {
    if ((v->t->flags & AK_F_SACK) == 0) return rs->lost_bytes > 0;
    return (uint64_t)rs->lost_bytes * 100 > (uint64_t)rs->in_flight_bytes * LOSS_PERCENT;
}

uint32_t ak_bbr_inflight_at_loss(const struct ak_rate_sample *lost) {
    uint32_t size = lost->newly_acked_bytes;
    uint32_t before = lost->in_flight_bytes > size ? lost->in_flight_bytes - size : 0;
    uint32_t lost_before = lost->lost_bytes > size ? lost->lost_bytes - size : 0;
    int64_t over = (int64_t)before * LOSS_PERCENT - (int64_t)lost_before * 100;
    int64_t at = before + over / (100 - LOSS_PERCENT);
    return at > 0 ? (uint32_t)at : 0;
}

/* s5.5.11 */
void ak_bbr_save(struct ak_bbr *b) {
    b->undo.mode = AKSU_CC_NONE;
    b->undo.bw_shortterm = b->bw_shortterm;
    b->undo.inflight_shortterm = b->inflight_shortterm;
    b->undo.inflight_longterm = b->inflight_longterm;
}

void ak_bbr_restore(struct ak_bbr *b) {
    b->bw_shortterm = ak_max_u64(b->bw_shortterm, b->undo.bw_shortterm);
    b->inflight_shortterm = ak_max_u32(b->inflight_shortterm, b->undo.inflight_shortterm);
    b->inflight_longterm = ak_max_u32(b->inflight_longterm, b->undo.inflight_longterm);
}
