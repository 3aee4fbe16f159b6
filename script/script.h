/* Packet scripts: a language in which a test says when packets come in, which must go out, and what the application
 * calls meanwhile.  The language is packetdrill's; docs/script.md tells what of it is known here and what was added.
 *
 * Three parts: parse.c (text to steps), the parts of a step (packet.c: segments; value.c and calls.c: system calls on
 * virtual sockets; assert.c: expressions over tcp_info), and run.c, which plays the steps on one stack in virtual time.
 *
 * Limits: one connection a script, IPv4, one thread.  What is not known is an error with its place, marked unsupported:
 * a script that was not understood is never passed. */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include "aksu/trace.h"

typedef struct script_error {
    uint32_t line, column; /* 0: of the file as a whole */
    bool unsupported;      /* the script may be right, but asks for what is not here */
    char text[640];
} script_error;

/* ---------------------------------------------------------------- values: arguments of calls */

typedef enum script_value_kind {
    SCRIPT_NUMBER,
    SCRIPT_TEXT,     /* "..." */
    SCRIPT_ELLIPSIS, /* ...: anything */
    SCRIPT_LIST,     /* [ ... ] */
    SCRIPT_STRUCT,   /* { name=value, ... } */
} script_value_kind;

typedef struct script_value {
    script_value_kind kind;
    int64_t number;
    char *text; /* of TEXT; of a NUMBER that was a name: the name */
    char *name; /* of a member of a STRUCT */
    struct script_value *item;
    uint32_t item_count;
} script_value;

/* The value of a C constant (SOL_SOCKET), or of an errno name. */
bool script_constant(const char *name, int64_t *ret_value);
const char *script_errno_name(int code); /* "EAGAIN"; "E?" for one not known */
void script_value_free(script_value *value);
/* A member of a STRUCT, NULL if it has none of this name. */
const script_value *script_member(const script_value *value, const char *name);

/* ---------------------------------------------------------------- packets */

#define SCRIPT_OPTION_MAX 12

typedef enum script_option_kind {
    SCRIPT_OPT_END = 0,
    SCRIPT_OPT_NOP = 1,
    SCRIPT_OPT_MSS = 2,
    SCRIPT_OPT_WSCALE = 3,
    SCRIPT_OPT_SACK_OK = 4,
    SCRIPT_OPT_SACK = 5,
    SCRIPT_OPT_TS = 8,
    SCRIPT_OPT_USER_TIMEOUT = 28,
    SCRIPT_OPT_FAST_OPEN = 34,
    SCRIPT_OPT_ACCECN0 = 172,
    SCRIPT_OPT_ACCECN1 = 174,
} script_option_kind;

typedef struct script_option {
    uint8_t kind;
    uint8_t byte_count; /* of text[]; SACK: blocks; AccECN: fields */
    uint32_t value[8];  /* MSS, shift, TS val and ecr, SACK edges, AccECN counters */
    uint8_t text[16];   /* a cookie */
} script_option;

typedef struct script_packet {
    uint16_t flags;
    bool has_ack, has_wnd, options_any, options_given;
    uint32_t seq, payload_bytes, ack, wnd;
    uint16_t up;
    int ecn; /* 0 to 3; -1: not said */
    int ttl; /* -1: not said */
    bool icmp;
    uint8_t icmp_type, icmp_code;
    uint32_t icmp_mtu;
    script_option option[SCRIPT_OPTION_MAX];
    uint32_t option_count;
} script_packet;

#define SCRIPT_FRAME_MAX 65536

/* Where a connection's numbers are: script numbers count from zero, the wire's from the ISNs. */
typedef struct script_numbers {
    aksu_addr local, remote;
    uint16_t local_port, remote_port;
    uint32_t local_isn, script_isn; /* ours on the wire, and what the script calls it */
    bool local_known;
    uint32_t ts_offset; /* our timestamps: wire less script */
    bool ts_known;
    bool ts_checked; /* they must be what the script says, but for TS_TICKS of 1 ms */
} script_numbers;

/* A segment of the peer's as a frame; its length. */
uint32_t script_packet_build(const script_packet *packet, const script_numbers *numbers, uint8_t *frame);
/* One of ours as the script would write it.  False: it is no IPv4 TCP segment. */
bool script_packet_read(const uint8_t *frame, uint32_t bytes, const script_numbers *numbers, script_packet *ret_packet);
/* As text, the way scripts write it. */
void script_packet_print(const script_packet *packet, char *buf, size_t cap);
/* NULL if got is what was wanted, else what differs.  Learns the offset of timestamps. */
const char *script_packet_compare(const script_packet *wanted, const script_packet *got, script_numbers *numbers);

/* ---------------------------------------------------------------- steps */

typedef enum script_step_kind {
    SCRIPT_IN,
    SCRIPT_OUT,
    SCRIPT_CALL,
    SCRIPT_ASSERT, /* %{ ... }% */
    SCRIPT_SHELL,  /* `...`: known settings only */
} script_step_kind;

typedef enum script_time_kind {
    SCRIPT_TIME_ABSOLUTE,
    SCRIPT_TIME_RELATIVE, /* to the step before */
    SCRIPT_TIME_ANY,
} script_time_kind;

typedef struct script_step {
    script_step_kind kind;
    uint32_t line, column;
    script_time_kind time_kind;
    int64_t time_us, time_to_us; /* time_to_us > time_us: a range; with blocks: when the call returns */
    bool range, blocks;
    script_packet packet;
    char *name; /* of the call; the text of an assertion or a shell line */
    script_value *arg;
    uint32_t arg_count;
    script_value result; /* ELLIPSIS: anything */
    char *result_errno;  /* NULL: not said */
    char *result_state;  /* state() = ESTABLISHED */
} script_step;

typedef enum script_profile { SCRIPT_PROFILE_AKSU, SCRIPT_PROFILE_LINUX, SCRIPT_PROFILE_FREEBSD } script_profile;

typedef struct script {
    char *path;
    script_step *step;
    uint32_t step_count, step_cap;
    script_profile profile;
    bool profile_given; /* by the script itself */
    uint64_t tolerance_us;
    uint32_t mtu;
    aksu_addr local, remote; /* ours; the peer's */
    aksu_config config;      /* limits and settings, with what --aksu_set and known sysctls changed */
} script;

/* Reads a script.  NULL: ret_error tells.  config: what the profile starts from. */
script *script_parse(const char *path, const char *text, script_profile profile, script_error *ret_error);
void script_free(script *s);
void script_config(script_profile profile, aksu_config *ret_config);
bool script_profile_named(const char *name, script_profile *ret_profile);

/* A value of a setting by its name; false, with the error filled: no such setting, or out of range. */
bool script_set(script *s, const char *name, uint64_t value, script_error *ret_error);
/* A line between backticks, as far as it is known. */
bool script_shell(script *s, const char *text, script_error *ret_error);

/* Plays it.  False: ret_error tells where and why. */
bool script_run(const script *s, script_error *ret_error);

/* An assertion's text over the values of tcp_info.  False: it does not hold, or is not understood (unsupported). */
bool script_assert(const char *text, const aksu_tcp_info *info, script_error *ret_error);
/* tcpi_state and the like, in Linux's units.  False: no such name. */
bool script_tcp_info(const char *name, const aksu_tcp_info *info, int64_t *ret_value);

void script_fail(script_error *error, const script_step *step, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
