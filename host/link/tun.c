/* The TUN and TAP driver: bare IP packets, or Ethernet frames, to and from the kernel, up to 64 KiB with one system
 * call.
 *
 * Each packet is preceded by a virtio header (vnet.c), through which super-segments and unfinished checksums pass both
 * ways: neither side cuts what the other would join, and on one machine nobody sums.
 *
 * Reading: one read(2) into a buffer whose header ends where a cache line begins, so that the IP header is aligned.
 * There is a fixed set of buffers, batch_frames of them; a batch ends early when the device has no more. Writing: one
 * writev(2) of the virtio header and the frame's own iovecs: bytes are copied by the kernel only, and when writev
 * returns the frame is done.  TUN takes all of a packet or nothing.  EAGAIN leaves the frame to the caller, who keeps
 * it lent and comes back when the device is writable.  Every other refusal is a lost packet, counted, which is what a
 * network may do; TCP above repairs it.
 *
 * A frame of more pieces than the kernel takes in one call is joined in a buffer first; with blocks of 4 KiB that does
 * not happen.
 *
 * The device is not persistent: it is gone with its descriptor, so nothing is left behind by a process that dies.
 *
 * Limits: one queue; packets up to 65,535 bytes; vnet header without num_buffers in the machine's byte order. */
#include "aksu/host.h"

#include "ether.h"
#include "netdev.h"
#include "vnet.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PACKET_BYTES_MAX 65535u
#define CACHE_LINE_BYTES 64u
/* One line for the header, the packet, and three lines so that headers of successive buffers do not share cache sets.
 */
#define SLOT_BYTES    (CACHE_LINE_BYTES + 65536u + 3u * CACHE_LINE_BYTES)
#define HEADER_BYTES  ((uint32_t)sizeof(struct virtio_net_hdr))
#define WRITE_IOV_MAX IOV_MAX
#define BATCH_MAX     256u
#define MTU_MIN       576u
#define MTU_MIN_V6    1280u /* RFC 8200 s5 */
#define TUN_PATH      "/dev/net/tun"

/* linux/if_tun.h of Debian 12 has no names for them: UDP segmentation offload, Linux 6.2. */
#define TUN_USO4 0x20u
#define TUN_USO6 0x40u

static_assert(sizeof(aksu_iov) == sizeof(struct iovec), "written as they are");
static_assert(offsetof(aksu_iov, base) == offsetof(struct iovec, iov_base), "written as they are");
static_assert(offsetof(aksu_iov, bytes) == offsetof(struct iovec, iov_len), "written as they are");
static_assert(AKSU_TUN_NAME_BYTES == IFNAMSIZ, "a kernel constant");

struct tun {
    aksu_driver driver; /* first: the driver is a pointer to it */
    char name[IFNAMSIZ];
    enum ak_vnet_link kind;
    aksu_ether_config ether;
    unsigned index;
    uint32_t mtu;
    uint32_t link_flags; /* AKSU_LINK_ */
    uint32_t slot_count;
    aksu_arena slots; /* slot_count of SLOT_BYTES, and one to join frames in */
    aksu_iov in_iov[BATCH_MAX];
    struct iovec out_iov[WRITE_IOV_MAX];
};

static uint8_t *slot_packet(const struct tun *tun, uint32_t slot_index) {
    return (uint8_t *)tun->slots.mem + (size_t)slot_index * SLOT_BYTES + CACHE_LINE_BYTES;
}

/* ---------------------------------------------------------------- reading */

enum read_result { READ_FRAME, READ_DROPPED, READ_NOTHING };

static enum read_result read_one(struct tun *tun, uint32_t slot_index, aksu_frame *ret_frame) {
    uint8_t *packet = slot_packet(tun, slot_index);
    ssize_t got;
    do {
        got = read(tun->driver.fd, packet - HEADER_BYTES, HEADER_BYTES + PACKET_BYTES_MAX + AK_ETHER_HEADER_MAX);
        tun->driver.counters.reads++;
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        /* EBADFD: the device was deleted under us. */
        if (errno != EAGAIN) tun->driver.error = errno;
        return READ_NOTHING;
    }
    struct virtio_net_hdr header;
    uint32_t packet_bytes = got > (ssize_t)HEADER_BYTES ? (uint32_t)got - HEADER_BYTES : 0;
    if (got >= (ssize_t)HEADER_BYTES) memcpy(&header, packet - HEADER_BYTES, HEADER_BYTES);
    if (packet_bytes == 0 || !ak_vnet_to_frame(&header, tun->kind, packet, packet_bytes, ret_frame)) {
        tun->driver.counters.read_drops++;
        return READ_DROPPED;
    }
    tun->in_iov[slot_index] = (aksu_iov){.base = packet, .bytes = packet_bytes};
    ret_frame->iov = &tun->in_iov[slot_index];
    ret_frame->iov_count = 1;
    tun->driver.counters.frames_in++;
    tun->driver.counters.bytes_in += packet_bytes;
    return READ_FRAME;
}

static size_t tun_read(aksu_driver *driver, aksu_frame *ret_frames, size_t cap) {
    struct tun *tun = (struct tun *)driver;
    uint32_t cap_count = cap < tun->slot_count ? (uint32_t)cap : tun->slot_count;
    uint32_t count = 0;
    /* Dropped packets count as attempts, so that a device that feeds nonsense cannot keep us here. */
    for (uint32_t attempt = 0; attempt < cap_count; attempt++) {
        enum read_result result = read_one(tun, count, &ret_frames[count]);
        if (result == READ_NOTHING) break;
        if (result == READ_FRAME) count++;
    }
    return count;
}

/* ---------------------------------------------------------------- writing */

/* Joins the frame's pieces in the last slot and answers the one piece. */
static struct iovec joined(struct tun *tun, const aksu_frame *frame) {
    uint8_t *packet = slot_packet(tun, tun->slot_count);
    size_t bytes = 0;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        memcpy(packet + bytes, frame->iov[i].base, frame->iov[i].bytes);
        bytes += frame->iov[i].bytes;
    }
    return (struct iovec){.iov_base = packet, .iov_len = bytes};
}

enum write_result { WRITE_DONE, WRITE_FULL };

static enum write_result write_one(struct tun *tun, const aksu_frame *frame) {
    aksu_driver_counters *counters = &tun->driver.counters;
    struct virtio_net_hdr header;
    if (frame->total_bytes > PACKET_BYTES_MAX + AK_ETHER_HEADER_MAX || !ak_vnet_from_frame(frame, &header)) {
        counters->write_drops++;
        return WRITE_DONE;
    }
    struct iovec *iov = tun->out_iov;
    iov[0] = (struct iovec){.iov_base = &header, .iov_len = HEADER_BYTES};
    uint32_t iov_count = frame->iov_count;
    if (iov_count < WRITE_IOV_MAX - 1) {
        memcpy(iov + 1, frame->iov, iov_count * sizeof *iov);
    } else {
        iov[1] = joined(tun, frame);
        iov_count = 1;
    }
    if (tun->kind == AK_VNET_ETHERNET && ak_ether_pad(frame->total_bytes, &iov[1 + iov_count])) iov_count++;
    ssize_t wrote;
    do {
        wrote = writev(tun->driver.fd, iov, (int)iov_count + 1);
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
    if (errno == EBADFD) tun->driver.error = errno;
    counters->write_drops++; /* EIO: the device is down; ENOMEM; EINVAL: the kernel dislikes the packet */
    return WRITE_DONE;
}

static size_t tun_write(aksu_driver *driver, const aksu_frame *frames, size_t count) {
    struct tun *tun = (struct tun *)driver;
    for (size_t i = 0; i < count; i++) {
        if (write_one(tun, &frames[i]) == WRITE_FULL) return i;
    }
    return count;
}

/* ---------------------------------------------------------------- opening */

static int open_failed(int code, aksu_host_error *ret_error) {
    if (code == EACCES || code == EPERM) {
        return aksu_host_error_set(ret_error, code,
                                   "no permission to open " TUN_PATH ": it belongs to root here, so run as root");
    }
    if (code == ENOENT || code == ENODEV || code == ENXIO) {
        return aksu_host_error_set(ret_error, code,
                                   "there is no TUN here (" TUN_PATH ": %s): load the module tun, or give the "
                                   "container the device",
                                   strerror(code));
    }
    return aksu_host_error_set(ret_error, code, "cannot open " TUN_PATH ": %s", strerror(code));
}

static int attach_failed(int code, const char *name, aksu_host_error *ret_error) {
    const char *shown = name[0] != '\0' ? name : "aksu%d";
    if (code == EPERM || code == EACCES) {
        return aksu_host_error_set(ret_error, code,
                                   "no permission to make or take the TUN device %s: run as root, or in a network "
                                   "namespace of your own (unshare -Urn)",
                                   shown);
    }
    if (code == EBUSY) {
        return aksu_host_error_set(ret_error, code, "the TUN device %s is taken by another process", shown);
    }
    if (code == EINVAL && name[0] != '\0' && if_nametoindex(name) != 0) {
        return aksu_host_error_set(ret_error, EEXIST, "the device %s exists and is not a TUN device of one queue",
                                   name);
    }
    if (code == EINVAL) return aksu_host_error_set(ret_error, code, "the kernel does not take \"%s\" as a name", shown);
    return aksu_host_error_set(ret_error, code, "cannot make or take the TUN device %s: %s", shown, strerror(code));
}

/* What the kernel accepts as a name (dev_valid_name), less '%', which it would take for a pattern. */
static bool name_is_good(const char *name) {
    size_t bytes = strlen(name);
    if (bytes >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return false;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c <= ' ' || c == 0x7f || c == '/' || c == ':' || c == '%') return false;
    }
    return true;
}

static int check_addrs(const aksu_tun_config *config, aksu_host_error *ret_error) {
    for (size_t i = 0; i < AKSU_HOST_ADDRS; i++) {
        const aksu_host_addr *host = &config->host_addr[i];
        bool v4 = aksu_addr_is_v4(&host->addr);
        if (aksu_addr_is_any(&host->addr)) continue;
        if (host->prefix_bits > (v4 ? 32 : 128)) {
            return aksu_host_error_set(ret_error, EINVAL, "a prefix of %u bits is longer than the address",
                                       host->prefix_bits);
        }
        if (!v4 && config->mtu < MTU_MIN_V6) {
            return aksu_host_error_set(ret_error, EINVAL, "an MTU of %u is too small for IPv6, which needs %u",
                                       config->mtu, MTU_MIN_V6);
        }
    }
    return 0;
}

static int check_config(const aksu_tun_config *config, const char *name, aksu_host_error *ret_error) {
    uint32_t known = AKSU_TUN_EXISTING | AKSU_TUN_CONFIGURED | AKSU_TUN_NO_OFFLOAD | AKSU_TUN_ETHERNET;
    if (config->struct_bytes != sizeof *config || (config->flags & ~known) != 0) {
        return aksu_host_error_set(ret_error, EINVAL, "the TUN config was not made for this version of the library");
    }
    if (!name_is_good(name)) {
        return aksu_host_error_set(ret_error, EINVAL,
                                   "\"%s\" cannot name a device: 1 to %d bytes, no '/', ':', '%%' or spaces", name,
                                   IFNAMSIZ - 1);
    }
    if (config->mtu < MTU_MIN || config->mtu > PACKET_BYTES_MAX) {
        return aksu_host_error_set(ret_error, EINVAL, "an MTU of %u is outside %u to %u", config->mtu, MTU_MIN,
                                   PACKET_BYTES_MAX);
    }
    if (config->batch_frames == 0 || config->batch_frames > BATCH_MAX) {
        return aksu_host_error_set(ret_error, EINVAL, "batch_frames of %u is outside 1 to %u", config->batch_frames,
                                   BATCH_MAX);
    }
    int failed = check_addrs(config, ret_error);
    if (failed) return failed;
    if ((config->flags & AKSU_TUN_EXISTING) && name[0] == '\0') {
        return aksu_host_error_set(ret_error, EINVAL, "an existing device must be named");
    }
    if ((config->flags & AKSU_TUN_EXISTING) && if_nametoindex(name) == 0) {
        return aksu_host_error_set(ret_error, ENODEV, "there is no device %s", name);
    }
    return 0;
}

/* Opens the descriptor and makes or takes the device of that name. */
static int attach(struct tun *tun, const char *name, aksu_host_error *ret_error) {
    tun->driver.fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun->driver.fd < 0) return open_failed(errno, ret_error);

    short type = tun->kind == AK_VNET_ETHERNET ? IFF_TAP : IFF_TUN;
    struct ifreq device = {.ifr_flags = (short)(type | IFF_NO_PI | IFF_VNET_HDR)};
    (void)strncpy(device.ifr_name, name[0] != '\0' ? name : "aksu%d", IFNAMSIZ - 1);
    if (ioctl(tun->driver.fd, TUNSETIFF, &device) < 0) return attach_failed(errno, name, ret_error);
    memcpy(tun->name, device.ifr_name, IFNAMSIZ);
    tun->name[IFNAMSIZ - 1] = '\0';
    tun->index = if_nametoindex(tun->name);

    /* A persistent device remembers what its last user has set. */
    int header_bytes = (int)HEADER_BYTES;
    if (ioctl(tun->driver.fd, TUNSETVNETHDRSZ, &header_bytes) < 0) {
        int code = errno;
        return aksu_host_error_set(ret_error, code, "%s takes no virtio headers: %s", tun->name, strerror(code));
    }
    return 0;
}

/* What the kernel may hand to us; what we may hand to it needs no consent, a virtio header says it all. */
static int set_offload(struct tun *tun, const aksu_tun_config *config, aksu_host_error *ret_error) {
    bool wanted = (config->flags & AKSU_TUN_NO_OFFLOAD) == 0;
    unsigned long base = wanted ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0;
    unsigned long most = wanted ? base | TUN_USO4 | TUN_USO6 : 0;
    /* Kernels before 6.2 say EINVAL to USO, and do not know it from us either. */
    bool uso = ioctl(tun->driver.fd, TUNSETOFFLOAD, most) == 0;
    if (!uso && ioctl(tun->driver.fd, TUNSETOFFLOAD, base) < 0) {
        int code = errno;
        return aksu_host_error_set(ret_error, code, "%s takes no offloads: %s", tun->name, strerror(code));
    }
    tun->link_flags = wanted ? AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4 | AKSU_LINK_TSO6 : 0;
    if (wanted && uso) tun->link_flags |= AKSU_LINK_USO;
    return 0;
}

static int configure(struct tun *tun, const aksu_tun_config *config, aksu_host_error *ret_error) {
    const char *what = "the MTU of";
    int failed = 0;
    if ((config->flags & AKSU_TUN_CONFIGURED) == 0) {
        failed = ak_netdev_set_mtu(tun->name, config->mtu);
        /* A kernel without IPv6 refuses, and has none to give itself either. */
        if (!failed && tun->kind == AK_VNET_IP) (void)ak_netdev_no_link_local(tun->index);
        for (size_t i = 0; !failed && i < AKSU_HOST_ADDRS; i++) {
            const aksu_host_addr *host = &config->host_addr[i];
            if (aksu_addr_is_any(&host->addr)) continue;
            what = aksu_addr_is_v4(&host->addr) ? "an IPv4 address on" : "an IPv6 address on";
            failed = ak_netdev_add_addr(tun->name, &host->addr, host->prefix_bits);
        }
        if (!failed) {
            what = "up";
            failed = ak_netdev_set_up(tun->name);
        }
        for (size_t i = 0; !failed && i < AKSU_HOST_ADDRS; i++) {
            const aksu_addr *addr = &config->host_addr[i].addr;
            if (!aksu_addr_is_any(addr)) ak_netdev_wait_addr(addr);
        }
    }
    if (!failed) {
        what = "(reading) the MTU of";
        failed = ak_netdev_mtu(tun->name, &tun->mtu);
    }
    if (!failed) return 0;
    return aksu_host_error_set(ret_error, -failed, "cannot set %s %s: %s", what, tun->name, strerror(-failed));
}

static void tun_link_config(const aksu_driver *driver, aksu_link_config *ret_config) {
    const struct tun *tun = (const struct tun *)driver;
    *ret_config = (aksu_link_config){
        .struct_bytes = sizeof *ret_config,
        .mtu = tun->mtu < PACKET_BYTES_MAX ? tun->mtu : PACKET_BYTES_MAX,
        .flags = tun->link_flags,
        .tso_max_bytes = tun->link_flags & AKSU_LINK_TSO4 ? PACKET_BYTES_MAX : 0,
    };
    if (tun->kind == AK_VNET_ETHERNET) ak_ether_link_config(&tun->ether, ret_config);
}

static void tun_close(aksu_driver *driver) {
    struct tun *tun = (struct tun *)driver;
    if (tun->driver.fd >= 0) (void)close(tun->driver.fd);
    aksu_arena_unmap(&tun->slots);
    free(tun);
}

static const aksu_driver_ops tun_ops = {
    .name = "tun",
    .read = tun_read,
    .write = tun_write,
    .link_config = tun_link_config,
    .close = tun_close,
};

void aksu_tun_config_default(aksu_tun_config *ret_config) {
    *ret_config = (aksu_tun_config){
        .struct_bytes = sizeof *ret_config,
        .mtu = 1500,
        .batch_frames = 8, /* 512 KiB: what was read is still in the second cache when the core copies it */
        .host_addr[0] = {.addr = aksu_addr_v4(192, 0, 2, 1), .prefix_bits = 24},
        .ether.dad_probes = 1,
    };
}

int aksu_tun_open(const aksu_tun_config *config, aksu_driver **ret_driver, aksu_host_error *ret_error) {
    const char *name = config->name != NULL ? config->name : "";
    int failed = check_config(config, name, ret_error);
    if (failed) return failed;
    struct tun *tun = calloc(1, sizeof *tun);
    if (tun == NULL) return aksu_host_error_set(ret_error, ENOMEM, "no memory for a TUN device");
    tun->driver = (aksu_driver){.ops = &tun_ops, .device = tun->name, .fd = -1};
    tun->slot_count = config->batch_frames;
    tun->kind = config->flags & AKSU_TUN_ETHERNET ? AK_VNET_ETHERNET : AK_VNET_IP;

    failed = aksu_arena_map((size_t)(tun->slot_count + 1) * SLOT_BYTES, AKSU_ARENA_SMALL_PAGES, &tun->slots, ret_error);
    if (!failed) failed = attach(tun, name, ret_error);
    if (!failed) failed = set_offload(tun, config, ret_error);
    if (!failed) failed = configure(tun, config, ret_error);
    if (!failed && tun->kind == AK_VNET_ETHERNET)
        failed = ak_ether_make(&config->ether, tun->name, &tun->ether, ret_error);
    if (failed) {
        tun_close(&tun->driver);
        return failed;
    }
    *ret_driver = &tun->driver;
    return 0;
}

const char *aksu_tun_name(const aksu_driver *driver) {
    assert(driver->ops == &tun_ops);
    return ((const struct tun *)driver)->name;
}

unsigned aksu_tun_index(const aksu_driver *driver) {
    assert(driver->ops == &tun_ops);
    return ((const struct tun *)driver)->index;
}

void aksu_driver_count(aksu_driver *driver) {
    if (driver->ops->count != NULL) driver->ops->count(driver);
}

void aksu_driver_close(aksu_driver *driver) {
    if (driver != NULL) driver->ops->close(driver);
}
