/* Twins side by side: the runs of a scenario next to each other where the terminal is wide enough, and what happens at
 * the same moment in the same line.
 *
 * Each run is drawn by itself; a line whose first word is a time begins a moment, and the lines up to the next such
 * line belong to it.  Where the others have more to tell of a moment, or moments between, a run's upright lines go on.
 */
#include "lab/lab.h"

#include <stdlib.h>
#include <string.h>

#define BETWEEN     " | "
#define COLUMNS_MAX 1024

struct half {
    ak_memory memory;
    const char *at;
    const char *ladder; /* its last line with a ladder in it; NULL: none yet */
    const char *colour; /* the sequence that holds at `at`; NULL: none */
};

/* The columns of a line; colour sequences take none. */
static size_t columns_of(const char *line, size_t bytes) {
    size_t columns = 0;
    for (size_t i = 0; i < bytes;) {
        if (line[i] == '\x1b') {
            while (i < bytes && line[i] != 'm') i++;
            i++;
            continue;
        }
        uint32_t code_point;
        i += ak_text_next(line + i, bytes - i, &code_point);
        columns += ak_text_code_point_columns(code_point);
    }
    return columns;
}

static bool put(const ak_writer *writer, const char *text, size_t bytes) {
    return bytes == 0 || writer->write(writer->user, text, bytes);
}

static bool put_blanks(const ak_writer *writer, size_t count) {
    bool good = true;
    while (good && count-- > 0) good = put(writer, " ", 1);
    return good;
}

/* ---------------------------------------------------------------- moments */

static const char *behind_colours(const char *at) {
    while (*at == '\x1b' || *at == ' ') {
        if (*at == '\x1b') at += strcspn(at, "m\n");
        if (*at == '\n' || *at == '\0') break;
        at++;
    }
    return at;
}

/* Does this line begin a moment?  A time has three digits behind its point. */
static bool begins_moment(const char *line, uint64_t *ret_us) {
    const char *at = behind_colours(line);
    uint64_t ms = 0, us = 0;
    size_t whole = strspn(at, "0123456789"), part = at[whole] == '.' ? strspn(at + whole + 1, "0123456789") : 0;
    if (whole == 0 || part != 3 || line[0] == '\0') return false;
    for (size_t i = 0; i < whole; i++) ms = ms * 10 + (uint64_t)(at[i] - '0');
    for (size_t i = 0; i < part; i++) us = us * 10 + (uint64_t)(at[whole + 1 + i] - '0');
    *ret_us = ms * 1000 + us;
    return true;
}

/* ---------------------------------------------------------------- lines that go on */

struct upright {
    uint32_t glyph, below, above; /* what stands below and above it; 0: nothing */
};

static const struct upright *upright_of(uint32_t glyph) {
    static const struct upright known[] = {
        {0x2502, 0x2502, 0x2502}, {0x2503, 0x2503, 0x2503}, {0x2551, 0x2551, 0x2551}, {0x250a, 0x250a, 0x250a},
        {0x251c, 0x2502, 0x2502}, {0x2524, 0x2502, 0x2502}, {0x253c, 0x2502, 0x2502}, {0x2520, 0x2503, 0x2503},
        {0x2528, 0x2503, 0x2503}, {0x255f, 0x2551, 0x2551}, {0x2562, 0x2551, 0x2551}, {0x256e, 0x2502, 0},
        {0x256d, 0x2502, 0},      {0x256f, 0, 0x2502},      {0x2570, 0, 0x2502},      {'|', '|', '|'},
        {'+', '|', '|'},          {'#', '#', '#'},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].glyph == glyph) return &known[i];
    }
    return NULL;
}

/* A line's characters by column; what is wider than one column leaves the next one 0. */
static size_t cells_of(const char *line, uint32_t cells[COLUMNS_MAX]) {
    size_t bytes = strcspn(line, "\n"), columns = 0;
    for (size_t i = 0; i < bytes;) {
        if (line[i] == '\x1b') {
            while (i < bytes && line[i] != 'm') i++;
            i++;
            continue;
        }
        uint32_t code_point;
        i += ak_text_next(line + i, bytes - i, &code_point);
        unsigned wide = ak_text_code_point_columns(code_point);
        for (unsigned k = 0; k < wide && columns < COLUMNS_MAX; k++) cells[columns++] = k == 0 ? code_point : 0;
    }
    return columns;
}

static bool is_ladder(const char *line) {
    uint32_t cells[COLUMNS_MAX], uprights = 0;
    size_t columns = cells_of(line, cells);
    for (size_t i = 0; i < columns; i++) uprights += upright_of(cells[i]) != NULL || cells[i] == 0x22ee;
    return uprights >= 2;
}

/* The next line of a ladder behind this place; NULL: there is none. */
static const char *next_ladder(const char *at) {
    while (*at != '\0') {
        if (is_ladder(at)) return at;
        at += strcspn(at, "\n");
        at += *at == '\n';
    }
    return NULL;
}

static uint32_t between(uint32_t above, uint32_t below) {
    const struct upright *a = upright_of(above), *b = upright_of(below);
    if (a != NULL && a->below != 0) return a->below;
    bool words = above != ' ' && a == NULL; /* they stand where the line would be */
    return words && b != NULL ? b->above : 0;
}

/* What goes on between the last line and the next one, padded to its columns but for the last half. */
static bool put_between(const struct half *h, size_t columns, const ak_writer *writer) {
    uint32_t above[COLUMNS_MAX] = {0}, below[COLUMNS_MAX] = {0};
    const char *next = h->ladder != NULL ? next_ladder(h->at) : NULL;
    size_t known = next != NULL ? cells_of(h->ladder, above) : 0, came = next != NULL ? cells_of(next, below) : 0,
           at = 0;
    for (size_t i = 0; i < known && i < came; i++) {
        uint32_t glyph = between(above[i], below[i]);
        if (glyph == 0) continue;
        const char utf8[] = {(char)(0xe0 | glyph >> 12), (char)(0x80 | (glyph >> 6 & 0x3f)),
                             (char)(0x80 | (glyph & 0x3f))};
        const char ascii = (char)glyph;
        if (!put_blanks(writer, i - at)) return false;
        if (!(glyph < 0x80 ? put(writer, &ascii, 1) : put(writer, utf8, sizeof utf8))) return false;
        at = i + 1;
    }
    return put_blanks(writer, columns > at ? columns - at : 0);
}

/* ---------------------------------------------------------------- the page */

/* A colour may last over several lines, but not over into the other half. */
static bool put_colour(const struct half *h, const ak_writer *writer) {
    return h->colour == NULL || put(writer, h->colour, strcspn(h->colour, "m") + 1);
}

/* The next line of one half, padded to its columns but for the last half. */
static bool put_half(struct half *h, size_t columns, const ak_writer *writer) {
    const char *plain = ak_colour_sequence(AK_COLOUR_PLAIN);
    size_t bytes = strcspn(h->at, "\n"), shown = columns_of(h->at, bytes);
    bool good = put_colour(h, writer) && put(writer, h->at, bytes);
    for (size_t i = 0; i < bytes; i++) {
        if (h->at[i] == '\x1b') h->colour = &h->at[i];
    }
    if (good && h->colour != NULL) good = put(writer, plain, strlen(plain));
    if (is_ladder(h->at)) h->ladder = h->at;
    h->at += bytes + (h->at[bytes] == '\n');
    return good && put_blanks(writer, columns > shown ? columns - shown : 0);
}

/* Which halves have a line of this moment left; else those whose next moment is the first. */
static void choose(const struct half *half, uint32_t count, bool ret_turn[LAB_RUN_MAX]) {
    uint64_t at_us[LAB_RUN_MAX], first_us = UINT64_MAX;
    bool inside = false;
    for (uint32_t i = 0; i < count; i++) {
        bool left = *half[i].at != '\0';
        bool begins = left && begins_moment(half[i].at, &at_us[i]);
        ret_turn[i] = left && !begins;
        inside = inside || ret_turn[i];
        if (!begins) at_us[i] = UINT64_MAX;
        if (at_us[i] < first_us) first_us = at_us[i];
    }
    for (uint32_t i = 0; i < count && !inside; i++) ret_turn[i] = first_us != UINT64_MAX && at_us[i] == first_us;
}

static bool put_lines(struct half *half, uint32_t count, size_t columns, const ak_writer *writer) {
    for (;;) {
        bool any = false, good = true, turn[LAB_RUN_MAX];
        choose(half, count, turn);
        for (uint32_t i = 0; i < count; i++) any = any || turn[i];
        if (!any) return true;
        for (uint32_t i = 0; good && i < count; i++) {
            size_t wide = i + 1 < count ? columns : 0;
            good = i == 0 || put(writer, BETWEEN, strlen(BETWEEN));
            if (good) good = turn[i] ? put_half(&half[i], wide, writer) : put_between(&half[i], wide, writer);
        }
        if (!good || !put(writer, "\n", 1)) return false;
    }
}

uint32_t lab_beside_columns(const lab_scenario *s, uint32_t columns) {
    uint32_t least = AK_TERM_COLUMNS_MIN + (s->host_count > 2 ? (s->host_count - 2) * AK_TERM_COLUMNS_HOST : 0);
    uint32_t between = (uint32_t)strlen(BETWEEN) * (s->run_count - 1);
    if (s->run_count < 2 || columns < between) return 0;
    uint32_t each = (columns - between) / s->run_count;
    return each >= least ? each : 0;
}

bool lab_draw_beside(const lab_result *const *results, uint32_t count, const lab_draw_options *options,
                     const ak_writer *writer) {
    struct half half[LAB_RUN_MAX] = {0};
    lab_draw_options narrow = *options;
    narrow.columns = lab_beside_columns(results[0]->scenario, options->columns);
    bool good = narrow.columns != 0;
    for (uint32_t i = 0; good && i < count; i++) {
        half[i].memory.limit_bytes = 1u << 26;
        ak_writer to_memory = ak_writer_memory(&half[i].memory);
        good = lab_draw(results[i], &narrow, &to_memory) && half[i].memory.text != NULL;
        half[i].at = half[i].memory.text;
    }
    good = good && put_lines(half, count, narrow.columns, writer);
    for (uint32_t i = 0; i < count; i++) ak_memory_free(&half[i].memory);
    return good;
}
