/* One bulk stream, one end of it: the kernel's or ours.  bench/run.sh puts two ends together and pins them.
 *
 *     bulk kernel-recv ADDR PORT          accepts one connection, reads to its end, prints bytes and seconds
 *     bulk kernel-send ADDR PORT BYTES    connects and writes
 *     bulk aksu-recv DEVICE ADDR PORT zero|copy         the same on our stack, through recv_peek or recv; DEVICE as udp
 *                                                       takes it
 *     bulk aksu-send DEVICE ADDR PORT BYTES zero|copy   accepts one connection and writes, through send_reserve or send
 *
 * Who receives prints "BYTES SECONDS", whoever it is "cpu SECONDS" of its own on stderr. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "aksu/host.h"
#include "pair.h"

enum { CHUNK = 256 * 1024, IOV_COUNT = 64 };
static char chunk[CHUNK];

static double seconds(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void print_cpu(void) {
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    (void)fprintf(stderr, "cpu %.3f\n",
                  (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                      (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6);
}

static int fail(const char *what) {
    perror(what);
    return 2;
}

static struct sockaddr_in address(const char *addr, const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    (void)inet_pton(AF_INET, addr, &to.sin_addr);
    return to;
}

static int kernel_recv(const char *addr, const char *port) {
    struct sockaddr_in at = address(addr, port);
    int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1) != 0) return fail("listen");
    int fd = accept(listener, NULL, NULL);
    double start = seconds();
    unsigned long long total = 0;
    for (ssize_t n = read(fd, chunk, CHUNK); n > 0; n = read(fd, chunk, CHUNK)) total += (unsigned long long)n;
    (void)printf("%llu %.6f\n", total, seconds() - start);
    print_cpu();
    return 0;
}

static int kernel_send(const char *addr, const char *port, const char *bytes) {
    struct sockaddr_in to = address(addr, port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    for (int i = 0; connect(fd, (struct sockaddr *)&to, sizeof to) != 0; i++) {
        if (i == 100) return fail("connect");
        (void)usleep(50000);
    }
    for (unsigned long long left = strtoull(bytes, NULL, 10); left > 0;) {
        ssize_t n = write(fd, chunk, left < CHUNK ? left : CHUNK);
        if (n <= 0) return fail("write");
        left -= (unsigned long long)n;
    }
    (void)shutdown(fd, SHUT_WR);
    while (read(fd, chunk, CHUNK) > 0) {
    }
    print_cpu();
    return 0;
}

/* The kernel connects and reads: for aksu-send. */
static int kernel_fetch(const char *addr, const char *port) {
    struct sockaddr_in to = address(addr, port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    for (int i = 0; connect(fd, (struct sockaddr *)&to, sizeof to) != 0; i++) {
        if (i == 100) return fail("connect");
        (void)usleep(50000);
    }
    double start = seconds();
    unsigned long long total = 0;
    for (ssize_t n = read(fd, chunk, CHUNK); n > 0; n = read(fd, chunk, CHUNK)) total += (unsigned long long)n;
    (void)printf("%llu %.6f\n", total, seconds() - start);
    print_cpu();
    return 0;
}

struct ours {
    aksu_host host;
    aksu_sock listener;
    unsigned long long left, got;
    double start;
    bool sends, zero;
};

static void send_more(struct ours *o, aksu_stack *s, aksu_sock sock) {
    while (o->left > 0) {
        size_t want = o->left < CHUNK ? (size_t)o->left : CHUNK;
        size_t bytes = 0;
        if (o->zero) { /* the application makes its bytes in place; here they are what the block held */
            aksu_iov iov[IOV_COUNT];
            uint32_t count;
            if (aksu_tcp_send_reserve(s, sock, want, iov, IOV_COUNT, &count) != AKSU_OK) return;
            for (uint32_t i = 0; i < count; i++) bytes += iov[i].bytes;
            (void)aksu_tcp_send_commit(s, sock, bytes, 0);
        } else if (aksu_tcp_send(s, sock, chunk, want, 0, &bytes) != AKSU_OK) {
            return;
        }
        o->left -= bytes;
    }
    (void)aksu_tcp_shutdown(s, sock);
}

static void recv_more(struct ours *o, aksu_stack *s, aksu_sock sock) {
    aksu_err err;
    size_t bytes;
    do {
        bytes = 0;
        if (o->zero) {
            aksu_iov iov[IOV_COUNT];
            uint32_t count;
            err = aksu_tcp_recv_peek(s, sock, iov, IOV_COUNT, &count);
            for (uint32_t i = 0; err == AKSU_OK && i < count; i++) bytes += iov[i].bytes;
            if (err == AKSU_OK) (void)aksu_tcp_recv_consume(s, sock, bytes);
        } else {
            err = aksu_tcp_recv(s, sock, chunk, CHUNK, &bytes);
        }
        if (err == AKSU_OK) o->got += bytes;
    } while (err == AKSU_OK);
    if (err != AKSU_ERR_END) return;
    if (!o->sends) (void)printf("%llu %.6f\n", o->got, seconds() - o->start);
    (void)aksu_tcp_close(s, sock);
    aksu_loop_stop(o->host.loop);
}

static void on_event(void *user, aksu_stack *s, const aksu_event *event) {
    struct ours *o = user;
    aksu_sock sock = event->sock;
    if (event->bits & AKSU_EV_INCOMING) {
        if (aksu_tcp_accept(s, o->listener, &sock) != AKSU_OK) return;
        o->start = seconds();
    }
    if (o->sends) send_more(o, s, sock);
    if (event->bits & AKSU_EV_CLOSED) aksu_loop_stop(o->host.loop);
    if (event->bits & AKSU_EV_READABLE) recv_more(o, s, sock);
}

static int ours(const char *const *at, const char *bytes, const char *how) {
    static struct ours o;
    o.sends = bytes != NULL;
    o.left = bytes != NULL ? strtoull(bytes, NULL, 10) : 0;
    o.zero = strcmp(how, "zero") == 0;
    aksu_host_config config;
    aksu_host_error error;
    aksu_host_config_default(&config);
    config.on_event = on_event;
    config.user = &o;
    pair_device(&config, at[0], at[1]);
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = (uint16_t)atoi(at[2]), .backlog = 1};
    if (aksu_host_open(&config, &o.host, &error) < 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 2;
    }
    aksu_advance(o.host.stack, aksu_host_now_us());
    if (aksu_tcp_listen(o.host.stack, &open, &o.listener) != AKSU_OK) return 2;
    (void)aksu_loop_run(o.host.loop, &error);
    (void)aksu_loop_turn(o.host.loop, 100000, &error);
    aksu_host_close(&o.host);
    print_cpu();
    return 0;
}

int main(int argc, char **argv) {
    (void)signal(SIGPIPE, SIG_IGN);
    const char *verb = argc > 1 ? argv[1] : "", *const *at = (const char *const *)argv + 2;
    if (strcmp(verb, "kernel-recv") == 0 && argc == 4) return kernel_recv(argv[2], argv[3]);
    if (strcmp(verb, "kernel-send") == 0 && argc == 5) return kernel_send(argv[2], argv[3], argv[4]);
    if (strcmp(verb, "kernel-fetch") == 0 && argc == 4) return kernel_fetch(argv[2], argv[3]);
    if (strcmp(verb, "aksu-recv") == 0 && argc == 6) return ours(at, NULL, argv[5]);
    if (strcmp(verb, "aksu-send") == 0 && argc == 7) return ours(at, argv[5], argv[6]);
    (void)fprintf(stderr, "bulk: see bench/bulk.c\n");
    return 2;
}
