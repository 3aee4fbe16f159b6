/* Linear hashing (Litwin 1980; Larson 1988): the table has 2^level + split buckets, where the first `split` buckets of
 * the level have been split already.  A hash falls into bucket hash mod 2^(level+1) if that exists, else into
 * hash mod 2^level.  Each insert that would make more entries than buckets splits the next bucket in line, so the mean
 * chain stays at one entry, and no insert does more work than one chain.
 *
 * Invariants: level_mask + 1 <= bucket_count < 2 * (level_mask + 1); buckets [0, bucket_count) hold chains that end
 * with AK_NONE, all others were never touched; each entry is in the bucket of its hash, once; count is their number.
 *
 * It does not look for duplicates, and more than entry_max entries only make longer chains. */
#include "table.h"

#include "check.h"

static uint32_t *buckets_of(const struct ak_table *table) {
    return (uint32_t *)(void *)((char *)(uintptr_t)table + table->at);
}

static uint32_t *next_of(const struct ak_table *table, ak_ref ref) {
    return ak_lens_at(&table->next, ref);
}

static uint32_t *bucket_of(const struct ak_table *table, uint32_t hash) {
    uint32_t index = hash & (table->level_mask << 1 | 1);
    if (index >= table->bucket_count) index &= table->level_mask;
    return &buckets_of(table)[index];
}

static uint32_t bucket_limit_of(uint32_t entry_max) {
    return entry_max > 0 ? entry_max : 1;
}

size_t ak_table_bytes(uint32_t entry_max) {
    return (size_t)bucket_limit_of(entry_max) * sizeof(uint32_t);
}

void ak_table_init(struct ak_table *table, void *buckets, uint32_t entry_max) {
    ak_check(entry_max <= 1u << 31);
    table->at = (const char *)buckets - (const char *)table;
    table->bucket_limit = bucket_limit_of(entry_max);
    table->bucket_count = 1;
    table->level_mask = 0;
    table->count = 0;
    buckets_of(table)[0] = AK_NONE;
}

/* Splits the next bucket in line: entries whose hash has the level's bit move to the new bucket, in their order. */
static void table_split(struct ak_table *table, ak_table_hash *hash_of, const void *owner) {
    const uint32_t level_bit = table->level_mask + 1;
    uint32_t *from = &buckets_of(table)[table->bucket_count - level_bit];
    uint32_t *to = &buckets_of(table)[table->bucket_count];
    ak_ref ref = *from;
    while (ref != AK_NONE) {
        const ak_ref next = *next_of(table, ref);
        if (hash_of(owner, ref) & level_bit) {
            *to = ref;
            to = next_of(table, ref);
        } else {
            *from = ref;
            from = next_of(table, ref);
        }
        ref = next;
    }
    *from = AK_NONE;
    *to = AK_NONE;
    table->bucket_count++;
    if (table->bucket_count == level_bit << 1) table->level_mask = table->level_mask << 1 | 1;
}

void ak_table_insert(struct ak_table *table, ak_ref ref, uint32_t hash, ak_table_hash *hash_of, const void *owner) {
    if (table->count >= table->bucket_count && table->bucket_count < table->bucket_limit) {
        table_split(table, hash_of, owner);
    }
    uint32_t *bucket = bucket_of(table, hash);
    *next_of(table, ref) = *bucket;
    *bucket = ref;
    table->count++;
}

/* The place that holds ref: its bucket, or the next of the entry before it. */
static uint32_t *place_of(struct ak_table *table, ak_ref ref, uint32_t hash) {
    uint32_t *place = bucket_of(table, hash);
    while (*place != ref) {
        ak_check(*place != AK_NONE);
        place = next_of(table, *place);
    }
    return place;
}

void ak_table_remove(struct ak_table *table, ak_ref ref, uint32_t hash) {
    ak_check(table->count > 0);
    uint32_t *place = place_of(table, ref, hash);
    *place = *next_of(table, ref);
    *next_of(table, ref) = AK_NONE;
    table->count--;
}

void ak_table_replace(struct ak_table *table, ak_ref from, ak_ref to, uint32_t hash) {
    uint32_t *place = place_of(table, from, hash);
    *next_of(table, to) = *next_of(table, from);
    *place = to;
    *next_of(table, from) = AK_NONE;
}

ak_ref ak_table_first(const struct ak_table *table, uint32_t hash) {
    return *bucket_of(table, hash);
}

bool ak_table_check(const struct ak_table *table, ak_table_hash *hash_of, const void *owner) {
    const uint32_t level_count = table->level_mask + 1;
    if (table->level_mask & level_count) return false;
    if (table->bucket_count < level_count || table->bucket_count - level_count >= level_count) return false;
    if (table->bucket_count > table->bucket_limit) return false;
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        const uint32_t *bucket = &buckets_of(table)[i];
        for (ak_ref ref = *bucket; ref != AK_NONE; ref = *next_of(table, ref)) {
            if (count++ == table->count) return false;
            if (bucket_of(table, hash_of(owner, ref)) != bucket) return false;
        }
    }
    return count == table->count;
}
