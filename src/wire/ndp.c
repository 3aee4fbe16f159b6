/* Neighbour Discovery messages.
 *
 * Each option must lie within the message and have a length that its kind can have, else the whole message is dropped
 * (RFC 4861 s4.6; a length of 0 would never end, and an even RDNSS is how CVE-2020-16898 began).  Options that are not
 * known are passed over by their length; known ones beyond the room that struct ak_ndp has are passed over too. */
#include "ndp.h"

#include "base/bytes.h"

const aksu_addr ak_addr_all_nodes = {.byte = {0xff, 0x02, [15] = 0x01}};
const aksu_addr ak_addr_all_routers = {.byte = {0xff, 0x02, [15] = 0x02}};
const aksu_addr ak_addr_all_mld_routers = {.byte = {0xff, 0x02, [15] = 0x16}};

enum option {
    OPTION_SOURCE_MAC = 1,
    OPTION_TARGET_MAC = 2,
    OPTION_PREFIX = 3,
    OPTION_REDIRECTED = 4,
    OPTION_MTU = 5,
    OPTION_ROUTE = 24, /* RFC 4191 s2.3 */
    OPTION_DNS = 25,   /* RFC 8106 s5.1 */
};

enum { UNIT = 8, ADDR_BYTES = 16, FLAG_M = 0x80, FLAG_O = 0x40, FLAG_L = 0x80, FLAG_A = 0x40 };
enum { FLAG_R = 0x80, FLAG_S = 0x40, FLAG_OVERRIDE = 0x20 };

static aksu_addr addr_at(const uint8_t *p) {
    aksu_addr addr = {{0}};
    ak_copy(addr.byte, p, ADDR_BYTES);
    return addr;
}

bool ak_addr_is_link_local(const aksu_addr *addr) {
    if (ak_addr_is_v4(addr)) return addr->byte[12] == 169 && addr->byte[13] == 254;
    return addr->byte[0] == 0xfe && (addr->byte[1] & 0xc0) == 0x80;
}

aksu_addr ak_addr_solicited_node(const aksu_addr *addr) {
    aksu_addr group = {.byte = {0xff, 0x02, [11] = 0x01, [12] = 0xff}};
    ak_copy(group.byte + 13, addr->byte + 13, 3);
    return group;
}

/* RFC 4191 s2.1: two bits, of which 10 is reserved and means medium, or for a route that it is ignored. */
static int8_t preference_of(uint8_t byte) {
    static const int8_t of[4] = {0, 1, 0, -1};
    return of[byte >> 3 & 3];
}
static bool preference_reserved(uint8_t byte) {
    return (byte >> 3 & 3) == 2;
}

/* ---------------------------------------------------------------- options */

static void take_prefix(struct ak_ndp *ndp, const uint8_t *p) {
    if (ndp->prefix_count == AK_NDP_PREFIX_MAX) return;
    ndp->prefix[ndp->prefix_count++] = (struct ak_ndp_prefix){
        .bits = p[2],
        .on_link = (p[3] & FLAG_L) != 0,
        .autonomous = (p[3] & FLAG_A) != 0,
        .valid_s = ak_be32(p + 4),
        .preferred_s = ak_be32(p + 8),
        .prefix = addr_at(p + 16),
    };
}

static void take_route(struct ak_ndp *ndp, const uint8_t *p, uint32_t units) {
    if (ndp->route_count == AK_NDP_ROUTE_MAX || preference_reserved(p[3])) return;
    struct ak_ndp_route *route = &ndp->route[ndp->route_count++];
    *route = (struct ak_ndp_route){.bits = p[2], .preference = preference_of(p[3]), .lifetime_s = ak_be32(p + 4)};
    ak_copy(route->prefix.byte, p + 8, (size_t)(units - 1) * UNIT);
}

static void take_dns(struct ak_ndp *ndp, const uint8_t *p, uint32_t units) {
    for (uint32_t i = 0; i < (units - 1) / 2 && ndp->dns_count < AK_NDP_DNS_MAX; i++)
        ndp->dns[ndp->dns_count++] = addr_at(p + UNIT + (size_t)i * ADDR_BYTES);
    ndp->dns_lifetime_s = ak_be32(p + 4);
}

/* Whether an option of this kind can have this many units of 8 octets. */
static bool units_are_right(uint8_t kind, const uint8_t *p, uint32_t units) {
    switch (kind) {
    case OPTION_SOURCE_MAC:
    case OPTION_TARGET_MAC: return units == 1 && ak_mac_is_one_host(p + 2);
    case OPTION_MTU: return units == 1;
    case OPTION_PREFIX: return units == 4 && p[2] <= 128;
    case OPTION_ROUTE: return units <= 3 && p[2] <= 128 && (units - 1) * 64 >= p[2];
    case OPTION_DNS: return units >= 3 && units % 2 == 1;
    default: return true;
    }
}

static void take_option(struct ak_ndp *ndp, const uint8_t *p, uint32_t units) {
    const bool of_target = ndp->type == AK_NDP_NEIGHBOUR_ADVERTISEMENT || ndp->type == AK_NDP_REDIRECT;
    const bool router = ndp->type == AK_NDP_ROUTER_ADVERTISEMENT;
    if (p[0] == (of_target ? OPTION_TARGET_MAC : OPTION_SOURCE_MAC)) {
        ak_copy(ndp->mac.byte, p + 2, sizeof ndp->mac.byte);
        ndp->has_mac = true;
    }
    if (router && p[0] == OPTION_MTU) ndp->mtu = ak_be32(p + 4);
    if (router && p[0] == OPTION_PREFIX) take_prefix(ndp, p);
    if (router && p[0] == OPTION_ROUTE) take_route(ndp, p, units);
    if (router && p[0] == OPTION_DNS) take_dns(ndp, p, units);
}

static aksu_drop options_parse(struct ak_ndp *ndp, const uint8_t *p, size_t bytes) {
    while (bytes > 0) {
        if (bytes < UNIT) return AKSU_DROP_NDP_OPTION;
        const uint32_t units = p[1];
        if (units == 0 || (size_t)units * UNIT > bytes) return AKSU_DROP_NDP_OPTION;
        if (!units_are_right(p[0], p, units)) return AKSU_DROP_NDP_OPTION;
        take_option(ndp, p, units);
        p += (size_t)units * UNIT;
        bytes -= (size_t)units * UNIT;
    }
    return AKSU_DROP_NONE;
}

/* ---------------------------------------------------------------- messages */

/* The fixed part, by type; ret_bytes: its length. */
static aksu_drop fixed_parse(const uint8_t *p, size_t bytes, struct ak_ndp *ndp, size_t *ret_bytes) {
    static const uint8_t fixed[] = {8, 16, 24, 24, 40}; /* from 133 on */
    *ret_bytes = fixed[ndp->type - AK_NDP_ROUTER_SOLICITATION];
    if (bytes < *ret_bytes) return AKSU_DROP_NDP_TRUNCATED;
    switch (ndp->type) {
    case AK_NDP_ROUTER_SOLICITATION: break;
    case AK_NDP_ROUTER_ADVERTISEMENT:
        ndp->hop_limit = p[4];
        ndp->managed = (p[5] & FLAG_M) != 0;
        ndp->other = (p[5] & FLAG_O) != 0;
        ndp->preference = preference_of(p[5]);
        ndp->lifetime_s = ak_be16(p + 6);
        ndp->reachable_ms = ak_be32(p + 8);
        ndp->retransmit_ms = ak_be32(p + 12);
        break;
    case AK_NDP_NEIGHBOUR_ADVERTISEMENT:
        ndp->router = (p[4] & FLAG_R) != 0;
        ndp->solicited = (p[4] & FLAG_S) != 0;
        ndp->overrides = (p[4] & FLAG_OVERRIDE) != 0;
        ndp->target = addr_at(p + 8);
        break;
    case AK_NDP_NEIGHBOUR_SOLICITATION: ndp->target = addr_at(p + 8); break;
    case AK_NDP_REDIRECT:
        ndp->target = addr_at(p + 8);
        ndp->destination = addr_at(p + 24);
        break;
    }
    return AKSU_DROP_NONE;
}

static bool unspecified(const aksu_addr *addr) {
    static const aksu_addr zero = {.byte = {0}};
    return ak_addr_equal(addr, &zero);
}

/* RFC 4861 s6.1.1, s6.1.2, s7.1.1, s7.1.2, s8.1: who may say what. */
static aksu_drop judge(const struct ak_ip *ip, const struct ak_ndp *ndp) {
    const bool nobody = unspecified(&ip->src);
    const aksu_addr group = ak_addr_solicited_node(&ndp->target);
    switch (ndp->type) {
    case AK_NDP_ROUTER_SOLICITATION: return nobody && ndp->has_mac ? AKSU_DROP_NDP_SOURCE : AKSU_DROP_NONE;
    case AK_NDP_ROUTER_ADVERTISEMENT: return ak_addr_is_link_local(&ip->src) ? AKSU_DROP_NONE : AKSU_DROP_NDP_SOURCE;
    case AK_NDP_NEIGHBOUR_SOLICITATION:
        if (nobody && (ndp->has_mac || !ak_addr_equal(&ip->dst, &group))) return AKSU_DROP_NDP_SOURCE;
        break;
    case AK_NDP_NEIGHBOUR_ADVERTISEMENT:
        if (nobody) return AKSU_DROP_NDP_SOURCE;
        if (ak_addr_is_multicast(&ip->dst) && ndp->solicited) return AKSU_DROP_NDP_FIELD;
        break;
    case AK_NDP_REDIRECT:
        if (!ak_addr_is_link_local(&ip->src)) return AKSU_DROP_NDP_SOURCE;
        if (ak_addr_is_multicast(&ndp->destination)) return AKSU_DROP_NDP_FIELD;
        if (!ak_addr_is_link_local(&ndp->target) && !ak_addr_equal(&ndp->target, &ndp->destination))
            return AKSU_DROP_NDP_FIELD;
        break;
    }
    /* Never a group, nobody, or IPv4's in disguise. */
    const bool target_bad =
        ak_addr_is_multicast(&ndp->target) || unspecified(&ndp->target) || ak_addr_is_v4(&ndp->target);
    return target_bad ? AKSU_DROP_NDP_FIELD : AKSU_DROP_NONE;
}

aksu_drop ak_wire_ndp_parse(const struct ak_ip *ip, const uint8_t *p, size_t bytes, struct ak_ndp *ret_ndp) {
    if (bytes < UNIT) return AKSU_DROP_NDP_TRUNCATED;
    if (p[0] < AK_NDP_ROUTER_SOLICITATION || p[0] > AK_NDP_REDIRECT) return AKSU_DROP_ICMP_TYPE;
    if (ip->ttl != AK_NDP_HOP_LIMIT) return AKSU_DROP_NDP_HOP_LIMIT; /* nobody beyond this link can send that */
    if (p[1] != 0) return AKSU_DROP_NDP_FIELD;
    struct ak_ndp ndp = {.type = (enum ak_ndp_type)p[0]};
    size_t fixed_bytes;
    aksu_drop drop = fixed_parse(p, bytes, &ndp, &fixed_bytes);
    if (drop != AKSU_DROP_NONE) return drop;
    drop = options_parse(&ndp, p + fixed_bytes, bytes - fixed_bytes);
    if (drop != AKSU_DROP_NONE) return drop;
    drop = judge(ip, &ndp);
    if (drop != AKSU_DROP_NONE) return drop;
    *ret_ndp = ndp;
    return AKSU_DROP_NONE;
}

uint32_t ak_wire_ndp_build(uint8_t *p, const struct ak_ndp *ndp) {
    ak_zero(p, AK_NDP_BUILD_MAX);
    p[0] = (uint8_t)ndp->type;
    uint32_t at = UNIT;
    if (ndp->type != AK_NDP_ROUTER_SOLICITATION) {
        ak_copy(p + at, ndp->target.byte, ADDR_BYTES);
        at += ADDR_BYTES;
    }
    const bool advertisement = ndp->type == AK_NDP_NEIGHBOUR_ADVERTISEMENT;
    if (advertisement) p[4] = (uint8_t)((ndp->solicited ? FLAG_S : 0) | (ndp->overrides ? FLAG_OVERRIDE : 0));
    if (!ndp->has_mac) return at;
    p[at] = advertisement ? OPTION_TARGET_MAC : OPTION_SOURCE_MAC;
    p[at + 1] = 1;
    ak_copy(p + at + 2, ndp->mac.byte, sizeof ndp->mac.byte);
    return at + UNIT;
}

void ak_wire_mld_build(uint8_t *p, enum ak_mld_record record, const aksu_addr *group) {
    ak_zero(p, AK_MLD_REPORT_BYTES);
    p[0] = AK_MLD_REPORT;
    ak_put16(p + 6, 1); /* one record */
    p[8] = (uint8_t)record;
    ak_copy(p + 12, group->byte, ADDR_BYTES);
}

void ak_wire_mld1_build(uint8_t *p, uint8_t type, const aksu_addr *group) {
    ak_zero(p, AK_MLD1_BYTES);
    p[0] = type;
    ak_copy(p + 8, group->byte, ADDR_BYTES);
}
