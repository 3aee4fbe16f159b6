/* Copy, clear and compare.  The compiler's builtins, so that src/ names no libc function; a freestanding target must
 * provide memcpy, memmove, memset and memcmp, as every C compiler demands of it. */
#ifndef AK_BASE_MEM_H
#define AK_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void ak_copy(void *to, const void *from, size_t bytes) {
    __builtin_memcpy(to, from, bytes);
}
static inline void ak_move(void *to, const void *from, size_t bytes) {
    __builtin_memmove(to, from, bytes);
}
static inline void ak_zero(void *at, size_t bytes) {
    __builtin_memset(at, 0, bytes);
}
static inline bool ak_equal(const void *a, const void *b, size_t bytes) {
    return __builtin_memcmp(a, b, bytes) == 0;
}
static inline uint32_t ak_min_u32(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}
static inline uint32_t ak_max_u32(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}
static inline uint64_t ak_min_u64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}
static inline uint64_t ak_max_u64(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}
/* Saturating, for times: AK_NEVER stays AK_NEVER. */
#define AK_NEVER UINT64_MAX
static inline uint64_t ak_add_us(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

#endif
