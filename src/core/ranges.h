/* Disjoint, non-adjacent ranges of sequence numbers, sorted: which bytes beyond RCV.NXT have come.  Binary search, one
 * move to insert.  They lie in buffer blocks, one more as they become many; AK_RANGE_BLOCKS bounds both memory and the
 * move.  All lie within 2^31 of each other. */
#ifndef AK_CORE_RANGES_H
#define AK_CORE_RANGES_H

#include "base/seq.h"
#include "core/blocks.h"

/* An overshoot of a slow start loses every other segment of a window: 4,096 ranges of blocks of 4 KiB are those of some
 * 12 MB. */
enum { AK_RANGE_BLOCKS = 8 };

struct ak_range {
    ak_seq left, right; /* [left, right) */
};

struct ak_ranges {
    uint32_t block[AK_RANGE_BLOCKS]; /* of struct ak_range[], the first block_count of them */
    uint32_t block_count;
    uint32_t count;
};

/* Makes room for one range more; false: there is none.  What touches a range that is there can be added all the same.
 */
bool ak_ranges_reserve(struct ak_ranges *r, struct ak_blocks *blocks);
struct ak_range ak_ranges_at(const struct ak_ranges *r, const struct ak_blocks *blocks, uint32_t index);
/* Adds a range, merging what it touches.  ret_new_bytes: bytes that were not there; ret_index: where it is now.  False,
 * and nothing changed, if there is no room for it.  An empty range changes nothing and has no place. */
bool ak_ranges_add(struct ak_ranges *r, struct ak_blocks *blocks, struct ak_range add, uint32_t *ret_new_bytes,
                   uint32_t *ret_index);
/* The first range that ends at or after seq; count if none. */
uint32_t ak_ranges_find(const struct ak_ranges *r, const struct ak_blocks *blocks, ak_seq seq);
/* Takes away everything before seq; answers the bytes taken away. */
uint32_t ak_ranges_trim(struct ak_ranges *r, struct ak_blocks *blocks, ak_seq seq);
/* Takes away all, and gives the blocks back. */
void ak_ranges_clear(struct ak_ranges *r, struct ak_blocks *blocks);
bool ak_ranges_check(const struct ak_ranges *r, const struct ak_blocks *blocks);

#endif
