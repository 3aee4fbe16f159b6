/* What fragments that never become whole, and strangers on the segment, can take of a stack, and what each of them
 * costs.
 *
 *     bounds COUNT    COUNT packets of each kind, offered 64 at a time at a million a second of virtual time.  Prints a
 *                     line for each kind: its name, ns a packet, the most that was held, and what that is
 *
 * sources: first fragments from anywhere.  one-source: the same from one address.  overlaps: pieces of one datagram
 * that lie upon each other.  neighbours: echo requests over Ethernet from ever other addresses of our /64, each of
 * which has to be looked for before it can be answered (RFC 6583). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aksu/counters.h"
#include "pair.h"

enum { BATCH = PAIR_BATCH_FRAMES, PACKET_MAX = 128, BATCH_US = 64 };

enum kind { SOURCES, ONE_SOURCE, OVERLAPS, NEIGHBOURS };

struct bounds {
    aksu_arena arena;
    aksu_stack *stack;
    uint64_t now_us, random;
    uint8_t packet[BATCH][PACKET_MAX];
    aksu_iov iov[BATCH];
    aksu_frame frames[BATCH];
};

static uint64_t next_random(struct bounds *b) { /* xorshift64 */
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t sum_of(const uint8_t *p, uint32_t bytes, uint32_t sum) {
    for (uint32_t i = 0; i < bytes; i += 2) sum += (uint32_t)p[i] << 8 | p[i + 1];
    return sum;
}

static uint16_t folded(uint32_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* A piece of 64 bytes of a UDP datagram to 10.0.0.2, more to come. */
static uint32_t make_fragment(struct bounds *b, enum kind kind, uint8_t *p) {
    enum { DATA_BYTES = 64, HEADER_BYTES = 20 };
    static const uint8_t header[HEADER_BYTES] = {
        0x45, 0, 0, HEADER_BYTES + DATA_BYTES, [8] = 64, 17, [12] = 10, 9, 9, 9, 10, 0, 0, 2};
    uint64_t r = next_random(b);
    memcpy(p, header, sizeof header);
    put16(p + 4, kind == OVERLAPS ? (uint32_t)(r >> 6 & 7) : (uint32_t)(r & 0xffff)); /* whose datagram */
    put16(p + 6, 0x2000 | (kind == OVERLAPS ? (uint32_t)(r >> 16 & 15) : 0));         /* where in it, in eights */
    if (kind == SOURCES) memcpy(p + 13, (const char *)&r + 4, 3);
    memset(p + HEADER_BYTES, 0, DATA_BYTES);
    put16(p + HEADER_BYTES + 4, 2000); /* the length that the whole would have */
    put16(p + 10, folded(sum_of(p, HEADER_BYTES, 0)));
    return HEADER_BYTES + DATA_BYTES;
}

/* An ICMPv6 echo request from a stranger of fd00::/64 to fd00::2. */
static uint32_t make_request(struct bounds *b, uint8_t *p) {
    enum { IP_AT = 14, ICMP_AT = IP_AT + 40, BYTES = ICMP_AT + 8, PROTOCOL = 58 };
    uint64_t r = next_random(b);
    memset(p, 0, BYTES);
    memcpy(p, "\2\0\0\0\0\2\2\0\0\0\0\1\x86\xdd", 14);
    p[IP_AT] = 0x60;
    put16(p + IP_AT + 4, 8);
    p[IP_AT + 6] = PROTOCOL;
    p[IP_AT + 7] = 64;
    p[IP_AT + 8] = p[IP_AT + 24] = 0xfd;
    memcpy(p + IP_AT + 16, &r, 8);
    p[IP_AT + 39] = 2;
    p[ICMP_AT] = 128;
    put16(p + ICMP_AT + 2, folded(sum_of(p + IP_AT + 8, 40, PROTOCOL + 8)));
    return BYTES;
}

static void open_stack(struct bounds *b, bool ethernet) {
    aksu_config config;
    uint16_t link;
    aksu_config_default(&config);
    memset(config.entropy, 7, sizeof config.entropy);
    config.output_sync = 1;
    aksu_link_config one = {.struct_bytes = sizeof one, .mtu = 1500};
    if (ethernet) {
        one.type = AKSU_LINK_ETHERNET;
        one.mac = (aksu_mac){{2, 0, 0, 0, 0, 2}};
    }
    const aksu_addr four = aksu_addr_v4(10, 0, 0, 2), six = {{0xfd, [15] = 2}};
    bool good = aksu_host_stack(&config, AKSU_ARENA_SMALL_PAGES, &b->arena, &b->stack, NULL) == 0 &&
                aksu_link_add(b->stack, &one, &link) == AKSU_OK && aksu_addr_add(b->stack, link, &four, 8) == AKSU_OK &&
                aksu_addr_add(b->stack, link, &six, 64) == AKSU_OK;
    if (!good) pair_fail("the stack does not open");
}

static void flood(enum kind kind, const char *name, uint64_t count) {
    static struct bounds bounds;
    struct bounds *b = &bounds;
    *b = (struct bounds){.now_us = 1000000, .random = 88172645463325252u};
    open_stack(b, kind == NEIGHBOURS);
    uint64_t most = 0, most_datagrams = 0;
    double took = 0;
    for (uint64_t done = 0; done < count; done += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            uint32_t bytes = kind == NEIGHBOURS ? make_request(b, b->packet[i]) : make_fragment(b, kind, b->packet[i]);
            b->iov[i] = (aksu_iov){.base = b->packet[i], .bytes = bytes};
            b->frames[i] = (aksu_frame){.total_bytes = bytes, .iov_count = 1, .iov = &b->iov[i]};
        }
        b->now_us += BATCH_US;
        double start = pair_seconds();
        aksu_input(b->stack, b->now_us, b->frames, BATCH);
        while (aksu_output(b->stack, b->now_us, b->frames, BATCH) > 0) continue;
        took += pair_seconds() - start;
        aksu_counters c;
        aksu_counters_get(b->stack, &c);
        uint64_t held = kind == NEIGHBOURS ? c.neighbour_used : c.reassembly_bytes;
        if (held > most) most = held;
        if (c.reassembly_used > most_datagrams) most_datagrams = c.reassembly_used;
    }
    (void)printf("%s %.0f %llu %llu\n", name, took / (double)count * 1e9, (unsigned long long)most,
                 (unsigned long long)most_datagrams);
    aksu_arena_unmap(&b->arena);
}

int main(int argc, char **argv) {
    if (argc != 2) pair_fail("usage: bounds COUNT");
    uint64_t count = strtoull(argv[1], NULL, 10);
    flood(SOURCES, "sources", count);
    flood(ONE_SOURCE, "one-source", count);
    flood(OVERLAPS, "overlaps", count);
    flood(NEIGHBOURS, "neighbours", count);
    return 0;
}
