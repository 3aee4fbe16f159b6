/* PUSH, and how bytes are cut into segments: RFC 9293 s3.7.4, s3.8.6.2.1, s3.9.1.2. */
#include "tcp_peer.h"

#include "tcp/tcb.h"

static struct peer joined(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = config.tcp.window_scale = 0;
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_MSS, .mss = 1000};
    peer_syn(&p);
    p.options.present = 0;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    p.w->first = p.w->seen_count;
    return p;
}

static void queue(struct peer *p, uint32_t count, unsigned flags) {
    static const uint8_t data[65536];
    size_t bytes;
    assert_int_equal(aksu_tcp_send(p->w->stack[SERVER], p->sock, data, count, flags, &bytes), AKSU_OK);
    assert_int_equal(bytes, count);
}

/* MUST-61, SHLD-27, SHLD-28, MAY-16: several sends become few full segments, and the last of them carries PSH. */
static void small_sends_are_joined_and_the_last_is_pushed(void **state) {
    (void)state;
    struct peer p = joined();
    for (int i = 0; i < 25; i++) queue(&p, 100, 0);
    world_run(p.w, 1000);
    peer_ladder_is(&p, 0,
                   "             <- ACK 1..1001 ack 1 -------------------- ESTABLISHED\n"
                   "             <- ACK 1001..2001 ack 1 ----------------- ESTABLISHED\n"
                   "             <- PSH,ACK 2001..2501 ack 1 ------------- ESTABLISHED\n");
    world_close(p.w);
}

/* MUST-60, MAY-15: without a push the tail waits for more, and not for ever. */
static void send_more_waits_for_more_and_not_for_ever(void **state) {
    (void)state;
    struct peer p = joined();
    queue(&p, 1300, AKSU_SEND_MORE);
    world_run(p.w, 100000);
    queue(&p, 100, AKSU_SEND_MORE);
    world_run(p.w, 150000);
    peer_ladder_is(&p, LADDER_TIMES,
                   "  0.002              <- ACK 1..1001 ack 1 -------------------- ESTABLISHED\n"
                   "  0.202              <- PSH,ACK 1001..1401 ack 1 ------------- ESTABLISHED\n"
                   "  0.203              <- ACK 1..1001 ack 1 -------------------- ESTABLISHED\n");
    world_close(p.w);
}

/* What waits begins to wait when it is queued: a tail that became a full segment leaves no timer behind. */
static void send_more_that_filled_a_segment_leaves_no_timer(void **state) {
    (void)state;
    struct peer p = joined();
    queue(&p, 300, AKSU_SEND_MORE);
    world_run(p.w, 100000);
    queue(&p, 700, AKSU_SEND_MORE);
    world_run(p.w, 50000);
    queue(&p, 100, AKSU_SEND_MORE);
    world_run(p.w, 100000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1001});
    world_run(p.w, 300000);
    peer_ladder_is(&p, LADDER_TIMES,
                   "  0.102              <- ACK 1..1001 ack 1 -------------------- ESTABLISHED\n"
                   "  0.252              -- ACK 1 ack 1001 ----------------------> ESTABLISHED\n"
                   "  0.352              <- PSH,ACK 1001..1101 ack 1 ------------- ESTABLISHED\n");
    world_close(p.w);
}

/* CORK holds the tail until it is cleared. */
static void cork_cleared_sends_the_tail(void **state) {
    (void)state;
    struct peer p = joined();
    assert_int_equal(aksu_tcp_set(p.w->stack[SERVER], p.sock, AKSU_TCP_CORK, 1), AKSU_OK);
    queue(&p, 1300, 0);
    world_run(p.w, 10000);
    uint32_t before = p.w->seen_count;
    assert_int_equal(before, p.w->first + 1);
    assert_int_equal(aksu_tcp_set(p.w->stack[SERVER], p.sock, AKSU_TCP_CORK, 0), AKSU_OK);
    world_run(p.w, 1000);
    peer_ladder_is(&p, 0,
                   "             <- ACK 1..1001 ack 1 -------------------- ESTABLISHED\n"
                   "             <- PSH,ACK 1001..1301 ack 1 ------------- ESTABLISHED\n");
    world_close(p.w);
}

/* MUST-38: a window that opens by little is not filled by little segments (s3.8.6.2.1); MUST-60: but the override timer
 * sends what fits. */
static void window_opens_by_little_no_little_segment_goes(void **state) {
    (void)state;
    struct peer p = joined();
    p.wnd = 2000;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    queue(&p, 5000, 0);
    world_run(p.w, 1000);
    p.wnd = 300; /* of 2,000 bytes acknowledged, room for 300 */
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2001});
    world_run(p.w, 100000);
    p.wnd = 700;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2001});
    world_run(p.w, 300000);
    peer_ladder_is(&p, LADDER_TIMES,
                   "  0.002              -- ACK 1 ack 1 -------------------------> ESTABLISHED\n"
                   "  0.003              <- ACK 1..1001 ack 1 -------------------- ESTABLISHED\n"
                   "  0.003              <- ACK 1001..2001 ack 1 ----------------- ESTABLISHED\n"
                   "  0.004              -- ACK 1 ack 2001 ----------------------> ESTABLISHED\n"
                   "  0.105              -- ACK 1 ack 2001 ----------------------> ESTABLISHED\n"
                   "  0.205              <- ACK 2001..2701 ack 1 ----------------- ESTABLISHED\n");
    world_close(p.w);
}

/* RFC 9293 s3.7.4, Minshall: only a small segment that is still unacknowledged holds the next one back.  The place of
 * the last one seems to lie ahead again when 2^31 bytes of full segments have followed it. */
static void small_segment_long_ago_holds_nothing_back(void **state) {
    (void)state;
    struct peer p = joined();
    const struct ak_core *core = ak_core_of(p.w->stack[SERVER]);
    queue(&p, 1000, 0);
    world_run(p.w, 1000);
    struct ak_transfer *x = ak_transfer_of(core, ak_tcb_at(core, p.sock.slot));
    x->small_end = ak_seq_add(x->send_end, 0x7fffff00); /* as it looks then */
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1001});
    queue(&p, 300, 0);
    world_run(p.w, 1000);
    peer_ladder_is(&p, 0,
                   "             <- PSH,ACK 1..1001 ack 1 ---------------- ESTABLISHED\n"
                   "             -- ACK 1 ack 1001 ----------------------> ESTABLISHED\n"
                   "             <- PSH,ACK 1001..1301 ack 1 ------------- ESTABLISHED\n");
    world_close(p.w);
}

/* Each acknowledgment keeps that place from falling so far behind. */
static void small_segment_acknowledged_is_forgotten(void **state) {
    (void)state;
    struct peer p = joined();
    const struct ak_core *core = ak_core_of(p.w->stack[SERVER]);
    queue(&p, 1000, 0);
    world_run(p.w, 1000);
    struct ak_transfer *x = ak_transfer_of(core, ak_tcb_at(core, p.sock.slot));
    x->small_end = ak_seq_sub(x->send_end, 0x7fffffff);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1001});
    queue(&p, 2000, 0);
    world_run(p.w, 1000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2001});
    queue(&p, 300, 0);
    world_run(p.w, 1000);
    peer_ladder_is(&p, 0,
                   "             <- PSH,ACK 1..1001 ack 1 ---------------- ESTABLISHED\n"
                   "             -- ACK 1 ack 1001 ----------------------> ESTABLISHED\n"
                   "             <- ACK 1001..2001 ack 1 ----------------- ESTABLISHED\n"
                   "             <- PSH,ACK 2001..3001 ack 1 ------------- ESTABLISHED\n"
                   "             -- ACK 1 ack 2001 ----------------------> ESTABLISHED\n"
                   "             <- PSH,ACK 3001..3301 ack 1 ------------- ESTABLISHED\n");
    world_close(p.w);
}

/* SHLD-17: while the window is shut what is in flight is probed for, and not timed out, also after an acknowledgment of
 * some of it. */
static void window_shut_with_data_in_flight_is_no_timeout(void **state) {
    (void)state;
    struct peer p = joined();
    queue(&p, 4000, 0);
    world_run(p.w, 1000);
    p.wnd = 0;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1001});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2001});
    world_run(p.w, 5000000);
    aksu_counters counters;
    aksu_counters_get(p.w->stack[SERVER], &counters);
    assert_int_equal(counters.rto_fired, 0);
    assert_true(counters.persist_probes > 2);
    world_close(p.w);
}

/* MAY-16: what more follows at once is not pushed, also where it fills its last segment. */
static void send_more_that_fills_its_segments_is_not_pushed(void **state) {
    (void)state;
    struct peer p = joined();
    queue(&p, 2000, AKSU_SEND_MORE);
    world_run(p.w, 1000);
    queue(&p, 1000, 0);
    world_run(p.w, 1000);
    peer_ladder_is(&p, 0,
                   "             <- ACK 1..1001 ack 1 -------------------- ESTABLISHED\n"
                   "             <- ACK 1001..2001 ack 1 ----------------- ESTABLISHED\n"
                   "             <- PSH,ACK 2001..3001 ack 1 ------------- ESTABLISHED\n");
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_sends_are_joined_and_the_last_is_pushed),
        cmocka_unit_test(send_more_waits_for_more_and_not_for_ever),
        cmocka_unit_test(send_more_that_filled_a_segment_leaves_no_timer),
        cmocka_unit_test(cork_cleared_sends_the_tail),
        cmocka_unit_test(window_opens_by_little_no_little_segment_goes),
        cmocka_unit_test(small_segment_long_ago_holds_nothing_back),
        cmocka_unit_test(small_segment_acknowledged_is_forgotten),
        cmocka_unit_test(window_shut_with_data_in_flight_is_no_timeout),
        cmocka_unit_test(send_more_that_fills_its_segments_is_not_pushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
