/* The IPv4 header, RFC 791 s3.1, RFC 1122 s3.2.1, and what an address alone tells.
 *
 * Parse, then trust: a header that was parsed is legal, and total_bytes and header_bytes lie within the frame.  It does
 * not judge whether the packet is for this host, nor its TTL (RFC 1122 s3.2.1.7: a host must take what arrives). */
#include "ip.h"

#include "checksum.h"

#define FLAG_DONT_FRAGMENT  0x4000u
#define FLAG_MORE_FRAGMENTS 0x2000u
#define FRAGMENT_OFFSET     0x1fffu

enum option_type {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_LOOSE_SOURCE_ROUTE = 131,
    OPTION_STRICT_SOURCE_ROUTE = 137,
};

/* RFC 791 s3.1: type, length of the whole option, data.  Source routes are not taken: they let a stranger choose the
 * way of the reply (RFC 6274 s3.13.2.3). */
static aksu_drop options_check(const uint8_t *p, size_t bytes, size_t *ret_at) {
    size_t at = 0;
    *ret_at = 0;
    while (at < bytes && p[at] != OPTION_END) {
        if (p[at] == OPTION_NOP) {
            at++;
            continue;
        }
        if (bytes - at < 2 || p[at + 1] < 2 || p[at + 1] > bytes - at) {
            *ret_at = at + (bytes - at >= 2); /* its length, or, without one, its type */
            return AKSU_DROP_IP_OPTIONS;
        }
        if (p[at] == OPTION_LOOSE_SOURCE_ROUTE || p[at] == OPTION_STRICT_SOURCE_ROUTE) {
            return AKSU_DROP_IP_SOURCE_ROUTE;
        }
        at += p[at + 1];
    }
    return AKSU_DROP_NONE;
}

static aksu_drop lengths_check(const uint8_t *p, size_t head_bytes, size_t frame_bytes) {
    if (head_bytes < 1) return AKSU_DROP_IP_TRUNCATED;
    if (p[0] >> 4 != 4) return AKSU_DROP_IP_VERSION;
    if (head_bytes < AK_IPV4_HEADER_BYTES) return AKSU_DROP_IP_TRUNCATED;
    const size_t header_bytes = (p[0] & 0x0fu) * 4u;
    if (header_bytes < AK_IPV4_HEADER_BYTES || header_bytes > frame_bytes) return AKSU_DROP_IP_HEADER_LENGTH;
    if (header_bytes > head_bytes) return AKSU_DROP_IP_TRUNCATED;
    const size_t total_bytes = ak_be16(p + 2);
    if (total_bytes < header_bytes || total_bytes > frame_bytes) return AKSU_DROP_IP_TOTAL_LENGTH;
    return AKSU_DROP_NONE;
}

/* In place for the header that nearly all packets have. */
static bool checksum_right(const uint8_t *p, size_t header_bytes) {
    if (header_bytes == AK_IPV4_HEADER_BYTES) {
        uint32_t word[AK_IPV4_HEADER_BYTES / 4]; /* in any byte order: RFC 1071 s2 B */
        ak_copy(word, p, sizeof word);
        uint64_t sum = (uint64_t)word[0] + word[1] + word[2] + word[3] + word[4];
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return (sum & 0xffff) + (sum >> 16) == 0xffff;
    }
    struct ak_sum sum = {0};
    ak_sum_add(&sum, p, header_bytes);
    return ak_sum_fold(&sum) == 0xffff;
}

aksu_drop ak_wire_ipv4_parse(const uint8_t *p, size_t head_bytes, size_t frame_bytes, struct ak_ip *ret_ip) {
    aksu_drop drop = lengths_check(p, head_bytes < frame_bytes ? head_bytes : frame_bytes, frame_bytes);
    if (drop != AKSU_DROP_NONE) return drop;
    const size_t header_bytes = (p[0] & 0x0fu) * 4u;
    if (!checksum_right(p, header_bytes)) return AKSU_DROP_IP_CHECKSUM;
    if (header_bytes > AK_IPV4_HEADER_BYTES) {
        size_t bad_at;
        drop = options_check(p + AK_IPV4_HEADER_BYTES, header_bytes - AK_IPV4_HEADER_BYTES, &bad_at);
        if (drop != AKSU_DROP_NONE) return drop;
    }
    const uint16_t fragment = ak_be16(p + 6);
    if (fragment & (FLAG_MORE_FRAGMENTS | FRAGMENT_OFFSET)) return AKSU_DROP_IP_FRAGMENT;
    *ret_ip = (struct ak_ip){
        .src = ak_addr_of_v4(ak_be32(p + 12)),
        .dst = ak_addr_of_v4(ak_be32(p + 16)),
        .version = 4,
        .protocol = p[9],
        .ttl = p[8],
        .tos = p[1],
        .header_bytes = (uint16_t)header_bytes,
        .id = ak_be16(p + 4),
        .dont_fragment = (fragment & FLAG_DONT_FRAGMENT) != 0,
        .total_bytes = ak_be16(p + 2),
    };
    return AKSU_DROP_NONE;
}

uint8_t ak_wire_ipv4_bad_option(const uint8_t *p) {
    const size_t header_bytes = (p[0] & 0x0fu) * 4u;
    size_t at;
    aksu_drop drop = options_check(p + AK_IPV4_HEADER_BYTES, header_bytes - AK_IPV4_HEADER_BYTES, &at);
    return drop == AKSU_DROP_IP_OPTIONS ? (uint8_t)(AK_IPV4_HEADER_BYTES + at) : 0;
}

/* The checksum is summed from the fields: reading back what was just written in smaller pieces would stall. */
void ak_wire_ipv4_build(uint8_t *p, const struct ak_ip *ip) {
    const uint32_t src = ak_addr_v4_value(&ip->src);
    const uint32_t dst = ak_addr_v4_value(&ip->dst);
    const uint16_t first = (uint16_t)(0x4500u | ip->tos);
    const uint16_t fragment = (uint16_t)((ip->dont_fragment ? FLAG_DONT_FRAGMENT : 0) |
                                         (ip->more_fragments ? FLAG_MORE_FRAGMENTS : 0) | ip->fragment_at / 8);
    const uint16_t life = (uint16_t)(ip->ttl << 8 | ip->protocol);
    uint32_t sum = (uint32_t)first + (ip->total_bytes & 0xffff) + ip->id + fragment + life;
    sum += (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    ak_put16(p, first);
    ak_put16(p + 2, (uint16_t)ip->total_bytes);
    ak_put16(p + 4, ip->id);
    ak_put16(p + 6, fragment);
    ak_put16(p + 8, life);
    ak_put16(p + 10, (uint16_t)~sum);
    ak_put32(p + 12, src);
    ak_put32(p + 16, dst);
}

aksu_addr ak_addr_of_v4(uint32_t value) {
    aksu_addr addr = {.byte = {[10] = 0xff, [11] = 0xff}};
    ak_put32(addr.byte + 12, value);
    return addr;
}

bool ak_addr_is_multicast(const aksu_addr *addr) {
    if (!ak_addr_is_v4(addr)) return addr->byte[0] == 0xff;
    return addr->byte[12] >> 4 == 0xe;
}

bool ak_addr_is_limited_broadcast(const aksu_addr *addr) {
    return ak_addr_is_v4(addr) && ak_addr_v4_value(addr) == 0xffffffff;
}

bool ak_addr_is_loopback(const aksu_addr *addr) {
    static const aksu_addr loopback = {.byte = {[15] = 1}};
    if (!ak_addr_is_v4(addr)) return ak_equal(addr, &loopback, sizeof loopback);
    return addr->byte[12] == 127;
}

/* RFC 1122 s3.2.1.3 (a), (b), (d); RFC 6890 for 240/4; RFC 4291 s2.5.2 and s2.7. */
bool ak_addr_is_martian_source(const aksu_addr *addr) {
    static const aksu_addr unspecified = {.byte = {0}};
    if (!ak_addr_is_v4(addr)) return addr->byte[0] == 0xff || ak_equal(addr, &unspecified, sizeof unspecified);
    return addr->byte[12] == 0 || addr->byte[12] >= 224;
}

bool ak_addr_in_prefix(const aksu_addr *addr, const aksu_addr *prefix, unsigned prefix_bits) {
    const bool is_v4 = ak_addr_is_v4(prefix);
    if (is_v4 != ak_addr_is_v4(addr) || prefix_bits > (is_v4 ? 32 : 128)) return false;
    const unsigned first = is_v4 ? 12 : 0;
    const unsigned whole = prefix_bits / 8;
    if (!ak_equal(addr->byte + first, prefix->byte + first, whole)) return false;
    if (prefix_bits % 8 == 0) return true;
    const unsigned differ = (unsigned)(addr->byte[first + whole] ^ prefix->byte[first + whole]);
    return differ >> (8 - prefix_bits % 8) == 0;
}
