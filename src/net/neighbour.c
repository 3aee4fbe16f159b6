/* The neighbour cache: who is at an IP address of an Ethernet link, and whether he still is.  RFC 4861 s7.3, for IPv4
 * as well (RFC 1122 s2.3.2.1 asks for no less).
 *
 * An entry is asked for (INCOMPLETE), known and recently heard of (REACHABLE), known (STALE), used since then and about
 * to be asked (DELAY), being asked (PROBE), or does not answer (UNREACHABLE).  REACHABLE ends without a timer: whoever
 * uses or judges the entry looks at the time.  While a transport makes progress through a neighbour it is confirmed
 * by that alone.  One that does not answer is lost to send to for a second; a gateway is asked again and again, less
 * and less often, so that it is used once more when it is back.
 *
 * Bounds: config.neighbour_max entries.  Those that nobody has answered for (INCOMPLETE, UNREACHABLE) are at most a
 * quarter, so that a sweep of addresses (RFC 6583) pushes out nobody who is there.  Which one goes: of the unanswered
 * the oldest that no connection waits for; of the others one that is STALE, the one that has been so longest, before
 * one that is in use.  Packets wait at most 3 for each neighbour, the oldest goes; connections wait without a packet.
 *
 * What speaks unasked does not take a REACHABLE neighbour's place, unless it says that it overrides (NDP): the one who
 * is known is asked first, at once, and only if he is silent the place is open.  DEVIATES RFC 4861 s7.2.3 and RFC 826,
 * which let any solicitation or request overwrite: that is how neighbours are impersonated. */
#include "net/ether.h"

#include "base/check.h"

enum { HELD_EACH_MAX = 3 };

static struct ak_held *held_at(const struct ak_core *core, uint32_t index) {
    return ak_object(core, AK_KIND_HELD, index);
}

uint32_t ak_neighbour_index(const struct ak_core *core, const struct ak_neighbour *n) {
    int64_t bytes = (const char *)n - (const char *)ak_neighbour_at(core, 0);
    return (uint32_t)((uint64_t)bytes / sizeof *n);
}

static ak_ref ref_of(const struct ak_core *core, const struct ak_neighbour *n) {
    return ak_ref_of(AK_KIND_NEIGHBOUR, ak_neighbour_index(core, n));
}

static bool waited_for(const struct ak_core *core, const struct ak_neighbour *n) {
    return n->parked.next != ref_of(core, n);
}

/* ---------------------------------------------------------------- finding */

static uint32_t hash_of(const struct ak_core *core, uint16_t link, const aksu_addr *addr) {
    struct {
        aksu_addr addr;
        uint32_t link;
    } who = {.addr = *addr, .link = link};
    return (uint32_t)ak_siphash13(&core->key[AK_KEY_NEIGHBOUR], &who, sizeof who);
}

static uint32_t hash_again(const void *owner, ak_ref ref) {
    const struct ak_core *core = owner;
    const struct ak_neighbour *n = ak_neighbour_at(core, ak_ref_index(ref));
    return hash_of(core, n->link, &n->addr);
}

struct ak_neighbour *ak_neighbour_find(const struct ak_core *core, uint16_t link, const aksu_addr *addr) {
    const struct ak_net *net = ak_net_of(core);
    ak_ref ref = ak_table_first(&net->neighbours, hash_of(core, link, addr));
    for (; ref != AK_NONE; ref = ak_table_next(&net->neighbours, ref)) {
        struct ak_neighbour *n = ak_neighbour_at(core, ak_ref_index(ref));
        if (n->link == link && ak_addr_equal(&n->addr, addr)) return n;
    }
    return NULL;
}

aksu_neighbour_state ak_neighbour_state(const struct ak_core *core, const struct ak_neighbour *n) {
    if (n->nud == AKSU_NEIGHBOUR_REACHABLE && core->now_us - n->confirmed_us > ak_ether_of(core, n->link)->reachable_us)
        return AKSU_NEIGHBOUR_STALE;
    return (aksu_neighbour_state)n->nud;
}

unsigned ak_neighbour_rank(const struct ak_core *core, uint16_t link, const aksu_addr *addr) {
    const struct ak_neighbour *n = ak_neighbour_find(core, link, addr);
    if (n == NULL) return 1;
    if (n->failed) return 0;
    return n->nud == AKSU_NEIGHBOUR_INCOMPLETE ? 1 : 2;
}

/* ---------------------------------------------------------------- states */

static bool unanswered(uint8_t state) {
    return state == AKSU_NEIGHBOUR_INCOMPLETE || state == AKSU_NEIGHBOUR_UNREACHABLE;
}

static struct ak_list *list_of(struct ak_net *net, uint8_t state) {
    if (unanswered(state)) return &net->unanswered;
    return state == AKSU_NEIGHBOUR_STALE ? &net->idle : &net->active;
}

static void leave(struct ak_core *core, struct ak_neighbour *n) {
    struct ak_net *net = ak_net_of(core);
    ak_list_remove(list_of(net, n->nud), &net->age_lens, ref_of(core, n));
    if (unanswered(n->nud)) net->unanswered_count--;
}

static void join(struct ak_core *core, struct ak_neighbour *n, aksu_neighbour_state state) {
    struct ak_net *net = ak_net_of(core);
    n->nud = (uint8_t)state;
    if (unanswered(n->nud)) net->unanswered_count++;
    ak_list_push_back(list_of(net, n->nud), &net->age_lens, ref_of(core, n));
}

static void move_to(struct ak_core *core, struct ak_neighbour *n, aksu_neighbour_state state) {
    leave(core, n);
    join(core, n, state);
}

static void arm(struct ak_core *core, const struct ak_neighbour *n, uint64_t in_us) {
    ak_wheel_arm(&core->wheel, ref_of(core, n), core->now_us + in_us);
}

static void disarm(struct ak_core *core, const struct ak_neighbour *n) {
    ak_wheel_disarm(&core->wheel, ref_of(core, n));
}

/* ---------------------------------------------------------------- what waits */

static void held_drop(struct ak_core *core, const struct ak_held *held) {
    ak_reply_drop(core, &held->reply);
}

/* The first of those that wait, off the queue. */
static uint32_t held_take(struct ak_core *core, struct ak_neighbour *n) {
    uint32_t index = n->held_first;
    n->held_first = held_at(core, index)->next;
    n->held_count--;
    return index;
}

static void held_lose(struct ak_core *core, struct ak_neighbour *n, aksu_drop why) {
    uint32_t index = held_take(core, n);
    held_drop(core, held_at(core, index));
    ak_pool_put(&core->pool[AK_KIND_HELD], index);
    ak_drop_count(core, why);
}

void ak_neighbour_hold(struct ak_core *core, struct ak_neighbour *n, const struct ak_reply *reply) {
    if (n->held_count == HELD_EACH_MAX) held_lose(core, n, AKSU_DROP_NEIGHBOUR_QUEUE); /* RFC 4861 s7.2.2 */
    uint32_t index = ak_object_get(core, AK_KIND_HELD);
    if (index ==
        AK_NONE) { /* all are held: one by chance makes room, so that who came first cannot keep all others out */
        const struct ak_held *any = held_at(core, ak_prng_below(&core->prng, core->config.held_max));
        held_lose(core, ak_neighbour_at(core, any->owner), AKSU_DROP_NEIGHBOUR_QUEUE);
        index = ak_object_get(core, AK_KIND_HELD);
    }
    struct ak_held *held = held_at(core, index);
    *held = (struct ak_held){.next = AK_NONE, .owner = ak_neighbour_index(core, n), .reply = *reply};
    uint32_t *end = &n->held_first;
    for (uint32_t i = 0; i < n->held_count; i++) end = &held_at(core, *end)->next;
    *end = index;
    n->held_count++;
}

/* There is an address to send to: all that waited goes. */
static void release(struct ak_core *core, struct ak_neighbour *n) {
    while (n->held_count > 0) {
        uint32_t index = held_take(core, n);
        struct ak_held *held = held_at(core, index);
        if (!ak_reply_again(core, &held->reply)) held_drop(core, held);
        ak_pool_put(&core->pool[AK_KIND_HELD], index);
    }
    while (waited_for(core, n)) core->host.ops->hop_ready(core, n->parked.next);
}

static void lose(struct ak_core *core, struct ak_neighbour *n) {
    while (n->held_count > 0) held_lose(core, n, AKSU_DROP_NEIGHBOUR_SILENT);
    while (waited_for(core, n)) core->host.ops->hop_failed(core, n->parked.next);
}

/* ---------------------------------------------------------------- coming and going */

static void forget(struct ak_core *core, struct ak_neighbour *n) {
    struct ak_net *net = ak_net_of(core);
    ak_ref ref = ref_of(core, n);
    leave(core, n);
    disarm(core, n);
    ak_table_remove(&net->neighbours, ref, hash_of(core, n->link, &n->addr));
    n->nud = AKSU_NEIGHBOUR_NONE;
    lose(core, n);
    net->generation++;
    ak_pool_put(&core->pool[AK_KIND_NEIGHBOUR], ak_ref_index(ref));
}

static bool evict(struct ak_core *core, const struct ak_list *list) {
    const struct ak_net *net = ak_net_of(core);
    enum { LOOKED_AT_MAX = 8 }; /* of those with connections: bounded, and seldom */
    ak_ref ref = list->head;
    for (int i = 0; i < LOOKED_AT_MAX && ref != AK_NONE; i++) {
        struct ak_neighbour *n = ak_neighbour_at(core, ak_ref_index(ref));
        if (!waited_for(core, n)) {
            forget(core, n);
            core->counters.neighbour_evictions++;
            return true;
        }
        ref = ((const struct ak_link *)ak_lens_at(&net->age_lens, ref))->next;
    }
    return false;
}

static bool make_room(struct ak_core *core, aksu_neighbour_state state) {
    struct ak_net *net = ak_net_of(core);
    uint32_t share = ak_max_u32(1, core->config.neighbour_max / 4);
    if (unanswered((uint8_t)state) && net->unanswered_count >= share && !evict(core, &net->unanswered)) return false;
    if (ak_pool_free(&core->pool[AK_KIND_NEIGHBOUR]) > 0) return true;
    return evict(core, &net->idle) || evict(core, &net->unanswered) || evict(core, &net->active);
}

static struct ak_neighbour *begin(struct ak_core *core, uint16_t link, const aksu_addr *addr,
                                  aksu_neighbour_state state) {
    struct ak_net *net = ak_net_of(core);
    uint32_t index = make_room(core, state) ? ak_object_get(core, AK_KIND_NEIGHBOUR) : AK_NONE;
    if (index == AK_NONE) {
        ak_drop_count(core, AKSU_DROP_NEIGHBOUR_FULL);
        return NULL;
    }
    struct ak_neighbour *n = ak_neighbour_at(core, index);
    *n = (struct ak_neighbour){
        .addr = *addr,
        .link = link,
        .held_first = AK_NONE,
    };
    ak_park_init(core, ref_of(core, n));
    ak_link_init(&n->age);
    ak_wheel_node_init(&n->timer);
    ak_table_insert(&net->neighbours, ref_of(core, n), hash_of(core, link, addr), hash_again, core);
    join(core, n, state);
    return n;
}

void ak_neighbours_forget(struct ak_core *core, uint16_t link) {
    for (uint32_t i = 0; i < core->pool[AK_KIND_NEIGHBOUR].watermark; i++) {
        struct ak_neighbour *n = ak_neighbour_at(core, i);
        if (n->nud != AKSU_NEIGHBOUR_NONE && n->link == link) forget(core, n);
    }
}

/* ---------------------------------------------------------------- asking */

static void ask(struct ak_core *core, struct ak_neighbour *n) {
    bool one = n->nud == AKSU_NEIGHBOUR_PROBE;
    bool four = ak_addr_is_v4(&n->addr);
    n->asked++;
    if (four)
        ak_arp_ask(core, n->link, &n->addr, one ? &n->mac : &ak_mac_broadcast);
    else
        ak_ndp_ask(core, n->link, &n->addr, one ? AK_NDP_ONE : AK_NDP_ALL);
    arm(core, n, four ? AK_RETRANSMIT_US : ak_ether_of(core, n->link)->retransmit_us);
}

/* Another round of questions. */
static void ask_in(struct ak_core *core, struct ak_neighbour *n, aksu_neighbour_state state) {
    move_to(core, n, state);
    n->asked = 0;
    ask(core, n);
}

struct ak_neighbour *ak_neighbour_need(struct ak_core *core, uint16_t link, const aksu_addr *addr) {
    struct ak_neighbour *n = ak_neighbour_find(core, link, addr);
    if (n != NULL) return n;
    n = begin(core, link, addr, AKSU_NEIGHBOUR_INCOMPLETE);
    if (n != NULL) ask(core, n);
    return n;
}

enum ak_hop ak_neighbour_use(struct ak_core *core, struct ak_neighbour *n) {
    aksu_neighbour_state state = ak_neighbour_state(core, n);
    if (state == AKSU_NEIGHBOUR_INCOMPLETE) return AK_HOP_WAITS;
    if (state == AKSU_NEIGHBOUR_UNREACHABLE) return AK_HOP_LOST;
    if (state == AKSU_NEIGHBOUR_STALE) {
        move_to(core, n, AKSU_NEIGHBOUR_DELAY);
        arm(core, n, AK_DELAY_US);
    }
    return AK_HOP_READY;
}

/* Three questions unanswered.  One who was known: everybody is asked whether he has moved (s7.3.3). */
static void gave_no_answer(struct ak_core *core, struct ak_neighbour *n) {
    n->failed = true;
    ak_net_of(core)->generation++;
    if (n->nud == AKSU_NEIGHBOUR_PROBE) {
        ask_in(core, n, AKSU_NEIGHBOUR_INCOMPLETE);
        return;
    }
    move_to(core, n, AKSU_NEIGHBOUR_UNREACHABLE);
    n->wait_us = AK_RETRANSMIT_US;
    arm(core, n, n->wait_us);
    core->counters.neighbour_failures++;
    lose(core, n);
}

/* A gateway may come back; nobody else is kept in mind. */
static void ask_again(struct ak_core *core, struct ak_neighbour *n) {
    if (!n->gateway) {
        forget(core, n);
        return;
    }
    n->wait_us = ak_min_u64(n->wait_us * 2, AK_ASK_AGAIN_MAX_US);
    ask(core, n);
    arm(core, n, n->wait_us);
}

void ak_neighbour_fire(struct ak_core *core, ak_ref ref) {
    struct ak_neighbour *n = ak_neighbour_at(core, ak_ref_index(ref));
    switch ((aksu_neighbour_state)n->nud) {
    case AKSU_NEIGHBOUR_DELAY: ask_in(core, n, AKSU_NEIGHBOUR_PROBE); break;
    case AKSU_NEIGHBOUR_INCOMPLETE:
    case AKSU_NEIGHBOUR_PROBE:
        if (n->asked < AK_SOLICITS_MAX)
            ask(core, n);
        else
            gave_no_answer(core, n);
        break;
    case AKSU_NEIGHBOUR_UNREACHABLE: ask_again(core, n); break;
    case AKSU_NEIGHBOUR_NONE:
    case AKSU_NEIGHBOUR_REACHABLE:
    case AKSU_NEIGHBOUR_STALE:
    case AKSU_NEIGHBOUR_STATE_COUNT: break;
    }
}

/* ---------------------------------------------------------------- hearing */

static void take_mac(struct ak_core *core, struct ak_neighbour *n, const aksu_mac *mac) {
    n->mac = *mac;
    if (n->failed) ak_net_of(core)->generation++;
    n->failed = false;
}

static void reachable(struct ak_core *core, struct ak_neighbour *n, uint64_t at_us) {
    disarm(core, n);
    move_to(core, n, AKSU_NEIGHBOUR_REACHABLE);
    n->asked = 0; /* no answer is waited for */
    n->confirmed_us = at_us;
    if (n->failed) ak_net_of(core)->generation++;
    n->failed = false;
}

static void stale(struct ak_core *core, struct ak_neighbour *n) {
    disarm(core, n);
    move_to(core, n, AKSU_NEIGHBOUR_STALE);
}

void ak_neighbour_heard(struct ak_core *core, uint16_t link, const aksu_addr *addr, const aksu_mac *mac,
                        enum ak_make make) {
    struct ak_neighbour *n = ak_neighbour_find(core, link, addr);
    if (n == NULL) {
        n = make == AK_MAKE_NEW ? begin(core, link, addr, AKSU_NEIGHBOUR_STALE) : NULL;
        if (n != NULL) n->mac = *mac;
        return;
    }
    aksu_neighbour_state state = ak_neighbour_state(core, n);
    bool known = !unanswered(n->nud);
    if (known && ak_mac_equal(&n->mac, mac)) return;
    if (state == AKSU_NEIGHBOUR_REACHABLE) { /* somebody claims to be him: he is asked, now */
        ask_in(core, n, AKSU_NEIGHBOUR_PROBE);
        return;
    }
    if (state == AKSU_NEIGHBOUR_PROBE) return; /* he has the word */
    take_mac(core, n, mac);
    stale(core, n);
    release(core, n);
}

/* RFC 4861 s7.2.5, appendix C. */
void ak_neighbour_advertised(struct ak_core *core, struct ak_neighbour *n, const struct ak_advertisement *said) {
    if (unanswered(n->nud)) {
        if (said->mac == NULL) return;
        take_mac(core, n, said->mac);
        if (said->solicited)
            reachable(core, n, core->now_us);
        else
            stale(core, n);
        release(core, n);
        return;
    }
    bool other = said->mac != NULL && !ak_mac_equal(&n->mac, said->mac);
    if (other && !said->overrides) {
        if (ak_neighbour_state(core, n) == AKSU_NEIGHBOUR_REACHABLE) ask_in(core, n, AKSU_NEIGHBOUR_PROBE);
        return;
    }
    if (other) take_mac(core, n, said->mac);
    if (said->solicited)
        reachable(core, n, core->now_us);
    else if (other)
        stale(core, n);
}

void ak_net_progress(struct ak_core *core, const struct ak_hop_note *note, uint64_t at_us) {
    if (note->generation != ak_hop_generation(core)) return;
    struct ak_neighbour *n = ak_neighbour_at(core, note->neighbour);
    if (unanswered(n->nud) || at_us > core->now_us) return;
    if (core->now_us - at_us > ak_ether_of(core, n->link)->reachable_us) return;
    if (n->nud != AKSU_NEIGHBOUR_REACHABLE)
        reachable(core, n, at_us);
    else if (at_us > n->confirmed_us)
        n->confirmed_us = at_us;
}

/* The way to a peer that does not answer begins with a neighbour; is that one there? */
void ak_net_doubt(struct ak_core *core, uint16_t link, const aksu_addr *remote) {
    aksu_addr hop;
    if (!ak_is_ether(core, link) || !ak_net_next_hop(core, link, remote, &hop)) return;
    struct ak_neighbour *n = ak_neighbour_find(core, link, &hop);
    if (n == NULL || unanswered(n->nud) || n->nud == AKSU_NEIGHBOUR_PROBE) return;
    ask_in(core, n, AKSU_NEIGHBOUR_PROBE);
}

/* ---------------------------------------------------------------- the way of a packet */

void ak_neighbour_hop(struct ak_core *core, uint16_t link, const aksu_addr *remote, struct ak_hop_to *ret_to) {
    *ret_to = (struct ak_hop_to){.hop = AK_HOP_LOST, .neighbour = AK_NONE};
    if (ak_net_is_broadcast(core, remote)) {
        ret_to->hop = AK_HOP_READY;
        ret_to->mac = ak_mac_of_group(remote);
        return;
    }
    aksu_addr hop;
    if (!ak_net_next_hop(core, link, remote, &hop)) {
        ak_drop_count(core, AKSU_DROP_NO_ROUTE);
        return;
    }
    struct ak_neighbour *n = ak_neighbour_need(core, link, &hop);
    if (n == NULL) return;
    if (!ak_addr_equal(&hop, remote)) n->gateway = true;
    ret_to->hop = ak_neighbour_use(core, n);
    ret_to->neighbour = ak_neighbour_index(core, n);
    ret_to->mac = n->mac;
    if (ret_to->hop == AK_HOP_LOST) ak_drop_count(core, AKSU_DROP_NEIGHBOUR_SILENT);
}

bool aksu_neighbour_next(const aksu_stack *stack, uint32_t *cursor, aksu_neighbour_info *ret_info) {
    const struct ak_core *core = ak_core_of_const(stack);
    while (*cursor < core->pool[AK_KIND_NEIGHBOUR].watermark) {
        const struct ak_neighbour *n = ak_neighbour_at(core, (*cursor)++);
        if (n->nud == AKSU_NEIGHBOUR_NONE) continue;
        *ret_info = (aksu_neighbour_info){
            .addr = n->addr,
            .link = n->link,
            .mac = n->mac,
            .state = ak_neighbour_state(core, n),
            .gateway = n->gateway,
            .held = n->held_count,
        };
        return true;
    }
    return false;
}
