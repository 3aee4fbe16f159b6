/* aksu status: asks a running instance for its connections. */
#include <dirent.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/app.h"

/* NAME.sock, or NAME.PID.sock where another network has a device of that name. */
static bool is_socket_of(const char *file, const char *device) {
    const char *dot = strrchr(file, '.');
    if (dot == NULL || strcmp(dot, ".sock") != 0) return false;
    size_t bytes = device != NULL ? strlen(device) : 0;
    return bytes == 0 || (strncmp(file, device, bytes) == 0 && file[bytes] == '.');
}

static int connect_to(const char *directory, const char *file) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int bytes = snprintf(name.sun_path, sizeof name.sun_path, "%s/%s", directory, file);
    if (bytes < 0 || (size_t)bytes >= sizeof name.sun_path) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0) return fd;
    if (fd >= 0) (void)close(fd);
    return -1;
}

/* A connection to the first instance that answers: a killed one leaves a socket behind that nobody does.  -1: none. */
static int find_instance(const char *device) {
    char directory[80];
    if (!app_control_directory(directory, sizeof directory, /* make= */ false)) return -1;
    DIR *dir = opendir(directory);
    if (dir == NULL) return -1;
    int fd = -1;
    const struct dirent *entry;
    while (fd < 0 && (entry = readdir(dir)) != NULL) {
        if (is_socket_of(entry->d_name, device)) fd = connect_to(directory, entry->d_name);
    }
    (void)closedir(dir);
    return fd;
}

static int run(app_options *options) {
    const char *what = options->argument_count > 0 ? options->argument[0] : "table";
    if (strcmp(what, "table") != 0 && strcmp(what, "json") != 0 && strcmp(what, "counters") != 0) {
        app_say("'%s' is not table, json or counters", what);
        return APP_USAGE;
    }
    int fd = find_instance(options->host.tun.name);
    if (fd < 0) {
        app_say(
            "no running instance of this user's; start one with aksu serve, or name its device with --dev tun:NAME");
        return APP_USAGE;
    }
    struct timeval patience = {.tv_sec = 5};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)send(fd, what, strlen(what), MSG_NOSIGNAL);
    char buf[4096];
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) > 0) (void)fwrite(buf, 1, (size_t)n, stdout);
    (void)close(fd);
    if (n == 0) return APP_OK;
    app_say("the instance does not answer; it may be stopped");
    return APP_NETWORK;
}

const app_verb app_verb_status = {
    .name = "status",
    .arguments = "[WHAT]",
    .summary = "the connections of a running instance",
    .help = "Shows listeners, half-open connections, connections and TIME-WAIT records of a running aksu, as ss does.\n"
            "  WHAT                   table, json (one line for each), or counters (table)\n"
            "  --dev tun:NAME         the instance with this device; default: the first that answers\n\n"
            "examples:\n"
            "  aksu status                     the only instance there is\n"
            "  aksu status --dev tun:aksu1     this one\n"
            "  aksu status counters            segments, memory in use, and why packets were dropped\n",
    .run = run,
    .argument_max = 1,
    .asks = true,
};
