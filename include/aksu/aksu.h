/* aksu: a TCP/IP stack as a library.  This is the core's whole public interface.
 *
 * The core does no I/O, reads no clock, holds no globals and allocates nothing: the caller lends it one
 * block of memory, gives it packets and the time, and takes packets, events and the next deadline from it.
 * The same calls with the same arguments always give the same bytes.
 *
 * The loop that drives it, in ten lines (drivers and loops for Linux are in host.h):
 *
 *     for (;;) {
 *         wait_until(readable(fd) || now_us() >= aksu_deadline_us(s));
 *         aksu_advance(s, now_us());
 *         while ((n = read_frames(fd, in, 64)) > 0) aksu_input(s, now_us(), in, n);
 *         while (aksu_next_event(s, &event)) handle(s, &event);                  // the application
 *         while ((n = aksu_output(s, now_us(), out, 64)) > 0) write_frames(fd, out, n);   // AKSU_OUTPUT_SYNC
 *     }
 *
 * One thread per stack at a time; any number of stacks in a process.  Times are microseconds on any clock that
 * does not run backwards.  Sizes are bytes.  Every function that can fail returns an aksu_err and writes its
 * ret_ arguments only on success.  "RFC 9293 s3.10.4" in a comment names where a behaviour comes from. */
#ifndef AKSU_AKSU_H
#define AKSU_AKSU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transfer_info.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AKSU_VERSION_MAJOR 0
#define AKSU_VERSION_MINOR 1
#define AKSU_VERSION_PATCH 0
#define AKSU_VERSION       "0.1.0"

/* ---------------------------------------------------------------- errors */

/* What a call answers.  The right column is what the caller should do. */
#define AKSU_ERRORS(X)                                                                                                 \
    X(OK, 0, "ok")                                                                                                     \
    X(BADSOCK, -1, "no such socket")                    /* the handle is stale: forget it */                           \
    X(INVALID, -2, "invalid argument")                  /* a bug in the caller: mend it */                             \
    X(AGAIN, -3, "try again later")                     /* wait for the event that allows it */                        \
    X(NO_MEMORY, -4, "insufficient resources")          /* a limit of the config was reached */                        \
    X(NOT_CONNECTED, -5, "connection does not exist")   /* not in a state that can do this */                          \
    X(EXISTS, -6, "connection already exists")          /* pick another port or peer */                                \
    X(CLOSING, -7, "connection closing")                /* our FIN is queued: nothing more to send */                  \
    X(END, -8, "end of stream")                         /* the peer's FIN: nothing more to read */                     \
    X(RESET, -9, "connection reset")                    /* release the socket */                                       \
    X(REFUSED, -10, "connection refused")               /* release the socket */                                       \
    X(TIMED_OUT, -11, "connection timed out")           /* release the socket */                                       \
    X(UNREACHABLE, -12, "destination unreachable")      /* release the socket */                                       \
    X(ABORTED, -13, "connection aborted")               /* release the socket */                                       \
    X(ADDR_IN_USE, -14, "address in use")               /* pick another, or wait for TIME-WAIT */                      \
    X(ADDR_NOT_AVAILABLE, -15, "address not available") /* it is not one of ours */                                    \
    X(NO_ROUTE, -16, "no route to destination")         /* add a route */                                              \
    X(OUT_OF_RANGE, -17, "setting out of range")        /* aksu_tcp_setting_info tells the range */

typedef enum aksu_err {
#define AKSU_X(name, value, text) AKSU_ERR_##name = value,
    AKSU_ERRORS(AKSU_X)
#undef AKSU_X
} aksu_err;
#define AKSU_OK AKSU_ERR_OK

/* The text of an error, in lower case, never NULL. */
const char *aksu_err_text(aksu_err err);

/* ---------------------------------------------------------------- addresses */

/* An IPv6 address, or an IPv4 address in its mapped form ::ffff:a.b.c.d (RFC 4291 s2.5.5.2).  The mapping is only
 * how the core holds it: IPv4 is spoken on the wire.  All zero: unspecified. */
typedef struct aksu_addr {
    uint8_t byte[16];
} aksu_addr;

typedef struct aksu_endpoint {
    aksu_addr addr;
    uint16_t port; /* host byte order; 0: unspecified */
    uint16_t link; /* scope of a link-local address; AKSU_LINK_ANY otherwise */
} aksu_endpoint;

#define AKSU_LINK_ANY 0xffffu

/* An Ethernet address. */
typedef struct aksu_mac {
    uint8_t byte[6];
} aksu_mac;

/* a.b.c.d as an aksu_addr. */
aksu_addr aksu_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
bool aksu_addr_is_v4(const aksu_addr *addr);
bool aksu_addr_is_any(const aksu_addr *addr); /* unspecified, of either family */
bool aksu_addr_equal(const aksu_addr *a, const aksu_addr *b);

/* Text to address and back.  Parse takes dotted quads and RFC 4291 s2.2 forms; INVALID if the text is neither.  Format
 * writes at most cap bytes with the final NUL, in RFC 5952 form, and answers the bytes a long enough buffer needs
 * without the NUL; AKSU_ADDR_TEXT_BYTES is always enough. */
#define AKSU_ADDR_TEXT_BYTES 46
aksu_err aksu_addr_parse(const char *text, aksu_addr *ret_addr);
size_t aksu_addr_format(const aksu_addr *addr, char *buf, size_t cap);

/* ---------------------------------------------------------------- frames */

typedef struct aksu_iov {
    void *base;
    size_t bytes;
} aksu_iov;

typedef enum aksu_checksum {
    AKSU_CHECKSUM_NONE = 0,    /* in: not checked, the core checks it.  out: complete in the packet */
    AKSU_CHECKSUM_VALID = 1,   /* in: the device has checked it */
    AKSU_CHECKSUM_PARTIAL = 2, /* in: trusted, never filled in (same machine).  out: the device fills it in, at
                                  checksum_start + checksum_offset over everything from checksum_start on */
} aksu_checksum;

enum {
    AKSU_FRAME_V4 = 1u << 0,  /* an IPv4 packet */
    AKSU_FRAME_V6 = 1u << 1,  /* an IPv6 packet */
    AKSU_FRAME_TCP = 1u << 2, /* segment_bytes, if not 0, cuts TCP */
    AKSU_FRAME_UDP = 1u << 3, /* segment_bytes, if not 0, cuts UDP */
    AKSU_FRAME_ECN = 1u << 4, /* a super-segment whose first segment alone may carry CWR */
};

/* One packet, or one super-segment: a packet of up to 64 KiB with one set of headers that stands for
 * ceil(payload / segment_bytes) packets on the wire (GSO and GRO). */
typedef struct aksu_frame {
    uint32_t token;           /* out: give it to aksu_output_done */
    uint16_t link;            /* the link it came from or goes to */
    uint8_t checksum;         /* aksu_checksum */
    uint8_t flags;            /* AKSU_FRAME_ */
    uint16_t segment_bytes;   /* payload of each packet of a super-segment; 0: a packet as it stands */
    uint16_t header_bytes;    /* what each packet of a super-segment repeats: IP and TCP headers */
    uint16_t checksum_start;  /* PARTIAL only; from the start of the frame */
    uint16_t checksum_offset; /* PARTIAL only; from checksum_start */
    uint32_t flow_hash;       /* the same for all packets of a flow, for queue choice; 0: none */
    uint32_t total_bytes;     /* the sum of iov[].bytes */
    uint32_t iov_count;
    uint64_t time_us;    /* in: when it arrived, <= now; 0: now.  Round trips end there.  out: now */
    const aksu_iov *iov; /* in: borrowed for the call.  out: lent until aksu_output_done */
} aksu_frame;

/* ---------------------------------------------------------------- settings of a TCP connection */

/* Every per-connection setting: enum name, field, smallest, largest, default, what it is.  Times are microseconds, the
 * longest 23 days.
 * A connection shares its settings with others until one is changed; a listener's go to what it accepts. */
#define AKSU_TCP_SETTINGS(X)                                                                                           \
    X(MSS_BYTES, mss_bytes, 0, 65495, 0, "largest MSS we announce; 0: from the MTU (RFC 9293 s3.7.1)")                 \
    X(MTU_FLOOR_BYTES, mtu_floor_bytes, 256, 1500, 576,                                                                \
      "least path MTU believed of an ICMP message over IPv4 (RFC 5927 s7.2); over IPv6 it is 1280")                    \
    X(MTU_PROBING, mtu_probing, 0, 2, 1,                                                                               \
      "find the path MTU by trying (RFC 8899): 0 no, 1 from where a black hole or a router has lowered it, "           \
      "2 from 1,200 bytes up (IPv6: 1,280)")                                                                           \
    X(RCV_BUF_BYTES, rcv_buf_bytes, 0, 1u << 30, 0,                                                                    \
      "receive buffer, the largest window offered: 256 or more; 0: tunes itself to the path, from 128 KiB up")         \
    X(RCV_BUF_MAX_BYTES, rcv_buf_max_bytes, 256, 1u << 30, 65535u << 7, "where that ends; the window scale is for it") \
    X(SND_BUF_BYTES, snd_buf_bytes, 0, 1u << 30, 0,                                                                    \
      "send buffer: 256 or more; 0: tunes itself to the congestion window, from 128 KiB up")                           \
    X(SND_BUF_MAX_BYTES, snd_buf_max_bytes, 256, 1u << 30, 4u << 20, "where that ends")                                \
    X(SND_LOWAT_BYTES, snd_lowat_bytes, 1, 1u << 30, 1, "WRITABLE needs this much room, or nothing queued")            \
    X(RCV_LOWAT_BYTES, rcv_lowat_bytes, 1, 1u << 30, 1, "READABLE needs this many bytes, a full buffer or the end")    \
    X(NAGLE, nagle, 0, 2, 2,                                                                                           \
      "hold a small segment: 0 never, 1 while data is unacknowledged (RFC 9293 s3.7.4), "                              \
      "2 while a small segment is (Minshall)")                                                                         \
    X(CORK, cork, 0, 1, 0, "send full segments only; clearing it flushes; data waits 200 ms at most")                  \
    X(DELAYED_ACK_US, delayed_ack_us, 0, 499999, 40000, "longest ACK delay (RFC 9293 s3.8.6.3: < 0.5 s); 0: none")     \
    X(ACK_SEGMENTS, ack_segments, 1, 64, 2, "full segments that draw an ACK at once")                                  \
    X(QUICK_ACKS, quick_acks, 0, 64, 16,                                                                               \
      "full segments at the start, and after an idle time, that draw an ACK each: the sender's window grows sooner")   \
    X(TIMESTAMPS, timestamps, 0, 1, 1, "offer and accept timestamps (RFC 7323)")                                       \
    X(WINDOW_SCALE, window_scale, 0, 1, 1, "offer and accept window scaling (RFC 7323)")                               \
    X(SACK, sack, 0, 1, 1, "offer and accept selective acknowledgments (RFC 2018)")                                    \
    X(RTO_INITIAL_US, rto_initial_us, 1000, 60000000, 1000000, "first RTO (RFC 6298 s2.1)")                            \
    X(RTO_MIN_US, rto_min_us, 1000, 60000000, 200000, "smallest RTO (RFC 6298 s2.4 says 1 s)")                         \
    X(RTO_MAX_US, rto_max_us, 1000000, 240000000, 60000000, "largest RTO (RFC 6298 s2.5: >= 60 s)")                    \
    X(INITIAL_CWND_SEGMENTS, initial_cwnd_segments, 1, 64, 10, "initial window (RFC 6928)")                            \
    X(R1_RETRIES, r1_retries, 1, 64, 3, "retransmissions before the path is doubted (RFC 9293 s3.8.3)")                \
    X(R2_RETRIES, r2_retries, 1, 64, 15, "retransmissions before the connection is given up (RFC 9293 s3.8.3)")        \
    X(SYN_RETRIES, syn_retries, 0, 64, 7, "retransmissions of a SYN: 7 last 255 s (RFC 9293 s3.8.3: >= 3 min)")        \
    X(SYN_ACK_RETRIES, syn_ack_retries, 0, 64, 5, "retransmissions of a SYN,ACK by a listener")                        \
    X(USER_TIMEOUT_US, user_timeout_us, 0, 2000000000000, 0,                                                           \
      "give up when a byte stays unacknowledged so long, and not by R2; 0: by R2")                                     \
    X(USER_TIMEOUT_OPTION, user_timeout_option, 0, 1, 0, "send and heed the RFC 5482 option")                          \
    X(KEEPALIVE, keepalive, 0, 1, 0, "probe an idle peer (RFC 9293 s3.8.4: off by default)")                           \
    X(KEEPALIVE_IDLE_US, keepalive_idle_us, 1000000, 2000000000000, 7200000000, "idle time before the first probe")    \
    X(KEEPALIVE_INTERVAL_US, keepalive_interval_us, 100000, 2000000000000, 75000000, "time between probes")            \
    X(KEEPALIVE_COUNT, keepalive_count, 2, 255, 9, "probes unanswered before giving up; never one (MUST-29)")          \
    X(FIN_WAIT_2_US, fin_wait_2_us, 1000000, 2000000000000, 60000000, "life of an orphan in FIN-WAIT-2")               \
    X(ORPHAN_RETRIES, orphan_retries, 1, 64, 8, "R2 of a connection that the application has closed")                  \
    X(LINGER, linger, 0, 1, 0, "close() sends RST once linger_us is over with data still unacknowledged")              \
    X(LINGER_US, linger_us, 0, 2000000000000, 0, "with LINGER: 0 makes close() an abort")                              \
    X(TTL, ttl, 1, 255, 64, "TTL or hop limit (RFC 9293 s3.9.2)")                                                      \
    X(DSCP, dscp, 0, 63, 0, "Diffserv code point (RFC 2474)")                                                          \
    X(FAST_OPEN, fast_open, 0, 1, 0, "data on SYN (RFC 7413); a replay may deliver it twice")                          \
    X(SOFT_ERRORS, soft_errors, 0, 1, 1, "report SOFT_ERROR events (RFC 9293 s3.9.1.8)")                               \
    X(REUSE_TIME_WAIT, reuse_time_wait, 0, 1, 1, "listen() is not refused by connections in TIME-WAIT")                \
    X(OPTION_ORDER, option_order, 0, 1, 0, "order of options in a SYN: 0 as Linux has them, 1 as FreeBSD")             \
    X(CONGESTION_CONTROL, congestion_control, 0, 15, 0, "index: see aksu_cc_index; 0: cubic (RFC 9438)")               \
    X(PACING, pacing, 0, 1, 0, "spread data over the round trip, from 2 ms on, instead of bursts")                     \
    X(ECN, ecn, 0, 5, 1, "explicit congestion notification: see aksu_ecn")                                             \
    X(ACCECN_OPTION, accecn_option, 0, 1, 1, "with accurate ECN: send its options too (RFC 9768 s3.2.3)")

/* Classic is RFC 3168, accurate RFC 9768; from 3 on as Linux's tcp_ecn has them. */
typedef enum aksu_ecn {
    AKSU_ECN_OFF = 0,
    AKSU_ECN_PASSIVE = 1,              /* classic, if the peer asks */
    AKSU_ECN_ACTIVE = 2,               /* and ask for it */
    AKSU_ECN_ACCURATE = 3,             /* ask for the accurate kind, answer either */
    AKSU_ECN_ACCURATE_ASK_CLASSIC = 4, /* answer either, ask for the classic kind */
    AKSU_ECN_ACCURATE_PASSIVE = 5,     /* answer either, ask for none */
} aksu_ecn;

typedef enum aksu_mtu_probing {
    AKSU_MTU_PROBING_OFF = 0,
    AKSU_MTU_PROBING_LOWERED = 1,
    AKSU_MTU_PROBING_ALWAYS = 2,
} aksu_mtu_probing;

typedef struct aksu_tcp_settings {
#define AKSU_X(NAME, field, min, max, def, text) uint64_t field;
    AKSU_TCP_SETTINGS(AKSU_X)
#undef AKSU_X
} aksu_tcp_settings;

typedef enum aksu_tcp_setting {
#define AKSU_X(NAME, field, min, max, def, text) AKSU_TCP_##NAME,
    AKSU_TCP_SETTINGS(AKSU_X)
#undef AKSU_X
        AKSU_TCP_SETTING_COUNT
} aksu_tcp_setting;

typedef struct aksu_tcp_setting_info_t {
    const char *name; /* the field's name */
    const char *text;
    uint64_t min, max, def;
} aksu_tcp_setting_info_t;

/* Name, range and default of a setting; NULL if there is no such setting.  Static. */
const aksu_tcp_setting_info_t *aksu_tcp_setting_info(aksu_tcp_setting setting);

/* The index of a congestion control by name ("cubic", "newreno", "bbr"), or -1; and the name of an index, or NULL.
 * bbr is BBR version 3 (draft-ietf-ccwg-bbr); it paces whatever PACING says. */
int aksu_cc_index(const char *name);
const char *aksu_cc_name(unsigned index);

/* What a congestion control is about: RFC 5681 s3; from STARTUP on those of bbr, draft-ietf-ccwg-bbr s5.1. */
#define AKSU_CC_MODES(X)                                                                                               \
    X(NONE, "none")                                                                                                    \
    X(SLOW_START, "slow start")                                                                                        \
    X(AVOIDANCE, "congestion avoidance")                                                                               \
    X(RECOVERY, "recovery")                                                                                            \
    X(STARTUP, "startup")                                                                                              \
    X(DRAIN, "drain")                                                                                                  \
    X(PROBE_DOWN, "probe down")                                                                                        \
    X(PROBE_CRUISE, "cruise")                                                                                          \
    X(PROBE_REFILL, "refill")                                                                                          \
    X(PROBE_UP, "probe up")                                                                                            \
    X(PROBE_RTT, "probe round trip")
typedef enum aksu_cc_mode {
#define AKSU_X(name, text) AKSU_CC_##name,
    AKSU_CC_MODES(AKSU_X)
#undef AKSU_X
        AKSU_CC_MODE_COUNT
} aksu_cc_mode;
const char *aksu_cc_mode_text(aksu_cc_mode mode);

/* ---------------------------------------------------------------- configuration */

typedef enum aksu_syn_cookies {
    AKSU_SYN_COOKIES_OFF = 0,  /* a full SYN cache drops the oldest half-open record */
    AKSU_SYN_COOKIES_AUTO = 1, /* cookies while the SYN cache is full (RFC 4987 s3.6) */
    AKSU_SYN_COOKIES_ALWAYS = 2,
} aksu_syn_cookies;

/* Everything that a stack is told at its start.  aksu_config_default fills it; change what differs. */
typedef struct aksu_config {
    uint32_t struct_bytes; /* sizeof(aksu_config): set by aksu_config_default */

    /* Secrets.  entropy must be 32 unpredictable bytes (getrandom): ISNs, ports, hash keys and the rest derive from it,
     * a key for each use.  fleet_key, if not all zero, is shared by stacks that must honour each other's SYN and
     * fast-open cookies. */
    uint8_t entropy[32];
    uint8_t fleet_key[32];

    /* Limits.  All memory is reserved at the start and none is touched before it is used, so large limits are cheap. */
    uint32_t tcp_max;           /* connections with a control block, 1 to 2^27 */
    uint32_t listener_max;      /* listening sockets */
    uint32_t syn_cache_max;     /* half-open connections of all listeners */
    uint32_t time_wait_max;     /* TIME-WAIT records; the oldest goes first */
    uint32_t transfer_max;      /* connections that are moving data at one time */
    uint32_t block_bytes;       /* size of a buffer block: a power of two, 64 to 65536 */
    uint32_t block_max;         /* buffer blocks for all send and receive queues */
    uint64_t buffer_growth_max; /* bytes by which buffers that tune themselves may be larger than they begin, all of
                                   them together: about half of the blocks, or less */
    uint32_t record_max;        /* transmissions in flight: one each, however large */
    uint32_t frame_max;         /* output frames lent at one time */
    uint32_t reply_max;         /* stateless replies (RST, echo) waiting for output */
    uint32_t settings_max;      /* different sets of per-connection settings in use */
    uint32_t udp_max;           /* UDP sockets */
    uint32_t datagram_max;      /* datagrams in all their queues */
    uint32_t link_max, addr_max, route_max;
    uint32_t neighbour_max;         /* on all Ethernet links; at most a quarter of them unanswered (RFC 6583) */
    uint32_t reassembly_max;        /* datagrams of which fragments have come; 0: fragments are dropped */
    uint32_t reassembly_bytes;      /* blocks for them; one source gets half of it, and a quarter of the datagrams */
    uint32_t held_max;              /* packets that wait for a neighbour's answer, at most 3 for each */
    uint32_t port_first, port_last; /* ephemeral ports (RFC 6056) */

    /* Behaviour of the whole stack. */
    uint32_t output_sync;           /* 1: all frames of an aksu_output are done at the next one */
    uint64_t time_wait_us;          /* 2MSL, 30 s to 240 s (RFC 9293 s3.4.2) */
    uint32_t syn_cookies;           /* aksu_syn_cookies */
    uint32_t rst_per_second;        /* resets and challenges sent without a connection; 0: no limit */
    uint64_t reassembly_us;         /* how long fragments wait for the rest, 1 s to 120 s (RFC 8200 s4.5: 60 s) */
    uint32_t reset_on_overflow;     /* 1: a full accept queue answers the final ACK by RST; 0: by silence */
    uint64_t evict_shut_us;         /* while buffers are short, connections whose peers have kept their windows shut so
                                       long are reset (RFC 6429 s4): 1 s to 23 days; 0: never (MUST-37) */
    uint64_t fast_open_key_us;      /* life of a fast-open and SYN-cookie key generation */
    uint32_t fast_open_cache_max;   /* servers whose cookies a client remembers */
    uint32_t fast_open_pending_max; /* per listener (RFC 7413 s5.1) */

    aksu_tcp_settings tcp; /* defaults of all connections */
} aksu_config;

typedef struct aksu_stack aksu_stack; /* opaque; lies in the caller's memory */

/* A socket: a value, not a pointer.  One that was released is stale, and every call says AKSU_ERR_BADSOCK. */
typedef struct aksu_sock {
    uint32_t slot, generation;
} aksu_sock;
#define AKSU_SOCK_NONE ((aksu_sock){0, 0})

/* Fills a config with defaults: 65,536 connections, 64 MiB of buffers. */
void aksu_config_default(aksu_config *ret_config);

/* Bytes that a stack of this config needs, 0 if the config is out of range (aksu_config_check tells which field). */
size_t aksu_stack_bytes(const aksu_config *config);

/* NULL if the config is in range, else a static sentence that names the field and its range. */
const char *aksu_config_check(const aksu_config *config);

/* Makes a stack in mem: zero-filled, aligned to 64 bytes, at least aksu_stack_bytes(config), and the caller's until he
 * has no more use for the stack (there is nothing to close).  INVALID: the config is out of range, or mem too small or
 * misaligned. */
aksu_err aksu_stack_init(const aksu_config *config, void *mem, size_t mem_bytes, aksu_stack **ret_stack);

/* Copies a stack, keys and all, into other memory of at least aksu_stack_bytes: the copy continues as the original
 * would have.  For exploring, stepping back and comparing; never for two stacks on one network.  The copy has no trace
 * sink.  INVALID as aksu_stack_init. */
aksu_err aksu_stack_clone(const aksu_stack *stack, void *mem, size_t mem_bytes, aksu_stack **ret_stack);

/* A hash of everything that determines what the stack will do: equal digests mean equal futures.  Times count
 * relative to now; free lists, generations and counters do not count. */
uint64_t aksu_stack_digest(const aksu_stack *stack);

/* ---------------------------------------------------------------- time and packets */

/* Tells the stack the time.  Every call between this and the next advance, input or output sees this time.  A time
 * before the last is clamped to it and counted. */
void aksu_advance(aksu_stack *stack, uint64_t now_us);

/* Packets from links.  Frames are borrowed for the call; what is kept is copied.  A bad frame is dropped, counted and
 * traced, and the rest go on. */
void aksu_input(aksu_stack *stack, uint64_t now_us, const aksu_frame *frames, size_t frame_count);

/* Fires due timers, then fills ret_frames with packets to send, and answers how many.  Call until it answers 0.  Bytes
 * and iovecs are lent until aksu_output_done(token), or with config.output_sync until the next aksu_output.  While
 * frames are lent up to config.frame_max it answers 0. */
size_t aksu_output(aksu_stack *stack, uint64_t now_us, aksu_frame *ret_frames, size_t frame_cap);

/* The driver has no more use for a frame's bytes.  Not called with config.output_sync.  An unknown token is counted. */
void aksu_output_done(aksu_stack *stack, uint32_t token);

/* When the next turn is due, aksu_output with it: <= now: at once.  UINT64_MAX: not before input or a call.  Events
 * that the last aksu_output brought about, by a timer or a packet to ourselves, make it due at once. */
uint64_t aksu_deadline_us(const aksu_stack *stack);

/* ---------------------------------------------------------------- events */

enum {
    AKSU_EV_INCOMING = 1u << 0,    /* listener: aksu_tcp_accept (or _incoming) has something */
    AKSU_EV_CONNECTED = 1u << 1,   /* ESTABLISHED was reached */
    AKSU_EV_READABLE = 1u << 2,    /* recv gives bytes, or END */
    AKSU_EV_WRITABLE = 1u << 3,    /* send takes bytes */
    AKSU_EV_PEER_CLOSED = 1u << 4, /* the peer's FIN has arrived, in order */
    AKSU_EV_URGENT = 1u << 5,      /* the peer's urgent pointer has come, or advanced (RFC 9293 s3.8.5) */
    AKSU_EV_SOFT_ERROR = 1u << 6,  /* trouble that does not end the connection: see aksu_tcp_info.soft_error */
    AKSU_EV_CLOSED = 1u << 7,      /* the connection is over: reason says how; the last event of a socket */
};

/* Why a connection ended, or (SOFT_ERROR) what troubles it. */
#define AKSU_REASONS(X)                                                                                                \
    X(NONE, "none")                                                                                                    \
    X(CLOSED, "closed")             /* FINs both ways, all acknowledged */                                             \
    X(RESET, "reset")               /* the peer's RST */                                                               \
    X(REFUSED, "refused")           /* RST in SYN-SENT */                                                              \
    X(TIMED_OUT, "timed out")       /* R2: retransmissions unanswered */                                               \
    X(USER_TIMEOUT, "user timeout") /* the user timeout was over */                                                    \
    X(KEEPALIVE, "peer is dead")    /* keep-alive probes unanswered */                                                 \
    X(UNREACHABLE, "unreachable")   /* ICMP says so */                                                                 \
    X(ABORTED, "aborted")           /* by aksu_tcp_abort, or a close that had to be one */                             \
    X(EVICTED, "out of memory")     /* given up under memory pressure */                                               \
    X(NET_UNREACHABLE, "network unreachable")                                                                          \
    X(HOST_UNREACHABLE, "host unreachable")                                                                            \
    X(PROTOCOL_UNREACHABLE, "protocol unreachable")                                                                    \
    X(PORT_UNREACHABLE, "port unreachable")                                                                            \
    X(PROHIBITED, "prohibited")                                                                                        \
    X(SOURCE_ROUTE_FAILED, "source route failed")                                                                      \
    X(TTL_EXCEEDED, "hop limit exceeded")                                                                              \
    X(PARAMETER_PROBLEM, "parameter problem")                                                                          \
    X(PACKET_TOO_BIG, "packet too big")                                                                                \
    X(RETRANSMITTING, "peer does not answer")
typedef enum aksu_reason {
#define AKSU_X(name, text) AKSU_REASON_##name,
    AKSU_REASONS(AKSU_X)
#undef AKSU_X
        AKSU_REASON_COUNT
} aksu_reason;
const char *aksu_reason_text(aksu_reason reason);

typedef struct aksu_event {
    aksu_sock sock;
    uint32_t bits;      /* AKSU_EV_ that became true since the last event of this socket */
    aksu_reason reason; /* with CLOSED and SOFT_ERROR */
    uint64_t user;      /* what aksu_sock_set_user gave */
} aksu_event;

/* The next event, false if there is none.  A bit is reported once when it becomes true, and again only after the
 * application has seen it false (recv or send said AGAIN, accept said AGAIN). */
bool aksu_next_event(aksu_stack *stack, aksu_event *ret_event);

/* The levels now, as AKSU_EV_ bits.  BADSOCK. */
aksu_err aksu_poll(const aksu_stack *stack, aksu_sock sock, uint32_t *ret_bits);

/* The application's own word for a socket, given with each event; accepted sockets start with their listener's. */
aksu_err aksu_sock_set_user(aksu_stack *stack, aksu_sock sock, uint64_t user);
aksu_err aksu_sock_user(const aksu_stack *stack, aksu_sock sock, uint64_t *ret_user);

/* ---------------------------------------------------------------- links, addresses, routes */

enum {
    AKSU_LINK_TX_CHECKSUM = 1u << 0, /* the driver takes PARTIAL checksums */
    AKSU_LINK_TSO4 = 1u << 1,        /* and TCP super-segments over IPv4 */
    AKSU_LINK_TSO6 = 1u << 2,
    AKSU_LINK_CATCH_ALL = 1u << 3,    /* packets to any address are ours here (a gateway for others) */
    AKSU_LINK_USO = 1u << 5,          /* the driver takes UDP super-segments, of both versions */
    AKSU_LINK_NO_REDIRECTS = 1u << 4, /* Ethernet: redirects mean nothing (RFC 4861 s8) */
};

typedef enum aksu_link_type {
    AKSU_LINK_IP = 0,       /* frames are bare IP packets */
    AKSU_LINK_ETHERNET = 1, /* frames begin with an Ethernet header; neighbours are found by ARP and NDP */
} aksu_link_type;

/* What an Ethernet link does to get IPv6 addresses by itself. */
typedef enum aksu_autoconf {
    AKSU_AUTOCONF_OFF = 0,       /* none; what is added is used */
    AKSU_AUTOCONF_STABLE = 1,    /* link-local and, from router advertisements, addresses that stay (RFC 7217) */
    AKSU_AUTOCONF_TEMPORARY = 2, /* and others for a day each, which connections prefer (RFC 8981) */
} aksu_autoconf;

typedef struct aksu_link_config {
    uint32_t struct_bytes;  /* sizeof(aksu_link_config) */
    uint32_t mtu;           /* bytes of an IP packet, 576 to 65535 */
    uint32_t flags;         /* AKSU_LINK_ */
    uint32_t tso_max_bytes; /* largest super-segment with IP and TCP headers, at most 65535; 0: no super-segments */

    /* Ethernet alone; all zero otherwise. */
    uint16_t type;      /* aksu_link_type */
    uint16_t vlan;      /* our VLAN's identifier (IEEE 802.1Q), 1 to 4094; 0: frames without one */
    aksu_mac mac;       /* ours: of one host, not of a group */
    uint8_t dad_probes; /* how often it is asked whether an address is taken before it is used, 0 to 16: RFC 4862 says
                           1, RFC 5227 says 3; 0: used at once, and others are only told */
    uint8_t autoconf;   /* aksu_autoconf */
} aksu_link_config;

typedef struct aksu_route {
    aksu_addr prefix;
    uint8_t prefix_bits; /* of the address's own family: 0..32 or 0..128 */
    uint16_t link;
    aksu_addr gateway; /* unspecified: on the link itself */
    uint32_t metric;   /* of routes to the same prefix the smallest that works: gateways that do not answer come last */
} aksu_route;

/* A link.  INVALID, NO_MEMORY (config.link_max). */
aksu_err aksu_link_add(aksu_stack *stack, const aksu_link_config *config, uint16_t *ret_link);
aksu_err aksu_link_up(aksu_stack *stack, uint16_t link);   /* links start up */
aksu_err aksu_link_down(aksu_stack *stack, uint16_t link); /* nothing goes out or comes in; connections stay */
/* INVALID: outside 576 to 65535, or below 1280 while the link has an address of IPv6. */
aksu_err aksu_link_mtu(aksu_stack *stack, uint16_t link, uint32_t mtu);

/* An address of ours, with the prefix that its link reaches directly.  EXISTS, INVALID, NO_MEMORY; remove:
 * ADDR_NOT_AVAILABLE.  On an Ethernet link it is TENTATIVE until nobody else was found to have it (RFC 4862 s5.4,
 * RFC 5227), and the first of IPv6 brings a link-local one with it, if there is room.  INVALID too for IPv6 on a link
 * whose MTU is below 1280 (RFC 8200 s5). */
aksu_err aksu_addr_add(aksu_stack *stack, uint16_t link, const aksu_addr *addr, uint8_t prefix_bits);
aksu_err aksu_addr_remove(aksu_stack *stack, const aksu_addr *addr);

/* Another prefix for an address of ours, which stays in use.  INVALID; ADDR_NOT_AVAILABLE: it is not ours. */
aksu_err aksu_addr_prefix(aksu_stack *stack, const aksu_addr *addr, uint8_t prefix_bits);

typedef enum aksu_addr_state {
    AKSU_ADDR_TENTATIVE,  /* asked for: nothing is sent from it, nothing taken for it */
    AKSU_ADDR_PREFERRED,  /* in use */
    AKSU_ADDR_DEPRECATED, /* for what is open already: new connections choose another (RFC 4862 s5.5.4) */
    AKSU_ADDR_DUPLICATE,  /* somebody else has it: not used */
} aksu_addr_state;

typedef struct aksu_addr_info {
    aksu_addr addr;
    uint16_t link;
    uint8_t prefix_bits;
    bool automatic; /* made by the stack itself */
    aksu_addr_state state;
    uint64_t preferred_us, valid_us; /* time left; UINT64_MAX: for ever */
} aksu_addr_info;

/* Walks the addresses: start with *cursor = 0, false at the end.  counters.addr_changes tells when it is worth it. */
bool aksu_addr_next(const aksu_stack *stack, uint32_t *cursor, aksu_addr_info *ret_info);

/* A route; the longest prefix wins.  EXISTS: there is one by this gateway.  INVALID, NO_MEMORY.  NO_ROUTE: the gateway
 * is not on the link, an Ethernet one.  remove: NO_ROUTE. */
aksu_err aksu_route_add(aksu_stack *stack, const aksu_route *route);
aksu_err aksu_route_remove(aksu_stack *stack, const aksu_route *route);

/* RFC 4861 s7.3.2, and what becomes of one that never answers. */
#define AKSU_NEIGHBOUR_STATES(X)                                                                                       \
    X(NONE)                                                                                                            \
    X(INCOMPLETE)                                                                                                      \
    X(REACHABLE)                                                                                                       \
    X(STALE)                                                                                                           \
    X(DELAY)                                                                                                           \
    X(PROBE)                                                                                                           \
    X(UNREACHABLE)
typedef enum aksu_neighbour_state {
#define AKSU_X(name) AKSU_NEIGHBOUR_##name,
    AKSU_NEIGHBOUR_STATES(AKSU_X)
#undef AKSU_X
        AKSU_NEIGHBOUR_STATE_COUNT
} aksu_neighbour_state;

typedef struct aksu_neighbour_info {
    aksu_addr addr;
    uint16_t link;
    aksu_mac mac; /* not in INCOMPLETE */
    aksu_neighbour_state state;
    bool gateway;
    uint32_t held; /* packets that wait for it */
} aksu_neighbour_info;

/* Walks the neighbours of all Ethernet links in no order: start with *cursor = 0, false at the end. */
bool aksu_neighbour_next(const aksu_stack *stack, uint32_t *cursor, aksu_neighbour_info *ret_info);

/* ---------------------------------------------------------------- TCP */

/* RFC 9293 s3.3.2. */
#define AKSU_TCP_STATES(X)                                                                                             \
    X(CLOSED, "CLOSED")                                                                                                \
    X(LISTEN, "LISTEN")                                                                                                \
    X(SYN_SENT, "SYN-SENT")                                                                                            \
    X(SYN_RECEIVED, "SYN-RECEIVED")                                                                                    \
    X(ESTABLISHED, "ESTABLISHED")                                                                                      \
    X(FIN_WAIT_1, "FIN-WAIT-1")                                                                                        \
    X(FIN_WAIT_2, "FIN-WAIT-2")                                                                                        \
    X(CLOSE_WAIT, "CLOSE-WAIT")                                                                                        \
    X(CLOSING, "CLOSING")                                                                                              \
    X(LAST_ACK, "LAST-ACK")                                                                                            \
    X(TIME_WAIT, "TIME-WAIT")
typedef enum aksu_tcp_state {
#define AKSU_X(name, text) AK_TCP_##name,
    AKSU_TCP_STATES(AKSU_X)
#undef AKSU_X
        AK_TCP_STATE_COUNT
} aksu_tcp_state;

/* The state's name in the RFC's spelling. */
const char *aksu_tcp_state_name(aksu_tcp_state state);

/* Arguments of an OPEN (RFC 9293 s3.9.1.1).  Zero-initialise and set what is wanted. */
typedef struct aksu_tcp_open {
    uint32_t struct_bytes;             /* sizeof(aksu_tcp_open) */
    aksu_endpoint local;               /* unspecified address: chosen by the route; port 0: chosen (active only) */
    aksu_endpoint remote;              /* active: required.  passive: unspecified, or the only peer allowed */
    const aksu_tcp_settings *settings; /* NULL: the config's; copied */
    uint64_t user;                     /* the application's word */
    uint32_t backlog;                  /* passive: connections waiting for accept, at least 1 */
    uint32_t flags;                    /* AKSU_OPEN_ */
} aksu_tcp_open;

enum {
    AKSU_OPEN_DEFERRED = 1u << 0,  /* passive: the application decides on each SYN (aksu_tcp_incoming) */
    AKSU_OPEN_CATCH_ALL = 1u << 1, /* passive: any local address, any port, on links with AKSU_LINK_CATCH_ALL */
};

/* Active OPEN (RFC 9293 s3.10.1).  The SYN leaves at the next aksu_output, so settings may still be changed and data
 * queued (it rides with the handshake's end, or on the SYN with FAST_OPEN).  CONNECTED or CLOSED will tell.
 * INVALID: no remote address or port, or a broadcast or multicast one (MUST-46), or a local address of the other
 * family. ADDR_NOT_AVAILABLE: local address is not ours, or is loopback and the remote one is not ours.  NO_ROUTE.
 * EXISTS: this four-tuple is in use, TIME-WAIT included.  ADDR_IN_USE: no ephemeral port is free.  NO_MEMORY.
 * OUT_OF_RANGE: settings. */
aksu_err aksu_tcp_connect(aksu_stack *stack, const aksu_tcp_open *open, aksu_sock *ret_sock);

/* Passive OPEN.  ADDR_IN_USE: another listener has this address and port (or a TIME-WAIT without REUSE_TIME_WAIT).
 * INVALID: no port (without CATCH_ALL), backlog 0.  ADDR_NOT_AVAILABLE.  NO_MEMORY. */
aksu_err aksu_tcp_listen(aksu_stack *stack, const aksu_tcp_open *open, aksu_sock *ret_sock);

/* OPEN, active, of a socket in LISTEN (RFC 9293 s3.10.1): the listener becomes a connection in SYN-SENT under
 * a new handle; connections waiting for accept are reset.  As aksu_tcp_connect; INVALID: not a listener. */
aksu_err aksu_tcp_listen_connect(aksu_stack *stack, aksu_sock listener, const aksu_endpoint *remote,
                                 aksu_sock *ret_sock);

/* The next connection that a listener has completed.  AGAIN: none yet. */
aksu_err aksu_tcp_accept(aksu_stack *stack, aksu_sock listener, aksu_sock *ret_sock);

/* Deferred accept: the next SYN that waits for a decision, and the decision.  A SYN not decided on lives as long
 * as a half-open connection.  AGAIN: none.  BADSOCK: the listener, or the SYN, is gone. */
typedef struct aksu_incoming {
    aksu_sock sock; /* of the waiting SYN, for the calls below only */
    aksu_endpoint local, remote;
    uint16_t link;
} aksu_incoming;
aksu_err aksu_tcp_incoming(aksu_stack *stack, aksu_sock listener, aksu_incoming *ret_incoming);
typedef enum aksu_verdict { AKSU_ACCEPT, AKSU_REFUSE, AKSU_DROP } aksu_verdict; /* SYN,ACK; RST; silence */
aksu_err aksu_tcp_decide(aksu_stack *stack, aksu_sock incoming, aksu_verdict verdict);

/* SEND (RFC 9293 s3.10.2): copies up to data_bytes into the send buffer.  AGAIN: no room (WRITABLE will tell).
 * NO_MEMORY: config.transfer_max connections are moving data: try again later, no event will tell.
 * CLOSING: after shutdown or close.  NOT_CONNECTED: a listener.  RESET, TIMED_OUT, ...: it is over. */
enum {
    AKSU_SEND_MORE = 1u << 0,   /* more follows at once: no PSH, and wait for it as CORK does */
    AKSU_SEND_URGENT = 1u << 1, /* the last byte is the end of urgent data (RFC 6093: new applications should not) */
};
aksu_err aksu_tcp_send(aksu_stack *stack, aksu_sock sock, const void *data, size_t data_bytes, unsigned flags,
                       size_t *ret_bytes);

/* RECEIVE (RFC 9293 s3.10.3): copies up to cap bytes in order.  AGAIN: none yet.  END: the peer has closed its side and
 * all was read.  NOT_CONNECTED, RESET, TIMED_OUT, ...: as above; what arrived before a reset and was not read is gone.
 */
aksu_err aksu_tcp_recv(aksu_stack *stack, aksu_sock sock, void *buf, size_t cap, size_t *ret_bytes);

/* The zero-copy doors.  Peek lends the bytes that recv would give, in at most iov_cap pieces; consume gives back that
 * many from the front and takes them off the queue.  Reserve lends room behind the queued bytes; commit queues that
 * many of them, in the order of the pieces, and gives the rest back.  Pieces stay valid until consume or commit, or
 * until the socket is released, also when the connection ends meanwhile.  One reservation at a time: send is INVALID
 * meanwhile.  Errors as recv and send; INVALID: more consumed or committed than lent. */
aksu_err aksu_tcp_recv_peek(aksu_stack *stack, aksu_sock sock, aksu_iov *ret_iov, uint32_t iov_cap,
                            uint32_t *ret_iov_count);
aksu_err aksu_tcp_recv_consume(aksu_stack *stack, aksu_sock sock, size_t bytes);
aksu_err aksu_tcp_send_reserve(aksu_stack *stack, aksu_sock sock, size_t bytes, aksu_iov *ret_iov, uint32_t iov_cap,
                               uint32_t *ret_iov_count);
aksu_err aksu_tcp_send_commit(aksu_stack *stack, aksu_sock sock, size_t bytes, unsigned flags);

/* CLOSE of our direction (RFC 9293 s3.10.4): a FIN follows the queued bytes; receiving goes on, and the socket stays.
 * CLOSING: done before.  NOT_CONNECTED.  In SYN-SENT it ends the attempt. */
aksu_err aksu_tcp_shutdown(aksu_stack *stack, aksu_sock sock);

/* Releases the socket: the handle is stale from here on.  An open connection closes by FIN without its application: as
 * an orphan, bounded in time.  With bytes unread it resets instead (SHLD-3), as does linger 0.  A listener stops; what
 * waits for accept is reset.  BADSOCK. */
aksu_err aksu_tcp_close(aksu_stack *stack, aksu_sock sock);

/* ABORT (RFC 9293 s3.10.5): releases the socket and sends RST where the state calls for one. */
aksu_err aksu_tcp_abort(aksu_stack *stack, aksu_sock sock);

/* One setting of a connection or listener.  set: OUT_OF_RANGE (aksu_tcp_setting_info), NO_MEMORY (config.settings_max),
 * BADSOCK, INVALID. */
aksu_err aksu_tcp_get(const aksu_stack *stack, aksu_sock sock, aksu_tcp_setting setting, uint64_t *ret_value);
aksu_err aksu_tcp_set(aksu_stack *stack, aksu_sock sock, aksu_tcp_setting setting, uint64_t value);

/* Accurate ECN (RFC 9768 s3.2): what came and with which IP-ECN field, and what the peer says that it got; payload
 * bytes of 32 and, by the peer's options, of 24 bits.  Zero where it was not agreed on. */
typedef struct aksu_accecn_info {
    bool agreed;
    bool ect;                           /* we send data as ECT(0) */
    bool peer_option;                   /* its AccECN options get through */
    uint32_t received_ce, delivered_ce; /* packets with CE */
    uint32_t received_e0_bytes, received_e1_bytes, received_ce_bytes;
    uint32_t delivered_e0_bytes, delivered_e1_bytes, delivered_ce_bytes;
} aksu_accecn_info;

/* STATUS (RFC 9293 s3.10.6). */
typedef struct aksu_tcp_info {
    aksu_sock sock; /* AKSU_SOCK_NONE for records that no application holds */
    aksu_endpoint local, remote;
    aksu_tcp_state state;
    aksu_reason reason;     /* why CLOSED */
    aksu_reason soft_error; /* the last one, cleared by this call on the connection's own handle */
    uint64_t user;
    uint32_t backlog, accept_count, syn_count; /* a listener's limits and queues */
    uint32_t snd_una, snd_nxt, snd_wnd, rcv_nxt, rcv_wnd, iss, irs;
    uint32_t snd_queued_bytes, snd_unacked_bytes, rcv_queued_bytes, rcv_out_of_order_bytes;
    uint32_t snd_mss, rcv_mss, path_mtu;
    uint32_t cwnd_bytes, ssthresh_bytes;
    uint32_t srtt_us, rttvar_us, rto_us, min_rtt_us;
    uint32_t retransmit_count;                        /* of the segment outstanding, or of the window probe */
    uint32_t keepalive_probes;                        /* unanswered */
    uint64_t since_sent_us, since_received_us;        /* the last segment either way, to 1,024 us; 0: none yet */
    uint32_t retransmitted_segments;                  /* since data last began to flow: an idle time forgets them */
    uint64_t bytes_sent, bytes_acked, bytes_received; /* payload, without retransmissions */
    uint8_t snd_wscale, rcv_wscale;
    bool timestamps, sack, keepalive, urgent, ecn; /* ecn: of either kind */
    bool fast_open;                                /* data on a SYN was taken, ours or the peer's (RFC 7413) */
    uint32_t urgent_bytes;                         /* unread up to and with the urgent byte */
    uint64_t timer_us;                             /* time to the next timer; UINT64_MAX: none */
    char timer[12];                                /* its name */
    uint32_t held_bytes;                   /* memory held for this connection: control block, records and blocks */
    uint32_t snd_buf_bytes, rcv_buf_bytes; /* as they are now */
    aksu_cc_mode cc_mode;
    uint64_t bandwidth;   /* bytes a second, as bbr estimates it; 0: not measured */
    uint64_t pacing_rate; /* bytes a second; 0: what the window lets go goes at once */
    aksu_accecn_info accecn;
    aksu_transfer_info transfer; /* what Linux's tcp_info tells besides, in its units */
} aksu_tcp_info;
aksu_err aksu_tcp_status(aksu_stack *stack, aksu_sock sock, aksu_tcp_info *ret_info);

/* Walks everything the stack has (listeners, half-open, connections, TIME-WAIT): start with *cursor = 0, false at the
 * end. Things that come or go meanwhile may be missed or seen twice, nothing else is. */
bool aksu_tcp_next(aksu_stack *stack, uint64_t *cursor, aksu_tcp_info *ret_info);

/* ---------------------------------------------------------------- tracing */

/* The trace stream: every event of trace.h, as it happens.  The event is borrowed for the call; the sink must not call
 * the stack.  The stack does the same with and without a sink.  NULL: off. */
struct aksu_trace_event;
typedef void aksu_trace_sink(void *sink_user, const struct aksu_trace_event *event);
void aksu_trace_set(aksu_stack *stack, aksu_trace_sink *sink, void *sink_user);

#ifdef __cplusplus
}
#endif

#include "counters.h" /* aksu_drop, aksu_counters */
#include "udp.h"

#endif /* AKSU_AKSU_H */
