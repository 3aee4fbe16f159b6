/* From a frame to a packet of ours: RFC 791, RFC 1122 s3.2.1, RFC 8200.  One parse gives one immutable view; whatever
 * is wrong has its own reason. */
#include "net/ether.h"
#include "wire/checksum.h"
#include "wire/udp.h"

/* The first bytes in one piece: where they lie if they do, else gathered into scratch. */
static uint32_t gather_head(const aksu_frame *frame, uint8_t *scratch, const uint8_t **ret_head) {
    uint32_t want = ak_min_u32(frame->total_bytes, AK_PACKET_HEAD_BYTES);
    if (frame->iov[0].bytes >= want) {
        *ret_head = frame->iov[0].base;
        return (uint32_t)ak_min_u64(frame->iov[0].bytes, frame->total_bytes);
    }
    uint32_t have = 0;
    for (uint32_t i = 0; i < frame->iov_count && have < want; i++) {
        uint32_t piece = (uint32_t)ak_min_u64(frame->iov[i].bytes, want - have);
        ak_copy(scratch + have, frame->iov[i].base, piece);
        have += piece;
    }
    *ret_head = scratch;
    return have;
}

bool ak_net_frame_consistent(const aksu_frame *frame) {
    if (frame->iov_count == 0 || frame->total_bytes == 0) return false;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < frame->iov_count; i++) sum += frame->iov[i].bytes;
    return sum == frame->total_bytes && frame->checksum <= AKSU_CHECKSUM_PARTIAL;
}

/* What speaks to groups, or from nobody, on an Ethernet link: ICMPv6, which looks at both again. */
static bool is_discovery(const struct ak_core *core, const aksu_frame *frame, const struct ak_ip *ip) {
    if (ip->protocol != AK_IP_PROTOCOL_ICMP6 || !ak_is_ether(core, frame->link) || ip->version != 6) return false;
    bool group = ak_addr_is_multicast(&ip->dst);
    if (aksu_addr_is_any(&ip->src)) return group && ak_net_is_member(core, frame->link, &ip->dst);
    return group && !ak_addr_is_martian_source(&ip->src) && !ak_net_is_ours(core, &ip->src) &&
           ak_net_is_member(core, frame->link, &ip->dst);
}

/* Datagrams to a broadcast address, which sockets that asked for them get. */
static bool is_broadcast_udp(const struct ak_core *core, const struct ak_ip *ip) {
    return ip->protocol == AK_IP_PROTOCOL_UDP && ip->version == 4 && !ak_addr_is_multicast(&ip->dst) &&
           ak_net_is_broadcast(core, &ip->dst) && !ak_addr_is_martian_source(&ip->src) &&
           !ak_net_is_broadcast(core, &ip->src) && !ak_net_is_ours(core, &ip->src);
}

/* Packets come in trains: what was right for the one before is for this one, until an address of ours changes. */
static bool accepted_before(const struct ak_core *core, const aksu_frame *frame, const struct ak_ip *ip) {
    const struct ak_net *net = ak_net_of(core);
    return net->accepted.link_after == frame->link + 1u && net->accepted.generation == net->generation &&
           (frame->flags & AK_FRAME_GROUP) == 0 && ak_addr_equal(&net->accepted.src, &ip->src) &&
           ak_addr_equal(&net->accepted.dst, &ip->dst);
}

static void accept_again(const struct ak_core *core, const aksu_frame *frame, const struct ak_ip *ip) {
    struct ak_net *net = ak_net_of(core);
    net->accepted.src = ip->src;
    net->accepted.dst = ip->dst;
    net->accepted.generation = net->generation;
    net->accepted.link_after = frame->link + 1u;
}

static aksu_drop check_addresses(const struct ak_core *core, const aksu_frame *frame, const struct ak_ip *ip) {
    if (accepted_before(core, frame, ip)) return AKSU_DROP_NONE;
    bool loop = frame->link == ak_loop_link(core);
    if (is_discovery(core, frame, ip)) return AKSU_DROP_NONE;
    if (is_broadcast_udp(core, ip)) return AKSU_DROP_NONE;
    if (frame->flags & AK_FRAME_GROUP) return AKSU_DROP_IP_BROADCAST; /* RFC 1122 s3.3.6 */
    /* U-13: RFC 1122 s3.2.1.3 holds for every segment, not for SYNs alone. */
    if (ak_addr_is_martian_source(&ip->src) || ak_net_is_broadcast(core, &ip->src)) return AKSU_DROP_IP_MARTIAN_SOURCE;
    if (ak_net_is_broadcast(core, &ip->dst)) return AKSU_DROP_IP_BROADCAST; /* MUST-57 */
    if (!loop && ak_addr_is_loopback(&ip->dst)) return AKSU_DROP_IP_NOT_OURS;
    bool catch_all = (ak_link_state_at(core, frame->link)->flags & AKSU_LINK_CATCH_ALL) != 0;
    if (!loop && !catch_all && !ak_net_is_ours(core, &ip->dst)) return AKSU_DROP_IP_NOT_OURS;
    if (!loop && ak_net_is_ours(core, &ip->src)) /* LAND, attack row 70 */
        return ak_addr_equal(&ip->src, &ip->dst) ? AKSU_DROP_TCP_LAND : AKSU_DROP_IP_MARTIAN_SOURCE;
    accept_again(core, frame, ip);
    return AKSU_DROP_NONE;
}

aksu_drop ak_net_accept(const struct ak_core *core, const aksu_frame *frame, uint8_t *scratch,
                        struct ak_packet *ret_packet) {
    bool known = frame->link < core->link_count || frame->link == ak_loop_link(core);
    if (!known || !ak_link_state_at(core, frame->link)->up) return AKSU_DROP_LINK_UNKNOWN;
    if (!ak_net_frame_consistent(frame)) return AKSU_DROP_FRAME_INVALID;
    ret_packet->frame = frame;
    ret_packet->head_bytes = gather_head(frame, scratch, &ret_packet->head);
    aksu_drop drop = ak_wire_ip_parse(ret_packet->head, ret_packet->head_bytes, frame->total_bytes, &ret_packet->ip);
    if (drop != AKSU_DROP_NONE) return drop;
    ret_packet->head_bytes = ak_min_u32(ret_packet->head_bytes, ret_packet->ip.total_bytes);
    return check_addresses(core, frame, &ret_packet->ip);
}

void ak_net_copy(const aksu_frame *frame, uint32_t skip, uint8_t *to, uint32_t bytes) {
    for (uint32_t i = 0; i < frame->iov_count && bytes > 0; i++) {
        const aksu_iov *iov = &frame->iov[i];
        if (skip >= iov->bytes) {
            skip -= (uint32_t)iov->bytes;
            continue;
        }
        uint32_t piece = (uint32_t)ak_min_u64(iov->bytes - skip, bytes);
        ak_copy(to, (const uint8_t *)iov->base + skip, piece);
        to += piece;
        bytes -= piece;
        skip = 0;
    }
}

static void sum_frame(const aksu_frame *frame, uint32_t skip, uint32_t left, struct ak_sum *sum) {
    for (uint32_t i = 0; i < frame->iov_count && left > 0; i++) {
        uint32_t bytes = (uint32_t)frame->iov[i].bytes;
        if (skip >= bytes) {
            skip -= bytes;
            continue;
        }
        uint32_t piece = ak_min_u32(bytes - skip, left);
        ak_sum_add(sum, (const uint8_t *)frame->iov[i].base + skip, piece);
        left -= piece;
        skip = 0;
    }
}

bool ak_net_checksum_good(const struct ak_packet *packet, bool pseudo_header) {
    if (packet->frame->checksum != AKSU_CHECKSUM_NONE) return true;
    uint32_t skip = packet->ip.header_bytes;
    uint32_t left = packet->ip.total_bytes - skip;
    struct ak_sum sum = {0};
    if (pseudo_header) ak_sum_pseudo(&sum, &packet->ip.src, &packet->ip.dst, packet->ip.protocol, left);
    sum_frame(packet->frame, skip, left, &sum);
    return ak_sum_fold(&sum) == 0xffff;
}

/* The same for others: here they are parts of what each packet passes through. */
uint32_t ak_net_gather_head(const aksu_frame *frame, uint8_t *scratch, const uint8_t **ret_head) {
    return gather_head(frame, scratch, ret_head);
}

aksu_drop ak_net_addresses(const struct ak_core *core, const aksu_frame *frame, const struct ak_ip *ip) {
    return check_addresses(core, frame, ip);
}

void ak_net_sum(const aksu_frame *frame, uint32_t skip, uint32_t bytes, struct ak_sum *sum) {
    sum_frame(frame, skip, bytes, sum);
}
