/* Options and segment sizes: RFC 9293 s3.1, s3.2, s3.7.1, RFC 7323, RFC 6691. */
#include "tcp_peer.h"

static aksu_config plain_config(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = config.tcp.window_scale = config.tcp.sack = 0;
    return config;
}

static size_t readable(struct peer *p) {
    uint8_t buf[4096];
    size_t bytes = 0;
    aksu_err err = aksu_tcp_recv(p->w->stack[SERVER], p->sock, buf, sizeof buf, &bytes);
    return err == AKSU_OK ? bytes : 0;
}

/* A data segment of 5 bytes, next in order, whose option bytes are these (a multiple of 4). */
static void says_with_options(struct peer *p, uint32_t seq, const uint8_t *options, uint32_t option_bytes) {
    uint8_t packet[PEER_PACKET_MAX];
    struct ak_tcp_header header = {.src_port = PEER_PORT,
                                   .dst_port = 80,
                                   .seq = {PEER_ISS + seq},
                                   .ack = {p->iss + 1},
                                   .flags = AKSU_TCP_ACK,
                                   .wnd = 1000};
    uint32_t bytes = peer_packet(p, packet, &header, 5) + option_bytes;
    memmove(packet + 40 + option_bytes, packet + 40, 5);
    memcpy(packet + 40, options, option_bytes);
    packet[32] = (uint8_t)((5 + option_bytes / 4) << 4);
    ak_put16(packet + 2, (uint16_t)bytes);
    packet[10] = packet[11] = packet[36] = packet[37] = 0;
    struct ak_sum sum = {0};
    ak_sum_add(&sum, packet, 20);
    ak_put16(packet + 10, (uint16_t)~ak_sum_fold(&sum));
    aksu_addr us = world_addr(SERVER);
    struct ak_sum tcp_sum = {0};
    ak_sum_pseudo(&tcp_sum, &p->addr, &us, AK_IP_PROTOCOL_TCP, bytes - 20);
    ak_sum_add(&tcp_sum, packet + 20, bytes - 20);
    ak_put16(packet + 36, (uint16_t)~ak_sum_fold(&tcp_sum));
    peer_input(p, packet, bytes);
    world_run(p->w, 1000);
}

/* MUST-4, MUST-5, MUST-6, MUST-64, MUST-68: end, no-operation and MSS anywhere, unknown ones by their length, and any
 * of them at an odd place. */
static void options_known_and_unknown_in_any_segment_are_survived(void **state) {
    (void)state;
    static const uint8_t options[][12] = {
        {1, 1, 1, 1},                           /* nothing at all */
        {0, 0xff, 0xff, 0xff},                  /* what follows the end is not looked at */
        {2, 4, 5, 0xb4},                        /* an MSS outside a SYN means nothing */
        {1, 2, 4, 5, 0xb4, 1, 1, 1},            /* at an odd place */
        {253, 4, 0x12, 0x34},                   /* experimental */
        {254, 9, 1, 2, 3, 4, 5, 6, 7, 1, 1, 1}, /* of an odd length */
    };
    static const uint8_t bytes[] = {4, 4, 4, 8, 4, 12};
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        says_with_options(&p, 1 + 5 * i, options[i], bytes[i]);
        assert_int_equal(readable(&p), 5);
    }
    world_close(p.w);
}

/* MUST-7, ruling R10: lengths that cannot be: the segment is dropped and counted, nothing else.  attack: 15 */
static void options_of_illegal_length_drop_the_segment(void **state) {
    (void)state;
    static const uint8_t options[][4] = {
        {8, 0, 1, 1}, {8, 1, 1, 1}, {253, 5, 1, 1}, {1, 1, 1, 5}, {2, 3, 1, 1}, {8, 255, 1, 1},
    };
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    for (uint32_t i = 0; i < sizeof options / sizeof options[0]; i++) says_with_options(&p, 1, options[i], 4);
    assert_int_equal(readable(&p), 0);
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_OPTION_LENGTH), sizeof options / sizeof options[0]);
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_ESTABLISHED);
    world_close(p.w);
}

/* The payload of the longest segment that we send to a peer whose SYN said this. */
static uint32_t longest(const aksu_config *config, aksu_tcp_options syn_options, uint32_t *ret_our_mss) {
    struct peer p = peer_open(config);
    p.options = syn_options;
    peer_syn(&p);
    *ret_our_mss = p.w->seen[1].segment.options.present & AKSU_OPT_MSS ? p.w->seen[1].segment.options.mss : 0;
    p.options = (aksu_tcp_options){.present = syn_options.present & AKSU_OPT_TIMESTAMPS, .ts_val = 2};
    if (p.options.present) p.options.ts_ecr = p.w->seen[1].segment.options.ts_val;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    we_send(&p, 5000);
    uint32_t most = 0;
    for (uint32_t i = 0; i < p.w->seen_count; i++) {
        const struct tcp_seen *seen = &p.w->seen[i];
        if (seen->from == SERVER && seen->segment.payload_bytes > most) most = seen->segment.payload_bytes;
        bool syn = (seen->segment.flags & AKSU_TCP_SYN) != 0;
        if (seen->from == SERVER) assert_true(syn || (seen->segment.options.present & AKSU_OPT_MSS) == 0); /* MUST-65 */
    }
    world_close(p.w);
    return most;
}

/* MUST-14, MUST-15, MUST-16, MUST-65, MUST-67, SHLD-5, MAY-3: ours is said in every SYN, and no larger than what fits
 * the MTU; theirs is heeded, is 536 where it was not said, and options come off it.  attack: 16 */
static void mss_is_said_heeded_and_less_the_options(void **state) {
    (void)state;
    aksu_config config = plain_config();
    uint32_t ours;
    assert_int_equal(longest(&config, (aksu_tcp_options){.present = 0}, &ours), 536);
    assert_int_equal(ours, 1460);
    aksu_tcp_options options = {.present = AKSU_OPT_MSS, .mss = 1000};
    assert_int_equal(longest(&config, options, &ours), 1000);
    options.mss = 9000; /* more than our link takes */
    assert_int_equal(longest(&config, options, &ours), 1460);
    options.mss = 1; /* CVE-2019-11479: a floor */
    assert_in_range(longest(&config, options, &ours), 8, 536);
    config.tcp.timestamps = 1;
    options = (aksu_tcp_options){.present = AKSU_OPT_MSS | AKSU_OPT_TIMESTAMPS, .mss = 1000, .ts_val = 1};
    assert_int_equal(longest(&config, options, &ours), 1000 - 12);
    config.tcp.mss_bytes = 700;
    assert_int_equal(longest(&config, options, &ours), 1000 - 12);
    assert_int_equal(ours, 700);
}

/* MUST-69: what we write after the end of options is zero. */
static void padding_after_the_options_is_zero(void **state) {
    (void)state;
    for (uint32_t present = 0; present < 256; present++) {
        struct ak_tcp_header header = {
            .src_port = 1,
            .dst_port = 2,
            .flags = AKSU_TCP_SYN,
            .options = {.present = (uint8_t)(present & ~(uint32_t)AKSU_OPT_UNKNOWN & ~(uint32_t)AKSU_OPT_SACK),
                        .fast_open_cookie_bytes = 8}};
        for (int order = AK_OPTION_ORDER_LINUX; order <= AK_OPTION_ORDER_FREEBSD; order++) {
            uint8_t tcp[80];
            memset(tcp, 0xee, sizeof tcp);
            uint32_t bytes = ak_wire_tcp_build(tcp, &header, (enum ak_option_order)order);
            uint32_t at = 20;
            while (at < bytes && tcp[at] != 0) at += tcp[at] == 1 ? 1u : tcp[at + 1];
            for (; at < bytes; at++) assert_int_equal(tcp[at], 0);
        }
    }
}

/* RFC 7323 s2.2, s2.3: a shift above 14 counts as 14; the window of a SYN is never scaled.
 * RFC7323-2.2-d, RFC7323-2.3-f, RFC7323-2.3-j */
static void window_scale_is_at_most_14(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.window_scale = 1;
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_WSCALE, .wscale = 200};
    p.wnd = 5000;
    peer_syn(&p);
    p.options.present = 0;
    p.wnd = 1;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p.w->stack[SERVER], p.sock, &info), AKSU_OK);
    assert_int_equal(info.snd_wnd, 1u << 14);
    world_close(p.w);
}

/* RFC 7323 s5.3: older timestamps are dropped and answered; s3.2: one that is missing is dropped; R3: an RST without
 * one still counts.
 * RFC7323-3.2-h, RFC7323-3.2-i, RFC7323-5.2-f, RFC7323-5.3-a */
static void timestamps_old_or_missing_drop_the_segment(void **state) {
    (void)state;
    aksu_config config = plain_config();
    config.tcp.timestamps = 1;
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_TIMESTAMPS, .ts_val = 100};
    peer_syn(&p);
    p.options.ts_ecr = p.w->seen[1].segment.options.ts_val;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    p.options.ts_val = 99;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 5});
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_PAWS), 1);
    p.options.present = 0;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 5});
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_TIMESTAMP_MISSING), 1);
    assert_int_equal(readable(&p), 0);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_RST, .seq = 1});
    assert_int_equal(world_state(p.w, SERVER, p.sock), AK_TCP_CLOSED);
    peer_ladder_is(&p, 0,
                   "             -- SYN 0 -------------------------------> SYN-RECEIVED\n"
                   "             <- SYN,ACK 0 ack 1 ---------------------- SYN-RECEIVED\n"
                   "             -- ACK 1 ack 1 -------------------------> ESTABLISHED\n"
                   "             -- ACK 1..6 ack 1 ----------------------! ESTABLISHED\n"
                   "             <- ACK 1 ack 1 -------------------------- ESTABLISHED\n"
                   "             -- ACK 1..6 ack 1 ----------------------! ESTABLISHED\n"
                   "             -- RST 1 -------------------------------> CLOSED\n");
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_known_and_unknown_in_any_segment_are_survived),
        cmocka_unit_test(options_of_illegal_length_drop_the_segment),
        cmocka_unit_test(mss_is_said_heeded_and_less_the_options),
        cmocka_unit_test(padding_after_the_options_is_zero),
        cmocka_unit_test(window_scale_is_at_most_14),
        cmocka_unit_test(timestamps_old_or_missing_drop_the_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
