/* Goal: captures of every kind are read, wrong ones are refused with the place, and what is said of a connection is
 * true: where a state is called known, the host that sent the segment was in it. */
#include "lab/lab.h"
#include "view/capture.h"
#include "view/explain.h"
#include "view/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glob.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    const uint8_t *at;
    size_t left, step; /* step: at most so many a read; 0: all */
};

static size_t from_bytes(void *user, void *buf, size_t cap) {
    struct bytes *b = user;
    size_t take = b->left < cap ? b->left : cap;
    if (b->step != 0 && take > b->step) take = b->step;
    memcpy(buf, b->at, take);
    b->at += take;
    b->left -= take;
    return take;
}

/* ---- files by hand */

struct file {
    uint8_t byte[4096];
    size_t count;
    bool big;
};

static void put_uint(struct file *f, unsigned bytes, uint64_t value) {
    for (unsigned i = 0; i < bytes; i++) f->byte[f->count++] = (uint8_t)(value >> 8 * (f->big ? bytes - 1 - i : i));
}

static void put_bytes(struct file *f, const void *bytes, size_t count) {
    memcpy(f->byte + f->count, bytes, count);
    f->count += count;
}

/* SYN of 10.0.0.1:40000 to 10.0.0.2:80, seq 1000, MSS 1460, 100 bytes (a fast open's). */
static const uint8_t ipv4_syn[] = {
    0x45, 0,  0, 144, 0, 7,    0x40, 0, 64, 6, 0,    0, 10,   0,    0,    1,    10, 0, 0, 2, 0x9c, 0x40,
    0,    80, 0, 0,   3, 0xe8, 0,    0, 0,  0, 0x60, 2, 0xff, 0xff, 0xab, 0xcd, 0,  0, 2, 4, 5,    0xb4,
};
/* FIN,ACK of [2001:db8::1]:5000 to [2001:db8::2]:443 behind a hop-by-hop header, no payload. */
static const uint8_t ipv6_fin[] = {
    0x60, 0,    0,    0,    0,    28,   0, 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0,
    1,    0x20, 1,    0xd,  0xb8, 0,    0, 0,  0,    0, 0,   0,    0, 0, 0,    0,    2, 6, 0, 1, 4, 0, 0,
    0,    0,    0x13, 0x88, 1,    0xbb, 0, 0,  0,    9, 0,   0,    0, 5, 0x50, 0x11, 1, 0, 0, 0, 0, 0,
};

static void pcap_file(struct file *f, bool big, bool ns, uint32_t link) {
    *f = (struct file){.big = big};
    put_uint(f, 4, ns ? 0xa1b23c4d : 0xa1b2c3d4);
    put_uint(f, 2, 2);
    put_uint(f, 2, 4);
    put_uint(f, 8, 0);
    put_uint(f, 4, 65535);
    put_uint(f, 4, link);
}

static void pcap_record(struct file *f, uint32_t seconds, uint32_t fraction, const void *bytes, uint32_t count) {
    put_uint(f, 4, seconds);
    put_uint(f, 4, fraction);
    put_uint(f, 4, count);
    put_uint(f, 4, count + 100);
    put_bytes(f, bytes, count);
}

static void pcapng_file(struct file *f, bool big, int resolution) {
    *f = (struct file){.big = big};
    put_uint(f, 4, 0x0a0d0d0a);
    put_uint(f, 4, 28);
    put_uint(f, 4, 0x1a2b3c4d);
    put_uint(f, 4, big ? 0x00010000 : 1);
    put_uint(f, 8, UINT64_MAX);
    put_uint(f, 4, 28);
    uint32_t bytes = resolution < 0 ? 20 : 32;
    put_uint(f, 4, 1);
    put_uint(f, 4, bytes);
    put_uint(f, 2, 101);
    put_uint(f, 2, 0);
    put_uint(f, 4, 65535);
    if (resolution >= 0) {
        put_uint(f, 2, 9);
        put_uint(f, 2, 1);
        put_bytes(f, (uint8_t[]){(uint8_t)resolution, 0, 0, 0}, 4);
        put_uint(f, 4, 0);
    }
    put_uint(f, 4, bytes);
}

static void pcapng_packet(struct file *f, uint64_t ticks, const void *bytes, uint32_t count, uint32_t direction) {
    uint32_t padded = (count + 3) / 4 * 4, total = 32 + padded + 12;
    put_uint(f, 4, 6);
    put_uint(f, 4, total);
    put_uint(f, 4, 0);
    put_uint(f, 4, ticks >> 32);
    put_uint(f, 4, ticks & 0xffffffff);
    put_uint(f, 4, count);
    put_uint(f, 4, count);
    put_bytes(f, bytes, count);
    put_bytes(f, "\0\0\0", padded - count);
    put_uint(f, 2, 2);
    put_uint(f, 2, 4);
    put_uint(f, 4, direction);
    put_uint(f, 4, 0);
    put_uint(f, 4, total);
}

static ak_capture *open_bytes(struct bytes *b, const uint8_t *at, size_t count, size_t step) {
    *b = (struct bytes){.at = at, .left = count, .step = step};
    ak_capture *c = ak_capture_open(from_bytes, b);
    assert_non_null(c);
    return c;
}

static void capture_every_format_is_read(void **state) {
    (void)state;
    static const struct {
        bool ng, big, ns;
        int resolution;
        uint64_t want_ns;
    } rows[] = {
        {false, false, false, 0, 5000007000}, {false, true, false, 0, 5000007000},
        {false, false, true, 0, 5000000007},  {false, true, true, 0, 5000000007},
        {true, false, false, -1, 7000},       {true, true, false, 9, 7},
        {true, false, false, 3, 7000000},     {true, true, false, 0x81, 3500000000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct file f;
        if (rows[i].ng) {
            pcapng_file(&f, rows[i].big, rows[i].resolution);
            pcapng_packet(&f, 7, ipv4_syn, sizeof ipv4_syn, 2);
        } else {
            pcap_file(&f, rows[i].big, rows[i].ns, 101);
            pcap_record(&f, 5, 7, ipv4_syn, sizeof ipv4_syn);
        }
        for (size_t step = 0; step < 5; step++) {
            struct bytes b;
            ak_capture *c = open_bytes(&b, f.byte, f.count, step);
            ak_capture_packet p;
            assert_int_equal(ak_capture_next(c, &p), AK_CAPTURE_PACKET);
            assert_int_equal(p.time_ns, rows[i].want_ns);
            assert_int_equal(p.link_type, 101);
            assert_int_equal(p.captured_bytes, sizeof ipv4_syn);
            assert_memory_equal(p.bytes, ipv4_syn, sizeof ipv4_syn);
            assert_int_equal(p.sighting, rows[i].ng ? AK_SIGHTED_OUT : AK_SIGHTED_SOMEWHERE);
            assert_int_equal(ak_capture_next(c, &p), AK_CAPTURE_END);
            ak_capture_close(c);
        }
    }
}

/* A file cut anywhere is whole only at a record's border; else the place is told, and lies in the file. */
static void check_cuts(const struct file *f, size_t border) {
    for (size_t cut = 0; cut < f->count; cut++) {
        struct bytes b;
        ak_capture *c = open_bytes(&b, f->byte, cut, 0);
        ak_capture_packet p;
        ak_capture_result result;
        do result = ak_capture_next(c, &p);
        while (result == AK_CAPTURE_PACKET);
        uint64_t offset = 0;
        const char *why = ak_capture_error(c, &offset);
        if (result == AK_CAPTURE_END && cut != border && !(border > 28 && cut == 28)) fail_msg("whole at %zu", cut);
        if (result == AK_CAPTURE_BAD) {
            assert_true(offset <= cut && strlen(why) > 0);
            assert_int_equal(ak_capture_next(c, &p), AK_CAPTURE_BAD);
        }
        ak_capture_close(c);
    }
}

static void capture_cut_anywhere_is_told(void **state) {
    (void)state;
    struct file f;
    pcap_file(&f, false, false, 101);
    pcap_record(&f, 5, 7, ipv4_syn, sizeof ipv4_syn);
    check_cuts(&f, 24);
    pcapng_file(&f, true, 9);
    size_t border = f.count;
    pcapng_packet(&f, 7, ipv4_syn, sizeof ipv4_syn, 1);
    check_cuts(&f, border);
}

static void capture_corrupt_is_refused_with_the_place(void **state) {
    (void)state;
    static const struct {
        bool ng;
        size_t at;
        uint8_t value;
        uint64_t offset;
    } rows[] = {
        {false, 0, 0, 0},           /* no magic number */
        {false, 4, 9, 4},           /* version */
        {false, 24 + 6, 0xff, 28},  /* parts of a second */
        {false, 24 + 10, 0xff, 32}, /* length */
        {true, 8, 0, 8},            /* byte order */
        {true, 4, 27, 4},           /* length of the section header */
        {true, 28 + 4, 5, 32},      /* length of a block */
        {true, 48 + 8, 7, 48},      /* an interface that is not there */
        {true, 48 + 20, 0xff, 48},  /* more captured than the block holds */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct file f;
        if (rows[i].ng) {
            pcapng_file(&f, false, -1);
            pcapng_packet(&f, 7, ipv4_syn, sizeof ipv4_syn, 1);
        } else {
            pcap_file(&f, false, false, 1);
            pcap_record(&f, 5, 7, ipv4_syn, sizeof ipv4_syn);
        }
        f.byte[rows[i].at] = rows[i].value;
        struct bytes b;
        ak_capture *c = open_bytes(&b, f.byte, f.count, 0);
        ak_capture_packet p;
        ak_capture_result result = ak_capture_next(c, &p);
        uint64_t offset = 0;
        (void)ak_capture_error(c, &offset);
        if (result != AK_CAPTURE_BAD || offset != rows[i].offset)
            fail_msg("row %zu: result %d, offset %u", i, (int)result, (unsigned)offset);
        ak_capture_close(c);
    }
}

/* ---- packets */

static ak_packet_kind read_behind(uint32_t link, const char *head, size_t head_bytes, const uint8_t *ip,
                                  size_t ip_bytes, ak_packet *ret) {
    uint8_t frame[256];
    memcpy(frame, head, head_bytes);
    memcpy(frame + head_bytes, ip, ip_bytes);
    ak_capture_packet p = {.link_type = link,
                           .bytes = frame,
                           .captured_bytes = (uint32_t)(head_bytes + ip_bytes),
                           .original_bytes = (uint32_t)(head_bytes + ip_bytes + 150)};
    return ak_packet_read(&p, ret);
}

static void packet_every_link_type_is_read(void **state) {
    (void)state;
    static const struct {
        uint32_t link;
        const char *head;
        size_t bytes;
        ak_sighting sighting;
    } rows[] = {
        {1, "aaaaaabbbbbb\x08\x00", 14, AK_SIGHTED_SOMEWHERE},
        {1, "aaaaaabbbbbb\x81\x00\x00\x05\x08\x00", 18, AK_SIGHTED_SOMEWHERE},
        {1, "aaaaaabbbbbb\x88\xa8\x00\x05\x81\x00\x00\x05\x08\x00", 22, AK_SIGHTED_SOMEWHERE},
        {101, "", 0, AK_SIGHTED_SOMEWHERE},
        {12, "", 0, AK_SIGHTED_SOMEWHERE},
        {228, "", 0, AK_SIGHTED_SOMEWHERE},
        {0, "\x02\0\0\0", 4, AK_SIGHTED_SOMEWHERE},
        {108, "\0\0\0\x02", 4, AK_SIGHTED_SOMEWHERE},
        {113, "\0\x04\0\x01\0\x06macmac\0\0\x08\0", 16, AK_SIGHTED_OUT},
        {113, "\0\0\0\x01\0\x06macmac\0\0\x08\0", 16, AK_SIGHTED_IN},
        {113, "\0\0\0\x01\0\x06macmac\0\0\x81\0\0\x05\x08\0", 20, AK_SIGHTED_IN},
        {276, "\x08\0\0\0\0\0\0\x03\0\x01\x04\x06macmac\0\0", 20, AK_SIGHTED_OUT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ak_packet p;
        assert_int_equal(read_behind(rows[i].link, rows[i].head, rows[i].bytes, ipv4_syn, sizeof ipv4_syn, &p),
                         AK_PACKET_SEGMENT);
        assert_int_equal(p.from_port, 40000);
        assert_int_equal(p.to_port, 80);
        assert_int_equal(p.seq, 1000);
        assert_int_equal(p.flags, AKSU_TCP_SYN);
        assert_int_equal(p.payload_bytes, 100);
        assert_int_equal(p.options.present, AKSU_OPT_MSS);
        assert_int_equal(p.options.mss, 1460);
        assert_int_equal(p.sighting, rows[i].sighting);
        aksu_addr from = aksu_addr_v4(10, 0, 0, 1);
        assert_memory_equal(&p.from, &from, sizeof from);
    }
    ak_packet p;
    assert_int_equal(read_behind(105, "", 0, ipv4_syn, sizeof ipv4_syn, &p), AK_PACKET_LINK_TYPE);
    assert_int_equal(read_behind(1, "aaaaaabbbbbb\x08\x06", 14, ipv4_syn, sizeof ipv4_syn, &p), AK_PACKET_OTHER);
}

static void packet_ipv6_extension_headers_are_passed(void **state) {
    (void)state;
    ak_packet p;
    assert_int_equal(read_behind(1, "aaaaaabbbbbb\x86\xdd", 14, ipv6_fin, sizeof ipv6_fin, &p), AK_PACKET_SEGMENT);
    assert_int_equal(p.from_port, 5000);
    assert_int_equal(p.to_port, 443);
    assert_int_equal(p.flags, AKSU_TCP_FIN | AKSU_TCP_ACK);
    assert_int_equal(p.payload_bytes, 0);
}

static void packet_short_and_fragments_are_not_segments(void **state) {
    (void)state;
    ak_packet p;
    for (size_t bytes = 0; bytes < sizeof ipv4_syn - 4; bytes++) {
        ak_packet_kind kind = read_behind(101, "", 0, ipv4_syn, bytes, &p);
        assert_true(kind == AK_PACKET_SHORT || kind == AK_PACKET_OTHER);
    }
    uint8_t changed[sizeof ipv4_syn];
    memcpy(changed, ipv4_syn, sizeof changed);
    changed[6] = 0x20; /* more fragments */
    assert_int_equal(read_behind(101, "", 0, changed, sizeof changed, &p), AK_PACKET_FRAGMENT);
    memcpy(changed, ipv4_syn, sizeof changed);
    changed[32] = 0x40; /* data offset 4 */
    assert_int_equal(read_behind(101, "", 0, changed, sizeof changed, &p), AK_PACKET_SHORT);
    changed[32] = 0xf0; /* 15, and the options are cut: those that are there count */
    assert_int_equal(read_behind(101, "", 0, changed, sizeof changed, &p), AK_PACKET_SEGMENT);
    assert_int_equal(p.options.mss, 1460);
}

/* ---- scenarios: what is inferred is true */

struct truth {
    aksu_flow flow;
    uint32_t host;
    uint64_t time_us;
    aksu_tcp_state before, after;
};

#define TRUTH_MAX  20000
#define ENDING_MAX 400
struct play {
    const lab_scenario *scenario;
    ak_pcapng *pcapng;
    ak_memory memory;
    struct truth *truth;
    size_t truth_count;
    uint32_t known, wrong, likely;
    ak_explained explained[ENDING_MAX];
    size_t explained_count;
};

static void on_event(void *user, uint32_t host, const aksu_trace_event *e) {
    struct play *p = user;
    (void)ak_pcapng_event(p->pcapng, host, e);
    if (p->truth_count == TRUTH_MAX) return;
    if (e->kind == AKSU_TRACE_STATE) {
        p->truth[p->truth_count++] = (struct truth){.flow = e->u.state.flow,
                                                    .host = host,
                                                    .time_us = e->time_us,
                                                    .before = e->u.state.from,
                                                    .after = e->u.state.to};
    } else if (e->kind == AKSU_TRACE_SEGMENT) {
        const aksu_ev_segment *s = &e->u.segment;
        p->truth[p->truth_count++] = (struct truth){
            .flow = s->flow, .host = host, .time_us = e->time_us, .before = s->state_before, .after = s->state_after};
    }
}

static bool same_flow(const aksu_flow *f, const ak_packet *p) {
    return f->local_port == p->from_port && f->remote_port == p->to_port &&
           memcmp(&f->local, &p->from, sizeof f->local) == 0 && memcmp(&f->remote, &p->to, sizeof f->remote) == 0;
}

/* Was the sender in this state at this time?  True also where nothing is known of it. */
static bool is_true(const struct play *p, const ak_explain_seen *seen, aksu_tcp_state state) {
    const struct truth *last = NULL;
    bool any = false;
    for (size_t i = 0; i < p->truth_count; i++) {
        const struct truth *t = &p->truth[i];
        if (!same_flow(&t->flow, seen->packet) || t->time_us > seen->time_ns / 1000) continue;
        any = true;
        if (t->time_us == seen->time_ns / 1000 && (t->before == state || t->after == state)) return true;
        if (t->time_us < seen->time_ns / 1000) last = t;
    }
    return !any || (last != NULL && last->after == state);
}

static bool is_naive(const struct play *p, const aksu_addr *addr) {
    bool real = false;
    for (uint32_t i = 0; i < p->scenario->host_count; i++)
        real = real || (memcmp(&p->scenario->host[i].addr, addr, sizeof *addr) == 0 && !p->scenario->host[i].naive);
    for (uint32_t i = 0; i < p->scenario->entry_count; i++) {
        const lab_host *h = &p->scenario->entry[i];
        if (h->naive && memcmp(&p->scenario->host[h->of].addr, addr, sizeof *addr) == 0) return true;
    }
    return !real;
}

static void on_seen(void *user, const ak_explain_seen *seen) {
    struct play *p = user;
    const ak_inferred *s = seen->state[seen->from];
    /* Nobody saw a forged segment leave. */
    if (is_naive(p, &seen->packet->from) || seen->packet->sighting != AK_SIGHTED_OUT) return;
    if (s->sureness == AK_LIKELY) p->likely++;
    if (s->sureness != AK_KNOWN) return;
    p->known++;
    if (is_true(p, seen, s->state)) return;
    bool cookie = s->state == AK_TCP_SYN_RECEIVED && is_true(p, seen, AK_TCP_LISTEN);
    if (cookie) return;
    p->wrong++;
    print_error("%s: %.3f ms: segment %s of port %u is said to come from %s\n", p->scenario->name,
                (double)seen->time_ns / 1e6, ak_word_flags(seen->packet->flags, AK_FLAGS_NINE, (char[40]){0}),
                seen->packet->from_port, aksu_tcp_state_name(s->state));
}

static void on_connection(void *user, const ak_explained *e) {
    struct play *p = user;
    if (p->explained_count < ENDING_MAX) p->explained[p->explained_count++] = *e;
}

static void explain_bytes(struct play *p, const void *bytes, size_t count) {
    struct bytes b;
    ak_capture *c = open_bytes(&b, bytes, count, 0);
    ak_explain_options options = {.user = p, .connection = on_connection, .seen = p->truth != NULL ? on_seen : NULL};
    ak_explain *x = ak_explain_open(&options);
    ak_capture_packet captured;
    while (ak_capture_next(c, &captured) == AK_CAPTURE_PACKET) {
        ak_packet packet;
        if (ak_packet_read(&captured, &packet) == AK_PACKET_SEGMENT)
            assert_true(ak_explain_packet(x, captured.time_ns, &packet));
    }
    ak_explain_end(x);
    assert_int_equal(p->explained_count < ENDING_MAX ? p->explained_count : ak_explain_count(x), ak_explain_count(x));
    ak_explain_close(x);
    ak_capture_close(c);
}

static void play_and_explain(struct play *p, const lab_scenario *s, int run) {
    ak_pcapng_options captured = {0};
    *p = (struct play){.scenario = s, .memory = {.limit_bytes = 1u << 28}, .truth = p->truth};
    ak_writer writer = ak_writer_memory(&p->memory);
    p->pcapng = ak_pcapng_open(&writer, &captured);
    lab_options options = {.variant = LAB_INTACT, .event = on_event, .event_user = p};
    lab_result *r = lab_play(s, run, &options);
    assert_non_null(r);
    explain_bytes(p, p->memory.text, p->memory.used_bytes);
    lab_result_free(r);
    ak_pcapng_close(p->pcapng);
    ak_memory_free(&p->memory);
}

static void every_scenario_known_states_are_true(void **state) {
    (void)state;
    glob_t found;
    assert_int_equal(glob(AKSU_SOURCE_DIR "/lab/scenarios/*.scn", 0, NULL, &found), 0);
    struct play *p = calloc(1, sizeof *p);
    p->truth = calloc(TRUTH_MAX, sizeof *p->truth);
    uint32_t known = 0, wrong = 0, likely = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        lab_error error;
        lab_scenario *s = lab_load(found.gl_pathv[i], &error);
        assert_non_null(s);
        for (uint32_t run = 0; s->not_yet == NULL && run < s->run_count; run++) {
            play_and_explain(p, s, (int)run);
            known += p->known;
            wrong += p->wrong;
            likely += p->likely;
        }
        lab_free(s);
    }
    print_message("%u states known, %u likely\n", known, likely);
    assert_int_equal(wrong, 0);
    assert_true(known > 500 && known > 9 * likely);
    free(p->truth);
    free(p);
    globfree(&found);
}

static void scenario_endings_are_named(void **state) {
    (void)state;
    static const struct {
        const char *name;
        ak_ending ending;
        uint8_t by;
        uint32_t again[2];
    } rows[] = {
        {"four-way-close", AK_END_CLOSED, 0, {0, 0}},
        {"server-closes-first", AK_END_CLOSED, 1, {0, 0}},
        {"simultaneous-close", AK_END_CLOSED_AT_ONCE, 0, {0, 0}},
        {"refused", AK_END_REFUSED, 1, {0, 0}},
        {"connect-timeout", AK_END_UNANSWERED, 0, {7, 0}},
        {"abort", AK_END_RESET, 0, {0, 0}},
        {"close-wait-forgotten", AK_END_HALF_CLOSED, 0, {0, 0}},
        {"peer-crashed-passive", AK_END_HALF_OPEN, 0, {0, 0}},
        {"data-after-close", AK_END_AFTER_CLOSE, 1, {0, 0}},
        {"cable-pulled", AK_END_OPEN, 0, {0, 0}},
        {"keep-alive-dead-peer", AK_END_SILENT, 0, {0, 0}},
        {"syn-lost", AK_END_OPEN, 0, {3, 0}},
        {"fin-lost", AK_END_CLOSED, 0, {1, 0}},
    };
    struct play *p = calloc(1, sizeof *p);
    uint32_t wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/lab/scenarios/%s.scn", AKSU_SOURCE_DIR, rows[i].name);
        lab_error error;
        lab_scenario *s = lab_load(path, &error);
        assert_non_null(s);
        p->truth = NULL;
        struct truth *none = calloc(TRUTH_MAX, sizeof *none);
        p->truth = none;
        play_and_explain(p, s, 0);
        assert_true(p->explained_count > 0);
        const ak_explained *e = &p->explained[0];
        if (e->ending != rows[i].ending || e->by != rows[i].by || e->side[0].retransmissions != rows[i].again[0] ||
            e->side[1].retransmissions != rows[i].again[1]) {
            print_error("%s: %s by %u, again %u and %u\n", rows[i].name, ak_ending_name(e->ending), e->by,
                        e->side[0].retransmissions, e->side[1].retransmissions);
            wrong++;
        }
        free(none);
        lab_free(s);
    }
    free(p);
    assert_int_equal(wrong, 0);
}

static void on_told(void *user, const ak_explained *e) {
    uint32_t *told = user;
    told[e->ending]++;
}

/* SYNs, ACKs and resets from everywhere, within a second: what is held does not grow with them, and each is told. */
static void flood_is_held_within_a_bound(void **state) {
    (void)state;
    static const uint8_t flags[] = {AKSU_TCP_SYN, AKSU_TCP_ACK, AKSU_TCP_RST | AKSU_TCP_ACK};
    static const ak_ending endings[] = {AK_END_UNANSWERED, AK_END_OPEN, AK_END_RESET};
    for (size_t kind = 0; kind < 3; kind++) {
        uint32_t told[AK_ENDING_COUNT] = {0};
        const uint32_t count = AK_EXPLAIN_OPENING_MAX * 2;
        ak_explain_options options = {.user = told, .connection = on_told};
        ak_explain *x = ak_explain_open(&options);
        assert_non_null(x);
        for (uint32_t i = 0; i < count; i++) {
            ak_packet p = {.from = aksu_addr_v4(10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i),
                           .to = aksu_addr_v4(192, 0, 2, 1),
                           .from_port = 1000,
                           .to_port = 80,
                           .seq = i,
                           .flags = flags[kind]};
            assert_true(ak_explain_packet(x, i * 1000, &p));
        }
        assert_true(ak_explain_held_max(x) <= AK_EXPLAIN_OPENING_MAX + AK_EXPLAIN_ENDED_MAX / 2);
        ak_explain_end(x);
        uint32_t all = 0;
        for (unsigned i = 0; i < AK_ENDING_COUNT; i++) all += told[i];
        assert_int_equal(all, count);
        assert_int_equal(told[endings[kind]], count);
        ak_explain_close(x);
    }
}

/* A capture of one direction only, an hour long: one connection, as long as it is not silent. */
static void one_direction_is_one_connection(void **state) {
    (void)state;
    uint32_t told[AK_ENDING_COUNT] = {0};
    ak_explain_options options = {.user = told, .connection = on_told};
    ak_explain *x = ak_explain_open(&options);
    assert_non_null(x);
    ak_packet p = {.from = aksu_addr_v4(10, 0, 0, 1),
                   .to = aksu_addr_v4(10, 0, 0, 2),
                   .from_port = 1000,
                   .to_port = 80,
                   .flags = AKSU_TCP_SYN};
    for (uint64_t second = 0; second < 3600; second += 10) {
        assert_true(ak_explain_packet(x, second * 1000000000, &p));
        p.flags = AKSU_TCP_ACK;
        p.payload_bytes = 100;
        p.seq = second == 0 ? 1 : p.seq + 100;
    }
    assert_int_equal(ak_explain_count(x), 1);
    p.seq += 100;
    assert_true(ak_explain_packet(x, (3600 + 3600) * UINT64_C(1000000000), &p));
    assert_int_equal(ak_explain_count(x), 2);
    ak_explain_end(x);
    ak_explain_close(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capture_every_format_is_read),
        cmocka_unit_test(capture_cut_anywhere_is_told),
        cmocka_unit_test(capture_corrupt_is_refused_with_the_place),
        cmocka_unit_test(packet_every_link_type_is_read),
        cmocka_unit_test(packet_ipv6_extension_headers_are_passed),
        cmocka_unit_test(packet_short_and_fragments_are_not_segments),
        cmocka_unit_test(every_scenario_known_states_are_true),
        cmocka_unit_test(scenario_endings_are_named),
        cmocka_unit_test(flood_is_held_within_a_bound),
        cmocka_unit_test(one_direction_is_one_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
