/* Virtual sockets; see sockets.h. */
#include "script/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef SIOCINQ
#define SIOCINQ 0x541B
#endif
#ifndef SIOCOUTQ
#define SIOCOUTQ 0x5411
#endif

vs_fd *vs_fd_of(vs *v, int64_t fd) {
    return fd >= 0 && fd < VS_FD_MAX && v->fd[fd].used ? &v->fd[fd] : NULL;
}

static int new_fd(vs *v) {
    for (int i = VS_FD_FIRST; i < VS_FD_MAX; i++) {
        if (v->fd[i].used) continue;
        v->fd[i] = (vs_fd){.used = true, .settings = v->config.tcp};
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

bool vs_events(vs *v) {
    aksu_event event;
    bool any = false;
    while (aksu_next_event(v->stack, &event)) {
        any = true;
        if (event.user == 0 || event.user >= VS_FD_MAX) continue;
        vs_fd *fd = &v->fd[event.user];
        if (event.bits & AKSU_EV_CONNECTED) fd->connected = true;
        if ((event.bits & AKSU_EV_CLOSED) == 0) continue;
        aksu_tcp_info info;
        aksu_reason detail = AKSU_REASON_UNREACHABLE;
        if (aksu_tcp_status(v->stack, fd->sock, &info) == AKSU_OK && info.soft_error != AKSU_REASON_NONE)
            detail = info.soft_error;
        fd->over = true;
        fd->so_error = errno_of_reason(event.reason, detail);
    }
    return any;
}

static int take_error(vs_fd *fd) {
    int code = fd->so_error;
    fd->so_error = 0;
    return code;
}

/* ---------------------------------------------------------------- opening and closing */

int64_t vs_socket(vs *v, int domain, int type) {
    if (domain != AF_INET) return -EAFNOSUPPORT;
    if ((type & 0xf) != SOCK_STREAM) return -EOPNOTSUPP;
    int fd = new_fd(v);
    if (fd < 0) return -ENOMEM;
    v->fd[fd].nonblock = (type & SOCK_NONBLOCK) != 0;
    return fd;
}

int64_t vs_bind(vs *v, int64_t fd, uint16_t port) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (f->opened || f->port != 0) return -EINVAL;
    f->port = port;
    return 0;
}

int64_t vs_listen(vs *v, int64_t fd, int64_t backlog) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    aksu_tcp_open open = {.struct_bytes = sizeof open,
                          .local = {.port = f->port},
                          .settings = &f->settings,
                          .user = (uint64_t)fd,
                          .backlog = backlog < 1 ? 1 : (uint32_t)backlog};
    aksu_err err = aksu_tcp_listen(v->stack, &open, &f->sock);
    if (err == AKSU_ERR_ADDR_IN_USE) return -EADDRINUSE;
    if (err != AKSU_OK) return -EINVAL;
    f->opened = f->listens = true;
    return 0;
}

static int64_t begin_connect(vs *v, int64_t fd, const aksu_endpoint *remote) {
    vs_fd *f = vs_fd_of(v, fd);
    aksu_tcp_open open = {.struct_bytes = sizeof open,
                          .local = {.port = f->port},
                          .remote = *remote,
                          .settings = &f->settings,
                          .user = (uint64_t)fd};
    aksu_err err = aksu_tcp_connect(v->stack, &open, &f->sock);
    if (err == AKSU_ERR_EXISTS || err == AKSU_ERR_ADDR_IN_USE) return -EADDRNOTAVAIL;
    if (err == AKSU_ERR_NO_ROUTE) return -ENETUNREACH;
    if (err != AKSU_OK) return -EINVAL;
    f->opened = true;
    return 0;
}

int64_t vs_connect(vs *v, int64_t fd, const aksu_endpoint *remote) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (!f->opened) {
        int64_t result = begin_connect(v, fd, remote);
        if (result < 0) return result;
        return f->nonblock ? -EINPROGRESS : VS_BLOCKS;
    }
    if (f->over && !f->connected) return f->so_error != 0 ? -take_error(f) : -ECONNABORTED;
    if (!f->connected) return f->nonblock ? -EALREADY : VS_BLOCKS;
    if (f->connect_told) return -EISCONN;
    f->connect_told = true;
    return 0;
}

int64_t vs_accept(vs *v, int64_t fd, bool nonblock) {
    vs_fd *listener = vs_fd_of(v, fd);
    if (listener == NULL) return -EBADF;
    if (!listener->listens) return -EINVAL;
    aksu_sock sock;
    aksu_err err = aksu_tcp_accept(v->stack, listener->sock, &sock);
    if (err == AKSU_ERR_AGAIN) return listener->nonblock ? -EAGAIN : VS_BLOCKS;
    if (err != AKSU_OK) return -EINVAL;
    int index = new_fd(v);
    if (index < 0) return -ENOMEM;
    vs_fd *f = &v->fd[index];
    f->sock = sock;
    f->opened = f->connected = f->connect_told = true;
    f->nonblock = nonblock;
    (void)aksu_sock_set_user(v->stack, sock, (uint64_t)index);
    return index;
}

int64_t vs_close(vs *v, int64_t fd) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (f->opened) (void)aksu_tcp_close(v->stack, f->sock);
    f->used = false;
    return 0;
}

int64_t vs_abort(vs *v, int64_t fd) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (f->opened) (void)aksu_tcp_abort(v->stack, f->sock);
    f->used = false;
    return 0;
}

int64_t vs_shutdown(vs *v, int64_t fd, int how) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (!f->opened || f->listens || f->over) return -ENOTCONN;
    if (how == SHUT_RD || how == SHUT_RDWR) f->shut_read = true;
    if (how == SHUT_WR || how == SHUT_RDWR) {
        (void)aksu_tcp_shutdown(v->stack, f->sock);
        f->shut_write = true;
    }
    return 0;
}

/* ---------------------------------------------------------------- reading and writing */

static aksu_err peek(vs *v, const vs_fd *f, uint8_t *buf, size_t cap, size_t *ret_bytes) {
    aksu_iov iov[64];
    uint32_t count = 0;
    size_t bytes = 0;
    aksu_err err = aksu_tcp_recv_peek(v->stack, f->sock, iov, 64, &count);
    if (err != AKSU_OK) return err;
    for (uint32_t i = 0; i < count && bytes < cap; i++) {
        size_t piece = iov[i].bytes < cap - bytes ? iov[i].bytes : cap - bytes;
        memcpy(buf + bytes, iov[i].base, piece);
        bytes += piece;
    }
    *ret_bytes = bytes;
    return aksu_tcp_recv_consume(v->stack, f->sock, 0);
}

int64_t vs_read(vs *v, int64_t fd, void *buf, size_t cap, int flags) {
    static uint8_t nowhere[VS_IO_MAX];
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (!f->opened || f->listens) return -ENOTCONN;
    if (cap > VS_IO_MAX) cap = VS_IO_MAX;
    if (buf == NULL) buf = nowhere;
    size_t bytes = 0;
    aksu_err err = flags & MSG_PEEK ? peek(v, f, buf, cap, &bytes) : aksu_tcp_recv(v->stack, f->sock, buf, cap, &bytes);
    if (err == AKSU_OK) return (int64_t)bytes;
    if (f->so_error != 0) return -take_error(f);
    if (err == AKSU_ERR_AGAIN && !f->shut_read) return f->nonblock || (flags & MSG_DONTWAIT) ? -EAGAIN : VS_BLOCKS;
    return 0;
}

int64_t vs_write(vs *v, int64_t fd, const void *data, size_t count, int flags, size_t *done) {
    static const uint8_t zeros[VS_IO_MAX];
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (f->opened && f->so_error != 0) return -take_error(f);
    if (!f->opened || f->listens || f->shut_write || f->over) return -EPIPE;
    unsigned how = (flags & MSG_MORE ? AKSU_SEND_MORE : 0u) | (flags & MSG_OOB ? AKSU_SEND_URGENT : 0u);
    while (*done < count) {
        size_t left = count - *done, bytes = 0;
        const uint8_t *from = data != NULL ? (const uint8_t *)data + *done : zeros;
        if (data == NULL && left > VS_IO_MAX) left = VS_IO_MAX;
        aksu_err err = aksu_tcp_send(v->stack, f->sock, from, left, how, &bytes);
        if (err == AKSU_OK) {
            *done += bytes;
            continue;
        }
        if (err != AKSU_ERR_AGAIN) return -EPIPE;
        if (!f->nonblock && (flags & MSG_DONTWAIT) == 0) return VS_BLOCKS;
        if (*done == 0) return -EAGAIN;
        break;
    }
    return (int64_t)*done;
}

int64_t vs_send_open(vs *v, int64_t fd, const aksu_endpoint *remote) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (f->opened) return 0;
    f->settings.fast_open = 1;
    return begin_connect(v, fd, remote);
}

/* ---------------------------------------------------------------- settings */

static bool set_one(vs *v, vs_fd *f, aksu_tcp_setting setting, uint64_t value) {
    const aksu_tcp_setting_info_t *info = aksu_tcp_setting_info(setting);
    if (value < info->min) value = info->min;
    if (value > info->max) value = info->max;
    if (f->opened) return aksu_tcp_set(v->stack, f->sock, setting, value) == AKSU_OK;
    ((uint64_t *)(void *)&f->settings)[setting] = value;
    return true;
}

static uint64_t get_one(vs *v, const vs_fd *f, aksu_tcp_setting setting) {
    uint64_t value = ((const uint64_t *)(const void *)&f->settings)[setting];
    if (f->opened) (void)aksu_tcp_get(v->stack, f->sock, setting, &value);
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

int64_t vs_setsockopt(vs *v, int64_t fd, int level, int name, int64_t value, int64_t second) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    bool good = true;
    if (level == SOL_SOCKET && name == SO_REUSEADDR) return 0;
    if (level == SOL_SOCKET && name == SO_LINGER) {
        good =
            set_one(v, f, AKSU_TCP_LINGER, value != 0) && set_one(v, f, AKSU_TCP_LINGER_US, (uint64_t)second * 1000000);
        return good ? 0 : -EINVAL;
    }
    if (level == SOL_TCP && name == TCP_NODELAY) good = set_one(v, f, AKSU_TCP_NAGLE, value ? 0 : v->config.tcp.nagle);
    if (level == SOL_TCP && name == TCP_FASTOPEN) good = set_one(v, f, AKSU_TCP_FAST_OPEN, value != 0);
    if (level == SOL_IP && name == IP_TOS) good = set_one(v, f, AKSU_TCP_DSCP, (uint64_t)value >> 2 & 63);
    bool own =
        (level == SOL_TCP && (name == TCP_NODELAY || name == TCP_FASTOPEN)) || (level == SOL_IP && name == IP_TOS);
    if (own) return good ? 0 : -EINVAL;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].level != level || options[i].name != name) continue;
        return set_one(v, f, options[i].setting, (uint64_t)value * options[i].factor) ? 0 : -EINVAL;
    }
    return -ENOPROTOOPT;
}

int64_t vs_info(vs *v, int64_t fd, aksu_tcp_info *ret_info) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    return f->opened && aksu_tcp_status(v->stack, f->sock, ret_info) == AKSU_OK ? 0 : -EINVAL;
}

int64_t vs_getsockopt(vs *v, int64_t fd, int level, int name, int64_t *ret_value) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (level == SOL_SOCKET && name == SO_ERROR) {
        *ret_value = take_error(f);
        return 0;
    }
    if (level == SOL_TCP && name == TCP_NODELAY) {
        *ret_value = get_one(v, f, AKSU_TCP_NAGLE) == 0;
        return 0;
    }
    aksu_tcp_info info;
    if (level == SOL_TCP && name == TCP_MAXSEG && f->opened && vs_info(v, fd, &info) == 0) {
        *ret_value = info.snd_mss;
        return 0;
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].level != level || options[i].name != name) continue;
        *ret_value = (int64_t)(get_one(v, f, options[i].setting) / options[i].factor);
        return 0;
    }
    return -ENOPROTOOPT;
}

int64_t vs_fcntl(vs *v, int64_t fd, int command, int64_t value) {
    vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return -EBADF;
    if (command == F_GETFL) return O_RDWR | (f->nonblock ? O_NONBLOCK : 0);
    if (command != F_SETFL) return -EINVAL;
    f->nonblock = (value & O_NONBLOCK) != 0;
    return 0;
}

int64_t vs_ioctl(vs *v, int64_t fd, int64_t request, int64_t *ret_value) {
    aksu_tcp_info info;
    int64_t result = vs_info(v, fd, &info);
    if (result < 0) return result;
    if (request == FIONREAD || request == SIOCINQ)
        *ret_value = info.rcv_queued_bytes;
    else if (request == SIOCOUTQ)
        *ret_value = info.snd_queued_bytes;
    else
        return -EINVAL;
    return 0;
}

int vs_poll(vs *v, int64_t fd, int events) {
    const vs_fd *f = vs_fd_of(v, fd);
    if (f == NULL) return POLLNVAL;
    int levels = 0;
    uint32_t bits = 0;
    if (!f->opened) return (POLLHUP | POLLOUT) & (events | POLLERR | POLLHUP);
    (void)aksu_poll(v->stack, f->sock, &bits);
    if (bits & (AKSU_EV_READABLE | AKSU_EV_INCOMING)) levels |= POLLIN | POLLRDNORM;
    if (bits & AKSU_EV_PEER_CLOSED) levels |= POLLRDHUP;
    if (bits & AKSU_EV_WRITABLE) levels |= POLLOUT | POLLWRNORM;
    if (bits & AKSU_EV_URGENT) levels |= POLLPRI;
    if (f->over) levels |= POLLHUP | POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP;
    if (f->so_error != 0) levels |= POLLERR;
    return levels & (events | POLLERR | POLLHUP);
}
