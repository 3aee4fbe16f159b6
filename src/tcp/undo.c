/* Was the retransmission needed?  Three ways to learn that it was not, and one answer.
 *
 * Eifel (RFC 3522): the first ACK after it echoes a timestamp older than it: the original had arrived.
 * D-SACK (RFC 2883, RFC 3708 s2): the peer had everything twice that was sent again.
 * F-RTO (RFC 5682): after a timeout, ACKs go on for what was not sent again.
 *
 * The answer (RFC 4015, RFC 9438 s4.9): what was judged lost is in flight after all, the state of congestion control is
 * as it was kept before, and the window opens again without a burst. */
#include "tcp/loss.h"

void ak_undo_keep(struct ak_core *core, struct ak_tcb *t, uint32_t flight_bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    x->undo.kept = true;
    x->undo.retransmitted = false;
    x->undo.undecided = true;
    x->undo.timeout = false;
    x->undo.cwnd = x->cwnd;
    x->undo.ssthresh = x->ssthresh;
    x->undo.flight_bytes = flight_bytes;
    x->undo.cc = x->cc;
    x->undo.una = t->snd.una;
    x->undo.end = t->snd.nxt;
    x->undo.again_bytes = 0;
    x->frto = AK_FRTO_OFF;
}

void ak_undo_retransmitted(struct ak_core *core, struct ak_tcb *t, uint32_t bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (!x->undo.kept) return;
    if (!x->undo.retransmitted) x->undo.timestamp = ak_tcp_timestamp(core, t->ts_offset); /* RFC 3522: RetransmitTS */
    x->undo.retransmitted = true;
    x->undo.again_bytes += bytes;
    if (x->frto == AK_FRTO_NEW) x->frto = AK_FRTO_OFF;
}

/* RFC 4015 s3.2: cwnd and ssthresh; the rest is as if nothing had been. */
static void take_back(struct ak_core *core, struct ak_tcb *t, uint32_t acked_bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    bool timeout = x->undo.timeout;
    ak_record_unmark_lost(core, x);
    /* RFC 9438 s4.9.2: told so late that the window has grown beyond what it was: what it has learned since holds. */
    bool surpassed = x->in_recovery == AK_RECOVERY_NONE && x->cwnd > x->undo.cwnd;
    if (x->rate != AK_NONE) {
        ak_cc_of(core, t)->model->recovered(core, t, AK_CC_SPURIOUS);
    } else if (!surpassed) {
        x->cc = x->undo.cc;
        x->ssthresh = ak_max_u32(x->undo.ssthresh, x->undo.flight_bytes);
        uint32_t burst = ak_min_u32(acked_bytes, ak_tcp_initial_window(core, t));
        uint32_t opened = ak_max_u32(x->cwnd, ak_tcp_in_flight(x, t, mss) + ak_max_u32(burst, mss));
        x->cwnd = ak_min_u32(opened, ak_max_u32(x->undo.cwnd, 2 * mss));
    }
    x->in_recovery = AK_RECOVERY_NONE;
    x->recovery_end = t->snd.una;
    x->lost_beyond_bytes = 0;
    x->frto = AK_FRTO_OFF;
    x->undo.kept = false;
    if (timeout)
        x->rto_backoff = 0;
    else
        x->rack.reordering = true; /* what seemed lost had only been overtaken */
    core->counters.recoveries_undone++;
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_UNDO);
    ak_tcp_want_output(core, t);
}

/* RFC 3522 s3.2 (5): only the first acceptable ACK after the retransmission can tell.  The echo must be as old as the
 * first transmission of what is acknowledged: one older than the latest retransmission may be of an earlier one. */
static bool eifel_says_spurious(struct ak_transfer *x, const struct ak_tcb *t, const struct ak_undo_ack *ack) {
    if (!x->undo.retransmitted || !x->undo.undecided || !ack->retransmitted) return false;
    x->undo.undecided = false;
    bool echoed = (t->flags & AK_F_TIMESTAMPS) && (ack->seg->options.present & AKSU_OPT_TIMESTAMPS);
    uint32_t first = (uint32_t)(ack->first_sent_us / 1000) + t->ts_offset;
    uint32_t echo = ack->seg->options.ts_ecr;
    return echoed && (int32_t)(echo - x->undo.timestamp) < 0 && (int32_t)(echo - first) <= 0;
}

/* RFC 5682 s2.1 steps 2 and 3, at an ACK that goes forward. */
static bool frto_says_spurious(struct ak_transfer *x, const struct ak_tcb *t, ak_seq ack) {
    if (x->frto == AK_FRTO_OFF) return false;
    if (ak_seq_ge(ack, x->recovery_end)) { /* step 2a: it acknowledges all: nothing can be told from it */
        x->frto = AK_FRTO_OFF;
        return false;
    }
    if (x->frto == AK_FRTO_FIRST) { /* step 2b: up to two new segments go instead of more retransmissions */
        bool can = ak_seq_lt(t->snd.nxt, x->send_end) && t->snd.wnd > ak_seq_bytes(ack, t->snd.nxt);
        x->frto = can ? AK_FRTO_NEW : AK_FRTO_OFF;
        return false;
    }
    return true; /* step 3b: it acknowledges what was not sent again */
}

enum ak_undone ak_undo_on_ack(struct ak_core *core, struct ak_tcb *t, const struct ak_undo_ack *ack) {
    const struct ak_seg *seg = ack->seg;
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (!x->undo.kept) return AK_UNDONE_NOTHING;
    bool spurious = eifel_says_spurious(x, t, ack) || frto_says_spurious(x, t, seg->ack);
    if (spurious && x->in_recovery != AK_RECOVERY_NONE) {
        take_back(core, t, ak_seq_bytes(x->undo.una, seg->ack));
        return x->undo.timeout ? AK_UNDONE_TIMEOUT : AK_UNDONE_RECOVERY;
    }
    /* D-SACKs come within a round trip of the recovery's end; later the numbers mean nothing. */
    bool old = ak_seq_gt(seg->ack, ak_seq_add(x->undo.end, 2 * x->undo.flight_bytes));
    if (old && x->in_recovery == AK_RECOVERY_NONE) x->undo.kept = false;
    return AK_UNDONE_NOTHING;
}

void ak_undo_on_sack(struct ak_core *core, struct ak_tcb *t, ak_seq end, uint32_t new_bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (ak_seq_le(t->snd.nxt, x->recovery_end)) return; /* the new segments have not gone yet */
    if (ak_seq_gt(end, x->recovery_end)) {              /* step 3a: they have overtaken what is lost */
        x->frto = AK_FRTO_OFF;
        ak_tcp_want_output(core, t);
    } else if (new_bytes > 0) { /* step 3b */
        take_back(core, t, new_bytes);
        ak_tcp_rtt_forget(t);
    }
}

void ak_undo_duplicate_ack(struct ak_transfer *x) {
    x->frto = AK_FRTO_OFF; /* RFC 5682 s2.1, steps 2a and 3a */
}

void ak_undo_on_dsack(struct ak_core *core, struct ak_tcb *t, ak_seq left, ak_seq right) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    bool repairing = x->in_recovery == AK_RECOVERY_FAST; /* what was sent since may have gone again too */
    ak_seq end = repairing ? t->snd.nxt : x->undo.end;
    bool ours = x->undo.kept && x->undo.retransmitted && ak_seq_ge(left, x->undo.una) && ak_seq_le(right, end);
    if (!ours) return;
    if (repairing && ak_seq_ge(left, x->recovery_end))
        x->lost_beyond_bytes -= ak_min_u32(x->lost_beyond_bytes, ak_seq_bytes(left, right));
    x->undo.again_bytes -= ak_min_u32(x->undo.again_bytes, ak_seq_bytes(left, right));
    if (x->undo.again_bytes == 0) take_back(core, t, ak_seq_bytes(left, right));
}
