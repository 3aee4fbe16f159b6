/* UDP echo, one end of it: the kernel's or ours.  bench/run.sh puts two ends together and pins them.
 *
 *     udp kernel-echo ADDR PORT           answers until SIGTERM, 64 datagrams a system call
 *     udp aksu-echo DEVICE ADDR PORT      the same on our stack; DEVICE: tun:NAME, tap:NAME or packet:NAME
 *     udp ask ADDR PORT BYTES SECONDS [COUNT]
 *                                         keeps COUNT (512) datagrams of so many bytes under way; prints echoes a
 * second
 *
 * Who answers prints "cpu SECONDS COUNT" of its own on stderr at the end. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "aksu/udp.h"
#include "pair.h"

enum { BATCH = 64, UNDER_WAY = 512, BYTES_MAX = 1500 };

static volatile sig_atomic_t stopped;
static unsigned long long echoed;

static void stop(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

static void print_cpu(void) {
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    (void)fprintf(stderr, "cpu %.3f %llu\n",
                  (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                      (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6,
                  echoed);
}

static struct sockaddr_in address(const char *addr, const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    (void)inet_pton(AF_INET, addr, &to.sin_addr);
    return to;
}

static int socket_of(void) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = 8 << 20;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    return fd;
}

struct batch {
    struct mmsghdr message[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_in from[BATCH];
    char bytes[BATCH][BYTES_MAX];
};

static void ready(struct batch *b, size_t bytes, int named) {
    for (int i = 0; i < BATCH; i++) {
        b->iov[i] = (struct iovec){.iov_base = b->bytes[i], .iov_len = bytes};
        b->message[i].msg_hdr = (struct msghdr){.msg_iov = &b->iov[i], .msg_iovlen = 1};
        if (!named) continue;
        b->message[i].msg_hdr.msg_name = &b->from[i];
        b->message[i].msg_hdr.msg_namelen = sizeof b->from[i];
    }
}

static int kernel_echo(const char *addr, const char *port) {
    static struct batch b;
    struct sockaddr_in at = address(addr, port);
    int fd = socket_of();
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) pair_fail("bind");
    while (!stopped) {
        ready(&b, BYTES_MAX, 1);
        int count = recvmmsg(fd, b.message, BATCH, MSG_WAITFORONE, NULL);
        if (count <= 0) continue; /* the signal */
        for (int i = 0; i < count; i++) b.iov[i].iov_len = b.message[i].msg_len;
        for (int sent = 0; sent < count;) {
            int n = sendmmsg(fd, b.message + sent, (unsigned)(count - sent), 0);
            if (n <= 0) break;
            sent += n;
        }
        echoed += (unsigned)count;
    }
    print_cpu();
    return 0;
}

/* ---------------------------------------------------------------- ours */

struct echo {
    aksu_sock sock;
    char bytes[BYTES_MAX];
    size_t waits; /* a datagram's size, which found no room; its sender */
    aksu_udp_from from;
};

static void answer(struct echo *e, aksu_stack *s) {
    for (;;) {
        if (e->waits == 0 && aksu_udp_recv(s, e->sock, e->bytes, sizeof e->bytes, &e->waits, &e->from) != AKSU_OK)
            return;
        if (aksu_udp_send(s, e->sock, &e->from.remote, e->bytes, e->waits) == AKSU_ERR_AGAIN) return; /* on_turn */
        e->waits = 0;
        echoed++;
    }
}

static void on_event(void *user, aksu_stack *s, const aksu_event *event) {
    if (event->bits & AKSU_EV_READABLE) answer(user, s);
}

static void on_turn(void *user, aksu_stack *s, uint64_t now_us) {
    struct echo *e = user;
    (void)now_us;
    if (e->waits != 0) answer(e, s);
}

static int aksu_echo(const char *device, const char *addr, const char *port) {
    static aksu_host host;
    static struct echo echo;
    aksu_host_config config;
    aksu_host_error error;
    aksu_host_config_default(&config);
    config.on_event = on_event;
    config.on_turn = on_turn;
    config.user = &echo;
    config.stack.reply_max = 4096;
    pair_device(&config, device, addr);
    if (aksu_host_open(&config, &host, &error) < 0) pair_fail(error.text);
    aksu_advance(host.stack, aksu_host_now_us());
    aksu_udp_open open = {.struct_bytes = sizeof open, .local.port = (uint16_t)atoi(port), .rcv_buf_bytes = 8 << 20};
    if (aksu_udp_bind(host.stack, &open, &echo.sock) != AKSU_OK) pair_fail("bind");
    while (!stopped) (void)aksu_loop_turn(host.loop, echo.waits != 0 ? 0 : 20000, &error);
    print_cpu();
    aksu_host_close(&host);
    return 0;
}

/* ---------------------------------------------------------------- who asks */

struct question {
    const char *addr, *port;
    size_t bytes;
    double seconds;
    long count_max; /* under way */
};

static int ask(const struct question *q) {
    static struct batch out, in;
    struct sockaddr_in to = address(q->addr, q->port);
    int fd = socket_of();
    if (q->bytes > BYTES_MAX || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) pair_fail("connect");
    ready(&out, q->bytes, 0);
    unsigned long long came = 0;
    long under_way = 0;
    double start = pair_seconds(), now = start;
    for (; now < start + q->seconds; now = pair_seconds()) {
        unsigned batch = q->count_max < BATCH ? (unsigned)q->count_max : BATCH;
        while (under_way + batch <= q->count_max) {
            int n = sendmmsg(fd, out.message, batch, 0);
            if (n <= 0) break; /* not there yet, or full */
            under_way += n;
        }
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 20) <= 0) { /* what is out is lost */
            under_way = 0;
            continue;
        }
        ready(&in, BYTES_MAX, 0);
        int n = recvmmsg(fd, in.message, BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) continue;
        came += (unsigned)n;
        under_way = under_way > n ? under_way - n : 0;
    }
    (void)printf("%.0f\n", (double)came / (now - start));
    return 0;
}

int main(int argc, char **argv) {
    struct sigaction action = {.sa_handler = stop}; /* without SA_RESTART: a wait ends */
    (void)sigaction(SIGTERM, &action, NULL);
    if (argc == 4 && strcmp(argv[1], "kernel-echo") == 0) return kernel_echo(argv[2], argv[3]);
    if (argc == 5 && strcmp(argv[1], "aksu-echo") == 0 && strchr(argv[2], ':') != NULL)
        return aksu_echo(argv[2], argv[3], argv[4]);
    if ((argc == 6 || argc == 7) && strcmp(argv[1], "ask") == 0)
        return ask(&(struct question){.addr = argv[2],
                                      .port = argv[3],
                                      .bytes = strtoul(argv[4], NULL, 10),
                                      .seconds = atof(argv[5]),
                                      .count_max = argc == 7 ? atol(argv[6]) : UNDER_WAY});
    pair_fail("usage: udp kernel-echo ADDR PORT | aksu-echo DEVICE ADDR PORT | ask ADDR PORT BYTES SECONDS [COUNT]");
    return 2;
}
