/* What callgrind counts: each figure is everything that happens below one function named measure_..., over a number of
 * operations that this program prints as "NAME OPERATIONS".  bench/instructions.sh runs it and divides.
 *
 * Entropy, time and order are constant, so two runs count the same.  Where a path ends in libc (copying payload) the
 * count depends a little on the processor that libc finds; the core itself is compiled for any x86-64. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

/* Kept as they are: callgrind knows them by name. */
#define MEASURED __attribute__((noinline, noclone))

enum { CHUNK = 128 * 1024, WARM_ROUNDS = 1000, ROUNDS = 4000, CONNECTIONS = 4096, FLOOD = 20000 };

typedef size_t output_call(aksu_stack *stack, uint64_t now_us, aksu_frame *ret_frames, size_t cap);
typedef void input_call(aksu_stack *stack, uint64_t now_us, const aksu_frame *frames, size_t count);

/* One set of functions for each way that data goes: tell() names the same things. */
#define WAY(way)                                                                                                       \
    MEASURED static size_t measure_##way##_out(aksu_stack *s, uint64_t now_us, aksu_frame *ret_frames, size_t cap) {   \
        return aksu_output(s, now_us, ret_frames, cap);                                                                \
    }                                                                                                                  \
    MEASURED static void measure_##way##_in(aksu_stack *s, uint64_t now_us, const aksu_frame *frames, size_t count) {  \
        aksu_input(s, now_us, frames, count);                                                                          \
    }                                                                                                                  \
    MEASURED static size_t measure_##way##_ack_out(aksu_stack *s, uint64_t now_us, aksu_frame *ret_frames,             \
                                                   size_t cap) {                                                       \
        return aksu_output(s, now_us, ret_frames, cap);                                                                \
    }                                                                                                                  \
    MEASURED static void measure_##way##_ack_in(aksu_stack *s, uint64_t now_us, const aksu_frame *frames,              \
                                                size_t count) {                                                        \
        aksu_input(s, now_us, frames, count);                                                                          \
    }
WAY(segment)
WAY(summed_segment)
WAY(super_segment)
WAY(ipv_six_segment)
WAY(ipv_six_super_segment)
WAY(ethernet_segment)
WAY(ethernet_ipv_six_segment)
WAY(ethernet_super_segment)

struct way {
    const char *name;
    unsigned link_flags;
    size_t batch_frames; /* each batch draws one ACK: two segments, or one super-segment */
    output_call *out, *ack_out;
    input_call *in, *ack_in;
};
#define WAY_OF(way, flags, batch)                                                                                      \
    { #way, flags, batch, measure_##way##_out, measure_##way##_ack_out, measure_##way##_in, measure_##way##_ack_in }
static const struct way ways[] = {
    WAY_OF(segment, AKSU_LINK_TX_CHECKSUM, 2),
    WAY_OF(summed_segment, 0, 2),
    WAY_OF(super_segment, AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4, 1),
    WAY_OF(ipv_six_segment, AKSU_LINK_TX_CHECKSUM | PAIR_IPV6, 2),
    WAY_OF(ipv_six_super_segment, AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO6 | PAIR_IPV6, 1),
    WAY_OF(ethernet_segment, AKSU_LINK_TX_CHECKSUM | PAIR_ETHERNET, 2),
    WAY_OF(ethernet_ipv_six_segment, AKSU_LINK_TX_CHECKSUM | PAIR_ETHERNET | PAIR_IPV6, 2),
    WAY_OF(ethernet_super_segment, AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4 | PAIR_ETHERNET, 1),
};

static char chunk[CHUNK];

static void fill(struct pair *pair, aksu_sock sock) {
    size_t bytes;
    while (aksu_tcp_send(pair->stack[PAIR_CLIENT], sock, chunk, CHUNK, 0, &bytes) == AKSU_OK) {
    }
}

/* All of it, so that the window stays open. */
static void drain(struct pair *pair, aksu_sock sock) {
    size_t bytes;
    while (aksu_tcp_recv(pair->stack[PAIR_SERVER], sock, chunk, CHUNK, &bytes) == AKSU_OK) {
    }
}

struct flow_counts {
    unsigned segments, acks;
};

/* One batch of data and the ACKs that it draws. */
static void round_trip(struct pair *pair, const struct way *way, struct flow_counts *counts) {
    aksu_frame frames[PAIR_BATCH_FRAMES];
    size_t count = way->out(pair->stack[PAIR_CLIENT], pair->now_us, frames, way->batch_frames);
    way->in(pair->stack[PAIR_SERVER], pair->now_us, frames, count);
    counts->segments += (unsigned)count;
    count = way->ack_out(pair->stack[PAIR_SERVER], pair->now_us, frames, PAIR_BATCH_FRAMES);
    way->ack_in(pair->stack[PAIR_CLIENT], pair->now_us, frames, count);
    counts->acks += (unsigned)count;
}

static aksu_sock open_stream(struct pair *pair, aksu_sock *ret_server) {
    aksu_sock sock;
    if (pair_connect(pair, 2000, PAIR_PORT, &sock) != AKSU_OK) pair_fail("connect");
    pair_settle(pair);
    if (aksu_tcp_accept(pair->stack[PAIR_SERVER], pair->listener, ret_server) != AKSU_OK) pair_fail("accept");
    return sock;
}

static void measure_way(const struct way *way) {
    struct way plain = *way; /* to warm up: not counted */
    plain.out = plain.ack_out = aksu_output;
    plain.in = plain.ack_in = aksu_input;
    struct pair pair;
    aksu_config config;
    aksu_sock server;
    struct flow_counts counts = {0, 0};
    aksu_config_default(&config);
    pair_open(&pair, &config, way->link_flags);
    aksu_sock client = open_stream(&pair, &server);
    for (unsigned i = 0; i < WARM_ROUNDS + ROUNDS; i++) {
        if (i == WARM_ROUNDS) counts = (struct flow_counts){0, 0};
        fill(&pair, client);
        round_trip(&pair, i < WARM_ROUNDS ? &plain : way, &counts);
        drain(&pair, server);
        pair.now_us += 100;
    }
    if (counts.segments != ROUNDS * way->batch_frames || counts.acks != ROUNDS) pair_fail("the stream stalled");
    (void)printf("%s_out %u\n%s_in %u\n%s_ack_out %u\n%s_ack_in %u\n", way->name, counts.segments, way->name,
                 counts.segments, way->name, counts.acks, way->name, counts.acks);
    pair_close(&pair);
}

/* ---------------------------------------------------------------- whole connections */

static void serve(struct pair *pair) {
    aksu_stack *s = pair->stack[PAIR_SERVER];
    aksu_event event;
    aksu_sock sock;
    char byte[4];
    size_t bytes;
    while (aksu_next_event(s, &event)) {
        if (event.bits & AKSU_EV_INCOMING) {
            while (aksu_tcp_accept(s, pair->listener, &sock) == AKSU_OK) {
            }
            continue;
        }
        if ((event.bits & AKSU_EV_READABLE) == 0) continue;
        aksu_err err = aksu_tcp_recv(s, event.sock, byte, sizeof byte, &bytes);
        if (err == AKSU_OK) {
            (void)aksu_tcp_send(s, event.sock, "b", 1, 0, &bytes);
            err = aksu_tcp_recv(s, event.sock, byte, sizeof byte, &bytes);
        }
        if (err == AKSU_ERR_END) (void)aksu_tcp_close(s, event.sock);
    }
}

static unsigned finish(struct pair *pair) {
    aksu_stack *s = pair->stack[PAIR_CLIENT];
    aksu_event event;
    char byte[4];
    size_t bytes;
    unsigned done = 0;
    while (aksu_next_event(s, &event)) {
        if ((event.bits & AKSU_EV_READABLE) == 0) continue;
        if (aksu_tcp_recv(s, event.sock, byte, sizeof byte, &bytes) != AKSU_OK) continue;
        (void)aksu_tcp_close(s, event.sock);
        done++;
    }
    return done;
}

static void run_connections(struct pair *pair, unsigned count, unsigned in_flight) {
    aksu_sock sock;
    size_t bytes;
    unsigned opened = 0, done = 0;
    while (done < count) {
        for (; opened < count && opened - done < in_flight; opened++) {
            if (pair_connect(pair, (uint16_t)(1024 + opened), PAIR_PORT, &sock) != AKSU_OK) pair_fail("connect");
            (void)aksu_tcp_send(pair->stack[PAIR_CLIENT], sock, "a", 1, 0, &bytes);
        }
        while ((int)pair_carry(pair, PAIR_CLIENT) | (int)pair_carry(pair, PAIR_SERVER)) {
            serve(pair);
            done += finish(pair);
        }
        pair->now_us += 100;
    }
    pair_wait(pair, 61000000); /* TIME-WAIT's end is part of a connection */
}

MEASURED static void measure_connection(struct pair *pair) {
    run_connections(pair, CONNECTIONS, 64);
}

MEASURED static void measure_connection_alone(struct pair *pair) {
    run_connections(pair, CONNECTIONS, 1);
}

static void measure_connections(void) {
    struct pair pair;
    aksu_config config;
    aksu_config_default(&config);
    pair_open(&pair, &config, AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4);
    run_connections(&pair, CONNECTIONS, 64);
    measure_connection(&pair);
    measure_connection_alone(&pair);
    (void)printf("connection %d\nconnection_alone %d\n", CONNECTIONS, CONNECTIONS);
    pair_close(&pair);
}

/* ---------------------------------------------------------------- SYNs answered by cookies */

MEASURED static void measure_cookie(aksu_stack *s, const aksu_frame *frame) {
    aksu_frame out[PAIR_BATCH_FRAMES];
    aksu_input(s, 2000000, frame, 1);
    while (aksu_output(s, 2000000, out, PAIR_BATCH_FRAMES) > 0) {
    }
}

static void measure_cookies(void) {
    struct pair pair;
    aksu_config config;
    aksu_config_default(&config);
    config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
    pair_open(&pair, &config, AKSU_LINK_TX_CHECKSUM);
    uint8_t packet[44] = {0x45, 0,  0, 44, 0, 0, 0x40, 0, 64, 6, 0x26, 0xc2, 10,   0,    0, 9, 10, 0, 0, 2, 0, 0,
                          0,    80, 0, 0,  0, 1, 0,    0, 0,  0, 0x60, 2,    0xff, 0xff, 0, 0, 0,  0, 2, 4, 5, 0xb4};
    aksu_iov iov = {.base = packet, .bytes = sizeof packet};
    aksu_frame frame = {.total_bytes = sizeof packet, .iov_count = 1, .iov = &iov, .checksum = AKSU_CHECKSUM_VALID};
    for (unsigned i = 0; i < FLOOD; i++) {
        packet[20] = (uint8_t)(4 + (i >> 8));
        packet[21] = (uint8_t)i;
        measure_cookie(pair.stack[PAIR_SERVER], &frame);
    }
    aksu_counters counters;
    aksu_counters_get(pair.stack[PAIR_SERVER], &counters);
    if (counters.syn_cookies_sent != FLOOD) pair_fail("SYNs were not answered by cookies");
    (void)printf("cookie %d\n", FLOOD);
    pair_close(&pair);
}

int main(void) {
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) measure_way(&ways[i]);
    measure_connections();
    measure_cookies();
    return 0;
}
