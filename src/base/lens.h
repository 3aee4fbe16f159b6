/* Objects by number.  Nothing in the arena is a pointer: an object is named by a 32-bit reference, its class (which
 * pool) in bits 27-30 and its index below.  A lens tells where one member lies in the objects of each class, relative
 * to the lens itself, so that a copied arena works unchanged. */
#ifndef AK_BASE_LENS_H
#define AK_BASE_LENS_H

#include <stddef.h>
#include <stdint.h>

#define AK_NONE        0xffffffffu
#define AK_REF_CLASSES 16u
#define AK_REF_SHIFT   27u
#define AK_REF_INDEX   ((1u << AK_REF_SHIFT) - 1)

typedef uint32_t ak_ref;

static inline ak_ref ak_ref_of(uint32_t class_index, uint32_t index) {
    return class_index << AK_REF_SHIFT | index;
}
static inline uint32_t ak_ref_class(ak_ref ref) {
    return ref >> AK_REF_SHIFT;
}
static inline uint32_t ak_ref_index(ak_ref ref) {
    return ref & AK_REF_INDEX;
}

struct ak_lens {
    int64_t at[AK_REF_CLASSES];
    uint32_t stride[AK_REF_CLASSES];
};

/* Objects of this class begin at base, stride bytes apart, and the member lies member_offset into each. */
static inline void ak_lens_set(struct ak_lens *lens, uint32_t class_index, const void *base, uint32_t stride,
                               size_t member_offset) {
    lens->at[class_index] = (const char *)base - (const char *)lens + (int64_t)member_offset;
    lens->stride[class_index] = stride;
}
static inline void *ak_lens_at(const struct ak_lens *lens, ak_ref ref) {
    uint32_t c = ak_ref_class(ref);
    return (char *)(uintptr_t)lens + lens->at[c] + (int64_t)((uint64_t)ak_ref_index(ref) * lens->stride[c]);
}

#endif
