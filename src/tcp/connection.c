/* The life of a control block: made, given and relieved of a transfer, ended, released.
 *
 * Two parties hold a block: the connection itself, until it is CLOSED, and the application, until it releases the
 * socket.  The block is freed when neither does.  AK_F_ORPHAN says that the application has gone (or never came: not
 * accepted yet is AK_F_UNACCEPTED). */
#include "base/check.h"
#include "tcp/accecn.h"
#include "tcp/cc.h"
#include "tcp/fastopen.h"
#include "tcp/loss.h"

struct ak_tcb *ak_tcb_new(struct ak_core *core, const struct ak_tuple *tuple, uint32_t settings, uint64_t user) {
    uint32_t index = ak_object_get(core, AK_KIND_TCB);
    if (index == AK_NONE) return NULL;
    struct ak_tcb *t = ak_object(core, AK_KIND_TCB, index);
    uint32_t generation = t->sock.generation;
    *t = (struct ak_tcb){
        .sock.generation = generation,
        .flags = AK_F_LIVE,
        .tuple = *tuple,
        .transfer = AK_NONE,
        .listener = AK_NONE,
        .accecn = AK_NONE,
        .rto_due_us = AK_NEVER,
        .ts_offset = ak_tcp_timestamp_offset(core, tuple),
        .last_receive = ak_idle_clock(core),
    };
    ak_sock_open(core, &t->sock, (uint16_t)settings, user);
    ak_wheel_node_init(&t->timer);
    ak_link_init(&t->output);
    ak_ref ref = ak_ref_of(AK_KIND_TCB, index);
    ak_table_insert(&core->flows, ref, ak_tuple_hash(core, tuple), ak_ref_hash, core);
    return t;
}

void ak_tcp_leave_output(struct ak_core *core, struct ak_tcb *t) {
    if (!ak_link_linked(&t->output)) return;
    if (t->snd.parked)
        ak_unpark(core, ak_tcb_ref(core, t));
    else
        ak_list_remove(&core->output, &core->output_lens, ak_tcb_ref(core, t));
    t->snd.parked = false;
    ak_link_init(&t->output);
}

void ak_tcp_hop_progress(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (ak_seq_eq(x->hop.una, t->snd.una) && ak_seq_eq(x->hop.nxt, t->rcv.nxt)) return;
    uint64_t ago_us = (uint64_t)(ak_idle_clock(core) - t->last_receive) << 10;
    if (ago_us <= core->now_us) core->host.ops->progress(core, &x->hop.note, core->now_us - ago_us);
    x->hop.una = t->snd.una;
    x->hop.nxt = t->rcv.nxt;
}

void ak_tcp_park(struct ak_core *core, struct ak_tcb *t, ak_ref neighbour) {
    ak_tcp_leave_output(core, t);
    ak_park(core, neighbour, ak_tcb_ref(core, t));
    t->snd.parked = true;
}

void ak_tcp_hop_ready(struct ak_core *core, ak_ref connection) {
    struct ak_tcb *t = ak_tcb_at(core, connection);
    ak_tcp_leave_output(core, t);
    ak_tcp_want_output(core, t);
}

/* What goes now is lost, as it would be behind a router that finds nobody: the timers see to it (RFC 1122 s2.4: told as
 * an unreachable host would be). */
void ak_tcp_hop_failed(struct ak_core *core, ak_ref connection) {
    struct ak_tcb *t = ak_tcb_at(core, connection);
    ak_tcp_leave_output(core, t);
    ak_tcp_want_output(core, t);
    ak_tcp_soft_error(core, t, AKSU_REASON_HOST_UNREACHABLE);
}

void ak_tcb_free(struct ak_core *core, struct ak_tcb *t) {
    ak_ref ref = ak_tcb_ref(core, t);
    if (t->transfer != AK_NONE) ak_transfer_return(core, t);
    if (t->accecn != AK_NONE) ak_accecn_end(core, t);
    ak_tcp_leave_output(core, t);
    if (ak_wheel_armed(&t->timer)) ak_wheel_disarm(&core->wheel, ref);
    if ((t->sock.generation & 1) != 0) ak_sock_release(core, &t->sock, ref);
    ak_settings_drop(core, t->sock.settings);
    t->flags = 0;
    ak_pool_put(&core->pool[AK_KIND_TCB], ak_ref_index(ref));
}

/* ---------------------------------------------------------------- transfer */

uint32_t ak_tcp_initial_window(const struct ak_core *core, const struct ak_tcb *t) {
    /* RFC 6928 s2: min(10 MSS, max(2 MSS, 14600)), the count being a setting. */
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    uint32_t segments = (uint32_t)ak_settings_of(core, &t->sock)->initial_cwnd_segments;
    return ak_min_u32(segments * mss, ak_max_u32(2 * mss, segments * 1460));
}

/* RFC 5681 s4.1: after an idle time of more than an RTO the window is at most the initial one. */
uint32_t ak_tcp_resumed_window(const struct ak_core *core, const struct ak_tcb *t) {
    uint32_t initial = ak_tcp_initial_window(core, t);
    if (t->cwnd == 0) return initial;
    if (ak_cc_of(core, t)->model != NULL) return t->cwnd;
    uint64_t idle_us = (uint64_t)(ak_idle_clock(core) - t->last_send) << 10;
    return idle_us > ak_tcp_rto_us(core, t) ? ak_min_u32(t->cwnd, initial) : t->cwnd;
}

struct ak_transfer *ak_transfer_need(struct ak_core *core, struct ak_tcb *t) {
    if (t->transfer != AK_NONE) return ak_transfer_of(core, t);
    uint32_t index = ak_object_get(core, AK_KIND_TRANSFER);
    if (index == AK_NONE) return NULL;
    t->transfer = index;
    struct ak_transfer *x = ak_object(core, AK_KIND_TRANSFER, index);
    uint32_t fin = (t->flags & AK_F_FIN_RECEIVED) ? 1 : 0; /* counted in RCV.NXT, never read */
    ak_seq send_end = ak_seq_sub(t->snd.nxt, (t->flags & AK_F_FIN_SENT) ? 1 : 0);
    *x = (struct ak_transfer){
        .send_end = send_end,
        .push_end = send_end,
        .small_end = t->snd.una,
        .read = ak_seq_sub(t->rcv.nxt, fin),
        .record_head = AK_NONE,
        .record_tail = AK_NONE,
        .sent = {.head = AK_NONE, .tail = AK_NONE},
        .lost = {.head = AK_NONE, .tail = AK_NONE},
        .starving = {.next = AK_NONE, .prev = AK_NONE},
        .holding = {.next = AK_NONE, .prev = AK_NONE},
        .recovery_end = t->snd.una,
        .limited_end = t->snd.una,
        .cwv = {.round_end = t->snd.una, .unused_since_us = AK_NEVER},
        .ecn_end = t->snd.una,
        .cwnd = ak_tcp_resumed_window(core, t),
        .ssthresh = t->ssthresh ? t->ssthresh : UINT32_MAX,
    };
    uint64_t idle_us = (uint64_t)(ak_idle_clock(core) - t->last_send) << 10;
    ak_rack_begin(x, idle_us);
    ak_stream_init(&x->send, &core->blocks, x->send_end);
    ak_stream_init(&x->receive, &core->blocks, x->read);
    for (int i = 0; i < AK_BUSY_COUNT; i++) x->due_us[i] = AK_NEVER;
    x->pace_free_bytes = ak_tcp_initial_window(core, t);
    ak_cc_begin(core, t);
    ak_tune_begin(core, t);
    ak_plpmtud_begin(core, t);
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_INIT);
    return x;
}

/* One taken for bytes queued before the peer's numbers and MSS were known. */
void ak_transfer_synchronized(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    x->read = x->tune.taken = t->rcv.nxt;
    ak_stream_init(&x->receive, &core->blocks, x->read);
    x->cwnd = ak_tcp_initial_window(core, t);
    x->pace_free_bytes = x->cwnd;
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_INIT);
}

bool ak_transfer_idle(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return true;
    bool fin_waits = (t->flags & AK_F_FIN_RECEIVED) != 0;
    ak_seq unread_end = fin_waits ? ak_seq_sub(t->rcv.nxt, 1) : t->rcv.nxt;
    return x->record_head == AK_NONE && ak_seq_le(x->send_end, t->snd.una) && ak_seq_eq(x->read, unread_end) &&
           x->ranges.count == 0 && x->reserved_bytes == 0 && x->peeked_bytes == 0 && !ak_memory_waits(x) &&
           (t->flags & AK_F_PEER_FIN_HELD) == 0;
}

static uint64_t idle_us(const struct ak_core *core, const struct ak_tcb *t) {
    return ak_max_u64(1000000, ak_tcp_rto_us(core, t));
}

void ak_transfer_idle_soon(struct ak_core *core, struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL || !ak_transfer_idle(core, t) || x->due_us[AK_BUSY_IDLE] != AK_NEVER) return;
    ak_tcp_timer_set(core, t, AKSU_TIMER_IDLE, core->now_us + idle_us(core, t));
}

void ak_transfer_idle_fire(struct ak_core *core, struct ak_tcb *t) {
    if (!ak_transfer_idle(core, t)) return;
    uint64_t wait_us = idle_us(core, t);
    uint64_t quiet_us = (uint64_t)(ak_idle_clock(core) - t->last_receive) << 10;
    if (t->flags & AK_F_ACK_DELAYED) quiet_us = 0;
    if (quiet_us < wait_us) /* idle for the moment: all that has come was read at once */
        ak_tcp_timer_set(core, t, AKSU_TIMER_IDLE, core->now_us + wait_us - quiet_us);
    else
        ak_transfer_return(core, t);
}

void ak_transfer_return(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->hop.note.generation != 0) ak_tcp_hop_progress(core, t);
    ak_memory_leave(core, t);
    ak_cc_end(core, t);
    ak_tune_end(core, x);
    ak_tcp_flight_clear(core, x);
    ak_stream_clear(&x->send, &core->blocks);
    ak_stream_clear(&x->receive, &core->blocks);
    ak_memory_ranges_end(core, t);
    ak_pool_put(&core->pool[AK_KIND_TRANSFER], t->transfer);
    t->transfer = AK_NONE;
}

/* What arrived in order before an orderly end may still be read; a reset takes it (s3.10.7.4, second), all but what is
 * lent to the application. */
void ak_transfer_over(struct ak_core *core, struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    bool over = (t->state == AK_TCP_CLOSED || t->state == AK_TCP_LISTEN) && t->reason != AKSU_REASON_CLOSED;
    if (over && x->peeked_bytes == 0 && x->reserved_bytes == 0) ak_transfer_return(core, t);
}

/* ---------------------------------------------------------------- telling */

void ak_tcp_tell(struct ak_core *core, struct ak_tcb *t, uint8_t bits) {
    if (t->flags & (AK_F_ORPHAN | AK_F_UNACCEPTED)) return;
    ak_sock_tell(core, &t->sock, ak_tcb_ref(core, t), bits);
}

void ak_tcp_soft_error(struct ak_core *core, struct ak_tcb *t, aksu_reason reason) {
    t->soft_error = (uint8_t)reason;
    if (!ak_settings_of(core, &t->sock)->soft_errors) return; /* SHLD-20 */
    ak_sock_unseen(&t->sock, AKSU_EV_SOFT_ERROR);
    ak_tcp_tell(core, t, AKSU_EV_SOFT_ERROR);
}

void ak_tcp_want_output(struct ak_core *core, struct ak_tcb *t) {
    if (!ak_link_linked(&t->output)) ak_list_push_back(&core->output, &core->output_lens, ak_tcb_ref(core, t));
}

void ak_tcp_ack_now(struct ak_core *core, struct ak_tcb *t, uint32_t why_flags) {
    t->flags |= AK_F_ACK_NOW | why_flags;
    ak_tcp_want_output(core, t);
}

/* RFC 5961 s7, as a budget of the connection's own: nothing of it can be read from another connection (CVE-2016-5696).
 * It also ends every loop of two ends that answer each other (RFC 5961 s10, ACK storms). */
bool ak_tcp_challenge(struct ak_core *core, struct ak_tcb *t, uint32_t why_flags) {
    enum { CHALLENGES_PER_PERIOD = 8, PERIOD_SHIFT = 19 /* 2^19 us: half a second */ };
    uint16_t period = (uint16_t)(core->now_us >> PERIOD_SHIFT);
    if (t->challenge_period != period) {
        t->challenge_period = period;
        t->challenge_count = 0;
    }
    if (t->challenge_count >= CHALLENGES_PER_PERIOD) return false;
    t->challenge_count++;
    ak_tcp_ack_now(core, t, why_flags);
    return true;
}

/* ---------------------------------------------------------------- the end */

/* Off its listener's accept queue. */
static void leave_accept_queue(struct ak_core *core, struct ak_tcb *t) {
    struct ak_listener *l = ak_listener_at(core, t->listener);
    ak_list_remove(&l->accept, &core->ready_lens, ak_tcb_ref(core, t));
    ak_link_init(&t->sock.ready);
    l->accept_count--;
    ak_flags_clear(t, AK_F_UNACCEPTED);
}

void ak_tcp_end(struct ak_core *core, struct ak_tcb *t, aksu_reason reason, aksu_state_cause cause) {
    bool was_over = (t->flags & AK_F_CLOSE_TOLD) != 0;
    ak_ref ref = ak_tcb_ref(core, t);
    if (!was_over) t->reason = (uint8_t)reason;
    aksu_tcp_state to = AK_TCP_CLOSED;
    /* The passive OPEN goes on waiting: RFC 9293 s3.10.7.4, Figure 5 note 1. */
    if (t->state == AK_TCP_SYN_RECEIVED && (t->flags & AK_F_RETURN_LISTEN)) to = AK_TCP_LISTEN;
    ak_tcp_set_state(core, t, to, cause);
    ak_table_remove(&core->flows, ref, ak_tuple_hash(core, &t->tuple));
    ak_tcp_leave_output(core, t);
    if (ak_wheel_armed(&t->timer)) ak_wheel_disarm(&core->wheel, ref);
    ak_fast_open_settled(core, t, reason);
    if (t->flags & AK_F_UNACCEPTED) {
        leave_accept_queue(core, t);
        t->flags |= AK_F_ORPHAN;
    }
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x != NULL) {
        ak_memory_leave(core, t);
        ak_tcp_flight_clear(core, x);
        ak_transfer_over(core, t);
    }
    if (t->flags & AK_F_ORPHAN) {
        ak_tcb_free(core, t);
        return;
    }
    if (!was_over) {
        t->flags |= AK_F_CLOSE_TOLD;
        ak_tcp_tell(core, t, AKSU_EV_CLOSED);
    }
}

void ak_tcp_release(struct ak_core *core, struct ak_tcb *t) {
    ak_ref ref = ak_tcb_ref(core, t);
    if (t->state == AK_TCP_CLOSED || t->state == AK_TCP_LISTEN) {
        ak_tcb_free(core, t);
        return;
    }
    ak_sock_release(core, &t->sock, ref);
    t->flags |= AK_F_ORPHAN;
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    x->peeked_bytes = 0;
    x->reserved_bytes = 0;
    ak_stream_cut(&x->send, &core->blocks, x->send_end);
}
