/* The control socket: a UNIX socket named after the device, in a directory of this user's alone.  A client sends one
 * line, "table", "json", "counters" or "network", and reads the answer to its end. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/app.h"
#include "view/table.h"

struct app_control {
    aksu_loop *loop;
    aksu_driver *driver;
    aksu_watch *watch;
    int fd;
    struct sockaddr_un name;
};

enum { STATUS_MAX = 100000 }; /* connections in one answer */

bool app_control_directory(char *buf, size_t cap, bool make) {
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int bytes = runtime != NULL && runtime[0] == '/' ? snprintf(buf, cap, "%s/aksu", runtime)
                                                     : snprintf(buf, cap, "/tmp/aksu-%u", (unsigned)getuid());
    if (bytes < 0 || (size_t)bytes >= cap) return false;
    if (make && mkdir(buf, 0700) != 0 && errno != EEXIST) return false;
    struct stat st;
    return lstat(buf, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() && (st.st_mode & 077) == 0;
}

static size_t collect(aksu_stack *stack, aksu_tcp_info **ret_infos) {
    size_t count = 0, cap = 0;
    uint64_t cursor = 0;
    aksu_tcp_info *infos = NULL;
    aksu_tcp_info info;
    while (count < STATUS_MAX && aksu_tcp_next(stack, &cursor, &info)) {
        if (count == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            aksu_tcp_info *more = realloc(infos, cap * sizeof *infos);
            if (more == NULL) break;
            infos = more;
        }
        infos[count++] = info;
    }
    *ret_infos = infos;
    return count;
}

static void write_json(FILE *out, const aksu_tcp_info *infos, size_t count) {
    for (size_t i = 0; infos != NULL && i < count; i++) {
        const aksu_tcp_info *n = &infos[i];
        char local[AK_ENDPOINT_TEXT_BYTES], remote[AK_ENDPOINT_TEXT_BYTES];
        (void)fprintf(out,
                      "{\"state\":\"%s\",\"local\":\"%s\",\"remote\":\"%s\",\"recv_q\":%u,\"send_q\":%u,\"cwnd\":%u,"
                      "\"srtt_us\":%u,\"rto_us\":%u,\"snd_mss\":%u,\"held_bytes\":%u}\n",
                      aksu_tcp_state_name(n->state), ak_table_endpoint(&n->local.addr, n->local.port, local),
                      ak_table_endpoint(&n->remote.addr, n->remote.port, remote), n->rcv_queued_bytes,
                      n->snd_queued_bytes, n->cwnd_bytes, n->srtt_us, n->rto_us, n->snd_mss, n->held_bytes);
    }
}

static void write_device(FILE *out, aksu_driver *driver) {
    aksu_driver_count(driver);
    const aksu_driver_counters *c = &driver->counters;
    (void)fprintf(out, "device %s: frames in %llu out %llu, dropped in %llu out %llu, no room in the kernel %llu\n",
                  driver->device, (unsigned long long)c->frames_in, (unsigned long long)c->frames_out,
                  (unsigned long long)c->read_drops, (unsigned long long)c->write_drops,
                  (unsigned long long)c->read_lost);
}

static void write_counters(FILE *out, aksu_stack *stack) {
    aksu_counters c;
    aksu_counters_get(stack, &c);
    (void)fprintf(out, "frames in %llu out %llu\nsegments in %llu out %llu retransmitted %llu\n",
                  (unsigned long long)c.frames_in, (unsigned long long)c.frames_out,
                  (unsigned long long)c.tcp_segments_in, (unsigned long long)c.tcp_segments_out,
                  (unsigned long long)c.tcp_retransmitted);
    (void)fprintf(out, "opens active %llu passive %llu, resets sent %llu, challenges sent %llu\n",
                  (unsigned long long)c.tcp_active_opens, (unsigned long long)c.tcp_passive_opens,
                  (unsigned long long)c.tcp_resets_sent, (unsigned long long)c.tcp_challenges_sent);
    (void)fprintf(out, "in use: connections %u, half-open %u, time-wait %u, transfers %u, blocks %u\n", c.tcp_used,
                  c.syn_cache_used, c.time_wait_used, c.transfer_used, c.block_used);
    for (int i = 1; i < AKSU_DROP_COUNT; i++) {
        if (c.drop[i] > 0)
            (void)fprintf(out, "dropped %llu: %s\n", (unsigned long long)c.drop[i], aksu_drop_text((aksu_drop)i));
    }
}

/* What the network floor knows: our addresses, and who else is on an Ethernet. */
static void write_network(FILE *out, const aksu_stack *stack) {
    static const char *const stands[] = {"tentative", "preferred", "deprecated", "duplicate"};
    static const char *const states[] = {
#define AKSU_X(name) #name,
        AKSU_NEIGHBOUR_STATES(AKSU_X)
#undef AKSU_X
    };
    char text[AKSU_ADDR_TEXT_BYTES];
    aksu_addr_info addr;
    aksu_neighbour_info n;
    uint32_t cursor = 0;
    while (aksu_addr_next(stack, &cursor, &addr)) {
        (void)aksu_addr_format(&addr.addr, text, sizeof text);
        (void)fprintf(out, "address %s/%u %s%s\n", text, addr.prefix_bits, stands[addr.state],
                      addr.automatic ? " automatic" : "");
    }
    cursor = 0;
    while (aksu_neighbour_next(stack, &cursor, &n)) {
        const uint8_t *b = n.mac.byte;
        (void)aksu_addr_format(&n.addr, text, sizeof text);
        (void)fprintf(out, "neighbour %s %02x:%02x:%02x:%02x:%02x:%02x %s%s\n", text, b[0], b[1], b[2], b[3], b[4],
                      b[5], states[n.state], n.gateway ? " gateway" : "");
    }
}

static void answer(struct app_control *control, const char *request, FILE *out) {
    aksu_stack *stack = aksu_loop_stack(control->loop);
    aksu_tcp_info *infos;
    size_t count = collect(stack, &infos);
    if (strncmp(request, "json", 4) == 0) {
        write_json(out, infos, count);
    } else if (strncmp(request, "counters", 8) == 0) {
        write_counters(out, stack);
        write_device(out, control->driver);
    } else if (strncmp(request, "network", 7) == 0) {
        write_network(out, stack);
    } else {
        ak_writer writer = ak_writer_file(out);
        (void)ak_table_write(&writer, infos, count, AK_TABLE_DETAILS);
    }
    free(infos);
}

/* Does someone answer there?  Another network may have a device of the same name. */
static bool is_alive(const struct sockaddr_un *name) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive = fd >= 0 && (connect(fd, (const struct sockaddr *)name, sizeof *name) == 0 || errno == EAGAIN);
    if (fd >= 0) (void)close(fd);
    return alive;
}

int app_control_listen(const char *device, const char *kind, struct sockaddr_un *ret_name) {
    char directory[80];
    if (!app_control_directory(directory, sizeof directory, /* make= */ true)) return -1;
    *ret_name = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(ret_name->sun_path, sizeof ret_name->sun_path, "%s/%s.%s", directory, device, kind);
    if (is_alive(ret_name))
        (void)snprintf(ret_name->sun_path, sizeof ret_name->sun_path, "%s/%s.%ld.%s", directory, device, (long)getpid(),
                       kind);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlink(ret_name->sun_path);
    if (fd >= 0 && bind(fd, (struct sockaddr *)ret_name, sizeof *ret_name) == 0 && listen(fd, 8) == 0) return fd;
    if (fd >= 0) (void)close(fd);
    return -1;
}

/* NAME.KIND, or NAME.PID.KIND where another network has a device of that name. */
static bool is_socket_of(const char *file, const char *device, const char *kind) {
    const char *dot = strrchr(file, '.');
    if (dot == NULL || strcmp(dot + 1, kind) != 0) return false;
    size_t bytes = device != NULL ? strlen(device) : 0;
    return bytes == 0 || (strncmp(file, device, bytes) == 0 && file[bytes] == '.');
}

static int connect_to(const char *directory, const char *file) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int bytes = snprintf(name.sun_path, sizeof name.sun_path, "%s/%s", directory, file);
    if (bytes < 0 || (size_t)bytes >= sizeof name.sun_path) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&name, sizeof name) == 0) return fd;
    if (fd >= 0) (void)close(fd);
    return -1;
}

/* A killed instance leaves a socket behind that nobody answers. */
int app_control_connect(const char *device, const char *kind) {
    char directory[80];
    if (!app_control_directory(directory, sizeof directory, /* make= */ false)) return -1;
    DIR *dir = opendir(directory);
    if (dir == NULL) return -1;
    int fd = -1;
    const struct dirent *entry;
    while (fd < 0 && (entry = readdir(dir)) != NULL) {
        if (is_socket_of(entry->d_name, device, kind)) fd = connect_to(directory, entry->d_name);
    }
    (void)closedir(dir);
    return fd;
}

int app_control_ask(int fd, const char *request) {
    struct timeval patience = {.tv_sec = 5};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    char buf[4096];
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) > 0) (void)fwrite(buf, 1, (size_t)n, stdout);
    (void)close(fd);
    if (n == 0) return APP_OK;
    app_say("the instance does not answer; it may be stopped");
    return APP_NETWORK;
}

FILE *app_control_take(int listener, char *ret_request, size_t cap) {
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) return NULL;
    struct timeval patience = {.tv_usec = 200000}; /* a client that says nothing holds us up no longer */
    (void)setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ssize_t n = recv(client, ret_request, cap - 1, 0);
    FILE *out = n > 0 ? fdopen(client, "w") : NULL;
    if (out == NULL) {
        (void)close(client);
        return NULL;
    }
    ret_request[n] = '\0';
    return out;
}

/* ---------------------------------------------------------------- of an instance with a stack */

static void on_client(void *user, int fd, unsigned ready) {
    struct app_control *control = user;
    char request[32];
    (void)ready;
    FILE *out = app_control_take(fd, request, sizeof request);
    if (out == NULL) return;
    answer(control, request, out);
    (void)fclose(out);
}

/* No control socket is no reason not to run: NULL, and aksu status will not find us. */
struct app_control *app_control_open(aksu_loop *loop, aksu_driver *driver) {
    struct app_control *control = calloc(1, sizeof *control);
    if (control == NULL) return NULL;
    control->loop = loop;
    control->driver = driver;
    control->fd = app_control_listen(driver->device, "sock", &control->name);
    aksu_watch_config watch = {.fd = control->fd, .interest = AKSU_WATCH_READ, .on_ready = on_client, .user = control};
    if (control->fd < 0 || aksu_loop_watch(loop, &watch, &control->watch, NULL) < 0) {
        if (control->fd >= 0) (void)close(control->fd);
        free(control);
        return NULL;
    }
    return control;
}

void app_control_close(struct app_control *control) {
    if (control == NULL) return;
    aksu_loop_unwatch(control->loop, control->watch);
    (void)close(control->fd);
    (void)unlink(control->name.sun_path);
    free(control);
}
