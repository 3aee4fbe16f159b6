/* Fragments: where their data lies in the datagram, and what is wrong with one by itself.
 *
 * A first fragment must hold every header up to and with that of the transport (RFC 7112, RFC 8200 s4.5; RFC 3128 for
 * TCP over IPv4): then whoever looked at it on the way has seen what the datagram is. */
#include "fragment.h"

#include "base/bytes.h"
#include "checksum.h"
#include "icmp.h"
#include "tcp.h"
#include "udp.h"

#define MORE_FRAGMENTS  0x2000u
#define FRAGMENT_OFFSET 0x1fffu
#define DATAGRAM_MAX    65535u

/* Whether the transport header that begins at `at` ends before total_bytes.  TRUNCATED: it does not lie at p. */
static aksu_drop transport_check(const uint8_t *p, size_t head_bytes, size_t total_bytes, size_t at, uint8_t protocol) {
    size_t want =
        protocol == AK_IP_PROTOCOL_TCP ? AK_TCP_HEADER_BYTES
        : protocol == AK_IP_PROTOCOL_UDP || protocol == AK_IP_PROTOCOL_ICMP || protocol == AK_IP_PROTOCOL_ICMP6
            ? AK_UDP_HEADER_BYTES
            : 0;
    if (total_bytes - at < want) return AKSU_DROP_FRAGMENT_HEADERS;
    if (protocol != AK_IP_PROTOCOL_TCP) return AKSU_DROP_NONE;
    if (head_bytes - at < want) return AKSU_DROP_IP_TRUNCATED;
    return total_bytes - at < (p[at + 12] >> 4) * 4u ? AKSU_DROP_FRAGMENT_HEADERS : AKSU_DROP_NONE;
}

static aksu_drop place_check(const struct ak_fragment *f, uint32_t limit) {
    if (f->bytes == 0 || (f->more && f->bytes % 8 != 0)) return AKSU_DROP_FRAGMENT_LENGTH;
    return f->at + f->bytes > limit ? AKSU_DROP_FRAGMENT_TOO_LONG : AKSU_DROP_NONE;
}

static aksu_drop parse4(const uint8_t *p, size_t head_bytes, struct ak_fragment *f) {
    const uint16_t field = ak_be16(p + 6);
    const uint32_t header_bytes = (p[0] & 0x0fu) * 4u;
    *f = (struct ak_fragment){
        .ip = {.src = ak_addr_of_v4(ak_be32(p + 12)),
               .dst = ak_addr_of_v4(ak_be32(p + 16)),
               .version = 4,
               .protocol = p[9],
               .ttl = p[8],
               .tos = p[1],
               .header_bytes = (uint16_t)header_bytes,
               .id = ak_be16(p + 4),
               .total_bytes = ak_be16(p + 2)},
        .id = ak_be16(p + 4),
        .at = (field & FRAGMENT_OFFSET) * 8u,
        .bytes = ak_be16(p + 2) - header_bytes,
        .more = (field & MORE_FRAGMENTS) != 0,
        .kept_bytes = (uint16_t)header_bytes,
    };
    aksu_drop drop = place_check(f, DATAGRAM_MAX - header_bytes);
    if (drop != AKSU_DROP_NONE || f->at > 0) return drop;
    return transport_check(p, head_bytes, f->ip.total_bytes, header_bytes, f->ip.protocol);
}

/* s4.5: its own length, or where it lies. */
static aksu_drop place_check6(struct ak_fragment *f) {
    enum { PAYLOAD_LENGTH_AT = 4 };
    aksu_drop drop = place_check(f, DATAGRAM_MAX - (f->kept_bytes - AK_IPV6_HEADER_BYTES));
    bool length = drop == AKSU_DROP_FRAGMENT_LENGTH && f->bytes > 0;
    f->problem = (struct ak_problem){.tell = length || drop == AKSU_DROP_FRAGMENT_TOO_LONG,
                                     .code = AK_PROBLEM_FIELD,
                                     .pointer = length ? PAYLOAD_LENGTH_AT : f->kept_bytes + 2u};
    return drop;
}

/* The headers behind the fragment header of a first fragment. */
static aksu_drop chain_check(struct ak_ipv6_walk *w, struct ak_fragment *f) {
    ak_wire_ipv6_walk_step(w, AK_IPV6_FRAGMENT_HEADER_BYTES);
    aksu_drop drop = ak_wire_ipv6_walk(w);
    f->problem = w->problem;
    if (drop == AKSU_DROP_NONE) drop = transport_check(w->p, w->head_bytes, w->total_bytes, w->at, w->next);
    if (drop == AKSU_DROP_IP_HEADER_LENGTH) drop = AKSU_DROP_FRAGMENT_HEADERS;
    if (drop == AKSU_DROP_FRAGMENT_HEADERS)
        f->problem = (struct ak_problem){.tell = true, .code = AK_PROBLEM_HEADER_CHAIN};
    return drop;
}

static aksu_drop parse6(const uint8_t *p, size_t head_bytes, struct ak_fragment *f) {
    struct ak_ipv6_walk w;
    size_t total_bytes = AK_IPV6_HEADER_BYTES + (size_t)ak_be16(p + 4);
    ak_wire_ipv6_walk_begin(&w, p, head_bytes, total_bytes);
    aksu_drop drop = ak_wire_ipv6_walk(&w);
    if (drop != AKSU_DROP_IP_FRAGMENT) return drop; /* it would not have been handed here */
    const uint8_t *header = p + w.at;
    uint32_t data_at = (uint32_t)w.at + AK_IPV6_FRAGMENT_HEADER_BYTES;
    *f = (struct ak_fragment){
        .ip = {.version = 6,
               .protocol = header[0],
               .ttl = p[7],
               .tos = (uint8_t)(p[0] << 4 | p[1] >> 4),
               .header_bytes = (uint16_t)data_at,
               .fragment = true,
               .flow_label = ak_be32(p) & 0xfffff,
               .total_bytes = (uint32_t)total_bytes},
        .id = ak_be32(header + 4),
        .at = ak_be16(header + 2) & 0xfff8u,
        .bytes = (uint32_t)total_bytes - data_at,
        .more = (header[3] & 1) != 0,
        .kept_bytes = (uint16_t)w.at,
        .next_at = (uint16_t)w.next_at,
    };
    ak_copy(f->ip.src.byte, p + 8, sizeof f->ip.src.byte);
    ak_copy(f->ip.dst.byte, p + 24, sizeof f->ip.dst.byte);
    if (ak_addr_is_v4(&f->ip.src) || ak_addr_is_v4(&f->ip.dst)) return AKSU_DROP_IP_MARTIAN_SOURCE;
    drop = place_check6(f);
    return drop != AKSU_DROP_NONE || f->at > 0 ? drop : chain_check(&w, f);
}

aksu_drop ak_wire_fragment_parse(const uint8_t *p, size_t head_bytes, size_t frame_bytes,
                                 struct ak_fragment *ret_fragment) {
    if (head_bytes > frame_bytes) head_bytes = frame_bytes;
    return p[0] >> 4 == 6 ? parse6(p, head_bytes, ret_fragment) : parse4(p, head_bytes, ret_fragment);
}

void ak_wire_fragment_join(uint8_t *p, const struct ak_fragment *first, uint32_t payload_bytes, uint8_t congestion) {
    if (first->ip.version == 6) {
        ak_put16(p + 4, (uint16_t)(first->kept_bytes - AK_IPV6_HEADER_BYTES + payload_bytes));
        p[first->next_at] = first->ip.protocol;
        p[1] = (uint8_t)((p[1] & 0xcf) | congestion << 4);
        return;
    }
    p[1] = (uint8_t)((p[1] & 0xfc) | congestion);
    ak_put16(p + 2, (uint16_t)(first->kept_bytes + payload_bytes));
    ak_put16(p + 6, 0);
    ak_put16(p + 10, 0);
    struct ak_sum sum = {0};
    ak_sum_add(&sum, p, first->kept_bytes);
    ak_put16(p + 10, (uint16_t)~ak_sum_fold(&sum));
}
