/* Our addresses: from the question whether anybody else has one to the end of its life.  RFC 4862 s5.4 and RFC 5227,
 * which are the same in what they do: ask a few times, and use the address if nobody objects.
 *
 * All that is timed here, and what autoconf.c and route.c time, hangs on one timer of the network floor: there are few
 * addresses, routes and links, and they are looked through when it fires. */
#include "net/ether.h"

enum { ANNOUNCE_US = 2000000, ANNOUNCES = 2 }; /* RFC 5227 s1.1 */

/* Asked twice for each packet: to be put where it is called. */
static inline struct ak_addr_entry *find(const struct ak_core *core, uint16_t link, const aksu_addr *addr) {
    const struct ak_net *net = ak_net_of(core);
    struct ak_addr_entry *entry = ak_addr_entries(net);
    for (const struct ak_addr_entry *end = entry + net->addr_count; entry < end; entry++) {
        if (ak_addr_equal(&entry->addr, addr) && (link == AKSU_LINK_ANY || entry->link == link)) return entry;
    }
    return NULL;
}

struct ak_addr_entry *ak_addr_find(const struct ak_core *core, uint16_t link, const aksu_addr *addr) {
    return find(core, link, addr);
}

bool ak_net_has_six(const struct ak_core *core, uint16_t link) {
    const struct ak_net *net = ak_net_of(core);
    for (uint32_t i = 0; i < net->addr_count; i++) {
        const struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (entry->link == link && !ak_addr_is_v4(&entry->addr)) return true;
    }
    return false;
}

bool ak_net_is_ours(const struct ak_core *core, const aksu_addr *addr) {
    const struct ak_addr_entry *entry = find(core, AKSU_LINK_ANY, addr);
    return entry != NULL ? ak_addr_usable(entry) : ak_addr_is_loopback(addr);
}

bool ak_net_is_broadcast(const struct ak_core *core, const aksu_addr *addr) {
    if (!ak_addr_is_v4(addr)) return ak_addr_is_multicast(addr);
    const uint32_t value = ak_addr_v4_value(addr);
    if (value >= 0xe0000000u && (value <= 0xefffffffu || value == 0xffffffffu)) return true; /* multicast, limited */
    const struct ak_net *net = ak_net_of(core);
    const struct ak_addr_entry *entry = ak_addr_entries(net);
    for (const struct ak_addr_entry *end = entry + net->addr_count; entry < end; entry++) {
        if (entry->prefix_bits > 30 || !ak_addr_is_v4(&entry->addr)) continue; /* RFC 3021: /31 has no broadcast */
        if (ak_addr_v4_broadcast(&entry->addr, entry->prefix_bits) == value) return true;
    }
    return false;
}

/* RFC 4291 s2.8: all nodes, and the solicited-node groups of our addresses, those that are asked for included. */
bool ak_net_is_member(const struct ak_core *core, uint16_t link, const aksu_addr *group) {
    if (ak_addr_equal(group, &ak_addr_all_nodes)) return true;
    const struct ak_net *net = ak_net_of(core);
    for (uint32_t i = 0; i < net->addr_count; i++) {
        const struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (entry->link != link || ak_addr_is_v4(&entry->addr)) continue;
        const aksu_addr own = ak_addr_solicited_node(&entry->addr);
        if (ak_addr_equal(group, &own)) return true;
    }
    return false;
}

/* ---------------------------------------------------------------- the timer */

void ak_net_due(struct ak_core *core, uint64_t due_us) {
    struct ak_net *net = ak_net_of(core);
    if (due_us == AK_NEVER) return;
    if (ak_wheel_armed(&net->timer) && ak_wheel_due_us(&core->wheel, &net->timer) <= due_us) return;
    ak_wheel_arm(&core->wheel, ak_ref_of(AK_CLASS_NET, 0), due_us);
}

void ak_net_fire(struct ak_core *core) {
    uint64_t addrs_us = ak_addrs_fire(core);
    uint64_t routes_us = ak_routes_expire(core);
    uint64_t autoconf_us = ak_autoconf_fire(core);
    ak_net_due(core, ak_min_u64(addrs_us, ak_min_u64(routes_us, autoconf_us)));
}

/* ---------------------------------------------------------------- into use */

static void changed(struct ak_core *core) {
    core->counters.addr_changes++;
    ak_net_of(core)->generation++;
}

static void into_use(struct ak_core *core, struct ak_addr_entry *entry) {
    entry->phase = AKSU_ADDR_PREFERRED;
    entry->due_us = AK_NEVER;
    changed(core);
    if (!ak_is_ether(core, entry->link)) return;
    if (ak_addr_is_v4(&entry->addr)) {
        entry->announces_left = ANNOUNCES;
        entry->due_us = core->now_us;
    } else if (ak_ether_of(core, entry->link)->dad_probes == 0) {
        ak_ndp_announce(core, entry); /* nobody was asked: at least they are told (RFC 4861 s7.2.6) */
    }
}

/* RFC 4862 s5.4.2, RFC 5227 s2.1.1: not all who start together ask together. */
static void ask_first(struct ak_core *core, struct ak_addr_entry *entry) {
    const struct ak_ether *ether = ak_ether_of(core, entry->link);
    if (!ak_addr_is_v4(&entry->addr))
        ak_autoconf_report(core, entry->link, 0); /* before the question: switches learn */
    entry->probes_left = ether->dad_probes;
    if (entry->probes_left == 0) {
        into_use(core, entry);
        return;
    }
    entry->phase = AKSU_ADDR_TENTATIVE;
    entry->due_us = core->now_us + ak_prng_below(&core->prng, AK_RETRANSMIT_US);
}

static bool usable_for_us(const aksu_addr *addr) {
    return !aksu_addr_is_any(addr) && !ak_addr_is_multicast(addr) && !ak_addr_is_limited_broadcast(addr);
}

aksu_err ak_addr_new(struct ak_core *core, const struct ak_addr_entry *entry, struct ak_addr_entry **ret_entry) {
    struct ak_net *net = ak_net_of(core);
    if (!usable_for_us(&entry->addr)) return AKSU_ERR_INVALID;
    if (ak_addr_find(core, AKSU_LINK_ANY, &entry->addr) != NULL) return AKSU_ERR_EXISTS;
    if (net->addr_count == core->config.addr_max) return AKSU_ERR_NO_MEMORY;
    struct ak_addr_entry *added = &ak_addr_entries(net)[net->addr_count++];
    net->generation++; /* its prefix has a broadcast address, before it is in use itself */
    *added = *entry;
    if (ak_is_ether(core, entry->link))
        ask_first(core, added);
    else
        into_use(core, added);
    ak_net_due(core, ak_min_u64(added->due_us, ak_addr_lifetime_due_us(added)));
    *ret_entry = added;
    return AKSU_OK;
}

void ak_addr_drop(struct ak_core *core, struct ak_addr_entry *entry) {
    struct ak_net *net = ak_net_of(core);
    const uint16_t link = entry->link;
    const aksu_addr group = ak_addr_solicited_node(&entry->addr);
    const bool six = !ak_addr_is_v4(&entry->addr);
    *entry = ak_addr_entries(net)[--net->addr_count];
    /* Another address may share it: whoever snoops would keep its questions from us. */
    if (six && ak_is_ether(core, link) && !ak_net_is_member(core, link, &group))
        ak_mld_report(core, link, AK_MLD_TO_INCLUDE, &group);
    changed(core);
}

void ak_addr_duplicate(struct ak_core *core, struct ak_addr_entry *entry) {
    entry->phase = AKSU_ADDR_DUPLICATE;
    entry->due_us = AK_NEVER;
    core->counters.addr_conflicts++;
    changed(core);
    if (entry->origin == AK_ORIGIN_STATIC) return;
    const struct ak_addr_entry taken = *entry;
    ak_addr_drop(core, entry);
    ak_autoconf_again(core, &taken);
}

void ak_addrs_again(struct ak_core *core, uint16_t link) {
    const struct ak_net *net = ak_net_of(core);
    for (uint32_t i = 0; i < net->addr_count; i++) {
        struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (entry->link != link) continue;
        if (!ak_addr_is_v4(&entry->addr)) ak_autoconf_report(core, link, 0);
        if (entry->phase == AKSU_ADDR_DUPLICATE) {
            ask_first(core, entry);
        } else if (ak_addr_usable(entry) && ak_addr_is_v4(&entry->addr)) {
            entry->announces_left = 1;
            entry->due_us = core->now_us;
        } else if (ak_addr_usable(entry)) {
            ak_ndp_announce(core, entry);
        }
        ak_net_due(core, entry->due_us);
    }
}

void ak_addrs_doubt(struct ak_core *core, uint16_t link) {
    const struct ak_net *net = ak_net_of(core);
    for (uint32_t i = 0; i < net->addr_count; i++) {
        struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        bool learnt = entry->origin == AK_ORIGIN_ROUTER || entry->origin == AK_ORIGIN_TEMPORARY;
        if (entry->link != link || !learnt || entry->phase != AKSU_ADDR_PREFERRED) continue;
        entry->phase = AKSU_ADDR_DEPRECATED;
        entry->preferred_until_us = core->now_us;
        changed(core);
    }
}

/* ---------------------------------------------------------------- steps */

static void ask(struct ak_core *core, struct ak_addr_entry *entry) {
    if (entry->probes_left == 0) { /* nobody objected */
        into_use(core, entry);
        return;
    }
    entry->probes_left--;
    bool four = ak_addr_is_v4(&entry->addr);
    if (four)
        ak_arp_probe(core, entry);
    else
        ak_ndp_probe(core, entry);
    /* RFC 5227 s1.1: one to two seconds apart, and two for the last; RFC 4862 s5.4: RetransTimer. */
    uint64_t wait_us = four ? AK_RETRANSMIT_US : ak_ether_of(core, entry->link)->retransmit_us;
    if (four) wait_us += entry->probes_left == 0 ? AK_RETRANSMIT_US : ak_prng_below(&core->prng, AK_RETRANSMIT_US);
    entry->due_us = core->now_us + wait_us;
}

static void announce(struct ak_core *core, struct ak_addr_entry *entry) {
    ak_arp_announce(core, entry);
    entry->announces_left--;
    entry->due_us = entry->announces_left > 0 ? core->now_us + ANNOUNCE_US : AK_NEVER;
}

static void step(struct ak_core *core, struct ak_addr_entry *entry) {
    if (!ak_link_state_at(core, entry->link)->up)
        entry->due_us = core->now_us + AK_RETRANSMIT_US;
    else if (entry->phase == AKSU_ADDR_TENTATIVE)
        ask(core, entry);
    else if (entry->announces_left > 0)
        announce(core, entry);
    else
        entry->due_us = AK_NEVER;
}

static void deprecate(struct ak_core *core, struct ak_addr_entry *entry) {
    entry->phase = AKSU_ADDR_DEPRECATED;
    changed(core);
}

/* When its lifetimes are to be looked at again. */
uint64_t ak_addr_lifetime_due_us(const struct ak_addr_entry *entry) {
    uint64_t preferred_us = entry->preferred_until_us;
    if (entry->origin == AK_ORIGIN_TEMPORARY && !entry->succeeded && preferred_us != AK_NEVER)
        preferred_us -= ak_min_u64(preferred_us, AK_REGEN_ADVANCE_US);
    bool deprecated = entry->phase == AKSU_ADDR_DEPRECATED;
    return deprecated ? entry->valid_until_us : ak_min_u64(preferred_us, entry->valid_until_us);
}

static void preferred_step(struct ak_core *core, struct ak_addr_entry *entry) {
    if (entry->origin == AK_ORIGIN_TEMPORARY && !entry->succeeded) {
        entry->succeeded = true;
        ak_autoconf_again(core, entry);
    }
    if (entry->preferred_until_us <= core->now_us) deprecate(core, entry);
}

uint64_t ak_addrs_fire(struct ak_core *core) {
    struct ak_net *net = ak_net_of(core);
    uint64_t next_us = AK_NEVER;
    for (uint32_t i = net->addr_count; i-- > 0;) {
        struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (entry->valid_until_us <= core->now_us) { /* RFC 4862 s5.5.4 */
            ak_addr_drop(core, entry);
            continue;
        }
        if (entry->due_us <= core->now_us) step(core, entry);
        bool preferred = entry->phase == AKSU_ADDR_PREFERRED; /* one that is asked for becomes it first */
        if (preferred && ak_addr_lifetime_due_us(entry) <= core->now_us) preferred_step(core, entry);
        uint64_t lifetime_us = preferred ? ak_addr_lifetime_due_us(entry) : entry->valid_until_us;
        next_us = ak_min_u64(next_us, ak_min_u64(entry->due_us, lifetime_us));
    }
    return next_us;
}

/* ---------------------------------------------------------------- the application's calls */

aksu_err aksu_addr_add(aksu_stack *stack, uint16_t link, const aksu_addr *addr, uint8_t prefix_bits) {
    struct ak_core *core = ak_core_of(stack);
    if (link >= core->link_count || prefix_bits > (ak_addr_is_v4(addr) ? 32 : 128)) return AKSU_ERR_INVALID;
    if (!ak_addr_is_v4(addr) && ak_link_state_at(core, link)->mtu < AK_IPV6_MTU_MIN) return AKSU_ERR_INVALID;
    const struct ak_addr_entry entry = {.addr = *addr,
                                        .link = link,
                                        .prefix_bits = prefix_bits,
                                        .due_us = AK_NEVER,
                                        .preferred_until_us = AK_NEVER,
                                        .valid_until_us = AK_NEVER};
    struct ak_addr_entry *added;
    aksu_err err = ak_addr_new(core, &entry, &added);
    if (err == AKSU_OK && ak_is_ether(core, link) && !ak_addr_is_v4(addr)) ak_autoconf_begin(core, link);
    return err;
}

aksu_err aksu_addr_remove(aksu_stack *stack, const aksu_addr *addr) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_addr_entry *entry = ak_addr_find(core, AKSU_LINK_ANY, addr);
    if (entry == NULL) return AKSU_ERR_ADDR_NOT_AVAILABLE;
    ak_addr_drop(core, entry);
    return AKSU_OK;
}

aksu_err aksu_addr_prefix(aksu_stack *stack, const aksu_addr *addr, uint8_t prefix_bits) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_addr_entry *entry = ak_addr_find(core, AKSU_LINK_ANY, addr);
    if (entry == NULL) return AKSU_ERR_ADDR_NOT_AVAILABLE;
    if (prefix_bits > (ak_addr_is_v4(addr) ? 32 : 128)) return AKSU_ERR_INVALID;
    entry->prefix_bits = prefix_bits;
    changed(core);
    return AKSU_OK;
}

static uint64_t left_us(const struct ak_core *core, uint64_t until_us) {
    if (until_us == AK_NEVER) return AK_NEVER;
    return until_us > core->now_us ? until_us - core->now_us : 0;
}

bool aksu_addr_next(const aksu_stack *stack, uint32_t *cursor, aksu_addr_info *ret_info) {
    const struct ak_core *core = ak_core_of_const(stack);
    const struct ak_net *net = ak_net_of(core);
    if (*cursor >= net->addr_count) return false;
    const struct ak_addr_entry *entry = &ak_addr_entries(net)[(*cursor)++];
    *ret_info = (aksu_addr_info){
        .addr = entry->addr,
        .link = entry->link,
        .prefix_bits = entry->prefix_bits,
        .automatic = entry->origin != AK_ORIGIN_STATIC,
        .state = (aksu_addr_state)entry->phase,
        .preferred_us = left_us(core, entry->preferred_until_us),
        .valid_us = left_us(core, entry->valid_until_us),
    };
    return true;
}
