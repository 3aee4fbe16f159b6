/* The Internet checksum, RFC 1071.
 *
 * A ones' complement sum of 16-bit words is the sum modulo 2^16 - 1 with 0 only for all zeros, and neither the order of
 * the words nor the byte order of the machine matters (s2): so the words are read as they lie in memory, 8 bytes at a
 * time, and folded and swapped once at the end.
 *
 * A carry out of a sum of 8-byte words is worth 2^64, which is 1 modulo 2^16 - 1: carries are counted, and added at the
 * end.  That is two instructions for 8 bytes on most machines.
 *
 * Invariant of ak_sum: acc is congruent, modulo 2^16 - 1, to the sum of everything added so far, as if it had begun on
 * an even byte; and 0 only if all of it was zero.  A piece that begins at an odd byte has its bytes in each other's
 * places, so its folded sum is swapped (s2 B). */
#include "checksum.h"

#include "base/mem.h"

#define AK_INLINE static inline __attribute__((always_inline))

/* A sum of 8-byte words, and how often it has passed 2^64. */
struct words {
    uint64_t sum, carries;
};

AK_INLINE uint64_t load64(const uint8_t *p) {
    uint64_t x;
    ak_copy(&x, p, sizeof x);
    return x;
}

AK_INLINE uint64_t load32(const uint8_t *p) {
    uint32_t x;
    ak_copy(&x, p, sizeof x);
    return x;
}

AK_INLINE uint16_t swap16(uint16_t x) {
    return (uint16_t)(x << 8 | x >> 8);
}

/* A word of the packet, as memory would show it. */
AK_INLINE uint16_t as_memory(uint16_t x) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return x;
#else
    return swap16(x);
#endif
}

AK_INLINE uint32_t as_memory32(uint32_t x) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return x;
#else
    return __builtin_bswap32(x);
#endif
}

AK_INLINE uint16_t fold(uint64_t x) {
    x = (x & 0xffffffff) + (x >> 32);
    x = (x & 0xffff) + (x >> 16 & 0xffff) + (x >> 32);
    x = (x & 0xffff) + (x >> 16);
    x = (x & 0xffff) + (x >> 16);
    return (uint16_t)x;
}

/* acc + x with the carry carried round, so that any number of pieces may follow each other. */
AK_INLINE void add_word(uint64_t *acc, uint64_t x) {
    *acc += x;
    *acc += *acc < x;
}

AK_INLINE void words_add(struct words *words, uint64_t x) {
    words->sum += x;
    words->carries += words->sum < x;
}

AK_INLINE uint64_t words_total(const struct words *words) {
    uint64_t total = words->sum;
    add_word(&total, words->carries);
    return total;
}

/* Fewer bytes than a word. */
AK_INLINE uint64_t last_word(const uint8_t *p, size_t bytes) {
    uint64_t sum = 0;
    if (bytes & 4) {
        sum = load32(p);
        p += 4;
    }
    if (bytes & 2) {
        uint16_t x;
        ak_copy(&x, p, sizeof x);
        sum += x;
        p += 2;
    }
    if (bytes & 1) sum += as_memory((uint16_t)(p[0] << 8));
    return sum;
}

/* Of what begins at an even byte.  Two sums side by side: no addition waits for the one before. */
AK_INLINE uint64_t sum_bytes(const uint8_t *p, size_t bytes) {
    struct words a = {0}, b = {0};
    for (; bytes >= 64; bytes -= 64, p += 64) {
        words_add(&a, load64(p));
        words_add(&b, load64(p + 8));
        words_add(&a, load64(p + 16));
        words_add(&b, load64(p + 24));
        words_add(&a, load64(p + 32));
        words_add(&b, load64(p + 40));
        words_add(&a, load64(p + 48));
        words_add(&b, load64(p + 56));
    }
    for (; bytes >= 8; bytes -= 8, p += 8) words_add(&a, load64(p));
    words_add(&a, b.sum);
    words_add(&a, last_word(p, bytes));
    a.carries += b.carries;
    return words_total(&a);
}

void ak_sum_add(struct ak_sum *sum, const void *data, size_t bytes) {
    const uint64_t more = sum_bytes(data, bytes);
    add_word(&sum->acc, sum->odd ? swap16(fold(more)) : more);
    sum->odd ^= bytes & 1;
}

/* An IPv4 address's prefix ::ffff adds 2^16 - 1, which is nothing: both families are summed alike.  So is the order of
 * 16-bit words: protocol and length are added as numbers. */
void ak_sum_pseudo(struct ak_sum *sum, const aksu_addr *src, const aksu_addr *dst, uint8_t protocol, uint32_t bytes) {
    struct words words = {.sum = as_memory32(protocol + bytes)};
    words_add(&words, load64(src->byte));
    words_add(&words, load64(src->byte + 8));
    words_add(&words, load64(dst->byte));
    words_add(&words, load64(dst->byte + 8));
    const uint64_t total = words_total(&words);
    add_word(&sum->acc, sum->odd ? swap16(fold(total)) : total);
}

uint16_t ak_sum_fold(const struct ak_sum *sum) {
    return as_memory(fold(sum->acc));
}
