/* The event loop: one stack, its links, and the application's descriptors, in one epoll set.
 *
 * A turn: sleep until something is ready or the earliest deadline; take the time; bring in what the links have read,
 * and let the application and the output follow each batch at once, so that ACKs leave before the next batch is
 * read; then the other descriptors, the alarm and on_turn; then events and output until there are none.  Timers fire
 * only in aksu_output, hence after the packets that were already there.
 *
 * The deadline is a timerfd on the same clock.  It is set again only when a deadline comes earlier: the RTO moves on
 * with each ACK, and a system call for each of them would cost more than one early wake-up per RTO.
 *
 * epoll is level-triggered: a turn reads one batch of each link and need not find the end.
 *
 * Invariant: a link or watch that was removed in a handler lives, marked dead, until the turn is over.
 * Limits: one stack; one thread; one alarm. */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EPOLL_EVENTS 64

/* ---------------------------------------------------------------- life */

void aksu_loop_close(aksu_loop *loop) {
    if (loop == NULL) return;
    ak_watch_close(loop);
    while (loop->links != NULL) {
        struct ak_loop_link *link = loop->links;
        loop->links = link->next;
        free(link->pending);
        free(link);
    }
    if (loop->timer_fd >= 0) (void)close(loop->timer_fd);
    if (loop->epoll_fd >= 0) (void)close(loop->epoll_fd);
    free(loop);
}

int aksu_loop_open(const aksu_loop_config *config, aksu_loop **ret_loop, aksu_host_error *ret_error) {
    if (config->struct_bytes != sizeof *config) {
        return aksu_host_error_set(ret_error, EINVAL, "the loop config was not made for this version of the library");
    }
    if (config->stack == NULL || (!config->output_sync && config->frame_max == 0)) {
        return aksu_host_error_set(ret_error, EINVAL,
                                   "the loop config lacks the stack, or frame_max for asynchronous output");
    }
    aksu_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) return aksu_host_error_set(ret_error, ENOMEM, "no memory for an event loop");
    loop->config = *config;
    loop->signal_fd = -1;
    loop->armed_us = UINT64_MAX;
    loop->alarm_us = UINT64_MAX;
    loop->timer_source.kind = AK_SOURCE_TIMER;
    loop->signal_source.kind = AK_SOURCE_SIGNAL;
    (void)sigemptyset(&loop->signal_set);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &loop->timer_source};
    if (loop->timer_fd < 0 || loop->epoll_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event) < 0) {
        int code = errno;
        aksu_loop_close(loop);
        return aksu_host_error_set(ret_error, code, "no epoll or timerfd: %s", strerror(code));
    }
    loop->now_us = aksu_host_now_us();
    loop->active_us = loop->now_us;
    aksu_advance(config->stack, loop->now_us);
    *ret_loop = loop;
    return 0;
}

/* ---------------------------------------------------------------- links */

static struct ak_loop_link *live_link(const aksu_loop *loop, uint16_t number) {
    struct ak_loop_link *link = loop->links;
    while (link != NULL && (link->dead || link->link != number)) link = link->next;
    return link;
}

int aksu_loop_add_link(aksu_loop *loop, aksu_driver *driver, uint16_t link, aksu_host_error *ret_error) {
    if (live_link(loop, link) != NULL) {
        return aksu_host_error_set(ret_error, EEXIST, "link %u has a driver already", link);
    }
    struct ak_loop_link *entry = calloc(1, sizeof *entry);
    if (entry == NULL) return aksu_host_error_set(ret_error, ENOMEM, "no memory for a link");
    *entry = (struct ak_loop_link){.source.kind = AK_SOURCE_LINK, .driver = driver, .link = link};
    if (!loop->config.output_sync) {
        entry->pending_cap = loop->config.frame_max;
        entry->pending = calloc(entry->pending_cap, sizeof *entry->pending);
        if (entry->pending == NULL) {
            free(entry);
            return aksu_host_error_set(ret_error, ENOMEM, "no memory for a link");
        }
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &entry->source};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, driver->fd, &event) < 0) {
        int code = errno;
        free(entry->pending);
        free(entry);
        return aksu_host_error_set(ret_error, code, "cannot watch the %s driver: %s", driver->ops->name,
                                   strerror(code));
    }
    entry->next = loop->links;
    loop->links = entry;
    return 0;
}

static void remove_link(aksu_loop *loop, struct ak_loop_link *link) {
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, link->driver->fd, /* event= */ NULL);
    for (; link->pending_count > 0; link->pending_count--) {
        aksu_output_done(loop->config.stack, link->pending[link->pending_first].token);
        link->pending_first = (link->pending_first + 1) % link->pending_cap;
    }
    link->dead = true;
    loop->dead_count++;
}

static void bury_links(aksu_loop *loop) {
    struct ak_loop_link **at = &loop->links;
    while (loop->dead_count > 0 && *at != NULL) {
        struct ak_loop_link *link = *at;
        if (!link->dead) {
            at = &link->next;
            continue;
        }
        *at = link->next;
        free(link->pending);
        free(link);
        loop->dead_count--;
    }
}

int aksu_loop_remove_link(aksu_loop *loop, uint16_t link) {
    struct ak_loop_link *entry = live_link(loop, link);
    if (entry == NULL) return -ENOENT;
    remove_link(loop, entry);
    return 0;
}

/* Links whose device has gone.  -ENODEV if there was one. */
static int drop_failed_links(aksu_loop *loop, aksu_host_error *ret_error) {
    int failed = 0;
    for (struct ak_loop_link *link = loop->links; link != NULL; link = link->next) {
        if (link->dead || link->driver->error == 0) continue;
        (void)aksu_link_down(loop->config.stack, link->link);
        failed = aksu_host_error_set(ret_error, ENODEV, "link %u: the %s device is gone (%s)", link->link,
                                     link->driver->ops->name, strerror(link->driver->error));
        remove_link(loop, link);
    }
    return failed;
}

/* ---------------------------------------------------------------- sleeping */

/* When a turn is due without any descriptor being ready. */
static uint64_t due_us(const aksu_loop *loop, uint64_t now_us) {
    if (loop->always_ready_count > 0) return now_us;
    uint64_t stack_us = aksu_deadline_us(loop->config.stack);
    /* Output that waits for a full link: the link's descriptor will tell. */
    if (stack_us <= now_us && ak_loop_output_is_blocked(loop)) stack_us = UINT64_MAX;
    return stack_us < loop->alarm_us ? stack_us : loop->alarm_us;
}

static void arm(aksu_loop *loop, uint64_t at_us) {
    if (at_us >= loop->armed_us) return; /* an early wake-up, if at all */
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(at_us / 1000000u), .tv_nsec = (long)(at_us % 1000000u) * 1000}};
    if (at_us == 0) when.it_value.tv_nsec = 1; /* all zero would disarm it */
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, /* old= */ NULL) == 0) loop->armed_us = at_us;
}

/* Looks for events without sleeping, as long as busy polling allows. */
static int busy_wait(aksu_loop *loop, uint64_t until_us, struct epoll_event *ret_events) {
    uint64_t poll_until_us = loop->active_us + loop->config.busy_poll_us;
    if (poll_until_us > until_us) poll_until_us = until_us;
    int count = 0;
    while (count == 0 && aksu_host_now_us() < poll_until_us) {
        count = epoll_wait(loop->epoll_fd, ret_events, EPOLL_EVENTS, /* timeout_ms= */ 0);
    }
    return count;
}

static int wait_for_events(aksu_loop *loop, uint64_t wait_us, struct epoll_event *ret_events) {
    uint64_t now_us = aksu_host_now_us();
    uint64_t until_us = due_us(loop, now_us);
    if (wait_us < UINT64_MAX - now_us && now_us + wait_us < until_us) until_us = now_us + wait_us;
    int timeout_ms = 0;
    if (until_us > now_us) {
        if (loop->config.busy_poll_us > 0) {
            int count = busy_wait(loop, until_us, ret_events);
            if (count != 0 || aksu_host_now_us() >= until_us) return count;
        }
        if (until_us != UINT64_MAX) arm(loop, until_us);
        timeout_ms = -1;
    }
    return epoll_wait(loop->epoll_fd, ret_events, EPOLL_EVENTS, timeout_ms);
}

/* ---------------------------------------------------------------- a turn */

static bool handle_events(aksu_loop *loop) {
    if (loop->config.on_event == NULL) return false;
    bool any = false;
    aksu_event event;
    while (aksu_next_event(loop->config.stack, &event)) {
        loop->config.on_event(loop->config.user, loop->config.stack, &event);
        any = true;
    }
    return any;
}

/* Events and output, until neither brings more of the other: output alone may, by a timer or what we send to ourselves.
 */
static void settle(aksu_loop *loop) {
    bool any = true;
    (void)handle_events(loop);
    while (any) {
        any = ak_loop_output(loop);
        any |= handle_events(loop);
    }
}

static void read_links(aksu_loop *loop) {
    for (struct ak_loop_link *link = loop->links; link != NULL; link = link->next) {
        if (!link->readable) continue;
        link->readable = false;
        if (link->dead) continue;
        uint32_t count = (uint32_t)link->driver->ops->read(link->driver, loop->in, AK_LOOP_BATCH_FRAMES);
        if (count == 0) continue;
        for (uint32_t i = 0; i < count; i++) {
            loop->in[i].link = link->link;
            loop->in[i].time_us = 0; /* now */
        }
        loop->now_us = aksu_host_now_us();
        aksu_input(loop->config.stack, loop->now_us, loop->in, count);
        if (link->driver->ops->read_done != NULL) link->driver->ops->read_done(link->driver);
        settle(loop);
    }
}

static void timer_ready(aksu_loop *loop) {
    uint64_t expirations;
    (void)!read(loop->timer_fd, &expirations, sizeof expirations);
    loop->armed_us = UINT64_MAX;
}

/* Links first, all of them; handlers come later, and may remove what later events point to. */
static void note_events(aksu_loop *loop, const struct epoll_event *events, int count) {
    for (int i = 0; i < count; i++) {
        struct ak_source *source = events[i].data.ptr;
        switch (source->kind) {
        case AK_SOURCE_LINK: {
            struct ak_loop_link *link = events[i].data.ptr;
            link->readable = (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
            if (events[i].events & EPOLLOUT) ak_loop_link_writable(loop, link);
            break;
        }
        case AK_SOURCE_TIMER: timer_ready(loop); break;
        case AK_SOURCE_SIGNAL:
        case AK_SOURCE_WATCH: break;
        }
    }
}

static void dispatch_events(aksu_loop *loop, const struct epoll_event *events, int count) {
    for (int i = 0; i < count; i++) {
        struct ak_source *source = events[i].data.ptr;
        switch (source->kind) {
        case AK_SOURCE_LINK:
        case AK_SOURCE_TIMER: break;
        case AK_SOURCE_SIGNAL: ak_signal_ready(loop); break;
        case AK_SOURCE_WATCH: ak_watch_ready(events[i].data.ptr, events[i].events); break;
        }
    }
    ak_watch_always_ready(loop);
    if (loop->alarm_us <= loop->now_us) {
        loop->alarm_us = UINT64_MAX; /* before the call, which may set the next */
        loop->on_alarm(loop->alarm_user, loop->now_us);
    }
    if (loop->config.on_turn != NULL) loop->config.on_turn(loop->config.user, loop->config.stack, loop->now_us);
}

static int turn(aksu_loop *loop, uint64_t wait_us, aksu_host_error *ret_error) {
    struct epoll_event events[EPOLL_EVENTS];
    int count = wait_for_events(loop, wait_us, events);
    if (count < 0 && errno != EINTR) {
        int code = errno;
        return aksu_host_error_set(ret_error, code, "the event loop cannot wait: %s", strerror(code));
    }
    if (count < 0) count = 0;
    loop->now_us = aksu_host_now_us();
    if (count > 0) loop->active_us = loop->now_us;
    aksu_advance(loop->config.stack, loop->now_us);

    note_events(loop, events, count);
    read_links(loop);
    dispatch_events(loop, events, count);
    settle(loop);

    int failed = drop_failed_links(loop, ret_error);
    if (loop->dead_count > 0) {
        ak_watch_bury(loop);
        bury_links(loop);
    }
    return failed;
}

int aksu_loop_turn(aksu_loop *loop, uint64_t wait_us, aksu_host_error *ret_error) {
    int failed = turn(loop, wait_us, ret_error);
    /* For those who wait on aksu_loop_fd. */
    arm(loop, due_us(loop, loop->now_us));
    return failed;
}

int aksu_loop_run(aksu_loop *loop, aksu_host_error *ret_error) {
    int failed = 0;
    while (!loop->stopped && failed == 0) failed = turn(loop, UINT64_MAX, ret_error);
    loop->stopped = false;
    return failed;
}

void aksu_loop_stop(aksu_loop *loop) {
    loop->stopped = true;
}

void aksu_loop_alarm(aksu_loop *loop, uint64_t at_us, aksu_loop_on_alarm *on_alarm, void *user) {
    loop->alarm_us = at_us;
    loop->on_alarm = on_alarm;
    loop->alarm_user = user;
}

int aksu_loop_fd(const aksu_loop *loop) {
    return loop->epoll_fd;
}

uint64_t aksu_loop_now_us(const aksu_loop *loop) {
    return loop->now_us;
}

aksu_stack *aksu_loop_stack(const aksu_loop *loop) {
    return loop->config.stack;
}
