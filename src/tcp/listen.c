/* Listeners and the SYN cache: RFC 9293 s3.10.7.2, RFC 4987 s3.4.
 *
 * A SYN to a listener makes a half-open record of 96 bytes, not a control block; the block is made when the handshake
 * completes and there is a place on the accept queue.  When the queue is full SYNs are dropped, and a final ACK that
 * meets a full queue is ignored (the SYN,ACK is repeated) or reset, as configured.  When the SYN cache is full the
 * oldest record gives way, or cookies take over (syncookie.c). */
#include "base/check.h"
#include "tcp/accecn.h"
#include "tcp/fastopen.h"
#include "tcp/syncookie.h"
#include "tcp/tcp.h"

/* ---------------------------------------------------------------- finding */

static uint32_t listener_hash(const struct ak_core *core, const aksu_addr *addr, uint16_t port) {
    struct {
        aksu_addr addr;
        uint32_t port;
    } key = {.addr = *addr, .port = port};
    return (uint32_t)ak_siphash13(&core->key[AK_KEY_TABLE], &key, sizeof key);
}

static uint32_t listener_ref_hash(const void *core, ak_ref ref) {
    const struct ak_listener *l = ak_listener_at(core, ref);
    return listener_hash(core, &l->tuple.local, l->tuple.local_port);
}

/* One that was opened for this very peer comes before one for all. */
static ak_ref find_among(const struct ak_core *core, const aksu_addr *addr, uint16_t port, const struct ak_seg *seg) {
    ak_ref any = AK_NONE;
    ak_ref ref = ak_table_first(&core->listeners, listener_hash(core, addr, port));
    for (; ref != AK_NONE; ref = ak_table_next(&core->listeners, ref)) {
        const struct ak_listener *l = ak_listener_at(core, ref);
        if (l->tuple.local_port != port || !aksu_addr_equal(&l->tuple.local, addr)) continue;
        if (aksu_addr_is_any(&l->tuple.remote)) {
            any = ref;
        } else if (aksu_addr_equal(&l->tuple.remote, &seg->tuple.remote) &&
                   (l->tuple.remote_port == 0 || l->tuple.remote_port == seg->tuple.remote_port)) {
            return ref;
        }
    }
    return any;
}

ak_ref ak_listener_find(const struct ak_core *core, const struct ak_seg *seg) {
    static const aksu_addr any_addr = {{0}};
    ak_ref ref = find_among(core, &seg->tuple.local, seg->tuple.local_port, seg);
    if (ref == AK_NONE) ref = find_among(core, &any_addr, seg->tuple.local_port, seg);
    if (ref == AK_NONE) ref = find_among(core, &seg->tuple.local, 0, seg);
    if (ref == AK_NONE) ref = find_among(core, &any_addr, 0, seg);
    return ref;
}

ak_ref ak_listener_find_exact(const struct ak_core *core, const struct ak_tuple *tuple) {
    ak_ref ref = ak_table_first(&core->listeners, listener_hash(core, &tuple->local, tuple->local_port));
    for (; ref != AK_NONE; ref = ak_table_next(&core->listeners, ref)) {
        if (ak_tuple_equal(&ak_listener_at(core, ref)->tuple, tuple)) return ref;
    }
    return AK_NONE;
}

void ak_listener_link(struct ak_core *core, ak_ref ref) {
    ak_table_insert(&core->listeners, ref, listener_ref_hash(core, ref), listener_ref_hash, core);
}

void ak_listener_unlink(struct ak_core *core, ak_ref ref) {
    ak_table_remove(&core->listeners, ref, listener_ref_hash(core, ref));
}

void ak_listener_empty(struct ak_core *core, ak_ref ref) {
    struct ak_listener *l = ak_listener_at(core, ref);
    while (l->accept.head != AK_NONE) {
        struct ak_tcb *t = ak_tcb_at(core, l->accept.head);
        ak_tcp_send_reset(core, t);
        ak_tcp_end(core, t, AKSU_REASON_ABORTED, AKSU_STATE_BY_CALL);
    }
    while (l->deferred.head != AK_NONE) ak_syn_free(core, l->deferred.head);
    /* Half-open records find their listener gone when they are next looked at (syn_listener). */
}

/* The listener of a half-open record, NULL if it has gone. */
static struct ak_listener *syn_listener(const struct ak_core *core, const struct ak_syn *syn) {
    struct ak_listener *l = ak_listener_at(core, syn->listener);
    return (l->sock.generation & 1) != 0 && (uint16_t)l->sock.generation == syn->listener_generation ? l : NULL;
}

/* ---------------------------------------------------------------- half-open records */

static void syn_unlink_age(struct ak_core *core, ak_ref ref) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    if (!ak_link_linked(&syn->age)) return;
    struct ak_listener *l = syn_listener(core, syn);
    if (syn->flags & AK_SYN_DEFERRED) {
        ak_check(l != NULL);
        ak_list_remove(&l->deferred, &core->syn_age_lens, ref);
        l->deferred_count--;
    } else {
        ak_list_remove(&core->syn_age, &core->syn_age_lens, ref);
    }
    ak_link_init(&syn->age);
}

static void syn_changes(struct ak_core *core, const struct ak_syn *syn, aksu_tcp_state to, aksu_state_cause cause) {
    ak_tcp_state_changed(core, &syn->tuple,
                         &(struct ak_state_change){
                             .from = AK_TCP_SYN_RECEIVED, .to = to, .cause = cause, .record = AKSU_RECORD_SYN_CACHE});
}

/* Takes a record apart without a word. */
static void syn_remove(struct ak_core *core, ak_ref ref) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    syn_unlink_age(core, ref);
    if (ak_wheel_armed(&syn->timer)) ak_wheel_disarm(&core->wheel, ref);
    ak_table_remove(&core->flows, ref, ak_tuple_hash(core, &syn->tuple));
    struct ak_listener *l = syn_listener(core, syn);
    if (l != NULL) l->syn_count--;
    syn->generation++;
    ak_pool_put(&core->pool[AK_KIND_SYN], ak_ref_index(ref));
}

/* Back to LISTEN, or to the TIME-WAIT from which a SYN that was an old duplicate had called it: RFC 9293 s3.6.1 (2). */
static void syn_end(struct ak_core *core, ak_ref ref, aksu_state_cause cause) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    ak_ref old = syn->time_wait;
    syn_changes(core, syn, old != AK_NONE ? AK_TCP_TIME_WAIT : AK_TCP_LISTEN, cause);
    syn_remove(core, ref);
    if (old == AK_NONE) return;
    struct ak_time_wait *record = ak_time_wait_at(core, old);
    record->due_flags &= ~AK_TW_SUSPENDED;
    ak_table_insert(&core->flows, old, ak_tuple_hash(core, &record->tuple), ak_ref_hash, core);
}

void ak_syn_free(struct ak_core *core, ak_ref ref) {
    syn_end(core, ref, AKSU_STATE_BY_LIMIT);
}

static const aksu_tcp_settings *syn_settings(const struct ak_core *core, const struct ak_syn *syn) {
    const struct ak_listener *l = syn_listener(core, syn);
    return l != NULL ? ak_settings_of(core, &l->sock) : &core->config.tcp;
}

static void syn_arm(struct ak_core *core, ak_ref ref) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    const aksu_tcp_settings *settings = syn_settings(core, syn);
    uint64_t rto_us = ak_min_u64(settings->rto_initial_us << ak_min_u32(syn->retries, 16), settings->rto_max_us);
    ak_wheel_arm(&core->wheel, ref, core->now_us + rto_us);
    ak_tcp_trace_timer(core, &syn->tuple, AKSU_TIMER_SYN_ACK, AKSU_TIMER_WAS_SET, core->now_us + rto_us);
}

static uint32_t syn_window(const struct ak_core *core, const struct ak_syn *syn) {
    return ak_min_u32(65535, ak_tcp_rcv_buf_start(syn_settings(core, syn)));
}

/* RFC 9768 s3.2.3.2: the option on the first, the flags on the first again too, neither after that. */
static void syn_accurate(struct ak_syn *syn, const aksu_tcp_settings *settings, struct ak_tcp_header *header) {
    if (syn->retries >= 2) {
        syn->wscale |= AK_SYN_NOT_ECT; /* s3.1.5 */
        return;
    }
    header->flags |= ak_accecn_handshake_flags((uint8_t)(syn->wscale >> AK_SYN_IP_ECN_SHIFT));
    if ((syn->flags & AK_SYN_RETRANSMITTED) == 0 && settings->accecn_option) ak_accecn_initial_option(&header->options);
}

void ak_syn_answer(struct ak_core *core, ak_ref ref) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    const aksu_tcp_settings *settings = syn_settings(core, syn);
    struct ak_bare bare = {
        .tuple = syn->tuple,
        .link = syn->link,
        .ttl = (uint8_t)settings->ttl,
        .tos = (uint8_t)(settings->dscp << 2),
        .order = (uint8_t)settings->option_order,
        .cause = syn->flags & AK_SYN_RETRANSMITTED ? AKSU_SEND_RTO_CAUSE : AKSU_SEND_OPEN_CAUSE,
        .header = {.seq = syn->iss,
                   .ack = ak_seq_add(syn->irs, 1),
                   .flags = AKSU_TCP_SYN | AKSU_TCP_ACK,
                   .wnd = (uint16_t)syn_window(core, syn)},
    };
    aksu_tcp_options *options = &bare.header.options;
    options->present = AKSU_OPT_MSS;
    options->mss = ak_tcp_our_mss(core, ak_link_state_at(core, syn->link)->mtu, &syn->tuple.local, settings);
    if (syn->flags & AK_SYN_ECN) bare.header.flags |= AKSU_TCP_ECE;
    if (syn->wscale & AK_SYN_ACCURATE) syn_accurate(syn, settings, &bare.header);
    if (syn->flags & AK_SYN_SACK) options->present |= AKSU_OPT_SACK_PERMITTED;
    if (syn->flags & AK_SYN_WSCALE) {
        options->present |= AKSU_OPT_WSCALE;
        options->wscale = ak_tcp_our_wscale(settings);
    }
    if (syn->flags & AK_SYN_TIMESTAMPS) {
        options->present |= AKSU_OPT_TIMESTAMPS;
        options->ts_val = ak_tcp_timestamp(core, ak_tcp_timestamp_offset(core, &syn->tuple));
        options->ts_ecr = syn->ts_recent;
    }
    ak_tcp_user_timeout_offer(settings, options);
    if (syn->flags & AK_SYN_FAST_OPEN) ak_fast_open_cookie(core, &syn->tuple, options);
    ak_tcp_send_bare(core, &bare);
}

void ak_syn_fire(struct ak_core *core, ak_ref ref) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    struct ak_listener *l = syn_listener(core, syn);
    ak_tcp_trace_timer(core, &syn->tuple, AKSU_TIMER_SYN_ACK, AKSU_TIMER_WAS_FIRED, 0);
    bool over = l == NULL || syn->retries >= ak_settings_of(core, &l->sock)->syn_ack_retries;
    if (over) {
        syn_end(core, ref, AKSU_STATE_BY_TIMER);
        return;
    }
    syn->retries++;
    if ((syn->flags & AK_SYN_DEFERRED) == 0) {
        syn->flags |= AK_SYN_RETRANSMITTED;
        /* Under pressure fewer repetitions: what we send to a spoofed source stays small (attack row 87). */
        const struct ak_pool *pool = &core->pool[AK_KIND_SYN];
        if (syn->retries <= 2 || ak_pool_free(pool) > pool->limit / 2) ak_syn_answer(core, ref);
    }
    syn_arm(core, ref);
}

/* ---------------------------------------------------------------- LISTEN: s3.10.7.2 */

/* The ISS of a connection that follows one in TIME-WAIT exceeds all that one used: s3.6.1 (1). */
static ak_seq syn_iss(const struct ak_core *core, const struct ak_tuple *tuple, ak_ref time_wait) {
    ak_seq iss = ak_tcp_isn(core, tuple);
    if (time_wait == AK_NONE) return iss;
    ak_seq above = ak_seq_add(ak_time_wait_at(core, time_wait)->snd_nxt, 1);
    return ak_seq_max(iss, above);
}

/* What a SYN says of the peer's user timeout is not kept: the peer says it again in its first segment without SYN, for
 * just that reason (RFC 5482 s3). */
static ak_ref syn_new(struct ak_core *core, const struct ak_seg *seg, ak_ref listener) {
    uint32_t index = ak_object_get(core, AK_KIND_SYN);
    if (index == AK_NONE) return AK_NONE;
    ak_ref ref = ak_ref_of(AK_KIND_SYN, index);
    struct ak_syn *syn = ak_syn_at(core, ref);
    struct ak_listener *l = ak_listener_at(core, listener);
    const aksu_tcp_settings *settings = ak_settings_of(core, &l->sock);
    uint16_t present = seg->options.present;
    ak_ref old = seg->old_incarnation;
    *syn = (struct ak_syn){
        .generation = syn->generation + 1,
        .tuple = seg->tuple,
        .listener = ak_ref_index(listener),
        .listener_generation = (uint16_t)l->sock.generation,
        .time_wait = old,
        .iss = syn_iss(core, &seg->tuple, old),
        .irs = seg->seq,
        .ts_recent = seg->options.ts_val,
        .sent_us = (uint32_t)core->now_us,
        .mss = ak_tcp_peer_mss(seg),
        .wscale = seg->options.wscale,
        .link = (uint8_t)seg->link,
    };
    if ((present & AKSU_OPT_TIMESTAMPS) && settings->timestamps) syn->flags |= AK_SYN_TIMESTAMPS;
    if ((present & AKSU_OPT_WSCALE) && settings->window_scale) syn->flags |= AK_SYN_WSCALE;
    if ((present & AKSU_OPT_SACK_PERMITTED) && settings->sack) syn->flags |= AK_SYN_SACK;
    enum ak_ecn_mode ecn = ak_ecn_asked(seg, settings);
    if (ecn == AK_ECN_CLASSIC) syn->flags |= AK_SYN_ECN;
    if (ecn == AK_ECN_ACCURATE) syn->wscale |= (uint8_t)(AK_SYN_ACCURATE | (unsigned)seg->tos << AK_SYN_IP_ECN_SHIFT);
    ak_wheel_node_init(&syn->timer);
    ak_link_init(&syn->age);
    ak_table_insert(&core->flows, ref, ak_tuple_hash(core, &syn->tuple), ak_ref_hash, core);
    l->syn_count++;
    core->counters.tcp_passive_opens++;
    ak_tcp_state_changed(core, &syn->tuple,
                         &(struct ak_state_change){.from = old != AK_NONE ? AK_TCP_TIME_WAIT : AK_TCP_LISTEN,
                                                   .to = AK_TCP_SYN_RECEIVED,
                                                   .cause = AKSU_STATE_BY_SEGMENT,
                                                   .record = AKSU_RECORD_SYN_CACHE});
    return ref;
}

static enum ak_verdict syn_arrives(struct ak_core *core, struct ak_seg *seg, ak_ref listener, aksu_drop *ret_drop) {
    struct ak_listener *l = ak_listener_at(core, listener);
    if (l->accept_count >= l->backlog) {
        *ret_drop = AKSU_DROP_TCP_BACKLOG_FULL;
        return AK_DROP;
    }
    bool deferred = (l->flags & AKSU_OPEN_DEFERRED) != 0;
    if (deferred && l->deferred_count >= l->backlog) {
        *ret_drop = AKSU_DROP_TCP_BACKLOG_FULL;
        return AK_DROP;
    }
    bool fast = (seg->options.present & AKSU_OPT_FAST_OPEN) && ak_settings_of(core, &l->sock)->fast_open && !deferred;
    if (fast && ak_fast_open_accept(core, seg, listener, ret_drop) == AK_DONE) return AK_DONE;
    const struct ak_pool *pool = &core->pool[AK_KIND_SYN];
    bool full = ak_pool_free(pool) == 0;
    bool cookies = core->config.syn_cookies == AKSU_SYN_COOKIES_ALWAYS ||
                   (core->config.syn_cookies == AKSU_SYN_COOKIES_AUTO && full);
    if (cookies && !deferred) {
        ak_syncookie_answer(core, seg, listener);
        return AK_DONE;
    }
    if (full) {
        if (core->syn_age.head == AK_NONE) {
            *ret_drop = AKSU_DROP_TCP_SYN_CACHE_FULL;
            return AK_DROP;
        }
        syn_end(core, core->syn_age.head, AKSU_STATE_BY_LIMIT);
    }
    ak_ref ref = syn_new(core, seg, listener);
    struct ak_syn *syn = ak_syn_at(core, ref);
    if (fast) syn->flags |= AK_SYN_FAST_OPEN;
    syn_arm(core, ref);
    if (deferred) {
        syn->flags |= AK_SYN_DEFERRED;
        ak_list_push_back(&l->deferred, &core->syn_age_lens, ref);
        l->deferred_count++;
        ak_sock_tell(core, &l->sock, listener, AKSU_EV_INCOMING);
        return AK_DONE;
    }
    ak_list_push_back(&core->syn_age, &core->syn_age_lens, ref);
    ak_syn_answer(core, ref);
    return AK_DONE;
}

enum ak_verdict ak_tcp_input_listen(struct ak_core *core, struct ak_seg *seg, ak_ref listener, aksu_drop *ret_drop) {
    if (seg->flags & AKSU_TCP_RST) { /* first: "An incoming RST should be ignored" */
        *ret_drop = AKSU_DROP_TCP_RST_IGNORED;
        return AK_DROP;
    }
    if (seg->flags & AKSU_TCP_ACK) { /* second: never sent anything to acknowledge, but perhaps a cookie */
        if ((seg->flags & AKSU_TCP_SYN) == 0 && core->config.syn_cookies != AKSU_SYN_COOKIES_OFF) {
            enum ak_verdict verdict = ak_syncookie_ack(core, seg, listener, ret_drop);
            if (verdict != AK_NEXT) return verdict;
        }
        *ret_drop = AKSU_DROP_TCP_NO_CONNECTION;
        return AK_DROP_RST;
    }
    if ((seg->flags & AKSU_TCP_SYN) == 0 || (seg->flags & AKSU_TCP_FIN)) { /* fourth; ruling R8 */
        *ret_drop = AKSU_DROP_TCP_FLAGS;
        return AK_DROP;
    }
    return syn_arrives(core, seg, listener, ret_drop); /* third */
}

/* ---------------------------------------------------------------- SYN-RECEIVED without a control block: s3.10.7.4 */

static void accurate_from(struct ak_core *core, struct ak_tcb *t, const struct ak_handshake *h) {
    struct ak_accecn *a = ak_accecn_begin(core, t);
    ak_accecn_enter(core, t, a, h->syn_ecn);
    if (h->not_ect) a->flags |= AK_ACC_NOT_ECT;
    if (h->no_option) a->flags |= AK_ACC_OPTION_OFF;
}

struct ak_tcb *ak_tcb_from_handshake(struct ak_core *core, const struct ak_handshake *h) {
    struct ak_listener *l = ak_listener_at(core, h->listener);
    struct ak_tcb *t = ak_tcb_new(core, h->tuple, l->sock.settings, l->sock.user);
    if (t == NULL) return NULL;
    ak_settings_share(core, l->sock.settings);
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    uint32_t mtu = ak_link_state_at(core, h->link)->mtu;
    t->listener = h->listener;
    t->listener_generation = l->sock.generation;
    t->flags |= AK_F_RETURN_LISTEN | (h->timestamps ? AK_F_TIMESTAMPS : 0u) | (h->window_scale ? AK_F_WSCALE : 0u) |
                (h->sack ? AK_F_SACK : 0u) | (h->ecn != AK_ECN_NONE ? AK_F_ECN : 0u);
    t->link = h->link;
    t->path_mtu = (uint16_t)ak_min_u32(mtu, 65535);
    t->snd.iss = t->snd.una = h->iss;
    t->snd.nxt = ak_seq_add(h->iss, 1);
    t->snd.up = t->snd.una;
    t->snd.mss = h->mss;
    t->snd.wscale = h->window_scale ? h->wscale : 0;
    t->rcv.irs = h->irs;
    t->rcv.nxt = ak_seq_add(h->irs, 1);
    t->rcv.edge = ak_seq_add(t->rcv.nxt, ak_min_u32(65535, ak_tcp_rcv_buf_start(settings)));
    t->rcv.mss = ak_tcp_our_mss(core, mtu, &h->tuple->local, settings);
    t->rcv.wscale = h->window_scale ? ak_tcp_our_wscale(settings) : 0;
    t->rcv.up = t->rcv.nxt;
    t->last_ack_sent = t->rcv.nxt;
    t->ts_recent = h->ts_recent;
    t->ts_recent_age = ak_idle_clock(core);
    t->unacked_since = ak_idle_clock(core);
    if (h->ecn == AK_ECN_ACCURATE) accurate_from(core, t, h);
    ak_tcp_begin_state(t, h->record == AKSU_RECORD_COOKIE ? AK_TCP_LISTEN : AK_TCP_SYN_RECEIVED);
    return t;
}

void ak_listener_push(struct ak_core *core, struct ak_tcb *t) {
    struct ak_listener *l = ak_listener_at(core, t->listener);
    t->flags |= AK_F_UNACCEPTED;
    ak_flags_clear(t, AK_F_RETURN_LISTEN);
    ak_list_push_back(&l->accept, &core->ready_lens, ak_tcb_ref(core, t));
    l->accept_count++;
    ak_sock_tell(core, &l->sock, t->listener, AKSU_EV_INCOMING);
}

static enum ak_ecn_mode syn_ecn_mode(const struct ak_syn *syn) {
    if (syn->wscale & AK_SYN_ACCURATE) return AK_ECN_ACCURATE;
    return syn->flags & AK_SYN_ECN ? AK_ECN_CLASSIC : AK_ECN_NONE;
}

/* The handshake's last segment: a control block takes the record's place, and the segment goes on through the steps. */
static enum ak_verdict complete(struct ak_core *core, struct ak_seg *seg, ak_ref ref, aksu_drop *ret_drop) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    struct ak_listener *l = syn_listener(core, syn);
    if (l == NULL) {
        syn_end(core, ref, AKSU_STATE_BY_LIMIT);
        *ret_drop = AKSU_DROP_TCP_NO_CONNECTION;
        return AK_DROP_RST;
    }
    if (l->accept_count >= l->backlog) {
        *ret_drop = AKSU_DROP_TCP_BACKLOG_FULL;
        if (!core->config.reset_on_overflow) return AK_DROP;
        syn_end(core, ref, AKSU_STATE_BY_LIMIT);
        return AK_DROP_RST;
    }
    if (ak_pool_free(&core->pool[AK_KIND_TCB]) == 0) {
        *ret_drop = AKSU_DROP_TCP_NO_MEMORY;
        return AK_DROP;
    }
    struct ak_tuple tuple = syn->tuple;
    struct ak_handshake h = {
        .tuple = &tuple,
        .listener = ak_ref_of(AK_KIND_LISTENER, syn->listener),
        .iss = syn->iss,
        .irs = syn->irs,
        .ts_recent = syn->ts_recent,
        .mss = syn->mss,
        .wscale = syn->wscale & AK_SYN_WSCALE_MASK,
        .timestamps = (syn->flags & AK_SYN_TIMESTAMPS) != 0,
        .window_scale = (syn->flags & AK_SYN_WSCALE) != 0,
        .sack = (syn->flags & AK_SYN_SACK) != 0,
        .ecn = (uint8_t)syn_ecn_mode(syn),
        .syn_ecn = (uint8_t)(syn->wscale >> AK_SYN_IP_ECN_SHIFT),
        .not_ect = (syn->wscale & AK_SYN_NOT_ECT) != 0,
        .no_option = syn->retries > 0,
        .link = syn->link,
        .record = AKSU_RECORD_SYN_CACHE,
    };
    bool measured = (syn->flags & AK_SYN_RETRANSMITTED) == 0;
    uint32_t trip_us = (uint32_t)core->now_us - syn->sent_us;
    uint8_t retries = syn->retries;
    ak_ref old = syn->time_wait;
    syn_remove(core, ref);
    if (old != AK_NONE) ak_time_wait_forget(core, old);
    struct ak_tcb *t = ak_tcb_from_handshake(core, &h);
    if (measured) ak_tcp_rtt_sample(core, t, trip_us);
    t->retries = retries;
    ak_tcp_resume(core, t, seg);
    return AK_GONE;
}

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> of a half-open record, within its peers' budget. */
static void syn_ack_segment(struct ak_core *core, const struct ak_syn *syn, aksu_send_cause cause) {
    if (!ak_reply_allowed(core, &syn->tuple.remote)) return;
    struct ak_bare bare = {
        .tuple = syn->tuple,
        .link = syn->link,
        .ttl = (uint8_t)syn_settings(core, syn)->ttl,
        .tos = (uint8_t)(syn_settings(core, syn)->dscp << 2),
        .cause = cause,
        .header = {.seq = ak_seq_add(syn->iss, 1),
                   .ack = ak_seq_add(syn->irs, 1),
                   .flags = AKSU_TCP_ACK,
                   .wnd = (uint16_t)syn_window(core, syn)},
    };
    if (syn->wscale & AK_SYN_ACCURATE) bare.header.flags |= ak_accecn_first_flags();
    if (syn->flags & AK_SYN_TIMESTAMPS) {
        bare.header.options.present = AKSU_OPT_TIMESTAMPS;
        bare.header.options.ts_val = ak_tcp_timestamp(core, ak_tcp_timestamp_offset(core, &syn->tuple));
        bare.header.options.ts_ecr = syn->ts_recent;
    }
    ak_tcp_send_bare(core, &bare);
}

static bool acceptable(const struct ak_seg *seg, ak_seq nxt, uint32_t wnd) {
    uint32_t bytes = ak_seg_bytes(seg);
    if (wnd == 0) return bytes == 0 && ak_seq_eq(seg->seq, nxt);
    return ak_seq_in(seg->seq, nxt, wnd) || (bytes > 0 && ak_seq_in(ak_seq_add(seg->seq, bytes - 1), nxt, wnd));
}

/* Second and fourth, for a record: RST (RFC 5961 s3.2) and SYN. */
static enum ak_verdict syn_control(struct ak_core *core, struct ak_seg *seg, ak_ref ref, aksu_drop *ret_drop) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    ak_seq nxt = ak_seq_add(syn->irs, 1);
    if (seg->flags & AKSU_TCP_RST) {
        if (ak_seq_eq(seg->seq, nxt)) {
            syn_end(core, ref, AKSU_STATE_BY_SEGMENT);
            return AK_DONE;
        }
        bool inside = ak_seq_in(seg->seq, nxt, syn_window(core, syn));
        *ret_drop = inside ? AKSU_DROP_TCP_RST_CHALLENGED : AKSU_DROP_TCP_RST_OUTSIDE;
        if (inside) syn_ack_segment(core, syn, AKSU_SEND_CHALLENGE_CAUSE);
        return AK_DROP;
    }
    if (seg->flags & AKSU_TCP_SYN) { /* "If the connection was initiated with a passive OPEN, then return to LISTEN" */
        if (!ak_seq_in(seg->seq, nxt, syn_window(core, syn))) { /* only its text is in the window: an old one */
            *ret_drop = AKSU_DROP_TCP_SYN_CHALLENGED;
            syn_ack_segment(core, syn, AKSU_SEND_CHALLENGE_CAUSE);
            return AK_DROP;
        }
        syn_end(core, ref, AKSU_STATE_BY_SEGMENT);
        *ret_drop = AKSU_DROP_TCP_FLAGS;
        return AK_DROP;
    }
    return AK_NEXT;
}

/* RFC 9768 s3.1.5: a SYN of the other kind of ECN resets; of the others the latest is answered. */
static bool syn_again_agrees(const struct ak_core *core, struct ak_syn *syn, const struct ak_seg *seg) {
    const aksu_tcp_settings *settings = syn_settings(core, syn);
    enum ak_ecn_mode first = syn_ecn_mode(syn), now = ak_ecn_asked(seg, settings);
    if (settings->ecn < AKSU_ECN_ACCURATE || first == AK_ECN_NONE) return true;
    if (now != AK_ECN_NONE && now != first) return false;
    if (first != AK_ECN_ACCURATE) return true;
    syn->wscale &= (uint8_t)((1u << AK_SYN_IP_ECN_SHIFT) - 1);
    syn->wscale |= (uint8_t)(seg->tos << AK_SYN_IP_ECN_SHIFT);
    if (now == AK_ECN_NONE) syn->wscale |= AK_SYN_NOT_ECT;
    return true;
}

enum ak_verdict ak_tcp_input_syn(struct ak_core *core, struct ak_seg *seg, ak_ref ref, aksu_drop *ret_drop) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    bool again = (seg->flags & (AKSU_TCP_SYN | AKSU_TCP_ACK | AKSU_TCP_RST)) == AKSU_TCP_SYN && /* ruling R6 */
                 ak_seq_eq(seg->seq, syn->irs);
    if (again && !syn_again_agrees(core, syn, seg)) {
        *ret_drop = AKSU_DROP_TCP_FLAGS;
        syn_end(core, ref, AKSU_STATE_BY_SEGMENT);
        return AK_DROP_RST;
    }
    if (syn->flags & AK_SYN_DEFERRED) { /* the peer has heard nothing from us yet: only a RST of its own can matter */
        bool reset = (seg->flags & AKSU_TCP_RST) && ak_seq_eq(seg->seq, ak_seq_add(syn->irs, 1));
        if (reset) syn_end(core, ref, AKSU_STATE_BY_SEGMENT);
        *ret_drop = AKSU_DROP_TCP_DUPLICATE;
        return reset ? AK_DONE : AK_DROP;
    }
    if (again) {
        syn->flags |= AK_SYN_RETRANSMITTED;
        ak_syn_answer(core, ref);
        return AK_DONE;
    }
    bool stamped = (syn->flags & AK_SYN_TIMESTAMPS) != 0 && (seg->flags & AKSU_TCP_RST) == 0;
    if (stamped && (seg->options.present & AKSU_OPT_TIMESTAMPS) == 0) { /* RFC 7323 s3.2 */
        *ret_drop = AKSU_DROP_TCP_TIMESTAMP_MISSING;
        return AK_DROP;
    }
    bool stale = stamped && (int32_t)(seg->options.ts_val - syn->ts_recent) < 0;
    if (stale || !acceptable(seg, ak_seq_add(syn->irs, 1), syn_window(core, syn))) {
        *ret_drop = stale                              ? AKSU_DROP_TCP_PAWS
                    : (seg->flags & AKSU_TCP_RST) != 0 ? AKSU_DROP_TCP_RST_OUTSIDE
                                                       : AKSU_DROP_TCP_SEQUENCE;
        if ((seg->flags & AKSU_TCP_RST) == 0) syn_ack_segment(core, syn, AKSU_SEND_DUPLICATE_ACK_CAUSE);
        return AK_DROP;
    }
    enum ak_verdict verdict = syn_control(core, seg, ref, ret_drop);
    if (verdict != AK_NEXT) return verdict;
    if ((seg->flags & AKSU_TCP_ACK) == 0) {
        *ret_drop = AKSU_DROP_TCP_NO_ACK;
        return AK_DROP;
    }
    if (!ak_seq_eq(seg->ack, ak_seq_add(syn->iss, 1))) { /* fifth; ruling R4 */
        *ret_drop = AKSU_DROP_TCP_ACK_UNACCEPTABLE;
        return AK_DROP_RST;
    }
    return complete(core, seg, ref, ret_drop);
}

/* ---------------------------------------------------------------- deferred accept */

/* The application's decision on a SYN. */
void ak_syn_decide(struct ak_core *core, ak_ref ref, aksu_verdict verdict) {
    struct ak_syn *syn = ak_syn_at(core, ref);
    syn_unlink_age(core, ref);
    syn->flags &= (uint8_t)~AK_SYN_DEFERRED;
    if (verdict == AKSU_ACCEPT) {
        syn->retries = 0;
        syn->sent_us = (uint32_t)core->now_us;
        ak_list_push_back(&core->syn_age, &core->syn_age_lens, ref);
        ak_syn_answer(core, ref);
        syn_arm(core, ref);
        return;
    }
    if (verdict == AKSU_REFUSE) {
        struct ak_seg seg = {.tuple = syn->tuple, .seq = syn->irs, .flags = AKSU_TCP_SYN, .link = syn->link};
        ak_tcp_reset_for(core, &seg);
    }
    syn_end(core, ref, AKSU_STATE_BY_CALL);
}
