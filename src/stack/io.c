/* Time, packets and events across the border: aksu_advance, aksu_input, aksu_output, aksu_deadline_us, aksu_next_event.
 *
 * Timers fire in aksu_output only, so that an ACK that has been read beats the retransmission that it makes needless.
 * What the stack sends to itself never leaves it: such frames are put in again here. */
#include "base/check.h"
#include "net/ether.h"
#include "net/udp.h"
#include "stack/stack.h"

static void latch(struct ak_core *core, uint64_t now_us) {
    if (now_us < core->now_us) {
        core->counters.clock_backward++;
        return;
    }
    core->now_us = now_us;
}

void aksu_advance(aksu_stack *stack, uint64_t now_us) {
    latch(&stack->core, now_us);
}

void aksu_input(aksu_stack *stack, uint64_t now_us, const aksu_frame *frames, size_t frame_count) {
    latch(&stack->core, now_us);
    for (size_t i = 0; i < frame_count; i++) {
        if (frames[i].link == ak_loop_link(&stack->core)) { /* not a link that packets can come from */
            ak_drop_count(&stack->core, AKSU_DROP_LINK_UNKNOWN);
            continue;
        }
        ak_stack_input_frame(&stack->core, &frames[i]);
    }
}

static void fire_timers(struct ak_core *core) {
    ak_time_wait_expire(core);
    for (ak_ref ref = ak_wheel_fire(&core->wheel, core->now_us); ref != AK_NONE;
         ref = ak_wheel_fire(&core->wheel, core->now_us)) {
        uint32_t class = ak_ref_class(ref);
        if (class == AK_KIND_TCB)
            ak_tcp_timer_fire(core, ak_tcb_at(core, ref));
        else if (class == AK_KIND_SYN)
            ak_syn_fire(core, ref);
        else if (class == AK_KIND_NEIGHBOUR)
            ak_neighbour_fire(core, ref);
        else if (class == AK_KIND_REASSEMBLY)
            ak_reassembly_fire(core, ref);
        else
            ak_net_fire(core);
    }
}

/* ---------------------------------------------------------------- output */

static void trace_reply(struct ak_core *core, const struct ak_reply *reply, const aksu_frame *frame) {
    core->counters.frames_out++;
    core->counters.bytes_out += frame->total_bytes;
    if (core->host.sink == NULL) return;
    if (reply->block != AK_NONE || !ak_net_is_tcp(reply->header)) {
        ak_net_trace(core, frame, AKSU_OUT, AKSU_DROP_NONE);
        return;
    }
    /* A record's own segment shows its state; a reset to nobody shows CLOSED. */
    struct ak_trace_segment what = {.cause = (aksu_send_cause)reply->cause};
    ak_tcp_trace_reply(core, frame, &what);
}

static void reply_taken(struct ak_core *core) {
    core->reply_first = (core->reply_first + 1) % core->config.reply_max;
    core->reply_count--;
}

/* The first of the ring goes nowhere: its link is down. */
static void reply_lost(struct ak_core *core) {
    const struct ak_reply lost = *ak_reply_at(core, core->reply_first);
    reply_taken(core);
    ak_reply_drop(core, &lost);
    ak_drop_count(core, AKSU_DROP_LINK_UNKNOWN);
}

/* The first of the ring is a packet to an Ethernet link: where it goes.  False: it does not go now, and is off the
 * ring: it waits for its neighbour, or is lost. */
static bool reply_hop(struct ak_core *core, aksu_mac *ret_mac) {
    struct ak_reply *reply = ak_reply_at(core, core->reply_first);
    const bool four = reply->header[0] >> 4 == 4;
    aksu_addr dst = {{0}};
    if (four)
        dst = ak_addr_of_v4(ak_be32(reply->header + 16));
    else
        ak_copy(dst.byte, reply->header + 24, sizeof dst.byte);
    struct ak_hop_to to;
    ak_neighbour_hop(core, reply->link, &dst, &to);
    if (to.hop == AK_HOP_READY) {
        *ret_mac = to.mac;
        return true;
    }
    const struct ak_reply waits = *reply;
    reply_taken(core);
    if (to.hop == AK_HOP_WAITS)
        ak_neighbour_hold(core, ak_neighbour_at(core, to.neighbour), &waits);
    else
        ak_reply_drop(core, &waits);
    return false;
}

/* From the reply's own to the frame's. */
static void lend_payload(struct ak_core *core, const struct ak_reply *reply, struct ak_frame_slot *slot) {
    uint32_t left = reply->payload_bytes;
    for (uint32_t i = 0; left > 0; i++) {
        uint32_t block = ak_reply_block(core, reply, i), bytes = ak_min_u32(left, core->blocks.block_bytes);
        slot->iov[1 + i] = (aksu_iov){.base = ak_block_at(&core->blocks, block), .bytes = bytes};
        slot->block[slot->block_count++] = block;
        ak_block_pin(&core->blocks, block);
        left -= bytes;
    }
    ak_reply_drop(core, reply);
}

/* Answers how many frames there are of it: none, if it waits or is lost. */
static size_t send_reply(struct ak_core *core, aksu_frame *ret_frame, bool *ret_blocked) {
    const struct ak_reply *reply = ak_reply_at(core, core->reply_first);
    if (!ak_link_state_at(core, reply->link)->up) {
        reply_lost(core);
        return 0;
    }
    const bool ether = ak_is_ether(core, reply->link) && !reply->framed;
    aksu_mac to = {{0}};
    if (ether && !reply_hop(core, &to)) return 0;
    struct ak_frame_slot *slot = ak_frame_new(core);
    if (slot == NULL) {
        *ret_blocked = true;
        return 0;
    }
    uint8_t *start = slot->header + AK_FRAME_ROOM_BYTES;
    ak_copy(start, reply->header, reply->header_bytes);
    slot->iov[0] = (aksu_iov){.base = start, .bytes = reply->header_bytes};
    lend_payload(core, reply, slot);
    *ret_frame = (aksu_frame){
        .link = reply->link,
        .flags = reply->framed        ? 0
                 : start[0] >> 4 == 4 ? AKSU_FRAME_V4
                                      : AKSU_FRAME_V6,
        .checksum = reply->link == ak_loop_link(core) ? AKSU_CHECKSUM_VALID : AKSU_CHECKSUM_NONE,
        .time_us = core->now_us,
    };
    if (reply->segment_bytes != 0) {
        enum { UDP_CHECKSUM_AT = 6, UDP_HEADER_BYTES = 8 };
        ret_frame->flags |= AKSU_FRAME_UDP;
        ret_frame->segment_bytes = reply->segment_bytes;
        ret_frame->header_bytes = (uint16_t)(reply->header_bytes + UDP_HEADER_BYTES);
        ret_frame->checksum = AKSU_CHECKSUM_PARTIAL;
        ret_frame->checksum_start = reply->header_bytes;
        ret_frame->checksum_offset = UDP_CHECKSUM_AT;
    }
    ak_frame_fill(slot, 1 + slot->block_count, ret_frame);
    trace_reply(core, reply, ret_frame);
    reply_taken(core);
    if (ether) ak_eth_output(core, &to, ret_frame);
    return 1;
}

static size_t send_plain(struct ak_core *core, ak_ref ref, aksu_frame *ret_frames, size_t frame_cap) {
    size_t count = ak_tcp_output(core, ak_tcb_at(core, ref), ret_frames, frame_cap);
    core->counters.frames_out += count;
    for (size_t i = 0; i < count; i++) core->counters.bytes_out += ret_frames[i].total_bytes;
    return count;
}

/* The neighbour that a connection's packets go to.  While it moves data it remembers. */
static void connection_hop(struct ak_core *core, struct ak_tcb *t, struct ak_hop_to *ret_to) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL || x->hop.note.generation != ak_hop_generation(core)) {
        ak_neighbour_hop(core, t->link, &t->tuple.remote, ret_to);
        if (x == NULL || ret_to->hop != AK_HOP_READY || ret_to->neighbour == AK_NONE) return;
        x->hop.note = (struct ak_hop_note){.neighbour = ret_to->neighbour, .generation = ak_hop_generation(core)};
        x->hop.una = t->snd.una;
        x->hop.nxt = t->rcv.nxt;
        return;
    }
    ak_tcp_hop_progress(core, t);
    struct ak_neighbour *n = ak_neighbour_at(core, x->hop.note.neighbour);
    *ret_to = (struct ak_hop_to){.hop = ak_neighbour_use(core, n), .neighbour = x->hop.note.neighbour, .mac = n->mac};
}

static size_t send_ethernet(struct ak_core *core, ak_ref ref, aksu_frame *ret_frames, size_t frame_cap) {
    struct ak_tcb *t = ak_tcb_at(core, ref);
    struct ak_hop_to to;
    connection_hop(core, t, &to);
    if (to.hop == AK_HOP_WAITS) {
        ak_tcp_park(core, t, ak_ref_of(AK_KIND_NEIGHBOUR, to.neighbour));
        return 0;
    }
    size_t count = send_plain(core, ref, ret_frames, frame_cap);
    for (size_t i = 0; i < count; i++) {
        if (to.hop == AK_HOP_READY)
            ak_eth_output(core, &to.mac, &ret_frames[i]);
        else
            ak_frame_done(core, ret_frames[i].token);
    }
    return to.hop == AK_HOP_READY ? count : 0;
}

static size_t send_connection(struct ak_core *core, ak_ref ref, aksu_frame *ret_frames, size_t frame_cap) {
    const struct ak_link_state *link = ak_link_state_at(core, ak_tcb_at(core, ref)->link);
    if (link->ethernet && link->up) return send_ethernet(core, ref, ret_frames, frame_cap);
    return send_plain(core, ref, ret_frames, frame_cap);
}

/* Frames to ourselves come in again at once. */
static size_t loop_back(struct ak_core *core, aksu_frame *frames, size_t count) {
    if (count == 0 || frames[0].link != ak_loop_link(core)) return count;
    for (size_t i = 0; i < count; i++) {
        if (frames[i].checksum == AKSU_CHECKSUM_NONE) frames[i].checksum = AKSU_CHECKSUM_VALID;
        ak_stack_input_frame(core, &frames[i]);
        ak_frame_done(core, frames[i].token);
    }
    return 0;
}

size_t aksu_output(aksu_stack *stack, uint64_t now_us, aksu_frame *ret_frames, size_t frame_cap) {
    struct ak_core *core = &stack->core;
    latch(core, now_us);
    if (core->config.output_sync) {
        while (core->lent.head != AK_NONE) {
            const struct ak_frame_slot *slot = ak_object(core, AK_KIND_FRAME, ak_ref_index(core->lent.head));
            ak_frame_done(core, slot->token);
        }
    }
    ak_ref last_ready = core->ready.tail;
    fire_timers(core);
    if (ak_memory_can_feed(core)) ak_memory_feed(core);
    size_t count = 0;
    /* What goes round the loop does not fill the caller's frames: bounded, the rest waits for the next call. */
    bool blocked = false;
    for (uint32_t turns = 0; count < frame_cap && turns < 4096 && !blocked; turns++) {
        size_t more;
        if (core->reply_count > 0) {
            more = send_reply(core, ret_frames + count, &blocked);
        } else if (core->output.head != AK_NONE) {
            ak_ref ref = core->output.head;
            more = send_connection(core, ref, ret_frames + count, frame_cap - count);
            if (more == 0 && core->output.head == ref) break; /* no frame is free */
        } else {
            break;
        }
        count += loop_back(core, ret_frames + count, more);
    }
    core->ready_late = core->ready.tail != last_ready;
    return count;
}

void aksu_output_done(aksu_stack *stack, uint32_t token) {
    ak_frame_done(&stack->core, token);
}

uint64_t aksu_deadline_us(const aksu_stack *stack) {
    const struct ak_core *core = &stack->core;
    bool waits = core->reply_count > 0 || core->output.head != AK_NONE;
    bool frames = core->config.output_sync || ak_pool_free(&core->pool[AK_KIND_FRAME]) > 0;
    if ((waits && frames) || ak_memory_can_feed(core)) return core->now_us;
    if (core->ready_late && core->ready.head != AK_NONE) return core->now_us;
    return ak_min_u64(ak_wheel_next_us(&core->wheel), ak_time_wait_next_us(core));
}

/* ---------------------------------------------------------------- events */

bool aksu_next_event(aksu_stack *stack, aksu_event *ret_event) {
    struct ak_core *core = &stack->core;
    ak_ref ref = core->ready.head;
    if (ref == AK_NONE) return false;
    struct ak_sock *sock = ak_lens_at(&core->ready_lens, ref);
    sock = (struct ak_sock *)(void *)((char *)sock - offsetof(struct ak_sock, ready));
    ak_list_remove(&core->ready, &core->ready_lens, ref);
    *ret_event = (aksu_event){.sock = ak_sock_handle(sock, ref), .bits = sock->pending_bits, .user = sock->user};
    sock->pending_bits = 0;
    const struct ak_tuple *tuple;
    if (ak_ref_class(ref) == AK_KIND_TCB) {
        const struct ak_tcb *t = ak_tcb_at(core, ref);
        tuple = &t->tuple;
        if (ret_event->bits & AKSU_EV_CLOSED)
            ret_event->reason = (aksu_reason)t->reason;
        else if (ret_event->bits & AKSU_EV_SOFT_ERROR)
            ret_event->reason = (aksu_reason)t->soft_error;
    } else if (ak_ref_class(ref) == AK_KIND_UDP) {
        struct ak_udp *u = ak_udp_at(core, ref);
        tuple = &u->tuple;
        ret_event->reason = (aksu_reason)u->soft_error;
        u->soft_error = AKSU_REASON_NONE;
    } else {
        tuple = &ak_listener_at(core, ref)->tuple;
    }
    if (core->host.sink != NULL) {
        aksu_trace_event event = {.kind = AKSU_TRACE_NOTIFY, .time_us = core->now_us};
        event.u.notify =
            (aksu_ev_notify){.flow = ak_flow_of(tuple), .bits = ret_event->bits, .reason = ret_event->reason};
        core->host.sink(core->host.sink_user, &event);
    }
    return true;
}

aksu_err aksu_poll(const aksu_stack *stack, aksu_sock sock, uint32_t *ret_bits) {
    const struct ak_core *core = &stack->core;
    ak_ref ref;
    if (ak_sock_find_any(core, sock, &ref) == NULL) return AKSU_ERR_BADSOCK;
    *ret_bits = ak_ref_class(ref) == AK_KIND_UDP ? ak_udp_levels(ak_udp_at(core, ref)) : ak_tcp_levels(core, ref);
    return AKSU_OK;
}

aksu_err aksu_sock_set_user(aksu_stack *stack, aksu_sock sock, uint64_t user) {
    ak_ref ref;
    struct ak_sock *head = ak_sock_find_any(&stack->core, sock, &ref);
    if (head == NULL) return AKSU_ERR_BADSOCK;
    head->user = user;
    return AKSU_OK;
}

aksu_err aksu_sock_user(const aksu_stack *stack, aksu_sock sock, uint64_t *ret_user) {
    ak_ref ref;
    const struct ak_sock *head = ak_sock_find_any(&stack->core, sock, &ref);
    if (head == NULL) return AKSU_ERR_BADSOCK;
    *ret_user = head->user;
    return AKSU_OK;
}
