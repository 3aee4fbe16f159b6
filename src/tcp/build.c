/* Writes a planned segment: headers into the frame slot, text as lent pieces of the send queue. */
#include "base/bytes.h"
#include "base/check.h"
#include "tcp/output.h"
#include "wire/checksum.h"
#include "wire/ip.h"

enum { ECT_0 = 2 }; /* RFC 3168 s5 */

/* Lends the text to the frame; answers how many pieces. */
static uint32_t lend_text(const struct ak_build *b, struct ak_frame_slot *slot) {
    const struct ak_transfer *x = ak_transfer_of(b->core, b->t);
    ak_seq at = ak_seq_add(b->plan->seq, (b->plan->flags & AKSU_TCP_SYN) ? 1 : 0);
    uint32_t left = b->plan->bytes;
    uint32_t count = 0;
    while (left > 0) {
        ak_check(count < AK_FRAME_BLOCK_MAX);
        uint32_t room, block;
        const uint8_t *p = ak_stream_at(&x->send, &b->core->blocks, at, &room, &block);
        uint32_t piece = ak_min_u32(room, left);
        slot->iov[1 + count] = (aksu_iov){.base = (void *)(uintptr_t)p, .bytes = piece};
        slot->block[count] = block;
        ak_block_pin(&b->core->blocks, block);
        count++;
        at = ak_seq_add(at, piece);
        left -= piece;
    }
    slot->block_count = count;
    return count;
}

static uint32_t build_tcp(const struct ak_build *b, uint8_t *p) {
    const struct ak_tcb *t = b->t;
    const struct ak_plan *plan = b->plan;
    bool syn = (plan->flags & AKSU_TCP_SYN) != 0;
    uint32_t wnd = ak_seq_lt(t->rcv.nxt, b->edge) ? ak_seq_bytes(t->rcv.nxt, b->edge) : 0;
    struct ak_tcp_header header = {
        .src_port = t->tuple.local_port,
        .dst_port = t->tuple.remote_port,
        .seq = plan->seq,
        .ack = plan->flags & AKSU_TCP_ACK ? t->rcv.nxt : ak_seq_of(0),
        .flags = plan->flags,
        .data_offset = 0,
        .up = 0,
        .options = *b->options,
        .wnd = (uint16_t)(syn ? ak_tcp_syn_window(b->core, t) : ak_min_u32(wnd >> t->rcv.wscale, 65535)),
    };
    if ((t->flags & AK_F_ECN) && !syn) header.flags |= ak_ecn_flags(b->core, t, ak_build_bare_ack(b));
    if (plan->flags & AKSU_TCP_URG)
        header.up = (uint16_t)ak_min_u32(ak_seq_bytes(plan->seq, t->snd.up), 65535); /* MUST-62 */
    return ak_wire_tcp_build(p, &header, (enum ak_option_order)ak_settings_of(b->core, &t->sock)->option_order);
}

/* The whole checksum, or what a device needs to finish it. */
static void fill_checksum(const struct ak_build *b, struct ak_frame_slot *slot, uint32_t ip_bytes, aksu_frame *frame) {
    const struct ak_tuple *tuple = &b->t->tuple;
    uint32_t tcp_bytes = frame->total_bytes - ip_bytes;
    uint8_t *tcp = slot->header + AK_FRAME_ROOM_BYTES + ip_bytes;
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &tuple->local, &tuple->remote, AK_IP_PROTOCOL_TCP, tcp_bytes);
    if (ak_link_state_at(b->core, b->t->link)->flags & AKSU_LINK_TX_CHECKSUM) {
        frame->checksum = AKSU_CHECKSUM_PARTIAL;
        frame->checksum_start = (uint16_t)ip_bytes;
        frame->checksum_offset = 16;
        ak_put16(tcp + 16, ak_sum_fold(&sum));
        return;
    }
    frame->checksum = AKSU_CHECKSUM_NONE;
    ak_sum_add(&sum, tcp, slot->iov[0].bytes - ip_bytes);
    for (uint32_t i = 1; i < frame->iov_count; i++) ak_sum_add(&sum, slot->iov[i].base, slot->iov[i].bytes);
    ak_put16(tcp + 16, (uint16_t)~ak_sum_fold(&sum));
}

void ak_tcp_build(const struct ak_build *b, struct ak_frame_slot *slot, aksu_frame *ret_frame) {
    const struct ak_tcb *t = b->t;
    const aksu_tcp_settings *settings = ak_settings_of(b->core, &t->sock);
    uint32_t ip_bytes = ak_ip_header_bytes_for(&t->tuple.remote);
    bool six = ip_bytes == AK_IPV6_HEADER_BYTES;
    uint8_t *start = slot->header + AK_FRAME_ROOM_BYTES;
    uint32_t tcp_bytes = build_tcp(b, start + ip_bytes);
    struct ak_ip ip = {
        .src = t->tuple.local,
        .dst = t->tuple.remote,
        .protocol = AK_IP_PROTOCOL_TCP,
        .ttl = (uint8_t)settings->ttl,
        .tos = (uint8_t)(settings->dscp << 2 | (b->plan->ect ? ECT_0 : 0)),
        .dont_fragment = true, /* atomic: the identification means nothing (RFC 6864 s4.1) */
        .flow_label = six ? ak_tcp_flow_label(b->core, t->ts_offset) : 0,
    };
    (void)ak_wire_ip_build(start, &ip, tcp_bytes + b->plan->bytes);
    slot->iov[0] = (aksu_iov){.base = start, .bytes = ip_bytes + tcp_bytes};
    uint32_t pieces = lend_text(b, slot);
    bool super = b->plan->bytes > b->mss_bytes;
    *ret_frame = (aksu_frame){
        .link = t->link,
        .flags = (uint8_t)((six ? AKSU_FRAME_V6 : AKSU_FRAME_V4) | AKSU_FRAME_TCP),
        .segment_bytes = (uint16_t)(super ? b->mss_bytes : 0),
        .header_bytes = (uint16_t)(ip_bytes + tcp_bytes),
        .flow_hash = t->ts_offset | 1, /* the same for all packets of a flow, and keyed */
        .time_us = b->core->now_us,
    };
    ak_frame_fill(slot, 1 + pieces, ret_frame);
    fill_checksum(b, slot, ip_bytes, ret_frame);
}
