/* Files over HTTP/1.1: what aksu serve needs of it.  A site is a directory and its limits; a connection is one socket
 * of ours, driven by events.  Deadlines are four queues, one for each kind of limit: within a kind all wait equally
 * long, so a queue is in the order of its deadlines and setting one is O(1). */
#ifndef APP_HTTP_H
#define APP_HTTP_H

#include "app/app.h"

struct http;

typedef enum http_limit {
    HTTP_LIMIT_IDLE,     /* between requests: the connection is closed */
    HTTP_LIMIT_HEAD,     /* from a request's first byte to the end of its head: 408 */
    HTTP_LIMIT_TRANSFER, /* the time in which HTTP_RATE_MIN of a body must move, either way: 408, or a reset */
    HTTP_LIMIT_LINGER,   /* after our FIN, for the peer's */
    HTTP_LIMITS
} http_limit;

enum { HTTP_RATE_MIN = 1024 }; /* bytes a second */

typedef struct http_queue {
    struct http *first, *last;
} http_queue;

typedef struct http_site {
    aksu_stack *stack;
    aksu_loop *loop;
    int directory;
    bool writable;
    uint64_t upload_max_bytes;      /* 0: as much as the disk takes */
    uint64_t limit_us[HTTP_LIMITS]; /* 0: no limit */
    app_progress *progress;         /* told of the bytes of bodies */
    bool stopping;
    http_queue queue[HTTP_LIMITS]; /* every connection is in one of them */
} http_site;

/* Takes a socket over; NULL: no memory, and the socket stays the caller's. */
struct http *http_open(http_site *site, aksu_sock sock);

/* After an event of its socket.  The connection may be gone afterwards. */
void http_event(struct http *http, const aksu_event *event);

/* When http_site_expire must be called next; UINT64_MAX: not before an event. */
uint64_t http_site_deadline_us(const http_site *site);
void http_site_expire(http_site *site, uint64_t now_us);

/* No more requests: connections without one are closed at once, the others after their answer. */
void http_site_stop(http_site *site);

/* All connections end now, by RST. */
void http_site_abort(http_site *site);
bool http_site_empty(const http_site *site);

#endif
