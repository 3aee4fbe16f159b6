/* The tables behind words.h.  English comes from the X-macros of the public headers, so a new state or reason has its
 * name here at once; Korean tables are in the same order, and their sizes are held equal at compile time. */
#include "view/words.h"

#include "view/text.h"

#include <assert.h>

#define AK_NAMES(table, list)       static const char *const table[] = {list(AK_X)}
#define AK_SAME_COUNT(table, count) static_assert(sizeof(table) / sizeof((table)[0]) == (count), "a text for each")

static const char *const words[AK_LANG_COUNT][AK_WORD_COUNT] = {
#define AK_X(name, english, korean) english,
    {AK_WORDS(AK_X)},
#undef AK_X
#define AK_X(name, english, korean) korean,
    {AK_WORDS(AK_X)},
#undef AK_X
};

#define AK_X(name, text) text,
AK_NAMES(states, AKSU_TCP_STATES);
AK_NAMES(drops_en, AKSU_DROPS);
AK_NAMES(reasons_en, AKSU_REASONS);
AK_NAMES(send_causes_en, AKSU_SEND_CAUSES);
AK_NAMES(state_causes_en, AKSU_STATE_CAUSES);
AK_NAMES(timers_en, AKSU_TIMERS);
AK_NAMES(timer_actions_en, AKSU_TIMER_ACTIONS);
AK_NAMES(calls, AKSU_CALLS);
AK_NAMES(cwnd_causes_en, AKSU_CWND_CAUSES);
AK_NAMES(loss_causes_en, AKSU_LOSS_CAUSES);
AK_NAMES(cc_modes_en, AKSU_CC_MODES);
#undef AK_X

/* Designated, so that a reordered list in the public header cannot shift a translation. */
#define D(name, text) [AKSU_DROP_##name] = text
static const char *const drops_ko[] = {
    D(NONE, "버리지 않음"),
    D(LINK_UNKNOWN, "없거나 꺼진 링크"),
    D(FRAME_INVALID, "프레임 기술이 모순됨"),
    D(ETH_TRUNCATED, "이더넷 헤더보다 짧음"),
    D(ETH_TYPE, "다루지 않는 이더넷 유형"),
    D(ETH_VLAN, "우리 VLAN이 아님"),
    D(ETH_SOURCE, "이더넷 출발지가 그룹이거나 우리 자신임"),
    D(ETH_NOT_OURS, "이더넷 목적지가 우리가 아님"),
    D(ARP_TRUNCATED, "ARP 패킷이 너무 짧음"),
    D(ARP_FORMAT, "이더넷의 IPv4용 ARP가 아님"),
    D(ARP_SOURCE, "ARP 보낸 이가 여기 있을 수 없음"),
    D(NDP_TRUNCATED, "이웃 탐색 메시지가 너무 짧음"),
    D(NDP_HOP_LIMIT, "링크 밖에서 온 이웃 탐색"),
    D(NDP_SOURCE, "말할 수 없는 이가 보낸 이웃 탐색"),
    D(NDP_FIELD, "이웃 탐색 필드가 말이 안 됨"),
    D(NDP_OPTION, "이웃 탐색 옵션이 잘못됨"),
    D(NDP_FRAGMENT, "단편에 담긴 이웃 탐색(RFC 6980)"),
    D(NEIGHBOUR_FULL, "이웃을 더 둘 자리가 없음"),
    D(NEIGHBOUR_QUEUE, "이 이웃을 기다리는 것이 너무 많음"),
    D(NEIGHBOUR_SILENT, "이웃이 응답하지 않음"),
    D(IP_TRUNCATED, "IP 헤더보다 짧음"),
    D(IP_VERSION, "IPv4도 IPv6도 아님"),
    D(IP_HEADER_LENGTH, "IP 헤더 길이가 잘못됨"),
    D(IP_TOTAL_LENGTH, "IP 전체 길이가 잘못됨"),
    D(IP_CHECKSUM, "IP 체크섬이 틀림"),
    D(IP_SOURCE_ROUTE, "소스 라우팅"),
    D(IP_OPTIONS, "IP 옵션이 잘못됨"),
    D(IP_FRAGMENT, "여기서 모으지 않는 단편"),
    D(FRAGMENT_LENGTH, "데이터가 없거나 8바이트 단위가 아닌 단편"),
    D(FRAGMENT_TOO_LONG, "데이터그램의 한계를 넘는 단편"),
    D(FRAGMENT_HEADERS, "헤더가 모두 들어 있지 않은 첫 단편"),
    D(FRAGMENT_NESTED, "단편 안의 단편"),
    D(FRAGMENT_OVERLAP, "단편이 겹쳐 데이터그램을 버림"),
    D(FRAGMENT_END, "끝이 서로 다른 단편이라 데이터그램을 버림"),
    D(FRAGMENT_CONGESTION, "혼잡 표시가 서로 맞지 않는 단편"),
    D(FRAGMENT_DUPLICATE, "이미 온 단편"),
    D(FRAGMENT_GIVEN_UP, "이미 포기한 데이터그램의 단편"),
    D(FRAGMENT_NO_ROOM, "단편을 모을 자리가 없음"),
    D(FRAGMENT_EVICTED, "자리를 내주려고 버린 단편 묶음"),
    D(FRAGMENT_TIMEOUT, "제시간에 다 모이지 않은 데이터그램"),
    D(IP_MARTIAN_SOURCE, "있을 수 없는 출발지 주소"),
    D(IP_NOT_OURS, "목적지가 이 호스트가 아님"),
    D(IP_PROTOCOL, "쓰지 않는 프로토콜"),
    D(IP_BROADCAST, "브로드캐스트나 멀티캐스트로 옴"),
    D(ICMP_TRUNCATED, "ICMP 메시지가 너무 짧음"),
    D(ICMP_CHECKSUM, "ICMP 체크섬이 틀림"),
    D(ICMP_TYPE, "다루지 않는 ICMP 종류"),
    D(ICMP_QUOTE, "ICMP 오류가 인용한 것이 우리 것이 아님"),
    D(ICMP_ECHO_REPLY, "우리가 보낸 에코 요청에 대한 답이 아님"),
    D(TCP_TRUNCATED, "TCP 헤더보다 짧음"),
    D(TCP_DATA_OFFSET, "데이터 오프셋이 잘못됨"),
    D(TCP_CHECKSUM, "TCP 체크섬이 틀림"),
    D(TCP_OPTION_LENGTH, "옵션 길이가 잘못됨"),
    D(TCP_PORT_ZERO, "포트 0"),
    D(TCP_LAND, "출발지와 목적지가 같음"),
    D(TCP_NO_CONNECTION, "그런 연결이 없음"),
    D(TCP_FLAGS, "여기서 뜻이 없는 플래그"),
    D(TCP_PAWS, "이미 본 타임스탬프보다 오래됨(PAWS)"),
    D(TCP_TIMESTAMP_MISSING, "타임스탬프가 없음(RFC 7323 3.2절)"),
    D(TCP_SEQUENCE, "수신 윈도우 밖"),
    D(TCP_RST_OUTSIDE, "윈도우 밖의 RST"),
    D(TCP_RST_CHALLENGED, "윈도우 안이지만 정확하지 않은 RST"),
    D(TCP_RST_IGNORED, "이 상태에서는 RST를 무시함"),
    D(TCP_SYN_CHALLENGED, "동기화된 상태에 온 SYN"),
    D(TCP_NO_ACK, "ACK 비트가 없음"),
    D(TCP_ACK_TOO_OLD, "너무 오래된 확인 응답"),
    D(TCP_ACK_FUTURE, "보낸 적 없는 것의 확인 응답"),
    D(TCP_ACK_UNACCEPTABLE, "다른 연결 수립의 ACK"),
    D(TCP_AFTER_CLOSE, "닫은 뒤 온 데이터"),
    D(TCP_AFTER_FIN, "상대 FIN 뒤의 데이터"),
    D(TCP_DUPLICATE, "새로운 것이 없음"),
    D(TCP_BACKLOG_FULL, "수락 대기 큐가 가득 참"),
    D(TCP_SYN_CACHE_FULL, "SYN 큐가 가득 참"),
    D(TCP_COOKIE_INVALID, "SYN 쿠키가 틀리거나 오래됨"),
    D(TCP_NO_MEMORY, "메모리가 없음"),
    D(TCP_WINDOW_FULL, "윈도우나 남은 메모리를 넘음"),
    D(TCP_REFUSED, "애플리케이션이 거부함"),
    D(UDP_TRUNCATED, "UDP 헤더보다 짧음"),
    D(UDP_LENGTH, "UDP 길이가 8보다 작거나 패킷을 넘음"),
    D(UDP_PORT_ZERO, "UDP 포트 0"),
    D(UDP_CHECKSUM, "UDP 체크섬이 틀리거나 IPv6인데 없음"),
    D(UDP_NO_SOCKET, "이 UDP 포트를 쓰는 소켓이 없음"),
    D(UDP_QUEUE_FULL, "소켓의 큐가 가득 찼거나 메모리가 모자람"),
    D(REPLY_RING_FULL, "응답할 자리가 없음"),
    D(REPLY_RATE, "속도 제한으로 응답하지 않음"),
    D(NO_ROUTE, "보낼 길이 없음"),
};
AK_SAME_COUNT(drops_ko, AKSU_DROP_COUNT);
#undef D

#define D(name, text) [AKSU_REASON_##name] = text
static const char *const reasons_ko[] = {
    D(NONE, "없음"),
    D(CLOSED, "연결 해제됨"),
    D(RESET, "리셋됨"),
    D(REFUSED, "연결 거부됨"),
    D(TIMED_OUT, "시간 초과"),
    D(USER_TIMEOUT, "사용자 타임아웃"),
    D(KEEPALIVE, "상대가 죽음"),
    D(UNREACHABLE, "도달 불가"),
    D(ABORTED, "강제 종료됨"),
    D(EVICTED, "메모리 부족"),
    D(NET_UNREACHABLE, "네트워크 도달 불가"),
    D(HOST_UNREACHABLE, "호스트 도달 불가"),
    D(PROTOCOL_UNREACHABLE, "프로토콜 도달 불가"),
    D(PORT_UNREACHABLE, "포트 도달 불가"),
    D(PROHIBITED, "금지됨"),
    D(SOURCE_ROUTE_FAILED, "소스 라우팅 실패"),
    D(TTL_EXCEEDED, "홉 제한 초과"),
    D(PARAMETER_PROBLEM, "매개변수 문제"),
    D(PACKET_TOO_BIG, "패킷이 너무 큼"),
    D(RETRANSMITTING, "상대가 응답하지 않음"),
};
AK_SAME_COUNT(reasons_ko, AKSU_REASON_COUNT);
#undef D

#define D(name, text) [AKSU_SEND_##name##_CAUSE] = text
static const char *const send_causes_ko[] = {
    D(NONE, "없음"),
    D(OPEN, "연결 수립"),
    D(DATA, "데이터"),
    D(ACK, "확인 응답"),
    D(DELAYED_ACK, "지연 ACK"),
    D(DUPLICATE_ACK, "중복 ACK"),
    D(CHALLENGE, "챌린지 ACK"),
    D(WINDOW_UPDATE, "윈도우 갱신"),
    D(FIN, "연결 해제"),
    D(RESET, "리셋"),
    D(RTO, "재전송 타임아웃"),
    D(FAST_RETRANSMIT, "빠른 재전송"),
    D(PROBE, "윈도우 탐침"),
    D(KEEPALIVE, "Keep-Alive 탐침"),
    D(TAIL_LOSS_PROBE, "꼬리 유실 탐침"),
    D(URGENT, "긴급"),
};
AK_SAME_COUNT(send_causes_ko, AKSU_SEND_CAUSE_COUNT);
#undef D

#define D(name, text) [AKSU_TIMER_##name] = text
static const char *const timers_ko[] = {
    D(RETRANSMIT, "재전송"),
    D(PERSIST, "제로 윈도우"),
    D(DELAYED_ACK, "지연 ACK"),
    D(PACING, "전송 간격"),
    D(CORK, "모아 보내기"),
    D(KEEPALIVE, "Keep-Alive"),
    D(USER_TIMEOUT, "사용자 타임아웃"),
    D(TIME_WAIT, "2MSL"),
    D(FIN_WAIT_2, "FIN-WAIT-2"),
    D(LINGER, "링거"),
    D(SYN_ACK, "SYN,ACK"),
    D(IDLE, "유휴"),
    D(REORDERING, "순서 바뀜"),
    D(TAIL_LOSS_PROBE, "꼬리 유실 탐침"),
};
AK_SAME_COUNT(timers_ko, AKSU_TIMER_COUNT);
#undef D

static const char *const state_causes_ko[] = {
    [AKSU_STATE_BY_SEGMENT] = "세그먼트", [AKSU_STATE_BY_CALL] = "호출", [AKSU_STATE_BY_TIMER] = "타이머",
    [AKSU_STATE_BY_LIMIT] = "한도",       [AKSU_STATE_BY_ICMP] = "ICMP",
};
AK_SAME_COUNT(state_causes_ko, AKSU_STATE_CAUSE_COUNT);

static const char *const timer_actions_ko[] = {
    [AKSU_TIMER_WAS_SET] = "설정", [AKSU_TIMER_WAS_CANCELLED] = "취소", [AKSU_TIMER_WAS_FIRED] = "만료"};
AK_SAME_COUNT(timer_actions_ko, AKSU_TIMER_ACTION_COUNT);

static const char *const cwnd_causes_ko[] = {
    [AKSU_CWND_INIT] = "초기 윈도우",    [AKSU_CWND_SLOW_START] = "느린 시작",
    [AKSU_CWND_AVOIDANCE] = "혼잡 회피", [AKSU_CWND_RECOVERY_ENTER] = "복구 시작",
    [AKSU_CWND_RECOVERY] = "복구",       [AKSU_CWND_RECOVERY_EXIT] = "복구 끝",
    [AKSU_CWND_TIMEOUT] = "타임아웃",    [AKSU_CWND_IDLE] = "유휴 뒤 재시작",
    [AKSU_CWND_UNDO] = "되돌림",         [AKSU_CWND_ECN] = "혼잡 표시",
    [AKSU_CWND_MODEL] = "경로 모형",
};
AK_SAME_COUNT(cwnd_causes_ko, AKSU_CWND_CAUSE_COUNT);

static const char *const cc_modes_ko[] = {
    [AKSU_CC_NONE] = "없음",
    [AKSU_CC_SLOW_START] = "느린 시작",
    [AKSU_CC_AVOIDANCE] = "혼잡 회피",
    [AKSU_CC_RECOVERY] = "복구",
    [AKSU_CC_STARTUP] = "출발",
    [AKSU_CC_DRAIN] = "비우기",
    [AKSU_CC_PROBE_DOWN] = "늦추기",
    [AKSU_CC_PROBE_CRUISE] = "순항",
    [AKSU_CC_PROBE_REFILL] = "다시 채우기",
    [AKSU_CC_PROBE_UP] = "높여 보기",
    [AKSU_CC_PROBE_RTT] = "왕복 시간 재기",
};
AK_SAME_COUNT(cc_modes_ko, AKSU_CC_MODE_COUNT);

static const char *const loss_causes_ko[] = {
    [AKSU_LOSS_BY_RTO] = "타임아웃",
    [AKSU_LOSS_BY_DUPLICATE_ACKS] = "중복 ACK",
    [AKSU_LOSS_BY_PARTIAL_ACK] = "부분 ACK",
    [AKSU_LOSS_BY_SACK] = "SACK",
    [AKSU_LOSS_BY_RACK] = "RACK",
    [AKSU_LOSS_BY_WINDOW] = "닫힌 윈도우가 거절함",
};
AK_SAME_COUNT(loss_causes_ko, AKSU_LOSS_CAUSE_COUNT);

static const struct {
    uint32_t bit;
    const char *text[AK_LANG_COUNT];
} event_bits[] = {
    {AKSU_EV_INCOMING, {"incoming", "새 연결"}},           {AKSU_EV_CONNECTED, {"connected", "연결됨"}},
    {AKSU_EV_READABLE, {"readable", "읽기 가능"}},         {AKSU_EV_WRITABLE, {"writable", "쓰기 가능"}},
    {AKSU_EV_PEER_CLOSED, {"peer closed", "상대가 닫음"}}, {AKSU_EV_URGENT, {"urgent", "긴급"}},
    {AKSU_EV_SOFT_ERROR, {"soft error", "약한 오류"}},     {AKSU_EV_CLOSED, {"closed", "종료"}},
};

#define PICK(lang, table, index)                                                                                       \
    ((size_t)(index) >= sizeof(table##_en) / sizeof((table##_en)[0]) ? "?"                                             \
     : (lang) == AK_LANG_KO                                          ? table##_ko[index]                               \
                                                                     : table##_en[index])

const char *ak_word_text(ak_lang lang, ak_word word) {
    return words[lang][word];
}

const char *ak_word_state(aksu_tcp_state state) {
    return (size_t)state < AK_TCP_STATE_COUNT ? states[state] : "?";
}

const char *ak_word_drop(ak_lang lang, aksu_drop drop) {
    return PICK(lang, drops, drop);
}

const char *ak_word_reason(ak_lang lang, aksu_reason reason) {
    return PICK(lang, reasons, reason);
}

const char *ak_word_err(ak_lang lang, aksu_err err) {
    switch (err) {
#define AK_KO(name, text)                                                                                              \
    case AKSU_ERR_##name:                                                                                              \
        if (lang == AK_LANG_KO) return text;                                                                           \
        break;
        AK_KO(OK, "성공")
        AK_KO(BADSOCK, "없는 소켓")
        AK_KO(INVALID, "잘못된 인자")
        AK_KO(AGAIN, "나중에 다시")
        AK_KO(NO_MEMORY, "자원 부족")
        AK_KO(NOT_CONNECTED, "연결이 없음")
        AK_KO(EXISTS, "이미 있는 연결")
        AK_KO(CLOSING, "닫는 중")
        AK_KO(END, "스트림의 끝")
        AK_KO(RESET, "리셋됨")
        AK_KO(REFUSED, "연결 거부됨")
        AK_KO(TIMED_OUT, "시간 초과")
        AK_KO(UNREACHABLE, "도달 불가")
        AK_KO(ABORTED, "강제 종료됨")
        AK_KO(ADDR_IN_USE, "이미 사용 중인 주소")
        AK_KO(ADDR_NOT_AVAILABLE, "쓸 수 없는 주소")
        AK_KO(NO_ROUTE, "목적지로 가는 길이 없음")
        AK_KO(OUT_OF_RANGE, "범위를 벗어난 설정")
#undef AK_KO
    }
    switch (err) {
#define AK_X(name, value, text)                                                                                        \
    case AKSU_ERR_##name: return text;
        AKSU_ERRORS(AK_X)
#undef AK_X
    }
    return "?";
}

const char *ak_word_send_cause(ak_lang lang, aksu_send_cause cause) {
    return PICK(lang, send_causes, cause);
}

const char *ak_word_state_cause(ak_lang lang, aksu_state_cause cause) {
    return PICK(lang, state_causes, cause);
}

const char *ak_word_timer(ak_lang lang, aksu_timer timer) {
    return PICK(lang, timers, timer);
}

const char *ak_word_timer_action(ak_lang lang, aksu_timer_action action) {
    return PICK(lang, timer_actions, action);
}

const char *ak_word_call(aksu_call call) {
    return (size_t)call < AKSU_CALL_COUNT ? calls[call] : "?";
}

const char *ak_word_cwnd_cause(ak_lang lang, aksu_cwnd_cause cause) {
    return PICK(lang, cwnd_causes, cause);
}

const char *ak_word_cc_mode(ak_lang lang, aksu_cc_mode mode) {
    return PICK(lang, cc_modes, mode);
}

const char *ak_word_loss_cause(ak_lang lang, aksu_loss_cause cause) {
    return PICK(lang, loss_causes, cause);
}

const char *ak_word_event_bit(ak_lang lang, uint32_t bit) {
    for (size_t i = 0; i < sizeof event_bits / sizeof *event_bits; i++) {
        if (event_bits[i].bit == bit) return event_bits[i].text[lang];
    }
    return "?";
}

const char *ak_word_flags(uint16_t flags, ak_flags_view view, char buf[AK_FLAGS_TEXT_BYTES]) {
    /* RFC 9293 s3.1, RFC 9768 s3.1.1: the order of the bits in the header, AE leftmost. */
    static const char *const name[9] = {"AE", "CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"};
    ak_text text = ak_text_in(buf, AK_FLAGS_TEXT_BYTES);
    for (unsigned i = view == AK_FLAGS_CLASSIC_SIX ? 3 : 0; i < 9; i++) {
        if ((flags & (0x100u >> i)) == 0) continue;
        if (text.used_bytes > 0) ak_text_add(&text, ",");
        ak_text_add(&text, name[i]);
    }
    if (text.used_bytes == 0) ak_text_add(&text, "-");
    return buf;
}
