/* Path MTU by trying: RFC 4821 as RFC 8899 refines it, for paths whose routers say nothing.
 *
 *     black hole   a full segment times out three times while less might pass: down to the base (RFC 8899 s4.3, RFC
 *                  4821 s7.7), and after two more to the least that the family promises
 *     search       from there, or from the start where the settings say so: a probe is one segment of new data that is
 *                  larger than the others, alone in its frame.  The largest possible is tried first, since mostly it
 *                  is right; then halves, until what is left is not worth a probe
 *     complete     after ten minutes the search begins again (RFC 8899 s5.1.1, PMTU_RAISE_TIMER)
 *
 * A probe goes only while nothing is lost and enough follows it to tell soon whether it arrived.  Its loss alone is no
 * sign of congestion (RFC 4821 s7.6.1, RFC 8899 s3): it goes again in segments of the size in use, and the window
 * stays.  Three losses of a size are its failure (MAX_PROBES).  What has failed is known as long as the transfer. */
#include "tcp/loss.h"
#include "wire/ip.h"

enum {
    BASE_V4 = 1200,   /* RFC 8899 s5.1.2, BASE_PLPMTU */
    BASE_V6 = 1280,   /* RFC 8200 s5 */
    MAX_PROBES = 3,   /* RFC 8899 s5.1.2 */
    WORTH_BYTES = 16, /* a difference not worth looking for */
    FOLLOW_SEGMENTS = 3,
};
#define RAISE_US 600000000ull /* RFC 8899 s5.1.1 */

static uint32_t base_of(const struct ak_tcb *t) {
    return ak_addr_is_v4(&t->tuple.remote) ? BASE_V4 : BASE_V6;
}

/* The most that the way there and the peer's MSS allow. */
static uint32_t most_of(struct ak_core *core, const struct ak_tcb *t) {
    uint32_t peer = t->snd.mss + ak_tcp_ip_header_bytes(&t->tuple) + AK_TCP_HEADER_BYTES;
    uint32_t most = ak_min_u32(peer, ak_link_state_at(core, t->link)->mtu);
    aksu_endpoint remote = {.addr = t->tuple.remote, .port = t->tuple.remote_port, .link = t->link};
    struct ak_path path;
    if (core->host.ops->resolve(core, &remote, &t->tuple.local, &path) == AKSU_OK) most = ak_min_u32(most, path.mtu);
    return ak_min_u32(most, 65535);
}

void ak_plpmtud_begin(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    x->mtu.next_us = AK_NEVER;
    x->mtu.probe = x->mtu.failed = 0;
    x->mtu.probes_lost = 0;
    bool searches = ak_settings_of(core, &t->sock)->mtu_probing != AKSU_MTU_PROBING_OFF;
    if (!searches || (uint32_t)t->path_mtu + WORTH_BYTES > ak_link_state_at(core, t->link)->mtu) return;
    x->mtu.most = (uint16_t)most_of(core, t);
    x->mtu.next_us = t->path_mtu <= base_of(t) ? core->now_us : core->now_us + RAISE_US;
}

void ak_plpmtud_told(struct ak_core *core, struct ak_tcb *t) {
    ak_plpmtud_begin(core, t);
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->mtu.next_us != AK_NEVER) x->mtu.next_us = core->now_us + RAISE_US;
}

void ak_plpmtud_established(struct ak_core *core, struct ak_tcb *t) {
    if (ak_settings_of(core, &t->sock)->mtu_probing != AKSU_MTU_PROBING_ALWAYS) return;
    t->path_mtu = (uint16_t)ak_min_u32(t->path_mtu, base_of(t));
    ak_plpmtud_begin(core, t);
}

/* The size to try next; 0: the search is complete. */
static uint32_t candidate(const struct ak_tcb *t, const struct ak_transfer *x) {
    uint32_t above = x->mtu.failed ? x->mtu.failed : x->mtu.most + 1u;
    if (t->path_mtu + (uint32_t)WORTH_BYTES >= above) return 0;
    return x->mtu.failed ? (t->path_mtu + above) / 2 : x->mtu.most;
}

/* Whether nothing is amiss that a probe could hide, or that could hide what becomes of it. */
static bool is_calm(const struct ak_tcb *t, const struct ak_transfer *x) {
    return x->in_recovery == AK_RECOVERY_NONE && x->lost_bytes == 0 && x->sacked_bytes == 0 && x->duplicate_acks == 0 &&
           !x->ecn_cwr_due && x->frto == AK_FRTO_OFF && (t->flags & (AK_F_TAIL_PROBE_DUE | AK_F_URGENT_SEND)) == 0;
}

uint32_t ak_plpmtud_probe_bytes(struct ak_core *core, const struct ak_tcb *t, uint32_t mss) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->mtu.next_us > core->now_us || x->mtu.probe != 0 || !is_calm(t, x)) return 0;
    x->mtu.most = (uint16_t)ak_min_u32(x->mtu.most, ak_link_state_at(core, t->link)->mtu);
    uint32_t size = candidate(t, x);
    if (size == 0) { /* until the next search */
        x->mtu.failed = 0;
        x->mtu.next_us = core->now_us + RAISE_US;
        return 0;
    }
    uint32_t bytes = mss + size - t->path_mtu;
    uint32_t with = bytes + FOLLOW_SEGMENTS * mss; /* RFC 4821 s7.4: enough to find its loss soon */
    uint32_t sent = ak_seq_bytes(t->snd.una, t->snd.nxt);
    bool fits = x->cwnd >= with && t->snd.wnd >= sent + with && ak_seq_lt(t->snd.nxt, x->send_end) &&
                ak_seq_bytes(t->snd.nxt, x->send_end) >= with;
    return fits && bytes <= (AK_FRAME_BLOCK_MAX - 1) * core->blocks.block_bytes ? bytes : 0;
}

void ak_plpmtud_sent(struct ak_core *core, struct ak_tcb *t, ak_seq seq) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    x->mtu.probe = (uint16_t)candidate(t, x);
    x->mtu.probe_seq = seq;
    core->counters.mtu_probes++;
}

void ak_plpmtud_arrived(struct ak_tcb *t, struct ak_transfer *x, const struct ak_record *r, uint32_t bytes) {
    if (x->mtu.probe == 0 || !ak_seq_in(x->mtu.probe_seq, r->seq, bytes)) return;
    bool whole = ak_seq_eq(r->seq, x->mtu.probe_seq) && bytes == r->segment_bytes;
    if (whole && (r->flags & AK_RECORD_RETRANSMITTED) == 0) {
        t->path_mtu = x->mtu.probe;
        x->mtu.probes_lost = 0;
    }
    x->mtu.probe = 0;
}

void ak_plpmtud_lost(struct ak_core *core, struct ak_tcb *t, ak_seq seq, uint32_t bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->mtu.probe == 0 || !ak_seq_in(x->mtu.probe_seq, seq, bytes)) return;
    x->mtu.probes_lost++;
    if (x->mtu.probes_lost >= MAX_PROBES) {
        x->mtu.failed = x->mtu.probe;
        x->mtu.probes_lost = 0;
    }
    x->mtu.probe = 0;
    x->mtu.excused_bytes += bytes;
    x->mtu.next_us = core->now_us + ak_tcp_rto_us(core, t);
}

bool ak_plpmtud_is_probe(const struct ak_transfer *x, ak_seq seq) {
    return x->mtu.probe != 0 && ak_seq_eq(x->mtu.probe_seq, seq);
}

void ak_plpmtud_timeout(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    const aksu_tcp_settings *settings = ak_settings_of(core, &t->sock);
    x->mtu.probe = 0; /* it tells nothing (RFC 4821 s7.6.2) */
    if (settings->mtu_probing == AKSU_MTU_PROBING_OFF || x->rto_backoff < 2 || x->rto_backoff % 2 != 0) return;
    uint32_t least = ak_addr_is_v4(&t->tuple.remote) ? (uint32_t)settings->mtu_floor_bytes : BASE_V6;
    uint32_t size = ak_max_u32(t->path_mtu > base_of(t) ? base_of(t) : least, least);
    const struct ak_record *r = ak_record_at(core, x->record_head);
    if (size >= t->path_mtu || ak_min_u32(r->bytes, r->segment_bytes) <= ak_mtu_text_bytes(core, t, size)) return;
    core->counters.mtu_black_holes++;
    ak_mtu_lower(core, t, size);
    ak_plpmtud_begin(core, t);
}
