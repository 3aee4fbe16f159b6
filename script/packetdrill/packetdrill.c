/* The shared object aksu-packetdrill.so: packetdrill itself (--so_filename) over this library, with the virtual sockets
 * and the virtual clock of script/.
 *
 * The struct below is declared from what its interface document says; the order and the types are what binds.  What
 * the tool expects: time that moves only when it looks (each gettimeofday a microsecond, each usleep a little more than
 * asked, a receive on an empty queue to the next timer), frames that are bare IP packets, blocking calls in threads of
 * its own that sleep, and descriptors that are open as far as the kernel knows.
 *
 * One lock for all.  A call that blocks waits on a condition which everything that moves signals, and time stands still
 * until it has looked, and if it returns, until its thread has asked for the time at which it did. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "script/script.h"
#include "script/sockets.h"

struct packetdrill_interface {
    void *userdata;
    void (*free)(void *user);
    int (*socket)(void *user, int domain, int type, int protocol);
    int (*bind)(void *user, int fd, const struct sockaddr *addr, socklen_t bytes);
    int (*listen)(void *user, int fd, int backlog);
    int (*accept)(void *user, int fd, struct sockaddr *addr, socklen_t *bytes);
    int (*connect)(void *user, int fd, const struct sockaddr *addr, socklen_t bytes);
    ssize_t (*read)(void *user, int fd, void *buf, size_t count);
    ssize_t (*readv)(void *user, int fd, const struct iovec *iov, int count);
    ssize_t (*recv)(void *user, int fd, void *buf, size_t count, int flags);
    ssize_t (*recvfrom)(void *user, int fd, void *buf, size_t count, int flags, struct sockaddr *addr,
                        socklen_t *bytes);
    ssize_t (*recvmsg)(void *user, int fd, struct msghdr *message, int flags);
    ssize_t (*write)(void *user, int fd, const void *buf, size_t count);
    ssize_t (*writev)(void *user, int fd, const struct iovec *iov, int count);
    ssize_t (*send)(void *user, int fd, const void *buf, size_t count, int flags);
    ssize_t (*sendto)(void *user, int fd, const void *buf, size_t count, int flags, const struct sockaddr *addr,
                      socklen_t bytes);
    ssize_t (*sendmsg)(void *user, int fd, const struct msghdr *message, int flags);
    int (*fcntl)(void *user, int fd, int command, ...);
    int (*ioctl)(void *user, int fd, unsigned long request, ...);
    int (*close)(void *user, int fd);
    int (*shutdown)(void *user, int fd, int how);
    int (*getsockopt)(void *user, int fd, int level, int name, void *value, socklen_t *bytes);
    int (*setsockopt)(void *user, int fd, int level, int name, const void *value, socklen_t bytes);
    int (*poll)(void *user, struct pollfd *fds, nfds_t count, int timeout_ms);
    int (*netdev_send)(void *user, const void *buf, size_t count);
    int (*netdev_receive)(void *user, void *buf, size_t *count, long long *time_us);
    int (*usleep)(void *user, useconds_t us);
    int (*gettimeofday)(void *user, struct timeval *tv, struct timezone *zone);
    int (*epoll_create)(void *user, int size);
    int (*epoll_ctl)(void *user, int epfd, int op, int fd, struct epoll_event *event);
    int (*epoll_wait)(void *user, int epfd, struct epoll_event *events, int count, int timeout_ms);
    int (*pipe)(void *user, int fds[2]);
    int (*splice)(void *user, int in, loff_t *in_offset, int out, loff_t *out_offset, size_t count, unsigned flags);
};

__attribute__((visibility("default"))) void packetdrill_interface_init(const char *flags,
                                                                       struct packetdrill_interface *ret_interface);

enum { QUEUE_MAX = 4096, REAL_FD_MAX = 1024, EPOCH_S = 1600000000 };

struct drill {
    pthread_mutex_t lock;
    pthread_cond_t moved, looked;
    unsigned waiting, to_look; /* calls that block; those that have not looked since something moved */
    bool returning;            /* one has gone on, and has not asked for the time yet */
    pthread_t who;
    vs sockets;
    void *mem;
    uint64_t now_us;
    struct {
        uint8_t *bytes;
        uint32_t count;
        uint64_t time_us;
    } queue[QUEUE_MAX];
    uint32_t queue_first, queue_count;
    int virtual_of[REAL_FD_MAX]; /* by the kernel's number; 0: none */
};

/* ---------------------------------------------------------------- the stack */

static void catch_frame(struct drill *d, const aksu_frame *frame) {
    if (d->queue_count == QUEUE_MAX) return;
    uint8_t *bytes = malloc(frame->total_bytes);
    if (bytes == NULL) return;
    uint32_t at = 0;
    for (uint32_t i = 0; i < frame->iov_count; at += (uint32_t)frame->iov[i].bytes, i++)
        memcpy(bytes + at, frame->iov[i].base, frame->iov[i].bytes);
    uint32_t slot = (d->queue_first + d->queue_count++) % QUEUE_MAX;
    d->queue[slot].bytes = bytes;
    d->queue[slot].count = at;
    d->queue[slot].time_us = d->now_us;
}

/* All that happens at this instant; who waits looks again. */
static void settle(struct drill *d) {
    aksu_frame frames[16];
    size_t count;
    do {
        while ((count = aksu_output(d->sockets.stack, d->now_us, frames, 16)) > 0) {
            for (size_t i = 0; i < count; i++) catch_frame(d, &frames[i]);
        }
    } while (vs_events(&d->sockets));
    d->to_look = d->waiting;
    (void)pthread_cond_broadcast(&d->moved);
}

/* A call that would block waits here for something to move. */
static void wait_here(struct drill *d) {
    d->waiting++;
    (void)pthread_cond_wait(&d->moved, &d->lock);
    d->waiting--;
    if (d->to_look > 0) d->to_look--;
    d->returning = true; /* unless it comes here again */
    d->who = pthread_self();
    (void)pthread_cond_signal(&d->looked);
}

static void blocks_again(struct drill *d) {
    if (d->returning && pthread_equal(d->who, pthread_self())) d->returning = false;
    (void)pthread_cond_signal(&d->looked);
}

/* Before time moves: those who wait have looked, and who goes on has the time.  Never for long: a thread of the tool's
 * that asks for no time must not hold us up. */
static void let_them_look(struct drill *d) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (d->to_look > 0 || (d->returning && !pthread_equal(d->who, pthread_self()))) {
        if (pthread_cond_timedwait(&d->looked, &d->lock, &until) == ETIMEDOUT) break;
    }
    d->to_look = 0;
    d->returning = false;
}

static void go_to(struct drill *d, uint64_t target_us) {
    for (;;) {
        settle(d);
        let_them_look(d);
        uint64_t next_us = aksu_deadline_us(d->sockets.stack);
        if (next_us > target_us) break;
        if (next_us > d->now_us) d->now_us = next_us;
    }
    if (target_us > d->now_us) d->now_us = target_us;
    aksu_advance(d->sockets.stack, d->now_us);
    settle(d);
}

static int result_of(int64_t result) {
    if (result >= 0) return (int)result;
    errno = (int)-result;
    return -1;
}

/* ---------------------------------------------------------------- descriptors */

/* A number that is open in the kernel stands for a virtual one. */
static int real_fd(struct drill *d, int64_t virtual_fd) {
    if (virtual_fd < 0) return result_of(virtual_fd);
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0 || fd >= REAL_FD_MAX) {
        if (fd >= 0) (void)close(fd);
        (void)vs_close(&d->sockets, virtual_fd);
        errno = EMFILE;
        return -1;
    }
    d->virtual_of[fd] = (int)virtual_fd;
    return fd;
}

static int virtual_fd(const struct drill *d, int fd) {
    return fd >= 0 && fd < REAL_FD_MAX && d->virtual_of[fd] != 0 ? d->virtual_of[fd] : -1;
}

static aksu_endpoint endpoint_of(const struct sockaddr *addr) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
    const uint8_t *b = (const uint8_t *)&in->sin_addr;
    return (aksu_endpoint){.addr = aksu_addr_v4(b[0], b[1], b[2], b[3]), .port = ntohs(in->sin_port)};
}

/* ---------------------------------------------------------------- opening and closing */

static int drill_socket(void *user, int domain, int type, int protocol) {
    struct drill *d = user;
    (void)protocol;
    (void)pthread_mutex_lock(&d->lock);
    int fd = real_fd(d, vs_socket(&d->sockets, domain, type));
    (void)pthread_mutex_unlock(&d->lock);
    return fd;
}

/* The tool chooses our address; it is where its packets go. */
static void take_address(struct drill *d, const aksu_addr *addr) {
    if (!aksu_addr_is_any(addr)) (void)aksu_addr_add(d->sockets.stack, 0, addr, 16);
}

static int drill_bind(void *user, int fd, const struct sockaddr *addr, socklen_t bytes) {
    struct drill *d = user;
    (void)bytes;
    aksu_endpoint local = endpoint_of(addr);
    (void)pthread_mutex_lock(&d->lock);
    take_address(d, &local.addr);
    int result = result_of(vs_bind(&d->sockets, virtual_fd(d, fd), local.port));
    (void)pthread_mutex_unlock(&d->lock);
    return result;
}

static int drill_listen(void *user, int fd, int backlog) {
    struct drill *d = user;
    (void)pthread_mutex_lock(&d->lock);
    int result = result_of(vs_listen(&d->sockets, virtual_fd(d, fd), backlog));
    (void)pthread_mutex_unlock(&d->lock);
    return result;
}

static void tell_peer(struct drill *d, int64_t fd, struct sockaddr *addr, socklen_t *bytes) {
    aksu_tcp_info info;
    if (addr == NULL || bytes == NULL || vs_info(&d->sockets, fd, &info) < 0) return;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(info.remote.port)};
    memcpy(&in.sin_addr, info.remote.addr.byte + 12, 4);
    memcpy(addr, &in, *bytes < sizeof in ? *bytes : sizeof in);
    *bytes = sizeof in;
}

static int drill_accept(void *user, int fd, struct sockaddr *addr, socklen_t *bytes) {
    struct drill *d = user;
    int64_t result;
    (void)pthread_mutex_lock(&d->lock);
    while ((result = vs_accept(&d->sockets, virtual_fd(d, fd), false)) == VS_BLOCKS) {
        blocks_again(d);
        wait_here(d);
    }
    if (result >= 0) tell_peer(d, result, addr, bytes);
    int real = real_fd(d, result);
    (void)pthread_mutex_unlock(&d->lock);
    return real;
}

static int drill_connect(void *user, int fd, const struct sockaddr *addr, socklen_t bytes) {
    struct drill *d = user;
    (void)bytes;
    aksu_endpoint remote = endpoint_of(addr);
    (void)pthread_mutex_lock(&d->lock);
    int64_t result = vs_connect(&d->sockets, virtual_fd(d, fd), &remote);
    settle(d);
    while (result == VS_BLOCKS) {
        blocks_again(d);
        wait_here(d);
        result = vs_connect(&d->sockets, virtual_fd(d, fd), &remote);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return result_of(result);
}

static int drill_close(void *user, int fd) {
    struct drill *d = user;
    (void)pthread_mutex_lock(&d->lock);
    int64_t result = vs_close(&d->sockets, virtual_fd(d, fd));
    if (result == 0) {
        d->virtual_of[fd] = 0;
        (void)close(fd);
    }
    settle(d);
    (void)pthread_mutex_unlock(&d->lock);
    return result_of(result);
}

static int drill_shutdown(void *user, int fd, int how) {
    struct drill *d = user;
    (void)pthread_mutex_lock(&d->lock);
    int64_t result = vs_shutdown(&d->sockets, virtual_fd(d, fd), how);
    settle(d);
    (void)pthread_mutex_unlock(&d->lock);
    return result_of(result);
}

/* ---------------------------------------------------------------- reading and writing */

static ssize_t read_bytes(struct drill *d, int fd, void *buf, size_t count, int flags) {
    int64_t result;
    (void)pthread_mutex_lock(&d->lock);
    while ((result = vs_read(&d->sockets, virtual_fd(d, fd), buf, count, flags)) == VS_BLOCKS) {
        blocks_again(d);
        wait_here(d);
    }
    settle(d);
    (void)pthread_mutex_unlock(&d->lock);
    if (result >= 0) return (ssize_t)result;
    return result_of(result);
}

static ssize_t write_bytes(struct drill *d, int fd, const void *buf, size_t count, int flags) {
    int64_t result;
    size_t done = 0;
    (void)pthread_mutex_lock(&d->lock);
    while ((result = vs_write(&d->sockets, virtual_fd(d, fd), buf, count, flags, &done)) == VS_BLOCKS) {
        settle(d);
        blocks_again(d);
        wait_here(d);
    }
    settle(d);
    (void)pthread_mutex_unlock(&d->lock);
    if (result >= 0) return (ssize_t)result;
    return result_of(result);
}

static ssize_t drill_read(void *user, int fd, void *buf, size_t count) {
    return read_bytes(user, fd, buf, count, 0);
}
static ssize_t drill_recv(void *user, int fd, void *buf, size_t count, int flags) {
    return read_bytes(user, fd, buf, count, flags);
}
static ssize_t drill_recvfrom(void *user, int fd, void *buf, size_t count, int flags, struct sockaddr *addr,
                              socklen_t *bytes) {
    (void)addr;
    if (bytes != NULL) *bytes = 0; /* a connected socket tells no address */
    return read_bytes(user, fd, buf, count, flags);
}
static ssize_t drill_write(void *user, int fd, const void *buf, size_t count) {
    return write_bytes(user, fd, buf, count, 0);
}
static ssize_t drill_send(void *user, int fd, const void *buf, size_t count, int flags) {
    return write_bytes(user, fd, buf, count, flags);
}

static size_t bytes_of(const struct iovec *iov, size_t count) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += iov[i].iov_len;
    return sum;
}

static ssize_t read_pieces(struct drill *d, int fd, const struct iovec *iov, size_t count, int flags) {
    size_t cap = bytes_of(iov, count);
    uint8_t *buf = malloc(cap > 0 ? cap : 1);
    if (buf == NULL) return result_of(-ENOMEM);
    ssize_t result = read_bytes(d, fd, buf, cap, flags);
    size_t at = 0;
    for (size_t i = 0; result > 0 && i < count && at < (size_t)result; i++) {
        size_t piece = (size_t)result - at < iov[i].iov_len ? (size_t)result - at : iov[i].iov_len;
        memcpy(iov[i].iov_base, buf + at, piece);
        at += piece;
    }
    free(buf);
    return result;
}

static ssize_t write_pieces(struct drill *d, int fd, const struct iovec *iov, size_t count, int flags) {
    size_t bytes = bytes_of(iov, count), at = 0;
    uint8_t *buf = malloc(bytes > 0 ? bytes : 1);
    if (buf == NULL) return result_of(-ENOMEM);
    for (size_t i = 0; i < count; at += iov[i].iov_len, i++) memcpy(buf + at, iov[i].iov_base, iov[i].iov_len);
    ssize_t result = write_bytes(d, fd, buf, bytes, flags);
    free(buf);
    return result;
}

static ssize_t drill_readv(void *user, int fd, const struct iovec *iov, int count) {
    return read_pieces(user, fd, iov, (size_t)count, 0);
}
static ssize_t drill_recvmsg(void *user, int fd, struct msghdr *message, int flags) {
    message->msg_namelen = 0;
    message->msg_controllen = 0;
    message->msg_flags = 0;
    return read_pieces(user, fd, message->msg_iov, message->msg_iovlen, flags);
}
static ssize_t drill_writev(void *user, int fd, const struct iovec *iov, int count) {
    return write_pieces(user, fd, iov, (size_t)count, 0);
}
static ssize_t drill_sendmsg(void *user, int fd, const struct msghdr *message, int flags) {
    return write_pieces(user, fd, message->msg_iov, message->msg_iovlen, flags);
}
static ssize_t drill_sendto(void *user, int fd, const void *buf, size_t count, int flags, const struct sockaddr *addr,
                            socklen_t bytes) {
    struct drill *d = user;
    (void)bytes;
    if ((flags & MSG_FASTOPEN) && addr != NULL) {
        aksu_endpoint remote = endpoint_of(addr);
        (void)pthread_mutex_lock(&d->lock);
        int64_t result = vs_send_open(&d->sockets, virtual_fd(d, fd), &remote);
        (void)pthread_mutex_unlock(&d->lock);
        if (result < 0) return result_of(result);
    }
    return write_bytes(d, fd, buf, count, flags);
}

/* ---------------------------------------------------------------- settings */

static int drill_fcntl(void *user, int fd, int command, ...) {
    struct drill *d = user;
    va_list args;
    va_start(args, command);
    long value = va_arg(args, long);
    va_end(args);
    (void)pthread_mutex_lock(&d->lock);
    int result = result_of(vs_fcntl(&d->sockets, virtual_fd(d, fd), command, value));
    (void)pthread_mutex_unlock(&d->lock);
    return result;
}

static int drill_ioctl(void *user, int fd, unsigned long request, ...) {
    struct drill *d = user;
    va_list args;
    va_start(args, request);
    int *to = va_arg(args, int *);
    va_end(args);
    int64_t value = 0;
    (void)pthread_mutex_lock(&d->lock);
    int result = result_of(vs_ioctl(&d->sockets, virtual_fd(d, fd), (int64_t)request, &value));
    (void)pthread_mutex_unlock(&d->lock);
    if (result == 0 && to != NULL) *to = (int)value;
    return result;
}

/* Linux's tcp_info from ours, by its names. */
static void fill_info(const aksu_tcp_info *info, struct tcp_info *to) {
    int64_t v = 0;
    *to = (struct tcp_info){.tcpi_ca_state = 0};
#define FIELD(name)                                                                                                    \
    if (script_tcp_info(#name, info, &v)) to->name = (__typeof__(to->name))v
    FIELD(tcpi_state);
    FIELD(tcpi_retransmits);
    FIELD(tcpi_options);
    FIELD(tcpi_rto);
    FIELD(tcpi_snd_mss);
    FIELD(tcpi_rcv_mss);
    FIELD(tcpi_unacked);
    FIELD(tcpi_pmtu);
    FIELD(tcpi_rtt);
    FIELD(tcpi_rttvar);
    FIELD(tcpi_snd_ssthresh);
    FIELD(tcpi_snd_cwnd);
    FIELD(tcpi_total_retrans);
#undef FIELD
    to->tcpi_snd_wscale = (unsigned)info->snd_wscale & 15u;
    to->tcpi_rcv_wscale = (unsigned)info->rcv_wscale & 15u;
}

static int drill_getsockopt(void *user, int fd, int level, int name, void *value, socklen_t *bytes) {
    struct drill *d = user;
    int64_t number = 0, result;
    (void)pthread_mutex_lock(&d->lock);
    if (level == SOL_TCP && name == TCP_INFO) {
        aksu_tcp_info info;
        struct tcp_info linux_info;
        result = vs_info(&d->sockets, virtual_fd(d, fd), &info);
        if (result == 0) {
            fill_info(&info, &linux_info);
            if (*bytes > sizeof linux_info) *bytes = sizeof linux_info;
            memcpy(value, &linux_info, *bytes);
        }
    } else {
        result = vs_getsockopt(&d->sockets, virtual_fd(d, fd), level, name, &number);
        int narrow = (int)number;
        if (result == 0 && *bytes >= sizeof narrow) {
            memcpy(value, &narrow, sizeof narrow);
            *bytes = sizeof narrow;
        }
    }
    (void)pthread_mutex_unlock(&d->lock);
    return result_of(result);
}

static int drill_setsockopt(void *user, int fd, int level, int name, const void *value, socklen_t bytes) {
    struct drill *d = user;
    int numbers[2] = {0, 0};
    if (bytes > sizeof numbers) return result_of(-ENOPROTOOPT);
    memcpy(numbers, value, bytes);
    (void)pthread_mutex_lock(&d->lock);
    int64_t result = vs_setsockopt(&d->sockets, virtual_fd(d, fd), level, name, numbers[0], numbers[1]);
    settle(d);
    (void)pthread_mutex_unlock(&d->lock);
    return result_of(result);
}

static int drill_poll(void *user, struct pollfd *fds, nfds_t count, int timeout_ms) {
    struct drill *d = user;
    int ready;
    (void)pthread_mutex_lock(&d->lock);
    uint64_t until_us = timeout_ms < 0 ? UINT64_MAX : d->now_us + (uint64_t)timeout_ms * 1000;
    for (;;) {
        ready = 0;
        for (nfds_t i = 0; i < count; i++) {
            fds[i].revents = (short)vs_poll(&d->sockets, virtual_fd(d, fds[i].fd), fds[i].events);
            if (fds[i].revents != 0) ready++;
        }
        if (ready > 0 || d->now_us >= until_us) break;
        blocks_again(d);
        wait_here(d);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return ready;
}

/* ---------------------------------------------------------------- the network and the clock */

static int drill_netdev_send(void *user, const void *buf, size_t count) {
    struct drill *d = user;
    aksu_iov iov = {.base = (void *)(uintptr_t)buf, .bytes = count};
    aksu_frame frame = {.total_bytes = (uint32_t)count, .iov_count = 1, .iov = &iov};
    const uint8_t *ip = buf;
    (void)pthread_mutex_lock(&d->lock);
    if (count >= 20) {
        aksu_addr to = aksu_addr_v4(ip[16], ip[17], ip[18], ip[19]);
        take_address(d, &to);
    }
    aksu_input(d->sockets.stack, d->now_us, &frame, 1);
    settle(d);
    (void)pthread_mutex_unlock(&d->lock);
    return 0;
}

static int drill_netdev_receive(void *user, void *buf, size_t *count, long long *time_us) {
    struct drill *d = user;
    (void)pthread_mutex_lock(&d->lock);
    settle(d);
    while (d->queue_count == 0) {
        let_them_look(d);
        if (d->queue_count > 0) break;
        uint64_t next_us = aksu_deadline_us(d->sockets.stack);
        if (next_us == UINT64_MAX) break;
        go_to(d, next_us);
    }
    if (d->queue_count == 0) {
        *count = 0;
    } else {
        size_t bytes = d->queue[d->queue_first].count;
        if (bytes > *count) bytes = *count;
        memcpy(buf, d->queue[d->queue_first].bytes, bytes);
        *count = bytes;
        *time_us = (long long)EPOCH_S * 1000000 + (long long)d->queue[d->queue_first].time_us;
        free(d->queue[d->queue_first].bytes);
        d->queue_first = (d->queue_first + 1) % QUEUE_MAX;
        d->queue_count--;
    }
    (void)pthread_mutex_unlock(&d->lock);
    return 0;
}

static int drill_usleep(void *user, useconds_t us) {
    struct drill *d = user;
    (void)pthread_mutex_lock(&d->lock);
    go_to(d, d->now_us + us + 1);
    (void)pthread_mutex_unlock(&d->lock);
    return 0;
}

static int drill_gettimeofday(void *user, struct timeval *tv, struct timezone *zone) {
    struct drill *d = user;
    (void)zone;
    (void)pthread_mutex_lock(&d->lock);
    if (!d->returning || !pthread_equal(d->who, pthread_self())) go_to(d, d->now_us + 1);
    blocks_again(d);
    tv->tv_sec = (time_t)(EPOCH_S + d->now_us / 1000000);
    tv->tv_usec = (suseconds_t)(d->now_us % 1000000);
    (void)pthread_mutex_unlock(&d->lock);
    return 0;
}

/* ---------------------------------------------------------------- what sockets here do not have */

static int drill_epoll_create(void *user, int size) {
    (void)user;
    (void)size;
    return result_of(-ENOSYS);
}
static int drill_epoll_ctl(void *user, int epfd, int op, int fd, struct epoll_event *event) {
    (void)user;
    (void)epfd;
    (void)op;
    (void)fd;
    (void)event;
    return result_of(-ENOSYS);
}
static int drill_epoll_wait(void *user, int epfd, struct epoll_event *events, int count, int timeout_ms) {
    (void)user;
    (void)epfd;
    (void)events;
    (void)count;
    (void)timeout_ms;
    return result_of(-ENOSYS);
}
static int drill_pipe(void *user, int fds[2]) {
    (void)user;
    (void)fds;
    return result_of(-ENOSYS);
}
static int drill_splice(void *user, int in, loff_t *in_offset, int out, loff_t *out_offset, size_t count,
                        unsigned flags) {
    (void)user;
    (void)in;
    (void)in_offset;
    (void)out;
    (void)out_offset;
    (void)count;
    (void)flags;
    return result_of(-ENOSYS);
}

/* ---------------------------------------------------------------- the beginning and the end */

static void drill_free(void *user) {
    struct drill *d = user;
    for (int fd = 0; fd < REAL_FD_MAX; fd++) {
        if (d->virtual_of[fd] != 0) (void)close(fd);
    }
    for (; d->queue_count > 0; d->queue_count--) {
        free(d->queue[d->queue_first].bytes);
        d->queue_first = (d->queue_first + 1) % QUEUE_MAX;
    }
    free(d->mem);
    free(d);
}

/* --so_flags is the name of a profile; none: linux. */
static bool open_stack(struct drill *d, const char *flags) {
    script_profile profile = SCRIPT_PROFILE_LINUX;
    if (flags != NULL && flags[0] != '\0' && !script_profile_named(flags, &profile)) {
        (void)fprintf(stderr, "aksu-packetdrill: --so_flags takes aksu, linux or freebsd, not '%s'\n", flags);
        return false;
    }
    script_config(profile, &d->sockets.config);
    size_t bytes = (aksu_stack_bytes(&d->sockets.config) + 63) & ~(size_t)63;
    d->mem = bytes > 0 ? aligned_alloc(64, bytes) : NULL;
    if (d->mem == NULL) return false;
    memset(d->mem, 0, bytes);
    aksu_link_config link = {.struct_bytes = sizeof link, .mtu = 1500};
    aksu_addr local = aksu_addr_v4(192, 168, 0, 1); /* packetdrill's own default */
    aksu_route route = {.prefix = aksu_addr_v4(0, 0, 0, 0)};
    uint16_t number;
    return aksu_stack_init(&d->sockets.config, d->mem, bytes, &d->sockets.stack) == AKSU_OK &&
           aksu_link_add(d->sockets.stack, &link, &number) == AKSU_OK &&
           aksu_addr_add(d->sockets.stack, number, &local, 16) == AKSU_OK &&
           aksu_route_add(d->sockets.stack, &route) == AKSU_OK;
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ret_interface) {
    struct drill *d = calloc(1, sizeof *d);
    if (d == NULL || !open_stack(d, flags)) {
        (void)fprintf(stderr, "aksu-packetdrill: cannot make a stack\n");
        exit(1); /* the interface knows no failure */
    }
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_cond_init(&d->moved, NULL);
    (void)pthread_cond_init(&d->looked, NULL);
    d->now_us = 1000000;
    aksu_advance(d->sockets.stack, d->now_us);
    *ret_interface = (struct packetdrill_interface){
        .userdata = d,
        .free = drill_free,
        .socket = drill_socket,
        .bind = drill_bind,
        .listen = drill_listen,
        .accept = drill_accept,
        .connect = drill_connect,
        .read = drill_read,
        .readv = drill_readv,
        .recv = drill_recv,
        .recvfrom = drill_recvfrom,
        .recvmsg = drill_recvmsg,
        .write = drill_write,
        .writev = drill_writev,
        .send = drill_send,
        .sendto = drill_sendto,
        .sendmsg = drill_sendmsg,
        .fcntl = drill_fcntl,
        .ioctl = drill_ioctl,
        .close = drill_close,
        .shutdown = drill_shutdown,
        .getsockopt = drill_getsockopt,
        .setsockopt = drill_setsockopt,
        .poll = drill_poll,
        .netdev_send = drill_netdev_send,
        .netdev_receive = drill_netdev_receive,
        .usleep = drill_usleep,
        .gettimeofday = drill_gettimeofday,
        .epoll_create = drill_epoll_create,
        .epoll_ctl = drill_epoll_ctl,
        .epoll_wait = drill_epoll_wait,
        .pipe = drill_pipe,
        .splice = drill_splice,
    };
}
