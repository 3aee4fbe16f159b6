/* Path MTU by what routers say: RFC 1191, RFC 8201, checked as RFC 5927 s7.2 asks.
 *
 * A message that says less than what has gone through before is not believed at once.  It waits until what it quotes
 * is found lost, by whatever finds losses; it is forgotten when that arrives after all, or when something larger than
 * it allows arrives that was sent later.  So a forged message costs nothing on a path that works: what is sent next in
 * full size disproves it, also where the network loses some.  A message about a size that never went through is
 * believed at once: that is discovery (s7.2, "Initial Path-MTU Discovery").  One about a size larger than all that is
 * in flight is not believed at all.
 *
 * The size that went through is known as long as the transfer: after an idle time discovery begins anew. */
#include "tcp/loss.h"
#include "wire/ip.h"

/* The text of a full segment if packets were so small. */
uint32_t ak_mtu_text_bytes(const struct ak_core *core, const struct ak_tcb *t, uint32_t mtu) {
    enum { TIMESTAMP_BYTES = 12 };
    uint32_t text = mtu - ak_tcp_ip_header_bytes(&t->tuple) - AK_TCP_HEADER_BYTES;
    if (t->flags & AK_F_TIMESTAMPS) text -= TIMESTAMP_BYTES;
    return ak_min_u32(text, ak_tcp_effective_mss(core, t, 0));
}

void ak_mtu_lower(struct ak_core *core, struct ak_tcb *t, uint32_t mtu) {
    uint32_t mss_before = ak_tcp_effective_mss(core, t, 0);
    t->path_mtu = (uint16_t)mtu;
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    if (mss < mss_before) /* RFC 5681 s3.1: as many segments as before, not as many bytes */
        x->cwnd = ak_max_u32((uint32_t)((uint64_t)x->cwnd * mss / mss_before), mss);
    x->mtu.pending = 0;
    ak_tcp_want_output(core, t);
}

/* Whether a record's segments are larger than that. */
static bool is_larger(const struct ak_record *r, uint32_t text_bytes) {
    return ak_min_u32(r->segment_bytes, r->bytes) > text_bytes;
}

/* The oldest are enough to go on with: loss detection finds the rest of a long flight, and no message makes us walk it.
 */
enum { STEPS = 64 };

/* RFC 5927 s7.2: a message about something larger than all that was sent is forged. */
static bool sent_larger(struct ak_core *core, const struct ak_transfer *x, uint32_t text_bytes) {
    uint32_t at = x->record_head;
    for (int i = 0; i < STEPS && at != AK_NONE; i++) {
        const struct ak_record *r = ak_record_at(core, at);
        core->counters.loss_steps++;
        if (is_larger(r, text_bytes)) return true;
        at = r->next;
    }
    return false;
}

/* What cannot have arrived. */
static void too_large_lost(struct ak_core *core, struct ak_tcb *t) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    uint32_t at = x->record_head;
    for (int i = 0; i < STEPS && at != AK_NONE; i++) {
        core->counters.loss_steps++;
        const struct ak_record *r = ak_record_at(core, at);
        if (is_larger(r, mss)) ak_record_mark_lost(core, t, at, AKSU_LOSS_BY_RTO);
        at = r->next;
    }
}

void ak_mtu_too_big(struct ak_core *core, struct ak_tcb *t, const struct ak_icmp_report *report) {
    enum { FLOOR_V6 = 1280 }; /* RFC 8201 s4 */
    uint32_t floor = (uint32_t)ak_settings_of(core, &t->sock)->mtu_floor_bytes;
    uint32_t mtu = ak_max_u32(report->mtu, ak_addr_is_v4(&t->tuple.remote) ? floor : FLOOR_V6);
    if (mtu >= t->path_mtu) return;
    struct ak_transfer *x = ak_transfer_of(core, t);
    uint32_t text_bytes = ak_mtu_text_bytes(core, t, mtu);
    if (x == NULL || !sent_larger(core, x, text_bytes)) return;
    if (x->mtu.proven_bytes <= text_bytes) {
        ak_mtu_lower(core, t, mtu);
        ak_plpmtud_told(core, t);
        too_large_lost(core, t);
        return;
    }
    if (x->mtu.pending == 0) x->mtu.pending_seq = ak_seq_of(report->seq);
    x->mtu.pending = (uint16_t)mtu;
    x->mtu.pending_bytes = text_bytes;
}

void ak_mtu_arrived(struct ak_tcb *t, struct ak_transfer *x, const struct ak_record *r, uint32_t bytes) {
    uint32_t size = ak_min_u32(r->segment_bytes, bytes);
    x->mtu.proven_bytes = ak_max_u32(x->mtu.proven_bytes, size);
    if (x->mtu.probe != 0) ak_plpmtud_arrived(t, x, r, bytes);
    if (x->mtu.pending == 0 || ak_seq_le(ak_seq_add(r->seq, bytes), x->mtu.pending_seq)) return;
    if (size > x->mtu.pending_bytes || ak_seq_le(r->seq, x->mtu.pending_seq)) x->mtu.pending = 0;
}

void ak_mtu_lost(struct ak_core *core, struct ak_tcb *t, ak_seq seq, uint32_t bytes) {
    const struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->mtu.probe != 0) ak_plpmtud_lost(core, t, seq, bytes);
    if (x->mtu.pending == 0 || !ak_seq_in(x->mtu.pending_seq, seq, bytes)) return;
    ak_mtu_lower(core, t, x->mtu.pending);
    ak_plpmtud_told(core, t);
}
