/* The IPv6 header and its extension headers: RFC 8200.
 *
 * Parse, then trust, as for IPv4: header_bytes reaches to the transport header, over all extension headers, and
 * total_bytes lies within the frame.  Extension headers must lie in the bytes at hand and be few; options are checked
 * for their lengths, and one that its sender wants to be understood or not taken (RFC 8200 s4.2) drops the packet.
 *
 * Routing headers of type 0 are source routes (RFC 5095), other types are passed over where nothing is left of them.
 * A fragment that is the whole packet (RFC 6946) is taken as it is, any other is not.  Addresses that are IPv4's in
 * disguise never come over the wire (RFC 4942 s2.2). */
#include "ip.h"

#define EXTENSIONS_MAX 8u

enum next_header {
    NEXT_HOP_BY_HOP = 0,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_DESTINATION_OPTIONS = 60,
};

/* RFC 8200 s4.2: type, length, data; Pad1 is a type alone. */
static aksu_drop options_check(const uint8_t *p, size_t bytes) {
    for (size_t at = 0; at < bytes;) {
        if (p[at] == 0) {
            at++;
            continue;
        }
        if (bytes - at < 2 || p[at + 1] > bytes - at - 2) return AKSU_DROP_IP_OPTIONS;
        bool known = p[at] == 1; /* PadN */
        if (!known && p[at] >> 6 != 0) return AKSU_DROP_IP_OPTIONS;
        at += 2u + p[at + 1];
    }
    return AKSU_DROP_NONE;
}

/* One extension header of bytes at p. */
static aksu_drop extension_check(uint8_t type, const uint8_t *p, size_t bytes) {
    enum { TYPE_0 = 0 };
    if (type == NEXT_HOP_BY_HOP || type == NEXT_DESTINATION_OPTIONS) return options_check(p + 2, bytes - 2);
    if (type == NEXT_ROUTING) return p[2] == TYPE_0 || p[3] != 0 ? AKSU_DROP_IP_SOURCE_ROUTE : AKSU_DROP_NONE;
    return (ak_be16(p + 2) & 0xfff9) != 0 ? AKSU_DROP_IP_FRAGMENT : AKSU_DROP_NONE;
}

static bool is_extension(uint8_t next) {
    return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_FRAGMENT || next == NEXT_DESTINATION_OPTIONS;
}

/* Over the extension headers; ret_at: where the transport header begins. */
static aksu_drop walk(const uint8_t *p, size_t head_bytes, size_t total_bytes, uint8_t *ret_protocol, size_t *ret_at) {
    size_t at = AK_IPV6_HEADER_BYTES;
    uint8_t next = p[6];
    for (uint32_t i = 0; is_extension(next); i++) {
        if (i == EXTENSIONS_MAX || (next == NEXT_HOP_BY_HOP && i > 0)) return AKSU_DROP_IP_OPTIONS; /* s4.1, s4.3 */
        if (total_bytes - at < 8) return AKSU_DROP_IP_HEADER_LENGTH;
        if (head_bytes - at < 8) return AKSU_DROP_IP_TRUNCATED;
        size_t bytes = next == NEXT_FRAGMENT ? 8 : (p[at + 1] + 1u) * 8u;
        if (total_bytes - at < bytes) return AKSU_DROP_IP_HEADER_LENGTH;
        if (head_bytes - at < bytes) return AKSU_DROP_IP_TRUNCATED;
        aksu_drop drop = extension_check(next, p + at, bytes);
        if (drop != AKSU_DROP_NONE) return drop;
        next = p[at];
        at += bytes;
    }
    *ret_protocol = next;
    *ret_at = at;
    return AKSU_DROP_NONE;
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
    uint8_t protocol;
    size_t at;
    aksu_drop drop = walk(p, head_bytes, total_bytes, &protocol, &at);
    if (drop != AKSU_DROP_NONE) return drop;
    struct ak_ip ip = {
        .src = addr_at(p + 8),
        .dst = addr_at(p + 24),
        .version = 6,
        .protocol = protocol,
        .ttl = p[7],
        .tos = (uint8_t)(p[0] << 4 | p[1] >> 4),
        .header_bytes = (uint16_t)at,
        .dont_fragment = true,
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
