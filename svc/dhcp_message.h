/* DHCPv4 messages: RFC 2131 s2, RFC 2132, RFC 3396 not (options that come in pieces are taken by their first).
 *
 * Options are walked with every length checked, in the options field and, where option 52 says so, in file and sname.
 * A reply whose times make no sense is put right (T1 <= T2 <= lease), one without what a lease needs is none. */
#ifndef SVC_DHCP_MESSAGE_H
#define SVC_DHCP_MESSAGE_H

#include "aksu/dhcp.h"

enum {
    DHCP_SERVER_PORT = 67,
    DHCP_CLIENT_PORT = 68,
    DHCP_FIXED_BYTES = 240,   /* header and cookie */
    DHCP_MESSAGE_BYTES = 576, /* what we send at most, and the least that servers must take: RFC 2131 s2 */
};

typedef enum dhcp_type {
    DHCP_DISCOVER = 1,
    DHCP_OFFER = 2,
    DHCP_REQUEST = 3,
    DHCP_DECLINE = 4,
    DHCP_ACK = 5,
    DHCP_NAK = 6,
    DHCP_RELEASE = 7,
} dhcp_type;

/* What goes out.  Unspecified addresses are left out of the options. */
struct dhcp_request {
    dhcp_type type;
    uint32_t xid;
    uint16_t seconds; /* since it began */
    uint8_t mac[6];
    bool broadcast;      /* we cannot be reached at our address yet: RFC 2131 s4.1 */
    aksu_addr client;    /* ciaddr: an address that is ours and answers */
    aksu_addr requested; /* option 50 */
    aksu_addr server;    /* option 54 */
    const char *host_name;
};

/* p holds DHCP_MESSAGE_BYTES.  Answers the bytes of the message, at least 300 (RFC 1542 s2.1). */
size_t dhcp_request_build(uint8_t *p, const struct dhcp_request *request);

/* What came: OFFER, ACK or NAK for this transaction and this hardware address; false: anything else, or one that cannot
 * be read, or an OFFER or ACK without an address, a server or a time. */
bool dhcp_reply_parse(const uint8_t *p, size_t bytes, uint32_t xid, const uint8_t mac[6], dhcp_type *ret_type,
                      aksu_dhcp_lease *ret_lease);

#endif /* SVC_DHCP_MESSAGE_H */
