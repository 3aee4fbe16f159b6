/* NewReno: RFC 5681 with byte counting (RFC 3465) and RFC 6582's recovery.  The window here is that of bytes in flight:
 * what RFC 6582 calls inflation is the flight getting smaller by each duplicate ACK (loss.c), so cwnd stays at ssthresh
 * in recovery. */
#include "tcp/cc.h"

static void newreno_init(struct ak_transfer *x) {
    x->cc.newreno.acked_bytes = 0;
}

static void newreno_on_ack(struct ak_transfer *x, const struct ak_cc_ack *ack) {
    /* RFC 7661: a window that was not used says nothing about the path. */
    bool used = ack->in_flight_bytes + 2 * ack->mss_bytes >= x->cwnd ||
                (x->cwnd < x->ssthresh && ack->in_flight_bytes >= x->cwnd / 2);
    if (!used) return;
    if (x->cwnd < x->ssthresh) {
        /* RFC 5681 s3.1 (2), RFC 9406's L: super-segments acknowledge many segments at once and count in full, except
         * after an RTO. */
        uint32_t limit = x->in_recovery == AK_RECOVERY_RTO ? ack->mss_bytes : ack->acked_bytes;
        x->cwnd += ak_min_u32(ack->acked_bytes, limit);
        return;
    }
    x->cc.newreno.acked_bytes += ack->acked_bytes; /* s3.1 (3) by bytes */
    if (x->cc.newreno.acked_bytes >= x->cwnd) {
        x->cc.newreno.acked_bytes -= x->cwnd;
        x->cwnd += ack->mss_bytes;
    }
}

/* RFC 5681 s3.1 (4): max(FlightSize / 2, 2 SMSS). */
static uint32_t half(uint32_t in_flight_bytes, uint32_t mss_bytes) {
    return ak_max_u32(in_flight_bytes / 2, 2 * mss_bytes);
}

static void newreno_on_loss(struct ak_transfer *x, uint32_t in_flight_bytes, uint32_t mss_bytes) {
    x->ssthresh = half(in_flight_bytes, mss_bytes);
    x->cwnd = x->ssthresh;
    x->cc.newreno.acked_bytes = 0;
}

static void newreno_on_rto(struct ak_transfer *x, uint32_t in_flight_bytes, uint32_t mss_bytes) {
    x->ssthresh = half(in_flight_bytes, mss_bytes);
    x->cwnd = mss_bytes;
    x->cc.newreno.acked_bytes = 0;
}

const struct ak_cc_ops ak_cc_newreno = {
    .name = "newreno",
    .init = newreno_init,
    .on_ack = newreno_on_ack,
    .on_loss = newreno_on_loss,
    .on_rto = newreno_on_rto,
};

static const struct ak_cc_ops *const algorithm[] = {&ak_cc_newreno};
#define ALGORITHM_COUNT (sizeof algorithm / sizeof algorithm[0])

const struct ak_cc_ops *ak_cc_at(uint64_t index) {
    return algorithm[index < ALGORITHM_COUNT ? index : 0];
}

const char *aksu_cc_name(unsigned index) {
    return index < ALGORITHM_COUNT ? algorithm[index]->name : NULL;
}

int aksu_cc_index(const char *name) {
    for (unsigned i = 0; i < ALGORITHM_COUNT; i++) {
        const char *a = algorithm[i]->name;
        const char *b = name;
        while (*a != '\0' && *a == *b) a++, b++;
        if (*a == *b) return (int)i;
    }
    return -1;
}
