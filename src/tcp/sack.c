/* Selective acknowledgments, the sender's side: RFC 2018 s5, RFC 6675 s4.
 *
 * Each block is checked before it means anything: it must lie within [SND.UNA, SND.NXT) (attack row 17).  Records that
 * a block covers are marked, and a record that it covers in part is cut at its edge.  Data stays until it is
 * acknowledged cumulatively: a receiver may take a selective acknowledgment back (RFC 2018 s8). */
#include "tcp/loss.h"

static void mark(struct ak_core *core, struct ak_tcb *t, uint32_t index, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_record *r = ak_record_at(core, index);
    if (r->flags & AK_RECORD_SACKED) return;
    if (r->flags & AK_RECORD_LOST) x->lost_bytes -= r->bytes;
    r->flags = (r->flags & ~(uint32_t)AK_RECORD_LOST) | AK_RECORD_SACKED;
    x->sacked_bytes += r->bytes;
    ak_rack_delivered(core, t, r, seg);
}

/* Where to begin looking for a block: blocks mostly tell of what lies at or beyond the last one. */
static uint32_t start_at(const struct ak_core *core, const struct ak_transfer *x, ak_seq left) {
    uint32_t i = x->record_tail;
    while (i != AK_NONE && ak_seq_gt(ak_record_at(core, i)->seq, left)) i = ak_record_at(core, i)->prev;
    return i == AK_NONE ? x->record_head : i;
}

static void take_block(struct ak_core *core, struct ak_tcb *t, ak_seq left, ak_seq right, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t i = start_at(core, x, left);
    while (i != AK_NONE) {
        struct ak_record *r = ak_record_at(core, i);
        ak_seq end = ak_seq_add(r->seq, r->bytes);
        if (ak_seq_ge(r->seq, right)) return;
        bool outside = ak_seq_le(end, left) || (r->flags & AK_RECORD_SACKED) != 0;
        if (!outside && ak_seq_lt(r->seq, left)) {
            if (!ak_record_split(core, x, i, ak_seq_bytes(r->seq, left))) return; /* no record free: it is ignored */
        } else if (!outside) {
            if (ak_seq_gt(end, right) && !ak_record_split(core, x, i, ak_seq_bytes(r->seq, right))) return;
            mark(core, t, i, seg);
        }
        i = ak_record_at(core, i)->next;
    }
}

void ak_tcp_sack_take(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    for (uint32_t i = 0; i < seg->options.sack_count; i++) {
        ak_seq left = ak_seq_of(seg->options.sack[i].left);
        ak_seq right = ak_seq_of(seg->options.sack[i].right);
        bool sound = ak_seq_ge(left, t->snd.una) && ak_seq_lt(left, right) && ak_seq_le(right, t->snd.nxt);
        if (sound) take_block(core, t, left, right, seg);
    }
}

/* RFC 2883 s4: a first block below the cumulative ACK, or inside the second, tells of bytes that came twice. */
bool ak_tcp_sack_duplicate(const struct ak_seg *seg) {
    if (seg->options.sack_count == 0) return false;
    ak_seq left = ak_seq_of(seg->options.sack[0].left);
    ak_seq right = ak_seq_of(seg->options.sack[0].right);
    if (ak_seq_le(right, seg->ack) && ak_seq_lt(left, right)) return true;
    if (seg->options.sack_count < 2) return false;
    return ak_seq_ge(left, ak_seq_of(seg->options.sack[1].left)) &&
           ak_seq_le(right, ak_seq_of(seg->options.sack[1].right));
}
