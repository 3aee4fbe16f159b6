/* What the eleven states mean: RFC 9293 s3.3.2. */
#include "lab/lab.h"

const char *lab_state_meaning(aksu_tcp_state state, ak_lang lang) {
    static const char *const meaning[AK_TCP_STATE_COUNT][AK_LANG_COUNT] = {
        [AK_TCP_CLOSED] = {"No connection, and no control block.", "연결도 연결 블록도 없다."},
        [AK_TCP_LISTEN] = {"Waits for a SYN from any peer.", "어떤 상대든 SYN을 보내기를 기다린다."},
        [AK_TCP_SYN_SENT] = {"Has sent a SYN and waits for the matching one.",
                             "SYN을 보내고 짝이 되는 SYN을 기다린다."},
        [AK_TCP_SYN_RECEIVED] = {"Both SYNs have gone; waits for the ACK of its own.",
                                 "두 SYN이 모두 오갔고, 자기 SYN의 ACK를 기다린다. (연결 수립 중)"},
        [AK_TCP_ESTABLISHED] = {"Open: data flows both ways.", "열림: 데이터가 양방향으로 흐른다."},
        [AK_TCP_FIN_WAIT_1] = {"Has closed its side; waits for the ACK of its FIN, or the peer's FIN.",
                               "자기 쪽을 닫았다. 자기 FIN의 ACK나 상대의 FIN을 기다린다."},
        [AK_TCP_FIN_WAIT_2] = {"Its FIN is acknowledged; still receives, waits for the peer's FIN. (half-closed)",
                               "자기 FIN이 확인되었다. 아직 받을 수 있고 상대의 FIN을 기다린다. (절반 닫힘)"},
        [AK_TCP_CLOSE_WAIT] = {"The peer has closed; waits for the own application to close. (half-closed)",
                               "상대가 닫았다. 자기 애플리케이션이 닫기를 기다린다. (절반 닫힘)"},
        [AK_TCP_CLOSING] = {"Both FINs crossed; waits for the ACK of its own.",
                            "두 FIN이 엇갈렸다. 자기 FIN의 ACK를 기다린다."},
        [AK_TCP_LAST_ACK] = {"Closed after the peer; waits for the ACK of its FIN.",
                             "상대 다음으로 닫았다. 자기 FIN의 ACK를 기다린다."},
        [AK_TCP_TIME_WAIT] = {"All is done; stays for 2MSL, so that the peer's FIN can be acknowledged again and old "
                              "segments die.",
                              "모두 끝났다. 상대의 FIN을 다시 확인해 주고 옛 세그먼트가 사라지도록 2MSL 동안 남는다."},
    };
    return state < AK_TCP_STATE_COUNT && lang < AK_LANG_COUNT ? meaning[state][lang] : "";
}
