/* Goal: every value of every public enum has its own word, a value of none has one too, and the settings' table agrees
 * with itself and with the struct. */
#include "aksu/aksu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const int beyond[] = {-1000000, -1, 1000, 0x7fffffff};

static void err_every_value_its_text(void **state) {
    (void)state;
#define AKSU_X(name, value, text) assert_string_equal(aksu_err_text(AKSU_ERR_##name), text);
    AKSU_ERRORS(AKSU_X)
#undef AKSU_X
    static const int others[] = {1, 2, 17, -18, -19, -1000, 0x7fffffff, -0x7fffffff - 1};
    for (size_t i = 0; i < COUNT(others); i++) assert_string_equal(aksu_err_text((aksu_err)others[i]), "unknown");
}

static void state_names_spelled_as_in_the_rfc(void **state) {
    (void)state;
    static const char *const names[] = {"CLOSED",      "LISTEN",     "SYN-SENT",   "SYN-RECEIVED",
                                        "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",
                                        "CLOSING",     "LAST-ACK",   "TIME-WAIT"};
    assert_int_equal(COUNT(names), AK_TCP_STATE_COUNT);
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_string_equal(aksu_tcp_state_name((aksu_tcp_state)i), names[i]);
    }
    assert_string_equal(aksu_tcp_state_name(AK_TCP_STATE_COUNT), "unknown");
    for (size_t i = 0; i < COUNT(beyond); i++) {
        assert_string_equal(aksu_tcp_state_name((aksu_tcp_state)beyond[i]), "unknown");
    }
}

static void reason_and_drop_every_value_its_word(void **state) {
    (void)state;
#define AKSU_X(name, text) assert_string_equal(aksu_reason_text(AKSU_REASON_##name), text);
    AKSU_REASONS(AKSU_X)
#undef AKSU_X
#define AKSU_X(name, text)                                                                                             \
    assert_string_equal(aksu_drop_name(AKSU_DROP_##name), #name);                                                      \
    assert_string_equal(aksu_drop_text(AKSU_DROP_##name), text);
    AKSU_DROPS(AKSU_X)
#undef AKSU_X
    assert_string_equal(aksu_reason_text(AKSU_REASON_COUNT), "unknown");
    assert_string_equal(aksu_drop_name(AKSU_DROP_COUNT), "unknown");
    assert_string_equal(aksu_drop_text(AKSU_DROP_COUNT), "unknown");
    for (size_t i = 0; i < COUNT(beyond); i++) {
        assert_string_equal(aksu_reason_text((aksu_reason)beyond[i]), "unknown");
        assert_string_equal(aksu_drop_name((aksu_drop)beyond[i]), "unknown");
        assert_string_equal(aksu_drop_text((aksu_drop)beyond[i]), "unknown");
    }
}

static void words_all_different(void **state) {
    (void)state;
    for (unsigned i = 0; i < AKSU_DROP_COUNT; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(aksu_drop_name((aksu_drop)i), aksu_drop_name((aksu_drop)j));
            assert_string_not_equal(aksu_drop_text((aksu_drop)i), aksu_drop_text((aksu_drop)j));
        }
    }
    for (unsigned i = 0; i < AKSU_REASON_COUNT; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(aksu_reason_text((aksu_reason)i), aksu_reason_text((aksu_reason)j));
        }
    }
}

static void setting_info_every_setting_consistent(void **state) {
    (void)state;
    for (unsigned i = 0; i < AKSU_TCP_SETTING_COUNT; i++) {
        const aksu_tcp_setting_info_t *info = aksu_tcp_setting_info((aksu_tcp_setting)i);
        assert_non_null(info);
        assert_true(strlen(info->name) > 0 && strlen(info->text) > 0);
        assert_true(info->min <= info->def && info->def <= info->max);
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(info->name, aksu_tcp_setting_info((aksu_tcp_setting)j)->name);
        }
    }
    assert_null(aksu_tcp_setting_info(AKSU_TCP_SETTING_COUNT));
    for (size_t i = 0; i < COUNT(beyond); i++) assert_null(aksu_tcp_setting_info((aksu_tcp_setting)beyond[i]));
}

/* The field of setting i is the i-th of the struct: set and get may index it. */
static void setting_info_order_is_the_structs(void **state) {
    (void)state;
#define AKSU_X(NAME, field, smallest, largest, initial, sentence)                                                      \
    assert_int_equal(offsetof(aksu_tcp_settings, field), AKSU_TCP_##NAME * sizeof(uint64_t));                          \
    assert_string_equal(aksu_tcp_setting_info(AKSU_TCP_##NAME)->name, #field);
    AKSU_TCP_SETTINGS(AKSU_X)
#undef AKSU_X
    const aksu_tcp_setting_info_t *ttl = aksu_tcp_setting_info(AKSU_TCP_TTL);
    assert_int_equal(ttl->min, 1);
    assert_int_equal(ttl->max, 255);
    assert_int_equal(ttl->def, 64);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_every_value_its_text),
        cmocka_unit_test(state_names_spelled_as_in_the_rfc),
        cmocka_unit_test(reason_and_drop_every_value_its_word),
        cmocka_unit_test(words_all_different),
        cmocka_unit_test(setting_info_every_setting_consistent),
        cmocka_unit_test(setting_info_order_is_the_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
