/* aksu lab: lists, runs and draws scenarios.  Exit status: 0 good, 1 a scenario failed, 2 what was asked is wrong. */
#define _POSIX_C_SOURCE 200809L // NOLINT(bugprone-reserved-identifier): glob, readlink and isatty are POSIX
#include "lab/verb.h"

#include "lab/ask.h"

#include <assert.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCENARIO_MAX 256

struct shelf {
    lab_scenario *scenario[SCENARIO_MAX];
    uint32_t count;
};

/* ---------------------------------------------------------------- finding files */

static bool has_scenarios(const char *folder) {
    char pattern[2000];
    (void)snprintf(pattern, sizeof pattern, "%.1900s/*.scn", folder);
    glob_t found;
    bool any = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc > 0;
    globfree(&found);
    return any;
}

/* Beside the program, in the tree, or installed; AKSU_SCENARIOS comes first. */
static const char *find_folder(char *buf, size_t cap) {
    const char *told = getenv("AKSU_SCENARIOS");
    if (told != NULL) return told;
    char self[1000];
    ssize_t bytes = readlink("/proc/self/exe", self, sizeof self - 1);
    static const char *const beside[] = {"../lab/scenarios", "lab/scenarios", "../share/aksu/scenarios"};
    if (bytes > 0) {
        self[bytes] = '\0';
        char *slash = strrchr(self, '/');
        if (slash != NULL) *slash = '\0';
        for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
            (void)snprintf(buf, cap, "%s/%s", self, beside[i]);
            if (has_scenarios(buf)) return buf;
        }
    }
    return "lab/scenarios";
}

static lab_scenario *load(const char *path, const struct ask *ask) {
    lab_error error;
    lab_scenario *s = lab_load(path, &error);
    if (s == NULL && error.line == 0) {
        (void)fprintf(stderr, "aksu lab: %s: %s\n", path, error.text);
    } else if (s == NULL) {
        (void)fprintf(stderr, "aksu lab: %s:%u:%u: %s\n", path, (unsigned)error.line, (unsigned)error.column,
                      error.text);
    }
    if (s != NULL && ask->ipv6) lab_to_ipv6(s);
    return s;
}

static int by_chapter(const void *a, const void *b) {
    const lab_scenario *const *x = a;
    const lab_scenario *const *y = b;
    if ((*x)->chapter != (*y)->chapter) return (*x)->chapter < (*y)->chapter ? -1 : 1;
    return strcmp((*x)->name, (*y)->name);
}

static bool load_all(const struct ask *ask, struct shelf *shelf) {
    char pattern[2000];
    (void)snprintf(pattern, sizeof pattern, "%.1900s/*.scn", ask->folder);
    glob_t found;
    bool good = true;
    if (glob(pattern, 0, NULL, &found) != 0) {
        (void)fprintf(stderr, "aksu lab: no scenarios in %s (AKSU_SCENARIOS names another folder)\n", ask->folder);
        return false;
    }
    for (size_t i = 0; i < found.gl_pathc && shelf->count < SCENARIO_MAX; i++) {
        lab_scenario *s = load(found.gl_pathv[i], ask);
        if (s != NULL)
            shelf->scenario[shelf->count++] = s;
        else
            good = false;
    }
    globfree(&found);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers is what is sorted */
    qsort(shelf->scenario, shelf->count, sizeof shelf->scenario[0], by_chapter);
    return good;
}

static void unload(struct shelf *shelf) {
    for (uint32_t i = 0; i < shelf->count; i++) lab_free(shelf->scenario[i]);
}

/* ---------------------------------------------------------------- lists */

static void list(const struct shelf *shelf, ak_lang lang) {
    static const char *const chapters[][AK_LANG_COUNT] = {
        {"", ""},
        {"First meeting", "첫 만남"},
        {"Why not two", "왜 2-way가 아닌가"},
        {"Closing", "연결 해제"},
        {"TIME-WAIT", "TIME-WAIT"},
        {"Ending fast", "빨리 끝내기"},
        {"The other side is gone", "사라진 상대"},
        {"Queues, floods, 0-RTT", "큐, 플러딩, 0-RTT"},
        {"Data", "데이터"},
        {"Attackers", "공격자"},
    };
    uint32_t chapter = 0;
    for (uint32_t i = 0; i < shelf->count; i++) {
        const lab_scenario *s = shelf->scenario[i];
        if (s->chapter != chapter && s->chapter < sizeof chapters / sizeof chapters[0])
            printf("%s%u  %s\n", chapter == 0 ? "" : "\n", (unsigned)s->chapter, chapters[s->chapter][lang]);
        chapter = s->chapter;
        char line[400];
        ak_text text = ak_text_in(line, sizeof line);
        ak_text_add(&text, "   ");
        ak_text_add_padded(&text, s->name, 34, AK_ALIGN_LEFT);
        ak_text_add(&text, lab_words(&s->question, lang));
        if (s->not_yet != NULL) ak_text_add(&text, lang == AK_LANG_KO ? "  (아직 없음)" : "  (not yet)");
        puts(line);
    }
}

static int run_all(const struct shelf *shelf, uint64_t seed) {
    uint32_t here = 0, pass = 0, can_fail = 0, not_yet = 0;
    for (uint32_t i = 0; i < shelf->count; i++) {
        const lab_scenario *s = shelf->scenario[i];
        char reason[LAB_REASON_MAX], mutant[LAB_REASON_MAX];
        if (s->not_yet != NULL) {
            not_yet++;
            printf("not yet   %-34s waits for %s\n", s->name, s->not_yet);
            continue;
        }
        here++;
        bool good = lab_passes(s, LAB_INTACT, seed, reason);
        bool fails = !lab_passes(s, LAB_MUTANT, seed, mutant);
        pass += good;
        can_fail += fails;
        printf("%s %-34s %s\n",
               !good   ? "FAILED   "
               : fails ? "pass     "
                       : "CANT FAIL",
               s->name, !good ? reason : s->mutation.text[AK_LANG_EN]);
    }
    printf("%u of %u pass, %u of %u can fail, %u not yet\n", (unsigned)pass, (unsigned)here, (unsigned)can_fail,
           (unsigned)here, (unsigned)not_yet);
    return pass == here && can_fail == here ? 0 : 1;
}

static void list_states(ak_lang lang) {
    for (int i = 0; i < AK_TCP_STATE_COUNT; i++)
        printf("%-13s %s\n", aksu_tcp_state_name((aksu_tcp_state)i), lab_state_meaning((aksu_tcp_state)i, lang));
}

/* ---------------------------------------------------------------- edges */

struct edges {
    uint8_t walked[AK_TCP_STATE_COUNT][AK_TCP_STATE_COUNT]; /* by the scenario that is playing */
};

static void on_edge(void *user, uint32_t host, const aksu_trace_event *event) {
    struct edges *edges = user;
    (void)host;
    if (event->kind == AKSU_TRACE_STATE) edges->walked[event->u.state.from][event->u.state.to] = 1;
}

static void print_edge(const struct shelf *shelf, const struct edges *edges, aksu_tcp_state from, aksu_tcp_state to) {
    uint32_t count = 0;
    printf("%-13s -> %-13s", aksu_tcp_state_name(from), aksu_tcp_state_name(to));
    for (uint32_t i = 0; i < shelf->count; i++) {
        if (!edges[i].walked[from][to]) continue;
        if (++count <= 3) printf(" %s", shelf->scenario[i]->name);
    }
    if (count == 0)
        printf(" (no scenario)");
    else if (count > 3)
        printf(" and %u more", (unsigned)(count - 3));
    printf("\n");
}

static int list_edges(const struct shelf *shelf, uint64_t seed) {
    struct edges *edges = calloc(SCENARIO_MAX, sizeof *edges);
    if (edges == NULL) return 1;
    for (uint32_t i = 0; i < shelf->count; i++) {
        const lab_scenario *s = shelf->scenario[i];
        for (uint32_t run = 0; s->not_yet == NULL && run < s->run_count; run++) {
            lab_options options = {.seed = seed, .variant = LAB_INTACT, .event = on_edge, .event_user = &edges[i]};
            lab_result_free(lab_play(s, (int)run, &options));
        }
    }
    for (int from = 0; from < AK_TCP_STATE_COUNT; from++) {
        for (int to = 0; to < AK_TCP_STATE_COUNT; to++) {
            if (aksu_sim_edge_legal((aksu_tcp_state)from, (aksu_tcp_state)to))
                print_edge(shelf, edges, (aksu_tcp_state)from, (aksu_tcp_state)to);
        }
    }
    free(edges);
    return 0;
}

/* ---------------------------------------------------------------- one scenario */

static int show_named(const struct ask *ask) {
    char path[1200];
    bool is_file = strchr(ask->name, '/') != NULL || strstr(ask->name, ".scn") != NULL;
    (void)snprintf(path, sizeof path, is_file ? "%s%s" : "%s/%s.scn", is_file ? "" : ask->folder, ask->name);
    if (!is_file && access(path, R_OK) != 0) {
        (void)fprintf(stderr, "aksu lab: there is no scenario '%s'; aksu lab lists them\n", ask->name);
        return 2;
    }
    lab_scenario *s = load(path, ask);
    if (s == NULL) return 2;
    int status = lab_show(s, ask);
    lab_free(s);
    return status;
}

/* ---------------------------------------------------------------- arguments */

static ak_lang default_lang(void) {
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0') return strncmp(value, "ko", 2) == 0 ? AK_LANG_KO : AK_LANG_EN;
    }
    return AK_LANG_EN;
}

static int usage(FILE *file) {
    (void)fputs(
        "usage: aksu lab [NAME | FILE.scn] [option...]\n"
        "  without a name          the scenarios by chapter\n"
        "  --all                   runs all of them, and each with its mutation\n"
        "  --ipv6                  the same over IPv6\n"
        "  --states, --edges       the eleven states; the legal changes and the scenarios that walk them\n"
        "  --diagram               the state diagram; with a name, each host's way through it\n"
        "  --lang en|ko            language (default: the locale's)\n"
        "  --width N               columns (default: COLUMNS, or 100); from 128 on the story stands beside\n"
        "  --step                  one event at a time: space or n forwards, b back, g and G to the ends, q quits\n"
        "  --mutation              with the fault taken away, or the behaviour switched off, without which it must "
        "fail\n"
        "  --headers               each segment's header field by field\n"
        "  --absolute, --base N    sequence numbers as in the header; counted from N\n"
        "  --six                   the classic six flags\n"
        "  --timers                timers set and cancelled, too\n"
        "  --json                  the trace events as JSON lines\n"
        "  --pcapng FILE           the packets, for Wireshark; of several runs each gets a file\n"
        "  --svg FILE              the ladder as a picture for a page, instead of drawing it here\n"
        "  --seed N                the seed of chances and secrets\n"
        "  --colour, --ascii       colours though it is no terminal; no box drawing\n",
        file);
    return file == stdout ? 0 : 2;
}

static bool number_argument(const char *text, uint64_t max, uint64_t *ret_value) {
    char *end;
    *ret_value = strtoull(text, &end, 0);
    return end != text && *end == '\0' && *ret_value <= max && text[0] != '-';
}

/* An option that takes a value.  0: not one of these. */
static int valued(struct ask *ask, const char *option, const char *value) {
    static const char *const names[] = {"--lang", "--width", "--base", "--seed", "--pcapng", "--svg"};
    uint64_t n = 0;
    size_t which = 0;
    while (which < 6 && strcmp(option, names[which]) != 0) which++;
    if (which == 6) return 0;
    bool good = value != NULL;
    if (good && which == 0) {
        good = strcmp(value, "en") == 0 || strcmp(value, "ko") == 0;
        ask->draw.lang = strcmp(value, "ko") == 0 ? AK_LANG_KO : AK_LANG_EN;
    } else if (good && which == 4) {
        ask->pcapng = value;
    } else if (good && which == 5) {
        ask->svg = value;
    } else if (good) {
        good = number_argument(value, which == 1 ? 1000 : which == 2 ? UINT32_MAX : UINT64_MAX, &n);
        if (which == 1) ask->draw.columns = (uint32_t)n;
        for (int i = 0; which == 2 && i < AK_LADDER_HOST_MAX; i++) ask->ladder.base[i] = (uint32_t)n;
        if (which == 3) ask->seed = n;
        if (which == 1) good = good && n >= AK_TERM_COLUMNS_MIN;
    }
    if (good) return 1;
    static const char *const wanted[] = {"is not en or ko",
                                         "is not a number from 60 to 1000",
                                         "is not a number up to 4294967295",
                                         "is not a number",
                                         "",
                                         ""};
    static_assert(AK_TERM_COLUMNS_MIN == 60, "as the text says");
    if (value == NULL)
        (void)fprintf(stderr, "aksu lab: %s: a value is missing\n", option);
    else
        (void)fprintf(stderr, "aksu lab: %s: '%s' %s\n", option, value, wanted[which]);
    return -1;
}

static bool plain(struct ask *ask, const char *option) {
    if (strcmp(option, "--all") == 0)
        ask->all = true;
    else if (strcmp(option, "--ipv6") == 0)
        ask->ipv6 = true;
    else if (strcmp(option, "--list") == 0)
        ask->name = NULL; /* what happens without a name */
    else if (strcmp(option, "--json") == 0)
        ask->json = true;
    else if (strcmp(option, "--states") == 0)
        ask->states = true;
    else if (strcmp(option, "--edges") == 0)
        ask->edges = true;
    else if (strcmp(option, "--diagram") == 0)
        ask->diagram = true;
    else if (strcmp(option, "--step") == 0)
        ask->step = true;
    else if (strcmp(option, "--one-by-one") == 0)
        ask->one_by_one = true;
    else if (strcmp(option, "--mutation") == 0)
        ask->mutation = true;
    else if (strcmp(option, "--headers") == 0)
        ask->draw.headers = true;
    else if (strcmp(option, "--absolute") == 0)
        ask->ladder.numbers = AK_NUMBERS_ABSOLUTE;
    else if (strcmp(option, "--timers") == 0)
        ask->ladder.show |= AK_SHOW_TIMERS;
    else if (strcmp(option, "--six") == 0)
        ask->draw.flags = AK_FLAGS_CLASSIC_SIX;
    else if (strcmp(option, "--colour") == 0)
        ask->draw.paint = AK_PAINT_COLOURS;
    else if (strcmp(option, "--ascii") == 0)
        ask->draw.glyphs = AK_GLYPHS_ASCII;
    else
        return false;
    return true;
}

static int whole_diagram(const struct ask *ask) {
    static const char *const titles[LAB_ROLE_COUNT][AK_LANG_COUNT] = {
        [LAB_CLIENT] = {"a client's usual way", "클라이언트의 보통 경로"},
        [LAB_SERVER] = {"a server's usual way", "서버의 보통 경로"},
    };
    FILE *file = ask->svg != NULL ? fopen(ask->svg, "w") : stdout;
    bool good = file != NULL;
    ak_writer out = ak_writer_file(file);
    if (good && ask->svg != NULL) {
        good = lab_diagram_svg(NULL, ask->draw.lang, &out);
        good = fclose(file) == 0 && good;
    } else if (good) {
        lab_diagram(NULL, 0, &ask->draw, &out);
        for (int role = 0; role < LAB_ROLE_COUNT; role++) {
            printf("\n%s\n", titles[role][ask->draw.lang]);
            lab_diagram_way((lab_role)role, &ask->draw, &out);
        }
    }
    if (good) return 0;
    (void)fprintf(stderr, "aksu lab: %s cannot be written\n", ask->svg);
    return 2;
}

static int act(struct ask *ask) {
    if (ask->states) {
        list_states(ask->draw.lang);
        return 0;
    }
    if (ask->name != NULL) return show_named(ask);
    if (ask->diagram) return whole_diagram(ask);
    struct shelf *shelf = calloc(1, sizeof *shelf);
    if (shelf == NULL) return 1;
    int status = load_all(ask, shelf) ? 0 : 2;
    if (status == 0 && ask->all)
        status = run_all(shelf, ask->seed);
    else if (status == 0 && ask->edges)
        status = list_edges(shelf, ask->seed);
    else if (status == 0)
        list(shelf, ask->draw.lang);
    unload(shelf);
    free(shelf);
    return status;
}

int lab_verb(int argc, char **argv) {
    const char *columns = getenv("COLUMNS");
    uint64_t wide = 0;
    struct ask ask = {.draw = {.lang = default_lang(), .columns = AK_TERM_COLUMNS_DEFAULT},
                      .ladder = {.gap_us = 1000000, .show = AK_SHOW_PACKETS}};
    if (columns != NULL && number_argument(columns, 1000, &wide) && wide >= AK_TERM_COLUMNS_MIN)
        ask.draw.columns = (uint32_t)wide;
    ask.draw.paint = isatty(STDOUT_FILENO) ? AK_PAINT_COLOURS : AK_PAINT_NONE;
    char folder[1100];
    ask.folder = find_folder(folder, sizeof folder);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return usage(stdout);
        int took = valued(&ask, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        if (took < 0) return 2;
        if (took > 0) {
            i++;
        } else if (argv[i][0] == '-') {
            if (!plain(&ask, argv[i])) {
                (void)fprintf(stderr, "aksu lab: '%s' is no option; aksu lab --help lists them\n", argv[i]);
                return 2;
            }
        } else if (ask.name != NULL) {
            (void)fprintf(stderr, "aksu lab: one scenario at a time\n");
            return 2;
        } else {
            ask.name = argv[i];
        }
    }
    return act(&ask);
}
