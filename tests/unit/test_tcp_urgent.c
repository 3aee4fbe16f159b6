/* Urgent data, RFC 9293 s3.8.5, RFC 6093. */
#include "tcp_peer.h"

static struct peer joined(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = config.tcp.window_scale = 0;
    return peer_joined(&config);
}

static aksu_tcp_info status(struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info;
}

/* MUST-30, MUST-62: the pointer names the octet after the last urgent one. */
static void send_urgent_points_behind_it(void **state) {
    (void)state;
    struct peer p = joined();
    size_t bytes;
    assert_int_equal(aksu_tcp_send(p.w->stack[SERVER], p.sock, "normal", 6, AKSU_SEND_MORE, &bytes), AKSU_OK);
    assert_int_equal(aksu_tcp_send(p.w->stack[SERVER], p.sock, "urgent", 6, AKSU_SEND_URGENT, &bytes), AKSU_OK);
    world_run(p.w, 1000);
    assert_int_equal(aksu_tcp_send(p.w->stack[SERVER], p.sock, "again", 5, 0, &bytes), AKSU_OK);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 13});
    peer_ladder_is(&p, 0,
                   "             <- PSH,URG,ACK 1..13 ack 1 up 12 -------- ESTABLISHED\n"
                   "             -- ACK 1 ack 13 ------------------------> ESTABLISHED\n"
                   "             <- PSH,ACK 13..18 ack 1 ----------------- ESTABLISHED\n");
    world_close(p.w);
}

/* MUST-31: urgent data of any length: every segment of it is marked, the pointer is the same octet in each. */
static void send_urgent_long_marks_every_segment(void **state) {
    (void)state;
    struct peer p = joined();
    static const uint8_t data[1200];
    size_t bytes;
    assert_int_equal(aksu_tcp_send(p.w->stack[SERVER], p.sock, data, sizeof data, AKSU_SEND_URGENT, &bytes), AKSU_OK);
    world_run(p.w, 1000);
    peer_ladder_is(&p, 0,
                   "             <- URG,ACK 1..537 ack 1 up 1200 --------- ESTABLISHED\n"
                   "             <- URG,ACK 537..1073 ack 1 up 664 ------- ESTABLISHED\n"
                   "             <- PSH,URG,ACK 1073..1201 ack 1 up 128 --- ESTABLISHED\n");
    world_close(p.w);
}

/* MUST-32, MUST-33, U-2: told when a pointer comes where none was pending, and when it advances; how much is left. */
static void receive_urgent_tells_when_it_comes_and_advances(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p,
              (struct peer_segment){.flags = AKSU_TCP_ACK | AKSU_TCP_URG, .seq = 1, .ack = 1, .bytes = 10, .up = 5});
    assert_true(world_events(p.w, SERVER, NULL) & AKSU_EV_URGENT);
    assert_true(status(&p).urgent);
    assert_int_equal(status(&p).urgent_bytes, 5);
    /* The same again tells nothing; a later one does. */
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | AKSU_TCP_URG, .seq = 11, .ack = 1, .bytes = 1});
    assert_false(world_events(p.w, SERVER, NULL) & AKSU_EV_URGENT);
    peer_says(&p,
              (struct peer_segment){.flags = AKSU_TCP_ACK | AKSU_TCP_URG, .seq = 12, .ack = 1, .bytes = 8, .up = 20});
    assert_true(world_events(p.w, SERVER, NULL) & AKSU_EV_URGENT);
    assert_int_equal(status(&p).urgent_bytes, 31 - 0);
    uint8_t buf[64];
    size_t got = 0, bytes;
    while (aksu_tcp_recv(p.w->stack[SERVER], p.sock, buf, sizeof buf, &bytes) == AKSU_OK) got += bytes;
    assert_int_equal(got, 19);
    assert_true(status(&p).urgent); /* some of it has not come */
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 20, .ack = 1, .bytes = 12});
    while (aksu_tcp_recv(p.w->stack[SERVER], p.sock, buf, sizeof buf, &bytes) == AKSU_OK) got += bytes;
    assert_int_equal(got, 31);
    assert_false(status(&p).urgent);
    world_close(p.w);
}

/* The pointer alone, in a segment without text (s3.8.5: "when urgent data is known to be coming").  attack: 18 */
static void receive_urgent_pointer_alone_is_told(void **state) {
    (void)state;
    struct peer p = joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | AKSU_TCP_URG, .seq = 1, .ack = 1, .up = 100});
    assert_true(world_events(p.w, SERVER, NULL) & AKSU_EV_URGENT);
    assert_int_equal(status(&p).urgent_bytes, 100);
    world_close(p.w);
}

/* s3.8.5: a segment that goes again says again where the urgent data ends, for the first may have been the only one to
 * say so. */
static void send_urgent_again_still_points_behind_it(void **state) {
    (void)state;
    struct peer p = joined();
    size_t bytes;
    assert_int_equal(aksu_tcp_send(p.w->stack[SERVER], p.sock, "urgent", 6, AKSU_SEND_URGENT, &bytes), AKSU_OK);
    world_run(p.w, 250000);
    peer_ladder_is(&p, 0,
                   "             <- PSH,URG,ACK 1..7 ack 1 up 6 ---------- ESTABLISHED\n"
                   "             <- PSH,URG,ACK 1..7 ack 1 up 6 ---------- ESTABLISHED\n");
    world_close(p.w);
}

/* MUST-66, s3.8.5: the receiver takes URG from segments while its window is shut, so the pointer goes at once, without
 * text, and on each probe. */
static void send_urgent_into_a_shut_window_is_told_at_once(void **state) {
    (void)state;
    struct peer p = joined();
    p.wnd = 0;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    size_t bytes;
    assert_int_equal(aksu_tcp_send(p.w->stack[SERVER], p.sock, "urgent", 6, AKSU_SEND_URGENT, &bytes), AKSU_OK);
    world_run(p.w, 250000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    world_run(p.w, 450000);
    p.wnd = 100;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2});
    peer_ladder_is(&p, 0,
                   "             -- ACK 1 ack 1 -------------------------> ESTABLISHED\n"
                   "             <- URG,ACK 1 ack 1 up 6 ----------------- ESTABLISHED\n"
                   "             <- URG,ACK 1..2 ack 1 up 6 -------------- ESTABLISHED\n"
                   "             -- ACK 1 ack 1 -------------------------> ESTABLISHED\n"
                   "             <- URG,ACK 1..2 ack 1 up 6 -------------- ESTABLISHED\n"
                   "             -- ACK 1 ack 1 -------------------------> ESTABLISHED\n"
                   "             <- URG,ACK 1..2 ack 1 up 6 -------------- ESTABLISHED\n"
                   "             -- ACK 1 ack 2 -------------------------> ESTABLISHED\n"
                   "             <- PSH,URG,ACK 2..7 ack 1 up 5 ---------- ESTABLISHED\n");
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_urgent_points_behind_it),
        cmocka_unit_test(send_urgent_long_marks_every_segment),
        cmocka_unit_test(receive_urgent_tells_when_it_comes_and_advances),
        cmocka_unit_test(receive_urgent_pointer_alone_is_told),
        cmocka_unit_test(send_urgent_again_still_points_behind_it),
        cmocka_unit_test(send_urgent_into_a_shut_window_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
