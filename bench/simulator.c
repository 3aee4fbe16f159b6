/* How fast the simulated network is: one busy connection, 10 Mbit/s and 20 ms each way with a loss of 0.1 %, bulk in
 * one direction without end, all checks on.  Prints virtual hours, events and packets a second of this machine's time,
 * measured over at least a second. */
#include "aksu/sim.h"

#include <stdio.h>
#include <time.h>

struct bench {
    aksu_sim *sim;
    aksu_sock client, server;
    bool open;
};

static void on_wake(void *user, uint32_t node) {
    struct bench *b = user;
    aksu_stack *stack = aksu_sim_stack(b->sim, node);
    aksu_event event;
    while (aksu_next_event(stack, &event)) {
        if (event.bits & AKSU_EV_INCOMING) b->open = aksu_tcp_accept(stack, event.sock, &b->server) == AKSU_OK;
    }
    static uint8_t bytes[16384];
    size_t count;
    if (node == 0) {
        while (aksu_sim_send(b->sim, node, b->client, bytes, sizeof bytes, &count) == AKSU_OK) {
        }
    } else if (b->open) {
        while (aksu_sim_recv(b->sim, node, b->server, bytes, sizeof bytes, &count) == AKSU_OK) {
        }
    }
}

static double now_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(void) {
    struct bench b = {.open = false};
    aksu_sim_hooks hooks = {.user = &b, .wake = on_wake};
    b.sim = aksu_sim_open(1, &hooks);
    if (b.sim == NULL) return 1;
    const aksu_addr addr[2] = {aksu_addr_v4(10, 0, 0, 1), aksu_addr_v4(10, 0, 0, 2)};
    aksu_sim_link link = {.node = {0, 1}};
    uint32_t node;
    for (int i = 0; i < 2; i++) {
        link.path[i] = (aksu_sim_path){.rate_bps = 10000000, .delay_us = 20000, .loss_ppm = 1000, .queue_bytes = 50000};
        if (aksu_sim_host_add(b.sim, &addr[i], NULL, &node) != AKSU_OK) return 1;
    }
    if (aksu_sim_link_add(b.sim, &link, &node) != AKSU_OK) return 1;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = 80, .backlog = 1};
    aksu_sock listener;
    if (aksu_tcp_listen(aksu_sim_stack(b.sim, 1), &open, &listener) != AKSU_OK) return 1;
    open = (aksu_tcp_open){.struct_bytes = sizeof open, .remote = {.addr = addr[1], .port = 80}};
    if (aksu_tcp_connect(aksu_sim_stack(b.sim, 0), &open, &b.client) != AKSU_OK) return 1;

    double began = now_s(), took;
    do {
        if (!aksu_sim_run(b.sim, aksu_sim_now_us(b.sim) + 10000000)) {
            (void)fprintf(stderr, "simulator: %s\n", aksu_sim_violation(b.sim));
            return 1;
        }
        took = now_s() - began;
    } while (took < 1);
    aksu_sim_stats stats;
    aksu_sim_stats_get(b.sim, &stats);
    (void)printf("%.3f %.0f %.0f\n", (double)aksu_sim_now_us(b.sim) / 3600e6 / took, (double)stats.events / took,
                 (double)stats.packets / took);
    aksu_sim_close(b.sim);
    return 0;
}
