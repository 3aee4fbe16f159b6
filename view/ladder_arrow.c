/* Segments as arrows; see ladder_svg.h.
 *
 * An arrow goes straight from its departure to its arrival while that is not too steep; one that is long on the way
 * goes to a track, hangs there as a dotted line and lands from it, so that its label stays level enough to read.  A
 * segment that does not arrive ends in a cross at two thirds of the way.
 *
 * A label has up to LABEL_LINES lines, the first above the arrow and the others below.  It is tried at several places
 * along the arrow; where none is free the row is moved down and everything is drawn again. */
#include "view/ladder_scene.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_LINES 4
#define STEEP       22 /* percent: steeper than this goes by a track */
#define LEG         7  /* percent: the slope of a leg to or from a track, and of what is lost */
#define STRETCH     (12 * PX)
#define STRETCH_MAX (600 * PX)
#define NEIGHBOURS  40

struct label_line {
    uint32_t span_count;
    ak_svg_span span[AK_SVG_SPAN_MAX];
};

struct arrow {
    ak_svg_point from, to; /* of the leg that bears the label */
    ak_svg_stroke stroke;
};

static int32_t down(int32_t run, int32_t percent) {
    return (run < 0 ? -run : run) / 100 * percent;
}

static void head(struct scene *sc, ak_svg_point tip, ak_svg_point from, const char *ink) {
    int32_t run = tip.x - from.x, rise = tip.y - from.y;
    if (run == 0) return;
    int32_t back = run > 0 ? -9 * PX : 9 * PX;
    int32_t lift = (int32_t)((int64_t)back * rise / run);
    ak_svg_point shape[] = {{tip.x, tip.y},
                            {tip.x + back, tip.y + lift - 38},
                            {tip.x + back * 3 / 4, tip.y + lift * 3 / 4},
                            {tip.x + back, tip.y + lift + 38}};
    ak_svg_polygon(sc->svg, shape, 4, ink);
}

static void cross(struct scene *sc, ak_svg_point at) {
    static const ak_svg_stroke red = {.ink = "#c53030", .width = 20};
    const int32_t arm = 5 * PX;
    ak_svg_point one[] = {{at.x - arm, at.y - arm}, {at.x + arm, at.y + arm}};
    ak_svg_point other[] = {{at.x - arm, at.y + arm}, {at.x + arm, at.y - arm}};
    ak_svg_lines(sc->svg, one, 2, &red, NULL);
    ak_svg_lines(sc->svg, other, 2, &red, NULL);
}

static ak_svg_stroke stroke_of(const ak_row_segment *s) {
    ak_svg_stroke stroke = {.ink = "#2d3748", .width = 12};
    if (s->payload_bytes > 0) stroke = (ak_svg_stroke){.ink = "#1a4e8a", .width = 18};
    if (s->retransmission || s->duplicate) {
        stroke.ink = "#b7600f";
        stroke.dash = "6 3";
    }
    if (s->flags & AKSU_TCP_RST) stroke.ink = "#c53030";
    return stroke;
}

/* ---- labels */

static void full_text(const ak_label *label, char *buf, size_t cap) {
    ak_text text = ak_text_in(buf, cap);
    for (uint32_t i = 0; i < label->word_count; i++) {
        if (i > 0) ak_text_add(&text, " ");
        ak_text_add(&text, label->word[i].text);
    }
}

static ak_svg_text as_text(const struct label_line *line) {
    ak_svg_text text = {
        .size = LABEL_SIZE, .face = AK_FACE_SANS, .anchor = AK_ANCHOR_MIDDLE, .span_count = line->span_count};
    memcpy(text.span, line->span, line->span_count * sizeof line->span[0]);
    return text;
}

static int32_t line_width(const struct label_line *line) {
    ak_svg_text text = as_text(line);
    return ak_svg_text_width(&text);
}

/* Words onto lines.  Options (dim words) do not share the first line unless all do. */
static uint32_t fill_lines(const ak_label *label, int32_t width, struct label_line line[LABEL_LINES]) {
    uint32_t count = 1;
    memset(line, 0, LABEL_LINES * sizeof *line);
    for (uint32_t i = 0; i < label->word_count; i++) {
        const ak_label_word *w = &label->word[i];
        ak_svg_span span = {.text = w->text,
                            .ink = ak_ink(w->colour),
                            .weight = w->colour == AK_COLOUR_FLAGS || i == 0 ? AK_WEIGHT_BOLD : AK_WEIGHT_REGULAR};
        struct label_line *last = &line[count - 1];
        if (last->span_count == AK_SVG_SPAN_MAX) return count;
        last->span[last->span_count++] = span;
        bool apart = w->colour == AK_COLOUR_DIM && count == 1 && last->span_count > 1;
        if (last->span_count == 1 || (line_width(last) <= width && !apart)) continue;
        last->span_count--;
        if (count == LABEL_LINES) return count;
        line[count++] = (struct label_line){.span_count = 1, .span = {span}};
    }
    return count;
}

/* A segment's words, its connection's letter first where there are several. */
static void label_of(const struct scene *sc, const ak_row *row, ak_label *ret_label) {
    ak_ladder_label(row, &sc->picture->words, ret_label);
    bool room = ret_label->word_count > 0 && ret_label->word_count < AK_LABEL_WORD_MAX;
    if (!sc->lettered || row->connection == AK_NO_CONNECTION || !room) return;
    memmove(ret_label->word + 1, ret_label->word, ret_label->word_count * sizeof ret_label->word[0]);
    ret_label->word_count++;
    char letter[AK_LETTER_BYTES];
    ret_label->word[0] = (ak_label_word){.colour = AK_COLOUR_FLAGS};
    ak_text text = ak_text_in(ret_label->word[0].text, AK_LABEL_WORD_BYTES);
    ak_text_add(&text, ak_ladder_letter(row->connection, letter));
}

uint32_t ak_scene_label_lines(const struct scene *sc, size_t i) {
    const ak_row *row = &sc->picture->rows[i];
    if (row->peer >= sc->picture->host_count || row->host >= sc->picture->host_count) return 1;
    ak_label label;
    struct label_line line[LABEL_LINES];
    int32_t run = sc->x[row->peer] - sc->x[row->host];
    label_of(sc, row, &label);
    return fill_lines(&label, (run < 0 ? -run : run) - 20 * PX, line);
}

struct placing {
    struct label_line line[LABEL_LINES];
    uint32_t line_count;
    ak_svg_point from, to;
};

/* The i-th line's text with its middle at x. */
static ak_svg_text line_at(const struct placing *p, uint32_t i, int32_t x) {
    ak_svg_text text = as_text(&p->line[i]);
    int32_t run = p->to.x - p->from.x, rise = p->to.y - p->from.y;
    text.at.x = x;
    text.at.y = p->from.y + (run != 0 ? (int32_t)((int64_t)(x - p->from.x) * rise / run) : 0);
    text.at.y += i == 0 ? -35 : LABEL_SIZE - 5 + (int32_t)(i - 1) * (LABEL_SIZE + 15);
    text.slope_rise = rise;
    text.slope_run = run;
    return text;
}

static bool try_at(const struct scene *sc, const struct placing *p, int32_t percent) {
    int32_t left = p->from.x < p->to.x ? p->from.x : p->to.x, right = p->from.x < p->to.x ? p->to.x : p->from.x;
    int32_t widest = 0;
    for (uint32_t i = 0; i < p->line_count; i++) {
        int32_t width = line_width(&p->line[i]);
        if (width > widest) widest = width;
    }
    const int32_t edge = 7 * PX;
    int32_t x = p->from.x + (p->to.x - p->from.x) / 100 * percent;
    if (x - widest / 2 < left + edge) x = left + edge + widest / 2;
    if (x + widest / 2 > right - edge) x = right - edge - widest / 2;
    for (uint32_t i = 0; i < p->line_count; i++) {
        ak_svg_text text = line_at(p, i, x);
        if (!ak_svg_fits(sc->svg, &text)) return false;
    }
    for (uint32_t i = 0; i < p->line_count; i++) {
        ak_svg_text text = line_at(p, i, x);
        ak_svg_put(sc->svg, &text);
    }
    return true;
}

/* Does a segment of the other direction cross this one?  Only neighbours are asked. */
static bool crosses(const struct scene *sc, size_t row) {
    const ak_row *rows = sc->picture->rows;
    size_t arrival = sc->row[row].arrival;
    if (arrival == SIZE_MAX) return false;
    size_t first = row > NEIGHBOURS ? row - NEIGHBOURS : 0;
    for (size_t i = first; i < sc->picture->row_count && i < row + NEIGHBOURS; i++) {
        if (rows[i].kind != AK_ROW_DEPART || rows[i].host != rows[row].peer || rows[i].peer != rows[row].host) continue;
        if (sc->row[i].arrival == SIZE_MAX) continue;
        if (sc->row[i].y < sc->row[arrival].y && sc->row[sc->row[i].arrival].y > sc->row[row].y) return true;
    }
    return false;
}

static void put_label(struct scene *sc, size_t row, const ak_label *label, const struct arrow *arrow) {
    static const int32_t percents[2][11] = {{50, 44, 56, 38, 62, 30, 70, 22, 78, 10, 90},
                                            {26, 22, 30, 16, 34, 10, 40, 50, 60, 70, 80}};
    struct placing p = {.from = arrow->from, .to = arrow->to};
    int32_t run = arrow->to.x - arrow->from.x;
    if (label->word_count == 0) return;
    bool crossed = crosses(sc, row);
    int32_t width = (run < 0 ? -run : run) - 14 * PX;
    p.line_count = fill_lines(label, crossed ? width / 100 * 45 : width, p.line);
    for (size_t i = 0; i < sizeof percents[0] / sizeof percents[0][0]; i++) {
        if (try_at(sc, &p, percents[crossed ? 1 : 0][i])) return;
    }
    if (sc->row[row].extra < STRETCH_MAX) {
        sc->row[row].extra += STRETCH;
        sc->stretched = true;
    } else {
        sc->left_out++;
    }
}

/* ---- ways */

/* A track that is free at y between two hosts; it is taken until `until`. */
static int32_t take_track(struct scene *sc, uint32_t from, uint32_t to, int32_t y, int32_t until) {
    int32_t *free_from = sc->track_free[from][to];
    size_t track = 0;
    while (track + 1 < TRACK_COUNT && free_from[track] > y) track++;
    if (free_from[track] < until) free_from[track] = until;
    int32_t run = sc->x[to] - sc->x[from];
    return sc->x[from] + run / 100 * (int32_t)(92 - 3 * track);
}

static void by_track(struct scene *sc, struct arrow *a, ak_svg_point to, uint32_t host, uint32_t peer,
                     const char *title) {
    int32_t x = take_track(sc, host, peer, a->from.y, to.y);
    ak_svg_point turn = {x, a->from.y + down(x - a->from.x, LEG)};
    ak_svg_point land = {x, to.y - down(to.x - x, LEG)};
    ak_svg_point first[] = {a->from, turn}, second[] = {turn, land}, third[] = {land, to};
    ak_svg_stroke hang = {.ink = a->stroke.ink, .width = a->stroke.width, .dash = "1.5 3", .percent = 70};
    ak_svg_lines(sc->svg, first, 2, &a->stroke, title);
    if (land.y > turn.y) ak_svg_lines(sc->svg, second, 2, &hang, NULL);
    ak_svg_lines(sc->svg, third, 2, &a->stroke, NULL);
    head(sc, to, land, a->stroke.ink);
    a->to = turn;
}

/* To where a segment is seen last. */
static ak_svg_point vanishing(const struct scene *sc, uint32_t host, uint32_t peer, int32_t y) {
    int32_t run = (sc->x[peer] - sc->x[host]) / 100 * 72;
    return (ak_svg_point){sc->x[host] + run, y + down(run, LEG)};
}

static void depart(struct scene *sc, size_t i, const ak_label *label, const char *title) {
    const ak_row *row = &sc->picture->rows[i];
    const ak_row_segment *s = &row->u.segment;
    uint32_t host = row->host, peer = row->peer;
    int32_t side = sc->x[peer] > sc->x[host] ? 30 : -30;
    struct arrow a = {.from = {sc->x[host] + side, sc->row[i].y}, .stroke = stroke_of(s)};
    size_t arrival = sc->row[i].arrival;
    if (arrival != SIZE_MAX) {
        ak_svg_point to = {sc->x[peer] - side, sc->row[arrival].y};
        if (to.y - a.from.y > down(to.x - a.from.x, STEEP)) {
            by_track(sc, &a, to, host, peer, title);
        } else {
            a.to = to;
            ak_svg_lines(sc->svg, (ak_svg_point[]){a.from, to}, 2, &a.stroke, title);
            head(sc, to, a.from, a.stroke.ink);
        }
    } else {
        a.to = vanishing(sc, host, peer, sc->row[i].y);
        ak_svg_lines(sc->svg, (ak_svg_point[]){a.from, a.to}, 2, &a.stroke, title);
        if (s->fate == AK_FATE_LOST) cross(sc, a.to);
    }
    put_label(sc, i, label, &a);
}

/* An arrival whose departure no host knows of: forged, or a copy that the network made. */
static void arrive(struct scene *sc, size_t i, const ak_label *label, const char *title) {
    const ak_row *row = &sc->picture->rows[i];
    int32_t side = sc->x[row->peer] > sc->x[row->host] ? 30 : -30;
    ak_svg_point to = {sc->x[row->host] + side, sc->row[i].y};
    int32_t run = (sc->x[row->peer] - sc->x[row->host]) / 100 * 72;
    ak_svg_point from = {sc->x[row->host] + run, to.y - down(run, LEG)};
    struct arrow a = {.from = from, .to = to, .stroke = stroke_of(&row->u.segment)};
    if (a.stroke.dash == NULL) a.stroke.dash = "2 3";
    ak_svg_lines(sc->svg, (ak_svg_point[]){from, to}, 2, &a.stroke, title);
    head(sc, to, from, a.stroke.ink);
    put_label(sc, i, label, &a);
}

/* One-sided: when it was sent or arrived at the far end is not known, so it is drawn level. */
static void level(struct scene *sc, size_t i, const ak_label *label, const char *title) {
    const ak_row *row = &sc->picture->rows[i];
    int32_t side = sc->x[row->peer] > sc->x[row->host] ? 30 : -30;
    ak_svg_point from = {sc->x[row->host] + side, sc->row[i].y}, to = {sc->x[row->peer] - side, sc->row[i].y};
    struct arrow a = {.from = from, .to = to, .stroke = stroke_of(&row->u.segment)};
    ak_svg_lines(sc->svg, (ak_svg_point[]){from, to}, 2, &a.stroke, title);
    head(sc, to, from, a.stroke.ink);
    put_label(sc, i, label, &a);
}

void ak_scene_arrow(struct scene *sc, size_t i) {
    const ak_row *row = &sc->picture->rows[i];
    if (row->kind != AK_ROW_SEGMENT && row->kind != AK_ROW_DEPART && row->kind != AK_ROW_ARRIVE) return;
    if (row->peer >= sc->picture->host_count || row->peer == row->host) return;
    ak_label label;
    char title[600];
    label_of(sc, row, &label);
    full_text(&label, title, sizeof title);
    if (row->kind == AK_ROW_DEPART) depart(sc, i, &label, title);
    if (row->kind == AK_ROW_ARRIVE && row->u.segment.flight == 0) arrive(sc, i, &label, title);
    if (row->kind == AK_ROW_SEGMENT) level(sc, i, &label, title);
}
