/* Which step of a run a story tells, and what else is told of a run. */
#include <assert.h>

#include "lab/lab.h"

const char *lab_words(const lab_text *text, ak_lang lang) {
    const char *wanted = text->text[lang];
    if (wanted != NULL) return wanted;
    return text->text[AK_LANG_EN] != NULL ? text->text[AK_LANG_EN] : "";
}

const char *const *lab_loss(aksu_sim_loss why) {
    static const char *const losses[][AK_LANG_COUNT] = {
        [AKSU_SIM_LOSS_FAULT] = {"fault", "일부러"},
        [AKSU_SIM_LOSS_CHANCE] = {"by chance", "우연"},
        [AKSU_SIM_LOSS_BURST] = {"in a burst", "몰아서 유실"},
        [AKSU_SIM_LOSS_QUEUE_FULL] = {"queue full", "큐가 가득 참"},
        [AKSU_SIM_LOSS_CODEL] = {"queue (CoDel)", "큐(CoDel)"},
        [AKSU_SIM_LOSS_CABLE] = {"cable pulled", "케이블이 빠짐"},
        [AKSU_SIM_LOSS_MTU] = {"larger than the MTU", "MTU보다 큼"},
        [AKSU_SIM_LOSS_HOST_DOWN] = {"host is down", "호스트가 꺼짐"},
        [AKSU_SIM_LOSS_HELD] = {"too much under way", "도중에 너무 많음"},
        [AKSU_SIM_LOSS_NO_MEMORY] = {"no memory", "메모리가 없음"},
        [AKSU_SIM_LOSS_NOT_IP] = {"not an IP packet", "IP 패킷이 아님"},
        [AKSU_SIM_LOSS_HOP_LIMIT] = {"hop limit", "홉 제한"},
        [AKSU_SIM_LOSS_NO_ROUTE] = {"no route", "보낼 길이 없음"},
        [AKSU_SIM_LOSS_TOO_BIG] = {"too big for the next link", "다음 링크에 너무 큼"},
    };
    static_assert(sizeof losses / sizeof losses[0] == AKSU_SIM_LOSS_COUNT, "a text for each");
    return losses[why];
}

static bool tells_row(const lab_story *story, const ak_row *row, uint32_t *seen) {
    if (story->at_time) return row->time_us >= story->at_us && row->kind != AK_ROW_CONNECTION;
    if (story->at_state)
        return row->kind == AK_ROW_STATE && row->host == (uint8_t)story->host && row->u.state.to == story->state &&
               !row->u.state.initial;
    if (row->kind != AK_ROW_DEPART) return false;
    aksu_ev_segment like = {.flags = row->u.segment.flags, .payload_bytes = row->u.segment.payload_bytes};
    return lab_picks(&story->pick, row->host, &like) && ++*seen == story->pick.nth;
}

uint32_t lab_tell(lab_teller *teller, const ak_row *row, const lab_story *ret_stories[LAB_ITEM_MAX]) {
    const lab_scenario *s = teller->result->scenario;
    uint32_t count = 0;
    if (teller->result->variant == LAB_MUTANT) return 0; /* the story is not about it */
    for (uint32_t i = 0; i < s->story_count; i++) {
        const lab_story *story = &s->story[i];
        if (teller->told[i] || !lab_holds(&story->place, teller->result->run, teller->result->variant)) continue;
        if (!tells_row(story, row, &teller->seen[i])) continue;
        teller->told[i] = true;
        ret_stories[count++] = story;
    }
    return count;
}

uint32_t lab_size_boxes(const lab_result *r, ak_size_box ret_boxes[LAB_HOST_MAX]) {
    uint32_t count = 0;
    for (uint32_t host = 0; host < r->scenario->host_count; host++) {
        ak_size_box box = {.name = r->scenario->host[host].name, .ip_bytes = 20};
        for (uint32_t i = 0; i < r->segment_count; i++) {
            const aksu_ev_segment *s = &r->segment[i].segment;
            if (r->segment[i].host != host || s->direction != AKSU_OUT || s->payload_bytes <= box.payload_bytes)
                continue;
            box.payload_bytes = s->payload_bytes;
            box.tcp_bytes = s->data_offset * 4u;
            if (!aksu_addr_is_v4(&s->flow.local)) box.ip_bytes = 40;
        }
        if (box.payload_bytes > 0) ret_boxes[count++] = box;
    }
    return count;
}
