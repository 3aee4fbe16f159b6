/* aksu script FILE...: plays packet scripts.  Exit status: 0 none failed, 1 some did, 2 what was asked is wrong. */
#include "script/verb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/script.h"

struct tally {
    uint32_t passed, failed, skipped;
    bool quiet, verbose;
    script_profile profile;
};

static int usage(FILE *to) {
    (void)fputs(
        "usage: aksu script [--profile aksu|linux|freebsd] [--quiet] FILE...\n\n"
        "Plays packet scripts, in packetdrill's language, in virtual time.  One line a script, then how many passed,\n"
        "failed, and were skipped because they ask for what is not here.\n"
        "  --profile NAME         the habits that the scripts expect (aksu); a script's own comes first\n"
        "  --quiet                only those that do not pass\n\n"
        "examples:\n"
        "  aksu script tests/scripts/ESTABLISHED/*.pkt\n"
        "  aksu script --profile linux old.pkt\n",
        to);
    return to == stdout ? 0 : 2;
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    size_t cap = 1 << 16, used = 0;
    char *text = malloc(cap);
    while (text != NULL) {
        size_t n = fread(text + used, 1, cap - used - 1, file);
        used += n;
        if (n == 0) break;
        if (cap - used > 1) continue;
        char *larger = realloc(text, cap *= 2);
        if (larger == NULL) free(text);
        text = larger;
    }
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (text == NULL || failed) {
        free(text);
        return NULL;
    }
    text[used] = '\0';
    return text;
}

static void report(struct tally *tally, const char *path, bool good, const script_error *error) {
    if (good) {
        tally->passed++;
        if (!tally->quiet) (void)printf("ok    %s\n", path);
    } else if (error->unsupported) {
        tally->skipped++;
        (void)printf("skip  %s:%" PRIu32 ":%" PRIu32 ": unsupported: %s\n", path, error->line, error->column,
                     error->text);
    } else {
        tally->failed++;
        (void)printf("FAIL  %s:%" PRIu32 ":%" PRIu32 ": %s\n", path, error->line, error->column, error->text);
    }
}

/* False: there is no such file. */
static bool play(struct tally *tally, const char *path) {
    char *text = read_file(path);
    if (text == NULL) {
        (void)fprintf(stderr, "aksu script: %s cannot be read\n", path);
        return false;
    }
    script_error error = {.line = 0};
    script *s = script_parse(path, text, tally->profile, &error);
    bool good = s != NULL && script_run(s, &error);
    report(tally, path, good, &error);
    if (s != NULL) script_free(s);
    free(text);
    return true;
}

int script_verb(int argc, char **argv) {
    struct tally tally = {.profile = SCRIPT_PROFILE_AKSU};
    bool missing = false;
    int files = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return usage(stdout);
        if (strcmp(argv[i], "--quiet") == 0) {
            tally.quiet = true;
        } else if (strcmp(argv[i], "--profile") == 0) {
            if (i + 1 == argc || !script_profile_named(argv[++i], &tally.profile)) {
                (void)fprintf(stderr, "aksu script: --profile takes aksu, linux or freebsd\n");
                return 2;
            }
        } else if (argv[i][0] == '-') {
            (void)fprintf(stderr, "aksu script: unknown option %s (aksu script --help)\n", argv[i]);
            return 2;
        } else {
            files++;
            missing |= !play(&tally, argv[i]);
        }
    }
    if (files == 0) return usage(stderr);
    (void)printf("%" PRIu32 " passed, %" PRIu32 " failed, %" PRIu32 " skipped\n", tally.passed, tally.failed,
                 tally.skipped);
    if (missing) return 2;
    return tally.failed > 0 ? 1 : 0;
}
