/* STATUS: RFC 9293 s3.10.6.  Everything the stack has, as one kind of record. */
#include "tcp/accecn.h"
#include "tcp/rate.h"

static void set_timer(aksu_tcp_info *info, uint64_t now_us, uint64_t due_us, aksu_timer timer) {
    static const char *const name[] = {
#define AKSU_X(id, text) [AKSU_TIMER_##id] = text,
        AKSU_TIMERS(AKSU_X)
#undef AKSU_X
    };
    info->timer_us = due_us == AK_NEVER ? AK_NEVER : due_us > now_us ? due_us - now_us : 0;
    if (due_us == AK_NEVER) return;
    uint32_t i = 0;
    for (; i + 1 < sizeof info->timer && name[timer][i] != '\0'; i++) info->timer[i] = name[timer][i];
    info->timer[i] = '\0';
}

static void set_tuple(aksu_tcp_info *info, const struct ak_tuple *tuple, uint16_t link) {
    info->local = (aksu_endpoint){.addr = tuple->local, .port = tuple->local_port, .link = link};
    info->remote = (aksu_endpoint){.addr = tuple->remote, .port = tuple->remote_port, .link = link};
}

/* Payload either way since the start, from the sequence numbers: SYN and FIN are not of it. */
static void byte_info(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_info *info) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t fin = (t->flags & AK_F_FIN_RECEIVED) ? 1 : 0;
    uint32_t fin_acked = (t->flags & AK_F_FIN_ACKED) ? 1 : 0;
    uint32_t fin_sent = (t->flags & AK_F_FIN_SENT) ? 1 : 0;
    if (t->una_wraps > 0 || !ak_seq_eq(t->snd.una, t->snd.iss)) { /* our SYN is acknowledged */
        info->bytes_acked = ((uint64_t)t->una_wraps << 32) + ak_seq_bytes(t->snd.iss, t->snd.una) - 1 - fin_acked;
        info->bytes_sent = info->bytes_acked + ak_seq_bytes(t->snd.una, t->snd.nxt) - (fin_sent - fin_acked);
        info->bytes_received = ((uint64_t)t->rcv_wraps << 32) + ak_seq_bytes(t->rcv.irs, t->rcv.nxt) - 1 - fin;
    }
    ak_seq read = x != NULL ? x->read : t->rcv.nxt;
    if (t->flags & AK_F_URGENT_RECEIVED) info->urgent_bytes = ak_seq_bytes(read, t->rcv.up);
}

static void cc_info(const struct ak_core *core, const struct ak_transfer *x, aksu_tcp_info *info) {
    const struct ak_rate *c = ak_rate_of(core, x);
    if (c != NULL) {
        info->cc_mode = (aksu_cc_mode)c->bbr.mode;
        info->bandwidth = c->bbr.bw;
    } else if (x->in_recovery != AK_RECOVERY_NONE) {
        info->cc_mode = AKSU_CC_RECOVERY;
    } else {
        info->cc_mode = x->cwnd < x->ssthresh ? AKSU_CC_SLOW_START : AKSU_CC_AVOIDANCE;
    }
}

static void transfer_info(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_info *info) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t fin = (t->flags & AK_F_FIN_RECEIVED) ? 1 : 0;
    bool synchronized = t->state >= AK_TCP_ESTABLISHED && t->state <= AK_TCP_LAST_ACK;
    info->cwnd_bytes = synchronized ? ak_tcp_resumed_window(core, t) : t->cwnd; /* what the next data will have */
    bool models = ak_cc_of(core, t)->model != NULL;
    info->ssthresh_bytes = models || (synchronized && t->ssthresh == 0) ? UINT32_MAX : t->ssthresh;
    info->rcv_buf_bytes = ak_tcp_rcv_buf(core, t);
    info->snd_buf_bytes = x != NULL ? x->snd_buf_bytes : ak_tcp_snd_buf_start(ak_settings_of(core, &t->sock));
    if (x == NULL) return;
    cc_info(core, x, info);
    info->snd_queued_bytes = ak_seq_lt(t->snd.una, x->send_end) ? ak_seq_bytes(t->snd.una, x->send_end) : 0;
    info->rcv_queued_bytes = ak_seq_bytes(x->read, t->rcv.nxt) - fin;
    info->rcv_out_of_order_bytes = x->out_of_order_bytes;
    info->cwnd_bytes = x->cwnd;
    info->ssthresh_bytes = x->ssthresh;
    info->retransmitted_segments = x->retransmitted_segments;
    info->pacing_rate = ak_pace_rate(core, t);
    info->held_bytes += (uint32_t)sizeof *x + x->record_count * (uint32_t)sizeof(struct ak_record) +
                        (x->send.span_blocks + x->receive.span_blocks) * core->blocks.block_bytes;
}

static void since_info(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_info *info) {
    if (t->state < AK_TCP_ESTABLISHED) return; /* the handshake keeps its time there */
    info->since_sent_us = (uint64_t)(ak_idle_clock(core) - t->last_send) << 10;
    info->since_received_us = (uint64_t)(ak_idle_clock(core) - t->last_receive) << 10;
}

static const struct ak_time_wait *record_of(const struct ak_core *core, const struct ak_tcb *t) {
    ak_ref ref = ak_time_wait_of(core, t);
    return ref != AK_NONE ? ak_time_wait_at(core, ref) : NULL;
}

/* Without the initial values of s3.2.1. */
static void accecn_info(const struct ak_core *core, const struct ak_tcb *t, aksu_accecn_info *info) {
    enum { CEP = 5, E0B = 1, E1B = 1 };
    const struct ak_accecn *a = ak_accecn_agreed(core, t);
    if (a == NULL) return;
    *info = (aksu_accecn_info){
        .agreed = true,
        .ect = ak_ecn_capable(core, t),
        .peer_option = (a->flags & (AK_ACC_PEER_OPTION | AK_ACC_OPTION_IGNORED)) == AK_ACC_PEER_OPTION,
        .received_ce = a->r.cep - CEP,
        .delivered_ce = a->s.cep - CEP,
        .received_e0_bytes = a->r.byte[AKSU_ACCECN_E0B] - E0B,
        .received_e1_bytes = a->r.byte[AKSU_ACCECN_E1B] - E1B,
        .received_ce_bytes = a->r.byte[AKSU_ACCECN_CEB],
        .delivered_e0_bytes = a->s.byte[AKSU_ACCECN_E0B] - E0B,
        .delivered_e1_bytes = a->s.byte[AKSU_ACCECN_E1B] - E1B,
        .delivered_ce_bytes = a->s.byte[AKSU_ACCECN_CEB],
    };
}

static void connection_info(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_info *info) {
    bool over = t->state == AK_TCP_TIME_WAIT && record_of(core, t) == NULL;
    *info = (aksu_tcp_info){
        .state = over ? AK_TCP_CLOSED : (aksu_tcp_state)t->state,
        .reason = (aksu_reason)t->reason,
        .soft_error = (aksu_reason)t->soft_error,
        .user = t->sock.user,
        .snd_una = t->snd.una.n,
        .snd_nxt = t->snd.nxt.n,
        .snd_wnd = t->snd.wnd,
        .rcv_nxt = t->rcv.nxt.n,
        .rcv_wnd = ak_tcp_receive_window(core, t),
        .iss = t->snd.iss.n,
        .irs = t->rcv.irs.n,
        .snd_unacked_bytes = ak_seq_bytes(t->snd.una, t->snd.nxt),
        .rcv_mss = t->rcv.mss,
        .path_mtu = t->path_mtu,
        .srtt_us = t->srtt_us,
        .rttvar_us = t->rttvar_us,
        .rto_us = (uint32_t)ak_tcp_rto_us(core, t),
        .min_rtt_us = t->min_rtt_us,
        .retransmit_count = t->retries,
        .keepalive_probes = t->probe_count,
        .snd_wscale = t->snd.wscale,
        .rcv_wscale = t->rcv.wscale,
        .timestamps = (t->flags & AK_F_TIMESTAMPS) != 0,
        .sack = (t->flags & AK_F_SACK) != 0,
        .ecn = (t->flags & AK_F_ECN) != 0,
        .fast_open = t->fast_open,
        .keepalive = ak_settings_of(core, &t->sock)->keepalive != 0,
        .urgent = (t->flags & AK_F_URGENT_RECEIVED) != 0,
        .held_bytes = sizeof *t,
        .timer_us = AK_NEVER,
    };
    accecn_info(core, t, &info->accecn);
    if (t->accecn != AK_NONE) info->held_bytes += (uint32_t)sizeof(struct ak_accecn);
    ak_tally_info(core, t, &info->transfer);
    if (t->path_mtu != 0) info->snd_mss = ak_tcp_effective_mss(core, t, 0);
    set_tuple(info, &t->tuple, t->link);
    byte_info(core, t, info);
    transfer_info(core, t, info);
    since_info(core, t, info);
    const struct ak_time_wait *record = record_of(core, t);
    if (t->state == AK_TCP_TIME_WAIT) {
        if (record != NULL) set_timer(info, core->now_us, ak_time_wait_due_us(core, record), AKSU_TIMER_TIME_WAIT);
        return;
    }
    aksu_timer timer = AKSU_TIMER_RETRANSMIT;
    uint64_t due_us = t->state == AK_TCP_CLOSED ? AK_NEVER : ak_tcp_timer_next(core, t, &timer);
    set_timer(info, core->now_us, due_us, timer);
}

static void listener_info(const struct ak_core *core, const struct ak_listener *l, aksu_tcp_info *info) {
    (void)core;
    *info = (aksu_tcp_info){
        .state = AK_TCP_LISTEN,
        .user = l->sock.user,
        .backlog = l->backlog,
        .accept_count = l->accept_count,
        .syn_count = l->syn_count,
        .held_bytes = sizeof *l,
        .timer_us = AK_NEVER,
    };
    set_tuple(info, &l->tuple, AKSU_LINK_ANY);
}

static void syn_info(const struct ak_core *core, const struct ak_syn *syn, aksu_tcp_info *info) {
    *info = (aksu_tcp_info){
        .state = AK_TCP_SYN_RECEIVED,
        .iss = syn->iss.n,
        .irs = syn->irs.n,
        .snd_una = syn->iss.n,
        .snd_nxt = syn->iss.n + 1,
        .rcv_nxt = syn->irs.n + 1,
        .retransmit_count = syn->retries,
        .held_bytes = sizeof *syn,
    };
    set_tuple(info, &syn->tuple, syn->link);
    set_timer(info, core->now_us, ak_wheel_due_us(&core->wheel, &syn->timer), AKSU_TIMER_SYN_ACK);
}

static void time_wait_info(const struct ak_core *core, const struct ak_time_wait *record, aksu_tcp_info *info) {
    *info = (aksu_tcp_info){
        .state = AK_TCP_TIME_WAIT,
        .snd_una = record->snd_nxt.n,
        .snd_nxt = record->snd_nxt.n,
        .rcv_nxt = record->rcv_nxt.n,
        .held_bytes = sizeof *record,
    };
    set_tuple(info, &record->tuple, AKSU_LINK_ANY);
    set_timer(info, core->now_us, ak_time_wait_due_us(core, record), AKSU_TIMER_TIME_WAIT);
}

aksu_err aksu_tcp_status(aksu_stack *stack, aksu_sock sock, aksu_tcp_info *ret_info) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    if (ak_sock_find(core, sock, &ref) == NULL) return AKSU_ERR_BADSOCK;
    if (ak_ref_class(ref) == AK_KIND_LISTENER) {
        listener_info(core, ak_listener_at(core, ref), ret_info);
    } else {
        struct ak_tcb *t = ak_tcb_at(core, ref);
        connection_info(core, t, ret_info);
        t->soft_error = AKSU_REASON_NONE;
        ak_sock_unseen(&t->sock, AKSU_EV_SOFT_ERROR);
    }
    ret_info->sock = sock;
    return AKSU_OK;
}

/* One object of a kind, if it is in use and is not shown by another record. */
static bool show(const struct ak_core *core, enum ak_kind kind, uint32_t index, aksu_tcp_info *ret_info) {
    ak_ref ref = ak_ref_of((uint32_t)kind, index);
    if (kind == AK_KIND_TCB) {
        const struct ak_tcb *t = ak_tcb_at(core, ref);
        if ((t->flags & AK_F_LIVE) == 0 || t->state == AK_TCP_TIME_WAIT) return false;
        connection_info(core, t, ret_info);
        if ((t->flags & (AK_F_ORPHAN | AK_F_UNACCEPTED)) == 0) ret_info->sock = ak_sock_handle(&t->sock, ref);
        return true;
    }
    if (kind == AK_KIND_LISTENER) {
        const struct ak_listener *l = ak_listener_at(core, ref);
        if ((l->sock.generation & 1) == 0) return false;
        listener_info(core, l, ret_info);
        ret_info->sock = ak_sock_handle(&l->sock, ref);
        return true;
    }
    if (kind == AK_KIND_SYN) {
        const struct ak_syn *syn = ak_syn_at(core, ref);
        if ((syn->generation & 1) == 0) return false;
        syn_info(core, syn, ret_info);
        return true;
    }
    const struct ak_time_wait *record = ak_time_wait_at(core, ref);
    if (!ak_link_linked(&record->age)) return false;
    time_wait_info(core, record, ret_info);
    return true;
}

bool aksu_tcp_next(aksu_stack *stack, uint64_t *cursor, aksu_tcp_info *ret_info) {
    static const enum ak_kind order[] = {AK_KIND_LISTENER, AK_KIND_SYN, AK_KIND_TCB, AK_KIND_TIME_WAIT};
    const struct ak_core *core = ak_core_of(stack);
    while (*cursor >> 32 < sizeof order / sizeof order[0]) {
        enum ak_kind kind = order[*cursor >> 32];
        uint32_t index = (uint32_t)*cursor;
        if (index >= core->pool[kind].watermark) {
            *cursor = ((*cursor >> 32) + 1) << 32;
            continue;
        }
        ++*cursor;
        if (show(core, kind, index, ret_info)) return true;
    }
    return false;
}
