/* Goal: ranges hold exactly the bytes that were added and not trimmed, merged wherever they touch, wherever in sequence
 * space they lie, in as many blocks as they need and no more. */
#include "core/ranges.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BITS 160u

enum { BLOCK_BYTES = 64, EACH = BLOCK_BYTES / (int)sizeof(struct ak_range), BLOCKS = AK_RANGE_BLOCKS };

static const uint32_t bases[] = {0, 0x7fffffff - BITS / 2, 0x80000000, 0xffffffff - BITS / 2, 0xfffffffe, 12345};
#define BASES (sizeof bases / sizeof *bases)

struct fixture {
    struct ak_blocks blocks; /* what it finds is relative to itself */
    struct ak_block_meta meta[BLOCKS + 2];
    _Alignas(64) uint8_t memory[(BLOCKS + 2) * BLOCK_BYTES];
    struct ak_ranges ranges;
    uint32_t cap, base;
    bool bit[BITS];
};

static struct ak_range range_of(const struct fixture *f, uint32_t left, uint32_t right) {
    return (struct ak_range){ak_seq_of(f->base + left), ak_seq_of(f->base + right)};
}

static uint32_t runs_of(const bool *bit) {
    uint32_t runs = 0;
    for (uint32_t i = 0; i < BITS; i++) runs += bit[i] && (i == 0 || !bit[i - 1]);
    return runs;
}

static uint32_t blocks_taken(const struct fixture *f, uint32_t block_max) {
    return block_max - ak_pool_free(&f->blocks.pool);
}

static void same_as_bits(const struct fixture *f) {
    const struct ak_ranges *r = &f->ranges;
    assert_true(ak_ranges_check(r, &f->blocks));
    assert_int_equal(r->count, runs_of(f->bit));
    assert_true(r->block_count <= r->count / EACH + 1);
    uint32_t at = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct ak_range range = ak_ranges_at(r, &f->blocks, i);
        const uint32_t left = range.left.n - f->base, right = range.right.n - f->base;
        assert_true(right <= BITS);
        for (; at < left; at++) assert_false(f->bit[at]);
        for (; at < right; at++) assert_true(f->bit[at]);
    }
    for (; at < BITS; at++) assert_false(f->bit[at]);
}

static void add(struct fixture *f, uint32_t left, uint32_t right) {
    bool bit[BITS];
    memcpy(bit, f->bit, sizeof bit);
    uint32_t new_bytes = 0;
    for (uint32_t i = left; i < right; i++) {
        new_bytes += !bit[i];
        bit[i] = true;
    }
    uint32_t ret_new_bytes = 77, ret_index = 77;
    const bool fits = runs_of(bit) <= f->cap;
    assert_int_equal(ak_ranges_reserve(&f->ranges, &f->blocks), f->ranges.count < f->cap);
    const bool added = ak_ranges_add(&f->ranges, &f->blocks, range_of(f, left, right), &ret_new_bytes, &ret_index);
    assert_int_equal(added, fits);
    if (!fits) {
        assert_int_equal(ret_new_bytes, 77);
        assert_int_equal(ret_index, 77);
    } else {
        memcpy(f->bit, bit, sizeof bit);
        assert_int_equal(ret_new_bytes, new_bytes);
        if (left < right) {
            assert_true(ret_index < f->ranges.count);
            const struct ak_range there = ak_ranges_at(&f->ranges, &f->blocks, ret_index);
            assert_true(ak_seq_le(there.left, ak_seq_of(f->base + left)));
            assert_true(ak_seq_ge(there.right, ak_seq_of(f->base + right)));
        }
    }
    same_as_bits(f);
}

static void trim(struct fixture *f, uint32_t seq) {
    uint32_t gone_bytes = 0;
    for (uint32_t i = 0; i < seq; i++) {
        gone_bytes += f->bit[i];
        f->bit[i] = false;
    }
    assert_int_equal(ak_ranges_trim(&f->ranges, &f->blocks, ak_seq_of(f->base + seq)), gone_bytes);
    same_as_bits(f);
}

/* With so many blocks to be had, none of which lies after the one before. */
static void begin(struct fixture *f, uint32_t base, uint32_t block_max) {
    memset(f, 0, sizeof *f);
    f->base = base;
    f->cap = EACH * (block_max < BLOCKS ? block_max : BLOCKS);
    ak_blocks_init(&f->blocks, f->memory, f->meta, BLOCK_BYTES, block_max);
    uint32_t block[BLOCKS + 2];
    for (uint32_t i = 0; i < block_max; i++) block[i] = ak_block_get(&f->blocks);
    for (uint32_t i = 0; i < block_max; i++) ak_block_put(&f->blocks, block[i]);
    if (block_max < 2) return;
    block[0] = ak_block_get(&f->blocks);
    block[1] = ak_block_get(&f->blocks);
    assert_true(block[1] < block[0]);
    ak_block_put(&f->blocks, block[1]);
    ak_block_put(&f->blocks, block[0]);
}

static void end(struct fixture *f, uint32_t block_max) {
    ak_ranges_clear(&f->ranges, &f->blocks);
    assert_int_equal(f->ranges.count, 0);
    assert_int_equal(blocks_taken(f, block_max), 0);
}

/* Two ranges stand; a third is put at every place. */
static void add_every_place_beside_two_as_bitmap(void **state) {
    (void)state;
    for (size_t b = 0; b < BASES; b++) {
        for (uint32_t left = 0; left < 30; left++) {
            for (uint32_t right = left; right < 32; right++) {
                struct fixture f;
                begin(&f, bases[b], 1);
                add(&f, 8, 12);
                add(&f, 16, 20);
                add(&f, left, right);
            }
        }
    }
}

static void trim_every_place_as_bitmap(void **state) {
    (void)state;
    for (size_t b = 0; b < BASES; b++) {
        for (uint32_t seq = 0; seq < BITS; seq++) {
            struct fixture f;
            begin(&f, bases[b], 4);
            for (uint32_t at = 2; at < 60; at += 3) add(&f, at, at + 2);
            add(&f, 80, 150);
            trim(&f, seq);
            trim(&f, seq);
            end(&f, 4);
        }
    }
}

static void find_every_place_as_bitmap(void **state) {
    (void)state;
    for (size_t b = 0; b < BASES; b++) {
        struct fixture f;
        begin(&f, bases[b], 1);
        add(&f, 3, 4);
        add(&f, 8, 20);
        add(&f, 21, 30);
        static const uint32_t right[] = {4, 20, 30};
        for (uint32_t at = 0; at < 36; at++) {
            uint32_t wanted = 0;
            while (wanted < 3 && right[wanted] < at) wanted++;
            assert_int_equal(ak_ranges_find(&f.ranges, &f.blocks, range_of(&f, at, at).left), wanted);
        }
    }
}

/* More ranges than the blocks hold, in any order; then they grow together.  Long ones early make few, short ones many.
 */
static void random_operations_as_bitmap(void **state) {
    (void)state;
    random_seed(4);
    for (unsigned run = 0; run < 600; run++) {
        const uint32_t block_max = run % (BLOCKS + 2), longest = run % 3 == 0 ? 12 : 1;
        struct fixture f;
        begin(&f, bases[run % BASES], block_max);
        for (unsigned n = 0; n < 120; n++) {
            const uint32_t left = (uint32_t)random_int() % (BITS - 30);
            add(&f, left, left + (uint32_t)random_int() % (n < 90 ? longest + 1 : 30));
            if (n % 32 == 31) trim(&f, (uint32_t)random_int() % (BITS / 4));
        }
        end(&f, block_max);
    }
}

/* Every other place, upward and downward, to the last that fits; a whole block's worth is swallowed by one. */
static void full_takes_only_what_touches(void **state) {
    (void)state;
    for (unsigned downward = 0; downward < 2; downward++) {
        struct fixture f;
        begin(&f, bases[3], BLOCKS + 2);
        for (uint32_t i = 0; i < f.cap; i++) {
            const uint32_t at = 2 * (downward ? f.cap - 1 - i : i);
            add(&f, at, at + 1);
        }
        assert_int_equal(f.ranges.count, f.cap);
        assert_int_equal(blocks_taken(&f, BLOCKS + 2), BLOCKS);
        add(&f, 2 * f.cap + 4, 2 * f.cap + 6); /* no room */
        add(&f, 5, 6);                         /* joins two */
        add(&f, 10, 10 + 4 * EACH);
        assert_true(blocks_taken(&f, BLOCKS + 2) < BLOCKS);
        trim(&f, 2 * f.cap - 4);
        end(&f, BLOCKS + 2);
    }
}

static void add_almost_half_the_space_apart_still_sorted(void **state) {
    (void)state;
    struct fixture f;
    begin(&f, 0, 1);
    struct ak_ranges *r = &f.ranges;
    uint32_t new_bytes, index;
    const ak_seq base = ak_seq_of(0xc0000000);
    const struct ak_range far = {ak_seq_add(base, 0x7ffffffe), ak_seq_add(base, 0x7fffffff)};
    const struct ak_range near = {base, ak_seq_add(base, 1)};
    assert_true(ak_ranges_reserve(r, &f.blocks));
    assert_true(ak_ranges_add(r, &f.blocks, far, &new_bytes, &index));
    assert_true(ak_ranges_add(r, &f.blocks, near, &new_bytes, &index));
    assert_int_equal(index, 0);
    assert_int_equal(r->count, 2);
    assert_true(ak_ranges_check(r, &f.blocks));
    const struct ak_range between = {near.right, far.left};
    assert_true(ak_ranges_add(r, &f.blocks, between, &new_bytes, &index));
    assert_int_equal(new_bytes, 0x7ffffffd);
    assert_int_equal(r->count, 1);
    assert_int_equal(ak_ranges_trim(r, &f.blocks, far.right), 0x7fffffff);
    assert_int_equal(r->count, 0);
}

static void damaged_check_false(void **state) {
    (void)state;
    static const struct {
        uint32_t left0, right0, left1, right1;
        bool legal;
    } cases[] = {
        {1, 2, 3, 4, true},  {1, 1, 3, 4, false}, {2, 1, 3, 4, false},          {1, 2, 2, 4, false},
        {1, 3, 2, 4, false}, {5, 6, 3, 4, false}, {0, 1, 5, 0x80000000, false}, {0xfffffffe, 1, 2, 0x7ffffffd, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ak_range ranges[] = {{ak_seq_of(cases[i].left0), ak_seq_of(cases[i].right0)},
                                          {ak_seq_of(cases[i].left1), ak_seq_of(cases[i].right1)}};
        struct fixture f;
        begin(&f, 0, 1);
        assert_true(ak_ranges_reserve(&f.ranges, &f.blocks));
        memcpy(ak_block_at(&f.blocks, f.ranges.block[0]), ranges, sizeof ranges);
        f.ranges.count = 2;
        assert_int_equal(ak_ranges_check(&f.ranges, &f.blocks), cases[i].legal);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_every_place_beside_two_as_bitmap),
        cmocka_unit_test(trim_every_place_as_bitmap),
        cmocka_unit_test(find_every_place_as_bitmap),
        cmocka_unit_test(random_operations_as_bitmap),
        cmocka_unit_test(full_takes_only_what_touches),
        cmocka_unit_test(add_almost_half_the_space_apart_still_sorted),
        cmocka_unit_test(damaged_check_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
