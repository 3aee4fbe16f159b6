/* Fuzz target: a Neighbour Discovery message.  The first input byte picks hop limit, source and destination.  What is
 * taken must be what RFC 4861 lets a host take. */
#include "wire/ndp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static void judge(const struct ak_ndp *ndp, const struct ak_ip *ip) {
    require(ip->ttl == 255);
    require(ndp->prefix_count <= AK_NDP_PREFIX_MAX && ndp->route_count <= AK_NDP_ROUTE_MAX);
    require(ndp->dns_count <= AK_NDP_DNS_MAX);
    for (uint32_t i = 0; i < ndp->prefix_count; i++) require(ndp->prefix[i].bits <= 128);
    for (uint32_t i = 0; i < ndp->route_count; i++) require(ndp->route[i].bits <= 128 && ndp->route[i].preference <= 1);
    if (ndp->has_mac) require(!ak_mac_is_group(&ndp->mac));
    bool router = ndp->type == AK_NDP_ROUTER_ADVERTISEMENT || ndp->type == AK_NDP_REDIRECT;
    if (router) require(ak_addr_is_link_local(&ip->src));
    bool target = ndp->type != AK_NDP_ROUTER_ADVERTISEMENT && ndp->type != AK_NDP_ROUTER_SOLICITATION;
    if (target) require(!ak_addr_is_multicast(&ndp->target) && !aksu_addr_is_any(&ndp->target));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static const aksu_addr sources[4] = {
        {{0xfe, 0x80, [15] = 1}}, {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}}, {{0}}, {{0xfe, 0xbf, [15] = 9}}};
    if (bytes < 1) return 0;
    struct ak_ip ip = {.version = 6, .src = sources[data[0] & 3], .ttl = data[0] & 0x80 ? 254 : 255};
    struct ak_ndp ndp;
    ip.dst = ak_addr_all_nodes;
    if ((data[0] & 4) && bytes >= 25) { /* the target's own group */
        aksu_addr target;
        ak_copy(target.byte, data + 9, sizeof target.byte);
        ip.dst = ak_addr_solicited_node(&target);
    }
    if (ak_wire_ndp_parse(&ip, data + 1, bytes - 1, &ndp) == AKSU_DROP_NONE) judge(&ndp, &ip);
    return 0;
}
