/* What of the flight is lost: RFC 5681 s3.2, RFC 6582 (NewReno), RFC 3042 (limited transmit), RFC 6298 (timeouts).
 * Where the peer sends SACK, sack.c and rack.c decide instead of duplicate ACKs.
 *
 * Detection marks records (flight.c) lost; output sends lost ones again, oldest first; congestion control only says how
 * much may be in flight.
 *
 * The flight is counted as what is on its way: sent, less lost, less one segment for each duplicate ACK, since each
 * says that a segment has left the network.  That is RFC 6582's window inflation from the other side, and gives RFC
 * 3042 for nothing. */
#include "tcp/rate.h"

#define DUPLICATE_ACKS 3u /* RFC 5681 s3.2 */

static uint32_t sent_bytes(const struct ak_tcb *t) {
    return ak_seq_bytes(t->snd.una, t->snd.nxt);
}

/* RFC 5681 s2, but for what recovery let go beyond the window while SND.UNA stood still; in recovery cwnd itself is for
 * the moment only, and ssthresh is the window.  Of ACKs that come in one batch none but the last lets anything go; the
 * flight is what it was before them. */
static uint32_t flight_size(const struct ak_tcb *t, const struct ak_transfer *x) {
    uint32_t window = x->in_recovery == AK_RECOVERY_NONE ? x->cwnd : ak_max_u32(x->cwnd, x->ssthresh);
    return ak_min_u32(ak_max_u32(sent_bytes(t), x->pushed_out_bytes), window);
}

/* The first segment of the flight is lost: RFC 6582 s3.2 steps 2 and 5. */
static void first_segment_lost(struct ak_core *core, struct ak_tcb *t, aksu_loss_cause cause) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->record_head == AK_NONE) return;
    struct ak_record *r = ak_record_at(core, x->record_head);
    (void)ak_record_split(core, x, x->record_head, ak_min_u32(r->segment_bytes, r->bytes));
    ak_record_mark_lost(core, t, x->record_head, cause);
    ak_tcp_want_output(core, t);
}

/* ---------------------------------------------------------------- acknowledgment */

/* What an acknowledgment says about the round trip. */
struct trip {
    uint64_t sent_us;   /* when the newest of the acknowledged records was sent */
    bool retransmitted; /* one of them was sent more than once */
    bool any;
};

/* The first bytes of the oldest record.  A record begins where a segment does (sack.c counts whole ones), but for what
 * is left of one segment. */
static void acked_in_part(struct ak_core *core, struct ak_transfer *x, uint32_t bytes) {
    const struct ak_record *r = ak_record_at(core, x->record_head);
    uint32_t over = (r->flags & AK_RECORD_SACKED) ? 0 : bytes % r->segment_bytes;
    if (over > 0) (void)ak_record_split(core, x, x->record_head, bytes - over + r->segment_bytes);
    ak_record_cut_front(core, x, x->record_head, bytes);
}

/* Takes acknowledged records off.  What was selectively acknowledged came before, and says nothing now. */
static struct trip records_acked(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    ak_seq ack = seg->ack;
    struct trip trip = {.any = false};
    while (x->record_head != AK_NONE) {
        struct ak_record *r = ak_record_at(core, x->record_head);
        if (ak_seq_ge(r->seq, ack)) break;
        if (r->flags & AK_RECORD_RETRANSMITTED) trip.retransmitted = true;
        uint32_t bytes = ak_min_u32(r->bytes, ak_seq_bytes(r->seq, ack));
        if ((r->flags & AK_RECORD_SACKED) == 0) {
            trip.any = true;
            trip.sent_us = ak_max_u64(trip.sent_us, r->sent_us);
            if (t->flags & AK_F_SACK) ak_rack_delivered(core, t, r, seg);
            x->delivered_bytes += bytes;
            if (x->rate != AK_NONE) ak_rate_delivered(core, t, r, bytes, seg);
            ak_mtu_arrived(t, x, r, bytes);
        }
        if (bytes < r->bytes) {
            acked_in_part(core, x, bytes);
            break;
        }
        ak_record_remove(core, x, x->record_head);
    }
    return trip;
}

/* MUST-18, Karn: nothing from what was sent twice, nor from what had come long before a retransmission filled the gap
 * below it, unless the peer's echo of our timestamp tells which transmission it answers (RFC 7323 s4).  A sample also
 * ends the timer's back-off (RFC 6298 s5.7).  Answers the sample, 0: none. */
static uint32_t sample_trip(struct ak_core *core, struct ak_tcb *t, const struct trip *trip, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint64_t sample_us = 0;
    if (!trip->any) return 0;
    if (!trip->retransmitted) {
        sample_us = ak_max_u64(1, ak_tcp_trip_us(seg, trip->sent_us));
    } else if ((t->flags & AK_F_TIMESTAMPS) && seg->options.ts_ecr != 0) {
        uint32_t ticks = ak_tcp_timestamp(core, t->ts_offset) - seg->options.ts_ecr;
        if (ticks > 0x00ffffff) return 0; /* not an echo of ours */
        sample_us = (uint64_t)ticks * 1000;
    } else {
        return 0;
    }
    if (sample_us > 0) {
        ak_tcp_rtt_sample(core, t, sample_us);
        ak_rack_measured(core, t, x, (uint32_t)ak_min_u64(sample_us, UINT32_MAX));
    }
    x->tlp.unmeasured = false;
    x->rto_backoff = 0;
    return (uint32_t)ak_min_u64(sample_us, UINT32_MAX);
}

/* RFC 9937 s6.2: "cwnd = ssthresh", which the flight has come close to. */
static void leave_recovery(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->rate != AK_NONE)
        ak_cc_of(core, t)->model->recovered(core, t, AK_CC_REPAIRED);
    else if (x->in_recovery == AK_RECOVERY_FAST)
        x->cwnd = x->ssthresh;
    x->in_recovery = AK_RECOVERY_NONE;
    x->sack_trips.count = 0;
    ak_rack_recovery_ended(x);
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_RECOVERY_EXIT);
}

/* RFC 7661 s4.1, RFC 9438 s5.8: was it the window that held sending back while what is acknowledged was in flight?  In
 * slow start half a window is enough, for it is twice what the last round trip carried. */
static bool window_was_used(const struct ak_transfer *x, ak_seq una, uint32_t in_flight) {
    return ak_seq_lt(una, x->limited_end) || (x->cwnd < x->ssthresh && in_flight >= x->cwnd / 2);
}

static void add_sack_trips(struct ak_transfer *x, struct ak_cc_ack *ack) {
    ack->sample_count = x->sack_trips.count + (ack->rtt_us != 0 ? 1 : 0);
    if (x->sack_trips.count > 0 && (ack->rtt_us == 0 || ack->rtt_us > x->sack_trips.least_us))
        ack->rtt_us = x->sack_trips.least_us;
    x->sack_trips.count = 0;
}

/* Congestion control hears of the acknowledgment: RFC 5681 s3.1. */
static void grow_window(struct ak_core *core, struct ak_tcb *t, struct ak_cc_ack *ack, ak_seq old_una) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t before = x->cwnd;
    add_sack_trips(x, ack);
    ack->srtt_us = t->srtt_us;
    ack->una = t->snd.una;
    ack->nxt = t->snd.nxt;
    ack->limited = window_was_used(x, old_una, ack->in_flight_bytes);
    ack->paced = ak_settings_of(core, &t->sock)->pacing != 0;
    ack->now_us = core->now_us;
    x->limited_end = ak_seq_max(x->limited_end, t->snd.una); /* all keep pace: far behind would seem ahead */
    x->recovery_end = ak_seq_max(x->recovery_end, t->snd.una);
    x->small_end = ak_seq_max(x->small_end, old_una); /* whether any was acknowledged now, is still to be seen */
    if (x->rate == AK_NONE) ak_cc_of(core, t)->on_ack(x, ack);
    if (x->cwnd != before && ak_tracing(core))
        ak_tcp_trace_cwnd(core, t, x->cwnd <= x->ssthresh ? AKSU_CWND_SLOW_START : AKSU_CWND_AVOIDANCE);
}

/* Without SACK, what duplicate ACKs have told of was counted by them, but for the segment that was lost: answers how
 * many bytes of this acknowledgment. */
static uint32_t duplicates_settled(struct ak_transfer *x, uint32_t acked, uint32_t mss) {
    uint32_t settled = x->duplicate_acks;
    if (x->in_recovery == AK_RECOVERY_FAST) {
        uint32_t segments = acked / mss;
        settled = ak_min_u32(x->duplicate_acks, segments > 0 ? segments - 1 : 0);
    }
    x->duplicate_acks -= settled;
    return ak_min_u32(settled * mss, acked);
}

/* RFC 5681 s4.3: "Loss in two successive windows of data [...] should be taken as two indications of congestion".  What
 * was sent in the recovery that ends was lost too, and its repair is under way: RFC 6675 s5 lets a recovery last to its
 * RecoveryPoint, so the next begins here, and what is in flight by now belongs to it. */
static void successive_recovery(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t beyond = x->lost_beyond_bytes;
    ak_seq from = x->recovery_end;
    ak_tcp_recovery_enter(core, t);
    x->undo.una = from;
    /* D-SACK may still tell that all of that came twice; what is marked and has not gone again counts when it goes. */
    x->undo.retransmitted = beyond > x->lost_bytes;
    x->undo.undecided = false;
    x->undo.again_bytes = beyond > x->lost_bytes ? beyond - x->lost_bytes : 0;
}

void ak_tcp_flight_acked(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    ak_seq una = t->snd.una;
    struct ak_cc_ack ack = {
        .in_flight_bytes = ak_tcp_in_flight(x, t, mss),
        .mss_bytes = mss,
        .acked_bytes = ak_seq_bytes(una, seg->ack),
    };
    struct ak_undo_ack undo = {.seg = seg};
    if (x->record_head != AK_NONE) {
        const struct ak_record *first = ak_record_at(core, x->record_head);
        undo.first_sent_us = first->first_sent_us;
        undo.retransmitted = (first->flags & AK_RECORD_RETRANSMITTED) != 0;
    }
    struct trip trip = records_acked(core, t, seg);
    t->snd.una = seg->ack;
    enum ak_undone undone = ak_undo_on_ack(core, t, &undo);
    if (undone == AK_UNDONE_TIMEOUT) ak_tcp_rtt_forget(t);
    ack.rtt_us = sample_trip(core, t, &trip, seg);
    x->delivered_bytes -= duplicates_settled(x, ack.acked_bytes, mss);
    if (x->in_recovery != AK_RECOVERY_NONE && ak_seq_ge(seg->ack, x->recovery_end)) {
        x->duplicate_acks = 0;
        leave_recovery(core, t);
        if (x->lost_beyond_bytes > 0) {
            successive_recovery(core, t);
            return;
        }
        /* It covers what had come long before: only what has come now is a measure of growth. */
        ack.acked_bytes = t->flags & AK_F_SACK ? ak_min_u32(ack.acked_bytes, ak_tcp_newly_delivered(x)) : 0;
    } else if (x->in_recovery == AK_RECOVERY_FAST) {
        x->partial_acks++;
        /* With SACK, RACK tells what else is lost. */
        if ((t->flags & AK_F_SACK) == 0) first_segment_lost(core, t, AKSU_LOSS_BY_PARTIAL_ACK);
        return;
    }
    uint32_t acked_bytes = ack.acked_bytes;
    if (ak_ecn_echoed(core, t, seg)) ack.acked_bytes = 0;
    grow_window(core, t, &ack, una);
    if (x->rate == AK_NONE) ak_cwv_acked(core, t, acked_bytes);
}

void ak_tcp_recovery_enter(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->in_recovery != AK_RECOVERY_NONE) return;
    ak_undo_keep(core, t, flight_size(t, x));
    x->in_recovery = AK_RECOVERY_FAST;
    x->recovery_end = t->snd.nxt;
    x->partial_acks = 0;
    x->lost_beyond_bytes = 0;
    x->reduced_us = core->now_us;
    ak_cc_congestion(core, t, AK_CC_LOSS, x->undo.flight_bytes);
    /* RFC 9937 s6.2: RecoverFS is what was in flight, without what had been delivered before this very ACK. */
    ak_ecn_reduced(core, t);
    ak_prr_begin(x, sent_bytes(t) - x->sacked_bytes + ak_tcp_newly_delivered(x));
    core->counters.fast_retransmits++;
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_RECOVERY_ENTER);
}

/* The same for "the loss of a retransmission", which was sent after the window had been reduced: at once. */
void ak_tcp_recovery_again(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t flight = flight_size(t, x);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    x->undo.kept = false; /* the first reduction at least was right */
    if (x->rate == AK_NONE) x->cwnd = flight;
    ak_cc_congestion(core, t, AK_CC_LOSS, flight);
    x->recovery_end = t->snd.nxt;
    x->lost_beyond_bytes = 0;
    x->reduced_us = core->now_us;
    ak_ecn_reduced(core, t);
    ak_prr_begin(x, ak_tcp_in_flight(x, t, mss) + x->lost_bytes + ak_tcp_newly_delivered(x));
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_RECOVERY_ENTER);
}

void ak_tcp_recovery_step(struct ak_core *core, struct ak_tcb *t, const struct ak_recovery_mark *before) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    if (x->rate != AK_NONE) {
        ak_rate_acked(core, t, before->una);
        return;
    }
    if (x->in_recovery != AK_RECOVERY_FAST) return;
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    uint32_t cwnd = x->cwnd;
    struct ak_prr_ack ack = {
        .delivered_bytes = ak_tcp_newly_delivered(x),
        .in_flight_bytes = ak_tcp_in_flight(x, t, mss),
        .mss_bytes = mss,
        .safe = ak_seq_gt(t->snd.una, before->una) && x->lost_bytes <= before->lost_bytes,
    };
    ak_prr_on_ack(x, &ack);
    if (x->cwnd != cwnd) ak_tcp_trace_cwnd(core, t, AKSU_CWND_RECOVERY);
}

void ak_tcp_duplicate_ack(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    /* A duplicate ACK tells of one segment; more of them than there are segments in flight tell nothing (RFC 5681 s4.3,
     * Savage 1999). */
    if ((uint64_t)(x->duplicate_acks + 1) * mss > (uint64_t)sent_bytes(t) + mss) return;
    ak_undo_duplicate_ack(x);
    ak_tcp_want_output(core, t);
    /* After a timeout they may tell of what was sent again without need, and let nothing go (RFC 6582 s4.1). */
    if (x->in_recovery == AK_RECOVERY_RTO) return;
    /* RFC 6582 s3.2 step 2: not again for a window that has been through a loss; RFC 3042 lets two segments go. */
    bool barred = x->in_recovery == AK_RECOVERY_NONE && ak_seq_lt(t->snd.una, x->recovery_end);
    if (barred && x->duplicate_acks + 1 >= DUPLICATE_ACKS) return;
    x->duplicate_acks++;
    x->delivered_bytes += mss;
    if (x->in_recovery != AK_RECOVERY_NONE || x->duplicate_acks < DUPLICATE_ACKS) return;
    if (ak_plpmtud_is_probe(x, t->snd.una))
        x->recovery_end = t->snd.nxt; /* no congestion: RFC 4821 s7.6.1; as after a loss, but for the window */
    else
        ak_tcp_recovery_enter(core, t);
    first_segment_lost(core, t, AKSU_LOSS_BY_DUPLICATE_ACKS);
}

/* ---------------------------------------------------------------- timeout */

/* RFC 5681 s3.1, RFC 6582 s4: everything in flight is to be sent again, in slow start.  With SACK only what could have
 * been acknowledged by now: RFC 8985 s6.3. */
void ak_tcp_rto_losses(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    ak_plpmtud_timeout(core, t);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    /* RFC 5682 s2.1 step 1: not while a recovery is under way.  Where there are timestamps, Eifel tells more surely. */
    bool fresh = x->in_recovery == AK_RECOVERY_NONE && x->rto_backoff == 0 && (t->flags & AK_F_TIMESTAMPS) == 0;
    if (x->rto_backoff == 0) {
        ak_undo_keep(core, t, flight_size(t, x));
        x->undo.timeout = true;
        ak_cc_congestion(core, t, AK_CC_TIMEOUT, flight_size(t, x));
    }
    ak_ecn_reduced(core, t);
    x->frto = fresh ? AK_FRTO_FIRST : AK_FRTO_OFF;
    x->cwnd = mss; /* s3.1: the loss window; ssthresh is held while the same segment times out again */
    x->duplicate_acks = 0;
    x->tlp.out = false;
    ak_flags_clear(t, AK_F_TAIL_PROBE_DUE);
    x->in_recovery = AK_RECOVERY_RTO;
    x->recovery_end = t->snd.nxt;
    x->lost_beyond_bytes = 0;
    /* RFC 2018 s8: the oldest byte was selectively acknowledged and not since: the peer has taken that back. */
    if (ak_record_at(core, x->record_head)->flags & AK_RECORD_SACKED) ak_record_forget_sack(core, x);
    if (t->flags & AK_F_SACK) {
        first_segment_lost(core, t, AKSU_LOSS_BY_RTO);
        ak_rack_timeout(core, t);
    } else {
        ak_record_unmark_lost(core, x); /* so that the list is in order */
        for (uint32_t i = x->record_head; i != AK_NONE; i = ak_record_at(core, i)->next)
            ak_record_mark_lost(core, t, i, AKSU_LOSS_BY_RTO);
    }
    if (x->rate != AK_NONE) x->cwnd = ak_tcp_in_flight(x, t, mss) + mss; /* draft-ietf-ccwg-bbr s5.6.4.4 */
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_TIMEOUT);
}
