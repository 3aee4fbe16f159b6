/* The public enums as words, and the settings' table, all from the X-macros of aksu.h: constant tables, no state.  A
 * value that is none of the enum's has a word too, so that a reader of damaged data can print it. */
#include "aksu/aksu.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char unknown[] = "unknown";

/* Errors are 0 and negative numbers without gaps. */
const char *aksu_err_text(aksu_err err) {
    static const char *const text[] = {
#define AKSU_X(name, value, text) [-(value)] = text,
        AKSU_ERRORS(AKSU_X)
#undef AKSU_X
    };
    const unsigned index = 0u - (unsigned)err;
    return index < COUNT(text) && text[index] != NULL ? text[index] : unknown;
}

const char *aksu_reason_text(aksu_reason reason) {
    static const char *const text[] = {
#define AKSU_X(name, text) [AKSU_REASON_##name] = text,
        AKSU_REASONS(AKSU_X)
#undef AKSU_X
    };
    _Static_assert(COUNT(text) == AKSU_REASON_COUNT, "a text for each");
    return (unsigned)reason < COUNT(text) ? text[reason] : unknown;
}

const char *aksu_cc_mode_text(aksu_cc_mode mode) {
    static const char *const text[] = {
#define AKSU_X(name, text) [AKSU_CC_##name] = text,
        AKSU_CC_MODES(AKSU_X)
#undef AKSU_X
    };
    _Static_assert(COUNT(text) == AKSU_CC_MODE_COUNT, "a text for each");
    return (unsigned)mode < COUNT(text) ? text[mode] : unknown;
}

const char *aksu_tcp_state_name(aksu_tcp_state state) {
    static const char *const name[] = {
#define AKSU_X(name, text) [AK_TCP_##name] = text,
        AKSU_TCP_STATES(AKSU_X)
#undef AKSU_X
    };
    _Static_assert(COUNT(name) == AK_TCP_STATE_COUNT && AK_TCP_STATE_COUNT == 11, "RFC 9293 s3.3.2");
    return (unsigned)state < COUNT(name) ? name[state] : unknown;
}

const char *aksu_drop_name(aksu_drop drop) {
    static const char *const name[] = {
#define AKSU_X(name, text) [AKSU_DROP_##name] = #name,
        AKSU_DROPS(AKSU_X)
#undef AKSU_X
    };
    _Static_assert(COUNT(name) == AKSU_DROP_COUNT, "a name for each");
    return (unsigned)drop < COUNT(name) ? name[drop] : unknown;
}

const char *aksu_drop_text(aksu_drop drop) {
    static const char *const text[] = {
#define AKSU_X(name, text) [AKSU_DROP_##name] = text,
        AKSU_DROPS(AKSU_X)
#undef AKSU_X
    };
    _Static_assert(COUNT(text) == AKSU_DROP_COUNT, "a text for each");
    return (unsigned)drop < COUNT(text) ? text[drop] : unknown;
}

const aksu_tcp_setting_info_t *aksu_tcp_setting_info(aksu_tcp_setting setting) {
    static const aksu_tcp_setting_info_t info[] = {
#define AKSU_X(NAME, field, smallest, largest, initial, sentence)                                                      \
    [AKSU_TCP_##NAME] = {.name = #field, .text = sentence, .min = smallest, .max = largest, .def = initial},
        AKSU_TCP_SETTINGS(AKSU_X)
#undef AKSU_X
    };
    _Static_assert(COUNT(info) == AKSU_TCP_SETTING_COUNT, "an entry for each");
    return (unsigned)setting < COUNT(info) ? &info[setting] : NULL;
}
