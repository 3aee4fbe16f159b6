/* The lab: scenarios as data, run on the simulator and drawn.
 *
 * A scenario file (docs/scenario-format.md) is read into plain data by lab_load; lab_run plays one of its runs and
 * keeps what happened; lab_judge says whether what must be true was.  Nothing here knows any scenario. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include "aksu/sim.h"
#include "view/ladder_svg.h"
#include "view/ladder_term.h"
#include "view/pcapng.h"

#define LAB_HOST_MAX        4
#define LAB_ROUTER_MAX      4
#define LAB_LINK_MAX        8
#define LAB_HOST_ENTRY_MAX  16 /* with what runs and variants say otherwise */
#define LAB_RUN_MAX         8
#define LAB_HAPPENING_MAX   16
#define LAB_HAPPENING_BYTES 128
#define LAB_ITEM_MAX        96 /* statements of one kind */
#define LAB_STATE_MAX       16
#define LAB_REASON_MAX      256

typedef struct lab_text {
    const char *text[AK_LANG_COUNT]; /* NULL: not given */
} lab_text;

/* Where a statement holds. */
typedef enum lab_when { LAB_ALWAYS, LAB_INTACT, LAB_MUTANT } lab_when;
typedef struct lab_place {
    uint32_t line, column;
    lab_when when;
    int run; /* -1: in all runs */
} lab_place;

/* What a naive host has of a real one; without any it has a two-way handshake, numbers that count up, memory for every
 * SYN and no TIME-WAIT. */
typedef enum lab_sense {
    LAB_SENSE_THREE_WAY = 1u << 0, /* it asks back before it believes in a connection */
    LAB_SENSE_RANDOM_ISN = 1u << 1,
    LAB_SENSE_TIME_WAIT = 1u << 2,
    LAB_SENSE_ALLOCATE_AT_ACK = 1u << 3, /* with THREE_WAY */
} lab_sense;

typedef struct lab_host {
    lab_place place;
    const char *name;
    aksu_addr addr;
    aksu_config config;
    bool reads, accepts, naive;
    unsigned senses;              /* lab_sense, of a naive host */
    uint64_t slow_bytes, slow_us; /* it reads so many bytes each time, so often; 0: at once */
    uint32_t of;                  /* an entry: which host it is about */
} lab_host;

typedef struct lab_router {
    const char *name;
    aksu_addr addr;
} lab_router;

/* Ends are hosts, or from LAB_HOST_MAX on routers. */
typedef struct lab_link {
    lab_place place;
    uint8_t end[2];
    uint32_t mtu;
    aksu_sim_path path[2]; /* [0]: from end[0] */
} lab_link;

typedef struct lab_fault {
    lab_place place;
    uint8_t link, from; /* from: an end, as a link's */
    aksu_sim_fault fault;
} lab_fault;

typedef enum lab_deed {
    LAB_LISTEN,
    LAB_CONNECT,
    LAB_LISTEN_CONNECT,
    LAB_ACCEPT,
    LAB_SEND,
    LAB_READ,
    LAB_SHUTDOWN,
    LAB_CLOSE,
    LAB_ABORT,
    LAB_UNLISTEN,
    LAB_SET,
    LAB_CRASH,
    LAB_RESTART,
    LAB_CLOCK,
    LAB_CUT,
    LAB_MEND,
    LAB_MTU,
    LAB_PATH,
    LAB_FORGE,
    LAB_ICMP,
} lab_deed;

/* A number that may depend on a host's latest connection: "client.rcv_nxt+5". */
typedef struct lab_number {
    int host; /* -1: just plus */
    uint8_t field;
    int64_t plus;
} lab_number;
enum { LAB_SND_UNA, LAB_SND_NXT, LAB_RCV_NXT, LAB_ISS, LAB_IRS, LAB_RCV_EDGE, LAB_TS_VAL, LAB_PORT };

typedef struct lab_action {
    lab_place place;
    lab_deed verb;
    int on_host; /* -1: at at_us */
    uint32_t on_connection, on_bits;
    uint64_t at_us, after_us;
    uint8_t host, link;
    uint32_t connection; /* 0: the latest, else the Nth */
    uint64_t number, from_port, backlog;
    uint8_t peer, sender; /* sender: whose address a forged segment bears */
    aksu_tcp_setting setting;
    const char *text;
    bool urgent;
    uint16_t flags;               /* forge */
    uint8_t icmp_type, icmp_code; /* icmp: host sends it to peer, about a segment of peer's to sender */
    lab_number seq, ack, source_port, port, ts_val, ts_ecr;
    bool stamped; /* forge: it has a timestamps option */
    uint32_t bytes;
    uint8_t from;       /* path: the end that its packets come from */
    aksu_sim_path path; /* and what it is from now on */
} lab_action;

typedef struct lab_segment_pick {
    int host; /* -1: any */
    uint16_t flags;
    bool any_flags, data;
    uint32_t nth;
} lab_segment_pick;

typedef struct lab_story {
    lab_place place;
    lab_segment_pick pick;
    bool at_time, at_state;
    uint64_t at_us;
    int host;
    aksu_tcp_state state;
    lab_text text;
} lab_story;

typedef enum lab_claim {
    LAB_CLAIM_SEGMENT,
    LAB_CLAIM_COUNT,
    LAB_CLAIM_DROP,
    LAB_CLAIM_PATH,
    LAB_CLAIM_STATE,
    LAB_CLAIM_TOLD,
    LAB_CLAIM_DELIVERED_TEXT,
    LAB_CLAIM_DELIVERED_BYTES,
    LAB_CLAIM_CALL,
    LAB_CLAIM_REACHED,
    LAB_CLAIM_COUNTER,
    LAB_CLAIM_LOST,
    LAB_CLAIM_ISN_CLOCK,
    LAB_CLAIM_ISN_RANDOM,
    LAB_CLAIM_HELD,
    LAB_CLAIM_VIOLATION,
} lab_claim;
typedef enum lab_compare { LAB_EQUAL, LAB_LESS, LAB_MORE } lab_compare;

typedef struct lab_expect {
    lab_place place;
    lab_claim claim;
    bool at_time;
    uint64_t at_us;
    int host;
    uint32_t connection;
    lab_segment_pick pick;
    int64_t seq, ack, len, offset, mss; /* -1: not asked */
    lab_compare compare;
    uint64_t number;
    uint32_t first, second;
    aksu_drop drop;
    uint32_t path_count;
    aksu_tcp_state path[LAB_STATE_MAX];
    uint32_t bits;
    int reason; /* -1: bits count */
    aksu_err err;
    aksu_call call;
    uint32_t counter;
    const char *text;
} lab_expect;

typedef struct lab_run_head {
    const char *name;
    lab_text title;
} lab_run_head;

typedef struct lab_scenario {
    char *source; /* owned; texts point into it */
    const char *name;
    uint32_t chapter;
    const char *not_yet; /* what it waits for; NULL: it is here */
    lab_text title, question, answer, mutation;
    uint64_t end_us;
    bool bars[AK_GAUGE_COUNT]; /* drawn as they change */
    bool boxes;                /* of which sizes each host's largest packet is made */
    uint32_t host_count, link_count, fault_count, action_count, story_count, expect_count, run_count;
    uint32_t entry_count, router_count;
    lab_host host[LAB_HOST_MAX];
    lab_host entry[LAB_HOST_ENTRY_MAX];
    lab_link link[LAB_LINK_MAX];
    lab_router router[LAB_ROUTER_MAX];
    lab_fault fault[LAB_ITEM_MAX];
    lab_action action[LAB_ITEM_MAX];
    lab_story story[LAB_ITEM_MAX];
    lab_expect expect[LAB_ITEM_MAX];
    lab_run_head run[LAB_RUN_MAX];
    char happening[LAB_HAPPENING_MAX][AK_LANG_COUNT][LAB_HAPPENING_BYTES]; /* happen.c */
} lab_scenario;

typedef struct lab_error {
    uint32_t line, column;
    char text[160];
} lab_error;

/* Makes story lines of cables pulled and put back, crashes and restarts; of a scenario that is complete. */
void lab_happenings(lab_scenario *scenario);
/* Takes source (malloc) over, also on failure.  NULL: error says where and why. */
lab_scenario *lab_parse(char *source, lab_error *ret_error);
lab_scenario *lab_load(const char *path, lab_error *ret_error);
void lab_free(lab_scenario *scenario);
/* The same scenario over IPv6: every address a.b.c.d becomes fd00::a.b.c.d, and links carry as much more as the header
 * is longer, so that segments are as large. */
void lab_to_ipv6(lab_scenario *scenario);

/* ---------------------------------------------------------------- running */

typedef struct lab_segment {
    uint32_t host;
    uint64_t time_us;
    aksu_ev_segment segment; /* frame is not kept */
    uint32_t rel_seq, rel_ack;
} lab_segment;
typedef struct lab_change {
    uint32_t host, chain;
    uint64_t time_us;
    aksu_ev_state state;
} lab_change;
typedef struct lab_note {
    uint32_t host;
    uint64_t time_us;
    bool call;
    aksu_ev_call what;
    aksu_ev_notify told;
} lab_note;
typedef struct lab_syn { /* ISNs seen, to make numbers relative */
    aksu_flow flow;
    uint32_t host, iss;
    uint64_t time_us;
} lab_syn;

typedef struct lab_options {
    uint64_t seed;    /* 0: the file's */
    lab_when variant; /* LAB_INTACT or LAB_MUTANT */
    ak_ladder_options ladder;
    /* Each event as it happens; NULL: nobody looks. */
    void (*event)(void *user, uint32_t host, const aksu_trace_event *event);
    void *event_user;
    bool draws;
} lab_options;

typedef struct lab_naive lab_naive;

typedef struct lab_result {
    lab_when variant;
    const lab_scenario *scenario;
    int run;
    aksu_sim *sim;
    ak_ladder *ladder;              /* NULL: not asked for */
    lab_naive *naive[LAB_HOST_MAX]; /* NULL: a real stack */
    lab_segment *segment;
    lab_change *change;
    lab_note *note;
    lab_syn *syn;
    uint32_t segment_count, change_count, note_count, syn_count, lost_count;
    uint32_t segment_cap, change_cap, note_cap, syn_cap;
    uint32_t chain_count[LAB_HOST_MAX];
    char *delivered[LAB_HOST_MAX];
    size_t delivered_bytes[LAB_HOST_MAX];
    bool failed;
    char reason[LAB_REASON_MAX]; /* the first claim that did not hold */
} lab_result;

/* Plays a run and judges it.  NULL: no memory. */
lab_result *lab_play(const lab_scenario *scenario, int run, const lab_options *options);
void lab_result_free(lab_result *result);

/* Does a statement count in this run and variant? */
bool lab_holds(const lab_place *place, int run, lab_when variant);
bool lab_picks(const lab_segment_pick *pick, uint32_t host, const aksu_ev_segment *segment);
/* Checks one claim now; says why it fails. */
bool lab_judge(lab_result *result, const lab_expect *expect);
/* The value of a counter by its name's index, see lab_counter_index. */
int lab_counter_index(const char *name);
uint64_t lab_counter_value(const aksu_counters *counters, uint32_t index);

/* Passes if every run of the intact variant passes; may fail if some run of the mutant one fails. */
bool lab_passes(const lab_scenario *scenario, lab_when variant, uint64_t seed, char reason[LAB_REASON_MAX]);

/* A raw segment as somebody sends it who is no host: writes an IPv4 packet; answers its bytes. */
typedef struct lab_forged {
    aksu_addr from, to;
    uint16_t from_port, to_port, wnd;
    uint32_t seq, ack;
    uint16_t flags;
    bool stamped; /* RFC 7323 s3.2, behind two NOPs */
    uint32_t ts_val, ts_ecr;
    const void *data;
    uint32_t data_bytes;
} lab_forged;
/* An ICMP error about a segment from `about.from` to `about.to`, which goes to about.from. */
typedef struct lab_forged_icmp {
    lab_forged about;
    aksu_addr by;
    uint8_t type, code;
    uint16_t mtu;
} lab_forged_icmp;
#define LAB_FORGED_BYTES 2048
uint32_t lab_forge(const lab_forged *forged, uint8_t buf[LAB_FORGED_BYTES]);
uint32_t lab_forge_icmp(const lab_forged_icmp *forged, uint8_t buf[LAB_FORGED_BYTES]);

/* ---------------------------------------------------------------- naive hosts (naive.c) */

lab_naive *lab_naive_open(const aksu_addr *addr, unsigned senses);
void lab_naive_close(lab_naive *naive);
/* Puts it on the network; delivered gets the bytes it gives to its application. */
typedef void lab_delivered(void *user, uint32_t host, const void *bytes, size_t byte_count);
aksu_err lab_naive_add(lab_naive *naive, aksu_sim *sim, lab_delivered *delivered, void *user);
void lab_naive_listen(lab_naive *naive, uint16_t port);
void lab_naive_connect(lab_naive *naive, const aksu_endpoint *remote, uint16_t port);
void lab_naive_send(lab_naive *naive, const void *bytes, size_t byte_count);
void lab_naive_forget(lab_naive *naive); /* ends its latest connection without a word */
uint32_t lab_naive_count(const lab_naive *naive, aksu_tcp_state state);

/* ---------------------------------------------------------------- drawing */

typedef struct lab_draw_options {
    ak_lang lang;
    uint32_t columns;
    ak_paint paint;
    ak_glyphs glyphs;
    ak_flags_view flags;
    bool headers;
    size_t row_max; /* rows drawn; 0: all */
} lab_draw_options;
bool lab_draw(const lab_result *result, const lab_draw_options *options, const ak_writer *writer);
/* All runs of a scenario next to each other; the columns that each would have, 0 where they are too few for that. */
uint32_t lab_beside_columns(const lab_scenario *scenario, uint32_t columns);
bool lab_draw_beside(const lab_result *const *results, uint32_t result_count, const lab_draw_options *options,
                     const ak_writer *writer);
/* All runs of a scenario as one SVG; report may be NULL (ladder_svg.h). */
bool lab_draw_svg(const lab_result *const *results, uint32_t result_count, const lab_draw_options *options,
                  const ak_writer *writer, ak_picture_report *ret_report);

/* The largest packets with data of its hosts; answers how many hosts sent one. */
uint32_t lab_size_boxes(const lab_result *result, ak_size_box ret_boxes[LAB_HOST_MAX]);

/* Which stories begin at which row: rows are shown to it in their order, once. */
typedef struct lab_teller {
    const lab_result *result;
    bool told[LAB_ITEM_MAX];
    uint32_t seen[LAB_ITEM_MAX];
} lab_teller;
uint32_t lab_tell(lab_teller *teller, const ak_row *row, const lab_story *ret_stories[LAB_ITEM_MAX]);
/* Why the network lost a packet, by ak_lang. */
const char *const *lab_loss(aksu_sim_loss why);
const char *lab_words(const lab_text *text, ak_lang lang); /* the other language where one is missing */

/* The eleven states, those that a host's first connection passed marked with their order; NULL: none. */
void lab_diagram(const lab_result *result, uint32_t host, const lab_draw_options *options, const ak_writer *writer);
/* The same for all hosts as one SVG; without a result the whole diagram, then a client's and a server's usual way. */
bool lab_diagram_svg(const lab_result *result, ak_lang lang, const ak_writer *writer);
/* The usual way of a client or a server through the states, as text. */
typedef enum lab_role { LAB_CLIENT, LAB_SERVER, LAB_ROLE_COUNT } lab_role;
#define LAB_WAY_MAX 12
uint32_t lab_usual_way(lab_role role, aksu_tcp_state ret_way[LAB_WAY_MAX]);
void lab_diagram_way(lab_role role, const lab_draw_options *options, const ak_writer *writer);

/* The eleven states and what they mean. */
const char *lab_state_meaning(aksu_tcp_state state, ak_lang lang);

#endif /* LAB_LAB_H */
