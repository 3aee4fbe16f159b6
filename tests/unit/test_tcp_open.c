/* OPEN and what is set with it: RFC 9293 s3.9.1.1, s3.9.1.9, s3.9.2, s3.9.2.3. */
#include "tcp_peer.h"

static aksu_config plain_config(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = config.tcp.window_scale = config.tcp.sack = 0;
    return config;
}

static aksu_err listen_at(struct tcp_world *w, aksu_addr addr, uint16_t port, aksu_sock *ret_sock) {
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local = {.addr = addr, .port = port}, .backlog = 4};
    return aksu_tcp_listen(w->stack[SERVER], &open, ret_sock);
}

static aksu_err connect_to(struct tcp_world *w, aksu_addr local, uint16_t local_port, aksu_addr remote, uint16_t port,
                           aksu_sock *ret_sock) {
    aksu_tcp_open open = {.struct_bytes = sizeof open,
                          .local = {.addr = local, .port = local_port},
                          .remote = {.addr = remote, .port = port}};
    return aksu_tcp_connect(w->stack[SERVER], &open, ret_sock);
}

static const aksu_addr any;

/* MUST-41: a passive OPEN makes a record of its own, or is an error; it changes none that is there. */
static void listen_twice_is_an_error_and_changes_nothing(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock first, second, child;
    assert_int_equal(listen_at(w, any, 80, &first), AKSU_OK);
    aksu_sock client = world_connect(w);
    world_run(w, 10000);
    assert_int_equal(listen_at(w, any, 80, &second), AKSU_ERR_ADDR_IN_USE);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], first, &child), AKSU_OK);
    assert_int_equal(world_state(w, SERVER, child), AK_TCP_ESTABLISHED);
    assert_int_equal(world_state(w, CLIENT, client), AK_TCP_ESTABLISHED);
    assert_int_equal(world_state(w, SERVER, first), AK_TCP_LISTEN);
    world_close(w);
}

/* MUST-42: on a port that a block in SYN-SENT or SYN-RECEIVED uses too. */
static void listen_on_the_port_of_an_opening_connection(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_open(&config);
    peer_called(&p); /* from port 80: SYN-SENT */
    aksu_sock listener;
    assert_int_equal(listen_at(p.w, any, 80, &listener), AKSU_OK);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], listener), AKSU_OK);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN}); /* both at once: SYN-RECEIVED */
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_SYN_RECEIVED);
    assert_int_equal(listen_at(p.w, any, 80, &listener), AKSU_OK);
    world_close(p.w);
}

/* MUST-43: OPEN takes a local address; one that is not ours is an error. */
static void open_takes_a_local_address(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock sock;
    assert_int_equal(listen_at(w, world_addr(SERVER), 80, &sock), AKSU_OK);
    assert_int_equal(listen_at(w, world_addr(CLIENT), 81, &sock), AKSU_ERR_ADDR_NOT_AVAILABLE);
    assert_int_equal(connect_to(w, world_addr(CLIENT), 0, world_addr(CLIENT), 80, &sock), AKSU_ERR_ADDR_NOT_AVAILABLE);
    assert_int_equal(connect_to(w, world_addr(SERVER), 0, world_addr(CLIENT), 80, &sock), AKSU_OK);
    world_close(w);
}

/* MUST-44, MUST-45: the address is chosen before the first SYN, and is the same ever after. */
static void connect_without_a_local_address_keeps_the_one_chosen(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct tcp_world *w = world_open(&config);
    aksu_addr second = aksu_addr_v4(192, 0, 2, 77);
    assert_int_equal(aksu_addr_add(w->stack[SERVER], 0, &second, 24), AKSU_OK);
    aksu_sock sock;
    assert_int_equal(connect_to(w, any, 0, world_addr(CLIENT), 80, &sock), AKSU_OK);
    w->lose = UINT32_MAX;
    world_run(w, 10000000);
    assert_true(w->seen_count >= 3);
    for (uint32_t i = 0; i < w->seen_count; i++) {
        const aksu_flow *flow = &w->seen[i].segment.flow;
        assert_true(aksu_addr_equal(&flow->local, &w->seen[0].segment.flow.local));
        assert_int_equal(flow->local_port, w->seen[0].segment.flow.local_port);
    }
    world_close(w);
}

/* MUST-46. */
static void connect_to_no_single_host_is_an_error(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock sock;
    const aksu_addr bad[] = {aksu_addr_v4(255, 255, 255, 255), aksu_addr_v4(192, 0, 2, 255), aksu_addr_v4(224, 0, 0, 1),
                             aksu_addr_v4(239, 255, 255, 255), aksu_addr_v4(0, 0, 0, 0)};
    for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(connect_to(w, any, 0, bad[i], 80, &sock), AKSU_ERR_INVALID);
    assert_int_equal(connect_to(w, any, 0, world_addr(CLIENT), 0, &sock), AKSU_ERR_INVALID);
    world_run(w, 1000000);
    assert_int_equal(w->seen_count, 0);
    world_close(w);
}

/* A SYN with these addresses; how many segments answer it. */
static uint32_t answers_to_syn(aksu_addr from, aksu_addr to, uint8_t flags) {
    aksu_config config = plain_config();
    struct peer p = peer_open(&config);
    p.listener = world_listen_on(p.w, SERVER, 80, 4, 0);
    uint8_t packet[PEER_PACKET_MAX];
    struct ak_tcp_header header = {
        .src_port = PEER_PORT, .dst_port = 80, .seq = {PEER_ISS}, .flags = flags, .wnd = 1000};
    uint32_t header_bytes = ak_wire_tcp_build(packet + 20, &header, AK_OPTION_ORDER_LINUX);
    struct ak_ip ip = {.src = from,
                       .dst = to,
                       .version = 4,
                       .protocol = AK_IP_PROTOCOL_TCP,
                       .ttl = 64,
                       .total_bytes = 20 + header_bytes};
    ak_wire_ipv4_build(packet, &ip);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &from, &to, AK_IP_PROTOCOL_TCP, header_bytes);
    ak_sum_add(&sum, packet + 20, header_bytes);
    ak_put16(packet + 36, (uint16_t)~ak_sum_fold(&sum));
    peer_input(&p, packet, ip.total_bytes);
    world_run(p.w, 1000);
    uint32_t count = p.w->seen_count;
    world_close(p.w);
    return count;
}

/* MUST-57, MUST-63, U-13: broadcast, multicast and impossible sources are dropped in silence, SYN or not.
 * attack: 70 attack: 90 */
static void segment_with_an_invalid_address_is_dropped_in_silence(void **state) {
    (void)state;
    const aksu_addr us = world_addr(SERVER), peer = world_addr(CLIENT);
    assert_int_equal(answers_to_syn(peer, us, AKSU_TCP_SYN), 1);
    const aksu_addr to[] = {aksu_addr_v4(255, 255, 255, 255), aksu_addr_v4(192, 0, 2, 255), aksu_addr_v4(224, 0, 0, 1)};
    const aksu_addr from[] = {aksu_addr_v4(255, 255, 255, 255),
                              aksu_addr_v4(192, 0, 2, 255),
                              aksu_addr_v4(224, 0, 0, 1),
                              aksu_addr_v4(0, 0, 0, 0),
                              aksu_addr_v4(127, 0, 0, 1),
                              aksu_addr_v4(240, 0, 0, 1),
                              us};
    for (int kind = 0; kind < 2; kind++) {
        uint8_t flags = kind == 0 ? AKSU_TCP_SYN : AKSU_TCP_ACK;
        for (uint32_t i = 0; i < sizeof to / sizeof to[0]; i++) assert_int_equal(answers_to_syn(peer, to[i], flags), 0);
        for (uint32_t i = 0; i < sizeof from / sizeof from[0]; i++)
            assert_int_equal(answers_to_syn(from[i], us, flags), 0);
    }
}

/* The IP header of the next frame that we send. */
static void next_header(struct tcp_world *w, uint8_t *ret_header) {
    aksu_frame frame;
    assert_int_equal(aksu_output(w->stack[SERVER], w->now_us, &frame, 1), 1);
    memcpy(ret_header, frame.iov[0].base, 20);
}

/* MUST-48, MUST-49, SHLD-21, SHLD-22: TTL and Diffserv are the application's, also later on. */
static void ttl_and_dscp_are_settable_and_go_out_as_they_are(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.ttl = 33;
    config.tcp.dscp = 46;
    struct peer p = peer_open(&config);
    aksu_sock sock;
    uint8_t header[20];
    assert_int_equal(connect_to(p.w, any, 0, world_addr(CLIENT), 80, &sock), AKSU_OK);
    next_header(p.w, header);
    assert_int_equal(header[8], 33);
    assert_int_equal(header[1] >> 2, 46);
    assert_int_equal(aksu_tcp_set(p.w->stack[SERVER], sock, AKSU_TCP_DSCP, 10), AKSU_OK);
    assert_int_equal(aksu_tcp_set(p.w->stack[SERVER], sock, AKSU_TCP_TTL, 255), AKSU_OK);
    p.w->now_us += 1000000;
    next_header(p.w, header);
    assert_int_equal(header[8], 255);
    assert_int_equal(header[1] >> 2, 10);
    world_close(p.w);
}

/* MUST-50: IP options that TCP does not know are skipped. */
static void ip_options_are_skipped(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    struct ak_tcp_header header = {.src_port = PEER_PORT,
                                   .dst_port = 80,
                                   .seq = {PEER_ISS + 1},
                                   .ack = {p.iss + 1},
                                   .flags = AKSU_TCP_ACK,
                                   .wnd = 1000};
    uint8_t packet[PEER_PACKET_MAX];
    uint32_t bytes = peer_packet(&p, packet, &header, 5);
    memmove(packet + 32, packet + 20, bytes - 20);
    static const uint8_t options[12] = {7, 7, 4, 0, 0, 0, 0, 1, 148, 4, 0, 0}; /* record route, NOP, router alert */
    memcpy(packet + 20, options, sizeof options);
    packet[0] = 0x48;
    ak_put16(packet + 2, (uint16_t)(bytes + 12));
    packet[10] = packet[11] = 0;
    struct ak_sum sum = {0};
    ak_sum_add(&sum, packet, 32);
    ak_put16(packet + 10, (uint16_t)~ak_sum_fold(&sum));
    peer_input(&p, packet, bytes + 12);
    uint8_t buf[8];
    size_t got;
    assert_int_equal(aksu_tcp_recv(p.w->stack[SERVER], p.sock, buf, sizeof buf, &got), AKSU_OK);
    assert_int_equal(got, 5);
    world_close(p.w);
}

/* MUST-8, SHLD-1: an ISN moves by one each 4 us for one four-tuple, and is unlike for others. */
static void isn_follows_the_clock_and_the_tuple(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct tcp_world *w = world_open(&config);
    uint32_t isn[3];
    for (int i = 0; i < 3; i++) {
        aksu_sock sock;
        uint32_t rung = w->seen_count;
        aksu_advance(w->stack[SERVER], w->now_us);
        assert_int_equal(connect_to(w, any, i == 2 ? 5001 : 5000, world_addr(CLIENT), 80, &sock), AKSU_OK);
        aksu_frame frame;
        assert_int_equal(aksu_output(w->stack[SERVER], w->now_us, &frame, 1), 1);
        isn[i] = w->seen[rung].segment.seq;
        assert_int_equal(aksu_tcp_abort(w->stack[SERVER], sock), AKSU_OK);
        if (i == 0) w->now_us += 4000000;
    }
    assert_int_equal(isn[1] - isn[0], 1000000);
    assert_true(isn[2] - isn[1] > 1000 && isn[1] - isn[2] > 1000);
    world_close(w);
}

/* RFC 7323 s7: "a random, per-connection offset": at one instant two connections' timestamps are unlike, and unlike the
 * clock.  RFC7323-7-a, RFC7323-7.1-a */
static void timestamps_of_two_connections_are_unlike(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.timestamps = 1;
    struct tcp_world *w = world_open(&config);
    uint32_t stamp[2];
    for (uint16_t i = 0; i < 2; i++) {
        aksu_sock sock;
        uint32_t rung = w->seen_count;
        aksu_advance(w->stack[SERVER], w->now_us);
        assert_int_equal(connect_to(w, any, (uint16_t)(5000 + i), world_addr(CLIENT), 80, &sock), AKSU_OK);
        aksu_frame frame;
        assert_int_equal(aksu_output(w->stack[SERVER], w->now_us, &frame, 1), 1);
        stamp[i] = w->seen[rung].segment.options.ts_val;
        uint32_t clock = (uint32_t)(w->now_us / 1000);
        assert_true(stamp[i] - clock > 1000 && clock - stamp[i] > 1000);
    }
    assert_true(stamp[1] - stamp[0] > 1000 && stamp[0] - stamp[1] > 1000);
    world_close(w);
}

/* And so on every segment of the connection, whatever sends it: a half-open record or a cookie, a reset, the last ACK,
 * the first of TIME-WAIT. */
static void ttl_and_dscp_are_on_every_segment(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        aksu_config config = plain_config();
        if (i & 1) config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
        struct peer p = peer_open(&config);
        aksu_tcp_settings settings = config.tcp;
        settings.ttl = 33;
        settings.dscp = 46;
        aksu_tcp_open open = {.struct_bytes = sizeof open, .local = {.port = 80}, .backlog = 4, .settings = &settings};
        assert_int_equal(aksu_tcp_listen(p.w->stack[SERVER], &open, &p.listener), AKSU_OK);
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN});
        peer_learn(&p);
        if ((i & 1) == 0) peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 90000, .ack = 1});
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
        assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
        if (i / 2 == 0) {
            assert_int_equal(aksu_tcp_abort(p.w->stack[SERVER], p.sock), AKSU_OK);
        } else if (i / 2 == 1) { /* TIME-WAIT */
            assert_int_equal(aksu_tcp_shutdown(p.w->stack[SERVER], p.sock), AKSU_OK);
            world_run(p.w, 1000);
            peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_FIN | AKSU_TCP_ACK, .seq = 1, .ack = 2});
            assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_TIME_WAIT);
        } else {
            peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_FIN | AKSU_TCP_ACK, .seq = 1, .ack = 1});
            assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
        }
        world_run(p.w, 1000);
        uint32_t count = 0;
        for (uint32_t k = 0; k < p.w->seen_count; k++) {
            const struct tcp_seen *seen = &p.w->seen[k];
            if (seen->from != SERVER) continue;
            count++;
            assert_int_equal(seen->tos >> 2, 46);
            assert_int_equal(seen->ttl, 33);
        }
        assert_true(count >= 2);
        world_close(p.w);
    }
}

/* A local address of the other family, or one of this host alone towards another host, is none of ours there. */
static void connect_from_an_address_that_cannot_reach_is_an_error(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct tcp_world *w = world_open(&config);
    aksu_addr six = {{0xfd, [15] = 1}}, six_peer = {{0xfd, [15] = 2}};
    assert_int_equal(aksu_addr_add(w->stack[SERVER], 0, &six, 64), AKSU_OK);
    aksu_sock sock;
    assert_int_equal(connect_to(w, world_addr(SERVER), 0, six_peer, 80, &sock), AKSU_ERR_INVALID);
    assert_int_equal(connect_to(w, six, 0, world_addr(CLIENT), 80, &sock), AKSU_ERR_INVALID);
    assert_int_equal(connect_to(w, world_addr(SERVER), 0, six, 80, &sock), AKSU_ERR_INVALID);
    aksu_addr loop = aksu_addr_v4(127, 0, 0, 1);
    assert_int_equal(connect_to(w, loop, 0, world_addr(CLIENT), 80, &sock), AKSU_ERR_ADDR_NOT_AVAILABLE);
    assert_int_equal(connect_to(w, loop, 0, world_addr(SERVER), 80, &sock), AKSU_OK);
    world_close(w);
}

/* Few ephemeral ports: each of them is found before there is none. */
static void every_ephemeral_port_is_found(void **state) {
    (void)state;
    for (uint32_t count = 1; count <= 24; count++) {
        aksu_config config = plain_config();
        config.port_first = 40000;
        config.port_last = 40000 + count - 1;
        struct tcp_world *w = world_open(&config);
        aksu_sock sock;
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(connect_to(w, any, 0, world_addr(CLIENT), 80, &sock), AKSU_OK);
        assert_int_equal(connect_to(w, any, 0, world_addr(CLIENT), 80, &sock), AKSU_ERR_ADDR_IN_USE);
        world_close(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listen_twice_is_an_error_and_changes_nothing),
        cmocka_unit_test(listen_on_the_port_of_an_opening_connection),
        cmocka_unit_test(open_takes_a_local_address),
        cmocka_unit_test(connect_without_a_local_address_keeps_the_one_chosen),
        cmocka_unit_test(connect_to_no_single_host_is_an_error),
        cmocka_unit_test(segment_with_an_invalid_address_is_dropped_in_silence),
        cmocka_unit_test(ttl_and_dscp_are_settable_and_go_out_as_they_are),
        cmocka_unit_test(ip_options_are_skipped),
        cmocka_unit_test(isn_follows_the_clock_and_the_tuple),
        cmocka_unit_test(timestamps_of_two_connections_are_unlike),
        cmocka_unit_test(ttl_and_dscp_are_on_every_segment),
        cmocka_unit_test(connect_from_an_address_that_cannot_reach_is_an_error),
        cmocka_unit_test(every_ephemeral_port_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
