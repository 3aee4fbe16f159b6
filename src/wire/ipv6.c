/* The IPv6 header and its extension headers: RFC 8200.
 *
 * Parse, then trust, as for IPv4: header_bytes reaches to the transport header, over all extension headers, and
 * total_bytes lies within the frame.  Extension headers must lie in the bytes at hand and be few; options are checked
 * for their lengths, and one that its sender wants to be understood or not taken (RFC 8200 s4.2) drops the packet.
 *
 * Routing headers are passed over where nothing is left of them; otherwise they are source routes (RFC 5095).  A
 * fragment that is the whole packet (RFC 6946) is taken as it is, any other is for fragment.c.  Addresses that are
 * IPv4's in disguise never come over the wire (RFC 4942 s2.2). */
#include "fragment.h"

#define EXTENSIONS_MAX 8u

enum next_header {
    NEXT_HOP_BY_HOP = 0,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_DESTINATION_OPTIONS = 60,
};

/* RFC 8200 s4.2: type, length, data; Pad1 is a type alone.  The first two bits of a type that is not known say what is
 * to be done: 00 pass over it, 01 discard the packet, 10 and tell its source, 11 unless it went to many. */
static aksu_drop options_check(struct ak_ipv6_walk *w, size_t at, size_t end) {
    enum { PAD_1 = 0, PAD_N = 1, TELL = 2, TELL_IF_ONE = 3 };
    while (at < end) {
        const uint8_t type = w->p[at];
        if (type == PAD_1) {
            at++;
            continue;
        }
        if (end - at < 2 || w->p[at + 1] > end - at - 2) return AKSU_DROP_IP_OPTIONS;
        if (type != PAD_N && type >> 6 != 0) {
            w->problem = (struct ak_problem){.tell = type >> 6 >= TELL,
                                             .to_groups = type >> 6 != TELL_IF_ONE,
                                             .code = AK_PROBLEM_OPTION,
                                             .pointer = (uint32_t)at};
            return AKSU_DROP_IP_OPTIONS;
        }
        at += 2u + w->p[at + 1];
    }
    return AKSU_DROP_NONE;
}

/* RFC 8200 s4.4, RFC 5095: no type of routing header is known, type 0 no longer; one with nothing left is passed over.
 */
static aksu_drop routing_check(struct ak_ipv6_walk *w) {
    if (w->p[w->at + 3] == 0) return AKSU_DROP_NONE;
    w->problem = (struct ak_problem){.tell = true, .code = AK_PROBLEM_FIELD, .pointer = (uint32_t)w->at + 2};
    return AKSU_DROP_IP_SOURCE_ROUTE;
}

static aksu_drop fragment_check(struct ak_ipv6_walk *w) {
    enum { AT_AND_MORE = 0xfff9 };
    if (w->fragment) return AKSU_DROP_FRAGMENT_NESTED;
    w->fragment = true;
    return (ak_be16(w->p + w->at + 2) & AT_AND_MORE) != 0 ? AKSU_DROP_IP_FRAGMENT : AKSU_DROP_NONE; /* RFC 6946 */
}

/* The extension header at w->at, of so many bytes. */
static aksu_drop extension_check(struct ak_ipv6_walk *w, size_t bytes) {
    if (w->next == NEXT_FRAGMENT) return fragment_check(w);
    return w->next == NEXT_ROUTING ? routing_check(w) : options_check(w, w->at + 2, w->at + bytes);
}

static bool is_extension(uint8_t next) {
    return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_FRAGMENT || next == NEXT_DESTINATION_OPTIONS;
}

void ak_wire_ipv6_walk_begin(struct ak_ipv6_walk *w, const uint8_t *p, size_t head_bytes, size_t total_bytes) {
    *w = (struct ak_ipv6_walk){.p = p,
                               .head_bytes = head_bytes < total_bytes ? head_bytes : total_bytes,
                               .total_bytes = total_bytes,
                               .at = AK_IPV6_HEADER_BYTES,
                               .next_at = 6,
                               .next = p[6]};
}

void ak_wire_ipv6_walk_step(struct ak_ipv6_walk *w, size_t bytes) {
    w->next = w->p[w->at];
    w->next_at = w->at;
    w->at += bytes;
    w->count++;
}

aksu_drop ak_wire_ipv6_walk(struct ak_ipv6_walk *w) {
    while (is_extension(w->next)) {
        if (w->count == EXTENSIONS_MAX) return AKSU_DROP_IP_OPTIONS;
        if (w->next == NEXT_HOP_BY_HOP && w->count > 0) { /* s4.1, s4.3 */
            w->problem =
                (struct ak_problem){.tell = true, .code = AK_PROBLEM_NEXT_HEADER, .pointer = (uint32_t)w->next_at};
            return AKSU_DROP_IP_OPTIONS;
        }
        if (w->total_bytes - w->at < 8) return AKSU_DROP_IP_HEADER_LENGTH;
        if (w->head_bytes - w->at < 8) return AKSU_DROP_IP_TRUNCATED;
        size_t bytes = w->next == NEXT_FRAGMENT ? 8 : (w->p[w->at + 1] + 1u) * 8u;
        if (w->total_bytes - w->at < bytes) return AKSU_DROP_IP_HEADER_LENGTH;
        if (w->head_bytes - w->at < bytes) return AKSU_DROP_IP_TRUNCATED;
        aksu_drop drop = extension_check(w, bytes);
        if (drop != AKSU_DROP_NONE) return drop;
        ak_wire_ipv6_walk_step(w, bytes);
    }
    return AKSU_DROP_NONE;
}

bool ak_wire_ipv6_walk_on(struct ak_ipv6_walk *w) {
    for (uint32_t i = 0; is_extension(w->next) && i < EXTENSIONS_MAX; i++) {
        if (w->head_bytes - w->at < 8) return false;
        size_t bytes = w->next == NEXT_FRAGMENT ? 8 : (w->p[w->at + 1] + 1u) * 8u;
        if (w->head_bytes - w->at < bytes) return false;
        ak_wire_ipv6_walk_step(w, bytes);
    }
    return !is_extension(w->next);
}

static aksu_addr addr_at(const uint8_t *p) {
    aksu_addr addr = {{0}};
    ak_copy(addr.byte, p, sizeof addr.byte);
    return addr;
}

aksu_drop ak_wire_ipv6_parse(const uint8_t *p, size_t head_bytes, size_t frame_bytes, struct ak_ip *ret_ip) {
    if (head_bytes > frame_bytes) head_bytes = frame_bytes;
    if (head_bytes < 1) return AKSU_DROP_IP_TRUNCATED;
    if (p[0] >> 4 != 6) return AKSU_DROP_IP_VERSION;
    if (head_bytes < AK_IPV6_HEADER_BYTES) return AKSU_DROP_IP_TRUNCATED;
    size_t total_bytes = AK_IPV6_HEADER_BYTES + (size_t)ak_be16(p + 4);
    if (total_bytes > frame_bytes) return AKSU_DROP_IP_TOTAL_LENGTH;
    if (head_bytes > total_bytes) head_bytes = total_bytes;
    uint8_t protocol = p[6];
    size_t at = AK_IPV6_HEADER_BYTES;
    bool fragment = false;
    if (is_extension(protocol)) {
        struct ak_ipv6_walk walk;
        ak_wire_ipv6_walk_begin(&walk, p, head_bytes, total_bytes);
        aksu_drop drop = ak_wire_ipv6_walk(&walk);
        if (drop != AKSU_DROP_NONE) return drop;
        protocol = walk.next;
        at = walk.at;
        fragment = walk.fragment;
    }
    struct ak_ip ip = {
        .src = addr_at(p + 8),
        .dst = addr_at(p + 24),
        .version = 6,
        .protocol = protocol,
        .ttl = p[7],
        .tos = (uint8_t)(p[0] << 4 | p[1] >> 4),
        .header_bytes = (uint16_t)at,
        .dont_fragment = true,
        .fragment = fragment,
        .flow_label = ak_be32(p) & 0xfffff,
        .total_bytes = (uint32_t)total_bytes,
    };
    if (ak_addr_is_v4(&ip.src) || ak_addr_is_v4(&ip.dst)) return AKSU_DROP_IP_MARTIAN_SOURCE;
    *ret_ip = ip;
    return AKSU_DROP_NONE;
}

void ak_wire_ipv6_build(uint8_t *p, const struct ak_ip *ip) {
    ak_put32(p, 6u << 28 | (uint32_t)ip->tos << 20 | (ip->flow_label & 0xfffff));
    ak_put16(p + 4, (uint16_t)(ip->total_bytes - AK_IPV6_HEADER_BYTES));
    p[6] = ip->protocol;
    p[7] = ip->ttl;
    ak_copy(p + 8, ip->src.byte, sizeof ip->src.byte);
    ak_copy(p + 24, ip->dst.byte, sizeof ip->dst.byte);
}

aksu_drop ak_wire_ip_parse(const uint8_t *p, size_t head_bytes, size_t frame_bytes, struct ak_ip *ret_ip) {
    bool six = head_bytes > 0 && frame_bytes > 0 && p[0] >> 4 == 6;
    return six ? ak_wire_ipv6_parse(p, head_bytes, frame_bytes, ret_ip)
               : ak_wire_ipv4_parse(p, head_bytes, frame_bytes, ret_ip);
}

uint32_t ak_wire_ip_build(uint8_t *p, struct ak_ip *ip, uint32_t payload_bytes) {
    uint32_t header_bytes = ak_ip_header_bytes_for(&ip->dst);
    ip->total_bytes = header_bytes + payload_bytes;
    if (header_bytes == AK_IPV4_HEADER_BYTES) {
        ip->version = 4;
        ak_wire_ipv4_build(p, ip);
    } else {
        ip->version = 6;
        ak_wire_ipv6_build(p, ip);
    }
    return header_bytes;
}
