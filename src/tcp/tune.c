/* Buffers that fit themselves to the path.
 *
 * The receive buffer is to hold twice what the application takes in a round trip: with a window of that, a sender that
 * has filled the path does not notice the window; and while that grows, by as much more, so that one in slow start
 * never meets it (dynamic right-sizing: Fisk and Feng 2001).  The round trip is the echo of our timestamps (RFC 7323
 * s4) where there are any, and else the handshake's.  The send buffer is to hold three congestion windows: what is in
 * flight, what the peer has behind a gap while that is repaired, and what follows.
 *
 * On a short path more than a few MiB serve nobody, whatever comes in a millisecond: what is copied would have left the
 * processor's caches.  There the least round trip bounds both.
 *
 * Buffers grow, and are as they began when a transfer begins anew; so no announced window shrinks (RFC 9293 s3.8.6).
 * Growth has two bounds: the connection's settings, and config.buffer_growth_max for all connections together, of which
 * each may have at most as much as it leaves to others: N greedy ones end at 1/(N+1) each. */
#include "tcp/tcp.h"

enum {
    LEAST_ROUND_US = 1000, /* what the timestamps can tell; shorter ones are more of the host than of the path */
    SHORT_PATH_US = 5000,
    SHORT_RCV_BYTES = 8 << 20,
    SHORT_SND_BYTES = 4 << 20,
};

static uint64_t most_of(const struct ak_tcb *t, uint64_t trip_us, uint64_t max_bytes, uint32_t short_bytes) {
    uint64_t least_us = t->min_rtt_us != 0 ? t->min_rtt_us : trip_us;
    return least_us < SHORT_PATH_US ? ak_min_u64(max_bytes, short_bytes) : max_bytes;
}

static uint32_t grown(struct ak_core *core, struct ak_transfer *x, uint32_t bytes, uint64_t wanted, uint64_t most) {
    wanted = ak_min_u64(wanted, most);
    if (wanted <= bytes) return bytes;
    uint64_t budget = core->config.buffer_growth_max;
    uint64_t left = budget > core->buffer_growth_bytes ? budget - core->buffer_growth_bytes : 0;
    uint64_t fair = left > x->tune.growth_bytes ? (left - x->tune.growth_bytes) / 2 : 0;
    uint32_t more = (uint32_t)ak_min_u64(wanted - bytes, fair);
    x->tune.growth_bytes += more;
    core->buffer_growth_bytes += more;
    return bytes + more;
}

/* What the application has read, and what it could not read, however fast it is, since it lies behind a gap. */
static ak_seq taken_of(const struct ak_transfer *x) {
    return ak_seq_add(x->read, x->out_of_order_bytes);
}

void ak_tune_end(struct ak_core *core, struct ak_transfer *x) {
    core->buffer_growth_bytes -= x->tune.growth_bytes;
    x->tune.growth_bytes = 0;
}

void ak_tune_begin(struct ak_core *core, const struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    ak_tune_end(core, x);
    x->rcv_buf_bytes = ak_tcp_rcv_buf_start(settings);
    x->snd_buf_bytes = ak_tcp_snd_buf_start(settings);
    x->tune.snd = settings->snd_buf_bytes == 0;
    x->tune.round_end_us = settings->rcv_buf_bytes == 0 ? 0 : AK_NEVER;
    x->tune.round_us = core->now_us;
    x->tune.taken = taken_of(x);
    x->tune.read_bytes = 0;
}

/* The path's round trip as this segment, and those before, tell it. */
static uint64_t round_trip_us(const struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg) {
    uint64_t trip_us = t->srtt_us;
    if ((t->flags & AK_F_TIMESTAMPS) && (seg->options.present & AKSU_OPT_TIMESTAMPS)) {
        uint32_t ticks = ak_tcp_timestamp(core, t->ts_offset) - seg->options.ts_ecr;
        if (ticks <= 0x00ffffff) trip_us = ticks * 1000ull;
    }
    return ak_max_u64(trip_us, LEAST_ROUND_US);
}

void ak_tune_received(struct ak_core *core, const struct ak_tcb *t, const struct ak_seg *seg) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint64_t trip_us = round_trip_us(core, t, seg);
    uint64_t took_us = ak_max_u64(core->now_us - x->tune.round_us, 1);
    ak_seq taken = taken_of(x);
    uint64_t read = ak_seq_gt(taken, x->tune.taken) ? ak_seq_bytes(x->tune.taken, taken) : 0;
    if (took_us > trip_us) read = read * trip_us / took_us;
    if (x->tune.round_end_us != 0) { /* the first has only begun */
        uint64_t wanted = 2 * read + 16ull * t->rcv.mss;
        uint64_t more = read > x->tune.read_bytes ? read - x->tune.read_bytes : 0;
        if (x->tune.read_bytes > 0) wanted += 2 * wanted * ak_min_u64(more, x->tune.read_bytes) / x->tune.read_bytes;
        wanted += x->out_of_order_bytes; /* waits for the gap to be filled, and takes room meanwhile */
        x->tune.read_bytes = (uint32_t)read;
        uint64_t most = most_of(t, trip_us, ak_settings_of(core, &t->sock)->rcv_buf_max_bytes, SHORT_RCV_BYTES);
        x->rcv_buf_bytes = grown(core, x, x->rcv_buf_bytes, wanted, most);
    }
    x->tune.round_us = core->now_us;
    x->tune.round_end_us = core->now_us + trip_us;
    x->tune.taken = taken;
}

void ak_tune_send(struct ak_core *core, const struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint64_t most = most_of(t, t->srtt_us, ak_settings_of(core, &t->sock)->snd_buf_max_bytes, SHORT_SND_BYTES);
    x->snd_buf_bytes = grown(core, x, x->snd_buf_bytes, 3ull * x->cwnd, most);
}
