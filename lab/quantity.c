/* Numbers with units: see quantity.h. */
#include "lab/quantity.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
    lab_unit kind;
};

static const struct unit *unit_named(const char *name) {
    static const struct unit units[] = {
        {"us", 1, LAB_UNIT_TIME},         {"ms", 1000, LAB_UNIT_TIME},      {"s", 1000000, LAB_UNIT_TIME},
        {"min", 60000000, LAB_UNIT_TIME}, {"h", 3600000000, LAB_UNIT_TIME}, {"d", 86400000000ull, LAB_UNIT_TIME},
        {"kbit", 1000, LAB_UNIT_RATE},    {"Mbit", 1000000, LAB_UNIT_RATE}, {"Gbit", 1000000000, LAB_UNIT_RATE},
        {"K", 1024, LAB_UNIT_BYTES},      {"M", 1048576, LAB_UNIT_BYTES},   {"%", 10000, LAB_UNIT_PART},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(name, units[i].name) == 0) return &units[i];
    }
    return NULL;
}

/* The number; ret_unit: NULL if there is none behind it. */
static bool read(const char *text, uint64_t *ret_value, const struct unit **ret_unit) {
    char *end;
    if (text[0] < '0' || text[0] > '9') return false;
    uint64_t whole = strtoull(text, &end, 10), fraction = 0, scale = 1;
    if (*end == '.') {
        for (end++; *end >= '0' && *end <= '9'; end++) {
            if (scale >= 1000000) return false;
            fraction = fraction * 10 + (uint64_t)(*end - '0');
            scale *= 10;
        }
    }
    *ret_unit = *end != '\0' ? unit_named(end) : NULL;
    if (*end != '\0' && *ret_unit == NULL) return false;
    if (*end == '\0' && scale != 1) return false;
    uint64_t factor = *ret_unit != NULL ? (*ret_unit)->factor : 1;
    if (whole > UINT64_MAX / factor - 1) return false;
    *ret_value = whole * factor + fraction * factor / scale;
    return true;
}

bool lab_quantity_of(const char *text, uint64_t *ret_value) {
    const struct unit *unit;
    return read(text, ret_value, &unit);
}

bool lab_quantity_in(const char *text, lab_unit unit, uint64_t max, uint64_t *ret_value) {
    const struct unit *named;
    uint64_t value;
    if (!read(text, &value, &named) || value > max) return false;
    if (named != NULL ? named->kind != unit : unit != LAB_UNIT_BYTES && value != 0) return false;
    *ret_value = value;
    return true;
}
