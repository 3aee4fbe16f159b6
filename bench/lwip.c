/* Receiving, beside lwIP (Debian's liblwip): the same sender, the same segments, both sums checked by software.
 *
 * What is counted is all that a received segment costs until the application has its bytes in a buffer of its own:
 * input, delivery, the ACK that every second segment draws, and the copy.  Counts are callgrind's, of the functions
 * named measure_...; the program prints over how many segments.  bench/lwip.sh divides.
 *
 * Both get each frame in one piece, as a driver hands it over, and both copy a segment's text: aksu twice, from the
 * frame into its stream of blocks and from there to the application, which may come for it whenever it likes; lwIP
 * once, as its application is called with the frame itself.
 *
 * lwIP is called as its raw API is meant to be, from one thread; its library is as Debian builds it (no timestamps, no
 * SACK, memory from malloc), and aksu does without timestamps and SACK as well here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/tcp.h>

#include "pair.h"

#define MEASURED __attribute__((noinline, noclone))

enum { CHUNK = 64 * 1024, WARM_ROUNDS = 1000, ROUNDS = 4000, BATCH = 2, WINDOW = 2 * 65535 };

static char chunk[CHUNK];

/* ---------------------------------------------------------------- lwIP's side */

static struct netif lwip_netif;
static uint8_t lwip_said[4][128]; /* its packets: ACKs */
static size_t lwip_said_bytes[4];
static unsigned lwip_said_count;
static uint64_t lwip_received;

static err_t lwip_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *to) {
    (void)netif;
    (void)to;
    if (lwip_said_count == 4 || p->tot_len > sizeof lwip_said[0]) pair_fail("lwIP says too much");
    lwip_said_bytes[lwip_said_count] = p->tot_len;
    (void)pbuf_copy_partial(p, lwip_said[lwip_said_count++], p->tot_len, 0);
    return ERR_OK;
}

static err_t lwip_netif_init(struct netif *netif) {
    netif->output = lwip_output;
    netif->mtu = 1500;
    return ERR_OK;
}

static err_t lwip_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err) {
    (void)arg;
    (void)err;
    if (p == NULL) return ERR_OK;
    lwip_received += pbuf_copy_partial(p, chunk, p->tot_len, 0);
    tcp_recved(pcb, p->tot_len);
    (void)pbuf_free(p);
    return ERR_OK;
}

static err_t lwip_accept(void *arg, struct tcp_pcb *pcb, err_t err) {
    (void)arg;
    (void)err;
    tcp_recv(pcb, lwip_recv);
    return ERR_OK;
}

static void lwip_open(void) {
    ip4_addr_t addr, mask, gateway;
    lwip_init();
    IP4_ADDR(&addr, 10, 0, 0, 2);
    IP4_ADDR(&mask, 255, 0, 0, 0);
    IP4_ADDR(&gateway, 0, 0, 0, 0);
    if (netif_add(&lwip_netif, &addr, &mask, &gateway, NULL, lwip_netif_init, ip_input) == NULL) pair_fail("netif_add");
    netif_set_default(&lwip_netif);
    netif_set_up(&lwip_netif);
    netif_set_link_up(&lwip_netif);
    struct tcp_pcb *pcb = tcp_new();
    if (pcb == NULL || tcp_bind(pcb, IP_ANY_TYPE, PAIR_PORT) != ERR_OK) pair_fail("tcp_bind");
    pcb = tcp_listen(pcb);
    tcp_accept(pcb, lwip_accept);
}

/* What a driver does: not counted. */
static struct pbuf *lwip_pbuf(const aksu_frame *frame) {
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)frame->total_bytes, PBUF_RAM);
    if (p == NULL) pair_fail("pbuf_alloc");
    u16_t at = 0;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        (void)pbuf_take_at(p, frame->iov[i].base, (u16_t)frame->iov[i].bytes, at);
        at = (u16_t)(at + frame->iov[i].bytes);
    }
    return p;
}

static void lwip_take(struct pbuf *const *pbufs, size_t count) {
    for (size_t i = 0; i < count; i++) (void)lwip_netif.input(pbufs[i], &lwip_netif);
}

MEASURED static void measure_received_by_lwip(struct pbuf *const *pbufs, size_t count) {
    lwip_take(pbufs, count);
}

/* ---------------------------------------------------------------- aksu's side */

/* What a driver does: not counted.  A frame in one piece, as lwIP gets it. */
static void aksu_linear(aksu_frame *frame, aksu_iov *iov, uint8_t *to) {
    size_t at = 0;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        memcpy(to + at, frame->iov[i].base, frame->iov[i].bytes);
        at += frame->iov[i].bytes;
    }
    *iov = (aksu_iov){.base = to, .bytes = at};
    frame->iov = iov;
    frame->iov_count = 1;
}

/* Answers how many ACKs there are to carry. */
static size_t aksu_take(struct pair *pair, aksu_sock sock, const aksu_frame *frames, size_t count,
                        aksu_frame *ret_acks) {
    aksu_stack *s = pair->stack[PAIR_SERVER];
    size_t bytes;
    aksu_input(s, pair->now_us, frames, count);
    while (aksu_tcp_recv(s, sock, chunk, CHUNK, &bytes) == AKSU_OK) {
    }
    return aksu_output(s, pair->now_us, ret_acks, PAIR_BATCH_FRAMES);
}

MEASURED static size_t measure_received_by_aksu(struct pair *pair, aksu_sock sock, const aksu_frame *frames,
                                                size_t count, aksu_frame *ret_acks) {
    return aksu_take(pair, sock, frames, count, ret_acks);
}

/* ---------------------------------------------------------------- both */

static void configure(aksu_config *config) {
    aksu_config_default(config);
    config->tcp.timestamps = 0;
    config->tcp.sack = 0;
    config->tcp.rcv_buf_bytes = WINDOW;
}

static void fill(struct pair *pair, aksu_sock sock) {
    size_t bytes;
    while (aksu_tcp_send(pair->stack[PAIR_CLIENT], sock, chunk, CHUNK, 0, &bytes) == AKSU_OK) {
    }
}

static void with_aksu(void) {
    struct pair pair;
    aksu_config config;
    aksu_sock client, server;
    unsigned segments = 0;
    configure(&config);
    pair_open(&pair, &config, 0);
    if (pair_connect(&pair, 2000, PAIR_PORT, &client) != AKSU_OK) pair_fail("connect");
    pair_settle(&pair);
    if (aksu_tcp_accept(pair.stack[PAIR_SERVER], pair.listener, &server) != AKSU_OK) pair_fail("accept");
    for (unsigned i = 0; i < WARM_ROUNDS + ROUNDS; i++) {
        aksu_frame frames[BATCH], acks[PAIR_BATCH_FRAMES];
        aksu_iov iov[BATCH];
        static uint8_t packet[BATCH][1500];
        fill(&pair, client);
        size_t count = aksu_output(pair.stack[PAIR_CLIENT], pair.now_us, frames, BATCH), ack_count;
        for (size_t k = 0; k < count; k++) aksu_linear(&frames[k], &iov[k], packet[k]);
        if (i < WARM_ROUNDS) {
            ack_count = aksu_take(&pair, server, frames, count, acks);
        } else {
            ack_count = measure_received_by_aksu(&pair, server, frames, count, acks);
            segments += (unsigned)count;
        }
        aksu_input(pair.stack[PAIR_CLIENT], pair.now_us, acks, ack_count);
        pair.now_us += 100;
    }
    if (segments != ROUNDS * BATCH) pair_fail("the stream stalled");
    (void)printf("received_by_aksu %u\n", segments);
    pair_close(&pair);
}

/* Whatever lwIP has said, to the sender. */
static void answer(struct pair *pair) {
    for (unsigned i = 0; i < lwip_said_count; i++) {
        aksu_iov iov = {.base = lwip_said[i], .bytes = lwip_said_bytes[i]};
        aksu_frame frame = {.total_bytes = (uint32_t)iov.bytes, .iov_count = 1, .iov = &iov};
        aksu_input(pair->stack[PAIR_CLIENT], pair->now_us, &frame, 1);
    }
    lwip_said_count = 0;
}

static size_t batch(struct pair *pair, struct pbuf **ret_pbufs) {
    aksu_frame frames[BATCH];
    size_t count = aksu_output(pair->stack[PAIR_CLIENT], pair->now_us, frames, BATCH);
    for (size_t i = 0; i < count; i++) ret_pbufs[i] = lwip_pbuf(&frames[i]);
    return count;
}

static void with_lwip(void) {
    struct pair pair; /* of which only the client is used */
    aksu_config config;
    aksu_sock client;
    struct pbuf *pbufs[BATCH];
    unsigned segments = 0;
    configure(&config);
    pair_open(&pair, &config, 0);
    lwip_open();
    if (pair_connect(&pair, 2000, PAIR_PORT, &client) != AKSU_OK) pair_fail("connect");
    for (int i = 0; i < 3; i++) {
        lwip_take(pbufs, batch(&pair, pbufs));
        answer(&pair);
    }
    for (unsigned i = 0; i < WARM_ROUNDS + ROUNDS; i++) {
        fill(&pair, client);
        size_t count = batch(&pair, pbufs);
        if (i < WARM_ROUNDS) {
            lwip_take(pbufs, count);
        } else {
            measure_received_by_lwip(pbufs, count);
            segments += (unsigned)count;
        }
        answer(&pair);
        pair.now_us += 100;
    }
    if (segments != ROUNDS * BATCH || lwip_received < (uint64_t)segments * 1448)
        pair_fail("the stream to lwIP stalled");
    (void)printf("received_by_lwip %u\n", segments);
    pair_close(&pair);
}

int main(void) {
    with_aksu();
    with_lwip();
    return 0;
}
