/* What determines a stack's future, as one number.
 *
 * Counted: configuration, addresses, every live object by its content, the queues' bytes.  Times count relative to now;
 * not counted is what no packet or answer can show: where an object lies, free lists, generations, positions in the
 * wheel and the table, counters.  So objects are summed, not chained: their order does not matter.  Used to compare
 * stacks, not to authenticate them. */
#include "net/ether.h"
#include "net/udp.h"
#include "stack/stack.h"
#include "tcp/accecn.h"
#include "tcp/rate.h"

static const struct ak_key digest_key = {0x616b737564696765u, 0x7374000000000001u};

static uint64_t mix(uint64_t seed, const void *data, size_t bytes) {
    struct ak_key key = digest_key;
    key.k1 ^= seed;
    return ak_siphash13(&key, data, bytes);
}

static uint64_t mix_u64(uint64_t seed, uint64_t value) {
    return mix(seed, &value, sizeof value);
}

/* A deadline, relative to now. */
static uint64_t until(const struct ak_core *core, uint64_t due_us) {
    return due_us == AK_NEVER ? AK_NEVER : due_us - core->now_us;
}

static uint64_t stream_digest(const struct ak_core *core, const struct ak_stream *stream, ak_seq from, ak_seq to) {
    uint64_t h = 0;
    while (ak_seq_lt(from, to)) {
        uint32_t room, block;
        const uint8_t *p = ak_stream_at(stream, &core->blocks, from, &room, &block);
        uint32_t bytes = ak_min_u32(room, ak_seq_bytes(from, to));
        h = mix(h, p, bytes);
        from = ak_seq_add(from, bytes);
    }
    return h;
}

/* How long ago, and how far ahead; what is over is over. */
static uint64_t age(const struct ak_core *core, uint64_t since_us) {
    return since_us == AK_NEVER ? AK_NEVER : core->now_us - since_us;
}
static uint64_t ahead(const struct ak_core *core, uint64_t due_us) {
    return due_us > core->now_us ? due_us - core->now_us : 0;
}

static uint64_t cc_digest(const struct ak_core *core, const union ak_cc_state *cc) {
    uint64_t h = mix(0, cc, offsetof(struct ak_cubic, epoch_us)); /* newreno's end before the times */
    if (cc->cubic.epoch_us == 0) return h;
    return mix_u64(mix_u64(h, age(core, cc->cubic.epoch_us)), age(core, cc->cubic.last_us));
}

/* What a congestion control that models the path has found out. */
static uint64_t rate_digest(const struct ak_core *core, const struct ak_transfer *x) {
    const struct ak_rate *c = ak_rate_of(core, x);
    struct ak_bbr b;
    ak_copy(&b, &c->bbr, sizeof b); /* cleared at its start: its padding counts for nothing */
    uint64_t *const times[] = {&b.min_rtt_at_us, &b.probe_rtt_min_at_us, &b.cycle_at_us, &b.extra_at_us};
    for (uint32_t i = 0; i < sizeof times / sizeof times[0]; i++) *times[i] = core->now_us - *times[i];
    if (b.probe_rtt_done_us != 0) b.probe_rtt_done_us = ahead(core, b.probe_rtt_done_us) + 1;
    const uint64_t fields[] = {age(core, c->delivered_at_us),
                               age(core, c->first_sent_us),
                               c->app_limited ? x->delivered_bytes - c->app_limited_end : 1,
                               (uint64_t)c->lost_bytes << 32 | c->lost_end.n,
                               c->pacing_rate,
                               c->pace_rest,
                               c->pace_waits,
                               (uint64_t)c->quantum_bytes << 32 | x->delivered_bytes};
    return mix(mix(0, &b, sizeof b), fields, sizeof fields);
}

static uint64_t sample_digest(const struct ak_core *core, const struct ak_record *r) {
    struct ak_sample sample = *(const struct ak_sample *)ak_object(core, AK_KIND_SAMPLE, r->sample);
    const uint32_t words[] = {sample.delivered_bytes, sample.lost_bytes,
                              sample.in_flight_bytes, sample.send_elapsed_us,
                              sample.app_limited,     (uint32_t)core->now_us - sample.delivered_at_us};
    return mix(0, words, sizeof words);
}

/* What recovery has found out so far, and what is to be told. */
static uint64_t recovery_digest(const struct ak_core *core, const struct ak_tcb *t, const struct ak_transfer *x) {
    const uint64_t fields[] = {
        x->partial_acks,
        x->in_recovery == AK_RECOVERY_FAST ? age(core, x->reduced_us) : 0,
        x->prr.delivered,
        x->prr.out,
        x->prr.recover_fs,
        x->tlp.end.n,
        (uint64_t)x->tlp.out | (uint64_t)x->tlp.retransmission << 1 | (uint64_t)x->tlp.unmeasured << 2,
        x->limited_end.n,
        ahead(core, x->pace_next_us),
        x->pace_free_bytes,
        x->data_sent_us == 0 ? 0 : age(core, x->data_sent_us) + 1,
        x->cwv.round_end.n,
        x->cwv.round_bytes,
        (uint64_t)x->cwv.pipe_now << 32 | x->cwv.pipe_before,
        ahead(core, x->cwv.period_end_us),
        age(core, x->cwv.unused_since_us),
        (uint64_t)x->ecn_end.n << 8 | x->ecn_holds,
        x->duplicates_owed,
        (uint64_t)x->sack_turn << 32 | x->ranges_untold,
    };
    uint64_t h = mix(0, fields, sizeof fields);
    if (x->duplicate_due) h = mix(h, &x->duplicate, sizeof x->duplicate);
    if (x->rack.any) {
        const uint64_t rack[] = {
            age(core, x->rack.sent_us),
            (uint64_t)x->rack.end.n << 32 | x->rack.fack.n,
            (uint64_t)x->rack.rtt_us << 32 | x->rack.least_us,
            ahead(core, x->rack.least_end_us),
        };
        h = mix(h, rack, sizeof rack);
    }
    const uint32_t window[] = {x->rack.reordering, x->rack.dsack_seen, x->rack.dsack_seen ? x->rack.dsack_round.n : 0,
                               x->rack.window_extra, x->rack.window_persist};
    h = mix(h, window, sizeof window);
    if (!x->undo.kept) return h;
    const uint32_t undo[] = {x->undo.cwnd,
                             x->undo.ssthresh,
                             x->undo.flight_bytes,
                             x->undo.una.n,
                             x->undo.end.n,
                             x->undo.retransmitted ? ak_tcp_timestamp(core, t->ts_offset) - x->undo.timestamp : 0,
                             x->undo.again_bytes,
                             (uint32_t)x->undo.retransmitted | (uint32_t)x->undo.undecided << 1 |
                                 (uint32_t)x->undo.timeout << 2};
    return mix_u64(mix(h, undo, sizeof undo), cc_digest(core, &x->undo.cc));
}

static uint64_t reply_digest(const struct ak_core *core, const struct ak_reply *reply, uint64_t h) {
    uint32_t left = reply->payload_bytes;
    for (uint32_t i = 0; left > 0; i++) {
        uint32_t bytes = ak_min_u32(left, core->blocks.block_bytes);
        h = mix(h, ak_block_at(&core->blocks, ak_reply_block(core, reply, i)), bytes);
        left -= bytes;
    }
    return h;
}

static uint64_t transfer_digest(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return 0;
    uint64_t h = 1;
    for (int i = 0; i < AK_BUSY_COUNT; i++) h = mix_u64(h, until(core, x->due_us[i]));
    if (x->tune.round_end_us != AK_NEVER) {
        h = mix_u64(mix_u64(h, (uint64_t)x->tune.read_bytes << 32 | x->tune.taken.n),
                    ahead(core, x->tune.round_end_us));
        if (x->tune.round_end_us != 0) h = mix_u64(h, age(core, x->tune.round_us));
    }
    if (x->due_us[AK_BUSY_PERSIST] != AK_NEVER) h = mix_u64(h, core->now_us - x->shut_us);
    const uint32_t words[] = {
        x->send_end.n,        x->push_end.n,
        x->small_end.n,       x->read.n,
        x->rcv_buf_bytes,     x->snd_buf_bytes,
        x->tune.growth_bytes, x->reserved_bytes,
        x->peeked_bytes,      x->lost_bytes,
        x->sacked_bytes,      x->duplicate_acks,
        x->recovery_end.n,    x->in_recovery,
        x->rto_backoff,       x->unacked_segments | (uint32_t)x->quick_acks << 16,
        x->rcv_fin.n,         x->cwnd,
        x->ssthresh,          x->ranges.count,
        x->range_recent.n,    x->frto,
        x->ecn_echo,          x->ecn_cwr_due,
        x->duplicate_due,     x->undo.kept,
        x->mtu.proven_bytes,  x->mtu.probe,
        x->mtu.most,          x->mtu.failed,
        x->mtu.probes_lost,   x->mtu.probe ? x->mtu.probe_seq.n : 0,
        x->mtu.pending,       x->mtu.pending ? x->mtu.pending_seq.n : 0,
    };
    h = mix(h, words, sizeof words);
    h = mix_u64(h, x->rate != AK_NONE ? rate_digest(core, x) : cc_digest(core, &x->cc));
    h = mix_u64(h, until(core, ak_max_u64(x->mtu.next_us, core->now_us)));
    h = mix_u64(h, recovery_digest(core, t, x));
    for (uint32_t i = x->record_head; i != AK_NONE; i = ak_record_at(core, i)->next) {
        const struct ak_record *r = ak_record_at(core, i);
        const uint64_t fields[] = {r->seq.n,         r->bytes, until(core, r->sent_us), until(core, r->first_sent_us),
                                   r->segment_bytes, r->flags};
        h = mix(h, fields, sizeof fields);
        if (r->sample != AK_NONE) h = mix_u64(h, sample_digest(core, r));
    }
    ak_seq fin = ak_seq_sub(t->rcv.nxt, (t->flags & AK_F_FIN_RECEIVED) ? 1 : 0);
    h ^= stream_digest(core, &x->receive, x->read, fin);
    ak_seq queued = ak_seq_add(t->snd.una, t->state < AK_TCP_ESTABLISHED ? 1 : 0); /* behind our SYN */
    if (ak_seq_lt(queued, x->send_end)) h ^= stream_digest(core, &x->send, queued, x->send_end) * 3;
    for (uint32_t i = 0; i < x->ranges.count; i++) {
        const struct ak_range range = ak_ranges_at(&x->ranges, &core->blocks, i);
        h = mix(h, &range, sizeof range);
        h ^= stream_digest(core, &x->receive, range.left, range.right);
    }
    return h;
}

static uint64_t sock_digest(const struct ak_core *core, const struct ak_sock *sock) {
    uint64_t h = mix(sock->seen_bits | (uint64_t)sock->pending_bits << 8 | (uint64_t)(sock->generation & 1) << 16,
                     ak_settings_of(core, sock), sizeof(aksu_tcp_settings));
    return mix_u64(h, sock->user);
}

static uint64_t accecn_digest(const struct ak_accecn *a) {
    const uint32_t words[] = {(uint32_t)a->flags << 16 | (uint32_t)a->syn_ecn << 8 | a->marked_rounds, a->heard_ts,
                              a->acked_average, a->first_data.n, a->round_end.n};
    uint64_t h = mix(mix(0, words, sizeof words), &a->r, sizeof a->r);
    return mix(mix(h, &a->s, sizeof a->s), &a->told, sizeof a->told);
}

static uint64_t tcb_digest(const struct ak_core *core, const struct ak_tcb *t) {
    uint32_t idle = ak_idle_clock(core);
    uint64_t h = mix(sock_digest(core, &t->sock), &t->tuple, sizeof t->tuple);
    const uint32_t words[] = {
        t->flags,
        (uint32_t)t->state | (uint32_t)t->reason << 8 | (uint32_t)t->soft_error << 16 | (uint32_t)t->retries << 24,
        (uint32_t)t->link << 16 | t->path_mtu,
        t->snd.una.n,
        t->snd.nxt.n,
        t->snd.up.n,
        t->snd.wl1.n,
        t->snd.wl2.n,
        t->snd.iss.n,
        t->snd.wnd,
        t->snd.max_wnd,
        (uint32_t)t->snd.mss << 16 | (uint32_t)t->snd.wscale << 8 | t->rcv.wscale,
        (uint32_t)t->probe_count << 16 | t->challenge_count,
        t->rcv.nxt.n,
        t->rcv.up.n,
        t->rcv.irs.n,
        t->rcv.edge.n,
        t->rcv.mss,
        t->ts_recent,
        t->ts_recent_age - idle,
        t->last_ack_sent.n,
        t->srtt_us,
        t->rttvar_us,
        t->min_rtt_us,
        t->cwnd,
        t->ssthresh,
        t->last_send - idle,
        t->last_receive - idle,
        t->life_due == 0 ? 0 : t->life_due - idle,
        t->unacked_since - idle,
        t->peer_user_timeout,
        t->user_timeout_due,
        t->fast_open,
    };
    h = mix(h, words, sizeof words);
    h = mix_u64(h, until(core, t->rto_due_us));
    if (t->accecn != AK_NONE) h = mix_u64(h, accecn_digest(ak_accecn_of(core, t)));
    return mix_u64(h, transfer_digest(core, t));
}

static uint64_t listener_digest(const struct ak_core *core, const struct ak_listener *l) {
    const uint32_t words[] = {l->accept_count,
                              l->backlog,
                              l->syn_count,
                              l->flags,
                              l->deferred_count,
                              l->fast_open_count,
                              l->fast_open_reset_count,
                              l->fast_open_reset_count > 0 ? l->fast_open_reset_until - ak_idle_clock(core) : 0};
    uint64_t h = mix(sock_digest(core, &l->sock), &l->tuple, sizeof l->tuple);
    for (ak_ref ref = l->accept.head; ref != AK_NONE; ref = ak_tcb_at(core, ref)->sock.ready.next)
        h = mix(h, &ak_tcb_at(core, ref)->tuple, sizeof(struct ak_tuple)); /* their order matters */
    return mix(h, words, sizeof words);
}

static uint64_t syn_digest(const struct ak_core *core, const struct ak_syn *syn) {
    const uint32_t words[] = {syn->iss.n,
                              syn->irs.n,
                              syn->ts_recent,
                              syn->mss,
                              syn->wscale,
                              syn->flags,
                              syn->retries,
                              syn->link,
                              (uint32_t)core->now_us - syn->sent_us,
                              syn->time_wait != AK_NONE};
    uint64_t h = mix(0, &syn->tuple, sizeof syn->tuple);
    h = mix(h, words, sizeof words);
    return mix_u64(h, until(core, ak_wheel_due_us(&core->wheel, &syn->timer)));
}

static uint64_t time_wait_digest(const struct ak_core *core, const struct ak_time_wait *record) {
    const uint64_t fields[] = {record->snd_nxt.n, record->rcv_nxt.n, record->ts_recent,
                               record->due_flags >> AK_TW_ACE_SHIFT, ak_time_wait_due_us(core, record) - core->now_us};
    return mix(mix(0, &record->tuple, sizeof record->tuple), fields, sizeof fields);
}

static uint64_t neighbour_digest(const struct ak_core *core, const struct ak_neighbour *n) {
    const uint64_t fields[] = {(uint64_t)ak_neighbour_state(core, n) | (uint64_t)n->asked << 8 |
                                   (uint64_t)n->gateway << 16 | (uint64_t)n->failed << 24 | (uint64_t)n->link << 32,
                               n->held_count, n->wait_us, until(core, ak_wheel_due_us(&core->wheel, &n->timer)),
                               n->nud == AKSU_NEIGHBOUR_REACHABLE ? core->now_us - n->confirmed_us : 0};
    uint64_t h = mix(mix(0, &n->addr, sizeof n->addr), fields, sizeof fields);
    h = mix(h, &n->mac, sizeof n->mac);
    uint32_t at = n->held_first;
    for (uint32_t i = 0; i < n->held_count; i++) {
        const struct ak_held *held = ak_object(core, AK_KIND_HELD, at);
        h = mix(h, held->reply.header, held->reply.header_bytes);
        at = held->next;
    }
    return h;
}

static uint64_t addr_digest(const struct ak_core *core, const struct ak_addr_entry *entry) {
    const uint64_t fields[] = {
        (uint64_t)entry->link | (uint64_t)entry->prefix_bits << 16 | (uint64_t)entry->phase << 24 |
            (uint64_t)entry->origin << 32 | (uint64_t)entry->probes_left << 40 | (uint64_t)entry->announces_left << 48 |
            (uint64_t)entry->collisions << 56,
        until(core, entry->due_us), until(core, entry->preferred_until_us), until(core, entry->valid_until_us)};
    return mix(mix(1, &entry->addr, sizeof entry->addr), fields, sizeof fields);
}

static uint64_t reassembly_digest(const struct ak_core *core, const struct ak_reassembly *r) {
    const uint64_t fields[] = {r->end_bytes, r->piece_count, (uint64_t)r->lost << 8 | r->congestion_seen,
                               r->link,      r->frame_flags, until(core, ak_wheel_due_us(&core->wheel, &r->timer))};
    uint64_t h = mix(mix(6, &r->key, sizeof r->key), fields, sizeof fields);
    if (r->begun) h = mix(h, r->header, r->first.ip.header_bytes);
    for (uint32_t i = 0; i < r->piece_count; i++) {
        uint32_t at = r->piece[i].from * 8u, end = r->piece[i].to * 8u;
        if (r->end_bytes != 0) end = ak_min_u32(end, r->end_bytes);
        h = mix(h, &r->piece[i], sizeof r->piece[i]);
        h = mix_u64(h, stream_digest(core, &r->data, (ak_seq){at}, (ak_seq){end}));
    }
    return h;
}

static uint64_t net_digest(const struct ak_core *core) {
    const struct ak_net *net = ak_net_of(core);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < core->pool[AK_KIND_NEIGHBOUR].watermark; i++) {
        const struct ak_neighbour *n = ak_neighbour_at(core, i);
        if (n->nud != AKSU_NEIGHBOUR_NONE) sum += neighbour_digest(core, n);
    }
    const struct ak_reassemblies *all = &net->reassemblies;
    for (ak_ref ref = all->age.head; ref != AK_NONE;) {
        const struct ak_reassembly *r = ak_object(core, AK_KIND_REASSEMBLY, ak_ref_index(ref));
        sum += reassembly_digest(core, r);
        ref = r->age.next;
    }
    for (uint32_t i = 0; i < net->addr_count; i++) sum += addr_digest(core, &ak_addr_entries(net)[i]);
    for (uint32_t i = 0; i < net->route_count; i++) {
        const struct ak_route_entry *entry = &ak_routes(net)[i];
        const uint64_t fields[] = {(uint64_t)entry->route.prefix_bits | (uint64_t)entry->route.link << 8,
                                   entry->route.metric, until(core, entry->valid_until_us)};
        uint64_t h = mix(mix(2, &entry->route.prefix, sizeof(aksu_addr)), fields, sizeof fields);
        sum += mix(h, &entry->route.gateway, sizeof(aksu_addr));
    }
    return sum;
}

static uint64_t udp_digest(const struct ak_core *core, const struct ak_udp *u) {
    const uint64_t fields[] = {u->link,       u->ttl,      u->dscp,     u->flags,
                               u->soft_error, u->held_max, u->sequence, u->error.reason};
    uint64_t h = mix(mix(5, &u->tuple, sizeof u->tuple), fields, sizeof fields);
    for (uint32_t i = u->first; i != AK_NONE; i = ak_datagram_at(core, i)->next) {
        const struct ak_datagram *d = ak_datagram_at(core, i);
        h = mix(h, &d->from.remote, sizeof d->from.remote);
        for (uint32_t at = 0; at < d->bytes;) {
            uint32_t room;
            const uint8_t *p = ak_datagram_piece(core, d, at, &room);
            room = ak_min_u32(room, d->bytes - at);
            h = mix(h, p, room);
            at += room;
        }
    }
    return h;
}

static uint64_t objects_digest(const struct ak_core *core) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < core->pool[AK_KIND_TCB].watermark; i++) {
        const struct ak_tcb *t = ak_object(core, AK_KIND_TCB, i);
        if (t->flags & AK_F_LIVE) sum += tcb_digest(core, t);
    }
    for (uint32_t i = 0; i < core->pool[AK_KIND_LISTENER].watermark; i++) {
        const struct ak_listener *l = ak_object(core, AK_KIND_LISTENER, i);
        if (l->sock.generation & 1) sum += listener_digest(core, l);
    }
    for (uint32_t i = 0; i < core->pool[AK_KIND_SYN].watermark; i++) {
        const struct ak_syn *syn = ak_object(core, AK_KIND_SYN, i);
        if (syn->generation & 1) sum += syn_digest(core, syn);
    }
    for (uint32_t i = 0; i < AK_PATH_MTUS; i++) {
        const struct ak_path_mtu *place = &core->datagram_mtu[i];
        uint64_t until_us = until(core, place->until_us);
        if (place->until_us > core->now_us) sum += mix_u64(mix(9, &place->to, sizeof place->to), until_us + place->mtu);
    }
    for (uint32_t i = 0; i < core->pool[AK_KIND_UDP].watermark; i++) {
        const struct ak_udp *u = ak_object(core, AK_KIND_UDP, i);
        if (u->sock.generation & 1) sum += udp_digest(core, u);
    }
    for (ak_ref ref = core->time_wait.head; ref != AK_NONE; ref = ak_time_wait_at(core, ref)->age.next)
        sum += time_wait_digest(core, ak_time_wait_at(core, ref));
    return sum;
}

uint64_t aksu_stack_digest(const aksu_stack *stack) {
    const struct ak_core *core = &stack->core;
    uint64_t h = mix(1, core->key, sizeof core->key);
    h = mix_u64(h, core->prng.counter);
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct ak_link_state *link = ak_link_state_at(core, i);
        const uint32_t words[] = {link->mtu, link->flags, link->tso_max_bytes, link->up};
        h = mix(h, words, sizeof words);
    }
    for (uint32_t i = 0; i < core->reply_count; i++) {
        const struct ak_reply *reply = ak_reply_at(core, (core->reply_first + i) % core->config.reply_max);
        h = mix(h, reply->header, reply->header_bytes);
        h = reply_digest(core, reply, h);
    }
    for (ak_ref ref = core->output.head; ref != AK_NONE; ref = ak_tcb_at(core, ref)->output.next)
        h = mix(h, &ak_tcb_at(core, ref)->tuple, sizeof(struct ak_tuple)); /* who sends first */
    h = mix_u64(h, net_digest(core));
    return mix_u64(h, objects_digest(core));
}
