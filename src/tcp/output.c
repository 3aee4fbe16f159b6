/* Sends what a connection has: plan, build, commit, until the plan is nothing.
 *
 * commit never fails; it runs for "nothing" too, where it arms what the reasons for stopping call for: the persist
 * timer for a shut window, the cork timer for a corked tail. */
#include "tcp/output.h"
#include "base/check.h"
#include "tcp/accecn.h"
#include "tcp/fastopen.h"
#include "tcp/rate.h"
#include "wire/ip.h"

/* Any ACK carries all that was owed. */
static void ack_went(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    ak_flags_clear(t, AK_F_ACK_NOW | AK_F_CHALLENGE | AK_F_DUPLICATE_ACK | AK_F_WINDOW_UPDATE);
    t->last_ack_sent = t->rcv.nxt;
    t->user_timeout_due = false;
    if (x == NULL) return;
    x->unacked_segments = 0;
    x->duplicate_due = false;
    if (x->duplicates_owed > 0) x->duplicates_owed--;
    if (x->duplicates_owed > 0) t->flags |= AK_F_ACK_NOW | AK_F_DUPLICATE_ACK;
    if (x->ranges.count > 0) {
        /* The newest comes first in every ACK; the other blocks go round. */
        uint32_t others = (t->flags & AK_F_TIMESTAMPS ? AKSU_SACK_BLOCK_MAX - 1 : AKSU_SACK_BLOCK_MAX) - 1;
        if (t->accecn != AK_NONE) others = 1; /* its option leaves room for two */
        x->sack_turn = (x->sack_turn + others) % x->ranges.count;
        x->ranges_untold -= ak_min_u32(x->ranges_untold, others);
        /* Segments that come in one batch draw one ACK (MUST-58), but each gap that they show must be told. */
        if (x->ranges_untold > 0 && (t->flags & AK_F_SACK)) t->flags |= AK_F_ACK_NOW | AK_F_DUPLICATE_ACK;
    } else {
        x->ranges_untold = 0;
    }
    if (t->flags & AK_F_ACK_DELAYED) {
        ak_flags_clear(t, AK_F_ACK_DELAYED);
        ak_tcp_timer_cancel(core, t, AKSU_TIMER_DELAYED_ACK);
    }
}

/* Our FIN has its number now; from CLOSE-WAIT it is what enters LAST-ACK (s3.10.4). */
static void fin_went(struct ak_core *core, struct ak_tcb *t) {
    ak_flags_clear(t, AK_F_FIN_DUE);
    if (t->flags & AK_F_FIN_SENT) return;
    t->flags |= AK_F_FIN_SENT;
    t->snd.nxt = ak_seq_add(t->snd.nxt, 1);
    t->unacked_since = ak_idle_clock(core);
    if (t->state == AK_TCP_CLOSE_WAIT) ak_tcp_set_state(core, t, AK_TCP_LAST_ACK, AKSU_STATE_BY_CALL);
}

static void new_data_went(struct ak_core *core, struct ak_tcb *t, const struct ak_plan *plan, uint32_t mss) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (plan->flags & AKSU_TCP_CWR) x->ecn_cwr_due = false;
    ak_tcp_flight_sent(core, t, plan->seq, plan->bytes, mss);
    t->snd.nxt = ak_seq_add(plan->seq, plan->bytes);
    if (plan->bytes % mss != 0) x->small_end = t->snd.nxt;
    if (t->flags & AK_F_TAIL_PROBE_DUE) ak_tlp_sent(core, t, /* retransmission= */ false);
    if (!ak_seq_eq(t->snd.nxt, x->send_end)) return;
    ak_flags_clear(t, AK_F_PUSH);
    if (x->due_us[AK_BUSY_CORK] != AK_NEVER) ak_tcp_timer_cancel(core, t, AKSU_TIMER_CORK);
}

static void syn_went(struct ak_core *core, struct ak_tcb *t, const struct ak_plan *plan, uint32_t mss) {
    ak_flags_clear(t, AK_F_SYN_DUE);
    if (plan->bytes > 0) {
        struct ak_plan data = *plan;
        data.seq = ak_seq_add(plan->seq, 1);
        new_data_went(core, t, &data, mss);
    }
    if (!plan->retransmission) {
        t->last_send = (uint32_t)core->now_us;
        t->unacked_since = ak_idle_clock(core);
    } else {
        core->counters.tcp_retransmitted++;
    }
}

static bool probing(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    return x != NULL && x->due_us[AK_BUSY_PERSIST] != AK_NEVER;
}

static bool first_again_in_recovery(const struct ak_core *core, const struct ak_tcb *t, ak_seq seq) {
    return ak_transfer_of(core, t)->in_recovery == AK_RECOVERY_FAST && (t->flags & AK_F_SACK) &&
           ak_seq_eq(seq, t->snd.una);
}

static void commit(struct ak_core *core, struct ak_tcb *t, const struct ak_plan *plan, uint32_t mss) {
    core->counters.tcp_segments_out++;
    ak_tally_out(core, t, plan->bytes, mss);
    switch (plan->kind) {
    case AK_PLAN_NOTHING: return;
    case AK_PLAN_SYN: syn_went(core, t, plan, mss); break;
    case AK_PLAN_RETRANSMIT:
        ak_tcp_flight_retransmitted(core, t, plan->record, plan->bytes);
        /* RFC 6675 s6: a loss that takes several round trips to repair is no timeout as long as ACKs come. */
        if (first_again_in_recovery(core, t, plan->seq)) ak_tcp_rto_restart(core, t);
        break;
    case AK_PLAN_DATA:
        new_data_went(core, t, plan, mss);
        if (plan->mtu_probe) ak_plpmtud_sent(core, t, plan->seq);
        ak_flags_clear(t, AK_F_PROBE_DUE); /* what goes now is in the care of the retransmission timer */
        if (probing(core, t)) ak_tcp_persist_over(core, t);
        break;
    case AK_PLAN_TAIL_PROBE:
        ak_tcp_flight_probed(core, t, plan->bytes);
        ak_tlp_sent(core, t, /* retransmission= */ true);
        break;
    case AK_PLAN_FIN:
        if (plan->retransmission) core->counters.tcp_retransmitted++;
        break;
    case AK_PLAN_PROBE:
        ak_flags_clear(t, AK_F_PROBE_DUE);
        if (plan->retransmission)
            ak_tcp_flight_probed_window(core, ak_transfer_of(core, t));
        else
            new_data_went(core, t, plan, mss);
        break;
    case AK_PLAN_KEEPALIVE: ak_flags_clear(t, AK_F_KEEPALIVE_DUE); break;
    case AK_PLAN_ACK: break;
    }
    if (plan->flags & AKSU_TCP_FIN) fin_went(core, t);
    if (plan->flags & AKSU_TCP_ACK) ack_went(core, t);
    if (plan->kind != AK_PLAN_SYN) t->last_send = ak_idle_clock(core);
    bool outstanding = !ak_seq_eq(t->snd.una, t->snd.nxt);
    if (outstanding && t->rto_due_us == AK_NEVER && plan->kind != AK_PLAN_PROBE && !probing(core, t))
        ak_tcp_rto_restart(core, t); /* RFC 6298 s5.1 */
    if (plan->kind == AK_PLAN_DATA) ak_tlp_schedule(core, t);
}

static enum ak_spending spending(const struct ak_tcb *t, const struct ak_transfer *x, enum ak_stop stop) {
    if (ak_seq_le(x->send_end, t->snd.una)) return AK_SPENDS_NOTHING;
    if (stop == AK_STOP_WINDOW) return AK_SPENDS_WINDOW;
    bool all_sent = ak_seq_eq(x->send_end, t->snd.nxt), refused = (t->sock.seen_bits & AKSU_EV_WRITABLE) == 0;
    return all_sent && refused ? AK_SPENDS_BUFFER : AK_SPENDS_BUSY;
}

/* Nothing more goes now: what will make it go later? */
static void commit_nothing(struct ak_core *core, struct ak_tcb *t, const struct ak_plan *plan) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    bool synchronized = t->state >= AK_TCP_ESTABLISHED;
    if (x == NULL || !synchronized) return;
    bool waits = ak_seq_lt(t->snd.una, x->send_end);
    bool nothing_new = ak_seq_eq(t->snd.una, t->snd.nxt);
    /* s3.8.6.1, SHLD-29: the first probe after one RTO.  With the window shut nothing in flight is timed out (SHLD-17).
     */
    bool shut = t->snd.wnd == 0 && waits;
    if (shut) {
        ak_tcp_timer_cancel(core, t, AKSU_TIMER_RETRANSMIT);
        ak_tcp_timer_cancel(core, t, AKSU_TIMER_TAIL_LOSS_PROBE);
    }
    if ((shut || (plan->stop == AK_STOP_WINDOW && waits && nothing_new)) && x->due_us[AK_BUSY_PERSIST] == AK_NEVER) {
        x->rto_backoff = 0;
        x->shut_us = core->now_us;
        ak_tcp_timer_set(core, t, AKSU_TIMER_PERSIST, core->now_us + ak_tcp_rto_us(core, t));
    }
    if (plan->stop == AK_STOP_RECORDS) ak_memory_wait(core, t);
    if (plan->stop == AK_STOP_CWND) x->limited_end = t->snd.nxt;
    x->pushed_out_bytes = ak_seq_bytes(t->snd.una, t->snd.nxt);
    bool wants = plan->stop == AK_STOP_EMPTY || plan->stop == AK_STOP_NAGLE || plan->stop == AK_STOP_CORK;
    if (x->rate != AK_NONE) ak_rate_of(core, x)->pace_waits = plan->stop == AK_STOP_PACE;
    if (x->rate != AK_NONE && wants) ak_rate_ran_out(core, t);
    if (plan->stop == AK_STOP_PACE && x->due_us[AK_BUSY_PACING] != x->pace_next_us)
        ak_tcp_timer_set(core, t, AKSU_TIMER_PACING, x->pace_next_us);
    ak_tally_spends(core, x, spending(t, x, plan->stop));
    enum { CORK_US = 200000 };
    if (plan->stop == AK_STOP_CORK && x->due_us[AK_BUSY_CORK] == AK_NEVER) /* MUST-60: not for ever */
        ak_tcp_timer_set(core, t, AKSU_TIMER_CORK, core->now_us + CORK_US);
}

/* The most text a frame may carry: what the link cuts into segments, what the slot can lend, what an IP packet can
 * hold. */
static uint32_t super_bytes(const struct ak_core *core, const struct ak_tcb *t, uint32_t mss) {
    const struct ak_link_state *link = ak_link_state_at(core, t->link);
    uint32_t lendable = (AK_FRAME_BLOCK_MAX - 1) * core->blocks.block_bytes;
    uint32_t cuts = ak_addr_is_v4(&t->tuple.remote) ? AKSU_LINK_TSO4 : AKSU_LINK_TSO6;
    if ((link->flags & cuts) == 0 || link->tso_max_bytes < mss + AK_FRAME_HEADER_BYTES) return mss;
    uint32_t most = ak_min_u32(link->tso_max_bytes, 65535) - AK_FRAME_HEADER_BYTES;
    most = ak_min_u32(most, lendable);
    return most - most % mss;
}

struct sender {
    aksu_tcp_options options, syn_options;
    struct ak_plan_env env;
};

static void sender_look(struct ak_core *core, struct ak_tcb *t, struct sender *s) {
    s->env.settings = ak_settings_of(core, &t->sock);
    s->env.x = ak_transfer_of(core, t);
    s->env.record_free = ak_pool_free(&core->pool[AK_KIND_RECORD]) > 0;
    s->env.lost = NULL;
    s->env.tail = NULL;
    if (s->env.x != NULL && s->env.x->record_tail != AK_NONE) s->env.tail = ak_record_at(core, s->env.x->record_tail);
    if (s->env.x != NULL && s->env.x->lost_bytes > 0) {
        s->env.lost_index = ak_tcp_flight_lost(core, s->env.x);
        if (s->env.lost_index != AK_NONE) s->env.lost = ak_record_at(core, s->env.lost_index);
    }
    s->env.paced = s->env.x != NULL && s->env.x->pace_next_us > core->now_us && ak_pace_waits(core, t);
    bool searches = s->env.x != NULL && s->env.x->mtu.next_us <= core->now_us;
    s->env.probe_bytes = searches ? ak_plpmtud_probe_bytes(core, t, s->env.mss_bytes) : 0;
    s->env.lost_is_lent = false;
    if (core->config.output_sync) return; /* all is given back before the next output */
    s->env.lost_is_lent = s->env.lost != NULL && ak_frame_is_lent(core, s->env.lost->token, ak_tcb_ref(core, t));
    bool probes = (t->flags & AK_F_TAIL_PROBE_DUE) && s->env.tail != NULL;
    if (probes && ak_frame_is_lent(core, s->env.tail->token, ak_tcb_ref(core, t))) s->env.tail = NULL;
}

/* Offloads clear CWR in all but the first segment of a super-segment, where it may be a bit of a counter: RFC 9768
 * s3.3.4. */
static void sender_ecn(const struct ak_core *core, const struct ak_tcb *t, struct sender *s) {
    s->env.ect = ak_ecn_capable(core, t);
    const struct ak_accecn *a = ak_accecn_agreed(core, t);
    if (a == NULL) return;
    s->env.ack_first = (a->flags & AK_ACC_HANDSHAKE_ACK) && (t->flags & AK_F_SYN_DUE) == 0;
    if (ak_ace_flags(a->r.cep) & AKSU_TCP_CWR) s->env.super_bytes = s->env.mss_bytes;
}

static void sender_init(struct ak_core *core, struct ak_tcb *t, struct sender *s) {
    ak_tcp_segment_options(core, t, &s->options);
    uint32_t lendable = (AK_FRAME_BLOCK_MAX - 1) * core->blocks.block_bytes;
    uint32_t mss = ak_tcp_effective_mss(core, t, ak_wire_tcp_option_bytes(&s->options, 0));
    mss = ak_min_u32(mss, lendable);
    s->env = (struct ak_plan_env){.mss_bytes = mss, .super_bytes = super_bytes(core, t, mss)};
    if (t->flags & AK_F_ECN) sender_ecn(core, t, s);
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL || !ak_seq_lt(t->snd.nxt, x->send_end)) return; /* an ACK, or what was sent before */
    if (s->env.super_bytes > s->env.mss_bytes)
        s->env.super_bytes = ak_pace_quantum(core, t, s->env.super_bytes, s->env.mss_bytes);
    if (x->record_head == AK_NONE) ak_cwv_restart(core, t);
}

/* Which frame carries the record's last transmission. */
static void note_token(struct ak_core *core, struct ak_tcb *t, const struct ak_plan *plan, uint32_t token) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (plan->bytes == 0 || x == NULL || x->record_tail == AK_NONE) return;
    uint32_t index = plan->kind == AK_PLAN_RETRANSMIT ? plan->record : x->record_tail;
    ak_record_at(core, index)->token = token;
}

/* An ACK that answers ACKs has no SACK blocks (RFC 9768 s3.2.2.5.1), nor one with the handshake's encoding (s3.2.2.1).
 * What came twice is told once, or never. */
static void ecn_prepare(const struct ak_core *core, const struct ak_tcb *t, const struct ak_plan *plan,
                        struct sender *s) {
    const struct ak_accecn *a = ak_accecn_agreed(core, t);
    if (a == NULL || plan->kind == AK_PLAN_SYN) return;
    bool answers_acks = (a->flags & AK_ACC_BARE_ACK) && (s->env.x == NULL || !s->env.x->duplicate_due);
    if (plan->kind == AK_PLAN_ACK && ((a->flags & AK_ACC_HANDSHAKE_ACK) || answers_acks))
        s->options.present &= (uint16_t)~AKSU_OPT_SACK;
}

/* The option goes once, and the segments after it are larger for that. */
static void ecn_went(struct ak_core *core, struct ak_tcb *t, const struct ak_build *b, struct sender *s) {
    if (b->plan->kind == AK_PLAN_SYN) {
        ak_accecn_syn_went(core, t);
        return;
    }
    ak_ecn_went(core, t,
                &(struct ak_ecn_segment){
                    .seq = b->plan->seq,
                    .bytes = b->plan->bytes,
                    .present = b->options->present,
                    .retransmission = b->plan->retransmission,
                });
    sender_init(core, t, s);
}

/* What one frame was. */
enum sent { SENT_NOTHING, SENT_ONE, SENT_LAST };

/* One frame, if there is something to send now. */
static enum sent send_one(struct ak_core *core, struct ak_tcb *t, struct sender *s, aksu_frame *ret_frame,
                          bool *ret_blocked) {
    sender_look(core, t, s);
    if (t->flags & AK_F_SYN_DUE) {
        s->syn_options = ak_tcp_syn_options(core, t);
        s->env.syn_bytes = ak_fast_open_syn(core, t, &s->syn_options);
        s->env.syn_flags = ak_ecn_syn_flags(core, t);
    }
    if (s->env.x != NULL &&
        (s->env.x->ranges.count > 0 || (s->options.present & (AKSU_OPT_SACK | AKSU_OPT_USER_TIMEOUT))))
        ak_tcp_segment_options(core, t, &s->options);
    struct ak_plan plan = ak_tcp_plan(t, &s->env);
    if (plan.kind == AK_PLAN_NOTHING) {
        commit_nothing(core, t, &plan);
        return SENT_NOTHING;
    }
    struct ak_frame_slot *slot = ak_frame_new(core);
    if (slot == NULL) {
        *ret_blocked = true;
        return SENT_NOTHING;
    }
    uint32_t mss = plan.mtu_probe ? plan.bytes : s->env.mss_bytes;
    struct ak_build build = {
        .core = core,
        .t = t,
        .plan = &plan,
        .options = plan.kind == AK_PLAN_SYN ? &s->syn_options : &s->options,
        .mss_bytes = mss,
        .edge = t->state == AK_TCP_SYN_SENT ? t->rcv.edge : ak_tcp_window_edge(core, t),
    };
    if (t->accecn != AK_NONE) ecn_prepare(core, t, &plan, s);
    ak_tcp_build(&build, slot, ret_frame);
    struct ak_trace_segment what = {
        .t = t,
        .state_before = (aksu_tcp_state)t->state,
        .cause = plan.cause,
        .retransmission = plan.retransmission,
    };
    if (plan.kind != AK_PLAN_SYN) t->rcv.edge = build.edge;
    commit(core, t, &plan, mss);
    const bool ack_first = s->env.ack_first;
    if (t->accecn != AK_NONE) ecn_went(core, t, &build, s);
    if (!core->config.output_sync) note_token(core, t, &plan, ret_frame->token);
    what.state_after = (aksu_tcp_state)t->state;
    ak_tcp_trace_out(core, ret_frame, &what);
    /* An ACK goes alone only if all else has to wait: no need to ask again. */
    if (plan.kind != AK_PLAN_ACK || (t->flags & AK_F_ACK_NOW) || ack_first) return SENT_ONE;
    commit_nothing(core, t, &plan);
    return SENT_LAST;
}

void ak_tcp_frame_returned(struct ak_core *core, ak_ref owner) {
    struct ak_tcb *t = ak_tcb_at(core, owner);
    bool open = (t->flags & AK_F_LIVE) && t->state != AK_TCP_CLOSED && t->state != AK_TCP_TIME_WAIT;
    if (open) ak_tcp_want_output(core, t);
}

size_t ak_tcp_output(struct ak_core *core, struct ak_tcb *t, aksu_frame *ret_frames, size_t frame_cap) {
    size_t count = 0;
    bool blocked = !ak_link_state_at(core, t->link)->up;
    struct sender s; /* its options are written before they are read */
    sender_init(core, t, &s);
    enum sent sent = SENT_ONE;
    while (count < frame_cap && !blocked && sent == SENT_ONE) {
        sent = send_one(core, t, &s, &ret_frames[count], &blocked);
        if (sent != SENT_NOTHING) count++;
    }
    bool link_down = !ak_link_state_at(core, t->link)->up;
    if (blocked && !link_down) return count; /* no frame is free: it stays first in line */
    ak_list_remove(&core->output, &core->output_lens, ak_tcb_ref(core, t));
    bool more = count == frame_cap && sent == SENT_ONE && !link_down;
    if (more) ak_list_push_back(&core->output, &core->output_lens, ak_tcb_ref(core, t)); /* others first */
    return count;
}
