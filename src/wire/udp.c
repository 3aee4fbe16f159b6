/* The UDP header, RFC 768. */
#include "udp.h"

#include "base/bytes.h"

aksu_drop ak_wire_udp_parse(const uint8_t *p, size_t head_bytes, size_t packet_bytes,
                            struct ak_udp_header *ret_header) {
    if (packet_bytes < AK_UDP_HEADER_BYTES || head_bytes < AK_UDP_HEADER_BYTES) return AKSU_DROP_UDP_TRUNCATED;
    struct ak_udp_header header = {
        .src_port = ak_be16(p),
        .dst_port = ak_be16(p + 2),
        .bytes = ak_be16(p + 4),
        .checksum = ak_be16(p + 6),
    };
    if (header.bytes < AK_UDP_HEADER_BYTES || header.bytes > packet_bytes) return AKSU_DROP_UDP_LENGTH;
    if (header.dst_port == 0) return AKSU_DROP_UDP_PORT_ZERO;
    *ret_header = header;
    return AKSU_DROP_NONE;
}

void ak_wire_udp_build(uint8_t *p, const struct ak_udp_header *header) {
    ak_put16(p, header->src_port);
    ak_put16(p + 2, header->dst_port);
    ak_put16(p + 4, header->bytes);
    ak_put16(p + 6, header->checksum);
}
