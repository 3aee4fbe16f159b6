/* The check of header prediction (src/tcp/predict.c), in builds with AKSU_CHECK_FAST_PATH: the stack goes the way of
 * the ordered steps, a copy of it takes the same segment by prediction, and if that applies both must be in the same
 * state afterwards, by their digests and by whether they have something to send.
 *
 * A copy takes time, so with much to copy only some segments are looked at: the first, and then one now and then.  At
 * the end it is told how many were, on stderr, if AKSU_FAST_PATH_TELL is in the environment. */
#include "stack/shadow.h"

#include <stdio.h>
#include <stdlib.h>

#include "tcp/tcp.h"

/* What may be copied: a second of a program at most. */
static const uint64_t first_bytes = UINT64_C(4) << 30;
enum { BYTES_A_SEGMENT = 256 };

static unsigned long seen, compared;
static uint64_t copied_bytes;
static void *memory; /* of the copy, used again */
static size_t memory_bytes;

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
    seen++;
    uint64_t cost = 16384 + (uint64_t)core->blocks.pool.watermark * core->blocks.block_bytes;
    if (shadow.ref == AK_NONE || copied_bytes + cost > first_bytes + (uint64_t)seen * BYTES_A_SEGMENT) return shadow;
    size_t bytes = aksu_stack_bytes(&core->config);
    if (bytes > memory_bytes) {
        free(memory);
        memory = aligned_alloc(64, bytes);
        memory_bytes = memory != NULL ? bytes : 0;
    }
    aksu_stack *copy = NULL;
    if (memory == NULL || aksu_stack_clone((const aksu_stack *)(const void *)core, memory, bytes, &copy) != AKSU_OK)
        return shadow;
    copied_bytes += cost;
    struct ak_core *other = ak_core_of(copy);
    struct ak_seg again = *seg;
    again.old_incarnation = AK_NONE;
    if (ak_tcp_predicted(other, ak_tcb_at(other, shadow.ref), &again)) shadow.mem = memory;
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
}
