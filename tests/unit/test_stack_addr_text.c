/* Goal: addresses are read strictly and written in the one form of RFC 5952; what is written reads back. */
#include "aksu/aksu.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

static void parse_legal_then_format_rfc5952(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"0.0.0.0", "0.0.0.0"},
        {"1.2.3.4", "1.2.3.4"},
        {"10.99.100.255", "10.99.100.255"},
        {"255.255.255.255", "255.255.255.255"},
        {"::ffff:192.0.2.33", "192.0.2.33"},
        {"::ffff:c000:221", "192.0.2.33"},
        {"0:0:0:0:0:ffff:0:0", "0.0.0.0"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"::1.2.3.4", "::102:304"},
        {"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
        {"1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"1:2:3::5:6:7:8", "1:2:3:0:5:6:7:8"},
        {"2001:0DB8:0000:0000:0008:0800:200C:417A", "2001:db8::8:800:200c:417a"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* RFC 5952 s4.2.3: the first of equal runs */
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* the longest */
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* s4.2.2: not for one group */
        {"fe80::0001", "fe80::1"},
        {"FF02::1:FFAB:CDEF", "ff02::1:ffab:cdef"},
        {"abcd:ef01:2345:6789:abcd:ef01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
        {"1000:200:30:4:0:0:0:0", "1000:200:30:4::"},
        {"0:0:1::", "0:0:1::"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aksu_addr a, back;
        char text[AKSU_ADDR_TEXT_BYTES];
        assert_int_equal(aksu_addr_parse(cases[i].in, &a), AKSU_OK);
        assert_int_equal(aksu_addr_format(&a, text, sizeof text), strlen(cases[i].out));
        assert_string_equal(text, cases[i].out);
        assert_int_equal(aksu_addr_parse(text, &back), AKSU_OK);
        assert_true(aksu_addr_equal(&a, &back));
    }
}

static const char *const illegal[] = {
    "",
    " ",
    "1",
    "1.2.3",
    "1.2.3.",
    "1.2.3.4.",
    "1.2.3.4.5",
    ".1.2.3.4",
    "1..2.3",
    "1.2.3.256",
    "1.2.3.999",
    "1.2.3.1000",
    "1.2.3.4294967297",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.00",
    "0x1.2.3.4",
    "1.2.3.a",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.4/24",
    "+1.2.3.4",
    "-1.2.3.4",
    ":",
    ":::",
    "1",
    "1:",
    ":1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    ":2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4::5:6:7:8",
    "1::2::3",
    "::1::",
    "1:::2",
    "12345::",
    "::g",
    "::fffff",
    "fe80::1%eth0",
    "fe80::1%1",
    "[::1]",
    "::1/64",
    "::1 ",
    " ::1",
    "::1.2.3",
    "::1.2.3.4.5",
    "::01.2.3.4",
    "::1.2.3.256",
    "::1.2.3.4:5",
    "1.2.3.4::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1:2:3:4:5:6:7:8.1.2.3",
    "::2:3:4:5:6:7:1.2.3.4",
    "1:2:3:4:5:1.2.3.4",
    "::ffff:",
    "::-1",
    "::0x1",
};

static void parse_illegal_invalid_nothing_written(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof illegal / sizeof *illegal; i++) {
        aksu_addr a, before;
        memset(&a, 0x77, sizeof a);
        memcpy(&before, &a, sizeof a);
        assert_int_equal(aksu_addr_parse(illegal[i], &a), AKSU_ERR_INVALID);
        assert_memory_equal(&a, &before, sizeof a);
    }
}

/* The C library's inet_pton is another reader of the same grammar. */
static void parse_random_text_as_inet_pton(void **state) {
    (void)state;
    static const char likely[] = "::::0011ff2a..9";
    unsigned legal = 0;
    random_seed(1);
    for (unsigned run = 0; run < 300000; run++) {
        char text[48];
        size_t n = (size_t)random_int() % 12;
        if (run % 2) {
            static const char *const starts[] = {"1:2:3:4:5:6:", "::1.2.",         "1.2.3",
                                                 "::",           "1:2:3:4:5:6:7:", "1::3:4:5:"};
            const char *start = starts[random_int() % 6];
            memcpy(text, start, strlen(start) + 1);
            n %= 8;
        } else {
            text[0] = '\0';
        }
        const size_t at = strlen(text);
        for (size_t i = 0; i < n; i++) text[at + i] = likely[(size_t)random_int() % (sizeof likely - 1)];
        text[at + n] = '\0';
        aksu_addr a, want = aksu_addr_v4(0, 0, 0, 0);
        const bool v4 = inet_pton(AF_INET, text, want.byte + 12) == 1;
        const bool v6 = !v4 && inet_pton(AF_INET6, text, want.byte) == 1;
        assert_int_equal(aksu_addr_parse(text, &a), v4 || v6 ? AKSU_OK : AKSU_ERR_INVALID);
        if (v4 || v6) assert_memory_equal(&a, &want, sizeof a);
        legal += v4 || v6;
    }
    assert_true(legal > 10000);
}

/* Wherever a buffer ends, it ends with NUL and nothing is written behind. */
static void format_every_cap_cut_and_terminated(void **state) {
    (void)state;
    static const char *const cases[] = {"255.255.255.255", "::", "2001:db8::ff00:42:8329",
                                        "abcd:ef01:2345:6789:abcd:ef01:2345:6789"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aksu_addr a;
        assert_int_equal(aksu_addr_parse(cases[i], &a), AKSU_OK);
        const size_t full = strlen(cases[i]);
        assert_int_equal(aksu_addr_format(&a, NULL, 0), full);
        for (size_t cap = 1; cap <= AKSU_ADDR_TEXT_BYTES; cap++) {
            char text[AKSU_ADDR_TEXT_BYTES + 1];
            memset(text, '#', sizeof text);
            assert_int_equal(aksu_addr_format(&a, text, cap), full);
            const size_t kept = full < cap ? full : cap - 1;
            assert_memory_equal(text, cases[i], kept);
            assert_int_equal(text[kept], '\0');
            assert_int_equal(text[cap], '#');
        }
    }
}

static void format_random_zero_patterns_read_back(void **state) {
    (void)state;
    random_seed(2);
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        for (unsigned run = 0; run < 40; run++) {
            aksu_addr a = {.byte = {0}}, back, theirs;
            for (unsigned g = 0; g < 8; g++) {
                if ((pattern >> g & 1) == 0) continue;
                a.byte[2 * g] = (uint8_t)(random_int() >> 5 & random_int() >> 3);
                a.byte[2 * g + 1] = (uint8_t)(1 + random_int() % 255);
            }
            char text[AKSU_ADDR_TEXT_BYTES];
            assert_true(aksu_addr_format(&a, text, sizeof text) < sizeof text);
            assert_int_equal(aksu_addr_parse(text, &back), AKSU_OK);
            assert_true(aksu_addr_equal(&a, &back));
            assert_int_equal(inet_pton(AF_INET6, text, &theirs), 1);
            assert_true(aksu_addr_equal(&a, &theirs));
        }
    }
}

static void questions_each_family(void **state) {
    (void)state;
    const aksu_addr v4 = aksu_addr_v4(1, 2, 3, 4), v4_any = aksu_addr_v4(0, 0, 0, 0), any = {.byte = {0}};
    static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4};
    assert_memory_equal(&v4, mapped, 16);
    assert_true(aksu_addr_is_v4(&v4) && aksu_addr_is_v4(&v4_any) && !aksu_addr_is_v4(&any));
    assert_true(aksu_addr_is_any(&any) && aksu_addr_is_any(&v4_any) && !aksu_addr_is_any(&v4));
    for (unsigned i = 0; i < 16; i++) {
        aksu_addr a = v4, b = any;
        a.byte[i] ^= 0x10;
        b.byte[i] ^= 1;
        assert_false(aksu_addr_equal(&a, &v4));
        assert_int_equal(aksu_addr_is_v4(&a), i >= 12);
        assert_false(aksu_addr_is_any(&b));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_legal_then_format_rfc5952),
        cmocka_unit_test(parse_illegal_invalid_nothing_written),
        cmocka_unit_test(parse_random_text_as_inet_pton),
        cmocka_unit_test(format_every_cap_cut_and_terminated),
        cmocka_unit_test(format_random_zero_patterns_read_back),
        cmocka_unit_test(questions_each_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
