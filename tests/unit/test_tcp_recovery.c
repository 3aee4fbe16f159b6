/* Recovery from loss: RFC 9937 (PRR), RFC 8985 (RACK), RFC 2018 and RFC 6675 (SACK), RFC 6582, RFC 5681 s4.3. */
#include "tcp_peer.h"

#include "tcp/loss.h"

enum { SEG = 536 }; /* the peer's SYN names no MSS: MUST-15 */

/* ---------------------------------------------------------------- PRR by itself */

enum { MSS = 1000 };

static struct ak_transfer prr_open(uint32_t flight_segments, uint32_t ssthresh_segments) {
    struct ak_transfer x = {.ssthresh = ssthresh_segments * MSS, .in_recovery = AK_RECOVERY_FAST};
    ak_prr_begin(&x, flight_segments * MSS);
    return x;
}

/* One segment more was delivered; sends what may go and answers how many segments. */
static uint32_t prr_delivered(struct ak_transfer *x, uint32_t *in_flight, bool safe) {
    struct ak_prr_ack ack = {.delivered_bytes = MSS, .in_flight_bytes = *in_flight, .mss_bytes = MSS, .safe = safe};
    ak_prr_on_ack(x, &ack);
    uint32_t sent = 0;
    for (; x->cwnd >= *in_flight + MSS; sent++) {
        *in_flight += MSS;
        ak_prr_sent(x, MSS);
    }
    return sent;
}

/* RFC 9937 s6.2: "SndCnt = CEIL(prr_delivered * ssthresh / RecoverFS) - prr_out": at half the window, every second ACK
 * lets a segment go, and the flight ends at ssthresh.
 * RFC8985-9.3-b */
static void prr_one_loss_of_twenty_sends_at_every_second_ack(void **state) {
    (void)state;
    struct ak_transfer x = prr_open(20, 10);
    uint32_t in_flight = 19 * MSS; /* the lost one is not on its way */
    uint32_t pause = 0;
    for (int ack = 0; ack < 19; ack++) {
        in_flight -= MSS;
        uint32_t sent = prr_delivered(&x, &in_flight, false);
        assert_true(sent <= 1);
        pause = sent == 0 ? pause + 1 : 0;
        assert_true(pause <= 2); /* the retransmission, at the first ACK, is ahead of its turn */
    }
    assert_int_equal(in_flight, 10 * MSS);
}

/* s6.2: "inflight <= ssthresh": as many as were delivered, and one more while nothing else is lost ("SafeACK"). */
static void prr_heavy_loss_conserves_packets_until_it_is_safe(void **state) {
    (void)state;
    struct ak_transfer x = prr_open(20, 10);
    uint32_t in_flight = 5 * MSS; /* fifteen of twenty lost */
    for (int ack = 0; ack < 4; ack++) {
        in_flight -= MSS;
        assert_int_equal(prr_delivered(&x, &in_flight, false), 1);
    }
    assert_int_equal(in_flight, 5 * MSS);
    for (int ack = 0; ack < 5; ack++) {
        in_flight -= MSS;
        assert_int_equal(prr_delivered(&x, &in_flight, true), 2);
    }
    assert_int_equal(in_flight, 10 * MSS);
    in_flight -= MSS;
    assert_int_equal(prr_delivered(&x, &in_flight, true), 1); /* "min(ssthresh - inflight, SndCnt)" */
}

/* s6.2: "if prr_out is 0 ... SndCnt = MAX(SndCnt, SMSS)": the fast retransmit goes whatever the flight. */
static void prr_first_ack_lets_the_retransmission_go(void **state) {
    (void)state;
    struct ak_transfer x = prr_open(100, 50);
    struct ak_prr_ack ack = {.delivered_bytes = 0, .in_flight_bytes = 99 * MSS, .mss_bytes = MSS};
    ak_prr_on_ack(&x, &ack);
    assert_int_equal(x.cwnd, 100 * MSS);
    ak_prr_sent(&x, MSS);
    ak_prr_on_ack(&x, &ack); /* tells nothing, lets nothing go */
    assert_int_equal(x.cwnd, 100 * MSS);
}

/* ---------------------------------------------------------------- a peer that says what it has */

/* An established connection towards a peer with SACK, and a window of so many segments. */
static struct peer sack_peer(uint32_t window_segments) {
    aksu_config config = world_config();
    config.tcp.timestamps = 0;
    config.tcp.initial_cwnd_segments = window_segments;
    config.tcp.rto_min_us = 1000000;
    struct peer p = peer_open(&config);
    p.options = (aksu_tcp_options){.present = AKSU_OPT_SACK_PERMITTED};
    peer_syn(&p);
    p.options = (aksu_tcp_options){.present = 0};
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    p.w->first = p.w->seen_count;
    return p;
}

struct block {
    uint32_t left, right; /* segments, from 0 */
};

static void peer_sacks(struct peer *p, uint32_t ack_segments, const struct block *blocks, uint32_t count) {
    p->options = (aksu_tcp_options){.present = count > 0 ? AKSU_OPT_SACK : 0, .sack_count = (uint8_t)count};
    for (uint32_t i = 0; i < count; i++)
        p->options.sack[i] =
            (aksu_sack_block){.left = p->iss + 1 + blocks[i].left * SEG, .right = p->iss + 1 + blocks[i].right * SEG};
    peer_says(p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1 + ack_segments * SEG});
}

static aksu_counters counters_of(const struct peer *p) {
    aksu_counters counters;
    aksu_counters_get(p->w->stack[SERVER], &counters);
    return counters;
}

static struct ak_transfer *transfer_of(const struct peer *p) {
    const struct ak_core *core = ak_core_of(p->w->stack[SERVER]);
    return ak_transfer_of(core, ak_tcb_at(core, p->sock.slot));
}

/* How often we have sent the segment. */
static uint32_t times_sent(const struct peer *p, uint32_t segment) {
    uint32_t count = 0;
    for (uint32_t i = p->w->first; i < p->w->seen_count; i++) {
        const struct tcp_seen *seen = &p->w->seen[i];
        if (seen->from != SERVER || seen->segment.payload_bytes == 0) continue;
        uint32_t offset = seen->segment.seq - p->iss - 1;
        count += offset <= segment * SEG && offset + seen->segment.payload_bytes > segment * SEG;
    }
    return count;
}

static aksu_tcp_info info_of(const struct peer *p) {
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(p->w->stack[SERVER], p->sock, &info), AKSU_OK);
    return info;
}

/* Work for each ACK is bounded: a peer that selectively acknowledges every second segment, from the far end or from the
 * near one or to and fro, makes us look at a few records each time, and not at the whole flight. */
static void sack_of_every_second_segment_costs_a_few_steps_each(void **state) {
    (void)state;
    enum { COUNT = 60 };
    for (int way = 0; way < 3; way++) {
        struct peer p = sack_peer(COUNT);
        we_send(&p, COUNT * SEG);
        uint64_t before = counters_of(&p).loss_steps;
        for (uint32_t i = 0; i < COUNT / 2; i++) {
            uint32_t segment = way == 0 ? 2 * i + 1 : COUNT - 1 - 2 * i;
            if (way == 2) segment = i % 2 == 0 ? i + 1 : COUNT - i; /* from both ends towards the middle */
            struct block block = {segment, segment + 1};
            peer_sacks(&p, 0, &block, 1);
        }
        uint64_t steps = counters_of(&p).loss_steps - before;
        /* one for each mark, loss and retransmission, and the way; all of the flight each time would be 1,800 */
        if (way < 2) assert_in_range(steps, COUNT / 2, 5 * COUNT);
        assert_true(steps < 1200);
        world_close(p.w);
    }
}

/* The same loss told again and again takes nothing more. */
static void sack_told_again_costs_a_constant(void **state) {
    (void)state;
    struct peer p = sack_peer(60);
    we_send(&p, 60 * SEG);
    struct block block = {1, 60};
    peer_sacks(&p, 0, &block, 1);
    uint64_t before = counters_of(&p).loss_steps;
    for (int i = 0; i < 100; i++) peer_sacks(&p, 0, &block, 1);
    assert_true(counters_of(&p).loss_steps - before <= 400);
    world_close(p.w);
}

/* RFC 2018 s5: what is selectively acknowledged is not sent again; RFC 6675 s4: blocks of any order.
 * RFC6675-4-d, RFC6675-4-e */
static void sack_holes_only_are_sent_again(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 20 * SEG);
    struct block blocks[] = {{15, 20}, {2, 4}, {5, 10}};
    peer_sacks(&p, 1, blocks, 3);
    for (uint32_t segment = 0; segment < 20; segment++) {
        bool hole = segment == 1 || segment == 4 || (segment >= 10 && segment < 15);
        assert_int_equal(times_sent(&p, segment), hole ? 2 : 1);
    }
    assert_int_equal(counters_of(&p).fast_retransmits, 1);
    world_close(p.w);
}

/* A peer that lies: blocks beyond SND.NXT, turned round, or below SND.UNA mean nothing (attack row 17).  attack: 17 */
static void sack_of_what_was_never_sent_means_nothing(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 20 * SEG);
    struct block blocks[] = {{5, 21}, {7, 6}, {3000000, 3000010}};
    peer_sacks(&p, 1, blocks, 3);
    peer_sacks(&p, 1, blocks, 3);
    for (uint32_t segment = 0; segment < 20; segment++) assert_int_equal(times_sent(&p, segment), 1);
    world_close(p.w);
}

/* Bits of segments: only whole ones count, so that no peer can cut the flight to pieces.  attack: 17 */
static void sack_of_bits_of_segments_cuts_nothing(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 20 * SEG);
    uint32_t held = counters_of(&p).record_used;
    for (uint32_t i = 0; i < 100; i++) {
        p.options = (aksu_tcp_options){.present = AKSU_OPT_SACK, .sack_count = 1};
        p.options.sack[0] =
            (aksu_sack_block){.left = p.iss + 1 + SEG + 10 + 2 * i, .right = p.iss + 1 + SEG + 11 + 2 * i};
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    }
    p.options.sack[0] =
        (aksu_sack_block){.left = p.iss + 1 + 5 * SEG + 10, .right = p.iss + 1 + 6 * SEG + 10}; /* parts of two */
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(counters_of(&p).record_used, held);
    world_close(p.w);
}

/* What lies side by side is one record, whatever came first: 19 of 20 end as one, beside the hole. */
static void sack_of_neighbours_makes_one_record(void **state) {
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct peer p = sack_peer(20);
        we_send(&p, 20 * SEG);
        for (uint32_t i = 1; i < 20; i++) {
            uint32_t segment = way == 0 ? i : way == 1 ? 20 - i : i <= 10 ? 2 * i - 1 : 2 * (i - 10);
            struct block block = {segment, segment + 1};
            peer_sacks(&p, 0, &block, 1);
        }
        assert_int_equal(counters_of(&p).record_used, 2);
        peer_sacks(&p, 20, NULL, 0);
        assert_int_equal(counters_of(&p).record_used, 0);
        world_close(p.w);
    }
}

/* Another congestion control in the middle of a recovery: it ends with a window that the path has borne. */
static void algorithm_changed_in_recovery_ends_it_with_a_window(void **state) {
    (void)state;
    static const char *const names[] = {"cubic", "newreno", "bbr"};
    for (int from = 0; from < 3; from++) {
        for (int to = 0; to < 3; to++) {
            if (from == to) continue;
            struct peer p = sack_peer(20);
            aksu_stack *s = p.w->stack[SERVER];
            aksu_tcp_set(s, p.sock, AKSU_TCP_CONGESTION_CONTROL, (uint64_t)aksu_cc_index(names[from]));
            we_send(&p, 40 * SEG);
            world_run(p.w, 50000);
            peer_sacks(&p, 0, &(struct block){1, 8}, 1);
            world_run(p.w, 50000);
            assert_true(counters_of(&p).fast_retransmits > 0);
            aksu_tcp_set(s, p.sock, AKSU_TCP_CONGESTION_CONTROL, (uint64_t)aksu_cc_index(names[to]));
            peer_sacks(&p, 8, NULL, 0);
            for (int i = 0; i < 6; i++) {
                world_run(p.w, 10000);
                uint32_t nxt = (info_of(&p).snd_nxt - p.iss - 1) / SEG;
                peer_sacks(&p, nxt, NULL, 0);
            }
            assert_in_range(info_of(&p).cwnd_bytes, 2 * SEG, 60 * SEG);
            world_close(p.w);
        }
    }
}

/* An acknowledgment of a part of a segment, as of a receiver that has no room for the rest: the segments behind it are
 * still what the peer tells of. */
static void sack_of_single_segments_after_a_bit_was_acknowledged_counts(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    struct ak_link_state *link = ak_link_state_at(ak_core_of(p.w->stack[SERVER]), 0);
    link->flags |= AKSU_LINK_TSO4 | AKSU_LINK_TX_CHECKSUM;
    link->tso_max_bytes = 65535;
    we_send(&p, 20 * SEG);
    assert_int_equal(counters_of(&p).record_used, 1);
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1 + 2 * SEG + 200});
    const struct ak_transfer *x = transfer_of(&p);
    for (uint32_t i = 0; i < 3; i++) {
        p.options = (aksu_tcp_options){.present = AKSU_OPT_SACK, .sack_count = 1};
        p.options.sack[0] =
            (aksu_sack_block){.left = p.iss + 1 + (5 + 2 * i) * SEG, .right = p.iss + 1 + (6 + 2 * i) * SEG};
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1 + 2 * SEG + 200});
        assert_int_equal(x->sacked_bytes, (i + 1) * SEG);
    }
    world_close(p.w);
}

/* SHLD-16: what a window that was taken back does not hold is not sent, by the probe of the tail either; the persist
 * timer probes. */
static void window_taken_back_tail_is_not_probed(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 5 * SEG);
    world_run(p.w, 1000);
    p.wnd = 0;
    peer_sacks(&p, 1, NULL, 0);
    uint32_t from = p.w->seen_count;
    world_run(p.w, 10000000);
    assert_true(p.w->seen_count > from);
    for (uint32_t i = from; i < p.w->seen_count; i++) assert_in_range(p.w->seen[i].segment.payload_bytes, 0, 1);
    world_close(p.w);
}

/* What STATUS says of a flight, and of the time since the last segment either way. */
static void status_tells_what_is_sacked_lost_and_how_long_ago(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    aksu_tcp_info info = info_of(&p);
    assert_in_range(info.since_received_us, 0, 2048);
    we_send(&p, 20 * SEG);
    world_run(p.w, 100000);
    aksu_advance(p.w->stack[SERVER], p.w->now_us);
    info = info_of(&p);
    assert_in_range(info.since_sent_us, 98000, 103000);
    assert_in_range(info.since_received_us, 98000, 106000);
    peer_sacks(&p, 0, &(struct block){2, 3}, 1);
    info = info_of(&p);
    assert_int_equal(info.transfer.sacked, 1);
    assert_false(info.transfer.reord_seen);
    peer_sacks(&p, 0, &(struct block){1, 3}, 1);
    info = info_of(&p);
    assert_int_equal(info.transfer.sacked, 2);
    assert_true(info.transfer.reord_seen);
    assert_int_equal(info.transfer.backoff, 0);
    world_run(p.w, 3000000);
    info = info_of(&p);
    assert_true(info.transfer.backoff > 0);
    assert_true(info.transfer.lost > 0);
    peer_sacks(&p, 20, NULL, 0);
    assert_int_equal(info_of(&p).transfer.sacked, 0);
    assert_int_equal(info_of(&p).transfer.lost, 0);
    world_close(p.w);
}

/* RFC 2018 s8: "After a retransmit timeout the data sender SHOULD turn off all of the SACKed bits": a peer that has
 * thrown away what it held gets all of it.
 * RFC2018-5-b, RFC2018-8-d, RFC6675-4-b */
static void sack_taken_back_all_is_sent_again_after_the_timeout(void **state) {
    (void)state;
    struct peer p = sack_peer(10);
    we_send(&p, 10 * SEG);
    struct block block = {1, 10};
    peer_sacks(&p, 0, &block, 1);
    peer_sacks(&p, 1, NULL, 0); /* the hole is filled, and nothing of the rest is there */
    for (uint32_t ack = 1; ack <= 10; ack++) {
        world_run(p.w, 5000000);
        peer_sacks(&p, ack, NULL, 0);
        if (info_of(&p).snd_una == p.iss + 1 + 10 * SEG) break;
    }
    for (uint32_t segment = 1; segment < 10; segment++) assert_true(times_sent(&p, segment) >= 2);
    assert_int_equal(info_of(&p).snd_una, p.iss + 1 + 10 * SEG);
    world_close(p.w);
}

/* RFC 8985 s3.2: the retransmission was lost too: what was sent after it has arrived. */
static void retransmission_lost_is_sent_again_without_a_timeout(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 40 * SEG);
    world_run(p.w, 20000);
    struct block first = {1, 10};
    peer_sacks(&p, 0, &first, 1);
    assert_int_equal(times_sent(&p, 0), 2);
    uint32_t once = info_of(&p).ssthresh_bytes;
    assert_int_equal(once, 20 * SEG * 7 / 10);
    world_run(p.w, 30000);
    struct block second = {1, 20};
    peer_sacks(&p, 0, &second, 1); /* new segments go */
    world_run(p.w, 40000);
    struct block third = {1, 22};
    peer_sacks(&p, 0, &third, 1); /* and arrive: sent after the retransmission, which has not */
    world_run(p.w, 50000);
    assert_int_equal(times_sent(&p, 0), 3);
    assert_int_equal(counters_of(&p).rto_fired, 0);
    /* RFC 5681 s4.3: "the loss of a retransmission, should be taken as two indications of congestion" */
    assert_int_equal(info_of(&p).ssthresh_bytes, once * 7 / 10);
    world_close(p.w);
}

/* RFC 6675 s6: the timer begins anew with a retransmission of the oldest segment, so that a recovery of several round
 * trips is no timeout as long as ACKs come. */
static void retransmission_of_the_oldest_restarts_the_timer(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 40 * SEG);
    world_run(p.w, 20000);
    struct block first = {1, 10};
    peer_sacks(&p, 0, &first, 1);
    world_run(p.w, 900000); /* nearly all of the smallest RTO of a second */
    struct block second = {1, 20};
    peer_sacks(&p, 0, &second, 1);
    world_run(p.w, 50000);
    struct block third = {1, 22};
    peer_sacks(&p, 0, &third, 1);
    assert_int_equal(times_sent(&p, 0), 3);
    world_run(p.w, 950000); /* counted from the third transmission */
    assert_int_equal(counters_of(&p).rto_fired, 0);
    world_run(p.w, 200000);
    assert_int_equal(counters_of(&p).rto_fired, 1);
    world_close(p.w);
}

/* RFC 5681 s4.3, RFC 6675 s5: what was sent in a recovery and lost is sent again at once, and is another indication of
 * congestion when that recovery has come to its RecoveryPoint. */
static void loss_in_the_next_window_reduces_when_recovery_ends(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 60 * SEG);
    world_run(p.w, 20000);
    struct block first = {1, 19};
    peer_sacks(&p, 0, &first, 1);
    uint32_t once = info_of(&p).ssthresh_bytes;
    assert_int_equal(once, 20 * SEG * 7 / 10);
    assert_int_equal(times_sent(&p, 24), 1);
    world_run(p.w, 20000);
    struct block second[] = {{1, 19}, {20, 21}}; /* 19, of the first window, too */
    peer_sacks(&p, 0, second, 2);
    assert_int_equal(times_sent(&p, 19), 2);
    world_run(p.w, 5000);
    struct block third[] = {{20, 22}, {23, 25}}; /* 22, sent in the recovery */
    peer_sacks(&p, 19, third, 2);
    assert_int_equal(times_sent(&p, 22), 2);
    assert_int_equal(info_of(&p).ssthresh_bytes, once);
    world_run(p.w, 5000);
    peer_sacks(&p, 22, &third[1], 1); /* beyond the RecoveryPoint */
    assert_int_equal(info_of(&p).ssthresh_bytes, once * 7 / 10);
    assert_int_equal(counters_of(&p).fast_retransmits, 2);
    world_close(p.w);
}

/* RFC 2883: D-SACK tells that it had come after all: the second reduction is taken back, and not the first. */
static void loss_in_the_next_window_that_was_none_is_undone(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 60 * SEG);
    world_run(p.w, 20000);
    struct block first = {1, 19};
    peer_sacks(&p, 0, &first, 1);
    uint32_t once = info_of(&p).ssthresh_bytes;
    world_run(p.w, 20000);
    struct block second[] = {{1, 19}, {20, 21}};
    peer_sacks(&p, 0, second, 2);
    world_run(p.w, 5000);
    struct block third[] = {{20, 22}, {23, 31}};
    peer_sacks(&p, 19, third, 2);
    assert_int_equal(times_sent(&p, 22), 2);
    peer_sacks(&p, 33, NULL, 0);
    assert_int_equal(info_of(&p).ssthresh_bytes, once * 7 / 10);
    struct block duplicate = {22, 23};
    peer_sacks(&p, 33, &duplicate, 1);
    assert_in_range(info_of(&p).ssthresh_bytes, once, 20 * SEG - 1);
    assert_int_equal(counters_of(&p).recoveries_undone, 1);
    world_close(p.w);
}

/* ACKs that come in one batch let nothing go before the last of them: FlightSize is what it was before them. */
static void losses_told_in_a_batch_halve_what_was_in_flight_before_it(void **state) {
    (void)state;
    struct peer p = sack_peer(40);
    we_send(&p, 40 * SEG);
    world_run(p.w, 20000);
    struct ak_tcp_header header = {.src_port = PEER_PORT,
                                   .dst_port = p.our_port,
                                   .seq = {PEER_ISS + 1},
                                   .ack = {p.iss + 1 + 20 * SEG},
                                   .flags = AKSU_TCP_ACK,
                                   .wnd = p.wnd};
    uint8_t packet[PEER_PACKET_MAX];
    peer_input(&p, packet, peer_packet(&p, packet, &header, 0));
    struct block block = {21, 30};
    peer_sacks(&p, 20, &block, 1);
    assert_int_equal(info_of(&p).ssthresh_bytes, 40 * SEG * 7 / 10);
    world_close(p.w);
}

/* RFC 6582 s3.2 step 3: "For the first partial ACK that arrives during fast recovery, also reset the retransmit timer":
 * for the first only, so that a flight with many holes is not mended one in a round trip. */
static void many_holes_without_sack_end_in_a_timeout(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.tcp.sack = 0;
    config.tcp.timestamps = 0;
    config.tcp.initial_cwnd_segments = 20;
    config.tcp.rto_min_us = 1000000;
    struct peer p = peer_joined(&config);
    we_send(&p, 20 * SEG);
    for (int i = 0; i < 3; i++) peer_sacks(&p, 0, NULL, 0);
    assert_int_equal(times_sent(&p, 0), 2);
    for (uint32_t hole = 1; hole <= 3; hole++) { /* 0.4 s, 0.8 s, 1.2 s: the timer runs from the first */
        world_run(p.w, 400000);
        peer_sacks(&p, hole, NULL, 0);
        assert_int_equal(times_sent(&p, hole), 2);
        assert_int_equal(counters_of(&p).rto_fired, 0);
    }
    world_run(p.w, 250000);
    assert_int_equal(counters_of(&p).rto_fired, 1);
    world_close(p.w);
}

/* RFC 6298 s5.4: "Retransmit the earliest segment that has not been acknowledged", also where much was lost and sent
 * again before, and lost once more.
 * RFC6298-5-b, RFC2018-5-c */
static void timeout_again_sends_the_earliest_first(void **state) {
    (void)state;
    for (int sack = 0; sack < 2; sack++) {
        aksu_config config = world_config();
        config.tcp.timestamps = 0;
        config.tcp.initial_cwnd_segments = 60;
        struct peer p = peer_open(&config);
        p.options = (aksu_tcp_options){.present = sack ? AKSU_OPT_SACK_PERMITTED : 0};
        peer_syn(&p);
        p.options.present = 0;
        peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
        assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
        p.w->first = p.w->seen_count;
        we_send(&p, 60 * SEG);
        uint32_t acked = 0;
        for (int round = 0; round < 6; round++) { /* a timeout, some slow start, and silence again */
            uint64_t fired = counters_of(&p).rto_fired;
            uint32_t before[4];
            for (uint32_t i = 0; i < 4; i++) before[i] = times_sent(&p, acked + i);
            while (counters_of(&p).rto_fired == fired) world_run(p.w, 50000);
            assert_int_equal(times_sent(&p, acked), before[0] + 1);
            for (uint32_t i = 1; i < 4; i++) {
                peer_sacks(&p, ++acked, NULL, 0);
                assert_true(times_sent(&p, acked) > before[i]); /* the next in line has gone */
            }
        }
        world_close(p.w);
    }
}

/* RFC 6582 s4.1: duplicate ACKs after a timeout may come of what was sent again without need: they let nothing go, and
 * before the timeout's window is through they begin no recovery. */
static void duplicates_after_a_timeout_let_nothing_go(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.tcp.sack = 0;
    config.tcp.timestamps = 0;
    config.tcp.initial_cwnd_segments = 20;
    struct peer p = peer_joined(&config);
    we_send(&p, 60 * SEG);
    world_run(p.w, 300000);
    assert_int_equal(counters_of(&p).rto_fired, 1);
    peer_sacks(&p, 0, NULL, 0);
    uint32_t seen = p.w->seen_count;
    for (int i = 0; i < 15; i++) peer_sacks(&p, 0, NULL, 0);
    assert_int_equal(p.w->seen_count - seen, 15); /* the peer's own */
    assert_int_equal(counters_of(&p).fast_retransmits, 0);
    world_close(p.w);
}

/* RFC 5681 s4.3, RFC 9293 s3.10.7.4: an ACK of what was never sent is refused and grows nothing (Savage 1999). */
static void ack_of_data_never_sent_is_refused(void **state) {
    (void)state;
    struct peer p = sack_peer(10);
    we_send(&p, 40 * SEG);
    uint32_t cwnd = info_of(&p).cwnd_bytes;
    peer_sacks(&p, 20, NULL, 0);
    assert_int_equal(info_of(&p).cwnd_bytes, cwnd);
    assert_int_equal(info_of(&p).snd_una, p.iss + 1);
    assert_int_equal(our_drops(&p, AKSU_DROP_TCP_ACK_FUTURE), 1);
    world_close(p.w);
}

/* RFC 3465 s2: an ACK for each byte gains no more than one ACK for all.
 * RFC5681-5-a */
static void ack_divided_into_bytes_gains_nothing(void **state) {
    (void)state;
    uint32_t cwnd[2];
    for (int divided = 0; divided < 2; divided++) {
        struct peer p = sack_peer(10);
        we_send(&p, 40 * SEG);
        for (uint32_t i = 1; divided && i < SEG; i++)
            peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1 + i});
        peer_sacks(&p, 1, NULL, 0);
        cwnd[divided] = info_of(&p).cwnd_bytes;
        world_close(p.w);
    }
    assert_int_equal(cwnd[1], cwnd[0]);
}

/* RFC 8985 s6.2 step 4: "RACK.reo_wnd_mult += 1" by D-SACK, once a round trip.
 * RFC8985-3.3.2-c, RFC8985-4-d */
static void duplicate_told_of_widens_the_reordering_window(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 20 * SEG);
    const struct ak_core *core = ak_core_of(p.w->stack[SERVER]);
    const struct ak_transfer *x = ak_transfer_of(core, ak_tcb_at(core, p.sock.slot));
    struct block blocks[] = {{0, 1}, {5, 6}};
    peer_sacks(&p, 2, blocks, 2);
    peer_sacks(&p, 2, blocks, 2);
    assert_int_equal(x->rack.window_extra, 1);
    peer_sacks(&p, 20, blocks, 1);
    assert_int_equal(x->rack.window_extra, 2);
    we_send(&p, 20 * SEG); /* and 3 GiB later */
    transfer_of(&p)->rack.dsack_round = ak_seq_add(ak_tcb_at(core, p.sock.slot)->snd.una, 1u << 30);
    peer_sacks(&p, 22, blocks, 1);
    assert_int_equal(x->rack.window_extra, 3);
    world_close(p.w);
}

/* s6.2 step 4: "RACK.reo_wnd_persist" recoveries without a D-SACK, 16 of them, and the window is what it was. */
static void sixteen_recoveries_without_duplicates_narrow_the_window(void **state) {
    (void)state;
    struct ak_transfer x = {.rack = {.window_extra = 3, .window_persist = 16}};
    for (int i = 0; i < 15; i++) ak_rack_recovery_ended(&x);
    assert_int_equal(x.rack.window_extra, 3);
    ak_rack_recovery_ended(&x);
    assert_int_equal(x.rack.window_extra, 0);
}

/* Two segments whose acknowledgment is late: the probe has gone, and nothing was lost. */
static struct peer probed_peer(void) {
    struct peer p = sack_peer(10);
    we_send(&p, 2 * SEG);
    world_run(p.w, 5000);
    assert_int_equal(times_sent(&p, 1), 2);
    assert_int_equal(info_of(&p).cwnd_bytes, 10 * SEG);
    return p;
}

/* RFC 8985 s7.4.2: an acknowledgment of just what the probe repeated may be of the original; the D-SACK tells, and then
 * nothing was lost. */
static void probe_needless_costs_no_window(void **state) {
    (void)state;
    struct peer p = probed_peer();
    peer_sacks(&p, 2, NULL, 0);
    assert_true(info_of(&p).cwnd_bytes >= 10 * SEG);
    peer_sacks(&p, 2, &(struct block){1, 2}, 1);
    we_send(&p, 1 * SEG);
    peer_sacks(&p, 3, NULL, 0);
    assert_true(info_of(&p).cwnd_bytes >= 10 * SEG);
    assert_int_equal(info_of(&p).ssthresh_bytes, UINT32_MAX);
    world_close(p.w);
}

/* "Repaired the single loss": nobody says that it came twice, and later data is acknowledged. */
static void probe_that_repaired_a_loss_reduces_the_window(void **state) {
    (void)state;
    struct peer p = probed_peer();
    peer_sacks(&p, 2, NULL, 0);
    we_send(&p, 1 * SEG);
    peer_sacks(&p, 3, NULL, 0);
    assert_true(info_of(&p).cwnd_bytes < 10 * SEG);
    assert_true(info_of(&p).ssthresh_bytes < 10 * SEG);
    world_close(p.w);
}

/* RFC 5682 s2.1 step 2b: with nothing new to send the algorithm is left, and what is acknowledged later proves nothing:
 * here the first of two was lost, and the others were only late. */
static void timeout_with_nothing_new_to_send_is_not_judged(void **state) {
    (void)state;
    struct peer p = sack_peer(10);
    we_send(&p, 1 * SEG);
    world_run(p.w, 99000);
    peer_sacks(&p, 1, NULL, 0);
    ak_tcb_at(ak_core_of(p.w->stack[SERVER]), p.sock.slot)->min_rtt_us = 100000; /* not that of the handshake */
    we_send(&p, 2 * SEG);
    world_run(p.w, 1000000);
    assert_int_equal(times_sent(&p, 2), 2); /* the tail loss probe */
    we_send(&p, 2 * SEG);
    world_run(p.w, 60000);
    assert_int_equal(counters_of(&p).rto_fired, 1);
    assert_int_equal(times_sent(&p, 1), 2);
    peer_sacks(&p, 3, NULL, 0);
    peer_sacks(&p, 4, NULL, 0);
    assert_int_equal(counters_of(&p).recoveries_undone, 0);
    world_close(p.w);
}

/* The list of what is to be sent again is only nearly in order; the oldest byte goes first all the same. */
static void oldest_lost_goes_first_wherever_it_is_listed(void **state) {
    (void)state;
    enum { COUNT = 60, LATE = 30, GONE = 16 };
    struct peer p = sack_peer(64);
    we_send(&p, COUNT * SEG);
    struct ak_core *core = ak_core_of(p.w->stack[SERVER]);
    struct ak_tcb *t = ak_tcb_at(core, p.sock.slot);
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t late = AK_NONE, count = 0;
    for (uint32_t i = x->record_head; i != AK_NONE; i = ak_record_at(core, i)->next, count++) {
        if (count == LATE)
            late = i;
        else
            ak_record_mark_lost(core, t, i, AKSU_LOSS_BY_RACK);
    }
    assert_int_equal(count, COUNT);
    ak_record_mark_lost(core, t, late, AKSU_LOSS_BY_RACK); /* its place is out of reach from both ends */
    for (int i = 0; i < GONE; i++) ak_record_remove(core, x, x->record_head);
    assert_int_equal(x->lost.head, late);
    assert_int_equal(ak_tcp_flight_lost(core, x), x->record_head);
    world_close(p.w);
}

/* RFC 8985 s6.2 step 2: an echo older than the retransmission is of the original; of the same millisecond it may be of
 * either, and counts. */
static void echo_older_than_the_retransmission_measures_nothing(void **state) {
    (void)state;
    struct peer p = sack_peer(10);
    we_send(&p, 1 * SEG);
    struct ak_core *core = ak_core_of(p.w->stack[SERVER]);
    struct ak_tcb *t = ak_tcb_at(core, p.sock.slot);
    struct ak_transfer *x = ak_transfer_of(core, t);
    struct ak_record *r = ak_record_at(core, x->record_head);
    t->flags |= AK_F_TIMESTAMPS;
    t->min_rtt_us = 1000;
    r->flags |= AK_RECORD_RETRANSMITTED;
    r->sent_us = core->now_us;
    uint32_t sent_ts = (uint32_t)(core->now_us / 1000) + t->ts_offset;
    world_run(p.w, 50000);
    struct ak_seg seg = {.time_us = p.w->now_us, .options = {.present = AKSU_OPT_TIMESTAMPS, .ts_ecr = sent_ts - 1}};
    ak_rack_delivered(core, t, r, &seg);
    assert_false(x->rack.any);
    seg.options.ts_ecr = sent_ts;
    ak_rack_delivered(core, t, r, &seg);
    assert_true(x->rack.any);
    world_close(p.w);
}

/* A frame that waited in the driver says when it came: the wait is no part of the round trip. */
static void round_trip_ends_when_the_frame_came(void **state) {
    (void)state;
    struct peer p = sack_peer(10);
    ak_tcb_at(ak_core_of(p.w->stack[SERVER]), p.sock.slot)->min_rtt_us = UINT32_MAX;
    uint64_t sent_us = p.w->now_us;
    we_send(&p, 1 * SEG);
    world_run(p.w, 49000);
    uint8_t packet[PEER_PACKET_MAX];
    struct ak_tcp_header header = {.src_port = PEER_PORT,
                                   .dst_port = p.our_port,
                                   .seq = {PEER_ISS + 1},
                                   .ack = {p.iss + 1 + SEG},
                                   .flags = AKSU_TCP_ACK,
                                   .wnd = p.wnd};
    aksu_iov iov = {.base = packet, .bytes = peer_packet(&p, packet, &header, 0)};
    aksu_frame frame = {.total_bytes = (uint32_t)iov.bytes, .iov_count = 1, .iov = &iov, .time_us = sent_us + 30000};
    aksu_input(p.w->stack[SERVER], p.w->now_us, &frame, 1);
    assert_int_equal(info_of(&p).snd_unacked_bytes, 0);
    assert_int_equal(info_of(&p).min_rtt_us, 30000);
    world_close(p.w);
}

/* aksu_stack_digest: whatever of this differs, the future may. */
static void digest_counts_what_recovery_knows(void **state) {
    (void)state;
    struct peer p = sack_peer(20);
    we_send(&p, 10 * SEG);
    peer_sacks(&p, 0, &(struct block){4, 8}, 1);
    const aksu_stack *stack = p.w->stack[SERVER];
    struct ak_core *core = ak_core_of(p.w->stack[SERVER]);
    struct ak_transfer *x = ak_transfer_of(core, ak_tcb_at(core, p.sock.slot));
    assert_int_equal(x->in_recovery, AK_RECOVERY_FAST);
    assert_true(x->undo.kept && x->rack.any);
    const size_t members[] = {
#define AT(member) offsetof(struct ak_transfer, member)
        AT(partial_acks),
        AT(reduced_us),
        AT(prr.delivered),
        AT(prr.out),
        AT(prr.recover_fs),
        AT(rack.sent_us),
        AT(rack.end),
        AT(rack.fack),
        AT(rack.rtt_us),
        AT(rack.reordering),
        AT(rack.window_extra),
        AT(rack.window_persist),
        AT(tlp.end),
        AT(tlp.out),
        AT(tlp.retransmission),
        AT(tlp.unmeasured),
        AT(duplicates_owed),
        AT(sack_turn),
        AT(ranges_untold),
        AT(undo.cwnd),
        AT(undo.ssthresh),
        AT(undo.end),
        AT(undo.again_bytes),
        AT(undo.timeout),
        AT(pace_free_bytes),
        AT(data_sent_us),
        AT(cwv.round_end),
        AT(cwv.round_bytes),
        AT(cwv.pipe_now),
        AT(cwv.pipe_before),
        AT(ecn_holds),
        AT(ecn_end),
        AT(limited_end),
        AT(undo.una),
        AT(frto),
        AT(small_end),
#undef AT
    };
    uint64_t digest = aksu_stack_digest(stack);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        uint8_t *byte = (uint8_t *)x + members[i];
        *byte ^= 1;
        if (aksu_stack_digest(stack) == digest) fail_msg("member %zu does not count", i);
        *byte ^= 1;
    }
    assert_true(aksu_stack_digest(stack) == digest);
    world_close(p.w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prr_one_loss_of_twenty_sends_at_every_second_ack),
        cmocka_unit_test(prr_heavy_loss_conserves_packets_until_it_is_safe),
        cmocka_unit_test(prr_first_ack_lets_the_retransmission_go),
        cmocka_unit_test(sack_of_every_second_segment_costs_a_few_steps_each),
        cmocka_unit_test(sack_told_again_costs_a_constant),
        cmocka_unit_test(sack_holes_only_are_sent_again),
        cmocka_unit_test(sack_of_what_was_never_sent_means_nothing),
        cmocka_unit_test(sack_of_bits_of_segments_cuts_nothing),
        cmocka_unit_test(sack_of_neighbours_makes_one_record),
        cmocka_unit_test(algorithm_changed_in_recovery_ends_it_with_a_window),
        cmocka_unit_test(sack_of_single_segments_after_a_bit_was_acknowledged_counts),
        cmocka_unit_test(window_taken_back_tail_is_not_probed),
        cmocka_unit_test(status_tells_what_is_sacked_lost_and_how_long_ago),
        cmocka_unit_test(sack_taken_back_all_is_sent_again_after_the_timeout),
        cmocka_unit_test(retransmission_lost_is_sent_again_without_a_timeout),
        cmocka_unit_test(retransmission_of_the_oldest_restarts_the_timer),
        cmocka_unit_test(loss_in_the_next_window_reduces_when_recovery_ends),
        cmocka_unit_test(loss_in_the_next_window_that_was_none_is_undone),
        cmocka_unit_test(losses_told_in_a_batch_halve_what_was_in_flight_before_it),
        cmocka_unit_test(many_holes_without_sack_end_in_a_timeout),
        cmocka_unit_test(timeout_again_sends_the_earliest_first),
        cmocka_unit_test(duplicates_after_a_timeout_let_nothing_go),
        cmocka_unit_test(ack_of_data_never_sent_is_refused),
        cmocka_unit_test(ack_divided_into_bytes_gains_nothing),
        cmocka_unit_test(duplicate_told_of_widens_the_reordering_window),
        cmocka_unit_test(sixteen_recoveries_without_duplicates_narrow_the_window),
        cmocka_unit_test(probe_needless_costs_no_window),
        cmocka_unit_test(probe_that_repaired_a_loss_reduces_the_window),
        cmocka_unit_test(timeout_with_nothing_new_to_send_is_not_judged),
        cmocka_unit_test(oldest_lost_goes_first_wherever_it_is_listed),
        cmocka_unit_test(echo_older_than_the_retransmission_measures_nothing),
        cmocka_unit_test(round_trip_ends_when_the_frame_came),
        cmocka_unit_test(digest_counts_what_recovery_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
