/* Twins side by side: the runs of a scenario next to each other, line by line, where the terminal is wide enough. */
#include "lab/lab.h"

#include <stdlib.h>
#include <string.h>

#define BETWEEN " | "

struct half {
    ak_memory memory;
    const char *at;
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

/* The next line of one half, padded to its columns but for the last half. */
static bool put_half(struct half *h, size_t columns, const ak_writer *writer) {
    size_t bytes = strcspn(h->at, "\n"), shown = columns_of(h->at, bytes);
    bool good = put(writer, h->at, bytes);
    h->at += bytes + (h->at[bytes] == '\n');
    return good && put_blanks(writer, columns > shown ? columns - shown : 0);
}

static bool put_lines(struct half *half, uint32_t count, size_t columns, const ak_writer *writer) {
    for (;;) {
        bool any = false, good = true;
        for (uint32_t i = 0; i < count; i++) any = any || *half[i].at != '\0';
        if (!any) return true;
        for (uint32_t i = 0; good && i < count; i++) {
            good = (i == 0 || put(writer, BETWEEN, strlen(BETWEEN))) &&
                   put_half(&half[i], i + 1 < count ? columns : 0, writer);
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
