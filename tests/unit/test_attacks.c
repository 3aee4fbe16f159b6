/* Attacks that no other test has: see docs/attacks.md. */
#include "tcp_peer.h"

#include "base/bytes.h"
#include "tcp/tcp.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"

/* attack: 8 attack: 16. Every MSS that a SYN can name leaves one to send by. */
static void every_mss_has_a_floor(void **state) {
    (void)state;
    enum { LEAST = 64 }; /* of IP, TCP and all options there is more than that in the smallest packet that IPv4 has */
    for (uint32_t mss = 0; mss <= UINT16_MAX; mss++) {
        const struct ak_seg seg = {
            .tuple = {.remote = aksu_addr_v4(192, 0, 2, 1)},
            .options = {.present = AKSU_OPT_MSS, .mss = (uint16_t)mss},
        };
        uint16_t got = ak_tcp_peer_mss(&seg);
        assert_true(got >= LEAST && (got == mss || mss < got));
    }
}

/* attack: 18 attack: 19. Whatever the pointer says, what is read is what has come, and what is left is counted from
 * there. */
static void every_urgent_pointer_is_a_mark_alone(void **state) {
    (void)state;
    static const uint16_t ups[] = {0, 1, 9, 10, 11, 0x7fff, 0x8000, 0xfffe, 0xffff};
    static const uint32_t sizes[] = {0, 1, 10};
    for (size_t i = 0; i < sizeof ups / sizeof ups[0]; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            aksu_config config = world_config();
            struct peer p = peer_joined(&config);
            peer_says(&p,
                      (struct peer_segment){
                          .flags = AKSU_TCP_ACK | AKSU_TCP_URG, .seq = 1, .ack = 1, .bytes = sizes[k], .up = ups[i]});
            aksu_tcp_info info;
            assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
            assert_true(info.urgent_bytes <= ups[i]);
            uint8_t buf[64];
            size_t got = 0, bytes = 0;
            while (aksu_tcp_recv(p.w->stack[SERVER], p.sock, buf, 3, &bytes) == AKSU_OK) got += bytes;
            assert_int_equal(got, sizes[k]);
            assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
            assert_int_equal(info.state, AK_TCP_ESTABLISHED);
            assert_int_equal(info.urgent_bytes, ups[i] > sizes[k] ? ups[i] - sizes[k] : 0);
            world_close(p.w);
        }
    }
}

/* An echo request of IPv4 with options to the server; what it has to answer. */
static bool echo_with(struct tcp_world *w, const uint8_t *options, uint32_t option_bytes, aksu_frame *ret_frame) {
    uint8_t p[128] = {(uint8_t)(0x45 + option_bytes / 4)};
    uint32_t head = 20 + option_bytes, total = head + 16;
    ak_put16(p + 2, (uint16_t)total);
    p[8] = 64;
    p[9] = 1;
    ak_put32(p + 12, 0xc0000201);
    ak_put32(p + 16, 0xc0000202);
    memcpy(p + 20, options, option_bytes);
    p[head] = AK_ICMP_ECHO;
    struct ak_sum sum = {0}, body = {0};
    ak_sum_add(&body, p + head, 16);
    ak_put16(p + head + 2, (uint16_t)~ak_sum_fold(&body));
    ak_sum_add(&sum, p, head);
    ak_put16(p + 10, (uint16_t)~ak_sum_fold(&sum));
    aksu_iov iov = {.base = p, .bytes = total};
    aksu_frame frame = {.total_bytes = total, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[SERVER], w->now_us, &frame, 1);
    return aksu_output(w->stack[SERVER], w->now_us, ret_frame, 1) == 1;
}

/* attack: 21 attack: 22. Options lead an answer nowhere, and are not in it; source routes get none. */
static void options_of_a_request_are_not_in_the_answer(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    static const uint8_t record_route[40] = {7, 39, 4}, timestamp[40] = {68, 40, 5, 1, 198, 51, 100, 9};
    static const uint8_t loose[8] = {131, 7, 4, 198, 51, 100, 9, 0}, strict[8] = {137, 7, 4, 198, 51, 100, 9, 0};
    aksu_frame frame;
    const uint8_t *const taken[] = {record_route, timestamp};
    for (size_t i = 0; i < 2; i++) {
        assert_true(echo_with(w, taken[i], 40, &frame));
        const uint8_t *ip = frame.iov[0].base;
        assert_true(ip[0] == 0x45 && ak_be32(ip + 16) == 0xc0000201 && frame.total_bytes == 36);
    }
    assert_false(echo_with(w, loose, 8, &frame));
    assert_false(echo_with(w, strict, 8, &frame));
    aksu_counters counters;
    aksu_counters_get(w->stack[SERVER], &counters);
    assert_int_equal(counters.drop[AKSU_DROP_IP_SOURCE_ROUTE], 2);
    world_close(w);
}

/* attack: 47. Identifications count nothing: none where a packet may not be fragmented, a random one for each datagram
 * in fragments. */
static void identifications_count_nothing(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_udp_open open = {.struct_bytes = sizeof open, .remote = {.addr = world_addr(SERVER), .port = 9}};
    aksu_sock sock;
    assert_int_equal(aksu_udp_bind(w->stack[CLIENT], &open, &sock), AKSU_OK);
    static const uint8_t data[2000];
    uint16_t last = 0;
    uint32_t near = 0;
    for (int i = 0; i < 200; i++) {
        aksu_frame frame;
        assert_int_equal(aksu_udp_send(w->stack[CLIENT], sock, NULL, data, 100), AKSU_OK);
        assert_int_equal(aksu_output(w->stack[CLIENT], w->now_us, &frame, 1), 1);
        const uint8_t *ip = frame.iov[0].base;
        assert_true(ak_be16(ip + 4) == 0 && ak_be16(ip + 6) == 0x4000);
        assert_int_equal(aksu_udp_send(w->stack[CLIENT], sock, NULL, data, sizeof data), AKSU_OK);
        assert_int_equal(aksu_output(w->stack[CLIENT], w->now_us, &frame, 1), 1);
        ip = frame.iov[0].base;
        uint16_t id = ak_be16(ip + 4), step = (uint16_t)(id - last);
        near += step < 256 || step > 65280; /* 512 of 65,536: once or twice in 200 */
        last = id;
        while (aksu_output(w->stack[CLIENT], w->now_us, &frame, 1) > 0) {
        }
    }
    assert_true(near < 10);
    /* Segments and resets neither. */
    aksu_frame frame;
    (void)world_connect(w);
    assert_int_equal(aksu_output(w->stack[CLIENT], w->now_us, &frame, 1), 1);
    assert_int_equal(ak_be32((const uint8_t *)frame.iov[0].base + 4), 0x4000u);
    world_close(w);
}

/* attack: 37. The first and the last port are ports as any other. */
static void ports_at_the_edges_are_ports(void **state) {
    (void)state;
    static const uint16_t ports[] = {1, 65535};
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < 2; k++) {
            aksu_udp_open open = {.struct_bytes = sizeof open, .local.port = ports[i]};
            aksu_udp_open other = {.struct_bytes = sizeof other,
                                   .local.port = ports[k],
                                   .remote = {.addr = world_addr(SERVER), .port = ports[i]}};
            aksu_sock there, here;
            char got[8];
            size_t bytes;
            aksu_udp_from from;
            assert_int_equal(aksu_udp_bind(w->stack[SERVER], &open, &there), AKSU_OK);
            assert_int_equal(aksu_udp_bind(w->stack[CLIENT], &other, &here), AKSU_OK);
            assert_int_equal(aksu_udp_send(w->stack[CLIENT], here, NULL, "edge", 4), AKSU_OK);
            world_run(w, 1000);
            assert_int_equal(aksu_udp_recv(w->stack[SERVER], there, got, sizeof got, &bytes, &from), AKSU_OK);
            assert_true(bytes == 4 && from.remote.port == ports[k]);
            assert_int_equal(aksu_udp_close(w->stack[SERVER], there), AKSU_OK);
            assert_int_equal(aksu_udp_close(w->stack[CLIENT], here), AKSU_OK);
            aksu_tcp_open tcp = {.struct_bytes = sizeof tcp,
                                 .local.port = ports[k],
                                 .remote = {.addr = world_addr(SERVER), .port = ports[i]}};
            aksu_sock listener = world_listen_on(w, SERVER, ports[i], 1, 0), client, server;
            assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &tcp, &client), AKSU_OK);
            world_run(w, 10000);
            assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
            assert_int_equal(aksu_tcp_abort(w->stack[CLIENT], client), AKSU_OK);
            world_run(w, 10000);
            (void)aksu_tcp_abort(w->stack[SERVER], server);
            assert_int_equal(aksu_tcp_close(w->stack[SERVER], listener), AKSU_OK);
        }
    }
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mss_has_a_floor),
        cmocka_unit_test(every_urgent_pointer_is_a_mark_alone),
        cmocka_unit_test(options_of_a_request_are_not_in_the_answer),
        cmocka_unit_test(identifications_count_nothing),
        cmocka_unit_test(ports_at_the_edges_are_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
