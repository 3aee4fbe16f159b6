/* Goal: one call makes a stack that the kernel can talk to over TUN, in a network namespace of the test's own; a
 * failure leaves nothing behind; and a device that is deleted under the loop is said to be gone.  Skipped where the
 * kernel allows no namespace or no TUN. */
#include "aksu/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIPPED   77
#define PORT      7
#define TURN_US   10000u
#define TURNS_MAX 500u
#define BULK      (8u << 20)

/* An echo server; what has been received is sent back as far as there is room. */
static void echo(aksu_stack *stack, aksu_sock sock) {
    aksu_iov piece;
    uint32_t count;
    size_t bytes;
    aksu_err err;
    while ((err = aksu_tcp_recv_peek(stack, sock, &piece, 1, &count)) == AKSU_OK &&
           (err = aksu_tcp_send(stack, sock, piece.base, piece.bytes, 0, &bytes)) == AKSU_OK) {
        assert_int_equal(aksu_tcp_recv_consume(stack, sock, bytes), AKSU_OK);
    }
    if (err != AKSU_ERR_AGAIN) (void)aksu_tcp_close(stack, sock);
}

static void on_event(void *user, aksu_stack *stack, const aksu_event *event) {
    (void)user;
    aksu_sock sock;
    if ((event->bits & AKSU_EV_INCOMING) == 0) {
        echo(stack, event->sock);
        return;
    }
    while (aksu_tcp_accept(stack, event->sock, &sock) == AKSU_OK) echo(stack, sock);
}

static aksu_host open_echo(uint32_t output_sync, uint32_t tun_flags) {
    aksu_host_config config;
    aksu_host_config_default(&config);
    config.stack.output_sync = output_sync;
    config.tun.flags = tun_flags;
    config.on_event = on_event;
    aksu_host host;
    aksu_host_error error = {0};
    int failed = aksu_host_open(&config, &host, &error);
    if (failed) print_message("%s\n", error.text);
    assert_int_equal(failed, 0);
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local = {.port = PORT, .link = AKSU_LINK_ANY}, .backlog = 4};
    aksu_sock listener;
    assert_int_equal(aksu_tcp_listen(host.stack, &open, &listener), AKSU_OK);
    return host;
}

static int kernel_connect(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    assert_int_equal(inet_pton(AF_INET, "192.0.2.2", &remote.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&remote, sizeof remote), -1);
    assert_int_equal(errno, EINPROGRESS);
    return fd;
}

static uint8_t bulk_byte(uint32_t at) {
    return (uint8_t)(at * 17 + (at >> 9));
}

struct progress {
    uint32_t sent, got;
    bool wrong_byte, ended;
};

/* What the kernel's side can do now: send more, half-close when all is sent, check what comes back. */
static void kernel_step(int fd, uint32_t bulk_bytes, struct progress *progress) {
    uint8_t chunk[50000];
    while (progress->sent < bulk_bytes) {
        uint32_t bytes = bulk_bytes - progress->sent;
        if (bytes > sizeof chunk) bytes = sizeof chunk;
        for (uint32_t i = 0; i < bytes; i++) chunk[i] = bulk_byte(progress->sent + i);
        ssize_t wrote = send(fd, chunk, bytes, MSG_NOSIGNAL);
        if (wrote < 0) break;
        progress->sent += (uint32_t)wrote;
        if (progress->sent == bulk_bytes) assert_int_equal(shutdown(fd, SHUT_WR), 0);
    }
    ssize_t got;
    while ((got = recv(fd, chunk, sizeof chunk, 0)) > 0) {
        for (uint32_t i = 0; i < (uint32_t)got; i++) {
            progress->wrong_byte |= chunk[i] != bulk_byte(progress->got + i);
        }
        progress->got += (uint32_t)got;
    }
    progress->ended |= got == 0;
}

static void kernel_sends_bulk_gets_it_back(void **state) {
    (void)state;
    const struct { uint32_t output_sync, tun_flags; } cases[] = {{1, 0}, {0, 0}, {1, AKSU_TUN_NO_OFFLOAD}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        aksu_host host = open_echo(cases[i].output_sync, cases[i].tun_flags);
        int fd = kernel_connect();
        struct progress progress = {0};
        for (uint32_t turn = 0; turn < 100 * TURNS_MAX && !progress.ended; turn++) {
            assert_int_equal(aksu_loop_turn(host.loop, TURN_US, NULL), 0);
            kernel_step(fd, BULK, &progress);
        }
        assert_int_equal(progress.got, BULK);
        assert_false(progress.wrong_byte);
        assert_true(progress.ended);
        assert_int_equal(host.driver->counters.write_drops, 0);
        assert_int_equal(host.driver->counters.read_drops, 0);
        aksu_counters counters;
        aksu_counters_get(host.stack, &counters);
        assert_int_equal(counters.output_token_unknown, 0);
        assert_int_equal(counters.drop[AKSU_DROP_TCP_CHECKSUM], 0);
        (void)close(fd);
        aksu_host_close(&host);
        assert_null(host.stack);
        assert_int_equal(if_nametoindex("aksu0"), 0);
    }
}

static void kernel_connects_closed_port_refused(void **state) {
    (void)state;
    aksu_host_config config;
    aksu_host_config_default(&config);
    aksu_host host;
    assert_int_equal(aksu_host_open(&config, &host, NULL), 0);
    int fd = kernel_connect();
    int error = 0;
    for (uint32_t turn = 0; turn < TURNS_MAX && error == 0; turn++) {
        assert_int_equal(aksu_loop_turn(host.loop, TURN_US, NULL), 0);
        socklen_t bytes = sizeof error;
        assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes), 0);
    }
    assert_int_equal(error, ECONNREFUSED);
    (void)close(fd);
    aksu_host_close(&host);
}

static void delete_device(const char *name) {
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } request = {
        .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_DELLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .link = {.ifi_index = (int)if_nametoindex(name)},
    };
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    assert_int_equal(send(fd, &request, sizeof request, 0), sizeof request);
    uint8_t answer[1024];
    assert_true(recv(fd, answer, sizeof answer, 0) > 0);
    (void)close(fd);
    assert_int_equal(if_nametoindex(name), 0);
}

static void device_deleted_run_ends_with_text(void **state) {
    (void)state;
    aksu_host host = open_echo(1, 0);
    delete_device(aksu_tun_name(host.driver));
    aksu_host_error error = {0};
    assert_int_equal(aksu_loop_run(host.loop, &error), -ENODEV);
    assert_non_null(strstr(error.text, "tun device is gone"));
    aksu_host_close(&host);
}

static void open_failing_half_way_leaves_nothing(void **state) {
    (void)state;
    aksu_host_config config;
    aksu_host host = {0};
    aksu_host_error error = {0};
    aksu_host_config_default(&config);
    config.addr[1].addr = config.tun.host_addr[0].addr;
    assert_int_equal(aksu_host_open(&config, &host, &error), -EINVAL);
    assert_non_null(strstr(error.text, "same address"));

    aksu_host_config_default(&config);
    config.addr[0].prefix_bits = 33; /* found out last, when the device is up */
    assert_int_equal(aksu_host_open(&config, &host, &error), -EINVAL);
    assert_non_null(strstr(error.text, "address"));
    assert_int_equal(if_nametoindex("aksu0"), 0);

    aksu_host_config_default(&config);
    config.stack.tcp_max = 0;
    assert_int_equal(aksu_host_open(&config, &host, &error), -EINVAL);
    assert_non_null(strstr(error.text, "tcp_max"));
    assert_null(host.stack);
}

int main(void) {
    bool root = geteuid() == 0;
    if (unshare(root ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) < 0) {
        printf("no network namespace can be had here: %s\n", strerror(errno));
        return SKIPPED;
    }
    aksu_tun_config config;
    aksu_tun_config_default(&config);
    aksu_driver *driver = NULL;
    aksu_host_error error = {0};
    if (aksu_tun_open(&config, &driver, &error) != 0) { /* why not is test_host_tun's business */
        printf("%s\n", error.text);
        return SKIPPED;
    }
    aksu_driver_close(driver);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_sends_bulk_gets_it_back),
        cmocka_unit_test(kernel_connects_closed_port_refused),
        cmocka_unit_test(device_deleted_run_ends_with_text),
        cmocka_unit_test(open_failing_half_way_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
