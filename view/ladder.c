/* The ladder's model: trace events in, rows out.  See ladder.h for what the rows mean.
 *
 * Order.  An event that is a consequence (a state change, accepted bytes, a notification, a measurement) is held until
 * it is clear what it followed: an incoming segment, call or timer of the same moment and connection is shown before
 * what was held. Anything else first lets go of what is held.  PENDING_MAX bounds it.
 *
 * One-sided rows go to the sink at once and are not kept.  With all sides, or without a sink, they are kept, at most
 * row_max of them; then one OMITTED row says so and the rest is dropped. */
#include "view/ladder_model.h"

#include <stdlib.h>
#include <string.h>

ak_ladder *ak_ladder_open(const ak_ladder_options *options, ak_row_sink *sink, void *sink_user) {
    bool all_sides = options->sides == AK_LADDER_ALL_SIDES;
    if (all_sides && (options->host_count < 2 || options->host_count > AK_LADDER_HOST_MAX)) return NULL;
    ak_ladder *l = calloc(1, sizeof *l);
    if (l == NULL) return NULL;
    l->options = *options;
    if (!all_sides) l->options.host_count = 2;
    if (l->options.connection_max == 0) l->options.connection_max = 64;
    if (l->options.row_max == 0) l->options.row_max = 100000;
    l->sink = sink;
    l->sink_user = sink_user;
    l->conns = calloc(l->options.connection_max, sizeof *l->conns);
    if (l->conns == NULL) {
        free(l);
        return NULL;
    }
    return l;
}

void ak_ladder_close(ak_ladder *l) {
    if (l == NULL) return;
    free(l->conns);
    free(l->rows);
    free(l->flights);
    free(l);
}

const ak_row *ak_ladder_rows(const ak_ladder *l, size_t *ret_row_count) {
    *ret_row_count = l->row_count;
    return l->rows;
}

/* ---- rows */

/* Room for one more element of an array that doubles. */
static bool grow(void **array, size_t *cap, size_t count, size_t element_bytes) {
    if (count < *cap) return true;
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *bigger = realloc(*array, more * element_bytes);
    if (bigger == NULL) return false;
    *array = bigger;
    *cap = more;
    return true;
}

static void store(ak_ladder *l, const ak_row *row) {
    if (l->omitted) return;
    if (!grow((void **)&l->rows, &l->row_cap, l->row_count + 1, sizeof *l->rows)) {
        l->omitted = true;
        return;
    }
    l->rows[l->row_count] = *row;
    if (l->row_count + 1 >= l->options.row_max) {
        l->rows[l->row_count] =
            (ak_row){.kind = AK_ROW_OMITTED, .time_us = row->time_us, .connection = AK_NO_CONNECTION};
        l->omitted = true;
    }
    l->row_count++;
}

static void give(ak_ladder *l, const ak_row *row) {
    if (l->options.sides == AK_LADDER_ALL_SIDES || l->sink == NULL) store(l, row);
    if (l->sink != NULL) l->sink(l->sink_user, row);
}

static void emit(ak_ladder *l, struct ladder_conn *c, uint64_t time_us, ak_row *row) {
    row->time_us = time_us - l->start_us;
    row->connection = c != NULL ? c->number : AK_NO_CONNECTION;
    row->connections = l->connection_count;
    row->since_us = c != NULL ? time_us - c->start_us : row->time_us;
    row->rtt_us = c != NULL ? c->rtt_us : 0;
    uint64_t silence_us = row->time_us - l->last_row_us;
    if (l->options.gap_us != 0 && silence_us >= l->options.gap_us) {
        ak_row gap = *row;
        gap.kind = AK_ROW_GAP;
        gap.u.gap.gap_us = silence_us;
        give(l, &gap);
    }
    l->last_row_us = row->time_us;
    give(l, row);
}

static void emit_state(ak_ladder *l, struct ladder_conn *c, uint64_t time_us, unsigned host, ak_row_state state) {
    ak_row row = {.kind = AK_ROW_STATE, .host = (uint8_t)host, .u.state = state};
    emit(l, c, time_us, &row);
}

/* ---- connections */

static void begin_connection(ak_ladder *l, struct ladder_conn *c, uint64_t time_us) {
    c->start_us = time_us;
    ak_row row = {.kind = AK_ROW_CONNECTION, .host = c->host[0], .peer = c->host[1]};
    for (unsigned end = 0; end < 2; end++) {
        row.u.connection.end[end] = c->end[end];
        row.u.connection.host[end] = c->host[end];
    }
    emit(l, c, time_us, &row);
    for (unsigned end = 0; end < 2; end++) {
        if (!ak_ladder_listens(l, c->host[end], c->end[end].port)) continue;
        c->shown[end] = AK_TCP_LISTEN;
        if (c->number == 0) continue; /* the listener's own row stands above */
        emit_state(l, c, time_us, c->host[end],
                   (ak_row_state){.to = AK_TCP_LISTEN, .sureness = AK_KNOWN, .initial = true});
    }
}

static struct ladder_conn *conn_of(ak_ladder *l, unsigned host, uint64_t time_us, const aksu_flow *flow,
                                   unsigned *ret_end) {
    bool is_new;
    struct ladder_conn *c = ak_ladder_conn(l, host, flow, ret_end, &is_new);
    if (is_new) begin_connection(l, c, time_us);
    return c;
}

static const aksu_flow *flow_of(const aksu_trace_event *e) {
    switch (e->kind) {
    case AKSU_TRACE_SEGMENT: return &e->u.segment.flow;
    case AKSU_TRACE_STATE: return &e->u.state.flow;
    case AKSU_TRACE_TIMER: return &e->u.timer.flow;
    case AKSU_TRACE_CALL: return &e->u.call.flow;
    case AKSU_TRACE_NOTIFY: return &e->u.notify.flow;
    case AKSU_TRACE_ACCEPTED: return &e->u.accepted.flow;
    case AKSU_TRACE_RTT: return &e->u.rtt.flow;
    case AKSU_TRACE_CWND: return &e->u.cwnd.flow;
    case AKSU_TRACE_MODE: return &e->u.mode.flow;
    case AKSU_TRACE_LOSS: return &e->u.loss.flow;
    case AKSU_TRACE_PACKET:
    case AKSU_TRACE_KIND_COUNT: break;
    }
    return NULL;
}

/* ---- segments */

static void show_peer(ak_ladder *l, struct ladder_conn *c, uint64_t time_us) {
    ak_inferred now = c->infer.end[1].now;
    if (now.state == c->peer_shown.state && now.sureness == c->peer_shown.sureness) return;
    ak_row_state state = {.from = c->peer_shown.state, .to = now.state, .sureness = now.sureness};
    c->peer_shown = now;
    emit_state(l, c, time_us, 1, state);
}

/* Was this segment dropped for a reason that leaves no doubt that the peer sent it? */
static bool tells_of_peer(aksu_drop drop) {
    static const aksu_drop honest[] = {
        AKSU_DROP_NONE,
        AKSU_DROP_TCP_DUPLICATE,
        AKSU_DROP_TCP_NO_CONNECTION,
        AKSU_DROP_TCP_BACKLOG_FULL,
        AKSU_DROP_TCP_REFUSED,
        AKSU_DROP_TCP_SYN_CACHE_FULL,
        AKSU_DROP_TCP_NO_MEMORY,
        AKSU_DROP_TCP_WINDOW_FULL,
        AKSU_DROP_TCP_AFTER_CLOSE,
    };
    for (size_t i = 0; i < sizeof honest / sizeof *honest; i++) {
        if (drop == honest[i]) return true;
    }
    return false;
}

static void infer_peer(ak_ladder *l, struct ladder_conn *c, uint64_t time_us, const aksu_ev_segment *s) {
    if (s->direction == AKSU_IN && !tells_of_peer(s->drop)) return;
    ak_infer_see(&c->infer, &(ak_infer_segment){
                                .from = s->direction == AKSU_OUT ? 0 : 1,
                                .seq = s->seq,
                                .ack = s->ack,
                                .payload_bytes = s->payload_bytes,
                                .flags = s->flags,
                            });
    show_peer(l, c, time_us);
}

static bool pending_has_state(const ak_ladder *l) {
    for (uint32_t i = 0; i < l->pending_count; i++) {
        if (l->pending[i].event.kind == AKSU_TRACE_STATE) return true;
    }
    return false;
}

static struct ladder_flight *find_flight(ak_ladder *l, uint64_t packet) {
    for (size_t i = l->flight_count; packet != 0 && i > 0; i--) {
        if (l->flights[i - 1].packet == packet) return &l->flights[i - 1];
    }
    return NULL;
}

static void depart(ak_ladder *l, struct ladder_conn *c, uint64_t packet, uint64_t time_us, ak_row *row) {
    row->kind = AK_ROW_DEPART;
    row->u.segment.fate = AK_FATE_IN_FLIGHT;
    if (!grow((void **)&l->flights, &l->flight_cap, l->flight_count, sizeof *l->flights)) return;
    uint32_t flight = packet != 0 ? (uint32_t)l->flight_count + 1 : 0;
    row->u.segment.flight = flight;
    emit(l, c, time_us, row);
    if (l->omitted || packet == 0) return;
    l->flights[l->flight_count++] = (struct ladder_flight){.packet = packet, .flight = flight, .row = l->row_count - 1};
}

static void arrive(ak_ladder *l, struct ladder_conn *c, uint64_t packet, uint64_t time_us, ak_row *row) {
    row->kind = AK_ROW_ARRIVE;
    struct ladder_flight *f = find_flight(l, packet);
    if (f != NULL) {
        ak_row *departed = &l->rows[f->row];
        ak_row_segment *s = &departed->u.segment;
        row->peer = departed->host;
        row->u.segment.seq = s->seq; /* as they were when it left: a new incarnation may count otherwise */
        row->u.segment.ack = s->ack;
        row->u.segment.duplicate = s->flight != f->flight || s->fate == AK_FATE_ARRIVED;
        row->u.segment.flight = row->u.segment.duplicate ? 0 : f->flight;
        row->u.segment.cause = s->cause;
        row->u.segment.retransmission = s->retransmission;
        if (!row->u.segment.duplicate) {
            s->fate = AK_FATE_ARRIVED;
            s->arrive_us = time_us - l->start_us;
        }
    }
    emit(l, c, time_us, row);
}

static void on_segment(ak_ladder *l, unsigned host, uint64_t packet, const aksu_trace_event *e) {
    const aksu_ev_segment *s = &e->u.segment;
    unsigned end;
    struct ladder_conn *c = conn_of(l, host, e->time_us, &s->flow, &end);
    if (c == NULL) return;
    bool owner = c->host[end] == host;
    bool out = s->direction == AKSU_OUT;
    ak_ladder_learn(l, c, host, end, e->time_us, s);
    if (owner && !out && s->state_before == AK_TCP_LISTEN && c->shown[end] != AK_TCP_LISTEN) {
        c->shown[end] = AK_TCP_LISTEN;
        emit_state(l, c, e->time_us, host, (ak_row_state){.to = AK_TCP_LISTEN, .sureness = AK_KNOWN, .initial = true});
    }
    ak_row row = {.kind = AK_ROW_SEGMENT};
    ak_ladder_segment(l, c, end, s, &row.u.segment);
    if (l->options.sides == AK_LADDER_ONE_SIDED) {
        row.host = out ? 0 : 1;
        row.peer = out ? 1 : 0;
        emit(l, c, e->time_us, &row);
    } else {
        row.host = (uint8_t)host;
        row.peer = c->host[1 - end];
        if (out) {
            depart(l, c, packet, e->time_us, &row);
        } else {
            arrive(l, c, packet, e->time_us, &row);
        }
    }
    if (owner && s->state_before != s->state_after && !pending_has_state(l)) {
        if (c->shown[end] != s->state_after) {
            emit_state(l, c, e->time_us, host,
                       (ak_row_state){.from = s->state_before, .to = s->state_after, .sureness = AK_KNOWN});
        }
        c->shown[end] = s->state_after;
        c->segment_state = true;
        c->segment_state_us = e->time_us;
    }
    if (l->options.sides == AK_LADDER_ONE_SIDED) infer_peer(l, c, e->time_us, s);
}

void ak_ladder_lost(ak_ladder *l, uint64_t packet, const char *const why[AK_LANG_COUNT]) {
    struct ladder_flight *f = find_flight(l, packet);
    if (f == NULL) return;
    ak_row_segment *s = &l->rows[f->row].u.segment;
    if (s->flight != f->flight || s->fate != AK_FATE_IN_FLIGHT) return;
    s->fate = AK_FATE_LOST;
    s->lost_why = why;
}

void ak_ladder_copied(ak_ladder *l, uint64_t packet, uint64_t copy) {
    struct ladder_flight *f = find_flight(l, packet);
    if (f == NULL || !grow((void **)&l->flights, &l->flight_cap, l->flight_count, sizeof *l->flights)) return;
    f = find_flight(l, packet); /* the array may have moved */
    l->flights[l->flight_count] =
        (struct ladder_flight){.packet = copy, .flight = (uint32_t)l->flight_count + 1, .row = f->row};
    l->flight_count++;
}

/* ---- the other events */

static void on_state(ak_ladder *l, unsigned host, const aksu_trace_event *e) {
    const aksu_ev_state *s = &e->u.state;
    ak_row_state state = {.from = s->from, .to = s->to, .sureness = AK_KNOWN, .cause = s->cause, .reason = s->reason};
    if (s->flow.remote_port == 0) {
        if (l->options.filter_port != 0 && l->options.filter_port != s->flow.local_port) return;
        ak_ladder_listen(l, host, s);
        emit_state(l, NULL, e->time_us, host, state);
        return;
    }
    unsigned end;
    struct ladder_conn *c = conn_of(l, host, e->time_us, &s->flow, &end);
    if (c == NULL || c->host[end] != host) return;
    bool told = c->segment_state && c->segment_state_us == e->time_us && s->cause == AKSU_STATE_BY_SEGMENT;
    if (told || c->shown[end] == s->to) return;
    c->shown[end] = s->to;
    emit_state(l, c, e->time_us, host, state);
}

static void on_packet(ak_ladder *l, unsigned host, const aksu_trace_event *e) {
    const aksu_ev_packet *p = &e->u.packet;
    if ((l->options.show & AK_SHOW_PACKETS) == 0) return;
    ak_row row = {.kind = AK_ROW_PACKET, .host = (uint8_t)host};
    row.u.packet.protocol = p->protocol;
    row.u.packet.icmp_type = p->icmp_type;
    row.u.packet.icmp_code = p->icmp_code;
    row.u.packet.direction = p->direction;
    row.u.packet.drop = p->drop;
    emit(l, NULL, e->time_us, &row);
}

/* The row of an event about a connection that is neither a segment nor a state; false: not shown. */
static bool note(ak_ladder *l, struct ladder_conn *c, unsigned end, const aksu_trace_event *e, ak_row *row) {
    uint32_t show = l->options.show;
    switch (e->kind) {
    case AKSU_TRACE_CALL:
        row->kind = AK_ROW_CALL;
        row->u.call.call = e->u.call.call;
        row->u.call.bytes = e->u.call.bytes;
        row->u.call.err = e->u.call.err;
        return e->u.call.err != AKSU_ERR_AGAIN || (show & AK_SHOW_AGAIN) != 0;
    case AKSU_TRACE_NOTIFY:
        row->kind = AK_ROW_NOTIFY;
        row->u.notify.bits = e->u.notify.bits;
        row->u.notify.reason = e->u.notify.reason;
        return e->u.notify.bits != 0;
    case AKSU_TRACE_ACCEPTED:
        if (c == NULL) return false;
        row->kind = AK_ROW_DELIVERED;
        row->u.delivered.bytes = e->u.accepted.bytes;
        c->delivered_bytes[end] += e->u.accepted.bytes;
        row->u.delivered.total_bytes = c->delivered_bytes[end];
        return e->u.accepted.bytes != 0;
    case AKSU_TRACE_TIMER:
        row->kind = AK_ROW_TIMER;
        row->u.timer.timer = e->u.timer.timer;
        row->u.timer.action = e->u.timer.action;
        row->u.timer.in_us = e->u.timer.deadline_us > e->time_us ? e->u.timer.deadline_us - e->time_us : 0;
        return e->u.timer.action == AKSU_TIMER_WAS_FIRED || (show & AK_SHOW_TIMERS) != 0;
    case AKSU_TRACE_RTT:
        row->kind = AK_ROW_RTT;
        row->u.rtt.sample_us = e->u.rtt.sample_us;
        row->u.rtt.srtt_us = e->u.rtt.srtt_us;
        row->u.rtt.rto_us = e->u.rtt.rto_us;
        return (show & AK_SHOW_CWND) != 0;
    case AKSU_TRACE_CWND:
        row->kind = AK_ROW_CWND;
        row->u.cwnd.cause = e->u.cwnd.cause;
        row->u.cwnd.cwnd_bytes = e->u.cwnd.cwnd_bytes;
        row->u.cwnd.ssthresh_bytes = e->u.cwnd.ssthresh_bytes;
        row->u.cwnd.in_flight_bytes = e->u.cwnd.in_flight_bytes;
        return (show & AK_SHOW_CWND) != 0;
    case AKSU_TRACE_MODE:
        row->kind = AK_ROW_MODE;
        row->u.mode.mode = e->u.mode.mode;
        row->u.mode.bandwidth = e->u.mode.bandwidth;
        row->u.mode.min_rtt_us = e->u.mode.min_rtt_us;
        return true;
    case AKSU_TRACE_LOSS:
        row->kind = AK_ROW_LOSS;
        row->u.loss.cause = e->u.loss.cause;
        row->u.loss.bytes = e->u.loss.bytes;
        row->u.loss.seq = c != NULL ? ak_ladder_number(l, c, end, e->u.loss.seq) : (int64_t)e->u.loss.seq;
        return true;
    case AKSU_TRACE_SEGMENT:
    case AKSU_TRACE_PACKET:
    case AKSU_TRACE_STATE:
    case AKSU_TRACE_KIND_COUNT: break;
    }
    return false;
}

static void on_note(ak_ladder *l, unsigned host, const aksu_trace_event *e) {
    const aksu_flow *flow = flow_of(e);
    struct ladder_conn *c = NULL;
    unsigned end = 0;
    if (flow->remote_port != 0) {
        c = conn_of(l, host, e->time_us, flow, &end);
        if (c == NULL) return;
    } else if (l->options.filter_port != 0 && l->options.filter_port != flow->local_port) {
        return;
    }
    ak_row row = {.host = (uint8_t)host};
    if (note(l, c, end, e, &row)) emit(l, c, e->time_us, &row);
}

/* ---- order */

static void show(ak_ladder *l, unsigned host, uint64_t packet, const aksu_trace_event *e) {
    switch (e->kind) {
    case AKSU_TRACE_SEGMENT: on_segment(l, host, packet, e); break;
    case AKSU_TRACE_PACKET: on_packet(l, host, e); break;
    case AKSU_TRACE_STATE: on_state(l, host, e); break;
    case AKSU_TRACE_TIMER:
    case AKSU_TRACE_CALL:
    case AKSU_TRACE_NOTIFY:
    case AKSU_TRACE_ACCEPTED:
    case AKSU_TRACE_RTT:
    case AKSU_TRACE_CWND:
    case AKSU_TRACE_MODE:
    case AKSU_TRACE_LOSS: on_note(l, host, e); break;
    case AKSU_TRACE_KIND_COUNT: break;
    }
}

/* Shows the first `count` of what is held. */
static void let_go(ak_ladder *l, uint32_t count) {
    struct ladder_pending held[PENDING_MAX];
    memcpy(held, l->pending, count * sizeof held[0]);
    memmove(l->pending, l->pending + count, (l->pending_count - count) * sizeof held[0]);
    l->pending_count -= count;
    for (uint32_t i = 0; i < count; i++) show(l, held[i].host, 0, &held[i].event);
}

void ak_ladder_flush(ak_ladder *l) {
    let_go(l, l->pending_count);
}

void ak_ladder_pass(ak_ladder *l, uint64_t time_us) {
    uint64_t until_us = time_us - l->start_us;
    if (l->row_count == 0 || until_us <= l->last_row_us) return;
    ak_row gap = l->rows[l->row_count - 1];
    gap.kind = AK_ROW_GAP;
    gap.time_us = until_us;
    gap.u.gap.gap_us = until_us - l->last_row_us;
    l->last_row_us = until_us;
    give(l, &gap);
}

static bool is_consequence(const aksu_trace_event *e) {
    switch (e->kind) {
    case AKSU_TRACE_STATE: return e->u.state.flow.remote_port != 0;
    case AKSU_TRACE_TIMER: return e->u.timer.action != AKSU_TIMER_WAS_FIRED;
    case AKSU_TRACE_NOTIFY:
    case AKSU_TRACE_ACCEPTED:
    case AKSU_TRACE_RTT:
    case AKSU_TRACE_CWND:
    case AKSU_TRACE_MODE:
    case AKSU_TRACE_LOSS: return true;
    case AKSU_TRACE_SEGMENT:
    case AKSU_TRACE_PACKET:
    case AKSU_TRACE_CALL:
    case AKSU_TRACE_KIND_COUNT: break;
    }
    return false;
}

static bool same_moment(const struct ladder_pending *p, unsigned host, const aksu_trace_event *e) {
    const aksu_flow *a = flow_of(&p->event), *b = flow_of(e);
    return p->host == host && p->event.time_us == e->time_us && b != NULL && a->local_port == b->local_port &&
           a->remote_port == b->remote_port && memcmp(&a->local, &b->local, sizeof a->local) == 0 &&
           memcmp(&a->remote, &b->remote, sizeof a->remote) == 0;
}

/* How many of the held events came before this one in the order of the rows: all, unless it is their cause. */
static uint32_t held_before(const ak_ladder *l, const aksu_trace_event *e) {
    aksu_state_cause cause = AKSU_STATE_BY_SEGMENT;
    if (e->kind == AKSU_TRACE_SEGMENT && e->u.segment.direction == AKSU_IN) return 0;
    if (e->kind == AKSU_TRACE_CALL) {
        cause = AKSU_STATE_BY_CALL;
    } else if (e->kind == AKSU_TRACE_TIMER) {
        cause = AKSU_STATE_BY_TIMER;
    } else {
        return l->pending_count;
    }
    for (uint32_t i = 0; i < l->pending_count; i++) {
        const aksu_trace_event *held = &l->pending[i].event;
        if (held->kind == AKSU_TRACE_STATE && held->u.state.cause == cause) return i;
    }
    return l->pending_count;
}

void ak_ladder_event(ak_ladder *l, unsigned host, uint64_t packet, const aksu_trace_event *e) {
    if (host >= l->options.host_count) return;
    if (!l->started) {
        l->started = true;
        l->start_us = e->time_us;
    }
    if (l->pending_count > 0 && !same_moment(&l->pending[0], host, e)) ak_ladder_flush(l);
    if (is_consequence(e)) {
        if (l->pending_count == PENDING_MAX) ak_ladder_flush(l);
        l->pending[l->pending_count++] = (struct ladder_pending){.host = host, .event = *e};
        return;
    }
    let_go(l, held_before(l, e));
    show(l, host, packet, e);
    ak_ladder_flush(l);
}

/* ---- gauges */

void ak_ladder_gauge(ak_ladder *l, unsigned host, uint64_t time_us, ak_gauge what, uint64_t value, uint64_t full) {
    if (host >= l->options.host_count || !l->started) return;
    ak_ladder_flush(l);
    ak_row row = {.kind = AK_ROW_GAUGE, .host = (uint8_t)host};
    row.u.gauge.what = what;
    row.u.gauge.value = value;
    row.u.gauge.full = full;
    emit(l, NULL, time_us, &row);
}

void ak_ladder_gauge_end(ak_ladder *l) {
    uint64_t most[AK_GAUGE_COUNT] = {0};
    for (size_t i = 0; i < l->row_count; i++) {
        const ak_row *row = &l->rows[i];
        if (row->kind == AK_ROW_GAUGE && row->u.gauge.value > most[row->u.gauge.what])
            most[row->u.gauge.what] = row->u.gauge.value;
    }
    for (size_t i = 0; i < l->row_count; i++) {
        ak_row *row = &l->rows[i];
        if (row->kind == AK_ROW_GAUGE && row->u.gauge.full == 0) row->u.gauge.full = most[row->u.gauge.what];
    }
}
