/* SYN cookies: RFC 4987 s3.6.  The half-open record travels with the peer, in our ISS and in the timestamp he echoes.
 */
#ifndef AK_TCP_SYNCOOKIE_H
#define AK_TCP_SYNCOOKIE_H

#include "tcp/tcp.h"

/* Answers a SYN by a SYN,ACK that carries all we need to know. */
void ak_syncookie_answer(struct ak_core *core, const struct ak_seg *seg, ak_ref listener);
/* An ACK to a listener: makes the connection if it returns a cookie of ours (GONE), NEXT if not. */
enum ak_verdict ak_syncookie_ack(struct ak_core *core, struct ak_seg *seg, ak_ref listener, aksu_drop *ret_drop);

#endif
