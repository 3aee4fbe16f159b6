/* The application's descriptors and signals in the loop.
 *
 * A watch may end in any handler, while an event of this turn still points to it: it is marked dead, and freed when the
 * turn is over.  Regular files, which epoll refuses, are always ready; while one has an interest the loop does
 * not sleep.  A watch without interest is taken out of epoll, which would go on reporting a hang-up to someone who has
 * asked not to be told.
 *
 * Signals come through one signalfd.  They are blocked in the thread that asks for them, and unblocked at close unless
 * they were blocked before. */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

static uint32_t epoll_interest(unsigned interest) {
    uint32_t events = 0;
    if (interest & AKSU_WATCH_READ) events |= EPOLLIN;
    if (interest & AKSU_WATCH_WRITE) events |= EPOLLOUT;
    return events;
}

/* Brings epoll in line with the watch's interest.  0 or -errno. */
static int sync_epoll(aksu_loop *loop, struct aksu_watch *watch) {
    bool wanted = !watch->dead && watch->interest != 0;
    if (watch->always_ready || (!wanted && !watch->in_epoll)) return 0;
    int operation = watch->in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (!wanted) operation = EPOLL_CTL_DEL;
    struct epoll_event event = {.events = epoll_interest(watch->interest), .data.ptr = &watch->source};
    if (epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) < 0) return -errno;
    watch->in_epoll = wanted;
    return 0;
}

static bool counts_as_ready(const struct aksu_watch *watch) {
    return watch->always_ready && !watch->dead && watch->interest != 0;
}

int aksu_loop_watch(aksu_loop *loop, const aksu_watch_config *config, aksu_watch **ret_watch,
                    aksu_host_error *ret_error) {
    for (const struct aksu_watch *other = loop->watches; other != NULL; other = other->next) {
        if (other->fd == config->fd && !other->dead) {
            return aksu_host_error_set(ret_error, EEXIST, "descriptor %d is being watched", config->fd);
        }
    }
    struct aksu_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) return aksu_host_error_set(ret_error, ENOMEM, "no memory to watch a descriptor");
    *watch = (struct aksu_watch){
        .source.kind = AK_SOURCE_WATCH,
        .fd = config->fd,
        .interest = config->interest,
        .on_ready = config->on_ready,
        .user = config->user,
    };
    /* With an interest even if none is wanted yet: to learn now whether epoll takes the descriptor. */
    struct epoll_event probe = {.events = EPOLLIN, .data.ptr = &watch->source};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, config->fd, &probe) < 0) {
        int code = errno;
        if (code != EPERM) {
            free(watch);
            return aksu_host_error_set(ret_error, code, "cannot watch descriptor %d: %s", config->fd, strerror(code));
        }
        watch->always_ready = true;
    } else {
        watch->in_epoll = true;
        (void)sync_epoll(loop, watch);
    }
    loop->always_ready_count += counts_as_ready(watch);
    watch->next = loop->watches;
    loop->watches = watch;
    *ret_watch = watch;
    return 0;
}

void aksu_loop_rewatch(aksu_loop *loop, aksu_watch *watch, unsigned interest) {
    if (watch->dead || watch->interest == interest) return;
    loop->always_ready_count -= counts_as_ready(watch);
    watch->interest = interest;
    loop->always_ready_count += counts_as_ready(watch);
    (void)sync_epoll(loop, watch);
}

void aksu_loop_unwatch(aksu_loop *loop, aksu_watch *watch) {
    if (watch == NULL || watch->dead) return;
    loop->always_ready_count -= counts_as_ready(watch);
    watch->dead = true;
    loop->dead_count++;
    (void)sync_epoll(loop, watch);
}

void ak_watch_ready(struct aksu_watch *watch, uint32_t epoll_events) {
    unsigned ready = 0;
    if (epoll_events & EPOLLIN) ready |= watch->interest & AKSU_WATCH_READ;
    if (epoll_events & EPOLLOUT) ready |= watch->interest & AKSU_WATCH_WRITE;
    if (epoll_events & (EPOLLHUP | EPOLLERR)) ready |= AKSU_WATCH_HANGUP;
    if (ready != 0 && !watch->dead) watch->on_ready(watch->user, watch->fd, ready);
}

void ak_watch_always_ready(aksu_loop *loop) {
    if (loop->always_ready_count == 0) return;
    /* Handlers may add watches, at the list's head, and mark others dead; neither disturbs this walk. */
    for (struct aksu_watch *watch = loop->watches; watch != NULL; watch = watch->next) {
        if (counts_as_ready(watch)) watch->on_ready(watch->user, watch->fd, watch->interest);
    }
}

void ak_watch_bury(aksu_loop *loop) {
    struct aksu_watch **at = &loop->watches;
    while (loop->dead_count > 0 && *at != NULL) {
        struct aksu_watch *watch = *at;
        if (!watch->dead) {
            at = &watch->next;
            continue;
        }
        *at = watch->next;
        free(watch);
        loop->dead_count--;
    }
}

/* ---------------------------------------------------------------- signals */

int aksu_loop_signal(aksu_loop *loop, int signal_number, aksu_loop_on_signal *on_signal, void *user,
                     aksu_host_error *ret_error) {
    if (signal_number < 1 || signal_number > (int)AK_LOOP_SIGNAL_MAX || signal_number == SIGKILL ||
        signal_number == SIGSTOP) {
        return aksu_host_error_set(ret_error, EINVAL, "signal %d cannot be handled", signal_number);
    }
    struct ak_loop_signal *entry = &loop->signals[signal_number];
    if (entry->on_signal == NULL) {
        sigset_t wanted = loop->signal_set;
        if (sigaddset(&wanted, signal_number) < 0) {
            return aksu_host_error_set(ret_error, EINVAL, "signal %d cannot be handled", signal_number);
        }
        int fd = signalfd(loop->signal_fd, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
        if (fd < 0) {
            int code = errno;
            return aksu_host_error_set(ret_error, code, "no signalfd: %s", strerror(code));
        }
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &loop->signal_source};
        if (loop->signal_fd < 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
            int code = errno;
            (void)close(fd);
            return aksu_host_error_set(ret_error, code, "cannot watch signals: %s", strerror(code));
        }
        loop->signal_fd = fd;
        loop->signal_set = wanted;
        sigset_t one, before;
        (void)sigemptyset(&one);
        (void)sigaddset(&one, signal_number);
        (void)pthread_sigmask(SIG_BLOCK, &one, &before);
        entry->was_blocked = sigismember(&before, signal_number) == 1;
    }
    entry->on_signal = on_signal;
    entry->user = user;
    return 0;
}

void ak_signal_ready(aksu_loop *loop) {
    struct signalfd_siginfo info;
    while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo > AK_LOOP_SIGNAL_MAX) continue;
        const struct ak_loop_signal *entry = &loop->signals[info.ssi_signo];
        if (entry->on_signal != NULL) entry->on_signal(entry->user, (int)info.ssi_signo);
    }
}

void ak_watch_close(aksu_loop *loop) {
    while (loop->watches != NULL) {
        struct aksu_watch *watch = loop->watches;
        loop->watches = watch->next;
        free(watch);
    }
    sigset_t release;
    (void)sigemptyset(&release);
    for (int number = 1; number <= (int)AK_LOOP_SIGNAL_MAX; number++) {
        if (loop->signals[number].on_signal != NULL && !loop->signals[number].was_blocked) {
            (void)sigaddset(&release, number);
        }
    }
    if (loop->signal_fd >= 0) (void)close(loop->signal_fd);
    (void)pthread_sigmask(SIG_UNBLOCK, &release, /* old= */ NULL);
}
