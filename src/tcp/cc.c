/* The congestion controls there are, by number and by name. */
#include "tcp/cc.h"

static const struct ak_cc_ops *const algorithm[] = {&ak_cc_cubic, &ak_cc_newreno};
#define ALGORITHM_COUNT (sizeof algorithm / sizeof algorithm[0])

const struct ak_cc_ops *ak_cc_at(uint64_t index) {
    return algorithm[index < ALGORITHM_COUNT ? index : 0];
}

const char *aksu_cc_name(unsigned index) {
    return index < ALGORITHM_COUNT ? algorithm[index]->name : NULL;
}

int aksu_cc_index(const char *name) {
    for (unsigned i = 0; i < ALGORITHM_COUNT; i++) {
        const char *a = algorithm[i]->name;
        const char *b = name;
        while (*a != '\0' && *a == *b) a++, b++;
        if (*a == *b) return (int)i;
    }
    return -1;
}
