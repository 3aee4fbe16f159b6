/* The starting configurations of the exhaustive table: see prepare.h and README.md.
 *
 * How the initial sequence number is chosen: it is a clock of 4 us plus a keyed function of the four-tuple (RFC 6528),
 * so a first stack is asked for its number at one time, and the real one is started as many ticks later as are missing
 * to the wanted number.  Nothing inside the stack is touched. */
#include "prepare.h"

#include <string.h>

enum { START_US = 4000000, ISN_TICK_US = 4, IP_HEADER_BYTES = 20, TCP_HEADER_BYTES = 20 };

void prepare_config(aksu_config *ret_config) {
    aksu_config_default(ret_config);
    for (unsigned i = 0; i < sizeof ret_config->entropy; i++) {
        ret_config->entropy[i] = (uint8_t)(i * 37 + 11);
    }
    ret_config->tcp_max = 2;
    ret_config->listener_max = 2;
    ret_config->syn_cache_max = 2;
    ret_config->time_wait_max = 2;
    ret_config->transfer_max = 2;
    ret_config->block_bytes = 64;
    ret_config->block_max = 24;
    ret_config->record_max = 8;
    ret_config->frame_max = 4;
    ret_config->reply_max = 4;
    ret_config->settings_max = 2;
    ret_config->link_max = 1;
    ret_config->addr_max = 1;
    ret_config->route_max = 1;
    ret_config->output_sync = 1;
    ret_config->time_wait_us = (uint64_t)TIME_WAIT_S * 1000000;
    ret_config->syn_cookies = AKSU_SYN_COOKIES_OFF;
    ret_config->rst_per_second = 0;
    ret_config->tcp.rcv_buf_bytes = 256;
    ret_config->tcp.snd_buf_bytes = 256;
    ret_config->tcp.nagle = 0;
    ret_config->tcp.delayed_ack_us = 0;
    ret_config->tcp.timestamps = 0;
    ret_config->tcp.window_scale = 0;
    ret_config->tcp.sack = 0;
    ret_config->tcp.rto_initial_us = 60000000;
    ret_config->tcp.rto_min_us = 60000000;
}

/* ---------------------------------------------------------------- packets */

static void wr16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void wr32(uint8_t *at, uint32_t value) {
    wr16(at, value >> 16);
    wr16(at + 2, value);
}

static uint32_t rd16(const uint8_t *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t rd32(const uint8_t *at) {
    return rd16(at) << 16 | rd16(at + 2);
}

static void ip_checksum(uint8_t *header) {
    uint32_t sum = 0;
    for (unsigned i = 0; i < IP_HEADER_BYTES; i += 2) {
        sum += rd16(header + i);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    wr16(header + 10, ~sum & 0xffff);
}

void world_put(aksu_stack *stack, uint64_t now_us, uint16_t link, const struct segment *segment) {
    uint8_t packet[PACKET_MAX] = {0x45, [8] = 64, [9] = 6, [12] = 10, [15] = 2, [16] = 10, [19] = 1};
    uint32_t packet_bytes = IP_HEADER_BYTES + TCP_HEADER_BYTES + segment->text_bytes;
    uint8_t *tcp = packet + IP_HEADER_BYTES;
    wr16(packet + 2, packet_bytes);
    ip_checksum(packet);
    wr16(tcp, PORT_PEER);
    wr16(tcp + 2, PORT_LOCAL);
    wr32(tcp + 4, segment->seq);
    wr32(tcp + 8, segment->ack);
    /* The four bits behind it are ignored (RFC 9293 s3.1), AE too unless it was agreed on (RFC 9768): they differ. */
    uint32_t reserved = (segment->seq * 0x9e3779b1u ^ segment->ack * 0x85ebca6bu ^ segment->flags) >> 28;
    tcp[12] = (uint8_t)(TCP_HEADER_BYTES / 4 << 4 | reserved);
    tcp[13] = segment->flags;
    wr16(tcp + 14, segment->window);
    if (segment->text_bytes) {
        memcpy(tcp + TCP_HEADER_BYTES, segment->text, segment->text_bytes);
    }
    aksu_iov iov = {.base = packet, .bytes = packet_bytes};
    aksu_frame frame = {.link = link,
                        .checksum = AKSU_CHECKSUM_VALID,
                        .flags = AKSU_FRAME_V4,
                        .total_bytes = packet_bytes,
                        .iov_count = 1,
                        .iov = &iov};
    aksu_input(stack, now_us, &frame, 1);
}

/* Takes one lent frame apart.  False: not a TCP segment of this connection. */
static bool parse_frame(const aksu_frame *frame, struct segment *ret_segment) {
    uint8_t packet[IP_HEADER_BYTES + 60];
    uint32_t have = 0;
    for (uint32_t i = 0; i < frame->iov_count && have < sizeof packet; i++) {
        size_t take = frame->iov[i].bytes;
        take = take < sizeof packet - have ? take : sizeof packet - have;
        memcpy(packet + have, frame->iov[i].base, take);
        have += (uint32_t)take;
    }
    const uint8_t *tcp = packet + IP_HEADER_BYTES;
    if (have < IP_HEADER_BYTES + TCP_HEADER_BYTES || packet[0] != 0x45 || packet[9] != 6 || rd16(tcp) != PORT_LOCAL ||
        rd16(tcp + 2) != PORT_PEER) {
        return false;
    }
    *ret_segment = (struct segment){.seq = rd32(tcp + 4),
                                    .ack = rd32(tcp + 8),
                                    .flags = tcp[13],
                                    .window = (uint16_t)rd16(tcp + 14),
                                    .text_bytes = rd16(packet + 2) - IP_HEADER_BYTES - (uint32_t)(tcp[12] >> 4) * 4};
    return true;
}

void world_drain(aksu_stack *stack, uint64_t now_us, struct replies *ret_replies) {
    aksu_frame frames[REPLY_MAX];
    ret_replies->count = 0;
    for (size_t count; (count = aksu_output(stack, now_us, frames, REPLY_MAX)) > 0;) {
        for (size_t i = 0; i < count; i++) {
            struct segment segment = {0}; /* flags 0 stands for a packet that is no segment of ours */
            (void)parse_frame(&frames[i], &segment);
            if (ret_replies->count < REPLY_MAX) {
                ret_replies->segment[ret_replies->count] = segment;
            }
            ret_replies->count++;
        }
    }
}

bool world_record(aksu_stack *stack, aksu_tcp_info *ret_info, bool *ret_listening) {
    aksu_tcp_info info;
    uint64_t cursor = 0;
    bool found = false;
    *ret_listening = false;
    while (aksu_tcp_next(stack, &cursor, &info)) {
        if (info.state == AK_TCP_LISTEN) {
            *ret_listening = true;
        } else if (info.state != AK_TCP_CLOSED && info.remote.port == PORT_PEER &&
                   (!found || ret_info->state == AK_TCP_TIME_WAIT)) {
            *ret_info = info;
            found = true;
        }
    }
    return found;
}

/* ---------------------------------------------------------------- steps */

/* A step that was not what it should be ends the preparation; the first one is kept. */
static void expect(struct world *world, bool holds, const char *step) {
    if (!holds && !world->failed_step) {
        world->failed_step = step;
    }
}

static void drain(struct world *world, struct replies *ret_replies) {
    world_drain(world->stack, world->now_us, ret_replies);
    for (uint32_t i = 0; i < ret_replies->count && i < REPLY_MAX; i++) {
        const struct segment *segment = &ret_replies->segment[i];
        uint32_t end =
            segment->seq + segment->text_bytes + !!(segment->flags & FLAG_SYN) + !!(segment->flags & FLAG_FIN);
        if (segment->flags & FLAG_SYN) {
            world->iss = segment->seq;
            world->snd_una = segment->seq;
        }
        world->snd_nxt = end;
        world->rcv_wnd = segment->window;
    }
}

static void put(struct world *world, uint8_t flags, const uint8_t *text, uint32_t text_bytes) {
    struct segment segment = {.seq = world->rcv_nxt,
                              .ack = flags & FLAG_ACK ? world->snd_una : 0,
                              .flags = flags,
                              .window = PEER_WINDOW,
                              .text = text,
                              .text_bytes = text_bytes};
    world_put(world->stack, world->now_us, world->link, &segment);
    world->rcv_nxt += text_bytes + !!(flags & FLAG_SYN) + !!(flags & FLAG_FIN);
}

/* Sends a segment and looks for one answer with these flags. */
static void put_and_hear(struct world *world, uint8_t flags, uint8_t answer_flags, const char *step) {
    struct replies replies;
    put(world, flags, NULL, 0);
    drain(world, &replies);
    expect(world, replies.count == (answer_flags ? 1 : 0), step);
    expect(world,
           !answer_flags || (replies.segment[0].flags & (FLAG_FIN | FLAG_SYN | FLAG_RST | FLAG_ACK)) == answer_flags,
           step);
}

static void boot(struct world *world, uint64_t start_us, void *mem, size_t mem_bytes) {
    aksu_config config;
    prepare_config(&config);
    memset(mem, 0, mem_bytes);
    world->now_us = start_us;
    if (aksu_stack_init(&config, mem, mem_bytes, &world->stack) != AKSU_OK) {
        const char *why = aksu_config_check(&config);
        expect(world, false, why ? why : "aksu_stack_init");
        return;
    }
    aksu_link_config link = {.struct_bytes = sizeof link, .mtu = 1500};
    aksu_addr local = aksu_addr_v4(10, 0, 0, 1);
    aksu_advance(world->stack, world->now_us);
    expect(world, aksu_link_add(world->stack, &link, &world->link) == AKSU_OK, "aksu_link_add");
    expect(world, aksu_addr_add(world->stack, world->link, &local, 24) == AKSU_OK, "aksu_addr_add");
}

static aksu_tcp_open open_of(void) {
    return (aksu_tcp_open){.struct_bytes = sizeof(aksu_tcp_open),
                           .local = {.addr = aksu_addr_v4(10, 0, 0, 1), .port = PORT_LOCAL, .link = AKSU_LINK_ANY}};
}

static void listen_here(struct world *world) {
    aksu_tcp_open open = open_of();
    open.backlog = 2;
    expect(world, aksu_tcp_listen(world->stack, &open, &world->listener) == AKSU_OK, "aksu_tcp_listen");
}

static void send_syn(struct world *world) {
    struct replies replies;
    aksu_tcp_open open = open_of();
    open.remote = (aksu_endpoint){.addr = aksu_addr_v4(10, 0, 0, 2), .port = PORT_PEER, .link = AKSU_LINK_ANY};
    expect(world, aksu_tcp_connect(world->stack, &open, &world->sock) == AKSU_OK, "aksu_tcp_connect");
    if (!world->failed_step) {
        drain(world, &replies);
        expect(world, replies.count == 1 && replies.segment[0].flags == FLAG_SYN, "SYN of an active OPEN");
    }
}

/* The way to SYN-SENT, or by the listener to SYN-RECEIVED; world->iss is known afterwards. */
static void begin(struct world *world, bool passive) {
    if (!passive) {
        send_syn(world);
        return;
    }
    listen_here(world);
    if (!world->failed_step) {
        put_and_hear(world, FLAG_SYN, FLAG_SYN | FLAG_ACK, "SYN,ACK of a listener");
    }
}

static void our_syn_is_acknowledged(struct world *world) {
    world->snd_una = world->snd_nxt;
}

static void establish(struct world *world, bool passive) {
    our_syn_is_acknowledged(world);
    if (passive) {
        put_and_hear(world, FLAG_ACK, 0, "ACK of our SYN,ACK");
        expect(world, aksu_tcp_accept(world->stack, world->listener, &world->sock) == AKSU_OK, "aksu_tcp_accept");
    } else {
        put_and_hear(world, FLAG_SYN | FLAG_ACK, FLAG_ACK, "ACK of the peer's SYN,ACK");
    }
}

/* The application sends; the segment goes out and stays unacknowledged. */
static void app_send(struct world *world, uint32_t text_bytes) {
    static const uint8_t text[UNACKED_BYTES] = "0123456789";
    struct replies replies;
    size_t taken = 0;
    expect(world, aksu_tcp_send(world->stack, world->sock, text, text_bytes, 0, &taken) == AKSU_OK, "aksu_tcp_send");
    drain(world, &replies);
    expect(world, taken == text_bytes && replies.count == 1 && replies.segment[0].text_bytes == text_bytes,
           "one segment with what was sent");
}

/* The application closes its direction; the FIN goes out and stays unacknowledged. */
static void app_shutdown(struct world *world) {
    struct replies replies;
    expect(world, aksu_tcp_shutdown(world->stack, world->sock) == AKSU_OK, "aksu_tcp_shutdown");
    drain(world, &replies);
    expect(world, replies.count == 1 && replies.segment[0].flags & FLAG_FIN, "our FIN");
}

/* HISTORY_BYTES go each way, acknowledged and read. */
static void history(struct world *world) {
    static const uint8_t text[HISTORY_BYTES] = "hallo";
    uint8_t got[HISTORY_BYTES + 1];
    struct replies replies;
    size_t got_bytes = 0;
    app_send(world, HISTORY_BYTES);
    world->snd_una = world->snd_nxt;
    put(world, FLAG_ACK | FLAG_PSH, text, HISTORY_BYTES);
    drain(world, &replies);
    expect(world, replies.count == 1 && replies.segment[0].ack == world->rcv_nxt, "ACK of the peer's first text");
    expect(world, aksu_tcp_recv(world->stack, world->sock, got, sizeof got, &got_bytes) == AKSU_OK, "aksu_tcp_recv");
    expect(world, got_bytes == HISTORY_BYTES && memcmp(got, text, HISTORY_BYTES) == 0, "the peer's first text");
    drain(world, &replies); /* a window update, if the stack thinks it worth one */
}

/* The peer sends until spare octets are left of the window, and the application does not read. */
static void fill_window(struct world *world, uint32_t spare) {
    static const uint8_t text[1024];
    struct replies replies;
    uint32_t text_bytes = world->rcv_wnd - spare;
    expect(world, world->rcv_wnd >= 16 && text_bytes <= 536, "a window of 16 to 536 octets");
    if (world->failed_step) {
        return;
    }
    put(world, FLAG_ACK, text, text_bytes);
    world->unread_bytes = text_bytes;
    drain(world, &replies);
    expect(world, replies.count == 1 && replies.segment[0].ack == world->rcv_nxt, "ACK of what filled the window");
    expect(world, world->rcv_wnd == spare, "the window after it was filled");
}

static bool is(const char *name, const char *other) {
    return strcmp(name, other) == 0;
}

static void peer_fin(struct world *world) {
    put_and_hear(world, FLAG_FIN | FLAG_ACK, FLAG_ACK, "ACK of the peer's FIN");
}

/* From ESTABLISHED to the configuration called name. */
static void leave_established(struct world *world, const char *name) {
    if (is(name, "CLOSE-WAIT") || is(name, "LAST-ACK")) {
        peer_fin(world);
    }
    if (is(name, "FIN-WAIT-2") || strncmp(name, "TIME-WAIT", 9) == 0) {
        app_shutdown(world);
        world->snd_una = world->snd_nxt;
        put_and_hear(world, FLAG_ACK, 0, "ACK of our FIN");
        if (!is(name, "FIN-WAIT-2")) {
            peer_fin(world);
            world->now_us += (uint64_t)TIME_WAIT_AGE_S * 1000000;
        }
        return;
    }
    if (!is(name, "ESTABLISHED-IDLE")) {
        app_send(world, UNACKED_BYTES);
    }
    if (is(name, "FIN-WAIT-1") || is(name, "CLOSING") || is(name, "LAST-ACK")) {
        app_shutdown(world);
    }
    if (is(name, "CLOSING")) {
        peer_fin(world);
    }
}

static bool has_peer_fin(const char *name) {
    return is(name, "CLOSE-WAIT") || is(name, "CLOSING") || is(name, "LAST-ACK") || strncmp(name, "TIME-WAIT", 9) == 0;
}

static bool is_passive(const char *name) {
    return is(name, "SYN-RECEIVED-PASSIVE") || is(name, "ESTABLISHED-IDLE") || is(name, "TIME-WAIT-LISTENER");
}

static void walk(struct world *world, const char *name, bool zero_window) {
    if (is(name, "SYN-SENT") || is(name, "SYN-RECEIVED-PASSIVE")) {
        return;
    }
    if (is(name, "SYN-RECEIVED-ACTIVE")) {
        put_and_hear(world, FLAG_SYN, FLAG_SYN | FLAG_ACK, "SYN,ACK of a simultaneous open");
        return;
    }
    establish(world, is_passive(name));
    if (!world->failed_step) {
        history(world);
    }
    if (!world->failed_step && zero_window) {
        fill_window(world, has_peer_fin(name) ? 1 : 0);
    }
    if (!world->failed_step) {
        leave_established(world, name);
    }
    if (zero_window) {
        expect(world, world->rcv_wnd == 0, "RCV.WND = 0");
    }
}

/* How many ticks later the stack must start for ISS = base: asked of a stack that starts at START_US. */
static uint64_t start_for(uint32_t base, bool passive, void *mem, size_t mem_bytes) {
    struct world probe = {.irs = base, .rcv_nxt = base};
    boot(&probe, START_US, mem, mem_bytes);
    if (!probe.failed_step) {
        begin(&probe, passive);
    }
    return START_US + (uint64_t)(uint32_t)(base - probe.iss) * ISN_TICK_US;
}

void prepare_world(const char *name, bool zero_window, uint32_t base, void *mem, size_t mem_bytes,
                   struct world *ret_world) {
    bool connected = !is(name, "CLOSED") && !is(name, "LISTEN");
    struct world world = {.irs = base, .rcv_nxt = base, .iss = base, .snd_una = base, .snd_nxt = base};
    world.listener = world.sock = AKSU_SOCK_NONE;
    boot(&world, connected ? start_for(base, is_passive(name), mem, mem_bytes) : START_US, mem, mem_bytes);
    if (is(name, "LISTEN")) {
        listen_here(&world);
    }
    if (connected && !world.failed_step) {
        begin(&world, is_passive(name));
        expect(&world, world.iss == base, "ISS by RFC 6528's clock");
        if (!world.failed_step) {
            walk(&world, name, zero_window);
        }
    }
    if (!connected || is(name, "SYN-SENT")) { /* nothing received yet: nominal values give the positions a meaning */
        world.rcv_nxt = base + 1;
        world.rcv_wnd = zero_window ? 0 : NOMINAL_WINDOW;
    }
    aksu_event event;
    while (!world.failed_step && aksu_next_event(world.stack, &event)) {
        /* what led here is known */
    }
    *ret_world = world;
}
