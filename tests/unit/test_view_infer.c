/* Goal: states are read from segments exactly as far as they determine them. */
#include "view/infer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define F AKSU_TCP_FIN
#define S AKSU_TCP_SYN
#define R AKSU_TCP_RST
#define A AKSU_TCP_ACK

/* A segment in relative numbers and what is thought of both ends afterwards; '?' likely, '!' known, ' ' unknown. */
struct line {
    unsigned from;
    uint16_t flags;
    uint32_t seq, ack, bytes;
    aksu_tcp_state state[2];
    char sure[3];
};

#define X AK_TCP_CLOSED /* where unknown */

static void play(const struct line *lines, size_t count) {
    static const uint32_t isn[2] = {0xfffffffe, 1000};
    ak_infer infer = {0};
    for (size_t i = 0; i < count; i++) {
        const struct line *l = &lines[i];
        ak_infer_see(&infer, &(ak_infer_segment){.from = l->from,
                                                 .seq = isn[l->from] + l->seq,
                                                 .ack = (l->flags & A) ? isn[1 - l->from] + l->ack : 0,
                                                 .payload_bytes = l->bytes,
                                                 .flags = l->flags});
        for (unsigned end = 0; end < 2; end++) {
            char sure = " ?!"[infer.end[end].now.sureness];
            if (sure != l->sure[end] || (sure != ' ' && infer.end[end].now.state != l->state[end])) {
                fail_msg("line %zu end %u: state %d%c", i, end, (int)infer.end[end].now.state, sure);
            }
        }
    }
}

#define PLAY(...)                                                                                                      \
    const struct line lines[] = {__VA_ARGS__};                                                                         \
    play(lines, sizeof lines / sizeof *lines)
#define OPEN                                                                                                           \
    {0, S, 0, 0, 0, {AK_TCP_SYN_SENT, X}, "! "}, {1, S | A, 0, 1, 0, {AK_TCP_ESTABLISHED, AK_TCP_SYN_RECEIVED}, "?!"}, \
        {0, A, 1, 1, 0, {AK_TCP_ESTABLISHED, AK_TCP_ESTABLISHED}, "!?"},                                               \
        {0, A, 1, 1, 10, {AK_TCP_ESTABLISHED, AK_TCP_ESTABLISHED}, "!?"}, {                                            \
        1, A, 1, 11, 0, {AK_TCP_ESTABLISHED, AK_TCP_ESTABLISHED}, "!!"                                                 \
    }

static void four_way_close_both_known(void **state) {
    (void)state;
    PLAY(OPEN, {0, F | A, 11, 1, 0, {AK_TCP_FIN_WAIT_1, AK_TCP_CLOSE_WAIT}, "!?"},
         {1, A, 1, 12, 0, {AK_TCP_FIN_WAIT_2, AK_TCP_CLOSE_WAIT}, "?!"},
         {1, A, 1, 12, 7, {AK_TCP_FIN_WAIT_2, AK_TCP_CLOSE_WAIT}, "?!"},
         {0, A, 12, 8, 0, {AK_TCP_FIN_WAIT_2, AK_TCP_CLOSE_WAIT}, "!!"},
         {1, F | A, 8, 12, 0, {AK_TCP_TIME_WAIT, AK_TCP_LAST_ACK}, "?!"},
         {0, A, 12, 9, 0, {AK_TCP_TIME_WAIT, AK_TCP_CLOSED}, "!?"},
         {1, F | A, 8, 12, 0, {AK_TCP_TIME_WAIT, AK_TCP_LAST_ACK}, "!!"},
         {0, A, 12, 9, 0, {AK_TCP_TIME_WAIT, AK_TCP_CLOSED}, "!?"});
}

static void three_segment_close_last_ack(void **state) {
    (void)state;
    PLAY(OPEN, {0, F | A, 11, 1, 0, {AK_TCP_FIN_WAIT_1, AK_TCP_CLOSE_WAIT}, "!?"},
         {1, F | A, 1, 12, 0, {AK_TCP_TIME_WAIT, AK_TCP_LAST_ACK}, "?!"},
         {0, A, 12, 2, 0, {AK_TCP_TIME_WAIT, AK_TCP_CLOSED}, "!?"});
}

static void crossing_fins_closing(void **state) {
    (void)state;
    PLAY(OPEN, {0, F | A, 11, 1, 0, {AK_TCP_FIN_WAIT_1, AK_TCP_CLOSE_WAIT}, "!?"},
         {1, F | A, 1, 11, 0, {AK_TCP_CLOSING, AK_TCP_FIN_WAIT_1}, "?!"},
         {0, A, 12, 2, 0, {AK_TCP_CLOSING, AK_TCP_TIME_WAIT}, "!?"},
         {1, A, 2, 12, 0, {AK_TCP_TIME_WAIT, AK_TCP_CLOSING}, "?!"});
}

static void simultaneous_open_syn_received(void **state) {
    (void)state;
    PLAY({0, S, 0, 0, 0, {AK_TCP_SYN_SENT, X}, "! "}, {1, S, 0, 0, 0, {AK_TCP_SYN_RECEIVED, AK_TCP_SYN_SENT}, "?!"},
         {0, S | A, 0, 1, 0, {AK_TCP_SYN_RECEIVED, AK_TCP_ESTABLISHED}, "!?"},
         {1, S | A, 0, 1, 0, {AK_TCP_ESTABLISHED, AK_TCP_SYN_RECEIVED}, "?!"});
}

static void syn_reset_closed(void **state) {
    (void)state;
    PLAY({0, S, 0, 0, 0, {AK_TCP_SYN_SENT, X}, "! "}, {1, R | A, 0, 1, 0, {AK_TCP_CLOSED, AK_TCP_CLOSED}, "?!"});
}

static void old_syn_reset_while_opening_stays(void **state) {
    (void)state;
    /* RFC 9293 s3.5, Figure 8: the SYN-SENT end resets an ACK that is not for its SYN, and stays. */
    PLAY({0, S, 0, 0, 0, {AK_TCP_SYN_SENT, X}, "! "}, {0, R, 91, 0, 0, {AK_TCP_SYN_SENT, X}, "! "});
}

static void capture_from_the_middle_likely(void **state) {
    (void)state;
    PLAY({0, A, 500, 600, 10, {AK_TCP_ESTABLISHED, X}, "? "},
         {1, A, 600, 510, 0, {AK_TCP_ESTABLISHED, AK_TCP_ESTABLISHED}, "??"},
         {1, F | A, 600, 510, 0, {AK_TCP_CLOSE_WAIT, AK_TCP_FIN_WAIT_1}, "?!"});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_way_close_both_known),
        cmocka_unit_test(three_segment_close_last_ack),
        cmocka_unit_test(crossing_fins_closing),
        cmocka_unit_test(simultaneous_open_syn_received),
        cmocka_unit_test(syn_reset_closed),
        cmocka_unit_test(old_syn_reset_while_opening_stays),
        cmocka_unit_test(capture_from_the_middle_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
