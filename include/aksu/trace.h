/* The trace stream: what happens in a stack, as typed events (events.def).  Ladders, captures, JSON and checkers are
 * readers of it.  Set a sink with aksu_trace_set; an event and all it points to is borrowed for the call. */
#ifndef AKSU_TRACE_H
#define AKSU_TRACE_H

#include "aksu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Flags as in the header, RFC 9293 s3.1. */
enum {
    AKSU_TCP_FIN = 0x01,
    AKSU_TCP_SYN = 0x02,
    AKSU_TCP_RST = 0x04,
    AKSU_TCP_PSH = 0x08,
    AKSU_TCP_ACK = 0x10,
    AKSU_TCP_URG = 0x20,
    AKSU_TCP_ECE = 0x40,
    AKSU_TCP_CWR = 0x80,
    AKSU_TCP_AE = 0x100, /* RFC 9768 s3.1.1 */
};

typedef struct aksu_flow {
    aksu_addr local, remote;
    uint16_t local_port, remote_port;
} aksu_flow;

#define AKSU_SACK_BLOCK_MAX 4
typedef struct aksu_sack_block {
    uint32_t left, right; /* first byte, and the one after the last */
} aksu_sack_block;

/* The options a segment carries, decoded.  present has a bit for each. */
enum {
    AKSU_OPT_MSS = 1u << 0,
    AKSU_OPT_WSCALE = 1u << 1,
    AKSU_OPT_SACK_PERMITTED = 1u << 2,
    AKSU_OPT_SACK = 1u << 3,
    AKSU_OPT_TIMESTAMPS = 1u << 4,
    AKSU_OPT_USER_TIMEOUT = 1u << 5,
    AKSU_OPT_FAST_OPEN = 1u << 6,
    AKSU_OPT_UNKNOWN = 1u << 7,
    AKSU_OPT_ACCECN = 1u << 8,
};
#define AKSU_FAST_OPEN_COOKIE_MAX 16
#define AKSU_ACCECN_FIELD_MAX     3
typedef struct aksu_tcp_options {
    uint16_t present; /* AKSU_OPT_ */
    uint16_t mss;
    uint32_t ts_val, ts_ecr;
    uint16_t user_timeout; /* RFC 5482: granularity bit and 15 bits */
    uint8_t wscale;
    uint8_t fast_open_cookie_bytes; /* 0: a request */
    uint8_t sack_count;
    uint8_t accecn_order, accecn_count; /* RFC 9768 s3.2.3: 0 or 1, and fields */
    uint8_t fast_open_cookie[AKSU_FAST_OPEN_COOKIE_MAX];
    aksu_sack_block sack[AKSU_SACK_BLOCK_MAX];
    uint32_t accecn[AKSU_ACCECN_FIELD_MAX]; /* 24 bits each, as they lie: see aksu_accecn_field */
} aksu_tcp_options;

/* Which counter of an AccECN option of this order field i is: order 0 begins with EE0B, order 1 with EE1B. */
typedef enum aksu_accecn_field { AKSU_ACCECN_E0B, AKSU_ACCECN_CEB, AKSU_ACCECN_E1B } aksu_accecn_field;
static inline aksu_accecn_field aksu_accecn_field_at(uint8_t order, uint8_t i) {
    return (aksu_accecn_field)(order == 0 ? i : 2 - i);
}

typedef enum aksu_direction { AKSU_IN, AKSU_OUT } aksu_direction;

#define AKSU_SEND_CAUSES(X)                                                                                            \
    X(NONE, "none")                                                                                                    \
    X(OPEN, "open")                                                                                                    \
    X(DATA, "data")                                                                                                    \
    X(ACK, "acknowledgment")                                                                                           \
    X(DELAYED_ACK, "delayed acknowledgment")                                                                           \
    X(DUPLICATE_ACK, "duplicate acknowledgment")                                                                       \
    X(CHALLENGE, "challenge")                                                                                          \
    X(WINDOW_UPDATE, "window update")                                                                                  \
    X(FIN, "close")                                                                                                    \
    X(RESET, "reset")                                                                                                  \
    X(RTO, "retransmission timeout")                                                                                   \
    X(FAST_RETRANSMIT, "fast retransmit")                                                                              \
    X(PROBE, "window probe")                                                                                           \
    X(KEEPALIVE, "keep-alive probe")                                                                                   \
    X(TAIL_LOSS_PROBE, "tail loss probe")                                                                              \
    X(URGENT, "urgent")
#define AKSU_STATE_CAUSES(X)                                                                                           \
    X(SEGMENT, "segment")                                                                                              \
    X(CALL, "call")                                                                                                    \
    X(TIMER, "timer")                                                                                                  \
    X(LIMIT, "limit")                                                                                                  \
    X(ICMP, "icmp")
#define AKSU_STATE_RECORDS(X)                                                                                          \
    X(TCB, "control block")                                                                                            \
    X(LISTENER, "listener")                                                                                            \
    X(SYN_CACHE, "syn cache")                                                                                          \
    X(COOKIE, "cookie")                                                                                                \
    X(TIME_WAIT, "time-wait record")
#define AKSU_TIMERS(X)                                                                                                 \
    X(RETRANSMIT, "retransmission")                                                                                    \
    X(PERSIST, "persist")                                                                                              \
    X(DELAYED_ACK, "delayed ACK")                                                                                      \
    X(PACING, "pacing")                                                                                                \
    X(CORK, "cork")                                                                                                    \
    X(KEEPALIVE, "keep-alive")                                                                                         \
    X(USER_TIMEOUT, "user timeout")                                                                                    \
    X(TIME_WAIT, "2MSL")                                                                                               \
    X(FIN_WAIT_2, "FIN-WAIT-2")                                                                                        \
    X(LINGER, "linger")                                                                                                \
    X(SYN_ACK, "SYN,ACK")                                                                                              \
    X(IDLE, "idle")                                                                                                    \
    X(REORDERING, "reordering")                                                                                        \
    X(TAIL_LOSS_PROBE, "tail loss probe")
#define AKSU_TIMER_ACTIONS(X)                                                                                          \
    X(SET, "set")                                                                                                      \
    X(CANCELLED, "cancelled")                                                                                          \
    X(FIRED, "fired")
#define AKSU_CALLS(X)                                                                                                  \
    X(CONNECT, "connect")                                                                                              \
    X(LISTEN, "listen")                                                                                                \
    X(ACCEPT, "accept")                                                                                                \
    X(SEND, "send")                                                                                                    \
    X(RECV, "recv")                                                                                                    \
    X(SHUTDOWN, "shutdown")                                                                                            \
    X(CLOSE, "close")                                                                                                  \
    X(ABORT, "abort")                                                                                                  \
    X(DECIDE, "decide")
#define AKSU_CWND_CAUSES(X)                                                                                            \
    X(INIT, "initial window")                                                                                          \
    X(SLOW_START, "slow start")                                                                                        \
    X(AVOIDANCE, "congestion avoidance")                                                                               \
    X(RECOVERY_ENTER, "recovery begins")                                                                               \
    X(RECOVERY, "recovery")                                                                                            \
    X(RECOVERY_EXIT, "recovery ends")                                                                                  \
    X(TIMEOUT, "timeout")                                                                                              \
    X(IDLE, "restart after idle")                                                                                      \
    X(UNDO, "undo")                                                                                                    \
    X(ECN, "congestion marked")                                                                                        \
    X(MODEL, "model of the path")
#define AKSU_LOSS_CAUSES(X)                                                                                            \
    X(RTO, "timeout")                                                                                                  \
    X(DUPLICATE_ACKS, "duplicate acks")                                                                                \
    X(PARTIAL_ACK, "partial ack")                                                                                      \
    X(SACK, "sack")                                                                                                    \
    X(RACK, "rack")                                                                                                    \
    X(WINDOW, "refused by a shut window")

#define AKSU_X(name, text) AKSU_SEND_##name##_CAUSE,
typedef enum aksu_send_cause { AKSU_SEND_CAUSES(AKSU_X) AKSU_SEND_CAUSE_COUNT } aksu_send_cause;
#undef AKSU_X
#define AKSU_X(name, text) AKSU_STATE_BY_##name,
typedef enum aksu_state_cause { AKSU_STATE_CAUSES(AKSU_X) AKSU_STATE_CAUSE_COUNT } aksu_state_cause;
#undef AKSU_X
#define AKSU_X(name, text) AKSU_RECORD_##name,
typedef enum aksu_state_record { AKSU_STATE_RECORDS(AKSU_X) AKSU_STATE_RECORD_COUNT } aksu_state_record;
#undef AKSU_X
#define AKSU_X(name, text) AKSU_TIMER_##name,
typedef enum aksu_timer { AKSU_TIMERS(AKSU_X) AKSU_TIMER_COUNT } aksu_timer;
#undef AKSU_X
#define AKSU_X(name, text) AKSU_TIMER_WAS_##name,
typedef enum aksu_timer_action { AKSU_TIMER_ACTIONS(AKSU_X) AKSU_TIMER_ACTION_COUNT } aksu_timer_action;
#undef AKSU_X
#define AKSU_X(name, text) AKSU_CALL_##name,
typedef enum aksu_call { AKSU_CALLS(AKSU_X) AKSU_CALL_COUNT } aksu_call;
#undef AKSU_X
#define AKSU_X(name, text) AKSU_CWND_##name,
typedef enum aksu_cwnd_cause { AKSU_CWND_CAUSES(AKSU_X) AKSU_CWND_CAUSE_COUNT } aksu_cwnd_cause;
#undef AKSU_X
#define AKSU_X(name, text) AKSU_LOSS_BY_##name,
typedef enum aksu_loss_cause { AKSU_LOSS_CAUSES(AKSU_X) AKSU_LOSS_CAUSE_COUNT } aksu_loss_cause;
#undef AKSU_X

/* The field types of events.def. */
typedef uint8_t aksu_trace_u8;
typedef uint16_t aksu_trace_u16;
typedef uint32_t aksu_trace_u32;
typedef uint64_t aksu_trace_u64;
typedef bool aksu_trace_bool;
typedef uint16_t aksu_trace_tcp_flags;
typedef uint32_t aksu_trace_event_bits;
typedef aksu_addr aksu_trace_addr;
typedef aksu_flow aksu_trace_flow;
typedef aksu_tcp_options aksu_trace_options;
typedef const aksu_frame *aksu_trace_frame;
typedef aksu_direction aksu_trace_direction;
typedef aksu_tcp_state aksu_trace_state;
typedef aksu_drop aksu_trace_drop;
typedef aksu_reason aksu_trace_reason;
typedef aksu_err aksu_trace_err;
typedef aksu_send_cause aksu_trace_send_cause;
typedef aksu_state_cause aksu_trace_state_cause;
typedef aksu_state_record aksu_trace_state_record;
typedef aksu_timer aksu_trace_timer;
typedef aksu_timer_action aksu_trace_timer_action;
typedef aksu_call aksu_trace_call;
typedef aksu_cwnd_cause aksu_trace_cwnd_cause;
typedef aksu_cc_mode aksu_trace_cc_mode;
typedef aksu_loss_cause aksu_trace_loss_cause;

typedef enum aksu_trace_kind {
#define AKSU_EVENT(NAME, name, spec, text) AKSU_TRACE_##NAME,
#define AKSU_FIELD(type, name)
#define AKSU_EVENT_END(name)
#include "events.def"
    AKSU_TRACE_KIND_COUNT
} aksu_trace_kind;

#define AKSU_EVENT(NAME, name, spec, text) typedef struct aksu_ev_##name {
#define AKSU_FIELD(type, name)             aksu_trace_##type name;
#define AKSU_EVENT_END(name)                                                                                           \
    }                                                                                                                  \
    aksu_ev_##name;
#include "events.def"

typedef struct aksu_trace_event {
    aksu_trace_kind kind;
    uint64_t time_us; /* the stack's latched time; for an incoming packet, when it arrived */
    union {
#define AKSU_EVENT(NAME, name, spec, text) aksu_ev_##name name;
#define AKSU_FIELD(type, name)
#define AKSU_EVENT_END(name)
#include "events.def"
    } u;
} aksu_trace_event;

#ifdef __cplusplus
}
#endif

#endif /* AKSU_TRACE_H */
