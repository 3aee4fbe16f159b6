/* A SYN flood in memory: spoofed SYNs to a listener, and honest clients among them.
 *
 *     flood COUNT CLIENTS    COUNT SYNs from random addresses, offered at two million a second of virtual time, 64 at a
 *                            time as a device gives them; CLIENTS honest connections, spread evenly, each with one
 *                            byte each way.  Prints SYNs a second of real time (on the core it is pinned to; making the
 *                            packets and the honest clients' own stack count too), growth of resident memory in bytes,
 *                            clients served within three SYNs, the most SYNs that one needed, and the median time in us
 *                            of real time from connect() to CONNECTED
 *
 * Memory is compared from when the SYN cache is full: its size is fixed.  Nothing is lost on the way, so who is not
 * served was not served by the stack. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

enum {
    BATCH = PAIR_BATCH_FRAMES,
    PACKET_BYTES = 44,
    BATCH_US = 32,
    WARM_SYNS = 400000,
    WARM_CLIENTS = 64,
    RUN_ON_SYNS = 14000000,
    SYNS_ALLOWED = 3,
    FIRST_PORT = 2000,
};

struct client {
    double opened, took;
    unsigned syns;
    bool served;
};

struct flood {
    struct pair pair;
    uint64_t random;
    uint8_t packet[BATCH][PACKET_BYTES];
    aksu_iov iov[BATCH];
    aksu_frame frames[2 * BATCH]; /* the flood's, then the honest clients' */
    struct client *clients;
    unsigned opened;
};

static uint64_t next_random(struct flood *f) { /* xorshift64 */
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return f->random;
}

static void frames_init(struct flood *f) {
    static const uint8_t syn[PACKET_BYTES] = {0x45, 0,  0,    44, 0,    0,    0x40, 0, 64, 6, 0, 0, 0, 0,   0,
                                              0,    10, 0,    0,  2,    0,    0,    0, 80, 0, 0, 0, 0, 0,   0,
                                              0,    0,  0x60, 2,  0xff, 0xff, 0,    0, 0,  0, 2, 4, 5, 0xb4};
    for (int i = 0; i < BATCH; i++) {
        memcpy(f->packet[i], syn, sizeof syn);
        f->iov[i] = (aksu_iov){.base = f->packet[i], .bytes = PACKET_BYTES};
        f->frames[i] = (aksu_frame){
            .total_bytes = PACKET_BYTES, .iov_count = 1, .iov = &f->iov[i], .checksum = AKSU_CHECKSUM_VALID};
    }
}

/* From anywhere in 11.0.0.0/8, any port of the upper half, any sequence number; the device has checked TCP's sum. */
static void spoof(struct flood *f, uint8_t *packet) {
    uint64_t r = next_random(f);
    uint32_t sum = 0;
    packet[10] = packet[11] = 0;
    packet[12] = 11;
    memcpy(packet + 13, &r, 3);
    packet[20] = (uint8_t)(0x80 | r >> 24);
    packet[21] = (uint8_t)(r >> 32);
    r *= 0x9e3779b97f4a7c15u;
    memcpy(packet + 24, (const char *)&r + 4, 4);
    for (int k = 0; k < 20; k += 2) sum += (uint32_t)packet[k] << 8 | packet[k + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    packet[10] = (uint8_t)(sum >> 8);
    packet[11] = (uint8_t)sum;
}

static void open_client(struct flood *f) {
    aksu_sock sock;
    f->clients[f->opened].opened = pair_seconds();
    if (pair_connect(&f->pair, (uint16_t)(FIRST_PORT + f->opened), PAIR_PORT, &sock) != AKSU_OK) pair_fail("connect");
    (void)aksu_sock_set_user(f->pair.stack[PAIR_CLIENT], sock, f->opened);
    f->opened++;
}

/* What the honest clients send goes in behind the flood's batch. */
static size_t client_output(struct flood *f, aksu_frame *ret_frames) {
    size_t count = aksu_output(f->pair.stack[PAIR_CLIENT], f->pair.now_us, ret_frames, BATCH);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *packet = ret_frames[i].iov[0].base;
        unsigned port = (unsigned)(packet[20] << 8 | packet[21]);
        if (packet[33] & 2) f->clients[port - FIRST_PORT].syns++;
        ret_frames[i].link = 0;
    }
    return count;
}

/* Of what the server sends, only what goes to 10.0.0.1 arrives anywhere. */
static void server_output(struct flood *f) {
    aksu_frame out[BATCH], in[BATCH];
    size_t count;
    while ((count = aksu_output(f->pair.stack[PAIR_SERVER], f->pair.now_us, out, BATCH)) > 0) {
        size_t honest = 0;
        for (size_t i = 0; i < count; i++) {
            const uint8_t *packet = out[i].iov[0].base;
            if (packet[16] != 10) continue;
            in[honest] = out[i];
            in[honest++].link = 0;
        }
        if (honest > 0) aksu_input(f->pair.stack[PAIR_CLIENT], f->pair.now_us, in, honest);
    }
}

static void serve(struct flood *f) {
    aksu_stack *s = f->pair.stack[PAIR_SERVER];
    aksu_event event;
    aksu_sock sock;
    char byte;
    size_t bytes;
    while (aksu_next_event(s, &event)) {
        if (event.bits & AKSU_EV_INCOMING) {
            while (aksu_tcp_accept(s, f->pair.listener, &sock) == AKSU_OK) {
            }
        } else if (event.bits & AKSU_EV_READABLE) {
            aksu_err err = aksu_tcp_recv(s, event.sock, &byte, 1, &bytes);
            if (err == AKSU_OK) {
                (void)aksu_tcp_send(s, event.sock, "b", 1, 0, &bytes);
                err = aksu_tcp_recv(s, event.sock, &byte, 1, &bytes);
            }
            if (err == AKSU_ERR_END) (void)aksu_tcp_close(s, event.sock);
        }
    }
}

static void answer(struct flood *f) {
    aksu_stack *s = f->pair.stack[PAIR_CLIENT];
    aksu_event event;
    char byte;
    size_t bytes;
    while (aksu_next_event(s, &event)) {
        struct client *client = &f->clients[event.user];
        if (event.bits & AKSU_EV_CONNECTED) {
            client->took = pair_seconds() - client->opened;
            (void)aksu_tcp_send(s, event.sock, "a", 1, 0, &bytes);
        }
        if ((event.bits & AKSU_EV_READABLE) && aksu_tcp_recv(s, event.sock, &byte, 1, &bytes) == AKSU_OK) {
            client->served = true;
            (void)aksu_tcp_close(s, event.sock);
        }
    }
}

static void run(struct flood *f, unsigned syns, unsigned clients) {
    unsigned first = f->opened;
    for (unsigned done = 0; done < syns; done += BATCH) {
        while (f->opened - first < (uint64_t)(done + BATCH) * clients / syns && f->opened - first < clients)
            open_client(f);
        for (int i = 0; i < BATCH; i++) spoof(f, f->packet[i]);
        size_t count = BATCH + client_output(f, f->frames + BATCH);
        aksu_input(f->pair.stack[PAIR_SERVER], f->pair.now_us, f->frames, count);
        server_output(f);
        serve(f);
        answer(f);
        f->pair.now_us += BATCH_US;
    }
}

/* The flood goes on until the last ones are served, or have had the time of three SYNs and their timeouts. */
static void run_on(struct flood *f, const struct client *clients, unsigned count) {
    for (unsigned syns = 0, served = 0; syns < RUN_ON_SYNS && served < count; syns += BATCH) {
        run(f, BATCH, 0);
        while (served < count && clients[served].served) served++;
    }
}

static int by_time(const void *a, const void *b) {
    const struct client *x = a, *y = b;
    return (x->took > y->took) - (x->took < y->took);
}

int main(int argc, char **argv) {
    static struct flood f = {.random = 88172645463325252u};
    if (argc != 3) pair_fail("usage: flood COUNT CLIENTS");
    unsigned syns = (unsigned)atoi(argv[1]), clients = (unsigned)atoi(argv[2]);
    if (syns < BATCH || clients == 0 || clients > 50000) pair_fail("flood: COUNT from 64, CLIENTS from 1 to 50000");
    aksu_config config;
    aksu_config_default(&config);
    f.clients = calloc(clients + WARM_CLIENTS, sizeof *f.clients);
    if (f.clients == NULL) pair_fail("no memory");
    pair_open(&f.pair, &config, AKSU_LINK_TX_CHECKSUM);
    frames_init(&f);
    run(&f, WARM_SYNS, WARM_CLIENTS);
    size_t before = pair_resident(&f.pair.arena[PAIR_SERVER]);
    double start = pair_seconds();
    run(&f, syns, clients);
    double took = pair_seconds() - start;
    run_on(&f, f.clients + WARM_CLIENTS, clients);
    size_t grown = pair_resident(&f.pair.arena[PAIR_SERVER]) - before;
    struct client *measured = f.clients + WARM_CLIENTS;
    unsigned served = 0, most = 0;
    for (unsigned i = 0; i < clients; i++) {
        served += measured[i].served && measured[i].syns <= SYNS_ALLOWED;
        if (measured[i].syns > most) most = measured[i].syns;
    }
    qsort(measured, clients, sizeof *measured, by_time);
    (void)printf("%.0f %zu %u %u %.1f\n", syns / took, grown, served, most, measured[clients / 2].took * 1e6);
    pair_close(&f.pair);
    return 0;
}
