/* Neighbour Discovery for hosts: RFC 4861 s7 and s8, and the groups that it needs (RFC 3810).
 *
 * Messages are ICMPv6 packets of the reply ring, sent with hop limit 255.  Those to groups go to the group's Ethernet
 * address; the answer to a solicitation finds its way through the cache, where its sender has just been noted. */
#include "net/ether.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/icmp.h"

/* ---------------------------------------------------------------- out */

/* A reply with room for the message; NULL: the ring is full. */
static struct ak_reply *message_new(struct ak_core *core, uint16_t link, uint8_t **ret_message) {
    struct ak_reply *reply = ak_reply_new(core, 0);
    if (reply == NULL) return NULL;
    reply->link = link;
    reply->cause = AKSU_SEND_NONE_CAUSE;
    *ret_message = reply->header + AK_IPV6_HEADER_BYTES;
    return reply;
}

static void finish(struct ak_reply *reply, struct ak_ip *ip, uint8_t *message, uint32_t bytes) {
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &ip->src, &ip->dst, AK_IP_PROTOCOL_ICMP6, bytes);
    ak_sum_add(&sum, message, bytes);
    ak_put16(message + 2, (uint16_t)~ak_sum_fold(&sum));
    uint32_t payload_bytes = (uint32_t)(message - reply->header) - AK_IPV6_HEADER_BYTES + bytes;
    (void)ak_wire_ip_build(reply->header, ip, payload_bytes);
    reply->header_bytes = (uint16_t)(AK_IPV6_HEADER_BYTES + payload_bytes);
}

struct sending {
    uint16_t link;
    aksu_addr src, dst;
};

static void transmit(struct ak_core *core, const struct sending *to, const struct ak_ndp *ndp) {
    uint8_t *message;
    struct ak_reply *reply = message_new(core, to->link, &message);
    if (reply == NULL) return;
    uint32_t bytes = ak_wire_ndp_build(message, ndp);
    struct ak_ip ip = {.src = to->src,
                       .dst = to->dst,
                       .protocol = AK_IP_PROTOCOL_ICMP6,
                       .ttl = AK_NDP_HOP_LIMIT,
                       .dont_fragment = true};
    finish(reply, &ip, message, bytes);
    if (ndp->type == AK_NDP_NEIGHBOUR_ADVERTISEMENT)
        core->counters.neighbour_advertisements++;
    else
        core->counters.neighbour_solicitations++;
}

void ak_ndp_ask(struct ak_core *core, uint16_t link, const aksu_addr *target, enum ak_ndp_ask whom) {
    const struct ak_addr_entry *source = ak_addr_source(core, link, target);
    if (source == NULL) return; /* nobody could answer us */
    const struct sending to = {
        .link = link, .src = source->addr, .dst = whom == AK_NDP_ONE ? *target : ak_addr_solicited_node(target)};
    const struct ak_ndp ndp = {
        .type = AK_NDP_NEIGHBOUR_SOLICITATION, .target = *target, .has_mac = true, .mac = ak_ether_of(core, link)->mac};
    transmit(core, &to, &ndp);
}

/* RFC 4862 s5.4.2: from nobody, so that nobody learns anything. */
void ak_ndp_probe(struct ak_core *core, const struct ak_addr_entry *entry) {
    const struct sending to = {.link = entry->link, .dst = ak_addr_solicited_node(&entry->addr)};
    const struct ak_ndp ndp = {.type = AK_NDP_NEIGHBOUR_SOLICITATION, .target = entry->addr};
    transmit(core, &to, &ndp);
}

static void advertise(struct ak_core *core, const struct ak_addr_entry *entry, const aksu_addr *dst, bool solicited) {
    const struct sending to = {.link = entry->link, .src = entry->addr, .dst = *dst};
    const struct ak_ndp ndp = {
        .type = AK_NDP_NEIGHBOUR_ADVERTISEMENT,
        .target = entry->addr,
        .solicited = solicited,
        .overrides = true,
        .has_mac = true,
        .mac = ak_ether_of(core, entry->link)->mac,
    };
    transmit(core, &to, &ndp);
}

void ak_ndp_announce(struct ak_core *core, const struct ak_addr_entry *entry) {
    advertise(core, entry, &ak_addr_all_nodes, /* solicited= */ false);
}

/* RFC 4861 s6.3.7: with our Ethernet address, once there is one of IPv6 to go with it. */
void ak_ndp_ask_routers(struct ak_core *core, uint16_t link) {
    const struct ak_addr_entry *source = ak_addr_source(core, link, &ak_addr_all_routers);
    struct sending to = {.link = link, .dst = ak_addr_all_routers};
    struct ak_ndp ndp = {.type = AK_NDP_ROUTER_SOLICITATION, .mac = ak_ether_of(core, link)->mac};
    if (source != NULL) {
        to.src = source->addr;
        ndp.has_mac = true;
    }
    transmit(core, &to, &ndp);
}

/* DEVIATES RFC 2710 s4: that of another in the same group does not keep ours back.  RFC 3810 s5: a router alert in a
 * hop-by-hop header, hop limit 1, from a link-local address or from nobody. */
void ak_mld_report(struct ak_core *core, uint16_t link, enum ak_mld_record record, const aksu_addr *group) {
    static const uint8_t router_alert[8] = {AK_IP_PROTOCOL_ICMP6, 0, 5, 2, 0, 0, 1, 0}; /* RFC 2711, padded */
    uint8_t *message;
    struct ak_reply *reply = message_new(core, link, &message);
    if (reply == NULL) return;
    ak_copy(message, router_alert, sizeof router_alert);
    message += sizeof router_alert;
    struct ak_ip ip = {
        .dst = ak_addr_all_mld_routers, .protocol = AK_IP_PROTOCOL_ICMP6, .ttl = 1, .dont_fragment = true};
    uint32_t bytes = AK_MLD_REPORT_BYTES;
    if (ak_ether_of(core, link)->older_until_us > core->now_us) { /* RFC 3810 s8.2.1; RFC 2710 s4 */
        bool leaves = record == AK_MLD_TO_INCLUDE;
        ak_wire_mld1_build(message, leaves ? AK_MLD1_DONE : AK_MLD1_REPORT, group);
        ip.dst = leaves ? ak_addr_all_routers : *group;
        bytes = AK_MLD1_BYTES;
    } else {
        ak_wire_mld_build(message, record, group);
    }
    const struct ak_addr_entry *source = ak_addr_source(core, link, &ip.dst);
    if (source != NULL && ak_addr_is_link_local(&source->addr)) ip.src = source->addr;
    finish(reply, &ip, message, bytes);
    reply->header[6] = 0; /* hop-by-hop options come first */
}

/* ---------------------------------------------------------------- in */

struct heard {
    uint16_t link;
    const struct ak_ip *ip;
    const struct ak_ndp *ndp;
};

/* s7.2.3, RFC 4862 s5.4.3. */
static aksu_drop solicitation(struct ak_core *core, const struct heard *h) {
    struct ak_addr_entry *entry = ak_addr_find(core, h->link, &h->ndp->target);
    bool probes = aksu_addr_is_any(&h->ip->src);
    if (entry != NULL && entry->phase == AKSU_ADDR_TENTATIVE) {
        if (probes) ak_addr_duplicate(core, entry); /* somebody asks for it as we do */
        return AKSU_DROP_NONE;
    }
    if (entry == NULL || !ak_addr_usable(entry)) return AKSU_DROP_IP_NOT_OURS;
    if (probes) {
        advertise(core, entry, &ak_addr_all_nodes, /* solicited= */ false);
        return AKSU_DROP_NONE;
    }
    if (h->ndp->has_mac) ak_neighbour_heard(core, h->link, &h->ip->src, &h->ndp->mac, AK_MAKE_NEW);
    advertise(core, entry, &h->ip->src, /* solicited= */ true);
    return AKSU_DROP_NONE;
}

/* s7.2.5, RFC 4862 s5.4.4. */
static aksu_drop advertisement(struct ak_core *core, const struct heard *h) {
    struct ak_addr_entry *entry = ak_addr_find(core, h->link, &h->ndp->target);
    if (entry != NULL && entry->phase == AKSU_ADDR_TENTATIVE) {
        ak_addr_duplicate(core, entry);
        return AKSU_DROP_NONE;
    }
    if (entry != NULL) { /* we have it, and are told of another who has */
        if (ak_addr_usable(entry)) core->counters.addr_conflicts++;
        return AKSU_DROP_NDP_FIELD;
    }
    struct ak_neighbour *n = ak_neighbour_find(core, h->link, &h->ndp->target);
    if (n == NULL) return AKSU_DROP_NONE;
    const struct ak_advertisement said = {
        .mac = h->ndp->has_mac ? &h->ndp->mac : NULL,
        .solicited = h->ndp->solicited && n->asked > 0,
        .overrides = h->ndp->overrides,
    };
    ak_neighbour_advertised(core, n, &said);
    bool believed = said.mac == NULL || ak_mac_equal(said.mac, &n->mac);
    if (!h->ndp->router && believed) ak_routes_leave(core, h->link, &h->ndp->target); /* a host, or one by now */
    return AKSU_DROP_NONE;
}

/* s8.1, s8.3: from the gateway that the packet went to. */
static aksu_drop redirect(struct ak_core *core, const struct heard *h) {
    enum { REDIRECT_US = 600000000 }; /* then the router is asked again */
    aksu_addr hop;
    if (ak_link_state_at(core, h->link)->flags & AKSU_LINK_NO_REDIRECTS) return AKSU_DROP_ICMP_TYPE;
    if (!ak_net_next_hop(core, h->link, &h->ndp->destination, &hop)) return AKSU_DROP_NDP_SOURCE;
    if (!ak_addr_equal(&hop, &h->ip->src)) return AKSU_DROP_NDP_SOURCE;
    if (ak_addr_find(core, AKSU_LINK_ANY, &h->ndp->target) != NULL) return AKSU_DROP_NDP_FIELD;
    bool on_link = ak_addr_equal(&h->ndp->target, &h->ndp->destination);
    struct ak_route_entry entry = {
        .route = {.prefix = h->ndp->destination, .prefix_bits = 128, .link = h->link},
        .origin = AK_ORIGIN_REDIRECT,
        .valid_until_us = core->now_us + REDIRECT_US,
    };
    if (!on_link) entry.route.gateway = h->ndp->target;
    if (!ak_route_learn(core, &entry)) return AKSU_DROP_NO_ROUTE;
    if (h->ndp->has_mac) ak_neighbour_heard(core, h->link, &h->ndp->target, &h->ndp->mac, AK_MAKE_NEW);
    return AKSU_DROP_NONE;
}

static aksu_drop router(struct ak_core *core, const struct heard *h) {
    if (h->ndp->has_mac) ak_neighbour_heard(core, h->link, &h->ip->src, &h->ndp->mac, AK_MAKE_NEW);
    ak_autoconf_router(core, h->link, &h->ip->src, h->ndp);
    return AKSU_DROP_NONE;
}

/* RFC 3810 s5.1.3: up to the time asked for, at random.  Of 24 octets it is MLDv1's, whose time is plain; of 25 to 27
 * nobody's (s8.1). */
static aksu_drop query(struct ak_core *core, const struct ak_packet *packet, const uint8_t *p, uint32_t bytes) {
    enum { EXPONENT = 0x8000, SOON_US = 1000000 };
    bool older = bytes == AK_MLD1_BYTES;
    if (!older && bytes < AK_MLD2_QUERY_BYTES_MIN) return AKSU_DROP_NDP_TRUNCATED;
    if (!ak_addr_is_link_local(&packet->ip.src) || packet->ip.ttl != 1) return AKSU_DROP_NDP_SOURCE;
    if (older) ak_autoconf_older_querier(core, packet->frame->link);
    uint32_t code = ak_be16(p + 4);
    uint64_t within_us = older || code < EXPONENT ? (uint64_t)code * 1000 : SOON_US;
    ak_autoconf_report(core, packet->frame->link, within_us);
    return AKSU_DROP_NONE;
}

static aksu_drop judge(struct ak_core *core, const struct ak_packet *packet, const uint8_t *p, uint32_t bytes) {
    if (p[0] == AK_MLD_QUERY) return query(core, packet, p, bytes);
    struct ak_ndp ndp;
    aksu_drop drop = ak_wire_ndp_parse(&packet->ip, p, bytes, &ndp);
    if (drop != AKSU_DROP_NONE) return drop;
    const struct heard h = {.link = packet->frame->link, .ip = &packet->ip, .ndp = &ndp};
    switch (ndp.type) {
    case AK_NDP_ROUTER_SOLICITATION: return AKSU_DROP_ICMP_TYPE; /* s6.2.6: for routers */
    case AK_NDP_ROUTER_ADVERTISEMENT: return router(core, &h);
    case AK_NDP_NEIGHBOUR_SOLICITATION: return solicitation(core, &h);
    case AK_NDP_NEIGHBOUR_ADVERTISEMENT: return advertisement(core, &h);
    case AK_NDP_REDIRECT: return redirect(core, &h);
    }
    return AKSU_DROP_ICMP_TYPE;
}

aksu_drop ak_ndp_input(struct ak_core *core, const struct ak_packet *packet) {
    enum { GATHER_MAX = 1500 }; /* never fragmented (RFC 6980): what does not lie in one piece is that short */
    uint32_t at = packet->ip.header_bytes, bytes = packet->ip.total_bytes - at;
    if (packet->ip.fragment || (packet->frame->flags & AK_FRAME_REASSEMBLED) != 0) return AKSU_DROP_NDP_FRAGMENT;
    if (packet->head_bytes == packet->ip.total_bytes) return judge(core, packet, packet->head + at, bytes);
    uint8_t scratch[GATHER_MAX];
    if (packet->ip.total_bytes > sizeof scratch) return AKSU_DROP_NDP_TRUNCATED;
    uint32_t have = 0;
    for (uint32_t i = 0; i < packet->frame->iov_count && have < packet->ip.total_bytes; i++) {
        const aksu_iov *iov = &packet->frame->iov[i];
        uint32_t piece = (uint32_t)ak_min_u64(iov->bytes, packet->ip.total_bytes - have);
        ak_copy(scratch + have, iov->base, piece);
        have += piece;
    }
    return judge(core, packet, scratch + at, bytes);
}
