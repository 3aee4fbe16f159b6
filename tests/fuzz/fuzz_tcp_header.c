/* Fuzz target: the TCP header and its options.  The first input byte says how many bytes of the segment lie behind
 * those at hand; the rest is the head.  What is taken must be within its bounds, must not depend on what follows the
 * header, and must come back from the builder, in either order of options, as far as 40 bytes hold it. */
#include "wire/tcp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static void options_legal(const aksu_tcp_options *o, uint16_t flags) {
    const unsigned syn_only = AKSU_OPT_MSS | AKSU_OPT_WSCALE | AKSU_OPT_SACK_PERMITTED | AKSU_OPT_FAST_OPEN;
    if ((flags & AKSU_TCP_SYN) == 0) require((o->present & syn_only) == 0);
    require(o->wscale <= 14);
    require(o->sack_count <= AKSU_SACK_BLOCK_MAX && (o->sack_count > 0) == ((o->present & AKSU_OPT_SACK) != 0));
    const unsigned cookie = o->fast_open_cookie_bytes;
    require(cookie == 0 || (cookie >= 4 && cookie <= AKSU_FAST_OPEN_COOKIE_MAX && cookie % 2 == 0));
    if ((o->present & AKSU_OPT_FAST_OPEN) == 0) require(cookie == 0);
    require(o->accecn_count <= AKSU_ACCECN_FIELD_MAX && o->accecn_order <= 1);
    for (unsigned i = 0; i < AKSU_ACCECN_FIELD_MAX; i++) require(o->accecn[i] <= (i < o->accecn_count ? 0xffffffu : 0));
    if ((o->present & AKSU_OPT_ACCECN) == 0) require(o->accecn_count == 0);
    if ((flags & (AKSU_TCP_SYN | AKSU_TCP_ACK)) == AKSU_TCP_SYN) require((o->present & AKSU_OPT_ACCECN) == 0);
}

/* Whether both hold the same for the options that `back` has. */
static void options_agree(const aksu_tcp_options *back, const aksu_tcp_options *o) {
    require((back->present & (unsigned)~o->present) == 0 && (back->present & AKSU_OPT_UNKNOWN) == 0);
    if (back->present & AKSU_OPT_MSS) require(back->mss == o->mss);
    if (back->present & AKSU_OPT_WSCALE) require(back->wscale == o->wscale);
    if (back->present & AKSU_OPT_TIMESTAMPS) require(back->ts_val == o->ts_val && back->ts_ecr == o->ts_ecr);
    if (back->present & AKSU_OPT_USER_TIMEOUT) require(back->user_timeout == o->user_timeout);
    if (back->present & AKSU_OPT_FAST_OPEN) {
        require(back->fast_open_cookie_bytes == o->fast_open_cookie_bytes);
        require(memcmp(back->fast_open_cookie, o->fast_open_cookie, sizeof o->fast_open_cookie) == 0);
    }
    require(back->accecn_count <= o->accecn_count);
    require(memcmp(back->accecn, o->accecn, back->accecn_count * sizeof *o->accecn) == 0);
    require(back->sack_count <= o->sack_count);
    require(memcmp(back->sack, o->sack, back->sack_count * sizeof *o->sack) == 0);
    const unsigned may_be_left_out =
        AKSU_OPT_SACK | AKSU_OPT_FAST_OPEN | AKSU_OPT_USER_TIMEOUT | AKSU_OPT_UNKNOWN | AKSU_OPT_ACCECN;
    require((o->present & (unsigned)~back->present & (unsigned)~may_be_left_out) == 0);
}

static void build_and_parse_again(const struct ak_tcp_header *header, enum ak_option_order order) {
    uint8_t built[AK_TCP_HEADER_BYTES_MAX];
    struct ak_tcp_header back;
    const uint32_t bytes = ak_wire_tcp_build(built, header, order);
    require(bytes == AK_TCP_HEADER_BYTES + ak_wire_tcp_option_bytes(&header->options, header->flags));
    require(ak_wire_tcp_parse(built, bytes, bytes, &back) == AKSU_DROP_NONE);
    require(back.src_port == header->src_port && back.dst_port == header->dst_port);
    require(ak_seq_eq(back.seq, header->seq) && ak_seq_eq(back.ack, header->ack));
    require(back.flags == header->flags && back.wnd == header->wnd && back.up == header->up);
    options_agree(&back.options, &header->options);
}

/* The header alone, in a block of its very size. */
static void same_without_what_follows(const uint8_t *p, const struct ak_tcp_header *header) {
    const size_t header_bytes = header->data_offset * 4u;
    uint8_t *alone = malloc(header_bytes);
    if (alone == NULL) return;
    memcpy(alone, p, header_bytes);
    struct ak_tcp_header again;
    require(ak_wire_tcp_parse(alone, header_bytes, header_bytes, &again) == AKSU_DROP_NONE);
    require(memcmp(&again.options, &header->options, sizeof again.options) == 0);
    free(alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes < 1) return 0;
    const size_t head_bytes = bytes - 1, segment_bytes = head_bytes + data[0];
    struct ak_tcp_header header;
    const aksu_drop drop = ak_wire_tcp_parse(data + 1, head_bytes, segment_bytes, &header);
    if (drop != AKSU_DROP_NONE) {
        require(drop == AKSU_DROP_TCP_TRUNCATED || drop == AKSU_DROP_TCP_DATA_OFFSET ||
                drop == AKSU_DROP_TCP_PORT_ZERO || drop == AKSU_DROP_TCP_OPTION_LENGTH);
        return 0;
    }
    require(header.data_offset >= 5 && header.data_offset * 4u <= head_bytes);
    require(header.src_port != 0 && header.dst_port != 0);
    options_legal(&header.options, header.flags);
    same_without_what_follows(data + 1, &header);
    build_and_parse_again(&header, AK_OPTION_ORDER_LINUX);
    build_and_parse_again(&header, AK_OPTION_ORDER_FREEBSD);
    return 0;
}
