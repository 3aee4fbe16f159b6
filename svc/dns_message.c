/* DNS messages: see dns_message.h. */
#include "dns_message.h"

#include <string.h>

enum { TYPE_CNAME = 5, TYPE_OPT = 41, CLASS_IN = 1, RCODE_OK = 0, RCODE_FORMAT = 1, RCODE_NAME = 3, RCODE_NOT_IMP = 4 };
enum {
    FLAG_RESPONSE = 0x8000,
    FLAG_TRUNCATED = 0x0200,
    FLAG_RECURSION = 0x0100,
    MASK_OPCODE = 0x7800,
    MASK_RCODE = 15
};

static uint16_t be16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint8_t *put16(uint8_t *p, unsigned value) {
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
    return p + 2;
}

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* ---------------------------------------------------------------- names */

/* One label behind the others, with room left for the root's. */
static bool add_label(struct dns_name *name, const uint8_t *label, size_t octets) {
    if (octets == 0 || octets > DNS_LABEL_OCTETS || name->bytes + 1u + octets + 1u > DNS_NAME_OCTETS) return false;
    name->octet[name->bytes++] = (uint8_t)octets;
    for (size_t i = 0; i < octets; i++) name->octet[name->bytes++] = lower(label[i]);
    return true;
}

bool dns_name_from_text(const char *text, struct dns_name *ret_name) {
    struct dns_name name = {.bytes = 0};
    const char *at = text;
    while (*at != '\0') {
        size_t octets = strcspn(at, ".");
        if (!add_label(&name, (const uint8_t *)at, octets)) return false;
        at += octets;
        if (*at == '.') at++;
    }
    if (name.bytes == 0) return false;
    name.octet[name.bytes++] = 0;
    *ret_name = name;
    return true;
}

/* A number of at most three digits, or one hexadecimal digit. */
static void add_number(struct dns_name *name, unsigned value, unsigned base) {
    uint8_t digits[3];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t) "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    (void)add_label(name, digits + at, sizeof digits - at);
}

void dns_name_from_addr(const aksu_addr *addr, struct dns_name *ret_name) {
    struct dns_name name = {.bytes = 0};
    bool v4 = aksu_addr_is_v4(addr);
    for (size_t i = 16; i > (v4 ? 12 : 0); i--) {
        unsigned octet = addr->byte[i - 1];
        if (v4) {
            add_number(&name, octet, 10);
        } else {
            add_number(&name, octet & 15, 16);
            add_number(&name, octet >> 4, 16);
        }
    }
    (void)add_label(&name, (const uint8_t *)(v4 ? "in-addr" : "ip6"), v4 ? 7 : 3);
    (void)add_label(&name, (const uint8_t *)"arpa", 4);
    name.octet[name.bytes++] = 0;
    *ret_name = name;
}

static bool is_plain(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool dns_name_to_text(const struct dns_name *name, char *buf, size_t cap) {
    size_t at = 0;
    for (size_t i = 0; i < name->bytes && name->octet[i] != 0; i += 1u + name->octet[i]) {
        if (cap - at < 2) return false;
        if (i > 0) buf[at++] = '.';
        for (size_t k = 1; k <= name->octet[i]; k++) {
            uint8_t c = name->octet[i + k];
            if (cap - at < 5) return false;
            if (is_plain(c)) {
                buf[at++] = (char)c;
                continue;
            }
            buf[at++] = '\\';
            buf[at++] = (char)('0' + c / 100);
            buf[at++] = (char)('0' + c / 10 % 10);
            buf[at++] = (char)('0' + c % 10);
        }
    }
    if (at == cap) return false;
    buf[at] = '\0';
    return true;
}

/* The name at *at, which is put behind it.  Each pointer leads to before the place where the labels that it ends began:
 * so there is an end. */
static bool read_name(const uint8_t *p, size_t bytes, size_t *at, struct dns_name *ret_name) {
    struct dns_name name = {.bytes = 0};
    size_t here = *at, behind = 0, began = here;
    for (;;) {
        if (here >= bytes) return false;
        uint8_t octet = p[here];
        if (octet == 0) break;
        if (octet >= 0xc0) {
            if (bytes - here < 2) return false;
            size_t to = be16(p + here) & 0x3fffu;
            if (to >= began || to < DNS_HEADER_BYTES) return false;
            if (behind == 0) behind = here + 2;
            here = began = to;
            continue;
        }
        if (octet > DNS_LABEL_OCTETS || bytes - here - 1 < octet) return false;
        if (!add_label(&name, p + here + 1, octet)) return false;
        here += 1u + octet;
    }
    name.octet[name.bytes++] = 0;
    *at = behind != 0 ? behind : here + 1;
    *ret_name = name;
    return true;
}

static bool same_name(const struct dns_name *a, const struct dns_name *b) {
    return a->bytes == b->bytes && memcmp(a->octet, b->octet, a->bytes) == 0;
}

/* ---------------------------------------------------------------- questions */

size_t dns_query_build(uint8_t *p, const struct dns_question *question, bool edns) {
    uint8_t *at = put16(p, question->id);
    at = put16(at, FLAG_RECURSION);
    at = put16(at, 1);
    at = put16(at, 0);
    at = put16(at, 0);
    at = put16(at, edns ? 1 : 0);
    memcpy(at, question->name.octet, question->name.bytes);
    at = put16(at + question->name.bytes, question->type);
    at = put16(at, CLASS_IN);
    if (!edns) return (size_t)(at - p);
    *at++ = 0; /* RFC 6891 s6.1.2: of the root */
    at = put16(at, TYPE_OPT);
    at = put16(at, DNS_UDP_BYTES);
    memset(at, 0, 6); /* no extended code, version 0, no flags, no options */
    return (size_t)(at + 6 - p);
}

/* ---------------------------------------------------------------- replies */

struct record {
    struct dns_name owner;
    uint16_t type, class;
    uint32_t ttl_s;
    size_t data, data_bytes;
};

static bool read_record(const uint8_t *p, size_t bytes, size_t *at, struct record *ret_record) {
    enum { FIXED_BYTES = 10 };
    size_t here = *at;
    if (!read_name(p, bytes, &here, &ret_record->owner) || bytes - here < FIXED_BYTES) return false;
    ret_record->type = be16(p + here);
    ret_record->class = be16(p + here + 2);
    uint32_t ttl_s = be32(p + here + 4);
    ret_record->ttl_s = ttl_s > INT32_MAX ? 0 : ttl_s; /* RFC 2181 s8 */
    ret_record->data_bytes = be16(p + here + 8);
    ret_record->data = here + FIXED_BYTES;
    if (bytes - ret_record->data < ret_record->data_bytes) return false;
    *at = ret_record->data + ret_record->data_bytes;
    return true;
}

/* What an answer is found in: the message behind its question, and the name that it is about. */
struct search {
    const uint8_t *p;
    size_t bytes, answers_at;
    uint32_t answer_count;
    uint16_t type;
    struct dns_name name;
    aksu_dns_answer *answer;
    bool found;
};

/* A record of the type that was asked for.  False: its data is none. */
static bool take(struct search *s, const struct record *record) {
    aksu_dns_answer *answer = s->answer;
    const uint8_t *data = s->p + record->data;
    if (s->type == AKSU_DNS_PTR) {
        struct dns_name name;
        size_t at = record->data;
        if (!read_name(s->p, s->bytes, &at, &name) || at != record->data + record->data_bytes) return false;
        if (!s->found && !dns_name_to_text(&name, answer->name, sizeof answer->name)) return false;
    } else if (record->data_bytes != (s->type == AKSU_DNS_A ? 4 : 16)) {
        return false;
    } else if (answer->addr_count < AKSU_DNS_ADDRS) {
        aksu_addr *addr = &answer->addr[answer->addr_count++];
        if (s->type == AKSU_DNS_A)
            *addr = aksu_addr_v4(data[0], data[1], data[2], data[3]);
        else
            memcpy(addr->byte, data, sizeof addr->byte);
    }
    s->found = true;
    return true;
}

/* Looks through the answers for the name.  True with *ret_alias: it is another name for that. */
static bool look(struct search *s, struct dns_name *ret_alias, bool *ret_is_alias) {
    size_t at = s->answers_at;
    *ret_is_alias = false;
    for (uint32_t i = 0; i < s->answer_count && i < DNS_RECORDS_MAX; i++) {
        struct record record;
        if (!read_record(s->p, s->bytes, &at, &record)) return false;
        if (record.class != CLASS_IN || !same_name(&record.owner, &s->name)) continue;
        if (record.type != s->type && record.type != TYPE_CNAME) continue;
        if (record.ttl_s < s->answer->ttl_s) s->answer->ttl_s = record.ttl_s;
        size_t target = record.data;
        if (record.type == s->type) {
            if (!take(s, &record)) return false;
        } else if (!read_name(s->p, s->bytes, &target, ret_alias) || target != record.data + record.data_bytes) {
            return false;
        } else {
            *ret_is_alias = true;
        }
    }
    return true;
}

/* RFC 1034 s3.6.2: aliases are followed, to an end. */
static dns_verdict find(struct search *s) {
    struct dns_name alias;
    bool is_alias = true;
    for (uint32_t i = 0; i <= DNS_ALIASES_MAX && is_alias; i++) {
        if (!look(s, &alias, &is_alias)) return DNS_MALFORMED;
        if (s->found) return DNS_ANSWERED;
        if (is_alias) s->name = alias;
    }
    return is_alias ? DNS_MALFORMED : DNS_NO_DATA;
}

/* RFC 5452 s9.1: the id and the question must be ours. */
static bool is_ours(const uint8_t *p, size_t bytes, const struct dns_question *question, size_t *ret_behind) {
    if (bytes < DNS_HEADER_BYTES || be16(p) != question->id) return false;
    uint16_t flags = be16(p + 2);
    if ((flags & FLAG_RESPONSE) == 0 || (flags & MASK_OPCODE) != 0) return false;
    size_t at = DNS_HEADER_BYTES;
    *ret_behind = at;
    /* One that could not even read the question may leave it out; it is not believed but for that. */
    if (be16(p + 4) == 0) return (flags & MASK_RCODE) == RCODE_FORMAT;
    struct dns_name name;
    if (be16(p + 4) != 1 || !read_name(p, bytes, &at, &name) || bytes - at < 4) return false;
    *ret_behind = at + 4;
    return same_name(&name, &question->name) && be16(p + at) == question->type && be16(p + at + 2) == CLASS_IN;
}

dns_verdict dns_reply_parse(const uint8_t *p, size_t bytes, const struct dns_question *question,
                            aksu_dns_answer *ret_answer) {
    size_t behind;
    if (!is_ours(p, bytes, question, &behind)) return DNS_FOREIGN;
    uint16_t flags = be16(p + 2), rcode = flags & MASK_RCODE;
    if (rcode == RCODE_FORMAT || rcode == RCODE_NOT_IMP) return DNS_NO_EDNS;
    if (flags & FLAG_TRUNCATED) return DNS_TRUNCATED;
    if (rcode == RCODE_NAME) return DNS_NO_NAME;
    if (rcode != RCODE_OK) return DNS_REFUSED;
    aksu_dns_answer answer = {.ttl_s = UINT32_MAX};
    struct search s = {.p = p,
                       .bytes = bytes,
                       .answers_at = behind,
                       .answer_count = be16(p + 6),
                       .type = question->type,
                       .name = question->name,
                       .answer = &answer};
    dns_verdict verdict = find(&s);
    if (verdict != DNS_ANSWERED) return verdict;
    if (s.type != AKSU_DNS_PTR && !dns_name_to_text(&s.name, answer.name, sizeof answer.name)) return DNS_MALFORMED;
    *ret_answer = answer;
    return DNS_ANSWERED;
}
