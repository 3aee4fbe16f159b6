/* Draws a run: its ladder, with the story told beside it.
 *
 * The ladder's lines come from the view line by line.  Where the terminal is wide enough the story stands to their
 * right, each text beginning on the line of the step it tells; else it stands below that step. */
#include "lab/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE_COLUMNS_MIN 36 /* a story narrower than this goes below */
#define STORY_BYTES      8192

struct page {
    const lab_result *r;
    const lab_draw_options *o;
    const ak_writer *writer;
    uint32_t ladder_columns, story_columns; /* story_columns 0: below */
    char pending[STORY_BYTES];              /* story lines not yet placed, each ended by a newline */
    size_t pending_bytes;
    lab_teller teller;
    bool good;
};

static void put(struct page *page, const char *text, size_t bytes) {
    if (page->good) page->good = page->writer->write(page->writer->user, text, bytes);
}

static void put_text(struct page *page, const char *text) {
    put(page, text, strlen(text));
}

static void colour(struct page *page, ak_colour which) {
    if (page->o->paint == AK_PAINT_COLOURS) put_text(page, ak_colour_sequence(which));
}

/* Breaks a text into lines of so many columns at its spaces, or where it must. */
static size_t line_bytes(const char *text, size_t columns) {
    size_t fit = ak_text_fit_bytes(text, columns);
    if (text[fit] == '\0') return fit;
    for (size_t i = fit; i > fit / 2; i--) {
        if (text[i] == ' ') return i;
    }
    return fit > 0 ? fit : 1;
}

static void put_wrapped(struct page *page, const char *text, size_t columns, const char *indent) {
    while (*text != '\0') {
        size_t bytes = line_bytes(text, columns);
        put_text(page, indent);
        put(page, text, bytes);
        put_text(page, "\n");
        text += bytes;
        while (*text == ' ') text++;
    }
}

static void queue_story(struct page *page, const char *text) {
    const char *lead = "> ";
    while (*text != '\0') {
        size_t bytes = line_bytes(text, page->story_columns - 2);
        int wrote = snprintf(page->pending + page->pending_bytes, STORY_BYTES - page->pending_bytes, "%s%.*s\n", lead,
                             (int)bytes, text);
        if (wrote < 0 || page->pending_bytes + (size_t)wrote >= STORY_BYTES) return;
        page->pending_bytes += (size_t)wrote;
        text += bytes;
        while (*text == ' ') text++;
        lead = "  ";
    }
}

/* Takes the next pending line off; false: there is none. */
static bool next_story_line(struct page *page, char *buf, size_t cap) {
    const char *end = memchr(page->pending, '\n', page->pending_bytes);
    if (end == NULL) return false;
    size_t bytes = (size_t)(end - page->pending);
    (void)snprintf(buf, cap, "%.*s", (int)bytes, page->pending);
    page->pending_bytes -= bytes + 1;
    memmove(page->pending, end + 1, page->pending_bytes);
    return true;
}

/* Columns of a line with colour sequences in it. */
static size_t shown_columns(const char *line, size_t bytes) {
    char plain[2048];
    size_t used = 0;
    for (size_t i = 0; i < bytes && used + 1 < sizeof plain; i++) {
        if (line[i] == '\x1b') {
            while (i < bytes && line[i] != 'm') i++;
            continue;
        }
        plain[used++] = line[i];
    }
    plain[used] = '\0';
    return ak_text_columns(plain);
}

static void put_story_beside(struct page *page, size_t columns) {
    char story[512];
    if (page->story_columns == 0 || !next_story_line(page, story, sizeof story)) return;
    for (size_t i = columns; i < page->ladder_columns + 2u; i++) put_text(page, " ");
    colour(page, AK_COLOUR_TITLE);
    put_text(page, story);
    colour(page, AK_COLOUR_PLAIN);
}

/* The ladder's writer: each line gets the story's next line beside it. */
static bool on_ladder(void *user, const void *bytes, size_t byte_count) {
    struct page *page = user;
    const char *text = bytes;
    while (byte_count > 0) {
        const char *end = memchr(text, '\n', byte_count);
        size_t line = end != NULL ? (size_t)(end - text) : byte_count;
        put(page, text, line);
        if (end == NULL) return page->good;
        put_story_beside(page, shown_columns(text, line));
        put_text(page, "\n");
        text += line + 1;
        byte_count -= line + 1;
    }
    return page->good;
}

/* ---------------------------------------------------------------- the story */

static void tell(struct page *page, const ak_row *row, ak_term *term) {
    const lab_story *stories[LAB_ITEM_MAX];
    uint32_t count = lab_tell(&page->teller, row, stories);
    for (uint32_t i = 0; i < count; i++) {
        const char *text = lab_words(&stories[i]->text, page->o->lang);
        if (page->story_columns != 0) {
            queue_story(page, text);
            continue;
        }
        (void)ak_term_flush(term);
        colour(page, AK_COLOUR_TITLE);
        put_wrapped(page, text, page->ladder_columns - 4u, "  > ");
        colour(page, AK_COLOUR_PLAIN);
    }
}

/* ---------------------------------------------------------------- headers, field by field */

static void put_option(struct page *page, const char *name, uint64_t value, const char *unit) {
    char text[120];
    (void)snprintf(text, sizeof text, "      | option %-14s %llu%s\n", name, (unsigned long long)value, unit);
    put_text(page, text);
}

static void put_options(struct page *page, const aksu_tcp_options *o) {
    if (o->present & AKSU_OPT_MSS) put_option(page, "MSS", o->mss, " bytes");
    if (o->present & AKSU_OPT_WSCALE) put_option(page, "window scale", o->wscale, " bits");
    if (o->present & AKSU_OPT_SACK_PERMITTED) put_text(page, "      | option SACK permitted\n");
    if (o->present & AKSU_OPT_TIMESTAMPS) {
        put_option(page, "TS value", o->ts_val, "");
        put_option(page, "TS echo", o->ts_ecr, "");
    }
    for (unsigned i = 0; (o->present & AKSU_OPT_SACK) != 0 && i < o->sack_count && i < AKSU_SACK_BLOCK_MAX; i++) {
        put_option(page, "SACK from", o->sack[i].left, "");
        put_option(page, "SACK to", o->sack[i].right, "");
    }
    if (o->present & AKSU_OPT_USER_TIMEOUT)
        put_option(page, "user timeout", o->user_timeout & 0x7fffu, o->user_timeout & 0x8000u ? " min" : " s");
    if (o->present & AKSU_OPT_FAST_OPEN) put_option(page, "fast open", o->fast_open_cookie_bytes, " bytes of cookie");
    static const char *const counters[] = {"bytes with ECT(0)", "bytes with CE", "bytes with ECT(1)"};
    for (uint8_t i = 0; (o->present & AKSU_OPT_ACCECN) != 0 && i < o->accecn_count && i < AKSU_ACCECN_FIELD_MAX; i++)
        put_option(page, counters[aksu_accecn_field_at(o->accecn_order, i)], o->accecn[i], " (AccECN)");
}

/* The header's fields in their order, RFC 9293 s3.1. */
static void put_header(struct page *page, const ak_row *row) {
    static const char *const flag_names[] = {"AE", "CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"};
    const ak_row_segment *s = &row->u.segment;
    char text[400], flags[80];
    ak_text bits = ak_text_in(flags, sizeof flags);
    for (unsigned i = 0; i < 9; i++)
        ak_text_add_format(&bits, "%s%s=%u", i == 0 ? "" : " ", flag_names[i], (unsigned)s->flags >> (8 - i) & 1u);
    (void)snprintf(text, sizeof text,
                   "      | sequence number       %lld\n"
                   "      | acknowledgment number %lld\n"
                   "      | data offset           %u x 4 = %u bytes\n"
                   "      | %s\n"
                   "      | window %u   urgent pointer %u   payload %u bytes\n",
                   (long long)s->seq, (long long)s->ack, s->data_offset, s->data_offset * 4u, flags,
                   (unsigned)s->wnd_bytes, s->up, (unsigned)s->payload_bytes);
    put_text(page, text);
    put_options(page, &s->options);
}

/* ---------------------------------------------------------------- the page */

static void put_head(struct page *page) {
    const lab_scenario *s = page->r->scenario;
    ak_lang lang = page->o->lang;
    colour(page, AK_COLOUR_TITLE);
    put_wrapped(page, lab_words(&s->title, lang), page->o->columns, "");
    colour(page, AK_COLOUR_PLAIN);
    put_wrapped(page, lab_words(&s->question, lang), page->o->columns, "");
    if (page->r->variant == LAB_MUTANT) {
        char text[400];
        (void)snprintf(text, sizeof text, "%s: %s", lang == AK_LANG_KO ? "변이" : "Mutation",
                       lab_words(&s->mutation, lang));
        colour(page, AK_COLOUR_AGAIN);
        put_wrapped(page, text, page->o->columns, "");
        colour(page, AK_COLOUR_PLAIN);
    }
    if (s->run_count > 1) {
        put_text(page, "\n");
        put_wrapped(page, lab_words(&s->run[page->r->run].title, lang), page->o->columns - 3u, "== ");
    }
    put_text(page, "\n");
}

static bool draw_rows(struct page *page) {
    const lab_scenario *s = page->r->scenario;
    ak_term_options options = {.columns = page->ladder_columns,
                               .paint = page->o->paint,
                               .glyphs = page->o->glyphs,
                               .words = {.lang = page->o->lang, .flags = page->o->flags},
                               .host_count = s->host_count < 2 ? 2 : s->host_count,
                               .sides = AK_LADDER_ALL_SIDES};
    for (uint32_t i = 0; i < s->host_count; i++) options.host_name[i] = s->host[i].name;
    ak_writer writer = {.write = on_ladder, .user = page};
    ak_term *term = ak_term_open(&writer, &options);
    if (term == NULL) return false;
    size_t count = 0;
    const ak_row *rows = ak_ladder_rows(page->r->ladder, &count);
    if (page->o->row_max != 0 && count > page->o->row_max) count = page->o->row_max;
    for (size_t i = 0; i < count && page->good; i++) {
        if (page->story_columns != 0) tell(page, &rows[i], term);
        ak_term_row(term, &rows[i]);
        if (page->story_columns == 0) tell(page, &rows[i], term);
        if (page->o->headers && rows[i].kind == AK_ROW_DEPART) {
            (void)ak_term_flush(term);
            put_header(page, &rows[i]);
        }
    }
    (void)ak_term_flush(term);
    ak_term_close(term);
    while (page->pending_bytes > 0 && page->story_columns != 0) {
        put_story_beside(page, 0);
        put_text(page, "\n");
    }
    return page->good;
}

static void put_rule(struct page *page, const size_t columns[3], const char *const corners[4]) {
    put_text(page, "               ");
    for (size_t i = 0; i < 3; i++) {
        put_text(page, corners[i]);
        for (size_t k = 0; k < columns[i]; k++) put_text(page, page->o->glyphs == AK_GLYPHS_BOX ? "─" : "-");
    }
    put_text(page, corners[3]);
    put_text(page, "\n");
}

/* A packet's headers and payload as three boxes in a row; payloads among each other are to scale. */
static void put_box(struct page *page, const ak_size_box *box) {
    static const char *const tops[2][4] = {{"┌", "┬", "┬", "┐"}, {"+", "+", "+", "+"}};
    static const char *const ends[2][4] = {{"└", "┴", "┴", "┘"}, {"+", "+", "+", "+"}};
    bool ascii = page->o->glyphs == AK_GLYPHS_ASCII;
    size_t wide = box->payload_bytes / 64u;
    const size_t columns[3] = {7, 8, wide < 16 ? 16 : wide > 30 ? 30 : wide};
    const char *edge = ascii ? "|" : "│";
    char buf[400], cell[64];
    put_rule(page, columns, tops[ascii]);
    ak_text line = ak_text_in(buf, sizeof buf);
    ak_text_add_padded(&line, box->name, 14, AK_ALIGN_RIGHT);
    ak_text_add(&line, " ");
    const uint32_t sizes[3] = {box->ip_bytes, box->tcp_bytes, box->payload_bytes};
    const char *const names[3] = {"IP", "TCP", ak_word_text(page->o->lang, AK_WORD_PAYLOAD)};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(cell, sizeof cell, "%s %u", names[i], (unsigned)sizes[i]);
        ak_text_add(&line, edge);
        ak_text_add_padded(&line, cell, columns[i], AK_ALIGN_CENTRE);
    }
    ak_text_add_format(&line, "%s = %u\n", edge, (unsigned)(sizes[0] + sizes[1] + sizes[2]));
    put_text(page, buf);
    put_rule(page, columns, ends[ascii]);
}

static void put_boxes(struct page *page) {
    ak_size_box boxes[LAB_HOST_MAX];
    if (!page->r->scenario->boxes || page->o->row_max != 0 || page->o->columns < 90) return;
    uint32_t count = lab_size_boxes(page->r, boxes);
    for (uint32_t i = 0; i < count; i++) put_box(page, &boxes[i]);
}

bool lab_draw(const lab_result *result, const lab_draw_options *options, const ak_writer *writer) {
    const lab_scenario *s = result->scenario;
    uint32_t least = AK_TERM_COLUMNS_MIN + (s->host_count > 2 ? (s->host_count - 2) * AK_TERM_COLUMNS_HOST : 0);
    struct page *page = calloc(1, sizeof *page);
    if (page == NULL || result->ladder == NULL) {
        free(page);
        return false;
    }
    *page = (struct page){.r = result,
                          .o = options,
                          .writer = writer,
                          .good = true,
                          .teller = {.result = result},
                          .ladder_columns = options->columns};
    uint32_t wide = least + 30;
    if (options->columns >= wide + 2 + SIDE_COLUMNS_MIN) {
        page->ladder_columns = options->columns * 5 / 8 > wide ? options->columns * 5 / 8 : wide;
        page->story_columns = options->columns - page->ladder_columns - 2;
    }
    put_head(page);
    bool good = draw_rows(page);
    put_boxes(page);
    bool whole = options->row_max == 0;
    bool mutant = result->variant == LAB_MUTANT; /* the answer is not about it */
    if (whole && !mutant && result->run + 1 == (int)s->run_count) {
        put_text(page, "\n");
        put_wrapped(page, lab_words(&s->answer, options->lang), options->columns, "");
    }
    if (whole && result->failed) {
        colour(page, AK_COLOUR_BAD);
        const char *lead = !mutant ? "FAILED: " : options->lang == AK_LANG_KO ? "실패해야 한다: " : "It must fail: ";
        put_wrapped(page, result->reason, options->columns - (uint32_t)ak_text_columns(lead), lead);
        colour(page, AK_COLOUR_PLAIN);
    }
    good = good && page->good;
    free(page);
    return good;
}
