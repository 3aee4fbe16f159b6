/* TCP Fast Open: RFC 7413. */
#ifndef AK_TCP_FASTOPEN_H
#define AK_TCP_FASTOPEN_H

#include "tcp/tcp.h"

/* What a client remembers of a server: a cookie, how much fits beside it, and whether the path swallows such SYNs. */
struct ak_fast_open_path {
    aksu_addr remote;
    uint8_t cookie[AKSU_FAST_OPEN_COOKIE_MAX];
    uint8_t cookie_bytes; /* 0: none */
    bool broken;
    uint16_t mss;
    uint32_t broken_until; /* idle clock */
};
#define AK_FAST_OPEN_COOKIE_BYTES 8u

/* Client: what the SYN carries.  Bytes of data that may ride on it; 0: none (a cookie is asked for, or the path is
 * broken). */
uint32_t ak_fast_open_syn(const struct ak_core *core, const struct ak_tcb *t, aksu_tcp_options *options);
/* Client: the SYN,ACK has come. */
void ak_fast_open_learn(struct ak_core *core, struct ak_tcb *t, const struct ak_seg *seg);
/* Client: the first SYN was lost with what it carried. */
void ak_fast_open_lost(struct ak_core *core, struct ak_tcb *t);

/* Server: a SYN with the option.  DONE: its data is accepted and a connection stands in SYN-RECEIVED; NEXT: an ordinary
 * SYN, to be answered with a cookie. */
enum ak_verdict ak_fast_open_accept(struct ak_core *core, struct ak_seg *seg, ak_ref listener, aksu_drop *ret_drop);
/* Server: the cookie for a peer. */
void ak_fast_open_cookie(const struct ak_core *core, const struct ak_tuple *tuple, aksu_tcp_options *options);
/* Server: a connection begun by data on SYN is established, or over. */
void ak_fast_open_settled(struct ak_core *core, struct ak_tcb *t, aksu_reason reason);

#endif
