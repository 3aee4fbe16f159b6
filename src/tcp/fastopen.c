/* TCP Fast Open: RFC 7413.
 *
 * The server's cookie is a keyed hash of both addresses and of a time that changes with config.fast_open_key_us; the
 * one before is still honoured.  Data on a SYN with a good cookie makes a control block in SYN-RECEIVED at once and is
 * handed to the application; at most config.fast_open_pending_max such at a time for each listener (s5.1).  A SYN that
 * is duplicated in the network delivers its data twice: that is why the setting is off unless asked for.
 *
 * The client keeps cookies in a small table by the server's address, one entry for each place, the latest winning.  A
 * path on which a SYN with data was lost is spared them for an hour (s4.1.3.1, s7.2). */
#include "tcp/fastopen.h"

#include "base/check.h"

/* ---------------------------------------------------------------- client */

static struct ak_fast_open_path *path_of(const struct ak_core *core, const aksu_addr *remote) {
    uint64_t hash = ak_siphash13(&core->key[AK_KEY_TABLE], remote, sizeof *remote);
    struct ak_fast_open_path *paths =
        (struct ak_fast_open_path *)(void *)((char *)(uintptr_t)core + core->fast_open_at);
    return &paths[hash % core->config.fast_open_cache_max];
}

uint32_t ak_fast_open_syn(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_options *options) {
    bool first = t->state == AK_TCP_SYN_SENT && t->retries == 0;
    if (!first || !ak_settings_of(core, &t->sock)->fast_open) return 0;
    const struct ak_fast_open_path *path = path_of(core, &t->tuple.remote);
    bool known = aksu_addr_equal(&path->remote, &t->tuple.remote);
    if (known && path->broken && (int32_t)(path->broken_until - ak_idle_clock(core)) > 0) return 0;
    options->present |= AKSU_OPT_FAST_OPEN;
    options->fast_open_cookie_bytes = 0; /* s4.1.1: asks for one */
    if (!known || path->cookie_bytes == 0) return 0;
    options->fast_open_cookie_bytes = path->cookie_bytes;
    ak_copy(options->fast_open_cookie, path->cookie, path->cookie_bytes);
    uint32_t option_bytes = ak_wire_tcp_option_bytes(options, AKSU_TCP_SYN);
    uint32_t mss = ak_min_u32(path->mss, t->path_mtu - ak_tcp_ip_header_bytes(&t->tuple) - AK_TCP_HEADER_BYTES);
    return mss > option_bytes ? mss - option_bytes : 0;
}

void ak_fast_open_learn(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    if (!ak_settings_of(core, &t->sock)->fast_open) return;
    bool cookie = (seg->options.present & AKSU_OPT_FAST_OPEN) && seg->options.fast_open_cookie_bytes > 0;
    if (!cookie) return;
    struct ak_fast_open_path *path = path_of(core, &t->tuple.remote);
    *path = (struct ak_fast_open_path){
        .remote = t->tuple.remote,
        .cookie_bytes = seg->options.fast_open_cookie_bytes,
        .mss = ak_tcp_peer_mss(seg),
    };
    ak_copy(path->cookie, seg->options.fast_open_cookie, path->cookie_bytes);
}

void ak_fast_open_lost(struct ak_core *core, struct ak_tcb *t) {
    enum { BROKEN_TICKS = 3515625 /* an hour of 1,024 us */ };
    if (!ak_settings_of(core, &t->sock)->fast_open || t->retries != 1) return;
    struct ak_fast_open_path *path = path_of(core, &t->tuple.remote);
    if (!aksu_addr_equal(&path->remote, &t->tuple.remote)) {
        *path = (struct ak_fast_open_path){.remote = t->tuple.remote};
    }
    path->broken = true;
    path->broken_until = ak_idle_clock(core) + BROKEN_TICKS;
}

/* ---------------------------------------------------------------- server */

static uint64_t cookie_at(const struct ak_core *core, const struct ak_tuple *tuple, uint64_t time) {
    struct {
        aksu_addr local, remote;
        uint64_t time;
    } input = {.local = tuple->local, .remote = tuple->remote, .time = time};
    return ak_siphash24(&core->key[AK_KEY_FAST_OPEN], &input, sizeof input);
}

static uint64_t key_time(const struct ak_core *core) {
    return core->now_us / ak_max_u64(1, core->config.fast_open_key_us);
}

void ak_fast_open_cookie(const struct ak_core *core, const struct ak_tuple *tuple, aksu_tcp_options *options) {
    uint64_t cookie = cookie_at(core, tuple, key_time(core));
    options->present |= AKSU_OPT_FAST_OPEN;
    options->fast_open_cookie_bytes = AK_FAST_OPEN_COOKIE_BYTES;
    ak_copy(options->fast_open_cookie, &cookie, sizeof cookie);
}

static bool cookie_good(const struct ak_core *core, const struct ak_seg *seg) {
    if (seg->options.fast_open_cookie_bytes != AK_FAST_OPEN_COOKIE_BYTES) return false;
    uint64_t time = key_time(core);
    uint64_t now = cookie_at(core, &seg->tuple, time);
    uint64_t before = cookie_at(core, &seg->tuple, time - 1);
    return ak_equal(seg->options.fast_open_cookie, &now, sizeof now) ||
           (time > 0 && ak_equal(seg->options.fast_open_cookie, &before, sizeof before));
}

/* s5.1: whether one more may be pending.  Those that a RST has ended still count until the last of them is this old:
 * the sender of a spoofed SYN could else make room for the next. */
static bool one_more(const struct ak_core *core, struct ak_listener *l) {
    if (l->fast_open_reset_count > 0 && (int32_t)(ak_idle_clock(core) - l->fast_open_reset_until) >= 0) {
        l->fast_open_count -= ak_min_u32(l->fast_open_count, l->fast_open_reset_count);
        l->fast_open_reset_count = 0;
    }
    return l->fast_open_count < core->config.fast_open_pending_max;
}

enum ak_verdict ak_fast_open_accept(struct ak_core *core, struct ak_seg *seg, ak_ref listener, aksu_drop *ret_drop) {
    struct ak_listener *l = ak_listener_at(core, listener);
    const aksu_tcp_settings *settings = ak_settings_of(core, &l->sock);
    if (!cookie_good(core, seg) || seg->old_incarnation != AK_NONE) return AK_NEXT;
    if (!one_more(core, l)) return AK_NEXT;
    bool room = ak_pool_free(&core->pool[AK_KIND_TCB]) > 0 && ak_pool_free(&core->pool[AK_KIND_TRANSFER]) > 0;
    if (!room) return AK_NEXT;
    uint16_t present = seg->options.present;
    struct ak_handshake h = {
        .tuple = &seg->tuple,
        .listener = listener,
        .iss = ak_tcp_isn(core, &seg->tuple),
        .irs = seg->seq,
        .ts_recent = seg->options.ts_val,
        .mss = ak_tcp_peer_mss(seg),
        .wscale = seg->options.wscale,
        .timestamps = (present & AKSU_OPT_TIMESTAMPS) && settings->timestamps,
        .window_scale = (present & AKSU_OPT_WSCALE) && settings->window_scale,
        .sack = (present & AKSU_OPT_SACK_PERMITTED) && settings->sack,
        .ecn = (uint8_t)ak_ecn_asked(seg, settings),
        .syn_ecn = seg->tos & 3,
        .link = seg->link,
        .record = AKSU_RECORD_TCB,
    };
    struct ak_tcb *t = ak_tcb_from_handshake(core, &h);
    ak_tcp_state_changed(core, &t->tuple,
                         &(struct ak_state_change){.from = AK_TCP_LISTEN,
                                                   .to = AK_TCP_SYN_RECEIVED,
                                                   .cause = AKSU_STATE_BY_SEGMENT,
                                                   .record = AKSU_RECORD_TCB});
    core->counters.tcp_passive_opens++;
    t->flags |= AK_F_FAST_OPEN | AK_F_SYN_DUE;
    t->snd.wnd = t->snd.max_wnd = seg->wnd; /* a SYN's window is never scaled */
    t->snd.wl1 = seg->seq;
    t->snd.wl2 = t->snd.una;
    ak_tcp_user_timeout_take(t, seg);
    l->fast_open_count++;
    ak_listener_push(core, t);
    struct ak_input in = {.core = core, .t = t, .seg = seg, .state_before = AK_TCP_LISTEN};
    seg->seq = ak_seq_add(seg->seq, 1);
    (void)ak_tcp_step_text(&in);
    seg->seq = ak_seq_sub(seg->seq, 1);
    t->fast_open = !ak_seq_eq(t->rcv.nxt, ak_seq_add(t->rcv.irs, 1));
    *ret_drop = in.drop; /* counted and traced with the SYN */
    ak_tcp_want_output(core, t);
    return AK_DONE;
}

void ak_fast_open_settled(struct ak_core *core, struct ak_tcb *t, aksu_reason reason) {
    enum { RESET_TICKS = 58594 /* a minute of 1,024 us */ };
    if ((t->flags & AK_F_FAST_OPEN) == 0) return;
    ak_flags_clear(t, AK_F_FAST_OPEN);
    struct ak_listener *l = ak_listener_at(core, t->listener);
    bool same = l->sock.generation == t->listener_generation;
    if (same && reason == AKSU_REASON_RESET) {
        l->fast_open_reset_count++;
        l->fast_open_reset_until = ak_idle_clock(core) + RESET_TICKS;
    } else if (same && l->fast_open_count > 0) {
        l->fast_open_count--;
    }
    if ((t->flags & AK_F_UNACCEPTED) == 0) t->listener = AK_NONE;
}
