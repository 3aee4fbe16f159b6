/* Numbers for random tests: the same on every machine for the same seed, which rand() does not promise. */
#ifndef TESTS_UNIT_RANDOM_H
#define TESTS_UNIT_RANDOM_H

#include <stdint.h>

static uint64_t random_state;

static inline void random_seed(uint64_t seed) {
    random_state = seed;
}

/* 0 to 2^31 - 1; splitmix64 (Steele, Lea, Flood 2014). */
static inline int random_int(void) {
    uint64_t x = random_state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (int)((x ^ x >> 31) >> 33);
}

#endif
