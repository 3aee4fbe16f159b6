/* Segments between the script's words and the wire's bytes.
 *
 * The script's numbers: the peer's are on the wire as they are written; ours count from the number that the script
 * gives our SYN.  Timestamps of ours are compared by their distance from the first one, echoes exactly. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "script/script.h"

enum { IP_BYTES = 20, TCP_BYTES = 20, ICMP_BYTES = 8, PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6 };

static void put16(uint8_t *p, uint32_t value) {
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}
static void put32(uint8_t *p, uint32_t value) {
    put16(p, value >> 16);
    put16(p + 2, value & 0xffff);
}
static uint32_t get16(const uint8_t *p) {
    return (uint32_t)p[0] << 8 | p[1];
}
static uint32_t get32(const uint8_t *p) {
    return get16(p) << 16 | get16(p + 2);
}

static uint32_t sum_of(const uint8_t *p, uint32_t bytes, uint32_t sum) {
    for (uint32_t i = 0; i + 1 < bytes; i += 2) sum += get16(p + i);
    if (bytes % 2 == 1) sum += (uint32_t)p[bytes - 1] << 8;
    return sum;
}
static uint16_t fold(uint32_t sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* ---------------------------------------------------------------- building */

static void build_ip(uint8_t *p, const aksu_addr *src, const aksu_addr *dst, uint8_t protocol, uint32_t total,
                     const script_packet *packet) {
    memset(p, 0, IP_BYTES);
    p[0] = 0x45;
    p[1] = packet->ecn > 0 ? (uint8_t)packet->ecn : 0;
    put16(p + 2, total);
    p[8] = packet->ttl > 0 ? (uint8_t)packet->ttl : 64;
    p[9] = protocol;
    memcpy(p + 12, src->byte + 12, 4);
    memcpy(p + 16, dst->byte + 12, 4);
    put16(p + 10, fold(sum_of(p, IP_BYTES, 0)));
}

static uint8_t *build_sack(uint8_t *p, const script_option *o, const script_numbers *numbers) {
    *p++ = (uint8_t)(2 + 8 * o->byte_count);
    for (uint32_t i = 0; i < 2u * o->byte_count; i++, p += 4)
        put32(p, o->value[i] - numbers->script_isn + numbers->local_isn);
    return p;
}

static uint8_t *build_option(uint8_t *p, const script_option *o, const script_numbers *numbers) {
    *p++ = o->kind;
    switch ((script_option_kind)o->kind) {
    case SCRIPT_OPT_END:
    case SCRIPT_OPT_NOP: return p;
    case SCRIPT_OPT_MSS:
    case SCRIPT_OPT_USER_TIMEOUT:
        *p++ = 4;
        put16(p, o->value[0]);
        return p + 2;
    case SCRIPT_OPT_WSCALE:
        *p++ = 3;
        *p++ = (uint8_t)o->value[0];
        return p;
    case SCRIPT_OPT_SACK_OK: *p++ = 2; return p;
    case SCRIPT_OPT_SACK: return build_sack(p, o, numbers);
    case SCRIPT_OPT_TS:
        *p++ = 10;
        put32(p, o->value[0]);
        put32(p + 4, numbers->ts_known ? o->value[1] + numbers->ts_offset : o->value[1]);
        return p + 8;
    case SCRIPT_OPT_FAST_OPEN:
        *p++ = (uint8_t)(2 + o->byte_count);
        memcpy(p, o->text, o->byte_count);
        return p + o->byte_count;
    case SCRIPT_OPT_ACCECN0:
    case SCRIPT_OPT_ACCECN1:
        *p++ = (uint8_t)(2 + 3 * o->byte_count);
        for (uint32_t i = 0; i < o->byte_count; i++, p += 3) {
            p[0] = (uint8_t)(o->value[i] >> 16);
            put16(p + 1, o->value[i] & 0xffff);
        }
        return p;
    }
    return p;
}

static uint32_t build_options(const script_packet *packet, const script_numbers *numbers, uint8_t *to) {
    uint8_t *p = to;
    for (uint32_t i = 0; i < packet->option_count; i++) p = build_option(p, &packet->option[i], numbers);
    while ((p - to) % 4 != 0) *p++ = SCRIPT_OPT_END;
    return (uint32_t)(p - to);
}

/* An error that quotes a segment of ours. */
static uint32_t build_icmp(const script_packet *packet, const script_numbers *numbers, uint8_t *frame) {
    script_packet plain = {.ecn = -1, .ttl = -1};
    uint8_t *icmp = frame + IP_BYTES, *quote = icmp + ICMP_BYTES;
    uint32_t total = IP_BYTES + ICMP_BYTES + IP_BYTES + 8;
    memset(icmp, 0, ICMP_BYTES);
    icmp[0] = packet->icmp_type;
    icmp[1] = packet->icmp_code;
    put16(icmp + 6, packet->icmp_mtu);
    build_ip(quote, &numbers->local, &numbers->remote, PROTOCOL_TCP, IP_BYTES + TCP_BYTES + packet->payload_bytes,
             &plain);
    put16(quote + IP_BYTES, numbers->local_port);
    put16(quote + IP_BYTES + 2, numbers->remote_port);
    put32(quote + IP_BYTES + 4, packet->seq - numbers->script_isn + numbers->local_isn);
    build_ip(frame, &numbers->remote, &numbers->local, PROTOCOL_ICMP, total, packet);
    put16(icmp + 2, fold(sum_of(icmp, total - IP_BYTES, 0)));
    return total;
}

uint32_t script_packet_build(const script_packet *packet, const script_numbers *numbers, uint8_t *frame) {
    if (packet->icmp) return build_icmp(packet, numbers, frame);
    uint8_t *tcp = frame + IP_BYTES;
    uint32_t header = TCP_BYTES + build_options(packet, numbers, tcp + TCP_BYTES);
    uint32_t bytes = header + packet->payload_bytes;
    memset(tcp, 0, TCP_BYTES);
    put16(tcp, numbers->remote_port);
    put16(tcp + 2, numbers->local_port);
    put32(tcp + 4, packet->seq);
    uint32_t ack = numbers->local_known ? packet->ack - numbers->script_isn + numbers->local_isn : packet->ack;
    if (packet->has_ack) put32(tcp + 8, ack);
    tcp[12] = (uint8_t)(header / 4 << 4 | (unsigned)packet->flags >> 8);
    tcp[13] = (uint8_t)packet->flags;
    put16(tcp + 14, packet->has_wnd ? packet->wnd : 65535);
    put16(tcp + 18, packet->up);
    memset(tcp + header, 0, packet->payload_bytes);
    build_ip(frame, &numbers->remote, &numbers->local, PROTOCOL_TCP, IP_BYTES + bytes, packet);
    uint32_t pseudo = sum_of(frame + 12, 8, PROTOCOL_TCP + bytes);
    put16(tcp + 16, fold(sum_of(tcp, bytes, pseudo)));
    return IP_BYTES + bytes;
}

/* ---------------------------------------------------------------- reading */

static bool read_option(script_option *o, const uint8_t *p, uint32_t bytes, const script_numbers *numbers) {
    *o = (script_option){.kind = p[0]};
    switch ((script_option_kind)p[0]) {
    case SCRIPT_OPT_END:
    case SCRIPT_OPT_NOP: return true;
    case SCRIPT_OPT_MSS:
    case SCRIPT_OPT_USER_TIMEOUT: o->value[0] = get16(p + 2); return bytes == 4;
    case SCRIPT_OPT_WSCALE: o->value[0] = p[2]; return bytes == 3;
    case SCRIPT_OPT_SACK_OK: return bytes == 2;
    case SCRIPT_OPT_SACK:
        o->byte_count = (uint8_t)((bytes - 2) / 8);
        for (uint32_t i = 0; i < 2u * o->byte_count; i++) o->value[i] = get32(p + 2 + 4 * i);
        return (bytes - 2) % 8 == 0 && o->byte_count <= 4;
    case SCRIPT_OPT_TS:
        o->value[0] = get32(p + 2) - (numbers->ts_known ? numbers->ts_offset : 0);
        o->value[1] = get32(p + 6);
        return bytes == 10;
    case SCRIPT_OPT_FAST_OPEN:
        o->byte_count = (uint8_t)(bytes - 2);
        if (o->byte_count > sizeof o->text) return false;
        memcpy(o->text, p + 2, o->byte_count);
        return true;
    case SCRIPT_OPT_ACCECN0:
    case SCRIPT_OPT_ACCECN1:
        o->byte_count = (uint8_t)((bytes - 2) / 3);
        if (bytes % 3 != 2 || o->byte_count > 3) return false;
        for (uint32_t i = 0; i < o->byte_count; i++) o->value[i] = get16(p + 2 + 3 * i) << 8 | p[4 + 3 * i];
        return true;
    }
    return false;
}

static bool read_options(script_packet *packet, const uint8_t *p, uint32_t bytes, const script_numbers *numbers) {
    for (uint32_t at = 0; at < bytes;) {
        uint32_t length = p[at] <= SCRIPT_OPT_NOP ? 1 : at + 1 < bytes ? p[at + 1] : 0;
        if (length == 0 || at + length > bytes || packet->option_count == SCRIPT_OPTION_MAX) return false;
        if (!read_option(&packet->option[packet->option_count], p + at, length, numbers)) return false;
        packet->option_count++;
        at += length;
    }
    return true;
}

bool script_packet_read(const uint8_t *frame, uint32_t bytes, const script_numbers *numbers,
                        script_packet *ret_packet) {
    if (bytes < IP_BYTES + TCP_BYTES || frame[0] != 0x45 || frame[9] != PROTOCOL_TCP) return false;
    const uint8_t *tcp = frame + IP_BYTES;
    uint32_t header = (tcp[12] >> 4) * 4u;
    *ret_packet = (script_packet){
        .flags = (uint16_t)(get16(tcp + 12) & 0x1ff),
        .has_ack = (tcp[13] & AKSU_TCP_ACK) != 0,
        .has_wnd = true,
        .options_given = true,
        .seq = get32(tcp + 4) - numbers->local_isn + numbers->script_isn,
        .payload_bytes = bytes - IP_BYTES - header,
        .ack = get32(tcp + 8),
        .wnd = get16(tcp + 14),
        .up = (uint16_t)get16(tcp + 18),
        .ecn = frame[1] & 3,
        .ttl = frame[8],
    };
    return read_options(ret_packet, tcp + TCP_BYTES, header - TCP_BYTES, numbers);
}

/* ---------------------------------------------------------------- printing and comparing */

struct printer {
    char *buf;
    size_t cap, used;
};

static void print(struct printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print(struct printer *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(p->buf + p->used, p->cap - p->used, format, args);
    va_end(args);
    if (n < 0) return;
    p->used = (size_t)n < p->cap - p->used ? p->used + (size_t)n : p->cap - 1;
}

static void print_option(struct printer *p, const script_option *o) {
    switch ((script_option_kind)o->kind) {
    case SCRIPT_OPT_END: print(p, "eol"); return;
    case SCRIPT_OPT_NOP: print(p, "nop"); return;
    case SCRIPT_OPT_MSS: print(p, "mss %" PRIu32, o->value[0]); return;
    case SCRIPT_OPT_WSCALE: print(p, "wscale %" PRIu32, o->value[0]); return;
    case SCRIPT_OPT_SACK_OK: print(p, "sackOK"); return;
    case SCRIPT_OPT_SACK:
        print(p, "sack");
        for (uint32_t i = 0; i < o->byte_count; i++)
            print(p, " %" PRIu32 ":%" PRIu32, o->value[2 * i], o->value[2 * i + 1]);
        return;
    case SCRIPT_OPT_TS: print(p, "TS val %" PRIu32 " ecr %" PRIu32, o->value[0], o->value[1]); return;
    case SCRIPT_OPT_USER_TIMEOUT: print(p, "uto %" PRIu32, o->value[0]); return;
    case SCRIPT_OPT_FAST_OPEN:
        print(p, "FO ");
        for (uint32_t i = 0; i < o->byte_count; i++) print(p, "%02x", o->text[i]);
        return;
    case SCRIPT_OPT_ACCECN0:
    case SCRIPT_OPT_ACCECN1:
        print(p, "ECN");
        for (uint32_t i = 0; i < o->byte_count; i++) {
            static const char *const names[] = {"e0b", "ceb", "e1b"};
            print(p, " %s %" PRIu32, names[o->kind == SCRIPT_OPT_ACCECN0 ? i : 2 - i], o->value[i]);
        }
        return;
    }
}

void script_packet_print(const script_packet *packet, char *buf, size_t cap) {
    struct printer p = {.buf = buf, .cap = cap};
    static const char letters[] = "FSRP.UEWA";
    if (packet->flags == 0) print(&p, "-");
    static const uint8_t order[] = {1, 0, 2, 3, 5, 6, 7, 8, 4};
    for (uint32_t i = 0; i < sizeof order; i++) {
        if (packet->flags & (1u << order[i])) print(&p, "%c", letters[order[i]]);
    }
    print(&p, " %" PRIu32 ":%" PRIu32 "(%" PRIu32 ")", packet->seq, packet->seq + packet->payload_bytes,
          packet->payload_bytes);
    if (packet->has_ack) print(&p, " ack %" PRIu32, packet->ack);
    if (packet->has_wnd) print(&p, " win %" PRIu32, packet->wnd);
    if (packet->flags & AKSU_TCP_URG) print(&p, " urg %u", packet->up);
    if (packet->options_any) print(&p, " <...>");
    if (packet->option_count == 0) return;
    print(&p, " <");
    for (uint32_t i = 0; i < packet->option_count; i++) {
        if (i > 0) print(&p, ",");
        print_option(&p, &packet->option[i]);
    }
    print(&p, ">");
}

static bool option_equal(const script_option *wanted, const script_option *got, script_numbers *numbers) {
    if (wanted->kind != got->kind || wanted->byte_count != got->byte_count) return false;
    if (memcmp(wanted->text, got->text, sizeof wanted->text) != 0) return false;
    if (wanted->kind != SCRIPT_OPT_TS) return memcmp(wanted->value, got->value, sizeof wanted->value) == 0;
    if (!numbers->ts_known) { /* the first of ours says where they begin */
        numbers->ts_known = true;
        numbers->ts_offset = got->value[0] - wanted->value[0];
        return wanted->value[1] == got->value[1];
    }
    /* How fast our clock runs is not for scripts to say that were written for another stack. */
    enum { TS_TICKS = 4 };
    uint32_t off = got->value[0] - wanted->value[0] + TS_TICKS;
    return wanted->value[1] == got->value[1] && (!numbers->ts_checked || off <= 2 * TS_TICKS);
}

static bool options_equal(const script_packet *wanted, const script_packet *got, script_numbers *numbers) {
    uint32_t w = 0, g = 0; /* an end of options that only fills up need not be written */
    while (w < wanted->option_count || g < got->option_count) {
        bool filling = w == wanted->option_count && got->option[g].kind == SCRIPT_OPT_END;
        if (filling) {
            g++;
            continue;
        }
        if (w == wanted->option_count || g == got->option_count) return false;
        if (!option_equal(&wanted->option[w++], &got->option[g++], numbers)) return false;
    }
    return true;
}

const char *script_packet_compare(const script_packet *wanted, const script_packet *got, script_numbers *numbers) {
    if (wanted->flags != got->flags) return "other flags";
    if (wanted->seq != got->seq) return "another sequence number";
    if (wanted->payload_bytes != got->payload_bytes) return "another length";
    if (wanted->has_ack && wanted->ack != got->ack) return "another acknowledgment";
    if (wanted->has_wnd && wanted->wnd != got->wnd) return "another window";
    if ((wanted->flags & AKSU_TCP_URG) && wanted->up != got->up) return "another urgent pointer";
    if (wanted->ecn >= 0 && wanted->ecn != got->ecn) return "another ECN field";
    if (wanted->ttl >= 0 && wanted->ttl != got->ttl) return "another TTL";
    if (!wanted->options_any && !options_equal(wanted, got, numbers)) return "other options";
    return NULL;
}
