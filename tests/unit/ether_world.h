/* Hosts on an Ethernet segment in virtual time, for tests of neighbours and addresses.  Every frame goes to every other
 * host 10 us later, as on a cable; a host may be unplugged.  Each frame is noted as a line of text, so that a test
 * reads as what was said:
 *
 *     a > all  ARP who has 192.0.2.2, says 192.0.2.1
 *
 * The test itself is on the segment too, as x: wire_says sends what it makes by hand. */
#ifndef TEST_ETHER_WORLD_H
#define TEST_ETHER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "net/ether.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/tcp.h"

enum { HOSTS_MAX = 4, LINES_MAX = 4096, LINE_BYTES = 256, HAND = HOSTS_MAX, FRAME_MAX = 2048 };

struct wire_line {
    uint64_t time_us;
    int from;
    char text[LINE_BYTES];
    uint8_t bytes[128]; /* its first */
};

struct wire {
    aksu_stack *stack[HOSTS_MAX];
    void *mem[HOSTS_MAX];
    int count;
    bool unplugged[HOSTS_MAX + 1];
    bool router[HOSTS_MAX]; /* its advertisements say that it is one, which no host of ours does */
    bool async;             /* the hosts' output is: each frame is given back */
    uint64_t now_us;
    uint32_t line_count, seen; /* seen: of the lines, by wire_expect */
    struct wire_line line[LINES_MAX];
};

static inline aksu_mac wire_mac(int host) {
    return (aksu_mac){{0x02, 0, 0, 0, 0, (uint8_t)(host + 0xa)}};
}

static inline aksu_addr wire_addr(const char *text) {
    aksu_addr addr;
    if (aksu_addr_parse(text, &addr) != AKSU_OK) fail_msg("no address: %s", text);
    return addr;
}

static inline const char *wire_name(const aksu_mac *mac, char *buf) {
    if (ak_mac_equal(mac, &ak_mac_broadcast)) return "all";
    if (ak_mac_is_group(mac)) return "group";
    for (int i = 0; i <= HOSTS_MAX; i++) {
        aksu_mac own = wire_mac(i);
        if (!ak_mac_equal(mac, &own)) continue;
        buf[0] = i == HAND ? 'x' : (char)('a' + i);
        buf[1] = 0;
        return buf;
    }
    return "?";
}

static inline const char *wire_addr_text(const aksu_addr *addr, char *buf) {
    (void)aksu_addr_format(addr, buf, AKSU_ADDR_TEXT_BYTES);
    return buf;
}

static inline void wire_say_ndp(char *to, size_t cap, const struct ak_ip *ip, const uint8_t *p, uint32_t bytes) {
    char src[64], dst[64], target[64];
    struct ak_ndp ndp;
    (void)wire_addr_text(&ip->src, src);
    (void)wire_addr_text(&ip->dst, dst);
    if (p[0] == AK_MLD_REPORT) {
        (void)snprintf(to, cap, "MLD report");
    } else if ((p[0] == AK_MLD1_REPORT || p[0] == AK_MLD1_DONE) && bytes == AK_MLD1_BYTES) {
        aksu_addr group;
        memcpy(group.byte, p + 8, sizeof group.byte);
        (void)snprintf(to, cap, "MLDv1 %s of %s to %s", p[0] == AK_MLD1_DONE ? "Done" : "Report",
                       wire_addr_text(&group, target), wire_addr_text(&ip->dst, dst));
    } else if (ak_wire_ndp_parse(ip, p, bytes, &ndp) != AKSU_DROP_NONE) {
        (void)snprintf(to, cap, "ICMPv6 %u, %s to %s", p[0], src, dst);
    } else if (ndp.type == AK_NDP_NEIGHBOUR_SOLICITATION) {
        (void)snprintf(to, cap, "NS %s, says %s%s", wire_addr_text(&ndp.target, target), src,
                       ndp.has_mac ? "" : " bare");
    } else if (ndp.type == AK_NDP_NEIGHBOUR_ADVERTISEMENT) {
        (void)snprintf(to, cap, "NA %s%s%s", wire_addr_text(&ndp.target, target), ndp.solicited ? " solicited" : "",
                       ndp.overrides ? " override" : "");
    } else {
        (void)snprintf(to, cap, "%s, says %s",
                       ndp.type == AK_NDP_ROUTER_SOLICITATION    ? "RS"
                       : ndp.type == AK_NDP_ROUTER_ADVERTISEMENT ? "RA"
                                                                 : "redirect",
                       src);
    }
}

static inline void wire_say_ip(char *to, size_t cap, const uint8_t *p, uint32_t bytes) {
    char src[64], dst[64];
    struct ak_ip ip;
    struct ak_tcp_header tcp;
    if (ak_wire_ip_parse(p, bytes, bytes, &ip) != AKSU_DROP_NONE) {
        (void)snprintf(to, cap, "IP that cannot be read");
        return;
    }
    const uint8_t *body = p + ip.header_bytes;
    uint32_t left = ip.total_bytes - ip.header_bytes;
    if (ip.protocol == AK_IP_PROTOCOL_ICMP6 && left >= 4 && body[0] >= 130) {
        wire_say_ndp(to, cap, &ip, body, left);
    } else if (ip.protocol == AK_IP_PROTOCOL_TCP && ak_wire_tcp_parse(body, left, left, &tcp) <= AKSU_DROP_NONE) {
        (void)snprintf(to, cap, "TCP%s%s%s%s, %u bytes", tcp.flags & AKSU_TCP_SYN ? " SYN" : "",
                       tcp.flags & AKSU_TCP_ACK ? " ACK" : "", tcp.flags & AKSU_TCP_FIN ? " FIN" : "",
                       tcp.flags & AKSU_TCP_RST ? " RST" : "", left - tcp.data_offset * 4u);
    } else {
        (void)snprintf(to, cap, "IP protocol %u, %s to %s", ip.protocol, wire_addr_text(&ip.src, src),
                       wire_addr_text(&ip.dst, dst));
    }
}

static inline void wire_note(struct wire *w, int from, const uint8_t *p, uint32_t bytes) {
    if (w->line_count == LINES_MAX) return;
    struct wire_line *line = &w->line[w->line_count++];
    struct ak_eth eth;
    char a[8], b[8], says[192] = "nonsense", spa[64], tpa[64];
    line->time_us = w->now_us;
    line->from = from;
    memset(line->bytes, 0, sizeof line->bytes);
    memcpy(line->bytes, p, bytes < sizeof line->bytes ? bytes : sizeof line->bytes);
    if (ak_wire_eth_parse(p, bytes, &eth) != AKSU_DROP_NONE) {
        (void)snprintf(line->text, sizeof line->text, "nonsense");
        return;
    }
    const uint8_t *body = p + eth.header_bytes;
    struct ak_arp arp;
    if (eth.type != AK_ETH_ARP) {
        wire_say_ip(says, sizeof says, body, bytes - eth.header_bytes);
    } else if (ak_wire_arp_parse(body, bytes - eth.header_bytes, &arp) == AKSU_DROP_NONE) {
        (void)wire_addr_text(&arp.spa, spa);
        (void)wire_addr_text(&arp.tpa, tpa);
        if (arp.op == AK_ARP_REQUEST)
            (void)snprintf(says, sizeof says, "ARP who has %s, says %s", tpa, spa);
        else
            (void)snprintf(says, sizeof says, "ARP %s is here, to %s", spa, tpa);
    }
    (void)snprintf(line->text, sizeof line->text, "%s > %s %s", wire_name(&eth.src, a), wire_name(&eth.dst, b), says);
}

static inline aksu_config wire_config(void) {
    aksu_config config;
    aksu_config_default(&config);
    config.output_sync = 1;
    config.tcp_max = 64;
    config.syn_cache_max = 8;
    config.time_wait_max = 8;
    config.transfer_max = 64;
    config.block_max = 512;
    config.record_max = 256;
    return config;
}

static inline aksu_link_config wire_link(int host) {
    return (aksu_link_config){
        .struct_bytes = sizeof(aksu_link_config), .mtu = 1500, .type = AKSU_LINK_ETHERNET, .mac = wire_mac(host)};
}

static inline struct wire *wire_open(void) {
    struct wire *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->now_us = 1000000;
    return w;
}

static inline void wire_close(struct wire *w) {
    for (int i = 0; i < w->count; i++) free(w->mem[i]);
    free(w);
}

/* One more host; answers its number.  NULL: the defaults. */
static inline int wire_host(struct wire *w, const aksu_config *wanted, const aksu_link_config *link_config) {
    int host = w->count++;
    assert_true(host < HOSTS_MAX);
    aksu_config config = wanted != NULL ? *wanted : wire_config();
    aksu_link_config own = link_config != NULL ? *link_config : wire_link(host);
    memset(config.entropy, host + 1, sizeof config.entropy);
    size_t bytes = aksu_stack_bytes(&config);
    assert_true(bytes > 0);
    w->mem[host] = aligned_alloc(64, bytes);
    assert_non_null(w->mem[host]);
    memset(w->mem[host], 0, bytes);
    assert_int_equal(aksu_stack_init(&config, w->mem[host], bytes, &w->stack[host]), AKSU_OK);
    aksu_advance(w->stack[host], w->now_us);
    uint16_t link;
    assert_int_equal(aksu_link_add(w->stack[host], &own, &link), AKSU_OK);
    return host;
}

static inline void wire_give(struct wire *w, int host, const char *addr, uint8_t bits) {
    aksu_addr parsed = wire_addr(addr);
    assert_int_equal(aksu_addr_add(w->stack[host], 0, &parsed, bits), AKSU_OK);
}

static inline void wire_deliver(struct wire *w, int from, const uint8_t *p, uint32_t bytes) {
    wire_note(w, from, p, bytes);
    if (w->unplugged[from]) return;
    for (int i = 0; i < w->count; i++) {
        if (i == from || w->unplugged[i]) continue;
        uint8_t *exact = malloc(bytes); /* so that a read past its end is seen */
        assert_non_null(exact);
        memcpy(exact, p, bytes);
        aksu_iov iov = {.base = exact, .bytes = bytes};
        aksu_frame frame = {.link = 0, .total_bytes = bytes, .iov_count = 1, .iov = &iov};
        aksu_input(w->stack[i], w->now_us, &frame, 1);
        free(exact);
    }
}

/* Sets the R flag of a Neighbour Advertisement (RFC 4861 s4.4). */
static inline void wire_say_router(uint8_t *p, uint32_t bytes) {
    if (bytes < 78 || p[12] != 0x86 || p[20] != AK_IP_PROTOCOL_ICMP6 || p[54] != AK_NDP_NEIGHBOUR_ADVERTISEMENT) return;
    p[58] |= 0x80;
    uint32_t sum = (uint16_t)~ak_be16(p + 56) + 0x8000u;
    ak_put16(p + 56, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
}

static inline bool wire_carry(struct wire *w, int from) {
    aksu_frame frames[8];
    static uint8_t joined[8][65600];
    uint32_t bytes[8];
    size_t count = aksu_output(w->stack[from], w->now_us, frames, 8);
    for (size_t i = 0; i < count; i++) {
        bytes[i] = 0;
        for (uint32_t k = 0; k < frames[i].iov_count; k++) {
            memcpy(joined[i] + bytes[i], frames[i].iov[k].base, frames[i].iov[k].bytes);
            bytes[i] += (uint32_t)frames[i].iov[k].bytes;
        }
        assert_int_equal(bytes[i], frames[i].total_bytes);
    }
    if (count > 0) w->now_us += 10;
    for (size_t i = 0; i < count && w->router[from]; i++) wire_say_router(joined[i], bytes[i]);
    for (size_t i = 0; i < count; i++) {
        wire_deliver(w, from, joined[i], bytes[i]);
        if (w->async) aksu_output_done(w->stack[from], frames[i].token);
    }
    return count > 0;
}

static inline void wire_run(struct wire *w, uint64_t for_us) {
    uint64_t end_us = w->now_us + for_us;
    for (;;) {
        bool any = true;
        while (any) {
            any = false;
            for (int i = 0; i < w->count; i++) any |= wire_carry(w, i);
        }
        uint64_t next_us = UINT64_MAX;
        for (int i = 0; i < w->count; i++) {
            uint64_t due_us = aksu_deadline_us(w->stack[i]);
            if (due_us < next_us) next_us = due_us;
        }
        if (next_us > end_us) break;
        if (next_us > w->now_us) w->now_us = next_us;
    }
    if (end_us > w->now_us) w->now_us = end_us;
    for (int i = 0; i < w->count; i++) aksu_advance(w->stack[i], w->now_us);
}

/* What was said since the last call, line by line, MLD reports left out. */
static inline void wire_expect(struct wire *w, const char *what, const char *expected) {
    static char got[65536];
    size_t at = 0;
    got[0] = 0;
    for (; w->seen < w->line_count && at < sizeof got - LINE_BYTES; w->seen++) {
        if (strstr(w->line[w->seen].text, "MLD report") != NULL) continue;
        at += (size_t)snprintf(got + at, sizeof got - at, "%s\n", w->line[w->seen].text);
    }
    if (strcmp(got, expected) != 0) fail_msg("%s: said\n%swanted\n%s", what, got, expected);
}

static inline void wire_forget(struct wire *w) {
    w->seen = w->line_count;
}

/* Lines since `seen` that hold a text. */
static inline uint32_t wire_count(const struct wire *w, const char *text) {
    uint32_t count = 0;
    for (uint32_t i = w->seen; i < w->line_count; i++) count += strstr(w->line[i].text, text) != NULL;
    return count;
}

static inline aksu_neighbour_info wire_neighbour(struct wire *w, int host, const char *addr) {
    aksu_addr parsed = wire_addr(addr);
    aksu_neighbour_info info;
    uint32_t cursor = 0;
    while (aksu_neighbour_next(w->stack[host], &cursor, &info)) {
        if (aksu_addr_equal(&info.addr, &parsed)) return info;
    }
    return (aksu_neighbour_info){.state = AKSU_NEIGHBOUR_NONE};
}

static inline int wire_addr_state(struct wire *w, int host, const char *addr) {
    aksu_addr parsed = wire_addr(addr);
    aksu_addr_info info;
    uint32_t cursor = 0;
    while (aksu_addr_next(w->stack[host], &cursor, &info)) {
        if (aksu_addr_equal(&info.addr, &parsed)) return (int)info.state;
    }
    return -1;
}

static inline uint64_t wire_drops(struct wire *w, int host, aksu_drop drop) {
    aksu_counters counters;
    aksu_counters_get(w->stack[host], &counters);
    return counters.drop[drop];
}

/* ---------------------------------------------------------------- by hand */

static inline void wire_arp(struct wire *w, uint16_t op, const aksu_mac *sha, const char *spa, const char *tpa) {
    uint8_t p[AK_ETH_HEADER_BYTES + 46] = {0};
    struct ak_eth eth = {
        .dst = op == AK_ARP_REQUEST ? ak_mac_broadcast : wire_mac(0), .src = wire_mac(HAND), .type = AK_ETH_ARP};
    struct ak_arp arp = {.op = op, .sha = *sha, .spa = wire_addr(spa), .tpa = wire_addr(tpa)};
    ak_wire_eth_build(p + AK_ETH_HEADER_BYTES, &eth);
    ak_wire_arp_build(p + AK_ETH_HEADER_BYTES, &arp);
    wire_deliver(w, HAND, p, sizeof p);
}

/* An ICMPv6 message with its checksum, to the first host or a group. */
static inline void wire_icmp6(struct wire *w, const char *src, const char *dst, uint8_t ttl, uint8_t *message,
                              uint32_t bytes) {
    uint8_t p[FRAME_MAX] = {0};
    struct ak_ip ip = {.src = wire_addr(src), .dst = wire_addr(dst), .protocol = 58, .ttl = ttl};
    aksu_mac to = ak_addr_is_multicast(&ip.dst) ? ak_mac_of_group(&ip.dst) : wire_mac(0);
    struct ak_eth eth = {.dst = to, .src = wire_mac(HAND), .type = AK_ETH_IPV6};
    ak_wire_eth_build(p + 14, &eth);
    (void)ak_wire_ip_build(p + 14, &ip, bytes);
    ak_put16(message + 2, 0);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &ip.src, &ip.dst, 58, bytes);
    ak_sum_add(&sum, message, bytes);
    ak_put16(message + 2, (uint16_t)~ak_sum_fold(&sum));
    memcpy(p + 54, message, bytes);
    wire_deliver(w, HAND, p, 54 + bytes);
}

struct wire_na {
    const char *src, *dst, *target;
    bool solicited, overrides, router;
    const aksu_mac *mac; /* NULL: no option */
};
static inline void wire_advertise(struct wire *w, const struct wire_na *na) {
    uint8_t message[AK_NDP_BUILD_MAX];
    struct ak_ndp ndp = {.type = AK_NDP_NEIGHBOUR_ADVERTISEMENT,
                         .target = wire_addr(na->target),
                         .solicited = na->solicited,
                         .overrides = na->overrides,
                         .has_mac = na->mac != NULL};
    if (na->mac != NULL) ndp.mac = *na->mac;
    uint32_t bytes = ak_wire_ndp_build(message, &ndp);
    if (na->router) message[4] |= 0x80;
    wire_icmp6(w, na->src, na->dst, 255, message, bytes);
}

static inline void wire_solicit(struct wire *w, const char *src, const char *dst, const char *target,
                                const aksu_mac *mac) {
    uint8_t message[AK_NDP_BUILD_MAX];
    struct ak_ndp ndp = {.type = AK_NDP_NEIGHBOUR_SOLICITATION, .target = wire_addr(target), .has_mac = mac != NULL};
    if (mac != NULL) ndp.mac = *mac;
    uint32_t bytes = ak_wire_ndp_build(message, &ndp);
    wire_icmp6(w, src, dst, 255, message, bytes);
}

/* ---------------------------------------------------------------- TCP */

static inline aksu_sock wire_connect(struct wire *w, int host, const char *remote, uint16_t port) {
    aksu_sock sock;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = wire_addr(remote), .port = port}};
    assert_int_equal(aksu_tcp_connect(w->stack[host], &open, &sock), AKSU_OK);
    return sock;
}

static inline aksu_sock wire_listen(struct wire *w, int host, uint16_t port) {
    aksu_sock sock;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local = {.port = port}, .backlog = 8};
    assert_int_equal(aksu_tcp_listen(w->stack[host], &open, &sock), AKSU_OK);
    return sock;
}

static inline aksu_tcp_state wire_tcp_state(struct wire *w, int host, aksu_sock sock) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[host], sock, &info), AKSU_OK);
    return info.state;
}

#endif
