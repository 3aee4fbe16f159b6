/* Two small stacks joined by hand in virtual time, for tests of what TCP does between them.  Every segment that leaves
 * is noted; the next ones may be lost. */
#ifndef TEST_TCP_WORLD_H
#define TEST_TCP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aksu/trace.h"

enum { CLIENT = 0, SERVER = 1, SEEN_MAX = 4096 };

struct tcp_seen {
    int from;
    uint64_t time_us;
    aksu_ev_segment segment;
    bool came;                  /* the other side has got it */
    aksu_tcp_state state_there; /* its state then */
    aksu_drop drop;
    uint8_t tos; /* DSCP << 2 | ECN of the packet, and its TTL; not of a hand-made one */
    uint8_t ttl;
};

struct tcp_world {
    aksu_stack *stack[2];
    void *mem[2];
    uint64_t now_us;
    uint32_t lose; /* segments to lose, the next first */
    bool by_hand;  /* the client is a test's hand-made peer: tcp_peer.h */
    uint32_t hand_iss;
    uint32_t first;     /* the rung that a ladder begins with */
    bool one_by_one;    /* a segment is answered before the next leaves */
    uint64_t lose_mask; /* of the client's next segments: bit 0 the next, those set are lost */
    struct tcp_seen seen[SEEN_MAX];
    uint32_t seen_count;
    uint64_t frames_hash; /* of every byte of every frame, and its time */
};

struct tcp_world_sink {
    struct tcp_world *world;
    int side;
};

static struct tcp_world_sink world_sinks[2];

static void world_see(void *user, const aksu_trace_event *event) {
    struct tcp_world_sink *sink = user;
    struct tcp_world *w = sink->world;
    if (event->kind != AKSU_TRACE_SEGMENT) return;
    if (event->u.segment.direction == AKSU_IN) {
        for (uint32_t i = w->seen_count; i-- > 0;) {
            struct tcp_seen *seen = &w->seen[i];
            bool same = seen->from != sink->side && !seen->came && seen->segment.seq == event->u.segment.seq &&
                        seen->segment.flags == event->u.segment.flags;
            if (!same) continue;
            seen->came = true;
            seen->state_there = event->u.segment.state_after;
            seen->drop = event->u.segment.drop;
            return;
        }
        return;
    }
    if (w->seen_count == SEEN_MAX) return;
    const uint8_t *ip = event->u.segment.frame->iov[0].base;
    w->seen[w->seen_count++] = (struct tcp_seen){
        .from = sink->side, .time_us = event->time_us, .segment = event->u.segment, .tos = ip[1], .ttl = ip[8]};
}

static inline aksu_addr world_addr(int side) {
    return aksu_addr_v4(192, 0, 2, (uint8_t)(side + 1));
}

/* The config of both; a test may change it before world_open. */
static inline aksu_config world_config(void) {
    aksu_config config;
    aksu_config_default(&config);
    config.output_sync = 1;
    config.tcp_max = 32;
    config.syn_cache_max = 8;
    config.time_wait_max = 8;
    config.transfer_max = 32;
    config.block_max = 512;
    config.record_max = 256;
    return config;
}

static inline struct tcp_world *world_open(const aksu_config *wanted) {
    struct tcp_world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    for (int i = 0; i < 2; i++) {
        aksu_config config = *wanted;
        memset(config.entropy, i + 1, sizeof config.entropy);
        size_t bytes = aksu_stack_bytes(&config);
        assert_true(bytes > 0);
        w->mem[i] = aligned_alloc(64, bytes);
        assert_non_null(w->mem[i]);
        memset(w->mem[i], 0, bytes);
        assert_int_equal(aksu_stack_init(&config, w->mem[i], bytes, &w->stack[i]), AKSU_OK);
        uint16_t link;
        aksu_link_config link_config = {.struct_bytes = sizeof link_config, .mtu = 1500};
        aksu_addr addr = world_addr(i);
        assert_int_equal(aksu_link_add(w->stack[i], &link_config, &link), AKSU_OK);
        assert_int_equal(aksu_addr_add(w->stack[i], link, &addr, 24), AKSU_OK);
        world_sinks[i] = (struct tcp_world_sink){.world = w, .side = i};
        aksu_trace_set(w->stack[i], world_see, &world_sinks[i]);
    }
    w->now_us = 1000000;
    return w;
}

static inline void world_close(struct tcp_world *w) {
    free(w->mem[0]);
    free(w->mem[1]);
    free(w);
}

static inline void world_hash(struct tcp_world *w, const aksu_frame *frame) {
    uint64_t hash = (w->frames_hash ^ w->now_us) * 1099511628211u;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        const uint8_t *bytes = frame->iov[i].base;
        for (size_t k = 0; k < frame->iov[i].bytes; k++) hash = (hash ^ bytes[k]) * 1099511628211u;
    }
    w->frames_hash = hash;
}

/* What one side has to send, to the other, 10 us later; false: nothing. */
static inline bool world_carry(struct tcp_world *w, int from) {
    aksu_frame frames[8];
    size_t count = aksu_output(w->stack[from], w->now_us, frames, w->one_by_one ? 1 : 8);
    if (count == 0) return false;
    w->now_us += 10;
    for (size_t i = 0; i < count; i++) {
        frames[i].link = 0;
        frames[i].time_us = 0;
        world_hash(w, &frames[i]);
        if (w->by_hand) continue;
        bool lost = from == CLIENT && (w->lose_mask & 1) != 0;
        if (from == CLIENT) w->lose_mask >>= 1;
        if (lost) continue;
        if (w->lose > 0) {
            w->lose--;
            continue;
        }
        aksu_input(w->stack[!from], w->now_us, &frames[i], 1);
    }
    return true;
}

/* Runs both for so long, from deadline to deadline. */
static inline void world_run(struct tcp_world *w, uint64_t for_us) {
    uint64_t end_us = w->now_us + for_us;
    for (;;) {
        while ((int)world_carry(w, CLIENT) | (int)world_carry(w, SERVER)) {
        }
        uint64_t next_us = aksu_deadline_us(w->stack[0]);
        if (aksu_deadline_us(w->stack[1]) < next_us) next_us = aksu_deadline_us(w->stack[1]);
        if (next_us > end_us) break;
        if (next_us > w->now_us) w->now_us = next_us;
    }
    if (end_us > w->now_us) w->now_us = end_us;
}

static inline aksu_sock world_listen_on(struct tcp_world *w, int side, uint16_t port, uint32_t backlog,
                                        uint32_t flags) {
    aksu_sock sock;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local = {.port = port}, .backlog = backlog, .flags = flags};
    assert_int_equal(aksu_tcp_listen(w->stack[side], &open, &sock), AKSU_OK);
    return sock;
}

static inline aksu_sock world_listen(struct tcp_world *w, uint32_t backlog, uint32_t flags) {
    return world_listen_on(w, SERVER, 80, backlog, flags);
}

static inline aksu_sock world_connect(struct tcp_world *w) {
    aksu_sock sock;
    aksu_tcp_open open = {
        .struct_bytes = sizeof open, .remote = {.addr = world_addr(SERVER), .port = 80}, .local = {.port = 0}};
    assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &open, &sock), AKSU_OK);
    return sock;
}

static inline aksu_tcp_state world_state(struct tcp_world *w, int side, aksu_sock sock) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[side], sock, &info), AKSU_OK);
    return info.state;
}

/* The events of a side until there are none: all bits, and the last reason. */
static inline uint32_t world_events(struct tcp_world *w, int side, aksu_reason *ret_reason) {
    aksu_event event;
    uint32_t bits = 0;
    while (aksu_next_event(w->stack[side], &event)) {
        bits |= event.bits;
        if (ret_reason != NULL && event.reason != AKSU_REASON_NONE) *ret_reason = event.reason;
    }
    return bits;
}

/* Segments a side has sent with exactly these flags. */
static inline uint32_t world_sent(const struct tcp_world *w, int from, uint16_t flags) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->seen_count; i++)
        count += w->seen[i].from == from && (w->seen[i].segment.flags & ~AKSU_TCP_PSH) == flags;
    return count;
}

#endif
