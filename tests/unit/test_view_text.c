/* Goal: columns are counted as a terminal counts them, texts are cut at characters, numbers read well, and the words of
 * views are there in both languages. */
#include "view/text.h"
#include "view/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void width_of_texts_counted(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
    } cases[] = {
        {"", 0},           {"abc", 3},  {"악수", 4},   {"시퀀스 번호", 11}, {"─►┃✗╰", 5},
        {"e\xcc\x81x", 2}, {"日本", 4}, {"\x1b[m", 2}, {"\xff", 1},         {"\xc3", 1},
        {"\xc0\x80", 2},   {"🙂", 2}, {"한", 2},     {"\xed\xa0\x80", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (ak_text_columns(cases[i].text) != cases[i].columns) {
            fail_msg("\"%s\": %zu", cases[i].text, ak_text_columns(cases[i].text));
        }
    }
}

static void padding_every_width_exact(void **state) {
    (void)state;
    static const char *const texts[] = {"", "abcdefgh", "재전송 타임아웃", "a한b글c", "é́ü̈"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t columns = 0; columns < 24; columns++) {
            for (int align = AK_ALIGN_LEFT; align <= AK_ALIGN_CENTRE; align++) {
                char buf[256];
                ak_text text = ak_text_in(buf, sizeof buf);
                ak_text_add_padded(&text, texts[i], columns, (ak_align)align);
                assert_int_equal(ak_text_columns(buf), columns);
            }
        }
    }
}

static void builder_full_cut_at_character(void **state) {
    (void)state;
    for (size_t cap = 1; cap < 16; cap++) {
        char buf[16];
        memset(buf, 'x', sizeof buf);
        ak_text text = ak_text_in(buf, cap);
        ak_text_add(&text, "가나다라");
        assert_int_equal(strlen(buf) % 3, 0);
        assert_int_equal(text.full, cap < 13);
        assert_true(strlen(buf) == text.used_bytes);
    }
}

static void line_wide_character_half_overwritten_blanked(void **state) {
    (void)state;
    ak_memory memory = {.limit_bytes = 4096};
    ak_writer writer = ak_writer_memory(&memory);
    ak_line *line = ak_line_new(6);
    ak_line_put(line, 0, "한글abcdef", AK_COLOUR_PLAIN);
    ak_line_put(line, 1, "x", AK_COLOUR_PLAIN);
    assert_true(ak_line_write(line, &writer, AK_PAINT_NONE));
    ak_line_put(line, 2, "y", AK_COLOUR_BAD);
    ak_line_put(line, 5, "한", AK_COLOUR_BAD);
    assert_true(ak_line_write(line, &writer, AK_PAINT_COLOURS));
    assert_string_equal(memory.text, " x글ab\n x\033[0;1;31my \033[0mab\n");
    ak_line_free(line);
    ak_memory_free(&memory);
}

static void memory_writer_limit_refused_whole(void **state) {
    (void)state;
    ak_memory memory = {.limit_bytes = 10};
    ak_writer writer = ak_writer_memory(&memory);
    assert_true(writer.write(writer.user, "12345678", 8));
    assert_false(writer.write(writer.user, "901", 3));
    assert_true(writer.write(writer.user, "90", 2));
    assert_string_equal(memory.text, "1234567890");
    ak_memory_free(&memory);
}

static void numbers_with_units_three_digits(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        const char *bytes, *duration;
    } cases[] = {
        {0, "0 B", "0 us"},
        {999, "999 B", "999 us"},
        {1000, "1000 B", "1.00 ms"},
        {9999, "9999 B", "9.99 ms"},
        {10000, "9.76 KiB", "10.0 ms"},
        {1048575, "1023 KiB", "1.04 s"},
        {1048576, "1.00 MiB", "1.04 s"},
        {119999999, "114 MiB", "119 s"},
        {120000000, "114 MiB", "2.00 min"},
        {7200000000, "6.70 GiB", "2.00 h"},
        {2592000000000, "2413 GiB", "30.0 d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char buf[64];
        ak_text text = ak_text_in(buf, sizeof buf);
        ak_text_add_bytes(&text, cases[i].value);
        assert_string_equal(buf, cases[i].bytes);
        text = ak_text_in(buf, sizeof buf);
        ak_text_add_duration(&text, cases[i].value);
        assert_string_equal(buf, cases[i].duration);
    }
}

static void flags_in_header_order(void **state) {
    (void)state;
    char buf[AK_FLAGS_TEXT_BYTES];
    assert_string_equal(ak_word_flags(0x1ff, AK_FLAGS_NINE, buf), "AE,CWR,ECE,URG,ACK,PSH,RST,SYN,FIN");
    assert_string_equal(ak_word_flags(0x1ff, AK_FLAGS_CLASSIC_SIX, buf), "URG,ACK,PSH,RST,SYN,FIN");
    assert_string_equal(ak_word_flags(AKSU_TCP_SYN | AKSU_TCP_ACK, AK_FLAGS_NINE, buf), "ACK,SYN");
    assert_string_equal(ak_word_flags(0, AK_FLAGS_NINE, buf), "-");
}

static void every_word_both_languages(void **state) {
    (void)state;
    for (int lang = 0; lang < AK_LANG_COUNT; lang++) {
        ak_lang l = (ak_lang)lang;
        for (int i = 0; i < AK_WORD_COUNT; i++) assert_true(ak_word_text(l, (ak_word)i)[0] != '\0');
        for (int i = 0; i < AKSU_DROP_COUNT; i++) assert_non_null(ak_word_drop(l, (aksu_drop)i));
        for (int i = 0; i < AKSU_REASON_COUNT; i++) assert_non_null(ak_word_reason(l, (aksu_reason)i));
        for (int i = 0; i < AKSU_SEND_CAUSE_COUNT; i++) assert_non_null(ak_word_send_cause(l, (aksu_send_cause)i));
        for (int i = 0; i < AKSU_TIMER_COUNT; i++) assert_non_null(ak_word_timer(l, (aksu_timer)i));
        for (int i = 0; i < AKSU_CWND_CAUSE_COUNT; i++) assert_non_null(ak_word_cwnd_cause(l, (aksu_cwnd_cause)i));
        for (int i = 0; i < AKSU_LOSS_CAUSE_COUNT; i++) assert_non_null(ak_word_loss_cause(l, (aksu_loss_cause)i));
        for (int i = AKSU_ERR_OUT_OF_RANGE; i <= 0; i++) assert_string_not_equal(ak_word_err(l, (aksu_err)i), "?");
        for (uint32_t bit = 1; bit <= AKSU_EV_CLOSED; bit <<= 1)
            assert_string_not_equal(ak_word_event_bit(l, bit), "?");
    }
    assert_string_equal(ak_word_drop(AK_LANG_KO, AKSU_DROP_COUNT), "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(width_of_texts_counted),
        cmocka_unit_test(padding_every_width_exact),
        cmocka_unit_test(builder_full_cut_at_character),
        cmocka_unit_test(line_wide_character_half_overwritten_blanked),
        cmocka_unit_test(memory_writer_limit_refused_whole),
        cmocka_unit_test(numbers_with_units_three_digits),
        cmocka_unit_test(flags_in_header_order),
        cmocka_unit_test(every_word_both_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
