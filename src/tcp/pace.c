/* Pacing: what the window lets go is spread over the round trip instead of leaving in bursts.
 *
 * The rate is the window a round trip, and a part more so that pacing never is what holds a flow back: twice as much in
 * slow start, a fifth more later.  A frame moves the time of the next one by as long as its bytes take at that rate; a
 * frame carries at most a millisecond's worth, and what a late wake-up missed is made up for, up to two milliseconds'.
 * Short round trips are not paced, nor is what a connection says first: an initial window is small enough (RFC 6928
 * s3), and after an idle time the same (RFC 5681 s4.1). */
#include "tcp/rate.h"

enum {
    LEAST_TRIP_US = 2000,
    CREDIT_US = 2000,
    LATE_CREDIT_US = 5000,
    QUANTUM_US = 1000,
    START_PERCENT = 200,
    AVOIDANCE_PERCENT = 120
};

static bool paces(const struct ak_core *core, const struct ak_tcb *t) {
    if (ak_transfer_of(core, t)->rate != AK_NONE) return true;
    return ak_settings_of(core, &t->sock)->pacing != 0 && t->srtt_us >= LEAST_TRIP_US;
}

/* Bytes in 100 round trips; in fast recovery the window itself goes up and down with the flight. */
static uint64_t bytes_per_100_trips(const struct ak_transfer *x) {
    bool start = x->cwnd < x->ssthresh && x->in_recovery != AK_RECOVERY_FAST;
    uint64_t window = x->in_recovery == AK_RECOVERY_FAST ? ak_max_u32(x->cwnd, x->ssthresh) : x->cwnd;
    return window * (start ? START_PERCENT : AVOIDANCE_PERCENT);
}

bool ak_pace_waits(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    return x->pace_next_us > core->now_us && (x->ecn_holds > 0 || paces(core, t));
}

uint64_t ak_pace_rate(const struct ak_core *core, const struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->rate != AK_NONE) return ak_rate_of(core, x)->pacing_rate;
    return paces(core, t) ? bytes_per_100_trips(x) * 10000 / t->srtt_us : 0;
}

uint32_t ak_pace_quantum(const struct ak_core *core, const struct ak_tcb *t, uint32_t most, uint32_t mss) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (most <= 2 * mss) return most;
    if (x->rate != AK_NONE) {
        uint32_t quantum = ak_rate_of(core, x)->quantum_bytes;
        return ak_min_u32(most, ak_max_u32(quantum - quantum % mss, 2 * mss));
    }
    if (x->pace_free_bytes > 0 || !paces(core, t)) return most;
    uint64_t bytes = bytes_per_100_trips(x) * QUANTUM_US / (100ull * t->srtt_us);
    bytes -= bytes % mss;
    return (uint32_t)ak_min_u64(most, ak_max_u64(bytes, 2ull * mss));
}

/* At a rate that congestion control sets.  A process that is woken late, when it was nothing but this that it waited
 * for, makes up for a quarter of a round trip, 5 ms at the most: on a busy machine it would never send at that rate. */
static void sent_at_rate(const struct ak_core *core, const struct ak_tcb *t, struct ak_transfer *x, uint32_t bytes) {
    struct ak_rate *c = ak_rate_of(core, x);
    uint64_t rate = ak_max_u64(1, c->pacing_rate);
    uint64_t late_us = c->pace_waits ? ak_min_u64(t->srtt_us / 4, LATE_CREDIT_US) : 0;
    uint64_t credit_us = ak_max_u64(QUANTUM_US, late_us);
    uint64_t earliest_us = core->now_us > credit_us ? core->now_us - credit_us : 0;
    uint64_t time = bytes * 1000000ull + c->pace_rest;
    if (x->pace_next_us < earliest_us) x->pace_next_us = earliest_us;
    x->pace_next_us += time / rate;
    c->pace_rest = time % rate;
}

void ak_pace_sent(struct ak_core *core, const struct ak_tcb *t, uint32_t bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->rate != AK_NONE) {
        sent_at_rate(core, t, x, bytes);
        return;
    }
    if (ak_settings_of(core, &t->sock)->pacing == 0) return;
    uint32_t free_bytes = ak_min_u32(x->pace_free_bytes, bytes);
    x->pace_free_bytes -= free_bytes;
    if (!paces(core, t)) return;
    uint64_t earliest_us = core->now_us > CREDIT_US ? core->now_us - CREDIT_US : 0;
    uint64_t takes_us = (uint64_t)(bytes - free_bytes) * t->srtt_us * 100 / ak_max_u64(1, bytes_per_100_trips(x));
    x->pace_next_us = ak_max_u64(x->pace_next_us, earliest_us) + takes_us;
}
