/* A segment arrives at a connection: RFC 9293 s3.10.7.4 check by check, RFC 5961, with a hand-made peer. */
#include "tcp_peer.h"

#include "core/core.h"

static aksu_config plain_config(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = config.tcp.window_scale = 0;
    config.tcp.rcv_buf_bytes = 10000;
    return config;
}

static struct peer joined(void) {
    aksu_config config = plain_config();
    return peer_joined(&config);
}

static size_t readable(struct peer *p) {
    uint8_t buf[65536];
    size_t bytes = 0;
    aksu_err err = aksu_tcp_recv(p->w->stack[SERVER], p->sock, buf, sizeof buf, &bytes);
    assert_true(err == AKSU_OK || err == AKSU_ERR_AGAIN);
    return err == AKSU_OK ? bytes : 0;
}

/* U-5: nothing at all. */
static void rst_outside_the_window_is_dropped(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 0});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 10001});
    peer_ladder_is(&p, 0,
                   "             -- RST 0 -------------------------------! ESTABLISHED\n"
                   "             -- RST 10001 ---------------------------! ESTABLISHED\n");
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_RST_OUTSIDE), 2);
    world_close(p.w);
}

/* U-6, SHLD-2: the exact number resets, also with text in it. */
static void rst_exact_resets(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 1, .bytes = 20});
    peer_ladder_is(&p, 0, "             -- RST 1..21 ---------------------------> CLOSED\n");
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(p.w, SERVER, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_RESET);
    world_close(p.w);
}

/* U-7, U-8: in the window and not exact: asked to say it again, and nothing of it counts. */
static void rst_in_the_window_is_challenged(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 2});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST | AKSU_TCP_ACK, .seq = 10000, .ack = 1});
    peer_ladder_is(&p, 0,
                   "             -- RST 2 -------------------------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             -- RST,ACK 10000 ack 1 -----------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n");
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_RST_CHALLENGED), 2);
    world_close(p.w);
}

/* U-9, U-10: a SYN is challenged wherever it lies, and nothing of it counts. */
static void syn_in_established_is_challenged(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .seq = 1});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .seq = 50000, .bytes = 10});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN | AKSU_TCP_ACK, .seq = 0, .ack = 1});
    peer_ladder_is(&p, 0,
                   "             -- SYN 1 -------------------------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             -- SYN 50000..50011 --------------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             -- SYN,ACK 0 ack 1 ---------------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n");
    assert_int_equal(readable(&p), 0);
    world_close(p.w);
}

/* A challenge answers a peer that has forgotten the connection with what it needs to reset it (s3.5.1, figure 10). */
static void syn_of_a_rebooted_peer_ends_in_a_reset(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .seq = 90000});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 1});
    peer_ladder_is(&p, 0,
                   "             -- SYN 90000 ---------------------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             -- RST 1 -------------------------------> CLOSED\n");
    world_close(p.w);
}

/* RFC 5961 s7: challenges have a budget, of this connection alone. */
static void challenges_are_limited(void **state) {
    (void)state;
    struct peer p = joined();
    for (int i = 0; i < 100; i++) peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .seq = 1});
    aksu_counters counters;
    aksu_counters_get(p.w->stack[SERVER], &counters);
    assert_in_range(counters.tcp_challenges_sent, 8, 16);
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_SYN_CHALLENGED), 100);
    world_close(p.w);
}

/* U-11, U-12, MAY-12: what acknowledges bytes never sent, or long gone, is discarded and answered. */
static void ack_of_the_future_or_the_distant_past_is_challenged(void **state) {
    (void)state;
    struct peer p = joined();
    we_send(&p, 100);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 101});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 102, .bytes = 5});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 101u - 65536u, .bytes = 5});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 101u - 65535u, .bytes = 5});
    peer_ladder_is(&p, 0,
                   "             <- PSH,ACK 1..101 ack 1 ----------------- ESTABLISHED\n"
                   "             -- ACK 1 ack 101 -----------------------> ESTABLISHED\n"
                   "             -- ACK 1..6 ack 102 --------------------! ESTABLISHED\n"
                   "             <- ACK 101 ack 1 ------------------------ ESTABLISHED\n"
                   "             -- ACK 1..6 ack 4294901861 -------------! ESTABLISHED\n"
                   "             <- ACK 101 ack 1 ------------------------ ESTABLISHED\n"
                   "             -- ACK 1..6 ack 4294901862 -------------> ESTABLISHED\n");
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_ACK_FUTURE), 1);
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_ACK_TOO_OLD), 1);
    assert_int_equal(readable(&p), 5);
    world_close(p.w);
}

/* s3.10.7.4, fifth: "If the ACK bit is off, drop the segment". */
static void text_without_ack_is_dropped(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_PSH, .seq = 1, .bytes = 5});
    peer_says(&p, (struct peer_segment){.flags = 0, .seq = 1});
    peer_ladder_is(&p, 0,
                   "             -- PSH 1..6 ----------------------------! ESTABLISHED\n"
                   "             -- none 1 ------------------------------! ESTABLISHED\n");
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_NO_ACK), 2);
    assert_int_equal(readable(&p), 0);
    world_close(p.w);
}

/* SHLD-31, MAY-13: what lies beyond a gap is held, and told at once; the gap filled, all of it is read. */
static void text_beyond_a_gap_is_held(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 11, .ack = 1, .bytes = 10});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | AKSU_TCP_FIN, .seq = 21, .ack = 1, .bytes = 10});
    assert_int_equal(readable(&p), 0);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 10});
    assert_int_equal(readable(&p), 30);
    peer_ladder_is(&p, 0,
                   "             -- ACK 11..21 ack 1 --------------------> ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             -- FIN,ACK 21..31 ack 1 ----------------> ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             -- ACK 1..11 ack 1 ---------------------> CLOSE-WAIT\n"
                   "             <- ACK 1 ack 32 ------------------------- CLOSE-WAIT\n");
    world_close(p.w);
}

/* Text that overlaps what has come counts for what is new of it; what came first stays. */
static void text_overlapping_counts_for_what_is_new(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 10});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 6, .ack = 1, .bytes = 10});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 10}); /* nothing new */
    assert_int_equal(readable(&p), 15);
    peer_ladder_is(&p, 0,
                   "             -- ACK 1..11 ack 1 ---------------------> ESTABLISHED\n"
                   "             -- ACK 6..16 ack 1 ---------------------> ESTABLISHED\n"
                   "             <- ACK 1 ack 16 ------------------------- ESTABLISHED\n"
                   "             -- ACK 1..11 ack 1 ---------------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 16 ------------------------- ESTABLISHED\n");
    world_close(p.w);
}

/* Text past the window is cut at its edge. */
static void text_past_the_window_is_cut(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.rcv_buf_bytes = 1000;
    struct peer p = peer_joined(&config);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 1200});
    peer_ladder_is(&p, LADDER_WINDOWS,
                   "             -- ACK 1..1201 ack 1 win 65535 ---------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1001 win 0 ----------------- ESTABLISHED\n");
    assert_int_equal(readable(&p), 1000);
    world_close(p.w);
}

/* MUST-66, U-14: with the window shut, what needs no room is heeded: acknowledgments, URG, RST. */
static void window_shut_still_takes_acks_and_resets(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.rcv_buf_bytes = 1000;
    struct peer p = peer_joined(&config);
    we_send(&p, 10);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 1000});
    peer_says(&p,
              (struct peer_segment){.flags = AKSU_TCP_ACK | AKSU_TCP_URG, .seq = 1001, .ack = 11, .bytes = 1, .up = 1});
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
    assert_int_equal(info.snd_unacked_bytes, 0);
    assert_true(info.urgent);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 1001});
    peer_ladder_is(&p, LADDER_WINDOWS,
                   "             <- PSH,ACK 1..11 ack 1 win 1000 --------- ESTABLISHED\n"
                   "             -- ACK 1..1001 ack 1 win 65535 ---------> ESTABLISHED\n"
                   "             -- URG,ACK 1001..1002 ack 11 up 1 win 65535 --! ESTABLISHED\n"
                   "             <- ACK 11 ack 1001 win 0 ---------------- ESTABLISHED\n"
                   "             -- RST 1001 win 65535 ------------------> CLOSED\n");
    world_close(p.w);
}

/* MUST-11: a reset in SYN-RECEIVED returns a passive open to LISTEN and says nothing; an active one is refused. */
static void rst_in_syn_received_depends_on_how_it_was_reached(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_open(&config);
    peer_syn(&p);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 1});
    aksu_reason reason = AKSU_REASON_NONE;
    assert_int_equal(world_events(p.w, SERVER, &reason), 0);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .seq = 1000000});
    peer_ladder_is(&p, 0,
                   "             -- SYN 0 -------------------------------> SYN-RECEIVED\n"
                   "             <- SYN,ACK 0 ack 1 ---------------------- SYN-RECEIVED\n"
                   "             -- RST 1 -------------------------------> LISTEN\n"
                   "             -- SYN 1000000 -------------------------> SYN-RECEIVED\n"
                   "             <- SYN,ACK 500 ack 1000001 -------------- SYN-RECEIVED\n");
    world_close(p.w);

    p = peer_open(&config);
    peer_called(&p);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .seq = 0});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 1});
    assert_true(world_events(p.w, SERVER, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_REFUSED);
    world_close(p.w);
}

/* s3.10.7.3: what a SYN-SENT takes for an answer. */
static void syn_sent_takes_only_what_answers_its_syn(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_open(&config);
    peer_called(&p);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 500, .ack = 0});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 500, .ack = 2});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST | AKSU_TCP_ACK, .seq = 500, .ack = 2});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 500});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 500, .ack = 1});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_FIN, .seq = 500});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST | AKSU_TCP_ACK, .seq = 0, .ack = 1});
    peer_ladder_is(&p, 0,
                   "             -- ACK 500 ack 0 -----------------------! SYN-SENT\n"
                   "             <- RST 0 -------------------------------- SYN-SENT\n"
                   "             -- ACK 500 ack 2 -----------------------! SYN-SENT\n"
                   "             <- RST 2 -------------------------------- SYN-SENT\n"
                   "             -- RST,ACK 500 ack 2 -------------------! SYN-SENT\n"
                   "             -- RST 500 -----------------------------! SYN-SENT\n"
                   "             -- ACK 500 ack 1 -----------------------! SYN-SENT\n"
                   "             -- FIN 500 -----------------------------! SYN-SENT\n"
                   "             -- RST,ACK 0 ack 1 ---------------------> CLOSED\n");
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(p.w, SERVER, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_REFUSED);
    world_close(p.w);
}

/* MUST-34, SHLD-15, SHLD-16, SHLD-17: a window that shrinks below what is in flight: nothing new goes, the connection
 * is not given up for what lies beyond the edge, and what lies within is sent again.
 * RFC7323-2.4-a */
static void window_shrunk_below_the_flight_is_survived(void **state) {
    (void)state;
    struct peer p = joined();
    p.wnd = 5000;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    we_send(&p, 6000);
    p.wnd = 1000;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1461});
    world_run(p.w, 2000000);
    p.wnd = 8000;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2921});
    peer_ladder_is(&p, LADDER_TIMES,
                   "  0.002              -- ACK 1 ack 1 -------------------------> ESTABLISHED\n"
                   "  0.003              <- ACK 1..537 ack 1 --------------------- ESTABLISHED\n"
                   "  0.003              <- ACK 537..1073 ack 1 ------------------ ESTABLISHED\n"
                   "  0.003              <- ACK 1073..1609 ack 1 ----------------- ESTABLISHED\n"
                   "  0.003              <- ACK 1609..2145 ack 1 ----------------- ESTABLISHED\n"
                   "  0.003              <- ACK 2145..2681 ack 1 ----------------- ESTABLISHED\n"
                   "  0.003              <- ACK 2681..3217 ack 1 ----------------- ESTABLISHED\n"
                   "  0.003              <- ACK 3217..3753 ack 1 ----------------- ESTABLISHED\n"
                   "  0.003              <- ACK 3753..4289 ack 1 ----------------- ESTABLISHED\n"
                   "  0.003              <- ACK 4289..4825 ack 1 ----------------- ESTABLISHED\n"
                   "  0.004              -- ACK 1 ack 1461 ----------------------> ESTABLISHED\n"
                   "  0.205              <- ACK 1461..1609 ack 1 ----------------- ESTABLISHED\n"
                   "  0.607              <- ACK 1461..1609 ack 1 ----------------- ESTABLISHED\n"
                   "  1.411              <- ACK 1461..1609 ack 1 ----------------- ESTABLISHED\n"
                   "  2.005              -- ACK 1 ack 2921 ----------------------> ESTABLISHED\n"
                   "  2.005              <- ACK 2921..3217 ack 1 ----------------- ESTABLISHED\n"
                   "  2.005              <- ACK 3217..3753 ack 1 ----------------- ESTABLISHED\n");
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_ESTABLISHED);
    world_close(p.w);
}

/* MUST-1: a window of 65,535 is that, and not -1. */
static void window_of_65535_is_unsigned(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.initial_cwnd_segments = 64;
    struct peer p = peer_joined(&config);
    we_send(&p, 30000);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
    assert_int_equal(info.snd_wnd, 65535);
    assert_int_equal(info.snd_unacked_bytes, 30000);
    world_close(p.w);
}

/* Segments of 10 bytes that come in one batch. */
static void peer_says_in_one_batch(struct peer *p, const uint32_t *seq, uint32_t count) {
    uint8_t packet[PEER_PACKET_MAX];
    for (uint32_t i = 0; i < count; i++) {
        struct ak_tcp_header header = {.src_port = PEER_PORT,
                                       .dst_port = p->our_port,
                                       .seq = {PEER_ISS + seq[i]},
                                       .ack = {p->iss + 1},
                                       .flags = AKSU_TCP_ACK,
                                       .wnd = p->wnd};
        peer_input(p, packet, peer_packet(p, packet, &header, 10));
    }
    world_run(p->w, 1000);
}

/* RFC 5681 s4.2: each segment out of order draws its duplicate ACK, also of those that come together: without SACK
 * their number is all that the peer learns from them.  One that fills the gap is acknowledged once. */
static void text_beyond_a_gap_in_one_batch_draws_as_many_duplicates(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says_in_one_batch(&p, (const uint32_t[]){11, 21, 31}, 3);
    peer_ladder_is(&p, 0,
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n");
    p.w->first = p.w->seen_count;
    peer_says_in_one_batch(&p, (const uint32_t[]){41, 51, 1}, 3);
    peer_ladder_is(&p, 0, "             <- ACK 1 ack 61 ------------------------- ESTABLISHED\n");
    world_close(p.w);
}

/* SHLD-31 with many gaps: eight blocks of eight ranges here.  What is beyond them waits for its retransmission, and
 * what joins two of them is still taken. */
static void text_beyond_many_gaps_is_held_to_a_bound(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.block_bytes = 64;
    config.block_max = 4096;
    struct peer p = peer_joined(&config);
    for (uint32_t i = 0; i < 65; i++)
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 11 + 20 * i, .ack = 1, .bytes = 10});
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_NO_MEMORY), 1);
    for (uint32_t i = 0; i < 64; i++)
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1 + 20 * (63 - i), .ack = 1, .bytes = 10});
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_NO_MEMORY), 1);
    assert_int_equal(readable(&p), 64 * 20);
    world_close(p.w);
}

/* A device that cuts frames of no more than so many bytes into segments: less than a header holds is none. */
static void largest_frame_to_cut_smaller_than_a_segment_is_a_segment(void **state) {
    (void)state;
    static const uint32_t most[] = {1, 100, 128, 129, 600, 663, 664, 1199, 1200};
    for (uint32_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        struct peer p = joined();
        struct ak_link_state *link = ak_link_state_at(ak_core_of(p.w->stack[SERVER]), 0);
        link->flags |= AKSU_LINK_TSO4 | AKSU_LINK_TX_CHECKSUM;
        link->tso_max_bytes = most[i];
        p.w->first = p.w->seen_count;
        we_send(&p, 4 * 536);
        for (uint32_t n = p.w->first; n < p.w->seen_count; n++)
            assert_int_equal(p.w->seen[n].segment.payload_bytes, most[i] < 1200 ? 536 : 2 * 536);
        world_close(p.w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rst_outside_the_window_is_dropped),
        cmocka_unit_test(rst_exact_resets),
        cmocka_unit_test(rst_in_the_window_is_challenged),
        cmocka_unit_test(syn_in_established_is_challenged),
        cmocka_unit_test(syn_of_a_rebooted_peer_ends_in_a_reset),
        cmocka_unit_test(challenges_are_limited),
        cmocka_unit_test(ack_of_the_future_or_the_distant_past_is_challenged),
        cmocka_unit_test(text_without_ack_is_dropped),
        cmocka_unit_test(text_beyond_a_gap_is_held),
        cmocka_unit_test(text_overlapping_counts_for_what_is_new),
        cmocka_unit_test(text_past_the_window_is_cut),
        cmocka_unit_test(window_shut_still_takes_acks_and_resets),
        cmocka_unit_test(rst_in_syn_received_depends_on_how_it_was_reached),
        cmocka_unit_test(syn_sent_takes_only_what_answers_its_syn),
        cmocka_unit_test(window_shrunk_below_the_flight_is_survived),
        cmocka_unit_test(window_of_65535_is_unsigned),
        cmocka_unit_test(text_beyond_a_gap_in_one_batch_draws_as_many_duplicates),
        cmocka_unit_test(text_beyond_many_gaps_is_held_to_a_bound),
        cmocka_unit_test(largest_frame_to_cut_smaller_than_a_segment_is_a_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
