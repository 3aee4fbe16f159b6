/* A stack behind a TUN device for a verb: opened, traced, asked about, stopped by signals. */
#include <ifaddrs.h>
#include <netinet/in.h>
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

bool app_addr_of(const struct sockaddr *from, aksu_addr *ret_addr) {
    if (from != NULL && from->sa_family == AF_INET) {
        const uint8_t *b = (const uint8_t *)&((const struct sockaddr_in *)(const void *)from)->sin_addr;
        *ret_addr = aksu_addr_v4(b[0], b[1], b[2], b[3]);
        return true;
    }
    if (from == NULL || from->sa_family != AF_INET6) return false;
    memcpy(ret_addr->byte, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, sizeof ret_addr->byte);
    return true;
}

static bool has(const aksu_host_addr places[AKSU_HOST_ADDRS], const aksu_addr *addr) {
    return aksu_addr_equal(&places[0].addr, addr) || aksu_addr_equal(&places[1].addr, addr);
}

/* Addresses that are taken make a session that nobody reaches: the kernel would answer ours itself, and sends to its
 * own over the device that had it first.  That is how a second instance shows. */
static bool addresses_are_free(const app_options *options) {
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0) return true; /* not known: the session will show */
    const char *device = options->host.tun.name != NULL ? options->host.tun.name : "";
    bool is_free = true;
    for (const struct ifaddrs *at = list; at != NULL && is_free; at = at->ifa_next) {
        aksu_addr addr;
        if (!app_addr_of(at->ifa_addr, &addr)) continue;
        bool kernels = has(options->host.tun.host_addr, &addr) && strcmp(at->ifa_name, device) != 0;
        if (!has(options->host.addr, &addr) && !kernels) continue;
        char text[AKSU_ADDR_TEXT_BYTES];
        (void)aksu_addr_format(&addr, text, sizeof text);
        app_say("%s is in use on the device %s; choose others by --address and --host-address", text, at->ifa_name);
        is_free = false;
    }
    freeifaddrs(list);
    return is_free;
}

int app_session_open(app_options *options, app_session *session) {
    aksu_host_error error;
    if (!addresses_are_free(options)) return APP_USAGE;
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
    for (size_t i = 0; i < AKSU_HOST_ADDRS && !options->quiet; i++) {
        char ours[AKSU_ADDR_TEXT_BYTES], kernel[AKSU_ADDR_TEXT_BYTES];
        if (aksu_addr_is_any(&options->host.addr[i].addr)) continue;
        (void)aksu_addr_format(&options->host.addr[i].addr, ours, sizeof ours);
        (void)aksu_addr_format(&options->host.tun.host_addr[i].addr, kernel, sizeof kernel);
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
