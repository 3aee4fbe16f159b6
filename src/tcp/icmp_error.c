/* ICMP errors: RFC 9293 s3.9.2.2, judged as RFC 5927 and RFC 5461 advise.
 *
 * An error counts only if the sequence number that it quotes is in flight, which an off-path attacker has to guess.  A
 * hard error ends an attempt to connect (SYN-SENT); in every other state it is told and nothing more, since by then the
 * path has worked: a listed deviation from SHLD-26. */
#include "tcp/loss.h"
#include "wire/ip.h"

/* RFC 1191 s6.3, RFC 8201 s4, RFC 5927 s7.2: a smaller packet size for what is in flight.  Never below what every path
 * of the family must carry. */
static void packet_too_big(struct ak_core *core, struct ak_tcb *t, uint32_t mtu) {
    enum { MTU_FLOOR_V4 = 576, MTU_FLOOR_V6 = 1280 };
    mtu = ak_max_u32(mtu, ak_addr_is_v4(&t->tuple.remote) ? MTU_FLOOR_V4 : MTU_FLOOR_V6);
    if (mtu >= t->path_mtu) return;
    uint32_t mss_before = ak_tcp_effective_mss(core, t, 0);
    t->path_mtu = (uint16_t)mtu;
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    uint32_t mss = ak_tcp_effective_mss(core, t, 0);
    if (mss < mss_before) /* RFC 5681 s3.1: as many segments as before, not as many bytes */
        x->cwnd = ak_max_u32((uint32_t)((uint64_t)x->cwnd * mss / mss_before), mss);
    for (uint32_t i = x->record_head; i != AK_NONE; i = ak_record_at(core, i)->next) {
        if (ak_record_at(core, i)->segment_bytes > mss) ak_record_mark_lost(core, t, i, AKSU_LOSS_BY_RTO);
    }
    ak_tcp_want_output(core, t);
}

bool ak_tcp_icmp_error(struct ak_core *core, const struct ak_icmp_report *report) {
    ak_ref ref = ak_flow_find(core, report->tuple);
    if (ref == AK_NONE || ak_ref_class(ref) != AK_KIND_TCB) return false;
    struct ak_tcb *t = ak_tcb_at(core, ref);
    uint32_t in_flight = ak_seq_bytes(t->snd.una, t->snd.nxt);
    if (!ak_seq_in(ak_seq_of(report->seq), t->snd.una, in_flight)) return false; /* RFC 5927 s4.1 */
    if (report->reason == AKSU_REASON_PACKET_TOO_BIG) {
        packet_too_big(core, t, report->mtu);
        return true;
    }
    if (t->state == AK_TCP_SYN_SENT && report->hard) {
        t->soft_error = (uint8_t)report->reason;
        ak_tcp_end(core, t, AKSU_REASON_UNREACHABLE, AKSU_STATE_BY_ICMP);
        return true;
    }
    ak_tcp_soft_error(core, t, report->reason); /* MUST-47, MUST-56, SHLD-25 */
    return true;
}
