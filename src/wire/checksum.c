/* The Internet checksum, RFC 1071.
 *
 * A ones' complement sum of 16-bit words is the sum modulo 2^16 - 1 with 0 only for all zeros, and neither the order of
 * the words nor the byte order of the machine matters (s2): so the words are read as they lie in memory, 8 bytes at a
 * time, and folded and swapped once at the end.
 *
 * Of 8-byte words x, two running numbers are kept: the sum S of x modulo 2^64 and the exact sum H of x >> 32.  The sum
 * of the low halves is S - 2^32 H, exactly, as it is below 2^64; so the sum of all halves is (S - 2^32 H) + H.  That is
 * two additions and a shift for 8 bytes, without a carry, and the compiler does it with whatever vectors it has.
 *
 * Invariant of ak_sum: acc is congruent, modulo 2^16 - 1, to the sum of everything added so far, as if it had begun on
 * an even byte; and 0 only if all of it was zero.  A piece that begins at an odd byte has its bytes in each other's
 * places, so its folded sum is swapped (s2 B). */
#include "checksum.h"

#include "base/mem.h"
#include "ip.h"

#define AK_INLINE   static inline __attribute__((always_inline))
#define LANES       2u
#define BLOCK_BYTES (4u * LANES * 8u)
#define PIECE_BYTES (UINT64_C(1) << 30) /* H of so many bytes is below 2^59 */

/* Two words side by side: gcc and clang make vector instructions of it where the machine has them. */
typedef uint64_t lanes __attribute__((vector_size(LANES * 8)));

struct partial {
    uint64_t all, high; /* S and H */
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

/* A 16-bit word of the packet, as memory would show it. */
AK_INLINE uint16_t as_memory(uint16_t x) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return x;
#else
    return swap16(x);
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

AK_INLINE void partial_add(struct partial *sum, uint64_t x) {
    sum->all += x;
    sum->high += x >> 32;
}

AK_INLINE uint64_t partial_total(const struct partial *sum) {
    return sum->all - (sum->high << 32) + sum->high;
}

AK_INLINE lanes lanes_load(const uint8_t *p) {
    lanes x;
    ak_copy(&x, p, sizeof x);
    return x;
}

/* Four streams, so that no addition waits for the one before; spelled out, so that -O2 keeps them in registers. */
struct streams {
    lanes all0, all1, all2, all3;
    lanes high0, high1, high2, high3;
};

struct block {
    lanes x0, x1, x2, x3;
};

AK_INLINE struct block block_load(const uint8_t *p) {
    return (struct block){
        .x0 = lanes_load(p),
        .x1 = lanes_load(p + sizeof(lanes)),
        .x2 = lanes_load(p + 2 * sizeof(lanes)),
        .x3 = lanes_load(p + 3 * sizeof(lanes)),
    };
}

AK_INLINE void block_add(struct streams *sum, const struct block *block) {
    sum->all0 += block->x0;
    sum->all1 += block->x1;
    sum->all2 += block->x2;
    sum->all3 += block->x3;
    sum->high0 += block->x0 >> 32;
    sum->high1 += block->x1 >> 32;
    sum->high2 += block->x2 >> 32;
    sum->high3 += block->x3 >> 32;
}

AK_INLINE uint64_t streams_total(const struct streams *sum) {
    const lanes all = sum->all0 + sum->all1 + sum->all2 + sum->all3;
    const lanes high = sum->high0 + sum->high1 + sum->high2 + sum->high3;
    return partial_total(&(struct partial){.all = all[0] + all[1], .high = high[0] + high[1]});
}

static uint64_t blocks_sum(const uint8_t *p, size_t bytes) {
    struct streams sum = {0};
    for (size_t at = 0; at < bytes; at += BLOCK_BYTES) {
        const struct block block = block_load(p + at);
        block_add(&sum, &block);
    }
    return streams_total(&sum);
}

/* Fewer bytes than a block. */
AK_INLINE void sum_tail(struct partial *sum, const uint8_t *p, size_t bytes) {
    for (; bytes >= 8; bytes -= 8, p += 8) partial_add(sum, load64(p));
    if (bytes & 4) {
        partial_add(sum, load32(p));
        p += 4;
    }
    if (bytes & 2) {
        uint16_t x;
        ak_copy(&x, p, sizeof x);
        partial_add(sum, x);
        p += 2;
    }
    if (bytes & 1) partial_add(sum, as_memory((uint16_t)(p[0] << 8)));
}

AK_INLINE void sum_piece(struct ak_sum *sum, uint64_t piece, size_t bytes) {
    add_word(&sum->acc, sum->odd ? swap16(fold(piece)) : piece);
    sum->odd ^= bytes & 1;
}

AK_INLINE size_t whole_blocks(size_t bytes) {
    return (bytes < PIECE_BYTES ? bytes : (size_t)PIECE_BYTES) & ~(size_t)(BLOCK_BYTES - 1);
}

void ak_sum_add(struct ak_sum *sum, const void *data, size_t bytes) {
    const uint8_t *p = data;
    while (bytes >= BLOCK_BYTES) {
        const size_t piece_bytes = whole_blocks(bytes);
        sum_piece(sum, blocks_sum(p, piece_bytes), piece_bytes);
        p += piece_bytes;
        bytes -= piece_bytes;
    }
    if (bytes > 0) {
        struct partial tail = {0};
        sum_tail(&tail, p, bytes);
        sum_piece(sum, partial_total(&tail), bytes);
    }
}

void ak_sum_pseudo(struct ak_sum *sum, const aksu_addr *src, const aksu_addr *dst, uint8_t protocol, uint32_t bytes) {
    uint64_t words = (uint64_t)as_memory(protocol) + as_memory((uint16_t)bytes) + as_memory((uint16_t)(bytes >> 16));
    words += load32(src->byte + 12) + load32(dst->byte + 12);
    if (!(ak_addr_is_v4(src) && ak_addr_is_v4(dst))) {
        for (unsigned i = 0; i < 12; i += 4) words += load32(src->byte + i) + load32(dst->byte + i);
    }
    sum_piece(sum, words, /* bytes= */ 0);
}

uint16_t ak_sum_fold(const struct ak_sum *sum) {
    return as_memory(fold(sum->acc));
}
