/* Errors that we send: which packets get one, which never do, and how many. */
#include "tcp_world.h"

#include "base/bytes.h"
#include "net/ether.h"
#include "wire/checksum.h"
#include "wire/icmp.h"

static const aksu_addr ours6 = {{0x20, 1, 0x0d, 0xb8, [15] = 2}}, peer6 = {{0x20, 1, 0x0d, 0xb8, [15] = 1}};

static struct tcp_world *open_world(aksu_config config) {
    struct tcp_world *w = world_open(&config);
    assert_int_equal(aksu_addr_add(w->stack[SERVER], 0, &ours6, 64), AKSU_OK);
    return w;
}

struct packet {
    aksu_addr src, dst;
    uint8_t protocol;
    uint16_t fragment_at; /* IPv4 */
    uint8_t payload[64];
};

static void put(struct tcp_world *w, const struct packet *p) {
    uint8_t bytes[128];
    struct ak_ip ip = {.src = p->src, .dst = p->dst, .protocol = p->protocol, .ttl = 64, .fragment_at = p->fragment_at};
    uint32_t at = ak_wire_ip_build(bytes, &ip, sizeof p->payload);
    memcpy(bytes + at, p->payload, sizeof p->payload);
    aksu_iov iov = {.base = bytes, .bytes = at + sizeof p->payload};
    aksu_frame frame = {.total_bytes = at + (uint32_t)sizeof p->payload, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[SERVER], w->now_us, &frame, 1);
}

/* Type << 8 | code of the next message, or -1; its second word, and how much it quotes. */
static int next_error(struct tcp_world *w, uint32_t *ret_word, uint32_t *ret_quote_bytes) {
    aksu_frame frame;
    if (aksu_output(w->stack[SERVER], w->now_us, &frame, 1) == 0) return -1;
    assert_int_equal(frame.iov_count, 2);
    const uint8_t *m = frame.iov[1].base;
    *ret_word = ak_be32(m + 4);
    *ret_quote_bytes = (uint32_t)frame.iov[1].bytes - 8;
    return m[0] << 8 | m[1];
}

static aksu_counters counters_of(const struct tcp_world *w) {
    aksu_counters counters;
    aksu_counters_get(w->stack[SERVER], &counters);
    return counters;
}

/* RFC 1122 s3.2.2.1, RFC 8200 s4: a protocol that nobody speaks.  attack: 59 */
static void unknown_protocol_is_told(void **state) {
    (void)state;
    struct tcp_world *w = open_world(world_config());
    uint32_t word, quote;
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        bool spoken4 = protocol == 1 || protocol == 6 || protocol == 17;
        bool spoken6 = protocol == 58 || protocol == 6 || protocol == 17 || protocol == 59;
        bool header6 = protocol == 0 || protocol == 43 || protocol == 44 || protocol == 60;
        struct packet p = {.src = world_addr(CLIENT), .dst = world_addr(SERVER), .protocol = (uint8_t)protocol};
        if (!spoken4) {
            put(w, &p);
            assert_int_equal(next_error(w, &word, &quote), AK_ICMP_UNREACHABLE << 8 | 2);
            assert_int_equal(word, 0);
            assert_int_equal(quote, 84);
        }
        p.src = peer6;
        p.dst = ours6;
        if (header6) continue;
        put(w, &p);
        int got = next_error(w, &word, &quote);
        if (spoken6) {
            assert_true(got == -1 || got >> 8 == 0);
        } else {
            assert_int_equal(got, AK_ICMP6_PARAMETER_PROBLEM << 8 | 1);
            assert_int_equal(word, 6);
            assert_int_equal(quote, 104);
        }
        w->now_us += 10000;
    }
    world_close(w);
}

/* RFC 1122 s3.2.2, RFC 4443 s2.4: never about groups, fragments but the first, nobody, or errors.  attack: 90 */
static void some_packets_get_no_error(void **state) {
    (void)state;
    struct tcp_world *w = open_world(world_config());
    const aksu_addr limited = aksu_addr_v4(255, 255, 255, 255), group = aksu_addr_v4(224, 0, 0, 1);
    const aksu_addr net = aksu_addr_v4(192, 0, 2, 255), nobody = aksu_addr_v4(0, 0, 0, 0), none6 = {{0}};
    const aksu_addr group6 = {{0xff, 2, [15] = 1}};
    const struct packet silent[] = {
        {.src = world_addr(CLIENT), .dst = limited, .protocol = 200},
        {.src = world_addr(CLIENT), .dst = group, .protocol = 200},
        {.src = world_addr(CLIENT), .dst = net, .protocol = 200},
        {.src = world_addr(CLIENT), .dst = limited, .protocol = 17, .payload = {0, 1, 0, 9, 0, 64}},
        {.src = nobody, .dst = world_addr(SERVER), .protocol = 200},
        {.src = group, .dst = world_addr(SERVER), .protocol = 200},
        {.src = limited, .dst = world_addr(SERVER), .protocol = 200},
        {.src = world_addr(CLIENT), .dst = world_addr(SERVER), .protocol = 200, .fragment_at = 8},
        {.src = world_addr(CLIENT), .dst = aksu_addr_v4(192, 0, 2, 77), .protocol = 200},
        {.src = peer6, .dst = group6, .protocol = 200},
        {.src = none6, .dst = ours6, .protocol = 200},
        {.src = group6, .dst = ours6, .protocol = 200},
        {.src = peer6, .dst = ours6, .protocol = 59},
        /* the option says: tell, unless it went to many */
        {.src = peer6, .dst = group6, .protocol = 60, .payload = {17, 0, 0xde, 2}},
        /* an ICMPv6 error behind what is wrong */
        {.src = peer6, .dst = ours6, .protocol = 60, .payload = {58, 0, 0x9e, 4, 0, 0, 0, 0, 1, 0}},
        {.src = peer6, .dst = ours6, .protocol = 43, .payload = {58, 0, 0, 1, 0, 0, 0, 0, 4, 0}},
        /* an error about an error, by its protocol alone */
        {.src = world_addr(CLIENT), .dst = world_addr(SERVER), .protocol = 1, .payload = {3, 3}},
        {.src = world_addr(CLIENT), .dst = world_addr(SERVER), .protocol = 1, .payload = {99, 0}},
    };
    uint32_t word, quote;
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        uint64_t before = 0, after = 0;
        for (int d = 1; d < AKSU_DROP_COUNT; d++) before += counters_of(w).drop[d];
        put(w, &silent[i]);
        for (int d = 1; d < AKSU_DROP_COUNT; d++) after += counters_of(w).drop[d];
        if (next_error(w, &word, &quote) != -1) fail_msg("case %zu is answered", i);
        bool kept = silent[i].fragment_at != 0;
        if (after != before + !kept) fail_msg("case %zu is not dropped once", i);
    }
    assert_int_equal(counters_of(w).icmp_errors_sent, 0);
    /* The option that says: tell, also if it went to many. */
    struct packet many = {.src = peer6, .dst = group6, .protocol = 60, .payload = {17, 0, 0x9e, 4}};
    put(w, &many);
    assert_int_equal(next_error(w, &word, &quote), AK_ICMP6_PARAMETER_PROBLEM << 8 | 2);
    assert_int_equal(word, 42);
    world_close(w);
}

/* A packet of IPv4 with options. */
struct optioned {
    aksu_addr src, dst;
    uint8_t options[8], protocol, first; /* first octet of the payload */
    uint16_t fragment;
    bool checksum_wrong;
};

static void put_optioned(struct tcp_world *w, const struct optioned *o) {
    uint8_t bytes[128];
    struct ak_ip ip = {.src = o->src, .dst = o->dst, .protocol = o->protocol, .ttl = 64};
    uint32_t at = ak_wire_ip_build(bytes, &ip, 8 + 64);
    memset(bytes + at, o->first, 8 + 64);
    memcpy(bytes + at, o->options, 8);
    bytes[0] = 0x47;
    ak_put16(bytes + 6, o->fragment);
    ak_put16(bytes + 10, 0);
    struct ak_sum sum = {0};
    ak_sum_add(&sum, bytes, 28);
    ak_put16(bytes + 10, (uint16_t)(~ak_sum_fold(&sum) + o->checksum_wrong));
    aksu_iov iov = {.base = bytes, .bytes = at + 72};
    aksu_frame frame = {.total_bytes = at + 72, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[SERVER], w->now_us, &frame, 1);
}

/* RFC 1122 s3.2.2.5: Parameter Problem points at what makes no sense in the options; never about groups, later
 * fragments, errors, nobody, source routes, or what is not ours or not sound. */
static void bad_option_source_is_told_where(void **state) {
    (void)state;
    static const struct {
        uint8_t options[8];
        uint8_t pointer;
    } bad[] = {
        {{7, 0}, 21},                   /* no length */
        {{7, 1}, 21},                   /* shorter than itself */
        {{1, 1, 7, 7, 4}, 23},          /* beyond the header */
        {{1, 1, 1, 1, 1, 1, 1, 68}, 27} /* no room for a length */
    };
    struct tcp_world *w = open_world(world_config());
    uint32_t word, quote;
    const struct optioned good = {.src = world_addr(CLIENT), .dst = world_addr(SERVER), .protocol = 200};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct optioned o = good;
        memcpy(o.options, bad[i].options, 8);
        put_optioned(w, &o);
        assert_int_equal(next_error(w, &word, &quote), AK_ICMP_PARAMETER_PROBLEM << 8);
        assert_int_equal(word, (uint32_t)bad[i].pointer << 24);
        assert_int_equal(quote, 92);
        w->now_us += 10000;
    }
    struct optioned first = good; /* of several fragments */
    first.options[0] = 7;
    first.fragment = 0x2000;
    put_optioned(w, &first);
    assert_int_equal(next_error(w, &word, &quote), AK_ICMP_PARAMETER_PROBLEM << 8);

    struct optioned silent[9];
    for (size_t i = 0; i < 9; i++) {
        silent[i] = good;
        silent[i].options[0] = 7;
    }
    silent[0].dst = aksu_addr_v4(255, 255, 255, 255);
    silent[1].dst = aksu_addr_v4(192, 0, 2, 255);
    silent[2].dst = aksu_addr_v4(224, 0, 0, 1);
    silent[3].dst = aksu_addr_v4(192, 0, 2, 77);
    silent[4].src = aksu_addr_v4(0, 0, 0, 0);
    silent[5].fragment = 1;
    silent[6].protocol = 1;
    silent[6].first = 3;
    silent[7].options[0] = 131; /* a source route, whole, before what is wrong */
    silent[7].options[1] = 3;
    silent[7].options[2] = 4;
    silent[7].options[3] = 7;
    silent[8].checksum_wrong = true;
    for (size_t i = 0; i < 9; i++) {
        w->now_us += 10000;
        put_optioned(w, &silent[i]);
        if (next_error(w, &word, &quote) != -1) fail_msg("case %zu is answered", i);
    }
    assert_int_equal(counters_of(w).icmp_errors_sent, 5);
    for (uint32_t i = 0; i < 100000; i++) { /* and no more of them than of others */
        put_optioned(w, &first);
        (void)next_error(w, &word, &quote);
    }
    assert_in_range(counters_of(w).icmp_errors_sent, 6, 5000);
    world_close(w);
}

/* attack: 46 attack: 74. What one source makes us send is bounded, and its share is not counted in whole packets: two
 * stacks that differ in their keys alone stop at different ones. */
static void errors_are_limited_and_the_limit_is_not_a_count(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.rst_per_second = 100;
    uint32_t sent[2] = {0, 0};
    for (uint32_t k = 0; k < 2; k++) {
        struct tcp_world *w = open_world(config);
        uint32_t word, quote;
        for (uint32_t i = 0; i < 1000; i++) {
            struct packet p = {.src = world_addr(CLIENT), .dst = world_addr(SERVER), .protocol = 200};
            put(w, &p);
            if (k == 1 && i < 7) (void)aksu_stack_digest(w->stack[SERVER]);
            while (next_error(w, &word, &quote) != -1) sent[k]++;
        }
        assert_true(sent[k] >= 80 && sent[k] <= 125);
        assert_int_equal(counters_of(w).icmp_errors_sent, sent[k]);
        assert_int_equal(counters_of(w).drop[AKSU_DROP_REPLY_RATE], 1000 - sent[k]);
        /* a second later there is a second's worth again */
        w->now_us += 1000000;
        uint32_t again = 0;
        for (uint32_t i = 0; i < 1000; i++) {
            struct packet p = {.src = world_addr(CLIENT), .dst = world_addr(SERVER), .protocol = 200};
            put(w, &p);
            while (next_error(w, &word, &quote) != -1) again++;
        }
        assert_true(again >= 80 && again <= 125);
        world_close(w);
    }
    assert_int_equal(sent[0], sent[1]); /* the same stack: the same bytes */
    uint32_t word, quote, other = 0;
    struct tcp_world *w = open_world(config);
    size_t bytes = aksu_stack_bytes(&config);
    memset(config.entropy, 99, sizeof config.entropy);
    memset(w->mem[SERVER], 0, bytes);
    assert_int_equal(aksu_stack_init(&config, w->mem[SERVER], bytes, &w->stack[SERVER]), AKSU_OK);
    aksu_link_config link = {.struct_bytes = sizeof link, .mtu = 1500};
    uint16_t number;
    aksu_addr addr = world_addr(SERVER);
    assert_int_equal(aksu_link_add(w->stack[SERVER], &link, &number), AKSU_OK);
    assert_int_equal(aksu_addr_add(w->stack[SERVER], number, &addr, 24), AKSU_OK);
    for (uint32_t i = 0; i < 1000; i++) {
        struct packet p = {.src = world_addr(CLIENT), .dst = world_addr(SERVER), .protocol = 200};
        put(w, &p);
        while (next_error(w, &word, &quote) != -1) other++;
    }
    assert_true(other >= 80 && other <= 125 && other != sent[0]);
    world_close(w);
}

/* RFC 8200 s5. */
static void ipv6_needs_an_mtu_of_1280(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.link_max = 4;
    struct tcp_world *w = open_world(config);
    aksu_stack *stack = w->stack[SERVER];
    uint16_t small, least;
    aksu_link_config link = {.struct_bytes = sizeof link, .mtu = 1279};
    assert_int_equal(aksu_link_add(stack, &link, &small), AKSU_OK);
    link.mtu = 1280;
    assert_int_equal(aksu_link_add(stack, &link, &least), AKSU_OK);
    aksu_addr six = {{0x20, 1, 0x0d, 0xb8, 1, [15] = 2}}, four = aksu_addr_v4(10, 0, 0, 1);
    assert_int_equal(aksu_addr_add(stack, small, &six, 64), AKSU_ERR_INVALID);
    assert_int_equal(aksu_addr_add(stack, small, &four, 24), AKSU_OK);
    assert_int_equal(aksu_addr_add(stack, least, &six, 64), AKSU_OK);
    assert_int_equal(aksu_link_mtu(stack, least, 1279), AKSU_ERR_INVALID);
    assert_int_equal(aksu_link_mtu(stack, least, 1281), AKSU_OK);
    assert_int_equal(aksu_link_mtu(stack, small, 576), AKSU_OK);
    aksu_link_config ethernet = {.struct_bytes = sizeof ethernet,
                                 .mtu = 1279,
                                 .type = AKSU_LINK_ETHERNET,
                                 .mac = {{2, 0, 0, 0, 0, 1}},
                                 .autoconf = AKSU_AUTOCONF_STABLE};
    assert_int_equal(aksu_link_add(stack, &ethernet, &small), AKSU_ERR_INVALID);
    ethernet.autoconf = AKSU_AUTOCONF_OFF;
    assert_int_equal(aksu_link_add(stack, &ethernet, &small), AKSU_OK);
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_protocol_is_told),
        cmocka_unit_test(some_packets_get_no_error),
        cmocka_unit_test(bad_option_source_is_told_where),
        cmocka_unit_test(errors_are_limited_and_the_limit_is_not_a_count),
        cmocka_unit_test(ipv6_needs_an_mtu_of_1280),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
