/* Delivery rate samples, draft-ietf-ccwg-bbr s4.1, and the way from what happens to a flight to the congestion control
 * that models the path.
 *
 * A record in flight has a sample (rate.h) from its last transmission until it is delivered; both halves of one that is
 * cut have it.  There are as many samples as records and as many side records as transfers, so none is ever missing. */
#include "tcp/rate.h"

#include "base/check.h"

static struct ak_sample *sample_at(const struct ak_core *core, uint32_t index) {
    return ak_object(core, AK_KIND_SAMPLE, index);
}

static const struct ak_cc_model *model_of(const struct ak_core *core, const struct ak_tcb *t) {
    return ak_cc_of(core, t)->model;
}

/* ---------------------------------------------------------------- its life */

/* What stays of a model while there is no transfer is its bandwidth, in units of so many bytes a second, in the place
 * of ssthresh: s5.4, a flow that comes back from idle goes on where it was. */
enum { SUMMARY_UNIT = 128 };

void ak_rate_begin(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    const struct ak_cc_model *model = model_of(core, t);
    x->rate = AK_NONE;
    if (model == NULL) return;
    x->rate = ak_object_get(core, AK_KIND_RATE);
    ak_check(x->rate != AK_NONE);
    struct ak_rate *c = ak_rate_of(core, x);
    ak_zero(c, sizeof *c);
    c->delivered_at_us = c->first_sent_us = core->now_us;
    c->app_limited = true;
    c->app_limited_end = x->delivered_bytes;
    x->ssthresh = UINT32_MAX;
    model->begin(core, t, (uint64_t)t->ssthresh * SUMMARY_UNIT);
}

void ak_rate_end(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->rate == AK_NONE) return;
    for (uint32_t i = x->record_head; i != AK_NONE; i = ak_record_at(core, i)->next)
        ak_rate_forget(core, ak_record_at(core, i));
    uint64_t rate = ak_cc_of(core, t)->model != NULL ? model_of(core, t)->end(core, t) : 0;
    x->ssthresh = (uint32_t)ak_min_u64(rate / SUMMARY_UNIT, UINT32_MAX);
    ak_pool_put(&core->pool[AK_KIND_RATE], x->rate);
    x->rate = AK_NONE;
}

void ak_rate_cut(struct ak_core *core, struct ak_record *rest) {
    uint32_t index = ak_object_get(core, AK_KIND_SAMPLE);
    ak_check(index != AK_NONE);
    *sample_at(core, index) = *sample_at(core, rest->sample);
    rest->sample = index;
}

void ak_rate_forget(struct ak_core *core, struct ak_record *r) {
    if (r->sample == AK_NONE) return;
    ak_pool_put(&core->pool[AK_KIND_SAMPLE], r->sample);
    r->sample = AK_NONE;
}

/* ---------------------------------------------------------------- s4.1.2.2, transmitting */

void ak_rate_sent(struct ak_core *core, struct ak_tcb *t, uint32_t index, uint32_t in_flight_before) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_rate *c = ak_rate_of(core, x);
    struct ak_record *r = ak_record_at(core, index);
    if (in_flight_before == 0) c->first_sent_us = c->delivered_at_us = core->now_us;
    if (r->sample == AK_NONE) r->sample = ak_object_get(core, AK_KIND_SAMPLE);
    ak_check(r->sample != AK_NONE);
    *sample_at(core, r->sample) = (struct ak_sample){
        .delivered_bytes = x->delivered_bytes,
        .lost_bytes = c->lost_bytes,
        .in_flight_bytes = in_flight_before + r->bytes,
        .send_elapsed_us = (uint32_t)(core->now_us - c->first_sent_us),
        .delivered_at_us = (uint32_t)c->delivered_at_us,
        .app_limited = c->app_limited,
    };
}

/* s4.1.2.4, but at the moment when it runs out of data: what is delivered and what is in flight are as much together
 * until it sends again. */
void ak_rate_ran_out(struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t in_flight = ak_tcp_in_flight(x, t, ak_tcp_effective_mss(core, t, 0));
    if (in_flight < x->cwnd && x->lost_bytes == 0) ak_rate_limit(core, t, in_flight);
}

void ak_rate_limit(struct ak_core *core, const struct ak_tcb *t, uint32_t in_flight_bytes) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_rate *c = ak_rate_of(core, x);
    c->app_limited = true;
    c->app_limited_end = x->delivered_bytes + in_flight_bytes;
}

void ak_rate_restart(struct ak_core *core, struct ak_tcb *t) {
    const struct ak_rate *c = ak_rate_of(core, ak_transfer_of(core, t));
    if (c->app_limited) model_of(core, t)->restart(core, t);
}

/* ---------------------------------------------------------------- s4.1.2.3, upon receiving an ACK */

void ak_rate_delivered(struct ak_core *core, struct ak_tcb *t, struct ak_record *r, uint32_t bytes,
                       const struct ak_seg *seg) {
    struct ak_rate *c = ak_rate_of(core, ak_transfer_of(core, t));
    struct ak_rate_sample *rs = &c->rs;
    c->delivered_at_us = ak_max_u64(c->delivered_at_us, seg->time_us);
    if (r->sample == AK_NONE) return;
    const struct ak_sample *s = sample_at(core, r->sample);
    ak_seq end = ak_seq_add(r->seq, bytes);
    if ((r->flags & AK_RECORD_RETRANSMITTED) == 0) { /* s4.2: of the newest, which is the shortest */
        uint32_t rtt_us = (uint32_t)ak_min_u64(ak_max_u64(1, ak_tcp_trip_us(seg, r->sent_us)), UINT32_MAX);
        if (rs->rtt_us == 0 || rtt_us < rs->rtt_us) rs->rtt_us = rtt_us;
    }
    bool newest = r->sent_us > c->first_sent_us || (r->sent_us == c->first_sent_us && ak_seq_gt(end, rs->end));
    if (!rs->any || newest) {
        rs->any = true;
        rs->app_limited = s->app_limited;
        rs->prior_delivered_bytes = s->delivered_bytes;
        rs->in_flight_bytes = s->in_flight_bytes;
        rs->lost_bytes = s->lost_bytes; /* taken from what is lost by then at the ACK's end */
        rs->send_elapsed_us = s->send_elapsed_us;
        rs->ack_elapsed_us = (uint32_t)c->delivered_at_us - s->delivered_at_us;
        rs->end = end;
        c->first_sent_us = r->sent_us;
    }
    if (bytes == r->bytes) ak_rate_forget(core, r);
}

/* GenerateRateSample */
static void generate(struct ak_core *core, const struct ak_tcb *t, struct ak_rate *c) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_rate_sample *rs = &c->rs;
    rs->newly_acked_bytes = ak_tcp_newly_delivered(x);
    if (c->app_limited && (int32_t)(x->delivered_bytes - c->app_limited_end) > 0) c->app_limited = false;
    if (!rs->any) return;
    rs->delivered_bytes = x->delivered_bytes - rs->prior_delivered_bytes;
    rs->lost_bytes = c->lost_bytes - rs->lost_bytes;
    uint32_t interval_us = ak_max_u32(rs->send_elapsed_us, rs->ack_elapsed_us);
    /* Shorter than a round trip: a retransmission that was not needed. */
    if (interval_us == 0 || interval_us < t->min_rtt_us) return;
    rs->rate = (uint64_t)rs->delivered_bytes * 1000000 / interval_us;
}

void ak_rate_acked(struct ak_core *core, struct ak_tcb *t, ak_seq old_una) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_rate *c = ak_rate_of(core, x);
    generate(core, t, c);
    uint32_t cwnd = x->cwnd;
    if (c->rs.newly_acked_bytes > 0) model_of(core, t)->acked(core, t, ak_seq_lt(old_una, x->limited_end));
    c->rs = (struct ak_rate_sample){.any = false};
    if (x->cwnd != cwnd) ak_tcp_trace_cwnd(core, t, AKSU_CWND_MODEL);
}

/* ---------------------------------------------------------------- losses and marks */

void ak_rate_lost(struct ak_core *core, struct ak_tcb *t, const struct ak_record *r) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_rate *c = ak_rate_of(core, x);
    if (ak_plpmtud_is_probe(x, r->seq)) return; /* RFC 8899 s3: no sign of congestion */
    c->lost_bytes += r->bytes;
    bool new_range = !ak_seq_eq(r->seq, c->lost_end);
    c->lost_end = ak_seq_add(r->seq, r->bytes);
    const struct ak_sample *s = sample_at(core, r->sample);
    struct ak_rate_sample loss = {
        /* HandleLostPacket, s5.5.10.2 */
        .any = true,
        .app_limited = s->app_limited,
        .in_flight_bytes = s->in_flight_bytes,
        .lost_bytes = c->lost_bytes - s->lost_bytes,
        .newly_acked_bytes = r->bytes, /* the size of P */
    };
    model_of(core, t)->lost(core, t, &loss, new_range);
}
