/* Goal: the ladder shows what happened, no more and no less, and never wider than asked.  Scenes of hand-made events
 * are drawn and compared with tests/golden/ladder_*.txt; run with AKSU_GOLDEN_UPDATE=1 to write those anew, then read
 * them. */
#include "view/ladder.h"
#include "view/ladder_term.h"
#include "view_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define DELAY_US 25000u

static const char *const queue_full[] = {"queue full", "큐가 가득 참"};

struct stage {
    ak_ladder *ladder;
    ak_term *term;
    ak_memory memory;
    uint64_t now_us;
};

struct look {
    ak_ladder_options ladder;
    ak_term_options term;
};

static void to_ladder(void *user, unsigned host, uint64_t packet, const aksu_trace_event *event) {
    ak_ladder_event(user, host, packet, event);
}

static void stage_open(struct stage *g, struct look look) {
    *g = (struct stage){.memory = {.limit_bytes = 1u << 20}, .now_us = 5000000};
    ak_writer writer = ak_writer_memory(&g->memory);
    look.term.sides = look.ladder.sides;
    look.term.host_count = look.ladder.host_count;
    g->term = ak_term_open(&writer, &look.term);
    assert_non_null(g->term);
    bool streams = look.ladder.sides == AK_LADDER_ONE_SIDED;
    g->ladder = ak_ladder_open(&look.ladder, streams ? ak_term_row : NULL, streams ? g->term : NULL);
    assert_non_null(g->ladder);
}

static const char *stage_text(struct stage *g) {
    ak_ladder_flush(g->ladder);
    size_t count;
    const ak_row *rows = ak_ladder_rows(g->ladder, &count);
    for (size_t i = 0; i < count; i++) ak_term_row(g->term, &rows[i]);
    assert_true(ak_term_flush(g->term));
    return g->memory.text != NULL ? g->memory.text : "";
}

static void stage_close(struct stage *g) {
    ak_ladder_close(g->ladder);
    ak_term_close(g->term);
    ak_memory_free(&g->memory);
}

static void assert_width(const char *text, size_t columns) {
    char line[2048];
    while (*text != '\0') {
        size_t bytes = strcspn(text, "\n");
        assert_true(bytes < sizeof line);
        memcpy(line, text, bytes);
        line[bytes] = '\0';
        if (ak_text_columns(line) > columns) fail_msg("%zu columns: %s", ak_text_columns(line), line);
        text += bytes + (text[bytes] == '\n');
    }
}

static void assert_golden(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/ladder_%s.txt", AKSU_SOURCE_DIR, name);
    if (getenv("AKSU_GOLDEN_UPDATE") != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
        return;
    }
    static const size_t cap = 1u << 20;
    char *golden = calloc(1, cap);
    FILE *file = fopen(path, "r");
    if (file == NULL) fail_msg("no %s", path);
    size_t bytes = fread(golden, 1, cap - 1, file);
    golden[bytes] = '\0';
    fclose(file);
    if (strcmp(golden, text) != 0) fail_msg("differs from %s:\n%s", path, text);
    free(golden);
}

static void stage_check(struct stage *g, const char *name, size_t columns) {
    const char *text = stage_text(g);
    assert_width(text, columns);
    assert_golden(name, text);
    stage_close(g);
}

static struct feed client_of(struct stage *g) {
    return feed_make(to_ladder, g->ladder, &g->now_us);
}

/* ---- one-sided scenes */

static void play_connect(struct stage *g, struct feed *f) {
    feed_state(f, AK_TCP_SYN_SENT, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
    feed_call(f, AKSU_CALL_CONNECT, 0, AKSU_OK);
    feed_segment(f, AKSU_OUT, (struct seg){.flags = F_SYN, .options = true, .cause = AKSU_SEND_OPEN_CAUSE});
    feed_timer(f, AKSU_TIMER_RETRANSMIT, AKSU_TIMER_WAS_SET, 1000000);
    g->now_us += 2 * DELAY_US;
    feed_told(f, AKSU_EV_CONNECTED | AKSU_EV_WRITABLE, AKSU_REASON_NONE);
    feed_segment(
        f, AKSU_IN,
        (struct seg){.flags = F_SYN | F_ACK, .ack = 1, .options = true, .to = AK_TCP_ESTABLISHED, .moves = true});
    feed_segment(f, AKSU_OUT, (struct seg){.flags = F_ACK, .seq = 1, .ack = 1, .cause = AKSU_SEND_ACK_CAUSE});
}

static void play_exchange(struct stage *g, struct feed *f) {
    g->now_us += 1000;
    feed_call(f, AKSU_CALL_SEND, 100, AKSU_OK);
    feed_segment(f, AKSU_OUT, (struct seg){.flags = F_ACK | F_PSH, .seq = 1, .ack = 1, .bytes = 100});
    g->now_us += 2 * DELAY_US;
    feed_accepted(f, 1, 1460);
    feed_told(f, AKSU_EV_READABLE, AKSU_REASON_NONE);
    feed_segment(f, AKSU_IN, (struct seg){.flags = F_ACK | F_PSH, .seq = 1, .ack = 101, .bytes = 1460});
    feed_call(f, AKSU_CALL_RECV, 1460, AKSU_OK);
    feed_segment(f, AKSU_OUT,
                 (struct seg){.flags = F_ACK, .seq = 101, .ack = 1461, .cause = AKSU_SEND_WINDOW_UPDATE_CAUSE});
}

static void play_close(struct stage *g, struct feed *f) {
    g->now_us += 1000;
    feed_call(f, AKSU_CALL_CLOSE, 0, AKSU_OK);
    feed_state(f, AK_TCP_FIN_WAIT_1, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
    feed_segment(f, AKSU_OUT, (struct seg){.flags = F_ACK | F_FIN, .seq = 101, .ack = 1461});
    g->now_us += 2 * DELAY_US;
    feed_segment(f, AKSU_IN,
                 (struct seg){.flags = F_ACK, .seq = 1461, .ack = 102, .to = AK_TCP_FIN_WAIT_2, .moves = true});
    g->now_us += 3000;
    feed_state(f, AK_TCP_TIME_WAIT, AKSU_STATE_BY_SEGMENT, AKSU_REASON_NONE);
    f->state = AK_TCP_FIN_WAIT_2;
    feed_segment(f, AKSU_IN,
                 (struct seg){.flags = F_ACK | F_FIN, .seq = 1461, .ack = 102, .to = AK_TCP_TIME_WAIT, .moves = true});
    feed_segment(f, AKSU_OUT, (struct seg){.flags = F_ACK, .seq = 102, .ack = 1462});
    g->now_us += 60000000;
    feed_timer(f, AKSU_TIMER_TIME_WAIT, AKSU_TIMER_WAS_FIRED, 0);
    feed_state(f, AK_TCP_CLOSED, AKSU_STATE_BY_TIMER, AKSU_REASON_CLOSED);
}

static void play_life(struct stage *g) {
    struct feed f = client_of(g);
    play_connect(g, &f);
    play_exchange(g, &f);
    play_close(g, &f);
}

static void connection_from_syn_to_closed_drawn(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, (struct look){.ladder = {.gap_us = 500000}});
    play_life(&g);
    stage_check(&g, "life", 100);
}

static void connection_korean_drawn(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, (struct look){.ladder = {.gap_us = 500000, .show = AK_SHOW_TIMERS},
                                 .term = {.words = {.lang = AK_LANG_KO}}});
    play_life(&g);
    stage_check(&g, "life_ko", 100);
}

static void connection_ascii_narrow_absolute_drawn(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, (struct look){.ladder = {.numbers = AK_NUMBERS_ABSOLUTE},
                                 .term = {.columns = 72, .glyphs = AK_GLYPHS_ASCII}});
    play_life(&g);
    stage_check(&g, "life_narrow", 72);
}

static void any_width_kept(void **state) {
    (void)state;
    for (uint32_t columns = AK_TERM_COLUMNS_MIN; columns <= 200; columns++) {
        struct stage g;
        stage_open(
            &g, (struct look){.ladder = {.gap_us = 1000},
                              .term = {.columns = columns, .words = {.lang = columns % 2 ? AK_LANG_KO : AK_LANG_EN}}});
        play_life(&g);
        assert_width(stage_text(&g), columns);
        stage_close(&g);
    }
}

static void refused_client_and_retry_drawn(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, (struct look){.ladder = {.base = {100, 2000}}});
    struct feed f = client_of(&g);
    feed_call(&f, AKSU_CALL_CONNECT, 0, AKSU_OK);
    feed_state(&f, AK_TCP_SYN_SENT, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
    feed_segment(&f, AKSU_OUT, (struct seg){.flags = F_SYN, .options = true});
    g.now_us += 1000000;
    feed_timer(&f, AKSU_TIMER_RETRANSMIT, AKSU_TIMER_WAS_FIRED, 0);
    feed_segment(&f, AKSU_OUT,
                 (struct seg){.flags = F_SYN, .options = true, .again = true, .cause = AKSU_SEND_RTO_CAUSE});
    g.now_us += 400;
    feed_state(&f, AK_TCP_CLOSED, AKSU_STATE_BY_SEGMENT, AKSU_REASON_REFUSED);
    f.state = AK_TCP_SYN_SENT;
    feed_told(&f, AKSU_EV_CLOSED, AKSU_REASON_REFUSED);
    feed_segment(&f, AKSU_IN,
                 (struct seg){.flags = F_RST | F_ACK, .raw_seq = true, .ack = 1, .to = AK_TCP_CLOSED, .moves = true});
    stage_check(&g, "refused", 100);
}

static void simultaneous_open_drawn(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, (struct look){0});
    struct feed f = client_of(&g);
    feed_call(&f, AKSU_CALL_CONNECT, 0, AKSU_OK);
    feed_state(&f, AK_TCP_SYN_SENT, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
    feed_segment(&f, AKSU_OUT, (struct seg){.flags = F_SYN});
    g.now_us += DELAY_US;
    feed_segment(&f, AKSU_IN, (struct seg){.flags = F_SYN, .to = AK_TCP_SYN_RECEIVED, .moves = true});
    feed_segment(&f, AKSU_OUT, (struct seg){.flags = F_SYN | F_ACK, .ack = 1});
    g.now_us += DELAY_US;
    feed_segment(&f, AKSU_IN, (struct seg){.flags = F_SYN | F_ACK, .ack = 1, .to = AK_TCP_ESTABLISHED, .moves = true});
    stage_check(&g, "simultaneous_open", 100);
}

static void passive_close_with_drops_drawn(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, (struct look){0});
    struct feed c = client_of(&g);
    struct feed f = feed_other_side(&c, 0);
    f.state = AK_TCP_LISTEN;
    feed_segment(&f, AKSU_IN, (struct seg){.flags = F_SYN, .to = AK_TCP_SYN_RECEIVED, .moves = true});
    feed_segment(&f, AKSU_OUT, (struct seg){.flags = F_SYN | F_ACK, .ack = 1});
    g.now_us += 50000;
    feed_told(&f, AKSU_EV_CONNECTED, AKSU_REASON_NONE);
    feed_segment(&f, AKSU_IN,
                 (struct seg){.flags = F_ACK, .seq = 1, .ack = 1, .to = AK_TCP_ESTABLISHED, .moves = true});
    g.now_us += 10;
    feed_segment(&f, AKSU_IN,
                 (struct seg){.flags = F_ACK, .seq = 90000000, .ack = 1, .bytes = 4, .drop = AKSU_DROP_TCP_SEQUENCE});
    feed_segment(&f, AKSU_OUT, (struct seg){.flags = F_ACK, .seq = 1, .ack = 1, .cause = AKSU_SEND_CHALLENGE_CAUSE});
    g.now_us += 10;
    feed_segment(&f, AKSU_IN, (struct seg){.flags = F_ACK, .seq = 1461, .ack = 1, .bytes = 1460});
    feed_segment(
        &f, AKSU_OUT,
        (struct seg){.flags = F_ACK, .seq = 1, .ack = 1, .cause = AKSU_SEND_DUPLICATE_ACK_CAUSE, .sack = {1461, 2921}});
    g.now_us += 10;
    feed_accepted(&f, 1, 2920);
    feed_told(&f, AKSU_EV_PEER_CLOSED | AKSU_EV_READABLE, AKSU_REASON_NONE);
    feed_segment(
        &f, AKSU_IN,
        (struct seg){
            .flags = F_ACK | F_FIN, .seq = 1, .ack = 1, .bytes = 1460, .to = AK_TCP_CLOSE_WAIT, .moves = true});
    feed_call(&f, AKSU_CALL_CLOSE, 0, AKSU_OK);
    feed_state(&f, AK_TCP_LAST_ACK, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
    feed_segment(&f, AKSU_OUT, (struct seg){.flags = F_ACK | F_FIN, .seq = 1, .ack = 2922});
    g.now_us += 50000;
    feed_told(&f, AKSU_EV_CLOSED, AKSU_REASON_CLOSED);
    feed_segment(&f, AKSU_IN, (struct seg){.flags = F_ACK, .seq = 2922, .ack = 2, .to = AK_TCP_CLOSED, .moves = true});
    stage_check(&g, "passive", 100);
}

static void second_connection_lettered(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, (struct look){0});
    struct feed a = client_of(&g), b = a;
    b.flow.local_port = 40001;
    assert_int_equal(aksu_addr_parse("2001:db8::1", &b.flow.local), AKSU_OK);
    assert_int_equal(aksu_addr_parse("2001:db8::2", &b.flow.remote), AKSU_OK);
    play_connect(&g, &a);
    play_connect(&g, &b);
    play_exchange(&g, &a);
    play_exchange(&g, &b);
    stage_check(&g, "two_connections", 100);
}

static void filter_other_port_nothing_shown(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, (struct look){.ladder = {.filter_port = 81}});
    play_life(&g);
    assert_string_equal(stage_text(&g), "");
    stage_close(&g);
}

static void many_connections_memory_bounded(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, (struct look){.ladder = {.connection_max = 2}});
    struct feed f = client_of(&g);
    for (unsigned i = 0; i < 100; i++) {
        f.flow.local_port = (uint16_t)(1000 + i);
        f.state = AK_TCP_CLOSED;
        play_connect(&g, &f);
    }
    const char *text = stage_text(&g);
    assert_non_null(strstr(text, "CV 10.0.0.1:1099"));
    assert_width(text, 100);
    stage_close(&g);
}

/* ---- all sides */

struct pair {
    struct stage *g;
    struct feed client, server;
    uint64_t packet;
};

static struct look both(uint64_t gap_us) {
    return (struct look){
        .ladder = {.sides = AK_LADDER_ALL_SIDES,
                   .host_count = 2,
                   .host_addr = {aksu_addr_v4(10, 0, 0, 1), aksu_addr_v4(10, 0, 0, 2)},
                   .gap_us = gap_us},
        .term = {.host_name = {"client", "server"}},
    };
}

static struct pair pair_open(struct stage *g) {
    struct pair p = {.g = g, .client = client_of(g), .packet = 1};
    p.server = feed_other_side(&p.client, 1);
    struct feed listener = p.server;
    memset(&listener.flow.remote, 0, sizeof listener.flow.remote);
    listener.flow.remote_port = 0;
    feed_call(&listener, AKSU_CALL_LISTEN, 0, AKSU_OK);
    feed_state(&listener, AK_TCP_LISTEN, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
    p.server.state = AK_TCP_LISTEN;
    return p;
}

static uint64_t leave(struct pair *p, struct feed *f, struct seg s) {
    s.packet = p->packet++;
    feed_segment(f, AKSU_OUT, s);
    return s.packet;
}

static void come(struct feed *f, uint64_t packet, struct seg s) {
    s.packet = packet;
    feed_segment(f, AKSU_IN, s);
}

static void pair_handshake(struct pair *p) {
    feed_call(&p->client, AKSU_CALL_CONNECT, 0, AKSU_OK);
    feed_state(&p->client, AK_TCP_SYN_SENT, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
    uint64_t syn = leave(p, &p->client, (struct seg){.flags = F_SYN, .options = true});
    p->g->now_us += DELAY_US;
    come(&p->server, syn, (struct seg){.flags = F_SYN, .options = true, .to = AK_TCP_SYN_RECEIVED, .moves = true});
    syn = leave(p, &p->server, (struct seg){.flags = F_SYN | F_ACK, .ack = 1, .options = true});
    p->g->now_us += DELAY_US;
    feed_told(&p->client, AKSU_EV_CONNECTED, AKSU_REASON_NONE);
    come(&p->client, syn, (struct seg){.flags = F_SYN | F_ACK, .ack = 1, .to = AK_TCP_ESTABLISHED, .moves = true});
    uint64_t ack = leave(p, &p->client, (struct seg){.flags = F_ACK, .seq = 1, .ack = 1});
    p->g->now_us += DELAY_US;
    feed_told(&p->server, AKSU_EV_CONNECTED, AKSU_REASON_NONE);
    come(&p->server, ack, (struct seg){.flags = F_ACK, .seq = 1, .ack = 1, .to = AK_TCP_ESTABLISHED, .moves = true});
}

static void both_sides_handshake_syn_lost_drawn(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, both(500000));
    struct pair p = pair_open(&g);
    feed_call(&p.client, AKSU_CALL_CONNECT, 0, AKSU_OK);
    feed_state(&p.client, AK_TCP_SYN_SENT, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
    uint64_t syn = leave(&p, &p.client, (struct seg){.flags = F_SYN});
    ak_ladder_lost(g.ladder, syn, (const char *const[]){"1st SYN", "첫 SYN"});
    g.now_us += 1000000;
    feed_timer(&p.client, AKSU_TIMER_RETRANSMIT, AKSU_TIMER_WAS_FIRED, 0);
    syn = leave(&p, &p.client, (struct seg){.flags = F_SYN, .again = true, .cause = AKSU_SEND_RTO_CAUSE});
    g.now_us += DELAY_US;
    come(&p.server, syn, (struct seg){.flags = F_SYN, .to = AK_TCP_SYN_RECEIVED, .moves = true});
    stage_check(&g, "syn_lost", 100);
}

static void both_sides_burst_with_loss_drawn(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, both(500000));
    struct pair p = pair_open(&g);
    pair_handshake(&p);
    uint64_t data[4], copy = 1000;
    for (uint32_t i = 0; i < 4; i++) {
        g.now_us += 1000;
        if (i == 0) feed_call(&p.client, AKSU_CALL_SEND, 4000, AKSU_OK);
        data[i] = leave(&p, &p.client, (struct seg){.flags = F_ACK, .seq = 1 + i * 1000, .ack = 1, .bytes = 1000});
        if (i == 1) ak_ladder_lost(g.ladder, data[i], queue_full);
        if (i == 3) ak_ladder_copied(g.ladder, data[i], copy);
    }
    uint64_t acks[4];
    for (uint32_t i = 0; i < 4; i++) {
        g.now_us += i == 0 ? DELAY_US - 3000 : 1000;
        if (i == 1) continue;
        if (i == 0) feed_accepted(&p.server, 1, 1000);
        come(&p.server, data[i], (struct seg){.flags = F_ACK, .seq = 1 + i * 1000, .ack = 1, .bytes = 1000});
        acks[i] = leave(&p, &p.server,
                        (struct seg){.flags = F_ACK,
                                     .seq = 1,
                                     .ack = 1001,
                                     .cause = i > 1 ? AKSU_SEND_DUPLICATE_ACK_CAUSE : AKSU_SEND_ACK_CAUSE,
                                     .sack = {i > 1 ? 2001 : 0, i > 1 ? 1001 + i * 1000 : 0}});
    }
    come(&p.server, copy,
         (struct seg){.flags = F_ACK, .seq = 3001, .ack = 1, .bytes = 1000, .drop = AKSU_DROP_TCP_DUPLICATE});
    for (uint32_t i = 0; i < 4; i++) {
        g.now_us += i == 0 ? DELAY_US - 3000 : 1000;
        if (i == 1) continue;
        come(&p.client, acks[i], (struct seg){.flags = F_ACK, .seq = 1, .ack = 1001});
    }
    feed_loss(&p.client, 1001, 1000, AKSU_LOSS_BY_SACK);
    uint64_t again = leave(&p, &p.client,
                           (struct seg){.flags = F_ACK,
                                        .seq = 1001,
                                        .ack = 1,
                                        .bytes = 1000,
                                        .again = true,
                                        .cause = AKSU_SEND_FAST_RETRANSMIT_CAUSE});
    g.now_us += DELAY_US;
    feed_accepted(&p.server, 1001, 3000);
    come(&p.server, again, (struct seg){.flags = F_ACK, .seq = 1001, .ack = 1, .bytes = 1000});
    stage_check(&g, "burst", 100);
}

static void both_sides_simultaneous_close_crossing_drawn(void **state) {
    (void)state;
    struct stage g;
    stage_open(&g, both(500000));
    struct pair p = pair_open(&g);
    pair_handshake(&p);
    g.now_us += 5000;
    struct feed *end[2] = {&p.client, &p.server};
    uint64_t fin[2], ack[2];
    for (unsigned i = 0; i < 2; i++) {
        feed_call(end[i], AKSU_CALL_CLOSE, 0, AKSU_OK);
        feed_state(end[i], AK_TCP_FIN_WAIT_1, AKSU_STATE_BY_CALL, AKSU_REASON_NONE);
        fin[i] = leave(&p, end[i], (struct seg){.flags = F_ACK | F_FIN, .seq = 1, .ack = 1});
    }
    g.now_us += DELAY_US;
    for (unsigned i = 0; i < 2; i++) {
        come(end[i], fin[1 - i],
             (struct seg){.flags = F_ACK | F_FIN, .seq = 1, .ack = 1, .to = AK_TCP_CLOSING, .moves = true});
        ack[i] = leave(&p, end[i], (struct seg){.flags = F_ACK, .seq = 2, .ack = 2});
    }
    g.now_us += DELAY_US;
    for (unsigned i = 0; i < 2; i++) {
        come(end[i], ack[1 - i],
             (struct seg){.flags = F_ACK, .seq = 2, .ack = 2, .to = AK_TCP_TIME_WAIT, .moves = true});
    }
    g.now_us += 60000000;
    for (unsigned i = 0; i < 2; i++) {
        feed_timer(end[i], AKSU_TIMER_TIME_WAIT, AKSU_TIMER_WAS_FIRED, 0);
        feed_state(end[i], AK_TCP_CLOSED, AKSU_STATE_BY_TIMER, AKSU_REASON_CLOSED);
    }
    stage_check(&g, "simultaneous_close", 100);
}

static void three_hosts_forged_reset_drawn(void **state) {
    (void)state;
    struct stage g;
    struct look look = both(500000);
    look.ladder.host_count = 3;
    look.ladder.host_addr[1] = aksu_addr_v4(10, 0, 0, 66);
    look.ladder.host_addr[2] = aksu_addr_v4(10, 0, 0, 2);
    look.term.columns = 120;
    look.term.host_name[1] = "attacker";
    look.term.host_name[2] = "server";
    stage_open(&g, look);
    struct pair p = {.g = &g, .client = client_of(&g), .packet = 1};
    p.server = feed_other_side(&p.client, 2);
    p.server.state = AK_TCP_LISTEN;
    pair_handshake(&p);
    g.now_us += 5000;
    struct feed forger = p.client;
    forger.host = 1;
    forger.state = AK_TCP_CLOSED;
    uint64_t rst = leave(&p, &forger, (struct seg){.flags = F_RST, .seq = 400});
    g.now_us += DELAY_US;
    come(&p.server, rst, (struct seg){.flags = F_RST, .seq = 400, .drop = AKSU_DROP_TCP_RST_CHALLENGED});
    uint64_t challenge =
        leave(&p, &p.server, (struct seg){.flags = F_ACK, .seq = 1, .ack = 1, .cause = AKSU_SEND_CHALLENGE_CAUSE});
    g.now_us += DELAY_US;
    come(&p.client, challenge, (struct seg){.flags = F_ACK, .seq = 1, .ack = 1});
    stage_check(&g, "forged_reset", 120);
}

static void row_limit_said(void **state) {
    (void)state;
    struct stage g;
    struct look look = both(0);
    look.ladder.row_max = 5;
    stage_open(&g, look);
    struct pair p = pair_open(&g);
    pair_handshake(&p);
    ak_ladder_flush(g.ladder);
    size_t count;
    const ak_row *rows = ak_ladder_rows(g.ladder, &count);
    assert_int_equal(count, 5);
    assert_int_equal(rows[4].kind, AK_ROW_OMITTED);
    stage_close(&g);
}

static void segment_first_or_last_same_rows(void **state) {
    (void)state;
    /* A stack may tell of a segment before its consequences or after them. */
    ak_memory seen[2];
    for (unsigned order = 0; order < 2; order++) {
        struct stage g;
        stage_open(&g, (struct look){0});
        struct feed f = client_of(&g);
        play_connect(&g, &f);
        g.now_us += 1000;
        struct seg fin = {.flags = F_ACK | F_FIN, .seq = 1, .ack = 1, .to = AK_TCP_CLOSE_WAIT, .moves = true};
        if (order == 0) feed_segment(&f, AKSU_IN, fin);
        f.state = AK_TCP_ESTABLISHED;
        feed_state(&f, AK_TCP_CLOSE_WAIT, AKSU_STATE_BY_SEGMENT, AKSU_REASON_NONE);
        feed_told(&f, AKSU_EV_PEER_CLOSED, AKSU_REASON_NONE);
        f.state = AK_TCP_ESTABLISHED;
        if (order == 1) feed_segment(&f, AKSU_IN, fin);
        stage_text(&g);
        seen[order] = g.memory;
        g.memory = (ak_memory){0};
        stage_close(&g);
    }
    assert_string_equal(seen[0].text, seen[1].text);
    ak_memory_free(&seen[0]);
    ak_memory_free(&seen[1]);
}

static void colours_asked_for_only_then(void **state) {
    (void)state;
    for (unsigned paint = 0; paint < 2; paint++) {
        struct stage g;
        stage_open(&g, (struct look){.term = {.paint = paint ? AK_PAINT_COLOURS : AK_PAINT_NONE}});
        play_life(&g);
        assert_int_equal(strchr(stage_text(&g), '\033') != NULL, paint != 0);
        stage_close(&g);
    }
}

static uint32_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* Any event at all, of one of a few connections. */
static void random_event(uint64_t *seed, struct feed *f, aksu_trace_event *e) {
    unsigned char *bytes = (unsigned char *)&e->u;
    for (size_t i = 0; i < sizeof e->u; i++) bytes[i] = (unsigned char)next_random(seed);
    e->kind = (aksu_trace_kind)(next_random(seed) % AKSU_TRACE_KIND_COUNT);
    aksu_flow flow = f->flow;
    uint32_t choice = next_random(seed);
    flow.local_port = (uint16_t)(flow.local_port + choice % 3);
    if (choice % 97 == 0) flow.remote_port = 0;
    if (e->kind == AKSU_TRACE_PACKET) {
        e->u.packet.frame = NULL;
        e->u.packet.drop = (aksu_drop)(choice % (AKSU_DROP_COUNT + 1));
        return;
    }
    e->u.state.flow = flow; /* every kind but two begins with it */
    if (e->kind != AKSU_TRACE_SEGMENT) return;
    e->u.segment.flow = flow;
    e->u.segment.direction = (choice & 64) ? AKSU_IN : AKSU_OUT;
    e->u.segment.frame = NULL;
    e->u.segment.retransmission = (choice & 128) != 0;
    e->u.segment.ace = (choice & 65536) != 0;
    e->u.segment.drop = (aksu_drop)((choice & 256) ? choice % AKSU_DROP_COUNT : 0);
}

static void any_events_never_wider(void **state) {
    (void)state;
    for (uint64_t run = 0; run < 40; run++) {
        uint64_t seed = run;
        struct stage g;
        struct look look = {.ladder = {.show = UINT32_MAX, .gap_us = 5000, .connection_max = 4}};
        look.term.columns = AK_TERM_COLUMNS_MIN + next_random(&seed) % 90;
        look.term.words.lang = run % 3 == 0 ? AK_LANG_KO : AK_LANG_EN;
        if (run % 2) {
            look.ladder.sides = AK_LADDER_ALL_SIDES;
            look.ladder.host_count = 2 + (uint32_t)(run / 2 % 3);
            look.term.columns += (look.ladder.host_count - 2) * AK_TERM_COLUMNS_HOST;
            look.ladder.host_addr[0] = aksu_addr_v4(10, 0, 0, 1);
            look.ladder.host_addr[1] = aksu_addr_v4(10, 0, 0, 2);
        }
        stage_open(&g, look);
        struct feed end[2] = {client_of(&g)};
        end[1] = feed_other_side(&end[0], 1);
        for (unsigned i = 0; i < 400; i++) {
            aksu_trace_event e = {0};
            uint32_t choice = next_random(&seed);
            g.now_us += choice % 4 == 0 ? choice % 9000 : 0;
            unsigned host = look.ladder.sides == AK_LADDER_ALL_SIDES ? choice / 16 % (look.ladder.host_count + 1) : 0;
            random_event(&seed, &end[host % 2], &e);
            e.time_us = g.now_us;
            ak_ladder_event(g.ladder, host, choice / 512 % 64, &e);
            if (choice % 31 == 0) ak_ladder_lost(g.ladder, choice / 512 % 64, choice % 2 ? queue_full : NULL);
            if (choice % 37 == 0) ak_ladder_copied(g.ladder, choice / 512 % 64, choice / 1024 % 64);
        }
        assert_width(stage_text(&g), look.term.columns);
        stage_close(&g);
    }
}

static void too_narrow_or_many_hosts_not_opened(void **state) {
    (void)state;
    ak_writer writer = {0};
    assert_null(ak_term_open(&writer, &(ak_term_options){.columns = AK_TERM_COLUMNS_MIN - 1}));
    assert_null(ak_term_open(&writer, &(ak_term_options){.columns = AK_TERM_COLUMNS_MIN, .host_count = 3}));
    assert_null(ak_term_open(&writer, &(ak_term_options){.columns = 300, .host_count = AK_LADDER_HOST_MAX + 1}));
    assert_null(ak_ladder_open(&(ak_ladder_options){.sides = AK_LADDER_ALL_SIDES, .host_count = 1}, NULL, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_from_syn_to_closed_drawn),
        cmocka_unit_test(connection_korean_drawn),
        cmocka_unit_test(connection_ascii_narrow_absolute_drawn),
        cmocka_unit_test(any_width_kept),
        cmocka_unit_test(refused_client_and_retry_drawn),
        cmocka_unit_test(simultaneous_open_drawn),
        cmocka_unit_test(passive_close_with_drops_drawn),
        cmocka_unit_test(second_connection_lettered),
        cmocka_unit_test(filter_other_port_nothing_shown),
        cmocka_unit_test(many_connections_memory_bounded),
        cmocka_unit_test(both_sides_handshake_syn_lost_drawn),
        cmocka_unit_test(both_sides_burst_with_loss_drawn),
        cmocka_unit_test(both_sides_simultaneous_close_crossing_drawn),
        cmocka_unit_test(three_hosts_forged_reset_drawn),
        cmocka_unit_test(row_limit_said),
        cmocka_unit_test(any_events_never_wider),
        cmocka_unit_test(too_narrow_or_many_hosts_not_opened),
        cmocka_unit_test(segment_first_or_last_same_rows),
        cmocka_unit_test(colours_asked_for_only_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
