/* Goal: no two texts of a picture stand on each other, and the picture is XML whatever the texts hold. */
#include "lab/lab.h"
#include "view/ladder_svg.h"
#include "view/svg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glob.h>
#include <stdlib.h>
#include <string.h>

static ak_svg_text text_at(int32_t x, int32_t y, const char *words) {
    return (ak_svg_text){.at = {x, y}, .size = 100, .span_count = 1, .span = {{.text = words, .ink = "#000000"}}};
}

static void width_hangul_counts_as_a_whole_em(void **state) {
    (void)state;
    assert_int_equal(ak_svg_width("상대", 100, AK_FACE_SANS, AK_WEIGHT_REGULAR), 200);
    assert_int_equal(ak_svg_width("상대", 100, AK_FACE_MONO, AK_WEIGHT_REGULAR), 200);
    assert_int_equal(ak_svg_width("ab", 1000, AK_FACE_SANS, AK_WEIGHT_REGULAR), 613 + 635);
    assert_int_equal(ak_svg_width("ab", 1000, AK_FACE_MONO, AK_WEIGHT_REGULAR), 1204);
    assert_int_equal(ak_svg_width("e\xcc\x81", 1000, AK_FACE_SANS, AK_WEIGHT_REGULAR), 615); /* combining */
    assert_true(ak_svg_width("ab", 1000, AK_FACE_SANS, AK_WEIGHT_BOLD) > 1248);
}

static void overlap_every_edge_is_found(void **state) {
    (void)state;
    static const struct {
        int32_t x, y;
        uint32_t overlaps;
    } rows[] = {
        {1000, 1000, 1}, {1128, 1000, 0}, {1123, 1000, 1}, {1000 - 128, 1000, 0}, {1000 - 123, 1000, 1},
        {1000, 1106, 0}, {1000, 1105, 1}, {1000, 894, 0},  {1000, 895, 1},        {5000, 5000, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ak_svg *svg = ak_svg_open();
        ak_svg_text one = text_at(1000, 1000, "ab"), other = text_at(rows[i].x, rows[i].y, "ab");
        ak_svg_put(svg, &one);
        assert_int_equal(ak_svg_fits(svg, &other), rows[i].overlaps == 0);
        ak_svg_put(svg, &other);
        char pair[AK_SVG_PAIR_BYTES] = "";
        if ((ak_svg_overlaps(svg, pair) != 0) != (rows[i].overlaps != 0)) fail_msg("row %zu: %s", i, pair);
        ak_svg_close(svg);
    }
}

/* Boxes that would touch if they lay level do not where they follow parallel slopes, and do where the slopes cross. */
static void overlap_along_slopes_is_found(void **state) {
    (void)state;
    ak_svg *svg = ak_svg_open();
    ak_svg_text falling = text_at(0, 10000, "a text of some length");
    falling.slope_rise = 300;
    falling.slope_run = 1000;
    ak_svg_text beside = falling, below = falling, rising = falling;
    beside.at = (ak_svg_point){800, 10000 - 100};
    below.at.y += 106;
    rising.slope_rise = -300;
    rising.at.y += 300;
    ak_svg_put(svg, &falling);
    assert_true(ak_svg_fits(svg, &below));
    assert_true(ak_svg_fits(svg, &beside));
    assert_false(ak_svg_fits(svg, &rising));
    below.at.y -= 10;
    assert_false(ak_svg_fits(svg, &below));
    ak_svg_close(svg);
}

static void document_texts_are_escaped(void **state) {
    (void)state;
    ak_svg *svg = ak_svg_open();
    ak_svg_text text = text_at(0, 100, "<a & \"b\"> \x01\xff 한");
    ak_svg_put(svg, &text);
    ak_memory memory = {.limit_bytes = 1u << 20};
    ak_writer writer = ak_writer_memory(&memory);
    ak_svg_page page = {.width = 1005, .height = 500, .title = "x < y"};
    assert_true(ak_svg_write(svg, &page, &writer));
    assert_non_null(strstr(memory.text, "&lt;a &amp; &quot;b&quot;&gt; \xef\xbf\xbd 한"));
    assert_non_null(strstr(memory.text, "<title>x &lt; y</title>"));
    assert_non_null(strstr(memory.text, "width=\"100.5\" height=\"50\""));
    ak_memory_free(&memory);
    ak_svg_close(svg);
}

/* Tags open and close in order, and every & begins an entity. */
static void check_xml(const char *text) {
    char stack[32][24];
    size_t depth = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '&') assert_non_null(memchr(p, ';', 6));
        if (*p != '<') continue;
        const char *end = strchr(p, '>');
        assert_non_null(end);
        size_t name = strcspn(p + 1, " />");
        if (p[1] == '/') {
            name = strcspn(p + 2, ">");
            assert_true(depth > 0 && strncmp(stack[depth - 1], p + 2, name) == 0);
            depth--;
        } else if (end[-1] != '/') {
            assert_true(depth < 32 && name < sizeof stack[0]);
            (void)snprintf(stack[depth++], sizeof stack[0], "%.*s", (int)name, p + 1);
        }
        p = end;
    }
    assert_int_equal(depth, 0);
}

/* A host's name stands at the head of each run's ladder: one below the other. */
static void check_heads(const char *text, const char *name) {
    char head[80];
    double first = -1;
    unsigned count = 0;
    (void)snprintf(head, sizeof head, "font-weight=\"bold\">%s</tspan></text>\n", name);
    for (const char *at = strstr(text, head); at != NULL; at = strstr(at + 1, head)) {
        const char *line = at;
        while (line > text && line[-1] != '\n') line--;
        const char *x = strstr(line, " text-anchor=\"middle\" x=\"");
        if (x == NULL || x > at) continue; /* a box's name */
        x = strstr(x, " x=");
        if (count++ == 0) first = strtod(x + 4, NULL);
        if (strtod(x + 4, NULL) != first) fail_msg("%s: %.1f and %.1f", name, first, strtod(x + 4, NULL));
    }
    assert_true(count > 0);
}

static void draw_scenario(const lab_scenario *s, ak_lang lang, uint32_t show) {
    lab_result *played[LAB_RUN_MAX];
    for (uint32_t run = 0; run < s->run_count; run++) {
        lab_options options = {.variant = LAB_INTACT, .draws = true, .ladder = {.gap_us = 1000000, .show = show}};
        played[run] = lab_play(s, (int)run, &options);
        assert_non_null(played[run]);
    }
    lab_draw_options draw = {.lang = lang};
    ak_memory memory = {.limit_bytes = 1u << 26};
    ak_writer writer = ak_writer_memory(&memory);
    ak_picture_report report;
    assert_true(lab_draw_svg((const lab_result *const *)played, s->run_count, &draw, &writer, &report));
    if (report.overlaps != 0) fail_msg("%s: %u texts on others: %s", s->name, report.overlaps, report.first_overlap);
    if (report.left_out != 0) fail_msg("%s: %u labels without a place", s->name, report.left_out);
    check_xml(memory.text);
    for (uint32_t i = 0; i < s->host_count; i++) check_heads(memory.text, s->host[i].name);
    ak_memory_free(&memory);
    for (uint32_t run = 0; run < s->run_count; run++) lab_result_free(played[run]);
}

static void every_scenario_no_texts_overlap(void **state) {
    (void)state;
    glob_t found;
    assert_int_equal(glob(AKSU_SOURCE_DIR "/lab/scenarios/*.scn", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        lab_error error;
        lab_scenario *s = lab_load(found.gl_pathv[i], &error);
        assert_non_null(s);
        if (s->not_yet == NULL) {
            draw_scenario(s, AK_LANG_EN, 0);
            draw_scenario(s, AK_LANG_KO, 0);
            draw_scenario(s, AK_LANG_EN, AK_SHOW_TIMERS | AK_SHOW_CWND | AK_SHOW_PACKETS);
        }
        lab_free(s);
    }
    globfree(&found);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(width_hangul_counts_as_a_whole_em), cmocka_unit_test(overlap_every_edge_is_found),
        cmocka_unit_test(overlap_along_slopes_is_found),     cmocka_unit_test(document_texts_are_escaped),
        cmocka_unit_test(every_scenario_no_texts_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
