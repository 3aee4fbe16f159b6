/* What state each end of a connection must be in, from the segments it sent: for the far end of a live connection, and
 * for both ends of a capture.
 *
 * A state is KNOWN when the segment could not have been sent from another (at the moment it was sent), LIKELY when it
 * follows if the segments sent to that end have arrived and were accepted, and UNKNOWN otherwise. */
#ifndef VIEW_INFER_H
#define VIEW_INFER_H

#include "aksu/trace.h"

typedef enum ak_sureness { AK_UNKNOWN, AK_LIKELY, AK_KNOWN } ak_sureness;

typedef struct ak_inferred {
    aksu_tcp_state state;
    ak_sureness sureness;
} ak_inferred;

typedef struct ak_infer_end {
    ak_inferred now;
    bool syn_sent, fin_sent;
    bool fin_after_peer_fin; /* its FIN was first sent after it had acknowledged the other's */
    bool fins_crossed;       /* neither FIN acknowledged the other */
    bool acked_peer_fin;
    bool fast_open;        /* its SYN,ACK acknowledged data: it may send before it is ESTABLISHED (RFC 7413) */
    bool acked;            /* ack_max holds something */
    uint32_t isn, fin_seq; /* fin_seq: the number that the FIN occupies */
    uint32_t nxt;          /* after the last byte sent */
    uint32_t ack_max;
    uint32_t nxt_at_fin_ack; /* its nxt when it first acknowledged the other's FIN */
} ak_infer_end;

typedef struct ak_infer {
    ak_infer_end end[2];
} ak_infer; /* zero-initialised: nothing known */

/* A segment that end 0 or 1 sent.  Only segments that belong to the connection: not what the receiver rejected. */
typedef struct ak_infer_segment {
    unsigned from;
    uint32_t seq, ack, payload_bytes;
    uint16_t flags;
} ak_infer_segment;
void ak_infer_see(ak_infer *infer, const ak_infer_segment *segment);

#endif /* VIEW_INFER_H */
