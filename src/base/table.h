/* A hash table of references that grows by linear hashing: one bucket splits per insert, so there is no pause, and
 * buckets not yet reached are untouched memory.  It never shrinks.  Entries are chained through a lens on their 4-byte
 * next; the table stores no hashes: the owner gives a function that computes an entry's hash again when its bucket
 * splits.
 *
 * The hash must be keyed (hash flooding: Crosby and Wallach 2003). */
#ifndef AK_BASE_TABLE_H
#define AK_BASE_TABLE_H

#include <stdbool.h>

#include "lens.h"

struct ak_table {
    int64_t at; /* of bucket 0, relative to the table itself */
    uint32_t bucket_limit;
    uint32_t bucket_count; /* in use: 2^level + split */
    uint32_t level_mask;   /* 2^level - 1 */
    uint32_t count;
    struct ak_lens next; /* uint32_t in each entry */
};

typedef uint32_t ak_table_hash(const void *owner, ak_ref ref);

/* Bytes that the buckets for entry_max entries need. */
size_t ak_table_bytes(uint32_t entry_max);
/* Writes one bucket, and leaves table->next for the owner to set. */
void ak_table_init(struct ak_table *table, void *buckets, uint32_t entry_max);
void ak_table_insert(struct ak_table *table, ak_ref ref, uint32_t hash, ak_table_hash *hash_of, const void *owner);
void ak_table_remove(struct ak_table *table, ak_ref ref, uint32_t hash);
/* Takes `to` into the place of `from`, which has the same hash. */
void ak_table_replace(struct ak_table *table, ak_ref from, ak_ref to, uint32_t hash);
bool ak_table_check(const struct ak_table *table, ak_table_hash *hash_of, const void *owner);

/* The chain that a hash falls in; AK_NONE ends it. */
ak_ref ak_table_first(const struct ak_table *table, uint32_t hash);
static inline ak_ref ak_table_next(const struct ak_table *table, ak_ref ref) {
    return *(const uint32_t *)ak_lens_at(&table->next, ref);
}

#endif
