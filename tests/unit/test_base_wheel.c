/* Goal: every armed entry fires once, in order of ticks, never early and less than a tick late, whatever the distance
 * and wherever in time the wheel stands; the next deadline is never late. */
#include "base/wheel.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES 200u
#define TICK    ((uint64_t)AK_WHEEL_TICK_US)
#define AHEAD   (UINT64_C(1) << 31) /* ticks: no entry is filed further away */
#define NEVER   UINT64_MAX

struct entry {
    uint32_t other;
    struct ak_wheel_node node;
};

/* The reference: for each entry its tick, or NEVER. */
struct world {
    struct ak_wheel wheel;
    struct entry entries[ENTRIES];
    uint64_t due[ENTRIES];
    uint64_t now_us;
};

static struct world *world_make(uint64_t now_us) {
    struct world *w = calloc(1, sizeof *w);
    w->now_us = now_us;
    ak_lens_set(&w->wheel.node, 2, w->entries, sizeof(struct entry), offsetof(struct entry, node));
    ak_wheel_init(&w->wheel, now_us);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        ak_wheel_node_init(&w->entries[i].node);
        w->due[i] = NEVER;
    }
    return w;
}

static ak_ref ref_of(uint32_t i) {
    return ak_ref_of(2, i);
}

static uint64_t first_due(const struct world *w) {
    uint64_t first = NEVER;
    for (uint32_t i = 0; i < ENTRIES; i++) first = w->due[i] < first ? w->due[i] : first;
    return first;
}

static void arm(struct world *w, uint32_t i, uint64_t deadline_us) {
    uint64_t due = deadline_us / TICK + (deadline_us % TICK > 0);
    if (due < w->now_us / TICK) due = w->now_us / TICK;
    if (due > w->now_us / TICK + AHEAD) due = w->now_us / TICK + AHEAD;
    ak_wheel_arm(&w->wheel, ref_of(i), deadline_us);
    w->due[i] = due;
    assert_true(ak_wheel_armed(&w->entries[i].node));
    assert_int_equal(ak_wheel_due_us(&w->wheel, &w->entries[i].node), due * TICK);
}

static void disarm(struct world *w, uint32_t i) {
    ak_wheel_disarm(&w->wheel, ref_of(i));
    w->due[i] = NEVER;
    assert_false(ak_wheel_armed(&w->entries[i].node));
    assert_int_equal(ak_wheel_due_us(&w->wheel, &w->entries[i].node), UINT64_MAX);
}

/* The next time: exact within 64 ticks, never late, and always a step forward. */
static void next_right(const struct world *w) {
    const uint64_t next_us = ak_wheel_next_us(&w->wheel), first = first_due(w);
    if (first == NEVER) {
        assert_int_equal(next_us, UINT64_MAX);
        return;
    }
    assert_true(next_us <= first * TICK);
    if (first / 64 == w->now_us / TICK / 64) assert_int_equal(next_us, first * TICK);
    assert_true(next_us >= w->now_us / TICK * TICK);
}

static void fire_all(struct world *w, uint64_t now_us) {
    assert_true(now_us >= w->now_us);
    w->now_us = now_us;
    uint64_t last = 0;
    for (;;) {
        const uint64_t first = first_due(w);
        const ak_ref ref = ak_wheel_fire(&w->wheel, now_us);
        if (ref == AK_NONE) {
            assert_true(first == NEVER || first > now_us / TICK);
            break;
        }
        assert_int_equal(ak_ref_class(ref), 2);
        const uint32_t i = ak_ref_index(ref);
        assert_int_equal(w->due[i], first);
        assert_true(w->due[i] <= now_us / TICK && w->due[i] >= last);
        assert_false(ak_wheel_armed(&w->entries[i].node));
        last = w->due[i];
        w->due[i] = NEVER;
    }
    next_right(w);
}

/* Starts where digits, the node's 32 bits, the wheel's 36 bits or the microseconds themselves go over. */
static const uint64_t starts_us[] = {
    0,
    63,
    64,
    64 * 63,
    64 * 4095 + 1,
    (UINT64_C(1) << 31) * 64 - 64 * 70,
    (UINT64_C(1) << 32) * 64 - 64,
    (UINT64_C(1) << 32) * 64 - 64 * 100,
    (UINT64_C(1) << 36) * 64 - 64,
    (UINT64_C(1) << 36) * 64 - 64 * 5000,
    (UINT64_C(1) << 36) * 64 - (UINT64_C(1) << 31) * 64,
    UINT64_C(1760000000000000),
    UINT64_C(1) << 62,
};
#define STARTS (sizeof starts_us / sizeof *starts_us)

static void arm_one_every_distance_fires_on_its_tick(void **state) {
    (void)state;
    static const int64_t offsets[] = {-65, -64, -63, -1, 0, 1, 63, 64, 65};
    for (size_t s = 0; s < STARTS; s++) {
        for (unsigned bit = 0; bit <= 38; bit++) {
            for (size_t o = 0; o < sizeof offsets / sizeof *offsets; o++) {
                const int64_t distance_us = (int64_t)(UINT64_C(1) << bit) + offsets[o];
                if (distance_us < 0) continue;
                struct world *w = world_make(starts_us[s]);
                const uint64_t deadline_us = starts_us[s] + (uint64_t)distance_us;
                arm(w, 0, deadline_us);
                next_right(w);
                uint64_t due_us = w->due[0] * TICK;
                assert_true(due_us >= deadline_us || w->due[0] == starts_us[s] / TICK + AHEAD);
                assert_true(due_us < deadline_us + TICK);
                if (due_us > starts_us[s]) {
                    fire_all(w, due_us - 1);
                    assert_int_equal(w->due[0], due_us / TICK);
                }
                fire_all(w, due_us > starts_us[s] ? due_us : starts_us[s]);
                assert_int_equal(w->due[0], NEVER);
                assert_int_equal(w->wheel.count, 0);
                free(w);
            }
        }
    }
}

/* An owner that sleeps until ak_wheel_next_us each time wakes at most a few times for an entry. */
static void sleep_until_next_every_distance_few_wakes(void **state) {
    (void)state;
    for (size_t s = 0; s < STARTS; s++) {
        for (unsigned bit = 0; bit <= 37; bit++) {
            struct world *w = world_make(starts_us[s]);
            arm(w, 0, starts_us[s] + (UINT64_C(1) << bit) + 12345);
            unsigned wakes = 0;
            while (w->due[0] != NEVER) {
                assert_true(++wakes <= AK_WHEEL_LEVELS);
                const uint64_t next_us = ak_wheel_next_us(&w->wheel);
                fire_all(w, next_us > w->now_us ? next_us : w->now_us);
            }
            free(w);
        }
    }
}

static void arm_past_or_present_fires_at_once(void **state) {
    (void)state;
    struct world *w = world_make(1000010); /* in the middle of tick 15625 */
    arm(w, 0, 0);
    arm(w, 1, 1000000);
    arm(w, 2, 1000001);
    assert_true(ak_wheel_next_us(&w->wheel) <= 1000010);
    fire_all(w, 1000010);
    assert_int_equal(w->due[0], NEVER);
    assert_int_equal(w->due[1], NEVER);
    assert_int_equal(w->due[2], 15626);
    free(w);
}

static void arm_never_filed_at_farthest_rearm_possible(void **state) {
    (void)state;
    struct world *w = world_make(5);
    arm(w, 0, UINT64_MAX);
    assert_int_equal(ak_wheel_due_us(&w->wheel, &w->entries[0].node), AHEAD * TICK);
    fire_all(w, AHEAD * TICK);
    arm(w, 0, UINT64_MAX);
    assert_int_equal(ak_wheel_due_us(&w->wheel, &w->entries[0].node), 2 * AHEAD * TICK);
    free(w);
}

static void end_of_time_nothing_wraps(void **state) {
    (void)state;
    struct world *w = world_make(UINT64_MAX - 1000);
    ak_wheel_arm(&w->wheel, ref_of(0), UINT64_MAX);
    ak_wheel_arm(&w->wheel, ref_of(1), UINT64_MAX - 500);
    assert_int_equal(ak_wheel_fire(&w->wheel, UINT64_MAX), ref_of(1));
    assert_int_equal(ak_wheel_fire(&w->wheel, UINT64_MAX), AK_NONE); /* the tick after UINT64_MAX does not come */
    assert_int_equal(ak_wheel_next_us(&w->wheel), UINT64_MAX);
    assert_true(ak_wheel_check(&w->wheel));
    free(w);
}

static void arm_again_moves_disarm_twice_harmless(void **state) {
    (void)state;
    struct world *w = world_make(0);
    arm(w, 0, 6400);
    arm(w, 0, 640000);
    assert_int_equal(w->wheel.count, 1);
    fire_all(w, 10000);
    arm(w, 0, 11000);
    arm(w, 0, 11000);
    assert_int_equal(w->wheel.count, 1);
    fire_all(w, 20000);
    assert_int_equal(w->due[0], NEVER);
    arm(w, 0, 30000);
    disarm(w, 0);
    disarm(w, 0);
    assert_int_equal(w->wheel.count, 0);
    fire_all(w, 40000);
    free(w);
}

/* Entries of one tick, disarmed in every place of their chain. */
static void disarm_any_of_a_slot_others_fire(void **state) {
    (void)state;
    for (uint32_t gone = 0; gone < 4; gone++) {
        struct world *w = world_make(0);
        for (uint32_t i = 0; i < 4; i++) arm(w, i, 5000000);
        disarm(w, gone);
        assert_true(ak_wheel_check(&w->wheel));
        fire_all(w, 5000000 + 64);
        for (uint32_t i = 0; i < 4; i++) assert_int_equal(w->due[i], NEVER);
        free(w);
    }
}

static uint64_t random_u64(void) {
    return (uint64_t)(unsigned)random_int() << 40 ^ (uint64_t)(unsigned)random_int() << 20 ^
           (uint64_t)(unsigned)random_int();
}

/* Distances of every magnitude, so that all levels are used. */
static uint64_t random_distance_us(unsigned bits_max) {
    return random_u64() & ((UINT64_C(1) << (unsigned)random_int() % bits_max) - 1);
}

static void random_operations_as_reference(void **state) {
    (void)state;
    for (size_t s = 0; s < STARTS; s++) {
        struct world *w = world_make(starts_us[s]);
        random_seed(s + 5);
        for (unsigned n = 0; n < 4000; n++) {
            const uint32_t i = (uint32_t)random_int() % ENTRIES;
            switch (random_int() % 8) {
            case 0: disarm(w, i); break;
            case 1: fire_all(w, w->now_us + random_distance_us(40)); break;
            case 2: fire_all(w, w->now_us + random_distance_us(20)); break;
            case 3:
                if (first_due(w) != NEVER && ak_wheel_next_us(&w->wheel) > w->now_us) {
                    fire_all(w, ak_wheel_next_us(&w->wheel));
                }
                break;
            default: arm(w, i, w->now_us + random_distance_us(40)); break;
            }
            uint32_t count = 0;
            for (uint32_t j = 0; j < ENTRIES; j++) count += w->due[j] != NEVER;
            assert_int_equal(w->wheel.count, count);
            next_right(w);
            if (n % 16 == 0) assert_true(ak_wheel_check(&w->wheel));
        }
        free(w);
    }
}

static void copied_world_fires_the_same(void **state) {
    (void)state;
    struct world *w = world_make(777);
    random_seed(6);
    for (uint32_t i = 0; i < ENTRIES; i++) arm(w, i, 777 + random_distance_us(34));
    struct world *copy = malloc(sizeof *copy);
    memcpy(copy, w, sizeof *copy);
    for (;;) {
        const ak_ref ref = ak_wheel_fire(&w->wheel, UINT64_C(1) << 33);
        assert_int_equal(ak_wheel_fire(&copy->wheel, UINT64_C(1) << 33), ref);
        if (ref == AK_NONE) break;
    }
    free(w);
    assert_true(ak_wheel_check(&copy->wheel));
    free(copy);
}

static void damaged_check_false(void **state) {
    (void)state;
    struct world *w = world_make(0);
    arm(w, 0, 640);
    arm(w, 1, 640);
    assert_true(ak_wheel_check(&w->wheel));
    w->entries[0].node.tick = 11;
    assert_false(ak_wheel_check(&w->wheel));
    w->entries[0].node.tick = 10;
    w->wheel.count = 1;
    assert_false(ak_wheel_check(&w->wheel));
    w->wheel.count = 3;
    assert_false(ak_wheel_check(&w->wheel));
    w->wheel.count = 2;
    w->wheel.occupied[0] = 0;
    assert_false(ak_wheel_check(&w->wheel));
    w->wheel.occupied[0] = 1 << 10;
    assert_true(ak_wheel_check(&w->wheel));
    w->wheel.occupied[3] = 1;
    assert_false(ak_wheel_check(&w->wheel));
    free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arm_one_every_distance_fires_on_its_tick),
        cmocka_unit_test(sleep_until_next_every_distance_few_wakes),
        cmocka_unit_test(arm_past_or_present_fires_at_once),
        cmocka_unit_test(arm_never_filed_at_farthest_rearm_possible),
        cmocka_unit_test(end_of_time_nothing_wraps),
        cmocka_unit_test(arm_again_moves_disarm_twice_harmless),
        cmocka_unit_test(disarm_any_of_a_slot_others_fire),
        cmocka_unit_test(random_operations_as_reference),
        cmocka_unit_test(copied_world_fires_the_same),
        cmocka_unit_test(damaged_check_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
