/* What --trace asked for: ladders, JSON lines and captures, all readers of one trace stream. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"
#include "view/jsonl.h"
#include "view/ladder.h"
#include "view/ladder_term.h"
#include "view/pcapng.h"

struct view {
    FILE *file;
    ak_writer writer;
    ak_ladder *ladder; /* with term */
    ak_term *term;
    ak_pcapng *pcapng;
};

struct app_views {
    struct view view[APP_TRACE_MAX];
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

static bool open_view(struct view *v, const char *spec) {
    const char *colon = strchr(spec, ':');
    v->file = colon != NULL && colon[1] != '\0' ? fopen(colon + 1, "we") : stderr;
    if (v->file == NULL) {
        app_say("cannot write the trace to '%s'", colon + 1);
        return false;
    }
    v->writer = ak_writer_file(v->file);
    if (strncmp(spec, "ladder", 6) == 0) return open_ladder(v);
    if (strncmp(spec, "json", 4) == 0) return true;
    ak_pcapng_options options = {.epoch_us = epoch_us()};
    v->pcapng = ak_pcapng_open(&v->writer, &options);
    return v->pcapng != NULL;
}

struct app_views *app_views_open(const app_options *options) {
    struct app_views *views = calloc(1, sizeof *views);
    if (views == NULL) return NULL;
    for (unsigned i = 0; i < options->trace_count; i++) {
        views->count++;
        if (open_view(&views->view[i], options->trace[i])) continue;
        app_views_close(views);
        return NULL;
    }
    return views;
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
            (void)ak_term_flush(v->term);
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
            (void)ak_term_flush(v->term);
            ak_ladder_close(v->ladder);
        }
        ak_term_close(v->term);
        if (v->pcapng != NULL) ak_pcapng_close(v->pcapng);
        if (v->file != stderr) (void)fclose(v->file);
    }
    free(views);
}
