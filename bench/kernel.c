/* The kernel beside us: whole connections over veth, and what an idle connection costs it.
 *
 *     kernel serve ADDR PORT COUNT                accepts, reads a byte, answers with one, reads the end, closes: COUNT
 *                                                 times
 *     kernel connect ADDR PORT COUNT BASE         the other side, 64 at a time, from 200 source addresses BASE.1 to
 *                                                 BASE.200 (a.b.c): one address runs out of ports in TIME-WAIT
 *     kernel idle COUNT                           COUNT connections over the loopback of this namespace, held until all
 *                                                 is measured; prints bytes a connection's end, by slab objects
 *
 * serve and connect print "COUNT SECONDS" and "cpu SECONDS" of their own.  Softirqs run in the process that sends, and
 * count as its time where the kernel keeps no time of its own for them (CONFIG_IRQ_TIME_ACCOUNTING off). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pair.h"

enum { IN_FLIGHT = 64, SOURCES = 200, EVENTS = 256 };

static int fail(const char *what) {
    perror(what);
    return 2;
}

static struct sockaddr_in address(const char *addr, unsigned port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    (void)inet_pton(AF_INET, addr, &to.sin_addr);
    return to;
}

static void print_result(unsigned count, double start) {
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    (void)printf("%u %.6f\ncpu %.3f\n", count, pair_seconds() - start,
                 (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                     (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6);
}

static int listener_at(const struct sockaddr_in *at) {
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) != 0 || listen(fd, 4096) != 0) exit(fail("listen"));
    return fd;
}

static void watch(int epoll, int fd, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int serve(const char *addr, unsigned port, unsigned count) {
    struct sockaddr_in at = address(addr, port);
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0);
    int listener = listener_at(&at);
    watch(epoll, listener, EPOLLIN);
    double start = 0;
    for (unsigned done = 0; done < count;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (start == 0) start = pair_seconds();
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            char byte;
            if (fd == listener) {
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) watch(epoll, fd, EPOLLIN);
                continue;
            }
            ssize_t n = read(fd, &byte, 1);
            if (n == 1) {
                (void)!write(fd, "b", 1);
            } else if (n == 0 || errno != EAGAIN) {
                (void)close(fd);
                done++;
            }
        }
    }
    print_result(count, start);
    return 0;
}

static void connect_one(int epoll, const struct sockaddr_in *to, const char *base, unsigned turn) {
    char text[32];
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)snprintf(text, sizeof text, "%s.%u", base, 1 + turn % SOURCES);
    struct sockaddr_in from = address(text, 0);
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0) exit(fail("bind"));
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS) exit(fail("connect"));
    watch(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLET);
}

static int connect_all(const struct sockaddr_in *to, unsigned count, const char *base) {
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0);
    unsigned opened = 0, done = 0;
    double start = pair_seconds();
    while (done < count) {
        for (; opened < count && opened - done < IN_FLIGHT; opened++) connect_one(epoll, to, base, opened);
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            char byte;
            if ((events[i].events & EPOLLIN) == 0) {
                if (write(fd, "a", 1) != 1) return fail("write");
            } else {
                if (read(fd, &byte, 1) != 1) return fail("read");
                (void)close(fd);
                done++;
            }
        }
    }
    print_result(count, start);
    return 0;
}

/* ---------------------------------------------------------------- memory */

/* Bytes of all slab objects in use.  Root only; 0: not to be read. */
static long long slab_bytes(void) {
    char line[512], name[64];
    long long total = 0, used, all, size;
    FILE *file = fopen("/proc/slabinfo", "re");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%63s %lld %lld %lld", name, &used, &all, &size) == 4) total += used * size;
    }
    (void)fclose(file);
    return total;
}

/* Each connection needs two descriptors, so the limit of them bounds the count. */
static int idle(unsigned count) {
    struct sockaddr_in to = address("127.0.0.1", 7000);
    int listener = listener_at(&to);
    long long slab = 0;
    for (unsigned i = 0; i < count + 100; i++) {
        if (i == 100) { /* the first ones pay for what all share */
            (void)sleep(1);
            slab = slab_bytes();
        }
        int client = socket(AF_INET, SOCK_STREAM, 0);
        if (client < 0 || connect(client, (struct sockaddr *)&to, sizeof to) != 0) return fail("connect");
        if (accept(listener, NULL, NULL) < 0) return fail("accept");
    }
    (void)sleep(1);
    (void)printf("%.0f\n", (double)(slab_bytes() - slab) / count / 2);
    return 0;
}

int main(int argc, char **argv) {
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "serve") == 0 && argc == 5)
        return serve(argv[2], (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
    if (strcmp(verb, "connect") == 0 && argc == 6) {
        struct sockaddr_in to = address(argv[2], (unsigned)atoi(argv[3]));
        return connect_all(&to, (unsigned)atoi(argv[4]), argv[5]);
    }
    if (strcmp(verb, "idle") == 0 && argc == 3) return idle((unsigned)atoi(argv[2]));
    (void)fprintf(stderr, "kernel: see bench/kernel.c\n");
    return 2;
}
