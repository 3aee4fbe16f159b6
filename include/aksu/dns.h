/* Names to addresses and back for an aksu stack (RFC 1035, RFC 3596), by asking recursive servers.
 *
 * Questions go over UDP, each from a socket and port of its own with an id that cannot be guessed (RFC 5452), and again
 * over TCP where a reply was truncated (RFC 7766), or where replies that do not fit say that somebody guesses.  A
 * server that is silent or fails is left for the next one.  Aliases are followed within a reply.  There is no cache: an
 * answer tells how long it holds.
 *
 * Like the core it does no I/O and allocates nothing: the caller gives memory, and the stack's events and time.
 *
 *     aksu_dns_ask(dns, now_us, "example.org", AKSU_DNS_AAAA, user, &id);
 *     for each event of the stack:  if (!aksu_dns_event(dns, now_us, &event)) ...it is somebody else's
 *     at aksu_dns_deadline_us:      aksu_dns_advance(dns, now_us);
 *     while (aksu_dns_next(dns, &answer)) ...
 *
 * Limits: one question at a time for each slot of query_max; messages of at most 4,096 octets over TCP; no search list,
 * no hosts file, no DNSSEC, no mDNS. */
#ifndef AKSU_DNS_H
#define AKSU_DNS_H

#include "aksu.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aksu_dns aksu_dns; /* opaque, in the caller's memory */

typedef enum aksu_dns_type { AKSU_DNS_A = 1, AKSU_DNS_PTR = 12, AKSU_DNS_AAAA = 28 } aksu_dns_type;

#define AKSU_DNS_SERVERS    3
#define AKSU_DNS_ADDRS      16
#define AKSU_DNS_NAME_BYTES 1024 /* 253 characters, each perhaps written as \DDD, and the NUL */

typedef struct aksu_dns_config {
    uint32_t struct_bytes;                  /* sizeof(aksu_dns_config): set by aksu_dns_config_default */
    uint32_t query_max;                     /* questions at one time, 1 to 4096 (8) */
    aksu_endpoint server[AKSU_DNS_SERVERS]; /* asked in this order; port 0: 53 */
    uint32_t server_count;                  /* 1 to AKSU_DNS_SERVERS */
    uint32_t try_max;                       /* times that each server is asked, 1 to 10 (2) */
    uint64_t timeout_us;                    /* for a reply, doubled with each round; 100 ms to 60 s (2 s) */
    uint8_t entropy[32];                    /* unpredictable: ids come from it */
} aksu_dns_config;

typedef enum aksu_dns_result {
    AKSU_DNS_ANSWERED = 0,
    AKSU_DNS_NO_NAME,   /* the name does not exist */
    AKSU_DNS_NO_DATA,   /* it exists, and has no record of this type */
    AKSU_DNS_REFUSED,   /* every server that spoke refused or failed */
    AKSU_DNS_MALFORMED, /* the same, and what the last one said could not be read */
    AKSU_DNS_SILENT,    /* no server spoke */
} aksu_dns_result;
const char *aksu_dns_result_text(aksu_dns_result result);

typedef struct aksu_dns_answer {
    uint32_t id;   /* as aksu_dns_ask gave it */
    uint64_t user; /* the application's word */
    aksu_dns_result result;
    uint32_t ttl_s;                 /* how long the answer holds */
    uint32_t addr_count;            /* A and AAAA, in the server's order */
    aksu_addr addr[AKSU_DNS_ADDRS]; /* more than fit are left out */
    char name[AKSU_DNS_NAME_BYTES]; /* of a PTR: the name.  of an address: the name that has it, aliases followed */
    aksu_endpoint server;           /* who said it */
    bool tcp;                       /* over TCP */
} aksu_dns_answer;

void aksu_dns_config_default(aksu_dns_config *ret_config);

/* Bytes that a resolver of this configuration needs; 0: out of range. */
size_t aksu_dns_bytes(const aksu_dns_config *config);

/* Makes a resolver in mem, aligned to 8, which lives as long as stack.  The stack must have a UDP socket and, for long
 * answers, a TCP connection to spare for each question at one time.  INVALID: config; NO_MEMORY: mem_bytes too few. */
aksu_err aksu_dns_init(const aksu_dns_config *config, aksu_stack *stack, void *mem, size_t mem_bytes,
                       aksu_dns **ret_dns);

/* Asks.  name: 1 to 253 characters, a dot behind it allowed.  For AKSU_DNS_PTR it may be an address' text as well.
 * Answers come by aksu_dns_next.  INVALID: no name; AGAIN: query_max questions are out; errors of the stack's calls
 * when nothing can be sent. */
aksu_err aksu_dns_ask(aksu_dns *dns, uint64_t now_us, const char *name, aksu_dns_type type, uint64_t user,
                      uint32_t *ret_id);

/* Forgets a question.  INVALID: there is none of that id, or it was answered. */
aksu_err aksu_dns_cancel(aksu_dns *dns, uint32_t id);

/* An event of the stack.  True: its socket is the resolver's, and nobody else need look. */
bool aksu_dns_event(aksu_dns *dns, uint64_t now_us, const aksu_event *event);

/* Time passes: asks again, or the next server.  Deadline: when to call; UINT64_MAX: nothing is awaited. */
void aksu_dns_advance(aksu_dns *dns, uint64_t now_us);
uint64_t aksu_dns_deadline_us(const aksu_dns *dns);

/* The next answer; its question is then over. */
bool aksu_dns_next(aksu_dns *dns, aksu_dns_answer *ret_answer);

/* Closes what is open; the memory is the caller's again. */
void aksu_dns_close(aksu_dns *dns);

#ifdef __cplusplus
}
#endif

#endif /* AKSU_DNS_H */
