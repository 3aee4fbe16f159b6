/* TIME-WAIT: RFC 9293 s3.6.1, s3.10.7.4; RFC 1337; RFC 6191.
 *
 * From the moment a connection enters TIME-WAIT the network sees only a record of 64 bytes.  The control block, if the
 * application still holds it, keeps nothing but what is left to read.  2MSL is one per stack, so the records expire in
 * the order in which they were filed; a restart moves one to the end.  When all records are in use the oldest gives way
 * (counted). */
#include "base/check.h"
#include "tcp/accecn.h"
#include "tcp/tcp.h"

#define DUE_MASK      ((1u << AK_TW_ACE_SHIFT) - 1) /* half of it is more than the longest 2MSL */
#define AK_WINDOW_MAX (65535u << 14)                /* RFC 7323 s2.3 */

static uint32_t ticks_of(uint64_t us) {
    return (uint32_t)((us + 1023) >> 10);
}

uint64_t ak_time_wait_due_us(const struct ak_core *core, const struct ak_time_wait *record) {
    uint64_t now_tick = core->now_us >> 10;
    uint32_t ahead = (record->due_flags - (uint32_t)now_tick) & DUE_MASK;
    if (ahead > DUE_MASK / 2) return core->now_us; /* overdue */
    return (now_tick + ahead) << 10;
}

ak_ref ak_time_wait_of(const struct ak_core *core, const struct ak_tcb *t) {
    if (t->state != AK_TCP_TIME_WAIT) return AK_NONE;
    ak_ref ref = ak_flow_find(core, &t->tuple);
    if (ref == AK_NONE || ak_ref_class(ref) != AK_KIND_TIME_WAIT) return AK_NONE;
    const struct ak_time_wait *record = ak_time_wait_at(core, ref); /* of a later incarnation, perhaps */
    bool same = ak_seq_eq(record->snd_nxt, t->snd.nxt) && ak_seq_eq(record->rcv_nxt, t->rcv.nxt);
    return same ? ref : AK_NONE;
}

void ak_time_wait_free(struct ak_core *core, ak_ref ref, aksu_state_cause cause) {
    struct ak_time_wait *record = ak_time_wait_at(core, ref);
    ak_list_remove(&core->time_wait, &core->time_wait_lens, ref);
    if (record->due_flags & AK_TW_SUSPENDED) {
        /* The half-open record of the new incarnation has nothing to return to any more. */
        ak_ref syn = ak_flow_find(core, &record->tuple);
        if (syn != AK_NONE && ak_ref_class(syn) == AK_KIND_SYN) ak_syn_at(core, syn)->time_wait = AK_NONE;
    } else {
        ak_table_remove(&core->flows, ref, ak_tuple_hash(core, &record->tuple));
        ak_tcp_state_changed(core, &record->tuple,
                             &(struct ak_state_change){.from = AK_TCP_TIME_WAIT,
                                                       .to = AK_TCP_CLOSED,
                                                       .cause = cause,
                                                       .record = AKSU_RECORD_TIME_WAIT,
                                                       .reason = AKSU_REASON_CLOSED});
    }
    ak_pool_put(&core->pool[AK_KIND_TIME_WAIT], ak_ref_index(ref));
}

void ak_time_wait_forget(struct ak_core *core, ak_ref ref) {
    ak_check(ak_time_wait_at(core, ref)->due_flags & AK_TW_SUSPENDED);
    ak_list_remove(&core->time_wait, &core->time_wait_lens, ref);
    ak_pool_put(&core->pool[AK_KIND_TIME_WAIT], ak_ref_index(ref));
}

void ak_time_wait_resume(struct ak_core *core, ak_ref ref) {
    struct ak_time_wait *record = ak_time_wait_at(core, ref);
    if ((record->due_flags & AK_TW_SUSPENDED) == 0 || ak_flow_find(core, &record->tuple) != AK_NONE) return;
    record->due_flags &= ~AK_TW_SUSPENDED;
    ak_table_insert(&core->flows, ref, ak_tuple_hash(core, &record->tuple), ak_ref_hash, core);
}

static void set_due(struct ak_core *core, struct ak_time_wait *record, uint64_t due_us) {
    record->due_flags = (record->due_flags & ~DUE_MASK) | (ticks_of(due_us) & DUE_MASK);
    ak_tcp_trace_timer(core, &record->tuple, AKSU_TIMER_TIME_WAIT, AKSU_TIMER_WAS_SET, due_us);
}

/* The record keeps no window.  After the peer's FIN none matters; RCV.WND is taken for 65535, as far as the window
 * scale can say that, in what we announce and in what we accept. */
static uint16_t announced(const struct ak_time_wait *record) {
    return (uint16_t)(65535u >> (record->due_flags >> AK_TW_WSCALE_SHIFT));
}

static uint32_t receive_window(const struct ak_time_wait *record) {
    return (uint32_t)announced(record) << (record->due_flags >> AK_TW_WSCALE_SHIFT);
}

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>.  The record has no room for the connection's TTL and Diffserv: only its first
 * ACK bears them, later ones the stack's. */
static void send_ack(struct ak_core *core, const struct ak_time_wait *record, const aksu_tcp_settings *settings,
                     aksu_send_cause cause) {
    struct ak_path path;
    const aksu_endpoint remote = {.addr = record->tuple.remote, .link = AKSU_LINK_ANY};
    if (core->host.ops->resolve(core, &remote, &record->tuple.local, &path) != AKSU_OK) {
        ak_drop_count(core, AKSU_DROP_NO_ROUTE);
        return;
    }
    struct ak_bare bare = {
        .tuple = record->tuple,
        .link = path.link,
        .ttl = (uint8_t)settings->ttl,
        .tos = (uint8_t)(settings->dscp << 2),
        .cause = cause,
        .header = {.seq = record->snd_nxt,
                   .ack = record->rcv_nxt,
                   .flags = AKSU_TCP_ACK | ak_ace_flags(record->due_flags >> AK_TW_ACE_SHIFT),
                   .wnd = announced(record)},
    };
    if (record->due_flags & AK_TW_TIMESTAMPS) {
        bare.header.options.present = AKSU_OPT_TIMESTAMPS;
        bare.header.options.ts_val = ak_tcp_timestamp(core, ak_tcp_timestamp_offset(core, &record->tuple));
        bare.header.options.ts_ecr = record->ts_recent;
    }
    ak_tcp_send_bare(core, &bare);
}

void ak_time_wait_from(struct ak_core *core, struct ak_tcb *t, uint64_t due_us) {
    ak_check(t->state == AK_TCP_TIME_WAIT);
    uint32_t index = ak_object_get(core, AK_KIND_TIME_WAIT);
    if (index == AK_NONE) {
        core->counters.time_wait_evicted++;
        ak_time_wait_free(core, core->time_wait.head, AKSU_STATE_BY_LIMIT);
        index = ak_object_get(core, AK_KIND_TIME_WAIT);
    }
    ak_ref ref = ak_ref_of(AK_KIND_TIME_WAIT, index);
    struct ak_time_wait *record = ak_time_wait_at(core, ref);
    const struct ak_accecn *accurate = ak_accecn_agreed(core, t);
    uint32_t ace = accurate == NULL ? 0 : accurate->r.cep & 7;
    *record = (struct ak_time_wait){
        .tuple = t->tuple,
        .snd_nxt = t->snd.nxt,
        .rcv_nxt = t->rcv.nxt,
        .ts_recent = t->ts_recent,
        .due_flags = (t->flags & AK_F_TIMESTAMPS ? AK_TW_TIMESTAMPS : 0) | ace << AK_TW_ACE_SHIFT |
                     (uint32_t)t->rcv.wscale << AK_TW_WSCALE_SHIFT,
    };
    ak_link_init(&record->age);
    ak_list_push_back(&core->time_wait, &core->time_wait_lens, ref);
    uint32_t hash = ak_tuple_hash(core, &t->tuple);
    ak_table_replace(&core->flows, ak_tcb_ref(core, t), ref, hash);
    set_due(core, record, due_us);
    if (t->flags & (AK_F_ACK_NOW | AK_F_ACK_DELAYED))
        send_ack(core, record, ak_settings_of(core, &t->sock), AKSU_SEND_ACK_CAUSE);
    if (t->flags & AK_F_ORPHAN) {
        ak_tcb_free(core, t);
        return;
    }
    if (t->transfer != AK_NONE) ak_memory_leave(core, t);
    ak_ref tcb = ak_tcb_ref(core, t);
    ak_tcp_leave_output(core, t);
    if (ak_wheel_armed(&t->timer)) ak_wheel_disarm(&core->wheel, tcb);
    t->reason = AKSU_REASON_CLOSED;
    t->flags |= AK_F_CLOSE_TOLD;
    ak_tcp_tell(core, t, AKSU_EV_CLOSED);
}

void ak_time_wait_expire(struct ak_core *core) {
    while (core->time_wait.head != AK_NONE) {
        const struct ak_time_wait *record = ak_time_wait_at(core, core->time_wait.head);
        if (ak_time_wait_due_us(core, record) > core->now_us) return;
        ak_tcp_trace_timer(core, &record->tuple, AKSU_TIMER_TIME_WAIT, AKSU_TIMER_WAS_FIRED, 0);
        ak_time_wait_free(core, core->time_wait.head, AKSU_STATE_BY_TIMER);
    }
}

uint64_t ak_time_wait_next_us(const struct ak_core *core) {
    if (core->time_wait.head == AK_NONE) return AK_NEVER;
    return ak_time_wait_due_us(core, ak_time_wait_at(core, core->time_wait.head));
}

/* RFC 6191 s2: by the timestamp where both incarnations have one, else by the sequence number (RFC 9293 s3.6.1). */
bool ak_tcp_syn_is_newer(const struct ak_seg *seg, const struct ak_old_incarnation *old) {
    bool now = (seg->options.present & AKSU_OPT_TIMESTAMPS) != 0;
    bool seq_newer = ak_seq_gt(seg->seq, ak_seq_sub(old->rcv_nxt, 1));
    if (now && old->timestamps) {
        int32_t newer = (int32_t)(seg->options.ts_val - old->ts_recent);
        return newer > 0 || (newer == 0 && seq_newer);
    }
    return (now && !old->timestamps) || seq_newer;
}

/* A new incarnation may begin if somebody listens for it. */
static enum ak_verdict syn_arrives(struct ak_core *core, struct ak_seg *seg, ak_ref ref, aksu_drop *ret_drop) {
    struct ak_time_wait *record = ak_time_wait_at(core, ref);
    struct ak_old_incarnation old = {
        .rcv_nxt = record->rcv_nxt,
        .ts_recent = record->ts_recent,
        .timestamps = (record->due_flags & AK_TW_TIMESTAMPS) != 0,
    };
    if ((seg->flags & (AKSU_TCP_ACK | AKSU_TCP_FIN)) == 0 && ak_tcp_syn_is_newer(seg, &old) &&
        ak_listener_find(core, seg) != AK_NONE) {
        ak_table_remove(&core->flows, ref, ak_tuple_hash(core, &record->tuple));
        record->due_flags |= AK_TW_SUSPENDED;
        seg->old_incarnation = ref;
        core->counters.time_wait_reused++;
        return AK_REDEMUX;
    }
    *ret_drop = AKSU_DROP_TCP_SYN_CHALLENGED; /* ruling R5; RFC 5961 s4 */
    if (!ak_reply_allowed(core, &seg->tuple.remote)) return AK_DROP;
    core->counters.tcp_challenges_sent++;
    send_ack(core, record, &core->config.tcp, AKSU_SEND_CHALLENGE_CAUSE);
    return AK_DROP;
}

enum ak_verdict ak_tcp_input_time_wait(struct ak_core *core, struct ak_seg *seg, ak_ref ref, aksu_drop *ret_drop) {
    struct ak_time_wait *record = ak_time_wait_at(core, ref);
    if (seg->flags & AKSU_TCP_RST) { /* ruling R3, RFC 1337 s3 fix F1 */
        *ret_drop = AKSU_DROP_TCP_RST_IGNORED;
        return AK_DROP;
    }
    if (seg->flags & AKSU_TCP_SYN) return syn_arrives(core, seg, ref, ret_drop);
    /* Nor does it keep MAX.SND.WND: an ACK is too old only beyond the largest window there is (s3.10.7.4, fifth). */
    bool acks = (seg->flags & AKSU_TCP_ACK) && ak_seq_le(seg->ack, record->snd_nxt) &&
                ak_seq_bytes(seg->ack, record->snd_nxt) <= AK_WINDOW_MAX;
    uint32_t bytes = ak_seg_bytes(seg);
    ak_seq end = ak_seq_add(seg->seq, bytes);
    bool fin = (seg->flags & AKSU_TCP_FIN) != 0;
    /* The FIN again (ruling R2), or one beyond it that is in order. */
    bool fin_again = fin && (ak_seq_eq(end, record->rcv_nxt) ||
                             (ak_seq_le(seg->seq, record->rcv_nxt) && ak_seq_gt(end, record->rcv_nxt)));
    if (fin_again && acks) { /* s3.10.7.4, eighth */
        ak_list_remove(&core->time_wait, &core->time_wait_lens, ref);
        ak_list_push_back(&core->time_wait, &core->time_wait_lens, ref);
        set_due(core, record, core->now_us + core->config.time_wait_us);
        send_ack(core, record, &core->config.tcp, AKSU_SEND_ACK_CAUSE);
        return AK_DONE;
    }
    uint32_t wnd = receive_window(record);
    bool acceptable =
        ak_seq_in(seg->seq, record->rcv_nxt, wnd) || (bytes > 0 && ak_seq_in(ak_seq_sub(end, 1), record->rcv_nxt, wnd));
    if (acceptable && acks) {
        if (bytes > 0) *ret_drop = AKSU_DROP_TCP_AFTER_FIN; /* seventh: ignored */
        return bytes > 0 ? AK_DROP : AK_DONE;
    }
    if (acceptable && (seg->flags & AKSU_TCP_ACK) == 0) {
        *ret_drop = AKSU_DROP_TCP_NO_ACK;
        return AK_DROP;
    }
    *ret_drop = acceptable ? AKSU_DROP_TCP_ACK_FUTURE : AKSU_DROP_TCP_SEQUENCE;
    /* s3.10.7.4, first and fifth: what is not acceptable draws an ACK. */
    if (ak_reply_allowed(core, &seg->tuple.remote))
        send_ack(core, record, &core->config.tcp, AKSU_SEND_DUPLICATE_ACK_CAUSE);
    return AK_DROP;
}
