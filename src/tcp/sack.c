/* Selective acknowledgments, the sender's side: RFC 2018 s5, RFC 6675 s4, RFC 2883.
 *
 * Each block is checked before it means anything: it must lie within [SND.UNA, SND.NXT) (attack row 17).  Records that
 * a block covers are marked, and a record that it covers in part is cut at its edge.  Data stays until it is
 * acknowledged cumulatively: a receiver may take a selective acknowledgment back (RFC 2018 s8).  Work is bounded for
 * each ACK: STEPS_PER_BLOCK to find a place, and then one step for each record that becomes part of a run. */
#include "tcp/rate.h"

enum { STEPS_PER_BLOCK = 128 };

/* The record that holds a number, or else the last one before it, or else the first of all.  Blocks move little from
 * one ACK to the next, and runs of what they cover are one record, so the way from the last place is short.  A peer
 * that makes it long is not followed: false, and the next ACK goes on from there. */
static bool find(struct ak_core *core, struct ak_transfer *x, uint32_t block, ak_seq left) {
    uint32_t at = x->sack_looked ? x->sack_hint[block] : AK_NONE;
    if (at == AK_NONE) at = x->record_tail;
    uint32_t steps = 0;
    while (steps < STEPS_PER_BLOCK) {
        const struct ak_record *r = ak_record_at(core, at);
        bool before = ak_seq_gt(r->seq, left);
        uint32_t next = before ? r->prev : r->next;
        if (next == AK_NONE || (!before && ak_seq_gt(ak_record_at(core, next)->seq, left))) break;
        at = next;
        steps++;
    }
    core->counters.loss_steps += steps;
    x->sack_hint[block] = at;
    return steps < STEPS_PER_BLOCK;
}

/* The part of a record that a block covers, in whole segments as they were sent: a peer has no reason to keep less, and
 * cutting finer would only cost records. */
static bool covered(const struct ak_record *r, struct ak_range block, struct ak_range *ret_part) {
    ak_seq end = ak_seq_add(r->seq, r->bytes);
    uint32_t each = ak_max_u32(r->segment_bytes, 1);
    ret_part->left = ak_seq_max(block.left, r->seq);
    ret_part->right = ak_seq_min(block.right, end);
    if (!ak_seq_lt(ret_part->left, ret_part->right)) return false;
    uint32_t from = ak_seq_bytes(r->seq, ret_part->left);
    uint32_t to = ak_seq_bytes(r->seq, ret_part->right);
    ret_part->left = ak_seq_add(r->seq, (from + each - 1) / each * each);
    if (!ak_seq_eq(ret_part->right, end)) ret_part->right = ak_seq_add(r->seq, to / each * each);
    return ak_seq_lt(ret_part->left, ret_part->right);
}

/* Where segments overtake each other SND.UNA moves seldom, and by what was late: the others tell of the queue. */
static void note_trip(struct ak_transfer *x, uint64_t trip_us) {
    uint32_t us = (uint32_t)ak_max_u64(1, ak_min_u64(trip_us, UINT32_MAX));
    x->sack_trips.least_us = x->sack_trips.count == 0 ? us : ak_min_u32(x->sack_trips.least_us, us);
    x->sack_trips.count++;
}

/* Marks what the block covers of a record; answers where to go on, AK_NONE: no record is free, the rest is ignored. */
static uint32_t take_record(struct ak_core *core, struct ak_tcb *t, uint32_t at, struct ak_range part,
                            const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_record *r = ak_record_at(core, at);
    if (ak_seq_lt(r->seq, part.left)) {
        if (!ak_record_split(core, x, at, ak_seq_bytes(r->seq, part.left))) return AK_NONE;
        at = r->next;
        r = ak_record_at(core, at);
    }
    if (!ak_record_split(core, x, at, ak_seq_bytes(r->seq, part.right))) return AK_NONE;
    ak_rack_delivered(core, t, r, seg);
    if ((r->flags & AK_RECORD_RETRANSMITTED) == 0) note_trip(x, ak_tcp_trip_us(seg, r->sent_us));
    x->delivered_bytes += r->bytes;
    if (x->rate != AK_NONE) ak_rate_delivered(core, t, r, r->bytes, seg);
    ak_mtu_arrived(t, x, r, r->bytes);
    return ak_record_mark_sacked(core, x, at);
}

static void take_block(struct ak_core *core, struct ak_tcb *t, uint32_t i, struct ak_range block,
                       const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (!find(core, x, i, block.left)) return;
    uint32_t at = x->sack_hint[i];
    while (at != AK_NONE && ak_seq_lt(ak_record_at(core, at)->seq, block.right)) {
        const struct ak_record *r = ak_record_at(core, at);
        struct ak_range part;
        core->counters.loss_steps++;
        if ((r->flags & AK_RECORD_SACKED) == 0 && covered(r, block, &part)) at = take_record(core, t, at, part, seg);
        if (at == AK_NONE) return;
        x->sack_hint[i] = at;
        at = ak_record_at(core, at)->next;
    }
}

/* The blocks that may mean something, lowest first: what one ACK tells is no reordering, whatever order it tells it in
 * (RFC 8985 s6.2 step 3). */
static uint32_t sound_blocks(const struct ak_tcb *t, const struct ak_seg *seg, struct ak_range *ret_blocks) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < seg->options.sack_count; i++) {
        struct ak_range block = {.left = ak_seq_of(seg->options.sack[i].left),
                                 .right = ak_seq_of(seg->options.sack[i].right)};
        if (!ak_seq_lt(block.left, block.right) || ak_seq_lt(block.left, t->snd.una) ||
            ak_seq_gt(block.right, t->snd.nxt))
            continue;
        uint32_t at = count++;
        for (; at > 0 && ak_seq_gt(ret_blocks[at - 1].left, block.left); at--) ret_blocks[at] = ret_blocks[at - 1];
        ret_blocks[at] = block;
    }
    return count;
}

void ak_tcp_sack_take(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (ak_tcp_sack_duplicate(seg)) {
        ak_rack_duplicate(core, t);
        x->tally.duplicates++;
        ak_undo_on_dsack(core, t, ak_seq_of(seg->options.sack[0].left), ak_seq_of(seg->options.sack[0].right));
    }
    struct ak_range blocks[AKSU_SACK_BLOCK_MAX];
    uint32_t count = sound_blocks(t, seg, blocks);
    if (count == 0 || x->record_head == AK_NONE) return;
    if (!x->sack_looked) {
        for (uint32_t i = 0; i < AKSU_SACK_BLOCK_MAX; i++) x->sack_hint[i] = AK_NONE;
        x->sack_looked = true;
    }
    uint32_t delivered_before = x->delivered_bytes;
    ak_seq end = t->snd.una;
    for (uint32_t i = 0; i < count; i++) {
        take_block(core, t, i, blocks[i], seg);
        end = ak_seq_max(end, blocks[i].right);
    }
    if (x->frto == AK_FRTO_NEW) ak_undo_on_sack(core, t, end, x->delivered_bytes - delivered_before);
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

void ak_tcp_sack_tell_duplicate(struct ak_core *core, struct ak_tcb *t, ak_seq left, ak_seq right) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL || (t->flags & AK_F_SACK) == 0) return;
    x->duplicate = (struct ak_range){.left = left, .right = right};
    x->duplicate_due = true;
}
