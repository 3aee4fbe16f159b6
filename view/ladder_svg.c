/* Where the SVG ladder's rows stand, and everything but its arrows (ladder_arrow.c); see ladder_svg.h.
 *
 * Places.  Each host has a cursor that only moves down, each lane of texts and each side of arrows the y from which it
 * is free.  A row takes the highest place that all of its own allow.  Between two moments lies a step that grows with
 * the time between them, up to STEP_MAX, in units of a usual flight; silences that the model marks get a band.
 *
 * Passes.  A pass places and draws all rows; a label without a place makes its row stand lower in the next pass.  At
 * most PASS_MAX passes; what has no place then is left out of the picture (not of its tooltip) and reported. */
#include "view/ladder_scene.h"

#include "view/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PASS_MAX    200
#define MARGIN      (14 * PX)
#define STEP_MIN    (7 * PX)
#define STEP_FLIGHT (40 * PX)
#define STEP_MAX    (60 * PX)
#define BAND        (24 * PX)
#define ARROW_ROOM  (15 * PX) /* for an arrow and the label above it ... */
#define LABEL_ROOM  (12 * PX) /* ... and each line below it */
#define LABEL_DROP  (18 * PX) /* a label lies at most this much lower than its departure */
#define HEAD_ROOM   (9 * PX)
#define STORY_WIDTH (236 * PX)
#define STORY_LAG   (30 * PX)
#define HOSTS_APART (400 * PX)
#define BOX_HEIGHT  (24 * PX)

struct places {
    int32_t cursor[AK_LADDER_HOST_MAX];
    int32_t lane_free[AK_LADDER_HOST_MAX][LANE_COUNT];
    int32_t departure_free[AK_LADDER_HOST_MAX], arrival_free[AK_LADDER_HOST_MAX];
    int32_t story_free;
    int32_t label_free; /* below the labels so far, wherever along their arrows they lie */
    size_t story;
};

static int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

/* ---- colours and words */

const char *ak_ink_state(aksu_tcp_state state) {
    static const char *const inks[AK_TCP_STATE_COUNT] = {
        [AK_TCP_CLOSED] = "#718096",       [AK_TCP_LISTEN] = "#4a6785",      [AK_TCP_SYN_SENT] = "#b7791f",
        [AK_TCP_SYN_RECEIVED] = "#b7791f", [AK_TCP_ESTABLISHED] = "#2f855a", [AK_TCP_FIN_WAIT_1] = "#2b6cb0",
        [AK_TCP_FIN_WAIT_2] = "#4c51bf",   [AK_TCP_CLOSE_WAIT] = "#c05621",  [AK_TCP_CLOSING] = "#97266d",
        [AK_TCP_LAST_ACK] = "#9b2c2c",     [AK_TCP_TIME_WAIT] = "#6b46c1",
    };
    return (unsigned)state < AK_TCP_STATE_COUNT ? inks[state] : inks[0];
}

const char *ak_ink(ak_colour colour) {
    static const char *const inks[AK_COLOUR_COUNT] = {
        [AK_COLOUR_PLAIN] = "#1a202c", [AK_COLOUR_DIM] = "#718096",   [AK_COLOUR_TITLE] = "#1a202c",
        [AK_COLOUR_STATE] = "#2f855a", [AK_COLOUR_FLAGS] = "#1a202c", [AK_COLOUR_APP] = "#1a4e8a",
        [AK_COLOUR_TIMER] = "#7a5c00", [AK_COLOUR_AGAIN] = "#b7600f", [AK_COLOUR_BAD] = "#c53030",
    };
    return inks[colour < AK_COLOUR_COUNT ? colour : 0];
}

ak_svg_anchor ak_scene_outward(uint32_t host) {
    return host == 0 ? AK_ANCHOR_END : AK_ANCHOR_START;
}

/* How many bytes of text stand on a line of this width: up to a space, or as many as fit; at least a character. */
static size_t fit(const char *text, int32_t width, int32_t size, ak_svg_weight weight) {
    char piece[AK_WRAP_BYTES];
    size_t at = 0, space = 0, bytes = strlen(text);
    while (at < bytes) {
        uint32_t code_point;
        size_t next = at + ak_text_next(text + at, bytes - at, &code_point);
        if (next >= sizeof piece) break;
        memcpy(piece, text, next);
        piece[next] = '\0';
        if (ak_svg_width(piece, size, AK_FACE_SANS, weight) > width && at > 0) return space > 0 ? space : at;
        if (text[at] == ' ') space = at;
        at = next;
    }
    return at;
}

uint32_t ak_scene_wrap(const char *text, int32_t width, int32_t size, ak_svg_weight weight, ak_scene_put_line *put,
                       void *user) {
    uint32_t count = 0;
    while (*text == ' ') text++;
    while (*text != '\0') {
        char line[AK_WRAP_BYTES];
        size_t bytes = fit(text, width, size, weight);
        memcpy(line, text, bytes);
        line[bytes] = '\0';
        if (put != NULL) put(user, line, count);
        count++;
        text += bytes;
        while (*text == ' ') text++;
    }
    return count;
}

/* ---- rows as texts beside a host's line */

struct side_text {
    char text[AK_NOTE_BYTES + 16];
    const char *ink;
    ak_svg_weight weight;
    int32_t size;
    unsigned lane;
};

static bool drop_text(const struct scene *sc, const ak_row *row, struct side_text *t) {
    ak_label label;
    if (row->kind != AK_ROW_ARRIVE || row->u.segment.flight == 0) return false;
    ak_ladder_label(row, &sc->picture->words, &label);
    if (label.word_count == 0) return false;
    ak_text text = ak_text_in(t->text, sizeof t->text);
    for (uint32_t i = 0; i < label.word_count; i++) ak_text_add(&text, label.word[i].text);
    t->ink = ak_ink(label.word[0].colour);
    t->lane = LANE_STATE;
    t->size = SMALL_SIZE;
    t->weight = AK_WEIGHT_REGULAR;
    return true;
}

/* Takes the bar of characters out of a gauge's words: the picture draws its own. */
static void cut_bar(char *note) {
    char *from = strstr(note, " ["), *to = strstr(note, "] ");
    if (from != NULL && to != NULL) memmove(from, to + 1, strlen(to + 1) + 1);
}

/* What stands beside the host's line for this row; false: nothing. */
static bool side_text(const struct scene *sc, const ak_row *row, struct side_text *t) {
    char note[AK_NOTE_BYTES], letter[AK_LETTER_BYTES];
    *t = (struct side_text){.size = SMALL_SIZE, .lane = LANE_STATE};
    switch (row->kind) {
    case AK_ROW_ARRIVE: return drop_text(sc, row, t);
    case AK_ROW_STATE:
        t->size = TEXT_SIZE;
        t->weight = AK_WEIGHT_BOLD;
        break;
    case AK_ROW_CALL:
    case AK_ROW_NOTIFY:
    case AK_ROW_DELIVERED: t->lane = LANE_APP; break;
    case AK_ROW_TIMER:
    case AK_ROW_RTT:
    case AK_ROW_CWND:
    case AK_ROW_MODE:
    case AK_ROW_LOSS:
    case AK_ROW_GAUGE:
    case AK_ROW_PACKET: break;
    case AK_ROW_CONNECTION:
    case AK_ROW_GAP:
    case AK_ROW_SEGMENT:
    case AK_ROW_DEPART:
    case AK_ROW_OMITTED: return false;
    }
    ak_colour colour = ak_ladder_note(row, &sc->picture->words, note);
    if (row->kind == AK_ROW_GAUGE) cut_bar(note);
    t->ink = colour == AK_COLOUR_STATE ? ak_ink_state(row->u.state.to) : ak_ink(colour);
    bool letters = sc->lettered && row->connection != AK_NO_CONNECTION;
    (void)snprintf(t->text, sizeof t->text, "%s%s%s", letters ? ak_ladder_letter(row->connection, letter) : "",
                   letters ? " " : "", note);
    return true;
}

static bool is_band(const ak_row *row) {
    return row->kind == AK_ROW_GAP || row->kind == AK_ROW_OMITTED ||
           (row->kind == AK_ROW_CONNECTION && row->connection > 0);
}

/* ---- places */

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The median time on the way. */
static uint64_t usual_flight(const ak_picture *p) {
    uint64_t *us = calloc(p->row_count + 1, sizeof *us), answer = 10000;
    if (us == NULL) return answer;
    size_t count = 0;
    for (size_t i = 0; i < p->row_count; i++) {
        const ak_row *row = &p->rows[i];
        if (row->kind == AK_ROW_DEPART && row->u.segment.fate == AK_FATE_ARRIVED &&
            row->u.segment.arrive_us > row->time_us)
            us[count++] = row->u.segment.arrive_us - row->time_us;
    }
    qsort(us, count, sizeof *us, by_size);
    if (count > 0) answer = us[count / 2];
    free(us);
    return answer;
}

static int32_t step(const struct scene *sc, uint64_t us) {
    if (us == 0) return 0;
    if (us / (sc->flight_us + 1) >= 4) return STEP_MAX;
    int32_t length = (int32_t)(us * STEP_FLIGHT / sc->flight_us);
    return length < STEP_MIN ? STEP_MIN : length > STEP_MAX ? STEP_MAX : length;
}

static int32_t lowest(const struct scene *sc, const struct places *p) {
    int32_t y = 0;
    for (uint32_t h = 0; h < sc->picture->host_count; h++) {
        y = larger(y, larger(p->cursor[h], p->departure_free[h]));
        for (unsigned lane = 0; lane < LANE_COUNT; lane++) y = larger(y, p->lane_free[h][lane]);
    }
    return y;
}

static void all_from(const struct scene *sc, struct places *p, int32_t y) {
    for (uint32_t h = 0; h < sc->picture->host_count; h++) {
        p->cursor[h] = larger(p->cursor[h], y);
        p->departure_free[h] = larger(p->departure_free[h], y);
        for (unsigned lane = 0; lane < LANE_COUNT; lane++) p->lane_free[h][lane] = larger(p->lane_free[h][lane], y);
    }
}

static void place_stories(const struct scene *sc, struct places *p, size_t i, int32_t *y) {
    const ak_picture *picture = sc->picture;
    bool any = false;
    for (; p->story < picture->story_count && picture->stories[p->story].row <= i; p->story++) {
        if (!any) *y = larger(*y, p->story_free - STORY_LAG);
        any = true;
        uint32_t lines =
            ak_scene_wrap(picture->stories[p->story].text, sc->story_width, TEXT_SIZE, AK_WEIGHT_REGULAR, NULL, NULL);
        p->story_free = larger(p->story_free, *y) + (int32_t)lines * LINE_HEIGHT + 8 * PX;
    }
}

/* What a segment that leaves at y keeps from those after it. */
static void take_departure(struct scene *sc, struct places *p, size_t i, int32_t y) {
    const ak_row *row = &sc->picture->rows[i];
    if (row->kind != AK_ROW_DEPART && row->kind != AK_ROW_SEGMENT) return;
    int32_t free_from = y + ARROW_ROOM + (int32_t)(ak_scene_label_lines(sc, i) - 1) * LABEL_ROOM;
    for (uint32_t h = 0; h < sc->picture->host_count; h++) {
        if (row->kind == AK_ROW_DEPART && h != row->host) continue;
        p->departure_free[h] = free_from;
        p->cursor[h] = larger(p->cursor[h], y);
    }
    p->label_free = larger(p->label_free, free_from + LABEL_DROP);
    /* Its arrival never stands higher: remembered there until it is placed. */
    if (sc->row[i].arrival != SIZE_MAX) sc->row[sc->row[i].arrival].y = y + STEP_MIN;
}

static void place_row(struct scene *sc, struct places *p, size_t i) {
    const ak_row *row = &sc->picture->rows[i];
    uint32_t h = row->host < sc->picture->host_count ? row->host : 0;
    if (is_band(row)) {
        sc->row[i].y = larger(lowest(sc, p), p->label_free) + BAND / 2 + sc->row[i].extra;
        place_stories(sc, p, i, &sc->row[i].y);
        all_from(sc, p, sc->row[i].y + BAND);
        return;
    }
    struct side_text t;
    bool beside = side_text(sc, row, &t);
    int32_t y = p->cursor[h];
    if (beside) y = larger(y, p->lane_free[h][t.lane]);
    if (row->kind == AK_ROW_DEPART || row->kind == AK_ROW_SEGMENT) y = larger(y, p->departure_free[h]);
    /* Drawn level: it is at both ends at once. */
    for (uint32_t k = 0; row->kind == AK_ROW_SEGMENT && k < sc->picture->host_count; k++) y = larger(y, p->cursor[k]);
    if (row->kind == AK_ROW_ARRIVE) y = larger(y, larger(p->arrival_free[h], sc->row[i].y));
    y += sc->row[i].extra;
    place_stories(sc, p, i, &y);
    sc->row[i].y = y;
    p->cursor[h] = y;
    if (beside) {
        uint32_t lines = ak_scene_wrap(t.text, sc->lane_width[h][t.lane], t.size, t.weight, NULL, NULL);
        p->lane_free[h][t.lane] = y + (int32_t)lines * LINE_HEIGHT;
    }
    take_departure(sc, p, i, y);
    if (row->kind == AK_ROW_ARRIVE) p->arrival_free[h] = y + HEAD_ROOM;
}

static void place_rows(struct scene *sc) {
    struct places p = {0};
    const ak_row *rows = sc->picture->rows;
    all_from(sc, &p, sc->top);
    for (size_t i = 0; i < sc->picture->row_count; i++) sc->row[i].y = 0;
    for (size_t i = 0; i < sc->picture->row_count; i++) {
        uint64_t before_us = i > 0 ? rows[i - 1].time_us : rows[i].time_us;
        if (rows[i].time_us != before_us) {
            int32_t y = 0;
            for (uint32_t h = 0; h < sc->picture->host_count; h++) y = larger(y, p.cursor[h]);
            y += rows[i].kind == AK_ROW_GAP ? STEP_MIN : step(sc, rows[i].time_us - before_us);
            for (uint32_t h = 0; h < sc->picture->host_count; h++) p.cursor[h] = y;
        }
        place_row(sc, &p, i);
    }
    sc->bottom = larger(lowest(sc, &p), p.story_free) + 30 * PX;
}

/* ---- columns */

/* What the pictures of a document need together: their columns stand one below the other. */
struct columns {
    int32_t lane_width[AK_LADDER_HOST_MAX][LANE_COUNT];
    bool has_rtt, has_story;
};

static bool is_lettered(const ak_picture *p) {
    return p->row_count > 0 && p->rows[p->row_count - 1].connections > 1;
}

static void measure(const ak_picture *p, struct columns *columns) {
    static const int32_t most[LANE_COUNT] = {140 * PX, 120 * PX};
    const struct scene sc = {.picture = p, .lettered = is_lettered(p)};
    columns->has_story = columns->has_story || p->story_count > 0;
    for (size_t i = 0; i < p->row_count; i++) {
        struct side_text t;
        const ak_row *row = &p->rows[i];
        columns->has_rtt = columns->has_rtt || row->rtt_us != 0;
        if (row->host >= p->host_count || row->host >= AK_LADDER_HOST_MAX || !side_text(&sc, row, &t)) continue;
        int32_t width = ak_svg_width(t.text, t.size, AK_FACE_SANS, t.weight) + PX;
        if (width > most[t.lane]) width = most[t.lane];
        columns->lane_width[row->host][t.lane] = larger(columns->lane_width[row->host][t.lane], width);
    }
}

static void lay_out(struct scene *sc, const struct columns *columns) {
    const ak_picture *p = sc->picture;
    uint32_t last = p->host_count - 1;
    memcpy(sc->lane_width, columns->lane_width, sizeof sc->lane_width);
    sc->time_right = MARGIN + 54 * PX;
    sc->rtt_right = columns->has_rtt ? sc->time_right + 34 * PX : sc->time_right;
    const int32_t gap = 9 * PX;
    int32_t x = sc->rtt_right + 14 * PX + sc->lane_width[0][LANE_APP] + gap + sc->lane_width[0][LANE_STATE] + gap;
    for (uint32_t h = 0; h <= last; h++) {
        sc->x[h] = x;
        int32_t outward = h == 0 ? -1 : 1;
        sc->lane_at[h][LANE_STATE] = x + outward * gap;
        sc->lane_at[h][LANE_APP] = sc->lane_at[h][LANE_STATE] + outward * (sc->lane_width[h][LANE_STATE] + gap);
        x += HOSTS_APART;
        if (h > 0) x += (sc->lane_width[h][LANE_STATE] + sc->lane_width[h][LANE_APP]) / 2;
    }
    int32_t right = sc->lane_at[last][LANE_APP] + sc->lane_width[last][LANE_APP];
    sc->story_left = right + 20 * PX;
    sc->story_width = STORY_WIDTH;
    sc->width = (columns->has_story ? sc->story_left + STORY_WIDTH : right) + MARGIN;
}

static void join_flights(struct scene *sc) {
    const ak_picture *p = sc->picture;
    uint32_t most = 0;
    for (size_t i = 0; i < p->row_count; i++) {
        sc->row[i].arrival = SIZE_MAX;
        bool segment = p->rows[i].kind == AK_ROW_DEPART || p->rows[i].kind == AK_ROW_ARRIVE;
        if (segment && p->rows[i].u.segment.flight > most) most = p->rows[i].u.segment.flight;
    }
    size_t *departure = calloc((size_t)most + 1, sizeof *departure);
    if (departure == NULL) return;
    for (size_t i = 0; i < p->row_count; i++) {
        const ak_row *row = &p->rows[i];
        if (row->kind == AK_ROW_DEPART) departure[row->u.segment.flight] = i + 1;
        if (row->kind != AK_ROW_ARRIVE || row->u.segment.flight == 0) continue;
        size_t from = departure[row->u.segment.flight];
        if (from > 0) sc->row[from - 1].arrival = i;
    }
    free(departure);
}

/* ---- drawing */

struct text_block {
    struct scene *scene;
    ak_svg_text text;
    int32_t line_height;
};

static void put_line(void *user, const char *line, uint32_t index) {
    struct text_block *b = user;
    ak_svg_text text = b->text;
    text.at.y += (int32_t)index * b->line_height;
    text.span[0].text = line;
    text.span_count = 1;
    ak_svg_put(b->scene->svg, &text);
}

static struct text_block block(struct scene *sc, ak_svg_point at, int32_t size, const char *ink, ak_svg_weight weight) {
    return (struct text_block){.scene = sc,
                               .line_height = size * 128 / 100,
                               .text = {.at = at, .size = size, .span = {{.ink = ink, .weight = weight}}}};
}

/* One time-line of a host, in pieces of one state each. */
static void draw_life(struct scene *sc, uint32_t host) {
    const ak_picture *p = sc->picture;
    int32_t from = sc->top - 6 * PX;
    aksu_tcp_state state = AK_TCP_CLOSED;
    ak_sureness sureness = AK_UNKNOWN;
    for (size_t i = 0; i <= p->row_count; i++) {
        bool end = i == p->row_count;
        if (!end && (p->rows[i].kind != AK_ROW_STATE || p->rows[i].host != host)) continue;
        int32_t to = end ? sc->bottom - 6 * PX : sc->row[i].y;
        ak_svg_point line[] = {{sc->x[host], from}, {sc->x[host], to}};
        ak_svg_stroke stroke = {.ink = ak_ink_state(state), .width = 50, .percent = sureness == AK_LIKELY ? 45 : 100};
        if (ak_ladder_style(state, sureness) == AK_STYLE_NONE)
            stroke = (ak_svg_stroke){.ink = "#a0aec0", .width = 12, .dash = "2 3"};
        if (to > from) ak_svg_lines(sc->svg, line, 2, &stroke, NULL);
        if (end) return;
        from = to;
        state = p->rows[i].u.state.to;
        sureness = p->rows[i].u.state.sureness;
    }
}

/* A gauge's bar under its words, as long as the lane where it is full. */
static void draw_bar(struct scene *sc, const ak_row *row, const ak_svg_point *at) {
    int32_t width = sc->lane_width[row->host][LANE_STATE], outward = row->host == 0 ? -1 : 1;
    uint64_t full = row->u.gauge.full, value = row->u.gauge.value < full ? row->u.gauge.value : full;
    int32_t filled = full > 0 ? (int32_t)((uint64_t)width * value / full) : 0;
    int32_t far = at->x + outward * width, end = at->x + outward * filled;
    ak_svg_rectangle(sc->svg, (ak_svg_point){outward < 0 ? far : at->x, at->y + 20},
                     (ak_svg_point){outward < 0 ? at->x : far, at->y + 50}, "#edf2f7");
    if (filled > 0)
        ak_svg_rectangle(sc->svg, (ak_svg_point){outward < 0 ? end : at->x, at->y + 20},
                         (ak_svg_point){outward < 0 ? at->x : end, at->y + 50}, "#b7791f");
}

static void draw_side(struct scene *sc, size_t i) {
    const ak_row *row = &sc->picture->rows[i];
    struct side_text t;
    if (row->host >= sc->picture->host_count || !side_text(sc, row, &t)) return;
    struct text_block b =
        block(sc, (ak_svg_point){sc->lane_at[row->host][t.lane], sc->row[i].y + 38}, t.size, t.ink, t.weight);
    b.text.anchor = ak_scene_outward(row->host);
    b.line_height = LINE_HEIGHT;
    if (row->kind == AK_ROW_GAUGE) draw_bar(sc, row, &b.text.at);
    (void)ak_scene_wrap(t.text, sc->lane_width[row->host][t.lane], t.size, t.weight, put_line, &b);
}

static void draw_band(struct scene *sc, size_t i) {
    const ak_row *row = &sc->picture->rows[i];
    uint32_t last = sc->picture->host_count - 1;
    char text[AK_NOTE_BYTES + 200];
    int32_t y = sc->row[i].y, middle = (sc->x[0] + sc->x[last]) / 2;
    if (row->kind == AK_ROW_CONNECTION) {
        char one[AK_ENDPOINT_TEXT_BYTES], other[AK_ENDPOINT_TEXT_BYTES], letter[AK_LETTER_BYTES];
        ak_table_endpoint(&row->u.connection.end[0].addr, row->u.connection.end[0].port, one);
        ak_table_endpoint(&row->u.connection.end[1].addr, row->u.connection.end[1].port, other);
        (void)snprintf(text, sizeof text, "%s: %s – %s", ak_ladder_letter(row->connection, letter), one, other);
        uint8_t a = row->u.connection.host[0], b = row->u.connection.host[1];
        if (a < b && b <= last) middle = (sc->x[a] + sc->x[b] + sc->lane_width[a][LANE_STATE] * (a > 0)) / 2;
        if (b < a && a <= last) middle = (sc->x[a] + sc->x[b] + sc->lane_width[b][LANE_STATE] * (b > 0)) / 2;
    } else {
        (void)ak_ladder_note(row, &sc->picture->words, text);
        ak_svg_rectangle(sc->svg, (ak_svg_point){sc->x[0] + 40, y - 9 * PX},
                         (ak_svg_point){sc->x[last] - 40, y + 9 * PX}, "#edf2f7");
    }
    struct text_block b = block(sc, (ak_svg_point){middle, y + 38}, SMALL_SIZE, "#4a5568", AK_WEIGHT_REGULAR);
    b.text.anchor = AK_ANCHOR_MIDDLE;
    put_line(&b, text, 0);
}

struct ruler {
    int32_t free_from;
    uint64_t shown_us; /* UINT64_MAX: nothing yet */
};

static void draw_time(struct scene *sc, size_t i, struct ruler *ruler) {
    const ak_row *row = &sc->picture->rows[i];
    int32_t y = sc->row[i].y;
    if (row->kind == AK_ROW_CONNECTION || y < ruler->free_from || row->time_us == ruler->shown_us) return;
    *ruler = (struct ruler){.free_from = y + LINE_HEIGHT, .shown_us = row->time_us};
    char text[48];
    if (row->time_us < 1000000000)
        (void)snprintf(text, sizeof text, "%" PRIu64 ".%03u", row->time_us / 1000, (unsigned)(row->time_us % 1000));
    else
        (void)snprintf(text, sizeof text, "%" PRIu64 " s", row->time_us / 1000000);
    struct text_block b =
        block(sc, (ak_svg_point){sc->time_right, y + 36}, 9 * PX, ak_ink(AK_COLOUR_DIM), AK_WEIGHT_REGULAR);
    b.text.anchor = AK_ANCHOR_END;
    put_line(&b, text, 0);
    if (row->rtt_us == 0) return;
    uint64_t tenths = row->since_us * 10 / row->rtt_us;
    if (tenths >= 100000) return;
    (void)snprintf(text, sizeof text, "%" PRIu64 ".%u", tenths / 10, (unsigned)(tenths % 10));
    b.text.at.x = sc->rtt_right;
    put_line(&b, text, 0);
}

static void draw_stories(struct scene *sc) {
    const ak_picture *p = sc->picture;
    int32_t free_from = 0;
    for (size_t i = 0; i < p->story_count; i++) {
        size_t row = p->stories[i].row < p->row_count ? p->stories[i].row : p->row_count - 1;
        int32_t y = larger(free_from, sc->row[row].y);
        struct text_block b =
            block(sc, (ak_svg_point){sc->story_left, y + 38}, TEXT_SIZE, "#2c5282", AK_WEIGHT_REGULAR);
        b.line_height = LINE_HEIGHT;
        uint32_t lines = ak_scene_wrap(p->stories[i].text, sc->story_width, TEXT_SIZE, AK_WEIGHT_REGULAR, put_line, &b);
        ak_svg_point bar[] = {{sc->story_left - 70, y - 60},
                              {sc->story_left - 70, y + (int32_t)lines * LINE_HEIGHT - 80}};
        ak_svg_lines(sc->svg, bar, 2, &(ak_svg_stroke){.ink = "#bee3f8", .width = 20}, NULL);
        free_from = y + (int32_t)lines * LINE_HEIGHT + 8 * PX;
    }
}

static int32_t draw_paragraph(struct scene *sc, int32_t y, const char *text, int32_t size, ak_svg_weight weight) {
    if (text == NULL || *text == '\0') return y;
    struct text_block b = block(sc, (ak_svg_point){MARGIN, y + size}, size, "#1a202c", weight);
    uint32_t lines = ak_scene_wrap(text, sc->width - 2 * MARGIN, size, weight, put_line, &b);
    return y + (int32_t)lines * b.line_height + 3 * PX;
}

static void put_heading(struct scene *sc, int32_t x, int32_t y, ak_svg_anchor anchor, const char *text) {
    struct text_block b = block(sc, (ak_svg_point){x, y}, 9 * PX, ak_ink(AK_COLOUR_DIM), AK_WEIGHT_REGULAR);
    b.text.anchor = anchor;
    put_line(&b, text, 0);
}

/* Names, addresses and columns; answers where the ladder begins. */
static int32_t draw_heads(struct scene *sc, int32_t y) {
    const ak_picture *p = sc->picture;
    ak_lang lang = p->words.lang;
    const ak_row *first = NULL;
    for (size_t i = 0; i < p->row_count && first == NULL; i++) {
        if (p->rows[i].kind == AK_ROW_CONNECTION) first = &p->rows[i];
    }
    for (uint32_t h = 0; h < p->host_count; h++) {
        const char *name = p->host_name[h];
        if (name == NULL) name = ak_word_text(lang, h == 0 ? AK_WORD_HERE : AK_WORD_PEER);
        struct text_block b = block(sc, (ak_svg_point){sc->x[h], y + 14 * PX}, 12 * PX, "#1a202c", AK_WEIGHT_BOLD);
        b.text.anchor = AK_ANCHOR_MIDDLE;
        put_line(&b, name, 0);
    }
    for (unsigned end = 0; first != NULL && end < 2; end++) {
        char text[AK_ENDPOINT_TEXT_BYTES + 8], endpoint[AK_ENDPOINT_TEXT_BYTES];
        uint32_t h = first->u.connection.host[end];
        bool to_itself = end == 1 && first->u.connection.host[0] == h;
        if (h >= p->host_count || to_itself) continue;
        ak_table_endpoint(&first->u.connection.end[end].addr, first->u.connection.end[end].port, endpoint);
        (void)snprintf(text, sizeof text, "%s%s", sc->lettered ? "A: " : "", endpoint);
        put_heading(sc, sc->x[h], y + 27 * PX, AK_ANCHOR_MIDDLE, text);
    }
    put_heading(sc, sc->time_right, y + 14 * PX, AK_ANCHOR_END, ak_word_text(lang, AK_WORD_TIME_MS));
    if (sc->rtt_right != sc->time_right)
        put_heading(sc, sc->rtt_right, y + 14 * PX, AK_ANCHOR_END, ak_word_text(lang, AK_WORD_RTT));
    return y + 44 * PX;
}

/* One box of a packet; answers where the next begins. */
static int32_t draw_box(struct scene *sc, int32_t x, int32_t y, int32_t width, const char *text, const char *fill) {
    ak_svg_rectangle(sc->svg, (ak_svg_point){x, y}, (ak_svg_point){x + width - 10, y + BOX_HEIGHT}, fill);
    struct text_block b =
        block(sc, (ak_svg_point){x + width / 2, y + BOX_HEIGHT / 2 + 38}, SMALL_SIZE, "#1a202c", AK_WEIGHT_REGULAR);
    b.text.anchor = AK_ANCHOR_MIDDLE;
    b.text.no_edge = true;
    put_line(&b, text, 0);
    return x + width;
}

/* Headers are drawn larger than they are, so that their words fit; payloads among each other are to scale. */
static int32_t draw_sizes(struct scene *sc, int32_t y) {
    const ak_picture *p = sc->picture;
    ak_lang lang = p->words.lang;
    for (size_t i = 0; i < p->box_count; i++) {
        const ak_size_box *box = &p->boxes[i];
        char text[96];
        struct text_block b =
            block(sc, (ak_svg_point){MARGIN, y + BOX_HEIGHT / 2 + 38}, TEXT_SIZE, "#1a202c", AK_WEIGHT_BOLD);
        put_line(&b, box->name, 0);
        int32_t x = MARGIN + 130 * PX;
        (void)snprintf(text, sizeof text, "IP %u", (unsigned)box->ip_bytes);
        x = draw_box(sc, x, y, 56 * PX, text, "#e2e8f0");
        (void)snprintf(text, sizeof text, "TCP %u", (unsigned)box->tcp_bytes);
        x = draw_box(sc, x, y, 64 * PX, text, "#fbd9a5");
        (void)snprintf(text, sizeof text, "%s %u", ak_word_text(lang, AK_WORD_PAYLOAD), (unsigned)box->payload_bytes);
        int32_t width = (int32_t)(box->payload_bytes > 2000 ? 2000 : box->payload_bytes) * 3;
        x = draw_box(sc, x, y, larger(width, 110 * PX), text, "#bee3f8");
        (void)snprintf(text, sizeof text, "= %u %s", (unsigned)(box->ip_bytes + box->tcp_bytes + box->payload_bytes),
                       ak_word_text(lang, AK_WORD_BYTES));
        b = block(sc, (ak_svg_point){x + 6 * PX, y + BOX_HEIGHT / 2 + 38}, SMALL_SIZE, "#1a202c", AK_WEIGHT_REGULAR);
        put_line(&b, text, 0);
        y += BOX_HEIGHT + 8 * PX;
    }
    return y;
}

static void draw_lanes(struct scene *sc) {
    for (uint32_t h = 0; h < sc->picture->host_count; h++) {
        int32_t width = sc->lane_width[h][LANE_APP], at = sc->lane_at[h][LANE_APP];
        bool middle = h > 0 && h + 1 < sc->picture->host_count;
        if (width == 0 || middle) continue;
        int32_t left = h == 0 ? at - width : at;
        ak_svg_rectangle(sc->svg, (ak_svg_point){left - 5 * PX, sc->top - 8 * PX},
                         (ak_svg_point){left + width + 5 * PX, sc->bottom - 6 * PX}, "#f3f7fb");
    }
}

/* One pass; answers the y below the picture. */
static int32_t draw(struct scene *sc, int32_t y) {
    const ak_picture *p = sc->picture;
    sc->stretched = false;
    sc->left_out = 0;
    memset(sc->track_free, 0, sizeof sc->track_free);
    y = draw_paragraph(sc, y, p->title, 15 * PX, AK_WEIGHT_BOLD);
    y = draw_paragraph(sc, y, p->subtitle, 12 * PX, AK_WEIGHT_REGULAR);
    y = draw_paragraph(sc, y + (p->heading != NULL ? 6 * PX : 0), p->heading, 12 * PX, AK_WEIGHT_BOLD);
    sc->top = draw_heads(sc, y + 8 * PX);
    place_rows(sc);
    draw_lanes(sc);
    for (uint32_t h = 0; h < p->host_count; h++) draw_life(sc, h);
    struct ruler ruler = {.shown_us = UINT64_MAX};
    for (size_t i = 0; i < p->row_count; i++) {
        if (is_band(&p->rows[i])) draw_band(sc, i);
        draw_side(sc, i);
        draw_time(sc, i, &ruler);
    }
    draw_stories(sc);
    for (size_t i = 0; i < p->row_count; i++) ak_scene_arrow(sc, i);
    return draw_paragraph(sc, draw_sizes(sc, sc->bottom), p->answer, 12 * PX, AK_WEIGHT_REGULAR) + 10 * PX;
}

/* ---- the document */

static bool prepare(struct scene *sc, const ak_picture *p, const struct columns *columns) {
    *sc = (struct scene){.picture = p, .flight_us = usual_flight(p)};
    if (p->host_count < 2 || p->host_count > AK_LADDER_HOST_MAX) return false;
    sc->row = calloc(p->row_count + 1, sizeof *sc->row);
    if (sc->row == NULL) return false;
    sc->lettered = is_lettered(p);
    join_flights(sc);
    lay_out(sc, columns);
    return true;
}

/* Draws one picture into the document, from y on. */
static bool add_picture(ak_svg *svg, const ak_picture *p, const struct columns *columns, ak_svg_page *page,
                        ak_picture_report *report) {
    struct scene sc;
    if (!prepare(&sc, p, columns)) return false;
    ak_svg *scratch = ak_svg_open();
    if (scratch == NULL) {
        free(sc.row);
        return false;
    }
    sc.svg = scratch;
    for (unsigned pass = 0; pass < PASS_MAX; pass++) {
        ak_svg_clear(scratch);
        (void)draw(&sc, page->height);
        if (!sc.stretched) break;
    }
    ak_svg_close(scratch);
    sc.svg = svg;
    page->height = draw(&sc, page->height);
    page->width = larger(page->width, sc.width);
    report->left_out += sc.left_out + (sc.stretched ? 1 : 0);
    free(sc.row);
    return true;
}

bool ak_ladder_svg(const ak_picture *pictures, size_t picture_count, const ak_writer *writer,
                   ak_picture_report *ret_report) {
    ak_picture_report report = {0};
    ak_svg_page page = {.height = MARGIN / 2};
    ak_svg *svg = ak_svg_open();
    bool good = svg != NULL;
    struct columns columns = {0};
    for (size_t i = 0; i < picture_count; i++) measure(&pictures[i], &columns);
    for (size_t i = 0; good && i < picture_count; i++) good = add_picture(svg, &pictures[i], &columns, &page, &report);
    if (good) {
        report.overlaps = ak_svg_overlaps(svg, report.first_overlap);
        if (picture_count > 0) {
            page.title = pictures[0].title;
            page.description = pictures[0].subtitle;
            page.lang = pictures[0].words.lang == AK_LANG_KO ? "ko" : "en";
        }
        good = ak_svg_write(svg, &page, writer);
    }
    ak_svg_close(svg);
    if (ret_report != NULL) *ret_report = report;
    return good;
}
