/* A packet of a script: < S 0:0(0) win 65535 <mss 1460,sackOK>. */
#include <ctype.h>
#include <string.h>

#include "script/parse.h"

static uint16_t parse_flags(parser *p) {
    static const char letters[] = "FSRP.UEWA"; /* in the order of their bits */
    uint16_t flags = 0;
    parse_space(p);
    if (parse_is(p, "-")) return 0;
    const char *start = p->at;
    for (;; p->at++) {
        const char *letter = *p->at != '\0' ? strchr(letters, *p->at) : NULL;
        if (letter == NULL) break;
        flags |= (uint16_t)(1u << (letter - letters));
    }
    if (p->at == start) {
        parse_fail(p, "flags expected: some of F S R P . U E W A, or -");
        return 0;
    }
    if (!isspace((unsigned char)*p->at))
        parse_unsupported(p, "flags or a field of the header are not known: '%c'", *p->at);
    return flags;
}

static uint32_t parse_number32(parser *p) {
    int64_t value = parse_integer(p);
    if (value < 0 || value > UINT32_MAX) parse_fail(p, "a number of 32 bits expected");
    return (uint32_t)value;
}

static void parse_sequence(parser *p, script_packet *packet) {
    packet->seq = parse_number32(p);
    parse_expect(p, ":");
    uint32_t end = parse_number32(p);
    parse_expect(p, "(");
    packet->payload_bytes = parse_number32(p);
    parse_expect(p, ")");
    if (end - packet->seq != packet->payload_bytes) parse_fail(p, "the numbers and the length do not agree");
    if (packet->payload_bytes > SCRIPT_FRAME_MAX - 200) parse_fail(p, "longer than a packet can be");
}

static void parse_cookie(parser *p, script_option *o) {
    char hex[64];
    size_t n = 0;
    parse_space(p);
    while (isxdigit((unsigned char)*p->at) && n < sizeof hex - 1) hex[n++] = *p->at++;
    if (n % 2 != 0 || n / 2 > sizeof o->text) {
        parse_fail(p, "a cookie is up to 16 bytes in hexadecimal");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int digit = isdigit((unsigned char)hex[i]) ? hex[i] - '0' : tolower((unsigned char)hex[i]) - 'a' + 10;
        o->text[i / 2] = (uint8_t)(o->text[i / 2] << 4 | digit);
    }
    o->byte_count = (uint8_t)(n / 2);
}

/* ECN e0b 1 ceb 0 e1b 1, or from e1b on: the first says which of the two options it is; fields may be left out from the
 * end. */
static void parse_accecn(parser *p, script_option *o) {
    static const char *const names[] = {"e0b", "ceb", "e1b"};
    bool order = false;
    o->kind = SCRIPT_OPT_ACCECN0;
    while (o->byte_count < 3) {
        if (o->byte_count == 0 && parse_word_is(p, names[2]))
            order = true;
        else if (!parse_word_is(p, names[order ? 2 - o->byte_count : o->byte_count]))
            return;
        if (order) o->kind = SCRIPT_OPT_ACCECN1;
        o->value[o->byte_count++] = parse_number32(p) & 0xffffff;
    }
}

static void parse_option(parser *p, script_option *o) {
    char name[32];
    *o = (script_option){.kind = 0};
    parse_space(p);
    if (!parse_name(p, name, sizeof name)) {
        parse_fail(p, "an option expected");
        return;
    }
    if (strcmp(name, "nop") == 0) {
        o->kind = SCRIPT_OPT_NOP;
    } else if (strcmp(name, "eol") == 0) {
        o->kind = SCRIPT_OPT_END;
    } else if (strcmp(name, "mss") == 0) {
        o->kind = SCRIPT_OPT_MSS;
        o->value[0] = parse_number32(p);
    } else if (strcmp(name, "wscale") == 0) {
        o->kind = SCRIPT_OPT_WSCALE;
        o->value[0] = parse_number32(p);
    } else if (strcmp(name, "uto") == 0) {
        o->kind = SCRIPT_OPT_USER_TIMEOUT;
        o->value[0] = parse_number32(p);
    } else if (strcmp(name, "sackOK") == 0) {
        o->kind = SCRIPT_OPT_SACK_OK;
    } else if (strcmp(name, "sack") == 0) {
        o->kind = SCRIPT_OPT_SACK;
        for (parse_space(p); isdigit((unsigned char)*p->at); parse_space(p)) {
            if (o->byte_count == 4) {
                parse_fail(p, "more than four SACK blocks");
                return;
            }
            o->value[2 * o->byte_count] = parse_number32(p);
            parse_expect(p, ":");
            o->value[2 * o->byte_count + 1] = parse_number32(p);
            o->byte_count++;
        }
    } else if (strcmp(name, "TS") == 0) {
        o->kind = SCRIPT_OPT_TS;
        if (!parse_word_is(p, "val")) parse_fail(p, "TS val N ecr N expected");
        o->value[0] = parse_number32(p);
        if (!parse_word_is(p, "ecr")) parse_fail(p, "TS val N ecr N expected");
        o->value[1] = parse_number32(p);
    } else if (strcmp(name, "FO") == 0) {
        o->kind = SCRIPT_OPT_FAST_OPEN;
        parse_cookie(p, o);
    } else if (strcmp(name, "ECN") == 0) {
        parse_accecn(p, o);
    } else {
        parse_unsupported(p, "the option %s", name);
    }
}

static void parse_options(parser *p, script_packet *packet) {
    packet->options_given = true;
    parse_space(p);
    if (parse_is(p, "...")) {
        packet->options_any = true;
    } else if (*p->at != '>') {
        do {
            if (packet->option_count == SCRIPT_OPTION_MAX) {
                parse_fail(p, "more options than a header holds");
                return;
            }
            parse_option(p, &packet->option[packet->option_count++]);
            parse_space(p);
        } while (parse_is(p, ","));
    }
    parse_expect(p, ">");
}

static void parse_icmp_kind(parser *p, script_packet *packet) {
    static const struct {
        const char *name;
        uint8_t code;
    } codes[] = {{"net_unreachable", 0},  {"host_unreachable", 1}, {"protocol_unreachable", 2},
                 {"port_unreachable", 3}, {"frag_needed", 4},      {"source_route_failed", 5},
                 {"net_prohibited", 9},   {"host_prohibited", 10}, {"packet_filtered", 13}};
    char name[40];
    packet->icmp = true;
    parse_space(p);
    name[0] = '\0';
    if (!parse_name(p, name, sizeof name)) parse_fail(p, "an ICMP type expected");
    if (strcmp(name, "unreachable") == 0) {
        packet->icmp_type = 3;
        parse_space(p);
        if (!parse_name(p, name, sizeof name)) parse_fail(p, "an ICMP code expected");
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            if (strcmp(codes[i].name, name) != 0) continue;
            packet->icmp_code = codes[i].code;
            if (parse_word_is(p, "mtu")) packet->icmp_mtu = parse_number32(p);
            return;
        }
    } else if (strcmp(name, "time_exceeded") == 0) {
        packet->icmp_type = 11;
        return;
    } else if (strcmp(name, "parameter_problem") == 0) {
        packet->icmp_type = 12;
        return;
    } else if (strcmp(name, "source_quench") == 0) {
        packet->icmp_type = 4;
        return;
    }
    parse_unsupported(p, "the ICMP type or code %s", name);
}

/* [1:1001(1000)] icmp ..., or icmp ... [1:1001(1000)] */
static void parse_icmp(parser *p, script_packet *packet) {
    bool before = parse_is(p, "[");
    if (before) {
        parse_sequence(p, packet);
        parse_expect(p, "]");
        if (!parse_word_is(p, "icmp")) parse_fail(p, "icmp expected");
    }
    parse_icmp_kind(p, packet);
    parse_space(p);
    if (!before && parse_is(p, "[")) {
        parse_sequence(p, packet);
        parse_expect(p, "]");
    }
}

static void parse_ip_fields(parser *p, script_packet *packet) {
    static const char *const names[] = {"[noecn]", "[ect1]", "[ect0]", "[ce]"};
    parse_space(p);
    for (int i = 0; i < 4; i++) {
        if (parse_is(p, names[i])) packet->ecn = i;
    }
    parse_space(p);
    if (parse_is(p, "(")) {
        do {
            parse_space(p);
            if (parse_word_is(p, "ttl"))
                packet->ttl = (int)parse_integer(p);
            else
                parse_unsupported(p, "a field of the IP header");
            parse_space(p);
        } while (parse_is(p, ","));
        parse_expect(p, ")");
    }
}

void parse_packet(parser *p, script_step *step) {
    script_packet *packet = &step->packet;
    *packet = (script_packet){.ecn = -1, .ttl = -1};
    parse_ip_fields(p, packet);
    parse_space(p);
    if (*p->at == '[' || strncmp(p->at, "icmp", 4) == 0) {
        if (step->kind == SCRIPT_OUT) parse_unsupported(p, "an ICMP message of ours");
        if (*p->at != '[') (void)parse_word_is(p, "icmp");
        parse_icmp(p, packet);
        return;
    }
    if (strncmp(p->at, "udp", 3) == 0 || strncmp(p->at, "ipv", 3) == 0) parse_unsupported(p, "UDP or a tunnel");
    packet->flags = parse_flags(p);
    parse_sequence(p, packet);
    parse_space(p);
    if (parse_word_is(p, "ack")) {
        packet->has_ack = true;
        packet->ack = parse_number32(p);
        if ((packet->flags & AKSU_TCP_ACK) == 0) parse_fail(p, "ack without the flag '.'");
    } else if (packet->flags & AKSU_TCP_ACK) {
        parse_fail(p, "the flag '.' without ack N");
    }
    if (parse_word_is(p, "win")) {
        packet->has_wnd = true;
        packet->wnd = parse_number32(p);
        if (packet->wnd > 65535) parse_fail(p, "a window field holds at most 65535");
    }
    if (parse_word_is(p, "urg")) packet->up = (uint16_t)parse_number32(p);
    parse_space(p);
    if (parse_is(p, "<")) parse_options(p, packet);
}
