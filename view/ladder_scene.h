/* The inside of the SVG ladder: where things stand (ladder_svg.c) and what they look like (ladder_arrow.c). */
#ifndef VIEW_LADDER_SCENE_H
#define VIEW_LADDER_SCENE_H

#include "view/ladder_svg.h"

#define PX          AK_SVG_PX
#define TEXT_SIZE   (11 * PX)
#define SMALL_SIZE  (10 * PX)
#define LABEL_SIZE  (10 * PX)
#define LINE_HEIGHT (14 * PX)
#define TRACK_COUNT 8

enum { LANE_STATE, LANE_APP, LANE_COUNT };

/* Where a row stands. */
struct scene_row {
    int32_t y;      /* on its host's line */
    int32_t extra;  /* stretched by this much above it */
    size_t arrival; /* DEPART: the row of its arrival; SIZE_MAX: none */
};

struct scene {
    const ak_picture *picture;
    ak_svg *svg;
    struct scene_row *row;
    int32_t top, bottom;                             /* of the ladder itself */
    int32_t x[AK_LADDER_HOST_MAX];                   /* the hosts' lines */
    int32_t lane_at[AK_LADDER_HOST_MAX][LANE_COUNT]; /* the side of each lane that is nearer the host's line */
    int32_t lane_width[AK_LADDER_HOST_MAX][LANE_COUNT];
    int32_t time_right, rtt_right; /* right edges of the ruler's columns */
    int32_t story_left, story_width, width;
    uint64_t flight_us;                                                      /* a usual time on the way */
    int32_t track_free[AK_LADDER_HOST_MAX][AK_LADDER_HOST_MAX][TRACK_COUNT]; /* y from which it is free */
    bool lettered; /* several connections: each is named by its letter */
    uint32_t left_out;
    bool stretched; /* a label had no place: draw again */
};

/* Texts are written outwards from the host's line: to the left of host 0, to the right of the others. */
ak_svg_anchor ak_scene_outward(uint32_t host);

/* Colours. */
const char *ak_ink_state(aksu_tcp_state state);
const char *ak_ink(ak_colour colour);

/* Breaks text into lines of at most width; calls put for each.  Answers how many. */
typedef void ak_scene_put_line(void *user, const char *line, uint32_t index);
#define AK_WRAP_BYTES 512
uint32_t ak_scene_wrap(const char *text, int32_t width, int32_t size, ak_svg_weight weight, ak_scene_put_line *put,
                       void *user);

/* How many lines the label of a segment's row takes, on a straight arrow. */
uint32_t ak_scene_label_lines(const struct scene *sc, size_t i);

/* The arrow of a row that is a segment, with its label. */
void ak_scene_arrow(struct scene *sc, size_t i);

#endif /* VIEW_LADDER_SCENE_H */
