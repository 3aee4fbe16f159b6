/* HyStart++: RFC 9406.  Slow start measures the least round trip of each round; when it has grown, the queue is
 * filling, and a more careful growth (Conservative Slow Start) finds out whether it was only a wobble.
 *
 * A round's least trip is that of its first segments, and tells of the queue a round before: a window that goes out in
 * a burst may be up to four times what the path holds when it tells of it.  So the length of the train in which a
 * burst's ACKs come makes for care too (hybrid slow start, HR11, which RFC 9438 s4.10 names beside HyStart++): as long
 * as half a round trip, it says that the window is half of what the path holds, and what it lets go the other half.
 * HR11 ends slow start there; here it is CSS, and ends slow start if the train of the next round comes no faster than
 * this one: the path is full.  If all of CSS brings faster ones, because ACKs had been held up, or because another flow
 * makes room, slow start goes on, and no other train is looked at.
 *
 * The growth per ACK is not bounded (L of s4.2 is infinite): one ACK here may stand for a super-segment of many. */
#include "tcp/cc.h"

enum {
    LEAST_THRESH_US = 4000,
    MOST_THRESH_US = 16000,
    RTT_DIVISOR = 8,
    RTT_SAMPLES = 8,
    CSS_DIVISOR = 4,
    CSS_ROUNDS = 5,
    TRAIN_GAP_US = 2000,    /* HR11: ACKs with no more between them are of one train; or */
    TRAIN_GAP_DIVISOR = 16, /* so much of a round trip: drivers bring them in batches */
    FASTER_DIVISOR = 8,
    TRAIN_TRIP_US = 16000, /* on shorter paths a gap of that is no gap */
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
    if (h->train != AK_TRAIN_OFF) h->train = AK_TRAIN_NONE;
}

/* s4.2: RttThresh = max(MIN_RTT_THRESH, min(lastRoundMinRTT / MIN_RTT_DIVISOR, MAX_RTT_THRESH)) */
static bool delay_grew(const struct ak_hystart *h) {
    if (h->sample_count < RTT_SAMPLES || h->current_us == UINT32_MAX || h->last_us == UINT32_MAX) return false;
    uint32_t threshold_us = ak_max_u32(LEAST_THRESH_US, ak_min_u32(h->last_us / RTT_DIVISOR, MOST_THRESH_US));
    return h->current_us >= h->last_us + threshold_us;
}

static void care(struct ak_hystart *h, enum ak_hystart_phase phase, uint32_t baseline_us) {
    h->phase = (uint8_t)phase;
    h->baseline_us = baseline_us;
    h->css_rounds = 0;
}

static void over(struct ak_transfer *x, struct ak_hystart *h) {
    x->ssthresh = x->cwnd; /* congestion avoidance begins */
    h->phase = AK_HYSTART_OVER;
}

/* HR11 s3.1.  Pacing makes a train of every window, which says nothing. */
static void look_at_train(struct ak_transfer *x, struct ak_hystart *h, const struct ak_cc_ack *ack) {
    bool careful = h->phase == AK_HYSTART_TRAIN;
    uint32_t trip_us = careful ? h->baseline_us : ak_min_u32(h->last_us, h->current_us);
    uint32_t now_us = (uint32_t)ack->now_us;
    if (ack->paced || trip_us == UINT32_MAX || trip_us < TRAIN_TRIP_US || h->train >= AK_TRAIN_MEASURED) return;
    uint32_t gap_us = ak_max_u32(TRAIN_GAP_US, trip_us / TRAIN_GAP_DIVISOR);
    if (h->train == AK_TRAIN_NONE || now_us - h->train_last_us > gap_us) {
        h->train = AK_TRAIN_COMES;
        h->train_us = now_us;
        h->train_una = ack->una;
    }
    h->train_last_us = now_us;
    uint32_t took_us = now_us - h->train_us;
    if (took_us == 0 || took_us < trip_us / 2) return;
    h->train = AK_TRAIN_MEASURED;
    uint64_t rate = ak_seq_bytes(h->train_una, ack->una) * 1000000ull / took_us;
    bool faster = rate >= h->train_rate + h->train_rate / FASTER_DIVISOR;
    h->train_rate = rate;
    if (!careful)
        care(h, AK_HYSTART_TRAIN, trip_us);
    else if (!faster)
        over(x, h);
}

static void sample(struct ak_hystart *h, uint32_t rtt_us, uint32_t count) {
    if (rtt_us == 0) return;
    h->current_us = ak_min_u32(h->current_us, rtt_us);
    h->sample_count = (uint8_t)ak_min_u32(h->sample_count + count, RTT_SAMPLES);
    if (h->phase == AK_HYSTART_SLOW_START && delay_grew(h)) {
        care(h, AK_HYSTART_CONSERVATIVE, h->current_us);
    } else if (h->phase == AK_HYSTART_CONSERVATIVE && h->sample_count >= RTT_SAMPLES &&
               h->current_us < h->baseline_us) {
        h->phase = AK_HYSTART_SLOW_START; /* the delay went down again: the exit was spurious */
    }
}

static void round_ends(struct ak_transfer *x, struct ak_hystart *h) {
    if (h->phase == AK_HYSTART_SLOW_START || ++h->css_rounds < CSS_ROUNDS) return;
    if (h->phase == AK_HYSTART_CONSERVATIVE) {
        over(x, h);
        return;
    }
    h->phase = AK_HYSTART_SLOW_START;
    h->train = AK_TRAIN_OFF;
}

void ak_hystart_on_ack(struct ak_transfer *x, struct ak_hystart *h, const struct ak_cc_ack *ack) {
    uint32_t bytes = ak_cc_slow_start_bytes(x, ack);
    if (h->phase == AK_HYSTART_NEW) {
        h->phase = AK_HYSTART_SLOW_START;
        h->round_end = ack->nxt;
    }
    bool looks = h->phase == AK_HYSTART_SLOW_START || h->phase == AK_HYSTART_TRAIN;
    if (h->phase != AK_HYSTART_OVER) sample(h, ack->rtt_us, ack->sample_count);
    if (looks) look_at_train(x, h, ack);
    bool careful = h->phase == AK_HYSTART_CONSERVATIVE || h->phase == AK_HYSTART_TRAIN;
    x->cwnd += ak_min_u32(careful ? bytes / CSS_DIVISOR : bytes, x->ssthresh - x->cwnd);
    /* An end beyond SND.NXT is of a round so long ago that the numbers have come round. */
    bool goes_on = ak_seq_lt(ack->una, h->round_end) && ak_seq_le(h->round_end, ack->nxt);
    if (h->phase == AK_HYSTART_OVER || goes_on) return;
    round_begins(h, ack);
    round_ends(x, h);
}
