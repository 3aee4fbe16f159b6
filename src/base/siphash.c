/* SipHash-c-d after the paper "SipHash: a fast short-input PRF" (Aumasson, Bernstein 2012), section 2.
 *
 * One inline body serves both variants; with constant round counts the compiler unrolls each.  Words are read in little
 * endian, whatever the machine.  Nothing here is secret-dependent in time: no branches or lookups on data, only on its
 * size. */
#include "siphash.h"

#include "mem.h"

#define AK_INLINE static inline __attribute__((always_inline))

struct sip {
    uint64_t v0, v1, v2, v3;
};

AK_INLINE uint64_t rotl(uint64_t x, unsigned bits) {
    return x << bits | x >> (64 - bits);
}

AK_INLINE uint64_t from_le64(uint64_t x) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(x);
#else
    return x;
#endif
}

AK_INLINE uint64_t load64(const uint8_t *p) {
    uint64_t x;
    ak_copy(&x, p, sizeof x);
    return from_le64(x);
}

AK_INLINE void sip_rounds(struct sip *s, unsigned rounds) {
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotl(s->v1, 13) ^ s->v0;
        s->v3 = rotl(s->v3, 16) ^ s->v2;
        s->v0 = rotl(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotl(s->v1, 17) ^ s->v2;
        s->v3 = rotl(s->v3, 21) ^ s->v0;
        s->v2 = rotl(s->v2, 32);
    }
}

/* The last word: the size modulo 256 on top, the last 0 to 7 bytes below. */
AK_INLINE uint64_t sip_last(const uint8_t *p, size_t bytes) {
    uint64_t last = (uint64_t)(bytes & 0xff) << 56;
    unsigned shift = 0;
    if (bytes & 4) {
        last |= (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
        p += 4;
        shift = 32;
    }
    if (bytes & 2) {
        last |= ((uint64_t)p[0] | (uint64_t)p[1] << 8) << shift;
        p += 2;
        shift += 16;
    }
    if (bytes & 1) last |= (uint64_t)p[0] << shift;
    return last;
}

AK_INLINE uint64_t sip_hash(const struct ak_key *key, const uint8_t *p, size_t bytes, unsigned c, unsigned d) {
    struct sip s = {
        .v0 = key->k0 ^ 0x736f6d6570736575u,
        .v1 = key->k1 ^ 0x646f72616e646f6du,
        .v2 = key->k0 ^ 0x6c7967656e657261u,
        .v3 = key->k1 ^ 0x7465646279746573u,
    };
    uint64_t m;
    for (size_t words = bytes / 8; words > 0; words--, p += 8) {
        m = load64(p);
        s.v3 ^= m;
        sip_rounds(&s, c);
        s.v0 ^= m;
    }
    m = sip_last(p, bytes);
    s.v3 ^= m;
    sip_rounds(&s, c);
    s.v0 ^= m;
    s.v2 ^= 0xff;
    sip_rounds(&s, d);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t ak_siphash24(const struct ak_key *key, const void *data, size_t bytes) {
    return sip_hash(key, data, bytes, 2, 4);
}

uint64_t ak_siphash13(const struct ak_key *key, const void *data, size_t bytes) {
    return sip_hash(key, data, bytes, 1, 3);
}

/* One half of the key: the first 16 secret bytes key a hash of the label, the last 16 one of the label and that hash.
 * (Nested, not combined by XOR, which would give 0 for a secret of two equal halves.) */
static uint64_t derive_half(const uint8_t secret[32], uint32_t use, uint8_t half) {
    const struct ak_key first = {.k0 = load64(secret), .k1 = load64(secret + 8)};
    const struct ak_key last = {.k0 = load64(secret + 16), .k1 = load64(secret + 24)};
    uint8_t message[16] = {(uint8_t)use, (uint8_t)(use >> 8), (uint8_t)(use >> 16), (uint8_t)(use >> 24), half};
    const uint64_t inner = ak_siphash24(&first, message, 8);
    for (unsigned i = 0; i < 8; i++) message[8 + i] = (uint8_t)(inner >> 8 * i);
    return ak_siphash24(&last, message, sizeof message);
}

struct ak_key ak_key_derive(const uint8_t secret[32], uint32_t use) {
    return (struct ak_key){.k0 = derive_half(secret, use, 0), .k1 = derive_half(secret, use, 1)};
}
