/* What Linux's tcp_info tells of a connection that moves data, under its names and in its units: part of aksu_tcp_info
 * (aksu.h), which has the rest of it: states, options, round trips and RTO in microseconds, MSS and path MTU, bytes,
 * and delivery rate and pacing rate where congestion control has them.  Not told, since there is no such thing here:
 * tcpi_rcv_ssthresh, tcpi_reordering (RACK waits for a time, not for a number of segments), tcpi_fackets, tcpi_rehash.
 *
 * Counts begin when data last began to flow: an idle time forgets them.  All is 0 while no data flows. */
#ifndef AKSU_TRANSFER_INFO_H
#define AKSU_TRANSFER_INFO_H

#include <stdbool.h>
#include <stdint.h>

/* tcpi_ca_state */
typedef enum aksu_ca_state {
    AKSU_CA_OPEN,     /* nothing is amiss */
    AKSU_CA_DISORDER, /* duplicate ACKs or SACKs have come */
    AKSU_CA_CWR,      /* the window was reduced for marks */
    AKSU_CA_RECOVERY, /* fast recovery */
    AKSU_CA_LOSS,     /* after a timeout */
} aksu_ca_state;

typedef struct aksu_transfer_info {
    aksu_ca_state ca_state;
    uint32_t backoff;                              /* how often the RTO was doubled */
    uint32_t probes;                               /* of the window or keep-alive, unanswered */
    uint32_t ato_us;                               /* longest delay of an ACK */
    uint32_t unacked, sacked, lost, retrans;       /* segments in flight; of those: */
    uint32_t snd_cwnd, snd_ssthresh;               /* segments; 0x7fffffff: none yet */
    uint32_t last_data_sent_ms, last_data_recv_ms; /* since then; UINT32_MAX: never */
    uint32_t last_ack_recv_ms;                     /* since anything came */
    uint32_t rcv_rtt_us, rcv_space_bytes; /* round trip that the receive buffer goes by, and bytes read in it */
    uint32_t notsent_bytes;               /* queued and not sent */
    uint32_t segs_out, segs_in;           /* a super-segment counts as the segments it stands for */
    uint32_t data_segs_out, data_segs_in; /* of those: with text */
    uint32_t delivered;                   /* segments, by ACK and SACK */
    uint32_t dsack_dups;                  /* reports that a segment came twice */
    uint32_t rcv_ooopack;                 /* segments that came out of order */
    uint32_t total_rto;                   /* retransmission timeouts */
    uint64_t bytes_retrans;
    uint64_t busy_time_us;                       /* with data in flight or waiting; of that: */
    uint64_t rwnd_limited_us, sndbuf_limited_us; /* held up by the peer's window; by our send buffer */
    bool reord_seen;                             /* segments have overtaken each other on the path */
} aksu_transfer_info;

#endif
