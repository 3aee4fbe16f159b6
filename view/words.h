/* The words that views print, in English and Korean.  English names of the protocol's own things (states, flags, calls,
 * options) are the same in both.  Every function answers a static text, also for values out of range ("?"). */
#ifndef VIEW_WORDS_H
#define VIEW_WORDS_H

#include "aksu/trace.h"

typedef enum ak_lang { AK_LANG_EN, AK_LANG_KO, AK_LANG_COUNT } ak_lang;

#define AK_WORDS(X)                                                                                                    \
    X(TIME_MS, "ms", "ms")                                                                                             \
    X(RTT, "RTT", "RTT")                                                                                               \
    X(HERE, "this host", "이 호스트")                                                                                  \
    X(PEER, "peer", "상대 호스트")                                                                                     \
    X(LATER, "later", "뒤")                                                                                            \
    X(DELIVERED, "delivered", "전달")                                                                                  \
    X(TOLD, "told", "알림")                                                                                            \
    X(DROPPED, "dropped", "버림")                                                                                      \
    X(LOST, "lost", "유실")                                                                                            \
    X(DUPLICATE, "duplicated on the way", "도중에 중복됨")                                                             \
    X(RETRANSMISSION, "retransmission", "재전송")                                                                      \
    X(JUDGED_LOST, "judged lost", "유실로 판단")                                                                       \
    X(TIMER, "timer", "타이머")                                                                                        \
    X(OMITTED, "rows left out: more than the limit", "생략된 줄: 한도 초과")                                           \
    X(CONNECTION, "connection", "연결")                                                                                \
    X(PACKET, "packet", "패킷")                                                                                        \
    X(PAYLOAD, "payload", "페이로드")                                                                                  \
    X(BYTES, "bytes", "바이트")                                                                                        \
    X(MEMORY, "memory", "메모리")                                                                                      \
    X(SYN_QUEUE, "SYN queue", "SYN 큐")                                                                                \
    X(ACCEPT_QUEUE, "accept queue", "수락 대기 큐")

typedef enum ak_word {
#define AK_X(name, english, korean) AK_WORD_##name,
    AK_WORDS(AK_X)
#undef AK_X
        AK_WORD_COUNT
} ak_word;

const char *ak_word_text(ak_lang lang, ak_word word);
const char *ak_word_state(aksu_tcp_state state);                     /* "SYN-SENT" */
const char *ak_word_drop(ak_lang lang, aksu_drop drop);              /* "outside the receive window" */
const char *ak_word_reason(ak_lang lang, aksu_reason reason);        /* "refused" */
const char *ak_word_err(ak_lang lang, aksu_err err);                 /* "try again later" */
const char *ak_word_send_cause(ak_lang lang, aksu_send_cause cause); /* "window probe" */
const char *ak_word_state_cause(ak_lang lang, aksu_state_cause cause);
const char *ak_word_timer(ak_lang lang, aksu_timer timer);
const char *ak_word_timer_action(ak_lang lang, aksu_timer_action action);
const char *ak_word_call(aksu_call call);
const char *ak_word_cc_mode(ak_lang lang, aksu_cc_mode mode);
const char *ak_word_cwnd_cause(ak_lang lang, aksu_cwnd_cause cause);
const char *ak_word_loss_cause(ak_lang lang, aksu_loss_cause cause);
const char *ak_word_event_bit(ak_lang lang, uint32_t bit); /* one AKSU_EV_ bit: "connected" */

/* The flags that are set, in the order of the header (AE CWR ECE URG ACK PSH RST SYN FIN): "ACK,SYN"; "-" for none. */
#define AK_FLAGS_TEXT_BYTES 40
typedef enum ak_flags_view { AK_FLAGS_NINE, AK_FLAGS_CLASSIC_SIX } ak_flags_view;
const char *ak_word_flags(uint16_t flags, ak_flags_view view, char buf[AK_FLAGS_TEXT_BYTES]);

#endif /* VIEW_WORDS_H */
