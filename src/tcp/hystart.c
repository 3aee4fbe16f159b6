/* HyStart++: RFC 9406.  Slow start measures the least round trip of each round; when it has grown, the queue is
 * filling, and a more careful growth (Conservative Slow Start) finds out whether it was only a wobble.
 *
 * The growth per ACK is not bounded (L of s4.2 is infinite): one ACK here may stand for a super-segment of many. */
#include "tcp/cc.h"

enum {
    LEAST_THRESH_US = 4000,
    MOST_THRESH_US = 16000,
    RTT_DIVISOR = 8,
    RTT_SAMPLES = 8,
    CSS_DIVISOR = 4,
    CSS_ROUNDS = 5
};

void ak_hystart_init(struct ak_hystart *h) {
    *h = (struct ak_hystart){.phase = AK_HYSTART_NEW, .last_us = UINT32_MAX, .current_us = UINT32_MAX};
}

void ak_hystart_stop(struct ak_hystart *h) {
    h->phase = AK_HYSTART_OVER;
}

static void round_begins(struct ak_hystart *h, const struct ak_cc_ack *ack) {
    h->last_us = h->current_us;
    h->current_us = UINT32_MAX;
    h->sample_count = 0;
    h->round_end = ack->nxt;
}

/* s4.2: RttThresh = max(MIN_RTT_THRESH, min(lastRoundMinRTT / MIN_RTT_DIVISOR, MAX_RTT_THRESH)) */
static bool delay_grew(const struct ak_hystart *h) {
    if (h->sample_count < RTT_SAMPLES || h->current_us == UINT32_MAX || h->last_us == UINT32_MAX) return false;
    uint32_t threshold_us = ak_max_u32(LEAST_THRESH_US, ak_min_u32(h->last_us / RTT_DIVISOR, MOST_THRESH_US));
    return h->current_us >= h->last_us + threshold_us;
}

static void sample(struct ak_hystart *h, uint32_t rtt_us, uint32_t count) {
    if (rtt_us == 0) return;
    h->current_us = ak_min_u32(h->current_us, rtt_us);
    h->sample_count = (uint8_t)ak_min_u32(h->sample_count + count, RTT_SAMPLES);
    if (h->phase == AK_HYSTART_SLOW_START && delay_grew(h)) {
        h->phase = AK_HYSTART_CONSERVATIVE;
        h->baseline_us = h->current_us;
        h->css_rounds = 0;
    } else if (h->phase == AK_HYSTART_CONSERVATIVE && h->sample_count >= RTT_SAMPLES &&
               h->current_us < h->baseline_us) {
        h->phase = AK_HYSTART_SLOW_START; /* the delay went down again: the exit was spurious */
    }
}

void ak_hystart_on_ack(struct ak_transfer *x, struct ak_hystart *h, const struct ak_cc_ack *ack) {
    uint32_t bytes = ak_cc_slow_start_bytes(x, ack);
    if (h->phase == AK_HYSTART_OVER) {
        x->cwnd += bytes;
        return;
    }
    if (h->phase == AK_HYSTART_NEW) {
        h->phase = AK_HYSTART_SLOW_START;
        h->round_end = ack->nxt;
    }
    sample(h, ack->rtt_us, ack->sample_count);
    x->cwnd += h->phase == AK_HYSTART_CONSERVATIVE ? bytes / CSS_DIVISOR : bytes;
    if (ak_seq_lt(ack->una, h->round_end)) return;
    round_begins(h, ack);
    if (h->phase != AK_HYSTART_CONSERVATIVE) return;
    h->css_rounds++;
    if (h->css_rounds < CSS_ROUNDS) return;
    x->ssthresh = x->cwnd; /* congestion avoidance begins */
    h->phase = AK_HYSTART_OVER;
}
