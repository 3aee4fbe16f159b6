/* Does the cost of one segment's lookup and of one timer depend on how many connections there are?
 *
 *     flat COUNT    opens COUNT connections with keep-alive on; prints nanoseconds and the number of each:
 *                   "lookup NS OPERATIONS": a pure ACK for a connection picked at random comes in, 64 at a time
 *                   "timer NS OPERATIONS": a keep-alive timer fires, is set again and its probe is made
 *
 * Under callgrind (--instr-atstart=no) only measure_lookup and measure_timer are counted.  Instructions show the
 * algorithm; nanoseconds also show that a million connections do not fit into a cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#endif

#define MEASURED __attribute__((noinline, noclone))

enum {
    PORTS = 60000,
    FIRST_PORT = 1024,
    BATCH = PAIR_BATCH_FRAMES,
    LOOKUPS = 128000,
    TIMERS = 100000,
    PACKET_BYTES = 40,
};
static const uint64_t IDLE_US = 7200000000, INTERVAL_US = 75010000; /* 10 ms more than set */

struct flat {
    struct pair pair;
    unsigned count;
    aksu_sock *socks; /* the server's, in order of connection numbers */
    uint8_t (*packet)[PACKET_BYTES];
    aksu_iov *iov;
    aksu_frame *frames;
};

static void *array(size_t count, size_t bytes) {
    void *at = calloc(count, bytes);
    if (at == NULL) pair_fail("no memory");
    return at;
}

static void accept_all(struct flat *f) {
    aksu_event event;
    aksu_sock sock;
    aksu_tcp_info info;
    while (aksu_next_event(f->pair.stack[PAIR_CLIENT], &event)) {
    }
    while (aksu_next_event(f->pair.stack[PAIR_SERVER], &event)) {
        if ((event.bits & AKSU_EV_INCOMING) == 0) continue;
        while (aksu_tcp_accept(f->pair.stack[PAIR_SERVER], event.sock, &sock) == AKSU_OK) {
            if (aksu_tcp_status(f->pair.stack[PAIR_SERVER], sock, &info) != AKSU_OK) pair_fail("status");
            f->socks[(unsigned)(info.local.port - PAIR_PORT) * PORTS + (info.remote.port - FIRST_PORT)] = sock;
        }
    }
}

static void open_all(struct flat *f) {
    aksu_sock sock;
    for (unsigned i = 0; i < f->count; i++) {
        if (i % PORTS == 0 && i > 0) pair_listen(&f->pair, (uint16_t)(PAIR_PORT + i / PORTS));
        if (pair_connect(&f->pair, (uint16_t)(FIRST_PORT + i % PORTS), (uint16_t)(PAIR_PORT + i / PORTS), &sock) !=
            AKSU_OK)
            pair_fail("connect");
        if (i % BATCH != BATCH - 1 && i != f->count - 1) continue;
        pair_settle(&f->pair);
        accept_all(f);
        f->pair.now_us += 100;
    }
    pair_wait(&f->pair, 2000000);
}

static void put32(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The connection's next ACK from its peer, which acknowledges nothing new. */
static void make_ack(struct flat *f, unsigned i, unsigned connection) {
    static const uint8_t ack[PACKET_BYTES] = {0x45, 0, 0,  40, 0,    0,  0x40, 0,    64, 6, 0x26, 0xce, 10, 0,
                                              0,    1, 10, 0,  0,    2,  0,    0,    0,  0, 0,    0,    0,  0,
                                              0,    0, 0,  0,  0x50, 16, 0xff, 0xff, 0,  0, 0,    0};
    aksu_tcp_info info;
    if (aksu_tcp_status(f->pair.stack[PAIR_SERVER], f->socks[connection], &info) != AKSU_OK) pair_fail("status");
    uint8_t *packet = f->packet[i];
    memcpy(packet, ack, sizeof ack);
    put32(packet + 20, (uint32_t)info.remote.port << 16 | info.local.port);
    put32(packet + 24, info.rcv_nxt);
    put32(packet + 28, info.snd_nxt);
    f->iov[i] = (aksu_iov){.base = packet, .bytes = PACKET_BYTES};
    f->frames[i] =
        (aksu_frame){.total_bytes = PACKET_BYTES, .iov_count = 1, .iov = &f->iov[i], .checksum = AKSU_CHECKSUM_VALID};
}

MEASURED static void measure_lookup(struct flat *f) {
    for (unsigned i = 0; i < LOOKUPS; i += BATCH)
        aksu_input(f->pair.stack[PAIR_SERVER], f->pair.now_us, f->frames + i, BATCH);
}

static uint64_t drops(const struct flat *f) {
    aksu_counters counters;
    uint64_t sum = 0;
    aksu_counters_get(f->pair.stack[PAIR_SERVER], &counters);
    for (int i = 0; i < AKSU_DROP_COUNT; i++) sum += counters.drop[i];
    return sum;
}

static void lookups(struct flat *f) {
    uint64_t random = 88172645463325252u;
    f->packet = array(LOOKUPS, sizeof *f->packet);
    f->iov = array(LOOKUPS, sizeof *f->iov);
    f->frames = array(LOOKUPS, sizeof *f->frames);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        make_ack(f, i, (unsigned)(random % f->count));
    }
    uint64_t dropped = drops(f);
    CALLGRIND_START_INSTRUMENTATION;
    double start = pair_seconds();
    measure_lookup(f);
    double took = pair_seconds() - start;
    CALLGRIND_STOP_INSTRUMENTATION;
    if (drops(f) != dropped) pair_fail("an ACK was not taken");
    (void)printf("lookup %.1f %d\n", took * 1e9 / LOOKUPS, LOOKUPS);
}

/* All connections' timers, which are due within the time that opening them took; what they send is lost. */
MEASURED static unsigned measure_timer(struct flat *f) {
    aksu_frame frames[BATCH];
    unsigned fired = 0;
    for (size_t count = 1; count > 0; fired += (unsigned)count)
        count = aksu_output(f->pair.stack[PAIR_SERVER], f->pair.now_us, frames, BATCH);
    return fired;
}

static void timers(struct flat *f) {
    unsigned fired = 0;
    double took = 0;
    uint64_t step_us = IDLE_US;
    while (fired < TIMERS) {
        f->pair.now_us += step_us;
        step_us = INTERVAL_US;
        CALLGRIND_START_INSTRUMENTATION;
        double start = pair_seconds();
        unsigned now = measure_timer(f);
        took += pair_seconds() - start;
        CALLGRIND_STOP_INSTRUMENTATION;
        if (now != f->count) pair_fail("not every keep-alive timer fired once");
        fired += now;
    }
    (void)printf("timer %.1f %u\n", took * 1e9 / fired, fired);
}

int main(int argc, char **argv) {
    static struct flat f;
    aksu_config config;
    f.count = argc == 2 ? (unsigned)atoi(argv[1]) : 0;
    if (f.count == 0 || f.count > 1200000) pair_fail("usage: flat COUNT (1 to 1200000)");
    aksu_config_default(&config);
    config.tcp_max = f.count;
    config.listener_max = 64;
    config.tcp.timestamps = 0;
    config.tcp.keepalive = 1;
    config.tcp.keepalive_count = 255;
    f.socks = array(f.count, sizeof *f.socks);
    pair_open(&f.pair, &config, AKSU_LINK_TX_CHECKSUM);
    open_all(&f);
    lookups(&f);
    timers(&f);
    pair_close(&f.pair);
    return 0;
}
