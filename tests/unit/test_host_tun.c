/* Goal: a TUN device is made, named, configured, used both ways and gone again, in a network namespace that this test
 * makes for itself; and each refusal has its error and a text.  Skipped where the kernel allows no namespace or no
 * TUN.  Kernel UDP sockets are the peer, since they answer nothing on their own. */
#include "aksu/host.h"
#include "aksu/trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define SKIPPED     77
#define PEER_PORT   4000
#define OUR_PORT    5000
#define WAIT_MS     2000
#define HEADERS     28u /* IPv4 and UDP */
#define PAYLOAD_MAX 60000u

static aksu_driver *open_default(const char *name) {
    aksu_tun_config config;
    aksu_tun_config_default(&config);
    config.name = name;
    aksu_driver *driver = NULL;
    aksu_host_error error = {0};
    int failed = aksu_tun_open(&config, &driver, &error);
    if (failed) print_message("%s\n", error.text);
    assert_int_equal(failed, 0);
    return driver;
}

static short device_flags(const char *name) {
    struct ifreq device = {0};
    (void)snprintf(device.ifr_name, sizeof device.ifr_name, "%s", name);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    int failed = ioctl(fd, SIOCGIFFLAGS, &device);
    (void)close(fd);
    return failed ? 0 : device.ifr_flags;
}

/* A kernel socket bound to 192.0.2.1:PEER_PORT. */
static int peer_socket(void) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(PEER_PORT)};
    assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &local.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof local), 0);
    return fd;
}

static void peer_send(int fd, const void *data, size_t bytes) {
    struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons(OUR_PORT)};
    assert_int_equal(inet_pton(AF_INET, "192.0.2.2", &remote.sin_addr), 1);
    assert_int_equal(sendto(fd, data, bytes, 0, (struct sockaddr *)&remote, sizeof remote), bytes);
}

static bool wait_readable(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, WAIT_MS) == 1;
}

/* The next UDP frame that the kernel sends; other packets (there should be none) are passed over. */
static bool next_udp(aksu_driver *driver, aksu_frame *ret_frame) {
    *ret_frame = (aksu_frame){0};
    while (wait_readable(driver->fd)) {
        if (driver->ops->read(driver, ret_frame, 1) == 1 &&
            ((const uint8_t *)ret_frame->iov[0].base)[9] == IPPROTO_UDP) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- life */

static void open_default_device_up_with_address(void **state) {
    (void)state;
    aksu_driver *driver = open_default(NULL);
    assert_string_equal(aksu_tun_name(driver), "aksu0");
    assert_int_equal(aksu_tun_index(driver), if_nametoindex("aksu0"));
    assert_true(device_flags("aksu0") & IFF_UP);
    int fd = peer_socket(); /* binding needs the address */
    (void)close(fd);
    aksu_link_config link = {0};
    driver->ops->link_config(driver, &link);
    assert_int_equal(link.mtu, 1500);
    assert_int_equal(link.flags & ~(uint32_t)AKSU_LINK_USO, AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4 | AKSU_LINK_TSO6);
    assert_int_equal(link.tso_max_bytes, 65535);

    aksu_driver *second = open_default(NULL);
    assert_string_equal(aksu_tun_name(second), "aksu1");
    aksu_driver_close(second);
    aksu_driver_close(driver);
    assert_int_equal(if_nametoindex("aksu0"), 0);
}

static void open_without_offload_link_says_so(void **state) {
    (void)state;
    aksu_tun_config config;
    aksu_tun_config_default(&config);
    config.flags = AKSU_TUN_NO_OFFLOAD;
    config.mtu = 9000;
    config.name = "plain";
    aksu_driver *driver = NULL;
    assert_int_equal(aksu_tun_open(&config, &driver, NULL), 0);
    aksu_link_config link = {0};
    driver->ops->link_config(driver, &link);
    assert_int_equal(link.mtu, 9000);
    assert_int_equal(link.flags, 0);
    assert_int_equal(link.tso_max_bytes, 0);
    int peer = peer_socket();
    peer_send(peer, "checksum", 8);
    aksu_frame frame;
    assert_true(next_udp(driver, &frame));
    assert_int_equal(frame.checksum, AKSU_CHECKSUM_NONE);
    (void)close(peer);
    aksu_driver_close(driver);
}

static void open_ipv6_address_usable_at_once(void **state) {
    (void)state;
    aksu_tun_config config;
    aksu_tun_config_default(&config);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", config.host_addr[0].addr.byte), 1);
    config.host_addr[0].prefix_bits = 64;
    aksu_driver *driver = NULL;
    aksu_host_error error = {0};
    int failed = aksu_tun_open(&config, &driver, &error);
    if (failed) { /* a kernel without IPv6 */
        assert_non_null(strstr(error.text, "address"));
        skip();
    }
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 local = {.sin6_family = AF_INET6};
    memcpy(&local.sin6_addr, config.host_addr[0].addr.byte, 16);
    assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof local), 0);
    (void)close(fd);
    aksu_driver_close(driver);
}

/* ---------------------------------------------------------------- refusals */

static void expect_refusal(const aksu_tun_config *config, int code, const char *text) {
    aksu_driver *driver = NULL;
    aksu_host_error error = {0};
    assert_int_equal(aksu_tun_open(config, &driver, &error), -code);
    assert_int_equal(error.code, code);
    if (strstr(error.text, text) == NULL) fail_msg("\"%s\" does not say \"%s\"", error.text, text);
    assert_null(strchr(error.text, '\n'));
    assert_null(driver);
}

static void open_taken_name_busy(void **state) {
    (void)state;
    aksu_driver *driver = open_default("mine");
    aksu_tun_config config;
    aksu_tun_config_default(&config);
    config.name = "mine";
    expect_refusal(&config, EBUSY, "mine is taken");
    aksu_driver_close(driver);
}

static void open_bad_arguments_refused_by_name(void **state) {
    (void)state;
    const char *names[] = {"a/b", "sixteen-bytes-xx", "with space", "..", "t%d", "co:lon"};
    aksu_tun_config config;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        aksu_tun_config_default(&config);
        config.name = names[i];
        expect_refusal(&config, EINVAL, "cannot name a device");
    }
    aksu_tun_config_default(&config);
    config.name = "lo";
    expect_refusal(&config, EEXIST, "lo exists and is not a TUN device");
    aksu_tun_config_default(&config);
    config.name = "nothere";
    config.flags = AKSU_TUN_EXISTING;
    expect_refusal(&config, ENODEV, "no device nothere");
    aksu_tun_config_default(&config);
    config.mtu = 575;
    expect_refusal(&config, EINVAL, "MTU of 575");
    config.mtu = 65536;
    expect_refusal(&config, EINVAL, "MTU of 65536");
    aksu_tun_config_default(&config);
    config.batch_frames = 257;
    expect_refusal(&config, EINVAL, "batch_frames");
    aksu_tun_config_default(&config);
    config.host_addr[0].prefix_bits = 33;
    expect_refusal(&config, EINVAL, "prefix of 33");
    aksu_tun_config_default(&config);
    config.host_addr[1] = (aksu_host_addr){.addr = {{0x20, 1, 0x0d, 0xb8, [15] = 1}}, .prefix_bits = 129};
    expect_refusal(&config, EINVAL, "prefix of 129");
    config.host_addr[1].prefix_bits = 64;
    config.mtu = 1279;
    expect_refusal(&config, EINVAL, "too small for IPv6");
    aksu_tun_config_default(&config);
    config.struct_bytes = 1;
    expect_refusal(&config, EINVAL, "version");
    assert_int_equal(if_nametoindex("aksu0"), 0); /* nothing stays behind */
}

static void open_without_permission_refused(void **state) {
    (void)state;
    uid_t before = geteuid();
    if (before != 0 || seteuid(65534) < 0) skip();
    aksu_tun_config config;
    aksu_tun_config_default(&config);
    aksu_driver *driver = NULL;
    aksu_host_error error = {0};
    int failed = aksu_tun_open(&config, &driver, &error);
    assert_int_equal(seteuid(before), 0);
    assert_true(failed == -EACCES || failed == -EPERM);
    assert_non_null(strstr(error.text, "no permission"));
}

/* ---------------------------------------------------------------- packets */

static void read_kernel_packet_described_as_partial(void **state) {
    (void)state;
    aksu_driver *driver = open_default(NULL);
    int peer = peer_socket();
    peer_send(peer, "hello", 5);
    aksu_frame frame;
    assert_true(next_udp(driver, &frame));
    assert_int_equal(frame.total_bytes, HEADERS + 5);
    assert_int_equal(frame.checksum, AKSU_CHECKSUM_PARTIAL);
    assert_int_equal(frame.checksum_start, 20);
    assert_int_equal(frame.checksum_offset, 6);
    assert_int_equal(frame.flags & AKSU_FRAME_V4, AKSU_FRAME_V4);
    assert_memory_equal((const uint8_t *)frame.iov[0].base + HEADERS, "hello", 5);
    assert_int_equal(((uintptr_t)frame.iov[0].base) % 64, 0);
    assert_int_equal(driver->ops->read(driver, &frame, 1), 0);
    (void)close(peer);
    aksu_driver_close(driver);
}

static void read_several_one_batch(void **state) {
    (void)state;
    aksu_driver *driver = open_default(NULL);
    int peer = peer_socket();
    for (uint32_t i = 0; i < 20; i++) peer_send(peer, &i, sizeof i);
    aksu_frame frames[32];
    uint32_t next = 0;
    for (uint32_t batch = 0; batch < 3; batch++) {
        size_t count = driver->ops->read(driver, frames, 32);
        assert_int_equal(count, batch < 2 ? 8 : 4); /* batch_frames: each has a buffer of its own */
        for (uint32_t i = 0; i < count; i++, next++) {
            assert_memory_equal((const uint8_t *)frames[i].iov[0].base + HEADERS, &next, sizeof next);
        }
    }
    assert_int_equal(driver->counters.frames_in, 20);
    (void)close(peer);
    aksu_driver_close(driver);
}

static void read_super_segment_described(void **state) {
    (void)state;
    aksu_driver *driver = open_default(NULL);
    int peer = peer_socket();
    int segment_bytes = 1000;
    if (setsockopt(peer, IPPROTO_UDP, UDP_SEGMENT, &segment_bytes, sizeof segment_bytes) < 0) skip();
    static uint8_t data[PAYLOAD_MAX];
    for (uint32_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7);
    peer_send(peer, data, sizeof data);
    aksu_frame frame;
    assert_true(next_udp(driver, &frame));
    if (frame.segment_bytes == 0) skip(); /* a kernel before 6.2 cuts it */
    assert_int_equal(frame.segment_bytes, 1000);
    assert_int_equal(frame.header_bytes, HEADERS);
    assert_int_equal(frame.flags, AKSU_FRAME_V4 | AKSU_FRAME_UDP);
    assert_int_equal(frame.total_bytes, HEADERS + sizeof data);
    assert_memory_equal((const uint8_t *)frame.iov[0].base + HEADERS, data, sizeof data);
    (void)close(peer);
    aksu_driver_close(driver);
}

static void put_be16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t sum16(const uint8_t *bytes, uint32_t count, uint32_t sum) {
    for (uint32_t i = 0; i + 1 < count; i += 2) sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* IPv4 and UDP headers of a packet from us to the peer; the UDP checksum holds the pseudo-header's sum only. */
static void udp_headers(uint8_t *headers, uint32_t payload_bytes) {
    memset(headers, 0, HEADERS);
    headers[0] = 0x45;
    put_be16(headers + 2, HEADERS + payload_bytes);
    headers[8] = 64;
    headers[9] = IPPROTO_UDP;
    static const uint8_t addresses[8] = {192, 0, 2, 0x02, 192, 0, 2, 0x01};
    memcpy(headers + 12, addresses, sizeof addresses);
    put_be16(headers + 10, ~sum16(headers, 20, 0) & 0xffff);
    put_be16(headers + 20, OUR_PORT);
    put_be16(headers + 22, PEER_PORT);
    put_be16(headers + 24, 8 + payload_bytes);
    put_be16(headers + 26, sum16(headers + 12, 8, IPPROTO_UDP + 8 + payload_bytes));
}

/* Writes one PARTIAL frame whose payload lies in pieces of piece_bytes. */
static size_t write_pieces(aksu_driver *driver, aksu_iov payload, uint32_t piece_bytes, uint16_t segment_bytes) {
    uint32_t payload_bytes = (uint32_t)payload.bytes;
    static aksu_iov iov[4096];
    uint8_t headers[HEADERS];
    udp_headers(headers, payload_bytes);
    uint32_t count = 0;
    iov[count++] = (aksu_iov){headers, HEADERS};
    for (uint32_t at = 0; at < payload_bytes; at += piece_bytes) {
        uint32_t bytes = payload_bytes - at < piece_bytes ? payload_bytes - at : piece_bytes;
        iov[count++] = (aksu_iov){(uint8_t *)payload.base + at, bytes};
    }
    aksu_frame frame = {
        .checksum = AKSU_CHECKSUM_PARTIAL,
        .flags = AKSU_FRAME_V4 | AKSU_FRAME_UDP,
        .checksum_start = 20,
        .checksum_offset = 6,
        .segment_bytes = segment_bytes,
        .header_bytes = segment_bytes ? HEADERS : 0,
        .total_bytes = HEADERS + payload_bytes,
        .iov = iov,
        .iov_count = count,
    };
    return driver->ops->write(driver, &frame, 1);
}

static void write_any_pieces_kernel_gets_same_bytes(void **state) {
    (void)state;
    aksu_driver *driver = open_default(NULL);
    int peer = peer_socket();
    static uint8_t data[PAYLOAD_MAX], got[PAYLOAD_MAX];
    for (uint32_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 13);
    const struct {
        uint32_t payload_bytes, piece_bytes;
    } cases[] = {{1, 1},    {1000, 1000}, {1000, 7},           {1022, 1},
                 {1023, 1}, {1400, 1},    {PAYLOAD_MAX, 4096}, {PAYLOAD_MAX, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(write_pieces(driver, (aksu_iov){data, cases[i].payload_bytes}, cases[i].piece_bytes, 0), 1);
        assert_true(wait_readable(peer));
        assert_int_equal(recv(peer, got, sizeof got, 0), cases[i].payload_bytes);
        assert_memory_equal(got, data, cases[i].payload_bytes);
    }
    assert_int_equal(driver->counters.write_drops, 0);
    (void)close(peer);
    aksu_driver_close(driver);
}

static void write_super_segment_kernel_cuts_it(void **state) {
    (void)state;
    aksu_driver *driver = open_default(NULL);
    int peer = peer_socket();
    static uint8_t data[10500];
    for (uint32_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 3);
    assert_int_equal(write_pieces(driver, (aksu_iov){data, sizeof data}, 4096, 1000), 1);
    if (driver->counters.write_drops > 0) skip(); /* a kernel before 6.2 */
    for (uint32_t at = 0; at < sizeof data; at += 1000) {
        uint8_t got[2000];
        uint32_t bytes = sizeof data - at < 1000 ? (uint32_t)sizeof data - at : 1000;
        assert_true(wait_readable(peer));
        assert_int_equal(recv(peer, got, sizeof got, 0), bytes);
        assert_memory_equal(got, data + at, bytes);
    }
    (void)close(peer);
    aksu_driver_close(driver);
}

static void count_super(void *user, const aksu_trace_event *event) {
    uint32_t *largest = user;
    if (event->kind != AKSU_TRACE_PACKET || event->u.packet.frame == NULL) return;
    if (event->u.packet.frame->total_bytes > *largest) *largest = event->u.packet.frame->total_bytes;
}

/* The whole way: a stack's datagrams leave as one frame, and the kernel's socket gets each of them. */
static void stack_sends_many_kernel_gets_each(void **state) {
    (void)state;
    enum { COUNT = 30, EACH = 1000 };
    static uint8_t data[COUNT * EACH];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i / EACH);
    aksu_host_config config;
    aksu_host host;
    aksu_host_error error = {0};
    aksu_host_config_default(&config);
    if (aksu_host_open(&config, &host, &error) != 0) fail_msg("%s", error.text);
    int peer = peer_socket();
    uint32_t largest = 0;
    aksu_trace_set(host.stack, count_super, &largest);
    aksu_udp_open open = {.struct_bytes = sizeof open,
                          .remote = {.addr = aksu_addr_v4(192, 0, 2, 1), .port = PEER_PORT}};
    aksu_sock sock;
    size_t sent = 0;
    aksu_advance(host.stack, aksu_host_now_us());
    assert_int_equal(aksu_udp_bind(host.stack, &open, &sock), AKSU_OK);
    assert_int_equal(aksu_udp_send_many(host.stack, sock, NULL, data, sizeof data, EACH, &sent), AKSU_OK);
    assert_int_equal(sent, sizeof data);
    assert_int_equal(aksu_loop_turn(host.loop, 0, &error), 0);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t got[EACH + 1];
        assert_true(wait_readable(peer));
        assert_int_equal(recv(peer, got, sizeof got, 0), EACH);
        assert_memory_equal(got, data + i * EACH, EACH);
    }
    aksu_link_config link;
    host.driver->ops->link_config(host.driver, &link);
    if (link.flags & AKSU_LINK_USO) assert_true(largest > sizeof data);
    (void)close(peer);
    aksu_trace_set(host.stack, NULL, NULL);
    aksu_host_close(&host);
}

static void write_impossible_frame_dropped_and_counted(void **state) {
    (void)state;
    aksu_driver *driver = open_default(NULL);
    uint8_t junk[40] = {0};
    aksu_iov iov = {junk, sizeof junk};
    aksu_frame frame = {.iov = &iov, .iov_count = 1, .total_bytes = sizeof junk};
    assert_int_equal(driver->ops->write(driver, &frame, 1), 1); /* version 0: the kernel says EINVAL */
    assert_int_equal(driver->counters.write_drops, 1);
    frame.total_bytes = 65536;
    assert_int_equal(driver->ops->write(driver, &frame, 1), 1);
    assert_int_equal(driver->counters.write_drops, 2);
    aksu_driver_close(driver);
}

/* What the kernel says unasked when a device comes up would be noise in every ladder. */
static void open_default_device_silent(void **state) {
    (void)state;
    aksu_driver *driver = open_default(NULL);
    struct pollfd one = {.fd = driver->fd, .events = POLLIN};
    assert_int_equal(poll(&one, 1, 100), 0);
    aksu_driver_close(driver);
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
    if (aksu_tun_open(&config, &driver, &error) != 0) {
        printf("%s\n", error.text);
        if (error.code == EACCES || error.code == EPERM || error.code == ENOENT || error.code == ENODEV ||
            error.code == ENXIO) {
            return SKIPPED;
        }
        return 1;
    }
    aksu_driver_close(driver);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_default_device_up_with_address),
        cmocka_unit_test(open_without_offload_link_says_so),
        cmocka_unit_test(open_ipv6_address_usable_at_once),
        cmocka_unit_test(open_taken_name_busy),
        cmocka_unit_test(open_bad_arguments_refused_by_name),
        cmocka_unit_test(open_without_permission_refused),
        cmocka_unit_test(read_kernel_packet_described_as_partial),
        cmocka_unit_test(read_several_one_batch),
        cmocka_unit_test(read_super_segment_described),
        cmocka_unit_test(write_any_pieces_kernel_gets_same_bytes),
        cmocka_unit_test(write_super_segment_kernel_cuts_it),
        cmocka_unit_test(stack_sends_many_kernel_gets_each),
        cmocka_unit_test(write_impossible_frame_dropped_and_counted),
        cmocka_unit_test(open_default_device_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
