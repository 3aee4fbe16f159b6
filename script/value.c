/* Values of calls: the C constants that scripts name, and errno by name and number. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "script/script.h"

#ifndef TCP_INQ
#define TCP_INQ 36
#endif
#ifndef SIOCINQ
#define SIOCINQ 0x541B
#endif
#ifndef SIOCOUTQ
#define SIOCOUTQ 0x5411
#endif

#define C(name)                                                                                                        \
    { #name, (int64_t)(name) }
static const struct {
    const char *name;
    int64_t value;
} constants[] = {
    C(AF_INET),
    C(PF_INET),
    C(AF_INET6),
    C(PF_INET6),
    C(SOCK_STREAM),
    C(SOCK_DGRAM),
    C(SOCK_NONBLOCK),
    C(SOCK_CLOEXEC),
    C(IPPROTO_TCP),
    C(IPPROTO_IP),
    C(IPPROTO_UDP),
    C(SOL_SOCKET),
    C(SOL_TCP),
    C(SOL_IP),
    C(INADDR_ANY),
    C(SO_REUSEADDR),
    C(SO_KEEPALIVE),
    C(SO_LINGER),
    C(SO_SNDBUF),
    C(SO_RCVBUF),
    C(SO_ERROR),
    C(SO_RCVLOWAT),
    C(SO_SNDLOWAT),
    C(SO_TYPE),
    C(SO_ACCEPTCONN),
    C(TCP_NODELAY),
    C(TCP_MAXSEG),
    C(TCP_CORK),
    C(TCP_KEEPIDLE),
    C(TCP_KEEPINTVL),
    C(TCP_KEEPCNT),
    C(TCP_SYNCNT),
    C(TCP_LINGER2),
    C(TCP_DEFER_ACCEPT),
    C(TCP_WINDOW_CLAMP),
    C(TCP_INFO),
    C(TCP_QUICKACK),
    C(TCP_CONGESTION),
    C(TCP_USER_TIMEOUT),
    C(TCP_FASTOPEN),
    C(TCP_FASTOPEN_CONNECT),
    C(TCP_TIMESTAMP),
    C(TCP_NOTSENT_LOWAT),
    C(TCP_INQ),
    C(IP_TOS),
    C(IP_TTL),
    C(IP_MTU),
    C(IP_MTU_DISCOVER),
    C(IP_PMTUDISC_DO),
    C(IP_PMTUDISC_DONT),
    C(O_RDONLY),
    C(O_WRONLY),
    C(O_RDWR),
    C(O_NONBLOCK),
    C(F_GETFL),
    C(F_SETFL),
    C(SHUT_RD),
    C(SHUT_WR),
    C(SHUT_RDWR),
    C(SOMAXCONN),
    C(MSG_PEEK),
    C(MSG_DONTWAIT),
    C(MSG_OOB),
    C(MSG_MORE),
    C(MSG_NOSIGNAL),
    C(MSG_TRUNC),
    C(MSG_WAITALL),
    C(MSG_FASTOPEN),
    C(FIONREAD),
    C(SIOCINQ),
    C(SIOCOUTQ),
    C(POLLIN),
    C(POLLPRI),
    C(POLLOUT),
    C(POLLERR),
    C(POLLHUP),
    C(POLLRDHUP),
    C(POLLNVAL),
    C(POLLRDNORM),
    C(POLLWRNORM),
    C(TCP_ESTABLISHED),
    C(TCP_SYN_SENT),
    C(TCP_SYN_RECV),
    C(TCP_FIN_WAIT1),
    C(TCP_FIN_WAIT2),
    C(TCP_TIME_WAIT),
    C(TCP_CLOSE),
    C(TCP_CLOSE_WAIT),
    C(TCP_LAST_ACK),
    C(TCP_LISTEN),
    C(TCP_CLOSING),
    {"TCP_CA_Open", 0},
    {"TCP_CA_Disorder", 1},
    {"TCP_CA_CWR", 2},
    {"TCP_CA_Recovery", 3},
    {"TCP_CA_Loss", 4},
    {"TCPI_OPT_TIMESTAMPS", 1},
    {"TCPI_OPT_SACK", 2},
    {"TCPI_OPT_WSCALE", 4},
    {"TCPI_OPT_ECN", 8},
    {"TCPI_OPT_SYN_DATA", 32},
    {"NULL", 0},
    {"True", 1},
    {"False", 0},
};
static const struct {
    const char *name;
    int64_t value;
} errnos[] = {
    C(EAGAIN),       C(EBADF),       C(EINVAL),       C(EPIPE),      C(ENOTCONN),     C(EISCONN),
    C(EALREADY),     C(EINPROGRESS), C(ECONNREFUSED), C(ECONNRESET), C(ECONNABORTED), C(ETIMEDOUT),
    C(EHOSTUNREACH), C(ENETUNREACH), C(ENOPROTOOPT),  C(EPROTO),     C(EADDRINUSE),   C(EADDRNOTAVAIL),
    C(ENOBUFS),      C(ENOMEM),      C(EMSGSIZE),     C(EOPNOTSUPP), C(EDESTADDRREQ), C(ENOTSUP),
    C(EFAULT),       C(EINTR),       C(EPERM),        C(EACCES),     C(EAFNOSUPPORT), C(ENOPROTOOPT),
};
#undef C

bool script_constant(const char *name, int64_t *ret_value) {
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (strcmp(constants[i].name, name) != 0) continue;
        *ret_value = constants[i].value;
        return true;
    }
    if (strcmp(name, "EWOULDBLOCK") == 0) name = "EAGAIN";
    for (size_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++) {
        if (strcmp(errnos[i].name, name) != 0) continue;
        *ret_value = errnos[i].value;
        return true;
    }
    return false;
}

const char *script_errno_name(int code) {
    for (size_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++) {
        if (errnos[i].value == code) return errnos[i].name;
    }
    return "E?";
}

void script_value_free(script_value *value) {
    free(value->text);
    free(value->name);
    for (uint32_t i = 0; i < value->item_count; i++) script_value_free(&value->item[i]);
    free(value->item);
    *value = (script_value){.kind = SCRIPT_ELLIPSIS};
}

const script_value *script_member(const script_value *value, const char *name) {
    for (uint32_t i = 0; i < value->item_count; i++) {
        if (value->item[i].name != NULL && strcmp(value->item[i].name, name) == 0) return &value->item[i];
    }
    return NULL;
}
