/* ICMP errors: RFC 9293 s3.9.2.2, judged as RFC 5927 and RFC 5461 advise.
 *
 * An error counts only if the sequence number that it quotes is in flight, which an off-path attacker has to guess.  A
 * hard error ends an attempt to connect (SYN-SENT); in every other state it is told and nothing more, since by then the
 * path has worked: a listed deviation from SHLD-26. */
#include "tcp/loss.h"

bool ak_tcp_icmp_error(struct ak_core *core, const struct ak_icmp_report *report) {
    ak_ref ref = ak_flow_find(core, report->tuple);
    if (ref == AK_NONE || ak_ref_class(ref) != AK_KIND_TCB) return false;
    struct ak_tcb *t = ak_tcb_at(core, ref);
    uint32_t in_flight = ak_seq_bytes(t->snd.una, t->snd.nxt);
    if (!ak_seq_in(ak_seq_of(report->seq), t->snd.una, in_flight)) return false; /* RFC 5927 s4.1 */
    if (report->reason == AKSU_REASON_PACKET_TOO_BIG) {
        ak_mtu_too_big(core, t, report);
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
