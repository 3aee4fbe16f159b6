/* The ladder: what happened on connections, as rows in the order of time.
 *
 * Three parts, so that no picture decides anything for itself.  The model (ak_ladder) reads trace events and makes
 * rows: plain data with numbers made relative, states at both ends, departures joined with arrivals.  The words of a
 * row (ladder_text.h) are the same in every picture.  A renderer draws rows: ak_term on a terminal, others from the
 * same rows.
 *
 *     one-sided:   the trace of one stack.  Host 0 is this stack, host 1 the peer, whose state is inferred (infer.h):
 * rows stream out to the sink; without one they are kept. all sides:   the traces of several simulated hosts, in the
 * order of virtual time, with what the network did to each packet: rows are kept (up to row_max), because a departure
 * learns its fate later.
 *
 * Order of events: a segment's consequences (state, accepted bytes, notifications) may come before or after its SEGMENT
 * event as long as they bear the same time; rows always show the segment first. */
#ifndef VIEW_LADDER_H
#define VIEW_LADDER_H

#include "aksu/trace.h"
#include "view/infer.h"
#include "view/words.h"
#include "view/writer.h"

#define AK_LADDER_HOST_MAX 4
#define AK_NO_CONNECTION   UINT32_MAX

typedef enum ak_row_kind {
    AK_ROW_CONNECTION, /* a connection is seen for the first time */
    AK_ROW_GAP,        /* nothing happened for gap_us */
    AK_ROW_SEGMENT,    /* one-sided: a segment went from host to peer */
    AK_ROW_DEPART,     /* all sides: a segment left host for peer */
    AK_ROW_ARRIVE,     /* all sides: it came to host from peer */
    AK_ROW_STATE,
    AK_ROW_CALL,
    AK_ROW_NOTIFY,
    AK_ROW_DELIVERED,
    AK_ROW_TIMER,
    AK_ROW_RTT,
    AK_ROW_CWND,
    AK_ROW_MODE, /* of a congestion control that models the path */
    AK_ROW_LOSS,
    AK_ROW_PACKET,  /* not a TCP segment: ICMP, a fragment */
    AK_ROW_GAUGE,   /* how full something of a host is */
    AK_ROW_OMITTED, /* row_max was reached: the last row */
} ak_row_kind;

typedef enum ak_gauge { AK_GAUGE_MEMORY, AK_GAUGE_SYN_QUEUE, AK_GAUGE_ACCEPT_QUEUE, AK_GAUGE_COUNT } ak_gauge;

typedef enum ak_fate { AK_FATE_IN_FLIGHT, AK_FATE_ARRIVED, AK_FATE_LOST } ak_fate;

typedef struct ak_row_segment {
    int64_t seq, ack; /* as shown: relative plus base, or absolute */
    uint32_t payload_bytes, segment_bytes;
    uint32_t wnd_bytes; /* scaled */
    uint16_t up;
    uint16_t flags;
    bool ace; /* three of them are a counter */
    uint8_t data_offset;
    aksu_tcp_options options; /* SACK blocks as shown */
    aksu_drop drop;           /* SEGMENT, ARRIVE: why the receiver did not accept it */
    aksu_send_cause cause;
    bool retransmission;
    bool duplicate; /* ARRIVE: a copy that the network made */
    ak_fate fate;
    uint32_t flight;             /* joins DEPART and ARRIVE; 0: the departure was not seen */
    uint64_t arrive_us;          /* DEPART, with fate ARRIVED */
    const char *const *lost_why; /* static, by ak_lang; NULL: not told */
} ak_row_segment;

typedef struct ak_row_state {
    aksu_tcp_state from, to;
    ak_sureness sureness; /* KNOWN for a host that is traced */
    aksu_state_cause cause;
    aksu_reason reason;
    bool initial; /* where the connection starts from */
} ak_row_state;

typedef struct ak_row {
    ak_row_kind kind;
    uint64_t time_us;     /* since the ladder's first event */
    uint64_t since_us;    /* since the connection's first event */
    uint32_t rtt_us;      /* the ruler's round trip; 0: not known yet */
    uint32_t connection;  /* its number, from 0, or AK_NO_CONNECTION */
    uint32_t connections; /* how many there are so far */
    uint8_t host, peer;   /* where it happened; the other end */
    union {
        ak_row_segment segment;
        ak_row_state state;
        struct {
            aksu_endpoint end[2];
            uint8_t host[2];
        } connection;
        struct {
            uint64_t gap_us;
        } gap;
        struct {
            aksu_call call;
            uint64_t bytes;
            aksu_err err;
        } call;
        struct {
            uint32_t bits;
            aksu_reason reason;
        } notify;
        struct {
            uint32_t bytes;
            uint64_t total_bytes;
        } delivered;
        struct {
            aksu_timer timer;
            aksu_timer_action action;
            uint64_t in_us; /* SET: time to the deadline */
        } timer;
        struct {
            uint32_t sample_us, srtt_us, rto_us;
        } rtt;
        struct {
            aksu_cwnd_cause cause;
            uint32_t cwnd_bytes, ssthresh_bytes, in_flight_bytes;
        } cwnd;
        struct {
            aksu_cc_mode mode;
            uint64_t bandwidth; /* bytes a second */
            uint32_t min_rtt_us;
        } mode;
        struct {
            aksu_loss_cause cause;
            int64_t seq;
            uint32_t bytes;
        } loss;
        struct {
            ak_gauge what;
            uint64_t value, full; /* full: where the bar ends; 0: nothing is */
        } gauge;
        struct {
            uint8_t protocol, icmp_type, icmp_code;
            aksu_direction direction;
            aksu_drop drop;
        } packet;
    } u;
} ak_row;

typedef enum ak_ladder_sides { AK_LADDER_ONE_SIDED, AK_LADDER_ALL_SIDES } ak_ladder_sides;
typedef enum ak_numbers { AK_NUMBERS_RELATIVE, AK_NUMBERS_ABSOLUTE } ak_numbers;

/* What is left out unless asked for. */
enum {
    AK_SHOW_TIMERS = 1u << 0,  /* timers set and cancelled; fired ones are always shown */
    AK_SHOW_CWND = 1u << 1,    /* congestion window, round-trip samples */
    AK_SHOW_PACKETS = 1u << 2, /* packets that are not TCP segments */
    AK_SHOW_AGAIN = 1u << 3,   /* calls that were told to try again */
};

typedef struct ak_ladder_options {
    ak_ladder_sides sides;
    uint32_t host_count;                     /* all sides: 2 to AK_LADDER_HOST_MAX */
    aksu_addr host_addr[AK_LADDER_HOST_MAX]; /* all sides: tells which host a peer is */
    ak_numbers numbers;
    uint32_t base[AK_LADDER_HOST_MAX]; /* relative numbers of each host begin here */
    uint32_t show;                     /* AK_SHOW_ */
    uint64_t gap_us;                   /* a silence this long gets a row; 0: none does */
    uint32_t rtt_us;                   /* round trip of the ruler; 0: measured */
    uint32_t connection_max;           /* followed at one time; 0: 64.  The least recently used makes room */
    uint32_t row_max;                  /* rows kept at most; 0: 100000 */
    aksu_addr filter_addr;             /* unspecified: any */
    uint16_t filter_port;              /* 0: any.  Either end's */
} ak_ladder_options;

typedef struct ak_ladder ak_ladder;
typedef void ak_row_sink(void *sink_user, const ak_row *row); /* one-sided; the row is borrowed for the call */

/* NULL: no memory, or host_count out of range.  Rows are kept with all sides, and where there is no sink (NULL). */
ak_ladder *ak_ladder_open(const ak_ladder_options *options, ak_row_sink *sink, void *sink_user);
void ak_ladder_close(ak_ladder *ladder);

/* One event of one host.  With all sides, packet names the packet of a SEGMENT event: the same number when it leaves
 * and when it arrives; 0: not joined.  Times must not run backwards. */
void ak_ladder_event(ak_ladder *ladder, unsigned host, uint64_t packet, const aksu_trace_event *event);

/* The network lost a packet that has left; why is static, a text for each language, or NULL. */
void ak_ladder_lost(ak_ladder *ladder, uint64_t packet, const char *const why[AK_LANG_COUNT]);

/* The network made a copy of a packet that has left: the copy will arrive under its own number. */
void ak_ladder_copied(ak_ladder *ladder, uint64_t packet, uint64_t copy);

/* All sides: how full something of a host is now; full 0: as much as it ever is in this ladder, which
 * ak_ladder_gauge_end fills in. */
void ak_ladder_gauge(ak_ladder *ladder, unsigned host, uint64_t time_us, ak_gauge what, uint64_t value, uint64_t full);
void ak_ladder_gauge_end(ak_ladder *ladder);

/* No more events of this moment will come: what was held back for its order becomes rows. */
void ak_ladder_flush(ak_ladder *ladder);

/* Nothing more until then: a row of silence at the end, after a flush. */
void ak_ladder_pass(ak_ladder *ladder, uint64_t time_us);

/* The rows that were kept, after a flush.  Borrowed until the next call that changes the ladder. */
const ak_row *ak_ladder_rows(const ak_ladder *ladder, size_t *ret_row_count);

#endif /* VIEW_LADDER_H */
