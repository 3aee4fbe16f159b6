/* What connections cost in memory, as resident pages and by the structures.
 *
 *     memory idle COUNT LIMIT     COUNT idle established connections between two stacks of LIMIT connections each;
 *                                 prints resident bytes a connection at the client, at the server, and of both ends
 *                                 from the process (VmRSS), halved
 *     memory time-wait COUNT      COUNT TIME-WAIT records; prints resident bytes of one at the side that holds them,
 *                                 and how many there were
 *     memory bytes                differences of aksu_stack_bytes for one connection, TIME-WAIT record, half-open
 *                                 record, listener: objects and their table entries
 *
 * Resident is what the stack's arena has in real pages, after less what it had before (some connections were opened
 * before that, so that what all share is there already).  Hash tables, timers and the like are in the arena, so they
 * count.  Idle means that no transfer is attached: two seconds after the handshake. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pair.h"

enum { PORTS = 60000, FIRST_PORT = 1024, WARM = 256, BATCH = 64 };

static size_t resident_process(void) {
    unsigned long long all, here = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%llu %llu", &all, &here) != 2) pair_fail("/proc/self/statm");
    (void)fclose(file);
    return (size_t)here * (size_t)sysconf(_SC_PAGESIZE);
}

/* Connection number i has a four-tuple of its own: the server listens on as many ports as that needs. */
static void open_one(struct pair *pair, unsigned i, aksu_sock *ret_sock) {
    if (i % PORTS == 0 && i > 0) pair_listen(pair, (uint16_t)(PAIR_PORT + i / PORTS));
    if (pair_connect(pair, (uint16_t)(FIRST_PORT + i % PORTS), (uint16_t)(PAIR_PORT + i / PORTS), ret_sock) != AKSU_OK)
        pair_fail("connect");
}

static void accept_all(struct pair *pair) {
    aksu_event event;
    aksu_sock sock;
    while (aksu_next_event(pair->stack[PAIR_CLIENT], &event)) {
    }
    while (aksu_next_event(pair->stack[PAIR_SERVER], &event)) {
        if ((event.bits & AKSU_EV_INCOMING) == 0) continue;
        while (aksu_tcp_accept(pair->stack[PAIR_SERVER], event.sock, &sock) == AKSU_OK) {
        }
    }
}

static unsigned open_idle(struct pair *pair, unsigned first, unsigned count) {
    aksu_sock sock;
    for (unsigned i = first; i < first + count; i++) {
        open_one(pair, i, &sock);
        if (i % BATCH != BATCH - 1 && i != first + count - 1) continue;
        pair_settle(pair);
        accept_all(pair);
        pair->now_us += 100;
    }
    pair_wait(pair, 1000000);
    pair_wait(pair, 1000000);
    return first + count;
}

static void check_idle(const struct pair *pair, unsigned count) {
    aksu_counters counters;
    for (int i = 0; i < 2; i++) {
        aksu_counters_get(pair->stack[i], &counters);
        if (counters.tcp_used != count || counters.transfer_used != 0 || counters.block_used != 0)
            pair_fail("the connections are not all there, or not idle");
    }
}

static void idle(unsigned count, unsigned limit) {
    struct pair pair;
    aksu_config config;
    size_t before[2], process_before;
    aksu_config_default(&config);
    config.tcp_max = limit;
    config.listener_max = 64;
    pair_open(&pair, &config, AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4);
    unsigned opened = open_idle(&pair, 0, WARM);
    for (int i = 0; i < 2; i++) before[i] = pair_resident(&pair.arena[i]);
    process_before = resident_process();
    count -= WARM;
    opened = open_idle(&pair, opened, count);
    double process = (double)(resident_process() - process_before) / count / 2;
    check_idle(&pair, opened);
    (void)printf("%.1f %.1f %.1f\n", (double)(pair_resident(&pair.arena[0]) - before[0]) / count,
                 (double)(pair_resident(&pair.arena[1]) - before[1]) / count, process);
    pair_close(&pair);
}

/* ---------------------------------------------------------------- TIME-WAIT */

static void finish(struct pair *pair, aksu_sock *socks, unsigned count) {
    aksu_event event;
    for (unsigned i = 0; i < count; i++) (void)aksu_tcp_close(pair->stack[PAIR_CLIENT], socks[i]);
    pair_settle(pair);
    while (aksu_next_event(pair->stack[PAIR_SERVER], &event)) {
        if (event.bits & AKSU_EV_PEER_CLOSED) (void)aksu_tcp_close(pair->stack[PAIR_SERVER], event.sock);
    }
    pair_settle(pair);
}

static unsigned open_and_close(struct pair *pair, unsigned first, unsigned count) {
    aksu_sock socks[BATCH];
    for (unsigned i = 0; i < count; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++) open_one(pair, first + i + k, &socks[k]);
        pair_settle(pair);
        accept_all(pair);
        finish(pair, socks, BATCH);
        pair->now_us += 10; /* a million of them in a fraction of 2MSL */
    }
    return first + count;
}

static void time_wait(unsigned count) {
    struct pair pair;
    aksu_config config;
    aksu_counters counters;
    aksu_config_default(&config);
    config.tcp_max = 4096;
    config.time_wait_max = count + 4096;
    config.listener_max = 64;
    pair_open(&pair, &config, AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4);
    unsigned opened = open_and_close(&pair, 0, WARM);
    size_t before = pair_resident(&pair.arena[PAIR_CLIENT]);
    (void)open_and_close(&pair, opened, count);
    aksu_counters_get(pair.stack[PAIR_CLIENT], &counters);
    (void)printf("%.1f %u\n",
                 (double)(pair_resident(&pair.arena[PAIR_CLIENT]) - before) / (counters.time_wait_used - WARM),
                 counters.time_wait_used - WARM);
    pair_close(&pair);
}

/* ---------------------------------------------------------------- structures */

static size_t bytes_of(size_t offset) {
    enum { MORE = 65536 };
    aksu_config config;
    uint32_t limit;
    aksu_config_default(&config);
    size_t before = aksu_stack_bytes(&config);
    memcpy(&limit, (const char *)&config + offset, sizeof limit);
    limit += MORE;
    memcpy((char *)&config + offset, &limit, sizeof limit);
    return (aksu_stack_bytes(&config) - before) / MORE;
}

static void bytes(void) {
    (void)printf("%zu %zu %zu %zu\n", bytes_of(offsetof(aksu_config, tcp_max)),
                 bytes_of(offsetof(aksu_config, time_wait_max)), bytes_of(offsetof(aksu_config, syn_cache_max)),
                 bytes_of(offsetof(aksu_config, listener_max)));
}

int main(int argc, char **argv) {
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "idle") == 0 && argc == 4 && atoi(argv[2]) > WARM)
        idle((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]));
    else if (strcmp(verb, "time-wait") == 0 && argc == 3)
        time_wait((unsigned)atoi(argv[2]) / BATCH * BATCH);
    else if (strcmp(verb, "bytes") == 0 && argc == 2)
        bytes();
    else
        pair_fail("usage: memory idle COUNT LIMIT | time-wait COUNT | bytes");
    return 0;
}
