/* What the files of loss detection share: flight.c, loss.c, prr.c, sack.c, rack.c. */
#ifndef AK_TCP_LOSS_H
#define AK_TCP_LOSS_H

#include "tcp/cc.h"
#include "tcp/tcp.h"

/* From a transmission to the arrival of a segment: what that has waited for in a driver is no part of it. */
static inline uint64_t ak_tcp_trip_us(const struct ak_seg *seg, uint64_t sent_us) {
    return seg->time_us > sent_us ? seg->time_us - sent_us : 0;
}

/* ---- flight.c: records.  Cuts one after its first bytes.  False: no record is free, and it stays whole. */
bool ak_record_split(struct ak_core *core, struct ak_transfer *x, uint32_t index, uint32_t bytes);
void ak_record_remove(struct ak_core *core, struct ak_transfer *x, uint32_t index);
void ak_record_cut_front(struct ak_core *core, struct ak_transfer *x, uint32_t index, uint32_t bytes);
void ak_record_mark_lost(struct ak_core *core, struct ak_tcb *t, uint32_t index, aksu_loss_cause cause);
/* All that was to be sent again is in flight after all. */
void ak_record_unmark_lost(struct ak_core *core, struct ak_transfer *x);
/* Answers the record that it is now part of. */
uint32_t ak_record_mark_sacked(struct ak_core *core, struct ak_transfer *x, uint32_t index);
/* The peer has taken its selective acknowledgments back: RFC 2018 s8. */
void ak_record_forget_sack(struct ak_core *core, struct ak_transfer *x);

/* ---- loss.c.  Losses were found: recovery begins, unless it is under way (RFC 6675 s5, RFC 5681 s3.2). */
void ak_tcp_recovery_enter(struct ak_core *core, struct ak_tcb *t);
void ak_tcp_recovery_again(struct ak_core *core, struct ak_tcb *t);
/* What an ACK is compared with once all of it has been taken. */
struct ak_recovery_mark {
    ak_seq una;
    uint32_t lost_bytes;
};
/* RFC 6582 s3.2 step 3, the Impatient variant: of partial ACKs only the first restarts the retransmission timer, so
 * that many losses are not repaired one in a round trip. */
static inline bool ak_tcp_recovery_impatient(const struct ak_tcb *t, const struct ak_transfer *x) {
    return x->in_recovery == AK_RECOVERY_FAST && (t->flags & AK_F_SACK) == 0 && x->partial_acks > 1;
}
/* In fast recovery, at the end of an ACK or of a timer that found losses: how much may go now. */
void ak_tcp_recovery_step(struct ak_core *core, struct ak_tcb *t, const struct ak_recovery_mark *before);
/* Bytes that the ACK in hand says were delivered. */
static inline uint32_t ak_tcp_newly_delivered(const struct ak_transfer *x) {
    return x->delivered_bytes - x->delivered_before;
}

/* ---- prr.c: RFC 9937 */
struct ak_prr_ack {
    uint32_t delivered_bytes; /* DeliveredData */
    uint32_t in_flight_bytes; /* pipe, after this ACK */
    uint32_t mss_bytes;
    bool safe; /* SafeACK: progress, and no further loss */
};
void ak_prr_begin(struct ak_transfer *x, uint32_t flight_bytes);
void ak_prr_on_ack(struct ak_transfer *x, const struct ak_prr_ack *ack);
static inline void ak_prr_sent(struct ak_transfer *x, uint32_t bytes) {
    if (x->in_recovery == AK_RECOVERY_FAST) x->prr.out += bytes;
}

/* ---- undo.c: RFC 3522, RFC 5682, RFC 2883.  What is there before the window is reduced. */
void ak_undo_keep(struct ak_core *core, struct ak_tcb *t, uint32_t flight_bytes);
void ak_undo_retransmitted(struct ak_core *core, struct ak_tcb *t, uint32_t bytes);
enum ak_undone { AK_UNDONE_NOTHING, AK_UNDONE_RECOVERY, AK_UNDONE_TIMEOUT };
/* An ACK of new data, SND.UNA moved and its records gone. */
struct ak_undo_ack {
    const struct ak_seg *seg;
    uint64_t first_sent_us; /* the first transmission of the oldest byte acknowledged */
    bool retransmitted;     /* and whether it was sent again */
};
enum ak_undone ak_undo_on_ack(struct ak_core *core, struct ak_tcb *t, const struct ak_undo_ack *ack);
void ak_undo_duplicate_ack(struct ak_transfer *x);
/* RFC 5682 s3.1 step 3, in AK_FRTO_NEW: SACK blocks that end there, and tell of so many bytes for the first time. */
void ak_undo_on_sack(struct ak_core *core, struct ak_tcb *t, ak_seq end, uint32_t new_bytes);
void ak_undo_on_dsack(struct ak_core *core, struct ak_tcb *t, ak_seq left, ak_seq right);

/* ---- path_mtu.c: RFC 1191, RFC 8201, RFC 5927 s7.2.  A router says that a packet in flight was too big. */
void ak_mtu_too_big(struct ak_core *core, struct ak_tcb *t, const struct ak_icmp_report *report);
/* The first so many bytes of a record have arrived, or are lost: what that says about the sizes that get through. */
void ak_mtu_arrived(struct ak_tcb *t, struct ak_transfer *x, const struct ak_record *r, uint32_t bytes);
void ak_mtu_lost(struct ak_core *core, struct ak_tcb *t, ak_seq seq, uint32_t bytes);

uint32_t ak_mtu_text_bytes(const struct ak_core *core, const struct ak_tcb *t, uint32_t mtu);
void ak_mtu_lower(struct ak_core *core, struct ak_tcb *t, uint32_t mtu);

/* ---- plpmtud.c: RFC 4821, RFC 8899.  A transfer begins, or its path has become a black hole. */
void ak_plpmtud_begin(struct ak_core *core, struct ak_tcb *t);
/* A router has told the path MTU: nothing larger is tried soon (RFC 1191 s6.3, RFC 8201 s4). */
void ak_plpmtud_told(struct ak_core *core, struct ak_tcb *t);
void ak_plpmtud_arrived(struct ak_tcb *t, struct ak_transfer *x, const struct ak_record *r, uint32_t bytes);
void ak_plpmtud_lost(struct ak_core *core, struct ak_tcb *t, ak_seq seq, uint32_t bytes);
bool ak_plpmtud_is_probe(const struct ak_transfer *x, ak_seq seq);
/* Before a timeout's losses. */
void ak_plpmtud_timeout(struct ak_core *core, struct ak_tcb *t);

/* ---- pace.c */
void ak_pace_sent(struct ak_core *core, const struct ak_tcb *t, uint32_t bytes);

/* ---- cwv.c: RFC 7661.  New data was acknowledged. */
void ak_cwv_acked(struct ak_core *core, struct ak_tcb *t, uint32_t acked_bytes);

/* ---- ecn.c: RFC 3168.  The window was reduced, for whatever reason: the peer hears of it by CWR (s6.1.2). */
void ak_ecn_reduced(struct ak_core *core, struct ak_tcb *t);
bool ak_ecn_echoed(const struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg);
/* Marks are told of by this acknowledgment number, SND.UNA having been una: once for each window of data. */
void ak_ecn_respond(struct ak_core *core, struct ak_tcb *t, ak_seq ack, ak_seq una);

/* ---- rack.c.  A record was delivered, by SACK or ACK, for the first time. */
void ak_rack_delivered(struct ak_core *core, struct ak_tcb *t, const struct ak_record *record,
                       const struct ak_seg *seg);
/* RFC 8985 s6.3: after a timeout. */
void ak_rack_timeout(struct ak_core *core, struct ak_tcb *t);
void ak_rack_recovery_ended(struct ak_transfer *x);
/* A transfer begins after such an idle time. */
void ak_rack_begin(struct ak_transfer *x, uint64_t idle_us);
void ak_rack_measured(const struct ak_core *core, struct ak_tcb *t, struct ak_transfer *x, uint32_t rtt_us);

static inline const struct ak_cc_ops *ak_cc_of(const struct ak_core *core, const struct ak_tcb *t) {
    return ak_cc_at(ak_settings_of(core, &t->sock)->congestion_control);
}

#endif
