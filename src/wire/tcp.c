/* The TCP header and its options, RFC 9293 s3.1 and s3.2.
 *
 * Parsing gives a legal header or the reason why there is none; nothing above needs to look at its bytes again.  Each
 * option is read inside its own bounds, and each turn of the loop takes at least one byte.  What stands after an
 * end-of-option-list is not looked at.
 *
 * Building lays each option out in cells of 4 bytes, filled up with NOPs: before window scale, timestamps and SACK, so
 * that 32-bit values are aligned (RFC 7323 appendix A), after the others; at the very end, where the order says so,
 * with end-of-option-list.  SACK-permitted takes the place of the NOPs before timestamps.  Cells make the size of a set
 * of options the same in every order. */
#include "tcp.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/mem.h"

enum option_kind {
    KIND_END = 0,
    KIND_NOP = 1,
    KIND_MSS = 2,
    KIND_WSCALE = 3,
    KIND_SACK_PERMITTED = 4,
    KIND_SACK = 5,
    KIND_TIMESTAMPS = 8,
    KIND_USER_TIMEOUT = 28,
    KIND_FAST_OPEN = 34,
    KIND_ACCECN0 = 172,
    KIND_ACCECN1 = 174,
};

#define NOP_NOP_TIMESTAMPS   0x0101080au
#define TIMESTAMPS_CELLS     12u
#define WSCALE_MAX           14u
#define FAST_OPEN_COOKIE_MIN 4u
/* Of the 16 bits of data offset, reserved and flags; RFC 9293 s3.1: what is reserved is ignored, and sent as 0. */
#define FLAGS_MASK 0x1ffu
#define SYN_ONLY   (AKSU_OPT_MSS | AKSU_OPT_WSCALE | AKSU_OPT_SACK_PERMITTED | AKSU_OPT_FAST_OPEN)

/* ---------------------------------------------------------------- parse */

/* Whether this is the first of its kind, which is then marked. */
static bool take(aksu_tcp_options *options, unsigned bit) {
    const bool first = (options->present & bit) == 0;
    options->present = (uint16_t)(options->present | bit);
    return first;
}

static void sack_read(aksu_tcp_options *options, const uint8_t *p, uint8_t block_count) {
    options->sack_count = block_count;
    for (unsigned i = 0; i < block_count; i++) {
        options->sack[i].left = ak_be32(p + 8 * i);
        options->sack[i].right = ak_be32(p + 8 * i + 4);
    }
}

/* RFC 7413 s4.1.1: cookies of 4 to 16 bytes, an even number; none is a request. */
static void fast_open_read(aksu_tcp_options *options, const uint8_t *p, unsigned cookie_bytes) {
    const bool legal = cookie_bytes == 0 || (cookie_bytes >= FAST_OPEN_COOKIE_MIN &&
                                             cookie_bytes <= AKSU_FAST_OPEN_COOKIE_MAX && cookie_bytes % 2 == 0);
    if (!legal || !take(options, AKSU_OPT_FAST_OPEN)) return;
    options->fast_open_cookie_bytes = (uint8_t)cookie_bytes;
    if (cookie_bytes > 0) ak_copy(options->fast_open_cookie, p, cookie_bytes);
}

/* RFC 9768 s3.2.3: of any length the whole fields, the rest being padding; s3.2.3.2.1: on a SYN it is nothing. */
static void accecn_read(aksu_tcp_options *options, const uint8_t *p, unsigned field_bytes, uint8_t order) {
    if (!take(options, AKSU_OPT_ACCECN)) return;
    options->accecn_order = order;
    options->accecn_count = (uint8_t)ak_min_u32(field_bytes / 3, AKSU_ACCECN_FIELD_MAX);
    for (unsigned i = 0; i < options->accecn_count; i++)
        options->accecn[i] = (uint32_t)ak_be16(p + 3 * i) << 8 | p[3 * i + 2];
}

struct option {
    const uint8_t *data; /* after kind and length */
    uint8_t kind, bytes;
};

/* One option whose length lies within the header.  False: not a length of its kind. */
static bool option_read(aksu_tcp_options *options, const struct option *option, uint16_t flags) {
    const uint8_t *p = option->data;
    const uint8_t bytes = option->bytes;
    const bool syn = (flags & AKSU_TCP_SYN) != 0;
    switch (option->kind) {
    case KIND_MSS:
        if (bytes != 4) return false;
        if (syn && take(options, AKSU_OPT_MSS)) options->mss = ak_be16(p);
        return true;
    case KIND_WSCALE:
        if (bytes != 3) return false;
        if (syn && take(options, AKSU_OPT_WSCALE)) options->wscale = p[0] > WSCALE_MAX ? WSCALE_MAX : p[0];
        return true;
    case KIND_SACK_PERMITTED:
        if (bytes != 2) return false;
        if (syn) take(options, AKSU_OPT_SACK_PERMITTED);
        return true;
    case KIND_SACK:
        if (bytes < 10 || bytes % 8 != 2 || bytes > 2 + 8 * AKSU_SACK_BLOCK_MAX) return false;
        if (take(options, AKSU_OPT_SACK)) sack_read(options, p, (uint8_t)(bytes / 8));
        return true;
    case KIND_TIMESTAMPS:
        if (bytes != 10) return false;
        if (take(options, AKSU_OPT_TIMESTAMPS)) {
            options->ts_val = ak_be32(p);
            options->ts_ecr = ak_be32(p + 4);
        }
        return true;
    case KIND_USER_TIMEOUT:
        if (bytes != 4) return false;
        if (take(options, AKSU_OPT_USER_TIMEOUT)) options->user_timeout = ak_be16(p);
        return true;
    case KIND_FAST_OPEN:
        if (syn) fast_open_read(options, p, bytes - 2u);
        return true;
    case KIND_ACCECN0:
    case KIND_ACCECN1:
        if ((flags & (AKSU_TCP_SYN | AKSU_TCP_ACK)) != AKSU_TCP_SYN)
            accecn_read(options, p, bytes - 2u, option->kind == KIND_ACCECN1);
        return true;
    default: /* MUST-6: skipped */ take(options, AKSU_OPT_UNKNOWN); return true;
    }
}

/* MUST-7, ruling R10: a length of 0 or 1, or past the header's end, ends the matter. */
static aksu_drop options_parse(aksu_tcp_options *options, const uint8_t *p, size_t bytes, uint16_t flags) {
    size_t at = 0;
    while (at < bytes && p[at] != KIND_END) {
        if (p[at] == KIND_NOP) {
            at++;
            continue;
        }
        if (bytes - at < 2) return AKSU_DROP_TCP_OPTION_LENGTH;
        const struct option option = {.data = p + at + 2, .kind = p[at], .bytes = p[at + 1]};
        if (option.bytes < 2 || option.bytes > bytes - at) return AKSU_DROP_TCP_OPTION_LENGTH;
        if (!option_read(options, &option, flags)) return AKSU_DROP_TCP_OPTION_LENGTH;
        at += option.bytes;
    }
    return AKSU_DROP_NONE;
}

/* Ahead of the loop: none, and timestamps alone in their usual place, which is nearly every segment.  False: neither,
 * and nothing is written. */
static inline bool options_parse_quick(aksu_tcp_options *options, const uint8_t *p, size_t bytes) {
    if (bytes == 0) {
        *options = (aksu_tcp_options){0};
        return true;
    }
    if (bytes != TIMESTAMPS_CELLS || ak_be32(p) != NOP_NOP_TIMESTAMPS) return false;
    *options = (aksu_tcp_options){
        .present = AKSU_OPT_TIMESTAMPS,
        .ts_val = ak_be32(p + 4),
        .ts_ecr = ak_be32(p + 8),
    };
    return true;
}

aksu_drop ak_wire_tcp_parse(const uint8_t *p, size_t head_bytes, size_t segment_bytes,
                            struct ak_tcp_header *ret_header) {
    if (head_bytes > segment_bytes) head_bytes = segment_bytes;
    if (head_bytes < AK_TCP_HEADER_BYTES) return AKSU_DROP_TCP_TRUNCATED;
    const uint8_t data_offset = p[12] >> 4;
    const size_t header_bytes = data_offset * 4u;
    if (header_bytes < AK_TCP_HEADER_BYTES || header_bytes > segment_bytes) return AKSU_DROP_TCP_DATA_OFFSET;
    if (header_bytes > head_bytes) return AKSU_DROP_TCP_TRUNCATED;
    const uint32_t ports = ak_be32(p);
    if (ports >> 16 == 0 || (ports & 0xffff) == 0) return AKSU_DROP_TCP_PORT_ZERO;
    const uint8_t *at = p + AK_TCP_HEADER_BYTES;
    const size_t bytes = header_bytes - AK_TCP_HEADER_BYTES;
    if (!options_parse_quick(&ret_header->options, at, bytes)) {
        aksu_tcp_options options = {0};
        const aksu_drop drop = options_parse(&options, at, bytes, p[13]);
        if (drop != AKSU_DROP_NONE) return drop;
        ret_header->options = options;
    }
    ret_header->src_port = (uint16_t)(ports >> 16);
    ret_header->dst_port = (uint16_t)ports;
    ret_header->seq = ak_seq_of(ak_be32(p + 4));
    ret_header->ack = ak_seq_of(ak_be32(p + 8));
    ret_header->flags = (uint16_t)(ak_be16(p + 12) & FLAGS_MASK);
    ret_header->data_offset = data_offset;
    ret_header->wnd = ak_be16(p + 14);
    ret_header->up = ak_be16(p + 18);
    return AKSU_DROP_NONE;
}

/* ---------------------------------------------------------------- build */

/* What of a set of options goes onto the wire. */
struct layout {
    uint32_t bytes;
    uint16_t present;
    uint8_t sack_count, accecn_count;
};

static void layout_add(struct layout *layout, uint16_t present, unsigned bit, uint32_t bytes) {
    if ((present & bit) == 0 || layout->bytes + bytes > AK_TCP_OPTION_BYTES_MAX) return;
    layout->present = (uint16_t)(layout->present | bit);
    layout->bytes += bytes;
}

/* Kind, length and so many fields, filled up. */
static uint32_t accecn_cells(uint32_t field_count) {
    return (2 + 3 * field_count + 3) & ~3u;
}

/* In the order of what matters most, SACK last as it shrinks to what is left. */
static struct layout layout_of(const aksu_tcp_options *options, uint16_t flags) {
    struct layout layout = {0};
    uint16_t present = options->present;
    if ((flags & AKSU_TCP_SYN) == 0) present = (uint16_t)(present & ~SYN_ONLY);
    if ((flags & (AKSU_TCP_SYN | AKSU_TCP_ACK)) == AKSU_TCP_SYN) present = (uint16_t)(present & ~AKSU_OPT_ACCECN);
    const bool timestamps = (present & AKSU_OPT_TIMESTAMPS) != 0;
    layout_add(&layout, present, AKSU_OPT_MSS, 4);
    layout_add(&layout, present, AKSU_OPT_TIMESTAMPS, TIMESTAMPS_CELLS);
    layout_add(&layout, present, AKSU_OPT_SACK_PERMITTED, timestamps ? 0 : 4);
    layout_add(&layout, present, AKSU_OPT_WSCALE, 4);
    layout_add(&layout, present, AKSU_OPT_USER_TIMEOUT, 4);
    layout_add(&layout, present, AKSU_OPT_FAST_OPEN, (2u + options->fast_open_cookie_bytes + 3u) & ~3u);
    if ((present & AKSU_OPT_ACCECN) != 0) {
        const uint32_t room = AK_TCP_OPTION_BYTES_MAX - layout.bytes;
        layout.accecn_count = options->accecn_count;
        while (layout.accecn_count > 0 && accecn_cells(layout.accecn_count) > room) layout.accecn_count--;
        layout_add(&layout, present, AKSU_OPT_ACCECN, accecn_cells(layout.accecn_count));
    }
    if ((present & AKSU_OPT_SACK) != 0 && options->sack_count > 0) {
        const uint32_t wanted = ak_min_u32(options->sack_count, AKSU_SACK_BLOCK_MAX);
        const uint32_t room = AK_TCP_OPTION_BYTES_MAX - layout.bytes;
        const uint32_t fit = room < 4 ? 0 : (room - 4) / 8;
        layout.sack_count = (uint8_t)ak_min_u32(wanted, fit);
        if (layout.sack_count > 0) layout_add(&layout, present, AKSU_OPT_SACK, 4u + 8u * layout.sack_count);
    }
    return layout;
}

uint32_t ak_wire_tcp_option_bytes(const aksu_tcp_options *options, uint16_t flags) {
    return options->present == 0 ? 0 : layout_of(options, flags).bytes;
}

static uint8_t *put_kind(uint8_t *p, unsigned nop_count, uint8_t kind, uint8_t bytes) {
    for (unsigned i = 0; i < nop_count; i++) *p++ = KIND_NOP;
    *p++ = kind;
    *p++ = bytes;
    return p;
}

static uint8_t *put_mss(uint8_t *p, const struct layout *layout, const aksu_tcp_options *options) {
    if ((layout->present & AKSU_OPT_MSS) == 0) return p;
    p = put_kind(p, 0, KIND_MSS, 4);
    ak_put16(p, options->mss);
    return p + 2;
}

static uint8_t *put_wscale(uint8_t *p, const struct layout *layout, const aksu_tcp_options *options) {
    if ((layout->present & AKSU_OPT_WSCALE) == 0) return p;
    p = put_kind(p, 1, KIND_WSCALE, 3);
    *p = options->wscale;
    return p + 1;
}

static uint8_t *put_timestamps(uint8_t *p, const aksu_tcp_options *options, unsigned nop_count) {
    p = put_kind(p, nop_count, KIND_TIMESTAMPS, 10);
    ak_put32(p, options->ts_val);
    ak_put32(p + 4, options->ts_ecr);
    return p + 8;
}

static uint8_t *put_filling(uint8_t *p, enum option_kind kind, unsigned count) {
    while (count-- > 0) *p++ = (uint8_t)kind;
    return p;
}

/* SACK-permitted without timestamps is filled up in front in the one order, behind in the other. */
static uint8_t *put_sack_permitted_timestamps(uint8_t *p, const struct layout *layout, const aksu_tcp_options *options,
                                              enum ak_option_order order) {
    const bool permitted = (layout->present & AKSU_OPT_SACK_PERMITTED) != 0;
    if ((layout->present & AKSU_OPT_TIMESTAMPS) != 0) {
        if (permitted) p = put_kind(p, 0, KIND_SACK_PERMITTED, 2);
        return put_timestamps(p, options, permitted ? 0 : 2);
    }
    if (!permitted) return p;
    if (order == AK_OPTION_ORDER_LINUX) return put_kind(p, 2, KIND_SACK_PERMITTED, 2);
    const uint16_t last = AKSU_OPT_SACK | AKSU_OPT_USER_TIMEOUT | AKSU_OPT_FAST_OPEN | AKSU_OPT_ACCECN;
    p = put_kind(p, 0, KIND_SACK_PERMITTED, 2);
    return put_filling(p, (layout->present & last) != 0 ? KIND_NOP : KIND_END, 2);
}

static uint8_t *put_accecn(uint8_t *p, const struct layout *layout, const aksu_tcp_options *options) {
    if ((layout->present & AKSU_OPT_ACCECN) == 0) return p;
    const uint8_t bytes = (uint8_t)(2 + 3 * layout->accecn_count);
    p = put_kind(p, 0, options->accecn_order == 0 ? KIND_ACCECN0 : KIND_ACCECN1, bytes);
    for (unsigned i = 0; i < layout->accecn_count; i++, p += 3) {
        p[0] = (uint8_t)(options->accecn[i] >> 16);
        ak_put16(p + 1, (uint16_t)options->accecn[i]);
    }
    return put_filling(p, KIND_NOP, accecn_cells(layout->accecn_count) - bytes);
}

/* What both orders end with; the filling at the very end differs. */
static uint8_t *put_rest(uint8_t *p, const struct layout *layout, const aksu_tcp_options *options,
                         enum option_kind filling) {
    p = put_accecn(p, layout, options);
    if ((layout->present & AKSU_OPT_SACK) != 0) {
        p = put_kind(p, 2, KIND_SACK, (uint8_t)(2 + 8 * layout->sack_count));
        for (unsigned i = 0; i < layout->sack_count; i++, p += 8) {
            ak_put32(p, options->sack[i].left);
            ak_put32(p + 4, options->sack[i].right);
        }
    }
    if ((layout->present & AKSU_OPT_USER_TIMEOUT) != 0) {
        p = put_kind(p, 0, KIND_USER_TIMEOUT, 4);
        ak_put16(p, options->user_timeout);
        p += 2;
    }
    if ((layout->present & AKSU_OPT_FAST_OPEN) != 0) {
        const unsigned cookie_bytes = options->fast_open_cookie_bytes;
        p = put_kind(p, 0, KIND_FAST_OPEN, (uint8_t)(2 + cookie_bytes));
        if (cookie_bytes > 0) ak_copy(p, options->fast_open_cookie, cookie_bytes);
        p = put_filling(p + cookie_bytes, filling, (2 - cookie_bytes) % 4);
    }
    return p;
}

static uint32_t options_build(uint8_t *p, const struct ak_tcp_header *header, enum ak_option_order order) {
    const aksu_tcp_options *options = &header->options;
    ak_check(options->fast_open_cookie_bytes <= AKSU_FAST_OPEN_COOKIE_MAX);
    const struct layout layout = layout_of(options, header->flags);
    uint8_t *at = put_mss(p, &layout, options);
    switch (order) {
    case AK_OPTION_ORDER_LINUX:
        at = put_sack_permitted_timestamps(at, &layout, options, order);
        at = put_wscale(at, &layout, options);
        at = put_rest(at, &layout, options, KIND_NOP);
        break;
    case AK_OPTION_ORDER_FREEBSD:
        at = put_wscale(at, &layout, options);
        at = put_sack_permitted_timestamps(at, &layout, options, order);
        at = put_rest(at, &layout, options, KIND_END);
        break;
    }
    ak_check((uint32_t)(at - p) == layout.bytes);
    return layout.bytes;
}

uint32_t ak_wire_tcp_build(uint8_t *p, const struct ak_tcp_header *header, enum ak_option_order order) {
    uint32_t option_bytes = 0;
    if (header->options.present == AKSU_OPT_TIMESTAMPS) {
        put_timestamps(p + AK_TCP_HEADER_BYTES, &header->options, 2);
        option_bytes = TIMESTAMPS_CELLS;
    } else if (header->options.present != 0) {
        option_bytes = options_build(p + AK_TCP_HEADER_BYTES, header, order);
    }
    const uint32_t header_bytes = AK_TCP_HEADER_BYTES + option_bytes;
    ak_put16(p, header->src_port);
    ak_put16(p + 2, header->dst_port);
    ak_put32(p + 4, header->seq.n);
    ak_put32(p + 8, header->ack.n);
    p[12] = (uint8_t)(header_bytes / 4 << 4 | (header->flags >> 8 & 1));
    p[13] = (uint8_t)header->flags;
    ak_put16(p + 14, header->wnd);
    ak_put16(p + 16, 0);
    ak_put16(p + 18, header->up);
    return header_bytes;
}
