/* Which of a link's addresses a packet of ours begins with: RFC 1122 s3.3.4.3 for IPv4, RFC 6724 s5 for IPv6.
 *
 * Candidates are the addresses of the link that the packet leaves by (rule 5), in use or, if there is nothing better,
 * deprecated (rule 3).  Rule 4 (mobile addresses) and rule 5.5 (prefixes by router) have no meaning here. */
#include "net/ether.h"

enum { SCOPE_LINK = 2, SCOPE_SITE = 5, SCOPE_GLOBAL = 14 };

/* RFC 6724 s3.1. */
static unsigned scope_of(const aksu_addr *addr) {
    if (ak_addr_is_multicast(addr)) return addr->byte[1] & 0xf;
    if (ak_addr_is_link_local(addr) || ak_addr_is_loopback(addr)) return SCOPE_LINK;
    if (addr->byte[0] == 0xfe && (addr->byte[1] & 0xc0) == 0xc0) return SCOPE_SITE;
    return SCOPE_GLOBAL;
}

/* RFC 6724 s2.1: the default policy table's labels, the longest prefix first; ::/0 is the rest. */
static unsigned label_of(const aksu_addr *addr) {
    static const struct {
        aksu_addr prefix;
        uint8_t bits, label;
    } policies[] = {
        {{{[15] = 1}}, 128, 0},   {{{0}}, 96, 3},           {{{0x20, 0x01}}, 32, 5}, {{{0x20, 0x02}}, 16, 2},
        {{{0x3f, 0xfe}}, 16, 12}, {{{0xfe, 0xc0}}, 10, 11}, {{{0xfc}}, 7, 13},
    };
    for (uint32_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (ak_addr_in_prefix(addr, &policies[i].prefix, policies[i].bits)) return policies[i].label;
    }
    return 1;
}

static unsigned common_bits(const aksu_addr *a, const aksu_addr *b) {
    for (unsigned i = 0; i < sizeof a->byte; i++) {
        unsigned differ = (unsigned)(a->byte[i] ^ b->byte[i]);
        if (differ != 0) return i * 8 + (unsigned)__builtin_clz(differ) - 24;
    }
    return 128;
}

/* Rules 2, 3, 6, 7 and 8, in their order; a positive answer: `a` is better. */
static int compare(const struct ak_addr_entry *a, const struct ak_addr_entry *b, const aksu_addr *remote) {
    unsigned scope_a = scope_of(&a->addr), scope_b = scope_of(&b->addr), scope = scope_of(remote);
    if (scope_a != scope_b) {
        bool a_is_better = scope_a < scope_b ? scope_a >= scope : scope_b < scope;
        return a_is_better ? 1 : -1;
    }
    if (a->phase != b->phase) return a->phase == AKSU_ADDR_PREFERRED ? 1 : -1;
    bool label_a = label_of(&a->addr) == label_of(remote), label_b = label_of(&b->addr) == label_of(remote);
    if (label_a != label_b) return label_a ? 1 : -1;
    bool temporary_a = a->origin == AK_ORIGIN_TEMPORARY, temporary_b = b->origin == AK_ORIGIN_TEMPORARY;
    if (temporary_a != temporary_b) return temporary_a ? 1 : -1;
    /* s2.2: identifiers are not compared. */
    unsigned bits_a = ak_min_u32(common_bits(&a->addr, remote), a->prefix_bits);
    unsigned bits_b = ak_min_u32(common_bits(&b->addr, remote), b->prefix_bits);
    return bits_a > bits_b ? 1 : bits_a < bits_b ? -1 : 0;
}

/* RFC 1122 s3.3.4.3 (a): one whose net the destination is in, and that with the longest match; the first of equals. */
static bool better_v4(const struct ak_addr_entry *a, const struct ak_addr_entry *b, const aksu_addr *remote) {
    bool in_a = ak_addr_in_prefix(remote, &a->addr, a->prefix_bits);
    bool in_b = ak_addr_in_prefix(remote, &b->addr, b->prefix_bits);
    if (in_a != in_b) return in_a;
    if (in_a) return a->prefix_bits > b->prefix_bits;
    return common_bits(&a->addr, remote) > common_bits(&b->addr, remote);
}

const struct ak_addr_entry *ak_addr_source(const struct ak_core *core, uint16_t link, const aksu_addr *remote) {
    const struct ak_net *net = ak_net_of(core);
    const struct ak_addr_entry *best = NULL;
    bool four = ak_addr_is_v4(remote);
    for (uint32_t i = 0; i < net->addr_count; i++) {
        const struct ak_addr_entry *entry = &ak_addr_entries(net)[i];
        if (entry->link != link || ak_addr_is_v4(&entry->addr) != four || !ak_addr_usable(entry)) continue;
        bool better = best == NULL;
        if (!better) better = four ? better_v4(entry, best, remote) : compare(entry, best, remote) > 0;
        if (better) best = entry;
    }
    return best;
}
