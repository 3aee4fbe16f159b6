/* The simulated network: real stacks, links with faults, and virtual time, all from one 64-bit seed.
 *
 * A simulation holds nodes and links between two nodes each.  A node is a host with a stack of its own, a router, or an
 * endpoint that the caller plays (raw packets in and out).  The caller makes calls on the stacks (aksu_sim_stack)
 * between runs, or in the wake hook; aksu_sim_run moves packets and time.  The same seed and the same calls give the
 * same bytes.
 *
 * Checks are always on: state changes outside the table, a right window edge that moves left, packets that go round
 * without input, streams that are not delivered once and in order (for bytes sent and received through aksu_sim_send
 * and aksu_sim_recv), and, when asked, whatever is still held.  The first fault found stops the run and is told by
 * aksu_sim_violation.
 *
 * Memory comes from calloc.  There are no super-segments: every packet is one as it stands. */
#ifndef AKSU_SIM_H
#define AKSU_SIM_H

#include "trace.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AKSU_SIM_NODE_MAX  16
#define AKSU_SIM_LINK_MAX  32
#define AKSU_SIM_FAULT_MAX 64

typedef struct aksu_sim aksu_sim;

/* Why the network lost a packet. */
#define AKSU_SIM_LOSSES(X)                                                                                             \
    X(FAULT, "fault")           /* one given by mask: aksu_sim_fault_add */                                            \
    X(CHANCE, "chance")         /* loss_ppm */                                                                         \
    X(BURST, "burst")           /* burst_loss_ppm */                                                                   \
    X(QUEUE_FULL, "queue full") /* queue_bytes */                                                                      \
    X(CODEL, "queue (CoDel)")   /* RFC 8289 */                                                                         \
    X(CABLE, "cable pulled")                                                                                           \
    X(MTU, "larger than the MTU")                                                                                      \
    X(HOST_DOWN, "host is down")                                                                                       \
    X(HELD, "too much under way") /* held_max_bytes */                                                                 \
    X(NO_MEMORY, "no memory")                                                                                          \
    X(NOT_IP, "not an IP packet") /* at a router, and the next three */                                                \
    X(HOP_LIMIT, "hop limit")                                                                                          \
    X(NO_ROUTE, "no route")                                                                                            \
    X(TOO_BIG, "too big for the next link")

typedef enum aksu_sim_loss {
#define AKSU_X(name, text) AKSU_SIM_LOSS_##name,
    AKSU_SIM_LOSSES(AKSU_X)
#undef AKSU_X
        AKSU_SIM_LOSS_COUNT
} aksu_sim_loss;

/* Its text; "?" out of range. */
const char *aksu_sim_loss_text(aksu_sim_loss why);

/* Who looks on.  Hooks may be NULL.  event and the packet hooks may not call anything of the simulation. */
typedef struct aksu_sim_hooks {
    void *user;
    /* An event of a node; packet is the number of the packet of a SEGMENT, the same at departure and arrival, else 0.
     */
    void (*event)(void *user, uint32_t node, uint64_t packet, const aksu_trace_event *event);
    void (*lost)(void *user, uint64_t packet, aksu_sim_loss why);
    void (*copied)(void *user, uint64_t packet, uint64_t copy);
    /* The node's stack has had input or time: the application's turn, which may call its stack. */
    void (*wake)(void *user, uint32_t node);
} aksu_sim_hooks;

/* NULL: no memory. */
aksu_sim *aksu_sim_open(uint64_t seed, const aksu_sim_hooks *hooks);
void aksu_sim_close(aksu_sim *sim);

/* ---------------------------------------------------------------- nodes */

/* A host.  Its secrets come from the seed; output_sync is set.  NULL: small limits and default settings.  INVALID: the
 * config is out of range.  NO_MEMORY. */
void aksu_sim_config_default(aksu_config *ret_config);
aksu_err aksu_sim_host_add(aksu_sim *sim, const aksu_addr *addr, const aksu_config *config, uint32_t *ret_node);

/* A node that the caller plays. */
typedef struct aksu_sim_endpoint {
    void *user;
    void (*input)(void *user, uint64_t now_us, uint64_t packet, const uint8_t *bytes, size_t byte_count);
    void (*timer)(void *user, uint64_t now_us); /* deadline_us has come */
    uint64_t (*deadline_us)(const void *user);  /* UINT64_MAX: none */
} aksu_sim_endpoint;
aksu_err aksu_sim_endpoint_add(aksu_sim *sim, const aksu_addr *addr, const aksu_sim_endpoint *endpoint,
                               uint32_t *ret_node);

/* A router: what comes to it goes on by the fewest links, with its hop limit counted down; what cannot is told to its
 * source by ICMP.  A host sends by the first router that it is linked to what has no link of its own. */
aksu_err aksu_sim_router_add(aksu_sim *sim, const aksu_addr *addr, uint32_t *ret_node);

/* A host's stack; NULL while it is down, for an endpoint and for a router.  It becomes another one with every restart.
 */
aksu_stack *aksu_sim_stack(const aksu_sim *sim, uint32_t node);
/* Power off: everything in it is gone, packets to it are lost.  Restart: with other secrets. */
void aksu_sim_crash(aksu_sim *sim, uint32_t node);
aksu_err aksu_sim_restart(aksu_sim *sim, uint32_t node);
/* Its clock jumps forwards.  Events still bear the simulation's time. */
void aksu_sim_clock_jump(aksu_sim *sim, uint32_t node, uint64_t forward_us);

/* ---------------------------------------------------------------- links */

/* One direction.  Chances are in parts per million. */
typedef struct aksu_sim_path {
    uint64_t rate_bps;        /* bits a second; 0: packets take no time */
    uint64_t delay_us;        /* propagation */
    uint64_t jitter_us;       /* 0 to this much is added, without changing the order */
    uint32_t queue_bytes;     /* tail drop above this; 0: no limit */
    uint32_t ecn_mark_bytes;  /* mark ECN-capable packets when the queue holds this much; 0: never */
    uint64_t codel_target_us; /* RFC 8289; 0: off */
    uint64_t held_max_bytes; /* of memory, for what waits and what is on its way: above it packets are lost.  0: none */
    uint32_t loss_ppm;
    uint32_t burst_enter_ppm, burst_leave_ppm, burst_loss_ppm; /* Gilbert-Elliott: chances per packet */
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm;
    uint64_t reorder_us; /* how much later a reordered packet comes */
    uint32_t corrupt_ppm, truncate_ppm;
} aksu_sim_path;

typedef struct aksu_sim_link {
    uint32_t node[2];
    uint32_t mtu;          /* 0: 1500 */
    aksu_sim_path path[2]; /* [0]: from node[0] */
} aksu_sim_link;

aksu_err aksu_sim_link_add(aksu_sim *sim, const aksu_sim_link *link, uint32_t *ret_link);
void aksu_sim_path_set(aksu_sim *sim, uint32_t link, uint32_t from_node, const aksu_sim_path *path);
/* The cable pulled: what is on it and what is sent is lost.  The stacks are not told. */
void aksu_sim_link_cut(aksu_sim *sim, uint32_t link);
void aksu_sim_link_mend(aksu_sim *sim, uint32_t link);
/* What the link carries; larger packets are lost in silence.  AKSU_SIM_TELL_HOSTS: their stacks know the new MTU. */
typedef enum aksu_sim_tell { AKSU_SIM_TELL_NOBODY, AKSU_SIM_TELL_HOSTS } aksu_sim_tell;
void aksu_sim_link_mtu(aksu_sim *sim, uint32_t link, uint32_t mtu, aksu_sim_tell tell);

typedef struct aksu_sim_path_stats {
    uint64_t packets, bytes, delivered, lost, marked, duplicated;
    uint32_t queued_bytes, queued_bytes_max;
    uint64_t held_bytes, held_bytes_max; /* memory of the packets that wait or are on their way */
} aksu_sim_path_stats;
void aksu_sim_path_stats_get(const aksu_sim *sim, uint32_t link, uint32_t from_node, aksu_sim_path_stats *ret_stats);

/* ---------------------------------------------------------------- faults by mask */

typedef enum aksu_sim_action {
    AKSU_SIM_DROP,
    AKSU_SIM_DELAY,     /* by us */
    AKSU_SIM_DUPLICATE, /* the copy comes us later */
    AKSU_SIM_CORRUPT,   /* one bit of the TCP part, chosen by the seed */
    AKSU_SIM_TRUNCATE,  /* to bytes */
} aksu_sim_action;

/* What happens to the packets that match.  Zero: any packet, every time, always. */
typedef struct aksu_sim_fault {
    uint32_t link, from_node;
    aksu_sim_action action;
    uint64_t us;
    uint32_t bytes;
    uint16_t flags_set, flags_clear; /* of the TCP header; with either set only TCP matches */
    uint32_t payload_min;            /* TCP payload of at least this much */
    uint32_t nth;                    /* of the matches, from 1; 0: all */
    uint32_t count;                  /* and so many in all from the nth on; 0: one */
    uint64_t from_us, until_us;      /* until 0: for ever */
} aksu_sim_fault;
aksu_err aksu_sim_fault_add(aksu_sim *sim, const aksu_sim_fault *fault);

/* ---------------------------------------------------------------- running */

uint64_t aksu_sim_now_us(const aksu_sim *sim);
/* When something will happen next; UINT64_MAX: nothing more without a call. */
uint64_t aksu_sim_next_us(const aksu_sim *sim);
/* Runs all that happens until then, that moment included.  False: a check has failed. */
bool aksu_sim_run(aksu_sim *sim, uint64_t until_us);
/* The same, but what calls have caused since the last run leaves at once and time stays. */
bool aksu_sim_flush(aksu_sim *sim);
/* A number from the seed, for the caller's own choices. */
uint64_t aksu_sim_random(aksu_sim *sim);

/* Sends a packet as a node, to whom its destination address names: forged ones, and those of endpoints. */
aksu_err aksu_sim_transmit(aksu_sim *sim, uint32_t node, const uint8_t *bytes, size_t byte_count, uint64_t *ret_packet);
/* Sends a packet over a link, whatever its destination: for those who carry other hosts' packets. */
aksu_err aksu_sim_forward(aksu_sim *sim, uint32_t link, uint32_t from_node, const uint8_t *bytes, size_t byte_count,
                          uint64_t *ret_packet);
/* The number that the next packet will bear: an endpoint tells of a departure before it transmits. */
uint64_t aksu_sim_next_packet(const aksu_sim *sim);
/* An endpoint's own events, to the hook and the checks. */
void aksu_sim_emit(aksu_sim *sim, uint32_t node, uint64_t packet, const aksu_trace_event *event);

/* ---------------------------------------------------------------- checks */

/* aksu_tcp_send and aksu_tcp_recv whose bytes are followed: what is received must be what the peer sent, in order,
 * once. */
aksu_err aksu_sim_send(aksu_sim *sim, uint32_t node, aksu_sock sock, const void *data, size_t data_bytes,
                       size_t *ret_bytes);
/* The same as urgent data: its last byte is the urgent one. */
aksu_err aksu_sim_send_urgent(aksu_sim *sim, uint32_t node, aksu_sock sock, const void *data, size_t data_bytes,
                              size_t *ret_bytes);
aksu_err aksu_sim_recv(aksu_sim *sim, uint32_t node, aksu_sock sock, void *buf, size_t cap, size_t *ret_bytes);

/* A fault that the caller has found; kept if it is the first.  The text is copied. */
void aksu_sim_fail(aksu_sim *sim, const char *text);
/* The first fault found, with its time and node; NULL: none. */
const char *aksu_sim_violation(const aksu_sim *sim);
/* All sockets are closed and all should be over: is anything still held?  False: a violation says what. */
bool aksu_sim_settled(aksu_sim *sim);
/* Is this a change that RFC 9293 or a listed ruling allows? */
bool aksu_sim_edge_legal(aksu_tcp_state from, aksu_tcp_state to);

/* How much happened. */
typedef struct aksu_sim_stats {
    uint64_t steps, packets, events, stream_bytes;
} aksu_sim_stats;
void aksu_sim_stats_get(const aksu_sim *sim, aksu_sim_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif /* AKSU_SIM_H */
