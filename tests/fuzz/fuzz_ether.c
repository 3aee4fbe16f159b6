/* Fuzz target: frames on an Ethernet link, into a stack that asks for addresses, learns from routers, knows neighbours
 * and has a connection that waits for one.  The input is frames of [time in ms: 2 bytes, length: 2 bytes, bytes], with
 * every checksum of ICMPv6 and IPv4 put right, so that they keep nothing from the fuzzer.  What must hold: no limit is
 * passed, tables and wheel are whole, memory comes back. */
#include "fuzz_stack.h"

#include "net/ether.h"
#include "wire/checksum.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { NEIGHBOURS = 8, ADDRS = 6, ROUTES = 6, FRAME_MAX = 512 };

static aksu_stack *stack_new(void *mem, size_t mem_bytes, const aksu_config *config) {
    aksu_stack *stack;
    uint16_t link;
    memset(mem, 0, mem_bytes);
    require(aksu_stack_init(config, mem, mem_bytes, &stack) == AKSU_OK);
    aksu_link_config ethernet = {.struct_bytes = sizeof ethernet,
                                 .mtu = 1500,
                                 .type = AKSU_LINK_ETHERNET,
                                 .mac = {{2, 0, 0, 0, 0, 1}},
                                 .dad_probes = 1,
                                 .autoconf = AKSU_AUTOCONF_TEMPORARY};
    require(aksu_link_add(stack, &ethernet, &link) == AKSU_OK);
    aksu_addr four = aksu_addr_v4(192, 0, 2, 1), six = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    require(aksu_addr_add(stack, link, &four, 24) == AKSU_OK);
    require(aksu_addr_add(stack, link, &six, 64) == AKSU_OK);
    return stack;
}

static void repair(uint8_t *p, uint32_t bytes) {
    uint32_t at = 14;
    if (bytes > at + 40 && p[12] == 0x86 && p[13] == 0xdd) {
        uint32_t left = ak_be16(p + 18);
        if (p[20] != 58 || left < 4 || left > bytes - 54) return;
        aksu_addr src, dst;
        memcpy(src.byte, p + 22, 16);
        memcpy(dst.byte, p + 38, 16);
        struct ak_sum sum = {0};
        ak_put16(p + 56, 0);
        ak_sum_pseudo(&sum, &src, &dst, 58, left);
        ak_sum_add(&sum, p + 54, left);
        ak_put16(p + 56, (uint16_t)~ak_sum_fold(&sum));
    }
}

static void whole(aksu_stack *stack) {
    struct ak_core *core = ak_core_of(stack);
    const struct ak_net *net = ak_net_of(core);
    aksu_neighbour_info info;
    uint32_t cursor = 0, all = 0, unanswered = 0, held = 0;
    while (aksu_neighbour_next(stack, &cursor, &info)) {
        all++;
        unanswered += info.state == AKSU_NEIGHBOUR_INCOMPLETE || info.state == AKSU_NEIGHBOUR_UNREACHABLE;
        held += info.held;
        require(info.held <= 3);
    }
    require(all <= NEIGHBOURS && net->addr_count <= ADDRS && net->route_count <= ROUTES);
    require(unanswered == net->unanswered_count && held <= core->config.held_max);
    require(all == net->neighbours.count && ak_wheel_check(&core->wheel));
    require(ak_list_check(&net->unanswered, &net->age_lens, NEIGHBOURS));
    require(ak_list_check(&net->idle, &net->age_lens, NEIGHBOURS));
    require(ak_list_check(&net->active, &net->age_lens, NEIGHBOURS));
    for (uint32_t i = 1; i < net->route_count; i++)
        require(ak_routes(net)[i - 1].route.prefix_bits >= ak_routes(net)[i].route.prefix_bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static void *mem;
    static size_t mem_bytes;
    aksu_config config;
    aksu_config_default(&config);
    config.output_sync = 1;
    config.tcp_max = config.listener_max = config.syn_cache_max = config.time_wait_max = config.transfer_max = 2;
    config.block_max = 16;
    config.block_bytes = 512;
    config.record_max = 4;
    config.frame_max = config.reply_max = 8;
    config.fast_open_cache_max = 1;
    config.link_max = 1;
    config.addr_max = ADDRS;
    config.route_max = ROUTES;
    config.neighbour_max = NEIGHBOURS;
    config.held_max = 4;
    if (mem == NULL) {
        mem_bytes = aksu_stack_bytes(&config);
        mem = aligned_alloc(64, (mem_bytes + 63) / 64 * 64);
        if (mem == NULL) return 0;
    }
    aksu_stack *stack = stack_new(mem, mem_bytes, &config);
    uint64_t now_us = 4000000;
    output(stack, now_us);
    aksu_sock sock;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = aksu_addr_v4(192, 0, 2, 9), .port = 80}};
    while (bytes > 4) {
        uint8_t frame[FRAME_MAX];
        uint32_t length = ak_be16(data + 2);
        now_us += (uint64_t)ak_be16(data) * 1000;
        if (length == 0) { /* a connection tries, so that something waits */
            aksu_advance(stack, now_us);
            if (aksu_tcp_connect(stack, &open, &sock) == AKSU_OK && (data[0] & 1)) (void)aksu_tcp_abort(stack, sock);
        }
        data += 4;
        bytes -= 4;
        if (length > bytes) length = (uint32_t)bytes;
        if (length > sizeof frame) length = sizeof frame;
        if (length > 0) {
            memcpy(frame, data, length);
            repair(frame, length);
            aksu_iov iov[2] = {{frame, length / 2}, {frame + length / 2, length - length / 2}};
            aksu_frame in = {.total_bytes = length, .iov_count = 2, .iov = iov};
            if (iov[0].bytes == 0) in = (aksu_frame){.total_bytes = length, .iov_count = 1, .iov = iov + 1};
            aksu_input(stack, now_us, &in, 1);
        }
        output(stack, now_us);
        whole(stack);
        data += length;
        bytes -= length;
    }
    now_us += 600000000;
    for (int i = 0; i < 200; i++) {
        output(stack, now_us);
        now_us += 5000000;
    }
    whole(stack);
    aksu_counters counters;
    aksu_counters_get(stack, &counters);
    require(counters.block_used == 0 || counters.transfer_used > 0);
    return 0;
}
