/* Accurate ECN, RFC 9768: negotiation and the data receiver. */
#include "tcp_accecn.h"

#include "stack/stack.h"
#include "tcp/accecn.h"

/* ---------------------------------------------------------------- the server's answer */

/* Table 2 and s3.1.3, every SYN: what is neither nothing nor the classic question asks for accurate ECN, and is
 * answered by how the SYN came; the reserved combination is never sent, nor an agreement where none was asked for.
 * RFC9768-3.1.1-b, RFC9768-3.1.1-c, RFC9768-3.1.1-d, RFC9768-3.1.2-c, RFC9768-3.1.2-e, RFC9768-3.1.3-a,
 * RFC9768-3.1.3-d, RFC9768-3.1.5-j */
static void every_syn_is_answered_by_table_two(void **state) {
    (void)state;
    for (uint64_t setting = 0; setting <= 5; setting++) {
        for (unsigned asks = 0; asks < 8; asks++) {
            for (uint8_t tos = 0; tos < 4; tos++) {
                struct peer p = acc_peer(setting);
                unsigned want = setting != 0 && (asks & 3) == 3 ? 1 : 0; /* RFC 3168 does not look at AE */
                if (setting >= 3) want = asks == 0 ? 0 : asks == 3 ? 1 : encoding[tos];
                p.tos = tos;
                p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
                peer_says(&p, (struct peer_segment){.flags = SYN | ace(asks)});
                assert_int_equal(our_last(&p)->segment.flags & (SYN | ACK), SYN | ACK);
                assert_int_equal(code_of(our_last(&p)), want);
                assert_int_equal(our_last(&p)->tos & CE, 0);
                assert_int_equal(has_option(our_last(&p)), want >= 2);
                world_close(p.w);
            }
        }
    }
}

/* s3.1.5: the latest SYN's field is fed back, the option goes once; a SYN without is answered by an agreement as well,
 * and then nothing of ours is ECT, though feedback goes on. RFC9768-3.1.5-a, RFC9768-3.1.5-g, RFC9768-3.1.5-h,
 * RFC9768-3.1.5-m, RFC9768-3.2.3.2.2-a */
static void syn_again_is_answered_by_how_it_came_last(void **state) {
    (void)state;
    for (unsigned asks = 0; asks < 8; asks += 7) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
        p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
        peer_says(&p, (struct peer_segment){.flags = SYN | ace(7)});
        peer_learn(&p);
        assert_true(has_option(our_last(&p)));
        p.tos = CE;
        peer_says(&p, (struct peer_segment){.flags = SYN | ace(asks)});
        assert_int_equal(code_of(our_last(&p)), 6);
        assert_false(has_option(our_last(&p)));
        p.tos = 0;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(2), .seq = 1, .ack = 1});
        acc_accept(&p);
        assert_true(info_of(&p).accecn.agreed);
        we_send(&p, 100);
        assert_int_equal(our_last(&p)->tos & CE, asks == 7 ? ECT_0 : 0);
        assert_int_equal(code_of(our_last(&p)), 5); /* s3.2.2.2: a mark on a SYN is not counted */
        world_close(p.w);
    }
}

/* s3.1.5: SYNs of both kinds in one handshake reset it; one without ECN is answered without whatever comes after.
 * RFC9768-3.1.5-d, RFC9768-3.1.5-e, RFC9768-3.1.5-i */
static void syn_of_the_other_kind_resets(void **state) {
    (void)state;
    static const unsigned first[] = {7, 3, 0, 0}, second[] = {3, 7, 3, 7};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
        p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
        peer_says(&p, (struct peer_segment){.flags = SYN | ace(first[i])});
        peer_says(&p, (struct peer_segment){.flags = SYN | ace(second[i])});
        assert_int_equal(our_last(&p)->segment.flags, first[i] == 0 ? SYN | ACK : AKSU_TCP_RST | ACK);
        if (first[i] != 0) assert_int_equal(our_last(&p)->segment.ack, PEER_ISS + 1);
        world_close(p.w);
    }
}

/* A SYN that waits for the application's decision is not deaf to those that follow it.
 * RFC9768-3.1.5-e, RFC9768-3.1.5-g, RFC9768-3.1.5-m */
static void deferred_syn_heeds_those_that_follow(void **state) {
    (void)state;
    static const unsigned again[] = {7, 0, 3};
    for (size_t i = 0; i < sizeof again / sizeof *again; i++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
        p.listener = world_listen_on(p.w, SERVER, 80, 8, AKSU_OPEN_DEFERRED);
        peer_says(&p, (struct peer_segment){.flags = SYN | ace(7)});
        p.tos = CE;
        peer_says(&p, (struct peer_segment){.flags = SYN | ace(again[i])});
        p.tos = 0;
        aksu_incoming incoming;
        if (again[i] == 3) {
            assert_int_equal(our_last(&p)->segment.flags, AKSU_TCP_RST | ACK);
            assert_int_equal(aksu_tcp_incoming(p.w->stack[SERVER], p.listener, &incoming), AKSU_ERR_AGAIN);
            world_close(p.w);
            continue;
        }
        assert_int_equal(aksu_tcp_incoming(p.w->stack[SERVER], p.listener, &incoming), AKSU_OK);
        assert_int_equal(aksu_tcp_decide(p.w->stack[SERVER], incoming.sock, AKSU_ACCEPT), AKSU_OK);
        world_run(p.w, 1000);
        peer_learn(&p);
        assert_int_equal(code_of(our_last(&p)), encoding[CE]);
        assert_true(has_option(our_last(&p)));
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(2), .seq = 1, .ack = 1});
        acc_accept(&p);
        we_send(&p, 100);
        assert_int_equal(our_last(&p)->tos & CE, again[i] == 7 ? ECT_0 : 0);
        world_close(p.w);
    }
}

/* s3.2.3.2.2: a SYN,ACK that is not answered goes again without the option, then without the flags; the mode stays, no
 * ECT is set, no option is sent.
 * RFC9768-3.1.5-m, RFC9768-3.1.5-o, RFC9768-3.2.2.4-b, RFC9768-3.2.3.2.2-a, RFC9768-3.2.3.2.2-b, RFC9768-3.2.3.2.2-c */
static void syn_ack_unanswered_goes_with_less_and_less(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
    p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
    peer_says(&p, (struct peer_segment){.flags = SYN | ace(7)});
    peer_learn(&p);
    world_run(p.w, 1100000);
    assert_int_equal(code_of(our_last(&p)), 2);
    assert_false(has_option(our_last(&p)));
    world_run(p.w, 2000000);
    assert_int_equal(our_last(&p)->segment.flags, SYN | ACK);
    assert_false(has_option(our_last(&p)));
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(2), .seq = 1, .ack = 1});
    acc_accept(&p);
    we_send(&p, 100);
    assert_int_equal(our_last(&p)->tos & CE, 0);
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 101, .bytes = 100});
    assert_int_equal(code_of(our_last(&p)), 6);
    assert_false(has_option(our_last(&p)));
    world_close(p.w);
}

/* Table 4: what the bare ACK of our SYN,ACK means; s3.2.2.3: it went as not ECT, and what says otherwise was changed on
 * the way.  0 means that feedback is not to be heeded, and is given all the same.
 * RFC9768-3.2.2.1-d, RFC9768-3.2.2.1-e, RFC9768-3.2.2.1-f, RFC9768-3.2.2.1-g, RFC9768-3.2.2.1-h, RFC9768-3.2.2.2-e,
 * RFC9768-3.2.2.3-b, RFC9768-3.2.2.3-c */
static void bare_ack_of_syn_ack_means_table_four(void **state) {
    (void)state;
    for (unsigned code = 0; code < 8; code++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
        acc_join(&p, code);
        bool mangled = code == 3 || code == 4 || code == 6;
        assert_int_equal(info_of(&p).accecn.delivered_ce, code == 6);
        we_send(&p, 40 * SEG);
        assert_int_equal(our_last(&p)->tos & CE, code == 0 || mangled ? 0 : ECT_0);
        assert_int_equal(data_since(&p, p.w->first), code == 6 ? 1 : 10); /* RFC 5562 s3.2: a first window of one */
        uint32_t cwnd = info_of(&p).cwnd_bytes, packets = code == 6 ? 1 : 2;
        unsigned marks = code == 6 ? 7 : 6;
        p.tos = CE;
        peer_says(&p,
                  (struct peer_segment){.flags = ACK | ace(marks), .seq = 1, .ack = 1 + packets * SEG, .bytes = 10});
        bool heeded = info_of(&p).cwnd_bytes < cwnd || counters_of(&p).ecn_reductions > 0;
        assert_int_equal(heeded, code != 0);
        assert_int_equal(info_of(&p).accecn.received_ce, 1);
        world_close(p.w);
    }
}

/* With data the field is the counter already, and the first of them is not zero: s3.2.2.4.
 * RFC9768-3.2.2-a, RFC9768-3.2.2.4-a, RFC9768-3.2.2.4-c */
static void data_instead_of_the_bare_ack_has_the_counter(void **state) {
    (void)state;
    for (unsigned code = 0; code < 8; code++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
        p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
        peer_says(&p, (struct peer_segment){.flags = SYN | ace(7)});
        peer_learn(&p);
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(code), .seq = 1, .ack = 1, .bytes = 10});
        acc_accept(&p);
        we_send(&p, 100);
        assert_int_equal(our_last(&p)->tos & CE, code == 0 ? 0 : ECT_0);
        assert_int_equal(info_of(&p).accecn.delivered_ce, (code - 5) & 7);
        world_close(p.w);
    }
}

/* ---------------------------------------------------------------- the client */

/* Table 2, every SYN,ACK; nothing is agreed on before it.
 * RFC9768-3.1.1-a, RFC9768-3.1.1-e, RFC9768-3.1.1-f, RFC9768-3.1.2-a, RFC9768-3.1.2-b, RFC9768-3.1.2-f,
 * RFC9768-3.1.3-b, RFC9768-3.1.3-c, RFC9768-3.1.5-k, RFC9768-3.1.5-l, RFC9768-3.2.2-c, RFC9768-3.2.2.2-c,
 * RFC9768-3.2.2.3-a, RFC9768-3.2.2.3-c, RFC9768-3.2.3.2.1-a, RFC9768-3.2.3.2.1-d, RFC9768-3.2.3.2.1-e */
static void every_syn_ack_is_taken_by_table_two(void **state) {
    (void)state;
    for (unsigned code = 0; code < 8; code++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE);
        peer_called(&p);
        assert_int_equal(our_last(&p)->segment.flags, SYN | ace(7));
        assert_false(has_option(our_last(&p)));
        assert_false(info_of(&p).accecn.agreed);
        peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(code), .seq = 0, .ack = 1});
        bool agreed = code >= 2 && code <= 6, classic = code == 1, as_sent = code == 2 || code == 5;
        aksu_tcp_info info = info_of(&p);
        assert_int_equal(info.accecn.agreed, agreed);
        assert_int_equal(info.ecn, agreed || classic);
        assert_int_equal(info.accecn.delivered_ce, 0);
        assert_int_equal(code_of(our_last(&p)), agreed ? 2 : 0);
        assert_int_equal(has_option(our_last(&p)), agreed);
        we_send(&p, 20 * SEG);
        const struct tcp_seen *data = our_data(&p);
        assert_int_equal(data->tos & CE, as_sent || classic ? ECT_0 : 0);
        assert_int_equal(code_of(data), agreed ? 5 : 0);
        assert_int_equal(has_option(data), agreed);
        assert_int_equal(data_since(&p, p.w->first), code == 6 ? 1 : 10); /* s3.2.2.2: as after a loss */
        p.tos = CE;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(agreed ? 5 : 0), .seq = 1, .ack = 1, .bytes = 10});
        assert_int_equal(code_of(our_last(&p)), agreed ? 6 : classic ? 1 : 0);
        world_close(p.w);
    }
}

/* Table 3, as an ACK without data in front of what waits; the mark on it is counted, once however often it comes, and
 * each time the latest is told of.  The flags of the SYN,ACK are not looked at any more.
 * RFC9768-3.1.5-a, RFC9768-3.1.5-b, RFC9768-3.1.5-g, RFC9768-3.2.2.1-a, RFC9768-3.2.2.1-b, RFC9768-3.2.2.1-c,
 * RFC9768-3.2.2.2-d, RFC9768-3.2-c */
static void syn_ack_is_acknowledged_by_how_it_came(void **state) {
    (void)state;
    for (uint8_t tos = 0; tos < 4; tos++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE);
        peer_called(&p);
        we_send(&p, 10);
        p.tos = tos;
        peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(2), .seq = 0, .ack = 1});
        const struct tcp_seen *bare = &p.w->seen[p.w->seen_count - 2], *data = our_last(&p);
        assert_int_equal(bare->segment.payload_bytes, 0);
        assert_int_equal(code_of(bare), encoding[tos]);
        assert_int_equal(data->segment.payload_bytes, 10);
        assert_int_equal(code_of(data), tos == CE ? 6 : 5);
        for (uint8_t again = 0; again < 4; again++) {
            p.tos = again;
            peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(again), .seq = 0, .ack = 1});
            assert_int_equal(code_of(our_last(&p)), encoding[again]);
        }
        p.tos = CE;
        peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(1), .seq = 0, .ack = 1});
        assert_int_equal(code_of(our_last(&p)), encoding[CE]);
        assert_int_equal(info_of(&p).accecn.received_ce, 1);
        p.tos = 0;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 11, .bytes = 10});
        assert_int_equal(code_of(our_last(&p)), 6);
        assert_true(info_of(&p).accecn.agreed);
        world_close(p.w);
    }
}

/* s3.1.4.1: once more with all three flags, then without, the number being the same; what answers late is taken, and
 * data may go as ECT.
 * RFC9768-3.1.3-b, RFC9768-3.1.4.1-a, RFC9768-3.1.4.1-b, RFC9768-3.1.4.1-c, RFC9768-3.1.5-c */
static void syn_unanswered_asks_twice(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE);
    peer_called(&p);
    static const unsigned codes[] = {7, 7, 0, 0};
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(our_last(&p)->segment.flags, SYN | ace(codes[i]));
        assert_int_equal(our_last(&p)->segment.seq, p.iss);
        world_run(p.w, (1000000ull << i) + 100000);
    }
    peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(2), .seq = 0, .ack = 1});
    assert_true(info_of(&p).accecn.agreed);
    we_send(&p, 10);
    assert_int_equal(our_last(&p)->tos & CE, ECT_0);
    world_close(p.w);
}

/* s3.1.2: in a simultaneous open the SYN is answered as by one who listens; the mode is that of the SYN.
 * RFC9768-3.1.2-g, RFC9768-3.1.2-h */
static void simultaneous_syn_is_answered_as_by_a_server(void **state) {
    (void)state;
    for (unsigned asks = 0; asks < 8; asks++) {
        for (uint8_t tos = 0; tos < 4; tos += 3) {
            struct peer p = acc_peer(AKSU_ECN_ACCURATE);
            peer_called(&p);
            p.tos = tos;
            peer_says(&p, (struct peer_segment){.flags = SYN | ace(asks), .seq = 0});
            assert_int_equal(our_last(&p)->segment.flags & (SYN | ACK), SYN | ACK);
            assert_int_equal(code_of(our_last(&p)), asks == 0 ? 0 : asks == 3 ? 1 : encoding[tos]);
            p.tos = 0;
            peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(asks == 0 ? 0 : asks == 3 ? 1 : 2), .ack = 1});
            assert_int_equal(info_of(&p).state, AK_TCP_ESTABLISHED);
            assert_int_equal(info_of(&p).accecn.agreed, asks != 0 && asks != 3);
            assert_int_equal(info_of(&p).ecn, asks != 0);
            we_send(&p, 10);
            assert_int_equal(our_last(&p)->tos & CE, asks == 0 ? 0 : ECT_0);
            world_close(p.w);
        }
    }
}

/* s3.1.5, as a server: a SYN without has gone before.
 * RFC9768-3.1.5-m */
static void simultaneous_syn_after_one_without_is_no_leave_for_ect(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE);
    peer_called(&p);
    world_run(p.w, 3100000);
    assert_int_equal(our_last(&p)->segment.flags, SYN);
    acc_slips(&p, (struct peer_segment){.flags = SYN | ace(7), .seq = 0});
    peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(2), .ack = 1});
    assert_int_equal(code_of(our_last(&p)), 2); /* the ACK in place of our SYN,ACK */
    assert_true(info_of(&p).accecn.agreed);
    we_send(&p, 10);
    assert_int_equal(our_last(&p)->tos & CE, 0);
    world_close(p.w);
}

/* s3.1.5 with a control block in SYN-RECEIVED.
 * RFC9768-3.1.5-e, RFC9768-3.1.5-g */
static void simultaneous_syn_of_the_other_kind_resets(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE);
    peer_called(&p);
    peer_says(&p, (struct peer_segment){.flags = SYN | ace(7), .seq = 0});
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = SYN | ace(7), .seq = 0});
    assert_int_equal(code_of(our_last(&p)), 6);
    peer_says(&p, (struct peer_segment){.flags = SYN | ace(3), .seq = 0});
    assert_int_equal(our_last(&p)->segment.flags, AKSU_TCP_RST | ACK);
    assert_int_equal(info_of(&p).state, AK_TCP_CLOSED);
    world_close(p.w);
}

/* What a half-open record keeps of both lies in one byte. */
static void window_scale_is_kept_beside(void **state) {
    (void)state;
    for (uint8_t tos = 0; tos < 4; tos++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
        p.tos = tos;
        p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
        p.options = (aksu_tcp_options){.present = AKSU_OPT_WSCALE, .wscale = 14};
        peer_says(&p, (struct peer_segment){.flags = SYN | ace(7)});
        peer_learn(&p);
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(2), .seq = 1, .ack = 1});
        acc_accept(&p);
        assert_int_equal(info_of(&p).snd_wscale, 14);
        assert_true(info_of(&p).accecn.agreed);
        world_close(p.w);
    }
}

/* What goes again goes as large as it was, whatever the peer is to be told meanwhile; the next ACK tells it. */
static void lost_data_goes_again_whole(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
    acc_join_with(&p, AKSU_OPT_MSS | AKSU_OPT_SACK_PERMITTED, 2);
    we_send(&p, 8 * SEG);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_SACK, .sack_count = 1};
    p.options.sack[0] = (aksu_sack_block){.left = p.iss + 1 + SEG, .right = p.iss + 1 + 8 * SEG};
    p.tos = ECT_0;
    p.w->first = p.w->seen_count + 1;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 1, .bytes = 10});
    world_run(p.w, 100000);
    const struct tcp_seen *again = &p.w->seen[p.w->first];
    while (again->segment.payload_bytes == 0) again++;
    assert_true(again < &p.w->seen[p.w->seen_count]);
    assert_true(again->segment.retransmission);
    assert_int_equal(again->segment.payload_bytes, SEG);
    assert_false(has_option(again));
    p.options = (aksu_tcp_options){0};
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 11, .ack = 1 + 8 * SEG, .bytes = 10});
    assert_int_equal(our_last(&p)->segment.options.accecn[0], 21);
    world_close(p.w);
}

/* ---------------------------------------------------------------- the data receiver */

/* s3.2: packets with CE, with and without data, and bytes by each codepoint; not what is outside of the window, nor a
 * SYN's.
 * RFC9768-3.1.5-o, RFC9768-3.2-a, RFC9768-3.2-b, RFC9768-3.2.2-b, RFC9768-3.2.2.2-a, RFC9768-3.2.2.2-b */
static void every_acceptable_packet_is_counted(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
    p.tos = CE; /* of the SYN */
    p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
    peer_says(&p, (struct peer_segment){.flags = SYN | ace(7)});
    peer_learn(&p);
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(2), .seq = 1, .ack = 1});
    acc_accept(&p);
    assert_int_equal(info_of(&p).accecn.received_ce, 1);
    static const uint32_t bytes[] = {1, 20, 300, 1000}; /* by codepoint */
    uint32_t seq = 1;
    for (uint8_t tos = 0; tos < 4; tos++) {
        p.tos = tos;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = seq, .ack = 1, .bytes = bytes[tos]});
        seq += bytes[tos];
    }
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 1, .bytes = 1});          /* old */
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 90000000, .ack = 1, .bytes = 1});   /* outside */
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = seq, .ack = 90000000, .bytes = 1}); /* RFC 5961 */
    aksu_accecn_info info = info_of(&p).accecn;
    assert_int_equal(info.received_ce, 2);
    assert_int_equal(info.received_e1_bytes, 20);
    assert_int_equal(info.received_e0_bytes, 300);
    assert_int_equal(info.received_ce_bytes, 1000);
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = seq, .ack = 1}); /* no data */
    peer_says(&p, (struct peer_segment){.flags = ACK | AKSU_TCP_FIN | ace(5), .seq = seq, .ack = 1});
    assert_int_equal(info_of(&p).accecn.received_ce, 4);
    assert_int_equal(code_of(our_last(&p)), (5 + 4) & 7);
    world_close(p.w);
}

/* s3.2.2.5.1: a mark after none, on data, is acknowledged at once; marks on end at every second.
 * RFC9768-3.2.2.5.1-a, RFC9768-3.2.2.5.1-b, RFC9768-3.2.2.5.1-c, RFC9768-3.2.2.5.1-f */
static void marks_draw_acks_at_once(void **state) {
    (void)state;
    aksu_config config = acc_config(AKSU_ECN_ACCURATE_PASSIVE);
    config.tcp.delayed_ack_us = 400000;
    config.tcp.ack_segments = 64;
    struct peer p = peer_open(&config);
    acc_join(&p, 2);
    static const struct {
        uint8_t tos;
        bool acknowledged;
    } rows[] = {{CE, true}, {CE, false}, {CE, true}, {ECT_0, false}, {CE, true}, {0, false}, {CE, true}, {CE, false}};
    uint32_t seq = 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++, seq += 10) {
        uint32_t before = p.w->seen_count;
        p.tos = rows[i].tos;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = seq, .ack = 1, .bytes = 10});
        assert_int_equal(p.w->seen_count - before, rows[i].acknowledged ? 2 : 1);
    }
    world_close(p.w);
}

/* s3.2.2.5.1: without data every third, and with no SACK blocks, though there is a gap.
 * RFC9768-3.2.2.5.1-d, RFC9768-3.2.2.5.1-e, RFC9768-3.2.2.5.1-i */
static void marked_acks_draw_an_ack_at_every_third(void **state) {
    (void)state;
    aksu_config config = acc_config(AKSU_ECN_ACCURATE_PASSIVE);
    struct peer p = peer_open(&config);
    acc_join_with(&p, AKSU_OPT_MSS | AKSU_OPT_SACK_PERMITTED, 2);
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 101, .ack = 1, .bytes = 10});
    assert_int_equal(our_last(&p)->segment.options.present & AKSU_OPT_SACK, AKSU_OPT_SACK);
    p.tos = CE;
    for (uint32_t i = 1; i <= 9; i++) {
        uint32_t before = p.w->seen_count;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 1});
        assert_int_equal(p.w->seen_count - before, i % 3 == 0 ? 2 : 1);
        if (i % 3 != 0) continue;
        assert_int_equal(our_last(&p)->segment.options.present & AKSU_OPT_SACK, 0);
        assert_int_equal(code_of(our_last(&p)), (5 + i) & 7);
    }
    p.tos = 0; /* an ACK for another reason has them again */
    peer_says(&p, (struct peer_segment){.flags = ACK | AKSU_TCP_FIN | ace(5), .seq = 201, .ack = 1});
    assert_int_equal(our_last(&p)->segment.options.present & AKSU_OPT_SACK, AKSU_OPT_SACK);
    world_close(p.w);
}

/* RFC 2883 s4: text that came twice is told of though marked ACKs came before it. */
static void duplicate_is_told_of_after_marked_acks(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
    acc_join_with(&p, AKSU_OPT_MSS | AKSU_OPT_SACK_PERMITTED, 2);
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 1, .bytes = 10});
    p.tos = CE;
    for (int i = 0; i < 3; i++) acc_slips(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 11, .ack = 1});
    p.tos = 0;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 1, .bytes = 10});
    assert_int_equal(our_last(&p)->segment.options.present & AKSU_OPT_SACK, AKSU_OPT_SACK);
    assert_int_equal(our_last(&p)->segment.options.sack[0].left, PEER_ISS + 1);
    assert_int_equal(code_of(our_last(&p)), (5 + 3) & 7);
    world_close(p.w);
}

/* s3.2.3.3: an option on an ACK if a counter has changed, with all that ever have, in the order that needs the fewest.
 * RFC9768-3.2.3-a, RFC9768-3.2.3-b, RFC9768-3.2.3-e, RFC9768-3.2.3-f, RFC9768-3.2.3-g, RFC9768-3.2.3.3-c,
 * RFC9768-3.2.3.3-d, RFC9768-3.2.3.3-f, RFC9768-3.2.3.3-g, RFC9768-3.2.3.3-h, RFC9768-3.2.3.3-i, RFC9768-3.2.3.3-j */
static void option_tells_what_has_ever_changed(void **state) {
    (void)state;
    static const struct {
        const char *codepoints; /* of 10 bytes each: n, 0, 1, c */
        const char *options;    /* after each */
    } rows[] = {
        {"n00nc0n1", "-,0:11,0:21,-,0:21/10,0:31/10,-,0:31/10/11"},
        {"11c0", "1:11,1:21,1:21/10,0:11/10/21"},
        {"c1n", "0:1/10,1:11/10,-"},
        {"c0", "0:1/10,0:11/10"},
        {"nnn", "-,-,-"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
        acc_join(&p, 2);
        char got[200] = "";
        uint32_t seq = 1;
        for (const char *c = rows[i].codepoints; *c != '\0'; c++, seq += 10) {
            p.tos = *c == 'n' ? 0 : *c == '0' ? ECT_0 : *c == '1' ? ECT_1 : CE;
            peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = seq, .ack = 1, .bytes = 10});
            option_text(got, sizeof got, our_last(&p));
        }
        assert_string_equal(got, rows[i].options);
        world_close(p.w);
    }
}

/* s3.2.3.1: 24 bits of what is counted in more.
 * RFC9768-3.2.3.1-a */
static void option_has_the_low_bits_of_a_counter(void **state) {
    (void)state;
    aksu_config config = acc_config(AKSU_ECN_ACCURATE_PASSIVE);
    struct peer p = peer_open(&config);
    acc_join(&p, 2);
    aksu_trace_set(p.w->stack[SERVER], NULL, NULL);
    p.tos = ECT_0;
    char buf[65536];
    size_t bytes;
    uint32_t seq = 1;
    while (seq < 0x1000100) {
        p.w->seen_count = p.w->first;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = seq, .ack = 1, .bytes = 1024});
        (void)aksu_tcp_recv(p.w->stack[SERVER], p.sock, buf, sizeof buf, &bytes);
        seq += 1024;
    }
    aksu_trace_set(p.w->stack[SERVER], world_see, &world_sinks[SERVER]);
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = seq, .ack = 1, .bytes = 1024});
    assert_int_equal(our_last(&p)->segment.options.accecn[0], (seq + 1024) & 0xffffff);
    assert_int_equal(info_of(&p).accecn.received_e0_bytes, seq - 1 + 1024);
    world_close(p.w);
}

/* s3.2.3.3: two SACK blocks come first, AccECN before a third; it goes whole of what has changed, or not at all.
 * RFC9768-3.2.3.3-a, RFC9768-3.2.3.3-b, RFC9768-3.2.3.3-e, RFC9768-3.1.1-g, RFC9768-3.1.1-h */
static void option_takes_what_two_sack_blocks_leave(void **state) {
    (void)state;
    enum { TS = AKSU_OPT_TIMESTAMPS, SACK = AKSU_OPT_SACK_PERMITTED };
    static const struct {
        uint16_t present;
        const char *codepoints; /* a gap before each segment; in brackets: one ACK for both */
        const char *options;    /* of the ACK for the last */
        uint8_t sack_count;
    } rows[] = {
        {SACK | TS, "00", "0:21", 2},      {SACK | TS, "000", "0:31", 2},      {SACK | TS, "c00", "0:21/10", 2},
        {SACK | TS, "1nc", "1:11/10", 2},  {SACK | TS, "n1c", "1:11/10", 2},   {SACK | TS, "01c", "0:11/10", 2},
        {SACK | TS, "01c0", "0:21/10", 2}, {SACK | TS, "00(01)", "-", 3},      {SACK | TS, "0(01)", "-", 3},
        {SACK | TS, "(01)", "-", 2},       {SACK | TS, "0(0c)", "0:21/10", 2}, {SACK, "0000", "0:41", 3},
        {SACK, "01c0", "0:21/10/11", 3},   {SACK, "c000", "0:31/10", 3},       {SACK, "00(01)", "0:31/0/11", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
        acc_join_with(&p, rows[i].present | AKSU_OPT_MSS, 2);
        uint32_t seq = 101;
        bool together = false;
        for (const char *c = rows[i].codepoints; *c != '\0'; c++) {
            if (*c == '(' || *c == ')') {
                together = *c == '(';
                p.w->first = p.w->seen_count;
                if (!together) world_run(p.w, 1000);
                continue;
            }
            p.tos = *c == 'n' ? 0 : *c == '0' ? ECT_0 : *c == '1' ? ECT_1 : CE;
            struct peer_segment data = {.flags = ACK | ace(5), .seq = seq, .ack = 1, .bytes = 10};
            p.w->first = p.w->seen_count + 1;
            if (together)
                acc_slips(&p, data);
            else
                peer_says(&p, data);
            seq += 100;
        }
        char got[200] = "";
        const struct tcp_seen *answer = &p.w->seen[p.w->first]; /* the first: another tells of more gaps */
        option_text(got, sizeof got, answer);
        assert_string_equal(got, rows[i].options);
        assert_int_equal(answer->segment.options.sack_count, rows[i].sack_count);
        world_close(p.w);
    }
}

/* s3.2.3.2.2: the first data with an option was lost: it goes again without, and so does all that follows.
 * RFC9768-3.2.3.2.2-d, RFC9768-3.2.3.2.2-c */
static void first_data_lost_ends_our_options(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE);
    peer_called(&p);
    peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(2), .seq = 0, .ack = 1});
    we_send(&p, 100);
    assert_true(has_option(our_last(&p)));
    world_run(p.w, 1500000);
    assert_int_equal(our_last(&p)->segment.payload_bytes, 100);
    assert_true(our_last(&p)->segment.retransmission);
    assert_false(has_option(our_last(&p)));
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 101, .bytes = 10});
    assert_int_equal(code_of(our_last(&p)), 6);
    assert_false(has_option(our_last(&p)));
    world_close(p.w);
}

/* And once it is acknowledged it cannot be lost any more, though what is lost 2 GiB later has a number that seems
 * lower.
 */
static void first_data_acknowledged_ends_no_options(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE);
    peer_called(&p);
    peer_says(&p, (struct peer_segment){.flags = SYN | ACK | ace(2), .seq = 0, .ack = 1});
    we_send(&p, 100);
    assert_true(has_option(our_last(&p)));
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 101});
    const struct ak_core *core = ak_core_of(p.w->stack[SERVER]);
    struct ak_accecn *a = ak_accecn_of(core, ak_tcb_at(core, p.sock.slot));
    a->first_data = ak_seq_sub(a->first_data, 0x80000000u - 50); /* so much has gone since */
    we_send(&p, 100);
    world_run(p.w, 1500000);
    assert_true(our_last(&p)->segment.retransmission);
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 201, .bytes = 10});
    assert_true(has_option(our_last(&p)));
    world_close(p.w);
}

/* The setting turns our options off, not the reading of the peer's. */
static void no_option_goes_where_the_setting_says_so(void **state) {
    (void)state;
    aksu_config config = acc_config(AKSU_ECN_ACCURATE_PASSIVE);
    config.tcp.accecn_option = 0;
    struct peer p = peer_open(&config);
    acc_join(&p, 2);
    p.tos = ECT_0;
    p.options = acc_option(0, 1, 0, 1);
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 1, .bytes = 10});
    for (uint32_t i = 0; i < p.w->seen_count; i++)
        assert_true(p.w->seen[i].from == CLIENT || !has_option(&p.w->seen[i]));
    assert_true(info_of(&p).accecn.peer_option);
    world_close(p.w);
}

/* ---------------------------------------------------------------- without a control block, and after it */

/* s5.1: the ACK that brings a cookie back tells; its flags are those of Table 3, or on data the counter's.
 * RFC9768-5.1-a */
static void cookie_learns_from_the_ack(void **state) {
    (void)state;
    for (unsigned code = 0; code < 8; code++) {
        for (uint32_t bytes = 0; bytes < 2; bytes++) {
            aksu_config config = acc_config(AKSU_ECN_ACCURATE_PASSIVE);
            config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
            struct peer p = peer_open(&config);
            p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
            p.tos = CE;
            peer_says(&p, (struct peer_segment){.flags = SYN | ace(7)});
            peer_learn(&p);
            assert_int_equal(code_of(our_last(&p)), 6);
            assert_true(has_option(our_last(&p)));
            p.tos = 0;
            peer_says(&p, (struct peer_segment){.flags = ACK | ace(code), .seq = 1, .ack = 1, .bytes = bytes});
            acc_accept(&p);
            bool agreed = bytes == 0 ? code >= 2 : code >= 4;
            assert_int_equal(info_of(&p).accecn.agreed, agreed);
            assert_int_equal(info_of(&p).ecn, agreed);
            we_send(&p, 10);
            assert_int_equal(code_of(our_last(&p)), agreed ? 5 : 0);
            world_close(p.w);
        }
    }
}

/* The count stands on what a half-open record and one in TIME-WAIT send, too.
 * RFC9768-3.2.2-b, RFC9768-3.2.2.2-a */
static void records_have_the_count(void **state) {
    (void)state;
    struct peer p = acc_peer(AKSU_ECN_ACCURATE_PASSIVE);
    p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
    peer_says(&p, (struct peer_segment){.flags = SYN | ace(7)});
    peer_learn(&p);
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(2), .seq = 900000000, .ack = 1});
    assert_int_equal(our_last(&p)->segment.flags, ACK | ace(5));
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(2), .seq = 1, .ack = 1});
    acc_accept(&p);
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 1});
    peer_says(&p, (struct peer_segment){.flags = ACK | ace(5), .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_shutdown(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 1000);
    assert_int_equal(code_of(our_last(&p)), 7);
    peer_says(&p, (struct peer_segment){.flags = ACK | AKSU_TCP_FIN | ace(5), .seq = 1, .ack = 2});
    assert_int_equal(info_of(&p).state, AK_TCP_TIME_WAIT);
    assert_int_equal(code_of(our_last(&p)), 0); /* 8 */
    p.tos = 0;
    peer_says(&p, (struct peer_segment){.flags = ACK | AKSU_TCP_FIN | ace(5), .seq = 1, .ack = 2});
    assert_int_equal(our_last(&p)->segment.flags, ACK | ace(0));
    world_close(p.w);
}

/* What does not know of accurate ECN takes AE for nothing, and marks without an agreement mean nothing.
 * RFC9768-3.1.5-p, RFC9768-3.2.2-c */
static void flags_mean_nothing_without_an_agreement(void **state) {
    (void)state;
    for (uint64_t setting = 0; setting <= 5; setting++) {
        struct peer p = acc_peer(setting);
        p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
        peer_says(&p, (struct peer_segment){.flags = SYN});
        peer_learn(&p);
        peer_says(&p, (struct peer_segment){.flags = ACK, .seq = 1, .ack = 1});
        acc_accept(&p);
        we_send(&p, 40 * SEG);
        uint32_t cwnd = info_of(&p).cwnd_bytes;
        p.tos = CE;
        peer_says(&p, (struct peer_segment){.flags = ACK | ace(6), .seq = 1, .ack = 1 + SEG, .bytes = 10});
        assert_true(info_of(&p).cwnd_bytes >= cwnd);
        assert_int_equal(code_of(our_last(&p)), 0);
        assert_int_equal(our_last(&p)->tos & CE, 0);
        assert_false(has_option(our_last(&p)));
        world_close(p.w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_syn_is_answered_by_table_two),
        cmocka_unit_test(syn_again_is_answered_by_how_it_came_last),
        cmocka_unit_test(syn_of_the_other_kind_resets),
        cmocka_unit_test(deferred_syn_heeds_those_that_follow),
        cmocka_unit_test(syn_ack_unanswered_goes_with_less_and_less),
        cmocka_unit_test(bare_ack_of_syn_ack_means_table_four),
        cmocka_unit_test(data_instead_of_the_bare_ack_has_the_counter),
        cmocka_unit_test(every_syn_ack_is_taken_by_table_two),
        cmocka_unit_test(syn_ack_is_acknowledged_by_how_it_came),
        cmocka_unit_test(syn_unanswered_asks_twice),
        cmocka_unit_test(simultaneous_syn_is_answered_as_by_a_server),
        cmocka_unit_test(simultaneous_syn_after_one_without_is_no_leave_for_ect),
        cmocka_unit_test(simultaneous_syn_of_the_other_kind_resets),
        cmocka_unit_test(window_scale_is_kept_beside),
        cmocka_unit_test(lost_data_goes_again_whole),
        cmocka_unit_test(every_acceptable_packet_is_counted),
        cmocka_unit_test(marks_draw_acks_at_once),
        cmocka_unit_test(marked_acks_draw_an_ack_at_every_third),
        cmocka_unit_test(duplicate_is_told_of_after_marked_acks),
        cmocka_unit_test(option_tells_what_has_ever_changed),
        cmocka_unit_test(option_has_the_low_bits_of_a_counter),
        cmocka_unit_test(option_takes_what_two_sack_blocks_leave),
        cmocka_unit_test(first_data_lost_ends_our_options),
        cmocka_unit_test(first_data_acknowledged_ends_no_options),
        cmocka_unit_test(no_option_goes_where_the_setting_says_so),
        cmocka_unit_test(cookie_learns_from_the_ack),
        cmocka_unit_test(records_have_the_count),
        cmocka_unit_test(flags_mean_nothing_without_an_agreement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
