/* The application's side of a script: its calls, by name and with their values, on virtual sockets (sockets.h). */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "script/run.h"

enum { LISTEN_PORT = 8080 };

/* A result of a virtual call; false: it would block. */
static bool answers(run_call *c, int64_t result) {
    if (result == VS_BLOCKS) return false;
    c->value = result < 0 ? -1 : result;
    c->err = result < 0 ? (int)-result : 0;
    return true;
}
static bool not_here(run_call *c, const char *what) {
    c->unsupported = true;
    (void)snprintf(c->wrong, sizeof c->wrong, "%s", what);
    return true;
}

static const script_value *argument(const run_call *c, uint32_t index) {
    return index < c->step->arg_count ? &c->step->arg[index] : NULL;
}
static int64_t number(const run_call *c, uint32_t index) {
    const script_value *v = argument(c, index);
    return v != NULL && v->kind == SCRIPT_NUMBER ? v->number : 0;
}
static bool is(const run_call *c, const char *name) {
    return strcmp(c->step->name, name) == 0;
}

/* ---------------------------------------------------------------- opening and closing */

static bool call_socket(run_state *r, run_call *c) {
    bool any = argument(c, 0) != NULL && argument(c, 0)->kind == SCRIPT_ELLIPSIS;
    if (!any && number(c, 0) != AF_INET) return not_here(c, "an address family other than AF_INET");
    if ((number(c, 1) & 0xf) != SOCK_STREAM) return not_here(c, "a socket other than SOCK_STREAM");
    return answers(c, vs_socket(&r->sockets, AF_INET, (int)number(c, 1)));
}

static uint16_t port_of(const script_value *address) {
    const script_value *port =
        address != NULL && address->kind == SCRIPT_STRUCT ? script_member(address, "sin_port") : NULL;
    return port != NULL && port->kind == SCRIPT_NUMBER ? (uint16_t)port->number : LISTEN_PORT;
}

static bool call_bind(run_state *r, run_call *c) {
    return answers(c, vs_bind(&r->sockets, number(c, 0), port_of(argument(c, 1))));
}

static bool call_listen(run_state *r, run_call *c) {
    const vs_fd *fd = vs_fd_of(&r->sockets, number(c, 0));
    if (fd != NULL && fd->port == 0) (void)vs_bind(&r->sockets, number(c, 0), LISTEN_PORT);
    int64_t result = vs_listen(&r->sockets, number(c, 0), number(c, 1));
    if (result == 0) r->numbers.local_port = fd->port;
    return answers(c, result);
}

/* Where a call opens to; the script's numbers begin anew. */
static aksu_endpoint open_to(run_state *r, const run_call *c, uint32_t address) {
    aksu_endpoint remote = {.addr = r->numbers.remote, .port = port_of(argument(c, address))};
    const vs_fd *fd = vs_fd_of(&r->sockets, number(c, 0));
    if (fd == NULL || fd->opened) return remote;
    r->numbers.remote_port = remote.port;
    r->numbers.local_known = false;
    return remote;
}

static bool call_connect(run_state *r, run_call *c) {
    aksu_endpoint remote = open_to(r, c, 1);
    return answers(c, vs_connect(&r->sockets, number(c, 0), &remote));
}

static bool call_accept(run_state *r, run_call *c) {
    bool nonblock = is(c, "accept4") && (number(c, 3) & SOCK_NONBLOCK) != 0;
    return answers(c, vs_accept(&r->sockets, number(c, 0), nonblock));
}

static bool call_end(run_state *r, run_call *c) {
    if (is(c, "close")) return answers(c, vs_close(&r->sockets, number(c, 0)));
    if (is(c, "abort")) return answers(c, vs_abort(&r->sockets, number(c, 0)));
    return answers(c, vs_shutdown(&r->sockets, number(c, 0), (int)number(c, 1)));
}

/* ---------------------------------------------------------------- reading and writing */

static int64_t bytes_of_message(const script_value *message) {
    const script_value *iov = message != NULL ? script_member(message, "msg_iov") : NULL;
    int64_t sum = 0;
    for (uint32_t i = 0; iov != NULL && i < iov->item_count; i++) {
        const script_value *pair = &iov->item[i];
        if (pair->item_count == 2) sum += pair->item[1].number;
    }
    return sum;
}

static bool call_io(run_state *r, run_call *c) {
    int64_t fd = number(c, 0), count = number(c, 2);
    int flags = is(c, "read") || is(c, "write") ? 0 : (int)number(c, 3);
    if (is(c, "read") || is(c, "recv") || is(c, "recvfrom"))
        return answers(c, vs_read(&r->sockets, fd, NULL, count > 0 ? (size_t)count : 0, flags));
    if (is(c, "sendmsg")) {
        count = bytes_of_message(argument(c, 1));
        flags = (int)number(c, 2);
    }
    if (is(c, "sendto") && (flags & MSG_FASTOPEN)) {
        aksu_endpoint remote = open_to(r, c, 4);
        int64_t result = vs_send_open(&r->sockets, fd, &remote);
        if (result < 0) return answers(c, result);
    }
    return answers(c, vs_write(&r->sockets, fd, NULL, count > 0 ? (size_t)count : 0, flags, &c->done_bytes));
}

/* ---------------------------------------------------------------- settings */

static int64_t option_value(const script_value *v) {
    if (v == NULL) return 0;
    if (v->kind == SCRIPT_LIST && v->item_count > 0) return v->item[0].number;
    return v->number;
}

static int64_t member_of(const script_value *v, const char *name, const char *other) {
    const script_value *member = v != NULL ? script_member(v, name) : NULL;
    if (member == NULL && v != NULL) member = script_member(v, other);
    return member != NULL ? member->number : 0;
}

static bool call_setsockopt(run_state *r, run_call *c) {
    const script_value *given = argument(c, 3);
    int64_t value = option_value(given), second = 0;
    if (number(c, 1) == SOL_SOCKET && number(c, 2) == SO_LINGER) {
        value = member_of(given, "onoff", "l_onoff");
        second = member_of(given, "linger", "l_linger");
    }
    int64_t result = vs_setsockopt(&r->sockets, number(c, 0), (int)number(c, 1), (int)number(c, 2), value, second);
    return result == -ENOPROTOOPT ? not_here(c, "this socket option") : answers(c, result);
}

static bool check_number(run_call *c, const script_value *wanted, int64_t got) {
    if (wanted != NULL && wanted->kind != SCRIPT_ELLIPSIS && option_value(wanted) != got)
        (void)snprintf(c->wrong, sizeof c->wrong, "the option is %lld", (long long)got);
    return answers(c, 0);
}

static bool check_info(run_state *r, run_call *c, const script_value *wanted) {
    aksu_tcp_info info;
    int64_t result = vs_info(&r->sockets, number(c, 0), &info);
    for (uint32_t i = 0; result == 0 && wanted != NULL && i < wanted->item_count; i++) {
        int64_t got;
        const script_value *item = &wanted->item[i];
        if (item->name == NULL || !script_tcp_info(item->name, &info, &got))
            return not_here(c, "this member of tcp_info");
        if (item->kind == SCRIPT_NUMBER && item->number != got)
            (void)snprintf(c->wrong, sizeof c->wrong, "%s is %lld", item->name, (long long)got);
    }
    return answers(c, result);
}

static bool call_getsockopt(run_state *r, run_call *c) {
    int64_t got;
    if (number(c, 1) == SOL_TCP && number(c, 2) == TCP_INFO) return check_info(r, c, argument(c, 3));
    int64_t result = vs_getsockopt(&r->sockets, number(c, 0), (int)number(c, 1), (int)number(c, 2), &got);
    if (result == -ENOPROTOOPT) return not_here(c, "this socket option");
    return result < 0 ? answers(c, result) : check_number(c, argument(c, 3), got);
}

static bool call_fcntl(run_state *r, run_call *c) {
    int command = (int)number(c, 1);
    if (command != F_GETFL && command != F_SETFL) return not_here(c, "this fcntl command");
    return answers(c, vs_fcntl(&r->sockets, number(c, 0), command, number(c, 2)));
}

static bool call_ioctl(run_state *r, run_call *c) {
    int64_t got;
    int64_t result = vs_ioctl(&r->sockets, number(c, 0), number(c, 1), &got);
    return result < 0 ? answers(c, result) : check_number(c, argument(c, 2), got);
}

static bool call_poll(run_state *r, run_call *c) {
    const script_value *list = argument(c, 0);
    if (list == NULL || list->kind != SCRIPT_LIST) return not_here(c, "poll without a list of descriptors");
    int64_t ready = 0;
    for (uint32_t i = 0; i < list->item_count; i++) {
        const script_value *fd = script_member(&list->item[i], "fd"), *events = script_member(&list->item[i], "events");
        const script_value *wanted = script_member(&list->item[i], "revents");
        if (fd == NULL || events == NULL) return not_here(c, "poll without fd and events");
        int got = vs_poll(&r->sockets, fd->number, (int)events->number);
        if (got != 0) ready++;
        if (wanted != NULL && wanted->kind == SCRIPT_NUMBER && wanted->number != got)
            (void)snprintf(c->wrong, sizeof c->wrong, "revents of %lld is %#x", (long long)fd->number, (unsigned)got);
    }
    return answers(c, ready == 0 && number(c, 2) < 0 ? VS_BLOCKS : ready);
}

/* ---------------------------------------------------------------- the project's own */

/* The state of the script's connection, or of a descriptor's. */
static aksu_tcp_state state_now(run_state *r, const run_call *c) {
    aksu_tcp_info info;
    if (c->step->arg_count > 0) {
        return vs_info(&r->sockets, number(c, 0), &info) == 0 ? info.state : AK_TCP_CLOSED;
    }
    uint64_t cursor = 0;
    bool listens = false;
    while (aksu_tcp_next(r->sockets.stack, &cursor, &info)) {
        if (info.state == AK_TCP_LISTEN) listens = true;
        bool ours = info.remote.port == r->numbers.remote_port && info.local.port == r->numbers.local_port;
        if (ours && info.state != AK_TCP_CLOSED) return info.state;
    }
    return listens ? AK_TCP_LISTEN : AK_TCP_CLOSED;
}

static bool call_state(run_state *r, run_call *c) {
    const char *got = aksu_tcp_state_name(state_now(r, c));
    const char *wanted = c->step->result_state;
    if (wanted == NULL || strcmp(wanted, got) != 0) (void)snprintf(c->wrong, sizeof c->wrong, "the state is %s", got);
    return answers(c, 0);
}

static bool call_drop(run_state *r, run_call *c) {
    const script_value *name = argument(c, 0);
    aksu_counters counters;
    aksu_counters_get(r->sockets.stack, &counters);
    for (int i = 0; i < AKSU_DROP_COUNT; i++) {
        if (name->text != NULL && strcmp(aksu_drop_name((aksu_drop)i), name->text) == 0)
            return answers(c, (int64_t)counters.drop[i]);
    }
    return not_here(c, "no such reason for a drop");
}

static const struct {
    const char *name;
    bool (*call)(run_state *r, run_call *c);
} calls[] = {
    {"socket", call_socket},
    {"bind", call_bind},
    {"listen", call_listen},
    {"connect", call_connect},
    {"accept", call_accept},
    {"accept4", call_accept},
    {"close", call_end},
    {"shutdown", call_end},
    {"read", call_io},
    {"recv", call_io},
    {"recvfrom", call_io},
    {"write", call_io},
    {"send", call_io},
    {"sendto", call_io},
    {"sendmsg", call_io},
    {"setsockopt", call_setsockopt},
    {"getsockopt", call_getsockopt},
    {"fcntl", call_fcntl},
    {"ioctl", call_ioctl},
    {"poll", call_poll},
    {"state", call_state},
    {"drop", call_drop},
    {"abort", call_end},
};

bool run_call_try(run_state *r, run_call *c) {
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(calls[i].name, c->step->name) == 0) return calls[i].call(r, c);
    }
    c->unsupported = true;
    (void)snprintf(c->wrong, sizeof c->wrong, "the call %.100s", c->step->name);
    return true;
}
