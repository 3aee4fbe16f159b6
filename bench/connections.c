/* Whole connections a second, two stacks joined in memory on one core: open, one byte each way, close.
 *
 *     connections COUNT    64 at a time; 2MSL passes in virtual time; prints connections a second */
#include <stdio.h>
#include <stdlib.h>

#include "pair.h"

enum { IN_FLIGHT = 64 };

static void serve(struct pair *pair) {
    aksu_stack *s = pair->stack[PAIR_SERVER];
    aksu_event event;
    char byte[4];
    size_t bytes;
    aksu_sock sock;
    while (aksu_next_event(s, &event)) {
        if (event.bits & AKSU_EV_INCOMING) {
            while (aksu_tcp_accept(s, pair->listener, &sock) == AKSU_OK) {
            }
        } else if (event.bits & AKSU_EV_READABLE) {
            aksu_err err = aksu_tcp_recv(s, event.sock, byte, sizeof byte, &bytes);
            if (err == AKSU_OK) {
                (void)aksu_tcp_send(s, event.sock, "b", 1, 0, &bytes);
                err = aksu_tcp_recv(s, event.sock, byte, sizeof byte, &bytes);
            }
            if (err == AKSU_ERR_END) (void)aksu_tcp_close(s, event.sock);
        }
    }
}

static unsigned finish(struct pair *pair) {
    aksu_stack *s = pair->stack[PAIR_CLIENT];
    aksu_event event;
    char byte[4];
    size_t bytes;
    unsigned done = 0;
    while (aksu_next_event(s, &event)) {
        if ((event.bits & AKSU_EV_READABLE) == 0) continue;
        if (aksu_tcp_recv(s, event.sock, byte, sizeof byte, &bytes) != AKSU_OK) continue;
        (void)aksu_tcp_close(s, event.sock);
        done++;
    }
    return done;
}

int main(int argc, char **argv) {
    struct pair pair;
    aksu_config config;
    aksu_sock sock;
    size_t bytes;
    unsigned count = argc == 2 ? (unsigned)atoi(argv[1]) : 0;
    if (count == 0) pair_fail("usage: connections COUNT");
    aksu_config_default(&config);
    config.time_wait_max = 200000;
    pair_open(&pair, &config, AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4);
    unsigned opened = 0, done = 0;
    double start = pair_seconds();
    while (done < count) {
        while (opened - done < IN_FLIGHT && opened < count) {
            if (pair_connect(&pair, (uint16_t)(1024 + opened % 60000), PAIR_PORT, &sock) != AKSU_OK) {
                pair_wait(&pair, 61000000); /* the port is in TIME-WAIT: let 2MSL pass */
                continue;
            }
            (void)aksu_tcp_send(pair.stack[PAIR_CLIENT], sock, "a", 1, 0, &bytes);
            opened++;
        }
        while ((int)pair_carry(&pair, PAIR_CLIENT) | (int)pair_carry(&pair, PAIR_SERVER)) {
            serve(&pair);
            done += finish(&pair);
        }
        pair.now_us += 100;
    }
    (void)printf("%.0f\n", count / (pair_seconds() - start));
    pair_close(&pair);
    return 0;
}
