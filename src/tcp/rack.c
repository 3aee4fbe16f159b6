/* RACK-TLP: RFC 8985.  A transmission is lost if one that was sent later has been delivered, and a reordering window
 * has passed since. A tail loss probe makes the peer say what it has when nothing more would make it speak.
 *
 * Used where the peer sends SACK; without it NewReno's duplicate ACKs decide (loss.c). */
#include "tcp/loss.h"

/* s6.2 step 2; both sent at one instant: the later bytes went later. */
static bool sent_after(uint64_t sent_us, ak_seq end, uint64_t other_us, ak_seq other_end) {
    return sent_us > other_us || (sent_us == other_us && ak_seq_gt(end, other_end));
}

void ak_rack_delivered(struct ak_core *core, struct ak_tcb *t, const struct ak_record *r, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    ak_seq end = ak_seq_add(r->seq, r->bytes);
    uint64_t rtt_us = ak_tcp_trip_us(seg, r->sent_us);
    if (r->flags & AK_RECORD_RETRANSMITTED) {
        /* Which transmission was it?  Not the last one, if the echo is older than it, or the trip were shorter than
         * any. */
        uint32_t sent_ts = (uint32_t)(r->sent_us / 1000) + t->ts_offset;
        bool older = (t->flags & AK_F_TIMESTAMPS) && (int32_t)(seg->options.ts_ecr - sent_ts) < 0;
        if (older || rtt_us < t->min_rtt_us) return;
    } else if (x->rack.any && ak_seq_lt(end, x->rack.fack)) {
        x->rack.reordering = true; /* s6.2 step 3: sent once, and delivered after what was sent later */
    }
    if (!x->rack.any || ak_seq_gt(end, x->rack.fack)) x->rack.fack = end;
    if (x->rack.any && !sent_after(r->sent_us, end, x->rack.sent_us, x->rack.end)) return;
    x->rack.any = true;
    x->rack.sent_us = r->sent_us;
    x->rack.end = end;
    x->rack.rtt_us = (uint32_t)ak_min_u64(rtt_us, UINT32_MAX);
}

/* s6.2: "a windowed min-filtered estimate": a round trip that was not seen for two periods, or before an idle time of
 * one, is forgotten. */
enum { LEAST_PERIOD_US = 150000000 };

void ak_rack_begin(struct ak_transfer *x, uint64_t idle_us) {
    x->rack.least_us = UINT32_MAX;
    x->rack.least_end_us = idle_us > LEAST_PERIOD_US ? 1 : 0;
}

void ak_rack_measured(const struct ak_core *core, struct ak_tcb *t, struct ak_transfer *x, uint32_t rtt_us) {
    x->rack.least_us = ak_min_u32(x->rack.least_us, rtt_us);
    if (core->now_us < x->rack.least_end_us) return;
    if (x->rack.least_end_us != 0) t->min_rtt_us = x->rack.least_us;
    x->rack.least_us = rtt_us;
    x->rack.least_end_us = core->now_us + LEAST_PERIOD_US;
}

/* s6.2 step 4: RACK.reo_wnd. */
static uint64_t reordering_window_us(const struct ak_tcb *t, const struct ak_transfer *x, uint32_t mss) {
    enum { DUPLICATE_SEGMENTS = 3 };
    if (!x->rack.reordering && (x->in_recovery != AK_RECOVERY_NONE || x->sacked_bytes >= DUPLICATE_SEGMENTS * mss))
        return 0;
    return ak_min_u64((uint64_t)t->min_rtt_us * (1u + x->rack.window_extra) / 4, t->srtt_us);
}

/* s6.2 step 4: segments that came twice were judged lost too early.  The window widens once a round trip that says so,
 * and comes back after 16 recoveries without. */
void ak_rack_duplicate(struct ak_core *core, struct ak_tcb *t) {
    enum { PERSIST_RECOVERIES = 16 };
    struct ak_transfer *x = ak_transfer_of(core, t);
    /* Beyond SND.NXT: it was so long ago that the numbers have come round. */
    bool told = ak_seq_lt(t->snd.una, x->rack.dsack_round) && ak_seq_le(x->rack.dsack_round, t->snd.nxt);
    if (x->rack.dsack_seen && told) return;
    x->rack.dsack_seen = true;
    x->rack.dsack_round = t->snd.nxt;
    if (x->rack.window_extra < UINT8_MAX) x->rack.window_extra++;
    x->rack.window_persist = PERSIST_RECOVERIES;
}

void ak_rack_recovery_ended(struct ak_transfer *x) {
    x->rack.dsack_seen = false; /* its round is over: nothing of it lies beyond the recovery */
    if (x->rack.window_persist == 0) return;
    x->rack.window_persist--;
    if (x->rack.window_persist == 0) x->rack.window_extra = 0;
}

/* s6.2 step 5: marks what is lost, and sets the timer for what may be next.  Those in flight lie in the order of their
 * transmission, so the first that is not lost ends the search: each step but the last takes a record off the list.
 * Answers when the latest of them was sent, but for those that mean congestion only when this recovery ends. */
static void mark_until(struct ak_core *core, struct ak_tcb *t, aksu_loss_cause cause, uint64_t *ret_latest_us) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint64_t wait_us = x->rack.rtt_us + reordering_window_us(t, x, ak_tcp_effective_mss(core, t, 0));
    uint64_t next_us = AK_NEVER;
    while (x->sent.head != AK_NONE) {
        const struct ak_record *r = ak_record_at(core, x->sent.head);
        core->counters.loss_steps++;
        if (cause == AKSU_LOSS_BY_RACK &&
            !sent_after(x->rack.sent_us, x->rack.end, r->sent_us, ak_seq_add(r->seq, r->bytes)))
            break;
        if (r->sent_us + wait_us > core->now_us) {
            next_us = r->sent_us + wait_us;
            break;
        }
        bool beyond = x->in_recovery == AK_RECOVERY_FAST && ak_seq_ge(r->seq, x->recovery_end);
        if (x->rate != AK_NONE || !beyond)
            *ret_latest_us = r->sent_us;
        else
            x->lost_beyond_bytes += r->bytes;
        ak_record_mark_lost(core, t, x->sent.head, cause);
    }
    if (cause != AKSU_LOSS_BY_RACK) return;
    if (next_us != AK_NEVER)
        ak_tcp_timer_set(core, t, AKSU_TIMER_REORDERING, next_us);
    else
        ak_tcp_timer_cancel(core, t, AKSU_TIMER_REORDERING);
}

void ak_rack_detect(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (!x->rack.any || (x->sacked_bytes == 0 && x->in_recovery == AK_RECOVERY_NONE)) return;
    uint32_t lost_before = x->lost_bytes, excused_before = x->mtu.excused_bytes;
    uint32_t beyond_before = x->lost_beyond_bytes;
    uint64_t latest_us = 0;
    mark_until(core, t, AKSU_LOSS_BY_RACK, &latest_us);
    if (x->lost_bytes == lost_before) return;
    if (x->lost_bytes - lost_before == x->mtu.excused_bytes - excused_before) { /* a probe of the path MTU, only */
        x->lost_beyond_bytes = beyond_before;
        ak_tcp_want_output(core, t);
        return;
    }
    if (x->in_recovery == AK_RECOVERY_FAST && latest_us >= x->reduced_us)
        ak_tcp_recovery_again(core, t);
    else
        ak_tcp_recovery_enter(core, t);
    ak_tcp_want_output(core, t);
}

/* The reordering timer: no ACK is in hand. */
void ak_rack_fire(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_recovery_mark before = {.una = t->snd.una, .lost_bytes = x->lost_bytes};
    x->delivered_before = x->delivered_bytes;
    ak_rack_detect(core, t);
    ak_tcp_recovery_step(core, t, &before);
}

/* s6.3: everything whose time is over, whether or not something later has been delivered. */
void ak_rack_timeout(struct ak_core *core, struct ak_tcb *t) {
    uint64_t latest_us;
    mark_until(core, t, AKSU_LOSS_BY_RTO, &latest_us);
}

/* s7.2: nothing else is known to be wrong; s7.3: no other probe is out, and a round trip was measured since the last.
 */
static bool probe_wanted(const struct ak_tcb *t, const struct ak_transfer *x) {
    return (t->flags & AK_F_SACK) && x->record_head != AK_NONE && x->in_recovery == AK_RECOVERY_NONE &&
           x->sacked_bytes == 0 && !x->tlp.out && !x->tlp.unmeasured && t->srtt_us != 0 && t->snd.wnd > 0 &&
           t->rto_due_us != AK_NEVER && t->state >= AK_TCP_ESTABLISHED;
}

/* s7.2: after new data or an acknowledgment. */
void ak_tlp_schedule(struct ak_core *core, struct ak_tcb *t) {
    if (!probe_wanted(t, ak_transfer_of(core, t))) {
        ak_tcp_timer_cancel(core, t, AKSU_TIMER_TAIL_LOSS_PROBE);
        ak_flags_clear(t, AK_F_TAIL_PROBE_DUE); /* one that could not go, its frame being lent */
        return;
    }
    uint64_t wait_us = 2ull * t->srtt_us;
    enum { WORST_ACK_DELAY_US = 200000, LEAST_US = 2000 };
    bool single = ak_seq_bytes(t->snd.una, t->snd.nxt) <= ak_tcp_effective_mss(core, t, 0);
    wait_us = single ? wait_us + WORST_ACK_DELAY_US : ak_max_u64(wait_us, LEAST_US);
    uint64_t due_us = core->now_us + wait_us;
    if (due_us >= t->rto_due_us) /* "PTO = TCP_RTO_expiration() - Now()": that timer asks ak_tlp_instead */
        ak_tcp_timer_cancel(core, t, AKSU_TIMER_TAIL_LOSS_PROBE);
    else
        ak_tcp_timer_set(core, t, AKSU_TIMER_TAIL_LOSS_PROBE, due_us);
}

/* s7.3: whether or not a probe can go, the retransmission timer begins anew. */
void ak_tlp_fire(struct ak_core *core, struct ak_tcb *t) {
    t->flags |= AK_F_TAIL_PROBE_DUE;
    ak_tcp_rto_restart(core, t);
    ak_tcp_want_output(core, t);
}

/* s7.2: the retransmission timer came first: a probe goes in its place. */
bool ak_tlp_instead(struct ak_core *core, struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL || (t->flags & AK_F_TAIL_PROBE_DUE) || !probe_wanted(t, x)) return false;
    ak_tlp_fire(core, t);
    return true;
}

/* s7.3, the probe has gone: the retransmission timer counts from it. */
void ak_tlp_sent(struct ak_core *core, struct ak_tcb *t, bool retransmission) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    ak_flags_clear(t, AK_F_TAIL_PROBE_DUE);
    x->tlp.out = true;
    x->tlp.unmeasured = true;
    x->tlp.retransmission = retransmission;
    x->tlp.end = t->snd.nxt;
    ak_tcp_rto_restart(core, t);
}

/* s7.4: a probe that repaired a loss without anyone noticing still means congestion.  An acknowledgment of just what
 * was in flight may be the original's: only what comes after it tells, a report that the probe came twice, or progress.
 */
void ak_tlp_acked(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg, ak_seq old_una) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (!x->tlp.out || ak_seq_lt(seg->ack, x->tlp.end)) return;
    bool beyond = ak_seq_gt(seg->ack, x->tlp.end);
    bool twice = ak_tcp_sack_duplicate(seg) || (ak_seq_eq(seg->ack, old_una) && ak_seg_bytes(seg) == 0 &&
                                                (seg->options.present & AKSU_OPT_SACK) == 0);
    if (x->tlp.retransmission && !beyond && !twice) return;
    x->tlp.out = false;
    if (!x->tlp.retransmission || twice || x->in_recovery != AK_RECOVERY_NONE) return;
    ak_cc_congestion(core, t, AK_CC_LOSS, x->cwnd);
    ak_ecn_reduced(core, t);
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_RECOVERY_ENTER);
}
