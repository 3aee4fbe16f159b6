/* Random lives of connections over a random network, each from one seed, with all checks of the simulator on.
 *
 * Beyond those: on a network that loses little and is never cut for long, with no abort and no crash, every byte must
 * arrive and every connection end by FINs.  A failure prints the command that replays it.
 *
 *     sim_random [--count N] [--seconds S] [--seed N]      1000 runs; so many; so long; just this one, with its story
 */
#include "aksu/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONNECTIONS_MAX 6
#define END_US          4000000000ull

struct end {
    bool used, finished, ended, told_closed;
    aksu_sock sock;
    uint64_t sent, wanted, received;
    uint64_t close_us;
    uint64_t next_read_us;
};

struct world {
    aksu_sim *sim;
    aksu_addr addr[2];
    aksu_sock listener;
    uint32_t link, far_link; /* the same without a router between the hosts */
    struct end client[CONNECTIONS_MAX], server[CONNECTIONS_MAX];
    uint32_t connections, accepted;
    uint64_t read_pause_us;
    bool urgent;
    bool rough; /* bytes may be lost for good: abort, crash, a long cut */
    aksu_reason reason;
    char problem[160];
};

static uint64_t pick(struct world *w, uint64_t below) {
    return aksu_sim_random(w->sim) % below;
}

static bool one_in(struct world *w, uint64_t n) {
    return pick(w, n) == 0;
}

/* Offers what is left to send, and closes once all is queued. */
static void write_some(struct world *w, uint32_t node, struct end *e) {
    static const uint8_t letters[] = "the quick brown fox jumps over the lazy dog 0123456789";
    uint8_t buf[4096];
    while (e->sent < e->wanted) {
        size_t bytes = sizeof buf;
        if (bytes > e->wanted - e->sent) bytes = (size_t)(e->wanted - e->sent);
        for (size_t i = 0; i < bytes; i++) buf[i] = (uint8_t)(letters[(e->sent + i) % 53] ^ ((e->sent + i) >> 9));
        size_t taken = 0;
        aksu_err err = w->urgent && one_in(w, 16) ? aksu_sim_send_urgent(w->sim, node, e->sock, buf, bytes, &taken)
                                                  : aksu_sim_send(w->sim, node, e->sock, buf, bytes, &taken);
        if (err != AKSU_OK) return;
        e->sent += taken;
    }
    if (!e->finished && aksu_sim_now_us(w->sim) >= e->close_us) {
        e->finished = aksu_tcp_shutdown(aksu_sim_stack(w->sim, node), e->sock) == AKSU_OK;
    }
}

static void read_some(struct world *w, uint32_t node, struct end *e) {
    uint8_t buf[3000];
    if (aksu_sim_now_us(w->sim) < e->next_read_us) return;
    size_t got = 0;
    aksu_err err;
    while ((err = aksu_sim_recv(w->sim, node, e->sock, buf, sizeof buf, &got)) == AKSU_OK) {
        e->received += got;
        if (w->read_pause_us != 0) {
            e->next_read_us = aksu_sim_now_us(w->sim) + w->read_pause_us;
            return;
        }
    }
    if (err == AKSU_ERR_END) e->ended = true;
}

static void serve(struct world *w, uint32_t node, struct end *e) {
    if (!e->used || e->told_closed) return;
    write_some(w, node, e);
    read_some(w, node, e);
    if (e->ended && e->finished) {
        (void)aksu_tcp_close(aksu_sim_stack(w->sim, node), e->sock);
        e->told_closed = true;
    }
}

static struct end *find(struct world *w, uint32_t node, aksu_sock sock) {
    struct end *ends = node == 0 ? w->client : w->server;
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (ends[i].used && !ends[i].told_closed && ends[i].sock.slot == sock.slot &&
            ends[i].sock.generation == sock.generation)
            return &ends[i];
    }
    return NULL;
}

static void on_wake(void *user, uint32_t node) {
    struct world *w = user;
    aksu_stack *stack = aksu_sim_stack(w->sim, node);
    aksu_event event;
    while (aksu_next_event(stack, &event)) {
        struct end *e = find(w, node, event.sock);
        if (event.bits & AKSU_EV_INCOMING) {
            struct end *server = &w->server[w->accepted % CONNECTIONS_MAX];
            aksu_sock sock;
            while (w->accepted < CONNECTIONS_MAX && aksu_tcp_accept(stack, event.sock, &sock) == AKSU_OK) {
                *server = (struct end){.used = true, .sock = sock, .wanted = pick(w, 20000)};
                w->accepted++;
                server = &w->server[w->accepted % CONNECTIONS_MAX];
            }
        }
        if (e == NULL) continue;
        serve(w, node, e);
        if ((event.bits & AKSU_EV_CLOSED) && !e->told_closed) {
            if (event.reason == AKSU_REASON_CLOSED) continue; /* in order: what is unread stays to be read */
            w->reason = event.reason;
            (void)aksu_tcp_close(stack, e->sock);
            e->told_closed = true;
        }
    }
}

static void random_path(struct world *w, aksu_sim_path *path) {
    *path = (aksu_sim_path){.delay_us = pick(w, 100000)};
    if (one_in(w, 2)) path->rate_bps = 1000000ull << pick(w, 8);
    if (one_in(w, 2)) path->jitter_us = pick(w, 20000);
    if (path->rate_bps != 0 && one_in(w, 2)) path->queue_bytes = 20000 + (uint32_t)pick(w, 200000);
    if (path->rate_bps != 0 && one_in(w, 4)) path->codel_target_us = 5000;
    if (one_in(w, 2)) path->loss_ppm = (uint32_t)pick(w, 100000);
    if (one_in(w, 4)) {
        path->burst_enter_ppm = 10000;
        path->burst_leave_ppm = 300000;
        path->burst_loss_ppm = 700000;
    }
    if (one_in(w, 3)) path->duplicate_ppm = (uint32_t)pick(w, 100000);
    if (one_in(w, 3)) {
        path->reorder_ppm = (uint32_t)pick(w, 200000);
        path->reorder_us = pick(w, 200000);
    }
    if (one_in(w, 4)) path->corrupt_ppm = (uint32_t)pick(w, 50000);
    if (one_in(w, 5)) path->truncate_ppm = (uint32_t)pick(w, 20000);
}

static void random_host(struct world *w, aksu_config *config) {
    aksu_sim_config_default(config);
    config->time_wait_us = 30000000;
    config->tcp.timestamps = pick(w, 2);
    config->tcp.sack = pick(w, 2);
    config->tcp.window_scale = pick(w, 2);
    config->tcp.nagle = pick(w, 3);
    config->tcp.delayed_ack_us = one_in(w, 3) ? 0 : pick(w, 400000);
    config->tcp.rcv_buf_bytes = 2000u << pick(w, 8);
    config->tcp.snd_buf_bytes = 2000u << pick(w, 8);
    config->syn_cookies = (uint32_t)pick(w, 3);
    if (one_in(w, 3)) config->tcp.mss_bytes = 300 + pick(w, 1200);
    if (one_in(w, 4)) config->tcp.keepalive = 1;
    if (one_in(w, 3)) { /* they tune themselves */
        config->tcp.rcv_buf_bytes = config->tcp.snd_buf_bytes = 0;
        config->tcp.rcv_buf_max_bytes = 2000u << pick(w, 12);
        config->tcp.snd_buf_max_bytes = 2000u << pick(w, 12);
        config->buffer_growth_max = pick(w, 2000000);
    }
    config->tcp.congestion_control = pick(w, 3);
    config->tcp.ecn = pick(w, 6);
    config->tcp.pacing = pick(w, 2);
    config->tcp.mtu_probing = pick(w, 3);
    config->tcp.initial_cwnd_segments = 1 + pick(w, 20);
    config->tcp.ack_segments = 1 + pick(w, one_in(w, 4) ? 64 : 3);
    config->tcp.cork = one_in(w, 8);
    if (one_in(w, 2)) return;
    /* Memory is short: everybody waits for blocks and records, and everybody gets some in the end. */
    config->block_bytes = 128u << pick(w, 6);
    config->block_max = 24 + (uint32_t)pick(w, 60);
    config->record_max = 8 + (uint32_t)pick(w, 16);
}

static aksu_addr address(bool six, uint32_t host) {
    aksu_addr addr = {{0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)host}};
    return six ? addr : aksu_addr_v4(10, 0, 0, (uint8_t)host);
}

static bool build(struct world *w) {
    aksu_config config[2];
    uint32_t node;
    bool six = one_in(w, 4), router = one_in(w, 4);
    for (uint32_t i = 0; i < 2; i++) {
        w->addr[i] = address(six, i + 1);
        random_host(w, &config[i]);
        if (aksu_sim_host_add(w->sim, &w->addr[i], &config[i], &node) != AKSU_OK) return false;
    }
    aksu_sim_link link = {.node = {0, 1}};
    aksu_addr between = address(six, 9);
    if (router && aksu_sim_router_add(w->sim, &between, &link.node[1]) != AKSU_OK) return false;
    random_path(w, &link.path[0]);
    random_path(w, &link.path[1]);
    if (aksu_sim_link_add(w->sim, &link, &w->link) != AKSU_OK) return false;
    w->far_link = w->link;
    link = (aksu_sim_link){.node = {link.node[1], 1}, .mtu = 1280 + (uint32_t)pick(w, 221)};
    if (router && aksu_sim_link_add(w->sim, &link, &w->far_link) != AKSU_OK) return false;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local = {.port = 80}, .backlog = 4};
    if (one_in(w, 3)) w->read_pause_us = 1 + pick(w, 300000);
    w->connections = 1 + (uint32_t)pick(w, CONNECTIONS_MAX);
    w->urgent = one_in(w, 6);
    return aksu_tcp_listen(aksu_sim_stack(w->sim, 1), &open, &w->listener) == AKSU_OK;
}

static bool open_one(struct world *w, uint32_t index) {
    struct end *e = &w->client[index];
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = w->addr[1], .port = 80}};
    if (aksu_tcp_connect(aksu_sim_stack(w->sim, 0), &open, &e->sock) != AKSU_OK) return false;
    e->used = true;
    e->told_closed = false;
    e->wanted = pick(w, one_in(w, 4) ? 200000 : 3000);
    if (one_in(w, 3)) e->close_us = aksu_sim_now_us(w->sim) + pick(w, 3000000);
    return true;
}

/* The hosts are told of their own links; of one behind a router they hear by ICMP. */
static void shrink(struct world *w) {
    bool six = !aksu_addr_is_v4(&w->addr[0]);
    uint32_t least = six ? 1280 : 600;
    aksu_sim_link_mtu(w->sim, w->far_link, least + (uint32_t)pick(w, 1500 - least), AKSU_SIM_TELL_HOSTS);
}

/* A setting of a connection changes under way. */
static void change(struct world *w) {
    uint32_t node = (uint32_t)pick(w, 2);
    struct end *e = node == 0 ? &w->client[pick(w, w->connections)] : &w->server[pick(w, w->connections)];
    if (!e->used || e->told_closed || aksu_sim_stack(w->sim, node) == NULL) return;
    aksu_tcp_setting setting = AKSU_TCP_CORK;
    uint64_t value = pick(w, 2);
    switch (pick(w, 8)) {
    case 0: setting = AKSU_TCP_CONGESTION_CONTROL, value = pick(w, 3); break;
    case 1: setting = AKSU_TCP_RCV_BUF_BYTES, value = one_in(w, 3) ? 0 : 1000u << pick(w, 10); break;
    case 2: setting = AKSU_TCP_SND_BUF_BYTES, value = one_in(w, 3) ? 0 : 1000u << pick(w, 10); break;
    case 3: setting = AKSU_TCP_NAGLE, value = pick(w, 3); break;
    case 4: setting = AKSU_TCP_PACING; break;
    case 5: setting = AKSU_TCP_MTU_PROBING, value = pick(w, 3); break;
    case 6: setting = AKSU_TCP_ACK_SEGMENTS, value = 1 + pick(w, 64); break;
    default: break;
    }
    (void)aksu_tcp_set(aksu_sim_stack(w->sim, node), e->sock, setting, value);
}

/* Something drastic, now and then. */
static void upset(struct world *w) {
    struct end *e = &w->client[pick(w, w->connections)];
    switch (pick(w, 40)) {
    case 0:
        if (e->used && !e->told_closed) {
            (void)aksu_tcp_abort(aksu_sim_stack(w->sim, 0), e->sock);
            e->told_closed = true;
            w->rough = true;
        }
        break;
    case 1:
        if (e->used && !e->told_closed) {
            (void)aksu_tcp_close(aksu_sim_stack(w->sim, 0), e->sock);
            e->told_closed = true;
            w->rough = true;
        }
        break;
    case 2: aksu_sim_link_cut(w->sim, w->link); break;
    case 3: aksu_sim_clock_jump(w->sim, (uint32_t)pick(w, 2), pick(w, 100000)); break;
    case 4:
        aksu_sim_crash(w->sim, 0);
        w->rough = true;
        for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) w->client[i].told_closed = w->client[i].used;
        (void)aksu_sim_restart(w->sim, 0);
        break;
    case 5: shrink(w); break;
    case 6:
    case 7:
    case 8: change(w); break;
    default: break;
    }
}

static void tick(struct world *w) {
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (aksu_sim_stack(w->sim, 0) != NULL) serve(w, 0, &w->client[i]);
        serve(w, 1, &w->server[i]);
    }
}

static bool all_over(const struct world *w) {
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (w->client[i].used && !w->client[i].told_closed) return false;
        if (w->server[i].used && !w->server[i].told_closed) return false;
    }
    return true;
}

static void check_complete(struct world *w) {
    uint64_t sent[2] = {0}, received[2] = {0};
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        sent[0] += w->client[i].sent;
        sent[1] += w->server[i].sent;
        received[0] += w->server[i].received;
        received[1] += w->client[i].received;
    }
    if (w->rough || w->reason != AKSU_REASON_NONE) return;
    if (sent[0] == received[0] && sent[1] == received[1]) return;
    (void)snprintf(w->problem, sizeof w->problem, "sent %llu and %llu bytes, received %llu and %llu",
                   (unsigned long long)sent[0], (unsigned long long)sent[1], (unsigned long long)received[0],
                   (unsigned long long)received[1]);
}

static void abort_all(struct world *w) {
    for (uint32_t i = 0; i < 2 * CONNECTIONS_MAX; i++) {
        uint32_t node = i % 2;
        struct end *e = node == 0 ? &w->client[i / 2] : &w->server[i / 2];
        if (e->used && !e->told_closed) (void)aksu_tcp_abort(aksu_sim_stack(w->sim, node), e->sock);
        e->told_closed = e->used;
    }
}

static void live(struct world *w) {
    uint64_t mend_us = 0;
    uint32_t opened = 0;
    bool orderly = true;
    while (orderly && aksu_sim_now_us(w->sim) < END_US) {
        if (opened < w->connections && (opened == 0 || one_in(w, 8)) && aksu_sim_stack(w->sim, 0) != NULL) {
            if (!open_one(w, opened)) break;
            opened++;
        }
        uint64_t step_us = 1 + pick(w, aksu_sim_now_us(w->sim) < 20000000 ? 200000 : 2000000);
        orderly = aksu_sim_run(w->sim, aksu_sim_now_us(w->sim) + step_us);
        if (aksu_sim_now_us(w->sim) < 10000000 && opened > 0 && orderly) {
            upset(w);
        }
        if (mend_us == 0 || aksu_sim_now_us(w->sim) >= mend_us) {
            aksu_sim_link_mend(w->sim, w->link);
            mend_us = aksu_sim_now_us(w->sim) + 1500000;
        }
        tick(w);
        bool died = w->rough || w->reason != AKSU_REASON_NONE; /* and has left ends for ever */
        if (died && aksu_sim_now_us(w->sim) > 1000000000) abort_all(w);
        if (opened == w->connections && all_over(w)) break;
    }
    if (!orderly) return;
    if (!all_over(w)) {
        (void)snprintf(w->problem, sizeof w->problem, "a connection does not end");
        return;
    }
    check_complete(w);
    (void)aksu_tcp_close(aksu_sim_stack(w->sim, 1), w->listener);
    /* Orphans, half-open records and TIME-WAIT end by themselves. */
    if (aksu_sim_run(w->sim, aksu_sim_now_us(w->sim) + 2000000000ull)) (void)aksu_sim_settled(w->sim);
}

/* Who is left. */
static void tell_left(const struct world *w) {
    for (uint32_t node = 0; node < 2; node++) {
        aksu_stack *stack = aksu_sim_stack(w->sim, node);
        aksu_tcp_info info;
        uint64_t cursor = 0;
        while (stack != NULL && aksu_tcp_next(stack, &cursor, &info)) {
            if (info.state == AK_TCP_LISTEN) continue;
            printf(
                "  node %u: port %u to %u %s, queued %u, unacked %u, unread %u, out of order %u, window %u, timer %s "
                "in %llu us, mss %u, rcv_wnd %u\n",
                (unsigned)node, info.local.port, info.remote.port, aksu_tcp_state_name(info.state),
                (unsigned)info.snd_queued_bytes, (unsigned)info.snd_unacked_bytes, (unsigned)info.rcv_queued_bytes,
                (unsigned)info.rcv_out_of_order_bytes, (unsigned)info.snd_wnd, info.timer,
                (unsigned long long)info.timer_us, (unsigned)info.snd_mss, (unsigned)info.rcv_wnd);
        }
    }
}

/* One line for each segment and change of state. */
static void on_event(void *user, uint32_t node, uint64_t packet, const aksu_trace_event *event) {
    (void)user;
    double at_s = (double)event->time_us / 1e6;
    if (event->kind == AKSU_TRACE_STATE) {
        const aksu_ev_state *s = &event->u.state;
        printf("%11.6f %u:%u  %s -> %s\n", at_s, (unsigned)node, s->flow.local_port ^ s->flow.remote_port,
               aksu_tcp_state_name(s->from), aksu_tcp_state_name(s->to));
    } else if (event->kind == AKSU_TRACE_CALL) {
        printf("%11.6f %u:%u  call %u: %llu bytes, %s\n", at_s, (unsigned)node,
               event->u.call.flow.local_port ^ event->u.call.flow.remote_port, (unsigned)event->u.call.call,
               (unsigned long long)event->u.call.bytes, aksu_err_text(event->u.call.err));
    } else if (event->kind == AKSU_TRACE_SEGMENT) {
        const aksu_ev_segment *s = &event->u.segment;
        printf("%11.6f %u:%u  %s #%llu flags %02x seq %u ack %u bytes %u win %u, %s\n", at_s, (unsigned)node,
               s->flow.local_port ^ s->flow.remote_port, s->direction == AKSU_IN ? "in " : "out",
               (unsigned long long)packet, s->flags, (unsigned)s->seq, (unsigned)s->ack, (unsigned)s->payload_bytes,
               s->wnd, aksu_drop_text(s->drop));
    }
}

struct story {
    aksu_sim_stats total;
    bool told;
};

static bool run(uint64_t seed, struct story *story) {
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL) return false;
    aksu_sim_hooks hooks = {.user = w, .wake = on_wake, .event = story->told ? on_event : NULL};
    w->sim = aksu_sim_open(seed, &hooks);
    if (w->sim == NULL || !build(w)) {
        (void)snprintf(w->problem, sizeof w->problem, "the network cannot be built");
    } else {
        live(w);
    }
    const char *violation = w->sim != NULL ? aksu_sim_violation(w->sim) : NULL;
    bool good = violation == NULL && w->problem[0] == '\0';
    if (!good) {
        printf("FAILED: %s\nreplay: sim_random --seed %llu\n", violation != NULL ? violation : w->problem,
               (unsigned long long)seed);
        if (w->sim != NULL) tell_left(w);
    }
    aksu_sim_stats stats = {0};
    if (w->sim != NULL) aksu_sim_stats_get(w->sim, &stats);
    story->total.packets += stats.packets;
    story->total.events += stats.events;
    story->total.stream_bytes += stats.stream_bytes;
    aksu_sim_close(w->sim);
    free(w);
    return good;
}

int main(int argc, char **argv) {
    uint64_t count = 1000, first = 1, seconds = 0;
    struct story story = {0};
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 0);
        if (strcmp(argv[i], "--count") == 0) count = value;
        if (strcmp(argv[i], "--seconds") == 0) seconds = value;
        if (strcmp(argv[i], "--seed") == 0) {
            first = value;
            count = 1;
            story.told = true;
        }
    }
    uint64_t failed = 0, runs = 0;
    time_t begin = time(NULL);
    for (uint64_t seed = first;; seed++) {
        if (seconds == 0 ? runs == count : (uint64_t)(time(NULL) - begin) >= seconds) break;
        if (!run(seed, &story)) failed++;
        runs++;
        if (failed == 10) break;
    }
    printf("%llu runs, %llu failed; %llu packets, %llu events, %llu bytes delivered and checked\n",
           (unsigned long long)runs, (unsigned long long)failed, (unsigned long long)story.total.packets,
           (unsigned long long)story.total.events, (unsigned long long)story.total.stream_bytes);
    return failed == 0 ? 0 : 1;
}
