/* The simulator's own behaviour, seen by two endpoints that count packets: links and their faults, routers, and that
 * each check finds what it is there for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aksu/sim.h"

enum { CAME_MAX = 4096, PACKET_BYTES = 1000 };

struct came {
    uint64_t time_us;
    uint32_t number; /* of the packet, as sent */
    uint32_t bytes;
    uint8_t tos, ttl;
    bool intact;
};

struct end {
    struct came came[CAME_MAX];
    uint32_t count;
};

struct net {
    aksu_sim *sim;
    struct end end[2];
    uint32_t node[2], link, router, far_link, sent;
    bool six;
    uint32_t lost;
    aksu_sim_loss why;
};

static aksu_addr addr_of(bool six, uint8_t host) {
    aksu_addr addr = {{0x20, 0x01, 0x0d, 0xb8, [15] = host}};
    return six ? addr : aksu_addr_v4(10, 0, 0, host);
}

/* A packet whose payload is its number, again and again. */
static size_t packet_of(bool six, uint32_t number, uint8_t ttl, uint8_t tos, uint8_t *p) {
    size_t head = six ? 40 : 20;
    memset(p, 0, PACKET_BYTES);
    aksu_addr from = addr_of(six, 1), to = addr_of(six, 2);
    if (six) {
        p[0] = (uint8_t)(0x60 | tos >> 4);
        p[1] = (uint8_t)(tos << 4);
        p[4] = (PACKET_BYTES - 40) >> 8;
        p[5] = (PACKET_BYTES - 40) & 255;
        p[6] = 17;
        p[7] = ttl;
        memcpy(p + 8, from.byte, 16);
        memcpy(p + 24, to.byte, 16);
    } else {
        p[0] = 0x45;
        p[1] = tos;
        p[2] = PACKET_BYTES >> 8;
        p[3] = PACKET_BYTES & 255;
        p[8] = ttl;
        p[9] = 17;
        memcpy(p + 12, from.byte + 12, 4);
        memcpy(p + 16, to.byte + 12, 4);
        uint32_t sum = 0;
        for (size_t i = 0; i < 20; i += 2) sum += (uint32_t)p[i] << 8 | p[i + 1];
        while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
        p[10] = (uint8_t)(~sum >> 8);
        p[11] = (uint8_t)~sum;
    }
    for (size_t i = head; i < PACKET_BYTES; i++) p[i] = (uint8_t)(number >> (8 * (i % 2)));
    return PACKET_BYTES;
}

static void on_input(void *user, uint64_t now_us, uint64_t packet, const uint8_t *p, size_t bytes) {
    struct end *end = user;
    (void)packet;
    if (end->count == CAME_MAX) return;
    bool six = p[0] >> 4 == 6;
    size_t head = six ? 40 : 20;
    struct came came = {.time_us = now_us, .bytes = (uint32_t)bytes};
    if (bytes > head + 2) {
        came.number = p[head] | (uint32_t)p[head + 1] << 8;
        came.tos = six ? (uint8_t)(p[0] << 4 | p[1] >> 4) : p[1];
        came.ttl = p[six ? 7 : 8];
        came.intact = bytes == PACKET_BYTES;
        for (size_t i = head; i < bytes; i++) came.intact &= p[i] == p[head + i % 2];
    }
    end->came[end->count++] = came;
}

static void on_lost(void *user, uint64_t packet, aksu_sim_loss why) {
    struct net *n = user;
    (void)packet;
    n->lost++;
    n->why = why;
}

static struct net *net_open(uint64_t seed, bool six, const aksu_sim_path *path) {
    struct net *n = calloc(1, sizeof *n);
    assert_non_null(n);
    n->six = six;
    aksu_sim_hooks hooks = {.user = n, .lost = on_lost};
    n->sim = aksu_sim_open(seed, &hooks);
    assert_non_null(n->sim);
    for (uint8_t i = 0; i < 2; i++) {
        aksu_sim_endpoint play = {.user = &n->end[i], .input = on_input};
        aksu_addr addr = addr_of(six, (uint8_t)(i + 1));
        assert_int_equal(aksu_sim_endpoint_add(n->sim, &addr, &play, &n->node[i]), AKSU_OK);
    }
    aksu_sim_link link = {.node = {n->node[0], n->node[1]}, .path = {*path, *path}};
    assert_int_equal(aksu_sim_link_add(n->sim, &link, &n->link), AKSU_OK);
    return n;
}

static void net_close(struct net *n) {
    aksu_sim_close(n->sim);
    free(n);
}

static void send_with(struct net *n, uint32_t count, uint8_t ttl, uint8_t tos) {
    uint8_t p[PACKET_BYTES];
    uint64_t packet;
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = packet_of(n->six, n->sent++, ttl, tos, p);
        assert_int_equal(aksu_sim_forward(n->sim, n->link, n->node[0], p, bytes, &packet), AKSU_OK);
    }
}

static void send(struct net *n, uint32_t count) {
    send_with(n, count, 64, 0);
}

static void run(struct net *n, uint64_t for_us) {
    assert_true(aksu_sim_run(n->sim, aksu_sim_now_us(n->sim) + for_us));
}

/* ---------------------------------------------------------------- links */

/* 1,000 bytes at 8 Mbit/s take 1 ms each; then the delay. */
static void rate_and_delay_are_exact(void **state) {
    (void)state;
    struct net *n = net_open(1, false, &(aksu_sim_path){.rate_bps = 8000000, .delay_us = 50000});
    send(n, 10);
    run(n, 1000000);
    assert_int_equal(n->end[1].count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(n->end[1].came[i].number, i);
        assert_int_equal(n->end[1].came[i].time_us, 50000 + 1000 * (i + 1));
        assert_true(n->end[1].came[i].intact);
    }
    net_close(n);
}

static void queue_drops_what_does_not_fit(void **state) {
    (void)state;
    struct net *n = net_open(1, false, &(aksu_sim_path){.rate_bps = 8000000, .queue_bytes = 3000});
    send(n, 10); /* one is being sent, three wait */
    run(n, 1000000);
    assert_int_equal(n->end[1].count, 4);
    assert_int_equal(n->lost, 6);
    assert_int_equal(n->why, AKSU_SIM_LOSS_QUEUE_FULL);
    aksu_sim_path_stats stats;
    aksu_sim_path_stats_get(n->sim, n->link, n->node[0], &stats);
    assert_int_equal(stats.queued_bytes_max, 3000);
    assert_int_equal(stats.delivered, 4);
    net_close(n);
}

/* Two segments with SYN and two without: the fault takes the second SYN, and the other the payload's bits only. */
static void faults_by_mask_know_tcp(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        struct net *n = net_open(1, six, &(aksu_sim_path){.delay_us = 1000});
        aksu_sim_fault drop = {
            .link = n->link, .from_node = n->node[0], .action = AKSU_SIM_DROP, .flags_set = 2, .nth = 2};
        aksu_sim_fault corrupt = {.link = n->link, .from_node = n->node[0], .action = AKSU_SIM_CORRUPT};
        assert_int_equal(aksu_sim_fault_add(n->sim, &drop), AKSU_OK);
        assert_int_equal(aksu_sim_fault_add(n->sim, &corrupt), AKSU_OK);
        for (uint32_t i = 0; i < 4; i++) {
            uint8_t p[PACKET_BYTES];
            uint64_t packet;
            size_t head = six ? 40 : 20, bytes = packet_of(six, i, 64, 0, p);
            p[six ? 6 : 9] = 6;
            p[head + 12] = 0x50;
            p[head + 13] = i % 2 == 0 ? 2 : 16;
            assert_int_equal(aksu_sim_forward(n->sim, n->link, n->node[0], p, bytes, &packet), AKSU_OK);
        }
        run(n, 10000);
        assert_int_equal(n->end[1].count, 3);
        assert_int_equal(n->lost, 1);
        assert_int_equal(n->why, AKSU_SIM_LOSS_FAULT);
        net_close(n);
    }
}

static void corruption_spares_the_ip_header(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        struct net *n = net_open(7, six, &(aksu_sim_path){.corrupt_ppm = 1000000});
        send(n, 200);
        run(n, 10000);
        assert_int_equal(n->end[1].count, 200);
        for (uint32_t i = 0; i < 200; i++) assert_false(n->end[1].came[i].intact);
        net_close(n);
    }
}

/* Packets in a queue without limit, on a line of an hour, delayed by a fault and copied: memory stays bounded, what
 * does not fit is lost and counted, and all of it is given back. */
static void memory_under_way_is_bounded(void **state) {
    (void)state;
    const uint64_t max = 100000;
    static const aksu_sim_path paths[] = {
        {.rate_bps = 8000, .held_max_bytes = 100000},
        {.delay_us = 3600000000, .held_max_bytes = 100000},
        {.delay_us = 1000, .reorder_ppm = 1000000, .reorder_us = 1000000, .held_max_bytes = 100000},
        {.delay_us = 1000, .duplicate_ppm = 1000000, .truncate_ppm = 1000000, .held_max_bytes = 100000},
        {.delay_us = 1000, .held_max_bytes = 100000},
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct net *n = net_open(1, false, &paths[i]);
        aksu_sim_fault late = {.link = n->link, .from_node = n->node[0], .action = AKSU_SIM_DELAY, .us = 60000000};
        aksu_sim_fault twice = {.link = n->link, .from_node = n->node[0], .action = AKSU_SIM_DUPLICATE};
        if (i == 4) {
            assert_int_equal(aksu_sim_fault_add(n->sim, &twice), AKSU_OK);
            assert_int_equal(aksu_sim_fault_add(n->sim, &late), AKSU_OK);
        }
        send(n, 1000);
        aksu_sim_path_stats stats;
        aksu_sim_path_stats_get(n->sim, n->link, n->node[0], &stats);
        assert_true(stats.held_bytes > max / 2 && stats.held_bytes <= max);
        assert_true(stats.held_bytes_max <= max);
        assert_int_equal(n->why, AKSU_SIM_LOSS_HELD);
        assert_int_equal(n->lost, stats.lost);
        run(n, 7200000000);
        aksu_sim_path_stats_get(n->sim, n->link, n->node[0], &stats);
        assert_int_equal(stats.held_bytes, 0);
        assert_int_equal(stats.delivered + stats.lost, 1000 + stats.duplicated);
        net_close(n);
    }
}

static void jitter_keeps_the_order_and_its_bounds(void **state) {
    (void)state;
    struct net *n = net_open(7, false, &(aksu_sim_path){.delay_us = 10000, .jitter_us = 5000});
    bool differs = false;
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t sent_us = aksu_sim_now_us(n->sim);
        send(n, 1);
        run(n, 20000);
        assert_int_equal(n->end[1].count, i + 1);
        uint64_t took_us = n->end[1].came[i].time_us - sent_us;
        assert_in_range(took_us, 10000, 15000);
        differs |= took_us != n->end[1].came[0].time_us;
    }
    assert_true(differs);
    send(n, 200);
    run(n, 100000);
    for (uint32_t i = 1; i < n->end[1].count; i++) assert_true(n->end[1].came[i].number == i);
    net_close(n);
}

static void reordered_packets_come_later(void **state) {
    (void)state;
    struct net *n = net_open(3, false, &(aksu_sim_path){.delay_us = 1000, .reorder_ppm = 200000, .reorder_us = 5000});
    for (uint32_t i = 0; i < 500; i++) {
        send(n, 1);
        run(n, 1000);
    }
    run(n, 100000);
    assert_int_equal(n->end[1].count, 500);
    uint32_t behind = 0;
    for (uint32_t i = 1; i < 500; i++) behind += n->end[1].came[i].number < n->end[1].came[i - 1].number;
    assert_in_range(behind, 50, 150); /* of 500, one in five */
    net_close(n);
}

/* Chances, over enough packets that five times their deviation does not matter. */
static void chances_are_as_set(void **state) {
    (void)state;
    static const struct {
        const char *what;
        aksu_sim_path path;
        uint32_t least, most; /* that come and are intact, of 4,000 */
    } cases[] = {
        {"loss", {.loss_ppm = 100000}, 3500, 3700},
        {"corrupt", {.corrupt_ppm = 100000}, 3500, 3700},
        {"truncate", {.truncate_ppm = 100000}, 3500, 3700},
        {"bursts", {.burst_enter_ppm = 10000, .burst_leave_ppm = 200000, .burst_loss_ppm = 1000000}, 3650, 3920},
        {"all", {.loss_ppm = 1000000}, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net *n = net_open(11, false, &cases[i].path);
        send(n, 4000);
        run(n, 1000);
        uint32_t good = 0;
        for (uint32_t k = 0; k < n->end[1].count; k++) good += n->end[1].came[k].intact;
        if (good < cases[i].least || good > cases[i].most) fail_msg("%s: %u", cases[i].what, good);
        net_close(n);
    }
    struct net *n = net_open(11, false, &(aksu_sim_path){.duplicate_ppm = 100000});
    send(n, 3000);
    run(n, 1000);
    assert_in_range(n->end[1].count, 3200, 3400);
    net_close(n);
}

/* Losses in bursts come together: far fewer runs of them than with the same loss by chance. */
static void bursts_are_bursts(void **state) {
    (void)state;
    uint32_t runs[2];
    for (int by_burst = 0; by_burst < 2; by_burst++) {
        aksu_sim_path path = {.loss_ppm = 50000};
        if (by_burst)
            path = (aksu_sim_path){.burst_enter_ppm = 5000, .burst_leave_ppm = 100000, .burst_loss_ppm = 1000000};
        struct net *n = net_open(5, false, &path);
        send(n, 4000);
        run(n, 1000);
        runs[by_burst] = 0;
        for (uint32_t i = 1; i < n->end[1].count; i++)
            runs[by_burst] += n->end[1].came[i].number != n->end[1].came[i - 1].number + 1;
        net_close(n);
    }
    assert_true(runs[1] * 4 < runs[0]);
}

/* RFC 3168: ECN-capable packets are marked in both families, with a header checksum that is right; others are not. */
static void full_queues_mark(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        for (uint8_t ect = 0; ect < 3; ect++) {
            struct net *n = net_open(1, six, &(aksu_sim_path){.rate_bps = 8000000, .ecn_mark_bytes = 3000});
            send_with(n, 6, 64, ect);
            run(n, 1000000);
            assert_int_equal(n->end[1].count, 6);
            for (uint32_t i = 0; i < 6; i++) {
                uint8_t wanted = ect != 0 && i >= 4 ? 3 : ect; /* the queue holds more than 3,000 with it */
                assert_int_equal(n->end[1].came[i].tos & 3, wanted);
            }
            net_close(n);
        }
    }
}

/* RFC 8289: a queue that stands for longer than 100 ms above the target is cut down; a burst is not. */
static void codel_cuts_a_standing_queue(void **state) {
    (void)state;
    aksu_sim_path path = {.rate_bps = 8000000, .codel_target_us = 5000};
    struct net *n = net_open(1, false, &path);
    send(n, 50); /* a burst of 50 ms */
    run(n, 1000000);
    assert_int_equal(n->lost, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        send(n, 2); /* twice the rate */
        run(n, 1000);
    }
    assert_true(n->lost > 10);
    assert_int_equal(n->why, AKSU_SIM_LOSS_CODEL);
    net_close(n);
}

static void cable_and_mtu(void **state) {
    (void)state;
    struct net *n = net_open(1, false, &(aksu_sim_path){.delay_us = 1000});
    send(n, 1);
    aksu_sim_link_cut(n->sim, n->link);
    run(n, 5000); /* what was on it is lost too */
    assert_int_equal(n->end[1].count, 0);
    send(n, 1);
    aksu_sim_link_mend(n->sim, n->link);
    send(n, 1);
    run(n, 5000);
    assert_int_equal(n->end[1].count, 1);
    assert_int_equal(n->lost, 2);
    aksu_sim_link_mtu(n->sim, n->link, PACKET_BYTES - 1, AKSU_SIM_TELL_NOBODY);
    send(n, 1);
    run(n, 5000);
    assert_int_equal(n->lost, 3);
    assert_int_equal(n->why, AKSU_SIM_LOSS_MTU);
    net_close(n);
}

/* The same seed: the same packets at the same times.  Another one: not. */
static void seed_is_everything(void **state) {
    (void)state;
    struct net *n[3];
    aksu_sim_path path = {
        .delay_us = 1000, .jitter_us = 700, .loss_ppm = 200000, .reorder_ppm = 100000, .reorder_us = 900};
    for (uint64_t i = 0; i < 3; i++) {
        n[i] = net_open(40 + i / 2, false, &path);
        send(n[i], 1000);
        run(n[i], 100000);
    }
    assert_int_equal(n[0]->end[1].count, n[1]->end[1].count);
    assert_memory_equal(n[0]->end[1].came, n[1]->end[1].came, n[0]->end[1].count * sizeof(struct came));
    bool same = n[0]->end[1].count == n[2]->end[1].count &&
                memcmp(n[0]->end[1].came, n[2]->end[1].came, n[0]->end[1].count * sizeof(struct came)) == 0;
    assert_false(same);
    for (int i = 0; i < 3; i++) net_close(n[i]);
}

/* ---------------------------------------------------------------- routers */

/* Two endpoints with two routers between them. */
static struct net *routed(bool six, uint32_t far_mtu) {
    struct net *n = calloc(1, sizeof *n);
    assert_non_null(n);
    n->six = six;
    aksu_sim_hooks hooks = {.user = n, .lost = on_lost};
    n->sim = aksu_sim_open(1, &hooks);
    for (uint8_t i = 0; i < 2; i++) {
        aksu_sim_endpoint play = {.user = &n->end[i], .input = on_input};
        aksu_addr addr = addr_of(six, (uint8_t)(i + 1));
        assert_int_equal(aksu_sim_endpoint_add(n->sim, &addr, &play, &n->node[i]), AKSU_OK);
    }
    uint32_t router[2];
    for (uint8_t i = 0; i < 2; i++) {
        aksu_addr addr = addr_of(six, (uint8_t)(i + 8));
        assert_int_equal(aksu_sim_router_add(n->sim, &addr, &router[i]), AKSU_OK);
    }
    n->router = router[0];
    uint32_t middle;
    const aksu_sim_link links[] = {{.node = {n->node[0], router[0]}, .path = {{.delay_us = 1000}, {.delay_us = 1000}}},
                                   {.node = {router[0], router[1]}, .path = {{.delay_us = 5000}, {.delay_us = 5000}}},
                                   {.node = {router[1], n->node[1]}, .mtu = far_mtu}};
    assert_int_equal(aksu_sim_link_add(n->sim, &links[0], &n->link), AKSU_OK);
    assert_int_equal(aksu_sim_link_add(n->sim, &links[1], &middle), AKSU_OK);
    assert_int_equal(aksu_sim_link_add(n->sim, &links[2], &n->far_link), AKSU_OK);
    return n;
}

static void routers_forward_and_count_down(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        struct net *n = routed(six, 1500);
        send(n, 3);
        run(n, 100000);
        assert_int_equal(n->end[1].count, 3);
        assert_int_equal(n->end[1].came[2].time_us, 6000);
        assert_int_equal(n->end[1].came[2].ttl, 62);
        assert_true(n->end[1].came[2].intact);
        /* The last hop that it may take is to the second router. */
        send_with(n, 1, 2, 0);
        run(n, 100000);
        assert_int_equal(n->end[1].count, 3);
        assert_int_equal(n->end[0].count, 1); /* and the source hears of it */
        assert_int_equal(n->why, AKSU_SIM_LOSS_HOP_LIMIT);
        net_close(n);
    }
}

/* What comes back: from the router, to the source, with the next MTU and the packet quoted (RFC 1191, RFC 4443). */
static uint8_t heard[2000];
static size_t heard_bytes;
static void on_heard(void *user, uint64_t now_us, uint64_t packet, const uint8_t *p, size_t bytes) {
    (void)user;
    (void)now_us;
    (void)packet;
    memcpy(heard, p, bytes);
    heard_bytes = bytes;
}

static void routers_tell_what_is_too_big_or_has_no_way(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        for (int way = 0; way < 2; way++) {
            aksu_sim *sim = aksu_sim_open(1, NULL);
            aksu_sim_endpoint play = {.input = on_heard};
            aksu_addr source = addr_of(six, 1), middle = addr_of(six, 9), target = addr_of(six, way ? 2 : 3);
            uint32_t node[3], link;
            assert_int_equal(aksu_sim_endpoint_add(sim, &source, &play, &node[0]), AKSU_OK);
            assert_int_equal(aksu_sim_router_add(sim, &middle, &node[1]), AKSU_OK);
            assert_int_equal(aksu_sim_endpoint_add(sim, &target, &play, &node[2]), AKSU_OK);
            assert_int_equal(aksu_sim_link_add(sim, &(aksu_sim_link){.node = {node[0], node[1]}}, &link), AKSU_OK);
            uint32_t far_link;
            aksu_sim_link far = {.node = {node[1], node[2]}, .mtu = 999};
            assert_int_equal(aksu_sim_link_add(sim, &far, &far_link), AKSU_OK);
            uint8_t p[PACKET_BYTES];
            uint64_t packet;
            size_t bytes = packet_of(six, 7, 64, 0, p);
            heard_bytes = 0;
            assert_int_equal(aksu_sim_transmit(sim, node[0], p, bytes, &packet), AKSU_OK);
            assert_true(aksu_sim_run(sim, 1000));
            const uint8_t *icmp = heard + (six ? 40 : 20);
            size_t quote = six ? 1000 : 548;
            assert_int_equal(heard_bytes, (six ? 48 : 28) + quote);
            assert_int_equal(icmp[0], six ? (way ? 2 : 1) : 3);
            assert_int_equal(icmp[1], six ? 0 : (way ? 4 : 0));
            assert_int_equal(icmp[6] << 8 | icmp[7], way ? 999 : 0);
            assert_memory_equal(icmp + 8, p, quote);
            aksu_sim_close(sim);
        }
    }
}

/* ---------------------------------------------------------------- checks */

static const aksu_flow flow = {.local_port = 1, .remote_port = 2};

static void emit_state(aksu_sim *sim, aksu_tcp_state from, aksu_tcp_state to) {
    aksu_trace_event event = {.kind = AKSU_TRACE_STATE, .u.state = {.flow = flow, .from = from, .to = to}};
    aksu_sim_emit(sim, 0, 0, &event);
}

static void emit_window(aksu_sim *sim, uint32_t ack, uint32_t wnd) {
    aksu_trace_event event = {.kind = AKSU_TRACE_SEGMENT,
                              .u.segment = {.flow = flow,
                                            .direction = AKSU_OUT,
                                            .flags = AKSU_TCP_ACK,
                                            .ack = ack,
                                            .wnd = (uint16_t)wnd,
                                            .iss = 1,
                                            .rcv_nxt = ack,
                                            .rcv_wnd = wnd,
                                            .state_before = AK_TCP_ESTABLISHED,
                                            .state_after = AK_TCP_ESTABLISHED}};
    aksu_sim_emit(sim, 0, 1, &event);
}

static void checks_find_what_is_wrong(void **state) {
    (void)state;
    for (int what = 0; what < 3; what++) {
        struct net *n = net_open(1, false, &(aksu_sim_path){.delay_us = 1});
        emit_state(n->sim, AK_TCP_CLOSED, AK_TCP_SYN_SENT);
        emit_state(n->sim, AK_TCP_SYN_SENT, AK_TCP_ESTABLISHED);
        emit_window(n->sim, 1000, 5000);
        emit_window(n->sim, 2000, 4000);
        assert_null(aksu_sim_violation(n->sim));
        if (what == 0) emit_state(n->sim, AK_TCP_ESTABLISHED, AK_TCP_SYN_SENT);
        if (what == 1) emit_window(n->sim, 2000, 3999);
        for (int i = 0; what == 2 && i < 3000; i++) emit_window(n->sim, 2000, 4000);
        static const char *const texts[] = {"illegal change", "edge", "without"};
        assert_non_null(aksu_sim_violation(n->sim));
        if (strstr(aksu_sim_violation(n->sim), texts[what]) == NULL) fail_msg("%s", aksu_sim_violation(n->sim));
        assert_false(aksu_sim_run(n->sim, 1000));
        net_close(n);
    }
}

/* Bytes that the simulation did not see go are missed in the stream, and what is still open at the end is found. */
static void streams_and_what_is_left_are_checked(void **state) {
    (void)state;
    for (int what = 0; what < 3; what++) {
        aksu_sim *sim = aksu_sim_open(1, NULL);
        aksu_addr addr[2] = {addr_of(false, 1), addr_of(false, 2)};
        uint32_t node[2], link;
        for (int i = 0; i < 2; i++) assert_int_equal(aksu_sim_host_add(sim, &addr[i], NULL, &node[i]), AKSU_OK);
        assert_int_equal(aksu_sim_link_add(sim, &(aksu_sim_link){.node = {node[0], node[1]}}, &link), AKSU_OK);
        aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = 80, .backlog = 1};
        aksu_sock listener, client, server;
        aksu_stack *here = aksu_sim_stack(sim, node[0]), *there = aksu_sim_stack(sim, node[1]);
        assert_int_equal(aksu_tcp_listen(there, &open, &listener), AKSU_OK);
        open = (aksu_tcp_open){.struct_bytes = sizeof open, .remote = {.addr = addr[1], .port = 80}};
        assert_int_equal(aksu_tcp_connect(here, &open, &client), AKSU_OK);
        assert_true(aksu_sim_run(sim, 1000000));
        assert_int_equal(aksu_tcp_accept(there, listener, &server), AKSU_OK);
        size_t bytes;
        char buf[8];
        assert_int_equal(aksu_sim_send(sim, node[0], client, "abcdef", 6, &bytes), AKSU_OK);
        assert_true(aksu_sim_run(sim, 2000000));
        if (what == 1) assert_int_equal(aksu_tcp_recv(there, server, buf, 1, &bytes), AKSU_OK);
        assert_int_equal(aksu_sim_recv(sim, node[1], server, buf, sizeof buf, &bytes), AKSU_OK);
        assert_int_equal(aksu_sim_violation(sim) != NULL, what == 1);
        if (what == 0) assert_int_equal(aksu_tcp_close(here, client), AKSU_OK);
        if (what == 0) assert_true(aksu_sim_run(sim, 3000000));
        if (what == 0) assert_int_equal(aksu_tcp_close(there, server), AKSU_OK);
        if (what != 1) assert_int_equal(aksu_tcp_close(there, listener), AKSU_OK);
        if (what != 1) assert_true(aksu_sim_run(sim, 1000000000));
        assert_int_equal(aksu_sim_settled(sim), what == 0);
        aksu_sim_close(sim);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_and_delay_are_exact),
        cmocka_unit_test(queue_drops_what_does_not_fit),
        cmocka_unit_test(faults_by_mask_know_tcp),
        cmocka_unit_test(corruption_spares_the_ip_header),
        cmocka_unit_test(memory_under_way_is_bounded),
        cmocka_unit_test(jitter_keeps_the_order_and_its_bounds),
        cmocka_unit_test(reordered_packets_come_later),
        cmocka_unit_test(chances_are_as_set),
        cmocka_unit_test(bursts_are_bursts),
        cmocka_unit_test(full_queues_mark),
        cmocka_unit_test(codel_cuts_a_standing_queue),
        cmocka_unit_test(cable_and_mtu),
        cmocka_unit_test(seed_is_everything),
        cmocka_unit_test(routers_forward_and_count_down),
        cmocka_unit_test(routers_tell_what_is_too_big_or_has_no_way),
        cmocka_unit_test(checks_find_what_is_wrong),
        cmocka_unit_test(streams_and_what_is_left_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
