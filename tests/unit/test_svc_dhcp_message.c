/* DHCP messages: requests byte for byte, leases from replies, and each thing that makes a reply none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "svc/dhcp_message.h"

static const uint8_t mac[6] = {2, 0, 0, 0xaa, 0xbb, 0xcc};
enum { XID = 0x11223344 };

static void discover_byte_for_byte(void **state) {
    (void)state;
    struct dhcp_request request = {
        .type = DHCP_DISCOVER, .xid = XID, .seconds = 0x0102, .broadcast = true, .host_name = "h1"};
    memcpy(request.mac, mac, sizeof mac);
    uint8_t p[DHCP_MESSAGE_BYTES];
    assert_int_equal(dhcp_request_build(p, &request), 300);
    static const uint8_t head[] = {1, 1, 6, 0, 0x11, 0x22, 0x33, 0x44, 1, 2, 0x80, 0};
    assert_memory_equal(p, head, sizeof head);
    for (size_t i = 12; i < 28; i++) assert_int_equal(p[i], 0); /* no address of ours, of a server or of a relay */
    assert_memory_equal(p + 28, mac, 6);
    for (size_t i = 34; i < 236; i++) assert_int_equal(p[i], 0);
    static const uint8_t options[] = {99, 130, 83, 99, 53, 1,  1,  61, 7,  1, 2, 0,  0,  0xaa, 0xbb, 0xcc, 55, 8,
                                      1,  3,   6,  15, 26, 51, 58, 59, 57, 2, 2, 64, 12, 2,    'h',  '1',  255};
    assert_memory_equal(p + 236, options, sizeof options);
}

static void request_names_address_and_server(void **state) {
    (void)state;
    struct dhcp_request request = {.type = DHCP_REQUEST,
                                   .xid = XID,
                                   .requested = aksu_addr_v4(192, 0, 2, 7),
                                   .server = aksu_addr_v4(192, 0, 2, 1)};
    uint8_t p[DHCP_MESSAGE_BYTES];
    (void)dhcp_request_build(p, &request);
    static const uint8_t options[] = {50, 4, 192, 0, 2, 7, 54, 4, 192, 0, 2, 1, 55};
    assert_memory_equal(p + 252, options, sizeof options);
    /* A release: from an address that answers, and no wishes. */
    request = (struct dhcp_request){.type = DHCP_RELEASE, .client = aksu_addr_v4(192, 0, 2, 7)};
    assert_int_equal(dhcp_request_build(p, &request), 300);
    static const uint8_t client[] = {192, 0, 2, 7};
    assert_memory_equal(p + 12, client, 4);
    assert_int_equal(p[252], 255);
}

/* ---------------------------------------------------------------- replies */

struct reply {
    uint8_t p[1024];
    size_t bytes;
};

static struct reply reply_of(uint8_t type) {
    struct reply r = {.p = {2, 1, 6, 0, 0x11, 0x22, 0x33, 0x44}, .bytes = 240};
    static const uint8_t yours[] = {192, 0, 2, 7}, cookie[] = {99, 130, 83, 99};
    memcpy(r.p + 16, yours, 4);
    memcpy(r.p + 28, mac, 6);
    memcpy(r.p + 236, cookie, 4);
    uint8_t first[] = {53, 1, type, 54, 4, 192, 0, 2, 1};
    memcpy(r.p + r.bytes, first, sizeof first);
    r.bytes += sizeof first;
    return r;
}

static void put(struct reply *r, const void *p, size_t bytes) {
    memcpy(r->p + r->bytes, p, bytes);
    r->bytes += bytes;
}
#define PUT(r, ...) put(r, (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static bool parse(const struct reply *r, dhcp_type *ret_type, aksu_dhcp_lease *ret_lease) {
    uint8_t *exact = malloc(r->bytes);
    assert_non_null(exact);
    memcpy(exact, r->p, r->bytes);
    bool good = dhcp_reply_parse(exact, r->bytes, XID, mac, ret_type, ret_lease);
    free(exact);
    return good;
}

static void assert_addr(const aksu_addr *addr, const char *text) {
    char buf[AKSU_ADDR_TEXT_BYTES];
    (void)aksu_addr_format(addr, buf, sizeof buf);
    assert_string_equal(buf, text);
}

static struct reply whole_ack(void) {
    struct reply r = reply_of(DHCP_ACK);
    PUT(&r, 0, 51, 4, 0, 0, 14, 16, 1, 4, 255, 255, 255, 0, 3, 8, 192, 0, 2, 1, 192, 0, 2, 2);
    PUT(&r, 6, 4, 192, 0, 2, 53, 26, 2, 5, 120, 15, 3, 'l', 'a', 'n', 58, 4, 0, 0, 1, 0, 59, 4, 0, 0, 2, 0, 255);
    return r;
}

static void ack_gives_a_lease(void **state) {
    (void)state;
    struct reply r = whole_ack();
    dhcp_type type;
    aksu_dhcp_lease lease;
    assert_true(parse(&r, &type, &lease));
    assert_int_equal(type, DHCP_ACK);
    assert_addr(&lease.addr, "192.0.2.7");
    assert_addr(&lease.server, "192.0.2.1");
    assert_int_equal(lease.prefix_bits, 24);
    assert_int_equal(lease.router_count, 2);
    assert_addr(&lease.router[1], "192.0.2.2");
    assert_int_equal(lease.dns_count, 1);
    assert_addr(&lease.dns[0], "192.0.2.53");
    assert_int_equal(lease.mtu, 1400);
    assert_string_equal(lease.domain, "lan");
    assert_int_equal(lease.lease_s, 3600);
    assert_int_equal(lease.renew_s, 256);
    assert_int_equal(lease.rebind_s, 512);
    /* Cut anywhere: no lease of other times, and nothing beyond is read (ASan). */
    for (struct reply cut = r; cut.bytes > 1;) {
        cut.bytes--;
        if (parse(&cut, &type, &lease)) assert_int_equal(lease.lease_s, 3600);
    }
}

/* attacks.md 34: T1 <= T2 <= lease, whatever was said.  attack: 34 */
static void times_are_put_right(void **state) {
    (void)state;
    enum { ZERO = 0xfffffff }; /* said, as 0 */
    static const struct {
        uint32_t lease, renew, rebind; /* 0: not said */
        uint32_t wanted_renew, wanted_rebind;
    } cases[] = {
        {800, ZERO, 0, 400, 700},  {800, ZERO, ZERO, 400, 700}, /* else it would be asked for without a pause */
        {800, 0, 0, 400, 700},     {800, 900, 0, 400, 700},
        {800, 100, 900, 100, 700}, {800, 600, 500, 400, 500},
        {800, 799, 800, 799, 800}, {1, 0, 0, 1, 1},
        {800, 0, 300, 300, 300},   {UINT32_MAX, 1, 2, UINT32_MAX, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply r = reply_of(DHCP_ACK);
        uint32_t said[3] = {cases[i].lease, cases[i].renew, cases[i].rebind};
        static const uint8_t codes[3] = {51, 58, 59};
        for (size_t k = 0; k < 3; k++) {
            if (said[k] == 0) continue;
            if (said[k] == ZERO) said[k] = 0;
            PUT(&r, codes[k], 4, (uint8_t)(said[k] >> 24), (uint8_t)(said[k] >> 16), (uint8_t)(said[k] >> 8),
                (uint8_t)said[k]);
        }
        dhcp_type type;
        aksu_dhcp_lease lease;
        assert_true(parse(&r, &type, &lease));
        if (lease.renew_s != cases[i].wanted_renew || lease.rebind_s != cases[i].wanted_rebind)
            fail_msg("case %zu: T1 %u T2 %u", i, lease.renew_s, lease.rebind_s);
    }
}

static void options_in_the_name_fields(void **state) {
    (void)state;
    struct reply r = reply_of(DHCP_OFFER);
    PUT(&r, 52, 1, 3, 255);
    static const uint8_t in_file[] = {51, 4, 0, 0, 0, 60, 255}, in_sname[] = {1, 4, 255, 255, 0, 0};
    memcpy(r.p + 108, in_file, sizeof in_file);
    memcpy(r.p + 44, in_sname, sizeof in_sname);
    dhcp_type type;
    aksu_dhcp_lease lease;
    assert_true(parse(&r, &type, &lease));
    assert_int_equal(lease.lease_s, 60);
    assert_int_equal(lease.prefix_bits, 16);
    r.p[44 + 1] = 100; /* reaches past sname into file */
    assert_false(parse(&r, &type, &lease));
}

static void nak_needs_a_server_alone(void **state) {
    (void)state;
    struct reply r = reply_of(DHCP_NAK);
    dhcp_type type;
    aksu_dhcp_lease lease;
    assert_true(parse(&r, &type, &lease));
    assert_int_equal(type, DHCP_NAK);
    r.p[243] = 99; /* no option 54 */
    assert_false(parse(&r, &type, &lease));
}

/* attack: 31 */
static void what_is_no_reply_of_ours(void **state) {
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } cases[] = {
        {"a request", 0, 1},           {"not Ethernet", 1, 6},       {"another length of address", 2, 8},
        {"another transaction", 7, 0}, {"another host", 33, 0},      {"no cookie", 238, 0},
        {"no such type", 242, 9},      {"a request's type", 242, 3}, {"no type", 241, 2},
        {"no address", 16, 0},         {"loopback", 16, 127},        {"multicast", 16, 224},
        {"no time", 250, 99},          {"mask with holes", 259, 1},  {"option past the end", 257, 200},
        {"server is nobody", 245, 0},
    };
    struct reply good = whole_ack();
    dhcp_type type;
    aksu_dhcp_lease lease;
    assert_int_equal(good.p[250], 51);
    assert_int_equal(good.p[256], 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply r = good;
        r.p[cases[i].at] = cases[i].value;
        if (parse(&r, &type, &lease)) fail_msg("%s: taken", cases[i].what);
    }
}

static void names_that_are_none_are_left_out(void **state) {
    (void)state;
    struct reply r = reply_of(DHCP_ACK);
    PUT(&r, 51, 4, 0, 0, 0, 60, 15, 4, 'a', ';', 'r', 'm', 6, 8, 0, 0, 0, 0, 192, 0, 2, 5, 3, 3, 1, 2, 3, 255);
    dhcp_type type;
    aksu_dhcp_lease lease;
    assert_true(parse(&r, &type, &lease));
    assert_string_equal(lease.domain, "");
    assert_int_equal(lease.dns_count, 1);
    assert_addr(&lease.dns[0], "192.0.2.5");
    assert_int_equal(lease.router_count, 0);
    assert_int_equal(lease.prefix_bits, 24); /* no mask: by class */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discover_byte_for_byte),     cmocka_unit_test(request_names_address_and_server),
        cmocka_unit_test(ack_gives_a_lease),          cmocka_unit_test(times_are_put_right),
        cmocka_unit_test(options_in_the_name_fields), cmocka_unit_test(nak_needs_a_server_alone),
        cmocka_unit_test(what_is_no_reply_of_ours),   cmocka_unit_test(names_that_are_none_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
