/* Blocks run short: nobody takes them all, and who waits for them is told, in order, however long it takes. */
#include "tcp_world.h"

#include "tcp/tcb.h"

enum { BLOCKS = 64, BLOCK_BYTES = 4096, HOARDERS = 20 };

struct pair {
    aksu_sock client, server;
};

static struct tcp_world *open_small(aksu_sock *ret_listener) {
    aksu_config config = world_config();
    config.block_max = BLOCKS;
    config.block_bytes = BLOCK_BYTES;
    struct tcp_world *w = world_open(&config);
    *ret_listener = world_listen(w, HOARDERS + 1, 0);
    return w;
}

static struct pair join(struct tcp_world *w, aksu_sock listener) {
    struct pair p = {.client = world_connect(w)};
    world_run(w, 10000);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &p.server), AKSU_OK);
    return p;
}

/* Queues as much as there is room for; answers how many bytes. */
static size_t fill(struct tcp_world *w, aksu_sock sock) {
    static const uint8_t data[1024];
    size_t all = 0, bytes;
    while (aksu_tcp_send(w->stack[CLIENT], sock, data, sizeof data, 0, &bytes) == AKSU_OK) all += bytes;
    return all;
}

static size_t drain(struct tcp_world *w, aksu_sock sock) {
    static uint8_t data[65536];
    size_t all = 0, bytes;
    while (aksu_tcp_recv(w->stack[SERVER], sock, data, sizeof data, &bytes) == AKSU_OK) all += bytes;
    return all;
}

/* Reads until nothing more comes. */
static size_t drain_all(struct tcp_world *w, aksu_sock sock) {
    size_t all = 0, more;
    do {
        more = drain(w, sock);
        all += more;
        world_run(w, 1000000);
    } while (more > 0);
    return all;
}

/* One peer that does not read holds half the pool, not all of it: another connection moves its bytes meanwhile. */
static void hoarder_window_shut_leaves_room_for_others(void **state) {
    (void)state;
    aksu_sock listener;
    struct tcp_world *w = open_small(&listener);
    struct pair hoarder = join(w, listener), other = join(w, listener);
    uint64_t small = 4096;
    assert_int_equal(aksu_tcp_set(w->stack[SERVER], hoarder.server, AKSU_TCP_RCV_BUF_BYTES, small), AKSU_OK);
    for (int i = 0; i < 50; i++) {
        (void)fill(w, hoarder.client);
        world_run(w, 100000);
    }
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[CLIENT], hoarder.client, &info), AKSU_OK);
    assert_in_range(info.snd_queued_bytes, BLOCKS * BLOCK_BYTES / 4, BLOCKS * BLOCK_BYTES / 2 + BLOCK_BYTES);
    size_t sent = 0, got = 0;
    for (int i = 0; i < 20; i++) {
        sent += fill(w, other.client);
        world_run(w, 100000);
        got += drain(w, other.server);
    }
    got += drain_all(w, other.server);
    assert_true(sent > 20 * 32768);
    assert_int_equal(got, sent);
    world_close(w);
}

/* A connection that found no block hears of it when there are some, also after a long idle time. */
static void send_without_blocks_is_told_writable_when_others_end(void **state) {
    (void)state;
    aksu_sock listener;
    struct tcp_world *w = open_small(&listener);
    struct pair hoarder[HOARDERS], patient = join(w, listener);
    for (int i = 0; i < HOARDERS; i++) hoarder[i] = join(w, listener);
    size_t bytes;
    assert_int_equal(aksu_tcp_send(w->stack[CLIENT], patient.client, "x", 1, 0, &bytes), AKSU_OK);
    world_run(w, 100000); /* acknowledged: its transfer has begun to be idle */
    w->lose = UINT32_MAX;
    for (int i = 0; i < HOARDERS; i++) (void)fill(w, hoarder[i].client);
    for (int i = 0; i < HOARDERS; i++) (void)fill(w, hoarder[i].client);
    assert_int_equal(aksu_tcp_send(w->stack[CLIENT], patient.client, "x", 1, 0, &bytes), AKSU_ERR_AGAIN);
    (void)world_events(w, CLIENT, NULL);
    world_run(w, 60000000); /* idle for a minute: the place in the line is kept */
    assert_int_equal(world_events(w, CLIENT, NULL) & AKSU_EV_WRITABLE, 0);
    for (int i = 0; i < HOARDERS; i++) assert_int_equal(aksu_tcp_abort(w->stack[CLIENT], hoarder[i].client), AKSU_OK);
    w->lose = 0;
    world_run(w, 1000);
    assert_true(world_events(w, CLIENT, NULL) & AKSU_EV_WRITABLE);
    assert_int_equal(aksu_tcp_send(w->stack[CLIENT], patient.client, "x", 1, 0, &bytes), AKSU_OK);
    world_run(w, 10000000); /* and when it is idle again it holds nothing */
    aksu_counters counters;
    aksu_counters_get(w->stack[CLIENT], &counters);
    assert_int_equal(counters.transfer_used, 0);
    assert_int_equal(counters.block_used, 0);
    world_close(w);
}

/* A connection whose peer lets go of nothing keeps what it has for ever while there is room (MUST-37), and is given up
 * after config.evict_shut_us when there is none (RFC 6429 s4); never with 0. */
static void windows_kept_shut_give_way_when_memory_is_short(void **state) {
    (void)state;
    for (int may = 0; may < 2; may++) {
        aksu_config config = world_config();
        config.block_max = BLOCKS;
        config.block_bytes = BLOCK_BYTES;
        config.evict_shut_us = may ? 100000000 : 0;
        struct tcp_world *w = world_open(&config);
        aksu_sock listener = world_listen(w, HOARDERS + 1, 0);
        assert_int_equal(aksu_tcp_set(w->stack[SERVER], listener, AKSU_TCP_RCV_BUF_BYTES, 1024), AKSU_OK);
        struct pair hoarder[HOARDERS];
        hoarder[0] = join(w, listener);
        (void)fill(w, hoarder[0].client);
        world_run(w, 1000000000); /* alone it may stay: a quarter of an hour is not too long */
        assert_int_equal(world_state(w, CLIENT, hoarder[0].client), AK_TCP_ESTABLISHED);
        for (int i = 1; i < HOARDERS; i++) hoarder[i] = join(w, listener);
        for (int round = 0; round < 2; round++) {
            for (int i = 1; i < HOARDERS; i++) (void)fill(w, hoarder[i].client);
            world_run(w, 1000000);
        }
        aksu_counters counters;
        aksu_counters_get(w->stack[CLIENT], &counters);
        uint32_t used = counters.block_used;
        assert_true(used > BLOCKS * 7 / 8);
        world_run(w, 90000000);
        assert_int_equal(world_state(w, CLIENT, hoarder[1].client), AK_TCP_ESTABLISHED);
        world_run(w, 200000000);
        aksu_counters_get(w->stack[CLIENT], &counters);
        if (!may) {
            assert_int_equal(counters.tcp_evicted, 0);
            assert_int_equal(counters.block_used, used);
        } else {
            assert_in_range(counters.tcp_evicted, 1, HOARDERS / 2); /* those that it takes, not all */
            assert_true(counters.block_used <= BLOCKS * 7 / 8);
            aksu_reason reason = AKSU_REASON_NONE;
            assert_true(world_events(w, CLIENT, &reason) & AKSU_EV_CLOSED);
            assert_int_equal(reason, AKSU_REASON_EVICTED);
        }
        world_close(w);
    }
}

/* The very last block has gone, in the hands of others: who is told AGAIN then, with nothing of his own that could be
 * acknowledged, is told WRITABLE when blocks come back, as he is when a sixteenth was left. */
static void send_with_no_block_at_all_is_told_writable_later(void **state) {
    (void)state;
    for (int by_reserve = 0; by_reserve < 2; by_reserve++) {
        aksu_sock listener;
        struct tcp_world *w = open_small(&listener);
        struct pair p = join(w, listener);
        struct ak_core *core = ak_core_of(w->stack[CLIENT]);
        uint32_t taken[BLOCKS], count = 0, pieces;
        size_t bytes;
        aksu_iov iov;
        while (count < BLOCKS && (taken[count] = ak_block_get(&core->blocks)) != AK_NONE) count++;
        (void)world_events(w, CLIENT, NULL);
        aksu_err err = by_reserve ? aksu_tcp_send_reserve(w->stack[CLIENT], p.client, 1, &iov, 1, &pieces)
                                  : aksu_tcp_send(w->stack[CLIENT], p.client, "x", 1, 0, &bytes);
        assert_int_equal(err, AKSU_ERR_AGAIN);
        world_run(w, 1000000);
        while (count > 0) ak_block_put(&core->blocks, taken[--count]);
        world_run(w, 1000000);
        assert_true(world_events(w, CLIENT, NULL) & AKSU_EV_WRITABLE);
        world_close(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hoarder_window_shut_leaves_room_for_others),
        cmocka_unit_test(send_without_blocks_is_told_writable_when_others_end),
        cmocka_unit_test(windows_kept_shut_give_way_when_memory_is_short),
        cmocka_unit_test(send_with_no_block_at_all_is_told_writable_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
