/* What every protocol of a stack shares: the latched time, keys, pools, timers, the connection table, lists of sockets
 * with something to tell and connections with something to send, frame slots, replies, counters and the trace sink.
 *
 * The core knows what kinds of objects there are and how many, not what is in them.  It lies at the start of the arena,
 * and no pointer into the arena is kept in it, so that an arena can be copied. */
#ifndef AK_CORE_CORE_H
#define AK_CORE_CORE_H

#include "aksu/trace.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/prng.h"
#include "base/table.h"
#include "base/wheel.h"
#include "core/blocks.h"

/* The objects of a stack.  The first AK_REF_CLASSES can be named by an ak_ref. */
enum ak_kind {
    AK_KIND_TCB,
    AK_KIND_LISTENER,
    AK_KIND_SYN,        /* half-open record of the SYN cache */
    AK_KIND_TIME_WAIT,  /* compact 2MSL record */
    AK_KIND_FRAME,      /* lent output frames */
    AK_KIND_TRANSFER,   /* what a connection needs only while it moves data */
    AK_KIND_RECORD,     /* a transmission in flight */
    AK_KIND_SETTINGS,   /* shared sets of per-connection settings */
    AK_KIND_NEIGHBOUR,  /* who is at an IP address of an Ethernet link */
    AK_KIND_HELD,       /* packets that wait for a neighbour */
    AK_KIND_UDP,        /* UDP sockets */
    AK_KIND_DATAGRAM,   /* what waits to be read from them */
    AK_KIND_REASSEMBLY, /* datagrams of which fragments have come */
    AK_KIND_RATE,       /* of a transfer whose congestion control measures delivery rates */
    AK_KIND_SAMPLE,     /* of its transmissions in flight */
    AK_KIND_ACCECN,     /* of a connection with accurate ECN */
    AK_KIND_COUNT
};

/* A class of references beyond those of pools: the network floor's own timer. */
#define AK_CLASS_NET (AK_REF_CLASSES - 1)

/* Keys: one for each use, none tells anything about another. */
enum ak_key_use {
    AK_KEY_TABLE,
    AK_KEY_ISN,
    AK_KEY_TIMESTAMP,
    AK_KEY_RANDOM,
    AK_KEY_FLOW_LABEL, /* of datagrams; TCP has its own */
    AK_KEY_FLOW_HASH,
    AK_KEY_CHALLENGE,
    AK_KEY_SYN_COOKIE,
    AK_KEY_FAST_OPEN,
    AK_KEY_NEIGHBOUR,
    AK_KEY_INTERFACE, /* RFC 7217 s5's secret, unless the config has one */
    AK_KEY_FRAGMENT,
    AK_KEY_COUNT
};

struct ak_link_state {
    uint32_t mtu, flags, tso_max_bytes;
    bool up, ethernet;
};

/* How to reach a peer: what stack resolves and hands to a transport. */
struct ak_path {
    aksu_addr source;
    uint32_t mtu;
    uint16_t link;
};

/* Which neighbour that was, remembered: good as long as its generation is net's. */
struct ak_hop_note {
    uint32_t neighbour, generation;
};

struct ak_core;

/* What an ICMP error says, its quote read. */
struct ak_tuple;
struct ak_icmp_report {
    const struct ak_tuple *tuple; /* from our side */
    uint32_t seq;                 /* of the TCP segment or echo request it quotes */
    aksu_reason reason;
    bool hard;    /* RFC 1122 s4.2.3.9 */
    uint32_t mtu; /* PACKET_TOO_BIG */
    const aksu_addr *from;
    uint8_t type, code;
};

/* What transports ask of the floors above. */
struct ak_ops {
    /* Fills ret_path for a destination, whose link matters only to a link-local address; want_source, if specified,
     * must be ours.  NO_ROUTE, ADDR_NOT_AVAILABLE. */
    aksu_err (*resolve)(struct ak_core *core, const aksu_endpoint *remote, const aksu_addr *want_source,
                        struct ak_path *ret_path);
    /* An ICMP error that quotes a TCP segment of ours; whether anybody could have meant it. */
    bool (*tcp_error)(struct ak_core *core, const struct ak_icmp_report *report);
    /* A frame that its owner waited for is no longer lent. */
    void (*frame_returned)(struct ak_core *core, ak_ref owner);
    bool (*is_ours)(const struct ak_core *core, const aksu_addr *addr);
    bool (*is_broadcast)(const struct ak_core *core, const aksu_addr *addr);
    /* A connection that waited for its neighbour may send, or learns that nobody answers. */
    void (*hop_ready)(struct ak_core *core, ak_ref connection);
    void (*hop_failed)(struct ak_core *core, ak_ref connection);
    /* RFC 4861 s7.3.1: something has come back from there, at_us. */
    void (*progress)(struct ak_core *core, const struct ak_hop_note *note, uint64_t at_us);
    /* RFC 1122 s3.3.1.4: nothing does. */
    void (*doubt)(struct ak_core *core, uint16_t link, const aksu_addr *remote);
};

/* The host's pointers: the only ones in the arena, set again in a copy. */
struct ak_host {
    aksu_trace_sink *sink;
    void *sink_user;
    const struct ak_ops *ops;
};

/* The four-tuple, from our side. */
struct ak_tuple {
    aksu_addr local, remote;
    uint16_t local_port, remote_port;
};

/* The head of everything that a handle names.  An object is in use while its generation is odd. */
struct ak_sock {
    uint32_t generation;
    uint16_t settings;    /* index in AK_KIND_SETTINGS */
    uint8_t seen_bits;    /* reported, and not observed false since */
    uint8_t pending_bits; /* to report */
    uint64_t user;
    struct ak_link ready; /* on core.ready; for a connection not yet accepted, on its listener's queue */
};

struct ak_settings {
    uint32_t use_count; /* connections and listeners; 0: free */
    uint32_t next_free;
    aksu_tcp_settings tcp;
};

#define AK_FRAME_HEADER_BYTES 128u
#define AK_FRAME_ROOM_BYTES   20u /* in front of the IP header, for that of the link */
#define AK_FRAME_BLOCK_MAX    17u

struct ak_frame_slot {
    uint32_t next_free;
    uint32_t token; /* index | use << 20 */
    bool lent_now;
    uint32_t block_count;
    uint32_t block[AK_FRAME_BLOCK_MAX]; /* pinned */
    aksu_iov iov[AK_FRAME_BLOCK_MAX + 1];
    struct ak_link lent;                   /* unused unless config.output_sync */
    ak_ref owner;                          /* whose frame it is, if he waits for it; AK_NONE */
    uint8_t header[AK_FRAME_HEADER_BYTES]; /* IP begins behind AK_FRAME_ROOM_BYTES */
};

/* A packet sent without a connection. */
struct ak_reply {
    uint32_t block; /* payload, AK_NONE; or if that takes several, the block that lists them */
    uint32_t payload_bytes;
    uint16_t link;
    uint16_t header_bytes;
    uint16_t segment_bytes; /* of a UDP super-segment, whose checksum is partial; 0: a packet as it stands */
    uint8_t cause;          /* aksu_send_cause */
    bool listed;
    bool framed; /* the header is the link's too: no IP packet */
    uint8_t header[AK_FRAME_HEADER_BYTES - AK_FRAME_ROOM_BYTES];
};

#define AK_REPLY_BUCKETS 64u

/* What a router said of the way to a destination; see net/udp_mtu.c. */
#define AK_PATH_MTUS 64u
struct ak_path_mtu {
    aksu_addr to;
    uint32_t mtu;
    uint64_t until_us; /* 0: nothing */
};

struct ak_core {
    aksu_config config;
    struct ak_host host;
    uint64_t now_us;
    uint64_t random_epoch_us; /* keeps the ISN clock from telling the stack's age */
    struct ak_key key[AK_KEY_COUNT];
    struct ak_prng prng;

    struct ak_pool pool[AK_KIND_COUNT];
    struct ak_blocks blocks;
    struct ak_wheel wheel;
    struct ak_table flows;     /* TCB, SYN, TIME_WAIT by four-tuple */
    ak_ref flow_hint;          /* the control block of the last segment that had one; AK_NONE */
    struct ak_table listeners; /* by local address and port */
    struct ak_path_mtu datagram_mtu[AK_PATH_MTUS];
    struct ak_table udp;  /* UDP sockets, by address, port and peer */
    struct ak_list ready; /* sockets with pending_bits */
    struct ak_lens ready_lens;
    bool ready_late;       /* the last aksu_output has added to them */
    struct ak_list output; /* connections that may have something to send */
    struct ak_lens output_lens;
    struct ak_list lent; /* frames lent, in order (output_sync) */
    struct ak_lens lent_lens;
    struct ak_list time_wait; /* in order of expiry */
    struct ak_lens time_wait_lens;
    struct ak_list starving; /* transfers whose connection found no block, in order */
    struct ak_lens starving_lens;
    struct ak_list holding; /* transfers with text out of order, the longest first */
    struct ak_lens holding_lens;
    struct ak_list syn_age; /* half-open records, oldest first */
    struct ak_lens syn_age_lens;
    struct ak_lens parked_lens; /* connections that wait for a neighbour, and the neighbour: see ak_park */

    uint64_t buffer_growth_bytes; /* of all transfers: tcp/tune.c */
    uint64_t cookies_until_us;    /* how long SYN cookies that were sent may come back */
    bool fleet;                   /* others send cookies that are good here */

    int64_t reply_at; /* struct ak_reply[config.reply_max], relative to the core */
    uint32_t reply_first, reply_count;
    int64_t link_at; /* struct ak_link_state[config.link_max + 1]: the last is the loop back to ourselves */
    uint32_t link_count;
    int64_t net_at;       /* struct ak_net */
    int64_t fast_open_at; /* struct ak_fast_open_path[config.fast_open_cache_max] */

    uint64_t reply_used_us[AK_REPLY_BUCKETS]; /* token buckets of stateless replies */
    aksu_counters counters;
};

/* The core lies at the start of the stack. */
static inline struct ak_core *ak_core_of(aksu_stack *stack) {
    return (struct ak_core *)(void *)stack;
}
static inline const struct ak_core *ak_core_of_const(const aksu_stack *stack) {
    return (const struct ak_core *)(const void *)stack;
}

/* The link that never leaves the stack. */
static inline uint16_t ak_loop_link(const struct ak_core *core) {
    return (uint16_t)core->config.link_max;
}

/* ---- objects */
static inline void *ak_object(const struct ak_core *core, enum ak_kind kind, uint32_t index) {
    return ak_pool_at(&core->pool[kind], index);
}
/* An object's index, cleared the first time it is used (a copied arena's spare memory need not be), or AK_NONE. */
static inline uint32_t ak_object_get(struct ak_core *core, enum ak_kind kind) {
    uint32_t watermark = core->pool[kind].watermark;
    uint32_t index = ak_pool_get(&core->pool[kind]);
    if (core->pool[kind].watermark != watermark) ak_zero(ak_object(core, kind, index), core->pool[kind].stride);
    return index;
}
static inline struct ak_reply *ak_reply_at(const struct ak_core *core, uint32_t index) {
    return (struct ak_reply *)(void *)((char *)(uintptr_t)core + core->reply_at) + index;
}
static inline struct ak_link_state *ak_link_state_at(const struct ak_core *core, uint32_t link) {
    return (struct ak_link_state *)(void *)((char *)(uintptr_t)core + core->link_at) + link;
}
static inline const aksu_tcp_settings *ak_settings_of(const struct ak_core *core, const struct ak_sock *sock) {
    return &((const struct ak_settings *)ak_object(core, AK_KIND_SETTINGS, sock->settings))->tcp;
}

/* ---- sockets */
/* The object a handle names, NULL if it is stale; ret_ref its reference. */
struct ak_sock *ak_sock_find_any(const struct ak_core *core, aksu_sock handle, ak_ref *ret_ref);
/* The same, of TCP alone. */
struct ak_sock *ak_sock_find(const struct ak_core *core, aksu_sock handle, ak_ref *ret_ref);
static inline aksu_sock ak_sock_handle(const struct ak_sock *sock, ak_ref ref) {
    return (aksu_sock){.slot = ref, .generation = sock->generation};
}
/* Begins or ends the use of a socket: a new generation each time. */
void ak_sock_open(struct ak_core *core, struct ak_sock *sock, uint16_t settings, uint64_t user);
void ak_sock_release(struct ak_core *core, struct ak_sock *sock, ak_ref ref);
/* A bit became true; reported once until ak_sock_unseen. */
void ak_sock_tell(struct ak_core *core, struct ak_sock *sock, ak_ref ref, uint8_t bits);
static inline void ak_sock_unseen(struct ak_sock *sock, uint8_t bits) {
    sock->seen_bits &= (uint8_t)~bits;
}

/* ---- settings: shared sets, copied on change */
aksu_err ak_settings_check(const aksu_tcp_settings *settings);
/* An index with one use more, AK_NONE if all sets are in use. */
uint32_t ak_settings_take(struct ak_core *core, const aksu_tcp_settings *settings);
void ak_settings_share(struct ak_core *core, uint32_t index);
void ak_settings_drop(struct ak_core *core, uint32_t index);

/* ---- replies: packets sent without a connection */
/* Room for one of header and payload; NULL (counted) if the ring is full or there is no block for the payload. */
struct ak_reply *ak_reply_new(struct ak_core *core, uint32_t payload_bytes);
/* The most payload that a reply can have, and whether there is room now for so many of bytes each. */
uint32_t ak_reply_bytes_max(const struct ak_core *core);
bool ak_reply_room(const struct ak_core *core, uint32_t count, uint32_t bytes);
/* Whether there ever is. */
bool ak_reply_possible(const struct ak_core *core, uint32_t count, uint32_t bytes);
/* The payload's block number index, and how many there are. */
uint32_t ak_reply_block(const struct ak_core *core, const struct ak_reply *reply, uint32_t index);
uint32_t ak_reply_block_count(const struct ak_core *core, const struct ak_reply *reply);
/* Its blocks go; it was not sent. */
void ak_reply_drop(struct ak_core *core, const struct ak_reply *reply);
/* One that was taken off the ring, again, with its block; false (counted): the ring is full, the block the caller's. */
bool ak_reply_again(struct ak_core *core, const struct ak_reply *reply);
/* Whether the rate limit lets a reset or challenge go (counted if not). */
bool ak_reply_allowed(struct ak_core *core, const aksu_addr *remote);

/* ---- parking: a connection that has something to send hangs on the neighbour it waits for, in a ring that the
 * neighbour itself is part of, so that it can leave without knowing whose it is.  First come, first told. */
void ak_park_init(struct ak_core *core, ak_ref neighbour);
void ak_park(struct ak_core *core, ak_ref neighbour, ak_ref connection);
void ak_unpark(struct ak_core *core, ak_ref connection);

/* ---- frames */
/* A frame slot, or NULL while all are lent. */
struct ak_frame_slot *ak_frame_new(struct ak_core *core);
void ak_frame_done(struct ak_core *core, uint32_t token);
/* Whether the driver still holds it; then its owner is told when not. */
bool ak_frame_is_lent(struct ak_core *core, uint32_t token, ak_ref owner);
/* Fills a frame from a slot whose iov, blocks and header are set. */
void ak_frame_fill(const struct ak_frame_slot *slot, uint32_t iov_count, aksu_frame *ret_frame);

static inline void ak_drop_count(struct ak_core *core, aksu_drop drop) {
    core->counters.drop[drop]++;
}

#endif
