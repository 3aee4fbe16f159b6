/* What is in flight: RFC 9293 s3.8.1's retransmission queue.
 *
 * Every transmission of data is a record, whole super-segments too.  Records hang in the order of their sequence
 * numbers, and each in one of two other lists as well, so that nothing ever has to be looked for:
 *
 *     sent    in flight as far as we know, in the order of transmission: loss detection by time looks at its head
 *     lost    to be sent again, lowest sequence number first as a rule, and the oldest of all always
 *     -       selectively acknowledged: neighbours are joined, so that a run of them is one record
 *
 * All operations here take constant time, but for ak_tcp_flight_clear and ak_record_unmark_lost, which take time for
 * what was put in before. */
#include "base/check.h"
#include "tcp/rate.h"

uint32_t ak_tcp_in_flight(const struct ak_transfer *x, const struct ak_tcb *t, uint32_t mss) {
    uint32_t sent = ak_seq_bytes(t->snd.una, t->snd.nxt);
    uint64_t gone = (uint64_t)x->lost_bytes + x->sacked_bytes + (uint64_t)x->duplicate_acks * mss;
    return gone < sent ? sent - (uint32_t)gone : 0;
}

/* ---------------------------------------------------------------- the lists beside */

static struct ak_record_list *list_of(struct ak_transfer *x, const struct ak_record *r) {
    return r->flags & AK_RECORD_LOST ? &x->lost : &x->sent;
}

static void list_insert(struct ak_core *core, struct ak_record_list *list, uint32_t index, uint32_t after) {
    struct ak_record *r = ak_record_at(core, index);
    r->list_prev = after;
    r->list_next = after == AK_NONE ? list->head : ak_record_at(core, after)->list_next;
    if (after == AK_NONE)
        list->head = index;
    else
        ak_record_at(core, after)->list_next = index;
    if (r->list_next == AK_NONE)
        list->tail = index;
    else
        ak_record_at(core, r->list_next)->list_prev = index;
}

static void list_remove(struct ak_core *core, struct ak_record_list *list, uint32_t index) {
    const struct ak_record *r = ak_record_at(core, index);
    if (r->list_prev == AK_NONE)
        list->head = r->list_next;
    else
        ak_record_at(core, r->list_prev)->list_next = r->list_next;
    if (r->list_next == AK_NONE)
        list->tail = r->list_prev;
    else
        ak_record_at(core, r->list_next)->list_prev = r->list_prev;
}

/* Losses are mostly found in the order of their numbers, or near the front: what is neither goes as far back as a few
 * steps lead, rather too early than too late. */
static void lost_insert(struct ak_core *core, struct ak_transfer *x, uint32_t index) {
    enum { STEPS = 16 };
    ak_seq seq = ak_record_at(core, index)->seq;
    uint32_t after = x->lost.tail;
    for (int i = 0; i < STEPS && after != AK_NONE && ak_seq_gt(ak_record_at(core, after)->seq, seq); i++)
        after = ak_record_at(core, after)->list_prev;
    if (after != AK_NONE && ak_seq_gt(ak_record_at(core, after)->seq, seq)) {
        uint32_t next = x->lost.head;
        after = AK_NONE;
        for (int i = 0; i < STEPS && ak_seq_lt(ak_record_at(core, next)->seq, seq); i++) {
            after = next;
            next = ak_record_at(core, next)->list_next;
        }
    }
    list_insert(core, &x->lost, index, after);
}

/* ---------------------------------------------------------------- records */

/* Out of the order of sequence numbers, and gone. */
static void take_out(struct ak_core *core, struct ak_transfer *x, uint32_t index) {
    struct ak_record *r = ak_record_at(core, index);
    if (r->prev == AK_NONE)
        x->record_head = r->next;
    else
        ak_record_at(core, r->prev)->next = r->next;
    if (r->next == AK_NONE)
        x->record_tail = r->prev;
    else
        ak_record_at(core, r->next)->prev = r->prev;
    if (x->sack_looked) {
        for (uint32_t i = 0; i < AKSU_SACK_BLOCK_MAX; i++)
            if (x->sack_hint[i] == index) x->sack_hint[i] = r->prev != AK_NONE ? r->prev : r->next;
    }
    x->record_count--;
    if (r->sample != AK_NONE) ak_rate_forget(core, r);
    ak_pool_put(&core->pool[AK_KIND_RECORD], index);
}

void ak_record_remove(struct ak_core *core, struct ak_transfer *x, uint32_t index) {
    const struct ak_record *r = ak_record_at(core, index);
    if (r->flags & AK_RECORD_LOST) x->lost_bytes -= r->bytes;
    if (r->flags & AK_RECORD_SACKED)
        x->sacked_bytes -= r->bytes;
    else
        list_remove(core, list_of(x, r), index);
    take_out(core, x, index);
}

void ak_record_cut_front(struct ak_core *core, struct ak_transfer *x, uint32_t index, uint32_t bytes) {
    struct ak_record *r = ak_record_at(core, index);
    if (r->flags & AK_RECORD_LOST) x->lost_bytes -= bytes;
    if (r->flags & AK_RECORD_SACKED) x->sacked_bytes -= bytes;
    r->seq = ak_seq_add(r->seq, bytes);
    r->bytes -= bytes;
}

void ak_tcp_flight_clear(struct ak_core *core, struct ak_transfer *x) {
    while (x->record_head != AK_NONE) ak_record_remove(core, x, x->record_head);
    x->duplicate_acks = 0;
}

void ak_tcp_flight_sent(struct ak_core *core, struct ak_tcb *t, ak_seq seq, uint32_t bytes, uint32_t segment_bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t index = ak_object_get(core, AK_KIND_RECORD);
    ak_check(index != AK_NONE);
    *ak_record_at(core, index) = (struct ak_record){
        .next = AK_NONE,
        .prev = x->record_tail,
        .seq = seq,
        .bytes = bytes,
        .sent_us = core->now_us,
        .first_sent_us = core->now_us,
        .segment_bytes = segment_bytes,
        .sample = AK_NONE,
    };
    if (x->rate != AK_NONE) ak_rate_sent(core, t, index, ak_tcp_in_flight(x, t, segment_bytes));
    if (x->record_tail == AK_NONE)
        x->record_head = index;
    else
        ak_record_at(core, x->record_tail)->next = index;
    x->record_tail = index;
    x->record_count++;
    list_insert(core, &x->sent, index, x->sent.tail);
    ak_prr_sent(x, bytes);
    ak_pace_sent(core, t, bytes);
    x->data_sent_us = core->now_us;
}

bool ak_record_split(struct ak_core *core, struct ak_transfer *x, uint32_t index, uint32_t bytes) {
    struct ak_record *first = ak_record_at(core, index);
    if (bytes == 0 || bytes >= first->bytes) return true;
    uint32_t rest_index = ak_object_get(core, AK_KIND_RECORD);
    if (rest_index == AK_NONE) return false;
    struct ak_record *rest = ak_record_at(core, rest_index);
    *rest = *first;
    rest->seq = ak_seq_add(first->seq, bytes);
    rest->bytes = first->bytes - bytes;
    rest->prev = index;
    if (rest->sample != AK_NONE) ak_rate_cut(core, rest);
    first->bytes = bytes;
    first->next = rest_index;
    if (rest->next == AK_NONE)
        x->record_tail = rest_index;
    else
        ak_record_at(core, rest->next)->prev = rest_index;
    x->record_count++;
    if ((first->flags & AK_RECORD_SACKED) == 0) list_insert(core, list_of(x, first), rest_index, index);
    return true;
}

void ak_record_mark_lost(struct ak_core *core, struct ak_tcb *t, uint32_t index, aksu_loss_cause cause) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_record *r = ak_record_at(core, index);
    if (r->flags & (AK_RECORD_LOST | AK_RECORD_SACKED)) return;
    list_remove(core, &x->sent, index);
    r->flags |= AK_RECORD_LOST;
    lost_insert(core, x, index);
    x->lost_bytes += r->bytes;
    if (r->sample != AK_NONE && cause != AKSU_LOSS_BY_WINDOW) ak_rate_lost(core, t, r);
    ak_tcp_trace_loss(core, t, cause, r->seq, r->bytes);
    ak_mtu_lost(core, t, r->seq, r->bytes);
}

void ak_record_unmark_lost(struct ak_core *core, struct ak_transfer *x) {
    while (x->lost.tail != AK_NONE) { /* all of them were sent before what is in flight still */
        uint32_t index = x->lost.tail;
        struct ak_record *r = ak_record_at(core, index);
        list_remove(core, &x->lost, index);
        r->flags &= ~(uint32_t)AK_RECORD_LOST;
        x->lost_bytes -= r->bytes;
        list_insert(core, &x->sent, index, AK_NONE);
    }
}

/* Joins a selectively acknowledged record to the one before it. */
static void join_to_previous(struct ak_core *core, struct ak_transfer *x, uint32_t index) {
    const struct ak_record *r = ak_record_at(core, index);
    struct ak_record *before = ak_record_at(core, r->prev);
    before->bytes += r->bytes;
    before->flags |= r->flags;
    before->sent_us = ak_max_u64(before->sent_us, r->sent_us);
    take_out(core, x, index);
}

static bool is_sacked(const struct ak_core *core, uint32_t index) {
    return index != AK_NONE && (ak_record_at(core, index)->flags & AK_RECORD_SACKED) != 0;
}

uint32_t ak_record_mark_sacked(struct ak_core *core, struct ak_transfer *x, uint32_t index) {
    struct ak_record *r = ak_record_at(core, index);
    list_remove(core, list_of(x, r), index);
    if (r->flags & AK_RECORD_LOST) x->lost_bytes -= r->bytes;
    r->flags = (r->flags & ~(uint32_t)AK_RECORD_LOST) | AK_RECORD_SACKED;
    x->sacked_bytes += r->bytes;
    if (is_sacked(core, r->next)) join_to_previous(core, x, r->next);
    uint32_t before = r->prev;
    if (!is_sacked(core, before)) return index;
    join_to_previous(core, x, index);
    return before;
}

void ak_record_forget_sack(struct ak_core *core, struct ak_transfer *x) {
    uint32_t after = AK_NONE;
    for (uint32_t i = x->record_head; i != AK_NONE; i = ak_record_at(core, i)->next) {
        struct ak_record *r = ak_record_at(core, i);
        if ((r->flags & AK_RECORD_SACKED) == 0) continue;
        r->flags &= ~(uint32_t)AK_RECORD_SACKED;
        x->sacked_bytes -= r->bytes;
        list_insert(core, &x->sent, i, after); /* in front: sent long ago */
        after = i;
    }
}

/* ---------------------------------------------------------------- sent again */

uint32_t ak_tcp_flight_lost(const struct ak_core *core, const struct ak_transfer *x) {
    /* Whatever the list's order: only the oldest byte moves SND.UNA. */
    bool oldest = x->record_head != AK_NONE && (ak_record_at(core, x->record_head)->flags & AK_RECORD_LOST) != 0;
    return oldest ? x->record_head : x->lost.head;
}

void ak_tcp_flight_retransmitted(struct ak_core *core, struct ak_tcb *t, uint32_t index, uint32_t bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    (void)ak_record_split(core, x, index,
                          bytes); /* or all of it counts as sent again: what was not is lost once more */
    struct ak_record *r = ak_record_at(core, index);
    if ((r->flags & AK_RECORD_SACKED) == 0) {
        list_remove(core, list_of(x, r), index);
        if (r->flags & AK_RECORD_LOST) x->lost_bytes -= r->bytes;
        r->flags = (r->flags & ~(uint32_t)AK_RECORD_LOST) | AK_RECORD_RETRANSMITTED;
        list_insert(core, &x->sent, index, x->sent.tail);
    }
    r->sent_us = core->now_us;
    if (x->rate != AK_NONE) {
        uint32_t in_flight = ak_tcp_in_flight(x, t, ak_tcp_effective_mss(core, t, 0));
        ak_rate_sent(core, t, index, in_flight > r->bytes ? in_flight - r->bytes : 0);
    }
    r->segment_bytes = ak_min_u32(r->segment_bytes, ak_tcp_effective_mss(core, t, 0));
    ak_undo_retransmitted(core, t, bytes);
    x->retransmitted_segments++;
    x->tally.retransmitted_bytes += bytes;
    core->counters.tcp_retransmitted++;
    ak_prr_sent(x, bytes);
    ak_pace_sent(core, t, bytes);
    x->data_sent_us = core->now_us;
}

void ak_tcp_flight_probed(struct ak_core *core, struct ak_tcb *t, uint32_t bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    (void)ak_record_split(core, x, x->record_tail, ak_record_at(core, x->record_tail)->bytes - bytes);
    ak_tcp_flight_retransmitted(core, t, x->record_tail, bytes);
}

void ak_tcp_flight_probed_window(struct ak_core *core, const struct ak_transfer *x) {
    ak_check(x->record_head != AK_NONE);
    struct ak_record *r = ak_record_at(core, x->record_head);
    r->flags |= AK_RECORD_RETRANSMITTED;
    r->sent_us = core->now_us;
}
