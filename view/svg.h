/* A picture under construction as SVG 1.1: lines, shapes and texts, with a book-keeping of where texts stand.
 *
 * Lengths are whole tenths of a pixel, so that a picture is the same bytes on every machine.  A text's box is an
 * estimate of what the widest of the usual fonts needs: DejaVu Sans' advances for Latin, a whole em for Hangul and
 * other wide characters, so a text that does not collide here does not collide in a renderer.  Texts may lie along a
 * slope; they are sheared, not rotated, which looks the same at the small slopes of a ladder and keeps boxes simple.
 *
 * A picture has two layers: shapes below, texts above with a white edge.  Nothing is written before ak_svg_write. */
#ifndef VIEW_SVG_H
#define VIEW_SVG_H

#include "view/writer.h"

#include <stdint.h>

#define AK_SVG_PX 10 /* one pixel */

typedef struct ak_svg ak_svg;

typedef struct ak_svg_point {
    int32_t x, y;
} ak_svg_point;

typedef enum ak_svg_face { AK_FACE_SANS, AK_FACE_MONO } ak_svg_face;
typedef enum ak_svg_weight { AK_WEIGHT_REGULAR, AK_WEIGHT_BOLD } ak_svg_weight;
typedef enum ak_svg_anchor { AK_ANCHOR_START, AK_ANCHOR_MIDDLE, AK_ANCHOR_END } ak_svg_anchor;

/* A piece of a text in one colour. */
typedef struct ak_svg_span {
    const char *text;
    const char *ink; /* "#rrggbb" */
    ak_svg_weight weight;
} ak_svg_span;

#define AK_SVG_SPAN_MAX 24
/* A line of text: spans with a space between each two.  Borrowed for the call. */
typedef struct ak_svg_text {
    ak_svg_point at; /* of the anchor, on the baseline */
    int32_t size;    /* the em */
    ak_svg_face face;
    ak_svg_anchor anchor;
    int32_t slope_rise, slope_run; /* down for each step to the right; run 0: level */
    bool no_edge;                  /* without the white edge, on a dark ground */
    uint32_t span_count;
    ak_svg_span span[AK_SVG_SPAN_MAX];
} ak_svg_text;

typedef struct ak_svg_stroke {
    const char *ink;
    int32_t width;
    const char *dash; /* "4 3"; NULL: solid */
    uint32_t percent; /* opacity; 0: 100 */
} ak_svg_stroke;

/* NULL: no memory. */
ak_svg *ak_svg_open(void);
void ak_svg_close(ak_svg *svg);
/* As after ak_svg_open. */
void ak_svg_clear(ak_svg *svg);

/* Shapes.  title is what a reader's pointer shows; NULL: nothing. */
void ak_svg_lines(ak_svg *svg, const ak_svg_point *point, size_t point_count, const ak_svg_stroke *stroke,
                  const char *title);
void ak_svg_polygon(ak_svg *svg, const ak_svg_point *point, size_t point_count, const char *ink);
void ak_svg_rectangle(ak_svg *svg, ak_svg_point from, ak_svg_point to, const char *ink);

/* The width a text needs. */
int32_t ak_svg_text_width(const ak_svg_text *text);
int32_t ak_svg_width(const char *text, int32_t size, ak_svg_face face, ak_svg_weight weight);
/* Would it stand on no other text? */
bool ak_svg_fits(const ak_svg *svg, const ak_svg_text *text);
/* Puts it there, fits or not. */
void ak_svg_put(ak_svg *svg, const ak_svg_text *text);

/* How many pairs of texts stand on each other; the first of them is written to pair (may be NULL). */
#define AK_SVG_PAIR_BYTES 240
uint32_t ak_svg_overlaps(const ak_svg *svg, char pair[AK_SVG_PAIR_BYTES]);

/* The whole document.  False: the writer failed, or there was no memory for a part of it. */
typedef struct ak_svg_page {
    int32_t width, height;
    const char *title, *description; /* for readers that cannot see it; NULL: none */
    const char *lang;                /* "en" */
} ak_svg_page;
bool ak_svg_write(const ak_svg *svg, const ak_svg_page *page, const ak_writer *writer);

#endif /* VIEW_SVG_H */
