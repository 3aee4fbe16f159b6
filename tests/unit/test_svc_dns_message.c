/* DNS messages: names, queries byte for byte, and what replies mean: each wrong one by its own case, cut at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "svc/dns_message.h"

static struct dns_question question_of(const char *name, uint16_t type) {
    struct dns_question question = {.type = type, .id = 0x1234};
    assert_true(dns_name_from_text(name, &question.name));
    return question;
}

static const char *text_of(const struct dns_name *name) {
    static char text[AKSU_DNS_NAME_BYTES];
    assert_true(dns_name_to_text(name, text, sizeof text));
    return text;
}

static void names_from_text_and_back(void **state) {
    (void)state;
    struct dns_name name;
    assert_true(dns_name_from_text("WWW.Example.org.", &name));
    assert_int_equal(name.bytes, 17);
    assert_memory_equal(name.octet, "\3www\7example\3org", 17);
    assert_string_equal(text_of(&name), "www.example.org");
    assert_true(dns_name_from_text("a b", &name)); /* any octet may stand in a label: RFC 2181 s11 */
    assert_string_equal(text_of(&name), "a\\032b");
    char label64[65], longest[256];
    memset(label64, 'x', 64);
    label64[64] = '\0';
    static const char *const bad[] = {"", ".", "a..b", ".a", "a.."};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(dns_name_from_text(bad[i], &name));
    assert_false(dns_name_from_text(label64, &name));
    assert_true(dns_name_from_text(label64 + 1, &name));
    /* 253 characters are 255 octets; one more is none. */
    for (size_t i = 0; i < 254; i++) longest[i] = i % 2 == 1 ? '.' : 'y';
    longest[253] = '\0';
    assert_true(dns_name_from_text(longest, &name));
    assert_int_equal(name.bytes, 255);
    longest[253] = 'y', longest[254] = '\0';
    assert_false(dns_name_from_text(longest, &name));
    char small[16];
    assert_true(dns_name_from_text("www.example.org", &name));
    for (size_t cap = 0; cap < sizeof small; cap++) assert_false(dns_name_to_text(&name, small, cap));
}

static void names_of_addresses(void **state) {
    (void)state;
    aksu_addr addr = aksu_addr_v4(192, 0, 2, 105);
    struct dns_name name;
    dns_name_from_addr(&addr, &name);
    assert_string_equal(text_of(&name), "105.2.0.192.in-addr.arpa");
    assert_int_equal(aksu_addr_parse("2001:db8::4a", &addr), AKSU_OK);
    dns_name_from_addr(&addr, &name);
    assert_string_equal(text_of(&name), "a.4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

static void query_byte_for_byte(void **state) {
    (void)state;
    struct dns_question question = question_of("a.bc", AKSU_DNS_AAAA);
    uint8_t p[DNS_QUERY_BYTES];
    static const uint8_t wanted[] = {0x12, 0x34, 1,  0, 0, 1, 0, 0,  0,         0,          0, 1, 1, 'a', 2, 'b', 'c',
                                     0,    0,    28, 0, 1, 0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0,   0, 0};
    assert_int_equal(dns_query_build(p, &question, true), sizeof wanted);
    assert_memory_equal(p, wanted, sizeof wanted);
    assert_int_equal(dns_query_build(p, &question, false), sizeof wanted - 11);
    assert_int_equal(p[11], 0);
}

/* ---------------------------------------------------------------- replies */

/* A reply that grows at its end. */
struct message {
    uint8_t p[2048];
    size_t bytes;
};

static void put(struct message *m, const void *p, size_t bytes) {
    memcpy(m->p + m->bytes, p, bytes);
    m->bytes += bytes;
}

static void put16(struct message *m, unsigned value) {
    uint8_t p[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    put(m, p, 2);
}

/* www.example.org lies at 12, its example.org at 16. */
static struct message reply_to(uint16_t type, unsigned flags, unsigned answers) {
    struct message m = {.bytes = 0};
    put16(&m, 0x1234);
    put16(&m, flags);
    put16(&m, 1);
    put16(&m, answers);
    put16(&m, 0);
    put16(&m, 0);
    put(&m, "\3wWw\7example\3org", 17); /* a server may answer in other case: RFC 4343 */
    put16(&m, type);
    put16(&m, 1);
    return m;
}

static void put_record(struct message *m, const char *owner, size_t owner_bytes, unsigned type, unsigned ttl_s,
                       const void *data, size_t data_bytes) {
    put(m, owner, owner_bytes);
    put16(m, type);
    put16(m, 1);
    put16(m, ttl_s >> 16);
    put16(m, ttl_s & 0xffff);
    put16(m, (unsigned)data_bytes);
    put(m, data, data_bytes);
}

static dns_verdict judge(const struct message *m, uint16_t type, aksu_dns_answer *ret_answer) {
    struct dns_question question = question_of("www.example.org", type);
    uint8_t *exact = malloc(m->bytes);
    assert_non_null(exact);
    memcpy(exact, m->p, m->bytes);
    dns_verdict verdict = dns_reply_parse(exact, m->bytes, &question, ret_answer);
    free(exact);
    return verdict;
}

static void addresses_with_their_time_to_live(void **state) {
    (void)state;
    struct message m = reply_to(AKSU_DNS_A, 0x8180, 3);
    put_record(&m, "\xc0\x0c", 2, AKSU_DNS_A, 300, "\xc0\x00\x02\x01", 4);
    put_record(&m, "\5other\xc0\x10", 8, AKSU_DNS_A, 1, "\xc0\x00\x02\x63", 4); /* somebody else's */
    put_record(&m, "\xc0\x0c", 2, AKSU_DNS_A, 60, "\xc0\x00\x02\x02", 4);
    aksu_dns_answer answer;
    assert_int_equal(judge(&m, AKSU_DNS_A, &answer), DNS_ANSWERED);
    assert_int_equal(answer.addr_count, 2);
    aksu_addr first = aksu_addr_v4(192, 0, 2, 1), second = aksu_addr_v4(192, 0, 2, 2);
    assert_true(aksu_addr_equal(&answer.addr[0], &first) && aksu_addr_equal(&answer.addr[1], &second));
    assert_int_equal(answer.ttl_s, 60);
    assert_string_equal(answer.name, "www.example.org");
    assert_int_equal(judge(&m, AKSU_DNS_AAAA, &answer), DNS_FOREIGN);
    /* Cut at every byte: never an answer, and nothing beyond it is read (ASan). */
    for (struct message cut = m; cut.bytes > 1;) {
        cut.bytes--;
        assert_int_not_equal(judge(&cut, AKSU_DNS_A, &answer), DNS_ANSWERED);
    }
}

/* RFC 1034 s3.6.2, in whatever order the records stand. */
static void aliases_are_followed(void **state) {
    (void)state;
    struct message m = reply_to(AKSU_DNS_AAAA, 0x8180, 3);
    put_record(&m, "\1c\xc0\x10", 4, AKSU_DNS_AAAA, 9, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7", 16);
    put_record(&m, "\1b\xc0\x10", 4, 5, 8, "\1c\xc0\x10", 4);
    put_record(&m, "\xc0\x0c", 2, 5, 70, "\1b\xc0\x10", 4);
    aksu_dns_answer answer;
    assert_int_equal(judge(&m, AKSU_DNS_AAAA, &answer), DNS_ANSWERED);
    assert_string_equal(answer.name, "c.example.org");
    assert_int_equal(answer.ttl_s, 8);
    assert_int_equal(answer.addr_count, 1);
    /* In a circle there is no end. */
    m = reply_to(AKSU_DNS_AAAA, 0x8180, 2);
    put_record(&m, "\1b\xc0\x10", 4, 5, 8, "\xc0\x0c", 2);
    put_record(&m, "\xc0\x0c", 2, 5, 70, "\1b\xc0\x10", 4);
    assert_int_equal(judge(&m, AKSU_DNS_AAAA, &answer), DNS_MALFORMED);
    /* An alias for a name without such a record. */
    m = reply_to(AKSU_DNS_AAAA, 0x8180, 1);
    put_record(&m, "\xc0\x0c", 2, 5, 70, "\1b\xc0\x10", 4);
    assert_int_equal(judge(&m, AKSU_DNS_AAAA, &answer), DNS_NO_DATA);
}

/* attack: 33 */
static void names_of_pointers(void **state) {
    (void)state;
    struct message m = reply_to(AKSU_DNS_PTR, 0x8180, 2);
    put_record(&m, "\xc0\x0c", 2, AKSU_DNS_PTR, 5, "\2ns\xc0\x10", 5);
    put_record(&m, "\xc0\x0c", 2, AKSU_DNS_PTR, 5, "\2n2\xc0\x10", 5);
    aksu_dns_answer answer;
    assert_int_equal(judge(&m, AKSU_DNS_PTR, &answer), DNS_ANSWERED);
    assert_string_equal(answer.name, "ns.example.org");
    /* Data that goes on behind its name. */
    m = reply_to(AKSU_DNS_PTR, 0x8180, 1);
    put_record(&m, "\xc0\x0c", 2, AKSU_DNS_PTR, 5, "\2ns\xc0\x10x", 6);
    assert_int_equal(judge(&m, AKSU_DNS_PTR, &answer), DNS_MALFORMED);
}

static void verdicts_by_flags_and_codes(void **state) {
    (void)state;
    static const struct {
        unsigned flags;
        dns_verdict verdict;
    } cases[] = {
        {0x8180, DNS_NO_DATA},
        {0x8380, DNS_TRUNCATED},
        {0x8183, DNS_NO_NAME},
        {0x8181, DNS_NO_EDNS},
        {0x8184, DNS_NO_EDNS},
        {0x8182, DNS_REFUSED},
        {0x8185, DNS_REFUSED},
        {0x818f, DNS_REFUSED},
        {0x0180, DNS_FOREIGN} /* a question */,
        {0x8980, DNS_FOREIGN} /* another opcode */,
    };
    aksu_dns_answer answer;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message m = reply_to(AKSU_DNS_A, cases[i].flags, 0);
        if (judge(&m, AKSU_DNS_A, &answer) != cases[i].verdict) fail_msg("flags %04x", cases[i].flags);
    }
    struct message m = reply_to(AKSU_DNS_A, 0x8180, 0);
    m.p[1] ^= 1; /* another id */
    assert_int_equal(judge(&m, AKSU_DNS_A, &answer), DNS_FOREIGN);
    m = reply_to(AKSU_DNS_A, 0x8180, 0);
    m.p[13] = 'v'; /* another name */
    assert_int_equal(judge(&m, AKSU_DNS_A, &answer), DNS_FOREIGN);
    m = reply_to(AKSU_DNS_A, 0x8180, 0);
    m.p[5] = 2; /* two questions */
    assert_int_equal(judge(&m, AKSU_DNS_A, &answer), DNS_FOREIGN);
    /* FORMERR without the question is an answer; anything else without it is not. */
    m = reply_to(AKSU_DNS_A, 0x8181, 0);
    m.p[5] = 0, m.bytes = 12;
    assert_int_equal(judge(&m, AKSU_DNS_A, &answer), DNS_NO_EDNS);
    m.p[3] = 0x83;
    assert_int_equal(judge(&m, AKSU_DNS_A, &answer), DNS_FOREIGN);
}

/* attacks.md 33: pointers to themselves, forwards, into the header and past the end; labels past the end; data of
 * the wrong size; more records than there are.  attack: 33 */
static void hostile_records_are_malformed(void **state) {
    (void)state;
    static const struct {
        const char *what, *owner;
        size_t owner_bytes, data_bytes;
    } cases[] = {
        {"to itself", "\xc0\x21", 2, 4},       {"forwards", "\xc0\x30", 2, 4}, {"into the header", "\xc0\x02", 2, 4},
        {"past the end", "\xff\xff", 2, 4},    {"kind 01", "\x41x", 2, 4},     {"kind 10", "\x81x", 2, 4},
        {"four bytes less", "\xc0\x0c", 2, 3}, {"one more", "\xc0\x0c", 2, 5}, {"round and round", "\1x\xc0\x21", 4, 4},
    };
    aksu_dns_answer answer;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message m = reply_to(AKSU_DNS_A, 0x8180, 1);
        assert_int_equal(m.bytes, 0x21);
        put_record(&m, cases[i].owner, cases[i].owner_bytes, AKSU_DNS_A, 5, "\1\2\3\4\5", cases[i].data_bytes);
        if (judge(&m, AKSU_DNS_A, &answer) != DNS_MALFORMED) fail_msg("%s", cases[i].what);
    }
    struct message m = reply_to(AKSU_DNS_A, 0x8180, 2);
    put_record(&m, "\xc0\x0c", 2, AKSU_DNS_A, 5, "\1\2\3\4", 4);
    assert_int_equal(judge(&m, AKSU_DNS_A, &answer), DNS_MALFORMED);
    /* A name of more than 255 octets, by labels that are pointed at again. */
    m = reply_to(AKSU_DNS_A, 0x8180, 2);
    char owner[200];
    for (size_t i = 0; i < 198; i += 2) owner[i] = 1, owner[i + 1] = 'x';
    memcpy(owner + 198, "\xc0\x0c", 2);
    size_t at = m.bytes;
    put_record(&m, owner, sizeof owner, AKSU_DNS_A, 5, "\1\2\3\4", 4);
    char again[200];
    memcpy(again, owner, sizeof again);
    again[198] = (char)(0xc0 | at >> 8), again[199] = (char)at;
    put_record(&m, again, sizeof again, AKSU_DNS_A, 5, "\1\2\3\4", 4);
    assert_int_equal(judge(&m, AKSU_DNS_A, &answer), DNS_MALFORMED);
}

/* However many records a message holds, no more than fit are kept. */
static void more_addresses_than_fit(void **state) {
    (void)state;
    struct message m = reply_to(AKSU_DNS_A, 0x8180, 40);
    for (int i = 0; i < 40; i++) put_record(&m, "\xc0\x0c", 2, AKSU_DNS_A, 5, "\1\2\3\4", 4);
    aksu_dns_answer answer;
    assert_int_equal(judge(&m, AKSU_DNS_A, &answer), DNS_ANSWERED);
    assert_int_equal(answer.addr_count, AKSU_DNS_ADDRS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_from_text_and_back),    cmocka_unit_test(names_of_addresses),
        cmocka_unit_test(query_byte_for_byte),         cmocka_unit_test(addresses_with_their_time_to_live),
        cmocka_unit_test(aliases_are_followed),        cmocka_unit_test(names_of_pointers),
        cmocka_unit_test(verdicts_by_flags_and_codes), cmocka_unit_test(hostile_records_are_malformed),
        cmocka_unit_test(more_addresses_than_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
