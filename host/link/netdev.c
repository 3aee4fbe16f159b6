/* Settings of a network device of the kernel: MTU, up, address.
 *
 * MTU and flags go by ioctl on a socket that serves for nothing else; addresses by one rtnetlink request each, which
 * treats both families alike.  A request is one message and its acknowledgment; nothing is kept open.
 *
 * Limits: adds only.  What was set goes with the device. */
#include "netdev.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ADDR_V4_OFFSET 12 /* of the IPv4 address in an aksu_addr, RFC 4291 s2.5.5.2 */

static int device_ioctl(const char *name, unsigned long request, struct ifreq *device) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    (void)strncpy(device->ifr_name, name, IFNAMSIZ - 1);
    int failed = ioctl(fd, request, device) < 0 ? -errno : 0;
    (void)close(fd);
    return failed;
}

int ak_netdev_mtu(const char *name, uint32_t *ret_mtu) {
    struct ifreq device = {0};
    int failed = device_ioctl(name, SIOCGIFMTU, &device);
    if (failed == 0) *ret_mtu = (uint32_t)device.ifr_mtu;
    return failed;
}

int ak_netdev_set_mtu(const char *name, uint32_t mtu) {
    uint32_t mtu_now = 0;
    if (ak_netdev_mtu(name, &mtu_now) == 0 && mtu_now == mtu) return 0;
    struct ifreq device = {.ifr_mtu = (int)mtu};
    return device_ioctl(name, SIOCSIFMTU, &device);
}

int ak_netdev_set_up(const char *name) {
    struct ifreq device = {0};
    int failed = device_ioctl(name, SIOCGIFFLAGS, &device);
    if (failed || (device.ifr_flags & IFF_UP)) return failed;
    device.ifr_flags = (short)(device.ifr_flags | IFF_UP);
    return device_ioctl(name, SIOCSIFFLAGS, &device);
}

/* ---------------------------------------------------------------- rtnetlink */

struct request {
    struct nlmsghdr header;
    union {
        struct ifaddrmsg address;
        struct ifinfomsg link;
        struct rtmsg route;
    } body;
    uint8_t attributes[64]; /* follows the shorter bodies directly as well: see request_attribute */
};

static struct rtattr *request_attribute(struct request *request, uint16_t type, const void *data, size_t bytes) {
    size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
    struct rtattr *attribute = (struct rtattr *)(void *)((uint8_t *)request + at);
    attribute->rta_type = type;
    attribute->rta_len = (uint16_t)RTA_LENGTH(bytes);
    if (bytes > 0) memcpy(RTA_DATA(attribute), data, bytes);
    request->header.nlmsg_len = (uint32_t)(at + RTA_ALIGN(attribute->rta_len));
    return attribute;
}

static void request_nest_end(struct request *request, struct rtattr *nest) {
    nest->rta_len = (uint16_t)((uint8_t *)request + request->header.nlmsg_len - (uint8_t *)nest);
}

union answer {
    struct nlmsghdr header;
    uint8_t bytes[4096];
};

/* Sends a request and waits for its answer: 0 for an acknowledgment or what was asked for, which is of the type. */
static int request_exchange(struct request *request, uint16_t type, union answer *ret_answer) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -errno;
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int failed = -EIO;
    ssize_t got = 0;
    if (sendto(fd, request, request->header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) {
        failed = -errno;
    } else {
        do {
            got = recv(fd, ret_answer, sizeof *ret_answer, 0);
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            failed = -errno;
        } else if ((size_t)got >= NLMSG_LENGTH(sizeof(struct nlmsgerr)) &&
                   ret_answer->header.nlmsg_type == NLMSG_ERROR) {
            failed = ((const struct nlmsgerr *)NLMSG_DATA(&ret_answer->header))->error;
        } else if ((size_t)got >= NLMSG_LENGTH(sizeof(struct rtmsg)) && ret_answer->header.nlmsg_type == type) {
            failed = 0;
        }
    }
    (void)close(fd);
    return failed;
}

static int request_send(struct request *request) {
    union answer answer;
    return request_exchange(request, NLMSG_ERROR, &answer);
}

int ak_netdev_no_link_local(unsigned index) {
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = RTM_NEWLINK,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .body.link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index},
    };
    uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
    struct rtattr *families = request_attribute(&request, IFLA_AF_SPEC, NULL, 0);
    struct rtattr *family = request_attribute(&request, AF_INET6, NULL, 0);
    (void)request_attribute(&request, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
    request_nest_end(&request, family);
    request_nest_end(&request, families);
    return request_send(&request);
}

/* ---------------------------------------------------------------- addresses */

/* An address of a socket structure; false: another family. */
static bool socket_addr(const struct sockaddr *from, aksu_addr *ret_addr) {
    if (from == NULL) return false;
    if (from->sa_family == AF_INET) {
        uint8_t byte[4];
        memcpy(byte, &((const struct sockaddr_in *)(const void *)from)->sin_addr, sizeof byte);
        *ret_addr = aksu_addr_v4(byte[0], byte[1], byte[2], byte[3]);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        memcpy(ret_addr->byte, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, sizeof ret_addr->byte);
        return true;
    }
    return false;
}

static bool device_has_addr(const char *name, const aksu_addr *addr) {
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) < 0) return false;
    bool found = false;
    for (const struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
        aksu_addr have;
        found = strcmp(one->ifa_name, name) == 0 && socket_addr(one->ifa_addr, &have) && aksu_addr_equal(&have, addr);
    }
    freeifaddrs(all);
    return found;
}

int ak_netdev_add_addr(const char *name, const aksu_addr *addr, uint8_t prefix_bits) {
    if (device_has_addr(name, addr)) return 0;
    unsigned index = if_nametoindex(name);
    if (index == 0) return -errno;
    bool v4 = aksu_addr_is_v4(addr);
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
                   .nlmsg_type = RTM_NEWADDR,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
        .body.address = {.ifa_family = v4 ? AF_INET : AF_INET6,
                         .ifa_prefixlen = prefix_bits,
                         .ifa_flags = v4 ? 0 : IFA_F_NODAD,
                         .ifa_scope = RT_SCOPE_UNIVERSE,
                         .ifa_index = index},
    };
    const uint8_t *bytes = v4 ? addr->byte + ADDR_V4_OFFSET : addr->byte;
    size_t byte_count = v4 ? 4 : 16;
    (void)request_attribute(&request, IFA_LOCAL, bytes, byte_count);
    (void)request_attribute(&request, IFA_ADDRESS, bytes, byte_count);
    int failed = request_send(&request);
    return failed == -EEXIST ? 0 : failed;
}

/* Whether packets to the address are the kernel's own. */
static bool is_local(const aksu_addr *addr) {
    struct request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
                   .nlmsg_type = RTM_GETROUTE,
                   .nlmsg_flags = NLM_F_REQUEST},
        .body.route = {.rtm_family = AF_INET6, .rtm_dst_len = 128},
    };
    (void)request_attribute(&request, RTA_DST, addr->byte, sizeof addr->byte);
    union answer answer = {.bytes = {0}};
    if (request_exchange(&request, RTM_NEWROUTE, &answer) != 0) return false;
    return ((const struct rtmsg *)NLMSG_DATA(&answer.header))->rtm_type == RTN_LOCAL;
}

void ak_netdev_wait_addr(const aksu_addr *addr) {
    enum { TRIES = 200 };
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int i = 0; i < TRIES && !aksu_addr_is_v4(addr) && !is_local(addr); i++) (void)nanosleep(&pause, NULL);
}
