/* The Ethernet header and what lies under IP addresses on it.
 *
 * One tag of 802.1Q is understood; a tag with identifier 0 says a priority and nothing else.  Frames with a length
 * field in the place of the type (IEEE 802.3's own, with LLC behind it) carry none of our protocols. */
#include "eth.h"

#include "base/bytes.h"
#include "ip.h"

enum { TYPE_MIN = 0x0600, VLAN_MASK = 0x0fff, VLAN_RESERVED = 0x0fff };

const aksu_mac ak_mac_broadcast = {.byte = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

bool ak_mac_is_zero(const aksu_mac *mac) {
    static const aksu_mac zero = {.byte = {0}};
    return ak_mac_equal(mac, &zero);
}

bool ak_mac_is_one_host(const uint8_t *p) {
    return (p[0] & 1) == 0 && (p[0] | p[1] | p[2] | p[3] | p[4] | p[5]) != 0;
}

static aksu_mac mac_at(const uint8_t *p) {
    aksu_mac mac = {{0}};
    ak_copy(mac.byte, p, sizeof mac.byte);
    return mac;
}

aksu_drop ak_wire_eth_parse(const uint8_t *p, size_t bytes, struct ak_eth *ret_eth) {
    if (bytes < AK_ETH_HEADER_BYTES) return AKSU_DROP_ETH_TRUNCATED;
    struct ak_eth eth = {
        .dst = mac_at(p), .src = mac_at(p + 6), .type = ak_be16(p + 12), .header_bytes = AK_ETH_HEADER_BYTES};
    if (eth.type == AK_ETH_TAG) {
        if (bytes < AK_ETH_HEADER_MAX) return AKSU_DROP_ETH_TRUNCATED;
        eth.vlan = ak_be16(p + 14) & VLAN_MASK;
        eth.type = ak_be16(p + 16);
        eth.header_bytes = AK_ETH_HEADER_MAX;
        if (eth.vlan == VLAN_RESERVED || eth.type == AK_ETH_TAG) return AKSU_DROP_ETH_VLAN;
    }
    if (ak_mac_is_group(&eth.src)) return AKSU_DROP_ETH_SOURCE;
    if (eth.type != AK_ETH_IPV4 && eth.type != AK_ETH_IPV6 && eth.type != AK_ETH_ARP) return AKSU_DROP_ETH_TYPE;
    *ret_eth = eth;
    return AKSU_DROP_NONE;
}

void ak_wire_eth_build(uint8_t *end, const struct ak_eth *eth) {
    uint8_t *p = end - ak_wire_eth_bytes(eth->vlan);
    ak_copy(p, eth->dst.byte, sizeof eth->dst.byte);
    ak_copy(p + 6, eth->src.byte, sizeof eth->src.byte);
    if (eth->vlan != 0) {
        ak_put16(p + 12, AK_ETH_TAG);
        ak_put16(p + 14, eth->vlan);
    }
    ak_put16(end - 2, eth->type);
}

aksu_mac ak_mac_of_group(const aksu_addr *addr) {
    const uint8_t *b = addr->byte;
    if (!ak_addr_is_v4(addr)) return (aksu_mac){.byte = {0x33, 0x33, b[12], b[13], b[14], b[15]}};
    if (!ak_addr_is_multicast(addr)) return ak_mac_broadcast;
    return (aksu_mac){.byte = {0x01, 0x00, 0x5e, (uint8_t)(b[13] & 0x7f), b[14], b[15]}};
}

/* ---------------------------------------------------------------- ARP */

enum { HARDWARE_ETHERNET = 1, MAC_BYTES = 6, IPV4_BYTES = 4 };

aksu_drop ak_wire_arp_parse(const uint8_t *p, size_t bytes, struct ak_arp *ret_arp) {
    if (bytes < AK_ARP_BYTES) return AKSU_DROP_ARP_TRUNCATED;
    const uint16_t op = ak_be16(p + 6);
    const bool ours = ak_be16(p) == HARDWARE_ETHERNET && ak_be16(p + 2) == AK_ETH_IPV4 && p[4] == MAC_BYTES &&
                      p[5] == IPV4_BYTES && (op == AK_ARP_REQUEST || op == AK_ARP_REPLY);
    if (!ours || (p[8] & 1) != 0) return AKSU_DROP_ARP_FORMAT;
    if (!ak_mac_is_one_host(p + 8)) return AKSU_DROP_ARP_SOURCE; /* nobody's, of those who probe too */
    *ret_arp = (struct ak_arp){
        .op = op,
        .sha = mac_at(p + 8),
        .spa = ak_addr_of_v4(ak_be32(p + 14)),
        .tha = mac_at(p + 18),
        .tpa = ak_addr_of_v4(ak_be32(p + 24)),
    };
    return AKSU_DROP_NONE;
}

void ak_wire_arp_build(uint8_t *p, const struct ak_arp *arp) {
    ak_put16(p, HARDWARE_ETHERNET);
    ak_put16(p + 2, AK_ETH_IPV4);
    p[4] = MAC_BYTES;
    p[5] = IPV4_BYTES;
    ak_put16(p + 6, arp->op);
    ak_copy(p + 8, arp->sha.byte, MAC_BYTES);
    ak_put32(p + 14, ak_addr_v4_value(&arp->spa));
    ak_copy(p + 18, arp->tha.byte, MAC_BYTES);
    ak_put32(p + 24, ak_addr_v4_value(&arp->tpa));
}
