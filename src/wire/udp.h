/* The UDP header, RFC 768: bytes to struct and back, stateless. */
#ifndef AK_WIRE_UDP_H
#define AK_WIRE_UDP_H

#include "aksu/aksu.h"

#define AK_IP_PROTOCOL_UDP  17
#define AK_UDP_HEADER_BYTES 8u

struct ak_udp_header {
    uint16_t src_port, dst_port;
    uint16_t bytes; /* header and data */
    uint16_t checksum;
};

/* The header at p, of which head_bytes lie there, in front of a payload of packet_bytes with it.  UDP_TRUNCATED,
 * UDP_LENGTH (below 8, or past the packet), UDP_PORT_ZERO (the destination's).  The checksum is the caller's to check.
 */
aksu_drop ak_wire_udp_parse(const uint8_t *p, size_t head_bytes, size_t packet_bytes, struct ak_udp_header *ret_header);

/* Writes 8 bytes. */
void ak_wire_udp_build(uint8_t *p, const struct ak_udp_header *header);

#endif
