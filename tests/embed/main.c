/* A program of someone else's: aksu.c and aksu.h dropped beside it, and nothing more. */
#include "aksu.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
    aksu_config config;
    aksu_config_default(&config);
    for (unsigned i = 0; i < sizeof config.entropy; i++) config.entropy[i] = (uint8_t)(i * 7 + 1);
    size_t bytes = (aksu_stack_bytes(&config) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, bytes);
    aksu_stack *stack = NULL;
    if (memory == NULL) return 1;
    for (size_t i = 0; i < bytes; i++) ((unsigned char *)memory)[i] = 0;
    aksu_err err = aksu_stack_init(&config, memory, bytes, &stack);
    if (err != AKSU_OK) return 2;
    aksu_advance(stack, 1000);
    aksu_frame frame;
    if (aksu_output(stack, 1000, &frame, 1) != 0) return 3; /* a stack that knows nobody says nothing */
    if (aksu_deadline_us(stack) <= 1000) return 4;
    printf("aksu %s, %zu bytes, trace kinds %d\n", AKSU_VERSION, bytes, (int)AKSU_TRACE_KIND_COUNT);
    free(memory);
    return 0;
}
