/* Listeners: backlog, SYN cache, SYN cookies, deferred accept, catch-all, several on one port.  RFC 9293 s3.10.7.2, RFC
 * 4987. */
#include "tcp_world.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"

/* One segment from nowhere to the server. */
static void spoof(struct tcp_world *w, uint32_t source, const struct ak_tcp_header *header, aksu_addr to) {
    uint8_t packet[80] = {0};
    struct ak_ip ip = {
        .src = aksu_addr_v4(198, (uint8_t)(18 + (source >> 23)), (uint8_t)(source >> 15), (uint8_t)((source >> 7) | 1)),
        .dst = to,
        .version = 4,
        .protocol = AK_IP_PROTOCOL_TCP,
        .ttl = 64,
    };
    uint32_t tcp_bytes = ak_wire_tcp_build(packet + 20, header, AK_OPTION_ORDER_LINUX);
    ip.total_bytes = 20 + tcp_bytes;
    ak_wire_ipv4_build(packet, &ip);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &ip.src, &ip.dst, AK_IP_PROTOCOL_TCP, tcp_bytes);
    ak_sum_add(&sum, packet + 20, tcp_bytes);
    ak_put16(packet + 36, (uint16_t)~ak_sum_fold(&sum));
    aksu_iov iov = {.base = packet, .bytes = ip.total_bytes};
    aksu_frame frame = {.total_bytes = ip.total_bytes, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[SERVER], w->now_us, &frame, 1);
}

static void spoof_syn(struct tcp_world *w, uint32_t source) {
    struct ak_tcp_header header = {.src_port = (uint16_t)(1024 + source % 60000),
                                   .dst_port = 80,
                                   .seq = {source * 2654435761u},
                                   .flags = AKSU_TCP_SYN,
                                   .wnd = 1000,
                                   .options = {.present = AKSU_OPT_MSS, .mss = 1460}};
    spoof(w, source, &header, world_addr(SERVER));
}

static void drain(struct tcp_world *w, int side) {
    aksu_frame frames[8];
    while (aksu_output(w->stack[side], w->now_us, frames, 8) > 0) {
    }
}

static aksu_counters counters(struct tcp_world *w, int side) {
    aksu_counters c;
    aksu_counters_get(w->stack[side], &c);
    return c;
}

static void syn_full_accept_queue_dropped_until_accept(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 2, 0);
    aksu_sock server;
    aksu_sock client[3];
    for (int i = 0; i < 3; i++) {
        client[i] = world_connect(w);
        world_run(w, 10000);
    }
    assert_int_equal(world_state(w, CLIENT, client[1]), AK_TCP_ESTABLISHED);
    assert_int_equal(world_state(w, CLIENT, client[2]), AK_TCP_SYN_SENT);
    assert_int_equal(counters(w, SERVER).drop[AKSU_DROP_TCP_BACKLOG_FULL], 1);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    world_run(w, 2000000); /* its SYN comes again after a second */
    assert_int_equal(world_state(w, CLIENT, client[2]), AK_TCP_ESTABLISHED);
    world_close(w);
}

/* Two handshakes begin while there is one place: the second's last ACK meets a full queue. */
static struct tcp_world *late_ack_world(uint32_t reset_on_overflow, aksu_sock *ret_listener, aksu_sock *ret_second) {
    aksu_config config = world_config();
    config.reset_on_overflow = reset_on_overflow;
    struct tcp_world *w = world_open(&config);
    *ret_listener = world_listen(w, 1, 0);
    world_connect(w);
    *ret_second = world_connect(w);
    world_run(w, 10000);
    assert_int_equal(counters(w, SERVER).drop[AKSU_DROP_TCP_BACKLOG_FULL], 1);
    return w;
}

static void final_ack_full_accept_queue_ignored_and_syn_ack_repeated(void **state) {
    (void)state;
    aksu_sock listener, second, server;
    struct tcp_world *w = late_ack_world(0, &listener, &second);
    assert_int_equal(world_state(w, CLIENT, second), AK_TCP_ESTABLISHED);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_ERR_AGAIN);
    world_run(w, 2000000);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    world_close(w);
}

static void final_ack_full_accept_queue_reset_when_configured(void **state) {
    (void)state;
    aksu_sock listener, second;
    struct tcp_world *w = late_ack_world(1, &listener, &second);
    aksu_reason reason = AKSU_REASON_NONE;
    assert_int_equal(world_state(w, CLIENT, second), AK_TCP_CLOSED);
    assert_true(world_events(w, CLIENT, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_RESET);
    world_close(w);
}

static void syn_flood_cookies_hold_no_memory_and_honest_connects(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 4, 0);
    for (uint32_t i = 0; i < 100000; i++) {
        spoof_syn(w, i);
        if (i % 64 == 0) drain(w, SERVER);
    }
    drain(w, SERVER);
    aksu_counters c = counters(w, SERVER);
    assert_int_equal(c.syn_cache_used, config.syn_cache_max);
    assert_int_equal(c.tcp_used, 0);
    assert_int_equal(c.block_used, 0);
    assert_true(c.syn_cookies_sent > 99000);
    w->seen_count = 0;
    aksu_sock client = world_connect(w);
    world_run(w, 100000);
    aksu_sock server;
    assert_int_equal(world_state(w, CLIENT, client), AK_TCP_ESTABLISHED);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[SERVER], server, &info), AKSU_OK);
    assert_true(info.timestamps && info.sack); /* they rode in the timestamp */
    assert_int_equal(info.snd_wscale, 7);
    assert_int_equal(info.snd_mss, 1448);
    world_close(w);
}

static void cookies_off_flood_drops_the_oldest(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.syn_cookies = AKSU_SYN_COOKIES_OFF;
    struct tcp_world *w = world_open(&config);
    world_listen(w, 4, 0);
    for (uint32_t i = 0; i < 100; i++) spoof_syn(w, i);
    assert_int_equal(counters(w, SERVER).syn_cache_used, config.syn_cache_max);
    assert_int_equal(counters(w, SERVER).syn_cookies_sent, 0);
    world_close(w);
}

static void cookies_without_timestamps_keep_the_mss_only(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
    config.tcp.timestamps = 0;
    config.tcp.mss_bytes = 1000;
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 4, 0);
    aksu_sock server;
    world_connect(w);
    world_run(w, 100000);
    assert_int_equal(counters(w, SERVER).syn_cache_used, 0);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[SERVER], server, &info), AKSU_OK);
    assert_false(info.timestamps || info.sack);
    assert_int_equal(info.snd_wscale, 0);
    assert_int_equal(info.snd_mss, 536); /* the largest of the table that is not above 1000 */
    world_close(w);
}

static void forged_cookie_draws_reset_and_makes_nothing(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
    config.rst_per_second = 0;
    struct tcp_world *w = world_open(&config);
    world_listen(w, 4, 0);
    for (uint32_t i = 0; i < 10000; i++) {
        struct ak_tcp_header header = {
            .src_port = 5000, .dst_port = 80, .seq = {i}, .ack = {i * 2654435761u}, .flags = AKSU_TCP_ACK, .wnd = 1000};
        spoof(w, i, &header, world_addr(SERVER));
        if (i % 64 == 0) drain(w, SERVER);
    }
    assert_int_equal(counters(w, SERVER).tcp_used, 0);
    assert_int_equal(counters(w, SERVER).syn_cookies_accepted, 0);
    assert_int_equal(counters(w, SERVER).tcp_resets_sent, 10000);
    world_close(w);
}

static void old_cookie_is_refused(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
    struct tcp_world *w = world_open(&config);
    world_listen(w, 4, 0);
    world_connect(w);
    assert_true(world_carry(w, CLIENT)); /* SYN */
    assert_true(world_carry(w, SERVER)); /* SYN,ACK */
    w->now_us += 200 * 1000000ull;       /* the last ACK is held up in the network */
    aksu_advance(w->stack[SERVER], w->now_us);
    assert_true(world_carry(w, CLIENT));
    assert_int_equal(counters(w, SERVER).syn_cookies_accepted, 0);
    assert_int_equal(counters(w, SERVER).tcp_used, 0);
    world_close(w);
}

static aksu_incoming deferred_syn(struct tcp_world *w, aksu_sock *ret_client, aksu_sock *ret_listener) {
    *ret_listener = world_listen(w, 2, AKSU_OPEN_DEFERRED);
    *ret_client = world_connect(w);
    world_run(w, 10000);
    assert_int_equal(world_state(w, CLIENT, *ret_client), AK_TCP_SYN_SENT);
    assert_true(world_events(w, SERVER, NULL) & AKSU_EV_INCOMING);
    aksu_incoming incoming;
    assert_int_equal(aksu_tcp_incoming(w->stack[SERVER], *ret_listener, &incoming), AKSU_OK);
    aksu_addr from = world_addr(CLIENT);
    assert_true(aksu_addr_equal(&incoming.remote.addr, &from));
    aksu_incoming none;
    assert_int_equal(aksu_tcp_incoming(w->stack[SERVER], *ret_listener, &none), AKSU_ERR_AGAIN);
    return incoming;
}

static void deferred_syn_accepted_refused_dropped(void **state) {
    (void)state;
    const aksu_verdict verdicts[] = {AKSU_ACCEPT, AKSU_REFUSE, AKSU_DROP};
    const aksu_tcp_state ends[] = {AK_TCP_ESTABLISHED, AK_TCP_CLOSED, AK_TCP_SYN_SENT};
    for (int i = 0; i < 3; i++) {
        aksu_config config = world_config();
        struct tcp_world *w = world_open(&config);
        aksu_sock client, listener;
        aksu_incoming incoming = deferred_syn(w, &client, &listener);
        assert_int_equal(aksu_tcp_decide(w->stack[SERVER], incoming.sock, verdicts[i]), AKSU_OK);
        assert_int_equal(aksu_tcp_decide(w->stack[SERVER], incoming.sock, verdicts[i]), AKSU_ERR_BADSOCK);
        world_run(w, 100000);
        assert_int_equal(world_state(w, CLIENT, client), ends[i]);
        assert_int_equal(counters(w, SERVER).tcp_used, verdicts[i] == AKSU_ACCEPT ? 1 : 0);
        world_close(w);
    }
}

static void listeners_on_one_port_by_address(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_addr second = aksu_addr_v4(192, 0, 2, 77);
    assert_int_equal(aksu_addr_add(w->stack[SERVER], 0, &second, 24), AKSU_OK);
    aksu_sock any = world_listen(w, 4, 0);
    aksu_sock own;
    aksu_sock server;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local = {.addr = second, .port = 80}, .backlog = 4};
    assert_int_equal(aksu_tcp_listen(w->stack[SERVER], &open, &own), AKSU_OK);
    assert_int_equal(aksu_tcp_listen(w->stack[SERVER], &open, &own), AKSU_ERR_ADDR_IN_USE);
    aksu_tcp_open to_second = {.struct_bytes = sizeof open, .remote = {.addr = second, .port = 80}};
    aksu_sock client;
    assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &to_second, &client), AKSU_OK);
    world_run(w, 10000);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], any, &server), AKSU_ERR_AGAIN);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], own, &server), AKSU_OK);
    world_close(w);
}

static void listener_closed_resets_what_waits(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 4, 0);
    aksu_sock client = world_connect(w);
    world_run(w, 10000);
    assert_int_equal(aksu_tcp_close(w->stack[SERVER], listener), AKSU_OK);
    assert_int_equal(aksu_tcp_close(w->stack[SERVER], listener), AKSU_ERR_BADSOCK);
    world_run(w, 10000);
    assert_int_equal(world_state(w, CLIENT, client), AK_TCP_CLOSED);
    aksu_counters c = counters(w, SERVER);
    assert_int_equal(c.tcp_used + c.listener_used + c.transfer_used + c.block_used, 0);
    world_close(w);
}

static void bad_arguments_are_errors(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock sock;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local = {.port = 80}};
    assert_int_equal(aksu_tcp_listen(w->stack[SERVER], &open, &sock), AKSU_ERR_INVALID); /* backlog 0 */
    open.backlog = 1000000;
    open.local.port = 0;
    assert_int_equal(aksu_tcp_listen(w->stack[SERVER], &open, &sock), AKSU_ERR_INVALID); /* no port */
    open.local = (aksu_endpoint){.addr = aksu_addr_v4(10, 9, 8, 7), .port = 80};
    assert_int_equal(aksu_tcp_listen(w->stack[SERVER], &open, &sock), AKSU_ERR_ADDR_NOT_AVAILABLE);
    aksu_tcp_open to = {.struct_bytes = sizeof to, .remote = {.addr = aksu_addr_v4(192, 0, 2, 255), .port = 80}};
    assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &to, &sock), AKSU_ERR_INVALID); /* MUST-46 */
    to.remote.addr = aksu_addr_v4(224, 0, 0, 1);
    assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &to, &sock), AKSU_ERR_INVALID);
    to.remote.addr = aksu_addr_v4(10, 0, 0, 1);
    assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &to, &sock), AKSU_ERR_NO_ROUTE);
    aksu_tcp_settings settings = config.tcp;
    settings.ttl = 0;
    to.remote.addr = world_addr(SERVER);
    to.settings = &settings;
    assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &to, &sock), AKSU_ERR_OUT_OF_RANGE);
    world_close(w);
}

static void self_connect_stays_inside(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_tcp_open open = {.struct_bytes = sizeof open,
                          .local = {.addr = world_addr(CLIENT), .port = 7},
                          .remote = {.addr = world_addr(CLIENT), .port = 7}};
    aksu_sock sock;
    aksu_frame frames[8];
    size_t bytes;
    char buf[8];
    assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &open, &sock), AKSU_OK);
    assert_int_equal(aksu_output(w->stack[CLIENT], w->now_us, frames, 8), 0);
    assert_int_equal(world_state(w, CLIENT, sock), AK_TCP_ESTABLISHED);
    assert_int_equal(aksu_tcp_send(w->stack[CLIENT], sock, "self", 4, 0, &bytes), AKSU_OK);
    assert_int_equal(aksu_output(w->stack[CLIENT], w->now_us, frames, 8), 0);
    assert_int_equal(aksu_tcp_recv(w->stack[CLIENT], sock, buf, sizeof buf, &bytes), AKSU_OK);
    assert_int_equal(bytes, 4);
    assert_memory_equal(buf, "self", 4);
    world_close(w);
}

/* s3.6.1, RFC 6191: MAY-2, SHLD-4. */
static void time_wait_gives_way_to_a_newer_syn(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 4, 0);
    aksu_tcp_open open = {
        .struct_bytes = sizeof open, .local = {.port = 4000}, .remote = {.addr = world_addr(SERVER), .port = 80}};
    for (int i = 0; i < 3; i++) { /* the server closes first: TIME-WAIT is his */
        aksu_sock client, server;
        assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &open, &client), AKSU_OK);
        world_run(w, 10000);
        assert_int_equal(world_state(w, CLIENT, client), AK_TCP_ESTABLISHED);
        assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
        assert_int_equal(aksu_tcp_close(w->stack[SERVER], server), AKSU_OK);
        world_run(w, 10000);
        assert_int_equal(aksu_tcp_close(w->stack[CLIENT], client), AKSU_OK);
        world_run(w, 10000);
        assert_int_equal(counters(w, SERVER).time_wait_used, 1);
    }
    assert_int_equal(counters(w, SERVER).time_wait_reused, 2);
    world_run(w, 61000000);
    assert_int_equal(counters(w, SERVER).time_wait_used, 0);
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_full_accept_queue_dropped_until_accept),
        cmocka_unit_test(final_ack_full_accept_queue_ignored_and_syn_ack_repeated),
        cmocka_unit_test(final_ack_full_accept_queue_reset_when_configured),
        cmocka_unit_test(syn_flood_cookies_hold_no_memory_and_honest_connects),
        cmocka_unit_test(cookies_off_flood_drops_the_oldest),
        cmocka_unit_test(cookies_without_timestamps_keep_the_mss_only),
        cmocka_unit_test(forged_cookie_draws_reset_and_makes_nothing),
        cmocka_unit_test(old_cookie_is_refused),
        cmocka_unit_test(deferred_syn_accepted_refused_dropped),
        cmocka_unit_test(listeners_on_one_port_by_address),
        cmocka_unit_test(listener_closed_resets_what_waits),
        cmocka_unit_test(bad_arguments_are_errors),
        cmocka_unit_test(self_connect_stays_inside),
        cmocka_unit_test(time_wait_gives_way_to_a_newer_syn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
