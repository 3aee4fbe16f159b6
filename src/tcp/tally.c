/* What STATUS tells of a transfer besides its state: what has come and gone, and what the time was spent on.  Nothing
 * here decides anything. */
#include "tcp/tcp.h"

void ak_tally_in(struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg, uint32_t text_bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    uint32_t count = ak_seg_count(seg, text_bytes);
    x->tally.segments_in += count;
    if (text_bytes == 0) return;
    x->tally.data_in += count;
    x->tally.data_in_us = core->now_us;
}

void ak_tally_out(struct ak_core *core, const struct ak_tcb *t, uint32_t bytes, uint32_t mss) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    uint32_t count = bytes > mss ? (bytes + mss - 1) / mss : 1;
    x->tally.segments_out += count;
    if (bytes > 0) x->tally.data_out += count;
}

void ak_tally_spends(const struct ak_core *core, struct ak_transfer *x, enum ak_spending spending) {
    if (x->tally.spending == spending) return;
    x->tally.spent_us[x->tally.spending] += core->now_us - x->tally.since_us;
    x->tally.since_us = core->now_us;
    x->tally.spending = (uint8_t)spending;
}

static uint64_t spent_us(const struct ak_core *core, const struct ak_transfer *x, enum ak_spending spending) {
    uint64_t now_us = x->tally.spending == spending ? core->now_us - x->tally.since_us : 0;
    return x->tally.spent_us[spending] + now_us;
}

static uint32_t segments(uint32_t bytes, uint32_t mss) {
    return bytes / mss + (bytes % mss != 0);
}

static uint32_t ms_since(const struct ak_core *core, uint64_t at_us) {
    return at_us == 0 ? UINT32_MAX : (uint32_t)ak_min_u64((core->now_us - at_us) / 1000, UINT32_MAX - 1);
}

static aksu_ca_state ca_state(const struct ak_tcb *t, const struct ak_transfer *x) {
    if (x->in_recovery == AK_RECOVERY_RTO) return AKSU_CA_LOSS;
    if (x->in_recovery == AK_RECOVERY_FAST) return AKSU_CA_RECOVERY;
    if ((t->flags & AK_F_ECN) && ak_seq_lt(t->snd.una, x->ecn_end)) return AKSU_CA_CWR;
    return x->duplicate_acks > 0 || x->sacked_bytes > 0 ? AKSU_CA_DISORDER : AKSU_CA_OPEN;
}

static uint32_t sent_again(const struct ak_core *core, const struct ak_transfer *x, uint32_t mss) {
    uint32_t count = 0;
    for (uint32_t i = x->sent.head; i != AK_NONE; i = ak_record_at(core, i)->list_next) {
        const struct ak_record *r = ak_record_at(core, i);
        if (r->flags & AK_RECORD_RETRANSMITTED) count += segments(r->bytes, mss);
    }
    return count;
}

static void rates(const struct ak_core *core, const struct ak_transfer *x, aksu_transfer_info *info) {
    info->busy_time_us = 0;
    for (int i = AK_SPENDS_BUSY; i < AK_SPENDS_COUNT; i++) info->busy_time_us += spent_us(core, x, (enum ak_spending)i);
    info->rwnd_limited_us = spent_us(core, x, AK_SPENDS_WINDOW);
    info->sndbuf_limited_us = spent_us(core, x, AK_SPENDS_BUFFER);
    if (x->tune.round_end_us == AK_NEVER || x->tune.round_end_us == 0) return;
    info->rcv_rtt_us = (uint32_t)(x->tune.round_end_us - x->tune.round_us);
    info->rcv_space_bytes = x->tune.read_bytes;
}

void ak_tally_info(const struct ak_core *core, const struct ak_tcb *t, aksu_transfer_info *ret_info) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    bool persists = x->due_us[AK_BUSY_PERSIST] != AK_NEVER;
    *ret_info = (aksu_transfer_info){
        .ca_state = ca_state(t, x),
        .backoff = x->rto_backoff,
        .probes = persists ? t->retries : t->probe_count,
        .ato_us = (uint32_t)ak_settings_of(core, &t->sock)->delayed_ack_us,
        .unacked = segments(ak_seq_bytes(t->snd.una, t->snd.nxt), mss),
        .sacked = segments(x->sacked_bytes, mss),
        .lost = segments(x->lost_bytes, mss),
        .retrans = sent_again(core, x, mss),
        .snd_cwnd = x->cwnd / mss,
        .snd_ssthresh = x->ssthresh == UINT32_MAX ? INT32_MAX : x->ssthresh / mss,
        .last_data_sent_ms = ms_since(core, x->data_sent_us),
        .last_data_recv_ms = ms_since(core, x->tally.data_in_us),
        .last_ack_recv_ms = (uint32_t)(((uint64_t)(ak_idle_clock(core) - t->last_receive) << 10) / 1000),
        .notsent_bytes = ak_seq_lt(t->snd.nxt, x->send_end) ? ak_seq_bytes(t->snd.nxt, x->send_end) : 0,
        .segs_out = x->tally.segments_out,
        .segs_in = x->tally.segments_in,
        .data_segs_out = x->tally.data_out,
        .data_segs_in = x->tally.data_in,
        .delivered = x->delivered_bytes / mss,
        .dsack_dups = x->tally.duplicates,
        .rcv_ooopack = x->tally.out_of_order,
        .total_rto = x->tally.timeouts,
        .bytes_retrans = x->tally.retransmitted_bytes,
        .reord_seen = x->rack.reordering,
    };
    rates(core, x, ret_info);
}
