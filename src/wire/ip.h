/* The IP headers: bytes to struct and back, stateless.  RFC 791, RFC 1122 s3.2.1; RFC 8200. */
#ifndef AK_WIRE_IP_H
#define AK_WIRE_IP_H

#include "aksu/aksu.h"
#include "base/bytes.h"
#include "base/mem.h"

#define AK_IP_PROTOCOL_ICMP  1
#define AK_IP_PROTOCOL_TCP   6
#define AK_IP_PROTOCOL_ICMP6 58
#define AK_IPV4_HEADER_BYTES 20u
#define AK_IPV6_HEADER_BYTES 40u
#define AK_IPV6_MTU_MIN      1280u /* RFC 8200 s5 */
#define AK_IP_PROTOCOL_NONE  59    /* IPv6: nothing follows */

struct ak_ip {
    aksu_addr src, dst;
    uint8_t version, protocol, ttl;
    uint8_t tos;           /* DSCP << 2 | ECN */
    uint16_t header_bytes; /* with options or extension headers */
    uint16_t id;           /* IPv4 */
    bool dont_fragment;
    bool fragment;        /* IPv6: there is a fragment header, though all of the datagram is here */
    bool more_fragments;  /* IPv4, to be built: this is not the last */
    uint16_t fragment_at; /* IPv4, to be built: where in the datagram this begins, a multiple of 8 */
    uint32_t flow_label;  /* IPv6: 20 bits */
    uint32_t total_bytes; /* header and payload */
};

/* Parses the header at the start of a frame of frame_bytes, of which head_bytes lie at p.  A legal header or a reason:
 * IP_TRUNCATED, IP_VERSION, IP_HEADER_LENGTH, IP_TOTAL_LENGTH, IP_CHECKSUM, IP_OPTIONS, IP_SOURCE_ROUTE, IP_FRAGMENT.
 * Options other than source routes are checked for their lengths and ignored (RFC 9293 MUST-50).  Trailing bytes past
 * total_bytes are padding. */
aksu_drop ak_wire_ipv4_parse(const uint8_t *p, size_t head_bytes, size_t frame_bytes, struct ak_ip *ret_ip);

/* Of a header whose lengths and checksum are right: the octet at which its options make no sense; 0: there is none, or
 * a source route comes before it. */
uint8_t ak_wire_ipv4_bad_option(const uint8_t *p);

/* Writes a header without options, checksum included; 20 bytes. */
void ak_wire_ipv4_build(uint8_t *p, const struct ak_ip *ip);

/* The same for IPv6, extension headers included.  Besides the reasons above: IP_MARTIAN_SOURCE for an address of
 * ::ffff:0:0/96, which is IPv4's and never on the wire. */
aksu_drop ak_wire_ipv6_parse(const uint8_t *p, size_t head_bytes, size_t frame_bytes, struct ak_ip *ret_ip);
/* 40 bytes, no extension headers. */
void ak_wire_ipv6_build(uint8_t *p, const struct ak_ip *ip);

/* Either version, by the first four bits. */
aksu_drop ak_wire_ip_parse(const uint8_t *p, size_t head_bytes, size_t frame_bytes, struct ak_ip *ret_ip);

/* Whether an address is IPv4: ::ffff:0:0/96. */
static inline bool ak_addr_is_v4(const aksu_addr *addr) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return ak_equal(addr->byte, mapped, sizeof mapped);
}
/* Bytes of a header without options to such an address. */
static inline uint32_t ak_ip_header_bytes_for(const aksu_addr *addr) {
    return ak_addr_is_v4(addr) ? AK_IPV4_HEADER_BYTES : AK_IPV6_HEADER_BYTES;
}
/* Writes a header of the addresses' version in front of payload_bytes; sets version and total_bytes; answers its
 * bytes. */
uint32_t ak_wire_ip_build(uint8_t *p, struct ak_ip *ip, uint32_t payload_bytes);
static inline bool ak_addr_equal(const aksu_addr *a, const aksu_addr *b) {
    return ak_equal(a, b, sizeof *a);
}
/* The address of an IPv4 value in host order, and back. */
aksu_addr ak_addr_of_v4(uint32_t value);
static inline uint32_t ak_addr_v4_value(const aksu_addr *addr) {
    return ak_be32(addr->byte + 12);
}

/* Address classes, RFC 1122 s3.2.1.3, RFC 6890. */
bool ak_addr_is_multicast(const aksu_addr *addr);
bool ak_addr_is_limited_broadcast(const aksu_addr *addr); /* 255.255.255.255 */
bool ak_addr_is_loopback(const aksu_addr *addr);
/* Never a source on the wire: this-network, multicast, broadcast, class E.  Loopback is judged by its link. */
bool ak_addr_is_martian_source(const aksu_addr *addr);
/* Whether the first bits of the address (of its own family) equal the prefix's. */
bool ak_addr_in_prefix(const aksu_addr *addr, const aksu_addr *prefix, unsigned prefix_bits);
/* The last address of an IPv4 prefix (its directed broadcast), in host order; meaningful for prefixes up to 30 bits. */
static inline uint32_t ak_addr_v4_broadcast(const aksu_addr *addr, unsigned prefix_bits) {
    return ak_addr_v4_value(addr) | (prefix_bits >= 32 ? 0 : UINT32_MAX >> prefix_bits);
}

#endif
