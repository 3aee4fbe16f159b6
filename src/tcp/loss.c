/* What is in flight and what of it is lost: RFC 5681 s3.2, RFC 6582 (NewReno), RFC 3042 (limited transmit).  Where the
 * peer sends SACK, sack.c and rack.c decide instead of duplicate ACKs.
 *
 * Every transmission of data is a record, ordered by sequence number, that leaves when it is acknowledged.  Detection
 * marks records lost; output sends lost ones again, oldest first; congestion control only says how much may be in
 * flight.
 *
 * The flight is counted as what is on its way: sent, less lost, less one segment for each duplicate ACK, since each
 * says that a segment has left the network.  That is RFC 6582's window inflation from the other side, and gives RFC
 * 3042 for nothing. */
#include "tcp/loss.h"

#include "base/check.h"

#define DUPLICATE_ACKS 3u /* RFC 5681 s3.2 */

static uint32_t sent_bytes(const struct ak_tcb *t) {
    return ak_seq_bytes(t->snd.una, t->snd.nxt);
}

uint32_t ak_tcp_in_flight(const struct ak_transfer *x, const struct ak_tcb *t, uint32_t mss) {
    uint32_t sent = sent_bytes(t);
    uint64_t gone = (uint64_t)x->lost_bytes + x->sacked_bytes + (uint64_t)x->duplicate_acks * mss;
    return gone < sent ? sent - (uint32_t)gone : 0;
}

/* ---------------------------------------------------------------- the list of records */

static void record_unlink(struct ak_core *core, struct ak_transfer *x, uint32_t index) {
    struct ak_record *r = ak_record_at(core, index);
    if (r->prev == AK_NONE)
        x->record_head = r->next;
    else
        ak_record_at(core, r->prev)->next = r->next;
    if (r->next == AK_NONE)
        x->record_tail = r->prev;
    else
        ak_record_at(core, r->next)->prev = r->prev;
    if (r->flags & AK_RECORD_LOST) x->lost_bytes -= r->bytes;
    if (r->flags & AK_RECORD_SACKED) x->sacked_bytes -= r->bytes;
    x->record_count--;
    ak_pool_put(&core->pool[AK_KIND_RECORD], index);
}

void ak_tcp_flight_clear(struct ak_core *core, struct ak_transfer *x) {
    while (x->record_head != AK_NONE) record_unlink(core, x, x->record_head);
    x->duplicate_acks = 0;
}

void ak_tcp_flight_sent(struct ak_core *core, struct ak_tcb *t, ak_seq seq, uint32_t bytes, uint32_t segment_bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t index = ak_object_get(core, AK_KIND_RECORD);
    ak_check(index != AK_NONE);
    *ak_record_at(core, index) = (struct ak_record){
        .next = AK_NONE,
        .prev = x->record_tail,
        .seq = seq,
        .bytes = bytes,
        .sent_us = core->now_us,
        .first_sent_us = core->now_us,
        .segment_bytes = segment_bytes,
    };
    if (x->record_tail == AK_NONE)
        x->record_head = index;
    else
        ak_record_at(core, x->record_tail)->next = index;
    x->record_tail = index;
    x->record_count++;
}

bool ak_record_split(struct ak_core *core, struct ak_transfer *x, uint32_t index, uint32_t bytes) {
    struct ak_record *first = ak_record_at(core, index);
    if (bytes == 0 || bytes >= first->bytes) return true;
    uint32_t rest_index = ak_object_get(core, AK_KIND_RECORD);
    if (rest_index == AK_NONE) return false;
    struct ak_record *rest = ak_record_at(core, rest_index);
    *rest = *first;
    rest->seq = ak_seq_add(first->seq, bytes);
    rest->bytes = first->bytes - bytes;
    rest->prev = index;
    first->bytes = bytes;
    first->next = rest_index;
    if (rest->next == AK_NONE)
        x->record_tail = rest_index;
    else
        ak_record_at(core, rest->next)->prev = rest_index;
    x->record_count++;
    return true;
}

void ak_record_mark_lost(struct ak_core *core, struct ak_tcb *t, uint32_t index, aksu_loss_cause cause) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_record *r = ak_record_at(core, index);
    if (r->flags & (AK_RECORD_LOST | AK_RECORD_SACKED)) return;
    r->flags |= AK_RECORD_LOST;
    x->lost_bytes += r->bytes;
    ak_tcp_trace_loss(core, t, cause, r->seq, r->bytes);
}

uint32_t ak_tcp_flight_lost(const struct ak_core *core, const struct ak_transfer *x) {
    if (x->lost_bytes == 0) return AK_NONE;
    uint32_t index = x->record_head;
    while (index != AK_NONE && (ak_record_at(core, index)->flags & AK_RECORD_LOST) == 0)
        index = ak_record_at(core, index)->next;
    return index;
}

void ak_tcp_flight_retransmitted(struct ak_core *core, struct ak_tcb *t, uint32_t index, uint32_t bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    (void)ak_record_split(core, x, index, bytes); /* or all of it goes again: more than need be, nothing else */
    struct ak_record *r = ak_record_at(core, index);
    if (r->flags & AK_RECORD_LOST) x->lost_bytes -= r->bytes;
    r->flags = (r->flags & ~(uint32_t)AK_RECORD_LOST) | AK_RECORD_RETRANSMITTED;
    r->sent_us = core->now_us;
    x->retransmitted_segments++;
    core->counters.tcp_retransmitted++;
}

void ak_tcp_flight_probed(struct ak_core *core, struct ak_tcb *t, uint32_t bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    (void)ak_record_split(core, x, x->record_tail, ak_record_at(core, x->record_tail)->bytes - bytes);
    ak_tcp_flight_retransmitted(core, t, x->record_tail, bytes);
}

/* ---------------------------------------------------------------- acknowledgment */

/* The first segment of the flight is lost: RFC 6582 s3.2 steps 2 and 5. */
static void first_segment_lost(struct ak_core *core, struct ak_tcb *t, aksu_loss_cause cause) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->record_head == AK_NONE) return;
    struct ak_record *r = ak_record_at(core, x->record_head);
    (void)ak_record_split(core, x, x->record_head, ak_min_u32(r->segment_bytes, r->bytes));
    ak_record_mark_lost(core, t, x->record_head, cause);
    ak_tcp_want_output(core, t);
}

/* What an acknowledgment says about the round trip. */
struct trip {
    uint64_t sent_us;   /* when the newest of the acknowledged records was sent */
    bool retransmitted; /* one of them was sent more than once */
    bool any;
};

/* Takes acknowledged records off. */
static struct trip records_acked(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    ak_seq ack = seg->ack;
    struct trip trip = {.any = false};
    while (x->record_head != AK_NONE) {
        struct ak_record *r = ak_record_at(core, x->record_head);
        if (ak_seq_ge(r->seq, ack)) break;
        bool whole = ak_seq_le(ak_seq_add(r->seq, r->bytes), ack);
        trip.any = true;
        trip.sent_us = r->sent_us;
        if (r->flags & AK_RECORD_RETRANSMITTED) trip.retransmitted = true;
        if ((t->flags & AK_F_SACK) && (r->flags & AK_RECORD_SACKED) == 0) ak_rack_delivered(core, t, r, seg);
        if (!whole) {
            uint32_t bytes = ak_seq_bytes(r->seq, ack);
            if (r->flags & AK_RECORD_LOST) x->lost_bytes -= bytes;
            if (r->flags & AK_RECORD_SACKED) x->sacked_bytes -= bytes;
            r->seq = ack;
            r->bytes -= bytes;
            break;
        }
        record_unlink(core, x, x->record_head);
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
        sample_us = ak_max_u64(1, core->now_us - trip->sent_us);
    } else if ((t->flags & AK_F_TIMESTAMPS) && seg->options.ts_ecr != 0) {
        uint32_t ticks = ak_tcp_timestamp(core, t->ts_offset) - seg->options.ts_ecr;
        if (ticks > 0x00ffffff) return 0; /* not an echo of ours */
        sample_us = (uint64_t)ticks * 1000;
    } else {
        return 0;
    }
    if (sample_us > 0) ak_tcp_rtt_sample(core, t, sample_us);
    x->rto_backoff = 0;
    return (uint32_t)ak_min_u64(sample_us, UINT32_MAX);
}

static void leave_recovery(struct ak_core *core, struct ak_tcb *t, uint32_t mss) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    /* RFC 6582 s3.2 step 3: no burst at the end. */
    if (x->in_recovery == AK_RECOVERY_FAST)
        x->cwnd = ak_min_u32(x->ssthresh, ak_max_u32(ak_tcp_in_flight(x, t, mss), mss) + mss);
    x->in_recovery = AK_RECOVERY_NONE;
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_RECOVERY_EXIT);
}

/* RFC 7661 s4.1, RFC 9438 s5.8: was it the window that held sending back while what is acknowledged was in flight?  In
 * slow start half a window is enough, for it is twice what the last round trip carried. */
static bool window_was_used(const struct ak_transfer *x, ak_seq una, uint32_t in_flight) {
    return ak_seq_lt(una, x->limited_end) || (x->cwnd < x->ssthresh && in_flight >= x->cwnd / 2);
}

void ak_tcp_flight_acked(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    ak_seq ack = seg->ack;
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    uint32_t in_flight = ak_tcp_in_flight(x, t, mss);
    ak_seq una = t->snd.una;
    uint32_t acked = ak_seq_bytes(una, ack);
    struct trip trip = records_acked(core, t, seg);
    t->snd.una = ack;
    uint32_t rtt_us = sample_trip(core, t, &trip, seg);
    if (x->in_recovery == AK_RECOVERY_FAST) {
        uint32_t segments = acked / mss; /* each was counted once as a duplicate ACK, but for the one that was lost */
        uint32_t deflate = segments > 0 ? segments - 1 : 0;
        x->duplicate_acks -= ak_min_u32(x->duplicate_acks, deflate);
    } else {
        x->duplicate_acks = 0;
    }
    if (x->in_recovery != AK_RECOVERY_NONE && ak_seq_ge(ack, x->recovery_end)) {
        x->duplicate_acks = 0;
        leave_recovery(core, t, mss);
    } else if (x->in_recovery == AK_RECOVERY_FAST) {
        if (t->flags & AK_F_SACK) return; /* RACK tells what else is lost */
        first_segment_lost(core, t, AKSU_LOSS_BY_PARTIAL_ACK);
        return;
    }
    uint32_t before = x->cwnd;
    bool used = window_was_used(x, una, in_flight);
    x->limited_end = ak_seq_max(x->limited_end, ack); /* both keep pace: what lies far behind would seem ahead */
    x->recovery_end = ak_seq_max(x->recovery_end, ack);
    struct ak_cc_ack told = {
        .acked_bytes = acked,
        .in_flight_bytes = in_flight,
        .mss_bytes = mss,
        .rtt_us = rtt_us,
        .srtt_us = t->srtt_us,
        .una = ack,
        .nxt = t->snd.nxt,
        .limited = used,
        .now_us = core->now_us,
    };
    ak_cc_of(core, t)->on_ack(x, &told);
    if (x->cwnd != before && ak_tracing(core))
        ak_tcp_trace_cwnd(core, t, x->cwnd <= x->ssthresh ? AKSU_CWND_SLOW_START : AKSU_CWND_AVOIDANCE);
}

/* RFC 5681 s2, but for what recovery let go beyond the window while SND.UNA stood still. */
static uint32_t flight_size(const struct ak_tcb *t, const struct ak_transfer *x) {
    return ak_min_u32(sent_bytes(t), x->cwnd);
}

void ak_tcp_recovery_enter(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->in_recovery != AK_RECOVERY_NONE) return;
    x->in_recovery = AK_RECOVERY_FAST;
    x->recovery_end = t->snd.nxt;
    ak_cc_of(core, t)->on_congestion(x, AK_CC_LOSS, flight_size(t, x), ak_tcp_effective_mss(core, t, 0));
    core->counters.fast_retransmits++;
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_RECOVERY_ENTER);
}

void ak_tcp_duplicate_ack(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    /* A duplicate ACK tells of one segment; more of them than there are segments in flight tell nothing (RFC 5681 s4.3,
     * Savage 1999). */
    if ((uint64_t)(x->duplicate_acks + 1) * mss > (uint64_t)sent_bytes(t) + mss) return;
    x->duplicate_acks++;
    ak_tcp_want_output(core, t);
    /* RFC 6582 s3.2 step 2: not again for a window that has been through a loss. */
    bool again = x->in_recovery != AK_RECOVERY_NONE || ak_seq_lt(t->snd.una, x->recovery_end);
    if (again || x->duplicate_acks < DUPLICATE_ACKS) return;
    ak_tcp_recovery_enter(core, t);
    first_segment_lost(core, t, AKSU_LOSS_BY_DUPLICATE_ACKS);
}

/* RFC 5681 s3.1 (4), RFC 6582 s4: everything in flight is sent again, in slow start. */
void ak_tcp_rto_losses(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    if (x->rto_backoff == 0) ak_cc_of(core, t)->on_congestion(x, AK_CC_TIMEOUT, ak_tcp_in_flight(x, t, mss), mss);
    x->cwnd = mss; /* s3.1: the loss window; ssthresh is held while the same segment times out again */
    x->duplicate_acks = 0;
    x->tlp.out = false;
    x->in_recovery = AK_RECOVERY_RTO;
    x->recovery_end = t->snd.nxt;
    /* RFC 2018 s8: the oldest byte was selectively acknowledged and not since: the peer has taken that back. */
    bool reneged = x->record_head != AK_NONE && (ak_record_at(core, x->record_head)->flags & AK_RECORD_SACKED);
    for (uint32_t i = x->record_head; i != AK_NONE; i = ak_record_at(core, i)->next) {
        struct ak_record *r = ak_record_at(core, i);
        if (reneged && (r->flags & AK_RECORD_SACKED)) {
            r->flags &= ~(uint32_t)AK_RECORD_SACKED;
            x->sacked_bytes -= r->bytes;
        }
        ak_record_mark_lost(core, t, i, AKSU_LOSS_BY_RTO);
    }
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_TIMEOUT);
}
