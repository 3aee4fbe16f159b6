/* Words for what a link does.  Each is NAME=VALUE for both directions, or for one with a: or b: before it, the end that
 * its packets come from. */
#include "app/link.h"

#include <stddef.h>
#include <string.h>

#include "lab/quantity.h"

#define QUEUE_BYTES_DEFAULT 1500000               /* a thousand packets, where there is a rate */
#define HELD_BYTES_DEFAULT  (UINT64_C(256) << 20) /* of memory: a second of 2 Gbit/s in packets of 1500 bytes */

void link_state_default(link_state *ret_state) {
    *ret_state = (link_state){.mtu = 1500};
    for (size_t i = 0; i < 2; i++) {
        ret_state->path[i].queue_bytes = QUEUE_BYTES_DEFAULT;
        ret_state->path[i].held_max_bytes = HELD_BYTES_DEFAULT;
    }
}

enum field_type { FIELD_U32, FIELD_U64 };

struct word {
    const char *name;
    lab_unit unit;
    enum field_type type;
    size_t offset;
    uint64_t max;
};

#define HOUR_US   UINT64_C(3600000000)
#define ALL       UINT64_C(1000000) /* 100 % */
#define AT(field) offsetof(aksu_sim_path, field)

static const struct word words[] = {
    {"delay", LAB_UNIT_TIME, FIELD_U64, AT(delay_us), HOUR_US},
    {"jitter", LAB_UNIT_TIME, FIELD_U64, AT(jitter_us), HOUR_US},
    {"rate", LAB_UNIT_RATE, FIELD_U64, AT(rate_bps), UINT64_C(1000000000000)},
    {"queue", LAB_UNIT_BYTES, FIELD_U32, AT(queue_bytes), INT32_MAX},
    {"held", LAB_UNIT_BYTES, FIELD_U64, AT(held_max_bytes), UINT64_C(1) << 40},
    {"mark", LAB_UNIT_BYTES, FIELD_U32, AT(ecn_mark_bytes), INT32_MAX},
    {"codel", LAB_UNIT_TIME, FIELD_U64, AT(codel_target_us), HOUR_US},
    {"loss", LAB_UNIT_PART, FIELD_U32, AT(loss_ppm), ALL},
    {"burst-enter", LAB_UNIT_PART, FIELD_U32, AT(burst_enter_ppm), ALL},
    {"burst-leave", LAB_UNIT_PART, FIELD_U32, AT(burst_leave_ppm), ALL},
    {"burst-loss", LAB_UNIT_PART, FIELD_U32, AT(burst_loss_ppm), ALL},
    {"duplicate", LAB_UNIT_PART, FIELD_U32, AT(duplicate_ppm), ALL},
    {"reorder", LAB_UNIT_PART, FIELD_U32, AT(reorder_ppm), ALL},
    {"reorder-by", LAB_UNIT_TIME, FIELD_U64, AT(reorder_us), HOUR_US},
    {"corrupt", LAB_UNIT_PART, FIELD_U32, AT(corrupt_ppm), ALL},
    {"truncate", LAB_UNIT_PART, FIELD_U32, AT(truncate_ppm), ALL},
};
#define WORD_COUNT (sizeof words / sizeof words[0])

static const char *example_of(lab_unit unit) {
    static const char *const examples[] = {[LAB_UNIT_TIME] = "a time like 50ms",
                                           [LAB_UNIT_RATE] = "a rate like 10Mbit",
                                           [LAB_UNIT_BYTES] = "a size like 64K",
                                           [LAB_UNIT_PART] = "a part like 1%"};
    return examples[unit];
}

static uint64_t get(const aksu_sim_path *path, const struct word *word) {
    const uint8_t *at = (const uint8_t *)path + word->offset;
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if (word->type == FIELD_U64)
        memcpy(&wide, at, sizeof wide);
    else
        memcpy(&narrow, at, sizeof narrow);
    return word->type == FIELD_U64 ? wide : narrow;
}

static void set(aksu_sim_path *path, const struct word *word, uint64_t value) {
    uint8_t *at = (uint8_t *)path + word->offset;
    uint32_t narrow = (uint32_t)value;
    if (word->type == FIELD_U64)
        memcpy(at, &value, sizeof value);
    else
        memcpy(at, &narrow, sizeof narrow);
}

static const struct word *word_named(const char *name, size_t bytes) {
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (strlen(words[i].name) == bytes && memcmp(words[i].name, name, bytes) == 0) return &words[i];
    }
    return NULL;
}

/* Of the whole link: mtu=1400, cut=yes.  False with an empty why: no such word. */
static bool link_wide(link_state *state, const char *text, char why[LINK_WHY_BYTES]) {
    uint64_t mtu;
    if (strncmp(text, "mtu=", 4) == 0) {
        if (lab_quantity_in(text + 4, LAB_UNIT_BYTES, 65535, &mtu) && mtu >= 68) {
            state->mtu = (uint32_t)mtu;
            return true;
        }
        (void)snprintf(why, LINK_WHY_BYTES, "mtu '%s' is not a size from 68 to 65535", text + 4);
        return false;
    }
    if (strcmp(text, "cut=yes") != 0 && strcmp(text, "cut=no") != 0) return false;
    state->cut = text[4] == 'y';
    return true;
}

bool link_word(link_state *state, const char *word, char why[LINK_WHY_BYTES]) {
    const char *text = word;
    unsigned first = 0, last = 1;
    why[0] = '\0';
    if (strncmp(text, "a:", 2) == 0 || strncmp(text, "b:", 2) == 0) {
        first = last = text[0] == 'b';
        text += 2;
    } else if (link_wide(state, text, why)) {
        return true;
    }
    if (why[0] != '\0') return false;
    const char *equals = strchr(text, '=');
    const struct word *known = equals != NULL ? word_named(text, (size_t)(equals - text)) : NULL;
    if (known == NULL) {
        (void)snprintf(why, LINK_WHY_BYTES, "'%s' is no setting of a link; write NAME=VALUE, for example delay=50ms",
                       word);
        return false;
    }
    uint64_t value;
    if (!lab_quantity_in(equals + 1, known->unit, known->max, &value)) {
        (void)snprintf(why, LINK_WHY_BYTES, "%s '%s' is not %s", known->name, equals + 1, example_of(known->unit));
        return false;
    }
    for (unsigned i = first; i <= last; i++) set(&state->path[i], known, value);
    return true;
}

static void write_value(FILE *out, lab_unit unit, uint64_t value) {
    unsigned long long v = value;
    if (unit == LAB_UNIT_TIME && v % 1000 == 0)
        (void)fprintf(out, "%llums", v / 1000);
    else if (unit == LAB_UNIT_TIME)
        (void)fprintf(out, "%lluus", v);
    else if (unit == LAB_UNIT_RATE && v % 1000000 == 0)
        (void)fprintf(out, "%lluMbit", v / 1000000);
    else if (unit == LAB_UNIT_RATE)
        (void)fprintf(out, "%gkbit", (double)v / 1000);
    else if (unit == LAB_UNIT_PART)
        (void)fprintf(out, "%g%%", (double)v / 10000);
    else
        (void)fprintf(out, "%llu", v);
}

void link_words_write(FILE *out, const link_state *state) {
    link_state plain;
    link_state_default(&plain);
    if (state->mtu != plain.mtu) (void)fprintf(out, "mtu=%u ", state->mtu);
    if (state->cut) (void)fprintf(out, "cut=yes ");
    for (size_t i = 0; i < WORD_COUNT; i++) {
        const struct word *word = &words[i];
        bool alike = get(&state->path[0], word) == get(&state->path[1], word);
        for (unsigned side = 0; side < (alike ? 1u : 2u); side++) {
            uint64_t value = get(&state->path[side], word);
            if (value == get(&plain.path[side], word)) continue;
            (void)fprintf(out, "%s%s=", alike ? "" : side == 0 ? "a:" : "b:", word->name);
            write_value(out, word->unit, value);
            (void)fputc(' ', out);
        }
    }
}
