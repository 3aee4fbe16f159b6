/* Sequence numbers, RFC 9293 s3.4: a type of their own, so that a < b does not compile.  All arithmetic is modulo 2^32;
 * an order exists between numbers less than 2^31 apart. */
#ifndef AK_BASE_SEQ_H
#define AK_BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ak_seq {
    uint32_t n;
} ak_seq;

static inline ak_seq ak_seq_of(uint32_t n) {
    return (ak_seq){n};
}
static inline ak_seq ak_seq_add(ak_seq a, uint32_t bytes) {
    return (ak_seq){a.n + bytes};
}
static inline ak_seq ak_seq_sub(ak_seq a, uint32_t bytes) {
    return (ak_seq){a.n - bytes};
}
/* Bytes from a to b, b not before a. */
static inline uint32_t ak_seq_bytes(ak_seq a, ak_seq b) {
    return b.n - a.n;
}
static inline bool ak_seq_eq(ak_seq a, ak_seq b) {
    return a.n == b.n;
}
static inline bool ak_seq_lt(ak_seq a, ak_seq b) {
    return (int32_t)(a.n - b.n) < 0;
}
static inline bool ak_seq_le(ak_seq a, ak_seq b) {
    return (int32_t)(a.n - b.n) <= 0;
}
static inline bool ak_seq_gt(ak_seq a, ak_seq b) {
    return (int32_t)(a.n - b.n) > 0;
}
static inline bool ak_seq_ge(ak_seq a, ak_seq b) {
    return (int32_t)(a.n - b.n) >= 0;
}
/* left <= v < left + bytes */
static inline bool ak_seq_in(ak_seq v, ak_seq left, uint32_t bytes) {
    return v.n - left.n < bytes;
}
static inline ak_seq ak_seq_max(ak_seq a, ak_seq b) {
    return ak_seq_lt(a, b) ? b : a;
}
static inline ak_seq ak_seq_min(ak_seq a, ak_seq b) {
    return ak_seq_lt(a, b) ? a : b;
}

#endif
