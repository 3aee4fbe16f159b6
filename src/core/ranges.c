/* Ranges of sequence numbers in a sorted array that lies in several blocks.
 *
 * Invariants: each range is not empty; each ends before the next begins, with a gap between (adjacent ranges are one);
 * the first left and the last right are less than 2^31 apart, which is what makes "sorted" mean something.  No more
 * than one block is held beyond those that ranges lie in.
 *
 * A range may hold any number of bytes; the blocks are as many as the cap, so a hostile peer buys no more. */
#include "core/ranges.h"

#include "base/check.h"
#include "base/mem.h"

static uint32_t each_block(const struct ak_blocks *blocks) {
    return blocks->block_bytes / (uint32_t)sizeof(struct ak_range); /* a power of two */
}

static struct ak_range *slot(const struct ak_ranges *r, const struct ak_blocks *blocks, uint32_t index) {
    uint32_t each = each_block(blocks);
    return (struct ak_range *)(void *)ak_block_at(blocks, r->block[index / each]) + (index & (each - 1));
}

struct ak_range ak_ranges_at(const struct ak_ranges *r, const struct ak_blocks *blocks, uint32_t index) {
    return *slot(r, blocks, index);
}

bool ak_ranges_reserve(struct ak_ranges *r, struct ak_blocks *blocks) {
    if (r->count < r->block_count * each_block(blocks)) return true;
    if (r->block_count == AK_RANGE_BLOCKS) return false;
    uint32_t block = ak_block_get(blocks);
    if (block == AK_NONE) return false;
    r->block[r->block_count++] = block;
    return true;
}

/* Gives back the blocks that are not needed any more; the one that the next range goes to stays. */
static void release(struct ak_ranges *r, struct ak_blocks *blocks) {
    uint32_t needed = r->count / each_block(blocks) + 1;
    while (r->block_count > needed) ak_block_put(blocks, r->block[--r->block_count]);
}

uint32_t ak_ranges_find(const struct ak_ranges *r, const struct ak_blocks *blocks, ak_seq seq) {
    uint32_t low = 0, high = r->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (ak_seq_lt(slot(r, blocks, middle)->right, seq)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* All from index on go one place up, the last block first. */
static void open_gap(struct ak_ranges *r, const struct ak_blocks *blocks, uint32_t index) {
    uint32_t each = each_block(blocks);
    for (uint32_t end = r->count; end > index;) {
        const uint32_t first = ak_max_u32(index, (end - 1) & ~(each - 1));
        *slot(r, blocks, end) = *slot(r, blocks, end - 1); /* it may be another block's */
        struct ak_range *at = slot(r, blocks, first);
        ak_move(at + 1, at, (end - 1 - first) * sizeof *at);
        end = first;
    }
    r->count++;
}

/* Takes count ranges away from index on. */
static void close_gap(struct ak_ranges *r, struct ak_blocks *blocks, uint32_t index, uint32_t count) {
    uint32_t each = each_block(blocks);
    if (count == 0) return;
    for (uint32_t from = index + count; from < r->count;) {
        const uint32_t left = ak_min_u32(each - (from & (each - 1)), each - (index & (each - 1)));
        const uint32_t part = ak_min_u32(left, r->count - from);
        ak_move(slot(r, blocks, index), slot(r, blocks, from), part * sizeof(struct ak_range));
        from += part;
        index += part;
    }
    r->count -= count;
    release(r, blocks);
}

bool ak_ranges_add(struct ak_ranges *r, struct ak_blocks *blocks, struct ak_range add, uint32_t *ret_new_bytes,
                   uint32_t *ret_index) {
    ak_check(ak_seq_le(add.left, add.right));
    const uint32_t first = ak_ranges_find(r, blocks, add.left);
    if (ak_seq_eq(add.left, add.right)) {
        *ret_new_bytes = 0;
        *ret_index = first;
        return true;
    }
    uint32_t new_bytes = ak_seq_bytes(add.left, add.right);
    uint32_t end = first; /* one past the last range that add touches */
    for (; end < r->count; end++) {
        const struct ak_range touched = ak_ranges_at(r, blocks, end);
        if (ak_seq_gt(touched.left, add.right)) break;
        new_bytes -= ak_seq_bytes(ak_seq_max(touched.left, add.left), ak_seq_min(touched.right, add.right));
    }
    if (end == first) {
        if (r->count >= r->block_count * each_block(blocks)) return false;
        open_gap(r, blocks, first);
        *slot(r, blocks, first) = add;
    } else {
        const ak_seq right = ak_seq_max(ak_ranges_at(r, blocks, end - 1).right, add.right);
        struct ak_range *at = slot(r, blocks, first);
        *at = (struct ak_range){.left = ak_seq_min(at->left, add.left), .right = right};
        close_gap(r, blocks, first + 1, end - first - 1);
    }
    *ret_new_bytes = new_bytes;
    *ret_index = first;
    return true;
}

uint32_t ak_ranges_trim(struct ak_ranges *r, struct ak_blocks *blocks, ak_seq seq) {
    uint32_t gone_bytes = 0;
    uint32_t gone = 0;
    for (; gone < r->count; gone++) {
        const struct ak_range range = ak_ranges_at(r, blocks, gone);
        if (ak_seq_gt(range.right, seq)) break;
        gone_bytes += ak_seq_bytes(range.left, range.right);
    }
    close_gap(r, blocks, 0, gone);
    if (r->count > 0 && ak_seq_lt(slot(r, blocks, 0)->left, seq)) {
        gone_bytes += ak_seq_bytes(slot(r, blocks, 0)->left, seq);
        slot(r, blocks, 0)->left = seq;
    }
    return gone_bytes;
}

void ak_ranges_clear(struct ak_ranges *r, struct ak_blocks *blocks) {
    while (r->block_count > 0) ak_block_put(blocks, r->block[--r->block_count]);
    r->count = 0;
}

bool ak_ranges_check(const struct ak_ranges *r, const struct ak_blocks *blocks) {
    if (r->count > r->block_count * each_block(blocks)) return false;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct ak_range range = ak_ranges_at(r, blocks, i);
        if (!ak_seq_lt(range.left, range.right)) return false;
        if (i > 0 && !ak_seq_lt(ak_ranges_at(r, blocks, i - 1).right, range.left)) return false;
        if (ak_seq_bytes(ak_ranges_at(r, blocks, 0).left, range.right) >= 1u << 31) return false;
    }
    return true;
}
