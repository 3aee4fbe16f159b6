/* Plays one run of a scenario on the simulator and keeps what happened.
 *
 * Applications of the lab do what the file says, and two things by themselves unless told not to: they accept what
 * comes and read what arrives.  An action on an event of the same host with no delay happens in that very moment,
 * before the stack sends anything; all others when their time has come and everything due then has happened. */
#include "lab/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTION_MAX 64
#define PENDING_MAX    256

struct connection {
    aksu_sock sock;
    bool open;
};

struct pending {
    uint64_t at_us;
    uint32_t action;
    bool done;
};

struct player {
    lab_result *r;
    const lab_options *options;
    aksu_sim *sim;
    uint32_t host_count;
    const lab_host *host[LAB_HOST_MAX];
    struct connection connection[LAB_HOST_MAX][CONNECTION_MAX];
    uint32_t connection_count[LAB_HOST_MAX];
    aksu_sock listener[LAB_HOST_MAX];
    uint32_t link[LAB_LINK_MAX];
    bool reads[LAB_HOST_MAX];
    uint64_t read_at_us[LAB_HOST_MAX]; /* a slow reader's next turn; 0: nothing has come yet */
    struct pending pending[PENDING_MAX];
    uint32_t pending_count;
    uint64_t gauge[LAB_HOST_MAX][AK_GAUGE_COUNT]; /* as they were drawn last */
};

/* ---------------------------------------------------------------- keeping what happens */

static bool grow(void **array, uint32_t count, uint32_t *cap, size_t size) {
    if (count < *cap) return true;
    uint32_t more = *cap == 0 ? 128 : *cap * 2;
    void *moved = realloc(*array, more * size);
    if (moved == NULL) return false;
    *array = moved;
    *cap = more;
    return true;
}

static bool same_flow(const aksu_flow *a, const aksu_flow *b) {
    return a->local_port == b->local_port && a->remote_port == b->remote_port &&
           aksu_addr_equal(&a->local, &b->local) && aksu_addr_equal(&a->remote, &b->remote);
}

/* The latest ISN that a side of a flow has sent. */
static bool isn_of(const lab_result *r, const aksu_flow *flow, uint32_t *ret_isn) {
    for (uint32_t i = r->syn_count; i-- > 0;) {
        if (!same_flow(&r->syn[i].flow, flow)) continue;
        *ret_isn = r->syn[i].iss;
        return true;
    }
    return false;
}

static void keep_segment(lab_result *r, uint32_t host, const aksu_trace_event *event) {
    const aksu_ev_segment *s = &event->u.segment;
    aksu_flow other = {.local = s->flow.remote,
                       .remote = s->flow.local,
                       .local_port = s->flow.remote_port,
                       .remote_port = s->flow.local_port};
    uint32_t isn = 0;
    bool out = s->direction == AKSU_OUT;
    bool fresh = !isn_of(r, &s->flow, &isn) || isn != s->seq;
    if (out && (s->flags & AKSU_TCP_SYN) && fresh && grow((void **)&r->syn, r->syn_count, &r->syn_cap, sizeof *r->syn))
        r->syn[r->syn_count++] = (lab_syn){.flow = s->flow, .host = host, .iss = s->seq, .time_us = event->time_us};
    if (!grow((void **)&r->segment, r->segment_count, &r->segment_cap, sizeof *r->segment)) return;
    lab_segment *kept = &r->segment[r->segment_count++];
    *kept = (lab_segment){.host = host, .time_us = event->time_us, .segment = *s};
    kept->segment.frame = NULL;
    kept->rel_seq = isn_of(r, out ? &s->flow : &other, &isn) && s->seq != 0 ? s->seq - isn : s->seq;
    kept->rel_ack = isn_of(r, out ? &other : &s->flow, &isn) && s->ack != 0 ? s->ack - isn : s->ack;
}

/* A chain is what one connection went through: it begins at CLOSED or LISTEN. */
static void keep_change(lab_result *r, uint32_t host, const aksu_trace_event *event) {
    const aksu_ev_state *s = &event->u.state;
    if (s->flow.remote_port == 0) return; /* a listener's own */
    uint32_t chain = 0;
    for (uint32_t i = r->change_count; i-- > 0 && chain == 0;) {
        const lab_change *c = &r->change[i];
        if (c->host != host || !same_flow(&c->state.flow, &s->flow)) continue;
        if (c->state.to != s->from) break;
        if (c->state.to != AK_TCP_CLOSED && c->state.to != AK_TCP_LISTEN) chain = c->chain;
        break;
    }
    if (chain == 0) chain = ++r->chain_count[host];
    if (!grow((void **)&r->change, r->change_count, &r->change_cap, sizeof *r->change)) return;
    r->change[r->change_count++] = (lab_change){.host = host, .chain = chain, .time_us = event->time_us, .state = *s};
}

static void on_event(void *user, uint32_t host, uint64_t packet, const aksu_trace_event *event) {
    const struct player *p = user;
    lab_result *r = p->r;
    if (r->ladder != NULL) ak_ladder_event(r->ladder, host, packet, event);
    if (p->options->event != NULL) p->options->event(p->options->event_user, host, event);
    if (event->kind == AKSU_TRACE_SEGMENT) {
        keep_segment(r, host, event);
    } else if (event->kind == AKSU_TRACE_STATE) {
        keep_change(r, host, event);
    } else if (event->kind == AKSU_TRACE_CALL || event->kind == AKSU_TRACE_NOTIFY) {
        if (!grow((void **)&r->note, r->note_count, &r->note_cap, sizeof *r->note)) return;
        lab_note note = {.host = host, .time_us = event->time_us, .call = event->kind == AKSU_TRACE_CALL};
        if (note.call)
            note.what = event->u.call;
        else
            note.told = event->u.notify;
        r->note[r->note_count++] = note;
    }
}

static void on_lost(void *user, uint64_t packet, aksu_sim_loss why) {
    const struct player *p = user;
    p->r->lost_count++;
    if (p->r->ladder != NULL) ak_ladder_lost(p->r->ladder, packet, lab_loss(why));
}

static void on_copied(void *user, uint64_t packet, uint64_t copy) {
    const struct player *p = user;
    if (p->r->ladder != NULL) ak_ladder_copied(p->r->ladder, packet, copy);
}

/* ---------------------------------------------------------------- doing */

static struct connection *connection_at(struct player *p, uint32_t host, uint32_t number) {
    uint32_t count = p->connection_count[host];
    if (number > count || count == 0) return NULL;
    return &p->connection[host][number == 0 ? count - 1 : number - 1];
}

static void add_connection(struct player *p, uint32_t host, aksu_sock sock) {
    if (p->connection_count[host] == CONNECTION_MAX) return;
    p->connection[host][p->connection_count[host]++] = (struct connection){.sock = sock, .open = true};
}

static void accept_all(struct player *p, uint32_t host, uint32_t most) {
    aksu_sock sock;
    aksu_stack *stack = aksu_sim_stack(p->sim, host);
    for (uint32_t i = 0; stack != NULL && i < most && aksu_tcp_accept(stack, p->listener[host], &sock) == AKSU_OK; i++)
        add_connection(p, host, sock);
}

static void keep_delivered(lab_result *r, uint32_t host, const void *bytes, size_t byte_count) {
    char *more = realloc(r->delivered[host], r->delivered_bytes[host] + byte_count + 1);
    if (more == NULL) return;
    memcpy(more + r->delivered_bytes[host], bytes, byte_count);
    r->delivered[host] = more;
    r->delivered_bytes[host] += byte_count;
    more[r->delivered_bytes[host]] = '\0';
}

static void read_all(struct player *p, uint32_t host, aksu_sock sock) {
    char buf[4096];
    size_t got = 0;
    while (aksu_sim_recv(p->sim, host, sock, buf, sizeof buf, &got) == AKSU_OK) keep_delivered(p->r, host, buf, got);
}

/* A slow reader's turn: so many bytes of each connection, and again after its time. */
static void read_slowly(struct player *p, uint32_t host) {
    char buf[4096];
    const lab_host *h = p->host[host];
    for (uint32_t i = 0; aksu_sim_stack(p->sim, host) != NULL && i < p->connection_count[host]; i++) {
        const struct connection *c = &p->connection[host][i];
        size_t got = 0, want = h->slow_bytes < sizeof buf ? (size_t)h->slow_bytes : sizeof buf;
        if (c->open && aksu_sim_recv(p->sim, host, c->sock, buf, want, &got) == AKSU_OK)
            keep_delivered(p->r, host, buf, got);
    }
    p->read_at_us[host] += h->slow_us;
}

/* What a host knows of its latest connection, or, once the application has let go, of the first record it finds. */
static void known(struct player *p, uint32_t host, aksu_tcp_info *ret_info) {
    aksu_stack *stack = aksu_sim_stack(p->sim, host);
    const struct connection *c = connection_at(p, host, 0);
    *ret_info = (aksu_tcp_info){0};
    if (stack == NULL) return;
    if (c != NULL && c->open && aksu_tcp_status(stack, c->sock, ret_info) == AKSU_OK) return;
    uint64_t cursor = 0;
    aksu_tcp_info info;
    while (aksu_tcp_next(stack, &cursor, &info)) {
        if (info.state == AK_TCP_LISTEN) continue;
        *ret_info = info;
        return;
    }
}

/* The latest timestamp that a host has sent; 0: none yet. */
static uint32_t latest_stamp(const lab_result *r, uint32_t host) {
    for (uint32_t i = r->segment_count; i-- > 0;) {
        const aksu_ev_segment *s = &r->segment[i].segment;
        if (r->segment[i].host == host && s->direction == AKSU_OUT && (s->options.present & AKSU_OPT_TIMESTAMPS))
            return s->options.ts_val;
    }
    return 0;
}

static uint32_t value_of(struct player *p, const lab_number *n) {
    uint32_t base = 0;
    if (n->host >= 0) {
        aksu_tcp_info info;
        known(p, (uint32_t)n->host, &info);
        if (info.local.port == 0 && n->field != LAB_TS_VAL) {
            char text[120];
            (void)snprintf(text, sizeof text, "%s has no connection to take a number from",
                           p->r->scenario->host[n->host].name);
            aksu_sim_fail(p->sim, text);
        }
        const uint32_t values[] = {[LAB_SND_UNA] = info.snd_una,
                                   [LAB_SND_NXT] = info.snd_nxt,
                                   [LAB_RCV_NXT] = info.rcv_nxt,
                                   [LAB_ISS] = info.iss,
                                   [LAB_IRS] = info.irs,
                                   [LAB_RCV_EDGE] = info.rcv_nxt + info.rcv_wnd,
                                   [LAB_TS_VAL] = latest_stamp(p->r, (uint32_t)n->host),
                                   [LAB_PORT] = info.local.port};
        base = values[n->field];
    }
    return base + (uint32_t)n->plus;
}

static void do_forge(struct player *p, const lab_action *a) {
    uint8_t buf[LAB_FORGED_BYTES];
    uint64_t times = a->number == 0 ? 1 : a->number;
    for (uint64_t i = 0; i < times; i++) {
        lab_forged forged = {
            .from = p->host[a->sender]->addr,
            .to = p->host[a->peer]->addr,
            .from_port = (uint16_t)(value_of(p, &a->source_port) + i),
            .to_port = (uint16_t)value_of(p, &a->port),
            .seq = value_of(p, &a->seq),
            .ack = value_of(p, &a->ack),
            .wnd = 65535,
            .flags = a->flags,
            .stamped = a->stamped,
            .ts_val = value_of(p, &a->ts_val),
            .ts_ecr = value_of(p, &a->ts_ecr),
            .data = a->text,
            .data_bytes = a->text != NULL ? (uint32_t)strlen(a->text) : 0,
        };
        uint64_t packet;
        (void)aksu_sim_transmit(p->sim, a->host, buf, lab_forge(&forged, buf), &packet);
    }
}

static void do_icmp(struct player *p, const lab_action *a) {
    uint8_t buf[LAB_FORGED_BYTES];
    lab_forged_icmp forged = {
        .about = {.from = p->host[a->peer]->addr,
                  .to = p->host[a->sender]->addr,
                  .from_port = (uint16_t)value_of(p, &a->source_port),
                  .to_port = (uint16_t)value_of(p, &a->port),
                  .seq = value_of(p, &a->seq)},
        .by = p->host[a->host]->addr,
        .type = a->icmp_type,
        .code = a->icmp_code,
        .mtu = (uint16_t)a->number,
    };
    uint64_t packet;
    (void)aksu_sim_transmit(p->sim, a->host, buf, lab_forge_icmp(&forged, buf), &packet);
}

/* A host that loses its power tells nothing any more: that its connections are gone is drawn for it. */
static void draw_crash(struct player *p, uint32_t host) {
    aksu_stack *stack = aksu_sim_stack(p->sim, host);
    if (stack == NULL || p->r->ladder == NULL) return;
    uint64_t cursor = 0;
    aksu_tcp_info info;
    while (aksu_tcp_next(stack, &cursor, &info)) {
        aksu_trace_event event = {.kind = AKSU_TRACE_STATE, .time_us = aksu_sim_now_us(p->sim)};
        event.u.state.flow = (aksu_flow){.local = info.local.addr,
                                         .remote = info.remote.addr,
                                         .local_port = info.local.port,
                                         .remote_port = info.remote.port};
        event.u.state.from = info.state;
        event.u.state.to = AK_TCP_CLOSED;
        event.u.state.cause = AKSU_STATE_BY_LIMIT;
        ak_ladder_event(p->r->ladder, host, 0, &event);
    }
}

/* Hosts are the first nodes of the simulation, routers come behind them. */
static uint32_t node_of(const lab_scenario *s, uint8_t end) {
    return end < LAB_HOST_MAX ? end : s->host_count + end - LAB_HOST_MAX;
}

static void do_network(struct player *p, const lab_action *a) {
    switch (a->verb) {
    case LAB_CLOCK: aksu_sim_clock_jump(p->sim, a->host, a->number); break;
    case LAB_PATH: aksu_sim_path_set(p->sim, p->link[a->link], node_of(p->r->scenario, a->from), &a->path); break;
    case LAB_CUT: aksu_sim_link_cut(p->sim, p->link[a->link]); break;
    case LAB_MEND: aksu_sim_link_mend(p->sim, p->link[a->link]); break;
    case LAB_MTU: aksu_sim_link_mtu(p->sim, p->link[a->link], (uint32_t)a->number, AKSU_SIM_TELL_NOBODY); break;
    case LAB_FORGE: do_forge(p, a); break;
    case LAB_ICMP: do_icmp(p, a); break;
    case LAB_CRASH:
        draw_crash(p, a->host);
        aksu_sim_crash(p->sim, a->host);
        for (uint32_t i = 0; i < p->connection_count[a->host]; i++) p->connection[a->host][i].open = false;
        break;
    case LAB_RESTART:
        if (aksu_sim_restart(p->sim, a->host) != AKSU_OK) aksu_sim_fail(p->sim, "a host cannot restart");
        break;
    case LAB_LISTEN:
    case LAB_CONNECT:
    case LAB_LISTEN_CONNECT:
    case LAB_ACCEPT:
    case LAB_SEND:
    case LAB_READ:
    case LAB_SHUTDOWN:
    case LAB_CLOSE:
    case LAB_ABORT:
    case LAB_UNLISTEN:
    case LAB_SET: break;
    }
}

/* The stack traces the calls that it has taken; one that it refused is told here. */
static void refused_call(struct player *p, uint32_t host, const aksu_tcp_open *open, aksu_call call, aksu_err err) {
    aksu_trace_event event = {.kind = AKSU_TRACE_CALL, .time_us = aksu_sim_now_us(p->sim)};
    event.u.call = (aksu_ev_call){.flow = {.local = p->host[host]->addr,
                                           .remote = open->remote.addr,
                                           .local_port = open->local.port,
                                           .remote_port = open->remote.port},
                                  .call = call,
                                  .err = err};
    aksu_sim_emit(p->sim, host, 0, &event);
}

static void do_open(struct player *p, const lab_action *a, aksu_stack *stack) {
    aksu_tcp_open open = {.struct_bytes = sizeof open};
    if (a->verb == LAB_LISTEN) {
        open.local.port = (uint16_t)a->number;
        open.backlog = (uint32_t)a->backlog;
        aksu_sock listener;
        aksu_err err = aksu_tcp_listen(stack, &open, &listener);
        if (err == AKSU_OK)
            p->listener[a->host] = listener;
        else
            refused_call(p, a->host, &open, AKSU_CALL_LISTEN, err);
        return;
    }
    open.local.port = (uint16_t)a->from_port;
    open.remote = (aksu_endpoint){.addr = p->host[a->peer]->addr, .port = (uint16_t)a->number};
    aksu_sock sock;
    aksu_err err = a->verb == LAB_CONNECT ? aksu_tcp_connect(stack, &open, &sock)
                                          : aksu_tcp_listen_connect(stack, p->listener[a->host], &open.remote, &sock);
    if (err == AKSU_OK)
        add_connection(p, a->host, sock);
    else
        refused_call(p, a->host, &open, AKSU_CALL_CONNECT, err);
}

static void do_send(struct player *p, const lab_action *a, const struct connection *c) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    size_t bytes = a->text != NULL ? strlen(a->text) : (size_t)a->number;
    char *data = malloc(bytes + 1);
    if (data == NULL) return;
    for (size_t i = 0; i < bytes; i++) data[i] = a->text != NULL ? a->text[i] : letters[i % 26];
    size_t taken = 0;
    if (a->urgent)
        (void)aksu_sim_send_urgent(p->sim, a->host, c->sock, data, bytes, &taken);
    else
        (void)aksu_sim_send(p->sim, a->host, c->sock, data, bytes, &taken);
    free(data);
}

static void do_connection(struct player *p, const lab_action *a, aksu_stack *stack) {
    struct connection *c = connection_at(p, a->host, a->connection);
    if (a->verb == LAB_ACCEPT) {
        accept_all(p, a->host, 1);
        return;
    }
    if (a->verb == LAB_UNLISTEN) {
        (void)aksu_tcp_close(stack, p->listener[a->host]);
        return;
    }
    if (c == NULL || !c->open) return;
    if (a->verb == LAB_SEND) do_send(p, a, c);
    if (a->verb == LAB_READ) {
        p->reads[a->host] = true;
        read_all(p, a->host, c->sock);
    }
    if (a->verb == LAB_SHUTDOWN) (void)aksu_tcp_shutdown(stack, c->sock);
    if (a->verb == LAB_SET) (void)aksu_tcp_set(stack, c->sock, a->setting, a->number);
    if (a->verb != LAB_CLOSE && a->verb != LAB_ABORT) return;
    c->open = false;
    if (a->verb == LAB_CLOSE)
        (void)aksu_tcp_close(stack, c->sock);
    else
        (void)aksu_tcp_abort(stack, c->sock);
}

static void do_naive(lab_naive *naive, const struct player *p, const lab_action *a) {
    aksu_endpoint remote = {.addr = p->host[a->peer]->addr, .port = (uint16_t)a->number};
    if (a->verb == LAB_LISTEN) lab_naive_listen(naive, (uint16_t)a->number);
    if (a->verb == LAB_CONNECT) lab_naive_connect(naive, &remote, (uint16_t)a->from_port);
    if (a->verb == LAB_SEND && a->text != NULL) lab_naive_send(naive, a->text, strlen(a->text));
    if (a->verb == LAB_CLOSE || a->verb == LAB_ABORT) lab_naive_forget(naive);
}

static void on_naive_delivered(void *user, uint32_t host, const void *bytes, size_t byte_count) {
    struct player *p = user;
    keep_delivered(p->r, host, bytes, byte_count);
}

static void act(struct player *p, const lab_action *a) {
    if (a->verb < LAB_CRASH && p->r->naive[a->host] != NULL) {
        do_naive(p->r->naive[a->host], p, a);
        return;
    }
    if (a->verb >= LAB_CRASH) {
        do_network(p, a);
        return;
    }
    aksu_stack *stack = aksu_sim_stack(p->sim, a->host);
    if (stack == NULL) return;
    if (a->verb == LAB_LISTEN || a->verb == LAB_CONNECT || a->verb == LAB_LISTEN_CONNECT)
        do_open(p, a, stack);
    else
        do_connection(p, a, stack);
}

/* ---------------------------------------------------------------- the applications' turn */

static uint32_t number_of(const struct player *p, uint32_t host, aksu_sock sock) {
    for (uint32_t i = 0; i < p->connection_count[host]; i++) {
        const aksu_sock *s = &p->connection[host][i].sock;
        if (s->slot == sock.slot && s->generation == sock.generation) return i + 1;
    }
    return 0;
}

static void trigger(struct player *p, uint32_t host, const aksu_event *event) {
    const lab_scenario *s = p->r->scenario;
    uint32_t number = number_of(p, host, event->sock);
    for (uint32_t i = 0; i < s->action_count; i++) {
        const lab_action *a = &s->action[i];
        if (a->on_host != (int)host || (a->on_bits & event->bits) == 0) continue;
        if (!lab_holds(&a->place, p->r->run, p->options->variant)) continue;
        if (a->on_connection != 0 && a->on_connection != number) continue;
        if (a->after_us == 0 && a->host == host && a->verb < LAB_CRASH) {
            act(p, a);
        } else if (p->pending_count < PENDING_MAX) {
            p->pending[p->pending_count++] =
                (struct pending){.at_us = aksu_sim_now_us(p->sim) + a->after_us, .action = i};
        }
    }
}

static void on_wake(void *user, uint32_t host) {
    struct player *p = user;
    aksu_event event;
    while (aksu_sim_stack(p->sim, host) != NULL && aksu_next_event(aksu_sim_stack(p->sim, host), &event)) {
        if ((event.bits & AKSU_EV_INCOMING) && p->host[host]->accepts) accept_all(p, host, CONNECTION_MAX);
        bool slow = p->host[host]->slow_us != 0;
        if ((event.bits & AKSU_EV_READABLE) && slow && p->read_at_us[host] == 0)
            p->read_at_us[host] = aksu_sim_now_us(p->sim) + p->host[host]->slow_us;
        if ((event.bits & AKSU_EV_READABLE) && p->reads[host] && !slow) read_all(p, host, event.sock);
        trigger(p, host, &event);
    }
}

/* ---------------------------------------------------------------- a run */

static bool build(struct player *p) {
    const lab_scenario *s = p->r->scenario;
    lab_when variant = p->options->variant;
    p->host_count = s->host_count;
    for (uint32_t i = 0; i < s->host_count; i++) {
        for (uint32_t k = 0; k < s->entry_count; k++) {
            if (s->entry[k].of == i && lab_holds(&s->entry[k].place, p->r->run, variant)) p->host[i] = &s->entry[k];
        }
        if (p->host[i] == NULL) p->host[i] = &s->host[i];
        p->reads[i] = p->host[i]->reads;
        uint32_t node;
        if (p->host[i]->naive) {
            p->r->naive[i] = lab_naive_open(&p->host[i]->addr, p->host[i]->senses);
            if (p->r->naive[i] == NULL || lab_naive_add(p->r->naive[i], p->sim, on_naive_delivered, p) != AKSU_OK)
                return false;
            continue;
        }
        if (aksu_sim_host_add(p->sim, &p->host[i]->addr, &p->host[i]->config, &node) != AKSU_OK) return false;
    }
    for (uint32_t i = 0; i < s->router_count; i++) {
        uint32_t node;
        if (aksu_sim_router_add(p->sim, &s->router[i].addr, &node) != AKSU_OK) return false;
    }
    for (uint32_t i = 0; i < s->link_count; i++) {
        const lab_link *l = &s->link[i];
        aksu_sim_link link = {
            .node = {node_of(s, l->end[0]), node_of(s, l->end[1])}, .mtu = l->mtu, .path = {l->path[0], l->path[1]}};
        if (aksu_sim_link_add(p->sim, &link, &p->link[i]) != AKSU_OK) return false;
    }
    for (uint32_t i = 0; i < s->fault_count; i++) {
        if (!lab_holds(&s->fault[i].place, p->r->run, variant)) continue;
        aksu_sim_fault fault = s->fault[i].fault;
        fault.link = p->link[s->fault[i].link];
        fault.from_node = node_of(s, s->fault[i].from);
        if (aksu_sim_fault_add(p->sim, &fault) != AKSU_OK) return false;
    }
    for (uint32_t i = 0; i < s->action_count; i++) {
        const lab_action *a = &s->action[i];
        if (a->on_host >= 0 || !lab_holds(&a->place, p->r->run, variant)) continue;
        p->pending[p->pending_count++] = (struct pending){.at_us = a->at_us, .action = i};
    }
    return true;
}

static uint64_t next_pending(const struct player *p) {
    uint64_t next_us = UINT64_MAX;
    for (uint32_t i = 0; i < p->pending_count; i++) {
        if (!p->pending[i].done && p->pending[i].at_us < next_us) next_us = p->pending[i].at_us;
    }
    for (uint32_t i = 0; i < p->host_count; i++) {
        if (p->read_at_us[i] != 0 && p->read_at_us[i] < next_us) next_us = p->read_at_us[i];
    }
    return next_us;
}

/* In the order of the file where the time is the same; what they cause leaves together. */
static void act_pending(struct player *p) {
    bool any = false;
    for (uint32_t i = 0; i < p->pending_count; i++) {
        if (p->pending[i].done || p->pending[i].at_us > aksu_sim_now_us(p->sim)) continue;
        p->pending[i].done = true;
        act(p, &p->r->scenario->action[p->pending[i].action]);
        any = true;
    }
    for (uint32_t i = 0; i < p->host_count; i++) {
        if (p->read_at_us[i] == 0 || p->read_at_us[i] > aksu_sim_now_us(p->sim)) continue;
        read_slowly(p, i);
        any = true;
    }
    if (any) (void)aksu_sim_flush(p->sim);
}

static void judge_at(struct player *p, uint64_t from_us, uint64_t until_us) {
    const lab_scenario *s = p->r->scenario;
    for (uint32_t i = 0; i < s->expect_count; i++) {
        const lab_expect *e = &s->expect[i];
        uint64_t at_us = e->at_time ? e->at_us : s->end_us;
        if (at_us < from_us || at_us >= until_us || !lab_holds(&e->place, p->r->run, p->options->variant)) continue;
        if (!p->r->failed && !lab_judge(p->r, e)) p->r->failed = true;
    }
}

static uint64_t next_claim(const struct player *p, uint64_t after_us) {
    const lab_scenario *s = p->r->scenario;
    uint64_t next_us = s->end_us;
    for (uint32_t i = 0; i < s->expect_count; i++) {
        if (s->expect[i].at_time && s->expect[i].at_us > after_us && s->expect[i].at_us < next_us)
            next_us = s->expect[i].at_us;
    }
    return next_us;
}

struct gauges {
    uint64_t value[AK_GAUGE_COUNT], full[AK_GAUGE_COUNT];
};

static void read_gauges(struct player *p, uint32_t host, struct gauges *ret) {
    aksu_stack *stack = aksu_sim_stack(p->sim, host);
    aksu_tcp_info info;
    uint64_t cursor = 0;
    *ret = (struct gauges){0};
    while (stack != NULL && aksu_tcp_next(stack, &cursor, &info)) {
        if (info.state == AK_TCP_LISTEN) {
            ret->value[AK_GAUGE_SYN_QUEUE] += info.syn_count;
            ret->value[AK_GAUGE_ACCEPT_QUEUE] += info.accept_count;
            ret->full[AK_GAUGE_ACCEPT_QUEUE] += info.backlog;
            ret->full[AK_GAUGE_SYN_QUEUE] = p->host[host]->config.syn_cache_max;
        } else {
            ret->value[AK_GAUGE_MEMORY] += info.held_bytes;
        }
    }
}

/* What has changed of the bars that the scenario draws. */
static void show_gauges(struct player *p) {
    const lab_scenario *s = p->r->scenario;
    bool any = false;
    for (int what = 0; what < AK_GAUGE_COUNT; what++) any = any || s->bars[what];
    for (uint32_t host = 0; any && p->r->ladder != NULL && host < p->host_count; host++) {
        struct gauges now;
        read_gauges(p, host, &now);
        for (int what = 0; what < AK_GAUGE_COUNT; what++) {
            if (!s->bars[what] || now.value[what] == p->gauge[host][what]) continue;
            p->gauge[host][what] = now.value[what];
            ak_ladder_gauge(p->r->ladder, host, aksu_sim_now_us(p->sim), (ak_gauge)what, now.value[what],
                            now.full[what]);
        }
    }
}

static void play(struct player *p) {
    const lab_scenario *s = p->r->scenario;
    uint64_t judged_us = 0;
    for (;;) {
        uint64_t claim_us = next_claim(p, judged_us);
        uint64_t stop_us = claim_us;
        if (next_pending(p) < stop_us) stop_us = next_pending(p);
        if (aksu_sim_next_us(p->sim) < stop_us) stop_us = aksu_sim_next_us(p->sim);
        bool good = aksu_sim_run(p->sim, stop_us);
        act_pending(p);
        show_gauges(p);
        if (!good) break;
        if (aksu_sim_now_us(p->sim) < claim_us || next_pending(p) <= claim_us) continue;
        if (aksu_sim_next_us(p->sim) <= claim_us) continue;
        judge_at(p, claim_us, claim_us + 1);
        judged_us = claim_us;
        if (claim_us >= s->end_us) break;
    }
    bool foretold = false;
    for (uint32_t i = 0; i < s->expect_count; i++) {
        if (s->expect[i].claim == LAB_CLAIM_VIOLATION && lab_holds(&s->expect[i].place, p->r->run, p->options->variant))
            foretold = true;
    }
    const char *violation = aksu_sim_violation(p->sim);
    if (violation == NULL || foretold || p->r->failed) return;
    p->r->failed = true;
    (void)snprintf(p->r->reason, sizeof p->r->reason, "a check of the simulator failed: %s", violation);
}

/* What is told of a time after the last event gets a place at the end. */
static void pass_to_the_last_story(struct player *p) {
    const lab_scenario *s = p->r->scenario;
    for (uint64_t from_us = 0;;) {
        uint64_t next_us = UINT64_MAX;
        for (uint32_t i = 0; i < s->story_count; i++) {
            const lab_story *story = &s->story[i];
            if (!story->at_time || !lab_holds(&story->place, p->r->run, p->options->variant)) continue;
            if (story->at_us > from_us && story->at_us < next_us) next_us = story->at_us;
        }
        if (next_us == UINT64_MAX) return;
        ak_ladder_pass(p->r->ladder, next_us);
        from_us = next_us;
    }
}

lab_result *lab_play(const lab_scenario *scenario, int run, const lab_options *options) {
    lab_result *r = calloc(1, sizeof *r);
    struct player *p = calloc(1, sizeof *p);
    if (r == NULL || p == NULL) {
        free(r);
        free(p);
        return NULL;
    }
    r->scenario = scenario;
    r->run = run;
    r->variant = options->variant;
    p->r = r;
    p->options = options;
    aksu_sim_hooks hooks = {.user = p, .event = on_event, .lost = on_lost, .copied = on_copied, .wake = on_wake};
    p->sim = r->sim = aksu_sim_open(options->seed == 0 ? 9293 : options->seed, &hooks);
    if (options->draws) {
        ak_ladder_options ladder = options->ladder;
        ladder.sides = AK_LADDER_ALL_SIDES;
        ladder.host_count = scenario->host_count < 2 ? 2 : scenario->host_count;
        for (uint32_t i = 0; i < scenario->host_count; i++) ladder.host_addr[i] = scenario->host[i].addr;
        r->ladder = ak_ladder_open(&ladder, NULL, NULL);
    }
    if (p->sim == NULL || !build(p)) {
        r->failed = true;
        (void)snprintf(r->reason, sizeof r->reason, "the network cannot be built");
    } else {
        play(p);
    }
    if (r->ladder != NULL) {
        ak_ladder_flush(r->ladder);
        pass_to_the_last_story(p);
        ak_ladder_gauge_end(r->ladder);
    }
    /* The stacks go with the player; what was asked of them has been asked. */
    aksu_sim_close(p->sim);
    r->sim = NULL;
    free(p);
    return r;
}

void lab_result_free(lab_result *r) {
    if (r == NULL) return;
    ak_ladder_close(r->ladder);
    for (uint32_t i = 0; i < LAB_HOST_MAX; i++) {
        free(r->delivered[i]);
        lab_naive_close(r->naive[i]);
    }
    free(r->segment);
    free(r->change);
    free(r->note);
    free(r->syn);
    free(r);
}

bool lab_passes(const lab_scenario *scenario, lab_when variant, uint64_t seed, char reason[LAB_REASON_MAX]) {
    reason[0] = '\0';
    for (uint32_t i = 0; i < scenario->run_count; i++) {
        lab_options options = {.seed = seed, .variant = variant};
        lab_result *r = lab_play(scenario, (int)i, &options);
        bool failed = r == NULL || r->failed;
        if (failed) (void)snprintf(reason, LAB_REASON_MAX, "%s", r != NULL ? r->reason : "no memory");
        lab_result_free(r);
        if (failed) return false;
    }
    return true;
}
