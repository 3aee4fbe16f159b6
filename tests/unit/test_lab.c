/* Every scenario passes, and fails under its own mutation; the parser says where a file is wrong. */
#include "lab/ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool speaks_other_version(const lab_scenario *s, bool ipv6) {
    lab_options options = {.variant = LAB_INTACT};
    lab_result *r = lab_play(s, 0, &options);
    assert_non_null(r);
    bool other = false;
    for (uint32_t i = 0; i < r->segment_count; i++) other |= aksu_addr_is_v4(&r->segment[i].segment.flow.local) == ipv6;
    lab_result_free(r);
    return other;
}

static void pass_all(bool ipv6) {
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
        if (ipv6) lab_to_ipv6(s);
        if (s->not_yet == NULL && speaks_other_version(s, ipv6)) {
            print_error("%s: not over the version that was asked for\n", base);
            wrong++;
        }
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

/* What a naive host has after all: each switch makes true what is false without it. */
static void naive_hosts_have_their_switches(void **state) {
    (void)state;
    static const struct {
        const char *without, *with, *script;
    } rows[] = {
        {"yes", "three-way", "at 1s forge a:1 b:80 SYN seq 1\nexpect state b SYN-RECEIVED 1\n"},
        {"three-way", "allocate-at-ack",
         "at 1s forge a:1 b:80 SYN seq 1 times 20\nat 2s a connect b:80 from 9\nat 3s a send \"x\"\n"
         "expect state b SYN-RECEIVED 0\nexpect state b ESTABLISHED 1\nexpect delivered b \"x\"\n"},
        {"three-way", "three-way,random-isn",
         "at 1s forge c:1 b:80 SYN seq 5 as a\nat 2s forge c:1 b:80 ACK seq 6 ack 2 as a\n"
         "expect state b ESTABLISHED 0\n"},
        {"three-way", "time-wait,three-way",
         "at 1s a connect b:80 from 9\nat 2s a close\nat 2s b close\nat 3s a connect b:80 from 9\n"
         "at 4s a close\nat 4s b close\n"
         "at 70s a connect b:80 from 9\nat 71s a send \"x\"\nexpect told b incoming 2\nexpect delivered b \"x\"\n"},
    };
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof rows[0]); i++) {
        bool given = i % 2 == 1;
        const char *word = given ? rows[i / 2].with : rows[i / 2].without;
        char text[1000], reason[LAB_REASON_MAX];
        int bytes =
            snprintf(text, sizeof text,
                     "scenario x\nchapter 1\ntitle \"x\" \"x\"\nquestion \"x\" \"x\"\nanswer \"x\" \"x\"\n"
                     "mutation \"x\" \"x\"\nhost a 10.0.0.1 naive=%s\nhost b 10.0.0.2 naive=%s\nhost c 10.0.0.3\n"
                     "link a b\nlink b c\nat 0s b listen 80\nend 80s\n%s",
                     word, word, rows[i / 2].script);
        char *source = malloc((size_t)bytes + 1);
        assert_non_null(source);
        memcpy(source, text, (size_t)bytes + 1);
        lab_error error;
        lab_scenario *s = lab_parse(source, &error);
        if (s == NULL) fail_msg("%u: %s", (unsigned)error.line, error.text);
        if (lab_passes(s, LAB_INTACT, 0, reason) != given) fail_msg("row %zu, naive=%s: %s", i / 2, word, reason);
        lab_free(s);
    }
}

static void each_scenario_passes_and_its_mutation_fails(void **state) {
    (void)state;
    pass_all(/* ipv6= */ false);
}

static void each_scenario_passes_over_ipv6_too(void **state) {
    (void)state;
    pass_all(/* ipv6= */ true);
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

static lab_scenario *load_named(const char *name) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/lab/scenarios/%s.scn", AKSU_SOURCE_DIR, name);
    lab_error error;
    lab_scenario *s = lab_load(path, &error);
    if (s == NULL) fail_msg("%s:%u: %s", path, (unsigned)error.line, error.text);
    return s;
}

static uint32_t play_all(const lab_scenario *s, lab_result *results[LAB_RUN_MAX]) {
    for (uint32_t run = 0; run < s->run_count; run++) {
        lab_options options = {.variant = LAB_INTACT, .draws = true, .ladder = {.gap_us = 1000000}};
        results[run] = lab_play(s, (int)run, &options);
        assert_non_null(results[run]);
    }
    return s->run_count;
}

static void free_all(lab_result *results[LAB_RUN_MAX], uint32_t count) {
    for (uint32_t i = 0; i < count; i++) lab_result_free(results[i]);
}

/* Same as the file, or the file written anew with AKSU_GOLDEN_UPDATE=1; then read what changed. */
static void assert_golden(const char *name, const char *suffix, const char *text) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/golden/lab_%s_%s.txt", AKSU_SOURCE_DIR, name, suffix);
    if (getenv("AKSU_GOLDEN_UPDATE") != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
        return;
    }
    static char golden[1u << 18];
    FILE *file = fopen(path, "r");
    if (file == NULL) fail_msg("no %s", path);
    golden[fread(golden, 1, sizeof golden - 1, file)] = '\0';
    (void)fclose(file);
    if (strcmp(golden, text) != 0) fail_msg("differs from %s:\n%s", path, text);
}

/* The central scenarios look as they looked. */
static void central_scenarios_look_as_before(void **state) {
    (void)state;
    static const char *const names[] = {
        "three-way-handshake",  "syn-lost",          "refused",
        "old-duplicate-syn",    "simultaneous-open", "four-way-close",
        "simultaneous-close",   "last-ack-lost",     "abort",
        "peer-crashed-active",  "two-way-half-open", "blind-reset",
        "keep-alive-dead-peer",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lab_scenario *s = load_named(names[i]);
        lab_result *results[LAB_RUN_MAX];
        uint32_t count = play_all(s, results);
        for (int lang = 0; lang < AK_LANG_COUNT; lang++) {
            lab_draw_options draw = {.lang = (ak_lang)lang, .columns = 110};
            ak_memory memory = {.limit_bytes = 1u << 20};
            ak_writer writer = ak_writer_memory(&memory);
            for (uint32_t run = 0; run < count; run++) assert_true(lab_draw(results[run], &draw, &writer));
            assert_golden(names[i], lang == AK_LANG_KO ? "ko" : "en", memory.text);
            ak_memory_free(&memory);
        }
        free_all(results, count);
        lab_free(s);
    }
}

/* The time at the beginning of a line or of its right half, -1: none there. */
static double time_at(const char *half, const char *end) {
    while (half < end && *half == ' ') half++;
    const char *point = memchr(half, '.', (size_t)(end - half));
    return point != NULL && half[0] >= '0' && half[0] <= '9' && point[3] >= '0' && point[3] <= '9' ? strtod(half, NULL)
                                                                                                   : -1;
}

/* What both halves tell of one moment stands in one line, and time never runs backwards down the page. */
static void check_moments(const char *text) {
    double last[2] = {-1, -1};
    uint32_t together = 0;
    while (*text != '\0') {
        const char *end = strchr(text, '\n'), *between = strstr(text, " | ");
        assert_non_null(end);
        bool two = between != NULL && between < end;
        double now[2] = {time_at(text, two ? between : end), two ? time_at(between + 3, end) : -1};
        for (unsigned i = 0; i < 2; i++) {
            if (now[i] < 0) continue;
            assert_true(now[i] > last[i]);
            assert_true(now[i] > last[1 - i]);
        }
        if (now[0] >= 0 && now[1] >= 0) assert_true(now[0] == now[1]);
        together += now[0] >= 0 && now[1] >= 0;
        for (unsigned i = 0; i < 2; i++) last[i] = now[i] >= 0 ? now[i] : last[i];
        text = end + 1;
    }
    assert_true(together >= 5);
}

static void twins_side_by_side_within_the_width(void **state) {
    (void)state;
    lab_scenario *s = load_named("two-way-half-open");
    lab_result *results[LAB_RUN_MAX];
    uint32_t count = play_all(s, results);
    assert_int_equal(count, 2);
    assert_int_equal(lab_beside_columns(s, 122), 0);
    assert_int_equal(lab_beside_columns(s, 123), 60);
    for (uint32_t columns = 123; columns < 200; columns += 19) {
        for (int lang = 0; lang < AK_LANG_COUNT; lang++) {
            lab_draw_options draw = {.lang = (ak_lang)lang, .columns = columns};
            ak_memory memory = {.limit_bytes = 1u << 20};
            ak_writer writer = ak_writer_memory(&memory);
            assert_true(lab_draw_beside((const lab_result *const *)results, count, &draw, &writer));
            check_width(memory.text, columns);
            assert_non_null(strstr(memory.text, " | "));
            check_moments(memory.text);
            ak_memory_free(&memory);
        }
    }
    /* Colours end with their half. */
    lab_draw_options draw = {.columns = 140, .paint = AK_PAINT_COLOURS};
    ak_memory memory = {.limit_bytes = 1u << 20};
    ak_writer writer = ak_writer_memory(&memory);
    assert_true(lab_draw_beside((const lab_result *const *)results, count, &draw, &writer));
    for (const char *line = memory.text; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *between = strstr(line, " | "), *last = NULL;
        for (const char *at = line; between != NULL && at < between; at++) last = *at == '\x1b' ? at : last;
        if (last != NULL && between < strchr(line, '\n')) assert_memory_equal(last, "\x1b[0m", 4);
    }
    ak_memory_free(&memory);
    free_all(results, count);
    lab_free(s);
}

static char *step_by(const lab_scenario *s, const char *keys) {
    static char said[1u << 16];
    char path[] = "/tmp/aksu-step-XXXXXX", out[] = "/tmp/aksu-step-XXXXXX";
    int in_file = mkstemp(path), out_file = mkstemp(out);
    assert_true(in_file >= 0 && out_file >= 0);
    assert_int_equal(write(in_file, keys, strlen(keys)), strlen(keys));
    (void)fflush(stdout);
    int stdin_was = dup(STDIN_FILENO), stdout_was = dup(STDOUT_FILENO);
    assert_int_equal(lseek(in_file, 0, SEEK_SET), 0);
    assert_true(dup2(in_file, STDIN_FILENO) >= 0 && dup2(out_file, STDOUT_FILENO) >= 0);
    clearerr(stdin);
    struct ask ask = {.step = true, .draw = {.columns = 100}};
    int status = lab_show(s, &ask);
    (void)fflush(stdout);
    assert_true(dup2(stdin_was, STDIN_FILENO) >= 0 && dup2(stdout_was, STDOUT_FILENO) >= 0);
    ssize_t bytes = pread(out_file, said, sizeof said - 1, 0);
    assert_true(bytes > 0);
    said[bytes] = '\0';
    (void)close(in_file);
    (void)close(out_file);
    (void)close(stdin_was);
    (void)close(stdout_was);
    (void)unlink(path);
    (void)unlink(out);
    assert_int_equal(status, 0);
    return said;
}

/* The lines that tell where one is. */
static uint32_t step_lines(const char *text, char line[][160], uint32_t max) {
    uint32_t count = 0;
    for (const char *at = strstr(text, "--- "); at != NULL && count < max; at = strstr(at + 1, "--- "))
        (void)snprintf(line[count++], 160, "%.*s", (int)strcspn(at, "\n"), at);
    return count;
}

static void step_forwards_and_back_shows_the_same(void **state) {
    (void)state;
    lab_scenario *s = load_named("three-way-handshake");
    char line[64][160];
    uint32_t count = step_lines(step_by(s, "nnnnnbbbbb"), line, 64);
    assert_int_equal(count, 11);
    for (uint32_t i = 0; i <= 5; i++) assert_string_equal(line[i], line[10 - i]);
    assert_non_null(strstr(line[0], "--- 1/"));
    count = step_lines(step_by(s, "GgbG q"), line, 64);
    assert_int_equal(count, 6);
    assert_string_equal(line[1], line[4]);
    assert_string_equal(line[4], line[5]); /* forwards from the last step: it stays */
    assert_string_equal(line[0], line[2]);
    assert_string_equal(line[2], line[3]);
    assert_non_null(strstr(line[1], "client ESTABLISHED   server ESTABLISHED"));
    lab_free(s);
}

static void diagram_svg_of_every_scenario_has_no_overlap(void **state) {
    (void)state;
    glob_t found;
    assert_int_equal(glob(AKSU_SOURCE_DIR "/lab/scenarios/*.scn", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        lab_error error;
        lab_scenario *s = lab_load(found.gl_pathv[i], &error);
        assert_non_null(s);
        lab_result *results[LAB_RUN_MAX];
        uint32_t count = s->not_yet == NULL ? play_all(s, results) : 0;
        for (uint32_t run = 0; run < count; run++) {
            ak_memory memory = {.limit_bytes = 1u << 20};
            ak_writer writer = ak_writer_memory(&memory);
            assert_true(lab_diagram_svg(results[run], AK_LANG_EN, &writer));
            ak_memory_free(&memory);
        }
        free_all(results, count);
        lab_free(s);
    }
    globfree(&found);
}

/* Reasons stand in brackets: no English word is left in those of a Korean ladder. */
static void check_korean(const char *text) {
    unsigned letters = 0;
    bool inside = false;
    for (text++; *text != '\0'; text++) {
        if (*text == '[' || *text == ']' || *text == '\n') inside = *text == '[';
        bool letter = inside && *text >= 'a' && *text <= 'z';
        bool named = letters == 0 && text[-1] >= 'A' && text[-1] <= 'Z'; /* Keep-Alive */
        letters = letter && !named ? letters + 1 : 0;
        if (letters == 4) fail_msg("an English word in a Korean ladder: %.20s", text - 3);
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
            if (draw.lang == AK_LANG_KO) check_korean(memory.text);
            ak_memory_free(&memory);
            lab_result_free(r);
        }
        lab_free(s);
    }
    globfree(&found);
}

/* A story whose step never comes would be told nowhere. */
static void each_story_is_told(void **state) {
    (void)state;
    glob_t found;
    unsigned untold = 0;
    assert_int_equal(glob(AKSU_SOURCE_DIR "/lab/scenarios/*.scn", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        lab_error error;
        lab_scenario *s = lab_load(found.gl_pathv[i], &error);
        assert_non_null(s);
        lab_result *results[LAB_RUN_MAX];
        uint32_t count = s->not_yet == NULL ? s->run_count : 0;
        bool told[LAB_ITEM_MAX] = {0};
        for (uint32_t run = 0; run < count; run++) {
            lab_teller *teller = calloc(1, sizeof *teller);
            assert_non_null(teller);
            lab_options options = {
                .variant = LAB_INTACT, .draws = true, .ladder = {.gap_us = 1000000, .show = AK_SHOW_PACKETS}};
            teller->result = results[run] = lab_play(s, (int)run, &options);
            assert_non_null(teller->result);
            size_t row_count;
            const ak_row *rows = ak_ladder_rows(results[run]->ladder, &row_count);
            const lab_story *stories[LAB_ITEM_MAX];
            for (size_t row = 0; row < row_count; row++) (void)lab_tell(teller, &rows[row], stories);
            for (uint32_t k = 0; k < s->story_count; k++) told[k] = told[k] || teller->told[k];
            free(teller);
        }
        for (uint32_t k = 0; k < s->story_count; k++) {
            if (told[k] || count == 0 || s->story[k].place.when == LAB_MUTANT) continue;
            print_error("%s: never told: %s\n", s->name, s->story[k].text.text[AK_LANG_EN]);
            untold++;
        }
        free_all(results, count);
        lab_free(s);
    }
    globfree(&found);
    assert_int_equal(untold, 0);
}

static bool walked[AK_TCP_STATE_COUNT][AK_TCP_STATE_COUNT];

static void on_walk(void *user, uint32_t host, const aksu_trace_event *event) {
    (void)user;
    (void)host;
    if (event->kind == AKSU_TRACE_STATE) walked[event->u.state.from][event->u.state.to] = true;
}

static void each_legal_edge_is_walked(void **state) {
    (void)state;
    glob_t found;
    assert_int_equal(glob(AKSU_SOURCE_DIR "/lab/scenarios/*.scn", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        lab_error error;
        lab_scenario *s = lab_load(found.gl_pathv[i], &error);
        assert_non_null(s);
        for (uint32_t run = 0; run < s->run_count && s->not_yet == NULL; run++) {
            lab_options options = {.variant = LAB_INTACT, .event = on_walk};
            lab_result_free(lab_play(s, (int)run, &options));
        }
        lab_free(s);
    }
    globfree(&found);
    for (int from = 0; from < AK_TCP_STATE_COUNT; from++) {
        for (int to = 0; to < AK_TCP_STATE_COUNT; to++) {
            if (aksu_sim_edge_legal((aksu_tcp_state)from, (aksu_tcp_state)to) != walked[from][to])
                fail_msg("%s -> %s", aksu_tcp_state_name((aksu_tcp_state)from),
                         aksu_tcp_state_name((aksu_tcp_state)to));
        }
    }
}

static void each_loss_has_a_text_in_both_languages(void **state) {
    (void)state;
    for (unsigned i = 0; i < AKSU_SIM_LOSS_COUNT; i++) {
        const char *const *texts = lab_loss((aksu_sim_loss)i);
        assert_string_not_equal(aksu_sim_loss_text((aksu_sim_loss)i), "?");
        assert_non_null(texts[AK_LANG_EN]);
        assert_non_null(texts[AK_LANG_KO]);
        assert_string_not_equal(texts[AK_LANG_EN], texts[AK_LANG_KO]);
    }
    assert_string_equal(aksu_sim_loss_text(AKSU_SIM_LOSS_COUNT), "?");
}

/* The diagram in characters: eleven states, a way's first and last CLOSED, nothing wider than 80 columns or ragged. */
static void diagram_in_characters(void **state) {
    (void)state;
    lab_scenario *s = load_named("four-way-close");
    lab_options options = {.variant = LAB_INTACT};
    lab_result *r = lab_play(s, 0, &options);
    assert_non_null(r);
    for (int glyphs = AK_GLYPHS_BOX; glyphs <= AK_GLYPHS_ASCII; glyphs++) {
        lab_draw_options draw = {.glyphs = (ak_glyphs)glyphs};
        ak_memory memory = {.limit_bytes = 1u << 20};
        ak_writer writer = ak_writer_memory(&memory);
        lab_diagram(r, 0, &draw, &writer);
        check_width(memory.text, 80);
        assert_null(strstr(memory.text, " \n"));
        for (int i = 0; i < AK_TCP_STATE_COUNT; i++)
            assert_non_null(strstr(memory.text, aksu_tcp_state_name((aksu_tcp_state)i)));
        static const char *const marked[] = {" 1 CLOSED ",     " 2 SYN-SENT ",  " 3 ESTABLISHED ", " 4 FIN-WAIT-1 ",
                                             " 5 FIN-WAIT-2 ", " 6 TIME-WAIT ", " 7 CLOSED "};
        for (size_t i = 0; i < sizeof marked / sizeof marked[0]; i++) assert_non_null(strstr(memory.text, marked[i]));
        assert_null(strstr(memory.text, " 8 "));
        for (const char *c = memory.text; glyphs == AK_GLYPHS_ASCII && *c != '\0'; c++) assert_true((*c & 0x80) == 0);
        ak_memory_free(&memory);
    }
    lab_result_free(r);
    lab_free(s);
}

/* Under its mutation a scenario is drawn without its story and answer, and failing is what it is for. */
static void mutation_is_shown_as_such(void **state) {
    (void)state;
    lab_scenario *s = load_named("fin-lost");
    for (int lang = 0; lang < AK_LANG_COUNT; lang++) {
        lab_options options = {.variant = LAB_MUTANT, .draws = true, .ladder = {.gap_us = 1000000}};
        lab_draw_options draw = {.lang = (ak_lang)lang, .columns = 100};
        lab_result *r = lab_play(s, 0, &options);
        assert_non_null(r);
        ak_memory memory = {.limit_bytes = 1u << 20};
        ak_writer writer = ak_writer_memory(&memory);
        assert_true(lab_draw(r, &draw, &writer));
        check_width(memory.text, 100);
        assert_non_null(strstr(memory.text, lang == AK_LANG_KO ? "변이: FIN이" : "Mutation: the FIN is not lost\n"));
        assert_non_null(strstr(memory.text, lang == AK_LANG_KO ? "실패해야 한다: line" : "It must fail: line"));
        assert_null(strstr(memory.text, "  > "));
        assert_null(strstr(memory.text, lab_words(&s->answer, (ak_lang)lang)));
        ak_memory_free(&memory);
        lab_result_free(r);
    }
    lab_free(s);
}

/* Each run of several has a capture of its own, with its own packets only. */
static void runs_are_captured_apart(void **state) {
    (void)state;
    lab_scenario *s = load_named("ghost-session-reconnect");
    char folder[] = "/tmp/aksu-runs-XXXXXX", asked[64], made[2][64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(asked, sizeof asked, "%s/g.pcapng", folder);
    (void)snprintf(made[0], sizeof made[0], "%s/g.other.pcapng", folder);
    (void)snprintf(made[1], sizeof made[1], "%s/g.same.pcapng", folder);
    int stdout_was = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY);
    (void)fflush(stdout);
    assert_true(dup2(null, STDOUT_FILENO) >= 0);
    struct ask ask = {.pcapng = asked, .draw = {.columns = 100}};
    int status = lab_show(s, &ask);
    (void)fflush(stdout);
    assert_true(dup2(stdout_was, STDOUT_FILENO) >= 0);
    (void)close(stdout_was);
    (void)close(null);
    assert_int_equal(status, 0);
    assert_int_equal(access(asked, F_OK), -1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(access(made[i], R_OK), 0);
        (void)unlink(made[i]);
    }
    (void)rmdir(folder);
    lab_free(s);
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
        {"router a 10.0.0.9", 8, "'a' is there already"},
        {"router r 10.0.0", 10, "'10.0.0' is not an address"},
        {"link a a", 8, "a link has two ends"},
        {"link a z", 8, "unknown host 'z'"},
        {"link a b reorder 1%", 18, "'by' and a time are missing"},
        {"link a b delay 1ms from z", 25, "unknown host 'z'"},
        {"at 1s path a>b speed 9", 16, "unknown word 'speed' for a path"},
        {"at 1s a connect b:http", 17, "'b:http' does not end in a port from 0 to 65535"},
        {"at 1s a connect b:70000", 17, "'b:70000' does not end in a port from 0 to 65535"},
        {"at 1s a connect b:80 from 70000", 27, "'70000' is not a number up to 65535 (a port)"},
        {"at 1s a#1x close", 7, "'a#1x': connections are counted from 1"},
        {"at 1s forge a:1 b:2 SYN times -1", 31, "'-1' is not a number up to 65535 (how often)"},
        {"at 1s forge a:1 b:2 SYN seq b.iss+", 29, "'b.iss+' is not HOST.FIELD+N"},
        {"at 1s forge a:1 b:2 SYN seq b.iss+1x", 29, "'b.iss+1x' is not HOST.FIELD+N"},
        {"at 1s forge a:1 b:2 SYN ts", 25, "a number is missing"},
        {"at 1s forge a:1 b:2 SYN ts 1 echo b.stamp", 35, "'b.stamp' is not HOST.FIELD"},
        {"at 1s a send 3000000000", 14, "'3000000000' is not a number up to 2147483647 (text or a number of bytes)"},
        {"host c 10.0.0.3 naive=three-way,sense", 0,
         "'sense' is not three-way, random-isn, time-wait or allocate-at-ack"},
        {"host c 10.0.0.2", 8, "another host has the address '10.0.0.2'"},
        {"link a b loss 101%", 15, "'101%' is more than 100%"},
        {"link a b burst 1% 200% 3%", 19, "'200%' is more than 100%"},
        {"at 1s a clock", 9, "how far it jumps forwards is missing"},
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
    static const char *const six = "scenario x\nhost a 10.0.0.1\nhost b 2001:db8::2\nlink a b\n"
                                   "at 1s forge a:1 b:2 SYN\n";
    char *source = malloc(strlen(six) + 1);
    assert_non_null(source);
    memcpy(source, six, strlen(six) + 1);
    lab_error error = {0};
    assert_null(lab_parse(source, &error));
    assert_string_equal(error.text, "these hosts speak different versions of IP");
    assert_int_equal(error.line, 5);
}

static void number_of_no_connection_fails_the_run(void **state) {
    (void)state;
    static const char *const text = "at 1s forge a:1 b:80 ACK seq b.rcv_nxt\nexpect lost 0\n";
    char *source = malloc(strlen(head) + strlen(text) + 1), reason[LAB_REASON_MAX];
    assert_non_null(source);
    (void)snprintf(source, strlen(head) + strlen(text) + 1, "%s%s", head, text);
    lab_error error = {0};
    lab_scenario *s = lab_parse(source, &error);
    assert_non_null(s);
    assert_false(lab_passes(s, LAB_INTACT, 0, reason));
    assert_non_null(strstr(reason, "b has no connection to take a number from"));
    lab_free(s);
}

/* A network of routers whose far link shrinks and whose ways differ: the hosts hear of it and everything arrives. */
static void routers_paths_and_clocks_do_as_they_say(void **state) {
    (void)state;
    static const char *const net =
        "scenario net\nchapter 1\ntitle \"a\" \"b\"\nquestion \"a\" \"b\"\nanswer \"a\" \"b\"\nmutation \"a\" \"b\"\n"
        "host a 10.0.0.1\nhost b 10.0.0.2\nrouter r 10.0.0.8\nrouter s 10.0.0.9\n"
        "link a r delay 10ms rate 10Mbit queue 30K mark 10K codel 5ms from r delay 30ms\n"
        "link r s delay 5ms jitter 1ms duplicate 1% corrupt 1% truncate 1% reorder 5% by 3ms\n"
        "link s b burst 1% 50% 20%\n"
        "at 0s b listen 80\nat 0s a connect b:80 from 40000\nat 1s mtu s-b 700\nat 1s a send 20000\n"
        "at 2s path a>r delay 200ms\nat 10s a clock 3s\nat 20s a send 1000\nend 60s\n"
        "expect segment SYN mss 1460\nexpect at 15s delivered b 20000\nexpect delivered b 21000\n"
        "expect at 1500ms segment any from a data nth 20 len 660\n";
    char *source = malloc(strlen(net) + 1);
    assert_non_null(source);
    memcpy(source, net, strlen(net) + 1);
    lab_error error = {0};
    lab_scenario *s = lab_parse(source, &error);
    if (s == NULL) fail_msg("%u:%u: %s", error.line, error.column, error.text);
    assert_int_equal(s->link[0].path[0].delay_us, 10000);
    assert_int_equal(s->link[0].path[1].delay_us, 30000);
    assert_int_equal(s->link[0].path[1].rate_bps, 10000000);
    assert_int_equal(s->link[2].path[1].burst_leave_ppm, 500000);
    char reason[LAB_REASON_MAX];
    if (!lab_passes(s, LAB_INTACT, 0, reason)) fail_msg("%s", reason);
    lab_free(s);
}

/* Any bytes are a scenario or an error, never a crash. */
static void random_bytes_are_refused(void **state) {
    (void)state;
    static const char *const words[] = {"host",  "a",     "10.0.0.1",    "link",   "fault", "drop",  "a>b",  "at",
                                        "1s",    "\"t\"", "\n",          "expect", "path",  "SYN",   "on",   "story",
                                        "#",     "run",   "-1",          "\"",     "count", "<",     "send", "a#0",
                                        "forge", "a:1",   "b:port-of-a", "router", "path",  "clock", "delay"};
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
        cmocka_unit_test(routers_paths_and_clocks_do_as_they_say),
        cmocka_unit_test(random_bytes_are_refused),
        cmocka_unit_test(each_scenario_is_drawn_within_its_width),
        cmocka_unit_test(each_story_is_told),
        cmocka_unit_test(diagram_in_characters),
        cmocka_unit_test(mutation_is_shown_as_such),
        cmocka_unit_test(each_legal_edge_is_walked),
        cmocka_unit_test(runs_are_captured_apart),
        cmocka_unit_test(number_of_no_connection_fails_the_run),
        cmocka_unit_test(each_loss_has_a_text_in_both_languages),
        cmocka_unit_test(central_scenarios_look_as_before),
        cmocka_unit_test(twins_side_by_side_within_the_width),
        cmocka_unit_test(step_forwards_and_back_shows_the_same),
        cmocka_unit_test(diagram_svg_of_every_scenario_has_no_overlap),
        cmocka_unit_test(naive_hosts_have_their_switches),
        cmocka_unit_test(each_scenario_passes_and_its_mutation_fails),
        cmocka_unit_test(each_scenario_passes_over_ipv6_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
