/* Datagrams that wait to be read: each in whole blocks, so that what a socket holds is what it is charged for.  An
 * empty one has no block and is charged for one: it takes its place among config.datagram_max.  The last eighth of the
 * blocks is not for datagrams: TCP's peers wait for theirs. */
#include "net/udp.h"

static uint32_t *list_of(const struct ak_core *core, const struct ak_datagram *d) {
    return (uint32_t *)(void *)ak_block_at(&core->blocks, d->block);
}

static uint32_t block_count(const struct ak_core *core, uint32_t bytes) {
    return (bytes + core->blocks.block_bytes - 1) >> core->blocks.block_shift;
}

static void blocks_put(struct ak_core *core, const struct ak_datagram *d) {
    if (d->block == AK_NONE) return;
    if (d->listed) {
        for (uint32_t i = 0; i < block_count(core, d->bytes); i++) ak_block_put(&core->blocks, list_of(core, d)[i]);
    }
    ak_block_put(&core->blocks, d->block);
}

/* Blocks for d->bytes; false: none were taken. */
static bool blocks_get(struct ak_core *core, struct ak_datagram *d) {
    uint32_t count = block_count(core, d->bytes), all = count > 1 ? count + 1 : count;
    const struct ak_pool *pool = &core->blocks.pool;
    d->block = AK_NONE;
    d->listed = count > 1;
    d->held_bytes = ak_max_u32(all, 1) * core->blocks.block_bytes;
    if (count > core->blocks.block_bytes / 4 || ak_pool_free(pool) < all + pool->limit / 8) return false;
    if (all > 0) d->block = ak_block_get(&core->blocks);
    for (uint32_t i = 0; d->listed && i < count; i++) list_of(core, d)[i] = ak_block_get(&core->blocks);
    return true;
}

uint8_t *ak_datagram_piece(const struct ak_core *core, const struct ak_datagram *d, uint32_t at, uint32_t *ret_room) {
    uint32_t within = at & (core->blocks.block_bytes - 1);
    uint32_t block = d->listed ? list_of(core, d)[at >> core->blocks.block_shift] : d->block;
    *ret_room = core->blocks.block_bytes - within;
    return ak_block_at(&core->blocks, block) + within;
}

static void fill(struct ak_core *core, const struct ak_datagram *d, const aksu_frame *frame, uint32_t skip) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < frame->iov_count && at < d->bytes; i++) {
        if (skip >= frame->iov[i].bytes) {
            skip -= (uint32_t)frame->iov[i].bytes;
            continue;
        }
        const uint8_t *from = (const uint8_t *)frame->iov[i].base + skip;
        uint32_t left = (uint32_t)ak_min_u64(frame->iov[i].bytes - skip, d->bytes - at);
        skip = 0;
        while (left > 0) {
            uint32_t room;
            uint8_t *to = ak_datagram_piece(core, d, at, &room);
            uint32_t bytes = ak_min_u32(room, left);
            ak_copy(to, from, bytes);
            from += bytes;
            at += bytes;
            left -= bytes;
        }
    }
}

bool ak_udp_queue(struct ak_core *core, struct ak_udp *u, const struct ak_packet *packet, uint32_t skip, uint32_t bytes,
                  const aksu_udp_from *from) {
    uint32_t index = ak_object_get(core, AK_KIND_DATAGRAM);
    if (index == AK_NONE) return false;
    struct ak_datagram *d = ak_datagram_at(core, index);
    *d = (struct ak_datagram){.next = AK_NONE, .bytes = bytes, .link = packet->frame->link, .from = *from};
    /* The first is always taken, however large. */
    bool room = u->first == AK_NONE || u->held_bytes < u->held_max;
    if (!room || !blocks_get(core, d)) {
        ak_pool_put(&core->pool[AK_KIND_DATAGRAM], index);
        return false;
    }
    fill(core, d, packet->frame, skip);
    if (u->first == AK_NONE)
        u->first = index;
    else
        ak_datagram_at(core, u->last)->next = index;
    u->last = index;
    u->held_bytes += d->held_bytes;
    return true;
}

void ak_udp_dequeue(struct ak_core *core, struct ak_udp *u, void *buf, size_t cap, size_t *ret_bytes,
                    aksu_udp_from *ret_from) {
    uint32_t index = u->first;
    const struct ak_datagram *d = ak_datagram_at(core, index);
    uint32_t wanted = (uint32_t)ak_min_u64(cap, d->bytes);
    for (uint32_t at = 0; at < wanted;) {
        uint32_t room;
        const uint8_t *from = ak_datagram_piece(core, d, at, &room);
        uint32_t bytes = ak_min_u32(room, wanted - at);
        ak_copy((uint8_t *)buf + at, from, bytes);
        at += bytes;
    }
    if (ret_bytes != NULL) *ret_bytes = d->bytes;
    if (ret_from != NULL) *ret_from = d->from;
    u->first = d->next;
    u->held_bytes -= d->held_bytes;
    blocks_put(core, d);
    ak_pool_put(&core->pool[AK_KIND_DATAGRAM], index);
}
