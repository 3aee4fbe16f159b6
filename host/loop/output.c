/* The loop's output: from the stack to the drivers, and what happens when a descriptor is full.
 *
 * With synchronous output (config.output_sync) a frame must be finished before the next aksu_output.  A batch that
 * meets a full link therefore stays in loop->out, and the stack is not asked again until the link is writable and has
 * taken the rest: the frames are queued here and still lent.  One full link holds up the others; with one link,
 * the common case, this costs nothing and saves a call for each frame.
 *
 * With asynchronous output each link has a ring of frame_max descriptions (never more are lent), the batch goes on
 * for the other links, and each frame is given back by aksu_output_done when its link has taken it. */
#include "loop.h"

#include <assert.h>
#include <sys/epoll.h>

static struct ak_loop_link *find_link(const aksu_loop *loop, uint16_t number) {
    struct ak_loop_link *link = loop->links;
    while (link != NULL && (link->dead || link->link != number)) link = link->next;
    return link;
}

static void set_blocked(aksu_loop *loop, struct ak_loop_link *link, bool blocked) {
    if (link->blocked == blocked) return;
    link->blocked = blocked;
    struct epoll_event interest = {.events = blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = &link->source};
    /* Cannot fail: the descriptor is in the set, and no memory is needed. */
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, link->driver->fd, &interest);
}

static void give_back(const aksu_loop *loop, const aksu_frame *frames, size_t count) {
    if (loop->config.output_sync) return;
    for (size_t i = 0; i < count; i++) aksu_output_done(loop->config.stack, frames[i].token);
}

/* Queues frames behind what waits for the link. */
static void queue(struct ak_loop_link *link, const aksu_frame *frames, uint32_t count) {
    assert(link->pending_count + count <= link->pending_cap);
    for (uint32_t i = 0; i < count; i++) {
        link->pending[(link->pending_first + link->pending_count) % link->pending_cap] = frames[i];
        link->pending_count++;
    }
}

/* Frames of one link, from the batch.  Answers how many were taken over, by the driver or the ring. */
static uint32_t write_run(aksu_loop *loop, const aksu_frame *frames, uint32_t count) {
    struct ak_loop_link *link = find_link(loop, frames[0].link);
    if (link == NULL) { /* no driver, or no more: what a pulled cable does */
        give_back(loop, frames, count);
        return count;
    }
    uint32_t written = 0;
    if (!link->blocked) {
        written = (uint32_t)link->driver->ops->write(link->driver, frames, count);
        give_back(loop, frames, written);
        if (written < count) set_blocked(loop, link, true);
    }
    if (loop->config.output_sync) return written;
    queue(link, frames + written, count - written);
    return count;
}

/* The batch in loop->out, as far as it goes; answers whether any of it went. */
static bool write_batch(aksu_loop *loop) {
    bool any = false;
    while (loop->out_count > 0) {
        const aksu_frame *frames = &loop->out[loop->out_first];
        uint32_t run = 1;
        while (run < loop->out_count && frames[run].link == frames[0].link) run++;
        uint32_t taken = write_run(loop, frames, run);
        loop->out_first += taken;
        loop->out_count -= taken;
        any |= taken > 0;
        if (taken < run) break;
    }
    return any;
}

bool ak_loop_output(aksu_loop *loop) {
    bool any = loop->out_count > 0 && write_batch(loop);
    while (loop->out_count == 0) {
        loop->now_us = aksu_host_now_us();
        loop->out_first = 0;
        loop->out_count = (uint32_t)aksu_output(loop->config.stack, loop->now_us, loop->out, AK_LOOP_BATCH_FRAMES);
        if (loop->out_count == 0) break;
        any |= write_batch(loop);
    }
    return any;
}

void ak_loop_link_writable(aksu_loop *loop, struct ak_loop_link *link) {
    while (link->pending_count > 0) {
        uint32_t straight = link->pending_cap - link->pending_first;
        if (straight > link->pending_count) straight = link->pending_count;
        const aksu_frame *frames = &link->pending[link->pending_first];
        uint32_t written = (uint32_t)link->driver->ops->write(link->driver, frames, straight);
        give_back(loop, frames, written);
        link->pending_first = (link->pending_first + written) % link->pending_cap;
        link->pending_count -= written;
        if (written < straight) return; /* full again */
    }
    set_blocked(loop, link, false);
}

bool ak_loop_output_is_blocked(const aksu_loop *loop) {
    /* A batch whose link has been removed since is given back by the next turn. */
    if (loop->out_count > 0) return find_link(loop, loop->out[loop->out_first].link) != NULL;
    for (const struct ak_loop_link *link = loop->links; link != NULL; link = link->next) {
        if (link->blocked && !link->dead) return true;
    }
    return false;
}
