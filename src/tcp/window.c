/* Windows: what we announce (RFC 9293 s3.8.6.2.2) and what the peer does (s3.10.7.4, fifth). */
#include "tcp/loss.h"

static uint32_t unread_bytes(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    return x == NULL ? 0 : ak_seq_bytes(x->read, t->rcv.nxt);
}

uint32_t ak_tcp_receive_window(const struct ak_core *core, const struct ak_tcb *t) {
    (void)core;
    return ak_seq_lt(t->rcv.nxt, t->rcv.edge) ? ak_seq_bytes(t->rcv.nxt, t->rcv.edge) : 0;
}

/* Room that may be promised: the buffer, less what is unread, and under memory pressure nothing new. */
static uint32_t room_bytes(const struct ak_core *core, const struct ak_tcb *t) {
    uint64_t buffer = ak_tcp_rcv_buf(core, t);
    uint32_t unread = unread_bytes(core, t);
    uint64_t room = unread < buffer ? buffer - unread : 0;
    uint64_t announceable = 65535ull << t->rcv.wscale;
    if (room > announceable) room = announceable;
    room = ak_min_u64(room, ak_memory_share_bytes(core));
    if (!ak_memory_may_widen(core)) room = ak_min_u64(room, ak_tcp_receive_window(core, t));
    return (uint32_t)room;
}

ak_seq ak_tcp_window_edge(const struct ak_core *core, const struct ak_tcb *t) {
    uint32_t room = room_bytes(core, t);
    ak_seq edge = ak_seq_add(t->rcv.nxt, room);
    /* What the header can say is a multiple of 1 << wscale: say no more than there is. */
    edge = ak_seq_sub(edge, room & ((1u << t->rcv.wscale) - 1));
    if (ak_seq_le(edge, t->rcv.edge)) return t->rcv.edge;
    /* MUST-39: the edge moves by at least min(RCV.BUFF / 2, one segment), or not at all. */
    uint32_t step = ak_min_u32(ak_tcp_rcv_buf(core, t) / 2, t->rcv.mss);
    return ak_seq_bytes(t->rcv.edge, edge) >= step ? edge : t->rcv.edge;
}

/* RCV_LOWAT, but for a window that is too small to bring more before something is read. */
bool ak_tcp_worth_reading(const struct ak_core *core, const struct ak_tcb *t, uint32_t readable_bytes) {
    if (readable_bytes >= ak_settings_of(core, &t->sock)->rcv_lowat_bytes) return true;
    return readable_bytes > 0 && ak_tcp_receive_window(core, t) < t->rcv.mss;
}

uint32_t ak_tcp_syn_window(const struct ak_core *core, const struct ak_tcb *t) {
    uint64_t room = ak_tcp_rcv_buf(core, t);
    if (t->state == AK_TCP_SYN_RECEIVED) room = ak_tcp_receive_window(core, t); /* text may have come with the SYN */
    return (uint32_t)ak_min_u64(65535, room);
}

/* An ACK only to widen the window is worth its packet if the peer is or may soon be held up: the window has more than
 * doubled from less than half a buffer. */
void ak_tcp_window_opened(struct ak_core *core, struct ak_tcb *t) {
    bool receives = t->state == AK_TCP_ESTABLISHED || t->state == AK_TCP_FIN_WAIT_1 || t->state == AK_TCP_FIN_WAIT_2;
    if (!receives) return;
    uint32_t announced = ak_tcp_receive_window(core, t);
    if (announced >= ak_tcp_rcv_buf(core, t) / 2) return;
    if (!ak_memory_may_widen(core) && ak_transfer_of(core, t) != NULL) ak_memory_wait(core, t);
    uint32_t possible = ak_seq_bytes(t->rcv.nxt, ak_tcp_window_edge(core, t));
    if (possible >= 2 * announced && possible > announced) ak_tcp_ack_now(core, t, AK_F_WINDOW_UPDATE);
}

/* s3.10.7.4, fifth: SND.WND from segments that are not older than the one it came from. */
void ak_tcp_send_window_update(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    bool newer =
        ak_seq_lt(t->snd.wl1, seg->seq) || (ak_seq_eq(t->snd.wl1, seg->seq) && ak_seq_le(t->snd.wl2, seg->ack));
    if (!newer) return;
    bool syn = (seg->flags & AKSU_TCP_SYN) || seg->unscaled;
    uint8_t shift = syn ? 0 : t->snd.wscale; /* RFC 7323 s2.2: never scaled in a SYN */
    uint32_t wnd = (uint32_t)seg->wnd << shift;
    bool was_closed = t->snd.wnd == 0;
    t->snd.wnd = wnd;
    t->snd.wl1 = seg->seq;
    t->snd.wl2 = seg->ack;
    t->snd.max_wnd = ak_max_u32(t->snd.max_wnd, wnd);
    if (was_closed && wnd > 0 && ak_transfer_of(core, t) != NULL &&
        ak_tcp_timer_due(core, t, AKSU_TIMER_PERSIST) != AK_NEVER) {
        ak_tcp_persist_over(core, t);
        t->retries = 0;
        ak_flags_clear(t, AK_F_PROBE_DUE);
        if (!ak_seq_eq(t->snd.una, t->snd.nxt)) ak_tcp_rto_restart(core, t);
        /* What the shut window has refused, a probe's byte first of all, goes before anything new. */
        uint32_t first = ak_transfer_of(core, t)->record_head;
        if (first != AK_NONE) ak_record_mark_lost(core, t, first, AKSU_LOSS_BY_WINDOW);
    }
    ak_tcp_want_output(core, t);
}
