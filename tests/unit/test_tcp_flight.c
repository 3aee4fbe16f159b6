/* What is in flight, under a peer that acknowledges at random: cumulatively, selectively, partly, wrongly, and with
 * time passing.  After each step all lists and sums must agree, super-segments being cut as needed, and in the end
 * nothing may be left. */
#include "random.h"
#include "tcp_peer.h"

#include "tcp/loss.h"

enum { SEG = 1000, STEPS = 400, SEEDS = 200 };

static uint32_t pick(uint32_t below) {
    return (uint32_t)random_int() % below;
}

struct flight {
    const struct ak_core *core;
    const struct ak_tcb *t;
    const struct ak_transfer *x; /* NULL: returned */
};

static struct flight flight_of(const struct peer *p) {
    const struct ak_core *core = ak_core_of(p->w->stack[SERVER]);
    const struct ak_tcb *t = ak_tcb_at(core, p->sock.slot);
    return (struct flight){.core = core, .t = t, .x = ak_transfer_of(core, t)};
}

/* Every record that the list should have, and no other. */
static uint32_t check_list(const struct flight *f, const struct ak_record_list *list, uint32_t flags) {
    uint32_t count = 0;
    uint32_t before = AK_NONE;
    for (uint32_t i = list->head; i != AK_NONE; i = ak_record_at(f->core, i)->list_next) {
        const struct ak_record *r = ak_record_at(f->core, i);
        assert_int_equal(r->flags & (AK_RECORD_LOST | AK_RECORD_SACKED), flags);
        assert_int_equal(r->list_prev, before);
        before = i;
        count++;
        assert_true(count <= f->x->record_count);
    }
    assert_int_equal(list->tail, before);
    return count;
}

static void check_flight(const struct flight *f) {
    if (f->x == NULL) return;
    uint32_t count = 0, lost = 0, sacked = 0, lost_count = 0, sacked_count = 0;
    uint32_t before = AK_NONE;
    ak_seq at = f->t->snd.una;
    bool after_sacked = false;
    for (uint32_t i = f->x->record_head; i != AK_NONE; i = ak_record_at(f->core, i)->next) {
        const struct ak_record *r = ak_record_at(f->core, i);
        bool is_sacked = (r->flags & AK_RECORD_SACKED) != 0;
        assert_int_equal(r->prev, before);
        assert_int_equal(r->seq.n, at.n);
        assert_true(r->bytes > 0);
        assert_false(is_sacked && (r->flags & AK_RECORD_LOST));
        assert_false(is_sacked && after_sacked); /* neighbours are joined */
        if (is_sacked) sacked += r->bytes, sacked_count++;
        if (r->flags & AK_RECORD_LOST) lost += r->bytes, lost_count++;
        after_sacked = is_sacked;
        at = ak_seq_add(r->seq, r->bytes);
        before = i;
        count++;
    }
    assert_int_equal(f->x->record_tail, before);
    assert_int_equal(at.n, f->t->snd.nxt.n);
    assert_int_equal(f->x->record_count, count);
    assert_int_equal(f->x->sacked_bytes, sacked);
    assert_int_equal(f->x->lost_bytes, lost);
    assert_int_equal(check_list(f, &f->x->lost, AK_RECORD_LOST), lost_count);
    uint32_t head = f->x->record_head;
    if (head != AK_NONE && (ak_record_at(f->core, head)->flags & AK_RECORD_LOST))
        assert_int_equal(ak_tcp_flight_lost(f->core, f->x), head); /* RFC 6298 s5.4: the earliest first */
    assert_int_equal(check_list(f, &f->x->sent, 0), count - lost_count - sacked_count);
}

/* Our next ISN is a little before this, the time being right: RFC 9293 s3.4.1. */
static void isn_near(struct peer *p, uint32_t number) {
    struct ak_core *core = ak_core_of(p->w->stack[SERVER]);
    struct ak_tuple tuple = {
        .local = world_addr(SERVER), .remote = p->addr, .local_port = 80, .remote_port = PEER_PORT};
    aksu_advance(p->w->stack[SERVER], p->w->now_us);
    uint32_t ahead = number - pick(1000000) - ak_tcp_isn(core, &tuple).n;
    p->w->now_us += 4ull * ahead;
    aksu_advance(p->w->stack[SERVER], p->w->now_us);
    assert_in_range(number - ak_tcp_isn(core, &tuple).n, 0, 1000000);
}

static struct peer random_peer(bool timestamps) {
    aksu_config config = world_config();
    config.tcp.initial_cwnd_segments = 40;
    config.tcp.r2_retries = 64;
    config.tcp.pacing = pick(2);
    config.tcp.congestion_control = pick(3);
    config.tcp.mtu_probing = pick(3);
    config.tcp.ecn = pick(3);
    config.record_max = pick(4) == 0 ? 40 : 256; /* sometimes none is left to cut with */
    struct peer p = peer_open(&config);
    if (pick(4) == 0) isn_near(&p, pick(2) ? 0xffffffffu : 0x7fffffffu);
    struct ak_link_state *link = ak_link_state_at(ak_core_of(p.w->stack[SERVER]), 0);
    if (pick(2)) {
        link->flags |= AKSU_LINK_TSO4 | AKSU_LINK_TX_CHECKSUM;
        link->tso_max_bytes = 20000;
    }
    p.options = (aksu_tcp_options){
        .present = AKSU_OPT_MSS | AKSU_OPT_SACK_PERMITTED | AKSU_OPT_WSCALE, .mss = SEG, .wscale = 2};
    if (timestamps) p.options.present |= AKSU_OPT_TIMESTAMPS;
    p.options.ts_val = 1;
    peer_syn(&p);
    p.options.present &= AKSU_OPT_TIMESTAMPS;
    p.options.ts_ecr = p.w->seen[p.w->seen_count - 1].segment.options.ts_val;
    peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = 1});
    assert_int_equal(aksu_tcp_accept(p.w->stack[SERVER], p.listener, &p.sock), AKSU_OK);
    return p;
}

/* A number in what is in flight, mostly at the end of a segment. */
static uint32_t somewhere(const struct flight *f, const struct peer *p) {
    uint32_t una = f->t->snd.una.n - p->iss;
    uint32_t sent = ak_seq_bytes(f->t->snd.una, f->t->snd.nxt);
    uint32_t offset = pick(sent + 1);
    if (pick(8) != 0 && sent >= SEG) offset -= offset % SEG;
    return una + offset;
}

static void peer_acks_at_random(struct peer *p) {
    struct flight f = flight_of(p);
    uint32_t ack = f.t->snd.una.n - p->iss;
    if (pick(3) == 0) ack = somewhere(&f, p);
    p->options.present &= AKSU_OPT_TIMESTAMPS;
    p->options.ts_ecr += pick(3);
    p->options.sack_count = (uint8_t)pick(4);
    if (p->options.sack_count > 0) p->options.present |= AKSU_OPT_SACK;
    for (uint32_t i = 0; i < p->options.sack_count; i++) {
        uint32_t a = somewhere(&f, p);
        uint32_t b = pick(3) ? a + SEG * (1 + pick(5)) : somewhere(&f, p);
        if (pick(20) == 0) a = (uint32_t)random_int(); /* a lie */
        p->options.sack[i] = (aksu_sack_block){.left = p->iss + a, .right = p->iss + b};
    }
    peer_says(p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = ack});
}

/* Its window opens and shuts, and shrinks; a router complains; the application has another wish. */
static void something_else(struct peer *p) {
    struct flight f = flight_of(p);
    switch (pick(12)) {
    case 0: p->wnd = 0; break;
    case 1: p->wnd = (uint16_t)pick(2000); break;
    case 2: p->wnd = (uint16_t)pick(65536); break;
    case 3: peer_icmp(p, 3, 4, (uint16_t)pick(1600), somewhere(&f, p)); break;
    case 4: (void)aksu_tcp_set(p->w->stack[SERVER], p->sock, AKSU_TCP_CONGESTION_CONTROL, pick(3)); break;
    case 5: (void)aksu_tcp_set(p->w->stack[SERVER], p->sock, AKSU_TCP_CORK, pick(2)); break;
    case 6: (void)aksu_tcp_set(p->w->stack[SERVER], p->sock, AKSU_TCP_PACING, pick(2)); break;
    case 7: (void)aksu_tcp_set(p->w->stack[SERVER], p->sock, AKSU_TCP_SND_BUF_BYTES, pick(2) * 5000); break;
    default: p->wnd = 65535; break;
    }
}

static void random_acknowledgments_leave_lists_and_sums_right(void **state) {
    (void)state;
    static const uint8_t data[65536];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        random_seed(seed);
        struct peer p = random_peer(seed % 2 == 0);
        for (int step = 0; step < STEPS; step++) {
            size_t bytes;
            p.w->seen_count = 0;
            if (pick(4) == 0)
                (void)aksu_tcp_send(p.w->stack[SERVER], p.sock, data, 1 + pick(sizeof data), pick(4), &bytes);
            if (pick(3) == 0) world_run(p.w, pick(10) == 0 ? pick(3000000) : pick(30000));
            if (seed % 4 >= 2 && pick(3) == 0) something_else(&p);
            peer_acks_at_random(&p);
            struct flight f = flight_of(&p);
            assert_true(f.t->state == AK_TCP_ESTABLISHED);
            check_flight(&f);
        }
        p.wnd = 65535;
        for (int step = 0; step < 2000; step++) { /* the peer takes all */
            struct flight f = flight_of(&p);
            p.w->seen_count = 0;
            p.options.present &= AKSU_OPT_TIMESTAMPS;
            peer_says(&p, (struct peer_segment){.flags = AKSU_TCP_ACK, .seq = 1, .ack = f.t->snd.nxt.n - p.iss});
            world_run(p.w, 100000);
        }
        struct flight f = flight_of(&p);
        check_flight(&f);
        assert_int_equal(f.t->snd.una.n, f.t->snd.nxt.n);
        assert_int_equal(ak_pool_used(&f.core->pool[AK_KIND_RECORD]), 0);
        world_close(p.w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_acknowledgments_leave_lists_and_sums_right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
