/* The ladder on a terminal: draws rows (ladder.h) as lines of text.
 *
 *          ms    RTT             this host                                          peer
 *       0.000                    connect() │                                          ┊
 *       0.000    0.0              SYN-SENT ├──────── SYN seq=0 win=65535 ────────────►┊
 *
 * Each host is a vertical line whose style tells its state: dotted without a connection, thin while opening, thick when
 * synchronized, double in TIME-WAIT.  Beside it stand its state where it changes, and what its application and timers
 * did.  With all sides a segment leaves on one line and arrives on a later one; in between it hangs down as a thin
 * line.  Lines are never wider than asked. */
#ifndef VIEW_LADDER_TERM_H
#define VIEW_LADDER_TERM_H

#include "view/ladder_text.h"

#define AK_TERM_COLUMNS_MIN     60 /* for two hosts, and AK_TERM_COLUMNS_HOST for each more */
#define AK_TERM_COLUMNS_HOST    30
#define AK_TERM_COLUMNS_DEFAULT 100

typedef enum ak_glyphs { AK_GLYPHS_BOX, AK_GLYPHS_ASCII } ak_glyphs;

typedef struct ak_term_options {
    uint32_t columns; /* 0: the default; at least AK_TERM_COLUMNS_MIN */
    ak_paint paint;
    ak_glyphs glyphs;
    ak_ladder_words words;
    uint32_t host_count;                       /* 0: two */
    const char *host_name[AK_LADDER_HOST_MAX]; /* NULL: "this host", "peer"; borrowed until close */
    ak_ladder_sides sides;                     /* one-sided: the peer needs little room */
} ak_term_options;

typedef struct ak_term ak_term;

/* NULL: no memory, or options out of range.  The writer is copied. */
ak_term *ak_term_open(const ak_writer *writer, const ak_term_options *options);

/* Draws a row.  A line appears when the next row cannot stand on it, or at a flush.  Fits ak_row_sink. */
void ak_term_row(void *term, const ak_row *row);

/* Writes the line that is open.  False: the writer has failed. */
bool ak_term_flush(ak_term *term);
void ak_term_close(ak_term *term);

#endif /* VIEW_LADDER_TERM_H */
