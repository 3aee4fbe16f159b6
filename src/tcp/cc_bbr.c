/* BBR version 3: draft-ietf-ccwg-bbr.  A model of the path, its rate and its round trip, instead of a window that grows
 * until something is lost.  This file holds the states and their control; bbr_model.c holds what ACKs and losses say
 * about the path.
 *
 * Startup doubles the rate each round until it stops growing, Drain empties the queue that this has made.  Then the
 * flow goes round: DOWN leaves room, CRUISE keeps to the model, REFILL fills the path, UP tries for more.  ProbeRTT
 * empties it now and then, so that the round trip is seen without a queue.
 *
 * Windows are in bytes and rates in bytes a second, gains in per cent.  Without a transfer only the bandwidth is kept.
 * ECN-Echo (RFC 3168) counts as a loss above the threshold. */
#include "tcp/bbr_model.h"

#include "base/check.h"

enum {
    PACING_MARGIN_PERCENT = 1,
    PROBE_RTT_US = 200000,
    PROBE_RTT_INTERVAL_US = 5000000,
    MIN_RTT_FILTER_US = 10000000,
    STARTUP_LOST_RANGES = 6,
    DRAIN_ROUNDS = 3,
    RENO_ROUNDS = 63,
    QUANTUM_US = 1000,
    QUANTUM_MOST = 65536,
    UP_ROUNDS_MOST = 30,
};

/* s5.6.1 */
struct gain {
    uint32_t pacing_percent, cwnd_percent;
};
static struct gain gain_of(const struct ak_bbr *b) {
    switch ((aksu_cc_mode)b->mode) {
    case AKSU_CC_STARTUP: return (struct gain){277, 200};
    case AKSU_CC_DRAIN: return (struct gain){50, 200};
    case AKSU_CC_PROBE_DOWN: return (struct gain){90, 200};
    case AKSU_CC_PROBE_UP: return (struct gain){125, 225};
    case AKSU_CC_PROBE_RTT: return (struct gain){100, 50};
    case AKSU_CC_PROBE_CRUISE:
    case AKSU_CC_PROBE_REFILL:
    case AKSU_CC_NONE:
    case AKSU_CC_SLOW_START:
    case AKSU_CC_AVOIDANCE:
    case AKSU_CC_RECOVERY:
    case AKSU_CC_MODE_COUNT: break;
    }
    return (struct gain){100, 200};
}

static void enter(const struct ak_bbr_turn *v, aksu_cc_mode mode) {
    v->b->mode = (uint8_t)mode;
    ak_tcp_trace_mode(v->core, v->t);
}

static bool probes_bw(const struct ak_bbr *b) { /* IsInAProbeBWState */
    return b->mode >= AKSU_CC_PROBE_DOWN && b->mode <= AKSU_CC_PROBE_UP;
}

/* ---------------------------------------------------------------- s5.6.4, how much may be in flight */

static uint32_t least_cwnd(const struct ak_bbr_turn *v) { /* BBR.MinPipeCwnd */
    return 4 * v->mss;
}

/* QuantizationBudget, s5.6.4.2, with s5.5.8.1's offload_budget. */
static uint32_t quantized(const struct ak_bbr_turn *v, uint64_t bytes) {
    bytes = ak_max_u64(bytes, 3ull * v->c->quantum_bytes);
    bytes = ak_max_u64(bytes, least_cwnd(v));
    if (v->b->mode == AKSU_CC_PROBE_UP) bytes += 2ull * v->mss;
    return (uint32_t)ak_min_u64(bytes, UINT32_MAX / 2);
}

static uint32_t bdp_at(const struct ak_bbr_turn *v, uint64_t bw, uint32_t gain_percent) {
    if (v->b->min_rtt_us == UINT32_MAX) return ak_tcp_initial_window(v->core, v->t);
    return (uint32_t)ak_min_u64(ak_bbr_volume(bw, v->b->min_rtt_us) * gain_percent / 100, UINT32_MAX / 2);
}

uint32_t ak_bbr_bdp(const struct ak_bbr_turn *v) {
    return bdp_at(v, v->b->bw, 100);
}

static uint32_t with_headroom(const struct ak_bbr_turn *v) { /* InflightWithHeadroom: 15 % */
    uint32_t bytes = v->b->inflight_longterm;
    if (bytes == UINT32_MAX) return UINT32_MAX;
    uint32_t headroom = ak_max_u32(v->mss, (uint32_t)((uint64_t)bytes * 15 / 100));
    return ak_max_u32(bytes > headroom ? bytes - headroom : 0, least_cwnd(v));
}

static uint32_t probe_rtt_cwnd(const struct ak_bbr_turn *v) {
    return ak_max_u32(bdp_at(v, v->b->bw, 50), least_cwnd(v));
}

static void save_cwnd(const struct ak_bbr_turn *v) {
    bool last_known_good = v->x->in_recovery == AK_RECOVERY_NONE && v->b->mode != AKSU_CC_PROBE_RTT;
    v->b->prior_cwnd = last_known_good ? v->x->cwnd : ak_max_u32(v->b->prior_cwnd, v->x->cwnd);
}

static void restore_cwnd(const struct ak_bbr_turn *v) {
    v->x->cwnd = ak_max_u32(v->x->cwnd, v->b->prior_cwnd);
}

/* s5.6.4.7 */
static void bound_cwnd(const struct ak_bbr_turn *v) {
    const struct ak_bbr *b = v->b;
    uint32_t cap = UINT32_MAX;
    if (b->mode == AKSU_CC_PROBE_RTT || b->mode == AKSU_CC_PROBE_CRUISE)
        cap = with_headroom(v);
    else if (probes_bw(b))
        cap = b->inflight_longterm;
    cap = ak_max_u32(ak_min_u32(cap, b->inflight_shortterm), least_cwnd(v));
    v->x->cwnd = ak_min_u32(v->x->cwnd, cap);
}

/* s5.6.4.6 */
static void set_cwnd(const struct ak_bbr_turn *v) {
    struct ak_transfer *x = v->x;
    uint64_t most = (uint64_t)bdp_at(v, v->b->bw, gain_of(v->b).cwnd_percent) + ak_bbr_extra_acked(v->b);
    uint32_t max_inflight = quantized(v, most);
    uint32_t grown = (uint32_t)ak_min_u64((uint64_t)x->cwnd + v->rs->newly_acked_bytes, UINT32_MAX / 2);
    if (v->b->full_bw_reached)
        x->cwnd = ak_min_u32(grown, max_inflight);
    else if (x->cwnd < max_inflight || x->delivered_bytes < ak_tcp_initial_window(v->core, v->t))
        x->cwnd = grown;
    x->cwnd = ak_max_u32(x->cwnd, least_cwnd(v));
    if (v->b->mode == AKSU_CC_PROBE_RTT) x->cwnd = ak_min_u32(x->cwnd, probe_rtt_cwnd(v));
    bound_cwnd(v);
}

/* ---------------------------------------------------------------- s5.6.2, s5.6.3, how fast it goes */

static void pace_at(const struct ak_bbr_turn *v, uint32_t gain_percent) {
    struct ak_rate *c = v->c;
    uint64_t rate = v->b->bw * gain_percent / 100 * (100 - PACING_MARGIN_PERCENT) / 100;
    if (rate > 0 && (v->b->full_bw_reached || rate > c->pacing_rate)) c->pacing_rate = rate;
    uint64_t quantum = ak_min_u64(ak_bbr_volume(c->pacing_rate, QUANTUM_US), QUANTUM_MOST);
    c->quantum_bytes = ak_max_u32((uint32_t)quantum, 2 * v->mss);
}

/* From the initial window and the first round trip; 1 ms until that is known. */
static void pace_initially(const struct ak_bbr_turn *v) {
    uint32_t srtt_us = v->t->srtt_us;
    v->b->measured = srtt_us != 0;
    uint64_t nominal = (uint64_t)ak_tcp_initial_window(v->core, v->t) * 1000000 / (srtt_us != 0 ? srtt_us : 1000);
    v->c->pacing_rate = nominal * gain_of(v->b).pacing_percent / 100;
}

/* ---------------------------------------------------------------- s5.3.1, Startup and Drain */

static void enter_drain(const struct ak_bbr_turn *v) {
    v->b->drain_round = v->b->round_count;
    enter(v, AKSU_CC_DRAIN);
}

static void startup_ends_by_loss(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    b->undo.mode = AKSU_CC_STARTUP;
    b->full_bw_reached = true;
    b->inflight_longterm = ak_max_u32(ak_bbr_bdp(v), b->inflight_latest);
    enter_drain(v);
}

/* s5.3.1.3: a full round in fast recovery, more lost than the threshold, and in several places. */
static void check_startup_loss(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    if (!b->round_start) return;
    bool sack = (v->t->flags & AK_F_SACK) != 0;
    bool recovers = v->x->in_recovery == AK_RECOVERY_FAST;
    bool whole_round = recovers && b->round_count > b->recovery_round + 1;
    bool much = whole_round && b->lost_ranges >= STARTUP_LOST_RANGES && ak_bbr_too_high(v, v->rs);
    if (b->mode == AKSU_CC_STARTUP && (sack ? much : recovers && b->lost_ranges > 0)) startup_ends_by_loss(v);
    b->lost_ranges = 0;
}

/* ---------------------------------------------------------------- s5.3.3, ProbeBW */

static void start_down(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    ak_bbr_reset_signals(b);
    b->up_acked_per_inc = UINT32_MAX;
    b->rounds_since_probe = ak_prng_below(&v->core->prng, 2); /* PickProbeWait */
    b->wait_us = 2000000 + ak_prng_below(&v->core->prng, 1000001);
    b->cycle_at_us = v->core->now_us;
    b->acks = AK_BBR_ACKS_PROBE_STOPPING;
    ak_bbr_start_round(v);
    enter(v, AKSU_CC_PROBE_DOWN);
}

static void start_refill(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    ak_bbr_reset_shortterm(b);
    b->up_rounds = 0;
    b->up_acked = 0;
    b->probe_precautionary = false;
    b->acks = AK_BBR_ACKS_REFILLING;
    ak_bbr_start_round(v);
    enter(v, AKSU_CC_PROBE_REFILL);
}

static void raise_slope(const struct ak_bbr_turn *v) { /* RaiseInflightLongtermSlope */
    struct ak_bbr *b = v->b;
    uint32_t per = v->x->cwnd >> b->up_rounds;
    if (b->up_rounds < UP_ROUNDS_MOST) b->up_rounds++;
    b->up_acked_per_inc = ak_max_u32(per, v->mss);
}

static void start_up(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    b->acks = AK_BBR_ACKS_PROBE_STARTING;
    ak_bbr_start_round(v);
    ak_bbr_reset_full(b, v->rs->rate);
    enter(v, AKSU_CC_PROBE_UP);
    raise_slope(v);
}

static bool time_to_probe(const struct ak_bbr_turn *v) { /* s5.3.3.8 */
    const struct ak_bbr *b = v->b;
    uint32_t reno_rounds = ak_min_u32(ak_min_u32(ak_bbr_bdp(v), v->x->cwnd) / v->mss, RENO_ROUNDS);
    if (v->core->now_us <= b->cycle_at_us + b->wait_us && b->rounds_since_probe < reno_rounds) return false;
    start_refill(v);
    return true;
}

static bool time_to_go_down(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    if (b->probe_too_high && v->in_flight >= b->inflight_longterm) { /* s5.3.3.6 */
        b->probe_precautionary = true;
        return true;
    }
    if (v->limited && v->x->cwnd >= b->inflight_longterm) {
        ak_bbr_reset_full(b, v->rs->rate); /* it is inflight_longterm that limits, not the path */
        return false;
    }
    return b->full_bw_now;
}

/* ProbeInflightLongtermUpward */
static void raise_longterm(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    if (!v->limited || v->x->cwnd < b->inflight_longterm) return;
    b->up_acked += v->rs->newly_acked_bytes;
    if (b->up_acked >= b->up_acked_per_inc) {
        uint32_t delta = b->up_acked / b->up_acked_per_inc;
        b->up_acked -= delta * b->up_acked_per_inc;
        b->inflight_longterm = (uint32_t)ak_min_u64(b->inflight_longterm + (uint64_t)delta * v->mss, UINT32_MAX / 2);
    }
    if (b->round_start) raise_slope(v);
}

/* AdaptLongTermModel; true: the state has changed. */
static bool adapt_longterm(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    if (b->acks == AK_BBR_ACKS_PROBE_STARTING && b->round_start) b->acks = AK_BBR_ACKS_PROBE_FEEDBACK;
    if (b->acks == AK_BBR_ACKS_PROBE_STOPPING && b->round_start) {
        b->probe_sample = false;
        b->acks = AK_BBR_ACKS_INIT;
        if (probes_bw(b) && !v->rs->app_limited) ak_bbr_advance_filter(b);
        if (probes_bw(b) && b->probe_precautionary && !b->probe_too_high) {
            start_refill(v);
            return true;
        }
    }
    if (ak_bbr_too_high(v, v->rs) || b->inflight_longterm == UINT32_MAX) return false;
    b->inflight_longterm = ak_max_u32(b->inflight_longterm, v->rs->in_flight_bytes);
    if (b->mode == AKSU_CC_PROBE_UP) raise_longterm(v);
    return false;
}

static void update_cycle(const struct ak_bbr_turn *v) { /* UpdateProbeBWCyclePhase */
    struct ak_bbr *b = v->b;
    if (!b->full_bw_reached || adapt_longterm(v)) return;
    bool waits = b->mode == AKSU_CC_PROBE_DOWN || b->mode == AKSU_CC_PROBE_CRUISE;
    if (waits) {
        if (time_to_probe(v) || b->mode == AKSU_CC_PROBE_CRUISE) return;
        uint32_t bdp = quantized(v, bdp_at(v, ak_bbr_max_bw(b), 100));
        if (v->in_flight <= ak_min_u32(with_headroom(v), bdp)) enter(v, AKSU_CC_PROBE_CRUISE);
    } else if (b->mode == AKSU_CC_PROBE_REFILL) {
        if (!b->round_start) return;
        b->probe_sample = true;
        start_up(v);
    } else if (b->mode == AKSU_CC_PROBE_UP && time_to_go_down(v)) {
        b->probe_too_high = false;
        start_down(v);
    }
}

/* ---------------------------------------------------------------- s5.3.4, ProbeRTT */

static void update_min_rtt(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    uint64_t now_us = v->core->now_us;
    b->probe_rtt_expired = now_us > b->probe_rtt_min_at_us + PROBE_RTT_INTERVAL_US;
    if (v->rs->rtt_us != 0 && (v->rs->rtt_us < b->probe_rtt_min_us || b->probe_rtt_expired)) {
        b->probe_rtt_min_us = v->rs->rtt_us;
        b->probe_rtt_min_at_us = now_us;
    }
    if (b->probe_rtt_min_us >= b->min_rtt_us && now_us <= b->min_rtt_at_us + MIN_RTT_FILTER_US) return;
    b->min_rtt_us = b->probe_rtt_min_us;
    b->min_rtt_at_us = b->probe_rtt_min_at_us;
}

static void probe_rtt_ends(const struct ak_bbr_turn *v) { /* CheckProbeRTTDone */
    struct ak_bbr *b = v->b;
    if (b->probe_rtt_done_us == 0 || v->core->now_us <= b->probe_rtt_done_us) return;
    b->probe_rtt_min_at_us = v->core->now_us;
    restore_cwnd(v);
    ak_bbr_reset_shortterm(b);
    if (!b->full_bw_reached) {
        enter(v, AKSU_CC_STARTUP);
        return;
    }
    start_down(v);
    enter(v, AKSU_CC_PROBE_CRUISE);
}

static void check_probe_rtt(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    if (b->mode != AKSU_CC_PROBE_RTT && b->probe_rtt_expired && !b->idle_restart) {
        save_cwnd(v);
        b->probe_rtt_done_us = 0;
        b->acks = AK_BBR_ACKS_PROBE_STOPPING;
        ak_bbr_start_round(v);
        enter(v, AKSU_CC_PROBE_RTT);
    }
    if (b->mode == AKSU_CC_PROBE_RTT) {
        ak_rate_limit(v->core, v->t, v->in_flight); /* low rates say nothing now */
        if (b->probe_rtt_done_us == 0 && v->in_flight <= probe_rtt_cwnd(v)) {
            b->probe_rtt_done_us = v->core->now_us + PROBE_RTT_US;
            b->probe_rtt_round_done = false;
            ak_bbr_start_round(v);
        } else if (b->probe_rtt_done_us != 0) {
            if (b->round_start) b->probe_rtt_round_done = true;
            if (b->probe_rtt_round_done) probe_rtt_ends(v);
        }
    }
    if (v->rs->delivered_bytes > 0) b->idle_restart = false;
}

/* ---------------------------------------------------------------- what happens */

static struct ak_bbr_turn turn_of(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_rate *c = ak_rate_of(core, x);
    ak_check(c != NULL);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    return (struct ak_bbr_turn){
        .core = core,
        .t = t,
        .x = x,
        .c = c,
        .b = &c->bbr,
        .rs = &c->rs,
        .mss = mss,
        .in_flight = ak_tcp_in_flight(x, t, mss),
    };
}

/* s5.2.1; a bandwidth that is remembered takes the flow past Startup, s5.4. */
static void bbr_begin(struct ak_core *core, struct ak_tcb *t, uint64_t remembered) {
    struct ak_bbr_turn v = turn_of(core, t);
    struct ak_bbr *b = v.b;
    bool resumed = remembered > 0 && t->min_rtt_us != 0;
    b->min_rtt_us = t->min_rtt_us != 0 ? t->min_rtt_us : UINT32_MAX;
    b->probe_rtt_min_us = UINT32_MAX;
    b->min_rtt_at_us = b->probe_rtt_min_at_us = b->extra_at_us = b->cycle_at_us = core->now_us;
    b->inflight_longterm = UINT32_MAX;
    b->up_acked_per_inc = UINT32_MAX;
    ak_bbr_reset_shortterm(b);
    b->mode = AKSU_CC_STARTUP;
    pace_initially(&v);
    pace_at(&v, 100);
    if (!resumed) return;
    b->full_bw_reached = b->idle_restart = true;
    b->max_bw[1] = b->bw = remembered;
    start_down(&v);
    enter(&v, AKSU_CC_PROBE_CRUISE);
    pace_at(&v, 100);
}

static uint64_t bbr_end(struct ak_core *core, struct ak_tcb *t) {
    struct ak_bbr_turn v = turn_of(core, t);
    if (v.x->in_recovery != AK_RECOVERY_NONE || v.b->mode == AKSU_CC_PROBE_RTT) restore_cwnd(&v);
    return v.b->full_bw_reached ? ak_bbr_max_bw(v.b) : 0;
}

static void bbr_restart(struct ak_core *core, struct ak_tcb *t) { /* HandleRestartFromIdle */
    struct ak_bbr_turn v = turn_of(core, t);
    v.b->idle_restart = true;
    v.b->extra_at_us = core->now_us;
    if (probes_bw(v.b))
        pace_at(&v, 100);
    else if (v.b->mode == AKSU_CC_PROBE_RTT)
        probe_rtt_ends(&v);
}

static void bbr_acked(struct ak_core *core, struct ak_tcb *t, bool limited) { /* s5.2.3 */
    struct ak_bbr_turn v = turn_of(core, t);
    struct ak_bbr *b = v.b;
    v.limited = limited;
    if (!b->measured && t->srtt_us != 0) pace_initially(&v);
    ak_bbr_take_sample(&v);
    ak_bbr_take_aggregation(&v);
    ak_bbr_check_full(&v);
    check_startup_loss(&v);
    if (b->mode == AKSU_CC_STARTUP && b->full_bw_reached) enter_drain(&v);
    if (b->mode == AKSU_CC_DRAIN &&
        (v.in_flight <= quantized(&v, ak_bbr_bdp(&v)) || b->round_count > b->drain_round + DRAIN_ROUNDS))
        start_down(&v);
    update_cycle(&v);
    update_min_rtt(&v);
    check_probe_rtt(&v);
    ak_bbr_sample_taken(&v);
    pace_at(&v, gain_of(b).pacing_percent);
    set_cwnd(&v);
}

/* s5.5.10.2 */
static void inflight_too_high(const struct ak_bbr_turn *v, const struct ak_rate_sample *loss) {
    struct ak_bbr *b = v->b;
    b->probe_too_high = true;
    b->probe_sample = false;
    if (!loss->app_limited) {
        uint32_t target = ak_min_u32(ak_bbr_bdp(v), v->x->cwnd);
        b->inflight_longterm = ak_max_u32(loss->in_flight_bytes, ak_bbr_beta(target));
    }
    if (b->mode != AKSU_CC_PROBE_UP) return;
    b->undo.mode = AKSU_CC_PROBE_UP;
    start_down(v);
}

static void note_loss(const struct ak_bbr_turn *v) {
    struct ak_bbr *b = v->b;
    if (!b->loss_in_round) {
        b->loss_round_end = v->x->delivered_bytes;
        save_cwnd(v);
        ak_bbr_save(b);
    }
    b->loss_in_round = true;
}

static void bbr_lost(struct ak_core *core, struct ak_tcb *t, const struct ak_rate_sample *lost, bool new_range) {
    struct ak_bbr_turn v = turn_of(core, t);
    if (new_range) v.b->lost_ranges++;
    note_loss(&v);
    if (!v.b->probe_sample || !ak_bbr_too_high(&v, lost)) return;
    struct ak_rate_sample at = *lost;
    at.in_flight_bytes = ak_bbr_inflight_at_loss(lost);
    inflight_too_high(&v, &at);
}

static void bbr_event(struct ak_core *core, struct ak_tcb *t, enum ak_cc_event event) {
    struct ak_bbr_turn v = turn_of(core, t);
    struct ak_bbr *b = v.b;
    switch (event) {
    case AK_CC_LOSS:
        note_loss(&v);
        b->recovery_round = b->round_count;
        break;
    case AK_CC_TIMEOUT:
        save_cwnd(&v);
        ak_bbr_save(b);
        break;
    case AK_CC_MARK:
        note_loss(&v);
        if (b->mode == AKSU_CC_STARTUP) startup_ends_by_loss(&v);
        if (b->probe_sample) inflight_too_high(&v, &(struct ak_rate_sample){.in_flight_bytes = v.in_flight});
        break;
    }
}

/* s5.5.11, s5.6.4.4 */
static void bbr_recovered(struct ak_core *core, struct ak_tcb *t, enum ak_cc_recovery how) {
    struct ak_bbr_turn v = turn_of(core, t);
    struct ak_bbr *b = v.b;
    restore_cwnd(&v);
    if (how == AK_CC_REPAIRED) return;
    b->loss_in_round = false;
    ak_bbr_reset_full(b, 0);
    ak_bbr_restore(b);
    uint8_t was = b->undo.mode;
    b->undo.mode = AKSU_CC_NONE;
    if (was == AKSU_CC_STARTUP && b->mode != AKSU_CC_STARTUP) {
        b->full_bw_reached = false;
        if (b->mode != AKSU_CC_PROBE_RTT) enter(&v, AKSU_CC_STARTUP);
    } else if (was == AKSU_CC_PROBE_UP && b->mode != AKSU_CC_PROBE_UP && b->mode != AKSU_CC_PROBE_RTT) {
        start_refill(&v);
    }
}

static const struct ak_cc_model model = {
    .begin = bbr_begin,
    .end = bbr_end,
    .restart = bbr_restart,
    .acked = bbr_acked,
    .lost = bbr_lost,
    .event = bbr_event,
    .recovered = bbr_recovered,
};

const struct ak_cc_ops ak_cc_bbr = {.name = "bbr", .model = &model};
