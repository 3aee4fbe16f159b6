/* Text for people: UTF-8 measured in terminal columns, a builder that cannot overflow, numbers with their units,
 * colours.
 *
 * Width follows Unicode's East Asian Width: Wide and Fullwidth take two columns, combining marks and other
 * invisible characters none, everything else (Ambiguous too, so box drawing) one.  Bytes that are not UTF-8 count as
 * one column each and print as U+FFFD.  No locale is consulted. */
#ifndef VIEW_TEXT_H
#define VIEW_TEXT_H

#include "view/writer.h"

#include <stdint.h>

/* The first character of bytes (byte_count > 0): answers the bytes it takes, and writes the code point, U+FFFD where
 * the bytes are not UTF-8. */
size_t ak_text_next(const char *bytes, size_t byte_count, uint32_t *ret_code_point);

/* Columns of a code point: 0, 1 or 2.  Control characters: 0. */
unsigned ak_text_code_point_columns(uint32_t code_point);

/* Columns of a text. */
size_t ak_text_columns(const char *text);

/* How many bytes of text fit in so many columns, combining marks included. */
size_t ak_text_fit_bytes(const char *text, size_t columns);

/* A text under construction in the caller's buffer.  What does not fit is cut off at a character's border and full
 * is set.  bytes[0..used) is always followed by a NUL. */
typedef struct ak_text {
    char *bytes;
    size_t cap_bytes; /* >= 1 */
    size_t used_bytes;
    bool full;
} ak_text;
ak_text ak_text_in(char *buf, size_t cap_bytes);
void ak_text_add(ak_text *text, const char *addition);
void ak_text_add_format(ak_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a text in exactly so many columns: padded with spaces, or cut and ended with an ellipsis. */
typedef enum ak_align { AK_ALIGN_LEFT, AK_ALIGN_RIGHT, AK_ALIGN_CENTRE } ak_align;
void ak_text_add_padded(ak_text *text, const char *addition, size_t columns, ak_align align);

/* Numbers.  Bytes: "1448 B", "64.0 KiB".  Duration, three digits: "40 us", "1.50 ms", "200 ms",
 * "1.00 s", "2.00 min", "30.0 d". */
void ak_text_add_bytes(ak_text *text, uint64_t byte_count);
void ak_text_add_duration(ak_text *text, uint64_t duration_us);

/* Colours by their meaning, so that every view uses the same ones. */
typedef enum ak_colour {
    AK_COLOUR_PLAIN,
    AK_COLOUR_DIM,
    AK_COLOUR_TITLE,
    AK_COLOUR_STATE,
    AK_COLOUR_FLAGS,
    AK_COLOUR_APP,
    AK_COLOUR_TIMER,
    AK_COLOUR_AGAIN, /* retransmissions */
    AK_COLOUR_BAD,   /* losses, drops, resets */
    AK_COLOUR_COUNT
} ak_colour;

/* The terminal sequence that switches to a colour.  PLAIN resets. */
const char *ak_colour_sequence(ak_colour colour);

/* One line of a terminal as a grid of columns that can be written in any order, later over earlier.  What does not fit
 * is cut off, so a line is never wider than it was made. */
typedef struct ak_line ak_line;
ak_line *ak_line_new(size_t columns); /* NULL: no memory */
void ak_line_free(ak_line *line);
void ak_line_clear(ak_line *line);
size_t ak_line_put(ak_line *line, size_t column, const char *text, ak_colour colour); /* answers the column after it */
bool ak_line_is_blank(const ak_line *line, size_t column, size_t columns);
typedef enum ak_paint { AK_PAINT_NONE, AK_PAINT_COLOURS } ak_paint;
/* Writes the line and a newline, without trailing blanks. */
bool ak_line_write(const ak_line *line, const ak_writer *writer, ak_paint paint);

#endif /* VIEW_TEXT_H */
