/* ICMP and ICMPv6: echo answered (RFC 1122 s3.2.2.6, RFC 4443 s4.2), errors handed to the transport that they quote,
 * anything else counted.  A reply goes to the packet's source only and holds no byte that did not come with the
 * request. */
#include "wire/icmp.h"
#include "base/bytes.h"
#include "net/ether.h"
#include "net/udp.h"
#include "wire/checksum.h"
#include "wire/udp.h"

/* Checksum, IP header and way of a message that answers packet. */
static void send_message(struct ak_core *core, const struct ak_packet *packet, struct ak_reply *reply, struct ak_ip *ip,
                         uint32_t bytes) {
    uint8_t *message = ak_block_at(&core->blocks, reply->block);
    struct ak_sum sum = {0};
    if (packet->ip.version == 6) ak_sum_pseudo(&sum, &ip->src, &ip->dst, ip->protocol, bytes); /* RFC 4443 s2.3 */
    ak_sum_add(&sum, message, bytes);
    ak_put16(message + 2, (uint16_t)~ak_sum_fold(&sum));
    reply->header_bytes = (uint16_t)ak_wire_ip_build(reply->header, ip, bytes);
    reply->link = packet->frame->link;
    reply->cause = AKSU_SEND_NONE_CAUSE;
}

/* One that is too large for one packet: in fragments, as a datagram is. */
static void echo_reply_in_pieces(struct ak_core *core, const struct ak_packet *packet, uint32_t mtu) {
    uint8_t head[AK_ICMP_HEADER_BYTES];
    ak_net_copy(packet->frame, packet->ip.header_bytes, head, sizeof head);
    bool six = packet->ip.version == 6;
    struct ak_udp_message message = {
        .src = packet->ip.dst,
        .dst = packet->ip.src,
        .src_port = ak_be16(head + 4),
        .dst_port = ak_be16(head + 6),
        .link = packet->frame->link,
        .protocol = six ? AK_IP_PROTOCOL_ICMP6 : AK_IP_PROTOCOL_ICMP,
        .icmp_type = six ? AK_ICMP6_ECHO_REPLY : AK_ICMP_ECHO_REPLY,
        .ttl = (uint8_t)core->config.tcp.ttl,
        .tos = packet->ip.tos & 0xfc,
        .mtu = mtu,
        .frame = packet->frame,
        .skip = packet->ip.header_bytes + AK_ICMP_HEADER_BYTES,
        .bytes = packet->ip.total_bytes - packet->ip.header_bytes - AK_ICMP_HEADER_BYTES,
    };
    if (ak_udp_output(core, &message) == AKSU_OK)
        core->counters.icmp_echo_replies++;
    else
        ak_drop_count(core, AKSU_DROP_REPLY_RING_FULL);
}

/* Nothing in an answer is our own, so a router's word about one over IPv4 cannot be checked: those that not every path
 * takes may be cut on the way instead.  Over IPv6 it must bear our flow label: see reply_too_big. */
static void echo_reply(struct ak_core *core, const struct ak_packet *packet) {
    enum { V4_ANYWHERE_BYTES = 576 - AK_IPV4_HEADER_BYTES };
    uint32_t bytes = packet->ip.total_bytes - packet->ip.header_bytes;
    const aksu_addr *to = &packet->ip.src;
    uint32_t mtu = ak_udp_path_mtu(core, to, ak_net_mtu(core, packet->frame->link, to));
    if (bytes > core->blocks.block_bytes || bytes > mtu - ak_ip_header_bytes_for(to)) {
        echo_reply_in_pieces(core, packet, mtu);
        return;
    }
    struct ak_reply *reply = ak_reply_new(core, bytes);
    if (reply == NULL) return;
    uint8_t *message = ak_block_at(&core->blocks, reply->block);
    ak_net_copy(packet->frame, packet->ip.header_bytes, message, bytes);
    bool six = packet->ip.version == 6, may_be_cut = !six && bytes > V4_ANYWHERE_BYTES;
    message[0] = six ? AK_ICMP6_ECHO_REPLY : AK_ICMP_ECHO_REPLY;
    ak_put16(message + 2, 0);
    struct ak_ip ip = {
        .src = packet->ip.dst,
        .dst = packet->ip.src,
        .protocol = six ? AK_IP_PROTOCOL_ICMP6 : AK_IP_PROTOCOL_ICMP,
        .ttl = (uint8_t)core->config.tcp.ttl,
        .tos = packet->ip.tos & 0xfc, /* RFC 1122 s3.2.2.6: the same type of service */
        .id = may_be_cut ? (uint16_t)ak_prng_u64(&core->prng) : 0,
        .dont_fragment = !may_be_cut,
    };
    const struct ak_tuple flow = {.local = ip.src, .remote = ip.dst};
    if (six) ip.flow_label = ak_udp_flow_label(core, &flow, AK_IP_PROTOCOL_ICMP6);
    send_message(core, packet, reply, &ip, bytes);
    core->counters.icmp_echo_replies++;
}

/* ---------------------------------------------------------------- errors sent */

bool ak_net_is_tcp(const uint8_t *header) {
    return header[header[0] >> 4 == 4 ? 9 : 6] == AK_IP_PROTOCOL_TCP;
}

/* What caused it, from its IP header on: all that fits into 576 bytes (RFC 1812 s4.3.2.3), or 1,280 (RFC 4443 s3.1). */
static uint32_t quote_bytes(const struct ak_core *core, const struct ak_packet *packet) {
    enum { V4_MAX = 576, V6_MAX = 1280 };
    uint32_t most = packet->ip.version == 6 ? V6_MAX - AK_IPV6_HEADER_BYTES - AK_ICMP_HEADER_BYTES
                                            : V4_MAX - AK_IPV4_HEADER_BYTES - AK_ICMP_HEADER_BYTES;
    most = ak_min_u32(most, core->blocks.block_bytes - AK_ICMP_HEADER_BYTES);
    return ak_min_u32(most, packet->ip.total_bytes);
}

static bool is_icmp_error(const struct ak_packet *packet) {
    uint8_t icmp = packet->ip.version == 6 ? AK_IP_PROTOCOL_ICMP6 : AK_IP_PROTOCOL_ICMP;
    if (packet->ip.protocol != icmp || packet->ip.total_bytes == packet->ip.header_bytes) return false;
    uint8_t type = 0;
    ak_net_copy(packet->frame, packet->ip.header_bytes, &type, 1);
    if (packet->ip.version == 6) return type < AK_ICMP6_ECHO;  /* RFC 4443 s2.1 */
    return type != AK_ICMP_ECHO && type != AK_ICMP_ECHO_REPLY; /* those that are no question either */
}

void ak_net_error(struct ak_core *core, const struct ak_packet *packet, const struct ak_icmp_error *error) {
    bool six = packet->ip.version == 6;
    bool group = (packet->frame->flags & AK_FRAME_GROUP) != 0 || ak_net_is_broadcast(core, &packet->ip.dst);
    if ((group && !error->to_groups) || ak_addr_is_martian_source(&packet->ip.src) || is_icmp_error(packet)) return;
    if (!ak_reply_allowed(core, &packet->ip.src)) return;
    struct ak_ip ip = {
        .src = packet->ip.dst,
        .dst = packet->ip.src,
        .protocol = six ? AK_IP_PROTOCOL_ICMP6 : AK_IP_PROTOCOL_ICMP,
        .ttl = (uint8_t)core->config.tcp.ttl,
        .tos = six ? 0 : 6 << 5, /* RFC 1812 s4.3.2.5: internetwork control */
        .dont_fragment = true,
    };
    const struct ak_addr_entry *own = group ? ak_addr_source(core, packet->frame->link, &packet->ip.src) : NULL;
    if (group && own == NULL) return;
    if (group) ip.src = own->addr;
    uint32_t quote = quote_bytes(core, packet), bytes = AK_ICMP_HEADER_BYTES + quote;
    struct ak_reply *reply = ak_reply_new(core, bytes);
    if (reply == NULL) return;
    uint8_t *message = ak_block_at(&core->blocks, reply->block);
    ak_zero(message, AK_ICMP_HEADER_BYTES);
    message[0] = error->type;
    message[1] = error->code;
    ak_put32(message + 4, error->word);
    ak_net_copy(packet->frame, 0, message + AK_ICMP_HEADER_BYTES, quote);
    send_message(core, packet, reply, &ip, bytes);
    core->counters.icmp_errors_sent++;
}

void ak_net_problem(struct ak_core *core, const struct ak_packet *packet, const struct ak_problem *problem) {
    struct ak_icmp_error error = {.type = AK_ICMP6_PARAMETER_PROBLEM,
                                  .code = problem->code,
                                  .to_groups = problem->to_groups,
                                  .word = problem->pointer};
    if (problem->tell) ak_net_error(core, packet, &error);
}

/* RFC 1122 s3.2.2.5: Parameter Problem, with where.  A source route is dropped without a word (RFC 7126 s4.3.5), and so
 * is all but a first fragment (RFC 1122 s3.2.2). */
static void refuse4(struct ak_core *core, struct ak_packet *packet) {
    const uint8_t *p = packet->head;
    const uint16_t fragment_offset = ak_be16(p + 6) & 0x1fff;
    const struct ak_icmp_error error = {.type = AK_ICMP_PARAMETER_PROBLEM,
                                        .word = (uint32_t)ak_wire_ipv4_bad_option(p) << 24};
    if (error.word == 0 || fragment_offset != 0) return;
    packet->ip = (struct ak_ip){.src = ak_addr_of_v4(ak_be32(p + 12)),
                                .dst = ak_addr_of_v4(ak_be32(p + 16)),
                                .version = 4,
                                .protocol = p[9],
                                .header_bytes = (uint16_t)((p[0] & 0x0fu) * 4u),
                                .total_bytes = ak_be16(p + 2)};
    if (ak_net_addresses(core, packet->frame, &packet->ip) == AKSU_DROP_NONE) ak_net_error(core, packet, &error);
}

static void refuse6(struct ak_core *core, struct ak_packet *packet) {
    struct ak_ipv6_walk walk;
    uint32_t total_bytes = AK_IPV6_HEADER_BYTES + ak_be16(packet->head + 4);
    ak_wire_ipv6_walk_begin(&walk, packet->head, packet->head_bytes, total_bytes);
    (void)ak_wire_ipv6_walk(&walk);
    const struct ak_problem problem = walk.problem;
    bool seen = ak_wire_ipv6_walk_on(&walk); /* an ICMPv6 error behind it gets no error: RFC 4443 s2.4 (e.1) */
    packet->ip = (struct ak_ip){.version = 6,
                                .protocol = seen ? walk.next : AK_IP_PROTOCOL_NONE,
                                .header_bytes = (uint16_t)walk.at,
                                .total_bytes = total_bytes};
    ak_copy(packet->ip.src.byte, packet->head + 8, sizeof packet->ip.src.byte);
    ak_copy(packet->ip.dst.byte, packet->head + 24, sizeof packet->ip.dst.byte);
    if (ak_addr_is_v4(&packet->ip.src) || ak_addr_is_v4(&packet->ip.dst)) return;
    uint16_t link = packet->frame->link;
    aksu_drop drop = ak_net_addresses(core, packet->frame, &packet->ip);
    bool group = problem.to_groups && ak_addr_is_multicast(&packet->ip.dst) && !ak_net_is_ours(core, &packet->ip.src) &&
                 ak_net_is_member(core, link, &packet->ip.dst);
    if (drop == AKSU_DROP_NONE || group) ak_net_problem(core, packet, &problem);
}

void ak_net_refuse(struct ak_core *core, const aksu_frame *frame) {
    uint8_t scratch[AK_PACKET_HEAD_BYTES];
    struct ak_packet packet = {.frame = frame};
    packet.head_bytes = ak_net_gather_head(frame, scratch, &packet.head);
    if (packet.head[0] >> 4 == 6)
        refuse6(core, &packet);
    else
        refuse4(core, &packet);
}

/* RFC 1122 s3.2.2.1; RFC 8200 s4: "unrecognized Next Header", with where it stands. */
void ak_net_protocol_unknown(struct ak_core *core, const struct ak_packet *packet) {
    enum { CODE_PROTOCOL = 2 };
    if (packet->ip.version == 4) {
        struct ak_icmp_error error = {.type = AK_ICMP_UNREACHABLE, .code = CODE_PROTOCOL};
        ak_net_error(core, packet, &error);
        return;
    }
    if (packet->ip.protocol == AK_IP_PROTOCOL_NONE) return; /* s4.7 */
    struct ak_ipv6_walk walk;
    ak_wire_ipv6_walk_begin(&walk, packet->head, packet->head_bytes, packet->ip.total_bytes);
    (void)ak_wire_ipv6_walk(&walk);
    const struct ak_problem problem = {.tell = true, .code = AK_PROBLEM_NEXT_HEADER, .pointer = (uint32_t)walk.next_at};
    ak_net_problem(core, packet, &problem);
}

void ak_net_port_unreachable(struct ak_core *core, const struct ak_packet *packet) {
    enum { CODE_PORT = 3, CODE6_PORT = 4 };
    bool six = packet->ip.version == 6;
    struct ak_icmp_error error = {.type = six ? AK_ICMP6_UNREACHABLE : AK_ICMP_UNREACHABLE,
                                  .code = six ? CODE6_PORT : CODE_PORT};
    ak_net_error(core, packet, &error);
}

/* ---------------------------------------------------------------- errors received */

/* RFC 1122 s4.2.3.9, RFC 5461 s2: what an error means for the connection that it quotes. */
static aksu_reason error_reason(const struct ak_icmp *icmp, bool *ret_hard) {
    *ret_hard = false;
    if (icmp->type == AK_ICMP_TIME_EXCEEDED) return AKSU_REASON_TTL_EXCEEDED;
    if (icmp->type == AK_ICMP_PARAMETER_PROBLEM) return AKSU_REASON_PARAMETER_PROBLEM;
    static const aksu_reason unreachable[] = {
        AKSU_REASON_NET_UNREACHABLE,  AKSU_REASON_HOST_UNREACHABLE, AKSU_REASON_PROTOCOL_UNREACHABLE,
        AKSU_REASON_PORT_UNREACHABLE, AKSU_REASON_PACKET_TOO_BIG,   AKSU_REASON_SOURCE_ROUTE_FAILED,
        AKSU_REASON_NET_UNREACHABLE,  AKSU_REASON_HOST_UNREACHABLE, AKSU_REASON_HOST_UNREACHABLE,
        AKSU_REASON_PROHIBITED,       AKSU_REASON_PROHIBITED,       AKSU_REASON_NET_UNREACHABLE,
        AKSU_REASON_HOST_UNREACHABLE, AKSU_REASON_PROHIBITED,       AKSU_REASON_PROHIBITED,
        AKSU_REASON_PROHIBITED,
    };
    *ret_hard = icmp->code == 2 || icmp->code == 3; /* protocol, port */
    return icmp->code < sizeof unreachable / sizeof unreachable[0] ? unreachable[icmp->code] : AKSU_REASON_NONE;
}

/* The same for ICMPv6: RFC 4443 s3.  MUST-56: only what says that nobody listens is hard. */
static aksu_reason error6_reason(const struct ak_icmp *icmp, bool *ret_hard) {
    static const aksu_reason unreachable[] = {
        AKSU_REASON_NET_UNREACHABLE,  AKSU_REASON_PROHIBITED,       AKSU_REASON_HOST_UNREACHABLE,
        AKSU_REASON_HOST_UNREACHABLE, AKSU_REASON_PORT_UNREACHABLE, AKSU_REASON_PROHIBITED,
        AKSU_REASON_PROHIBITED,
    };
    enum { NO_PORT = 4 };
    *ret_hard = icmp->type == AK_ICMP6_UNREACHABLE && icmp->code == NO_PORT;
    if (icmp->type == AK_ICMP6_PACKET_TOO_BIG) return AKSU_REASON_PACKET_TOO_BIG;
    if (icmp->type == AK_ICMP6_TIME_EXCEEDED) return AKSU_REASON_TTL_EXCEEDED;
    if (icmp->type == AK_ICMP6_PARAMETER_PROBLEM) return AKSU_REASON_PARAMETER_PROBLEM;
    return icmp->code < sizeof unreachable / sizeof unreachable[0] ? unreachable[icmp->code] : AKSU_REASON_NONE;
}

/* RFC 8201 s4, of an answer of ours to an echo request: believed if it quotes the flow label that all to this host
 * bear, which a stranger can only guess, one time in a million. */
static aksu_drop reply_too_big(struct ak_core *core, const struct ak_icmp *icmp, const struct ak_icmp_quote *quote) {
    const struct ak_tuple flow = {.local = quote->src, .remote = quote->dst};
    if (icmp->type != AK_ICMP6_PACKET_TOO_BIG || !ak_net_is_ours(core, &quote->src)) return AKSU_DROP_ICMP_QUOTE;
    if (quote->flow_label != ak_udp_flow_label(core, &flow, AK_IP_PROTOCOL_ICMP6)) return AKSU_DROP_ICMP_QUOTE;
    ak_udp_mtu_told(core, &quote->dst, icmp->mtu);
    return AKSU_DROP_NONE;
}

/* MUST-54: to the connection that caused it, if what it quotes is a segment that we may have sent. */
static aksu_drop error_arrives(struct ak_core *core, const struct ak_packet *packet, const struct ak_icmp *icmp) {
    struct ak_icmp_quote quote;
    uint32_t at = packet->ip.header_bytes + AK_ICMP_HEADER_BYTES;
    if (packet->head_bytes < at) return AKSU_DROP_ICMP_TRUNCATED;
    aksu_drop drop = ak_wire_icmp_quote_parse(packet->head + at, packet->head_bytes - at, &quote);
    if (drop != AKSU_DROP_NONE) return drop;
    if (ak_addr_is_v4(&quote.src) != (packet->ip.version == 4)) return AKSU_DROP_ICMP_QUOTE;
    if (quote.echo_reply) return reply_too_big(core, icmp, &quote);
    struct ak_tuple tuple = {
        .local = quote.src, .remote = quote.dst, .local_port = quote.src_port, .remote_port = quote.dst_port};
    struct ak_icmp_report report = {.tuple = &tuple,
                                    .seq = quote.seq,
                                    .mtu = icmp->mtu,
                                    .from = &packet->ip.src,
                                    .type = icmp->type,
                                    .code = icmp->code};
    report.reason = packet->ip.version == 4 ? error_reason(icmp, &report.hard) : error6_reason(icmp, &report.hard);
    if (report.reason == AKSU_REASON_NONE) return AKSU_DROP_ICMP_TYPE;
    bool known = quote.protocol == AK_IP_PROTOCOL_TCP ? core->host.ops->tcp_error(core, &report)
                                                      : ak_udp_icmp_error(core, &report);
    return known ? AKSU_DROP_NONE : AKSU_DROP_ICMP_QUOTE;
}

static aksu_drop icmp4(struct ak_core *core, const struct ak_packet *packet, const struct ak_icmp *icmp) {
    bool error = icmp->type == AK_ICMP_UNREACHABLE || icmp->type == AK_ICMP_TIME_EXCEEDED ||
                 icmp->type == AK_ICMP_PARAMETER_PROBLEM;
    if (error) return error_arrives(core, packet, icmp);
    if (icmp->type == AK_ICMP_ECHO_REPLY) return ak_udp_echo_reply(core, packet, icmp);
    if (icmp->type != AK_ICMP_ECHO || icmp->code != 0) return AKSU_DROP_ICMP_TYPE; /* Source Quench too: MUST-55 */
    echo_reply(core, packet);
    return AKSU_DROP_NONE;
}

static aksu_drop icmp6(struct ak_core *core, const struct ak_packet *packet, const struct ak_icmp *icmp) {
    bool discovery =
        icmp->type == AK_MLD_QUERY || (icmp->type >= AK_NDP_ROUTER_SOLICITATION && icmp->type <= AK_NDP_REDIRECT);
    if (discovery && ak_is_ether(core, packet->frame->link)) return ak_ndp_input(core, packet);
    if (ak_addr_is_multicast(&packet->ip.dst)) return AKSU_DROP_IP_BROADCAST;
    if (aksu_addr_is_any(&packet->ip.src)) return AKSU_DROP_IP_MARTIAN_SOURCE;
    if (icmp->type >= AK_ICMP6_UNREACHABLE && icmp->type <= AK_ICMP6_PARAMETER_PROBLEM)
        return error_arrives(core, packet, icmp);
    if (icmp->type == AK_ICMP6_ECHO_REPLY) return ak_udp_echo_reply(core, packet, icmp);
    if (icmp->type != AK_ICMP6_ECHO || icmp->code != 0) return AKSU_DROP_ICMP_TYPE;
    echo_reply(core, packet);
    return AKSU_DROP_NONE;
}

aksu_drop ak_net_icmp(struct ak_core *core, const struct ak_packet *packet) {
    struct ak_icmp icmp;
    bool six = packet->ip.version == 6;
    uint32_t head = packet->head_bytes - packet->ip.header_bytes;
    const uint8_t *message = packet->head + packet->ip.header_bytes;
    aksu_drop drop = six ? ak_wire_icmp6_parse(message, head, &icmp) : ak_wire_icmp_parse(message, head, &icmp);
    if (drop != AKSU_DROP_NONE) return drop;
    if (!ak_net_checksum_good(packet, /* pseudo_header= */ six)) return AKSU_DROP_ICMP_CHECKSUM;
    return six ? icmp6(core, packet, &icmp) : icmp4(core, packet, &icmp);
}
