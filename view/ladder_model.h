/* The inside of the ladder's model, shared by ladder.c (order, rows) and ladder_conn.c (connections, numbers). */
#ifndef VIEW_LADDER_MODEL_H
#define VIEW_LADDER_MODEL_H

#include "view/ladder.h"

#define LISTENER_MAX 32
#define PENDING_MAX  16

/* A connection.  Ends are 0 and 1: end 0 is the one whose host was heard of first. */
struct ladder_conn {
    bool used;
    uint32_t number;
    uint64_t last_use;
    uint64_t start_us;
    aksu_endpoint end[2];
    uint8_t host[2];
    bool isn_known[2];
    uint32_t isn[2];
    aksu_tcp_state shown[2];
    ak_inferred peer_shown; /* one-sided */
    ak_infer infer;         /* one-sided */
    uint64_t delivered_bytes[2];
    bool opening[2]; /* a SYN is out, sent once */
    uint64_t opened_us[2];
    uint32_t rtt_us;
    bool segment_state;        /* the last SEGMENT event told a change of state ... */
    uint64_t segment_state_us; /* ... at this time: STATE events of it say nothing new */
};

struct ladder_listener {
    bool used;
    uint8_t host;
    uint16_t port;
};

struct ladder_pending {
    unsigned host;
    aksu_trace_event event; /* without a frame */
};

struct ladder_flight {
    uint64_t packet;
    uint32_t flight;
    size_t row; /* of its departure */
};

struct ak_ladder {
    ak_ladder_options options;
    ak_row_sink *sink;
    void *sink_user;
    bool started;
    uint64_t start_us;
    uint64_t last_row_us;
    uint64_t use_count;
    uint32_t connection_count;
    struct ladder_conn *conns; /* options.connection_max of them */
    struct ladder_listener listener[LISTENER_MAX];
    uint32_t pending_count;
    struct ladder_pending pending[PENDING_MAX];
    ak_row *rows;
    size_t row_count, row_cap;
    struct ladder_flight *flights;
    size_t flight_count, flight_cap;
    bool omitted;
};

/* The connection of a host's flow, made if there is none yet; *ret_end tells which end the host is.  NULL: filtered
 * out. *ret_new tells that it was made now. */
struct ladder_conn *ak_ladder_conn(ak_ladder *l, unsigned host, const aksu_flow *flow, unsigned *ret_end,
                                   bool *ret_new);

/* Learns initial sequence numbers and round trips from a segment event seen at `end`. */
void ak_ladder_learn(ak_ladder *l, struct ladder_conn *c, unsigned host, unsigned end, uint64_t time_us,
                     const aksu_ev_segment *s);

/* A number of the stream that `end` sends, as it is shown. */
int64_t ak_ladder_number(const ak_ladder *l, const struct ladder_conn *c, unsigned end, uint32_t raw);

/* A segment event as row data, numbers shown.  end: of the host where the event happened. */
void ak_ladder_segment(const ak_ladder *l, const struct ladder_conn *c, unsigned end, const aksu_ev_segment *s,
                       ak_row_segment *ret_segment);

void ak_ladder_listen(ak_ladder *l, unsigned host, const aksu_ev_state *s);
bool ak_ladder_listens(const ak_ladder *l, unsigned host, uint16_t port);

#endif /* VIEW_LADDER_MODEL_H */
