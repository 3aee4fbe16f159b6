/* Fuzz target: captures.  The input is a file; it is read in steps of different sizes, which must make no difference,
 * and explained, drawn and listed.  What comes out must be within what went in: places within the file, packets within
 * their records, as many connections told of as were found. */
#include "view/capture.h"
#include "view/explain.h"
#include "view/explain_text.h"
#include "view/ladder_svg.h"
#include "view/ladder_term.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define ROW_MAX 200

struct feed {
    const uint8_t *at;
    size_t left, step;
};

struct told {
    uint32_t count;
    uint64_t packets;
    ak_memory memory;
    ak_row row[ROW_MAX];
    size_t row_count;
};

static void require(bool condition) {
    if (!condition) abort();
}

static size_t source(void *user, void *buf, size_t cap) {
    struct feed *f = user;
    size_t take = f->left < f->step ? f->left : f->step;
    if (take > cap) take = cap;
    if (take > 0) memcpy(buf, f->at, take);
    f->at += take;
    f->left -= take;
    return take;
}

static void on_connection(void *user, const ak_explained *e) {
    struct told *t = user;
    ak_writer writer = ak_writer_memory(&t->memory);
    t->count++;
    t->packets += e->side[0].packets + e->side[1].packets;
    require(e->ending < AK_ENDING_COUNT && e->by < 2 && e->last_ns >= e->first_ns);
    require(ak_explain_write_line(&writer, e, 0, AK_LANG_KO));
    require(ak_explain_write_report(&writer, e, AK_LANG_EN));
    require(ak_explain_write_json(&writer, e));
}

static void on_row(void *user, const ak_row *row) {
    struct told *t = user;
    if (t->row_count < ROW_MAX) t->row[t->row_count++] = *row;
}

static void draw(struct told *t) {
    ak_writer writer = ak_writer_memory(&t->memory);
    ak_term_options options = {.host_count = 2};
    ak_term *term = ak_term_open(&writer, &options);
    require(term != NULL);
    for (size_t i = 0; i < t->row_count; i++) ak_term_row(term, &t->row[i]);
    require(ak_term_flush(term));
    ak_term_close(term);
    ak_picture picture = {.rows = t->row, .row_count = t->row_count, .host_count = 2};
    ak_picture_report report;
    require(ak_ladder_svg(&picture, 1, &writer, &report) && report.overlaps == 0);
}

/* Answers a sum over what was read, for comparison. */
static uint64_t read_file(const uint8_t *data, size_t bytes, size_t step, struct told *t) {
    struct feed f = {.at = data, .left = bytes, .step = step};
    ak_explain_options options = {.user = t, .connection = on_connection, .row = on_row, .gap_us = 1000000};
    ak_capture *capture = ak_capture_open(source, &f);
    ak_explain *explain = ak_explain_open(&options);
    require(capture != NULL && explain != NULL);
    uint64_t sum = 0, offset = 0, segments = 0;
    ak_capture_packet p;
    ak_capture_result result;
    while ((result = ak_capture_next(capture, &p)) == AK_CAPTURE_PACKET) {
        require(p.offset < bytes && p.captured_bytes <= bytes - p.offset && p.original_bytes >= p.captured_bytes);
        for (uint32_t i = 0; i < p.captured_bytes; i++) sum = sum * 31 + p.bytes[i];
        sum = sum * 31 + p.time_ns;
        ak_packet packet;
        if (ak_packet_read(&p, &packet) != AK_PACKET_SEGMENT) continue;
        segments++;
        require(ak_explain_packet(explain, p.time_ns, &packet));
    }
    if (result == AK_CAPTURE_BAD) {
        require(strlen(ak_capture_error(capture, &offset)) > 0 && offset <= bytes);
        sum = sum * 31 + offset;
    }
    ak_explain_end(explain);
    require(t->count == ak_explain_count(explain) && t->packets <= segments);
    ak_explain_close(explain);
    ak_capture_close(capture);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    uint64_t sum[2];
    static const size_t steps[2] = {SIZE_MAX, 7};
    for (int i = 0; i < 2; i++) {
        struct told *t = calloc(1, sizeof *t);
        if (t == NULL) return 0;
        t->memory.limit_bytes = 1u << 26;
        sum[i] = read_file(data, bytes, steps[i], t);
        if (i == 0) draw(t);
        ak_memory_free(&t->memory);
        free(t);
    }
    require(sum[0] == sum[1]);
    return 0;
}
