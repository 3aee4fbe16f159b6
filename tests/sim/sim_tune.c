/* Buffers that tune themselves, over whole paths: as large as the path needs, small where it needs little, given back
 * when the data has gone, and nothing of the kind where sizes are fixed. */
#include "aksu/counters.h"
#include "aksu/sim.h"

#include <stdio.h>
#include <stdlib.h>

struct path {
    uint32_t rate_mbps, rtt_ms;
    uint32_t fixed_bytes; /* both buffers; 0: they tune themselves */
    uint32_t read_mbps;   /* as fast as the application reads; 0: all there is */
    bool no_timestamps;
    uint64_t budget_bytes; /* 0: the default */
    bool large;            /* blocks for buffers of 32 MiB, as the host layer has */
};

struct run {
    aksu_sim *sim;
    aksu_sock sock[2], listener;
    bool accepted, quiet;
    uint64_t received;
    const struct path *path;
};

static void must(bool ok, const char *what) {
    if (ok) return;
    printf("%s failed\n", what);
    exit(1);
}

static void wake(void *user, uint32_t node) {
    struct run *run = user;
    static uint8_t buf[65536];
    aksu_stack *stack = aksu_sim_stack(run->sim, node);
    size_t bytes;
    if (node == 0) {
        while (!run->quiet && aksu_tcp_send(stack, run->sock[0], buf, sizeof buf, 0, &bytes) == AKSU_OK) {
        }
        return;
    }
    if (!run->accepted) run->accepted = aksu_tcp_accept(stack, run->listener, &run->sock[1]) == AKSU_OK;
    for (;;) {
        uint64_t may = sizeof buf;
        if (run->path->read_mbps != 0) {
            uint64_t read = aksu_sim_now_us(run->sim) * run->path->read_mbps / 8;
            may = read > run->received ? read - run->received : 0;
        }
        if (may > sizeof buf) may = sizeof buf;
        if (!run->accepted || may == 0 || aksu_tcp_recv(stack, run->sock[1], buf, (size_t)may, &bytes) != AKSU_OK)
            return;
        run->received += bytes;
    }
}

static void run_open(struct run *run, const struct path *path) {
    static aksu_sim_hooks hooks;
    *run = (struct run){.path = path};
    hooks = (aksu_sim_hooks){.user = run, .wake = wake};
    run->sim = aksu_sim_open(1, &hooks);
    must(run->sim != NULL, "aksu_sim_open");
    aksu_config config;
    aksu_config_default(&config);
    config.tcp.rcv_buf_bytes = config.tcp.snd_buf_bytes = path->fixed_bytes;
    config.tcp.timestamps = !path->no_timestamps;
    if (path->budget_bytes != 0) config.buffer_growth_max = path->budget_bytes;
    if (path->large) {
        config.tcp.rcv_buf_max_bytes = config.tcp.snd_buf_max_bytes = 32 << 20;
        config.block_max = 65536;
        config.buffer_growth_max = 128 << 20;
    }
    aksu_addr addr[2] = {aksu_addr_v4(10, 0, 0, 1), aksu_addr_v4(10, 0, 0, 2)};
    aksu_sim_link link = {.mtu = 1500};
    for (uint32_t i = 0; i < 2; i++)
        must(aksu_sim_host_add(run->sim, &addr[i], &config, &link.node[i]) == AKSU_OK, "aksu_sim_host_add");
    link.path[0] = (aksu_sim_path){.rate_bps = path->rate_mbps * 1000000ull,
                                   .delay_us = path->rtt_ms * 500ull,
                                   .queue_bytes = path->rate_mbps * 125 * path->rtt_ms};
    link.path[1] = link.path[0];
    uint32_t index;
    must(aksu_sim_link_add(run->sim, &link, &index) == AKSU_OK, "aksu_sim_link_add");
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local = {.port = 80}, .backlog = 1};
    aksu_tcp_open connect = {.struct_bytes = sizeof connect, .remote = {.addr = addr[1], .port = 80}};
    must(aksu_tcp_listen(aksu_sim_stack(run->sim, 1), &listen, &run->listener) == AKSU_OK, "listen");
    must(aksu_tcp_connect(aksu_sim_stack(run->sim, 0), &connect, &run->sock[0]) == AKSU_OK, "connect");
}

static void run_until(struct run *run, uint64_t until_us) {
    uint64_t step_us = run->path->read_mbps != 0 ? 10000 : until_us;
    for (uint64_t now_us = aksu_sim_now_us(run->sim); now_us < until_us;) {
        now_us = now_us + step_us < until_us ? now_us + step_us : until_us;
        if (!aksu_sim_run(run->sim, now_us)) printf("violation: %s\n", aksu_sim_violation(run->sim));
        must(aksu_sim_violation(run->sim) == NULL, "the simulation");
        wake(run, 1);
    }
}

static aksu_tcp_info info_of(const struct run *run, int end) {
    aksu_tcp_info info;
    must(aksu_tcp_status(aksu_sim_stack(run->sim, (uint32_t)end), run->sock[end], &info) == AKSU_OK, "status");
    return info;
}

static uint64_t growth(const struct run *run, uint32_t node) {
    aksu_counters counters;
    aksu_counters_get(aksu_sim_stack(run->sim, node), &counters);
    return counters.buffer_growth_bytes;
}

static bool good = true;
static void check(bool ok, const char *what, double value) {
    printf("%s %s: %.3f\n", ok ? "  " : "FAILED", what, value);
    good &= ok;
}

/* 3.75 MB in a round trip, from 128 KiB. */
static void long_and_fat(bool no_timestamps) {
    struct path path = {.rate_mbps = 100, .rtt_ms = 300, .no_timestamps = no_timestamps};
    struct run run;
    run_open(&run, &path);
    run_until(&run, 200000);
    check(growth(&run, 0) == 0 && growth(&run, 1) == 0, "grown in the handshake", (double)growth(&run, 1));
    run_until(&run, 8000000);
    uint64_t before = run.received;
    run_until(&run, 28000000);
    printf("100 Mbit/s, 300 ms%s\n", no_timestamps ? ", without timestamps" : "");
    check((double)(run.received - before) * 8 / 20e6 >= 90, "Mbit/s", (double)(run.received - before) * 8 / 20e6);
    check(info_of(&run, 1).rcv_buf_bytes >= 4000000, "receive buffer", info_of(&run, 1).rcv_buf_bytes);
    check(info_of(&run, 0).snd_buf_bytes >= 4000000, "send buffer", info_of(&run, 0).snd_buf_bytes);
    check(info_of(&run, 1).snd_buf_bytes == 131072, "the other way", info_of(&run, 1).snd_buf_bytes);
    run.quiet = true;
    run_until(&run, 40000000);
    aksu_counters counters;
    aksu_counters_get(aksu_sim_stack(run.sim, 0), &counters);
    check(growth(&run, 0) == 0 && growth(&run, 1) == 0 && counters.block_used == 0, "still held when all is quiet",
          (double)(growth(&run, 0) + growth(&run, 1)));
    aksu_sim_close(run.sim);
}

/* 11 MB in a round trip. */
static void very_fat(void) {
    struct path path = {.rate_mbps = 300, .rtt_ms = 300, .large = true};
    struct run run;
    run_open(&run, &path);
    run_until(&run, 5000000);
    uint64_t before = run.received;
    run_until(&run, 9000000);
    printf("300 Mbit/s, 300 ms, up to 32 MiB\n");
    check((double)(run.received - before) * 8 / 4e6 >= 270, "Mbit/s", (double)(run.received - before) * 8 / 4e6);
    check(info_of(&run, 1).rcv_buf_bytes >= 12000000, "receive buffer", info_of(&run, 1).rcv_buf_bytes);
    check(info_of(&run, 0).snd_buf_bytes >= 12000000, "send buffer", info_of(&run, 0).snd_buf_bytes);
    aksu_sim_close(run.sim);
}

static void small_needs(void) {
    struct path path = {
        .rate_mbps = 50000, .rtt_ms = 1, .large = true}; /* more than 8 MiB come in a round trip or two */
    struct run run;
    run_open(&run, &path);
    run_until(&run, 60000);
    printf("50 Gbit/s, 1 ms\n");
    check(info_of(&run, 1).rcv_buf_bytes == 8 << 20, "receive buffer", info_of(&run, 1).rcv_buf_bytes);
    check(info_of(&run, 0).snd_buf_bytes == 4 << 20, "send buffer", info_of(&run, 0).snd_buf_bytes);
    aksu_sim_close(run.sim);

    path = (struct path){.rate_mbps = 20, .rtt_ms = 20}; /* 50 KB in a round trip, and as much in the queue */
    run_open(&run, &path);
    run_until(&run, 10000000);
    printf("20 Mbit/s, 20 ms\n");
    check(info_of(&run, 1).rcv_buf_bytes <= 4 * 131072, "receive buffer", info_of(&run, 1).rcv_buf_bytes);
    check((double)run.received * 8 / 10e6 >= 18, "Mbit/s", (double)run.received * 8 / 10e6);
    aksu_sim_close(run.sim);

    path = (struct path){.rate_mbps = 100, .rtt_ms = 40, .read_mbps = 1}; /* a reader that does not keep up */
    run_open(&run, &path);
    run_until(&run, 10000000);
    printf("100 Mbit/s, 40 ms, read at 1 Mbit/s\n");
    check(info_of(&run, 1).rcv_buf_bytes <= 2 * 131072, "receive buffer", info_of(&run, 1).rcv_buf_bytes);
    aksu_sim_close(run.sim);
}

static void bounds(void) {
    struct path path = {.rate_mbps = 100, .rtt_ms = 300, .fixed_bytes = 131072};
    struct run run;
    run_open(&run, &path);
    run_until(&run, 10000000);
    printf("fixed at 128 KiB\n");
    check(info_of(&run, 1).rcv_buf_bytes == 131072 && info_of(&run, 0).snd_buf_bytes == 131072, "receive buffer",
          info_of(&run, 1).rcv_buf_bytes);
    check(growth(&run, 0) + growth(&run, 1) == 0, "grown", (double)growth(&run, 1));
    aksu_sim_close(run.sim);

    path = (struct path){.rate_mbps = 100, .rtt_ms = 300, .budget_bytes = 1000000};
    run_open(&run, &path);
    run_until(&run, 10000000);
    printf("1 MB for the growth of all\n");
    check(growth(&run, 1) > 450000 && growth(&run, 1) <= 500000, "taken by the only one", (double)growth(&run, 1));
    aksu_sim_close(run.sim);
}

int main(void) {
    long_and_fat(false);
    long_and_fat(true);
    very_fat();
    small_needs();
    bounds();
    return good ? 0 : 1;
}
