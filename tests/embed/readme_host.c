/* The surroundings of the README's program: what it calls but does not show.  Its network is another stack in this
 * process, a client that sends a line to port 80 and wants it back; the clock is a counter.  Exit status 0: it came. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "aksu.h"

static const char line[] = "hello";
static aksu_stack *client;
static aksu_sock client_sock;
static uint64_t clock_us = 1000000;

static uint64_t now_us(void) {
    return clock_us;
}

static void *mmap_zeroed(size_t bytes) {
    void *mem = aligned_alloc(64, (bytes + 63) / 64 * 64);
    return mem != NULL ? memset(mem, 0, bytes) : exit(1), mem;
}

static void open_client(void) {
    static aksu_config config;
    uint16_t link;
    aksu_config_default(&config);
    config.output_sync = 1;
    config.tcp_max = 8;
    config.block_max = 64;
    memset(config.entropy, 1, sizeof config.entropy);
    size_t bytes = aksu_stack_bytes(&config), sent;
    aksu_link_config link_config = {.struct_bytes = sizeof link_config, .mtu = 1500};
    aksu_addr addr = aksu_addr_v4(192, 0, 2, 1);
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = aksu_addr_v4(192, 0, 2, 2), .port = 80}};
    if (aksu_stack_init(&config, mmap_zeroed(bytes), bytes, &client) != AKSU_OK ||
        aksu_link_add(client, &link_config, &link) != AKSU_OK || aksu_addr_add(client, link, &addr, 24) != AKSU_OK ||
        aksu_tcp_connect(client, &open, &client_sock) != AKSU_OK ||
        aksu_tcp_send(client, client_sock, line, sizeof line, 0, &sent) != AKSU_OK)
        exit(1);
}

static bool readable(int fd) {
    (void)fd;
    if (client == NULL) open_client();
    return aksu_deadline_us(client) <= clock_us;
}

static void wait_until(bool condition) {
    char got[sizeof line];
    size_t bytes;
    if (aksu_tcp_recv(client, client_sock, got, sizeof got, &bytes) == AKSU_OK)
        exit(bytes == sizeof line && memcmp(got, line, bytes) == 0 ? 0 : 1);
    if (clock_us > 10000000) exit(1);
    if (!condition) clock_us += 1000;
}

static size_t read_frames(int fd, aksu_frame *frames, size_t cap) {
    (void)fd;
    size_t count = aksu_output(client, clock_us, frames, cap);
    for (size_t i = 0; i < count; i++) frames[i].link = 0;
    return count;
}

static void write_frames(int fd, aksu_frame *frames, size_t count) {
    (void)fd;
    for (size_t i = 0; i < count; i++) frames[i].link = 0;
    aksu_input(client, clock_us, frames, count);
}

static void handle(aksu_stack *stack, const aksu_event *event) {
    char buf[64];
    size_t bytes;
    aksu_sock sock = event->sock;
    if (event->bits & AKSU_EV_INCOMING) (void)aksu_tcp_accept(stack, event->sock, &sock);
    if (aksu_tcp_recv(stack, sock, buf, sizeof buf, &bytes) == AKSU_OK)
        (void)aksu_tcp_send(stack, sock, buf, bytes, 0, &bytes);
}

int main(void) {
    static aksu_frame in[64], out[64];
    aksu_event event;
    size_t n;
    int fd = -1;
#include "readme_block.h"
}
