/* A scenario's runs as one picture: the view's SVG ladder with the scenario's words. */
#include "lab/lab.h"

#include <stdlib.h>

struct sheet {
    ak_picture picture;
    ak_size_box box[LAB_HOST_MAX];
    ak_story story[LAB_ITEM_MAX];
};

static void tell_all(struct sheet *sheet, const lab_result *r, ak_lang lang) {
    lab_teller *teller = calloc(1, sizeof *teller);
    if (teller == NULL) return;
    teller->result = r;
    for (size_t i = 0; i < sheet->picture.row_count; i++) {
        const lab_story *stories[LAB_ITEM_MAX];
        uint32_t count = lab_tell(teller, &sheet->picture.rows[i], stories);
        for (uint32_t k = 0; k < count && sheet->picture.story_count < LAB_ITEM_MAX; k++)
            sheet->story[sheet->picture.story_count++] =
                (ak_story){.row = i, .text = lab_words(&stories[k]->text, lang)};
    }
    free(teller);
}

static void prepare(struct sheet *sheet, const lab_result *r, const lab_draw_options *options) {
    const lab_scenario *s = r->scenario;
    ak_picture *p = &sheet->picture;
    *p = (ak_picture){.words = {.lang = options->lang, .flags = options->flags},
                      .host_count = s->host_count < 2 ? 2 : s->host_count,
                      .stories = sheet->story};
    for (uint32_t i = 0; i < s->host_count; i++) p->host_name[i] = s->host[i].name;
    p->rows = ak_ladder_rows(r->ladder, &p->row_count);
    if (s->run_count > 1) p->heading = lab_words(&s->run[r->run].title, options->lang);
    tell_all(sheet, r, options->lang);
    if (!s->boxes) return;
    p->boxes = sheet->box;
    p->box_count = lab_size_boxes(r, sheet->box);
}

bool lab_draw_svg(const lab_result *const *results, uint32_t result_count, const lab_draw_options *options,
                  const ak_writer *writer, ak_picture_report *ret_report) {
    struct sheet *sheets = calloc(result_count, sizeof *sheets);
    ak_picture *pictures = calloc(result_count, sizeof *pictures);
    bool good = sheets != NULL && pictures != NULL && result_count > 0;
    for (uint32_t i = 0; good && i < result_count; i++) {
        good = results[i]->ladder != NULL;
        if (!good) break;
        prepare(&sheets[i], results[i], options);
        pictures[i] = sheets[i].picture;
    }
    if (good) {
        const lab_scenario *s = results[0]->scenario;
        pictures[0].title = lab_words(&s->title, options->lang);
        pictures[0].subtitle = lab_words(&s->question, options->lang);
        pictures[result_count - 1].answer = lab_words(&s->answer, options->lang);
        good = ak_ladder_svg(pictures, result_count, writer, ret_report);
    }
    free(sheets);
    free(pictures);
    return good;
}
