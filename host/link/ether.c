/* What the drivers of Ethernet frames share: an address of our own, and padding.
 *
 * The address is made from the machine's identifier and the device's name, so that it is the same after a restart and
 * neighbours need not learn it anew; it is marked as locally administered (IEEE 802 s8.4).  A machine without an
 * identifier gets a random one each time. */
#include "ether.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MACHINE_ID_PATH  "/etc/machine-id"
#define MACHINE_ID_BYTES 32
#define FRAME_BYTES_MIN  60u
#define VLAN_LAST        4094

/* FNV-1a, then the upper half folded in: it only has to spread. */
static uint64_t spread(uint64_t hash, const void *data, size_t bytes) {
    const uint8_t *p = data;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static bool machine_id(char id[MACHINE_ID_BYTES]) {
    int fd = open(MACHINE_ID_PATH, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t got = read(fd, id, MACHINE_ID_BYTES);
    (void)close(fd);
    return got == MACHINE_ID_BYTES;
}

static int make_mac(const char *device, aksu_mac *ret_mac, aksu_host_error *ret_error) {
    char id[MACHINE_ID_BYTES];
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    if (machine_id(id)) {
        hash = spread(spread(hash, id, sizeof id), device, strlen(device));
        hash ^= hash >> 32;
    } else {
        int failed = aksu_host_entropy(&hash, sizeof hash, ret_error);
        if (failed) return failed;
    }
    memcpy(ret_mac->byte, &hash, sizeof ret_mac->byte);
    ret_mac->byte[0] = (uint8_t)((ret_mac->byte[0] & 0xfc) | 2);
    return 0;
}

int ak_ether_make(const aksu_ether_config *config, const char *device, aksu_ether_config *ret_config,
                  aksu_host_error *ret_error) {
    static const aksu_mac none = {{0}};
    if ((config->mac.byte[0] & 1) != 0 || config->vlan > VLAN_LAST || config->autoconf > AKSU_AUTOCONF_TEMPORARY ||
        config->dad_probes > 16) {
        return aksu_host_error_set(ret_error, EINVAL,
                                   "the Ethernet address is a group's, or VLAN or another field is "
                                   "out of its range");
    }
    *ret_config = *config;
    if (memcmp(&config->mac, &none, sizeof none) != 0) return 0;
    return make_mac(device, &ret_config->mac, ret_error);
}

void ak_ether_link_config(const aksu_ether_config *config, aksu_link_config *link_config) {
    link_config->type = AKSU_LINK_ETHERNET;
    link_config->mac = config->mac;
    link_config->vlan = config->vlan;
    link_config->dad_probes = config->dad_probes;
    link_config->autoconf = config->autoconf;
    if (config->vlan == 0) return;
    link_config->flags &=
        ~(uint32_t)(AKSU_LINK_TSO4 | AKSU_LINK_TSO6 | AKSU_LINK_USO); /* not every device cuts tagged frames */
    link_config->tso_max_bytes = 0;
}

bool ak_ether_pad(uint32_t frame_bytes, struct iovec *ret_iov) {
    static const uint8_t zeros[FRAME_BYTES_MIN];
    if (frame_bytes >= FRAME_BYTES_MIN) return false;
    *ret_iov = (struct iovec){.iov_base = (void *)(uintptr_t)zeros, .iov_len = FRAME_BYTES_MIN - frame_bytes};
    return true;
}
