/* What happens to the network and to hosts from outside (a cable pulled, a crash), as story lines of their own: no
 * segment and no state shows it.  A story line of the file at the same time is told in its place. */
#include "lab/lab.h"

#include <stdio.h>
#include <string.h>

static const char *const *texts_of(lab_deed verb) {
    static const char *const cut[] = {"(The cable %s is pulled.)", "(%s 케이블을 뽑는다.)"};
    static const char *const mend[] = {"(The cable %s is back.)", "(%s 케이블을 다시 꽂는다.)"};
    static const char *const crash[] = {"(%s crashes and forgets everything.)", "(%s: 멈추고 모두 잊는다.)"};
    static const char *const restart[] = {"(%s is up again.)", "(%s: 다시 켜진다.)"};
    return verb == LAB_CUT       ? cut
           : verb == LAB_MEND    ? mend
           : verb == LAB_CRASH   ? crash
           : verb == LAB_RESTART ? restart
                                 : NULL;
}

static const char *end_name(const lab_scenario *s, uint8_t end) {
    return end < LAB_HOST_MAX ? s->host[end].name : s->router[end - LAB_HOST_MAX].name;
}

static bool told_by_the_file(const lab_scenario *s, const lab_action *a) {
    for (uint32_t i = 0; i < s->story_count; i++) {
        const lab_story *story = &s->story[i];
        bool runs = story->place.run < 0 || story->place.run == a->place.run;
        if (story->at_time && story->at_us == a->at_us && runs) return true;
    }
    return false;
}

void lab_happenings(lab_scenario *s) {
    uint32_t count = 0;
    for (uint32_t i = s->action_count; i-- > 0;) {
        const lab_action *a = &s->action[i];
        const char *const *texts = texts_of(a->verb);
        if (texts == NULL || a->on_host >= 0 || told_by_the_file(s, a)) continue;
        if (count == LAB_HAPPENING_MAX || s->story_count == LAB_ITEM_MAX) return;
        char name[64];
        const lab_link *l = &s->link[a->link];
        if (a->verb == LAB_CUT || a->verb == LAB_MEND)
            (void)snprintf(name, sizeof name, "%s-%s", end_name(s, l->end[0]), end_name(s, l->end[1]));
        else
            (void)snprintf(name, sizeof name, "%s", s->host[a->host].name);
        /* In front: it is the cause of what is told at the same step. */
        memmove(s->story + 1, s->story, s->story_count++ * sizeof s->story[0]);
        s->story[0] = (lab_story){.place = a->place, .at_time = true, .at_us = a->at_us};
        for (unsigned lang = 0; lang < AK_LANG_COUNT; lang++) {
            const char *hole = strstr(texts[lang], "%s");
            (void)snprintf(s->happening[count][lang], LAB_HAPPENING_BYTES, "%.*s%s%s", (int)(hole - texts[lang]),
                           texts[lang], name, hole + 2);
            s->story[0].text.text[lang] = s->happening[count][lang];
        }
        count++;
    }
}
