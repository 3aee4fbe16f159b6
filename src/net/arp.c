/* ARP: RFC 826, RFC 5227, RFC 1122 s2.3.2.
 *
 * A question for an address of ours is answered, and its sender remembered; an answer is believed if it was asked for.
 * Nobody is remembered who speaks of others only.  An address of ours that somebody else uses is defended, at most once
 * in ten seconds, and kept (RFC 5227 s2.4 (c)): connections outlive a stranger who is wrong, or lies. */
#include "net/ether.h"

#include "base/bytes.h"

static void transmit(struct ak_core *core, uint16_t link, const aksu_mac *to, const struct ak_arp *arp) {
    struct ak_reply *reply = ak_eth_reply(core, link, to, AK_ARP_BYTES);
    if (reply == NULL) return;
    ak_wire_arp_build(reply->header + reply->header_bytes - AK_ARP_BYTES, arp);
    if (arp->op == AK_ARP_REQUEST)
        core->counters.neighbour_solicitations++;
    else
        core->counters.neighbour_advertisements++;
}

static aksu_addr nobody(void) {
    return aksu_addr_v4(0, 0, 0, 0);
}

void ak_arp_ask(struct ak_core *core, uint16_t link, const aksu_addr *target, const aksu_mac *to) {
    const struct ak_addr_entry *source = ak_addr_source(core, link, target);
    if (source == NULL) return; /* nobody could answer us */
    struct ak_arp arp = {
        .op = AK_ARP_REQUEST, .sha = ak_ether_of(core, link)->mac, .spa = source->addr, .tpa = *target};
    transmit(core, link, to, &arp);
}

/* RFC 5227 s2.1.1: without a sender's address, so that nobody learns anything. */
void ak_arp_probe(struct ak_core *core, const struct ak_addr_entry *entry) {
    struct ak_arp arp = {
        .op = AK_ARP_REQUEST, .sha = ak_ether_of(core, entry->link)->mac, .spa = nobody(), .tpa = entry->addr};
    transmit(core, entry->link, &ak_mac_broadcast, &arp);
}

/* RFC 5227 s2.3. */
void ak_arp_announce(struct ak_core *core, const struct ak_addr_entry *entry) {
    struct ak_arp arp = {
        .op = AK_ARP_REQUEST, .sha = ak_ether_of(core, entry->link)->mac, .spa = entry->addr, .tpa = entry->addr};
    transmit(core, entry->link, &ak_mac_broadcast, &arp);
}

/* RFC 5227 s2.1.1: somebody has it, or asks for it at the same time. */
static bool claims(const struct ak_arp *arp, const struct ak_addr_entry *entry) {
    bool probes = aksu_addr_is_any(&arp->spa) && arp->op == AK_ARP_REQUEST && ak_addr_equal(&arp->tpa, &entry->addr);
    return ak_addr_equal(&arp->spa, &entry->addr) || probes;
}

/* Of those who could be heard of here. */
static bool sender_possible(const struct ak_core *core, const struct ak_arp *arp) {
    if (ak_addr_is_martian_source(&arp->spa) || ak_addr_is_loopback(&arp->spa)) return false;
    return !ak_net_is_broadcast(core, &arp->spa);
}

static void conflict(struct ak_core *core, struct ak_addr_entry *entry) {
    enum { DEFEND_US = 10000000 };
    core->counters.addr_conflicts++;
    if (entry->conflict_us != 0 && core->now_us - entry->conflict_us < DEFEND_US) return;
    entry->conflict_us = ak_max_u64(core->now_us, 1);
    ak_arp_announce(core, entry);
}

static void answer(struct ak_core *core, uint16_t link, const struct ak_arp *asked) {
    struct ak_arp arp = {.op = AK_ARP_REPLY,
                         .sha = ak_ether_of(core, link)->mac,
                         .spa = asked->tpa,
                         .tha = asked->sha,
                         .tpa = asked->spa};
    transmit(core, link, &asked->sha, &arp);
}

static aksu_drop input(struct ak_core *core, uint16_t link, const struct ak_arp *arp) {
    struct ak_addr_entry *tentative = ak_addr_find(core, link, aksu_addr_is_any(&arp->spa) ? &arp->tpa : &arp->spa);
    if (tentative != NULL && tentative->phase == AKSU_ADDR_TENTATIVE && claims(arp, tentative)) {
        ak_addr_duplicate(core, tentative);
        return AKSU_DROP_NONE;
    }
    struct ak_addr_entry *target = ak_addr_find(core, link, &arp->tpa);
    bool for_us = target != NULL && ak_addr_usable(target);
    bool probe = aksu_addr_is_any(&arp->spa);
    if (!probe && !sender_possible(core, arp)) return AKSU_DROP_ARP_SOURCE;
    struct ak_addr_entry *same = ak_addr_find(core, link, &arp->spa);
    if (same != NULL && ak_addr_usable(same)) {
        conflict(core, same);
        return AKSU_DROP_ARP_SOURCE;
    }
    if (!probe && arp->op == AK_ARP_REPLY && for_us) {
        struct ak_neighbour *n = ak_neighbour_find(core, link, &arp->spa);
        bool asked = n != NULL && n->asked > 0;
        const struct ak_advertisement said = {.mac = &arp->sha, .solicited = asked, .overrides = false};
        if (n != NULL) ak_neighbour_advertised(core, n, &said);
        return AKSU_DROP_NONE;
    }
    if (!probe)
        ak_neighbour_heard(core, link, &arp->spa, &arp->sha,
                           for_us && arp->op == AK_ARP_REQUEST ? AK_MAKE_NEW : AK_MAKE_NONE);
    if (for_us && arp->op == AK_ARP_REQUEST) answer(core, link, arp);
    return AKSU_DROP_NONE;
}

void ak_arp_input(struct ak_core *core, struct ak_eth_in *in) {
    uint8_t scratch[AK_ARP_BYTES];
    uint32_t have = 0;
    for (uint32_t i = 0; i < in->frame.iov_count && have < sizeof scratch; i++) {
        uint32_t piece = (uint32_t)ak_min_u64(in->iov[i].bytes, sizeof scratch - have);
        ak_copy(scratch + have, in->iov[i].base, piece);
        have += piece;
    }
    struct ak_arp arp;
    aksu_drop drop = ak_wire_arp_parse(scratch, have, &arp);
    if (drop == AKSU_DROP_NONE) drop = input(core, in->frame.link, &arp);
    if (drop != AKSU_DROP_NONE) ak_drop_count(core, drop);
}
