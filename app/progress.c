/* Progress of long transfers: one line on stderr, where that is a terminal, five times a second at most.
 *
 * It appears when something has moved for a second, and is wiped when nothing moves any more. */
#include <string.h>
#include <unistd.h>

#include "app/app.h"

enum { FIRST_US = 1000000, EACH_US = 200000, QUIET_US = 1500000 };

/* Not with --quiet, nor between the lines of a trace. */
void app_progress_open(app_progress *progress, const app_options *options) {
    bool wanted = !options->quiet && isatty(STDERR_FILENO);
    for (unsigned i = 0; i < options->trace_count; i++) {
        const char *colon = strchr(options->trace[i], ':');
        if (colon == NULL || colon[1] == '\0') wanted = false; /* it goes to stderr */
    }
    *progress = (app_progress){.on = wanted};
}

/* 1,234,567 bytes as 1.2 MB. */
static void print_bytes(char *buf, size_t cap, double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int unit = 0;
    for (; bytes >= 1000 && unit < 4; unit++) bytes /= 1000;
    (void)snprintf(buf, cap, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static void wipe(app_progress *progress) {
    if (progress->shown) (void)fputs("\r\033[K", stderr);
    progress->shown = false;
}

static void show(app_progress *progress, uint64_t now_us) {
    char sent[16], received[16], rate[16];
    uint64_t all = progress->sent_bytes + progress->received_bytes;
    uint64_t span_us = now_us - progress->shown_us;
    print_bytes(sent, sizeof sent, (double)progress->sent_bytes);
    print_bytes(received, sizeof received, (double)progress->received_bytes);
    print_bytes(rate, sizeof rate, (double)(all - progress->shown_bytes) * 1e6 / (double)(span_us > 0 ? span_us : 1));
    (void)fprintf(stderr, "\r%s sent, %s received, %s/s\033[K", sent, received, rate);
    progress->shown = true;
    progress->shown_us = now_us;
    progress->shown_bytes = all;
}

void app_progress_turn(app_progress *progress, uint64_t now_us) {
    if (!progress->on) return;
    uint64_t all = progress->sent_bytes + progress->received_bytes;
    if (all != progress->seen_bytes) {
        if (now_us - progress->moved_us > QUIET_US) { /* a new transfer */
            progress->began_us = progress->shown_us = now_us;
            progress->shown_bytes = progress->seen_bytes;
        }
        progress->seen_bytes = all;
        progress->moved_us = now_us;
        if (now_us - progress->began_us >= FIRST_US && now_us - progress->shown_us >= EACH_US) show(progress, now_us);
    } else if (progress->shown && now_us - progress->moved_us > QUIET_US) {
        wipe(progress);
    }
}

void app_progress_close(app_progress *progress) {
    wipe(progress);
}
