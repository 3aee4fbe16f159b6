/* The network floor: addresses, routes, IPv4 input, ICMP.  It hands TCP segments up through a function that stack gives
 * it. */
#ifndef AK_NET_NET_H
#define AK_NET_NET_H

#include "core/core.h"
#include "net/reassembly.h"
#include "wire/checksum.h"
#include "wire/ip.h"

/* RFC 8981 s3.8: how long before it is deprecated a temporary address has its successor. */
enum { AK_REGEN_ADVANCE_US = 5000000 };

/* Who put it there. */
enum ak_origin {
    AK_ORIGIN_STATIC,
    AK_ORIGIN_LINK_LOCAL, /* made for an Ethernet link */
    AK_ORIGIN_ROUTER,     /* a router's advertisement */
    AK_ORIGIN_TEMPORARY,  /* the same, RFC 8981 */
    AK_ORIGIN_REDIRECT,
};

struct ak_addr_entry {
    aksu_addr addr;
    uint16_t link;
    uint8_t prefix_bits;
    uint8_t phase;                               /* aksu_addr_state */
    uint8_t origin;                              /* enum ak_origin */
    uint8_t probes_left;                         /* TENTATIVE */
    uint8_t announces_left;                      /* of an IPv4 address that has been taken into use */
    uint8_t collisions;                          /* RFC 7217 s5's DAD_Counter */
    uint64_t due_us;                             /* the next of these steps; AK_NEVER */
    uint64_t preferred_until_us, valid_until_us; /* AK_NEVER: for ever */
    uint64_t born_us;                            /* this and the next three: of a temporary address */
    uint64_t desync_us;                          /* RFC 8981 s3.8: so much less is it preferred than it might be */
    uint64_t prefix_preferred_us, prefix_until_us;
    bool succeeded;       /* there is a younger temporary address */
    uint64_t conflict_us; /* when somebody else was last answered back; 0: never */
};

struct ak_route_entry {
    aksu_route route;
    uint8_t origin; /* enum ak_origin */
    uint64_t valid_until_us;
};

struct ak_net {
    uint32_t addr_count, route_count;
    int64_t addr_at;     /* struct ak_addr_entry[config.addr_max], relative to this */
    int64_t route_at;    /* struct ak_route_entry[config.route_max], longest prefix first */
    int64_t ether_at;    /* struct ak_ether[config.link_max]: of Ethernet links */
    uint32_t generation; /* another one: who found a neighbour before looks again */
    struct {             /* the addresses of the last packet that were right: ip.c */
        aksu_addr src, dst;
        uint32_t generation;
        uint32_t link_after; /* the link's number and one; 0: none yet */
    } accepted;
    struct ak_wheel_node timer;
    struct ak_table neighbours;              /* by link and address */
    struct ak_list unanswered, idle, active; /* neighbours, by what may be forgotten first: neighbour.c */
    struct ak_lens age_lens;
    uint32_t unanswered_count;
    struct ak_reassemblies reassemblies;
};

static inline struct ak_net *ak_net_of(const struct ak_core *core) {
    return (struct ak_net *)(void *)((char *)(uintptr_t)core + core->net_at);
}
static inline struct ak_addr_entry *ak_addr_entries(const struct ak_net *net) {
    return (struct ak_addr_entry *)(void *)((char *)(uintptr_t)net + net->addr_at);
}
static inline struct ak_route_entry *ak_routes(const struct ak_net *net) {
    return (struct ak_route_entry *)(void *)((char *)(uintptr_t)net + net->route_at);
}

/* A packet that has been found sound and ours. */
struct ak_packet {
    const aksu_frame *frame;
    const uint8_t *head; /* the first head_bytes in one piece */
    uint32_t head_bytes;
    struct ak_ip ip;
};
#define AK_PACKET_HEAD_BYTES 128u

/* Set in an input frame's flags: its Ethernet destination was a group; it was put together from fragments. */
#define AK_FRAME_GROUP       0x80u
#define AK_FRAME_REASSEMBLED 0x40u

/* ---- route.c: the ops of core.h */
/* link: that of a link-local remote address; otherwise it does not matter. */
aksu_err ak_net_resolve(struct ak_core *core, const aksu_endpoint *remote, const aksu_addr *want_source,
                        struct ak_path *ret_path);
/* The neighbour on this link that packets to an address go to: itself, or a gateway.  False: no route. */
bool ak_net_next_hop(const struct ak_core *core, uint16_t link, const aksu_addr *remote, aksu_addr *ret_hop);
/* The largest packet to a peer's family on a link. */
uint32_t ak_net_mtu(const struct ak_core *core, uint16_t link, const aksu_addr *remote);

/* Routes that come and go by themselves.  Lets the worst of its origin go if there is no room; false: none. */
bool ak_route_learn(struct ak_core *core, const struct ak_route_entry *entry);
void ak_route_forget(struct ak_core *core, const aksu_route *route, enum ak_origin origin);
/* Those by a gateway that is none any more, as far as nobody put them there. */
void ak_routes_leave(struct ak_core *core, uint16_t link, const aksu_addr *gateway);
/* Those whose time is over go; when the next is due. */
uint64_t ak_routes_expire(struct ak_core *core);
/* All of a link that nobody put there. */
void ak_routes_unlearn(struct ak_core *core, uint16_t link);

/* ---- address.c */
struct ak_addr_entry *ak_addr_find(const struct ak_core *core, uint16_t link, const aksu_addr *addr);
aksu_err ak_addr_new(struct ak_core *core, const struct ak_addr_entry *entry, struct ak_addr_entry **ret_entry);
void ak_addr_drop(struct ak_core *core, struct ak_addr_entry *entry);
/* Whether it may be spoken from and to. */
static inline bool ak_addr_usable(const struct ak_addr_entry *entry) {
    return entry->phase == AKSU_ADDR_PREFERRED || entry->phase == AKSU_ADDR_DEPRECATED;
}
/* The best source on a link for a destination: RFC 1122 s3.3.4.3, RFC 6724 s5; NULL: there is none. */
const struct ak_addr_entry *ak_addr_source(const struct ak_core *core, uint16_t link, const aksu_addr *remote);
/* Somebody else has a tentative address. */
void ak_addr_duplicate(struct ak_core *core, struct ak_addr_entry *entry);
/* The link is up again: those in use are told of, those that others had are asked for anew. */
void ak_addrs_again(struct ak_core *core, uint16_t link);
/* What routers gave is deprecated until one says it again. */
void ak_addrs_doubt(struct ak_core *core, uint16_t link);
/* When its lifetimes ask for something. */
uint64_t ak_addr_lifetime_due_us(const struct ak_addr_entry *entry);
/* Steps and lifetimes that are due; when the next is. */
uint64_t ak_addrs_fire(struct ak_core *core);
/* Whether packets to a group are for us. */
bool ak_net_is_member(const struct ak_core *core, uint16_t link, const aksu_addr *group);
/* The network floor's timer is to fire no later. */
void ak_net_due(struct ak_core *core, uint64_t due_us);
void ak_net_fire(struct ak_core *core);

/* Whether a link has an address of IPv6. */
bool ak_net_has_six(const struct ak_core *core, uint16_t link);
bool ak_net_is_ours(const struct ak_core *core, const aksu_addr *addr);
/* Broadcast of a net of ours, limited broadcast or multicast. */
bool ak_net_is_broadcast(const struct ak_core *core, const aksu_addr *addr);

/* Whether the pieces of a frame add up. */
bool ak_net_frame_consistent(const aksu_frame *frame);

/* ---- ip.c: from a frame to a packet of ours, or why not */
/* The first bytes in one piece, and how many: where they lie if they do, else AK_PACKET_HEAD_BYTES in scratch. */
uint32_t ak_net_gather_head(const aksu_frame *frame, uint8_t *scratch, const uint8_t **ret_head);
aksu_drop ak_net_accept(const struct ak_core *core, const aksu_frame *frame, uint8_t *scratch,
                        struct ak_packet *ret_packet);
/* Whether a packet with these addresses, protocol and version is for us: IP_NOT_OURS, IP_BROADCAST, IP_MARTIAN_SOURCE,
 * TCP_LAND. */
aksu_drop ak_net_addresses(const struct ak_core *core, const aksu_frame *frame, const struct ak_ip *ip);
/* Bytes of a frame from skip on: copied, and summed. */
void ak_net_copy(const aksu_frame *frame, uint32_t skip, uint8_t *to, uint32_t bytes);
void ak_net_sum(const aksu_frame *frame, uint32_t skip, uint32_t bytes, struct ak_sum *sum);
/* The transport checksum of a packet, pseudo-header or not: whether it is right, or was found so before. */
bool ak_net_checksum_good(const struct ak_packet *packet, bool pseudo_header);

/* ---- icmp.c */
aksu_drop ak_net_icmp(struct ak_core *core, const struct ak_packet *packet);
/* Tells a packet's source what became of it, if it may be told: RFC 1122 s3.2.2, RFC 4443 s2.4. */
struct ak_icmp_error {
    uint8_t type, code;
    bool to_groups; /* also if the packet went to many */
    uint32_t word;  /* the second of the message: a pointer */
};
void ak_net_error(struct ak_core *core, const struct ak_packet *packet, const struct ak_icmp_error *error);
/* The same of what is wrong in its extension headers, RFC 4443 s3.4. */
void ak_net_problem(struct ak_core *core, const struct ak_packet *packet, const struct ak_problem *problem);
/* A frame of which ak_net_accept said IP_OPTIONS or IP_SOURCE_ROUTE: its source, if it is for us, is told of that. */
void ak_net_refuse(struct ak_core *core, const aksu_frame *frame);
/* Nobody speaks the protocol of a packet that is for us. */
void ak_net_protocol_unknown(struct ak_core *core, const struct ak_packet *packet);
/* Nobody has the port it went to. */
void ak_net_port_unreachable(struct ak_core *core, const struct ak_packet *packet);
/* Whether what follows an IP header without extensions is TCP. */
bool ak_net_is_tcp(const uint8_t *header);

/* ---- trace.c */
/* A datagram in fragments that ends, drop, without a frame. */
void ak_net_trace_end(struct ak_core *core, const struct ak_ip *ip, aksu_drop drop);
void ak_net_trace(struct ak_core *core, const aksu_frame *frame, aksu_direction direction, aksu_drop drop);

#endif
