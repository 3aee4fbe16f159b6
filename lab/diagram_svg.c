/* The eleven states as a picture for a page, RFC 9293 Figure 5: where they stand, what moves a connection from one to
 * another, and the way that a host took through them.
 *
 * CLOSED stands twice, as it does in most books: at the top, where connections begin, and at the bottom, where they
 * end. A change that the figure does not have (by a reset, a time limit, an abort) is drawn in red where a host made
 * it. */
#include "lab/lab.h"
#include "view/svg.h"

#include <stdlib.h>
#include <string.h>

#define PX         AK_SVG_PX
#define WIDTH      (800 * PX)
#define HEIGHT     (700 * PX)
#define BOX_WIDTH  (126 * PX)
#define BOX_HEIGHT (30 * PX)
#define CLOSED_END AK_TCP_STATE_COUNT /* the second box of CLOSED */
#define PLACES     (AK_TCP_STATE_COUNT + 1)
#define WALK_MAX   64

static const ak_svg_point places[PLACES] = {
    [AK_TCP_CLOSED] = {4000, 600},        [AK_TCP_LISTEN] = {4000, 1700},      [AK_TCP_SYN_SENT] = {6600, 2700},
    [AK_TCP_SYN_RECEIVED] = {1400, 2700}, [AK_TCP_ESTABLISHED] = {4000, 3600}, [AK_TCP_FIN_WAIT_1] = {1400, 4500},
    [AK_TCP_FIN_WAIT_2] = {1400, 5600},   [AK_TCP_CLOSING] = {4000, 5100},     [AK_TCP_TIME_WAIT] = {4000, 6400},
    [AK_TCP_CLOSE_WAIT] = {6600, 4500},   [AK_TCP_LAST_ACK] = {6600, 5500},    [CLOSED_END] = {6600, 6400},
};

struct edge {
    uint8_t from, to;
    const char *label;
    int32_t aside; /* tenths of a pixel to the left of its direction, for two that run opposite */
};

static const struct edge edges[] = {
    {AK_TCP_CLOSED, AK_TCP_LISTEN, "listen()", 90},
    {AK_TCP_LISTEN, AK_TCP_CLOSED, "close()", 90},
    {AK_TCP_CLOSED, AK_TCP_SYN_SENT, "connect() / SYN", 90},
    {AK_TCP_SYN_SENT, AK_TCP_CLOSED, "close(), RST", 90},
    {AK_TCP_LISTEN, AK_TCP_SYN_RECEIVED, "SYN / SYN,ACK", 90},
    {AK_TCP_SYN_RECEIVED, AK_TCP_LISTEN, "RST", 90},
    {AK_TCP_LISTEN, AK_TCP_SYN_SENT, "connect() / SYN", 0},
    {AK_TCP_SYN_SENT, AK_TCP_SYN_RECEIVED, "SYN / SYN,ACK", 0},
    {AK_TCP_SYN_SENT, AK_TCP_ESTABLISHED, "SYN,ACK / ACK", 0},
    {AK_TCP_SYN_RECEIVED, AK_TCP_ESTABLISHED, "ACK", 0},
    {AK_TCP_SYN_RECEIVED, AK_TCP_FIN_WAIT_1, "close() / FIN", 0},
    {AK_TCP_ESTABLISHED, AK_TCP_FIN_WAIT_1, "close() / FIN", 0},
    {AK_TCP_ESTABLISHED, AK_TCP_CLOSE_WAIT, "FIN / ACK", 0},
    {AK_TCP_FIN_WAIT_1, AK_TCP_FIN_WAIT_2, "ACK", 0},
    {AK_TCP_FIN_WAIT_1, AK_TCP_CLOSING, "FIN / ACK", 0},
    {AK_TCP_FIN_WAIT_1, AK_TCP_TIME_WAIT, "FIN,ACK / ACK", 0},
    {AK_TCP_FIN_WAIT_2, AK_TCP_TIME_WAIT, "FIN / ACK", 0},
    {AK_TCP_CLOSING, AK_TCP_TIME_WAIT, "ACK", 0},
    {AK_TCP_CLOSE_WAIT, AK_TCP_LAST_ACK, "close() / FIN", 0},
    {AK_TCP_LAST_ACK, CLOSED_END, "ACK", 0},
    {AK_TCP_TIME_WAIT, CLOSED_END, "2MSL", 0},
};
#define EDGE_COUNT (sizeof edges / sizeof edges[0])

/* The way of one host: the states it went through, by their places. */
struct walk {
    uint8_t place[WALK_MAX];
    uint32_t count;
};

struct sheet {
    ak_svg *svg;
    int32_t top;
    const struct walk *walk;
};

/* A connection that ends comes to the box at the bottom, but for one that never came past its opening. */
static uint8_t place_of(const struct walk *w, aksu_tcp_state state) {
    if (state != AK_TCP_CLOSED || w->count == 0) return (uint8_t)state;
    uint8_t before = w->place[w->count - 1];
    bool opening = before == AK_TCP_LISTEN || before == AK_TCP_SYN_SENT || before == AK_TCP_CLOSED;
    return opening ? AK_TCP_CLOSED : CLOSED_END;
}

static void walk_to(struct walk *w, aksu_tcp_state state) {
    if (w->count == WALK_MAX) return;
    w->place[w->count] = place_of(w, state);
    w->count++;
}

static bool walked(const struct walk *w, uint8_t from, uint8_t to) {
    for (uint32_t i = 0; i + 1 < w->count; i++) {
        if (w->place[i] == from && w->place[i + 1] == to) return true;
    }
    return false;
}

static bool visited(const struct walk *w, uint8_t place) {
    for (uint32_t i = 0; i < w->count; i++) {
        if (w->place[i] == place) return true;
    }
    return false;
}

/* ---- lines */

/* How many thousandths of the way along `run` a line that starts `off` from the middle meets the edge at `half`. */
static int64_t meets(int64_t run, int64_t off, int64_t half) {
    if (run == 0) return INT64_MAX;
    return ((run < 0 ? -half : half) - off) * 1000 / run;
}

/* Where a line to another point leaves a box, if it starts `off` from the box's middle. */
static ak_svg_point border(ak_svg_point box, ak_svg_point towards, ak_svg_point off) {
    int64_t run = towards.x - box.x, rise = towards.y - box.y;
    int64_t by_side = meets(run, off.x, BOX_WIDTH / 2), by_end = meets(rise, off.y, BOX_HEIGHT / 2);
    int64_t way = by_side < by_end ? by_side : by_end;
    return (ak_svg_point){box.x + off.x + (int32_t)(run * way / 1000), box.y + off.y + (int32_t)(rise * way / 1000)};
}

/* Length, to a tenth of a pixel: Newton's way to the square root. */
static int32_t length_of(ak_svg_point a, ak_svg_point b) {
    int64_t x = b.x - a.x, y = b.y - a.y, square = x * x + y * y, root = square > 1 ? square / 2 : 1;
    for (int i = 0; i < 40 && root > 0; i++) root = (root + square / root) / 2;
    return root > 0 ? (int32_t)root : 1;
}

static void put_head(struct sheet *s, ak_svg_point from, ak_svg_point tip, const char *ink) {
    int64_t length = length_of(from, tip), x = tip.x - from.x, y = tip.y - from.y;
    const int64_t back = 90, side = 38;
    ak_svg_point base = {tip.x - (int32_t)(x * back / length), tip.y - (int32_t)(y * back / length)};
    int32_t over_x = (int32_t)(y * side / length), over_y = (int32_t)(x * side / length);
    ak_svg_point shape[] = {tip, {base.x - over_x, base.y + over_y}, {base.x + over_x, base.y - over_y}};
    ak_svg_polygon(s->svg, shape, 3, ink);
}

/* Words on a line, or beside it where another runs close by on the other side. */
static void put_words(struct sheet *s, ak_svg_point a, ak_svg_point b, const struct edge *e, const char *ink,
                      ak_svg_point off) {
    static const int32_t percents[] = {50, 40, 60, 32, 68, 24, 76, 16, 84};
    ak_svg_text text = {
        .size = 11 * PX, .anchor = AK_ANCHOR_MIDDLE, .span_count = 1, .span = {{.text = e->label, .ink = ink}}};
    ak_svg_point beside = {0, 36};
    if (e->aside != 0) {
        beside.x = off.x * (ak_svg_text_width(&text) / 2 + 5 * PX) / e->aside;
        beside.y += off.y * 7 * PX / e->aside;
    }
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        text.at = (ak_svg_point){a.x + (b.x - a.x) / 100 * percents[i] + beside.x,
                                 a.y + (b.y - a.y) / 100 * percents[i] + beside.y};
        if (!ak_svg_fits(s->svg, &text)) continue;
        ak_svg_put(s->svg, &text);
        return;
    }
}

static void put_edge(struct sheet *s, const struct edge *e, const ak_svg_stroke *stroke) {
    ak_svg_point from = places[e->from], to = places[e->to];
    int64_t length = length_of(from, to);
    ak_svg_point off = {(int32_t)((int64_t)(to.y - from.y) * e->aside / length),
                        (int32_t)(-(int64_t)(to.x - from.x) * e->aside / length)};
    ak_svg_point a = border(from, to, off), b = border(to, from, off);
    a.y += s->top;
    b.y += s->top;
    ak_svg_lines(s->svg, (ak_svg_point[]){a, b}, 2, stroke, NULL);
    put_head(s, a, b, stroke->ink);
    if (e->label != NULL) put_words(s, a, b, e, stroke->width > 15 ? stroke->ink : "#4a5568", off);
}

/* ---- boxes */

/* "1, 5": at which steps of the way it was entered. */
static void step_numbers(const struct walk *w, uint8_t place, char *buf, size_t cap) {
    ak_text text = ak_text_in(buf, cap);
    ak_text_add(&text, "");
    for (uint32_t i = 0; i < w->count; i++) {
        if (w->place[i] == place) ak_text_add_format(&text, "%s%u", text.used_bytes > 0 ? ", " : "", (unsigned)i + 1);
    }
}

static void put_box(struct sheet *s, uint8_t place) {
    aksu_tcp_state state = place == CLOSED_END ? AK_TCP_CLOSED : (aksu_tcp_state)place;
    ak_svg_point at = {places[place].x, places[place].y + s->top};
    bool here = visited(s->walk, place);
    const char *fill = here ? "#2b6cb0" : "#edf2f7", *ink = here ? "#ffffff" : "#2d3748";
    ak_svg_point from = {at.x - BOX_WIDTH / 2, at.y - BOX_HEIGHT / 2},
                 to = {at.x + BOX_WIDTH / 2, at.y + BOX_HEIGHT / 2};
    ak_svg_rectangle(s->svg, from, to, fill);
    ak_svg_text text = {.at = {at.x, at.y + 42},
                        .size = 12 * PX,
                        .anchor = AK_ANCHOR_MIDDLE,
                        .no_edge = true,
                        .span_count = 1,
                        .span = {{.text = aksu_tcp_state_name(state), .ink = ink, .weight = AK_WEIGHT_BOLD}}};
    ak_svg_put(s->svg, &text);
    if (!here) return;
    char numbers[80];
    step_numbers(s->walk, place, numbers, sizeof numbers);
    ak_svg_text number = {.at = {to.x + 40, from.y + 30},
                          .size = 11 * PX,
                          .span_count = 1,
                          .span = {{.text = numbers, .ink = "#2b6cb0", .weight = AK_WEIGHT_BOLD}}};
    ak_svg_put(s->svg, &number);
}

static void put_title(struct sheet *s, const char *title) {
    ak_svg_text text = {.at = {20 * PX, s->top + 26 * PX},
                        .size = 15 * PX,
                        .span_count = 1,
                        .span = {{.text = title, .ink = "#1a202c", .weight = AK_WEIGHT_BOLD}}};
    ak_svg_put(s->svg, &text);
}

static bool in_figure(uint8_t from, uint8_t to) {
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        if (edges[i].from == from && edges[i].to == to) return true;
    }
    return from == to;
}

static void put_panel(struct sheet *s, const struct walk *w, const char *title) {
    static const ak_svg_stroke thin = {.ink = "#718096", .width = 11};
    static const ak_svg_stroke thick = {.ink = "#2b6cb0", .width = 26};
    static const ak_svg_stroke red = {.ink = "#c53030", .width = 20, .dash = "6 3"};
    s->walk = w;
    put_title(s, title);
    for (unsigned i = 0; i < PLACES; i++) put_box(s, (uint8_t)i);
    for (size_t i = 0; i < EDGE_COUNT; i++)
        put_edge(s, &edges[i], walked(w, edges[i].from, edges[i].to) ? &thick : &thin);
    for (uint32_t i = 0; i + 1 < w->count; i++) {
        struct edge e = {.from = w->place[i], .to = w->place[i + 1]};
        if (!in_figure(e.from, e.to)) put_edge(s, &e, &red);
    }
    s->top += HEIGHT;
}

/* ---- the document */

static void put_hosts(struct sheet *s, const lab_result *r) {
    for (uint32_t host = 0; host < r->scenario->host_count; host++) {
        struct walk w = {0};
        for (uint32_t i = 0; i < r->change_count; i++) {
            const lab_change *c = &r->change[i];
            if (c->host != host || c->chain != 1) continue;
            if (w.count == 0) walk_to(&w, c->state.from);
            walk_to(&w, c->state.to);
        }
        put_panel(s, &w, r->scenario->host[host].name);
    }
}

static void put_usual(struct sheet *s, ak_lang lang) {
    static const char *const titles[1 + LAB_ROLE_COUNT][AK_LANG_COUNT] = {
        {"The eleven states", "열한 가지 상태"},
        {"A client's usual way", "클라이언트의 보통 경로"},
        {"A server's usual way", "서버의 보통 경로"},
    };
    struct walk none = {0};
    put_panel(s, &none, titles[0][lang]);
    for (int role = 0; role < LAB_ROLE_COUNT; role++) {
        aksu_tcp_state way[LAB_WAY_MAX];
        struct walk w = {0};
        uint32_t count = lab_usual_way((lab_role)role, way);
        for (uint32_t i = 0; i < count; i++) walk_to(&w, way[i]);
        put_panel(s, &w, titles[1 + role][lang]);
    }
}

bool lab_diagram_svg(const lab_result *result, ak_lang lang, const ak_writer *writer) {
    struct sheet s = {.svg = ak_svg_open()};
    if (s.svg == NULL) return false;
    if (result != NULL)
        put_hosts(&s, result);
    else
        put_usual(&s, lang);
    ak_svg_page page = {.width = WIDTH,
                        .height = s.top,
                        .title = result != NULL ? lab_words(&result->scenario->title, lang) : "RFC 9293",
                        .lang = lang == AK_LANG_KO ? "ko" : "en"};
    bool good = ak_svg_overlaps(s.svg, NULL) == 0 && ak_svg_write(s.svg, &page, writer);
    ak_svg_close(s.svg);
    return good;
}
