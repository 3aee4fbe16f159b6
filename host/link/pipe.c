/* The in-process pipe: what one stack puts out, the other takes in.
 *
 * Output frames are lent and input frames are borrowed for a call, so a frame without delay is handed over as it is
 * and given back right after: no copy, no queue.  A stack that gets a frame does not answer within the call (its answer
 * waits for its own aksu_output), so there is no recursion.  A delayed frame would stay lent for its whole
 * flight, and a lent range is not retransmitted; the pipe copies it instead, so that loss recovery behaves as on a
 * wire.
 *
 * An exchange (aksu_pipe_turn) is: arrivals that are due, events of both, output of A, output of B.  Both stacks see
 * the same time within it.  A turn passes at most one batch each way, so real-time callers get to run in between.
 *
 * Virtual time moves only when nothing is left to do at this instant.  A stack that asks for a deadline that is past
 * and then does nothing would stop the clock; it is pushed on by one microsecond.
 *
 * Limits: one link of each stack; no bandwidth, queue, corruption or duplication: that is the simulator's. */
#include "aksu/host.h"

#include "delay.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define BATCH_FRAMES        32u
#define DELAYED_MAX_DEFAULT 1024u

struct aksu_pipe {
    aksu_pipe_config config;
    aksu_pipe_counters counters;
    ak_delay delay;
    uint64_t now_us;
    bool stopped;
    aksu_frame out[BATCH_FRAMES];
    aksu_frame pass[BATCH_FRAMES];
};

int aksu_pipe_open(const aksu_pipe_config *config, aksu_pipe **ret_pipe, aksu_host_error *ret_error) {
    if (config->struct_bytes != sizeof *config) {
        return aksu_host_error_set(ret_error, EINVAL, "the pipe config was not made for this version of the library");
    }
    if (config->end[AKSU_PIPE_A].stack != NULL && config->end[AKSU_PIPE_A].stack == config->end[AKSU_PIPE_B].stack) {
        return aksu_host_error_set(ret_error, EINVAL, "a stack cannot be at both ends of a pipe");
    }
    aksu_pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL) return aksu_host_error_set(ret_error, ENOMEM, "no memory for a pipe");
    pipe->config = *config;
    pipe->now_us = config->start_us;
    uint32_t slot_max = config->delayed_max != 0 ? config->delayed_max : DELAYED_MAX_DEFAULT;
    int failed = ak_delay_init(&pipe->delay, slot_max, ret_error);
    if (failed) {
        free(pipe);
        return failed;
    }
    for (uint32_t side = AKSU_PIPE_A; side <= AKSU_PIPE_B; side++) {
        if (config->end[side].stack != NULL) aksu_advance(config->end[side].stack, pipe->now_us);
    }
    *ret_pipe = pipe;
    return 0;
}

void aksu_pipe_close(aksu_pipe *pipe) {
    if (pipe == NULL) return;
    ak_delay_free(&pipe->delay);
    free(pipe);
}

/* ---------------------------------------------------------------- frames */

/* Gives frames to the end they go to.  Their link fields are rewritten. */
static void deliver(aksu_pipe *pipe, aksu_pipe_side to, aksu_frame *frames, size_t count) {
    const aksu_pipe_end *end = &pipe->config.end[to];
    aksu_pipe_side from = aksu_pipe_other(to);
    for (size_t i = 0; i < count; i++) {
        frames[i].link = end->link;
        frames[i].time_us = 0; /* now */
        pipe->counters.bytes[from] += frames[i].total_bytes;
    }
    pipe->counters.frames[from] += count;
    if (end->stack != NULL) {
        aksu_input(end->stack, pipe->now_us, frames, count);
    } else if (end->on_frame != NULL) {
        for (size_t i = 0; i < count; i++) end->on_frame(end->user, &frames[i], pipe->now_us);
    }
}

/* True: the frame is to be delivered at once.  False: it is lost, or a copy of it is on its way. */
static bool passes(aksu_pipe *pipe, aksu_pipe_side from, const aksu_frame *frame) {
    uint64_t delay_us = pipe->config.delay_us;
    if (pipe->config.filter != NULL) {
        aksu_pipe_verdict verdict = pipe->config.filter(pipe->config.filter_user, from, frame, pipe->now_us, &delay_us);
        switch (verdict) {
        case AKSU_PIPE_PASS: break;
        case AKSU_PIPE_DROP: pipe->counters.filtered[from]++; return false;
        }
    }
    if (delay_us == 0) return true;
    uint64_t due_us = delay_us < UINT64_MAX - pipe->now_us ? pipe->now_us + delay_us : UINT64_MAX - 1;
    if (ak_delay_push(&pipe->delay, frame, aksu_pipe_other(from), due_us)) {
        pipe->counters.copied[from]++;
    } else {
        pipe->counters.overflow[from]++;
    }
    return false;
}

/* One batch of output of a stack, filtered and delivered; answers how many frames it was. */
static size_t pump(aksu_pipe *pipe, aksu_pipe_side from) {
    const aksu_pipe_end *end = &pipe->config.end[from];
    if (end->stack == NULL) return 0;
    size_t out_count = aksu_output(end->stack, pipe->now_us, pipe->out, BATCH_FRAMES);
    size_t pass_count = 0;
    for (size_t i = 0; i < out_count; i++) {
        if (pipe->out[i].link != end->link) {
            pipe->counters.other_link[from]++;
        } else if (passes(pipe, from, &pipe->out[i])) {
            pipe->pass[pass_count++] = pipe->out[i];
        }
    }
    if (pass_count > 0) deliver(pipe, aksu_pipe_other(from), pipe->pass, pass_count);
    if (!end->output_sync) {
        for (size_t i = 0; i < out_count; i++) aksu_output_done(end->stack, pipe->out[i].token);
    }
    return out_count;
}

/* What was delayed until now arrives; answers whether anything did. */
static bool arrive(aksu_pipe *pipe) {
    bool any = false;
    while (ak_delay_due_us(&pipe->delay) <= pipe->now_us) {
        ak_delay_popped popped;
        ak_delay_pop(&pipe->delay, &popped);
        deliver(pipe, popped.to, &popped.frame, 1);
        ak_delay_release(&pipe->delay, popped.slot_index);
        any = true;
    }
    return any;
}

void aksu_pipe_inject(aksu_pipe *pipe, aksu_pipe_side from, const aksu_frame *frame) {
    if (!passes(pipe, from, frame)) return;
    aksu_frame own = *frame;
    deliver(pipe, aksu_pipe_other(from), &own, 1);
}

/* ---------------------------------------------------------------- exchange */

static bool handle_events(const aksu_pipe_end *end) {
    if (end->stack == NULL || end->on_event == NULL) return false;
    bool any = false;
    aksu_event event;
    while (aksu_next_event(end->stack, &event)) {
        end->on_event(end->user, end->stack, &event);
        any = true;
    }
    return any;
}

bool aksu_pipe_turn(aksu_pipe *pipe, uint64_t now_us) {
    if (now_us > pipe->now_us) pipe->now_us = now_us;
    /* Handlers may call either stack: both must know the time before the first event. */
    for (uint32_t side = AKSU_PIPE_A; side <= AKSU_PIPE_B; side++) {
        if (pipe->config.end[side].stack != NULL) aksu_advance(pipe->config.end[side].stack, pipe->now_us);
    }
    bool any = arrive(pipe);
    any |= handle_events(&pipe->config.end[AKSU_PIPE_A]);
    any |= handle_events(&pipe->config.end[AKSU_PIPE_B]);
    any |= pump(pipe, AKSU_PIPE_A) > 0;
    any |= pump(pipe, AKSU_PIPE_B) > 0;
    /* Timers that fired, and frames that arrived, may have made events; they are the next turn's first work, and a
     * turn that says "nothing moved" must have left none. */
    any |= handle_events(&pipe->config.end[AKSU_PIPE_A]);
    any |= handle_events(&pipe->config.end[AKSU_PIPE_B]);
    return any;
}

uint64_t aksu_pipe_deadline_us(const aksu_pipe *pipe) {
    uint64_t deadline_us = ak_delay_due_us(&pipe->delay);
    for (uint32_t side = AKSU_PIPE_A; side <= AKSU_PIPE_B; side++) {
        if (pipe->config.end[side].stack == NULL) continue;
        uint64_t stack_us = aksu_deadline_us(pipe->config.end[side].stack);
        if (stack_us < deadline_us) deadline_us = stack_us;
    }
    return deadline_us;
}

/* The next instant at which something happens, after a turn in which nothing moved. */
static uint64_t next_us(const aksu_pipe *pipe) {
    uint64_t deadline_us = aksu_pipe_deadline_us(pipe);
    return deadline_us > pipe->now_us ? deadline_us : pipe->now_us + 1;
}

uint64_t aksu_pipe_run(aksu_pipe *pipe, uint64_t until_us) {
    pipe->stopped = false;
    for (;;) {
        while (aksu_pipe_turn(pipe, pipe->now_us)) {
            if (pipe->stopped) return pipe->now_us;
        }
        if (pipe->stopped || pipe->now_us >= until_us) return pipe->now_us;
        uint64_t at_us = next_us(pipe);
        if (at_us == UINT64_MAX && until_us == UINT64_MAX) return pipe->now_us;
        pipe->now_us = at_us < until_us ? at_us : until_us;
    }
}

static void sleep_until(uint64_t at_us) {
    struct timespec at = {.tv_sec = (time_t)(at_us / 1000000u), .tv_nsec = (long)(at_us % 1000000u) * 1000};
    /* Woken early by a signal: the caller looks at the clock and comes back. */
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, /* remain= */ NULL);
}

uint64_t aksu_pipe_run_clock(aksu_pipe *pipe, uint64_t until_us) {
    pipe->stopped = false;
    for (;;) {
        while (aksu_pipe_turn(pipe, aksu_host_now_us())) {
            if (pipe->stopped || pipe->now_us >= until_us) return pipe->now_us;
        }
        if (pipe->stopped || pipe->now_us >= until_us) return pipe->now_us;
        uint64_t at_us = next_us(pipe);
        if (at_us == UINT64_MAX) return pipe->now_us;
        sleep_until(at_us < until_us ? at_us : until_us);
    }
}

void aksu_pipe_stop(aksu_pipe *pipe) {
    pipe->stopped = true;
}

uint64_t aksu_pipe_now_us(const aksu_pipe *pipe) {
    return pipe->now_us;
}

void aksu_pipe_counters_get(const aksu_pipe *pipe, aksu_pipe_counters *ret_counters) {
    *ret_counters = pipe->counters;
}
