/* Goal: a TCP header is taken exactly if it is legal, whatever stands in its options; each option is read once, where
 * it may stand; and what is built is what is parsed. */
#include "base/bytes.h"
#include "random.h"
#include "wire/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEGMENT_BYTES 80u

static void segment_make(uint8_t *p, size_t header_bytes, uint8_t flags) {
    memset(p, 0, SEGMENT_BYTES);
    ak_put16(p, 40000);
    ak_put16(p + 2, 80);
    ak_put32(p + 4, 0x80000001);
    ak_put32(p + 8, 0xfffffffe);
    p[12] = (uint8_t)(header_bytes / 4 << 4);
    p[13] = flags;
    ak_put16(p + 14, 0xfedc);
    ak_put16(p + 18, 0x1357);
    for (size_t i = 20; i < header_bytes; i++) p[i] = 1;
}

/* Parses a copy of just head_bytes, so that a read past them is seen; on a fault nothing may be written. */
static aksu_drop parse(const uint8_t *p, size_t head_bytes, size_t segment_bytes, struct ak_tcp_header *ret_header) {
    uint8_t *exact = malloc(head_bytes > 0 ? head_bytes : 1);
    memcpy(exact, p, head_bytes);
    struct ak_tcp_header before;
    memset(&before, 0x77, sizeof before);
    memcpy(ret_header, &before, sizeof before);
    const aksu_drop drop = ak_wire_tcp_parse(exact, head_bytes, segment_bytes, ret_header);
    if (drop != AKSU_DROP_NONE) assert_memory_equal(ret_header, &before, sizeof before);
    free(exact);
    return drop;
}

/* A segment with these option bytes, filled up with NOPs. */
static aksu_drop parse_options(const uint8_t *options, size_t bytes, uint8_t flags, aksu_tcp_options *ret_options) {
    uint8_t p[SEGMENT_BYTES];
    const size_t header_bytes = 20 + (bytes + 3) / 4 * 4;
    segment_make(p, header_bytes, flags);
    memcpy(p + 20, options, bytes);
    struct ak_tcp_header header;
    const aksu_drop drop = parse(p, header_bytes, header_bytes, &header);
    *ret_options = header.options;
    return drop;
}

static void parse_legal_all_fields(void **state) {
    (void)state;
    uint8_t p[SEGMENT_BYTES];
    struct ak_tcp_header h;
    for (unsigned flags = 0; flags < 512; flags++) {
        segment_make(p, 20, (uint8_t)flags);
        p[12] |= (uint8_t)(flags >> 8 | 0x0e); /* the reserved three: ignored (RFC 9293 s3.1) */
        assert_int_equal(parse(p, 20, 20, &h), AKSU_DROP_NONE);
        assert_int_equal(h.src_port, 40000);
        assert_int_equal(h.dst_port, 80);
        assert_int_equal(h.seq.n, 0x80000001);
        assert_int_equal(h.ack.n, 0xfffffffe);
        assert_int_equal(h.flags, flags);
        assert_int_equal(h.data_offset, 5);
        assert_int_equal(h.wnd, 0xfedc);
        assert_int_equal(h.up, 0x1357);
        const aksu_tcp_options none = {0};
        assert_memory_equal(&h.options, &none, sizeof none);
    }
}

static void parse_every_data_offset_every_truncation_reason(void **state) {
    (void)state;
    uint8_t p[SEGMENT_BYTES];
    struct ak_tcp_header h;
    for (size_t offset = 0; offset < 16; offset++) {
        for (size_t segment_bytes = 0; segment_bytes <= SEGMENT_BYTES; segment_bytes++) {
            for (size_t head_bytes = 0; head_bytes <= segment_bytes; head_bytes++) {
                segment_make(p, offset * 4, AKSU_TCP_ACK);
                p[12] |= 0x0f; /* reserved bits: ignored */
                aksu_drop want = AKSU_DROP_NONE;
                if (head_bytes < 20) {
                    want = AKSU_DROP_TCP_TRUNCATED;
                } else if (offset < 5 || offset * 4 > segment_bytes) {
                    want = AKSU_DROP_TCP_DATA_OFFSET;
                } else if (offset * 4 > head_bytes) {
                    want = AKSU_DROP_TCP_TRUNCATED;
                }
                assert_int_equal(parse(p, head_bytes, segment_bytes, &h), want);
                if (want == AKSU_DROP_NONE) assert_int_equal(h.data_offset, offset);
            }
        }
    }
    segment_make(p, 60, AKSU_TCP_ACK);
    assert_int_equal(parse(p, 60, 40, &h), AKSU_DROP_TCP_DATA_OFFSET); /* more at hand than the segment has */
    segment_make(p, 20, AKSU_TCP_ACK);
    assert_int_equal(parse(p, 60, 19, &h), AKSU_DROP_TCP_TRUNCATED);
}

static void parse_port_zero_dropped(void **state) {
    (void)state;
    static const struct {
        uint16_t src, dst;
        aksu_drop drop;
    } cases[] = {{0, 80, AKSU_DROP_TCP_PORT_ZERO}, {80, 0, AKSU_DROP_TCP_PORT_ZERO}, {0, 0, AKSU_DROP_TCP_PORT_ZERO},
                 {1, 1, AKSU_DROP_NONE},           {0x100, 0x100, AKSU_DROP_NONE},   {65535, 65535, AKSU_DROP_NONE}};
    uint8_t p[SEGMENT_BYTES];
    struct ak_tcp_header h;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        segment_make(p, 20, AKSU_TCP_SYN);
        ak_put16(p, cases[i].src);
        ak_put16(p + 2, cases[i].dst);
        assert_int_equal(parse(p, 20, 20, &h), cases[i].drop);
    }
}

static bool length_legal(unsigned kind, unsigned bytes) {
    switch (kind) {
    case 2:
    case 28: return bytes == 4;
    case 3: return bytes == 3;
    case 4: return bytes == 2;
    case 5: return bytes == 10 || bytes == 18 || bytes == 26 || bytes == 34;
    case 8: return bytes == 10;
    default: return bytes >= 2;
    }
}

static unsigned bit_of(unsigned kind, unsigned bytes, uint16_t flags) {
    const bool syn = (flags & AKSU_TCP_SYN) != 0;
    const bool cookie = bytes == 2 || (bytes >= 6 && bytes <= 18 && bytes % 2 == 0);
    switch (kind) {
    case 2: return syn ? AKSU_OPT_MSS : 0;
    case 3: return syn ? AKSU_OPT_WSCALE : 0;
    case 4: return syn ? AKSU_OPT_SACK_PERMITTED : 0;
    case 5: return AKSU_OPT_SACK;
    case 8: return AKSU_OPT_TIMESTAMPS;
    case 28: return AKSU_OPT_USER_TIMEOUT;
    case 34: return syn && cookie ? AKSU_OPT_FAST_OPEN : 0;
    case 172:
    case 174: return flags == AKSU_TCP_SYN ? 0 : AKSU_OPT_ACCECN;
    default: return AKSU_OPT_UNKNOWN;
    }
}

/* MUST-7, MUST-64: every kind with every length at every place of every option room; NOPs around it.  attack: 15 */
static void parse_every_option_kind_length_offset(void **state) {
    (void)state;
    uint8_t p[SEGMENT_BYTES];
    struct ak_tcp_header h;
    for (size_t room = 4; room <= 40; room += 4) {
        for (unsigned kind = 2; kind < 256; kind++) {
            for (size_t at = 0; at < room; at++) {
                for (unsigned bytes = 0; bytes < 256; bytes += bytes < 44 ? 1 : 53) {
                    const uint8_t flags = (kind ^ at ^ bytes) & 1 ? AKSU_TCP_SYN : AKSU_TCP_ACK;
                    segment_make(p, 20 + room, flags);
                    p[20 + at] = (uint8_t)kind;
                    p[20 + at + 1] = (uint8_t)bytes; /* of the text, if the option is the last byte */
                    const bool fits = at + 1 < room && bytes >= 2 && at + bytes <= room;
                    const bool legal = fits && length_legal(kind, bytes);
                    const aksu_drop drop = ak_wire_tcp_parse(p, SEGMENT_BYTES, SEGMENT_BYTES, &h);
                    assert_int_equal(drop, legal ? AKSU_DROP_NONE : AKSU_DROP_TCP_OPTION_LENGTH);
                    if (legal) assert_int_equal(h.options.present, bit_of(kind, bytes, flags));
                }
            }
        }
    }
}

/* The header's end, not the segment's: an option may not run into the text.  attack: 8 */
static void parse_options_random_bytes_never_past_the_header(void **state) {
    (void)state;
    uint8_t p[SEGMENT_BYTES];
    random_seed(1);
    for (unsigned run = 0; run < 200000; run++) {
        const size_t header_bytes = 24 + (size_t)random_int() % 10 * 4;
        segment_make(p, header_bytes, (uint8_t)random_int());
        for (size_t i = 20; i < header_bytes; i++) {
            static const uint8_t likely[] = {0, 1, 2, 3, 4, 5, 8, 10, 11, 18, 28, 34, 172, 174, 255};
            p[i] = random_int() % 4 ? likely[(size_t)random_int() % sizeof likely] : (uint8_t)random_int();
        }
        struct ak_tcp_header a, b;
        const aksu_drop drop =
            parse(p, header_bytes, header_bytes, &a); /* ASan: the header's bytes are all there are */
        memset(p + header_bytes, 0xff, SEGMENT_BYTES - header_bytes);
        assert_int_equal(ak_wire_tcp_parse(p, SEGMENT_BYTES, SEGMENT_BYTES, &b), drop);
        if (drop == AKSU_DROP_NONE) {
            assert_memory_equal(&a.options, &b.options, sizeof a.options);
            assert_true(a.options.sack_count <= 4 && a.options.wscale <= 14);
        }
    }
}

static void parse_values_each_option(void **state) {
    (void)state;
    static const uint8_t bytes[] = {
        2,  4,  0x05, 0xb4,                      /* MSS 1460 */
        3,  3,  7,                               /* window scale */
        4,  2,                                   /* SACK-permitted */
        8,  10, 0x80, 1,    2, 3, 0xfe, 5, 6, 7, /* timestamps */
        28, 4,  0x80, 0x05,                      /* user timeout, 5 minutes */
        34, 6,  9,    8,    7, 6,                /* fast open */
        1,  1,  0,                               /* and the end */
    };
    aksu_tcp_options o;
    assert_int_equal(parse_options(bytes, sizeof bytes, AKSU_TCP_SYN, &o), AKSU_DROP_NONE);
    assert_int_equal(o.present, AKSU_OPT_MSS | AKSU_OPT_WSCALE | AKSU_OPT_SACK_PERMITTED | AKSU_OPT_TIMESTAMPS |
                                    AKSU_OPT_USER_TIMEOUT | AKSU_OPT_FAST_OPEN);
    assert_int_equal(o.mss, 1460);
    assert_int_equal(o.wscale, 7);
    assert_int_equal(o.ts_val, 0x80010203);
    assert_int_equal(o.ts_ecr, 0xfe050607);
    assert_int_equal(o.user_timeout, 0x8005);
    assert_int_equal(o.fast_open_cookie_bytes, 4);
    assert_memory_equal(o.fast_open_cookie, ((uint8_t[]){9, 8, 7, 6}), 4);
    /* MUST-65: outside of a SYN only the others count. */
    assert_int_equal(parse_options(bytes, sizeof bytes, AKSU_TCP_ACK, &o), AKSU_DROP_NONE);
    assert_int_equal(o.present, AKSU_OPT_TIMESTAMPS | AKSU_OPT_USER_TIMEOUT);
    assert_int_equal(o.mss, 0);
    assert_int_equal(o.wscale, 0);
    assert_int_equal(o.fast_open_cookie_bytes, 0);
}

static void parse_sack_one_to_four_blocks(void **state) {
    (void)state;
    uint8_t bytes[36] = {1, 1, 5};
    for (uint8_t count = 1; count <= 4; count++) {
        bytes[3] = (uint8_t)(2 + 8 * count);
        for (uint8_t i = 0; i < 32; i++) bytes[4 + i] = i;
        aksu_tcp_options o;
        assert_int_equal(parse_options(bytes, 4u + 8u * count, AKSU_TCP_ACK, &o), AKSU_DROP_NONE);
        assert_int_equal(o.sack_count, count);
        for (uint8_t i = 0; i < 4; i++) {
            assert_int_equal(o.sack[i].left, i < count ? 0x00010203u + i * 0x08080808u : 0);
            assert_int_equal(o.sack[i].right, i < count ? 0x04050607u + i * 0x08080808u : 0);
        }
    }
}

static void parse_window_scale_above_14_is_14(void **state) {
    (void)state;
    for (unsigned shift = 0; shift < 256; shift++) {
        const uint8_t bytes[4] = {3, 3, (uint8_t)shift, 0};
        aksu_tcp_options o;
        assert_int_equal(parse_options(bytes, 4, AKSU_TCP_SYN, &o), AKSU_DROP_NONE);
        assert_int_equal(o.wscale, shift > 14 ? 14 : shift);
    }
}

static void parse_same_option_twice_first_counts(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[24];
        size_t count;
    } cases[] = {
        {{2, 4, 1, 1, 2, 4, 2, 2}, 8},
        {{3, 3, 1, 3, 3, 2, 1, 1}, 8},
        {{8, 10, 1, 1, 1, 1, 1, 1, 1, 1, 8, 10, 2, 2, 2, 2, 2, 2, 2, 2}, 20},
        {{5, 10, 1, 1, 1, 1, 1, 1, 1, 1, 5, 10, 2, 2, 2, 2, 2, 2, 2, 2}, 20},
        {{28, 4, 1, 1, 28, 4, 2, 2}, 8},
        {{34, 6, 1, 1, 1, 1, 34, 6, 2, 2, 2, 2}, 12},
        {{34, 6, 1, 1, 1, 1, 34, 2}, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aksu_tcp_options both, first;
        assert_int_equal(parse_options(cases[i].bytes, cases[i].count, AKSU_TCP_SYN, &both), AKSU_DROP_NONE);
        assert_int_equal(parse_options(cases[i].bytes, cases[i].bytes[1], AKSU_TCP_SYN, &first), AKSU_DROP_NONE);
        assert_memory_equal(&both, &first, sizeof both);
    }
}

static void parse_after_end_anything_goes_unknown_skipped(void **state) {
    (void)state;
    aksu_tcp_options o;
    static const uint8_t after_end[] = {2, 4, 5, 0xb4, 0, 2, 0, 8};
    assert_int_equal(parse_options(after_end, sizeof after_end, AKSU_TCP_SYN, &o), AKSU_DROP_NONE);
    assert_int_equal(o.present, AKSU_OPT_MSS);
    static const uint8_t unknown[] = {254, 8, 8, 10, 1, 2, 4, 2};
    assert_int_equal(parse_options(unknown, sizeof unknown, AKSU_TCP_SYN, &o), AKSU_DROP_NONE);
    assert_int_equal(o.present, AKSU_OPT_UNKNOWN); /* 2, 4 would be an MSS past the end: 254 takes it */
    static const uint8_t around[] = {77, 3, 0, 4, 2, 78, 2, 3, 3, 5, 1, 1};
    assert_int_equal(parse_options(around, sizeof around, AKSU_TCP_SYN, &o), AKSU_DROP_NONE);
    assert_int_equal(o.present, AKSU_OPT_UNKNOWN | AKSU_OPT_SACK_PERMITTED | AKSU_OPT_WSCALE);
    assert_int_equal(o.wscale, 5);
}

/* The quick path and the loop must agree: the same option, one place further. */
static void parse_timestamps_usual_place_as_any_other(void **state) {
    (void)state;
    static const uint8_t usual[12] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t other[12] = {8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};
    static const uint8_t longer[16] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 1, 1};
    static const uint8_t flags[] = {AKSU_TCP_ACK, AKSU_TCP_SYN, AKSU_TCP_RST};
    for (size_t i = 0; i < sizeof flags; i++) {
        aksu_tcp_options a, b, c;
        assert_int_equal(parse_options(usual, 12, flags[i], &a), AKSU_DROP_NONE);
        assert_int_equal(parse_options(other, 12, flags[i], &b), AKSU_DROP_NONE);
        assert_int_equal(parse_options(longer, 16, flags[i], &c), AKSU_DROP_NONE);
        assert_int_equal(a.ts_val, 0x01020304);
        assert_int_equal(a.ts_ecr, 0x05060708);
        assert_memory_equal(&a, &b, sizeof a);
        assert_memory_equal(&a, &c, sizeof a);
    }
}

/* RFC 9768 s3.2.3: whole fields of any length count, the rest is padding; of a SYN nothing does (s3.2.3.2.1); the first
 * of two counts.
 * RFC9768-3.2.3-c, RFC9768-3.2.3-d, RFC9768-3.2.3.2.1-b */
static void parse_accecn_every_length_whole_fields(void **state) {
    (void)state;
    for (uint8_t kind = 172; kind <= 174; kind += 2) {
        for (uint8_t bytes = 2; bytes <= 37; bytes++) {
            uint8_t option[40] = {kind, bytes, 1, 2, 3, 0xff, 5, 6, 7, 8, 9, 10, 11};
            option[37] = (uint8_t)(346 - kind); /* another, of the other order, as far as there is room */
            option[38] = 2;
            aksu_tcp_options o;
            assert_int_equal(parse_options(option, bytes < 37 ? bytes : 39, AKSU_TCP_ACK, &o), AKSU_DROP_NONE);
            assert_int_equal(o.present, AKSU_OPT_ACCECN);
            assert_int_equal(o.accecn_order, kind == 174);
            assert_int_equal(o.accecn_count, bytes >= 11 ? 3 : (bytes - 2) / 3);
            const uint32_t want[] = {0x010203, 0xff0506, 0x070809};
            assert_memory_equal(o.accecn, want, o.accecn_count * sizeof *want);
            assert_int_equal(parse_options(option, bytes < 37 ? bytes : 39, AKSU_TCP_SYN, &o), AKSU_DROP_NONE);
            assert_int_equal(o.present, 0);
        }
    }
    assert_int_equal(aksu_accecn_field_at(0, 0), AKSU_ACCECN_E0B);
    assert_int_equal(aksu_accecn_field_at(0, 2), AKSU_ACCECN_E1B);
    assert_int_equal(aksu_accecn_field_at(1, 0), AKSU_ACCECN_E1B);
    assert_int_equal(aksu_accecn_field_at(1, 1), AKSU_ACCECN_CEB);
}

/* ---------------------------------------------------------------- build */

static struct ak_tcp_header header_of(unsigned present, uint16_t flags) {
    struct ak_tcp_header h = {
        .src_port = 1,
        .dst_port = 65535,
        .seq = ak_seq_of(0x01020304),
        .ack = ak_seq_of(0xa0b0c0d0),
        .flags = flags,
        .wnd = 0x1234,
        .up = 0x4321,
        .options = {.present = (uint16_t)present,
                    .wscale = 9,
                    .mss = 1460,
                    .ts_val = 0x11223344,
                    .ts_ecr = 0x55667788,
                    .user_timeout = 0x8001,
                    .fast_open_cookie_bytes = 8,
                    .sack_count = 2,
                    .accecn_order = 1,
                    .accecn_count = 3,
                    .accecn = {0x112233, 0x445566, 0xfedcba},
                    .fast_open_cookie = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
                    .sack = {{1, 2}, {3, 4}, {5, 6}, {7, 8}}},
    };
    return h;
}

static void build_known_sets_bytes_as_on_the_wire(void **state) {
    (void)state;
    const enum ak_option_order L = AK_OPTION_ORDER_LINUX, F = AK_OPTION_ORDER_FREEBSD;
    enum { MSS = AKSU_OPT_MSS, WS = AKSU_OPT_WSCALE, SP = AKSU_OPT_SACK_PERMITTED, TS = AKSU_OPT_TIMESTAMPS };
    const struct {
        enum ak_option_order order;
        unsigned present;
        uint8_t options[24];
        uint32_t bytes;
    } cases[] = {
        {L, MSS | WS | SP | TS, "\2\4\5\xb4\4\2\10\12\x11\x22\x33\x44\x55\x66\x77\x88\1\3\3\11", 20},
        {F, MSS | WS | SP | TS, "\2\4\5\xb4\1\3\3\11\4\2\10\12\x11\x22\x33\x44\x55\x66\x77\x88", 20},
        {L, MSS | WS | SP, "\2\4\5\xb4\1\1\4\2\1\3\3\11", 12},
        {F, MSS | WS | SP, "\2\4\5\xb4\1\3\3\11\4\2\0\0", 12},
        {L, MSS | WS | TS, "\2\4\5\xb4\1\1\10\12\x11\x22\x33\x44\x55\x66\x77\x88\1\3\3\11", 20},
        {F, MSS | WS | TS, "\2\4\5\xb4\1\3\3\11\1\1\10\12\x11\x22\x33\x44\x55\x66\x77\x88", 20},
        {L, MSS, "\2\4\5\xb4", 4},
        {F, MSS, "\2\4\5\xb4", 4},
        {L, TS, "\1\1\10\12\x11\x22\x33\x44\x55\x66\x77\x88", 12},
        {L, MSS | AKSU_OPT_FAST_OPEN, "\2\4\5\xb4\x22\12\1\2\3\4\5\6\7\10\1\1", 16},
        {F, MSS | AKSU_OPT_FAST_OPEN, "\2\4\5\xb4\x22\12\1\2\3\4\5\6\7\10\0\0", 16},
        {L, AKSU_OPT_SACK, "\1\1\5\22\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4", 20},
        {L, AKSU_OPT_ACCECN, "\256\13\x11\x22\x33\x44\x55\x66\xfe\xdc\xba\1", 12},
        {F, TS | AKSU_OPT_ACCECN,
         "\1\1\10\12\x11\x22\x33\x44\x55\x66\x77\x88\256\13\x11\x22\x33\x44\x55\x66\xfe\xdc\xba\1", 24},
        {F, SP | AKSU_OPT_USER_TIMEOUT, "\4\2\1\1\34\4\x80\1", 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ak_tcp_header h = header_of(cases[i].present, AKSU_TCP_SYN | AKSU_TCP_ACK);
        uint8_t p[60];
        assert_int_equal(ak_wire_tcp_build(p, &h, cases[i].order), 20 + cases[i].bytes);
        assert_memory_equal(p + 20, cases[i].options, cases[i].bytes);
    }
}

static void build_fixed_part_bytes_in_place(void **state) {
    (void)state;
    const struct ak_tcp_header h = header_of(0, AKSU_TCP_PSH | AKSU_TCP_ACK | AKSU_TCP_CWR | AKSU_TCP_AE);
    uint8_t p[21];
    memset(p, 0xee, sizeof p);
    assert_int_equal(ak_wire_tcp_build(p, &h, AK_OPTION_ORDER_LINUX), 20);
    static const uint8_t want[21] = {0,    1,    0xff, 0xff, 1,    2, 3, 4,    0xa0, 0xb0, 0xc0,
                                     0xd0, 0x51, 0x98, 0x12, 0x34, 0, 0, 0x43, 0x21, 0xee};
    assert_memory_equal(p, want, sizeof want);
}

/* Every set of options, both orders, SYN and not, every count of SACK blocks and size of cookie. */
static void build_then_parse_every_set_the_same(void **state) {
    (void)state;
    static const unsigned syn_only = AKSU_OPT_MSS | AKSU_OPT_WSCALE | AKSU_OPT_SACK_PERMITTED | AKSU_OPT_FAST_OPEN;
    for (unsigned n = 0; n < 128 * 2 * 2 * 5 * 8 * 5; n++) {
        const unsigned blocks = n / 512 % 5, cookie = n / 2560 % 8, fields = n / 20480;
        const unsigned present = n % 128 | (fields < 4 ? AKSU_OPT_ACCECN : 0);
        const uint8_t flags = n / 128 % 2 ? AKSU_TCP_SYN : AKSU_TCP_ACK;
        struct ak_tcp_header h = header_of(present, flags), back;
        h.options.sack_count = (uint8_t)blocks;
        h.options.accecn_count = (uint8_t)(fields & 3);
        h.options.fast_open_cookie_bytes = (uint8_t)(cookie == 0 ? 0 : 2 + 2 * cookie);
        uint8_t p[61];
        memset(p, 0xee, sizeof p);
        const uint32_t bytes = ak_wire_tcp_build(p, &h, n / 256 % 2 ? AK_OPTION_ORDER_FREEBSD : AK_OPTION_ORDER_LINUX);
        assert_int_equal(bytes, 20 + ak_wire_tcp_option_bytes(&h.options, flags));
        assert_true(bytes % 4 == 0 && bytes <= 60);
        assert_int_equal(p[bytes], 0xee);
        assert_int_equal(ak_wire_tcp_parse(p, bytes, bytes, &back), AKSU_DROP_NONE);
        assert_int_equal(back.data_offset * 4, bytes);
        const aksu_tcp_options *o = &back.options;
        unsigned want = flags == AKSU_TCP_SYN ? present : present & (unsigned)~syn_only;
        if (blocks == 0) want &= (unsigned)~AKSU_OPT_SACK;
        if (flags == AKSU_TCP_SYN) want &= (unsigned)~AKSU_OPT_ACCECN;
        const unsigned left_out = want & (unsigned)~o->present;
        assert_int_equal(o->present & (unsigned)~want, 0);
        assert_int_equal(left_out & (unsigned)~(AKSU_OPT_SACK | AKSU_OPT_FAST_OPEN | AKSU_OPT_ACCECN), 0);
        const uint32_t room = 60 - bytes;
        if (left_out & AKSU_OPT_SACK) assert_true(room < 12);
        if (left_out & AKSU_OPT_ACCECN) assert_true(room < 4);
        if (o->present & AKSU_OPT_ACCECN) {
            assert_true(o->accecn_count == (fields & 3) || (o->accecn_count < (fields & 3) && room < 8));
            assert_int_equal(o->accecn_order, 1);
            assert_memory_equal(o->accecn, h.options.accecn, o->accecn_count * sizeof *o->accecn);
        }
        if (left_out & AKSU_OPT_FAST_OPEN) assert_true(h.options.fast_open_cookie_bytes == 16);
        if (o->present & AKSU_OPT_SACK) {
            assert_true(o->sack_count == blocks || (o->sack_count < blocks && room < 8));
            assert_memory_equal(o->sack, h.options.sack, o->sack_count * sizeof *o->sack);
        }
        if (o->present & AKSU_OPT_MSS) assert_int_equal(o->mss, 1460);
        if (o->present & AKSU_OPT_WSCALE) assert_int_equal(o->wscale, 9);
        if (o->present & AKSU_OPT_TIMESTAMPS) assert_int_equal(o->ts_val, 0x11223344);
        if (o->present & AKSU_OPT_TIMESTAMPS) assert_int_equal(o->ts_ecr, 0x55667788);
        if (o->present & AKSU_OPT_USER_TIMEOUT) assert_int_equal(o->user_timeout, 0x8001);
        if (o->present & AKSU_OPT_FAST_OPEN) {
            assert_int_equal(o->fast_open_cookie_bytes, h.options.fast_open_cookie_bytes);
            assert_memory_equal(o->fast_open_cookie, h.options.fast_open_cookie, o->fast_open_cookie_bytes);
        }
    }
}

/* MUST-65, and the parser of a peer that would count them. */
static void build_syn_options_outside_syn_left_out(void **state) {
    (void)state;
    static const unsigned syn_only[] = {AKSU_OPT_MSS, AKSU_OPT_WSCALE, AKSU_OPT_SACK_PERMITTED, AKSU_OPT_FAST_OPEN};
    for (size_t i = 0; i < sizeof syn_only / sizeof *syn_only; i++) {
        uint8_t p[60];
        struct ak_tcp_header h = header_of(syn_only[i], AKSU_TCP_ACK | AKSU_TCP_FIN);
        assert_int_equal(ak_wire_tcp_build(p, &h, AK_OPTION_ORDER_LINUX), 20);
        assert_int_equal(ak_wire_tcp_option_bytes(&h.options, h.flags), 0);
        h.options.present |= AKSU_OPT_TIMESTAMPS;
        assert_int_equal(ak_wire_tcp_build(p, &h, AK_OPTION_ORDER_FREEBSD), 32);
        h.flags |= AKSU_TCP_SYN;
        assert_true(ak_wire_tcp_option_bytes(&h.options, h.flags) >= 12);
    }
}

/* RFC 2018 s3: four blocks alone, three beside timestamps. */
static void build_sack_beside_others_last_blocks_left_out(void **state) {
    (void)state;
    static const struct {
        unsigned beside;
        unsigned blocks;
    } cases[] = {{0, 4}, {AKSU_OPT_TIMESTAMPS, 3}, {AKSU_OPT_TIMESTAMPS | AKSU_OPT_USER_TIMEOUT, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ak_tcp_header h = header_of(cases[i].beside | AKSU_OPT_SACK, AKSU_TCP_ACK), back;
        h.options.sack_count = 4;
        uint8_t p[60];
        const uint32_t bytes = ak_wire_tcp_build(p, &h, AK_OPTION_ORDER_LINUX);
        assert_int_equal(ak_wire_tcp_parse(p, bytes, bytes, &back), AKSU_DROP_NONE);
        assert_int_equal(back.options.sack_count, cases[i].blocks);
        assert_memory_equal(back.options.sack, h.options.sack, cases[i].blocks * sizeof(aksu_sack_block));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_legal_all_fields),
        cmocka_unit_test(parse_every_data_offset_every_truncation_reason),
        cmocka_unit_test(parse_port_zero_dropped),
        cmocka_unit_test(parse_every_option_kind_length_offset),
        cmocka_unit_test(parse_options_random_bytes_never_past_the_header),
        cmocka_unit_test(parse_values_each_option),
        cmocka_unit_test(parse_sack_one_to_four_blocks),
        cmocka_unit_test(parse_window_scale_above_14_is_14),
        cmocka_unit_test(parse_same_option_twice_first_counts),
        cmocka_unit_test(parse_after_end_anything_goes_unknown_skipped),
        cmocka_unit_test(parse_timestamps_usual_place_as_any_other),
        cmocka_unit_test(parse_accecn_every_length_whole_fields),
        cmocka_unit_test(build_known_sets_bytes_as_on_the_wire),
        cmocka_unit_test(build_fixed_part_bytes_in_place),
        cmocka_unit_test(build_then_parse_every_set_the_same),
        cmocka_unit_test(build_syn_options_outside_syn_left_out),
        cmocka_unit_test(build_sack_beside_others_last_blocks_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
