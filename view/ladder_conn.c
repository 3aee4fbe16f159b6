/* Connections of the ladder: found by their two endpoints, seen from either host; their initial numbers and what
 * follows from them.
 *
 * The table is small and searched in order (a ladder of more than a few connections is filtered by its reader); when it
 * is full the least recently used entry makes room, so a live ladder's memory is bounded. */
#include "view/ladder_model.h"

#include <string.h>

static bool same_end(const aksu_endpoint *e, const aksu_addr *addr, uint16_t port) {
    return e->port == port && memcmp(&e->addr, addr, sizeof *addr) == 0;
}

static bool is_zero(const aksu_addr *addr) {
    static const aksu_addr zero;
    return memcmp(addr, &zero, sizeof zero) == 0;
}

static bool wanted(const ak_ladder *l, const aksu_flow *flow) {
    const ak_ladder_options *o = &l->options;
    if (o->filter_port != 0 && flow->local_port != o->filter_port && flow->remote_port != o->filter_port) return false;
    return is_zero(&o->filter_addr) || memcmp(&o->filter_addr, &flow->local, sizeof(aksu_addr)) == 0 ||
           memcmp(&o->filter_addr, &flow->remote, sizeof(aksu_addr)) == 0;
}

static uint8_t host_of(const ak_ladder *l, const aksu_addr *addr, unsigned not_host) {
    if (l->options.sides == AK_LADDER_ONE_SIDED) return 1;
    for (unsigned h = 0; h < l->options.host_count; h++) {
        if (memcmp(&l->options.host_addr[h], addr, sizeof *addr) == 0) return (uint8_t)h;
    }
    return not_host == 0 ? 1 : 0;
}

/* Where a host's own address is known, the flow's local end may still be another's: a forged source. */
static uint8_t own_host(const ak_ladder *l, const aksu_flow *flow, unsigned host) {
    if (l->options.sides == AK_LADDER_ONE_SIDED) return 0;
    for (unsigned h = 0; h < l->options.host_count; h++) {
        if (memcmp(&l->options.host_addr[h], &flow->local, sizeof flow->local) == 0) return (uint8_t)h;
    }
    return (uint8_t)host;
}

static struct ladder_conn *room(ak_ladder *l) {
    struct ladder_conn *oldest = &l->conns[0];
    for (uint32_t i = 0; i < l->options.connection_max; i++) {
        struct ladder_conn *c = &l->conns[i];
        if (!c->used) return c;
        if (c->last_use < oldest->last_use) oldest = c;
    }
    return oldest;
}

struct ladder_conn *ak_ladder_conn(ak_ladder *l, unsigned host, const aksu_flow *flow, unsigned *ret_end,
                                   bool *ret_new) {
    *ret_new = false;
    *ret_end = 0;
    if (!wanted(l, flow)) return NULL;
    l->use_count++;
    for (uint32_t i = 0; i < l->options.connection_max; i++) {
        struct ladder_conn *c = &l->conns[i];
        for (unsigned end = 0; c->used && end < 2; end++) {
            if (!same_end(&c->end[end], &flow->local, flow->local_port)) continue;
            if (!same_end(&c->end[1 - end], &flow->remote, flow->remote_port)) continue;
            c->last_use = l->use_count;
            *ret_end = end;
            return c;
        }
    }
    struct ladder_conn *c = room(l);
    *c = (struct ladder_conn){.used = true, .number = l->connection_count++, .last_use = l->use_count};
    c->end[0] = (aksu_endpoint){.addr = flow->local, .port = flow->local_port, .link = AKSU_LINK_ANY};
    c->end[1] = (aksu_endpoint){.addr = flow->remote, .port = flow->remote_port, .link = AKSU_LINK_ANY};
    c->host[0] = own_host(l, flow, host);
    c->host[1] = host_of(l, &flow->remote, c->host[0]);
    c->rtt_us = l->options.rtt_us;
    *ret_new = true;
    return c;
}

static void set_isn(struct ladder_conn *c, unsigned end, uint32_t isn) {
    c->isn[end] = isn;
    c->isn_known[end] = true;
}

static void learn_rtt(struct ladder_conn *c, unsigned end, uint64_t time_us, const aksu_ev_segment *s) {
    if (s->direction == AKSU_OUT) {
        /* Karn's rule (RFC 6298 s3): what was sent twice measures nothing. */
        if ((s->flags & AKSU_TCP_SYN) != 0) {
            /* A SYN,ACK that answers a crossing SYN does not start the clock anew. */
            if (!c->opening[end]) c->opened_us[end] = time_us;
            c->opening[end] = !s->retransmission;
        }
    } else if (c->opening[end] && (s->flags & AKSU_TCP_ACK) != 0) {
        c->opening[end] = false;
        uint64_t rtt_us = time_us - c->opened_us[end];
        if (c->rtt_us == 0 && s->drop == AKSU_DROP_NONE && rtt_us > 0 && rtt_us < UINT32_MAX)
            c->rtt_us = (uint32_t)rtt_us;
    }
}

static bool synchronized_state(aksu_tcp_state state) {
    return state != AK_TCP_CLOSED && state != AK_TCP_LISTEN && state != AK_TCP_SYN_SENT;
}

void ak_ladder_learn(ak_ladder *l, struct ladder_conn *c, unsigned host, unsigned end, uint64_t time_us,
                     const aksu_ev_segment *s) {
    bool owner = c->host[end] == host;
    bool one_sided = l->options.sides == AK_LADDER_ONE_SIDED;
    bool syn = (s->flags & AKSU_TCP_SYN) != 0;
    if (syn && s->direction == AKSU_OUT && (owner || !c->isn_known[end])) set_isn(c, end, s->seq);
    if (syn && s->direction == AKSU_IN && !c->isn_known[1 - end]) set_isn(c, 1 - end, s->seq);
    /* The connection itself knows best, once it has both numbers.  All sides: each for its own number only. */
    if (owner && s->iss != 0 && s->state_after != AK_TCP_CLOSED && s->state_after != AK_TCP_LISTEN) {
        set_isn(c, end, s->iss);
        if (one_sided && s->irs != 0 && synchronized_state(s->state_after)) set_isn(c, 1 - end, s->irs);
    }
    if (owner) learn_rtt(c, end, time_us, s);
}

int64_t ak_ladder_number(const ak_ladder *l, const struct ladder_conn *c, unsigned end, uint32_t raw) {
    if (l->options.numbers == AK_NUMBERS_ABSOLUTE || !c->isn_known[end]) return raw;
    uint32_t distance = raw - c->isn[end];
    /* Just below the initial number: an old segment, or the reset of one.  Shown as negative. */
    int64_t shown = distance >= 0xf0000000u ? (int64_t)distance - ((int64_t)1 << 32) : (int64_t)distance;
    return shown + l->options.base[c->host[end]];
}

void ak_ladder_segment(const ak_ladder *l, const struct ladder_conn *c, unsigned end, const aksu_ev_segment *s,
                       ak_row_segment *ret_segment) {
    unsigned from = s->direction == AKSU_OUT ? end : 1 - end;
    uint8_t wscale = s->direction == AKSU_OUT ? s->rcv_wscale : s->snd_wscale;
    /* RFC 7323 s2.2: the window of a SYN is never scaled. */
    if ((s->flags & AKSU_TCP_SYN) != 0 || wscale > 14) wscale = 0;
    *ret_segment = (ak_row_segment){
        .seq = ak_ladder_number(l, c, from, s->seq),
        .ack = ak_ladder_number(l, c, 1 - from, s->ack),
        .payload_bytes = s->payload_bytes,
        .segment_bytes = s->segment_bytes,
        .wnd_bytes = (uint32_t)s->wnd << wscale,
        .up = s->up,
        .flags = s->flags,
        .ace = s->ace,
        .data_offset = s->data_offset,
        .options = s->options,
        .drop = s->drop,
        .cause = s->cause,
        .retransmission = s->retransmission,
        .fate = AK_FATE_ARRIVED,
    };
    /* RFC 9293 s3.10.7.1: a reset for a segment without ACK bears the number 0 itself, not one of the stream. */
    if ((s->flags & AKSU_TCP_RST) != 0 && (s->flags & AKSU_TCP_ACK) != 0 && s->seq == 0) ret_segment->seq = 0;
    for (unsigned i = 0; i < s->options.sack_count && i < AKSU_SACK_BLOCK_MAX; i++) {
        ret_segment->options.sack[i].left = (uint32_t)ak_ladder_number(l, c, 1 - from, s->options.sack[i].left);
        ret_segment->options.sack[i].right = (uint32_t)ak_ladder_number(l, c, 1 - from, s->options.sack[i].right);
    }
}

void ak_ladder_listen(ak_ladder *l, unsigned host, const aksu_ev_state *s) {
    struct ladder_listener *place = NULL;
    for (unsigned i = 0; i < LISTENER_MAX; i++) {
        struct ladder_listener *n = &l->listener[i];
        if (n->used && n->host == host && n->port == s->flow.local_port) {
            place = n;
            break;
        }
        if (!n->used && place == NULL) place = n;
    }
    if (place == NULL) return;
    *place =
        (struct ladder_listener){.used = s->to == AK_TCP_LISTEN, .host = (uint8_t)host, .port = s->flow.local_port};
}

bool ak_ladder_listens(const ak_ladder *l, unsigned host, uint16_t port) {
    for (unsigned i = 0; i < LISTENER_MAX; i++) {
        const struct ladder_listener *n = &l->listener[i];
        if (n->used && n->host == host && n->port == port) return true;
    }
    return false;
}
