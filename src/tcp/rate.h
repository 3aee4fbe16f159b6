/* Delivery rate: draft-ietf-ccwg-bbr s4.1.  How fast the path delivers, measured for each transmission from its sending
 * to its acknowledgment.  A congestion control that wants it (ak_cc_ops.model) has a side record with the connection's
 * part of the measurement and its own state, and each record in flight then a sample; all others pay one comparison. */
#ifndef AK_TCP_RATE_H
#define AK_TCP_RATE_H

#include "tcp/bbr.h"
#include "tcp/loss.h"

/* The state of the connection when a record was last sent: s4.1.2.1.2.  Times are the low 32 bits of microseconds. */
struct ak_sample {
    uint32_t next_free;
    uint32_t delivered_bytes; /* P.delivered */
    uint32_t lost_bytes;      /* P.lost */
    uint32_t in_flight_bytes; /* P.tx_in_flight, this record included */
    uint32_t send_elapsed_us; /* P.send_time - P.first_send_time */
    uint32_t delivered_at_us; /* P.delivered_time */
    bool app_limited;
};

/* What an ACK says: s2.3, s4.1.2.1.3. */
struct ak_rate_sample {
    bool any;
    bool app_limited;
    uint64_t rate; /* bytes a second; 0: none */
    uint32_t prior_delivered_bytes;
    uint32_t delivered_bytes; /* over the interval */
    uint32_t in_flight_bytes; /* when what was acknowledged was sent */
    uint32_t lost_bytes;      /* since then */
    uint32_t newly_acked_bytes;
    uint32_t rtt_us; /* 0: none */
    uint32_t send_elapsed_us, ack_elapsed_us;
    ak_seq end; /* of the newest record */
};

struct ak_rate {
    uint32_t next_free;
    uint32_t lost_bytes; /* C.lost: ever, modulo 2^32, as ak_transfer.delivered_bytes is C.delivered */
    uint64_t delivered_at_us, first_sent_us;
    uint32_t app_limited_end; /* C.app_limited, if app_limited */
    bool app_limited;
    ak_seq lost_end;        /* of the last record that was marked lost */
    uint32_t quantum_bytes; /* C.send_quantum */
    uint64_t pacing_rate;   /* C.pacing_rate, bytes a second */
    bool pace_waits;        /* the last that could be sent waits for its time, and for nothing else */
    uint64_t pace_rest;     /* of ak_transfer.pace_next_us, in bytes a second times microseconds */
    struct ak_rate_sample rs;
    struct ak_bbr bbr;
};

static inline struct ak_rate *ak_rate_of(const struct ak_core *core, const struct ak_transfer *x) {
    return x->rate == AK_NONE ? NULL : ak_object(core, AK_KIND_RATE, x->rate);
}

/* A transfer begins or ends, its congestion control chosen. */
void ak_rate_begin(struct ak_core *core, struct ak_tcb *t);
void ak_rate_end(struct ak_core *core, struct ak_tcb *t);

/* Only where ak_transfer.rate is not AK_NONE: a record was sent, first or again, with so much in flight before it;
 * sending ended for want of data; the application sends after a time with nothing in flight. */
void ak_rate_sent(struct ak_core *core, struct ak_tcb *t, uint32_t index, uint32_t in_flight_before);
void ak_rate_ran_out(struct ak_core *core, const struct ak_tcb *t);
void ak_rate_restart(struct ak_core *core, struct ak_tcb *t);
/* MarkConnectionAppLimited: what is in flight, and what is sent until that is delivered, says little of the path. */
void ak_rate_limit(struct ak_core *core, const struct ak_tcb *t, uint32_t in_flight_bytes);
/* The first bytes of a record were delivered; all of an ACK has been taken; a record was marked lost. */
void ak_rate_delivered(struct ak_core *core, struct ak_tcb *t, struct ak_record *r, uint32_t bytes,
                       const struct ak_seg *seg);
void ak_rate_acked(struct ak_core *core, struct ak_tcb *t, ak_seq old_una);
void ak_rate_lost(struct ak_core *core, struct ak_tcb *t, const struct ak_record *r);
/* A record with a sample has been cut: its second part; or is gone. */
void ak_rate_cut(struct ak_core *core, struct ak_record *rest);
void ak_rate_forget(struct ak_core *core, struct ak_record *r);

#endif
