/* What an Ethernet link does for IPv6 without being told: a link-local address, routers and what they advertise
 * (RFC 4861 s6.3), addresses from their prefixes (RFC 4862 s5.5) with identifiers that stay (RFC 7217) or that live for
 * a day (RFC 8981), and reports of the groups we are in (RFC 3810; in the
 * words of RFC 2710 while a querier understands no others).
 *
 * Of an advertisement are taken: the router itself with its preference (RFC 4191), prefixes, routes, MTU, reachable and
 * retransmission time.  Not taken: the hop limit, which is a setting of each connection; resolvers are for those above.
 * Addresses and routes from routers fill at most half of their tables, so that none who is on the link can push out
 * what was configured. */
#include "net/ether.h"

#include "base/bytes.h"

enum {
    SOLICIT_US = 4000000, /* RFC 4861 s10: RTR_SOLICITATION_INTERVAL */
    SOLICITS = 3,         /* MAX_RTR_SOLICITATIONS */
    COLLISIONS_MAX = 3,   /* RFC 7217 s5: IDGEN_RETRIES */
    REPORTS = 2,          /* RFC 3810 s9.1 */
    REPORT_US = 1000000,  /* s9.11 */
    TWO_HOURS_S = 7200,
    INTERFACE_BITS = 64,
};

/* RFC 8981 s3.8. */
enum { DESYNC_MAX_S = 34560 }; /* 0.4 of a day */
static const uint64_t temporary_valid_us = UINT64_C(172800000000), temporary_preferred_us = UINT64_C(86400000000);

/* ---------------------------------------------------------------- identifiers */

/* RFC 5453: the subnet router's anycast address, and those that are reserved for others. */
static bool reserved(uint64_t identifier) {
    return identifier == 0 || identifier >> 7 == UINT64_C(0xfdffffffffffff80) >> 7 || identifier >> 32 == 0x02005eff;
}

/* RFC 7217 s5: the same for the same prefix, interface and secret, and nothing that tells of any of them. */
static uint64_t stable_identifier(const struct ak_core *core, uint16_t link, const aksu_addr *prefix,
                                  uint32_t collisions) {
    struct {
        uint8_t prefix[8], mac[6];
        uint16_t vlan_and_again; /* 12 bits and 4 */
    } of = {.vlan_and_again = (uint16_t)((uint32_t)ak_ether_of(core, link)->vlan << 4 | collisions)};
    ak_copy(of.prefix, prefix->byte, sizeof of.prefix);
    ak_copy(of.mac, ak_ether_of(core, link)->mac.byte, sizeof of.mac);
    uint64_t identifier = ak_siphash24(&core->key[AK_KEY_INTERFACE], &of, sizeof of);
    return reserved(identifier) ? identifier ^ UINT64_C(0x0100000000000001) << 8 : identifier;
}

static uint64_t random_identifier(struct ak_core *core) {
    uint64_t identifier = ak_prng_u64(&core->prng);
    return reserved(identifier) ? identifier ^ UINT64_C(0x0100000000000001) << 8 : identifier;
}

static aksu_addr with_identifier(const aksu_addr *prefix, uint64_t identifier) {
    aksu_addr addr = *prefix;
    ak_put32(addr.byte + 8, (uint32_t)(identifier >> 32));
    ak_put32(addr.byte + 12, (uint32_t)identifier);
    return addr;
}

static const aksu_addr link_local_prefix = {.byte = {0xfe, 0x80}};

/* ---------------------------------------------------------------- addresses */

/* Whether a router's prefix may have one more. */
static bool has_room(const struct ak_core *core) {
    const struct ak_net *net = ak_net_of(core);
    uint32_t learned = 0;
    for (uint32_t i = 0; i < net->addr_count; i++) learned += ak_addr_entries(net)[i].origin != AK_ORIGIN_STATIC;
    return learned < ak_max_u32(2, core->config.addr_max / 2);
}

static void add(struct ak_core *core, struct ak_addr_entry *entry) {
    uint64_t identifier = entry->origin == AK_ORIGIN_TEMPORARY
                              ? random_identifier(core)
                              : stable_identifier(core, entry->link, &entry->addr, entry->collisions);
    entry->addr = with_identifier(&entry->addr, identifier);
    entry->due_us = AK_NEVER;
    struct ak_addr_entry *added;
    (void)ak_addr_new(core, entry, &added); /* without room there is one address less */
}

/* RFC 8981 s3.4: it lives and is preferred no longer than its prefix, and for a time of its own, so that neither hosts
 * that began together nor one host's addresses change together (s3.8).  False: that is deprecated too soon. */
static bool begin_temporary(struct ak_core *core, struct ak_addr_entry *entry) {
    enum { SECOND_US = 1000000 };
    entry->origin = AK_ORIGIN_TEMPORARY;
    entry->born_us = core->now_us;
    entry->desync_us =
        (uint64_t)ak_prng_below(&core->prng, DESYNC_MAX_S) * SECOND_US + ak_prng_below(&core->prng, SECOND_US);
    entry->valid_until_us = ak_min_u64(entry->prefix_until_us, core->now_us + temporary_valid_us);
    entry->preferred_until_us =
        ak_min_u64(entry->prefix_preferred_us, core->now_us + temporary_preferred_us - entry->desync_us);
    entry->succeeded = false;
    return entry->preferred_until_us > core->now_us + AK_REGEN_ADVANCE_US;
}

void ak_autoconf_again(struct ak_core *core, const struct ak_addr_entry *entry) {
    struct ak_addr_entry another = *entry;
    if (entry->phase == AKSU_ADDR_DUPLICATE && ++another.collisions > COLLISIONS_MAX) return;
    if (entry->origin == AK_ORIGIN_TEMPORARY && (!has_room(core) || !begin_temporary(core, &another))) return;
    another.phase = AKSU_ADDR_TENTATIVE;
    add(core, &another);
}

static uint64_t until_us(const struct ak_core *core, uint32_t seconds) {
    return seconds == AK_NDP_FOREVER ? AK_NEVER : core->now_us + (uint64_t)seconds * 1000000;
}

/* RFC 4862 s5.5.3 (e): a stranger's word may not end an address in less than two hours. */
static uint64_t valid_until(const struct ak_core *core, const struct ak_addr_entry *entry, uint32_t valid_s) {
    uint64_t wanted_us = until_us(core, valid_s), two_hours_us = core->now_us + (uint64_t)TWO_HOURS_S * 1000000;
    if (wanted_us > two_hours_us || wanted_us > entry->valid_until_us) return wanted_us;
    return ak_min_u64(entry->valid_until_us, two_hours_us);
}

/* What a prefix says of the addresses that were made from it; whether there are any, temporary ones not deprecated. */
static void refresh(struct ak_core *core, uint16_t link, const struct ak_ndp_prefix *prefix, bool *ret_stable,
                    bool *ret_temporary) {
    const struct ak_net *net = ak_net_of(core);
    for (uint32_t i = 0; i < net->addr_count; i++) {
        struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        bool made = entry->origin == AK_ORIGIN_ROUTER || entry->origin == AK_ORIGIN_TEMPORARY;
        if (!made || entry->link != link || !ak_addr_in_prefix(&entry->addr, &prefix->prefix, INTERFACE_BITS)) continue;
        uint64_t preferred_us = until_us(core, prefix->preferred_s);
        if (entry->origin == AK_ORIGIN_TEMPORARY) {
            entry->prefix_preferred_us = preferred_us;
            entry->prefix_until_us = valid_until(core, entry, prefix->valid_s);
            entry->valid_until_us = ak_min_u64(entry->prefix_until_us, entry->born_us + temporary_valid_us);
            preferred_us = ak_min_u64(preferred_us, entry->born_us + temporary_preferred_us - entry->desync_us);
            if (entry->phase != AKSU_ADDR_DEPRECATED) *ret_temporary = true; /* else its day is over */
        } else {
            entry->valid_until_us = valid_until(core, entry, prefix->valid_s);
            *ret_stable = true;
        }
        if (entry->phase == AKSU_ADDR_DEPRECATED && entry->origin == AK_ORIGIN_ROUTER && preferred_us > core->now_us)
            entry->phase = AKSU_ADDR_PREFERRED;
        if (entry->phase != AKSU_ADDR_DEPRECATED) entry->preferred_until_us = preferred_us;
        ak_net_due(core, ak_addr_lifetime_due_us(entry));
    }
}

/* RFC 4862 s5.5.3. */
static void take_autonomous(struct ak_core *core, uint16_t link, const struct ak_ndp_prefix *prefix) {
    const struct ak_ether *ether = ak_ether_of(core, link);
    if (prefix->preferred_s > prefix->valid_s || prefix->bits != INTERFACE_BITS) return; /* (c), (d) */
    bool stable = false, temporary = false;
    refresh(core, link, prefix, &stable, &temporary);
    if (prefix->valid_s == 0) return;
    struct ak_addr_entry entry = {
        .addr = prefix->prefix,
        .link = link,
        .prefix_bits = INTERFACE_BITS,
        .origin = AK_ORIGIN_ROUTER,
        .preferred_until_us = until_us(core, prefix->preferred_s),
        .valid_until_us = until_us(core, prefix->valid_s),
        .prefix_preferred_us = until_us(core, prefix->preferred_s),
        .prefix_until_us = until_us(core, prefix->valid_s),
    };
    if (!stable && has_room(core)) {
        struct ak_addr_entry one = entry;
        add(core, &one);
    }
    if (temporary || ether->autoconf != AKSU_AUTOCONF_TEMPORARY || !has_room(core)) return;
    if (begin_temporary(core, &entry)) add(core, &entry);
}

/* ---------------------------------------------------------------- routers */

struct lesson {
    aksu_addr prefix, gateway;
    uint8_t bits;
    int8_t preference;
    uint32_t lifetime_s;
};

static void take_route(struct ak_core *core, uint16_t link, const struct lesson *lesson) {
    struct ak_route_entry entry = {
        .route = {.prefix = lesson->prefix,
                  .prefix_bits = lesson->bits,
                  .link = link,
                  .gateway = lesson->gateway,
                  .metric = (uint32_t)(1024 - lesson->preference * 256)}, /* behind what was configured */
        .origin = AK_ORIGIN_ROUTER,
        .valid_until_us = until_us(core, lesson->lifetime_s),
    };
    if (lesson->lifetime_s == 0)
        ak_route_forget(core, &entry.route, AK_ORIGIN_ROUTER);
    else
        (void)ak_route_learn(core, &entry); /* without room there is one way less */
}

/* Bits beyond the prefix mean nothing (RFC 4861 s4.6.2). */
static aksu_addr masked(const aksu_addr *addr, unsigned bits) {
    aksu_addr prefix = {{0}};
    ak_copy(prefix.byte, addr->byte, bits / 8);
    if (bits % 8 != 0) prefix.byte[bits / 8] = (uint8_t)(addr->byte[bits / 8] & 0xff00u >> bits % 8);
    return prefix;
}

/* Not of groups, of the link alone, of this host, or of IPv4. */
static bool prefix_makes_sense(const aksu_addr *prefix, unsigned bits) {
    if (bits == 0) return true;
    return !aksu_addr_is_any(prefix) && !ak_addr_is_multicast(prefix) && !ak_addr_is_link_local(prefix) &&
           !ak_addr_is_loopback(prefix) && !ak_addr_is_v4(prefix);
}

static void take_prefix(struct ak_core *core, uint16_t link, const struct ak_ndp_prefix *told) {
    struct ak_ndp_prefix prefix = *told;
    prefix.prefix = masked(&told->prefix, told->bits);
    if (prefix.bits == 0 || !prefix_makes_sense(&prefix.prefix, prefix.bits)) return;
    if (prefix.on_link) {
        const struct lesson lesson = {.prefix = prefix.prefix, .bits = prefix.bits, .lifetime_s = prefix.valid_s};
        take_route(core, link, &lesson);
    }
    if (prefix.autonomous) take_autonomous(core, link, &prefix);
}

/* RFC 4861 s6.3.4. */
static void take_times(struct ak_core *core, struct ak_ether *ether, const struct ak_ndp *ra) {
    enum { REACHABLE_MAX_MS = 3600000, RETRANSMIT_MIN_MS = 100, RETRANSMIT_MAX_MS = 60000 };
    if (ra->reachable_ms != 0 && ra->reachable_ms <= REACHABLE_MAX_MS)
        ether->reachable_us =
            (uint64_t)ra->reachable_ms * 500 + ak_prng_below(&core->prng, ra->reachable_ms) * UINT64_C(1000);
    if (ra->retransmit_ms >= RETRANSMIT_MIN_MS && ra->retransmit_ms <= RETRANSMIT_MAX_MS)
        ether->retransmit_us = (uint64_t)ra->retransmit_ms * 1000;
}

void ak_autoconf_router(struct ak_core *core, uint16_t link, const aksu_addr *from, const struct ak_ndp *ra) {
    struct ak_ether *ether = ak_ether_of(core, link);
    if (ether->autoconf == AKSU_AUTOCONF_OFF) return;
    ether->solicits_left = 0;
    ether->solicit_us = AK_NEVER;
    take_times(core, ether, ra);
    if (ra->mtu >= AK_IPV6_MTU_MIN && ra->mtu <= ak_link_state_at(core, link)->mtu) ether->mtu6 = ra->mtu;
    const struct lesson router = {.gateway = *from, .preference = ra->preference, .lifetime_s = ra->lifetime_s};
    take_route(core, link, &router);
    for (uint32_t i = 0; i < ra->prefix_count; i++) take_prefix(core, link, &ra->prefix[i]);
    for (uint32_t i = 0; i < ra->route_count; i++) {
        const struct ak_ndp_route *route = &ra->route[i];
        const struct lesson lesson = {.prefix = masked(&route->prefix, route->bits),
                                      .bits = route->bits,
                                      .gateway = *from,
                                      .preference = route->preference,
                                      .lifetime_s = route->lifetime_s};
        if (prefix_makes_sense(&lesson.prefix, lesson.bits)) take_route(core, link, &lesson);
    }
}

/* ---------------------------------------------------------------- a link */

void ak_autoconf_report(struct ak_core *core, uint16_t link, uint64_t within_us) {
    struct ak_ether *ether = ak_ether_of(core, link);
    enum { WITHIN_MAX_US = 60000000 };
    uint32_t bound = (uint32_t)ak_min_u64(within_us, WITHIN_MAX_US) + 1;
    ether->report_us = ak_min_u64(ether->report_us, core->now_us + ak_prng_below(&core->prng, bound));
    ether->reports_left = REPORTS;
    ak_net_due(core, ether->report_us);
}

/* RFC 3810 s8.2.1, s9.12: twice the query interval and once the response interval, by their defaults: a query of MLDv1
 * tells neither. */
void ak_autoconf_older_querier(struct ak_core *core, uint16_t link) {
    static const uint64_t older_us = 260 * UINT64_C(1000000);
    struct ak_ether *ether = ak_ether_of(core, link);
    if (ether->older_until_us <= core->now_us) ether->report_us = AK_NEVER;
    ether->older_until_us = core->now_us + older_us;
}

void ak_autoconf_begin(struct ak_core *core, uint16_t link) {
    const struct ak_net *net = ak_net_of(core);
    struct ak_ether *ether = ak_ether_of(core, link);
    bool has_one = false;
    for (uint32_t i = 0; i < net->addr_count && !has_one; i++) {
        const struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        has_one = entry->link == link && !ak_addr_is_v4(&entry->addr) && ak_addr_is_link_local(&entry->addr);
    }
    if (!has_one && ak_link_state_at(core, link)->mtu >= AK_IPV6_MTU_MIN) {
        struct ak_addr_entry entry = {
            .addr = link_local_prefix,
            .link = link,
            .prefix_bits = INTERFACE_BITS,
            .origin = AK_ORIGIN_LINK_LOCAL,
            .preferred_until_us = AK_NEVER,
            .valid_until_us = AK_NEVER,
        };
        add(core, &entry);
    }
    if (ether->autoconf == AKSU_AUTOCONF_OFF) return;
    ether->solicits_left = SOLICITS;
    ether->solicit_us = core->now_us + ak_prng_below(&core->prng, 1000000); /* MAX_RTR_SOLICITATION_DELAY */
    ak_net_due(core, ether->solicit_us);
}

static void report_groups(struct ak_core *core, uint16_t link) {
    const struct ak_net *net = ak_net_of(core);
    for (uint32_t i = 0; i < net->addr_count; i++) {
        const struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (entry->link != link || ak_addr_is_v4(&entry->addr)) continue;
        const aksu_addr group = ak_addr_solicited_node(&entry->addr);
        ak_mld_report(core, link, AK_MLD_TO_EXCLUDE, &group);
    }
}

static void fire_one(struct ak_core *core, uint16_t link) {
    struct ak_ether *ether = ak_ether_of(core, link);
    if (ether->report_us <= core->now_us) {
        report_groups(core, link);
        ether->reports_left--;
        ether->report_us =
            ether->reports_left > 0 ? core->now_us + 1 + ak_prng_below(&core->prng, REPORT_US) : AK_NEVER;
    }
    if (ether->solicit_us <= core->now_us) {
        ak_ndp_ask_routers(core, link);
        ether->solicits_left--;
        ether->solicit_us = ether->solicits_left > 0 ? core->now_us + SOLICIT_US : AK_NEVER;
    }
}

uint64_t ak_autoconf_fire(struct ak_core *core) {
    uint64_t next_us = AK_NEVER;
    for (uint32_t i = 0; i < core->link_count; i++) {
        uint16_t link = (uint16_t)i;
        if (!ak_is_ether(core, link)) continue;
        fire_one(core, link);
        const struct ak_ether *ether = ak_ether_of(core, link);
        next_us = ak_min_u64(next_us, ak_min_u64(ether->report_us, ether->solicit_us));
    }
    return next_us;
}
