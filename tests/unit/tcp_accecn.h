/* What the tests of accurate ECN share: a peer that has agreed on it with us, and what our segments say. */
#ifndef TEST_TCP_ACCECN_H
#define TEST_TCP_ACCECN_H

#include "tcp_peer.h"

enum { SEG = 536, ECT_1 = 1, ECT_0 = 2, CE = 3, SYN = AKSU_TCP_SYN, ACK = AKSU_TCP_ACK };

/* Tables 2 and 3: (AE, CWR, ECE) by the IP-ECN field. */
static const unsigned encoding[] = {2, 3, 4, 6};

static inline uint16_t ace(unsigned code) {
    return (uint16_t)((code & 7) << 6);
}
static inline unsigned code_of(const struct tcp_seen *seen) {
    return (unsigned)seen->segment.flags >> 6 & 7u;
}
static inline bool has_option(const struct tcp_seen *seen) {
    return (seen->segment.options.present & AKSU_OPT_ACCECN) != 0;
}

static inline aksu_config acc_config(uint64_t setting) {
    aksu_config config = world_config();
    config.tcp.ecn = setting;
    config.tcp.delayed_ack_us = 0;
    config.tcp.pacing = 0;
    config.tcp.congestion_control = (uint64_t)aksu_cc_index("newreno");
    return config;
}
static inline struct peer acc_peer(uint64_t setting) {
    aksu_config config = acc_config(setting);
    return peer_open(&config);
}

static inline const struct tcp_seen *our_last(const struct peer *p) {
    uint32_t i = p->w->seen_count;
    while (i > 0 && p->w->seen[i - 1].from != SERVER) i--;
    assert_true(i > 0);
    return &p->w->seen[i - 1];
}
/* The first with data. */
static inline const struct tcp_seen *our_data(const struct peer *p) {
    uint32_t i = 0;
    while (i < p->w->seen_count && (p->w->seen[i].from != SERVER || p->w->seen[i].segment.payload_bytes == 0)) i++;
    assert_true(i < p->w->seen_count);
    return &p->w->seen[i];
}
static inline uint32_t data_since(const struct peer *p, uint32_t first) {
    uint32_t count = 0;
    for (uint32_t i = first; i < p->w->seen_count; i++)
        count += p->w->seen[i].from == SERVER && p->w->seen[i].segment.payload_bytes > 0;
    return count;
}

static inline aksu_tcp_info info_of(const struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info;
}
static inline aksu_counters counters_of(const struct peer *p) {
    aksu_counters counters;
    aksu_counters_get(p->w->stack[SERVER], &counters);
    return counters;
}

static inline void acc_accept(struct peer *p) {
    assert_int_equal(aksu_tcp_accept(p->w->stack[SERVER], p->listener, &p->sock), AKSU_OK);
    p->w->first = p->w->seen_count;
}

/* The peer's handshake: its SYN with these options, and the code of the ACK that ends it. */
static inline void acc_join_with(struct peer *p, uint16_t present, unsigned code) {
    p->listener = world_listen_on(p->w, SERVER, 80, 8, 0);
    p->options = (aksu_tcp_options){.present = present, .mss = SEG, .ts_val = 5};
    peer_says(p, (struct peer_segment){.flags = SYN | ace(7)});
    peer_learn(p);
    p->options.present &= AKSU_OPT_TIMESTAMPS;
    p->options.ts_ecr = our_last(p)->segment.options.ts_val;
    peer_says(p, (struct peer_segment){.flags = ACK | ace(code), .seq = 1, .ack = 1});
    acc_accept(p);
}
static inline void acc_join(struct peer *p, unsigned code) {
    acc_join_with(p, 0, code);
}

/* The peer's segment comes, and nothing of ours goes yet. */
static inline void acc_slips(struct peer *p, struct peer_segment s) {
    uint8_t packet[PEER_PACKET_MAX];
    struct ak_tcp_header header = {.src_port = PEER_PORT,
                                   .dst_port = p->our_port,
                                   .seq = {PEER_ISS + s.seq},
                                   .ack = {p->iss + s.ack},
                                   .flags = s.flags,
                                   .wnd = p->wnd,
                                   .options = p->options};
    peer_note(p, &header, s.bytes);
    peer_input(p, packet, peer_packet(p, packet, &header, s.bytes));
}

/* As the peer sends one; the counters with their initial values in them. */
static inline aksu_tcp_options acc_option(uint8_t order, uint32_t first, uint32_t second, uint32_t third) {
    return (aksu_tcp_options){.present = AKSU_OPT_ACCECN,
                              .accecn_order = order,
                              .accecn_count = 3,
                              .accecn = {first & 0xffffff, second & 0xffffff, third & 0xffffff}};
}

/* "0:11/10": its order and counters; "-": none. */
static inline void option_text(char *buf, size_t cap, const struct tcp_seen *seen) {
    const aksu_tcp_options *o = &seen->segment.options;
    size_t used = strlen(buf);
    if (used > 0) used += (size_t)snprintf(buf + used, cap - used, ",");
    if (!has_option(seen)) {
        (void)snprintf(buf + used, cap - used, "-");
        return;
    }
    used += (size_t)snprintf(buf + used, cap - used, "%u", o->accecn_order);
    for (unsigned i = 0; i < o->accecn_count; i++)
        used += (size_t)snprintf(buf + used, cap - used, "%s%" PRIu32, i == 0 ? ":" : "/", o->accecn[i]);
}

#endif
