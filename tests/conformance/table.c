/* The oracle's table: see table.h.  Every offset and count of the file is checked here, before anything is used. */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 44, CONFIG_BYTES = 12, OUTCOME_BYTES = 20, CLASS_MAP_BYTES = 256, STATE_COUNT = 11 };

static const char *const marks[] = {"RFC", "R1", "R2", "R3",  "R4",  "R5",    "R6",
                                    "R7",  "R8", "R9", "R10", "R11", "POLICY"};

const char *table_mark(uint8_t mark) {
    return mark < sizeof marks / sizeof marks[0] ? marks[mark] : "?";
}

static uint32_t rd32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool complain(const char *path, const char *what) {
    fprintf(stderr, "%s: %s\n", path, what);
    return false;
}

static uint8_t *read_whole(const char *path, size_t *ret_bytes) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        return NULL;
    }
    uint8_t *data = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long bytes = ftell(file);
        rewind(file);
        data = bytes > 0 ? malloc((size_t)bytes) : NULL;
        if (data && fread(data, 1, (size_t)bytes, file) != (size_t)bytes) {
            free(data);
            data = NULL;
        }
        *ret_bytes = data ? (size_t)bytes : 0;
    }
    fclose(file);
    return data;
}

static void unpack_configs(struct table *table, const uint8_t *at, const char *strings) {
    for (uint32_t i = 0; i < table->config_count; i++, at += CONFIG_BYTES) {
        table->configs[i] = (struct table_config){.name = strings + rd32(at),
                                                  .state = at[4],
                                                  .zero_window = at[5] != 0,
                                                  .listener = at[6] != 0,
                                                  .max_snd_wnd = rd32(at + 8)};
    }
}

static void unpack_outcomes(struct table *table, const uint8_t *at, const char *strings) {
    for (uint32_t i = 0; i < table->outcome_count; i++, at += OUTCOME_BYTES) {
        table->outcomes[i] = (struct outcome){.state = at[0],
                                              .reply_flags = at[1],
                                              .reply_seq = at[2],
                                              .reply_ack = at[3],
                                              .reply_offset = at[4],
                                              .delayable = at[5],
                                              .text_delivered = at[6],
                                              .rcv_from_seg = at[7],
                                              .rcv_offset = at[8],
                                              .una_is_ack = at[9],
                                              .told = at[10],
                                              .reason = at[11],
                                              .timer = at[12],
                                              .mark = at[13],
                                              .why = strings + rd32(at + 16)};
    }
}

/* The parts in their order, and that everything inside points inside. */
static bool check_and_unpack(const char *path, size_t file_bytes, struct table *table) {
    const uint8_t *head = table->file;
    if (file_bytes < HEAD_BYTES || memcmp(head, "AKORACLE", 8) != 0 || rd32(head + 8) != 2) {
        return complain(path, "not a table of version 2");
    }
    uint32_t string_bytes = rd32(head + 40);
    table->config_count = rd32(head + 12);
    table->class_count = rd32(head + 16);
    table->outcome_count = rd32(head + 36);
    if (rd32(head + 20) != TABLE_WINDOW_COUNT || rd32(head + 24) != TABLE_SEQ_COUNT ||
        rd32(head + 28) != TABLE_ACK_COUNT || rd32(head + 32) != TABLE_TEXT_COUNT || table->config_count > 64 ||
        table->class_count > 256 || table->outcome_count > 65536 || string_bytes > 1u << 20 || string_bytes == 0) {
        return complain(path, "axes of another size");
    }
    size_t cell_count = (size_t)table->config_count * table->class_count * TABLE_WINDOW_COUNT * TABLE_SEQ_COUNT *
                        TABLE_ACK_COUNT * TABLE_TEXT_COUNT;
    const uint8_t *lengths = head + HEAD_BYTES;
    table->class_of = lengths + 4;
    const uint8_t *configs = table->class_of + CLASS_MAP_BYTES;
    const uint8_t *outcomes = configs + (size_t)table->config_count * CONFIG_BYTES;
    const uint8_t *strings = outcomes + (size_t)table->outcome_count * OUTCOME_BYTES;
    size_t front_bytes = HEAD_BYTES + 4 + CLASS_MAP_BYTES + (size_t)table->config_count * CONFIG_BYTES +
                         (size_t)table->outcome_count * OUTCOME_BYTES;
    if (file_bytes != front_bytes + string_bytes + 2 * cell_count || strings[string_bytes - 1] != 0) {
        return complain(path, "cut off, or longer than it says");
    }
    table->cells = strings + string_bytes;
    memcpy(table->text_bytes, lengths, TABLE_TEXT_COUNT);
    for (uint32_t i = 0; i < table->config_count; i++) {
        const uint8_t *at = configs + (size_t)i * CONFIG_BYTES;
        if (rd32(at) >= string_bytes || at[4] >= STATE_COUNT) {
            return complain(path, "a configuration points outside");
        }
    }
    for (uint32_t i = 0; i < table->outcome_count; i++) {
        const uint8_t *at = outcomes + (size_t)i * OUTCOME_BYTES;
        if (rd32(at + 16) >= string_bytes || at[0] >= STATE_COUNT) {
            return complain(path, "an outcome points outside");
        }
    }
    for (uint32_t i = 0; i < CLASS_MAP_BYTES; i++) {
        if (table->class_of[i] >= table->class_count) {
            return complain(path, "a class of flags points outside");
        }
    }
    for (size_t i = 0; i < cell_count; i++) {
        if ((uint32_t)table->cells[2 * i] + 256u * table->cells[2 * i + 1] >= table->outcome_count) {
            return complain(path, "a cell points outside");
        }
    }
    table->configs = calloc(table->config_count, sizeof *table->configs);
    table->outcomes = calloc(table->outcome_count, sizeof *table->outcomes);
    if (!table->configs || !table->outcomes) {
        return complain(path, "out of memory");
    }
    unpack_configs(table, configs, (const char *)strings);
    unpack_outcomes(table, outcomes, (const char *)strings);
    return true;
}

bool table_load(const char *path, struct table *ret_table) {
    struct table table = {0};
    size_t file_bytes = 0;
    table.file = read_whole(path, &file_bytes);
    if (!table.file) {
        return complain(path, "cannot be read");
    }
    if (!check_and_unpack(path, file_bytes, &table)) {
        table_free(&table);
        return false;
    }
    *ret_table = table;
    return true;
}

void table_free(struct table *table) {
    free(table->configs);
    free(table->outcomes);
    free(table->file);
    *table = (struct table){0};
}

const struct outcome *table_at(const struct table *table, const struct cell_index *cell, uint32_t *ret_index) {
    size_t at = cell->config;
    at = at * table->class_count + table->class_of[cell->flags & 0xff];
    at = at * TABLE_WINDOW_COUNT + cell->window;
    at = at * TABLE_SEQ_COUNT + cell->seq;
    at = at * TABLE_ACK_COUNT + cell->ack;
    at = at * TABLE_TEXT_COUNT + cell->text;
    *ret_index = (uint32_t)table->cells[2 * at] + 256u * table->cells[2 * at + 1];
    return &table->outcomes[*ret_index];
}
