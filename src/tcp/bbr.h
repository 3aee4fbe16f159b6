/* BBR's state: draft-ietf-ccwg-bbr s2, in its words.  Rates are bytes a second, windows bytes; a value of all ones is
 * infinity. */
#ifndef AK_TCP_BBR_H
#define AK_TCP_BBR_H

#include "tcp/tcb.h"

/* BBR.ack_phase: what the ACKs that come now say about probing for bandwidth. */
enum ak_bbr_acks {
    AK_BBR_ACKS_INIT,
    AK_BBR_ACKS_REFILLING,
    AK_BBR_ACKS_PROBE_STARTING,
    AK_BBR_ACKS_PROBE_FEEDBACK,
    AK_BBR_ACKS_PROBE_STOPPING,
};

struct ak_bbr {
    /* the path's rate: s2.8.1 */
    uint64_t max_bw[2]; /* BBR.max_bw_filter: of the cycle before, and of this one */
    uint64_t bw, bw_shortterm, bw_latest, full_bw;
    /* and what it holds: s2.8.2 */
    uint32_t inflight_shortterm, inflight_longterm, inflight_latest;
    uint32_t prior_cwnd;
    uint32_t min_rtt_us, probe_rtt_min_us;
    uint64_t min_rtt_at_us, probe_rtt_min_at_us;
    uint64_t probe_rtt_done_us; /* 0: the flight is not small enough yet */
    uint64_t cycle_at_us;
    uint32_t wait_us; /* BBR.bw_probe_wait */

    /* round trips, counted by what is delivered */
    uint32_t round_count, round_end, loss_round_end;
    uint32_t drain_round, recovery_round, rounds_since_probe;

    uint32_t extra_delivered, extra_round;
    uint32_t extra[2]; /* BBR.extra_acked_filter: of the period before, and of this one */
    uint64_t extra_at_us;

    uint32_t up_acked, up_acked_per_inc;
    uint32_t lost_ranges; /* of this round */
    struct {
        uint64_t bw_shortterm;
        uint32_t inflight_shortterm, inflight_longterm;
        uint8_t mode; /* that the losses have ended; AKSU_CC_NONE */
    } undo;

    uint8_t mode; /* aksu_cc_mode */
    uint8_t acks; /* enum ak_bbr_acks */
    uint8_t full_bw_count, up_rounds;
    bool full_bw_now, full_bw_reached;
    bool round_start, loss_round_start, loss_in_round;
    bool idle_restart;
    bool probe_sample; /* BBR.is_bw_probe_sample */
    bool probe_too_high, probe_precautionary;
    bool probe_rtt_expired, probe_rtt_round_done;
    bool measured; /* a round trip is known: the pacing rate rests on it */
};

#endif
