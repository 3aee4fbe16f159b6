/* Output in three phases.  plan decides what to send next and changes nothing; build writes the packet; commit makes it
 * so.  RFC 9293 s3.7, s3.8, s3.10. */
#ifndef AK_TCP_OUTPUT_H
#define AK_TCP_OUTPUT_H

#include "tcp/tcp.h"

enum ak_plan_kind {
    AK_PLAN_NOTHING,
    AK_PLAN_SYN,        /* SYN or SYN,ACK */
    AK_PLAN_RETRANSMIT, /* the record's first bytes */
    AK_PLAN_DATA,       /* bytes from SND.NXT, perhaps with FIN */
    AK_PLAN_TAIL_PROBE, /* RFC 8985 s7.3: the end of the flight again */
    AK_PLAN_FIN,        /* a FIN alone, first or again */
    AK_PLAN_PROBE,      /* one byte at SND.UNA into a closed window */
    AK_PLAN_KEEPALIVE,  /* nothing at SND.NXT - 1 */
    AK_PLAN_ACK,
};

/* Why no (more) data goes. */
enum ak_stop {
    AK_STOP_EMPTY,
    AK_STOP_CWND,
    AK_STOP_WINDOW, /* the peer's window is shut or too small to be worth it */
    AK_STOP_NAGLE,
    AK_STOP_CORK,
    AK_STOP_RECORDS,
    AK_STOP_PACE,
    AK_STOP_LENT, /* the driver still holds the last copy of what is lost */
};

/* What plan looks at besides the connection. */
struct ak_plan_env {
    const aksu_tcp_settings *settings;
    const struct ak_transfer *x;  /* NULL */
    const struct ak_record *tail; /* the last in flight; NULL */
    const struct ak_record *lost; /* the first to send again; NULL */
    uint32_t lost_index;
    uint32_t mss_bytes;   /* of this connection now, options taken off */
    uint32_t super_bytes; /* most bytes of one frame: a multiple of mss_bytes */
    uint32_t probe_bytes; /* of a probe of the path MTU that is due; 0 */
    uint32_t syn_bytes;   /* most that may ride on a SYN (RFC 7413) */
    uint16_t syn_flags;   /* of ECN, on a SYN */
    bool record_free;
    bool ect;          /* new data may go as ECT(0) */
    bool ack_first;    /* a bare ACK before anything else: RFC 9768 s3.2.2.1 */
    bool paced;        /* no data now: pace.c */
    bool lost_is_lent; /* the driver still holds it: sending it again would only make the queue longer */
};

struct ak_plan {
    enum ak_plan_kind kind;
    enum ak_stop stop; /* with kinds that carry no new data */
    aksu_send_cause cause;
    ak_seq seq;
    uint32_t bytes;
    uint32_t record;
    uint16_t flags; /* AKSU_TCP_ */
    bool ect;       /* as ECT(0) */
    bool retransmission;
    bool mtu_probe; /* one segment, whatever mss_bytes is */
};

struct ak_plan ak_tcp_plan(const struct ak_tcb *t, const struct ak_plan_env *env);

struct ak_build {
    struct ak_core *core;
    const struct ak_tcb *t;
    const struct ak_plan *plan;
    const aksu_tcp_options *options;
    uint32_t mss_bytes;
    ak_seq edge; /* right edge to announce */
};
/* RFC 9768 s3.2.2.1: "a pure ACK with no SACK blocks". */
static inline bool ak_build_bare_ack(const struct ak_build *b) {
    return b->plan->kind == AK_PLAN_ACK && (b->options->present & AKSU_OPT_SACK) == 0;
}
/* Writes the packet into a slot and describes it; plan has made sure that all is there. */
void ak_tcp_build(const struct ak_build *build, struct ak_frame_slot *slot, aksu_frame *ret_frame);

#endif
