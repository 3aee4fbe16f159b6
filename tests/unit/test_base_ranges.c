/* Goal: ranges hold exactly the bytes that were added and not trimmed, merged wherever they touch, wherever in sequence
 * space they lie. */
#include "base/ranges.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAP  8u
#define BITS 96u

static const uint32_t bases[] = {0, 0x7fffffff - BITS / 2, 0x80000000, 0xffffffff - BITS / 2, 0xfffffffe, 12345};
#define BASES (sizeof bases / sizeof *bases)

struct fixture {
    struct ak_range ranges[CAP + 1];
    uint32_t count, cap, base;
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

static void same_as_bits(const struct fixture *f) {
    assert_true(ak_ranges_check(f->ranges, f->count));
    assert_int_equal(f->count, runs_of(f->bit));
    uint32_t at = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        const uint32_t left = f->ranges[i].left.n - f->base, right = f->ranges[i].right.n - f->base;
        assert_true(right <= BITS);
        for (; at < left; at++) assert_false(f->bit[at]);
        for (; at < right; at++) assert_true(f->bit[at]);
    }
    for (; at < BITS; at++) assert_false(f->bit[at]);
    assert_int_equal(f->ranges[f->cap].left.n, 0xdead); /* not written past the cap */
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
    const bool added =
        ak_ranges_add(f->ranges, &f->count, f->cap, range_of(f, left, right), &ret_new_bytes, &ret_index);
    assert_int_equal(added, fits);
    if (!fits) {
        assert_int_equal(ret_new_bytes, 77);
        assert_int_equal(ret_index, 77);
    } else {
        memcpy(f->bit, bit, sizeof bit);
        assert_int_equal(ret_new_bytes, new_bytes);
        if (left < right) {
            assert_true(ret_index < f->count);
            assert_true(ak_seq_le(f->ranges[ret_index].left, ak_seq_of(f->base + left)));
            assert_true(ak_seq_ge(f->ranges[ret_index].right, ak_seq_of(f->base + right)));
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
    assert_int_equal(ak_ranges_trim(f->ranges, &f->count, ak_seq_of(f->base + seq)), gone_bytes);
    same_as_bits(f);
}

static struct fixture fixture_of(uint32_t base, uint32_t cap) {
    struct fixture f = {.base = base, .cap = cap};
    f.ranges[cap].left.n = 0xdead;
    return f;
}

/* Two ranges stand; a third is put at every place. */
static void add_every_place_beside_two_as_bitmap(void **state) {
    (void)state;
    for (size_t b = 0; b < BASES; b++) {
        for (uint32_t left = 0; left < 30; left++) {
            for (uint32_t right = left; right < 32; right++) {
                for (uint32_t cap = 2; cap <= 3; cap++) {
                    struct fixture f = fixture_of(bases[b], cap);
                    add(&f, 8, 12);
                    add(&f, 16, 20);
                    add(&f, left, right);
                }
            }
        }
    }
}

static void trim_every_place_as_bitmap(void **state) {
    (void)state;
    for (size_t b = 0; b < BASES; b++) {
        for (uint32_t seq = 0; seq < BITS; seq++) {
            struct fixture f = fixture_of(bases[b], CAP);
            add(&f, 2, 3);
            add(&f, 8, 40);
            add(&f, 42, 43);
            add(&f, 60, 90);
            trim(&f, seq);
            trim(&f, seq);
        }
    }
}

static void find_every_place_as_bitmap(void **state) {
    (void)state;
    for (size_t b = 0; b < BASES; b++) {
        struct fixture f = fixture_of(bases[b], CAP);
        add(&f, 3, 4);
        add(&f, 8, 20);
        add(&f, 21, 30);
        static const uint32_t right[] = {4, 20, 30};
        for (uint32_t at = 0; at < 36; at++) {
            uint32_t wanted = 0;
            while (wanted < 3 && right[wanted] < at) wanted++;
            assert_int_equal(ak_ranges_find(f.ranges, f.count, range_of(&f, at, at).left), wanted);
        }
    }
}

static void random_operations_as_bitmap(void **state) {
    (void)state;
    random_seed(4);
    for (unsigned run = 0; run < 600; run++) {
        struct fixture f = fixture_of(bases[run % BASES], run % (CAP + 1));
        for (unsigned n = 0; n < 40; n++) {
            const uint32_t left = (uint32_t)random_int() % BITS;
            const uint32_t most = BITS - left < 12 ? BITS - left : 12;
            add(&f, left, left + (uint32_t)random_int() % (most + 1));
            if (n % 16 == 15) trim(&f, (uint32_t)random_int() % BITS);
        }
    }
}

static void add_almost_half_the_space_apart_still_sorted(void **state) {
    (void)state;
    struct ak_range ranges[4];
    uint32_t count = 0, new_bytes, index;
    const ak_seq base = ak_seq_of(0xc0000000);
    const struct ak_range far = {ak_seq_add(base, 0x7ffffffe), ak_seq_add(base, 0x7fffffff)};
    const struct ak_range near = {base, ak_seq_add(base, 1)};
    assert_true(ak_ranges_add(ranges, &count, 4, far, &new_bytes, &index));
    assert_true(ak_ranges_add(ranges, &count, 4, near, &new_bytes, &index));
    assert_int_equal(index, 0);
    assert_int_equal(count, 2);
    assert_true(ak_ranges_check(ranges, count));
    const struct ak_range between = {near.right, far.left};
    assert_true(ak_ranges_add(ranges, &count, 4, between, &new_bytes, &index));
    assert_int_equal(new_bytes, 0x7ffffffd);
    assert_int_equal(count, 1);
    assert_int_equal(ak_ranges_trim(ranges, &count, far.right), 0x7fffffff);
    assert_int_equal(count, 0);
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
        assert_int_equal(ak_ranges_check(ranges, 2), cases[i].legal);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_every_place_beside_two_as_bitmap),
        cmocka_unit_test(trim_every_place_as_bitmap),
        cmocka_unit_test(find_every_place_as_bitmap),
        cmocka_unit_test(random_operations_as_bitmap),
        cmocka_unit_test(add_almost_half_the_space_apart_still_sorted),
        cmocka_unit_test(damaged_check_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
