/* The oracle's table, as oracle.py --dump writes it (the format stands in README.md).
 *
 * Purpose: one lookup, from a cell of the exhaustive table to what the specification says of it.  The file is checked
 * once when it is loaded, so a lookup cannot leave it.  Not here: what the cell's coordinates mean in sequence numbers
 * (exhaustive.c), or how a configuration is reached (prepare.c). */
#ifndef AKSU_CONFORMANCE_TABLE_H
#define AKSU_CONFORMANCE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TABLE_SEQ_COUNT = 14, TABLE_ACK_COUNT = 9, TABLE_TEXT_COUNT = 3, TABLE_WINDOW_COUNT = 2 };

/* The codes of the file; the order is the oracle's. */
enum { REPLY_SEQ_NONE, REPLY_SEQ_ZERO, REPLY_SEQ_ISS, REPLY_SEQ_SND_NXT, REPLY_SEQ_SEG_ACK, REPLY_SEQ_NEW_ISS };
enum { REPLY_ACK_NONE, REPLY_ACK_RCV_NXT, REPLY_ACK_SEG_SEQ };
enum { TOLD_CONNECTED = 1, TOLD_PEER_CLOSED = 2, TOLD_CLOSED = 4 };
enum { REASON_NONE, REASON_CLOSED, REASON_RESET, REASON_REFUSED };
enum { TIMER_AS_IT_WAS, TIMER_START, TIMER_RESTART };

/* What one cell must do. */
struct outcome {
    uint8_t state;          /* aksu_tcp_state: the RFC's order is the same in both */
    uint8_t reply_flags;    /* 0: no reply */
    uint8_t reply_seq;      /* REPLY_SEQ_ */
    uint8_t reply_ack;      /* REPLY_ACK_ */
    uint8_t reply_offset;   /* added to reply_ack */
    uint8_t delayable;      /* the reply may come up to 0.5 s later */
    uint8_t text_delivered; /* bytes */
    uint8_t rcv_from_seg;   /* RCV.NXT counts from SEG.SEQ, not from RCV.NXT as it was */
    uint8_t rcv_offset;
    uint8_t una_is_ack; /* SND.UNA <- SEG.ACK */
    uint8_t told;       /* TOLD_ bits */
    uint8_t reason;     /* REASON_ */
    uint8_t timer;      /* TIMER_ */
    uint8_t mark;       /* table_mark */
    const char *why;
};

struct table_config {
    const char *name;
    uint8_t state;
    bool zero_window; /* RCV.WND = 0 can be reached */
    bool listener;
    uint32_t max_snd_wnd; /* MAX.SND.WND: what the peer offered, or a hard-coded maximum */
};

struct cell_index {
    uint32_t config, flags, seq, ack, text, window; /* text is an index into table_text_bytes */
};

struct table {
    uint8_t *file;
    uint32_t config_count, class_count, outcome_count;
    uint8_t text_bytes[TABLE_TEXT_COUNT];
    const uint8_t *class_of; /* 256 */
    struct table_config *configs;
    struct outcome *outcomes;
    const uint8_t *cells; /* little-endian 16-bit indices of outcomes */
};

/* Reads and checks a table.  False, with a sentence on standard error, if the file is not one. */
bool table_load(const char *path, struct table *ret_table);
void table_free(struct table *table);

/* The outcome of a cell, and its index. */
const struct outcome *table_at(const struct table *table, const struct cell_index *cell, uint32_t *ret_index);

/* "RFC", "R1" ... "R11", "POLICY". */
const char *table_mark(uint8_t mark);

#endif /* AKSU_CONFORMANCE_TABLE_H */
