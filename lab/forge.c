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

/* The IP header in front of so many bytes of the protocol; answers its size. */
static uint32_t put_ip(uint8_t *buf, const aksu_addr *from, const aksu_addr *to, uint32_t bytes, uint8_t protocol) {
    if (aksu_addr_is_v4(from)) {
        buf[0] = 0x45;
        put16(buf + 2, 20 + bytes);
        buf[8] = 64;
        buf[9] = protocol;
        memcpy(buf + 12, from->byte + 12, 4);
        memcpy(buf + 16, to->byte + 12, 4);
        put16(buf + 10, folded(sum_of(buf, 20, 0)));
        return 20;
    }
    buf[0] = 0x60;
    put16(buf + 4, bytes);
    buf[6] = protocol;
    buf[7] = 64;
    memcpy(buf + 8, from->byte, 16);
    memcpy(buf + 24, to->byte, 16);
    return 40;
}

/* Of the addresses, protocol and length (RFC 9293 s3.1, RFC 8200 s8.1): the same sum for both versions. */
static uint32_t pseudo(const uint8_t *buf, uint32_t ip_bytes, uint32_t bytes, uint8_t protocol) {
    uint32_t addr_bytes = ip_bytes == 40 ? 32 : 8;
    return sum_of(buf + ip_bytes - addr_bytes, addr_bytes, protocol + bytes);
}

uint32_t lab_forge(const lab_forged *f, uint8_t buf[LAB_FORGED_BYTES]) {
    uint32_t header_bytes = f->stamped ? 32 : 20, data_max = LAB_FORGED_BYTES - 40 - header_bytes;
    uint32_t tcp_bytes = header_bytes + (f->data_bytes > data_max ? data_max : f->data_bytes);
    memset(buf, 0, 40 + header_bytes);
    uint32_t ip_bytes = put_ip(buf, &f->from, &f->to, tcp_bytes, 6);
    uint8_t *tcp = buf + ip_bytes;
    put16(tcp, f->from_port);
    put16(tcp + 2, f->to_port);
    put32(tcp + 4, f->seq);
    put32(tcp + 8, f->flags & AKSU_TCP_ACK ? f->ack : 0);
    tcp[12] = (uint8_t)(header_bytes / 4 << 4 | (unsigned)f->flags >> 8);
    tcp[13] = (uint8_t)f->flags;
    put16(tcp + 14, f->wnd);
    if (f->stamped) {
        static const uint8_t kind_length[] = {1, 1, 8, 10};
        memcpy(tcp + 20, kind_length, sizeof kind_length);
        put32(tcp + 24, f->ts_val);
        put32(tcp + 28, f->ts_ecr);
    }
    if (tcp_bytes > header_bytes) memcpy(tcp + header_bytes, f->data, tcp_bytes - header_bytes);
    put16(tcp + 16, folded(sum_of(tcp, tcp_bytes, pseudo(buf, ip_bytes, tcp_bytes, 6))));
    return ip_bytes + tcp_bytes;
}

/* What says the same in ICMPv6 (RFC 4443 s3; RFC 7915 s4.2 has the table). */
static void put_type6(uint8_t *icmp, const lab_forged_icmp *f) {
    static const uint8_t unreachable[][2] = {
        {1, 0}, {1, 3}, {4, 1}, {1, 4}, {2, 0}}; /* net, host, protocol, port, size */
    uint8_t code = f->code < sizeof unreachable / sizeof unreachable[0] ? f->code : 0;
    icmp[0] = f->type == 3 ? unreachable[code][0] : f->type == 11 ? 3 : 4;
    icmp[1] = f->type == 3 ? unreachable[code][1] : 0;
    if (f->type == 3 && f->code > 4) icmp[1] = 1; /* prohibited */
}

/* RFC 792, RFC 4443: type, code, checksum, four bytes (the MTU at their end), then the header and eight bytes of what
 * it is about. */
uint32_t lab_forge_icmp(const lab_forged_icmp *f, uint8_t buf[LAB_FORGED_BYTES]) {
    bool six = !aksu_addr_is_v4(&f->by);
    uint32_t header_bytes = six ? 40 : 20, bytes = 8 + header_bytes + 8;
    memset(buf, 0, header_bytes + bytes);
    (void)put_ip(buf, &f->by, &f->about.from, bytes, six ? 58 : 1);
    uint8_t *icmp = buf + header_bytes, *quote = icmp + 8;
    icmp[0] = f->type;
    icmp[1] = f->code;
    if (six) put_type6(icmp, f);
    put16(icmp + 6, f->mtu);
    (void)put_ip(quote, &f->about.from, &f->about.to, 20, 6);
    put16(quote + header_bytes, f->about.from_port);
    put16(quote + header_bytes + 2, f->about.to_port);
    put32(quote + header_bytes + 4, f->about.seq);
    put16(icmp + 2, folded(sum_of(icmp, bytes, six ? pseudo(buf, header_bytes, bytes, 58) : 0)));
    return header_bytes + bytes;
}
