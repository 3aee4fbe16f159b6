/* A stack behind a device for a verb: opened, traced, asked about, stopped by signals. */
#include <ifaddrs.h>
#include <netdb.h>
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

bool app_host_of(const app_options *options, const char *name, aksu_addr *ret_addr) {
    bool six = app_has_family(options, /* four= */ false);
    if (aksu_addr_parse(name, ret_addr) == AKSU_OK) {
        if (six || aksu_addr_is_v4(ret_addr)) return true;
        app_say("'%s' is an IPv6 address, and there is none here; add --address and --host-address of IPv6", name);
        return false;
    }
    struct addrinfo hints = {.ai_family = six ? AF_UNSPEC : AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(name, NULL, &hints, &found) != 0 || found == NULL || !app_addr_of(found->ai_addr, ret_addr)) {
        app_say("'%s' is no address and no name that resolves to %s", name, six ? "one" : "IPv4");
        return false;
    }
    freeaddrinfo(found);
    return true;
}

static bool has(const aksu_host_addr places[AKSU_HOST_ADDRS], const aksu_addr *addr) {
    for (size_t i = 0; i < AKSU_HOST_ADDRS; i++) {
        if (aksu_addr_equal(&places[i].addr, addr)) return true;
    }
    return false;
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

/* The verb hears of nothing before the session is ready. */
static void forward_event(void *user, aksu_stack *stack, const aksu_event *event) {
    const app_session *session = user;
    if (app_lease_event(session->lease, event)) return;
    if (session->ready && session->on_event != NULL) session->on_event(session->verb, stack, event);
}

static void forward_turn(void *user, aksu_stack *stack, uint64_t now_us) {
    const app_session *session = user;
    app_lease_turn(session->lease, now_us);
    if (session->ready && session->on_turn != NULL) session->on_turn(session->verb, stack, now_us);
}

/* ---------------------------------------------------------------- addresses of an Ethernet link */

static bool is_link_local(const aksu_addr *addr) {
    return addr->byte[0] == 0xfe && (addr->byte[1] & 0xc0) == 0x80;
}

/* How the addresses stand: APP_OK when all that are ours to choose are in use and, if there is nothing else, a router
 * has given one; APP_NETWORK, and a line is said, if one is taken; -1: not yet. */
static int addresses_stand(const app_options *options, const app_session *session) {
    uint32_t cursor = 0;
    aksu_addr_info info;
    bool any = false, waits = false;
    while (aksu_addr_next(session->host.stack, &cursor, &info)) {
        char text[AKSU_ADDR_TEXT_BYTES];
        (void)aksu_addr_format(&info.addr, text, sizeof text);
        if (info.state == AKSU_ADDR_DUPLICATE && !info.automatic && session->lease == NULL) {
            app_say("%s is taken by another host on %s; choose another by --address", text,
                    session->host.driver->device);
            return APP_NETWORK;
        }
        waits |= info.state == AKSU_ADDR_TENTATIVE;
        any |= info.state == AKSU_ADDR_PREFERRED && !is_link_local(&info.addr);
    }
    if (waits || (session->lease != NULL && !app_lease_held(session->lease))) return -1;
    return any || options->host.tun.ether.autoconf == AKSU_AUTOCONF_OFF ? APP_OK : -1;
}

static int wait_for_addresses(const app_options *options, app_session *session) {
    enum { WAIT_US = 15000000, TURN_US = 100000 };
    uint64_t until_us = aksu_host_now_us() + WAIT_US;
    aksu_host_error error;
    int status = addresses_stand(options, session);
    while (status < 0 && session->stop_count == 0) {
        if (aksu_host_now_us() > until_us) {
            app_say("no %s on %s has given an address", session->lease != NULL ? "DHCP server" : "router",
                    session->host.driver->device);
            return APP_NETWORK;
        }
        if (aksu_loop_turn(session->host.loop, TURN_US, &error) < 0) {
            app_say("%s", error.text);
            return APP_NETWORK;
        }
        app_views_flush(session->views);
        status = addresses_stand(options, session);
    }
    return status < 0 ? 128 + SIGINT : status;
}

/* ---------------------------------------------------------------- opening */

static void say_addresses(const app_options *options, const app_session *session) {
    const char *device = session->host.driver->device;
    uint32_t cursor = 0;
    aksu_addr_info info;
    char ours[AKSU_ADDR_TEXT_BYTES], kernel[AKSU_ADDR_TEXT_BYTES];
    while (aksu_addr_next(session->host.stack, &cursor, &info)) {
        if (info.automatic && is_link_local(&info.addr)) continue;
        (void)aksu_addr_format(&info.addr, ours, sizeof ours);
        const aksu_addr *kernels = NULL;
        for (size_t i = 0; i < AKSU_HOST_ADDRS && kernels == NULL; i++) {
            const aksu_addr *one = &options->host.tun.host_addr[i].addr;
            if (!aksu_addr_is_any(one) && aksu_addr_is_v4(one) == aksu_addr_is_v4(&info.addr)) kernels = one;
        }
        if (kernels != NULL) (void)aksu_addr_format(kernels, kernel, sizeof kernel);
        (void)fprintf(stderr, "aksu: %s on %s%s%s\n", ours, device, kernels != NULL ? ", the kernel is " : "",
                      kernels != NULL ? kernel : "");
    }
}

/* Of a session that is open; on failure the caller closes it. */
static int make_ready(app_options *options, app_session *session) {
    aksu_host_error error;
    if (app_views_any(options)) aksu_trace_set(session->host.stack, app_views_sink, session->views);
    session->control = app_control_open(session->host.loop, session->host.driver);
    if (aksu_loop_signal(session->host.loop, SIGINT, on_signal, session, &error) < 0 ||
        aksu_loop_signal(session->host.loop, SIGTERM, on_signal, session, &error) < 0) {
        app_say("%s", error.text);
        return APP_USAGE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (options->dhcp && (session->lease = app_lease_open(options, &session->host)) == NULL) {
        app_say("no memory, or no descriptors");
        return APP_NETWORK;
    }
    int status = app_is_ethernet(options) ? wait_for_addresses(options, session) : APP_OK;
    if (status == APP_OK && !options->quiet) say_addresses(options, session);
    return status;
}

int app_session_open(app_options *options, app_session *session) {
    aksu_host_error error;
    if (!addresses_are_free(options)) return APP_USAGE;
    session->views = app_views_open(options);
    if (session->views == NULL) return APP_USAGE;
    session->on_event = options->host.on_event;
    session->on_turn = options->host.on_turn;
    session->verb = options->host.user;
    options->host.on_event = forward_event;
    options->host.on_turn = forward_turn;
    options->host.user = session;
    int code = aksu_host_open(&options->host, &session->host, &error);
    if (code < 0) {
        app_say("%s", error.text);
        app_views_close(session->views);
        return APP_USAGE;
    }
    int status = make_ready(options, session);
    if (status != APP_OK) {
        app_session_close(session);
        return status;
    }
    session->ready = true;
    return APP_OK;
}

void app_session_close(app_session *session) {
    app_lease_close(session->lease);
    app_control_close(session->control);
    if (session->host.stack != NULL) aksu_trace_set(session->host.stack, NULL, NULL);
    app_views_close(session->views);
    aksu_host_close(&session->host);
}
