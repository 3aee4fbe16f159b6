/* One flow over a router that marks: with ECN, of either kind (RFC 3168, RFC 9768), the queue stays below its limit and
 * nothing is lost; without it the same path loses.  All fill the link.  With accurate ECN what the one end has counted
 * of each codepoint the other knows at the end, but for what is on its way. */
#include "aksu/sim.h"

#include <stdio.h>
#include <stdlib.h>

enum { RATE_MBPS = 20, RTT_MS = 40, SECONDS = 30, BDP_BYTES = RATE_MBPS * 125 * RTT_MS };

struct run {
    aksu_sim *sim;
    aksu_sock sock[2], listener;
    bool accepted;
    uint64_t received;
};

static void wake(void *user, uint32_t node) {
    struct run *run = user;
    static uint8_t buf[65536];
    aksu_stack *stack = aksu_sim_stack(run->sim, node);
    size_t bytes;
    if (node == 0) {
        while (aksu_tcp_send(stack, run->sock[0], buf, sizeof buf, 0, &bytes) == AKSU_OK) {
        }
        return;
    }
    if (!run->accepted) run->accepted = aksu_tcp_accept(stack, run->listener, &run->sock[1]) == AKSU_OK;
    while (run->accepted && aksu_tcp_recv(stack, run->sock[1], buf, sizeof buf, &bytes) == AKSU_OK)
        run->received += bytes;
}

static void must(bool ok, const char *what) {
    if (ok) return;
    printf("%s failed\n", what);
    exit(1);
}

static void run_open(struct run *run, aksu_ecn ecn) {
    aksu_sim_hooks hooks = {.user = run, .wake = wake};
    run->sim = aksu_sim_open(7, &hooks);
    must(run->sim != NULL, "aksu_sim_open");
    aksu_config config;
    aksu_sim_config_default(&config);
    config.block_max = 8192;
    config.record_max = 16384;
    config.tcp.ecn = ecn;
    aksu_addr addr[2] = {aksu_addr_v4(10, 0, 0, 1), aksu_addr_v4(10, 0, 0, 2)};
    aksu_sim_link link = {.mtu = 1500};
    for (uint32_t i = 0; i < 2; i++)
        must(aksu_sim_host_add(run->sim, &addr[i], &config, &link.node[i]) == AKSU_OK, "aksu_sim_host_add");
    link.path[0] = (aksu_sim_path){.rate_bps = RATE_MBPS * 1000000ull,
                                   .delay_us = RTT_MS * 500,
                                   .queue_bytes = 2 * BDP_BYTES,
                                   .ecn_mark_bytes = BDP_BYTES / 2};
    link.path[1] = link.path[0];
    uint32_t link_index;
    must(aksu_sim_link_add(run->sim, &link, &link_index) == AKSU_OK, "aksu_sim_link_add");
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local = {.port = 80}, .backlog = 1};
    aksu_tcp_open connect = {.struct_bytes = sizeof connect, .remote = {.addr = addr[1], .port = 80}};
    must(aksu_tcp_listen(aksu_sim_stack(run->sim, 1), &listen, &run->listener) == AKSU_OK, "listen");
    must(aksu_tcp_connect(aksu_sim_stack(run->sim, 0), &connect, &run->sock[0]) == AKSU_OK, "connect");
}

static bool counts_agree(const struct run *run) {
    aksu_tcp_info sender, receiver;
    must(aksu_tcp_status(aksu_sim_stack(run->sim, 0), run->sock[0], &sender) == AKSU_OK, "aksu_tcp_status");
    must(aksu_tcp_status(aksu_sim_stack(run->sim, 1), run->sock[1], &receiver) == AKSU_OK, "aksu_tcp_status");
    const aksu_accecn_info *s = &sender.accecn, *r = &receiver.accecn;
    uint32_t on_its_way = r->received_e0_bytes - s->delivered_e0_bytes + r->received_ce_bytes - s->delivered_ce_bytes;
    bool good = s->agreed && r->agreed && r->received_ce - s->delivered_ce <= 4 && on_its_way <= 4 * BDP_BYTES &&
                r->received_e1_bytes == 0 && s->delivered_e1_bytes == 0 &&
                r->received_e0_bytes + r->received_ce_bytes >= receiver.bytes_received;
    printf("accurate ECN: %lu packets marked, %lu known to the sender; %lu and %lu bytes%s\n",
           (unsigned long)r->received_ce, (unsigned long)s->delivered_ce, (unsigned long)r->received_ce_bytes,
           (unsigned long)s->delivered_ce_bytes, good ? "" : "  FAILED");
    return good;
}

static bool marked(aksu_ecn ecn) {
    struct run run = {.accepted = false};
    run_open(&run, ecn);
    must(aksu_sim_run(run.sim, SECONDS * 1000000ull), "the simulation");
    aksu_counters sender, receiver;
    aksu_counters_get(aksu_sim_stack(run.sim, 0), &sender);
    aksu_counters_get(aksu_sim_stack(run.sim, 1), &receiver);
    bool agree = ecn != AKSU_ECN_ACCURATE || counts_agree(&run);
    aksu_sim_close(run.sim);
    double used = (double)run.received * 8 / (RATE_MBPS * 1e6 * SECONDS);
    bool active = ecn != AKSU_ECN_OFF;
    bool good = agree && used >= 0.9 && active == (receiver.ecn_marks_received > 0) &&
                active == (sender.ecn_reductions > 0) && active == (sender.tcp_retransmitted == 0);
    printf("ecn %s: link %.2f full, %llu marks, %llu reductions by them, %llu retransmissions%s\n",
           ecn == AKSU_ECN_ACCURATE ? "accurate"
           : active                 ? "on"
                                    : "off",
           used, (unsigned long long)receiver.ecn_marks_received, (unsigned long long)sender.ecn_reductions,
           (unsigned long long)sender.tcp_retransmitted, good ? "" : "  FAILED");
    return good;
}

int main(void) {
    bool good = marked(AKSU_ECN_ACTIVE);
    good &= marked(AKSU_ECN_ACCURATE);
    good &= marked(AKSU_ECN_OFF);
    return good ? 0 : 1;
}
