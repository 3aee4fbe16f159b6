/* Accurate ECN, RFC 9768: the data sender, who reads what the peer counted.
 *
 * Three bits count packets with CE on each segment (s3.2.2), and may have come round unseen: how often is judged from
 * how much the segment acknowledges (s3.2.2.5.2, appendix A.2).  Options tell bytes where they get through (s3.2.3).
 * What is not newer than what was heard before says nothing.
 *
 * The response is one for each window of data, as for an ECN-Echo (RFC 3168 s6.1.2, RFC 9768 s4); CWR is not used.  No
 * data goes as ECT any more where the path is seen to change the IP-ECN field, or the feedback: what the peer says is
 * heeded all the same, unless it says that all is marked, or nothing at all (s3.2.2.3, s3.2.2.4). */
#include "tcp/accecn.h"
#include "tcp/loss.h"

enum { ACE_MASK = 7 };

/* A bare ACK may have the handshake's encoding: s3.2.2.1. */
static bool is_bare(const struct ak_seg *seg) {
    return ak_seg_bytes(seg) == 0 && (seg->options.present & AKSU_OPT_SACK) == 0;
}

/* ---------------------------------------------------------------- the options */

/* s3.2.3.2.4: counters that begin at zero were zeroed; other values than the usual are none of our business. */
void ak_accecn_first_option(struct ak_accecn *a, const struct ak_seg *seg) {
    if ((seg->options.present & AKSU_OPT_ACCECN) == 0) return; /* s3.2.3.2.3: until one comes */
    for (uint8_t i = 0; i < seg->options.accecn_count; i++) {
        bool ce = aksu_accecn_field_at(seg->options.accecn_order, i) == AKSU_ACCECN_CEB;
        if (!ce && seg->options.accecn[i] == 0) a->flags |= AK_ACC_OPTION_IGNORED;
    }
    a->flags |= AK_ACC_PEER_OPTION;
}

/* Appendix A.1.  Answers the bytes that were newly marked. */
static uint32_t take_option(struct ak_accecn *a, const struct ak_seg *seg) {
    uint32_t marked = 0;
    a->flags |= AK_ACC_PEER_OPTION;
    for (uint8_t i = 0; i < seg->options.accecn_count; i++) {
        aksu_accecn_field field = aksu_accecn_field_at(seg->options.accecn_order, i);
        uint32_t more = (seg->options.accecn[i] - a->s.byte[field]) & 0xffffff;
        a->s.byte[field] += more;
        if (field == AKSU_ACCECN_CEB) marked = more;
    }
    return marked;
}

/* ---------------------------------------------------------------- the ACE field */

struct heard {
    uint32_t least;   /* the field's smallest increment */
    uint32_t packets; /* so many at least, the segment acknowledges */
    uint32_t mss_bytes;
    uint32_t marked_bytes; /* by the option */
    bool option;
    bool small; /* some of the packets were not of full size: there may be more of them */
};

/* Either the field came round, or something changes the feedback. */
static bool bytes_in_no_packet(const struct heard *h) {
    return h->marked_bytes > 0 && h->least == 0 && h->packets <= ACE_MASK;
}

/* s3.2.2.5.2, appendix A.2: how many packets were newly marked.  With no option the field is taken to have come round
 * as often as it can, unless ACKs usually are for many packets; and unless nothing was ever marked, nor is now. */
static uint32_t newly_marked(const struct ak_accecn *a, const struct heard *h) {
    enum { MANY = 4 << 6, INITIAL = 5 };
    if (bytes_in_no_packet(h)) return h->small ? ACE_MASK + 1 : 0;
    if (h->packets <= h->least) return h->least; /* packets that we do not count, such as bare ACKs */
    uint32_t safer = h->packets - ((h->packets - h->least) & ACE_MASK);
    if (safer == h->least) return safer;
    if (h->option) {
        /* Below the SAFETY_FACTOR of 2 always: at most 7 of 15 full segments. */
        return h->marked_bytes <= h->mss_bytes * h->least ? h->least : safer;
    }
    bool never = h->least == 0 && a->s.cep <= INITIAL;
    return never || a->acked_average >= MANY ? h->least : safer;
}

static void note_acked(struct ak_accecn *a, uint32_t packets) {
    if (packets == 0) return;
    uint32_t now = ak_min_u32(packets, 1000) << 6;
    a->acked_average = a->acked_average - a->acked_average / 8 + now / 8;
}

/* s3.2.2.3: whether everything has come back marked for this many round trips. */
static void look_for_constant_marks(const struct ak_tcb *t, struct ak_accecn *a, const struct ak_seg *seg,
                                    const struct heard *h, uint32_t marks) {
    enum { ROUNDS = 4 };
    if (a->flags & AK_ACC_UNMARKED_SEEN) return;
    if (h->packets > marks) {
        a->flags |= AK_ACC_UNMARKED_SEEN;
        return;
    }
    if (marks == 0 || ak_seq_lt(seg->ack, a->round_end)) return;
    a->round_end = t->snd.nxt;
    if (++a->marked_rounds <= ROUNDS) return; /* what ends the first began before it */
    a->flags |= AK_ACC_UNMARKED_SEEN | AK_ACC_NOT_ECT | AK_ACC_DEAF;
}

/* One with data that another has overtaken does not end after all that has come. */
static bool ends_last(const struct ak_input *in) {
    const struct ak_tcb *t = in->t;
    const struct ak_transfer *x = ak_transfer_of(in->core, t);
    ak_seq end = t->rcv.nxt;
    if (x != NULL && x->ranges.count > 0) end = ak_ranges_at(&x->ranges, &in->core->blocks, x->ranges.count - 1).right;
    return ak_seq_gt(ak_seq_add(in->seg->seq, ak_seg_bytes(in->seg)), end);
}

/* Appendix A.1: whether it was sent later than what was heard last, as far as can be seen. */
static bool is_newer(const struct ak_input *in, const struct ak_accecn *a, ak_seq una) {
    const struct ak_tcb *t = in->t;
    const struct ak_seg *seg = in->seg;
    const struct ak_transfer *x = ak_transfer_of(in->core, t);
    bool selective =
        (seg->options.present & AKSU_OPT_SACK) && x != NULL; /* a duplicate ACK may be one that was copied */
    if (ak_seq_gt(seg->ack, una) || (selective && ak_tcp_newly_delivered(x) > 0)) return true;
    if (ak_seg_bytes(seg) > 0 && ends_last(in)) return true;
    /* Of our SYN,ACK, which may have gone again: it has the handshake's encoding (s3.2.2.1). */
    if (is_bare(seg) && ak_seq_eq(seg->ack, ak_seq_add(t->snd.iss, 1))) return false;
    return (t->flags & AK_F_TIMESTAMPS) && (int32_t)(seg->options.ts_val - a->heard_ts) > 0;
}

static void respond(struct ak_input *in, const struct ak_accecn *a, ak_seq una, uint32_t marks) {
    struct ak_transfer *x = ak_transfer_of(in->core, in->t);
    if (x == NULL) return;
    x->ecn_end = ak_seq_max(x->ecn_end, una);
    if (marks > 0 && (a->flags & AK_ACC_DEAF) == 0)
        ak_ecn_respond(in->core, in->t, in->seg->ack, una);
    else if (ak_seq_gt(in->seg->ack, una))
        x->ecn_holds = 0;
}

/* The first after the handshake.  s3.2.2.4: a field of zero was zeroed, unless three marks may have made it so: the
 * peer's ACK for a whole burst. */
static void hear_first(struct ak_accecn *a, const struct ak_seg *seg, uint32_t packets) {
    enum { TO_ZERO = 3 };
    if (ak_ace_of(seg) == 0 && packets < TO_ZERO) a->flags |= AK_ACC_NOT_ECT | AK_ACC_DEAF;
    if ((a->flags & AK_ACC_PEER_OPTION) == 0) ak_accecn_first_option(a, seg);
    a->flags |= AK_ACC_HEARD;
}

static uint32_t take_feedback(struct ak_input *in, struct ak_accecn *a, struct heard *h) {
    const struct ak_seg *seg = in->seg;
    bool option = (seg->options.present & AKSU_OPT_ACCECN) != 0;
    h->least = (ak_ace_of(seg) - a->s.cep) & ACE_MASK;
    h->option = option && (a->flags & AK_ACC_OPTION_IGNORED) == 0;
    if (h->option) h->marked_bytes = take_option(a, seg);
    uint32_t marks = newly_marked(a, h);
    a->s.cep += marks;
    note_acked(a, h->packets);
    a->heard_ts = seg->options.ts_val;
    if (bytes_in_no_packet(h) && !h->small) a->flags |= AK_ACC_NOT_ECT; /* s3.2.3.2.5 */
    look_for_constant_marks(in->t, a, seg, h, marks);
    return marks;
}

static void feedback(struct ak_input *in, struct ak_accecn *a, ak_seq una) {
    const struct ak_transfer *x = ak_transfer_of(in->core, in->t);
    struct heard h = {.mss_bytes = ak_tcp_effective_mss(in->core, in->t, 0)};
    if (x != NULL) {
        h.packets = (ak_tcp_newly_delivered(x) + h.mss_bytes - 1) / h.mss_bytes;
        h.small = ak_seq_gt(x->small_end, una);
    }
    if (ak_seq_gt(in->t->snd.una, a->first_data)) a->flags &= (uint16_t)~AK_ACC_DATA_OPTION_SENT; /* it arrived */
    if ((a->flags & AK_ACC_HEARD) == 0) hear_first(a, in->seg, h.packets);
    respond(in, a, una, is_newer(in, a, una) ? take_feedback(in, a, &h) : 0);
}

/* Table 4: how our SYN,ACK came, which went as not ECT. */
static void handshake_ack(struct ak_input *in, struct ak_accecn *a) {
    uint8_t ip_ecn;
    unsigned ace = ak_ace_of(in->seg);
    ak_accecn_first_option(a, in->seg);
    if (ace == 0) a->flags |= AK_ACC_NOT_ECT | AK_ACC_DEAF; /* note 1 */
    if (!ak_accecn_handshake_read(ace, &ip_ecn) || ip_ecn == AK_IP_NOT_ECT) return;
    a->flags |= AK_ACC_NOT_ECT; /* s3.2.2.3 */
    if (ip_ecn != AK_IP_CE) return;
    a->s.cep++;
    ak_tcp_first_window(in->core, in->t);
}

void ak_accecn_segment(struct ak_input *in, ak_seq una) {
    struct ak_accecn *a = ak_accecn_agreed(in->core, in->t);
    if (a == NULL || in->seg->unscaled) return; /* of a SYN the flags are no field (s3.2.2) */
    bool opening = in->state_before == AK_TCP_SYN_RECEIVED || in->state_before == AK_TCP_LISTEN;
    if (opening && is_bare(in->seg))
        handshake_ack(in, a);
    else
        feedback(in, a, una);
    ak_accecn_received(in->core, in->t, a, in->seg);
}
