/* Packets that nobody's stack sends: forged segments, and ICMP errors about segments. */
#include "lab/lab.h"

#include <string.h>

static uint32_t sum_of(const uint8_t *bytes, uint32_t count, uint32_t sum) {
    for (uint32_t i = 0; i < count; i++) sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    return sum;
}

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static uint32_t folded(uint32_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static void put_ip(uint8_t *buf, const aksu_addr *from, const aksu_addr *to, uint32_t bytes, uint8_t protocol) {
    buf[0] = 0x45;
    put16(buf + 2, bytes);
    buf[8] = 64;
    buf[9] = protocol;
    memcpy(buf + 12, from->byte + 12, 4);
    memcpy(buf + 16, to->byte + 12, 4);
    put16(buf + 10, folded(sum_of(buf, 20, 0)));
}

uint32_t lab_forge(const lab_forged *f, uint8_t buf[LAB_FORGED_BYTES]) {
    uint32_t header_bytes = f->stamped ? 32 : 20, data_max = LAB_FORGED_BYTES - 20 - header_bytes;
    uint32_t tcp_bytes = header_bytes + (f->data_bytes > data_max ? data_max : f->data_bytes);
    memset(buf, 0, 20 + header_bytes);
    put_ip(buf, &f->from, &f->to, 20 + tcp_bytes, 6);
    uint8_t *tcp = buf + 20;
    put16(tcp, f->from_port);
    put16(tcp + 2, f->to_port);
    put32(tcp + 4, f->seq);
    put32(tcp + 8, f->flags & AKSU_TCP_ACK ? f->ack : 0);
    tcp[12] = (uint8_t)(header_bytes / 4 << 4);
    tcp[13] = f->flags;
    put16(tcp + 14, f->wnd);
    if (f->stamped) {
        static const uint8_t kind_length[] = {1, 1, 8, 10};
        memcpy(tcp + 20, kind_length, sizeof kind_length);
        put32(tcp + 24, f->ts_val);
        put32(tcp + 28, f->ts_ecr);
    }
    if (tcp_bytes > header_bytes) memcpy(tcp + header_bytes, f->data, tcp_bytes - header_bytes);
    uint32_t pseudo = sum_of(buf + 12, 8, 6 + tcp_bytes);
    put16(tcp + 16, folded(sum_of(tcp, tcp_bytes, pseudo)));
    return 20 + tcp_bytes;
}

/* RFC 792: type, code, checksum, four bytes (RFC 1191: the MTU), then the header and eight bytes of what it is about.
 */
uint32_t lab_forge_icmp(const lab_forged_icmp *f, uint8_t buf[LAB_FORGED_BYTES]) {
    enum { QUOTED = 28, BYTES = 20 + 8 + QUOTED };
    memset(buf, 0, BYTES);
    put_ip(buf, &f->by, &f->about.from, BYTES, 1);
    uint8_t *icmp = buf + 20;
    icmp[0] = f->type;
    icmp[1] = f->code;
    put16(icmp + 6, f->mtu);
    uint8_t *quote = icmp + 8;
    put_ip(quote, &f->about.from, &f->about.to, 40, 6);
    put16(quote + 20, f->about.from_port);
    put16(quote + 22, f->about.to_port);
    put32(quote + 24, f->about.seq);
    put16(icmp + 2, folded(sum_of(icmp, 8 + QUOTED, 0)));
    return BYTES;
}
