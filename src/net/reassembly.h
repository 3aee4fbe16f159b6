/* Datagrams that come in fragments: see reassembly.c. */
#ifndef AK_NET_REASSEMBLY_H
#define AK_NET_REASSEMBLY_H

#include "core/core.h"
#include "core/stream.h"
#include "wire/fragment.h"

#define AK_FRAGMENT_MAX          256u /* of one datagram: 64 KiB in pieces of 256 bytes */
#define AK_FRAGMENT_HEADER_BYTES 128u
#define AK_FRAGMENT_BLOCK_MAX    129u
#define AK_FRAGMENT_SOURCES      64u

/* Who a fragment belongs to.  No padding: it is hashed and compared as bytes. */
struct ak_fragment_key {
    aksu_addr src, dst;
    uint32_t id;
    uint16_t link;             /* of link-local addresses; AKSU_LINK_ANY */
    uint8_t version, protocol; /* IPv4 */
};

/* What has come of it, in units of 8 bytes: [from, to). */
struct ak_piece {
    uint16_t from, to;
};

struct ak_reassembly {
    struct ak_fragment_key key;
    ak_ref hash_next;
    struct ak_link age, of_source;
    struct ak_wheel_node timer;
    struct ak_stream data; /* position 0 is the first byte behind the headers */
    struct ak_fragment first;
    uint32_t end_bytes; /* 0: the last fragment has not come */
    uint32_t got_bytes, held_bytes;
    uint16_t piece_count, link;
    uint8_t source;          /* index of its bucket */
    uint8_t congestion_seen; /* bit n: a fragment had n in its ECN field */
    uint8_t frame_flags;
    bool begun, lost;                         /* the first fragment is here; only here so that the rest is not taken */
    uint8_t header[AK_FRAGMENT_HEADER_BYTES]; /* of the first fragment, as it came */
    struct ak_piece piece[AK_FRAGMENT_MAX];   /* in their order */
};

struct ak_fragment_source {
    struct ak_list list; /* oldest first */
    uint32_t count, held_bytes;
};

struct ak_reassemblies {
    struct ak_table table;
    struct ak_list age; /* oldest first */
    struct ak_lens age_lens, source_lens;
    uint32_t held_bytes;
    struct ak_fragment_source source[AK_FRAGMENT_SOURCES];
};

/* A datagram that is whole: a packet as if it had come in one piece. */
struct ak_whole {
    uint32_t reassembly; /* AK_NONE: there is none */
    aksu_frame frame;
    aksu_iov iov[1 + AK_FRAGMENT_BLOCK_MAX];
    uint8_t header[AK_FRAGMENT_HEADER_BYTES];
};

/* A frame of which ak_net_accept said IP_FRAGMENT.  NONE: it is kept, or makes a datagram whole, which then lies in
 * ret_whole until ak_reassembly_done. */
aksu_drop ak_reassembly_input(struct ak_core *core, const aksu_frame *frame, struct ak_whole *ret_whole);
void ak_reassembly_done(struct ak_core *core, const struct ak_whole *whole);
/* The timer of one. */
void ak_reassembly_fire(struct ak_core *core, ak_ref ref);
void ak_reassembly_init(struct ak_core *core, void *buckets);

#endif
