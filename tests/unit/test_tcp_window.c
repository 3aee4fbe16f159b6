/* Windows, and when a segment or an acknowledgment goes, as ladders: RFC 9293 s3.7.4, s3.8.6. */
#include "tcp_ladder.h"

struct joined {
    struct tcp_world *w;
    aksu_sock sock[2];
    uint32_t first; /* the rung after the handshake */
};

static aksu_config plain_config(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = 0;
    return config;
}

static struct joined join(const aksu_config *config) {
    struct joined j = {.w = world_open(config)};
    aksu_sock listener = world_listen(j.w, 4, 0);
    j.sock[CLIENT] = world_connect(j.w);
    world_run(j.w, 10000);
    assert_int_equal(aksu_tcp_accept(j.w->stack[SERVER], listener, &j.sock[SERVER]), AKSU_OK);
    (void)world_events(j.w, CLIENT, NULL);
    j.first = j.w->seen_count;
    return j;
}

static void send_bytes(const struct joined *j, uint32_t count) {
    static const uint8_t data[65536];
    size_t bytes;
    assert_int_equal(aksu_tcp_send(j->w->stack[CLIENT], j->sock[CLIENT], data, count, 0, &bytes), AKSU_OK);
    assert_int_equal(bytes, count);
}

static size_t receive_bytes(const struct joined *j, size_t most) {
    static uint8_t data[65536];
    size_t bytes = 0;
    aksu_err err = aksu_tcp_recv(j->w->stack[SERVER], j->sock[SERVER], data, most, &bytes);
    assert_true(err == AKSU_OK || err == AKSU_ERR_AGAIN);
    return bytes;
}

/* s3.8.6.1: the first probe after one RTO, then at twice the distance each time (SHLD-29, SHLD-30), and it goes on as
 * long as they are answered (MUST-35, MUST-36, MUST-37, MAY-8). */
static void window_shut_is_probed_until_it_opens(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.rcv_buf_bytes = 4096;
    struct joined j = join(&config);
    send_bytes(&j, 6000);
    world_run(j.w, 7000000);
    assert_int_equal(receive_bytes(&j, 65536), 4096);
    world_run(j.w, 1000000);
    ladder_is(j.w, j.first, LADDER_TIMES | LADDER_WINDOWS,
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 win 4096 ----------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 1461..2921 ack 1 win 4096 -------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 2921 win 1176 -------------- ESTABLISHED\n"
              "  0.210 ESTABLISHED  -- ACK 2921..4097 ack 1 win 4096 -------> ESTABLISHED\n"
              "  0.250 ESTABLISHED  <- ACK 1 ack 4097 win 0 ----------------- ESTABLISHED\n"
              "  0.455 ESTABLISHED  -- ACK 4097..4098 ack 1 win 4096 -------! ESTABLISHED\n"
              "  0.455 ESTABLISHED  <- ACK 1 ack 4097 win 0 ----------------- ESTABLISHED\n"
              "  0.865 ESTABLISHED  -- ACK 4097..4098 ack 1 win 4096 -------! ESTABLISHED\n"
              "  0.865 ESTABLISHED  <- ACK 1 ack 4097 win 0 ----------------- ESTABLISHED\n"
              "  1.685 ESTABLISHED  -- ACK 4097..4098 ack 1 win 4096 -------! ESTABLISHED\n"
              "  1.685 ESTABLISHED  <- ACK 1 ack 4097 win 0 ----------------- ESTABLISHED\n"
              "  3.326 ESTABLISHED  -- ACK 4097..4098 ack 1 win 4096 -------! ESTABLISHED\n"
              "  3.326 ESTABLISHED  <- ACK 1 ack 4097 win 0 ----------------- ESTABLISHED\n"
              "  6.606 ESTABLISHED  -- ACK 4097..4098 ack 1 win 4096 -------! ESTABLISHED\n"
              "  6.606 ESTABLISHED  <- ACK 1 ack 4097 win 0 ----------------- ESTABLISHED\n"
              "  7.010 ESTABLISHED  <- ACK 1 ack 4097 win 4096 -------------- ESTABLISHED\n"
              "  7.010 ESTABLISHED  -- ACK 4097..4098 ack 1 win 4096 -------> ESTABLISHED\n"
              "  7.010 ESTABLISHED  -- ACK 4098..5558 ack 1 win 4096 -------> ESTABLISHED\n"
              "  7.010 ESTABLISHED  <- ACK 1 ack 5558 win 2635 -------------- ESTABLISHED\n"
              "  7.010 ESTABLISHED  -- PSH,ACK 5558..6001 ack 1 win 4096 ---> ESTABLISHED\n"
              "  7.050 ESTABLISHED  <- ACK 1 ack 6001 win 2192 -------------- ESTABLISHED\n");
    world_close(j.w);
}

/* s3.10.5 and s3.10.7.4: with a window probe out, SND.NXT is where the peer takes no reset. */
static void abort_with_the_window_shut_is_heard(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.rcv_buf_bytes = 4096;
    struct joined j = join(&config);
    send_bytes(&j, 6000);
    world_run(j.w, 500000);
    uint32_t before = j.w->seen_count;
    assert_int_equal(aksu_tcp_abort(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
    world_run(j.w, 1000);
    ladder_is(j.w, before, LADDER_WINDOWS, "CLOSED       -- RST,ACK 4097 ack 1 win 0 ------------> CLOSED\n");
    world_close(j.w);
}

/* The update that opens the window is lost: the next probe finds out. */
static void window_update_lost_is_found_by_the_probe(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.rcv_buf_bytes = 4096;
    struct joined j = join(&config);
    send_bytes(&j, 6000);
    world_run(j.w, 300000);
    j.w->lose = 1;
    assert_int_equal(receive_bytes(&j, 65536), 4096);
    world_run(j.w, 2000000);
    ladder_is(j.w, j.first, LADDER_TIMES | LADDER_WINDOWS,
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 win 4096 ----------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 1461..2921 ack 1 win 4096 -------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 2921 win 1176 -------------- ESTABLISHED\n"
              "  0.210 ESTABLISHED  -- ACK 2921..4097 ack 1 win 4096 -------> ESTABLISHED\n"
              "  0.250 ESTABLISHED  <- ACK 1 ack 4097 win 0 ----------------- ESTABLISHED\n"
              "  0.310              x- ACK 1 ack 4097 win 4096 -------------- ESTABLISHED\n"
              "  0.455 ESTABLISHED  -- ACK 4097..4098 ack 1 win 4096 -------> ESTABLISHED\n"
              "  0.495 ESTABLISHED  <- ACK 1 ack 4098 win 4095 -------------- ESTABLISHED\n"
              "  0.495 ESTABLISHED  -- ACK 4098..5558 ack 1 win 4096 -------> ESTABLISHED\n"
              "  0.495 ESTABLISHED  -- PSH,ACK 5558..6001 ack 1 win 4096 ---> ESTABLISHED\n"
              "  0.495 ESTABLISHED  <- ACK 1 ack 6001 win 2192 -------------- ESTABLISHED\n");
    world_close(j.w);
}

/* MUST-39: a window opens by a segment or half the buffer, or not at all. */
static void reader_takes_little_is_told_nothing_until_a_segment_fits(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.rcv_buf_bytes = 4096;
    struct joined j = join(&config);
    send_bytes(&j, 4096);
    world_run(j.w, 100000);
    uint32_t before = j.w->seen_count;
    for (int i = 0; i < 14; i++) {
        assert_int_equal(receive_bytes(&j, 100), 100);
        world_run(j.w, 1000);
    }
    assert_int_equal(j.w->seen_count, before); /* 1,400 bytes: less than a segment */
    assert_int_equal(receive_bytes(&j, 648), 648);
    world_run(j.w, 1000);
    ladder_is(j.w, before, LADDER_WINDOWS, "ESTABLISHED  <- ACK 1 ack 4097 win 2048 -------------- ESTABLISHED\n");
    world_close(j.w);
}

/* SHLD-14: what was promised stays promised, whatever becomes of the buffer.
 * RFC7323-2.4-b, RFC7323-2.4-c */
static void buffer_made_smaller_does_not_take_the_window_back(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.rcv_buf_bytes = 8192;
    struct joined j = join(&config);
    assert_int_equal(aksu_tcp_set(j.w->stack[SERVER], j.sock[SERVER], AKSU_TCP_RCV_BUF_BYTES, 1024), AKSU_OK);
    send_bytes(&j, 8192);
    world_run(j.w, 1000000);
    assert_int_equal(receive_bytes(&j, 65536), 8192);
    uint32_t edge = 0;
    for (uint32_t i = j.first; i < j.w->seen_count; i++) {
        const aksu_ev_segment *s = &j.w->seen[i].segment;
        if (j.w->seen[i].from != SERVER) continue;
        uint32_t said = s->ack + ((uint32_t)s->wnd << s->rcv_wscale);
        assert_true(edge == 0 || (int32_t)(said - edge) >= 0);
        edge = said;
    }
    world_close(j.w);
}

/* s3.8.6.3: every second full segment at once, a lone one after the delay (SHLD-18, SHLD-19, MUST-40).
 * RFC5681-4.2-a, RFC5681-4.2-c, RFC5681-4.2-d */
static void three_segments_draw_an_ack_for_two_and_a_late_one(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.quick_acks = 0;
    struct joined j = join(&config);
    j.w->one_by_one = true;
    send_bytes(&j, 3 * 1460);
    world_run(j.w, 100000);
    ladder_is(j.w, j.first, LADDER_TIMES,
              "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- ACK 1461..2921 ack 1 ----------------> ESTABLISHED\n"
              "  0.010 ESTABLISHED  <- ACK 1 ack 2921 ----------------------- ESTABLISHED\n"
              "  0.010 ESTABLISHED  -- PSH,ACK 2921..4381 ack 1 ------------> ESTABLISHED\n"
              "  0.050 ESTABLISHED  <- ACK 1 ack 4381 ----------------------- ESTABLISHED\n");
    world_close(j.w);
}

/* An answer carries the acknowledgment that was being delayed. */
static void answer_within_the_delay_carries_the_ack(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct joined j = join(&config);
    send_bytes(&j, 10);
    world_run(j.w, 5000);
    size_t bytes;
    assert_int_equal(receive_bytes(&j, 10), 10);
    assert_int_equal(aksu_tcp_send(j.w->stack[SERVER], j.sock[SERVER], "answer", 6, 0, &bytes), AKSU_OK);
    world_run(j.w, 100000);
    ladder_is(j.w, j.first, LADDER_TIMES,
              "  0.010 ESTABLISHED  -- PSH,ACK 1..11 ack 1 -----------------> ESTABLISHED\n"
              "  0.015 ESTABLISHED  <- PSH,ACK 1..7 ack 11 ------------------ ESTABLISHED\n"
              "  0.055 ESTABLISHED  -- ACK 11 ack 7 ------------------------> ESTABLISHED\n");
    world_close(j.w);
}

/* Segments that came in one batch are answered by one ACK (MUST-58, MUST-59).
 * RFC5681-4.2-i */
static void six_segments_in_one_batch_draw_one_ack(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct joined j = join(&config);
    send_bytes(&j, 6 * 1460);
    aksu_frame frames[8];
    size_t count = aksu_output(j.w->stack[CLIENT], j.w->now_us, frames, 8);
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) frames[i].link = 0;
    aksu_input(j.w->stack[SERVER], j.w->now_us, frames, count);
    world_run(j.w, 100000);
    ladder_is(j.w, j.first, 0,
              "ESTABLISHED  -- ACK 1..1461 ack 1 -------------------> ESTABLISHED\n"
              "ESTABLISHED  -- ACK 1461..2921 ack 1 ----------------> ESTABLISHED\n"
              "ESTABLISHED  -- ACK 2921..4381 ack 1 ----------------> ESTABLISHED\n"
              "ESTABLISHED  -- ACK 4381..5841 ack 1 ----------------> ESTABLISHED\n"
              "ESTABLISHED  -- ACK 5841..7301 ack 1 ----------------> ESTABLISHED\n"
              "ESTABLISHED  -- PSH,ACK 7301..8761 ack 1 ------------> ESTABLISHED\n"
              "ESTABLISHED  <- ACK 1 ack 8761 ----------------------- ESTABLISHED\n");
    world_close(j.w);
}

/* Three small writes, 1 ms apart, over a path whose ACKs come after 40 ms. */
static void three_small_writes(uint64_t nagle, const char *wanted) {
    aksu_config config = plain_config();
    config.tcp.nagle = nagle;
    struct joined j = join(&config);
    for (int i = 0; i < 3; i++) {
        send_bytes(&j, 100);
        world_run(j.w, 1000);
    }
    world_run(j.w, 200000);
    ladder_is(j.w, j.first, LADDER_TIMES, wanted);
    world_close(j.w);
}

/* s3.7.4, SHLD-7: a small segment waits while anything is unacknowledged. */
static void small_writes_with_nagle_go_in_two_segments(void **state) {
    (void)state;
    three_small_writes(1, "  0.010 ESTABLISHED  -- PSH,ACK 1..101 ack 1 ----------------> ESTABLISHED\n"
                          "  0.050 ESTABLISHED  <- ACK 1 ack 101 ------------------------ ESTABLISHED\n"
                          "  0.050 ESTABLISHED  -- PSH,ACK 101..301 ack 1 --------------> ESTABLISHED\n"
                          "  0.090 ESTABLISHED  <- ACK 1 ack 301 ------------------------ ESTABLISHED\n");
}

/* MUST-17. */
static void small_writes_without_nagle_go_at_once(void **state) {
    (void)state;
    three_small_writes(0, "  0.010 ESTABLISHED  -- PSH,ACK 1..101 ack 1 ----------------> ESTABLISHED\n"
                          "  0.011 ESTABLISHED  -- PSH,ACK 101..201 ack 1 --------------> ESTABLISHED\n"
                          "  0.011 ESTABLISHED  <- ACK 1 ack 201 ------------------------ ESTABLISHED\n"
                          "  0.012 ESTABLISHED  -- PSH,ACK 201..301 ack 1 --------------> ESTABLISHED\n"
                          "  0.052 ESTABLISHED  <- ACK 1 ack 301 ------------------------ ESTABLISHED\n");
}

/* A full segment in flight does not hold the small one behind it with Minshall's variant; with Nagle's it does. */
static void full_and_small_segment(uint64_t nagle, const char *wanted) {
    aksu_config config = plain_config();
    config.tcp.nagle = nagle;
    config.tcp.quick_acks = 0;
    struct joined j = join(&config);
    send_bytes(&j, 1460 + 100);
    world_run(j.w, 200000);
    ladder_is(j.w, j.first, LADDER_TIMES, wanted);
    world_close(j.w);
}

static void tail_behind_a_full_segment_waits_with_nagle(void **state) {
    (void)state;
    full_and_small_segment(1, "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------> ESTABLISHED\n"
                              "  0.050 ESTABLISHED  <- ACK 1 ack 1461 ----------------------- ESTABLISHED\n"
                              "  0.050 ESTABLISHED  -- PSH,ACK 1461..1561 ack 1 ------------> ESTABLISHED\n"
                              "  0.090 ESTABLISHED  <- ACK 1 ack 1561 ----------------------- ESTABLISHED\n");
}

static void tail_behind_a_full_segment_goes_with_minshall(void **state) {
    (void)state;
    full_and_small_segment(2, "  0.010 ESTABLISHED  -- ACK 1..1461 ack 1 -------------------> ESTABLISHED\n"
                              "  0.010 ESTABLISHED  -- PSH,ACK 1461..1561 ack 1 ------------> ESTABLISHED\n"
                              "  0.010 ESTABLISHED  <- ACK 1 ack 1561 ----------------------- ESTABLISHED\n");
}

/* A buffer made larger is told to a peer that the smaller one has stopped. */
static void buffer_made_larger_opens_a_shut_window(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.rcv_buf_bytes = 2000;
    struct joined j = join(&config);
    send_bytes(&j, 4000);
    world_run(j.w, 100000);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(j.w->stack[CLIENT], j.sock[CLIENT], &info), AKSU_OK);
    assert_int_equal(info.snd_wnd, 2000 - 1460); /* too little for the next segment */
    assert_int_equal(aksu_tcp_set(j.w->stack[SERVER], j.sock[SERVER], AKSU_TCP_RCV_BUF_BYTES, 20000), AKSU_OK);
    world_run(j.w, 1000);
    assert_int_equal(aksu_tcp_status(j.w->stack[CLIENT], j.sock[CLIENT], &info), AKSU_OK);
    assert_true(info.snd_wnd > 10000);
    world_close(j.w);
}

/* A low-water mark above the buffer means an empty buffer. */
static void send_low_water_mark_above_the_buffer_is_told_when_it_is_empty(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.snd_buf_bytes = 2000;
    config.tcp.snd_lowat_bytes = 3000;
    struct joined j = join(&config);
    uint32_t bits;
    send_bytes(&j, 2000);
    size_t bytes;
    assert_int_equal(aksu_tcp_send(j.w->stack[CLIENT], j.sock[CLIENT], "x", 1, 0, &bytes), AKSU_ERR_AGAIN);
    assert_int_equal(aksu_poll(j.w->stack[CLIENT], j.sock[CLIENT], &bits), AKSU_OK);
    assert_false(bits & AKSU_EV_WRITABLE);
    world_run(j.w, 100000);
    assert_true(world_events(j.w, CLIENT, NULL) & AKSU_EV_WRITABLE);
    assert_int_equal(aksu_poll(j.w->stack[CLIENT], j.sock[CLIENT], &bits), AKSU_OK);
    assert_true(bits & AKSU_EV_WRITABLE);
    world_close(j.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_shut_is_probed_until_it_opens),
        cmocka_unit_test(abort_with_the_window_shut_is_heard),
        cmocka_unit_test(window_update_lost_is_found_by_the_probe),
        cmocka_unit_test(reader_takes_little_is_told_nothing_until_a_segment_fits),
        cmocka_unit_test(buffer_made_smaller_does_not_take_the_window_back),
        cmocka_unit_test(three_segments_draw_an_ack_for_two_and_a_late_one),
        cmocka_unit_test(answer_within_the_delay_carries_the_ack),
        cmocka_unit_test(six_segments_in_one_batch_draw_one_ack),
        cmocka_unit_test(small_writes_with_nagle_go_in_two_segments),
        cmocka_unit_test(small_writes_without_nagle_go_at_once),
        cmocka_unit_test(tail_behind_a_full_segment_waits_with_nagle),
        cmocka_unit_test(tail_behind_a_full_segment_goes_with_minshall),
        cmocka_unit_test(buffer_made_larger_opens_a_shut_window),
        cmocka_unit_test(send_low_water_mark_above_the_buffer_is_told_when_it_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
