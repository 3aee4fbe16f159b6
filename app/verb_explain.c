/* aksu explain: reads a capture and says which connections are in it, in which states, and why they ended.
 *
 * One pass over the file, whatever its size.  One connection is drawn as a ladder, several are a table, sorted by their
 * numbers while they are few (SORTED_MAX) and as they end when they are many.  Exit status: 0, or 2 where the command
 * or the capture is wrong; what came before the wrong place is told all the same. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/verb_explain.h"
#include "view/explain.h"
#include "view/explain_text.h"
#include "view/ladder_svg.h"
#include "view/ladder_term.h"

#define SORTED_MAX 4096
#define ROWS_MAX   20000

struct ask {
    const char *file, *svg;
    bool json, absolute, has_ladder;
    uint32_t ladder; /* which connection; 0: the only one */
    ak_term_options term;
    aksu_addr host;
    uint16_t port;
};

struct run {
    const struct ask *ask;
    ak_writer out;
    FILE *file;
    bool good, table_began, has_drawn, has_epoch;
    uint64_t epoch_ns;
    ak_row *rows; /* of the connection that is drawn, ROWS_MAX at most */
    size_t row_count;
    ak_explained drawn;
    ak_explained *line; /* SORTED_MAX of them */
    size_t line_count;
    uint64_t packets, segments, fragments, unread;
};

/* ---- output */

static void put_line(struct run *r, const ak_explained *e) {
    if (!r->table_began) r->good = ak_explain_write_head(&r->out, r->ask->term.words.lang) && r->good;
    r->table_began = true;
    r->good = ak_explain_write_line(&r->out, e, r->epoch_ns, r->ask->term.words.lang) && r->good;
}

static int by_number(const void *a, const void *b) {
    const ak_explained *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void put_lines(struct run *r) {
    qsort(r->line, r->line_count, sizeof *r->line, by_number);
    for (size_t i = 0; i < r->line_count; i++) put_line(r, &r->line[i]);
    r->line_count = 0;
}

static void on_connection(void *user, const ak_explained *e) {
    struct run *r = user;
    if (e->number == (r->ask->ladder == 0 ? 1 : r->ask->ladder)) {
        r->drawn = *e;
        r->has_drawn = true;
    }
    if (r->ask->json && (!r->ask->has_ladder || e->number == r->ask->ladder)) {
        r->good = ak_explain_write_json(&r->out, e) && r->good;
    } else if (!r->ask->json && !r->ask->has_ladder) {
        if (r->line_count == SORTED_MAX) put_lines(r);
        r->line[r->line_count++] = *e;
    }
}

static void on_row(void *user, const ak_row *row) {
    struct run *r = user;
    if (r->row_count == ROWS_MAX) return;
    r->rows[r->row_count++] = *row;
    if (r->row_count == ROWS_MAX)
        r->rows[ROWS_MAX - 1] = (ak_row){.kind = AK_ROW_OMITTED, .time_us = row->time_us, .connections = 1};
}

static bool draw_ladder(struct run *r) {
    ak_term *term = ak_term_open(&r->out, &r->ask->term);
    if (term == NULL) return false;
    for (size_t i = 0; i < r->row_count; i++) ak_term_row(term, &r->rows[i]);
    bool good = ak_term_flush(term);
    ak_term_close(term);
    good = good && r->out.write(r->out.user, "\n", 1);
    return good && ak_explain_write_report(&r->out, &r->drawn, r->ask->term.words.lang);
}

static bool draw_picture(struct run *r) {
    char ending[AK_ENDING_BYTES];
    FILE *file = fopen(r->ask->svg, "we");
    if (file == NULL) return false;
    ak_writer writer = ak_writer_file(file);
    ak_picture picture = {.rows = r->rows,
                          .row_count = r->row_count,
                          .words = r->ask->term.words,
                          .host_count = 2,
                          .host_name = {"A", "B"},
                          .answer = ak_ending_text(&r->drawn, r->ask->term.words.lang, ending)};
    bool good = ak_ladder_svg(&picture, 1, &writer, NULL);
    return fclose(file) == 0 && good;
}

/* ---- the capture */

static size_t source(void *user, void *buf, size_t cap) {
    struct run *r = user;
    return fread(buf, 1, cap, r->file);
}

static int refuse(const struct run *r, uint64_t offset, const char *why) {
    app_say("%s: at byte %llu: %s", r->ask->file, (unsigned long long)offset, why);
    return APP_USAGE;
}

static int read_all(struct run *r, ak_capture *capture, ak_explain *explain) {
    ak_capture_packet captured;
    for (;;) {
        ak_capture_result result = ak_capture_next(capture, &captured);
        if (result == AK_CAPTURE_END) return APP_OK;
        if (result == AK_CAPTURE_BAD) {
            uint64_t offset;
            const char *why = ak_capture_error(capture, &offset);
            return refuse(r, offset, why);
        }
        r->packets++;
        if (!r->has_epoch) r->epoch_ns = captured.time_ns;
        r->has_epoch = true;
        ak_packet packet;
        ak_packet_kind kind = ak_packet_read(&captured, &packet);
        if (kind == AK_PACKET_LINK_TYPE) {
            char why[160];
            (void)snprintf(why, sizeof why,
                           "link type %u is not read; Ethernet, raw IP, Linux cooked (SLL, SLL2) and BSD loopback are",
                           (unsigned)captured.link_type);
            return refuse(r, captured.offset, why);
        }
        r->fragments += kind == AK_PACKET_FRAGMENT;
        r->unread += kind == AK_PACKET_SHORT;
        r->segments += kind == AK_PACKET_SEGMENT;
        if (kind == AK_PACKET_SEGMENT && !ak_explain_packet(explain, captured.time_ns, &packet))
            return refuse(r, captured.offset, "no memory for another connection");
    }
}

static void put_remarks(const struct run *r, uint32_t connections, int status) {
    if (r->ask->json) return;
    if (connections == 0 && status == APP_OK)
        app_say("%s: no TCP connection%s in %llu packets", r->ask->file,
                r->segments > 0 ? " that the filters let through" : "", (unsigned long long)r->packets);
    if (r->fragments > 0)
        app_say("%s: %llu fragments of TCP segments are not explained", r->ask->file, (unsigned long long)r->fragments);
    if (r->unread > 0)
        app_say("%s: %llu TCP packets end inside their headers; capture with a longer snapshot", r->ask->file,
                (unsigned long long)r->unread);
}

static int finish(struct run *r, uint32_t connections, int status) {
    const struct ask *ask = r->ask;
    bool one = ask->has_ladder ? r->has_drawn : connections == 1;
    if (ask->has_ladder && !r->has_drawn && status == APP_OK) {
        app_say("--ladder %u: there are %u connections", (unsigned)ask->ladder, (unsigned)connections);
        return APP_USAGE;
    }
    if (ask->svg != NULL && !one && status == APP_OK) {
        app_say("--svg draws one connection, and here are %u: choose one with --ladder N, --host or --port",
                (unsigned)connections);
        return APP_USAGE;
    }
    if (ask->svg != NULL && one && !draw_picture(r)) {
        app_say("%s cannot be written", ask->svg);
        return APP_USAGE;
    }
    if (one && !ask->json && ask->svg == NULL)
        r->good = draw_ladder(r) && r->good;
    else if (!ask->json && ask->svg == NULL)
        put_lines(r);
    put_remarks(r, connections, status);
    return r->good ? status : APP_USAGE;
}

static int run_with(struct run *r) {
    ak_explain_options options = {.user = r,
                                  .connection = on_connection,
                                  .row = r->ask->json && r->ask->svg == NULL ? NULL : on_row,
                                  .row_number = r->ask->ladder,
                                  .numbers = r->ask->absolute ? AK_NUMBERS_ABSOLUTE : AK_NUMBERS_RELATIVE,
                                  .gap_us = 1000000,
                                  .filter_addr = r->ask->host,
                                  .filter_port = r->ask->port};
    aksu_host_error error;
    if (aksu_host_entropy(&options.hash_key, sizeof options.hash_key, &error) < 0) {
        app_say("%s", error.text);
        return APP_USAGE;
    }
    ak_capture *capture = ak_capture_open(source, r);
    ak_explain *explain = ak_explain_open(&options);
    int status = APP_USAGE;
    if (capture != NULL && explain != NULL) {
        status = read_all(r, capture, explain);
        ak_explain_end(explain);
        status = finish(r, ak_explain_count(explain), status);
    } else {
        app_say("no memory");
    }
    ak_capture_close(capture);
    ak_explain_close(explain);
    return status;
}

static int run_ask(const struct ask *ask) {
    struct run r = {.ask = ask, .out = ak_writer_file(stdout), .good = true};
    bool standard = strcmp(ask->file, "-") == 0;
    r.file = standard ? stdin : fopen(ask->file, "rbe");
    if (r.file == NULL) {
        app_say("%s cannot be read", ask->file);
        return APP_USAGE;
    }
    (void)setvbuf(r.file, NULL, _IONBF, 0); /* the capture has a buffer of its own */
    r.rows = calloc(ROWS_MAX, sizeof *r.rows);
    r.line = calloc(SORTED_MAX, sizeof *r.line);
    int status = APP_USAGE;
    if (r.rows != NULL && r.line != NULL)
        status = run_with(&r);
    else
        app_say("no memory");
    free(r.rows);
    free(r.line);
    if (!standard) (void)fclose(r.file);
    return status;
}

/* ---- arguments */

static int usage(FILE *to) {
    (void)fputs(
        "usage: aksu explain [OPTION...] FILE\n\n"
        "Says which TCP connections a capture holds (pcap or pcapng, - for standard input): the states of both\n"
        "ends, what was sent again, who reset, why each ended.  One connection is drawn, several are a table.\n"
        "\noptions:\n"
        "  --host A, --port N    only connections with this end\n"
        "  --ladder N            draw the Nth connection of those\n"
        "  --svg FILE            draw it as a picture\n"
        "  --json                one JSON object for each connection\n"
        "  --absolute            sequence numbers as in the header\n"
        "  --lang en|ko          language (default: the locale's)\n"
        "  --width N             columns (default: COLUMNS, or 100)\n"
        "  --ascii               no box drawing\n"
        "\nexamples:\n"
        "  tcpdump -i any -w- port 80 | aksu explain -\n"
        "  aksu explain --port 443 --ladder 3 --svg third.svg capture.pcapng\n",
        to);
    return to == stdout ? APP_OK : APP_USAGE;
}

static ak_lang default_lang(void) {
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0') return strncmp(value, "ko", 2) == 0 ? AK_LANG_KO : AK_LANG_EN;
    }
    return AK_LANG_EN;
}

static bool parse_lang(struct ask *ask, const char *value) {
    if (strcmp(value, "en") != 0 && strcmp(value, "ko") != 0) {
        app_say("--lang '%s' is not en or ko", value);
        return false;
    }
    ask->term.words.lang = value[0] == 'k' ? AK_LANG_KO : AK_LANG_EN;
    return true;
}

static bool parse_host(struct ask *ask, const char *value) {
    if (aksu_addr_parse(value, &ask->host) == AKSU_OK && !aksu_addr_is_any(&ask->host)) return true;
    app_say("--host '%s' is not an IPv4 or IPv6 address", value);
    return false;
}

/* An option with a value. */
static bool parse_valued(struct ask *ask, const char *name, const char *value) {
    uint64_t n = 0;
    if (strcmp(name, "--lang") == 0) return parse_lang(ask, value);
    if (strcmp(name, "--host") == 0) return parse_host(ask, value);
    if (strcmp(name, "--svg") == 0) {
        ask->svg = value;
        return true;
    }
    if (strcmp(name, "--port") == 0) {
        if (!app_number(name, value, 1, 65535, &n)) return false;
        ask->port = (uint16_t)n;
        return true;
    }
    if (strcmp(name, "--width") == 0) {
        if (!app_number(name, value, AK_TERM_COLUMNS_MIN, 1000, &n)) return false;
        ask->term.columns = (uint32_t)n;
        return true;
    }
    if (!app_number(name, value, 1, UINT32_MAX, &n)) return false;
    ask->ladder = (uint32_t)n;
    ask->has_ladder = true;
    return true;
}

static bool parse_plain(struct ask *ask, const char *name) {
    if (strcmp(name, "--json") == 0)
        ask->json = true;
    else if (strcmp(name, "--absolute") == 0)
        ask->absolute = true;
    else if (strcmp(name, "--ascii") == 0)
        ask->term.glyphs = AK_GLYPHS_ASCII;
    else
        return false;
    return true;
}

static bool takes_value(const char *name) {
    static const char *const names[] = {"--lang", "--host", "--port", "--ladder", "--svg", "--width"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) return true;
    }
    return false;
}

static bool parse(struct ask *ask, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (takes_value(argv[i])) {
            if (i + 1 == argc) {
                app_say("%s: a value is missing", argv[i]);
                return false;
            }
            if (!parse_valued(ask, argv[i], argv[i + 1])) return false;
            i++;
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            if (parse_plain(ask, argv[i])) continue;
            app_say("'%s' is no option of explain; aksu explain --help lists them", argv[i]);
            return false;
        } else if (ask->file != NULL) {
            app_say("one capture at a time: '%s' or '%s'", ask->file, argv[i]);
            return false;
        } else {
            ask->file = argv[i];
        }
    }
    if (ask->file != NULL) return true;
    usage(stderr);
    return false;
}

int app_explain(int argc, char **argv) {
    struct ask ask = {.term = {.words = {.lang = default_lang()}, .host_count = 2, .sides = AK_LADDER_ALL_SIDES}};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return usage(stdout);
    }
    const char *columns = getenv("COLUMNS");
    unsigned long wide = columns != NULL ? strtoul(columns, NULL, 10) : 0;
    if (wide >= AK_TERM_COLUMNS_MIN && wide <= 1000) ask.term.columns = (uint32_t)wide;
    ask.term.paint = isatty(STDOUT_FILENO) ? AK_PAINT_COLOURS : AK_PAINT_NONE;
    ask.term.host_name[0] = "A";
    ask.term.host_name[1] = "B";
    if (!parse(&ask, argc, argv)) return APP_USAGE;
    return run_ask(&ask);
}
