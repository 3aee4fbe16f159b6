/* Fuzz target: the UDP header.  The first two input bytes say how many bytes of the packet lie behind those at hand;
 * the rest is the head.  What is taken must lie within the packet and be what the builder writes. */
#include "base/bytes.h"
#include "wire/udp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes < 2) return 0;
    const size_t head_bytes = bytes - 2, packet_bytes = head_bytes + ak_be16(data);
    uint8_t *head = malloc(head_bytes > 0 ? head_bytes : 1); /* of its own: what is read past it is seen */
    if (head == NULL) return 0;
    memcpy(head, data + 2, head_bytes);
    struct ak_udp_header header;
    memset(&header, 0x77, sizeof header);
    const aksu_drop drop = ak_wire_udp_parse(head, head_bytes, packet_bytes, &header);
    if (drop == AKSU_DROP_NONE) {
        uint8_t built[AK_UDP_HEADER_BYTES];
        require(head_bytes >= AK_UDP_HEADER_BYTES && header.bytes >= AK_UDP_HEADER_BYTES);
        require(header.bytes <= packet_bytes && header.dst_port != 0);
        ak_wire_udp_build(built, &header);
        require(memcmp(built, head, sizeof built) == 0);
    } else {
        require(drop >= AKSU_DROP_UDP_TRUNCATED && drop <= AKSU_DROP_UDP_PORT_ZERO);
        require(drop != AKSU_DROP_UDP_TRUNCATED || head_bytes < AK_UDP_HEADER_BYTES);
    }
    free(head);
    return 0;
}
