/* Explains a capture: which TCP connections there are, in which state each end is, what was sent again, and why each
 * connection ended.
 *
 * Packets go in, in the order of the capture; connections come out when they are over, or at ak_explain_end.  What is
 * held is what is open, and for a while (AK_EXPLAIN_LINGER_NS) what has ended, in case something late belongs to it.
 *
 * A connection of which one end alone was heard, or that never came past its handshake, is held until it has been
 * silent for AK_EXPLAIN_OPENING_NS; of those, and of the ended ones, there are so many at most, and the oldest leaves
 * first.
 *
 * What a capture cannot show is not claimed: a state is known, likely or unknown (infer.h).  A packet that was captured
 * twice, when it left one interface and when it came to another, counts once; one that came from a host whose own
 * interface is in the capture and did not send it counts as foreign: forged, or a copy that the network made.  Where
 * the sender's interface is not in the capture a forged segment looks like its own; and a SYN,ACK that is a cookie
 * looks like one of SYN-RECEIVED, though its host keeps nothing. */
#ifndef VIEW_EXPLAIN_H
#define VIEW_EXPLAIN_H

#include "view/infer.h"
#include "view/ladder.h"
#include "view/packet.h"

#define AK_EXPLAIN_LINGER_NS   60000000000u
#define AK_EXPLAIN_ENDED_MAX   65536u /* kept for late segments at most */
#define AK_EXPLAIN_OPENING_NS  300000000000u
#define AK_EXPLAIN_OPENING_MAX 65536u

/* X(NAME, "in JSON", "English", "Korean").  %s: the end that `by` names. */
#define AK_ENDINGS(X)                                                                                                  \
    X(OPEN, "open", "still open", "아직 열려 있음")                                                                    \
    X(HALF_CLOSED, "half-closed", "half-closed: %s has closed, the other has not", "절반 닫힘: %s만 닫음")             \
    X(CLOSED, "closed", "closed, %s first", "닫힘, %s 먼저")                                                           \
    X(CLOSED_AT_ONCE, "closed-at-once", "closed by both at once", "양쪽이 동시에 닫음")                                \
    X(CLOSING, "closing", "closing: the last acknowledgment is missing", "닫는 중: 마지막 확인 응답이 없음")           \
    X(REFUSED, "refused", "refused by %s", "%s의 연결 거부")                                                           \
    X(UNANSWERED, "unanswered", "no answer to the SYN", "SYN에 응답 없음")                                             \
    X(UNFINISHED, "unfinished", "handshake not finished", "연결 수립이 끝나지 않음")                                   \
    X(BROKEN_OFF, "broken-off", "handshake broken off by %s", "%s의 연결 수립 중단")                                   \
    X(RESET, "reset", "reset by %s", "%s의 리셋")                                                                      \
    X(AFTER_CLOSE, "after-close", "reset by %s: data came after it had closed", "%s의 리셋: 닫은 뒤 데이터가 옴")      \
    X(HALF_OPEN, "half-open", "half-open: %s knew of no such connection", "반개방: %s에는 그런 연결이 없었음")         \
    X(REOPENED, "reopened", "half-open: %s began anew", "반개방: %s의 새 연결 시작")                                   \
    X(SILENT, "silent", "%s fell silent", "%s의 응답 끊김")

typedef enum ak_ending {
#define AK_X(name, json, english, korean) AK_END_##name,
    AK_ENDINGS(AK_X)
#undef AK_X
        AK_ENDING_COUNT
} ak_ending;

typedef struct ak_explained_side {
    uint64_t packets, bytes; /* bytes: of payload, without what was sent again */
    uint32_t retransmissions, reordered, probes, zero_windows, foreign;
} ak_explained_side;

/* A connection.  End 0 is the one that opened it, or that was seen first. */
typedef struct ak_explained {
    uint32_t number; /* from 1, in the order of their first packets */
    uint64_t first_ns, last_ns;
    aksu_endpoint end[2];
    ak_inferred state[2];
    ak_explained_side side[2];
    ak_ending ending;
    uint8_t by;          /* the end that the ending names */
    bool from_the_start; /* its SYN was captured */
} ak_explained;

/* A segment and what it has shown. */
typedef struct ak_explain_seen {
    uint32_t number;
    unsigned from; /* the end that sent it */
    uint64_t time_ns;
    const ak_packet *packet;
    const ak_inferred *state[2];
} ak_explain_seen;

typedef struct ak_explain_options {
    void *user;
    /* A connection is over, or the capture is; borrowed for the call. */
    void (*connection)(void *user, const ak_explained *explained);
    /* Rows (SEGMENT, STATE, GAP, CONNECTION) of the connection row_number, or of the first one if that is 0. */
    ak_row_sink *row;
    uint32_t row_number;
    /* NULL: nobody looks. */
    void (*seen)(void *user, const ak_explain_seen *seen);
    ak_numbers numbers;
    uint64_t gap_us;       /* as in ak_ladder_options */
    aksu_addr filter_addr; /* unspecified: any */
    uint16_t filter_port;  /* 0: any.  Either end's */
    uint64_t hash_key;     /* random, where the capture may be somebody else's work */
} ak_explain_options;

typedef struct ak_explain ak_explain;

/* NULL: no memory. */
ak_explain *ak_explain_open(const ak_explain_options *options);
void ak_explain_close(ak_explain *x);

/* A segment of the capture.  False: no memory. */
bool ak_explain_packet(ak_explain *x, uint64_t time_ns, const ak_packet *packet);

/* The capture is over: tells of all that is left, in the order of their numbers. */
void ak_explain_end(ak_explain *x);

/* How many connections so far, and the most that were held at once. */
uint32_t ak_explain_count(const ak_explain *x);
uint32_t ak_explain_held_max(const ak_explain *x);

const char *ak_ending_name(ak_ending ending);
/* "closed, A first"; ends are called A (0) and B (1). */
#define AK_ENDING_BYTES 160
const char *ak_ending_text(const ak_explained *explained, ak_lang lang, char buf[AK_ENDING_BYTES]);

#endif /* VIEW_EXPLAIN_H */
