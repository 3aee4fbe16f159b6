/* ICMP messages, RFC 792, RFC 1122 s3.2.2, and ICMPv6, RFC 4443: bytes to struct, stateless. */
#ifndef AK_WIRE_ICMP_H
#define AK_WIRE_ICMP_H

#include "aksu/aksu.h"

#define AK_ICMP_HEADER_BYTES 8u
enum {
    AK_ICMP_ECHO_REPLY = 0,
    AK_ICMP_UNREACHABLE = 3,
    AK_ICMP_SOURCE_QUENCH = 4,
    AK_ICMP_REDIRECT = 5,
    AK_ICMP_ECHO = 8,
    AK_ICMP_TIME_EXCEEDED = 11,
    AK_ICMP_PARAMETER_PROBLEM = 12,
};

enum {
    AK_ICMP6_UNREACHABLE = 1,
    AK_ICMP6_PACKET_TOO_BIG = 2,
    AK_ICMP6_TIME_EXCEEDED = 3,
    AK_ICMP6_PARAMETER_PROBLEM = 4,
    AK_ICMP6_ECHO = 128,
    AK_ICMP6_ECHO_REPLY = 129,
};

struct ak_icmp {
    uint8_t type, code;
    uint16_t id, sequence; /* echo */
    uint32_t mtu;          /* unreachable code 4, RFC 1191; packet too big, RFC 4443 s3.2 */
};

/* The first 8 bytes.  ICMP_TRUNCATED.  The checksum is the caller's to check: it covers the whole message. */
aksu_drop ak_wire_icmp_parse(const uint8_t *p, size_t bytes, struct ak_icmp *ret_icmp);

aksu_drop ak_wire_icmp6_parse(const uint8_t *p, size_t bytes, struct ak_icmp *ret_icmp);

/* What an ICMP error quotes: the IP header and the first 8 bytes of a TCP or UDP header, an echo request, or over IPv6
 * an answer to one; over IPv6 also behind the header of a first fragment.  ICMP_QUOTE if it is not such. */
struct ak_icmp_quote {
    aksu_addr src, dst;
    uint16_t src_port, dst_port; /* of an echo request: its identifier, 0 */
    uint8_t protocol;
    bool echo_reply;     /* an answer */
    uint32_t flow_label; /* IPv6 */
    uint32_t seq;        /* TCP, echo */
};
aksu_drop ak_wire_icmp_quote_parse(const uint8_t *p, size_t bytes, struct ak_icmp_quote *ret_quote);

#endif
