/* aksu serve: files over HTTP/1.1 from our own stack. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"

struct serve {
    app_session session;
    http_site site;
    aksu_sock listener;
    app_progress progress;
};

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct serve *s = user;
    if (event->bits & AKSU_EV_INCOMING) {
        aksu_sock sock;
        while (aksu_tcp_accept(stack, s->listener, &sock) == AKSU_OK) {
            struct http *http = http_open(&s->site, sock);
            if (http == NULL)
                (void)aksu_tcp_abort(stack, sock);
            else
                (void)aksu_sock_set_user(stack, sock, (uint64_t)(uintptr_t)http);
        }
        return;
    }
    if (event->user != 0) (void)http_event((struct http *)(uintptr_t)event->user, event);
}

static void on_turn(void *user, aksu_stack *stack, uint64_t now_us) {
    struct serve *s = user;
    (void)stack;
    app_progress_turn(&s->progress, now_us);
    app_views_flush(s->session.views);
}

static int run(app_options *options) {
    static struct serve serve;
    struct serve *s = &serve;
    int directory = open(options->argument[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        app_say("'%s' is not a directory that can be read", options->argument[0]);
        return APP_USAGE;
    }
    options->host.on_event = on_event;
    options->host.on_turn = on_turn;
    options->host.user = s;
    int status = app_session_open(options, &s->session);
    if (status != APP_OK) {
        (void)close(directory);
        return status;
    }
    s->site = (http_site){.stack = s->session.host.stack,
                          .directory = directory,
                          .writable = options->writable,
                          .quiet = options->quiet,
                          .progress = &s->progress};
    app_progress_open(&s->progress, options->quiet);
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = options->port, .backlog = 1024};
    aksu_advance(s->session.host.stack, aksu_host_now_us());
    aksu_err err = aksu_tcp_listen(s->session.host.stack, &open, &s->listener);
    if (err != AKSU_OK) {
        app_say("port %u: %s", options->port, aksu_err_text(err));
        status = APP_USAGE;
    } else {
        aksu_host_error error;
        char addr[AKSU_ADDR_TEXT_BYTES];
        (void)aksu_addr_format(&options->host.addr, addr, sizeof addr);
        if (!options->quiet)
            (void)fprintf(stderr, "aksu: serving %s at http://%s:%u/\n", options->argument[0], addr, options->port);
        if (aksu_loop_run(s->session.host.loop, &error) < 0) {
            app_say("%s", error.text);
            status = APP_NETWORK;
        }
    }
    app_progress_close(&s->progress);
    app_session_close(&s->session);
    (void)close(directory);
    return status;
}

const app_verb app_verb_serve = {
    .name = "serve",
    .arguments = "DIR",
    .summary = "serve files over HTTP/1.1",
    .help = "Serves the files of a directory: GET with ranges, HEAD, and PUT with --writable.\n"
            "  --port PORT            1 to 65535 (8080)\n"
            "  --writable             PUT makes and replaces files\n\n"
            "examples:\n"
            "  aksu serve .                              then: curl http://192.0.2.2:8080/README.md\n"
            "  aksu serve --writable --port 80 /tmp/up   then: curl -T file http://192.0.2.2/\n"
            "  aksu serve --trace=ladder .               and every segment is drawn\n",
    .run = run,
    .argument_min = 1,
    .argument_max = 1,
};
