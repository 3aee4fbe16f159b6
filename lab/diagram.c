/* The eleven states as a picture, RFC 9293 Figure 5, with the states that a host passed marked.
 *
 * The layout is fixed: the client's usual way runs down the left, the server's down the right. */
#include "lab/lab.h"

#include <stdio.h>
#include <string.h>

struct box {
    uint8_t row, column;
};

static const struct box boxes[AK_TCP_STATE_COUNT] = {
    [AK_TCP_CLOSED] = {0, 1},       [AK_TCP_LISTEN] = {1, 2},      [AK_TCP_SYN_SENT] = {1, 0},
    [AK_TCP_SYN_RECEIVED] = {2, 2}, [AK_TCP_ESTABLISHED] = {3, 1}, [AK_TCP_FIN_WAIT_1] = {4, 0},
    [AK_TCP_CLOSE_WAIT] = {4, 2},   [AK_TCP_FIN_WAIT_2] = {5, 0},  [AK_TCP_CLOSING] = {5, 1},
    [AK_TCP_LAST_ACK] = {5, 2},     [AK_TCP_TIME_WAIT] = {6, 1},
};

#define ROWS    7
#define COLUMNS 3
#define CELL    22

static void put(const ak_writer *writer, const char *text) {
    (void)writer->write(writer->user, text, strlen(text));
}

static int state_at(uint32_t row, uint32_t column) {
    for (int i = 0; i < AK_TCP_STATE_COUNT; i++) {
        if (boxes[i].row == row && boxes[i].column == column) return i;
    }
    return -1;
}

static void put_line(const ak_writer *writer, const uint32_t *order, uint32_t row, uint32_t line) {
    for (uint32_t column = 0; column < COLUMNS; column++) {
        char cell[128] = "";
        int state = state_at(row, column);
        if (state >= 0) {
            char name[32], mark[8] = "  ";
            if (order[state] != 0) (void)snprintf(mark, sizeof mark, "%2u", (unsigned)(order[state] % 100));
            (void)snprintf(name, sizeof name, "%s %s", mark, aksu_tcp_state_name((aksu_tcp_state)state));
            bool walked = order[state] != 0;
            if (line == 0)
                (void)snprintf(cell, sizeof cell, "%s", walked ? "╔════════════════╗" : "┌────────────────┐");
            if (line == 1) (void)snprintf(cell, sizeof cell, walked ? "║%-16s║" : "│%-16s│", name);
            if (line == 2)
                (void)snprintf(cell, sizeof cell, "%s", walked ? "╚════════════════╝" : "└────────────────┘");
        }
        char text[200];
        ak_text out = ak_text_in(text, sizeof text);
        ak_text_add_padded(&out, cell, column + 1 < COLUMNS ? CELL : ak_text_columns(cell), AK_ALIGN_LEFT);
        put(writer, text);
    }
    put(writer, "\n");
}

static void put_boxes(const ak_writer *writer, const uint32_t order[AK_TCP_STATE_COUNT]) {
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t part = 0; part < 3; part++) put_line(writer, order, row, part);
    }
}

void lab_diagram(const lab_result *result, uint32_t host, const ak_writer *writer) {
    uint32_t order[AK_TCP_STATE_COUNT] = {0};
    uint32_t step = 0;
    char line[200];
    for (uint32_t i = 0; result != NULL && i < result->change_count; i++) {
        const lab_change *c = &result->change[i];
        if (c->host != host || c->chain != 1) continue;
        if (step == 0) order[c->state.from] = ++step;
        order[c->state.to] = ++step;
    }
    put_boxes(writer, order);
    if (result == NULL) return;
    put(writer, "\n");
    step = 0;
    for (uint32_t i = 0; i < result->change_count; i++) {
        const lab_change *c = &result->change[i];
        if (c->host != host || c->chain != 1) continue;
        (void)snprintf(line, sizeof line, "  %2u  %9.3f ms  %s -> %s\n", (unsigned)++step, (double)c->time_us / 1000.0,
                       aksu_tcp_state_name(c->state.from), aksu_tcp_state_name(c->state.to));
        put(writer, line);
    }
}

uint32_t lab_usual_way(lab_role role, aksu_tcp_state ret_way[LAB_WAY_MAX]) {
    static const aksu_tcp_state ways[LAB_ROLE_COUNT][7] = {
        [LAB_CLIENT] = {AK_TCP_CLOSED, AK_TCP_SYN_SENT, AK_TCP_ESTABLISHED, AK_TCP_FIN_WAIT_1, AK_TCP_FIN_WAIT_2,
                        AK_TCP_TIME_WAIT, AK_TCP_CLOSED},
        [LAB_SERVER] = {AK_TCP_CLOSED, AK_TCP_LISTEN, AK_TCP_SYN_RECEIVED, AK_TCP_ESTABLISHED, AK_TCP_CLOSE_WAIT,
                        AK_TCP_LAST_ACK, AK_TCP_CLOSED},
    };
    memcpy(ret_way, ways[role], sizeof ways[role]);
    return sizeof ways[role] / sizeof ways[role][0];
}

void lab_diagram_way(lab_role role, const ak_writer *writer) {
    aksu_tcp_state way[LAB_WAY_MAX];
    uint32_t order[AK_TCP_STATE_COUNT] = {0}, count = lab_usual_way(role, way);
    for (uint32_t i = 0; i < count; i++) order[way[i]] = i + 1;
    put_boxes(writer, order);
}
