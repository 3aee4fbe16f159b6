/* What run.c (time and packets) and calls.c (the application's side) share. */
#ifndef SCRIPT_RUN_H
#define SCRIPT_RUN_H

#include "script/script.h"
#include "script/sockets.h"

enum { RUN_PENDING_MAX = 8, RUN_CAPTURED_MAX = 4096 };

/* A packet of ours, caught. */
typedef struct run_captured {
    uint64_t time_us;
    uint32_t bytes;
    uint8_t *frame;
} run_captured;

/* A call under way. */
typedef struct run_call {
    const script_step *step;
    size_t done_bytes; /* of a blocking write */
    int64_t value;     /* what it returned: -1 with err */
    int err;
    char wrong[200]; /* not empty: it gave something else than it should have */
    bool unsupported;
} run_call;

typedef struct run_pending {
    bool used;
    run_call call;
    uint64_t start_us, end_us;
} run_pending;

typedef struct run_state {
    const script *s;
    script_error *error;
    void *mem;
    vs sockets;
    uint64_t base_us, now_us;
    uint64_t event_us; /* of the step before: relative times count from it */
    script_numbers numbers;
    run_captured captured[RUN_CAPTURED_MAX];
    uint32_t captured_first, captured_count;
    run_pending pending[RUN_PENDING_MAX];
} run_state;

/* Tries the call; false: it would block. */
bool run_call_try(run_state *r, run_call *call);

#endif
