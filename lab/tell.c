/* Which step of a run a story tells, and what else is told of a run. */
#include "lab/lab.h"

const char *lab_words(const lab_text *text, ak_lang lang) {
    const char *wanted = text->text[lang];
    if (wanted != NULL) return wanted;
    return text->text[AK_LANG_EN] != NULL ? text->text[AK_LANG_EN] : "";
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
    for (uint32_t i = 0; i < s->story_count; i++) {
        const lab_story *story = &s->story[i];
        if (teller->told[i] || !lab_holds(&story->place, teller->result->run, LAB_INTACT)) continue;
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
