/* Goal: a growing table finds what is in it and nothing else, at every size up to 100,000 entries of two classes, does
 * a bounded amount of work per insert, and its check sees damage. */
#include "base/siphash.h"
#include "base/table.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES    100000u /* of both classes together */
#define SECOND     3u      /* the second class */
#define IN_A_CLASS (ENTRIES / 2)

struct entry {
    uint64_t id;
    uint32_t next;
    bool in; /* the reference: whether it is in the table */
};

struct world {
    struct ak_table table;
    struct entry first[IN_A_CLASS], second[IN_A_CLASS];
    uint32_t hash_mask; /* fewer bits: more collisions */
    uint32_t hash_calls;
    uint32_t buckets[ENTRIES + 8];
};

static struct entry *entry_at(const struct world *w, ak_ref ref) {
    const struct entry *of_class = ak_ref_class(ref) == 0 ? w->first : w->second;
    return (struct entry *)(uintptr_t)&of_class[ak_ref_index(ref)];
}

static uint32_t hash_of(const void *owner, ak_ref ref) {
    static const struct ak_key key = {.k0 = 1, .k1 = 2};
    struct world *w = (struct world *)(uintptr_t)owner;
    w->hash_calls++;
    const struct entry *entry = entry_at(w, ref);
    return (uint32_t)ak_siphash13(&key, &entry->id, sizeof entry->id) & w->hash_mask;
}

static struct world *world_make(uint32_t entry_max, uint32_t hash_mask) {
    struct world *w = calloc(1, sizeof *w);
    w->hash_mask = hash_mask;
    memset(w->buckets, 0x5a, sizeof w->buckets);
    ak_lens_set(&w->table.next, 0, w->first, sizeof(struct entry), offsetof(struct entry, next));
    ak_lens_set(&w->table.next, SECOND, w->second, sizeof(struct entry), offsetof(struct entry, next));
    ak_table_init(&w->table, w->buckets, entry_max);
    for (uint32_t i = 0; i < IN_A_CLASS; i++) {
        w->first[i].id = i;
        w->second[i].id = 1000000 + i;
    }
    return w;
}

static ak_ref ref_of(uint32_t n) {
    return n % 2 == 0 ? ak_ref_of(0, n / 2) : ak_ref_of(SECOND, n / 2);
}

static uint32_t found_count(const struct world *w, ak_ref wanted) {
    uint32_t count = 0;
    ak_ref ref = ak_table_first(&w->table, hash_of(w, wanted));
    for (; ref != AK_NONE; ref = ak_table_next(&w->table, ref)) count += ref == wanted;
    return count;
}

static void insert(struct world *w, ak_ref ref) {
    ak_table_insert(&w->table, ref, hash_of(w, ref), hash_of, w);
    entry_at(w, ref)->in = true;
}

static void drop(struct world *w, ak_ref ref) {
    ak_table_remove(&w->table, ref, hash_of(w, ref));
    entry_at(w, ref)->in = false;
}

static void insert_to_100000_all_found_chains_short(void **state) {
    (void)state;
    struct world *w = world_make(ENTRIES, UINT32_MAX);
    uint32_t longest_split = 0;
    for (uint32_t n = 0; n < ENTRIES; n++) {
        const uint32_t calls = w->hash_calls;
        insert(w, ref_of(n));
        if (w->hash_calls - calls > longest_split) longest_split = w->hash_calls - calls;
        if (n < 300 || (n & (n + 1)) == 0 || n % 9973 == 0) {
            assert_true(ak_table_check(&w->table, hash_of, w));
            for (uint32_t i = 0; i <= n; i += n < 300 ? 1 : 97) assert_int_equal(found_count(w, ref_of(i)), 1);
            for (uint32_t i = n + 1; i < n + 20 && i < ENTRIES; i++) assert_int_equal(found_count(w, ref_of(i)), 0);
        }
    }
    assert_int_equal(w->table.count, ENTRIES);
    assert_int_equal(w->table.bucket_count, ENTRIES);
    assert_true(longest_split < 16); /* one bucket's chain, not the table */
    for (uint32_t n = 0; n < ENTRIES; n++) assert_int_equal(found_count(w, ref_of(n)), 1);
    for (uint32_t n = 0; n < ENTRIES; n++) drop(w, ref_of(n));
    assert_true(ak_table_check(&w->table, hash_of, w));
    assert_int_equal(w->table.count, 0);
    free(w);
}

static void insert_few_buckets_not_reached_untouched(void **state) {
    (void)state;
    struct world *w = world_make(ENTRIES, UINT32_MAX);
    for (uint32_t n = 0; n < 100; n++) insert(w, ref_of(n));
    for (uint32_t i = w->table.bucket_count; i < ENTRIES + 8; i++) assert_int_equal(w->buckets[i], 0x5a5a5a5a);
    assert_true(w->table.bucket_count <= 100);
    free(w);
}

static void insert_more_than_its_limit_longer_chains_no_overrun(void **state) {
    (void)state;
    static const uint32_t limits[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 100};
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        struct world *w = world_make(limits[l], UINT32_MAX);
        const size_t bucket_count = ak_table_bytes(limits[l]) / sizeof(uint32_t);
        for (uint32_t n = 0; n < 300; n++) {
            insert(w, ref_of(n));
            assert_true(ak_table_check(&w->table, hash_of, w));
        }
        for (uint32_t n = 0; n < 300; n++) assert_int_equal(found_count(w, ref_of(n)), 1);
        assert_int_equal(w->table.bucket_count, bucket_count);
        assert_int_equal(w->buckets[bucket_count], 0x5a5a5a5a);
        free(w);
    }
}

/* Inserts, removals and replacements in any order; few hash bits, so that chains are long. */
static void random_operations_as_a_set(void **state) {
    (void)state;
    static const uint32_t masks[] = {0, 3, 0xff, 0x80000001, UINT32_MAX};
    for (size_t m = 0; m < sizeof masks / sizeof *masks; m++) {
        struct world *w = world_make(512, masks[m]);
        uint32_t count = 0;
        random_seed(3);
        for (unsigned n = 0; n < 20000; n++) {
            const ak_ref ref = ref_of((uint32_t)random_int() % 600);
            if (entry_at(w, ref)->in) {
                drop(w, ref);
                count--;
            } else if (random_int() % 4 > 0) {
                insert(w, ref);
                count++;
            }
            assert_int_equal(w->table.count, count);
            assert_int_equal(found_count(w, ref), entry_at(w, ref)->in);
            if (n % 100 == 0) {
                assert_true(ak_table_check(&w->table, hash_of, w));
                for (uint32_t i = 0; i < 600; i++) {
                    assert_int_equal(found_count(w, ref_of(i)), entry_at(w, ref_of(i))->in);
                }
            }
        }
        free(w);
    }
}

/* A control block gives way to a TIME-WAIT record of the same connection. */
static void replace_any_place_in_chain_others_stay(void **state) {
    (void)state;
    for (uint32_t victim = 0; victim < 5; victim++) {
        struct world *w = world_make(8, 0); /* one chain */
        for (uint32_t i = 0; i < 5; i++) insert(w, ak_ref_of(0, i));
        const ak_ref to = ak_ref_of(SECOND, 9);
        w->second[9].id = w->first[victim].id;
        ak_table_replace(&w->table, ak_ref_of(0, victim), to, 0);
        assert_true(ak_table_check(&w->table, hash_of, w));
        assert_int_equal(w->table.count, 5);
        for (uint32_t i = 0; i < 5; i++) assert_int_equal(found_count(w, ak_ref_of(0, i)), i != victim);
        assert_int_equal(found_count(w, to), 1);
        free(w);
    }
}

static void copied_world_works_as_the_original(void **state) {
    (void)state;
    struct world *w = world_make(1000, UINT32_MAX);
    for (uint32_t n = 0; n < 500; n++) insert(w, ref_of(n));
    struct world *copy = malloc(sizeof *copy);
    memcpy(copy, w, sizeof *copy);
    memset(w, 0xa5, sizeof *w);
    free(w);
    for (uint32_t n = 500; n < 1000; n++) insert(copy, ref_of(n));
    assert_true(ak_table_check(&copy->table, hash_of, copy));
    for (uint32_t n = 0; n < 1000; n++) assert_int_equal(found_count(copy, ref_of(n)), 1);
    free(copy);
}

static void damaged_check_false(void **state) {
    (void)state;
    struct world *w = world_make(64, UINT32_MAX);
    for (uint32_t n = 0; n < 64; n++) insert(w, ref_of(n));
    assert_true(ak_table_check(&w->table, hash_of, w));
    w->first[7].id = 999; /* its hash is another now */
    assert_false(ak_table_check(&w->table, hash_of, w));
    w->first[7].id = 7;
    w->table.count++;
    assert_false(ak_table_check(&w->table, hash_of, w));
    w->table.count -= 2;
    assert_false(ak_table_check(&w->table, hash_of, w));
    w->table.count++;
    assert_true(ak_table_check(&w->table, hash_of, w));
    w->table.level_mask = 5;
    assert_false(ak_table_check(&w->table, hash_of, w));
    free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(insert_to_100000_all_found_chains_short),
        cmocka_unit_test(insert_few_buckets_not_reached_untouched),
        cmocka_unit_test(insert_more_than_its_limit_longer_chains_no_overrun),
        cmocka_unit_test(random_operations_as_a_set),
        cmocka_unit_test(replace_any_place_in_chain_others_stay),
        cmocka_unit_test(copied_world_works_as_the_original),
        cmocka_unit_test(damaged_check_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
