/* Explicit Congestion Notification: RFC 3168, the classic kind, and what the accurate kind (accecn.c) shares with it.
 *
 * The SYNs settle it: ECE and CWR in the SYN, ECE alone in the SYN,ACK.  New data then goes as ECT(0), and nothing else
 * does: no retransmission, probe or ACK without data (s6.1.4 to s6.1.6), and no data at all if one of our SYNs went
 * without (s6.1.1).  A router's mark comes back as ECE on every ACK until CWR says that the window was reduced, and a
 * window is reduced once for all the marks of a round trip. */
#include "tcp/accecn.h"
#include "tcp/loss.h"

/* RFC 9768 s3.1.3: what is neither nothing nor the classic question is to be taken for the one for the accurate kind.
 */
enum ak_ecn_mode ak_ecn_asked(const struct ak_seg *seg, const aksu_tcp_settings *settings) {
    enum { CLASSIC = AKSU_TCP_ECE | AKSU_TCP_CWR };
    uint16_t bits = seg->flags & AK_ACE_FLAGS;
    if (settings->ecn == AKSU_ECN_OFF || bits == 0) return AK_ECN_NONE;
    if (settings->ecn >= AKSU_ECN_ACCURATE && bits != CLASSIC) return AK_ECN_ACCURATE;
    return (bits & CLASSIC) == CLASSIC ? AK_ECN_CLASSIC : AK_ECN_NONE;
}

void ak_ecn_offer(struct ak_core *core, struct ak_tcb *t) {
    uint64_t setting = ak_settings_of(core, &t->sock)->ecn;
    if (setting == AKSU_ECN_ACTIVE || setting == AKSU_ECN_ACCURATE_ASK_CLASSIC) t->flags |= AK_F_ECN;
    if (setting == AKSU_ECN_ACCURATE) (void)ak_accecn_begin(core, t);
}

/* Some answer with the bits that they were sent: ECE and CWR together in a SYN,ACK mean nothing (s6.1.1). */
void ak_ecn_accept(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    if (t->accecn != AK_NONE) {
        ak_accecn_accept(core, t, seg);
        return;
    }
    uint16_t bits = seg->flags & (AKSU_TCP_ECE | AKSU_TCP_CWR);
    uint16_t agreed = (seg->flags & AKSU_TCP_ACK) ? AKSU_TCP_ECE : AKSU_TCP_ECE | AKSU_TCP_CWR;
    if (bits != agreed) ak_flags_clear(t, AK_F_ECN);
}

uint16_t ak_ecn_syn_flags(const struct ak_core *core, const struct ak_tcb *t) {
    if ((t->flags & AK_F_ECN) == 0) return 0;
    const struct ak_accecn *a = ak_accecn_of(core, t);
    if (a != NULL) return ak_accecn_syn_flags(t, a);
    if (t->state != AK_TCP_SYN_SENT) return AKSU_TCP_ECE;
    /* s6.1.1.1: what was not answered may have been dropped for these bits. */
    return t->flags & AK_F_SYN_RETRANSMITTED ? 0 : AKSU_TCP_ECE | AKSU_TCP_CWR;
}

bool ak_ecn_capable(const struct ak_core *core, const struct ak_tcb *t) {
    if ((t->flags & AK_F_ECN) == 0) return false;
    const struct ak_accecn *a = ak_accecn_of(core, t);
    if (a != NULL) return (a->flags & (AK_ACC_AGREED | AK_ACC_NOT_ECT)) == AK_ACC_AGREED;
    return (t->flags & AK_F_SYN_RETRANSMITTED) == 0;
}

/* RFC 9768 s3.2.2: of each segment but a SYN; RFC 3168 s6.1.3. */
uint16_t ak_ecn_flags(const struct ak_core *core, const struct ak_tcb *t, bool bare_ack) {
    const struct ak_accecn *a = ak_accecn_of(core, t);
    if (a == NULL) {
        const struct ak_transfer *x = ak_transfer_of(core, t);
        return x != NULL && x->ecn_echo ? AKSU_TCP_ECE : 0;
    }
    if ((a->flags & AK_ACC_AGREED) == 0) return 0;
    bool handshake = bare_ack && (a->flags & AK_ACC_HANDSHAKE_ACK);
    return handshake ? ak_accecn_handshake_flags(a->syn_ecn) : ak_ace_flags(a->r.cep);
}

/* s6.1.3, data has come: CWR ends the echo, and a mark on the very same packet begins it again. */
void ak_ecn_data(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if ((t->flags & AK_F_ECN) == 0 || t->accecn != AK_NONE || x == NULL) return;
    if (seg->flags & AKSU_TCP_CWR) x->ecn_echo = false;
    if ((seg->tos & AK_IP_CE) != AK_IP_CE) return;
    core->counters.ecn_marks_received++;
    if (!x->ecn_echo) ak_tcp_ack_now(core, t, 0); /* the sooner it is heard the better */
    x->ecn_echo = true;
}

void ak_ecn_reduced(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    x->ecn_end = t->snd.nxt;
    x->ecn_cwr_due = (t->flags & AK_F_ECN) != 0 && t->accecn == AK_NONE; /* RFC 9768 s3.1.5 */
}

/* An ACK that tells of marks; s6.1.2: it does not increase the window. */
bool ak_ecn_echoed(const struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg) {
    if ((t->flags & AK_F_ECN) == 0 || (seg->flags & AKSU_TCP_SYN)) return false;
    const struct ak_accecn *a = ak_accecn_of(core, t);
    if (a == NULL) return (seg->flags & AKSU_TCP_ECE) != 0;
    bool heard = (a->flags & (AK_ACC_AGREED | AK_ACC_HEARD | AK_ACC_DEAF)) == (AK_ACC_AGREED | AK_ACC_HEARD);
    return heard && !seg->unscaled && ((ak_ace_of(seg) ^ a->s.cep) & 7) != 0;
}

/* s6.1.2: a window of one segment cannot be halved: the next segment waits for a retransmission timeout, and for twice
 * as long each time that this is not enough (RFC 9438 s4.6). */
static void hold(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint64_t wait_us = ak_tcp_rto_us(core, t) << x->ecn_holds;
    wait_us = ak_min_u64(wait_us, ak_settings_of(core, &t->sock)->rto_max_us);
    x->pace_next_us = ak_max_u64(x->pace_next_us, core->now_us + wait_us);
    if (x->ecn_holds < 8) x->ecn_holds++;
}

/* s6.1.2: "no more than once per window of data". */
void ak_ecn_ack(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL || t->accecn != AK_NONE) return;
    x->ecn_end = ak_seq_max(x->ecn_end, t->snd.una); /* never so far behind that it would seem ahead */
    if (ak_ecn_echoed(core, t, seg))
        ak_ecn_respond(core, t, seg->ack, t->snd.una);
    else if (ak_seq_gt(seg->ack, t->snd.una))
        x->ecn_holds = 0;
}

void ak_ecn_respond(struct ak_core *core, struct ak_tcb *t, ak_seq ack, ak_seq una) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    bool heeded = ak_seq_gt(ack, x->ecn_end) && x->in_recovery == AK_RECOVERY_NONE && !ak_seq_eq(una, t->snd.nxt);
    if (!heeded) return;
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    uint32_t flight = ak_min_u32(ak_seq_bytes(una, t->snd.nxt), x->cwnd);
    if (x->cwnd <= mss) hold(core, t);
    ak_cc_congestion(core, t, AK_CC_MARK, flight);
    ak_ecn_reduced(core, t);
    core->counters.ecn_reductions++;
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_ECN);
}
