/* Links: what happens to a packet between two nodes.
 *
 * A lane is one direction.  A packet enters: faults by mask and the lane's own chances are drawn; then it waits in the
 * queue (tail drop, ECN marks, CoDel at its head), takes bits / rate to be sent, and arrives after delay and jitter.
 * Jitter keeps the order; only a reordered or delayed packet is overtaken. */
#include "sim_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- the calendar: a heap by time, then by order of entry
 */

static bool before(const struct ak_sim_item *a, const struct ak_sim_item *b) {
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->order < b->order;
}

bool ak_sim_push(struct aksu_sim *sim, const struct ak_sim_item *item) {
    if (sim->heap_used == sim->heap_cap) {
        size_t cap = sim->heap_cap == 0 ? 256 : sim->heap_cap * 2;
        struct ak_sim_item *heap = realloc(sim->heap, cap * sizeof *heap);
        if (heap == NULL) return false;
        sim->heap = heap;
        sim->heap_cap = cap;
    }
    size_t at = sim->heap_used++;
    struct ak_sim_item filed = *item;
    filed.order = sim->order++;
    while (at > 0 && before(&filed, &sim->heap[(at - 1) / 2])) {
        sim->heap[at] = sim->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    sim->heap[at] = filed;
    return true;
}

bool ak_sim_pop(struct aksu_sim *sim, uint64_t until_us, struct ak_sim_item *ret_item) {
    if (sim->heap_used == 0 || sim->heap[0].time_us > until_us) return false;
    *ret_item = sim->heap[0];
    struct ak_sim_item last = sim->heap[--sim->heap_used];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= sim->heap_used) break;
        if (child + 1 < sim->heap_used && before(&sim->heap[child + 1], &sim->heap[child])) child++;
        if (!before(&sim->heap[child], &last)) break;
        sim->heap[at] = sim->heap[child];
        at = child;
    }
    sim->heap[at] = last;
    return true;
}

/* ---------------------------------------------------------------- chance */

/* splitmix64: one state word, the same everywhere. */
uint64_t ak_sim_draw(struct aksu_sim *sim) {
    uint64_t z = (sim->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

bool ak_sim_chance(struct aksu_sim *sim, uint32_t ppm) {
    return ppm != 0 && ak_sim_draw(sim) % 1000000 < ppm;
}

/* ---------------------------------------------------------------- packets */

const char *aksu_sim_loss_text(aksu_sim_loss why) {
    static const char *const texts[] = {
#define AKSU_X(name, text) text,
        AKSU_SIM_LOSSES(AKSU_X)
#undef AKSU_X
    };
    return (size_t)why < AKSU_SIM_LOSS_COUNT ? texts[why] : "?";
}

void ak_sim_let_go(struct ak_lane *lane, struct ak_packet *packet) {
    lane->stats.held_bytes -= packet->held_bytes;
    packet->held_bytes = 0;
}

void ak_sim_lost(struct aksu_sim *sim, struct ak_lane *lane, struct ak_packet *packet, aksu_sim_loss why) {
    lane->stats.lost++;
    ak_sim_let_go(lane, packet);
    if (sim->hooks.lost != NULL) sim->hooks.lost(sim->hooks.user, packet->id, why);
    free(packet);
}

static struct ak_packet *copy_of(struct aksu_sim *sim, const struct ak_packet *packet) {
    struct ak_packet *copy = malloc(sizeof *copy + packet->bytes);
    if (copy == NULL) return NULL;
    memcpy(copy, packet, sizeof *copy + packet->bytes);
    copy->next = NULL;
    copy->held_bytes = 0;
    copy->id = ++sim->packet_last;
    if (sim->hooks.copied != NULL) sim->hooks.copied(sim->hooks.user, packet->id, copy->id);
    return copy;
}

/* Where the IP header ends; extension headers count as payload. */
static uint32_t ip_bytes_of(const struct ak_packet *packet) {
    return packet->data[0] >> 4 == 6 ? 40 : (packet->data[0] & 15u) * 4;
}

/* Counts a packet's memory, with that of the calendar, which doubles.  False: there is too much, and it is lost. */
static bool hold(struct aksu_sim *sim, struct ak_lane *lane, struct ak_packet *packet) {
    uint32_t bytes = (uint32_t)(sizeof *packet + packet->bytes + 2 * sizeof(struct ak_sim_item));
    uint64_t after = lane->stats.held_bytes + bytes;
    if (lane->path.held_max_bytes != 0 && after > lane->path.held_max_bytes) {
        ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_HELD);
        return false;
    }
    packet->held_bytes = bytes;
    lane->stats.held_bytes = after;
    if (after > lane->stats.held_bytes_max) lane->stats.held_bytes_max = after;
    return true;
}

/* The TCP header of a packet; NULL: it has none. */
static const uint8_t *tcp_of(const struct ak_packet *packet, uint32_t *ret_payload_bytes) {
    if (packet->bytes < 40 || packet->data[packet->data[0] >> 4 == 6 ? 6 : 9] != 6) return NULL;
    uint32_t ip_bytes = ip_bytes_of(packet);
    if (ip_bytes < 20 || ip_bytes + 20 > packet->bytes) return NULL;
    const uint8_t *tcp = packet->data + ip_bytes;
    uint32_t header_bytes = (tcp[12] >> 4) * 4u;
    *ret_payload_bytes = packet->bytes > ip_bytes + header_bytes ? packet->bytes - ip_bytes - header_bytes : 0;
    return tcp;
}

static bool matches(struct aksu_sim *sim, uint32_t index, const struct ak_packet *packet) {
    const aksu_sim_fault *fault = &sim->fault[index];
    if (sim->now_us < fault->from_us || (fault->until_us != 0 && sim->now_us >= fault->until_us)) return false;
    if (fault->flags_set != 0 || fault->flags_clear != 0 || fault->payload_min != 0) {
        uint32_t payload_bytes;
        const uint8_t *tcp = tcp_of(packet, &payload_bytes);
        unsigned flags = tcp == NULL ? 0 : (tcp[12] & 1u) << 8 | tcp[13];
        if (tcp == NULL || (flags & fault->flags_set) != fault->flags_set || (flags & fault->flags_clear) != 0)
            return false;
        if (payload_bytes < fault->payload_min) return false;
    }
    uint32_t seen = ++sim->fault_seen[index];
    if (fault->nth == 0) return true;
    return seen >= fault->nth && seen - fault->nth < (fault->count == 0 ? 1 : fault->count);
}

static void corrupt(struct aksu_sim *sim, struct ak_packet *packet) {
    uint32_t ip_bytes = packet->data[0] >> 4 == 6 ? 40 : 20;
    if (packet->bytes <= ip_bytes) return;
    uint64_t bit = ak_sim_draw(sim) % ((packet->bytes - ip_bytes) * 8u);
    packet->data[ip_bytes + bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

static void file_arrival(struct aksu_sim *sim, uint32_t link, uint32_t side, struct ak_packet *packet,
                         uint64_t time_us) {
    struct ak_sim_item item = {
        .time_us = time_us, .kind = AK_SIM_ARRIVES, .link = (uint8_t)link, .side = (uint8_t)side, .packet = packet};
    if (!ak_sim_push(sim, &item)) ak_sim_lost(sim, &sim->link[link].lane[side], packet, AKSU_SIM_LOSS_NO_MEMORY);
}

/* ---------------------------------------------------------------- the queue */

static uint64_t square_root(uint64_t n) {
    uint64_t root = 0;
    for (uint64_t bit = 1u << 16; bit != 0; bit >>= 1) {
        if ((root + bit) * (root + bit) <= n) root += bit;
    }
    return root;
}

#define CODEL_INTERVAL_US 100000

/* RFC 8289 s5: is the packet at the head to be dropped (or marked)? */
static bool codel_acts(struct aksu_sim *sim, struct ak_lane *lane, const struct ak_packet *packet) {
    uint64_t target_us = lane->path.codel_target_us;
    if (target_us == 0) return false;
    bool above = sim->now_us - packet->queued_us >= target_us && lane->stats.queued_bytes > 1500;
    if (!above) {
        lane->codel_above_us = 0;
        lane->codel_dropping = false;
        return false;
    }
    if (lane->codel_above_us == 0) {
        lane->codel_above_us = sim->now_us + CODEL_INTERVAL_US;
        return false;
    }
    if (!lane->codel_dropping) {
        if (sim->now_us < lane->codel_above_us) return false;
        lane->codel_dropping = true;
        lane->codel_count = 1;
    } else {
        if (sim->now_us < lane->codel_next_us) return false;
        lane->codel_count++;
    }
    /* interval / sqrt(count), with ten bits behind the point */
    lane->codel_next_us = sim->now_us + CODEL_INTERVAL_US * 1024u / square_root((uint64_t)lane->codel_count << 20);
    return true;
}

/* Congestion Experienced, RFC 3168 s5; the header checksum is mended.  False: not ECN-capable. */
static bool mark(struct ak_lane *lane, struct ak_packet *packet) {
    uint8_t *p = packet->data;
    if (packet->bytes >= 40 && p[0] >> 4 == 6 && (p[1] & 0x30) != 0) { /* the low bits of the traffic class */
        lane->stats.marked++;
        p[1] |= 0x30;
        return true;
    }
    if (packet->bytes < 20 || p[0] >> 4 != 4 || (p[1] & 3) == 0) return false;
    lane->stats.marked++;
    p[1] |= 3;
    p[10] = p[11] = 0;
    uint16_t sum = ak_sim_sum(p, (p[0] & 15u) * 4, 0);
    p[10] = (uint8_t)(sum >> 8);
    p[11] = (uint8_t)sum;
    return true;
}

/* On its way: when it will arrive. */
static void depart(struct aksu_sim *sim, uint32_t link, uint32_t side, struct ak_packet *packet) {
    struct ak_lane *lane = &sim->link[link].lane[side];
    uint64_t at_us = sim->now_us + lane->path.delay_us;
    if (lane->path.jitter_us != 0) at_us += ak_sim_draw(sim) % (lane->path.jitter_us + 1);
    if (at_us < lane->last_arrival_us) at_us = lane->last_arrival_us;
    if (ak_sim_chance(sim, lane->path.reorder_ppm))
        at_us += lane->path.reorder_us;
    else
        lane->last_arrival_us = at_us;
    file_arrival(sim, link, side, packet, at_us);
}

static void send_next(struct aksu_sim *sim, uint32_t link, uint32_t side) {
    struct ak_lane *lane = &sim->link[link].lane[side];
    while (!lane->busy && lane->first != NULL) {
        struct ak_packet *packet = lane->first;
        bool acts = codel_acts(sim, lane, packet);
        lane->first = packet->next;
        if (lane->first == NULL) lane->last = NULL;
        packet->next = NULL;
        lane->stats.queued_bytes -= packet->bytes;
        if (acts && !mark(lane, packet)) {
            ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_CODEL);
            continue;
        }
        if (lane->path.rate_bps == 0) {
            depart(sim, link, side, packet);
            continue;
        }
        lane->busy = true;
        uint64_t takes_us = (packet->bytes * 8000000ull + lane->path.rate_bps - 1) / lane->path.rate_bps;
        struct ak_sim_item item = {.time_us = sim->now_us + takes_us,
                                   .kind = AK_SIM_SENT,
                                   .link = (uint8_t)link,
                                   .side = (uint8_t)side,
                                   .packet = packet};
        if (!ak_sim_push(sim, &item)) {
            lane->busy = false;
            ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_NO_MEMORY);
        }
    }
}

/* Its last bit has left. */
void ak_sim_sent(struct aksu_sim *sim, uint32_t link, uint32_t side, struct ak_packet *packet) {
    struct ak_lane *lane = &sim->link[link].lane[side];
    depart(sim, link, side, packet);
    lane->busy = false;
    send_next(sim, link, side);
}

static void queue(struct aksu_sim *sim, uint32_t link, uint32_t side, struct ak_packet *packet) {
    struct ak_lane *lane = &sim->link[link].lane[side];
    uint32_t after = lane->stats.queued_bytes + packet->bytes;
    if (lane->path.queue_bytes != 0 && after > lane->path.queue_bytes) {
        ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_QUEUE_FULL);
        return;
    }
    if (!hold(sim, lane, packet)) return;
    if (lane->path.ecn_mark_bytes != 0 && after > lane->path.ecn_mark_bytes) (void)mark(lane, packet);
    packet->queued_us = sim->now_us;
    if (lane->last != NULL)
        lane->last->next = packet;
    else
        lane->first = packet;
    lane->last = packet;
    lane->stats.queued_bytes = after;
    if (after > lane->stats.queued_bytes_max) lane->stats.queued_bytes_max = after;
    send_next(sim, link, side);
}

/* ---------------------------------------------------------------- faults */

/* False: the packet is no longer for the queue. */
static bool by_mask(struct aksu_sim *sim, uint32_t link, uint32_t side, struct ak_packet *packet) {
    struct ak_lane *lane = &sim->link[link].lane[side];
    for (uint32_t i = 0; i < sim->fault_count; i++) {
        const aksu_sim_fault *fault = &sim->fault[i];
        if (fault->link != link || fault->from_node != sim->link[link].node[side] || !matches(sim, i, packet)) continue;
        struct ak_packet *copy;
        switch (fault->action) {
        case AKSU_SIM_DROP: ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_FAULT); return false;
        case AKSU_SIM_DELAY:
            if (hold(sim, lane, packet))
                file_arrival(sim, link, side, packet, sim->now_us + lane->path.delay_us + fault->us);
            return false;
        case AKSU_SIM_DUPLICATE:
            copy = copy_of(sim, packet);
            lane->stats.duplicated++;
            if (copy != NULL && hold(sim, lane, copy))
                file_arrival(sim, link, side, copy, sim->now_us + lane->path.delay_us + fault->us);
            break;
        case AKSU_SIM_CORRUPT: corrupt(sim, packet); break;
        case AKSU_SIM_TRUNCATE:
            if (packet->bytes > fault->bytes) packet->bytes = fault->bytes;
            break;
        }
    }
    return true;
}

static bool by_chance(struct aksu_sim *sim, struct ak_lane *lane, struct ak_packet *packet) {
    if (ak_sim_chance(sim, lane->bad ? lane->path.burst_leave_ppm : lane->path.burst_enter_ppm)) lane->bad = !lane->bad;
    if (ak_sim_chance(sim, lane->path.loss_ppm) || (lane->bad && ak_sim_chance(sim, lane->path.burst_loss_ppm))) {
        ak_sim_lost(sim, lane, packet, lane->bad ? AKSU_SIM_LOSS_BURST : AKSU_SIM_LOSS_CHANCE);
        return false;
    }
    if (ak_sim_chance(sim, lane->path.corrupt_ppm)) corrupt(sim, packet);
    if (ak_sim_chance(sim, lane->path.truncate_ppm)) packet->bytes = 1 + (uint32_t)(ak_sim_draw(sim) % packet->bytes);
    return true;
}

void ak_sim_enters(struct aksu_sim *sim, uint32_t link, uint32_t side, struct ak_packet *packet) {
    struct ak_lane *lane = &sim->link[link].lane[side];
    lane->stats.packets++;
    lane->stats.bytes += packet->bytes;
    if (sim->link[link].cut) {
        ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_CABLE);
        return;
    }
    if (packet->bytes > sim->link[link].mtu) {
        ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_MTU);
        return;
    }
    if (!by_mask(sim, link, side, packet) || !by_chance(sim, lane, packet)) return;
    struct ak_packet *copy = ak_sim_chance(sim, lane->path.duplicate_ppm) ? copy_of(sim, packet) : NULL;
    queue(sim, link, side, packet);
    if (copy == NULL) return;
    lane->stats.duplicated++;
    queue(sim, link, side, copy);
}
