/* One connection of a capture: what each packet is, and why the connection ended; see explain.h.
 *
 * A segment below what was sent before is sent again, unless it fills a hole that opened a moment ago
 * (REORDERED_NS): then the network has changed the order.  Holes are few (HOLE_MAX); with more the oldest is forgotten,
 * and what fills it later counts as sent again.
 *
 * A reset counts when its number is one that the other end can accept; it is taken back if its sender goes on, since
 * then it was not that end's.  A reset without ACK answers a segment (RFC 9293 s3.10.7.1): its sender has no
 * connection, either because it had closed, or because it never knew of it or forgot it. */
#include "view/explain_conn.h"

#include <string.h>

#define REORDERED_NS 3000000u
#define SILENT_AFTER 2 /* sent again so often, without any answer */

static bool seq_after(uint32_t a, uint32_t b) {
    return (int32_t)(a - b) > 0;
}

/* ---- what a packet is */

static void open_hole(struct explain_side *s, uint32_t left, uint32_t right, uint64_t time_ns) {
    if (s->hole_count == HOLE_MAX) {
        memmove(s->hole, s->hole + 1, (HOLE_MAX - 1) * sizeof s->hole[0]);
        s->hole_count--;
    }
    s->hole[s->hole_count++] = (struct hole){.left = left, .right = right, .time_ns = time_ns};
}

/* Does [seq, end) lie in a hole?  The part it fills is closed. */
static bool fill_hole(struct explain_side *s, uint32_t seq, uint32_t end, uint64_t *ret_since_ns) {
    for (uint32_t i = 0; i < s->hole_count; i++) {
        struct hole *h = &s->hole[i];
        if (seq_after(h->left, seq) || !seq_after(h->right, seq)) continue;
        *ret_since_ns = h->time_ns;
        if (seq_after(h->right, end)) {
            h->left = end;
        } else {
            memmove(h, h + 1, (s->hole_count - i - 1) * sizeof *h);
            s->hole_count--;
        }
        return true;
    }
    return false;
}

static void judge(struct explain_conn *c, unsigned from, uint64_t time_ns, const ak_packet *p, struct finding *f) {
    struct explain_side *s = &c->side[from];
    const ak_infer_end *e = &c->infer.end[from], *other = &c->infer.end[1 - from];
    uint32_t length = p->payload_bytes + ((p->flags & AKSU_TCP_SYN) != 0) + ((p->flags & AKSU_TCP_FIN) != 0);
    uint64_t since_ns;
    if (!s->heard || (p->flags & AKSU_TCP_RST) != 0) return;
    bool all_acked = other->acked && other->ack_max == s->nxt;
    /* RFC 9293 s3.8.4: a keep-alive probe stands just before what is expected, with no data or one byte of garbage. */
    f->probe = all_acked && p->seq == s->nxt - 1 && length <= 1 && length == p->payload_bytes &&
               (p->flags & AKSU_TCP_ACK) != 0;
    if (length == 0 || f->probe) return;
    if (p->flags & AKSU_TCP_SYN) {
        f->retransmission = e->syn_sent && e->isn == p->seq;
    } else if (seq_after(s->nxt, p->seq)) {
        if (fill_hole(s, p->seq, p->seq + length, &since_ns) && time_ns - since_ns < REORDERED_NS)
            f->reordered = true;
        else
            f->retransmission = true;
    } else if (seq_after(p->seq, s->nxt)) {
        open_hole(s, s->nxt, p->seq, time_ns);
    }
}

/* ---- taking it in */

static void count(struct explain_conn *c, unsigned from, const ak_packet *p, const struct finding *f) {
    struct explain_side *s = &c->side[from];
    s->count.packets++;
    if (f->foreign) {
        s->count.foreign++;
        return;
    }
    if (f->retransmission)
        s->count.retransmissions++;
    else if (!f->probe)
        s->count.bytes += p->payload_bytes;
    s->count.reordered += f->reordered;
    s->count.probes += f->probe;
    s->count.zero_windows += p->wnd == 0 && (p->flags & (AKSU_TCP_RST | AKSU_TCP_SYN)) == 0;
    if ((p->flags & AKSU_TCP_RST) == 0) s->data_last = p->payload_bytes > 0;
    if ((p->flags & AKSU_TCP_RST) != 0) return; /* it answers nothing, and asks for nothing */
    s->unanswered = f->retransmission || f->probe ? s->unanswered + 1 : 0;
    c->side[1 - from].unanswered = 0;
}

/* RFC 9768 s3.1, Table 2: (AE, CWR, ECE) of a SYN,ACK that agree to accurate ECN. */
static void learn_ecn(struct explain_conn *c, unsigned from, uint16_t flags) {
    enum { ACE_SHIFT = 6, ASKS = 7, CLASSIC = 1, NONE = 0 };
    unsigned code = (unsigned)flags >> ACE_SHIFT & 7u;
    if ((flags & AKSU_TCP_ACK) == 0)
        c->side[from].asked_accurate = code == ASKS;
    else
        c->accurate = c->side[1 - from].asked_accurate && code != NONE && code != CLASSIC && code != ASKS;
}

static void learn(struct explain_conn *c, unsigned from, uint64_t time_ns, const ak_packet *p,
                  const struct finding *f) {
    struct explain_side *s = &c->side[from];
    uint32_t end = p->seq + p->payload_bytes + ((p->flags & AKSU_TCP_SYN) != 0) + ((p->flags & AKSU_TCP_FIN) != 0);
    bool syn = (p->flags & AKSU_TCP_SYN) != 0, ack = (p->flags & AKSU_TCP_ACK) != 0;
    if (!s->heard) s->first_seq = p->seq;
    if (!s->heard || (syn && !f->retransmission) || seq_after(end, s->nxt)) s->nxt = end;
    s->heard = true;
    if (syn) {
        s->syn = true;
        s->synchronizes = ack;
        s->has_wscale = (p->options.present & AKSU_OPT_WSCALE) != 0;
        s->wscale = s->has_wscale && p->options.wscale <= 14 ? p->options.wscale : 0;
        learn_ecn(c, from, p->flags);
        if (!ack) {
            c->syn_ns = time_ns;
            c->syn_timed = !f->retransmission; /* Karn: sent twice measures nothing */
        }
    } else if (ack && c->rtt_us == 0 && c->syn_timed && c->side[1 - from].synchronizes && time_ns > c->syn_ns) {
        uint64_t us = (time_ns - c->syn_ns) / 1000;
        c->rtt_us = us < UINT32_MAX ? (uint32_t)us : 0;
    }
}

static bool synchronized(const ak_inferred *s) {
    return s->sureness != AK_UNKNOWN && s->state >= AK_TCP_ESTABLISHED;
}

/* RFC 9293 s3.10.7.3 and RFC 5961 s3.2, as far as the capture shows the numbers. */
static bool acceptable_reset(const struct explain_conn *c, unsigned from, const ak_packet *p) {
    const ak_infer_end *e = &c->infer.end[from], *other = &c->infer.end[1 - from];
    if (other->now.state == AK_TCP_SYN_SENT && other->now.sureness != AK_UNKNOWN)
        return (p->flags & AKSU_TCP_ACK) != 0 && other->syn_sent && p->ack == c->side[1 - from].nxt;
    return (other->acked && p->seq == other->ack_max) || (e->nxt != 0 && p->seq == e->nxt) || !other->acked;
}

static bool take_reset(struct explain_conn *c, unsigned from, const ak_packet *p) {
    if (c->reset || !acceptable_reset(c, from, p)) return false;
    c->reset = true;
    c->reset_by = (uint8_t)from;
    c->reset_has_ack = (p->flags & AKSU_TCP_ACK) != 0;
    c->was_open = ak_explain_was_open(c);
    return true;
}

void ak_explain_take(struct explain_conn *c, unsigned from, uint64_t time_ns, const ak_packet *p, struct finding *f) {
    c->last_ns = time_ns;
    if (!f->foreign) judge(c, from, time_ns, p, f);
    count(c, from, p, f);
    if (f->foreign) return;
    bool begins_another = c->again && from == c->again_by && p->seq == c->again_seq &&
                          (p->flags & (AKSU_TCP_SYN | AKSU_TCP_ACK)) == AKSU_TCP_SYN;
    if (begins_another) return; /* it tells nothing of this one */
    if (p->flags & AKSU_TCP_RST) {
        bool taken = take_reset(c, from, p);
        if (taken && c->again && c->again_by == from && !c->reset_has_ack) {
            /* It is opening a new one, and says that it has no part in this. */
            c->infer.end[from].now = (ak_inferred){.state = AK_TCP_SYN_SENT, .sureness = AK_KNOWN};
            c->infer.end[1 - from].now = (ak_inferred){.state = AK_TCP_CLOSED, .sureness = AK_LIKELY};
            return;
        }
    } else if (c->reset && c->reset_by == from) {
        c->reset = false;
    }
    learn(c, from, time_ns, p, f);
    ak_infer_see(&c->infer,
                 &(ak_infer_segment){
                     .from = from, .seq = p->seq, .ack = p->ack, .payload_bytes = p->payload_bytes, .flags = p->flags});
}

/* ---- how it ended */

bool ak_explain_was_open(const struct explain_conn *c) {
    bool opened_here = c->side[0].syn || c->side[1].syn;
    if (!opened_here) return true; /* the capture began later */
    for (unsigned e = 0; e < 2; e++) {
        const ak_infer_end *end = &c->infer.end[e], *other = &c->infer.end[1 - e];
        if (synchronized(&end->now) && end->now.sureness == AK_KNOWN && other->syn_sent) return true;
        if (end->fin_sent && other->syn_sent && end->acked) return true;
    }
    return false;
}

static bool fin_acked(const struct explain_conn *c, unsigned end) {
    const ak_infer_end *e = &c->infer.end[end], *other = &c->infer.end[1 - end];
    return e->fin_sent && other->acked && seq_after(other->ack_max, e->fin_seq);
}

bool ak_explain_over(const struct explain_conn *c) {
    return c->reset || (fin_acked(c, 0) && fin_acked(c, 1));
}

static ak_ending reset_ending(const struct explain_conn *c, uint8_t *ret_by) {
    unsigned by = c->reset_by;
    *ret_by = (uint8_t)by;
    if (!c->was_open) {
        bool answered = c->side[0].synchronizes || c->side[1].synchronizes;
        bool own_syn = c->side[by].syn && !c->side[by].synchronizes;
        return answered && own_syn ? AK_END_BROKEN_OFF : AK_END_REFUSED;
    }
    if (c->infer.end[by].fin_sent && c->side[1 - by].data_last) return AK_END_AFTER_CLOSE;
    if (c->reset_has_ack && c->side[by].unanswered >= SILENT_AFTER) { /* it gave up */
        *ret_by = (uint8_t)(1 - by);
        return AK_END_SILENT;
    }
    return c->reset_has_ack ? AK_END_RESET : AK_END_HALF_OPEN;
}

static ak_ending opening_ending(const struct explain_conn *c) {
    bool answered = c->side[0].synchronizes || c->side[1].synchronizes || (c->side[0].syn && c->side[1].syn);
    return answered ? AK_END_UNFINISHED : AK_END_UNANSWERED;
}

static ak_ending ending(const struct explain_conn *c, uint8_t *ret_by) {
    const ak_infer_end *e = c->infer.end;
    *ret_by = 0;
    if (c->reopened) {
        *ret_by = c->again_by;
        return AK_END_REOPENED;
    }
    if (c->reset) return reset_ending(c, ret_by);
    bool first = e[0].fin_sent && !e[0].fin_after_peer_fin;
    if (fin_acked(c, 0) && fin_acked(c, 1)) {
        *ret_by = first ? 0 : 1;
        return e[0].fins_crossed ? AK_END_CLOSED_AT_ONCE : AK_END_CLOSED;
    }
    for (unsigned end = 0; end < 2; end++) {
        if (c->side[end].unanswered < SILENT_AFTER || !ak_explain_was_open(c)) continue;
        *ret_by = (uint8_t)(1 - end);
        return AK_END_SILENT;
    }
    if (e[0].fin_sent && e[1].fin_sent) return AK_END_CLOSING;
    if (e[0].fin_sent || e[1].fin_sent) {
        *ret_by = e[0].fin_sent ? 0 : 1;
        return AK_END_HALF_CLOSED;
    }
    return ak_explain_was_open(c) ? AK_END_OPEN : opening_ending(c);
}

void ak_explain_sum(const struct explain_conn *c, ak_explained *ret) {
    *ret = (ak_explained){.number = c->number,
                          .first_ns = c->first_ns,
                          .last_ns = c->last_ns,
                          .end = {c->end[0], c->end[1]},
                          .state = {c->infer.end[0].now, c->infer.end[1].now},
                          .side = {c->side[0].count, c->side[1].count},
                          .from_the_start = c->side[0].syn || c->side[1].syn};
    ret->ending = ending(c, &ret->by);
}
