/* A shut window and what it must not spoil: RFC 9293 s3.8.6.1, RFC 6298, RFC 5681. */
#include "tcp_peer.h"

#include "core/core.h"
#include "tcp/loss.h"

/* Joined, a round trip of a millisecond measured, and the window shut with this much queued behind it. */
static struct peer shut_peer(uint8_t present, uint32_t queued) {
    aksu_config config = world_config();
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_MSS | present, .mss = 1000, .ts_val = 1};
    peer_syn(&p);
    p.options.present &= AKSU_OPT_TIMESTAMPS;
    p.options.ts_ecr = p.w->seen[p.w->seen_count - 1].segment.options.ts_val;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    we_send(&p, 500);
    p.wnd = 0;
    p.options.ts_ecr = p.w->seen[p.w->seen_count - 1].segment.options.ts_val;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 501});
    p.w->first = p.w->seen_count;
    we_send(&p, queued);
    return p;
}

static aksu_tcp_info info_of(const struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info;
}

/* RFC 6298 s3, Karn: a probe's byte that went several times, and was taken at last, measures nothing.  MUST-18 */
static void probe_repeated_and_taken_measures_no_round_trip(void **state) {
    (void)state;
    for (int timestamps = 0; timestamps < 2; timestamps++) {
        struct peer p = shut_peer(timestamps ? AKSU_OPT_TIMESTAMPS : 0, 3000);
        uint64_t rto_us = info_of(&p).rto_us;
        uint32_t seen = p.w->seen_count + 5;
        while (p.w->seen_count < seen) world_run(p.w, 10000);
        p.wnd = 65535;
        p.options.ts_ecr = p.w->seen[p.w->seen_count - 1].segment.options.ts_val;
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 502});
        assert_in_range(info_of(&p).rto_us, rto_us, rto_us + (timestamps ? 20000 : 0));
        world_close(p.w);
    }
}

/* The distance of the probes is nothing that the retransmission timer has found out. */
static void window_opens_retransmission_timer_begins_anew(void **state) {
    (void)state;
    struct peer p = shut_peer(0, 3000);
    world_run(p.w, 60000000);
    p.wnd = 65535;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 501});
    uint32_t before = p.w->seen_count;
    world_run(p.w, 500000);
    assert_true(p.w->seen_count > before);
    world_close(p.w);
}

/* The time that STATUS lays to the peer's window, with its probes and after them, and none to a connection that has
 * nothing to send. */
static void window_shut_and_opened_status_tells_the_time(void **state) {
    (void)state;
    enum { SHUT_US = 1500000, IDLE_US = 900000, NEAR_US = 20000 };
    struct peer p = shut_peer(0, 3000);
    uint64_t before = info_of(&p).transfer.busy_time_us;
    world_run(p.w, SHUT_US);
    aksu_advance(p.w->stack[SERVER], p.w->now_us);
    aksu_tcp_info info = info_of(&p);
    assert_true(info.transfer.probes > 0);
    assert_in_range(info.transfer.rwnd_limited_us, SHUT_US - NEAR_US, SHUT_US + NEAR_US);
    assert_in_range(info.transfer.busy_time_us - before, SHUT_US - NEAR_US, SHUT_US + NEAR_US);
    assert_int_equal(info.transfer.sndbuf_limited_us, 0);
    p.wnd = 65535;
    for (uint32_t ack = 501; ack <= 3501; ack += 1000)
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = ack});
    before = info_of(&p).transfer.busy_time_us;
    world_run(p.w, IDLE_US);
    aksu_advance(p.w->stack[SERVER], p.w->now_us);
    info = info_of(&p);
    assert_int_equal(info.transfer.notsent_bytes + info.transfer.unacked, 0);
    assert_int_equal(info.transfer.busy_time_us, before);
    assert_in_range(info.transfer.rwnd_limited_us, SHUT_US - NEAR_US, SHUT_US + NEAR_US);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probe_repeated_and_taken_measures_no_round_trip),
        cmocka_unit_test(window_opens_retransmission_timer_begins_anew),
        cmocka_unit_test(window_shut_and_opened_status_tells_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
