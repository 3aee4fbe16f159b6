/* Settings of a network device of the kernel, by ioctl and rtnetlink: no external programs.  Each answers 0 or a
 * negative errno value, changes nothing that is already as asked, and so needs no permission then. */
#ifndef AKSU_HOST_LINK_NETDEV_H
#define AKSU_HOST_LINK_NETDEV_H

#include "aksu/aksu.h"

int ak_netdev_mtu(const char *name, uint32_t *ret_mtu);
int ak_netdev_set_mtu(const char *name, uint32_t mtu);
int ak_netdev_set_up(const char *name);

/* Keeps the kernel from giving itself a link-local IPv6 address there, and so from router solicitations and MLD
 * reports to a peer who does not care. */
int ak_netdev_no_link_local(unsigned index);

/* An address with its prefix route.  One that the device has already is well; IPv6 skips duplicate detection (RFC 4862
 * s5.4), since the only other node is ours. */
int ak_netdev_add_addr(const char *name, const aksu_addr *addr, uint8_t prefix_bits);

/* The kernel takes up an IPv6 address some time after it was added and the device is up, and drops what comes for it
 * until then: waits for that, a fifth of a second at most. */
void ak_netdev_wait_addr(const aksu_addr *addr);

#endif
