/* What an off-path attacker must not guess: initial sequence numbers (RFC 6528), timestamp offsets (RFC 7323 s5.4),
 * ephemeral ports (RFC 6056) and the order of the connection table.  A key for each use. */
#include "tcp/tcp.h"

_Static_assert(sizeof(struct ak_tuple) == 36, "hashed as bytes: no padding");

uint32_t ak_tuple_hash(const struct ak_core *core, const struct ak_tuple *tuple) {
    return (uint32_t)ak_siphash13(&core->key[AK_KEY_TABLE], tuple, sizeof *tuple);
}

uint32_t ak_ref_hash(const void *owner, ak_ref ref) {
    const struct ak_core *core = owner;
    const struct ak_tuple *tuple;
    if (ak_ref_class(ref) == AK_KIND_TCB)
        tuple = &ak_tcb_at(core, ref)->tuple;
    else if (ak_ref_class(ref) == AK_KIND_SYN)
        tuple = &ak_syn_at(core, ref)->tuple;
    else
        tuple = &ak_time_wait_at(core, ref)->tuple;
    return ak_tuple_hash(core, tuple);
}

bool ak_tuple_equal(const struct ak_tuple *a, const struct ak_tuple *b) {
    return ak_equal(a, b, sizeof *a);
}

ak_ref ak_flow_find(const struct ak_core *core, const struct ak_tuple *tuple) {
    ak_ref ref = ak_table_first(&core->flows, ak_tuple_hash(core, tuple));
    while (ref != AK_NONE) {
        const struct ak_tuple *other;
        if (ak_ref_class(ref) == AK_KIND_TCB)
            other = &ak_tcb_at(core, ref)->tuple;
        else if (ak_ref_class(ref) == AK_KIND_SYN)
            other = &ak_syn_at(core, ref)->tuple;
        else
            other = &ak_time_wait_at(core, ref)->tuple;
        if (ak_tuple_equal(tuple, other)) return ref;
        ref = ak_table_next(&core->flows, ref);
    }
    return AK_NONE;
}

/* MUST-8, MUST-9, SHLD-1: M, a counter of 4 us, plus a keyed function of the four-tuple. */
ak_seq ak_tcp_isn(const struct ak_core *core, const struct ak_tuple *tuple) {
    uint32_t m = (uint32_t)((core->now_us + core->random_epoch_us) / 4);
    return ak_seq_of(m + (uint32_t)ak_siphash24(&core->key[AK_KEY_ISN], tuple, sizeof *tuple));
}

/* Stable across incarnations of a four-tuple (RFC 6191 needs it), unrelated between four-tuples. */
uint32_t ak_tcp_timestamp_offset(const struct ak_core *core, const struct ak_tuple *tuple) {
    return (uint32_t)ak_siphash24(&core->key[AK_KEY_TIMESTAMP], tuple, sizeof *tuple);
}

uint32_t ak_tcp_flow_label(const struct ak_core *core, uint32_t ts_offset) {
    return (uint32_t)ak_siphash13(&core->key[AK_KEY_FLOW_HASH], &ts_offset, sizeof ts_offset) & 0xfffff;
}

/* A clock of 1 ms, RFC 7323 s5.4. */
uint32_t ak_tcp_timestamp(const struct ak_core *core, uint32_t offset) {
    return (uint32_t)(core->now_us / 1000) + offset;
}

/* RFC 6056 s3.3.1: at random, and when that has found none, all from a random one on. */
bool ak_tcp_port_choose(struct ak_core *core, struct ak_tuple *tuple) {
    enum { AT_RANDOM = 16 };
    uint32_t first = core->config.port_first;
    uint32_t count = core->config.port_last - first + 1;
    uint32_t start = 0;
    for (uint32_t i = 0; i < AT_RANDOM + count; i++) {
        if (i <= AT_RANDOM) start = ak_prng_below(&core->prng, count);
        uint32_t on = i > AT_RANDOM ? i - AT_RANDOM : 0;
        tuple->local_port = (uint16_t)(first + (start + on) % count);
        if (ak_flow_find(core, tuple) == AK_NONE) return true;
    }
    return false;
}
