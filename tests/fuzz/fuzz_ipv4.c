/* Fuzz target: the IPv4 header.  The first input byte says how many bytes of the frame lie behind those at hand; the
 * rest is the head.  It is parsed as it is and with its checksum put right, so that the checksum keeps nothing from the
 * fuzzer.  What is taken must lie within the frame and be what the builder writes. */
#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/ip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static void built_again_the_same(const uint8_t *p, const struct ak_ip *ip) {
    uint8_t built[AK_IPV4_HEADER_BYTES], want[AK_IPV4_HEADER_BYTES];
    memcpy(want, p, sizeof want);
    if ((want[6] & 0x80) != 0) return; /* the reserved flag is not kept */
    ak_wire_ipv4_build(built, ip);
    /* Two checksums are right for the same header, 0000 and ffff (RFC 1624 s3). */
    if (ak_be16(want + 10) == 0xffff) ak_put16(want + 10, 0);
    require(memcmp(built, want, sizeof want) == 0);
}

static void parse_and_judge(const uint8_t *p, size_t head_bytes, size_t frame_bytes) {
    struct ak_ip ip;
    memset(&ip, 0x77, sizeof ip);
    const aksu_drop drop = ak_wire_ipv4_parse(p, head_bytes, frame_bytes, &ip);
    if (drop != AKSU_DROP_NONE) {
        require(drop >= AKSU_DROP_IP_TRUNCATED && drop <= AKSU_DROP_IP_FRAGMENT);
        return;
    }
    require(ip.version == 4 && ip.header_bytes >= 20 && ip.header_bytes <= 60 && ip.header_bytes % 4 == 0);
    require(ip.header_bytes <= head_bytes && ip.header_bytes <= ip.total_bytes && ip.total_bytes <= frame_bytes);
    require(aksu_addr_is_v4(&ip.src) && aksu_addr_is_v4(&ip.dst));
    struct ak_sum sum = {0};
    ak_sum_add(&sum, p, ip.header_bytes);
    require(ak_sum_fold(&sum) == 0xffff);
    if (ip.header_bytes == AK_IPV4_HEADER_BYTES) built_again_the_same(p, &ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes < 1) return 0;
    const size_t head_bytes = bytes - 1, frame_bytes = head_bytes + data[0];
    parse_and_judge(data + 1, head_bytes, frame_bytes);
    if (head_bytes == 0) return 0;
    uint8_t *repaired = malloc(head_bytes);
    if (repaired == NULL) return 0;
    memcpy(repaired, data + 1, head_bytes);
    const size_t header_bytes = (repaired[0] & 0x0fu) * 4u;
    if (header_bytes >= AK_IPV4_HEADER_BYTES && header_bytes <= head_bytes) {
        struct ak_sum sum = {0};
        ak_put16(repaired + 10, 0);
        ak_sum_add(&sum, repaired, header_bytes);
        ak_put16(repaired + 10, (uint16_t)~ak_sum_fold(&sum));
    }
    parse_and_judge(repaired, head_bytes, frame_bytes);
    free(repaired);
    return 0;
}
