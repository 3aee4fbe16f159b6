/* Retransmissions that were not needed, and what takes their consequences back: RFC 3522, RFC 4015, RFC 5682, RFC 2883,
 * RFC 3708. */
#include "tcp_peer.h"

#include "core/core.h"
#include "tcp/loss.h"

enum { SEG = 1000, WINDOW = 20, TIMESTAMPS = AKSU_OPT_TIMESTAMPS, SACK = AKSU_OPT_SACK };

/* Established with these options, a window of WINDOW segments, and all of them sent. */
static struct peer undo_peer(uint8_t present) {
    aksu_config config = world_config();
    config.tcp.initial_cwnd_segments = WINDOW;
    config.tcp.congestion_control = (uint64_t)aksu_cc_index("cubic");
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_MSS, .mss = SEG, .ts_val = 1};
    if (present & TIMESTAMPS) {
        p.options.present |= AKSU_OPT_TIMESTAMPS;
        p.options.mss = SEG + 12;
    }
    if (present & SACK) p.options.present |= AKSU_OPT_SACK_PERMITTED;
    peer_syn(&p);
    p.options.present &= AKSU_OPT_TIMESTAMPS;
    if (present & TIMESTAMPS) p.options.ts_ecr = p.w->seen[p.w->seen_count - 1].segment.options.ts_val;
    world_run(p.w, 60000); /* a round trip that probes of the tail (RFC 8985 s7) keep clear of */
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    world_run(p.w, 10000);
    p.w->first = p.w->seen_count;
    we_send(&p, 60 * SEG);
    assert_int_equal(p.w->seen_count - p.w->first, WINDOW);
    return p;
}

/* Our transmissions of data since the start, counted from 0. */
static const struct tcp_seen *sent_at(const struct peer *p, uint32_t n) {
    for (uint32_t i = p->w->first; i < p->w->seen_count; i++) {
        const struct tcp_seen *seen = &p->w->seen[i];
        if (seen->from != SERVER || seen->segment.payload_bytes == 0) continue;
        if (n-- == 0) return seen;
    }
    return NULL;
}

static uint32_t sent_count(const struct peer *p) {
    uint32_t count = 0;
    while (sent_at(p, count) != NULL) count++;
    return count;
}

static uint32_t segment_of(const struct peer *p, uint32_t n) {
    const struct tcp_seen *seen = sent_at(p, n);
    assert_non_null(seen);
    return (seen->segment.seq - p->iss - 1) / SEG;
}

/* The peer acknowledges so many segments, and selectively [left, right); its echo is of our nth transmission. */
static void peer_acks(struct peer *p, uint32_t segments, uint32_t left, uint32_t right, uint32_t echo_of) {
    p->options.present &= AKSU_OPT_TIMESTAMPS;
    if (p->options.present) p->options.ts_ecr = sent_at(p, echo_of)->segment.options.ts_val;
    if (right > left) {
        p->options.present |= AKSU_OPT_SACK;
        p->options.sack_count = 1;
        p->options.sack[0] = (aksu_sack_block){.left = p->iss + 1 + left * SEG, .right = p->iss + 1 + right * SEG};
    }
    peer_says(p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1 + segments * SEG});
}

static aksu_tcp_info info_of(const struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info;
}

static struct ak_transfer *transfer_of(const struct peer *p) {
    struct ak_core *core = ak_core_of(p->w->stack[SERVER]);
    return ak_transfer_of(core, ak_tcb_at(core, p->sock.slot));
}

static uint64_t undone(const struct peer *p) {
    aksu_counters counters;
    aksu_counters_get(p->w->stack[SERVER], &counters);
    return counters.recoveries_undone;
}

/* RFC 3522 s3.2: "If the value of the Timestamp Echo Reply field of the acceptable ACK's Timestamps option is smaller
 * than the value of RetransmitTS, then ... " the timeout was spurious; RFC 4015 s3.2: nothing more is sent again, and
 * ssthresh is what was in flight. */
static void timeout_ack_echoes_the_original_is_taken_back(void **state) {
    (void)state;
    struct peer p = undo_peer(TIMESTAMPS | SACK);
    world_run(p.w, 450000);
    uint32_t before = sent_count(&p);
    assert_true(before > WINDOW);
    assert_int_equal(info_of(&p).cwnd_bytes, SEG);
    peer_acks(&p, 2, 0, 0, 1);
    assert_int_equal(undone(&p), 1);
    assert_true(info_of(&p).ssthresh_bytes >= WINDOW * SEG);
    for (uint32_t i = before; i < sent_count(&p); i++) assert_true(segment_of(&p, i) >= WINDOW);
    assert_true(sent_count(&p) > before);
    world_close(p.w);
}

static void timeout_ack_echoes_the_retransmission_stays(void **state) {
    (void)state;
    struct peer p = undo_peer(TIMESTAMPS | SACK);
    world_run(p.w, 450000);
    uint32_t before = sent_count(&p);
    peer_acks(&p, 1, 0, 0, before - 1);
    assert_int_equal(undone(&p), 0);
    assert_int_equal(segment_of(&p, before), 1); /* the next is sent again */
    world_close(p.w);
}

/* RFC 4015 s3.3: the next sample is taken for the first: SRTT is the delay that the timer did not expect. */
static void timeout_taken_back_learns_the_new_round_trip(void **state) {
    (void)state;
    struct peer p = undo_peer(TIMESTAMPS | SACK);
    world_run(p.w, 600000);
    peer_acks(&p, 2, 0, 0, 0);
    assert_int_equal(undone(&p), 1);
    assert_in_range(info_of(&p).srtt_us, 600000, 620000);
    assert_true(info_of(&p).min_rtt_us < 70000);
    world_close(p.w);
}

/* RFC 9438 s4.9.2: a fast recovery that reordering caused leaves no trace, and reordering is reckoned with. */
static void recovery_ack_echoes_the_original_is_taken_back(void **state) {
    (void)state;
    struct peer p = undo_peer(TIMESTAMPS | SACK);
    world_run(p.w, 30000);
    peer_acks(&p, 0, 1, 8, 1);
    assert_int_equal(segment_of(&p, WINDOW), 0);
    assert_int_equal(info_of(&p).ssthresh_bytes, WINDOW * SEG * 7 / 10);
    peer_acks(&p, 8, 0, 0, 0);
    assert_int_equal(undone(&p), 1);
    assert_true(info_of(&p).ssthresh_bytes >= WINDOW * SEG);
    world_run(p.w, 30000);
    peer_acks(&p, 8, 9, 14, 9); /* again: now a reordering window is waited for */
    uint32_t again = sent_count(&p);
    for (uint32_t i = WINDOW + 1; i < again; i++) assert_int_not_equal(segment_of(&p, i), 8);
    world_close(p.w);
}

/* The echo of an earlier retransmission is no echo of the original, though it is older than the latest one. */
static void timeout_after_fast_retransmit_echo_of_that_stays(void **state) {
    (void)state;
    struct peer p = undo_peer(TIMESTAMPS | SACK);
    world_run(p.w, 30000);
    peer_acks(&p, 0, 1, 8, 1);
    assert_int_equal(segment_of(&p, WINDOW), 0);
    world_run(p.w, 2000000);
    uint32_t echo = WINDOW;
    peer_acks(&p, 8, 0, 0, echo);
    assert_int_equal(undone(&p), 0);
    world_close(p.w);
}

/* RFC 2883 s4, RFC 3708 s2: all that was sent again came twice. */
static void recovery_all_retransmissions_came_twice_is_taken_back(void **state) {
    (void)state;
    struct peer p = undo_peer(SACK);
    world_run(p.w, 30000);
    peer_acks(&p, 0, 1, 8, 1);
    assert_int_equal(segment_of(&p, WINDOW), 0);
    peer_acks(&p, WINDOW, 0, 0, 0);
    uint32_t reduced = info_of(&p).ssthresh_bytes;
    peer_acks(&p, WINDOW, 0, 1, 0); /* D-SACK of the first */
    assert_int_equal(undone(&p), 1);
    assert_true(info_of(&p).ssthresh_bytes > reduced);
    world_close(p.w);
}

/* RFC 9438 s4.9.2: "the current cwnd is already higher than cwnd_prior": it stays, and the curve with it.
 * RFC9438-4.9.2-a */
static void recovery_taken_back_late_keeps_a_window_that_has_grown(void **state) {
    (void)state;
    struct peer p = undo_peer(SACK);
    world_run(p.w, 30000);
    peer_acks(&p, 0, 1, 8, 1);
    peer_acks(&p, WINDOW, 0, 0, 0);
    struct ak_transfer *x = transfer_of(&p);
    x->cwnd = 2 * WINDOW * SEG;
    uint32_t w_max = x->cc.cubic.w_max;
    uint32_t ssthresh = x->ssthresh;
    assert_true(w_max > 0);
    peer_acks(&p, WINDOW, 0, 1, 0); /* D-SACK of the first */
    assert_int_equal(undone(&p), 1);
    assert_int_equal(info_of(&p).cwnd_bytes, 2 * WINDOW * SEG);
    assert_int_equal(x->cc.cubic.w_max, w_max);
    assert_int_equal(x->ssthresh, ssthresh);
    world_close(p.w);
}

/* RFC 8985 s3.3.2: "bounded, and this bound SHOULD be SRTT": 60 ms, whatever the multiple is.
 * RFC8985-3.3.2-d, RFC8985-3.3.2-e */
static void reordering_window_is_at_most_a_round_trip(void **state) {
    (void)state;
    struct peer p = undo_peer(SACK);
    world_run(p.w, 60000);
    peer_acks(&p, 0, 2, 3, 0);
    peer_acks(&p, 0, 1, 3, 0); /* the second after the third: reordering */
    peer_acks(&p, 3, 0, 0, 0);
    transfer_of(&p)->rack.window_extra = UINT8_MAX;
    transfer_of(&p)->rack.window_persist = 16;
    uint32_t before = sent_count(&p);
    peer_acks(&p, 3, 4, 12, 0);
    world_run(p.w, 40000);
    for (uint32_t i = before; i < sent_count(&p); i++) assert_int_not_equal(segment_of(&p, i), 3);
    world_run(p.w, 30000);
    bool again = false;
    for (uint32_t i = before; i < sent_count(&p); i++) again |= segment_of(&p, i) == 3;
    assert_true(again);
    world_close(p.w);
}

/* A probe that could not go while its frame was lent is out of date once all is acknowledged, or the timer has fired:
 * what goes next is none. */
static void probe_out_of_date_is_forgotten(void **state) {
    (void)state;
    for (int timeout = 0; timeout < 2; timeout++) {
        struct peer p = undo_peer(SACK);
        struct ak_tcb *t = ak_tcb_at(ak_core_of(p.w->stack[SERVER]), p.sock.slot);
        if (timeout) {
            transfer_of(&p)->tlp.unmeasured = true; /* no probe of its own */
            t->flags |= AK_F_TAIL_PROBE_DUE;
            ak_tcp_rto_losses(ak_core_of(p.w->stack[SERVER]), t);
        } else {
            for (uint32_t acked = WINDOW; acked < 60; acked = sent_count(&p)) peer_acks(&p, acked, 0, 0, 0);
            t->flags |= AK_F_TAIL_PROBE_DUE;
            peer_acks(&p, 60, 0, 0, 0);
        }
        assert_int_equal(t->flags & AK_F_TAIL_PROBE_DUE, 0);
        world_close(p.w);
    }
}

/* The retransmission was lost as well: whatever is told of it later, something was lost. */
static void recovery_that_reduced_twice_stays(void **state) {
    (void)state;
    struct peer p = undo_peer(SACK);
    world_run(p.w, 60000);
    peer_acks(&p, 0, 1, 12, 1);
    assert_int_equal(segment_of(&p, WINDOW), 0);
    world_run(p.w, 60000);
    uint32_t last = segment_of(&p, sent_count(&p) - 1);
    assert_true(last > WINDOW);
    uint32_t before = info_of(&p).ssthresh_bytes;
    peer_acks(&p, 0, 1, last, 1);
    world_run(p.w, 20000);
    assert_true(info_of(&p).ssthresh_bytes < before);
    uint32_t reduced = info_of(&p).ssthresh_bytes;
    peer_acks(&p, last, 0, 0, 0);
    peer_acks(&p, last, 0, 1, 0);
    peer_acks(&p, last, 0, 1, 0);
    assert_int_equal(undone(&p), 0);
    assert_int_equal(info_of(&p).ssthresh_bytes, reduced);
    world_close(p.w);
}

/* RFC 8985 s6.2 step 4: "RACK.reo_wnd = min(RACK.reo_wnd_mult * RACK.min_RTT / 4, SRTT)": once reordering is seen, a
 * quarter of a round trip, 15 ms, and after a D-SACK twice that.
 * RFC8985-3.3.2-a, RFC8985-3.3.2-b, RFC8985-3.3.2-c */
static void reordering_window_is_waited_for_and_widened(void **state) {
    (void)state;
    for (int duplicate = 0; duplicate < 2; duplicate++) {
        struct peer p = undo_peer(SACK);
        world_run(p.w, 60000);
        peer_acks(&p, 0, 2, 3, 0);
        peer_acks(&p, 0, 1, 3, 0); /* the second after the third: reordering */
        peer_acks(&p, 3, 0, 0, 0);
        if (duplicate) peer_acks(&p, 3, 0, 1, 0);
        uint32_t before = sent_count(&p);
        peer_acks(&p, 3, 4, 12, 0);
        world_run(p.w, 20000);
        bool again = false;
        for (uint32_t i = before; i < sent_count(&p); i++) again |= segment_of(&p, i) == 3;
        assert_int_equal(again, !duplicate);
        world_run(p.w, 15000);
        for (uint32_t i = before; i < sent_count(&p); i++) again |= segment_of(&p, i) == 3;
        assert_true(again);
        world_close(p.w);
    }
}

/* One of two was needed. */
static void recovery_one_of_two_retransmissions_came_twice_stays(void **state) {
    (void)state;
    struct peer p = undo_peer(SACK);
    world_run(p.w, 30000);
    peer_acks(&p, 0, 2, 9, 1);
    assert_int_equal(segment_of(&p, WINDOW), 0);
    assert_int_equal(segment_of(&p, WINDOW + 1), 1);
    peer_acks(&p, WINDOW, 0, 0, 0);
    peer_acks(&p, WINDOW, 0, 1, 0);
    assert_int_equal(undone(&p), 0);
    world_close(p.w);
}

/* RFC 5682 s2.1: "transmit up to two new ... segments" at the first ACK after the timeout; the second ACK goes forward
 * too: "the timeout was spurious". */
static void timeout_two_acks_go_forward_is_taken_back(void **state) {
    (void)state;
    struct peer p = undo_peer(0);
    world_run(p.w, 300000);
    uint32_t before = sent_count(&p);
    assert_int_equal(before, WINDOW + 1);
    assert_int_equal(segment_of(&p, WINDOW), 0);
    peer_acks(&p, 2, 0, 0, 0);
    assert_int_equal(sent_count(&p), before + 2);
    assert_int_equal(segment_of(&p, before), WINDOW);
    assert_int_equal(segment_of(&p, before + 1), WINDOW + 1);
    assert_int_equal(undone(&p), 0);
    peer_acks(&p, 4, 0, 0, 0);
    assert_int_equal(undone(&p), 1);
    for (uint32_t i = before; i < sent_count(&p); i++) assert_true(segment_of(&p, i) >= WINDOW);
    world_close(p.w);
}

/* s2.1 step 3a: "if the acknowledgment is a duplicate ACK ... continue with the conventional RTO recovery". */
static void timeout_second_ack_is_a_duplicate_goes_on_as_usual(void **state) {
    (void)state;
    struct peer p = undo_peer(0);
    world_run(p.w, 300000);
    uint32_t before = sent_count(&p);
    peer_acks(&p, 1, 0, 0, 0);
    assert_int_equal(segment_of(&p, before), WINDOW);
    uint32_t again = sent_count(&p);
    peer_acks(&p, 1, 0, 0, 0);
    assert_int_equal(undone(&p), 0);
    assert_true(sent_count(&p) > again);
    assert_int_equal(segment_of(&p, again), 1);
    world_close(p.w);
}

/* RFC 5682 s3.1 step 3a: "the SACK information covers" new data only: "the timeout was not spurious", and what was in
 * flight goes again at once, not after another timeout. */
static void timeout_second_ack_selects_the_new_segments_goes_on_as_usual(void **state) {
    (void)state;
    struct peer p = undo_peer(SACK);
    world_run(p.w, 700000); /* the probe of the tail, and the timer */
    uint32_t before = sent_count(&p);
    assert_int_equal(segment_of(&p, before - 1), 0);
    peer_acks(&p, 1, 0, 0, 0);
    assert_true(segment_of(&p, before) > WINDOW);
    uint32_t again = sent_count(&p);
    peer_acks(&p, 1, segment_of(&p, before), segment_of(&p, before) + 1, 0);
    assert_int_equal(undone(&p), 0);
    assert_true(sent_count(&p) > again);
    assert_int_equal(segment_of(&p, again), 1);
    peer_acks(&p, 2, segment_of(&p, before), segment_of(&p, before) + 2, 0);
    assert_int_equal(undone(&p), 0);
    world_close(p.w);
}

/* s3.1 step 3b: what was in flight and has not gone again is acknowledged, if only selectively. */
static void timeout_second_ack_selects_what_was_in_flight_is_taken_back(void **state) {
    (void)state;
    struct peer p = undo_peer(SACK);
    world_run(p.w, 700000);
    peer_acks(&p, 1, 0, 0, 0);
    peer_acks(&p, 1, 2, 6, 0);
    assert_int_equal(undone(&p), 1);
    world_close(p.w);
}

/* s2.1 step 2b with nothing new to send: retransmission goes on at once. */
static void timeout_nothing_new_to_send_goes_on_as_usual(void **state) {
    (void)state;
    struct peer p = undo_peer(0);
    peer_acks(&p, 20, 0, 0, 0);
    world_run(p.w, 20000);
    peer_acks(&p, 40, 0, 0, 0); /* the last twenty are in flight */
    world_run(p.w, 2000000);
    uint32_t before = sent_count(&p);
    peer_acks(&p, 41, 0, 0, 0);
    assert_int_equal(segment_of(&p, before), 41);
    world_close(p.w);
}

/* RFC 2883 s4.1.1: "the first SACK block ... the duplicate segment", and the ACK after it says it no more.
 * RFC2883-4-a, RFC2883-4-b, RFC2883-4-c */
static void segment_comes_twice_is_told_of_once(void **state) {
    (void)state;
    struct peer p = undo_peer(SACK);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 100});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 100});
    const aksu_ev_segment *ack = &p.w->seen[p.w->seen_count - 1].segment;
    assert_int_equal(ack->options.sack_count, 1);
    assert_int_equal(ack->options.sack[0].left, PEER_ISS + 1);
    assert_int_equal(ack->options.sack[0].right, PEER_ISS + 101);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 101, .ack = 1, .bytes = 100});
    world_run(p.w, 100000);
    assert_int_equal(p.w->seen[p.w->seen_count - 1].segment.options.sack_count, 0);
    world_close(p.w);
}

/* RFC 2883 s4.2: "the second SACK block ... the larger block of contiguous data" that holds the duplicate.
 * RFC2883-4-d */
static void segment_out_of_order_comes_twice_its_block_is_second(void **state) {
    (void)state;
    struct peer p = undo_peer(SACK);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 201, .ack = 1, .bytes = 300});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 301, .ack = 1, .bytes = 100});
    const aksu_ev_segment *ack = &p.w->seen[p.w->seen_count - 1].segment;
    assert_int_equal(ack->options.sack_count, 2);
    assert_int_equal(ack->options.sack[0].left, PEER_ISS + 301);
    assert_int_equal(ack->options.sack[0].right, PEER_ISS + 401);
    assert_int_equal(ack->options.sack[1].left, PEER_ISS + 201);
    assert_int_equal(ack->options.sack[1].right, PEER_ISS + 501);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeout_ack_echoes_the_original_is_taken_back),
        cmocka_unit_test(timeout_ack_echoes_the_retransmission_stays),
        cmocka_unit_test(timeout_taken_back_learns_the_new_round_trip),
        cmocka_unit_test(recovery_ack_echoes_the_original_is_taken_back),
        cmocka_unit_test(timeout_after_fast_retransmit_echo_of_that_stays),
        cmocka_unit_test(recovery_all_retransmissions_came_twice_is_taken_back),
        cmocka_unit_test(recovery_taken_back_late_keeps_a_window_that_has_grown),
        cmocka_unit_test(reordering_window_is_at_most_a_round_trip),
        cmocka_unit_test(probe_out_of_date_is_forgotten),
        cmocka_unit_test(recovery_that_reduced_twice_stays),
        cmocka_unit_test(reordering_window_is_waited_for_and_widened),
        cmocka_unit_test(recovery_one_of_two_retransmissions_came_twice_stays),
        cmocka_unit_test(timeout_two_acks_go_forward_is_taken_back),
        cmocka_unit_test(timeout_second_ack_is_a_duplicate_goes_on_as_usual),
        cmocka_unit_test(timeout_second_ack_selects_the_new_segments_goes_on_as_usual),
        cmocka_unit_test(timeout_second_ack_selects_what_was_in_flight_is_taken_back),
        cmocka_unit_test(timeout_nothing_new_to_send_goes_on_as_usual),
        cmocka_unit_test(segment_comes_twice_is_told_of_once),
        cmocka_unit_test(segment_out_of_order_comes_twice_its_block_is_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
