/* The packet socket driver: a host of its own beside the kernel's, on one of the kernel's Ethernet devices.
 *
 * PACKET_VNET_HDR puts a virtio header before each frame, as TUN has it, so that super-segments and unfinished
 * checksums pass both ways.  Chosen over the mapped rings (TPACKET_V3): there each slot would have to hold the 64 KiB
 * that one super-segment may be, or each wire-sized packet costs its own pass through the core; one system call for 64
 * KiB is cheaper than either, and needs no second copy of this code for sending.
 *
 * The device is set to take all frames in (our address is not its own), for as long as the socket lives.  A filter in
 * the kernel leaves out what is neither for our address nor for a group, and what this machine itself sends there.  A
 * VLAN tag that the device took off comes beside the frame and is put back.
 *
 * Limits: one queue; frames up to 65,535 bytes of IP; the device must not be given another MTU while it is open. */
#include "ether.h"
#include "netdev.h"
#include "vnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_BYTES_MAX 65535u
#define BATCH_MAX        256u
#define MTU_MIN          576u
#define HEADER_BYTES     ((uint32_t)sizeof(struct virtio_net_hdr))
#define TAG_BYTES        4u
/* The virtio header and a tag that is put back end where a cache line begins, less the Ethernet header. */
#define SLOT_ROOM           64u
#define SLOT_BYTES          (SLOT_ROOM + 65536u + 192u)
#define SOCKET_BUFFER_BYTES (8 << 20)

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

struct packet {
    aksu_driver driver; /* first: the driver is a pointer to it */
    char name[IFNAMSIZ];
    aksu_ether_config ether;
    uint32_t mtu, link_flags, slot_count;
    aksu_arena slots;
    aksu_iov in_iov[BATCH_MAX];
    struct iovec out_iov[IOV_MAX];
};

/* ---------------------------------------------------------------- reading */

static uint8_t *slot_at(const struct packet *packet, uint32_t index) {
    return (uint8_t *)packet->slots.mem + (size_t)index * SLOT_BYTES + SLOT_ROOM;
}

/* The tag that the device took off, between the addresses and the type again. */
static uint8_t *put_tag_back(uint8_t *frame, const struct tpacket_auxdata *aux, struct virtio_net_hdr *header) {
    uint16_t type = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q;
    memmove(frame - TAG_BYTES, frame, 2 * ETH_ALEN);
    frame -= TAG_BYTES;
    uint8_t *tag = frame + 2 * ETH_ALEN;
    tag[0] = (uint8_t)(type >> 8);
    tag[1] = (uint8_t)type;
    tag[2] = (uint8_t)(aux->tp_vlan_tci >> 8);
    tag[3] = (uint8_t)aux->tp_vlan_tci;
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) header->csum_start = (uint16_t)(header->csum_start + TAG_BYTES);
    return frame;
}

static const struct tpacket_auxdata *find_aux(struct msghdr *message) {
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one != NULL; one = CMSG_NXTHDR(message, one)) {
        if (one->cmsg_level == SOL_PACKET && one->cmsg_type == PACKET_AUXDATA &&
            one->cmsg_len >= CMSG_LEN(sizeof(struct tpacket_auxdata)))
            return (const struct tpacket_auxdata *)(const void *)CMSG_DATA(one);
    }
    return NULL;
}

enum read_result { READ_FRAME, READ_DROPPED, READ_NOTHING };

static enum read_result read_one(struct packet *packet, uint32_t index, aksu_frame *ret_frame) {
    uint8_t *frame = slot_at(packet, index);
    struct virtio_net_hdr header;
    union {
        struct cmsghdr first;
        uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control;
    struct iovec iov[2] = {{.iov_base = &header, .iov_len = HEADER_BYTES},
                           {.iov_base = frame, .iov_len = PACKET_BYTES_MAX + ETH_HLEN}};
    struct msghdr message = {
        .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    do {
        got = recvmsg(packet->driver.fd, &message, MSG_DONTWAIT | MSG_TRUNC);
        packet->driver.counters.reads++;
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (errno == ENETDOWN) return READ_DROPPED; /* told once; the device may come up again */
        if (errno != EAGAIN) packet->driver.error = errno;
        return READ_NOTHING;
    }
    uint32_t bytes = got > (ssize_t)HEADER_BYTES ? (uint32_t)got - HEADER_BYTES : 0;
    if (bytes < ETH_HLEN || (message.msg_flags & MSG_TRUNC) != 0) {
        packet->driver.counters.read_drops++;
        return READ_DROPPED;
    }
    const struct tpacket_auxdata *aux = find_aux(&message);
    if (aux != NULL && (aux->tp_status & TP_STATUS_VLAN_VALID)) {
        frame = put_tag_back(frame, aux, &header);
        bytes += TAG_BYTES;
    }
    if (!ak_vnet_to_frame(&header, AK_VNET_ETHERNET, frame, bytes, ret_frame)) {
        packet->driver.counters.read_drops++;
        return READ_DROPPED;
    }
    /* What another socket of this machine sends has its checksum left to the device, which is then ours to trust. */
    if (aux != NULL && ret_frame->checksum == AKSU_CHECKSUM_NONE) {
        if (aux->tp_status & TP_STATUS_CSUMNOTREADY) ret_frame->checksum = AKSU_CHECKSUM_VALID;
        if (aux->tp_status & TP_STATUS_CSUM_VALID) ret_frame->checksum = AKSU_CHECKSUM_VALID;
    }
    packet->in_iov[index] = (aksu_iov){.base = frame, .bytes = bytes};
    ret_frame->iov = &packet->in_iov[index];
    ret_frame->iov_count = 1;
    packet->driver.counters.frames_in++;
    packet->driver.counters.bytes_in += bytes;
    return READ_FRAME;
}

static size_t packet_read(aksu_driver *driver, aksu_frame *ret_frames, size_t cap) {
    struct packet *packet = (struct packet *)driver;
    uint32_t cap_count = cap < packet->slot_count ? (uint32_t)cap : packet->slot_count;
    uint32_t count = 0;
    for (uint32_t attempt = 0; attempt < cap_count; attempt++) {
        enum read_result result = read_one(packet, count, &ret_frames[count]);
        if (result == READ_NOTHING) break;
        if (result == READ_FRAME) count++;
    }
    return count;
}

/* ---------------------------------------------------------------- writing */

enum write_result { WRITE_DONE, WRITE_FULL };

static enum write_result write_one(struct packet *packet, const aksu_frame *frame) {
    aksu_driver_counters *counters = &packet->driver.counters;
    struct virtio_net_hdr header;
    bool fits = frame->total_bytes <= PACKET_BYTES_MAX + AK_ETHER_HEADER_MAX && frame->iov_count < IOV_MAX - 1;
    if (!fits || !ak_vnet_from_frame(frame, &header)) {
        counters->write_drops++;
        return WRITE_DONE;
    }
    struct iovec *iov = packet->out_iov;
    iov[0] = (struct iovec){.iov_base = &header, .iov_len = HEADER_BYTES};
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
        return WRITE_DONE;
    }
    if (errno == EAGAIN) {
        counters->write_waits++;
        return WRITE_FULL;
    }
    if (errno == ENXIO || errno == ENODEV) packet->driver.error = errno;
    counters->write_drops++; /* ENOBUFS: the device's queue is full; ENETDOWN: it is down */
    return WRITE_DONE;
}

static size_t packet_write(aksu_driver *driver, const aksu_frame *frames, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (write_one((struct packet *)driver, &frames[i]) == WRITE_FULL) return i;
    }
    return count;
}

/* ---------------------------------------------------------------- opening */

static void packet_link_config(const aksu_driver *driver, aksu_link_config *ret_config) {
    const struct packet *packet = (const struct packet *)driver;
    *ret_config = (aksu_link_config){
        .struct_bytes = sizeof *ret_config,
        .mtu = packet->mtu,
        .flags = packet->link_flags,
        .tso_max_bytes = packet->link_flags & AKSU_LINK_TSO4 ? PACKET_BYTES_MAX : 0,
    };
    ak_ether_link_config(&packet->ether, ret_config);
}

static void packet_close(aksu_driver *driver) {
    struct packet *packet = (struct packet *)driver;
    if (packet->driver.fd >= 0) (void)close(packet->driver.fd);
    aksu_arena_unmap(&packet->slots);
    free(packet);
}

static const aksu_driver_ops packet_ops = {
    .name = "packet",
    .read = packet_read,
    .write = packet_write,
    .link_config = packet_link_config,
    .close = packet_close,
};

void aksu_packet_config_default(aksu_packet_config *ret_config) {
    *ret_config = (aksu_packet_config){.struct_bytes = sizeof *ret_config, .batch_frames = 8, .ether.dad_probes = 1};
}

static int check_config(const aksu_packet_config *config, aksu_host_error *ret_error) {
    if (config->struct_bytes != sizeof *config) {
        return aksu_host_error_set(ret_error, EINVAL, "the packet config was not made for this version of the library");
    }
    if (config->name == NULL || config->name[0] == '\0' || strlen(config->name) >= IFNAMSIZ) {
        return aksu_host_error_set(ret_error, EINVAL, "a packet socket needs the name of a device, of 1 to %d bytes",
                                   IFNAMSIZ - 1);
    }
    if (config->batch_frames == 0 || config->batch_frames > BATCH_MAX) {
        return aksu_host_error_set(ret_error, EINVAL, "batch_frames of %u is outside 1 to %u", config->batch_frames,
                                   BATCH_MAX);
    }
    return 0;
}

static int open_failed(int code, aksu_host_error *ret_error) {
    const char *hint = code == EPERM || code == EACCES ? ": run as root, or in a network namespace of your own" : "";
    return aksu_host_error_set(ret_error, code, "no packet socket: %s%s", strerror(code), hint);
}

/* It must be there, up, and Ethernet. */
static int check_device(int fd, const char *name, unsigned *ret_index, aksu_host_error *ret_error) {
    *ret_index = if_nametoindex(name);
    if (*ret_index == 0) return aksu_host_error_set(ret_error, ENODEV, "there is no device %s", name);
    struct ifreq device = {0};
    memcpy(device.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
    if (ioctl(fd, SIOCGIFHWADDR, &device) < 0 || device.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
        return aksu_host_error_set(ret_error, EINVAL, "the device %s is no Ethernet device", name);
    }
    if (ioctl(fd, SIOCGIFFLAGS, &device) < 0 || (device.ifr_flags & IFF_UP) == 0) {
        return aksu_host_error_set(ret_error, ENETDOWN, "the device %s is down: ip link set %s up", name, name);
    }
    return 0;
}

/* For our address, or for a group. */
static int set_filter(int fd, const aksu_mac *mac) {
    uint32_t high =
        (uint32_t)mac->byte[0] << 24 | (uint32_t)mac->byte[1] << 16 | (uint32_t)mac->byte[2] << 8 | mac->byte[3];
    uint32_t low = (uint32_t)mac->byte[4] << 8 | mac->byte[5];
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 4, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0x40000),    BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static bool set_on(int fd, int option) {
    int on = 1;
    return setsockopt(fd, SOL_PACKET, option, &on, sizeof on) == 0;
}

/* The kernel doubles and bounds it; as root the bound does not hold. */
static void set_buffers(int fd) {
    int bytes = SOCKET_BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

/* Everything is set before the socket is bound, so that nothing comes in by other rules. */
static int set_up(struct packet *packet, unsigned index, aksu_host_error *ret_error) {
    int fd = packet->driver.fd;
    struct packet_mreq all = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
    struct sockaddr_ll device = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
    set_buffers(fd);
    (void)set_on(fd, PACKET_IGNORE_OUTGOING); /* an older kernel shows them, and the core drops what is not for it */
    if (!set_on(fd, PACKET_VNET_HDR) || !set_on(fd, PACKET_AUXDATA) || set_filter(fd, &packet->ether.mac) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0 ||
        bind(fd, (struct sockaddr *)&device, sizeof device) < 0) {
        int code = errno;
        return aksu_host_error_set(ret_error, code, "cannot set up a packet socket on %s: %s", packet->name,
                                   strerror(code));
    }
    return 0;
}

static int choose_mtu(struct packet *packet, uint32_t wanted, aksu_host_error *ret_error) {
    uint32_t has = 0;
    int failed = ak_netdev_mtu(packet->name, &has);
    if (failed) {
        return aksu_host_error_set(ret_error, -failed, "cannot read the MTU of %s: %s", packet->name,
                                   strerror(-failed));
    }
    if (has > PACKET_BYTES_MAX) has = PACKET_BYTES_MAX;
    packet->mtu = wanted == 0 ? has : wanted;
    if (packet->mtu < MTU_MIN || packet->mtu > has) {
        return aksu_host_error_set(ret_error, EINVAL, "an MTU of %u is outside %u to %u, the MTU of %s", packet->mtu,
                                   MTU_MIN, has, packet->name);
    }
    return 0;
}

int aksu_packet_open(const aksu_packet_config *config, aksu_driver **ret_driver, aksu_host_error *ret_error) {
    int failed = check_config(config, ret_error);
    if (failed) return failed;
    struct packet *packet = calloc(1, sizeof *packet);
    if (packet == NULL) return aksu_host_error_set(ret_error, ENOMEM, "no memory for a packet socket");
    packet->driver = (aksu_driver){.ops = &packet_ops, .device = packet->name};
    (void)strncpy(packet->name, config->name, IFNAMSIZ - 1);
    packet->slot_count = config->batch_frames;
    packet->link_flags = config->no_offload ? 0 : AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4 | AKSU_LINK_TSO6;
    packet->driver.fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unsigned index = 0;
    failed = packet->driver.fd < 0 ? open_failed(errno, ret_error)
                                   : check_device(packet->driver.fd, packet->name, &index, ret_error);
    if (!failed) failed = choose_mtu(packet, config->mtu, ret_error);
    if (!failed) failed = ak_ether_make(&config->ether, packet->name, &packet->ether, ret_error);
    if (!failed)
        failed =
            aksu_arena_map((size_t)packet->slot_count * SLOT_BYTES, AKSU_ARENA_SMALL_PAGES, &packet->slots, ret_error);
    if (!failed) failed = set_up(packet, index, ret_error);
    if (failed) {
        packet_close(&packet->driver);
        return failed;
    }
    *ret_driver = &packet->driver;
    return 0;
}
