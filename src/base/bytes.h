/* Bytes to numbers and back, in network order, and a cursor that cannot run past its end.
 *
 * A cursor latches its first failure: read what is expected, then ask ak_cur_ok once.  A failed read gives 0. */
#ifndef AK_BASE_BYTES_H
#define AK_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t ak_be16(const uint8_t *p) {
    return (uint16_t)((p[0] << 8) | p[1]);
}
static inline uint32_t ak_be32(const uint8_t *p) {
    return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}
static inline void ak_put16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void ak_put32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

struct ak_cur {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct ak_cur ak_cur(const uint8_t *at, size_t bytes) {
    return (struct ak_cur){.at = at, .end = at + bytes};
}
static inline size_t ak_cur_left(const struct ak_cur *c) {
    return (size_t)(c->end - c->at);
}
static inline bool ak_cur_ok(const struct ak_cur *c) {
    return !c->failed;
}
/* The next bytes, or NULL (and the cursor has failed). */
static inline const uint8_t *ak_cur_take(struct ak_cur *c, size_t bytes) {
    const uint8_t *p = c->at;
    if (c->failed || bytes > ak_cur_left(c)) {
        c->failed = true;
        return NULL;
    }
    c->at += bytes;
    return p;
}
static inline uint8_t ak_rd_u8(struct ak_cur *c) {
    const uint8_t *p = ak_cur_take(c, 1);
    return p ? *p : 0;
}
static inline uint16_t ak_rd_be16(struct ak_cur *c) {
    const uint8_t *p = ak_cur_take(c, 2);
    return p ? ak_be16(p) : 0;
}
static inline uint32_t ak_rd_be32(struct ak_cur *c) {
    const uint8_t *p = ak_cur_take(c, 4);
    return p ? ak_be32(p) : 0;
}

#endif
