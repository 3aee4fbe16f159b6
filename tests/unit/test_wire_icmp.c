/* Goal: an ICMP message's first bytes, and the connection that an error quotes, are read only where they are; anything
 * else has its reason. */
#include "base/bytes.h"
#include "wire/icmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static aksu_drop parse(const uint8_t *p, size_t bytes, struct ak_icmp *ret_icmp) {
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    memcpy(exact, p, bytes);
    const aksu_drop drop = ak_wire_icmp_parse(exact, bytes, ret_icmp);
    free(exact);
    return drop;
}

static aksu_drop quote_parse(const uint8_t *p, size_t bytes, struct ak_icmp_quote *ret_quote) {
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    memcpy(exact, p, bytes);
    const aksu_drop drop = ak_wire_icmp_quote_parse(exact, bytes, ret_quote);
    free(exact);
    return drop;
}

static void parse_every_truncation_8_bytes_needed(void **state) {
    (void)state;
    static const uint8_t p[12] = {AK_ICMP_ECHO, 0, 0xaa, 0xbb, 1, 2, 3, 4};
    for (size_t n = 0; n <= sizeof p; n++) {
        struct ak_icmp icmp = {.type = 99};
        assert_int_equal(parse(p, n, &icmp), n < 8 ? AKSU_DROP_ICMP_TRUNCATED : AKSU_DROP_NONE);
        assert_int_equal(icmp.type, n < 8 ? 99 : AK_ICMP_ECHO);
    }
}

static void parse_every_type_and_code_only_its_own_fields(void **state) {
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned code = 0; code < 256; code++) {
            const uint8_t p[8] = {(uint8_t)type, (uint8_t)code, 0xaa, 0xbb, 0x12, 0x34, 0x56, 0x78};
            struct ak_icmp icmp;
            assert_int_equal(ak_wire_icmp_parse(p, 8, &icmp), AKSU_DROP_NONE);
            const bool echo = type == 0 || type == 8, too_big = type == 3 && code == 4;
            assert_int_equal(icmp.type, type);
            assert_int_equal(icmp.code, code);
            assert_int_equal(icmp.id, echo ? 0x1234 : 0);
            assert_int_equal(icmp.sequence, echo ? 0x5678 : 0);
            assert_int_equal(icmp.mtu, too_big ? 0x5678 : 0);
        }
    }
}

static void quote_make(uint8_t *p, size_t header_bytes) {
    memset(p, 0xff, 80);
    p[0] = (uint8_t)(0x40 | header_bytes / 4);
    ak_put16(p + 6, 0x4000);
    p[9] = 6;
    ak_put32(p + 12, 0x0a000001);
    ak_put32(p + 16, 0xc0a80102);
    if (header_bytes <= 60) {
        ak_put16(p + header_bytes, 40000);
        ak_put16(p + header_bytes + 2, 443);
        ak_put32(p + header_bytes + 4, 0xdeadbeef);
    }
}

/* attack: 2 */
static void quote_every_header_length_and_truncation(void **state) {
    (void)state;
    uint8_t p[80];
    for (size_t words = 0; words < 16; words++) {
        for (size_t n = 0; n <= sizeof p; n++) {
            const size_t header_bytes = words * 4;
            quote_make(p, header_bytes >= 20 ? header_bytes : 20);
            p[0] = (uint8_t)(0x40 | words);
            struct ak_icmp_quote quote = {.seq = 1};
            const bool legal = header_bytes >= 20 && n >= header_bytes + 8;
            assert_int_equal(quote_parse(p, n, &quote), legal ? AKSU_DROP_NONE : AKSU_DROP_ICMP_QUOTE);
            assert_int_equal(quote.seq, legal ? 0xdeadbeef : 1);
            if (!legal) continue;
            const aksu_addr src = aksu_addr_v4(10, 0, 0, 1), dst = aksu_addr_v4(192, 168, 1, 2);
            assert_memory_equal(&quote.src, &src, sizeof src);
            assert_memory_equal(&quote.dst, &dst, sizeof dst);
            assert_int_equal(quote.src_port, 40000);
            assert_int_equal(quote.dst_port, 443);
        }
    }
}

static void quote_of_another_transport_or_of_a_later_fragment_refused(void **state) {
    (void)state;
    uint8_t p[80];
    struct ak_icmp_quote quote;
    for (unsigned version = 0; version < 16; version++) {
        quote_make(p, 20);
        p[0] = (uint8_t)(version << 4 | 5);
        assert_int_equal(quote_parse(p, 28, &quote), version == 4 ? AKSU_DROP_NONE : AKSU_DROP_ICMP_QUOTE);
    }
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        quote_make(p, 20);
        p[9] = (uint8_t)protocol;
        assert_int_equal(quote_parse(p, 28, &quote),
                         protocol == 6 || protocol == 17 ? AKSU_DROP_NONE : AKSU_DROP_ICMP_QUOTE);
    }
    /* Of ICMP, what may be an echo request of ours, with its identifier and number. */
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned code = 0; code < 2; code++) {
            quote_make(p, 20);
            p[9] = 1;
            p[20] = (uint8_t)type;
            p[21] = (uint8_t)code;
            bool legal = type == 8 && code == 0;
            assert_int_equal(quote_parse(p, 28, &quote), legal ? AKSU_DROP_NONE : AKSU_DROP_ICMP_QUOTE);
            if (legal) assert_true(quote.src_port == 0xdead && quote.seq == 0xbeef && quote.dst_port == 0);
        }
    }
    /* ICMPv6 is not IPv4's, nor ICMP IPv6's. */
    quote_make(p, 20);
    p[9] = 58;
    p[20] = 128;
    p[21] = 0;
    assert_int_equal(quote_parse(p, 28, &quote), AKSU_DROP_ICMP_QUOTE);
    memset(p, 0, sizeof p);
    p[0] = 0x60;
    p[6] = 1;
    p[8] = p[24] = 0xfd;
    p[40] = 8;
    assert_int_equal(quote_parse(p, 48, &quote), AKSU_DROP_ICMP_QUOTE);
    p[6] = 58;
    p[40] = 128;
    assert_int_equal(quote_parse(p, 48, &quote), AKSU_DROP_NONE);
    for (unsigned bit = 0; bit < 16; bit++) {
        quote_make(p, 20);
        ak_put16(p + 6, (uint16_t)(1u << bit));
        assert_int_equal(quote_parse(p, 28, &quote), bit < 13 ? AKSU_DROP_ICMP_QUOTE : AKSU_DROP_NONE);
    }
}

/* Over IPv6 a first fragment's transport is behind its header; a later one has none, and TCP is never in fragments. */
static void quote_of_a_first_fragment_is_looked_into(void **state) {
    (void)state;
    for (uint32_t bit = 0; bit < 17; bit++) { /* 16: none of the offset's field */
        for (unsigned next = 0; next < 256; next++) {
            uint8_t p[56] = {0x60, 0x01, 0x23, 0x45};
            p[6] = 44;
            p[8] = p[24] = 0x20;
            p[40] = (uint8_t)next;
            ak_put16(p + 42, (uint16_t)(bit == 16 ? 0 : 1u << bit));
            ak_put32(p + 48, 0x81000000 | 0xbeef); /* of ICMPv6: an answer */
            struct ak_icmp_quote quote;
            bool legal = (next == 17 || next == 58) && (bit < 3 || bit == 16);
            assert_int_equal(quote_parse(p, sizeof p, &quote), legal ? AKSU_DROP_NONE : AKSU_DROP_ICMP_QUOTE);
            assert_int_equal(quote_parse(p, sizeof p - 1, &quote), AKSU_DROP_ICMP_QUOTE);
            if (!legal) continue;
            (void)quote_parse(p, sizeof p, &quote);
            assert_int_equal(quote.flow_label, 0x12345);
            assert_true(quote.protocol == next && quote.echo_reply == (next == 58));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_every_truncation_8_bytes_needed),
        cmocka_unit_test(parse_every_type_and_code_only_its_own_fields),
        cmocka_unit_test(quote_every_header_length_and_truncation),
        cmocka_unit_test(quote_of_another_transport_or_of_a_later_fragment_refused),
        cmocka_unit_test(quote_of_a_first_fragment_is_looked_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
