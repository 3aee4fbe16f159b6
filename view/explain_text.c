/* Lines about explained connections; see explain_text.h.  A state that is only likely bears a question mark, one that
 * nothing tells is a question mark alone. */
#include "view/explain_text.h"

#include "view/table.h"
#include "view/text.h"

#include <inttypes.h>
#include <string.h>

#define LINE_BYTES 600

enum {
    NUMBER_COLUMNS = 5,
    TIME_COLUMNS = 11,
    LASTED_COLUMNS = 9,
    END_COLUMNS = 21,
    BYTES_COLUMNS = 10,
    AGAIN_COLUMNS = 6
};
enum { STATE_COLUMNS = 13 };

static bool put(const ak_writer *writer, const ak_text *text) {
    return writer->write(writer->user, text->bytes, text->used_bytes);
}

/* Padded, but never cut: an IPv6 address may stand out. */
static void column(ak_text *line, const char *words, size_t columns, ak_align align) {
    if (line->used_bytes > 0) ak_text_add(line, " ");
    if (ak_text_columns(words) >= columns)
        ak_text_add(line, words);
    else
        ak_text_add_padded(line, words, columns, align);
}

static const char *state_text(const ak_inferred *s, char buf[24]) {
    if (s->sureness == AK_UNKNOWN) return "?";
    (void)snprintf(buf, 24, "%s%s", ak_word_state(s->state), s->sureness == AK_LIKELY ? "?" : "");
    return buf;
}

bool ak_explain_write_head(const ak_writer *writer, ak_lang lang) {
    static const char *const words[][AK_LANG_COUNT] = {
        {"no", "번호"},
        {"start s", "시작 s"},
        {"lasted", "지속"},
        {"A", "A"},
        {"B", "B"},
        {"A sent", "A가 보냄"},
        {"B sent", "B가 보냄"},
        {"again", "재전송"},
        {"A's state", "A의 상태"},
        {"B's state", "B의 상태"},
        {"how it ended", "어떻게 끝났나"},
    };
    static const size_t columns[] = {NUMBER_COLUMNS,
                                     TIME_COLUMNS,
                                     LASTED_COLUMNS,
                                     END_COLUMNS,
                                     END_COLUMNS,
                                     BYTES_COLUMNS,
                                     BYTES_COLUMNS,
                                     AGAIN_COLUMNS,
                                     STATE_COLUMNS,
                                     STATE_COLUMNS,
                                     1};
    char buf[LINE_BYTES];
    ak_text line = ak_text_in(buf, sizeof buf);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        bool right = i < 3 || (i >= 5 && i < 8);
        column(&line, words[i][lang], columns[i], right ? AK_ALIGN_RIGHT : AK_ALIGN_LEFT);
    }
    ak_text_add(&line, "\n");
    return put(writer, &line);
}

bool ak_explain_write_line(const ak_writer *writer, const ak_explained *e, uint64_t epoch_ns, ak_lang lang) {
    char buf[LINE_BYTES], piece[AK_ENDING_BYTES], endpoint[AK_ENDPOINT_TEXT_BYTES];
    ak_text line = ak_text_in(buf, sizeof buf);
    (void)snprintf(piece, sizeof piece, "%" PRIu32, e->number);
    column(&line, piece, NUMBER_COLUMNS, AK_ALIGN_RIGHT);
    uint64_t start_us = e->first_ns > epoch_ns ? (e->first_ns - epoch_ns) / 1000 : 0;
    (void)snprintf(piece, sizeof piece, "%" PRIu64 ".%06u", start_us / 1000000, (unsigned)(start_us % 1000000));
    column(&line, piece, TIME_COLUMNS, AK_ALIGN_RIGHT);
    ak_text part = ak_text_in(piece, sizeof piece);
    ak_text_add_duration(&part, (e->last_ns - e->first_ns) / 1000);
    column(&line, piece, LASTED_COLUMNS, AK_ALIGN_RIGHT);
    for (unsigned i = 0; i < 2; i++)
        column(&line, ak_table_endpoint(&e->end[i].addr, e->end[i].port, endpoint), END_COLUMNS, AK_ALIGN_LEFT);
    for (unsigned i = 0; i < 2; i++) {
        part = ak_text_in(piece, sizeof piece);
        ak_text_add_bytes(&part, e->side[i].bytes);
        column(&line, piece, BYTES_COLUMNS, AK_ALIGN_RIGHT);
    }
    (void)snprintf(piece, sizeof piece, "%" PRIu32, e->side[0].retransmissions + e->side[1].retransmissions);
    column(&line, piece, AGAIN_COLUMNS, AK_ALIGN_RIGHT);
    for (unsigned i = 0; i < 2; i++) column(&line, state_text(&e->state[i], piece), STATE_COLUMNS, AK_ALIGN_LEFT);
    column(&line, ak_ending_text(e, lang, piece), 1, AK_ALIGN_LEFT);
    ak_text_add(&line, "\n");
    return put(writer, &line);
}

static void count(ak_text *line, uint64_t n, const char *words) {
    if (n > 0) ak_text_add_format(line, ", %" PRIu64 " %s", n, words);
}

bool ak_explain_write_report(const ak_writer *writer, const ak_explained *e, ak_lang lang) {
    static const char *const words[][AK_LANG_COUNT] = {
        {"packets", "패킷"},
        {"sent again", "재전송"},
        {"out of order", "순서 바뀜"},
        {"probes", "탐침"},
        {"with the window shut", "제로 윈도우"},
        {"that it did not send", "스스로 보내지 않은 것"},
    };
    char buf[LINE_BYTES], piece[AK_ENDING_BYTES], endpoint[AK_ENDPOINT_TEXT_BYTES];
    ak_text line = ak_text_in(buf, sizeof buf);
    ak_text_add_format(&line, "%" PRIu32 ": %s\n", e->number, ak_ending_text(e, lang, piece));
    for (unsigned i = 0; i < 2; i++) {
        const ak_explained_side *s = &e->side[i];
        ak_table_endpoint(&e->end[i].addr, e->end[i].port, endpoint);
        ak_text_add_format(&line, "   %c  %s  %s  ", i == 0 ? 'A' : 'B', endpoint, state_text(&e->state[i], piece));
        ak_text_add_bytes(&line, s->bytes);
        count(&line, s->packets, s->packets == 1 && lang == AK_LANG_EN ? "packet" : words[0][lang]);
        count(&line, s->retransmissions, words[1][lang]);
        count(&line, s->reordered, words[2][lang]);
        count(&line, s->probes, s->probes == 1 && lang == AK_LANG_EN ? "probe" : words[3][lang]);
        count(&line, s->zero_windows, words[4][lang]);
        count(&line, s->foreign, words[5][lang]);
        ak_text_add(&line, "\n");
    }
    return put(writer, &line);
}

bool ak_explain_write_json(const ak_writer *writer, const ak_explained *e) {
    static const char *const sureness[] = {[AK_UNKNOWN] = "unknown", [AK_LIKELY] = "likely", [AK_KNOWN] = "known"};
    char buf[2 * LINE_BYTES], endpoint[AK_ENDPOINT_TEXT_BYTES];
    ak_text line = ak_text_in(buf, sizeof buf);
    ak_text_add_format(&line, "{\"number\":%" PRIu32 ",\"first_ns\":%" PRIu64 ",\"last_ns\":%" PRIu64 ",\"ends\":[",
                       e->number, e->first_ns, e->last_ns);
    for (unsigned i = 0; i < 2; i++) {
        const ak_explained_side *s = &e->side[i];
        const ak_inferred *state = &e->state[i];
        ak_table_endpoint(&e->end[i].addr, e->end[i].port, endpoint);
        ak_text_add_format(&line, "%s{\"endpoint\":\"%s\",\"state\":\"%s\",\"sureness\":\"%s\",", i == 0 ? "" : ",",
                           endpoint, state->sureness == AK_UNKNOWN ? "" : ak_word_state(state->state),
                           sureness[state->sureness]);
        ak_text_add_format(
            &line,
            "\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"retransmissions\":%" PRIu32 ",\"reordered\":%" PRIu32
            ",\"probes\":%" PRIu32 ",\"zero_windows\":%" PRIu32 ",\"foreign\":%" PRIu32 "}",
            s->packets, s->bytes, s->retransmissions, s->reordered, s->probes, s->zero_windows, s->foreign);
    }
    ak_text_add_format(&line, "],\"ending\":\"%s\",\"by\":\"%c\",\"from_the_start\":%s}\n", ak_ending_name(e->ending),
                       e->by == 0 ? 'A' : 'B', e->from_the_start ? "true" : "false");
    return put(writer, &line);
}
