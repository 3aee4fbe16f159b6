/* Whether the peer is still there: keep-alive (RFC 9293 s3.8.4), user timeout (s3.8.3, RFC 5482), orphans. */
#include "tcp_peer.h"

static aksu_config plain_config(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = config.tcp.sack = config.tcp.window_scale = 0;
    return config;
}

static void set(struct peer *p, aksu_tcp_setting setting, uint64_t value) {
    assert_int_equal(aksu_tcp_set(p->w->stack[SERVER], p->sock, setting, value), AKSU_OK);
}

/* MUST-24, MUST-25, MUST-27, MUST-28, MAY-5: off, two hours, per connection, settable. */
static void keepalive_default_is_off_and_two_hours(void **state) {
    (void)state;
    const aksu_tcp_setting_info_t *on = aksu_tcp_setting_info(AKSU_TCP_KEEPALIVE);
    const aksu_tcp_setting_info_t *idle = aksu_tcp_setting_info(AKSU_TCP_KEEPALIVE_IDLE_US);
    assert_int_equal(on->def, 0);
    assert_true(idle->def >= 7200000000u);
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    world_run(p.w, 86400000000u);
    peer_ladder_is(&p, 0, "");
    set(&p, AKSU_TCP_KEEPALIVE, 1);
    world_run(p.w, 1000);
    set(&p, AKSU_TCP_KEEPALIVE, 0);
    world_run(p.w, 86400000000u);
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_ESTABLISHED);
    world_close(p.w);
}

/* MUST-26, MUST-29, SHLD-12: after the idle time, one byte below SND.NXT, no data, and several before giving up. */
static void keepalive_peer_silent_gives_up_after_several_probes(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_KEEPALIVE, 1);
    set(&p, AKSU_TCP_KEEPALIVE_IDLE_US, 10000000);
    set(&p, AKSU_TCP_KEEPALIVE_INTERVAL_US, 1000000);
    set(&p, AKSU_TCP_KEEPALIVE_COUNT, 3);
    world_run(p.w, 30000000);
    peer_ladder_is(&p, LADDER_TIMES,
                   " 10.001              <- ACK 0 ack 1 -------------------------- ESTABLISHED\n"
                   " 11.001              <- ACK 0 ack 1 -------------------------- ESTABLISHED\n"
                   " 12.002              <- ACK 0 ack 1 -------------------------- ESTABLISHED\n"
                   " 13.002              <- RST,ACK 1 ack 1 ---------------------- CLOSED\n");
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(p.w, SERVER, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_KEEPALIVE);
    world_close(p.w);
}

/* MUST-26: an answer, or anything else that comes, begins the idle time anew. */
static void keepalive_peer_answers_keeps_the_connection(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_KEEPALIVE, 1);
    set(&p, AKSU_TCP_KEEPALIVE_IDLE_US, 10000000);
    set(&p, AKSU_TCP_KEEPALIVE_INTERVAL_US, 1000000);
    set(&p, AKSU_TCP_KEEPALIVE_COUNT, 2);
    world_run(p.w, 10100000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    world_run(p.w, 10100000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    world_run(p.w, 5000000);
    peer_ladder_is(&p, LADDER_TIMES,
                   " 10.001              <- ACK 0 ack 1 -------------------------- ESTABLISHED\n"
                   " 10.102              -- ACK 1 ack 1 -------------------------> ESTABLISHED\n"
                   " 20.102              <- ACK 0 ack 1 -------------------------- ESTABLISHED\n"
                   " 20.203              -- ACK 1 ack 1 -------------------------> ESTABLISHED\n");
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_ESTABLISHED);
    world_close(p.w);
}

/* MUST-26: with data outstanding the retransmission timer asks, not keep-alive. */
static void keepalive_with_data_outstanding_does_not_probe(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_KEEPALIVE, 1);
    set(&p, AKSU_TCP_KEEPALIVE_IDLE_US, 1000000);
    set(&p, AKSU_TCP_KEEPALIVE_INTERVAL_US, 1000000);
    we_send(&p, 10);
    world_run(p.w, 3000000);
    peer_ladder_is(&p, LADDER_TIMES,
                   "  0.002              <- PSH,ACK 1..11 ack 1 ------------------ ESTABLISHED\n"
                   "  0.203              <- PSH,ACK 1..11 ack 1 ------------------ ESTABLISHED\n"
                   "  0.605              <- PSH,ACK 1..11 ack 1 ------------------ ESTABLISHED\n"
                   "  1.409              <- PSH,ACK 1..11 ack 1 ------------------ ESTABLISHED\n");
    world_close(p.w);
}

/* s3.8.4: what we answer to a peer's probe. */
static void keepalive_probe_comes_draws_an_ack(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 0, .ack = 1});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 0, .ack = 1, .bytes = 1});
    peer_ladder_is(&p, 0,
                   "             -- ACK 0 ack 1 -------------------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             -- ACK 0..1 ack 1 ----------------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n");
    world_close(p.w);
}

/* MUST-21, s3.10.8: the application's own limit. */
static void user_timeout_over_resets_and_tells(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_USER_TIMEOUT_US, 2000000);
    we_send(&p, 10);
    world_run(p.w, 10000000);
    peer_ladder_is(&p, LADDER_TIMES,
                   "  0.002              <- PSH,ACK 1..11 ack 1 ------------------ ESTABLISHED\n"
                   "  0.203              <- PSH,ACK 1..11 ack 1 ------------------ ESTABLISHED\n"
                   "  0.605              <- PSH,ACK 1..11 ack 1 ------------------ ESTABLISHED\n"
                   "  1.409              <- PSH,ACK 1..11 ack 1 ------------------ ESTABLISHED\n"
                   "  2.002              <- RST,ACK 11 ack 1 --------------------- CLOSED\n");
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(p.w, SERVER, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_USER_TIMEOUT);
    world_close(p.w);
}

/* RFC 5482 s3.1: the peer asks for longer, and is heeded where the application allows it. */
static void user_timeout_option_longer_is_heeded(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_USER_TIMEOUT_US, 2000000);
    set(&p, AKSU_TCP_USER_TIMEOUT_OPTION, 1);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_USER_TIMEOUT, .user_timeout = 150};
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    we_send(&p, 10);
    world_run(p.w, 149000000);
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_ESTABLISHED);
    world_run(p.w, 2000000);
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_CLOSED);
    world_close(p.w);
}

/* A released connection waits for the peer's FIN a bounded time only; what comes later meets nobody. */
static void orphan_in_fin_wait_2_ends_after_its_time(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_FIN_WAIT_2_US, 5000000);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 1000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2});
    world_run(p.w, 6000000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | AKSU_TCP_FIN, .seq = 1, .ack = 2});
    peer_ladder_is(&p, LADDER_TIMES,
                   "  0.002              <- FIN,ACK 1 ack 1 ---------------------- FIN-WAIT-1\n"
                   "  0.003              -- ACK 1 ack 2 -------------------------> FIN-WAIT-2\n"
                   "  6.004              -- FIN,ACK 1 ack 2 ---------------------! LISTEN\n"
                   "  6.004              <- RST 2 -------------------------------- CLOSED\n");
    aksu_counters counters;
    aksu_counters_get(p.w->stack[SERVER], &counters);
    assert_int_equal(counters.tcp_used, 0);
    world_close(p.w);
}

/* A half-closed connection that the application still holds may wait for ever. */
static void half_closed_in_fin_wait_2_stays(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_FIN_WAIT_2_US, 5000000);
    assert_int_equal(aksu_tcp_shutdown(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 1000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2});
    world_run(p.w, 1000000000);
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_FIN_WAIT_2);
    world_close(p.w);
}

/* An orphan whose FIN nobody acknowledges gives up by its own count. */
static void orphan_peer_silent_gives_up(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_ORPHAN_RETRIES, 2);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 10000000);
    peer_ladder_is(&p, LADDER_TIMES,
                   "  0.002              <- FIN,ACK 1 ack 1 ---------------------- FIN-WAIT-1\n"
                   "  0.203              <- FIN,ACK 1 ack 1 ---------------------- FIN-WAIT-1\n"
                   "  0.605              <- FIN,ACK 1 ack 1 ---------------------- FIN-WAIT-1\n"
                   "  1.409              <- RST,ACK 2 ack 1 ---------------------- CLOSED\n");
    aksu_counters counters;
    aksu_counters_get(p.w->stack[SERVER], &counters);
    assert_int_equal(counters.tcp_used, 0);
    world_close(p.w);
}

/* close() with LINGER and no time left is an abort; with time, the data gets that long. */
static void linger_over_with_data_unacknowledged_resets(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_LINGER, 1);
    set(&p, AKSU_TCP_LINGER_US, 1000000);
    we_send(&p, 10);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 3000000);
    peer_ladder_is(&p, LADDER_TIMES,
                   "  0.002              <- PSH,ACK 1..11 ack 1 ------------------ ESTABLISHED\n"
                   "  0.003              <- FIN,ACK 11 ack 1 --------------------- FIN-WAIT-1\n"
                   "  0.203              <- FIN,PSH,ACK 1..11 ack 1 -------------- FIN-WAIT-1\n"
                   "  0.605              <- FIN,PSH,ACK 1..11 ack 1 -------------- FIN-WAIT-1\n"
                   "  1.003              <- RST,ACK 12 ack 1 --------------------- CLOSED\n");
    world_close(p.w);
}

static void linger_zero_close_is_an_abort(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_LINGER, 1);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 1000);
    peer_ladder_is(&p, 0, "             <- RST,ACK 1 ack 1 ---------------------- CLOSED\n");
    world_close(p.w);
}

/* s3.8.3: R2 in time instead of counts: a user timeout that is longer keeps the connection past the last count. */
static void user_timeout_longer_than_r2_is_what_ends_it(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_R2_RETRIES, 2);
    set(&p, AKSU_TCP_USER_TIMEOUT_US, 20000000);
    we_send(&p, 10);
    world_run(p.w, 19000000);
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_ESTABLISHED);
    world_run(p.w, 2000000);
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(p.w, SERVER, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_USER_TIMEOUT);
    world_close(p.w);
}

/* RFC 5482 s3.1: what a peer asks for counts for no less than 100 s (L_LIMIT), and 0 means nothing. */
static void user_timeout_option_short_or_zero_shortens_nothing(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    set(&p, AKSU_TCP_USER_TIMEOUT_OPTION, 1);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_USER_TIMEOUT, .user_timeout = 1};
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    p.options.user_timeout = 0;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    we_send(&p, 10);
    world_run(p.w, 99000000);
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_ESTABLISHED);
    world_run(p.w, 2000000);
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_CLOSED);
    world_close(p.w);
}

/* How often a segment of ours carried the option with this value, among those from the first-th on. */
static uint32_t times_told(const struct tcp_world *w, int from, uint32_t first, uint16_t value) {
    uint32_t count = 0;
    for (uint32_t i = first; i < w->seen_count; i++) {
        const aksu_tcp_options *o = &w->seen[i].segment.options;
        if (w->seen[i].from == from && (o->present & AKSU_OPT_USER_TIMEOUT)) count += o->user_timeout == value;
    }
    return count;
}

/* RFC 5482 s3: in the SYN and SYN,ACK, "in the first packet that does not have the SYN flag set", which is what a peer
 * hears that kept no state for the SYN, and when it changes; not again. */
static void user_timeout_is_told_by_both_ends(void **state) {
    (void)state;
    for (uint32_t cookies = 0; cookies < 2; cookies++) {
        aksu_config config = plain_config();
        config.tcp.user_timeout_option = 1;
        config.tcp.user_timeout_us = 150000000;
        if (cookies) config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
        struct tcp_world *w = world_open(&config);
        aksu_sock listener = world_listen(w, 4, 0), server, client = world_connect(w);
        size_t bytes;
        world_run(w, 1000000);
        assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
        assert_int_equal(times_told(w, CLIENT, 0, 150), 2);
        assert_int_equal(times_told(w, SERVER, 0, 150), 1);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(aksu_tcp_send(w->stack[SERVER], server, "x", 1, 0, &bytes), AKSU_OK);
            assert_int_equal(aksu_tcp_send(w->stack[CLIENT], client, "x", 1, 0, &bytes), AKSU_OK);
            world_run(w, 1000000);
        }
        assert_int_equal(times_told(w, CLIENT, 0, 150), 2);
        assert_int_equal(times_told(w, SERVER, 0, 150), 2);
        assert_int_equal(aksu_tcp_set(w->stack[SERVER], server, AKSU_TCP_USER_TIMEOUT_US, 200000000), AKSU_OK);
        assert_int_equal(aksu_tcp_send(w->stack[SERVER], server, "x", 1, 0, &bytes), AKSU_OK);
        world_run(w, 1000000);
        assert_int_equal(times_told(w, SERVER, 0, 200), 1);
        /* And heeded: with the server gone the client gives up after the longer time. */
        w->lose = UINT32_MAX;
        assert_int_equal(aksu_tcp_send(w->stack[CLIENT], client, "x", 1, 0, &bytes), AKSU_OK);
        world_run(w, 199000000);
        assert_int_equal(world_state(w, CLIENT, client), AK_TCP_ESTABLISHED);
        world_run(w, 2000000);
        assert_int_equal(world_state(w, CLIENT, client), AK_TCP_CLOSED);
        world_close(w);
    }
}

static uint64_t next_timer_us(struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info.timer_us;
}

/* The longest times that may be set are times ahead, and not behind. */
static void longest_times_are_not_over_at_once(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    world_run(p.w, 10 * 86400000000u);
    set(&p, AKSU_TCP_KEEPALIVE_IDLE_US, aksu_tcp_setting_info(AKSU_TCP_KEEPALIVE_IDLE_US)->max);
    set(&p, AKSU_TCP_KEEPALIVE, 1);
    assert_true(next_timer_us(&p) > 86400000000u);
    set(&p, AKSU_TCP_KEEPALIVE, 0);
    set(&p, AKSU_TCP_LINGER, 1);
    set(&p, AKSU_TCP_LINGER_US, aksu_tcp_setting_info(AKSU_TCP_LINGER_US)->max);
    set(&p, AKSU_TCP_FIN_WAIT_2_US, aksu_tcp_setting_info(AKSU_TCP_FIN_WAIT_2_US)->max);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 1000);
    assert_int_equal(world_sent(p.w, SERVER, AKSU_TCP_RST | AKSU_TCP_ACK), 0);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2});
    world_run(p.w, 86400000000u);
    aksu_counters counters;
    aksu_counters_get(p.w->stack[SERVER], &counters);
    assert_int_equal(counters.tcp_used, 1);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keepalive_default_is_off_and_two_hours),
        cmocka_unit_test(keepalive_peer_silent_gives_up_after_several_probes),
        cmocka_unit_test(keepalive_peer_answers_keeps_the_connection),
        cmocka_unit_test(keepalive_with_data_outstanding_does_not_probe),
        cmocka_unit_test(keepalive_probe_comes_draws_an_ack),
        cmocka_unit_test(user_timeout_over_resets_and_tells),
        cmocka_unit_test(user_timeout_option_longer_is_heeded),
        cmocka_unit_test(orphan_in_fin_wait_2_ends_after_its_time),
        cmocka_unit_test(half_closed_in_fin_wait_2_stays),
        cmocka_unit_test(orphan_peer_silent_gives_up),
        cmocka_unit_test(linger_over_with_data_unacknowledged_resets),
        cmocka_unit_test(linger_zero_close_is_an_abort),
        cmocka_unit_test(user_timeout_longer_than_r2_is_what_ends_it),
        cmocka_unit_test(user_timeout_option_short_or_zero_shortens_nothing),
        cmocka_unit_test(user_timeout_is_told_by_both_ends),
        cmocka_unit_test(longest_times_are_not_over_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
