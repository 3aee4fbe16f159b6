/* Delivery rate samples and what BBR makes of them, packet by packet: draft-ietf-ccwg-bbr s4.1, s5.2, s5.4 to s5.6.
 * What it does over whole paths is tests/sim/sim_bbr.c's. */
#include "tcp_slow_peer.h"

#include "tcp/rate.h"

static struct ak_core *core_of(const struct peer *p) {
    return ak_core_of(p->w->stack[SERVER]);
}

static struct ak_rate *rate_of(const struct peer *p) {
    return ak_rate_of(core_of(p), ak_transfer_of(core_of(p), ak_tcb_at(core_of(p), p->sock.slot)));
}

static uint32_t samples_in_use(const struct peer *p) {
    return ak_pool_used(&core_of(p)->pool[AK_KIND_SAMPLE]);
}

/* s5.6.2, InitPacingRate: the initial window in a round trip, times 2.77; with PACING off as well. */
static void initial_window_is_paced(void **state) {
    (void)state;
    for (uint64_t pacing = 0; pacing < 2; pacing++) {
        struct peer p = slow_peer("bbr", pacing);
        uint64_t from_us = p.w->now_us;
        we_send(&p, 40 * SEG);
        assert_in_range(info_of(&p).pacing_rate, 10 * SEG * 277 / 100 * 16, 10 * SEG * 277 / 100 * 17);
        assert_in_range(sent_since(&p, from_us), 1, 3);
        world_run(p.w, 10000);
        assert_in_range(sent_since(&p, from_us), 5, 7); /* each 2.17 ms */
        world_run(p.w, 14000);
        assert_int_equal(sent_since(&p, from_us), 10);
        assert_int_equal(info_of(&p).cc_mode, AKSU_CC_STARTUP);
        world_close(p.w);
    }
}

/* s4.1.2.3: delivered over the longer of the times that sending and acknowledging took. */
static void rate_is_what_was_delivered_over_the_interval(void **state) {
    (void)state;
    struct peer p = slow_peer("bbr", 0);
    we_send(&p, 100 * SEG);
    world_run(p.w, TRIP_US - 2000);
    peer_acks(&p, 10); /* the tenth went some 19.5 ms after the first, and the first was sent 60 ms ago */
    uint64_t bandwidth = info_of(&p).bandwidth;
    assert_in_range(bandwidth, 10 * SEG * 1000000ull / 62000, 10 * SEG * 1000000ull / 58000);
    world_close(p.w);
}

/* s4.1.2.4: what is sent when the application had nothing more says how fast that is; it counts if it is faster than
 * what is known. */
static void sample_of_an_idle_application_is_marked(void **state) {
    (void)state;
    struct peer p = slow_peer("bbr", 0);
    we_send(&p, 2 * SEG);
    assert_true(rate_of(&p)->app_limited);
    world_run(p.w, TRIP_US);
    peer_acks(&p, 2);
    uint64_t slow = info_of(&p).bandwidth;
    assert_in_range(slow, 2 * SEG * 15, 2 * SEG * 18); /* the first of all is better than none */
    we_send(&p, SEG);
    world_run(p.w, TRIP_US);
    peer_acks(&p, 3);
    assert_int_equal(info_of(&p).bandwidth, slow);
    we_send(&p, 100 * SEG);
    world_run(p.w, TRIP_US);
    peer_acks(&p, 8);
    assert_true(info_of(&p).bandwidth > slow);
    assert_false(rate_of(&p)->app_limited);
    assert_int_equal(rate_of(&p)->bbr.full_bw_count, 0); /* s5.3.1.2: those rounds do not count */
    world_close(p.w);
}

/* A sample for each record in flight, and none afterwards; the transfer's record goes with it. */
static void samples_last_as_long_as_the_flight(void **state) {
    (void)state;
    struct peer p = slow_peer("bbr", 0);
    we_send(&p, 10 * SEG);
    world_run(p.w, TRIP_US);
    assert_int_equal(samples_in_use(&p), 10);
    peer_acks(&p, 4);
    assert_int_equal(samples_in_use(&p), 6);
    world_run(p.w, 3000000); /* timeouts */
    peer_acks(&p, 10);
    assert_int_equal(samples_in_use(&p), 0);
    assert_int_equal(ak_pool_used(&core_of(&p)->pool[AK_KIND_RATE]), 1);
    world_run(p.w, 5000000);
    assert_int_equal(ak_pool_used(&core_of(&p)->pool[AK_KIND_RATE]), 0);
    world_close(p.w);
}

/* s5.6.4.4: a timeout lets one segment go, and what was known good comes back with the end of recovery. */
static void timeout_sends_one_segment_and_the_window_comes_back(void **state) {
    (void)state;
    struct peer p = slow_peer("bbr", 0);
    we_send(&p, 100 * SEG);
    world_run(p.w, 40000);
    uint32_t cwnd = info_of(&p).cwnd_bytes;
    uint64_t from_us = p.w->now_us;
    world_run(p.w, 500000);
    assert_int_equal(info_of(&p).cwnd_bytes, SEG);
    assert_in_range(sent_since(&p, from_us), 1, 2);
    peer_acks(&p, 10);
    assert_true(info_of(&p).cwnd_bytes >= cwnd);
    world_close(p.w);
}

/* Another congestion control takes over in the middle of a flight, and bbr again. */
static void algorithm_changes_in_flight(void **state) {
    (void)state;
    struct peer p = slow_peer("bbr", 0);
    aksu_stack *stack = p.w->stack[SERVER];
    we_send(&p, 100 * SEG);
    world_run(p.w, 40000);
    assert_int_equal(aksu_tcp_set(stack, p.sock, AKSU_TCP_CONGESTION_CONTROL, (uint64_t)aksu_cc_index("cubic")),
                     AKSU_OK);
    assert_int_equal(samples_in_use(&p), 0);
    assert_int_equal(info_of(&p).cc_mode, AKSU_CC_SLOW_START);
    assert_int_equal(info_of(&p).pacing_rate, 0);
    peer_acks(&p, 10);
    assert_int_equal(info_of(&p).cwnd_bytes, 20 * SEG);
    assert_int_equal(aksu_tcp_set(stack, p.sock, AKSU_TCP_CONGESTION_CONTROL, (uint64_t)aksu_cc_index("bbr")), AKSU_OK);
    assert_int_equal(info_of(&p).cc_mode, AKSU_CC_STARTUP);
    world_run(p.w, 30000);
    peer_acks(&p, 20);
    world_run(p.w, TRIP_US);
    peer_acks(&p, 40);
    assert_true(info_of(&p).bandwidth > 0);
    world_close(p.w);
}

/* s5.6.3: a millisecond's worth, at least two segments, at most 64 KiB. */
static void quantum_follows_the_rate(void **state) {
    (void)state;
    struct peer p = slow_peer("bbr", 0);
    we_send(&p, 100 * SEG);
    const struct ak_tcb *t = ak_tcb_at(core_of(&p), p.sock.slot);
    assert_int_equal(ak_pace_quantum(core_of(&p), t, 100 * SEG, SEG), 2 * SEG);
    rate_of(&p)->quantum_bytes = 10 * SEG + 7;
    assert_int_equal(ak_pace_quantum(core_of(&p), t, 100 * SEG, SEG), 10 * SEG);
    assert_int_equal(ak_pace_quantum(core_of(&p), t, SEG, SEG), SEG);
    world_close(p.w);
}

/* Who was woken late makes up for a quarter of a round trip, from 1 ms to 5: at 1 byte a microsecond. */
static void late_process_makes_up_for_what_it_missed(void **state) {
    (void)state;
    static const struct {
        uint32_t srtt_us, credit_us;
    } cases[] = {{1000, 1000}, {4000, 1000}, {8000, 2000}, {20000, 5000}, {300000, 5000}};
    struct peer p = slow_peer("bbr", 0);
    we_send(&p, 100 * SEG);
    struct ak_core *core = core_of(&p);
    struct ak_tcb *t = ak_tcb_at(core, p.sock.slot);
    struct ak_transfer *x = ak_transfer_of(core, t);
    assert_true(rate_of(&p)->pace_waits); /* after the first of the initial window */
    world_run(p.w, 50000);
    assert_false(rate_of(&p)->pace_waits); /* after the last: for an ACK */
    rate_of(&p)->pacing_rate = 1000000;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        t->srtt_us = cases[i].srtt_us;
        rate_of(&p)->pace_rest = 0;
        rate_of(&p)->pace_waits = true;
        x->pace_next_us = core->now_us - 20000;
        ak_pace_sent(core, t, 400);
        assert_int_equal(x->pace_next_us, core->now_us - cases[i].credit_us + 400);
    }
    rate_of(&p)->pace_waits = false; /* it was the window that it waited for */
    x->pace_next_us = core->now_us - 20000;
    ak_pace_sent(core, t, 400);
    assert_int_equal(x->pace_next_us, core->now_us - 1000 + 400);
    world_close(p.w);
}

/* A copy goes on as the original does. */
static void copied_stack_has_the_same_future(void **state) {
    (void)state;
    struct peer p = slow_peer("bbr", 0);
    we_send(&p, 100 * SEG);
    world_run(p.w, 50000);
    peer_acks(&p, 5);
    aksu_config config = world_config();
    config.tcp.congestion_control = (uint64_t)aksu_cc_index("bbr");
    size_t bytes = aksu_stack_bytes(&config);
    void *mem = aligned_alloc(64, bytes);
    assert_non_null(mem);
    memset(mem, 0xa5, bytes);
    aksu_stack *copy;
    assert_int_equal(aksu_stack_clone(p.w->stack[SERVER], mem, bytes, &copy), AKSU_OK);
    assert_int_equal(aksu_stack_digest(copy), aksu_stack_digest(p.w->stack[SERVER]));
    rate_of(&p)->bbr.full_bw_count++;
    assert_int_not_equal(aksu_stack_digest(copy), aksu_stack_digest(p.w->stack[SERVER]));
    free(mem);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_window_is_paced),
        cmocka_unit_test(rate_is_what_was_delivered_over_the_interval),
        cmocka_unit_test(sample_of_an_idle_application_is_marked),
        cmocka_unit_test(samples_last_as_long_as_the_flight),
        cmocka_unit_test(timeout_sends_one_segment_and_the_window_comes_back),
        cmocka_unit_test(algorithm_changes_in_flight),
        cmocka_unit_test(quantum_follows_the_rate),
        cmocka_unit_test(late_process_makes_up_for_what_it_missed),
        cmocka_unit_test(copied_stack_has_the_same_future),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
