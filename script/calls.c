/* The application's side of a script: system calls on virtual sockets.
 *
 * A call on a blocking descriptor that cannot go on says so, and is tried again after each event; on a non-blocking one
 * it returns EAGAIN.  Errors are those that Linux gives. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "script/run.h"

#ifndef SIOCINQ
#define SIOCINQ 0x541B
#endif
#ifndef SIOCOUTQ
#define SIOCOUTQ 0x5411
#endif

enum { LISTEN_PORT = 8080, IO_MAX = 1 << 20 };

static bool returns(run_call *c, int64_t value) {
    c->value = value;
    c->err = 0;
    return true;
}
static bool fails(run_call *c, int code) {
    c->value = -1;
    c->err = code;
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

static run_fd *fd_of(run_state *r, int64_t fd) {
    return fd >= 0 && fd < RUN_FD_MAX && r->fd[fd].used ? &r->fd[fd] : NULL;
}

static int new_fd(run_state *r) {
    for (int i = RUN_FD_FIRST; i < RUN_FD_MAX; i++) {
        if (r->fd[i].used) continue;
        r->fd[i] = (run_fd){.used = true, .settings = r->config.tcp};
        return i;
    }
    return -1;
}

/* ---------------------------------------------------------------- errors and events */

static int errno_of_reason(aksu_reason reason, aksu_reason detail) {
    switch (reason) {
    case AKSU_REASON_NONE:
    case AKSU_REASON_CLOSED: return 0;
    case AKSU_REASON_RESET: return ECONNRESET;
    case AKSU_REASON_REFUSED: return ECONNREFUSED;
    case AKSU_REASON_TIMED_OUT:
    case AKSU_REASON_USER_TIMEOUT:
    case AKSU_REASON_KEEPALIVE: return ETIMEDOUT;
    case AKSU_REASON_UNREACHABLE:
        return detail == AKSU_REASON_UNREACHABLE ? EHOSTUNREACH : errno_of_reason(detail, AKSU_REASON_UNREACHABLE);
    case AKSU_REASON_ABORTED:
    case AKSU_REASON_EVICTED: return ECONNABORTED;
    case AKSU_REASON_NET_UNREACHABLE: return ENETUNREACH;
    case AKSU_REASON_HOST_UNREACHABLE:
    case AKSU_REASON_PROHIBITED:
    case AKSU_REASON_SOURCE_ROUTE_FAILED:
    case AKSU_REASON_TTL_EXCEEDED: return EHOSTUNREACH;
    case AKSU_REASON_PROTOCOL_UNREACHABLE: return ENOPROTOOPT;
    case AKSU_REASON_PORT_UNREACHABLE: return ECONNREFUSED;
    case AKSU_REASON_PARAMETER_PROBLEM: return EPROTO;
    case AKSU_REASON_PACKET_TOO_BIG: return EMSGSIZE;
    case AKSU_REASON_RETRANSMITTING: return ETIMEDOUT;
    case AKSU_REASON_COUNT: break;
    }
    return 0;
}

bool run_events(run_state *r) {
    aksu_event event;
    bool any = false;
    while (aksu_next_event(r->stack, &event)) {
        any = true;
        if (event.user == 0 || event.user >= RUN_FD_MAX) continue;
        run_fd *fd = &r->fd[event.user];
        if (event.bits & AKSU_EV_CONNECTED) fd->connected = true;
        if ((event.bits & AKSU_EV_CLOSED) == 0) continue;
        aksu_tcp_info info;
        aksu_reason detail = AKSU_REASON_UNREACHABLE;
        if (aksu_tcp_status(r->stack, fd->sock, &info) == AKSU_OK && info.soft_error != AKSU_REASON_NONE)
            detail = info.soft_error;
        fd->over = true;
        fd->so_error = errno_of_reason(event.reason, detail);
    }
    return any;
}

static int take_error(run_fd *fd) {
    int code = fd->so_error;
    fd->so_error = 0;
    return code;
}

/* ---------------------------------------------------------------- opening and closing */

static bool sys_socket(run_state *r, run_call *c) {
    if (number(c, 0) != AF_INET && argument(c, 0)->kind != SCRIPT_ELLIPSIS)
        return not_here(c, "an address family other than AF_INET");
    if ((number(c, 1) & 0xf) != SOCK_STREAM) return not_here(c, "a socket other than SOCK_STREAM");
    int fd = new_fd(r);
    if (fd < 0) return fails(c, ENOMEM);
    r->fd[fd].nonblock = (number(c, 1) & SOCK_NONBLOCK) != 0;
    return returns(c, fd);
}

static uint16_t port_of(const script_value *address, uint16_t otherwise) {
    const script_value *port =
        address != NULL && address->kind == SCRIPT_STRUCT ? script_member(address, "sin_port") : NULL;
    return port != NULL && port->kind == SCRIPT_NUMBER ? (uint16_t)port->number : otherwise;
}

static bool sys_bind(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    if (fd == NULL) return fails(c, EBADF);
    if (fd->opened || fd->port != 0) return fails(c, EINVAL);
    fd->port = port_of(argument(c, 1), LISTEN_PORT);
    return returns(c, 0);
}

static bool sys_listen(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    if (fd == NULL) return fails(c, EBADF);
    int64_t backlog = number(c, 1);
    aksu_tcp_open open = {.struct_bytes = sizeof open,
                          .local = {.port = fd->port != 0 ? fd->port : LISTEN_PORT},
                          .settings = &fd->settings,
                          .user = (uint64_t)number(c, 0),
                          .backlog = backlog < 1 ? 1 : (uint32_t)backlog};
    aksu_err err = aksu_tcp_listen(r->stack, &open, &fd->sock);
    if (err == AKSU_ERR_ADDR_IN_USE) return fails(c, EADDRINUSE);
    if (err != AKSU_OK) return fails(c, EINVAL);
    r->numbers.local_port = open.local.port;
    fd->opened = fd->listens = true;
    return returns(c, 0);
}

static bool begin_connect(run_state *r, run_call *c, run_fd *fd, const script_value *address, int64_t index) {
    aksu_tcp_open open = {.struct_bytes = sizeof open,
                          .local = {.port = fd->port},
                          .remote = {.addr = r->numbers.remote, .port = port_of(address, LISTEN_PORT)},
                          .settings = &fd->settings,
                          .user = (uint64_t)index};
    aksu_err err = aksu_tcp_connect(r->stack, &open, &fd->sock);
    if (err == AKSU_ERR_EXISTS || err == AKSU_ERR_ADDR_IN_USE) return fails(c, EADDRNOTAVAIL);
    if (err == AKSU_ERR_NO_ROUTE) return fails(c, ENETUNREACH);
    if (err != AKSU_OK) return fails(c, EINVAL);
    r->numbers.remote_port = open.remote.port;
    r->numbers.local_known = false;
    r->active = true;
    fd->opened = true;
    return returns(c, 0);
}

static bool sys_connect(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    if (fd == NULL) return fails(c, EBADF);
    if (!fd->opened) {
        if (!begin_connect(r, c, fd, argument(c, 1), number(c, 0)) || c->value < 0) return true;
        return fd->nonblock ? fails(c, EINPROGRESS) : false;
    }
    if (fd->over && !fd->connected) return fails(c, fd->so_error != 0 ? take_error(fd) : ECONNABORTED);
    if (!fd->connected) return fd->nonblock ? fails(c, EALREADY) : false;
    if (fd->connect_told) return fails(c, EISCONN);
    fd->connect_told = true;
    return returns(c, 0);
}

static bool sys_accept(run_state *r, run_call *c) {
    run_fd *listener = fd_of(r, number(c, 0));
    if (listener == NULL) return fails(c, EBADF);
    if (!listener->listens) return fails(c, EINVAL);
    aksu_sock sock;
    aksu_err err = aksu_tcp_accept(r->stack, listener->sock, &sock);
    if (err == AKSU_ERR_AGAIN) return listener->nonblock ? fails(c, EAGAIN) : false;
    if (err != AKSU_OK) return fails(c, EINVAL);
    int index = new_fd(r);
    if (index < 0) return fails(c, ENOMEM);
    run_fd *fd = &r->fd[index];
    fd->sock = sock;
    fd->opened = fd->connected = fd->connect_told = true;
    fd->nonblock = strcmp(c->step->name, "accept4") == 0 && (number(c, 3) & SOCK_NONBLOCK) != 0;
    (void)aksu_sock_set_user(r->stack, sock, (uint64_t)index);
    return returns(c, index);
}

static bool sys_close(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    if (fd == NULL) return fails(c, EBADF);
    if (fd->opened) (void)aksu_tcp_close(r->stack, fd->sock);
    fd->used = false;
    return returns(c, 0);
}

/* Not a system call: ABORT of RFC 9293 s3.10.5. */
static bool sys_abort(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    if (fd == NULL) return fails(c, EBADF);
    if (fd->opened) (void)aksu_tcp_abort(r->stack, fd->sock);
    fd->used = false;
    return returns(c, 0);
}

static bool sys_shutdown(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    if (fd == NULL) return fails(c, EBADF);
    if (!fd->opened || fd->listens || fd->over) return fails(c, ENOTCONN);
    int64_t how = number(c, 1);
    if (how == SHUT_RD || how == SHUT_RDWR) fd->shut_read = true;
    if (how == SHUT_WR || how == SHUT_RDWR) {
        (void)aksu_tcp_shutdown(r->stack, fd->sock);
        fd->shut_write = true;
    }
    return returns(c, 0);
}

/* ---------------------------------------------------------------- reading and writing */

static bool read_bytes(run_state *r, run_call *c, int64_t index, int64_t cap, int64_t flags) {
    static uint8_t buf[IO_MAX];
    run_fd *fd = fd_of(r, index);
    if (fd == NULL) return fails(c, EBADF);
    if (!fd->opened || fd->listens) return fails(c, ENOTCONN);
    if (cap > IO_MAX) cap = IO_MAX;
    size_t bytes = 0;
    aksu_err err;
    if (flags & MSG_PEEK) {
        aksu_iov iov[64];
        uint32_t count = 0;
        err = aksu_tcp_recv_peek(r->stack, fd->sock, iov, 64, &count);
        for (uint32_t i = 0; err == AKSU_OK && i < count; i++) bytes += iov[i].bytes;
        if (err == AKSU_OK) (void)aksu_tcp_recv_consume(r->stack, fd->sock, 0);
        if (bytes > (size_t)cap) bytes = (size_t)cap;
    } else {
        err = aksu_tcp_recv(r->stack, fd->sock, buf, (size_t)cap, &bytes);
    }
    if (err == AKSU_OK) return returns(c, (int64_t)bytes);
    if (fd->so_error != 0) return fails(c, take_error(fd));
    if (err == AKSU_ERR_AGAIN && !fd->shut_read)
        return fd->nonblock || (flags & MSG_DONTWAIT) ? fails(c, EAGAIN) : false;
    return returns(c, 0);
}

static bool write_bytes(run_state *r, run_call *c, int64_t index, int64_t count, int64_t flags) {
    static const uint8_t zeros[IO_MAX];
    run_fd *fd = fd_of(r, index);
    if (fd == NULL) return fails(c, EBADF);
    if (fd->opened && fd->so_error != 0) return fails(c, take_error(fd));
    if (!fd->opened || fd->listens || fd->shut_write || fd->over) return fails(c, EPIPE);
    unsigned how = (flags & MSG_MORE ? AKSU_SEND_MORE : 0u) | (flags & MSG_OOB ? AKSU_SEND_URGENT : 0u);
    while (c->done_bytes < (uint64_t)count) {
        uint64_t left = (uint64_t)count - c->done_bytes;
        size_t bytes = 0;
        aksu_err err = aksu_tcp_send(r->stack, fd->sock, zeros, left < IO_MAX ? (size_t)left : IO_MAX, how, &bytes);
        c->done_bytes += bytes;
        if (err == AKSU_OK) continue;
        if (err != AKSU_ERR_AGAIN) return fails(c, EPIPE);
        if (!fd->nonblock && (flags & MSG_DONTWAIT) == 0) return false;
        if (c->done_bytes == 0) return fails(c, EAGAIN);
        break;
    }
    return returns(c, (int64_t)c->done_bytes);
}

static int64_t bytes_of_message(const script_value *message) {
    const script_value *iov = message != NULL ? script_member(message, "msg_iov(2)") : NULL;
    if (iov == NULL && message != NULL) iov = script_member(message, "msg_iov");
    int64_t sum = 0;
    for (uint32_t i = 0; iov != NULL && i < iov->item_count; i++) {
        const script_value *pair = &iov->item[i];
        if (pair->item_count == 2) sum += pair->item[1].number;
    }
    return sum;
}

static bool sys_io(run_state *r, run_call *c) {
    const char *name = c->step->name;
    int64_t fd = number(c, 0);
    if (strcmp(name, "read") == 0) return read_bytes(r, c, fd, number(c, 2), 0);
    if (strcmp(name, "recv") == 0 || strcmp(name, "recvfrom") == 0)
        return read_bytes(r, c, fd, number(c, 2), number(c, 3));
    if (strcmp(name, "write") == 0) return write_bytes(r, c, fd, number(c, 2), 0);
    if (strcmp(name, "sendmsg") == 0) return write_bytes(r, c, fd, bytes_of_message(argument(c, 1)), number(c, 2));
    int64_t flags = number(c, 3);
    run_fd *f = fd_of(r, fd);
    if (strcmp(name, "sendto") == 0 && (flags & MSG_FASTOPEN) && f != NULL && !f->opened) {
        f->settings.fast_open = 1;
        if (!begin_connect(r, c, f, argument(c, 4), fd) || c->value < 0) return true;
    }
    return write_bytes(r, c, fd, number(c, 2), flags);
}

/* ---------------------------------------------------------------- settings */

static bool set_one(run_state *r, run_fd *fd, aksu_tcp_setting setting, uint64_t value) {
    const aksu_tcp_setting_info_t *info = aksu_tcp_setting_info(setting);
    if (value < info->min) value = info->min;
    if (value > info->max) value = info->max;
    if (fd->opened) return aksu_tcp_set(r->stack, fd->sock, setting, value) == AKSU_OK;
    ((uint64_t *)(void *)&fd->settings)[setting] = value;
    return true;
}

static uint64_t get_one(run_state *r, const run_fd *fd, aksu_tcp_setting setting) {
    uint64_t value = ((const uint64_t *)(const void *)&fd->settings)[setting];
    if (fd->opened) (void)aksu_tcp_get(r->stack, fd->sock, setting, &value);
    return value;
}

/* Socket options that are a setting of ours, in other units. */
static const struct {
    int level, name;
    aksu_tcp_setting setting;
    uint64_t factor;
} options[] = {
    {SOL_SOCKET, SO_KEEPALIVE, AKSU_TCP_KEEPALIVE, 1},
    {SOL_SOCKET, SO_SNDBUF, AKSU_TCP_SND_BUF_BYTES, 2},
    {SOL_SOCKET, SO_RCVBUF, AKSU_TCP_RCV_BUF_BYTES, 2},
    {SOL_SOCKET, SO_RCVLOWAT, AKSU_TCP_RCV_LOWAT_BYTES, 1},
    {SOL_TCP, TCP_CORK, AKSU_TCP_CORK, 1},
    {SOL_TCP, TCP_MAXSEG, AKSU_TCP_MSS_BYTES, 1},
    {SOL_TCP, TCP_KEEPIDLE, AKSU_TCP_KEEPALIVE_IDLE_US, 1000000},
    {SOL_TCP, TCP_KEEPINTVL, AKSU_TCP_KEEPALIVE_INTERVAL_US, 1000000},
    {SOL_TCP, TCP_KEEPCNT, AKSU_TCP_KEEPALIVE_COUNT, 1},
    {SOL_TCP, TCP_SYNCNT, AKSU_TCP_SYN_RETRIES, 1},
    {SOL_TCP, TCP_LINGER2, AKSU_TCP_FIN_WAIT_2_US, 1000000},
    {SOL_TCP, TCP_USER_TIMEOUT, AKSU_TCP_USER_TIMEOUT_US, 1000},
    {SOL_TCP, TCP_FASTOPEN_CONNECT, AKSU_TCP_FAST_OPEN, 1},
    {SOL_IP, IP_TTL, AKSU_TCP_TTL, 1},
};

static int64_t option_value(const script_value *v) {
    if (v == NULL) return 0;
    if (v->kind == SCRIPT_LIST && v->item_count > 0) return v->item[0].number;
    return v->number;
}

static bool sys_setsockopt(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    if (fd == NULL) return fails(c, EBADF);
    int level = (int)number(c, 1), name = (int)number(c, 2);
    const script_value *given = argument(c, 3);
    int64_t value = option_value(given);
    if (level == SOL_SOCKET && (name == SO_REUSEADDR)) return returns(c, 0);
    if (level == SOL_SOCKET && name == SO_LINGER) {
        const script_value *on = given != NULL ? script_member(given, "onoff") : NULL;
        const script_value *time = given != NULL ? script_member(given, "linger") : NULL;
        if (on == NULL && given != NULL) on = script_member(given, "l_onoff");
        if (time == NULL && given != NULL) time = script_member(given, "l_linger");
        bool good = on != NULL && time != NULL && set_one(r, fd, AKSU_TCP_LINGER, on->number != 0) &&
                    set_one(r, fd, AKSU_TCP_LINGER_US, (uint64_t)time->number * 1000000);
        return good ? returns(c, 0) : fails(c, EINVAL);
    }
    if (level == SOL_TCP && name == TCP_NODELAY)
        return set_one(r, fd, AKSU_TCP_NAGLE, value ? 0 : r->config.tcp.nagle) ? returns(c, 0) : fails(c, EINVAL);
    if (level == SOL_TCP && name == TCP_FASTOPEN)
        return set_one(r, fd, AKSU_TCP_FAST_OPEN, value != 0) ? returns(c, 0) : fails(c, EINVAL);
    if (level == SOL_IP && name == IP_TOS)
        return set_one(r, fd, AKSU_TCP_DSCP, (uint64_t)value >> 2 & 63) ? returns(c, 0) : fails(c, EINVAL);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].level != level || options[i].name != name) continue;
        return set_one(r, fd, options[i].setting, (uint64_t)value * options[i].factor) ? returns(c, 0)
                                                                                       : fails(c, EINVAL);
    }
    return not_here(c, "this socket option");
}

static bool check_number(run_call *c, const script_value *wanted, int64_t got) {
    if (wanted == NULL || wanted->kind == SCRIPT_ELLIPSIS) return returns(c, 0);
    if (option_value(wanted) != got) (void)snprintf(c->wrong, sizeof c->wrong, "the option is %lld", (long long)got);
    return returns(c, 0);
}

static bool sys_getsockopt(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    if (fd == NULL) return fails(c, EBADF);
    int level = (int)number(c, 1), name = (int)number(c, 2);
    const script_value *wanted = argument(c, 3);
    if (level == SOL_SOCKET && name == SO_ERROR) return check_number(c, wanted, take_error(fd));
    if (level == SOL_TCP && name == TCP_NODELAY) return check_number(c, wanted, get_one(r, fd, AKSU_TCP_NAGLE) == 0);
    if (level == SOL_TCP && name == TCP_INFO) {
        aksu_tcp_info info;
        if (!fd->opened || aksu_tcp_status(r->stack, fd->sock, &info) != AKSU_OK) return fails(c, EINVAL);
        for (uint32_t i = 0; wanted != NULL && i < wanted->item_count; i++) {
            int64_t got;
            const script_value *item = &wanted->item[i];
            if (item->name == NULL || !script_tcp_info(item->name, &info, &got))
                return not_here(c, "this member of tcp_info");
            if (item->kind == SCRIPT_NUMBER && item->number != got)
                (void)snprintf(c->wrong, sizeof c->wrong, "%s is %lld", item->name, (long long)got);
        }
        return returns(c, 0);
    }
    if (level == SOL_TCP && name == TCP_MAXSEG && fd->opened) {
        aksu_tcp_info info;
        if (aksu_tcp_status(r->stack, fd->sock, &info) == AKSU_OK) return check_number(c, wanted, info.snd_mss);
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].level != level || options[i].name != name) continue;
        return check_number(c, wanted, (int64_t)(get_one(r, fd, options[i].setting) / options[i].factor));
    }
    return not_here(c, "this socket option");
}

static bool sys_fcntl(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    if (fd == NULL) return fails(c, EBADF);
    if (number(c, 1) == F_GETFL) return returns(c, O_RDWR | (fd->nonblock ? O_NONBLOCK : 0));
    if (number(c, 1) != F_SETFL) return not_here(c, "this fcntl command");
    fd->nonblock = (number(c, 2) & O_NONBLOCK) != 0;
    return returns(c, 0);
}

static bool sys_ioctl(run_state *r, run_call *c) {
    run_fd *fd = fd_of(r, number(c, 0));
    aksu_tcp_info info;
    if (fd == NULL) return fails(c, EBADF);
    if (!fd->opened || aksu_tcp_status(r->stack, fd->sock, &info) != AKSU_OK) return fails(c, EINVAL);
    if (number(c, 1) == FIONREAD || number(c, 1) == SIOCINQ)
        return check_number(c, argument(c, 2), info.rcv_queued_bytes);
    if (number(c, 1) == SIOCOUTQ) return check_number(c, argument(c, 2), info.snd_queued_bytes);
    return not_here(c, "this ioctl");
}

static int poll_levels(run_state *r, const run_fd *fd) {
    uint32_t bits = 0;
    if (!fd->opened) return POLLHUP | POLLOUT;
    (void)aksu_poll(r->stack, fd->sock, &bits);
    int levels = 0;
    if (bits & (AKSU_EV_READABLE | AKSU_EV_INCOMING)) levels |= POLLIN | POLLRDNORM;
    if (bits & AKSU_EV_PEER_CLOSED) levels |= POLLRDHUP;
    if (bits & AKSU_EV_WRITABLE) levels |= POLLOUT | POLLWRNORM;
    if (bits & AKSU_EV_URGENT) levels |= POLLPRI;
    if (fd->over) levels |= POLLHUP | POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP;
    if (fd->so_error != 0) levels |= POLLERR;
    return levels;
}

static bool sys_poll(run_state *r, run_call *c) {
    const script_value *list = argument(c, 0);
    if (list == NULL || list->kind != SCRIPT_LIST) return not_here(c, "poll without a list of descriptors");
    int64_t ready = 0;
    for (uint32_t i = 0; i < list->item_count; i++) {
        const script_value *fd = script_member(&list->item[i], "fd"), *events = script_member(&list->item[i], "events");
        const script_value *wanted = script_member(&list->item[i], "revents");
        if (fd == NULL || events == NULL) return not_here(c, "poll without fd and events");
        const run_fd *f = fd_of(r, fd->number);
        int got = f == NULL ? POLLNVAL : poll_levels(r, f) & ((int)events->number | POLLERR | POLLHUP);
        if (got != 0) ready++;
        if (wanted != NULL && wanted->kind == SCRIPT_NUMBER && wanted->number != got)
            (void)snprintf(c->wrong, sizeof c->wrong, "revents of %lld is %#x", (long long)fd->number, (unsigned)got);
    }
    if (ready == 0 && number(c, 2) < 0) return false;
    return returns(c, ready);
}

/* ---------------------------------------------------------------- the project's own */

/* The state of the script's connection, or of a descriptor's. */
static aksu_tcp_state state_now(run_state *r, const run_call *c) {
    aksu_tcp_info info;
    if (c->step->arg_count > 0) {
        const run_fd *fd = fd_of(r, number(c, 0));
        if (fd == NULL || !fd->opened || aksu_tcp_status(r->stack, fd->sock, &info) != AKSU_OK) return AK_TCP_CLOSED;
        return info.state;
    }
    uint64_t cursor = 0;
    bool listens = false;
    while (aksu_tcp_next(r->stack, &cursor, &info)) {
        if (info.state == AK_TCP_LISTEN) listens = true;
        bool ours = info.remote.port == r->numbers.remote_port && info.local.port == r->numbers.local_port;
        if (ours && info.state != AK_TCP_CLOSED) return info.state;
    }
    return listens ? AK_TCP_LISTEN : AK_TCP_CLOSED;
}

static bool sys_state(run_state *r, run_call *c) {
    const char *got = aksu_tcp_state_name(state_now(r, c));
    const char *wanted = c->step->result_state;
    if (wanted == NULL || strcmp(wanted, got) != 0) (void)snprintf(c->wrong, sizeof c->wrong, "the state is %s", got);
    return returns(c, 0);
}

static bool sys_drop(run_state *r, run_call *c) {
    const script_value *name = argument(c, 0);
    aksu_counters counters;
    aksu_counters_get(r->stack, &counters);
    for (int i = 0; i < AKSU_DROP_COUNT; i++) {
        if (name->text != NULL && strcmp(aksu_drop_name((aksu_drop)i), name->text) == 0)
            return returns(c, (int64_t)counters.drop[i]);
    }
    return not_here(c, "no such reason for a drop");
}

static const struct {
    const char *name;
    bool (*call)(run_state *r, run_call *c);
} calls[] = {
    {"socket", sys_socket},
    {"bind", sys_bind},
    {"listen", sys_listen},
    {"connect", sys_connect},
    {"accept", sys_accept},
    {"accept4", sys_accept},
    {"close", sys_close},
    {"shutdown", sys_shutdown},
    {"read", sys_io},
    {"recv", sys_io},
    {"recvfrom", sys_io},
    {"write", sys_io},
    {"send", sys_io},
    {"sendto", sys_io},
    {"sendmsg", sys_io},
    {"setsockopt", sys_setsockopt},
    {"getsockopt", sys_getsockopt},
    {"fcntl", sys_fcntl},
    {"ioctl", sys_ioctl},
    {"poll", sys_poll},
    {"state", sys_state},
    {"drop", sys_drop},
    {"abort", sys_abort},
};

bool run_call_try(run_state *r, run_call *c) {
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(calls[i].name, c->step->name) == 0) return calls[i].call(r, c);
    }
    c->unsupported = true;
    (void)snprintf(c->wrong, sizeof c->wrong, "the call %.100s", c->step->name);
    return true;
}
