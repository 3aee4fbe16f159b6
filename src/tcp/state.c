/* The eleven states and the changes between them: RFC 9293 s3.3.2, Figure 5 and s3.10.
 *
 * Control blocks, half-open records, cookies and TIME-WAIT records all change state here, so that the trace and the
 * table of legal changes see every one of them.  A change that is not in the table is a defect of ours and stops a
 * build with checks. */
#include "base/check.h"
#include "tcp/tcp.h"

_Static_assert(AK_TCP_STATE_COUNT == 11, "RFC 9293 s3.3.2");

#define TO(state) (1u << AK_TCP_##state)

/* Row: from.  Figure 5 has 25 edges; those beyond it are named beside them. */
static const uint16_t legal[AK_TCP_STATE_COUNT] = {
    [AK_TCP_CLOSED] = TO(LISTEN) | TO(SYN_SENT),
    /* ESTABLISHED: the ACK of a SYN cookie, which leaves no SYN-RECEIVED behind (RFC 4987 s3.6). */
    [AK_TCP_LISTEN] = TO(SYN_RECEIVED) | TO(SYN_SENT) | TO(CLOSED) | TO(ESTABLISHED),
    [AK_TCP_SYN_SENT] = TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(CLOSED),
    /* TIME-WAIT: s3.6.1 (2), the SYN was an old duplicate.  CLOSE-WAIT: a FIN with the ACK of our SYN. */
    [AK_TCP_SYN_RECEIVED] = TO(ESTABLISHED) | TO(FIN_WAIT_1) | TO(LISTEN) | TO(CLOSED) | TO(CLOSE_WAIT) | TO(TIME_WAIT),
    [AK_TCP_ESTABLISHED] = TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED),
    [AK_TCP_FIN_WAIT_1] = TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT) | TO(CLOSED),
    /* CLOSED also by the orphan's timer, which is not the RFC's: without it a vanished peer leaves the block for ever.
     */
    [AK_TCP_FIN_WAIT_2] = TO(TIME_WAIT) | TO(CLOSED),
    [AK_TCP_CLOSE_WAIT] = TO(LAST_ACK) | TO(CLOSED),
    [AK_TCP_CLOSING] = TO(TIME_WAIT) | TO(CLOSED),
    [AK_TCP_LAST_ACK] = TO(CLOSED),
    /* SYN-RECEIVED: a new incarnation (MAY-2, RFC 6191). */
    [AK_TCP_TIME_WAIT] = TO(CLOSED) | TO(SYN_RECEIVED),
};

bool ak_tcp_transition_legal(aksu_tcp_state from, aksu_tcp_state to) {
    return (legal[from] >> to & 1) != 0;
}

void ak_tcp_state_changed(struct ak_core *core, const struct ak_tuple *tuple, const struct ak_state_change *change) {
    ak_check(ak_tcp_transition_legal(change->from, change->to));
    if (!ak_tracing(core)) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_STATE, .time_us = core->now_us};
    event.u.state = (aksu_ev_state){
        .flow = ak_flow_of(tuple),
        .from = change->from,
        .to = change->to,
        .cause = change->cause,
        .record = change->record,
        .reason = change->reason,
    };
    core->host.sink(core->host.sink_user, &event);
}

void ak_tcp_begin_state(struct ak_tcb *t, aksu_tcp_state state) {
    t->state = (uint8_t)state;
}

void ak_tcp_set_state(struct ak_core *core, struct ak_tcb *t, aksu_tcp_state to, aksu_state_cause cause) {
    struct ak_state_change change = {
        .from = (aksu_tcp_state)t->state,
        .to = to,
        .cause = cause,
        .record = AKSU_RECORD_TCB,
        .reason = (aksu_reason)t->reason,
    };
    if (change.from == AK_TCP_SYN_SENT && to == AK_TCP_CLOSED) core->counters.tcp_attempt_fails++;
    t->state = (uint8_t)to;
    ak_tcp_state_changed(core, &t->tuple, &change);
}
