/* Deadlines of a connection: RFC 9293 s3.8.3, s3.8.4, s3.8.6.1, s3.10.8, RFC 6298 s5.
 *
 * Each deadline has its own field; one wheel entry stands for the earliest.  The entry is moved only when a deadline
 * comes before it: one that was cancelled or put off is noticed when the entry fires, and filed again.  So the timer
 * that each ACK restarts costs a store. */
#include "base/check.h"
#include "tcp/fastopen.h"
#include "tcp/tcp.h"

static uint64_t idle_due_us(const struct ak_core *core, uint32_t due) {
    int32_t ahead = (int32_t)(due - ak_idle_clock(core));
    uint64_t base = core->now_us >> 10;
    uint64_t tick = ahead >= 0 ? base + (uint32_t)ahead : base - (uint32_t)-ahead;
    return tick << 10;
}

/* The next tick of the idle clock at which the time is certainly over; never 0. */
static uint32_t idle_due_at(const struct ak_core *core, uint64_t due_us) {
    (void)core;
    uint32_t due = (uint32_t)((due_us + 1023) >> 10);
    return due == 0 ? 1 : due;
}

/* Where a busy connection's deadline is kept; AK_BUSY_COUNT: it has a field of its own. */
static const uint8_t busy_timer[AKSU_TIMER_COUNT] = {
    [AKSU_TIMER_RETRANSMIT] = AK_BUSY_COUNT,        [AKSU_TIMER_PERSIST] = AK_BUSY_PERSIST,
    [AKSU_TIMER_DELAYED_ACK] = AK_BUSY_DELAYED_ACK, [AKSU_TIMER_KEEPALIVE] = AK_BUSY_COUNT,
    [AKSU_TIMER_USER_TIMEOUT] = AK_BUSY_COUNT,      [AKSU_TIMER_TIME_WAIT] = AK_BUSY_COUNT,
    [AKSU_TIMER_FIN_WAIT_2] = AK_BUSY_COUNT,        [AKSU_TIMER_CORK] = AK_BUSY_CORK,
    [AKSU_TIMER_PACING] = AK_BUSY_PACING,           [AKSU_TIMER_LINGER] = AK_BUSY_COUNT,
    [AKSU_TIMER_SYN_ACK] = AK_BUSY_COUNT,           [AKSU_TIMER_IDLE] = AK_BUSY_IDLE,
    [AKSU_TIMER_REORDERING] = AK_BUSY_REORDERING,   [AKSU_TIMER_TAIL_LOSS_PROBE] = AK_BUSY_TAIL_LOSS_PROBE,
};

static bool keepalive_runs(const struct ak_core *core, const struct ak_tcb *t) {
    /* MUST-26: only with nothing unacknowledged. */
    return ak_settings_of(core, &t->sock)->keepalive != 0 && t->state >= AK_TCP_ESTABLISHED &&
           t->state <= AK_TCP_CLOSE_WAIT && ak_seq_eq(t->snd.una, t->snd.nxt);
}

static uint64_t keepalive_due_us(const struct ak_core *core, const struct ak_tcb *t) {
    if (!keepalive_runs(core, t)) return AK_NEVER;
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    if (t->probe_count > 0) return idle_due_us(core, t->last_send + idle_due_at(core, settings->keepalive_interval_us));
    return idle_due_us(core, t->last_receive + idle_due_at(core, settings->keepalive_idle_us));
}

uint64_t ak_tcp_user_timeout_us(const struct ak_core *core, const struct ak_tcb *t) {
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    if (!settings->user_timeout_option || t->peer_user_timeout == 0) return settings->user_timeout_us;
    /* RFC 5482 s3.1: max(ADV_UTO, REMOTE_UTO, L_LIMIT); U_LIMIT is what 16 bits of seconds hold. */
    enum { L_LIMIT_S = 100 };
    uint64_t peer_us = (uint64_t)ak_max_u32(t->peer_user_timeout, L_LIMIT_S) * 1000000;
    return ak_max_u64(settings->user_timeout_us, peer_us);
}

/* From the first transmission of the oldest unacknowledged byte. */
static uint64_t user_timeout_due_us(const struct ak_core *core, const struct ak_tcb *t) {
    uint64_t timeout_us = ak_tcp_user_timeout_us(core, t);
    if (timeout_us == 0 || ak_seq_eq(t->snd.una, t->snd.nxt)) return AK_NEVER;
    const struct ak_transfer *x = ak_transfer_of(core, t);
    uint64_t since_us = x != NULL && x->record_head != AK_NONE ? ak_record_at(core, x->record_head)->first_sent_us
                                                               : idle_due_us(core, t->unacked_since);
    return ak_add_us(since_us, timeout_us);
}

uint64_t ak_tcp_timer_due(const struct ak_core *core, const struct ak_tcb *t, aksu_timer timer) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (busy_timer[timer] != AK_BUSY_COUNT) return x == NULL ? AK_NEVER : x->due_us[busy_timer[timer]];
    if (timer == AKSU_TIMER_RETRANSMIT) return t->rto_due_us;
    if (timer == AKSU_TIMER_KEEPALIVE) return keepalive_due_us(core, t);
    if (timer == AKSU_TIMER_USER_TIMEOUT) return user_timeout_due_us(core, t);
    bool linger = (t->flags & AK_F_LINGER) != 0;
    if (t->life_due == 0 || linger != (timer == AKSU_TIMER_LINGER)) return AK_NEVER;
    return idle_due_us(core, t->life_due);
}

/* In the order of firing at one instant. */
static const aksu_timer timers[] = {
    AKSU_TIMER_USER_TIMEOUT, AKSU_TIMER_REORDERING,  AKSU_TIMER_TAIL_LOSS_PROBE, AKSU_TIMER_RETRANSMIT,
    AKSU_TIMER_PERSIST,      AKSU_TIMER_DELAYED_ACK, AKSU_TIMER_PACING,          AKSU_TIMER_CORK,
    AKSU_TIMER_LINGER,       AKSU_TIMER_FIN_WAIT_2,  AKSU_TIMER_KEEPALIVE,       AKSU_TIMER_IDLE,
};
#define TIMER_COUNT (sizeof timers / sizeof timers[0])

uint64_t ak_tcp_timer_next(const struct ak_core *core, const struct ak_tcb *t, aksu_timer *ret_timer) {
    uint64_t first_us = AK_NEVER;
    for (uint32_t i = 0; i < TIMER_COUNT; i++) {
        uint64_t due_us = ak_tcp_timer_due(core, t, timers[i]);
        if (due_us >= first_us) continue;
        first_us = due_us;
        *ret_timer = timers[i];
    }
    return first_us;
}

static void file_no_later(struct ak_core *core, struct ak_tcb *t, uint64_t due_us) {
    if (due_us == AK_NEVER) return;
    if (ak_wheel_armed(&t->timer) && ak_wheel_due_us(&core->wheel, &t->timer) <= due_us + AK_WHEEL_TICK_US - 1) return;
    ak_wheel_arm(&core->wheel, ak_tcb_ref(core, t), due_us);
}

void ak_tcp_timer_set(struct ak_core *core, struct ak_tcb *t, aksu_timer timer, uint64_t due_us) {
    ak_tcp_trace_timer(core, &t->tuple, timer, AKSU_TIMER_WAS_SET, due_us);
    if (busy_timer[timer] != AK_BUSY_COUNT) {
        ak_transfer_of(core, t)->due_us[busy_timer[timer]] = due_us;
    } else if (timer == AKSU_TIMER_RETRANSMIT) {
        t->rto_due_us = due_us;
    } else {
        ak_check(timer == AKSU_TIMER_LINGER || timer == AKSU_TIMER_FIN_WAIT_2);
        t->life_due = idle_due_at(core, due_us);
        due_us = ak_tcp_timer_due(core, t, timer);
    }
    file_no_later(core, t, due_us);
}

void ak_tcp_timer_cancel(struct ak_core *core, struct ak_tcb *t, aksu_timer timer) {
    if (ak_tcp_timer_due(core, t, timer) == AK_NEVER) return;
    if (busy_timer[timer] != AK_BUSY_COUNT)
        ak_transfer_of(core, t)->due_us[busy_timer[timer]] = AK_NEVER;
    else if (timer == AKSU_TIMER_RETRANSMIT)
        t->rto_due_us = AK_NEVER;
    else
        t->life_due = 0;
    ak_tcp_trace_timer(core, &t->tuple, timer, AKSU_TIMER_WAS_CANCELLED, 0);
}

/* When the first of all timers is due, as ak_tcp_timer_next but without asking which: this runs for each segment. */
static uint64_t first_due_us(const struct ak_core *core, const struct ak_tcb *t) {
    uint64_t first_us = ak_min_u64(t->rto_due_us, user_timeout_due_us(core, t));
    first_us = ak_min_u64(first_us, keepalive_due_us(core, t));
    if (t->life_due != 0) first_us = ak_min_u64(first_us, idle_due_us(core, t->life_due));
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return first_us;
    for (uint32_t i = 0; i < AK_BUSY_COUNT; i++) first_us = ak_min_u64(first_us, x->due_us[i]);
    return first_us;
}

void ak_tcp_timer_file(struct ak_core *core, struct ak_tcb *t) {
    file_no_later(core, t, first_due_us(core, t));
}

/* ---------------------------------------------------------------- firing */

/* R1 and R2, MUST-20: doubt the path, then give up.  True: given up, t is gone. */
static bool give_up(struct ak_core *core, struct ak_tcb *t, uint64_t retries_max) {
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    bool by_time = t->state >= AK_TCP_ESTABLISHED && ak_tcp_user_timeout_us(core, t) != 0; /* R2 is a time then */
    if (t->flags & AK_F_ORPHAN)
        retries_max = ak_min_u64(retries_max, settings->orphan_retries);
    else if (by_time)
        retries_max = UINT64_MAX;
    if (t->retries >= retries_max) {
        if (t->state != AK_TCP_SYN_SENT) ak_tcp_send_reset(core, t);
        ak_tcp_end(core, t, AKSU_REASON_TIMED_OUT, AKSU_STATE_BY_TIMER);
        return true;
    }
    if (t->retries < UINT8_MAX) t->retries++;
    if (t->retries == settings->r1_retries) {
        core->host.ops->doubt(core, t->link, &t->tuple.remote); /* MUST-20 (a): delivery advice to IP */
        ak_tcp_soft_error(core, t, AKSU_REASON_RETRANSMITTING); /* SHLD-9 */
    }
    return false;
}

/* RFC 6298 s5.4-5.6. */
static bool retransmit_fire(struct ak_core *core, struct ak_tcb *t) {
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    if (ak_tlp_instead(core, t)) return false;
    t->rto_due_us = AK_NEVER;
    core->counters.rto_fired++;
    if (t->state == AK_TCP_SYN_SENT || t->state == AK_TCP_SYN_RECEIVED) { /* MUST-22, MUST-23 */
        bool passive = (t->flags & AK_F_ACTIVE) == 0;
        if (give_up(core, t, passive ? settings->syn_ack_retries : settings->syn_retries)) return true;
        t->flags |= AK_F_SYN_DUE | AK_F_SYN_RETRANSMITTED;
        if (!passive) ak_fast_open_lost(core, t); /* RFC 7413 s4.1.3.1: the next SYN goes without */
    } else {
        if (give_up(core, t, settings->r2_retries)) return true;
        struct ak_transfer *x = ak_transfer_of(core, t);
        if (x != NULL && x->record_head != AK_NONE) {
            ak_tcp_rto_losses(core, t);
            x->tally.timeouts++;
            if (x->rto_backoff < 20) x->rto_backoff++;
        } else {
            t->flags |= AK_F_FIN_DUE;
            if (x != NULL && x->rto_backoff < 20) x->rto_backoff++;
        }
    }
    ak_tcp_rto_restart(core, t);
    ak_tcp_want_output(core, t);
    return false;
}

/* s3.8.6.1: probe, and again after twice the time (SHLD-30); a peer that answers keeps the connection (MUST-37). */
static bool persist_fire(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (ak_memory_evicts(core, x)) {
        core->counters.tcp_evicted++;
        ak_tcp_send_reset(core, t);
        ak_tcp_end(core, t, AKSU_REASON_EVICTED, AKSU_STATE_BY_TIMER);
        return true;
    }
    /* MUST-37 keeps the connection only while probes are acknowledged (ack.c starts the count anew). */
    if (give_up(core, t, ak_settings_of(core, &t->sock)->r2_retries)) return true;
    x->due_us[AK_BUSY_PERSIST] = AK_NEVER;
    core->counters.persist_probes++;
    t->flags |= AK_F_PROBE_DUE;
    if (x->rto_backoff < 20) x->rto_backoff++;
    ak_tcp_timer_set(core, t, AKSU_TIMER_PERSIST, ak_add_us(core->now_us, ak_tcp_rto_backed_off_us(core, t)));
    ak_tcp_want_output(core, t);
    return false;
}

void ak_tcp_persist_over(struct ak_core *core, struct ak_tcb *t) {
    ak_tcp_timer_cancel(core, t, AKSU_TIMER_PERSIST);
    ak_transfer_of(core, t)->rto_backoff = 0;
}

/* s3.8.4: a peer that answers none of several probes is dead (MUST-29). */
static bool keepalive_fire(struct ak_core *core, struct ak_tcb *t) {
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    if (t->probe_count >= settings->keepalive_count) {
        ak_tcp_send_reset(core, t);
        ak_tcp_end(core, t, AKSU_REASON_KEEPALIVE, AKSU_STATE_BY_TIMER);
        return true;
    }
    t->probe_count++;
    t->last_send = ak_idle_clock(core); /* the next one counts from here, also if this cannot go now */
    core->counters.keepalive_probes++;
    t->flags |= AK_F_KEEPALIVE_DUE;
    ak_tcp_want_output(core, t);
    return false;
}

/* The transfer goes back when nothing needs it any more. */
static void idle_fire(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    x->due_us[AK_BUSY_IDLE] = AK_NEVER;
    ak_transfer_idle_fire(core, t);
}

/* True: t is gone. */
static bool fire_one(struct ak_core *core, struct ak_tcb *t, aksu_timer timer) {
    ak_tcp_trace_timer(core, &t->tuple, timer, AKSU_TIMER_WAS_FIRED, 0);
    if (timer == AKSU_TIMER_RETRANSMIT) return retransmit_fire(core, t);
    if (timer == AKSU_TIMER_KEEPALIVE) return keepalive_fire(core, t);
    if (timer == AKSU_TIMER_USER_TIMEOUT) { /* s3.10.8 */
        if (t->state != AK_TCP_SYN_SENT) ak_tcp_send_reset(core, t);
        ak_tcp_end(core, t, AKSU_REASON_USER_TIMEOUT, AKSU_STATE_BY_TIMER);
        return true;
    }
    if (timer == AKSU_TIMER_LINGER || timer == AKSU_TIMER_FIN_WAIT_2) {
        /* An orphan's end: with bytes unacknowledged the peer must learn that they are lost; in FIN-WAIT-2 a later FIN
         * draws a reset. */
        if (t->flags & AK_F_LINGER) ak_tcp_send_reset(core, t);
        ak_tcp_end(core, t, AKSU_REASON_TIMED_OUT, AKSU_STATE_BY_TIMER);
        return true;
    }
    if (timer == AKSU_TIMER_PERSIST) return persist_fire(core, t);
    if (timer == AKSU_TIMER_IDLE) {
        idle_fire(core, t);
    } else {
        ak_transfer_of(core, t)->due_us[busy_timer[timer]] = AK_NEVER;
        if (timer == AKSU_TIMER_DELAYED_ACK) t->flags |= AK_F_ACK_NOW;
        if (timer == AKSU_TIMER_CORK) t->flags |= AK_F_PUSH;
        if (timer == AKSU_TIMER_REORDERING) ak_rack_fire(core, t);
        if (timer == AKSU_TIMER_TAIL_LOSS_PROBE) ak_tlp_fire(core, t);
        ak_tcp_want_output(core, t);
    }
    return false;
}

void ak_tcp_timer_fire(struct ak_core *core, struct ak_tcb *t) {
    for (uint32_t i = 0; i < TIMER_COUNT; i++) {
        if (ak_tcp_timer_due(core, t, timers[i]) > core->now_us) continue;
        if (fire_one(core, t, timers[i])) return;
    }
    ak_tcp_timer_file(core, t);
}
