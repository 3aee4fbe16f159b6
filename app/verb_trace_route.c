/* aksu trace-route: the routers on the way to a host.  UDP datagrams with growing TTL to ports where nobody listens:
 * each router that lets one die says so, and the host that nobody has the port. */
#include <string.h>

#include "aksu/udp.h"
#include "app/app.h"

enum { PROBES_MAX = 16, FIRST_PORT = 33434, DEFAULT_BYTES = 32, DATA_MAX = 65507, RETRY_US = 1000 };

struct probe {
    aksu_sock sock;
    uint64_t sent_us, back_us; /* back 0: not yet */
    bool open;
    aksu_udp_error error;
};

struct trace_route {
    app_session session;
    aksu_addr host;
    uint32_t count, bytes;
    uint64_t wait_us, until_us;
    uint8_t ttl, ttl_max;
    uint16_t port;
    struct probe probe[PROBES_MAX];
    uint32_t sent; /* of this hop's */
    bool reached, over;
    int status;
};

static const uint8_t data[DATA_MAX];

static void stop(struct trace_route *t) {
    t->over = true;
    aksu_loop_stop(t->session.host.loop);
}

static void close_probe(struct trace_route *t, struct probe *probe) {
    if (probe->open) (void)aksu_udp_close(t->session.host.stack, probe->sock);
    probe->open = false;
}

/* One line: each address once, behind it how long its answers took. */
static void print_hop(const struct trace_route *t) {
    (void)printf("%2u ", t->ttl);
    const aksu_addr *shown = NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct probe *probe = &t->probe[i];
        if (probe->back_us == 0) {
            (void)printf(" *");
            continue;
        }
        if (shown == NULL || !aksu_addr_equal(shown, &probe->error.from)) {
            char text[AKSU_ADDR_TEXT_BYTES];
            (void)aksu_addr_format(&probe->error.from, text, sizeof text);
            (void)printf(" %s", text);
        }
        shown = &probe->error.from;
        (void)printf(" %.3f ms", (double)(probe->back_us - probe->sent_us) / 1000);
        aksu_reason reason = probe->error.reason;
        bool plain =
            reason == AKSU_REASON_TTL_EXCEEDED || reason == AKSU_REASON_PORT_UNREACHABLE || reason == AKSU_REASON_NONE;
        if (!plain) (void)printf(" (%s)", aksu_reason_text(reason));
    }
    (void)printf("\n");
    (void)fflush(stdout);
}

static bool hop_done(const struct trace_route *t) {
    for (uint32_t i = 0; i < t->count; i++) {
        if (i >= t->sent || t->probe[i].open) return false;
    }
    return true;
}

/* Whether it ends here: the host has answered, or a router lets nobody through. */
static bool is_last(struct trace_route *t) {
    bool last = t->ttl == t->ttl_max;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct probe *probe = &t->probe[i];
        if (probe->back_us == 0 || probe->error.reason == AKSU_REASON_TTL_EXCEEDED) continue;
        last = true;
        t->reached |= aksu_addr_equal(&probe->error.from, &t->host);
    }
    return last;
}

static bool send_probe(struct trace_route *t, uint64_t now_us) {
    struct probe *probe = &t->probe[t->sent];
    aksu_udp_open open = {.struct_bytes = sizeof open, .user = t->sent, .ttl = t->ttl};
    open.remote = (aksu_endpoint){.addr = t->host, .port = t->port};
    *probe = (struct probe){.sent_us = now_us};
    aksu_err err = aksu_udp_bind(t->session.host.stack, &open, &probe->sock);
    if (err == AKSU_OK) {
        probe->open = true;
        err = aksu_udp_send(t->session.host.stack, probe->sock, NULL, data, t->bytes);
    }
    if (err == AKSU_OK) {
        t->sent++;
        t->port++;
        return true;
    }
    close_probe(t, probe);
    if (err == AKSU_ERR_AGAIN) return false;
    app_say("%s", err == AKSU_ERR_INVALID ? "that is not the address of one host" : aksu_err_text(err));
    t->status = APP_USAGE;
    stop(t);
    return false;
}

static void on_alarm(void *user, uint64_t now_us);

static void begin_hop(struct trace_route *t, uint64_t now_us) {
    t->sent = 0;
    memset(t->probe, 0, sizeof t->probe);
    t->until_us = now_us + t->wait_us;
}

/* Sends what is left of this hop; goes on to the next once all are back, or their time is up. */
static void go_on(struct trace_route *t, uint64_t now_us) {
    while (!t->over) {
        while (t->sent < t->count && send_probe(t, now_us)) continue;
        if (t->over) return;
        bool all_sent = t->sent == t->count;
        if (!hop_done(t) && (!all_sent || now_us < t->until_us)) {
            aksu_loop_alarm(t->session.host.loop, all_sent ? t->until_us : now_us + RETRY_US, on_alarm, t);
            return;
        }
        for (uint32_t i = 0; i < t->count; i++) close_probe(t, &t->probe[i]);
        print_hop(t);
        if (is_last(t)) {
            stop(t);
            return;
        }
        t->ttl++;
        begin_hop(t, now_us);
    }
}

static void on_alarm(void *user, uint64_t now_us) {
    go_on(user, now_us);
}

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct trace_route *t = user;
    uint64_t now_us = aksu_host_now_us();
    struct probe *probe = &t->probe[event->user];
    if (!probe->open || event->sock.slot != probe->sock.slot || event->sock.generation != probe->sock.generation)
        return;
    if (aksu_udp_error_take(stack, probe->sock, &probe->error) != AKSU_OK) {
        if ((event->bits & AKSU_EV_READABLE) == 0) return;
        probe->error = (aksu_udp_error){.from = t->host}; /* somebody listens there, and answers */
    }
    probe->back_us = now_us;
    close_probe(t, probe);
    go_on(t, now_us);
}

static void on_turn(void *user, aksu_stack *stack, uint64_t now_us) {
    const struct trace_route *t = user;
    (void)stack;
    (void)now_us;
    app_views_flush(t->session.views);
}

static bool prepare(struct trace_route *t, const app_options *options) {
    const app_probe_options *probe = &options->probe;
    if (probe->count > PROBES_MAX) {
        app_say("--count '%llu' is more than %d probes for each hop", (unsigned long long)probe->count, PROBES_MAX);
        return false;
    }
    t->count = probe->count != 0 ? (uint32_t)probe->count : 3;
    t->wait_us = (probe->wait_ms != 0 ? probe->wait_ms : 1000) * 1000;
    t->bytes = probe->size_given ? probe->size_bytes : DEFAULT_BYTES;
    t->ttl = 1;
    t->ttl_max = probe->ttl != 0 ? probe->ttl : 30;
    t->port = FIRST_PORT;
    return app_host_of(options, options->argument[0], &t->host);
}

static int run(app_options *options) {
    static struct trace_route state;
    struct trace_route *t = &state;
    if (!prepare(t, options)) return APP_USAGE;
    options->quiet = true; /* what is printed is the answer */
    options->host.on_event = on_event;
    options->host.on_turn = on_turn;
    options->host.user = t;
    int status = app_session_open(options, &t->session);
    if (status != APP_OK) return status;
    aksu_advance(t->session.host.stack, aksu_host_now_us());
    begin_hop(t, aksu_host_now_us());
    aksu_loop_alarm(t->session.host.loop, aksu_host_now_us(), on_alarm, t);
    aksu_host_error error;
    if (aksu_loop_run(t->session.host.loop, &error) < 0) {
        app_say("%s", error.text);
        t->status = APP_NETWORK;
    }
    app_session_close(&t->session);
    return t->status != APP_OK ? t->status : t->reached ? APP_OK : APP_NETWORK;
}

const app_verb app_verb_trace_route = {
    .name = "trace-route",
    .arguments = "HOST",
    .summary = "the routers on the way to a host",
    .help = "Sends UDP datagrams with TTL 1, 2, 3 ... and prints who lets them die, until the host itself answers.\n"
            "Exit status: 0 the host was reached; 1 it was not; 2 wrong usage.\n"
            "  --count N              probes for each hop, 1 to 16 (3)\n"
            "  --wait MS              time for their answers (1000)\n"
            "  --size BYTES           data in each (32)\n"
            "  --ttl N                hops at most, 1 to 255 (30)\n\n"
            "examples:\n"
            "  aksu trace-route 192.0.2.1\n"
            "  aksu trace-route --dev tap:lan0 --address 10.0.0.2/24 --gateway 10.0.0.1 198.51.100.9\n",
    .run = run,
    .argument_min = 1,
    .argument_max = 1,
    .probes = true,
};
