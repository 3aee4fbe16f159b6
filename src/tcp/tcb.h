/* The transmission control block and its companions: data only, in the RFC's words.  RFC 9293 s3.3.1.
 *
 * A connection is at any time one of: a half-open record (struct ak_syn) between a SYN and its handshake's end, a
 * control block (struct ak_tcb), with a transfer (struct ak_transfer) only while it moves data, or a TIME-WAIT record
 * (struct ak_time_wait) once the application has let go.  All of them hang in the table core.flows by their four-tuple.
 */
#ifndef AK_TCP_TCB_H
#define AK_TCP_TCB_H

#include "base/seq.h"
#include "core/core.h"
#include "core/ranges.h"
#include "core/stream.h"

/* Deadlines that only a busy connection has.  One wheel entry stands for the earliest of these and of the control
 * block's own: rto_due_us, life_due, keep-alive. */
enum ak_busy_timer {
    AK_BUSY_PERSIST,
    AK_BUSY_DELAYED_ACK,
    AK_BUSY_CORK,
    AK_BUSY_PACING,
    AK_BUSY_REORDERING,      /* RFC 8985 s6.3 */
    AK_BUSY_TAIL_LOSS_PROBE, /* RFC 8985 s7.2 */
    AK_BUSY_IDLE,            /* return the transfer */
    AK_BUSY_COUNT
};

enum {
    AK_F_ACTIVE = 1u << 0,     /* opened actively: where SYN-RECEIVED returns to (MUST-11) */
    AK_F_TIMESTAMPS = 1u << 1, /* negotiated */
    AK_F_WSCALE = 1u << 2,     /* negotiated */
    AK_F_SACK = 1u << 3,       /* negotiated */
    AK_F_SYN_DUE = 1u << 4,    /* SYN or SYN,ACK to send (again) */
    AK_F_FIN_QUEUED = 1u << 5, /* the application has closed its direction */
    AK_F_FIN_SENT = 1u << 6,   /* our FIN has a sequence number: snd.nxt - 1 */
    AK_F_FIN_DUE = 1u << 7,    /* our FIN to send again */
    AK_F_FIN_ACKED = 1u << 8,
    AK_F_FIN_RECEIVED = 1u << 9, /* the peer's FIN, in order */
    AK_F_ACK_NOW = 1u << 10,
    AK_F_ACK_DELAYED = 1u << 11,       /* owed, its timer runs */
    AK_F_ORPHAN = 1u << 12,            /* the application has released it */
    AK_F_UNACCEPTED = 1u << 13,        /* on a listener's accept queue */
    AK_F_PROBE_DUE = 1u << 14,         /* window probe to send */
    AK_F_KEEPALIVE_DUE = 1u << 15,     /* keep-alive probe to send */
    AK_F_PEER_FIN_HELD = 1u << 16,     /* the peer's FIN lies behind a gap at rcv_fin */
    AK_F_URGENT_SEND = 1u << 17,       /* snd.up is in force */
    AK_F_URGENT_RECEIVED = 1u << 18,   /* rcv.up is in force */
    AK_F_RETURN_LISTEN = 1u << 19,     /* a passive SYN-RECEIVED with a control block */
    AK_F_CLOSE_TOLD = 1u << 20,        /* the application knows that it is over */
    AK_F_FAST_OPEN = 1u << 21,         /* a passive SYN-RECEIVED with data, RFC 7413 */
    AK_F_SYN_RETRANSMITTED = 1u << 22, /* no round trip from the handshake (Karn) */
    AK_F_CHALLENGE = 1u << 23,         /* the ACK due is a challenge */
    AK_F_LINGER = 1u << 24,            /* life_due ends in a reset, not in silence */
    AK_F_ECN = 1u << 25,               /* negotiated, of either kind; in SYN-SENT: offered (RFC 3168 s6.1.1) */
    AK_F_WINDOW_UPDATE = 1u << 26,     /* the ACK due announces a wider window */
    AK_F_DUPLICATE_ACK = 1u << 27,     /* the ACK due answers an out-of-order segment */
    AK_F_PUSH = 1u << 28,              /* data up to push_end is to be sent without waiting for more */
    AK_F_MORE = 1u << 29,              /* the application said that more follows */
    AK_F_LIVE = 1u << 30,              /* the block is in use */
};

#define AK_F_TAIL_PROBE_DUE (1u << 31) /* beyond an int: not in the enum */

/* One transmission in flight: RFC 9293 s3.8.1's retransmission queue, a super-segment counting as one. */
enum {
    AK_RECORD_LOST = 1u << 0,          /* to be sent again */
    AK_RECORD_RETRANSMITTED = 1u << 1, /* sent more than once: no round trip from it (Karn) */
    AK_RECORD_SACKED = 1u << 2,
};
struct ak_record {
    uint32_t next, prev;           /* by sequence number; AK_NONE */
    uint32_t list_next, list_prev; /* by flags: ak_transfer.sent, .lost; selectively acknowledged: neither */
    ak_seq seq;
    uint32_t bytes;
    uint64_t sent_us;       /* the latest transmission */
    uint64_t first_sent_us; /* the first: the user timeout counts from it */
    uint32_t segment_bytes;
    uint32_t flags;  /* AK_RECORD_ */
    uint32_t token;  /* of the frame that carries the latest transmission, unless config.output_sync */
    uint32_t sample; /* rate.h; AK_NONE */
};
_Static_assert(sizeof(struct ak_record) <= 56, "a record in flight");

struct ak_record_list {
    uint32_t head, tail; /* AK_NONE */
};

enum ak_recovery { AK_RECOVERY_NONE, AK_RECOVERY_FAST, AK_RECOVERY_RTO };

/* Congestion control's own state. */
enum ak_hystart_phase {
    AK_HYSTART_NEW,
    AK_HYSTART_SLOW_START,
    AK_HYSTART_CONSERVATIVE, /* by delay */
    AK_HYSTART_TRAIN,        /* conservative too, by the ACKs' train */
    AK_HYSTART_OVER
};
enum ak_train { AK_TRAIN_NONE, AK_TRAIN_COMES, AK_TRAIN_MEASURED, AK_TRAIN_OFF };
struct ak_hystart {      /* RFC 9406 s4.2 */
    uint64_t train_rate; /* of the last train that was long enough, bytes a second */
    ak_seq round_end;
    uint32_t last_us, current_us;     /* lastRoundMinRTT, currentRoundMinRTT; UINT32_MAX: none */
    uint32_t baseline_us;             /* cssBaselineMinRtt; of a train: the least round trip before it */
    uint32_t train_us, train_last_us; /* its first and its last ACK, low bits */
    ak_seq train_una;                 /* of its first ACK */
    uint8_t sample_count, css_rounds;
    uint8_t phase; /* enum ak_hystart_phase */
    uint8_t train; /* enum ak_train, of this round */
};
_Static_assert(sizeof(struct ak_hystart) == 40, "without gaps: the digest takes its bytes");
struct ak_cubic { /* RFC 9438 s4.1, windows in bytes */
    uint32_t w_max, cwnd_prior, w_est;
    uint32_t plateau; /* W_max of the current stage */
    uint32_t k_ms;
    uint64_t grow_carry, est_carry;
    struct ak_hystart hystart;
    uint64_t epoch_us; /* when the stage began, later by the time that does not count; 0: not begun */
    uint64_t last_us;  /* the latest ACK */
};
union ak_cc_state {
    struct {
        uint32_t acked_bytes; /* since the window last grew */
    } newreno;
    struct ak_cubic cubic;
};

/* RFC 5682: what the next ACK is to the timeout. */
enum ak_frto {
    AK_FRTO_OFF,
    AK_FRTO_FIRST, /* the first after it */
    AK_FRTO_NEW,   /* the second: new segments go before anything is sent again */
};

/* What the time of a transfer is spent on: tally.c */
enum ak_spending { AK_SPENDS_NOTHING, AK_SPENDS_BUSY, AK_SPENDS_WINDOW, AK_SPENDS_BUFFER, AK_SPENDS_COUNT };
struct ak_tally {
    uint32_t segments_out, segments_in, data_out, data_in;
    uint32_t duplicates, out_of_order, timeouts;
    uint8_t spending; /* enum ak_spending */
    uint64_t retransmitted_bytes;
    uint64_t data_in_us; /* 0: none yet */
    uint64_t since_us, spent_us[AK_SPENDS_COUNT];
};

struct ak_transfer {
    uint32_t next_free;
    struct ak_stream send, receive;
    ak_seq send_end;  /* after the last byte queued */
    ak_seq push_end;  /* after the last byte that is not to wait for more */
    ak_seq small_end; /* after the last small segment sent (Minshall) */
    ak_seq read;      /* the next byte for the application */
    uint32_t reserved_bytes, peeked_bytes;
    uint32_t rcv_buf_bytes, snd_buf_bytes;
    struct {                             /* tune.c */
        uint64_t round_us, round_end_us; /* AK_NEVER: the receive buffer is fixed; 0: no round has begun */
        ak_seq taken;                    /* when it began */
        uint32_t read_bytes;             /* in the round before */
        uint32_t growth_bytes;           /* of both buffers, part of core.buffer_growth_bytes */
        bool snd;                        /* the send buffer grows */
    } tune;
    struct ak_link starving;        /* on core.starving: no block was to be had */
    struct ak_link holding;         /* on core.holding: text out of order */
    ak_ref owner;                   /* while it is on either */
    uint64_t due_us[AK_BUSY_COUNT]; /* AK_NEVER: not set */
    uint64_t shut_us;               /* with AK_BUSY_PERSIST set: since when */

    /* what is in flight, oldest first */
    uint32_t record_head, record_tail, record_count;
    struct ak_record_list sent, lost;        /* flight.c */
    uint32_t sack_hint[AKSU_SACK_BLOCK_MAX]; /* where the last ACK's blocks were; AK_NONE */
    bool sack_looked;                        /* the hints mean something */
    uint32_t lost_bytes;                     /* of records to be sent again */
    uint32_t sacked_bytes;
    struct { /* round trips of what was selectively acknowledged since SND.UNA last moved */
        uint32_t least_us, count;
    } sack_trips;
    uint32_t duplicate_acks;
    uint32_t partial_acks;      /* of this fast recovery */
    ak_seq recovery_end;        /* RFC 6582's recover */
    uint32_t delivered_bytes;   /* by ACK, SACK and duplicate ACKs, ever: modulo 2^32 */
    uint32_t delivered_before;  /* the ACK in hand */
    uint64_t reduced_us;        /* when the window was last reduced in fast recovery */
    uint32_t lost_beyond_bytes; /* of what was sent in this fast recovery: means another when it ends */
    uint32_t pushed_out_bytes;  /* FlightSize when output last went as far as it could */
    struct {
        uint64_t delivered, out; /* RFC 9937 s6: prr_delivered, prr_out */
        uint32_t recover_fs;
    } prr;
    struct {
        uint64_t sent_us; /* the latest transmission that was delivered */
        ak_seq end, fack;
        ak_seq dsack_round; /* dsack_seen: until this is acknowledged */
        uint32_t rtt_us;
        uint32_t least_us;     /* round trip of this period */
        uint64_t least_end_us; /* of the period; 0: none yet */
        bool any, reordering, dsack_seen;
        uint8_t window_extra, window_persist; /* RFC 8985 s6.2: reo_wnd_mult - 1, reo_wnd_persist */
    } rack;
    struct {
        ak_seq end;
        bool out, retransmission;
        bool unmeasured; /* no round trip was measured since the last probe */
    } tlp;
    uint8_t in_recovery; /* enum ak_recovery */
    uint8_t rto_backoff;
    uint16_t unacked_segments; /* received and not acknowledged */

    /* out of order */
    struct ak_ranges ranges;
    ak_seq range_recent; /* left edge of the newest: first in SACK (RFC 2018 s4) */
    uint32_t out_of_order_bytes;
    uint8_t duplicates_owed; /* ACKs, without SACK: one for each segment out of order (RFC 5681 s4.2) */
    uint8_t quick_acks;      /* full segments that have drawn an ACK each, since data began to come */
    uint32_t sack_turn;      /* which range an ACK tells of next, after the newest */
    uint32_t ranges_untold;  /* changed since the last ACK: more than one ACK can tell are told by several */
    ak_seq rcv_fin;          /* AK_F_PEER_FIN_HELD */

    uint32_t retransmitted_segments;
    struct ak_tally tally;
    struct { /* undo.c: as it was before the window was reduced */
        uint32_t cwnd, ssthresh, flight_bytes;
        ak_seq una, end;
        uint32_t timestamp;   /* of the first retransmission */
        uint32_t again_bytes; /* sent again, and not told of as duplicates */
        bool kept, retransmitted, undecided;
        bool timeout; /* it was the timer that reduced it */
        union ak_cc_state cc;
    } undo;
    uint8_t frto; /* enum ak_frto */

    uint64_t pace_next_us;    /* the next frame of data not before */
    uint32_t pace_free_bytes; /* go at once: an initial window */
    uint64_t data_sent_us;    /* the last data, first or again; 0: none yet */
    struct {                  /* RFC 7661 s4.2 */
        ak_seq round_end;
        uint32_t round_bytes;           /* acknowledged in this round trip */
        uint32_t pipe_now, pipe_before; /* the most in one, of this sampling period and of the last */
        uint64_t period_end_us;
        uint64_t unused_since_us; /* AK_NEVER: validated */
    } cwv;

    bool ecn_echo;     /* ECE goes on every ACK */
    bool ecn_cwr_due;  /* CWR goes on the next new data */
    uint8_t ecn_holds; /* ECE that came in a row with the window at one segment */
    ak_seq ecn_end;    /* ECE means nothing new until this is acknowledged */

    bool duplicate_due; /* the next ACK tells of it: RFC 2883 */
    struct ak_range duplicate;

    struct { /* of an Ethernet link: the neighbour that frames go to, and what had come when they last did */
        struct ak_hop_note note;
        ak_seq una, nxt;
    } hop;

    struct {                    /* path_mtu.c */
        uint32_t proven_bytes;  /* the largest segment that has arrived, its text */
        uint32_t pending_bytes; /* what a message that waits would leave of that */
        ak_seq pending_seq;     /* what it quotes */
        uint16_t pending;       /* the path MTU that it tells; 0: none waits */
        /* plpmtud.c */
        uint16_t probe;  /* the size in flight; 0: none */
        uint16_t most;   /* that the link and the peer allow */
        uint16_t failed; /* the least that did not get through; 0: none */
        uint8_t probes_lost;
        ak_seq probe_seq;
        uint32_t excused_bytes; /* of lost probes, ever: modulo 2^32 */
        uint64_t next_us;       /* the next probe not before; AK_NEVER: no search */
    } mtu;

    uint32_t cwnd, ssthresh;
    uint32_t rate;      /* struct ak_rate; AK_NONE: congestion control is a window alone */
    ak_seq limited_end; /* SND.NXT when the congestion window last held sending back */
    union ak_cc_state cc;
};

struct ak_tcb {
    struct ak_sock sock; /* first */
    struct ak_tuple tuple;
    ak_ref hash_next;
    struct ak_wheel_node timer;
    struct ak_link output;
    uint32_t transfer; /* AK_NONE */
    ak_ref listener;   /* while unaccepted, or to return to LISTEN */
    uint32_t listener_generation;
    uint32_t flags; /* AK_F_ */
    uint8_t state;  /* aksu_tcp_state; changed by ak_tcp_set_state only */
    uint8_t reason; /* aksu_reason, once CLOSED */
    uint8_t soft_error;
    uint8_t retries; /* of SYN, of what is at snd.una, of FIN, or of the window probe */
    uint16_t link;
    uint16_t path_mtu;

    struct {
        ak_seq una, nxt, up, wl1, wl2, iss;
        uint32_t wnd, max_wnd;
        uint16_t mss; /* what the peer can take, before path and options (RFC 9293 s3.7.1) */
        uint8_t wscale;
        bool parked; /* `output` hangs on the neighbour that it waits for, not on core.output */
    } snd;
    uint8_t probe_count;     /* keep-alive probes unanswered */
    uint8_t challenge_count; /* in the current challenge period */
    uint16_t una_wraps;      /* how often SND.UNA has come round to ISS: the bytes' upper half */
    struct {
        ak_seq nxt, up, irs;
        ak_seq edge; /* the right edge of the window last announced: RCV.NXT + RCV.WND */
        uint16_t mss;
        uint8_t wscale;
    } rcv;
    uint16_t rcv_wraps;    /* and RCV.NXT to IRS */
    bool user_timeout_due; /* the next segment tells of ours: RFC 5482 s3 */
    bool fast_open;        /* text on a SYN was taken, ours or the peer's */

    uint32_t ts_recent;     /* TS.Recent, RFC 7323 s4.3 */
    uint32_t ts_recent_age; /* when it was set, idle clock */
    uint32_t ts_offset;     /* of our clock, by the four-tuple */
    ak_seq last_ack_sent;   /* Last.ACK.sent */

    /* Path and congestion state, kept while there is no transfer. */
    uint32_t srtt_us, rttvar_us, min_rtt_us;
    uint32_t cwnd, ssthresh; /* 0: none yet; ssthresh may stand for a rate: rate.c */
    uint32_t last_send;      /* idle clock; while opening: when the SYN first went, low bits of us */

    uint32_t last_receive;      /* idle clock: keep-alive counts from it */
    uint32_t life_due;          /* idle clock: FIN-WAIT-2, linger; 0: none */
    uint32_t unacked_since;     /* idle clock: first transmission of a SYN or FIN that is unacknowledged */
    uint16_t peer_user_timeout; /* seconds */
    uint16_t challenge_period;
    uint32_t accecn;     /* accecn.h; AK_NONE */
    uint64_t rto_due_us; /* retransmission: of SYN, data or FIN; AK_NEVER: not set */
};

/* The whole connection in at most 240 bytes: architecture.md section 1. */
_Static_assert(sizeof(struct ak_tcb) <= 240, "a control block");

/* Half-open: RFC 9293's SYN-RECEIVED reached from LISTEN, in little memory (RFC 4987 s3.4). */
struct ak_syn {
    uint32_t generation; /* as a socket's, for deferred accept */
    ak_ref hash_next;
    struct ak_tuple tuple;
    struct ak_wheel_node timer;
    struct ak_link age; /* on core.syn_age */
    uint32_t listener;  /* index */
    ak_ref time_wait;   /* the old incarnation's record, to return to (RFC 9293 s3.6.1); AK_NONE */
    ak_seq iss, irs;
    uint32_t ts_recent;
    uint32_t sent_us; /* low 32 bits: the SYN,ACK's first transmission */
    uint16_t mss;
    uint16_t listener_generation; /* low bits: whether it is still that listener */
    uint8_t wscale;               /* the peer's, and AK_SYN_ACCURATE and on */
    uint8_t flags;                /* AK_SYN_ */
    uint8_t retries;
    uint8_t link;
};
enum {
    AK_SYN_TIMESTAMPS = 1u << 0,
    AK_SYN_WSCALE = 1u << 1,
    AK_SYN_SACK = 1u << 2,
    AK_SYN_DEFERRED = 1u << 3, /* waits for the application */
    AK_SYN_RETRANSMITTED = 1u << 4,
    AK_SYN_FAST_OPEN = 1u << 6, /* the peer asked for a cookie, or gave a bad one */
    AK_SYN_SHOWN = 1u << 5,     /* deferred: the application has seen it */
    AK_SYN_ECN = 1u << 7,
};
/* Above the window scale; what agreed on accurate ECN, RFC 9768. */
#define AK_SYN_WSCALE_MASK  0x0fu
#define AK_SYN_ACCURATE     0x10u
#define AK_SYN_NOT_ECT      0x20u /* a SYN or SYN,ACK without has come or gone: s3.1.5 */
#define AK_SYN_IP_ECN_SHIFT 6     /* of the latest SYN */
_Static_assert(sizeof(struct ak_syn) <= 96, "a half-open record");

/* TIME-WAIT: RFC 9293 s3.6.1, in one cache line. */
struct ak_time_wait {
    struct ak_tuple tuple;
    ak_ref hash_next;
    struct ak_link age; /* on core.time_wait, soonest to expire first */
    ak_seq snd_nxt, rcv_nxt;
    uint32_t ts_recent;
    uint32_t due_flags; /* expiry in 1,024 us modulo 2^21; above it the ACE field that goes with ACKs, and flags */
};
#define AK_TW_ACE_SHIFT    21 /* RFC 9768 s3.2.2 */
#define AK_TW_TIMESTAMPS   0x01000000u
#define AK_TW_WSCALE_SHIFT 28          /* 4 bits: the shift of windows that we announce */
#define AK_TW_SUSPENDED    0x02000000u /* gave way to a new incarnation that is not yet synchronized: not in the table */
_Static_assert(sizeof(struct ak_time_wait) <= 64, "a TIME-WAIT record");

/* A listening socket. */
struct ak_listener {
    struct ak_sock sock; /* first */
    ak_ref hash_next;
    struct ak_tuple tuple; /* remote unspecified: any */
    struct ak_list accept; /* completed connections, oldest first, by their ready link */
    uint32_t accept_count, backlog;
    uint32_t syn_count;
    uint32_t flags;          /* AKSU_OPEN_ */
    struct ak_list deferred; /* SYNs waiting for the application's decision, by their age link */
    uint32_t deferred_count;
    uint32_t fast_open_count;       /* in SYN-RECEIVED by data on SYN, or until lately */
    uint32_t fast_open_reset_count; /* of them, those that were reset: RFC 7413 s5.1 */
    uint32_t fast_open_reset_until; /* idle clock */
};

/* A segment that has come: parsed, checksummed, its addresses in our view. */
struct ak_seg {
    struct ak_tuple tuple;
    ak_seq seq, ack;
    uint16_t flags; /* AKSU_TCP_ */
    uint8_t data_offset;
    uint8_t tos;
    uint16_t link;
    uint16_t wnd, up;
    bool unscaled;          /* wnd is a SYN's, whose flag has been dealt with */
    uint16_t segment_bytes; /* of a super-segment, else 0 */
    uint32_t text_offset;   /* into the frame */
    uint32_t text_bytes;
    const aksu_frame *frame; /* borrowed for the call */
    uint64_t time_us;        /* ingress */
    ak_ref old_incarnation;  /* a TIME-WAIT record that gave way to this SYN; AK_NONE */
    aksu_tcp_options options;
};

static inline uint32_t ak_seg_bytes(const struct ak_seg *seg) { /* SEG.LEN */
    return seg->text_bytes + ((seg->flags & AKSU_TCP_SYN) != 0) + ((seg->flags & AKSU_TCP_FIN) != 0);
}

/* A super-segment counts as the segments it stands for. */
static inline uint32_t ak_seg_count(const struct ak_seg *seg, uint32_t bytes) {
    uint32_t each = seg->segment_bytes;
    return each > 0 ? (bytes + each - 1) / each : 1;
}

static inline struct ak_tcb *ak_tcb_at(const struct ak_core *core, ak_ref ref) {
    return ak_object(core, AK_KIND_TCB, ak_ref_index(ref));
}
static inline struct ak_listener *ak_listener_at(const struct ak_core *core, ak_ref ref) {
    return ak_object(core, AK_KIND_LISTENER, ak_ref_index(ref));
}
static inline struct ak_syn *ak_syn_at(const struct ak_core *core, ak_ref ref) {
    return ak_object(core, AK_KIND_SYN, ak_ref_index(ref));
}
static inline struct ak_time_wait *ak_time_wait_at(const struct ak_core *core, ak_ref ref) {
    return ak_object(core, AK_KIND_TIME_WAIT, ak_ref_index(ref));
}
static inline struct ak_transfer *ak_transfer_of(const struct ak_core *core, const struct ak_tcb *t) {
    return t->transfer == AK_NONE ? NULL : ak_object(core, AK_KIND_TRANSFER, t->transfer);
}
static inline struct ak_record *ak_record_at(const struct ak_core *core, uint32_t index) {
    return ak_object(core, AK_KIND_RECORD, index);
}
static inline ak_ref ak_tcb_ref(const struct ak_core *core, const struct ak_tcb *t) {
    int64_t bytes = (const char *)t - (const char *)ak_object(core, AK_KIND_TCB, 0);
    return ak_ref_of(AK_KIND_TCB, (uint32_t)((uint64_t)bytes / sizeof *t));
}
static inline void ak_flags_clear(struct ak_tcb *t, uint32_t flags) {
    t->flags &= ~flags;
}
/* The idle clock: 1,024 us a tick, wrapping after 50 days; only differences below 25 days mean anything. */
static inline uint32_t ak_idle_clock(const struct ak_core *core) {
    return (uint32_t)(core->now_us >> 10);
}

#endif
