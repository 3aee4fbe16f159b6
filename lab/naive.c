/* A deliberately naive host: what TCP would be without what its rules are for.
 *
 * A SYN makes a connection at once, and the answer is a bare ACK: the server has no initial number of its own and never
 * learns whether anybody hears it.  The client takes any ACK of its SYN.  ISNs count up from 1.  Segments of an unknown
 * connection are ignored.  A stack like this is for the lab only: it shows what the third segment is for.
 *
 * What it lacks can be given back one by one (lab_sense): a listener that answers by SYN,ACK and waits for the ACK of
 * it; numbers from chance; no memory for a SYN (its SYN,ACK bears a number that can be computed again); and after the
 * end of a connection a time in which its pair of ports is not used again.
 *
 * It emits the same trace events as the real stack.  It has no FIN, no window, no options, and one retransmission timer
 * of a second for each connection; what lies in its window, if it has one, it delivers as it comes. */
#include "lab/lab.h"

#include <stdlib.h>
#include <string.h>

#define NAIVE_MAX      64
#define NAIVE_TEXT_MAX 512
#define NAIVE_RETRY_US 1000000
#define NAIVE_RETRIES  5
#define NAIVE_WINDOW   65535u
#define NAIVE_WAIT_US  60000000u /* 2MSL */

struct naive_connection {
    aksu_tcp_state state; /* CLOSED: free */
    aksu_flow flow;
    uint32_t iss, irs, snd_una, snd_nxt, rcv_nxt;
    char text[NAIVE_TEXT_MAX]; /* sent and not acknowledged, from snd_una (from iss + 1 while the SYN is) */
    uint32_t text_bytes, retries;
    bool knows; /* where the peer's numbers begin: a SYN has told */
    uint64_t due_us;
};

struct lab_naive {
    aksu_addr addr;
    aksu_sim *sim;
    uint32_t host, isn;
    unsigned senses; /* lab_sense */
    uint32_t secret; /* of the numbers that a SYN leaves no memory of */
    uint16_t port;   /* listening; 0: not */
    lab_delivered *delivered;
    void *user;
    uint32_t latest;
    struct naive_connection connection[NAIVE_MAX];
};

lab_naive *lab_naive_open(const aksu_addr *addr, unsigned senses) {
    lab_naive *n = calloc(1, sizeof *n);
    if (n == NULL) return NULL;
    n->addr = *addr;
    n->senses = senses;
    return n;
}

void lab_naive_close(lab_naive *naive) {
    free(naive);
}

/* ---------------------------------------------------------------- what is seen of it */

static void emit(const lab_naive *n, uint64_t packet, aksu_trace_event *event) {
    event->time_us = aksu_sim_now_us(n->sim);
    aksu_sim_emit(n->sim, n->host, packet, event);
}

static void change(const lab_naive *n, struct naive_connection *c, aksu_tcp_state from, aksu_tcp_state to) {
    c->state = to;
    aksu_trace_event event = {.kind = AKSU_TRACE_STATE};
    event.u.state = (aksu_ev_state){.flow = c->flow, .from = from, .to = to};
    emit(n, 0, &event);
}

static void notify(const lab_naive *n, const struct naive_connection *c, uint32_t bits) {
    aksu_trace_event event = {.kind = AKSU_TRACE_NOTIFY};
    event.u.notify = (aksu_ev_notify){.flow = c->flow, .bits = bits};
    emit(n, 0, &event);
}

static void call_failed(const lab_naive *n, const aksu_flow *flow, aksu_call what, aksu_err err) {
    aksu_trace_event event = {.kind = AKSU_TRACE_CALL};
    event.u.call = (aksu_ev_call){.flow = *flow, .call = what, .err = err};
    emit(n, 0, &event);
}

static void call(const lab_naive *n, const aksu_flow *flow, aksu_call what, uint64_t bytes) {
    aksu_trace_event event = {.kind = AKSU_TRACE_CALL};
    event.u.call = (aksu_ev_call){.flow = *flow, .call = what, .bytes = bytes};
    emit(n, 0, &event);
}

static aksu_trace_event segment_event(const struct naive_connection *c, const aksu_ev_segment *what) {
    aksu_trace_event event = {.kind = AKSU_TRACE_SEGMENT};
    event.u.segment = *what;
    event.u.segment.data_offset = 5;
    event.u.segment.wnd = 65535;
    if (c == NULL) return event;
    event.u.segment.flow = c->flow;
    event.u.segment.state_before = event.u.segment.state_after = c->state;
    return event;
}

/* ---------------------------------------------------------------- sending */

static void transmit(lab_naive *n, struct naive_connection *c, const aksu_ev_segment *what, const char *data) {
    aksu_trace_event event = segment_event(c, what);
    event.u.segment.direction = AKSU_OUT;
    emit(n, aksu_sim_next_packet(n->sim), &event);
    lab_forged forged = {.from = c->flow.local,
                         .to = c->flow.remote,
                         .from_port = c->flow.local_port,
                         .to_port = c->flow.remote_port,
                         .wnd = 65535,
                         .seq = what->seq,
                         .ack = what->ack,
                         .flags = what->flags,
                         .data = data,
                         .data_bytes = what->payload_bytes};
    uint8_t buf[LAB_FORGED_BYTES];
    uint64_t packet;
    (void)aksu_sim_transmit(n->sim, n->host, buf, lab_forge(&forged, buf), &packet);
}

static void send_ack(lab_naive *n, struct naive_connection *c) {
    transmit(n, c, &(aksu_ev_segment){.seq = c->snd_nxt, .ack = c->rcv_nxt, .flags = AKSU_TCP_ACK}, NULL);
}

static void send_unacknowledged(lab_naive *n, struct naive_connection *c) {
    aksu_ev_segment what = {.seq = c->iss, .flags = AKSU_TCP_SYN, .retransmission = c->retries > 0};
    if (c->state != AK_TCP_SYN_SENT) {
        what.seq = c->snd_una;
        what.ack = c->rcv_nxt;
        what.flags = AKSU_TCP_ACK | AKSU_TCP_PSH;
        what.payload_bytes = c->text_bytes;
    }
    c->due_us = aksu_sim_now_us(n->sim) + NAIVE_RETRY_US;
    transmit(n, c, &what, c->text);
}

/* ---------------------------------------------------------------- numbers */

static uint32_t next_isn(lab_naive *n) {
    return n->senses & LAB_SENSE_RANDOM_ISN ? (uint32_t)aksu_sim_random(n->sim) : ++n->isn;
}

/* The number of a SYN,ACK that is remembered by nobody: of the SYN and a secret (FNV-1a; the lab's guessers are no
 * cryptanalysts). */
static uint32_t computed_isn(const lab_naive *n, const aksu_flow *flow, uint32_t syn_seq) {
    uint32_t hash = 2166136261u ^ n->secret;
    const uint32_t words[] = {syn_seq, (uint32_t)flow->local_port << 16 | flow->remote_port};
    for (size_t i = 0; i < sizeof words; i++) hash = (hash ^ (words[i / 4] >> i % 4 * 8 & 0xff)) * 16777619u;
    for (size_t i = 0; i < sizeof flow->remote.byte; i++) hash = (hash ^ flow->remote.byte[i]) * 16777619u;
    return hash;
}

/* ---------------------------------------------------------------- calls */

static struct naive_connection *find(lab_naive *n, const aksu_flow *flow) {
    for (uint32_t i = 0; i < NAIVE_MAX; i++) {
        struct naive_connection *c = &n->connection[i];
        if (c->state != AK_TCP_CLOSED && c->flow.local_port == flow->local_port &&
            c->flow.remote_port == flow->remote_port && aksu_addr_equal(&c->flow.remote, &flow->remote))
            return c;
    }
    return NULL;
}

static struct naive_connection *free_connection(lab_naive *n) {
    for (uint32_t i = 0; i < NAIVE_MAX; i++) {
        if (n->connection[i].state != AK_TCP_CLOSED) continue;
        n->latest = i;
        n->connection[i] = (struct naive_connection){.due_us = UINT64_MAX};
        return &n->connection[i];
    }
    return NULL;
}

void lab_naive_listen(lab_naive *n, uint16_t port) {
    n->port = port;
    aksu_flow flow = {.local = n->addr, .local_port = port};
    struct naive_connection listener = {.flow = flow};
    change(n, &listener, AK_TCP_CLOSED, AK_TCP_LISTEN);
    call(n, &flow, AKSU_CALL_LISTEN, 0);
}

void lab_naive_connect(lab_naive *n, const aksu_endpoint *remote, uint16_t port) {
    aksu_flow flow = {.local = n->addr, .remote = remote->addr, .local_port = port, .remote_port = remote->port};
    if (find(n, &flow) != NULL) { /* of those that wait, too */
        call_failed(n, &flow, AKSU_CALL_CONNECT, AKSU_ERR_EXISTS);
        return;
    }
    struct naive_connection *c = free_connection(n);
    if (c == NULL) return;
    c->flow = flow;
    c->iss = next_isn(n);
    c->snd_una = c->snd_nxt = c->iss + 1;
    call(n, &c->flow, AKSU_CALL_CONNECT, 0);
    change(n, c, AK_TCP_CLOSED, AK_TCP_SYN_SENT);
    send_unacknowledged(n, c);
}

void lab_naive_send(lab_naive *n, const void *bytes, size_t byte_count) {
    struct naive_connection *c = &n->connection[n->latest];
    if (c->state != AK_TCP_ESTABLISHED || c->text_bytes + byte_count > NAIVE_TEXT_MAX) return;
    memcpy(c->text + c->text_bytes, bytes, byte_count);
    uint32_t before = c->text_bytes;
    c->text_bytes += (uint32_t)byte_count;
    call(n, &c->flow, AKSU_CALL_SEND, byte_count);
    aksu_ev_segment what = {.seq = c->snd_nxt,
                            .ack = c->rcv_nxt,
                            .flags = AKSU_TCP_ACK | AKSU_TCP_PSH,
                            .payload_bytes = (uint32_t)byte_count};
    c->snd_nxt += (uint32_t)byte_count;
    c->retries = 0;
    c->due_us = aksu_sim_now_us(n->sim) + NAIVE_RETRY_US;
    transmit(n, c, &what, c->text + before);
}

void lab_naive_forget(lab_naive *n) {
    struct naive_connection *c = &n->connection[n->latest];
    if (c->state == AK_TCP_CLOSED || c->state == AK_TCP_TIME_WAIT) return;
    call(n, &c->flow, AKSU_CALL_ABORT, 0);
    change(n, c, c->state, AK_TCP_CLOSED);
    c->due_us = UINT64_MAX;
    if ((n->senses & LAB_SENSE_TIME_WAIT) == 0) return;
    c->state = AK_TCP_TIME_WAIT; /* the application has no connection any more; the host remembers */
    c->due_us = aksu_sim_now_us(n->sim) + NAIVE_WAIT_US;
}

uint32_t lab_naive_count(const lab_naive *n, aksu_tcp_state state) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < NAIVE_MAX; i++) count += n->connection[i].state == state ? 1 : 0;
    return count;
}

/* ---------------------------------------------------------------- receiving */

static void send_syn_ack(lab_naive *n, struct naive_connection *c) {
    const aksu_ev_segment what = {.seq = c->iss, .ack = c->rcv_nxt, .flags = AKSU_TCP_SYN | AKSU_TCP_ACK};
    transmit(n, c, &what, NULL);
}

static void answer_without_memory(lab_naive *n, const aksu_ev_segment *s) {
    struct naive_connection nobody = {
        .state = AK_TCP_LISTEN, .flow = s->flow, .iss = computed_isn(n, &s->flow, s->seq), .rcv_nxt = s->seq + 1};
    send_syn_ack(n, &nobody);
}

/* The ACK of such a SYN,ACK: now there is a connection. */
static bool proves_itself(const lab_naive *n, const aksu_ev_segment *s) {
    return (n->senses & LAB_SENSE_ALLOCATE_AT_ACK) != 0 && s->flow.local_port == n->port && s->flags == AKSU_TCP_ACK &&
           s->ack == computed_isn(n, &s->flow, s->seq - 1) + 1;
}

static void accept_proof(lab_naive *n, const aksu_ev_segment *s) {
    struct naive_connection *c = free_connection(n);
    if (c == NULL) return;
    c->flow = s->flow;
    c->snd_nxt = c->snd_una = s->ack;
    c->iss = s->ack - 1;
    c->irs = s->seq - 1;
    c->rcv_nxt = s->seq;
    c->knows = true;
    change(n, c, AK_TCP_LISTEN, AK_TCP_ESTABLISHED);
    notify(n, c, AKSU_EV_INCOMING);
}

/* A SYN is asked about: a connection comes of it when its number is acknowledged. */
static void answer_syn(lab_naive *n, const aksu_ev_segment *s) {
    struct naive_connection *c = find(n, &s->flow);
    if (c == NULL) {
        c = free_connection(n);
        if (c == NULL) return;
        c->flow = s->flow;
        c->iss = next_isn(n);
        c->snd_nxt = c->snd_una = c->iss + 1;
        c->irs = s->seq;
        c->rcv_nxt = s->seq + 1;
        c->knows = true;
        change(n, c, AK_TCP_LISTEN, AK_TCP_SYN_RECEIVED);
    }
    if (c->state == AK_TCP_SYN_RECEIVED) send_syn_ack(n, c);
}

/* A SYN is a connection: nothing is asked. */
static void accept_syn(lab_naive *n, const aksu_ev_segment *s) {
    struct naive_connection *c = find(n, &s->flow);
    if (c == NULL) {
        c = free_connection(n);
        if (c == NULL) return;
        c->flow = s->flow;
        c->snd_nxt = c->snd_una = 1;
        c->irs = s->seq;
        c->rcv_nxt = s->seq + 1;
        c->knows = true;
        change(n, c, AK_TCP_LISTEN, AK_TCP_ESTABLISHED);
        notify(n, c, AKSU_EV_INCOMING);
    }
    send_ack(n, c);
}

static void accept_ack(lab_naive *n, struct naive_connection *c, uint32_t ack) {
    if (c->state == AK_TCP_SYN_RECEIVED) {
        change(n, c, AK_TCP_SYN_RECEIVED, AK_TCP_ESTABLISHED);
        notify(n, c, AKSU_EV_INCOMING);
        return;
    }
    if (c->state == AK_TCP_SYN_SENT) {
        if (ack != c->iss + 1) return; /* somebody else's */
        c->due_us = UINT64_MAX;
        change(n, c, AK_TCP_SYN_SENT, AK_TCP_ESTABLISHED);
        notify(n, c, AKSU_EV_CONNECTED);
        return;
    }
    uint32_t bytes = ack - c->snd_una;
    if (bytes == 0 || bytes > c->text_bytes) return;
    memmove(c->text, c->text + bytes, c->text_bytes - bytes);
    c->text_bytes -= bytes;
    c->snd_una = ack;
    if (c->text_bytes == 0) c->due_us = UINT64_MAX;
}

/* What comes is delivered as it comes, without order; only who knows where the numbers begin has a window. */
static void accept_text(lab_naive *n, struct naive_connection *c, const aksu_ev_segment *s, const uint8_t *data) {
    aksu_trace_event event = {.kind = AKSU_TRACE_ACCEPTED};
    event.u.accepted = (aksu_ev_accepted){.flow = c->flow, .seq = s->seq, .bytes = s->payload_bytes};
    emit(n, 0, &event);
    n->delivered(n->user, n->host, data, s->payload_bytes);
    c->rcv_nxt = s->seq + s->payload_bytes;
    send_ack(n, c);
}

static uint32_t get32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The size of the IP header in front of a TCP segment; 0: it is none. */
static size_t ip_header(const uint8_t *bytes, size_t byte_count, aksu_addr *ret_from) {
    if (byte_count >= 40 && bytes[0] >> 4 == 6) {
        memcpy(ret_from->byte, bytes + 8, sizeof ret_from->byte);
        return bytes[6] == 6 ? 40 : 0;
    }
    if (byte_count < 20 || bytes[0] >> 4 != 4 || bytes[9] != 6) return 0;
    *ret_from = aksu_addr_v4(bytes[12], bytes[13], bytes[14], bytes[15]);
    return (bytes[0] & 15u) >= 5 ? (bytes[0] & 15u) * 4u : 0;
}

static void on_input(void *user, uint64_t now_us, uint64_t packet, const uint8_t *bytes, size_t byte_count) {
    lab_naive *n = user;
    (void)now_us;
    aksu_addr from;
    size_t ip = ip_header(bytes, byte_count, &from);
    if (ip == 0 || byte_count < ip + 20) return;
    const uint8_t *tcp = bytes + ip;
    size_t header = (tcp[12] >> 4) * 4u;
    if (header < 20 || byte_count < ip + header) return;
    aksu_ev_segment s = {.direction = AKSU_IN,
                         .flow = {.local = n->addr,
                                  .remote = from,
                                  .local_port = (uint16_t)(tcp[2] << 8 | tcp[3]),
                                  .remote_port = (uint16_t)(tcp[0] << 8 | tcp[1])},
                         .seq = get32(tcp + 4),
                         .ack = get32(tcp + 8),
                         .flags = (uint16_t)((tcp[12] & 1u) << 8 | tcp[13]),
                         .payload_bytes = (uint32_t)(byte_count - ip - header)};
    struct naive_connection *c = find(n, &s.flow);
    bool opening = c != NULL && (c->state == AK_TCP_SYN_SENT || c->state == AK_TCP_SYN_RECEIVED);
    bool again = c != NULL && c->state == AK_TCP_SYN_RECEIVED && (s.flags & (AKSU_TCP_SYN | AKSU_TCP_RST)) != 0;
    bool outside = c != NULL && c->knows && s.payload_bytes > 0 && s.seq - c->rcv_nxt >= NAIVE_WINDOW;
    bool wrong_ack = opening && !again && s.ack != c->iss + 1;
    bool waits = c != NULL && c->state == AK_TCP_TIME_WAIT;
    bool for_listener = (s.flags & AKSU_TCP_SYN) && s.flow.local_port == n->port && !waits;
    bool proof = c == NULL && proves_itself(n, &s);
    if ((c == NULL || waits) && !for_listener && !proof) s.drop = AKSU_DROP_TCP_NO_CONNECTION;
    if (outside) s.drop = AKSU_DROP_TCP_SEQUENCE;
    if (wrong_ack) s.drop = AKSU_DROP_TCP_ACK_UNACCEPTABLE;
    aksu_trace_event event = segment_event(NULL, &s);
    emit(n, packet, &event);
    if (s.drop != AKSU_DROP_NONE) return;
    if (proof) {
        accept_proof(n, &s);
        return;
    }
    if (for_listener) {
        if (n->senses & LAB_SENSE_ALLOCATE_AT_ACK)
            answer_without_memory(n, &s);
        else if (n->senses & LAB_SENSE_THREE_WAY)
            answer_syn(n, &s);
        else
            accept_syn(n, &s);
        return;
    }
    if (s.flags & AKSU_TCP_RST) {
        change(n, c, c->state, AK_TCP_CLOSED);
        return;
    }
    bool answered = c->state == AK_TCP_SYN_SENT && (s.flags & AKSU_TCP_SYN) != 0;
    if (answered) {
        c->rcv_nxt = s.seq + 1;
        c->knows = true;
    }
    if (s.flags & AKSU_TCP_ACK) accept_ack(n, c, s.ack);
    if (answered) send_ack(n, c);
    if (s.payload_bytes > 0 && c->state == AK_TCP_ESTABLISHED) accept_text(n, c, &s, tcp + header);
}

static uint64_t deadline_us(const void *user) {
    const lab_naive *n = user;
    uint64_t first_us = UINT64_MAX;
    for (uint32_t i = 0; i < NAIVE_MAX; i++) {
        const struct naive_connection *c = &n->connection[i];
        if (c->state != AK_TCP_CLOSED && c->due_us < first_us) first_us = c->due_us;
    }
    return first_us;
}

static void on_timer(void *user, uint64_t now_us) {
    lab_naive *n = user;
    for (uint32_t i = 0; i < NAIVE_MAX; i++) {
        struct naive_connection *c = &n->connection[i];
        if (c->state == AK_TCP_CLOSED || c->due_us > now_us) continue;
        if (c->state == AK_TCP_TIME_WAIT) {
            *c = (struct naive_connection){.due_us = UINT64_MAX};
            continue;
        }
        if (c->retries++ == NAIVE_RETRIES) {
            c->due_us = UINT64_MAX;
            if (c->state == AK_TCP_SYN_SENT) change(n, c, c->state, AK_TCP_CLOSED);
            continue;
        }
        send_unacknowledged(n, c);
    }
}

aksu_err lab_naive_add(lab_naive *n, aksu_sim *sim, lab_delivered *delivered, void *user) {
    n->sim = sim;
    n->delivered = delivered;
    n->user = user;
    if (n->senses & LAB_SENSE_ALLOCATE_AT_ACK) n->secret = (uint32_t)aksu_sim_random(sim);
    for (uint32_t i = 0; i < NAIVE_MAX; i++) n->connection[i].due_us = UINT64_MAX;
    aksu_sim_endpoint endpoint = {.user = n, .input = on_input, .timer = on_timer, .deadline_us = deadline_us};
    return aksu_sim_endpoint_add(sim, &n->addr, &endpoint, &n->host);
}
