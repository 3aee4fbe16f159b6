/* The control socket: a UNIX socket named after the device, in a directory of this user's alone.  A client sends one
 * line, "table", "json" or "counters", and reads the answer to its end. */
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

static void answer(struct app_control *control, int client) {
    char request[32] = {0};
    struct timeval patience = {.tv_usec = 200000}; /* a client that says nothing holds us up no longer */
    (void)setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (recv(client, request, sizeof request - 1, 0) <= 0) return;
    FILE *out = fdopen(dup(client), "w");
    if (out == NULL) return;
    aksu_stack *stack = aksu_loop_stack(control->loop);
    aksu_tcp_info *infos;
    size_t count = collect(stack, &infos);
    if (strncmp(request, "json", 4) == 0) {
        write_json(out, infos, count);
    } else if (strncmp(request, "counters", 8) == 0) {
        write_counters(out, stack);
    } else {
        ak_writer writer = ak_writer_file(out);
        (void)ak_table_write(&writer, infos, count, AK_TABLE_DETAILS);
    }
    free(infos);
    (void)fclose(out);
}

static void on_client(void *user, int fd, unsigned ready) {
    struct app_control *control = user;
    (void)ready;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) return;
    answer(control, client);
    (void)close(client);
}

/* Does someone answer there?  Another network may have a device of the same name. */
static bool is_alive(const struct sockaddr_un *name) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive = fd >= 0 && (connect(fd, (const struct sockaddr *)name, sizeof *name) == 0 || errno == EAGAIN);
    if (fd >= 0) (void)close(fd);
    return alive;
}

/* No control socket is no reason not to run: NULL, and aksu status will not find us. */
struct app_control *app_control_open(aksu_loop *loop, const char *device) {
    struct app_control *control = calloc(1, sizeof *control);
    char directory[80];
    if (control == NULL || !app_control_directory(directory, sizeof directory, /* make= */ true)) {
        free(control);
        return NULL;
    }
    control->loop = loop;
    control->name.sun_family = AF_UNIX;
    (void)snprintf(control->name.sun_path, sizeof control->name.sun_path, "%s/%s.sock", directory, device);
    if (is_alive(&control->name))
        (void)snprintf(control->name.sun_path, sizeof control->name.sun_path, "%s/%s.%ld.sock", directory, device,
                       (long)getpid());
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlink(control->name.sun_path);
    aksu_watch_config watch = {.fd = control->fd, .interest = AKSU_WATCH_READ, .on_ready = on_client, .user = control};
    if (control->fd < 0 || bind(control->fd, (struct sockaddr *)&control->name, sizeof control->name) != 0 ||
        listen(control->fd, 8) != 0 || aksu_loop_watch(loop, &watch, &control->watch, NULL) < 0) {
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
