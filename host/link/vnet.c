/* virtio_net_hdr <-> aksu_frame (virtio 1.2, s5.1.6), as pure functions.
 *
 * TUN with IFF_VNET_HDR puts this header before each packet.  It says what is left to do (checksum, cutting into
 * segments), and what is trusted.  Fields are in the machine's byte order, TUN's default.
 *
 * The kernel's hdr_len is the length of what happens to lie in one piece, a hint at best, so header_bytes is
 * computed here from the transport header; csum_start leads to it, past any IP options or extension headers.  All
 * lengths are checked against the packet: a persistent device may be fed by someone else. */
#include "vnet.h"

#include <assert.h>
#include <stddef.h>

/* linux/virtio_net.h of Debian 12 has no name for it: UDP segmentation offload, virtio 1.2 s5.1.6. */
#define VNET_GSO_UDP_L4 5

#define TCP_HEADER_BYTES 20u
#define TCP_DATA_OFFSET  12u /* where in the TCP header its length is, RFC 9293 s3.1 */
#define UDP_HEADER_BYTES 8u

static_assert(sizeof(struct virtio_net_hdr) == 10, "virtio 1.2 s5.1.6, without num_buffers");

/* The headers that each packet of a super-segment repeats; 0: they do not fit. */
static uint32_t replicated_bytes(const struct virtio_net_hdr *header, const uint8_t *packet, uint32_t packet_bytes,
                                 uint8_t flags) {
    uint32_t start = header->csum_start;
    uint32_t transport_bytes = UDP_HEADER_BYTES;
    if (flags & AKSU_FRAME_TCP) {
        if (start + TCP_HEADER_BYTES > packet_bytes) return 0;
        transport_bytes = (uint32_t)(packet[start + TCP_DATA_OFFSET] >> 4) * 4u;
        if (transport_bytes < TCP_HEADER_BYTES) return 0;
    }
    /* A super-segment without payload is none. */
    if (start + transport_bytes >= packet_bytes) return 0;
    return start + transport_bytes;
}

/* AKSU_FRAME_V4 or _V6; 0: neither, or not to be told from so few bytes. */
static uint8_t version_flag(enum ak_vnet_link link, const uint8_t *packet, uint32_t packet_bytes) {
    enum { ETHERNET_BYTES = 14, TAG_BYTES = 4 };
    uint32_t at = 0;
    if (link == AK_VNET_ETHERNET) {
        at = ETHERNET_BYTES;
        if (packet_bytes > at && packet[at - 2] == 0x81 && packet[at - 1] == 0x00) at += TAG_BYTES;
    }
    if (packet_bytes <= at) return 0;
    uint8_t version = packet[at] >> 4;
    if (link == AK_VNET_ETHERNET && packet[at - 2] != 0x08 && packet[at - 2] != 0x86) return 0;
    return version == 4 ? AKSU_FRAME_V4 : version == 6 ? AKSU_FRAME_V6 : 0;
}

bool ak_vnet_to_frame(const struct virtio_net_hdr *header, enum ak_vnet_link link, const uint8_t *packet,
                      uint32_t packet_bytes, aksu_frame *ret_frame) {
    if (packet_bytes == 0) return false;
    aksu_frame frame = {
        .total_bytes = packet_bytes, .checksum = AKSU_CHECKSUM_NONE, .flags = version_flag(link, packet, packet_bytes)};

    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        if ((uint32_t)header->csum_start + header->csum_offset + 2u > packet_bytes) return false;
        frame.checksum = AKSU_CHECKSUM_PARTIAL;
        frame.checksum_start = header->csum_start;
        frame.checksum_offset = header->csum_offset;
    } else if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
        frame.checksum = AKSU_CHECKSUM_VALID;
    }

    uint8_t gso = header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
    if (gso != VIRTIO_NET_HDR_GSO_NONE) {
        if (gso == VIRTIO_NET_HDR_GSO_TCPV4 || gso == VIRTIO_NET_HDR_GSO_TCPV6) {
            frame.flags |= AKSU_FRAME_TCP;
        } else if (gso == VNET_GSO_UDP_L4) {
            frame.flags |= AKSU_FRAME_UDP;
        } else {
            return false; /* UFO, which was not asked for */
        }
        /* A super-segment's checksums are always left to the one who cuts it. */
        if (header->gso_size == 0 || frame.checksum != AKSU_CHECKSUM_PARTIAL) return false;
        uint32_t header_bytes = replicated_bytes(header, packet, packet_bytes, frame.flags);
        if (header_bytes == 0) return false;
        frame.segment_bytes = header->gso_size;
        frame.header_bytes = (uint16_t)header_bytes;
        if (header->gso_type & VIRTIO_NET_HDR_GSO_ECN) frame.flags |= AKSU_FRAME_ECN;
    }
    *ret_frame = frame;
    return true;
}

bool ak_vnet_from_frame(const aksu_frame *frame, struct virtio_net_hdr *ret_header) {
    struct virtio_net_hdr header = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
    if (frame->checksum == AKSU_CHECKSUM_PARTIAL) {
        if ((uint32_t)frame->checksum_start + frame->checksum_offset + 2u > frame->total_bytes) return false;
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.csum_start = frame->checksum_start;
        header.csum_offset = frame->checksum_offset;
    } else if (frame->checksum == AKSU_CHECKSUM_VALID) {
        header.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    }
    if (frame->segment_bytes != 0) {
        if (frame->header_bytes == 0 || frame->header_bytes >= frame->total_bytes) return false;
        /* Whoever cuts it writes the checksums, so it must know where they are. */
        if (frame->checksum != AKSU_CHECKSUM_PARTIAL) return false;
        if (frame->flags & AKSU_FRAME_TCP) {
            header.gso_type = frame->flags & AKSU_FRAME_V6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
        } else if (frame->flags & AKSU_FRAME_UDP) {
            header.gso_type = VNET_GSO_UDP_L4;
        } else {
            return false;
        }
        if (frame->flags & AKSU_FRAME_ECN) header.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
        header.gso_size = frame->segment_bytes;
        /* Also tells the kernel how much to put into one piece: the rest goes to pages, without a large
         * contiguous allocation. */
        header.hdr_len = frame->header_bytes;
    }
    *ret_header = header;
    return true;
}
