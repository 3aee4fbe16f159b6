/* The path MTU by what a router says (RFC 1191, RFC 5927 s7.2), and by trying (RFC 4821, RFC 8899). */
#include "tcp_peer.h"

enum { UNREACHABLE = 3, FRAGMENTATION_NEEDED = 4, MSS = 1460 };

static aksu_tcp_info status(struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info;
}

static void ack(struct peer *p, uint32_t number) {
    p->options.present = 0;
    peer_says(p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = number});
}

/* An ACK that tells of these bytes beyond a gap. */
static void ack_with_gap(struct peer *p, uint32_t number, uint32_t left, uint32_t right) {
    p->options.present = AKSU_OPT_SACK;
    p->options.sack_count = 1;
    p->options.sack[0].left = p->iss + left;
    p->options.sack[0].right = p->iss + right;
    peer_says(p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = number});
}

static void too_big(struct peer *p, uint16_t mtu, uint32_t seq) {
    peer_icmp(p, UNREACHABLE, FRAGMENTATION_NEEDED, mtu, seq);
}

/* A connection with full segments of 1,460 bytes, of which the first has arrived if proven. */
static struct peer joined(const aksu_config *config, uint8_t options, uint32_t proven) {
    struct peer p = peer_open(config);
    p.options.present = (uint8_t)(AKSU_OPT_MSS | options);
    p.options.mss = MSS;
    peer_syn(&p);
    ack(&p, 1);
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    if (proven > 0) {
        we_send(&p, proven);
        ack(&p, 1 + proven);
    }
    assert_int_equal(status(&p).path_mtu, 1500);
    return p;
}

static aksu_config plain_config(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = config.tcp.window_scale = 0;
    return config;
}

static const uint8_t with_and_without_sack[] = {0, AKSU_OPT_SACK_PERMITTED};

/* Nothing so large has ever gone through: discovery. */
static void too_big_of_a_size_never_through_is_believed_at_once(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = joined(&config, 0, 500);
    we_send(&p, 2 * MSS);
    too_big(&p, 1000, 501);
    assert_int_equal(status(&p).path_mtu, 1000);
    world_close(p.w);
}

/* RFC 5927 s7.2: what claims that something was too big that was smaller than that was forged, though it quotes what is
 * in flight.  attack: 51 */
static void too_big_of_what_was_small_is_forged(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = joined(&config, 0, 500);
    we_send(&p, 500);
    too_big(&p, 1000, 501);
    assert_int_equal(status(&p).path_mtu, 1500);
    world_close(p.w);

    p = peer_open(&config); /* the SYN of an active open */
    peer_called(&p);
    too_big(&p, 576, 0);
    assert_int_equal(status(&p).path_mtu, 1500);
    world_close(p.w);

    p = joined(&config, 0, 500); /* our FIN */
    assert_int_equal(aksu_tcp_shutdown(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 100);
    too_big(&p, 576, 501);
    assert_int_equal(status(&p).path_mtu, 1500);
    world_close(p.w);
}

/* RFC 1191 s6.3, RFC 8899 s5.1.1: ten minutes after a router has lowered it, a larger one is tried, though the flow
 * never pauses. */
static void path_mtu_lowered_by_a_router_is_tried_again(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.nagle = 0;
    struct peer p = joined(&config, AKSU_OPT_SACK_PERMITTED, 500);
    we_send(&p, 2 * MSS);
    too_big(&p, 1000, 501);
    uint32_t end = 501 + 2 * MSS;
    ack(&p, end);
    for (int i = 0; i < 1300; i++) {
        world_run(p.w, 500000);
        p.w->first = p.w->seen_count = 0;
        we_send(&p, 8000);
        end += 8000;
        ack(&p, end);
    }
    assert_int_equal(status(&p).path_mtu, 1500);
    world_close(p.w);
}

/* RFC 5927 s7.2: what is quoted arrives: the message was forged, and nothing was lost by it.  attack: 51 */
static void too_big_of_what_arrives_changes_nothing(void **state) {
    (void)state;
    for (int sack = 0; sack < 2; sack++) {
        aksu_config config = plain_config();
        struct peer p = joined(&config, with_and_without_sack[sack], MSS);
        we_send(&p, 2 * MSS);
        uint32_t cwnd = status(&p).cwnd_bytes;
        uint32_t before = p.w->seen_count;
        too_big(&p, 600, 1 + MSS);
        assert_int_equal(p.w->seen_count, before);
        assert_int_equal(status(&p).cwnd_bytes, cwnd);
        assert_int_equal(status(&p).path_mtu, 1500);
        ack(&p, 1 + 3 * MSS);
        we_send(&p, 100);
        world_run(p.w, 1500000); /* a timeout confirms nothing: what was quoted is no longer in flight */
        assert_int_equal(status(&p).path_mtu, 1500);
        world_close(p.w);
    }
}

/* Nothing is left of a message about a small segment that arrived, when another comes that is true. */
static void too_big_is_believed_after_a_forged_one(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = joined(&config, 0, MSS);
    we_send(&p, 100);
    too_big(&p, 1000, 1 + MSS);
    ack(&p, 101 + MSS);
    we_send(&p, MSS);
    too_big(&p, 1000, 101 + MSS);
    world_run(p.w, 500000);
    assert_int_equal(status(&p).path_mtu, 1000);
    world_close(p.w);
}

/* Nothing else tells whether it was lost: the timeout does. */
static void too_big_is_believed_when_what_it_quotes_times_out(void **state) {
    (void)state;
    for (int sack = 0; sack < 2; sack++) {
        aksu_config config = plain_config();
        struct peer p = joined(&config, with_and_without_sack[sack], MSS);
        we_send(&p, MSS);
        too_big(&p, 1000, 1 + MSS);
        assert_int_equal(status(&p).path_mtu, 1500);
        world_run(p.w, 500000);
        assert_int_equal(status(&p).path_mtu, 1000);
        assert_int_equal(status(&p).snd_mss, 960);
        world_close(p.w);
    }
}

/* A small segment behind it arrives, and the quoted one is found lost by that: it is believed before any timeout. */
static void too_big_is_believed_when_what_it_quotes_is_found_lost(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = joined(&config, AKSU_OPT_SACK_PERMITTED, MSS);
    we_send(&p, MSS + 500);
    too_big(&p, 1000, 1 + MSS);
    ack_with_gap(&p, 1 + MSS, 1 + 2 * MSS, 501 + 2 * MSS);
    world_run(p.w, 100000);
    assert_int_equal(status(&p).path_mtu, 1000);
    world_close(p.w);
}

/* It is lost indeed, but what was sent after it in full size was not: on a path that loses some, a forged message does
 * not pass for the reason. */
static void too_big_is_forgotten_when_larger_ones_arrive(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = joined(&config, AKSU_OPT_SACK_PERMITTED, MSS);
    we_send(&p, 5 * MSS);
    too_big(&p, 600, 1 + MSS);
    ack_with_gap(&p, 1 + MSS, 1 + 2 * MSS, 1 + 6 * MSS);
    world_run(p.w, 100000);
    assert_true(status(&p).retransmitted_segments > 0);
    assert_int_equal(status(&p).path_mtu, 1500);
    world_close(p.w);
}

/* RFC 8201 s4 for IPv6; what RFC 791 promises for IPv4 is a setting.  attack: 51 */
static void too_big_goes_no_lower_than_the_floor(void **state) {
    (void)state;
    static const uint16_t floors[] = {576, 1000};
    for (uint32_t i = 0; i < 2; i++) {
        aksu_config config = plain_config();
        config.tcp.mtu_floor_bytes = floors[i];
        struct peer p = joined(&config, 0, 0);
        we_send(&p, MSS);
        too_big(&p, 68, 1);
        assert_int_equal(status(&p).path_mtu, floors[i]);
        world_close(p.w);
    }
}

/* A long flight is not walked for a message: what is done at once is bounded. */
static void too_big_in_a_long_flight_costs_a_bounded_number_of_steps(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.nagle = 0;
    config.tcp.initial_cwnd_segments = 64;
    for (int large = 0; large < 2; large++) {
        struct peer p = joined(&config, 0, 0);
        if (large) we_send(&p, MSS);
        for (int i = 0; i < 100; i++) we_send(&p, 10);
        aksu_counters before, after;
        aksu_counters_get(p.w->stack[SERVER], &before);
        too_big(&p, 1000, 1);
        aksu_counters_get(p.w->stack[SERVER], &after);
        assert_int_equal(status(&p).path_mtu, large ? 1000 : 1500);
        assert_in_range(after.loss_steps - before.loss_steps, 1, 128);
        world_close(p.w);
    }
}

static aksu_counters counted(struct peer *p) {
    aksu_counters counters;
    aksu_counters_get(p->w->stack[SERVER], &counters);
    return counters;
}

/* RFC 8899 s4.3: down to the base after three timeouts, to the floor after two more; what is small was never the
 * reason. */
static void full_segments_that_time_out_lower_the_path_mtu(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = joined(&config, 0, MSS);
    we_send(&p, MSS);
    static const struct {
        uint64_t after_us;
        uint32_t mtu;
    } steps[] = {{600000, 1500}, {1000000, 1200}, {5500000, 576}};
    for (uint32_t i = 0; i < 3; i++) {
        world_run(p.w, steps[i].after_us);
        assert_int_equal(status(&p).path_mtu, steps[i].mtu);
    }
    assert_int_equal(counted(&p).mtu_black_holes, 2);
    world_close(p.w);

    p = joined(&config, 0, MSS);
    we_send(&p, 500);
    world_run(p.w, 7000000);
    assert_int_equal(status(&p).path_mtu, 1500);
    world_close(p.w);

    config.tcp.mtu_probing = AKSU_MTU_PROBING_OFF;
    p = joined(&config, 0, MSS);
    we_send(&p, MSS);
    world_run(p.w, 7000000);
    assert_int_equal(status(&p).path_mtu, 1500);
    world_close(p.w);
}

/* A connection that begins at the base, and 8 segments of it: the first is the probe, of 1,460 bytes. */
static struct peer probing(aksu_config *config, uint8_t options, uint32_t *ret_end) {
    config->tcp.mtu_probing = AKSU_MTU_PROBING_ALWAYS;
    config->tcp.nagle = 0;
    struct peer p = peer_open(config);
    p.options.present = (uint8_t)(AKSU_OPT_MSS | options);
    p.options.mss = MSS;
    peer_syn(&p);
    ack(&p, 1);
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    assert_int_equal(status(&p).path_mtu, 1200);
    *ret_end = MSS + 4 * 1160;
    we_send(&p, *ret_end);
    assert_int_equal(counted(&p).mtu_probes, 1);
    return p;
}

static void probe_that_arrives_raises_the_path_mtu(void **state) {
    (void)state;
    for (int sack = 0; sack < 2; sack++) {
        aksu_config config = plain_config();
        uint32_t end;
        struct peer p = probing(&config, with_and_without_sack[sack], &end);
        ack(&p, 1 + end);
        assert_int_equal(status(&p).path_mtu, 1500);
        assert_int_equal(status(&p).snd_mss, MSS);
        world_close(p.w);
    }
}

/* RFC 4821 s7.6.1: it goes again in segments that fit, and the window is what it was. */
static void probe_that_is_lost_is_no_congestion(void **state) {
    (void)state;
    for (int sack = 0; sack < 2; sack++) {
        aksu_config config = plain_config();
        uint32_t end;
        struct peer p = probing(&config, with_and_without_sack[sack], &end);
        uint32_t cwnd = status(&p).cwnd_bytes;
        for (uint32_t i = 1; i <= 4; i++) {
            if (sack)
                ack_with_gap(&p, 1, 1 + MSS, 1 + MSS + i * 1160);
            else
                ack(&p, 1);
        }
        world_run(p.w, 60000);
        aksu_tcp_info info = status(&p);
        assert_true(info.retransmitted_segments > 0);
        ack(&p, 1 + end);
        info = status(&p);
        assert_int_equal(info.snd_unacked_bytes, 0);
        assert_int_equal(info.path_mtu, 1200);
        assert_true(info.cwnd_bytes >= cwnd);
        assert_int_equal(info.ssthresh_bytes, UINT32_MAX);
        assert_int_equal(counted(&p).fast_retransmits, 0);
        assert_int_equal(counted(&p).rto_fired, 0);
        world_close(p.w);
    }
}

/* Three losses of the largest are its failure; then the middle of what is left. */
static void search_goes_on_in_the_middle_after_three_losses(void **state) {
    (void)state;
    aksu_config config = plain_config();
    uint32_t end;
    struct peer p = probing(&config, AKSU_OPT_SACK_PERMITTED, &end);
    uint32_t una = 1;
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(counted(&p).mtu_probes, i);
        ack_with_gap(&p, una, una + MSS, una + end);
        world_run(p.w, 60000);
        una += end;
        ack(&p, una);
        assert_int_equal(status(&p).path_mtu, 1200);
        world_run(p.w, 500000);
        p.w->first = p.w->seen_count = 0;
        we_send(&p, end);
    }
    assert_int_equal(counted(&p).mtu_probes, 4);
    assert_int_equal(p.w->seen[0].segment.payload_bytes, 1350 - 40);
    ack(&p, una + end);
    assert_int_equal(status(&p).path_mtu, 1350);
    world_close(p.w);
}

/* A link that becomes wider or narrower is heard of; what a router said of the path behind it stays true. */
static void link_mtu_leaves_a_narrower_path_as_it_is(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = joined(&config, 0, 500);
    aksu_stack *stack = p.w->stack[SERVER];
    assert_int_equal(aksu_link_mtu(stack, 0, 1400), AKSU_OK);
    assert_int_equal(status(&p).path_mtu, 1400);
    assert_int_equal(aksu_link_mtu(stack, 0, 1500), AKSU_OK);
    assert_int_equal(status(&p).path_mtu, 1500);
    we_send(&p, 2 * MSS);
    too_big(&p, 1000, 501);
    assert_int_equal(aksu_link_mtu(stack, 0, 1600), AKSU_OK);
    assert_int_equal(status(&p).path_mtu, 1000);
    assert_int_equal(aksu_link_mtu(stack, 0, 900), AKSU_OK);
    assert_int_equal(status(&p).path_mtu, 900);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_big_of_a_size_never_through_is_believed_at_once),
        cmocka_unit_test(too_big_of_what_was_small_is_forged),
        cmocka_unit_test(link_mtu_leaves_a_narrower_path_as_it_is),
        cmocka_unit_test(path_mtu_lowered_by_a_router_is_tried_again),
        cmocka_unit_test(too_big_of_what_arrives_changes_nothing),
        cmocka_unit_test(too_big_is_believed_after_a_forged_one),
        cmocka_unit_test(too_big_is_believed_when_what_it_quotes_times_out),
        cmocka_unit_test(too_big_is_believed_when_what_it_quotes_is_found_lost),
        cmocka_unit_test(too_big_is_forgotten_when_larger_ones_arrive),
        cmocka_unit_test(too_big_goes_no_lower_than_the_floor),
        cmocka_unit_test(too_big_in_a_long_flight_costs_a_bounded_number_of_steps),
        cmocka_unit_test(full_segments_that_time_out_lower_the_path_mtu),
        cmocka_unit_test(probe_that_arrives_raises_the_path_mtu),
        cmocka_unit_test(probe_that_is_lost_is_no_congestion),
        cmocka_unit_test(search_goes_on_in_the_middle_after_three_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
