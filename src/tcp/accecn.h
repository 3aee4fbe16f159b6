/* Accurate ECN, RFC 9768: what a connection remembers that has agreed on it, or that asks for it, in a record of its
 * own; others pay four bytes.  Two halves that know nothing of each other: as the data receiver it counts what marks
 * came and tells of them (accecn.c), as the data sender it reads what the peer counted (accecn_feedback.c). */
#ifndef AK_TCP_ACCECN_H
#define AK_TCP_ACCECN_H

#include "tcp/tcp.h"

enum {
    AK_IP_NOT_ECT = 0, /* RFC 3168 s5 */
    AK_IP_ECT_1 = 1,
    AK_IP_ECT_0 = 2,
    AK_IP_CE = 3,
};

#define AK_ACE_SHIFT 6 /* of the field in the flags: s3.2.2 */
#define AK_ACE_FLAGS (AKSU_TCP_AE | AKSU_TCP_CWR | AKSU_TCP_ECE)
static inline unsigned ak_ace_of(const struct ak_seg *seg) {
    return (unsigned)seg->flags >> AK_ACE_SHIFT & 7u;
}
static inline uint16_t ak_ace_flags(uint32_t value) {
    return (uint16_t)((value & 7u) << AK_ACE_SHIFT);
}

struct ak_accecn_counters { /* s3.2 */
    uint32_t cep;           /* packets with CE; a full count of which the wire has 3 bits */
    uint32_t byte[3];       /* by aksu_accecn_field: e0b, ceb, e1b; the wire has 24 bits of each */
};

enum {
    AK_ACC_AGREED = 1u << 0,            /* AccECN mode; before: asked for, in SYN-SENT */
    AK_ACC_NOT_ECT = 1u << 1,           /* nothing goes as ECT any more */
    AK_ACC_DEAF = 1u << 2,              /* feedback draws no response: it means nothing */
    AK_ACC_SYN_MARKED = 1u << 3,        /* the peer's SYN,ACK says that our SYN came with CE */
    AK_ACC_SYN_ACK_MARKED = 1u << 4,    /* the peer's SYN,ACK came with CE: counted, and no more than once */
    AK_ACC_LAST_MARKED = 1u << 5,       /* the latest packet was */
    AK_ACC_HANDSHAKE_ACK = 1u << 6,     /* the next ACK, bare, has the handshake's encoding: s3.2.2.1 */
    AK_ACC_BARE_ACK = 1u << 7,          /* the ACK due is one of ACKs: no SACK blocks (s3.2.2.5.1) */
    AK_ACC_OPTION_OFF = 1u << 8,        /* we send none */
    AK_ACC_OPTION_DUE = 1u << 9,        /* whether or not anything has changed */
    AK_ACC_DATA_OPTION_DUE = 1u << 10,  /* on the first data */
    AK_ACC_DATA_OPTION_SENT = 1u << 11, /* until it is acknowledged */
    AK_ACC_PEER_OPTION = 1u << 12,      /* the peer's get through */
    AK_ACC_OPTION_IGNORED = 1u << 13,   /* zeroed on the way: s3.2.3.2.4 */
    AK_ACC_HEARD = 1u << 14,            /* a packet with the ACE field has come */
    AK_ACC_UNMARKED_SEEN = 1u << 15,    /* not all that went was marked, or all was for too long */
};

struct ak_accecn {
    uint32_t next_free;
    struct ak_accecn_counters r, s; /* ours of what came; the peer's, as far as we know it */
    struct ak_accecn_counters told; /* r in the latest segment that had it */
    uint32_t heard_ts;              /* of the latest segment whose feedback was taken */
    uint32_t acked_average;         /* packets that an ACK acknowledges, in 1 / 64 */
    ak_seq first_data;              /* with AK_ACC_DATA_OPTION_SENT */
    ak_seq round_end;               /* of a round trip in which all was marked */
    uint16_t flags;                 /* AK_ACC_ */
    uint8_t syn_ecn;                /* the IP-ECN field of the peer's latest SYN or SYN,ACK */
    uint8_t marked_rounds;
};
_Static_assert(sizeof(struct ak_accecn) <= 80, "a connection's accurate ECN");

/* NULL: none. */
static inline struct ak_accecn *ak_accecn_of(const struct ak_core *core, const struct ak_tcb *t) {
    return t->accecn == AK_NONE ? NULL : ak_object(core, AK_KIND_ACCECN, t->accecn);
}
/* NULL unless AccECN mode was entered. */
static inline struct ak_accecn *ak_accecn_agreed(const struct ak_core *core, const struct ak_tcb *t) {
    struct ak_accecn *a = ak_accecn_of(core, t);
    return a != NULL && (a->flags & AK_ACC_AGREED) ? a : NULL;
}

/* ---- accecn.c: asks for it; there is a record for each control block. */
struct ak_accecn *ak_accecn_begin(struct ak_core *core, struct ak_tcb *t);
void ak_accecn_end(struct ak_core *core, struct ak_tcb *t);
/* AccECN mode is entered (s3.2.1), the peer's SYN or SYN,ACK having come with this IP-ECN field. */
void ak_accecn_enter(const struct ak_core *core, const struct ak_tcb *t, struct ak_accecn *a, uint8_t syn_ecn);
/* (AE, CWR, ECE) that say how a SYN or SYN,ACK came: Tables 2 and 3. */
uint16_t ak_accecn_handshake_flags(uint8_t ip_ecn);
/* What they say; false: none of the four. */
bool ak_accecn_handshake_read(unsigned code, uint8_t *ret_ip_ecn);
/* What the peer's SYN or SYN,ACK says to one who asked. */
void ak_accecn_accept(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);
/* A SYN,ACK again, or the peer's in a simultaneous open. */
void ak_accecn_syn_ack_again(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);
/* The SYN again in SYN-RECEIVED.  False: it asks for the other kind, and the connection is to be reset. */
bool ak_accecn_syn_again(const struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg);
/* What our SYN or SYN,ACK says. */
uint16_t ak_accecn_syn_flags(const struct ak_tcb *t, const struct ak_accecn *a);
void ak_accecn_syn_went(struct ak_core *core, struct ak_tcb *t);
/* The option, if one is due and there is room. */
void ak_accecn_syn_option(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_options *options);
void ak_accecn_initial_option(aksu_tcp_options *options);
uint16_t ak_accecn_first_flags(void); /* the ACE field with nothing counted yet */
void ak_accecn_option(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_options *options);
/* The data receiver: an acceptable packet. */
void ak_accecn_received(struct ak_core *core, struct ak_tcb *t, struct ak_accecn *a, const struct ak_seg *seg);

/* ---- accecn_feedback.c.  An acceptable packet, both ways; una: SND.UNA before it. */
void ak_accecn_segment(struct ak_input *in, ak_seq una);
/* Options that come with the handshake: s3.2.3.2.3, s3.2.3.2.4. */
void ak_accecn_first_option(struct ak_accecn *a, const struct ak_seg *seg);

#endif
