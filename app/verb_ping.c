/* aksu ping: ICMP echo requests from our own stack, and what comes back. */
#include <stdlib.h>
#include <string.h>

#include "aksu/udp.h"
#include "app/app.h"

enum { REMEMBERED = 1024, DEFAULT_BYTES = 56, DATA_MAX = 65535, RETRY_US = 1000 };

struct ping {
    app_session session;
    aksu_sock sock;
    const char *host;
    uint64_t count, sent, received; /* count 0: until a signal */
    uint64_t interval_us, wait_us;
    uint64_t next_us; /* when the next request goes, or we stop waiting */
    uint32_t bytes;
    uint8_t data[DATA_MAX], answer[DATA_MAX];
    struct {
        uint64_t sent_us; /* 0: answered, or nothing */
    } request[REMEMBERED];
    double least_ms, most_ms, sum_ms;
    int status;
};

static double ms_of(uint64_t us) {
    return (double)us / 1000;
}

/* The request that a sequence number means: the last one that had it. */
static uint64_t *sent_of(struct ping *p, uint16_t sequence) {
    return &p->request[sequence % REMEMBERED].sent_us;
}

static void took(struct ping *p, double ms) {
    if (p->received == 0 || ms < p->least_ms) p->least_ms = ms;
    if (p->received == 0 || ms > p->most_ms) p->most_ms = ms;
    p->sum_ms += ms;
    p->received++;
}

static void take_answers(struct ping *p, uint64_t now_us) {
    size_t bytes;
    aksu_udp_from from;
    while (aksu_udp_recv(p->session.host.stack, p->sock, p->answer, sizeof p->answer, &bytes, &from) == AKSU_OK) {
        char text[AKSU_ADDR_TEXT_BYTES];
        (void)aksu_addr_format(&from.remote.addr, text, sizeof text);
        uint64_t *sent_us = sent_of(p, from.remote.port);
        (void)printf("%zu bytes from %s: seq %u ttl %u ", bytes, text, from.remote.port, from.ttl);
        if (*sent_us == 0) {
            (void)printf("not asked for\n"); /* twice, or too late to know */
            continue;
        }
        double ms = ms_of(now_us - *sent_us);
        *sent_us = 0;
        bool same = bytes == p->bytes && memcmp(p->answer, p->data, bytes) == 0;
        (void)printf("%.3f ms%s\n", ms, same ? "" : ", not what was sent");
        took(p, ms);
    }
}

static void take_error(struct ping *p) {
    aksu_udp_error error;
    if (aksu_udp_error_take(p->session.host.stack, p->sock, &error) != AKSU_OK) return;
    char text[AKSU_ADDR_TEXT_BYTES];
    (void)aksu_addr_format(&error.from, text, sizeof text);
    (void)printf("from %s: seq %u %s", text, error.sequence, aksu_reason_text(error.reason));
    if (error.reason == AKSU_REASON_PACKET_TOO_BIG) (void)printf(", at most %u bytes", error.mtu);
    (void)printf("\n");
    *sent_of(p, error.sequence) = 0;
}

static bool all_sent(const struct ping *p) {
    return p->count != 0 && p->sent == p->count;
}

static bool any_open(const struct ping *p) {
    for (size_t i = 0; i < REMEMBERED; i++) {
        if (p->request[i].sent_us != 0) return true;
    }
    return false;
}

static void on_alarm(void *user, uint64_t now_us);

/* Sets the alarm for what comes next, or ends it. */
static void go_on(struct ping *p, uint64_t now_us) {
    if (all_sent(p) && (now_us >= p->next_us || !any_open(p)))
        aksu_loop_stop(p->session.host.loop);
    else
        aksu_loop_alarm(p->session.host.loop, p->next_us, on_alarm, p);
}

static void send_one(struct ping *p, uint64_t now_us) {
    uint16_t sequence = (uint16_t)(p->sent + 1);
    aksu_err err = aksu_udp_send(p->session.host.stack, p->sock, NULL, p->data, p->bytes);
    if (err == AKSU_ERR_AGAIN) {
        p->next_us = now_us + RETRY_US;
        return;
    }
    if (err != AKSU_OK) {
        app_say("%s: %s", p->host, aksu_err_text(err));
        p->status = APP_NETWORK;
        aksu_loop_stop(p->session.host.loop);
        return;
    }
    p->sent++;
    *sent_of(p, sequence) = now_us;
    p->next_us = now_us + (all_sent(p) ? p->wait_us : p->interval_us);
}

static void on_alarm(void *user, uint64_t now_us) {
    struct ping *p = user;
    if (!all_sent(p)) send_one(p, now_us);
    go_on(p, now_us);
}

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct ping *p = user;
    (void)stack;
    uint64_t now_us = aksu_host_now_us();
    if (event->bits & AKSU_EV_READABLE) take_answers(p, now_us);
    if (event->bits & AKSU_EV_SOFT_ERROR) take_error(p);
    (void)fflush(stdout);
    go_on(p, now_us);
}

static void on_turn(void *user, aksu_stack *stack, uint64_t now_us) {
    const struct ping *p = user;
    (void)stack;
    (void)now_us;
    app_views_flush(p->session.views);
}

static void summary(const struct ping *p) {
    double lost = p->sent == 0 ? 0 : 100.0 * (double)(p->sent - p->received) / (double)p->sent;
    (void)printf("%s: %llu sent, %llu answered, %.3g %% lost", p->host, (unsigned long long)p->sent,
                 (unsigned long long)p->received, lost);
    if (p->received > 0)
        (void)printf("; round trip %.3f to %.3f ms, in the mean %.3f", p->least_ms, p->most_ms,
                     p->sum_ms / (double)p->received);
    (void)printf("\n");
}

static void prepare(struct ping *p, const app_options *options) {
    const app_probe_options *probe = &options->probe;
    p->host = options->argument[0];
    p->count = probe->count;
    p->interval_us = (probe->interval_ms != 0 ? probe->interval_ms : 1000) * 1000;
    p->wait_us = (probe->wait_ms != 0 ? probe->wait_ms : 1000) * 1000;
    p->bytes = probe->size_given ? probe->size_bytes : DEFAULT_BYTES;
    for (uint32_t i = 0; i < p->bytes; i++) p->data[i] = (uint8_t)i;
}

static int run(app_options *options) {
    static struct ping state;
    struct ping *p = &state;
    aksu_udp_open open = {.struct_bytes = sizeof open, .flags = AKSU_UDP_ECHO, .ttl = options->probe.ttl};
    if (!app_host_of(options, options->argument[0], &open.remote.addr)) return APP_USAGE;
    prepare(p, options);
    options->quiet = true; /* what is printed is the answer */
    options->host.on_event = on_event;
    options->host.on_turn = on_turn;
    options->host.user = p;
    int status = app_session_open(options, &p->session);
    if (status != APP_OK) return status;
    aksu_advance(p->session.host.stack, aksu_host_now_us());
    aksu_err err = aksu_udp_bind(p->session.host.stack, &open, &p->sock);
    aksu_host_error error;
    if (err != AKSU_OK) {
        if (err == AKSU_ERR_INVALID)
            app_say("'%s' is not the address of one host", p->host);
        else
            app_say("%s: %s", p->host, aksu_err_text(err));
        app_session_close(&p->session);
        return APP_USAGE;
    }
    aksu_loop_alarm(p->session.host.loop, aksu_host_now_us(), on_alarm, p);
    if (aksu_loop_run(p->session.host.loop, &error) < 0) {
        app_say("%s", error.text);
        p->status = APP_NETWORK;
    }
    if (p->status == APP_OK) summary(p);
    app_session_close(&p->session);
    return p->status != APP_OK || p->received == 0 ? APP_NETWORK : APP_OK;
}

const app_verb app_verb_ping = {
    .name = "ping",
    .arguments = "HOST",
    .summary = "whether a host answers, and how soon",
    .help = "Asks a host by ICMP or ICMPv6 echo requests until it is interrupted.\n"
            "Exit status: 0 it answered; 1 it did not; 2 wrong usage.\n"
            "  --count N              end after so many requests\n"
            "  --interval MS          time between them (1000)\n"
            "  --wait MS              time for the last answer (1000)\n"
            "  --size BYTES           data in each, 0 to 65507 (56)\n"
            "  --ttl N                TTL or hop limit, 1 to 255 (64)\n\n"
            "examples:\n"
            "  aksu ping 192.0.2.1\n"
            "  aksu ping --count 3 --size 1400 192.0.2.1\n",
    .run = run,
    .argument_min = 1,
    .argument_max = 1,
    .probes = true,
};
