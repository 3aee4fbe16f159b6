/* Two stacks joined in memory; see pair.h. */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

_Noreturn void pair_fail(const char *what) {
    (void)fprintf(stderr, "%s\n", what);
    exit(2);
}

double pair_seconds(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void pair_listen(struct pair *pair, uint16_t port) {
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = port, .backlog = 4096};
    if (aksu_tcp_listen(pair->stack[PAIR_SERVER], &open, &pair->listener) != AKSU_OK) pair_fail("listen");
}

static aksu_addr pair_addr(const struct pair *pair, int side) {
    aksu_addr six = {{0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(side + 1)}};
    return pair->six ? six : aksu_addr_v4(10, 0, 0, (uint8_t)(side + 1));
}

void pair_device(aksu_host_config *config, const char *device, const char *addr) {
    static char name[64];
    if (strchr(device, ':') == NULL) pair_fail("device");
    (void)snprintf(name, sizeof name, "%s", strchr(device, ':') + 1);
    char *words = strchr(name, ',');
    if (words != NULL) {
        config->rings = strcmp(words, ",rings=on") == 0 ? AKSU_PACKET_RINGS_ON : AKSU_PACKET_RINGS_OFF;
        *words = '\0';
    }
    config->tun.name = name;
    config->tun.ether.dad_probes = 0;
    config->addr[0].prefix_bits = 24;
    if (aksu_addr_parse(addr, &config->addr[0].addr) != AKSU_OK) pair_fail("address");
    if (strncmp(device, "tap:", 4) == 0) config->tun.flags |= AKSU_TUN_ETHERNET;
    if (strncmp(device, "packet:", 7) != 0) return;
    config->device = AKSU_HOST_PACKET;
    config->tun.mtu = 0;
    config->tun.host_addr[0] = (aksu_host_addr){0};
}

void pair_open(struct pair *pair, const aksu_config *config, unsigned link_flags) {
    memset(pair, 0, sizeof *pair);
    pair->six = (link_flags & PAIR_IPV6) != 0;
    pair->now_us = 1000000;
    for (int i = 0; i < 2; i++) {
        aksu_config mine = *config;
        uint16_t link;
        aksu_addr addr = pair_addr(pair, i);
        aksu_link_config link_config = {.struct_bytes = sizeof link_config,
                                        .mtu = 1500,
                                        .flags = link_flags & ~(unsigned)(PAIR_ETHERNET | PAIR_IPV6),
                                        .tso_max_bytes = 65535};
        if (link_flags & PAIR_ETHERNET) {
            link_config.type = AKSU_LINK_ETHERNET;
            link_config.mac = (aksu_mac){{2, 0, 0, 0, 0, (uint8_t)(i + 1)}};
        }
        memset(mine.entropy, i + 1, sizeof mine.entropy);
        mine.output_sync = 1;
        if (aksu_host_stack(&mine, AKSU_ARENA_SMALL_PAGES, &pair->arena[i], &pair->stack[i], NULL) < 0)
            pair_fail("no memory for a stack, or its configuration is out of range");
        if (aksu_link_add(pair->stack[i], &link_config, &link) != AKSU_OK) pair_fail("link");
        if (aksu_addr_add(pair->stack[i], link, &addr, pair->six ? 64 : 8) != AKSU_OK) pair_fail("address");
    }
    pair_listen(pair, PAIR_PORT);
    for (int i = 0; i < 10 && (link_flags & PAIR_ETHERNET); i++) pair_wait(pair, 2000000); /* until all is announced */
}

void pair_close(struct pair *pair) {
    for (int i = 0; i < 2; i++) aksu_arena_unmap(&pair->arena[i]);
}

aksu_err pair_connect(struct pair *pair, uint16_t local_port, uint16_t port, aksu_sock *ret_sock) {
    aksu_tcp_open open = {.struct_bytes = sizeof open,
                          .local.port = local_port,
                          .remote = {.addr = pair_addr(pair, PAIR_SERVER), .port = port}};
    return aksu_tcp_connect(pair->stack[PAIR_CLIENT], &open, ret_sock);
}

bool pair_carry(struct pair *pair, int from) {
    aksu_frame frames[PAIR_BATCH_FRAMES];
    size_t count = aksu_output(pair->stack[from], pair->now_us, frames, PAIR_BATCH_FRAMES);
    for (size_t i = 0; i < count; i++) frames[i].link = 0;
    aksu_input(pair->stack[!from], pair->now_us, frames, count);
    return count > 0;
}

void pair_settle(struct pair *pair) {
    while ((int)pair_carry(pair, PAIR_CLIENT) | (int)pair_carry(pair, PAIR_SERVER)) {
    }
}

void pair_wait(struct pair *pair, uint64_t wait_us) {
    pair->now_us += wait_us;
    pair_settle(pair);
}

size_t pair_resident(const aksu_arena *arena) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (arena->bytes + page - 1) / page, count = 0;
    unsigned char *map = malloc(pages);
    if (map == NULL || mincore(arena->mem, arena->bytes, map) != 0) pair_fail("mincore");
    for (size_t i = 0; i < pages; i++) count += map[i] & 1;
    free(map);
    return count * page;
}
