/* From a captured frame to a TCP segment: link headers, IPv4, IPv6 and its extension headers, TCP and its options.
 *
 * Link types: Ethernet (with VLAN tags), raw IP, BSD null and loopback, Linux cooked v1 and v2. */
#ifndef VIEW_PACKET_H
#define VIEW_PACKET_H

#include "aksu/trace.h"
#include "view/capture.h"

typedef enum ak_packet_kind {
    AK_PACKET_SEGMENT,
    AK_PACKET_OTHER,     /* not TCP, or not IP at all */
    AK_PACKET_FRAGMENT,  /* of a TCP segment: not followed */
    AK_PACKET_SHORT,     /* TCP, but the capture or the packet ends before its header does, or its lengths are wrong */
    AK_PACKET_LINK_TYPE, /* not one of the link types above */
} ak_packet_kind;

typedef struct ak_packet {
    aksu_addr from, to;
    uint16_t from_port, to_port;
    uint32_t seq, ack;
    uint32_t payload_bytes; /* as the IP header says, captured or not */
    uint16_t wnd, up, ip_id;
    uint16_t checksum;
    uint16_t flags;
    uint8_t data_offset;
    aksu_tcp_options options; /* those that were captured */
    ak_sighting sighting;     /* the capture's, or the cooked header's */
    uint32_t interface_id;    /* the same */
} ak_packet;

ak_packet_kind ak_packet_read(const ak_capture_packet *captured, ak_packet *ret_packet);

/* "Ethernet"; NULL for one that is not read. */
const char *ak_packet_link_name(uint32_t link_type);

#endif /* VIEW_PACKET_H */
