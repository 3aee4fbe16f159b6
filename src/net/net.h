/* The network floor: addresses, routes, IPv4 input, ICMP.  It hands TCP segments up through a function that stack gives
 * it. */
#ifndef AK_NET_NET_H
#define AK_NET_NET_H

#include "core/core.h"
#include "wire/ip.h"

struct ak_addr_entry {
    aksu_addr addr;
    uint16_t link;
    uint8_t prefix_bits;
};

struct ak_net {
    uint32_t addr_count, route_count;
    int64_t addr_at;  /* struct ak_addr_entry[config.addr_max], relative to this */
    int64_t route_at; /* aksu_route[config.route_max], longest prefix first */
};

static inline struct ak_net *ak_net_of(const struct ak_core *core) {
    return (struct ak_net *)(void *)((char *)(uintptr_t)core + core->net_at);
}
static inline struct ak_addr_entry *ak_addr_entries(const struct ak_net *net) {
    return (struct ak_addr_entry *)(void *)((char *)(uintptr_t)net + net->addr_at);
}
static inline aksu_route *ak_routes(const struct ak_net *net) {
    return (aksu_route *)(void *)((char *)(uintptr_t)net + net->route_at);
}

/* A packet that has been found sound and ours. */
struct ak_packet {
    const aksu_frame *frame;
    const uint8_t *head; /* the first head_bytes in one piece */
    uint32_t head_bytes;
    struct ak_ip ip;
};
#define AK_PACKET_HEAD_BYTES 128u

/* ---- route.c: the ops of core.h */
aksu_err ak_net_resolve(struct ak_core *core, const aksu_addr *remote, const aksu_addr *want_source,
                        struct ak_path *ret_path);
bool ak_net_is_ours(const struct ak_core *core, const aksu_addr *addr);
/* Broadcast of a net of ours, limited broadcast or multicast. */
bool ak_net_is_broadcast(const struct ak_core *core, const aksu_addr *addr);

/* ---- ip.c: from a frame to a packet of ours, or why not */
aksu_drop ak_net_accept(const struct ak_core *core, const aksu_frame *frame, uint8_t *scratch,
                        struct ak_packet *ret_packet);
/* The transport checksum of a packet, pseudo-header or not: whether it is right, or was found so before. */
bool ak_net_checksum_good(const struct ak_packet *packet, bool pseudo_header);

/* ---- icmp.c */
aksu_drop ak_net_icmp(struct ak_core *core, const struct ak_packet *packet);

/* ---- trace.c */
void ak_net_trace(struct ak_core *core, const aksu_frame *frame, aksu_direction direction, aksu_drop drop);

#endif
