/* A terminal line as columns: see ak_line in text.h.  A wide character owns its column and the next, which is marked as
 * covered; writing over either half blanks the other, so the columns that follow keep their place.  A column holds its
 * character with the combining marks that follow it, as far as CELL_BYTES reach; further marks are left out. */
#include "view/text.h"

#include <stdlib.h>
#include <string.h>

#define CELL_BYTES 13

struct cell {
    char bytes[CELL_BYTES]; /* not NUL-terminated */
    uint8_t byte_count;     /* 0: blank */
    uint8_t colour;         /* ak_colour */
    bool covered;           /* the right half of a wide character */
};

struct ak_line {
    size_t columns;
    struct cell cell[];
};

ak_line *ak_line_new(size_t columns) {
    ak_line *line = calloc(1, sizeof *line + columns * sizeof line->cell[0]);
    if (line != NULL) line->columns = columns;
    return line;
}

void ak_line_free(ak_line *line) {
    free(line);
}

void ak_line_clear(ak_line *line) {
    memset(line->cell, 0, line->columns * sizeof line->cell[0]);
}

static void blank(ak_line *line, size_t column) {
    struct cell *c = &line->cell[column];
    if (c->covered && column > 0) line->cell[column - 1] = (struct cell){0};
    if (column + 1 < line->columns && line->cell[column + 1].covered) line->cell[column + 1] = (struct cell){0};
    *c = (struct cell){0};
}

size_t ak_line_put(ak_line *line, size_t column, const char *text, ak_colour colour) {
    size_t byte_count = strlen(text);
    struct cell *last = NULL;
    for (size_t at = 0; at < byte_count;) {
        uint32_t code_point;
        const char *bytes = text + at;
        size_t step = ak_text_next(bytes, byte_count - at, &code_point);
        unsigned columns = ak_text_code_point_columns(code_point);
        at += step;
        if (code_point == 0xfffd) {
            bytes = "\xef\xbf\xbd";
            step = 3;
        }
        if (columns == 0) {
            bool control = code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
            if (!control && last != NULL && last->byte_count + step <= CELL_BYTES) {
                memcpy(last->bytes + last->byte_count, bytes, step);
                last->byte_count = (uint8_t)(last->byte_count + step);
            }
            continue;
        }
        if (column + columns > line->columns) return line->columns;
        blank(line, column);
        if (columns == 2) {
            blank(line, column + 1);
            line->cell[column + 1].covered = true;
        }
        last = &line->cell[column];
        *last = (struct cell){.byte_count = (uint8_t)step, .colour = (uint8_t)colour};
        memcpy(last->bytes, bytes, step);
        column += columns;
    }
    return column;
}

static bool cell_is_blank(const struct cell *c) {
    return !c->covered && (c->byte_count == 0 || (c->byte_count == 1 && c->bytes[0] == ' '));
}

bool ak_line_is_blank(const ak_line *line, size_t column, size_t columns) {
    for (size_t i = column; i < column + columns && i < line->columns; i++) {
        if (!cell_is_blank(&line->cell[i])) return false;
    }
    return true;
}

bool ak_line_write(const ak_line *line, const ak_writer *writer, ak_paint paint) {
    size_t end = line->columns;
    while (end > 0 && cell_is_blank(&line->cell[end - 1])) end--;
    char buf[512];
    ak_text out = ak_text_in(buf, sizeof buf);
    unsigned colour = AK_COLOUR_PLAIN;
    for (size_t i = 0; i < end; i++) {
        const struct cell *c = &line->cell[i];
        if (c->covered) continue;
        if (out.used_bytes + CELL_BYTES + 24 > sizeof buf) {
            if (!writer->write(writer->user, buf, out.used_bytes)) return false;
            out = ak_text_in(buf, sizeof buf);
        }
        if (paint == AK_PAINT_COLOURS && !cell_is_blank(c) && c->colour != colour) {
            colour = c->colour;
            ak_text_add(&out, ak_colour_sequence((ak_colour)colour));
        }
        char one[CELL_BYTES + 1] = " ";
        if (c->byte_count > 0) {
            memcpy(one, c->bytes, c->byte_count);
            one[c->byte_count] = '\0';
        }
        ak_text_add(&out, one);
    }
    if (colour != AK_COLOUR_PLAIN) ak_text_add(&out, ak_colour_sequence(AK_COLOUR_PLAIN));
    ak_text_add(&out, "\n");
    return writer->write(writer->user, buf, out.used_bytes);
}
