/* connect and listen with --udp: each read of standard input is a datagram, each datagram goes to standard output.
 *
 * A listener's peer is whoever sends first.  Datagrams have no end: connect stops some time after its input has ended,
 * listen after a silence if one was named, both at a signal.  What comes while output is stopped waits in the socket's
 * queue, and beyond that is lost and counted, as UDP is. */
#include "aksu/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"

enum { DATAGRAM_MAX = 65535, WAIT_DEFAULT_US = 1000000, QUEUE_BYTES = 4 << 20 };

struct datagrams {
    app_session session;
    aksu_sock sock;
    aksu_endpoint peer; /* port 0: not known yet */
    bool active;
    aksu_watch *in, *out;
    uint64_t wait_us, moved_us; /* wait 0: no end */
    bool in_done, out_waits;
    uint32_t in_max;              /* the data that one packet holds */
    uint32_t in_bytes, out_bytes; /* of a datagram that waits: for room, or for our output */
    bool in_waits;
    uint8_t input[DATAGRAM_MAX], output[DATAGRAM_MAX];
    int out_flags, status;
};

static void finish(struct datagrams *d, int status) {
    d->status = status;
    aksu_loop_stop(d->session.host.loop);
}

static void on_alarm(void *user, uint64_t now_us) {
    struct datagrams *d = user;
    if (d->wait_us == 0 || (d->active ? !d->in_done : d->peer.port == 0)) return;
    if (now_us >= d->moved_us + d->wait_us)
        finish(d, APP_OK);
    else
        aksu_loop_alarm(d->session.host.loop, d->moved_us + d->wait_us, on_alarm, d);
}

static void moved(struct datagrams *d) {
    d->moved_us = aksu_host_now_us();
    on_alarm(d, d->moved_us);
}

/* ---------------------------------------------------------------- input */

static void send_input(struct datagrams *d) {
    const aksu_endpoint *to = d->active ? NULL : &d->peer;
    aksu_err err = aksu_udp_send(d->session.host.stack, d->sock, to, d->input, d->in_bytes);
    d->in_waits = err == AKSU_ERR_AGAIN;
    if (d->in_waits) return;
    if (err != AKSU_OK) {
        app_say("send: %s", aksu_err_text(err));
        finish(d, APP_NETWORK);
    }
    moved(d);
}

static void on_input(void *user, int fd, unsigned ready) {
    struct datagrams *d = user;
    (void)ready;
    if (d->in_waits) { /* the turn has made room */
        send_input(d);
        return;
    }
    ssize_t n = read(fd, d->input, d->in_max);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) {
        d->in_bytes = (uint32_t)n;
        send_input(d);
        return;
    }
    d->in_done = true;
    aksu_loop_unwatch(d->session.host.loop, d->in);
    d->in = NULL;
    moved(d);
}

static void watch_input(struct datagrams *d) {
    aksu_watch_config watch = {.fd = STDIN_FILENO, .interest = AKSU_WATCH_READ, .on_ready = on_input, .user = d};
    if (aksu_loop_watch(d->session.host.loop, &watch, &d->in, NULL) < 0) d->in_done = true; /* there is none */
}

/* ---------------------------------------------------------------- output */

static void pass_on(struct datagrams *d);

static void on_output_ready(void *user, int fd, unsigned ready) {
    struct datagrams *d = user;
    (void)fd;
    (void)ready;
    aksu_loop_unwatch(d->session.host.loop, d->out);
    d->out = NULL;
    d->out_waits = false;
    pass_on(d);
}

/* The datagram in d->output, whole.  False: it waits, or it is over. */
static bool write_output(struct datagrams *d) {
    while (d->out_bytes > 0) {
        ssize_t n = write(STDOUT_FILENO, d->output, d->out_bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            aksu_watch_config watch = {
                .fd = STDOUT_FILENO, .interest = AKSU_WATCH_WRITE, .on_ready = on_output_ready, .user = d};
            d->out_waits = aksu_loop_watch(d->session.host.loop, &watch, &d->out, NULL) == 0;
            return false;
        }
        if (n < 0) {
            app_say("cannot write to standard output: %s", strerror(errno));
            finish(d, APP_NETWORK);
            return false;
        }
        d->out_bytes -= (uint32_t)n;
        memmove(d->output, d->output + n, d->out_bytes);
    }
    return true;
}

static bool is_peer(struct datagrams *d, const aksu_endpoint *from) {
    if (d->active) return true;
    if (d->peer.port == 0) {
        d->peer = *from;
        watch_input(d);
    }
    return from->port == d->peer.port && aksu_addr_equal(&from->addr, &d->peer.addr);
}

static void pass_on(struct datagrams *d) {
    size_t bytes;
    aksu_udp_from from;
    while (!d->out_waits && write_output(d)) {
        aksu_err err = aksu_udp_recv(d->session.host.stack, d->sock, d->output, sizeof d->output, &bytes, &from);
        if (err != AKSU_OK) return;
        if (!is_peer(d, &from.remote)) continue;
        d->out_bytes = (uint32_t)bytes;
        moved(d);
    }
}

/* ---------------------------------------------------------------- the verb */

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct datagrams *d = user;
    (void)stack;
    if (event->bits & AKSU_EV_READABLE) pass_on(d);
    if ((event->bits & AKSU_EV_SOFT_ERROR) == 0) return;
    app_say("%s", aksu_reason_text(event->reason));
    if (event->reason == AKSU_REASON_PORT_UNREACHABLE) finish(d, APP_NETWORK);
}

static void on_turn(void *user, aksu_stack *stack, uint64_t now_us) {
    const struct datagrams *d = user;
    (void)stack;
    (void)now_us;
    app_views_flush(d->session.views);
}

static void on_stop(void *user, int stop_count) {
    (void)stop_count;
    finish(user, 128 + SIGINT);
}

static aksu_err open_socket(struct datagrams *d, const aksu_endpoint *local, const aksu_endpoint *remote) {
    aksu_udp_open open = {
        .struct_bytes = sizeof open, .local = *local, .remote = *remote, .rcv_buf_bytes = QUEUE_BYTES};
    aksu_advance(d->session.host.stack, aksu_host_now_us());
    return aksu_udp_bind(d->session.host.stack, &open, &d->sock);
}

static void run(struct datagrams *d) {
    if (d->active) watch_input(d);
    d->out_flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (!isatty(STDOUT_FILENO)) (void)fcntl(STDOUT_FILENO, F_SETFL, d->out_flags | O_NONBLOCK);
    aksu_host_error error;
    if (aksu_loop_run(d->session.host.loop, &error) < 0) {
        app_say("%s", error.text);
        d->status = APP_NETWORK;
    }
    (void)fcntl(STDOUT_FILENO, F_SETFL, d->out_flags);
    aksu_loop_unwatch(d->session.host.loop, d->in);
    aksu_loop_unwatch(d->session.host.loop, d->out);
}

int app_udp(app_options *options, const aksu_endpoint *local, const aksu_endpoint *remote) {
    enum { HEADERS_V4 = 28, HEADERS_V6 = 48 };
    static struct datagrams state;
    struct datagrams *d = &state;
    d->active = remote->port != 0;
    d->wait_us = options->probe.wait_ms * 1000;
    if (d->active && d->wait_us == 0) d->wait_us = WAIT_DEFAULT_US;
    d->session.on_stop = on_stop;
    d->session.user = d;
    options->host.on_event = on_event;
    options->host.on_turn = on_turn;
    options->host.user = d;
    int status = app_session_open(options, &d->session);
    if (status != APP_OK) return status;
    aksu_link_config link;
    d->session.host.driver->ops->link_config(d->session.host.driver, &link);
    d->in_max = link.mtu - (app_has_family(options, /* four= */ false) ? HEADERS_V6 : HEADERS_V4);
    aksu_err err = open_socket(d, local, remote);
    if (err == AKSU_OK) {
        run(d);
    } else {
        app_say("%s: %s", options->argument[0],
                err == AKSU_ERR_INVALID ? "not the address of one host" : aksu_err_text(err));
        d->status = APP_USAGE;
    }
    app_session_close(&d->session);
    return d->status;
}
