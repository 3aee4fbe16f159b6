/* Datagrams on their way out: one packet each, or fragments (RFC 791 s2.3, RFC 8200 s4.5).
 *
 * They go through the reply ring, where a packet has a header and blocks.  What is larger than the path's MTU is cut
 * here, all of it or nothing.  A fragment's identification is drawn anew for each datagram: it tells nobody how much is
 * sent, or to whom (attacks.md 47). */
#include "net/udp.h"
#include "wire/checksum.h"
#include "wire/udp.h"

enum { FRAGMENT_HEADER_BYTES = 8, NEXT_FRAGMENT = 44 };

/* The datagram as it will lie in the packet: header, then data.  An echo request's header is as long as UDP's. */
struct cursor {
    const struct ak_udp_message *m;
    uint32_t flow_label;
    uint8_t header[AK_UDP_HEADER_BYTES];
    uint32_t at;
};

static void take(struct cursor *c, uint8_t *to, uint32_t bytes) {
    for (; bytes > 0 && c->at < AK_UDP_HEADER_BYTES; bytes--) *to++ = c->header[c->at++];
    if (bytes == 0) return;
    ak_net_copy(c->m->frame, c->m->skip + c->at - AK_UDP_HEADER_BYTES, to, bytes);
    c->at += bytes;
}

uint32_t ak_udp_flow_label(const struct ak_core *core, const struct ak_tuple *flow, uint8_t protocol) {
    struct {
        struct ak_tuple flow;
        uint32_t protocol;
    } of = {.flow = *flow, .protocol = protocol};
    uint32_t label = (uint32_t)ak_siphash24(&core->key[AK_KEY_FLOW_LABEL], &of, sizeof of) & 0xfffff;
    return label != 0 ? label : 1;
}

/* All echo requests of a socket are one flow, and all our answers to a host. */
static uint32_t label_of(const struct ak_core *core, const struct ak_udp_message *m) {
    struct ak_tuple flow = {.local = m->src, .remote = m->dst};
    bool udp = m->protocol == AK_IP_PROTOCOL_UDP;
    if (udp || m->icmp_type == AK_ICMP6_ECHO) flow.local_port = m->src_port;
    if (udp) flow.remote_port = m->dst_port;
    return ak_addr_is_v4(&m->dst) ? 0 : ak_udp_flow_label(core, &flow, m->protocol);
}

/* RFC 792, RFC 4443 s4.1, s2.3. */
static void make_echo_header(struct cursor *c) {
    const struct ak_udp_message *m = c->m;
    bool six = m->protocol == AK_IP_PROTOCOL_ICMP6;
    ak_zero(c->header, sizeof c->header);
    c->header[0] = m->icmp_type;
    ak_put16(c->header + 4, m->src_port);
    ak_put16(c->header + 6, m->dst_port);
    struct ak_sum sum = {0};
    if (six) ak_sum_pseudo(&sum, &m->src, &m->dst, m->protocol, AK_UDP_HEADER_BYTES + m->bytes);
    ak_sum_add(&sum, c->header, AK_UDP_HEADER_BYTES);
    ak_net_sum(m->frame, m->skip, m->bytes, &sum);
    ak_put16(c->header + 2, (uint16_t)~ak_sum_fold(&sum));
}

/* RFC 768: a checksum of 0 would say that there is none. */
static void make_header(struct cursor *c) {
    const struct ak_udp_message *m = c->m;
    if (m->protocol != AK_IP_PROTOCOL_UDP) {
        make_echo_header(c);
        return;
    }
    struct ak_udp_header header = {
        .src_port = m->src_port, .dst_port = m->dst_port, .bytes = (uint16_t)(AK_UDP_HEADER_BYTES + m->bytes)};
    ak_wire_udp_build(c->header, &header);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &m->src, &m->dst, AK_IP_PROTOCOL_UDP, AK_UDP_HEADER_BYTES + m->bytes);
    if (m->segment_bytes != 0) { /* whoever cuts it sums the rest */
        ak_put16(c->header + 6, ak_sum_fold(&sum));
        return;
    }
    ak_sum_add(&sum, c->header, AK_UDP_HEADER_BYTES);
    ak_net_sum(m->frame, m->skip, m->bytes, &sum);
    uint16_t folded = (uint16_t)~ak_sum_fold(&sum);
    ak_put16(c->header + 6, folded == 0 ? 0xffff : folded);
}

/* The IP header of a packet that carries bytes from c->at on; answers its size. */
static uint32_t build_ip(const struct cursor *c, uint32_t bytes, bool more, uint32_t id, uint8_t *p) {
    const struct ak_udp_message *m = c->m;
    bool whole = c->at == 0 && !more;
    struct ak_ip ip = {
        .src = m->src,
        .dst = m->dst,
        .protocol = m->protocol,
        .ttl = m->ttl,
        .tos = m->tos,
        .id = whole ? 0 : (uint16_t)id,
        .flow_label = c->flow_label,
        .more_fragments = more,
        .fragment_at = (uint16_t)c->at,
        .dont_fragment = whole && (c->at + bytes <= m->mtu || m->segment_bytes != 0), /* atomic: RFC 6864 s4.1 */
    };
    bool six = !ak_addr_is_v4(&m->dst);
    if (!six || whole) return ak_wire_ip_build(p, &ip, bytes);
    ip.protocol = NEXT_FRAGMENT;
    uint32_t at = ak_wire_ip_build(p, &ip, FRAGMENT_HEADER_BYTES + bytes);
    p[at] = m->protocol;
    p[at + 1] = 0;
    ak_put16(p + at + 2, (uint16_t)(c->at | more));
    ak_put32(p + at + 4, id);
    return at + FRAGMENT_HEADER_BYTES;
}

/* One packet of the datagram.  There is room for it. */
static void put_packet(struct ak_core *core, struct cursor *c, uint32_t bytes, bool more, uint32_t id) {
    struct ak_reply *reply = ak_reply_new(core, bytes);
    if (reply == NULL) return;
    reply->header_bytes = (uint16_t)build_ip(c, bytes, more, id, reply->header);
    reply->link = c->m->link;
    reply->cause = AKSU_SEND_NONE_CAUSE;
    reply->segment_bytes = (uint16_t)c->m->segment_bytes;
    for (uint32_t left = bytes, i = 0; left > 0; i++) {
        uint32_t piece = ak_min_u32(left, core->blocks.block_bytes);
        take(c, ak_block_at(&core->blocks, ak_reply_block(core, reply, i)), piece);
        left -= piece;
    }
}

aksu_err ak_udp_output(struct ak_core *core, const struct ak_udp_message *m) {
    struct cursor c = {.m = m, .flow_label = label_of(core, m)};
    uint32_t total = AK_UDP_HEADER_BYTES + m->bytes, header_bytes = ak_ip_header_bytes_for(&m->dst);
    uint32_t room = ak_min_u32(m->mtu - header_bytes, ak_reply_bytes_max(core));
    uint32_t each = total;
    if (total > room && m->segment_bytes == 0) {
        uint32_t extra = header_bytes == AK_IPV6_HEADER_BYTES ? FRAGMENT_HEADER_BYTES : 0;
        each = ak_min_u32(m->mtu - header_bytes - extra, ak_reply_bytes_max(core)) & ~7u;
    }
    uint32_t count = (total + each - 1) / each;
    if (!ak_reply_room(core, count, ak_min_u32(each, total)))
        return ak_reply_possible(core, count, ak_min_u32(each, total)) ? AKSU_ERR_AGAIN : AKSU_ERR_NO_MEMORY;
    make_header(&c);
    uint32_t id = count > 1 ? (uint32_t)ak_prng_u64(&core->prng) : 0;
    while (c.at < total) {
        uint32_t bytes = ak_min_u32(each, total - c.at);
        put_packet(core, &c, bytes, c.at + bytes < total, id);
    }
    return AKSU_OK;
}
