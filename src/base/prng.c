/* SipHash-2-4 in counter mode.  The key never changes, so a stream is as long as its 64-bit counter and repeats exactly
 * for the same key; it is not forward-secret: who learns the key knows the past numbers too. */
#include "prng.h"

#include "check.h"

uint64_t ak_prng_u64(struct ak_prng *prng) {
    const uint64_t n = prng->counter++;
    uint8_t block[8];
    for (unsigned i = 0; i < 8; i++) block[i] = (uint8_t)(n >> 8 * i);
    return ak_siphash24(&prng->key, block, sizeof block);
}

/* Multiply instead of divide: x * limit / 2^32 for a 32-bit x.  Some results have one x more than others; drawing again
 * when the low word is below 2^32 mod limit takes the surplus away.  That happens less than once in two draws. */
uint32_t ak_prng_below(struct ak_prng *prng, uint32_t limit) {
    ak_check(limit > 0);
    const uint32_t surplus = (uint32_t)-limit % limit;
    for (;;) {
        const uint64_t product = (ak_prng_u64(prng) >> 32) * limit;
        if ((uint32_t)product >= surplus) return (uint32_t)(product >> 32);
    }
}
