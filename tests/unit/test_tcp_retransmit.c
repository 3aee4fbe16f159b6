/* Losses and what repairs them, as ladders: RFC 6298, RFC 5681, RFC 6582, RFC 3042, RFC 8985, RFC 2018. */
#include "tcp_ladder.h"

struct joined {
    struct tcp_world *w;
    aksu_sock sock[2];
    uint32_t first; /* the rung after the handshake */
};

static struct joined join(bool sack) {
    aksu_config config = world_config();
    config.tcp.sack = sack;
    config.tcp.timestamps = 0;
    config.tcp.delayed_ack_us = 0;
    config.tcp.mtu_probing = AKSU_MTU_PROBING_OFF; /* segments stay what they are, however often they are lost */
    struct joined j = {.w = world_open(&config)};
    aksu_sock listener = world_listen(j.w, 4, 0);
    j.sock[CLIENT] = world_connect(j.w);
    world_run(j.w, 10000);
    assert_int_equal(aksu_tcp_accept(j.w->stack[SERVER], listener, &j.sock[SERVER]), AKSU_OK);
    j.w->one_by_one = true;
    (void)world_events(j.w, CLIENT, NULL);
    j.first = j.w->seen_count;
    return j;
}

static void send_segments(const struct joined *j, uint32_t count) {
    static const uint8_t data[16 * 1460];
    size_t bytes;
    assert_int_equal(aksu_tcp_send(j->w->stack[CLIENT], j->sock[CLIENT], data, count * 1460u, 0, &bytes), AKSU_OK);
    assert_int_equal(bytes, count * 1460u);
}

/* One segment alone: nothing but the timer can tell.  RFC 6298 s5.4 to s5.6: at twice the distance each time, and no
 * round trip is taken from what was sent twice (MUST-18, MUST-19).
 * RFC6298-5-c */
static void only_segment_lost_comes_again_by_timeout(void **state) {
    (void)state;
    struct joined j = join(false);
    send_segments(&j, 1);
    j.w->lose = 3;
    world_run(j.w, 5000000);
    ladder_is(j.w, j.first, LADDER_TIMES,
              "  0.010 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "  0.210 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "  0.610 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "  1.410 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------> ESTABLISHED\n"
              "  1.410 ESTABLISHED  <- ACK 1 ack 1461 ----------------------- ESTABLISHED\n");
    world_close(j.w);
}

/* s3.8.3: R1 tells the application, R2 gives up (MUST-20, SHLD-9, SHLD-10, SHLD-11). */
static void peer_gone_retransmits_until_r2(void **state) {
    (void)state;
    struct joined j = join(false);
    j.w->lose = UINT32_MAX;
    send_segments(&j, 1);
    world_run(j.w, 1000000000);
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(j.w, CLIENT, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_TIMED_OUT);
    ladder_is(j.w, j.first, LADDER_TIMES,
              "  0.010 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "  0.210 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "  0.610 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "  1.410 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "  3.010 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "  6.211 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              " 12.611 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              " 25.413 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              " 51.015 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "102.220 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "162.220 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "222.220 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "282.220 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "342.220 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "402.220 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "462.220 ESTABLISHED  -- PSH,ACK 1..1461 ack 1 ---------------x\n"
              "522.220 CLOSED       -- RST,ACK 1461 ack 1 ------------------x\n");
    world_close(j.w);
}

/* RFC 5681 s3.2: three duplicate ACKs (MUST-19). */
static void first_of_five_lost_without_sack_comes_again_on_three_duplicates(void **state) {
    (void)state;
    struct joined j = join(false);
    send_segments(&j, 5);
    j.w->lose = 1;
    world_run(j.w, 150000);
    ladder_is(j.w, j.first, LADDER_TIMES,
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------x\n"
              "  0.010 ESTABLISHED  -- ACK 1461..2921 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 2921..4381 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 4381..5841 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- PSH,ACK 5841..7301 ack 1 ------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 7301 ----------------------- ESTABLISHED\n");
    world_close(j.w);
}

/* RFC 6582 s3.2 step 5: an ACK that goes half-way says what else is missing.
 * RFC5681-4.3-e */
static void two_of_eight_lost_without_sack_come_again_by_partial_ack(void **state) {
    (void)state;
    struct joined j = join(false);
    send_segments(&j, 8);
    j.w->lose_mask = 0x5; /* the first and the third */
    world_run(j.w, 150000);
    ladder_is(j.w, j.first, LADDER_TIMES,
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------x\n"
              "  0.010 ESTABLISHED  -- ACK 1461..2921 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 2921..4381 ack 1 ----------------x\n"
              "  0.010 ESTABLISHED  -- ACK 4381..5841 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 5841..7301 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 7301..8761 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 2921 ----------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 2921..4381 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 8761 ----------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 8761..10221 ack 1 ---------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 10221 ---------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- PSH,ACK 10221..11681 ack 1 ----------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 11681 ---------------------- ESTABLISHED\n");
    world_close(j.w);
}

/* RFC 8985: what was sent before something that has arrived, and a reordering window ago, is lost.
 * RFC8985-1-a */
static void two_of_eight_lost_with_sack_come_again_at_once(void **state) {
    (void)state;
    struct joined j = join(true);
    send_segments(&j, 8);
    j.w->one_by_one = false; /* all eight are in flight when the first ACK comes */
    j.w->lose_mask = 0x5;
    world_run(j.w, 150000);
    ladder_is(j.w, j.first, LADDER_TIMES,
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------x\n"
              "  0.010 ESTABLISHED  -- ACK 1461..2921 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 2921..4381 ack 1 ----------------x\n"
              "  0.010 ESTABLISHED  -- ACK 4381..5841 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 5841..7301 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 7301..8761 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 8761..10221 ack 1 ---------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- PSH,ACK 10221..11681 ack 1 ----------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 1 sack 4381..11681 sack 1461..2921 --- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 2921..4381 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 11681 ---------------------- ESTABLISHED\n");
    world_close(j.w);
}

/* RFC 8985 s7: the last segments have nothing behind them that could tell; a probe asks before the timer does. */
static void last_two_of_six_lost_come_again_by_tail_loss_probe(void **state) {
    (void)state;
    struct joined j = join(true);
    j.w->one_by_one = false;
    send_segments(&j, 6);
    j.w->lose_mask = 0x30;
    world_run(j.w, 150000);
    ladder_is(j.w, j.first, LADDER_TIMES,
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 1461..2921 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 2921..4381 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 4381..5841 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 5841..7301 ack 1 ----------------x\n"
              "  0.010 ESTABLISHED  -- PSH,ACK 7301..8761 ack 1 ------------x\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 5841 ----------------------- ESTABLISHED\n"
              "  0.012 ESTABLISHED  -- PSH,ACK 7301..8761 ack 1 ------------> ESTABLISHED\n"
              "  0.012 ESTABLISHED  <- ACK 1 ack 5841 sack 7301..8761 ------- ESTABLISHED\n"
              "  0.012 ESTABLISHED  -- ACK 5841..7301 ack 1 ----------------> ESTABLISHED\n"
              "  0.012 ESTABLISHED  <- ACK 1 ack 8761 ----------------------- ESTABLISHED\n");
    world_close(j.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_segment_lost_comes_again_by_timeout),
        cmocka_unit_test(peer_gone_retransmits_until_r2),
        cmocka_unit_test(first_of_five_lost_without_sack_comes_again_on_three_duplicates),
        cmocka_unit_test(two_of_eight_lost_without_sack_come_again_by_partial_ack),
        cmocka_unit_test(two_of_eight_lost_with_sack_come_again_at_once),
        cmocka_unit_test(last_two_of_six_lost_come_again_by_tail_loss_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
