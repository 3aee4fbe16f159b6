/* Routers: a packet goes on over the link that leads to its destination by the fewest links.
 *
 * The hop limit counts down (RFC 1812 s5.3.1, RFC 8200 s3).  What cannot go on is told to its source by ICMP, unless it
 * is itself an ICMP error: hop limit exceeded, no way to the destination, too big for the next link (RFC 1191, RFC
 * 8201).  Nothing is fragmented: every packet counts as one that may not be. */
#include "sim_inside.h"

#include <stdlib.h>
#include <string.h>

enum { IPV4_BYTES = 20, IPV6_BYTES = 40, ICMP_BYTES = 8, QUOTE_V4_MAX = 548, QUOTE_V6_MAX = 1232 };

uint16_t ak_sim_sum(const uint8_t *p, size_t bytes, uint32_t sum) {
    for (size_t i = 0; i + 1 < bytes; i += 2) sum += (uint32_t)p[i] << 8 | p[i + 1];
    if (bytes % 2 != 0) sum += (uint32_t)p[bytes - 1] << 8;
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void put_sum(uint8_t *at, uint16_t sum) {
    at[0] = (uint8_t)(sum >> 8);
    at[1] = (uint8_t)sum;
}

static bool is_six(const struct ak_packet *packet) {
    return packet->data[0] >> 4 == 6;
}

/* False: not a packet that can be forwarded. */
static bool sound(const struct ak_packet *packet) {
    if (packet->bytes < IPV4_BYTES) return false;
    return is_six(packet) ? packet->bytes >= IPV6_BYTES : packet->data[0] >> 4 == 4;
}

static aksu_addr addr_of(const struct ak_packet *packet, bool source) {
    const uint8_t *p = packet->data;
    aksu_addr addr = {{0}};
    if (is_six(packet)) {
        memcpy(addr.byte, p + (source ? 8 : 24), sizeof addr.byte);
        return addr;
    }
    p += source ? 12 : 16;
    return aksu_addr_v4(p[0], p[1], p[2], p[3]);
}

/* Breadth first from the destination: the first link that reaches this node is the one to take.  False: none does. */
static bool link_towards(const struct aksu_sim *sim, uint32_t from, const aksu_addr *to, uint32_t *ret_link) {
    uint32_t reached[AKSU_SIM_NODE_MAX] = {0}, count = 0;
    bool seen[AKSU_SIM_NODE_MAX] = {false};
    for (uint32_t i = 0; i < sim->node_count && count == 0; i++) {
        if (aksu_addr_equal(&sim->node[i].addr, to)) reached[count++] = i;
    }
    if (count == 0 || reached[0] == from) return false;
    seen[reached[0]] = true;
    for (uint32_t at = 0; at < count; at++) {
        for (uint32_t i = 0; i < sim->link_count; i++) {
            const struct ak_sim_link *l = &sim->link[i];
            if (l->node[0] != reached[at] && l->node[1] != reached[at]) continue;
            uint32_t other = l->node[l->node[0] == reached[at] ? 1 : 0];
            if (other == from) {
                *ret_link = i;
                return true;
            }
            if (seen[other] || !sim->node[other].router) continue; /* hosts do not forward */
            seen[other] = true;
            reached[count++] = other;
        }
    }
    return false;
}

static void send_on(struct aksu_sim *sim, uint32_t router, uint32_t link, struct ak_packet *packet) {
    ak_sim_enters(sim, link, sim->link[link].node[1] == router ? 1 : 0, packet);
}

/* ---------------------------------------------------------------- ICMP */

static bool is_icmp_error(const struct ak_packet *packet) {
    const uint8_t *p = packet->data;
    if (is_six(packet)) return p[6] == 58 && packet->bytes > IPV6_BYTES && p[IPV6_BYTES] < 128;
    uint32_t header_bytes = (p[0] & 15u) * 4;
    if (p[9] != 1 || packet->bytes <= header_bytes) return false;
    uint8_t type = p[header_bytes];
    return type == 3 || type == 11 || type == 12;
}

struct refusal {
    uint8_t type4, code4, type6, code6;
    aksu_sim_loss why;
};
static const struct refusal hop_limit = {11, 0, 3, 0, AKSU_SIM_LOSS_HOP_LIMIT};
static const struct refusal no_route = {3, 0, 1, 0, AKSU_SIM_LOSS_NO_ROUTE};
static const struct refusal too_big = {3, 4, 2, 0, AKSU_SIM_LOSS_TOO_BIG};

static uint32_t build_v4(const struct ak_sim_node *router, const struct ak_packet *cause, const struct refusal *refusal,
                         uint32_t mtu, uint8_t *p) {
    uint32_t quote = cause->bytes < QUOTE_V4_MAX ? cause->bytes : QUOTE_V4_MAX, bytes = IPV4_BYTES + ICMP_BYTES + quote;
    p[0] = 0x45;
    p[2] = (uint8_t)(bytes >> 8);
    p[3] = (uint8_t)bytes;
    p[8] = 64;
    p[9] = 1;
    memcpy(p + 12, router->addr.byte + 12, 4);
    memcpy(p + 16, cause->data + 12, 4);
    put_sum(p + 10, ak_sim_sum(p, IPV4_BYTES, 0));
    uint8_t *icmp = p + IPV4_BYTES;
    icmp[0] = refusal->type4;
    icmp[1] = refusal->code4;
    put_sum(icmp + 6, (uint16_t)mtu); /* two bytes of big-endian */
    memcpy(icmp + ICMP_BYTES, cause->data, quote);
    put_sum(icmp + 2, ak_sim_sum(icmp, ICMP_BYTES + quote, 0));
    return bytes;
}

static uint32_t build_v6(const struct ak_sim_node *router, const struct ak_packet *cause, const struct refusal *refusal,
                         uint32_t mtu, uint8_t *p) {
    uint32_t quote = cause->bytes < QUOTE_V6_MAX ? cause->bytes : QUOTE_V6_MAX, payload = ICMP_BYTES + quote;
    p[0] = 0x60;
    p[4] = (uint8_t)(payload >> 8);
    p[5] = (uint8_t)payload;
    p[6] = 58;
    p[7] = 64;
    memcpy(p + 8, router->addr.byte, 16);
    memcpy(p + 24, cause->data + 8, 16);
    uint8_t *icmp = p + IPV6_BYTES;
    icmp[0] = refusal->type6;
    icmp[1] = refusal->code6;
    put_sum(icmp + 6, (uint16_t)mtu);
    memcpy(icmp + ICMP_BYTES, cause->data, quote);
    uint32_t pseudo = 58 + payload; /* RFC 8200 s8.1 */
    for (uint32_t i = 8; i < IPV6_BYTES; i += 2) pseudo += (uint32_t)p[i] << 8 | p[i + 1];
    put_sum(icmp + 2, ak_sim_sum(icmp, payload, pseudo));
    return IPV6_BYTES + payload;
}

static void tell_source(struct aksu_sim *sim, uint32_t router, const struct ak_packet *cause,
                        const struct refusal *refusal, uint32_t mtu) {
    aksu_addr source = addr_of(cause, /* source= */ true);
    uint32_t link;
    if (is_icmp_error(cause) || !link_towards(sim, router, &source, &link)) return;
    struct ak_packet *packet = calloc(1, sizeof *packet + IPV6_BYTES + ICMP_BYTES + QUOTE_V6_MAX);
    if (packet == NULL) return;
    packet->id = ++sim->packet_last;
    packet->bytes = is_six(cause) ? build_v6(&sim->node[router], cause, refusal, mtu, packet->data)
                                  : build_v4(&sim->node[router], cause, refusal, mtu, packet->data);
    send_on(sim, router, link, packet);
}

/* ---------------------------------------------------------------- forwarding */

/* The hop limit, one less. */
static void count_down(struct ak_packet *packet) {
    uint8_t *p = packet->data;
    if (is_six(packet)) {
        p[7]--;
        return;
    }
    p[8]--;
    p[10] = p[11] = 0;
    put_sum(p + 10, ak_sim_sum(p, (p[0] & 15u) * 4, 0));
}

void ak_sim_forward_packet(struct aksu_sim *sim, struct ak_lane *lane, uint32_t router, struct ak_packet *packet) {
    if (!sound(packet)) {
        ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_NOT_IP);
        return;
    }
    aksu_addr to = addr_of(packet, /* source= */ false);
    uint32_t link = 0, mtu = 0;
    const struct refusal *refusal = NULL;
    if (packet->data[is_six(packet) ? 7 : 8] <= 1) {
        refusal = &hop_limit;
    } else if (!link_towards(sim, router, &to, &link)) {
        refusal = &no_route;
    } else if (packet->bytes > sim->link[link].mtu) {
        refusal = &too_big;
        mtu = sim->link[link].mtu;
    }
    if (refusal == NULL) {
        count_down(packet);
        send_on(sim, router, link, packet);
        return;
    }
    tell_source(sim, router, packet, refusal, mtu);
    ak_sim_lost(sim, lane, packet, refusal->why);
}
