/* Buffer blocks; see blocks.h. */
#include "core/blocks.h"

#include "base/check.h"

void ak_blocks_init(struct ak_blocks *blocks, void *base, void *meta, uint32_t block_bytes, uint32_t block_max) {
    ak_check((block_bytes & (block_bytes - 1)) == 0);
    ak_pool_init(&blocks->pool, base, block_bytes, block_max, 0);
    blocks->meta_at = (char *)meta - (char *)blocks;
    blocks->block_bytes = block_bytes;
    blocks->block_shift = (uint32_t)__builtin_ctz(block_bytes);
    blocks->fan_shift = blocks->block_shift - 2;
}

uint32_t ak_block_get(struct ak_blocks *blocks) {
    uint32_t block = ak_pool_get(&blocks->pool);
    if (block != AK_NONE) *ak_block_meta(blocks, block) = (struct ak_block_meta){.pins = 0, .owned = 1};
    return block;
}

void ak_block_put(struct ak_blocks *blocks, uint32_t block) {
    struct ak_block_meta *meta = ak_block_meta(blocks, block);
    ak_check(meta->owned == 1);
    meta->owned = 0;
    if (meta->pins == 0) ak_pool_put(&blocks->pool, block);
}

void ak_block_unpin(struct ak_blocks *blocks, uint32_t block) {
    struct ak_block_meta *meta = ak_block_meta(blocks, block);
    ak_check(meta->pins > 0);
    meta->pins--;
    if (meta->pins == 0 && meta->owned == 0) ak_pool_put(&blocks->pool, block);
}

bool ak_blocks_check(const struct ak_blocks *blocks) {
    uint32_t held_count = 0;
    for (uint32_t i = 0; i < blocks->pool.watermark; i++) {
        const struct ak_block_meta *meta = ak_block_meta(blocks, i);
        if (meta->owned > 1) return false;
        if (meta->owned || meta->pins) held_count++;
    }
    return held_count == ak_pool_used(&blocks->pool) && ak_pool_check(&blocks->pool);
}
