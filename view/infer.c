/* Inference of states from segments, RFC 9293 s3.3.2 and Figure 5 read backwards.
 *
 * Each segment says two things.  Of its sender: the state it must have been in (sender_state).  Of its receiver: the
 * state it moves to if the segment arrives (receiver_state), which is LIKELY until the receiver's own next segment
 * proves it.  A LIKELY state never overwrites what is farther on.  A pure ACK from SYN-RECEIVED proves nothing new:
 * that state also answers stray segments by an ACK.
 *
 * Limits: data of a fast-open server (RFC 7413) proves nothing, as it may send it from SYN-RECEIVED.  A capture that
 * begins in the middle has LIKELY ESTABLISHED ends until a FIN or RST shows more. */
#include "view/infer.h"

static bool seq_after(uint32_t a, uint32_t b) {
    return (int32_t)(a - b) > 0;
}

static void set(ak_infer_end *e, aksu_tcp_state state, ak_sureness sureness) {
    e->now = (ak_inferred){.state = state, .sureness = sureness};
}

/* Has `e` acknowledged the FIN that `other` sent? */
static bool acks_fin(const ak_infer_end *e, const ak_infer_end *other) {
    return other->fin_sent && e->acked && seq_after(e->ack_max, other->fin_seq);
}

static void see_syn(ak_infer *infer, const ak_infer_segment *s) {
    ak_infer_end *e = &infer->end[s->from], *other = &infer->end[1 - s->from];
    if (e->syn_sent && e->isn != s->seq) {
        /* A new incarnation; the other end keeps only what a SYN of its own has shown. */
        if ((s->flags & AKSU_TCP_ACK) == 0) *other = (ak_infer_end){0};
        *e = (ak_infer_end){0};
    }
    e->syn_sent = true;
    e->isn = s->seq;
    if (s->flags & AKSU_TCP_ACK) {
        set(e, AK_TCP_SYN_RECEIVED, AK_KNOWN);
        e->fast_open = other->syn_sent && seq_after(s->ack, other->isn + 1);
        bool opening = other->now.state == AK_TCP_SYN_SENT || other->now.state == AK_TCP_SYN_RECEIVED;
        /* RFC 9293 s3.10.7.3: an ACK of another handshake draws a reset and changes nothing. */
        bool for_it = other->syn_sent && seq_after(s->ack, other->isn) && !seq_after(s->ack, other->nxt);
        if (for_it && opening) set(other, AK_TCP_ESTABLISHED, AK_LIKELY);
    } else {
        set(e, AK_TCP_SYN_SENT, AK_KNOWN);
        /* Both have sent a SYN: RFC 9293 s3.5, simultaneous open. */
        if (other->syn_sent && other->now.state == AK_TCP_SYN_SENT) set(other, AK_TCP_SYN_RECEIVED, AK_LIKELY);
    }
}

static void see_rst(ak_infer *infer, const ak_infer_segment *s) {
    ak_infer_end *e = &infer->end[s->from], *other = &infer->end[1 - s->from];
    /* RFC 9293 s3.10.7.3 and .4: an opening end answers an ACK that is not for its SYN by RST and stays as it is. */
    bool opening =
        e->now.sureness == AK_KNOWN && (e->now.state == AK_TCP_SYN_SENT || e->now.state == AK_TCP_SYN_RECEIVED);
    if (opening && (s->flags & AKSU_TCP_ACK) == 0 && s->seq != e->nxt) return;
    set(e, AK_TCP_CLOSED, AK_KNOWN);
    set(other, AK_TCP_CLOSED, AK_LIKELY);
}

static void note_fin(ak_infer_end *e, ak_infer_end *other, const ak_infer_segment *s) {
    if ((s->flags & AKSU_TCP_FIN) == 0 || e->fin_sent) return;
    e->fin_sent = true;
    e->fin_seq = s->seq + s->payload_bytes;
    e->fin_after_peer_fin = acks_fin(e, other);
    if (other->fin_sent && !e->fin_after_peer_fin) e->fins_crossed = other->fins_crossed = true;
}

/* What a segment is the first to tell. */
struct news {
    bool ack_advanced, fin_acked;
};

static void sender_state(ak_infer_end *e, const ak_infer_end *other, const ak_infer_segment *s, struct news news) {
    bool fin = (s->flags & AKSU_TCP_FIN) != 0;
    bool got_fin = acks_fin(e, other);
    if (e->fin_sent && e->fin_after_peer_fin) {
        /* A late copy of an older ACK must not bring it back from CLOSED. */
        if (fin || e->now.state != AK_TCP_CLOSED) set(e, AK_TCP_LAST_ACK, AK_KNOWN);
    } else if (e->fin_sent && got_fin) {
        /* Crossed: the other's FIN was sent before its ACK of ours, so the first ACK of that FIN is CLOSING's. */
        if (!e->fins_crossed) {
            set(e, AK_TCP_TIME_WAIT, AK_KNOWN);
        } else if (fin || news.fin_acked) {
            set(e, AK_TCP_CLOSING, AK_KNOWN);
        } else if (acks_fin(other, e)) {
            set(e, AK_TCP_TIME_WAIT, AK_LIKELY);
        }
    } else if (e->fin_sent) {
        /* A FIN is repeated only while it is unacknowledged.  An ACK beyond what the other sent with its ACK of our FIN
         * proves that this ACK has come. */
        bool has_ack = acks_fin(other, e) && e->acked && seq_after(e->ack_max, other->nxt_at_fin_ack);
        if (fin) {
            set(e, AK_TCP_FIN_WAIT_1, AK_KNOWN);
        } else if (has_ack) {
            set(e, AK_TCP_FIN_WAIT_2, AK_KNOWN);
        }
    } else if (got_fin) {
        set(e, AK_TCP_CLOSE_WAIT, AK_KNOWN);
    } else if (e->now.state == AK_TCP_SYN_RECEIVED && e->now.sureness != AK_UNKNOWN) {
        if (news.ack_advanced || (s->payload_bytes > 0 && !e->fast_open))
            set(e, AK_TCP_ESTABLISHED, AK_KNOWN);
        else if (s->payload_bytes > 0)
            set(e, AK_TCP_SYN_RECEIVED, AK_LIKELY);
    } else {
        bool proven = e->syn_sent && ((s->payload_bytes > 0 && !e->fast_open) || news.ack_advanced ||
                                      e->now.sureness == AK_KNOWN || !other->fin_sent);
        set(e, AK_TCP_ESTABLISHED, proven ? AK_KNOWN : AK_LIKELY);
    }
}

/* What the receiver becomes if this segment reaches it. */
static void receiver_state(ak_infer_end *o, const ak_infer_end *e, const ak_infer_segment *s) {
    bool fin_acked = acks_fin(e, o);
    bool fin_came = e->fin_sent && (s->flags & AKSU_TCP_FIN) != 0;
    aksu_tcp_state to = o->now.state;
    if (o->now.sureness == AK_UNKNOWN) return;
    bool syn_acked = o->syn_sent && e->acked && seq_after(e->ack_max, o->isn);
    if (to == AK_TCP_SYN_RECEIVED && syn_acked) to = AK_TCP_ESTABLISHED;
    if (to == AK_TCP_FIN_WAIT_1 && fin_acked) to = o->fins_crossed ? AK_TCP_TIME_WAIT : AK_TCP_FIN_WAIT_2;
    if (to == AK_TCP_LAST_ACK && fin_acked) to = AK_TCP_CLOSED;
    if (to == AK_TCP_CLOSING && fin_acked) to = AK_TCP_TIME_WAIT;
    if (fin_came && to == AK_TCP_ESTABLISHED) to = AK_TCP_CLOSE_WAIT;
    if (fin_came && to == AK_TCP_FIN_WAIT_1) to = AK_TCP_CLOSING;
    if (fin_came && to == AK_TCP_FIN_WAIT_2) to = AK_TCP_TIME_WAIT;
    if (to != o->now.state) set(o, to, AK_LIKELY);
}

void ak_infer_see(ak_infer *infer, const ak_infer_segment *s) {
    ak_infer_end *e = &infer->end[s->from], *other = &infer->end[1 - s->from];
    struct news news = {0};
    if (s->flags & AKSU_TCP_RST) {
        see_rst(infer, s);
        return;
    }
    if (s->flags & AKSU_TCP_SYN) see_syn(infer, s);
    if ((s->flags & AKSU_TCP_ACK) != 0 && (!e->acked || seq_after(s->ack, e->ack_max))) {
        news.ack_advanced = e->acked;
        e->ack_max = s->ack;
        e->acked = true;
    }
    note_fin(e, other, s);
    uint32_t end =
        s->seq + s->payload_bytes + ((s->flags & AKSU_TCP_SYN) ? 1u : 0u) + ((s->flags & AKSU_TCP_FIN) ? 1u : 0u);
    if (e->nxt == 0 || seq_after(end, e->nxt) || (s->flags & AKSU_TCP_SYN)) e->nxt = end;
    if (!e->acked_peer_fin && acks_fin(e, other)) {
        e->acked_peer_fin = true;
        news.fin_acked = true;
        e->nxt_at_fin_ack = e->nxt;
    }
    if (s->flags & AKSU_TCP_SYN) return;
    sender_state(e, other, s, news);
    receiver_state(other, e, s);
}
