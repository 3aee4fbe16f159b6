/* Goal: delayed frames leave in the order of (due time, entry), unchanged, and a full queue refuses. */
#include "host/link/delay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A frame of two pieces that says its number. */
struct numbered {
    uint32_t number;
    uint8_t tail[3];
    aksu_iov iov[2];
    aksu_frame frame;
};

static const aksu_frame *numbered(struct numbered *one, uint32_t number) {
    one->number = number;
    memcpy(one->tail, "abc", sizeof one->tail);
    one->iov[0] = (aksu_iov){&one->number, sizeof one->number};
    one->iov[1] = (aksu_iov){one->tail, sizeof one->tail};
    one->frame = (aksu_frame){.iov = one->iov, .iov_count = 2, .total_bytes = 7, .segment_bytes = (uint16_t)number};
    return &one->frame;
}

static uint32_t pop_number(ak_delay *delay, aksu_pipe_side *ret_to) {
    ak_delay_popped popped;
    ak_delay_pop(delay, &popped);
    uint32_t number;
    assert_int_equal(popped.frame.total_bytes, 7);
    assert_int_equal(popped.frame.iov_count, 1);
    assert_int_equal(popped.frame.iov[0].bytes, 7);
    memcpy(&number, popped.frame.iov[0].base, sizeof number);
    assert_memory_equal((uint8_t *)popped.frame.iov[0].base + 4, "abc", 3);
    assert_int_equal(popped.frame.segment_bytes, number);
    ak_delay_release(delay, popped.slot_index);
    *ret_to = popped.to;
    return number;
}

static void pops_many_times_in_order_of_due_then_entry(void **state) {
    (void)state;
    ak_delay delay;
    assert_int_equal(ak_delay_init(&delay, 97, NULL), 0);
    uint32_t random = 1;
    uint32_t number = 0;
    uint64_t now_us = 0;
    for (int round = 0; round < 50; round++) {
        while (delay.free_count > 0) {
            random = random * 1664525u + 1013904223u;
            struct numbered one;
            assert_true(ak_delay_push(&delay, numbered(&one, number & 0xffff), number % 2 ? AKSU_PIPE_B : AKSU_PIPE_A,
                                      now_us + random % 16));
            number++;
        }
        struct numbered refused;
        assert_false(ak_delay_push(&delay, numbered(&refused, 0), AKSU_PIPE_A, now_us));
        uint32_t last_number = 0;
        uint64_t last_us = 0;
        for (uint32_t take = 0; take < 97 - (uint32_t)round; take++) {
            uint64_t due_us = ak_delay_due_us(&delay);
            aksu_pipe_side to;
            uint32_t got = pop_number(&delay, &to);
            assert_int_equal(to, got % 2 ? AKSU_PIPE_B : AKSU_PIPE_A);
            assert_true(due_us >= last_us);
            if (take > 0 && due_us == last_us) assert_true(got > last_number);
            last_us = due_us;
            last_number = got;
            now_us = due_us;
        }
    }
    ak_delay_free(&delay);
}

static void due_empty_never(void **state) {
    (void)state;
    ak_delay delay;
    assert_int_equal(ak_delay_init(&delay, 1, NULL), 0);
    assert_true(ak_delay_due_us(&delay) == UINT64_MAX);
    struct numbered one;
    assert_true(ak_delay_push(&delay, numbered(&one, 5), AKSU_PIPE_B, 9));
    assert_true(ak_delay_due_us(&delay) == 9);
    assert_false(ak_delay_push(&delay, numbered(&one, 6), AKSU_PIPE_B, 9));
    /* Popped and not yet released: its bytes must not be given to another. */
    ak_delay_popped popped;
    ak_delay_pop(&delay, &popped);
    assert_false(ak_delay_push(&delay, numbered(&one, 6), AKSU_PIPE_B, 9));
    ak_delay_release(&delay, popped.slot_index);
    assert_true(ak_delay_push(&delay, numbered(&one, 6), AKSU_PIPE_B, 9));
    ak_delay_free(&delay);
}

static void init_out_of_range_refused(void **state) {
    (void)state;
    ak_delay delay;
    aksu_host_error error = {0};
    assert_int_equal(ak_delay_init(&delay, 0, &error), -22);
    assert_non_null(strstr(error.text, "delayed_max"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pops_many_times_in_order_of_due_then_entry),
        cmocka_unit_test(due_empty_never),
        cmocka_unit_test(init_out_of_range_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
