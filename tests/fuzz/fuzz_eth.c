/* Fuzz target: the Ethernet header and, where it says so, the ARP packet behind it.  What is taken must be what the
 * builders write. */
#include "base/bytes.h"
#include "wire/eth.h"
#include "wire/ip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static void arp(const uint8_t *p, size_t bytes) {
    struct ak_arp packet;
    aksu_drop drop = ak_wire_arp_parse(p, bytes, &packet);
    if (drop != AKSU_DROP_NONE) {
        require(drop == AKSU_DROP_ARP_TRUNCATED || drop == AKSU_DROP_ARP_FORMAT);
        return;
    }
    uint8_t built[AK_ARP_BYTES];
    ak_wire_arp_build(built, &packet);
    require(memcmp(built, p, sizeof built) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct ak_eth eth;
    aksu_drop drop = ak_wire_eth_parse(data, bytes, &eth);
    if (drop != AKSU_DROP_NONE) {
        require(drop >= AKSU_DROP_ETH_TRUNCATED && drop <= AKSU_DROP_ETH_SOURCE);
        return 0;
    }
    require(eth.header_bytes <= bytes && eth.vlan < 4095 && !ak_mac_is_group(&eth.src));
    if (eth.vlan != 0 || eth.header_bytes == AK_ETH_HEADER_BYTES) {
        uint8_t built[AK_ETH_HEADER_MAX], want[AK_ETH_HEADER_MAX];
        memcpy(want, data, eth.header_bytes);
        if (eth.vlan != 0) want[14] &= 0x0f; /* a priority is not kept */
        ak_wire_eth_build(built + eth.header_bytes, &eth);
        require(memcmp(built, want, eth.header_bytes) == 0);
    }
    if (eth.type == AK_ETH_ARP) arp(data + eth.header_bytes, bytes - eth.header_bytes);
    return 0;
}
