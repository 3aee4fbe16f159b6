/* pcapng blocks, in the machine's byte order as the format wants it, put together byte by byte in little-endian.
 *
 * One section; an interface block is written when an interface's first packet comes.  The link type is LINKTYPE_RAW:
 * packets begin with their IP header.  A state change by a call or a timer is remembered until the connection's next
 * segment goes out, which is what shows it (the SYN after connect, the FIN after close); PENDING_MAX of them at once,
 * the oldest forgotten first.
 *
 * Limits: comments are cut at COMMENT_BYTES.  A frame whose pieces hold fewer bytes than total_bytes is written as long
 * as it is. */
#include "view/pcapng.h"

#include "view/text.h"
#include "view/words.h"

#include <stdlib.h>
#include <string.h>

#define LINKTYPE_RAW   101
#define COMMENT_BYTES  256
#define PENDING_MAX    16
#define SNAP_BYTES_MAX 65535u

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6 };
enum { OPT_END = 0, OPT_COMMENT = 1, OPT_IF_NAME = 2, OPT_EPB_FLAGS = 2, OPT_USERAPPL = 4, OPT_IF_TSRESOL = 9 };

struct pending {
    aksu_flow flow;
    aksu_tcp_state from, to;
    aksu_state_cause cause;
    bool used;
    uint8_t interface_index;
};

struct ak_pcapng {
    ak_writer writer;
    ak_pcapng_options options;
    uint32_t snap_bytes;
    uint32_t interface_count;
    uint32_t interface_id[AK_PCAPNG_INTERFACE_MAX]; /* 1 + its number in the file; 0: not written yet */
    bool failed;
    uint32_t pending_next;
    struct pending pending[PENDING_MAX];
    uint8_t block[SNAP_BYTES_MAX + 1024]; /* the block under construction */
    uint32_t block_bytes;
};

static void put_u16(ak_pcapng *p, uint32_t value) {
    p->block[p->block_bytes++] = (uint8_t)value;
    p->block[p->block_bytes++] = (uint8_t)(value >> 8);
}

static void put_u32(ak_pcapng *p, uint32_t value) {
    put_u16(p, value & 0xffff);
    put_u16(p, value >> 16);
}

static void pad(ak_pcapng *p) {
    while (p->block_bytes % 4 != 0) p->block[p->block_bytes++] = 0;
}

static void put_option(ak_pcapng *p, uint32_t code, const void *value, size_t value_bytes) {
    put_u16(p, code);
    put_u16(p, (uint32_t)value_bytes);
    memcpy(p->block + p->block_bytes, value, value_bytes);
    p->block_bytes += (uint32_t)value_bytes;
    pad(p);
}

static void begin_block(ak_pcapng *p, uint32_t type) {
    p->block_bytes = 0;
    put_u32(p, type);
    put_u32(p, 0); /* its length: known at the end */
}

static bool end_block(ak_pcapng *p) {
    put_u32(p, OPT_END);
    uint32_t bytes = p->block_bytes + 4;
    put_u32(p, bytes);
    p->block_bytes = 4;
    put_u32(p, bytes);
    if (!p->writer.write(p->writer.user, p->block, bytes)) p->failed = true;
    return !p->failed;
}

ak_pcapng *ak_pcapng_open(const ak_writer *writer, const ak_pcapng_options *options) {
    static const char application[] = "aksu " AKSU_VERSION;
    ak_pcapng *p = calloc(1, sizeof *p);
    if (p == NULL) return NULL;
    p->writer = *writer;
    p->options = *options;
    p->snap_bytes =
        options->snap_bytes == 0 || options->snap_bytes > SNAP_BYTES_MAX ? SNAP_BYTES_MAX : options->snap_bytes;
    begin_block(p, BLOCK_SECTION);
    put_u32(p, 0x1a2b3c4d); /* tells the byte order */
    put_u16(p, 1);          /* version 1.0 */
    put_u16(p, 0);
    put_u32(p, 0xffffffff); /* section length: not told */
    put_u32(p, 0xffffffff);
    put_option(p, OPT_USERAPPL, application, sizeof application - 1);
    if (!end_block(p)) {
        free(p);
        return NULL;
    }
    return p;
}

static bool write_interface(ak_pcapng *p, unsigned interface_index) {
    static const uint8_t microseconds = 6;
    char own[16];
    const char *name = p->options.interface_name[interface_index];
    if (name == NULL) {
        snprintf(own, sizeof own, "aksu%u", interface_index);
        name = own;
    }
    begin_block(p, BLOCK_INTERFACE);
    put_u16(p, LINKTYPE_RAW);
    put_u16(p, 0);
    put_u32(p, p->snap_bytes);
    size_t name_bytes = strlen(name);
    put_option(p, OPT_IF_NAME, name,
               name_bytes < COMMENT_BYTES ? name_bytes : ak_text_fit_bytes(name, COMMENT_BYTES / 4));
    put_option(p, OPT_IF_TSRESOL, &microseconds, 1);
    p->interface_id[interface_index] = ++p->interface_count;
    return end_block(p);
}

/* ---- checksums */

/* One's complement sum over the frame's bytes from first_byte on, which begins at an even place of the sum. */
static uint64_t frame_sum(const aksu_frame *frame, size_t first_byte) {
    uint64_t sum = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        const uint8_t *bytes = frame->iov[i].base;
        for (size_t j = 0; j < frame->iov[i].bytes; j++, at++) {
            if (at < first_byte) continue;
            sum += ((at - first_byte) % 2 == 0) ? (uint64_t)bytes[j] << 8 : bytes[j];
        }
    }
    return sum;
}

static uint64_t header_sum(const uint8_t *bytes, size_t byte_count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < byte_count; i++) sum += i % 2 == 0 ? (uint64_t)bytes[i] << 8 : bytes[i];
    return sum;
}

/* RFC 9293 s3.1: the pseudo-header is counted from the addresses, whatever the field held.  Which protocol it is
 * follows from where its checksum lies: TCP 16, UDP 6, ICMPv6 2 (RFC 8200 s8.1: extension headers do not count). */
static void fill_checksum(const aksu_frame *frame, uint8_t *packet, uint32_t packet_bytes) {
    size_t start = frame->checksum_start, field = start + frame->checksum_offset;
    unsigned version = packet_bytes > 0 ? packet[0] >> 4 : 0;
    uint32_t ip_bytes = version == 4 ? 20 : 40;
    if ((version != 4 && version != 6) || start < ip_bytes || frame->total_bytes < start || field + 2 > packet_bytes)
        return;
    uint32_t protocol = frame->checksum_offset == 16 ? 6 : frame->checksum_offset == 6 ? 17 : 58;
    uint64_t sum = frame_sum(frame, start) + protocol + (frame->total_bytes - start);
    sum += version == 4 ? header_sum(packet + 12, 8) : header_sum(packet + 8, 32);
    /* The field itself counts as zero; it lies at an even distance in every protocol. */
    sum -= (uint64_t)packet[field] << 8 | packet[field + 1];
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    uint32_t checksum = ~(uint32_t)sum & 0xffff;
    if (checksum == 0 && protocol == 17) checksum = 0xffff; /* RFC 768: 0 would say "none" */
    packet[field] = (uint8_t)(checksum >> 8);
    packet[field + 1] = (uint8_t)checksum;
}

/* ---- comments */

static bool same_flow(const aksu_flow *a, const aksu_flow *b) {
    return a->local_port == b->local_port && a->remote_port == b->remote_port &&
           memcmp(&a->local, &b->local, sizeof a->local) == 0 && memcmp(&a->remote, &b->remote, sizeof a->remote) == 0;
}

static void remember_state(ak_pcapng *p, unsigned interface_index, const aksu_ev_state *e) {
    if (e->cause == AKSU_STATE_BY_SEGMENT || e->to == AK_TCP_LISTEN) return;
    p->pending[p->pending_next++ % PENDING_MAX] = (struct pending){
        .flow = e->flow,
        .from = e->from,
        .to = e->to,
        .cause = e->cause,
        .used = true,
        .interface_index = (uint8_t)interface_index,
    };
}

static void add_remembered(ak_pcapng *p, unsigned interface_index, const aksu_flow *flow, ak_text *comment) {
    for (unsigned i = 0; i < PENDING_MAX; i++) {
        struct pending *q = &p->pending[i];
        if (!q->used || q->interface_index != interface_index || !same_flow(&q->flow, flow)) continue;
        ak_text_add_format(comment, "%s%s -> %s (%s)", comment->used_bytes > 0 ? "; " : "", ak_word_state(q->from),
                           ak_word_state(q->to), ak_word_state_cause(AK_LANG_EN, q->cause));
        q->used = false;
    }
}

static void comment_segment(ak_pcapng *p, unsigned interface_index, const aksu_ev_segment *s, ak_text *comment) {
    if (s->direction == AKSU_OUT) add_remembered(p, interface_index, &s->flow, comment);
    if (s->state_before != s->state_after) {
        ak_text_add_format(comment, "%s%s -> %s", comment->used_bytes > 0 ? "; " : "", ak_word_state(s->state_before),
                           ak_word_state(s->state_after));
    }
    if (s->retransmission) {
        ak_text_add_format(comment, "%sretransmission: %s", comment->used_bytes > 0 ? "; " : "",
                           ak_word_send_cause(AK_LANG_EN, s->cause));
    }
}

static void comment_drop(aksu_drop drop, ak_text *comment) {
    if (drop == AKSU_DROP_NONE) return;
    ak_text_add_format(comment, "%sdropped: %s", comment->used_bytes > 0 ? "; " : "", ak_word_drop(AK_LANG_EN, drop));
}

/* ---- packets */

static uint32_t copy_frame(ak_pcapng *p, const aksu_frame *frame) {
    uint32_t copied = 0;
    for (uint32_t i = 0; i < frame->iov_count && copied < p->snap_bytes; i++) {
        size_t take = frame->iov[i].bytes;
        if (take > p->snap_bytes - copied) take = p->snap_bytes - copied;
        if (take > 0) memcpy(p->block + p->block_bytes + copied, frame->iov[i].base, take);
        copied += (uint32_t)take;
    }
    return copied;
}

static bool write_packet(ak_pcapng *p, unsigned interface_index, const aksu_trace_event *event, const aksu_frame *frame,
                         aksu_direction direction, const ak_text *comment) {
    uint64_t time_us = event->time_us + p->options.epoch_us;
    uint32_t interface_id = p->interface_id[interface_index] - 1;
    begin_block(p, BLOCK_PACKET);
    put_u32(p, interface_id);
    put_u32(p, (uint32_t)(time_us >> 32));
    put_u32(p, (uint32_t)time_us);
    uint32_t lengths_at = p->block_bytes;
    put_u32(p, 0);
    put_u32(p, frame->total_bytes);
    uint8_t *packet = p->block + p->block_bytes;
    uint32_t packet_bytes = copy_frame(p, frame);
    if (frame->checksum == AKSU_CHECKSUM_PARTIAL) fill_checksum(frame, packet, packet_bytes);
    p->block_bytes = lengths_at;
    put_u32(p, packet_bytes);
    p->block_bytes += 4 + packet_bytes;
    pad(p);
    if (comment->used_bytes > 0) put_option(p, OPT_COMMENT, comment->bytes, comment->used_bytes);
    const uint8_t flags[4] = {direction == AKSU_IN ? 1 : 2, 0, 0, 0};
    put_option(p, OPT_EPB_FLAGS, flags, sizeof flags);
    return end_block(p);
}

bool ak_pcapng_event(ak_pcapng *p, unsigned interface_index, const aksu_trace_event *event) {
    if (p->failed || interface_index >= AK_PCAPNG_INTERFACE_MAX) return false;
    char buf[COMMENT_BYTES];
    ak_text comment = ak_text_in(buf, sizeof buf);
    const aksu_frame *frame = NULL;
    aksu_direction direction = AKSU_IN;
    if (event->kind == AKSU_TRACE_STATE) {
        remember_state(p, interface_index, &event->u.state);
    } else if (event->kind == AKSU_TRACE_SEGMENT) {
        frame = event->u.segment.frame;
        direction = event->u.segment.direction;
        comment_segment(p, interface_index, &event->u.segment, &comment);
        comment_drop(event->u.segment.drop, &comment);
    } else if (event->kind == AKSU_TRACE_PACKET) {
        frame = event->u.packet.frame;
        direction = event->u.packet.direction;
        comment_drop(event->u.packet.drop, &comment);
    }
    if (frame == NULL) return true;
    if (p->interface_id[interface_index] == 0 && !write_interface(p, interface_index)) return false;
    return write_packet(p, interface_index, event, frame, direction, &comment);
}

void ak_pcapng_close(ak_pcapng *pcapng) {
    free(pcapng);
}
