/* Ethernet frames: which are for us, and the header off and on.
 *
 * Above this file everything is an IP packet, on every kind of link: what comes in is described again without its
 * header, and what goes out gets one in the room that each frame slot leaves in front of the IP header, so that nothing
 * is copied.  Offloads count from the frame's start and are moved along.
 *
 * Frames to us, to everybody (ARP and IPv4), and to IPv6 groups come in; which groups are ours is judged by their IP
 * address.  Padding is what lies behind the IP packet's own length, and is not looked at; what is too short is padded
 * with zeros by whoever knows the wire: the drivers. */
#include "net/ether.h"

#include "base/bytes.h"

/* ---------------------------------------------------------------- in */

/* The first bytes in one piece. */
static const uint8_t *head_of(const aksu_frame *frame, uint8_t *scratch, uint32_t want) {
    want = ak_min_u32(want, frame->total_bytes);
    if (frame->iov[0].bytes >= want) return frame->iov[0].base;
    uint32_t have = 0;
    for (uint32_t i = 0; i < frame->iov_count && have < want; i++) {
        uint32_t piece = (uint32_t)ak_min_u64(frame->iov[i].bytes, want - have);
        ak_copy(scratch + have, frame->iov[i].base, piece);
        have += piece;
    }
    return scratch;
}

static aksu_drop judge(const struct ak_ether *ether, const struct ak_eth *eth) {
    if (eth->vlan != ether->vlan) return AKSU_DROP_ETH_VLAN; /* a tag of priority alone is none: IEEE 802.1Q s6.9 */
    if (ak_mac_equal(&eth->src, &ether->mac)) return AKSU_DROP_ETH_SOURCE; /* what we sent comes back */
    if (ak_mac_equal(&eth->dst, &ether->mac)) return AKSU_DROP_NONE;
    if (eth->type != AK_ETH_IPV6 && ak_mac_equal(&eth->dst, &ak_mac_broadcast)) return AKSU_DROP_NONE;
    bool six_group = eth->type == AK_ETH_IPV6 && eth->dst.byte[0] == 0x33 && eth->dst.byte[1] == 0x33;
    return six_group ? AKSU_DROP_NONE : AKSU_DROP_ETH_NOT_OURS;
}

/* The frame behind its first bytes. */
static bool without(const aksu_frame *frame, uint32_t bytes, struct ak_eth_in *in) {
    uint32_t count = 0, skip = bytes;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        const aksu_iov *iov = &frame->iov[i];
        uint32_t off = (uint32_t)ak_min_u64(skip, iov->bytes);
        skip -= off;
        if (iov->bytes == off) continue;
        if (count == sizeof in->iov / sizeof in->iov[0]) return false;
        in->iov[count++] = (aksu_iov){.base = (uint8_t *)iov->base + off, .bytes = iov->bytes - off};
    }
    if (count == 0) return false;
    in->frame = *frame;
    in->frame.iov = in->iov;
    in->frame.iov_count = count;
    in->frame.total_bytes -= bytes;
    in->frame.header_bytes = (uint16_t)(frame->header_bytes > bytes ? frame->header_bytes - bytes : 0);
    in->frame.checksum_start = (uint16_t)(frame->checksum_start > bytes ? frame->checksum_start - bytes : 0);
    return true;
}

aksu_drop ak_eth_input(const struct ak_core *core, const aksu_frame *frame, struct ak_eth_in *ret_in) {
    if (!ak_link_state_at(core, frame->link)->up) return AKSU_DROP_LINK_UNKNOWN;
    if (!ak_net_frame_consistent(frame)) return AKSU_DROP_FRAME_INVALID;
    const uint8_t *head = head_of(frame, ret_in->scratch, AK_ETH_HEADER_MAX);
    aksu_drop drop = ak_wire_eth_parse(head, ak_min_u32(frame->total_bytes, AK_ETH_HEADER_MAX), &ret_in->eth);
    if (drop != AKSU_DROP_NONE) return drop;
    drop = judge(ak_ether_of(core, frame->link), &ret_in->eth);
    if (drop != AKSU_DROP_NONE) return drop;
    if (!without(frame, ret_in->eth.header_bytes, ret_in)) return AKSU_DROP_FRAME_INVALID;
    uint8_t version = *(const uint8_t *)ret_in->iov[0].base >> 4;
    if (ret_in->eth.type != AK_ETH_ARP && version != (ret_in->eth.type == AK_ETH_IPV4 ? 4 : 6))
        return AKSU_DROP_IP_VERSION;
    ret_in->frame.flags &= (uint8_t)~AK_FRAME_GROUP;
    if (ak_mac_is_group(&ret_in->eth.dst)) ret_in->frame.flags |= AK_FRAME_GROUP;
    return AKSU_DROP_NONE;
}

/* ---------------------------------------------------------------- out */

void ak_eth_output(const struct ak_core *core, const aksu_mac *to, aksu_frame *frame) {
    const struct ak_ether *ether = ak_ether_of(core, frame->link);
    aksu_iov *first = (aksu_iov *)(uintptr_t)frame->iov;
    const struct ak_eth eth = {.dst = *to,
                               .src = ether->mac,
                               .vlan = ether->vlan,
                               .type = frame->flags & AKSU_FRAME_V6 ? AK_ETH_IPV6 : AK_ETH_IPV4};
    uint32_t bytes = ak_wire_eth_bytes(eth.vlan);
    ak_wire_eth_build(first->base, &eth);
    first->base = (uint8_t *)first->base - bytes;
    first->bytes += bytes;
    frame->total_bytes += bytes;
    if (frame->header_bytes != 0) frame->header_bytes = (uint16_t)(frame->header_bytes + bytes);
    if (frame->checksum == AKSU_CHECKSUM_PARTIAL) frame->checksum_start = (uint16_t)(frame->checksum_start + bytes);
}

struct ak_reply *ak_eth_reply(struct ak_core *core, uint16_t link, const aksu_mac *to, uint32_t payload_bytes) {
    const struct ak_ether *ether = ak_ether_of(core, link);
    struct ak_reply *reply = ak_reply_new(core, 0);
    if (reply == NULL) return NULL;
    const struct ak_eth eth = {.dst = *to, .src = ether->mac, .vlan = ether->vlan, .type = AK_ETH_ARP};
    uint32_t bytes = ak_wire_eth_bytes(ether->vlan);
    ak_wire_eth_build(reply->header + bytes, &eth);
    reply->header_bytes = (uint16_t)(bytes + payload_bytes);
    reply->link = link;
    reply->cause = AKSU_SEND_NONE_CAUSE;
    reply->framed = true;
    return reply;
}

/* ---------------------------------------------------------------- links */

/* What a router may change: RFC 4861 s6.3.2. */
static void forget_routers(struct ak_core *core, uint16_t link) {
    struct ak_ether *ether = ak_ether_of(core, link);
    ether->reachable_us = AK_REACHABLE_US / 2 + ak_prng_below(&core->prng, AK_REACHABLE_US);
    ether->retransmit_us = AK_RETRANSMIT_US;
    ether->mtu6 = ak_link_state_at(core, link)->mtu;
    ak_routes_unlearn(core, link);
    ak_addrs_doubt(core, link);
}

void ak_ether_begin(struct ak_core *core, uint16_t link, const aksu_link_config *config) {
    struct ak_ether *ether = ak_ether_of(core, link);
    *ether = (struct ak_ether){
        .mac = config->mac,
        .vlan = config->vlan,
        .dad_probes = config->dad_probes,
        .autoconf = config->autoconf,
        .solicit_us = AK_NEVER,
        .report_us = AK_NEVER,
        .reachable_us = AK_REACHABLE_US / 2 + ak_prng_below(&core->prng, AK_REACHABLE_US), /* RFC 4861 s6.3.2 */
        .retransmit_us = AK_RETRANSMIT_US,
        .mtu6 = config->mtu,
    };
    if (ether->autoconf != AKSU_AUTOCONF_OFF) ak_autoconf_begin(core, link);
}

/* It may be another network now: addresses are told of, and routers asked for (RFC 4861 s6.3.7).  DEVIATES RFC 4862
 * s5.4: what is in use is not asked for again, since connections stay on it. */
void ak_ether_up(struct ak_core *core, uint16_t link) {
    ak_addrs_again(core, link);
    if (ak_ether_of(core, link)->autoconf != AKSU_AUTOCONF_OFF) ak_autoconf_begin(core, link);
}

void ak_ether_down(struct ak_core *core, uint16_t link) {
    ak_neighbours_forget(core, link);
    forget_routers(core, link);
}
