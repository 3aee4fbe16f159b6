/* One HTTP/1.1 connection: RFC 9112.
 *
 * A request is read to its end (or to where it must be refused) and answered; the next waits until the answer is
 * queued, so pipelined requests are answered in order.  File data goes from pread straight into the send buffer, an
 * upload from the receive buffer straight to pwrite.
 *
 * The end of a connection is our FIN, and then a bounded time in which what still comes is thrown away: closing with
 * bytes unread would be a reset, which can overtake the answer.  Where the answer cannot be completed (the file has
 * shrunk, the peer reads nothing) the end is a reset, since the peer must not take what it has for the whole.
 *
 * Invariant: every connection is in exactly one of its site's queues. */
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "app/http_inside.h"

enum { IOV_COUNT = 32, SEND_BYTES = 256 * 1024 };

/* ---------------------------------------------------------------- limits */

static void queue_remove(struct http *h) {
    http_queue *queue = &h->site->queue[h->limit];
    if (h->earlier != NULL)
        h->earlier->later = h->later;
    else
        queue->first = h->later;
    if (h->later != NULL)
        h->later->earlier = h->earlier;
    else
        queue->last = h->earlier;
}

static void queue_add(struct http *h, http_limit limit) {
    http_queue *queue = &h->site->queue[limit];
    uint64_t limit_us = h->site->limit_us[limit];
    h->limit = limit;
    h->deadline_us = limit_us > 0 ? aksu_loop_now_us(h->site->loop) + limit_us : UINT64_MAX;
    h->moved_bytes = 0;
    h->earlier = queue->last;
    h->later = NULL;
    if (queue->last != NULL)
        queue->last->later = h;
    else
        queue->first = h;
    queue->last = h;
}

void http_set_limit(struct http *h, http_limit limit) {
    queue_remove(h);
    queue_add(h, limit);
}

void http_set_body_limit(struct http *h) {
    http_set_limit(h, HTTP_LIMIT_TRANSFER);
}

uint64_t http_site_deadline_us(const http_site *site) {
    uint64_t deadline_us = UINT64_MAX;
    for (int i = 0; i < HTTP_LIMITS; i++) {
        const struct http *first = site->queue[i].first;
        if (first != NULL && first->deadline_us < deadline_us) deadline_us = first->deadline_us;
    }
    return deadline_us;
}

/* ---------------------------------------------------------------- life */

struct http *http_open(http_site *site, aksu_sock sock) {
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL) return NULL;
    h->site = site;
    h->sock = sock;
    h->file = -1;
    queue_add(h, HTTP_LIMIT_IDLE);
    http_parser_start(h);
    return h;
}

typedef enum ending { END_BY_FIN, END_BY_RST } ending;

static void end_connection(struct http *h, ending how) {
    http_upload_drop(h);
    if (h->file >= 0) (void)close(h->file);
    if (how == END_BY_FIN)
        (void)aksu_tcp_close(h->site->stack, h->sock);
    else
        (void)aksu_tcp_abort(h->site->stack, h->sock);
    queue_remove(h);
    free(h);
}

static void begin_linger(struct http *h) {
    h->lingering = true;
    (void)aksu_tcp_shutdown(h->site->stack, h->sock);
    http_set_limit(h, HTTP_LIMIT_LINGER);
}

/* ---------------------------------------------------------------- one step after another */

/* What a step leads to. */
typedef enum step {
    STEP_ON,   /* there is more to do now */
    STEP_WAIT, /* for an event */
    STEP_OVER, /* the connection is gone */
} step;

/* The request is complete, or refused: what is the answer? */
static void answer(struct http *h) {
    h->answering = true;
    http_set_body_limit(h);
    if (h->status != 0)
        http_answer_status(h, h->status);
    else if (h->parser.method == HTTP_PUT)
        http_answer_status(h, http_upload_finish(h));
    else
        http_answer_get(h);
}

/* File bytes into the send buffer. */
static step send_file(struct http *h) {
    aksu_iov iov[IOV_COUNT];
    uint32_t count;
    size_t want = h->end - h->at < SEND_BYTES ? (size_t)(h->end - h->at) : SEND_BYTES;
    if (aksu_tcp_send_reserve(h->site->stack, h->sock, want, iov, IOV_COUNT, &count) != AKSU_OK) return STEP_WAIT;
    struct iovec to[IOV_COUNT];
    for (uint32_t i = 0; i < count; i++) to[i] = (struct iovec){.iov_base = iov[i].base, .iov_len = iov[i].bytes};
    ssize_t n = preadv(h->file, to, (int)count, h->at);
    if (n <= 0) { /* it was promised and is gone */
        (void)aksu_tcp_send_commit(h->site->stack, h->sock, 0, 0);
        end_connection(h, END_BY_RST);
        return STEP_OVER;
    }
    h->at += n;
    h->moved_bytes += (uint64_t)n;
    h->site->progress->sent_bytes += (uint64_t)n;
    (void)aksu_tcp_send_commit(h->site->stack, h->sock, (size_t)n, h->at < h->end ? AKSU_SEND_MORE : 0);
    return STEP_ON;
}

/* What there is room for, of an answer or of an interim one. */
static step send_answer(struct http *h) {
    while (h->head_sent < h->head_bytes) {
        size_t bytes;
        unsigned more = h->at < h->end ? AKSU_SEND_MORE : 0;
        aksu_err err =
            aksu_tcp_send(h->site->stack, h->sock, h->head + h->head_sent, h->head_bytes - h->head_sent, more, &bytes);
        if (err != AKSU_OK) return STEP_WAIT; /* no room; or over, and CLOSED will tell */
        h->head_sent += bytes;
    }
    h->head_bytes = h->head_sent = 0;
    if (!h->answering) return STEP_ON;
    while (h->at < h->end) {
        step sent = send_file(h);
        if (sent != STEP_ON) return sent;
    }
    if (h->file >= 0) (void)close(h->file);
    h->file = -1;
    h->at = h->end = 0;
    h->answering = false;
    if (!h->keep_alive || h->site->stopping) {
        begin_linger(h);
        return STEP_ON;
    }
    http_parser_pause(&h->parser, 0);
    h->message_done = false;
    http_set_limit(h, HTTP_LIMIT_IDLE);
    return STEP_ON;
}

/* Throws away what comes until the peer has closed too. */
static step drain(struct http *h) {
    aksu_iov iov[IOV_COUNT];
    uint32_t count;
    aksu_err err;
    while ((err = aksu_tcp_recv_peek(h->site->stack, h->sock, iov, IOV_COUNT, &count)) == AKSU_OK) {
        size_t bytes = 0;
        for (uint32_t i = 0; i < count; i++) bytes += iov[i].bytes;
        (void)aksu_tcp_recv_consume(h->site->stack, h->sock, bytes);
    }
    if (err == AKSU_ERR_AGAIN) return STEP_WAIT;
    end_connection(h, END_BY_FIN);
    return STEP_OVER;
}

static step take_step(struct http *h) {
    if (h->lingering) return drain(h);
    if (h->answering || h->head_sent < h->head_bytes) return send_answer(h);
    switch (http_read_request(h)) {
    case HTTP_READ_SOME:
        if (h->message_done) answer(h);
        return STEP_ON;
    case HTTP_READ_NOTHING: return STEP_WAIT;
    case HTTP_READ_END: break; /* what was asked is answered; half a request is none */
    }
    end_connection(h, END_BY_FIN);
    return STEP_OVER;
}

static void go_on(struct http *h) {
    while (take_step(h) == STEP_ON) {
    }
}

void http_event(struct http *h, const aksu_event *event) {
    if (event->bits & AKSU_EV_CLOSED)
        end_connection(h, END_BY_FIN);
    else
        go_on(h);
}

/* ---------------------------------------------------------------- the site */

/* An answer that says that we have waited long enough. */
static void answer_late(struct http *h) {
    http_upload_drop(h);
    h->status = 408;
    h->keep_alive = false;
    h->message_done = true;
    answer(h);
    go_on(h);
}

static void expire(struct http *h) {
    switch (h->limit) {
    case HTTP_LIMIT_IDLE:
        begin_linger(h);
        go_on(h);
        return;
    case HTTP_LIMIT_HEAD: answer_late(h); return;
    case HTTP_LIMIT_TRANSFER:
        if (h->moved_bytes >= h->site->limit_us[HTTP_LIMIT_TRANSFER] / 1000000 * HTTP_RATE_MIN)
            http_set_body_limit(h);
        else if (h->answering)
            end_connection(h, END_BY_RST);
        else
            answer_late(h);
        return;
    case HTTP_LIMIT_LINGER: end_connection(h, END_BY_FIN); return;
    case HTTP_LIMITS: return;
    }
}

void http_site_expire(http_site *site, uint64_t now_us) {
    for (int i = 0; i < HTTP_LIMITS; i++) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a connection that ends leaves its queue first
        while (site->queue[i].first != NULL && site->queue[i].first->deadline_us <= now_us)
            expire(site->queue[i].first);
    }
}

void http_site_stop(http_site *site) {
    site->stopping = true;
    struct http *next;
    for (struct http *h = site->queue[HTTP_LIMIT_IDLE].first; h != NULL; h = next) {
        next = h->later;
        begin_linger(h);
        go_on(h);
    }
}

void http_site_abort(http_site *site) {
    for (int i = 0; i < HTTP_LIMITS; i++) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above
        while (site->queue[i].first != NULL) end_connection(site->queue[i].first, END_BY_RST);
    }
}

bool http_site_empty(const http_site *site) {
    for (int i = 0; i < HTTP_LIMITS; i++) {
        if (site->queue[i].first != NULL) return false;
    }
    return true;
}
