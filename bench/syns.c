/* The kernel's part of a SYN flood: who sends it, and the honest clients, which are the kernel's own sockets.
 *
 *     syns flood DEVICE MAC ADDR PORT RATE    spoofed SYNs from 11.0.0.0/8 out of DEVICE, RATE a second, until killed;
 *                                             MAC is the other end's, "-" for a device without Ethernet; prints nothing
 *     syns honest ADDR PORT COUNT RATE        COUNT connections, RATE a second, from 198.18.0.1 on, one address each:
 *                                             a byte each way, at most three SYNs; prints how many were served, and
 *                                             the median and 99th percentile of the time to connect, in us, those not
 *                                             served counting as for ever
 *
 * Only to be run in a network namespace of its own, which bench/run.sh makes. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pair.h"

enum { BATCH = 64, PACKET_BYTES = 44, CLIENTS_MAX = 10000, EVENTS = 64 };

static int fail(const char *what) {
    perror(what);
    return 2;
}

/* ---------------------------------------------------------------- flood */

static uint64_t next_random(uint64_t *state) { /* xorshift64 */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint32_t sum_of(const uint8_t *at, int bytes) {
    uint32_t sum = 0;
    for (int i = 0; i < bytes; i += 2) sum += (uint32_t)at[i] << 8 | at[i + 1];
    return sum;
}

static void put_checksum(uint8_t *at, uint32_t sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    at[0] = (uint8_t)(sum >> 8);
    at[1] = (uint8_t)sum;
}

static void spoof(uint8_t *packet, uint64_t *random) {
    uint64_t r = next_random(random);
    packet[12] = 11;
    memcpy(packet + 13, &r, 3);
    packet[20] = (uint8_t)(0x80 | r >> 24);
    packet[21] = (uint8_t)(r >> 32);
    r *= 0x9e3779b97f4a7c15u;
    memcpy(packet + 24, (const char *)&r + 4, 4);
    packet[10] = packet[11] = packet[36] = packet[37] = 0;
    put_checksum(packet + 10, sum_of(packet, 20));
    put_checksum(packet + 36, sum_of(packet + 12, PACKET_BYTES - 12) + 6 + 24);
}

static int flood(char **argv) {
    static uint8_t packet[BATCH][PACKET_BYTES];
    static const uint8_t syn[PACKET_BYTES] = {
        [0] = 0x45,  [3] = 44,    [6] = 0x40, [8] = 64, [9] = 6,  [32] = 0x60, [33] = 2,
        [34] = 0xff, [35] = 0xff, [40] = 2,   [41] = 4, [42] = 5, [43] = 0xb4};
    struct mmsghdr message[BATCH] = {0};
    struct iovec iov[BATCH];
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6};
    uint64_t random = 88172645463325252u, rate = strtoull(argv[4], NULL, 10), sent = 0;
    unsigned short port = htons((uint16_t)atoi(argv[3]));
    to.sll_ifindex = (int)if_nametoindex(argv[0]);
    if (sscanf(argv[1], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &to.sll_addr[0], &to.sll_addr[1], &to.sll_addr[2],
               &to.sll_addr[3], &to.sll_addr[4], &to.sll_addr[5]) != 6)
        to.sll_halen = 0;
    int fd = socket(AF_PACKET, SOCK_DGRAM, 0);
    if (fd < 0 || to.sll_ifindex == 0 || rate == 0) return fail("flood");
    for (int i = 0; i < BATCH; i++) {
        memcpy(packet[i], syn, sizeof syn);
        if (inet_pton(AF_INET, argv[2], packet[i] + 16) != 1) return fail("address");
        memcpy(packet[i] + 22, &port, 2);
        iov[i] = (struct iovec){.iov_base = packet[i], .iov_len = PACKET_BYTES};
        message[i].msg_hdr =
            (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov[i], .msg_iovlen = 1};
    }
    for (double start = pair_seconds();;) {
        double due = start + (double)sent / (double)rate, now = pair_seconds();
        if (due > now) {
            struct timespec wait = {.tv_nsec = (long)((due - now) * 1e9)};
            (void)nanosleep(&wait, NULL);
        }
        for (int i = 0; i < BATCH; i++) spoof(packet[i], &random);
        for (int done = 0; done < BATCH;) {
            int n = sendmmsg(fd, message + done, (unsigned)(BATCH - done), 0);
            if (n < 0 && errno != ENOBUFS) return fail("sendmmsg");
            done += n < 0 ? 1 : n; /* ENOBUFS: the queue is full, and this packet is lost */
        }
        sent += BATCH;
    }
}

/* ---------------------------------------------------------------- honest clients */

struct client {
    int fd;
    double opened, took;
    bool connected, served;
};

static void open_client(struct client *client, unsigned i, const struct sockaddr_in *to, int epoll) {
    int one = 1, retries = 2;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc6120001u + i)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = i};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)setsockopt(client->fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one);
    (void)setsockopt(client->fd, IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof retries);
    client->opened = pair_seconds();
    if (bind(client->fd, (struct sockaddr *)&from, sizeof from) != 0) exit(fail("bind"));
    if (connect(client->fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS)
        exit(fail("connect"));
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
}

/* True: over, well or not. */
static bool client_event(struct client *client, unsigned events) {
    char byte;
    if (events & (EPOLLERR | EPOLLHUP)) return true;
    if (!client->connected && (events & EPOLLOUT)) {
        client->connected = true;
        client->took = pair_seconds() - client->opened;
        if (write(client->fd, "a", 1) != 1) return true;
    }
    if ((events & EPOLLIN) == 0) return false;
    client->served = read(client->fd, &byte, 1) == 1;
    return true;
}

static int by_time(const void *a, const void *b) {
    const struct client *x = a, *y = b;
    return (x->took > y->took) - (x->took < y->took);
}

static int honest(char **argv) {
    static struct client clients[CLIENTS_MAX];
    struct epoll_event events[EVENTS];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    unsigned count = (unsigned)atoi(argv[2]), rate = (unsigned)atoi(argv[3]), opened = 0, over = 0, served = 0;
    if (inet_pton(AF_INET, argv[0], &to.sin_addr) != 1 || count == 0 || count > CLIENTS_MAX || rate == 0)
        return fail("honest");
    int epoll = epoll_create1(0);
    double start = pair_seconds(), limit = start + (double)count / rate + 8;
    while (over < count && pair_seconds() < limit) {
        for (; opened < count && pair_seconds() >= start + (double)opened / rate; opened++)
            open_client(&clients[opened], opened, &to, epoll);
        int ready = epoll_wait(epoll, events, EVENTS, 1);
        for (int i = 0; i < ready; i++) {
            struct client *client = &clients[events[i].data.u32];
            if (client->fd < 0 || !client_event(client, events[i].events)) continue;
            (void)close(client->fd);
            client->fd = -1;
            over++;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        served += clients[i].served;
        if (!clients[i].served) clients[i].took = 1e9;
    }
    qsort(clients, count, sizeof clients[0], by_time);
    (void)printf("%u %.0f %.0f\n", served, clients[count / 2].took * 1e6, clients[count * 99 / 100].took * 1e6);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 7 && strcmp(argv[1], "flood") == 0) return flood(argv + 2);
    if (argc == 6 && strcmp(argv[1], "honest") == 0) return honest(argv + 2);
    (void)fprintf(stderr, "syns: see bench/syns.c\n");
    return 2;
}
