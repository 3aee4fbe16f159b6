/* The mapped rings of a packet socket, for frames of the wire's size: many of them with one system call or none.
 *
 * Reading: the kernel puts each frame into the next slot and wakes us; the core reads it there.  TPACKET_V2, because
 * TPACKET_V3 hands over a block of frames when it is full or a timer of whole milliseconds ends, and an exchange of
 * single packets would wait for that timer.  A slot holds a frame of the MTU.  A super-segment leaves its beginning in
 * a slot and, by PACKET_COPY_THRESH, itself in the socket's own queue (TP_STATUS_COPY): the slot says when it is its
 * turn, and recvmsg gets it.  So the ring needs 8 MiB and not 64 KiB for each slot, and what is copied by one system
 * call is not copied twice.
 *
 * Writing: a second socket has the ring, because a socket with one sends nothing by sendmsg, and super-segments go that
 * way: from a slot they would be copied twice on a device of software.  The frames of a batch that fit are put into
 * slots and one call sends them.  Nothing stays in the ring when the call is over: a slot that the kernel did not take
 * is taken back, so what cannot be sent now is the caller's again, and frames that follow by sendmsg overtake nothing.
 * The virtio header's hdr_len is the whole frame, so that the kernel copies it and holds no page of the ring; the slot
 * is SENDING until the device has sent it.
 *
 * A slot belongs to whom its status says; acquire and release order its bytes with it. */
#include "packet.h"

#include <assert.h>
#include <errno.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_BYTES       (8u << 20)
#define OUT_BYTES      (1u << 19)
#define BLOCK_BYTES    (1u << 18) /* what the kernel allocates in one piece: a multiple of all sizes of slots */
#define SLOT_BYTES_MIN 2048u
/* Before the IP header, so that it begins a cache line; the kernel itself takes IN_TAKEN of it for its header, an
 * address and the Ethernet header. */
#define IN_ROOM   128u
#define IN_TAKEN  80u
#define OUT_START 32u /* where the virtio header is in a slot that is sent */

static_assert(sizeof(struct tpacket2_hdr) == OUT_START, "TPACKET_ALIGN of it");
static_assert((sizeof(struct tpacket2_hdr) + sizeof(struct sockaddr_ll) + 16 + 15) / 16 * 16 == IN_TAKEN,
              "as af_packet.c reckons");

static struct tpacket2_hdr *slot_at(const struct ak_packet_ring *ring, uint32_t index) {
    return (struct tpacket2_hdr *)(void *)(ring->mem + (size_t)(index % ring->slot_count) * ring->slot_bytes);
}

static uint32_t status_of(const struct tpacket2_hdr *slot) {
    return __atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE);
}

static void set_status(struct tpacket2_hdr *slot, uint32_t status) {
    __atomic_store_n(&slot->tp_status, status, __ATOMIC_RELEASE);
}

/* ---------------------------------------------------------------- opening */

static bool set_number(int fd, int option, int value) {
    return setsockopt(fd, SOL_PACKET, option, &value, sizeof value) == 0;
}

/* Slots are a power of two, so that they follow each other without gaps through the blocks. */
static bool map(int fd, int option, struct ak_packet_ring *ring) {
    struct tpacket_req request = {
        .tp_block_size = BLOCK_BYTES,
        .tp_block_nr = (uint32_t)(ring->bytes / BLOCK_BYTES),
        .tp_frame_size = ring->slot_bytes,
        .tp_frame_nr = (uint32_t)(ring->bytes / ring->slot_bytes),
    };
    if (setsockopt(fd, SOL_PACKET, option, &request, sizeof request) < 0) return false;
    void *mem = mmap(NULL, ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mem == MAP_FAILED) {
        int code = errno;
        struct tpacket_req none = {0};
        (void)setsockopt(fd, SOL_PACKET, option, &none, sizeof none);
        errno = code;
        return false;
    }
    ring->mem = mem;
    ring->slot_count = request.tp_frame_nr;
    return true;
}

static bool open_in(struct packet *packet) {
    int fd = packet->driver.fd;
    packet->in = (struct ak_packet_ring){.bytes = IN_BYTES, .slot_bytes = SLOT_BYTES_MIN};
    while (packet->in.slot_bytes < IN_ROOM + packet->mtu) packet->in.slot_bytes *= 2;
    return set_number(fd, PACKET_VERSION, TPACKET_V2) && set_number(fd, PACKET_COPY_THRESH, 1) &&
           set_number(fd, PACKET_RESERVE, (int)(IN_ROOM - IN_TAKEN - AK_VNET_HEADER_BYTES)) &&
           map(fd, PACKET_RX_RING, &packet->in);
}

/* Protocol 0: nothing comes in there. */
static bool open_out(struct packet *packet, unsigned device_index) {
    struct sockaddr_ll device = {.sll_family = AF_PACKET, .sll_ifindex = (int)device_index};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    packet->out_fd = fd;
    packet->out = (struct ak_packet_ring){.bytes = OUT_BYTES, .slot_bytes = SLOT_BYTES_MIN};
    int bytes = AK_PACKET_SOCKET_BUFFER_BYTES;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return fd >= 0 && set_number(fd, PACKET_VNET_HDR, 1) && set_number(fd, PACKET_VERSION, TPACKET_V2) &&
           map(fd, PACKET_TX_RING, &packet->out) && bind(fd, (struct sockaddr *)&device, sizeof device) == 0;
}

bool ak_packet_ring_open(struct packet *packet, unsigned device_index) {
    return open_out(packet, device_index) && open_in(packet);
}

void ak_packet_ring_close(struct packet *packet) {
    if (packet->in.mem != NULL) (void)munmap(packet->in.mem, packet->in.bytes);
    if (packet->out.mem != NULL) (void)munmap(packet->out.mem, packet->out.bytes);
    if (packet->out_fd >= 0) (void)close(packet->out_fd);
    packet->in.mem = packet->out.mem = NULL;
    packet->out_fd = -1;
}

/* ---------------------------------------------------------------- reading */

void ak_packet_ring_read_done(struct packet *packet) {
    struct ak_packet_ring *ring = &packet->in;
    for (; ring->lent > 0; ring->lent--)
        set_status(slot_at(ring, ring->next + ring->slot_count - ring->lent), TP_STATUS_KERNEL);
}

static enum ak_packet_read read_slot(struct packet *packet, const struct tpacket2_hdr *slot, uint32_t index,
                                     aksu_frame *ret_frame) {
    struct ak_packet_raw raw = {
        .frame = (uint8_t *)(uintptr_t)slot + slot->tp_mac,
        .bytes = slot->tp_snaplen,
        .beside = {.status = slot->tp_status, .vlan_tci = slot->tp_vlan_tci, .vlan_tpid = slot->tp_vlan_tpid},
    };
    /* Cut: it is larger than the slot, and the socket's queue was full as well. */
    if (slot->tp_snaplen < slot->tp_len || raw.bytes < ETH_HLEN) {
        packet->driver.counters.read_drops++;
        return AK_PACKET_READ_DROPPED;
    }
    memcpy(&raw.header, raw.frame - AK_VNET_HEADER_BYTES, AK_VNET_HEADER_BYTES);
    return ak_packet_describe(packet, &raw, index, ret_frame);
}

/* The device went down or away, which the kernel says once. */
static void take_error(struct packet *packet) {
    int code = 0;
    socklen_t bytes = sizeof code;
    packet->driver.counters.reads++;
    if (getsockopt(packet->driver.fd, SOL_SOCKET, SO_ERROR, &code, &bytes) < 0) code = errno;
    if (code == ENETDOWN)
        ak_packet_down(packet);
    else if (code != 0)
        packet->driver.error = code;
}

size_t ak_packet_ring_read(struct packet *packet, aksu_frame *ret_frames, size_t cap) {
    struct ak_packet_ring *ring = &packet->in;
    uint32_t most = cap < AK_PACKET_BATCH_MAX ? (uint32_t)cap : AK_PACKET_BATCH_MAX;
    if (most > ring->slot_count) most = ring->slot_count; /* what is lent looks like what is new */
    uint32_t count = 0, received = 0;
    ak_packet_ring_read_done(packet);
    while (ring->lent < most) {
        const struct tpacket2_hdr *slot = slot_at(ring, ring->next);
        uint32_t status = status_of(slot);
        if ((status & TP_STATUS_USER) == 0) break;
        enum ak_packet_read result;
        if (status & TP_STATUS_COPY) {
            if (received == packet->slot_count) break;
            result = ak_packet_recv(packet, received, count, &ret_frames[count]);
            if (result == AK_PACKET_READ_ERROR) result = ak_packet_recv(packet, received, count, &ret_frames[count]);
            if (result == AK_PACKET_READ_FRAME) received++;
        } else {
            result = read_slot(packet, slot, count, &ret_frames[count]);
        }
        if (result == AK_PACKET_READ_FRAME) count++;
        ring->next = (ring->next + 1) % ring->slot_count;
        ring->lent++;
    }
    if (ring->lent == 0) take_error(packet);
    return count;
}

/* ---------------------------------------------------------------- writing */

/* False: it does not fit, or its description contradicts itself. */
static bool fill(const struct ak_packet_ring *ring, struct tpacket2_hdr *slot, const aksu_frame *frame) {
    struct virtio_net_hdr header;
    if (OUT_START + AK_VNET_HEADER_BYTES + frame->total_bytes > ring->slot_bytes) return false;
    if (!ak_vnet_from_frame(frame, &header)) return false;
    uint8_t *start = (uint8_t *)slot + OUT_START + AK_VNET_HEADER_BYTES, *at = start;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        memcpy(at, frame->iov[i].base, frame->iov[i].bytes);
        at += frame->iov[i].bytes;
    }
    struct iovec padding;
    if (ak_ether_pad(frame->total_bytes, &padding)) {
        memcpy(at, padding.iov_base, padding.iov_len);
        at += padding.iov_len;
    }
    header.hdr_len = (uint16_t)(at - start);
    memcpy(start - AK_VNET_HEADER_BYTES, &header, AK_VNET_HEADER_BYTES);
    slot->tp_len = (uint32_t)(at - start) + AK_VNET_HEADER_BYTES;
    set_status(slot, TP_STATUS_SEND_REQUEST);
    return true;
}

/* Kernels before 5.13 leave what stamped a frame's time in the status of a slot that they give back, unasked. */
static bool is_ours(const struct tpacket2_hdr *slot) {
    return (status_of(slot) & (TP_STATUS_SEND_REQUEST | TP_STATUS_SENDING | TP_STATUS_WRONG_FORMAT)) == 0;
}

/* What was sent of the slots that were filled; the others are ours again. */
static uint32_t settle(struct packet *packet, const aksu_frame *frames, uint32_t filled) {
    struct ak_packet_ring *ring = &packet->out;
    uint32_t sent = 0;
    while (sent < filled) {
        uint32_t status = status_of(slot_at(ring, ring->next + sent));
        if (status & (TP_STATUS_SEND_REQUEST | TP_STATUS_WRONG_FORMAT)) break;
        packet->driver.counters.frames_out++;
        packet->driver.counters.bytes_out += frames[sent].total_bytes;
        sent++;
    }
    for (uint32_t i = sent; i < filled; i++) set_status(slot_at(ring, ring->next + i), TP_STATUS_AVAILABLE);
    ring->next = (ring->next + sent) % ring->slot_count;
    return sent;
}

size_t ak_packet_ring_write(struct packet *packet, const aksu_frame *frames, size_t count) {
    struct ak_packet_ring *ring = &packet->out;
    uint32_t filled = 0;
    while (filled < count && filled < ring->slot_count) {
        struct tpacket2_hdr *slot = slot_at(ring, ring->next + filled);
        if (!is_ours(slot) || !fill(ring, slot, &frames[filled])) break;
        filled++;
    }
    if (filled == 0) return 0;
    int code = 0;
    do {
        code = send(packet->out_fd, "", 0, MSG_DONTWAIT) < 0 ? errno : 0;
        packet->driver.counters.writes++;
    } while (code == EINTR);
    uint32_t done = settle(packet, frames, filled);
    if (done == filled || code == 0 || code == EAGAIN) return done;
    /* The frame at which it stopped is lost: its description is refused (TP_STATUS_WRONG_FORMAT), the device's queue is
     * full, or it is down or gone. */
    if (code == ENXIO || code == ENODEV) packet->driver.error = code;
    packet->driver.counters.write_drops++;
    return done + 1;
}
