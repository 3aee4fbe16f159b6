/* The starting configurations of the exhaustive table, reached by calls and packets only.
 *
 * README.md describes each; the oracle was written from that description.  A world is one stack at 10.0.0.1 with one
 * link, and what its peer 10.0.0.2 (this program) knows of the connection between 10.0.0.1:5000 and 10.0.0.2:4000. */
#ifndef AKSU_CONFORMANCE_PREPARE_H
#define AKSU_CONFORMANCE_PREPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aksu/aksu.h"

enum { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_PSH = 8, FLAG_ACK = 16, FLAG_URG = 32 };
enum { PORT_LOCAL = 5000, PORT_PEER = 4000, PEER_WINDOW = 4096, NOMINAL_WINDOW = 251 };
enum { HISTORY_BYTES = 5, UNACKED_BYTES = 10, TIME_WAIT_S = 60, TIME_WAIT_AGE_S = 10 };
enum { REPLY_MAX = 4, PACKET_MAX = 40 + 1024 };

/* A segment as this program sends or sees it. */
struct segment {
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window;
    const uint8_t *text;
    uint32_t text_bytes;
};

/* What the stack sent at one drain; only the first REPLY_MAX are kept, all are counted. */
struct replies {
    struct segment segment[REPLY_MAX]; /* without text, but with text_bytes */
    uint32_t count;
};

struct world {
    aksu_stack *stack;
    uint64_t now_us;
    uint16_t link;
    aksu_sock listener, sock; /* AKSU_SOCK_NONE: there is none */
    uint32_t iss, irs, snd_una, snd_nxt, rcv_nxt, rcv_wnd;
    uint32_t unread_bytes;   /* received, and not taken by the application */
    const char *failed_step; /* NULL: the configuration was reached */
};

/* The config of every stack here: small, no options, ACKs at once, no timer within the hour but 2MSL. */
void prepare_config(aksu_config *ret_config);

/* Puts a stack into the configuration called name, in mem, with ISS = IRS = base.  The stack's bytes are the caller's.
 * On failure world->failed_step names the step, and the stack may be anything. */
void prepare_world(const char *name, bool zero_window, uint32_t base, void *mem, size_t mem_bytes,
                   struct world *ret_world);

/* One packet in; everything out. */
void world_put(aksu_stack *stack, uint64_t now_us, uint16_t link, const struct segment *segment);
void world_drain(aksu_stack *stack, uint64_t now_us, struct replies *ret_replies);

/* The record of the connection, half-open and TIME-WAIT ones included; a half-open one goes before a TIME-WAIT one.
 * False: there is none that lives.  ret_listening: a listener stands on the port. */
bool world_record(aksu_stack *stack, aksu_tcp_info *ret_info, bool *ret_listening);

#endif /* AKSU_CONFORMANCE_PREPARE_H */
