/* A server behind a TUN device for the flood: reads a byte, answers with one, closes when the client does.
 *
 *     answer PORT    until SIGTERM; then prints frames that came in, frames sent, and its CPU seconds */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "pair.h"

static volatile sig_atomic_t stopped;

static void stop(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

static void on_event(void *user, aksu_stack *s, const aksu_event *event) {
    const aksu_sock *listener = user;
    aksu_sock sock;
    char byte;
    size_t bytes;
    if (event->bits & AKSU_EV_INCOMING) {
        while (aksu_tcp_accept(s, *listener, &sock) == AKSU_OK) {
        }
        return;
    }
    if (event->bits & AKSU_EV_READABLE) {
        aksu_err err = aksu_tcp_recv(s, event->sock, &byte, 1, &bytes);
        if (err == AKSU_OK) {
            (void)aksu_tcp_send(s, event->sock, "b", 1, 0, &bytes);
            err = aksu_tcp_recv(s, event->sock, &byte, 1, &bytes);
        }
        if (err != AKSU_ERR_AGAIN) (void)aksu_tcp_close(s, event->sock);
    } else if (event->bits & AKSU_EV_CLOSED) {
        (void)aksu_tcp_close(s, event->sock);
    }
}

int main(int argc, char **argv) {
    static aksu_host host;
    static aksu_sock listener;
    aksu_host_config config;
    aksu_host_error error;
    aksu_counters counters;
    struct rusage u;
    if (argc != 2) pair_fail("usage: answer PORT");
    aksu_host_config_default(&config);
    config.on_event = on_event;
    config.user = &listener;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = (uint16_t)atoi(argv[1]), .backlog = 4096};
    if (aksu_host_open(&config, &host, &error) < 0) pair_fail(error.text);
    aksu_advance(host.stack, aksu_host_now_us());
    if (aksu_tcp_listen(host.stack, &open, &listener) != AKSU_OK) pair_fail("listen");
    (void)signal(SIGTERM, stop);
    while (!stopped) (void)aksu_loop_turn(host.loop, 20000, &error);
    aksu_counters_get(host.stack, &counters);
    (void)getrusage(RUSAGE_SELF, &u);
    (void)printf("%llu %llu %.3f\n", (unsigned long long)counters.frames_in, (unsigned long long)counters.frames_out,
                 (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                     (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6);
    aksu_host_close(&host);
    return 0;
}
