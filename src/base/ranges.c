/* Ranges of sequence numbers in a sorted array.
 *
 * Invariants: each range is not empty; each ends before the next begins, with a gap between (adjacent ranges are one);
 * the first left and the last right are less than 2^31 apart, which is what makes "sorted" mean something.
 *
 * A range may hold any number of bytes; the array is as long as its owner's cap, so a hostile peer buys no more. */
#include "ranges.h"

#include "check.h"
#include "mem.h"

uint32_t ak_ranges_find(const struct ak_range *ranges, uint32_t count, ak_seq seq) {
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (ak_seq_lt(ranges[middle].right, seq)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool ak_ranges_add(struct ak_range *ranges, uint32_t *count, uint32_t cap, struct ak_range add, uint32_t *ret_new_bytes,
                   uint32_t *ret_index) {
    ak_check(ak_seq_le(add.left, add.right));
    const uint32_t first = ak_ranges_find(ranges, *count, add.left);
    if (ak_seq_eq(add.left, add.right)) {
        *ret_new_bytes = 0;
        *ret_index = first;
        return true;
    }
    uint32_t new_bytes = ak_seq_bytes(add.left, add.right);
    uint32_t end = first; /* one past the last range that add touches */
    for (; end < *count && ak_seq_le(ranges[end].left, add.right); end++) {
        const ak_seq left = ak_seq_max(ranges[end].left, add.left);
        const ak_seq right = ak_seq_min(ranges[end].right, add.right);
        new_bytes -= ak_seq_bytes(left, right);
    }
    if (end == first) {
        if (*count >= cap) return false;
        if (first < *count) ak_move(&ranges[first + 1], &ranges[first], (*count - first) * sizeof *ranges);
        ranges[first] = add;
        *count += 1;
    } else {
        ranges[first].left = ak_seq_min(ranges[first].left, add.left);
        ranges[first].right = ak_seq_max(ranges[end - 1].right, add.right);
        if (end < *count) ak_move(&ranges[first + 1], &ranges[end], (*count - end) * sizeof *ranges);
        *count -= end - first - 1;
    }
    *ret_new_bytes = new_bytes;
    *ret_index = first;
    return true;
}

uint32_t ak_ranges_trim(struct ak_range *ranges, uint32_t *count, ak_seq seq) {
    uint32_t gone_bytes = 0;
    uint32_t gone = 0;
    for (; gone < *count && ak_seq_le(ranges[gone].right, seq); gone++) {
        gone_bytes += ak_seq_bytes(ranges[gone].left, ranges[gone].right);
    }
    if (gone > 0) {
        *count -= gone;
        if (*count > 0) ak_move(ranges, &ranges[gone], *count * sizeof *ranges);
    }
    if (*count > 0 && ak_seq_lt(ranges[0].left, seq)) {
        gone_bytes += ak_seq_bytes(ranges[0].left, seq);
        ranges[0].left = seq;
    }
    return gone_bytes;
}

bool ak_ranges_check(const struct ak_range *ranges, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (!ak_seq_lt(ranges[i].left, ranges[i].right)) return false;
        if (i > 0 && !ak_seq_lt(ranges[i - 1].right, ranges[i].left)) return false;
        if (ak_seq_bytes(ranges[0].left, ranges[i].right) >= 1u << 31) return false;
    }
    return true;
}
