/* The ladder as a picture for a page: draws rows (ladder.h) as SVG (svg.h).
 *
 *     ms    application   state ┃                        ┃ state   application     what it tells
 *
 * Each host is an upright line whose colour tells its state.  Segments are arrows that fall by their delay; what was
 * lost ends in a cross, what was sent again is dashed.  Time runs downwards, longer silences drawn shorter.  Labels lie
 * along their arrows; the picture is stretched until no two texts stand on each other. */
#ifndef VIEW_LADDER_SVG_H
#define VIEW_LADDER_SVG_H

#include "view/ladder_text.h"
#include "view/svg.h"

/* A text that is told beside a row. */
typedef struct ak_story {
    size_t row;
    const char *text;
} ak_story;

/* The largest packet of a host, as three boxes in a row: its headers and what it carries. */
typedef struct ak_size_box {
    const char *name;
    uint32_t ip_bytes, tcp_bytes, payload_bytes;
} ak_size_box;

/* One ladder with its words.  All is borrowed for the call; texts may be NULL. */
typedef struct ak_picture {
    const ak_row *rows;
    size_t row_count;
    ak_ladder_words words;
    uint32_t host_count; /* 2 to AK_LADDER_HOST_MAX */
    const char *host_name[AK_LADDER_HOST_MAX];
    const char *title, *subtitle; /* above */
    const char *heading;          /* between them and the ladder: which run this is */
    const char *answer;           /* below */
    const ak_story *stories;      /* in the order of their rows */
    size_t story_count;
    const ak_size_box *boxes; /* below the ladder */
    size_t box_count;
} ak_picture;

/* What came of it: texts that stand on each other, and labels for which there was no place.  Both are 0 unless a ladder
 * is larger than this can stretch. */
typedef struct ak_picture_report {
    uint32_t overlaps, left_out;
    char first_overlap[AK_SVG_PAIR_BYTES];
} ak_picture_report;

/* Draws the pictures one below another as one document.  report may be NULL.  False: no memory, the writer failed, or a
 * picture's host_count is out of range. */
bool ak_ladder_svg(const ak_picture *pictures, size_t picture_count, const ak_writer *writer,
                   ak_picture_report *ret_report);

#endif /* VIEW_LADDER_SVG_H */
