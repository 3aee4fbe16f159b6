/* A sorted array of disjoint, non-adjacent ranges of sequence numbers: which bytes beyond RCV.NXT have come.  Binary
 * search, one move to insert; the owner's array bounds it.  All ranges lie within 2^31 of each other. */
#ifndef AK_BASE_RANGES_H
#define AK_BASE_RANGES_H

#include <stdbool.h>

#include "seq.h"

struct ak_range {
    ak_seq left, right; /* [left, right) */
};

/* Adds a range, merging what it touches.  ret_new_bytes: bytes that were not there; ret_index: where it is now.  False,
 * and nothing changed, if it would need more than cap ranges.  An empty range changes nothing and has no place. */
bool ak_ranges_add(struct ak_range *ranges, uint32_t *count, uint32_t cap, struct ak_range add, uint32_t *ret_new_bytes,
                   uint32_t *ret_index);
/* The first range that ends at or after seq; count if none. */
uint32_t ak_ranges_find(const struct ak_range *ranges, uint32_t count, ak_seq seq);
/* Takes away everything before seq; answers the bytes taken away. */
uint32_t ak_ranges_trim(struct ak_range *ranges, uint32_t *count, ak_seq seq);
bool ak_ranges_check(const struct ak_range *ranges, uint32_t count);

#endif
