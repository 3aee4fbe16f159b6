/* Fuzz target: ICMP messages and what errors quote.  The input is a message; its first 8 bytes are parsed as the header
 * and what follows as the quote of an error. */
#include "base/bytes.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/udp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

/* What lies behind the IP header: ports and TCP's sequence number, or of our echo request its identifier and number. */
static void transport_judge(const uint8_t *p, uint8_t protocol, uint8_t echo_type, const struct ak_icmp_quote *quote) {
    require(quote->protocol == protocol);
    if (protocol != AK_IP_PROTOCOL_TCP && protocol != AK_IP_PROTOCOL_UDP) {
        require(p[0] == echo_type && p[1] == 0);
        require(quote->src_port == ak_be16(p + 4) && quote->dst_port == 0 && quote->seq == ak_be16(p + 6));
        return;
    }
    require(quote->src_port == ak_be16(p) && quote->dst_port == ak_be16(p + 2));
    require(quote->seq == (protocol == AK_IP_PROTOCOL_TCP ? ak_be32(p + 4) : 0));
}

static void quote_judge(const uint8_t *p, size_t bytes) {
    struct ak_icmp_quote quote;
    const aksu_drop drop = ak_wire_icmp_quote_parse(p, bytes, &quote);
    require(drop == AKSU_DROP_NONE || drop == AKSU_DROP_ICMP_QUOTE);
    if (drop != AKSU_DROP_NONE) return;
    if (p[0] >> 4 == 6) {
        require(bytes >= AK_IPV6_HEADER_BYTES + 8 && !aksu_addr_is_v4(&quote.src));
        require(memcmp(quote.src.byte, p + 8, 16) == 0 && memcmp(quote.dst.byte, p + 24, 16) == 0);
        transport_judge(p + AK_IPV6_HEADER_BYTES, p[6], AK_ICMP6_ECHO, &quote);
        return;
    }
    const size_t header_bytes = (p[0] & 0x0fu) * 4u;
    require(p[0] >> 4 == 4 && header_bytes >= AK_IPV4_HEADER_BYTES && header_bytes + 8 <= bytes);
    require(aksu_addr_is_v4(&quote.src) && ak_addr_v4_value(&quote.src) == ak_be32(p + 12));
    require(aksu_addr_is_v4(&quote.dst) && ak_addr_v4_value(&quote.dst) == ak_be32(p + 16));
    transport_judge(p + header_bytes, p[9], AK_ICMP_ECHO, &quote);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    struct ak_icmp icmp;
    const aksu_drop drop = ak_wire_icmp_parse(data, bytes, &icmp);
    require(drop == (bytes < AK_ICMP_HEADER_BYTES ? AKSU_DROP_ICMP_TRUNCATED : AKSU_DROP_NONE));
    if (drop != AKSU_DROP_NONE) return 0;
    require(icmp.type == data[0] && icmp.code == data[1]);
    require(icmp.mtu == 0 || (icmp.type == AK_ICMP_UNREACHABLE && icmp.code == 4));
    const bool echo = icmp.type == AK_ICMP_ECHO || icmp.type == AK_ICMP_ECHO_REPLY;
    require(echo || (icmp.id == 0 && icmp.sequence == 0));
    const size_t quote_bytes = bytes - AK_ICMP_HEADER_BYTES;
    uint8_t *quote = malloc(quote_bytes > 0 ? quote_bytes : 1);
    if (quote == NULL) return 0;
    memcpy(quote, data + AK_ICMP_HEADER_BYTES, quote_bytes);
    quote_judge(quote, quote_bytes);
    free(quote);
    return 0;
}
