/* Unpredictable numbers: SipHash-2-4 of a counter under a key of its own.  Deterministic given the key. */
#ifndef AK_BASE_PRNG_H
#define AK_BASE_PRNG_H

#include "siphash.h"

struct ak_prng {
    struct ak_key key;
    uint64_t counter;
};

uint64_t ak_prng_u64(struct ak_prng *prng);
/* Uniform in [0, limit), limit > 0. */
uint32_t ak_prng_below(struct ak_prng *prng, uint32_t limit);

#endif
