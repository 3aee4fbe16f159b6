/* A peer made by hand that is 60 ms away, for tests of when the window is used. */
#ifndef TEST_TCP_SLOW_PEER_H
#define TEST_TCP_SLOW_PEER_H

#include "tcp_peer.h"

enum { SEG = 536, TRIP_US = 60000 };

/* Established over such a round trip. */
static inline struct peer slow_peer(const char *cc, uint64_t pacing) {
    aksu_config config = world_config();
    config.tcp.pacing = pacing;
    config.tcp.congestion_control = (uint64_t)aksu_cc_index(cc);
    struct peer p = peer_open(&config);
    peer_syn(&p);
    world_run(p.w, TRIP_US - 1000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    p.w->first = p.w->seen_count;
    return p;
}

static inline void peer_acks(struct peer *p, uint32_t segments) {
    peer_says(p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1 + segments * SEG});
}

/* Segments of data that have gone since then. */
static inline uint32_t sent_since(const struct peer *p, uint64_t from_us) {
    uint32_t count = 0;
    for (uint32_t i = p->w->first; i < p->w->seen_count; i++)
        count +=
            p->w->seen[i].from == SERVER && p->w->seen[i].segment.payload_bytes > 0 && p->w->seen[i].time_us >= from_us;
    return count;
}

static inline aksu_tcp_info info_of(const struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info;
}

#endif
