/* The aksu command: dispatch to its verbs. */
#include <string.h>

#include "app/app.h"
#include "app/link.h"
#include "app/pair.h"
#include "app/verb_explain.h"
#include "lab/verb.h"
#include "script/verb.h"

static const app_verb *const verbs[] = {&app_verb_serve,   &app_verb_connect, &app_verb_listen,     &app_verb_status,
                                        &app_verb_resolve, &app_verb_ping,    &app_verb_trace_route};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static void help(FILE *to) {
    (void)fprintf(to, "usage: aksu VERB [OPTION...] [ARGUMENT...]\n\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        (void)fprintf(to, "  %-11s %-23s %s\n", verbs[i]->name, verbs[i]->arguments, verbs[i]->summary);
    (void)fprintf(to, "  %-11s %-23s %s\n", "pair", "", "standard input to output through two stacks in memory");
    (void)fprintf(to, "  %-11s %-23s %s\n", "link", "A B", "join two devices with delay, loss and a rate");
    (void)fprintf(to, "  %-11s %-23s %s\n", "explain", "FILE", "say what happened in a capture");
    (void)fprintf(to, "  %-11s %-23s %s\n", "lab", "[NAME]", "show what TCP does, in virtual time");
    (void)fprintf(to, "  %-11s %-23s %s\n", "script", "FILE...", "play packet scripts");
    (void)fprintf(to, "\naksu VERB --help tells more, with examples.  aksu --version prints the version.\n");
}

int main(int argc, char **argv) {
    if (argc < 2) {
        help(stderr);
        return APP_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        help(stdout);
        return APP_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("aksu %s\n", AKSU_VERSION);
        return APP_OK;
    }
    if (strcmp(argv[1], "pair") == 0) return pair_verb(argc - 1, argv + 1);
    if (strcmp(argv[1], "link") == 0) return link_verb(argc - 1, argv + 1);
    if (strcmp(argv[1], "explain") == 0) return app_explain(argc - 1, argv + 1);
    if (strcmp(argv[1], "lab") == 0) return lab_verb(argc - 1, argv + 1);
    if (strcmp(argv[1], "script") == 0) return script_verb(argc - 1, argv + 1);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i]->name) != 0) continue;
        static app_options options; /* a config is large for a stack frame */
        bool helped = false;
        int status = app_options_parse(verbs[i], argc - 1, argv + 1, &options, &helped);
        return status != APP_OK || helped ? status : verbs[i]->run(&options);
    }
    app_say("no verb '%s'; aksu --help lists them", argv[1]);
    return APP_USAGE;
}
