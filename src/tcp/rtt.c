/* Round trips and the retransmission timeout: RFC 6298. */
#include "tcp/tcp.h"

/* s2.2, s2.3; alpha 1/8, beta 1/4. */
void ak_tcp_rtt_sample(struct ak_core *core, struct ak_tcb *t, uint64_t sample_us) {
    uint32_t r = (uint32_t)ak_max_u64(1, ak_min_u64(sample_us, 0x0fffffff));
    if (t->srtt_us == 0) {
        t->srtt_us = r;
        t->rttvar_us = r / 2;
        t->min_rtt_us = t->min_rtt_us == 0 ? r : ak_min_u32(t->min_rtt_us, r);
    } else {
        uint32_t error = r > t->srtt_us ? r - t->srtt_us : t->srtt_us - r;
        t->rttvar_us = t->rttvar_us - t->rttvar_us / 4 + error / 4;
        t->srtt_us = ak_max_u32(1, t->srtt_us - t->srtt_us / 8 + r / 8);
        t->min_rtt_us = ak_min_u32(t->min_rtt_us, r);
    }
    if (!ak_tracing(core)) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_RTT, .time_us = core->now_us};
    event.u.rtt = (aksu_ev_rtt){
        .flow = ak_flow_of(&t->tuple),
        .sample_us = r,
        .srtt_us = t->srtt_us,
        .rttvar_us = t->rttvar_us,
        .rto_us = (uint32_t)ak_tcp_rto_us(core, t),
    };
    core->host.sink(core->host.sink_user, &event);
}

/* RFC 4015 s3.3 (7): after a spurious timeout the next sample is taken for the first. */
void ak_tcp_rtt_forget(struct ak_tcb *t) {
    t->srtt_us = 0;
    t->rttvar_us = 0;
}

/* s2.3: SRTT + max(G, 4 RTTVAR); the variance term is at least the smallest RTO's margin over the trip, so that a
 * steady path does not bring the RTO down to the round trip itself. */
uint64_t ak_tcp_rto_us(const struct ak_core *core, const struct ak_tcb *t) {
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    if (t->srtt_us == 0) return ak_max_u64(settings->rto_initial_us, 4ull * t->rttvar_us); /* s2.1, s5.7 */
    uint64_t rto_us = t->srtt_us + ak_max_u64(settings->rto_min_us, 4ull * t->rttvar_us);
    return ak_min_u64(rto_us, settings->rto_max_us);
}

/* s5.5: doubled each time, up to the largest. */
uint64_t ak_tcp_rto_backed_off_us(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t backoff =
        x != NULL && t->state != AK_TCP_SYN_SENT && t->state != AK_TCP_SYN_RECEIVED ? x->rto_backoff : t->retries;
    uint64_t rto_us = ak_tcp_rto_us(core, t) << ak_min_u32(backoff, 20);
    return ak_min_u64(rto_us, ak_settings_of(core, &t->sock)->rto_max_us);
}

/* s5.1-5.3: running while anything is unacknowledged, from now. */
void ak_tcp_rto_restart(struct ak_core *core, struct ak_tcb *t) {
    if (ak_seq_eq(t->snd.una, t->snd.nxt)) {
        ak_tcp_timer_cancel(core, t, AKSU_TIMER_RETRANSMIT);
        return;
    }
    ak_tcp_timer_set(core, t, AKSU_TIMER_RETRANSMIT, ak_add_us(core->now_us, ak_tcp_rto_backed_off_us(core, t)));
}
