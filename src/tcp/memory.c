/* Who may hold how many buffer blocks.
 *
 * All connections share one pool, and a peer decides how long what we have for it stays there: it may shut its window
 * and keep it shut.  Three rules keep one connection, or a thousand, from taking the pool from the others:
 *
 *   - A connection queues at most as many bytes as are still free, and promises no wider window (the dynamic threshold
 * of shared-memory switches): N greedy ones end at 1/(N+1) of the pool each, and 1/(N+1) stays free for the next.
 *   - The last sixteenth is for what comes in: without it nothing would be acknowledged, and nothing freed.  Text out
 *     of order is not taken from it.  Below an eighth no window grows.
 *   - Who finds no block, or could open his window but for the lack of them, waits in line, first come first served,
 *     until an eighth is free.  Text out of order does not keep him there: it is let go, the longest held first, since
 *     its sender still has it.
 *
 * And while less than an eighth is free, or somebody waits, a connection whose peer has kept its window shut for
 * config.evict_shut_us is given up when it would probe the next time: RFC 6429 s4.  Who is first is thus a matter of
 * when their probes are due; it goes on until there is room again.
 *
 * A waiting connection keeps its transfer, however idle it is: the place in the line is in it. */
#include "tcp/tcp.h"

uint64_t ak_memory_share_bytes(const struct ak_core *core) {
    const struct ak_pool *pool = &core->blocks.pool;
    return (uint64_t)ak_pool_free(pool) * core->blocks.block_bytes;
}

bool ak_memory_may_send(const struct ak_core *core) {
    const struct ak_pool *pool = &core->blocks.pool;
    return ak_pool_free(pool) > pool->limit / 16;
}

bool ak_memory_may_hold(const struct ak_core *core) {
    const struct ak_pool *pool = &core->blocks.pool;
    return ak_pool_free(pool) >= pool->limit / 16;
}

bool ak_memory_may_widen(const struct ak_core *core) {
    const struct ak_pool *pool = &core->blocks.pool;
    return ak_pool_free(pool) >= pool->limit / 8;
}

bool ak_memory_evicts(const struct ak_core *core, const struct ak_transfer *x) {
    uint64_t evict_us = core->config.evict_shut_us;
    bool is_short = core->starving.head != AK_NONE || !ak_memory_may_widen(core);
    return evict_us != 0 && is_short && core->now_us - x->shut_us >= evict_us;
}

/* ---------------------------------------------------------------- text out of order */

void ak_memory_ranges_begin(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (!ak_ranges_reserve(&x->ranges, &core->blocks) || ak_link_linked(&x->holding)) return;
    x->owner = ak_tcb_ref(core, t);
    ak_list_push_back(&core->holding, &core->holding_lens, ak_ref_of(AK_KIND_TRANSFER, t->transfer));
}

void ak_memory_ranges_end(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (!ak_link_linked(&x->holding)) return;
    ak_ranges_clear(&x->ranges, &core->blocks);
    ak_list_remove(&core->holding, &core->holding_lens, ak_ref_of(AK_KIND_TRANSFER, t->transfer));
}

/* RFC 2018 s8: what was only selectively acknowledged may be let go, and comes again. */
static void let_go(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    x->ranges_untold = 0;
    x->out_of_order_bytes = 0;
    ak_flags_clear(t, AK_F_PEER_FIN_HELD);
    ak_stream_cut(&x->receive, &core->blocks, t->rcv.nxt);
    ak_memory_ranges_end(core, t);
    ak_drop_count(core, AKSU_DROP_TCP_NO_MEMORY);
    if (t->state != AK_TCP_CLOSED && t->state != AK_TCP_TIME_WAIT) ak_transfer_idle_soon(core, t);
}

void ak_memory_relieve(struct ak_core *core) {
    const struct ak_pool *blocks = &core->blocks.pool;
    while (ak_pool_free(blocks) <= blocks->limit / 8 && core->holding.head != AK_NONE) {
        const struct ak_transfer *x = ak_object(core, AK_KIND_TRANSFER, ak_ref_index(core->holding.head));
        let_go(core, ak_tcb_at(core, x->owner));
    }
}

/* ---------------------------------------------------------------- the line */

void ak_memory_wait(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (!ak_memory_may_send(core)) ak_memory_relieve(core);
    if (ak_link_linked(&x->starving)) return;
    x->owner = ak_tcb_ref(core, t);
    ak_list_push_back(&core->starving, &core->starving_lens, ak_ref_of(AK_KIND_TRANSFER, t->transfer));
}

void ak_memory_leave(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (!ak_link_linked(&x->starving)) return;
    ak_list_remove(&core->starving, &core->starving_lens, ak_ref_of(AK_KIND_TRANSFER, t->transfer));
}

bool ak_memory_waits(const struct ak_transfer *x) {
    return ak_link_linked(&x->starving);
}

bool ak_memory_can_feed(const struct ak_core *core) {
    const struct ak_pool *records = &core->pool[AK_KIND_RECORD];
    const struct ak_pool *blocks = &core->blocks.pool;
    return core->starving.head != AK_NONE && ak_pool_free(blocks) > blocks->limit / 8 &&
           ak_pool_free(records) > records->limit / 8;
}

void ak_memory_feed(struct ak_core *core) {
    enum { AT_A_TIME = 8 }; /* what they take is known only when they have been told */
    for (int i = 0; i < AT_A_TIME && core->starving.head != AK_NONE; i++) {
        const struct ak_transfer *x = ak_object(core, AK_KIND_TRANSFER, ak_ref_index(core->starving.head));
        struct ak_tcb *t = ak_tcb_at(core, x->owner);
        ak_memory_leave(core, t);
        ak_tcp_want_output(core, t);
        ak_tcp_window_opened(core, t);
        if (ak_tcp_levels(core, x->owner) & AKSU_EV_WRITABLE) {
            ak_sock_unseen(&t->sock, AKSU_EV_WRITABLE);
            ak_tcp_tell(core, t, AKSU_EV_WRITABLE);
        }
        ak_transfer_idle_soon(core, t);
    }
}
