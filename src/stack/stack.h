/* The stack: the core with everything that hangs off it, in one arena. */
#ifndef AK_STACK_STACK_H
#define AK_STACK_STACK_H

#include "net/net.h"
#include "tcp/tcp.h"

struct aksu_stack {
    struct ak_core core; /* first */
    struct ak_net net;
};

/* demux.c: one frame, from whichever link. */
void ak_stack_input_frame(struct ak_core *core, const aksu_frame *frame);

#endif
