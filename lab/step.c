/* aksu lab --step: a scenario one event at a time, forwards and back.
 *
 * A step is a row of the ladder that says something of a host (what stands for itself, such as a silence, comes with
 * the next).  What is drawn at a step follows from the rows up to it alone, so the same step always looks the same,
 * from wherever it is reached.  On a terminal each step is drawn on a clean screen, its last lines if they are too
 * many; keys that come from a file or a pipe give one frame each. */
#define _DEFAULT_SOURCE // NOLINT(bugprone-reserved-identifier): termios, ioctl and isatty
#include "lab/ask.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define FRAME_LINES 24

struct step {
    uint32_t result;
    size_t row;
};

struct stepper {
    lab_result *const *results;
    const lab_draw_options *options;
    struct step *step;
    size_t step_count, at;
    bool terminal;
};

static bool is_step(const ak_row *row) {
    switch (row->kind) {
    case AK_ROW_CONNECTION:
    case AK_ROW_GAP: return false;
    case AK_ROW_SEGMENT:
    case AK_ROW_DEPART:
    case AK_ROW_ARRIVE:
    case AK_ROW_STATE:
    case AK_ROW_CALL:
    case AK_ROW_NOTIFY:
    case AK_ROW_DELIVERED:
    case AK_ROW_TIMER:
    case AK_ROW_RTT:
    case AK_ROW_CWND:
    case AK_ROW_MODE:
    case AK_ROW_LOSS:
    case AK_ROW_PACKET:
    case AK_ROW_GAUGE:
    case AK_ROW_OMITTED: break;
    }
    return true;
}

static bool find_steps(struct stepper *s, uint32_t result_count) {
    size_t total = 0;
    for (uint32_t i = 0; i < result_count; i++) {
        size_t count;
        (void)ak_ladder_rows(s->results[i]->ladder, &count);
        total += count;
    }
    s->step = calloc(total + 1, sizeof *s->step);
    if (s->step == NULL) return false;
    for (uint32_t i = 0; i < result_count; i++) {
        size_t count;
        const ak_row *rows = ak_ladder_rows(s->results[i]->ladder, &count);
        for (size_t row = 0; row < count; row++) {
            if (is_step(&rows[row])) s->step[s->step_count++] = (struct step){.result = i, .row = row};
        }
    }
    return true;
}

/* Each host's state after the row: of the connection that changed last. */
static void put_states(const lab_result *r, const ak_row *rows, size_t row) {
    for (uint32_t host = 0; host < r->scenario->host_count; host++) {
        aksu_tcp_state state = AK_TCP_CLOSED;
        for (size_t i = 0; i <= row; i++) {
            if (rows[i].kind == AK_ROW_STATE && rows[i].host == host) state = rows[i].u.state.to;
        }
        printf("   %s %s", r->scenario->host[host].name, aksu_tcp_state_name(state));
    }
    printf("\n");
}

static size_t frame_lines(const struct stepper *s) {
    struct winsize size;
    if (s->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 8) return size.ws_row - 4u;
    return FRAME_LINES;
}

/* The last lines of a text. */
static const char *tail(const char *text, size_t lines) {
    const char *at = text + strlen(text);
    if (at > text && at[-1] == '\n') at--;
    while (at > text) {
        if (at[-1] == '\n' && --lines == 0) break;
        at--;
    }
    return at;
}

static bool put_frame(const struct stepper *s) {
    const struct step *step = &s->step[s->at];
    const lab_result *r = s->results[step->result];
    size_t count;
    const ak_row *rows = ak_ladder_rows(r->ladder, &count);
    lab_draw_options options = *s->options;
    options.row_max = step->row + 1;
    ak_memory memory = {.limit_bytes = 1u << 26};
    ak_writer writer = ak_writer_memory(&memory);
    bool good = lab_draw(r, &options, &writer);
    if (good) {
        if (s->terminal) printf("\x1b[H\x1b[2J");
        printf("%s", tail(memory.text, frame_lines(s)));
        printf("--- %zu/%zu   %.3f ms", s->at + 1, s->step_count, (double)rows[step->row].time_us / 1000.0);
        put_states(r, rows, step->row);
        good = fflush(stdout) == 0;
    }
    ak_memory_free(&memory);
    return good;
}

/* Moves by a key; false: it was to quit.  An arrow comes as ESC [ C or ESC [ D. */
static bool move(struct stepper *s, int key) {
    size_t last = s->step_count - 1;
    switch (key) {
    case 'q':
    case EOF: return false;
    case ' ':
    case 'n':
    case 'C': s->at += s->at < last; break;
    case 'b':
    case 'p':
    case 'D': s->at -= s->at > 0; break;
    case 'g': s->at = 0; break;
    case 'G': s->at = last; break;
    default: break;
    }
    return true;
}

static int read_key(void) {
    int key = getchar();
    if (key != 0x1b) return key;
    return getchar() == '[' ? getchar() : 0;
}

bool lab_step(lab_result *const *results, uint32_t result_count, const lab_draw_options *options) {
    struct stepper s = {.results = results, .options = options, .terminal = isatty(STDOUT_FILENO) != 0};
    struct termios before, raw;
    bool keys = isatty(STDIN_FILENO) != 0 && tcgetattr(STDIN_FILENO, &before) == 0;
    if (!find_steps(&s, result_count)) return false;
    if (keys) {
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    bool good = s.step_count == 0 || put_frame(&s);
    while (good && s.step_count > 0) {
        int key = read_key();
        if (key == '\n' && !keys) continue; /* the end of a line in a file */
        if (!move(&s, key == '\n' ? 'n' : key)) break;
        good = put_frame(&s);
    }
    if (keys) (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    free(s.step);
    return good;
}
