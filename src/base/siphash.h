/* SipHash (Aumasson, Bernstein 2012): a keyed hash of short input.  2-4 for what an outsider sees or guesses at (ISN,
 * cookies, ports), 1-3 for tables. */
#ifndef AK_BASE_SIPHASH_H
#define AK_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct ak_key {
    uint64_t k0, k1;
};

uint64_t ak_siphash24(const struct ak_key *key, const void *data, size_t bytes);
uint64_t ak_siphash13(const struct ak_key *key, const void *data, size_t bytes);

/* The key number `use` derived from 32 secret bytes: different uses, unrelated keys. */
struct ak_key ak_key_derive(const uint8_t secret[32], uint32_t use);

#endif
