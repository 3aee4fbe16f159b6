/* A packet socket's frames by one system call each: all of them without rings, super-segments with them.
 *
 * PACKET_VNET_HDR puts a virtio header before each frame, as TUN has it, so that super-segments and unfinished
 * checksums pass both ways.  A VLAN tag that the device took off comes beside the frame and is put back. */
#include "packet.h"

#include <errno.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/socket.h>

#define TAG_BYTES 4u

/* The tag that the device took off, between the addresses and the type again. */
static void put_tag_back(struct ak_packet_raw *raw) {
    const struct ak_packet_beside *beside = &raw->beside;
    uint16_t type = beside->status & TP_STATUS_VLAN_TPID_VALID ? beside->vlan_tpid : ETH_P_8021Q;
    memmove(raw->frame - TAG_BYTES, raw->frame, 2 * ETH_ALEN);
    raw->frame -= TAG_BYTES;
    raw->bytes += TAG_BYTES;
    uint8_t *tag = raw->frame + 2 * ETH_ALEN;
    tag[0] = (uint8_t)(type >> 8);
    tag[1] = (uint8_t)type;
    tag[2] = (uint8_t)(beside->vlan_tci >> 8);
    tag[3] = (uint8_t)beside->vlan_tci;
    struct virtio_net_hdr *header = &raw->header;
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) header->csum_start = (uint16_t)(header->csum_start + TAG_BYTES);
}

enum ak_packet_read ak_packet_describe(struct packet *packet, struct ak_packet_raw *raw, uint32_t index,
                                       aksu_frame *ret_frame) {
    aksu_driver_counters *counters = &packet->driver.counters;
    if (raw->beside.status & TP_STATUS_VLAN_VALID) put_tag_back(raw);
    if (!ak_vnet_to_frame(&raw->header, AK_VNET_ETHERNET, raw->frame, raw->bytes, ret_frame)) {
        counters->read_drops++;
        return AK_PACKET_READ_DROPPED;
    }
    /* What another socket of this machine sends has its checksum left to the device, which is then ours to trust. */
    bool good = (raw->beside.status & (TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID)) != 0;
    if (ret_frame->checksum == AKSU_CHECKSUM_NONE && good) ret_frame->checksum = AKSU_CHECKSUM_VALID;
    packet->in_iov[index] = (aksu_iov){.base = raw->frame, .bytes = raw->bytes};
    ret_frame->iov = &packet->in_iov[index];
    ret_frame->iov_count = 1;
    counters->frames_in++;
    counters->bytes_in += raw->bytes;
    return AK_PACKET_READ_FRAME;
}

static const struct tpacket_auxdata *find_aux(struct msghdr *message) {
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one != NULL; one = CMSG_NXTHDR(message, one)) {
        if (one->cmsg_level == SOL_PACKET && one->cmsg_type == PACKET_AUXDATA &&
            one->cmsg_len >= CMSG_LEN(sizeof(struct tpacket_auxdata)))
            return (const struct tpacket_auxdata *)(const void *)CMSG_DATA(one);
    }
    return NULL;
}

/* A device that goes is down first, and the socket is told then alone.  To be a member of the device's groups once more
 * waits until the kernel's network configuration is not being changed: then it is either there or gone. */
void ak_packet_down(struct packet *packet) {
    int fd = packet->driver.fd;
    struct sockaddr_ll device = {0};
    socklen_t bytes = sizeof device;
    if (getsockname(fd, (struct sockaddr *)&device, &bytes) < 0) return;
    struct packet_mreq all = {.mr_ifindex = device.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) == 0)
        (void)setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &all, sizeof all);
    else if (errno == ENODEV)
        packet->driver.error = ENODEV;
}

enum ak_packet_read ak_packet_recv(struct packet *packet, uint32_t slot, uint32_t index, aksu_frame *ret_frame) {
    struct ak_packet_raw raw = {.frame = (uint8_t *)packet->slots.mem + (size_t)slot * AK_PACKET_SLOT_BYTES +
                                         AK_PACKET_SLOT_ROOM};
    union {
        struct cmsghdr first;
        uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control;
    struct iovec iov[2] = {{.iov_base = &raw.header, .iov_len = AK_VNET_HEADER_BYTES},
                           {.iov_base = raw.frame, .iov_len = AK_PACKET_BYTES_MAX + ETH_HLEN}};
    struct msghdr message = {
        .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    do {
        got = recvmsg(packet->driver.fd, &message, MSG_DONTWAIT | MSG_TRUNC);
        packet->driver.counters.reads++;
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (errno == ENETDOWN) {
            ak_packet_down(packet);
            return AK_PACKET_READ_ERROR;
        }
        if (errno != EAGAIN) packet->driver.error = errno;
        return AK_PACKET_READ_NOTHING;
    }
    raw.bytes = got > (ssize_t)AK_VNET_HEADER_BYTES ? (uint32_t)got - AK_VNET_HEADER_BYTES : 0;
    if (raw.bytes < ETH_HLEN || (message.msg_flags & MSG_TRUNC) != 0) {
        packet->driver.counters.read_drops++;
        return AK_PACKET_READ_DROPPED;
    }
    const struct tpacket_auxdata *aux = find_aux(&message);
    if (aux != NULL) {
        raw.beside = (struct ak_packet_beside){
            .status = aux->tp_status, .vlan_tci = aux->tp_vlan_tci, .vlan_tpid = aux->tp_vlan_tpid};
    }
    return ak_packet_describe(packet, &raw, index, ret_frame);
}

bool ak_packet_send(struct packet *packet, const aksu_frame *frame) {
    aksu_driver_counters *counters = &packet->driver.counters;
    struct virtio_net_hdr header;
    bool fits = frame->total_bytes <= AK_PACKET_BYTES_MAX + AK_ETHER_HEADER_MAX && frame->iov_count < IOV_MAX - 1;
    if (!fits || !ak_vnet_from_frame(frame, &header)) {
        counters->write_drops++;
        return true;
    }
    struct iovec *iov = packet->out_iov;
    iov[0] = (struct iovec){.iov_base = &header, .iov_len = AK_VNET_HEADER_BYTES};
    uint32_t count = 1;
    for (uint32_t i = 0; i < frame->iov_count; i++)
        iov[count++] = (struct iovec){.iov_base = frame->iov[i].base, .iov_len = frame->iov[i].bytes};
    if (ak_ether_pad(frame->total_bytes, &iov[count])) count++;
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
    ssize_t wrote;
    do {
        wrote = sendmsg(packet->driver.fd, &message, MSG_DONTWAIT);
        counters->writes++;
    } while (wrote < 0 && errno == EINTR);
    if (wrote >= 0) {
        counters->frames_out++;
        counters->bytes_out += frame->total_bytes;
        return true;
    }
    if (errno == EAGAIN) {
        counters->write_waits++;
        return false;
    }
    if (errno == ENXIO || errno == ENODEV) packet->driver.error = errno;
    counters->write_drops++; /* ENOBUFS: the device's queue is full; ENETDOWN: it is down */
    return true;
}
