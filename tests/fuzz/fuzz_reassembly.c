/* Fuzz target: fragments of IPv4 and IPv6, into a stack that has room for few.  The input is records of 10 bytes:
 * [what: 1, source: 1, identification: 1, time in 256 ms: 1, place in units of 8 bytes: 2, bytes: 2, field: 1, value:
 * 1]. What, by its bits: 1 IPv6, 2 not the last, 4 the same with one header byte changed (field, value; checksum
 * repaired), 8 TCP.  The text of a datagram says where it lies, so that one that is put together wrongly is seen.  What
 * must hold: no limit is passed, lists, table and wheel are whole, all that the blocks hold is accounted for, memory
 * comes back. */
#include "fuzz_stack.h"

#include "base/bytes.h"
#include "net/ether.h"
#include "wire/checksum.h"
#include "wire/udp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { DATAGRAMS = 8, BUDGET = 64 << 10, RECORD = 10, PORT = 7, PACKET_MAX = 66000, BLOCK = 512 };

static uint8_t pattern(uint32_t at) {
    return (uint8_t)(at * 31 + at / 256);
}

static aksu_stack *stack_new(aksu_sock *ret_sock) {
    static void *mem;
    static size_t mem_bytes;
    aksu_config config;
    aksu_config_default(&config);
    config.output_sync = 1;
    config.tcp_max = config.listener_max = config.syn_cache_max = config.time_wait_max = config.transfer_max = 2;
    config.block_bytes = BLOCK;
    config.block_max = 1024;
    config.record_max = config.neighbour_max = config.held_max = 4;
    config.frame_max = config.reply_max = 16;
    config.fast_open_cache_max = config.link_max = 1;
    config.addr_max = config.route_max = 4;
    config.udp_max = 2;
    config.datagram_max = 4;
    config.reassembly_max = DATAGRAMS;
    config.reassembly_bytes = BUDGET;
    if (mem == NULL) {
        mem_bytes = aksu_stack_bytes(&config);
        mem = aligned_alloc(64, (mem_bytes + 63) / 64 * 64);
        require(mem != NULL);
    }
    aksu_stack *stack;
    uint16_t link;
    memset(mem, 0, mem_bytes);
    require(aksu_stack_init(&config, mem, mem_bytes, &stack) == AKSU_OK);
    aksu_link_config ip = {.struct_bytes = sizeof ip, .mtu = 1500};
    aksu_addr four = aksu_addr_v4(192, 0, 2, 1), six = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    require(aksu_link_add(stack, &ip, &link) == AKSU_OK);
    require(aksu_addr_add(stack, link, &four, 24) == AKSU_OK && aksu_addr_add(stack, link, &six, 64) == AKSU_OK);
    aksu_udp_open open = {.struct_bytes = sizeof open, .local.port = PORT};
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local.port = PORT, .backlog = 2};
    aksu_sock listener;
    require(aksu_udp_bind(stack, &open, ret_sock) == AKSU_OK && aksu_tcp_listen(stack, &listen, &listener) == AKSU_OK);
    return stack;
}

static void whole(aksu_stack *stack) {
    const struct ak_core *core = ak_core_of(stack);
    const struct ak_reassemblies *all = &ak_net_of(core)->reassemblies;
    aksu_counters counters;
    aksu_counters_get(stack, &counters);
    uint32_t count = 0, held = 0, of_sources = 0, held_by_sources = 0;
    require(ak_list_check(&all->age, &all->age_lens, DATAGRAMS) && ak_wheel_check(&core->wheel));
    for (ak_ref ref = all->age.head; ref != AK_NONE; count++) {
        const struct ak_reassembly *r = ak_object(core, AK_KIND_REASSEMBLY, ak_ref_index(ref));
        uint32_t got = 0;
        for (uint32_t i = 0; i < r->piece_count; i++) {
            require(r->piece[i].from < r->piece[i].to && (i == 0 || r->piece[i - 1].to <= r->piece[i].from));
            got += (r->piece[i].to - r->piece[i].from) * 8u;
        }
        require(got - r->got_bytes < 8 && r->piece_count <= AK_FRAGMENT_MAX && ak_wheel_armed(&r->timer));
        require(r->end_bytes == 0 || got - 7 <= r->end_bytes);
        held += r->held_bytes;
        ref = r->age.next;
    }
    for (uint32_t i = 0; i < AK_FRAGMENT_SOURCES; i++) {
        require(ak_list_check(&all->source[i].list, &all->source_lens, DATAGRAMS));
        require(all->source[i].count <= DATAGRAMS / 4 && all->source[i].held_bytes <= BUDGET / 2);
        of_sources += all->source[i].count;
        held_by_sources += all->source[i].held_bytes;
    }
    require(count == counters.reassembly_used && count == of_sources && count == all->table.count);
    require(held == all->held_bytes && held == held_by_sources && held <= BUDGET && count <= DATAGRAMS);
    require(counters.block_used * BLOCK >= held);
}

/* A datagram that was put together is what was cut. */
static void receive(aksu_stack *stack, aksu_sock sock) {
    static uint8_t text[PACKET_MAX];
    size_t bytes;
    while (aksu_udp_recv(stack, sock, text, sizeof text, &bytes, NULL) == AKSU_OK)
        for (uint32_t i = 0; i < bytes; i++) require(text[i] == pattern(i + AK_UDP_HEADER_BYTES));
}

/* The transport header that stands at the datagram's beginning: its checksum is that of any length (0: none). */
static void fill(uint8_t *p, uint32_t at, uint32_t bytes, bool tcp) {
    static const uint8_t udp_head[] = {0x12, 0x34, 0, PORT, 0, 0, 0, 0};
    static const uint8_t tcp_head[] = {0x12, 0x34, 0, PORT, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 1, 0};
    const uint8_t *head = tcp ? tcp_head : udp_head;
    uint32_t head_bytes = tcp ? sizeof tcp_head : sizeof udp_head;
    for (uint32_t i = 0; i < bytes; i++) p[i] = at + i < head_bytes ? head[at + i] : pattern(at + i);
}

static void input(aksu_stack *stack, const uint8_t *r, uint64_t now_us) {
    static uint8_t packet[PACKET_MAX];
    enum { IPV6 = 1, MORE = 2, CHANGED = 4, IS_TCP = 8, LENGTH_AT = 4 };
    bool six = r[0] & IPV6, more = r[0] & MORE, tcp = r[0] & IS_TCP;
    uint32_t at = (ak_be16(r + 4) & 0x1fffu) * 8, bytes = ak_be16(r + 6) % 4096, head = six ? 48 : 20;
    aksu_addr src6 = {{0x20, 0x01, 0x0d, 0xb8, [7] = r[1], [15] = 9}}, dst6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    struct ak_ip ip = {.src = six ? src6 : aksu_addr_v4(198, 51, 100, r[1] | 1),
                       .dst = six ? dst6 : aksu_addr_v4(192, 0, 2, 1),
                       .protocol = six   ? 44
                                   : tcp ? 6
                                         : 17,
                       .ttl = 64,
                       .tos = r[9] & 3,
                       .id = r[2],
                       .more_fragments = more,
                       .fragment_at = (uint16_t)at};
    (void)ak_wire_ip_build(packet, &ip, bytes + head - (six ? 40 : 20));
    if (six) {
        packet[40] = tcp ? 6 : 17;
        packet[41] = 0;
        ak_put16(packet + 42, (uint16_t)(at | more));
        ak_put32(packet + 44, r[2]);
    }
    fill(packet + head, at, bytes, tcp);
    /* the length that a whole datagram will have is not known here: it is written into the first by the second field */
    if (at == 0 && bytes > AK_UDP_HEADER_BYTES && !tcp)
        ak_put16(packet + head + LENGTH_AT, (uint16_t)(r[8] << 8 | r[9]));
    if (r[0] & CHANGED) packet[r[8] % head] = r[9];
    uint32_t ihl = (packet[0] & 15u) * 4;
    if (packet[0] >> 4 == 4 && ihl >= 20 && ihl <= head + bytes) {
        struct ak_sum sum = {0};
        ak_put16(packet + 10, 0);
        ak_sum_add(&sum, packet, ihl);
        ak_put16(packet + 10, (uint16_t)~ak_sum_fold(&sum));
    }
    uint32_t total = head + bytes, half = r[9] % (total - 1) + 1;
    aksu_iov iov[2] = {{packet, half}, {packet + half, total - half}};
    aksu_frame frame = {.total_bytes = total, .iov_count = 2, .iov = iov};
    aksu_input(stack, now_us, &frame, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    aksu_sock sock;
    aksu_stack *stack = stack_new(&sock);
    uint64_t now_us = 4000000;
    for (; bytes >= RECORD; data += RECORD, bytes -= RECORD) {
        now_us += (uint64_t)data[3] * 256000;
        input(stack, data, now_us);
        whole(stack);
        receive(stack, sock);
        output(stack, now_us);
        whole(stack);
    }
    now_us += 600000000;
    output(stack, now_us);
    output(stack, now_us + 1);
    aksu_counters counters;
    aksu_counters_get(stack, &counters);
    require(counters.reassembly_used == 0 && counters.reassembly_bytes == 0);
    return 0;
}
