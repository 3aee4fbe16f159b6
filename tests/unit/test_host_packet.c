/* Goal: a packet socket on one end of a TAP device carries any frame both ways, with mapped rings and without: whole,
 * in order, tags in their place, super-segments among small frames; what is lost is counted, a device that is full,
 * down or gone is said to be so.  The TAP device, in a network namespace of the test's own, is the wire. */
#include "host/link/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIPPED       77
#define WAIT_MS       2000
#define HEADER        14u
#define FRAME_MAX     65000u
#define SUPER_PAYLOAD 60000u
#define MSS           1448u
/* Of the super-segments: Ethernet, IPv4, TCP. */
#define TCP_START    (HEADER + 20u)
#define SUPER_HEADER (TCP_START + 20u)

static const aksu_mac ours = {{2, 0, 0, 0, 0, 9}};
static const aksu_packet_rings both[] = {AKSU_PACKET_RINGS_ON, AKSU_PACKET_RINGS_OFF};

struct wire {
    aksu_driver *tap, *packet;
    aksu_iov iov;
    uint8_t bytes[FRAME_MAX];
};

static aksu_driver *open_tap(uint32_t mtu) {
    aksu_tun_config config;
    aksu_tun_config_default(&config);
    config.name = "w0";
    config.mtu = mtu;
    config.flags = AKSU_TUN_ETHERNET;
    config.host_addr[0] = (aksu_host_addr){0};
    aksu_driver *driver = NULL;
    aksu_host_error error = {0};
    int failed = aksu_tun_open(&config, &driver, &error);
    if (failed) print_message("%s\n", error.text);
    assert_int_equal(failed, 0);
    return driver;
}

static struct wire *wire_open_mtu(aksu_packet_rings rings, uint32_t mtu) {
    struct wire *wire = calloc(1, sizeof *wire);
    assert_non_null(wire);
    wire->tap = open_tap(mtu);
    aksu_packet_config config;
    aksu_packet_config_default(&config);
    config.name = "w0";
    config.batch_frames = 2;
    config.rings = rings;
    config.ether.mac = ours;
    aksu_host_error error = {0};
    int failed = aksu_packet_open(&config, &wire->packet, &error);
    if (failed) print_message("%s\n", error.text);
    assert_int_equal(failed, 0);
    assert_true((((struct packet *)wire->packet)->in.mem != NULL) == (rings == AKSU_PACKET_RINGS_ON));
    return wire;
}

static struct wire *wire_open(aksu_packet_rings rings) {
    return wire_open_mtu(rings, 1500);
}

static void wire_close(struct wire *wire) {
    aksu_driver_close(wire->packet);
    aksu_driver_close(wire->tap);
    free(wire);
}

/* A frame of the type for experiments (IEEE 802), filled by its number. */
static aksu_frame plain(struct wire *wire, uint32_t number, uint32_t bytes) {
    static const uint8_t from[6] = {2, 0, 0, 0, 0, 8};
    memcpy(wire->bytes, ours.byte, 6);
    memcpy(wire->bytes + 6, from, 6);
    wire->bytes[12] = 0x88;
    wire->bytes[13] = 0xb5;
    for (uint32_t i = HEADER; i < bytes; i++) wire->bytes[i] = (uint8_t)(number >> 8 * (i & 3));
    wire->iov = (aksu_iov){.base = wire->bytes, .bytes = bytes};
    return (aksu_frame){.iov = &wire->iov, .iov_count = 1, .total_bytes = bytes};
}

/* A super-segment of TCP over IPv4, whose checksum is left. */
static aksu_frame super(struct wire *wire, uint32_t number) {
    uint32_t bytes = SUPER_HEADER + SUPER_PAYLOAD, ip_bytes = bytes - HEADER;
    static const uint8_t ip[20] = {0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
    aksu_frame frame = plain(wire, number, bytes);
    wire->bytes[12] = 0x08;
    wire->bytes[13] = 0x00;
    memcpy(wire->bytes + HEADER, ip, sizeof ip);
    wire->bytes[HEADER + 2] = (uint8_t)(ip_bytes >> 8);
    wire->bytes[HEADER + 3] = (uint8_t)ip_bytes;
    memset(wire->bytes + TCP_START, 0, 20);
    wire->bytes[TCP_START + 12] = 0x50;
    wire->bytes[TCP_START + 13] = 0x10;
    frame.flags = AKSU_FRAME_V4 | AKSU_FRAME_TCP;
    frame.checksum = AKSU_CHECKSUM_PARTIAL;
    frame.checksum_start = TCP_START;
    frame.checksum_offset = 16;
    frame.segment_bytes = MSS;
    frame.header_bytes = SUPER_HEADER;
    return frame;
}

static size_t send_one(aksu_driver *driver, const aksu_frame *frame) {
    return driver->ops->write(driver, frame, 1);
}

static const uint8_t *bytes_of(const aksu_frame *frame) {
    assert_int_equal(frame->iov_count, 1);
    assert_int_equal(frame->iov[0].bytes, frame->total_bytes);
    return frame->iov[0].base;
}

/* Ours, or what else the kernel has to say on the device. */
static bool is_ours(const aksu_frame *frame) {
    const uint8_t *at = bytes_of(frame);
    return memcmp(at, ours.byte, 6) == 0;
}

/* The next frame of ours that comes out there; false: none in time. */
static bool next(aksu_driver *driver, aksu_frame *ret_frame) {
    struct pollfd one = {.fd = driver->fd, .events = POLLIN};
    while (poll(&one, 1, WAIT_MS) == 1) {
        if (driver->ops->read(driver, ret_frame, 1) == 1 && is_ours(ret_frame)) return true;
    }
    return false;
}

static uint32_t read_all(aksu_driver *driver) {
    aksu_frame frames[32];
    size_t count;
    uint32_t seen = 0;
    do {
        count = driver->ops->read(driver, frames, 32);
        for (size_t i = 0; i < count; i++) seen += is_ours(&frames[i]);
    } while (count > 0);
    return seen;
}

static uint32_t number_of(const aksu_frame *frame) {
    uint8_t b[4]; /* byte i of the frame has the bits from 8 * (i & 3) */
    memcpy(b, bytes_of(frame) + 56, sizeof b);
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* ---------------------------------------------------------------- frames */

static void frames_of_any_size_both_ways_same_bytes(void **state) {
    (void)state;
    static const uint32_t sizes[] = {HEADER + 1, 59, 60, 61, 1000, 1514};
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            aksu_driver *ends[] = {wire->tap, wire->packet, wire->tap};
            for (size_t way = 0; way < 2; way++) {
                aksu_frame sent = plain(wire, 0xa1b2c3d4, sizes[i]), got;
                assert_int_equal(send_one(ends[way], &sent), 1);
                assert_true(next(ends[way + 1], &got));
                assert_int_equal(got.total_bytes, sizes[i] < 60 ? 60 : sizes[i]);
                assert_memory_equal(bytes_of(&got), wire->bytes, sizes[i]);
                for (uint32_t k = sizes[i]; k < got.total_bytes; k++) assert_int_equal(bytes_of(&got)[k], 0);
            }
        }
        assert_int_equal(wire->packet->counters.write_drops + wire->packet->counters.read_drops, 0);
        wire_close(wire);
    }
}

/* Three times round both rings, in bursts of several sizes. */
static void more_frames_than_slots_all_in_order(void **state) {
    (void)state;
    enum { COUNT = 13000, BATCH = 300 };
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        uint32_t sent = 0, seen = 0;
        for (uint32_t burst = 1; sent < COUNT; burst = burst % BATCH + 7) {
            for (uint32_t i = 0; i < burst; i++, sent++) {
                aksu_frame frame = plain(wire, sent, 64);
                assert_int_equal(send_one(wire->tap, &frame), 1);
            }
            aksu_frame frames[BATCH];
            size_t count;
            while (seen < sent && (count = wire->packet->ops->read(wire->packet, frames, 1 + burst / 2)) > 0) {
                for (size_t i = 0; i < count; i++) {
                    if (is_ours(&frames[i])) assert_int_equal(number_of(&frames[i]), seen++);
                }
            }
            assert_int_equal(seen, sent);
        }
        static uint8_t bytes[BATCH][64];
        aksu_iov iov[BATCH];
        aksu_frame out[BATCH], got;
        for (uint32_t first = 0; first < 4 * BATCH; first += BATCH) {
            for (uint32_t i = 0; i < BATCH; i++) {
                out[i] = plain(wire, first + i, 64);
                memcpy(bytes[i], wire->bytes, 64);
                iov[i] = (aksu_iov){.base = bytes[i], .bytes = 64};
                out[i].iov = &iov[i];
            }
            assert_int_equal(wire->packet->ops->write(wire->packet, out, BATCH), BATCH);
            for (uint32_t i = 0; i < BATCH; i++) {
                assert_true(next(wire->tap, &got));
                assert_int_equal(number_of(&got), first + i);
            }
        }
        assert_int_equal(wire->packet->counters.write_drops, 0);
        if (both[r] == AKSU_PACKET_RINGS_ON) { /* fewer calls than frames, or the rings are for nothing */
            assert_true(wire->packet->counters.writes <= 4 * 2 * (1 + BATCH / 256));
            assert_true(wire->packet->counters.reads < 100);
        }
        wire_close(wire);
    }
}

/* A device of huge frames has few slots: whoever reads more at once gets none twice. */
static void fewer_slots_than_frames_asked_for_each_read_once(void **state) {
    (void)state;
    enum { ASKED = 256, SLOTS = 64 };
    struct wire *wire = wire_open_mtu(AKSU_PACKET_RINGS_ON, 65500);
    assert_int_equal(((struct packet *)wire->packet)->in.slot_count, SLOTS);
    (void)read_all(wire->packet);
    aksu_frame frames[ASKED];
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < SLOTS; i++) {
            aksu_frame frame = plain(wire, i, 64);
            assert_int_equal(send_one(wire->tap, &frame), 1);
        }
        size_t count = wire->packet->ops->read(wire->packet, frames, ASKED);
        assert_in_range(count, 1, SLOTS);
        for (size_t i = 0; i < count; i++) assert_true(!is_ours(&frames[i]) || number_of(&frames[i]) < SLOTS);
        assert_int_equal(wire->packet->ops->read(wire->packet, frames, ASKED), 0);
    }
    wire_close(wire);
}

static bool in_buffers(const aksu_driver *driver, const aksu_frame *frame) {
    const struct packet *packet = (const struct packet *)driver;
    const uint8_t *start = packet->slots.mem, *at = bytes_of(frame);
    return at >= start && at + frame->total_bytes <= start + packet->slot_count * AK_PACKET_SLOT_BYTES;
}

/* More super-segments than there are buffers for, between small frames: whole, and at their place. */
static void super_segments_between_small_frames_in_order(void **state) {
    (void)state;
    enum { COUNT = 24 };
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        aksu_driver *ends[] = {wire->tap, wire->packet, wire->tap};
        for (size_t way = 0; way < 2; way++) {
            for (uint32_t i = 0; i < COUNT; i++) {
                aksu_frame frame = i % 3 == 0 ? plain(wire, i, 64) : super(wire, i);
                assert_int_equal(send_one(ends[way], &frame), 1);
            }
            uint32_t seen = 0;
            for (int tries = 0; seen < COUNT && tries < 1000; tries++) {
                aksu_frame frames[8];
                size_t count = ends[way + 1]->ops->read(ends[way + 1], frames, 8);
                for (size_t i = 0; i < count; i++) {
                    if (!is_ours(&frames[i])) continue;
                    assert_int_equal(number_of(&frames[i]), seen);
                    if (way == 0 && seen % 3 != 0) assert_true(in_buffers(wire->packet, &frames[i]));
                    assert_int_equal(frames[i].total_bytes, seen % 3 == 0 ? 64 : SUPER_HEADER + SUPER_PAYLOAD);
                    assert_int_equal(frames[i].segment_bytes, seen % 3 == 0 ? 0 : MSS);
                    assert_int_equal(bytes_of(&frames[i])[(frames[i].total_bytes - 1) & ~3u], seen);
                    seen++;
                }
            }
            assert_int_equal(seen, COUNT);
        }
        wire_close(wire);
    }
}

/* The kernel takes the tag off; the core finds it where the sender had put it, and the checksum's place moved. */
static void tagged_frame_tag_put_back(void **state) {
    (void)state;
    static const uint8_t tag[4] = {0x81, 0x00, 0x60, 0x2a};
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        for (uint32_t bytes = 100; bytes < 1600; bytes += 1418) { /* 1,518: the largest that the wire takes */
            aksu_frame sent = plain(wire, 7, bytes), got;
            memcpy(wire->bytes + 12, tag, sizeof tag);
            wire->bytes[16] = 0x88;
            wire->bytes[17] = 0xb5;
            sent.checksum = AKSU_CHECKSUM_PARTIAL;
            sent.checksum_start = 40;
            sent.checksum_offset = 6;
            assert_int_equal(send_one(wire->tap, &sent), 1);
            assert_true(next(wire->packet, &got));
            assert_int_equal(got.total_bytes, bytes);
            assert_memory_equal(bytes_of(&got), wire->bytes, bytes);
            assert_int_equal(got.checksum, AKSU_CHECKSUM_PARTIAL);
            assert_int_equal(got.checksum_start, 40);
        }
        wire_close(wire);
    }
}

/* ---------------------------------------------------------------- losses */

static void nobody_reads_each_lost_frame_counted(void **state) {
    (void)state;
    enum { SENT = 40000 };
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        (void)read_all(wire->packet);
        for (uint32_t i = 0; i < SENT; i++) {
            aksu_frame frame = plain(wire, i, 64);
            assert_int_equal(send_one(wire->tap, &frame), 1);
        }
        uint32_t seen = read_all(wire->packet);
        aksu_driver_count(wire->packet);
        uint64_t lost = wire->packet->counters.read_lost;
        assert_true(lost > 0 && seen > 0);
        assert_in_range(seen + lost, SENT, SENT + 20); /* and some of the kernel's own */
        aksu_driver_count(wire->packet);
        assert_int_equal(wire->packet->counters.read_lost, lost);
        aksu_frame frame = plain(wire, 1, 64);
        assert_int_equal(send_one(wire->tap, &frame), 1);
        assert_int_equal(read_all(wire->packet), 1);
        wire_close(wire);
    }
}

/* Super-segments that neither a slot nor the socket's queue can hold are never seen cut. */
static void super_segments_unread_cut_ones_dropped(void **state) {
    (void)state;
    enum { SENT = 600 };
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        for (uint32_t i = 0; i < SENT; i++) {
            aksu_frame frame = super(wire, i);
            assert_int_equal(send_one(wire->tap, &frame), 1);
        }
        uint32_t seen = 0;
        for (int tries = 0; tries < 1000; tries++) {
            aksu_frame frame;
            if (wire->packet->ops->read(wire->packet, &frame, 1) == 0 || !is_ours(&frame)) continue;
            assert_int_equal(frame.total_bytes, SUPER_HEADER + SUPER_PAYLOAD);
            seen++;
        }
        aksu_driver_count(wire->packet);
        uint64_t dropped = wire->packet->counters.read_drops, lost = wire->packet->counters.read_lost;
        assert_true(seen > 0 && seen < SENT);
        assert_true((dropped > 0) == (both[r] == AKSU_PACKET_RINGS_ON));
        assert_in_range(seen + dropped + lost, SENT, SENT + 20);
        wire_close(wire);
    }
}

/* The kernel refuses the one in the middle; the others go. */
static void bad_description_between_good_frames_it_alone_dropped(void **state) {
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        static uint8_t bytes[5][64];
        aksu_iov iov[5];
        aksu_frame out[5], got;
        for (uint32_t i = 0; i < 5; i++) {
            out[i] = plain(wire, i, 64);
            memcpy(bytes[i], wire->bytes, 64);
            iov[i] = (aksu_iov){.base = bytes[i], .bytes = 64};
            out[i].iov = &iov[i];
        }
        out[2].flags = AKSU_FRAME_V4 | AKSU_FRAME_TCP; /* no room for a TCP header behind that */
        out[2].checksum = AKSU_CHECKSUM_PARTIAL;
        out[2].checksum_start = 60;
        out[2].segment_bytes = 1;
        out[2].header_bytes = 63;
        assert_int_equal(wire->packet->ops->write(wire->packet, out, 5), 5);
        assert_int_equal(wire->packet->counters.write_drops, 1);
        for (uint32_t i = 0; i < 5; i++) {
            if (i == 2) continue;
            assert_true(next(wire->tap, &got));
            assert_int_equal(number_of(&got), i);
        }
        out[2] = out[1];
        uint64_t calls = wire->packet->counters.writes; /* the ring is as it was */
        assert_int_equal(wire->packet->ops->write(wire->packet, out, 5), 5);
        assert_int_equal(wire->packet->counters.writes - calls, both[r] == AKSU_PACKET_RINGS_ON ? 1 : 5);
        for (uint32_t i = 0; i < 5; i++) assert_true(next(wire->tap, &got));
        assert_int_equal(number_of(&got), 4);
        wire_close(wire);
    }
}

/* Whether tc does it. */
static bool tc(const char *verb, const char *const words[12]) {
    const char *argv[16] = {"tc", "qdisc", verb};
    for (size_t i = 0; i < 12 && words[i] != NULL; i++) argv[3 + i] = words[i];
    char *none[] = {NULL};
    pid_t child;
    int status = 1;
    if (posix_spawn(&child, "/sbin/tc", NULL, NULL, (char *const *)(uintptr_t)argv, none) != 0) return false;
    return waitpid(child, &status, 0) == child && status == 0;
}

/* A device that takes a megabit a second: the socket fills up, says so, and goes on when there is room.  The ring's
 * socket is full sooner; what it does not take goes without it. */
static void slow_device_fills_writer_waits_nothing_lost(void **state) {
    (void)state;
    enum { BATCH = 8 };
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        if (!tc("add",
                (const char *const[12]){"dev", "w0", "root", "tbf", "rate", "1mbit", "burst", "4k", "limit", "100m"})) {
            wire_close(wire);
            skip();
        }
        int small = 8192;
        struct packet *packet = (struct packet *)wire->packet;
        if (packet->out_fd >= 0)
            assert_int_equal(setsockopt(packet->out_fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
        aksu_frame frames[BATCH];
        for (int i = 0; i < BATCH; i++) frames[i] = plain(wire, 1, 64);
        size_t taken = 0, some;
        do {
            some = wire->packet->ops->write(wire->packet, frames, BATCH);
            taken += some;
        } while (some == BATCH && taken < 1000000);
        assert_true(taken > 1000 && taken < 1000000);
        assert_int_equal(wire->packet->counters.write_drops, 0);
        assert_int_equal(wire->packet->counters.write_waits, 1);
        assert_int_equal(wire->packet->counters.frames_out, taken);
        struct pollfd writable = {.fd = wire->packet->fd, .events = POLLOUT};
        assert_int_equal(poll(&writable, 1, 0), 0);
        assert_true(tc("del", (const char *const[12]){"dev", "w0", "root"}));
        assert_int_equal(poll(&writable, 1, WAIT_MS), 1);
        assert_int_equal(wire->packet->ops->write(wire->packet, frames, BATCH), BATCH);
        assert_int_equal(wire->packet->counters.write_drops, 0);
        wire_close(wire);
    }
}

/* Slots that the kernel has not given back yet: the frame goes by a call of its own. */
static void ring_full_frames_go_without_it(void **state) {
    (void)state;
    struct wire *wire = wire_open(AKSU_PACKET_RINGS_ON);
    struct packet *packet = (struct packet *)wire->packet;
    for (uint32_t i = 0; i < packet->out.slot_count; i++) {
        struct tpacket2_hdr *slot = (struct tpacket2_hdr *)(void *)(packet->out.mem + i * packet->out.slot_bytes);
        slot->tp_status = TP_STATUS_SENDING;
    }
    aksu_frame frame = plain(wire, 5, 64), got;
    assert_int_equal(send_one(wire->packet, &frame), 1);
    assert_true(next(wire->tap, &got));
    assert_int_equal(number_of(&got), 5);
    assert_int_equal(packet->out.next, 0);
    wire_close(wire);
}

/* Timestamping in the kernel's packet_mmap: a slot that was sent may say who stamped it, and is free all the same. */
static void slots_given_back_with_a_stamp_used_again(void **state) {
    (void)state;
    struct wire *wire = wire_open(AKSU_PACKET_RINGS_ON);
    struct packet *packet = (struct packet *)wire->packet;
    for (uint32_t i = 0; i < packet->out.slot_count; i++) {
        struct tpacket2_hdr *slot = (struct tpacket2_hdr *)(void *)(packet->out.mem + i * packet->out.slot_bytes);
        slot->tp_status = TP_STATUS_AVAILABLE | TP_STATUS_TS_SOFTWARE;
    }
    for (uint32_t i = 1; i <= 3; i++) {
        aksu_frame frame = plain(wire, i, 64), got;
        assert_int_equal(send_one(wire->packet, &frame), 1);
        assert_true(next(wire->tap, &got));
        assert_int_equal(number_of(&got), i);
        assert_int_equal(packet->out.next, i);
    }
    wire_close(wire);
}

/* ---------------------------------------------------------------- the device */

static void set_up(bool up) {
    struct ifreq device = {.ifr_name = "w0"};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &device), 0);
    device.ifr_flags = (short)(up ? device.ifr_flags | IFF_UP : device.ifr_flags & ~IFF_UP);
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &device), 0);
    (void)close(fd);
}

static void device_down_and_up_frames_lost_then_not(void **state) {
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        set_up(false);
        aksu_frame frame = plain(wire, 3, 64), got;
        assert_int_equal(send_one(wire->packet, &frame), 1);
        assert_int_equal(wire->packet->counters.write_drops, 1);
        (void)read_all(wire->packet);
        struct pollfd quiet = {.fd = wire->packet->fd, .events = POLLIN};
        assert_int_equal(poll(&quiet, 1, 0), 0); /* its error was taken: nobody is woken again and again */
        set_up(true);
        uint32_t drops = 0;
        for (; drops < 3; drops++) { /* each socket has been told that it was down */
            frame = plain(wire, 4, 64);
            uint64_t before = wire->packet->counters.write_drops;
            assert_int_equal(send_one(wire->packet, &frame), 1);
            if (wire->packet->counters.write_drops == before) break;
        }
        assert_true(drops < 3);
        assert_true(next(wire->tap, &got));
        assert_int_equal(number_of(&got), 4);
        frame = plain(wire, 6, 64);
        assert_int_equal(send_one(wire->tap, &frame), 1);
        assert_true(next(wire->packet, &got));
        assert_int_equal(number_of(&got), 6);
        assert_int_equal(wire->packet->error, 0);
        wire_close(wire);
    }
}

static void device_gone_driver_says_so(void **state) {
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        struct wire *wire = wire_open(both[r]);
        aksu_driver_close(wire->tap);
        wire->tap = NULL;
        for (int i = 0; i < 3 && wire->packet->error == 0; i++) {
            aksu_frame frame = plain(wire, 3, 64);
            (void)read_all(wire->packet);
            assert_int_equal(send_one(wire->packet, &frame), 1);
        }
        assert_int_equal(wire->packet->error, ENXIO);
        wire_close(wire);
    }
}

/* Whoever only listens is told as well, also while the device is going: another process has it last. */
static void device_gone_reader_is_told(void **state) {
    (void)state;
    enum { TIMES = 4, A_WHILE_US = 20000 };
    for (size_t i = 0; i < 2 * TIMES; i++) {
        struct wire *wire = wire_open(both[i % 2]);
        (void)read_all(wire->packet);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)usleep(A_WHILE_US);
            _exit(0);
        }
        aksu_driver_close(wire->tap);
        wire->tap = NULL;
        struct pollfd one = {.fd = wire->packet->fd, .events = POLLIN};
        while (wire->packet->error == 0 && poll(&one, 1, WAIT_MS) == 1) (void)read_all(wire->packet);
        assert_int_equal(wire->packet->error, ENODEV);
        wire_close(wire);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
}

/* An old kernel, or one under a sandbox: without rings if they may be left out, and not at all if not. */
static void rings_not_known_refused(void **state) {
    (void)state;
    aksu_packet_config config;
    aksu_packet_config_default(&config);
    config.name = "w0";
    config.rings = (aksu_packet_rings)3;
    aksu_driver *driver = NULL;
    aksu_host_error error;
    assert_int_equal(aksu_packet_open(&config, &driver, &error), -EINVAL);
    assert_non_null(strstr(error.text, "rings"));
}

int main(void) {
    bool root = geteuid() == 0;
    if (unshare(root ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) < 0) {
        printf("no network namespace can be had here: %s\n", strerror(errno));
        return SKIPPED;
    }
    aksu_tun_config config;
    aksu_tun_config_default(&config);
    config.flags = AKSU_TUN_ETHERNET;
    aksu_driver *driver = NULL;
    aksu_host_error error = {0};
    if (aksu_tun_open(&config, &driver, &error) != 0) {
        printf("%s\n", error.text);
        return SKIPPED;
    }
    aksu_driver_close(driver);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_any_size_both_ways_same_bytes),
        cmocka_unit_test(more_frames_than_slots_all_in_order),
        cmocka_unit_test(fewer_slots_than_frames_asked_for_each_read_once),
        cmocka_unit_test(super_segments_between_small_frames_in_order),
        cmocka_unit_test(tagged_frame_tag_put_back),
        cmocka_unit_test(nobody_reads_each_lost_frame_counted),
        cmocka_unit_test(super_segments_unread_cut_ones_dropped),
        cmocka_unit_test(bad_description_between_good_frames_it_alone_dropped),
        cmocka_unit_test(slow_device_fills_writer_waits_nothing_lost),
        cmocka_unit_test(ring_full_frames_go_without_it),
        cmocka_unit_test(slots_given_back_with_a_stamp_used_again),
        cmocka_unit_test(device_down_and_up_frames_lost_then_not),
        cmocka_unit_test(device_gone_driver_says_so),
        cmocka_unit_test(device_gone_reader_is_told),
        cmocka_unit_test(rings_not_known_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
