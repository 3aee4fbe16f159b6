/* Plays a script: one stack, virtual time, the script in the place of the network, the peer and the application.
 *
 * Time stands still while something can still happen at its instant: packets of ours are caught, events told, calls
 * under way tried again; then it goes on to the stack's next deadline, never past what the script says next. */
#include "script/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BASE_US = 1000000000, FRAMES = 16 };

void script_fail(script_error *error, const script_step *step, const char *format, ...) {
    va_list args;
    va_start(args, format);
    error->line = step->line;
    error->column = step->column;
    (void)vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
}

/* ---------------------------------------------------------------- time */

static void catch_frame(run_state *r, const aksu_frame *frame) {
    if (r->captured_count == RUN_CAPTURED_MAX) return; /* a storm: the script fails at what it expects next */
    run_captured *c = &r->captured[(r->captured_first + r->captured_count) % RUN_CAPTURED_MAX];
    uint8_t *bytes = malloc(frame->total_bytes);
    if (bytes == NULL) return;
    uint32_t at = 0;
    for (uint32_t i = 0; i < frame->iov_count; at += (uint32_t)frame->iov[i].bytes, i++)
        memcpy(bytes + at, frame->iov[i].base, frame->iov[i].bytes);
    *c = (run_captured){.time_us = r->now_us, .bytes = at, .frame = bytes};
    r->captured_count++;
    bool syn = at >= 40 && bytes[9] == 6 && (bytes[33] & AKSU_TCP_SYN) != 0;
    if (!syn) return;
    r->numbers.local_isn = (uint32_t)bytes[24] << 24 | (uint32_t)bytes[25] << 16 | (uint32_t)bytes[26] << 8 | bytes[27];
    r->numbers.local_port = (uint16_t)(bytes[20] << 8 | bytes[21]);
    r->numbers.local_known = true;
}

/* A call that has returned is what the script says it is; false: it is not. */
static bool call_is_right(run_state *r, const run_call *call) {
    const script_step *step = call->step;
    if (call->wrong[0] != '\0') {
        script_fail(r->error, step, "%s(): %s", step->name, call->wrong);
        r->error->unsupported = call->unsupported;
        return false;
    }
    if (step->result_state != NULL || step->result.kind == SCRIPT_ELLIPSIS) return true;
    if (step->result.kind != SCRIPT_NUMBER || step->result.number != call->value) {
        script_fail(r->error, step, "%s() returned %lld%s%s, not %lld", step->name, (long long)call->value,
                    call->value < 0 ? " " : "", call->value < 0 ? script_errno_name(call->err) : "",
                    (long long)step->result.number);
        return false;
    }
    if (call->value < 0 && step->result_errno != NULL) {
        int64_t code = 0;
        (void)script_constant(step->result_errno, &code);
        if (code != call->err) {
            script_fail(r->error, step, "%s() failed with %s, not %s", step->name, script_errno_name(call->err),
                        step->result_errno);
            return false;
        }
    }
    return true;
}

/* Tries the calls under way.  False: one of them has gone wrong. */
static bool try_pending(run_state *r, bool *ret_any) {
    for (int i = 0; i < RUN_PENDING_MAX; i++) {
        run_pending *p = &r->pending[i];
        if (!p->used || !run_call_try(r, &p->call)) continue;
        p->used = false;
        *ret_any = true;
        uint64_t tolerance_us = r->s->tolerance_us;
        if (r->now_us + tolerance_us < p->end_us || r->now_us > p->end_us + tolerance_us) {
            script_fail(r->error, p->call.step, "%s() returned at %.6f, not at %.6f", p->call.step->name,
                        (double)(r->now_us - r->base_us) / 1e6, (double)(p->end_us - r->base_us) / 1e6);
            return false;
        }
        if (!call_is_right(r, &p->call)) return false;
    }
    return true;
}

/* All that happens at this instant. */
static bool settle(run_state *r) {
    bool any = true;
    while (any) {
        any = false;
        aksu_frame frames[FRAMES];
        size_t count;
        while ((count = aksu_output(r->sockets.stack, r->now_us, frames, FRAMES)) > 0) {
            for (size_t i = 0; i < count; i++) catch_frame(r, &frames[i]);
            any = true;
        }
        any |= vs_events(&r->sockets);
        if (!try_pending(r, &any)) return false;
    }
    return true;
}

typedef enum until { UNTIL_TIME, UNTIL_PACKET } until;

static bool go_on(run_state *r, uint64_t target_us, until what) {
    for (;;) {
        if (!settle(r)) return false;
        if (what == UNTIL_PACKET && r->captured_count > 0) return true;
        uint64_t next_us = aksu_deadline_us(r->sockets.stack);
        for (int i = 0; i < RUN_PENDING_MAX; i++) { /* a call that is late is noticed at its time */
            const run_pending *p = &r->pending[i];
            if (p->used && r->now_us > p->end_us + r->s->tolerance_us) {
                script_fail(r->error, p->call.step, "%s() has not returned", p->call.step->name);
                return false;
            }
        }
        if (next_us > target_us) {
            if (target_us > r->now_us) r->now_us = target_us;
            aksu_advance(r->sockets.stack, r->now_us);
            return settle(r);
        }
        if (next_us > r->now_us) r->now_us = next_us;
    }
}

static uint64_t step_us(const run_state *r, const script_step *step, int64_t us) {
    switch (step->time_kind) {
    case SCRIPT_TIME_ABSOLUTE: return r->base_us + (uint64_t)us;
    case SCRIPT_TIME_RELATIVE: return r->event_us + (uint64_t)us;
    case SCRIPT_TIME_ANY: break;
    }
    return r->now_us;
}

/* ---------------------------------------------------------------- packets */

static bool play_in(run_state *r, const script_step *step) {
    uint8_t *frame = malloc(SCRIPT_FRAME_MAX);
    if (frame == NULL) {
        script_fail(r->error, step, "out of memory");
        return false;
    }
    uint32_t bytes = script_packet_build(&step->packet, &r->numbers, frame);
    aksu_iov iov = {.base = frame, .bytes = bytes};
    aksu_frame in = {.total_bytes = bytes, .iov_count = 1, .iov = &iov};
    aksu_input(r->sockets.stack, r->now_us, &in, 1);
    free(frame);
    return settle(r);
}

static run_captured take(run_state *r) {
    run_captured c = r->captured[r->captured_first];
    r->captured_first = (r->captured_first + 1) % RUN_CAPTURED_MAX;
    r->captured_count--;
    return c;
}

/* Segments that follow each other without a gap count as one where the script has one: some stacks hand the device
 * several at once. */
static void join_segments(run_state *r, const script_packet *wanted, script_packet *got) {
    while (got->payload_bytes > 0 && got->payload_bytes < wanted->payload_bytes && r->captured_count > 0) {
        const run_captured *next = &r->captured[r->captured_first];
        script_packet more;
        if (!script_packet_read(next->frame, next->bytes, &r->numbers, &more)) return;
        bool follows = more.seq == got->seq + got->payload_bytes && more.payload_bytes > 0 && more.ack == got->ack;
        if (!follows) return;
        got->payload_bytes += more.payload_bytes;
        got->flags |= more.flags;
        free(take(r).frame);
    }
}

static bool play_out(run_state *r, const script_step *step) {
    uint64_t tolerance_us = r->s->tolerance_us;
    uint64_t from_us = step_us(r, step, step->time_us), to_us = step_us(r, step, step->time_to_us);
    bool any_time = step->time_kind == SCRIPT_TIME_ANY;
    char wanted_text[240], got_text[240];
    script_packet_print(&step->packet, wanted_text, sizeof wanted_text);
    if (!go_on(r, any_time ? UINT64_MAX - 1 : to_us + tolerance_us, UNTIL_PACKET)) return false;
    if (r->captured_count == 0) {
        script_fail(r->error, step, "did not come: > %s", wanted_text);
        return false;
    }
    if ((step->packet.flags & AKSU_TCP_SYN) != 0) r->numbers.script_isn = step->packet.seq;
    run_captured c = take(r);
    script_packet got;
    bool readable = script_packet_read(c.frame, c.bytes, &r->numbers, &got);
    free(c.frame);
    if (!readable) {
        script_fail(r->error, step, "something else than a TCP segment came, instead of > %s", wanted_text);
        return false;
    }
    join_segments(r, &step->packet, &got);
    const char *differs = script_packet_compare(&step->packet, &got, &r->numbers);
    script_packet_print(&got, got_text, sizeof got_text);
    if (differs != NULL) {
        script_fail(r->error, step, "%s\n    wanted  > %s\n    got     > %s", differs, wanted_text, got_text);
        return false;
    }
    if (!any_time && (c.time_us + tolerance_us < from_us || c.time_us > to_us + tolerance_us)) {
        script_fail(r->error, step, "came at %.6f, not at %.6f: > %s", (double)(c.time_us - r->base_us) / 1e6,
                    (double)(from_us - r->base_us) / 1e6, got_text);
        return false;
    }
    r->event_us = any_time || step->range ? c.time_us : from_us;
    return true;
}

/* ---------------------------------------------------------------- calls */

static bool play_call(run_state *r, const script_step *step) {
    run_call call = {.step = step};
    if (run_call_try(r, &call)) return call_is_right(r, &call) && settle(r);
    if (!step->blocks) {
        script_fail(r->error, step, "%s() blocks", step->name);
        return false;
    }
    for (int i = 0; i < RUN_PENDING_MAX; i++) {
        if (r->pending[i].used) continue;
        r->pending[i] = (run_pending){.used = true,
                                      .call = call,
                                      .start_us = r->now_us,
                                      .end_us = r->now_us + (uint64_t)(step->time_to_us - step->time_us)};
        return settle(r);
    }
    script_fail(r->error, step, "more than %d calls at once", RUN_PENDING_MAX);
    r->error->unsupported = true;
    return false;
}

static bool play_assert(run_state *r, const script_step *step) {
    aksu_tcp_info info = {.state = AK_TCP_CLOSED};
    for (int i = VS_FD_MAX - 1; i >= VS_FD_FIRST; i--) { /* the newest connection */
        const vs_fd *fd = vs_fd_of(&r->sockets, i);
        if (fd != NULL && !fd->listens && vs_info(&r->sockets, i, &info) == 0) break;
    }
    script_error error = {.line = 0};
    if (script_assert(step->name, &info, &error)) return true;
    script_fail(r->error, step, "%s", error.text);
    r->error->unsupported = error.unsupported;
    return false;
}

static bool play(run_state *r, const script_step *step) {
    if (step->kind == SCRIPT_OUT) return play_out(r, step);
    if (step->kind == SCRIPT_SHELL) return true; /* taken before the start */
    uint64_t at_us = step_us(r, step, step->time_us);
    if (at_us < r->now_us && step->time_kind == SCRIPT_TIME_ABSOLUTE && at_us + r->s->tolerance_us < r->now_us) {
        script_fail(r->error, step, "the time is over");
        return false;
    }
    if (!go_on(r, at_us, UNTIL_TIME)) return false;
    r->event_us = at_us;
    switch (step->kind) {
    case SCRIPT_IN: return play_in(r, step);
    case SCRIPT_CALL: return play_call(r, step);
    case SCRIPT_ASSERT: return play_assert(r, step);
    case SCRIPT_OUT:
    case SCRIPT_SHELL: break;
    }
    return true;
}

/* ---------------------------------------------------------------- the whole */

static bool open_stack(run_state *r) {
    size_t bytes = aksu_stack_bytes(&r->sockets.config);
    r->mem = bytes > 0 ? aligned_alloc(64, (bytes + 63) & ~(size_t)63) : NULL;
    if (r->mem == NULL) return false;
    memset(r->mem, 0, bytes);
    aksu_link_config link = {.struct_bytes = sizeof link, .mtu = r->s->mtu};
    uint16_t number;
    aksu_route route = {.prefix = aksu_addr_v4(0, 0, 0, 0)};
    return aksu_stack_init(&r->sockets.config, r->mem, bytes, &r->sockets.stack) == AKSU_OK &&
           aksu_link_add(r->sockets.stack, &link, &number) == AKSU_OK &&
           aksu_addr_add(r->sockets.stack, number, &r->numbers.local, 16) == AKSU_OK &&
           aksu_route_add(r->sockets.stack, &route) == AKSU_OK;
}

/* What sysctl lines say holds from the start, wherever they stand. */
static bool take_settings(run_state *r) {
    script copy = *r->s;
    for (uint32_t i = 0; i < r->s->step_count; i++) {
        const script_step *step = &r->s->step[i];
        script_error error = {.line = 0};
        if (step->kind != SCRIPT_SHELL || script_shell(&copy, step->name, &error)) continue;
        script_fail(r->error, step, "%s", error.text);
        r->error->unsupported = error.unsupported;
        return false;
    }
    r->sockets.config = copy.config;
    r->numbers.ts_checked = r->s->profile == SCRIPT_PROFILE_AKSU;
    return true;
}

/* Nothing is left over: no call under way, no packet that the script did not mention. */
static bool end(run_state *r) {
    const script_step *last = &r->s->step[r->s->step_count - 1];
    for (int i = 0; i < RUN_PENDING_MAX; i++) {
        if (r->pending[i].used && !go_on(r, r->pending[i].end_us + r->s->tolerance_us, UNTIL_TIME)) return false;
        if (!r->pending[i].used) continue;
        script_fail(r->error, r->pending[i].call.step, "%s() has not returned", r->pending[i].call.step->name);
        return false;
    }
    if (r->captured_count == 0 || r->s->profile != SCRIPT_PROFILE_AKSU) return true;
    script_packet got;
    char text[240] = "something else than a TCP segment";
    const run_captured *c = &r->captured[r->captured_first];
    if (script_packet_read(c->frame, c->bytes, &r->numbers, &got)) script_packet_print(&got, text, sizeof text);
    script_fail(r->error, last, "the script ends, and this was sent besides: > %s", text);
    return false;
}

bool script_run(const script *s, script_error *ret_error) {
    if (s->step_count == 0) {
        *ret_error = (script_error){.text = "the script is empty"};
        return false;
    }
    run_state *r = calloc(1, sizeof *r);
    if (r == NULL) {
        *ret_error = (script_error){.text = "out of memory"};
        return false;
    }
    *ret_error = (script_error){.line = 0};
    r->s = s;
    r->error = ret_error;
    r->base_us = r->now_us = r->event_us = BASE_US;
    r->numbers = (script_numbers){.local = s->local, .remote = s->remote, .local_port = 8080, .remote_port = 40000};
    bool good = take_settings(r);
    if (good && !open_stack(r)) {
        script_fail(ret_error, s->step, "no stack can be made with these settings");
        good = false;
    }
    if (good) aksu_advance(r->sockets.stack, r->now_us);
    for (uint32_t i = 0; good && i < s->step_count; i++) good = play(r, &s->step[i]);
    if (good) good = end(r);
    while (r->captured_count > 0) free(take(r).frame);
    free(r->mem);
    free(r);
    return good;
}
