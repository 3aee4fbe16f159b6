/* SYN cookies: RFC 4987 s3.6.
 *
 * ISS = 24 bits of MAC, 5 bits of time, 3 bits of MSS.  The MAC is SipHash-2-4 of four-tuple, the peer's ISN, time and
 * MSS index under a key that the fleet may share.  Time counts in units of 64 s and a cookie is honoured for two of
 * them.  Window scale, SACK and ECN ride in the low 6 bits of our timestamp, if the peer sends timestamps; without them
 * they are given up.  Accurate ECN needs none of that: the flags of the ACK that brings the cookie back say that it was
 * agreed on (RFC 9768 s5.1), and only how the SYN had come is forgotten, which the SYN,ACK has told.
 *
 * No state is kept for a SYN; the price is that a SYN,ACK is never repeated and that what is not encoded is lost.  And
 * while a cookie is honoured, an old duplicate of the ACK that brought it opens its connection again, with the text
 * that it carries, if nothing remembers that this is over: TIME-WAIT does, on the side that closed first. */
#include "tcp/syncookie.h"

#include "tcp/accecn.h"

#define TIME_SHIFT 26 /* 2^26 us: 67 s */
#define TIME_BITS  5u
#define MSS_BITS   3u
#define LOW_BITS   (TIME_BITS + MSS_BITS)

static const uint16_t mss_table[1u << MSS_BITS] = {88, 536, 1024, 1220, 1360, 1440, 1460, 8960};

/* In the low bits of the timestamp: 4 of window scale (15: none), 1 of SACK, 1 of ECN. */
#define TS_BITS      6u
#define TS_MASK      ((1u << TS_BITS) - 1)
#define TS_SACK      0x10u
#define TS_ECN       0x20u
#define TS_NO_WSCALE 0x0fu

static uint32_t cookie_mac(const struct ak_core *core, const struct ak_seg *seg, uint64_t time, uint32_t mss_index) {
    struct {
        struct ak_tuple tuple;
        uint32_t irs;
        uint64_t time;
        uint64_t mss_index;
    } input = {.tuple = seg->tuple, .time = time, .mss_index = mss_index};
    input.irs = (seg->flags & AKSU_TCP_SYN) ? seg->seq.n : seg->seq.n - 1;
    return (uint32_t)ak_siphash24(&core->key[AK_KEY_SYN_COOKIE], &input, sizeof input) >> LOW_BITS;
}

static uint32_t mss_index_of(uint16_t mss) {
    uint32_t index = (1u << MSS_BITS) - 1;
    while (index > 0 && mss_table[index] > mss) index--;
    return index;
}

void ak_syncookie_answer(struct ak_core *core, const struct ak_seg *seg, ak_ref listener) {
    const struct ak_listener *l = ak_listener_at(core, listener);
    const aksu_tcp_settings *settings = ak_settings_of(core, &l->sock);
    uint64_t time = core->now_us >> TIME_SHIFT;
    uint32_t mss_index = mss_index_of(ak_tcp_peer_mss(seg));
    uint32_t iss = cookie_mac(core, seg, time, mss_index) << LOW_BITS |
                   ((uint32_t)time & ((1u << TIME_BITS) - 1)) << MSS_BITS | mss_index;
    struct ak_bare bare = {
        .tuple = seg->tuple,
        .link = seg->link,
        .ttl = (uint8_t)settings->ttl,
        .tos = (uint8_t)(settings->dscp << 2),
        .order = (uint8_t)settings->option_order,
        .cause = AKSU_SEND_OPEN_CAUSE,
        .header = {.seq = {iss},
                   .ack = ak_seq_add(seg->seq, 1),
                   .flags = AKSU_TCP_SYN | AKSU_TCP_ACK,
                   .wnd = (uint16_t)ak_min_u32(65535, ak_tcp_rcv_buf_start(settings))},
    };
    aksu_tcp_options *options = &bare.header.options;
    uint16_t peer = seg->options.present;
    enum ak_ecn_mode asked = ak_ecn_asked(seg, settings);
    options->present = AKSU_OPT_MSS;
    options->mss = ak_tcp_our_mss(core, ak_link_state_at(core, seg->link)->mtu, &seg->tuple.local, settings);
    if ((peer & AKSU_OPT_TIMESTAMPS) && settings->timestamps) {
        bool wscale = (peer & AKSU_OPT_WSCALE) && settings->window_scale;
        bool sack = (peer & AKSU_OPT_SACK_PERMITTED) && settings->sack;
        bool ecn = asked == AK_ECN_CLASSIC;
        uint32_t low = (wscale ? seg->options.wscale : TS_NO_WSCALE) | (sack ? TS_SACK : 0) | (ecn ? TS_ECN : 0);
        if (ecn) bare.header.flags |= AKSU_TCP_ECE;
        uint32_t now = ak_tcp_timestamp(core, ak_tcp_timestamp_offset(core, &seg->tuple));
        options->ts_val = (now & ~TS_MASK) | low;
        if ((int32_t)(options->ts_val - now) > 0) options->ts_val -= TS_MASK + 1; /* never ahead of our clock */
        options->ts_ecr = seg->options.ts_val;
        options->present |= AKSU_OPT_TIMESTAMPS;
        if (wscale) {
            options->present |= AKSU_OPT_WSCALE;
            options->wscale = ak_tcp_our_wscale(settings);
        }
        if (sack) options->present |= AKSU_OPT_SACK_PERMITTED;
    }
    ak_tcp_user_timeout_offer(settings, options);
    if (asked == AK_ECN_ACCURATE) {
        bare.header.flags |= ak_accecn_handshake_flags(seg->tos);
        if (settings->accecn_option) ak_accecn_initial_option(options);
    }
    core->cookies_until_us = ak_add_us(core->now_us, 2ull << TIME_SHIFT);
    core->counters.syn_cookies_sent++;
    ak_tcp_send_bare(core, &bare);
}

/* Whether seg.ack - 1 is a cookie that we gave this peer lately. */
static bool cookie_good(const struct ak_core *core, const struct ak_seg *seg) {
    uint32_t iss = seg->ack.n - 1;
    uint64_t now = core->now_us >> TIME_SHIFT;
    uint32_t age = ((uint32_t)now - (iss >> MSS_BITS)) & ((1u << TIME_BITS) - 1);
    if (age > 1 || age > now) return false;
    return cookie_mac(core, seg, now - age, iss & ((1u << MSS_BITS) - 1)) == iss >> LOW_BITS;
}

/* RFC 9768 s5.1: 2 to 7 on a bare ACK; on data, if that ACK was lost, what only an ACE field can be: with AE. */
static bool tells_of_accurate(const struct ak_seg *seg) {
    bool bare = ak_seg_bytes(seg) == 0 && (seg->options.present & AKSU_OPT_SACK) == 0;
    return bare ? ak_ace_of(seg) >= 2 : (seg->flags & AKSU_TCP_AE) != 0;
}

enum ak_verdict ak_syncookie_ack(struct ak_core *core, struct ak_seg *seg, ak_ref listener, aksu_drop *ret_drop) {
    /* 24 bits can be guessed in time: not when nobody can have one. */
    bool expected = core->fleet || core->now_us < core->cookies_until_us;
    if (!expected) return AK_NEXT;
    if (!cookie_good(core, seg)) {
        *ret_drop = AKSU_DROP_TCP_COOKIE_INVALID;
        return AK_DROP_RST;
    }
    struct ak_listener *l = ak_listener_at(core, listener);
    const aksu_tcp_settings *settings = ak_settings_of(core, &l->sock);
    if (l->accept_count >= l->backlog || ak_pool_free(&core->pool[AK_KIND_TCB]) == 0) {
        *ret_drop = AKSU_DROP_TCP_BACKLOG_FULL; /* the peer's data or keep-alive brings the cookie again */
        return AK_DROP;
    }
    uint32_t low = (seg->options.ts_ecr) & TS_MASK;
    bool timestamps = (seg->options.present & AKSU_OPT_TIMESTAMPS) && settings->timestamps;
    bool accurate = settings->ecn >= AKSU_ECN_ACCURATE && tells_of_accurate(seg);
    bool classic = timestamps && (low & TS_ECN) != 0 && settings->ecn != AKSU_ECN_OFF;
    struct ak_handshake h = {
        .tuple = &seg->tuple,
        .listener = listener,
        .iss = ak_seq_sub(seg->ack, 1),
        .irs = ak_seq_sub(seg->seq, 1),
        .ts_recent = seg->options.ts_val,
        .mss = mss_table[(seg->ack.n - 1) & ((1u << MSS_BITS) - 1)],
        .wscale = (uint8_t)(low & TS_NO_WSCALE),
        .timestamps = timestamps,
        /* The peer echoes these bits, and may have changed them: never more than we offer. */
        .window_scale = timestamps && (low & TS_NO_WSCALE) != TS_NO_WSCALE && settings->window_scale,
        .sack = timestamps && (low & TS_SACK) != 0 && settings->sack,
        .ecn = accurate  ? AK_ECN_ACCURATE
               : classic ? AK_ECN_CLASSIC
                         : AK_ECN_NONE,
        .link = seg->link,
        .record = AKSU_RECORD_COOKIE,
    };
    core->counters.syn_cookies_accepted++;
    struct ak_tcb *t = ak_tcb_from_handshake(core, &h);
    ak_tcp_resume(core, t, seg);
    return AK_GONE;
}
