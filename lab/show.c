/* Shows a scenario: as ladders, one event at a time, as a diagram of states, a picture, JSON or a capture. */
#include "lab/ask.h"
#include "view/jsonl.h"

#include <stdlib.h>
#include <string.h>

/* Where a run's events go. */
struct sinks {
    const lab_scenario *scenario;
    const char *run; /* NULL: there is only one */
    FILE *file;
    ak_writer to_file;
    ak_pcapng *pcapng;
    bool json, good;
};

static void on_event(void *user, uint32_t host, const aksu_trace_event *event) {
    struct sinks *sinks = user;
    if (sinks->pcapng != NULL) sinks->good = ak_pcapng_event(sinks->pcapng, host, event) && sinks->good;
    if (!sinks->json) return;
    ak_memory memory = {.limit_bytes = 1u << 16};
    ak_writer writer = ak_writer_memory(&memory);
    if (ak_jsonl_write(&writer, event) && memory.used_bytes > 1) {
        if (sinks->run != NULL) printf("{\"run\":\"%s\",", sinks->run);
        printf("%s\"host\":\"%s\",%s", sinks->run != NULL ? "" : "{", sinks->scenario->host[host].name,
               memory.text + 1);
    }
    ak_memory_free(&memory);
}

/* ---------------------------------------------------------------- what is shown of the runs */

static bool write_svg(lab_result *const *results, uint32_t count, const struct ask *ask) {
    FILE *file = fopen(ask->svg, "w");
    if (file == NULL) return false;
    ak_writer writer = ak_writer_file(file);
    const lab_result *const *runs = (const lab_result *const *)results;
    bool good = ask->diagram ? lab_diagram_svg(count > 0 ? runs[0] : NULL, ask->draw.lang, &writer)
                             : lab_draw_svg(runs, count, &ask->draw, &writer, NULL);
    return fclose(file) == 0 && good;
}

static void show_diagrams(const lab_result *r, const lab_draw_options *options) {
    ak_writer out = ak_writer_file(stdout);
    for (uint32_t host = 0; host < r->scenario->host_count; host++) {
        printf("%s%s\n", host == 0 ? "" : "\n", r->scenario->host[host].name);
        lab_diagram(r, host, options, &out);
    }
}

static bool show_runs(lab_result *const *results, uint32_t count, const struct ask *ask) {
    ak_writer out = ak_writer_file(stdout);
    bool good = true;
    if (ask->json || ask->svg != NULL) return true;
    if (ask->step) return lab_step(results, count, &ask->draw);
    if (!ask->diagram && !ask->one_by_one && count > 1 &&
        lab_beside_columns(results[0]->scenario, ask->draw.columns) != 0)
        return lab_draw_beside((const lab_result *const *)results, count, &ask->draw, &out);
    for (uint32_t i = 0; i < count; i++) {
        if (ask->diagram)
            show_diagrams(results[i], &ask->draw);
        else
            good = lab_draw(results[i], &ask->draw, &out) && good;
    }
    return good;
}

/* ---------------------------------------------------------------- the scenario */

static int refuse(const char *name) {
    (void)fprintf(stderr, "aksu lab: %s cannot be written\n", name);
    return 2;
}

/* Runs are different pasts of the same connections: where there are several, each has a file with its name in it. */
static void file_name(const char *asked, const char *run, char *buf, size_t cap) {
    const char *slash = strrchr(asked, '/'), *dot = strrchr(slash != NULL ? slash : asked, '.');
    size_t stem = dot != NULL ? (size_t)(dot - asked) : strlen(asked);
    (void)snprintf(buf, cap, "%.*s%s%s%s", (int)stem, asked, run != NULL ? "." : "", run != NULL ? run : "",
                   asked + stem);
}

static bool open_sinks(struct sinks *sinks, const struct ask *ask) {
    char name[1200];
    const lab_scenario *s = sinks->scenario;
    if (ask->pcapng == NULL) return true;
    file_name(ask->pcapng, sinks->run, name, sizeof name);
    sinks->file = fopen(name, "wb");
    if (sinks->file == NULL) {
        (void)refuse(name);
        return false;
    }
    ak_pcapng_options captured = {0};
    for (uint32_t i = 0; i < s->host_count; i++) captured.interface_name[i] = s->host[i].name;
    sinks->to_file = ak_writer_file(sinks->file);
    sinks->pcapng = ak_pcapng_open(&sinks->to_file, &captured);
    return true;
}

static bool close_sinks(struct sinks *sinks, const struct ask *ask) {
    if (sinks->pcapng != NULL) ak_pcapng_close(sinks->pcapng);
    if (sinks->file == NULL || (fclose(sinks->file) == 0 && sinks->good)) return true;
    (void)refuse(ask->pcapng);
    return false;
}

/* Plays the runs, each with its sinks open, and shows them. */
static int play(const lab_scenario *s, const struct ask *ask) {
    lab_result *played[LAB_RUN_MAX] = {0};
    uint32_t count = 0;
    bool good = true, failed = false, written = true;
    for (uint32_t run = 0; written && run < s->run_count; run++) {
        struct sinks sinks = {.scenario = s, .json = ask->json, .good = true};
        if (s->run_count > 1) sinks.run = s->run[run].name;
        written = open_sinks(&sinks, ask);
        if (!written) break;
        lab_options options = {.seed = ask->seed,
                               .variant = ask->mutation ? LAB_MUTANT : LAB_INTACT,
                               .ladder = ask->ladder,
                               .event = on_event,
                               .event_user = &sinks,
                               .draws = !ask->json};
        lab_result *r = lab_play(s, (int)run, &options);
        if (r == NULL) good = false;
        if (r != NULL && r->failed) failed = true;
        if (r != NULL) played[count++] = r;
        written = close_sinks(&sinks, ask);
    }
    good = written && show_runs(played, count, ask) && good;
    int status = good && failed == ask->mutation ? 0 : 1; /* under its mutation it must fail */
    if (ask->svg != NULL && (count == 0 || !write_svg(played, count, ask))) status = refuse(ask->svg);
    for (uint32_t i = 0; i < count; i++) lab_result_free(played[i]);
    return written ? status : 2;
}

int lab_show(const lab_scenario *s, const struct ask *ask) {
    if (s->not_yet != NULL) {
        printf("%s: not yet; it waits for %s\n", s->name, s->not_yet);
        return 0;
    }
    return play(s, ask);
}
