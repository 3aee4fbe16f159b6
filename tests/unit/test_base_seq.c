/* Goal: sequence numbers are ordered modulo 2^32, also across 2^31 and the wrap; bytes and cursors read network order
 * and never past their end. */
#include "base/bytes.h"
#include "base/mem.h"
#include "base/seq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t bases[] = {0, 1, 1000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
#define BASES (sizeof bases / sizeof *bases)

static void order_any_base_next_is_after(void **state) {
    (void)state;
    static const uint32_t steps[] = {1, 2, 0x10000, 0x7ffffffe, 0x7fffffff};
    for (size_t i = 0; i < BASES; i++) {
        const ak_seq a = ak_seq_of(bases[i]);
        for (size_t j = 0; j < sizeof steps / sizeof *steps; j++) {
            const ak_seq b = ak_seq_add(a, steps[j]);
            assert_true(ak_seq_lt(a, b) && ak_seq_le(a, b) && ak_seq_gt(b, a) && ak_seq_ge(b, a));
            assert_false(ak_seq_lt(b, a) || ak_seq_le(b, a) || ak_seq_gt(a, b) || ak_seq_ge(a, b) || ak_seq_eq(a, b));
            assert_int_equal(ak_seq_bytes(a, b), steps[j]);
            assert_true(ak_seq_eq(ak_seq_sub(b, steps[j]), a));
            assert_true(ak_seq_eq(ak_seq_max(a, b), b) && ak_seq_eq(ak_seq_max(b, a), b));
            assert_true(ak_seq_eq(ak_seq_min(a, b), a) && ak_seq_eq(ak_seq_min(b, a), a));
        }
        assert_true(ak_seq_eq(a, a) && ak_seq_le(a, a) && ak_seq_ge(a, a));
        assert_false(ak_seq_lt(a, a) || ak_seq_gt(a, a));
    }
}

static void in_window_edges_left_in_right_out(void **state) {
    (void)state;
    static const uint32_t windows[] = {1, 2, 65535, 1u << 30, 0x7fffffff};
    for (size_t i = 0; i < BASES; i++) {
        const ak_seq left = ak_seq_of(bases[i]);
        assert_false(ak_seq_in(left, left, 0));
        for (size_t j = 0; j < sizeof windows / sizeof *windows; j++) {
            assert_false(ak_seq_in(ak_seq_sub(left, 1), left, windows[j]));
            assert_true(ak_seq_in(left, left, windows[j]));
            assert_true(ak_seq_in(ak_seq_add(left, windows[j] - 1), left, windows[j]));
            assert_false(ak_seq_in(ak_seq_add(left, windows[j]), left, windows[j]));
        }
    }
}

static void put_then_read_every_bit_in_place(void **state) {
    (void)state;
    uint8_t b[4];
    ak_put32(b, 0x01020304);
    assert_memory_equal(b, ((uint8_t[]){1, 2, 3, 4}), 4);
    ak_put16(b, 0xfe80);
    assert_memory_equal(b, ((uint8_t[]){0xfe, 0x80}), 2);
    for (unsigned bit = 0; bit < 32; bit++) {
        ak_put32(b, 1u << bit);
        assert_int_equal(ak_be32(b), 1u << bit);
        ak_put16(b, (uint16_t)(1u << bit % 16));
        assert_int_equal(ak_be16(b), 1u << bit % 16);
    }
}

static void add_us_at_the_end_of_time_saturates(void **state) {
    (void)state;
    assert_int_equal(ak_add_us(1, 2), 3);
    assert_int_equal(ak_add_us(AK_NEVER, 0), AK_NEVER);
    assert_int_equal(ak_add_us(AK_NEVER, 1), AK_NEVER);
    assert_int_equal(ak_add_us(AK_NEVER - 1, 1), AK_NEVER);
    assert_int_equal(ak_add_us(AK_NEVER - 1, 2), AK_NEVER);
    assert_int_equal(ak_add_us(5, AK_NEVER), AK_NEVER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_any_base_next_is_after),
        cmocka_unit_test(in_window_edges_left_in_right_out),
        cmocka_unit_test(put_then_read_every_bit_in_place),
        cmocka_unit_test(add_us_at_the_end_of_time_saturates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
