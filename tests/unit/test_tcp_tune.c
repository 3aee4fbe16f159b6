/* Buffers that tune themselves: their bounds.  How they fit a path is tests/sim/sim_tune.c's. */
#include "tcp_world.h"

#include "aksu/counters.h"
#include "tcp/tcp.h"

enum { MANY = 1000, BUDGET = 8 << 20 };

static uint64_t growth(const struct tcp_world *w, int side) {
    aksu_counters counters;
    aksu_counters_get(w->stack[side], &counters);
    return counters.buffer_growth_bytes;
}

static struct ak_tcb *tcb_of(const struct tcp_world *w, int side, aksu_sock sock) {
    return ak_tcb_at(ak_core_of(w->stack[side]), sock.slot);
}

/* Joined, and each with a byte to read: a transfer. */
static struct tcp_world *many_open(aksu_sock *client, aksu_sock *server, uint32_t count) {
    aksu_config config = world_config();
    config.tcp_max = config.transfer_max = config.syn_cache_max = config.time_wait_max = count;
    config.block_max = 8 * count;
    config.record_max = 2 * count;
    config.buffer_growth_max = BUDGET;
    config.tcp.snd_buf_max_bytes = 2 * BUDGET; /* it is the budget that holds */
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, count, 0);
    for (uint32_t i = 0; i < count; i++) client[i] = world_connect(w);
    world_run(w, 1000000);
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes;
        assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server[i]), AKSU_OK);
        assert_int_equal(aksu_tcp_send(w->stack[CLIENT], client[i], "a", 1, 0, &bytes), AKSU_OK);
    }
    while ((int)world_carry(w, CLIENT) | (int)world_carry(w, SERVER)) {
    }
    return w;
}

/* As if the congestion window were so large, on a path of so long. */
static uint32_t wants_over(const struct tcp_world *w, aksu_sock sock, uint32_t cwnd, uint32_t least_us) {
    struct ak_core *core = ak_core_of(w->stack[CLIENT]);
    struct ak_transfer *x = ak_transfer_of(core, tcb_of(w, CLIENT, sock));
    x->cwnd = cwnd;
    tcb_of(w, CLIENT, sock)->min_rtt_us = least_us;
    ak_tune_send(core, tcb_of(w, CLIENT, sock));
    return x->snd_buf_bytes;
}
static uint32_t wants(const struct tcp_world *w, aksu_sock sock, uint32_t cwnd) {
    return wants_over(w, sock, cwnd, 100000);
}

/* However much goes in a round trip of less than 5 ms, 4 MiB are enough for it. */
static void short_path_has_four_mebibytes(void **state) {
    (void)state;
    aksu_sock client, server;
    struct tcp_world *w = many_open(&client, &server, 1);
    assert_int_equal(wants_over(w, client, 1 << 20, 4999), 3 << 20);
    assert_int_equal(wants_over(w, client, 100 << 20, 4999), 4 << 20);
    assert_int_equal(wants_over(w, client, 100 << 20, 5000), AK_BUFFER_START + BUDGET / 2);
    world_close(w);
}

/* The first may have half of the budget and leaves as much; a thousand that all want more never have more than it, none
 * is left without, and it all comes back. */
static void thousand_connections_keep_within_the_budget(void **state) {
    (void)state;
    static aksu_sock client[MANY], server[MANY];
    struct tcp_world *w = many_open(client, server, MANY);
    assert_int_equal(growth(w, CLIENT) + growth(w, SERVER), 0);
    assert_int_equal(wants(w, client[0], 100 << 20), AK_BUFFER_START + BUDGET / 2);
    assert_int_equal(wants(w, client[1], 100 << 20), AK_BUFFER_START + BUDGET / 4);
    assert_int_equal(wants(w, client[1], 100 << 20), AK_BUFFER_START + BUDGET / 4); /* and no more later */
    uint32_t least = UINT32_MAX;
    for (int i = 2; i < MANY; i++) {
        uint32_t bytes = wants(w, client[i], 1 << 16);
        if (i < 40 && bytes < least) least = bytes;
        assert_true(growth(w, CLIENT) <= BUDGET);
    }
    assert_true(growth(w, CLIENT) > BUDGET / 10 * 9);
    assert_true(least > AK_BUFFER_START);
    for (int i = 0; i < MANY; i++) {
        if (i % 2 == 0) assert_int_equal(aksu_tcp_abort(w->stack[CLIENT], client[i]), AKSU_OK);
    }
    world_run(w, 5000000); /* the others are idle: their transfers go back */
    assert_int_equal(growth(w, CLIENT), 0);
    world_close(w);
}

/* What is fixed while data moves is fixed at once, and gives its growth back; nothing grows then. */
static void setting_takes_hold_at_once(void **state) {
    (void)state;
    aksu_sock client, server;
    struct tcp_world *w = many_open(&client, &server, 1);
    assert_int_equal(wants(w, client, 1 << 20), AK_BUFFER_START + (3 << 20) - AK_BUFFER_START);
    assert_int_equal(growth(w, CLIENT), (3 << 20) - AK_BUFFER_START);
    assert_int_equal(aksu_tcp_set(w->stack[CLIENT], client, AKSU_TCP_SND_BUF_BYTES, 255), AKSU_ERR_OUT_OF_RANGE);
    assert_int_equal(aksu_tcp_set(w->stack[CLIENT], client, AKSU_TCP_SND_BUF_BYTES, 50000), AKSU_OK);
    assert_int_equal(growth(w, CLIENT), 0);
    const struct ak_transfer *x = ak_transfer_of(ak_core_of(w->stack[CLIENT]), tcb_of(w, CLIENT, client));
    assert_int_equal(x->snd_buf_bytes, 50000);
    assert_false(x->tune.snd);
    assert_int_equal(aksu_tcp_set(w->stack[CLIENT], client, AKSU_TCP_RCV_BUF_BYTES, 40000), AKSU_OK);
    assert_int_equal(x->rcv_buf_bytes, 40000);
    assert_true(x->tune.round_end_us == AK_NEVER);
    assert_int_equal(aksu_tcp_set(w->stack[CLIENT], client, AKSU_TCP_SND_BUF_BYTES, 0), AKSU_OK);
    assert_int_equal(x->snd_buf_bytes, AK_BUFFER_START);
    assert_true(x->tune.snd);
    world_close(w);
}

/* RFC 7323 s2.3: the scale is settled in the SYN, so it is that of the largest window there may be. */
static void scale_is_that_of_the_largest_buffer(void **state) {
    (void)state;
    static const struct {
        uint64_t fixed, most;
        uint8_t shift;
    } cases[] = {{0, 65535, 0},        {0, 65536, 1},      {0, 65535u << 7, 7}, {0, 1u << 23, 8},
                 {65535, 1u << 23, 0}, {1u << 20, 256, 5}, {0, 1u << 30, 14}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        aksu_config config = world_config();
        config.tcp.rcv_buf_bytes = cases[i].fixed;
        config.tcp.rcv_buf_max_bytes = cases[i].most;
        struct tcp_world *w = world_open(&config);
        (void)world_listen(w, 1, 0);
        aksu_sock client = world_connect(w);
        world_run(w, 1000000);
        aksu_tcp_info info;
        assert_int_equal(aksu_tcp_status(w->stack[CLIENT], client, &info), AKSU_OK);
        assert_int_equal(info.rcv_wscale, cases[i].shift);
        assert_int_equal(info.snd_wscale, cases[i].shift);
        world_close(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousand_connections_keep_within_the_budget),
        cmocka_unit_test(short_path_has_four_mebibytes),
        cmocka_unit_test(setting_takes_hold_at_once),
        cmocka_unit_test(scale_is_that_of_the_largest_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
