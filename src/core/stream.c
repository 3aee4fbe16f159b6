/* Bytes at their stream position; see stream.h. */
#include "core/stream.h"

#include "base/check.h"
#include "base/mem.h"

static uint32_t block_number(const struct ak_blocks *blocks, ak_seq position) {
    return position.n >> blocks->block_shift;
}

/* Block numbers live modulo 2^(32 - shift). */
static uint32_t number_diff(const struct ak_blocks *blocks, uint32_t from, uint32_t to) {
    return (to - from) & (0xffffffffu >> blocks->block_shift);
}

static uint32_t number_add(const struct ak_blocks *blocks, uint32_t number, uint32_t count) {
    return (number + count) & (0xffffffffu >> blocks->block_shift);
}

static uint32_t *map_slot(const struct ak_blocks *blocks, uint32_t map, uint32_t number, uint32_t level) {
    uint32_t mask = (1u << blocks->fan_shift) - 1;
    uint32_t shift = blocks->fan_shift * level;
    return (uint32_t *)(void *)ak_block_at(blocks, map) + ((shift < 32 ? number >> shift : 0) & mask);
}

static uint32_t map_get(struct ak_blocks *blocks) {
    uint32_t map = ak_block_get(blocks);
    if (map != AK_NONE) __builtin_memset(ak_block_at(blocks, map), 0xff, blocks->block_bytes);
    return map;
}

/* The slot that holds a block number's block; NULL where a map is missing and could not be, or was not to be, made. */
static uint32_t *find_slot(struct ak_stream *stream, struct ak_blocks *blocks, uint32_t number, bool make) {
    uint32_t *slot = &stream->root;
    for (uint32_t level = stream->height; level > 0; level--) {
        if (*slot == AK_NONE) {
            if (!make || (*slot = map_get(blocks)) == AK_NONE) return NULL;
        }
        slot = map_slot(blocks, *slot, number, level - 1);
    }
    return slot;
}

static uint64_t capacity(const struct ak_blocks *blocks, uint32_t height) {
    uint32_t bits = blocks->fan_shift * height;
    return 1ull << (bits < 32 ? bits : 32);
}

/* How many block numbers may be in use at once.  The last group of the ring stays empty: its map is the one that is
 * freed when the span leaves it behind, and the span's other end must not be in it already. */
static uint64_t span_max(const struct ak_blocks *blocks, uint32_t height) {
    return capacity(blocks, height) - (height < 2 ? 0 : capacity(blocks, height - 1));
}

/* Frees the maps on the way to a number, from the lowest up, as long as nothing else of them lies in the span. */
static void free_maps(struct ak_stream *stream, struct ak_blocks *blocks, uint32_t number) {
    for (uint32_t level = 1; level < stream->height; level++) {
        uint32_t group_mask = (uint32_t)(capacity(blocks, level) - 1);
        if ((number & group_mask) != group_mask) return;
        uint32_t *slot = &stream->root;
        for (uint32_t at = stream->height; at > level; at--) {
            if (*slot == AK_NONE) return;
            slot = map_slot(blocks, *slot, number, at - 1);
        }
        if (*slot != AK_NONE) ak_block_put(blocks, *slot);
        *slot = AK_NONE;
    }
}

static void free_all_maps(struct ak_stream *stream, struct ak_blocks *blocks, uint32_t span_blocks);

/* One level more, with every block in its new place.  False, and nothing changed, without memory. */
static bool grow(struct ak_stream *stream, struct ak_blocks *blocks) {
    struct ak_stream taller = {.root = AK_NONE, .first_block = stream->first_block, .height = stream->height + 1};
    for (uint32_t i = 0; i < stream->span_blocks; i++) {
        uint32_t *from = find_slot(stream, blocks, number_add(blocks, stream->first_block, i), /* make= */ false);
        if (from == NULL || *from == AK_NONE) continue;
        uint32_t *to = find_slot(&taller, blocks, number_add(blocks, stream->first_block, i), /* make= */ true);
        if (to == NULL) {
            free_all_maps(&taller, blocks, stream->span_blocks);
            return false;
        }
        *to = *from;
    }
    free_all_maps(stream, blocks, stream->span_blocks);
    stream->root = taller.root;
    stream->height = taller.height;
    return true;
}

/* Frees every map of a tree, and none of the data blocks. */
static void free_all_maps(struct ak_stream *stream, struct ak_blocks *blocks, uint32_t span_blocks) {
    for (uint32_t level = 1; level < stream->height; level++) {
        for (uint32_t i = 0; i < span_blocks; i++) {
            uint32_t *slot = &stream->root;
            for (uint32_t at = stream->height; at > level && *slot != AK_NONE; at--)
                slot = map_slot(blocks, *slot, number_add(blocks, stream->first_block, i), at - 1);
            if (*slot != AK_NONE) ak_block_put(blocks, *slot);
            *slot = AK_NONE;
        }
    }
    if (stream->height > 0 && stream->root != AK_NONE) ak_block_put(blocks, stream->root);
    stream->root = AK_NONE;
}

void ak_stream_init(struct ak_stream *stream, const struct ak_blocks *blocks, ak_seq position) {
    *stream = (struct ak_stream){.root = AK_NONE, .first_block = block_number(blocks, position)};
}

/* The block with a number inside the span; AK_NONE: a hole. */
static uint32_t block_of(const struct ak_stream *stream, const struct ak_blocks *blocks, uint32_t number) {
    uint32_t at = stream->root;
    for (uint32_t level = stream->height; level > 0 && at != AK_NONE; level--)
        at = *map_slot(blocks, at, number, level - 1);
    return at;
}

/* A block for a number that has none, ahead of the first; AK_NONE: no memory. */
static uint32_t take_block(struct ak_stream *stream, struct ak_blocks *blocks, uint32_t number, uint32_t ahead) {
    while (ahead >= span_max(blocks, stream->height)) {
        if (!grow(stream, blocks)) return AK_NONE;
    }
    /* All or nothing: a map that was made for a block that then cannot be had would lie outside the span. */
    if (ak_pool_free(&blocks->pool) <= stream->height) return AK_NONE;
    uint32_t *slot = find_slot(stream, blocks, number, /* make= */ true);
    ak_check(slot != NULL);
    *slot = ak_block_get(blocks);
    if (ahead >= stream->span_blocks) stream->span_blocks = ahead + 1;
    return *slot;
}

uint8_t *ak_stream_room(struct ak_stream *stream, struct ak_blocks *blocks, ak_seq position, uint32_t *ret_bytes) {
    uint32_t number = block_number(blocks, position);
    uint32_t ahead = number_diff(blocks, stream->first_block, number);
    uint32_t block = ahead < stream->span_blocks ? block_of(stream, blocks, number) : AK_NONE;
    if (block == AK_NONE) block = take_block(stream, blocks, number, ahead);
    if (block == AK_NONE) return NULL;
    uint32_t offset = position.n & (blocks->block_bytes - 1);
    *ret_bytes = blocks->block_bytes - offset;
    return ak_block_at(blocks, block) + offset;
}

const uint8_t *ak_stream_at(const struct ak_stream *stream, const struct ak_blocks *blocks, ak_seq position,
                            uint32_t *ret_bytes, uint32_t *ret_block) {
    uint32_t block = block_of(stream, blocks, block_number(blocks, position));
    ak_check(block != AK_NONE);
    uint32_t offset = position.n & (blocks->block_bytes - 1);
    *ret_bytes = blocks->block_bytes - offset;
    *ret_block = block;
    return ak_block_at(blocks, block) + offset;
}

void ak_stream_trim(struct ak_stream *stream, struct ak_blocks *blocks, ak_seq position) {
    uint32_t gone = number_diff(blocks, stream->first_block, block_number(blocks, position));
    if (gone == 0) return;
    uint32_t held = ak_min_u32(gone, stream->span_blocks);
    for (uint32_t i = 0; i < held; i++) {
        uint32_t number = number_add(blocks, stream->first_block, i);
        uint32_t *slot = find_slot(stream, blocks, number, /* make= */ false);
        if (slot != NULL && *slot != AK_NONE) {
            ak_block_put(blocks, *slot);
            *slot = AK_NONE;
        }
        free_maps(stream, blocks, number);
    }
    stream->span_blocks -= held;
    if (stream->span_blocks == 0) {
        /* the last group's maps hang off the last number */
        stream->first_block = number_add(blocks, stream->first_block, held - (held > 0 ? 1 : 0));
        free_all_maps(stream, blocks, 1);
        stream->first_block = block_number(blocks, position);
        stream->height = 0;
        return;
    }
    stream->first_block = number_add(blocks, stream->first_block, gone);
}

void ak_stream_cut(struct ak_stream *stream, struct ak_blocks *blocks, ak_seq position) {
    uint32_t offset = position.n & (blocks->block_bytes - 1);
    uint32_t keep = number_diff(blocks, stream->first_block, block_number(blocks, position)) + (offset != 0 ? 1 : 0);
    if (keep == 0) {
        ak_stream_clear(stream, blocks);
        return;
    }
    for (uint32_t i = keep; i < stream->span_blocks; i++) {
        uint32_t *slot = find_slot(stream, blocks, number_add(blocks, stream->first_block, i), /* make= */ false);
        if (slot == NULL || *slot == AK_NONE) continue;
        ak_block_put(blocks, *slot);
        *slot = AK_NONE;
    }
}

void ak_stream_clear(struct ak_stream *stream, struct ak_blocks *blocks) {
    for (uint32_t i = 0; i < stream->span_blocks; i++) {
        uint32_t *slot = find_slot(stream, blocks, number_add(blocks, stream->first_block, i), /* make= */ false);
        if (slot == NULL || *slot == AK_NONE) continue;
        ak_block_put(blocks, *slot);
        *slot = AK_NONE;
    }
    free_all_maps(stream, blocks, stream->span_blocks);
    stream->span_blocks = 0;
    stream->height = 0;
}
