/* Goal: Neighbour Discovery messages are taken exactly if RFC 4861 lets a host take them; every fault has its reason,
 * and no length leads out of the message. */
#include "base/bytes.h"
#include "wire/ndp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static aksu_addr addr(const char *text) {
    aksu_addr parsed;
    assert_int_equal(aksu_addr_parse(text, &parsed), AKSU_OK);
    return parsed;
}

static struct ak_ip from_router(void) {
    return (struct ak_ip){.src = addr("fe80::1"), .dst = addr("ff02::1"), .version = 6, .protocol = 58, .ttl = 255};
}

static struct ak_ip from_host(void) {
    return (struct ak_ip){.src = addr("2001:db8::1"), .dst = addr("2001:db8::2"), .version = 6, .ttl = 255};
}

/* Parses a copy of just these bytes; on a fault nothing may be written. */
static aksu_drop parse(const struct ak_ip *ip, const uint8_t *p, size_t bytes, struct ak_ndp *ret_ndp) {
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(exact);
    memcpy(exact, p, bytes);
    struct ak_ndp before;
    memset(&before, 0x77, sizeof before);
    memcpy(ret_ndp, &before, sizeof before);
    aksu_drop drop = ak_wire_ndp_parse(ip, exact, bytes, ret_ndp);
    if (drop != AKSU_DROP_NONE) assert_memory_equal(ret_ndp, &before, sizeof before);
    free(exact);
    return drop;
}

/* An advertisement with each option that is known; ret_at: where each begins, and the end. */
enum { RA_OPTIONS = 5 };
static size_t advertisement(uint8_t *p, size_t ret_at[RA_OPTIONS + 1]) {
    memset(p, 0, 256);
    p[0] = AK_NDP_ROUTER_ADVERTISEMENT;
    p[4] = 64;
    p[5] = 0xc8; /* managed, other, preference high */
    ak_put16(p + 6, 1800);
    ak_put32(p + 8, 30000);
    ak_put32(p + 12, 1000);
    size_t at = 16;
    ret_at[0] = at;
    p[at] = 1;
    p[at + 1] = 1;
    p[at + 2] = 0x02;
    p[at + 7] = 0x99;
    at += 8;
    ret_at[1] = at;
    p[at] = 5;
    p[at + 1] = 1;
    ak_put32(p + at + 4, 1400);
    at += 8;
    ret_at[2] = at;
    p[at] = 3;
    p[at + 1] = 4;
    p[at + 2] = 64;
    p[at + 3] = 0xc0;
    ak_put32(p + at + 4, 86400);
    ak_put32(p + at + 8, 14400);
    aksu_addr prefix = addr("2001:db8:1::");
    memcpy(p + at + 16, prefix.byte, 16);
    at += 32;
    ret_at[3] = at;
    p[at] = 24;
    p[at + 1] = 2;
    p[at + 2] = 48;
    p[at + 3] = 0x18; /* low */
    ak_put32(p + at + 4, 600);
    p[at + 8] = 0xfd;
    at += 16;
    ret_at[4] = at;
    p[at] = 25;
    p[at + 1] = 3;
    ak_put32(p + at + 4, 1200);
    aksu_addr dns = addr("2001:db8::53");
    memcpy(p + at + 8, dns.byte, 16);
    at += 24;
    ret_at[5] = at;
    return at;
}

static void ra_all_options_taken(void **state) {
    (void)state;
    uint8_t p[256];
    size_t at[RA_OPTIONS + 1];
    size_t bytes = advertisement(p, at);
    struct ak_ip ip = from_router();
    struct ak_ndp ndp;
    assert_int_equal(parse(&ip, p, bytes, &ndp), AKSU_DROP_NONE);
    assert_true(ndp.managed && ndp.other && ndp.preference == 1 && ndp.hop_limit == 64 && ndp.lifetime_s == 1800);
    assert_true(ndp.reachable_ms == 30000 && ndp.retransmit_ms == 1000 && ndp.mtu == 1400);
    assert_true(ndp.has_mac && ndp.mac.byte[0] == 2 && ndp.mac.byte[5] == 0x99);
    assert_int_equal(ndp.prefix_count, 1);
    const struct ak_ndp_prefix *prefix = &ndp.prefix[0];
    aksu_addr wanted = addr("2001:db8:1::"), route = addr("fd00::"), dns = addr("2001:db8::53");
    assert_true(prefix->bits == 64 && prefix->on_link && prefix->autonomous && prefix->valid_s == 86400 &&
                prefix->preferred_s == 14400 && aksu_addr_equal(&prefix->prefix, &wanted));
    assert_true(ndp.route_count == 1 && ndp.route[0].bits == 48 && ndp.route[0].preference == -1 &&
                ndp.route[0].lifetime_s == 600 && aksu_addr_equal(&ndp.route[0].prefix, &route));
    assert_true(ndp.dns_count == 1 && ndp.dns_lifetime_s == 1200 && aksu_addr_equal(&ndp.dns[0], &dns));
}

/* attack: 10 */
static void ra_truncated_at_each_byte_dropped(void **state) {
    (void)state;
    uint8_t p[256];
    size_t at[RA_OPTIONS + 1];
    size_t all = advertisement(p, at);
    struct ak_ip ip = from_router();
    struct ak_ndp ndp;
    for (size_t bytes = 0; bytes < all; bytes++) {
        aksu_drop wanted = bytes < 16 ? AKSU_DROP_NDP_TRUNCATED : AKSU_DROP_NDP_OPTION;
        for (size_t i = 0; i < RA_OPTIONS; i++) {
            if (bytes == at[i]) wanted = AKSU_DROP_NONE; /* between options */
        }
        assert_int_equal(parse(&ip, p, bytes, &ndp), wanted);
    }
}

/* CVE-2026-7426: a prefix of more than 128 bits.  attack: 11 */
static void ra_prefix_of_each_length_judged(void **state) {
    (void)state;
    uint8_t p[256];
    size_t at[RA_OPTIONS + 1];
    size_t bytes = advertisement(p, at);
    struct ak_ip ip = from_router();
    struct ak_ndp ndp;
    for (unsigned bits = 0; bits < 256; bits++) {
        p[at[2] + 2] = (uint8_t)bits;
        assert_int_equal(parse(&ip, p, bytes, &ndp), bits <= 128 ? AKSU_DROP_NONE : AKSU_DROP_NDP_OPTION);
        if (bits <= 128) assert_int_equal(ndp.prefix[0].bits, bits);
    }
    p[at[2] + 2] = 64;
    for (unsigned bits = 0; bits < 256; bits++) { /* a route's: as many as its option has room for */
        p[at[3] + 2] = (uint8_t)bits;
        assert_int_equal(parse(&ip, p, bytes, &ndp), bits <= 64 ? AKSU_DROP_NONE : AKSU_DROP_NDP_OPTION);
    }
}

/* CVE-2020-16898: RDNSS of an even length; length 0; past the end.  Each option at each length.  attack: 12 */
static void nd_option_of_each_length_judged(void **state) {
    (void)state;
    static const uint8_t right[RA_OPTIONS] = {1, 1, 4, 2, 3};
    struct ak_ip ip = from_router();
    struct ak_ndp ndp;
    for (size_t i = 0; i < RA_OPTIONS; i++) {
        for (unsigned units = 0; units < 256; units++) {
            uint8_t p[256 + 8 * 256] = {0};
            size_t at[RA_OPTIONS + 1];
            (void)advertisement(p, at);
            p[at[i] + 1] = (uint8_t)units;
            size_t end = at[i] + 8u * units; /* the message ends with the option */
            bool taken = units == right[i];
            if (i == 3) taken = units == 2 || units == 3;     /* a route of 48 bits */
            if (i == 4) taken = units >= 3 && units % 2 == 1; /* one resolver and more */
            if (end > sizeof p) break;
            memset(p + at[i] + 8u * right[i], 0, sizeof p - at[i] - 8u * right[i]);
            if (i == 3 && units == 1) taken = false;
            assert_int_equal(parse(&ip, p, units == 0 ? end + 8 : end, &ndp),
                             taken ? AKSU_DROP_NONE : AKSU_DROP_NDP_OPTION);
            if (units > 0) assert_int_equal(parse(&ip, p, end - 1, &ndp), AKSU_DROP_NDP_OPTION);
        }
    }
}

/* RA only from the link (hop limit 255) and from a link-local address.  attack: 11 */
static void ra_from_elsewhere_dropped(void **state) {
    (void)state;
    uint8_t p[256];
    size_t at[RA_OPTIONS + 1];
    size_t bytes = advertisement(p, at);
    struct ak_ndp ndp;
    for (unsigned ttl = 0; ttl < 256; ttl++) {
        struct ak_ip ip = from_router();
        ip.ttl = (uint8_t)ttl;
        assert_int_equal(parse(&ip, p, bytes, &ndp), ttl == 255 ? AKSU_DROP_NONE : AKSU_DROP_NDP_HOP_LIMIT);
    }
    static const struct {
        const char *source;
        aksu_drop drop;
    } rows[] = {{"fe80::1", AKSU_DROP_NONE},           {"febf:ffff::1", AKSU_DROP_NONE},
                {"fe7f::1", AKSU_DROP_NDP_SOURCE},     {"fec0::1", AKSU_DROP_NDP_SOURCE},
                {"2001:db8::1", AKSU_DROP_NDP_SOURCE}, {"::", AKSU_DROP_NDP_SOURCE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ak_ip ip = from_router();
        ip.src = addr(rows[i].source);
        assert_int_equal(parse(&ip, p, bytes, &ndp), rows[i].drop);
    }
    struct ak_ip ip = from_router();
    p[1] = 1;
    assert_int_equal(parse(&ip, p, bytes, &ndp), AKSU_DROP_NDP_FIELD);
}

static size_t neighbour_message(uint8_t *p, uint8_t type, const char *target, bool option) {
    memset(p, 0, 64);
    p[0] = type;
    aksu_addr parsed = addr(target);
    memcpy(p + 8, parsed.byte, 16);
    size_t at = 24;
    if (type == AK_NDP_REDIRECT) {
        aksu_addr destination = addr("2001:db8:f::1");
        memcpy(p + 24, destination.byte, 16);
        at = 40;
    }
    if (!option) return at;
    p[at] = type == AK_NDP_NEIGHBOUR_SOLICITATION ? 1 : 2;
    p[at + 1] = 1;
    p[at + 2] = 0x02;
    return at + 8;
}

/* RFC 4861 s7.1.1, s7.1.2, s8.1 row by row. */
static void neighbour_messages_judged(void **state) {
    (void)state;
    static const struct {
        uint8_t type;
        const char *src, *dst, *target;
        bool option, solicited;
        aksu_drop drop;
    } rows[] = {
        {135, "2001:db8::1", "ff02::1:ff00:2", "2001:db8::2", true, false, AKSU_DROP_NONE},
        {135, "2001:db8::1", "2001:db8::2", "2001:db8::2", false, false, AKSU_DROP_NONE},
        {135, "::", "ff02::1:ff00:2", "2001:db8::2", false, false, AKSU_DROP_NONE}, /* is it free? */
        {135, "::", "ff02::1:ff00:2", "2001:db8::2", true, false, AKSU_DROP_NDP_SOURCE},
        {135, "::", "ff02::1", "2001:db8::2", false, false, AKSU_DROP_NDP_SOURCE},
        {135, "2001:db8::1", "ff02::1", "ff02::1", false, false, AKSU_DROP_NDP_FIELD},
        {135, "2001:db8::1", "ff02::1", "::", false, false, AKSU_DROP_NDP_FIELD},
        {135, "2001:db8::1", "ff02::1", "::ffff:192.0.2.1", false, false, AKSU_DROP_NDP_FIELD},
        {136, "2001:db8::1", "2001:db8::2", "2001:db8::1", true, true, AKSU_DROP_NONE},
        {136, "2001:db8::1", "ff02::1", "2001:db8::1", true, false, AKSU_DROP_NONE},
        {136, "2001:db8::1", "ff02::1", "2001:db8::1", true, true, AKSU_DROP_NDP_FIELD},
        {136, "2001:db8::1", "2001:db8::2", "ff02::9", true, true, AKSU_DROP_NDP_FIELD},
        {136, "::", "2001:db8::2", "2001:db8::1", true, true, AKSU_DROP_NDP_SOURCE},
        {137, "fe80::1", "2001:db8::2", "fe80::9", true, false, AKSU_DROP_NONE},
        {137, "fe80::1", "2001:db8::2", "2001:db8:f::1", false, false, AKSU_DROP_NONE}, /* it is on the link */
        {137, "fe80::1", "2001:db8::2", "2001:db8:f::2", false, false, AKSU_DROP_NDP_FIELD},
        {137, "2001:db8::1", "2001:db8::2", "fe80::9", true, false, AKSU_DROP_NDP_SOURCE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t p[64];
        struct ak_ndp ndp;
        size_t bytes = neighbour_message(p, rows[i].type, rows[i].target, rows[i].option);
        if (rows[i].solicited) p[4] = 0x40;
        struct ak_ip ip = from_host();
        ip.src = addr(rows[i].src);
        ip.dst = addr(rows[i].dst);
        aksu_drop drop = parse(&ip, p, bytes, &ndp);
        if (drop != rows[i].drop) print_error("row %zu\n", i);
        assert_int_equal(drop, rows[i].drop);
        if (drop == AKSU_DROP_NONE) assert_int_equal(ndp.has_mac, rows[i].option);
        size_t fixed = rows[i].type == 137 ? 40 : 24;
        for (size_t cut = 0; cut < fixed; cut++) assert_int_equal(parse(&ip, p, cut, &ndp), AKSU_DROP_NDP_TRUNCATED);
    }
}

static void other_types_and_impossible_source_options_dropped(void **state) {
    (void)state;
    uint8_t p[64];
    struct ak_ip ip = from_host();
    struct ak_ndp ndp;
    for (unsigned type = 0; type < 256; type++) {
        if (type >= 133 && type <= 137) continue;
        memset(p, 0, sizeof p);
        p[0] = (uint8_t)type;
        assert_int_equal(parse(&ip, p, sizeof p, &ndp), AKSU_DROP_ICMP_TYPE);
    }
    size_t bytes = neighbour_message(p, 135, "2001:db8::2", true);
    p[26] |= 1;
    assert_int_equal(parse(&ip, p, bytes, &ndp), AKSU_DROP_NDP_OPTION);
    static const uint8_t types[] = {135, 136}; /* nor is one of all zeros anybody's */
    for (size_t i = 0; i < 2; i++) {
        bytes = neighbour_message(p, types[i], "2001:db8::2", true);
        memset(p + 26, 0, 6);
        assert_int_equal(parse(&ip, p, bytes, &ndp), AKSU_DROP_NDP_OPTION);
        p[31] = 1;
        assert_int_equal(parse(&ip, p, bytes, &ndp), AKSU_DROP_NONE);
    }
}

static void built_and_parsed_alike(void **state) {
    (void)state;
    static const enum ak_ndp_type types[] = {AK_NDP_ROUTER_SOLICITATION, AK_NDP_NEIGHBOUR_SOLICITATION,
                                             AK_NDP_NEIGHBOUR_ADVERTISEMENT};
    for (size_t i = 0; i < 3; i++) {
        for (int option = 0; option < 2; option++) {
            struct ak_ndp ndp = {.type = types[i], .has_mac = option != 0, .mac = {{2, 3, 4, 5, 6, 7}}}, got;
            if (i > 0) ndp.target = addr("2001:db8::5");
            if (i == 2) ndp.solicited = ndp.overrides = true;
            uint8_t p[AK_NDP_BUILD_MAX];
            uint32_t bytes = ak_wire_ndp_build(p, &ndp);
            struct ak_ip ip = from_host();
            assert_int_equal(parse(&ip, p, bytes, &got), AKSU_DROP_NONE);
            assert_true(got.type == ndp.type && got.has_mac == ndp.has_mac && got.solicited == ndp.solicited &&
                        got.overrides == ndp.overrides && aksu_addr_equal(&got.target, &ndp.target));
            if (option) assert_memory_equal(&got.mac, &ndp.mac, sizeof got.mac);
        }
    }
    aksu_addr one = addr("2001:db8::12:3456"), group = ak_addr_solicited_node(&one), wanted = addr("ff02::1:ff12:3456");
    assert_true(aksu_addr_equal(&group, &wanted));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ra_all_options_taken),
        cmocka_unit_test(ra_truncated_at_each_byte_dropped),
        cmocka_unit_test(ra_prefix_of_each_length_judged),
        cmocka_unit_test(nd_option_of_each_length_judged),
        cmocka_unit_test(ra_from_elsewhere_dropped),
        cmocka_unit_test(neighbour_messages_judged),
        cmocka_unit_test(other_types_and_impossible_source_options_dropped),
        cmocka_unit_test(built_and_parsed_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
