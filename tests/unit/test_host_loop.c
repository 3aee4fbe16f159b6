/* Goal: the loop carries packets between a driver and a stack, keeps what a full link does not take, and serves the
 * application's descriptors, signals and alarm.
 *
 * The driver is one end of a datagram socket pair, small enough to be full; the other end is the test's.  The traffic
 * is ICMP echo, which the stack answers alone. */
#include "aksu/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BATCH       8u
#define PACKET_MAX  2048u
#define PING_BYTES  28u
#define REPLY_MAX   64u
#define BURST_COUNT 60u

/* ---------------------------------------------------------------- a driver over a socket pair */

struct pair_driver {
    aksu_driver driver;
    int far_fd; /* the test's */
    uint8_t packets[BATCH][PACKET_MAX];
    aksu_iov iov[BATCH];
};

static size_t pair_read(aksu_driver *driver, aksu_frame *ret_frames, size_t cap) {
    struct pair_driver *pair = (struct pair_driver *)driver;
    size_t count = 0;
    while (count < cap && count < BATCH) {
        ssize_t got = recv(driver->fd, pair->packets[count], PACKET_MAX, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) driver->error = ENODEV;
        if (got <= 0) break;
        pair->iov[count] = (aksu_iov){pair->packets[count], (size_t)got};
        ret_frames[count] = (aksu_frame){
            .flags = AKSU_FRAME_V4, .total_bytes = (uint32_t)got, .iov = &pair->iov[count], .iov_count = 1};
        count++;
    }
    return count;
}

static size_t pair_write(aksu_driver *driver, const aksu_frame *frames, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)frames[i].iov,
                                 .msg_iovlen = frames[i].iov_count};
        if (sendmsg(driver->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            if (errno == EAGAIN) {
                driver->counters.write_waits++;
                return i;
            }
            driver->counters.write_drops++;
        } else {
            driver->counters.frames_out++;
        }
    }
    return count;
}

static void pair_link_config(const aksu_driver *driver, aksu_link_config *ret_config) {
    (void)driver;
    *ret_config = (aksu_link_config){.struct_bytes = sizeof *ret_config, .mtu = 1500};
}

static void pair_close(aksu_driver *driver) {
    struct pair_driver *pair = (struct pair_driver *)driver;
    (void)close(driver->fd);
    if (pair->far_fd >= 0) (void)close(pair->far_fd);
    free(pair);
}

static const aksu_driver_ops pair_ops = {
    .name = "pair", .read = pair_read, .write = pair_write, .link_config = pair_link_config, .close = pair_close};

static struct pair_driver *pair_open(void) {
    struct pair_driver *pair = calloc(1, sizeof *pair);
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
    int small = 4096;
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    pair->driver = (aksu_driver){.ops = &pair_ops, .fd = fds[0]};
    pair->far_fd = fds[1];
    return pair;
}

/* ---------------------------------------------------------------- the fixture */

struct fixture {
    aksu_arena arena;
    aksu_stack *stack;
    aksu_loop *loop;
    struct pair_driver *pair;
    uint16_t link;
};

static void fixture_open(struct fixture *fixture, uint32_t output_sync) {
    aksu_config config;
    aksu_config_default(&config);
    config.tcp_max = 16;
    config.reply_max = REPLY_MAX;
    config.output_sync = output_sync;
    aksu_host_error error = {0};
    int failed = aksu_host_stack(&config, AKSU_ARENA_SMALL_PAGES, &fixture->arena, &fixture->stack, &error);
    if (failed) print_message("%s\n", error.text);
    assert_int_equal(failed, 0);
    fixture->pair = pair_open();
    aksu_loop_config loop = {
        .struct_bytes = sizeof loop,
        .stack = fixture->stack,
        .output_sync = output_sync,
        .frame_max = config.frame_max,
    };
    assert_int_equal(aksu_loop_open(&loop, &fixture->loop, NULL), 0);
    aksu_link_config link = {0};
    pair_link_config(&fixture->pair->driver, &link);
    assert_int_equal(aksu_link_add(fixture->stack, &link, &fixture->link), AKSU_OK);
    aksu_addr addr = aksu_addr_v4(192, 0, 2, 2);
    assert_int_equal(aksu_addr_add(fixture->stack, fixture->link, &addr, 24), AKSU_OK);
    assert_int_equal(aksu_loop_add_link(fixture->loop, &fixture->pair->driver, fixture->link, NULL), 0);
}

static void fixture_close(struct fixture *fixture) {
    aksu_loop_close(fixture->loop);
    aksu_driver_close(&fixture->pair->driver);
    aksu_arena_unmap(&fixture->arena);
}

static void put_be16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t checksum(const uint8_t *bytes, uint32_t count) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i + 1 < count; i += 2) sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* Sends an echo request with a number into the link. */
static void ping(const struct fixture *fixture, uint32_t number) {
    uint8_t packet[PING_BYTES] = {0x45};
    put_be16(packet + 2, PING_BYTES);
    packet[8] = 64;
    packet[9] = 1;
    static const uint8_t addresses[8] = {192, 0, 2, 0x01, 192, 0, 2, 0x02};
    memcpy(packet + 12, addresses, sizeof addresses);
    put_be16(packet + 10, checksum(packet, 20));
    packet[20] = 8;
    put_be16(packet + 26, number);
    put_be16(packet + 22, checksum(packet + 20, 8));
    assert_int_equal(send(fixture->pair->far_fd, packet, sizeof packet, 0), sizeof packet);
}

/* The number of the next echo reply, or -1. */
static int pong(const struct fixture *fixture) {
    uint8_t packet[PACKET_MAX];
    ssize_t got = recv(fixture->pair->far_fd, packet, sizeof packet, MSG_DONTWAIT);
    if (got < 0) return -1;
    assert_int_equal(got, PING_BYTES);
    assert_int_equal(packet[20], 0);
    assert_int_equal(checksum(packet, 20), 0);
    assert_int_equal(checksum(packet + 20, 8), 0);
    return packet[26] << 8 | packet[27];
}

static void turn(const struct fixture *fixture) {
    assert_int_equal(aksu_loop_turn(fixture->loop, 0, NULL), 0);
}

/* ---------------------------------------------------------------- packets */

static void echo_request_one_turn_answered(void **state) {
    (void)state;
    for (uint32_t output_sync = 0; output_sync <= 1; output_sync++) {
        struct fixture fixture;
        fixture_open(&fixture, output_sync);
        ping(&fixture, 7);
        turn(&fixture);
        assert_int_equal(pong(&fixture), 7);
        assert_int_equal(pong(&fixture), -1);
        fixture_close(&fixture);
    }
}

/* More replies than the socket holds: they wait, lent, and leave in order and once, when there is room. */
static void replies_link_full_kept_until_writable(void **state) {
    (void)state;
    for (uint32_t output_sync = 0; output_sync <= 1; output_sync++) {
        struct fixture fixture;
        fixture_open(&fixture, output_sync);
        for (uint32_t i = 0; i < BURST_COUNT; i++) {
            ping(&fixture, i);
            turn(&fixture);
        }
        assert_true(fixture.pair->driver.counters.write_waits > 0);
        assert_true(fixture.pair->driver.counters.frames_out < BURST_COUNT);
        /* A full link must not make the loop spin: nothing is ready now. */
        struct pollfd one = {.fd = aksu_loop_fd(fixture.loop), .events = POLLIN};
        assert_int_equal(poll(&one, 1, 20), 0);
        uint32_t next = 0;
        for (uint32_t round = 0; round < 10 * BURST_COUNT && next < BURST_COUNT; round++) {
            int number = pong(&fixture);
            if (number >= 0) assert_int_equal(number, next++);
            turn(&fixture);
        }
        assert_int_equal(next, BURST_COUNT);
        assert_int_equal(pong(&fixture), -1);
        assert_int_equal(fixture.pair->driver.counters.write_drops, 0);
        aksu_counters counters;
        turn(&fixture);
        aksu_counters_get(fixture.stack, &counters);
        assert_int_equal(counters.output_token_unknown, 0);
        assert_int_equal(counters.frame_used, 0);
        fixture_close(&fixture);
    }
}

static void remove_link_full_gives_frames_back(void **state) {
    (void)state;
    for (uint32_t output_sync = 0; output_sync <= 1; output_sync++) {
        struct fixture fixture;
        fixture_open(&fixture, output_sync);
        for (uint32_t i = 0; i < BURST_COUNT; i++) {
            ping(&fixture, i);
            turn(&fixture);
        }
        assert_int_equal(aksu_loop_remove_link(fixture.loop, fixture.link), 0);
        assert_int_equal(aksu_loop_remove_link(fixture.loop, fixture.link), -ENOENT);
        turn(&fixture);
        turn(&fixture);
        aksu_counters counters;
        aksu_counters_get(fixture.stack, &counters);
        assert_int_equal(counters.frame_used, 0);
        assert_int_equal(counters.output_token_unknown, 0);
        fixture_close(&fixture);
    }
}

static void never_rung(void *user, uint64_t now_us) {
    (void)now_us;
    *(bool *)user = true;
}

/* What waited for a link that is no more holds nobody up: the next turn does not sleep on it. */
static void remove_link_full_others_go_on_at_once(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    for (uint32_t i = 0; i < BURST_COUNT; i++) {
        ping(&fixture, i);
        turn(&fixture);
    }
    assert_true(fixture.pair->driver.counters.write_waits > 0);
    assert_int_equal(aksu_loop_remove_link(fixture.loop, fixture.link), 0);
    bool slept = false;
    aksu_loop_alarm(fixture.loop, aksu_host_now_us() + 5000000, never_rung, &slept);
    assert_int_equal(aksu_loop_turn(fixture.loop, UINT64_MAX, NULL), 0);
    assert_false(slept);
    fixture_close(&fixture);
}

static void device_gone_turn_says_so_once(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    (void)close(fixture.pair->far_fd);
    fixture.pair->far_fd = -1;
    aksu_host_error error = {0};
    assert_int_equal(aksu_loop_turn(fixture.loop, 0, &error), -ENODEV);
    assert_non_null(strstr(error.text, "pair device is gone"));
    turn(&fixture);
    struct pollfd one = {.fd = aksu_loop_fd(fixture.loop), .events = POLLIN};
    assert_int_equal(poll(&one, 1, 0), 0);
    fixture_close(&fixture);
}

static void add_link_twice_refused(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    struct pair_driver *other = pair_open();
    assert_int_equal(aksu_loop_add_link(fixture.loop, &other->driver, fixture.link, NULL), -EEXIST);
    aksu_driver_close(&other->driver);
    fixture_close(&fixture);
}

/* ---------------------------------------------------------------- descriptors */

struct seen {
    aksu_loop *loop;
    aksu_watch *watch;
    uint32_t count;
    unsigned ready;
    bool unwatch;
};

static void note_ready(void *user, int fd, unsigned ready) {
    struct seen *seen = user;
    (void)fd;
    seen->count++;
    seen->ready = ready;
    if (seen->unwatch) aksu_loop_unwatch(seen->loop, seen->watch);
}

static void watch_pipe_reports_what_was_asked(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct seen seen = {.loop = fixture.loop};
    aksu_watch_config config = {.fd = fds[0], .interest = AKSU_WATCH_READ, .on_ready = note_ready, .user = &seen};
    assert_int_equal(aksu_loop_watch(fixture.loop, &config, &seen.watch, NULL), 0);
    aksu_watch *again = NULL;
    assert_int_equal(aksu_loop_watch(fixture.loop, &config, &again, NULL), -EEXIST);
    turn(&fixture);
    assert_int_equal(seen.count, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    turn(&fixture);
    turn(&fixture);
    assert_int_equal(seen.count, 2); /* a level, not an edge */
    assert_int_equal(seen.ready, AKSU_WATCH_READ);
    (void)close(fds[1]);
    turn(&fixture);
    assert_int_equal(seen.ready, AKSU_WATCH_READ | AKSU_WATCH_HANGUP);
    aksu_loop_rewatch(fixture.loop, seen.watch, 0);
    turn(&fixture);
    assert_int_equal(seen.count, 3); /* not even the hang-up */
    aksu_loop_rewatch(fixture.loop, seen.watch, AKSU_WATCH_READ);
    seen.unwatch = true;
    turn(&fixture);
    assert_int_equal(seen.count, 4);
    turn(&fixture);
    assert_int_equal(seen.count, 4);
    assert_int_equal(aksu_loop_watch(fixture.loop, &config, &seen.watch, NULL), 0);
    (void)close(fds[0]);
    fixture_close(&fixture);
}

static void watch_regular_file_always_ready(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    int fd = open("/proc/self/exe", O_RDONLY);
    assert_true(fd >= 0);
    struct seen seen = {.loop = fixture.loop};
    aksu_watch_config config = {.fd = fd, .interest = AKSU_WATCH_READ, .on_ready = note_ready, .user = &seen};
    assert_int_equal(aksu_loop_watch(fixture.loop, &config, &seen.watch, NULL), 0);
    assert_int_equal(aksu_loop_turn(fixture.loop, UINT64_MAX, NULL), 0); /* does not sleep */
    assert_int_equal(seen.count, 1);
    aksu_loop_rewatch(fixture.loop, seen.watch, 0);
    turn(&fixture);
    assert_int_equal(seen.count, 1);
    aksu_loop_rewatch(fixture.loop, seen.watch, AKSU_WATCH_READ);
    seen.unwatch = true;
    turn(&fixture);
    turn(&fixture);
    assert_int_equal(seen.count, 2);
    (void)close(fd);
    fixture_close(&fixture);
}

static void watch_closed_descriptor_refused(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    aksu_watch_config config = {.fd = 987, .interest = AKSU_WATCH_READ, .on_ready = note_ready};
    aksu_watch *watch = NULL;
    aksu_host_error error = {0};
    assert_int_equal(aksu_loop_watch(fixture.loop, &config, &watch, &error), -EBADF);
    assert_non_null(strstr(error.text, "987"));
    assert_null(watch);
    fixture_close(&fixture);
}

/* Two watches ready in one turn; the first handler ends the other's watch: its event must not reach it. */
struct rivals {
    aksu_loop *loop;
    aksu_watch *watch[2];
    uint32_t count;
};

static void end_both(void *user, int fd, unsigned ready) {
    struct rivals *rivals = user;
    (void)fd;
    (void)ready;
    rivals->count++;
    aksu_loop_unwatch(rivals->loop, rivals->watch[0]);
    aksu_loop_unwatch(rivals->loop, rivals->watch[1]);
}

static void unwatch_in_anothers_handler_is_silent(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    int fds[2][2];
    struct rivals rivals = {.loop = fixture.loop};
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(pipe(fds[i]), 0);
        assert_int_equal(write(fds[i][1], "x", 1), 1);
        aksu_watch_config config = {
            .fd = fds[i][0], .interest = AKSU_WATCH_READ, .on_ready = end_both, .user = &rivals};
        assert_int_equal(aksu_loop_watch(fixture.loop, &config, &rivals.watch[i], NULL), 0);
    }
    turn(&fixture);
    assert_int_equal(rivals.count, 1);
    fixture_close(&fixture);
    for (uint32_t i = 0; i < 4; i++) (void)close(fds[i / 2][i % 2]);
}

/* ---------------------------------------------------------------- signals, alarm, stop */

static void note_signal(void *user, int signal_number) {
    *(int *)user = signal_number;
}

static void signal_raised_handled_in_turn(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    int got = 0;
    assert_int_equal(aksu_loop_signal(fixture.loop, SIGUSR1, note_signal, &got, NULL), 0);
    assert_int_equal(aksu_loop_signal(fixture.loop, SIGUSR2, note_signal, &got, NULL), 0);
    assert_int_equal(aksu_loop_signal(fixture.loop, SIGKILL, note_signal, &got, NULL), -EINVAL);
    assert_int_equal(aksu_loop_signal(fixture.loop, 0, note_signal, &got, NULL), -EINVAL);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(got, 0);
    turn(&fixture);
    assert_int_equal(got, SIGUSR1);
    assert_int_equal(raise(SIGUSR2), 0);
    turn(&fixture);
    assert_int_equal(got, SIGUSR2);
    fixture_close(&fixture);
    sigset_t mask;
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    assert_false(sigismember(&mask, SIGUSR1));
}

struct alarm_seen {
    aksu_loop *loop;
    uint64_t at_us;
};

static void note_alarm(void *user, uint64_t now_us) {
    struct alarm_seen *seen = user;
    seen->at_us = now_us;
    aksu_loop_stop(seen->loop);
}

static void alarm_run_fires_once_not_early(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    struct alarm_seen seen = {.loop = fixture.loop};
    uint64_t at_us = aksu_host_now_us() + 3000;
    aksu_loop_alarm(fixture.loop, at_us, note_alarm, &seen);
    assert_int_equal(aksu_loop_run(fixture.loop, NULL), 0);
    assert_true(seen.at_us >= at_us);
    seen.at_us = 0;
    turn(&fixture);
    assert_true(seen.at_us == 0);

    /* Set earlier after a later one was armed; then waited for through the loop's descriptor. */
    aksu_loop_alarm(fixture.loop, aksu_host_now_us() + 3600000000u, note_alarm, &seen);
    turn(&fixture);
    aksu_loop_alarm(fixture.loop, aksu_host_now_us() + 2000, note_alarm, &seen);
    turn(&fixture);
    struct pollfd one = {.fd = aksu_loop_fd(fixture.loop), .events = POLLIN};
    while (seen.at_us == 0) {
        assert_int_equal(poll(&one, 1, 5000), 1);
        turn(&fixture);
    }
    fixture_close(&fixture);
}

static void turn_nothing_to_do_returns_after_wait(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    uint64_t before_us = aksu_host_now_us();
    assert_int_equal(aksu_loop_turn(fixture.loop, 2000, NULL), 0);
    assert_true(aksu_host_now_us() >= before_us + 2000);
    fixture_close(&fixture);
}

static void open_bad_config_refused(void **state) {
    (void)state;
    aksu_loop *loop = NULL;
    aksu_host_error error = {0};
    aksu_loop_config config = {0};
    assert_int_equal(aksu_loop_open(&config, &loop, &error), -EINVAL);
    config.struct_bytes = sizeof config;
    assert_int_equal(aksu_loop_open(&config, &loop, &error), -EINVAL);
    assert_non_null(strstr(error.text, "stack"));
    assert_null(loop);
    aksu_loop_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_request_one_turn_answered),
        cmocka_unit_test(replies_link_full_kept_until_writable),
        cmocka_unit_test(remove_link_full_gives_frames_back),
        cmocka_unit_test(remove_link_full_others_go_on_at_once),
        cmocka_unit_test(device_gone_turn_says_so_once),
        cmocka_unit_test(add_link_twice_refused),
        cmocka_unit_test(watch_pipe_reports_what_was_asked),
        cmocka_unit_test(watch_regular_file_always_ready),
        cmocka_unit_test(watch_closed_descriptor_refused),
        cmocka_unit_test(unwatch_in_anothers_handler_is_silent),
        cmocka_unit_test(signal_raised_handled_in_turn),
        cmocka_unit_test(alarm_run_fires_once_not_early),
        cmocka_unit_test(turn_nothing_to_do_returns_after_wait),
        cmocka_unit_test(open_bad_config_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
