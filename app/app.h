/* What the verbs of the aksu command share: options, the host with its views, the control socket, errors for people. */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>
#include <stdio.h>

#include "aksu/host.h"
#include "aksu/trace.h"

enum { APP_OK = 0, APP_NETWORK = 1, APP_USAGE = 2 }; /* exit status */

#define APP_TRACE_MAX 4

/* What only serve has.  Times of 0: no limit. */
typedef struct app_serve_options {
    bool writable;
    uint16_t port;
    uint64_t upload_max_bytes; /* 0: no limit */
    uint64_t idle_s, header_s, transfer_s, grace_s;
} app_serve_options;

/* What only ping and trace-route have, and wait_ms connect and listen.  0: the verb's own default. */
typedef struct app_probe_options {
    uint64_t count, interval_ms, wait_ms;
    uint32_t size_bytes;
    bool size_given;
    uint8_t ttl;
} app_probe_options;

#define APP_ROUTES_MAX 8u

typedef struct app_options {
    aksu_host_config host;
    aksu_route route[APP_ROUTES_MAX];
    unsigned route_count;
    char device[64]; /* its name, without the words behind it */
    bool mtu_given, dad_given, dhcp;
    const char *trace[APP_TRACE_MAX]; /* ladder, json, pcapng, svg, each perhaps with :FILE */
    unsigned trace_count;
    const char *svg; /* a file's name, or NULL */
    bool quiet, udp;
    app_serve_options serve;
    app_probe_options probe;
    const char *argument[3];
    int argument_count;
} app_options;

/* One verb: what is common to all is parsed for it. */
typedef struct app_verb {
    const char *name, *arguments, *summary, *help;
    int (*run)(app_options *options);
    int argument_min, argument_max;
    bool probes;    /* it takes the options of app_probe_options */
    bool datagrams; /* it takes --udp and --wait */
    bool asks;      /* it has no stack of its own: of the common options it takes --dev alone */
} app_verb;

extern const app_verb app_verb_serve, app_verb_connect, app_verb_listen, app_verb_status, app_verb_resolve;
extern const app_verb app_verb_ping, app_verb_trace_route;

/* Parses argv behind the verb; APP_OK, or what to exit with after something was said.  ret_help: --help was asked for
 * and given. */
int app_options_parse(const app_verb *verb, int argc, char **argv, app_options *ret_options, bool *ret_help);

/* A number from text; false, and one line is said, if it is none or out of range. */
bool app_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);

/* ---- device.c: the device, addresses and gateways.  False: it was said what is wrong.
 * ADDRESS/BITS, or the address alone, into the first place that is free. */
bool app_address(const char *what, const char *text, aksu_host_addr places[AKSU_HOST_ADDRS]);
bool app_device(app_options *options, const char *text);
bool app_gateway(app_options *options, const char *text);
bool app_mac(app_options *options, const char *text);
bool app_autoconf(app_options *options, const char *text); /* NULL: stable */
bool app_is_ethernet(const app_options *options);
/* Whether there is, or may come to be, an address of the family. */
bool app_has_family(const app_options *options, bool four);
/* Fills in what was not given, and sees that it fits together. */
bool app_device_check(app_options *options);

/* "aksu: ..." on stderr. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void app_say(const char *format, ...);

/* ---- udp.c: connect and listen with --udp */
int app_udp(app_options *options, const aksu_endpoint *local, const aksu_endpoint *remote);

/* ---- progress.c: bytes and rate of long transfers on stderr, where that is a terminal */
typedef struct app_progress {
    bool on, shown;
    uint64_t sent_bytes, received_bytes; /* the application adds to them */
    uint64_t seen_bytes, shown_bytes;
    uint64_t began_us, moved_us, shown_us;
} app_progress;
void app_progress_open(app_progress *progress, const app_options *options);
void app_progress_turn(app_progress *progress, uint64_t now_us); /* at each turn of the loop */
void app_progress_close(app_progress *progress);

/* ---- session.c: a stack behind a TUN device, with views and a control socket */
typedef struct app_session {
    aksu_host host;
    struct app_views *views;
    struct app_control *control;
    int stop_count; /* SIGINT and SIGTERM so far */
    void (*on_stop)(void *user, int stop_count);
    void *user;
    aksu_loop_on_event *on_event; /* the verb's, and its own word */
    aksu_loop_on_turn *on_turn;
    void *verb;
    struct app_lease *lease; /* NULL: none was asked for */
    bool ready;
} app_session;

/* An address of a socket structure; false: of another family, or NULL. */
struct sockaddr;
bool app_addr_of(const struct sockaddr *from, aksu_addr *ret_addr);
/* The host that an argument names: an address, or a name that the machine's resolver knows.  False: it was said why
 * not. */
bool app_host_of(const app_options *options, const char *name, aksu_addr *ret_addr);

/* APP_OK, or APP_USAGE after one line was said. */
int app_session_open(app_options *options, app_session *ret_session);
void app_session_close(app_session *session);

/* ---- lease.c: an address by DHCP */
/* NULL: it cannot be asked for.  Host and options must outlive it. */
struct app_lease *app_lease_open(const app_options *options, const aksu_host *host);
bool app_lease_event(struct app_lease *lease, const aksu_event *event); /* whether it was the lease's; NULL: no */
void app_lease_turn(struct app_lease *lease, uint64_t now_us);          /* at each turn of the loop; NULL is allowed */
bool app_lease_held(const struct app_lease *lease);
void app_lease_close(struct app_lease *lease); /* gives it back */

/* ---- views.c: what --trace asked for */
struct app_views *app_views_open(const app_options *options);
bool app_views_any(const app_options *options);
void app_views_sink(void *user, const aksu_trace_event *event);
void app_views_flush(struct app_views *views);
void app_views_close(struct app_views *views);

/* ---- control.c: the UNIX socket that aksu status asks */
struct app_control *app_control_open(aksu_loop *loop, aksu_driver *driver);
void app_control_close(struct app_control *control);
/* The directory of control sockets; made if make. */
bool app_control_directory(char *buf, size_t cap, bool make);

/* The socket DEVICE.KIND there: a listening one, or -1. */
struct sockaddr_un;
int app_control_listen(const char *device, const char *kind, struct sockaddr_un *ret_name);
/* Takes a client and its request of one line; what is written to the answer closes with it.  NULL: none. */
FILE *app_control_take(int listener, char *ret_request, size_t cap);
/* A connection to the first that answers; device NULL or "": any.  -1: none. */
int app_control_connect(const char *device, const char *kind);
/* Sends the request, prints the answer, closes; APP_OK or APP_NETWORK. */
int app_control_ask(int fd, const char *request);

#endif
