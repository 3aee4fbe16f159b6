/* The eleven states as a picture, RFC 9293 Figure 5, with the states that a host passed marked.
 *
 * The layout is fixed, and the same as that of the picture: the client's usual way runs down the left, the server's
 * down the right.  Arrows stand on a sheet of their own, and the boxes are laid over them. */
#include "lab/lab.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS     80
#define BOX_COLUMNS 18

struct box {
    uint8_t row, column; /* of its upper left corner */
};

static const struct box boxes[AK_TCP_STATE_COUNT] = {
    [AK_TCP_CLOSED] = {0, 31},      [AK_TCP_LISTEN] = {5, 31},       [AK_TCP_SYN_SENT] = {9, 62},
    [AK_TCP_SYN_RECEIVED] = {9, 0}, [AK_TCP_ESTABLISHED] = {14, 31}, [AK_TCP_FIN_WAIT_1] = {19, 0},
    [AK_TCP_CLOSE_WAIT] = {19, 62}, [AK_TCP_FIN_WAIT_2] = {24, 0},   [AK_TCP_CLOSING] = {24, 31},
    [AK_TCP_LAST_ACK] = {24, 62},   [AK_TCP_TIME_WAIT] = {29, 31},
};
static const struct box closed_again = {29, 62};

static const char *const arrows[] = {
    "",
    "                                                 ◄──── close(), RST ─────────┐",
    "                                                                             │",
    "                        listen() │   ▲ close()  └─── connect() / SYN ────┐   │",
    "                                 ▼   │                                   │   │",
    "                                                                         │   │",
    "        ┌──── SYN / SYN,ACK ───                  ─ connect() / SYN ┐     │   │",
    "        │   ┌──── RST ───────►                                     │     │   │",
    "        ▼   │                                                      ▼     ▼   │",
    "",
    "                  ◄───────────── SYN / SYN,ACK ───────────────",
    "",
    "    │       └──── ACK ────────────┐         ┌─── SYN,ACK / ACK ────┘",
    "    │                             ▼         ▼",
    "    │",
    "    │ close() / FIN",
    "    │",
    "    │        ┌──── close() / FIN ─┘         └──── FIN / ACK ───────┐",
    "    ▼        ▼                                                     ▼",
    "",
    "                  ──── FIN / ACK ──────┐",
    "                                       │",
    "    │ ACK    └─────────┐               │             close() / FIN │",
    "    ▼                  │               ▼                           ▼",
    "                       │",
    "                       │",
    "                       │",
    "    │ FIN / ACK        │ FIN,ACK       │ ACK                       │ ACK",
    "    │                  │ / ACK         ▼                           ▼",
    "    │                  │",
    "    └──────────────────┴─────►                   ─── 2MSL ───►",
    "",
};
#define ROWS (sizeof arrows / sizeof arrows[0])

static void put_box(ak_line *line, size_t row, const struct box *box, const char *name, uint32_t order) {
    static const char *const edges[2][3] = {{"┌────────────────┐", "│", "└────────────────┘"},
                                            {"╔════════════════╗", "║", "╚════════════════╝"}};
    if (row < box->row || row > box->row + 2u) return;
    const char *edge = edges[order != 0][row - box->row];
    ak_colour colour = order != 0 ? AK_COLOUR_STATE : AK_COLOUR_PLAIN;
    (void)ak_line_put(line, box->column, edge, colour);
    if (row != box->row + 1u) return;
    char cell[40], mark[8] = "  ";
    if (order != 0) (void)snprintf(mark, sizeof mark, "%2u", (unsigned)(order % 100));
    (void)snprintf(cell, sizeof cell, "%s %-13s", mark, name);
    (void)ak_line_put(line, box->column + 1u, cell, colour);
    (void)ak_line_put(line, box->column + BOX_COLUMNS - 1u, edge, colour);
}

/* Marks those with an order; CLOSED has one where a way begins and one where it ends. */
static void put_sheet(const lab_draw_options *o, const uint32_t order[AK_TCP_STATE_COUNT], uint32_t end_order,
                      const ak_writer *writer) {
    ak_line *line = ak_line_new(COLUMNS);
    for (size_t row = 0; line != NULL && row < ROWS; row++) {
        ak_line_clear(line);
        (void)ak_line_put(line, 0, arrows[row], AK_COLOUR_DIM);
        for (int i = 0; i < AK_TCP_STATE_COUNT; i++)
            put_box(line, row, &boxes[i], aksu_tcp_state_name((aksu_tcp_state)i), order[i]);
        put_box(line, row, &closed_again, aksu_tcp_state_name(AK_TCP_CLOSED), end_order);
        (void)ak_line_write(line, writer, o->paint);
    }
    ak_line_free(line);
}

/* A sheet in the characters that are asked for. */
static bool in_ascii(void *user, const void *bytes, size_t byte_count) {
    static const struct {
        uint32_t from;
        char to;
    } table[] = {{0x2500, '-'}, {0x2550, '='}, {0x2502, '|'}, {0x2551, '#'},
                 {0x25ba, '>'}, {0x25c4, '<'}, {0x25b2, '^'}, {0x25bc, 'v'}};
    const ak_writer *writer = user;
    const char *text = bytes;
    for (size_t i = 0; i < byte_count;) {
        uint32_t code_point;
        i += ak_text_next(text + i, byte_count - i, &code_point);
        char c = code_point < 0x80 ? (char)code_point : '+';
        for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) c = code_point == table[k].from ? table[k].to : c;
        if (!writer->write(writer->user, &c, 1)) return false;
    }
    return true;
}

static void put_way(const lab_draw_options *o, const uint32_t order[AK_TCP_STATE_COUNT], uint32_t end_order,
                    const ak_writer *writer) {
    ak_writer plain = *writer, ascii = {.write = in_ascii, .user = &plain};
    put_sheet(o, order, end_order, o->glyphs == AK_GLYPHS_ASCII ? &ascii : writer);
}

void lab_diagram(const lab_result *result, uint32_t host, const lab_draw_options *options, const ak_writer *writer) {
    uint32_t order[AK_TCP_STATE_COUNT] = {0}, end_order = 0, step = 0;
    char line[200];
    for (uint32_t i = 0; result != NULL && i < result->change_count; i++) {
        const lab_change *c = &result->change[i];
        if (c->host != host || c->chain != 1) continue;
        if (step == 0) order[c->state.from] = ++step;
        if (c->state.to == AK_TCP_CLOSED)
            end_order = ++step;
        else
            order[c->state.to] = ++step;
    }
    put_way(options, order, end_order, writer);
    if (result == NULL) return;
    (void)writer->write(writer->user, "\n", 1);
    step = 0;
    for (uint32_t i = 0; i < result->change_count; i++) {
        const lab_change *c = &result->change[i];
        if (c->host != host || c->chain != 1) continue;
        int bytes =
            snprintf(line, sizeof line, "  %2u  %9.3f ms  %s -> %s\n", (unsigned)++step, (double)c->time_us / 1000.0,
                     aksu_tcp_state_name(c->state.from), aksu_tcp_state_name(c->state.to));
        (void)writer->write(writer->user, line, (size_t)bytes);
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

void lab_diagram_way(lab_role role, const lab_draw_options *options, const ak_writer *writer) {
    aksu_tcp_state way[LAB_WAY_MAX];
    uint32_t order[AK_TCP_STATE_COUNT] = {0}, count = lab_usual_way(role, way);
    for (uint32_t i = 0; i + 1 < count; i++) order[way[i]] = i + 1; /* it ends in CLOSED */
    put_way(options, order, count, writer);
}
