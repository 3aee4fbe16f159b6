/* BBR (draft-ietf-ccwg-bbr) over paths that a simulated network gives it: how soon it fills them, what loss costs it,
 * how much it leaves in the queue where CUBIC fills that, and how two of its flows share.  Cases follow the draft's
 * appendix of test cases where that names one. */
#include "aksu/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLOWS = 2, MODES = AKSU_CC_MODE_COUNT };

struct path {
    const char *cc;
    uint32_t rate_mbps, rtt_ms, loss_ppm, buffer_percent; /* buffer: of rate x rtt */
    uint32_t ecn_mark_percent;
    bool no_sack;
};

struct run {
    aksu_sim *sim;
    aksu_sock sock[FLOWS], listener[FLOWS], accepted[FLOWS];
    bool open[FLOWS], said[FLOWS];
    uint64_t received[FLOWS];
    uint32_t flows;
    uint64_t pause_from_us, pause_until_us; /* the application says nothing */
    uint64_t bytes_per_s;                   /* as much as it says at most; 0: all it can */
    uint64_t sent;
    uint64_t entered_us[MODES]; /* by the first flow, first */
    uint32_t entered[MODES];
    uint64_t bandwidth_at_drain;
    uint32_t cwnd_in_probe_rtt;
    aksu_cc_mode mode;
    uint64_t in_probe_rtt_us;
};

static void must(bool ok, const char *what) {
    if (ok) return;
    printf("%s failed\n", what);
    exit(1);
}

static void see(void *user, uint32_t node, uint64_t packet, const aksu_trace_event *event) {
    struct run *run = user;
    (void)packet;
    if (node != 0) return;
    if (event->kind == AKSU_TRACE_CWND && run->mode == AKSU_CC_PROBE_RTT)
        run->cwnd_in_probe_rtt = event->u.cwnd.cwnd_bytes;
    if (event->kind != AKSU_TRACE_MODE || event->u.mode.flow.remote_port != 80) return;
    aksu_cc_mode mode = event->u.mode.mode;
    if (run->mode == AKSU_CC_PROBE_RTT) run->in_probe_rtt_us = event->time_us - run->entered_us[AKSU_CC_PROBE_RTT];
    if (run->entered[mode]++ == 0) run->entered_us[mode] = event->time_us;
    if (mode == AKSU_CC_PROBE_RTT) run->entered_us[mode] = event->time_us;
    if (mode == AKSU_CC_PROBE_DOWN && run->bandwidth_at_drain == 0) run->bandwidth_at_drain = event->u.mode.bandwidth;
    run->mode = mode;
}

static void say(struct run *run, uint32_t flow) {
    static uint8_t buf[65536];
    uint64_t now_us = aksu_sim_now_us(run->sim);
    size_t bytes = 0;
    if (now_us >= run->pause_from_us && now_us < run->pause_until_us) return;
    for (;;) {
        size_t most = sizeof buf;
        if (run->bytes_per_s != 0) {
            uint64_t may = now_us * run->bytes_per_s / 1000000;
            most = may > run->sent ? (size_t)(may - run->sent) : 0;
            if (most > sizeof buf) most = sizeof buf;
        }
        if (most == 0 || aksu_tcp_send(aksu_sim_stack(run->sim, 0), run->sock[flow], buf, most, 0, &bytes) != AKSU_OK)
            return;
        run->sent += bytes;
    }
}

static void wake(void *user, uint32_t node) {
    struct run *run = user;
    static uint8_t buf[65536];
    aksu_stack *stack = aksu_sim_stack(run->sim, node);
    size_t bytes;
    for (uint32_t i = 0; i < run->flows; i++) {
        if (node == 0) {
            say(run, i);
            continue;
        }
        if (!run->open[i]) run->open[i] = aksu_tcp_accept(stack, run->listener[i], &run->accepted[i]) == AKSU_OK;
        while (run->open[i] && aksu_tcp_recv(stack, run->accepted[i], buf, sizeof buf, &bytes) == AKSU_OK)
            run->received[i] += bytes;
    }
}

static uint32_t bdp_of(const struct path *path) {
    return path->rate_mbps * 125 * path->rtt_ms;
}

static void run_open(struct run *run, const struct path *path, uint64_t seed) {
    static aksu_sim_hooks hooks;
    hooks = (aksu_sim_hooks){.user = run, .wake = wake, .event = see};
    run->sim = aksu_sim_open(seed, &hooks);
    must(run->sim != NULL, "aksu_sim_open");
    aksu_config config;
    aksu_sim_config_default(&config);
    config.block_max = 16384;
    config.record_max = 32768;
    config.tcp.congestion_control = (uint64_t)aksu_cc_index(path->cc);
    config.tcp.ecn = path->ecn_mark_percent != 0 ? AKSU_ECN_ACTIVE : AKSU_ECN_OFF;
    config.tcp.sack = !path->no_sack;
    config.tcp.snd_buf_bytes = config.tcp.rcv_buf_bytes = 16u << 20;
    aksu_addr addr[2] = {aksu_addr_v4(10, 0, 0, 1), aksu_addr_v4(10, 0, 0, 2)};
    aksu_sim_link link = {.mtu = 1500};
    for (uint32_t i = 0; i < 2; i++)
        must(aksu_sim_host_add(run->sim, &addr[i], &config, &link.node[i]) == AKSU_OK, "aksu_sim_host_add");
    link.path[0] = (aksu_sim_path){
        .rate_bps = path->rate_mbps * 1000000ull,
        .delay_us = path->rtt_ms * 500ull,
        .queue_bytes = (uint32_t)((uint64_t)bdp_of(path) * path->buffer_percent / 100),
        .ecn_mark_bytes = (uint32_t)((uint64_t)bdp_of(path) * path->ecn_mark_percent / 100),
        .loss_ppm = path->loss_ppm,
    };
    link.path[1] = (aksu_sim_path){.rate_bps = link.path[0].rate_bps, .delay_us = link.path[0].delay_us};
    uint32_t index;
    must(aksu_sim_link_add(run->sim, &link, &index) == AKSU_OK, "aksu_sim_link_add");
}

static void flow_open(struct run *run) {
    uint32_t i = run->flows;
    aksu_addr to = aksu_addr_v4(10, 0, 0, 2);
    uint16_t port = (uint16_t)(80 + i);
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local = {.port = port}, .backlog = 1};
    aksu_tcp_open connect = {.struct_bytes = sizeof connect, .remote = {.addr = to, .port = port}};
    must(aksu_tcp_listen(aksu_sim_stack(run->sim, 1), &listen, &run->listener[i]) == AKSU_OK, "listen");
    must(aksu_tcp_connect(aksu_sim_stack(run->sim, 0), &connect, &run->sock[i]) == AKSU_OK, "connect");
    run->flows++;
}

/* Time goes by in steps, for an application that says only so much. */
static void run_until(struct run *run, uint64_t until_us) {
    uint64_t step_us = run->bytes_per_s != 0 || run->pause_until_us != 0 ? 5000 : until_us;
    for (uint64_t now_us = aksu_sim_now_us(run->sim); now_us < until_us;) {
        now_us = now_us + step_us < until_us ? now_us + step_us : until_us;
        if (!aksu_sim_run(run->sim, now_us)) printf("violation: %s\n", aksu_sim_violation(run->sim));
        must(aksu_sim_violation(run->sim) == NULL, "the simulation");
        for (uint32_t i = 0; i < run->flows; i++) say(run, i);
    }
}

static double goodput_mbps(struct run *run, uint32_t flow, uint64_t for_us) {
    uint64_t before = run->received[flow];
    run_until(run, aksu_sim_now_us(run->sim) + for_us);
    return (double)(run->received[flow] - before) * 8 / (double)for_us;
}

static bool good = true;
static void check(bool ok, const char *what, double value) {
    printf("%s %s: %.3f\n", ok ? "  " : "FAILED", what, value);
    good &= ok;
}

/* "Exiting STARTUP on Bandwidth Plateau": max_bw within 2 % of the link's, after a few round trips. */
static void clean(void) {
    static const uint32_t rate[] = {10, 100}, rtt[] = {10, 50, 200};
    for (uint32_t i = 0; i < 6; i++) {
        struct path path = {"bbr", rate[i % 2], rtt[i / 2], 0, 400, 0, false};
        struct run run = {.flows = 0};
        run_open(&run, &path, 1);
        flow_open(&run);
        run_until(&run, path.rtt_ms * 20000ull);
        printf("%" PRIu32 " Mbit/s, %" PRIu32 " ms, clean\n", path.rate_mbps, path.rtt_ms);
        check(run.entered[AKSU_CC_DRAIN] == 1, "drained once", run.entered[AKSU_CC_DRAIN]);
        check(run.entered_us[AKSU_CC_DRAIN] <= path.rtt_ms * 18000ull, "round trips until the path is full",
              (double)run.entered_us[AKSU_CC_DRAIN] / (path.rtt_ms * 1000.0));
        double found = (double)run.bandwidth_at_drain * 8e-6 / path.rate_mbps;
        check(found >= 0.94 && found <= 1.0, "of the rate found (payload: 0.966 of it)", found);
        check(run.entered[AKSU_CC_PROBE_DOWN] > 0, "then probes", run.entered[AKSU_CC_PROBE_DOWN]);
        double used = goodput_mbps(&run, 0, 8000000) / path.rate_mbps;
        check(used >= 0.88, "of the link used", used);
        aksu_sim_close(run.sim);
    }
}

/* Loss below the threshold of 2 % costs little more than what it takes itself. */
static void lossy(void) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct path path = {"bbr", 40, 40, 10000, 100, 0, false};
        struct run run = {.flows = 0};
        run_open(&run, &path, seed);
        flow_open(&run);
        run_until(&run, 2000000);
        double capacity = path.rate_mbps * 1448.0 / 1500 * 0.99;
        double bbr = goodput_mbps(&run, 0, 20000000) / capacity;
        aksu_sim_close(run.sim);
        path.cc = "cubic";
        run = (struct run){.flows = 0};
        run_open(&run, &path, seed);
        flow_open(&run);
        run_until(&run, 2000000);
        double cubic = goodput_mbps(&run, 0, 20000000) / capacity;
        aksu_sim_close(run.sim);
        printf("40 Mbit/s, 40 ms, 1 %% loss, seed %u\n", (unsigned)seed);
        check(bbr >= 0.9, "of the capacity used", bbr);
        check(cubic < 0.5, "by cubic", cubic);
    }
}

/* The mean queue of a long flow, sampled: a small part of what CUBIC leaves standing in the same buffer. */
static double queue_in_bdp(const struct path *path) {
    struct run run = {.flows = 0};
    run_open(&run, path, 1);
    flow_open(&run);
    run_until(&run, 4000000);
    double sum = 0;
    enum { SAMPLES = 2000 };
    for (uint32_t i = 0; i < SAMPLES; i++) {
        aksu_sim_path_stats stats;
        run_until(&run, aksu_sim_now_us(run.sim) + 10000);
        aksu_sim_path_stats_get(run.sim, 0, 0, &stats);
        sum += stats.queued_bytes;
    }
    aksu_sim_close(run.sim);
    return sum / SAMPLES / bdp_of(path);
}

static void queue(void) {
    struct path path = {"bbr", 40, 40, 0, 300, 0, false};
    double bbr = queue_in_bdp(&path);
    path.cc = "cubic";
    double cubic = queue_in_bdp(&path);
    printf("40 Mbit/s, 40 ms, a buffer of three times what the path holds\n");
    check(bbr < 0.25, "standing in the queue, of what the path holds", bbr);
    check(cubic > 1, "cubic", cubic);
}

static void share(uint32_t rtt_ms, uint32_t buffer_percent, uint64_t seed) {
    struct path path = {"bbr", 20, rtt_ms, 0, buffer_percent, 0, false};
    struct run run = {.flows = 0};
    run_open(&run, &path, seed);
    flow_open(&run);
    run_until(&run, 2000000);
    flow_open(&run);
    run_until(&run, 60000000);
    uint64_t half[FLOWS] = {run.received[0], run.received[1]};
    run_until(&run, 120000000);
    double x = (double)(run.received[0] - half[0]), y = (double)(run.received[1] - half[1]);
    printf("two flows, %u ms, buffer %u %%, seed %u\n", (unsigned)rtt_ms, (unsigned)buffer_percent, (unsigned)seed);
    double index = (x + y) * (x + y) / (2 * (x * x + y * y));
    check(index >= 0.9, "Jain's index", index);
    double used = (x + y) * 8 / (path.rate_mbps * 60e6);
    check(used >= 0.85, "of the link used", used);
    aksu_sim_close(run.sim);
}

/* "Entering and Exiting PROBE_RTT": after 5 s without a shorter round trip, for 200 ms and one round, with half of what
 * the path holds in flight. */
static void probe_rtt(void) {
    struct path path = {"bbr", 40, 40, 0, 100, 0, false};
    struct run run = {.flows = 0};
    run_open(&run, &path, 1);
    flow_open(&run);
    run_until(&run, 12000000);
    printf("ProbeRTT\n");
    check(run.entered[AKSU_CC_PROBE_RTT] == 2, "times in 12 s", run.entered[AKSU_CC_PROBE_RTT]);
    double seconds = (double)run.in_probe_rtt_us * 1e-6;
    check(seconds > 0.2 && seconds < 0.4, "seconds", seconds);
    double cwnd = (double)run.cwnd_in_probe_rtt / bdp_of(&path);
    check(cwnd > 0.4 && cwnd < 0.55, "of what the path holds in flight", cwnd);
    aksu_sim_close(run.sim);
}

/* "Skipping PROBE_RTT Due to Application-Limited Sending", and s5.4: a flow that comes back from idle is as fast at
 * once, also when its transfer was given back meanwhile. */
static void idle(void) {
    struct path path = {"bbr", 40, 40, 0, 100, 0, false};
    struct run run = {.flows = 0, .pause_from_us = 4000000, .pause_until_us = 10000000};
    run_open(&run, &path, 1);
    flow_open(&run);
    run_until(&run, 10000000);
    uint32_t probes = run.entered[AKSU_CC_PROBE_RTT], startups = run.entered[AKSU_CC_STARTUP];
    double back = goodput_mbps(&run, 0, 400000) / path.rate_mbps;
    printf("after 6 s of silence\n");
    check(run.entered[AKSU_CC_PROBE_RTT] == probes, "ProbeRTT was needless", run.entered[AKSU_CC_PROBE_RTT]);
    check(run.entered[AKSU_CC_STARTUP] == startups, "and so was Startup", run.entered[AKSU_CC_STARTUP]);
    check(back >= 0.75, "of the link used in the next 10 round trips", back);
    aksu_sim_close(run.sim);
}

/* "Never Exiting STARTUP When Application-Limited With No Loss". */
static void app_limited(void) {
    struct path path = {"bbr", 40, 40, 0, 100, 0, false};
    struct run run = {.flows = 0, .bytes_per_s = 200000};
    run_open(&run, &path, 1);
    flow_open(&run);
    run_until(&run, 4000000);
    printf("an application that says 1.6 Mbit/s\n");
    check(run.entered[AKSU_CC_DRAIN] == 0, "Startup is not over", run.entered[AKSU_CC_DRAIN]);
    run.bytes_per_s = 0;
    double used = goodput_mbps(&run, 0, 4000000) / path.rate_mbps;
    check(used >= 0.8, "of the link used when it says more", used);
    aksu_sim_close(run.sim);
}

/* A buffer of a tenth of what the path holds: Startup ends by its losses, and few follow.  Marks keep the queue below
 * where they begin.  And without SACK it still goes. */
static void signals(void) {
    struct path path = {"bbr", 40, 40, 0, 10, 0, false};
    aksu_sim_path_stats stats;
    struct run run = {.flows = 0};
    run_open(&run, &path, 1);
    flow_open(&run);
    run_until(&run, 4000000);
    aksu_sim_path_stats_get(run.sim, 0, 0, &stats);
    uint64_t packets = stats.packets, lost = stats.lost;
    double used = goodput_mbps(&run, 0, 16000000) / path.rate_mbps;
    aksu_sim_path_stats_get(run.sim, 0, 0, &stats);
    printf("a buffer of a tenth of what the path holds\n");
    check(used >= 0.75, "of the link used", used);
    double rate = (double)(stats.lost - lost) / (double)(stats.packets - packets);
    check(rate < 0.02, "of the packets lost", rate);
    aksu_sim_close(run.sim);

    path = (struct path){"bbr", 40, 40, 0, 300, 30, false};
    run = (struct run){.flows = 0};
    run_open(&run, &path, 1);
    flow_open(&run);
    run_until(&run, 20000000);
    aksu_sim_path_stats_get(run.sim, 0, 0, &stats);
    printf("marks from 30 %% of what the path holds on\n");
    check(stats.marked > 0 && stats.marked * 20 < stats.packets, "of the packets marked",
          (double)stats.marked / (double)stats.packets);
    check(stats.lost == 0, "packets lost", (double)stats.lost);
    used = (double)run.received[0] * 8 / (path.rate_mbps * 20e6);
    check(used >= 0.75, "of the link used", used);
    aksu_sim_close(run.sim);

    path = (struct path){"bbr", 40, 40, 1000, 100, 0, true};
    run = (struct run){.flows = 0};
    run_open(&run, &path, 1);
    flow_open(&run);
    used = goodput_mbps(&run, 0, 20000000) / path.rate_mbps;
    printf("without SACK, 0.1 %% loss\n");
    check(used >= 0.4, "of the link used", used);
    aksu_sim_close(run.sim);
}

int main(void) {
    clean();
    lossy();
    queue();
    for (uint64_t seed = 1; seed <= 2; seed++) {
        share(20, 100, seed);
        share(20, 300, seed);
        share(60, 100, seed);
    }
    probe_rtt();
    idle();
    app_limited();
    signals();
    return good ? 0 : 1;
}
