/* The inside of explain: one connection of a capture (explain_conn.c), how it is drawn (explain_rows.c), and the table
 * of all (explain.c). */
#ifndef VIEW_EXPLAIN_CONN_H
#define VIEW_EXPLAIN_CONN_H

#include "view/explain.h"

#define HOLE_MAX 4

/* What a packet is, beside what its header says. */
struct finding {
    bool retransmission, reordered, probe, foreign, copy;
};

struct hole {
    uint32_t left, right;
    uint64_t time_ns;
};

struct explain_side {
    ak_explained_side count;
    struct hole hole[HOLE_MAX];
    uint32_t hole_count;
    uint32_t nxt, first_seq, unanswered; /* sent again since the other was heard */
    bool heard, syn, synchronizes;       /* synchronizes: it sent a SYN with ACK */
    bool asked_accurate;                 /* its SYN asked for accurate ECN: RFC 9768 s3.1.1 */
    bool data_last;                      /* its last segment bore data */
    uint8_t wscale;
    bool has_wscale;
};

struct explain_conn {
    uint32_t next, previous; /* in its list, or among the free ones */
    uint32_t bucket_next;
    enum { LIST_NONE, LIST_OPENING, LIST_ENDED } list;
    uint64_t listed_ns; /* when it came into its list */
    uint32_t number;
    uint64_t first_ns, last_ns;
    aksu_endpoint end[2];
    ak_infer infer;
    struct explain_side side[2];
    bool accurate; /* agreed on: AE, CWR and ECE are a counter */
    /* A reset that seems to have been accepted. */
    bool reset, reset_has_ack, was_open;
    uint8_t reset_by;
    /* A SYN with a new number came while it stood: a new one if it is answered. */
    bool again;
    uint8_t again_by;
    uint32_t again_seq;
    uint64_t again_ns;
    bool reopened;
    /* Rows. */
    ak_inferred shown[2];
    uint64_t last_row_us;
    uint64_t syn_ns;
    bool syn_timed;
    uint32_t rtt_us;
};

/* What the packet is to this connection; then takes it in.  from: the end that sent it. */
void ak_explain_take(struct explain_conn *c, unsigned from, uint64_t time_ns, const ak_packet *p, struct finding *f);

/* Nothing more is to be expected of it but what is late. */
bool ak_explain_over(const struct explain_conn *c);
/* Has it ever come past its handshake? */
bool ak_explain_was_open(const struct explain_conn *c);

void ak_explain_sum(const struct explain_conn *c, ak_explained *ret_explained);

/* Rows of a packet that was taken in. */
void ak_explain_first_row(struct explain_conn *c, const ak_explain_options *o);
void ak_explain_rows(struct explain_conn *c, const ak_explain_options *o, unsigned from, uint64_t time_ns,
                     const ak_packet *p, const struct finding *f);

#endif /* VIEW_EXPLAIN_CONN_H */
