/* req: MAY-18
 *
 * Congestion controls by themselves: RFC 5681 (newreno), RFC 9438 (cubic), RFC 9406 (HyStart++). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tcp/cc.h"

enum { MSS = 1000, RTT_US = 100000 };

struct path {
    struct ak_transfer x;
    const struct ak_cc_ops *cc;
    uint64_t now_us;
    uint32_t sent; /* SND.NXT */
    uint32_t rtt_us;
    uint32_t train_us; /* the ACKs of a round come in so much of it; 0: evenly, as of a window that is paced */
};

static struct path path_open(const char *name, uint32_t cwnd_segments, uint32_t ssthresh) {
    struct path p = {.cc = ak_cc_at((uint64_t)aksu_cc_index(name)), .now_us = 1000000, .rtt_us = RTT_US};
    p.x.cwnd = cwnd_segments * MSS;
    p.x.ssthresh = ssthresh;
    p.cc->init(&p.x);
    return p;
}

/* A round trip: a window goes, and is acknowledged evenly by so many ACKs. */
static void path_round_in(struct path *p, uint32_t acks, bool limited) {
    uint32_t window = p->x.cwnd;
    uint32_t una = p->sent;
    uint32_t within_us = p->train_us != 0 ? p->train_us : p->rtt_us;
    p->sent += window;
    for (uint32_t i = 0; i < acks; i++) {
        uint32_t bytes = i + 1 < acks ? window / acks : window - window / acks * (acks - 1);
        una += bytes;
        p->now_us += within_us / acks;
        struct ak_cc_ack ack = {
            .acked_bytes = bytes,
            .in_flight_bytes = window,
            .mss_bytes = MSS,
            .rtt_us = p->rtt_us,
            .sample_count = 1,
            .srtt_us = p->rtt_us,
            .una = ak_seq_of(una),
            .nxt = ak_seq_of(p->train_us != 0 ? una - bytes + p->x.cwnd : p->sent + i * bytes),
            .limited = limited,
            .paced = p->train_us == 0,
            .now_us = p->now_us,
        };
        p->cc->on_ack(&p->x, &ack);
    }
    p->now_us += p->rtt_us - within_us;
}

static void path_round(struct path *p) {
    path_round_in(p, p->x.cwnd / (2 * MSS) > 0 ? p->x.cwnd / (2 * MSS) : 1, true);
}

static void names_find_their_index_and_back(void **state) {
    (void)state;
    assert_int_equal(aksu_cc_index("cubic"), 0); /* the default: RFC 9438 */
    assert_int_equal(aksu_cc_index("newreno"), 1);
    assert_int_equal(aksu_cc_index("new"), -1);
    assert_int_equal(aksu_cc_index(""), -1);
    assert_string_equal(aksu_cc_name(0), "cubic");
    assert_int_equal(aksu_cc_index("bbr"), 2);
    assert_null(aksu_cc_name(3));
}

/* RFC 5681 s3.1: "cwnd += min (N, SMSS)" a round doubles the window; by bytes it does so with delayed ACKs as well.
 * RFC5681-3.1-a, RFC5681-5-a */
static void newreno_slow_start_doubles_the_window_each_round(void **state) {
    (void)state;
    struct path p = path_open("newreno", 10, UINT32_MAX);
    path_round(&p);
    assert_int_equal(p.x.cwnd, 20 * MSS);
}

/* RFC 5681 s3.1: "During congestion avoidance, cwnd is incremented by roughly 1 full-sized segment per round-trip
 * time"; however many ACKs divide the bytes between them (RFC 3465 s2.1, Savage 1999).
 * RFC5681-3.1-n, RFC5681-3.1-o, RFC5681-3.1-p, RFC5681-5-a */
static void newreno_avoidance_divided_acks_grow_one_segment_a_round(void **state) {
    (void)state;
    struct path p = path_open("newreno", 20, 10 * MSS);
    path_round_in(&p, 1000, true);
    assert_int_equal(p.x.cwnd, 21 * MSS);
}

/* RFC 5681 s3.1 (4): "ssthresh = max (FlightSize / 2, 2*SMSS)"; "cwnd MUST be set to no more than the loss window".
 * RFC5681-3.1-k, RFC5681-3.1-r, RFC5681-3.1-s, RFC5681-3.2-g */
static void newreno_loss_halves_and_timeout_restarts(void **state) {
    (void)state;
    struct path p = path_open("newreno", 20, UINT32_MAX);
    p.cc->on_congestion(&p.x, AK_CC_LOSS, 20 * MSS, MSS);
    assert_int_equal(p.x.cwnd, 10 * MSS);
    p.cc->on_congestion(&p.x, AK_CC_TIMEOUT, 3 * MSS, MSS);
    assert_int_equal(p.x.ssthresh, 2 * MSS);
    assert_int_equal(p.x.cwnd, MSS);
}

/* RFC 3465 s2.3: "a sender SHOULD use L=1*SMSS ... during the slow start phase that follows a RTO". */
static void slow_start_after_timeout_large_ack_adds_one_segment(void **state) {
    (void)state;
    struct path p = path_open("newreno", 1, 20 * MSS);
    p.x.in_recovery = AK_RECOVERY_RTO;
    struct ak_cc_ack ack = {.acked_bytes = 15 * MSS, .mss_bytes = MSS, .limited = true, .now_us = 2000000};
    p.cc->on_ack(&p.x, &ack);
    assert_int_equal(p.x.cwnd, 2 * MSS);
}

/* RFC 5681 s3.1: "slow start is used when cwnd < ssthresh": one ACK of much ends it there and no further.
 * RFC9438-4.10-a */
static void slow_start_large_ack_stops_at_ssthresh(void **state) {
    (void)state;
    static const char *const names[] = {"newreno", "cubic"};
    for (int i = 0; i < 2; i++) {
        struct path p = path_open(names[i], 10, 16 * MSS);
        struct ak_cc_ack ack = {.acked_bytes = 700 * MSS, .mss_bytes = MSS, .limited = true, .now_us = 2000000};
        p.cc->on_ack(&p.x, &ack);
        assert_int_equal(p.x.cwnd, 16 * MSS);
    }
}

/* RFC 9438 s4.2: an ACK of more than a window goes to the target and not beyond. */
static void cubic_large_ack_stops_at_the_target(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, 50 * MSS);
    p.cc->on_congestion(&p.x, AK_CC_LOSS, 100 * MSS, MSS);
    path_round(&p);
    struct ak_cc_ack ack = {
        .acked_bytes = 700 * MSS, .mss_bytes = MSS, .srtt_us = RTT_US, .limited = true, .now_us = p.now_us + 500000};
    p.cc->on_ack(&p.x, &ack);
    assert_true(p.x.cwnd <= 100 * MSS);
}

/* RFC 7661 s1: a window that is not used must not grow.
 * RFC9438-4.6-c */
static void window_not_used_stays(void **state) {
    (void)state;
    static const char *const names[] = {"newreno", "cubic"};
    for (int i = 0; i < 2; i++) {
        struct path p = path_open(names[i], 20, i == 0 ? UINT32_MAX : 10 * MSS);
        for (int round = 0; round < 100; round++) path_round_in(&p, 10, false);
        assert_int_equal(p.x.cwnd, 20 * MSS);
    }
}

static void cube_roots_are_exact(void **state) {
    (void)state;
    for (uint64_t r = 0; r < 3000; r++) {
        assert_int_equal(ak_cubic_root(r * r * r), r);
        if (r > 1) assert_int_equal(ak_cubic_root(r * r * r - 1), r - 1);
    }
    assert_int_equal(ak_cubic_root(2642245ull * 2642245 * 2642245), 2642245);
    assert_int_equal(ak_cubic_root(UINT64_MAX), 2642245);
}

/* RFC 9438 s4.6: beta_cubic 0.7; s4.2: "K = cubic_root((W_max - cwnd_epoch) / C)": from 100 lost segments to 70, the
 * window is back at W_max after (30 / 0.4)^(1/3) = 4.22 s, and as far above it as it was below after twice that.
 * RFC9438-4.4-a, RFC9438-4.5-a, RFC9438-4.6-b, RFC9438-5.1-a, RFC9438-5.1-b */
static void cubic_loss_window_returns_to_its_maximum_after_k(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, 50 * MSS);
    p.cc->on_congestion(&p.x, AK_CC_LOSS, 100 * MSS, MSS);
    assert_int_equal(p.x.cwnd, 70 * MSS);
    assert_int_equal(p.x.ssthresh, 70 * MSS);
    uint64_t start_us = p.now_us;
    uint32_t at_half = 0;
    uint32_t at_k = 0;
    while (p.now_us - start_us < 8430000) {
        path_round(&p);
        uint64_t t_us = p.now_us - start_us;
        if (t_us <= 2110000) at_half = p.x.cwnd;
        if (t_us <= 4217000) at_k = p.x.cwnd;
    }
    assert_int_equal(p.x.cc.cubic.k_ms, 4217);
    assert_in_range(at_half, 95 * MSS, 98 * MSS); /* 100 - 0.4 2.1^3 = 96.3: concave */
    assert_in_range(at_k, 99 * MSS, 101 * MSS);
    assert_in_range(p.x.cwnd, 128 * MSS, 132 * MSS); /* convex; the target is a round trip ahead */
}

/* RFC 9438 s4.7: "W_max = cwnd * (1 + beta_cubic) / 2" where cwnd is below the last W_max: 0.85.
 * RFC9438-4.7-a */
static void cubic_loss_below_last_maximum_gives_way(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, 50 * MSS);
    p.cc->on_congestion(&p.x, AK_CC_LOSS, 100 * MSS, MSS);
    assert_int_equal(p.x.cc.cubic.w_max, 100 * MSS);
    p.cc->on_congestion(&p.x, AK_CC_LOSS, 70 * MSS, MSS);
    assert_int_equal(p.x.cc.cubic.w_max, 59500);
}

/* RFC 9438 s4.3: "W_est = W_est + alpha_cubic * segments_acked / cwnd", alpha = 3 * 0.3 / 1.7 = 0.53 segments a round,
 * and 1 once W_est has reached cwnd_prior: at a short round trip that is faster than W_cubic.
 * RFC9438-4.3-a, RFC9438-4.3-b */
static void cubic_short_round_trips_grow_as_reno_would(void **state) {
    (void)state;
    struct path p = path_open("cubic", 20, 10 * MSS);
    p.rtt_us = 1000;
    p.cc->on_congestion(&p.x, AK_CC_LOSS, 20 * MSS, MSS);
    for (int i = 0; i < 10; i++) path_round(&p);
    assert_in_range(p.x.cwnd, 14 * MSS + 5000, 14 * MSS + 5400); /* 10 * 0.53 */
    while (p.x.cwnd < 21 * MSS) path_round(&p);
    uint32_t before = p.x.cwnd;
    for (int i = 0; i < 10; i++) path_round(&p);
    assert_in_range(p.x.cwnd - before, 9600, 10400);
}

/* RFC 9438 s4.8: after a timeout "K is set to 0, and W_max is set to the congestion window size at the beginning of the
 * current congestion avoidance stage".
 * RFC9438-4.8-a, RFC9438-4.10-a */
static void cubic_timeout_next_stage_starts_from_where_it_is(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, 50 * MSS);
    p.cc->on_congestion(&p.x, AK_CC_TIMEOUT, 20 * MSS, MSS);
    assert_int_equal(p.x.cwnd, MSS);
    assert_int_equal(p.x.ssthresh, 14 * MSS);
    while (p.x.cwnd < p.x.ssthresh) path_round(&p);
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.k_ms, 0);
    assert_in_range(p.x.cc.cubic.plateau, 14 * MSS, 15 * MSS);
    assert_in_range(p.x.cc.cubic.w_est, 14 * MSS, 15 * MSS + MSS / 2);
}

/* RFC 9438 s4.2: "t ... does not include" times in which cwnd was not updated because the application sent too little.
 * RFC9438-4.2-a */
static void cubic_idle_application_does_not_age_the_curve(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, 50 * MSS);
    p.cc->on_congestion(&p.x, AK_CC_LOSS, 100 * MSS, MSS);
    path_round(&p);
    path_round(&p);
    uint32_t before = p.x.cwnd;
    for (int i = 0; i < 200; i++) path_round_in(&p, 10, false); /* 20 s */
    path_round(&p);
    assert_in_range(p.x.cwnd, before, before + 5 * MSS);
}

/* RFC 9438 s4.2: "target = 1.5 * cwnd" at the most. */
static void cubic_long_quiet_window_grows_by_half_a_round_at_most(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, 50 * MSS);
    p.cc->on_congestion(&p.x, AK_CC_LOSS, 100 * MSS, MSS);
    path_round(&p);
    p.now_us += 3600ull * 1000000;
    uint32_t before = p.x.cwnd;
    path_round(&p);
    assert_in_range(p.x.cwnd, before + before / 3, before + before / 2 + before / 8);
}

/* RFC 9406 s4.2: a round whose least round trip exceeds the last one's by max(4 ms, min(1/8, 16 ms)) enters CSS, which
 * grows by a quarter, and after five rounds ends slow start.
 * RFC9438-4.10-b */
static void hystart_growing_delay_ends_slow_start_after_five_careful_rounds(void **state) {
    (void)state;
    struct path p = path_open("cubic", 20, UINT32_MAX);
    path_round(&p);
    path_round(&p);
    uint32_t before = p.x.cwnd;
    p.rtt_us = RTT_US + 13000; /* an eighth of 100 ms is 12.5 ms */
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_CONSERVATIVE);
    assert_true(p.x.cwnd < 2 * before);
    int rounds = 0;
    while (p.x.ssthresh == UINT32_MAX && rounds < 20) {
        before = p.x.cwnd;
        path_round(&p);
        rounds++;
        assert_in_range(p.x.cwnd, before, before + before / 4);
    }
    assert_in_range(rounds, 4, 5);
    assert_in_range(p.x.cwnd, p.x.ssthresh, p.x.ssthresh + 2 * MSS);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_OVER);
}

/* s4.2: "if (currentRoundMinRTT < cssBaselineMinRtt) ... resume slow start". */
static void hystart_delay_that_shrinks_again_resumes_slow_start(void **state) {
    (void)state;
    struct path p = path_open("cubic", 20, UINT32_MAX);
    path_round(&p);
    path_round(&p);
    p.rtt_us = RTT_US + 20000;
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_CONSERVATIVE);
    p.rtt_us = RTT_US;
    path_round(&p);
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_SLOW_START);
    assert_int_equal(p.x.ssthresh, UINT32_MAX);
}

/* s4.2: with fewer than N_RTT_SAMPLE = 8 samples a round says nothing; 4 ms is the least threshold. */
static void hystart_small_or_unsure_growth_goes_on(void **state) {
    (void)state;
    struct path p = path_open("cubic", 20, UINT32_MAX);
    p.rtt_us = 10000;
    path_round(&p);
    path_round(&p);
    p.rtt_us = 13900;
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_SLOW_START);
    p.rtt_us = 50000;
    path_round_in(&p, 7, true);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_SLOW_START);
}

/* An application that used little of a large window for 3 GiB: the end of the round that was, beyond what is sent, is
 * the past. */
static void hystart_round_of_long_ago_is_over(void **state) {
    (void)state;
    struct path p = path_open("cubic", 10, UINT32_MAX);
    path_round(&p);
    struct ak_hystart *h = &p.x.cc.cubic.hystart;
    h->round_end = ak_seq_of(p.sent + (1u << 30));
    h->last_us = h->current_us = UINT32_MAX;
    path_round(&p);
    path_round(&p);
    assert_int_equal(h->last_us, RTT_US);
}

/* s4.3: only "for the initial slow start". */
static void hystart_after_a_loss_is_over(void **state) {
    (void)state;
    struct path p = path_open("cubic", 20, UINT32_MAX);
    p.cc->on_congestion(&p.x, AK_CC_TIMEOUT, 100 * MSS, MSS);
    p.rtt_us = 500000;
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_OVER);
    assert_int_equal(p.x.cwnd, 2 * MSS);
}

/* RFC 9438 s4.3, s4.4: a round trip's ACKs may come in one burst, all of them at the beginning of the stage, where
 * W_cubic(t) is not yet beyond the Reno estimate: the window grows towards W_cubic(t + RTT) all the same. */
static void cubic_burst_of_acks_after_a_reduction_grows_as_cubic(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, 100 * MSS);
    p.cc->on_congestion(&p.x, AK_CC_LOSS, 100 * MSS, MSS);
    assert_int_equal(p.x.cwnd, 70 * MSS);
    for (uint32_t i = 0; i < 70; i++) {
        struct ak_cc_ack ack = {
            .acked_bytes = MSS, .mss_bytes = MSS, .srtt_us = 300000, .limited = true, .now_us = 5000000};
        p.cc->on_ack(&p.x, &ack);
    }
    assert_in_range(p.x.cwnd, 73 * MSS, 76 * MSS); /* W_cubic(0.3 s) is 75.96, Reno's estimate 70.5 */
}

/* Round trips that only SACK has told of count: where segments overtake each other SND.UNA moves a few times a round.
 */
static void hystart_samples_of_sack_end_slow_start(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, UINT32_MAX);
    for (uint32_t round = 0; round < 8; round++) {
        struct ak_cc_ack ack = {.acked_bytes = 50 * MSS,
                                .in_flight_bytes = p.x.cwnd,
                                .mss_bytes = MSS,
                                .rtt_us = RTT_US + (round < 2 ? 0 : 20000),
                                .sample_count = 8,
                                .srtt_us = RTT_US,
                                .una = ak_seq_of(1000 * round),
                                .nxt = ak_seq_of(1000 * (round + 1)),
                                .limited = true,
                                .now_us = 1000000 + round * RTT_US};
        p.cc->on_ack(&p.x, &ack);
    }
    assert_int_not_equal(p.x.ssthresh, UINT32_MAX);
}

/* HR11 s3.1: ACKs without a gap for half a round trip: the window fills the path, and grows with care from there; if
 * the next train comes no faster, slow start is over. */
static void hystart_two_long_trains_alike_end_slow_start(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, UINT32_MAX);
    p.train_us = 48000;
    path_round(&p);
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_SLOW_START);
    assert_int_equal(p.x.cwnd, 400 * MSS);
    p.train_us = 75000;
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_TRAIN);
    assert_in_range(p.x.cwnd, 700 * MSS, 705 * MSS); /* two thirds of it at full growth, a third at a quarter of that */
    p.train_us = p.rtt_us = 131000;                  /* 700 segments, after 400 in 75 ms */
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_OVER);
    assert_in_range(p.x.ssthresh, 760 * MSS, 775 * MSS);
}

/* Trains that come ever faster, by an eighth at least: after CSS_ROUNDS of care slow start goes on, whatever trains
 * come. */
static void hystart_faster_trains_resume_slow_start(void **state) {
    (void)state;
    struct path p = path_open("cubic", 100, UINT32_MAX);
    p.train_us = 60000;
    for (int i = 0; i < 4; i++) path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_TRAIN);
    path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_SLOW_START);
    uint32_t before = p.x.cwnd;
    path_round(&p);
    assert_int_equal(p.x.cwnd, 2 * before);
    assert_int_equal(p.x.ssthresh, UINT32_MAX);
}

/* A gap of more than 2 ms, and a sixteenth of the round trip, ends a train; a paced window makes none. */
static void hystart_gaps_and_paced_windows_make_no_train(void **state) {
    (void)state;
    struct path p = path_open("cubic", 20, UINT32_MAX);
    p.train_us = 90000;
    for (int i = 0; i < 3; i++) path_round_in(&p, 14, true); /* 6.4 ms */
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_SLOW_START);
    path_round_in(&p, 15, true); /* 6 ms */
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_TRAIN);
    p = path_open("cubic", 100, UINT32_MAX);
    for (int i = 0; i < 4; i++) path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_SLOW_START);
    p = path_open("cubic", 100, UINT32_MAX); /* so short that a gap is none */
    p.rtt_us = 15000;
    p.train_us = 14000;
    for (int i = 0; i < 4; i++) path_round(&p);
    assert_int_equal(p.x.cc.cubic.hystart.phase, AK_HYSTART_SLOW_START);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_find_their_index_and_back),
        cmocka_unit_test(newreno_slow_start_doubles_the_window_each_round),
        cmocka_unit_test(newreno_avoidance_divided_acks_grow_one_segment_a_round),
        cmocka_unit_test(newreno_loss_halves_and_timeout_restarts),
        cmocka_unit_test(slow_start_after_timeout_large_ack_adds_one_segment),
        cmocka_unit_test(slow_start_large_ack_stops_at_ssthresh),
        cmocka_unit_test(cubic_large_ack_stops_at_the_target),
        cmocka_unit_test(window_not_used_stays),
        cmocka_unit_test(cube_roots_are_exact),
        cmocka_unit_test(cubic_loss_window_returns_to_its_maximum_after_k),
        cmocka_unit_test(cubic_loss_below_last_maximum_gives_way),
        cmocka_unit_test(cubic_short_round_trips_grow_as_reno_would),
        cmocka_unit_test(cubic_timeout_next_stage_starts_from_where_it_is),
        cmocka_unit_test(cubic_idle_application_does_not_age_the_curve),
        cmocka_unit_test(cubic_long_quiet_window_grows_by_half_a_round_at_most),
        cmocka_unit_test(hystart_growing_delay_ends_slow_start_after_five_careful_rounds),
        cmocka_unit_test(hystart_delay_that_shrinks_again_resumes_slow_start),
        cmocka_unit_test(hystart_small_or_unsure_growth_goes_on),
        cmocka_unit_test(cubic_burst_of_acks_after_a_reduction_grows_as_cubic),
        cmocka_unit_test(hystart_samples_of_sack_end_slow_start),
        cmocka_unit_test(hystart_round_of_long_ago_is_over),
        cmocka_unit_test(hystart_after_a_loss_is_over),
        cmocka_unit_test(hystart_two_long_trains_alike_end_slow_start),
        cmocka_unit_test(hystart_faster_trains_resume_slow_start),
        cmocka_unit_test(hystart_gaps_and_paced_windows_make_no_train),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
