/* UDP sockets: RFC 768, RFC 1122 s4.1, RFC 8085.
 *
 * All hang in one table by address, port and peer; a datagram looks for the socket that names most of it: with this
 * peer, with this address of ours, with the port alone; of several the one of its link.  A socket's queue is bounded by
 * the memory that it holds.  What is sent leaves through the reply ring. */
#include "net/udp.h"

#include "base/check.h"
#include "net/ether.h"
#include "wire/udp.h"

#define HELD_DEFAULT (256u << 10)
#define TTL_DEFAULT  64

/* ---------------------------------------------------------------- the table */

static uint32_t hash_of(const struct ak_core *core, const struct ak_tuple *tuple) {
    return (uint32_t)ak_siphash13(&core->key[AK_KEY_TABLE], tuple, sizeof *tuple);
}

uint32_t ak_udp_hash(const void *owner, ak_ref ref) {
    const struct ak_core *core = owner;
    return hash_of(core, &ak_udp_at(core, ref)->tuple);
}

/* Of those with this tuple: the one of this link, else one of any.  link: AKSU_LINK_ANY, where it is not known. */
static struct ak_udp *find_exact(const struct ak_core *core, const struct ak_tuple *tuple, uint16_t link) {
    struct ak_udp *found = NULL;
    ak_ref ref = ak_table_first(&core->udp, hash_of(core, tuple));
    for (; ref != AK_NONE; ref = ak_table_next(&core->udp, ref)) {
        struct ak_udp *u = ak_udp_at(core, ref);
        if (!ak_equal(&u->tuple, tuple, sizeof *tuple)) continue;
        if (u->link == link) return u;
        if (u->link == AKSU_LINK_ANY || link == AKSU_LINK_ANY) found = u;
    }
    return found;
}

/* Who a datagram between these ends is for. */
static struct ak_udp *find(const struct ak_core *core, const struct ak_tuple *ends, uint16_t link) {
    struct ak_tuple tuple = *ends;
    struct ak_udp *u = tuple.remote_port != 0 ? find_exact(core, &tuple, link) : NULL; /* without: an echo socket's */
    if (u != NULL) return u;
    tuple.remote = (aksu_addr){{0}};
    tuple.remote_port = 0;
    u = find_exact(core, &tuple, link);
    if (u != NULL) return u;
    tuple.local = (aksu_addr){{0}};
    return find_exact(core, &tuple, link);
}

static struct ak_udp *of_handle(const struct ak_core *core, aksu_sock sock, ak_ref *ret_ref) {
    struct ak_sock *head = ak_sock_find_any(core, sock, ret_ref);
    return head != NULL && ak_ref_class(*ret_ref) == AK_KIND_UDP ? ak_udp_at(core, *ret_ref) : NULL;
}

static ak_ref ref_of(const struct ak_core *core, const struct ak_udp *u) {
    int64_t bytes = (const char *)u - (const char *)ak_object(core, AK_KIND_UDP, 0);
    return ak_ref_of(AK_KIND_UDP, (uint32_t)((uint64_t)bytes / sizeof *u));
}

/* ---------------------------------------------------------------- opening */

/* A port that nobody has for this address, for any, or for this peer. */
static bool port_free(const struct ak_core *core, const struct ak_tuple *tuple) {
    struct ak_tuple other = *tuple;
    if (find_exact(core, &other, AKSU_LINK_ANY) != NULL) return false;
    other.remote = (aksu_addr){{0}};
    other.remote_port = 0;
    if (find_exact(core, &other, AKSU_LINK_ANY) != NULL) return false;
    other.local = (aksu_addr){{0}};
    return find_exact(core, &other, AKSU_LINK_ANY) == NULL;
}

/* RFC 6056 s3.3.1: random, then on from there. */
static bool choose_port(struct ak_core *core, struct ak_tuple *tuple) {
    uint32_t first = core->config.port_first, count = core->config.port_last - first + 1;
    uint32_t start = ak_prng_below(&core->prng, count);
    for (uint32_t i = 0; i < count; i++) {
        tuple->local_port = (uint16_t)(first + (start + i) % count);
        if (port_free(core, tuple)) return true;
    }
    return false;
}

static bool may_broadcast(const struct ak_core *core, uint32_t flags, const aksu_addr *addr) {
    return (flags & AKSU_UDP_BROADCAST) != 0 || !ak_net_is_broadcast(core, addr);
}

static bool is_group(const struct ak_core *core, const aksu_addr *addr) {
    return ak_addr_is_multicast(addr) || ak_net_is_broadcast(core, addr);
}

static aksu_err check_open(struct ak_core *core, const aksu_udp_open *open, struct ak_tuple *tuple) {
    bool peer = !aksu_addr_is_any(&open->remote.addr), echo = (open->flags & AKSU_UDP_ECHO) != 0;
    const uint32_t known = AKSU_UDP_BROADCAST | AKSU_UDP_ONE_LINK | AKSU_UDP_ECHO;
    if (echo && (!peer || open->remote.port != 0 || is_group(core, &open->remote.addr))) return AKSU_ERR_INVALID;
    if (open->struct_bytes != sizeof *open || (open->flags & ~known) != 0) return AKSU_ERR_INVALID;
    if (open->rcv_buf_bytes > 1u << 30 || open->dscp > 63) return AKSU_ERR_INVALID;
    if (!echo && peer != (open->remote.port != 0)) return AKSU_ERR_INVALID;
    if (peer && !may_broadcast(core, open->flags, &open->remote.addr)) return AKSU_ERR_INVALID;
    bool bound = !aksu_addr_is_any(&tuple->local);
    if (bound && !ak_net_is_ours(core, &tuple->local)) return AKSU_ERR_ADDR_NOT_AVAILABLE;
    struct ak_path path;
    aksu_err err = peer ? ak_net_resolve(core, &open->remote, &tuple->local, &path) : AKSU_OK;
    if (err != AKSU_OK) return err;
    if (peer) tuple->local = path.source; /* only its peer's answers come in, and only to here */
    if (tuple->local_port == 0) return choose_port(core, tuple) ? AKSU_OK : AKSU_ERR_ADDR_IN_USE;
    uint16_t link = open->flags & AKSU_UDP_ONE_LINK ? open->local.link : AKSU_LINK_ANY; /* each has its own */
    const struct ak_udp *other = find_exact(core, tuple, link);
    return other == NULL || other->link != link ? AKSU_OK : AKSU_ERR_ADDR_IN_USE;
}

aksu_err aksu_udp_bind(aksu_stack *stack, const aksu_udp_open *open, aksu_sock *ret_sock) {
    struct ak_core *core = ak_core_of(stack);
    struct ak_tuple tuple = {.local = open->local.addr,
                             .remote = open->remote.addr,
                             .local_port = open->local.port,
                             .remote_port = open->remote.port};
    if (aksu_addr_is_any(&tuple.local)) tuple.local = (aksu_addr){{0}};
    if (aksu_addr_is_any(&tuple.remote)) tuple.remote = (aksu_addr){{0}};
    aksu_err err = check_open(core, open, &tuple);
    if (err != AKSU_OK) return err;
    uint32_t index = ak_object_get(core, AK_KIND_UDP);
    if (index == AK_NONE) return AKSU_ERR_NO_MEMORY;
    ak_ref ref = ak_ref_of(AK_KIND_UDP, index);
    struct ak_udp *u = ak_udp_at(core, ref);
    *u = (struct ak_udp){
        .sock.generation = u->sock.generation,
        .tuple = tuple,
        .link = open->flags & AKSU_UDP_ONE_LINK ? open->local.link : AKSU_LINK_ANY,
        .ttl = open->ttl != 0 ? open->ttl : TTL_DEFAULT,
        .dscp = open->dscp,
        .flags = (uint8_t)open->flags,
        .first = AK_NONE,
        .last = AK_NONE,
        .held_max = open->rcv_buf_bytes != 0 ? open->rcv_buf_bytes : HELD_DEFAULT,
    };
    ak_sock_open(core, &u->sock, 0, open->user);
    ak_table_insert(&core->udp, ref, hash_of(core, &tuple), ak_udp_hash, core);
    *ret_sock = ak_sock_handle(&u->sock, ref);
    return AKSU_OK;
}

aksu_err aksu_udp_close(aksu_stack *stack, aksu_sock sock) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    struct ak_udp *u = of_handle(core, sock, &ref);
    if (u == NULL) return AKSU_ERR_BADSOCK;
    while (u->first != AK_NONE) ak_udp_dequeue(core, u, NULL, 0, NULL, NULL);
    ak_table_remove(&core->udp, ref, hash_of(core, &u->tuple));
    ak_sock_release(core, &u->sock, ref);
    ak_pool_put(&core->pool[AK_KIND_UDP], ak_ref_index(ref));
    return AKSU_OK;
}

aksu_err aksu_udp_ends(const aksu_stack *stack, aksu_sock sock, aksu_endpoint *ret_local, aksu_endpoint *ret_remote) {
    ak_ref ref;
    const struct ak_udp *u = of_handle(ak_core_of_const(stack), sock, &ref);
    if (u == NULL) return AKSU_ERR_BADSOCK;
    *ret_local = (aksu_endpoint){.addr = u->tuple.local, .port = u->tuple.local_port, .link = u->link};
    *ret_remote = (aksu_endpoint){.addr = u->tuple.remote, .port = u->tuple.remote_port, .link = u->link};
    return AKSU_OK;
}

/* ---------------------------------------------------------------- sending */

/* The way of a broadcast, which no route need lead to: the link that is named, or the only one.  Without an address
 * there the source is nobody, as DHCP needs it (RFC 1122 s3.2.1.3 (a)). */
static bool broadcast_path(struct ak_core *core, const struct ak_udp *u, const aksu_endpoint *to,
                           struct ak_path *ret_path) {
    uint16_t link = u->link != AKSU_LINK_ANY ? u->link : to->link;
    if (link == AKSU_LINK_ANY && core->link_count == 1) link = 0;
    if (!ak_addr_is_limited_broadcast(&to->addr) || link >= core->link_count) return false;
    const struct ak_addr_entry *source = ak_addr_source(core, link, &to->addr);
    *ret_path =
        (struct ak_path){.source = aksu_addr_v4(0, 0, 0, 0), .link = link, .mtu = ak_link_state_at(core, link)->mtu};
    if (source != NULL) ret_path->source = source->addr;
    if (!aksu_addr_is_any(&u->tuple.local)) ret_path->source = u->tuple.local;
    return true;
}

/* RFC 768 has 16 bits for the length; IPv4 has them for header and all. */
static uint32_t bytes_max(const aksu_addr *to) {
    return 65535 - AK_UDP_HEADER_BYTES - (ak_addr_is_v4(to) ? AK_IPV4_HEADER_BYTES : 0);
}

static uint8_t protocol_of(const struct ak_udp *u) {
    if ((u->flags & AKSU_UDP_ECHO) == 0) return AK_IP_PROTOCOL_UDP;
    return ak_addr_is_v4(&u->tuple.remote) ? AK_IP_PROTOCOL_ICMP : AK_IP_PROTOCOL_ICMP6;
}

/* Where a datagram of the socket's goes, and how: all but its data. */
static aksu_err address(struct ak_core *core, const struct ak_udp *u, const aksu_endpoint *to, size_t bytes,
                        struct ak_udp_message *ret_message) {
    bool echo = (u->flags & AKSU_UDP_ECHO) != 0, peer = echo || u->tuple.remote_port != 0;
    if (to == NULL && !peer) return AKSU_ERR_NOT_CONNECTED;
    if (to != NULL && peer) return AKSU_ERR_EXISTS;
    aksu_endpoint remote = {.addr = u->tuple.remote, .port = u->tuple.remote_port, .link = u->link};
    if (to != NULL) remote = *to;
    if (remote.link == AKSU_LINK_ANY) remote.link = u->link;
    if ((remote.port == 0 && !echo) || aksu_addr_is_any(&remote.addr) || bytes > bytes_max(&remote.addr))
        return AKSU_ERR_INVALID;
    if (!may_broadcast(core, u->flags, &remote.addr)) return AKSU_ERR_INVALID;
    struct ak_path path;
    if (!broadcast_path(core, u, &remote, &path)) {
        aksu_err err = ak_net_resolve(core, &remote, &u->tuple.local, &path);
        if (err != AKSU_OK) return err;
    }
    uint8_t protocol = protocol_of(u);
    *ret_message = (struct ak_udp_message){.src = path.source,
                                           .dst = remote.addr,
                                           .src_port = u->tuple.local_port,
                                           .dst_port = echo ? (uint16_t)(u->sequence + 1) : remote.port,
                                           .protocol = protocol,
                                           .icmp_type = protocol == AK_IP_PROTOCOL_ICMP6 ? AK_ICMP6_ECHO : AK_ICMP_ECHO,
                                           .link = path.link,
                                           .ttl = u->ttl,
                                           .tos = (uint8_t)(u->dscp << 2),
                                           .mtu = ak_udp_path_mtu(core, &remote.addr, path.mtu)};
    return AKSU_OK;
}

static aksu_err output(struct ak_core *core, const struct ak_udp_message *about, const void *data, uint32_t bytes) {
    aksu_iov iov = {.base = (void *)(uintptr_t)data, .bytes = bytes};
    aksu_frame lies = {.iov = &iov, .iov_count = 1};
    struct ak_udp_message message = *about;
    message.frame = &lies;
    message.bytes = bytes;
    return ak_udp_output(core, &message);
}

aksu_err aksu_udp_send(aksu_stack *stack, aksu_sock sock, const aksu_endpoint *to, const void *data, size_t bytes) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    struct ak_udp *u = of_handle(core, sock, &ref);
    if (u == NULL) return AKSU_ERR_BADSOCK;
    struct ak_udp_message message;
    aksu_err err = address(core, u, to, bytes, &message);
    if (err == AKSU_OK) err = output(core, &message, data, (uint32_t)bytes);
    if (err != AKSU_OK) return err;
    u->sequence++;
    if (message.protocol != AK_IP_PROTOCOL_UDP)
        core->counters.icmp_echo_requests++;
    else
        core->counters.udp_datagrams_out++;
    return AKSU_OK;
}

/* The data of the largest super-segment of datagrams of each bytes; each: there is none. */
static uint32_t super_bytes(const struct ak_core *core, const struct ak_udp_message *m, uint32_t each) {
    enum { SEGMENTS_MAX = 64 }; /* what Linux takes */
    const struct ak_link_state *link = ak_link_state_at(core, m->link);
    uint32_t headers = ak_ip_header_bytes_for(&m->dst) + AK_UDP_HEADER_BYTES;
    if ((link->flags & AKSU_LINK_USO) == 0 || each + headers > m->mtu) return each;
    uint32_t most = ak_min_u32(link->tso_max_bytes - headers, ak_reply_bytes_max(core) - AK_UDP_HEADER_BYTES);
    uint32_t count = ak_min_u32(most / each, SEGMENTS_MAX);
    return count > 1 ? count * each : each;
}

aksu_err aksu_udp_send_many(aksu_stack *stack, aksu_sock sock, const aksu_endpoint *to, const void *data, size_t bytes,
                            size_t segment_bytes, size_t *ret_bytes) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    struct ak_udp *u = of_handle(core, sock, &ref);
    if (u == NULL) return AKSU_ERR_BADSOCK;
    if (segment_bytes == 0 || (u->flags & AKSU_UDP_ECHO) != 0) return AKSU_ERR_INVALID;
    struct ak_udp_message message;
    aksu_err err = address(core, u, to, segment_bytes, &message);
    if (err != AKSU_OK) return err;
    uint32_t each = (uint32_t)segment_bytes, most = super_bytes(core, &message, each);
    size_t done = 0;
    while (done < bytes && err == AKSU_OK) {
        uint32_t piece = (uint32_t)ak_min_u64(most, bytes - done);
        message.segment_bytes = piece > each ? each : 0;
        err = output(core, &message, (const uint8_t *)data + done, piece);
        if (err == AKSU_ERR_NO_MEMORY && piece > each) { /* too much for one packet here, not for several */
            most = each;
            err = AKSU_OK;
            continue;
        }
        if (err != AKSU_OK) break;
        core->counters.udp_datagrams_out += (piece + each - 1) / each;
        done += piece;
    }
    if (done == 0 && err != AKSU_OK) return err;
    *ret_bytes = done;
    return AKSU_OK;
}

/* ---------------------------------------------------------------- receiving */

uint32_t ak_udp_levels(const struct ak_udp *u) {
    return (u->first != AK_NONE ? (uint32_t)AKSU_EV_READABLE : 0) | (u->soft_error != 0 ? AKSU_EV_SOFT_ERROR : 0);
}

aksu_err aksu_udp_recv(aksu_stack *stack, aksu_sock sock, void *buf, size_t cap, size_t *ret_bytes,
                       aksu_udp_from *ret_from) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    struct ak_udp *u = of_handle(core, sock, &ref);
    if (u == NULL) return AKSU_ERR_BADSOCK;
    if (u->first == AK_NONE) {
        ak_sock_unseen(&u->sock, AKSU_EV_READABLE);
        return AKSU_ERR_AGAIN;
    }
    ak_udp_dequeue(core, u, buf, cap, ret_bytes, ret_from);
    return AKSU_OK;
}

/* RFC 768: a checksum of 0 is none; RFC 8200 s8.1: there must be one over IPv6. */
static bool checksum_good(const struct ak_packet *packet, const struct ak_udp_header *header) {
    if (header->checksum == 0) return packet->ip.version == 4;
    struct ak_packet exact = *packet; /* what lies behind the datagram is not part of it */
    exact.ip.total_bytes = packet->ip.header_bytes + (uint32_t)header->bytes;
    return ak_net_checksum_good(&exact, /* pseudo_header= */ true);
}

/* A super-datagram holds several of one size; each is one of its own. */
static aksu_drop deliver(struct ak_core *core, struct ak_udp *u, const struct ak_packet *packet, uint32_t bytes,
                         const aksu_udp_from *from) {
    uint32_t each = packet->frame->segment_bytes != 0 ? packet->frame->segment_bytes : bytes, at = 0;
    aksu_drop drop = AKSU_DROP_NONE;
    do {
        uint32_t piece = ak_min_u32(each, bytes - at);
        uint32_t skip = packet->ip.header_bytes + AK_UDP_HEADER_BYTES + at;
        if (ak_udp_queue(core, u, packet, skip, piece, from))
            core->counters.udp_datagrams_in++;
        else
            drop = AKSU_DROP_UDP_QUEUE_FULL;
        at += piece;
    } while (at < bytes);
    if (u->first != AK_NONE) ak_sock_tell(core, &u->sock, ref_of(core, u), AKSU_EV_READABLE);
    return drop;
}

aksu_drop ak_udp_input(struct ak_core *core, const struct ak_packet *packet) {
    struct ak_udp_header header;
    uint32_t at = packet->ip.header_bytes, packet_bytes = packet->ip.total_bytes - at;
    aksu_drop drop = ak_wire_udp_parse(packet->head + at, packet->head_bytes - at, packet_bytes, &header);
    if (drop != AKSU_DROP_NONE) return drop;
    if (!checksum_good(packet, &header)) return AKSU_DROP_UDP_CHECKSUM;
    struct ak_tuple ends = {.local = packet->ip.dst,
                            .remote = packet->ip.src,
                            .local_port = header.dst_port,
                            .remote_port = header.src_port};
    struct ak_udp *u = find(core, &ends, packet->frame->link);
    bool broadcast = ak_net_is_broadcast(core, &packet->ip.dst);
    if (broadcast && (u == NULL || (u->flags & AKSU_UDP_BROADCAST) == 0)) return AKSU_DROP_IP_BROADCAST;
    if (u == NULL) {
        ak_net_port_unreachable(core, packet);
        return AKSU_DROP_UDP_NO_SOCKET;
    }
    uint32_t bytes = header.bytes - AK_UDP_HEADER_BYTES;
    if (packet->frame->segment_bytes != 0) bytes = packet_bytes - AK_UDP_HEADER_BYTES;
    aksu_udp_from from = {.remote = {.addr = ends.remote, .port = ends.remote_port, .link = packet->frame->link},
                          .local = ends.local,
                          .ttl = packet->ip.ttl,
                          .tos = packet->ip.tos};
    return deliver(core, u, packet, bytes, &from);
}

aksu_drop ak_udp_echo_reply(struct ak_core *core, const struct ak_packet *packet, const struct ak_icmp *icmp) {
    struct ak_tuple tuple = {.local = packet->ip.dst, .remote = packet->ip.src, .local_port = icmp->id};
    struct ak_udp *u = find_exact(core, &tuple, packet->frame->link);
    if (u == NULL || icmp->code != 0) return AKSU_DROP_ICMP_ECHO_REPLY;
    uint32_t skip = packet->ip.header_bytes + AK_ICMP_HEADER_BYTES;
    aksu_udp_from from = {.remote = {.addr = tuple.remote, .port = icmp->sequence, .link = packet->frame->link},
                          .local = tuple.local,
                          .ttl = packet->ip.ttl,
                          .tos = packet->ip.tos};
    if (!ak_udp_queue(core, u, packet, skip, packet->ip.total_bytes - skip, &from)) return AKSU_DROP_UDP_QUEUE_FULL;
    ak_sock_tell(core, &u->sock, ref_of(core, u), AKSU_EV_READABLE);
    return AKSU_DROP_NONE;
}

bool ak_udp_icmp_error(struct ak_core *core, const struct ak_icmp_report *report) {
    struct ak_udp *u = find_exact(core, report->tuple, AKSU_LINK_ANY);
    if (u == NULL && find(core, report->tuple, AKSU_LINK_ANY) == NULL) return false;
    if (report->reason == AKSU_REASON_PACKET_TOO_BIG) ak_udp_mtu_told(core, &report->tuple->remote, report->mtu);
    if (u == NULL) return true; /* no peer of its own: nobody to tell of whom */
    u->soft_error = (uint8_t)report->reason;
    u->error = (aksu_udp_error){.reason = report->reason,
                                .from = *report->from,
                                .type = report->type,
                                .code = report->code,
                                .sequence = (uint16_t)report->seq,
                                .mtu = report->mtu};
    ak_sock_unseen(&u->sock, AKSU_EV_SOFT_ERROR);
    ak_sock_tell(core, &u->sock, ref_of(core, u), AKSU_EV_SOFT_ERROR);
    return true;
}

aksu_err aksu_udp_error_take(aksu_stack *stack, aksu_sock sock, aksu_udp_error *ret_error) {
    struct ak_core *core = ak_core_of(stack);
    ak_ref ref;
    struct ak_udp *u = of_handle(core, sock, &ref);
    if (u == NULL) return AKSU_ERR_BADSOCK;
    if (u->error.reason == AKSU_REASON_NONE) return AKSU_ERR_AGAIN;
    *ret_error = u->error;
    u->error.reason = AKSU_REASON_NONE;
    return AKSU_OK;
}
