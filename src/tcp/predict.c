/* Header prediction (Jacobson 1990): the segment that a receiver of bulk data gets nearly always, in front of the
 * ordered steps.  It is in order, within the window, acknowledges nothing new, changes no window and has no flag or
 * option that would mean anything; and nothing of ours is in flight.  Of all that the steps do, this is what is left
 * for such a segment; tests/fastpath runs both and compares (AKSU_CHECK_FAST_PATH).
 *
 * Tracing goes the long way. */
#include "tcp/accecn.h"

/* Nothing about the connection asks for a step of its own.  With nothing in flight there is no loss, recovery or probe
 * that an acknowledgment could tell something about. */
static bool quiet(const struct ak_core *core, const struct ak_tcb *t, const struct ak_transfer *x) {
    return t->state == AK_TCP_ESTABLISHED && ak_seq_eq(t->snd.una, t->snd.nxt) &&
           (t->flags & AK_F_PEER_FIN_HELD) == 0 && x->rate == AK_NONE && !ak_tracing(core);
}

/* RFC 9768: that nothing has been marked since what was heard last. */
static uint16_t ace_expected(const struct ak_core *core, const struct ak_tcb *t) {
    if ((t->flags & AK_F_ECN) == 0) return 0;
    const struct ak_accecn *a = ak_accecn_agreed(core, t);
    return a == NULL ? 0 : ak_ace_flags(a->s.cep);
}

/* And nothing about the segment. */
static bool expected(const struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg) {
    enum { CE = 3 };
    uint16_t options = t->flags & AK_F_TIMESTAMPS ? AKSU_OPT_TIMESTAMPS : 0;
    return (seg->flags | AKSU_TCP_PSH) == (AKSU_TCP_ACK | AKSU_TCP_PSH | ace_expected(core, t)) &&
           ak_seq_eq(seg->seq, t->rcv.nxt) && seg->text_bytes > 0 && ak_seq_eq(seg->ack, t->snd.una) &&
           seg->options.present == options && (options == 0 || (int32_t)(seg->options.ts_val - t->ts_recent) >= 0) &&
           (seg->tos & CE) != CE && (uint32_t)seg->wnd << t->snd.wscale == t->snd.wnd &&
           ak_seq_le(t->snd.wl1, seg->seq) && ak_seq_le(ak_seq_add(seg->seq, seg->text_bytes), t->rcv.edge);
}

bool ak_tcp_predicted(struct ak_core *core, struct ak_tcb *t, struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL || !quiet(core, t, x) || !expected(core, t, seg)) return false;
    /* fifth */
    t->last_receive = ak_idle_clock(core);
    t->probe_count = 0;
    t->retries = 0;
    ak_flags_clear(t, AK_F_KEEPALIVE_DUE);
    if ((t->flags & AK_F_TIMESTAMPS) && ak_seq_le(seg->seq, t->last_ack_sent)) {
        t->ts_recent = seg->options.ts_val;
        t->ts_recent_age = t->last_receive;
    }
    x->delivered_before = x->delivered_bytes;
    struct ak_input in = {.core = core, .t = t, .seg = seg, .state_before = AK_TCP_ESTABLISHED};
    if (t->flags & AK_F_ECN) {
        x->ecn_end = ak_seq_max(x->ecn_end, t->snd.una);
        ak_accecn_segment(&in, t->snd.una);
    }
    t->snd.wl1 = seg->seq;
    t->snd.wl2 = seg->ack;
    ak_tcp_want_output(core, t);
    /* seventh */
    ak_tcp_text_in_order(&in, seg->seq, ak_seq_add(seg->seq, seg->text_bytes));
    ak_tally_in(core, t, seg, seg->text_bytes);
    if (in.drop != AKSU_DROP_NONE) ak_drop_count(core, in.drop);
    return true;
}
