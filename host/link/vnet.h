/* virtio_net_hdr <-> aksu_frame, as pure functions. */
#ifndef AKSU_HOST_LINK_VNET_H
#define AKSU_HOST_LINK_VNET_H

#include "aksu/aksu.h"

#include <linux/virtio_net.h>

/* Describes a packet that came with a header.  Fills all fields but token, link, time_us, iov and iov_count.  False:
 * the header does not fit the packet, which must be dropped; *ret_frame is then not written. */
enum ak_vnet_link { AK_VNET_IP, AK_VNET_ETHERNET }; /* what the packet begins with */
bool ak_vnet_to_frame(const struct virtio_net_hdr *header, enum ak_vnet_link link, const uint8_t *packet,
                      uint32_t packet_bytes, aksu_frame *ret_frame);

/* The header to send a frame with.  False: the frame's description contradicts itself. */
bool ak_vnet_from_frame(const aksu_frame *frame, struct virtio_net_hdr *ret_header);

#endif
