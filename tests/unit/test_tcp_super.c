/* Goal: a super-segment stays whole from the application to the driver, and is cut only where an acknowledgment cuts
 * it; one that comes in is acknowledged and delivered as one, and counts as the segments it stands for. */
#include "tcp_peer.h"

#include "tcp/tcp.h"

enum { SEG = 1000, PARTS = 3, PART = 400 };

static struct peer joined(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = 0;
    config.tcp.initial_cwnd_segments = 20;
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_MSS | AKSU_OPT_SACK_PERMITTED, .mss = SEG};
    peer_syn(&p);
    p.options = (aksu_tcp_options){.present = 0};
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    struct ak_link_state *link = ak_link_state_at(ak_core_of(p.w->stack[SERVER]), 0);
    link->flags |= AKSU_LINK_TSO4 | AKSU_LINK_TX_CHECKSUM;
    link->tso_max_bytes = 65535;
    (void)world_events(p.w, SERVER, NULL);
    p.w->first = p.w->seen_count;
    return p;
}

static void sent_goes_whole_and_a_sack_cuts_it(void **state) {
    (void)state;
    struct peer p = joined();
    we_send(&p, 20 * SEG);
    /* Segments 1 to 3 and 8 to 19 have come: the first, and 4 to 7, are missing. */
    p.options = (aksu_tcp_options){.present = AKSU_OPT_SACK, .sack_count = 2};
    p.options.sack[0] = (aksu_sack_block){.left = p.iss + 1 + 8 * SEG, .right = p.iss + 1 + 20 * SEG};
    p.options.sack[1] = (aksu_sack_block){.left = p.iss + 1 + SEG, .right = p.iss + 1 + 4 * SEG};
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    p.options = (aksu_tcp_options){.present = 0};
    peer_ladder_is(&p, 0,
                   "             <- PSH,ACK 1..20001 ack 1 --------------- ESTABLISHED\n"
                   "             -- ACK 1 ack 1 sack 8001..20001 sack 1001..4001 --> ESTABLISHED\n"
                   "             <- ACK 1..1001 ack 1 -------------------- ESTABLISHED\n"
                   "             <- ACK 4001..8001 ack 1 ----------------- ESTABLISHED\n");
    world_close(p.w);
}

static void received_is_acknowledged_and_delivered_as_one(void **state) {
    (void)state;
    struct peer p = joined();
    uint8_t packet[PEER_PACKET_MAX];
    struct ak_tcp_header header = {.src_port = PEER_PORT,
                                   .dst_port = p.our_port,
                                   .seq = {PEER_ISS + 1},
                                   .ack = {p.iss + 1},
                                   .flags = AKSU_TCP_ACK,
                                   .wnd = p.wnd};
    aksu_iov iov = {.base = packet, .bytes = peer_packet(&p, packet, &header, PARTS * PART)};
    aksu_frame frame = {.total_bytes = (uint32_t)iov.bytes,
                        .iov_count = 1,
                        .iov = &iov,
                        .segment_bytes = PART,
                        .header_bytes = 40,
                        .checksum = AKSU_CHECKSUM_VALID};
    aksu_input(p.w->stack[SERVER], p.w->now_us, &frame, 1);
    world_run(p.w, 1000);
    peer_ladder_is(&p, 0, "             <- ACK 1 ack 1201 ----------------------- ESTABLISHED\n");
    aksu_event event;
    assert_true(aksu_next_event(p.w->stack[SERVER], &event));
    assert_int_equal(event.bits & AKSU_EV_READABLE, AKSU_EV_READABLE);
    assert_false(aksu_next_event(p.w->stack[SERVER], &event));
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
    assert_int_equal(info.rcv_queued_bytes, PARTS * PART);
    assert_int_equal(info.transfer.data_segs_in, PARTS);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sent_goes_whole_and_a_sack_cuts_it),
        cmocka_unit_test(received_is_acknowledged_and_delivered_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
