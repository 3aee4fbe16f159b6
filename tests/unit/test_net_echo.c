/* ICMP echo sockets between two stacks, and against hand-made answers and errors. */
#include <stdio.h>

#include "tcp_world.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"

static const aksu_addr six[2] = {{{0x20, 1, 0x0d, 0xb8, [15] = 1}}, {{0x20, 1, 0x0d, 0xb8, [15] = 2}}};

static struct tcp_world *open_world(void) {
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    for (int side = CLIENT; side <= SERVER; side++)
        assert_int_equal(aksu_addr_add(w->stack[side], 0, &six[side], 64), AKSU_OK);
    return w;
}

static aksu_sock echo_to(struct tcp_world *w, const aksu_addr *addr, uint16_t id) {
    aksu_udp_open open = {.struct_bytes = sizeof open, .local.port = id, .remote.addr = *addr, .flags = AKSU_UDP_ECHO};
    aksu_sock sock;
    assert_int_equal(aksu_udp_bind(w->stack[CLIENT], &open, &sock), AKSU_OK);
    return sock;
}

static uint64_t drops(const struct tcp_world *w, aksu_drop why) {
    aksu_counters counters;
    aksu_counters_get(w->stack[CLIENT], &counters);
    return counters.drop[why];
}

static void requests_are_answered_in_their_order(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    const aksu_addr four = world_addr(SERVER);
    const aksu_addr *const to[] = {&four, &six[SERVER]};
    for (size_t k = 0; k < 2; k++) {
        aksu_sock sock = echo_to(w, to[k], 0);
        char text[64];
        size_t bytes;
        aksu_udp_from from;
        for (int i = 1; i <= 3; i++) {
            int n = snprintf(text, sizeof text, "request %d", i);
            assert_int_equal(aksu_udp_send(w->stack[CLIENT], sock, NULL, text, (size_t)n), AKSU_OK);
        }
        assert_int_equal(aksu_udp_send(w->stack[CLIENT], sock, NULL, "", 0), AKSU_OK);
        world_run(w, 1000);
        aksu_event event;
        assert_true(aksu_next_event(w->stack[CLIENT], &event));
        assert_int_equal(event.bits, AKSU_EV_READABLE);
        for (int i = 1; i <= 3; i++) {
            memset(text, 0, sizeof text);
            assert_int_equal(aksu_udp_recv(w->stack[CLIENT], sock, text, sizeof text, &bytes, &from), AKSU_OK);
            assert_int_equal(from.remote.port, i);
            assert_true(aksu_addr_equal(&from.remote.addr, to[k]) && from.ttl == 64);
            assert_true(bytes == 9 && memcmp(text, "request ", 8) == 0 && text[8] == '0' + i);
        }
        assert_int_equal(aksu_udp_recv(w->stack[CLIENT], sock, text, sizeof text, &bytes, &from), AKSU_OK);
        assert_int_equal(bytes, 0);
        assert_int_equal(aksu_udp_recv(w->stack[CLIENT], sock, text, sizeof text, &bytes, &from), AKSU_ERR_AGAIN);
        assert_int_equal(aksu_udp_close(w->stack[CLIENT], sock), AKSU_OK);
    }
    aksu_counters counters;
    aksu_counters_get(w->stack[CLIENT], &counters);
    assert_true(counters.icmp_echo_requests == 8 && counters.udp_datagrams_out == 0);
    aksu_counters_get(w->stack[SERVER], &counters);
    assert_int_equal(counters.icmp_echo_replies, 8);
    world_close(w);
}

/* ---------------------------------------------------------------- hand-made messages */

struct made {
    aksu_addr src;
    uint8_t type, code;
    uint16_t id, sequence;
    bool wrong_checksum;
    uint16_t mtu;
    uint8_t quote[28]; /* type not 0 or 129 */
};

static void put(struct tcp_world *w, const struct made *m) {
    uint8_t p[128];
    bool v6 = !aksu_addr_is_v4(&m->src), reply = m->type == 0 || m->type == AK_ICMP6_ECHO_REPLY;
    uint32_t bytes = reply ? 8 : 8 + (uint32_t)sizeof m->quote;
    struct ak_ip ip = {
        .src = m->src, .dst = v6 ? six[CLIENT] : world_addr(CLIENT), .protocol = v6 ? 58 : 1, .ttl = 9, .tos = 0};
    uint32_t at = ak_wire_ip_build(p, &ip, bytes);
    memset(p + at, 0, bytes);
    p[at] = m->type;
    p[at + 1] = m->code;
    if (reply) ak_put16(p + at + 4, m->id);
    if (reply) ak_put16(p + at + 6, m->sequence);
    if (!reply) ak_put16(p + at + 6, m->mtu);
    if (!reply) memcpy(p + at + 8, m->quote, sizeof m->quote);
    struct ak_sum sum = {0};
    if (v6) ak_sum_pseudo(&sum, &ip.src, &ip.dst, 58, bytes);
    ak_sum_add(&sum, p + at, bytes);
    ak_put16(p + at + 2, (uint16_t)(~ak_sum_fold(&sum) ^ m->wrong_checksum));
    aksu_iov iov = {.base = p, .bytes = at + bytes};
    aksu_frame frame = {.total_bytes = at + bytes, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[CLIENT], w->now_us, &frame, 1);
}

static void strange_answers_are_dropped(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    const aksu_addr four = world_addr(SERVER), other = aksu_addr_v4(192, 0, 2, 77);
    aksu_sock sock = echo_to(w, &four, 1234), sock6 = echo_to(w, &six[SERVER], 1234);
    const struct {
        struct made made;
        aksu_drop drop; /* NONE: it comes */
    } cases[] = {
        {{.src = four, .id = 1234, .sequence = 9}, AKSU_DROP_NONE},
        {{.src = six[SERVER], .type = 129, .id = 1234}, AKSU_DROP_NONE},
        {{.src = four, .id = 1235}, AKSU_DROP_ICMP_ECHO_REPLY},
        {{.src = other, .id = 1234}, AKSU_DROP_ICMP_ECHO_REPLY},
        {{.src = four, .id = 1234, .code = 1}, AKSU_DROP_ICMP_ECHO_REPLY},
        {{.src = four, .id = 1234, .wrong_checksum = true}, AKSU_DROP_ICMP_CHECKSUM},
        {{.src = six[SERVER], .type = 129, .id = 1}, AKSU_DROP_ICMP_ECHO_REPLY},
        {{.src = four, .type = 129, .id = 1234}, AKSU_DROP_ICMP_TYPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before = drops(w, cases[i].drop);
        put(w, &cases[i].made);
        uint32_t bits, bits6;
        assert_int_equal(aksu_poll(w->stack[CLIENT], sock, &bits), AKSU_OK);
        assert_int_equal(aksu_poll(w->stack[CLIENT], sock6, &bits6), AKSU_OK);
        if ((bits | bits6) != (cases[i].drop == AKSU_DROP_NONE ? AKSU_EV_READABLE : 0)) fail_msg("case %zu", i);
        if (cases[i].drop != AKSU_DROP_NONE && drops(w, cases[i].drop) != before + 1) fail_msg("case %zu: drop", i);
        char text[8];
        size_t bytes;
        (void)aksu_udp_recv(w->stack[CLIENT], bits ? sock : sock6, text, sizeof text, &bytes, NULL);
    }
    /* A datagram from port 0 is none for it. */
    aksu_counters counters;
    uint8_t p[64];
    struct ak_ip ip = {.src = four, .dst = world_addr(CLIENT), .protocol = 17, .ttl = 9};
    uint32_t at = ak_wire_ip_build(p, &ip, 8);
    memset(p + at, 0, 8);
    ak_put16(p + at + 2, 1234);
    ak_put16(p + at + 4, 8);
    aksu_iov iov = {.base = p, .bytes = at + 8};
    aksu_frame frame = {.total_bytes = at + 8, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[CLIENT], w->now_us, &frame, 1);
    aksu_counters_get(w->stack[CLIENT], &counters);
    assert_int_equal(counters.drop[AKSU_DROP_UDP_NO_SOCKET], 1);
    world_close(w);
}

/* RFC 792: an error quotes the request; it is told with who says so and of which request. */
static void error_of_a_request_is_told(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    const aksu_addr four = world_addr(SERVER), router = aksu_addr_v4(10, 9, 8, 7);
    aksu_sock sock = echo_to(w, &four, 1234);
    aksu_udp_error error;
    assert_int_equal(aksu_udp_error_take(w->stack[CLIENT], sock, &error), AKSU_ERR_AGAIN);
    struct made made = {.src = router, .type = AK_ICMP_TIME_EXCEEDED};
    struct ak_ip ip = {.src = world_addr(CLIENT), .dst = four, .protocol = 1, .ttl = 1};
    uint32_t at = ak_wire_ip_build(made.quote, &ip, 8);
    made.quote[at] = AK_ICMP_ECHO;
    ak_put16(made.quote + at + 4, 1234);
    ak_put16(made.quote + at + 6, 5);
    put(w, &made);
    aksu_event event;
    assert_true(aksu_next_event(w->stack[CLIENT], &event));
    assert_true(event.bits == AKSU_EV_SOFT_ERROR && event.reason == AKSU_REASON_TTL_EXCEEDED);
    assert_int_equal(aksu_udp_error_take(w->stack[CLIENT], sock, &error), AKSU_OK);
    assert_true(error.reason == AKSU_REASON_TTL_EXCEEDED && error.sequence == 5 && error.type == 11 && error.code == 0);
    assert_true(aksu_addr_equal(&error.from, &router));
    assert_int_equal(aksu_udp_error_take(w->stack[CLIENT], sock, &error), AKSU_ERR_AGAIN);
    /* Another's request is nothing of ours. */
    ak_put16(made.quote + at + 4, 1233);
    put(w, &made);
    assert_int_equal(aksu_udp_error_take(w->stack[CLIENT], sock, &error), AKSU_ERR_AGAIN);
    assert_int_equal(drops(w, AKSU_DROP_ICMP_QUOTE), 1);
    assert_int_equal(aksu_udp_close(w->stack[CLIENT], sock), AKSU_OK);
    assert_int_equal(aksu_udp_error_take(w->stack[CLIENT], sock, &error), AKSU_ERR_BADSOCK);
    world_close(w);
}

/* RFC 1191, RFC 8201: datagrams after that one are as long as the path takes. */
static void too_big_is_heeded(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    const aksu_addr four = world_addr(SERVER), router = aksu_addr_v4(10, 9, 8, 7);
    aksu_sock sock = echo_to(w, &four, 1234);
    static const uint8_t data[1400];
    struct made made = {.src = router, .type = AK_ICMP_UNREACHABLE, .code = 4};
    struct ak_ip ip = {.src = world_addr(CLIENT), .dst = four, .protocol = 1, .ttl = 1};
    uint32_t at = ak_wire_ip_build(made.quote, &ip, 8);
    made.quote[at] = AK_ICMP_ECHO;
    ak_put16(made.quote + at + 4, 1234);
    const struct {
        uint16_t mtu;
        uint64_t later_us;
        uint32_t first_bytes, packets; /* of a request of 1,400 bytes */
    } steps[] = {
        {1200, 0, 20 + 1176, 2},
        {1300, 0, 20 + 1176, 2}, /* never larger */
        {200, 0, 20 + 552, 3},   /* nor below the floor of 576 */
        {0, 601000000, 1428, 1}, /* forgotten; a router that names no size is not asked */
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        made.mtu = steps[i].mtu;
        if (made.mtu != 0) put(w, &made);
        world_run(w, 1000);
        w->now_us += steps[i].later_us;
        aksu_advance(w->stack[CLIENT], w->now_us);
        assert_int_equal(aksu_udp_send(w->stack[CLIENT], sock, NULL, data, sizeof data), AKSU_OK);
        aksu_frame frames[8];
        size_t count = aksu_output(w->stack[CLIENT], w->now_us, frames, 8);
        if (count != steps[i].packets || frames[0].total_bytes != steps[i].first_bytes)
            fail_msg("step %zu: %zu packets, %u bytes", i, count, frames[0].total_bytes);
        for (size_t k = 0; k < count; k++) aksu_output_done(w->stack[CLIENT], frames[k].token);
    }
    world_close(w);
}

/* ---------------------------------------------------------------- path MTU of answers and of fragments */

enum { PACKETS = 4 };
/* What the client sends, each packet's first bytes. */
struct out {
    size_t count;
    uint32_t bytes[PACKETS];
    uint8_t head[PACKETS][64];
};

static struct out outputs(struct tcp_world *w) {
    aksu_frame frames[PACKETS];
    struct out out = {.count = aksu_output(w->stack[CLIENT], w->now_us, frames, PACKETS)};
    for (size_t i = 0; i < out.count; i++) {
        out.bytes[i] = frames[i].total_bytes;
        uint32_t have = 0;
        for (uint32_t k = 0; k < frames[i].iov_count && have < sizeof out.head[i]; k++) {
            uint32_t piece = ak_min_u32((uint32_t)frames[i].iov[k].bytes, (uint32_t)sizeof out.head[i] - have);
            memcpy(out.head[i] + have, frames[i].iov[k].base, piece);
            have += piece;
        }
    }
    return out;
}

/* What the client answers to a request with so much data. */
static struct out answers_to(struct tcp_world *w, bool v6, uint32_t data_bytes) {
    static uint8_t p[2048];
    struct ak_ip ip = {.src = v6 ? six[SERVER] : world_addr(SERVER),
                       .dst = v6 ? six[CLIENT] : world_addr(CLIENT),
                       .protocol = v6 ? 58 : 1,
                       .ttl = 9};
    uint32_t bytes = 8 + data_bytes, at = ak_wire_ip_build(p, &ip, bytes);
    memset(p + at, 0, bytes);
    p[at] = v6 ? AK_ICMP6_ECHO : AK_ICMP_ECHO;
    struct ak_sum sum = {0};
    if (v6) ak_sum_pseudo(&sum, &ip.src, &ip.dst, 58, bytes);
    ak_sum_add(&sum, p + at, bytes);
    ak_put16(p + at + 2, (uint16_t)~ak_sum_fold(&sum));
    aksu_iov iov = {.base = p, .bytes = at + bytes};
    aksu_frame frame = {.total_bytes = at + bytes, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[CLIENT], w->now_us, &frame, 1);
    return outputs(w);
}

/* A router says of a packet over IPv6, as it begins, that it is larger than 1,280 bytes. */
static void too_big(struct tcp_world *w, const uint8_t head[64]) {
    uint8_t p[40 + 8 + 64];
    const aksu_addr router = {{0x20, 1, 0x0d, 0xb8, 9, [15] = 1}};
    struct ak_ip ip = {.src = router, .dst = six[CLIENT], .protocol = 58, .ttl = 9};
    uint32_t bytes = 8 + 64, at = ak_wire_ip_build(p, &ip, bytes);
    memset(p + at, 0, 8);
    p[at] = AK_ICMP6_PACKET_TOO_BIG;
    ak_put32(p + at + 4, 1280);
    memcpy(p + at + 8, head, 64);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &ip.src, &ip.dst, 58, bytes);
    ak_sum_add(&sum, p + at, bytes);
    ak_put16(p + at + 2, (uint16_t)~ak_sum_fold(&sum));
    aksu_iov iov = {.base = p, .bytes = sizeof p};
    aksu_frame frame = {.total_bytes = sizeof p, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[CLIENT], w->now_us, &frame, 1);
}

static uint32_t label_of(const uint8_t *head) {
    return ak_be32(head) & 0xfffff;
}

/* A Packet Too Big that quotes an answer of ours over IPv6 is believed if it bears the flow label that the answer had,
 * and not for another label or another host; whole answers and those in fragments alike.  attack: 51 */
static void answers_over_ipv6_heed_too_big_with_their_label(void **state) {
    (void)state;
    for (uint32_t large = 0; large < 2; large++) {
        struct tcp_world *w = open_world();
        const uint32_t data_bytes = large ? 1900 : 1400;
        struct out first = answers_to(w, /* v6= */ true, data_bytes);
        assert_int_equal(first.count, large ? 2 : 1);
        assert_int_equal(first.bytes[0], large ? 1496 : 1448);
        assert_int_not_equal(label_of(first.head[0]), 0);
        struct out again = answers_to(w, true, data_bytes);
        assert_int_equal(label_of(again.head[0]), label_of(first.head[0]));
        uint64_t refused = drops(w, AKSU_DROP_ICMP_QUOTE);
        for (uint32_t bit = 0; bit < 20; bit++) {
            uint8_t head[64];
            memcpy(head, first.head[0], sizeof head);
            ak_put32(head, ak_be32(head) ^ 1u << bit);
            too_big(w, head);
        }
        uint8_t other[64];
        memcpy(other, first.head[0], sizeof other);
        other[39] ^= 1; /* said to have gone to another */
        too_big(w, other);
        memcpy(other, first.head[0], sizeof other);
        other[23] ^= 1; /* or to have come from another */
        too_big(w, other);
        assert_int_equal(drops(w, AKSU_DROP_ICMP_QUOTE), refused + 22);
        again = answers_to(w, true, data_bytes);
        assert_int_equal(again.bytes[0], first.bytes[0]);
        too_big(w, first.head[0]);
        assert_int_equal(drops(w, AKSU_DROP_ICMP_QUOTE), refused + 22);
        again = answers_to(w, true, data_bytes);
        assert_int_equal(again.count, 2);
        assert_int_equal(again.bytes[0], 1280);
        assert_int_equal(label_of(again.head[0]), label_of(first.head[0]));
        world_close(w);
    }
}

/* Over IPv4 nothing in an answer is ours, so that no word of a router about it can be checked: what is larger than
 * every path takes may be cut on the way, with an identification that tells nothing. */
static void answers_over_ipv4_may_be_cut_on_the_way(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    uint16_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        struct out out = answers_to(w, /* v6= */ false, 549); /* 577 bytes */
        assert_int_equal(out.count, 1);
        assert_int_equal(ak_be16(out.head[0] + 6), 0);
        ids[i] = ak_be16(out.head[0] + 4);
    }
    assert_false(ids[0] == ids[1] && ids[1] == ids[2]);
    assert_false((uint16_t)(ids[1] - ids[0]) == 1 && (uint16_t)(ids[2] - ids[1]) == 1);
    struct out small = answers_to(w, false, 548);
    assert_int_equal(ak_be16(small.head[0] + 6), 0x4000);
    assert_int_equal(ak_be16(small.head[0] + 4), 0);
    world_close(w);
}

/* Of a datagram in fragments the first tells whose it is; a later one nothing.  Its flow has a label, others have
 * others. */
static void fragments_over_ipv6_heed_too_big(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    static const uint8_t data[2000];
    uint32_t label[3];
    aksu_sock sock[3];
    struct out out = {.count = 0};
    for (uint16_t i = 0; i < 3; i++) {
        aksu_udp_open open = {
            .struct_bytes = sizeof open, .local.port = (uint16_t)(700 + i), .remote = {.addr = six[SERVER], .port = 9}};
        assert_int_equal(aksu_udp_bind(w->stack[CLIENT], &open, &sock[i]), AKSU_OK);
        assert_int_equal(aksu_udp_send(w->stack[CLIENT], sock[i], NULL, data, sizeof data), AKSU_OK);
        out = outputs(w);
        assert_int_equal(out.count, 2);
        assert_int_equal(out.bytes[0], 1496);
        label[i] = label_of(out.head[0]);
        assert_int_equal(label_of(out.head[1]), label[i]); /* RFC 6437 s2: each packet of a flow */
    }
    assert_true(label[0] != label[1] && label[1] != label[2] && label[0] != 0);
    uint64_t refused = drops(w, AKSU_DROP_ICMP_QUOTE);
    too_big(w, out.head[1]);
    uint8_t tcp[64];
    memcpy(tcp, out.head[0], sizeof tcp);
    tcp[40] = AK_IP_PROTOCOL_TCP;
    too_big(w, tcp);
    assert_int_equal(drops(w, AKSU_DROP_ICMP_QUOTE), refused + 2);
    too_big(w, out.head[0]);
    assert_int_equal(drops(w, AKSU_DROP_ICMP_QUOTE), refused + 2);
    assert_int_equal(aksu_udp_send(w->stack[CLIENT], sock[0], NULL, data, sizeof data), AKSU_OK);
    out = outputs(w);
    assert_int_equal(out.bytes[0], 1280);
    world_close(w);
}

/* What comes back within aksu_output is an event that the next turn must not wait for. */
static void event_of_output_makes_the_turn_due(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_stack *s = w->stack[CLIENT];
    aksu_sock sock = echo_to(w, &six[CLIENT], 0); /* to ourselves */
    assert_int_equal(aksu_udp_send(s, sock, NULL, "me", 2), AKSU_OK);
    aksu_frame frame;
    assert_int_equal(aksu_output(s, w->now_us, &frame, 1), 0);
    assert_true(aksu_deadline_us(s) <= w->now_us);
    aksu_event event;
    assert_true(aksu_next_event(s, &event));
    assert_int_equal(event.bits, AKSU_EV_READABLE);
    assert_true(aksu_deadline_us(s) > w->now_us);
    /* One that was left before is not told of again and again. */
    assert_int_equal(aksu_udp_send(s, sock, NULL, "me", 2), AKSU_OK);
    assert_int_equal(aksu_output(s, w->now_us, &frame, 1), 0);
    assert_int_equal(aksu_output(s, w->now_us, &frame, 1), 0);
    assert_true(aksu_deadline_us(s) > w->now_us);
    world_close(w);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    const aksu_endpoint ends[] = {
        {.link = 0},                             /* nobody */
        {.addr = world_addr(SERVER), .port = 7}, /* echo has no ports */
        {.addr = aksu_addr_v4(224, 0, 0, 1)},
        {.addr = aksu_addr_v4(192, 0, 2, 255)},
        {.addr = aksu_addr_v4(255, 255, 255, 255)},
    };
    aksu_sock sock;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        aksu_udp_open open = {
            .struct_bytes = sizeof open, .flags = AKSU_UDP_ECHO | AKSU_UDP_BROADCAST, .remote = ends[i]};
        assert_int_equal(aksu_udp_bind(w->stack[CLIENT], &open, &sock), AKSU_ERR_INVALID);
    }
    const aksu_addr four = world_addr(SERVER);
    const aksu_endpoint to = {.addr = four};
    static const uint8_t data[65536];
    sock = echo_to(w, &four, 7);
    assert_int_equal(aksu_udp_send(w->stack[CLIENT], sock, &to, "x", 1), AKSU_ERR_EXISTS);
    assert_int_equal(aksu_udp_send(w->stack[CLIENT], sock, NULL, data, 65508), AKSU_ERR_INVALID);
    aksu_udp_open again = {.struct_bytes = sizeof again, .local.port = 7, .remote.addr = four, .flags = AKSU_UDP_ECHO};
    assert_int_equal(aksu_udp_bind(w->stack[CLIENT], &again, &sock), AKSU_ERR_ADDR_IN_USE);
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered_in_their_order),
        cmocka_unit_test(strange_answers_are_dropped),
        cmocka_unit_test(error_of_a_request_is_told),
        cmocka_unit_test(too_big_is_heeded),
        cmocka_unit_test(answers_over_ipv6_heed_too_big_with_their_label),
        cmocka_unit_test(answers_over_ipv4_may_be_cut_on_the_way),
        cmocka_unit_test(fragments_over_ipv6_heed_too_big),
        cmocka_unit_test(event_of_output_makes_the_turn_due),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
