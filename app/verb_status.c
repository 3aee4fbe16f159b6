/* aksu status: asks a running instance for its connections. */
#include <dirent.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/app.h"

/* The socket of a device, or of the only instance there is. */
static bool find_socket(const char *device, struct sockaddr_un *ret_name) {
    char directory[80];
    if (!app_control_directory(directory, sizeof directory, /* make= */ false)) return false;
    char file[40] = {0};
    if (device != NULL && device[0] != '\0') {
        (void)snprintf(file, sizeof file, "%s.sock", device);
    } else {
        DIR *dir = opendir(directory);
        if (dir == NULL) return false;
        for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            const char *dot = strrchr(entry->d_name, '.');
            size_t bytes = strlen(entry->d_name);
            if (dot != NULL && strcmp(dot, ".sock") == 0 && bytes < sizeof file) memcpy(file, entry->d_name, bytes + 1);
        }
        (void)closedir(dir);
    }
    *ret_name = (struct sockaddr_un){.sun_family = AF_UNIX};
    int bytes = snprintf(ret_name->sun_path, sizeof ret_name->sun_path, "%s/%s", directory, file);
    return file[0] != '\0' && bytes > 0 && (size_t)bytes < sizeof ret_name->sun_path;
}

static int run(app_options *options) {
    const char *what = options->argument_count > 0 ? options->argument[0] : "table";
    if (strcmp(what, "table") != 0 && strcmp(what, "json") != 0 && strcmp(what, "counters") != 0) {
        app_say("'%s' is not table, json or counters", what);
        return APP_USAGE;
    }
    struct sockaddr_un name;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !find_socket(options->host.tun.name, &name) ||
        connect(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        app_say(
            "no running instance of this user's; start one with aksu serve, or name its device with --dev tun:NAME");
        if (fd >= 0) (void)close(fd);
        return APP_USAGE;
    }
    (void)send(fd, what, strlen(what), 0);
    char buf[4096];
    for (ssize_t n = read(fd, buf, sizeof buf); n > 0; n = read(fd, buf, sizeof buf))
        (void)fwrite(buf, 1, (size_t)n, stdout);
    (void)close(fd);
    return APP_OK;
}

const app_verb app_verb_status = {
    .name = "status",
    .arguments = "[table|json|counters]",
    .summary = "the connections of a running instance",
    .help =
        "Shows listeners, half-open connections, connections and TIME-WAIT records of a running aksu, as ss does.\n\n"
        "examples:\n"
        "  aksu status                     the only instance, or the last found\n"
        "  aksu status --dev tun:aksu1     this one\n"
        "  aksu status counters            segments, memory in use, and why packets were dropped\n",
    .run = run,
    .argument_max = 1,
};
