/* Two flows that share a bottleneck share it evenly: Jain's index, (x + y)^2 / (2 (x^2 + y^2)), of what they carry in
 * the second half of their time, the second flow having come later.  At least 0.95, and the link is not left idle. */
#include "aksu/sim.h"

#include <stdio.h>
#include <stdlib.h>

enum { FLOWS = 2, RATE_MBPS = 20, SECONDS = 120 };

struct run {
    aksu_sim *sim;
    aksu_sock sock[FLOWS], listener[FLOWS], accepted[FLOWS];
    bool open[FLOWS];
    uint64_t received[FLOWS];
};

static void wake(void *user, uint32_t node) {
    struct run *run = user;
    static uint8_t buf[65536];
    aksu_stack *stack = aksu_sim_stack(run->sim, node);
    size_t bytes;
    for (int i = 0; i < FLOWS; i++) {
        if (node == 0) {
            while (aksu_tcp_send(stack, run->sock[i], buf, sizeof buf, 0, &bytes) == AKSU_OK) {
            }
            continue;
        }
        if (!run->open[i]) run->open[i] = aksu_tcp_accept(stack, run->listener[i], &run->accepted[i]) == AKSU_OK;
        while (run->open[i] && aksu_tcp_recv(stack, run->accepted[i], buf, sizeof buf, &bytes) == AKSU_OK)
            run->received[i] += bytes;
    }
}

static void must(bool ok, const char *what) {
    if (ok) return;
    printf("%s failed\n", what);
    exit(1);
}

static void flow_open(struct run *run, int i, const aksu_addr *to, const char *cc) {
    aksu_config defaults;
    aksu_config_default(&defaults);
    uint16_t port = (uint16_t)(80 + i);
    aksu_tcp_settings settings = defaults.tcp;
    settings.congestion_control = (uint64_t)aksu_cc_index(cc);
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local = {.port = port}, .backlog = 1};
    aksu_tcp_open connect = {
        .struct_bytes = sizeof connect, .remote = {.addr = *to, .port = port}, .settings = &settings};
    must(aksu_tcp_listen(aksu_sim_stack(run->sim, 1), &listen, &run->listener[i]) == AKSU_OK, "listen");
    must(aksu_tcp_connect(aksu_sim_stack(run->sim, 0), &connect, &run->sock[i]) == AKSU_OK, "connect");
}

/* False: not fair, or not full. */
static bool share(const char *const cc[FLOWS], uint32_t rtt_ms, uint64_t seed) {
    struct run run = {.open = {false}};
    aksu_sim_hooks hooks = {.user = &run, .wake = wake};
    run.sim = aksu_sim_open(seed, &hooks);
    must(run.sim != NULL, "aksu_sim_open");
    aksu_config config;
    aksu_sim_config_default(&config);
    config.block_max = 8192;
    config.record_max = 16384;
    aksu_addr addr[2] = {aksu_addr_v4(10, 0, 0, 1), aksu_addr_v4(10, 0, 0, 2)};
    aksu_sim_link link = {.mtu = 1500};
    for (uint32_t i = 0; i < 2; i++)
        must(aksu_sim_host_add(run.sim, &addr[i], &config, &link.node[i]) == AKSU_OK, "aksu_sim_host_add");
    link.path[0] = (aksu_sim_path){.rate_bps = RATE_MBPS * 1000000ull,
                                   .delay_us = (uint64_t)rtt_ms * 500,
                                   .jitter_us = 300,
                                   .queue_bytes = RATE_MBPS * 125 * rtt_ms};
    link.path[1] = link.path[0];
    uint32_t link_index;
    must(aksu_sim_link_add(run.sim, &link, &link_index) == AKSU_OK, "aksu_sim_link_add");
    flow_open(&run, 0, &addr[1], cc[0]);
    must(aksu_sim_run(run.sim, 2000000), "the simulation");
    flow_open(&run, 1, &addr[1], cc[1]);
    must(aksu_sim_run(run.sim, SECONDS * 500000ull), "the simulation");
    uint64_t half[FLOWS] = {run.received[0], run.received[1]};
    must(aksu_sim_run(run.sim, SECONDS * 1000000ull), "the simulation");
    double x = (double)(run.received[0] - half[0]);
    double y = (double)(run.received[1] - half[1]);
    aksu_sim_close(run.sim);
    double index = (x + y) * (x + y) / (2 * (x * x + y * y));
    double used = (x + y) * 8 / (RATE_MBPS * 1e6 * SECONDS / 2);
    bool good = index >= 0.95 && used >= 0.85;
    printf("%-7s with %-7s at %3u ms, seed %u: Jain %.3f, link %.2f full%s\n", cc[0], cc[1], (unsigned)rtt_ms,
           (unsigned)seed, index, used, good ? "" : "  FAILED");
    return good;
}

int main(void) {
    static const char *const pairs[][FLOWS] = {{"cubic", "cubic"}, {"newreno", "newreno"}, {"cubic", "newreno"}};
    bool good = true;
    for (int pair = 0; pair < 3; pair++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            good &= share(pairs[pair], 20, seed);
            if (pair < 2) good &= share(pairs[pair], 60, seed);
        }
    }
    return good ? 0 : 1;
}
