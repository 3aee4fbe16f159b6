/* aksu pair: two stacks joined in memory, in virtual time; standard input goes through a connection between them to
 * standard output.  For machines where no network can be had, and for looking at a connection from both sides. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "app/app.h"
#include "app/pair.h"
#include "view/ladder.h"
#include "view/ladder_term.h"
#include "view/table.h"

enum { CLIENT = AKSU_PIPE_A, SERVER = AKSU_PIPE_B, PORT = 8080, PIECES = 32, INPUT_BYTES = 1 << 18, TABLE_MAX = 16 };

struct pair {
    bool reverse, refuse, table, quiet, ladder_wanted;
    FILE *ladder_file;
    aksu_arena arena[2];
    aksu_stack *stack[2];
    aksu_sock sock[2], listener;
    aksu_pipe *pipe;
    struct end {
        struct pair *pair;
        int side;
        uint32_t departures, arrivals;
    } end[2];
    ak_writer writer;
    ak_ladder *ladder;
    ak_term *term;
    int sender, receiver;
    bool input_done;
    uint64_t bytes;
    aksu_reason reason;
    int status;
};

/* ---------------------------------------------------------------- the applications at both ends */

static void stop(struct pair *p, int status) {
    p->status = status;
    aksu_pipe_stop(p->pipe);
}

/* As much of standard input as there is room for. */
static void send_some(struct pair *p) {
    aksu_stack *stack = p->stack[p->sender];
    aksu_iov iov[PIECES];
    uint32_t count;
    while (!p->input_done &&
           aksu_tcp_send_reserve(stack, p->sock[p->sender], INPUT_BYTES, iov, PIECES, &count) == AKSU_OK) {
        struct iovec to[PIECES];
        for (uint32_t i = 0; i < count; i++) to[i] = (struct iovec){.iov_base = iov[i].base, .iov_len = iov[i].bytes};
        ssize_t n = readv(STDIN_FILENO, to, (int)count);
        (void)aksu_tcp_send_commit(stack, p->sock[p->sender], n > 0 ? (size_t)n : 0, 0);
        if (n > 0 || (n < 0 && errno == EINTR)) continue;
        p->input_done = true;
        (void)aksu_tcp_shutdown(stack, p->sock[p->sender]);
    }
}

static bool write_all(const aksu_iov *iov, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const char *at = iov[i].base;
        for (size_t left = iov[i].bytes; left > 0;) {
            ssize_t n = write(STDOUT_FILENO, at, left);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return false;
            at += n;
            left -= (size_t)n;
        }
    }
    return true;
}

static void print_table(struct pair *p) {
    aksu_tcp_info infos[TABLE_MAX];
    size_t count = 0;
    for (int side = 0; side < 2; side++) {
        uint64_t cursor = 0;
        while (count < TABLE_MAX && aksu_tcp_next(p->stack[side], &cursor, &infos[count])) count++;
    }
    ak_writer writer = ak_writer_file(stderr);
    (void)ak_table_write(&writer, infos, count, AK_TABLE_DETAILS);
    p->table = false;
}

static void receive_some(struct pair *p) {
    aksu_stack *stack = p->stack[p->receiver];
    aksu_iov iov[PIECES];
    uint32_t count;
    aksu_err err;
    while ((err = aksu_tcp_recv_peek(stack, p->sock[p->receiver], iov, PIECES, &count)) == AKSU_OK) {
        if (p->table) print_table(p);
        size_t bytes = 0;
        for (uint32_t i = 0; i < count; i++) bytes += iov[i].bytes;
        bool written = write_all(iov, count);
        (void)aksu_tcp_recv_consume(stack, p->sock[p->receiver], bytes);
        if (!written) {
            app_say("cannot write to standard output: %s", strerror(errno));
            stop(p, APP_NETWORK);
            return;
        }
        p->bytes += bytes;
    }
    if (err == AKSU_ERR_END) (void)aksu_tcp_shutdown(stack, p->sock[p->receiver]);
}

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct end *end = user;
    struct pair *p = end->pair;
    if (event->bits & AKSU_EV_INCOMING) {
        if (aksu_tcp_accept(stack, p->listener, &p->sock[SERVER]) != AKSU_OK) return;
        if (p->sender == SERVER) send_some(p);
        return;
    }
    if (end->side == p->sender && (event->bits & (AKSU_EV_CONNECTED | AKSU_EV_WRITABLE))) send_some(p);
    if (end->side == p->receiver && (event->bits & AKSU_EV_READABLE)) receive_some(p);
    if (event->bits & AKSU_EV_CLOSED) {
        if (event->reason != AKSU_REASON_CLOSED) p->reason = event->reason;
        (void)aksu_tcp_close(stack, p->sock[end->side]);
    }
}

/* ---------------------------------------------------------------- the ladder */

static aksu_addr address_of(int side) {
    return aksu_addr_v4(192, 0, 2, (uint8_t)(side + 1));
}

/* Nothing is lost and nothing overtakes here: the n-th that leaves is the n-th that comes. */
static void on_trace(void *user, const aksu_trace_event *event) {
    struct end *end = user;
    uint64_t packet = 0;
    if (event->kind == AKSU_TRACE_SEGMENT) {
        bool out = event->u.segment.direction == AKSU_OUT;
        bool from_client = out == (end->side == CLIENT);
        packet = (from_client ? 0 : 1u << 31) + (out ? ++end->departures : ++end->arrivals);
    }
    ak_ladder_event(end->pair->ladder, (uint32_t)end->side, packet, event);
}

static bool open_ladder(struct pair *p) {
    if (!p->ladder_wanted) return true;
    p->writer = ak_writer_file(p->ladder_file);
    ak_term_options term = {.sides = AK_LADDER_ALL_SIDES, .host_name = {"client", "server"}};
    ak_ladder_options options = {.sides = AK_LADDER_ALL_SIDES,
                                 .host_count = 2,
                                 .host_addr = {address_of(CLIENT), address_of(SERVER)},
                                 .gap_us = 1000000};
    p->term = ak_term_open(&p->writer, &term);
    p->ladder = p->term != NULL ? ak_ladder_open(&options, NULL, NULL) : NULL;
    if (p->ladder == NULL) return false;
    for (int side = 0; side < 2; side++) aksu_trace_set(p->stack[side], on_trace, &p->end[side]);
    return true;
}

static void draw_ladder(struct pair *p) {
    if (p->ladder == NULL) return;
    ak_ladder_flush(p->ladder);
    size_t count;
    const ak_row *rows = ak_ladder_rows(p->ladder, &count);
    for (size_t i = 0; i < count; i++) ak_term_row(p->term, &rows[i]);
    (void)ak_term_flush(p->term);
}

/* ---------------------------------------------------------------- the whole */

static bool open_side(struct pair *p, int side, aksu_host_error *ret_error) {
    aksu_config config;
    aksu_config_default(&config);
    config.output_sync = 1;
    if (aksu_host_stack(&config, AKSU_ARENA_SMALL_PAGES, &p->arena[side], &p->stack[side], ret_error) < 0) return false;
    aksu_link_config link = {.struct_bytes = sizeof link,
                             .mtu = 1500,
                             .flags = AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4,
                             .tso_max_bytes = 65535};
    uint16_t number;
    aksu_addr addr = address_of(side);
    p->end[side] = (struct end){.pair = p, .side = side};
    return aksu_link_add(p->stack[side], &link, &number) == AKSU_OK &&
           aksu_addr_add(p->stack[side], number, &addr, 24) == AKSU_OK;
}

static bool open_connection(struct pair *p) {
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local.port = PORT, .backlog = 1};
    aksu_tcp_open connect = {.struct_bytes = sizeof connect, .remote = {.addr = address_of(SERVER), .port = PORT}};
    if (!p->refuse && aksu_tcp_listen(p->stack[SERVER], &listen, &p->listener) != AKSU_OK) return false;
    return aksu_tcp_connect(p->stack[CLIENT], &connect, &p->sock[CLIENT]) == AKSU_OK;
}

/* Both have given back all that they took. */
static bool all_is_free(struct pair *p) {
    for (int side = 0; side < 2; side++) {
        aksu_counters c;
        aksu_counters_get(p->stack[side], &c);
        if (c.tcp_used + c.listener_used + c.syn_cache_used + c.time_wait_used + c.transfer_used + c.block_used > 0)
            return false;
    }
    return true;
}

static void tell(const struct pair *p, uint64_t took_us) {
    if (p->reason != AKSU_REASON_NONE) {
        app_say("%s", aksu_reason_text(p->reason));
    } else if (!p->quiet) {
        double seconds = (double)(took_us > 0 ? took_us : 1) / 1e6;
        app_say("%llu bytes in %.2f s, %.1f Gbit/s, both stacks on one core", (unsigned long long)p->bytes, seconds,
                (double)p->bytes * 8 / seconds / 1e9);
    }
}

static int run(struct pair *p) {
    enum { LADDER_DELAY_US = 10000 };
    aksu_host_error error = {.text = "out of memory"};
    if (!open_side(p, CLIENT, &error) || !open_side(p, SERVER, &error) || !open_ladder(p)) {
        app_say("%s", error.text);
        return APP_NETWORK;
    }
    aksu_pipe_config config = {
        .struct_bytes = sizeof config, .delay_us = p->ladder != NULL ? LADDER_DELAY_US : 0, .start_us = 1000000};
    for (int side = 0; side < 2; side++) {
        config.end[side] =
            (aksu_pipe_end){.stack = p->stack[side], .output_sync = 1, .on_event = on_event, .user = &p->end[side]};
        aksu_advance(p->stack[side], config.start_us);
    }
    if (aksu_pipe_open(&config, &p->pipe, &error) < 0 || !open_connection(p)) {
        app_say("%s", error.text);
        return APP_NETWORK;
    }
    uint64_t start_us = aksu_host_now_us();
    (void)aksu_pipe_run(p->pipe, UINT64_MAX);
    if (!p->refuse) (void)aksu_tcp_close(p->stack[SERVER], p->listener);
    draw_ladder(p);
    if (p->status != APP_OK) return p->status;
    tell(p, aksu_host_now_us() - start_us);
    if (!all_is_free(p)) {
        app_say("something is left over in a stack");
        return APP_NETWORK;
    }
    return p->reason == AKSU_REASON_NONE ? APP_OK : APP_NETWORK;
}

static int usage(FILE *to) {
    (void)fputs(
        "usage: aksu pair [--reverse] [--refuse] [--ladder[=FILE]] [--table] [--quiet]\n\n"
        "Joins two stacks in memory, in virtual time, and passes standard input through a connection between them\n"
        "to standard output; 2MSL included.  No device and no permission is needed.\n"
        "  --reverse              the side that was connected to sends\n"
        "  --refuse               nobody listens\n"
        "  --ladder[=FILE]        draw what both sides did, on stderr or in FILE, with a delay of 10 ms each way\n"
        "  --table                print the connections of both stacks when the first bytes arrive\n"
        "  --quiet                no rate\n\n"
        "examples:\n"
        "  echo hello | aksu pair --ladder\n"
        "  aksu pair < big | sha256sum\n",
        to);
    return to == stdout ? APP_OK : APP_USAGE;
}

static bool option(struct pair *p, const char *text) {
    if (strcmp(text, "--reverse") == 0)
        p->reverse = true;
    else if (strcmp(text, "--refuse") == 0)
        p->refuse = true;
    else if (strcmp(text, "--table") == 0)
        p->table = true;
    else if (strcmp(text, "--quiet") == 0)
        p->quiet = true;
    else if (strcmp(text, "--ladder") == 0 || strncmp(text, "--ladder=", 9) == 0)
        p->ladder_wanted = true;
    else
        return false;
    return true;
}

int pair_verb(int argc, char **argv) {
    static struct pair pair;
    struct pair *p = &pair;
    p->ladder_file = stderr;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return usage(stdout);
        if (!option(p, argv[i])) {
            app_say("'%s' is no option of aksu pair; aksu pair --help lists them", argv[i]);
            return APP_USAGE;
        }
        if (strncmp(argv[i], "--ladder=", 9) != 0) continue;
        p->ladder_file = fopen(argv[i] + 9, "we");
        if (p->ladder_file != NULL) continue;
        app_say("cannot write the ladder to '%s'", argv[i] + 9);
        return APP_USAGE;
    }
    p->sender = p->reverse ? SERVER : CLIENT;
    p->receiver = !p->sender;
    int status = run(p);
    aksu_pipe_close(p->pipe);
    ak_ladder_close(p->ladder);
    ak_term_close(p->term);
    for (int side = 0; side < 2; side++) aksu_arena_unmap(&p->arena[side]);
    if (p->ladder_file != stderr) (void)fclose(p->ladder_file);
    return status;
}
