/* Which options go and what those that come mean: RFC 9293 s3.7.1, RFC 7323, RFC 2018. */
#include "tcp/accecn.h"
#include "tcp/fastopen.h"
#include "tcp/tcp.h"
#include "wire/ip.h"

/* A peer's MSS below this is taken for this: tiny ones only multiply our work (CVE-2019-11477, RFC 9293 s3.7.1 with RFC
 * 879's smallest IPv4 packet of 68 octets leaving 28, and 88 what deployed stacks agreed on). */
#define AK_MSS_FLOOR      88u
#define AK_MSS_DEFAULT_V4 536u  /* MUST-15 */
#define AK_MSS_DEFAULT_V6 1220u /* MUST-15 */

uint32_t ak_tcp_ip_header_bytes(const struct ak_tuple *tuple) {
    return ak_ip_header_bytes_for(&tuple->remote);
}

uint16_t ak_tcp_peer_mss(const struct ak_seg *seg) {
    if ((seg->options.present & AKSU_OPT_MSS) == 0)
        return ak_addr_is_v4(&seg->tuple.remote) ? AK_MSS_DEFAULT_V4 : AK_MSS_DEFAULT_V6;
    return (uint16_t)ak_max_u32(seg->options.mss, AK_MSS_FLOOR);
}

/* MUST-67: at most MMS_R - 20, that is the MTU less fixed IP and TCP headers. */
uint16_t ak_tcp_our_mss(const struct ak_core *core, uint32_t mtu, const aksu_addr *local,
                        const aksu_tcp_settings *settings) {
    (void)core;
    uint32_t mss = mtu - ak_ip_header_bytes_for(local) - AK_TCP_HEADER_BYTES;
    if (settings->mss_bytes != 0) mss = ak_min_u32(mss, (uint32_t)settings->mss_bytes);
    return (uint16_t)ak_max_u32(mss, AK_MSS_FLOOR);
}

/* The smallest shift with which 16 bits can announce the whole buffer, RFC 7323 s2.3. */
uint8_t ak_tcp_our_wscale(const aksu_tcp_settings *settings) {
    uint64_t most = settings->rcv_buf_bytes != 0 ? settings->rcv_buf_bytes : settings->rcv_buf_max_bytes;
    uint8_t shift = 0;
    while (shift < 14 && (65535ull << shift) < most) shift++;
    return shift;
}

/* RFC 5482 s2: 15 bits of seconds, or of minutes with the top bit. */
static uint16_t user_timeout_field(uint64_t us) {
    uint64_t seconds = (us + 999999) / 1000000;
    if (seconds < 0x8000) return (uint16_t)seconds;
    return (uint16_t)(0x8000u | ak_min_u64((seconds + 59) / 60, 0x7fff));
}

void ak_tcp_user_timeout_offer(const aksu_tcp_settings *settings, aksu_tcp_options *options) {
    if (!settings->user_timeout_option || settings->user_timeout_us == 0) return;
    options->present |= AKSU_OPT_USER_TIMEOUT;
    options->user_timeout = user_timeout_field(settings->user_timeout_us);
}

/* RFC 5482 s3.1: what the peer says, in any segment. */
void ak_tcp_user_timeout_take(struct ak_tcb *t, const struct ak_seg *seg) {
    if ((seg->options.present & AKSU_OPT_USER_TIMEOUT) == 0) return;
    uint32_t value = seg->options.user_timeout & 0x7fffu;
    if (value == 0) return; /* s3: "MUST be ignored" */
    uint32_t seconds = seg->options.user_timeout & 0x8000u ? value * 60 : value;
    t->peer_user_timeout = (uint16_t)ak_min_u32(seconds, 65535);
}

aksu_tcp_options ak_tcp_syn_options(const struct ak_core *core, const struct ak_tcb *t) {
    aksu_tcp_options options = {.present = AKSU_OPT_MSS, .mss = t->rcv.mss}; /* MAY-3: always */
    if (t->flags & AK_F_WSCALE) {
        options.present |= AKSU_OPT_WSCALE;
        options.wscale = t->rcv.wscale;
    }
    if (t->flags & AK_F_SACK) options.present |= AKSU_OPT_SACK_PERMITTED;
    if (t->flags & AK_F_TIMESTAMPS) {
        options.present |= AKSU_OPT_TIMESTAMPS;
        options.ts_val = ak_tcp_timestamp(core, t->ts_offset);
        options.ts_ecr = t->state == AK_TCP_SYN_SENT ? 0 : t->ts_recent;
    }
    ak_tcp_user_timeout_offer(ak_settings_of(core, &t->sock), &options);
    if (t->accecn != AK_NONE && t->state != AK_TCP_SYN_SENT) ak_accecn_syn_option(core, t, &options);
    return options;
}

/* RFC 2018 s4, RFC 2883 s4. */
static void sack_options(const struct ak_core *core, const struct ak_tcb *t, const struct ak_transfer *x,
                         aksu_tcp_options *options) {
    if (x->duplicate_due) { /* RFC 2883 s4: the first block, and told once */
        options->present |= AKSU_OPT_SACK;
        options->sack[0] = (aksu_sack_block){.left = x->duplicate.left.n, .right = x->duplicate.right.n};
        options->sack_count = 1;
    }
    if (x->ranges.count == 0) return;
    /* RFC 2018 s4: first the range with the newest segment, then the others in turn, so that the peer hears of all. */
    uint32_t room = t->flags & AK_F_TIMESTAMPS ? AKSU_SACK_BLOCK_MAX - 1 : AKSU_SACK_BLOCK_MAX;
    uint32_t first = ak_ranges_find(&x->ranges, &core->blocks, x->range_recent);
    if (first < x->ranges.count && ak_seq_lt(x->range_recent, ak_ranges_at(&x->ranges, &core->blocks, first).left))
        first = x->ranges.count; /* it is read */
    options->present |= AKSU_OPT_SACK;
    for (uint32_t i = 0; i < x->ranges.count + 1 && options->sack_count < room; i++) {
        uint32_t at = i == 0 ? first : (x->sack_turn + i - 1) % x->ranges.count;
        if (at >= x->ranges.count || (i > 0 && at == first)) continue;
        const struct ak_range range = ak_ranges_at(&x->ranges, &core->blocks, at);
        options->sack[options->sack_count] = (aksu_sack_block){.left = range.left.n, .right = range.right.n};
        options->sack_count++;
    }
}

void ak_tcp_segment_options(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_options *ret_options) {
    aksu_tcp_options *options = ret_options; /* what is not present is not written: this is for every segment */
    options->present = 0;
    options->sack_count = options->fast_open_cookie_bytes = 0;
    if (t->flags & AK_F_TIMESTAMPS) {
        options->present |= AKSU_OPT_TIMESTAMPS;
        options->ts_val = ak_tcp_timestamp(core, t->ts_offset);
        options->ts_ecr = t->ts_recent;
    }
    if (t->user_timeout_due) ak_tcp_user_timeout_offer(ak_settings_of(core, &t->sock), options);
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if ((t->flags & AK_F_SACK) && x != NULL) sack_options(core, t, x, options);
    if (t->accecn != AK_NONE) ak_accecn_option(core, t, options);
}

void ak_tcp_accept_options(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    uint16_t present = seg->options.present;
    t->snd.mss = ak_tcp_peer_mss(seg);
    /* RFC 7323 s2.2, s3.2: in force only if both SYNs carried it. */
    if ((present & AKSU_OPT_WSCALE) && (t->flags & AK_F_WSCALE)) {
        t->snd.wscale = seg->options.wscale;
    } else {
        ak_flags_clear(t, AK_F_WSCALE);
        t->snd.wscale = t->rcv.wscale = 0;
    }
    if ((present & AKSU_OPT_SACK_PERMITTED) == 0) ak_flags_clear(t, AK_F_SACK);
    ak_ecn_accept(core, t, seg);
    if ((present & AKSU_OPT_TIMESTAMPS) && (t->flags & AK_F_TIMESTAMPS)) {
        t->ts_recent = seg->options.ts_val;
        t->ts_recent_age = ak_idle_clock(core);
    } else {
        ak_flags_clear(t, AK_F_TIMESTAMPS);
    }
}

/* MUST-16: min(SendMSS + 20, MMS_S) - TCP header - IP options, SendMSS being the peer's. */
uint32_t ak_tcp_effective_mss(const struct ak_core *core, const struct ak_tcb *t, uint32_t option_bytes) {
    (void)core;
    if (option_bytes == 0 && (t->flags & AK_F_TIMESTAMPS)) option_bytes = 12;
    uint32_t path = (uint32_t)t->path_mtu - ak_tcp_ip_header_bytes(&t->tuple) - AK_TCP_HEADER_BYTES;
    return ak_min_u32(t->snd.mss, path) - option_bytes;
}

/* RFC 7323 s5.5: after 24 days without a newer one TS.Recent says nothing. */
bool ak_tcp_timestamp_outdated(const struct ak_core *core, const struct ak_tcb *t) {
    enum { OUTDATED_DAYS = 24 };
    uint32_t age = ak_idle_clock(core) - t->ts_recent_age;
    return age > OUTDATED_DAYS * 24u * 3600u * 977u; /* idle ticks a second, 976.6 */
}

/* RFC 7323 s4.3 (3): of segments that cover Last.ACK.sent, and newer only. */
void ak_tcp_timestamp_take(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg) {
    if ((t->flags & AK_F_TIMESTAMPS) == 0 || (seg->options.present & AKSU_OPT_TIMESTAMPS) == 0) return;
    if (ak_seq_gt(seg->seq, t->last_ack_sent)) return;
    if ((int32_t)(seg->options.ts_val - t->ts_recent) < 0 && !ak_tcp_timestamp_outdated(core, t)) return;
    t->ts_recent = seg->options.ts_val;
    t->ts_recent_age = ak_idle_clock(core);
}
