/* When the window may be used: pacing, RFC 5681 s4.1 (restart after idle), RFC 7661 (a window that is not used). */
#include "tcp_slow_peer.h"

#include "tcp/tcp.h"

static struct ak_tcb *tcb_of(const struct peer *p) {
    return ak_tcb_at(ak_core_of(p->w->stack[SERVER]), p->sock.slot);
}

/* An initial window goes at once (RFC 6928 s3); what its ACK lets go is spread: 20 segments, at twice the window a
 * round trip, leave one each 1.5 ms, two milliseconds' worth of them ahead of their time. */
static void paced_window_is_spread_over_half_a_round_trip(void **state) {
    (void)state;
    struct peer p = slow_peer("newreno", 1);
    we_send(&p, 100 * SEG);
    assert_int_equal(sent_since(&p, 0), 10);
    world_run(p.w, TRIP_US - 2000);
    uint64_t from_us = p.w->now_us;
    peer_acks(&p, 10);
    assert_in_range(sent_since(&p, from_us), 1, 4);
    assert_in_range(info_of(&p).pacing_rate, 2 * 20 * SEG * 16ull, 2 * 20 * SEG * 17ull);
    world_run(p.w, 14000);
    assert_in_range(sent_since(&p, from_us), 9, 13);
    world_run(p.w, 20000);
    assert_int_equal(sent_since(&p, from_us), 20); /* and no more than the window */
    world_close(p.w);
}

static void unpaced_window_goes_at_once(void **state) {
    (void)state;
    struct peer p = slow_peer("newreno", 0);
    we_send(&p, 100 * SEG);
    world_run(p.w, TRIP_US - 2000);
    uint64_t from_us = p.w->now_us;
    peer_acks(&p, 10);
    assert_int_equal(sent_since(&p, from_us), 20);
    assert_int_equal(info_of(&p).pacing_rate, 0);
    world_close(p.w);
}

/* After an idle time the restart window goes at once as the first one did. */
static void paced_restart_window_goes_at_once(void **state) {
    (void)state;
    struct peer p = slow_peer("newreno", 1);
    we_send(&p, 10 * SEG);
    world_run(p.w, TRIP_US - 2000);
    peer_acks(&p, 10);
    world_run(p.w, 500000);
    uint64_t from_us = p.w->now_us;
    we_send(&p, 60 * SEG);
    assert_int_equal(sent_since(&p, from_us), 10);
    world_close(p.w);
}

/* A super-segment carries a millisecond's worth at most, and two segments at least. */
static void paced_super_segment_is_a_quantum(void **state) {
    (void)state;
    struct peer p = slow_peer("newreno", 1);
    const struct ak_core *core = ak_core_of(p.w->stack[SERVER]);
    we_send(&p, 100 * SEG);
    struct ak_transfer *x = ak_transfer_of(core, tcb_of(&p));
    x->cwnd = 3000 * SEG;
    x->ssthresh = SEG;
    assert_int_equal(ak_pace_quantum(core, tcb_of(&p), 100 * SEG, SEG), 60 * SEG); /* 3000 * 1.2 / 60 */
    x->cwnd = 10 * SEG;
    assert_int_equal(ak_pace_quantum(core, tcb_of(&p), 100 * SEG, SEG), 2 * SEG);
    assert_int_equal(ak_pace_quantum(core, tcb_of(&p), SEG, SEG), SEG);
    world_close(p.w);
}

/* Sends and is acknowledged until the window is 80 segments. */
static uint32_t grown(struct peer *p) {
    uint32_t acked = 0;
    for (uint32_t window = 10; window < 80; window *= 2) {
        we_send(p, window * SEG);
        world_run(p->w, TRIP_US - 2000);
        acked += window;
        peer_acks(p, acked);
    }
    assert_int_equal(info_of(p).cwnd_bytes, 80 * SEG);
    return acked;
}

/* RFC 5681 s4.1: "cwnd to no more than RW before beginning transmission if the TCP has not sent data in an interval
 * exceeding the retransmission timeout"; RW = min(IW, cwnd).
 * RFC5681-4.1-a */
static void idle_for_an_rto_restarts_from_the_initial_window(void **state) {
    (void)state;
    for (int idle = 0; idle < 2; idle++) {
        struct peer p = slow_peer("newreno", 0);
        (void)grown(&p);
        world_run(p.w, idle ? 400000 : 100000);
        uint64_t from_us = p.w->now_us;
        we_send(&p, 60 * SEG);
        assert_int_equal(sent_since(&p, from_us), idle ? 10 : 60);
        if (idle) assert_true(info_of(&p).ssthresh_bytes >= 60 * SEG); /* slow start leads back */
        world_close(p.w);
    }
}

/* RFC 7661 s4.4.3: after five minutes in which less than half was used, "ssthresh = max(ssthresh, 3*cwnd/4)" and
 * "cwnd = max(cwnd/2, IW)". */
static void window_unused_for_five_minutes_is_halved(void **state) {
    (void)state;
    struct peer p = slow_peer("newreno", 0);
    uint32_t acked = grown(&p);
    uint64_t start_us = p.w->now_us;
    uint32_t cwnd = 80 * SEG;
    while (p.w->now_us - start_us < 299000000) {
        we_send(&p, SEG);
        peer_acks(&p, ++acked);
        world_run(p.w, 198000);
        assert_int_equal(info_of(&p).cwnd_bytes, cwnd);
        p.w->seen_count = p.w->first;
    }
    for (int i = 0; i < 20; i++) {
        we_send(&p, SEG);
        peer_acks(&p, ++acked);
        world_run(p.w, 198000);
    }
    assert_int_equal(info_of(&p).cwnd_bytes, 40 * SEG);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paced_window_is_spread_over_half_a_round_trip),
        cmocka_unit_test(unpaced_window_goes_at_once),
        cmocka_unit_test(paced_restart_window_goes_at_once),
        cmocka_unit_test(paced_super_segment_is_a_quantum),
        cmocka_unit_test(idle_for_an_rto_restarts_from_the_initial_window),
        cmocka_unit_test(window_unused_for_five_minutes_is_halved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
