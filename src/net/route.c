/* Routes, and the path to a destination: RFC 1122 s3.3.1, RFC 4861 s5.2.  Few: they are kept in a small array, the
 * longest prefix first, and looked through.
 *
 * Several routes may lead to one prefix by different gateways: the one that answers is taken, and among those the one
 * with the smallest metric (RFC 1122 s3.3.1.4, RFC 4861 s6.3.6).  What routers told, redirects included, yields to a
 * shorter prefix while its gateway does not answer (RFC 4191 s3.2); what was configured does not.  A connection stays
 * on its link; which gateway of the link its packets go to is looked up again whenever net.generation changes. */
#include "net/ether.h"

static bool same_family(const aksu_addr *a, const aksu_addr *b) {
    return ak_addr_is_v4(a) == ak_addr_is_v4(b);
}

static bool is_six_link_local(const aksu_addr *addr) {
    return !ak_addr_is_v4(addr) && ak_addr_is_link_local(addr);
}

/* Such a destination is where somebody says that it is. */
static bool is_of_a_link(const aksu_addr *addr) {
    return is_six_link_local(addr) || ak_addr_is_multicast(addr);
}

/* What leads to a destination. */
struct way {
    uint16_t link;
    const aksu_addr *gateway; /* NULL: it is on the link */
};

/* Addresses' own nets, as far as they are on the link: how many bits, and which. */
static int find_net(const struct ak_core *core, uint16_t link, const aksu_addr *remote, struct way *way) {
    const struct ak_net *net = ak_net_of(core);
    int best = -1;
    for (uint32_t i = 0; i < net->addr_count; i++) {
        const struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (!same_family(&entry->addr, remote) || (int)entry->prefix_bits <= best) continue;
        if ((link != AKSU_LINK_ANY && entry->link != link) || entry->origin != AK_ORIGIN_STATIC) continue;
        if (!ak_addr_in_prefix(remote, &entry->addr, entry->prefix_bits)) continue;
        best = entry->prefix_bits;
        *way = (struct way){.link = entry->link};
    }
    return best;
}

static unsigned rank_of(const struct ak_core *core, const aksu_route *route) {
    if (aksu_addr_is_any(&route->gateway) || !ak_is_ether(core, route->link)) return 2;
    return ak_neighbour_rank(core, route->link, &route->gateway);
}

/* Nobody answers there. */
static bool is_dead(const struct ak_core *core, const struct ak_route_entry *entry) {
    return entry->origin != AK_ORIGIN_STATIC && rank_of(core, &entry->route) == 0;
}

/* Whether `a` is better than `b`, whose prefix is no shorter. */
static bool better(const struct ak_core *core, const struct ak_route_entry *a, const struct ak_route_entry *b) {
    if (a->route.prefix_bits < b->route.prefix_bits) return is_dead(core, b) && !is_dead(core, a);
    unsigned rank_a = rank_of(core, &a->route), rank_b = rank_of(core, &b->route);
    return rank_a != rank_b ? rank_a > rank_b : a->route.metric < b->route.metric;
}

/* link: AKSU_LINK_ANY, or the only one that will do. */
static bool find_way(const struct ak_core *core, uint16_t link, const aksu_addr *remote, struct way *way) {
    const struct ak_net *net = ak_net_of(core);
    if (link != AKSU_LINK_ANY && is_of_a_link(remote)) {
        *way = (struct way){.link = link};
        return true;
    }
    int best = find_net(core, link, remote, way);
    if (is_six_link_local(remote)) return best >= 0; /* no router's to send on: RFC 4291 s2.5.6 */
    const struct ak_route_entry *found = NULL;
    for (uint32_t i = 0; i < net->route_count; i++) {
        const struct ak_route_entry *entry = &ak_routes(net)[i];
        const aksu_route *route = &entry->route;
        if ((int)route->prefix_bits <= best) break;
        if (!same_family(&route->prefix, remote) || (link != AKSU_LINK_ANY && route->link != link)) continue;
        if (!ak_addr_in_prefix(remote, &route->prefix, route->prefix_bits)) continue;
        if (found == NULL || better(core, entry, found)) found = entry;
    }
    if (found == NULL || (best >= 0 && is_dead(core, found))) return best >= 0;
    const aksu_addr *gateway = &found->route.gateway;
    *way = (struct way){.link = found->route.link, .gateway = aksu_addr_is_any(gateway) ? NULL : gateway};
    return true;
}

bool ak_net_next_hop(const struct ak_core *core, uint16_t link, const aksu_addr *remote, aksu_addr *ret_hop) {
    struct way way;
    if (!find_way(core, link, remote, &way)) return false;
    *ret_hop = way.gateway != NULL ? *way.gateway : *remote;
    return true;
}

uint32_t ak_net_mtu(const struct ak_core *core, uint16_t link, const aksu_addr *remote) {
    uint32_t mtu = ak_link_state_at(core, link)->mtu;
    bool six = ak_is_ether(core, link) && !ak_addr_is_v4(remote);
    return six ? ak_min_u32(mtu, ak_ether_of(core, link)->mtu6) : mtu;
}

/* The link that a destination's scope, or the source wanted, calls for. */
static uint16_t scope_of(const struct ak_core *core, const aksu_endpoint *remote, const aksu_addr *source) {
    if (!is_of_a_link(&remote->addr)) return AKSU_LINK_ANY;
    if (remote->link != AKSU_LINK_ANY) return remote->link;
    const struct ak_addr_entry *entry = ak_addr_find(core, AKSU_LINK_ANY, source);
    return entry != NULL ? entry->link : AKSU_LINK_ANY;
}

aksu_err ak_net_resolve(struct ak_core *core, const aksu_endpoint *remote, const aksu_addr *want_source,
                        struct ak_path *ret_path) {
    bool wants = !aksu_addr_is_any(want_source);
    struct way way;
    uint16_t scope = scope_of(core, remote, want_source);
    if (scope != AKSU_LINK_ANY && scope >= core->link_count) return AKSU_ERR_NO_ROUTE;
    if (wants && !ak_net_is_ours(core, want_source)) {
        /* A catch-all link speaks for any address. */
        bool any = find_way(core, scope, &remote->addr, &way) &&
                   (ak_link_state_at(core, way.link)->flags & AKSU_LINK_CATCH_ALL);
        if (!any) return AKSU_ERR_ADDR_NOT_AVAILABLE;
        *ret_path = (struct ak_path){
            .source = *want_source, .link = way.link, .mtu = ak_net_mtu(core, way.link, &remote->addr)};
        return AKSU_OK;
    }
    if (ak_net_is_ours(core, &remote->addr)) {
        *ret_path =
            (struct ak_path){.source = wants ? *want_source : remote->addr, .link = ak_loop_link(core), .mtu = 65535};
        return AKSU_OK;
    }
    if (!find_way(core, scope, &remote->addr, &way)) return AKSU_ERR_NO_ROUTE;
    ret_path->link = way.link;
    ret_path->mtu = ak_net_mtu(core, way.link, &remote->addr);
    if (wants) {
        ret_path->source = *want_source;
        return AKSU_OK;
    }
    /* RFC 1122 s3.3.4.3 (d): an IPv4 source that the gateway is beside; of IPv6 the destination decides (RFC 6724). */
    bool beside = way.gateway != NULL && ak_addr_is_v4(way.gateway);
    const struct ak_addr_entry *best = ak_addr_source(core, way.link, beside ? way.gateway : &remote->addr);
    if (best == NULL) return AKSU_ERR_ADDR_NOT_AVAILABLE;
    ret_path->source = best->addr;
    return AKSU_OK;
}

/* ---------------------------------------------------------------- the table */

static bool same_route(const aksu_route *a, const aksu_route *b) {
    return a->prefix_bits == b->prefix_bits && same_family(&a->prefix, &b->prefix) &&
           ak_addr_in_prefix(&a->prefix, &b->prefix, b->prefix_bits) && a->link == b->link &&
           ak_addr_equal(&a->gateway, &b->gateway);
}

static uint32_t find_route(const struct ak_net *net, const aksu_route *route) {
    uint32_t i = 0;
    while (i < net->route_count && !same_route(&ak_routes(net)[i].route, route)) i++;
    return i;
}

static void insert(struct ak_net *net, const struct ak_route_entry *entry) {
    uint32_t at = net->route_count++;
    for (; at > 0 && ak_routes(net)[at - 1].route.prefix_bits < entry->route.prefix_bits; at--)
        ak_routes(net)[at] = ak_routes(net)[at - 1];
    ak_routes(net)[at] = *entry;
    net->generation++;
}

static void take_out(struct ak_net *net, uint32_t at) {
    net->route_count--;
    for (; at < net->route_count; at++) ak_routes(net)[at] = ak_routes(net)[at + 1];
    net->generation++;
}

bool ak_route_learn(struct ak_core *core, const struct ak_route_entry *entry) {
    struct ak_net *net = ak_net_of(core);
    uint32_t at = find_route(net, &entry->route), learned = 0, oldest = AK_NONE;
    if (at < net->route_count) {
        struct ak_route_entry *known = &ak_routes(net)[at];
        if (known->origin == AK_ORIGIN_STATIC) return true; /* what was configured stands */
        bool moved = known->route.metric != entry->route.metric;
        *known = *entry;
        if (moved) net->generation++;
        ak_net_due(core, entry->valid_until_us);
        return true;
    }
    for (uint32_t i = 0; i < net->route_count; i++) {
        const struct ak_route_entry *other = &ak_routes(net)[i];
        if (other->origin == AK_ORIGIN_STATIC) continue;
        learned++;
        bool first = oldest == AK_NONE || other->valid_until_us < ak_routes(net)[oldest].valid_until_us;
        if (other->origin == AK_ORIGIN_REDIRECT && first) oldest = i;
    }
    /* Routers get at most half of the table, and redirects each other's place before anybody else's. */
    uint32_t share = ak_max_u32(1, core->config.route_max / 2);
    if (learned >= share || net->route_count == core->config.route_max) {
        if (oldest == AK_NONE) return false;
        take_out(net, oldest);
    }
    insert(net, entry);
    ak_net_due(core, entry->valid_until_us);
    return true;
}

void ak_route_forget(struct ak_core *core, const aksu_route *route, enum ak_origin origin) {
    struct ak_net *net = ak_net_of(core);
    uint32_t at = find_route(net, route);
    if (at < net->route_count && ak_routes(net)[at].origin == origin) take_out(net, at);
}

void ak_routes_unlearn(struct ak_core *core, uint16_t link) {
    struct ak_net *net = ak_net_of(core);
    for (uint32_t i = net->route_count; i-- > 0;) {
        const struct ak_route_entry *entry = &ak_routes(net)[i];
        if (entry->route.link == link && entry->origin != AK_ORIGIN_STATIC) take_out(net, i);
    }
}

void ak_routes_leave(struct ak_core *core, uint16_t link, const aksu_addr *gateway) {
    struct ak_net *net = ak_net_of(core);
    for (uint32_t i = net->route_count; i-- > 0;) {
        const struct ak_route_entry *entry = &ak_routes(net)[i];
        bool by_it = entry->route.link == link && ak_addr_equal(&entry->route.gateway, gateway);
        if (by_it && entry->origin != AK_ORIGIN_STATIC) take_out(net, i);
    }
}

uint64_t ak_routes_expire(struct ak_core *core) {
    struct ak_net *net = ak_net_of(core);
    uint64_t next_us = AK_NEVER;
    for (uint32_t i = net->route_count; i-- > 0;) {
        uint64_t until_us = ak_routes(net)[i].valid_until_us;
        if (until_us <= core->now_us)
            take_out(net, i);
        else
            next_us = ak_min_u64(next_us, until_us);
    }
    return next_us;
}

static bool prefix_valid(const aksu_addr *addr, uint8_t prefix_bits) {
    return prefix_bits <= (ak_addr_is_v4(addr) ? 32 : 128);
}

/* RFC 1122 s3.3.1.1, RFC 4861 s8: whoever is asked for on the link must be on it. */
static bool gateway_on_link(const struct ak_core *core, const aksu_route *route) {
    struct way way;
    if (aksu_addr_is_any(&route->gateway) || !ak_is_ether(core, route->link)) return true;
    if (!same_family(&route->gateway, &route->prefix)) return false;
    return find_way(core, route->link, &route->gateway, &way) && way.gateway == NULL;
}

aksu_err aksu_route_add(aksu_stack *stack, const aksu_route *route) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_net *net = ak_net_of(core);
    if (route->link >= core->link_count || !prefix_valid(&route->prefix, route->prefix_bits)) return AKSU_ERR_INVALID;
    if (ak_addr_is_multicast(&route->gateway)) return AKSU_ERR_INVALID;
    if (find_route(net, route) < net->route_count) return AKSU_ERR_EXISTS;
    if (!gateway_on_link(core, route)) return AKSU_ERR_NO_ROUTE;
    if (net->route_count == core->config.route_max) return AKSU_ERR_NO_MEMORY;
    insert(net, &(struct ak_route_entry){.route = *route, .valid_until_us = AK_NEVER});
    return AKSU_OK;
}

aksu_err aksu_route_remove(aksu_stack *stack, const aksu_route *route) {
    struct ak_net *net = ak_net_of(ak_core_of(stack));
    uint32_t at = find_route(net, route);
    if (at == net->route_count) return AKSU_ERR_NO_ROUTE;
    take_out(net, at);
    return AKSU_OK;
}
