/* Fuzz target: the scenario parser.  A text is a scenario or an error that points into it, or one past its end. */
#include "lab/lab.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    char *source = malloc(bytes + 1);
    if (source == NULL) return 0;
    memcpy(source, data, bytes);
    source[bytes] = '\0';
    uint32_t lines = 1;
    for (size_t i = 0; i < bytes; i++) lines += source[i] == '\n';
    lab_error error = {0};
    lab_scenario *s = lab_parse(source, &error);
    if (s == NULL) {
        require(strlen(error.text) > 0 && error.line <= lines + 1);
        return 0;
    }
    require(s->name != NULL && s->host_count <= LAB_HOST_MAX && s->action_count <= LAB_ITEM_MAX);
    for (uint32_t i = 0; i < s->action_count; i++) require(s->action[i].host < LAB_HOST_MAX);
    lab_free(s);
    return 0;
}
