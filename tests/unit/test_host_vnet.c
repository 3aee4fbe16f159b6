/* Goal: every field of a virtio header reaches the frame and comes back, and a header that does not fit its packet is
 * refused at the first byte that is missing. */
#include "host/link/vnet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define IP4_BYTES    20u
#define IP6_BYTES    40u
#define TCP_BYTES    32u /* with timestamps */
#define TCP_CHECKSUM 16u
#define UDP_CHECKSUM 6u
#define GSO_UDP_L4   5u

/* A packet of which only the version and the TCP header length matter here. */
static void packet_make(uint8_t *packet, uint8_t version, uint32_t ip_bytes, uint32_t tcp_bytes) {
    packet[0] = (uint8_t)((uint32_t)version << 4 | (ip_bytes / 4 & 0xf));
    packet[ip_bytes + 12] = (uint8_t)(tcp_bytes / 4 << 4);
}

static void plain_packet_kernel_unchecked_none(void **state) {
    (void)state;
    uint8_t packet[60] = {0x45};
    struct virtio_net_hdr header = {0};
    aksu_frame frame = {0};
    assert_true(ak_vnet_to_frame(&header, AK_VNET_IP, packet, sizeof packet, &frame));
    assert_int_equal(frame.checksum, AKSU_CHECKSUM_NONE);
    assert_int_equal(frame.flags, AKSU_FRAME_V4);
    assert_int_equal(frame.total_bytes, 60);
    assert_int_equal(frame.segment_bytes, 0);
}

static void data_valid_kernel_checked_valid(void **state) {
    (void)state;
    uint8_t packet[60] = {0x60};
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};
    aksu_frame frame = {0};
    assert_true(ak_vnet_to_frame(&header, AK_VNET_IP, packet, sizeof packet, &frame));
    assert_int_equal(frame.checksum, AKSU_CHECKSUM_VALID);
    assert_int_equal(frame.flags, AKSU_FRAME_V6);
}

static void tcp_super_segment_both_families_described(void **state) {
    (void)state;
    const struct {
        uint8_t version, gso, flags;
        uint32_t ip_bytes;
    } cases[] = {
        {4, VIRTIO_NET_HDR_GSO_TCPV4, AKSU_FRAME_V4 | AKSU_FRAME_TCP, IP4_BYTES},
        {6, VIRTIO_NET_HDR_GSO_TCPV6, AKSU_FRAME_V6 | AKSU_FRAME_TCP, IP6_BYTES},
        {4, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, AKSU_FRAME_V4 | AKSU_FRAME_TCP | AKSU_FRAME_ECN,
         IP4_BYTES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t packet[4096] = {0};
        packet_make(packet, cases[i].version, cases[i].ip_bytes, TCP_BYTES);
        struct virtio_net_hdr header = {
            .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
            .gso_type = cases[i].gso,
            .hdr_len = 200, /* the kernel's hint, which is not the headers' length */
            .gso_size = 1448,
            .csum_start = (uint16_t)cases[i].ip_bytes,
            .csum_offset = TCP_CHECKSUM,
        };
        aksu_frame frame = {0};
        assert_true(ak_vnet_to_frame(&header, AK_VNET_IP, packet, sizeof packet, &frame));
        assert_int_equal(frame.flags, cases[i].flags);
        assert_int_equal(frame.checksum, AKSU_CHECKSUM_PARTIAL);
        assert_int_equal(frame.checksum_start, cases[i].ip_bytes);
        assert_int_equal(frame.checksum_offset, TCP_CHECKSUM);
        assert_int_equal(frame.segment_bytes, 1448);
        assert_int_equal(frame.header_bytes, cases[i].ip_bytes + TCP_BYTES);

        struct virtio_net_hdr back;
        assert_true(ak_vnet_from_frame(&frame, &back));
        header.hdr_len = frame.header_bytes;
        assert_memory_equal(&back, &header, sizeof back);
    }
}

static void udp_super_segment_described(void **state) {
    (void)state;
    uint8_t packet[4028] = {0x45};
    struct virtio_net_hdr header = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = GSO_UDP_L4,
        .gso_size = 1000,
        .csum_start = IP4_BYTES,
        .csum_offset = UDP_CHECKSUM,
    };
    aksu_frame frame = {0};
    assert_true(ak_vnet_to_frame(&header, AK_VNET_IP, packet, sizeof packet, &frame));
    assert_int_equal(frame.flags, AKSU_FRAME_V4 | AKSU_FRAME_UDP);
    assert_int_equal(frame.header_bytes, 28);
    struct virtio_net_hdr back;
    assert_true(ak_vnet_from_frame(&frame, &back));
    assert_int_equal(back.gso_type, GSO_UDP_L4);
    assert_int_equal(back.hdr_len, 28);
}

static void checksum_place_at_end_edge(void **state) {
    (void)state;
    uint8_t packet[60] = {0x45};
    const struct {
        uint16_t start, offset;
        bool fits;
    } cases[] = {{20, 37, true}, {20, 38, true}, {20, 39, false}, {59, 0, false}, {58, 0, true}, {65535, 65535, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct virtio_net_hdr header = {
            .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = cases[i].start, .csum_offset = cases[i].offset};
        aksu_frame frame = {0};
        assert_int_equal(ak_vnet_to_frame(&header, AK_VNET_IP, packet, sizeof packet, &frame), cases[i].fits);
        aksu_frame out = {.total_bytes = sizeof packet,
                          .checksum = AKSU_CHECKSUM_PARTIAL,
                          .checksum_start = cases[i].start,
                          .checksum_offset = cases[i].offset};
        struct virtio_net_hdr back;
        assert_int_equal(ak_vnet_from_frame(&out, &back), cases[i].fits);
    }
}

/* A super-segment cut at every byte: accepted only where at least one byte of payload is left. */
static void super_segment_truncated_refused(void **state) {
    (void)state;
    uint8_t packet[200] = {0};
    packet_make(packet, 4, IP4_BYTES, TCP_BYTES);
    struct virtio_net_hdr header = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
        .gso_size = 100,
        .csum_start = IP4_BYTES,
        .csum_offset = TCP_CHECKSUM,
    };
    for (uint32_t bytes = 0; bytes <= sizeof packet; bytes++) {
        aksu_frame frame = {.token = 77};
        bool accepted = ak_vnet_to_frame(&header, AK_VNET_IP, packet, bytes, &frame);
        assert_int_equal(accepted, bytes > IP4_BYTES + TCP_BYTES);
        if (!accepted) assert_int_equal(frame.token, 77);
    }
}

static void header_contradicts_itself_refused(void **state) {
    (void)state;
    uint8_t packet[200] = {0};
    packet_make(packet, 4, IP4_BYTES, TCP_BYTES);
    const struct virtio_net_hdr good = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
        .gso_size = 100,
        .csum_start = IP4_BYTES,
        .csum_offset = TCP_CHECKSUM,
    };
    aksu_frame frame = {0};
    assert_true(ak_vnet_to_frame(&good, AK_VNET_IP, packet, sizeof packet, &frame));

    struct virtio_net_hdr bad = good;
    bad.gso_size = 0;
    assert_false(ak_vnet_to_frame(&bad, AK_VNET_IP, packet, sizeof packet, &frame));
    bad = good;
    bad.flags = 0;
    assert_false(ak_vnet_to_frame(&bad, AK_VNET_IP, packet, sizeof packet, &frame));
    bad = good;
    bad.gso_type = VIRTIO_NET_HDR_GSO_UDP;
    assert_false(ak_vnet_to_frame(&bad, AK_VNET_IP, packet, sizeof packet, &frame));
    packet[IP4_BYTES + 12] = 4 << 4; /* a TCP header of 16 bytes */
    assert_false(ak_vnet_to_frame(&good, AK_VNET_IP, packet, sizeof packet, &frame));
}

static void frame_contradicts_itself_refused(void **state) {
    (void)state;
    const aksu_frame good = {
        .total_bytes = 2000,
        .flags = AKSU_FRAME_V4 | AKSU_FRAME_TCP,
        .checksum = AKSU_CHECKSUM_PARTIAL,
        .checksum_start = 20,
        .checksum_offset = 16,
        .segment_bytes = 1000,
        .header_bytes = 40,
    };
    struct virtio_net_hdr header;
    assert_true(ak_vnet_from_frame(&good, &header));
    aksu_frame bad = good;
    bad.header_bytes = 0;
    assert_false(ak_vnet_from_frame(&bad, &header));
    bad = good;
    bad.header_bytes = 2000;
    assert_false(ak_vnet_from_frame(&bad, &header));
    bad = good;
    bad.checksum = AKSU_CHECKSUM_NONE;
    assert_false(ak_vnet_from_frame(&bad, &header));
    bad = good;
    bad.flags = AKSU_FRAME_V4;
    assert_false(ak_vnet_from_frame(&bad, &header));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_packet_kernel_unchecked_none),
        cmocka_unit_test(data_valid_kernel_checked_valid),
        cmocka_unit_test(tcp_super_segment_both_families_described),
        cmocka_unit_test(udp_super_segment_described),
        cmocka_unit_test(checksum_place_at_end_edge),
        cmocka_unit_test(super_segment_truncated_refused),
        cmocka_unit_test(header_contradicts_itself_refused),
        cmocka_unit_test(frame_contradicts_itself_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
