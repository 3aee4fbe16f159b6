/* Sockets, settings, replies and frame slots; see core.h. */
#include "core/core.h"

#include "base/check.h"

/* ---------------------------------------------------------------- sockets */

struct ak_sock *ak_sock_find_any(const struct ak_core *core, aksu_sock handle, ak_ref *ret_ref) {
    uint32_t kind = ak_ref_class(handle.slot);
    if (kind != AK_KIND_TCB && kind != AK_KIND_LISTENER && kind != AK_KIND_UDP) return NULL;
    if (ak_ref_index(handle.slot) >= core->pool[kind].watermark) return NULL;
    struct ak_sock *sock = ak_object(core, (enum ak_kind)kind, ak_ref_index(handle.slot));
    if (sock->generation != handle.generation || (sock->generation & 1) == 0) return NULL;
    *ret_ref = handle.slot;
    return sock;
}

struct ak_sock *ak_sock_find(const struct ak_core *core, aksu_sock handle, ak_ref *ret_ref) {
    return ak_ref_class(handle.slot) == AK_KIND_UDP ? NULL : ak_sock_find_any(core, handle, ret_ref);
}

void ak_sock_open(struct ak_core *core, struct ak_sock *sock, uint16_t settings, uint64_t user) {
    (void)core;
    ak_check((sock->generation & 1) == 0);
    sock->generation++;
    sock->settings = settings;
    sock->seen_bits = sock->pending_bits = 0;
    sock->user = user;
    ak_link_init(&sock->ready);
}

void ak_sock_release(struct ak_core *core, struct ak_sock *sock, ak_ref ref) {
    ak_check((sock->generation & 1) == 1);
    sock->generation++;
    if (sock->pending_bits != 0) ak_list_remove(&core->ready, &core->ready_lens, ref);
    sock->pending_bits = 0;
}

void ak_sock_tell(struct ak_core *core, struct ak_sock *sock, ak_ref ref, uint8_t bits) {
    bits = (uint8_t)(bits & ~sock->seen_bits);
    if (bits == 0 || (sock->generation & 1) == 0) return;
    sock->seen_bits |= bits;
    if (sock->pending_bits == 0) ak_list_push_back(&core->ready, &core->ready_lens, ref);
    sock->pending_bits |= bits;
}

/* ---------------------------------------------------------------- settings */

static bool in_range(uint64_t value, uint64_t min, uint64_t max) {
    return value >= min && value <= max;
}

aksu_err ak_settings_check(const aksu_tcp_settings *settings) {
#define AKSU_X(NAME, field, min, max, def, text)                                                                       \
    if (!in_range(settings->field, min, max)) return AKSU_ERR_OUT_OF_RANGE;
    AKSU_TCP_SETTINGS(AKSU_X)
#undef AKSU_X
    enum { LEAST_BUFFER = 256 };
    if (settings->rcv_buf_bytes != 0 && settings->rcv_buf_bytes < LEAST_BUFFER) return AKSU_ERR_OUT_OF_RANGE;
    if (settings->snd_buf_bytes != 0 && settings->snd_buf_bytes < LEAST_BUFFER) return AKSU_ERR_OUT_OF_RANGE;
    return AKSU_OK;
}

uint32_t ak_settings_take(struct ak_core *core, const aksu_tcp_settings *settings) {
    struct ak_pool *pool = &core->pool[AK_KIND_SETTINGS];
    for (uint32_t i = 0; i < pool->watermark; i++) { /* few sets: config.settings_max bounds it */
        struct ak_settings *set = ak_pool_at(pool, i);
        if (set->use_count > 0 && ak_equal(&set->tcp, settings, sizeof *settings)) {
            set->use_count++;
            return i;
        }
    }
    uint32_t index = ak_object_get(core, AK_KIND_SETTINGS);
    if (index == AK_NONE) return AK_NONE;
    struct ak_settings *set = ak_pool_at(pool, index);
    set->use_count = 1;
    set->tcp = *settings;
    return index;
}

void ak_settings_share(struct ak_core *core, uint32_t index) {
    ((struct ak_settings *)ak_object(core, AK_KIND_SETTINGS, index))->use_count++;
}

void ak_settings_drop(struct ak_core *core, uint32_t index) {
    struct ak_settings *set = ak_object(core, AK_KIND_SETTINGS, index);
    ak_check(set->use_count > 0);
    set->use_count--;
    if (set->use_count == 0) ak_pool_put(&core->pool[AK_KIND_SETTINGS], index);
}

/* ---------------------------------------------------------------- replies */

uint32_t ak_reply_bytes_max(const struct ak_core *core) {
    uint32_t blocks = ak_min_u32(AK_FRAME_BLOCK_MAX, core->blocks.block_bytes / 4);
    return ak_min_u32(blocks * core->blocks.block_bytes, UINT16_MAX);
}

static uint32_t blocks_for(const struct ak_core *core, uint32_t bytes) {
    return (bytes + core->blocks.block_bytes - 1) >> core->blocks.block_shift;
}

/* The block that lists several is one more. */
static uint32_t blocks_taken(const struct ak_core *core, uint32_t bytes) {
    uint32_t count = blocks_for(core, bytes);
    return count > 1 ? count + 1 : count;
}

bool ak_reply_room(const struct ak_core *core, uint32_t count, uint32_t bytes) {
    return core->config.reply_max - core->reply_count >= count && bytes <= ak_reply_bytes_max(core) &&
           ak_pool_free(&core->blocks.pool) >= (uint64_t)count * blocks_taken(core, bytes);
}

bool ak_reply_possible(const struct ak_core *core, uint32_t count, uint32_t bytes) {
    return core->config.reply_max >= count && bytes <= ak_reply_bytes_max(core) &&
           core->blocks.pool.limit >= (uint64_t)count * blocks_taken(core, bytes);
}

static uint32_t *reply_list(const struct ak_core *core, const struct ak_reply *reply) {
    return (uint32_t *)(void *)ak_block_at(&core->blocks, reply->block);
}

uint32_t ak_reply_block_count(const struct ak_core *core, const struct ak_reply *reply) {
    return blocks_for(core, reply->payload_bytes);
}

uint32_t ak_reply_block(const struct ak_core *core, const struct ak_reply *reply, uint32_t index) {
    return reply->listed ? reply_list(core, reply)[index] : reply->block;
}

void ak_reply_drop(struct ak_core *core, const struct ak_reply *reply) {
    uint32_t count = ak_reply_block_count(core, reply);
    for (uint32_t i = 0; i < count; i++) ak_block_put(&core->blocks, ak_reply_block(core, reply, i));
    if (reply->listed) ak_block_put(&core->blocks, reply->block);
}

struct ak_reply *ak_reply_new(struct ak_core *core, uint32_t payload_bytes) {
    if (!ak_reply_room(core, 1, payload_bytes)) {
        ak_drop_count(core, AKSU_DROP_REPLY_RING_FULL);
        return NULL;
    }
    struct ak_reply *reply = ak_reply_at(core, (core->reply_first + core->reply_count) % core->config.reply_max);
    core->reply_count++;
    reply->payload_bytes = payload_bytes;
    reply->framed = false;
    reply->segment_bytes = 0;
    uint32_t count = blocks_for(core, payload_bytes);
    reply->listed = count > 1;
    reply->block = count > 0 ? ak_block_get(&core->blocks) : AK_NONE;
    for (uint32_t i = 0; reply->listed && i < count; i++) reply_list(core, reply)[i] = ak_block_get(&core->blocks);
    return reply;
}

bool ak_reply_again(struct ak_core *core, const struct ak_reply *reply) {
    if (core->reply_count == core->config.reply_max) {
        ak_drop_count(core, AKSU_DROP_REPLY_RING_FULL);
        return false;
    }
    *ak_reply_at(core, (core->reply_first + core->reply_count) % core->config.reply_max) = *reply;
    core->reply_count++;
    return true;
}

/* Token buckets in time: a reply costs 1 s / rate, and a bucket holds one second's worth.  Which peers share a bucket
 * is keyed and changes about every second, and what a reply costs is drawn anew each time, so that it takes luck, and
 * not counting, to read from one's own replies what others are sent (CVE-2016-5696, CVE-2020-25705). */
bool ak_reply_allowed(struct ak_core *core, const aksu_addr *remote) {
    uint64_t rate = core->config.rst_per_second;
    if (rate == 0) return true;
    struct {
        aksu_addr remote;
        uint64_t epoch;
    } who = {.remote = *remote, .epoch = core->now_us >> 20};
    uint64_t *used_us =
        &core->reply_used_us[ak_siphash13(&core->key[AK_KEY_CHALLENGE], &who, sizeof who) % AK_REPLY_BUCKETS];
    uint64_t cost_us = 1000000 / rate; /* in the mean */
    cost_us = cost_us / 2 + ak_prng_below(&core->prng, (uint32_t)ak_min_u64(cost_us + 1, UINT32_MAX));
    if (*used_us < core->now_us) *used_us = core->now_us;
    if (*used_us + cost_us > core->now_us + 1000000) {
        ak_drop_count(core, AKSU_DROP_REPLY_RATE);
        return false;
    }
    *used_us += cost_us;
    return true;
}

/* ---------------------------------------------------------------- parking */

static struct ak_link *parked_at(const struct ak_core *core, ak_ref ref) {
    return ak_lens_at(&core->parked_lens, ref);
}

void ak_park_init(struct ak_core *core, ak_ref neighbour) {
    *parked_at(core, neighbour) = (struct ak_link){.next = neighbour, .prev = neighbour};
}

void ak_park(struct ak_core *core, ak_ref neighbour, ak_ref connection) {
    struct ak_link *head = parked_at(core, neighbour);
    struct ak_link *link = parked_at(core, connection);
    ak_check(!ak_link_linked(link));
    *link = (struct ak_link){.next = neighbour, .prev = head->prev};
    parked_at(core, head->prev)->next = connection;
    head->prev = connection;
}

void ak_unpark(struct ak_core *core, ak_ref connection) {
    struct ak_link *link = parked_at(core, connection);
    ak_check(ak_link_linked(link));
    parked_at(core, link->prev)->next = link->next;
    parked_at(core, link->next)->prev = link->prev;
    ak_link_init(link);
}

/* ---------------------------------------------------------------- frames */

struct ak_frame_slot *ak_frame_new(struct ak_core *core) {
    uint32_t index = ak_object_get(core, AK_KIND_FRAME);
    if (index == AK_NONE) return NULL;
    struct ak_frame_slot *slot = ak_object(core, AK_KIND_FRAME, index);
    slot->token = (((slot->token >> 20) + 1) << 20) | index;
    slot->block_count = 0;
    slot->owner = AK_NONE;
    slot->lent_now = true;
    if (core->config.output_sync) {
        ak_link_init(&slot->lent);
        ak_list_push_back(&core->lent, &core->lent_lens, ak_ref_of(AK_KIND_FRAME, index));
    }
    return slot;
}

void ak_frame_done(struct ak_core *core, uint32_t token) {
    uint32_t index = token & 0xfffff;
    struct ak_frame_slot *slot =
        index < core->pool[AK_KIND_FRAME].watermark ? ak_object(core, AK_KIND_FRAME, index) : NULL;
    if (slot == NULL || slot->token != token || !slot->lent_now) {
        core->counters.output_token_unknown++;
        return;
    }
    for (uint32_t i = 0; i < slot->block_count; i++) ak_block_unpin(&core->blocks, slot->block[i]);
    if (core->config.output_sync) ak_list_remove(&core->lent, &core->lent_lens, ak_ref_of(AK_KIND_FRAME, index));
    slot->lent_now = false;
    slot->token += 1u << 20; /* a token given back twice is unknown */
    ak_pool_put(&core->pool[AK_KIND_FRAME], index);
    if (slot->owner != AK_NONE) core->host.ops->frame_returned(core, slot->owner);
}

bool ak_frame_is_lent(struct ak_core *core, uint32_t token, ak_ref owner) {
    uint32_t index = token & 0xfffff;
    if (index >= core->pool[AK_KIND_FRAME].watermark) return false;
    struct ak_frame_slot *slot = ak_object(core, AK_KIND_FRAME, index);
    if (slot->token != token || !slot->lent_now) return false;
    slot->owner = owner;
    return true;
}

void ak_frame_fill(const struct ak_frame_slot *slot, uint32_t iov_count, aksu_frame *ret_frame) {
    uint32_t total_bytes = 0;
    for (uint32_t i = 0; i < iov_count; i++) total_bytes += (uint32_t)slot->iov[i].bytes;
    ret_frame->token = slot->token;
    ret_frame->iov = slot->iov;
    ret_frame->iov_count = iov_count;
    ret_frame->total_bytes = total_bytes;
}
