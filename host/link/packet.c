/* The packet socket driver: a host of its own beside the kernel's, on one of the kernel's Ethernet devices.
 *
 * Frames of the wire's size go through mapped rings (packet_ring.c), super-segments by a system call each
 * (packet_call.c); without rings, all of them do.
 *
 * The device is set to take all frames in (our address is not its own), for as long as the socket lives.  A filter in
 * the kernel leaves out what is neither for our address nor for a group, and what this machine itself sends there.
 *
 * Limits: one queue; frames up to 65,535 bytes of IP; the device must not be given another MTU while it is open. */
#include "packet.h"

#include "netdev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MTU_MIN 576u

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

/* ---------------------------------------------------------------- frames */

static size_t packet_read(aksu_driver *driver, aksu_frame *ret_frames, size_t cap) {
    struct packet *packet = (struct packet *)driver;
    if (packet->in.mem != NULL) return ak_packet_ring_read(packet, ret_frames, cap);
    uint32_t most = cap < packet->slot_count ? (uint32_t)cap : packet->slot_count;
    uint32_t count = 0;
    for (uint32_t attempt = 0; attempt < most; attempt++) {
        enum ak_packet_read result = ak_packet_recv(packet, count, count, &ret_frames[count]);
        if (result == AK_PACKET_READ_NOTHING) break;
        if (result == AK_PACKET_READ_FRAME) count++;
    }
    return count;
}

static void packet_read_done(aksu_driver *driver) {
    ak_packet_ring_read_done((struct packet *)driver);
}

static size_t packet_write(aksu_driver *driver, const aksu_frame *frames, size_t count) {
    struct packet *packet = (struct packet *)driver;
    size_t done = 0;
    while (done < count) {
        size_t some = packet->out.mem != NULL ? ak_packet_ring_write(packet, frames + done, count - done) : 0;
        if (some == 0) {
            if (!ak_packet_send(packet, &frames[done])) break;
            some = 1;
        }
        done += some;
    }
    return done;
}

/* The kernel's count begins anew with each question. */
static void packet_count(aksu_driver *driver) {
    struct tpacket_stats stats = {0};
    socklen_t bytes = sizeof stats;
    if (getsockopt(driver->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
        driver->counters.read_lost += stats.tp_drops;
}

/* ---------------------------------------------------------------- opening */

static void packet_link_config(const aksu_driver *driver, aksu_link_config *ret_config) {
    const struct packet *packet = (const struct packet *)driver;
    *ret_config = (aksu_link_config){
        .struct_bytes = sizeof *ret_config,
        .mtu = packet->mtu,
        .flags = packet->link_flags,
        .tso_max_bytes = packet->link_flags & AKSU_LINK_TSO4 ? AK_PACKET_BYTES_MAX : 0,
    };
    ak_ether_link_config(&packet->ether, ret_config);
}

static void packet_close(aksu_driver *driver) {
    struct packet *packet = (struct packet *)driver;
    ak_packet_ring_close(packet);
    if (packet->driver.fd >= 0) (void)close(packet->driver.fd);
    aksu_arena_unmap(&packet->slots);
    free(packet);
}

static const aksu_driver_ops packet_ops = {
    .name = "packet",
    .read = packet_read,
    .read_done = packet_read_done,
    .write = packet_write,
    .link_config = packet_link_config,
    .count = packet_count,
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
    if (config->batch_frames == 0 || config->batch_frames > AK_PACKET_BATCH_MAX) {
        return aksu_host_error_set(ret_error, EINVAL, "batch_frames of %u is outside 1 to %u", config->batch_frames,
                                   AK_PACKET_BATCH_MAX);
    }
    if ((unsigned)config->rings > AKSU_PACKET_RINGS_OFF)
        return aksu_host_error_set(ret_error, EINVAL, "rings of %u is no aksu_packet_rings", (unsigned)config->rings);
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
    int bytes = AK_PACKET_SOCKET_BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

/* False: there are none, and there must be. */
static bool open_rings(struct packet *packet, unsigned index, aksu_packet_rings rings) {
    if (rings == AKSU_PACKET_RINGS_OFF || ak_packet_ring_open(packet, index)) return true;
    int code = errno;
    ak_packet_ring_close(packet);
    errno = code;
    return rings == AKSU_PACKET_RINGS_AUTO;
}

/* Everything is set before the socket is bound, so that nothing comes in by other rules. */
static int set_up(struct packet *packet, unsigned index, aksu_packet_rings rings, aksu_host_error *ret_error) {
    int fd = packet->driver.fd;
    struct packet_mreq all = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
    struct sockaddr_ll device = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
    set_buffers(fd);
    (void)set_on(fd, PACKET_IGNORE_OUTGOING); /* an older kernel shows them, and the core drops what is not for it */
    if (!set_on(fd, PACKET_VNET_HDR) || !set_on(fd, PACKET_AUXDATA) || set_filter(fd, &packet->ether.mac) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) < 0 || !open_rings(packet, index, rings) ||
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
    if (has > AK_PACKET_BYTES_MAX) has = AK_PACKET_BYTES_MAX;
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
    packet->out_fd = -1;
    packet->slot_count = config->batch_frames;
    packet->link_flags = config->no_offload ? 0 : AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4 | AKSU_LINK_TSO6;
    packet->driver.fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unsigned index = 0;
    failed = packet->driver.fd < 0 ? open_failed(errno, ret_error)
                                   : check_device(packet->driver.fd, packet->name, &index, ret_error);
    if (!failed) failed = choose_mtu(packet, config->mtu, ret_error);
    if (!failed) failed = ak_ether_make(&config->ether, packet->name, &packet->ether, ret_error);
    if (!failed)
        failed = aksu_arena_map((size_t)packet->slot_count * AK_PACKET_SLOT_BYTES, AKSU_ARENA_SMALL_PAGES,
                                &packet->slots, ret_error);
    if (!failed) failed = set_up(packet, index, config->rings, ret_error);
    if (failed) {
        packet_close(&packet->driver);
        return failed;
    }
    *ret_driver = &packet->driver;
    return 0;
}
