/* What must always be true, whatever the network does.  Each check reads the trace stream of a node, or what went
 * through aksu_sim_send and aksu_sim_recv; none looks into a stack. */
#include "sim_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pure acknowledgments that may pass one after the other before that counts as going round without input. */
#define IDLE_PACKETS_MAX 2000

void aksu_sim_fail(aksu_sim *sim, const char *text) {
    if (sim->violation[0] != '\0') return;
    (void)snprintf(sim->violation, sizeof sim->violation, "%llu us: %s", (unsigned long long)sim->now_us, text);
}

const char *aksu_sim_violation(const aksu_sim *sim) {
    return sim->violation[0] != '\0' ? sim->violation : NULL;
}

/* ---------------------------------------------------------------- states */

#define TO(state) (1u << AK_TCP_##state)

bool aksu_sim_edge_legal(aksu_tcp_state from, aksu_tcp_state to) {
    /* RFC 9293 Figure 5 and s3.10; beyond it: LISTEN to ESTABLISHED by a SYN cookie, SYN-RECEIVED to TIME-WAIT when the
     * SYN was an old duplicate (s3.6.1), FIN-WAIT-2 to CLOSED by the orphan's timer.  A FIN in SYN-RECEIVED needs an
     * ACK, which makes it ESTABLISHED before the FIN is looked at (s3.10.7.4, fifth and eighth). */
    static const uint16_t legal[AK_TCP_STATE_COUNT] = {
        [AK_TCP_CLOSED] = TO(LISTEN) | TO(SYN_SENT),
        [AK_TCP_LISTEN] = TO(SYN_RECEIVED) | TO(SYN_SENT) | TO(CLOSED) | TO(ESTABLISHED),
        [AK_TCP_SYN_SENT] = TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(CLOSED),
        [AK_TCP_SYN_RECEIVED] = TO(ESTABLISHED) | TO(FIN_WAIT_1) | TO(LISTEN) | TO(CLOSED) | TO(TIME_WAIT),
        [AK_TCP_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
        [AK_TCP_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT) | TO(CLOSED),
        [AK_TCP_FIN_WAIT_2] = TO(TIME_WAIT) | TO(CLOSED),
        [AK_TCP_CLOSE_WAIT] = TO(LAST_ACK) | TO(CLOSED),
        [AK_TCP_CLOSING] = TO(TIME_WAIT) | TO(CLOSED),
        [AK_TCP_LAST_ACK] = TO(CLOSED),
        [AK_TCP_TIME_WAIT] = TO(CLOSED) | TO(SYN_RECEIVED),
    };
    return from < AK_TCP_STATE_COUNT && to < AK_TCP_STATE_COUNT && (legal[from] >> to & 1) != 0;
}

static void watch_state(struct aksu_sim *sim, const aksu_ev_state *state) {
    if (aksu_sim_edge_legal(state->from, state->to)) return;
    char text[128];
    (void)snprintf(text, sizeof text, "illegal change %s -> %s", aksu_tcp_state_name(state->from),
                   aksu_tcp_state_name(state->to));
    aksu_sim_fail(sim, text);
}

/* ---------------------------------------------------------------- windows */

static bool same_flow(const aksu_flow *a, const aksu_flow *b) {
    return a->local_port == b->local_port && a->remote_port == b->remote_port &&
           aksu_addr_equal(&a->local, &b->local) && aksu_addr_equal(&a->remote, &b->remote);
}

static struct ak_edge *edge_of(struct aksu_sim *sim, uint32_t node, const aksu_flow *flow) {
    for (size_t i = 0; i < sim->edge_count; i++) {
        if (sim->edge[i].node == node && same_flow(&sim->edge[i].flow, flow)) return &sim->edge[i];
    }
    return NULL;
}

static void edge_forget(struct aksu_sim *sim, uint32_t node, const aksu_flow *flow) {
    struct ak_edge *edge = edge_of(sim, node, flow);
    if (edge != NULL) *edge = sim->edge[--sim->edge_count];
}

void ak_sim_forget_node(struct aksu_sim *sim, uint32_t node) {
    for (size_t i = sim->edge_count; i-- > 0;) {
        if (sim->edge[i].node == node) sim->edge[i] = sim->edge[--sim->edge_count];
    }
}

static void edge_add(struct aksu_sim *sim, const struct ak_edge *edge) {
    if (sim->edge_count == sim->edge_cap) {
        size_t cap = sim->edge_cap == 0 ? 64 : sim->edge_cap * 2;
        struct ak_edge *more = realloc(sim->edge, cap * sizeof *more);
        if (more == NULL) return;
        sim->edge = more;
        sim->edge_cap = cap;
    }
    sim->edge[sim->edge_count++] = *edge;
}

/* SHLD-14: the right edge never moves left.  Scaling may round it down by less than one unit (RFC 7323 s2.4). */
static void watch_window(struct aksu_sim *sim, uint32_t node, const aksu_ev_segment *segment) {
    bool has_connection = segment->iss != 0 || segment->irs != 0;
    if (!has_connection || (segment->flags & AKSU_TCP_ACK) == 0 || (segment->flags & AKSU_TCP_RST)) return;
    if (segment->state_after == AK_TCP_TIME_WAIT || segment->state_after == AK_TCP_CLOSED) return;
    unsigned scale = segment->flags & AKSU_TCP_SYN ? 0 : segment->rcv_wscale;
    uint32_t right = segment->ack + ((uint32_t)segment->wnd << scale);
    struct ak_edge *edge = edge_of(sim, node, &segment->flow);
    if (edge == NULL) {
        edge_add(sim, &(struct ak_edge){.node = node, .flow = segment->flow, .right = right});
        return;
    }
    int32_t moved = (int32_t)(right - edge->right);
    /* A SYN,ACK before scaling holds may have announced more than a scaled field can say again. */
    if (moved <= -(int32_t)(1u << segment->rcv_wscale)) {
        char text[128];
        (void)snprintf(text, sizeof text, "node %u: right window edge moved left by %d", (unsigned)node, -moved);
        aksu_sim_fail(sim, text);
    }
    if (moved > 0) edge->right = right;
}

/* ---------------------------------------------------------------- loops */

static void watch_loop(struct aksu_sim *sim, const aksu_ev_segment *segment) {
    /* Text behind a gap is input, though nobody is told of it: a large flight that has lost its first segment. */
    if (segment->direction == AKSU_IN && segment->payload_bytes > 0 && segment->drop == AKSU_DROP_NONE)
        sim->idle_packets = 0;
    bool empty = segment->payload_bytes == 0 && (segment->flags & (AKSU_TCP_SYN | AKSU_TCP_FIN)) == 0;
    if (segment->direction != AKSU_OUT || !empty) return;
    if (++sim->idle_packets > IDLE_PACKETS_MAX) aksu_sim_fail(sim, "packets go round without input");
}

void ak_sim_watch(struct aksu_sim *sim, uint32_t node, const aksu_trace_event *event) {
    sim->stats.events++;
    switch (event->kind) {
    case AKSU_TRACE_SEGMENT:
        if (event->u.segment.direction == AKSU_OUT) watch_window(sim, node, &event->u.segment);
        watch_loop(sim, &event->u.segment);
        break;
    case AKSU_TRACE_STATE:
        sim->idle_packets = 0;
        watch_state(sim, &event->u.state);
        if (event->u.state.to == AK_TCP_CLOSED || event->u.state.to == AK_TCP_LISTEN)
            edge_forget(sim, node, &event->u.state.flow);
        if (event->u.state.from == AK_TCP_CLOSED || event->u.state.from == AK_TCP_TIME_WAIT ||
            event->u.state.from == AK_TCP_LISTEN)
            edge_forget(sim, node, &event->u.state.flow);
        break;
    case AKSU_TRACE_CALL:
    case AKSU_TRACE_ACCEPTED: sim->idle_packets = 0; break;
    case AKSU_TRACE_TIMER:
        if (event->u.timer.action == AKSU_TIMER_WAS_FIRED) sim->idle_packets = 0;
        break;
    case AKSU_TRACE_PACKET:
    case AKSU_TRACE_NOTIFY:
    case AKSU_TRACE_RTT:
    case AKSU_TRACE_CWND:
    case AKSU_TRACE_MODE:
    case AKSU_TRACE_LOSS:
    case AKSU_TRACE_KIND_COUNT: break;
    }
}

/* ---------------------------------------------------------------- streams */

static bool same_end(const aksu_endpoint *a, const aksu_endpoint *b) {
    return a->port == b->port && aksu_addr_equal(&a->addr, &b->addr);
}

static struct ak_stream *stream_of(struct aksu_sim *sim, const aksu_endpoint *from, const aksu_endpoint *to,
                                   uint32_t iss) {
    for (size_t i = sim->stream_count; i-- > 0;) {
        struct ak_stream *s = &sim->stream[i];
        if (s->iss == iss && same_end(&s->from, from) && same_end(&s->to, to)) return s;
    }
    return NULL;
}

static struct ak_stream *stream_add(struct aksu_sim *sim, const aksu_tcp_info *info) {
    if (sim->stream_count == sim->stream_cap) {
        size_t cap = sim->stream_cap == 0 ? 32 : sim->stream_cap * 2;
        struct ak_stream *more = realloc(sim->stream, cap * sizeof *more);
        if (more == NULL) return NULL;
        sim->stream = more;
        sim->stream_cap = cap;
    }
    struct ak_stream *s = &sim->stream[sim->stream_count++];
    *s = (struct ak_stream){.from = info->local, .to = info->remote, .iss = info->iss};
    return s;
}

static bool stream_append(struct ak_stream *s, const void *data, size_t bytes) {
    if (s->first > s->used) { /* moved when that frees at least as much as it moves */
        memcpy(s->bytes, s->bytes + s->first, s->used);
        s->first = 0;
    }
    if (s->first + s->used + bytes > s->cap) {
        size_t cap = (s->first + s->used + bytes) * 2;
        uint8_t *more = realloc(s->bytes, cap);
        if (more == NULL) return false;
        s->bytes = more;
        s->cap = cap;
    }
    memcpy(s->bytes + s->first + s->used, data, bytes);
    s->used += bytes;
    return true;
}

struct iov {
    const void *bytes;
    size_t count;
};

static aksu_err send_as(aksu_sim *sim, uint32_t node, aksu_sock sock, const struct iov *data, unsigned flags,
                        size_t *ret_bytes) {
    aksu_stack *stack = aksu_sim_stack(sim, node);
    if (stack == NULL) return AKSU_ERR_BADSOCK;
    size_t taken = 0;
    aksu_err err = aksu_tcp_send(stack, sock, data->bytes, data->count, flags, &taken);
    if (err != AKSU_OK) return err;
    aksu_tcp_info info;
    if (taken > 0 && aksu_tcp_status(stack, sock, &info) == AKSU_OK) {
        struct ak_stream *s = stream_of(sim, &info.local, &info.remote, info.iss);
        if (s == NULL) s = stream_add(sim, &info);
        if (s == NULL || !stream_append(s, data->bytes, taken)) aksu_sim_fail(sim, "no memory to follow a stream");
    }
    *ret_bytes = taken;
    return AKSU_OK;
}

aksu_err aksu_sim_send(aksu_sim *sim, uint32_t node, aksu_sock sock, const void *data, size_t data_bytes,
                       size_t *ret_bytes) {
    return send_as(sim, node, sock, &(struct iov){.bytes = data, .count = data_bytes}, 0, ret_bytes);
}

aksu_err aksu_sim_send_urgent(aksu_sim *sim, uint32_t node, aksu_sock sock, const void *data, size_t data_bytes,
                              size_t *ret_bytes) {
    return send_as(sim, node, sock, &(struct iov){.bytes = data, .count = data_bytes}, AKSU_SEND_URGENT, ret_bytes);
}

aksu_err aksu_sim_recv(aksu_sim *sim, uint32_t node, aksu_sock sock, void *buf, size_t cap, size_t *ret_bytes) {
    aksu_stack *stack = aksu_sim_stack(sim, node);
    if (stack == NULL) return AKSU_ERR_BADSOCK;
    aksu_tcp_info info;
    aksu_err known = aksu_tcp_status(stack, sock, &info);
    size_t got = 0;
    aksu_err err = aksu_tcp_recv(stack, sock, buf, cap, &got);
    if (err != AKSU_OK) return err;
    *ret_bytes = got;
    if (known != AKSU_OK || got == 0) return AKSU_OK;
    sim->stats.stream_bytes += got;
    struct ak_stream *s = stream_of(sim, &info.remote, &info.local, info.irs);
    if (s == NULL) {
        aksu_sim_fail(sim, "bytes that nobody sent were delivered");
    } else if (got > s->used) {
        aksu_sim_fail(sim, "more bytes were delivered than were sent");
    } else if (memcmp(s->bytes + s->first, buf, got) != 0) {
        char text[128];
        (void)snprintf(text, sizeof text, "other bytes were delivered than were sent, from stream position %llu on",
                       (unsigned long long)s->base);
        aksu_sim_fail(sim, text);
    } else {
        s->used -= got;
        s->base += got;
        s->first += got;
    }
    return AKSU_OK;
}

/* ---------------------------------------------------------------- the end */

bool aksu_sim_settled(aksu_sim *sim) {
    for (uint32_t i = 0; i < sim->node_count; i++) {
        if (sim->node[i].stack == NULL) continue;
        aksu_counters c;
        aksu_counters_get(sim->node[i].stack, &c);
        const struct {
            uint32_t used;
            const char *name;
        } held[] = {
            {c.tcp_used, "connections"},
            {c.listener_used, "listeners"},
            {c.syn_cache_used, "half-open records"},
            {c.time_wait_used, "TIME-WAIT records"},
            {c.transfer_used, "transfer states"},
            {c.block_used, "blocks"},
            {c.record_used, "transmission records"},
            {c.frame_used, "frames"},
        };
        for (size_t k = 0; k < sizeof held / sizeof held[0]; k++) {
            if (held[k].used == 0) continue;
            char text[128];
            (void)snprintf(text, sizeof text, "node %u still holds %u %s", (unsigned)i, (unsigned)held[k].used,
                           held[k].name);
            aksu_sim_fail(sim, text);
        }
    }
    return sim->violation[0] == '\0';
}
