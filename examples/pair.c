/* Two stacks joined in memory by hand, with nothing but the core: no I/O, no threads, no clock but a counter.  One
 * sends a line, the other prints it.
 *
 * What moves packets is carry(): the output of one stack is the input of the other.  A real driver does the same with
 * a network in between; host.h has drivers, and aksu_pipe, which is this with delays and loss. */
#include <aksu/aksu.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 9293

/* A stack with one link and the address 192.0.2.number. */
static aksu_stack *make(uint8_t number, void **ret_mem) {
    aksu_config config;
    aksu_config_default(&config);
    config.output_sync = 1; /* frames are done with at the next aksu_output */
    config.tcp_max = 8;     /* memory is reserved for the limits, so small limits make a small stack */
    config.block_max = 64;
    memset(config.entropy, number, sizeof config.entropy); /* getrandom(), unless every run shall be the same */
    size_t bytes = (aksu_stack_bytes(&config) + 63) / 64 * 64;
    void *mem = aligned_alloc(64, bytes);
    aksu_stack *stack = NULL;
    uint16_t link;
    aksu_link_config link_config = {.struct_bytes = sizeof link_config, .mtu = 1500};
    aksu_addr addr = aksu_addr_v4(192, 0, 2, number);
    if (mem == NULL || aksu_stack_init(&config, memset(mem, 0, bytes), bytes, &stack) != AKSU_OK ||
        aksu_link_add(stack, &link_config, &link) != AKSU_OK || aksu_addr_add(stack, link, &addr, 24) != AKSU_OK) {
        (void)fprintf(stderr, "pair: cannot make a stack\n");
        exit(1);
    }
    *ret_mem = mem;
    return stack;
}

/* Packets that from has to send now, to the other stack; false: there were none. */
static bool carry(aksu_stack *from, aksu_stack *to, uint64_t now_us) {
    aksu_frame frames[16];
    size_t count = aksu_output(from, now_us, frames, 16);
    for (size_t i = 0; i < count; i++) frames[i].link = 0; /* both know the other by their first link */
    aksu_input(to, now_us, frames, count);
    return count > 0;
}

int main(void) {
    void *client_mem, *server_mem;
    aksu_stack *client = make(1, &client_mem), *server = make(2, &server_mem);
    aksu_sock listener, sender, receiver = AKSU_SOCK_NONE;
    aksu_tcp_open listen = {.struct_bytes = sizeof listen, .local = {.port = PORT}, .backlog = 1};
    aksu_tcp_open connect = {.struct_bytes = sizeof connect,
                             .remote = {.addr = aksu_addr_v4(192, 0, 2, 2), .port = PORT}};
    static const char line[] = "hello from the other stack\n";
    size_t bytes = 0;
    if (aksu_tcp_listen(server, &listen, &listener) != AKSU_OK ||
        aksu_tcp_connect(client, &connect, &sender) != AKSU_OK ||
        aksu_tcp_send(client, sender, line, sizeof line - 1, 0, &bytes) != AKSU_OK) {
        (void)fprintf(stderr, "pair: cannot open\n");
        return 1;
    }
    char buf[100];
    aksu_err err = AKSU_ERR_AGAIN;
    for (uint64_t now_us = 0; err != AKSU_ERR_END && now_us < 10000000; now_us += 100) {
        while (carry(client, server, now_us) || carry(server, client, now_us)) {
        }
        aksu_event event;
        while (aksu_next_event(client, &event)) {
            if (event.bits & AKSU_EV_CONNECTED) (void)aksu_tcp_shutdown(client, sender); /* a FIN behind the line */
        }
        (void)aksu_tcp_accept(server, listener, &receiver);
        while ((err = aksu_tcp_recv(server, receiver, buf, sizeof buf, &bytes)) == AKSU_OK) {
            (void)fwrite(buf, 1, bytes, stdout);
        }
    }
    free(client_mem); /* a stack holds nothing else */
    free(server_mem);
    return err == AKSU_ERR_END ? 0 : 1;
}
