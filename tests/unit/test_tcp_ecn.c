/* Explicit Congestion Notification: RFC 3168.
 *
 * req: SHLD-8 */
#include "tcp_peer.h"

enum { SEG = 536, ECT_0 = 2, CE = 3, ECE = AKSU_TCP_ECE, CWR = AKSU_TCP_CWR };

static aksu_config ecn_config(uint64_t setting) {
    aksu_config config = world_config();
    config.tcp.ecn = setting;
    config.tcp.delayed_ack_us = 0;
    config.tcp.congestion_control = (uint64_t)aksu_cc_index("newreno");
    return config;
}

static struct peer ecn_peer(uint64_t setting) {
    aksu_config config = ecn_config(setting);
    return peer_open(&config);
}

static const struct tcp_seen *our_last(const struct peer *p) {
    uint32_t i = p->w->seen_count;
    while (i > 0 && p->w->seen[i - 1].from != SERVER) i--;
    assert_true(i > 0);
    return &p->w->seen[i - 1];
}

static uint16_t ecn_flags(const struct tcp_seen *seen) {
    return seen->segment.flags & (ECE | CWR);
}

/* Established, ECN agreed on. */
static struct peer ecn_joined_with(const aksu_config *config) {
    struct peer p = peer_open(config);
    p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN | ECE | CWR});
    peer_learn(&p);
    assert_int_equal(ecn_flags(our_last(&p)), ECE);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    p.w->first = p.w->seen_count;
    return p;
}

static struct peer ecn_joined(void) {
    aksu_config config = ecn_config(AKSU_ECN_PASSIVE);
    return ecn_joined_with(&config);
}

static uint32_t cwnd_of(const struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info.cwnd_bytes;
}

static aksu_counters counters_of(const struct peer *p) {
    aksu_counters counters;
    aksu_counters_get(p->w->stack[SERVER], &counters);
    return counters;
}

/* s6.1.1: an ECN-setup SYN,ACK "with the ECE flag set and the CWR flag not set" answers an ECN-setup SYN only.
 * RFC3168-6.1.1-a, RFC3168-6.1.1-f, RFC3168-6.1.1-g, RFC3168-6.1.1-h */
static void syn_asks_or_not_answer_follows_setting(void **state) {
    (void)state;
    static const struct {
        uint64_t setting;
        uint8_t syn, answer;
    } rows[] = {
        {AKSU_ECN_PASSIVE, ECE | CWR, ECE}, {AKSU_ECN_ACTIVE, ECE | CWR, ECE}, {AKSU_ECN_OFF, ECE | CWR, 0},
        {AKSU_ECN_PASSIVE, ECE, 0},         {AKSU_ECN_PASSIVE, CWR, 0},        {AKSU_ECN_ACTIVE, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct peer p = ecn_peer(rows[i].setting);
        p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
        peer_says(&p, (struct peer_segment){.flags = (uint8_t)(AKSU_TCP_SYN | rows[i].syn)});
        assert_int_equal(our_last(&p)->segment.flags & AKSU_TCP_SYN, AKSU_TCP_SYN);
        assert_int_equal(ecn_flags(our_last(&p)), rows[i].answer);
        assert_int_equal(our_last(&p)->tos & CE, 0); /* s6.1.1: never ECT on a SYN or SYN,ACK */
        world_close(p.w);
    }
}

/* s6.1.1: only the host that asked and was granted sends ECT; a SYN,ACK with both bits only reflects ours.
 * RFC3168-6.1.1-b, RFC3168-6.1.1-c, RFC3168-6.1.1-g, RFC3168-6.1.2-a */
static void active_open_data_is_ect_if_the_answer_agrees(void **state) {
    (void)state;
    static const uint8_t answers[] = {ECE, 0, ECE | CWR, CWR};
    for (size_t i = 0; i < sizeof answers; i++) {
        struct peer p = ecn_peer(AKSU_ECN_ACTIVE);
        peer_called(&p);
        assert_int_equal(ecn_flags(our_last(&p)), ECE | CWR);
        peer_says(&p, (struct peer_segment){
                          .flags = (uint8_t)(AKSU_TCP_SYN | AKSU_TCP_ACK | answers[i]), .seq = 0, .ack = 1});
        we_send(&p, SEG);
        assert_int_equal(our_last(&p)->segment.payload_bytes, SEG);
        assert_int_equal(our_last(&p)->tos & CE, answers[i] == ECE ? ECT_0 : 0);
        world_close(p.w);
    }
}

/* s6.1.1.1: a SYN that drew no answer is sent again without, and then "MUST NOT set ECT on data packets".
 * RFC3168-6.1.1-b */
static void syn_unanswered_goes_again_without_ecn(void **state) {
    (void)state;
    struct peer p = ecn_peer(AKSU_ECN_ACTIVE);
    peer_called(&p);
    world_run(p.w, 1500000);
    assert_int_equal(our_last(&p)->segment.flags, AKSU_TCP_SYN);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN | AKSU_TCP_ACK | ECE, .seq = 0, .ack = 1});
    we_send(&p, SEG);
    assert_int_equal(our_last(&p)->tos & CE, 0);
    world_close(p.w);
}

/* s6.1.4 to s6.1.6: new data only.
 * RFC3168-5.2-a, RFC3168-5.2-b, RFC3168-6.1.4-a, RFC3168-6.1.5-a, RFC3168-6.1.5-c */
static void retransmission_and_bare_ack_are_not_ect(void **state) {
    (void)state;
    struct peer p = ecn_joined();
    we_send(&p, SEG);
    assert_int_equal(our_last(&p)->tos & CE, ECT_0);
    world_run(p.w, 300000);
    assert_true(our_last(&p)->segment.retransmission);
    assert_int_equal(our_last(&p)->tos & CE, 0);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1 + SEG, .bytes = 10});
    assert_int_equal(our_last(&p)->segment.payload_bytes, 0);
    assert_int_equal(our_last(&p)->tos & CE, 0);
    world_close(p.w);
}

/* s6.1.3: "the ECN-Echo flag in the TCP header of the subsequent ACK packet", until a packet with CWR; marks on that
 * one begin it again.
 * RFC3168-6.1.1-e */
static void marked_data_is_echoed_until_cwr(void **state) {
    (void)state;
    struct peer p = ecn_joined();
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 10});
    assert_int_equal(ecn_flags(our_last(&p)), ECE);
    p.tos = ECT_0;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 11, .ack = 1, .bytes = 10});
    assert_int_equal(ecn_flags(our_last(&p)), ECE);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | CWR, .seq = 21, .ack = 1, .bytes = 10});
    assert_int_equal(ecn_flags(our_last(&p)), 0);
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | CWR, .seq = 31, .ack = 1, .bytes = 10});
    assert_int_equal(ecn_flags(our_last(&p)), ECE);
    assert_int_equal(counters_of(&p).ecn_marks_received, 2);
    world_close(p.w);
}

/* A mark on a connection that did not agree on ECN means nothing. */
static void marked_data_without_ecn_is_not_echoed(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.tcp.delayed_ack_us = 0;
    struct peer p = peer_joined(&config);
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 10});
    assert_int_equal(ecn_flags(our_last(&p)), 0);
    world_close(p.w);
}

/* s6.1.2: "the TCP source halves the congestion window", "not ... more than once per window of data", and "sets the CWR
 * flag in the TCP header of the first new data packet sent after the window reduction".
 * RFC3168-5-b, RFC3168-6.1.2-b, RFC3168-6.1.2-e */
static void echo_halves_the_window_once_a_round_trip(void **state) {
    (void)state;
    struct peer p = ecn_joined();
    we_send(&p, 60 * SEG);
    uint32_t sent = p.w->seen_count - p.w->first;
    assert_int_equal(sent, 10);
    uint32_t before = cwnd_of(&p);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | ECE, .seq = 1, .ack = 1 + SEG});
    assert_in_range(cwnd_of(&p), before / 2, before / 2 + SEG);
    uint32_t once = cwnd_of(&p);
    uint32_t cwr = 0;
    for (uint32_t ack = 2; ack <= 10; ack++) {
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | ECE, .seq = 1, .ack = 1 + ack * SEG});
        assert_int_equal(cwnd_of(&p), once); /* "SHOULD NOT increase the congestion window" */
    }
    for (uint32_t i = p.w->first; i < p.w->seen_count; i++)
        cwr += p.w->seen[i].from == SERVER && (p.w->seen[i].segment.flags & CWR);
    assert_int_equal(cwr, 1);
    assert_int_equal(counters_of(&p).ecn_reductions, 1);
    assert_int_equal(counters_of(&p).tcp_retransmitted, 0);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | ECE, .seq = 1, .ack = 1 + 12 * SEG});
    assert_int_equal(counters_of(&p).ecn_reductions, 2); /* the next window */
    world_close(p.w);
}

/* s6.1.2, RFC 9438 s4.6: the window goes down to one segment, and then the next segment waits for a retransmission
 * timeout, 200 ms more than the round trip, and for twice that at the next mark.
 * RFC3168-6.1.2-c, RFC9438-4.6-e, RFC9438-4.6-f */
static void echo_goes_on_one_segment_a_timeout(void **state) {
    (void)state;
    static const char *const names[] = {"newreno", "cubic"};
    for (int i = 0; i < 2; i++) {
        aksu_config config = world_config();
        config.tcp.delayed_ack_us = 0;
        config.tcp.congestion_control = (uint64_t)aksu_cc_index(names[i]);
        struct peer p = ecn_joined_with(&config);
        we_send(&p, 60 * SEG);
        uint32_t acked = 0;
        while (cwnd_of(&p) > SEG) { /* all that is in flight, and the next window is marked too */
            assert_true(acked < 40);
            acked += p.w->seen_count - p.w->first;
            p.w->first = p.w->seen_count;
            peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | ECE, .seq = 1, .ack = 1 + acked * SEG});
            p.w->first++; /* the ACK itself */
        }
        assert_int_equal(p.w->seen_count - p.w->first, 1);
        for (uint64_t wait_us = 200000; wait_us <= 800000; wait_us *= 2) {
            p.w->first = p.w->seen_count + 1;
            peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK | ECE, .seq = 1, .ack = 1 + ++acked * SEG});
            world_run(p.w, wait_us - 5000);
            assert_int_equal(p.w->seen_count, p.w->first);
            world_run(p.w, 20000);
            assert_int_equal(p.w->seen_count, p.w->first + 1);
        }
        p.w->first = p.w->seen_count + 1;
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1 + ++acked * SEG});
        assert_true(p.w->seen_count > p.w->first); /* no mark: at once */
        world_close(p.w);
    }
}

/* s6.1.6: "if a window probe arrives with the CE codepoint set, then the receiver SHOULD respond".
 * RFC3168-6.1.6-b */
static void marked_window_probe_is_echoed(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.tcp.delayed_ack_us = 0;
    config.tcp.window_scale = 0;
    config.tcp.rcv_buf_bytes = 1000;
    struct peer p = ecn_joined_with(&config);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 1000});
    assert_int_equal(our_last(&p)->segment.wnd, 0);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1001, .ack = 1, .bytes = 1});
    assert_int_equal(ecn_flags(our_last(&p)), 0);
    p.tos = CE;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1001, .ack = 1, .bytes = 1});
    assert_int_equal(ecn_flags(our_last(&p)), ECE);
    world_close(p.w);
}

/* s6.1.5: "ignore the CE codepoint on out-of-window packets".
 * RFC3168-6.1.5-b, RFC3168-6.1.5-d */
static void marked_data_outside_the_window_is_not_echoed(void **state) {
    (void)state;
    struct peer p = ecn_joined();
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1, .bytes = 10});
    p.tos = CE;
    static const uint32_t seqs[] = {1, 20000000};
    for (int i = 0; i < 2; i++) {
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = seqs[i], .ack = 1, .bytes = 10});
        assert_int_equal(ecn_flags(our_last(&p)), 0);
    }
    assert_int_equal(counters_of(&p).ecn_marks_received, 0);
    world_close(p.w);
}

/* The cookie keeps what was agreed. */
static void cookie_remembers_ecn(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
    struct peer p = peer_open(&config);
    p.listener = world_listen_on(p.w, SERVER, 80, 8, 0);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_TIMESTAMPS, .ts_val = 5};
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_SYN | ECE | CWR});
    peer_learn(&p);
    assert_int_equal(ecn_flags(our_last(&p)), ECE);
    p.options.ts_ecr = our_last(&p)->segment.options.ts_val;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    we_send(&p, 100);
    assert_int_equal(our_last(&p)->tos & CE, ECT_0);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_asks_or_not_answer_follows_setting),
        cmocka_unit_test(active_open_data_is_ect_if_the_answer_agrees),
        cmocka_unit_test(syn_unanswered_goes_again_without_ecn),
        cmocka_unit_test(retransmission_and_bare_ack_are_not_ect),
        cmocka_unit_test(marked_data_is_echoed_until_cwr),
        cmocka_unit_test(marked_data_without_ecn_is_not_echoed),
        cmocka_unit_test(echo_halves_the_window_once_a_round_trip),
        cmocka_unit_test(echo_goes_on_one_segment_a_timeout),
        cmocka_unit_test(marked_window_probe_is_echoed),
        cmocka_unit_test(marked_data_outside_the_window_is_not_echoed),
        cmocka_unit_test(cookie_remembers_ecn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
