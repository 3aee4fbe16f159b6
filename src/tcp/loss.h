/* What the files of loss detection share: loss.c (records, NewReno), sack.c, rack.c. */
#ifndef AK_TCP_LOSS_H
#define AK_TCP_LOSS_H

#include "tcp/cc.h"
#include "tcp/tcp.h"

/* Cuts a record after its first bytes.  False: no record is free, and it stays whole. */
bool ak_record_split(struct ak_core *core, struct ak_transfer *x, uint32_t index, uint32_t bytes);
void ak_record_mark_lost(struct ak_core *core, struct ak_tcb *t, uint32_t index, aksu_loss_cause cause);
/* Losses were found: recovery begins, unless it is under way (RFC 6675 s5, RFC 5681 s3.2). */
void ak_tcp_recovery_enter(struct ak_core *core, struct ak_tcb *t);

/* rack.c.  A record was delivered, by SACK or ACK, for the first time. */
void ak_rack_delivered(struct ak_core *core, struct ak_tcb *t, const struct ak_record *record,
                       const struct ak_seg *seg);

static inline const struct ak_cc_ops *ak_cc_of(const struct ak_core *core, const struct ak_tcb *t) {
    return ak_cc_at(ak_settings_of(core, &t->sock)->congestion_control);
}

#endif
