/* What --trace asked for: ladders, JSON lines and captures, all readers of one trace stream. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"
#include "view/jsonl.h"
#include "view/ladder.h"
#include "view/ladder_svg.h"
#include "view/ladder_term.h"
#include "view/pcapng.h"

struct view {
    FILE *file;
    ak_writer writer;
    ak_ladder *ladder; /* with term; a picture has none */
    ak_term *term;
    ak_pcapng *pcapng;
};

#define PICTURE_ROWS_MAX 4000

struct app_views {
    struct view view[APP_TRACE_MAX + 1];
    unsigned count;
};

static uint32_t columns_of(FILE *file) {
    struct winsize size;
    if (!isatty(fileno(file)) || ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col < AK_TERM_COLUMNS_MIN)
        return 0;
    return size.ws_col;
}

static bool open_ladder(struct view *v) {
    ak_term_options term_options = {.columns = columns_of(v->file), .sides = AK_LADDER_ONE_SIDED};
    term_options.paint = isatty(fileno(v->file)) ? AK_PAINT_COLOURS : AK_PAINT_NONE;
    ak_ladder_options options = {.sides = AK_LADDER_ONE_SIDED};
    v->term = ak_term_open(&v->writer, &term_options);
    v->ladder = v->term != NULL ? ak_ladder_open(&options, ak_term_row, v->term) : NULL;
    return v->ladder != NULL;
}

/* Event times are CLOCK_MONOTONIC's; captures want the wall clock. */
static uint64_t epoch_us(void) {
    struct timespec wall;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    return (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000 - aksu_host_now_us();
}

static bool open_picture(struct view *v) {
    ak_ladder_options options = {
        .sides = AK_LADDER_ONE_SIDED, .row_max = PICTURE_ROWS_MAX, .gap_us = 1000000, .numbers = AK_NUMBERS_RELATIVE};
    v->ladder = ak_ladder_open(&options, NULL, NULL);
    return v->ladder != NULL;
}

static void draw_picture(struct view *v) {
    ak_picture picture = {.host_count = 2};
    picture.rows = ak_ladder_rows(v->ladder, &picture.row_count);
    if (!ak_ladder_svg(&picture, 1, &v->writer, NULL)) app_say("the picture could not be written");
}

static bool open_view(struct view *v, const char *spec) {
    const char *colon = strchr(spec, ':');
    v->file = colon != NULL && colon[1] != '\0' ? fopen(colon + 1, "we") : stderr;
    if (v->file == NULL) {
        app_say("cannot write the trace to '%s'", colon + 1);
        return false;
    }
    v->writer = ak_writer_file(v->file);
    if (strncmp(spec, "ladder", 6) == 0) return open_ladder(v);
    if (strncmp(spec, "svg", 3) == 0) return open_picture(v);
    if (strncmp(spec, "json", 4) == 0) return true;
    ak_pcapng_options options = {.epoch_us = epoch_us()};
    v->pcapng = ak_pcapng_open(&v->writer, &options);
    return v->pcapng != NULL;
}

bool app_views_any(const app_options *options) {
    return options->trace_count > 0 || options->svg != NULL;
}

struct app_views *app_views_open(const app_options *options) {
    struct app_views *views = calloc(1, sizeof *views);
    if (views == NULL) return NULL;
    bool good = true;
    for (unsigned i = 0; good && i < options->trace_count; i++)
        good = open_view(&views->view[views->count++], options->trace[i]);
    if (good && options->svg != NULL) {
        char spec[4096];
        (void)snprintf(spec, sizeof spec, "svg:%s", options->svg);
        good = open_view(&views->view[views->count++], spec);
    }
    if (good) return views;
    app_views_close(views);
    return NULL;
}

void app_views_sink(void *user, const aksu_trace_event *event) {
    struct app_views *views = user;
    for (unsigned i = 0; i < views->count; i++) {
        struct view *v = &views->view[i];
        if (v->ladder != NULL)
            ak_ladder_event(v->ladder, 0, 0, event);
        else if (v->pcapng != NULL)
            (void)ak_pcapng_event(v->pcapng, 0, event);
        else
            (void)ak_jsonl_write(&v->writer, event);
    }
}

void app_views_flush(struct app_views *views) {
    for (unsigned i = 0; i < views->count; i++) {
        struct view *v = &views->view[i];
        if (v->ladder != NULL) {
            ak_ladder_flush(v->ladder);
            if (v->term != NULL) (void)ak_term_flush(v->term);
        }
        (void)fflush(v->file);
    }
}

void app_views_close(struct app_views *views) {
    if (views == NULL) return;
    for (unsigned i = 0; i < views->count; i++) {
        struct view *v = &views->view[i];
        if (v->file == NULL) continue;
        if (v->ladder != NULL) {
            ak_ladder_flush(v->ladder);
            if (v->term != NULL)
                (void)ak_term_flush(v->term);
            else
                draw_picture(v);
            ak_ladder_close(v->ladder);
        }
        ak_term_close(v->term);
        if (v->pcapng != NULL) ak_pcapng_close(v->pcapng);
        if (v->file != stderr) (void)fclose(v->file);
    }
    free(views);
}
