/* Goal: an IPv4 header is taken exactly if it is legal, each fault has its reason, and what is built is what is parsed;
 * address classes are right at their edges. */
#include "base/bytes.h"
#include "random.h"
#include "wire/checksum.h"
#include "wire/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAME_BYTES 100u

static void checksum_repair(uint8_t *p) {
    const size_t header_bytes = (p[0] & 0x0fu) * 4u;
    ak_put16(p + 10, 0);
    struct ak_sum sum = {0};
    ak_sum_add(&sum, p, header_bytes);
    ak_put16(p + 10, (uint16_t)~ak_sum_fold(&sum));
}

/* A legal header of header_bytes, its options all NOPs, total length the frame's. */
static void frame_make(uint8_t *p, size_t header_bytes) {
    memset(p, 0, FRAME_BYTES);
    p[0] = (uint8_t)(0x40 | header_bytes / 4);
    p[1] = 0xb9;
    ak_put16(p + 2, FRAME_BYTES);
    ak_put16(p + 4, 0xcafe);
    ak_put16(p + 6, 0x4000);
    p[8] = 57;
    p[9] = AK_IP_PROTOCOL_TCP;
    ak_put32(p + 12, 0xc0000201);
    ak_put32(p + 16, 0xc6336407);
    for (size_t i = 20; i < header_bytes; i++) p[i] = 1;
    checksum_repair(p);
}

/* Parses a copy of just head_bytes, so that a read past them is seen; on a fault nothing may be written. */
static aksu_drop parse(const uint8_t *p, size_t head_bytes, size_t frame_bytes, struct ak_ip *ret_ip) {
    uint8_t *exact = malloc(head_bytes > 0 ? head_bytes : 1);
    memcpy(exact, p, head_bytes);
    struct ak_ip before;
    memset(&before, 0x77, sizeof before);
    memcpy(ret_ip, &before, sizeof before);
    const aksu_drop drop = ak_wire_ipv4_parse(exact, head_bytes, frame_bytes, ret_ip);
    if (drop != AKSU_DROP_NONE) assert_memory_equal(ret_ip, &before, sizeof before);
    free(exact);
    return drop;
}

static void parse_legal_all_fields(void **state) {
    (void)state;
    uint8_t p[FRAME_BYTES];
    struct ak_ip ip;
    for (size_t header_bytes = 20; header_bytes <= 60; header_bytes += 4) {
        frame_make(p, header_bytes);
        assert_int_equal(parse(p, FRAME_BYTES, FRAME_BYTES, &ip), AKSU_DROP_NONE);
        const aksu_addr src = aksu_addr_v4(192, 0, 2, 1), dst = aksu_addr_v4(198, 51, 100, 7);
        assert_memory_equal(&ip.src, &src, sizeof src);
        assert_memory_equal(&ip.dst, &dst, sizeof dst);
        assert_int_equal(ip.version, 4);
        assert_int_equal(ip.protocol, 6);
        assert_int_equal(ip.ttl, 57);
        assert_int_equal(ip.tos, 0xb9);
        assert_int_equal(ip.header_bytes, header_bytes);
        assert_int_equal(ip.id, 0xcafe);
        assert_true(ip.dont_fragment);
        assert_int_equal(ip.total_bytes, FRAME_BYTES);
    }
}

/* attack: 7 */
static void parse_every_header_length_every_truncation_reason(void **state) {
    (void)state;
    uint8_t p[FRAME_BYTES];
    struct ak_ip ip;
    for (size_t words = 0; words < 16; words++) {
        const size_t header_bytes = words * 4;
        for (size_t frame_bytes = 0; frame_bytes <= FRAME_BYTES; frame_bytes++) {
            for (size_t head_bytes = 0; head_bytes <= frame_bytes; head_bytes++) {
                frame_make(p, header_bytes);
                aksu_drop want = AKSU_DROP_NONE;
                if (head_bytes < 20) {
                    want = AKSU_DROP_IP_TRUNCATED;
                } else if (header_bytes < 20 || header_bytes > frame_bytes) {
                    want = AKSU_DROP_IP_HEADER_LENGTH;
                } else if (header_bytes > head_bytes) {
                    want = AKSU_DROP_IP_TRUNCATED;
                } else if (frame_bytes < FRAME_BYTES) {
                    want = AKSU_DROP_IP_TOTAL_LENGTH;
                }
                assert_int_equal(parse(p, head_bytes, frame_bytes, &ip), want);
            }
        }
    }
}

static void parse_every_version_only_4(void **state) {
    (void)state;
    uint8_t p[FRAME_BYTES];
    struct ak_ip ip;
    for (unsigned version = 0; version < 16; version++) {
        frame_make(p, 20);
        p[0] = (uint8_t)(version << 4 | 5);
        checksum_repair(p);
        const aksu_drop want = version == 4 ? AKSU_DROP_NONE : AKSU_DROP_IP_VERSION;
        assert_int_equal(parse(p, FRAME_BYTES, FRAME_BYTES, &ip), want);
        if (version != 4) assert_int_equal(parse(p, 1, 1, &ip), AKSU_DROP_IP_VERSION);
    }
}

/* attack: 4 */
static void parse_every_total_length_within_header_and_frame(void **state) {
    (void)state;
    uint8_t p[FRAME_BYTES];
    struct ak_ip ip;
    for (size_t header_bytes = 20; header_bytes <= 60; header_bytes += 20) {
        for (uint32_t total = 0; total <= 0xffff; total += total < 200 ? 1 : 333) {
            frame_make(p, header_bytes);
            ak_put16(p + 2, (uint16_t)total);
            checksum_repair(p);
            const bool legal = total >= header_bytes && total <= FRAME_BYTES;
            assert_int_equal(parse(p, FRAME_BYTES, FRAME_BYTES, &ip),
                             legal ? AKSU_DROP_NONE : AKSU_DROP_IP_TOTAL_LENGTH);
            if (legal) assert_int_equal(ip.total_bytes, total);
        }
    }
}

static void parse_any_bit_flipped_checksum(void **state) {
    (void)state;
    uint8_t p[FRAME_BYTES];
    struct ak_ip ip;
    for (unsigned header_bytes = 20; header_bytes <= 28; header_bytes += 4) {
        for (unsigned bit = 8; bit < header_bytes * 8; bit++) {
            if (bit / 8 == 2 || bit / 8 == 3) continue; /* a wrong total length is judged before */
            frame_make(p, header_bytes);
            p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(parse(p, FRAME_BYTES, FRAME_BYTES, &ip), AKSU_DROP_IP_CHECKSUM);
        }
    }
}

static void parse_fragment_field_only_offset_and_more_matter(void **state) {
    (void)state;
    static const struct {
        uint16_t field;
        aksu_drop drop;
        bool dont_fragment;
    } cases[] = {
        {0x0000, AKSU_DROP_NONE, false},        {0x4000, AKSU_DROP_NONE, true},
        {0x8000, AKSU_DROP_NONE, false}, /* reserved: of no meaning */
        {0xc000, AKSU_DROP_NONE, true},         {0x2000, AKSU_DROP_IP_FRAGMENT, false},
        {0x0001, AKSU_DROP_IP_FRAGMENT, false}, {0x1000, AKSU_DROP_IP_FRAGMENT, false},
        {0x1fff, AKSU_DROP_IP_FRAGMENT, false}, {0x6000, AKSU_DROP_IP_FRAGMENT, false},
        {0x4001, AKSU_DROP_IP_FRAGMENT, false},
    };
    uint8_t p[FRAME_BYTES];
    struct ak_ip ip;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        frame_make(p, 20);
        ak_put16(p + 6, cases[i].field);
        checksum_repair(p);
        assert_int_equal(parse(p, FRAME_BYTES, FRAME_BYTES, &ip), cases[i].drop);
        if (cases[i].drop == AKSU_DROP_NONE) assert_int_equal(ip.dont_fragment, cases[i].dont_fragment);
    }
}

/* Every kind with every length at every place, the rest NOPs.  attack: 21 */
static void parse_every_option_kind_length_offset(void **state) {
    (void)state;
    uint8_t p[FRAME_BYTES];
    struct ak_ip ip;
    for (size_t room = 4; room <= 40; room += 12) {
        for (unsigned kind = 0; kind < 256; kind++) {
            for (size_t at = 0; at < room; at++) {
                for (unsigned bytes = 0; bytes < 256; bytes += bytes < 42 ? 1 : 71) {
                    if (kind > 1 && at == room - 1 && bytes > 0) break; /* no room for a length */
                    frame_make(p, 20 + room);
                    p[20 + at] = (uint8_t)kind;
                    if (at + 1 < room && kind > 1) p[20 + at + 1] = (uint8_t)bytes;
                    checksum_repair(p);
                    aksu_drop want = AKSU_DROP_NONE;
                    if (kind > 1) {
                        if (at + 1 == room || bytes < 2 || at + bytes > room) {
                            want = AKSU_DROP_IP_OPTIONS;
                        } else if (kind == 131 || kind == 137) {
                            want = AKSU_DROP_IP_SOURCE_ROUTE;
                        }
                    }
                    assert_int_equal(ak_wire_ipv4_parse(p, FRAME_BYTES, FRAME_BYTES, &ip), want);
                    if (kind <= 1) break;
                }
            }
        }
    }
}

static void parse_after_end_of_options_anything_goes(void **state) {
    (void)state;
    uint8_t p[FRAME_BYTES];
    struct ak_ip ip;
    frame_make(p, 28);
    p[20] = 0;
    p[21] = 131;
    p[22] = 0;
    checksum_repair(p);
    assert_int_equal(parse(p, FRAME_BYTES, FRAME_BYTES, &ip), AKSU_DROP_NONE);
    assert_int_equal(ip.header_bytes, 28);
}

static void build_then_parse_the_same(void **state) {
    (void)state;
    random_seed(1);
    for (unsigned run = 0; run < 5000; run++) {
        struct ak_ip ip = {
            .src = ak_addr_of_v4((uint32_t)random_int() * 7u),
            .dst = ak_addr_of_v4((uint32_t)random_int() * 5u),
            .version = 4,
            .protocol = (uint8_t)random_int(),
            .ttl = (uint8_t)random_int(),
            .tos = (uint8_t)random_int(),
            .header_bytes = 20,
            .id = (uint16_t)random_int(),
            .dont_fragment = random_int() % 2,
            .total_bytes = 20 + (uint32_t)random_int() % 65516,
        };
        if (run == 0) ip = (struct ak_ip){.version = 4, .header_bytes = 20, .total_bytes = 20}; /* nearly all zero */
        uint8_t p[21];
        p[20] = 0xee;
        ak_wire_ipv4_build(p, &ip);
        assert_int_equal(p[20], 0xee);
        struct ak_ip back;
        assert_int_equal(ak_wire_ipv4_parse(p, 20, 65535, &back), AKSU_DROP_NONE);
        if (run == 0) continue;
        assert_memory_equal(&back.src, &ip.src, sizeof ip.src);
        assert_memory_equal(&back.dst, &ip.dst, sizeof ip.dst);
        assert_int_equal(back.protocol, ip.protocol);
        assert_int_equal(back.ttl, ip.ttl);
        assert_int_equal(back.tos, ip.tos);
        assert_int_equal(back.id, ip.id);
        assert_int_equal(back.dont_fragment, ip.dont_fragment);
        assert_int_equal(back.total_bytes, ip.total_bytes);
        assert_int_equal(back.header_bytes, 20);
    }
}

enum { MULTICAST = 1, BROADCAST = 2, LOOPBACK = 4, MARTIAN = 8, V4 = 16, ANY = 32 };

static void classes_at_their_edges(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned classes;
    } cases[] = {
        {"0.0.0.0", V4 | MARTIAN | ANY},
        {"0.255.255.255", V4 | MARTIAN},
        {"1.0.0.0", V4},
        {"126.255.255.255", V4},
        {"127.0.0.0", V4 | LOOPBACK},
        {"127.255.255.255", V4 | LOOPBACK},
        {"128.0.0.0", V4},
        {"192.0.2.255", V4},
        {"223.255.255.255", V4},
        {"224.0.0.0", V4 | MULTICAST | MARTIAN},
        {"239.255.255.255", V4 | MULTICAST | MARTIAN},
        {"240.0.0.0", V4 | MARTIAN},
        {"255.255.255.254", V4 | MARTIAN},
        {"255.255.255.255", V4 | BROADCAST | MARTIAN},
        {"::", MARTIAN | ANY},
        {"::1", LOOPBACK},
        {"::2", 0},
        {"::127.0.0.1", 0},
        {"::1:ffff:127.0.0.1", 0},
        {"2001:db8::1", 0},
        {"fe80::1", 0},
        {"feff:ffff::", 0},
        {"ff00::", MULTICAST | MARTIAN},
        {"ff02::1", MULTICAST | MARTIAN},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", MULTICAST | MARTIAN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aksu_addr a;
        assert_int_equal(aksu_addr_parse(cases[i].text, &a), AKSU_OK);
        const unsigned classes =
            (ak_addr_is_multicast(&a) ? MULTICAST : 0u) | (ak_addr_is_limited_broadcast(&a) ? BROADCAST : 0u) |
            (ak_addr_is_loopback(&a) ? LOOPBACK : 0u) | (ak_addr_is_martian_source(&a) ? MARTIAN : 0u) |
            (aksu_addr_is_v4(&a) ? V4 : 0u) | (aksu_addr_is_any(&a) ? ANY : 0u);
        assert_int_equal(classes, cases[i].classes);
    }
}

/* Each bit of the address changed in turn: within the prefix it matters, behind it does not. */
static void in_prefix_every_length_every_bit(void **state) {
    (void)state;
    aksu_addr v4 = aksu_addr_v4(0xa5, 0x5a, 0xc3, 0x3c),
              v6 = {.byte = {0x20, 1, 0x0d, 0xb8, 1, 2, 3, [12] = 4, [15] = 9}};
    const aksu_addr *bases[] = {&v4, &v6};
    for (unsigned f = 0; f < 2; f++) {
        const unsigned width = f == 0 ? 32 : 128;
        for (unsigned bits = 0; bits <= width; bits++) {
            assert_true(ak_addr_in_prefix(bases[f], bases[f], bits));
            for (unsigned bit = 0; bit < width; bit++) {
                aksu_addr a = *bases[f];
                const unsigned at = 128 - width + bit;
                a.byte[at / 8] ^= (uint8_t)(0x80u >> at % 8);
                assert_int_equal(ak_addr_in_prefix(&a, bases[f], bits), bit >= bits);
            }
        }
        assert_false(ak_addr_in_prefix(bases[f], bases[f], width + 1));
        assert_false(ak_addr_in_prefix(bases[f], bases[f], UINT32_MAX));
        assert_false(ak_addr_in_prefix(bases[f], bases[1 - f], 0)); /* the other family's default route */
    }
}

static void broadcast_every_prefix_length_host_bits_set(void **state) {
    (void)state;
    const aksu_addr addr = aksu_addr_v4(192, 168, 37, 5);
    static const struct {
        unsigned bits;
        uint32_t last;
    } cases[] = {{0, 0xffffffff},  {1, 0xffffffff},  {8, 0xc0ffffff},  {24, 0xc0a825ff}, {30, 0xc0a82507},
                 {31, 0xc0a82505}, {32, 0xc0a82505}, {33, 0xc0a82505}, {25, 0xc0a8257f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ak_addr_v4_broadcast(&addr, cases[i].bits), cases[i].last);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_legal_all_fields),
        cmocka_unit_test(parse_every_header_length_every_truncation_reason),
        cmocka_unit_test(parse_every_version_only_4),
        cmocka_unit_test(parse_every_total_length_within_header_and_frame),
        cmocka_unit_test(parse_any_bit_flipped_checksum),
        cmocka_unit_test(parse_fragment_field_only_offset_and_more_matter),
        cmocka_unit_test(parse_every_option_kind_length_offset),
        cmocka_unit_test(parse_after_end_of_options_anything_goes),
        cmocka_unit_test(build_then_parse_the_same),
        cmocka_unit_test(classes_at_their_edges),
        cmocka_unit_test(in_prefix_every_length_every_bit),
        cmocka_unit_test(broadcast_every_prefix_length_host_bits_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
