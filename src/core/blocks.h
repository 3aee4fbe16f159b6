/* Buffer blocks: what send and receive queues are made of.
 *
 * A block belongs to one queue (owned) and may at the same time be lent to drivers (pins).  It is free when it is
 * neither: so a frame that a driver still holds stays valid whatever happens to its connection.  Nothing is ever
 * rewritten in a pinned byte. */
#ifndef AK_CORE_BLOCKS_H
#define AK_CORE_BLOCKS_H

#include "base/pool.h"

struct ak_block_meta {
    uint16_t pins;
    uint16_t owned;
};

struct ak_blocks {
    struct ak_pool pool;
    int64_t meta_at; /* struct ak_block_meta[limit], relative to this */
    uint32_t block_bytes;
    uint32_t block_shift; /* log2(block_bytes) */
    uint32_t fan_shift;   /* log2(block_bytes / 4): references in a map block */
};

void ak_blocks_init(struct ak_blocks *blocks, void *base, void *meta, uint32_t block_bytes, uint32_t block_max);
/* An owned block, or AK_NONE. */
uint32_t ak_block_get(struct ak_blocks *blocks);
/* Its owner lets go of it. */
void ak_block_put(struct ak_blocks *blocks, uint32_t block);
void ak_block_unpin(struct ak_blocks *blocks, uint32_t block);
bool ak_blocks_check(const struct ak_blocks *blocks);

static inline struct ak_block_meta *ak_block_meta(const struct ak_blocks *blocks, uint32_t block) {
    return (struct ak_block_meta *)(uintptr_t)((const char *)blocks + blocks->meta_at) + block;
}
static inline uint8_t *ak_block_at(const struct ak_blocks *blocks, uint32_t block) {
    return ak_pool_at(&blocks->pool, block);
}
static inline void ak_block_pin(struct ak_blocks *blocks, uint32_t block) {
    ak_block_meta(blocks, block)->pins++;
}

#endif
