/* Fragments: RFC 791 s3.2, RFC 8200 s4.5.  Bytes to struct, stateless. */
#ifndef AK_WIRE_FRAGMENT_H
#define AK_WIRE_FRAGMENT_H

#include "ip.h"

#define AK_IPV6_FRAGMENT_HEADER_BYTES 8u

/* Where an RFC wants a problem of IPv6 to be told: ICMPv6 Parameter Problem, RFC 4443 s3.4. */
struct ak_problem {
    bool tell;
    bool to_groups; /* although the packet went to many: RFC 4443 s2.4 (e.3) */
    uint8_t code;   /* AK_PROBLEM_ */
    uint32_t pointer;
};
enum { AK_PROBLEM_FIELD = 0, AK_PROBLEM_NEXT_HEADER = 1, AK_PROBLEM_OPTION = 2, AK_PROBLEM_HEADER_CHAIN = 3 };

/* A way over the extension headers of IPv6, RFC 8200 s4. */
struct ak_ipv6_walk {
    const uint8_t *p;
    size_t head_bytes, total_bytes;
    size_t at, next_at; /* the header that it has come to, and the byte that names it */
    uint8_t next, count;
    bool fragment; /* a fragment header has been seen */
    struct ak_problem problem;
};
void ak_wire_ipv6_walk_begin(struct ak_ipv6_walk *w, const uint8_t *p, size_t head_bytes, size_t total_bytes);
/* To the first header that is no extension header, or to one that is wrong. */
aksu_drop ak_wire_ipv6_walk(struct ak_ipv6_walk *w);
/* On from there, whatever is wrong, to the first that is no extension header; false: it does not lie at p. */
bool ak_wire_ipv6_walk_on(struct ak_ipv6_walk *w);
/* Over one header of so many bytes. */
void ak_wire_ipv6_walk_step(struct ak_ipv6_walk *w, size_t bytes);

struct ak_fragment {
    struct ak_ip ip; /* protocol: IPv6, what the fragment header names: only the first one's means something.
                        header_bytes: to where the data begins */
    uint32_t id;
    uint32_t at, bytes;  /* of the data, in the datagram; [at, at + bytes) */
    bool more;           /* it is not the last */
    uint16_t kept_bytes; /* of the header, those that the datagram keeps: IPv6, all before the fragment header */
    uint16_t next_at;    /* IPv6: the byte that says that a fragment header follows */
    struct ak_problem problem;
};

/* Parses a packet of which ak_wire_ip_parse said IP_FRAGMENT: the same arguments.  Reasons: FRAGMENT_LENGTH (nothing in
 * it, or no multiple of 8 and not the last), FRAGMENT_TOO_LONG (the datagram would pass 65,535 bytes),
 * FRAGMENT_HEADERS (the first, and the headers do not all lie in it: RFC 7112, RFC 3128), FRAGMENT_NESTED.  With a
 * reason too ret_fragment->ip is filled, and ret_fragment->problem tells what its source is to be told. */
aksu_drop ak_wire_fragment_parse(const uint8_t *p, size_t head_bytes, size_t frame_bytes,
                                 struct ak_fragment *ret_fragment);

/* The header of the datagram, from that of its first fragment, which lies at p: kept_bytes of it stay, in front of
 * payload_bytes.  congestion: the ECN field (RFC 3168 s5.3). */
void ak_wire_fragment_join(uint8_t *p, const struct ak_fragment *first, uint32_t payload_bytes, uint8_t congestion);

#endif
