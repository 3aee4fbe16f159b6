/* A peer made by hand, for what no honest stack would say: it stands in the client's place of a tcp_world and says
 * segments one by one; the ladder shows them with our answers.  Its ISN is PEER_ISS; numbers are relative. */
#ifndef TEST_TCP_PEER_H
#define TEST_TCP_PEER_H

#include "tcp_ladder.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"

enum { PEER_ISS = 70000, PEER_PORT = 1234, PEER_PACKET_MAX = 2048 };

struct peer {
    struct tcp_world *w;
    aksu_sock listener, sock;
    uint32_t iss; /* ours: known once we have sent a SYN */
    uint16_t our_port;
    uint16_t wnd; /* what its segments announce */
    uint8_t tos;
    aksu_tcp_options options; /* of its segments */
    aksu_addr addr;           /* its own */
};

static inline struct peer peer_open(const aksu_config *config) {
    struct peer p = {.w = world_open(config), .our_port = 80, .wnd = 65535, .addr = world_addr(CLIENT)};
    p.w->by_hand = true;
    p.w->hand_iss = PEER_ISS;
    return p;
}

static inline void peer_note(struct peer *p, const struct ak_tcp_header *header, uint32_t bytes) {
    struct tcp_world *w = p->w;
    assert_true(w->seen_count < SEEN_MAX);
    w->seen[w->seen_count++] = (struct tcp_seen){.from = CLIENT,
                                                 .time_us = w->now_us,
                                                 .segment = {.seq = header->seq.n,
                                                             .ack = header->ack.n,
                                                             .flags = header->flags,
                                                             .wnd = header->wnd,
                                                             .up = header->up,
                                                             .payload_bytes = bytes,
                                                             .options = header->options}};
}

/* A packet of the peer's, its TCP checksum right. */
static inline uint32_t peer_packet(struct peer *p, uint8_t *packet, const struct ak_tcp_header *header,
                                   uint32_t bytes) {
    uint32_t header_bytes = ak_wire_tcp_build(packet + 20, header, AK_OPTION_ORDER_LINUX);
    assert_true(20 + header_bytes + bytes <= PEER_PACKET_MAX);
    memset(packet + 20 + header_bytes, 'p', bytes);
    struct ak_ip ip = {.src = p->addr,
                       .dst = world_addr(SERVER),
                       .version = 4,
                       .protocol = AK_IP_PROTOCOL_TCP,
                       .ttl = 64,
                       .tos = p->tos,
                       .total_bytes = 20 + header_bytes + bytes};
    ak_wire_ipv4_build(packet, &ip);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &ip.src, &ip.dst, AK_IP_PROTOCOL_TCP, header_bytes + bytes);
    ak_sum_add(&sum, packet + 20, header_bytes + bytes);
    ak_put16(packet + 36, (uint16_t)~ak_sum_fold(&sum));
    return ip.total_bytes;
}

static inline void peer_input(struct peer *p, const uint8_t *packet, uint32_t bytes) {
    aksu_iov iov = {.base = (void *)(uintptr_t)packet, .bytes = bytes};
    aksu_frame frame = {.total_bytes = bytes, .iov_count = 1, .iov = &iov};
    aksu_input(p->w->stack[SERVER], p->w->now_us, &frame, 1);
}

struct peer_segment {
    uint16_t flags;
    uint32_t seq, ack; /* relative */
    uint32_t bytes;
    uint16_t up;
};

/* The peer says it, and we have 1 ms for what we say at once. */
static inline void peer_says(struct peer *p, struct peer_segment s) {
    uint8_t packet[PEER_PACKET_MAX];
    struct ak_tcp_header header = {.src_port = PEER_PORT,
                                   .dst_port = p->our_port,
                                   .seq = {PEER_ISS + s.seq},
                                   .ack = {s.flags & AKSU_TCP_ACK ? p->iss + s.ack : 0},
                                   .flags = s.flags,
                                   .wnd = p->wnd,
                                   .up = s.up,
                                   .options = p->options};
    peer_note(p, &header, s.bytes);
    peer_input(p, packet, peer_packet(p, packet, &header, s.bytes));
    world_run(p->w, 1000);
}

/* An ICMP error of the peer, or of a router, that quotes the first 8 bytes of a segment of ours at this number. */
static inline void peer_icmp(struct peer *p, uint8_t type, uint8_t code, uint16_t mtu, uint32_t seq) {
    uint8_t quote[48] = {0};
    struct ak_tcp_header header = {
        .src_port = p->our_port, .dst_port = PEER_PORT, .seq = {p->iss + seq}, .flags = AKSU_TCP_ACK};
    struct ak_ip ip = {.src = world_addr(SERVER),
                       .dst = p->addr,
                       .version = 4,
                       .protocol = AK_IP_PROTOCOL_TCP,
                       .ttl = 63,
                       .dont_fragment = true,
                       .total_bytes = 40};
    ak_wire_ipv4_build(quote, &ip);
    (void)ak_wire_tcp_build(quote + 20, &header, AK_OPTION_ORDER_LINUX);
    uint8_t packet[20 + 8 + 28] = {0};
    struct ak_ip outer = {.src = p->addr,
                          .dst = world_addr(SERVER),
                          .version = 4,
                          .protocol = AK_IP_PROTOCOL_ICMP,
                          .ttl = 64,
                          .total_bytes = sizeof packet};
    ak_wire_ipv4_build(packet, &outer);
    packet[20] = type;
    packet[21] = code;
    ak_put16(packet + 26, mtu);
    memcpy(packet + 28, quote, 28);
    struct ak_sum sum = {0};
    ak_sum_add(&sum, packet + 20, sizeof packet - 20);
    ak_put16(packet + 22, (uint16_t)~ak_sum_fold(&sum));
    peer_input(p, packet, sizeof packet);
    world_run(p->w, 1000);
}

/* Our ISN, from the latest SYN that we have sent. */
static inline void peer_learn(struct peer *p) {
    for (uint32_t i = 0; i < p->w->seen_count; i++) {
        if (p->w->seen[i].from != SERVER || (p->w->seen[i].segment.flags & AKSU_TCP_SYN) == 0) continue;
        p->iss = p->w->seen[i].segment.seq;
        p->our_port = p->w->seen[i].segment.flow.local_port;
    }
}

/* A listener of ours, and the peer's SYN answered. */
static inline void peer_syn(struct peer *p) {
    p->listener = world_listen_on(p->w, SERVER, 80, 8, 0);
    peer_says(p, (struct peer_segment){.flags = AKSU_TCP_SYN});
    peer_learn(p);
}

/* The same, and the handshake's end: ESTABLISHED at both. */
static inline struct peer peer_joined(const aksu_config *config) {
    struct peer p = peer_open(config);
    peer_syn(&p);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    (void)world_events(p.w, SERVER, NULL);
    p.w->first = p.w->seen_count;
    return p;
}

/* An active open of ours towards the peer: its SYN is out. */
static inline void peer_called(struct peer *p) {
    aksu_tcp_open open = {
        .struct_bytes = sizeof open, .remote = {.addr = p->addr, .port = PEER_PORT}, .local = {.port = 80}};
    assert_int_equal(aksu_tcp_connect(p->w->stack[SERVER], &open, &p->sock), AKSU_OK);
    world_run(p->w, 1000);
    peer_learn(p);
    p->w->first = p->w->seen_count;
}

static inline void we_send(struct peer *p, uint32_t count) {
    static const uint8_t data[65536];
    size_t bytes;
    assert_int_equal(aksu_tcp_send(p->w->stack[SERVER], p->sock, data, count, 0, &bytes), AKSU_OK);
    assert_int_equal(bytes, count);
    world_run(p->w, 1000);
}

static inline uint64_t our_drops(const struct peer *p, aksu_drop drop) {
    aksu_counters counters;
    aksu_counters_get(p->w->stack[SERVER], &counters);
    return counters.drop[drop];
}

#define peer_ladder_is(peer, what, expected) ladder_is((peer)->w, (peer)->w->first, what, expected)

#endif
