/* Unpredictable numbers: the same for the same key, uniform, and unlike for another key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"

static struct ak_prng keyed(uint8_t byte) {
    struct ak_prng prng = {.counter = 0};
    memset(&prng.key, byte, sizeof prng.key);
    return prng;
}

static void same_key_gives_the_same_numbers(void **state) {
    (void)state;
    struct ak_prng a = keyed(1), b = keyed(1), c = keyed(2);
    for (int i = 0; i < 1000; i++) {
        uint64_t number = ak_prng_u64(&a);
        assert_true(number == ak_prng_u64(&b));
        assert_true(number != ak_prng_u64(&c));
    }
}

/* Within its limit, and each value about as often: off by five standard deviations at most. */
static void below_is_uniform(void **state) {
    (void)state;
    static const uint32_t limits[] = {1, 2, 3, 7, 10, 64};
    struct ak_prng prng = keyed(3);
    for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++) {
        enum { EACH = 10000 };
        uint32_t count[64] = {0};
        for (uint32_t i = 0; i < limits[k] * EACH; i++) {
            uint32_t number = ak_prng_below(&prng, limits[k]);
            assert_true(number < limits[k]);
            count[number]++;
        }
        for (uint32_t i = 0; i < limits[k]; i++) assert_in_range(count[i], EACH - 500, EACH + 500);
    }
    for (int i = 0; i < 1000; i++) assert_true(ak_prng_below(&prng, UINT32_MAX) < UINT32_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_key_gives_the_same_numbers),
        cmocka_unit_test(below_is_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
