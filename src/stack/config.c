/* A stack's configuration, and its arena: what lies where, and how a stack is made and copied.
 *
 * The arena is laid out once, from the limits; everything is found by offsets that do not change when the arena is
 * copied.  Pools, tables and blocks lie behind the stack itself and are not touched before they are used. */
#include "base/check.h"
#include "net/ether.h"
#include "net/udp.h"
#include "stack/stack.h"
#include "tcp/accecn.h"
#include "tcp/fastopen.h"
#include "tcp/rate.h"

/* ---------------------------------------------------------------- configuration */

void aksu_config_default(aksu_config *ret_config) {
    *ret_config = (aksu_config){
        .struct_bytes = sizeof(aksu_config),
        .tcp_max = 65536,
        .listener_max = 64,
        .syn_cache_max = 1024,
        .time_wait_max = 65536,
        .transfer_max = 16384,
        .block_bytes = 4096,
        .block_max = 16384,
        .buffer_growth_max = 32u << 20,
        .record_max = 32768,
        .frame_max = 512,
        .reply_max = 256,
        .settings_max = 64,
        .udp_max = 256,
        .datagram_max = 4096,
        .link_max = 8,
        .addr_max = 16,
        .route_max = 16,
        .neighbour_max = 1024,
        .reassembly_max = 64,
        .reassembly_bytes = 256u << 10,
        .held_max = 64,
        .port_first = 32768,
        .port_last = 60999,
        .time_wait_us = 60000000,
        .evict_shut_us = 60000000,
        .syn_cookies = AKSU_SYN_COOKIES_AUTO,
        .rst_per_second = 1000,
        .reassembly_us = 60000000,
        .fast_open_key_us = 3600000000,
        .fast_open_cache_max = 256,
        .fast_open_pending_max = 64,
        .tcp =
            {
#define AKSU_X(NAME, field, min, max, def, text) .field = def,
                AKSU_TCP_SETTINGS(AKSU_X)
#undef AKSU_X
            },
    };
}

struct limit {
    uint32_t value, min, max;
    const char *text;
};

const char *aksu_config_check(const aksu_config *config) {
    if (config->struct_bytes != sizeof(aksu_config))
        return "struct_bytes is not this library's: call aksu_config_default";
    const struct limit limits[] = {
        {config->tcp_max, 1, 1u << 27, "tcp_max must be 1 to 2^27"},
        {config->listener_max, 1, 1u << 20, "listener_max must be 1 to 2^20"},
        {config->syn_cache_max, 1, 1u << 24, "syn_cache_max must be 1 to 2^24"},
        {config->time_wait_max, 1, 1u << 27, "time_wait_max must be 1 to 2^27"},
        {config->transfer_max, 1, 1u << 24, "transfer_max must be 1 to 2^24"},
        {config->block_bytes, 64, 65536, "block_bytes must be 64 to 65536"},
        {config->block_max, 1, 1u << 24, "block_max must be 1 to 2^24"},
        {config->record_max, 1, 1u << 24, "record_max must be 1 to 2^24"},
        {config->frame_max, 1, 1u << 20, "frame_max must be 1 to 2^20"},
        {config->reply_max, 1, 1u << 20, "reply_max must be 1 to 2^20"},
        {config->settings_max, 1, 65535, "settings_max must be 1 to 65535"},
        {config->udp_max, 1, 1u << 20, "udp_max must be 1 to 2^20"},
        {config->datagram_max, 1, 1u << 24, "datagram_max must be 1 to 2^24"},
        {config->link_max, 1, 255, "link_max must be 1 to 255"},
        {config->addr_max, 1, 65535, "addr_max must be 1 to 65535"},
        {config->route_max, 1, 65535, "route_max must be 1 to 65535"},
        {config->neighbour_max, 1, 1u << 20, "neighbour_max must be 1 to 2^20"},
        {config->held_max, 1, 1u << 20, "held_max must be 1 to 2^20"},
        {config->reassembly_max, 0, 65536, "reassembly_max must be 0 to 65536"},
        {config->reassembly_bytes, 0, 1u << 30, "reassembly_bytes must be 0 to 2^30"},
        {config->port_first, 1, 65535, "port_first must be 1 to 65535"},
        {config->port_last, config->port_first, 65535, "port_last must be port_first to 65535"},
        {config->fast_open_cache_max, 1, 1u << 20, "fast_open_cache_max must be 1 to 2^20"},
        {config->output_sync, 0, 1, "output_sync must be 0 or 1"},
        {config->syn_cookies, 0, AKSU_SYN_COOKIES_ALWAYS, "syn_cookies must be off, auto or always"},
        {config->rst_per_second, 0, 1000000, "rst_per_second must be 0 to 1000000"},
        {config->reset_on_overflow, 0, 1, "reset_on_overflow must be 0 or 1"},
    };
    for (uint32_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (limits[i].value < limits[i].min || limits[i].value > limits[i].max) return limits[i].text;
    }
    if ((config->block_bytes & (config->block_bytes - 1)) != 0) return "block_bytes must be a power of two";
    if (config->time_wait_us < 30000000 || config->time_wait_us > 240000000)
        return "time_wait_us must be 30 s to 240 s (2MSL)";
    if (config->reassembly_us < 1000000 || config->reassembly_us > 120000000)
        return "reassembly_us must be 1 s to 120 s";
    if (config->evict_shut_us != 0 && (config->evict_shut_us < 1000000 || config->evict_shut_us > 2000000000000))
        return "evict_shut_us must be 0 or 1 s to 2000000 s";
    if (ak_settings_check(&config->tcp) != AKSU_OK)
        return "a field of tcp is out of its range: see aksu_tcp_setting_info";
    return NULL;
}

/* ---------------------------------------------------------------- arena */

struct layout {
    size_t pool[AK_KIND_COUNT];
    size_t blocks, block_meta, flows, listeners, udp, replies, links, addrs, routes, ethers, neighbours, fast_open,
        fragments, end;
};

/* What each kind's objects are. */
struct kind {
    uint32_t limit, bytes, link_offset;
};

static struct kind kind_of(const aksu_config *config, enum ak_kind kind) {
    switch (kind) {
    case AK_KIND_TCB: return (struct kind){config->tcp_max, sizeof(struct ak_tcb), offsetof(struct ak_tcb, hash_next)};
    case AK_KIND_LISTENER:
        return (struct kind){config->listener_max, sizeof(struct ak_listener), offsetof(struct ak_listener, hash_next)};
    case AK_KIND_SYN:
        return (struct kind){config->syn_cache_max, sizeof(struct ak_syn), offsetof(struct ak_syn, hash_next)};
    case AK_KIND_TIME_WAIT:
        return (struct kind){config->time_wait_max, sizeof(struct ak_time_wait),
                             offsetof(struct ak_time_wait, hash_next)};
    case AK_KIND_FRAME:
        return (struct kind){config->frame_max, sizeof(struct ak_frame_slot),
                             offsetof(struct ak_frame_slot, next_free)};
    case AK_KIND_TRANSFER:
        return (struct kind){config->transfer_max, sizeof(struct ak_transfer), offsetof(struct ak_transfer, next_free)};
    case AK_KIND_RECORD:
        return (struct kind){config->record_max, sizeof(struct ak_record), offsetof(struct ak_record, next)};
    case AK_KIND_SETTINGS:
        return (struct kind){config->settings_max, sizeof(struct ak_settings), offsetof(struct ak_settings, next_free)};
    case AK_KIND_NEIGHBOUR:
        return (struct kind){config->neighbour_max, sizeof(struct ak_neighbour),
                             offsetof(struct ak_neighbour, hash_next)};
    case AK_KIND_HELD: return (struct kind){config->held_max, sizeof(struct ak_held), offsetof(struct ak_held, next)};
    case AK_KIND_UDP: return (struct kind){config->udp_max, sizeof(struct ak_udp), offsetof(struct ak_udp, hash_next)};
    case AK_KIND_DATAGRAM:
        return (struct kind){config->datagram_max, sizeof(struct ak_datagram), offsetof(struct ak_datagram, next)};
    case AK_KIND_RATE:
        return (struct kind){config->transfer_max, sizeof(struct ak_rate), offsetof(struct ak_rate, next_free)};
    case AK_KIND_SAMPLE:
        return (struct kind){config->record_max, sizeof(struct ak_sample), offsetof(struct ak_sample, next_free)};
    case AK_KIND_ACCECN:
        return (struct kind){config->tcp_max, sizeof(struct ak_accecn), offsetof(struct ak_accecn, next_free)};
    case AK_KIND_REASSEMBLY:
        return (struct kind){config->reassembly_max, sizeof(struct ak_reassembly),
                             offsetof(struct ak_reassembly, hash_next)};
    case AK_KIND_COUNT: break;
    }
    return (struct kind){0};
}

static size_t place(size_t *end, uint64_t bytes) {
    size_t at = (*end + 63) & ~(size_t)63;
    *end = at + (size_t)bytes;
    return at;
}

static uint32_t flow_max(const aksu_config *config) {
    return config->tcp_max + config->syn_cache_max + config->time_wait_max;
}

static struct layout lay_out(const aksu_config *config) {
    struct layout l = {.end = sizeof(struct aksu_stack)};
    l.links = place(&l.end, (uint64_t)(config->link_max + 1) * sizeof(struct ak_link_state));
    l.addrs = place(&l.end, (uint64_t)config->addr_max * sizeof(struct ak_addr_entry));
    l.routes = place(&l.end, (uint64_t)config->route_max * sizeof(struct ak_route_entry));
    l.ethers = place(&l.end, (uint64_t)config->link_max * sizeof(struct ak_ether));
    l.fast_open = place(&l.end, (uint64_t)config->fast_open_cache_max * sizeof(struct ak_fast_open_path));
    l.replies = place(&l.end, (uint64_t)config->reply_max * sizeof(struct ak_reply));
    l.listeners = place(&l.end, ak_table_bytes(config->listener_max));
    l.udp = place(&l.end, ak_table_bytes(config->udp_max));
    l.fragments = place(&l.end, ak_table_bytes(config->reassembly_max));
    for (int i = 0; i < AK_KIND_COUNT; i++) {
        struct kind kind = kind_of(config, (enum ak_kind)i);
        l.pool[i] = place(&l.end, (uint64_t)kind.limit * kind.bytes);
    }
    l.flows = place(&l.end, ak_table_bytes(flow_max(config)));
    l.neighbours = place(&l.end, ak_table_bytes(config->neighbour_max));
    l.block_meta = place(&l.end, (uint64_t)config->block_max * sizeof(struct ak_block_meta));
    l.blocks = place(&l.end, (uint64_t)config->block_max * config->block_bytes);
    l.end = (l.end + 63) & ~(size_t)63;
    return l;
}

size_t aksu_stack_bytes(const aksu_config *config) {
    return aksu_config_check(config) != NULL ? 0 : lay_out(config).end;
}

static const struct ak_ops ops = {
    .resolve = ak_net_resolve,
    .tcp_error = ak_tcp_icmp_error,
    .frame_returned = ak_tcp_frame_returned,
    .is_ours = ak_net_is_ours,
    .is_broadcast = ak_net_is_broadcast,
    .hop_ready = ak_tcp_hop_ready,
    .hop_failed = ak_tcp_hop_failed,
    .progress = ak_net_progress,
    .doubt = ak_net_doubt,
};

static void init_pools(struct ak_core *core, const struct layout *l) {
    char *base = (char *)core;
    for (int i = 0; i < AK_KIND_COUNT; i++) {
        struct kind kind = kind_of(&core->config, (enum ak_kind)i);
        ak_pool_init(&core->pool[i], base + l->pool[i], kind.bytes, kind.limit, kind.link_offset);
    }
    ak_blocks_init(&core->blocks, base + l->blocks, base + l->block_meta, core->config.block_bytes,
                   core->config.block_max);
}

static void see(struct ak_core *core, struct ak_lens *lens, enum ak_kind kind, size_t member_offset) {
    ak_lens_set(lens, (uint32_t)kind, ak_object(core, kind, 0), core->pool[kind].stride, member_offset);
}

static void init_lists(struct ak_core *core, const struct layout *l) {
    char *base = (char *)core;
    ak_wheel_init(&core->wheel, core->now_us);
    see(core, &core->wheel.node, AK_KIND_TCB, offsetof(struct ak_tcb, timer));
    see(core, &core->wheel.node, AK_KIND_SYN, offsetof(struct ak_syn, timer));
    ak_table_init(&core->flows, base + l->flows, flow_max(&core->config));
    see(core, &core->flows.next, AK_KIND_TCB, offsetof(struct ak_tcb, hash_next));
    see(core, &core->flows.next, AK_KIND_SYN, offsetof(struct ak_syn, hash_next));
    see(core, &core->flows.next, AK_KIND_TIME_WAIT, offsetof(struct ak_time_wait, hash_next));
    core->flow_hint = AK_NONE;
    ak_table_init(&core->listeners, base + l->listeners, core->config.listener_max);
    see(core, &core->listeners.next, AK_KIND_LISTENER, offsetof(struct ak_listener, hash_next));
    ak_table_init(&core->udp, base + l->udp, core->config.udp_max);
    see(core, &core->udp.next, AK_KIND_UDP, offsetof(struct ak_udp, hash_next));
    ak_list_init(&core->ready);
    see(core, &core->ready_lens, AK_KIND_UDP, offsetof(struct ak_udp, sock.ready));
    see(core, &core->ready_lens, AK_KIND_TCB, offsetof(struct ak_tcb, sock.ready));
    see(core, &core->ready_lens, AK_KIND_LISTENER, offsetof(struct ak_listener, sock.ready));
    ak_list_init(&core->output);
    see(core, &core->output_lens, AK_KIND_TCB, offsetof(struct ak_tcb, output));
    ak_list_init(&core->lent);
    see(core, &core->lent_lens, AK_KIND_FRAME, offsetof(struct ak_frame_slot, lent));
    ak_list_init(&core->time_wait);
    see(core, &core->time_wait_lens, AK_KIND_TIME_WAIT, offsetof(struct ak_time_wait, age));
    ak_list_init(&core->starving);
    see(core, &core->starving_lens, AK_KIND_TRANSFER, offsetof(struct ak_transfer, starving));
    ak_list_init(&core->holding);
    see(core, &core->holding_lens, AK_KIND_TRANSFER, offsetof(struct ak_transfer, holding));
    ak_list_init(&core->syn_age);
    see(core, &core->syn_age_lens, AK_KIND_SYN, offsetof(struct ak_syn, age));
}

static void init_net(struct aksu_stack *stack, const struct layout *l) {
    struct ak_core *core = &stack->core;
    struct ak_net *net = &stack->net;
    char *base = (char *)stack;
    core->net_at = (int64_t)offsetof(struct aksu_stack, net);
    net->addr_at = base + l->addrs - (char *)net;
    net->route_at = base + l->routes - (char *)net;
    net->ether_at = base + l->ethers - (char *)net;
    ak_wheel_node_init(&net->timer);
    ak_lens_set(&core->wheel.node, AK_CLASS_NET, net, 0, offsetof(struct ak_net, timer));
    see(core, &core->wheel.node, AK_KIND_NEIGHBOUR, offsetof(struct ak_neighbour, timer));
    ak_table_init(&net->neighbours, base + l->neighbours, core->config.neighbour_max);
    see(core, &net->neighbours.next, AK_KIND_NEIGHBOUR, offsetof(struct ak_neighbour, hash_next));
    ak_list_init(&net->unanswered);
    ak_list_init(&net->idle);
    ak_list_init(&net->active);
    see(core, &net->age_lens, AK_KIND_NEIGHBOUR, offsetof(struct ak_neighbour, age));
    see(core, &core->parked_lens, AK_KIND_NEIGHBOUR, offsetof(struct ak_neighbour, parked));
    see(core, &core->parked_lens, AK_KIND_TCB, offsetof(struct ak_tcb, output));
    ak_reassembly_init(core, base + l->fragments);
}

static void init_keys(struct ak_core *core) {
    for (uint32_t i = 0; i < AK_KEY_COUNT; i++) core->key[i] = ak_key_derive(core->config.entropy, i);
    static const uint8_t none[32] = {0};
    if (!ak_equal(core->config.fleet_key, none, sizeof none)) {
        core->fleet = true;
        core->key[AK_KEY_SYN_COOKIE] = ak_key_derive(core->config.fleet_key, AK_KEY_SYN_COOKIE);
        core->key[AK_KEY_FAST_OPEN] = ak_key_derive(core->config.fleet_key, AK_KEY_FAST_OPEN);
    }
    core->prng.key = core->key[AK_KEY_RANDOM];
    core->random_epoch_us = ak_prng_u64(&core->prng) >> 8;
    /* The derived keys are all that is needed: the secrets themselves are not kept. */
    ak_zero(core->config.entropy, sizeof core->config.entropy);
    ak_zero(core->config.fleet_key, sizeof core->config.fleet_key);
}

aksu_err aksu_stack_init(const aksu_config *config, void *mem, size_t mem_bytes, aksu_stack **ret_stack) {
    if (mem == NULL || ((uintptr_t)mem & 63) != 0 || aksu_config_check(config) != NULL) return AKSU_ERR_INVALID;
    struct layout l = lay_out(config);
    if (mem_bytes < l.end) return AKSU_ERR_INVALID;
    struct aksu_stack *stack = mem;
    struct ak_core *core = &stack->core;
    core->config = *config;
    core->host.ops = &ops;
    core->reply_at = (int64_t)l.replies;
    core->link_at = (int64_t)l.links;
    core->fast_open_at = (int64_t)l.fast_open;
    init_pools(core, &l);
    init_lists(core, &l);
    init_net(stack, &l);
    init_keys(core);
    *ak_link_state_at(core, ak_loop_link(core)) =
        (struct ak_link_state){.mtu = 65535,
                               .flags = AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4 | AKSU_LINK_TSO6 | AKSU_LINK_USO,
                               .tso_max_bytes = 65535,
                               .up = true};
    *ret_stack = stack;
    return AKSU_OK;
}

/* ---------------------------------------------------------------- copies */

static void copy_part(char *to, const char *from, size_t at, uint64_t bytes) {
    ak_copy(to + at, from + at, (size_t)bytes);
}

aksu_err aksu_stack_clone(const aksu_stack *stack, void *mem, size_t mem_bytes, aksu_stack **ret_stack) {
    const struct ak_core *core = &stack->core;
    struct layout l = lay_out(&core->config);
    if (mem == NULL || ((uintptr_t)mem & 63) != 0 || mem_bytes < l.end) return AKSU_ERR_INVALID;
    char *to = mem;
    const char *from = (const char *)stack;
    copy_part(to, from, 0, l.pool[0]); /* all that lies before the pools: small, and in use */
    for (int i = 0; i < AK_KIND_COUNT; i++)
        copy_part(to, from, l.pool[i], (uint64_t)core->pool[i].watermark * core->pool[i].stride);
    copy_part(to, from, l.flows, (uint64_t)core->flows.bucket_count * sizeof(uint32_t));
    copy_part(to, from, l.neighbours, (uint64_t)ak_net_of(core)->neighbours.bucket_count * sizeof(uint32_t));
    copy_part(to, from, l.block_meta, (uint64_t)core->blocks.pool.watermark * sizeof(struct ak_block_meta));
    copy_part(to, from, l.blocks, (uint64_t)core->blocks.pool.watermark * core->blocks.block_bytes);
    struct aksu_stack *copy = mem;
    copy->core.host = (struct ak_host){.ops = &ops};
    /* Frames lent by the original are the original's: the copy lends none. */
    for (uint32_t i = 0; i < copy->core.pool[AK_KIND_FRAME].watermark; i++) {
        const struct ak_frame_slot *slot = ak_object(&copy->core, AK_KIND_FRAME, i);
        if (slot->lent_now) ak_frame_done(&copy->core, slot->token);
    }
    *ret_stack = copy;
    return AKSU_OK;
}

/* ---------------------------------------------------------------- links, trace, counters */

static bool ether_config_valid(const aksu_link_config *config) {
    enum { VLAN_LAST = 4094, PROBES_MAX = 16 };
    static const aksu_link_config zero = {0};
    if (config->type == AKSU_LINK_IP)
        return config->vlan == 0 && ak_mac_equal(&config->mac, &zero.mac) && config->dad_probes == 0 &&
               config->autoconf == AKSU_AUTOCONF_OFF;
    return config->type == AKSU_LINK_ETHERNET && config->vlan <= VLAN_LAST && !ak_mac_is_group(&config->mac) &&
           !ak_mac_is_zero(&config->mac) && config->dad_probes <= PROBES_MAX &&
           config->autoconf <= AKSU_AUTOCONF_TEMPORARY;
}

aksu_err aksu_link_add(aksu_stack *stack, const aksu_link_config *config, uint16_t *ret_link) {
    struct ak_core *core = &stack->core;
    if (config->struct_bytes != sizeof *config || config->mtu < 576 || config->mtu > 65535) return AKSU_ERR_INVALID;
    if (config->tso_max_bytes > 65535 || !ether_config_valid(config)) return AKSU_ERR_INVALID;
    bool super = (config->flags & (AKSU_LINK_TSO4 | AKSU_LINK_TSO6 | AKSU_LINK_USO)) != 0;
    if (super && (config->flags & AKSU_LINK_TX_CHECKSUM) == 0) return AKSU_ERR_INVALID; /* cut segments need new sums */
    if (config->autoconf != AKSU_AUTOCONF_OFF && config->mtu < AK_IPV6_MTU_MIN) return AKSU_ERR_INVALID;
    if (core->link_count == core->config.link_max) return AKSU_ERR_NO_MEMORY;
    *ret_link = (uint16_t)core->link_count++;
    const bool ethernet = config->type == AKSU_LINK_ETHERNET;
    *ak_link_state_at(core, *ret_link) = (struct ak_link_state){.mtu = config->mtu,
                                                                .flags = config->flags,
                                                                .tso_max_bytes = config->tso_max_bytes,
                                                                .up = true,
                                                                .ethernet = ethernet};
    if (ethernet) ak_ether_begin(core, *ret_link, config);
    return AKSU_OK;
}

static aksu_err link_set(aksu_stack *stack, uint16_t link, bool up) {
    struct ak_core *core = &stack->core;
    if (link >= core->link_count) return AKSU_ERR_INVALID;
    bool was_up = ak_link_state_at(core, link)->up;
    ak_link_state_at(core, link)->up = up;
    if (ak_is_ether(core, link) && up && !was_up) ak_ether_up(core, link);
    if (ak_is_ether(core, link) && !up) ak_ether_down(core, link);
    if (!up) return AKSU_OK;
    /* What was held back goes: each connection looks for itself. */
    for (uint32_t i = 0; i < core->pool[AK_KIND_TCB].watermark; i++) {
        struct ak_tcb *t = ak_object(core, AK_KIND_TCB, i);
        bool open = (t->flags & AK_F_LIVE) && t->state != AK_TCP_CLOSED && t->state != AK_TCP_TIME_WAIT;
        if (open && t->link == link) ak_tcp_want_output(core, t);
    }
    return AKSU_OK;
}

aksu_err aksu_link_up(aksu_stack *stack, uint16_t link) {
    return link_set(stack, link, true);
}

aksu_err aksu_link_down(aksu_stack *stack, uint16_t link) {
    return link_set(stack, link, false);
}

aksu_err aksu_link_mtu(aksu_stack *stack, uint16_t link, uint32_t mtu) {
    struct ak_core *core = &stack->core;
    if (link >= core->link_count || mtu < 576 || mtu > 65535) return AKSU_ERR_INVALID;
    if (mtu < AK_IPV6_MTU_MIN && ak_net_has_six(core, link)) return AKSU_ERR_INVALID;
    uint32_t before = ak_link_state_at(core, link)->mtu;
    ak_link_state_at(core, link)->mtu = mtu;
    if (ak_is_ether(core, link)) ak_ether_of(core, link)->mtu6 = mtu;
    /* A path that is narrower than the link was, a router's word or a probe's, stays so. */
    for (uint32_t i = 0; i < core->pool[AK_KIND_TCB].watermark; i++) {
        struct ak_tcb *t = ak_object(core, AK_KIND_TCB, i);
        bool ours = (t->flags & AK_F_LIVE) && t->link == link;
        if (ours && (t->path_mtu == before || t->path_mtu > mtu)) t->path_mtu = (uint16_t)mtu;
    }
    return AKSU_OK;
}

void aksu_trace_set(aksu_stack *stack, aksu_trace_sink *sink, void *sink_user) {
    stack->core.host.sink = sink;
    stack->core.host.sink_user = sink_user;
}

void aksu_counters_get(const aksu_stack *stack, aksu_counters *ret_counters) {
    const struct ak_core *core = &stack->core;
    *ret_counters = core->counters;
    ret_counters->tcp_used = ak_pool_used(&core->pool[AK_KIND_TCB]);
    ret_counters->listener_used = ak_pool_used(&core->pool[AK_KIND_LISTENER]);
    ret_counters->syn_cache_used = ak_pool_used(&core->pool[AK_KIND_SYN]);
    ret_counters->time_wait_used = ak_pool_used(&core->pool[AK_KIND_TIME_WAIT]);
    ret_counters->transfer_used = ak_pool_used(&core->pool[AK_KIND_TRANSFER]);
    ret_counters->block_used = ak_pool_used(&core->blocks.pool);
    ret_counters->record_used = ak_pool_used(&core->pool[AK_KIND_RECORD]);
    ret_counters->neighbour_used = ak_pool_used(&core->pool[AK_KIND_NEIGHBOUR]);
    ret_counters->udp_used = ak_pool_used(&core->pool[AK_KIND_UDP]);
    ret_counters->datagram_used = ak_pool_used(&core->pool[AK_KIND_DATAGRAM]);
    ret_counters->reassembly_used = ak_pool_used(&core->pool[AK_KIND_REASSEMBLY]);
    ret_counters->reassembly_bytes = ak_net_of(core)->reassemblies.held_bytes;
    ret_counters->buffer_growth_bytes = core->buffer_growth_bytes;
    ret_counters->frame_used = ak_pool_used(&core->pool[AK_KIND_FRAME]);
}
