/* What the simulator's files share. */
#ifndef SIM_SIM_INSIDE_H
#define SIM_SIM_INSIDE_H

#include "aksu/sim.h"

#define AK_SIM_NEVER UINT64_MAX

struct ak_packet {
    struct ak_packet *next; /* in a queue */
    uint64_t id;
    uint64_t queued_us;
    uint32_t bytes;
    uint32_t held_bytes; /* what its lane counts for it; 0: nothing yet */
    uint8_t data[];
};

enum ak_sim_kind { AK_SIM_ARRIVES, AK_SIM_SENT };

struct ak_sim_item {
    uint64_t time_us, order;
    enum ak_sim_kind kind;
    uint8_t link, side; /* side: the sender's end */
    struct ak_packet *packet;
};

struct ak_lane { /* one direction of a link */
    aksu_sim_path path;
    aksu_sim_path_stats stats;
    struct ak_packet *first, *last;
    bool busy, bad; /* bad: Gilbert-Elliott */
    uint64_t last_arrival_us;
    uint64_t codel_above_us, codel_next_us; /* RFC 8289 s5 */
    uint32_t codel_count;
    bool codel_dropping;
};

struct ak_sim_link {
    uint32_t node[2], mtu;
    uint16_t index[2]; /* the link's number in each host's stack */
    bool cut;
    struct ak_lane lane[2];
};

struct ak_sim_node {
    struct aksu_sim *sim;
    uint32_t index;
    aksu_addr addr;
    aksu_config config;
    bool endpoint, router, up, touched;
    aksu_sim_endpoint play;
    void *mem;
    size_t mem_bytes;
    aksu_stack *stack;
    uint64_t skew_us;
    uint32_t boots;
};

struct ak_edge { /* the right window edge that a flow has announced */
    uint32_t node;
    aksu_flow flow;
    uint32_t right;
};

struct ak_stream {
    aksu_endpoint from, to;
    uint32_t iss;
    uint8_t *bytes; /* sent and not yet received, from first on: stream position base and on */
    size_t first, used, cap;
    uint64_t base;
};

struct aksu_sim {
    aksu_sim_hooks hooks;
    uint64_t seed, random, now_us, order, packet_last, packet_now;
    uint32_t node_count, link_count, fault_count;
    struct ak_sim_node node[AKSU_SIM_NODE_MAX];
    struct ak_sim_link link[AKSU_SIM_LINK_MAX];
    aksu_sim_fault fault[AKSU_SIM_FAULT_MAX];
    uint32_t fault_seen[AKSU_SIM_FAULT_MAX];
    struct ak_sim_item *heap;
    size_t heap_used, heap_cap;
    struct ak_edge *edge;
    size_t edge_count, edge_cap;
    struct ak_stream *stream;
    size_t stream_count, stream_cap;
    uint64_t idle_packets; /* since anything moved on */
    aksu_sim_stats stats;
    char violation[256];
};

uint64_t ak_sim_draw(struct aksu_sim *sim);
bool ak_sim_chance(struct aksu_sim *sim, uint32_t ppm);

bool ak_sim_push(struct aksu_sim *sim, const struct ak_sim_item *item);
bool ak_sim_pop(struct aksu_sim *sim, uint64_t until_us, struct ak_sim_item *ret_item);

void ak_sim_lost(struct aksu_sim *sim, struct ak_lane *lane, struct ak_packet *packet, aksu_sim_loss why);
/* Its lane has it no longer. */
void ak_sim_let_go(struct ak_lane *lane, struct ak_packet *packet);
void ak_sim_enters(struct aksu_sim *sim, uint32_t link, uint32_t side, struct ak_packet *packet);
void ak_sim_sent(struct aksu_sim *sim, uint32_t link, uint32_t side, struct ak_packet *packet);

/* A packet that has come to a router; taken over. */
void ak_sim_forward_packet(struct aksu_sim *sim, struct ak_lane *lane, uint32_t router, struct ak_packet *packet);
/* The Internet checksum (RFC 1071) of bytes and of what sum holds already. */
uint16_t ak_sim_sum(const uint8_t *p, size_t bytes, uint32_t sum);

void ak_sim_watch(struct aksu_sim *sim, uint32_t node, const aksu_trace_event *event);
void ak_sim_forget_node(struct aksu_sim *sim, uint32_t node);

#endif /* SIM_SIM_INSIDE_H */
