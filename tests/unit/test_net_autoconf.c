/* Goal: addresses are asked for before they are used and defended after; those of IPv6 come from routers as RFC 4861
 * and RFC 4862 say and go when their time is over; no stranger makes more of them, or ends them, than the RFCs let him.
 */
#include "ether_world.h"

static int host_with(struct wire *w, uint8_t probes, uint8_t autoconf) {
    aksu_link_config link = wire_link(w->count);
    link.dad_probes = probes;
    link.autoconf = autoconf;
    return wire_host(w, NULL, &link);
}

static uint64_t seconds(double s) {
    return (uint64_t)(s * 1000000);
}

/* ---------------------------------------------------------------- duplicate address detection */

/* RFC 5227 s2.1: three probes, one to two seconds apart, two more seconds, then two announcements; nothing is answered
 * before. */
static void ipv4_address_probed_then_announced(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 3, 0);
    (void)host_with(w, 0, 0);
    wire_give(w, 1, "192.0.2.2", 24);
    wire_run(w, seconds(5));
    wire_forget(w);
    wire_give(w, 0, "192.0.2.1", 24);
    aksu_sock sock = wire_connect(w, 1, "192.0.2.1", 80);
    wire_run(w, seconds(2.5));
    assert_int_equal(wire_addr_state(w, 0, "192.0.2.1"), AKSU_ADDR_TENTATIVE);
    assert_int_equal(wire_count(w, "is here"), 0);
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = wire_addr("192.0.2.2"), .port = 80}};
    assert_int_equal(aksu_tcp_connect(w->stack[0], &open, &sock), AKSU_ERR_ADDR_NOT_AVAILABLE);
    wire_run(w, seconds(10));
    assert_int_equal(wire_addr_state(w, 0, "192.0.2.1"), AKSU_ADDR_PREFERRED);
    assert_int_equal(wire_count(w, "a > all ARP who has 192.0.2.1, says 0.0.0.0"), 3);
    assert_int_equal(wire_count(w, "a > all ARP who has 192.0.2.1, says 192.0.2.1"), 2);
    wire_close(w);
}

/* RFC 4862 s5.4: one question, from nobody, to the group; a second later it is ours. */
static void ipv6_address_asked_for_then_used(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 1, 0);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_run(w, seconds(0.9));
    assert_int_equal(wire_addr_state(w, 0, "2001:db8::1"), AKSU_ADDR_TENTATIVE);
    wire_run(w, seconds(1.2));
    assert_int_equal(wire_addr_state(w, 0, "2001:db8::1"), AKSU_ADDR_PREFERRED);
    assert_int_equal(wire_count(w, "a > group NS 2001:db8::1, says :: bare"), 1);
    wire_close(w);
}

/* Who has it says so: it is not used, and the application sees it.  Both ways of RFC 4862 s5.4.3 and s5.4.4, both of
 * RFC 5227 s2.1.1. */
static void taken_address_refused(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct wire *w = wire_open();
        aksu_mac x = wire_mac(HAND);
        (void)host_with(w, 2, 0);
        const char *addr = way < 2 ? "192.0.2.1" : "2001:db8::1";
        wire_give(w, 0, addr, 24);
        wire_run(w, seconds(1.1));
        assert_int_equal(wire_addr_state(w, 0, addr), AKSU_ADDR_TENTATIVE);
        if (way == 0) wire_arp(w, AK_ARP_REPLY, &x, addr, addr);
        if (way == 1) wire_arp(w, AK_ARP_REQUEST, &x, "0.0.0.0", addr); /* asks for it at the same time */
        if (way == 2)
            wire_advertise(
                w, &(struct wire_na){.src = addr, .dst = "ff02::1", .target = addr, .overrides = true, .mac = &x});
        if (way == 3) wire_solicit(w, "::", "ff02::1:ff00:1", addr, NULL);
        assert_int_equal(wire_addr_state(w, 0, addr), AKSU_ADDR_DUPLICATE);
        wire_run(w, seconds(20));
        assert_int_equal(wire_addr_state(w, 0, addr), AKSU_ADDR_DUPLICATE);
        aksu_counters counters;
        aksu_counters_get(w->stack[0], &counters);
        assert_int_equal(counters.addr_conflicts, 1);
        wire_forget(w);
        wire_arp(w, AK_ARP_REQUEST, &x, "192.0.2.66", "192.0.2.1");
        wire_solicit(w, "2001:db8::66", "ff02::1:ff00:1", "2001:db8::1", &x);
        wire_run(w, 1000);
        assert_int_equal(wire_count(w, "a >"), 0); /* it answers for neither */
        wire_close(w);
    }
}

/* Two hosts of ours that start with the same address: one of them, or none, has it. */
static void two_ask_at_once_at_most_one_has_it(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 1, 0);
    (void)host_with(w, 1, 0);
    for (int i = 0; i < 2; i++) {
        wire_give(w, i, "192.0.2.1", 24);
        wire_give(w, i, "2001:db8::1", 64);
    }
    wire_run(w, seconds(20));
    const char *const addrs[] = {"192.0.2.1", "2001:db8::1"};
    for (int i = 0; i < 2; i++) {
        int have = (wire_addr_state(w, 0, addrs[i]) == AKSU_ADDR_PREFERRED) +
                   (wire_addr_state(w, 1, addrs[i]) == AKSU_ADDR_PREFERRED);
        assert_true(have <= 1);
    }
    wire_close(w);
}

/* RFC 5227 s2.4: told of another who uses ours, we say so, once in ten seconds, and stay. */
static void used_address_defended_and_kept(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_mac x = wire_mac(HAND);
    (void)host_with(w, 0, 0);
    wire_give(w, 0, "192.0.2.1", 24);
    wire_run(w, seconds(20));
    wire_forget(w);
    for (int i = 0; i < 100; i++) {
        wire_arp(w, AK_ARP_REQUEST, &x, "192.0.2.1", "192.0.2.1");
        wire_run(w, seconds(0.05));
    }
    assert_int_equal(wire_count(w, "a > all ARP who has 192.0.2.1, says 192.0.2.1"), 1);
    wire_run(w, seconds(10));
    wire_arp(w, AK_ARP_REQUEST, &x, "192.0.2.1", "192.0.2.1");
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > all ARP who has 192.0.2.1, says 192.0.2.1"), 2);
    assert_int_equal(wire_addr_state(w, 0, "192.0.2.1"), AKSU_ADDR_PREFERRED);
    /* Others who ask whether ours is free are told no. */
    wire_arp(w, AK_ARP_REQUEST, &x, "0.0.0.0", "192.0.2.1");
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > x ARP 192.0.2.1 is here, to 0.0.0.0"), 1);
    wire_close(w);
}

/* RFC 4862 s5.4.3: a question from nobody for ours is answered to all. */
static void ipv6_question_of_another_answered(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 0, 0);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_run(w, seconds(5));
    wire_forget(w);
    wire_solicit(w, "::", "ff02::1:ff00:1", "2001:db8::1", NULL);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > group NA 2001:db8::1 override"), 1);
    wire_close(w);
}

/* ---------------------------------------------------------------- routers */

struct ra {
    const char *src;
    uint16_t lifetime_s;
    int8_t preference;
    uint32_t mtu;
    const char *prefix; /* NULL: none */
    uint8_t bits, flags;
    uint32_t valid_s, preferred_s;
    uint8_t ttl;
};

enum { L = 0x80, A = 0x40 };

static void advertise_router(struct wire *w, struct ra ra) {
    uint8_t p[128] = {134, 0, 0, 0, 64};
    uint32_t at = 16;
    p[5] = (uint8_t)((ra.preference & 3) << 3);
    ak_put16(p + 6, ra.lifetime_s);
    p[at] = 1;
    p[at + 1] = 1;
    aksu_mac x = wire_mac(HAND);
    memcpy(p + at + 2, x.byte, 6);
    at += 8;
    if (ra.mtu != 0) {
        p[at] = 5;
        p[at + 1] = 1;
        ak_put32(p + at + 4, ra.mtu);
        at += 8;
    }
    if (ra.prefix != NULL) {
        aksu_addr prefix = wire_addr(ra.prefix);
        p[at] = 3;
        p[at + 1] = 4;
        p[at + 2] = ra.bits != 0 ? ra.bits : 64;
        p[at + 3] = ra.flags;
        ak_put32(p + at + 4, ra.valid_s);
        ak_put32(p + at + 8, ra.preferred_s);
        memcpy(p + at + 16, prefix.byte, 16);
        at += 32;
    }
    wire_icmp6(w, ra.src != NULL ? ra.src : "fe80::99", "ff02::1", ra.ttl != 0 ? ra.ttl : 255, p, at);
}

/* The address that was made from a prefix, or false. */
static bool made(struct wire *w, int host, const char *prefix, int wanted_state, aksu_addr_info *ret_info, int skip) {
    aksu_addr parsed = wire_addr(prefix);
    uint32_t cursor = 0;
    while (aksu_addr_next(w->stack[host], &cursor, ret_info)) {
        if (!ret_info->automatic || !ak_addr_in_prefix(&ret_info->addr, &parsed, 64)) continue;
        if (wanted_state >= 0 && (int)ret_info->state != wanted_state) continue;
        if (skip-- == 0) return true;
    }
    return false;
}

static bool has_state(struct wire *w, int host, const aksu_addr *addr, aksu_addr_state wanted) {
    uint32_t cursor = 0;
    aksu_addr_info info;
    while (aksu_addr_next(w->stack[host], &cursor, &info)) {
        if (aksu_addr_equal(&info.addr, addr)) return info.state == wanted;
    }
    return false;
}

static void slaac_from_link_local_to_a_route(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 1, AKSU_AUTOCONF_STABLE);
    aksu_addr_info info;
    wire_run(w, seconds(3));
    assert_true(made(w, 0, "fe80::", AKSU_ADDR_PREFERRED, &info, 0));
    assert_true(wire_count(w, "RS, says") >= 1);
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = wire_addr("2001:db8:ffff::1"), .port = 80}};
    aksu_sock sock;
    assert_int_equal(aksu_tcp_connect(w->stack[0], &open, &sock), AKSU_ERR_NO_ROUTE);
    advertise_router(w, (struct ra){.lifetime_s = 1800,
                                    .mtu = 1400,
                                    .prefix = "2001:db8:1::",
                                    .flags = L | A,
                                    .valid_s = 86400,
                                    .preferred_s = 14400});
    wire_run(w, seconds(3));
    assert_true(made(w, 0, "2001:db8:1::", AKSU_ADDR_PREFERRED, &info, 0));
    assert_int_equal(info.prefix_bits, 64);
    /* By the router now, with its MTU, from the new address; on-link addresses directly. */
    wire_forget(w);
    assert_int_equal(aksu_tcp_connect(w->stack[0], &open, &sock), AKSU_OK);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > x TCP SYN"), 1);
    aksu_tcp_info tcp;
    assert_int_equal(aksu_tcp_status(w->stack[0], sock, &tcp), AKSU_OK);
    assert_true(aksu_addr_equal(&tcp.local.addr, &info.addr));
    assert_int_equal(tcp.path_mtu, 1400);
    (void)wire_connect(w, 0, "2001:db8:1::5", 80);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "NS 2001:db8:1::5"), 1);
    /* Its lifetime of 0 takes the router away; the prefix stays. */
    advertise_router(w, (struct ra){.lifetime_s = 0});
    assert_int_equal(aksu_tcp_connect(w->stack[0], &open, &sock), AKSU_ERR_NO_ROUTE);
    wire_close(w);
}

/* RFC 4861 s6.1.2: beyond the link, or not from a link-local address: nothing is learnt.  attack: 11 */
static void ra_of_a_stranger_teaches_nothing(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 0, AKSU_AUTOCONF_STABLE);
    wire_run(w, seconds(20));
    struct ra ra = {
        .lifetime_s = 1800, .prefix = "2001:db8:1::", .flags = L | A, .valid_s = 86400, .preferred_s = 14400};
    aksu_addr_info info;
    struct ra one = ra;
    one.ttl = 254;
    advertise_router(w, one);
    one = ra;
    one.src = "2001:db8::99";
    advertise_router(w, one);
    wire_run(w, seconds(3));
    assert_false(made(w, 0, "2001:db8:1::", -1, &info, 0));
    assert_int_equal(wire_drops(w, 0, AKSU_DROP_NDP_HOP_LIMIT), 1);
    assert_int_equal(wire_drops(w, 0, AKSU_DROP_NDP_SOURCE), 1);
    /* Without autoconf no router is heard at all. */
    (void)host_with(w, 0, AKSU_AUTOCONF_OFF);
    wire_give(w, 1, "2001:db8::2", 64);
    advertise_router(w, ra);
    wire_run(w, seconds(3));
    assert_false(made(w, 1, "2001:db8:1::", -1, &info, 0));
    wire_close(w);
}

/* RFC 4862 s5.5.3: prefixes that make no address. */
static void prefixes_that_make_no_address(void **state) {
    (void)state;
    static const struct {
        const char *prefix;
        uint8_t bits, flags;
        uint32_t valid_s, preferred_s;
        bool made;
    } rows[] = {
        {"2001:db8:1::", 64, L | A, 86400, 14400, true},
        {"2001:db8:2::", 64, L, 86400, 14400, false},
        {"2001:db8:3::", 63, A, 86400, 14400, false},
        {"2001:db8:4::", 65, A, 86400, 14400, false},
        {"2001:db8:5::", 64, A, 0, 0, false},
        {"2001:db8:6::", 64, A, 100, 101, false},
        {"fe80::", 64, A, 86400, 14400, false},
        {"ff0e::", 64, A, 86400, 14400, false},
        {"2001:db8:7::", 128, A, 86400, 14400, false},
        {"::", 64, A, 86400, 14400, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire *w = wire_open();
        (void)host_with(w, 0, AKSU_AUTOCONF_STABLE);
        wire_run(w, seconds(1));
        advertise_router(w, (struct ra){.prefix = rows[i].prefix,
                                        .bits = rows[i].bits,
                                        .flags = rows[i].flags,
                                        .valid_s = rows[i].valid_s,
                                        .preferred_s = rows[i].preferred_s});
        aksu_addr_info info;
        uint32_t cursor = 0, count = 0;
        while (aksu_addr_next(w->stack[0], &cursor, &info)) count++;
        if (count != (rows[i].made ? 2u : 1u)) print_error("row %zu\n", i);
        assert_int_equal(count, rows[i].made ? 2 : 1);
        wire_close(w);
    }
}

/* Deprecated, then gone, by its lifetimes; and RFC 4862 s5.5.3 (e): who says 0 leaves it two hours. */
static void lifetimes_end_addresses_two_hours_rule(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 0, AKSU_AUTOCONF_STABLE);
    aksu_addr_info info;
    struct ra ra = {.prefix = "2001:db8:1::", .flags = L | A, .valid_s = 10000, .preferred_s = 100};
    advertise_router(w, ra);
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &info, 0));
    wire_run(w, seconds(101));
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_DEPRECATED, &info, 0));
    assert_int_equal(info.preferred_us, 0);
    ra.valid_s = ra.preferred_s = 0; /* somebody wants it gone */
    advertise_router(w, ra);
    assert_true(made(w, 0, ra.prefix, -1, &info, 0));
    assert_true(info.valid_us > seconds(7100) && info.valid_us <= seconds(7200));
    advertise_router(w, ra);
    wire_run(w, seconds(7100));
    advertise_router(w, ra); /* again and again does not end it sooner, nor later */
    assert_true(made(w, 0, ra.prefix, -1, &info, 0));
    wire_run(w, seconds(101));
    assert_false(made(w, 0, ra.prefix, -1, &info, 0));
    /* Longer is believed at once. */
    ra.valid_s = AK_NDP_FOREVER;
    ra.preferred_s = AK_NDP_FOREVER;
    advertise_router(w, ra);
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &info, 0));
    assert_true(info.valid_us == UINT64_MAX && info.preferred_us == UINT64_MAX);
    wire_close(w);
}

/* A flood of prefixes and of routers fills half of the tables at most; what was configured stays.  attack: 73 */
static void flood_of_advertisements_bounded(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 0, AKSU_AUTOCONF_TEMPORARY);
    wire_give(w, 0, "2001:db8::1", 64);
    for (int i = 0; i < 2000; i++) {
        char prefix[40], src[40];
        (void)snprintf(prefix, sizeof prefix, "2001:db8:%x::", i + 16);
        (void)snprintf(src, sizeof src, "fe80::%x", i + 16);
        advertise_router(w, (struct ra){.src = src,
                                        .lifetime_s = 9000,
                                        .prefix = prefix,
                                        .flags = L | A,
                                        .valid_s = 86400,
                                        .preferred_s = 14400});
    }
    aksu_addr_info info;
    uint32_t cursor = 0, count = 0;
    while (aksu_addr_next(w->stack[0], &cursor, &info)) count++;
    assert_true(count <= 1 + 8);
    for (int i = 0; i < 8; i++) { /* half of the routes are free */
        aksu_route route = {
            .prefix = wire_addr("2001:db8:f::"), .prefix_bits = (uint8_t)(48 + i), .gateway = wire_addr("fe80::5")};
        assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_OK);
    }
    for (int i = 0; i < 7; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "2001:db8::%x", i + 100);
        wire_give(w, 0, text, 64);
    }
    assert_int_equal(wire_addr_state(w, 0, "2001:db8::1"), AKSU_ADDR_PREFERRED);
    wire_close(w);
}

/* RFC 7217: the same again for the same secret, prefix and interface, others for others; RFC 8981: a new one each day
 * or sooner (s3.8: by DESYNC_FACTOR, drawn for each), preferred by connections. */
static void identifiers_stable_and_temporary(void **state) {
    (void)state;
    struct ra ra = {
        .lifetime_s = 9000, .prefix = "2001:db8:1::", .flags = L | A, .valid_s = 900000, .preferred_s = 800000};
    aksu_addr_info first, again, other, temporary;
    for (int round = 0; round < 2; round++) {
        struct wire *w = wire_open();
        (void)host_with(w, 1, AKSU_AUTOCONF_STABLE);
        wire_run(w, seconds(3));
        advertise_router(w, ra);
        assert_true(made(w, 0, ra.prefix, -1, round == 0 ? &first : &again, 0));
        struct ra second = ra;
        second.prefix = "2001:db8:2::";
        advertise_router(w, second);
        assert_true(made(w, 0, second.prefix, -1, &other, 0));
        wire_close(w);
    }
    assert_memory_equal(&first.addr, &again.addr, 16);
    assert_memory_not_equal(first.addr.byte + 8, other.addr.byte + 8, 8);
    struct wire *w = wire_open();
    (void)host_with(w, 1, AKSU_AUTOCONF_TEMPORARY);
    wire_run(w, seconds(3));
    advertise_router(w, ra);
    wire_run(w, seconds(3));
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &first, 0));
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &temporary, 1));
    assert_true(temporary.preferred_us <= seconds(86400) && temporary.valid_us <= seconds(172800));
    aksu_sock sock = wire_connect(w, 0, "2001:db8:f::1", 80);
    aksu_tcp_info tcp;
    assert_int_equal(aksu_tcp_status(w->stack[0], sock, &tcp), AKSU_OK);
    assert_memory_equal(&tcp.local.addr, &temporary.addr, 16);
    /* Then there is another, and the old one is for what is open. */
    uint64_t least_us = UINT64_MAX, most_us = 0;
    for (int time = 0; time < 12; time++) {
        uint64_t lasts_us = temporary.preferred_us;
        assert_in_range(lasts_us, seconds(86400 * 0.6 - 10), seconds(86400));
        least_us = lasts_us < least_us ? lasts_us : least_us;
        most_us = lasts_us > most_us ? lasts_us : most_us;
        for (uint64_t past_us = 0; past_us < lasts_us; past_us += seconds(3600)) {
            assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &other, 1));
            assert_memory_equal(&other.addr, &temporary.addr, 16);
            uint64_t left_us = lasts_us - past_us; /* five seconds before, there is its successor */
            if (left_us > seconds(3600)) advertise_router(w, ra);
            wire_run(w, left_us > seconds(3600) ? seconds(3600) : left_us - seconds(6));
        }
        wire_run(w, seconds(6.5));
        assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &other, 1));
        assert_memory_not_equal(&other.addr, &temporary.addr, 16);
        assert_true(has_state(w, 0, &temporary.addr, AKSU_ADDR_DEPRECATED));
        advertise_router(w, ra);
        temporary = other;
    }
    assert_true(most_us - least_us > seconds(3600)); /* of 12 that are spread over 34,560 s */
    wire_close(w);
}

/* RFC 8981 s3.4: a temporary address is preferred no longer than its prefix, and has no successor while that is
 * deprecated; when the prefix is preferred again there is one. */
static void temporary_address_follows_its_prefix(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 0, AKSU_AUTOCONF_TEMPORARY);
    struct ra ra = {.prefix = "2001:db8:1::", .flags = L | A, .valid_s = 90000, .preferred_s = 10};
    aksu_addr_info info;
    advertise_router(w, ra);
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &info, 1));
    wire_run(w, seconds(11));
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_DEPRECATED, &info, 1));
    assert_false(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &info, 0));
    ra.preferred_s = 80000;
    advertise_router(w, ra);
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &info, 1));
    assert_false(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &info, 2));
    wire_close(w);
}

/* RFC 8981 s3.4: its successor is asked for before it is deprecated, so that no connection begins from the stable
 * address in between; one that would be deprecated before that has no sense. */
static void temporary_address_has_its_successor_in_time(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 1, AKSU_AUTOCONF_TEMPORARY);
    struct ra ra = {
        .lifetime_s = 9000, .prefix = "2001:db8:1::", .flags = L | A, .valid_s = 900000, .preferred_s = 800000};
    aksu_addr_info stable, first, now;
    wire_run(w, seconds(3));
    advertise_router(w, ra);
    wire_run(w, seconds(3));
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &stable, 0));
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &first, 1));
    uint64_t left_us = first.preferred_us - seconds(10);
    for (; left_us > seconds(4320); left_us -= seconds(4320)) {
        wire_run(w, seconds(4320));
        advertise_router(w, ra);
    }
    uint32_t others = 0;
    for (int i = 0; i < 200; i++, wire_run(w, seconds(0.1))) { /* ten seconds before to ten after */
        if (i == 0) wire_run(w, left_us);
        aksu_sock sock = wire_connect(w, 0, "2001:db8:f::1", 80);
        aksu_tcp_info tcp;
        assert_int_equal(aksu_tcp_status(w->stack[0], sock, &tcp), AKSU_OK);
        assert_memory_not_equal(&tcp.local.addr, &stable.addr, 16);
        others += memcmp(&tcp.local.addr, &first.addr, 16) != 0;
        assert_int_equal(aksu_tcp_abort(w->stack[0], sock), AKSU_OK);
    }
    assert_in_range(others, 50, 150);
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_DEPRECATED, &now, 0));
    assert_false(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &now, 2));
    wire_close(w);
}

/* Who lets a prefix's preferred lifetime end again and again gets half of the table at most.  attack: 73 */
static void flapping_prefix_bounded(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 0, AKSU_AUTOCONF_TEMPORARY);
    for (int i = 0; i < 100; i++) {
        advertise_router(w, (struct ra){.prefix = "2001:db8:1::", .flags = L | A, .valid_s = 90000, .preferred_s = 9});
        wire_run(w, seconds(i % 2 == 0 ? 10 : 2));
    }
    aksu_addr_info info;
    uint32_t cursor = 0, count = 0;
    while (aksu_addr_next(w->stack[0], &cursor, &info)) count++;
    assert_in_range(count, 3, 8);
    wire_close(w);
}

/* RFC 4862 s5.5.3, s5.5.4: a prefix that is told as deprecated, as in a renumbering, makes a deprecated address,
 * however long it takes to ask whether anybody has it. */
static void deprecated_prefix_makes_deprecated_address(void **state) {
    (void)state;
    for (uint8_t probes = 0; probes < 2; probes++) {
        for (uint32_t preferred_s = 0; preferred_s < 2; preferred_s++) {
            struct wire *w = wire_open();
            (void)host_with(w, probes, AKSU_AUTOCONF_STABLE);
            aksu_addr_info info;
            struct ra ra = {.prefix = "2001:db8:1::", .flags = L | A, .valid_s = 9000, .preferred_s = preferred_s};
            advertise_router(w, ra);
            wire_run(w, seconds(5));
            assert_true(made(w, 0, ra.prefix, AKSU_ADDR_DEPRECATED, &info, 0));
            wire_close(w);
        }
    }
}

/* RFC 7217 s6: an identifier that is taken is made anew, three times at most. */
static void taken_identifier_made_anew(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 1, AKSU_AUTOCONF_STABLE);
    wire_run(w, 1000);
    aksu_addr_info info, before = {.link = 0};
    for (int i = 0; i < 4; i++) {
        assert_true(made(w, 0, "fe80::", AKSU_ADDR_TENTATIVE, &info, 0));
        assert_memory_not_equal(&info.addr, &before.addr, 16);
        before = info;
        char text[AKSU_ADDR_TEXT_BYTES], group[AKSU_ADDR_TEXT_BYTES];
        aksu_addr solicited = ak_addr_solicited_node(&info.addr);
        wire_solicit(w, "::", wire_addr_text(&solicited, group), wire_addr_text(&info.addr, text), NULL);
    }
    assert_false(made(w, 0, "fe80::", -1, &info, 0));
    wire_close(w);
}

/* Two routers: the preferred one (RFC 4191) is used; if it falls silent, the other (RFC 4861 s6.3.6). */
static void router_preference_and_failover(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 0, AKSU_AUTOCONF_STABLE);
    (void)wire_host(w, NULL, NULL); /* b is a router in its way: it has the far address */
    w->router[1] = true;
    wire_give(w, 1, "fe80::b", 64);
    wire_give(w, 1, "2001:db8:f::1", 128);
    aksu_route back = {.prefix = wire_addr("2001:db8:1::"), .prefix_bits = 64};
    assert_int_equal(aksu_route_add(w->stack[1], &back), AKSU_OK);
    (void)wire_listen(w, 1, 80);
    struct ra ra = {
        .lifetime_s = 9000, .prefix = "2001:db8:1::", .flags = L | A, .valid_s = 90000, .preferred_s = 80000};
    ra.src = "fe80::b";
    wire_run(w, seconds(1));
    advertise_router(w, ra); /* b's word, but x's Ethernet address: it is learnt from b's own answer below */
    ra.src = "fe80::99";
    ra.preference = 1;
    advertise_router(w, ra); /* x, preferred, never answers */
    wire_run(w, seconds(1));
    wire_forget(w);
    aksu_sock sock = wire_connect(w, 0, "2001:db8:f::1", 80);
    wire_run(w, seconds(1));
    assert_true(wire_count(w, "a > x TCP SYN") >= 1);
    wire_run(w, seconds(60));
    assert_true(wire_count(w, "a > b TCP SYN") >= 1);
    assert_int_equal(wire_tcp_state(w, 0, sock), AK_TCP_ESTABLISHED);
    wire_close(w);
}

/* RFC 4861 s7.2.5: a router that says that it is none any more is not gone by; whoever is not believed about his
 * Ethernet address is not believed about that. */
static void router_that_becomes_a_host_is_left(void **state) {
    (void)state;
    aksu_mac x = wire_mac(HAND), evil = {{0x02, 0xee, 0, 0, 0, 1}};
    const struct wire_na na = {.src = "fe80::99", .dst = "ff02::1", .target = "fe80::99"};
    struct {
        const aksu_mac *mac;
        bool router, overrides;
        aksu_err wanted;
    } rows[] = {{&x, true, false, AKSU_OK},
                {&evil, false, false, AKSU_OK},
                {&x, false, false, AKSU_ERR_NO_ROUTE},
                {NULL, false, false, AKSU_ERR_NO_ROUTE},
                {&evil, false, true, AKSU_ERR_NO_ROUTE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire *w = wire_open();
        (void)host_with(w, 0, AKSU_AUTOCONF_STABLE);
        advertise_router(
            w,
            (struct ra){.lifetime_s = 1800, .prefix = "2001:db8:1::", .flags = A, .valid_s = 900, .preferred_s = 900});
        struct wire_na said = na;
        said.mac = rows[i].mac;
        said.router = rows[i].router;
        said.overrides = rows[i].overrides;
        wire_advertise(w, &said);
        aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = wire_addr("2001:db8:f::1"), .port = 80}};
        aksu_sock sock;
        if (aksu_tcp_connect(w->stack[0], &open, &sock) != rows[i].wanted) fail_msg("row %zu", i);
        wire_close(w);
    }
}

/* What a router of IPv6 says of the time between questions is not for ARP: it could keep IPv4 from its neighbours. */
static void retransmission_time_is_not_for_arp(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 0, AKSU_AUTOCONF_STABLE);
    wire_give(w, 0, "192.0.2.1", 24);
    uint8_t p[16] = {134, 0, 0, 0, 64};
    ak_put32(p + 12, 60000);
    wire_icmp6(w, "fe80::99", "ff02::1", 255, p, sizeof p);
    (void)wire_connect(w, 0, "192.0.2.9", 80);
    wire_run(w, seconds(2.5));
    assert_int_equal(wire_count(w, "a > all ARP who has 192.0.2.9"), 3);
    wire_close(w);
}

/* RFC 7217 s5: each interface has its own identifier, VLANs of one device too. */
static void vlans_of_one_device_have_their_own_identifiers(void **state) {
    (void)state;
    aksu_config config = wire_config();
    config.link_max = 2;
    struct wire *w = wire_open();
    aksu_link_config link = wire_link(0);
    link.autoconf = AKSU_AUTOCONF_STABLE;
    (void)wire_host(w, &config, &link);
    link.vlan = 5;
    uint16_t second;
    assert_int_equal(aksu_link_add(w->stack[0], &link, &second), AKSU_OK);
    aksu_addr_info one, two;
    assert_true(made(w, 0, "fe80::", -1, &one, 0) && made(w, 0, "fe80::", -1, &two, 1));
    assert_true(one.link == 0 && two.link == second);
    assert_memory_not_equal(one.addr.byte, two.addr.byte, 16);
    wire_close(w);
}

/* RFC 4861 s8: from the router that was used, to another, for one destination. */
static void redirect_taken_from_the_router_alone(void **state) {
    (void)state;
    static const struct {
        const char *src, *target, *destination;
        uint32_t flags;
        bool taken;
    } rows[] = {
        {"fe80::99", "fe80::b", "2001:db8:f::1", 0, true},
        {"fe80::99", "2001:db8:f::1", "2001:db8:f::1", 0, true}, /* it is on the link */
        {"fe80::98", "fe80::b", "2001:db8:f::1", 0, false},      /* another router, or anybody */
        {"fe80::99", "fe80::b", "2001:db8:f::1", AKSU_LINK_NO_REDIRECTS, false},
        {"fe80::99", "2001:db8:e::1", "2001:db8:f::1", 0, false}, /* not a router's address */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire *w = wire_open();
        aksu_link_config link = wire_link(0);
        link.flags = rows[i].flags;
        (void)wire_host(w, NULL, &link);
        wire_give(w, 0, "2001:db8:1::1", 64);
        aksu_route route = {.prefix = wire_addr("::"), .gateway = wire_addr("fe80::99")};
        assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_OK);
        wire_run(w, seconds(3));
        wire_forget(w);
        uint8_t p[48] = {137};
        aksu_addr target = wire_addr(rows[i].target), destination = wire_addr(rows[i].destination);
        memcpy(p + 8, target.byte, 16);
        memcpy(p + 24, destination.byte, 16);
        wire_icmp6(w, rows[i].src, "2001:db8:1::1", 255, p, 40);
        (void)wire_connect(w, 0, "2001:db8:f::1", 80);
        (void)wire_connect(w, 0, "2001:db8:f::2", 80); /* others go as before */
        wire_run(w, seconds(0.5));
        char asked[64];
        (void)snprintf(asked, sizeof asked, "NS %s,", rows[i].target);
        if (wire_count(w, asked) != rows[i].taken) print_error("row %zu\n", i);
        assert_int_equal(wire_count(w, asked), rows[i].taken);
        assert_int_equal(wire_count(w, "NS fe80::99,"), 1);
        wire_close(w);
    }
}

/* RFC 4191 s3.2, RFC 4861 s5.2: what a redirect leads to does not answer: it goes by the router again, before the
 * redirect grows old. */
static void redirect_to_nobody_goes_by_the_router_again(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)wire_host(w, NULL, NULL);
    (void)wire_host(w, NULL, NULL); /* b is the router: it has the far address */
    wire_give(w, 0, "2001:db8:1::1", 64);
    wire_give(w, 1, "fe80::b", 64);
    wire_give(w, 1, "2001:db8:f::1", 128);
    aksu_route route = {.prefix = wire_addr("::"), .gateway = wire_addr("fe80::b")};
    aksu_route back = {.prefix = wire_addr("2001:db8:1::"), .prefix_bits = 64};
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_OK);
    assert_int_equal(aksu_route_add(w->stack[1], &back), AKSU_OK);
    (void)wire_listen(w, 1, 80);
    wire_run(w, seconds(3));
    uint8_t p[48] = {137};
    aksu_addr target = wire_addr("fe80::99"), destination = wire_addr("2001:db8:f::1");
    memcpy(p + 8, target.byte, 16);
    memcpy(p + 24, destination.byte, 16);
    wire_icmp6(w, "fe80::b", "2001:db8:1::1", 255, p, 40);
    wire_forget(w);
    aksu_sock sock = wire_connect(w, 0, "2001:db8:f::1", 80);
    wire_run(w, seconds(1));
    assert_true(wire_count(w, "a > group NS fe80::99,") >= 1 && wire_count(w, "a > b TCP SYN") == 0);
    wire_run(w, seconds(30));
    assert_int_equal(wire_tcp_state(w, 0, sock), AK_TCP_ESTABLISHED);
    wire_close(w);
}

/* A flood of redirects: they push out each other, not what was configured. */
static void flood_of_redirects_bounded(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)wire_host(w, NULL, NULL);
    wire_give(w, 0, "2001:db8:1::1", 64);
    aksu_route route = {.prefix = wire_addr("::"), .gateway = wire_addr("fe80::99")};
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_OK);
    for (unsigned i = 0; i < 500; i++) {
        uint8_t p[48] = {137};
        aksu_addr target = wire_addr("fe80::b"), destination = wire_addr("2001:db8:f::");
        memcpy(p + 8, target.byte, 16);
        memcpy(p + 24, destination.byte, 16);
        ak_put16(p + 38, (uint16_t)(i + 1));
        wire_icmp6(w, "fe80::99", "2001:db8:1::1", 255, p, 40);
    }
    for (unsigned i = 0; i < 7; i++) {
        aksu_route more = {.prefix = wire_addr("2001:db8:e::"), .prefix_bits = (uint8_t)(48 + i)};
        assert_int_equal(aksu_route_add(w->stack[0], &more), AKSU_OK);
    }
    assert_int_equal(aksu_route_remove(w->stack[0], &route), AKSU_OK);
    wire_close(w);
}

/* RFC 6724 s5, rule by rule. */
static void source_address_selected(void **state) {
    (void)state;
    static const struct {
        const char *have[3], *remote, *wanted;
    } rows[] = {
        {{"2001:db8:1::1", "fd00::1", NULL}, "2001:db8:9::1", "2001:db8:1::1"}, /* rule 6: labels */
        {{"2001:db8:1::1", "fd00::1", NULL}, "fd00::9", "fd00::1"},
        {{"2001:db8:1::1", "2001:db8:2::1", NULL}, "2001:db8:2::9", "2001:db8:2::1"}, /* rule 8: the longer match */
        {{"2001:db8:2::1", "2001:db8:1::1", NULL}, "2001:db8:1::9", "2001:db8:1::1"},
        {{"2001:0:1::1", "2600::1", NULL}, "2001:db8:9::1", "2600::1"}, /* the label before the match */
        {{"2002:c000:201::1", "2001:db8:1::1", NULL}, "2002:c000:301::9", "2002:c000:201::1"},
        {{"2001:db8:1::1", "2001:db8:1::8001", NULL},
         "2001:db8:1::8002",
         "2001:db8:1::1"}, /* s2.2: identifiers do not */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire *w = wire_open();
        (void)wire_host(w, NULL, NULL);
        for (int k = 0; rows[i].have[k] != NULL; k++) wire_give(w, 0, rows[i].have[k], 64);
        aksu_route route = {.prefix = wire_addr("::"), .gateway = wire_addr("fe80::99")};
        assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_OK);
        aksu_sock sock = wire_connect(w, 0, rows[i].remote, 80);
        aksu_tcp_info info;
        assert_int_equal(aksu_tcp_status(w->stack[0], sock, &info), AKSU_OK);
        char got[AKSU_ADDR_TEXT_BYTES];
        assert_string_equal(wire_addr_text(&info.local.addr, got), rows[i].wanted);
        wire_close(w);
    }
}

/* A link-local destination is on the link that its endpoint names, and from a link-local source (rule 2). */
static void link_local_destination_has_its_link(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)wire_host(w, NULL, NULL);
    (void)wire_host(w, NULL, NULL);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_give(w, 1, "fe80::b", 64);
    (void)wire_listen(w, 1, 80);
    wire_run(w, seconds(3));
    aksu_sock sock = wire_connect(w, 0, "fe80::b", 80);
    wire_run(w, 1000);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[0], sock, &info), AKSU_OK);
    assert_int_equal(info.state, AK_TCP_ESTABLISHED);
    assert_true(ak_addr_is_link_local(&info.local.addr));
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = wire_addr("fe80::b"), .port = 80, .link = 7}};
    assert_int_equal(aksu_tcp_connect(w->stack[0], &open, &sock), AKSU_ERR_NO_ROUTE);
    /* Without a link it is on none, and no router's to send on (RFC 4291 s2.5.6). */
    aksu_route route = {.prefix = wire_addr("::"), .gateway = wire_addr("fe80::99")};
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_OK);
    open.remote.link = AKSU_LINK_ANY;
    assert_int_equal(aksu_tcp_connect(w->stack[0], &open, &sock), AKSU_ERR_NO_ROUTE);
    wire_close(w);
}

/* A link that is down says nothing, whoever asks; what comes up again tells of its addresses, asks anew for the one
 * that somebody else had, and doubts what it had learnt: it may be another network (RFC 4862 s5.3, RFC 4861 s6.3.7). */
static void link_down_is_silent_and_up_is_told_of(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_mac x = wire_mac(HAND);
    (void)host_with(w, 0, AKSU_AUTOCONF_STABLE);
    wire_give(w, 0, "192.0.2.1", 24);
    struct ra ra = {.mtu = 1300, .prefix = "2001:db8:1::", .flags = L | A, .valid_s = 90000, .preferred_s = 80000};
    advertise_router(w, ra);
    wire_run(w, seconds(15));
    aksu_udp_open open = {.struct_bytes = sizeof open, .local.port = 5};
    aksu_sock sock;
    assert_int_equal(aksu_udp_bind(w->stack[0], &open, &sock), AKSU_OK);
    wire_arp(w, AK_ARP_REQUEST, &x, "192.0.2.9", "192.0.2.1");
    aksu_addr_info info;
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &info, 0));
    wire_run(w, 1000);
    wire_forget(w);
    assert_int_equal(aksu_link_down(w->stack[0], 0), AKSU_OK);
    aksu_endpoint to = {.addr = wire_addr("192.0.2.9"), .port = 9};
    (void)aksu_udp_send(w->stack[0], sock, &to, "x", 1);
    wire_give(w, 0, "2001:db8:1::7", 64);
    wire_run(w, seconds(20));
    assert_int_equal(wire_count(w, "a >"), 0);
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_DEPRECATED, &info, 0));
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.9").state, AKSU_NEIGHBOUR_NONE);
    assert_int_equal(aksu_link_up(w->stack[0], 0), AKSU_OK);
    wire_run(w, seconds(15));
    assert_int_equal(wire_count(w, "a > all ARP who has 192.0.2.1, says 192.0.2.1"), 1);
    assert_true(wire_count(w, "a > group NA 2001:db8:1::7 override") == 1 && wire_count(w, "MLD report") >= 3);
    assert_true(wire_count(w, "RS, says") >= 1);
    ra.mtu = 0; /* and what the router said of the link is forgotten */
    advertise_router(w, ra);
    assert_true(made(w, 0, ra.prefix, AKSU_ADDR_PREFERRED, &info, 0));
    aksu_sock tcp = wire_connect(w, 0, "2001:db8:1::8", 80);
    aksu_tcp_info now;
    assert_int_equal(aksu_tcp_status(w->stack[0], tcp, &now), AKSU_OK);
    assert_int_equal(now.path_mtu, 1500);
    wire_close(w);
}

/* An address that somebody had is asked for again where the cable goes next. */
static void duplicate_asked_for_again_after_link_up(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_mac x = wire_mac(HAND);
    (void)host_with(w, 1, 0);
    wire_give(w, 0, "192.0.2.1", 24);
    wire_arp(w, AK_ARP_REPLY, &x, "192.0.2.1", "192.0.2.1");
    assert_int_equal(wire_addr_state(w, 0, "192.0.2.1"), AKSU_ADDR_DUPLICATE);
    assert_int_equal(aksu_link_down(w->stack[0], 0), AKSU_OK);
    assert_int_equal(aksu_link_up(w->stack[0], 0), AKSU_OK);
    assert_int_equal(wire_addr_state(w, 0, "192.0.2.1"), AKSU_ADDR_TENTATIVE);
    wire_run(w, seconds(5));
    assert_int_equal(wire_addr_state(w, 0, "192.0.2.1"), AKSU_ADDR_PREFERRED);
    wire_close(w);
}

/* MLDv2 reports when an address comes, again when it is asked for, and once when it goes; a code of 0 asks for now
 * (RFC 3810).  attack: 35 */
static void groups_reported(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 1, 0);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_run(w, seconds(5));
    assert_int_equal(wire_count(w, "MLD report"), 4); /* two groups, twice */
    static const uint16_t codes[] = {0, 1, 10000, 0x7fff, 0x8000, 0xffff};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        uint8_t query[28] = {AK_MLD_QUERY};
        ak_put16(query + 4, codes[i]);
        wire_forget(w);
        wire_icmp6(w, "fe80::99", "ff02::1", 1, query, sizeof query);
        wire_run(w, seconds(70));
        assert_true(wire_count(w, "a > group MLD report") >= 2);
        wire_forget(w);
        wire_icmp6(w, "2001:db8::99", "ff02::1", 1, query, sizeof query); /* not a router of this link */
        wire_icmp6(w, "fe80::99", "ff02::1", 1, query, 23);
        wire_run(w, seconds(70));
        assert_int_equal(wire_count(w, "a > group MLD report"), 0);
    }
    aksu_addr addr = wire_addr("2001:db8::1");
    assert_int_equal(aksu_addr_remove(w->stack[0], &addr), AKSU_OK);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > group MLD report"), 1);
    wire_close(w);
}

/* RFC 3810 s8.2.1: to a querier of MLDv1 in its words, within the time it asks for, and Done when a group is left; in
 * our own again 260 seconds after the last of its queries, whatever queriers of MLDv2 say meanwhile. */
static void older_querier_answered_in_its_words(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 1, 0);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_give(w, 0, "2001:db8::2", 64);
    wire_run(w, seconds(5));
    uint8_t query[28] = {AK_MLD_QUERY};
    for (int time = 0; time < 3; time++) {
        ak_put16(query + 4, 40000); /* ms: not to be read as MLDv2's exponent */
        wire_forget(w);
        wire_icmp6(w, "fe80::99", "ff02::1", 1, query, 24);
        wire_run(w, seconds(42));
        assert_in_range(wire_count(w, "a > group MLDv1 Report of ff02::1:ff00:1 to ff02::1:ff00:1"), 1, 2);
        assert_in_range(wire_count(w, "a > group MLDv1 Report of ff02::1:ff00:2 to ff02::1:ff00:2"), 1, 2);
        assert_int_equal(wire_count(w, "MLD report"), 0);
        wire_run(w, seconds(250 - 42));
        ak_put16(query + 4, 100);
        wire_icmp6(w, "fe80::98", "ff02::1", 1, query, 28);
        wire_run(w, seconds(5));
        assert_int_equal(wire_count(w, "MLD report"), 0);
    }
    aksu_addr one = wire_addr("2001:db8::1"), two = wire_addr("2001:db8::2");
    assert_int_equal(aksu_addr_remove(w->stack[0], &one), AKSU_OK);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > group MLDv1 Done of ff02::1:ff00:1 to ff02::2"), 1);
    wire_run(w, seconds(4)); /* 259 */
    wire_forget(w);
    wire_icmp6(w, "fe80::98", "ff02::1", 1, query, 28);
    wire_run(w, seconds(0.2));
    assert_true(wire_count(w, "MLDv1 Report") >= 1);
    wire_run(w, seconds(3));
    wire_forget(w);
    wire_icmp6(w, "fe80::98", "ff02::1", 1, query, 28);
    wire_run(w, seconds(2));
    assert_true(wire_count(w, "MLD report") >= 2 && wire_count(w, "MLDv1") == 0);
    for (uint32_t bytes = 25; bytes < 28; bytes++) { /* s8.1: nobody's */
        wire_forget(w);
        wire_icmp6(w, "fe80::99", "ff02::1", 1, query, bytes);
        wire_run(w, seconds(5));
        assert_int_equal(wire_count(w, "MLD"), 0);
    }
    assert_int_equal(aksu_addr_remove(w->stack[0], &two), AKSU_OK);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > group MLD report"), 1);
    wire_close(w);
}

/* What was about to be told of in MLDv2's words is not, once an older querier is there. */
static void older_querier_ends_what_was_pending(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 1, 0);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_run(w, seconds(5));
    uint8_t query[28] = {AK_MLD_QUERY};
    wire_forget(w);
    ak_put16(query + 4, 1);
    wire_icmp6(w, "fe80::98", "ff02::1", 1, query, 28);
    wire_run(w, 1500); /* told once; the second time is pending, within a second */
    ak_put16(query + 4, 60000);
    wire_icmp6(w, "fe80::99", "ff02::1", 1, query, 24);
    uint32_t told = wire_count(w, "MLD report");
    assert_true(told >= 1);
    wire_run(w, seconds(1));
    assert_int_equal(wire_count(w, "MLDv1 Report"), 0); /* it has a minute */
    assert_int_equal(wire_count(w, "MLD report"), told);
    wire_close(w);
}

/* Addresses that share a group: it is left with the last of them (RFC 3810 s4.2). */
static void group_left_with_its_last_address(void **state) {
    (void)state;
    struct wire *w = wire_open();
    (void)host_with(w, 1, 0);
    wire_give(w, 0, "2001:db8:1::1", 64);
    wire_give(w, 0, "2001:db8:2::1", 64);
    wire_run(w, seconds(5));
    wire_forget(w);
    aksu_addr one = wire_addr("2001:db8:1::1"), two = wire_addr("2001:db8:2::1");
    assert_int_equal(aksu_addr_remove(w->stack[0], &one), AKSU_OK);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > group MLD report"), 0);
    assert_int_equal(aksu_addr_remove(w->stack[0], &two), AKSU_OK);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > group MLD report"), 1);
    wire_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_address_probed_then_announced),
        cmocka_unit_test(ipv6_address_asked_for_then_used),
        cmocka_unit_test(taken_address_refused),
        cmocka_unit_test(two_ask_at_once_at_most_one_has_it),
        cmocka_unit_test(used_address_defended_and_kept),
        cmocka_unit_test(ipv6_question_of_another_answered),
        cmocka_unit_test(slaac_from_link_local_to_a_route),
        cmocka_unit_test(ra_of_a_stranger_teaches_nothing),
        cmocka_unit_test(prefixes_that_make_no_address),
        cmocka_unit_test(lifetimes_end_addresses_two_hours_rule),
        cmocka_unit_test(flood_of_advertisements_bounded),
        cmocka_unit_test(identifiers_stable_and_temporary),
        cmocka_unit_test(temporary_address_follows_its_prefix),
        cmocka_unit_test(temporary_address_has_its_successor_in_time),
        cmocka_unit_test(flapping_prefix_bounded),
        cmocka_unit_test(deprecated_prefix_makes_deprecated_address),
        cmocka_unit_test(taken_identifier_made_anew),
        cmocka_unit_test(router_preference_and_failover),
        cmocka_unit_test(router_that_becomes_a_host_is_left),
        cmocka_unit_test(retransmission_time_is_not_for_arp),
        cmocka_unit_test(vlans_of_one_device_have_their_own_identifiers),
        cmocka_unit_test(redirect_taken_from_the_router_alone),
        cmocka_unit_test(redirect_to_nobody_goes_by_the_router_again),
        cmocka_unit_test(flood_of_redirects_bounded),
        cmocka_unit_test(source_address_selected),
        cmocka_unit_test(link_local_destination_has_its_link),
        cmocka_unit_test(link_down_is_silent_and_up_is_told_of),
        cmocka_unit_test(duplicate_asked_for_again_after_link_up),
        cmocka_unit_test(groups_reported),
        cmocka_unit_test(older_querier_answered_in_its_words),
        cmocka_unit_test(older_querier_ends_what_was_pending),
        cmocka_unit_test(group_left_with_its_last_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
