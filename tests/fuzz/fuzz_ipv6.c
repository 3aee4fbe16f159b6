/* Fuzz target: the IPv6 header with its extension headers.  The first input byte says how many bytes of the frame lie
 * behind those at hand; the rest is the head.  What is taken must lie within the frame, and its addresses be those on
 * the wire; a header without extensions must be what the builder writes. */
#include "base/bytes.h"
#include "wire/ip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static void judge(const uint8_t *p, size_t head_bytes, size_t frame_bytes, const struct ak_ip *ip) {
    require(ip->version == 6 && ip->header_bytes >= AK_IPV6_HEADER_BYTES && ip->header_bytes % 8 == 0);
    require(ip->header_bytes <= head_bytes && ip->header_bytes <= ip->total_bytes && ip->total_bytes <= frame_bytes);
    require(memcmp(ip->src.byte, p + 8, 16) == 0 && memcmp(ip->dst.byte, p + 24, 16) == 0);
    require(!aksu_addr_is_v4(&ip->src) && !aksu_addr_is_v4(&ip->dst));
    if (ip->header_bytes != AK_IPV6_HEADER_BYTES || ip->fragment) return;
    uint8_t built[AK_IPV6_HEADER_BYTES];
    struct ak_ip again = *ip;
    require(ak_wire_ip_build(built, &again, ip->total_bytes - AK_IPV6_HEADER_BYTES) == sizeof built);
    require(memcmp(built, p, sizeof built) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes < 1) return 0;
    const size_t head_bytes = bytes - 1, frame_bytes = head_bytes + data[0];
    uint8_t *head = malloc(head_bytes > 0 ? head_bytes : 1); /* of its own: what is read past it is seen */
    if (head == NULL) return 0;
    memcpy(head, data + 1, head_bytes);
    struct ak_ip ip;
    memset(&ip, 0x77, sizeof ip);
    const aksu_drop drop = ak_wire_ipv6_parse(head, head_bytes, frame_bytes, &ip);
    if (drop == AKSU_DROP_NONE) judge(head, head_bytes, frame_bytes, &ip);
    free(head);
    return 0;
}
