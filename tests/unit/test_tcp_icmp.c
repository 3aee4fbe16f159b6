/* ICMP errors at a connection: RFC 9293 s3.9.2.2, RFC 1122 s4.2.3.9, RFC 5461, RFC 5927. */
#include "tcp_peer.h"

enum { UNREACHABLE = 3, SOURCE_QUENCH = 4, TIME_EXCEEDED = 11, PARAMETER_PROBLEM = 12 };

static aksu_config plain_config(void) {
    aksu_config config = world_config();
    config.tcp.timestamps = config.tcp.window_scale = 0;
    return config;
}

static aksu_tcp_info status(struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info;
}

/* MUST-54, SHLD-26: in SYN-SENT a hard error ends the attempt, and says which. */
static void hard_error_in_syn_sent_ends_the_attempt(void **state) {
    (void)state;
    static const struct {
        uint8_t code;
        aksu_reason reason;
    } hard[] = {{2, AKSU_REASON_PROTOCOL_UNREACHABLE}, {3, AKSU_REASON_PORT_UNREACHABLE}};
    aksu_config config = plain_config();
    for (uint32_t i = 0; i < sizeof hard / sizeof hard[0]; i++) {
        struct peer p = peer_open(&config);
        peer_called(&p);
        peer_icmp(&p, UNREACHABLE, hard[i].code, 0, 0);
        aksu_reason reason = AKSU_REASON_NONE;
        assert_true(world_events(p.w, SERVER, &reason) & AKSU_EV_CLOSED);
        assert_int_equal(reason, AKSU_REASON_UNREACHABLE);
        assert_int_equal(status(&p).soft_error, hard[i].reason);
        world_close(p.w);
    }
}

/* MUST-47, MUST-56, SHLD-25, U-2: soft errors end nothing, are told, and can be asked for. */
static void soft_error_is_told_and_ends_nothing(void **state) {
    (void)state;
    static const struct {
        uint8_t type, code;
        aksu_reason reason;
    } soft[] = {
        {UNREACHABLE, 0, AKSU_REASON_NET_UNREACHABLE},         {UNREACHABLE, 1, AKSU_REASON_HOST_UNREACHABLE},
        {UNREACHABLE, 5, AKSU_REASON_SOURCE_ROUTE_FAILED},     {TIME_EXCEEDED, 0, AKSU_REASON_TTL_EXCEEDED},
        {PARAMETER_PROBLEM, 0, AKSU_REASON_PARAMETER_PROBLEM},
    };
    aksu_config config = plain_config();
    for (uint32_t i = 0; i < sizeof soft / sizeof soft[0]; i++) {
        for (int established = 0; established < 2; established++) {
            struct peer p = peer_open(&config);
            if (established) {
                world_close(p.w);
                p = peer_joined(&config);
                we_send(&p, 10);
            } else {
                peer_called(&p);
            }
            peer_icmp(&p, soft[i].type, soft[i].code, 0, established ? 1 : 0);
            aksu_reason reason = AKSU_REASON_NONE;
            uint32_t bits = world_events(p.w, SERVER, &reason);
            assert_true(bits & AKSU_EV_SOFT_ERROR);
            assert_false(bits & AKSU_EV_CLOSED);
            assert_int_equal(reason, soft[i].reason);
            aksu_tcp_info info = status(&p);
            assert_int_equal(info.soft_error, soft[i].reason);
            assert_int_equal(info.state, established ? AK_TCP_ESTABLISHED : AK_TCP_SYN_SENT);
            assert_int_equal(status(&p).soft_error, AKSU_REASON_NONE); /* asking clears it */
            world_close(p.w);
        }
    }
}

/* RFC 5927 s6.2: what ends an attempt does not end a connection.  attack: 50 */
static void hard_error_in_established_is_soft(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    we_send(&p, 10);
    peer_icmp(&p, UNREACHABLE, 3, 0, 1);
    assert_int_equal(world_events(p.w, SERVER, NULL) & (AKSU_EV_CLOSED | AKSU_EV_SOFT_ERROR), AKSU_EV_SOFT_ERROR);
    assert_int_equal(status(&p).state, AK_TCP_ESTABLISHED);
    world_close(p.w);
}

/* RFC 5927 s4.1: a quote that names no byte in flight is no answer to anything that we have sent.  attack: 50 */
static void error_quoting_no_byte_in_flight_is_ignored(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    we_send(&p, 10);
    peer_icmp(&p, UNREACHABLE, 1, 0, 0);
    peer_icmp(&p, UNREACHABLE, 1, 0, 11);
    peer_icmp(&p, UNREACHABLE, 1, 0, 1000000);
    assert_int_equal(world_events(p.w, SERVER, NULL) & AKSU_EV_SOFT_ERROR, 0);
    assert_int_equal(our_drops(&p, AKSU_DROP_ICMP_QUOTE), 3);
    world_close(p.w);
}

/* MUST-55: silently.  attack: 52 */
static void source_quench_is_discarded(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    we_send(&p, 10);
    uint32_t cwnd = status(&p).cwnd_bytes;
    uint32_t before = p.w->seen_count;
    peer_icmp(&p, SOURCE_QUENCH, 0, 0, 1);
    assert_int_equal(world_events(p.w, SERVER, NULL), 0);
    assert_int_equal(p.w->seen_count, before);
    assert_int_equal(status(&p).cwnd_bytes, cwnd);
    world_close(p.w);
}

/* SHLD-20: the reports can be turned off; what they say can still be asked for. */
static void soft_errors_off_are_not_told(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    assert_int_equal(aksu_tcp_set(p.w->stack[SERVER], p.sock, AKSU_TCP_SOFT_ERRORS, 0), AKSU_OK);
    we_send(&p, 10);
    peer_icmp(&p, UNREACHABLE, 1, 0, 1);
    assert_int_equal(world_events(p.w, SERVER, NULL) & AKSU_EV_SOFT_ERROR, 0);
    assert_int_equal(status(&p).soft_error, AKSU_REASON_HOST_UNREACHABLE);
    world_close(p.w);
}

/* SHLD-9, U-2: after R1 retransmissions the application hears that the path is in doubt. */
static void excessive_retransmission_is_told(void **state) {
    (void)state;
    aksu_config config = plain_config();
    struct peer p = peer_joined(&config);
    we_send(&p, 10);
    world_run(p.w, 1000000);
    assert_int_equal(world_events(p.w, SERVER, NULL) & AKSU_EV_SOFT_ERROR, 0);
    world_run(p.w, 1000000);
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(p.w, SERVER, &reason) & AKSU_EV_SOFT_ERROR);
    assert_int_equal(reason, AKSU_REASON_RETRANSMITTING);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hard_error_in_syn_sent_ends_the_attempt),
        cmocka_unit_test(soft_error_is_told_and_ends_nothing),
        cmocka_unit_test(hard_error_in_established_is_soft),
        cmocka_unit_test(error_quoting_no_byte_in_flight_is_ignored),
        cmocka_unit_test(source_quench_is_discarded),
        cmocka_unit_test(soft_errors_off_are_not_told),
        cmocka_unit_test(excessive_retransmission_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
