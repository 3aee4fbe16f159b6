/* Sixth to eighth of RFC 9293 s3.10.7.4: urgent data, text, FIN.
 *
 * Bytes go to their place in the receive stream whether in order or not; ranges tell which beyond RCV.NXT have come.  A
 * byte that was accepted once is never rewritten.  Of an out-of-order segment only text and the position of its FIN are
 * held. */
#include "base/check.h"
#include "tcp/tcp.h"

static bool receives(const struct ak_tcb *t) {
    if (t->state == AK_TCP_SYN_RECEIVED) return (t->flags & AK_F_FAST_OPEN) != 0;
    return t->state == AK_TCP_ESTABLISHED || t->state == AK_TCP_FIN_WAIT_1 || t->state == AK_TCP_FIN_WAIT_2;
}

/* Sixth.  RFC 6093 s3: the pointer is where the urgent data ends; MUST-32: told when it comes or advances. */
enum ak_verdict ak_tcp_step_urgent(struct ak_input *in) {
    const struct ak_seg *seg = in->seg;
    struct ak_tcb *t = in->t;
    if ((seg->flags & AKSU_TCP_URG) == 0 || seg->up == 0 || !receives(t)) return AK_NEXT;
    ak_seq up = ak_seq_add(seg->seq, seg->up);
    if (ak_seq_le(up, t->rcv.nxt)) return AK_NEXT;
    bool advances = (t->flags & AK_F_URGENT_RECEIVED) == 0 || ak_seq_gt(up, t->rcv.up);
    if (!advances) return AK_NEXT;
    t->rcv.up = up;
    t->flags |= AK_F_URGENT_RECEIVED;
    ak_sock_unseen(&t->sock, AKSU_EV_URGENT);
    ak_tcp_tell(in->core, t, AKSU_EV_URGENT);
    return AK_NEXT;
}

/* Copies frame bytes, which may lie in several pieces. */
static void frame_copy(const aksu_frame *frame, uint32_t offset, uint8_t *to, uint32_t bytes) {
    for (uint32_t i = 0; i < frame->iov_count && bytes > 0; i++) {
        if (offset >= frame->iov[i].bytes) {
            offset -= (uint32_t)frame->iov[i].bytes;
            continue;
        }
        uint32_t piece = (uint32_t)ak_min_u64(bytes, frame->iov[i].bytes - offset);
        ak_copy(to, (const uint8_t *)frame->iov[i].base + offset, piece);
        to += piece;
        bytes -= piece;
        offset = 0;
    }
}

/* Writes [left, right) of the segment's text to its place; answers where it had to stop for want of memory. */
static ak_seq store(struct ak_input *in, struct ak_transfer *x, ak_seq left, ak_seq right) {
    const struct ak_seg *seg = in->seg;
    while (ak_seq_lt(left, right)) {
        uint32_t room;
        uint8_t *to = ak_stream_room(&x->receive, &in->core->blocks, left, &room);
        if (to == NULL) break;
        uint32_t bytes = ak_min_u32(room, ak_seq_bytes(left, right));
        frame_copy(seg->frame, seg->text_offset + ak_seq_bytes(seg->seq, left), to, bytes);
        left = ak_seq_add(left, bytes);
    }
    return left;
}

/* The same, leaving alone what has come before. */
static ak_seq store_new(struct ak_input *in, struct ak_transfer *x, ak_seq left, ak_seq right) {
    if (x->ranges.count == 0) return store(in, x, left, right);
    uint32_t i = ak_ranges_find(&x->ranges, &in->core->blocks, left); /* SegmentSmack: not from the first on */
    for (; i < x->ranges.count && ak_seq_lt(left, right); i++) {
        struct ak_range range = ak_ranges_at(&x->ranges, &in->core->blocks, i);
        if (ak_seq_le(range.right, left)) continue;
        if (ak_seq_ge(range.left, right)) break;
        if (ak_seq_lt(left, range.left)) {
            ak_seq end = store(in, x, left, range.left);
            if (!ak_seq_eq(end, range.left)) return end;
        }
        left = range.right;
    }
    return ak_seq_lt(left, right) ? store(in, x, left, right) : ak_seq_max(left, right);
}

/* RCV.NXT over all that is now in order; tells the application. */
static void advance(struct ak_input *in, struct ak_transfer *x, ak_seq to) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    ak_seq from = t->rcv.nxt;
    x->duplicates_owed = 0;
    if (x->ranges.count > 0) {
        struct ak_range first = ak_ranges_at(&x->ranges, &core->blocks, 0);
        if (ak_seq_le(first.left, to)) to = ak_seq_max(to, first.right);
        x->out_of_order_bytes -= ak_ranges_trim(&x->ranges, &core->blocks, to);
        if (x->ranges.count == 0) ak_memory_ranges_end(core, t);
        in->t->flags |= AK_F_ACK_NOW; /* RFC 5681 s4.2: at once when a gap is filled */
    }
    t->rcv.nxt = to;
    if (core->now_us >= x->tune.round_end_us) ak_tune_received(core, t, in->seg);
    uint32_t bytes = ak_seq_bytes(from, to);
    if (ak_seq_bytes(t->rcv.irs, to) < ak_seq_bytes(t->rcv.irs, from)) t->rcv_wraps++;
    if (ak_tcp_worth_reading(core, t, ak_seq_bytes(x->read, to))) ak_tcp_tell(core, t, AKSU_EV_READABLE);
    if (!ak_tracing(core)) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_ACCEPTED, .time_us = core->now_us};
    event.u.accepted = (aksu_ev_accepted){.flow = ak_flow_of(&t->tuple), .seq = from.n, .bytes = bytes};
    core->host.sink(core->host.sink_user, &event);
}

/* At the start the peer's window grows by what is acknowledged (RFC 5681 s3.1), and it waits for each ACK. */
static bool quick_ack(const struct ak_input *in, struct ak_transfer *x, const aksu_tcp_settings *settings) {
    if (x->quick_acks >= settings->quick_acks) return false;
    uint32_t option_bytes = in->seg->data_offset * 4u - AK_TCP_HEADER_BYTES;
    if (in->seg->text_bytes + option_bytes < in->t->rcv.mss) return false;
    x->quick_acks++;
    return true;
}

/* RFC 9293 s3.8.6.3, MUST-40, SHLD-18, SHLD-19. */
static void owe_ack(struct ak_input *in, struct ak_transfer *x, uint32_t bytes) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    x->unacked_segments = (uint16_t)ak_min_u32(x->unacked_segments + ak_seg_count(in->seg, bytes), 1000);
    bool quick = quick_ack(in, x, settings);
    if (quick || x->unacked_segments >= settings->ack_segments || x->ranges.count > 0 ||
        settings->delayed_ack_us == 0) {
        ak_tcp_ack_now(core, t, 0);
        return;
    }
    if (t->flags & (AK_F_ACK_DELAYED | AK_F_ACK_NOW)) {
        if (t->flags & AK_F_ACK_NOW) ak_tcp_want_output(core, t);
        return;
    }
    t->flags |= AK_F_ACK_DELAYED;
    ak_tcp_timer_set(core, t, AKSU_TIMER_DELAYED_ACK, core->now_us + settings->delayed_ack_us);
}

/* Text beyond RCV.NXT (SHLD-31): held if there is room for it and for its range, and told by a duplicate ACK at once
 * (MAY-13). */
static void hold(struct ak_input *in, ak_seq left, ak_seq right) {
    struct ak_core *core = in->core;
    struct ak_transfer *x = ak_transfer_of(core, in->t);
    ak_tcp_ack_now(core, in->t, AK_F_DUPLICATE_ACK);
    x->tally.out_of_order += ak_seg_count(in->seg, ak_seq_bytes(left, right));
    if ((in->t->flags & AK_F_SACK) == 0)
        x->duplicates_owed =
            (uint8_t)ak_min_u32(x->duplicates_owed + ak_seg_count(in->seg, ak_seq_bytes(left, right)), UINT8_MAX);
    bool pressed = !ak_memory_may_hold(core); /* out-of-order text goes first: architecture.md section 3 */
    if (!pressed) ak_memory_ranges_begin(core, in->t);
    if (pressed || x->ranges.block_count == 0) {
        in->drop = AKSU_DROP_TCP_NO_MEMORY;
        return;
    }
    ak_seq stored = store_new(in, x, left, right);
    uint32_t new_bytes = 0;
    uint32_t index;
    struct ak_range add = {.left = left, .right = stored};
    if (!ak_seq_lt(left, stored) || !ak_ranges_add(&x->ranges, &core->blocks, add, &new_bytes, &index)) {
        in->drop = AKSU_DROP_TCP_NO_MEMORY;
        if (x->ranges.count == 0) ak_memory_ranges_end(core, in->t);
        return;
    }
    x->out_of_order_bytes += new_bytes;
    /* Without SACK duplicate ACKs must not change the window (RFC 5681 s2). */
    if (core->now_us >= x->tune.round_end_us && (in->t->flags & AK_F_SACK)) ak_tune_received(core, in->t, in->seg);
    struct ak_range now = ak_ranges_at(&x->ranges, &core->blocks, index);
    bool same = ak_seq_in(x->range_recent, now.left, ak_seq_bytes(now.left, now.right));
    if (new_bytes > 0 && (!same || x->ranges_untold == 0)) x->ranges_untold++;
    x->range_recent = left;
    if (new_bytes > 0) return;
    in->drop = AKSU_DROP_TCP_DUPLICATE;
    ak_tcp_sack_tell_duplicate(core, in->t, left, right); /* RFC 2883 s4.1.2, inside the block of range_recent */
}

void ak_tcp_text_in_order(struct ak_input *in, ak_seq left, ak_seq right) {
    struct ak_transfer *x = ak_transfer_of(in->core, in->t);
    ak_seq stored = store_new(in, x, left, right);
    if (ak_seq_lt(stored, right)) {
        ak_memory_relieve(in->core); /* what lies behind a gap, this one as well, would wait for ever */
        stored = store_new(in, x, left, right);
        if (ak_seq_lt(stored, right)) in->drop = AKSU_DROP_TCP_NO_MEMORY;
    }
    if (ak_seq_eq(stored, left)) return;
    advance(in, x, stored);
    owe_ack(in, x, ak_seq_bytes(left, right));
}

/* Data after the application has closed: nobody will read it, and the peer must know (SHLD-3). */
static enum ak_verdict text_after_close(struct ak_input *in) {
    in->drop = AKSU_DROP_TCP_AFTER_CLOSE;
    ak_tcp_send_reset(in->core, in->t);
    ak_tcp_end(in->core, in->t, AKSU_REASON_ABORTED, AKSU_STATE_BY_SEGMENT);
    return AK_GONE;
}

/* Seventh. */
enum ak_verdict ak_tcp_step_text(struct ak_input *in) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    const struct ak_seg *seg = in->seg;
    if (in->refused) ak_ecn_data(core, t, seg); /* RFC 3168 s6.1.6: a window probe */
    if (seg->text_bytes == 0) return AK_NEXT;
    if (!receives(t)) { /* CLOSE-WAIT and later: "This should not occur since a FIN has been received" */
        in->drop = AKSU_DROP_TCP_AFTER_FIN;
        return AK_NEXT;
    }
    ak_seq left = ak_seq_max(seg->seq, t->rcv.nxt);
    ak_seq right = ak_seq_add(seg->seq, seg->text_bytes);
    if (ak_seq_gt(right, t->rcv.edge)) {
        right = t->rcv.edge;
        in->drop = AKSU_DROP_TCP_WINDOW_FULL;
        ak_tcp_ack_now(core, t, 0);
    }
    if (ak_seq_ge(left, right)) return AK_NEXT;
    if (t->flags & AK_F_ORPHAN) return text_after_close(in);
    if (ak_transfer_need(core, t) == NULL) {
        in->drop = AKSU_DROP_TCP_NO_MEMORY; /* unacknowledged: it will come again */
        return AK_NEXT;
    }
    ak_ecn_data(core, t, seg);
    if (!ak_seq_eq(left, t->rcv.nxt)) {
        hold(in, left, right);
        return AK_NEXT;
    }
    if (ak_seq_lt(seg->seq, left)) ak_tcp_sack_tell_duplicate(core, t, seg->seq, left); /* RFC 2883 s4.1.1 */
    ak_tcp_text_in_order(in, left, right);
    return AK_NEXT;
}

/* The peer's FIN is next in order: s3.10.7.4, eighth. */
static enum ak_verdict consume_fin(struct ak_input *in) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    t->rcv.nxt = ak_seq_add(t->rcv.nxt, 1);
    t->flags |= AK_F_FIN_RECEIVED;
    ak_flags_clear(t, AK_F_PEER_FIN_HELD);
    ak_tcp_ack_now(core, t, 0);
    ak_tcp_tell(core, t, AKSU_EV_PEER_CLOSED | AKSU_EV_READABLE);
    if (t->state == AK_TCP_ESTABLISHED || t->state == AK_TCP_SYN_RECEIVED) {
        ak_tcp_set_state(core, t, AK_TCP_CLOSE_WAIT, AKSU_STATE_BY_SEGMENT);
        return AK_DONE;
    }
    if (t->state == AK_TCP_FIN_WAIT_1 && !in->fin_acked) {
        ak_tcp_set_state(core, t, AK_TCP_CLOSING, AKSU_STATE_BY_SEGMENT);
        return AK_DONE;
    }
    ak_tcp_enter_time_wait(core, t, AKSU_STATE_BY_SEGMENT);
    return AK_GONE;
}

/* Our FIN is acknowledged and the peer's has not come. */
static void fin_wait_2(struct ak_core *core, struct ak_tcb *t) {
    ak_tcp_set_state(core, t, AK_TCP_FIN_WAIT_2, AKSU_STATE_BY_SEGMENT);
    if ((t->flags & AK_F_ORPHAN) == 0) return; /* half-closed: the peer may take its time */
    ak_flags_clear(t, AK_F_LINGER);
    ak_tcp_timer_set(core, t, AKSU_TIMER_FIN_WAIT_2, core->now_us + ak_settings_of(core, &t->sock)->fin_wait_2_us);
}

/* A FIN beyond the one received: "Remain in the CLOSE-WAIT state", and say where we are. */
bool ak_tcp_second_fin(const struct ak_input *in) {
    return (in->seg->flags & AKSU_TCP_FIN) && ak_seq_le(in->seg->seq, in->t->rcv.nxt);
}

/* Eighth. */
enum ak_verdict ak_tcp_step_fin(struct ak_input *in) {
    struct ak_core *core = in->core;
    struct ak_tcb *t = in->t;
    const struct ak_seg *seg = in->seg;
    if (!receives(t)) {
        if (ak_tcp_second_fin(in) && t->state != AK_TCP_CLOSING) ak_tcp_challenge(core, t, AK_F_DUPLICATE_ACK);
        return AK_NEXT;
    }
    ak_seq fin = ak_seq_add(seg->seq, seg->text_bytes);
    bool fits = (seg->flags & AKSU_TCP_FIN) && ak_seq_ge(fin, t->rcv.nxt) && ak_seq_lt(fin, t->rcv.edge);
    if (fits && !ak_seq_eq(fin, t->rcv.nxt)) { /* behind a gap: its position is held */
        struct ak_transfer *need = ak_transfer_need(core, t);
        if (need != NULL) {
            t->flags |= AK_F_PEER_FIN_HELD;
            need->rcv_fin = fin;
        }
        ak_tcp_ack_now(core, t, AK_F_DUPLICATE_ACK);
        fits = false;
    }
    const struct ak_transfer *x = ak_transfer_of(core, t);
    bool held = (t->flags & AK_F_PEER_FIN_HELD) && ak_seq_eq(x->rcv_fin, t->rcv.nxt);
    if (fits || held) return consume_fin(in);
    if (t->state == AK_TCP_FIN_WAIT_1 && in->fin_acked) fin_wait_2(core, t);
    return AK_NEXT;
}
