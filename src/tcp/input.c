/* A segment arrives: RFC 9293 s3.10.7.
 *
 * The RFC gives ordered steps, and so does this file: find what the segment belongs to, then walk the list of steps
 * until one of them decides.  The checks of s3.10.7.4 up to the fourth are here; acknowledgment, urgent, text and FIN
 * have files of their own.  What a step decides is carried out in one place (settle), where drops are counted and
 * traced. */
#include "base/check.h"
#include "tcp/accecn.h"
#include "tcp/fastopen.h"
#include "tcp/tcp.h"

/* ---------------------------------------------------------------- steps */

/* RFC 7323 s5.3, R1; s3.2 for a timestamp that is missing. */
static enum ak_verdict step_paws(struct ak_input *in) {
    const struct ak_tcb *t = in->t;
    if ((t->flags & AK_F_TIMESTAMPS) == 0 || (in->seg->flags & AKSU_TCP_RST)) return AK_NEXT;
    if ((in->seg->options.present & AKSU_OPT_TIMESTAMPS) == 0) {
        in->drop = AKSU_DROP_TCP_TIMESTAMP_MISSING;
        return AK_DROP;
    }
    if ((int32_t)(in->seg->options.ts_val - t->ts_recent) >= 0) return AK_NEXT;
    if (ak_tcp_timestamp_outdated(in->core, t)) return AK_NEXT;
    in->drop = AKSU_DROP_TCP_PAWS;
    return AK_DROP_ACK;
}

/* In SYN-RECEIVED the peer may repeat the SYN that brought us there: it lies below the window, and is no reason for a
 * challenge.  Rulings R1 and R6. */
static enum ak_verdict repeated_syn(struct ak_input *in) {
    struct ak_seg *seg = in->seg;
    struct ak_tcb *t = in->t;
    if ((seg->flags & AKSU_TCP_ACK) == 0) {
        if (!ak_accecn_syn_again(in->core, t, seg)) { /* RFC 9768 s3.1.5 */
            ak_tcp_send_reset(in->core, t);
            ak_tcp_end(in->core, t, AKSU_REASON_ABORTED, AKSU_STATE_BY_SEGMENT);
            return AK_GONE;
        }
        t->flags |= AK_F_SYN_DUE | AK_F_SYN_RETRANSMITTED;
        ak_tcp_want_output(in->core, t);
        return AK_DONE;
    }
    /* Simultaneous open: this SYN,ACK acknowledges our SYN.  The SYN itself is old: only what follows it counts. */
    if (t->accecn != AK_NONE) ak_accecn_syn_ack_again(in->core, t, seg);
    if (t->flags & AK_F_SYN_DUE) ak_tcp_ack_now(in->core, t, 0); /* in place of our SYN,ACK, which has not gone yet */
    seg->flags &= (uint16_t)~AKSU_TCP_SYN;
    seg->unscaled = true;
    seg->seq = ak_seq_add(seg->seq, 1);
    return AK_NEXT;
}

/* First: the sequence number. */
static enum ak_verdict step_sequence(struct ak_input *in) {
    struct ak_seg *seg = in->seg;
    struct ak_tcb *t = in->t;
    if (t->state == AK_TCP_SYN_RECEIVED && ak_seq_eq(seg->seq, t->rcv.irs) &&
        (seg->flags & (AKSU_TCP_SYN | AKSU_TCP_RST)) == AKSU_TCP_SYN) {
        bool acks = (seg->flags & AKSU_TCP_ACK) && ak_seq_eq(seg->ack, t->snd.nxt);
        if (acks || (seg->flags & AKSU_TCP_ACK) == 0) return repeated_syn(in);
    }
    uint32_t wnd = ak_tcp_receive_window(in->core, t);
    uint32_t bytes = ak_seg_bytes(seg);
    bool good;
    if (bytes == 0) {
        good = wnd == 0 ? ak_seq_eq(seg->seq, t->rcv.nxt) : ak_seq_in(seg->seq, t->rcv.nxt, wnd);
    } else if (wnd == 0) {
        /* "special allowance should be made to accept valid ACKs, URGs, and RSTs" (MUST-66, U-14): of what a larger
         * window would have let in. */
        good = ak_seq_in(t->rcv.nxt, seg->seq, bytes);
        if (good && (seg->flags & (AKSU_TCP_SYN | AKSU_TCP_RST)) == 0) {
            in->drop = AKSU_DROP_TCP_WINDOW_FULL;
            in->refused = true;
            seg->text_bytes = 0;
            seg->flags &= (uint16_t)~AKSU_TCP_FIN;
            ak_tcp_ack_now(in->core, t, AK_F_DUPLICATE_ACK);
        }
    } else {
        good = ak_seq_in(seg->seq, t->rcv.nxt, wnd) || ak_seq_in(ak_seq_add(seg->seq, bytes - 1), t->rcv.nxt, wnd);
    }
    if (good) return AK_NEXT;
    if (seg->flags & AKSU_TCP_RST) {
        in->drop = AKSU_DROP_TCP_RST_OUTSIDE; /* U-5 */
        return AK_DROP;
    }
    bool old_text = seg->text_bytes > 0 && ak_seq_le(ak_seq_add(seg->seq, bytes), t->rcv.nxt);
    in->drop = old_text                      ? AKSU_DROP_TCP_DUPLICATE
               : (seg->flags & AKSU_TCP_SYN) ? AKSU_DROP_TCP_SYN_CHALLENGED
                                             : AKSU_DROP_TCP_SEQUENCE;
    return AK_DROP_ACK;
}

/* Second: RST, by RFC 5961 s3.2 (U-5 to U-8). */
static enum ak_verdict step_reset(struct ak_input *in) {
    struct ak_seg *seg = in->seg;
    struct ak_tcb *t = in->t;
    if ((seg->flags & AKSU_TCP_RST) == 0) return AK_NEXT;
    uint32_t wnd = ak_tcp_receive_window(in->core, t);
    if (!ak_seq_eq(seg->seq, t->rcv.nxt)) {
        bool inside = ak_seq_in(seg->seq, t->rcv.nxt, wnd);
        in->drop = inside ? AKSU_DROP_TCP_RST_CHALLENGED : AKSU_DROP_TCP_RST_OUTSIDE;
        return inside ? AK_DROP_CHALLENGE : AK_DROP;
    }
    aksu_reason reason = AKSU_REASON_RESET;
    if (t->state == AK_TCP_SYN_RECEIVED && (t->flags & AK_F_ACTIVE)) reason = AKSU_REASON_REFUSED;
    if (t->state >= AK_TCP_ESTABLISHED) in->core->counters.tcp_established_resets++;
    ak_tcp_end(in->core, t, reason, AKSU_STATE_BY_SEGMENT);
    return AK_GONE;
}

/* Fourth: SYN, by RFC 5961 s4.2 (U-9, U-10); a passive SYN-RECEIVED returns to LISTEN. */
static enum ak_verdict step_syn(struct ak_input *in) {
    if ((in->seg->flags & AKSU_TCP_SYN) == 0) return AK_NEXT;
    struct ak_tcb *t = in->t;
    in->drop = AKSU_DROP_TCP_SYN_CHALLENGED;
    bool in_window = ak_seq_in(in->seg->seq, t->rcv.nxt, ak_tcp_receive_window(in->core, t));
    if (t->state == AK_TCP_SYN_RECEIVED && (t->flags & AK_F_ACTIVE) == 0 && in_window) {
        ak_tcp_end(in->core, t, AKSU_REASON_RESET, AKSU_STATE_BY_SEGMENT);
        return AK_GONE;
    }
    return AK_DROP_CHALLENGE;
}

typedef enum ak_verdict step(struct ak_input *in);

/* RFC 9293 s3.10.7.4; the third check, security, has nothing to check. */
static step *const steps[] = {
    step_paws,       step_sequence,      step_reset,       step_syn,
    ak_tcp_step_ack, ak_tcp_step_urgent, ak_tcp_step_text, ak_tcp_step_fin,
};
#define STEP_COUNT (sizeof steps / sizeof steps[0])

static enum ak_verdict walk(struct ak_input *in) {
    for (uint32_t i = 0; i < STEP_COUNT; i++) {
        enum ak_verdict verdict = steps[i](in);
        if (verdict != AK_NEXT) return verdict;
    }
    return AK_DONE;
}

/* ---------------------------------------------------------------- what was decided */

static aksu_tcp_state state_of(const struct ak_core *core, const struct ak_tuple *tuple, ak_ref ref) {
    if (ref == AK_NONE) ref = ak_flow_find(core, tuple);
    if (ref == AK_NONE) return AK_TCP_CLOSED;
    if (ak_ref_class(ref) == AK_KIND_TCB) return (aksu_tcp_state)ak_tcb_at(core, ref)->state;
    return ak_ref_class(ref) == AK_KIND_SYN ? AK_TCP_SYN_RECEIVED : AK_TCP_TIME_WAIT;
}

/* The very one that synchronized us: our ACK of it was lost. */
static bool is_syn_ack_again(const struct ak_tcb *t, const struct ak_seg *seg) {
    enum { SYN_ACK = AKSU_TCP_SYN | AKSU_TCP_ACK };
    return (seg->flags & SYN_ACK) == SYN_ACK && (t->flags & AK_F_ACTIVE) && ak_seq_eq(seg->seq, t->rcv.irs) &&
           ak_seq_eq(seg->ack, ak_seq_add(t->snd.iss, 1));
}

/* Carries out a verdict on a connection that still is. */
static void settle_connection(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg,
                              enum ak_verdict verdict) {
    if (verdict == AK_DROP_ACK) {
        /* Text that came again means that our ACK was lost: always answered.  Anything else within the budget. */
        if (seg->text_bytes > 0 && ak_seq_le(ak_seq_add(seg->seq, seg->text_bytes), t->rcv.nxt))
            ak_tcp_sack_tell_duplicate(core, t, seg->seq, ak_seq_add(seg->seq, seg->text_bytes)); /* RFC 2883 s4 */
        if (seg->text_bytes > 0 || (seg->flags & AKSU_TCP_FIN))
            ak_tcp_ack_now(core, t, AK_F_DUPLICATE_ACK);
        else
            ak_tcp_challenge(core, t, AK_F_DUPLICATE_ACK);
        if (t->accecn != AK_NONE && is_syn_ack_again(t, seg)) ak_accecn_syn_ack_again(core, t, seg);
    } else if (verdict == AK_DROP_CHALLENGE) {
        if (ak_tcp_challenge(core, t, AK_F_CHALLENGE)) core->counters.tcp_challenges_sent++;
    } else if (verdict == AK_DROP_RST) {
        ak_tcp_reset_for(core, seg);
    }
    ak_tcp_timer_file(core, t);
}

/* The fields that a step may have changed, for the trace to show the segment as it came. */
struct as_it_came {
    ak_seq seq;
    uint32_t text_bytes;
    uint16_t flags;
};

static void trace_segment(struct ak_core *core, struct ak_seg *seg, const struct as_it_came *came,
                          struct ak_trace_segment *what) {
    seg->seq = came->seq;
    seg->text_bytes = came->text_bytes;
    seg->flags = came->flags;
    ak_tcp_trace_in(core, seg, what);
}

static enum ak_verdict input_connection(struct ak_core *core, struct ak_tcb *t, struct ak_seg *seg) {
    struct as_it_came came = {.seq = seg->seq, .text_bytes = seg->text_bytes, .flags = seg->flags};
    struct ak_input in = {.core = core, .t = t, .seg = seg, .state_before = (aksu_tcp_state)t->state};
    enum ak_verdict verdict = t->state == AK_TCP_SYN_SENT ? ak_tcp_input_syn_sent(&in) : walk(&in);
    if (verdict == AK_GONE || verdict == AK_REDEMUX) {
        t = NULL;
    } else {
        ak_tally_in(core, t, seg, came.text_bytes);
        settle_connection(core, t, seg, verdict);
    }
    if (in.drop != AKSU_DROP_NONE) ak_drop_count(core, in.drop);
    if (!ak_tracing(core)) return verdict;
    trace_segment(core, seg, &came,
                  &(struct ak_trace_segment){
                      .t = t,
                      .state_before = in.state_before,
                      .state_after = t != NULL ? (aksu_tcp_state)t->state : state_of(core, &seg->tuple, AK_NONE),
                      .drop = in.drop,
                  });
    return verdict;
}

void ak_tcp_resume(struct ak_core *core, struct ak_tcb *t, struct ak_seg *seg) {
    input_connection(core, t, seg);
}

/* What has no control block: drops are counted and traced here. */
static enum ak_verdict input_record(struct ak_core *core, struct ak_seg *seg, ak_ref ref) {
    aksu_drop drop = AKSU_DROP_NONE;
    aksu_tcp_state before = ref == AK_NONE ? AK_TCP_CLOSED : state_of(core, &seg->tuple, ref);
    enum ak_verdict verdict;
    if (ref == AK_NONE) {
        ref = ak_listener_find(core, seg);
        if (ref == AK_NONE) {
            verdict = ak_tcp_input_closed(core, seg);
            drop = AKSU_DROP_TCP_NO_CONNECTION;
        } else {
            before = seg->old_incarnation != AK_NONE ? AK_TCP_TIME_WAIT : AK_TCP_LISTEN;
            verdict = ak_tcp_input_listen(core, seg, ref, &drop);
            if (seg->old_incarnation != AK_NONE) ak_time_wait_resume(core, seg->old_incarnation);
        }
    } else if (ak_ref_class(ref) == AK_KIND_SYN) {
        verdict = ak_tcp_input_syn(core, seg, ref, &drop);
    } else {
        verdict = ak_tcp_input_time_wait(core, seg, ref, &drop);
    }
    if (verdict == AK_GONE || verdict == AK_REDEMUX) return verdict; /* traced where it went on */
    if (verdict == AK_DROP_RST) ak_tcp_reset_for(core, seg);
    if (drop != AKSU_DROP_NONE) ak_drop_count(core, drop);
    if (!ak_tracing(core)) return verdict; /* only the trace asks what it has become */
    aksu_tcp_state after = state_of(core, &seg->tuple, AK_NONE);
    if (after == AK_TCP_CLOSED && before != AK_TCP_CLOSED && before != AK_TCP_TIME_WAIT) after = AK_TCP_LISTEN;
    ak_tcp_trace_in(core, seg, &(struct ak_trace_segment){.state_before = before, .state_after = after, .drop = drop});
    return verdict;
}

/* Segments come in trains: that of the last one is looked at first. */
static ak_ref flow_of(const struct ak_core *core, const struct ak_tuple *tuple) {
    if (core->flow_hint != AK_NONE) {
        const struct ak_tcb *t = ak_tcb_at(core, core->flow_hint);
        bool in_table = (t->flags & AK_F_LIVE) && t->state == AK_TCP_ESTABLISHED;
        if (in_table && ak_tuple_equal(&t->tuple, tuple)) return core->flow_hint;
    }
    return ak_flow_find(core, tuple);
}

static void segment_from(struct ak_core *core, struct ak_seg *seg, ak_ref ref) {
    seg->old_incarnation = AK_NONE;
    for (int i = 0; i < 2; i++) {
        bool block = ref != AK_NONE && ak_ref_class(ref) == AK_KIND_TCB;
        enum ak_verdict verdict =
            block ? input_connection(core, ak_tcb_at(core, ref), seg) : input_record(core, seg, ref);
        if (verdict != AK_REDEMUX) return;
        ref = ak_flow_find(core, &seg->tuple);
    }
}

void ak_tcp_segment_by_steps(struct ak_core *core, struct ak_seg *seg) {
    core->counters.tcp_segments_in++;
    segment_from(core, seg, ak_flow_find(core, &seg->tuple));
}

void ak_tcp_segment(struct ak_core *core, struct ak_seg *seg) {
    core->counters.tcp_segments_in++;
    ak_ref ref = flow_of(core, &seg->tuple);
    if (ref != AK_NONE && ak_ref_class(ref) == AK_KIND_TCB) {
        core->flow_hint = ref;
        if (ak_tcp_predicted(core, ak_tcb_at(core, ref), seg)) return;
    }
    segment_from(core, seg, ref);
}

/* ---------------------------------------------------------------- CLOSED and SYN-SENT */

/* s3.10.7.1 */
enum ak_verdict ak_tcp_input_closed(struct ak_core *core, struct ak_seg *seg) {
    (void)core;
    (void)seg;
    return AK_DROP_RST;
}

/* Our SYN is acknowledged: what an active open has then. */
static void syn_sent_accept(struct ak_input *in) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    struct ak_seg *seg = in->seg;
    t->rcv.irs = seg->seq;
    t->rcv.nxt = ak_seq_add(seg->seq, 1);
    t->rcv.up = t->rcv.nxt;
    t->last_ack_sent = t->rcv.nxt;
    ak_tcp_accept_options(core, t, seg);
    ak_tcp_user_timeout_take(t, seg);
    ak_fast_open_learn(core, t, seg);
    t->rcv.edge = ak_seq_add(t->rcv.nxt, ak_tcp_syn_window(core, t));
    t->snd.wl1 = ak_seq_sub(seg->seq, 1);
    ak_transfer_synchronized(core, t);
}

static enum ak_verdict syn_sent_ack(struct ak_input *in, bool *ret_acceptable) {
    const struct ak_seg *seg = in->seg;
    const struct ak_tcb *t = in->t;
    *ret_acceptable = false;
    if ((seg->flags & AKSU_TCP_ACK) == 0) return AK_NEXT;
    *ret_acceptable = ak_seq_gt(seg->ack, t->snd.una) && ak_seq_le(seg->ack, t->snd.nxt);
    if (*ret_acceptable) return AK_NEXT;
    in->drop = AKSU_DROP_TCP_ACK_UNACCEPTABLE;
    return seg->flags & AKSU_TCP_RST ? AK_DROP : AK_DROP_RST;
}

/* s3.10.7.3 */
enum ak_verdict ak_tcp_input_syn_sent(struct ak_input *in) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    struct ak_seg *seg = in->seg;
    bool acceptable;
    enum ak_verdict verdict = syn_sent_ack(in, &acceptable); /* first */
    if (verdict != AK_NEXT) return verdict;
    if (seg->flags & AKSU_TCP_RST) { /* second; EID 8167: RFC 5961 adds nothing here */
        if (!acceptable) {
            in->drop = AKSU_DROP_TCP_RST_IGNORED;
            return AK_DROP;
        }
        ak_tcp_end(core, t, AKSU_REASON_REFUSED, AKSU_STATE_BY_SEGMENT);
        return AK_GONE;
    }
    if ((seg->flags & AKSU_TCP_SYN) == 0) { /* fifth */
        in->drop = AKSU_DROP_TCP_FLAGS;
        return AK_DROP;
    }
    syn_sent_accept(in); /* fourth */
    if (!acceptable) {   /* simultaneous open; its text, if any, will be sent again */
        ak_tcp_set_state(core, t, AK_TCP_SYN_RECEIVED, AKSU_STATE_BY_SEGMENT);
        t->snd.wnd = seg->wnd;
        t->flags |= AK_F_SYN_DUE;
        ak_tcp_want_output(core, t);
        return AK_DONE;
    }
    ak_tcp_established(in);
    ak_tcp_syn_data_acked(in);
    ak_tcp_ack_now(core, t, 0);
    seg->seq = ak_seq_add(seg->seq, 1);
    seg->flags &= (uint16_t)~AKSU_TCP_SYN;
    static step *const rest[] = {ak_tcp_step_urgent, ak_tcp_step_text, ak_tcp_step_fin}; /* from the sixth on */
    for (uint32_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        verdict = rest[i](in);
        if (verdict != AK_NEXT) return verdict;
    }
    return AK_DONE;
}
