/* Virtual sockets: the system calls of an application over one stack, with Linux's constants, results and errors.
 *
 * Scripts (calls.c) and packetdrill itself (packetdrill.c) call them.  Every call answers at once: with its result,
 * with minus an errno, or with VS_BLOCKS where a real one would wait; whoever calls tries again after something has
 * happened.  Descriptors are small numbers of their own, from VS_FD_FIRST. */
#ifndef SCRIPT_SOCKETS_H
#define SCRIPT_SOCKETS_H

#include "aksu/trace.h"

#include <sys/uio.h>

enum { VS_FD_FIRST = 3, VS_FD_MAX = 64, VS_IO_MAX = 1 << 20 };
#define VS_BLOCKS INT64_MIN

typedef struct vs_fd {
    bool used, listens, opened, connected, connect_told, nonblock, shut_read, shut_write, over;
    aksu_sock sock;
    aksu_tcp_settings settings; /* before the socket is opened */
    uint16_t port;              /* bound to; 0: none */
    int so_error;               /* told once */
} vs_fd;

typedef struct vs {
    aksu_stack *stack;
    aksu_config config; /* what sockets start from */
    vs_fd fd[VS_FD_MAX];
} vs;

/* Events of the stack, to the descriptors.  True: there were some. */
bool vs_events(vs *v);
/* The descriptor's, NULL if there is none. */
vs_fd *vs_fd_of(vs *v, int64_t fd);

int64_t vs_socket(vs *v, int domain, int type);
int64_t vs_bind(vs *v, int64_t fd, uint16_t port);
int64_t vs_listen(vs *v, int64_t fd, int64_t backlog);
int64_t vs_connect(vs *v, int64_t fd, const aksu_endpoint *remote);
int64_t vs_accept(vs *v, int64_t fd, bool nonblock);
int64_t vs_close(vs *v, int64_t fd);
int64_t vs_abort(vs *v, int64_t fd); /* ABORT of RFC 9293 s3.10.5 */
int64_t vs_shutdown(vs *v, int64_t fd, int how);
/* buf of NULL: the bytes are thrown away. */
int64_t vs_read(vs *v, int64_t fd, void *buf, size_t cap, int flags);
/* data of NULL: zeros.  *done counts what an earlier try has queued. */
int64_t vs_write(vs *v, int64_t fd, const void *data, size_t count, int flags, size_t *done);
/* MSG_FASTOPEN: opens with data. */
int64_t vs_send_open(vs *v, int64_t fd, const aksu_endpoint *remote);
int64_t vs_fcntl(vs *v, int64_t fd, int command, int64_t value);
/* FIONREAD, SIOCINQ, SIOCOUTQ. */
int64_t vs_ioctl(vs *v, int64_t fd, int64_t request, int64_t *ret_value);
/* What poll would tell of it, as far as it is asked for. */
int vs_poll(vs *v, int64_t fd, int events);

/* A number, or for SO_LINGER two.  -ENOPROTOOPT: an option that is not known here. */
int64_t vs_setsockopt(vs *v, int64_t fd, int level, int name, int64_t value, int64_t second);
int64_t vs_getsockopt(vs *v, int64_t fd, int level, int name, int64_t *ret_value);
int64_t vs_info(vs *v, int64_t fd, aksu_tcp_info *ret_info);

#endif
