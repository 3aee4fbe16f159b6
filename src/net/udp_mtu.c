/* Path MTUs that routers told about datagrams: RFC 1191, RFC 8201 s4.  TCP keeps its own, in each connection.
 *
 * One place for each of a few hashes of a destination: the last one heard of has it, and keeps it for ten minutes (RFC
 * 1191 s6.3), after which a path that has become wider is found.  The error must quote what a socket of ours may have
 * sent; what a forged one can do is to have datagrams to one destination cut to the least size there is. */
#include "net/udp.h"

#define LIFE_US 600000000u

static struct ak_path_mtu *place_of(struct ak_core *core, const aksu_addr *to) {
    uint64_t hash = ak_siphash13(&core->key[AK_KEY_TABLE], to, sizeof *to);
    return &core->datagram_mtu[hash % AK_PATH_MTUS];
}

void ak_udp_mtu_told(struct ak_core *core, const aksu_addr *to, uint32_t mtu) {
    enum { FLOOR_V6 = 1280 }; /* RFC 8201 s4 */
    uint32_t floor = ak_addr_is_v4(to) ? (uint32_t)core->config.tcp.mtu_floor_bytes : FLOOR_V6;
    struct ak_path_mtu *place = place_of(core, to);
    bool known = ak_equal(&place->to, to, sizeof *to) && place->until_us > core->now_us;
    mtu = ak_max_u32(mtu, floor);
    if (known && place->mtu <= mtu) return; /* a message never makes it larger */
    *place = (struct ak_path_mtu){.to = *to, .mtu = mtu, .until_us = core->now_us + LIFE_US};
}

uint32_t ak_udp_path_mtu(struct ak_core *core, const aksu_addr *to, uint32_t link_mtu) {
    const struct ak_path_mtu *place = place_of(core, to);
    bool known = place->until_us > core->now_us && ak_equal(&place->to, to, sizeof *to);
    return known ? ak_min_u32(place->mtu, link_mtu) : link_mtu;
}
