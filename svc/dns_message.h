/* DNS messages: a question to bytes, and what a reply says to it.  RFC 1035 s4, RFC 6891 (EDNS), RFC 3596 (AAAA).
 *
 * A reply is a stranger's: every length is checked before it is used, a compressed name may only point backwards
 * (RFC 1035 s4.1.4 says "prior occurrence"), a name has at most 255 octets, and the records looked at are as many as
 * DNS_RECORDS_MAX at most, for each of at most DNS_ALIASES_MAX aliases. */
#ifndef SVC_DNS_MESSAGE_H
#define SVC_DNS_MESSAGE_H

#include "aksu/dns.h"

enum {
    DNS_HEADER_BYTES = 12,
    DNS_NAME_OCTETS = 255, /* RFC 1035 s2.3.4, with the root's */
    DNS_LABEL_OCTETS = 63,
    DNS_QUERY_BYTES = DNS_HEADER_BYTES + DNS_NAME_OCTETS + 4 + 11, /* with EDNS: the longest */
    DNS_RECORDS_MAX = 256,
    DNS_ALIASES_MAX = 8,
    DNS_UDP_BYTES = 1232, /* what we take in a datagram: fits in 1,280 octets of IPv6 without fragments */
};

/* A name as on the wire, in lower case: labels with their lengths, ended by the root's zero. */
struct dns_name {
    uint8_t octet[DNS_NAME_OCTETS];
    uint16_t bytes;
};

/* A dot behind it is allowed.  False: empty, a label of 0 or more than 63 octets, or too long. */
bool dns_name_from_text(const char *text, struct dns_name *ret_name);
/* The name under in-addr.arpa or ip6.arpa: RFC 1035 s3.5, RFC 3596 s2.5. */
void dns_name_from_addr(const aksu_addr *addr, struct dns_name *ret_name);
/* Presentation form without the last dot; octets that are no letter, digit, '-' or '_' as \DDD.  False: no room. */
bool dns_name_to_text(const struct dns_name *name, char *buf, size_t cap);

struct dns_question {
    struct dns_name name;
    uint16_t type; /* aksu_dns_type */
    uint16_t id;
};

/* A recursive query; p holds DNS_QUERY_BYTES.  Answers its bytes. */
size_t dns_query_build(uint8_t *p, const struct dns_question *question, bool edns);

typedef enum dns_verdict {
    DNS_FOREIGN,   /* no reply to this question: as if it had not come (RFC 5452 s9.1) */
    DNS_MALFORMED, /* it is, and cannot be read */
    DNS_ANSWERED,
    DNS_NO_NAME,
    DNS_NO_DATA,
    DNS_TRUNCATED, /* ask again over TCP: RFC 7766 s5 */
    DNS_NO_EDNS,   /* ask again without it: RFC 6891 s7 */
    DNS_REFUSED,   /* this server does not or cannot answer; another one may */
} dns_verdict;

/* DNS_ANSWERED fills addresses or the name, and the time to live; the others leave *ret_answer alone. */
dns_verdict dns_reply_parse(const uint8_t *p, size_t bytes, const struct dns_question *question,
                            aksu_dns_answer *ret_answer);

#endif /* SVC_DNS_MESSAGE_H */
