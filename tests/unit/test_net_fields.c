/* Goal: every header's every field at its edges, alone and in pairs, and every frame cut off at each byte, is taken or
 * dropped for exactly the reason that an oracle finds, which shares no code with what it judges.
 *
 * A field takes {0, 1, min - 1, min, min + 1, len - 1, len, len + 1, max - 1, max}: min is the least that is legal, len
 * what the frame has there.  Checksums are made right again, unless they are what is changed.  Each frame goes into a
 * fresh copy of a stack on an Ethernet link, in memory of its exact size. */
#include "ether_world.h"

/* ---------------------------------------------------------------- the oracle */

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 0xa};
static const uint8_t our_four[4] = {192, 0, 2, 1};
static const uint8_t our_six[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
static const uint8_t router_six[16] = {0xfe, 0x80, [15] = 0x99};

enum { OPEN_PORT = 7 };

static uint32_t be16(const uint8_t *p) {
    return (uint32_t)p[0] << 8 | p[1];
}

static bool all(const uint8_t *p, uint32_t n, uint8_t value) {
    while (n > 0)
        if (p[--n] != value) return false;
    return true;
}

static uint32_t sum_of(const uint8_t *p, uint32_t n, uint32_t sum) {
    for (uint32_t i = 0; i < n; i++) sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* What has been found of a packet. */
struct view {
    const uint8_t *ip, *body;
    uint32_t body_bytes;
    uint8_t protocol;
    bool six, group, fragment;
};

static uint32_t pseudo_sum(const struct view *v, uint32_t bytes) {
    return sum_of(v->ip + (v->six ? 8 : 12), v->six ? 32 : 8, v->protocol + bytes);
}

static bool mapped(const uint8_t *addr) {
    return all(addr, 10, 0) && addr[10] == 0xff && addr[11] == 0xff;
}

/* An address in IPv4's mapped form, to compare. */
static bool is_ours(const struct view *v, const uint8_t *addr) {
    return v->six ? memcmp(addr, our_six, 16) == 0 || (all(addr, 15, 0) && addr[15] == 1)
                  : memcmp(addr, our_four, 4) == 0 || addr[0] == 127;
}

static bool is_loopback(const struct view *v, const uint8_t *addr) {
    return v->six ? all(addr, 15, 0) && addr[15] == 1 : addr[0] == 127;
}

static bool to_many(const struct view *v, const uint8_t *addr) {
    if (v->six) return addr[0] == 0xff;
    return addr[0] >> 4 == 14 || all(addr, 4, 255) || (memcmp(addr, our_four, 3) == 0 && addr[3] == 255);
}

static bool no_source(const struct view *v, const uint8_t *addr) {
    return v->six ? addr[0] == 0xff || all(addr, 16, 0) : addr[0] == 0 || addr[0] >= 224;
}

static bool member(const uint8_t *addr) {
    static const uint8_t nodes[16] = {0xff, 2, [15] = 1}, asked[16] = {0xff, 2, [11] = 1, [12] = 0xff, [15] = 1};
    return memcmp(addr, nodes, 16) == 0 || memcmp(addr, asked, 16) == 0;
}

static aksu_drop addresses(const struct view *v) {
    const uint8_t *src = v->ip + (v->six ? 8 : 12), *dst = v->ip + (v->six ? 24 : 16);
    uint32_t n = v->six ? 16 : 4;
    bool many = to_many(v, dst);
    if (v->six && v->protocol == 58 && many && member(dst)) {
        if (all(src, 16, 0)) return AKSU_DROP_NONE;
        if (!no_source(v, src) && !is_ours(v, src)) return AKSU_DROP_NONE;
    }
    if (!v->six && v->protocol == 17 && many && dst[0] >> 4 != 14 && !no_source(v, src) && !to_many(v, src) &&
        !is_ours(v, src))
        return AKSU_DROP_NONE;
    if (v->group) return AKSU_DROP_IP_BROADCAST;
    if (no_source(v, src) || to_many(v, src)) return AKSU_DROP_IP_MARTIAN_SOURCE;
    if (many) return AKSU_DROP_IP_BROADCAST;
    if (is_loopback(v, dst) || !is_ours(v, dst)) return AKSU_DROP_IP_NOT_OURS;
    if (is_ours(v, src)) return memcmp(src, dst, n) == 0 ? AKSU_DROP_TCP_LAND : AKSU_DROP_IP_MARTIAN_SOURCE;
    return AKSU_DROP_NONE;
}

static bool tcp_option_legal(uint8_t kind, uint32_t n) {
    switch (kind) {
    case 2: return n == 4;
    case 3: return n == 3;
    case 4: return n == 2;
    case 5: return n == 10 || n == 18 || n == 26 || n == 34;
    case 8: return n == 10;
    case 28: return n == 4;
    default: return true;
    }
}

static aksu_drop tcp_drop(const struct view *v) {
    const uint8_t *p = v->body;
    if (v->body_bytes < 20) return AKSU_DROP_TCP_TRUNCATED;
    uint32_t header = p[12] / 16 * 4u;
    if (header < 20 || header > v->body_bytes) return AKSU_DROP_TCP_DATA_OFFSET;
    if (sum_of(p, v->body_bytes, pseudo_sum(v, v->body_bytes)) != 0xffff) return AKSU_DROP_TCP_CHECKSUM;
    if (be16(p) == 0 || be16(p + 2) == 0) return AKSU_DROP_TCP_PORT_ZERO;
    for (uint32_t i = 20; i < header && p[i] != 0; i += p[i] == 1 ? 1 : p[i + 1]) {
        if (p[i] == 1) continue;
        bool fits = i + 2 <= header && p[i + 1] >= 2 && i + p[i + 1] <= header;
        if (!fits || !tcp_option_legal(p[i], p[i + 1])) return AKSU_DROP_TCP_OPTION_LENGTH;
    }
    return AKSU_DROP_TCP_NO_CONNECTION; /* nobody listens */
}

static aksu_drop udp_drop(const struct view *v) {
    const uint8_t *p = v->body;
    if (v->body_bytes < 8) return AKSU_DROP_UDP_TRUNCATED;
    uint32_t bytes = be16(p + 4);
    if (bytes < 8 || bytes > v->body_bytes) return AKSU_DROP_UDP_LENGTH;
    if (be16(p + 2) == 0) return AKSU_DROP_UDP_PORT_ZERO;
    bool good = be16(p + 6) == 0 ? !v->six : sum_of(p, bytes, pseudo_sum(v, bytes)) == 0xffff;
    if (!good) return AKSU_DROP_UDP_CHECKSUM;
    if (to_many(v, v->ip + (v->six ? 24 : 16))) return AKSU_DROP_IP_BROADCAST;
    return be16(p + 2) == OPEN_PORT ? AKSU_DROP_NONE : AKSU_DROP_UDP_NO_SOCKET;
}

/* An error is ours if it quotes what could have left our UDP port. */
static aksu_drop error_drop(const struct view *v) {
    const uint8_t *q = v->body + 8;
    uint32_t n = v->body_bytes - 8;
    bool six = n > 0 && q[0] >> 4 == 6;
    uint32_t header = six ? 40 : n > 0 ? (q[0] & 15) * 4u : 0;
    bool whole = n > 0 && (six || q[0] >> 4 == 4) && header >= 20 && n >= header + 8;
    if (!whole) return AKSU_DROP_ICMP_QUOTE;
    uint8_t protocol = six ? q[6] : q[9];
    const uint8_t *t = q + header;
    bool echo = t[1] == 0 && ((protocol == 1 && t[0] == 8) || (protocol == 58 && t[0] == 128));
    if (protocol != 6 && protocol != 17 && !echo) return AKSU_DROP_ICMP_QUOTE;
    if (six ? mapped(q + 8) || mapped(q + 24) : (be16(q + 6) & 0x1fff) != 0) return AKSU_DROP_ICMP_QUOTE;
    if (six != v->six) return AKSU_DROP_ICMP_QUOTE;
    if (v->six ? v->body[0] == 1 && v->body[1] > 6 : v->body[0] == 3 && v->body[1] > 15) return AKSU_DROP_ICMP_TYPE;
    return protocol != 6 && be16(echo ? t + 4 : t) == OPEN_PORT ? AKSU_DROP_NONE : AKSU_DROP_ICMP_QUOTE;
}

static aksu_drop icmp4_drop(const struct view *v) {
    if (v->body_bytes < 8) return AKSU_DROP_ICMP_TRUNCATED;
    if (sum_of(v->body, v->body_bytes, 0) != 0xffff) return AKSU_DROP_ICMP_CHECKSUM;
    switch (v->body[0]) {
    case 3:
    case 11:
    case 12: return error_drop(v);
    case 0: return AKSU_DROP_ICMP_ECHO_REPLY;
    case 8: return v->body[1] == 0 ? AKSU_DROP_NONE : AKSU_DROP_ICMP_TYPE;
    default: return AKSU_DROP_ICMP_TYPE;
    }
}

static bool link_local(const uint8_t *addr) {
    return addr[0] == 0xfe && addr[1] >> 6 == 2;
}

static bool ndp_options_legal(const uint8_t *p, uint32_t n, bool *ret_mac, bool target) {
    for (uint32_t at = 0; at < n; at += p[at + 1] * 8u) {
        if (n - at < 8 || p[at + 1] == 0 || p[at + 1] * 8u > n - at) return false;
        uint32_t units = p[at + 1];
        switch (p[at]) {
        case 1:
        case 2:
            if (units != 1 || p[at + 2] % 2 == 1 || all(p + at + 2, 6, 0)) return false;
            if (p[at] == (target ? 2 : 1)) *ret_mac = true;
            break;
        case 3:
            if (units != 4 || p[at + 2] > 128) return false;
            break;
        case 5:
            if (units != 1) return false;
            break;
        case 24:
            if (units > 3 || p[at + 2] > 128 || p[at + 2] > (units - 1) * 64) return false;
            break;
        case 25:
            if (units < 3 || units % 2 == 0) return false;
            break;
        default: break;
        }
    }
    return true;
}

static aksu_drop ndp_meaning(const struct view *v, bool mac) {
    const uint8_t *p = v->body, *src = v->ip + 8, *dst = v->ip + 24, *target = p + 8;
    bool nobody = all(src, 16, 0);
    if (p[0] == 133) return nobody && mac ? AKSU_DROP_NDP_SOURCE : AKSU_DROP_ICMP_TYPE;
    if (p[0] == 134) return link_local(src) ? AKSU_DROP_NONE : AKSU_DROP_NDP_SOURCE;
    bool target_bad = target[0] == 0xff || all(target, 16, 0) || mapped(target);
    if (p[0] == 135) {
        uint8_t node[16] = {0xff, 2, [11] = 1, [12] = 0xff};
        memcpy(node + 13, target + 13, 3);
        if (nobody && (mac || memcmp(dst, node, 16) != 0)) return AKSU_DROP_NDP_SOURCE;
        if (target_bad) return AKSU_DROP_NDP_FIELD;
        return memcmp(target, our_six, 16) == 0 ? AKSU_DROP_NONE : AKSU_DROP_IP_NOT_OURS;
    }
    if (p[0] == 136) {
        if (nobody) return AKSU_DROP_NDP_SOURCE;
        if ((dst[0] == 0xff && (p[4] & 0x40)) || target_bad) return AKSU_DROP_NDP_FIELD;
        return memcmp(target, our_six, 16) == 0 ? AKSU_DROP_NDP_FIELD : AKSU_DROP_NONE;
    }
    const uint8_t *to = p + 24; /* a redirect's */
    if (!link_local(src)) return AKSU_DROP_NDP_SOURCE;
    if (to[0] == 0xff || (!link_local(target) && memcmp(target, to, 16) != 0) || target_bad) return AKSU_DROP_NDP_FIELD;
    bool ours_to_tell = memcmp(src, router_six, 16) == 0 && !link_local(to) && memcmp(to, our_six, 8) != 0;
    return ours_to_tell ? AKSU_DROP_NONE : AKSU_DROP_NDP_SOURCE;
}

static aksu_drop ndp_drop(const struct view *v) {
    static const uint8_t least[] = {8, 16, 24, 24, 40};
    const uint8_t *p = v->body;
    if (v->fragment) return AKSU_DROP_NDP_FRAGMENT;
    if (p[0] == 130) {
        if (v->body_bytes < 28 && v->body_bytes != 24) return AKSU_DROP_NDP_TRUNCATED;
        return link_local(v->ip + 8) && v->ip[7] == 1 ? AKSU_DROP_NONE : AKSU_DROP_NDP_SOURCE;
    }
    if (v->ip[7] != 255) return AKSU_DROP_NDP_HOP_LIMIT;
    if (p[1] != 0) return AKSU_DROP_NDP_FIELD;
    uint32_t fixed = least[p[0] - 133];
    bool mac = false;
    if (v->body_bytes < fixed) return AKSU_DROP_NDP_TRUNCATED;
    if (!ndp_options_legal(p + fixed, v->body_bytes - fixed, &mac, p[0] >= 136)) return AKSU_DROP_NDP_OPTION;
    return ndp_meaning(v, mac);
}

static aksu_drop icmp6_drop(const struct view *v) {
    if (v->body_bytes < 8) return AKSU_DROP_ICMP_TRUNCATED;
    uint8_t type = v->body[0];
    if (sum_of(v->body, v->body_bytes, pseudo_sum(v, v->body_bytes)) != 0xffff) return AKSU_DROP_ICMP_CHECKSUM;
    if (type == 130 || (type >= 133 && type <= 137)) return ndp_drop(v);
    if (v->ip[24] == 0xff) return AKSU_DROP_IP_BROADCAST;
    if (type >= 1 && type <= 4) return error_drop(v);
    if (type == 129) return AKSU_DROP_ICMP_ECHO_REPLY;
    return type == 128 && v->body[1] == 0 ? AKSU_DROP_NONE : AKSU_DROP_ICMP_TYPE;
}

static aksu_drop transport_drop(const struct view *v) {
    aksu_drop drop = addresses(v);
    if (drop != AKSU_DROP_NONE) return drop;
    if (v->protocol == 6) return tcp_drop(v);
    if (v->protocol == 17) return udp_drop(v);
    if (v->protocol == (v->six ? 58 : 1)) return v->six ? icmp6_drop(v) : icmp4_drop(v);
    return AKSU_DROP_IP_PROTOCOL;
}

/* Whether the transport header ends within the first fragment. */
static bool headers_whole(uint8_t protocol, const uint8_t *p, uint32_t n) {
    if (protocol == 6) return n >= 20 && n >= p[12] / 16 * 4u;
    return n >= 8 || (protocol != 17 && protocol != 1 && protocol != 58);
}

static aksu_drop place_drop(uint32_t at, uint32_t bytes, bool more, uint32_t most) {
    if (bytes == 0 || (more && bytes % 8 != 0)) return AKSU_DROP_FRAGMENT_LENGTH;
    return at + bytes > most ? AKSU_DROP_FRAGMENT_TOO_LONG : AKSU_DROP_NONE;
}

static aksu_drop four_drop(const uint8_t *p, uint32_t n, bool group) {
    if (n < 20) return AKSU_DROP_IP_TRUNCATED;
    uint32_t header = (p[0] & 15) * 4u, total = be16(p + 2);
    if (header < 20 || header > n) return AKSU_DROP_IP_HEADER_LENGTH;
    if (total < header || total > n) return AKSU_DROP_IP_TOTAL_LENGTH;
    if (sum_of(p, header, 0) != 0xffff) return AKSU_DROP_IP_CHECKSUM;
    for (uint32_t i = 20; i < header && p[i] != 0; i += p[i] == 1 ? 1 : p[i + 1]) {
        if (p[i] == 1) continue;
        if (i + 2 > header || p[i + 1] < 2 || i + p[i + 1] > header) return AKSU_DROP_IP_OPTIONS;
        if (p[i] == 131 || p[i] == 137) return AKSU_DROP_IP_SOURCE_ROUTE;
    }
    struct view v = {
        .ip = p, .body = p + header, .body_bytes = total - header, .protocol = p[9], .group = group, .fragment = false};
    uint32_t at = (be16(p + 6) & 0x1fff) * 8;
    bool more = p[6] & 0x20;
    if (at == 0 && !more) return transport_drop(&v);
    aksu_drop drop = addresses(&v);
    if (drop == AKSU_DROP_NONE) drop = place_drop(at, v.body_bytes, more, 65535 - header);
    if (drop != AKSU_DROP_NONE || at > 0) return drop;
    return headers_whole(v.protocol, v.body, v.body_bytes) ? AKSU_DROP_NONE : AKSU_DROP_FRAGMENT_HEADERS;
}

static bool six_options_legal(const uint8_t *p, uint32_t n) {
    for (uint32_t i = 2; i < n; i += p[i] == 0 ? 1 : 2u + p[i + 1]) {
        if (p[i] == 0) continue;
        if (i + 2 > n || i + 2 + p[i + 1] > n || p[i] >= 64) return false;
    }
    return true;
}

/* The extension headers from *at on, which are to end before n; first: there are none before. */
static aksu_drop chain_drop(const uint8_t *p, uint32_t n, uint32_t *at, uint8_t *next, bool *fragment,
                            uint32_t *count) {
    while (*next == 0 || *next == 43 || *next == 44 || *next == 60) {
        if (*count == 8 || (*next == 0 && *count > 0)) return AKSU_DROP_IP_OPTIONS;
        if (n - *at < 8) return AKSU_DROP_IP_HEADER_LENGTH;
        uint32_t bytes = *next == 44 ? 8 : (p[*at + 1] + 1) * 8u;
        if (bytes > n - *at) return AKSU_DROP_IP_HEADER_LENGTH;
        if (*next == 44 && *fragment) return AKSU_DROP_FRAGMENT_NESTED;
        if (*next == 44) *fragment = true;
        if (*next == 44 && (be16(p + *at + 2) & 0xfff9) != 0) return AKSU_DROP_IP_FRAGMENT;
        if (*next == 43 && p[*at + 3] != 0) return AKSU_DROP_IP_SOURCE_ROUTE;
        if ((*next == 0 || *next == 60) && !six_options_legal(p + *at, bytes)) return AKSU_DROP_IP_OPTIONS;
        *next = p[*at];
        *at += bytes;
        ++*count;
    }
    return AKSU_DROP_NONE;
}

static aksu_drop six_drop(const uint8_t *p, uint32_t n, bool group) {
    if (n < 40) return AKSU_DROP_IP_TRUNCATED;
    uint32_t total = 40 + be16(p + 4), at = 40, count = 0;
    uint8_t next = p[6];
    if (total > n) return AKSU_DROP_IP_TOTAL_LENGTH;
    struct view v = {.ip = p, .six = true, .group = group};
    aksu_drop drop = chain_drop(p, total, &at, &next, &v.fragment, &count);
    if (drop != AKSU_DROP_NONE && drop != AKSU_DROP_IP_FRAGMENT) return drop;
    bool strange = mapped(p + 8) || mapped(p + 24);
    if (drop == AKSU_DROP_NONE) {
        v.body = p + at;
        v.body_bytes = total - at;
        v.protocol = next;
        return strange ? AKSU_DROP_IP_MARTIAN_SOURCE : transport_drop(&v);
    }
    drop = addresses(&v);
    if (drop != AKSU_DROP_NONE) return drop;
    uint32_t place = be16(p + at + 2) & 0xfff8, bytes = total - at - 8, kept = at;
    drop = place_drop(place, bytes, p[at + 3] & 1, 65535 - (kept - 40));
    if (drop != AKSU_DROP_NONE || place > 0) return drop;
    next = p[at];
    at += 8;
    count++;
    drop = chain_drop(p, total, &at, &next, &v.fragment, &count);
    if (drop == AKSU_DROP_IP_HEADER_LENGTH) return AKSU_DROP_FRAGMENT_HEADERS;
    if (drop != AKSU_DROP_NONE) return drop;
    return headers_whole(next, p + at, total - at) ? AKSU_DROP_NONE : AKSU_DROP_FRAGMENT_HEADERS;
}

static aksu_drop arp_drop(const uint8_t *p, uint32_t n) {
    static const uint8_t head[6] = {0, 1, 8, 0, 6, 4};
    if (n < 28) return AKSU_DROP_ARP_TRUNCATED;
    if (memcmp(p, head, 6) != 0 || p[6] != 0 || p[7] < 1 || p[7] > 2 || p[8] % 2 == 1) return AKSU_DROP_ARP_FORMAT;
    if (all(p + 8, 6, 0)) return AKSU_DROP_ARP_SOURCE;
    const struct view v = {.six = false};
    const uint8_t *from = p + 14;
    if (all(from, 4, 0)) return AKSU_DROP_NONE;
    if (no_source(&v, from) || from[0] == 127 || to_many(&v, from)) return AKSU_DROP_ARP_SOURCE;
    return memcmp(from, our_four, 4) == 0 ? AKSU_DROP_ARP_SOURCE : AKSU_DROP_NONE;
}

static aksu_drop frame_drop(const uint8_t *p, uint32_t n) {
    if (n == 0) return AKSU_DROP_FRAME_INVALID;
    if (n < 14) return AKSU_DROP_ETH_TRUNCATED;
    uint32_t type = be16(p + 12), header = 14, vlan = 0;
    if (type == 0x8100) {
        if (n < 18) return AKSU_DROP_ETH_TRUNCATED;
        vlan = be16(p + 14) & 0xfff;
        type = be16(p + 16);
        header = 18;
        if (vlan == 0xfff || type == 0x8100) return AKSU_DROP_ETH_VLAN;
    }
    if (p[6] & 1) return AKSU_DROP_ETH_SOURCE;
    if (type != 0x0800 && type != 0x86dd && type != 0x0806) return AKSU_DROP_ETH_TYPE;
    if (vlan != 0) return AKSU_DROP_ETH_VLAN;
    if (memcmp(p + 6, our_mac, 6) == 0) return AKSU_DROP_ETH_SOURCE;
    bool us = memcmp(p, our_mac, 6) == 0, everybody = all(p, 6, 255) && type != 0x86dd;
    bool group = type == 0x86dd && p[0] == 0x33 && p[1] == 0x33;
    if (!us && !everybody && !group) return AKSU_DROP_ETH_NOT_OURS;
    if (n == header) return AKSU_DROP_FRAME_INVALID;
    if (type != 0x0806 && p[header] >> 4 != (type == 0x0800 ? 4 : 6)) return AKSU_DROP_IP_VERSION;
    if (type == 0x0806) return arp_drop(p + header, n - header);
    return type == 0x0800 ? four_drop(p + header, n - header, !us) : six_drop(p + header, n - header, !us);
}

/* ---------------------------------------------------------------- frames and their fields */

enum { FRAME_BYTES = 256, FIELDS_MAX = 64 };
struct field {
    uint16_t at; /* byte */
    uint8_t bytes, shift, bits;
    bool checksum;
    uint32_t min;
};
struct frame {
    const char *name;
    uint8_t p[FRAME_BYTES];
    uint32_t bytes, ip_at, transport_at; /* 0: none */
    struct field field[FIELDS_MAX];
    uint32_t field_count;
};

static void field(struct frame *f, uint32_t at, uint8_t bytes, uint32_t min) {
    f->field[f->field_count++] =
        (struct field){.at = (uint16_t)at, .bytes = bytes, .bits = (uint8_t)(bytes * 8), .min = min};
    assert_true(f->field_count < FIELDS_MAX);
}

static void bits(struct frame *f, uint32_t at, uint8_t shift, uint8_t count, uint32_t min) {
    field(f, at, 1, min);
    f->field[f->field_count - 1].shift = shift;
    f->field[f->field_count - 1].bits = count;
}

static void checksum(struct frame *f, uint32_t at) {
    field(f, at, 2, 0);
    f->field[f->field_count - 1].checksum = true;
}

static void begin(struct frame *f, const char *name, uint16_t type, bool tagged) {
    *f = (struct frame){.name = name, .bytes = tagged ? 18 : 14};
    struct ak_eth eth = {.dst = wire_mac(0), .src = wire_mac(HAND), .type = type};
    if (tagged) {
        memcpy(f->p, (uint8_t[]){2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 0xe, 0x81, 0, 0, 0}, 16);
        ak_put16(f->p + 16, type);
        bits(f, 14, 0, 4, 0);
        field(f, 15, 1, 0);
        field(f, 16, 2, 0x600);
    } else {
        ak_wire_eth_build(f->p + 14, &eth);
    }
    field(f, 0, 1, 0);
    field(f, 6, 1, 0);
    field(f, 12, 2, 0x600);
    f->ip_at = f->bytes;
}

static void append(struct frame *f, const void *bytes, uint32_t count) {
    memcpy(f->p + f->bytes, bytes, count);
    f->bytes += count;
}

/* An IPv4 header with options of option_bytes, for payload_bytes. */
static void four(struct frame *f, uint8_t protocol, const uint8_t *options, uint32_t option_bytes,
                 uint32_t payload_bytes) {
    uint32_t at = f->bytes, header = 20 + option_bytes;
    uint8_t p[20] = {
        (uint8_t)(0x40 | header / 4), 0, 0, 0, 0x12, 0x34, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 66, 192, 0, 2, 1};
    ak_put16(p + 2, (uint16_t)(header + payload_bytes));
    append(f, p, 20);
    append(f, options, option_bytes);
    bits(f, at, 4, 4, 4);
    bits(f, at, 0, 4, 5);
    field(f, at + 2, 2, header);
    field(f, at + 4, 2, 0);
    bits(f, at + 6, 5, 1, 0);
    field(f, at + 6, 2, 1);
    field(f, at + 8, 1, 1);
    field(f, at + 9, 1, 0);
    checksum(f, at + 10);
    field(f, at + 12, 1, 1);
    field(f, at + 12, 4, 0);
    field(f, at + 15, 1, 0);
    field(f, at + 16, 4, 0);
    field(f, at + 19, 1, 0);
    for (uint32_t i = 0; i < option_bytes; i++) field(f, at + 20 + i, 1, 2);
    f->transport_at = f->bytes;
}

static void six(struct frame *f, uint8_t next, uint8_t hops, const char *src, uint32_t payload_bytes) {
    uint32_t at = f->bytes;
    struct ak_ip ip = {.src = wire_addr(src), .dst = wire_addr("2001:db8::1"), .protocol = next, .ttl = hops};
    uint8_t p[40];
    (void)ak_wire_ip_build(p, &ip, payload_bytes);
    append(f, p, 40);
    bits(f, at, 4, 4, 6);
    field(f, at + 1, 1, 0);
    field(f, at + 4, 2, 8);
    field(f, at + 6, 1, 0);
    field(f, at + 7, 1, 1);
    field(f, at + 8, 1, 0xfe);
    field(f, at + 23, 1, 1);
    field(f, at + 24, 1, 0x20);
    field(f, at + 39, 1, 1);
    f->transport_at = f->bytes;
}

static void udp(struct frame *f) {
    uint32_t at = f->bytes;
    uint8_t p[20] = {0x12, 0x34, 0, OPEN_PORT, 0, 20, 0, 0, 'h', 'e', 'l', 'l', 'o'};
    append(f, p, sizeof p);
    field(f, at, 2, 1);
    field(f, at + 2, 2, 1);
    field(f, at + 4, 2, 8);
    checksum(f, at + 6);
    field(f, at + 8, 1, 0);
}

enum { TCP_BYTES = 64 };

static void tcp(struct frame *f) {
    static const uint8_t options[40] = {1,  2, 4, 5, 0xb4, 3, 3, 7, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0,
                                        28, 4, 1, 0, 34,   6, 1, 2, 3, 4, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9};
    uint32_t at = f->bytes;
    uint8_t p[24] = {0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0xf0, 2, 1, 0};
    append(f, p, 20);
    append(f, options, 40);
    append(f, "text", 4);
    field(f, at, 2, 1);
    field(f, at + 2, 2, 1);
    field(f, at + 4, 4, 1);
    field(f, at + 8, 4, 1);
    bits(f, at + 12, 4, 4, 5);
    field(f, at + 13, 1, 1);
    field(f, at + 14, 2, 1);
    checksum(f, at + 16);
    field(f, at + 18, 2, 1);
    static const uint8_t places[] = {0, 1, 2, 5, 6, 8, 9, 10, 11, 20, 21, 24, 25, 30, 31};
    for (size_t i = 0; i < sizeof places; i++) field(f, at + 20 + places[i], 1, 2);
}

static void icmp(struct frame *f, uint8_t type, const uint8_t *rest, uint32_t rest_bytes) {
    uint32_t at = f->bytes;
    uint8_t p[8] = {type, 0, 0, 0, 0, OPEN_PORT, 0, 1};
    append(f, p, 8);
    append(f, rest, rest_bytes);
    field(f, at, 1, 1);
    field(f, at + 1, 1, 1);
    checksum(f, at + 2);
    field(f, at + 4, 2, 0);
}

/* A quote of a datagram of ours. */
static void quote_fields(struct frame *f, uint32_t at, bool v6) {
    bits(f, at, 4, 4, v6 ? 6 : 4);
    bits(f, at, 0, 4, 5);
    if (!v6) field(f, at + 6, 2, 0);
    field(f, at + (v6 ? 6 : 9), 1, 0);
    field(f, at + (v6 ? 40 : 20), 2, OPEN_PORT);
}

static void extensions(struct frame *f) {
    static const uint8_t chain[40] = {60, 0, 5,    2, 0, 0, 1, 0, /* hop-by-hop: router alert, padded */
                                      43, 1, 0x1e, 4, 1, 2, 3, 4, 1, 6, 0, 0, 0, 0, 0, 0,
                                      44, 0, 0,    0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 9};
    static const uint8_t places[] = {0, 1, 2, 3, 6, 8, 9, 10, 11, 16, 17, 24, 25, 26, 27, 32, 39};
    uint32_t at = f->bytes;
    append(f, chain, sizeof chain);
    for (size_t i = 0; i < sizeof places; i++) field(f, at + places[i], 1, 0);
    field(f, at + 34, 2, 8);
    f->transport_at = f->bytes;
}

static uint32_t frames_with_four(struct frame *f) {
    static const uint8_t options[12] = {7, 7, 4, 0, 0, 0, 0, 1, 148, 4, 0, 0};
    uint8_t quote[28] = {0x45, 0, 0, 40,  0, 0, 0,  0, 60,        17, 0, 0, 192,
                         0,    2, 1, 192, 0, 2, 66, 0, OPEN_PORT, 0,  9, 0, 20};
    uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0xe, 192, 0, 2, 66, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1};
    uint32_t n = 0;
    begin(&f[n], "ARP", AK_ETH_ARP, false);
    static const uint8_t places[] = {0, 2, 6};
    for (size_t i = 0; i < sizeof places; i++) field(&f[n], 14u + places[i], 2, 1);
    for (uint32_t i = 4; i < 28; i += i == 4 ? 1 : i < 8 ? 3 : 2) field(&f[n], 14 + i, 1, 1);
    append(&f[n++], arp, sizeof arp);
    begin(&f[n], "UDP over IPv4", AK_ETH_IPV4, false);
    four(&f[n], 17, options, 0, 20);
    udp(&f[n++]);
    begin(&f[n], "TCP over IPv4", AK_ETH_IPV4, true);
    four(&f[n], 6, options, 0, TCP_BYTES);
    tcp(&f[n++]);
    begin(&f[n], "echo with IPv4 options", AK_ETH_IPV4, false);
    four(&f[n], 1, options, sizeof options, 24);
    icmp(&f[n++], 8, arp, 16);
    begin(&f[n], "ICMP error", AK_ETH_IPV4, false);
    four(&f[n], 1, options, 0, 8 + sizeof quote);
    icmp(&f[n], 3, quote, sizeof quote);
    quote_fields(&f[n], f[n].bytes - (uint32_t)sizeof quote, false);
    n++;
    begin(&f[n], "fragment of TCP over IPv4", AK_ETH_IPV4, false);
    four(&f[n], 6, options, 0, TCP_BYTES);
    f[n].p[20] = 0x20;
    tcp(&f[n++]);
    return n;
}

static uint32_t frames_with_six(struct frame *f) {
    uint8_t quote[48] = {0x60, 0, 0, 0, 0, 20, 17, 60, [40] = 0, OPEN_PORT, 0, 9, 0, 20};
    memcpy(quote + 8, our_six, 16);
    memcpy(quote + 24, our_six, 15);
    uint32_t n = 0;
    begin(&f[n], "UDP over IPv6", AK_ETH_IPV6, true);
    six(&f[n], 17, 64, "2001:db8::66", 20);
    udp(&f[n++]);
    begin(&f[n], "TCP behind extension headers", AK_ETH_IPV6, false);
    six(&f[n], 0, 64, "2001:db8::66", 40 + TCP_BYTES);
    extensions(&f[n]);
    tcp(&f[n++]);
    begin(&f[n], "UDP behind eight extension headers", AK_ETH_IPV6, false);
    six(&f[n], 60, 64, "2001:db8::66", 64 + 40);
    for (uint32_t i = 0; i < 8; i++) {
        uint8_t header[8] = {i < 7 ? 60 : 17, 0, 1, 4};
        field(&f[n], f[n].bytes, 1, 60);
        append(&f[n], header, 8);
    }
    f[n].transport_at = f[n].bytes;
    udp(&f[n]);
    append(&f[n++], (uint8_t[20]){6, 0, 1, 4}, 20);
    begin(&f[n], "echo over IPv6", AK_ETH_IPV6, false);
    six(&f[n], 58, 64, "2001:db8::66", 24);
    icmp(&f[n++], 128, quote, 16);
    begin(&f[n], "ICMPv6 error", AK_ETH_IPV6, false);
    six(&f[n], 58, 64, "2001:db8::66", 8 + sizeof quote);
    icmp(&f[n], 1, quote, sizeof quote);
    quote_fields(&f[n], f[n].bytes - (uint32_t)sizeof quote, true);
    n++;
    begin(&f[n], "fragment of UDP over IPv6", AK_ETH_IPV6, false);
    six(&f[n], 44, 64, "2001:db8::66", 8 + 8 + 24);
    uint8_t pieces[16] = {60, 0, 0, 1, 0, 0, 0, 5, 17, 0, 1, 4};
    for (uint32_t i = 0; i < 12; i++) field(&f[n], f[n].bytes + i, 1, 0);
    field(&f[n], f[n].bytes + 2, 2, 8);
    append(&f[n], pieces, sizeof pieces);
    udp(&f[n]);
    f[n].transport_at = 0; /* nothing to repair: the checksum is of the whole */
    append(&f[n++], "last", 4);
    return n;
}

static uint32_t frames_of_discovery(struct frame *f) {
    uint8_t ns[24 - 8 + 8] = {[16] = 1, 1, 2, 0, 0, 0, 0, 0xe}, na[24] = {[16] = 2, 1, 2, 0, 0, 0, 0, 0xe};
    memcpy(ns, our_six, 16);
    memcpy(na, our_six, 15);
    na[15] = 0x66;
    uint8_t ra[8 + 8 + 8 + 32 + 24 + 24] = {
        [8] = 1, 1, 2, 0, 0,   0, 0,    0xe, 5,         1, 0, 0, 0, 0,    5, 0xdc, 3,    4,         64,
        0xc0,    0, 0, 0, 100, 0, 0,    0,   50,        0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, [56] = 24, 3,
        64,      0, 0, 0, 0,   9, 0x20, 2,   [80] = 25, 3, 0, 0, 0, 0,    0, 9,    0x20};
    uint8_t redirect[32 + 8] = {[32] = 2, 1, 2, 0, 0, 0, 0, 0x99};
    memcpy(redirect, router_six, 16);
    redirect[15] = 0x98;
    memcpy(redirect + 16, our_six, 16);
    redirect[18] = 0x0e;
    const struct {
        const char *name, *src;
        uint8_t type;
        const uint8_t *rest;
        uint32_t bytes;
        uint8_t places[24];
    } messages[] = {
        {"neighbour solicitation", "2001:db8::66", 135, ns, sizeof ns, {0, 15, 16, 17, 18, 23}},
        {"neighbour advertisement", "2001:db8::66", 136, na, sizeof na, {0, 15, 16, 17, 18, 23}},
        {"router advertisement", "fe80::99", 134, ra, sizeof ra, {0,  1,  8,  9,  10, 16, 17, 24, 25, 26, 27,
                                                                  31, 40, 56, 57, 58, 59, 64, 80, 81, 87, 88}},
        {"redirect", "fe80::99", 137, redirect, sizeof redirect, {0, 15, 16, 18, 31, 32, 33, 34}},
    };
    uint32_t n = 0;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        begin(&f[n], messages[i].name, AK_ETH_IPV6, false);
        six(&f[n], 58, 255, messages[i].src, 8 + messages[i].bytes);
        uint32_t at = f[n].bytes + 8;
        icmp(&f[n], messages[i].type, messages[i].rest, messages[i].bytes);
        for (size_t k = 0; k < sizeof messages[i].places && (k == 0 || messages[i].places[k] != 0); k++)
            field(&f[n], at + messages[i].places[k], 1, messages[i].rest[messages[i].places[k]] == 64 ? 128 : 1);
        n++;
    }
    return n;
}

/* ---------------------------------------------------------------- one frame, and what becomes of it */

struct judge {
    struct wire *w;
    void *mem;
    size_t mem_bytes;
    uint64_t before[AKSU_DROP_COUNT], seen[AKSU_DROP_COUNT], count;
};

static struct judge judge_open(void) {
    struct judge j = {.w = wire_open()};
    aksu_config config = wire_config();
    config.tcp_max = config.syn_cache_max = config.time_wait_max = config.transfer_max = config.listener_max = 2;
    config.block_max = 32;
    config.block_bytes = 512;
    config.record_max = config.frame_max = config.reply_max = config.udp_max = config.datagram_max = 4;
    config.neighbour_max = 8;
    config.held_max = config.fast_open_cache_max = config.link_max = 1;
    config.addr_max = config.route_max = 6;
    config.reassembly_max = 2;
    config.reassembly_bytes = 8192;
    aksu_link_config link = wire_link(0);
    (void)wire_host(j.w, &config, &link);
    wire_give(j.w, 0, "192.0.2.1", 24);
    wire_give(j.w, 0, "2001:db8::1", 64);
    wire_run(j.w, 20000000);
    aksu_route route = {.gateway = wire_addr("fe80::99")};
    assert_int_equal(aksu_route_add(j.w->stack[0], &route), AKSU_OK);
    aksu_udp_open open = {.struct_bytes = sizeof open, .local.port = OPEN_PORT};
    aksu_sock sock;
    assert_int_equal(aksu_udp_bind(j.w->stack[0], &open, &sock), AKSU_OK);
    aksu_counters counters;
    aksu_counters_get(j.w->stack[0], &counters);
    memcpy(j.before, counters.drop, sizeof j.before);
    j.mem_bytes = aksu_stack_bytes(&config);
    j.mem = aligned_alloc(64, j.mem_bytes);
    assert_non_null(j.mem);
    memset(j.mem, 0, j.mem_bytes);
    return j;
}

static void judge_close(struct judge *j) {
    free(j->mem);
    wire_close(j->w);
}

static void judge_one(struct judge *j, const char *name, const uint8_t *p, uint32_t bytes) {
    aksu_stack *copy;
    assert_int_equal(aksu_stack_clone(j->w->stack[0], j->mem, j->mem_bytes, &copy), AKSU_OK);
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(exact);
    memcpy(exact, p, bytes);
    aksu_iov iov = {.base = exact, .bytes = bytes};
    aksu_frame frame = {.total_bytes = bytes, .iov_count = 1, .iov = &iov};
    aksu_input(copy, j->w->now_us, &frame, 1);
    aksu_drop want = frame_drop(exact, bytes);
    free(exact);
    const uint64_t *now = ak_core_of(copy)->counters.drop;
    for (int i = 1; i < AKSU_DROP_COUNT; i++) {
        if (now[i] == j->before[i] + ((aksu_drop)i == want)) continue;
        for (uint32_t k = 0; k < bytes; k++) (void)fprintf(stderr, "%02x%s", p[k], k % 16 == 15 ? "\n" : " ");
        fail_msg("%s: %s, and not %s", name, aksu_drop_name((aksu_drop)i), aksu_drop_name(want));
    }
    j->seen[want]++;
    j->count++;
}

static void set_field(uint8_t *p, const struct field *f, uint32_t value) {
    uint32_t mask = f->bits == 32 ? UINT32_MAX : (1u << f->bits) - 1;
    uint32_t old = 0;
    for (uint32_t i = 0; i < f->bytes; i++) old = old << 8 | p[f->at + i];
    old = (old & ~(mask << f->shift)) | (value & mask) << f->shift;
    for (uint32_t i = f->bytes; i > 0; i--, old >>= 8) p[f->at + i - 1] = (uint8_t)old;
}

/* What a field is to be: ten values. */
static uint32_t value_of(const struct frame *f, const struct field *field, uint32_t which) {
    uint32_t max = field->bits == 32 ? UINT32_MAX : (1u << field->bits) - 1, has = 0;
    for (uint32_t i = 0; i < field->bytes; i++) has = has << 8 | f->p[field->at + i];
    has = has >> field->shift & max;
    const uint32_t values[10] = {0, 1, field->min - 1, field->min, field->min + 1, has - 1, has, has + 1, max - 1, max};
    return values[which];
}

/* The checksums that are not what was changed: as the frame now says where they are and what they cover. */
static void repair(const struct frame *f, uint8_t *p, bool ip_changed, bool transport_changed) {
    if (f->transport_at == 0) return;
    bool is_six = p[f->ip_at] >> 4 == 6;
    uint32_t header = (p[f->ip_at] & 15) * 4u;
    if (!is_six && !ip_changed && header >= 20 && f->ip_at + header <= f->bytes) {
        ak_put16(p + f->ip_at + 10, 0);
        ak_put16(p + f->ip_at + 10, (uint16_t)~sum_of(p + f->ip_at, header, 0));
    }
    uint32_t end = f->ip_at + (is_six ? 40 + be16(p + f->ip_at + 4) : be16(p + f->ip_at + 2));
    uint32_t at = is_six ? f->transport_at : f->ip_at + header;
    if (transport_changed || at < f->ip_at + 20 || end > f->bytes || end < at + 8) return;
    struct view v = {.ip = p + f->ip_at, .six = is_six, .protocol = p[f->ip_at + 9]};
    const uint8_t *named = f->p + f->ip_at;
    if (is_six) v.protocol = named[6] == 0 ? 6 : named[6] == 60 ? 17 : p[f->ip_at + 6]; /* behind extension headers */
    uint32_t where = v.protocol == 6 ? 16 : v.protocol == 17 ? 6 : 2;
    uint32_t bytes =
        v.protocol == 17 && be16(p + at + 4) >= 8 && be16(p + at + 4) <= end - at ? be16(p + at + 4) : end - at;
    if (at + where + 2 > end) return;
    ak_put16(p + at + where, 0);
    uint32_t sum = ~sum_of(p + at, bytes, v.protocol == 1 ? 0 : pseudo_sum(&v, bytes)) & 0xffff;
    ak_put16(p + at + where, (uint16_t)(sum == 0 && v.protocol == 17 ? 0xffff : sum));
}

static void mutate(struct judge *j, const struct frame *f, uint32_t a, uint32_t b) {
    enum { VALUES = 10 };
    for (uint32_t i = 0; i < (a == b ? VALUES : VALUES * VALUES); i++) {
        uint8_t p[FRAME_BYTES];
        memcpy(p, f->p, sizeof p);
        bool ip_changed = false, transport_changed = false;
        const struct field *const both[] = {&f->field[a], &f->field[b]};
        for (uint32_t k = 0; k < 2; k++) {
            set_field(p, both[k], value_of(f, both[k], k == 0 ? i % VALUES : i / VALUES));
            if (a == b) k = 1;
            ip_changed |= both[k]->checksum && both[k]->at == f->ip_at + 10;
            transport_changed |= both[k]->checksum && both[k]->at != f->ip_at + 10;
        }
        for (uint32_t k = 0; k < 2; k++) {
            ip_changed |= both[k]->checksum && both[k]->at == f->ip_at + 10;
            transport_changed |= both[k]->checksum && both[k]->at != f->ip_at + 10;
        }
        repair(f, p, ip_changed, transport_changed);
        judge_one(j, f->name, p, f->bytes);
    }
}

static void all_of(uint32_t (*make)(struct frame *f), uint64_t least, const aksu_drop *reasons, size_t reason_count) {
    static struct frame f[8];
    uint32_t count = make(f);
    struct judge j = judge_open();
    for (uint32_t i = 0; i < count; i++) {
        repair(&f[i], f[i].p, false, false);
        judge_one(&j, f[i].name, f[i].p, f[i].bytes);
        for (uint32_t a = 0; a < f[i].field_count; a++)
            for (uint32_t b = a; b < f[i].field_count; b++) mutate(&j, &f[i], a, b);
        for (uint32_t bytes = 0; bytes < f[i].bytes; bytes++) { /* cut off; and with the length that is then right */
            uint8_t p[FRAME_BYTES];
            struct frame cut = f[i];
            memcpy(p, f[i].p, sizeof p);
            judge_one(&j, f[i].name, p, bytes);
            if (bytes < f[i].ip_at + 40) continue;
            bool is_six = p[f[i].ip_at] >> 4 == 6;
            ak_put16(p + f[i].ip_at + (is_six ? 4 : 2), (uint16_t)(bytes - f[i].ip_at - (is_six ? 40 : 0)));
            cut.bytes = bytes;
            repair(&cut, p, false, false);
            judge_one(&j, f[i].name, p, bytes);
        }
    }
    for (size_t i = 0; i < reason_count; i++)
        if (j.seen[reasons[i]] == 0) fail_msg("no frame was dropped for %s", aksu_drop_name(reasons[i]));
    assert_true(j.count > least && j.seen[AKSU_DROP_NONE] > 100);
    judge_close(&j);
}

/* attack: 1 attack: 4 attack: 5 attack: 6 attack: 7 attack: 9 attack: 21 attack: 22 attack: 32 attack: 90 attack: 96
 * attack: 70 attack: 2 */
static void fields_of_ipv4_and_arp(void **state) {
    (void)state;
    static const aksu_drop reasons[] = {
        AKSU_DROP_ETH_TRUNCATED,     AKSU_DROP_ETH_TYPE,         AKSU_DROP_ETH_VLAN,
        AKSU_DROP_ETH_SOURCE,        AKSU_DROP_ETH_NOT_OURS,     AKSU_DROP_ARP_TRUNCATED,
        AKSU_DROP_ARP_FORMAT,        AKSU_DROP_ARP_SOURCE,       AKSU_DROP_IP_TRUNCATED,
        AKSU_DROP_IP_VERSION,        AKSU_DROP_IP_HEADER_LENGTH, AKSU_DROP_IP_TOTAL_LENGTH,
        AKSU_DROP_IP_CHECKSUM,       AKSU_DROP_IP_OPTIONS,       AKSU_DROP_FRAGMENT_HEADERS,
        AKSU_DROP_IP_MARTIAN_SOURCE, AKSU_DROP_IP_NOT_OURS,      AKSU_DROP_IP_PROTOCOL,
        AKSU_DROP_IP_BROADCAST,      AKSU_DROP_ICMP_TRUNCATED,   AKSU_DROP_ICMP_CHECKSUM,
        AKSU_DROP_ICMP_TYPE,         AKSU_DROP_ICMP_QUOTE,       AKSU_DROP_ICMP_ECHO_REPLY,
        AKSU_DROP_TCP_TRUNCATED,     AKSU_DROP_TCP_DATA_OFFSET,  AKSU_DROP_TCP_CHECKSUM,
        AKSU_DROP_TCP_OPTION_LENGTH, AKSU_DROP_TCP_PORT_ZERO,    AKSU_DROP_TCP_NO_CONNECTION,
        AKSU_DROP_UDP_TRUNCATED,     AKSU_DROP_UDP_LENGTH,       AKSU_DROP_UDP_PORT_ZERO,
        AKSU_DROP_UDP_CHECKSUM,      AKSU_DROP_UDP_NO_SOCKET,    AKSU_DROP_FRAGMENT_LENGTH,
        AKSU_DROP_FRAGMENT_TOO_LONG, AKSU_DROP_FRAME_INVALID,    AKSU_DROP_TCP_LAND};
    all_of(frames_with_four, 100000, reasons, sizeof reasons / sizeof reasons[0]);
}

/* attack: 5 attack: 10 attack: 13 attack: 14 attack: 15 attack: 23 attack: 24 attack: 28 */
static void fields_of_ipv6_and_its_extension_headers(void **state) {
    (void)state;
    static const aksu_drop reasons[] = {
        AKSU_DROP_IP_TRUNCATED,  AKSU_DROP_IP_TOTAL_LENGTH, AKSU_DROP_IP_OPTIONS,        AKSU_DROP_IP_SOURCE_ROUTE,
        AKSU_DROP_UDP_CHECKSUM,  AKSU_DROP_FRAGMENT_NESTED, AKSU_DROP_FRAGMENT_HEADERS,  AKSU_DROP_FRAGMENT_LENGTH,
        AKSU_DROP_ICMP_QUOTE,    AKSU_DROP_IP_PROTOCOL,     AKSU_DROP_FRAGMENT_TOO_LONG, AKSU_DROP_IP_HEADER_LENGTH,
        AKSU_DROP_ICMP_TRUNCATED};
    all_of(frames_with_six, 100000, reasons, sizeof reasons / sizeof reasons[0]);
}

/* attack: 9 attack: 10 attack: 11 attack: 12 */
static void fields_of_neighbour_discovery(void **state) {
    (void)state;
    static const aksu_drop reasons[] = {AKSU_DROP_NDP_TRUNCATED, AKSU_DROP_NDP_HOP_LIMIT, AKSU_DROP_NDP_SOURCE,
                                        AKSU_DROP_NDP_FIELD,     AKSU_DROP_NDP_OPTION,    AKSU_DROP_IP_NOT_OURS};
    all_of(frames_of_discovery, 100000, reasons, sizeof reasons / sizeof reasons[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_ipv4_and_arp),
        cmocka_unit_test(fields_of_ipv6_and_its_extension_headers),
        cmocka_unit_test(fields_of_neighbour_discovery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
