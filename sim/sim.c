/* The simulation: nodes, links, and the order in which things happen.
 *
 * At each moment packets that arrive come first, in the order in which they were sent; then each node that was touched
 * gets its application's turn and its output, until nothing is left to do at that moment; then time goes on to the
 * next arrival or deadline.  Frames are taken from a stack one at a time, so that what it traces meanwhile belongs to
 * the packet that comes out. */
#include "sim_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Turns that a node may take in one moment before that counts as going round. */
#define TURNS_MAX 20000

aksu_sim *aksu_sim_open(uint64_t seed, const aksu_sim_hooks *hooks) {
    struct aksu_sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL) return NULL;
    sim->seed = seed;
    sim->random = seed;
    if (hooks != NULL) sim->hooks = *hooks;
    return sim;
}

static void lane_close(struct ak_lane *lane) {
    while (lane->first != NULL) {
        struct ak_packet *next = lane->first->next;
        free(lane->first);
        lane->first = next;
    }
}

void aksu_sim_close(aksu_sim *sim) {
    if (sim == NULL) return;
    for (size_t i = 0; i < sim->heap_used; i++) free(sim->heap[i].packet);
    for (uint32_t i = 0; i < sim->link_count; i++) {
        lane_close(&sim->link[i].lane[0]);
        lane_close(&sim->link[i].lane[1]);
    }
    for (uint32_t i = 0; i < sim->node_count; i++) free(sim->node[i].mem);
    for (size_t i = 0; i < sim->stream_count; i++) free(sim->stream[i].bytes);
    free(sim->stream);
    free(sim->edge);
    free(sim->heap);
    free(sim);
}

/* ---------------------------------------------------------------- nodes */

void aksu_sim_config_default(aksu_config *ret_config) {
    aksu_config_default(ret_config);
    ret_config->tcp_max = 64;
    ret_config->listener_max = 8;
    ret_config->syn_cache_max = 64;
    ret_config->time_wait_max = 64;
    ret_config->transfer_max = 64;
    ret_config->block_bytes = 2048;
    ret_config->block_max = 1024;
    ret_config->record_max = 2048;
    ret_config->frame_max = 64;
    ret_config->reply_max = 64;
}

static void on_event(void *user, const aksu_trace_event *event) {
    const struct ak_sim_node *node = user;
    struct aksu_sim *sim = node->sim;
    aksu_trace_event shown = *event;
    shown.time_us = sim->now_us; /* the stack's clock may have jumped */
    if (event->kind == AKSU_TRACE_TIMER && event->u.timer.action == AKSU_TIMER_WAS_SET)
        shown.u.timer.deadline_us = event->u.timer.deadline_us - node->skew_us;
    ak_sim_watch(sim, node->index, &shown);
    if (sim->hooks.event == NULL) return;
    uint64_t packet = event->kind == AKSU_TRACE_SEGMENT ? sim->packet_now : 0;
    sim->hooks.event(sim->hooks.user, node->index, packet, &shown);
}

static aksu_err attach(struct aksu_sim *sim, uint32_t link, uint32_t side) {
    struct ak_sim_link *l = &sim->link[link];
    const struct ak_sim_node *node = &sim->node[l->node[side]];
    if (node->stack == NULL) return AKSU_OK;
    aksu_link_config config = {.struct_bytes = sizeof config, .mtu = l->mtu};
    aksu_err err = aksu_link_add(node->stack, &config, &l->index[side]);
    if (err != AKSU_OK) return err;
    uint8_t whole = aksu_addr_is_v4(&node->addr) ? 32 : 128;
    if (l->index[side] == 0) err = aksu_addr_add(node->stack, l->index[side], &node->addr, whole);
    if (err != AKSU_OK) return err;
    const struct ak_sim_node *other = &sim->node[l->node[1 - side]];
    aksu_route route = {.prefix = other->addr, .prefix_bits = whole, .link = l->index[side]};
    err = aksu_route_add(node->stack, &route);
    if (err != AKSU_OK || !other->router) return err;
    aksu_route all = {
        .link = l->index[side]}; /* whatever has no link of its own; by the first router, if there are several */
    if (whole == 32) all.prefix = aksu_addr_v4(0, 0, 0, 0);
    err = aksu_route_add(node->stack, &all);
    return err == AKSU_ERR_EXISTS ? AKSU_OK : err;
}

static aksu_err boot(struct aksu_sim *sim, struct ak_sim_node *node) {
    aksu_config config = node->config;
    config.output_sync = 1;
    uint64_t saved = sim->random; /* secrets do not disturb the network's chances */
    sim->random = sim->seed ^ (0x6a09e667f3bcc909u * (node->index + 1)) ^ (0xbb67ae8584caa73bu * ++node->boots);
    for (uint32_t i = 0; i < sizeof config.entropy; i++) config.entropy[i] = (uint8_t)ak_sim_draw(sim);
    sim->random = saved;
    free(node->mem); /* calloc of large blocks costs nothing until touched */
    size_t bytes = aksu_stack_bytes(&config);
    if (bytes == 0) return AKSU_ERR_INVALID;
    node->mem_bytes = bytes + 64;
    node->mem = calloc(1, node->mem_bytes);
    if (node->mem == NULL) return AKSU_ERR_NO_MEMORY;
    uint8_t *at = (uint8_t *)node->mem + (64 - (uintptr_t)node->mem % 64) % 64;
    aksu_err err = aksu_stack_init(&config, at, bytes, &node->stack);
    if (err != AKSU_OK) return err;
    aksu_trace_set(node->stack, on_event, node);
    aksu_advance(node->stack, sim->now_us + node->skew_us);
    node->up = node->touched = true;
    return AKSU_OK;
}

static aksu_err node_add(struct aksu_sim *sim, const aksu_addr *addr, struct ak_sim_node **ret_node) {
    if (sim->node_count == AKSU_SIM_NODE_MAX) return AKSU_ERR_NO_MEMORY;
    struct ak_sim_node *node = &sim->node[sim->node_count];
    *node = (struct ak_sim_node){.sim = sim, .index = sim->node_count, .addr = *addr};
    *ret_node = node;
    return AKSU_OK;
}

aksu_err aksu_sim_host_add(aksu_sim *sim, const aksu_addr *addr, const aksu_config *config, uint32_t *ret_node) {
    struct ak_sim_node *node;
    aksu_err err = node_add(sim, addr, &node);
    if (err != AKSU_OK) return err;
    if (config != NULL)
        node->config = *config;
    else
        aksu_sim_config_default(&node->config);
    err = boot(sim, node);
    if (err != AKSU_OK) {
        free(node->mem);
        return err;
    }
    *ret_node = sim->node_count++;
    return AKSU_OK;
}

aksu_err aksu_sim_endpoint_add(aksu_sim *sim, const aksu_addr *addr, const aksu_sim_endpoint *endpoint,
                               uint32_t *ret_node) {
    struct ak_sim_node *node;
    aksu_err err = node_add(sim, addr, &node);
    if (err != AKSU_OK) return err;
    node->endpoint = node->up = true;
    node->play = *endpoint;
    *ret_node = sim->node_count++;
    return AKSU_OK;
}

aksu_err aksu_sim_router_add(aksu_sim *sim, const aksu_addr *addr, uint32_t *ret_node) {
    struct ak_sim_node *node;
    aksu_err err = node_add(sim, addr, &node);
    if (err != AKSU_OK) return err;
    node->router = node->up = true;
    *ret_node = sim->node_count++;
    return AKSU_OK;
}

aksu_stack *aksu_sim_stack(const aksu_sim *sim, uint32_t node) {
    if (node >= sim->node_count || !sim->node[node].up) return NULL;
    return sim->node[node].stack;
}

void aksu_sim_crash(aksu_sim *sim, uint32_t node) {
    sim->node[node].up = false;
    sim->node[node].stack = NULL;
    ak_sim_forget_node(sim, node);
}

aksu_err aksu_sim_restart(aksu_sim *sim, uint32_t node) {
    struct ak_sim_node *n = &sim->node[node];
    if (n->endpoint) return AKSU_ERR_INVALID;
    if (n->router) {
        n->up = true;
        return AKSU_OK;
    }
    aksu_err err = boot(sim, n);
    for (uint32_t i = 0; err == AKSU_OK && i < sim->link_count; i++) {
        for (uint32_t side = 0; side < 2 && err == AKSU_OK; side++) {
            if (sim->link[i].node[side] == node) err = attach(sim, i, side);
        }
    }
    return err;
}

void aksu_sim_clock_jump(aksu_sim *sim, uint32_t node, uint64_t forward_us) {
    sim->node[node].skew_us += forward_us;
    sim->node[node].touched = true;
}

/* ---------------------------------------------------------------- links */

aksu_err aksu_sim_link_add(aksu_sim *sim, const aksu_sim_link *link, uint32_t *ret_link) {
    if (link->node[0] >= sim->node_count || link->node[1] >= sim->node_count || link->node[0] == link->node[1])
        return AKSU_ERR_INVALID;
    if (sim->link_count == AKSU_SIM_LINK_MAX) return AKSU_ERR_NO_MEMORY;
    uint32_t index = sim->link_count;
    struct ak_sim_link *l = &sim->link[index];
    *l = (struct ak_sim_link){.node = {link->node[0], link->node[1]}, .mtu = link->mtu == 0 ? 1500 : link->mtu};
    for (uint32_t side = 0; side < 2; side++) {
        l->lane[side].path = link->path[side];
        aksu_err err = attach(sim, index, side);
        if (err != AKSU_OK) return err;
    }
    *ret_link = sim->link_count++;
    return AKSU_OK;
}

static uint32_t side_of(const struct aksu_sim *sim, uint32_t link, uint32_t node) {
    return sim->link[link].node[1] == node ? 1 : 0;
}

void aksu_sim_path_set(aksu_sim *sim, uint32_t link, uint32_t from_node, const aksu_sim_path *path) {
    sim->link[link].lane[side_of(sim, link, from_node)].path = *path;
}

void aksu_sim_link_cut(aksu_sim *sim, uint32_t link) {
    sim->link[link].cut = true;
}

void aksu_sim_link_mend(aksu_sim *sim, uint32_t link) {
    sim->link[link].cut = false;
}

void aksu_sim_link_mtu(aksu_sim *sim, uint32_t link, uint32_t mtu, aksu_sim_tell tell) {
    struct ak_sim_link *l = &sim->link[link];
    l->mtu = mtu;
    if (tell == AKSU_SIM_TELL_NOBODY) return;
    for (uint32_t side = 0; side < 2; side++) {
        struct ak_sim_node *node = &sim->node[l->node[side]];
        if (node->stack != NULL) (void)aksu_link_mtu(node->stack, l->index[side], mtu);
    }
}

void aksu_sim_path_stats_get(const aksu_sim *sim, uint32_t link, uint32_t from_node, aksu_sim_path_stats *ret_stats) {
    *ret_stats = sim->link[link].lane[side_of(sim, link, from_node)].stats;
}

aksu_err aksu_sim_fault_add(aksu_sim *sim, const aksu_sim_fault *fault) {
    if (fault->link >= sim->link_count) return AKSU_ERR_INVALID;
    if (sim->fault_count == AKSU_SIM_FAULT_MAX) return AKSU_ERR_NO_MEMORY;
    sim->fault[sim->fault_count] = *fault;
    sim->fault_seen[sim->fault_count++] = 0;
    return AKSU_OK;
}

/* ---------------------------------------------------------------- packets in and out */

static void depart(struct aksu_sim *sim, uint32_t link, uint32_t side, struct ak_packet *packet) {
    sim->stats.packets++;
    ak_sim_enters(sim, link, side, packet);
}

static struct ak_packet *packet_new(uint64_t id, size_t bytes) {
    struct ak_packet *packet = malloc(sizeof *packet + bytes);
    if (packet == NULL) return NULL;
    *packet = (struct ak_packet){.id = id, .bytes = (uint32_t)bytes};
    return packet;
}

static void take_frame(struct aksu_sim *sim, const struct ak_sim_node *node, const aksu_frame *frame) {
    struct ak_packet *packet = packet_new(sim->packet_now, frame->total_bytes);
    if (packet == NULL) return;
    size_t at = 0;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        memcpy(packet->data + at, frame->iov[i].base, frame->iov[i].bytes);
        at += frame->iov[i].bytes;
    }
    for (uint32_t i = 0; i < sim->link_count; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            const struct ak_sim_link *l = &sim->link[i];
            if (l->node[side] != node->index || l->index[side] != frame->link) continue;
            depart(sim, i, side, packet);
            return;
        }
    }
    free(packet);
}

static aksu_err send_over(struct aksu_sim *sim, uint32_t link, uint32_t side, const uint8_t *bytes, size_t byte_count,
                          uint64_t *ret_packet) {
    struct ak_packet *packet = packet_new(++sim->packet_last, byte_count);
    if (packet == NULL) return AKSU_ERR_NO_MEMORY;
    memcpy(packet->data, bytes, byte_count);
    *ret_packet = packet->id;
    depart(sim, link, side, packet);
    return AKSU_OK;
}

aksu_err aksu_sim_transmit(aksu_sim *sim, uint32_t node, const uint8_t *bytes, size_t byte_count,
                           uint64_t *ret_packet) {
    if (node >= sim->node_count || byte_count < 20 || byte_count > 65535) return AKSU_ERR_INVALID;
    if (bytes[0] >> 4 == 6 && byte_count < 40) return AKSU_ERR_INVALID;
    aksu_addr to = aksu_addr_v4(bytes[16], bytes[17], bytes[18], bytes[19]);
    if (bytes[0] >> 4 == 6) memcpy(to.byte, bytes + 24, sizeof to.byte);
    uint32_t link = sim->link_count, link_side = 0;
    for (uint32_t i = 0; i < sim->link_count; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            const struct ak_sim_link *l = &sim->link[i];
            const struct ak_sim_node *other = &sim->node[l->node[1 - side]];
            if (l->node[side] != node) continue;
            if (aksu_addr_equal(&other->addr, &to)) return send_over(sim, i, side, bytes, byte_count, ret_packet);
            if (!other->router || link != sim->link_count) continue;
            link = i;
            link_side = side;
        }
    }
    if (link == sim->link_count) return AKSU_ERR_NO_ROUTE;
    return send_over(sim, link, link_side, bytes, byte_count, ret_packet);
}

aksu_err aksu_sim_forward(aksu_sim *sim, uint32_t link, uint32_t from_node, const uint8_t *bytes, size_t byte_count,
                          uint64_t *ret_packet) {
    if (link >= sim->link_count || byte_count == 0 || byte_count > 65535) return AKSU_ERR_INVALID;
    return send_over(sim, link, side_of(sim, link, from_node), bytes, byte_count, ret_packet);
}

uint64_t aksu_sim_next_packet(const aksu_sim *sim) {
    return sim->packet_last + 1;
}

void aksu_sim_emit(aksu_sim *sim, uint32_t node, uint64_t packet, const aksu_trace_event *event) {
    ak_sim_watch(sim, node, event);
    if (sim->hooks.event != NULL) sim->hooks.event(sim->hooks.user, node, packet, event);
}

static void arrive(struct aksu_sim *sim, const struct ak_sim_item *item) {
    struct ak_sim_link *l = &sim->link[item->link];
    struct ak_lane *lane = &l->lane[item->side];
    struct ak_sim_node *node = &sim->node[l->node[1 - item->side]];
    struct ak_packet *packet = item->packet;
    if (l->cut) {
        ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_CABLE);
        return;
    }
    if (!node->up) {
        ak_sim_lost(sim, lane, packet, AKSU_SIM_LOSS_HOST_DOWN);
        return;
    }
    lane->stats.delivered++;
    ak_sim_let_go(lane, packet);
    if (node->router) {
        ak_sim_forward_packet(sim, lane, node->index, packet);
        return;
    }
    node->touched = true;
    if (node->endpoint) {
        node->play.input(node->play.user, sim->now_us, packet->id, packet->data, packet->bytes);
    } else {
        aksu_iov iov = {.base = packet->data, .bytes = packet->bytes};
        aksu_frame frame = {.link = l->index[1 - item->side],
                            .flags = packet->data[0] >> 4 == 6 ? AKSU_FRAME_V6 : AKSU_FRAME_V4,
                            .total_bytes = packet->bytes,
                            .iov_count = 1,
                            .iov = &iov};
        sim->packet_now = packet->id;
        aksu_input(node->stack, sim->now_us + node->skew_us, &frame, 1);
        sim->packet_now = 0;
    }
    free(packet);
}

/* ---------------------------------------------------------------- time */

static uint64_t node_deadline_us(const struct ak_sim_node *node) {
    if (!node->up || node->router) return AK_SIM_NEVER;
    if (node->endpoint) return node->play.deadline_us != NULL ? node->play.deadline_us(node->play.user) : AK_SIM_NEVER;
    uint64_t at_us = aksu_deadline_us(node->stack);
    if (at_us == AK_SIM_NEVER) return AK_SIM_NEVER;
    return at_us > node->skew_us ? at_us - node->skew_us : 0;
}

static bool output(struct aksu_sim *sim, struct ak_sim_node *node) {
    aksu_frame frame;
    bool any = false;
    for (;;) {
        sim->packet_now = ++sim->packet_last;
        size_t count = aksu_output(node->stack, sim->now_us + node->skew_us, &frame, 1);
        if (count != 0) take_frame(sim, node, &frame);
        sim->packet_now = 0;
        if (count == 0 || sim->violation[0] != '\0') return any;
        any = true;
    }
}

/* One node's turn at this moment. */
static void turn(struct aksu_sim *sim, struct ak_sim_node *node) {
    node->touched = false;
    if (!node->up || node->router) return;
    if (node->endpoint) {
        if (node_deadline_us(node) <= sim->now_us) node->play.timer(node->play.user, sim->now_us);
        return;
    }
    aksu_advance(node->stack, sim->now_us + node->skew_us);
    if (sim->hooks.wake != NULL) sim->hooks.wake(sim->hooks.user, node->index);
    if (!node->up) return;
    (void)output(sim, node);
    /* Timers have fired in there: the application may be told. */
    if (sim->hooks.wake != NULL) sim->hooks.wake(sim->hooks.user, node->index);
    if (node->up) (void)output(sim, node);
}

static void moment(struct aksu_sim *sim) {
    for (uint32_t turns = 0;; turns++) {
        struct ak_sim_item item;
        bool any = false;
        while (sim->violation[0] == '\0' && ak_sim_pop(sim, sim->now_us, &item)) {
            any = true;
            sim->stats.steps++;
            if (item.kind == AK_SIM_SENT)
                ak_sim_sent(sim, item.link, item.side, item.packet);
            else
                arrive(sim, &item);
        }
        for (uint32_t i = 0; i < sim->node_count; i++) {
            struct ak_sim_node *node = &sim->node[i];
            if (!node->touched && node_deadline_us(node) > sim->now_us) continue;
            any = true;
            turn(sim, node);
        }
        if (!any || sim->violation[0] != '\0') return;
        if (turns == TURNS_MAX) {
            aksu_sim_fail(sim, "this moment does not end");
            return;
        }
    }
}

uint64_t aksu_sim_now_us(const aksu_sim *sim) {
    return sim->now_us;
}

uint64_t aksu_sim_next_us(const aksu_sim *sim) {
    uint64_t next_us = sim->heap_used > 0 ? sim->heap[0].time_us : AK_SIM_NEVER;
    for (uint32_t i = 0; i < sim->node_count; i++) {
        uint64_t at_us = node_deadline_us(&sim->node[i]);
        if (at_us < next_us) next_us = at_us;
    }
    return next_us;
}

bool aksu_sim_flush(aksu_sim *sim) {
    for (uint32_t i = 0; i < sim->node_count; i++) sim->node[i].touched = true;
    moment(sim);
    return sim->violation[0] == '\0';
}

bool aksu_sim_run(aksu_sim *sim, uint64_t until_us) {
    if (!aksu_sim_flush(sim)) return false;
    for (;;) {
        uint64_t next_us = aksu_sim_next_us(sim);
        if (next_us > until_us) break;
        if (next_us > sim->now_us) sim->now_us = next_us;
        moment(sim);
        if (sim->violation[0] != '\0') return false;
    }
    if (until_us != AK_SIM_NEVER && until_us > sim->now_us) sim->now_us = until_us;
    for (uint32_t i = 0; i < sim->node_count; i++) {
        if (sim->node[i].stack != NULL) aksu_advance(sim->node[i].stack, sim->now_us + sim->node[i].skew_us);
    }
    return true;
}

uint64_t aksu_sim_random(aksu_sim *sim) {
    return ak_sim_draw(sim);
}

void aksu_sim_stats_get(const aksu_sim *sim, aksu_sim_stats *ret_stats) {
    *ret_stats = sim->stats;
}
