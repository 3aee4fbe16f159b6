/* Frames to segments; see packet.h.  Every read is within what was captured.
 *
 * Lengths come from the IP header, since short frames are padded.  A total length of 0 is that of a packet which the
 * device was to split: then the frame's own length counts.  Checksums are not verified: a capture on the sending host
 * sees them before the device fills them in. */
#include "view/packet.h"

#include <string.h>

enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_RAW_12 = 12, /* LINKTYPE_RAW's value on some BSDs, and */
    LINK_RAW_14 = 14, /* on OpenBSD */
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_SLL2 = 276,
};
enum { PROTOCOL_TCP = 6 };
#define EXTENSION_MAX 8

struct cursor {
    const uint8_t *at;
    uint32_t left;  /* captured */
    uint32_t whole; /* of the packet */
};

static bool skip(struct cursor *c, uint32_t bytes) {
    if (c->left < bytes) return false;
    c->at += bytes;
    c->left -= bytes;
    c->whole -= bytes;
    return true;
}

static uint16_t u16(const uint8_t *p) {
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

const char *ak_packet_link_name(uint32_t link_type) {
    switch (link_type) {
    case LINK_NULL: return "BSD null";
    case LINK_LOOP: return "BSD loopback";
    case LINK_ETHERNET: return "Ethernet";
    case LINK_RAW_12:
    case LINK_RAW_14:
    case LINK_RAW: return "raw IP";
    case LINK_IPV4: return "raw IPv4";
    case LINK_IPV6: return "raw IPv6";
    case LINK_SLL: return "Linux cooked";
    case LINK_SLL2: return "Linux cooked v2";
    default: return NULL;
    }
}

/* ---- links: the cursor is left on the IP header; false: it is no IP */

static bool is_ip(uint16_t type) {
    return type == 0x0800 || type == 0x86dd;
}

/* The EtherType, behind tags if there are any. */
static bool ether_type(struct cursor *c) {
    for (int tags = 0; tags < 3; tags++) {
        if (c->left < 2) return false;
        uint16_t type = u16(c->at);
        if (is_ip(type)) return skip(c, 2);
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100) return false;
        if (!skip(c, 4)) return false;
    }
    return false;
}

static bool ethernet(struct cursor *c) {
    return skip(c, 12) && ether_type(c);
}

/* A cooked header tells whether the packet came or went; 4: it went. */
static ak_sighting cooked_sighting(uint16_t packet_type) {
    return packet_type == 4 ? AK_SIGHTED_OUT : AK_SIGHTED_IN;
}

static bool cooked(struct cursor *c, ak_packet *packet) {
    if (c->left < 16) return false;
    packet->sighting = cooked_sighting(u16(c->at));
    return skip(c, 14) && ether_type(c); /* tags that the kernel took off stand here again */
}

static bool cooked_v2(struct cursor *c, ak_packet *packet) {
    if (c->left < 20) return false;
    uint16_t type = u16(c->at);
    packet->interface_id = u32(c->at + 4);
    packet->sighting = cooked_sighting(c->at[10]);
    return skip(c, 20) && is_ip(type);
}

/* The family is in the byte order of the machine that captured (null) or the network's (loopback), and its value for
 * IPv6 differs among the BSDs; the IP header's version says the same. */
static bool loopback(struct cursor *c) {
    return skip(c, 4);
}

static bool link_header(struct cursor *c, uint32_t link_type, ak_packet *packet) {
    switch (link_type) {
    case LINK_ETHERNET: return ethernet(c);
    case LINK_SLL: return cooked(c, packet);
    case LINK_SLL2: return cooked_v2(c, packet);
    case LINK_NULL:
    case LINK_LOOP: return loopback(c);
    default: return true;
    }
}

/* ---- IP: the cursor is left on the TCP header and ends with the packet */

static void end_at(struct cursor *c, uint32_t bytes) {
    if (c->whole > bytes) c->whole = bytes;
    if (c->left > bytes) c->left = bytes;
}

static ak_packet_kind ipv4(struct cursor *c, ak_packet *packet) {
    if (c->left < 20) return AK_PACKET_OTHER;
    const uint8_t *p = c->at;
    uint32_t header = (p[0] & 0x0fu) * 4u, total = u16(p + 2);
    if (p[9] != PROTOCOL_TCP) return AK_PACKET_OTHER;
    if (header < 20 || (total != 0 && total < header)) return AK_PACKET_SHORT;
    packet->from = aksu_addr_v4(p[12], p[13], p[14], p[15]);
    packet->to = aksu_addr_v4(p[16], p[17], p[18], p[19]);
    packet->ip_id = u16(p + 4);
    if ((u16(p + 6) & 0x3fff) != 0) return AK_PACKET_FRAGMENT; /* more to come, or not the first */
    if (total != 0) end_at(c, total);
    return skip(c, header) ? AK_PACKET_SEGMENT : AK_PACKET_SHORT;
}

static ak_packet_kind ipv6(struct cursor *c, ak_packet *packet) {
    if (c->left < 40) return AK_PACKET_OTHER;
    const uint8_t *p = c->at;
    uint32_t payload = u16(p + 4);
    uint8_t next = p[6];
    memcpy(packet->from.byte, p + 8, 16);
    memcpy(packet->to.byte, p + 24, 16);
    if (!skip(c, 40)) return AK_PACKET_OTHER;
    if (payload != 0) end_at(c, payload);
    for (int i = 0; i < EXTENSION_MAX && next != PROTOCOL_TCP; i++) {
        if (c->left < 8) return AK_PACKET_OTHER;
        p = c->at;
        uint32_t bytes = (p[1] + 1u) * 8u;
        if (next == 44) { /* fragment header: offset, and whether more come */
            if ((u16(p + 2) & 0xfff9) != 0) return p[0] == PROTOCOL_TCP ? AK_PACKET_FRAGMENT : AK_PACKET_OTHER;
            bytes = 8;
        } else if (next == 51) {
            bytes = (p[1] + 2u) * 4u;
        } else if (next != 0 && next != 43 && next != 60) {
            return AK_PACKET_OTHER;
        }
        next = p[0];
        if (!skip(c, bytes)) return AK_PACKET_OTHER;
    }
    return next == PROTOCOL_TCP ? AK_PACKET_SEGMENT : AK_PACKET_OTHER;
}

/* ---- TCP */

static void read_sack(aksu_tcp_options *o, const uint8_t *p, uint32_t bytes) {
    o->present |= AKSU_OPT_SACK;
    o->sack_count = 0;
    for (uint32_t at = 2; at + 8 <= bytes && o->sack_count < AKSU_SACK_BLOCK_MAX; at += 8)
        o->sack[o->sack_count++] = (aksu_sack_block){.left = u32(p + at), .right = u32(p + at + 4)};
}

static void read_fast_open(aksu_tcp_options *o, const uint8_t *p, uint32_t bytes) {
    o->present |= AKSU_OPT_FAST_OPEN;
    uint32_t cookie = bytes - 2;
    o->fast_open_cookie_bytes = (uint8_t)(cookie > AKSU_FAST_OPEN_COOKIE_MAX ? AKSU_FAST_OPEN_COOKIE_MAX : cookie);
    memcpy(o->fast_open_cookie, p + 2, o->fast_open_cookie_bytes);
}

/* RFC 9768 s3.2.3: the whole fields. */
static void read_accecn(aksu_tcp_options *o, const uint8_t *p, uint32_t bytes) {
    uint32_t count = (bytes - 2) / 3;
    o->present |= AKSU_OPT_ACCECN;
    o->accecn_order = p[0] == 174;
    o->accecn_count = (uint8_t)(count > AKSU_ACCECN_FIELD_MAX ? AKSU_ACCECN_FIELD_MAX : count);
    for (uint32_t i = 0; i < o->accecn_count; i++) o->accecn[i] = (uint32_t)u16(p + 2 + 3 * i) << 8 | p[4 + 3 * i];
}

/* One option of so many bytes, its kind and length included. */
static void read_option(aksu_tcp_options *o, const uint8_t *p, uint32_t bytes) {
    if (p[0] == 2 && bytes == 4) {
        o->present |= AKSU_OPT_MSS;
        o->mss = u16(p + 2);
    } else if (p[0] == 3 && bytes == 3) {
        o->present |= AKSU_OPT_WSCALE;
        o->wscale = p[2];
    } else if (p[0] == 4 && bytes == 2) {
        o->present |= AKSU_OPT_SACK_PERMITTED;
    } else if (p[0] == 5) {
        read_sack(o, p, bytes);
    } else if (p[0] == 8 && bytes == 10) {
        o->present |= AKSU_OPT_TIMESTAMPS;
        o->ts_val = u32(p + 2);
        o->ts_ecr = u32(p + 6);
    } else if (p[0] == 28 && bytes == 4) {
        o->present |= AKSU_OPT_USER_TIMEOUT;
        o->user_timeout = u16(p + 2);
    } else if (p[0] == 34) {
        read_fast_open(o, p, bytes);
    } else if (p[0] == 172 || p[0] == 174) {
        read_accecn(o, p, bytes);
    } else {
        o->present |= AKSU_OPT_UNKNOWN;
    }
}

static void read_options(aksu_tcp_options *o, const uint8_t *p, uint32_t left) {
    while (left > 0 && p[0] != 0) {
        uint32_t bytes = p[0] == 1 ? 1 : left >= 2 ? p[1] : 0;
        if (p[0] != 1) {
            if (bytes < 2 || bytes > left) return;
            read_option(o, p, bytes);
        }
        p += bytes;
        left -= bytes;
    }
}

static ak_packet_kind tcp(struct cursor *c, ak_packet *packet) {
    if (c->left < 20) return AK_PACKET_SHORT;
    const uint8_t *p = c->at;
    packet->from_port = u16(p);
    packet->to_port = u16(p + 2);
    packet->seq = u32(p + 4);
    packet->ack = u32(p + 8);
    packet->data_offset = p[12] >> 4;
    packet->flags = u16(p + 12) & 0x1ff;
    packet->wnd = u16(p + 14);
    packet->checksum = u16(p + 16);
    packet->up = u16(p + 18);
    uint32_t header = packet->data_offset * 4u;
    if (header < 20 || header > c->whole) return AK_PACKET_SHORT;
    packet->payload_bytes = c->whole - header;
    read_options(&packet->options, p + 20, (c->left < header ? c->left : header) - 20);
    return AK_PACKET_SEGMENT;
}

ak_packet_kind ak_packet_read(const ak_capture_packet *captured, ak_packet *packet) {
    if (ak_packet_link_name(captured->link_type) == NULL) return AK_PACKET_LINK_TYPE;
    *packet = (ak_packet){.sighting = captured->sighting, .interface_id = captured->interface_id};
    struct cursor c = {.at = captured->bytes, .left = captured->captured_bytes, .whole = captured->original_bytes};
    if (!link_header(&c, captured->link_type, packet) || c.left < 1) return AK_PACKET_OTHER;
    unsigned version = c.at[0] >> 4;
    ak_packet_kind kind = version == 4 ? ipv4(&c, packet) : version == 6 ? ipv6(&c, packet) : AK_PACKET_OTHER;
    return kind == AK_PACKET_SEGMENT ? tcp(&c, packet) : kind;
}
