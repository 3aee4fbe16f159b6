/* The TCP header and its options: bytes to struct and back, stateless.  RFC 9293 s3.1-3.2, RFC 7323, 2018, 5482, 7413,
 * 9768. */
#ifndef AK_WIRE_TCP_H
#define AK_WIRE_TCP_H

#include "aksu/trace.h"
#include "base/seq.h"

#define AK_TCP_HEADER_BYTES     20u
#define AK_TCP_HEADER_BYTES_MAX 60u
#define AK_TCP_OPTION_BYTES_MAX 40u

struct ak_tcp_header {
    uint16_t src_port, dst_port;
    ak_seq seq, ack;
    uint16_t flags;      /* AKSU_TCP_ */
    uint8_t data_offset; /* header bytes / 4 */
    uint16_t wnd, up;
    aksu_tcp_options options;
};

/* Parses a header of which head_bytes lie at p, in a segment of segment_bytes (header and text).  TCP_TRUNCATED,
 * TCP_DATA_OFFSET, TCP_PORT_ZERO, TCP_OPTION_LENGTH (ruling R10: an illegal option length drops the segment).  Unknown
 * options are skipped (MUST-6); options need not be aligned (MUST-64); the first of two equal options counts; an option
 * of a known kind but a length that is not its own is an illegal length, but for fast open's, which RFC 7413 s4.1.1
 * wants ignored (as it is outside of SYNs), and AccECN's, of which RFC 9768 s3.2.3 wants whole fields taken.   MSS,
 * window scale, SACK-permitted are decoded in SYNs only (MUST-65); a shift above 14 is given as 14 (RFC 7323 s2.3).
 * header_bytes = data_offset * 4 is always within head_bytes. */
aksu_drop ak_wire_tcp_parse(const uint8_t *p, size_t head_bytes, size_t segment_bytes,
                            struct ak_tcp_header *ret_header);

/* The order in which options are laid out; stacks differ, and packet scripts know their stack's. */
enum ak_option_order {
    AK_OPTION_ORDER_LINUX,   /* MSS, SACK-permitted, TS, NOP, WS */
    AK_OPTION_ORDER_FREEBSD, /* MSS, NOP, WS, SACK-permitted, TS */
};

/* Bytes of options, padded to a multiple of 4, that this set needs: at most 40, in either order the same.  MSS, window
 * scale, SACK-permitted and fast open count in SYNs only, as the parser has it. */
uint32_t ak_wire_tcp_option_bytes(const aksu_tcp_options *options, uint16_t flags);
/* Writes header and options with checksum 0 and answers their bytes; data_offset of the argument is not looked at. SACK
 * blocks that do not fit into 40 bytes are left out, the last first; so are fields of AccECN, fast open and user
 * timeout, in this order, if the others leave no room. */
uint32_t ak_wire_tcp_build(uint8_t *p, const struct ak_tcp_header *header, enum ak_option_order order);

#endif
