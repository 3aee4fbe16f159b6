/* Ethernet links: their own state, the neighbours on them, and what they learn from routers.  Nothing here is touched
 * while no such link exists. */
#ifndef AK_NET_ETHER_H
#define AK_NET_ETHER_H

#include "net/net.h"
#include "wire/eth.h"
#include "wire/ndp.h"

struct ak_ether {
    aksu_mac mac;
    uint16_t vlan;
    uint8_t dad_probes, autoconf;
    uint8_t solicits_left; /* of routers */
    uint8_t reports_left;  /* of groups */
    uint64_t solicit_us;   /* when the next of them is due; AK_NEVER */
    uint64_t report_us;
    uint64_t older_until_us; /* RFC 3810 s8.2.1: until then a querier of MLDv1 is there; 0: there was none */
    uint64_t reachable_us;   /* RFC 4861 s6.3.2: how long a confirmation is good */
    uint64_t retransmit_us;  /* between solicitations */
    uint32_t mtu6;           /* by a router's advertisement */
};
static inline struct ak_ether *ak_ether_of(const struct ak_core *core, uint16_t link) {
    const struct ak_net *net = ak_net_of(core);
    return (struct ak_ether *)(void *)((char *)(uintptr_t)net + net->ether_at) + link;
}
static inline bool ak_is_ether(const struct ak_core *core, uint16_t link) {
    return link < core->link_count && ak_link_state_at(core, link)->ethernet;
}

/* RFC 4861 s10, and for an answer that never comes. */
enum {
    AK_REACHABLE_US = 30000000,
    AK_RETRANSMIT_US = 1000000,
    AK_DELAY_US = 5000000,
    AK_SOLICITS_MAX = 3, /* MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT */
    AK_ASK_AGAIN_MAX_US = 64000000,
};

/* ---- ethernet.c: frames */
struct ak_eth_in {
    struct ak_eth eth;
    aksu_frame frame; /* without its header */
    aksu_iov iov[AK_FRAME_BLOCK_MAX + 2];
    uint8_t scratch[AK_ETH_HEADER_MAX + AK_ARP_BYTES];
};
/* Takes the header off a frame that is for us. */
aksu_drop ak_eth_input(const struct ak_core *core, const aksu_frame *frame, struct ak_eth_in *ret_in);
/* Writes the header in front of a packet in a frame slot. */
void ak_eth_output(const struct ak_core *core, const aksu_mac *to, aksu_frame *frame);
/* A frame of our own making, as a reply of the ring; NULL: the ring is full. */
struct ak_reply *ak_eth_reply(struct ak_core *core, uint16_t link, const aksu_mac *to, uint32_t payload_bytes);

/* A link begins, goes up or down. */
void ak_ether_begin(struct ak_core *core, uint16_t link, const aksu_link_config *config);
void ak_ether_up(struct ak_core *core, uint16_t link);
void ak_ether_down(struct ak_core *core, uint16_t link);

/* ---- neighbour.c */
struct ak_neighbour {
    aksu_addr addr;
    uint16_t link;
    uint8_t nud;   /* aksu_neighbour_state; NONE: free */
    uint8_t asked; /* questions of this round; 0: no answer is waited for */
    aksu_mac mac;
    bool gateway; /* a route leads by it */
    bool failed;  /* it did not answer, and has not since */
    ak_ref hash_next;
    struct ak_wheel_node timer;
    struct ak_link age;    /* on one of struct ak_net's lists */
    struct ak_link parked; /* the ring of connections that wait for it */
    uint32_t held_first, held_count;
    uint64_t confirmed_us; /* REACHABLE: the last sign of it */
    uint64_t wait_us;      /* UNREACHABLE: until it is asked again */
};
struct ak_held {
    uint32_t next;
    uint32_t owner; /* the neighbour that it waits for */
    struct ak_reply reply;
};

static inline struct ak_neighbour *ak_neighbour_at(const struct ak_core *core, uint32_t index) {
    return ak_object(core, AK_KIND_NEIGHBOUR, index);
}
uint32_t ak_neighbour_index(const struct ak_core *core, const struct ak_neighbour *n);
/* NULL: unknown. */
struct ak_neighbour *ak_neighbour_find(const struct ak_core *core, uint16_t link, const aksu_addr *addr);
/* The same, or one that is asked for from now on; NULL: no room. */
struct ak_neighbour *ak_neighbour_need(struct ak_core *core, uint16_t link, const aksu_addr *addr);
/* It is spoken to. */
enum ak_hop { AK_HOP_READY, AK_HOP_WAITS, AK_HOP_LOST };
enum ak_hop ak_neighbour_use(struct ak_core *core, struct ak_neighbour *n);
/* Its state now: what was REACHABLE once ends without a timer. */
aksu_neighbour_state ak_neighbour_state(const struct ak_core *core, const struct ak_neighbour *n);
/* It has spoken of itself, unasked: RFC 4861 s7.2.3, RFC 826.  Made if there is none and make. */
enum ak_make { AK_MAKE_NONE, AK_MAKE_NEW };
void ak_neighbour_heard(struct ak_core *core, uint16_t link, const aksu_addr *addr, const aksu_mac *mac,
                        enum ak_make make);
/* An advertisement: RFC 4861 s7.2.5. */
struct ak_advertisement {
    const aksu_mac *mac; /* NULL: not told */
    bool solicited, overrides;
};
void ak_neighbour_advertised(struct ak_core *core, struct ak_neighbour *n, const struct ak_advertisement *said);
/* A transport has seen progress, or misses it: the ops of core.h. */
void ak_net_progress(struct ak_core *core, const struct ak_hop_note *note, uint64_t at_us);
void ak_net_doubt(struct ak_core *core, uint16_t link, const aksu_addr *remote);
/* The generation of notes that are good now; never 0. */
static inline uint32_t ak_hop_generation(const struct ak_core *core) {
    return ak_net_of(core)->generation | 0x80000000u;
}
/* How good a gateway it is: 2 answers, 1 not known, 0 does not answer. */
unsigned ak_neighbour_rank(const struct ak_core *core, uint16_t link, const aksu_addr *addr);
/* Holds a packet until it answers; the reply is copied. */
void ak_neighbour_hold(struct ak_core *core, struct ak_neighbour *n, const struct ak_reply *reply);
void ak_neighbour_fire(struct ak_core *core, ak_ref ref);
void ak_neighbours_forget(struct ak_core *core, uint16_t link);
/* Nobody there speaks for itself any more: a link-layer address that a packet to `remote` on an Ethernet link goes to.
 */
struct ak_hop_to {
    enum ak_hop hop;
    uint32_t neighbour; /* its index; AK_NONE: a group */
    aksu_mac mac;
};
void ak_neighbour_hop(struct ak_core *core, uint16_t link, const aksu_addr *remote, struct ak_hop_to *ret_to);

/* ---- arp.c */
void ak_arp_input(struct ak_core *core, struct ak_eth_in *in);
/* Asks; to: one who is believed to have it, or everybody. */
void ak_arp_ask(struct ak_core *core, uint16_t link, const aksu_addr *target, const aksu_mac *to);
void ak_arp_probe(struct ak_core *core, const struct ak_addr_entry *entry);
void ak_arp_announce(struct ak_core *core, const struct ak_addr_entry *entry);

/* ---- ndp.c */
aksu_drop ak_ndp_input(struct ak_core *core, const struct ak_packet *packet);
enum ak_ndp_ask { AK_NDP_ALL, AK_NDP_ONE };
void ak_ndp_ask(struct ak_core *core, uint16_t link, const aksu_addr *target, enum ak_ndp_ask whom);
void ak_ndp_probe(struct ak_core *core, const struct ak_addr_entry *entry);
void ak_ndp_announce(struct ak_core *core, const struct ak_addr_entry *entry);
void ak_ndp_ask_routers(struct ak_core *core, uint16_t link);
void ak_mld_report(struct ak_core *core, uint16_t link, enum ak_mld_record record, const aksu_addr *group);

/* ---- autoconf.c */
void ak_autoconf_begin(struct ak_core *core, uint16_t link);
void ak_autoconf_router(struct ak_core *core, uint16_t link, const aksu_addr *from, const struct ak_ndp *ra);
/* Another address in the place of one that is taken, or of a temporary one that grows old. */
void ak_autoconf_again(struct ak_core *core, const struct ak_addr_entry *entry);
uint64_t ak_autoconf_fire(struct ak_core *core);
/* A querier of MLDv1 has spoken: what was to be told is forgotten, and until he is silent for long told in his words.
 */
void ak_autoconf_older_querier(struct ak_core *core, uint16_t link);
/* Groups of the link are to be told of, now and once more (RFC 3810 s6.1). */
void ak_autoconf_report(struct ak_core *core, uint16_t link, uint64_t within_us);

#endif
