/* A captured connection as rows of the ladder: both ends inferred.  Numbers are relative to the SYN's, or to just below
 * the first byte seen where the capture began later. */
#include "view/explain_conn.h"

static void emit(struct explain_conn *c, const ak_explain_options *o, uint64_t time_us, ak_row *row) {
    row->time_us = time_us;
    row->since_us = time_us;
    row->rtt_us = c->rtt_us;
    row->connection = 0;
    row->connections = 1;
    if (o->gap_us != 0 && time_us - c->last_row_us >= o->gap_us) {
        ak_row gap = *row;
        gap.kind = AK_ROW_GAP;
        gap.u.gap.gap_us = time_us - c->last_row_us;
        c->last_row_us = time_us;
        o->row(o->user, &gap);
    }
    c->last_row_us = time_us;
    o->row(o->user, row);
}

void ak_explain_first_row(struct explain_conn *c, const ak_explain_options *o) {
    ak_row row = {.kind = AK_ROW_CONNECTION, .host = 0, .peer = 1};
    for (uint8_t end = 0; end < 2; end++) {
        row.u.connection.end[end] = c->end[end];
        row.u.connection.host[end] = end;
    }
    emit(c, o, 0, &row);
}

static int64_t shown(const struct explain_conn *c, const ak_explain_options *o, unsigned end, uint32_t raw) {
    const struct explain_side *s = &c->side[end];
    if (o->numbers == AK_NUMBERS_ABSOLUTE) return raw;
    uint32_t base;
    if (s->syn)
        base = c->infer.end[end].isn;
    else if (s->heard)
        base = s->first_seq - 1;
    else
        base = c->infer.end[1 - end].ack_max - 1;
    uint32_t distance = raw - base;
    return distance >= 0xf0000000u ? (int64_t)distance - ((int64_t)1 << 32) : (int64_t)distance;
}

static void segment_row(const struct explain_conn *c, const ak_explain_options *o, unsigned from, const ak_packet *p,
                        const struct finding *f, ak_row_segment *ret) {
    const struct explain_side *s = &c->side[from];
    bool scaled = (p->flags & AKSU_TCP_SYN) == 0 && s->has_wscale && c->side[1 - from].has_wscale;
    *ret = (ak_row_segment){.seq = shown(c, o, from, p->seq),
                            .ack = (p->flags & AKSU_TCP_ACK) != 0 ? shown(c, o, 1 - from, p->ack) : 0,
                            .payload_bytes = p->payload_bytes,
                            .wnd_bytes = (uint32_t)p->wnd << (scaled ? s->wscale : 0),
                            .up = p->up,
                            .flags = p->flags,
                            .ace = c->accurate && (p->flags & AKSU_TCP_SYN) == 0,
                            .data_offset = p->data_offset,
                            .options = p->options,
                            .retransmission = f->retransmission,
                            .duplicate = f->copy,
                            .cause = f->probe ? AKSU_SEND_KEEPALIVE_CAUSE : AKSU_SEND_NONE_CAUSE,
                            .fate = AK_FATE_ARRIVED};
    /* RFC 9293 s3.10.7.1: a reset for a segment without ACK bears the number 0 itself, not one of the stream. */
    if ((p->flags & AKSU_TCP_RST) != 0 && p->seq == 0) ret->seq = 0;
    for (unsigned i = 0; i < p->options.sack_count && i < AKSU_SACK_BLOCK_MAX; i++) {
        ret->options.sack[i].left = (uint32_t)shown(c, o, 1 - from, p->options.sack[i].left);
        ret->options.sack[i].right = (uint32_t)shown(c, o, 1 - from, p->options.sack[i].right);
    }
}

void ak_explain_rows(struct explain_conn *c, const ak_explain_options *o, unsigned from, uint64_t time_ns,
                     const ak_packet *p, const struct finding *f) {
    uint64_t time_us = (time_ns - c->first_ns) / 1000;
    ak_row row = {.kind = AK_ROW_SEGMENT, .host = (uint8_t)from, .peer = (uint8_t)(1 - from)};
    segment_row(c, o, from, p, f, &row.u.segment);
    emit(c, o, time_us, &row);
    for (unsigned i = 0; i < 2; i++) {
        unsigned end = i == 0 ? from : 1 - from;
        ak_inferred now = c->infer.end[end].now;
        if (now.state == c->shown[end].state && now.sureness == c->shown[end].sureness) continue;
        ak_row state = {.kind = AK_ROW_STATE, .host = (uint8_t)end};
        state.u.state = (ak_row_state){.from = c->shown[end].state, .to = now.state, .sureness = now.sureness};
        c->shown[end] = now;
        emit(c, o, time_us, &state);
    }
}
