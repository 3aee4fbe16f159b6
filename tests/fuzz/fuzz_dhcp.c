/* Fuzz target: DHCP replies.  The transaction and the hardware address of the message are taken for ours. */
#include "svc/dhcp_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes < 34) return 0;
    const uint32_t xid = (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 | (uint32_t)data[6] << 8 | data[7];
    dhcp_type type;
    aksu_dhcp_lease lease;
    if (!dhcp_reply_parse(data, bytes, xid, data + 28, &type, &lease)) return 0;
    require(type == DHCP_OFFER || type == DHCP_ACK || type == DHCP_NAK);
    require(!aksu_addr_is_any(&lease.server));
    if (type == DHCP_NAK) return 0;
    require(!aksu_addr_is_any(&lease.addr) && aksu_addr_is_v4(&lease.addr));
    require(lease.prefix_bits >= 1 && lease.prefix_bits <= 32);
    require(lease.lease_s > 0 && lease.renew_s <= lease.rebind_s && lease.rebind_s <= lease.lease_s);
    require(lease.router_count <= AKSU_DHCP_SERVERS && lease.dns_count <= AKSU_DHCP_SERVERS);
    for (uint32_t i = 0; i < lease.router_count; i++) require(!aksu_addr_is_any(&lease.router[i]));
    require(memchr(lease.domain, '\0', sizeof lease.domain) != NULL);
    return 0;
}
