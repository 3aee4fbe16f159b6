/* Opening a connection, RFC 9293 s3.5, as ladders. */
#include "tcp_ladder.h"

static aksu_sock accepted(struct tcp_world *w, aksu_sock listener) {
    aksu_sock sock;
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &sock), AKSU_OK);
    return sock;
}

/* s3.5, figure 6. */
static void connect_listener_there_establishes_in_three_segments(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 4, 0);
    aksu_sock client = world_connect(w);
    world_run(w, 1000000);
    ladder_is(w, 0, LADDER_OPTIONS,
              "SYN-SENT     -- SYN 0 mss 1460 sackOK ts ws 7 -------> SYN-RECEIVED\n"
              "ESTABLISHED  <- SYN,ACK 0 ack 1 mss 1460 sackOK ts ws 7 --- SYN-RECEIVED\n"
              "ESTABLISHED  -- ACK 1 ack 1 ts ----------------------> ESTABLISHED\n");
    assert_int_equal(world_state(w, SERVER, accepted(w, listener)), AK_TCP_ESTABLISHED);
    assert_int_equal(world_state(w, CLIENT, client), AK_TCP_ESTABLISHED);
    assert_int_equal(world_events(w, CLIENT, NULL), AKSU_EV_CONNECTED | AKSU_EV_WRITABLE);
    world_close(w);
}

/* An option is used only where both sides have sent it: RFC 7323 s2.2, s3.2, RFC 2018 s2; MSS always is (SHLD-5). */
static void connect_without_options_agrees_on_none(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    (void)world_listen(w, 4, 0);
    aksu_tcp_settings plain = config.tcp;
    plain.timestamps = plain.window_scale = plain.sack = 0;
    aksu_tcp_open open = {
        .struct_bytes = sizeof open, .remote = {.addr = world_addr(SERVER), .port = 80}, .settings = &plain};
    aksu_sock client;
    assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &open, &client), AKSU_OK);
    world_run(w, 1000000);
    ladder_is(w, 0, LADDER_OPTIONS,
              "SYN-SENT     -- SYN 0 mss 1460 ----------------------> SYN-RECEIVED\n"
              "ESTABLISHED  <- SYN,ACK 0 ack 1 mss 1460 ------------- SYN-RECEIVED\n"
              "ESTABLISHED  -- ACK 1 ack 1 -------------------------> ESTABLISHED\n");
    world_close(w);
}

/* s3.10.7.1: nobody listens. */
static void connect_nobody_listens_is_refused(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock client = world_connect(w);
    world_run(w, 1000000);
    ladder_is(w, 0, 0,
              "SYN-SENT     -- SYN 0 -------------------------------! CLOSED\n"
              "CLOSED       <- RST,ACK 0 ack 1 ---------------------- CLOSED\n");
    aksu_reason reason = AKSU_REASON_NONE;
    assert_int_equal(world_events(w, CLIENT, &reason), AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_REFUSED);
    assert_int_equal(world_state(w, CLIENT, client), AK_TCP_CLOSED);
    world_close(w);
}

/* s3.5, figure 8: both open at once (MUST-10). */
static void connect_both_at_once_makes_one_connection(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock sock[2];
    for (int side = 0; side < 2; side++) {
        aksu_tcp_open open = {
            .struct_bytes = sizeof open, .local = {.port = 7000}, .remote = {.addr = world_addr(!side), .port = 7000}};
        assert_int_equal(aksu_tcp_connect(w->stack[side], &open, &sock[side]), AKSU_OK);
    }
    /* The SYNs cross: each side has sent before it hears of the other. */
    aksu_frame frame[2][8];
    size_t count[2];
    for (int side = 0; side < 2; side++) {
        count[side] = aksu_output(w->stack[side], w->now_us, frame[side], 8);
        assert_int_equal(count[side], 1);
        frame[side][0].link = 0;
    }
    for (int side = 0; side < 2; side++) aksu_input(w->stack[!side], w->now_us, frame[side], 1);
    world_run(w, 1000000);
    ladder_is(w, 0, LADDER_TIMES,
              "  0.000 SYN-SENT     -- SYN 0 -------------------------------> SYN-RECEIVED\n"
              "  0.000 SYN-RECEIVED <- SYN 0 -------------------------------- SYN-SENT\n"
              "  0.000 SYN-RECEIVED -- SYN,ACK 0 ack 1 ---------------------> ESTABLISHED\n"
              "  0.000 ESTABLISHED  <- ACK 1 ack 1 -------------------------- ESTABLISHED\n");
    for (int side = 0; side < 2; side++) assert_int_equal(world_state(w, side, sock[side]), AK_TCP_ESTABLISHED);
    world_close(w);
}

/* RFC 6298 s2, s5: 1 s, then twice that; MUST-22, U-1.
 * RFC6298-2-a, RFC6298-5-c */
static void connect_syn_lost_twice_sends_it_again_after_1_and_2_seconds(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    (void)world_listen(w, 4, 0);
    (void)world_connect(w);
    w->lose = 2;
    world_run(w, 5000000);
    ladder_is(w, 0, LADDER_TIMES,
              "  0.000 SYN-SENT     -- SYN 0 -------------------------------x\n"
              "  1.000 SYN-SENT     -- SYN 0 -------------------------------x\n"
              "  3.000 SYN-SENT     -- SYN 0 -------------------------------> SYN-RECEIVED\n"
              "  3.000 ESTABLISHED  <- SYN,ACK 0 ack 1 ---------------------- SYN-RECEIVED\n"
              "  3.000 ESTABLISHED  -- ACK 1 ack 1 -------------------------> ESTABLISHED\n");
    world_close(w);
}

/* The SYN,ACK is lost: the client's SYN or the listener's timer, whichever is first, brings it again. */
static void connect_syn_ack_lost_sends_it_again(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    (void)world_listen(w, 4, 0);
    (void)world_connect(w);
    assert_true(world_carry(w, CLIENT));
    w->lose = 1;
    world_run(w, 5000000);
    ladder_is(w, 0, LADDER_TIMES,
              "  0.000 SYN-SENT     -- SYN 0 -------------------------------> SYN-RECEIVED\n"
              "  0.000              x- SYN,ACK 0 ack 1 ---------------------- SYN-RECEIVED\n"
              "  1.000 SYN-SENT     -- SYN 0 -------------------------------> SYN-RECEIVED\n"
              "  1.000 ESTABLISHED  <- SYN,ACK 0 ack 1 ---------------------- SYN-RECEIVED\n"
              "  1.000 ESTABLISHED  -- ACK 1 ack 1 -------------------------> ESTABLISHED\n");
    world_close(w);
}

/* MUST-22, MUST-23: given up after R2, which for a SYN is at least three minutes. */
static void connect_peer_silent_gives_up_after_three_minutes(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    w->lose = UINT32_MAX;
    (void)world_connect(w);
    world_run(w, 400000000);
    ladder_is(w, 0, LADDER_TIMES,
              "  0.000 SYN-SENT     -- SYN 0 -------------------------------x\n"
              "  1.000 SYN-SENT     -- SYN 0 -------------------------------x\n"
              "  3.000 SYN-SENT     -- SYN 0 -------------------------------x\n"
              "  7.000 SYN-SENT     -- SYN 0 -------------------------------x\n"
              " 15.000 SYN-SENT     -- SYN 0 -------------------------------x\n"
              " 31.000 SYN-SENT     -- SYN 0 -------------------------------x\n"
              " 63.000 SYN-SENT     -- SYN 0 -------------------------------x\n"
              "123.000 SYN-SENT     -- SYN 0 -------------------------------x\n");
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(w, CLIENT, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_TIMED_OUT);
    world_close(w);
}

/* U-4: what was queued while opening rides with the ACK that ends the handshake. */
static void connect_with_data_queued_sends_it_with_the_third_segment(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    (void)world_listen(w, 4, 0);
    aksu_sock client = world_connect(w);
    size_t bytes;
    assert_int_equal(aksu_tcp_send(w->stack[CLIENT], client, "hello", 5, 0, &bytes), AKSU_OK);
    world_run(w, 10000);
    ladder_is(w, 0, 0,
              "SYN-SENT     -- SYN 0 -------------------------------> SYN-RECEIVED\n"
              "ESTABLISHED  <- SYN,ACK 0 ack 1 ---------------------- SYN-RECEIVED\n"
              "ESTABLISHED  -- PSH,ACK 1..6 ack 1 ------------------> ESTABLISHED\n");
    world_close(w);
}

/* s3.10.4: CLOSE in SYN-SENT deletes the block; the SYN,ACK that comes then meets nobody. */
static void close_syn_sent_answers_the_syn_ack_with_a_reset(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    (void)world_listen(w, 4, 0);
    aksu_sock client = world_connect(w);
    assert_true(world_carry(w, CLIENT));
    assert_int_equal(aksu_tcp_close(w->stack[CLIENT], client), AKSU_OK);
    world_run(w, 10000);
    ladder_is(w, 0, 0,
              "SYN-SENT     -- SYN 0 -------------------------------> SYN-RECEIVED\n"
              "CLOSED       !- SYN,ACK 0 ack 1 ---------------------- SYN-RECEIVED\n"
              "CLOSED       -- RST 1 -------------------------------> LISTEN\n");
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[CLIENT], client, &info), AKSU_ERR_BADSOCK);
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_listener_there_establishes_in_three_segments),
        cmocka_unit_test(connect_without_options_agrees_on_none),
        cmocka_unit_test(connect_nobody_listens_is_refused),
        cmocka_unit_test(connect_both_at_once_makes_one_connection),
        cmocka_unit_test(connect_syn_lost_twice_sends_it_again_after_1_and_2_seconds),
        cmocka_unit_test(connect_syn_ack_lost_sends_it_again),
        cmocka_unit_test(connect_peer_silent_gives_up_after_three_minutes),
        cmocka_unit_test(connect_with_data_queued_sends_it_with_the_third_segment),
        cmocka_unit_test(close_syn_sent_answers_the_syn_ack_with_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
