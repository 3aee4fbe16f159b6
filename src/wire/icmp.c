/* ICMP, RFC 792, and ICMPv6, RFC 4443: the first 8 bytes of a message, and what an error message quotes.
 *
 * An error quotes the IP header and at least 8 bytes more (RFC 1122 s3.2.2): of TCP, the ports and the sequence number.
 * Only what identifies a connection is read.  The quoted checksum, TTL and total length are not judged, as routers
 * change them on the way; whether the quote is of something we sent is for the connection to say (RFC 5927 s4.1). */
#include "icmp.h"

#include "base/bytes.h"
#include "ip.h"
#include "udp.h"

#define CODE_FRAGMENTATION_NEEDED 4
#define QUOTED_TCP_BYTES          8u

aksu_drop ak_wire_icmp_parse(const uint8_t *p, size_t bytes, struct ak_icmp *ret_icmp) {
    if (bytes < AK_ICMP_HEADER_BYTES) return AKSU_DROP_ICMP_TRUNCATED;
    const bool echo = p[0] == AK_ICMP_ECHO || p[0] == AK_ICMP_ECHO_REPLY;
    const bool too_big = p[0] == AK_ICMP_UNREACHABLE && p[1] == CODE_FRAGMENTATION_NEEDED;
    *ret_icmp = (struct ak_icmp){
        .type = p[0],
        .code = p[1],
        .id = echo ? ak_be16(p + 4) : 0,
        .sequence = echo ? ak_be16(p + 6) : 0,
        .mtu = too_big ? ak_be16(p + 6) : 0,
    };
    return AKSU_DROP_NONE;
}

aksu_drop ak_wire_icmp6_parse(const uint8_t *p, size_t bytes, struct ak_icmp *ret_icmp) {
    if (bytes < AK_ICMP_HEADER_BYTES) return AKSU_DROP_ICMP_TRUNCATED;
    const bool echo = p[0] == AK_ICMP6_ECHO || p[0] == AK_ICMP6_ECHO_REPLY;
    *ret_icmp = (struct ak_icmp){
        .type = p[0],
        .code = p[1],
        .id = echo ? ak_be16(p + 4) : 0,
        .sequence = echo ? ak_be16(p + 6) : 0,
        .mtu = p[0] == AK_ICMP6_PACKET_TOO_BIG ? ak_be32(p + 4) : 0,
    };
    return AKSU_DROP_NONE;
}

/* Each version of IP has its own ICMP, and its own type of echo request. */
static bool is_echo(bool six, uint8_t protocol, const uint8_t *p) {
    bool reply = six && p[0] == AK_ICMP6_ECHO_REPLY;
    return protocol == (six ? AK_IP_PROTOCOL_ICMP6 : AK_IP_PROTOCOL_ICMP) &&
           (p[0] == (six ? AK_ICMP6_ECHO : AK_ICMP_ECHO) || reply) && p[1] == 0;
}

static bool is_transport(bool six, uint8_t protocol, const uint8_t *p) {
    return protocol == AK_IP_PROTOCOL_TCP || protocol == AK_IP_PROTOCOL_UDP || is_echo(six, protocol, p);
}

/* The ports, which TCP and UDP have in the same place; TCP's sequence number.  Of an echo request, its identifier and
 * sequence number. */
static struct ak_icmp_quote transport(uint8_t protocol, const uint8_t *p) {
    if (protocol != AK_IP_PROTOCOL_TCP && protocol != AK_IP_PROTOCOL_UDP)
        return (struct ak_icmp_quote){.src_port = ak_be16(p + 4), .protocol = protocol, .seq = ak_be16(p + 6)};
    uint32_t seq = protocol == AK_IP_PROTOCOL_TCP ? ak_be32(p + 4) : 0;
    return (struct ak_icmp_quote){.src_port = ak_be16(p), .dst_port = ak_be16(p + 2), .protocol = protocol, .seq = seq};
}

/* We send no extension headers but before fragments, of which the first has the transport's; TCP is never in them. */
static aksu_drop quote6_parse(const uint8_t *p, size_t bytes, struct ak_icmp_quote *ret_quote) {
    enum { NEXT_FRAGMENT = 44, FRAGMENT_BYTES = 8, OFFSET = 0xfff8 };
    size_t at = AK_IPV6_HEADER_BYTES;
    if (bytes < at + QUOTED_TCP_BYTES) return AKSU_DROP_ICMP_QUOTE;
    uint8_t next = p[6];
    if (next == NEXT_FRAGMENT) {
        next = p[at];
        if ((ak_be16(p + at + 2) & OFFSET) != 0 || next == AK_IP_PROTOCOL_TCP) return AKSU_DROP_ICMP_QUOTE;
        at += FRAGMENT_BYTES;
        if (bytes < at + QUOTED_TCP_BYTES) return AKSU_DROP_ICMP_QUOTE;
    }
    if (!is_transport(/* six= */ true, next, p + at)) return AKSU_DROP_ICMP_QUOTE;
    struct ak_icmp_quote quote = transport(next, p + at);
    quote.echo_reply = next == AK_IP_PROTOCOL_ICMP6 && p[at] == AK_ICMP6_ECHO_REPLY;
    quote.flow_label = ak_be32(p) & 0xfffff;
    ak_copy(quote.src.byte, p + 8, sizeof quote.src.byte);
    ak_copy(quote.dst.byte, p + 24, sizeof quote.dst.byte);
    if (ak_addr_is_v4(&quote.src) || ak_addr_is_v4(&quote.dst)) return AKSU_DROP_ICMP_QUOTE;
    *ret_quote = quote;
    return AKSU_DROP_NONE;
}

aksu_drop ak_wire_icmp_quote_parse(const uint8_t *p, size_t bytes, struct ak_icmp_quote *ret_quote) {
    if (bytes >= 1 && p[0] >> 4 == 6) return quote6_parse(p, bytes, ret_quote);
    if (bytes < AK_IPV4_HEADER_BYTES || p[0] >> 4 != 4) return AKSU_DROP_ICMP_QUOTE;
    const size_t header_bytes = (p[0] & 0x0fu) * 4u;
    if (header_bytes < AK_IPV4_HEADER_BYTES || bytes < header_bytes + QUOTED_TCP_BYTES) return AKSU_DROP_ICMP_QUOTE;
    if (!is_transport(/* six= */ false, p[9], p + header_bytes)) return AKSU_DROP_ICMP_QUOTE;
    /* A later fragment has no transport header. */
    if (ak_be16(p + 6) & 0x1fff) return AKSU_DROP_ICMP_QUOTE;
    *ret_quote = transport(p[9], p + header_bytes);
    ret_quote->src = ak_addr_of_v4(ak_be32(p + 12));
    ret_quote->dst = ak_addr_of_v4(ak_be32(p + 16));
    return AKSU_DROP_NONE;
}
