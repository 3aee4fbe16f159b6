/* Hand-made trace events for the tests of the views: a small script language over the structs of trace.h.  Each feed
 * plays one host of one connection; numbers are given relative to the initial ones. */
#ifndef VIEW_EVENTS_H
#define VIEW_EVENTS_H

#include "aksu/trace.h"

#include <string.h>

typedef void feed_sink(void *user, unsigned host, uint64_t packet, const aksu_trace_event *event);

struct feed {
    feed_sink *sink;
    void *user;
    unsigned host;
    uint64_t *now_us; /* shared by the hosts of a scene */
    aksu_flow flow;
    uint32_t iss, irs;
    aksu_tcp_state state;
    uint8_t wscale;
};

struct seg {
    uint16_t flags;
    uint32_t seq, ack, bytes;
    aksu_tcp_state to; /* the state afterwards; 0 (CLOSED) with no `moves`: as before */
    bool moves, again, options, raw_seq;
    aksu_send_cause cause;
    aksu_drop drop;
    uint64_t packet;
    uint16_t wnd;
    const aksu_frame *frame;
    aksu_sack_block sack;
};

#define F_SYN AKSU_TCP_SYN
#define F_ACK AKSU_TCP_ACK
#define F_FIN AKSU_TCP_FIN
#define F_RST AKSU_TCP_RST
#define F_PSH AKSU_TCP_PSH

static inline void feed_event(struct feed *f, uint64_t packet, aksu_trace_event *e) {
    e->time_us = *f->now_us;
    f->sink(f->user, f->host, packet, e);
}

static inline void feed_options(aksu_tcp_options *o, const struct seg *s) {
    if (s->options) {
        *o = (aksu_tcp_options){.present =
                                    AKSU_OPT_MSS | AKSU_OPT_WSCALE | AKSU_OPT_SACK_PERMITTED | AKSU_OPT_TIMESTAMPS,
                                .mss = 1460,
                                .wscale = 7,
                                .ts_val = 1000,
                                .ts_ecr = (s->flags & F_ACK) ? 500 : 0};
    }
}

static inline void feed_segment(struct feed *f, aksu_direction direction, struct seg s) {
    bool out = direction == AKSU_OUT;
    uint32_t own = out ? f->iss : f->irs, other = out ? f->irs : f->iss;
    aksu_trace_event e = {.kind = AKSU_TRACE_SEGMENT};
    aksu_ev_segment *v = &e.u.segment;
    v->direction = direction;
    v->flow = f->flow;
    v->seq = s.raw_seq ? s.seq : own + s.seq;
    v->ack = (s.flags & F_ACK) ? other + s.ack : 0;
    v->flags = s.flags;
    v->payload_bytes = s.bytes;
    v->wnd = s.wnd != 0 ? s.wnd : (s.flags & F_SYN) ? 65535 : 512;
    v->data_offset = s.options ? 10 : 5;
    feed_options(&v->options, &s);
    if (s.sack.right != 0) {
        v->options.present |= AKSU_OPT_SACK;
        v->options.sack_count = 1;
        v->options.sack[0] = (aksu_sack_block){.left = other + s.sack.left, .right = other + s.sack.right};
    }
    v->state_before = f->state;
    v->state_after = s.moves ? s.to : f->state;
    v->drop = s.drop;
    v->retransmission = s.again;
    v->cause = s.cause;
    bool connected = v->state_after != AK_TCP_CLOSED && v->state_after != AK_TCP_LISTEN;
    v->iss = connected ? f->iss : 0;
    v->irs = connected && v->state_after != AK_TCP_SYN_SENT ? f->irs : 0;
    v->snd_wscale = f->wscale;
    v->rcv_wscale = f->wscale;
    v->frame = s.frame;
    f->state = v->state_after;
    feed_event(f, s.packet, &e);
}

static inline void feed_state(struct feed *f, aksu_tcp_state to, aksu_state_cause cause, aksu_reason reason) {
    aksu_trace_event e = {.kind = AKSU_TRACE_STATE};
    e.u.state = (aksu_ev_state){.flow = f->flow, .from = f->state, .to = to, .cause = cause, .reason = reason};
    f->state = to;
    feed_event(f, 0, &e);
}

static inline void feed_call(struct feed *f, aksu_call call, uint64_t bytes, aksu_err err) {
    aksu_trace_event e = {.kind = AKSU_TRACE_CALL};
    e.u.call = (aksu_ev_call){.flow = f->flow, .call = call, .bytes = bytes, .err = err};
    feed_event(f, 0, &e);
}

static inline void feed_told(struct feed *f, uint32_t bits, aksu_reason reason) {
    aksu_trace_event e = {.kind = AKSU_TRACE_NOTIFY};
    e.u.notify = (aksu_ev_notify){.flow = f->flow, .bits = bits, .reason = reason};
    feed_event(f, 0, &e);
}

static inline void feed_accepted(struct feed *f, uint32_t seq, uint32_t bytes) {
    aksu_trace_event e = {.kind = AKSU_TRACE_ACCEPTED};
    e.u.accepted = (aksu_ev_accepted){.flow = f->flow, .seq = f->irs + seq, .bytes = bytes};
    feed_event(f, 0, &e);
}

static inline void feed_timer(struct feed *f, aksu_timer timer, aksu_timer_action action, uint64_t in_us) {
    aksu_trace_event e = {.kind = AKSU_TRACE_TIMER};
    e.u.timer = (aksu_ev_timer){
        .flow = f->flow, .timer = timer, .action = action, .deadline_us = in_us == 0 ? 0 : *f->now_us + in_us};
    feed_event(f, 0, &e);
}

static inline void feed_loss(struct feed *f, uint32_t seq, uint32_t bytes, aksu_loss_cause cause) {
    aksu_trace_event e = {.kind = AKSU_TRACE_LOSS};
    e.u.loss = (aksu_ev_loss){.flow = f->flow, .cause = cause, .seq = f->iss + seq, .bytes = bytes};
    feed_event(f, 0, &e);
}

/* The client's end of 10.0.0.1:40000 - 10.0.0.2:80, or the server's. */
static inline struct feed feed_make(feed_sink *sink, void *user, uint64_t *now_us) {
    return (struct feed){.sink = sink,
                         .user = user,
                         .now_us = now_us,
                         .flow = {.local = aksu_addr_v4(10, 0, 0, 1),
                                  .remote = aksu_addr_v4(10, 0, 0, 2),
                                  .local_port = 40000,
                                  .remote_port = 80},
                         .iss = 0xfffffff0u, /* wraps within the first bytes */
                         .irs = 3000000000u,
                         .wscale = 7};
}

static inline struct feed feed_other_side(const struct feed *f, unsigned host) {
    struct feed o = *f;
    o.host = host;
    o.flow = (aksu_flow){.local = f->flow.remote,
                         .remote = f->flow.local,
                         .local_port = f->flow.remote_port,
                         .remote_port = f->flow.local_port};
    o.iss = f->irs;
    o.irs = f->iss;
    return o;
}

#endif /* VIEW_EVENTS_H */
