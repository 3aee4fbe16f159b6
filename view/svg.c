/* Shapes and texts as SVG; see svg.h.
 *
 * Boxes of texts are parallelograms with upright sides.  They are found by strips of STRIP height: each box is listed
 * in every strip it touches, so that a picture of thousands of texts is checked in linear time. */
#include "view/svg.h"

#include "view/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LAYER_BYTES_MAX (256u << 20)
#define STRIP           (64 * AK_SVG_PX)
#define NONE            UINT32_MAX
#define NAME_BYTES      48

struct box {
    int32_t left, right, top, bottom; /* top and bottom: at the left side */
    int32_t slope_rise, slope_run;
    char name[NAME_BYTES];
};

struct listed {
    uint32_t box, next;
};

struct ak_svg {
    ak_memory shapes, texts;
    bool failed;
    struct box *box;
    size_t box_count, box_cap;
    struct listed *listed;
    size_t listed_count, listed_cap;
    uint32_t *strip; /* head of each strip's list */
    size_t strip_count, strip_cap;
};

ak_svg *ak_svg_open(void) {
    ak_svg *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->shapes.limit_bytes = LAYER_BYTES_MAX;
    s->texts.limit_bytes = LAYER_BYTES_MAX;
    return s;
}

void ak_svg_close(ak_svg *s) {
    if (s == NULL) return;
    ak_memory_free(&s->shapes);
    ak_memory_free(&s->texts);
    free(s->box);
    free(s->listed);
    free(s->strip);
    free(s);
}

void ak_svg_clear(ak_svg *s) {
    s->shapes.used_bytes = 0;
    s->texts.used_bytes = 0;
    s->failed = false;
    s->box_count = 0;
    s->listed_count = 0;
    s->strip_count = 0;
}

/* ---- writing */

static void put(ak_svg *s, ak_memory *layer, const char *text) {
    ak_writer writer = ak_writer_memory(layer);
    if (!writer.write(writer.user, text, strlen(text))) s->failed = true;
}

__attribute__((format(printf, 3, 4))) static void put_format(ak_svg *s, ak_memory *layer, const char *format, ...) {
    char buf[512];
    va_list args;
    va_start(args, format);
    int wrote = vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    if (wrote < 0 || (size_t)wrote >= sizeof buf) s->failed = true;
    put(s, layer, buf);
}

/* Tenths as a decimal number, without a tail of zero. */
static const char *number(int32_t tenths, char buf[16]) {
    uint32_t size = tenths < 0 ? 0u - (uint32_t)tenths : (uint32_t)tenths;
    const char *sign = tenths < 0 ? "-" : "";
    if (size % AK_SVG_PX == 0)
        (void)snprintf(buf, 16, "%s%u", sign, (unsigned)(size / AK_SVG_PX));
    else
        (void)snprintf(buf, 16, "%s%u.%u", sign, (unsigned)(size / AK_SVG_PX), (unsigned)(size % AK_SVG_PX));
    return buf;
}

/* Text as character data: the five characters that XML keeps for itself, and those it forbids. */
static void put_escaped(ak_svg *s, ak_memory *layer, const char *text) {
    char piece[8];
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t code_point;
        size_t bytes = ak_text_next(text, left, &code_point);
        if (code_point == '&')
            put(s, layer, "&amp;");
        else if (code_point == '<')
            put(s, layer, "&lt;");
        else if (code_point == '>')
            put(s, layer, "&gt;");
        else if (code_point == '"')
            put(s, layer, "&quot;");
        else if (code_point == 0xfffd || code_point == 0xfffe || code_point == 0xffff)
            put(s, layer, "\xef\xbf\xbd");
        else if (code_point >= 0x20) {
            memcpy(piece, text, bytes);
            piece[bytes] = '\0';
            put(s, layer, piece);
        }
        text += bytes;
        left -= bytes;
    }
}

static void put_points(ak_svg *s, const ak_svg_point *point, size_t point_count) {
    char x[16], y[16];
    for (size_t i = 0; i < point_count; i++)
        put_format(s, &s->shapes, "%s%s,%s", i == 0 ? "" : " ", number(point[i].x, x), number(point[i].y, y));
}

void ak_svg_lines(ak_svg *s, const ak_svg_point *point, size_t point_count, const ak_svg_stroke *stroke,
                  const char *title) {
    char width[16];
    put(s, &s->shapes, "<polyline points=\"");
    put_points(s, point, point_count);
    put_format(s, &s->shapes, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"", stroke->ink,
               number(stroke->width, width));
    if (stroke->dash != NULL) put_format(s, &s->shapes, " stroke-dasharray=\"%s\"", stroke->dash);
    if (stroke->percent != 0 && stroke->percent < 100)
        put_format(s, &s->shapes, " stroke-opacity=\"0.%02u\"", (unsigned)stroke->percent);
    if (title != NULL) {
        put(s, &s->shapes, "><title>");
        put_escaped(s, &s->shapes, title);
        put(s, &s->shapes, "</title></polyline>\n");
    } else {
        put(s, &s->shapes, "/>\n");
    }
}

void ak_svg_polygon(ak_svg *s, const ak_svg_point *point, size_t point_count, const char *ink) {
    put(s, &s->shapes, "<polygon points=\"");
    put_points(s, point, point_count);
    put_format(s, &s->shapes, "\" fill=\"%s\"/>\n", ink);
}

void ak_svg_rectangle(ak_svg *s, ak_svg_point from, ak_svg_point to, const char *ink) {
    char x[16], y[16], width[16], height[16];
    put_format(s, &s->shapes, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"%s\"/>\n", number(from.x, x),
               number(from.y, y), number(to.x - from.x, width), number(to.y - from.y, height), ink);
}

/* ---- widths */

/* Advances of DejaVu Sans in thousandths of an em, from the space to the tilde. */
static const uint16_t sans_advance[95] = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838,
};

static uint32_t advance(uint32_t code_point, ak_svg_face face) {
    unsigned columns = ak_text_code_point_columns(code_point);
    if (columns == 0) return 0;
    if (code_point < 0x20 || code_point > 0x7e) return 1000;
    return face == AK_FACE_MONO ? 602 : sans_advance[code_point - 0x20];
}

int32_t ak_svg_width(const char *text, int32_t size, ak_svg_face face, ak_svg_weight weight) {
    uint64_t thousandths = 0;
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t code_point;
        size_t bytes = ak_text_next(text, left, &code_point);
        thousandths += advance(code_point, face);
        text += bytes;
        left -= bytes;
    }
    /* A bold sans is wider; a monospaced one is not. */
    if (weight == AK_WEIGHT_BOLD && face == AK_FACE_SANS) thousandths = thousandths * 112 / 100;
    return (int32_t)(thousandths * (uint64_t)size / 1000);
}

int32_t ak_svg_text_width(const ak_svg_text *text) {
    int32_t width = 0, space = ak_svg_width(" ", text->size, text->face, AK_WEIGHT_BOLD);
    for (uint32_t i = 0; i < text->span_count; i++) {
        if (i > 0) width += space;
        width += ak_svg_width(text->span[i].text, text->size, text->face, text->span[i].weight);
    }
    return width;
}

/* ---- boxes */

static struct box box_of(const ak_svg_text *text) {
    int32_t width = ak_svg_text_width(text);
    struct box b = {.slope_rise = text->slope_rise, .slope_run = text->slope_run};
    b.left = text->anchor == AK_ANCHOR_START    ? text->at.x
             : text->anchor == AK_ANCHOR_MIDDLE ? text->at.x - width / 2
                                                : text->at.x - width;
    b.right = b.left + width;
    int32_t y = text->at.y;
    if (b.slope_run != 0) y -= (int32_t)((int64_t)(text->at.x - b.left) * b.slope_rise / b.slope_run);
    b.top = y - text->size * 82 / 100;
    b.bottom = y + text->size * 24 / 100;
    return b;
}

static int32_t lean(const struct box *b, int32_t x) {
    if (b->slope_run == 0) return 0;
    return (int32_t)((int64_t)(x - b->left) * b->slope_rise / b->slope_run);
}

static bool clear_of(const struct box *upper, const struct box *lower, int32_t x) {
    return upper->bottom + lean(upper, x) <= lower->top + lean(lower, x);
}

static bool collide(const struct box *a, const struct box *b) {
    int32_t left = a->left > b->left ? a->left : b->left;
    int32_t right = a->right < b->right ? a->right : b->right;
    if (left >= right) return false;
    if (clear_of(a, b, left) && clear_of(a, b, right)) return false;
    return !(clear_of(b, a, left) && clear_of(b, a, right));
}

static size_t strip_at(int32_t y) {
    return y < 0 ? 0 : (size_t)y / STRIP;
}

static void strips_of(const struct box *b, size_t *ret_first, size_t *ret_last) {
    int32_t end = lean(b, b->right);
    *ret_first = strip_at(b->top + (end < 0 ? end : 0));
    *ret_last = strip_at(b->bottom + (end > 0 ? end : 0));
}

bool ak_svg_fits(const ak_svg *s, const ak_svg_text *text) {
    struct box b = box_of(text);
    size_t first, last;
    strips_of(&b, &first, &last);
    for (size_t i = first; i <= last && i < s->strip_count; i++) {
        for (uint32_t at = s->strip[i]; at != NONE; at = s->listed[at].next) {
            if (collide(&b, &s->box[s->listed[at].box])) return false;
        }
    }
    return true;
}

static bool room(void **array, size_t *cap, size_t count, size_t element_bytes) {
    if (count < *cap) return true;
    size_t more = *cap == 0 ? 256 : *cap;
    while (more <= count) more *= 2;
    void *bigger = realloc(*array, more * element_bytes);
    if (bigger == NULL) return false;
    *array = bigger;
    *cap = more;
    return true;
}

static bool remember(ak_svg *s, const struct box *b) {
    size_t first, last;
    strips_of(b, &first, &last);
    if (!room((void **)&s->box, &s->box_cap, s->box_count, sizeof *s->box)) return false;
    if (!room((void **)&s->strip, &s->strip_cap, last, sizeof *s->strip)) return false;
    while (s->strip_count <= last) s->strip[s->strip_count++] = NONE;
    for (size_t i = first; i <= last; i++) {
        if (!room((void **)&s->listed, &s->listed_cap, s->listed_count, sizeof *s->listed)) return false;
        s->listed[s->listed_count] = (struct listed){.box = (uint32_t)s->box_count, .next = s->strip[i]};
        s->strip[i] = (uint32_t)s->listed_count++;
    }
    s->box[s->box_count++] = *b;
    return true;
}

uint32_t ak_svg_overlaps(const ak_svg *s, char pair[AK_SVG_PAIR_BYTES]) {
    uint32_t count = 0;
    for (size_t i = 0; i < s->strip_count; i++) {
        for (uint32_t a = s->strip[i]; a != NONE; a = s->listed[a].next) {
            for (uint32_t b = s->listed[a].next; b != NONE; b = s->listed[b].next) {
                const struct box *one = &s->box[s->listed[b].box], *other = &s->box[s->listed[a].box];
                if (!collide(one, other)) continue;
                if (count++ == 0 && pair != NULL)
                    (void)snprintf(pair, AK_SVG_PAIR_BYTES, "'%s' at %d,%d and '%s' at %d,%d", one->name,
                                   (int)one->left / AK_SVG_PX, (int)one->top / AK_SVG_PX, other->name,
                                   (int)other->left / AK_SVG_PX, (int)other->top / AK_SVG_PX);
            }
        }
    }
    return count;
}

/* ---- texts */

static void name_box(struct box *b, const ak_svg_text *text) {
    ak_text name = ak_text_in(b->name, sizeof b->name);
    for (uint32_t i = 0; i < text->span_count; i++) {
        if (i > 0) ak_text_add(&name, " ");
        ak_text_add(&name, text->span[i].text);
    }
}

/* The spans, those that look alike as one: the fewer pieces, the less a renderer has to fit.  ink: NULL for their own.
 */
static void put_spans(ak_svg *s, const ak_svg_text *text, const char *ink) {
    for (uint32_t i = 0; i < text->span_count; i++) {
        const ak_svg_span *span = &text->span[i], *before = i > 0 ? span - 1 : NULL;
        bool alike =
            before != NULL && before->weight == span->weight && (ink != NULL || strcmp(before->ink, span->ink) == 0);
        if (before != NULL && !alike) put(s, &s->texts, "</tspan>");
        if (!alike) {
            put_format(s, &s->texts, "<tspan%s%s%s%s>", ink == NULL ? " fill=\"" : "", ink == NULL ? span->ink : "",
                       ink == NULL ? "\"" : "", span->weight == AK_WEIGHT_BOLD ? " font-weight=\"bold\"" : "");
        }
        if (before != NULL) put(s, &s->texts, " ");
        put_escaped(s, &s->texts, span->text);
    }
    if (text->span_count > 0) put(s, &s->texts, "</tspan>");
}

/* The slope in ten-thousandths, as a decimal number. */
static const char *slope(const ak_svg_text *text, char buf[16]) {
    int64_t rise = (int64_t)text->slope_rise * 10000 / text->slope_run;
    uint64_t size = rise < 0 ? 0u - (uint64_t)rise : (uint64_t)rise;
    (void)snprintf(buf, 16, "%s%u.%04u", rise < 0 ? "-" : "", (unsigned)(size / 10000 % 1000),
                   (unsigned)(size % 10000));
    return buf;
}

/* One layer of a text: its white edge, or its letters. */
static void put_layer(ak_svg *s, const ak_svg_text *text, const char *classes, const char *ink) {
    static const char *const anchors[] = {[AK_ANCHOR_START] = "",
                                          [AK_ANCHOR_MIDDLE] = " text-anchor=\"middle\"",
                                          [AK_ANCHOR_END] = " text-anchor=\"end\""};
    char x[16], y[16], size[16], lean_buf[16];
    put_format(s, &s->texts, "<text xml:space=\"preserve\" class=\"%s\" font-size=\"%s\"%s", classes,
               number(text->size, size), anchors[text->anchor]);
    number(text->at.x, x);
    number(text->at.y, y);
    if (text->slope_run != 0 && text->slope_rise != 0)
        put_format(s, &s->texts, " transform=\"matrix(1 %s 0 1 %s %s)\">", slope(text, lean_buf), x, y);
    else
        put_format(s, &s->texts, " x=\"%s\" y=\"%s\">", x, y);
    put_spans(s, text, ink);
    put(s, &s->texts, "</text>\n");
}

/* The edge is a text of its own beneath the letters: the edge of one span must not cover the letters of another. */
void ak_svg_put(ak_svg *s, const ak_svg_text *text) {
    struct box b = box_of(text);
    name_box(&b, text);
    if (!remember(s, &b)) s->failed = true;
    bool mono = text->face == AK_FACE_MONO;
    if (!text->no_edge) put_layer(s, text, mono ? "m e" : "s e", "white");
    put_layer(s, text, mono ? "m" : "s", NULL);
}

/* ---- the document */

static const char style[] =
    "<style>\n"
    ".e{fill:#ffffff;stroke:#ffffff;stroke-width:3px;stroke-linejoin:round}\n"
    ".s{font-family:\"Noto Sans\",\"Noto Sans KR\",\"Noto Sans CJK KR\",\"Apple SD Gothic Neo\",\"Malgun Gothic\","
    "Helvetica,Arial,\"DejaVu Sans\",sans-serif}\n"
    ".m{font-family:\"DejaVu Sans Mono\",Menlo,Consolas,\"Noto Sans Mono\",\"Noto Sans Mono CJK KR\","
    "\"Noto Sans CJK KR\",monospace}\n"
    "</style>\n";

bool ak_svg_write(const ak_svg *s, const ak_svg_page *page, const ak_writer *writer) {
    ak_svg *head = ak_svg_open();
    if (head == NULL) return false;
    char width[16], height[16];
    number(page->width, width);
    number(page->height, height);
    put_format(head, &head->shapes,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%s\" height=\"%s\" viewBox=\"0 0 %s %s\" "
               "role=\"img\" xml:lang=\"%s\">\n",
               width, height, width, height, page->lang != NULL ? page->lang : "en");
    if (page->title != NULL) {
        put(head, &head->shapes, "<title>");
        put_escaped(head, &head->shapes, page->title);
        put(head, &head->shapes, "</title>\n");
    }
    if (page->description != NULL) {
        put(head, &head->shapes, "<desc>");
        put_escaped(head, &head->shapes, page->description);
        put(head, &head->shapes, "</desc>\n");
    }
    put(head, &head->shapes, style);
    put_format(head, &head->shapes, "<rect width=\"%s\" height=\"%s\" fill=\"#ffffff\"/>\n", width, height);
    const ak_memory *parts[] = {&head->shapes, &s->shapes, &s->texts};
    bool good = !s->failed && !head->failed;
    for (size_t i = 0; good && i < sizeof parts / sizeof parts[0]; i++)
        good = parts[i]->used_bytes == 0 || writer->write(writer->user, parts[i]->text, parts[i]->used_bytes);
    good = good && writer->write(writer->user, "</svg>\n", 7);
    ak_svg_close(head);
    return good;
}
