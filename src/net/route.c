/* Addresses and routes, and the path to a destination: RFC 1122 s3.3.1.  Few of either: they are kept in small arrays,
 * routes with the longest prefix first. */
#include "net/net.h"

static bool same_family(const aksu_addr *a, const aksu_addr *b) {
    return ak_addr_is_v4(a) == ak_addr_is_v4(b);
}

static const struct ak_addr_entry *find_addr(const struct ak_core *core, const aksu_addr *addr) {
    const struct ak_net *net = ak_net_of(core);
    for (uint32_t i = 0; i < net->addr_count; i++) {
        if (ak_addr_equal(&ak_addr_entries(net)[i].addr, addr)) return &ak_addr_entries(net)[i];
    }
    return NULL;
}

bool ak_net_is_ours(const struct ak_core *core, const aksu_addr *addr) {
    return find_addr(core, addr) != NULL || ak_addr_is_loopback(addr);
}

bool ak_net_is_broadcast(const struct ak_core *core, const aksu_addr *addr) {
    if (!ak_addr_is_v4(addr)) return ak_addr_is_multicast(addr);
    const uint32_t value = ak_addr_v4_value(addr);
    if (value >= 0xe0000000u && (value <= 0xefffffffu || value == 0xffffffffu)) return true; /* multicast, limited */
    const struct ak_net *net = ak_net_of(core);
    for (uint32_t i = 0; i < net->addr_count; i++) {
        const struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (!ak_addr_is_v4(&entry->addr) || entry->prefix_bits > 30) continue; /* RFC 3021: /31 has no broadcast */
        if (ak_addr_v4_broadcast(&entry->addr, entry->prefix_bits) == value) return true;
    }
    return false;
}

/* The link to a destination: an address's own net, then routes. */
static bool find_link(const struct ak_core *core, const aksu_addr *remote, uint16_t *ret_link) {
    const struct ak_net *net = ak_net_of(core);
    int best = -1;
    for (uint32_t i = 0; i < net->addr_count; i++) {
        const struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (!same_family(&entry->addr, remote) || (int)entry->prefix_bits <= best) continue;
        if (!ak_addr_in_prefix(remote, &entry->addr, entry->prefix_bits)) continue;
        best = entry->prefix_bits;
        *ret_link = entry->link;
    }
    for (uint32_t i = 0; i < net->route_count; i++) {
        const aksu_route *route = &ak_routes(net)[i];
        if ((int)route->prefix_bits <= best) break;
        if (!same_family(&route->prefix, remote) || !ak_addr_in_prefix(remote, &route->prefix, route->prefix_bits))
            continue;
        *ret_link = route->link;
        return true;
    }
    return best >= 0;
}

aksu_err ak_net_resolve(struct ak_core *core, const aksu_addr *remote, const aksu_addr *want_source,
                        struct ak_path *ret_path) {
    const struct ak_net *net = ak_net_of(core);
    bool wants = !aksu_addr_is_any(want_source);
    if (wants && find_addr(core, want_source) == NULL && !ak_addr_is_loopback(want_source)) {
        /* A catch-all link speaks for any address. */
        uint16_t link;
        bool any = find_link(core, remote, &link) && (ak_link_state_at(core, link)->flags & AKSU_LINK_CATCH_ALL);
        if (!any) return AKSU_ERR_ADDR_NOT_AVAILABLE;
        *ret_path = (struct ak_path){.source = *want_source, .link = link, .mtu = ak_link_state_at(core, link)->mtu};
        return AKSU_OK;
    }
    uint16_t link;
    if (ak_net_is_ours(core, remote)) {
        *ret_path =
            (struct ak_path){.source = wants ? *want_source : *remote, .link = ak_loop_link(core), .mtu = 65535};
        return AKSU_OK;
    }
    if (!find_link(core, remote, &link)) return AKSU_ERR_NO_ROUTE;
    ret_path->link = link;
    ret_path->mtu = ak_link_state_at(core, link)->mtu;
    if (wants) {
        ret_path->source = *want_source;
        return AKSU_OK;
    }
    /* RFC 1122 s3.3.4.3: an address of the link, of the destination's own net if there is one. */
    const struct ak_addr_entry *best = NULL;
    for (uint32_t i = 0; i < net->addr_count; i++) {
        const struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (entry->link != link || !same_family(&entry->addr, remote)) continue;
        if (best == NULL || ak_addr_in_prefix(remote, &entry->addr, entry->prefix_bits)) best = entry;
    }
    if (best == NULL) return AKSU_ERR_ADDR_NOT_AVAILABLE;
    ret_path->source = best->addr;
    return AKSU_OK;
}

/* ---------------------------------------------------------------- configuration */

static bool prefix_valid(const aksu_addr *addr, uint8_t prefix_bits) {
    return prefix_bits <= (ak_addr_is_v4(addr) ? 32 : 128);
}

aksu_err aksu_addr_add(aksu_stack *stack, uint16_t link, const aksu_addr *addr, uint8_t prefix_bits) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_net *net = ak_net_of(core);
    bool usable = !aksu_addr_is_any(addr) && !ak_addr_is_multicast(addr) && !ak_addr_is_limited_broadcast(addr);
    if (link >= core->link_count || !usable || !prefix_valid(addr, prefix_bits)) return AKSU_ERR_INVALID;
    if (find_addr(core, addr) != NULL) return AKSU_ERR_EXISTS;
    if (net->addr_count == core->config.addr_max) return AKSU_ERR_NO_MEMORY;
    ak_addr_entries(net)[net->addr_count++] =
        (struct ak_addr_entry){.addr = *addr, .link = link, .prefix_bits = prefix_bits};
    return AKSU_OK;
}

aksu_err aksu_addr_remove(aksu_stack *stack, const aksu_addr *addr) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_net *net = ak_net_of(core);
    struct ak_addr_entry *entry = (struct ak_addr_entry *)(uintptr_t)find_addr(core, addr);
    if (entry == NULL) return AKSU_ERR_ADDR_NOT_AVAILABLE;
    *entry = ak_addr_entries(net)[--net->addr_count];
    return AKSU_OK;
}

static uint32_t find_route(const struct ak_net *net, const aksu_route *route) {
    uint32_t i = 0;
    while (i < net->route_count && !(ak_routes(net)[i].prefix_bits == route->prefix_bits &&
                                     same_family(&ak_routes(net)[i].prefix, &route->prefix) &&
                                     ak_addr_in_prefix(&ak_routes(net)[i].prefix, &route->prefix, route->prefix_bits)))
        i++;
    return i;
}

aksu_err aksu_route_add(aksu_stack *stack, const aksu_route *route) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_net *net = ak_net_of(core);
    if (route->link >= core->link_count || !prefix_valid(&route->prefix, route->prefix_bits)) return AKSU_ERR_INVALID;
    if (find_route(net, route) < net->route_count) return AKSU_ERR_EXISTS;
    if (net->route_count == core->config.route_max) return AKSU_ERR_NO_MEMORY;
    uint32_t at = net->route_count++;
    for (; at > 0 && ak_routes(net)[at - 1].prefix_bits < route->prefix_bits; at--)
        ak_routes(net)[at] = ak_routes(net)[at - 1];
    ak_routes(net)[at] = *route;
    return AKSU_OK;
}

aksu_err aksu_route_remove(aksu_stack *stack, const aksu_route *route) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_net *net = ak_net_of(core);
    uint32_t at = find_route(net, route);
    if (at == net->route_count) return AKSU_ERR_NO_ROUTE;
    net->route_count--;
    for (; at < net->route_count; at++) ak_routes(net)[at] = ak_routes(net)[at + 1];
    return AKSU_OK;
}
