/* A pool of equal objects in the arena: a watermark first, so that untouched objects cost no memory, then a LIFO free
 * list. The free list's link takes the place of 4 bytes at link_offset of a free object; the other bytes of a free
 * object stay (a socket's generation outlives its object). */
#ifndef AK_BASE_POOL_H
#define AK_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lens.h"

struct ak_pool {
    int64_t at; /* of object 0, relative to the pool itself */
    uint32_t stride, limit, link_offset;
    uint32_t watermark; /* objects ever handed out */
    uint32_t free_head, free_count;
};

void ak_pool_init(struct ak_pool *pool, const void *base, uint32_t stride, uint32_t limit, uint32_t link_offset);
/* An object's index, its bytes as they were (zero the first time), or AK_NONE if all are in use. */
uint32_t ak_pool_get(struct ak_pool *pool);
void ak_pool_put(struct ak_pool *pool, uint32_t index);
bool ak_pool_check(const struct ak_pool *pool);

static inline void *ak_pool_at(const struct ak_pool *pool, uint32_t index) {
    return (char *)(uintptr_t)pool + pool->at + (int64_t)((uint64_t)index * pool->stride);
}
static inline uint32_t ak_pool_used(const struct ak_pool *pool) {
    return pool->watermark - pool->free_count;
}
static inline uint32_t ak_pool_free(const struct ak_pool *pool) {
    return pool->limit - ak_pool_used(pool);
}

#endif
