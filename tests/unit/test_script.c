/* Packet scripts: what is understood, what is refused with its place, and that a script can fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "script/script.h"

/* Plays a text; the error is empty if it passes. */
static script_error play(const char *text) {
    script_error error = {.line = 0};
    script *s = script_parse("test.pkt", text, SCRIPT_PROFILE_AKSU, &error);
    if (s == NULL) return error;
    if (script_run(s, &error)) error = (script_error){.line = 0};
    script_free(s);
    return error;
}

#define PRELUDE                                                                                                        \
    "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"                                                                    \
    "+0 bind(3, ..., ...) = 0\n"                                                                                       \
    "+0 listen(3, 1) = 0\n"                                                                                            \
    "+0 < S 0:0(0) win 1000 <mss 1000>\n"

static void handshake_as_it_is_passes(void **state) {
    (void)state;
    script_error error = play(PRELUDE "+0 > S. 0:0(0) ack 1 <mss 1460>\n+0 < . 1:1(0) ack 1 win 1000\n"
                                      "+0 accept(3, ..., ...) = 4\n+0 state(4) = ESTABLISHED\n");
    assert_string_equal(error.text, "");
}

/* Each of these differs from the truth in one thing. */
static void handshake_otherwise_fails_where_it_differs(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
        uint32_t line;
    } wrong[] = {
        {PRELUDE "+0 > S. 0:0(0) ack 2 <mss 1460>\n", "another acknowledgment", 5},
        {PRELUDE "+0 > S. 0:0(0) ack 1 <mss 1461>\n", "other options", 5},
        {PRELUDE "+0 > S. 0:0(0) ack 1 win 1 <mss 1460>\n", "another window", 5},
        {PRELUDE "+0 > . 0:0(0) ack 1\n", "other flags", 5},
        {PRELUDE "+.1 > S. 0:0(0) ack 1 <mss 1460>\n", "came at 0.000000, not at 0.100000", 5},
        {PRELUDE "+0 > S. 0:0(0) ack 1 <...>\n+.5 > . 1:1(0) ack 1\n", "did not come", 6},
        {PRELUDE "+0 > S. 0:0(0) ack 1 <...>\n+0 accept(3, ..., ...) = 4\n", "accept() blocks", 6},
        {PRELUDE "+0 > S. 0:0(0) ack 1 <...>\n+0 state() = ESTABLISHED\n", "the state is SYN-RECEIVED", 6},
        {PRELUDE "+0 > S. 0:0(0) ack 1 <...>\n+0 drop(TCP_FLAGS) = 1\n", "drop() returned 0, not 1", 6},
        {PRELUDE "+0 > S. 0:0(0) ack 1 <...>\n+1.1 state() = SYN-RECEIVED\n", "this was sent besides", 6},
        {PRELUDE "+0 > S. 0:0(0) ack 1 <...>\n+0...0.3 accept(3, ..., ...) = 4\n+.1 < . 1:1(0) ack 1 win 9\n",
         "accept() returned at 0.100000, not at 0.300000", 6},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        script_error error = play(wrong[i].text);
        if (strstr(error.text, wrong[i].says) == NULL) fail_msg("%s: said: %s", wrong[i].says, error.text);
        assert_int_equal(error.line, wrong[i].line);
        assert_false(error.unsupported);
    }
}

/* The order of options is a habit that a profile has, and a setting. */
static void profile_freebsd_orders_options_its_way(void **state) {
    (void)state;
    script_error error = play("// profile: freebsd\n"
                              "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
                              "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
                              "+0 connect(3, ..., ...) = -1 EINPROGRESS\n"
                              "+0 > S 0:0(0) <mss 1460,nop,wscale 1,sackOK,TS val 1 ecr 0>\n");
    assert_string_equal(error.text, "");
    error = play("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
                 "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
                 "+0 connect(3, ..., ...) = -1 EINPROGRESS\n"
                 "+0 > S 0:0(0) <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>\n");
    assert_string_equal(error.text, "");
}

static void call_that_blocks_returns_when_it_can(void **state) {
    (void)state;
    script_error error = play(PRELUDE "+0...0.2 accept(3, ..., ...) = 4\n+0 > S. 0:0(0) ack 1 <...>\n"
                                      "+.2 < . 1:1(0) ack 1 win 1000\n"
                                      "+0...0.1 read(4, ..., 10) = 5\n+.1 < P. 1:6(5) ack 1 win 1000\n"
                                      "+.04 > . 1:1(0) ack 6\n");
    assert_string_equal(error.text, "");
}

static void what_is_not_known_is_unsupported_with_its_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
    } unknown[] = {
        {"0 epoll_create(1) = 3\n", 1, 1},
        {"0 socket(..., SOCK_RAW, 0) = 3\n", 1, 23},
        {"0 socket(..., SOCK_DGRAM, 0) = 3\n", 1, 1},
        {"--send_omit_free\n", 1, 17},
        {"0 `tc qdisc add dev lo root netem`\n", 1, 1},
        {"0 < S 0:0(0) win 5 <mood 7>\n", 1, 25},
        {"0 < udp (1000)\n", 1, 5},
        {"0 %{ print(tcpi_rto) }%\n", 1, 1},
    };
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        script_error error = play(unknown[i].text);
        if (!error.unsupported) fail_msg("%s: said: %s", unknown[i].text, error.text);
        assert_int_equal(error.line, unknown[i].line);
        if (error.column != unknown[i].column)
            fail_msg("%s: column %u, wanted %u", unknown[i].text, error.column, unknown[i].column);
    }
}

static void what_is_malformed_is_an_error_with_its_line(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\n\n0 < Q 0:0(0)\n",          "\n\n0 < S 0:5(0) win 1\n",     "\n\n0 < . 0:0(0) win 1\n",
        "\n\n0 < S 0:0(0) ack 1\n",    "\n\n0 < S 0:0(0) win 70000\n", "\n\n0 < S 0:0(0) <mss\n",
        "\n\n0 socket(..., ... = 3\n", "\n\n0 socket(\"x) = 3\n",      "\n\n+.2~.1 < S 0:0(0)\n",
        "\n\n--aksu_set=nonsense=1\n", "\n\n--aksu_set=ttl=0\n",       "\n\n0 %{ assert 1\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        script_error error = play(bad[i]);
        assert_true(error.text[0] != '\0');
        if (error.line < 3) fail_msg("%s: line %u: %s", bad[i], error.line, error.text);
    }
    assert_string_equal(play("// nothing\n").text, "the script is empty");
}

/* Cut at each byte, a script is refused or fails; it never does anything worse. */
static void script_cut_anywhere_is_survived(void **state) {
    (void)state;
    static const char text[] =
        PRELUDE "+0 > S. 0:0(0) ack 1 <mss 1460>\n+.1 < . 1:1(0) ack 1 win 9 <sack 1:2,TS val 1 ecr 0>\n"
                "+0 %{ assert tcpi_state == 1 or (3 - 2) * 4 > 5 }%\n"
                "+0 poll([{fd=3, events=POLLIN, revents=POLLIN}], 1, 0) = 1\n";
    char cut[sizeof text];
    for (size_t n = 0; n < sizeof text; n++) {
        memcpy(cut, text, n);
        cut[n] = '\0';
        (void)play(cut);
        if (n > 0) {
            cut[n - 1] = (char)('!' + n % 90);
            (void)play(cut);
        }
    }
}

static void assertions_follow_their_operators(void **state) {
    (void)state;
    aksu_tcp_info info = {.state = AK_TCP_ESTABLISHED, .snd_mss = 1000, .cwnd_bytes = 10000};
    static const char *const good[] = {"assert tcpi_snd_cwnd == 10", "assert 2 + 3 * 4 == 14, tcpi_rto",
                                       "assert not 1 > 2 and (0 or 1)", "assert 3 <= tcpi_snd_cwnd <= 10",
                                       "\nassert 7 % 4 == 3\nassert 7 // 2 == 3; assert -1 < 0\n"};
    static const char *const bad[] = {"assert tcpi_snd_cwnd == 11", "assert 1 and 0", "assert 3 < tcpi_snd_cwnd < 10"};
    script_error error;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        error = (script_error){.line = 0};
        if (!script_assert(good[i], &info, &error)) fail_msg("%s: %s", good[i], error.text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error = (script_error){.line = 0};
        assert_false(script_assert(bad[i], &info, &error));
        assert_false(error.unsupported);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_as_it_is_passes),
        cmocka_unit_test(handshake_otherwise_fails_where_it_differs),
        cmocka_unit_test(profile_freebsd_orders_options_its_way),
        cmocka_unit_test(call_that_blocks_returns_when_it_can),
        cmocka_unit_test(what_is_not_known_is_unsupported_with_its_place),
        cmocka_unit_test(what_is_malformed_is_an_error_with_its_line),
        cmocka_unit_test(script_cut_anywhere_is_survived),
        cmocka_unit_test(assertions_follow_their_operators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
