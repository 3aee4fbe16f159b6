/* Segments that no control block sends: resets by RFC 9293 s3.5.2, and what half-open and TIME-WAIT records answer. */
#include "base/bytes.h"
#include "tcp/accecn.h"
#include "wire/checksum.h"
#include "wire/ip.h"

bool ak_tcp_send_bare(struct ak_core *core, struct ak_bare *bare) {
    struct ak_reply *reply = ak_reply_new(core, 0);
    if (reply == NULL) return false;
    bare->header.src_port = bare->tuple.local_port;
    bare->header.dst_port = bare->tuple.remote_port;
    uint8_t *tcp = reply->header + ak_ip_header_bytes_for(&bare->tuple.remote);
    uint32_t tcp_bytes = ak_wire_tcp_build(tcp, &bare->header, (enum ak_option_order)bare->order);
    struct ak_ip ip = {
        .src = bare->tuple.local,
        .dst = bare->tuple.remote,
        .protocol = AK_IP_PROTOCOL_TCP,
        .ttl = bare->ttl,
        .tos = bare->tos,
        .dont_fragment = true,
    };
    if (!ak_addr_is_v4(&ip.dst)) /* what a connection of these ends would have */
        ip.flow_label = ak_tcp_flow_label(core, ak_tcp_timestamp_offset(core, &bare->tuple));
    (void)ak_wire_ip_build(reply->header, &ip, tcp_bytes);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &ip.src, &ip.dst, AK_IP_PROTOCOL_TCP, tcp_bytes);
    ak_sum_add(&sum, tcp, tcp_bytes);
    ak_put16(tcp + 16, (uint16_t)~ak_sum_fold(&sum));
    reply->header_bytes = (uint16_t)ip.total_bytes;
    reply->link = bare->link;
    reply->cause = (uint8_t)bare->cause;
    if (bare->header.flags & AKSU_TCP_RST) core->counters.tcp_resets_sent++;
    return true;
}

/* s3.5.2 group 1 and s3.10.7.1: <SEQ=SEG.ACK><CTL=RST> if the segment has an ACK, else
 * <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.  Never in answer to a reset. */
void ak_tcp_reset_for(struct ak_core *core, const struct ak_seg *seg) {
    if (seg->flags & AKSU_TCP_RST) return;
    if (!ak_reply_allowed(core, &seg->tuple.remote)) return;
    struct ak_bare bare = {
        .tuple = seg->tuple,
        .link = seg->link,
        .ttl = (uint8_t)core->config.tcp.ttl,
        .cause = AKSU_SEND_RESET_CAUSE,
    };
    if (seg->flags & AKSU_TCP_ACK) {
        bare.header = (struct ak_tcp_header){.seq = seg->ack, .flags = AKSU_TCP_RST};
    } else {
        bare.header = (struct ak_tcp_header){.ack = ak_seq_add(seg->seq, ak_seg_bytes(seg)),
                                             .flags = AKSU_TCP_RST | AKSU_TCP_ACK};
    }
    if (seg->options.present & AKSU_OPT_TIMESTAMPS) { /* RFC 7323 s5.2: TSval 0, and the segment's own as TSecr */
        bare.header.options.present = AKSU_OPT_TIMESTAMPS;
        bare.header.options.ts_ecr = seg->options.ts_val;
    }
    ak_tcp_send_bare(core, &bare);
}

static void send_for(struct ak_core *core, const struct ak_tcb *t, ak_seq seq, uint16_t flags, aksu_send_cause cause) {
    struct ak_bare bare = {
        .tuple = t->tuple,
        .link = t->link,
        .ttl = (uint8_t)ak_settings_of(core, &t->sock)->ttl,
        .tos = (uint8_t)(ak_settings_of(core, &t->sock)->dscp << 2),
        .cause = cause,
        .header = {.seq = seq, .ack = t->rcv.nxt, .flags = flags},
    };
    if (t->flags & AK_F_TIMESTAMPS) { /* RFC 7323 s3.2, s5.2 */
        bare.header.options.present = AKSU_OPT_TIMESTAMPS;
        bare.header.options.ts_val = ak_tcp_timestamp(core, t->ts_offset);
        bare.header.options.ts_ecr = t->ts_recent;
    }
    ak_tcp_send_bare(core, &bare);
}

/* s3.10.5: <SEQ=SND.NXT><CTL=RST>; the ACK is added as everywhere after the handshake.  A window probe has taken
 * SND.NXT past a window that is shut, and there a reset is taken at RCV.NXT alone (s3.10.7.4): what the peer has
 * acknowledged. */
void ak_tcp_send_reset(struct ak_core *core, const struct ak_tcb *t) {
    bool shut = t->state >= AK_TCP_ESTABLISHED && t->snd.wnd == 0;
    send_for(core, t, shut ? t->snd.una : t->snd.nxt, AKSU_TCP_RST | AKSU_TCP_ACK, AKSU_SEND_RESET_CAUSE);
}

void ak_tcp_send_last_ack(struct ak_core *core, const struct ak_tcb *t) {
    uint16_t ecn = t->flags & AK_F_ECN ? ak_ecn_flags(core, t, /* bare_ack= */ false) : 0;
    send_for(core, t, t->snd.nxt, AKSU_TCP_ACK | ecn, AKSU_SEND_ACK_CAUSE);
}
