/* The Ethernet header (IEEE 802.3 s3, IEEE 802.1Q s9) and ARP (RFC 826): bytes to struct and back, stateless. */
#ifndef AK_WIRE_ETH_H
#define AK_WIRE_ETH_H

#include "aksu/aksu.h"
#include "base/mem.h"

#define AK_ETH_HEADER_BYTES 14u
#define AK_ETH_TAG_BYTES    4u
#define AK_ETH_HEADER_MAX   (AK_ETH_HEADER_BYTES + AK_ETH_TAG_BYTES)
#define AK_ETH_PAYLOAD_MIN  46u /* IEEE 802.3 s3.2.7: what is shorter is padded */

enum { AK_ETH_IPV4 = 0x0800, AK_ETH_ARP = 0x0806, AK_ETH_TAG = 0x8100, AK_ETH_IPV6 = 0x86dd };

struct ak_eth {
    aksu_mac dst, src;
    uint16_t type;
    uint16_t vlan;         /* 0: none, or a tag that tells a priority alone */
    uint16_t header_bytes; /* 14, or 18 with a tag */
};

/* The header at the start of a frame of which bytes lie at p.  ETH_TRUNCATED; ETH_TYPE: a length field, or a protocol
 * that is none of ours; ETH_VLAN: more than one tag, or the reserved identifier; ETH_SOURCE: from a group. */
aksu_drop ak_wire_eth_parse(const uint8_t *p, size_t bytes, struct ak_eth *ret_eth);
/* Bytes of the header that ak_wire_eth_build writes. */
static inline uint32_t ak_wire_eth_bytes(uint16_t vlan) {
    return vlan == 0 ? AK_ETH_HEADER_BYTES : AK_ETH_HEADER_MAX;
}
/* Writes it so that it ends where `end` points. */
void ak_wire_eth_build(uint8_t *end, const struct ak_eth *eth);

static inline bool ak_mac_equal(const aksu_mac *a, const aksu_mac *b) {
    return ak_equal(a, b, sizeof *a);
}
/* The group bit: broadcast is one of them. */
static inline bool ak_mac_is_group(const aksu_mac *mac) {
    return (mac->byte[0] & 1) != 0;
}
bool ak_mac_is_zero(const aksu_mac *mac);
/* Whether six octets can be an address of somebody's own: neither a group's nor all zero. */
bool ak_mac_is_one_host(const uint8_t *p);
extern const aksu_mac ak_mac_broadcast;
/* The group that an IP multicast or broadcast address is sent to: RFC 1112 s6.4, RFC 2464 s7. */
aksu_mac ak_mac_of_group(const aksu_addr *addr);

/* ---- ARP */
#define AK_ARP_BYTES 28u
enum { AK_ARP_REQUEST = 1, AK_ARP_REPLY = 2 };

struct ak_arp {
    uint16_t op;
    aksu_mac sha, tha;
    aksu_addr spa, tpa; /* sender, target: IPv4 */
};

/* ARP_TRUNCATED; ARP_FORMAT: not Ethernet and IPv4, neither request nor reply, or from a group; ARP_SOURCE: from an
 * Ethernet address of all zeros. */
aksu_drop ak_wire_arp_parse(const uint8_t *p, size_t bytes, struct ak_arp *ret_arp);
void ak_wire_arp_build(uint8_t *p, const struct ak_arp *arp);

#endif
