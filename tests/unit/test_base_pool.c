/* Goal: a pool hands out each object once, touches none before it is needed, keeps the bytes of free ones, and works
 * where it is copied to; lists keep their order and their marks whatever is put in and taken out. */
#include "base/list.h"
#include "base/pool.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OBJECTS 64u

struct object {
    uint32_t generation;
    uint32_t free_link;
    struct ak_link link;
    uint8_t rest[13];
};

/* As in an arena: the pool and its objects in one block. */
struct arena {
    struct ak_pool pool;
    struct ak_list list;
    struct ak_lens lens;
    struct object objects[OBJECTS];
    struct object others[OBJECTS];
};

static void arena_init(struct arena *arena, uint32_t limit) {
    memset(arena, 0, sizeof *arena);
    ak_pool_init(&arena->pool, arena->objects, sizeof(struct object), limit, offsetof(struct object, free_link));
    ak_list_init(&arena->list);
    ak_lens_set(&arena->lens, 0, arena->objects, sizeof(struct object), offsetof(struct object, link));
    ak_lens_set(&arena->lens, 5, arena->others, sizeof(struct object), offsetof(struct object, link));
    for (uint32_t i = 0; i < OBJECTS; i++) {
        ak_link_init(&arena->objects[i].link);
        ak_link_init(&arena->others[i].link);
    }
}

static void get_until_full_each_index_once_then_none(void **state) {
    (void)state;
    static const uint32_t limits[] = {0, 1, 2, OBJECTS};
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        struct arena a;
        arena_init(&a, limits[l]);
        for (uint32_t i = 0; i < limits[l]; i++) {
            assert_int_equal(ak_pool_free(&a.pool), limits[l] - i);
            assert_int_equal(ak_pool_get(&a.pool), i);
            assert_int_equal(ak_pool_used(&a.pool), i + 1);
            assert_ptr_equal(ak_pool_at(&a.pool, i), &a.objects[i]);
            assert_true(ak_pool_check(&a.pool));
        }
        assert_int_equal(ak_pool_get(&a.pool), AK_NONE);
        assert_int_equal(ak_pool_free(&a.pool), 0);
    }
}

static void put_then_get_last_in_first_out_bytes_kept(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 4);
    for (uint32_t i = 0; i < 3; i++) {
        a.objects[ak_pool_get(&a.pool)].generation = 70 + i;
    }
    ak_pool_put(&a.pool, 0);
    ak_pool_put(&a.pool, 2);
    assert_int_equal(ak_pool_used(&a.pool), 1);
    assert_int_equal(a.objects[2].generation, 72);
    assert_int_equal(ak_pool_get(&a.pool), 2);
    assert_int_equal(ak_pool_get(&a.pool), 0);
    assert_int_equal(a.objects[0].generation, 70);
    assert_int_equal(ak_pool_get(&a.pool), 3);
    assert_int_equal(ak_pool_get(&a.pool), AK_NONE);
}

static void get_objects_beyond_watermark_untouched(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, OBJECTS);
    struct object before[OBJECTS];
    memcpy(before, a.objects, sizeof before);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(ak_pool_get(&a.pool), i);
    assert_memory_equal(a.objects, before, sizeof before);
    ak_pool_put(&a.pool, 1);
    assert_memory_equal(&a.objects[2], &before[2], sizeof before - 2 * sizeof before[0]);
}

static void put_twice_check_false(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 4);
    for (uint32_t i = 0; i < 3; i++) ak_pool_get(&a.pool);
    ak_pool_put(&a.pool, 1);
    ak_pool_put(&a.pool, 1);
    assert_false(ak_pool_check(&a.pool));
}

static void random_gets_and_puts_as_a_set_and_in_a_copy(void **state) {
    (void)state;
    struct arena *a = malloc(sizeof *a);
    arena_init(a, OBJECTS);
    bool used[OBJECTS] = {false};
    uint32_t used_count = 0;
    random_seed(1);
    for (unsigned n = 0; n < 20000; n++) {
        const uint32_t i = (uint32_t)random_int() % OBJECTS;
        if (random_int() % 2) {
            const uint32_t got = ak_pool_get(&a->pool);
            assert_int_equal(got == AK_NONE, used_count == OBJECTS);
            if (got != AK_NONE) {
                assert_false(used[got]);
                used[got] = true;
                used_count++;
            }
        } else if (used[i]) {
            ak_pool_put(&a->pool, i);
            used[i] = false;
            used_count--;
        }
        assert_int_equal(ak_pool_used(&a->pool), used_count);
        if (n % 100 == 0) {
            assert_true(ak_pool_check(&a->pool));
            struct arena *copy = malloc(sizeof *copy);
            memcpy(copy, a, sizeof *copy);
            memset(a, 0xa5, sizeof *a);
            free(a);
            a = copy;
        }
    }
    free(a);
}

/* The list against an array, over objects of two classes. */
static uint32_t reference_find(const ak_ref *refs, uint32_t count, ak_ref ref) {
    uint32_t i = 0;
    while (i < count && refs[i] != ref) i++;
    return i;
}

static void list_same_as(const struct arena *a, const ak_ref *refs, uint32_t count) {
    assert_true(ak_list_check(&a->list, &a->lens, count));
    if (count > 0) assert_false(ak_list_check(&a->list, &a->lens, count - 1));
    ak_ref ref = a->list.head;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(ref, refs[i]);
        ref = ((const struct ak_link *)ak_lens_at(&a->lens, ref))->next;
    }
    assert_int_equal(ref, AK_NONE);
    assert_int_equal(a->list.tail, count > 0 ? refs[count - 1] : AK_NONE);
}

static void list_random_operations_as_an_array(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, OBJECTS);
    ak_ref refs[2 * OBJECTS];
    uint32_t count = 0;
    random_seed(2);
    for (unsigned n = 0; n < 20000; n++) {
        const ak_ref ref = ak_ref_of(random_int() % 2 ? 5 : 0, (uint32_t)random_int() % 4);
        const uint32_t at = reference_find(refs, count, ref);
        struct ak_link *link = ak_lens_at(&a.lens, ref);
        assert_int_equal(ak_link_linked(link), at < count);
        if (at < count) {
            ak_list_remove(&a.list, &a.lens, ref);
            assert_false(ak_link_linked(link));
            count--;
            memmove(&refs[at], &refs[at + 1], (count - at) * sizeof *refs);
        } else {
            ak_list_push_back(&a.list, &a.lens, ref);
            refs[count++] = ref;
        }
        list_same_as(&a, refs, count);
    }
}

static void list_damaged_check_false(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, OBJECTS);
    for (uint32_t i = 0; i < 3; i++) ak_list_push_back(&a.list, &a.lens, i);
    assert_true(ak_list_check(&a.list, &a.lens, 3));
    a.objects[1].link.prev = 2;
    assert_false(ak_list_check(&a.list, &a.lens, 3));
    a.objects[1].link.prev = 0;
    a.objects[2].link.next = 0;
    assert_false(ak_list_check(&a.list, &a.lens, 3));
    a.objects[2].link.next = AK_NONE;
    a.list.tail = 1;
    assert_false(ak_list_check(&a.list, &a.lens, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_until_full_each_index_once_then_none),
        cmocka_unit_test(put_then_get_last_in_first_out_bytes_kept),
        cmocka_unit_test(get_objects_beyond_watermark_untouched),
        cmocka_unit_test(put_twice_check_false),
        cmocka_unit_test(random_gets_and_puts_as_a_set_and_in_a_copy),
        cmocka_unit_test(list_random_operations_as_an_array),
        cmocka_unit_test(list_damaged_check_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
