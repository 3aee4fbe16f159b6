/* Two stacks joined in memory, in virtual time: what all figures without a device stand on.
 *
 * Side 0 is 10.0.0.1, the client; side 1 is 10.0.0.2, the server.  Links take partial checksums and super-segments, so
 * neither end adds up bytes.  Frames go over as they are; nothing is lost or delayed.  Entropy is constant: the same
 * calls do the same, instruction for instruction. */
#ifndef AKSU_BENCH_PAIR_H
#define AKSU_BENCH_PAIR_H

#include "aksu/host.h"

enum { PAIR_CLIENT = 0, PAIR_SERVER = 1, PAIR_PORT = 80, PAIR_BATCH_FRAMES = 64 };

struct pair {
    aksu_stack *stack[2];
    aksu_arena arena[2];
    uint64_t now_us;
    aksu_sock listener; /* on PAIR_PORT */
    bool six;
};

/* Ends the program with status 2 and this text. */
_Noreturn void pair_fail(const char *what);

/* A host on DEVICE (tun:NAME, tap:NAME or packet:NAME, perhaps with ,rings=on or ,rings=off) with this address, in a
 * /24; nobody is asked for it. */
void pair_device(aksu_host_config *config, const char *device, const char *addr);

/* output_sync and one constant entropy for each side are set here; flags are the links' (AKSU_LINK_), and these. */
enum { PAIR_ETHERNET = 1u << 30, PAIR_IPV6 = 1u << 29 }; /* 2001:db8::1 and ::2 instead */
void pair_open(struct pair *pair, const aksu_config *config, unsigned link_flags);
void pair_close(struct pair *pair);

/* A listener of the server on another port too. */
void pair_listen(struct pair *pair, uint16_t port);

/* Connects local_port to the server's port; ret_sock is the client's. */
aksu_err pair_connect(struct pair *pair, uint16_t local_port, uint16_t port, aksu_sock *ret_sock);

/* One batch from a side to the other; false: there was none. */
bool pair_carry(struct pair *pair, int from);
/* Both ways until neither side has anything to send. */
void pair_settle(struct pair *pair);
/* Time passes, and what is due then is done. */
void pair_wait(struct pair *pair, uint64_t wait_us);

/* Bytes of an arena that are in real pages. */
size_t pair_resident(const aksu_arena *arena);

/* CLOCK_MONOTONIC in seconds. */
double pair_seconds(void);

#endif
