/* Addresses as text: dotted quads and RFC 4291 s2.2 in, RFC 5952 out.
 *
 * Strict: an octet has 1 to 3 digits and no leading zero (some readers take 010 for 8), a group 1 to 4 hexadecimal
 * digits, "::" stands for at least one group, and nothing may follow: no scope, no prefix, no space.  Mapped addresses
 * are written as the IPv4 addresses that they are here. */
#include "aksu/aksu.h"
#include "base/mem.h"
#include "wire/ip.h"

#define GROUPS 8u

aksu_addr aksu_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return (aksu_addr){.byte = {[10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c, [15] = d}};
}

bool aksu_addr_is_v4(const aksu_addr *addr) {
    return ak_addr_is_v4(addr);
}

bool aksu_addr_is_any(const aksu_addr *addr) {
    static const aksu_addr any = {.byte = {0}};
    if (ak_addr_is_v4(addr)) return ak_addr_v4_value(addr) == 0;
    return aksu_addr_equal(addr, &any);
}

bool aksu_addr_equal(const aksu_addr *a, const aksu_addr *b) {
    return ak_equal(a, b, sizeof *a);
}

/* ---------------------------------------------------------------- parse */

/* Each reader answers the text behind what it has read, or NULL. */

static const char *read_octet(const char *text, uint8_t *ret_octet) {
    const char *first = text;
    unsigned value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (text - first == 3) return NULL;
        value = value * 10 + (unsigned)(*text - '0');
    }
    if (text == first || value > 255 || (*first == '0' && text - first > 1)) return NULL;
    *ret_octet = (uint8_t)value;
    return text;
}

static const char *read_quad(const char *text, uint8_t *ret_octets) {
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0 && *text++ != '.') return NULL;
        text = read_octet(text, &ret_octets[i]);
        if (text == NULL) return NULL;
    }
    return text;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static const char *read_group(const char *text, uint8_t *ret_bytes) {
    const char *first = text;
    unsigned value = 0;
    for (; hex_value(*text) >= 0; text++) {
        if (text - first == 4) return NULL;
        value = value << 4 | (unsigned)hex_value(*text);
    }
    if (text == first) return NULL;
    ret_bytes[0] = (uint8_t)(value >> 8);
    ret_bytes[1] = (uint8_t)value;
    return text;
}

/* What was read of an IPv6 address: its groups without a gap, and where the gap is. */
struct groups {
    uint8_t byte[16];
    unsigned count;
    unsigned gap; /* groups before "::"; GROUPS + 1: none */
};

/* One group, or a dotted quad in the place of the last two. */
static const char *read_piece(const char *text, struct groups *groups) {
    const char *end = read_group(text, &groups->byte[2 * groups->count]);
    if (end != NULL && *end != '.') {
        groups->count++;
        return end;
    }
    if (groups->count > GROUPS - 2) return NULL;
    end = read_quad(text, &groups->byte[2 * groups->count]);
    if (end == NULL || *end != '\0') return NULL;
    groups->count += 2;
    return end;
}

static bool read_groups(const char *text, struct groups *groups) {
    if (*text == ':' && *++text != ':') return false; /* a colon in front is half of "::" */
    while (*text != '\0') {
        if (*text == ':') {
            if (groups->gap <= GROUPS) return false;
            groups->gap = groups->count;
            text++;
            if (*text == '\0') break;
        }
        if (groups->count == GROUPS) return false;
        text = read_piece(text, groups);
        if (text == NULL) return false;
        if (*text == '\0') break;
        if (*text++ != ':' || *text == '\0') return false;
    }
    return groups->gap <= GROUPS ? groups->count < GROUPS : groups->count == GROUPS;
}

aksu_err aksu_addr_parse(const char *text, aksu_addr *ret_addr) {
    uint8_t octets[4];
    const char *end = read_quad(text, octets);
    if (end != NULL && *end == '\0') {
        *ret_addr = aksu_addr_v4(octets[0], octets[1], octets[2], octets[3]);
        return AKSU_OK;
    }
    struct groups groups = {.gap = GROUPS + 1};
    if (!read_groups(text, &groups)) return AKSU_ERR_INVALID;
    aksu_addr addr = {.byte = {0}};
    const unsigned before = groups.gap <= GROUPS ? groups.gap : groups.count;
    const unsigned after = groups.count - before;
    if (before > 0) ak_copy(addr.byte, groups.byte, (size_t)before * 2);
    if (after > 0) ak_copy(&addr.byte[2 * (GROUPS - after)], &groups.byte[2 * before], (size_t)after * 2);
    *ret_addr = addr;
    return AKSU_OK;
}

/* ---------------------------------------------------------------- format */

struct text {
    char *buf;
    size_t cap, bytes;
};

static void put_char(struct text *text, char c) {
    if (text->bytes + 1 < text->cap) text->buf[text->bytes] = c;
    text->bytes++;
}

static void put_octet(struct text *text, unsigned value) {
    if (value >= 100) put_char(text, (char)('0' + value / 100));
    if (value >= 10) put_char(text, (char)('0' + value / 10 % 10));
    put_char(text, (char)('0' + value % 10));
}

/* RFC 5952 s4.1, s4.3: no leading zeros, lower case. */
static void put_group(struct text *text, unsigned value) {
    unsigned shift = 12;
    while (shift > 0 && value >> shift == 0) shift -= 4;
    for (;; shift -= 4) {
        put_char(text, "0123456789abcdef"[value >> shift & 0xf]);
        if (shift == 0) break;
    }
}

static unsigned group_of(const aksu_addr *addr, unsigned index) {
    return (unsigned)addr->byte[2 * index] << 8 | addr->byte[2 * index + 1];
}

/* RFC 5952 s4.2: the longest run of zero groups, the first of equals, but never of one alone (count 0: none). */
struct run {
    unsigned first, count;
};
static struct run longest_run(const aksu_addr *addr) {
    struct run best = {0}, run = {0};
    for (unsigned i = 0; i < GROUPS; i++) {
        if (group_of(addr, i) != 0) {
            run.count = 0;
            continue;
        }
        if (run.count++ == 0) run.first = i;
        if (run.count > best.count) best = run;
    }
    return best.count >= 2 ? best : (struct run){0};
}

static void put_v6(struct text *text, const aksu_addr *addr) {
    const struct run run = longest_run(addr);
    unsigned i = 0;
    while (i < GROUPS) {
        if (run.count > 0 && i == run.first) {
            put_char(text, ':');
            put_char(text, ':');
            i += run.count;
            continue;
        }
        if (i > 0 && !(run.count > 0 && i == run.first + run.count)) put_char(text, ':');
        put_group(text, group_of(addr, i));
        i++;
    }
}

size_t aksu_addr_format(const aksu_addr *addr, char *buf, size_t cap) {
    struct text text = {.buf = buf, .cap = cap};
    if (ak_addr_is_v4(addr)) {
        for (unsigned i = 12; i < 16; i++) {
            if (i > 12) put_char(&text, '.');
            put_octet(&text, addr->byte[i]);
        }
    } else {
        put_v6(&text, addr);
    }
    if (cap > 0) buf[text.bytes < cap ? text.bytes : cap - 1] = '\0';
    return text.bytes;
}
