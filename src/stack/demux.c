/* A frame comes in: what it is, whether it is sound, and who gets it. */
#include "net/ether.h"
#include "net/udp.h"
#include "stack/shadow.h"
#include "wire/udp.h"

static aksu_drop tcp_packet(struct ak_core *core, const struct ak_packet *packet) {
    uint32_t header_at = packet->ip.header_bytes;
    uint32_t segment_bytes = packet->ip.total_bytes - header_at;
    struct ak_tcp_header header;
    aksu_drop drop =
        ak_wire_tcp_parse(packet->head + header_at, packet->head_bytes - header_at, segment_bytes, &header);
    if (drop != AKSU_DROP_NONE && drop != AKSU_DROP_TCP_OPTION_LENGTH && drop != AKSU_DROP_TCP_PORT_ZERO) return drop;
    if (!ak_net_checksum_good(packet, /* pseudo_header= */ true)) return AKSU_DROP_TCP_CHECKSUM; /* MUST-3 */
    if (drop != AKSU_DROP_NONE) return drop;
    struct ak_seg seg = {
        .tuple = {.local = packet->ip.dst,
                  .remote = packet->ip.src,
                  .local_port = header.dst_port,
                  .remote_port = header.src_port},
        .seq = header.seq,
        .ack = header.ack,
        .flags = header.flags,
        .data_offset = header.data_offset,
        .tos = packet->ip.tos,
        .link = packet->frame->link,
        .wnd = header.wnd,
        .up = header.up,
        .unscaled = false, /* all are named: what is not would clear the whole first */
        .segment_bytes = packet->frame->segment_bytes,
        .text_offset = header_at + header.data_offset * 4u,
        .text_bytes = segment_bytes - header.data_offset * 4u,
        .frame = packet->frame,
        .time_us = packet->frame->time_us != 0 ? ak_min_u64(packet->frame->time_us, core->now_us) : core->now_us,
        .old_incarnation = AK_NONE,
        .options = header.options,
    };
#ifdef AKSU_CHECK_FAST_PATH
    struct ak_shadow shadow = ak_shadow_begin(core, &seg);
    ak_tcp_segment_by_steps(core, &seg);
    ak_shadow_end(core, &shadow);
#else
    ak_tcp_segment(core, &seg);
#endif
    return AKSU_DROP_NONE;
}

/* Takes the Ethernet header off; false: it was no IP packet for us, and is dealt with.  What is not for us is none of
 * the packets that a trace tells of, as on any wire. */
static bool ethernet_frame(struct ak_core *core, const aksu_frame *frame, struct ak_eth_in *in) {
    aksu_drop drop = ak_eth_input(core, frame, in);
    if (drop != AKSU_DROP_NONE)
        ak_drop_count(core, drop);
    else if (in->eth.type == AK_ETH_ARP)
        ak_arp_input(core, in);
    else
        return true;
    return false;
}

/* A fragment that makes a datagram whole: that as a packet.  It is traced with what becomes of it. */
static aksu_drop fragment(struct ak_core *core, const aksu_frame *frame, struct ak_whole *whole, uint8_t *scratch,
                          struct ak_packet *ret_packet) {
    aksu_drop drop = ak_reassembly_input(core, frame, whole);
    if (drop != AKSU_DROP_NONE || whole->reassembly == AK_NONE) return drop;
    return ak_net_accept(core, &whole->frame, scratch, ret_packet);
}

void ak_stack_input_frame(struct ak_core *core, const aksu_frame *frame) {
    uint8_t scratch[AK_PACKET_HEAD_BYTES];
    struct ak_packet packet;
    struct ak_eth_in in;
    struct ak_whole whole; /* of a fragment */
    core->counters.frames_in++;
    core->counters.bytes_in += frame->total_bytes;
    if (ak_is_ether(core, frame->link)) {
        if (!ethernet_frame(core, frame, &in)) return;
        frame = &in.frame;
    }
    aksu_drop drop = ak_net_accept(core, frame, scratch, &packet);
    bool in_fragments = drop == AKSU_DROP_IP_FRAGMENT, whole_now = true;
    if (in_fragments) {
        drop = fragment(core, frame, &whole, scratch, &packet);
        whole_now = whole.reassembly != AK_NONE;
    }
    bool tcp = drop == AKSU_DROP_NONE && whole_now && packet.ip.protocol == AK_IP_PROTOCOL_TCP;
    if (tcp) {
        drop = tcp_packet(core, &packet);
        if (drop == AKSU_DROP_NONE && !in_fragments) return; /* TCP counts and traces its own */
    } else if (drop == AKSU_DROP_NONE && whole_now) {
        uint8_t icmp = packet.ip.version == 4 ? AK_IP_PROTOCOL_ICMP : AK_IP_PROTOCOL_ICMP6;
        if (packet.ip.protocol == AK_IP_PROTOCOL_UDP)
            drop = ak_udp_input(core, &packet);
        else
            drop = packet.ip.protocol == icmp ? ak_net_icmp(core, &packet) : AKSU_DROP_IP_PROTOCOL;
        if (drop == AKSU_DROP_IP_PROTOCOL) ak_net_protocol_unknown(core, &packet);
    }
    if (in_fragments && whole_now) ak_reassembly_done(core, &whole);
    if (drop != AKSU_DROP_NONE) ak_drop_count(core, drop);
    if ((drop == AKSU_DROP_IP_OPTIONS || drop == AKSU_DROP_IP_SOURCE_ROUTE) && !in_fragments)
        ak_net_refuse(core, frame);
    ak_net_trace(core, frame, AKSU_IN, drop);
}
