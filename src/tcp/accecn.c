/* Accurate ECN, RFC 9768: the handshake and the data receiver.
 *
 * Negotiation (s3.1): a SYN asks with AE, CWR and ECE; the SYN,ACK agrees with one of four combinations that also say
 * with which IP-ECN field the SYN came.  A SYN that two timeouts have not brought an answer goes without (s3.1.4.1),
 * and so does a SYN,ACK (s3.2.3.2.2): the first of each repeated only leaves out the option.  The mode once entered
 * stays.
 *
 * Feedback (s3.2): each ACK has the low bits of the count of packets with CE; the counts of bytes go in an option when
 * one has changed since the last (s3.2.3.3), in the order and number that tell all that has ever changed.  No option
 * goes while bytes wait to be sent again, and none at all any more if the first data with one was lost.
 *
 * A SYN that failed is not remembered for the next connection (s3.1.4.1): each finds out for itself. */
#include "tcp/accecn.h"

#include "base/check.h"

/* s3.2.1: none is zero that a middlebox may have zeroed. */
static const struct ak_accecn_counters initial = {.cep = 5, .byte = {1, 0, 1}};

/* ---------------------------------------------------------------- the record */

struct ak_accecn *ak_accecn_begin(struct ak_core *core, struct ak_tcb *t) {
    if (t->accecn == AK_NONE) t->accecn = ak_object_get(core, AK_KIND_ACCECN);
    ak_check(t->accecn != AK_NONE); /* as many as control blocks */
    struct ak_accecn *a = ak_accecn_of(core, t);
    *a = (struct ak_accecn){.r = initial, .s = initial, .told = initial};
    t->flags |= AK_F_ECN;
    return a;
}

void ak_accecn_end(struct ak_core *core, struct ak_tcb *t) {
    ak_pool_put(&core->pool[AK_KIND_ACCECN], t->accecn);
    t->accecn = AK_NONE;
}

void ak_accecn_enter(const struct ak_core *core, const struct ak_tcb *t, struct ak_accecn *a, uint8_t syn_ecn) {
    a->flags |= AK_ACC_AGREED;
    a->syn_ecn = syn_ecn;
    a->heard_ts = t->ts_recent;
    a->round_end = t->snd.nxt;
    if (!ak_settings_of(core, &t->sock)->accecn_option) a->flags |= AK_ACC_OPTION_OFF;
}

/* ---------------------------------------------------------------- the handshake */

enum { NONE = 0, CLASSIC = 1, ASKS_CLASSIC = 3, RESERVED = 5, ASKS = 7, NO_CODE = 255 };

uint16_t ak_accecn_handshake_flags(uint8_t ip_ecn) {
    static const uint8_t code[] = {
        [AK_IP_NOT_ECT] = 2,
        [AK_IP_ECT_1] = 3,
        [AK_IP_ECT_0] = 4,
        [AK_IP_CE] = 6,
    };
    return ak_ace_flags(code[ip_ecn & 3]);
}

bool ak_accecn_handshake_read(unsigned code, uint8_t *ret_ip_ecn) {
    static const uint8_t ip_ecn[8] = {
        NO_CODE, NO_CODE, AK_IP_NOT_ECT, AK_IP_ECT_1, AK_IP_ECT_0, NO_CODE, AK_IP_CE, NO_CODE,
    };
    if (ip_ecn[code & 7] == NO_CODE) return false;
    *ret_ip_ecn = ip_ecn[code & 7];
    return true;
}

/* How our SYN came, which went as not ECT: s3.2.2.3.  A code that is reserved says that it came as it went (s3.1.3). */
static void heed_syn_feedback(struct ak_accecn *a, unsigned code) {
    uint8_t ip_ecn;
    if (!ak_accecn_handshake_read(code, &ip_ecn) || ip_ecn == AK_IP_NOT_ECT) return;
    a->flags |= AK_ACC_NOT_ECT;
    if (ip_ecn == AK_IP_CE) a->flags |= AK_ACC_SYN_MARKED;
}

/* s3.2.2.2: a mark on the SYN,ACK counts, once however many came. */
static void take_syn_ack(struct ak_accecn *a, const struct ak_seg *seg) {
    a->syn_ecn = seg->tos & AK_IP_CE;
    if (a->syn_ecn != AK_IP_CE || (a->flags & AK_ACC_SYN_ACK_MARKED)) return;
    a->r.cep++;
    a->flags |= AK_ACC_SYN_ACK_MARKED;
}

static void count_bytes(struct ak_accecn *a, const struct ak_seg *seg) {
    static const uint8_t field[] = {0, AKSU_ACCECN_E1B, AKSU_ACCECN_E0B, AKSU_ACCECN_CEB};
    uint8_t ip_ecn = seg->tos & AK_IP_CE;
    if (ip_ecn != AK_IP_NOT_ECT) a->r.byte[field[ip_ecn]] += seg->text_bytes;
}

/* Table 2, as the client. */
static void accept_syn_ack(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    struct ak_accecn *a = ak_accecn_of(core, t);
    unsigned code = ak_ace_of(seg);
    if (code == NONE || code == CLASSIC || code == ASKS) { /* the last reflects our own: it is broken */
        ak_accecn_end(core, t);
        if (code != CLASSIC) ak_flags_clear(t, AK_F_ECN);
        return;
    }
    ak_accecn_enter(core, t, a, seg->tos & AK_IP_CE);
    heed_syn_feedback(a, code);
    take_syn_ack(a, seg);
    count_bytes(a, seg);
    ak_accecn_first_option(a, seg);
    a->flags |= AK_ACC_HANDSHAKE_ACK | AK_ACC_OPTION_DUE | AK_ACC_DATA_OPTION_DUE;
}

/* s3.1.2, simultaneous open: as one who responds. */
static void accept_syn(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    unsigned code = ak_ace_of(seg);
    if (code == NONE || code == ASKS_CLASSIC) {
        ak_accecn_end(core, t);
        if (code == NONE) ak_flags_clear(t, AK_F_ECN);
        return;
    }
    struct ak_accecn *a = ak_accecn_of(core, t);
    ak_accecn_enter(core, t, a, seg->tos & AK_IP_CE);
    if (t->retries >= 2) a->flags |= AK_ACC_NOT_ECT; /* s3.1.5: we have sent a SYN without */
}

void ak_accecn_accept(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    if (seg->flags & AKSU_TCP_ACK)
        accept_syn_ack(core, t, seg);
    else
        accept_syn(core, t, seg);
}

void ak_accecn_syn_ack_again(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    struct ak_accecn *a = ak_accecn_agreed(core, t);
    if (a == NULL) return;
    take_syn_ack(a, seg); /* s3.1.5: the latest is fed back */
    if (t->state != AK_TCP_SYN_RECEIVED) {
        /* The ACK that it draws; the flags are not looked at any more (s3.1.5). */
        if (t->flags & AK_F_ACK_NOW) a->flags |= AK_ACC_HANDSHAKE_ACK;
        return;
    }
    heed_syn_feedback(a, ak_ace_of(seg));
    if (ak_ace_of(seg) == NONE) a->flags |= AK_ACC_NOT_ECT;
    if (t->flags & AK_F_SYN_DUE) a->flags |= AK_ACC_HANDSHAKE_ACK; /* an ACK goes in place of our SYN,ACK */
}

bool ak_accecn_syn_again(const struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg) {
    if (ak_settings_of(core, &t->sock)->ecn < AKSU_ECN_ACCURATE || (t->flags & AK_F_ECN) == 0) return true;
    struct ak_accecn *a = ak_accecn_agreed(core, t);
    if (ak_ace_of(seg) == (a != NULL ? ASKS_CLASSIC : ASKS)) return false;
    if (a == NULL) return true;
    a->syn_ecn = seg->tos & AK_IP_CE;
    if (ak_ace_of(seg) == NONE) a->flags |= AK_ACC_NOT_ECT;
    return true;
}

uint16_t ak_accecn_syn_flags(const struct ak_tcb *t, const struct ak_accecn *a) {
    if (t->retries >= 2) return 0;
    return t->state == AK_TCP_SYN_SENT ? AK_ACE_FLAGS : ak_accecn_handshake_flags(a->syn_ecn);
}

void ak_accecn_syn_went(struct ak_core *core, struct ak_tcb *t) {
    struct ak_accecn *a = ak_accecn_agreed(core, t);
    if (a == NULL) return;
    if (t->retries >= 2) a->flags |= AK_ACC_NOT_ECT;   /* s3.1.5: a SYN,ACK without has gone */
    if (t->retries > 0) a->flags |= AK_ACC_OPTION_OFF; /* what had one was lost */
}

uint16_t ak_accecn_first_flags(void) {
    return ak_ace_flags(initial.cep);
}

void ak_accecn_initial_option(aksu_tcp_options *options) {
    options->present |= AKSU_OPT_ACCECN;
    options->accecn_order = 0;
    options->accecn_count = AKSU_ACCECN_FIELD_MAX;
    for (uint8_t i = 0; i < AKSU_ACCECN_FIELD_MAX; i++) options->accecn[i] = initial.byte[i];
}

/* s3.2.3.2.1: on the SYN,ACK, and s3.2.3.2.2: not when it goes again. */
void ak_accecn_syn_option(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_options *options) {
    const struct ak_accecn *a = ak_accecn_agreed(core, t);
    bool first = t->retries == 0 && (t->flags & AK_F_SYN_RETRANSMITTED) == 0;
    if (a != NULL && first && (a->flags & AK_ACC_OPTION_OFF) == 0) ak_accecn_initial_option(options);
}

/* ---------------------------------------------------------------- the data receiver */

static uint32_t packets_of(const struct ak_seg *seg) {
    return seg->segment_bytes == 0 ? 1 : (seg->text_bytes + seg->segment_bytes - 1) / seg->segment_bytes;
}

/* s3.2.2.5.1: the first mark after none draws an ACK if it is on data, and so do several since the last ACK.  What came
 * as one event draws one. */
void ak_accecn_received(struct ak_core *core, struct ak_tcb *t, struct ak_accecn *a, const struct ak_seg *seg) {
    enum { WITH_DATA = 2, WITHOUT = 3 };
    uint8_t ip_ecn = seg->tos & AK_IP_CE;
    bool data = seg->text_bytes > 0;
    count_bytes(a, seg);
    if (data) a->flags &= (uint16_t)~AK_ACC_BARE_ACK;
    if (ip_ecn != AK_IP_CE) {
        a->flags &= (uint16_t)~AK_ACC_LAST_MARKED;
        return;
    }
    a->r.cep += packets_of(seg);
    core->counters.ecn_marks_received += packets_of(seg);
    bool change = data && (a->flags & AK_ACC_LAST_MARKED) == 0;
    a->flags |= AK_ACC_LAST_MARKED;
    uint32_t most = data || !ak_seq_eq(t->last_ack_sent, t->rcv.nxt) ? WITH_DATA : WITHOUT;
    if (!change && a->r.cep - a->told.cep < most) return;
    if (!data && (t->flags & AK_F_ACK_NOW) == 0) a->flags |= AK_ACC_BARE_ACK;
    ak_tcp_ack_now(core, t, 0);
}

/* How many fields of this order it takes to tell of all that differ from these. */
static uint8_t fields_for(const struct ak_accecn *a, uint8_t order, const struct ak_accecn_counters *from) {
    uint8_t count = 0;
    for (uint8_t i = 0; i < AKSU_ACCECN_FIELD_MAX; i++) {
        aksu_accecn_field field = aksu_accecn_field_at(order, i);
        if (a->r.byte[field] != from->byte[field]) count = (uint8_t)(i + 1);
    }
    return count;
}

/* Of the room that two SACK blocks leave, which come first; more of them do not (s3.2.3.3).  All that has ever changed,
 * or else all that has since the last option, or nothing. */
static bool fit(const struct ak_accecn *a, uint8_t order, bool whole, aksu_tcp_options *options) {
    uint8_t least = fields_for(a, order, &a->told);
    uint8_t all = whole ? AKSU_ACCECN_FIELD_MAX : fields_for(a, order, &initial);
    aksu_tcp_options first = {
        .present = (uint16_t)(options->present | AKSU_OPT_ACCECN),
        .sack_count = (uint8_t)ak_min_u32(options->sack_count, 2),
    };
    for (first.accecn_count = all;; first.accecn_count--) {
        uint16_t others = first.present & (uint16_t)~AKSU_OPT_ACCECN;
        aksu_tcp_options rest = {.present = others, .sack_count = first.sack_count};
        uint32_t bytes = ak_wire_tcp_option_bytes(&rest, 0) + ((2 + 3u * first.accecn_count + 3) & ~3u);
        if (bytes <= AK_TCP_OPTION_BYTES_MAX) break;
        if (first.accecn_count <= least) return false;
    }
    options->present = first.present;
    options->accecn_order = order;
    options->accecn_count = first.accecn_count;
    for (uint8_t i = 0; i < first.accecn_count; i++)
        options->accecn[i] = a->r.byte[aksu_accecn_field_at(order, i)] & 0xffffff;
    return true;
}

void ak_accecn_option(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_options *options) {
    const struct ak_accecn *a = ak_accecn_agreed(core, t);
    if (a == NULL || (a->flags & AK_ACC_OPTION_OFF)) return;
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if ((x != NULL && x->lost_bytes > 0) || (t->flags & AK_F_TAIL_PROBE_DUE)) return;
    bool first_data = (a->flags & AK_ACC_DATA_OPTION_DUE) && x != NULL && ak_seq_lt(t->snd.nxt, x->send_end);
    bool whole = (a->flags & AK_ACC_OPTION_DUE) || first_data;
    if (!whole && fields_for(a, 0, &a->told) == 0) return;
    uint8_t order = fields_for(a, 1, &initial) < fields_for(a, 0, &initial);
    if (!fit(a, order, whole, options)) (void)fit(a, (uint8_t)(1 - order), whole, options);
}

/* ---------------------------------------------------------------- what went */

/* A segment but a SYN, with what it carried. */
void ak_ecn_went(struct ak_core *core, struct ak_tcb *t, const struct ak_ecn_segment *went) {
    struct ak_accecn *a = ak_accecn_agreed(core, t);
    if (a == NULL) return;
    a->told.cep = a->r.cep;
    a->flags &= (uint16_t)~AK_ACC_HANDSHAKE_ACK; /* a bare ACK goes before anything else */
    a->flags &= (uint16_t)~AK_ACC_BARE_ACK;
    /* s3.2.3.2.2: the first data with an option was lost: none goes on it again, nor later. */
    bool lost = went->retransmission && (a->flags & AK_ACC_DATA_OPTION_SENT) && went->bytes > 0 &&
                ak_seq_le(went->seq, a->first_data);
    if (lost) a->flags |= AK_ACC_OPTION_OFF;
    if ((went->present & AKSU_OPT_ACCECN) == 0) return;
    for (uint8_t i = 0; i < AKSU_ACCECN_FIELD_MAX; i++) a->told.byte[i] = a->r.byte[i];
    a->flags &= (uint16_t)~AK_ACC_OPTION_DUE;
    if (went->bytes == 0 || (a->flags & AK_ACC_DATA_OPTION_DUE) == 0) return;
    a->flags = (uint16_t)((a->flags & ~AK_ACC_DATA_OPTION_DUE) | AK_ACC_DATA_OPTION_SENT);
    a->first_data = went->seq;
}
