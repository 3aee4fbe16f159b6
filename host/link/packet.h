/* What the files of the packet socket driver share. */
#ifndef AKSU_HOST_LINK_PACKET_H
#define AKSU_HOST_LINK_PACKET_H

#include "ether.h"
#include "vnet.h"

#include <limits.h>
#include <linux/if_packet.h>
#include <net/if.h>

#define AK_PACKET_BYTES_MAX           65535u
#define AK_PACKET_BATCH_MAX           256u
#define AK_PACKET_SOCKET_BUFFER_BYTES (8 << 20)
#define AK_VNET_HEADER_BYTES          ((uint32_t)sizeof(struct virtio_net_hdr))
/* Room before a frame for the virtio header, and for a tag that is put back. */
#define AK_PACKET_SLOT_ROOM  64u
#define AK_PACKET_SLOT_BYTES (AK_PACKET_SLOT_ROOM + 65536u + 192u)

/* Slots of one size, each a tpacket2_hdr and a frame, in memory that is shared with the kernel. */
struct ak_packet_ring {
    uint8_t *mem; /* NULL: there is none */
    size_t bytes;
    uint32_t slot_bytes, slot_count;
    uint32_t next; /* the slot that the kernel fills, or takes, next; of a ring to read: that is read next */
    uint32_t lent; /* slots before it whose frames are the reader's */
};

struct packet {
    aksu_driver driver; /* first: the driver is a pointer to it */
    char name[IFNAMSIZ];
    aksu_ether_config ether;
    uint32_t mtu, link_flags, slot_count;
    aksu_arena slots; /* slot_count of AK_PACKET_SLOT_BYTES: what recvmsg writes to */
    struct ak_packet_ring in, out;
    int out_fd; /* of the ring out; -1: there is none */
    aksu_iov in_iov[AK_PACKET_BATCH_MAX];
    struct iovec out_iov[IOV_MAX];
};

/* What comes beside a frame, in a control message or a slot's header. */
struct ak_packet_beside {
    uint32_t status; /* TP_STATUS_ */
    uint16_t vlan_tci, vlan_tpid;
};

/* A frame as it came: in writable memory, with room for a tag before it. */
struct ak_packet_raw {
    struct virtio_net_hdr header;
    struct ak_packet_beside beside;
    uint8_t *frame;
    uint32_t bytes;
};

enum ak_packet_read {
    AK_PACKET_READ_FRAME,
    AK_PACKET_READ_DROPPED,
    AK_PACKET_READ_ERROR, /* of the socket, which the kernel tells once, before what is there to read */
    AK_PACKET_READ_NOTHING,
};

/* packet_call.c: one frame by a system call.  A read's bytes go to the slot, its description to in_iov[index]. */
enum ak_packet_read ak_packet_recv(struct packet *packet, uint32_t slot, uint32_t index, aksu_frame *ret_frame);
enum ak_packet_read ak_packet_describe(struct packet *packet, struct ak_packet_raw *raw, uint32_t index,
                                       aksu_frame *ret_frame);
/* ENETDOWN was read: the device may come up again, or is gone for good. */
void ak_packet_down(struct packet *packet);
bool ak_packet_send(struct packet *packet, const aksu_frame *frame); /* false: full, nothing was done */

/* packet_ring.c.  To be opened before the socket is bound.  False, with errno: the kernel refuses; _close is for the
 * caller. */
bool ak_packet_ring_open(struct packet *packet, unsigned device_index);
void ak_packet_ring_close(struct packet *packet);
size_t ak_packet_ring_read(struct packet *packet, aksu_frame *ret_frames, size_t cap);
void ak_packet_ring_read_done(struct packet *packet);

/* Sends frames from the first, as long as they fit in slots, and answers how many are done with.  0: the first does not
 * fit, or there is no slot now. */
size_t ak_packet_ring_write(struct packet *packet, const aksu_frame *frames, size_t count);

#endif
