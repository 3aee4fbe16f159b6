/* Fast open, RFC 7413, between two stacks. */
#include "tcp_peer.h"

static struct tcp_world *open_world(void) {
    aksu_config config = world_config();
    config.tcp.fast_open = 1;
    return world_open(&config);
}

static const char hello[] = "hello";

static aksu_sock connect_and_send(struct tcp_world *w) {
    size_t bytes;
    aksu_sock sock = world_connect(w);
    assert_int_equal(aksu_tcp_send(w->stack[CLIENT], sock, hello, sizeof hello, 0, &bytes), AKSU_OK);
    return sock;
}

static void expect_hello(struct tcp_world *w, aksu_sock sock) {
    char buf[64];
    size_t bytes = 0;
    assert_int_equal(aksu_tcp_recv(w->stack[SERVER], sock, buf, sizeof buf, &bytes), AKSU_OK);
    assert_int_equal(bytes, sizeof hello);
    assert_memory_equal(buf, hello, bytes);
    assert_int_equal(aksu_tcp_recv(w->stack[SERVER], sock, buf, sizeof buf, &bytes), AKSU_ERR_AGAIN);
}

/* A connection that leaves the client with a cookie. */
static void learn_cookie(struct tcp_world *w, aksu_sock listener) {
    aksu_sock server;
    aksu_sock client = connect_and_send(w);
    world_run(w, 1000000);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    assert_int_equal(aksu_tcp_abort(w->stack[CLIENT], client), AKSU_OK);
    world_run(w, 1000000);
    assert_int_equal(aksu_tcp_close(w->stack[SERVER], server), AKSU_OK);
    w->seen_count = 0;
}

static void first_syn_asks_for_a_cookie_and_carries_nothing(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock listener = world_listen(w, 4, 0);
    aksu_sock server;
    connect_and_send(w);
    world_run(w, 1000000);
    const aksu_ev_segment *syn = &w->seen[0].segment;
    const aksu_ev_segment *syn_ack = &w->seen[1].segment;
    assert_int_equal(syn->flags, AKSU_TCP_SYN);
    assert_true(syn->options.present & AKSU_OPT_FAST_OPEN);
    assert_int_equal(syn->options.fast_open_cookie_bytes, 0);
    assert_int_equal(syn->payload_bytes, 0);
    assert_int_equal(syn_ack->options.fast_open_cookie_bytes, 8);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    expect_hello(w, server);
    world_close(w);
}

static void data_rides_on_syn_and_the_answer_precedes_the_third_segment(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock listener = world_listen(w, 4, 0);
    learn_cookie(w, listener);
    aksu_sock server;
    size_t bytes;
    connect_and_send(w);
    assert_true(world_carry(w, CLIENT));
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    assert_int_equal(world_state(w, SERVER, server), AK_TCP_SYN_RECEIVED);
    expect_hello(w, server);
    assert_int_equal(aksu_tcp_send(w->stack[SERVER], server, "yes", 3, 0, &bytes), AKSU_OK);
    assert_true(world_carry(w, SERVER));
    assert_int_equal(w->seen[0].segment.payload_bytes, sizeof hello);
    assert_int_equal(w->seen[1].segment.flags, AKSU_TCP_SYN | AKSU_TCP_ACK);
    assert_int_equal(w->seen[1].segment.ack, w->seen[0].segment.seq + 1 + sizeof hello);
    assert_int_equal(w->seen[2].from, SERVER); /* before anything more of the client's */
    assert_int_equal(w->seen[2].segment.payload_bytes, 3);
    world_run(w, 1000000);
    assert_int_equal(world_state(w, SERVER, server), AK_TCP_ESTABLISHED);
    world_close(w);
}

static void a_bad_cookie_gets_a_new_one_and_data_goes_again(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock listener = world_listen(w, 4, 0);
    learn_cookie(w, listener);
    w->now_us += 3ull * 3600 * 1000000; /* three key changes later */
    aksu_sock server;
    connect_and_send(w);
    world_run(w, 1000000);
    assert_int_equal(w->seen[0].segment.payload_bytes, sizeof hello);
    assert_int_equal(w->seen[1].segment.ack, w->seen[0].segment.seq + 1);
    assert_int_equal(w->seen[1].segment.options.fast_open_cookie_bytes, 8);
    assert_int_equal(w->seen[2].segment.payload_bytes, sizeof hello);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    expect_hello(w, server);
    world_close(w);
}

static void a_lost_syn_with_data_falls_back_and_is_remembered(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock listener = world_listen(w, 4, 0);
    learn_cookie(w, listener);
    aksu_sock server;
    w->lose = 1;
    connect_and_send(w);
    world_run(w, 3000000);
    assert_int_equal(w->seen[0].segment.payload_bytes, sizeof hello);
    assert_int_equal(w->seen[1].segment.flags, AKSU_TCP_SYN);
    assert_int_equal(w->seen[1].segment.payload_bytes, 0);
    assert_false(w->seen[1].segment.options.present & AKSU_OPT_FAST_OPEN);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    expect_hello(w, server);
    w->seen_count = 0;
    connect_and_send(w);
    world_run(w, 100000);
    assert_false(w->seen[0].segment.options.present & AKSU_OPT_FAST_OPEN);
    world_close(w);
}

static void pending_limit_makes_an_ordinary_handshake(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.tcp.fast_open = 1;
    config.fast_open_pending_max = 1;
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 4, 0);
    learn_cookie(w, listener);
    aksu_sock server;
    connect_and_send(w);
    connect_and_send(w);
    assert_true(world_carry(w, CLIENT));
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_ERR_AGAIN);
    world_run(w, 1000000);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    expect_hello(w, server);
    world_close(w);
}

static void without_the_setting_nothing_is_offered(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    world_listen(w, 4, 0);
    connect_and_send(w);
    world_run(w, 100000);
    assert_false(w->seen[0].segment.options.present & AKSU_OPT_FAST_OPEN);
    assert_false(w->seen[1].segment.options.present & AKSU_OPT_FAST_OPEN);
    world_close(w);
}

/* SHLD-14: what the SYN,ACK announces beyond the data that it acknowledges is there, and is not taken back. */
static void syn_ack_of_data_announces_what_is_left(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.tcp.fast_open = 1;
    config.tcp.rcv_buf_bytes = 10000;
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 4, 0);
    learn_cookie(w, listener);
    aksu_sock server;
    size_t bytes;
    connect_and_send(w);
    assert_true(world_carry(w, CLIENT));
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    assert_int_equal(aksu_tcp_send(w->stack[SERVER], server, "yes", 3, 0, &bytes), AKSU_OK);
    assert_true(world_carry(w, SERVER));
    const aksu_ev_segment *syn_ack = &w->seen[1].segment;
    const aksu_ev_segment *text = &w->seen[2].segment;
    assert_int_equal(syn_ack->ack, w->seen[0].segment.seq + 1 + sizeof hello);
    assert_int_equal(syn_ack->wnd, 10000 - sizeof hello);
    assert_int_equal(text->wnd, 10000 - sizeof hello);
    world_close(w);
}

static aksu_tcp_info info_of(struct tcp_world *w, int side, aksu_sock sock) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[side], sock, &info), AKSU_OK);
    return info;
}

/* STATUS says at both ends whether data on the SYN was taken, and goes on saying so. */
static void status_tells_of_data_on_syn(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock listener = world_listen(w, 4, 0), server;
    for (int with = 0; with < 2; with++) { /* the first has no cookie yet */
        aksu_sock client = connect_and_send(w);
        world_run(w, 1000000);
        assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
        assert_int_equal(info_of(w, CLIENT, client).fast_open, with);
        assert_int_equal(info_of(w, SERVER, server).fast_open, with);
    }
    world_close(w);
}

/* ---------------------------------------------------------------- a peer made by hand, which has a cookie */

static struct peer peer_with_cookie(aksu_config config) {
    config.tcp.fast_open = 1;
    config.tcp.timestamps = config.tcp.sack = config.tcp.window_scale = 0;
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_FAST_OPEN};
    peer_syn(&p);
    const aksu_tcp_options *o = &p.w->seen[p.w->seen_count - 1].segment.options;
    assert_int_equal(o->fast_open_cookie_bytes, 8);
    p.options.fast_open_cookie_bytes = 8;
    memcpy(p.options.fast_open_cookie, o->fast_open_cookie, 8);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 1});
    p.w->seen_count = p.w->first = 0;
    return p;
}

/* What of the data finds no room is a drop that is traced with its segment, as any other. */
static void syn_data_beyond_the_window_is_traced_as_dropped(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.tcp.rcv_buf_bytes = 256;
    struct peer p = peer_with_cookie(config);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .bytes = 300});
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_WINDOW_FULL), 1);
    peer_ladder_is(&p, LADDER_WINDOWS,
                   "             -- SYN 0..301 win 65535 ----------------! SYN-RECEIVED\n"
                   "             <- SYN,ACK 0 ack 257 win 0 -------------- SYN-RECEIVED\n");
    world_close(p.w);
}

/* RFC 7413 s5.1: a request that is reset stays pending, else spoofed resets would lift the limit. */
static void pending_limit_counts_what_was_reset(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.fast_open_pending_max = 2;
    struct peer p = peer_with_cookie(config);
    for (int i = 0; i < 2; i++) {
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .bytes = 10});
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 11});
    }
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .bytes = 10});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 1});
    world_run(p.w, 61000000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .bytes = 10});
    static const uint32_t wanted[] = {11, 11, 1, 11}; /* what the SYN,ACKs acknowledge */
    uint32_t count = 0;
    for (uint32_t i = p.w->first; i < p.w->seen_count; i++) {
        if (p.w->seen[i].from != SERVER) continue;
        assert_true(count < 4);
        assert_int_equal(p.w->seen[i].segment.flags, AKSU_TCP_SYN | AKSU_TCP_ACK);
        assert_int_equal(p.w->seen[i].segment.ack, PEER_ISS + wanted[count]);
        count++;
    }
    assert_int_equal(count, 4);
    world_close(p.w);
}

/* What the server has sent before the handshake's end is in the care of the retransmission timer after it. */
static void answer_lost_before_the_third_segment_comes_again(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock listener = world_listen(w, 4, 0);
    learn_cookie(w, listener);
    aksu_sock server, client;
    size_t bytes;
    char buf[8];
    client = connect_and_send(w);
    assert_true(world_carry(w, CLIENT));
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    w->one_by_one = true;
    assert_true(world_carry(w, SERVER)); /* the SYN,ACK */
    assert_int_equal(aksu_tcp_send(w->stack[SERVER], server, "yes", 3, 0, &bytes), AKSU_OK);
    w->lose = 1;
    assert_true(world_carry(w, SERVER));
    world_run(w, 2000000);
    assert_int_equal(world_state(w, SERVER, server), AK_TCP_ESTABLISHED);
    assert_int_equal(aksu_tcp_recv(w->stack[CLIENT], client, buf, sizeof buf, &bytes), AKSU_OK);
    assert_int_equal(bytes, 3);
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_syn_asks_for_a_cookie_and_carries_nothing),
        cmocka_unit_test(data_rides_on_syn_and_the_answer_precedes_the_third_segment),
        cmocka_unit_test(a_bad_cookie_gets_a_new_one_and_data_goes_again),
        cmocka_unit_test(a_lost_syn_with_data_falls_back_and_is_remembered),
        cmocka_unit_test(pending_limit_makes_an_ordinary_handshake),
        cmocka_unit_test(without_the_setting_nothing_is_offered),
        cmocka_unit_test(syn_ack_of_data_announces_what_is_left),
        cmocka_unit_test(status_tells_of_data_on_syn),
        cmocka_unit_test(syn_data_beyond_the_window_is_traced_as_dropped),
        cmocka_unit_test(pending_limit_counts_what_was_reset),
        cmocka_unit_test(answer_lost_before_the_third_segment_comes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
