/* TCP's part of the trace stream.  Nothing here changes anything but what the sink sees. */
#include "tcp/accecn.h"
#include "tcp/rate.h"
#include "wire/ip.h"

aksu_flow ak_flow_of(const struct ak_tuple *tuple) {
    return (aksu_flow){
        .local = tuple->local,
        .remote = tuple->remote,
        .local_port = tuple->local_port,
        .remote_port = tuple->remote_port,
    };
}

static void emit(struct ak_core *core, const aksu_trace_event *event) {
    core->host.sink(core->host.sink_user, event);
}

static void fill_connection(const struct ak_core *core, const struct ak_tcb *t, aksu_ev_segment *segment) {
    if (t == NULL) return;
    segment->ace = (segment->flags & (AKSU_TCP_SYN | AKSU_TCP_RST)) == 0 && ak_accecn_agreed(core, t) != NULL;
    segment->iss = t->snd.iss.n;
    segment->irs = t->rcv.irs.n;
    segment->snd_una = t->snd.una.n;
    segment->snd_nxt = t->snd.nxt.n;
    segment->snd_wnd = t->snd.wnd;
    segment->rcv_nxt = t->rcv.nxt.n;
    segment->rcv_wnd = ak_tcp_receive_window(core, t);
    segment->snd_wscale = t->snd.wscale;
    segment->rcv_wscale = t->rcv.wscale;
}

void ak_tcp_trace_in(struct ak_core *core, const struct ak_seg *seg, const struct ak_trace_segment *what) {
    if (!ak_tracing(core)) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_SEGMENT, .time_us = core->now_us};
    event.u.segment = (aksu_ev_segment){
        .direction = AKSU_IN,
        .flow = ak_flow_of(&seg->tuple),
        .seq = seg->seq.n,
        .ack = seg->ack.n,
        .flags = seg->flags,
        .payload_bytes = seg->text_bytes,
        .segment_bytes = seg->segment_bytes,
        .wnd = seg->wnd,
        .up = seg->up,
        .data_offset = seg->data_offset,
        .options = seg->options,
        .state_before = what->state_before,
        .state_after = what->state_after,
        .drop = what->drop,
        .frame = seg->frame,
    };
    fill_connection(core, what->t, &event.u.segment);
    emit(core, &event);
}

void ak_tcp_trace_out(struct ak_core *core, const aksu_frame *frame, const struct ak_trace_segment *what) {
    if (!ak_tracing(core)) return;
    const uint8_t *p = frame->iov[0].base;
    struct ak_ip ip;
    struct ak_tcp_header header;
    if (ak_wire_ip_parse(p, frame->iov[0].bytes, frame->total_bytes, &ip) != AKSU_DROP_NONE) return;
    uint32_t segment_bytes = ip.total_bytes - ip.header_bytes;
    if (ak_wire_tcp_parse(p + ip.header_bytes, frame->iov[0].bytes - ip.header_bytes, segment_bytes, &header) !=
        AKSU_DROP_NONE)
        return;
    aksu_trace_event event = {.kind = AKSU_TRACE_SEGMENT, .time_us = core->now_us};
    event.u.segment = (aksu_ev_segment){
        .direction = AKSU_OUT,
        .flow = {.local = ip.src, .remote = ip.dst, .local_port = header.src_port, .remote_port = header.dst_port},
        .seq = header.seq.n,
        .ack = header.ack.n,
        .flags = header.flags,
        .payload_bytes = segment_bytes - header.data_offset * 4u,
        .segment_bytes = frame->segment_bytes,
        .wnd = header.wnd,
        .up = header.up,
        .data_offset = header.data_offset,
        .options = header.options,
        .state_before = what->state_before,
        .state_after = what->state_after,
        .drop = what->drop,
        .retransmission = what->retransmission,
        .cause = what->cause,
        .frame = frame,
    };
    fill_connection(core, what->t, &event.u.segment);
    emit(core, &event);
}

void ak_tcp_trace_reply(struct ak_core *core, const aksu_frame *frame, struct ak_trace_segment *what) {
    const uint8_t *p = frame->iov[0].base;
    struct ak_ip ip;
    struct ak_tcp_header header;
    if (ak_wire_ip_parse(p, frame->iov[0].bytes, frame->total_bytes, &ip) != AKSU_DROP_NONE) return;
    if (ak_wire_tcp_parse(p + ip.header_bytes, frame->iov[0].bytes - ip.header_bytes, ip.total_bytes - ip.header_bytes,
                          &header) != AKSU_DROP_NONE)
        return;
    struct ak_tuple tuple = {
        .local = ip.src, .remote = ip.dst, .local_port = header.src_port, .remote_port = header.dst_port};
    ak_ref ref = ak_flow_find(core, &tuple);
    what->state_before = what->state_after = AK_TCP_CLOSED;
    if (ref != AK_NONE && ak_ref_class(ref) == AK_KIND_TCB) {
        what->t = ak_tcb_at(core, ref);
        what->state_before = what->state_after = (aksu_tcp_state)what->t->state;
    } else if (ref != AK_NONE) {
        what->state_before = what->state_after =
            ak_ref_class(ref) == AK_KIND_SYN ? AK_TCP_SYN_RECEIVED : AK_TCP_TIME_WAIT;
    }
    what->retransmission = what->cause == AKSU_SEND_RTO_CAUSE;
    ak_tcp_trace_out(core, frame, what);
}

void ak_tcp_trace_call(struct ak_core *core, const struct ak_tuple *tuple, aksu_call call, uint64_t bytes,
                       aksu_err err) {
    if (!ak_tracing(core)) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_CALL, .time_us = core->now_us};
    event.u.call = (aksu_ev_call){.flow = ak_flow_of(tuple), .call = call, .bytes = bytes, .err = err};
    emit(core, &event);
}

void ak_tcp_trace_timer(struct ak_core *core, const struct ak_tuple *tuple, aksu_timer timer, aksu_timer_action action,
                        uint64_t due_us) {
    if (!ak_tracing(core)) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_TIMER, .time_us = core->now_us};
    event.u.timer = (aksu_ev_timer){.flow = ak_flow_of(tuple), .timer = timer, .action = action, .deadline_us = due_us};
    emit(core, &event);
}

void ak_tcp_trace_cwnd(struct ak_core *core, const struct ak_tcb *t, aksu_cwnd_cause cause) {
    const struct ak_transfer *transfer = ak_transfer_of(core, t);
    if (!ak_tracing(core) || transfer == NULL) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_CWND, .time_us = core->now_us};
    event.u.cwnd = (aksu_ev_cwnd){
        .flow = ak_flow_of(&t->tuple),
        .cause = cause,
        .cwnd_bytes = transfer->cwnd,
        .ssthresh_bytes = transfer->ssthresh,
        .in_flight_bytes = ak_seq_bytes(t->snd.una, t->snd.nxt),
    };
    emit(core, &event);
}

void ak_tcp_trace_mode(struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (!ak_tracing(core)) return;
    const struct ak_rate *c = ak_rate_of(core, x);
    aksu_trace_event event = {.kind = AKSU_TRACE_MODE, .time_us = core->now_us};
    event.u.mode = (aksu_ev_mode){
        .flow = ak_flow_of(&t->tuple),
        .mode = (aksu_cc_mode)c->bbr.mode,
        .bandwidth = c->bbr.bw,
        .pacing_rate = c->pacing_rate,
        .min_rtt_us = c->bbr.min_rtt_us == UINT32_MAX ? 0 : c->bbr.min_rtt_us,
        .cwnd_bytes = x->cwnd,
    };
    emit(core, &event);
}

void ak_tcp_trace_loss(struct ak_core *core, const struct ak_tcb *t, aksu_loss_cause cause, ak_seq seq,
                       uint32_t bytes) {
    if (!ak_tracing(core)) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_LOSS, .time_us = core->now_us};
    event.u.loss = (aksu_ev_loss){.flow = ak_flow_of(&t->tuple), .cause = cause, .seq = seq.n, .bytes = bytes};
    emit(core, &event);
}
