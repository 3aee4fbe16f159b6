/* aksu status: asks a running instance for its connections. */
#include <string.h>

#include "app/app.h"

static int run(app_options *options) {
    const char *what = options->argument_count > 0 ? options->argument[0] : "table";
    if (strcmp(what, "table") != 0 && strcmp(what, "json") != 0 && strcmp(what, "counters") != 0 &&
        strcmp(what, "network") != 0) {
        app_say("'%s' is not table, json, counters or network", what);
        return APP_USAGE;
    }
    int fd = app_control_connect(options->host.tun.name, "sock");
    if (fd >= 0) return app_control_ask(fd, what);
    app_say("no running instance of this user's; start one with aksu serve, or name its device with --dev tun:NAME");
    return APP_USAGE;
}

const app_verb app_verb_status = {
    .name = "status",
    .arguments = "[WHAT]",
    .summary = "the connections of a running instance",
    .help = "Shows listeners, half-open connections, connections and TIME-WAIT records of a running aksu, as ss does.\n"
            "  WHAT                   table, json (one line for each), counters, or network (table)\n"
            "  --dev tun:NAME         the instance with this device; default: the first that answers\n\n"
            "examples:\n"
            "  aksu status                     the only instance there is\n"
            "  aksu status --dev tun:aksu1     this one\n"
            "  aksu status counters            segments, memory in use, and why packets were dropped\n"
            "  aksu status network             addresses, and the neighbours on an Ethernet\n",
    .run = run,
    .argument_max = 1,
    .asks = true,
};
