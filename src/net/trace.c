/* The network floor's part of the trace stream: packets that are not, or not wholly, TCP segments. */
#include "net/net.h"
#include "wire/fragment.h"
#include "wire/icmp.h"

/* A fragment's headers are as good; what is behind them is not looked at. */
static bool read_fragment(const uint8_t *p, size_t head_bytes, size_t frame_bytes, struct ak_ip *ret_ip) {
    struct ak_fragment fragment = {.at = 0};
    (void)ak_wire_fragment_parse(p, head_bytes, frame_bytes, &fragment);
    *ret_ip = fragment.ip;
    return fragment.ip.version != 0;
}

void ak_net_trace_end(struct ak_core *core, const struct ak_ip *ip, aksu_drop drop) {
    if (core->host.sink == NULL) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_PACKET, .time_us = core->now_us};
    event.u.packet = (aksu_ev_packet){
        .direction = AKSU_IN, .local = ip->dst, .remote = ip->src, .protocol = ip->protocol, .drop = drop};
    core->host.sink(core->host.sink_user, &event);
}

void ak_net_trace(struct ak_core *core, const aksu_frame *frame, aksu_direction direction, aksu_drop drop) {
    if (core->host.sink == NULL) return;
    aksu_trace_event event = {.kind = AKSU_TRACE_PACKET, .time_us = core->now_us};
    aksu_ev_packet *packet = &event.u.packet;
    *packet = (aksu_ev_packet){.direction = direction, .drop = drop, .frame = frame};
    struct ak_ip ip;
    const uint8_t *p = frame->iov_count > 0 ? frame->iov[0].base : NULL;
    size_t head_bytes = frame->iov_count > 0 ? frame->iov[0].bytes : 0;
    aksu_drop wrong = p != NULL ? ak_wire_ip_parse(p, head_bytes, frame->total_bytes, &ip) : AKSU_DROP_IP_TRUNCATED;
    if (wrong == AKSU_DROP_IP_FRAGMENT && read_fragment(p, head_bytes, frame->total_bytes, &ip)) {
        packet->local = direction == AKSU_IN ? ip.dst : ip.src;
        packet->remote = direction == AKSU_IN ? ip.src : ip.dst;
        packet->protocol = ip.protocol;
    }
    if (wrong == AKSU_DROP_NONE) {
        packet->local = direction == AKSU_IN ? ip.dst : ip.src;
        packet->remote = direction == AKSU_IN ? ip.src : ip.dst;
        packet->protocol = ip.protocol;
        bool icmp = ip.protocol == (ip.version == 4 ? AK_IP_PROTOCOL_ICMP : AK_IP_PROTOCOL_ICMP6);
        const uint8_t *message = p + ip.header_bytes;
        size_t message_bytes = head_bytes - ip.header_bytes;
        if (message_bytes == 0 && frame->iov_count > 1) { /* a reply's payload lies in a piece of its own */
            message = frame->iov[1].base;
            message_bytes = frame->iov[1].bytes;
        }
        if (icmp && message_bytes >= 2) {
            packet->icmp_type = message[0];
            packet->icmp_code = message[1];
        }
    }
    core->host.sink(core->host.sink_user, &event);
}
