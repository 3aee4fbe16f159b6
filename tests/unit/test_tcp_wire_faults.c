/* Bad frames change nothing: truncated at every byte, wrong checksums, lying lengths, options that overrun. */
#include "tcp_world.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"

enum { PACKET_MAX = 200 };

struct world_pair {
    struct tcp_world *w;
    aksu_sock client, server;
};

static struct world_pair established(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = 0;
    config.tcp.sack = 0;
    struct world_pair p = {.w = world_open(&config)};
    aksu_sock listener = world_listen(p.w, 4, 0);
    p.client = world_connect(p.w);
    world_run(p.w, 10000);
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], listener, &p.server), AKSU_OK);
    (void)world_events(p.w, SERVER, NULL);
    return p;
}

/* A good data segment of the client's, with options, next in order. */
static uint32_t good_packet(const struct world_pair *p, uint8_t *packet) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[CLIENT], p->client, &info), AKSU_OK);
    struct ak_tcp_header header = {.src_port = info.local.port,
                                   .dst_port = info.remote.port,
                                   .seq = {info.snd_nxt},
                                   .ack = {info.rcv_nxt},
                                   .flags = AKSU_TCP_ACK | AKSU_TCP_PSH,
                                   .wnd = 1000,
                                   .options = {.present = AKSU_OPT_TIMESTAMPS, .ts_val = 1, .ts_ecr = 2}};
    uint32_t header_bytes = ak_wire_tcp_build(packet + 20, &header, AK_OPTION_ORDER_LINUX);
    memset(packet + 20 + header_bytes, 'x', 10);
    struct ak_ip ip = {.src = info.local.addr,
                       .dst = info.remote.addr,
                       .version = 4,
                       .protocol = AK_IP_PROTOCOL_TCP,
                       .ttl = 64,
                       .total_bytes = 20 + header_bytes + 10};
    ak_wire_ipv4_build(packet, &ip);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &ip.src, &ip.dst, AK_IP_PROTOCOL_TCP, header_bytes + 10);
    ak_sum_add(&sum, packet + 20, header_bytes + 10);
    ak_put16(packet + 36, (uint16_t)~ak_sum_fold(&sum));
    return ip.total_bytes;
}

static void put(struct tcp_world *w, const uint8_t *packet, uint32_t bytes) {
    aksu_iov iov = {.base = (void *)(uintptr_t)packet, .bytes = bytes};
    aksu_frame frame = {.total_bytes = bytes, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[SERVER], w->now_us, &frame, 1);
}

static void fix_ip_checksum(uint8_t *packet) {
    packet[10] = packet[11] = 0;
    struct ak_sum sum = {0};
    ak_sum_add(&sum, packet, (packet[0] & 15u) * 4u);
    ak_put16(packet + 10, (uint16_t)~ak_sum_fold(&sum));
}

static uint64_t drops(struct tcp_world *w) {
    aksu_counters c;
    aksu_counters_get(w->stack[SERVER], &c);
    uint64_t sum = 0;
    for (int i = 1; i < AKSU_DROP_COUNT; i++) sum += c.drop[i];
    return sum;
}

/* Of options that make no sense the sender is told, by one message: RFC 1122 s3.2.2.5. */
static uint64_t told(struct tcp_world *w) {
    aksu_counters c;
    aksu_counters_get(w->stack[SERVER], &c);
    return c.icmp_errors_sent;
}

/* It is dropped, counted once, and nothing else has happened. */
static void expect_nothing_but_a_drop(const struct world_pair *p, const uint8_t *packet, uint32_t bytes) {
    uint64_t told_before = told(p->w);
    aksu_tcp_info was, is;
    aksu_advance(p->w->stack[SERVER], p->w->now_us);
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->server, &was), AKSU_OK);
    uint64_t digest = aksu_stack_digest(p->w->stack[SERVER]);
    uint64_t before = drops(p->w);
    put(p->w, packet, bytes);
    assert_int_equal(drops(p->w), before + 1);
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->server, &is), AKSU_OK);
    assert_memory_equal(&is, &was, sizeof is);
    aksu_frame frame;
    if (told(p->w) == told_before)
        assert_int_equal(aksu_stack_digest(p->w->stack[SERVER]), digest);
    else
        assert_int_equal(aksu_output(p->w->stack[SERVER], p->w->now_us, &frame, 1), 1);
}

/* MUST-2, MUST-3: what the checksums say is believed. */
static void the_good_packet_is_accepted(void **state) {
    (void)state;
    struct world_pair p = established();
    uint8_t packet[PACKET_MAX] = {0};
    char buf[32];
    size_t bytes;
    put(p.w, packet, good_packet(&p, packet));
    assert_int_equal(aksu_tcp_recv(p.w->stack[SERVER], p.server, buf, sizeof buf, &bytes), AKSU_OK);
    assert_int_equal(bytes, 10);
    world_close(p.w);
}

/* attack: 5 attack: 9 */
static void truncated_at_every_byte_dropped(void **state) {
    (void)state;
    struct world_pair p = established();
    uint8_t packet[PACKET_MAX] = {0};
    uint32_t whole = good_packet(&p, packet);
    for (uint32_t bytes = 1; bytes < whole; bytes++) {
        uint8_t *exact = malloc(bytes); /* so that a read past the end is seen */
        assert_non_null(exact);
        memcpy(exact, packet, bytes);
        expect_nothing_but_a_drop(&p, exact, bytes);
        free(exact);
    }
    world_close(p.w);
}

/* MUST-3: a checksum that does not fit. */
static void every_flipped_bit_dropped(void **state) {
    (void)state;
    struct world_pair p = established();
    uint8_t packet[PACKET_MAX] = {0};
    uint32_t whole = good_packet(&p, packet);
    for (uint32_t bit = 0; bit < whole * 8; bit++) {
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_nothing_but_a_drop(&p, packet, whole);
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    world_close(p.w);
}

/* attack: 4 attack: 5 */
static void lengths_that_lie_dropped(void **state) {
    (void)state;
    struct world_pair p = established();
    uint8_t packet[PACKET_MAX] = {0};
    uint32_t whole = good_packet(&p, packet);
    for (uint32_t total = 0; total < 65536; total += total < 100 ? 1 : 997) {
        if (total == whole) continue;
        ak_put16(packet + 2, (uint16_t)total);
        fix_ip_checksum(packet);
        expect_nothing_but_a_drop(&p, packet, whole);
    }
    ak_put16(packet + 2, (uint16_t)whole);
    for (uint8_t words = 0; words < 16; words++) { /* IHL */
        if (words == 5) continue;
        packet[0] = (uint8_t)(0x40 | words);
        fix_ip_checksum(packet);
        expect_nothing_but_a_drop(&p, packet, whole);
    }
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_packet_is_accepted),
        cmocka_unit_test(truncated_at_every_byte_dropped),
        cmocka_unit_test(every_flipped_bit_dropped),
        cmocka_unit_test(lengths_that_lie_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
