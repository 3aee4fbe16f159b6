/* Rows onto terminal lines; see ladder_term.h.
 *
 * A block is the lines of one moment (rows of the same time), at most BLOCK_LINES of them.  The lane (arrows) and each
 * host's cell (its state, its application) fill their lines from the top independently, but at each host what came
 * after an arrow never stands above it.  The block is written when the time changes, when it is full, or at a flush, so
 * a live ladder lags by a moment at most.
 *
 * A flight that has left and not arrived holds a track: a column of the lane where it hangs as a vertical line.  Later
 * flights of the same direction take tracks farther from the receiver, so that flights that keep their order do not
 * cross.  With more than TRACK_MAX in flight the rest have no track: they show as departures and arrivals only. */
#include "view/ladder_term.h"

#include "view/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LINES  24
#define TRACK_MAX    64
#define TIME_COLUMNS 10
#define RTT_COLUMNS  7

struct glyphs {
    const char *horizontal, *head_right, *head_left, *lost, *hang, *cross;
    const char *turn_right_down, *turn_left_down, *land_right, *land_left;
    const char *style[4], *out_right[4], *out_left[4];
    const char *dots;
};

static const struct glyphs glyph_tables[] = {
    [AK_GLYPHS_BOX] =
        {
            .horizontal = "─",
            .head_right = "►",
            .head_left = "◄",
            .lost = "✗",
            .hang = "│",
            .cross = "┼",
            .turn_right_down = "╮",
            .turn_left_down = "╭",
            .land_right = "╰",
            .land_left = "╯",
            .style = {"┊", "│", "┃", "║"},
            .out_right = {"├", "├", "┠", "╟"},
            .out_left = {"┤", "┤", "┨", "╢"},
            .dots = "⋮",
        },
    [AK_GLYPHS_ASCII] =
        {
            .horizontal = "-",
            .head_right = ">",
            .head_left = "<",
            .lost = "X",
            .hang = "|",
            .cross = "+",
            .turn_right_down = ".",
            .turn_left_down = ".",
            .land_right = "'",
            .land_left = "'",
            .style = {":", "|", "#", "="},
            .out_right = {"+", "+", "#", "="},
            .out_left = {"+", "+", "#", "="},
            .dots = ":",
        },
};

typedef enum junction { JUNCTION_NONE, JUNCTION_OUT_RIGHT, JUNCTION_OUT_LEFT } junction;

struct term_line {
    ak_line *canvas;
    ak_line_style style[AK_LADDER_HOST_MAX];
    junction junction[AK_LADDER_HOST_MAX];
    bool covered[AK_LADDER_HOST_MAX]; /* words stand where the host's line would be */
    bool arrow;                       /* the lane is taken by an arrow */
    bool *hang;                       /* per column: a flight hangs here */
};

struct track {
    bool used;
    uint32_t flight;
    size_t column;
    uint8_t to;
    bool rightward;
};

struct ak_term {
    ak_writer writer;
    ak_term_options options;
    const struct glyphs *glyphs;
    bool failed, named, has_first;
    ak_row first_connection;
    uint64_t block_us, printed_us;
    bool block_open, printed;
    size_t columns;
    size_t x[AK_LADDER_HOST_MAX];            /* where the hosts' lines stand */
    size_t cell_at[AK_LADDER_HOST_MAX];      /* where their cells begin ... */
    size_t cell_columns[AK_LADDER_HOST_MAX]; /* ... and how wide they are */
    ak_line_style style[AK_LADDER_HOST_MAX];
    bool *hang;
    struct track track[TRACK_MAX];
    size_t line_count;
    struct term_line line[BLOCK_LINES];
    size_t lane_next;
    size_t cell_next[AK_LADDER_HOST_MAX];
    bool cell_joins[AK_LADDER_HOST_MAX]; /* an arrow may share the line of the last entry */
    uint64_t since_us;
    uint32_t rtt_us;
};

/* ---- making */

static void lay_out(ak_term *t) {
    size_t hosts = t->options.host_count, last = hosts - 1, columns = t->columns;
    size_t left = columns / 5 < 15 ? 15 : columns / 5 > 24 ? 24 : columns / 5;
    size_t right = t->options.sides == AK_LADDER_ONE_SIDED ? 15 : left;
    size_t at = TIME_COLUMNS + (columns >= 90 ? RTT_COLUMNS : 0) + 1;
    t->cell_at[0] = at;
    t->cell_columns[0] = left;
    t->x[0] = at + left + 1;
    t->x[last] = columns - right - 2;
    t->cell_at[last] = t->x[last] + 2;
    t->cell_columns[last] = right;
    for (size_t h = 1; h < last; h++) {
        t->x[h] = t->x[0] + (t->x[last] - t->x[0]) * h / last;
        t->cell_at[h] = t->x[h] + 2;
        t->cell_columns[h] = (t->x[last] - t->x[0]) / last - 3;
    }
}

static bool make_lines(ak_term *t) {
    t->hang = calloc(t->columns, sizeof *t->hang);
    if (t->hang == NULL) return false;
    for (size_t i = 0; i < BLOCK_LINES; i++) {
        t->line[i].canvas = ak_line_new(t->columns);
        t->line[i].hang = calloc(t->columns, sizeof(bool));
        if (t->line[i].canvas == NULL || t->line[i].hang == NULL) return false;
    }
    return true;
}

ak_term *ak_term_open(const ak_writer *writer, const ak_term_options *options) {
    ak_term *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->writer = *writer;
    t->options = *options;
    t->glyphs = &glyph_tables[options->glyphs];
    t->columns = options->columns == 0 ? AK_TERM_COLUMNS_DEFAULT : options->columns;
    if (t->options.host_count == 0) t->options.host_count = 2;
    size_t hosts = t->options.host_count;
    bool in_range = hosts >= 2 && hosts <= AK_LADDER_HOST_MAX &&
                    t->columns >= AK_TERM_COLUMNS_MIN + (hosts - 2) * AK_TERM_COLUMNS_HOST;
    if (!in_range || !make_lines(t)) {
        ak_term_close(t);
        return NULL;
    }
    lay_out(t);
    return t;
}

void ak_term_close(ak_term *t) {
    if (t == NULL) return;
    for (size_t i = 0; i < BLOCK_LINES; i++) {
        ak_line_free(t->line[i].canvas);
        free(t->line[i].hang);
    }
    free(t->hang);
    free(t);
}

/* ---- writing */

static void write_canvas(ak_term *t, ak_line *canvas) {
    if (!t->failed && !ak_line_write(canvas, &t->writer, t->options.paint)) t->failed = true;
}

/* Milliseconds with three digits while they fit, else seconds. */
static void put_time(ak_term *t, ak_line *canvas) {
    char number[32], buf[64];
    uint64_t us = t->block_us;
    if (us < 1000000000) {
        snprintf(number, sizeof number, "%" PRIu64 ".%03u", us / 1000, (unsigned)(us % 1000));
    } else {
        snprintf(number, sizeof number, "%" PRIu64 ".%u s", us / 1000000, (unsigned)(us / 100000 % 10));
    }
    ak_text text = ak_text_in(buf, sizeof buf);
    ak_text_add_padded(&text, number, TIME_COLUMNS, AK_ALIGN_RIGHT);
    ak_line_put(canvas, 0, buf, AK_COLOUR_DIM);
    if (t->rtt_us == 0 || t->columns < 90) return;
    uint64_t tenths = t->since_us * 10 / t->rtt_us;
    text = ak_text_in(buf, sizeof buf);
    if (tenths < 10000) {
        snprintf(number, sizeof number, "%" PRIu64 ".%u", tenths / 10, (unsigned)(tenths % 10));
    } else {
        snprintf(number, sizeof number, "%" PRIu64, tenths / 10);
    }
    ak_text_add_padded(&text, number, RTT_COLUMNS, AK_ALIGN_RIGHT);
    ak_line_put(canvas, TIME_COLUMNS, buf, AK_COLOUR_DIM);
}

static void put_verticals(ak_term *t, struct term_line *line) {
    for (size_t h = 0; h < t->options.host_count; h++) {
        if (line->covered[h] || !ak_line_is_blank(line->canvas, t->x[h], 1)) continue;
        ak_line_style style = line->style[h];
        const char *glyph = t->glyphs->style[style];
        if (line->junction[h] == JUNCTION_OUT_RIGHT) glyph = t->glyphs->out_right[style];
        if (line->junction[h] == JUNCTION_OUT_LEFT) glyph = t->glyphs->out_left[style];
        ak_line_put(line->canvas, t->x[h], glyph, style == AK_STYLE_NONE ? AK_COLOUR_DIM : AK_COLOUR_STATE);
    }
    for (size_t c = 0; c < t->columns; c++) {
        if (line->hang[c] && ak_line_is_blank(line->canvas, c, 1))
            ak_line_put(line->canvas, c, t->glyphs->hang, AK_COLOUR_DIM);
    }
}

bool ak_term_flush(ak_term *t) {
    if (!t->block_open) return !t->failed;
    if (!t->printed || t->printed_us != t->block_us) put_time(t, t->line[0].canvas);
    t->printed = true;
    t->printed_us = t->block_us;
    for (size_t i = 0; i < t->line_count; i++) {
        put_verticals(t, &t->line[i]);
        write_canvas(t, t->line[i].canvas);
    }
    t->block_open = false;
    t->line_count = 0;
    t->lane_next = 0;
    memset(t->cell_next, 0, sizeof t->cell_next);
    memset(t->cell_joins, 0, sizeof t->cell_joins);
    return !t->failed;
}

/* Lines 0..index of the block exist afterwards; index < BLOCK_LINES. */
static void need_line(ak_term *t, size_t index) {
    while (t->line_count <= index) {
        struct term_line *line = &t->line[t->line_count++];
        ak_line_clear(line->canvas);
        memcpy(line->style, t->style, sizeof line->style);
        memset(line->junction, 0, sizeof line->junction);
        memset(line->covered, 0, sizeof line->covered);
        memcpy(line->hang, t->hang, t->columns * sizeof *t->hang);
        line->arrow = false;
    }
}

static void begin_moment(ak_term *t, const ak_row *row, size_t lines_needed) {
    bool full = t->line_count + lines_needed > BLOCK_LINES;
    if (t->block_open && (t->block_us != row->time_us || full)) ak_term_flush(t);
    t->block_open = true;
    t->block_us = row->time_us;
    t->since_us = row->since_us;
    t->rtt_us = row->rtt_us;
}

/* ---- heads */

static size_t middle(const ak_term *t) {
    return (t->x[0] + t->x[t->options.host_count - 1]) / 2;
}

static void put_name(ak_term *t, ak_line *canvas, unsigned host, const char *name, ak_colour colour) {
    size_t last = t->options.host_count - 1, columns = ak_text_columns(name);
    char buf[256];
    ak_text text = ak_text_in(buf, sizeof buf);
    size_t room = host == 0      ? middle(t) - t->cell_at[0]
                  : host == last ? t->columns - middle(t) - 2
                                 : t->cell_columns[host];
    ak_text_add_padded(&text, name, columns < room ? columns : room, AK_ALIGN_LEFT);
    columns = ak_text_columns(buf);
    size_t at;
    if (host == 0) {
        at = columns <= t->cell_columns[0] ? t->x[0] + 1 - columns : t->cell_at[0];
    } else if (host == last) {
        at = t->x[last] + columns <= t->columns ? t->x[last] : t->columns - columns;
    } else {
        at = t->x[host] - columns / 2;
    }
    ak_line_put(canvas, at, buf, colour);
}

static void put_headings(ak_term *t) {
    ak_lang lang = t->options.words.lang;
    ak_line *canvas = t->line[0].canvas;
    ak_line_clear(canvas);
    ak_line_put(canvas, TIME_COLUMNS - 2, ak_word_text(lang, AK_WORD_TIME_MS), AK_COLOUR_DIM);
    if (t->columns >= 90)
        ak_line_put(canvas, TIME_COLUMNS + RTT_COLUMNS - 3, ak_word_text(lang, AK_WORD_RTT), AK_COLOUR_DIM);
    for (unsigned h = 0; h < t->options.host_count; h++) {
        const char *name = t->options.host_name[h];
        if (name == NULL) name = ak_word_text(lang, h == 0 ? AK_WORD_HERE : AK_WORD_PEER);
        put_name(t, canvas, h, name, AK_COLOUR_TITLE);
    }
    write_canvas(t, canvas);
    t->named = true;
}

typedef enum lettering { UNLETTERED, LETTERED } lettering;

static void put_ends(ak_term *t, const ak_row *row, lettering lettered) {
    ak_line *canvas = t->line[0].canvas;
    ak_line_clear(canvas);
    for (unsigned end = 0; end < 2; end++) {
        const aksu_endpoint *e = &row->u.connection.end[end];
        char endpoint[AK_ENDPOINT_TEXT_BYTES], letter[AK_LETTER_BYTES],
            name[AK_ENDPOINT_TEXT_BYTES + AK_LETTER_BYTES + 1];
        ak_table_endpoint(&e->addr, e->port, endpoint);
        ak_ladder_letter(row->connection, letter);
        snprintf(name, sizeof name, "%s%s%s", lettered == LETTERED ? letter : "", lettered == LETTERED ? " " : "",
                 endpoint);
        put_name(t, canvas, row->u.connection.host[end], name, AK_COLOUR_DIM);
    }
    write_canvas(t, canvas);
}

static void draw_connection(ak_term *t, const ak_row *row) {
    ak_term_flush(t);
    if (!t->named) put_headings(t);
    if (row->connection == 0) {
        t->first_connection = *row;
        t->has_first = true;
    }
    /* From the second connection on all have letters: say which the first one is. */
    if (row->connections == 2 && t->has_first) put_ends(t, &t->first_connection, LETTERED);
    put_ends(t, row, row->connections > 1 ? LETTERED : UNLETTERED);
}

static void draw_wide(ak_term *t, const ak_row *row) {
    ak_term_flush(t);
    char buf[AK_NOTE_BYTES], padded[AK_NOTE_BYTES];
    ak_colour colour = ak_ladder_note(row, &t->options.words, buf);
    need_line(t, 0);
    struct term_line *line = &t->line[0];
    size_t room = t->x[t->options.host_count - 1] - t->x[0] - 1;
    ak_text text = ak_text_in(padded, sizeof padded);
    ak_text_add_padded(&text, buf, room, AK_ALIGN_CENTRE);
    ak_line_put(line->canvas, t->x[0] + 1, padded, colour);
    for (size_t h = 0; h < t->options.host_count; h++)
        ak_line_put(line->canvas, t->x[h], t->glyphs->dots, AK_COLOUR_DIM);
    put_verticals(t, line);
    write_canvas(t, line->canvas);
    t->line_count = 0;
}

/* ---- cells */

/* A unit stays with its number. */
static bool is_unit(const char *word) {
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "us", "ms", "s", "min", "h", "d"};
    size_t bytes = strcspn(word, " ");
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++) {
        if (strlen(unit[i]) == bytes && strncmp(word, unit[i], bytes) == 0) return true;
    }
    return false;
}

/* The next piece of a text that fits in so many columns, cut at a blank where there is one. */
static size_t take_piece(const char **rest, size_t columns, char *piece, size_t piece_cap) {
    while (**rest == ' ') (*rest)++;
    if (**rest == '\0') return 0;
    size_t bytes = ak_text_fit_bytes(*rest, columns);
    if ((*rest)[bytes] != '\0' && (*rest)[bytes] != ' ') {
        size_t cut = bytes;
        while (cut > 0 && (*rest)[cut - 1] != ' ') cut--;
        if (cut > 0) bytes = cut;
    }
    size_t next = bytes;
    while ((*rest)[next] == ' ') next++;
    if ((*rest)[next] != '\0' && is_unit(*rest + next)) {
        size_t cut = bytes;
        while (cut > 0 && (*rest)[cut - 1] == ' ') cut--;
        while (cut > 0 && (*rest)[cut - 1] != ' ') cut--;
        if (cut > 0) bytes = cut;
    }
    if (bytes >= piece_cap) bytes = piece_cap - 1;
    if (bytes == 0) return 0;
    memcpy(piece, *rest, bytes);
    *rest += bytes;
    while (bytes > 0 && piece[bytes - 1] == ' ') bytes--;
    piece[bytes] = '\0';
    return bytes;
}

static size_t piece_count(const char *text, size_t columns) {
    char piece[AK_NOTE_BYTES];
    size_t count = 0;
    while (take_piece(&text, columns, piece, sizeof piece) > 0) count++;
    return count;
}

static void put_piece(ak_term *t, size_t index, unsigned host, const char *piece, ak_colour colour) {
    char buf[AK_NOTE_BYTES + 64];
    ak_text text = ak_text_in(buf, sizeof buf);
    ak_text_add_padded(&text, piece, t->cell_columns[host], host == 0 ? AK_ALIGN_RIGHT : AK_ALIGN_LEFT);
    ak_line_put(t->line[index].canvas, t->cell_at[host], buf, colour);
}

static void set_style(ak_term *t, size_t index, unsigned host, const ak_row_state *state) {
    t->style[host] = ak_ladder_style(state->to, state->sureness);
    for (size_t i = index; i < t->line_count; i++) t->line[i].style[host] = t->style[host];
}

static bool inner_host(const ak_term *t, unsigned host) {
    return host > 0 && host + 1 < t->options.host_count;
}

static void draw_note(ak_term *t, const ak_row *row) {
    char note[AK_NOTE_BYTES], buf[AK_NOTE_BYTES + AK_LETTER_BYTES + 1], letter[AK_LETTER_BYTES], piece[AK_NOTE_BYTES];
    unsigned host = row->host;
    ak_colour colour = ak_ladder_note(row, &t->options.words, note);
    bool lettered = row->connection != AK_NO_CONNECTION && row->connections > 1;
    if (lettered) ak_ladder_letter(row->connection, letter);
    snprintf(buf, sizeof buf, "%s%s%s", lettered ? letter : "", lettered ? " " : "", note);
    size_t pieces = piece_count(buf, t->cell_columns[host]);
    if (pieces == 0) return;
    if (pieces > BLOCK_LINES / 2) pieces = BLOCK_LINES / 2;
    begin_moment(t, row, pieces + 1);
    size_t index = t->cell_next[host];
    /* What the application or a timer did next is no consequence of the arrow beside it. */
    bool own_line = row->kind == AK_ROW_CALL || row->kind == AK_ROW_TIMER || inner_host(t, host);
    while (own_line && index < t->line_count && t->line[index].arrow) index++;
    need_line(t, index + pieces - 1);
    if (row->kind == AK_ROW_STATE) set_style(t, index, host, &row->u.state);
    const char *rest = buf;
    for (size_t i = 0; i < pieces; i++) {
        take_piece(&rest, t->cell_columns[host], piece, sizeof piece);
        put_piece(t, index + i, host, piece, colour);
        if (inner_host(t, host)) t->line[index + i].arrow = true;
    }
    t->cell_next[host] = index + pieces;
    bool initial = row->kind == AK_ROW_STATE && row->u.state.initial;
    t->cell_joins[host] =
        pieces == 1 && !initial && !inner_host(t, host) && (row->kind == AK_ROW_STATE || row->kind == AK_ROW_CALL);
    if (inner_host(t, host) && t->lane_next < t->cell_next[host]) t->lane_next = t->cell_next[host];
}

/* ---- arrows */

struct arrow {
    size_t first, last; /* columns of the line itself, without the hosts */
    bool rightward;
    bool leaves, lands; /* it begins at a host; it ends at one */
    bool lost;
    size_t turn; /* where it turns down or comes from above: !lands or !leaves */
    ak_colour colour;
};

static struct track *find_track(ak_term *t, uint32_t flight) {
    for (size_t i = 0; flight != 0 && i < TRACK_MAX; i++) {
        if (t->track[i].used && t->track[i].flight == flight) return &t->track[i];
    }
    return NULL;
}

/* The column for a new flight: next to the innermost of those it follows, or the outermost that is free. */
static size_t track_column(const ak_term *t, size_t from, size_t to) {
    bool rightward = from < to;
    size_t span = rightward ? to - from : from - to;
    size_t distance = 6;
    for (size_t i = 0; i < TRACK_MAX; i++) {
        const struct track *k = &t->track[i];
        if (!k->used || k->rightward != rightward) continue;
        size_t its = rightward ? to - k->column : k->column - to;
        if (its <= span && its + 2 > distance) distance = its + 2;
    }
    if (distance > span * 2 / 3) distance = 6;
    for (; distance + 4 < span; distance++) {
        size_t column = rightward ? to - distance : to + distance;
        bool host_line = false;
        for (size_t h = 0; h < t->options.host_count; h++) host_line |= t->x[h] == column;
        if (!t->hang[column] && !host_line) return column;
    }
    return rightward ? to - 4 : to + 4;
}

static void hang_from(ak_term *t, size_t first_line, size_t column, bool hangs) {
    for (size_t i = first_line; i < t->line_count; i++) t->line[i].hang[column] = hangs;
    t->hang[column] = hangs;
}

static void put_arrow(ak_term *t, struct term_line *line, const struct arrow *a) {
    const struct glyphs *g = t->glyphs;
    for (size_t c = a->first; c <= a->last; c++) {
        bool crosses = line->hang[c];
        for (size_t h = 0; h < t->options.host_count; h++) crosses |= t->x[h] == c;
        ak_line_put(line->canvas, c, crosses ? g->cross : g->horizontal, a->colour);
    }
    if (a->lands) {
        ak_line_put(line->canvas, a->rightward ? a->last : a->first, a->rightward ? g->head_right : g->head_left,
                    a->colour);
    }
    if (a->lost) {
        ak_line_put(line->canvas, a->turn, g->lost, AK_COLOUR_BAD);
    } else if (!a->lands) {
        ak_line_put(line->canvas, a->turn, a->rightward ? g->turn_right_down : g->turn_left_down, a->colour);
    } else if (!a->leaves && a->turn != 0) {
        ak_line_put(line->canvas, a->turn, a->rightward ? g->land_right : g->land_left, a->colour);
    }
}

/* A word wider than a line: as much of it as fits stands alone, and the rest is left for the next line. */
static bool break_word(ak_label_word *word, size_t room, ak_label_word *ret_head) {
    if (ak_text_columns(word->text) <= room) return false;
    const char *rest = word->text;
    if (take_piece(&rest, room, ret_head->text, sizeof ret_head->text) == 0) return false;
    ret_head->colour = word->colour;
    while (*rest == ' ') rest++;
    memmove(word->text, rest, strlen(rest) + 1);
    return true;
}

/* Nothing but the words is to be seen in these columns of a line. */
static void clear_way(ak_term *t, struct term_line *line, size_t first, size_t last) {
    for (size_t c = first; c <= last && c < t->columns; c++) line->hang[c] = false;
    for (size_t h = 0; h < t->options.host_count; h++) {
        if (t->x[h] >= first && t->x[h] <= last) line->covered[h] = true;
    }
}

static size_t put_word(ak_term *t, struct term_line *line, size_t at, size_t stop, const ak_label_word *word) {
    char buf[AK_LABEL_WORD_BYTES + 64];
    ak_text text = ak_text_in(buf, sizeof buf);
    size_t columns = ak_text_columns(word->text);
    ak_text_add_padded(&text, word->text, columns < stop - at ? columns : stop - at, AK_ALIGN_LEFT);
    size_t end = ak_line_put(line->canvas, at, buf, word->colour);
    clear_way(t, line, at, end);
    return end < t->columns ? ak_line_put(line->canvas, end, " ", AK_COLOUR_PLAIN) : end;
}

/* Puts words from *next on into the columns first..last, centred; answers whether any are left.  At least one is put.
 */
static bool put_words(ak_term *t, struct term_line *line, ak_label *label, uint32_t *next, size_t first, size_t last) {
    size_t room = last + 1 - first, used = 0;
    uint32_t end = *next;
    ak_label_word head;
    bool broken = break_word(&label->word[end], room, &head);
    if (broken) used = ak_text_columns(head.text);
    while (!broken && end < label->word_count) {
        size_t columns = ak_text_columns(label->word[end].text) + (end > *next ? 1 : 0);
        if (end > *next && used + columns > room) break;
        used += columns;
        end++;
    }
    if (used > room) used = room;
    size_t at = first + (room - used) / 2, stop = last + 1;
    ak_line_put(line->canvas, at - 1, " ", AK_COLOUR_PLAIN);
    clear_way(t, line, at - 1, at - 1);
    if (broken) put_word(t, line, at, stop, &head);
    for (uint32_t i = *next; i < end; i++) at = put_word(t, line, at, stop, &label->word[i]);
    *next = end;
    return end < label->word_count;
}

/* The line for an arrow between two hosts: below all that either has shown, or beside its last state. */
static size_t arrow_line(const ak_term *t, unsigned from, unsigned to) {
    size_t index = t->lane_next;
    const unsigned ends[2] = {from, to};
    for (size_t i = 0; i < 2; i++) {
        size_t next = t->cell_next[ends[i]];
        if (next > 0 && t->cell_joins[ends[i]]) next--;
        if (next > index) index = next;
    }
    return index;
}

static ak_colour arrow_colour(const ak_row_segment *s) {
    if (s->fate == AK_FATE_LOST || s->drop != AKSU_DROP_NONE) return AK_COLOUR_BAD;
    return s->retransmission || s->duplicate ? AK_COLOUR_AGAIN : AK_COLOUR_PLAIN;
}

static struct arrow shape(ak_term *t, const ak_row *row, unsigned from, unsigned to) {
    size_t a = t->x[from], b = t->x[to];
    struct arrow arrow = {.rightward = a < b, .colour = arrow_colour(&row->u.segment)};
    arrow.lost = row->u.segment.fate == AK_FATE_LOST && row->kind != AK_ROW_ARRIVE;
    arrow.leaves = row->kind != AK_ROW_ARRIVE;
    arrow.lands = row->kind != AK_ROW_DEPART && !arrow.lost;
    arrow.first = (a < b ? a : b) + 1;
    arrow.last = (a < b ? b : a) - 1;
    if (arrow.leaves && arrow.lands) return arrow;
    struct track *track = find_track(t, row->u.segment.flight);
    if (arrow.leaves) {
        arrow.turn = track_column(t, a, b);
    } else {
        arrow.turn = track != NULL ? track->column : (a + b) / 2;
    }
    bool upper = arrow.leaves == arrow.rightward; /* the line ends at the turn's left */
    if (upper) {
        arrow.last = arrow.turn - 1;
    } else {
        arrow.first = arrow.turn + 1;
    }
    return arrow;
}

static void keep_track(ak_term *t, const ak_row *row, const struct arrow *arrow, size_t index, unsigned to) {
    if (!arrow->leaves) {
        struct track *track = find_track(t, row->u.segment.flight);
        if (track == NULL) return;
        hang_from(t, index, track->column, /* hangs= */ false);
        track->used = false;
        return;
    }
    if (arrow->lands || arrow->lost || row->u.segment.flight == 0) return;
    for (size_t i = 0; i < TRACK_MAX; i++) {
        if (t->track[i].used) continue;
        t->track[i] = (struct track){.used = true,
                                     .flight = row->u.segment.flight,
                                     .column = arrow->turn,
                                     .to = (uint8_t)to,
                                     .rightward = arrow->rightward};
        hang_from(t, index + 1, arrow->turn, /* hangs= */ true);
        return;
    }
}

static void draw_arrow(ak_term *t, const ak_row *row) {
    unsigned from = row->kind == AK_ROW_ARRIVE ? row->peer : row->host;
    unsigned to = row->kind == AK_ROW_ARRIVE ? row->host : row->peer;
    if (from == to || from >= t->options.host_count || to >= t->options.host_count) return;
    ak_label label;
    ak_ladder_label(row, &t->options.words, &label);
    if (row->connections > 1 && label.word_count < AK_LABEL_WORD_MAX) {
        memmove(label.word + 1, label.word, label.word_count * sizeof label.word[0]);
        label.word_count++;
        ak_ladder_letter(row->connection, label.word[0].text);
        label.word[0].colour = AK_COLOUR_TITLE;
    }
    begin_moment(t, row, label.word_count + 1);
    size_t index = arrow_line(t, from, to);
    if (index + label.word_count >= BLOCK_LINES) {
        ak_term_flush(t);
        begin_moment(t, row, label.word_count + 1);
        index = 0;
    }
    need_line(t, index);
    struct arrow arrow = shape(t, row, from, to);
    keep_track(t, row, &arrow, index, to);
    struct term_line *line = &t->line[index];
    line->arrow = true;
    if (arrow.leaves) line->junction[from] = arrow.rightward ? JUNCTION_OUT_RIGHT : JUNCTION_OUT_LEFT;
    put_arrow(t, line, &arrow);
    for (unsigned i = 0; i < 2; i++) {
        unsigned end = i == 0 ? from : to;
        if (t->cell_next[end] < index) t->cell_next[end] = index;
        t->cell_joins[end] = false;
    }
    t->lane_next = index + 1;
    uint32_t next = 0;
    /* Two columns of line at least on either side of the words. */
    bool words_fit = arrow.last >= arrow.first + 9;
    if (label.word_count == 0) return;
    bool more = !words_fit || put_words(t, line, &label, &next, arrow.first + 3, arrow.last - 3);
    while (more && t->lane_next < BLOCK_LINES) {
        need_line(t, t->lane_next);
        struct term_line *under = &t->line[t->lane_next++];
        under->arrow = true;
        size_t low = t->x[from] < t->x[to] ? t->x[from] : t->x[to],
               high = t->x[from] < t->x[to] ? t->x[to] : t->x[from];
        more = put_words(t, under, &label, &next, words_fit ? arrow.first + 1 : low + 2,
                         words_fit ? arrow.last - 1 : high - 2);
    }
}

void ak_term_row(void *term, const ak_row *row) {
    ak_term *t = term;
    if (!t->named && row->kind != AK_ROW_CONNECTION) put_headings(t);
    if (row->host >= t->options.host_count) return;
    switch (row->kind) {
    case AK_ROW_CONNECTION: draw_connection(t, row); break;
    case AK_ROW_GAP:
    case AK_ROW_OMITTED: draw_wide(t, row); break;
    case AK_ROW_SEGMENT:
    case AK_ROW_DEPART:
    case AK_ROW_ARRIVE: draw_arrow(t, row); break;
    case AK_ROW_STATE:
    case AK_ROW_CALL:
    case AK_ROW_NOTIFY:
    case AK_ROW_DELIVERED:
    case AK_ROW_TIMER:
    case AK_ROW_RTT:
    case AK_ROW_CWND:
    case AK_ROW_MODE:
    case AK_ROW_LOSS:
    case AK_ROW_GAUGE:
    case AK_ROW_PACKET: draw_note(t, row); break;
    }
}
