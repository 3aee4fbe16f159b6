/* Builds with AKSU_CHECK_FAST_PATH compare header prediction with the ordered steps: tests/fastpath/shadow.c. */
#ifndef AK_STACK_SHADOW_H
#define AK_STACK_SHADOW_H

#include "stack/stack.h"

struct ak_shadow {
    void *mem; /* of a copy that has taken the segment by prediction; NULL */
    ak_ref ref;
};
struct ak_shadow ak_shadow_begin(struct ak_core *core, const struct ak_seg *seg);
void ak_shadow_end(struct ak_core *core, struct ak_shadow *shadow);

#endif
