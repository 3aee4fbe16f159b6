/* Accurate ECN, RFC 9768: the data sender. */
#include "tcp_accecn.h"

#include "stack/stack.h"
#include "tcp/accecn.h"

/* Joined, with so many segments in flight; the first ACK may take any of them. */
static struct peer sending(uint32_t segments, uint16_t present) {
    aksu_config config = acc_config(AKSU_ECN_ACCURATE_PASSIVE);
    config.tcp.initial_cwnd_segments = segments;
    struct peer p = peer_open(&config);
    acc_join_with(&p, present, 2);
    we_send(&p, segments * SEG);
    assert_int_equal(data_since(&p, p.w->first), segments);
    return p;
}

/* An ACK of the first so many segments, with so many marks counted by the peer since its 5. */
static void acked(struct peer *p, uint32_t segments, unsigned marks) {
    peer_says(p, (struct peer_segment){.flags = ACK | ace(5 + marks), .seq = 1, .ack = 1 + segments * SEG});
}

static uint32_t marks_of(const struct peer *p) {
    return info_of(p).accecn.delivered_ce;
}

/* RFC 3168 s6.1.2 as RFC 9768 s4 has it: once in a round trip, and an ACK that tells of marks widens nothing; no CWR,
 * as the flags are ours to count with. RFC9768-3.1.5-n, RFC9768-3.2.2-a, RFC9768-3.2.2-b */
static void marks_halve_the_window_once_a_round_trip(void **state) {
    (void)state;
    struct peer p = sending(10, 0);
    we_send(&p, 60 * SEG);
    uint32_t before = info_of(&p).cwnd_bytes;
    acked(&p, 1, 1);
    uint32_t once = info_of(&p).cwnd_bytes;
    assert_in_range(once, before / 2, before / 2 + SEG);
    for (uint32_t i = 2; i <= 10; i++) {
        acked(&p, i, i);
        assert_int_equal(info_of(&p).cwnd_bytes, once);
    }
    assert_int_equal(counters_of(&p).ecn_reductions, 1);
    acked(&p, 12, 11);
    assert_int_equal(counters_of(&p).ecn_reductions, 2);
    assert_int_equal(marks_of(&p), 11);
    for (uint32_t i = p.w->first; i < p.w->seen_count; i++)
        assert_true(p.w->seen[i].from == CLIENT || code_of(&p.w->seen[i]) == 5);
    world_close(p.w);
}

/* s3.2.2.5.2, appendix A.2.1: an ACK of ten may hide that the field has come round; one that counts more than it
 * acknowledges is believed.
 * RFC9768-3.2.2.5.2-a, RFC9768-3.2.2.5.2-b, RFC9768-3.2.3.2.3-a */
static void field_is_taken_to_have_come_round(void **state) {
    (void)state;
    static const struct {
        uint32_t packets;
        unsigned field; /* how much it grows */
        uint32_t marks;
    } rows[] = {
        {10, 1, 9}, {10, 2, 10}, {10, 3, 3},  {10, 7, 7},  {9, 1, 9},  {9, 2, 2}, {8, 1, 1},
        {2, 4, 4},  {1, 7, 7},   {18, 2, 18}, {17, 2, 10}, {10, 0, 0}, {7, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer p = sending(20, 0);
        acked(&p, rows[i].packets, rows[i].field);
        assert_int_equal(marks_of(&p), rows[i].marks);
        assert_int_equal(counters_of(&p).ecn_reductions, rows[i].marks > 0);
        world_close(p.w);
    }
    struct peer p = sending(40, 0); /* once something was marked, nothing may be a whole round of it */
    acked(&p, 1, 1);
    acked(&p, 9, 1);
    assert_int_equal(marks_of(&p), 1 + 8);
    world_close(p.w);
}

/* A.2.1: "only use dSafer.cep rather than d.cep if the moving average of newlyAckedPkt was well below 8". */
static void acks_for_many_are_taken_at_their_word(void **state) {
    (void)state;
    struct peer p = sending(60, 0);
    uint32_t packets = 0;
    for (int i = 0; i < 4; i++) acked(&p, packets += 10, 0);
    acked(&p, packets += 10, 1);
    assert_int_equal(marks_of(&p), 1);
    world_close(p.w);
}

/* A.2.2, its examples with our segment size: with an option the bytes say whether the field has come round.
 * RFC9768-3.2.3-c, RFC9768-3.2.3.2.5-a */
static void option_tells_whether_the_field_came_round(void **state) {
    (void)state;
    static const struct {
        uint32_t packets;
        unsigned field;
        uint32_t bytes, marks;
    } rows[] = {
        {8, 0, SEG, 8},        {10, 2, SEG, 2},    {15, 7, 7 * SEG - 20, 7},
        {10, 2, 10 * SEG, 10}, {9, 1, 9 * SEG, 9}, {9, 1, SEG, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer p = sending(20, 0);
        p.options = acc_option(0, 1, rows[i].bytes, 1);
        acked(&p, rows[i].packets, rows[i].field);
        assert_int_equal(marks_of(&p), rows[i].marks);
        assert_int_equal(info_of(&p).accecn.delivered_ce_bytes, rows[i].bytes);
        world_close(p.w);
    }
}

/* Appendix A.1: either order, any number of fields, 24 bits that come round.
 * RFC9768-3.2.3-c, RFC9768-3.2.3-d */
static void option_adds_up_in_either_order(void **state) {
    (void)state;
    struct peer p = sending(20, 0);
    p.options = acc_option(0, 0xfffff0, 0x10, 0x20);
    acked(&p, 1, 1);
    p.options = acc_option(1, 0x30, 0x20, 0x0f);
    acked(&p, 2, 2);
    p.options = acc_option(1, 0x40, 0, 0);
    p.options.accecn_count = 1;
    acked(&p, 3, 2);
    p.options.accecn_count = 0;
    acked(&p, 4, 2);
    aksu_accecn_info info = info_of(&p).accecn;
    assert_true(info.peer_option);
    assert_int_equal(info.delivered_e0_bytes, 0x1000000 + 0x0f - 1);
    assert_int_equal(info.delivered_ce_bytes, 0x20);
    assert_int_equal(info.delivered_e1_bytes, 0x40 - 1);
    world_close(p.w);
}

/* s3.2.2.2: an ACK that a later one has overtaken says nothing; what is later is seen by number, by SACK, by timestamp.
 */
static void feedback_overtaken_is_ignored(void **state) {
    (void)state;
    struct peer p = sending(20, 0);
    acked(&p, 6, 2);
    acked(&p, 4, 1); /* would be 7 more */
    acked(&p, 6, 3); /* nothing shows that it is later */
    p.options = acc_option(0, 1, 100, 1);
    acked(&p, 6, 3);
    assert_int_equal(marks_of(&p), 2);
    assert_int_equal(info_of(&p).accecn.delivered_ce_bytes, 0);
    p.options = (aksu_tcp_options){0};
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5 + 3), .seq = 1, .ack = 1 + 6 * SEG, .bytes = 10});
    assert_int_equal(marks_of(&p), 3); /* new data of its own */
    world_close(p.w);

    p = sending(20, AKSU_OPT_TIMESTAMPS);
    acked(&p, 1, 0);
    acked(&p, 1, 1);
    assert_int_equal(marks_of(&p), 0);
    p.options.ts_val++;
    acked(&p, 1, 1);
    assert_int_equal(marks_of(&p), 1);
    world_close(p.w);

    p = sending(20, AKSU_OPT_SACK_PERMITTED);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_SACK, .sack_count = 1};
    p.options.sack[0] = (aksu_sack_block){.left = p.iss + 1 + SEG, .right = p.iss + 1 + 2 * SEG};
    acked(&p, 0, 1);
    assert_int_equal(marks_of(&p), 1);
    acked(&p, 0, 2);
    assert_int_equal(marks_of(&p), 1);
    p.options.sack[0].right += SEG;
    acked(&p, 0, 2);
    assert_int_equal(marks_of(&p), 2);
    world_close(p.w);
}

/* s3.2.2.4: zero in the first that comes after the handshake, unless it acknowledges enough for so many marks; any
 * other value does as well as ours. RFC9768-3.2.2.4-a, RFC9768-3.2.2.4-b, RFC9768-3.2.2.4-c */
static void first_field_of_zero_ends_ect(void **state) {
    (void)state;
    for (unsigned first = 0; first < 8; first++) {
        struct peer p = sending(10, 0);
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(first), .seq = 1, .ack = 1, .bytes = 10});
        assert_int_equal(info_of(&p).accecn.ect, first != 0);
        uint64_t before = counters_of(&p).ecn_reductions;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(first + 1), .seq = 11, .ack = 1 + 10 * SEG});
        assert_int_equal(counters_of(&p).ecn_reductions > before || before > 0, first != 0);
        p.tos = CE;
        peer_says(&p,
                  (struct peer_segment){.flags = ACK | ace(first + 1), .seq = 11, .ack = 1 + 10 * SEG, .bytes = 10});
        assert_int_equal(code_of(our_last(&p)), 6);
        acked(&p, 10, 0);
        world_close(p.w);
    }
}

/* s3.2.3.2.4: counters of bytes that begin at zero are ignored from then on, other values than ours are not.
 * RFC9768-3.2.3.2.4-a, RFC9768-3.2.3.2.4-b */
static void first_option_of_zero_is_ignored(void **state) {
    (void)state;
    static const uint32_t e0b[] = {1, 0, 1, 77}, e1b[] = {1, 1, 0, 88};
    for (int i = 0; i < 4; i++) {
        bool ignored = e0b[i] == 0 || e1b[i] == 0;
        struct peer p = acc_peer(AKSU_ECN_ACCURATE);
        peer_called(&p);
        p.options = acc_option(0, e0b[i], 0, e1b[i]);
        peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(2), .seq = 0, .ack = 1});
        assert_int_equal(info_of(&p).accecn.peer_option, !ignored);
        we_send(&p, 10 * SEG);
        p.options = acc_option(0, 1, SEG, 1);
        acked(&p, 10, 1);
        assert_int_equal(info_of(&p).accecn.delivered_ce_bytes, ignored ? 0 : SEG);
        assert_int_equal(marks_of(&p), ignored ? 9 : 1); /* the conservative reading of the field */
        world_close(p.w);
    }
}

/* s3.2.3.2.3: a SYN,ACK without the option: the field is read conservatively, ours go all the same, and when one comes
 * after all it is taken.
 * RFC9768-3.2.3.2.3-a, RFC9768-3.2.3.2.3-b, RFC9768-3.2.3-g */
static void no_option_on_the_syn_ack_none_until_one_comes(void **state) {
    (void)state;
    aksu_config config = acc_config(AKSU_ECN_ACCURATE);
    config.tcp.initial_cwnd_segments = 40;
    struct peer p = peer_open(&config);
    peer_called(&p);
    peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(2), .seq = 0, .ack = 1});
    assert_false(info_of(&p).accecn.peer_option);
    assert_true(has_option(our_last(&p)));
    we_send(&p, 40 * SEG);
    acked(&p, 10, 1);
    assert_int_equal(marks_of(&p), 9);
    p.options = acc_option(0, 1, SEG, 1);
    acked(&p, 19, 2);
    assert_int_equal(marks_of(&p), 10);
    assert_true(info_of(&p).accecn.peer_option);
    world_close(p.w);
}

/* s3.2.3.2.5: bytes marked in no packet: something changes the feedback.
 * RFC9768-3.2.3.2.5-b */
static void bytes_marked_in_no_packet_end_ect(void **state) {
    (void)state;
    for (uint32_t packets = 1; packets <= 8; packets++) {
        struct peer p = sending(10, 0);
        p.options = acc_option(0, 1, 10, 1);
        acked(&p, packets, 0);
        assert_int_equal(info_of(&p).accecn.ect, packets == 8); /* of 8 all may be marked */
        world_close(p.w);
    }
}

/* s3.2.2.3: everything marked for four round trips is no congestion.
 * RFC9768-3.2.2.3-d */
static void marks_on_everything_are_not_believed_for_ever(void **state) {
    (void)state;
    for (uint32_t spared = 0; spared <= 8; spared += 8) { /* the segment whose mark is missing; 0: none */
        struct peer p = sending(10, 0);
        we_send(&p, 60 * SEG);
        uint32_t packets = 0, marks = 0;
        for (int i = 0; i < 60; i++) {
            packets++;
            if (packets != spared) marks++;
            acked(&p, packets, marks);
            world_run(p.w, 300000);
        }
        assert_int_equal(info_of(&p).accecn.ect, spared != 0);
        world_close(p.w);
    }
}

/* s3.2.2.3 for segments that are not full: what came back without a mark between them is not everything marked, however
 * little it was. */
static void marks_on_some_small_segments_are_believed(void **state) {
    (void)state;
    for (uint32_t every = 1; every <= 4; every++) {
        struct peer p = sending(1, 0);
        acked(&p, 1, 1);
        uint32_t at = 1 + SEG, marks = 1;
        for (uint32_t i = 1; i <= 40; i++) {
            we_send(&p, 10);
            at += 10;
            if (i % every == 0) marks++;
            peer_says(&p, (struct peer_segment){.flags = ACK | ace(5 + marks), .seq = 1, .ack = at});
            world_run(p.w, 10000000);
        }
        assert_int_equal(marks_of(&p), marks);
        assert_int_equal(info_of(&p).accecn.ect, every > 1);
        world_close(p.w);
    }
}

/* s3.2.2.2: of two segments with data past a gap, what lies before the other was sent before it. */
static void feedback_on_overtaken_data_is_ignored(void **state) {
    (void)state;
    for (uint32_t stamps = 0; stamps < 2; stamps++) {
        struct peer p = sending(20, stamps ? AKSU_OPT_TIMESTAMPS : 0);
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(5 + 2), .seq = 201, .ack = 1, .bytes = 10});
        assert_int_equal(marks_of(&p), 2);
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(5 + 1), .seq = 101, .ack = 1, .bytes = 10});
        assert_int_equal(marks_of(&p), 2); /* would be 7 more */
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(5 + 3), .seq = 211, .ack = 1, .bytes = 10});
        assert_int_equal(marks_of(&p), 3);
        world_close(p.w);
    }
}

/* s3.2.2.1: our SYN,ACK went twice, and so did the bare ACK of it: the second is no count either, though a timestamp
 * shows that it is later. */
static void ack_of_the_second_syn_ack_is_no_count(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct peer p = sending(10, AKSU_OPT_TIMESTAMPS);
        p.options.ts_val++;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(encoding[i]), .seq = 1, .ack = 1});
        assert_int_equal(marks_of(&p), 0);
        p.options.ts_val++;
        acked(&p, 2, 0);
        assert_int_equal(marks_of(&p), 0);
        assert_int_equal(counters_of(&p).ecn_reductions, 0);
        world_close(p.w);
    }
}

/* s3.2.2.5.2, s3.2.3.2.5: nobody knows how many small segments an ACK is for; the bytes say that the field came round.
 */
static void option_tells_of_small_segments_too(void **state) {
    (void)state;
    for (uint32_t segments = 1; segments <= 9; segments++) {
        aksu_config config = acc_config(AKSU_ECN_ACCURATE_PASSIVE);
        config.tcp.nagle = 0;
        struct peer p = peer_open(&config);
        acc_join(&p, 2);
        we_send(&p, SEG);
        acked(&p, 1, 0);
        for (uint32_t i = 0; i < segments; i++) {
            we_send(&p, 10);
            world_run(p.w, 1000);
        }
        p.options = acc_option(0, 1, 10 * segments, 1);
        peer_says(&p,
                  (struct peer_segment){.flags = ACK | ace(5 + segments), .seq = 1, .ack = 1 + SEG + 10 * segments});
        assert_int_equal(marks_of(&p) % 8, segments % 8);
        assert_true(marks_of(&p) > 0);
        assert_true(info_of(&p).accecn.ect);
        world_close(p.w);
    }
}

/* s3.3.4: a super-segment's later parts lose CWR, so that there are none while that bit of the count is set.
 * RFC9768-3.3.4-a */
static void no_super_segments_with_cwr_in_the_count(void **state) {
    (void)state;
    for (unsigned counted = 5; counted < 13; counted++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
        struct ak_link_state *link = ak_link_state_at(ak_core_of(p.w->stack[SERVER]), 0);
        link->flags |= AKSU_LINK_TSO4 | AKSU_LINK_TX_CHECKSUM;
        link->tso_max_bytes = 20000;
        acc_join(&p, 2);
        p.tos = CE;
        for (unsigned i = 5; i < counted; i++)
            peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 1});
        p.w->first = p.w->seen_count;
        we_send(&p, 10 * SEG);
        assert_int_equal(code_of(our_last(&p)), counted & 7);
        assert_int_equal(data_since(&p, p.w->first) == 10, (counted & 2) != 0);
        world_close(p.w);
    }
}

/* RFC 7413 with s3.2.2.1 and s5.2: data on the SYN is in no counter, the SYN,ACK is answered by a bare ACK before the
 * rest goes, and what the server sends at once has the field.
 * RFC9768-3.2-b, RFC9768-3.2.2.1-b */
static void fast_open_keeps_the_bare_ack(void **state) {
    (void)state;
    aksu_config config = acc_config(AKSU_ECN_ACCURATE);
    config.tcp.fast_open = 1;
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 4, 0), server;
    size_t bytes;
    for (int round = 0; round < 2; round++) {
        w->seen_count = 0;
        aksu_sock client = world_connect(w);
        assert_int_equal(aksu_tcp_send(w->stack[CLIENT], client, "hello", 5, 0, &bytes), AKSU_OK);
        if (round == 1) {
            assert_true(world_carry(w, CLIENT));
            assert_int_equal(w->seen[0].segment.payload_bytes, 5);
            assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
            assert_int_equal(aksu_tcp_send(w->stack[SERVER], server, "answer", 6, 0, &bytes), AKSU_OK);
            assert_int_equal(aksu_tcp_send(w->stack[CLIENT], client, "more", 4, 0, &bytes), AKSU_OK);
        }
        world_run(w, 1000000);
        if (round == 0) assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
        aksu_tcp_info ours, theirs;
        assert_int_equal(aksu_tcp_status(w->stack[SERVER], server, &ours), AKSU_OK);
        assert_int_equal(aksu_tcp_status(w->stack[CLIENT], client, &theirs), AKSU_OK);
        assert_true(ours.accecn.agreed && theirs.accecn.agreed && ours.accecn.ect && theirs.accecn.ect);
        assert_int_equal(ours.accecn.received_e0_bytes, round == 0 ? 5 : 4);
        assert_int_equal(theirs.accecn.received_e0_bytes, round == 0 ? 0 : 6);
        assert_int_equal(theirs.accecn.delivered_e0_bytes, ours.accecn.received_e0_bytes);
        uint32_t bare = 0; /* the client's first after its SYN */
        while (w->seen[bare].from != CLIENT || (w->seen[bare].segment.flags & SYN)) bare++;
        assert_int_equal(w->seen[bare].segment.payload_bytes, 0);
        assert_int_equal(code_of(&w->seen[bare]), 2);
        assert_int_equal(aksu_tcp_abort(w->stack[CLIENT], client), AKSU_OK);
        world_run(w, 1000000);
        assert_int_equal(aksu_tcp_close(w->stack[SERVER], server), AKSU_OK);
    }
    world_close(w);
}

/* A transfer comes and goes with the data; what was counted stays. */
static void counts_outlast_an_idle_time(void **state) {
    (void)state;
    struct peer p = sending(2, 0);
    acked(&p, 2, 1);
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(6), .seq = 1, .ack = 1 + 2 * SEG, .bytes = 10});
    char buf[100];
    size_t bytes;
    assert_int_equal(aksu_tcp_recv(p.w->stack[SERVER], p.sock, buf, sizeof buf, &bytes), AKSU_OK);
    world_run(p.w, 10000000);
    assert_int_equal(info_of(&p).held_bytes, sizeof(struct ak_tcb) + sizeof(struct ak_accecn)); /* no transfer */
    assert_int_equal(marks_of(&p), 1);
    assert_int_equal(info_of(&p).accecn.received_ce, 1);
    p.tos = 0;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(7), .seq = 11, .ack = 1 + 2 * SEG, .bytes = 10});
    assert_int_equal(code_of(our_last(&p)), 6);
    assert_int_equal(marks_of(&p), 2);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_halve_the_window_once_a_round_trip),
        cmocka_unit_test(field_is_taken_to_have_come_round),
        cmocka_unit_test(acks_for_many_are_taken_at_their_word),
        cmocka_unit_test(option_tells_whether_the_field_came_round),
        cmocka_unit_test(option_adds_up_in_either_order),
        cmocka_unit_test(feedback_overtaken_is_ignored),
        cmocka_unit_test(first_field_of_zero_ends_ect),
        cmocka_unit_test(first_option_of_zero_is_ignored),
        cmocka_unit_test(no_option_on_the_syn_ack_none_until_one_comes),
        cmocka_unit_test(bytes_marked_in_no_packet_end_ect),
        cmocka_unit_test(marks_on_everything_are_not_believed_for_ever),
        cmocka_unit_test(marks_on_some_small_segments_are_believed),
        cmocka_unit_test(feedback_on_overtaken_data_is_ignored),
        cmocka_unit_test(ack_of_the_second_syn_ack_is_no_count),
        cmocka_unit_test(option_tells_of_small_segments_too),
        cmocka_unit_test(no_super_segments_with_cwr_in_the_count),
        cmocka_unit_test(fast_open_keeps_the_bare_ack),
        cmocka_unit_test(counts_outlast_an_idle_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
