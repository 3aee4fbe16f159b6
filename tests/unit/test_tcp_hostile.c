/* What a hostile or broken peer may do to the state of a connection: nothing that outlives it, nothing that stops it.
 */
#include "tcp_peer.h"

static uint32_t tcbs(const struct peer *p) {
    aksu_counters counters;
    aksu_counters_get(p->w->stack[SERVER], &counters);
    return (uint32_t)counters.tcp_used;
}

static aksu_config plain(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = 0;
    config.tcp.sack = 0;
    return config;
}

/* RFC 7323 s3.2: it is dropped, and must not leave a control block behind that no timer ends. */
static void timestamp_missing_from_the_handshakes_end_leaves_nothing(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_TIMESTAMPS, .ts_val = 100};
    peer_syn(&p);
    p.options.present = 0;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_TIMESTAMP_MISSING), 1);
    assert_int_equal(tcbs(&p), 0);
    world_run(p.w, 600ull * 1000000);
    assert_int_equal(tcbs(&p), 0);
    world_close(p.w);
}

/* The FIN's number is not a byte that a window probe could send. */
static void shut_window_after_our_fin_probes_nothing(void **state) {
    (void)state;
    aksu_config config = plain();
    struct peer p = peer_joined(&config);
    assert_int_equal(aksu_tcp_shutdown(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 1000);
    p.wnd = 0;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 10});
    world_run(p.w, 10ull * 1000000);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
    assert_int_equal(info.snd_queued_bytes, 0);
    assert_true(world_sent(p.w, SERVER, AKSU_TCP_FIN | AKSU_TCP_ACK) > 1);
    world_close(p.w);
}

/* A segment that is then dropped for its ACK or its SYN must not set TS.Recent (CVE-2005-0356). */
static void timestamp_of_a_dropped_segment_is_not_taken(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_TIMESTAMPS, .ts_val = 100};
    peer_syn(&p);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    p.options.ts_val = 1u << 30;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 0x40000000, .bytes = 1});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .seq = 1});
    peer_says(&p, (struct peer_segment){.flags = 0, .seq = 1, .bytes = 1});
    p.options.ts_val = 101;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 10});
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_PAWS), 0);
    uint8_t buf[16];
    size_t bytes = 0;
    assert_int_equal(aksu_tcp_recv(p.w->stack[SERVER], p.sock, buf, sizeof buf, &bytes), AKSU_OK);
    assert_int_equal(bytes, 10);
    world_close(p.w);
}

/* RFC 7323 s5.5: after 24 days TS.Recent says nothing; the next segment's takes its place. */
static void timestamp_older_after_24_days_is_taken(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_TIMESTAMPS, .ts_val = 100000};
    peer_syn(&p);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    world_run(p.w, 25ull * 24 * 3600 * 1000000);
    p.options.ts_val = 5;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 10});
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_PAWS), 0);
    world_run(p.w, 1000000);
    const struct tcp_seen *last = &p.w->seen[p.w->seen_count - 1];
    assert_int_equal(last->from, SERVER);
    assert_int_equal(last->segment.options.ts_ecr, 5);
    world_close(p.w);
}

/* RFC 7323 s2.2: the window of a SYN,ACK is never scaled, in simultaneous open neither. */
static void window_of_a_crossing_syn_ack_is_not_scaled(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_WSCALE, .wscale = 7};
    p.wnd = 1000;
    peer_called(&p);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN | AKSU_TCP_ACK, .ack = 1});
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
    assert_int_equal(info.state, AK_TCP_ESTABLISHED);
    assert_int_equal(info.snd_wscale, 7);
    assert_int_equal(info.snd_wnd, 1000);
    world_close(p.w);
}

/* What was queued and has not gone yet is also "still unacknowledged". */
static void close_with_linger_before_any_output_resets_in_time(void **state) {
    (void)state;
    aksu_config config = plain();
    config.tcp.linger = 1;
    config.tcp.linger_us = 2000000;
    struct peer p = peer_joined(&config);
    size_t bytes;
    assert_int_equal(aksu_tcp_send(p.w->stack[SERVER], p.sock, "abc", 3, 0, &bytes), AKSU_OK);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 2500000);
    assert_int_equal(tcbs(&p), 0);
    assert_int_equal(world_sent(p.w, SERVER, AKSU_TCP_RST | AKSU_TCP_ACK), 1);
    world_close(p.w);
}

/* SHLD-3: with bytes unread the peer must learn that they are lost, also when our FIN is on its way. */
static void close_unread_in_last_ack_resets(void **state) {
    (void)state;
    aksu_config config = plain();
    struct peer p = peer_joined(&config);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | AKSU_TCP_FIN, .seq = 1, .ack = 1, .bytes = 10});
    assert_int_equal(aksu_tcp_shutdown(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 1000);
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_LAST_ACK);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 1000);
    assert_int_equal(tcbs(&p), 0);
    assert_int_equal(world_sent(p.w, SERVER, AKSU_TCP_RST | AKSU_TCP_ACK), 1);
    world_close(p.w);
}

/* decisions/0003: an orphan is bounded in time, however faithfully the peer answers our probes (Nkiller2). */
static void orphan_with_a_shut_window_ends(void **state) {
    (void)state;
    aksu_config config = plain();
    struct peer p = peer_joined(&config);
    p.wnd = 0;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    we_send(&p, 1000);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
    for (int i = 0; i < 2000 && tcbs(&p) > 0; i++) {
        p.w->seen_count = 0;
        world_run(p.w, 10000000);
        if (tcbs(&p) > 0 && p.w->seen_count > 0)
            peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    }
    assert_int_equal(tcbs(&p), 0);
    world_close(p.w);
}

/* The window is shut with fewer bytes than the low-water mark: they must be told, or nothing moves any more. */
static void low_water_mark_above_the_buffer_is_told_when_the_window_shuts(void **state) {
    (void)state;
    aksu_config config = plain();
    config.tcp.rcv_buf_bytes = 4096;
    config.tcp.rcv_lowat_bytes = 8192;
    struct peer p = peer_joined(&config);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 1400});
    assert_int_equal(world_events(p.w, SERVER, NULL) & AKSU_EV_READABLE, 0);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1401, .ack = 1, .bytes = 1400});
    assert_int_equal(world_events(p.w, SERVER, NULL) & AKSU_EV_READABLE, AKSU_EV_READABLE);
    world_close(p.w);
}

/* A stranger's segment outside the window does not keep a dead peer alive. */
static void segment_out_of_window_does_not_answer_a_keepalive(void **state) {
    (void)state;
    aksu_config config = plain();
    config.tcp.keepalive = 1;
    config.tcp.keepalive_idle_us = 10000000;
    config.tcp.keepalive_interval_us = 1000000;
    config.tcp.keepalive_count = 3;
    struct peer p = peer_joined(&config);
    for (int i = 0; i < 60 && tcbs(&p) > 0; i++) {
        aksu_reason reason = AKSU_REASON_NONE;
        if (world_events(p.w, SERVER, &reason) & AKSU_EV_CLOSED) break;
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 0x50000000, .ack = 1});
        world_run(p.w, 1000000);
    }
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_CLOSED);
    world_close(p.w);
}

/* Attack row 71: text out of order is the first to go when others find no memory. */
static void text_out_of_order_does_not_starve_other_connections(void **state) {
    (void)state;
    aksu_config config = plain();
    struct peer hostile = peer_open(&config);
    hostile.options = (aksu_tcp_options){.present = AKSU_OPT_WSCALE, .wscale = 0};
    peer_syn(&hostile);
    peer_says(&hostile, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(hostile.w->stack[SERVER], hostile.listener, &hostile.sock), AKSU_OK);
    struct peer other = hostile;
    other.addr = aksu_addr_v4(192, 0, 2, 77);
    peer_says(&other, (struct peer_segment){.flags = AKSU_TCP_SYN});
    peer_learn(&other);
    peer_says(&other, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(other.w->stack[SERVER], other.listener, &other.sock), AKSU_OK);
    for (uint32_t i = 1; i < config.block_max; i++)
        peer_says(&hostile, (struct peer_segment){
                                .flags = AKSU_TCP_ACK, .seq = 1 + i * config.block_bytes, .ack = 1, .bytes = 1});
    static const uint8_t data[1000];
    size_t bytes;
    aksu_err err = aksu_tcp_send(other.w->stack[SERVER], other.sock, data, sizeof data, 0, &bytes);
    world_run(other.w, 1000000);
    if (err == AKSU_ERR_AGAIN) err = aksu_tcp_send(other.w->stack[SERVER], other.sock, data, sizeof data, 0, &bytes);
    assert_int_equal(err, AKSU_OK);
    assert_int_equal(bytes, sizeof data);
    /* What was let go comes again, and all is there. */
    for (uint32_t i = 0; i < 3; i++)
        peer_says(&hostile, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1 + i * 1024, .ack = 1, .bytes = 1024});
    static uint8_t buf[4096];
    assert_int_equal(aksu_tcp_recv(hostile.w->stack[SERVER], hostile.sock, buf, sizeof buf, &bytes), AKSU_OK);
    assert_int_equal(bytes, 3 * 1024);
    for (size_t i = 0; i < bytes; i++) assert_int_equal(buf[i], 'p');
    world_close(hostile.w);
}

/* What lies behind a gap does not keep the text that fills it out: it goes first, though nobody else waits. */
static void text_out_of_order_does_not_keep_out_what_fills_the_gap(void **state) {
    (void)state;
    aksu_config config = plain();
    config.block_max = 16;
    config.block_bytes = 1024;
    struct peer p = peer_joined(&config);
    for (uint32_t i = 2; i < config.block_max; i++)
        peer_says(
            &p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1 + i * config.block_bytes, .ack = 1, .bytes = 1});
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 1500});
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
    assert_int_equal(info.bytes_received, 1500);
    assert_int_equal(info.rcv_out_of_order_bytes, 0);
    static uint8_t buf[4096];
    size_t bytes;
    assert_int_equal(aksu_tcp_recv(p.w->stack[SERVER], p.sock, buf, sizeof buf, &bytes), AKSU_OK);
    assert_int_equal(bytes, 1500);
    for (size_t i = 0; i < bytes; i++) assert_int_equal(buf[i], 'p');
    world_close(p.w);
}

/* A window that memory alone keeps shut is told of when there is some again: the peer's probes come ever more seldom.
 */
static void window_shut_for_want_of_memory_opens_by_itself(void **state) {
    (void)state;
    enum { PEERS = 4, SEGMENTS = 4, BYTES = 1024 };
    aksu_config config = plain();
    config.block_bytes = 512;
    config.block_max = 38; /* four buffers, and less than an eighth */
    config.tcp.rcv_buf_bytes = SEGMENTS * BYTES;
    config.tcp.mss_bytes = 536;
    struct peer p[PEERS] = {peer_joined(&config)};
    aksu_stack *stack = p[0].w->stack[SERVER];
    for (int i = 1; i < PEERS; i++) {
        p[i] = p[0];
        p[i].addr = aksu_addr_v4(192, 0, 2, (uint8_t)(70 + i));
        peer_says(&p[i], (struct peer_segment){.flags = AKSU_TCP_SYN});
        peer_learn(&p[i]);
        peer_says(&p[i], (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
        assert_int_equal(aksu_tcp_accept(stack, p[i].listener, &p[i].sock), AKSU_OK);
    }
    for (uint32_t i = 0; i < PEERS * SEGMENTS; i++)
        peer_says(&p[i % PEERS],
                  (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1 + i / PEERS * BYTES, .ack = 1, .bytes = BYTES});
    static uint8_t buf[SEGMENTS * BYTES];
    size_t bytes;
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_recv(stack, p[0].sock, buf, 600, &bytes), AKSU_OK);
    world_run(p[0].w, 100000);
    assert_int_equal(aksu_tcp_status(stack, p[0].sock, &info), AKSU_OK);
    assert_int_equal(info.bytes_received, sizeof buf);
    assert_int_equal(info.rcv_wnd, 0);
    assert_int_equal(aksu_tcp_recv(stack, p[1].sock, buf, sizeof buf, &bytes), AKSU_OK);
    world_run(p[0].w, 100000);
    assert_int_equal(aksu_tcp_status(stack, p[0].sock, &info), AKSU_OK);
    assert_true(info.rcv_wnd >= 536);
    world_close(p[0].w);
}

/* The line for memory is left with the connection: a place in it would wake what is over. */
static void waiting_for_memory_ends_with_the_connection(void **state) {
    (void)state;
    aksu_config config = plain();
    config.block_bytes = 512;
    config.block_max = 8; /* less than the first window takes: one ACK frees all */
    struct peer p = peer_joined(&config);
    static uint8_t data[1u << 18];
    size_t sent, bytes;
    assert_int_equal(aksu_tcp_send(p.w->stack[SERVER], p.sock, data, sizeof data, 0, &sent), AKSU_OK);
    assert_true(sent < sizeof data);
    assert_int_equal(aksu_tcp_send(p.w->stack[SERVER], p.sock, data, sizeof data, 0, &bytes), AKSU_ERR_AGAIN);
    assert_int_equal(aksu_tcp_shutdown(p.w->stack[SERVER], p.sock), AKSU_OK);
    uint8_t packet[PEER_PACKET_MAX];
    for (uint32_t acked = 0; acked < sent;) {
        world_run(p.w, 1000);
        aksu_tcp_info info;
        assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
        acked = info.snd_nxt - p.iss - 1;
        bool last = acked >= sent;
        struct ak_tcp_header header = {.src_port = PEER_PORT,
                                       .dst_port = 80,
                                       .seq = {PEER_ISS + 1},
                                       .ack = {info.snd_nxt},
                                       .flags = AKSU_TCP_ACK | (last ? AKSU_TCP_FIN : 0),
                                       .wnd = 65535};
        peer_input(&p, packet, peer_packet(&p, packet, &header, 0));
    }
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_TIME_WAIT);
    p.w->seen_count = 0;
    world_run(p.w, 1000000);
    assert_int_equal(world_sent(p.w, SERVER, AKSU_TCP_ACK), 1);
    world_close(p.w);
}

/* Attack row 60: who has sent no cookie takes none, however well it is guessed.  A stack of the same secrets plays the
 * guesser. */
static void cookie_that_nobody_was_sent_is_refused(void **state) {
    (void)state;
    aksu_config config = plain();
    config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
    struct peer guesser = peer_open(&config);
    peer_syn(&guesser);
    config.syn_cookies = AKSU_SYN_COOKIES_AUTO;
    struct peer p = peer_open(&config);
    p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
    p.iss = guesser.iss;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(tcbs(&p), 0);
    assert_int_equal(world_sent(p.w, SERVER, AKSU_TCP_RST), 1);
    peer_says(&guesser, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(tcbs(&guesser), 1); /* it is a good one where it was sent */
    world_close(guesser.w);
    world_close(p.w);
}

/* A challenge that its budget kept back is not counted as sent. */
static void challenge_of_time_wait_is_counted_when_sent(void **state) {
    (void)state;
    aksu_config config = plain();
    config.rst_per_second = 2;
    struct peer p = peer_joined(&config);
    assert_int_equal(aksu_tcp_close(p.w->stack[SERVER], p.sock), AKSU_OK);
    world_run(p.w, 1000);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_FIN | AKSU_TCP_ACK, .seq = 1, .ack = 2});
    for (int i = 0; i < 10; i++) peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN, .seq = 0});
    aksu_counters counters;
    aksu_counters_get(p.w->stack[SERVER], &counters);
    assert_int_equal(counters.time_wait_used, 1);
    assert_int_equal(counters.tcp_challenges_sent + counters.drop[AKSU_DROP_REPLY_RATE], 10);
    assert_true(counters.drop[AKSU_DROP_REPLY_RATE] >= 7);
    world_close(p.w);
}

/* RFC 5681 s2: a duplicate ACK carries no data; a probe of our shut window does, though its byte is refused. */
static void probe_of_our_shut_window_is_no_duplicate_ack(void **state) {
    (void)state;
    aksu_config config = plain();
    config.tcp.rcv_buf_bytes = 256;
    struct peer p = peer_joined(&config);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 256});
    we_send(&p, 5000);
    for (int i = 0; i < 4; i++)
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 257, .ack = 1, .bytes = 1});
    aksu_counters counters;
    aksu_counters_get(p.w->stack[SERVER], &counters);
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_WINDOW_FULL), 4);
    assert_int_equal(counters.fast_retransmits, 0);
    world_close(p.w);
}

/* What a cookie brings back is no more than we offer: a peer that changes the bits in our timestamp gains nothing. */
static void cookie_brings_back_only_what_we_offer(void **state) {
    (void)state;
    aksu_config config = plain();
    config.tcp.timestamps = 1;
    config.tcp.window_scale = 0;
    config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_TIMESTAMPS, .ts_val = 7};
    peer_syn(&p);
    p.options.ts_ecr = (p.w->seen[1].segment.options.ts_val & ~0x3fu) | 0x37;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
    assert_true(info.timestamps);
    assert_false(info.sack);
    assert_int_equal(info.snd_wscale, 0);
    world_close(p.w);
}

/* While cookies are about, an ACK that carries none has its own reason. */
static void ack_with_a_bad_cookie_is_counted_as_one(void **state) {
    (void)state;
    aksu_config config = plain();
    config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
    struct peer p = peer_open(&config);
    peer_syn(&p);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 2});
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_COOKIE_INVALID), 1);
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_NO_CONNECTION), 0);
    assert_int_equal(world_sent(p.w, SERVER, AKSU_TCP_RST), 1);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamp_missing_from_the_handshakes_end_leaves_nothing),
        cmocka_unit_test(timestamp_of_a_dropped_segment_is_not_taken),
        cmocka_unit_test(timestamp_older_after_24_days_is_taken),
        cmocka_unit_test(window_of_a_crossing_syn_ack_is_not_scaled),
        cmocka_unit_test(close_with_linger_before_any_output_resets_in_time),
        cmocka_unit_test(close_unread_in_last_ack_resets),
        cmocka_unit_test(orphan_with_a_shut_window_ends),
        cmocka_unit_test(low_water_mark_above_the_buffer_is_told_when_the_window_shuts),
        cmocka_unit_test(segment_out_of_window_does_not_answer_a_keepalive),
        cmocka_unit_test(shut_window_after_our_fin_probes_nothing),
        cmocka_unit_test(text_out_of_order_does_not_starve_other_connections),
        cmocka_unit_test(text_out_of_order_does_not_keep_out_what_fills_the_gap),
        cmocka_unit_test(window_shut_for_want_of_memory_opens_by_itself),
        cmocka_unit_test(waiting_for_memory_ends_with_the_connection),
        cmocka_unit_test(cookie_that_nobody_was_sent_is_refused),
        cmocka_unit_test(challenge_of_time_wait_is_counted_when_sent),
        cmocka_unit_test(probe_of_our_shut_window_is_no_duplicate_ack),
        cmocka_unit_test(cookie_brings_back_only_what_we_offer),
        cmocka_unit_test(ack_with_a_bad_cookie_is_counted_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
