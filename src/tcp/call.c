/* The user's calls that open, close and configure: RFC 9293 s3.10.1, s3.10.4 to s3.10.6.  What each answers in each
 * state is the RFC's. */
#include "base/check.h"
#include "tcp/accecn.h"
#include "tcp/tcp.h"
#include "wire/ip.h"

static struct ak_listener *find_listener(struct ak_core *core, aksu_sock sock, ak_ref *ret_ref) {
    if (ak_sock_find(core, sock, ret_ref) == NULL || ak_ref_class(*ret_ref) != AK_KIND_LISTENER) return NULL;
    return ak_listener_at(core, *ret_ref);
}

/* ---------------------------------------------------------------- OPEN */

static const aksu_tcp_settings *settings_of(const struct ak_core *core, const aksu_tcp_open *open) {
    return open->settings != NULL ? open->settings : &core->config.tcp;
}

static aksu_err check_remote(const struct ak_core *core, const aksu_endpoint *remote) {
    if (aksu_addr_is_any(&remote->addr) || remote->port == 0) return AKSU_ERR_INVALID; /* "remote socket unspecified" */
    if (core->host.ops->is_broadcast(core, &remote->addr)) return AKSU_ERR_INVALID;    /* MUST-46 */
    return AKSU_OK;
}

/* The four-tuple of an active OPEN: MUST-44, RFC 6056. */
static aksu_err choose_tuple(struct ak_core *core, const aksu_tcp_open *open, struct ak_tuple *ret_tuple,
                             struct ak_path *ret_path) {
    struct ak_path path;
    const aksu_addr *local = &open->local.addr;
    if (!aksu_addr_is_any(local)) {
        if (ak_addr_is_v4(local) != ak_addr_is_v4(&open->remote.addr)) return AKSU_ERR_INVALID;
        /* RFC 1122 s3.2.1.3 (g), RFC 4291 s2.5.3: never seen outside of this host. */
        if (ak_addr_is_loopback(local) && !core->host.ops->is_ours(core, &open->remote.addr))
            return AKSU_ERR_ADDR_NOT_AVAILABLE;
    }
    aksu_err err = core->host.ops->resolve(core, &open->remote, local, &path);
    if (err != AKSU_OK) return err;
    struct ak_tuple tuple = {
        .local = path.source,
        .remote = open->remote.addr,
        .local_port = open->local.port,
        .remote_port = open->remote.port,
    };
    if (tuple.local_port != 0) {
        if (ak_flow_find(core, &tuple) != AK_NONE) return AKSU_ERR_EXISTS;
    } else if (!ak_tcp_port_choose(core, &tuple)) {
        return AKSU_ERR_ADDR_IN_USE;
    }
    *ret_tuple = tuple;
    *ret_path = path;
    return AKSU_OK;
}

/* What our SYN offers, as the settings say. */
static void offer(struct ak_core *core, struct ak_tcb *t) {
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    ak_flags_clear(t, AK_F_TIMESTAMPS | AK_F_WSCALE | AK_F_SACK | AK_F_ECN);
    if (settings->timestamps) t->flags |= AK_F_TIMESTAMPS;
    if (settings->window_scale) t->flags |= AK_F_WSCALE;
    if (settings->sack) t->flags |= AK_F_SACK;
    if (t->accecn != AK_NONE) ak_accecn_end(core, t);
    ak_ecn_offer(core, t);
    t->rcv.mss = ak_tcp_our_mss(core, t->path_mtu, &t->tuple.local, settings);
    t->rcv.wscale = settings->window_scale ? ak_tcp_our_wscale(settings) : 0;
}

/* An active OPEN's control block in SYN-SENT: <SEQ=ISS><CTL=SYN> leaves at the next output. */
static void begin(struct ak_core *core, struct ak_tcb *t, const struct ak_path *path, aksu_tcp_state from) {
    t->flags |= AK_F_ACTIVE | AK_F_SYN_DUE;
    t->link = path->link;
    t->path_mtu = (uint16_t)path->mtu;
    t->snd.iss = ak_tcp_isn(core, &t->tuple);
    t->snd.una = t->snd.iss;
    t->snd.nxt = ak_seq_add(t->snd.iss, 1);
    t->snd.up = t->snd.una;
    t->snd.mss = 536;
    offer(core, t);
    ak_tcp_begin_state(t, from);
    ak_tcp_set_state(core, t, AK_TCP_SYN_SENT, AKSU_STATE_BY_CALL);
    ak_tcp_want_output(core, t);
    core->counters.tcp_active_opens++;
}

/* from: CLOSED, or LISTEN where a listener becomes the connection. */
static aksu_err connect(struct ak_core *core, const aksu_tcp_open *open, aksu_tcp_state from, aksu_sock *ret_sock) {
    if (open->struct_bytes != sizeof *open) return AKSU_ERR_INVALID;
    aksu_err err = check_remote(core, &open->remote);
    if (err != AKSU_OK) return err;
    err = ak_settings_check(settings_of(core, open));
    if (err != AKSU_OK) return err;
    struct ak_tuple tuple;
    struct ak_path path;
    err = choose_tuple(core, open, &tuple, &path);
    if (err != AKSU_OK) return err;
    uint32_t settings = ak_settings_take(core, settings_of(core, open));
    if (settings == AK_NONE) return AKSU_ERR_NO_MEMORY;
    struct ak_tcb *t = ak_tcb_new(core, &tuple, settings, open->user);
    if (t == NULL) {
        ak_settings_drop(core, settings);
        return AKSU_ERR_NO_MEMORY;
    }
    begin(core, t, &path, from);
    ak_tcp_trace_call(core, &tuple, AKSU_CALL_CONNECT, 0, AKSU_OK);
    *ret_sock = ak_sock_handle(&t->sock, ak_tcb_ref(core, t));
    return AKSU_OK;
}

/* A call that was refused is seen too. */
static void trace_refused(struct ak_core *core, const aksu_tcp_open *open, aksu_call call, aksu_err err) {
    if (open->struct_bytes != sizeof *open) return;
    struct ak_tuple tuple = {
        .local = open->local.addr,
        .remote = open->remote.addr,
        .local_port = open->local.port,
        .remote_port = open->remote.port,
    };
    ak_tcp_trace_call(core, &tuple, call, 0, err);
}

aksu_err aksu_tcp_connect(aksu_stack *stack, const aksu_tcp_open *open, aksu_sock *ret_sock) {
    struct ak_core *core = ak_core_of(stack);
    aksu_err err = connect(core, open, AK_TCP_CLOSED, ret_sock);
    if (err != AKSU_OK) trace_refused(core, open, AKSU_CALL_CONNECT, err);
    return err;
}

/* Whether TIME-WAIT or live connections of an earlier server stand in the way of LISTEN: only if asked to. */
static bool port_in_time_wait(const struct ak_core *core, const struct ak_tuple *local) {
    for (ak_ref ref = core->time_wait.head; ref != AK_NONE; ref = ak_time_wait_at(core, ref)->age.next) {
        const struct ak_time_wait *record = ak_time_wait_at(core, ref);
        if (record->tuple.local_port != local->local_port) continue;
        if (aksu_addr_is_any(&local->local) || aksu_addr_equal(&local->local, &record->tuple.local)) return true;
    }
    return false;
}

static aksu_err check_listen(const struct ak_core *core, const aksu_tcp_open *open, const struct ak_tuple *tuple) {
    if (open->struct_bytes != sizeof *open || open->backlog == 0) return AKSU_ERR_INVALID;
    bool catch_all = (open->flags & AKSU_OPEN_CATCH_ALL) != 0;
    if (catch_all != (tuple->local_port == 0)) return AKSU_ERR_INVALID;
    if (!aksu_addr_is_any(&tuple->local) && !catch_all && !core->host.ops->is_ours(core, &tuple->local))
        return AKSU_ERR_ADDR_NOT_AVAILABLE;
    aksu_err err = ak_settings_check(settings_of(core, open));
    if (err != AKSU_OK) return err;
    if (ak_listener_find_exact(core, tuple) != AK_NONE) return AKSU_ERR_ADDR_IN_USE;
    if (!settings_of(core, open)->reuse_time_wait && port_in_time_wait(core, tuple)) return AKSU_ERR_ADDR_IN_USE;
    return AKSU_OK;
}

/* Passive OPEN: a new LISTEN record, whatever else exists on the port (MUST-41, MUST-42). */
static aksu_err listen(struct ak_core *core, const aksu_tcp_open *open, aksu_sock *ret_sock) {
    struct ak_tuple tuple = {
        .local = open->local.addr,
        .remote = open->remote.addr,
        .local_port = open->local.port,
        .remote_port = open->remote.port,
    };
    aksu_err err = check_listen(core, open, &tuple);
    if (err != AKSU_OK) return err;
    uint32_t settings = ak_settings_take(core, settings_of(core, open));
    uint32_t index = settings == AK_NONE ? AK_NONE : ak_object_get(core, AK_KIND_LISTENER);
    if (index == AK_NONE) {
        if (settings != AK_NONE) ak_settings_drop(core, settings);
        return AKSU_ERR_NO_MEMORY;
    }
    ak_ref ref = ak_ref_of(AK_KIND_LISTENER, index);
    struct ak_listener *l = ak_listener_at(core, ref);
    *l = (struct ak_listener){
        .sock.generation = l->sock.generation,
        .tuple = tuple,
        .backlog = open->backlog,
        .flags = open->flags,
    };
    ak_sock_open(core, &l->sock, (uint16_t)settings, open->user);
    ak_list_init(&l->accept);
    ak_list_init(&l->deferred);
    ak_listener_link(core, ref);
    struct ak_state_change change = {
        .from = AK_TCP_CLOSED, .to = AK_TCP_LISTEN, .cause = AKSU_STATE_BY_CALL, .record = AKSU_RECORD_LISTENER};
    ak_tcp_state_changed(core, &tuple, &change);
    ak_tcp_trace_call(core, &tuple, AKSU_CALL_LISTEN, 0, AKSU_OK);
    *ret_sock = ak_sock_handle(&l->sock, ref);
    return AKSU_OK;
}

aksu_err aksu_tcp_listen(aksu_stack *stack, const aksu_tcp_open *open, aksu_sock *ret_sock) {
    struct ak_core *core = ak_core_of(stack);
    aksu_err err = listen(core, open, ret_sock);
    if (err != AKSU_OK) trace_refused(core, open, AKSU_CALL_LISTEN, err);
    return err;
}

static void listener_free(struct ak_core *core, ak_ref ref) {
    struct ak_listener *l = ak_listener_at(core, ref);
    ak_listener_empty(core, ref);
    ak_listener_unlink(core, ref);
    ak_sock_release(core, &l->sock, ref);
    ak_settings_drop(core, l->sock.settings);
    ak_pool_put(&core->pool[AK_KIND_LISTENER], ak_ref_index(ref));
}

aksu_err aksu_tcp_listen_connect(aksu_stack *stack, aksu_sock listener, const aksu_endpoint *remote,
                                 aksu_sock *ret_sock) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    if (ak_sock_find(core, listener, &ref) == NULL) return AKSU_ERR_BADSOCK;
    if (ak_ref_class(ref) != AK_KIND_LISTENER) return AKSU_ERR_INVALID;
    const struct ak_listener *l = ak_listener_at(core, ref);
    aksu_tcp_settings settings = *ak_settings_of(core, &l->sock);
    aksu_tcp_open open = {
        .struct_bytes = sizeof open,
        .local = {.addr = l->tuple.local, .port = l->tuple.local_port},
        .remote = *remote,
        .settings = &settings,
        .user = l->sock.user,
    };
    aksu_err err = connect(core, &open, AK_TCP_LISTEN, ret_sock);
    if (err != AKSU_OK) {
        trace_refused(core, &open, AKSU_CALL_CONNECT, err);
        return err;
    }
    listener_free(core, ref);
    return AKSU_OK;
}

/* ---------------------------------------------------------------- accept */

aksu_err aksu_tcp_accept(aksu_stack *stack, aksu_sock listener, aksu_sock *ret_sock) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    struct ak_listener *l = find_listener(core, listener, &ref);
    if (l == NULL) return AKSU_ERR_BADSOCK;
    if (l->accept.head == AK_NONE) {
        ak_sock_unseen(&l->sock, AKSU_EV_INCOMING);
        return AKSU_ERR_AGAIN;
    }
    ak_ref child = l->accept.head;
    struct ak_tcb *t = ak_tcb_at(core, child);
    ak_list_remove(&l->accept, &core->ready_lens, child);
    l->accept_count--;
    ak_flags_clear(t, AK_F_UNACCEPTED);
    if ((t->flags & AK_F_FAST_OPEN) == 0) t->listener = AK_NONE;
    uint32_t bits = 0;
    *ret_sock = ak_sock_handle(&t->sock, child);
    aksu_poll(stack, *ret_sock, &bits);
    ak_tcp_tell(core, t, (uint8_t)bits); /* what came while it waited */
    ak_tcp_trace_call(core, &t->tuple, AKSU_CALL_ACCEPT, 0, AKSU_OK);
    return AKSU_OK;
}

aksu_err aksu_tcp_incoming(aksu_stack *stack, aksu_sock listener, aksu_incoming *ret_incoming) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    struct ak_listener *l = find_listener(core, listener, &ref);
    if (l == NULL) return AKSU_ERR_BADSOCK;
    for (ak_ref at = l->deferred.head; at != AK_NONE; at = ak_syn_at(core, at)->age.next) {
        struct ak_syn *syn = ak_syn_at(core, at);
        if (syn->flags & AK_SYN_SHOWN) continue;
        syn->flags |= AK_SYN_SHOWN;
        *ret_incoming = (aksu_incoming){
            .sock = {.slot = at, .generation = syn->generation},
            .local = {.addr = syn->tuple.local, .port = syn->tuple.local_port, .link = syn->link},
            .remote = {.addr = syn->tuple.remote, .port = syn->tuple.remote_port, .link = syn->link},
            .link = syn->link,
        };
        return AKSU_OK;
    }
    if (l->accept.head == AK_NONE) ak_sock_unseen(&l->sock, AKSU_EV_INCOMING);
    return AKSU_ERR_AGAIN;
}

aksu_err aksu_tcp_decide(aksu_stack *stack, aksu_sock incoming, aksu_verdict verdict) {
    struct ak_core *core = ak_core_of(stack);
    if (ak_ref_class(incoming.slot) != AK_KIND_SYN) return AKSU_ERR_BADSOCK;
    if (ak_ref_index(incoming.slot) >= core->pool[AK_KIND_SYN].watermark) return AKSU_ERR_BADSOCK;
    const struct ak_syn *syn = ak_syn_at(core, incoming.slot);
    if (syn->generation != incoming.generation || (syn->flags & AK_SYN_DEFERRED) == 0) return AKSU_ERR_BADSOCK;
    ak_tcp_trace_call(core, &syn->tuple, AKSU_CALL_DECIDE, 0, AKSU_OK);
    ak_syn_decide(core, incoming.slot, verdict);
    return AKSU_OK;
}

/* ---------------------------------------------------------------- CLOSE: s3.10.4 */

/* Our direction ends after what is queued. */
static void queue_fin(struct ak_core *core, struct ak_tcb *t) {
    t->flags |= AK_F_FIN_QUEUED;
    ak_flags_clear(t, AK_F_MORE);
    if (t->state == AK_TCP_ESTABLISHED) ak_tcp_set_state(core, t, AK_TCP_FIN_WAIT_1, AKSU_STATE_BY_CALL);
    ak_tcp_want_output(core, t); /* CLOSE-WAIT: LAST-ACK when the FIN goes; SYN-RECEIVED: when it is over */
}

static aksu_err shutdown(struct ak_core *core, struct ak_tcb *t) {
    switch ((aksu_tcp_state)t->state) {
    case AK_TCP_SYN_SENT: /* "Delete the TCB and return 'error: closing' responses to any queued SENDs" */
        ak_tcp_end(core, t, AKSU_REASON_ABORTED, AKSU_STATE_BY_CALL);
        return AKSU_OK;
    case AK_TCP_SYN_RECEIVED:
    case AK_TCP_ESTABLISHED:
    case AK_TCP_CLOSE_WAIT:
        if (t->flags & AK_F_FIN_QUEUED) return AKSU_ERR_CLOSING;
        queue_fin(core, t);
        return AKSU_OK;
    case AK_TCP_FIN_WAIT_1:
    case AK_TCP_FIN_WAIT_2:
    case AK_TCP_CLOSING:
    case AK_TCP_LAST_ACK:
    case AK_TCP_TIME_WAIT: return AKSU_ERR_CLOSING;
    case AK_TCP_CLOSED:
    case AK_TCP_LISTEN:
    case AK_TCP_STATE_COUNT: break;
    }
    return AKSU_ERR_NOT_CONNECTED;
}

aksu_err aksu_tcp_shutdown(aksu_stack *stack, aksu_sock sock) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    if (ak_sock_find(core, sock, &ref) == NULL) return AKSU_ERR_BADSOCK;
    if (ak_ref_class(ref) != AK_KIND_TCB) return AKSU_ERR_NOT_CONNECTED;
    struct ak_tcb *t = ak_tcb_at(core, ref);
    struct ak_tuple tuple = t->tuple;
    aksu_err err = shutdown(core, t);
    ak_tcp_trace_call(core, &tuple, AKSU_CALL_SHUTDOWN, 0, err);
    return err;
}

static bool has_unread(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return false;
    uint32_t fin = (t->flags & AK_F_FIN_RECEIVED) ? 1 : 0;
    return ak_seq_bytes(x->read, t->rcv.nxt) > fin;
}

static void abort_connection(struct ak_core *core, struct ak_tcb *t) {
    aksu_tcp_state state = (aksu_tcp_state)t->state;
    bool tell_peer = state == AK_TCP_SYN_RECEIVED || state == AK_TCP_ESTABLISHED || state == AK_TCP_FIN_WAIT_1 ||
                     state == AK_TCP_FIN_WAIT_2 || state == AK_TCP_CLOSE_WAIT;
    if (tell_peer) ak_tcp_send_reset(core, t); /* s3.10.5 */
    if (state == AK_TCP_TIME_WAIT) {
        ak_ref record = ak_time_wait_of(core, t);
        if (record != AK_NONE) ak_time_wait_free(core, record, AKSU_STATE_BY_CALL);
    }
    bool over = state == AK_TCP_CLOSED || state == AK_TCP_TIME_WAIT;
    if (over) {
        ak_tcb_free(core, t);
        return;
    }
    ak_tcp_release(core, t);
    ak_tcp_end(core, t, AKSU_REASON_ABORTED, AKSU_STATE_BY_CALL);
}

/* The application lets go of an open connection: RFC 9293 s3.6.1, and how long what is left may take. */
static void close_connection(struct ak_core *core, struct ak_tcb *t) {
    const aksu_tcp_settings settings = *ak_settings_of(core, &t->sock);
    aksu_tcp_state state = (aksu_tcp_state)t->state;
    if (state == AK_TCP_CLOSED || state == AK_TCP_TIME_WAIT) {
        ak_tcb_free(core, t);
        return;
    }
    bool lingers_not = settings.linger && settings.linger_us == 0;
    bool unread = has_unread(core, t);
    if (state == AK_TCP_SYN_SENT || lingers_not || unread) { /* SHLD-3 */
        /* ABORT says nothing in these two (s3.10.5), but here bytes are lost. */
        if (unread && (state == AK_TCP_CLOSING || state == AK_TCP_LAST_ACK)) ak_tcp_send_reset(core, t);
        abort_connection(core, t);
        return;
    }
    if ((t->flags & AK_F_FIN_QUEUED) == 0) queue_fin(core, t);
    ak_tcp_release(core, t);
    if (settings.linger && (t->flags & AK_F_FIN_ACKED) == 0) {
        t->flags |= AK_F_LINGER;
        ak_tcp_timer_set(core, t, AKSU_TIMER_LINGER, core->now_us + settings.linger_us);
    } else if (t->state == AK_TCP_FIN_WAIT_2) {
        ak_tcp_timer_set(core, t, AKSU_TIMER_FIN_WAIT_2, core->now_us + settings.fin_wait_2_us);
    }
}

static aksu_err close_socket(struct ak_core *core, aksu_sock sock, aksu_call call) {
    ak_ref ref;
    if (ak_sock_find(core, sock, &ref) == NULL) return AKSU_ERR_BADSOCK;
    if (ak_ref_class(ref) == AK_KIND_LISTENER) {
        struct ak_tuple tuple = ak_listener_at(core, ref)->tuple;
        ak_tcp_trace_call(core, &tuple, call, 0, AKSU_OK);
        listener_free(core, ref);
        struct ak_state_change change = {
            .from = AK_TCP_LISTEN, .to = AK_TCP_CLOSED, .cause = AKSU_STATE_BY_CALL, .record = AKSU_RECORD_LISTENER};
        ak_tcp_state_changed(core, &tuple, &change);
        return AKSU_OK;
    }
    struct ak_tcb *t = ak_tcb_at(core, ref);
    ak_tcp_trace_call(core, &t->tuple, call, 0, AKSU_OK);
    if (call == AKSU_CALL_ABORT)
        abort_connection(core, t);
    else
        close_connection(core, t);
    return AKSU_OK;
}

aksu_err aksu_tcp_close(aksu_stack *stack, aksu_sock sock) {
    return close_socket(ak_core_of(stack), sock, AKSU_CALL_CLOSE);
}

aksu_err aksu_tcp_abort(aksu_stack *stack, aksu_sock sock) {
    return close_socket(ak_core_of(stack), sock, AKSU_CALL_ABORT);
}

/* ---------------------------------------------------------------- settings */

static const uint64_t *setting_field(const aksu_tcp_settings *settings, aksu_tcp_setting setting) {
    return &settings->mss_bytes + setting; /* all fields are uint64_t, in the order of the enum */
}
_Static_assert(sizeof(aksu_tcp_settings) == AKSU_TCP_SETTING_COUNT * sizeof(uint64_t), "no padding");

aksu_err aksu_tcp_get(const aksu_stack *stack, aksu_sock sock, aksu_tcp_setting setting, uint64_t *ret_value) {
    const struct ak_core *core = ak_core_of_const(stack);
    ak_ref ref;
    const struct ak_sock *s = ak_sock_find(core, sock, &ref);
    if (s == NULL) return AKSU_ERR_BADSOCK;
    if ((unsigned)setting >= AKSU_TCP_SETTING_COUNT) return AKSU_ERR_INVALID;
    *ret_value = *setting_field(ak_settings_of(core, s), setting);
    return AKSU_OK;
}

aksu_err aksu_tcp_set(aksu_stack *stack, aksu_sock sock, aksu_tcp_setting setting, uint64_t value) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    struct ak_sock *s = ak_sock_find(core, sock, &ref);
    if (s == NULL) return AKSU_ERR_BADSOCK;
    const aksu_tcp_setting_info_t *info = aksu_tcp_setting_info(setting);
    if (info == NULL) return AKSU_ERR_INVALID;
    if (value < info->min || value > info->max) return AKSU_ERR_OUT_OF_RANGE;
    aksu_tcp_settings changed = *ak_settings_of(core, s);
    *(uint64_t *)(uintptr_t)setting_field(&changed, setting) = value;
    if (ak_settings_check(&changed) != AKSU_OK) return AKSU_ERR_OUT_OF_RANGE;
    uint32_t index = ak_settings_take(core, &changed);
    if (index == AK_NONE) return AKSU_ERR_NO_MEMORY;
    bool connection = ak_ref_class(ref) == AK_KIND_TCB;
    bool other_cc = connection && changed.congestion_control != ak_settings_of(core, s)->congestion_control;
    if (other_cc) ak_tcp_cc_leaves(core, ak_tcb_at(core, ref));
    ak_settings_drop(core, s->settings);
    s->settings = (uint16_t)index;
    if (!connection) return AKSU_OK;
    struct ak_tcb *t = ak_tcb_at(core, ref);
    if (other_cc) ak_tcp_cc_enters(core, t);
    if (t->state == AK_TCP_CLOSED || t->state == AK_TCP_TIME_WAIT) return AKSU_OK;
    if (t->state == AK_TCP_SYN_SENT && t->retries == 0 && (t->flags & AK_F_SYN_DUE)) {
        offer(core, t); /* the SYN has not gone yet: it offers what is now wanted */
    }
    bool buffers = setting >= AKSU_TCP_RCV_BUF_BYTES && setting <= AKSU_TCP_SND_BUF_MAX_BYTES;
    if (buffers && t->transfer != AK_NONE) ak_tune_begin(core, t);
    if (setting == AKSU_TCP_RCV_BUF_BYTES) ak_tcp_window_opened(core, t);
    if (setting == AKSU_TCP_USER_TIMEOUT_US || setting == AKSU_TCP_USER_TIMEOUT_OPTION) t->user_timeout_due = true;
    ak_tcp_timer_file(core, t);
    ak_tcp_want_output(core, t);
    return AKSU_OK;
}
