/* Flows over a path: a server that sends, the kernel's or ours, and a client of the kernel's that measures.
 * bench/goodput.py puts an emulated link between them.
 *
 *     path kernel-serve PORT BYTES CC         sends BYTES (0: without end; -: nothing, it reads) to each who connects
 *     path aksu-serve PORT BYTES NAME=VALUE...   the same behind a TUN device, with these settings
 *     path fetch ADDR PORT MS COUNT           COUNT times: connects, and reads for so long or to the end
 *     path push ADDR PORT MS CC               connects, and writes for so long: what is acknowledged by then
 *     path share MS ADDR:PORT...              reads of all at once
 *
 * fetch, push and share print "BYTES SECONDS" for each connection, counted from connect.  With AKSU_PATH_CWND=FILE a
 * server writes "SECONDS CWND" there, in segments, every 10 ms; with AKSU_PATH_SERIES=FILE share writes "SECONDS
 * BYTES..." every 100 ms. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "aksu/host.h"

enum { CHUNK = 256 * 1024, FLOWS_MAX = 16, SAMPLE_MS = 10 };
static char chunk[CHUNK];

static double seconds(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int fail(const char *what) {
    perror(what);
    return 2;
}

static FILE *cwnd_file(void) {
    const char *name = getenv("AKSU_PATH_CWND");
    FILE *out = name == NULL ? NULL : fopen(name, "w");
    if (out != NULL) (void)setvbuf(out, NULL, _IOLBF, 0);
    return out;
}

/* ---------------------------------------------------------------- the kernel serves */

static void kernel_flow(int fd, unsigned long long bytes) {
    FILE *cwnd = cwnd_file();
    double start = seconds();
    bool endless = bytes == 0;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    while (endless || bytes > 0) {
        ssize_t n = write(fd, chunk, endless || bytes > CHUNK ? CHUNK : bytes);
        if (n < 0 && errno != EAGAIN) return;
        if (n > 0 && !endless) bytes -= (unsigned long long)n;
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (n < 0) (void)poll(&ready, 1, cwnd == NULL ? -1 : SAMPLE_MS);
        struct tcp_info info;
        socklen_t size = sizeof info;
        if (cwnd != NULL && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
            (void)fprintf(cwnd, "%.3f %u\n", seconds() - start, info.tcpi_snd_cwnd);
    }
    (void)shutdown(fd, SHUT_WR);
    (void)fcntl(fd, F_SETFL, 0);
    while (read(fd, chunk, CHUNK) > 0) {
    }
}

static int kernel_serve(const char *port, const char *bytes, const char *cc) {
    bool reads = strcmp(bytes, "-") == 0;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)) != 0) return fail(cc);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 64) != 0) return fail("listen");
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) return fail("accept");
        if (fork() == 0) { /* a flow whose link has gone would wait for its retransmissions, long after the server */
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            while (reads && read(fd, chunk, CHUNK) > 0) {
            }
            if (!reads) kernel_flow(fd, strtoull(bytes, NULL, 10));
            _exit(0);
        }
        (void)close(fd);
    }
}

/* ---------------------------------------------------------------- we serve */

struct flow {
    aksu_sock sock;
    unsigned long long left;
    bool used, endless, shut;
};
struct ours {
    aksu_host host;
    aksu_sock listener;
    unsigned long long bytes;
    bool reads;
    struct flow flow[FLOWS_MAX];
    FILE *cwnd;
    double start, sampled;
};

static void send_more(aksu_stack *s, struct flow *f) {
    while (f->left > 0) {
        size_t bytes = 0;
        if (aksu_tcp_send(s, f->sock, chunk, f->left < CHUNK ? (size_t)f->left : CHUNK, 0, &bytes) != AKSU_OK) return;
        if (!f->endless) f->left -= bytes;
    }
    if (!f->shut) (void)aksu_tcp_shutdown(s, f->sock);
    f->shut = true;
}

static void accept_flow(struct ours *o, aksu_stack *s) {
    aksu_sock sock;
    while (aksu_tcp_accept(s, o->listener, &sock) == AKSU_OK) {
        uint64_t i = 0;
        while (i < FLOWS_MAX - 1 && o->flow[i].used) i++;
        o->flow[i] = (struct flow){
            .sock = sock, .used = true, .endless = o->bytes == 0, .left = o->bytes == 0 ? CHUNK : o->bytes};
        (void)aksu_sock_set_user(s, sock, i + 1);
        o->start = seconds();
        if (!o->reads) send_more(s, &o->flow[i]);
    }
}

static void on_event(void *user, aksu_stack *s, const aksu_event *event) {
    struct ours *o = user;
    if (event->bits & AKSU_EV_INCOMING) accept_flow(o, s);
    if (event->user == 0 || event->user > FLOWS_MAX) return;
    struct flow *f = &o->flow[event->user - 1];
    size_t bytes;
    while ((event->bits & AKSU_EV_READABLE) && aksu_tcp_recv(s, f->sock, chunk, CHUNK, &bytes) == AKSU_OK) {
    }
    if ((event->bits & AKSU_EV_WRITABLE) && !o->reads) send_more(s, f);
    if (event->bits & (AKSU_EV_CLOSED | AKSU_EV_PEER_CLOSED)) {
        (void)aksu_tcp_close(s, f->sock);
        f->used = false;
    }
}

static void on_turn(void *user, aksu_stack *s, uint64_t now_us) {
    struct ours *o = user;
    (void)now_us;
    aksu_tcp_info info;
    double now = seconds();
    if (o->cwnd == NULL || !o->flow[0].used || now - o->sampled < SAMPLE_MS * 1e-3) return;
    if (aksu_tcp_status(s, o->flow[0].sock, &info) != AKSU_OK || info.snd_mss == 0) return;
    (void)fprintf(o->cwnd, "%.3f %u\n", now - o->start, info.cwnd_bytes / info.snd_mss);
    o->sampled = now;
}

static bool set(aksu_tcp_settings *settings, const char *word) {
    const char *value = strchr(word, '=');
    for (unsigned i = 0; value != NULL && i < AKSU_TCP_SETTING_COUNT; i++) {
        const char *name = aksu_tcp_setting_info((aksu_tcp_setting)i)->name;
        if (strlen(name) != (size_t)(value - word) || strncmp(name, word, strlen(name)) != 0) continue;
        int cc = i == AKSU_TCP_CONGESTION_CONTROL ? aksu_cc_index(value + 1) : -1;
        ((uint64_t *)(void *)settings)[i] = cc >= 0 ? (uint64_t)cc : (uint64_t)strtoull(value + 1, NULL, 10);
        return true;
    }
    return false;
}

static int aksu_serve(const char *port, const char *bytes, int count, char **words) {
    static struct ours o;
    aksu_host_config config;
    aksu_host_error error;
    aksu_host_config_default(&config);
    o.bytes = strtoull(bytes, NULL, 10);
    o.reads = strcmp(bytes, "-") == 0;
    o.cwnd = cwnd_file();
    for (int i = 0; i < count; i++) {
        if (set(&config.stack.tcp, words[i])) continue;
        (void)fprintf(stderr, "path: no setting '%s'\n", words[i]);
        return 2;
    }
    config.on_event = on_event;
    config.on_turn = on_turn;
    config.user = &o;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = (uint16_t)atoi(port), .backlog = FLOWS_MAX};
    if (aksu_host_open(&config, &o.host, &error) < 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    aksu_advance(o.host.stack, aksu_host_now_us());
    if (aksu_tcp_listen(o.host.stack, &open, &o.listener) != AKSU_OK) return 2;
    (void)aksu_loop_run(o.host.loop, &error); /* until it is killed */
    aksu_host_close(&o.host);
    return 0;
}

/* ---------------------------------------------------------------- the client */

static int begin(const char *addr, const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    struct linger linger = {.l_onoff = 1, .l_linger = 0}; /* what is under way need not come any more */
    (void)inet_pton(AF_INET, addr, &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)connect(fd, (struct sockaddr *)&to, sizeof to);
    return fd;
}

/* Reads of all of them until the time is over, or all have ended. */
static int read_all(int count, const int *fds, double limit) {
    struct pollfd ready[FLOWS_MAX];
    unsigned long long got[FLOWS_MAX] = {0};
    double start = seconds(), took[FLOWS_MAX] = {0};
    int open = count;
    const char *series_name = getenv("AKSU_PATH_SERIES");
    FILE *series = series_name == NULL ? NULL : fopen(series_name, "w");
    double told = 0;
    for (int i = 0; i < count; i++) ready[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    while (open > 0 && seconds() - start < limit) {
        (void)poll(ready, (nfds_t)count, (int)((limit - (seconds() - start)) * 1e3) + 1);
        if (series != NULL && seconds() - start >= told) {
            (void)fprintf(series, "%.1f", told);
            for (int i = 0; i < count; i++) (void)fprintf(series, " %llu", got[i]);
            (void)fputc('\n', series);
            told += 0.1;
        }
        for (int i = 0; i < count; i++) {
            if (ready[i].fd < 0 || ready[i].revents == 0) continue;
            ssize_t n = read(ready[i].fd, chunk, CHUNK);
            if (n > 0) got[i] += (unsigned long long)n;
            if (n > 0 || (n < 0 && errno == EAGAIN)) continue;
            if (n < 0) return fail("read");
            took[i] = seconds() - start;
            ready[i].fd = -1;
            open--;
        }
    }
    if (series != NULL) (void)fclose(series);
    for (int i = 0; i < count; i++) {
        (void)printf("%llu %.6f\n", got[i], took[i] > 0 ? took[i] : seconds() - start);
        (void)close(fds[i]);
    }
    (void)fflush(stdout);
    return 0;
}

static int push(const char *addr, const char *port, double limit, const char *cc) {
    double start = seconds();
    int fd = begin(addr, port);
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)) != 0) return fail(cc);
    while (seconds() - start < limit) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        (void)poll(&ready, 1, (int)((limit - (seconds() - start)) * 1e3) + 1);
        if (ready.revents != 0 && write(fd, chunk, CHUNK) < 0 && errno != EAGAIN) return fail("write");
    }
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return fail("TCP_INFO");
    (void)printf("%llu %.6f\n", (unsigned long long)info.tcpi_bytes_acked, seconds() - start);
    (void)close(fd);
    return 0;
}

static int share(double limit, int count, char **places) {
    int fds[FLOWS_MAX];
    if (count > FLOWS_MAX) return 2;
    for (int i = 0; i < count; i++) {
        char *port = strchr(places[i], ':');
        if (port == NULL) return 2;
        *port++ = '\0';
        fds[i] = begin(places[i], port);
    }
    return read_all(count, fds, limit);
}

int main(int argc, char **argv) {
    (void)signal(SIGPIPE, SIG_IGN);
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "kernel-serve") == 0 && argc == 5) return kernel_serve(argv[2], argv[3], argv[4]);
    if (strcmp(verb, "aksu-serve") == 0 && argc >= 4) return aksu_serve(argv[2], argv[3], argc - 4, argv + 4);
    if (strcmp(verb, "share") == 0 && argc >= 4) return share(atof(argv[2]) * 1e-3, argc - 3, argv + 3);
    if (strcmp(verb, "push") == 0 && argc == 6) return push(argv[2], argv[3], atof(argv[4]) * 1e-3, argv[5]);
    if (strcmp(verb, "fetch") == 0 && argc == 6) {
        for (int i = atoi(argv[5]); i > 0; i--) {
            int fd = begin(argv[2], argv[3]);
            if (read_all(1, &fd, atof(argv[4]) * 1e-3) != 0) return 2;
        }
        return 0;
    }
    (void)fprintf(stderr, "path: see bench/path.c\n");
    return 2;
}
