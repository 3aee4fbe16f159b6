/* UDP (RFC 768, RFC 8085): a part of aksu.h, which includes it. */
#ifndef AKSU_UDP_H
#define AKSU_UDP_H

#include "aksu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A socket may have one peer: then nobody else's datagrams come in, and ICMP errors of what it
 * sent are told.  Events: READABLE, SOFT_ERROR. */
enum {
    AKSU_UDP_BROADCAST = 1u << 0, /* may send to broadcast addresses, and receives what was sent to them */
    AKSU_UDP_ONE_LINK = 1u << 1,  /* nothing comes in but from local.link, where broadcasts go; its ports are its own */
    AKSU_UDP_ECHO = 1u << 2,      /* not UDP but ICMP echo to one peer: each send asks, each answer is received */
};
typedef struct aksu_udp_open {
    uint32_t struct_bytes;  /* sizeof(aksu_udp_open) */
    aksu_endpoint local;    /* unspecified address: any of ours; port 0: chosen (RFC 6056) */
    aksu_endpoint remote;   /* unspecified: anybody */
    uint64_t user;          /* the application's word */
    uint32_t flags;         /* AKSU_UDP_ */
    uint32_t rcv_buf_bytes; /* memory for datagrams not yet read; 0: 256 KiB */
    uint8_t ttl, dscp;      /* TTL or hop limit, 0: 64; Diffserv code point, 0 to 63 */
} aksu_udp_open;

/* INVALID: a field out of range; a remote address without port, or broadcast without the flag.  ADDR_NOT_AVAILABLE,
 * NO_ROUTE: as aksu_tcp_connect.  ADDR_IN_USE: the port, or all ephemeral ones.  NO_MEMORY: config.udp_max. */
aksu_err aksu_udp_bind(aksu_stack *stack, const aksu_udp_open *open, aksu_sock *ret_sock);

/* With AKSU_UDP_ECHO (RFC 792, RFC 4443 s4): remote is an address without port, not a group; local.port is the
 * identifier.  Each send is one request, numbered from 1 on and from 65535 to 0; what is received is an answer, its
 * number in remote.port of where it came from. */

/* Sends one datagram, copied, to the remote end or, where there is none, to `to`; in fragments if the path needs that.
 * A group, and what is link-local, is on to->link; AKSU_LINK_ANY: on the socket's, or where routes lead.
 * AGAIN: the next aksu_output makes room.  INVALID: more than 65,507 bytes (65,527 over IPv6), no port or address, or
 * broadcast without the flag.  NO_MEMORY: more fragments than config.reply_max or the blocks hold, now and later.
 * NOT_CONNECTED, EXISTS: `to` lacks, or is one end too many.  NO_ROUTE, ADDR_NOT_AVAILABLE.  BADSOCK. */
aksu_err aksu_udp_send(aksu_stack *stack, aksu_sock sock, const aksu_endpoint *to, const void *data, size_t bytes);

/* The same for bytes / segment_bytes datagrams of segment_bytes each, the last of which may be shorter; they leave as
 * super-segments where the link takes them and none needs fragments.  *ret_bytes: how many went, all or a multiple of
 * segment_bytes; AGAIN if none.  INVALID: segment_bytes of 0, or on an echo socket, too. */
aksu_err aksu_udp_send_many(aksu_stack *stack, aksu_sock sock, const aksu_endpoint *to, const void *data, size_t bytes,
                            size_t segment_bytes, size_t *ret_bytes);

typedef struct aksu_udp_from { /* where a datagram came from, and to which of our addresses */
    aksu_endpoint remote;
    aksu_addr local;
    uint8_t ttl, tos;
} aksu_udp_from;
/* Takes the first datagram: up to cap bytes of it, the rest is lost; *ret_bytes tells its whole length.  ret_from may
 * be NULL.  AGAIN: none.  BADSOCK. */
aksu_err aksu_udp_recv(aksu_stack *stack, aksu_sock sock, void *buf, size_t cap, size_t *ret_bytes,
                       aksu_udp_from *ret_from);

/* The last ICMP error about what a socket with one peer sent. */
typedef struct aksu_udp_error {
    aksu_reason reason;
    aksu_addr from;     /* who says so: a router, or the peer */
    uint8_t type, code; /* of the ICMP or ICMPv6 message */
    uint16_t sequence;  /* of the echo request; 0 for UDP */
    uint32_t mtu;       /* with PACKET_TOO_BIG, as it was told */
} aksu_udp_error;
/* Takes it.  AGAIN: none since the last call.  BADSOCK. */
aksu_err aksu_udp_error_take(aksu_stack *stack, aksu_sock sock, aksu_udp_error *ret_error);

/* local: with the port that was chosen.  BADSOCK. */
aksu_err aksu_udp_ends(const aksu_stack *stack, aksu_sock sock, aksu_endpoint *ret_local, aksu_endpoint *ret_remote);
aksu_err aksu_udp_close(aksu_stack *stack, aksu_sock sock); /* what it sent still goes.  BADSOCK */

#ifdef __cplusplus
}
#endif

#endif /* AKSU_UDP_H */
