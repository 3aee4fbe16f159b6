/* Every scenario passes, and fails under its own mutation; the parser says where a file is wrong. */
#include "lab/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void each_scenario_passes_and_its_mutation_fails(void **state) {
    (void)state;
    glob_t found;
    assert_int_equal(glob(AKSU_SOURCE_DIR "/lab/scenarios/*.scn", 0, NULL, &found), 0);
    unsigned wrong = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        lab_error error;
        lab_scenario *s = lab_load(path, &error);
        if (s == NULL) {
            print_error("%s:%u:%u: %s\n", path, (unsigned)error.line, (unsigned)error.column, error.text);
            wrong++;
            continue;
        }
        const char *base = strrchr(path, '/') + 1;
        assert_int_equal(strncmp(base, s->name, strlen(s->name)), 0);
        char reason[LAB_REASON_MAX];
        if (s->not_yet == NULL && !lab_passes(s, LAB_INTACT, 0, reason)) {
            print_error("%s: %s\n", base, reason);
            wrong++;
        } else if (s->not_yet == NULL && lab_passes(s, LAB_MUTANT, 0, reason)) {
            print_error("%s: does not fail under its mutation\n", base);
            wrong++;
        }
        lab_free(s);
    }
    globfree(&found);
    assert_int_equal(wrong, 0);
}

static void check_width(const char *text, size_t columns) {
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        assert_non_null(end);
        char line[2000];
        (void)snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
        if (ak_text_columns(line) > columns) fail_msg("wider than %u: %s", (unsigned)columns, line);
        text = end + 1;
    }
}

/* Every scenario can be drawn in both languages, and no line is wider than asked. */
static void each_scenario_is_drawn_within_its_width(void **state) {
    (void)state;
    glob_t found;
    assert_int_equal(glob(AKSU_SOURCE_DIR "/lab/scenarios/*.scn", 0, NULL, &found), 0);
    static const uint32_t widths[] = {90, 100, 132, 180};
    for (size_t i = 0; i < found.gl_pathc; i++) {
        lab_error error;
        lab_scenario *s = lab_load(found.gl_pathv[i], &error);
        assert_non_null(s);
        for (uint32_t k = 0; k < 8 && s->not_yet == NULL; k++) {
            lab_options options = {.variant = LAB_INTACT, .draws = true, .ladder = {.gap_us = 1000000}};
            lab_draw_options draw = {.lang = k % 2 == 0 ? AK_LANG_EN : AK_LANG_KO, .columns = widths[k / 2]};
            lab_result *r = lab_play(s, 0, &options);
            assert_non_null(r);
            ak_memory memory = {.limit_bytes = 1u << 26};
            ak_writer writer = ak_writer_memory(&memory);
            assert_true(lab_draw(r, &draw, &writer));
            check_width(memory.text, draw.columns);
            ak_memory_free(&memory);
            lab_result_free(r);
        }
        lab_free(s);
    }
    globfree(&found);
}

static const char *const head = "scenario x\nchapter 1\ntitle \"a\" \"b\"\nquestion \"a\" \"b\"\nanswer \"a\" \"b\"\n"
                                "mutation \"a\" \"b\"\nhost a 10.0.0.1\nhost b 10.0.0.2\nlink a b delay 1ms\n";

static void bad_file_is_refused_with_its_place(void **state) {
    (void)state;
    static const struct {
        const char *line;
        unsigned column;
        const char *text;
    } rows[] = {
        {"at 1s c close", 7, "unknown host 'c'"},
        {"at 20s a close\nexpect lost 0", 0, "an action after the end of the run"},
        {"expect sunshine", 8, "an expectation that cannot be checked: 'sunshine'"},
        {"at 1x a close", 4, "'1x' is not a quantity with a unit (a time)"},
        {"at 1s a dance", 9, "unknown action 'dance'"},
        {"fault drop a>c", 12, "no link between the hosts of 'a>c'"},
        {"fault drop a>b flags SIN", 22, "unknown flag 'SIN'"},
        {"host a 10.0.0.3", 6, "host 'a' is there already"},
        {"expect path a NOWHERE", 15, "unknown state 'NOWHERE'"},
        {"title \"never ends", 7, "the quoted text does not end on its line"},
        {"at 1s a close now", 15, "'now' is one word too many"},
        {"gibberish", 1, "unknown statement 'gibberish'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t bytes = strlen(head) + strlen(rows[i].line) + 1;
        char *source = malloc(bytes);
        assert_non_null(source);
        (void)snprintf(source, bytes, "%s%s", head, rows[i].line);
        lab_error error = {0};
        assert_null(lab_parse(source, &error));
        assert_string_equal(error.text, rows[i].text);
        assert_int_equal(error.line, 10);
        if (rows[i].column != 0) assert_int_equal(error.column, rows[i].column);
    }
}

/* Any bytes are a scenario or an error, never a crash. */
static void random_bytes_are_refused(void **state) {
    (void)state;
    static const char *const words[] = {"host", "a",     "10.0.0.1", "link",  "fault",  "drop",       "a>b",
                                        "at",   "1s",    "\"t\"",    "\n",    "expect", "path",       "SYN",
                                        "on",   "story", "#",        "run",   "-1",     "\"",         "count",
                                        "<",    "send",  "a#0",      "forge", "a:1",    "b:port-of-a"};
    uint64_t random = 1;
    for (unsigned i = 0; i < 20000; i++) {
        char *source = calloc(1, 2000);
        assert_non_null(source);
        if (i % 2 == 0) (void)snprintf(source, 2000, "%s", head);
        size_t used = strlen(source);
        for (unsigned k = 0; k < 40; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const char *word = words[(random >> 33) % (sizeof words / sizeof words[0])];
            used += (size_t)snprintf(source + used, 2000 - used, "%s ", word);
        }
        lab_error error = {0};
        lab_scenario *s = lab_parse(source, &error);
        if (s == NULL) assert_true(error.text[0] != '\0');
        lab_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_file_is_refused_with_its_place),
        cmocka_unit_test(random_bytes_are_refused),
        cmocka_unit_test(each_scenario_is_drawn_within_its_width),
        cmocka_unit_test(each_scenario_passes_and_its_mutation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
