/* Pool of equal objects.
 *
 * Invariants: objects [0, watermark) were handed out at least once; of those, free_count are on the free list, which
 * runs from free_head through the 4 bytes at link_offset and ends with AK_NONE.  Objects from the watermark on have
 * never been touched, so the pages under them cost nothing.
 *
 * It does not know which objects are in use: giving one back twice is the owner's bug, and only ak_pool_check sees it.
 */
#include "pool.h"

#include "check.h"
#include "mem.h"

static char *link_at(const struct ak_pool *pool, uint32_t index) {
    return (char *)ak_pool_at(pool, index) + pool->link_offset;
}

void ak_pool_init(struct ak_pool *pool, const void *base, uint32_t stride, uint32_t limit, uint32_t link_offset) {
    ak_check(stride >= 4 && link_offset <= stride - 4);
    ak_check(limit <= AK_REF_INDEX + 1);
    *pool = (struct ak_pool){
        .at = (const char *)base - (const char *)pool,
        .stride = stride,
        .limit = limit,
        .link_offset = link_offset,
        .free_head = AK_NONE,
    };
}

uint32_t ak_pool_get(struct ak_pool *pool) {
    const uint32_t index = pool->free_head;
    if (index != AK_NONE) {
        ak_check(index < pool->watermark && pool->free_count > 0);
        ak_copy(&pool->free_head, link_at(pool, index), sizeof pool->free_head);
        pool->free_count--;
        return index;
    }
    if (pool->watermark == pool->limit) return AK_NONE;
    return pool->watermark++;
}

void ak_pool_put(struct ak_pool *pool, uint32_t index) {
    ak_check(index < pool->watermark && pool->free_count < pool->watermark);
    ak_copy(link_at(pool, index), &pool->free_head, sizeof pool->free_head);
    pool->free_head = index;
    pool->free_count++;
}

/* A list that ends after exactly free_count steps has no cycle, so no object is on it twice. */
bool ak_pool_check(const struct ak_pool *pool) {
    if (pool->watermark > pool->limit || pool->free_count > pool->watermark) return false;
    uint32_t index = pool->free_head;
    for (uint32_t i = 0; i < pool->free_count; i++) {
        if (index >= pool->watermark) return false;
        ak_copy(&index, link_at(pool, index), sizeof index);
    }
    return index == AK_NONE;
}
