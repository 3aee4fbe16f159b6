/* The smallest use of aksu with the kernel at the other end: an echo server on port 7 behind a TUN device.
 *
 *     sudo ./embed, or without root in a network namespace of its own: unshare -Urn ./embed
 *     echo hello | nc -N 192.0.2.2 7          (in the same namespace)
 *
 * Ctrl-C ends it, and the device is gone. */
#include <aksu/host.h>

#include <signal.h>
#include <stdio.h>

/* Sends back what has come, as far as there is room; READABLE or WRITABLE brings us here again. */
static void echo(aksu_stack *stack, aksu_sock sock) {
    aksu_iov piece;
    uint32_t count;
    size_t bytes;
    aksu_err err;
    while ((err = aksu_tcp_recv_peek(stack, sock, &piece, 1, &count)) == AKSU_OK &&
           (err = aksu_tcp_send(stack, sock, piece.base, piece.bytes, 0, &bytes)) == AKSU_OK) {
        (void)aksu_tcp_recv_consume(stack, sock, bytes);
    }
    if (err != AKSU_ERR_AGAIN) (void)aksu_tcp_close(stack, sock); /* the end of the stream, or an error */
}

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    (void)user;
    aksu_sock sock;
    if ((event->bits & AKSU_EV_INCOMING) == 0) {
        echo(stack, event->sock);
    } else {
        while (aksu_tcp_accept(stack, event->sock, &sock) == AKSU_OK) echo(stack, sock);
    }
}

static void on_signal(void *user, int signal_number) {
    (void)signal_number;
    aksu_loop_stop(user);
}

int main(void) {
    aksu_host_config config;
    aksu_host host;
    aksu_host_error error;
    aksu_host_config_default(&config); /* the kernel is 192.0.2.1, we are 192.0.2.2 */
    config.on_event = on_event;
    if (aksu_host_open(&config, &host, &error) != 0) {
        (void)fprintf(stderr, "embed: %s\n", error.text);
        return 2;
    }
    aksu_sock listener;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local = {.port = 7, .link = AKSU_LINK_ANY}, .backlog = 16};
    int failed = aksu_tcp_listen(host.stack, &open, &listener) != AKSU_OK ||
                 aksu_loop_signal(host.loop, SIGINT, on_signal, host.loop, &error) != 0 ||
                 aksu_loop_run(host.loop, &error) != 0;
    aksu_host_close(&host);
    return failed ? 1 : 0;
}
