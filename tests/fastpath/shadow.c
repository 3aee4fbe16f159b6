/* The check of header prediction (src/tcp/predict.c), in builds with AKSU_CHECK_FAST_PATH: the stack goes the way of
 * the ordered steps, a copy of it takes the same segment by prediction, and if that applies both must be in the same
 * state afterwards, by their digests and by whether they have something to send.
 *
 * A copy takes time, so of many segments only some are looked at: the first, and then fewer and fewer.  At the end it
 * is told how many were, on stderr, if AKSU_FAST_PATH_TELL is in the environment. */
#include "stack/shadow.h"

#include <stdio.h>
#include <stdlib.h>

#include "tcp/tcp.h"

enum { ALL_OF_THE_FIRST = 2000, ONE_IN = 4 };

static unsigned long seen, compared;

static void tell(void) {
    if (getenv("AKSU_FAST_PATH_TELL") != NULL)
        (void)fprintf(stderr, "header prediction: %lu segments seen, %lu compared\n", seen, compared);
}

static ak_ref control_block_of(const struct ak_core *core, const struct ak_seg *seg) {
    ak_ref ref = ak_flow_find(core, &seg->tuple);
    return ref != AK_NONE && ak_ref_class(ref) == AK_KIND_TCB ? ref : AK_NONE;
}

struct ak_shadow ak_shadow_begin(struct ak_core *core, const struct ak_seg *seg) {
    struct ak_shadow shadow = {.mem = NULL, .ref = control_block_of(core, seg)};
    if (seen == 0) (void)atexit(tell);
    bool look = shadow.ref != AK_NONE && (++seen <= ALL_OF_THE_FIRST || seen % ONE_IN == 0);
    if (!look) return shadow;
    size_t bytes = aksu_stack_bytes(&core->config);
    aksu_stack *copy = NULL;
    if (bytes == 0 || (shadow.mem = aligned_alloc(64, bytes)) == NULL) return shadow;
    if (aksu_stack_clone((const aksu_stack *)(const void *)core, shadow.mem, bytes, &copy) != AKSU_OK) abort();
    struct ak_core *other = ak_core_of(copy);
    struct ak_seg again = *seg;
    again.old_incarnation = AK_NONE;
    if (ak_tcp_predicted(other, ak_tcb_at(other, shadow.ref), &again)) return shadow;
    free(shadow.mem);
    shadow.mem = NULL;
    return shadow;
}

void ak_shadow_end(struct ak_core *core, struct ak_shadow *shadow) {
    if (shadow->mem == NULL) return;
    struct ak_core *other = ak_core_of(shadow->mem);
    compared++;
    bool same = aksu_stack_digest(shadow->mem) == aksu_stack_digest((const aksu_stack *)(const void *)core);
    same &=
        ak_link_linked(&ak_tcb_at(core, shadow->ref)->output) == ak_link_linked(&ak_tcb_at(other, shadow->ref)->output);
    if (!same) {
        (void)fprintf(stderr, "header prediction does not do what the ordered steps do (segment %lu)\n", seen);
        abort();
    }
    free(shadow->mem);
}
