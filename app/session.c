/* A stack behind a TUN device for a verb: opened, traced, asked about, stopped by signals. */
#include <signal.h>
#include <string.h>

#include "app/app.h"

static void on_signal(void *user, int signal_number) {
    app_session *session = user;
    (void)signal_number;
    session->stop_count++;
    if (session->on_stop != NULL)
        session->on_stop(session->user, session->stop_count);
    else
        aksu_loop_stop(session->host.loop);
}

int app_session_open(app_options *options, app_session *session) {
    aksu_host_error error;
    session->views = app_views_open(options);
    if (session->views == NULL) return APP_USAGE;
    int code = aksu_host_open(&options->host, &session->host, &error);
    if (code < 0) {
        app_say("%s", error.text);
        app_views_close(session->views);
        return APP_USAGE;
    }
    if (app_views_any(options)) aksu_trace_set(session->host.stack, app_views_sink, session->views);
    session->control = app_control_open(session->host.loop, aksu_tun_name(session->host.driver));
    if (aksu_loop_signal(session->host.loop, SIGINT, on_signal, session, &error) < 0 ||
        aksu_loop_signal(session->host.loop, SIGTERM, on_signal, session, &error) < 0) {
        app_say("%s", error.text);
        app_session_close(session);
        return APP_USAGE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (!options->quiet) {
        char ours[AKSU_ADDR_TEXT_BYTES], kernel[AKSU_ADDR_TEXT_BYTES];
        (void)aksu_addr_format(&options->host.addr, ours, sizeof ours);
        (void)aksu_addr_format(&options->host.tun.host_addr, kernel, sizeof kernel);
        (void)fprintf(stderr, "aksu: %s on %s, the kernel is %s\n", ours, aksu_tun_name(session->host.driver), kernel);
    }
    return APP_OK;
}

void app_session_close(app_session *session) {
    app_control_close(session->control);
    if (session->host.stack != NULL) aksu_trace_set(session->host.stack, NULL, NULL);
    app_views_close(session->views);
    aksu_host_close(&session->host);
}
