/* The loop's own structures, shared by the files of host/loop. */
#ifndef AKSU_HOST_LOOP_LOOP_H
#define AKSU_HOST_LOOP_LOOP_H

#include "aksu/host.h"

#include <signal.h>

#define AK_LOOP_BATCH_FRAMES                                                                                           \
    32u /* of input and output: enough to spread the cost of a turn, few enough to stay in cache */
#define AK_LOOP_SIGNAL_MAX 64u

enum ak_source_kind { AK_SOURCE_LINK, AK_SOURCE_TIMER, AK_SOURCE_SIGNAL, AK_SOURCE_WATCH };

/* What an epoll event points to; the first member of each kind of source. */
struct ak_source {
    enum ak_source_kind kind;
};

/* A driver and its link.  A ring of frames waits while the descriptor is full (asynchronous output only). */
struct ak_loop_link {
    struct ak_source source;
    struct ak_loop_link *next;
    aksu_driver *driver;
    uint16_t link;
    bool blocked;  /* EPOLLOUT is asked for, and nothing may overtake what waits */
    bool readable; /* seen by this turn's epoll_wait */
    bool dead;     /* removed; freed at the end of the turn */
    uint32_t pending_first, pending_count, pending_cap;
    aksu_frame *pending; /* pending_cap, owned */
};

struct aksu_watch {
    struct ak_source source;
    struct aksu_watch *next;
    int fd;
    unsigned interest; /* AKSU_WATCH_ */
    bool always_ready; /* a regular file: epoll knows nothing of it */
    bool in_epoll;
    bool dead; /* unwatched; freed at the end of the turn, since an event may still point here */
    aksu_loop_on_ready *on_ready;
    void *user;
};

struct ak_loop_signal {
    aksu_loop_on_signal *on_signal; /* NULL: not ours */
    void *user;
    bool was_blocked; /* before us */
};

struct aksu_loop {
    aksu_loop_config config;
    int epoll_fd, timer_fd, signal_fd; /* signal_fd: -1 until it is needed */
    uint64_t now_us;
    uint64_t armed_us;  /* when the timerfd will fire; UINT64_MAX: it will not */
    uint64_t active_us; /* when something last happened, for busy polling */
    bool stopped;
    struct ak_loop_link *links;   /* owned */
    struct aksu_watch *watches;   /* owned */
    uint32_t always_ready_count;  /* watches of regular files with an interest */
    uint32_t dead_count;          /* watches and links to free */
    aksu_loop_on_alarm *on_alarm; /* with alarm_us */
    void *alarm_user;
    uint64_t alarm_us;
    struct ak_source timer_source, signal_source;
    sigset_t signal_set;
    struct ak_loop_signal signals[AK_LOOP_SIGNAL_MAX + 1]; /* by number */
    uint32_t out_first, out_count; /* frames of out[] that wait for a full link (synchronous output only) */
    aksu_frame out[AK_LOOP_BATCH_FRAMES];
    aksu_frame in[AK_LOOP_BATCH_FRAMES];
};

/* output.c.  Puts out what the stack has and the links take; answers whether any frame moved. */
bool ak_loop_output(aksu_loop *loop);
void ak_loop_link_writable(aksu_loop *loop, struct ak_loop_link *link);
bool ak_loop_output_is_blocked(const aksu_loop *loop);

/* watch.c. */
void ak_watch_ready(struct aksu_watch *watch, uint32_t epoll_events);
void ak_watch_always_ready(aksu_loop *loop);
void ak_watch_bury(aksu_loop *loop); /* frees the dead */
void ak_signal_ready(aksu_loop *loop);
void ak_watch_close(aksu_loop *loop); /* frees all watches, gives signals back */

#endif
