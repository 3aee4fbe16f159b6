/* Closing a connection, RFC 9293 s3.6, and resetting one, s3.5.2, as ladders. */
#include "tcp_ladder.h"

struct joined {
    struct tcp_world *w;
    aksu_sock listener, sock[2];
    uint32_t first; /* the rung after the handshake */
};

static struct joined join_with(const aksu_config *config) {
    struct joined j = {.w = world_open(config)};
    j.listener = world_listen(j.w, 4, 0);
    j.sock[CLIENT] = world_connect(j.w);
    world_run(j.w, 10000);
    assert_int_equal(aksu_tcp_accept(j.w->stack[SERVER], j.listener, &j.sock[SERVER]), AKSU_OK);
    (void)world_events(j.w, CLIENT, NULL);
    (void)world_events(j.w, SERVER, NULL);
    j.first = j.w->seen_count;
    return j;
}

static struct joined join(void) {
    aksu_config config = world_config();
    return join_with(&config);
}

static void send_text(const struct joined *j, int side, const char *text) {
    size_t bytes;
    assert_int_equal(aksu_tcp_send(j->w->stack[side], j->sock[side], text, strlen(text), 0, &bytes), AKSU_OK);
    assert_int_equal(bytes, strlen(text));
}

/* s3.6, figure 12. */
static void close_one_side_then_the_other_takes_four_segments(void **state) {
    (void)state;
    struct joined j = join();
    assert_int_equal(aksu_tcp_close(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
    world_run(j.w, 10000);
    aksu_reason reason;
    assert_int_equal(world_events(j.w, SERVER, &reason), AKSU_EV_PEER_CLOSED | AKSU_EV_READABLE);
    assert_int_equal(aksu_tcp_close(j.w->stack[SERVER], j.sock[SERVER]), AKSU_OK);
    world_run(j.w, 10000);
    ladder_is(j.w, j.first, 0,
              "FIN-WAIT-1   -- FIN,ACK 1 ack 1 ---------------------> CLOSE-WAIT\n"
              "FIN-WAIT-2   <- ACK 1 ack 2 -------------------------- CLOSE-WAIT\n"
              "TIME-WAIT    <- FIN,ACK 1 ack 2 ---------------------- LAST-ACK\n"
              "TIME-WAIT    -- ACK 2 ack 2 -------------------------> CLOSED\n");
    world_close(j.w);
}

/* The FIN of the side that closes second rides on its ACK. */
static void close_both_in_one_batch_takes_three_segments(void **state) {
    (void)state;
    struct joined j = join();
    assert_int_equal(aksu_tcp_close(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
    assert_true(world_carry(j.w, CLIENT));
    assert_int_equal(aksu_tcp_close(j.w->stack[SERVER], j.sock[SERVER]), AKSU_OK);
    world_run(j.w, 10000);
    ladder_is(j.w, j.first, 0,
              "FIN-WAIT-1   -- FIN,ACK 1 ack 1 ---------------------> CLOSE-WAIT\n"
              "TIME-WAIT    <- FIN,ACK 1 ack 2 ---------------------- LAST-ACK\n"
              "TIME-WAIT    -- ACK 2 ack 2 -------------------------> CLOSED\n");
    world_close(j.w);
}

/* s3.6, figure 13. */
static void close_both_at_once_goes_through_closing(void **state) {
    (void)state;
    struct joined j = join();
    aksu_frame frame[2][8];
    for (int side = 0; side < 2; side++) {
        assert_int_equal(aksu_tcp_close(j.w->stack[side], j.sock[side]), AKSU_OK);
        assert_int_equal(aksu_output(j.w->stack[side], j.w->now_us, frame[side], 8), 1);
        frame[side][0].link = 0;
    }
    for (int side = 0; side < 2; side++) aksu_input(j.w->stack[!side], j.w->now_us, frame[side], 1);
    world_run(j.w, 10000);
    ladder_is(j.w, j.first, 0,
              "FIN-WAIT-1   -- FIN,ACK 1 ack 1 ---------------------> CLOSING\n"
              "CLOSING      <- FIN,ACK 1 ack 1 ---------------------- FIN-WAIT-1\n"
              "CLOSING      -- ACK 2 ack 2 -------------------------> TIME-WAIT\n"
              "TIME-WAIT    <- ACK 2 ack 2 -------------------------- TIME-WAIT\n");
    world_close(j.w);
}

/* s3.6: "a user who CLOSEs may continue to RECEIVE", until the peer has closed too: MUST-12, an orderly end. */
static void shutdown_one_side_goes_on_receiving(void **state) {
    (void)state;
    struct joined j = join();
    send_text(&j, CLIENT, "question");
    assert_int_equal(aksu_tcp_shutdown(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
    world_run(j.w, 100000);
    send_text(&j, SERVER, "answer");
    world_run(j.w, 100000);
    char buf[16];
    size_t bytes;
    assert_int_equal(aksu_tcp_recv(j.w->stack[CLIENT], j.sock[CLIENT], buf, sizeof buf, &bytes), AKSU_OK);
    assert_int_equal(bytes, 6);
    assert_int_equal(aksu_tcp_send(j.w->stack[CLIENT], j.sock[CLIENT], "x", 1, 0, &bytes), AKSU_ERR_CLOSING);
    assert_int_equal(aksu_tcp_shutdown(j.w->stack[SERVER], j.sock[SERVER]), AKSU_OK);
    world_run(j.w, 100000);
    ladder_is(j.w, j.first, 0,
              "FIN-WAIT-1   -- FIN,PSH,ACK 1..9 ack 1 --------------> CLOSE-WAIT\n"
              "FIN-WAIT-2   <- ACK 1 ack 10 ------------------------- CLOSE-WAIT\n"
              "FIN-WAIT-2   <- PSH,ACK 1..7 ack 10 ------------------ CLOSE-WAIT\n"
              "FIN-WAIT-2   -- ACK 10 ack 7 ------------------------> CLOSE-WAIT\n"
              "TIME-WAIT    <- FIN,ACK 7 ack 10 --------------------- LAST-ACK\n"
              "TIME-WAIT    -- ACK 10 ack 8 ------------------------> CLOSED\n");
    assert_int_equal(aksu_tcp_recv(j.w->stack[CLIENT], j.sock[CLIENT], buf, sizeof buf, &bytes), AKSU_ERR_END);
    world_close(j.w);
}

/* s3.10.5: ABORT; the other side hears that this was no orderly end (MUST-12). */
static void abort_established_sends_a_reset(void **state) {
    (void)state;
    struct joined j = join();
    assert_int_equal(aksu_tcp_abort(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
    world_run(j.w, 10000);
    ladder_is(j.w, j.first, 0, "CLOSED       -- RST,ACK 1 ack 1 ---------------------> CLOSED\n");
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(j.w, SERVER, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_RESET);
    world_close(j.w);
}

/* SHLD-3, MAY-1: what nobody will read is not silently lost. */
static void close_with_unread_data_sends_a_reset(void **state) {
    (void)state;
    struct joined j = join();
    send_text(&j, CLIENT, "unread");
    world_run(j.w, 100000);
    assert_int_equal(aksu_tcp_close(j.w->stack[SERVER], j.sock[SERVER]), AKSU_OK);
    world_run(j.w, 10000);
    ladder_is(j.w, j.first, 0,
              "ESTABLISHED  -- PSH,ACK 1..7 ack 1 ------------------> ESTABLISHED\n"
              "ESTABLISHED  <- ACK 1 ack 7 -------------------------- ESTABLISHED\n"
              "CLOSED       <- RST,ACK 1 ack 7 ---------------------- CLOSED\n");
    world_close(j.w);
}

/* SHLD-3, the other half: data that arrives after CLOSE. */
static void data_after_close_draws_a_reset(void **state) {
    (void)state;
    struct joined j = join();
    assert_int_equal(aksu_tcp_close(j.w->stack[SERVER], j.sock[SERVER]), AKSU_OK);
    world_run(j.w, 10000);
    send_text(&j, CLIENT, "too late");
    world_run(j.w, 100000);
    ladder_is(j.w, j.first, 0,
              "CLOSE-WAIT   <- FIN,ACK 1 ack 1 ---------------------- FIN-WAIT-1\n"
              "CLOSE-WAIT   -- ACK 1 ack 2 -------------------------> FIN-WAIT-2\n"
              "CLOSE-WAIT   -- PSH,ACK 1..9 ack 2 ------------------! CLOSED\n"
              "CLOSED       <- RST,ACK 2 ack 1 ---------------------- CLOSED\n");
    world_close(j.w);
}

/* s3.6.1, MUST-13: the last ACK is lost, and TIME-WAIT is there to give it again. */
static void last_ack_lost_is_given_again_by_time_wait(void **state) {
    (void)state;
    struct joined j = join();
    assert_int_equal(aksu_tcp_close(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
    world_run(j.w, 10000);
    assert_int_equal(aksu_tcp_close(j.w->stack[SERVER], j.sock[SERVER]), AKSU_OK);
    assert_true(world_carry(j.w, SERVER));
    j.w->lose = 1;
    world_run(j.w, 50000000);
    ladder_is(j.w, j.first, 0,
              "FIN-WAIT-1   -- FIN,ACK 1 ack 1 ---------------------> CLOSE-WAIT\n"
              "FIN-WAIT-2   <- ACK 1 ack 2 -------------------------- CLOSE-WAIT\n"
              "TIME-WAIT    <- FIN,ACK 1 ack 2 ---------------------- LAST-ACK\n"
              "TIME-WAIT    -- ACK 2 ack 2 -------------------------x\n"
              "TIME-WAIT    <- FIN,ACK 1 ack 2 ---------------------- LAST-ACK\n"
              "TIME-WAIT    -- ACK 2 ack 2 -------------------------> CLOSED\n");
    aksu_counters counters;
    aksu_counters_get(j.w->stack[CLIENT], &counters);
    assert_int_equal(counters.time_wait_used, 1); /* 2MSL began again with the FIN that came again */
    world_run(j.w, 15000000);
    aksu_counters_get(j.w->stack[CLIENT], &counters);
    assert_int_equal(counters.time_wait_used, 0);
    world_close(j.w);
}

/* Both FINs lost: each is sent again by its own timer. */
static void fin_lost_is_sent_again(void **state) {
    (void)state;
    struct joined j = join();
    assert_int_equal(aksu_tcp_close(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
    j.w->lose = 1;
    world_run(j.w, 2000000);
    ladder_is(j.w, j.first, 0,
              "FIN-WAIT-1   -- FIN,ACK 1 ack 1 ---------------------x\n"
              "FIN-WAIT-1   -- FIN,ACK 1 ack 1 ---------------------> CLOSE-WAIT\n"
              "FIN-WAIT-2   <- ACK 1 ack 2 -------------------------- CLOSE-WAIT\n");
    world_close(j.w);
}

/* A handle is good until its socket is released, and never again.  attack: 38 */
static void released_handle_is_stale_for_every_call(void **state) {
    (void)state;
    struct joined j = join();
    aksu_stack *stack = j.w->stack[CLIENT];
    aksu_sock stale = j.sock[CLIENT];
    assert_int_equal(aksu_tcp_close(stack, stale), AKSU_OK);
    uint8_t buf[4];
    size_t bytes;
    aksu_iov iov;
    uint32_t count, bits;
    uint64_t value;
    aksu_tcp_info info;
    aksu_endpoint remote = {.addr = world_addr(SERVER), .port = 80};
    aksu_incoming incoming;
    aksu_sock sock;
    assert_int_equal(aksu_tcp_send(stack, stale, buf, 1, 0, &bytes), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_recv(stack, stale, buf, 1, &bytes), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_recv_peek(stack, stale, &iov, 1, &count), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_recv_consume(stack, stale, 0), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_send_reserve(stack, stale, 1, &iov, 1, &count), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_send_commit(stack, stale, 0, 0), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_shutdown(stack, stale), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_close(stack, stale), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_abort(stack, stale), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_status(stack, stale, &info), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_get(stack, stale, AKSU_TCP_TTL, &value), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_set(stack, stale, AKSU_TCP_TTL, 1), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_accept(stack, stale, &sock), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_incoming(stack, stale, &incoming), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_decide(stack, stale, AKSU_ACCEPT), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_listen_connect(stack, stale, &remote, &sock), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_poll(stack, stale, &bits), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_sock_set_user(stack, stale, 1), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_sock_user(stack, stale, &value), AKSU_ERR_BADSOCK);
    /* Nor does it name what comes after in the same slot. */
    world_run(j.w, 10000);
    aksu_sock next = world_connect(j.w);
    assert_int_equal(aksu_tcp_status(stack, stale, &info), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_status(stack, next, &info), AKSU_OK);
    world_close(j.w);
}

/* What arrived before a reset and was not read is gone, also when some of it was lent at that moment. */
static void reset_while_bytes_are_lent_leaves_only_those(void **state) {
    (void)state;
    struct joined j = join();
    send_text(&j, CLIENT, "hello");
    world_run(j.w, 10000);
    aksu_iov iov;
    uint32_t count;
    size_t bytes;
    char buf[16];
    assert_int_equal(aksu_tcp_recv_peek(j.w->stack[SERVER], j.sock[SERVER], &iov, 1, &count), AKSU_OK);
    assert_int_equal(aksu_tcp_abort(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
    world_run(j.w, 10000);
    assert_int_equal(world_state(j.w, SERVER, j.sock[SERVER]), AK_TCP_CLOSED);
    assert_memory_equal(iov.base, "hello", 5);
    assert_int_equal(aksu_tcp_recv_consume(j.w->stack[SERVER], j.sock[SERVER], 2), AKSU_OK);
    assert_int_equal(aksu_tcp_recv(j.w->stack[SERVER], j.sock[SERVER], buf, sizeof buf, &bytes), AKSU_ERR_RESET);
    aksu_counters counters;
    aksu_counters_get(j.w->stack[SERVER], &counters);
    assert_int_equal(counters.transfer_used, 0);
    world_close(j.w);
}

/* A handle that outlived its TIME-WAIT has no say in that of a later connection between the same ends. */
static void abort_in_time_wait_leaves_a_later_one_alone(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.time_wait_us = 30000000;
    struct joined j = {.w = world_open(&config)};
    j.listener = world_listen(j.w, 4, 0);
    aksu_sock old = {0, 0};
    for (int i = 0; i < 2; i++) {
        aksu_tcp_open open = {
            .struct_bytes = sizeof open, .remote = {.addr = world_addr(SERVER), .port = 80}, .local = {.port = 5000}};
        assert_int_equal(aksu_tcp_connect(j.w->stack[CLIENT], &open, &j.sock[CLIENT]), AKSU_OK);
        world_run(j.w, 10000);
        assert_int_equal(aksu_tcp_accept(j.w->stack[SERVER], j.listener, &j.sock[SERVER]), AKSU_OK);
        assert_int_equal(aksu_tcp_shutdown(j.w->stack[CLIENT], j.sock[CLIENT]), AKSU_OK);
        world_run(j.w, 10000);
        assert_int_equal(aksu_tcp_close(j.w->stack[SERVER], j.sock[SERVER]), AKSU_OK);
        world_run(j.w, i == 0 ? 31000000 : 10000);
        if (i == 0) old = j.sock[CLIENT];
    }
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(j.w->stack[CLIENT], old, &info), AKSU_OK);
    assert_int_equal(info.state, AK_TCP_CLOSED);
    assert_int_equal(aksu_tcp_abort(j.w->stack[CLIENT], old), AKSU_OK);
    assert_int_equal(world_state(j.w, CLIENT, j.sock[CLIENT]), AK_TCP_TIME_WAIT);
    world_close(j.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_one_side_then_the_other_takes_four_segments),
        cmocka_unit_test(close_both_in_one_batch_takes_three_segments),
        cmocka_unit_test(close_both_at_once_goes_through_closing),
        cmocka_unit_test(shutdown_one_side_goes_on_receiving),
        cmocka_unit_test(abort_established_sends_a_reset),
        cmocka_unit_test(close_with_unread_data_sends_a_reset),
        cmocka_unit_test(data_after_close_draws_a_reset),
        cmocka_unit_test(last_ack_lost_is_given_again_by_time_wait),
        cmocka_unit_test(fin_lost_is_sent_again),
        cmocka_unit_test(released_handle_is_stale_for_every_call),
        cmocka_unit_test(reset_while_bytes_are_lent_leaves_only_those),
        cmocka_unit_test(abort_in_time_wait_leaves_a_later_one_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
