/* aksu connect and aksu listen: standard input to the peer, the peer to standard output, as netcat does.
 *
 * Each direction ends by itself: the end of input sends a FIN and the peer may go on; the peer's FIN closes our output
 * and we may go on.  Nothing is read that cannot be passed on, so both sides feel the other's pace. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "app/app.h"

enum { IOV_MAX_HERE = 16, INPUT_BYTES = 65536 };

struct pipe_state {
    app_session session;
    aksu_sock sock, listener;
    aksu_watch *in, *out;
    bool open, in_done, out_done, out_waits, over;
    bool closed; /* the connection is over; what it left may still wait for our output */
    int status;
    int out_flags; /* of the descriptor, to put back */
    app_progress progress;
};

static void finish(struct pipe_state *p, int status) {
    p->over = true;
    p->status = status;
    aksu_loop_stop(p->session.host.loop);
}

static void end_of_input(struct pipe_state *p) {
    p->in_done = true;
    aksu_loop_unwatch(p->session.host.loop, p->in);
    p->in = NULL;
    (void)aksu_tcp_shutdown(p->session.host.stack, p->sock);
}

/* As much input as there is room for; straight into the send buffer. */
static void on_input(void *user, int fd, unsigned ready) {
    struct pipe_state *p = user;
    (void)ready;
    aksu_iov iov[IOV_MAX_HERE];
    uint32_t count;
    aksu_err err = aksu_tcp_send_reserve(p->session.host.stack, p->sock, INPUT_BYTES, iov, IOV_MAX_HERE, &count);
    if (err != AKSU_OK) { /* no room: WRITABLE will tell; or over: CLOSED will */
        aksu_loop_rewatch(p->session.host.loop, p->in, 0);
        return;
    }
    struct iovec to[IOV_MAX_HERE];
    for (uint32_t i = 0; i < count; i++) to[i] = (struct iovec){.iov_base = iov[i].base, .iov_len = iov[i].bytes};
    ssize_t n = readv(fd, to, (int)count);
    (void)aksu_tcp_send_commit(p->session.host.stack, p->sock, n > 0 ? (size_t)n : 0, 0);
    if (n > 0) p->progress.sent_bytes += (uint64_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) end_of_input(p);
}

static void watch_input(struct pipe_state *p) {
    if (p->in_done || !p->open) return;
    if (p->in != NULL) {
        aksu_loop_rewatch(p->session.host.loop, p->in, AKSU_WATCH_READ);
        return;
    }
    aksu_watch_config watch = {.fd = STDIN_FILENO, .interest = AKSU_WATCH_READ, .on_ready = on_input, .user = p};
    if (aksu_loop_watch(p->session.host.loop, &watch, &p->in, NULL) < 0) {
        p->in_done = true; /* no standard input: nothing to send */
        (void)aksu_tcp_shutdown(p->session.host.stack, p->sock);
    }
}

static void pass_on(struct pipe_state *p);

static void on_output_ready(void *user, int fd, unsigned ready) {
    struct pipe_state *p = user;
    (void)fd;
    (void)ready;
    aksu_loop_unwatch(p->session.host.loop, p->out);
    p->out = NULL;
    p->out_waits = false;
    pass_on(p);
    if (p->closed && !p->out_waits) finish(p, APP_OK);
}

/* Output takes no more now: go on when it does. */
static void wait_for_output(struct pipe_state *p) {
    aksu_watch_config watch = {
        .fd = STDOUT_FILENO, .interest = AKSU_WATCH_WRITE, .on_ready = on_output_ready, .user = p};
    p->out_waits = aksu_loop_watch(p->session.host.loop, &watch, &p->out, NULL) == 0;
}

/* What has come, straight out of the receive buffer. */
static void pass_on(struct pipe_state *p) {
    aksu_stack *stack = p->session.host.stack;
    aksu_iov iov[IOV_MAX_HERE];
    uint32_t count;
    aksu_err err;
    while (!p->out_waits && (err = aksu_tcp_recv_peek(stack, p->sock, iov, IOV_MAX_HERE, &count)) == AKSU_OK) {
        struct iovec from[IOV_MAX_HERE];
        for (uint32_t i = 0; i < count; i++) from[i] = (struct iovec){.iov_base = iov[i].base, .iov_len = iov[i].bytes};
        ssize_t n = writev(STDOUT_FILENO, from, (int)count);
        (void)aksu_tcp_recv_consume(stack, p->sock, n > 0 ? (size_t)n : 0);
        if (n > 0) p->progress.received_bytes += (uint64_t)n;
        if (n < 0 && errno == EAGAIN) wait_for_output(p);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            app_say("cannot write to standard output: %s", strerror(errno));
            (void)aksu_tcp_abort(stack, p->sock);
            finish(p, APP_NETWORK);
            return;
        }
    }
    if (!p->out_waits && err == AKSU_ERR_END && !p->out_done) {
        p->out_done = true;
        (void)close(STDOUT_FILENO);
    }
}

static void on_closed(struct pipe_state *p, aksu_reason reason) {
    if (reason == AKSU_REASON_CLOSED) {
        p->closed = true;
        pass_on(p);
        if (!p->out_waits) finish(p, APP_OK);
        return;
    }
    app_say("%s", aksu_reason_text(reason));
    finish(p, APP_NETWORK);
}

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct pipe_state *p = user;
    if (event->bits & AKSU_EV_INCOMING) {
        if (aksu_tcp_accept(stack, p->listener, &p->sock) != AKSU_OK) return;
        (void)aksu_tcp_close(stack, p->listener); /* one connection, as netcat */
        p->open = true;
        watch_input(p);
        return;
    }
    if (event->bits & AKSU_EV_CONNECTED) p->open = true;
    if (event->bits & (AKSU_EV_CONNECTED | AKSU_EV_WRITABLE)) watch_input(p);
    if (event->bits & AKSU_EV_READABLE) pass_on(p);
    if (event->bits & AKSU_EV_CLOSED) on_closed(p, event->reason);
}

static void on_turn(void *user, aksu_stack *stack, uint64_t now_us) {
    struct pipe_state *p = user;
    (void)stack;
    app_progress_turn(&p->progress, now_us);
    app_views_flush(p->session.views);
}

static void on_stop(void *user, int stop_count) {
    struct pipe_state *p = user;
    if (stop_count == 1 && p->open && !p->in_done)
        end_of_input(p);
    else
        finish(p, 128 + SIGINT);
}

/* Frames that the last calls left behind: the ACK of a FIN, a reset.  A peer that is left is told so. */
static void settle(struct pipe_state *p) {
    if (!p->closed) (void)aksu_tcp_abort(p->session.host.stack, p->sock); /* BADSOCK, if there is none, is no matter */
    (void)aksu_loop_turn(p->session.host.loop, 0, NULL);
    app_views_flush(p->session.views);
}

static void say_open_failed(const app_options *options, aksu_err err, bool active) {
    if (active && err == AKSU_ERR_INVALID)
        app_say("'%s' cannot be connected to: it is not the address of one host", options->argument[0]);
    else
        app_say("%s %s: %s", active ? "connect to" : "listen on", options->argument[0], aksu_err_text(err));
}

static int run_pipe(app_options *options, const aksu_tcp_open *open, bool active) {
    static struct pipe_state state;
    struct pipe_state *p = &state;
    p->session.on_stop = on_stop;
    p->session.user = p;
    options->host.on_event = on_event;
    options->host.on_turn = on_turn;
    options->host.user = p;
    int status = app_session_open(options, &p->session);
    if (status != APP_OK) return status;
    app_progress_open(&p->progress, options);
    if (isatty(STDOUT_FILENO)) p->progress.on = false; /* not between what is typed and read */
    aksu_stack *stack = p->session.host.stack;
    aksu_advance(stack, aksu_host_now_us());
    aksu_err err = active ? aksu_tcp_connect(stack, open, &p->sock) : aksu_tcp_listen(stack, open, &p->listener);
    if (err != AKSU_OK) {
        say_open_failed(options, err, active);
        app_session_close(&p->session);
        return APP_USAGE;
    }
    p->out_flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (!isatty(STDOUT_FILENO)) (void)fcntl(STDOUT_FILENO, F_SETFL, p->out_flags | O_NONBLOCK);
    aksu_host_error error;
    if (aksu_loop_run(p->session.host.loop, &error) < 0) {
        app_say("%s", error.text);
        p->status = APP_NETWORK;
    }
    app_progress_close(&p->progress);
    settle(p);
    if (!p->out_done) (void)fcntl(STDOUT_FILENO, F_SETFL, p->out_flags);
    aksu_loop_unwatch(p->session.host.loop, p->in);
    aksu_loop_unwatch(p->session.host.loop, p->out);
    app_session_close(&p->session);
    return p->status;
}

static int run_connect(app_options *options) {
    uint64_t port;
    aksu_tcp_open open = {.struct_bytes = sizeof open};
    if (!app_number("port", options->argument[1], 1, 65535, &port)) return APP_USAGE;
    if (!app_host_of(options, options->argument[0], &open.remote.addr)) return APP_USAGE;
    open.remote.port = (uint16_t)port;
    if (options->udp) return app_udp(options, &open.local, &open.remote);
    return run_pipe(options, &open, /* active= */ true);
}

static int run_listen(app_options *options) {
    uint64_t port;
    if (!app_number("port", options->argument[0], 1, 65535, &port)) return APP_USAGE;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = (uint16_t)port, .backlog = 1};
    if (options->udp) return app_udp(options, &open.local, &open.remote);
    return run_pipe(options, &open, /* active= */ false);
}

const app_verb app_verb_connect = {
    .name = "connect",
    .arguments = "HOST PORT",
    .summary = "standard input and output to a TCP port, as netcat",
    .help = "Connects and passes standard input to the peer and the peer to standard output, half-close kept.\n"
            "Exit status: 0 closed in order; 1 refused, reset, timed out, unreachable; 2 wrong usage.\n"
            "  --udp                  datagrams: one for each read of standard input, each answer to standard output\n"
            "  --wait MS              with --udp: end after so long without an answer, once input has ended (1000)\n\n"
            "examples:\n"
            "  aksu connect 192.0.2.1 80\n"
            "  aksu connect --trace=ladder 192.0.2.1 7 < file\n"
            "  aksu connect --address 2001:db8::2/64 --host-address 2001:db8::1 2001:db8::1 80\n"
            "  aksu connect --udp 192.0.2.1 7\n",
    .run = run_connect,
    .datagrams = true,
    .argument_min = 2,
    .argument_max = 2,
};

const app_verb app_verb_listen = {
    .name = "listen",
    .arguments = "PORT",
    .summary = "the same for one connection that comes in",
    .help = "Waits for one connection and passes standard input and output, half-close kept.\n"
            "  --udp                  datagrams of the first who sends one\n"
            "  --wait MS              with --udp: end after so long without a datagram, once one has come (no end)\n\n"
            "examples:\n"
            "  aksu listen 7000 > received\n"
            "  nc -N 192.0.2.2 7000 < file      on the kernel's side\n",
    .run = run_listen,
    .datagrams = true,
    .argument_min = 1,
    .argument_max = 1,
};
