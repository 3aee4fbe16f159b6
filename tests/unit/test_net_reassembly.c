/* Fragments: put together in any order, refused where they do not fit, bounded, and given up in time. */
#include "tcp_world.h"

#include "base/bytes.h"
#include "net/ether.h"
#include "net/udp.h"
#include "random.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

enum { PORT = 7, DATA_MAX = 70000 };

/* One stack, and fragments made by hand of one datagram each. */
struct frag {
    struct tcp_world *w;
    aksu_stack *stack;
    aksu_sock sock;
    bool six;
    aksu_addr src;
    uint32_t id;
    uint8_t protocol;
    uint8_t tos;
    uint8_t ttl;            /* 0: 60 */
    uint8_t data[DATA_MAX]; /* the datagram: transport header and text */
};

static const aksu_addr ours6 = {{0x20, 1, 0x0d, 0xb8, [15] = 2}};

static aksu_addr peer_of(bool six, uint8_t number) {
    aksu_addr addr = {{0x20, 1, 0x0d, 0xb8, [7] = number, [15] = number}};
    return six ? addr : aksu_addr_v4(198, 51, 100, number);
}

static aksu_addr ours_of(bool six) {
    return six ? ours6 : world_addr(SERVER);
}

/* A UDP datagram of so many bytes, its header among them. */
static void make_udp(struct frag *f, uint32_t bytes) {
    aksu_addr dst = ours_of(f->six);
    for (uint32_t i = 0; i < bytes; i++) f->data[i] = (uint8_t)(i * 7 + i / 256 + f->id);
    struct ak_udp_header header = {.src_port = 1000, .dst_port = PORT, .bytes = (uint16_t)bytes};
    ak_wire_udp_build(f->data, &header);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &f->src, &dst, AK_IP_PROTOCOL_UDP, bytes);
    ak_sum_add(&sum, f->data, bytes);
    uint16_t folded = (uint16_t)~ak_sum_fold(&sum);
    ak_put16(f->data + 6, folded == 0 ? 0xffff : folded);
    f->protocol = AK_IP_PROTOCOL_UDP;
}

static struct frag *open_frag(aksu_config config, bool six) {
    struct frag *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->w = world_open(&config);
    f->stack = f->w->stack[SERVER];
    f->six = six;
    f->src = peer_of(six, 1);
    f->id = 1;
    const aksu_addr none = {{0}};
    aksu_addr any = six ? none : aksu_addr_v4(0, 0, 0, 0);
    aksu_addr gateway = six ? peer_of(true, 0) : world_addr(CLIENT);
    assert_int_equal(aksu_addr_add(f->stack, 0, &ours6, 64), AKSU_OK);
    aksu_route route = {.prefix = any, .prefix_bits = 0, .link = 0, .gateway = gateway};
    assert_int_equal(aksu_route_add(f->stack, &route), AKSU_OK);
    aksu_udp_open open = {.struct_bytes = sizeof open, .local.port = PORT};
    assert_int_equal(aksu_udp_bind(f->stack, &open, &f->sock), AKSU_OK);
    return f;
}

static aksu_counters counters_of(const struct frag *f) {
    aksu_counters counters;
    aksu_counters_get(f->stack, &counters);
    return counters;
}

static void close_frag(struct frag *f) {
    world_close(f->w);
    free(f);
}

static void put(struct frag *f, uint8_t *packet, uint32_t bytes) {
    uint32_t half = bytes / 2; /* never in one piece */
    uint8_t *left = malloc(half), *right = malloc(bytes - half);
    assert_true(left != NULL && right != NULL);
    memcpy(left, packet, half);
    memcpy(right, packet + half, bytes - half);
    aksu_iov iov[2] = {{left, half}, {right, bytes - half}};
    aksu_frame frame = {.total_bytes = bytes, .iov_count = 2, .iov = iov};
    aksu_input(f->stack, f->w->now_us, &frame, 1);
    free(left);
    free(right);
}

/* Bytes [at, at + bytes) of the datagram. */
static void fragment(struct frag *f, uint32_t at, uint32_t bytes, bool more) {
    static uint8_t packet[DATA_MAX];
    struct ak_ip ip = {.src = f->src,
                       .dst = ours_of(f->six),
                       .protocol = f->six ? 44 : f->protocol,
                       .ttl = f->ttl != 0 ? f->ttl : 60,
                       .tos = f->tos,
                       .id = (uint16_t)f->id,
                       .more_fragments = more,
                       .fragment_at = (uint16_t)at};
    uint32_t head = ak_wire_ip_build(packet, &ip, bytes + (f->six ? 8 : 0));
    if (f->six) {
        packet[head] = f->protocol;
        packet[head + 1] = 0;
        ak_put16(packet + head + 2, (uint16_t)(at | more));
        ak_put32(packet + head + 4, f->id);
        head += 8;
    }
    memcpy(packet + head, f->data + at, bytes);
    put(f, packet, head + bytes);
}

/* Whether the datagram of f->data has come, and nothing else. */
static bool received(struct frag *f, uint32_t bytes) {
    static uint8_t buf[DATA_MAX];
    size_t got;
    aksu_udp_from from;
    if (aksu_udp_recv(f->stack, f->sock, buf, sizeof buf, &got, &from) != AKSU_OK) return false;
    assert_int_equal(got, bytes - 8);
    assert_memory_equal(buf, f->data + 8, got);
    assert_true(aksu_addr_equal(&from.remote.addr, &f->src) && from.ttl == 60);
    assert_int_equal(aksu_udp_recv(f->stack, f->sock, buf, sizeof buf, &got, &from), AKSU_ERR_AGAIN);
    return true;
}

static uint64_t drops(const struct frag *f, aksu_drop why) {
    return counters_of(f).drop[why];
}

static uint64_t fragment_drops(const struct frag *f) {
    uint64_t sum = 0;
    for (int i = AKSU_DROP_IP_FRAGMENT; i <= AKSU_DROP_FRAGMENT_TIMEOUT; i++) sum += counters_of(f).drop[i];
    return sum;
}

/* Nothing is left behind but the UDP queue's, and what lies there is whole. */
static void nothing_held(const struct frag *f) {
    aksu_counters c = counters_of(f);
    assert_int_equal(c.reassembly_used, 0);
    assert_int_equal(c.reassembly_bytes, 0);
    assert_int_equal(c.block_used, 0);
    const struct ak_core *core = ak_core_of_const(f->stack);
    const struct ak_reassemblies *all = &ak_net_of(core)->reassemblies;
    assert_true(ak_wheel_check(&core->wheel) && all->table.count == 0 && all->age.head == AK_NONE);
    for (uint32_t i = 0; i < AK_FRAGMENT_SOURCES; i++)
        assert_true(all->source[i].count == 0 && all->source[i].held_bytes == 0 && all->source[i].list.head == AK_NONE);
}

/* An ICMP message that the stack has to send; false: none. */
struct told {
    uint8_t type, code;
    uint32_t word;
    aksu_addr dst;
    uint32_t quote_bytes;
    uint8_t quote[1280];
};

static bool next_told(struct frag *f, struct told *ret_told) {
    aksu_frame frame;
    static uint8_t p[2000];
    if (aksu_output(f->stack, f->w->now_us, &frame, 1) == 0) return false;
    uint32_t at = 0;
    for (uint32_t i = 0; i < frame.iov_count; i++) {
        assert_true(at + frame.iov[i].bytes <= sizeof p);
        memcpy(p + at, frame.iov[i].base, frame.iov[i].bytes);
        at += (uint32_t)frame.iov[i].bytes;
    }
    struct ak_ip ip;
    assert_int_equal(ak_wire_ip_parse(p, at, at, &ip), AKSU_DROP_NONE);
    const uint8_t *m = p + ip.header_bytes;
    uint32_t bytes = ip.total_bytes - ip.header_bytes;
    struct ak_sum sum = {0};
    if (f->six) ak_sum_pseudo(&sum, &ip.src, &ip.dst, ip.protocol, bytes);
    ak_sum_add(&sum, m, bytes);
    assert_int_equal(ak_sum_fold(&sum), 0xffff);
    *ret_told =
        (struct told){.type = m[0], .code = m[1], .word = ak_be32(m + 4), .dst = ip.dst, .quote_bytes = bytes - 8};
    memcpy(ret_told->quote, m + 8, bytes - 8);
    return true;
}

/* Time goes by; what there is to send stays. */
static void pass(struct frag *f, uint64_t us) {
    aksu_frame frame;
    f->w->now_us += us;
    assert_int_equal(aksu_output(f->stack, f->w->now_us, &frame, 0), 0);
}

/* ---------------------------------------------------------------- put together */

/* RFC 791 s3.2, RFC 8200 s4.5: fragments may come in any order; attack: 29. */
static void fragments_in_any_order_make_the_datagram(void **state) {
    (void)state;
    static const uint32_t edge[] = {0, 1480, 1488, 5000, 5008, 20000};
    for (int six = 0; six < 2; six++) {
        struct frag *f = open_frag(world_config(), six);
        for (uint32_t order = 0; order < 120; order++) {
            f->id = order;
            make_udp(f, 20000);
            uint32_t left[] = {0, 1, 2, 3, 4}, rest = order;
            for (uint32_t n = 5; n > 0; n--) {
                uint32_t pick = rest % n, i = left[pick];
                rest /= n;
                left[pick] = left[n - 1];
                assert_false(received(f, 20000));
                fragment(f, edge[i], edge[i + 1] - edge[i], i < 4);
            }
            assert_true(received(f, 20000));
            nothing_held(f);
        }
        assert_int_equal(counters_of(f).datagrams_reassembled, 120);
        assert_int_equal(counters_of(f).fragments_in, 600);
        assert_int_equal(fragment_drops(f), 0);
        close_frag(f);
    }
}

/* Every size at the edges of blocks, up to the largest there is, with blocks of every size. */
static void every_size_of_datagram_and_block(void **state) {
    (void)state;
    static const uint32_t sizes[] = {9,    16,   17,   511,   512,   513,   4095, 4096,
                                     4097, 8192, 8193, 16384, 65000, 65515, 65535};
    for (uint32_t shift = 7; shift <= 14; shift += 1) {
        for (int six = 0; six < 2; six++) {
            aksu_config config = world_config();
            config.block_bytes = 1u << shift;
            config.block_max = 1u << 14;
            config.reassembly_bytes = 1u << 20;
            struct frag *f = open_frag(config, six);
            for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
                uint32_t bytes = sizes[k], each = bytes < 1000 ? 8 : 1024;
                bool fits =
                    bytes <= (six ? 65535 : 65515) && bytes <= 128u << shift && bytes - 8 <= 1u << (2 * shift - 2);
                if (!fits) continue;
                f->id++;
                make_udp(f, bytes);
                for (uint32_t at = 0; at < bytes; at += each)
                    fragment(f, at, bytes - at < each ? bytes - at : each, at + each < bytes);
                if (!received(f, bytes)) fail_msg("%u bytes in blocks of %u", bytes, 1u << shift);
            }
            nothing_held(f);
            close_frag(f);
        }
    }
}

/* Two stacks that cut what they send: UDP and echo, both families, up to the largest datagram.  attack: 14 */
static void what_one_stack_cuts_another_joins(void **state) {
    (void)state;
    aksu_config config = world_config();
    for (int six = 0; six < 2; six++) {
        struct frag *f = open_frag(config, six);
        aksu_addr client6 = peer_of(true, 0);
        client6.byte[15] = 1;
        assert_int_equal(aksu_addr_add(f->w->stack[CLIENT], 0, &client6, 64), AKSU_OK);
        aksu_addr to = ours_of(six);
        aksu_udp_open open = {.struct_bytes = sizeof open, .remote = {.addr = to, .port = PORT}};
        aksu_udp_open ask = {.struct_bytes = sizeof ask, .remote = {.addr = to}, .flags = AKSU_UDP_ECHO};
        aksu_sock udp, echo;
        assert_int_equal(aksu_udp_bind(f->w->stack[CLIENT], &open, &udp), AKSU_OK);
        assert_int_equal(aksu_udp_bind(f->w->stack[CLIENT], &ask, &echo), AKSU_OK);
        static uint8_t buf[DATA_MAX], back[DATA_MAX];
        for (uint32_t i = 0; i < DATA_MAX; i++) buf[i] = (uint8_t)(i * 13 + i / 251);
        static const uint32_t sizes[] = {1472, 1473, 4000, 20000, 65507};
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            size_t got;
            assert_int_equal(aksu_udp_send(f->w->stack[CLIENT], udp, NULL, buf, sizes[k]), AKSU_OK);
            assert_int_equal(aksu_udp_send(f->w->stack[CLIENT], echo, NULL, buf, sizes[k]), AKSU_OK);
            world_run(f->w, 1000);
            assert_int_equal(aksu_udp_recv(f->stack, f->sock, back, sizeof back, &got, NULL), AKSU_OK);
            assert_true(got == sizes[k] && memcmp(buf, back, got) == 0);
            assert_int_equal(aksu_udp_recv(f->w->stack[CLIENT], echo, back, sizeof back, &got, NULL), AKSU_OK);
            assert_true(got == sizes[k] && memcmp(buf, back, got) == 0);
        }
        assert_int_equal(fragment_drops(f), 0);
        assert_int_equal(counters_of(f).icmp_echo_replies, 5);
        close_frag(f);
    }
}

/* An answer is no longer than routers have said that the path takes. */
static void echo_reply_keeps_to_the_path_mtu(void **state) {
    (void)state;
    struct frag *f = open_frag(world_config(), /* six= */ false);
    aksu_addr to = world_addr(SERVER), from = world_addr(CLIENT);
    aksu_udp_open ask = {.struct_bytes = sizeof ask, .remote = {.addr = to}, .flags = AKSU_UDP_ECHO};
    aksu_sock echo;
    static uint8_t buf[1200], back[1500];
    for (uint32_t i = 0; i < sizeof buf; i++) buf[i] = (uint8_t)(i * 13);
    assert_int_equal(aksu_udp_bind(f->w->stack[CLIENT], &ask, &echo), AKSU_OK);
    size_t got;
    ak_udp_mtu_told(ak_core_of(f->stack), &from, 600);
    assert_int_equal(aksu_udp_send(f->w->stack[CLIENT], echo, NULL, buf, sizeof buf), AKSU_OK);
    world_run(f->w, 1000);
    assert_int_equal(aksu_udp_recv(f->w->stack[CLIENT], echo, back, sizeof back, &got, NULL), AKSU_OK);
    assert_true(got == sizeof buf && memcmp(buf, back, got) == 0);
    aksu_counters counters;
    aksu_counters_get(f->w->stack[CLIENT], &counters);
    assert_int_equal(counters.fragments_in, 3); /* 576 bytes of ICMP each */
    close_frag(f);
}

/* attack: 1. A SYN with text in two fragments is answered: TCP does not see that it came in pieces. */
static void tcp_in_fragments_is_tcp(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        struct frag *f = open_frag(world_config(), six);
        (void)world_listen(f->w, 4, 0);
        struct ak_tcp_header header = {.src_port = 9, .dst_port = 80, .seq = {1}, .flags = AKSU_TCP_SYN, .wnd = 1000};
        uint32_t bytes = ak_wire_tcp_build(f->data, &header, AK_OPTION_ORDER_LINUX) + 100;
        aksu_addr dst = ours_of(six);
        struct ak_sum sum = {0};
        ak_sum_pseudo(&sum, &f->src, &dst, AK_IP_PROTOCOL_TCP, bytes);
        ak_sum_add(&sum, f->data, bytes);
        ak_put16(f->data + 16, (uint16_t)~ak_sum_fold(&sum));
        f->protocol = AK_IP_PROTOCOL_TCP;
        fragment(f, 64, bytes - 64, false);
        fragment(f, 0, 64, true);
        assert_int_equal(counters_of(f).tcp_segments_in, 1);
        aksu_frame frame;
        assert_int_equal(aksu_output(f->stack, f->w->now_us, &frame, 1), 1);
        assert_int_equal(counters_of(f).syn_cache_used, 1);
        close_frag(f);
    }
}

/* ---------------------------------------------------------------- every three fragments, beside a model */

enum { UNITS = 5 };
struct span {
    uint32_t from, to; /* in units of 8 bytes */
    bool more;
};

/* What is to happen, from the sets of bytes alone: no sorting, no searching. */
struct model {
    bool lost, unit[UNITS];
    uint32_t end; /* 0: not known */
    struct span had[3];
    uint32_t had_count;
};

static aksu_drop model_take(struct model *m, struct span s) {
    if (m->lost) return AKSU_DROP_FRAGMENT_GIVEN_UP;
    bool ends = m->end == 0 || (s.more ? s.to < m->end : s.to == m->end);
    for (uint32_t i = s.from; i < UNITS; i++) ends = ends && (s.more || m->end != 0 || !m->unit[i] || i < s.to);
    for (uint32_t i = 0; !s.more && m->end == 0 && i < m->had_count; i++) ends = ends && m->had[i].to <= s.from;
    if (!ends) m->lost = true;
    if (!ends) return AKSU_DROP_FRAGMENT_END;
    for (uint32_t i = 0; i < m->had_count; i++)
        if (m->had[i].from == s.from && m->had[i].to == s.to) return AKSU_DROP_FRAGMENT_DUPLICATE;
    for (uint32_t i = s.from; i < s.to; i++) m->lost = m->lost || m->unit[i];
    if (m->lost) return AKSU_DROP_FRAGMENT_OVERLAP;
    for (uint32_t i = s.from; i < s.to; i++) m->unit[i] = true;
    m->had[m->had_count++] = s;
    if (!s.more) m->end = s.to;
    return AKSU_DROP_NONE;
}

static bool model_whole(const struct model *m) {
    bool whole = !m->lost && m->end != 0;
    for (uint32_t i = 0; i < m->end; i++) whole = whole && m->unit[i];
    return whole;
}

static void three(struct frag *f, const struct span *s) {
    struct model m = {.lost = false};
    f->id++;
    bool done = false;
    for (int i = 0; i < 3 && !done; i++) {
        aksu_counters before = counters_of(f);
        uint32_t bytes = (s[i].to - s[i].from) * 8;
        bool tiny = s[i].from == 0 && s[i].to == 0;
        assert_false(tiny);
        fragment(f, s[i].from * 8, bytes, s[i].more);
        aksu_drop want = model_take(&m, s[i]);
        aksu_counters after = counters_of(f);
        for (int d = AKSU_DROP_IP_FRAGMENT; d <= AKSU_DROP_FRAGMENT_TIMEOUT; d++) {
            uint64_t expected = before.drop[d] + ((aksu_drop)d == want && want != AKSU_DROP_NONE);
            if (after.drop[d] != expected)
                fail_msg("%u-%u%s %u-%u%s %u-%u%s: fragment %d is not %s", s[0].from, s[0].to, s[0].more ? "+" : "",
                         s[1].from, s[1].to, s[1].more ? "+" : "", s[2].from, s[2].to, s[2].more ? "+" : "", i,
                         aksu_drop_name(want));
        }
        done = want == AKSU_DROP_NONE && model_whole(&m);
        assert_int_equal(after.datagrams_reassembled, before.datagrams_reassembled + done);
    }
    pass(f, 61000000);
    static uint8_t buf[100];
    size_t got;
    aksu_frame frame;
    while (aksu_udp_recv(f->stack, f->sock, buf, sizeof buf, &got, NULL) == AKSU_OK) {
    }
    while (aksu_output(f->stack, f->w->now_us, &frame, 1) > 0) {
    }
    nothing_held(f);
}

/* attack: 3. Teardrop and all its kin, RFC 5722: any three fragments of five units, each the last or not; attack: 25.
 */
static void any_three_fragments_do_as_the_model(void **state) {
    (void)state;
    struct span all[UNITS * (UNITS + 1)];
    uint32_t count = 0;
    for (uint32_t from = 0; from < UNITS; from++)
        for (uint32_t to = from + 1; to <= UNITS; to++)
            for (int more = 0; more < 2; more++) {
                if (from == 0 && !more) continue; /* a datagram by itself */
                all[count++] = (struct span){from, to, more};
            }
    for (int six = 0; six < 2; six++) {
        aksu_config config = world_config();
        config.rst_per_second = 1; /* not what is looked at here */
        struct frag *f = open_frag(config, six);
        make_udp(f, UNITS * 8);
        for (uint32_t i = 0; i < count * count * count; i++) {
            struct span s[3] = {all[i % count], all[i / count % count], all[i / count / count]};
            three(f, s);
        }
        assert_true(counters_of(f).datagrams_reassembled > 50);
        close_frag(f);
    }
}

/* ---------------------------------------------------------------- what no fragment may be */

/* Lengths and places: refused before anything is kept; over IPv6 the source is told where; attack: 26. */
static void fragments_out_of_shape_are_refused_and_told(void **state) {
    (void)state;
    static const struct {
        uint32_t at, bytes;
        bool more;
        aksu_drop drop;
        uint32_t pointer; /* 0: nothing is told */
    } cases[] = {
        {0, 15, true, AKSU_DROP_FRAGMENT_LENGTH, 4},
        {8, 9, true, AKSU_DROP_FRAGMENT_LENGTH, 4},
        {8, 0, true, AKSU_DROP_FRAGMENT_LENGTH, 0},
        {8, 0, false, AKSU_DROP_FRAGMENT_LENGTH, 0},
        {65528, 8, true, AKSU_DROP_FRAGMENT_TOO_LONG, 42},
        {65528, 8, false, AKSU_DROP_FRAGMENT_TOO_LONG, 42},
        {64000, 1600, false, AKSU_DROP_FRAGMENT_TOO_LONG, 42},
        {8, 8, true, AKSU_DROP_NONE, 0},
    };
    for (int six = 0; six < 2; six++) {
        struct frag *f = open_frag(world_config(), six);
        make_udp(f, 65535);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct told told;
            f->id++;
            uint64_t before = drops(f, cases[i].drop);
            fragment(f, cases[i].at, cases[i].bytes, cases[i].more);
            if (cases[i].drop == AKSU_DROP_NONE) continue;
            if (drops(f, cases[i].drop) != before + 1) fail_msg("IPv%d, case %zu", six ? 6 : 4, i);
            assert_int_equal(counters_of(f).reassembly_used, 0);
            bool wants = six && cases[i].pointer != 0;
            assert_true(next_told(f, &told) == wants);
            if (!wants) continue;
            assert_true(told.type == AK_ICMP6_PARAMETER_PROBLEM && told.code == 0 && told.word == cases[i].pointer);
            assert_true(aksu_addr_equal(&told.dst, &f->src) && told.quote[6] == 44);
        }
        close_frag(f);
    }
    /* 65,535 bytes in all, and one more: IPv4 counts its header. */
    struct frag *f = open_frag(world_config(), /* six= */ false);
    fragment(f, 65504, 11, false);
    assert_int_equal(fragment_drops(f), 0);
    fragment(f, 65504, 12, false);
    assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_TOO_LONG), 1);
    close_frag(f);
    f = open_frag(world_config(), /* six= */ true);
    fragment(f, 65528, 7, false);
    assert_int_equal(fragment_drops(f), 0);
    close_frag(f);
}

/* RFC 7112, RFC 3128: a first fragment holds all headers, or nothing is made of it; attack: 27. */
static void first_fragment_without_all_headers_is_refused(void **state) {
    (void)state;
    static const struct {
        uint8_t protocol;
        uint8_t data_offset;
        uint32_t bytes, least; /* of a first fragment */
    } cases[] = {{AK_IP_PROTOCOL_TCP, 0x50, 16, 24},
                 {AK_IP_PROTOCOL_TCP, 0xf0, 56, 64},
                 {AK_IP_PROTOCOL_UDP, 0, 0, 8},
                 {AK_IP_PROTOCOL_TCP, 0x60, 16, 24}};
    for (int six = 0; six < 2; six++) {
        struct frag *f = open_frag(world_config(), six);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            f->protocol = cases[i].protocol;
            f->data[12] = cases[i].data_offset;
            struct told told;
            if (cases[i].bytes > 0) {
                uint64_t before = drops(f, AKSU_DROP_FRAGMENT_HEADERS);
                f->id++;
                fragment(f, 0, cases[i].bytes, true);
                assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_HEADERS), before + 1);
                assert_true(next_told(f, &told) == (bool)six);
                if (six) assert_true(told.type == AK_ICMP6_PARAMETER_PROBLEM && told.code == 3 && told.word == 0);
            }
            uint64_t all = fragment_drops(f);
            f->id++;
            fragment(f, 0, cases[i].least, true);
            assert_int_equal(fragment_drops(f), all);
        }
        close_frag(f);
    }
}

/* A packet of IPv6 with extension headers of bytes[], the first of type next, and 64 bytes of UDP behind them. */
static void put_chain(struct frag *f, uint8_t next, const uint8_t *bytes, uint32_t count) {
    uint8_t packet[400];
    struct ak_ip ip = {.src = f->src, .dst = ours6, .protocol = next, .ttl = 60};
    uint32_t at = ak_wire_ip_build(packet, &ip, count + 64);
    memcpy(packet + at, bytes, count);
    memcpy(packet + at + count, f->data, 64);
    put(f, packet, at + count + 64);
}

/* Atomic fragments are packets by themselves, whatever else is under way with their number (RFC 6946). attack: 28
 * fragments within fragments are nothing. attack: 24 */
static void atomic_fragments_stand_alone_and_nested_ones_fall(void **state) {
    (void)state;
    struct frag *f = open_frag(world_config(), /* six= */ true);
    make_udp(f, 64);
    fragment(f, 32, 32, false); /* of the same number, and not disturbed */
    const uint8_t atomic[] = {17, 0, 0, 0, 0, 0, 0, 1};
    put_chain(f, 44, atomic, sizeof atomic);
    assert_true(received(f, 64));
    assert_int_equal(counters_of(f).reassembly_used, 1);
    fragment(f, 0, 32, true);
    assert_true(received(f, 64));
    const uint8_t two_atomic[] = {44, 0, 0, 0, 0, 0, 0, 1, 17, 0, 0, 0, 0, 0, 0, 2};
    put_chain(f, 44, two_atomic, sizeof two_atomic);
    assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_NESTED), 1);
    const uint8_t atomic_first[] = {44, 0, 0, 0, 0, 0, 0, 1, 17, 0, 0, 1, 0, 0, 0, 2};
    put_chain(f, 44, atomic_first, sizeof atomic_first);
    assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_NESTED), 2);
    const uint8_t inside[] = {44, 0, 0, 1, 0, 0, 0, 1, 17, 0, 0, 8, 0, 0, 0, 2};
    put_chain(f, 44, inside, sizeof inside);
    assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_NESTED), 3);
    const uint8_t options[] = {60, 0, 0, 1, 0, 0, 0, 9, 17, 0, 0xc2, 4, 0, 0, 0, 0}; /* an option nobody knows */
    put_chain(f, 44, options, sizeof options);
    assert_int_equal(drops(f, AKSU_DROP_IP_OPTIONS), 1);
    struct told told;
    assert_true(next_told(f, &told));
    assert_true(told.type == AK_ICMP6_PARAMETER_PROBLEM && told.code == 2 && told.word == 50);
    assert_int_equal(counters_of(f).reassembly_used, 0);
    close_frag(f);
}

/* Headers before and behind the fragment header are kept where they belong. */
static void extension_headers_around_the_fragment_header_stay(void **state) {
    (void)state;
    struct frag *f = open_frag(world_config(), /* six= */ true);
    make_udp(f, 64);
    /* hop-by-hop, fragment, destination options, UDP: the last 16 bytes of it in the second fragment */
    uint8_t packet[400];
    const uint8_t first[] = {44, 0, 1, 4, 0, 0, 0, 0, 60, 0, 0, 1, 0, 0, 0, 5, 17, 0, 1, 4, 0, 0, 0, 0};
    struct ak_ip ip = {.src = f->src, .dst = ours6, .protocol = 0, .ttl = 60};
    uint32_t at = ak_wire_ip_build(packet, &ip, sizeof first + 48);
    memcpy(packet + at, first, sizeof first);
    memcpy(packet + at + sizeof first, f->data, 48);
    put(f, packet, at + sizeof first + 48);
    const uint8_t second[] = {44, 0, 1, 4,  0, 0, 0, 0,
                              99, 0, 0, 56, 0, 0, 0, 5}; /* next header of a later one: not read */
    at = ak_wire_ip_build(packet, &ip, sizeof second + 16);
    memcpy(packet + at, second, sizeof second);
    memcpy(packet + at + sizeof second, f->data + 48, 16);
    put(f, packet, at + sizeof second + 16);
    assert_true(received(f, 64));
    nothing_held(f);
    close_frag(f);
}

/* RFC 3168 s5.3: any mark counts, but not beside one that cannot be marked. */
static void congestion_marks_of_all_fragments_agree(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        struct frag *f = open_frag(world_config(), six);
        for (uint32_t i = 0; i < 64; i++) {
            f->id++;
            make_udp(f, 48);
            uint32_t mark[3] = {i & 3, i >> 2 & 3, i >> 4};
            bool none = false, marked = false;
            for (uint32_t k = 0; k < 3; k++) {
                f->tos = (uint8_t)(0xb8 | mark[k]);
                none |= mark[k] == 0;
                marked |= mark[k] == 3;
                fragment(f, k * 16, 16, k < 2);
            }
            aksu_udp_from from;
            uint8_t buf[64];
            size_t got;
            aksu_err err = aksu_udp_recv(f->stack, f->sock, buf, sizeof buf, &got, &from);
            assert_int_equal(err, none && marked ? AKSU_ERR_AGAIN : AKSU_OK);
            if (err == AKSU_OK) assert_int_equal(from.tos, 0xb8 | (marked ? 3 : mark[0]));
        }
        assert_true(drops(f, AKSU_DROP_FRAGMENT_CONGESTION) > 0);
        close_frag(f);
    }
}

/* ---------------------------------------------------------------- time and memory */

/* RFC 1122 s3.3.2, RFC 8200 s4.5: after its time, and told only if there is a first fragment to quote, of which as much
 * is quoted as an error may hold.  attack: 2 */
static void reassembly_times_out_and_tells_if_the_first_is_there(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        struct frag *f = open_frag(world_config(), six);
        make_udp(f, 3000);
        fragment(f, 1480, 1480, true);
        pass(f, 59000000);
        fragment(f, 0, 1480, true); /* the time counts from the first to come */
        f->id++;
        fragment(f, 1480, 1480, true);
        f->id++;
        fragment(f, 0, 1480, true); /* lost: nothing is told of it */
        fragment(f, 8, 1480, true);
        assert_int_equal(counters_of(f).reassembly_used, 3);
        struct told told;
        pass(f, 990000);
        assert_false(next_told(f, &told));
        f->w->now_us += 20000;
        assert_true(next_told(f, &told));
        assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_TIMEOUT), 1);
        assert_true(told.type == (six ? AK_ICMP6_TIME_EXCEEDED : AK_ICMP_TIME_EXCEEDED) && told.code == 1);
        assert_true(told.word == 0 && aksu_addr_equal(&told.dst, &f->src));
        uint32_t head = six ? 48 : 20;
        assert_int_equal(told.quote_bytes, six ? 1232 : 548);
        assert_memory_equal(told.quote + head, f->data, told.quote_bytes - head);
        assert_int_equal(ak_be16(told.quote + (six ? 42 : 6)), six ? 1 : 0x2000);
        f->w->now_us += 60000000;
        assert_false(next_told(f, &told));
        assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_TIMEOUT), 2);
        nothing_held(f);
        close_frag(f);
    }
}

/* What comes of a lost datagram afterwards makes no new one (RFC 5722 s3: "including those not yet received").
 * attack: 57 */
static void rest_of_a_lost_datagram_is_not_taken(void **state) {
    (void)state;
    struct frag *f = open_frag(world_config(), /* six= */ true);
    make_udp(f, 64);
    fragment(f, 16, 32, true);
    fragment(f, 8, 16, true);
    assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_OVERLAP), 1);
    assert_int_equal(counters_of(f).block_used, 0);
    fragment(f, 0, 32, true);
    fragment(f, 32, 32, false);
    assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_GIVEN_UP), 2);
    assert_false(received(f, 64));
    pass(f, 61000000);
    assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_TIMEOUT), 0);
    fragment(f, 0, 32, true);
    fragment(f, 32, 32, false);
    assert_true(received(f, 64));
    close_frag(f);
}

/* FragmentSmack, Rose. attack: 66. One source has its share of datagrams and memory and no more; another's
 * datagram is not touched by it. */
static void one_source_does_not_take_all(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        aksu_config config = world_config();
        struct frag *f = open_frag(config, six);
        make_udp(f, 20000);
        aksu_addr good = peer_of(six, 2), bad = f->src;
        f->src = good;
        make_udp(f, 20000);
        fragment(f, 0, 10000, true);
        f->src = bad;
        for (uint32_t i = 0; i < 3000; i++) {
            f->id = 1000 + i;
            if (six) f->src.byte[15] = (uint8_t)i; /* a host has a whole network of addresses */
            fragment(f, 8, 8, true);
            aksu_counters c = counters_of(f);
            assert_true(c.reassembly_used <= 17 && c.reassembly_bytes <= config.reassembly_bytes * 3 / 4);
        }
        assert_int_equal(counters_of(f).reassembly_used, 17);
        assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_EVICTED), 3000 - 16);
        for (uint32_t i = 0; i < 30; i++) { /* few and large: half of the memory */
            f->id = 5000 + i / 3;
            fragment(f, 8 + i % 3 * 16000, 16000, true);
            const struct ak_reassemblies *all = &ak_net_of(ak_core_of(f->stack))->reassemblies;
            for (uint32_t k = 0; k < AK_FRAGMENT_SOURCES; k++)
                assert_true(all->source[k].held_bytes <= config.reassembly_bytes / 2);
        }
        assert_true(counters_of(f).reassembly_bytes >= config.reassembly_bytes / 3);
        f->src = good;
        f->id = 1;
        fragment(f, 10000, 10000, false);
        assert_true(received(f, 20000));
        pass(f, 61000000);
        nothing_held(f);
        close_frag(f);
    }
}

/* Many sources: the limits hold, and the oldest goes.  attack: 66 */
static void limits_hold_and_the_oldest_goes(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct frag *f = open_frag(config, /* six= */ false);
    make_udp(f, 20000);
    for (uint32_t i = 0; i < 5000; i++) {
        f->src = aksu_addr_v4(100, (uint8_t)(i >> 8), (uint8_t)i, 1);
        fragment(f, 8000, 4000, true);
        aksu_counters c = counters_of(f);
        assert_true(c.reassembly_used <= config.reassembly_max && c.reassembly_bytes <= config.reassembly_bytes);
        assert_true(c.block_used * config.block_bytes == c.reassembly_bytes);
    }
    make_udp(f, 20000); /* the last comes to its end, the one before many has gone */
    fragment(f, 0, 8000, true);
    fragment(f, 12000, 8000, false);
    assert_true(received(f, 20000));
    f->src = aksu_addr_v4(100, 0, 0, 1);
    make_udp(f, 20000);
    fragment(f, 0, 8000, true);
    fragment(f, 12000, 8000, false);
    assert_false(received(f, 20000));
    struct told told;
    pass(f, 61000000);
    assert_true(next_told(f, &told) && told.type == AK_ICMP_TIME_EXCEEDED);
    pass(f, 1);
    nothing_held(f);
    close_frag(f);
}

/* 300 fragments of 8 bytes: more than are kept of one datagram.  attack: 66 */
static void too_many_fragments_of_one_datagram_lose_it(void **state) {
    (void)state;
    struct frag *f = open_frag(world_config(), /* six= */ false);
    make_udp(f, 4000);
    for (uint32_t i = 0; i < 300; i++) fragment(f, 8 * i, 8, true);
    assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_NO_ROOM), 1);
    assert_int_equal(drops(f, AKSU_DROP_FRAGMENT_GIVEN_UP), 300 - AK_FRAGMENT_MAX - 1);
    assert_int_equal(counters_of(f).block_used, 0);
    close_frag(f);
}

/* The work of one fragment, in records that it made go: bounded, however they come; attack: 66. */
static void one_fragment_makes_few_others_go(void **state) {
    (void)state;
    struct frag *f = open_frag(world_config(), /* six= */ false);
    random_seed(7);
    for (uint32_t i = 0; i < 20000; i++) {
        f->src = aksu_addr_v4(100, 0, 0, (uint8_t)(1 + random_int() % 40));
        f->id = (uint32_t)random_int() % 8;
        uint64_t before = drops(f, AKSU_DROP_FRAGMENT_EVICTED);
        fragment(f, (uint32_t)(random_int() % 8000) * 8, (uint32_t)(8 + random_int() % 180 * 8), true);
        assert_true(drops(f, AKSU_DROP_FRAGMENT_EVICTED) - before <= 4);
    }
    pass(f, 61000000);
    nothing_held(f);
    close_frag(f);
}

static void no_fragments_where_the_config_says_so(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.reassembly_max = 0;
    struct frag *f = open_frag(config, /* six= */ false);
    make_udp(f, 64);
    fragment(f, 0, 32, true);
    fragment(f, 32, 32, false);
    assert_int_equal(drops(f, AKSU_DROP_IP_FRAGMENT), 2);
    assert_false(received(f, 64));
    close_frag(f);
}

/* To others, from nobody, to groups: as for whole packets.  attack: 70 */
static void fragments_pass_the_same_gate_as_packets(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        struct frag *f = open_frag(world_config(), six);
        const aksu_addr none = {{0}};
        make_udp(f, 64);
        f->src = six ? none : aksu_addr_v4(224, 0, 0, 1);
        fragment(f, 0, 32, true);
        assert_int_equal(drops(f, AKSU_DROP_IP_MARTIAN_SOURCE), 1);
        f->src = ours_of(six);
        fragment(f, 0, 32, true);
        assert_int_equal(drops(f, AKSU_DROP_TCP_LAND), 1);
        assert_int_equal(counters_of(f).reassembly_used, 0);
        close_frag(f);
    }
}

/* A copy in the middle of it goes on as the original: nothing of it is an address. */
static void copied_stack_goes_on_with_its_fragments(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        aksu_config config = world_config();
        struct frag *f = open_frag(config, six);
        make_udp(f, 20000);
        fragment(f, 8000, 4000, true);
        fragment(f, 0, 8000, true);
        size_t bytes = aksu_stack_bytes(&config);
        void *mem = aligned_alloc(64, bytes);
        assert_non_null(mem);
        memset(mem, 0xa5, bytes);
        aksu_stack *copy, *original = f->stack;
        assert_int_equal(aksu_stack_clone(f->stack, mem, bytes, &copy), AKSU_OK);
        assert_true(aksu_stack_digest(copy) == aksu_stack_digest(original));
        fragment(f, 12000, 8000, false);
        assert_true(aksu_stack_digest(copy) != aksu_stack_digest(original));
        assert_true(received(f, 20000));
        f->stack = copy;
        fragment(f, 12000, 8000, false);
        assert_true(received(f, 20000));
        nothing_held(f);
        assert_true(aksu_stack_digest(copy) == aksu_stack_digest(original));
        free(mem);
        close_frag(f);
    }
}

/* What is kept of a first fragment's headers is part of the state: stacks that differ in it alone, for example in the
 * hop limit that the application will be told, have different digests. */
static void stored_header_is_part_of_the_digest(void **state) {
    (void)state;
    for (int six = 0; six < 2; six++) {
        aksu_config config = world_config();
        struct frag *f = open_frag(config, six);
        make_udp(f, 2000);
        aksu_stack *original = f->stack, *copy[3];
        size_t bytes = aksu_stack_bytes(&config);
        uint64_t digest[3];
        void *mem[3];
        for (int i = 0; i < 3; i++) {
            mem[i] = aligned_alloc(64, bytes);
            assert_non_null(mem[i]);
            memset(mem[i], 0, bytes);
            assert_int_equal(aksu_stack_clone(original, mem[i], bytes, &copy[i]), AKSU_OK);
            f->stack = copy[i];
            f->ttl = i == 1 ? 63 : 64;
            fragment(f, 0, 1000, true);
            digest[i] = aksu_stack_digest(copy[i]);
        }
        assert_true(digest[0] == digest[2]);
        assert_true(digest[0] != digest[1]);
        f->stack = original;
        for (int i = 0; i < 3; i++) free(mem[i]);
        close_frag(f);
    }
}

/* RFC 6980: neighbour discovery does not come in fragments. */
static void neighbour_discovery_in_fragments_is_nothing(void **state) {
    (void)state;
    struct told told;
    aksu_config config = world_config();
    struct frag *f = open_frag(config, /* six= */ true);
    aksu_link_config ethernet = {
        .struct_bytes = sizeof ethernet, .mtu = 1500, .type = AKSU_LINK_ETHERNET, .mac = {{2, 0, 0, 0, 0, 1}}};
    uint16_t link;
    assert_int_equal(aksu_link_add(f->stack, &ethernet, &link), AKSU_OK);
    uint8_t p[14 + 40 + 8 + 24] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd};
    struct ak_ip ip = {.src = f->src, .dst = ours6, .protocol = 44, .ttl = 255};
    (void)ak_wire_ip_build(p + 14, &ip, 32);
    p[54] = AK_IP_PROTOCOL_ICMP6;
    p[62] = 135;
    memcpy(p + 70, ours6.byte, 16);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &ip.src, &ip.dst, AK_IP_PROTOCOL_ICMP6, 24);
    ak_sum_add(&sum, p + 62, 24);
    ak_put16(p + 64, (uint16_t)~ak_sum_fold(&sum));
    aksu_iov iov = {p, sizeof p};
    aksu_frame frame = {.link = link, .total_bytes = sizeof p, .iov_count = 1, .iov = &iov};
    aksu_input(f->stack, f->w->now_us, &frame, 1);
    assert_int_equal(drops(f, AKSU_DROP_NDP_FRAGMENT), 1);
    assert_false(next_told(f, &told));
    close_frag(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_in_any_order_make_the_datagram),
        cmocka_unit_test(every_size_of_datagram_and_block),
        cmocka_unit_test(what_one_stack_cuts_another_joins),
        cmocka_unit_test(echo_reply_keeps_to_the_path_mtu),
        cmocka_unit_test(tcp_in_fragments_is_tcp),
        cmocka_unit_test(any_three_fragments_do_as_the_model),
        cmocka_unit_test(fragments_out_of_shape_are_refused_and_told),
        cmocka_unit_test(first_fragment_without_all_headers_is_refused),
        cmocka_unit_test(atomic_fragments_stand_alone_and_nested_ones_fall),
        cmocka_unit_test(extension_headers_around_the_fragment_header_stay),
        cmocka_unit_test(congestion_marks_of_all_fragments_agree),
        cmocka_unit_test(reassembly_times_out_and_tells_if_the_first_is_there),
        cmocka_unit_test(rest_of_a_lost_datagram_is_not_taken),
        cmocka_unit_test(one_source_does_not_take_all),
        cmocka_unit_test(limits_hold_and_the_oldest_goes),
        cmocka_unit_test(too_many_fragments_of_one_datagram_lose_it),
        cmocka_unit_test(one_fragment_makes_few_others_go),
        cmocka_unit_test(no_fragments_where_the_config_says_so),
        cmocka_unit_test(fragments_pass_the_same_gate_as_packets),
        cmocka_unit_test(copied_stack_goes_on_with_its_fragments),
        cmocka_unit_test(stored_header_is_part_of_the_digest),
        cmocka_unit_test(neighbour_discovery_in_fragments_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
