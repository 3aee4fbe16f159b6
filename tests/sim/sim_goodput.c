/* Goodput over a grid of paths, against a snapshot: rate x round trip x loss x reordering x buffer, each cell with all
 * congestion controls, and one of them without SACK, and the mean of several seeds.  All of it is virtual time, so the
 * same code gives the same numbers anywhere.
 *
 * A row (one congestion control, loss, and reordering, over all paths) may lose 5 % against the snapshot, a cell 20 %.
 * What has become better is told, so that the snapshot can follow.
 *
 *     sim_goodput                compares with tests/sim/goodput.txt
 *     sim_goodput --write        writes that file anew
 */
#include "aksu/sim.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOT AKSU_SOURCE_DIR "/tests/sim/goodput.txt"

enum { SEEDS = 3, RUN_US = 6000000, CELL_MAX = 512 };

struct cell {
    const char *cc;                                                    /* "-nosack": neither side has SACK */
    uint32_t rate_mbps, rtt_ms, loss_ppm, reorder_ppm, buffer_percent; /* buffer: of rate x rtt */
    double kbps;
};

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
    if (!run->accepted) return;
    while (aksu_tcp_recv(stack, run->sock[1], buf, sizeof buf, &bytes) == AKSU_OK) run->received += bytes;
}

static void must(bool ok, const char *what) {
    if (ok) return;
    printf("%s failed\n", what);
    exit(1);
}

static double goodput_kbps(const struct cell *cell, uint64_t seed) {
    struct run run = {.accepted = false};
    aksu_sim_hooks hooks = {.user = &run, .wake = wake};
    run.sim = aksu_sim_open(seed, &hooks);
    must(run.sim != NULL, "aksu_sim_open");
    aksu_config config;
    aksu_sim_config_default(&config);
    config.block_max = 8192;
    config.record_max = 16384;
    config.tcp.sack = strcmp(cell->cc, "cubic-nosack") != 0;
    config.tcp.congestion_control = (uint64_t)aksu_cc_index(config.tcp.sack ? cell->cc : "cubic");
    aksu_addr addr[2] = {aksu_addr_v4(10, 0, 0, 1), aksu_addr_v4(10, 0, 0, 2)};
    aksu_sim_link link = {.mtu = 1500};
    for (uint32_t i = 0; i < 2; i++)
        must(aksu_sim_host_add(run.sim, &addr[i], &config, &link.node[i]) == AKSU_OK, "aksu_sim_host_add");
    uint64_t bdp_bytes = (uint64_t)cell->rate_mbps * 125 * cell->rtt_ms;
    uint64_t queue_bytes = bdp_bytes * cell->buffer_percent / 100;
    link.path[0] = (aksu_sim_path){
        .rate_bps = (uint64_t)cell->rate_mbps * 1000000,
        .delay_us = (uint64_t)cell->rtt_ms * 500,
        .queue_bytes = (uint32_t)(queue_bytes < 15000 ? 15000 : queue_bytes),
        .loss_ppm = cell->loss_ppm,
        .reorder_ppm = cell->reorder_ppm,
        .reorder_us = (uint64_t)cell->rtt_ms * 100,
    };
    link.path[1] = link.path[0];
    link.path[1].queue_bytes = 0;
    uint32_t link_index;
    must(aksu_sim_link_add(run.sim, &link, &link_index) == AKSU_OK, "aksu_sim_link_add");
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local = {.port = 80}, .backlog = 1};
    aksu_tcp_open connect = {.struct_bytes = sizeof connect, .remote = {.addr = addr[1], .port = 80}};
    must(aksu_tcp_listen(aksu_sim_stack(run.sim, 1), &listen, &run.listener) == AKSU_OK, "listen");
    must(aksu_tcp_connect(aksu_sim_stack(run.sim, 0), &connect, &run.sock[0]) == AKSU_OK, "connect");
    if (!aksu_sim_run(run.sim, RUN_US)) printf("violation: %s\n", aksu_sim_violation(run.sim));
    must(aksu_sim_violation(run.sim) == NULL, "the simulation");
    aksu_sim_close(run.sim);
    return (double)run.received * 8 / (RUN_US / 1000.0);
}

static uint32_t fill_grid(struct cell *cells) {
    static const char *const cc[] = {"cubic", "newreno", "cubic-nosack", "bbr"};
    static const uint32_t loss[] = {0, 1000, 10000, 30000};
    static const uint32_t reorder[] = {0, 10000};
    static const uint32_t rate[] = {5, 40};
    static const uint32_t rtt[] = {4, 40, 200};
    static const uint32_t buffer[] = {25, 200};
    uint32_t count = 0;
    for (uint32_t i = 0; i < 4 * 4 * 2 * 2 * 3 * 2; i++) {
        uint32_t n = i;
        struct cell *cell = &cells[count++];
        cell->buffer_percent = buffer[n % 2], n /= 2;
        cell->rtt_ms = rtt[n % 3], n /= 3;
        cell->rate_mbps = rate[n % 2], n /= 2;
        cell->reorder_ppm = reorder[n % 2], n /= 2;
        cell->loss_ppm = loss[n % 4], n /= 4;
        cell->cc = cc[n];
    }
    return count;
}

static void put_cell(FILE *to, const struct cell *c) {
    (void)fprintf(to, "%-12s %5" PRIu32 " %4" PRIu32 " %6" PRIu32 " %8" PRIu32 " %7" PRIu32 " %9.0f\n", c->cc,
                  c->rate_mbps, c->rtt_ms, c->loss_ppm, c->reorder_ppm, c->buffer_percent, c->kbps);
}

static bool same_row(const struct cell *a, const struct cell *b) {
    return a->cc == b->cc && a->loss_ppm == b->loss_ppm && a->reorder_ppm == b->reorder_ppm;
}

/* The snapshot's cell, in the same order as the grid. */
static bool read_cell(FILE *from, const struct cell *now, double *ret_kbps) {
    char line[160], key[120], *end;
    do {
        if (fgets(line, sizeof line, from) == NULL) return false;
    } while (line[0] == '#');
    int bytes = snprintf(key, sizeof key, "%-12s %5" PRIu32 " %4" PRIu32 " %6" PRIu32 " %8" PRIu32 " %7" PRIu32 " ",
                         now->cc, now->rate_mbps, now->rtt_ms, now->loss_ppm, now->reorder_ppm, now->buffer_percent);
    if (bytes < 0 || strncmp(line, key, (size_t)bytes) != 0) return false;
    *ret_kbps = strtod(line + bytes, &end);
    return end != line + bytes;
}

static int compare(const struct cell *cells, uint32_t count) {
    FILE *from = fopen(SNAPSHOT, "r");
    must(from != NULL, "opening " SNAPSHOT);
    int failed = 0;
    double log_sum = 0;
    uint32_t row_begin = 0;
    for (uint32_t i = 0; i < count; i++) {
        double was;
        must(read_cell(from, &cells[i], &was), "the snapshot does not have this grid; --write: reading it");
        double ratio = cells[i].kbps / (was > 0 ? was : 1);
        log_sum += log(ratio);
        if (ratio < 0.8) {
            printf("%.2f of the snapshot's %.0f kbit/s: ", ratio, was);
            put_cell(stdout, &cells[i]);
            failed = 1;
        }
        if (i + 1 < count && same_row(&cells[i], &cells[i + 1])) continue;
        double mean = exp(log_sum / (i + 1 - row_begin));
        const char *verdict = mean < 0.95 ? "FAILED" : mean > 1.05 ? "better: --write" : "";
        printf("%-12s loss %5" PRIu32 " ppm, reordering %5" PRIu32 " ppm: %.3f of the snapshot  %s\n", cells[i].cc,
               cells[i].loss_ppm, cells[i].reorder_ppm, mean, verdict);
        if (mean < 0.95) failed = 1;
        row_begin = i + 1;
        log_sum = 0;
    }
    (void)fclose(from);
    return failed;
}

int main(int argc, char **argv) {
    static struct cell cells[CELL_MAX];
    uint32_t count = fill_grid(cells);
    for (uint32_t i = 0; i < count; i++) {
        double sum = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) sum += goodput_kbps(&cells[i], seed);
        cells[i].kbps = sum / SEEDS;
    }
    if (argc < 2 || strcmp(argv[1], "--write") != 0) return compare(cells, count);
    FILE *to = fopen(SNAPSHOT, "w");
    must(to != NULL, "opening " SNAPSHOT);
    (void)fprintf(
        to, "# Goodput in kbit/s of one flow for 6 s of virtual time, the mean of 3 seeds.  tests/sim/sim_goodput.c\n"
            "# cc       Mbit/s  rtt   loss  reorder  buffer    kbit/s\n"
            "#                   ms    ppm      ppm  %% of bdp\n");
    for (uint32_t i = 0; i < count; i++) put_cell(to, &cells[i]);
    return fclose(to) == 0 ? 0 : 1;
}
