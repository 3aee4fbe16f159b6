/* Captures: see capture.h.
 *
 * `need` brings the next bytes into the buffer, moving what is left of it to the front; a record is read where it lies.
 * A record larger than RECORD_BYTES_MAX is taken for corruption: no link carries such packets.  Blocks of pcapng that
 * are not packets may be of any size and are passed over.
 *
 * Every length of the file is checked against what is there before it is used.  A file that ends between two records is
 * whole; one that ends inside a record is cut, and what came before the cut has been given out. */
#include "view/capture.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES     (1u << 20)
#define RECORD_BYTES_MAX (1u << 19)
#define INTERFACE_MAX    4096u
#define ERROR_BYTES      200

enum { BLOCK_INTERFACE = 1, BLOCK_OLD_PACKET = 2, BLOCK_SIMPLE_PACKET = 3, BLOCK_PACKET = 6 };
#define BLOCK_SECTION 0x0a0d0d0au
enum { OPT_END = 0, OPT_FLAGS = 2, OPT_TSRESOL = 9, OPT_TSOFFSET = 14 };

typedef enum file_format { FORMAT_UNKNOWN, FORMAT_PCAP, FORMAT_PCAPNG } file_format;

struct interface {
    uint32_t link_type, snap_bytes;
    uint64_t units_per_second; /* a power of 10 or 2 */
    uint64_t offset_s;
};

struct ak_capture {
    ak_capture_source *source;
    void *user;
    uint8_t *buf;
    size_t at, end;  /* what is not used yet: buf[at..end) */
    uint64_t offset; /* of buf[at] in the file */
    bool exhausted;
    file_format format;
    bool swapped, nanoseconds;
    uint32_t link_type;
    struct interface *interfaces;
    uint32_t interface_count;
    bool bad;
    uint64_t error_offset;
    char error[ERROR_BYTES];
};

ak_capture *ak_capture_open(ak_capture_source *source, void *user) {
    ak_capture *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->source = source;
    c->user = user;
    c->buf = malloc(BUFFER_BYTES);
    if (c->buf == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

void ak_capture_close(ak_capture *c) {
    if (c == NULL) return;
    free(c->buf);
    free(c->interfaces);
    free(c);
}

const char *ak_capture_error(const ak_capture *c, uint64_t *ret_offset) {
    *ret_offset = c->error_offset;
    return c->error;
}

__attribute__((format(printf, 3, 4))) static ak_capture_result bad(ak_capture *c, uint64_t offset, const char *format,
                                                                   ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->error, sizeof c->error, format, args);
    va_end(args);
    c->bad = true;
    c->error_offset = offset;
    return AK_CAPTURE_BAD;
}

/* ---- bytes */

/* At least so many bytes in the buffer?  count <= RECORD_BYTES_MAX. */
static bool need(ak_capture *c, size_t count) {
    if (c->end - c->at >= count) return true;
    memmove(c->buf, c->buf + c->at, c->end - c->at);
    c->end -= c->at;
    c->at = 0;
    while (c->end < count && !c->exhausted) {
        size_t got = c->source(c->user, c->buf + c->end, BUFFER_BYTES - c->end);
        if (got == 0) c->exhausted = true;
        c->end += got;
    }
    return c->end >= count;
}

static void use(ak_capture *c, size_t count) {
    c->at += count;
    c->offset += count;
}

/* Passes over bytes that need not fit into the buffer; false: the file ends before. */
static bool pass(ak_capture *c, uint64_t count) {
    while (count > 0) {
        if (!need(c, 1)) return false;
        size_t here = c->end - c->at;
        if (here > count) here = (size_t)count;
        use(c, here);
        count -= here;
    }
    return true;
}

static uint16_t get_u16(const ak_capture *c, const uint8_t *p) {
    return (uint16_t)(c->swapped ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static uint32_t get_u32(const ak_capture *c, const uint8_t *p) {
    uint32_t little = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    uint32_t big = (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
    return c->swapped ? big : little;
}

/* ---- classic */

static ak_capture_result pcap_head(ak_capture *c) {
    if (!need(c, 24)) return bad(c, c->offset, "the file ends inside its header");
    const uint8_t *p = c->buf + c->at;
    uint16_t major = get_u16(c, p + 4);
    if (major != 2) return bad(c, c->offset + 4, "pcap version %u is not known", major);
    c->link_type = get_u32(c, p + 20) & 0xffff; /* above it: the length of a frame check sequence */
    use(c, 24);
    return AK_CAPTURE_PACKET;
}

static ak_capture_result pcap_next(ak_capture *c, ak_capture_packet *packet) {
    if (!need(c, 1)) return AK_CAPTURE_END;
    if (!need(c, 16)) return bad(c, c->offset, "the file is cut inside a packet's header");
    const uint8_t *p = c->buf + c->at;
    uint32_t seconds = get_u32(c, p), fraction = get_u32(c, p + 4), captured = get_u32(c, p + 8);
    uint32_t limit = c->nanoseconds ? 1000000000 : 1000000;
    if (captured > RECORD_BYTES_MAX - 16)
        return bad(c, c->offset + 8, "a packet of %" PRIu32 " bytes: the file is corrupt", captured);
    if (fraction >= limit)
        return bad(c, c->offset + 4, "a time of %" PRIu32 " parts of a second: the file is corrupt", fraction);
    if (!need(c, 16 + captured)) return bad(c, c->offset, "the file is cut inside a packet");
    p = c->buf + c->at;
    *packet = (ak_capture_packet){.time_ns = (uint64_t)seconds * 1000000000 +
                                             (c->nanoseconds ? fraction : (uint64_t)fraction * 1000),
                                  .offset = c->offset,
                                  .link_type = c->link_type,
                                  .bytes = p + 16,
                                  .captured_bytes = captured,
                                  .original_bytes = get_u32(c, p + 12)};
    if (packet->original_bytes < captured) packet->original_bytes = captured;
    use(c, 16 + captured);
    return AK_CAPTURE_PACKET;
}

/* ---- pcapng */

static uint64_t units_of(uint8_t resolution) {
    uint64_t units = 1;
    unsigned exponent = resolution & 0x7f;
    bool binary = (resolution & 0x80) != 0;
    for (unsigned i = 0; i < exponent && i < (binary ? 40u : 12u); i++) units *= binary ? 2 : 10;
    return units;
}

/* Ticks as nanoseconds; what does not fit wraps, as in a capture of another era. */
static uint64_t as_ns(const struct interface *i, uint64_t ticks) {
    uint64_t seconds = ticks / i->units_per_second, rest = ticks % i->units_per_second;
    uint64_t ns = i->units_per_second >= 1000000000 ? rest / (i->units_per_second / 1000000000)
                                                    : rest * 1000000000 / i->units_per_second;
    return (seconds + i->offset_s) * 1000000000 + ns;
}

/* The value of an option between at and end; NULL: it is not there, or is shorter than asked. */
static const uint8_t *option(const ak_capture *c, const uint8_t *at, const uint8_t *end, uint16_t code,
                             uint16_t bytes) {
    while (end - at >= 4) {
        uint16_t is = get_u16(c, at), length = get_u16(c, at + 2);
        if (is == OPT_END || end - at - 4 < length) return NULL;
        if (is == code) return length >= bytes ? at + 4 : NULL;
        size_t step = 4 + ((size_t)length + 3) / 4 * 4;
        if ((size_t)(end - at) < step) return NULL;
        at += step;
    }
    return NULL;
}

static ak_capture_result section(ak_capture *c) {
    if (!need(c, 28)) return bad(c, c->offset, "the file is cut inside a section header");
    const uint8_t *p = c->buf + c->at;
    static const uint8_t little[] = {0x4d, 0x3c, 0x2b, 0x1a}, big[] = {0x1a, 0x2b, 0x3c, 0x4d};
    if (memcmp(p + 8, little, 4) == 0)
        c->swapped = false;
    else if (memcmp(p + 8, big, 4) == 0)
        c->swapped = true;
    else
        return bad(c, c->offset + 8, "a section header without its byte order mark: the file is corrupt");
    uint32_t bytes = get_u32(c, p + 4);
    uint16_t major = get_u16(c, p + 12);
    if (major != 1) return bad(c, c->offset + 12, "pcapng version %u is not known", major);
    if (bytes < 28 || bytes % 4 != 0)
        return bad(c, c->offset + 4, "a section header of %" PRIu32 " bytes: the file is corrupt", bytes);
    c->interface_count = 0;
    uint64_t from = c->offset;
    if (!pass(c, bytes)) return bad(c, from, "the file is cut inside a section header");
    return AK_CAPTURE_PACKET;
}

static ak_capture_result add_interface(ak_capture *c, const uint8_t *body, size_t body_bytes) {
    if (body_bytes < 8) return bad(c, c->offset, "an interface block of %zu bytes: the file is corrupt", body_bytes);
    if (c->interface_count == INTERFACE_MAX)
        return bad(c, c->offset, "more than %u interfaces in a section", (unsigned)INTERFACE_MAX);
    if ((c->interface_count & (c->interface_count - 1)) == 0) { /* a power of two: it is full */
        size_t cap = c->interface_count == 0 ? 1 : 2 * (size_t)c->interface_count;
        struct interface *bigger = realloc(c->interfaces, cap * sizeof *bigger);
        if (bigger == NULL) return bad(c, c->offset, "no memory");
        c->interfaces = bigger;
    }
    struct interface *i = &c->interfaces[c->interface_count++];
    *i = (struct interface){
        .link_type = get_u16(c, body), .snap_bytes = get_u32(c, body + 4), .units_per_second = 1000000};
    const uint8_t *value = option(c, body + 8, body + body_bytes, OPT_TSRESOL, 1);
    if (value != NULL) i->units_per_second = units_of(value[0]);
    value = option(c, body + 8, body + body_bytes, OPT_TSOFFSET, 8);
    if (value != NULL) {
        uint64_t low = get_u32(c, c->swapped ? value + 4 : value), high = get_u32(c, c->swapped ? value : value + 4);
        i->offset_s = high << 32 | low;
    }
    return AK_CAPTURE_PACKET;
}

/* The packet of a block that holds one. */
static ak_capture_result packet_block(ak_capture *c, uint32_t type, const uint8_t *body, size_t body_bytes,
                                      ak_capture_packet *packet) {
    size_t head = type == BLOCK_SIMPLE_PACKET ? 4 : 20;
    if (body_bytes < head) return bad(c, c->offset, "a packet block of %zu bytes: the file is corrupt", body_bytes);
    uint32_t id = type == BLOCK_PACKET ? get_u32(c, body) : type == BLOCK_OLD_PACKET ? get_u16(c, body) : 0;
    if (id >= c->interface_count)
        return bad(c, c->offset, "a packet of interface %" PRIu32 ", which the file does not describe", id);
    const struct interface *i = &c->interfaces[id];
    *packet =
        (ak_capture_packet){.offset = c->offset, .link_type = i->link_type, .interface_id = id, .bytes = body + head};
    uint32_t original = get_u32(c, type == BLOCK_SIMPLE_PACKET ? body : body + 16);
    uint32_t captured = original;
    if (type == BLOCK_SIMPLE_PACKET) {
        if (i->snap_bytes != 0 && captured > i->snap_bytes) captured = i->snap_bytes;
        if (captured > body_bytes - head) captured = (uint32_t)(body_bytes - head);
    } else {
        captured = get_u32(c, body + 12);
        packet->time_ns = as_ns(i, (uint64_t)get_u32(c, body + 4) << 32 | get_u32(c, body + 8));
    }
    if (captured > body_bytes - head)
        return bad(c, c->offset, "a packet of %" PRIu32 " bytes in a block of %zu: the file is corrupt", captured,
                   body_bytes);
    packet->captured_bytes = captured;
    packet->original_bytes = original < captured ? captured : original;
    size_t padded = head + ((size_t)captured + 3) / 4 * 4;
    if (type != BLOCK_SIMPLE_PACKET && padded <= body_bytes) {
        const uint8_t *flags = option(c, body + padded, body + body_bytes, OPT_FLAGS, 4);
        uint32_t direction = flags != NULL ? get_u32(c, flags) & 3 : 0;
        if (direction == 1) packet->sighting = AK_SIGHTED_IN;
        if (direction == 2) packet->sighting = AK_SIGHTED_OUT;
    }
    return AK_CAPTURE_PACKET;
}

static bool is_packet(uint32_t type) {
    return type == BLOCK_PACKET || type == BLOCK_SIMPLE_PACKET || type == BLOCK_OLD_PACKET;
}

/* One block; *ret_has tells whether it was a packet. */
static ak_capture_result block(ak_capture *c, ak_capture_packet *packet, bool *ret_has) {
    *ret_has = false;
    if (!need(c, 1)) return AK_CAPTURE_END;
    if (!need(c, 12)) return bad(c, c->offset, "the file is cut inside a block's header");
    const uint8_t *p = c->buf + c->at;
    uint32_t type = get_u32(c, p), bytes = get_u32(c, p + 4);
    if (type == BLOCK_SECTION) return section(c);
    if (bytes < 12 || bytes % 4 != 0)
        return bad(c, c->offset + 4, "a block of %" PRIu32 " bytes: the file is corrupt", bytes);
    if (!is_packet(type) && type != BLOCK_INTERFACE) {
        uint64_t from = c->offset;
        if (!pass(c, bytes)) return bad(c, from, "the file is cut inside a block");
        return AK_CAPTURE_PACKET;
    }
    if (bytes > RECORD_BYTES_MAX)
        return bad(c, c->offset + 4, "a packet block of %" PRIu32 " bytes: the file is corrupt", bytes);
    if (!need(c, bytes)) return bad(c, c->offset, "the file is cut inside a block");
    p = c->buf + c->at;
    if (get_u32(c, p + bytes - 4) != bytes)
        return bad(c, c->offset + bytes - 4, "a block's length is not repeated at its end: the file is corrupt");
    ak_capture_result result = type == BLOCK_INTERFACE ? add_interface(c, p + 8, bytes - 12)
                                                       : packet_block(c, type, p + 8, bytes - 12, packet);
    *ret_has = result == AK_CAPTURE_PACKET && type != BLOCK_INTERFACE;
    if (result == AK_CAPTURE_PACKET) use(c, bytes);
    return result;
}

/* ---- both */

static ak_capture_result begin(ak_capture *c) {
    static const struct {
        uint8_t magic[4];
        bool swapped, nanoseconds;
    } known[] = {
        {{0xd4, 0xc3, 0xb2, 0xa1}, false, false},
        {{0xa1, 0xb2, 0xc3, 0xd4}, true, false},
        {{0x4d, 0x3c, 0xb2, 0xa1}, false, true},
        {{0xa1, 0xb2, 0x3c, 0x4d}, true, true},
    };
    static const uint8_t pcapng[] = {0x0a, 0x0d, 0x0d, 0x0a};
    if (!need(c, 4)) return bad(c, 0, c->end == 0 ? "the file is empty" : "the file ends inside its header");
    const uint8_t *p = c->buf;
    if (memcmp(p, pcapng, 4) == 0) {
        c->format = FORMAT_PCAPNG;
        return AK_CAPTURE_PACKET;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(p, known[i].magic, 4) != 0) continue;
        c->format = FORMAT_PCAP;
        c->swapped = known[i].swapped;
        c->nanoseconds = known[i].nanoseconds;
        return pcap_head(c);
    }
    if (p[0] == 0x1f && p[1] == 0x8b) return bad(c, 0, "compressed by gzip: unpack it first");
    if (memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0) return bad(c, 0, "compressed by zstd: unpack it first");
    return bad(c, 0, "neither pcap nor pcapng");
}

ak_capture_result ak_capture_next(ak_capture *c, ak_capture_packet *packet) {
    if (c->bad) return AK_CAPTURE_BAD;
    if (c->format == FORMAT_UNKNOWN) {
        ak_capture_result result = begin(c);
        if (result != AK_CAPTURE_PACKET) return result;
    }
    if (c->format == FORMAT_PCAP) return pcap_next(c, packet);
    for (;;) {
        bool has;
        ak_capture_result result = block(c, packet, &has);
        if (result != AK_CAPTURE_PACKET || has) return result;
    }
}
