/* Fifth check of RFC 9293 s3.10.7.4: the acknowledgment, and the changes of state that one brings. */
#include "base/check.h"
#include "tcp/accecn.h"
#include "tcp/fastopen.h"
#include "tcp/loss.h"

/* MUST-26: the peer is there. */
static void heard(const struct ak_core *core, struct ak_tcb *t) {
    t->last_receive = ak_idle_clock(core);
    t->probe_count = 0;
    ak_flags_clear(t, AK_F_KEEPALIVE_DUE);
}

/* Of one segment, no more: RFC 5681 s3.1. */
void ak_tcp_first_window(struct ak_core *core, struct ak_tcb *t) {
    t->cwnd = ak_tcp_effective_mss(core, t, 0);
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x != NULL) x->cwnd = x->pace_free_bytes = t->cwnd;
}

/* Our SYN had to go more than once.  RFC 6298 s5.7: 3 s until a round trip is known; RFC 6928 s2: lost more than once,
 * a first window of one segment (RFC 5681 s3.1). */
static void heed_lost_syns(struct ak_core *core, struct ak_tcb *t) {
    enum { FALLBACK_RTO_US = 3000000 };
    if (t->retries > 0 && t->srtt_us == 0) t->rttvar_us = FALLBACK_RTO_US / 4;
    if (t->retries < 2) return;
    ak_tcp_first_window(core, t);
}

/* SYN-RECEIVED or SYN-SENT ends: our SYN is acknowledged. */
void ak_tcp_established(struct ak_input *in) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    const struct ak_seg *seg = in->seg;
    heard(core, t);
    int32_t trip_us = (int32_t)((uint32_t)seg->time_us - t->last_send);
    if (trip_us > 0 && t->srtt_us == 0 && (t->flags & (AK_F_SYN_RETRANSMITTED | AK_F_ACTIVE)) == AK_F_ACTIVE)
        ak_tcp_rtt_sample(core, t, (uint32_t)trip_us);
    t->last_send = ak_idle_clock(core);
    t->snd.una = ak_seq_add(t->snd.iss, 1);
    heed_lost_syns(core, t);
    const struct ak_accecn *accurate = ak_accecn_of(core, t);
    if (accurate != NULL && (accurate->flags & AK_ACC_SYN_MARKED)) ak_tcp_first_window(core, t); /* RFC 9768 s3.2.2.2 */
    ak_plpmtud_established(core, t);
    t->retries = 0;
    t->user_timeout_due = true;
    ak_flags_clear(t, AK_F_SYN_DUE);
    ak_tcp_rto_restart(core, t); /* for what followed our SYN already: RFC 7413 s4.2.2 */
    /* s3.10.7.3, s3.10.7.4: SND.WND, WL1, WL2 from this segment whatever came before. */
    t->snd.wl1 = ak_seq_sub(seg->seq, 1);
    ak_tcp_send_window_update(core, t, seg);
    bool passive = (t->flags & AK_F_ACTIVE) == 0;
    const struct ak_transfer *x = ak_transfer_of(core, t);
    bool nothing_queued = x == NULL || ak_seq_eq(x->send_end, t->snd.nxt);
    /* CLOSE was called while opening: s3.10.4 lets the FIN go at once in SYN-RECEIVED if nothing is queued before it.
     */
    bool closed = (t->flags & AK_F_FIN_QUEUED) != 0;
    if (closed && nothing_queued && t->state == AK_TCP_SYN_RECEIVED) {
        ak_tcp_set_state(core, t, AK_TCP_FIN_WAIT_1, AKSU_STATE_BY_CALL);
    } else {
        ak_tcp_set_state(core, t, AK_TCP_ESTABLISHED, AKSU_STATE_BY_SEGMENT);
        if (closed) ak_tcp_set_state(core, t, AK_TCP_FIN_WAIT_1, AKSU_STATE_BY_CALL);
    }
    bool pushed = (t->flags & AK_F_FAST_OPEN) != 0; /* its application has it already */
    ak_fast_open_settled(core, t, AKSU_REASON_NONE);
    if (passive && t->listener != AK_NONE && !pushed) {
        ak_listener_push(core, t);
    } else {
        ak_tcp_tell(core, t, AKSU_EV_CONNECTED | AKSU_EV_WRITABLE);
    }
    ak_tcp_want_output(core, t);
}

/* Whether an ACK that acknowledges nothing new is RFC 5681 s2's duplicate. */
static bool is_duplicate(const struct ak_tcb *t, const struct ak_seg *seg) {
    return ak_seq_eq(seg->ack, t->snd.una) && !ak_seq_eq(t->snd.una, t->snd.nxt) && ak_seg_bytes(seg) == 0 &&
           ((uint32_t)seg->wnd << t->snd.wscale) == t->snd.wnd;
}

/* Bytes or our FIN are newly acknowledged. */
static void new_ack(struct ak_input *in) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    ak_seq ack = in->seg->ack;
    bool fin = (t->flags & AK_F_FIN_SENT) && ak_seq_eq(ack, t->snd.nxt) && (t->flags & AK_F_FIN_ACKED) == 0;
    struct ak_transfer *x = ak_transfer_of(core, t);
    t->retries = 0;
    if (ak_seq_bytes(t->snd.iss, ack) < ak_seq_bytes(t->snd.iss, t->snd.una)) t->una_wraps++;
    if (x != NULL) {
        ak_tcp_flight_acked(core, t, in->seg);
        ak_stream_trim(&x->send, &core->blocks, ak_seq_min(ack, x->send_end));
    }
    t->snd.una = ack;
    if ((t->flags & AK_F_URGENT_SEND) && ak_seq_ge(ack, t->snd.up)) ak_flags_clear(t, AK_F_URGENT_SEND);
    if (fin) {
        t->flags |= AK_F_FIN_ACKED;
        ak_flags_clear(t, AK_F_FIN_DUE);
        in->fin_acked = true;
    }
    if (x == NULL || !ak_tcp_recovery_impatient(t, x)) ak_tcp_rto_restart(core, t);
    if (x == NULL) return;
    if (x->snd_buf_bytes / 3 < x->cwnd && x->tune.snd) ak_tune_send(core, t);
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    uint32_t queued = ak_seq_bytes(ak_seq_min(t->snd.una, x->send_end), x->send_end) + x->reserved_bytes;
    bool room = queued == 0 || queued + settings->snd_lowat_bytes <= x->snd_buf_bytes;
    if (room && (t->flags & AK_F_FIN_QUEUED) == 0) ak_tcp_tell(core, t, AKSU_EV_WRITABLE);
    ak_transfer_idle_soon(core, t);
}

/* What the acknowledgment of our FIN means where the peer's has been received; FIN-WAIT-1 waits for the eighth check,
 * since this segment may bring the peer's FIN too (Figure 5, note 2). */
static enum ak_verdict fin_acked(struct ak_input *in) {
    if (in->t->state == AK_TCP_CLOSING) {
        if (ak_tcp_second_fin(in)) in->t->flags |= AK_F_ACK_NOW;
        ak_tcp_enter_time_wait(in->core, in->t, AKSU_STATE_BY_SEGMENT);
        return AK_GONE;
    }
    if (in->t->state == AK_TCP_LAST_ACK) {
        if (in->t->flags & AK_F_ACK_NOW) ak_tcp_send_last_ack(in->core, in->t);
        ak_tcp_end(in->core, in->t, AKSU_REASON_CLOSED, AKSU_STATE_BY_SEGMENT);
        return AK_GONE;
    }
    return AK_NEXT;
}

void ak_tcp_enter_time_wait(struct ak_core *core, struct ak_tcb *t, aksu_state_cause cause) {
    ak_tcp_timer_cancel(core, t, AKSU_TIMER_RETRANSMIT);
    ak_tcp_set_state(core, t, AK_TCP_TIME_WAIT, cause);
    ak_time_wait_from(core, t, core->now_us + core->config.time_wait_us);
}

/* RFC 8985: what the acknowledgment and its SACK blocks say about the rest of the flight. */
static void look_for_losses(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg, ak_seq old_una) {
    ak_tlp_acked(core, t, seg, old_una);
    if (seg->options.present & AKSU_OPT_SACK) {
        ak_tcp_sack_take(core, t, seg);
        ak_tcp_want_output(core, t);
    }
    ak_rack_detect(core, t);
    ak_tlp_schedule(core, t);
}

/* RFC 7413 s4.2.2: data on our SYN that the SYN,ACK does not acknowledge goes again at once, and is no sign of
 * congestion. */
void ak_tcp_syn_data_acked(struct ak_input *in) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    if (ak_seq_eq(t->snd.una, t->snd.nxt)) return;
    if (ak_seq_gt(in->seg->ack, t->snd.una)) {
        t->fast_open = true;
        new_ack(in);
    }
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    while (x->sent.head != AK_NONE) ak_record_mark_lost(core, t, x->sent.head, AKSU_LOSS_BY_RTO);
    ak_tcp_rto_restart(core, t);
    ak_tcp_want_output(core, t);
}

enum ak_verdict ak_tcp_step_ack(struct ak_input *in) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    struct ak_seg *seg = in->seg;
    if ((seg->flags & AKSU_TCP_ACK) == 0) {
        in->drop = AKSU_DROP_TCP_NO_ACK;
        return AK_DROP;
    }
    if (t->state == AK_TCP_SYN_RECEIVED || t->state == AK_TCP_LISTEN) {
        if (!(ak_seq_gt(seg->ack, t->snd.una) && ak_seq_le(seg->ack, t->snd.nxt))) { /* ruling R4 */
            in->drop = AKSU_DROP_TCP_ACK_UNACCEPTABLE;
            return AK_DROP_RST;
        }
        ak_tcp_established(in);
    }
    /* RFC 5961 s5.2 (U-11, U-12, MAY-12) */
    if (ak_seq_gt(seg->ack, t->snd.nxt)) {
        in->drop = AKSU_DROP_TCP_ACK_FUTURE;
        return AK_DROP_CHALLENGE;
    }
    if (ak_seq_lt(seg->ack, ak_seq_sub(t->snd.una, t->snd.max_wnd))) {
        in->drop = AKSU_DROP_TCP_ACK_TOO_OLD;
        return AK_DROP_CHALLENGE;
    }
    /* Only now is it taken for the peer's: what a stranger guessed to be in the window changes nothing (CVE-2005-0356).
     */
    heard(core, t);
    ak_tcp_user_timeout_take(t, seg);
    ak_tcp_timestamp_take(core, t, seg);
    struct ak_recovery_mark before = {.una = t->snd.una};
    if (t->transfer != AK_NONE) {
        struct ak_transfer *x = ak_transfer_of(core, t);
        before.lost_bytes = x->lost_bytes;
        x->delivered_before = x->delivered_bytes;
    }
    if (t->flags & AK_F_ECN) ak_ecn_ack(core, t, seg);
    if (ak_seq_gt(seg->ack, t->snd.una)) {
        new_ack(in);
    } else if (t->transfer != AK_NONE && (t->flags & AK_F_SACK) == 0 && !in->refused && is_duplicate(t, seg)) {
        ak_tcp_duplicate_ack(core, t);
    }
    if (t->transfer != AK_NONE && (t->flags & AK_F_SACK)) look_for_losses(core, t, seg, before.una);
    if (t->flags & AK_F_ECN) ak_accecn_segment(in, before.una);
    ak_tcp_recovery_step(core, t, &before);
    if (ak_seq_ge(seg->ack, t->snd.una)) {
        ak_tcp_send_window_update(core, t, seg);
        /* A probe was answered: the peer is there, however long its window stays shut (MUST-37). */
        bool probing = t->transfer != AK_NONE && ak_tcp_timer_due(core, t, AKSU_TIMER_PERSIST) != AK_NEVER;
        bool orphan = (t->flags & AK_F_ORPHAN) != 0; /* nobody waits for it: RFC 6429 */
        if ((t->snd.wnd == 0 || probing) && !orphan) t->retries = 0;
    }
    return in->fin_acked ? fin_acked(in) : AK_NEXT;
}
