/* The user's calls that move data: SEND and RECEIVE, RFC 9293 s3.10.2 and s3.10.3, with their zero-copy doors. */
#include "base/check.h"
#include "tcp/tcp.h"

static aksu_err reason_error(const struct ak_tcb *t) {
    switch ((aksu_reason)t->reason) {
    case AKSU_REASON_RESET: return AKSU_ERR_RESET;
    case AKSU_REASON_REFUSED: return AKSU_ERR_REFUSED;
    case AKSU_REASON_TIMED_OUT:
    case AKSU_REASON_USER_TIMEOUT:
    case AKSU_REASON_KEEPALIVE: return AKSU_ERR_TIMED_OUT;
    case AKSU_REASON_UNREACHABLE:
    case AKSU_REASON_NET_UNREACHABLE:
    case AKSU_REASON_HOST_UNREACHABLE:
    case AKSU_REASON_PROTOCOL_UNREACHABLE:
    case AKSU_REASON_PORT_UNREACHABLE:
    case AKSU_REASON_PROHIBITED:
    case AKSU_REASON_SOURCE_ROUTE_FAILED:
    case AKSU_REASON_TTL_EXCEEDED:
    case AKSU_REASON_PARAMETER_PROBLEM:
    case AKSU_REASON_PACKET_TOO_BIG: return AKSU_ERR_UNREACHABLE;
    case AKSU_REASON_ABORTED:
    case AKSU_REASON_EVICTED: return AKSU_ERR_ABORTED;
    case AKSU_REASON_NONE:
    case AKSU_REASON_CLOSED:
    case AKSU_REASON_RETRANSMITTING:
    case AKSU_REASON_COUNT: break;
    }
    return AKSU_ERR_NOT_CONNECTED;
}

static aksu_err find(struct ak_core *core, aksu_sock sock, struct ak_tcb **ret_t) {
    ak_ref ref;
    if (ak_sock_find(core, sock, &ref) == NULL) return AKSU_ERR_BADSOCK;
    if (ak_ref_class(ref) != AK_KIND_TCB) return AKSU_ERR_NOT_CONNECTED;
    *ret_t = ak_tcb_at(core, ref);
    return AKSU_OK;
}

/* ---------------------------------------------------------------- SEND */

static uint8_t *send_room(struct ak_core *core, struct ak_tcb *t, ak_seq position, uint32_t *ret_bytes) {
    uint8_t *to = NULL;
    if (ak_memory_may_send(core))
        to = ak_stream_room(&ak_transfer_of(core, t)->send, &core->blocks, position, ret_bytes);
    if (to == NULL) ak_memory_wait(core, t);
    return to;
}

static aksu_err may_send(const struct ak_tcb *t) {
    if (t->state == AK_TCP_CLOSED) return t->reason == AKSU_REASON_CLOSED ? AKSU_ERR_CLOSING : reason_error(t);
    if (t->flags & AK_F_FIN_QUEUED) return AKSU_ERR_CLOSING;
    if (t->state == AK_TCP_TIME_WAIT) return AKSU_ERR_CLOSING;
    return AKSU_OK;
}

static uint32_t queued_bytes(const struct ak_tcb *t, const struct ak_transfer *x) {
    return ak_seq_lt(t->snd.una, x->send_end) ? ak_seq_bytes(t->snd.una, x->send_end) : 0;
}

static uint64_t room_bytes(const struct ak_core *core, const struct ak_tcb *t, const struct ak_transfer *x) {
    uint64_t limit = ak_min_u64(x->snd_buf_bytes, ak_memory_share_bytes(core));
    uint32_t queued = queued_bytes(t, x);
    return queued < limit ? limit - queued : 0;
}

/* WRITABLE will tell: when what is queued is acknowledged or, with nothing queued, when others have given blocks back.
 */
static aksu_err no_room(struct ak_core *core, struct ak_tcb *t) {
    ak_sock_unseen(&t->sock, AKSU_EV_WRITABLE);
    if (queued_bytes(t, ak_transfer_of(core, t)) == 0) ak_memory_wait(core, t);
    return AKSU_ERR_AGAIN;
}

/* Bytes that are in place behind send_end join the queue. */
static void queue(struct ak_core *core, struct ak_tcb *t, uint32_t bytes, unsigned flags) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    x->send_end = ak_seq_add(x->send_end, bytes);
    x->due_us[AK_BUSY_IDLE] = AK_NEVER;
    if (flags & AKSU_SEND_MORE) {
        t->flags |= AK_F_MORE;
    } else {
        ak_flags_clear(t, AK_F_MORE);
        x->push_end = x->send_end;
    }
    if (flags & AKSU_SEND_URGENT) { /* s3.10.2: SND.UP <- SND.NXT + SEG.LEN, here the octet after the last (MUST-62) */
        t->snd.up = x->send_end;
        t->flags |= AK_F_URGENT_SEND;
        bool shut = ak_seq_bytes(t->snd.una, t->snd.nxt) >= t->snd.wnd;
        if (shut && t->state >= AK_TCP_ESTABLISHED) t->flags |= AK_F_ACK_NOW; /* s3.8.5: the pointer goes at once */
    }
    ak_tcp_want_output(core, t);
}

aksu_err aksu_tcp_send(aksu_stack *stack, aksu_sock sock, const void *data, size_t data_bytes, unsigned flags,
                       size_t *ret_bytes) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_tcb *t = NULL;
    aksu_err err = find(core, sock, &t);
    if (err == AKSU_OK) err = may_send(t);
    if (err != AKSU_OK) return err;
    struct ak_transfer *x = ak_transfer_need(core, t);
    if (x == NULL) return AKSU_ERR_NO_MEMORY;
    if (x->reserved_bytes > 0) return AKSU_ERR_INVALID;
    uint32_t wanted = (uint32_t)ak_min_u64(data_bytes, room_bytes(core, t, x));
    uint32_t done = 0;
    while (done < wanted) {
        uint32_t room;
        uint8_t *to = send_room(core, t, ak_seq_add(x->send_end, done), &room);
        if (to == NULL) break;
        uint32_t bytes = ak_min_u32(room, wanted - done);
        ak_copy(to, (const uint8_t *)data + done, bytes);
        done += bytes;
    }
    if (done == 0 && data_bytes > 0) return no_room(core, t);
    if (done < data_bytes) ak_sock_unseen(&t->sock, AKSU_EV_WRITABLE);
    queue(core, t, done, done < data_bytes ? flags & ~(unsigned)AKSU_SEND_URGENT : flags);
    ak_transfer_idle_soon(core, t); /* nothing was to be sent */
    ak_tcp_trace_call(core, &t->tuple, AKSU_CALL_SEND, done, AKSU_OK);
    *ret_bytes = done;
    return AKSU_OK;
}

aksu_err aksu_tcp_send_reserve(aksu_stack *stack, aksu_sock sock, size_t bytes, aksu_iov *ret_iov, uint32_t iov_cap,
                               uint32_t *ret_iov_count) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_tcb *t = NULL;
    aksu_err err = find(core, sock, &t);
    if (err == AKSU_OK) err = may_send(t);
    if (err != AKSU_OK) return err;
    struct ak_transfer *x = ak_transfer_need(core, t);
    if (x == NULL) return AKSU_ERR_NO_MEMORY;
    if (x->reserved_bytes > 0) return AKSU_ERR_INVALID;
    uint32_t wanted = (uint32_t)ak_min_u64(bytes, room_bytes(core, t, x));
    uint32_t done = 0;
    uint32_t count = 0;
    while (done < wanted && count < iov_cap) {
        uint32_t room;
        uint8_t *to = send_room(core, t, ak_seq_add(x->send_end, done), &room);
        if (to == NULL) break;
        ret_iov[count] = (aksu_iov){.base = to, .bytes = ak_min_u32(room, wanted - done)};
        done += (uint32_t)ret_iov[count].bytes;
        count++;
    }
    if (count == 0) return no_room(core, t);
    x->reserved_bytes = done;
    *ret_iov_count = count;
    return AKSU_OK;
}

aksu_err aksu_tcp_send_commit(aksu_stack *stack, aksu_sock sock, size_t bytes, unsigned flags) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_tcb *t = NULL;
    aksu_err err = find(core, sock, &t);
    if (err != AKSU_OK) return err;
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL || bytes > x->reserved_bytes) return AKSU_ERR_INVALID;
    x->reserved_bytes = 0;
    err = may_send(t);
    if (err != AKSU_OK) { /* it ended meanwhile: the pieces go back */
        ak_stream_cut(&x->send, &core->blocks, x->send_end);
        ak_transfer_over(core, t);
        return err;
    }
    if (bytes > 0) queue(core, t, (uint32_t)bytes, flags);
    ak_stream_cut(&x->send, &core->blocks, x->send_end);
    ak_transfer_idle_soon(core, t);
    if (bytes > 0) ak_tcp_trace_call(core, &t->tuple, AKSU_CALL_SEND, bytes, AKSU_OK);
    return AKSU_OK;
}

/* ---------------------------------------------------------------- RECEIVE */

static uint32_t readable_bytes(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return 0;
    uint32_t fin = (t->flags & AK_F_FIN_RECEIVED) ? 1 : 0;
    return ak_seq_bytes(x->read, t->rcv.nxt) - fin;
}

/* Why there is nothing to read. */
static aksu_err nothing_to_read(struct ak_tcb *t) {
    if (t->flags & AK_F_FIN_RECEIVED) return AKSU_ERR_END;
    if (t->state == AK_TCP_CLOSED) return reason_error(t);
    ak_sock_unseen(&t->sock, AKSU_EV_READABLE);
    return AKSU_ERR_AGAIN;
}

static void consumed(struct ak_core *core, struct ak_tcb *t, uint32_t bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    x->read = ak_seq_add(x->read, bytes);
    ak_stream_trim(&x->receive, &core->blocks, x->read);
    if ((t->flags & AK_F_URGENT_RECEIVED) && ak_seq_ge(x->read, t->rcv.up)) ak_flags_clear(t, AK_F_URGENT_RECEIVED);
    ak_tcp_trace_call(core, &t->tuple, AKSU_CALL_RECV, bytes, AKSU_OK);
    if (t->state == AK_TCP_CLOSED || t->state == AK_TCP_TIME_WAIT) return;
    if (!ak_memory_may_widen(core)) ak_memory_relieve(core);
    ak_tcp_window_opened(core, t);
    ak_transfer_idle_soon(core, t);
}

aksu_err aksu_tcp_recv(aksu_stack *stack, aksu_sock sock, void *buf, size_t cap, size_t *ret_bytes) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_tcb *t = NULL;
    aksu_err err = find(core, sock, &t);
    if (err != AKSU_OK) return err;
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x != NULL && x->peeked_bytes > 0) return AKSU_ERR_INVALID;
    uint32_t readable = readable_bytes(core, t);
    if (x == NULL || readable == 0) return nothing_to_read(t);
    uint32_t wanted = (uint32_t)ak_min_u64(readable, cap);
    uint32_t done = 0;
    while (done < wanted) {
        uint32_t room, block;
        const uint8_t *from = ak_stream_at(&x->receive, &core->blocks, ak_seq_add(x->read, done), &room, &block);
        uint32_t bytes = ak_min_u32(room, wanted - done);
        ak_copy((uint8_t *)buf + done, from, bytes);
        done += bytes;
    }
    consumed(core, t, done);
    *ret_bytes = done;
    return AKSU_OK;
}

aksu_err aksu_tcp_recv_peek(aksu_stack *stack, aksu_sock sock, aksu_iov *ret_iov, uint32_t iov_cap,
                            uint32_t *ret_iov_count) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_tcb *t = NULL;
    aksu_err err = find(core, sock, &t);
    if (err != AKSU_OK) return err;
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t readable = readable_bytes(core, t);
    if (x == NULL || readable == 0) return nothing_to_read(t);
    uint32_t done = 0;
    uint32_t count = 0;
    while (done < readable && count < iov_cap) {
        uint32_t room, block;
        const uint8_t *from = ak_stream_at(&x->receive, &core->blocks, ak_seq_add(x->read, done), &room, &block);
        ret_iov[count] = (aksu_iov){.base = (void *)(uintptr_t)from, .bytes = ak_min_u32(room, readable - done)};
        done += (uint32_t)ret_iov[count].bytes;
        count++;
    }
    x->peeked_bytes = done;
    *ret_iov_count = count;
    return AKSU_OK;
}

aksu_err aksu_tcp_recv_consume(aksu_stack *stack, aksu_sock sock, size_t bytes) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_tcb *t = NULL;
    aksu_err err = find(core, sock, &t);
    if (err != AKSU_OK) return err;
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL || bytes > x->peeked_bytes) return AKSU_ERR_INVALID;
    x->peeked_bytes = 0;
    if (bytes > 0) consumed(core, t, (uint32_t)bytes);
    ak_transfer_over(core, t);
    return AKSU_OK;
}

/* ---------------------------------------------------------------- levels */

static uint32_t connection_levels(const struct ak_core *core, const struct ak_tcb *t) {
    uint32_t bits = 0;
    const struct ak_transfer *x = ak_transfer_of(core, t);
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    uint32_t readable = readable_bytes(core, t);
    bool end = (t->flags & AK_F_FIN_RECEIVED) != 0;
    if (ak_tcp_worth_reading(core, t, readable) || end) bits |= AKSU_EV_READABLE;
    if (end) bits |= AKSU_EV_PEER_CLOSED;
    if (t->state >= AK_TCP_ESTABLISHED) bits |= AKSU_EV_CONNECTED;
    uint64_t free_bytes = x == NULL ? UINT64_MAX : room_bytes(core, t, x);
    bool room = free_bytes >= settings->snd_lowat_bytes || (free_bytes > 0 && queued_bytes(t, x) == 0);
    bool open = t->state == AK_TCP_ESTABLISHED || t->state == AK_TCP_CLOSE_WAIT;
    if (open && room && (t->flags & AK_F_FIN_QUEUED) == 0) bits |= AKSU_EV_WRITABLE;
    if (t->flags & AK_F_URGENT_RECEIVED) bits |= AKSU_EV_URGENT;
    if (t->soft_error != 0) bits |= AKSU_EV_SOFT_ERROR;
    if (t->flags & AK_F_CLOSE_TOLD) bits |= AKSU_EV_CLOSED;
    return bits;
}

uint32_t ak_tcp_levels(const struct ak_core *core, ak_ref ref) {
    if (ak_ref_class(ref) == AK_KIND_TCB) return connection_levels(core, ak_tcb_at(core, ref));
    const struct ak_listener *l = ak_listener_at(core, ref);
    return l->accept_count > 0 || l->deferred_count > 0 ? AKSU_EV_INCOMING : 0;
}
