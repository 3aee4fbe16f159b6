/* Is the window still true?  A window that was not used for a time tells nothing about the path any more.
 *
 * Nothing sent for more than an RTO: RFC 5681 s4.1, the restart window.  Less sent than half the window for five
 * minutes: RFC 7661 s4.4.3, half of it.  In between it stays as it is, but does not grow (ak_cc_ack.limited). */
#include "tcp/rate.h"

#define NON_VALIDATED_US 300000000ull /* RFC 7661 s4.4: five minutes */
#define LEAST_PERIOD_US  1000000u     /* s4.2: pipeACK Sampling Period = max(3 RTT, 1 s) */

void ak_cwv_restart(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    bool idle = x->data_sent_us != 0 && core->now_us - x->data_sent_us > ak_tcp_rto_us(core, t);
    if (x->rate != AK_NONE) ak_rate_restart(core, t);
    if (!idle || x->rate != AK_NONE) return;
    uint32_t initial = ak_tcp_initial_window(core, t);
    x->pace_free_bytes = initial;
    if (x->cwnd <= initial) return;
    x->ssthresh = ak_max_u32(x->ssthresh, x->cwnd / 4 * 3); /* RFC 7661 s4.4.3: slow start leads back most of the way */
    x->cwnd = initial;
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_IDLE);
}

/* s4.2: the most that was acknowledged in a round trip, of this sampling period and the one before. */
static uint32_t pipe_ack(const struct ak_transfer *x) {
    return ak_max_u32(ak_max_u32(x->cwv.pipe_now, x->cwv.pipe_before), x->cwv.round_bytes);
}

static void measure(struct ak_core *core, struct ak_tcb *t, uint32_t acked_bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    x->cwv.round_bytes += acked_bytes;
    if (ak_seq_ge(t->snd.una, x->cwv.round_end)) {
        x->cwv.pipe_now = ak_max_u32(x->cwv.pipe_now, x->cwv.round_bytes);
        x->cwv.round_bytes = 0;
        x->cwv.round_end = t->snd.nxt;
    }
    if (core->now_us < x->cwv.period_end_us) return;
    x->cwv.pipe_before = x->cwv.pipe_now;
    x->cwv.pipe_now = 0;
    x->cwv.period_end_us = core->now_us + ak_max_u64(3ull * t->srtt_us, LEAST_PERIOD_US);
}

void ak_cwv_acked(struct ak_core *core, struct ak_tcb *t, uint32_t acked_bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    measure(core, t, acked_bytes);
    if (pipe_ack(x) >= x->cwnd / 2 || x->in_recovery != AK_RECOVERY_NONE) { /* s4.3: validated */
        x->cwv.unused_since_us = AK_NEVER;
        return;
    }
    x->cwv.unused_since_us = ak_min_u64(x->cwv.unused_since_us, core->now_us);
    if (core->now_us - x->cwv.unused_since_us < NON_VALIDATED_US) return;
    x->cwv.unused_since_us = core->now_us;
    x->ssthresh = ak_max_u32(x->ssthresh, x->cwnd / 4 * 3);
    x->cwnd = ak_max_u32(x->cwnd / 2, ak_tcp_initial_window(core, t));
    ak_tcp_trace_cwnd(core, t, AKSU_CWND_IDLE);
}
