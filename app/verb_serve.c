/* aksu serve: files over HTTP/1.1 from our own stack.
 *
 * A first SIGINT or SIGTERM ends it in order: no new connections, those without a request are closed by FIN, those with
 * one after its answer, and the process ends when the peers have acknowledged that, or after --grace.  A second
 * one ends it at once, by RST. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/http.h"

enum { LINGER_S = 10 }; /* for a peer that does not close after our FIN */

struct serve {
    app_session session;
    http_site site;
    aksu_sock listener;
    uint64_t grace_us;
    uint64_t stop_by_us; /* UINT64_MAX: not asked to */
    uint64_t alarm_us;
    app_progress progress;
};

static void stop_now(struct serve *s) {
    http_site_abort(&s->site);
    aksu_loop_stop(s->session.host.loop);
}

static void set_alarm(struct serve *s);

static void on_alarm(void *user, uint64_t now_us) {
    struct serve *s = user;
    s->alarm_us = UINT64_MAX;
    http_site_expire(&s->site, now_us);
    if (now_us >= s->stop_by_us) stop_now(s);
    set_alarm(s);
}

static void set_alarm(struct serve *s) {
    uint64_t at_us = http_site_deadline_us(&s->site);
    if (s->stop_by_us < at_us) at_us = s->stop_by_us;
    if (at_us >= s->alarm_us) return; /* one alarm too many is cheaper than one for each segment */
    s->alarm_us = at_us;
    aksu_loop_alarm(s->session.host.loop, at_us, on_alarm, s);
}

static void on_incoming(struct serve *s, aksu_stack *stack) {
    aksu_sock sock;
    while (aksu_tcp_accept(stack, s->listener, &sock) == AKSU_OK) {
        struct http *http = http_open(&s->site, sock);
        if (http == NULL)
            (void)aksu_tcp_abort(stack, sock);
        else
            (void)aksu_sock_set_user(stack, sock, (uint64_t)(uintptr_t)http);
    }
}

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct serve *s = user;
    if (event->bits & AKSU_EV_INCOMING)
        on_incoming(s, stack);
    else if (event->user != 0)
        http_event((struct http *)(uintptr_t)event->user, event);
    set_alarm(s);
}

/* All connections are closed, and the peers know it. */
static bool is_quiet(struct serve *s) {
    aksu_counters counters;
    if (!http_site_empty(&s->site)) return false;
    aksu_counters_get(s->session.host.stack, &counters);
    return counters.tcp_used == 0;
}

static void on_turn(void *user, aksu_stack *stack, uint64_t now_us) {
    struct serve *s = user;
    (void)stack;
    if (s->stop_by_us != UINT64_MAX && is_quiet(s)) aksu_loop_stop(s->session.host.loop);
    app_progress_turn(&s->progress, now_us);
    app_views_flush(s->session.views);
}

static void on_stop(void *user, int stop_count) {
    struct serve *s = user;
    if (stop_count > 1) {
        stop_now(s);
        return;
    }
    s->stop_by_us = aksu_loop_now_us(s->session.host.loop) + s->grace_us;
    (void)aksu_tcp_close(s->session.host.stack, s->listener);
    http_site_stop(&s->site);
    set_alarm(s);
}

static void make_site(struct serve *s, const app_serve_options *options, int directory) {
    s->site = (http_site){
        .stack = s->session.host.stack,
        .loop = s->session.host.loop,
        .directory = directory,
        .progress = &s->progress,
        .writable = options->writable,
        .upload_max_bytes = options->upload_max_bytes,
        .limit_us = {[HTTP_LIMIT_IDLE] = options->idle_s * 1000000,
                     [HTTP_LIMIT_HEAD] = options->header_s * 1000000,
                     [HTTP_LIMIT_TRANSFER] = options->transfer_s * 1000000,
                     [HTTP_LIMIT_LINGER] = LINGER_S * 1000000u},
    };
}

/* APP_OK after the loop has run and ended. */
static int serve_site(struct serve *s, const app_options *options) {
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = options->serve.port, .backlog = 1024};
    aksu_advance(s->session.host.stack, aksu_host_now_us());
    aksu_err err = aksu_tcp_listen(s->session.host.stack, &open, &s->listener);
    if (err != AKSU_OK) {
        app_say("port %u: %s", options->serve.port, aksu_err_text(err));
        return APP_USAGE;
    }
    aksu_host_error error;
    uint32_t cursor = 0;
    aksu_addr_info info;
    while (!options->quiet && aksu_addr_next(s->session.host.stack, &cursor, &info)) {
        char addr[AKSU_ADDR_TEXT_BYTES];
        bool link_local = info.addr.byte[0] == 0xfe && (info.addr.byte[1] & 0xc0) == 0x80;
        if (info.state != AKSU_ADDR_PREFERRED || link_local) continue;
        (void)aksu_addr_format(&info.addr, addr, sizeof addr);
        bool v4 = aksu_addr_is_v4(&info.addr);
        (void)fprintf(stderr, "aksu: serving %s at http://%s%s%s:%u/\n", options->argument[0], v4 ? "" : "[", addr,
                      v4 ? "" : "]", options->serve.port);
    }
    int failed = aksu_loop_run(s->session.host.loop, &error);
    http_site_abort(&s->site);
    if (failed < 0) {
        app_say("%s", error.text);
        return APP_NETWORK;
    }
    (void)aksu_loop_turn(s->session.host.loop, 0, NULL); /* resets that are still to be sent */
    return APP_OK;
}

static int run(app_options *options) {
    static struct serve serve;
    struct serve *s = &serve;
    int directory = open(options->argument[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        app_say("'%s' is not a directory that can be read", options->argument[0]);
        return APP_USAGE;
    }
    s->stop_by_us = s->alarm_us = UINT64_MAX;
    s->grace_us = options->serve.grace_s * 1000000;
    s->session.on_stop = on_stop;
    s->session.user = s;
    options->host.on_event = on_event;
    options->host.on_turn = on_turn;
    options->host.user = s;
    int status = app_session_open(options, &s->session);
    if (status == APP_OK) {
        make_site(s, &options->serve, directory);
        app_progress_open(&s->progress, options);
        status = serve_site(s, options);
        app_progress_close(&s->progress);
        app_session_close(&s->session);
    }
    (void)close(directory);
    return status;
}

const app_verb app_verb_serve = {
    .name = "serve",
    .arguments = "DIR",
    .summary = "serve files over HTTP/1.1",
    .help =
        "Serves the files of a directory: GET with ranges and conditions, HEAD, and PUT with --writable.\n"
        "  --port PORT            1 to 65535 (8080)\n"
        "  --writable             PUT makes and replaces files\n"
        "  --upload-max BYTES     larger uploads are refused; 0: as much as the disk takes (0)\n"
        "  --idle-timeout S       a connection without a request is closed after so long; 0: never (60)\n"
        "  --header-timeout S     for the head of a request to arrive; 0: no limit (20)\n"
        "  --transfer-timeout S   at least 1 KiB a second of a body must move, on average over S; 0: no limit (60)\n"
        "  --grace S              time for open requests after SIGINT or SIGTERM; a second signal ends at once (5)\n\n"
        "examples:\n"
        "  aksu serve .                              then: curl http://192.0.2.2:8080/README.md\n"
        "  aksu serve --writable --port 80 /tmp/up   then: curl -T file http://192.0.2.2/\n"
        "  aksu serve --trace=ladder .               and every segment is drawn\n",
    .run = run,
    .argument_min = 1,
    .argument_max = 1,
};
