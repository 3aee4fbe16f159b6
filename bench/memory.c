/* Two stacks joined in memory on one core: whole connections a second, SYNs a second under cookies, and what a
 * connection costs in memory.
 *
 *     memory connections COUNT    open, one byte each way, close; 2MSL in virtual time; prints connections a second
 *     memory flood COUNT          spoofed SYNs to a listener with a full SYN cache; prints SYNs a second and blocks
 * held after memory bytes                differences of aksu_stack_bytes for one connection, TIME-WAIT record,
 * half-open record, listener */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aksu/host.h"

static aksu_stack *stack[2];
static aksu_arena arena[2];
static uint64_t now_us = 1000000;

static double seconds(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool carry(int from) {
    aksu_frame frames[64];
    size_t count = aksu_output(stack[from], now_us, frames, 64);
    for (size_t i = 0; i < count; i++) frames[i].link = 0;
    aksu_input(stack[!from], now_us, frames, count);
    return count > 0;
}

static void make(void) {
    aksu_config config;
    aksu_config_default(&config);
    config.output_sync = 1;
    config.time_wait_max = 200000;
    for (int i = 0; i < 2; i++) {
        uint16_t link;
        memset(config.entropy, i + 1, sizeof config.entropy);
        aksu_link_config link_config = {.struct_bytes = sizeof link_config,
                                        .mtu = 1500,
                                        .flags = AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4,
                                        .tso_max_bytes = 65535};
        aksu_addr addr = aksu_addr_v4(10, 0, 0, (uint8_t)(i + 1));
        if (aksu_host_stack(&config, AKSU_ARENA_SMALL_PAGES, &arena[i], &stack[i], NULL) < 0) exit(2);
        (void)aksu_link_add(stack[i], &link_config, &link);
        (void)aksu_addr_add(stack[i], link, &addr, 8);
    }
}

static void serve(aksu_sock listener) {
    aksu_event event;
    char byte[4];
    size_t bytes;
    aksu_sock sock;
    while (aksu_next_event(stack[1], &event)) {
        if (event.bits & AKSU_EV_INCOMING) {
            while (aksu_tcp_accept(stack[1], listener, &sock) == AKSU_OK) {
            }
        } else if (event.bits & AKSU_EV_READABLE) {
            aksu_err err = aksu_tcp_recv(stack[1], event.sock, byte, sizeof byte, &bytes);
            if (err == AKSU_OK) {
                (void)aksu_tcp_send(stack[1], event.sock, "b", 1, 0, &bytes);
                err = aksu_tcp_recv(stack[1], event.sock, byte, sizeof byte, &bytes);
            }
            if (err == AKSU_ERR_END) (void)aksu_tcp_close(stack[1], event.sock);
        }
    }
}

static void connections(unsigned count) {
    enum { IN_FLIGHT = 64 };
    make();
    aksu_sock listener, sock;
    aksu_event event;
    char byte[4];
    size_t bytes;
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local.port = 80, .backlog = 256};
    (void)aksu_tcp_listen(stack[1], &listen, &listener);
    unsigned opened = 0, done = 0;
    double start = seconds();
    while (done < count) {
        while (opened - done < IN_FLIGHT && opened < count) {
            aksu_tcp_open open = {.struct_bytes = sizeof open,
                                  .local.port = (uint16_t)(1024 + opened % 60000),
                                  .remote = {.addr = aksu_addr_v4(10, 0, 0, 2), .port = 80}};
            if (aksu_tcp_connect(stack[0], &open, &sock) != AKSU_OK) {
                now_us += 61000000; /* the port is in TIME-WAIT: let 2MSL pass */
                (void)carry(0);
                (void)carry(1);
                continue;
            }
            (void)aksu_tcp_send(stack[0], sock, "a", 1, 0, &bytes);
            opened++;
        }
        while ((int)carry(0) | (int)carry(1)) {
            serve(listener);
            while (aksu_next_event(stack[0], &event)) {
                if ((event.bits & AKSU_EV_READABLE) == 0) continue;
                if (aksu_tcp_recv(stack[0], event.sock, byte, sizeof byte, &bytes) != AKSU_OK) continue;
                (void)aksu_tcp_close(stack[0], event.sock);
                done++;
            }
        }
        now_us += 100;
    }
    (void)printf("%.0f\n", count / (seconds() - start));
}

static void flood(unsigned count) {
    make();
    aksu_sock listener;
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local.port = 80, .backlog = 256};
    (void)aksu_tcp_listen(stack[1], &listen, &listener);
    /* One SYN as it comes, of which only the source changes; the device has checked the checksum. */
    uint8_t packet[44] = {0x45, 0,  0, 44, 0, 0, 0x40, 0, 64, 6, 0,    0, 11,   0,    0, 0, 10, 0, 0, 2, 0x10, 0,
                          0,    80, 0, 0,  0, 1, 0,    0, 0,  0, 0x60, 2, 0xff, 0xff, 0, 0, 0,  0, 2, 4, 5,    0xb4};
    aksu_iov iov = {.base = packet, .bytes = sizeof packet};
    aksu_frame frame = {.total_bytes = sizeof packet, .iov_count = 1, .iov = &iov, .checksum = AKSU_CHECKSUM_VALID};
    double start = seconds();
    aksu_frame out[64];
    for (unsigned i = 0; i < count; i++) {
        packet[13] = (uint8_t)(i >> 16);
        packet[14] = (uint8_t)(i >> 8);
        packet[15] = (uint8_t)(i | 1);
        packet[20] = (uint8_t)(16 + (i >> 24));
        uint32_t sum = 0;
        packet[10] = packet[11] = 0;
        for (int k = 0; k < 20; k += 2) sum += (uint32_t)packet[k] << 8 | packet[k + 1];
        sum = (sum & 0xffff) + (sum >> 16);
        sum = ~((sum & 0xffff) + (sum >> 16));
        packet[10] = (uint8_t)(sum >> 8);
        packet[11] = (uint8_t)sum;
        aksu_input(stack[1], now_us, &frame, 1);
        if (i % 64 == 63) {
            while (aksu_output(stack[1], now_us, out, 64) > 0) {
            }
        }
    }
    double took = seconds() - start;
    aksu_counters counters;
    aksu_counters_get(stack[1], &counters);
    (void)printf("%.0f %u\n", count / took, counters.block_used + counters.tcp_used);
}

static size_t bytes_of(uint32_t offset, uint32_t more) {
    aksu_config config;
    aksu_config_default(&config);
    size_t before = aksu_stack_bytes(&config);
    *(uint32_t *)(void *)((char *)&config + offset) += more;
    return (aksu_stack_bytes(&config) - before) / more;
}

static void bytes(void) {
    enum { MORE = 65536 };
    (void)printf("%zu %zu %zu %zu\n", bytes_of(offsetof(aksu_config, tcp_max), MORE),
                 bytes_of(offsetof(aksu_config, time_wait_max), MORE),
                 bytes_of(offsetof(aksu_config, syn_cache_max), MORE),
                 bytes_of(offsetof(aksu_config, listener_max), MORE));
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "connections") == 0)
        connections((unsigned)atoi(argv[2]));
    else if (argc == 3 && strcmp(argv[1], "flood") == 0)
        flood((unsigned)atoi(argv[2]));
    else if (argc == 2 && strcmp(argv[1], "bytes") == 0)
        bytes();
    else
        return 2;
    return 0;
}
