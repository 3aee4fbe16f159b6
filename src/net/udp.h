/* UDP: sockets, their queues of datagrams, and what is sent. */
#ifndef AK_NET_UDP_H
#define AK_NET_UDP_H

#include "net/net.h"
#include "wire/icmp.h"

/* A datagram that waits to be read.  Its bytes lie in one block, or in several that the first one lists. */
struct ak_datagram {
    uint32_t next; /* in its queue */
    uint32_t block;
    uint32_t bytes, held_bytes; /* held: memory, blocks whole */
    bool listed;
    uint16_t link;
    aksu_udp_from from;
};

struct ak_udp {
    struct ak_sock sock; /* first */
    ak_ref hash_next;
    struct ak_tuple tuple; /* unspecified: any address, nobody's port */
    uint16_t link;         /* AKSU_LINK_ANY */
    uint8_t ttl, dscp, flags, soft_error;
    uint32_t first, last; /* of its queue */
    uint32_t held_bytes, held_max;
    uint16_t sequence;    /* of the last echo request */
    aksu_udp_error error; /* reason NONE: none to tell */
};

static inline struct ak_udp *ak_udp_at(const struct ak_core *core, ak_ref ref) {
    return ak_object(core, AK_KIND_UDP, ak_ref_index(ref));
}
uint32_t ak_udp_hash(const void *owner, ak_ref ref);

/* A packet of protocol UDP, ours or broadcast. */
aksu_drop ak_udp_input(struct ak_core *core, const struct ak_packet *packet);
aksu_drop ak_udp_echo_reply(struct ak_core *core, const struct ak_packet *packet, const struct ak_icmp *icmp);
/* An ICMP error that quotes a datagram of ours; whether a socket could have sent it. */
bool ak_udp_icmp_error(struct ak_core *core, const struct ak_icmp_report *report);
uint32_t ak_udp_levels(const struct ak_udp *u);

/* ---- udp_queue.c */
static inline struct ak_datagram *ak_datagram_at(const struct ak_core *core, uint32_t index) {
    return ak_object(core, AK_KIND_DATAGRAM, index);
}
/* The piece of a datagram's memory that holds its byte at, and how much lies there. */
uint8_t *ak_datagram_piece(const struct ak_core *core, const struct ak_datagram *d, uint32_t at, uint32_t *ret_room);
/* Puts bytes of a packet into the queue, from skip on.  False: no room. */
bool ak_udp_queue(struct ak_core *core, struct ak_udp *u, const struct ak_packet *packet, uint32_t skip, uint32_t bytes,
                  const aksu_udp_from *from);
/* The first datagram of the queue goes; up to cap bytes of it into buf. */
void ak_udp_dequeue(struct ak_core *core, struct ak_udp *u, void *buf, size_t cap, size_t *ret_bytes,
                    aksu_udp_from *ret_from);

/* ---- udp_mtu.c: what an ICMP error says, and what a datagram may be long */
void ak_udp_mtu_told(struct ak_core *core, const aksu_addr *to, uint32_t mtu);
uint32_t ak_udp_path_mtu(struct ak_core *core, const aksu_addr *to, uint32_t link_mtu);

/* ---- udp_output.c */
struct ak_udp_message {
    aksu_addr src, dst;
    uint16_t src_port, dst_port, link; /* echo: identifier, sequence number */
    uint8_t protocol, ttl, tos;
    uint8_t icmp_type; /* of a message whose protocol is not UDP */
    uint32_t mtu;
    const aksu_frame *frame; /* where its data lies: bytes, from skip on */
    uint32_t skip, bytes;
    uint32_t
        segment_bytes; /* a super-segment of datagrams of this size: it fits into one packet's 65,535 bytes; or 0 */
};
/* RFC 6437 s3: of a flow over IPv6, keyed, so that nobody can tell it or learn from it. */
uint32_t ak_udp_flow_label(const struct ak_core *core, const struct ak_tuple *flow, uint8_t protocol);
/* Queues it as one packet, or as fragments: RFC 791 s2.3, RFC 8200 s4.5.  AGAIN: no room for all of it
 * now; NO_MEMORY: nor ever. */
aksu_err ak_udp_output(struct ak_core *core, const struct ak_udp_message *message);

#endif
