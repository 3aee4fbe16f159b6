/* What to send next.  Pure: a connection and its surroundings in, a plan out.
 *
 * The order is that of urgency: a SYN, lost bytes, new data with its FIN, a FIN alone, probes, and last an ACK that
 * nothing else has carried. */
#include "tcp/output.h"

static bool may_send_data(const struct ak_tcb *t) {
    switch ((aksu_tcp_state)t->state) {
    case AK_TCP_ESTABLISHED:
    case AK_TCP_CLOSE_WAIT:
    case AK_TCP_FIN_WAIT_1:
    case AK_TCP_CLOSING:
    case AK_TCP_LAST_ACK: return true;
    /* The response may precede the handshake's last segment: RFC 7413 s4.2.2. */
    case AK_TCP_SYN_RECEIVED: return (t->flags & AK_F_FAST_OPEN) != 0;
    case AK_TCP_CLOSED:
    case AK_TCP_LISTEN:
    case AK_TCP_SYN_SENT:
    case AK_TCP_FIN_WAIT_2:
    case AK_TCP_TIME_WAIT:
    case AK_TCP_STATE_COUNT: return false;
    }
    return false;
}

static struct ak_plan plan_syn(const struct ak_tcb *t, const struct ak_plan_env *env) {
    bool carries = env->syn_bytes > 0 && env->x != NULL && env->record_free;
    return (struct ak_plan){
        .kind = AK_PLAN_SYN,
        .seq = t->snd.iss,
        .flags =
            (uint16_t)((t->state == AK_TCP_SYN_SENT ? AKSU_TCP_SYN : AKSU_TCP_SYN | AKSU_TCP_ACK) | env->syn_flags),
        .bytes = carries ? ak_min_u32(env->syn_bytes, ak_seq_bytes(t->snd.nxt, env->x->send_end)) : 0,
        .retransmission = t->retries > 0,
        .cause = t->retries > 0 ? AKSU_SEND_RTO_CAUSE : AKSU_SEND_OPEN_CAUSE,
    };
}

/* Whether the FIN follows the bytes that end here. */
static bool fin_follows(const struct ak_tcb *t, const struct ak_plan_env *env, ak_seq end) {
    return (t->flags & AK_F_FIN_QUEUED) && (env->x == NULL || ak_seq_eq(end, env->x->send_end));
}

/* Whether a segment that begins here is to say where the urgent data ends. */
static bool is_urgent(const struct ak_tcb *t, ak_seq seq) {
    return (t->flags & AK_F_URGENT_SEND) && ak_seq_gt(t->snd.up, seq);
}

/* Lost bytes, as far as the windows allow; the first segment of the flight whatever the congestion window says (RFC
 * 6582 s3.2). */
static bool plan_retransmit(const struct ak_tcb *t, const struct ak_plan_env *env, struct ak_plan *plan) {
    if (env->lost_is_lent) {
        plan->stop = AK_STOP_LENT;
        return false;
    }
    const struct ak_record *r = env->lost;
    if (r == NULL) return false;
    uint32_t in_flight = ak_tcp_in_flight(env->x, t, env->mss_bytes);
    uint32_t room = env->x->cwnd > in_flight ? env->x->cwnd - in_flight : 0;
    bool first = ak_seq_le(r->seq, t->snd.una);
    if (env->paced && !first) {
        plan->stop = AK_STOP_PACE;
        return false;
    }
    if (first) room = ak_max_u32(room, env->mss_bytes);
    if (is_urgent(t, r->seq)) room = ak_min_u32(room, env->mss_bytes); /* never in a super-segment */
    uint32_t bytes = ak_min_u32(ak_min_u32(r->bytes, env->super_bytes), room);
    if (bytes < r->bytes) bytes -= bytes % env->mss_bytes;
    if (bytes == 0) {
        plan->stop = AK_STOP_CWND;
        return false;
    }
    ak_seq end = ak_seq_add(r->seq, bytes);
    /* SHLD-16: only what lies in the window; the persist timer probes a window that has shut (SHLD-17). */
    if (ak_seq_gt(end, ak_seq_add(t->snd.una, t->snd.wnd)) && !(first && t->snd.wnd > 0)) {
        plan->stop = AK_STOP_WINDOW;
        return false;
    }
    plan->kind = AK_PLAN_RETRANSMIT;
    plan->seq = r->seq;
    plan->bytes = bytes;
    plan->record = env->lost_index;
    plan->flags = AKSU_TCP_ACK;
    if (ak_seq_eq(end, env->x->send_end)) plan->flags |= AKSU_TCP_PSH;
    if ((t->flags & AK_F_FIN_SENT) && fin_follows(t, env, end)) plan->flags |= AKSU_TCP_FIN;
    plan->retransmission = true;
    plan->cause = env->x->in_recovery == AK_RECOVERY_RTO ? AKSU_SEND_RTO_CAUSE : AKSU_SEND_FAST_RETRANSMIT_CAUSE;
    return true;
}

/* Whether a segment of less than a full one at the end of the queue may go now: RFC 9293 s3.7.4, and what the
 * application asked for. */
static enum ak_stop tail_stop(const struct ak_tcb *t, const struct ak_plan_env *env) {
    bool pushed = (t->flags & (AK_F_PUSH | AK_F_FIN_QUEUED)) != 0;
    if ((env->settings->cork || (t->flags & AK_F_MORE)) && !pushed) return AK_STOP_CORK;
    if (env->settings->nagle == 0 || pushed) return AK_STOP_EMPTY;
    bool in_flight = !ak_seq_eq(t->snd.una, t->snd.nxt);
    bool waits = in_flight && (env->settings->nagle == 1 || ak_seq_lt(t->snd.una, env->x->small_end));
    return waits ? AK_STOP_NAGLE : AK_STOP_EMPTY;
}

/* How many of the queued bytes may go: RFC 9293 s3.8.6.2.1, with D the queued bytes and U the usable window. */
static uint32_t new_bytes(const struct ak_tcb *t, const struct ak_plan_env *env, enum ak_stop *ret_stop) {
    uint32_t queued = ak_seq_bytes(t->snd.nxt, env->x->send_end);
    uint32_t sent = ak_seq_bytes(t->snd.una, t->snd.nxt);
    uint32_t usable = t->snd.wnd > sent ? t->snd.wnd - sent : 0; /* MUST-34: never below zero */
    uint32_t in_flight = ak_tcp_in_flight(env->x, t, env->mss_bytes);
    uint32_t room = env->x->cwnd > in_flight ? env->x->cwnd - in_flight : 0;
    uint32_t mss = env->mss_bytes;
    uint32_t bytes = ak_min_u32(ak_min_u32(queued, env->super_bytes), ak_min_u32(usable, room));
    uint32_t full = bytes - bytes % mss;
    *ret_stop = AK_STOP_EMPTY;
    if (bytes == queued) { /* the end of the queue is in reach: D <= U */
        enum ak_stop stop = bytes == full ? AK_STOP_EMPTY : tail_stop(t, env);
        if (stop == AK_STOP_EMPTY) return bytes;
        *ret_stop = stop;
        return full;
    }
    if (full > 0) return full;
    if (room < mss && room <= usable) {
        *ret_stop = AK_STOP_CWND;
        return in_flight == 0 ? bytes : 0;
    }
    *ret_stop = AK_STOP_WINDOW;
    /* (3): min(D, U) >= Fs * Max(SND.WND), Fs = 1/2, with nothing on its way. */
    return sent == 0 && bytes > 0 && bytes >= t->snd.max_wnd / 2 ? bytes : 0;
}

/* So many new bytes, in one segment at most. */
static void plan_new(const struct ak_tcb *t, const struct ak_plan_env *env, uint32_t bytes, struct ak_plan *plan) {
    plan->kind = AK_PLAN_DATA;
    plan->seq = t->snd.nxt;
    plan->bytes = bytes;
    plan->flags = AKSU_TCP_ACK;
    plan->cause = AKSU_SEND_DATA_CAUSE;
    ak_seq end = ak_seq_add(plan->seq, bytes);
    if (ak_seq_eq(end, env->x->send_end)) plan->flags |= AKSU_TCP_PSH;
    if (fin_follows(t, env, end)) plan->flags |= AKSU_TCP_FIN;
}

/* A probe of the path MTU waits until the window has room for it (RFC 4821 s7.4).  False: no new data goes before. */
static bool plan_mtu_probe(const struct ak_tcb *t, const struct ak_plan_env *env, struct ak_plan *plan) {
    uint32_t in_flight = ak_tcp_in_flight(env->x, t, env->mss_bytes);
    if (in_flight + env->probe_bytes > env->x->cwnd) {
        plan->stop = AK_STOP_CWND;
        return false;
    }
    plan_new(t, env, env->probe_bytes, plan);
    plan->ect = env->ect;
    plan->mtu_probe = true;
    return true;
}

static bool plan_data(const struct ak_tcb *t, const struct ak_plan_env *env, struct ak_plan *plan) {
    if (env->x == NULL || (t->flags & AK_F_FIN_SENT) || !ak_seq_lt(t->snd.nxt, env->x->send_end)) return false;
    if (!env->record_free) {
        plan->stop = AK_STOP_RECORDS;
        return false;
    }
    if (env->paced) {
        plan->stop = AK_STOP_PACE;
        return false;
    }
    if (env->probe_bytes > 0) return plan_mtu_probe(t, env, plan);
    enum ak_stop stop;
    uint32_t bytes = new_bytes(t, env, &stop);
    bool reduced = env->x->ecn_cwr_due && env->ect;
    if (reduced || is_urgent(t, t->snd.nxt)) bytes = ak_min_u32(bytes, env->mss_bytes); /* never in a super-segment */
    if (bytes == 0) {
        plan->stop = stop;
        return false;
    }
    ak_seq end = ak_seq_add(t->snd.nxt, bytes);
    plan->kind = AK_PLAN_DATA;
    plan->seq = t->snd.nxt;
    plan->bytes = bytes;
    plan->flags = AKSU_TCP_ACK;
    plan->cause = AKSU_SEND_DATA_CAUSE;
    /* MUST-61, SHLD-27: in the last segment of what was to be pushed. */
    bool last = ak_seq_eq(end, env->x->send_end) && (t->flags & (AK_F_MORE | AK_F_PUSH)) != AK_F_MORE;
    if (last || (ak_seq_lt(t->snd.nxt, env->x->push_end) && ak_seq_ge(end, env->x->push_end)))
        plan->flags |= AKSU_TCP_PSH;
    if (reduced) plan->flags |= AKSU_TCP_CWR; /* RFC 3168 s6.1.2 */
    plan->ect = env->ect;
    if (fin_follows(t, env, end)) plan->flags |= AKSU_TCP_FIN;
    return true;
}

/* RFC 5682 s2.1 step 2b: new segments first, and nothing again until the next ACK has told whether that is needed. */
static bool frto_holds(const struct ak_tcb *t, const struct ak_plan_env *env) {
    if (env->x == NULL || env->x->frto != AK_FRTO_NEW) return false;
    if (ak_seq_gt(t->snd.nxt, env->x->recovery_end)) return true; /* they have gone */
    struct ak_plan plan = {.kind = AK_PLAN_NOTHING};
    return plan_data(t, env, &plan);
}

static bool plan_probe_with_new(const struct ak_tcb *t, const struct ak_plan_env *env, struct ak_plan *plan) {
    uint32_t sent = ak_seq_bytes(t->snd.una, t->snd.nxt);
    bool none = (t->flags & AK_F_FIN_SENT) || !ak_seq_lt(t->snd.nxt, env->x->send_end) || t->snd.wnd <= sent;
    if (none || !env->record_free) return false;
    uint32_t bytes = ak_min_u32(ak_seq_bytes(t->snd.nxt, env->x->send_end), env->mss_bytes);
    plan_new(t, env, ak_min_u32(bytes, t->snd.wnd - sent), plan);
    plan->ect = env->ect;
    plan->cause = AKSU_SEND_TAIL_LOSS_PROBE_CAUSE;
    return true;
}

/* RFC 8985 s7.3: new data as far as the peer's window allows, whatever the congestion window says; else the last
 * segment again. */
static bool plan_tail_probe(const struct ak_tcb *t, const struct ak_plan_env *env, struct ak_plan *plan) {
    if ((t->flags & AK_F_TAIL_PROBE_DUE) == 0 || env->tail == NULL) return false;
    if (plan_probe_with_new(t, env, plan)) return true;
    uint32_t bytes = ak_min_u32(env->tail->bytes, env->mss_bytes);
    ak_seq end = ak_seq_add(env->tail->seq, env->tail->bytes);
    plan->kind = AK_PLAN_TAIL_PROBE;
    plan->seq = ak_seq_sub(end, bytes);
    plan->bytes = bytes;
    plan->flags = AKSU_TCP_ACK;
    if (ak_seq_eq(end, env->x->send_end)) plan->flags |= AKSU_TCP_PSH;
    if ((t->flags & AK_F_FIN_SENT) && fin_follows(t, env, end)) plan->flags |= AKSU_TCP_FIN;
    plan->retransmission = true;
    plan->cause = AKSU_SEND_TAIL_LOSS_PROBE_CAUSE;
    return true;
}

static bool plan_fin(const struct ak_tcb *t, const struct ak_plan_env *env, struct ak_plan *plan) {
    bool again = (t->flags & AK_F_FIN_DUE) != 0;
    bool first = (t->flags & (AK_F_FIN_QUEUED | AK_F_FIN_SENT)) == AK_F_FIN_QUEUED && fin_follows(t, env, t->snd.nxt);
    if (!again && !first) return false;
    plan->kind = AK_PLAN_FIN;
    plan->seq = again ? ak_seq_sub(t->snd.nxt, 1) : t->snd.nxt;
    plan->flags = AKSU_TCP_FIN | AKSU_TCP_ACK;
    plan->retransmission = again;
    plan->cause = again ? AKSU_SEND_RTO_CAUSE : AKSU_SEND_FIN_CAUSE;
    return true;
}

/* s3.8.6.2.1 (4): the override of silly-window avoidance: what a window that is open by less than a segment takes. */
static void plan_override(const struct ak_tcb *t, const struct ak_plan_env *env, struct ak_plan *plan) {
    uint32_t queued = ak_seq_bytes(t->snd.nxt, env->x->send_end);
    plan_new(t, env, ak_min_u32(ak_min_u32(queued, t->snd.wnd), env->mss_bytes), plan);
}

/* s3.8.6.1: one byte at the left edge, new or sent before. */
static bool plan_probe(const struct ak_tcb *t, const struct ak_plan_env *env, struct ak_plan *plan) {
    if ((t->flags & AK_F_PROBE_DUE) == 0 || env->x == NULL || !ak_seq_lt(t->snd.una, env->x->send_end)) return false;
    bool again = !ak_seq_eq(t->snd.una, t->snd.nxt);
    if (!again && !env->record_free) return false;
    if (!again && t->snd.wnd > 0) {
        plan_override(t, env, plan);
        return true;
    }
    plan->kind = AK_PLAN_PROBE;
    plan->seq = t->snd.una;
    plan->bytes = 1;
    plan->flags = AKSU_TCP_ACK;
    plan->retransmission = again;
    plan->cause = AKSU_SEND_PROBE_CAUSE;
    return true;
}

static aksu_send_cause ack_cause(const struct ak_tcb *t) {
    if (t->flags & AK_F_CHALLENGE) return AKSU_SEND_CHALLENGE_CAUSE;
    if (t->flags & AK_F_DUPLICATE_ACK) return AKSU_SEND_DUPLICATE_ACK_CAUSE;
    if (t->flags & AK_F_WINDOW_UPDATE) return AKSU_SEND_WINDOW_UPDATE_CAUSE;
    return t->flags & AK_F_ACK_DELAYED ? AKSU_SEND_DELAYED_ACK_CAUSE : AKSU_SEND_ACK_CAUSE;
}

static void plan_ack(const struct ak_tcb *t, struct ak_plan *plan) {
    plan->kind = AK_PLAN_ACK;
    plan->seq = t->snd.nxt;
    plan->flags = AKSU_TCP_ACK;
    plan->cause = ack_cause(t);
}

/* What goes but for a SYN. */
static void plan_segment(const struct ak_tcb *t, const struct ak_plan_env *env, struct ak_plan *plan) {
    if (env->ack_first) {
        plan_ack(t, plan);
        return;
    }
    if (may_send_data(t)) {
        if (plan_probe(t, env, plan)) return;
        bool held = frto_holds(t, env);
        if (!held && plan_retransmit(t, env, plan)) return;
        if (plan->stop == AK_STOP_EMPTY && plan_data(t, env, plan)) return;
        if (!held && plan_tail_probe(t, env, plan)) return;
        if (plan->stop == AK_STOP_EMPTY && plan_fin(t, env, plan)) return;
    }
    if (t->state == AK_TCP_SYN_SENT || t->state == AK_TCP_CLOSED || t->state == AK_TCP_LISTEN) return;
    if (t->flags & AK_F_KEEPALIVE_DUE) {
        plan->kind = AK_PLAN_KEEPALIVE; /* s3.8.4: SEG.SEQ = SND.NXT - 1, no data (SHLD-12) */
        plan->seq = ak_seq_sub(t->snd.nxt, 1);
        plan->flags = AKSU_TCP_ACK;
        plan->cause = AKSU_SEND_KEEPALIVE_CAUSE;
    } else if (t->flags & AK_F_ACK_NOW) {
        plan_ack(t, plan);
    }
}

struct ak_plan ak_tcp_plan(const struct ak_tcb *t, const struct ak_plan_env *env) {
    if (t->flags & AK_F_SYN_DUE) return plan_syn(t, env);
    struct ak_plan plan = {.kind = AK_PLAN_NOTHING, .stop = AK_STOP_EMPTY};
    plan_segment(t, env, &plan);
    /* s3.8.5: every segment until the urgent data is acknowledged: what goes again, and an ACK or probe that tells of
     * what a shut window keeps back (MUST-66 has the peer look). */
    if ((t->flags & AK_F_URGENT_SEND) && ak_seq_gt(t->snd.up, plan.seq)) plan.flags |= AKSU_TCP_URG;
    return plan;
}
