/* Which step of a run a story tells. */
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
