/* What the fuzz targets of a whole stack share. */
#ifndef FUZZ_STACK_H
#define FUZZ_STACK_H

#include <stdlib.h>

#include "aksu/aksu.h"

static inline void require(bool condition) {
    if (!condition) abort();
}

/* Takes all that the stack has to send, and reads each byte of it. */
static inline void output(aksu_stack *stack, uint64_t now_us) {
    aksu_frame frames[8];
    size_t count = 1;
    for (int i = 0; i < 1000 && count > 0; i++) {
        count = aksu_output(stack, now_us, frames, 8);
        for (size_t k = 0; k < count; k++) {
            uint32_t sum = 0; /* each byte is there */
            for (uint32_t j = 0; j < frames[k].iov_count; j++)
                for (size_t b = 0; b < frames[k].iov[j].bytes; b++) sum += ((const uint8_t *)frames[k].iov[j].base)[b];
            require(sum > 0);
        }
    }
    require(count == 0); /* it comes to an end */
}

#endif
