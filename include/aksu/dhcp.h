/* A DHCPv4 client for an aksu stack: an address, its network, routers and name servers (RFC 2131, RFC 2132).
 *
 * It asks on one Ethernet link, puts what it gets into the stack (aksu_addr_add, aksu_route_add, aksu_link_mtu), renews
 * it, and takes it out again when it is lost.  Like the core it does no I/O and allocates nothing.
 *
 *     aksu_dhcp_start(dhcp, now_us);
 *     for each event of the stack:  if (!aksu_dhcp_event(dhcp, now_us, &event)) ...it is somebody else's
 *     at aksu_dhcp_deadline_us:     aksu_dhcp_advance(dhcp, now_us);
 *     while (aksu_dhcp_next(dhcp, &change)) ...
 *
 * Limits: one link for each client; options that it did not ask for are passed over; no option 82, no relay, no INFORM.
 * A lease is not kept over restarts: give the old address in the config, and it is asked for first (INIT-REBOOT). */
#ifndef AKSU_DHCP_H
#define AKSU_DHCP_H

#include "aksu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AKSU_DHCP_SERVERS      3  /* of each kind that are kept of a lease */
#define AKSU_DHCP_NAME_BYTES   64 /* of a host, with the NUL */
#define AKSU_DHCP_DOMAIN_BYTES 256
#define AKSU_DHCP_BYTES        2048

typedef struct aksu_dhcp aksu_dhcp; /* opaque, in AKSU_DHCP_BYTES of the caller's memory, aligned to 8 */

typedef struct aksu_dhcp_config {
    uint32_t struct_bytes; /* sizeof(aksu_dhcp_config) */
    uint16_t link;
    uint8_t mac[6];        /* the link's hardware address */
    uint16_t mtu;          /* and its MTU: that of a lease is taken if it is smaller; 0: it is not taken at all */
    const char *host_name; /* told to the server; NULL: none.  Copied; at most AKSU_DHCP_NAME_BYTES - 1 characters */
    aksu_addr known_addr;  /* of an earlier lease: asked for first; unspecified: none */
    uint8_t entropy[32];   /* unpredictable: transaction ids and the spread of retransmissions come from it */
} aksu_dhcp_config;

/* What a server gave.  Addresses that were not given are unspecified. */
typedef struct aksu_dhcp_lease {
    aksu_addr addr, server;
    uint8_t prefix_bits;
    uint8_t router_count, dns_count;
    aksu_addr router[AKSU_DHCP_SERVERS], dns[AKSU_DHCP_SERVERS];
    uint16_t mtu;                        /* 0: not given */
    uint32_t lease_s, renew_s, rebind_s; /* from when it was asked for; UINT32_MAX: for ever */
    char domain[AKSU_DHCP_DOMAIN_BYTES]; /* "" if none; letters, digits, '-', '_' and '.' alone */
} aksu_dhcp_lease;

typedef enum aksu_dhcp_what {
    AKSU_DHCP_BOUND,   /* there is a lease, and the stack has its address */
    AKSU_DHCP_RENEWED, /* the same lease, for longer; what else it says may have changed */
    AKSU_DHCP_LOST,    /* it ran out or was taken back; the stack no longer has the address.  A new one is asked for */
} aksu_dhcp_what;

typedef struct aksu_dhcp_change {
    aksu_dhcp_what what;
    aksu_dhcp_lease lease; /* the new one; of LOST, the old one */
} aksu_dhcp_change;

typedef enum aksu_dhcp_state {
    AKSU_DHCP_STOPPED,
    AKSU_DHCP_INIT_REBOOT,
    AKSU_DHCP_SELECTING,
    AKSU_DHCP_REQUESTING,
    AKSU_DHCP_HOLDING, /* BOUND of RFC 2131 */
    AKSU_DHCP_RENEWING,
    AKSU_DHCP_REBINDING,
} aksu_dhcp_state;
const char *aksu_dhcp_state_name(aksu_dhcp_state state);

/* INVALID: config, or mem is not aligned.  The client must not outlive the stack. */
aksu_err aksu_dhcp_init(const aksu_dhcp_config *config, aksu_stack *stack, void *mem, size_t mem_bytes,
                        aksu_dhcp **ret_dhcp);

/* Begins to ask.  Errors of aksu_udp_open: ADDR_IN_USE, NO_MEMORY.  INVALID: it has begun. */
aksu_err aksu_dhcp_start(aksu_dhcp *dhcp, uint64_t now_us);

/* Gives the lease back: a RELEASE, which leaves at the next aksu_output, by the address that it is about.  Nothing is
 * asked any more; aksu_dhcp_stop follows. */
void aksu_dhcp_release(aksu_dhcp *dhcp);

/* Takes the lease's address out of the stack and closes the socket.  Without a release before, the server keeps it for
 * us: it is asked for first by the next start. */
void aksu_dhcp_stop(aksu_dhcp *dhcp);

/* An event of the stack.  True: its socket is the client's. */
bool aksu_dhcp_event(aksu_dhcp *dhcp, uint64_t now_us, const aksu_event *event);

/* Time passes.  Deadline: when to call; UINT64_MAX: nothing is awaited. */
void aksu_dhcp_advance(aksu_dhcp *dhcp, uint64_t now_us);
uint64_t aksu_dhcp_deadline_us(const aksu_dhcp *dhcp);

/* What has changed since.  One change is kept: a newer one replaces it. */
bool aksu_dhcp_next(aksu_dhcp *dhcp, aksu_dhcp_change *ret_change);

/* The address turned out to be somebody else's (RFC 5227): DECLINE, and ask for another after 10 s (RFC 2131 s3.1). */
void aksu_dhcp_conflict(aksu_dhcp *dhcp, uint64_t now_us);

aksu_dhcp_state aksu_dhcp_status(const aksu_dhcp *dhcp, aksu_dhcp_lease *ret_lease); /* lease: of HOLDING and later */

#ifdef __cplusplus
}
#endif

#endif /* AKSU_DHCP_H */
