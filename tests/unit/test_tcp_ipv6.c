/* TCP over IPv6: RFC 8200, RFC 4443, between two stacks that have addresses of both families. */
#include "tcp_ladder.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"

static aksu_addr six(uint8_t last) {
    aksu_addr addr = {.byte = {[0] = 0xfd, [15] = last}};
    return addr;
}

static struct tcp_world *open_world(aksu_config config) {
    struct tcp_world *w = world_open(&config);
    for (int i = 0; i < 2; i++) {
        aksu_addr addr = six((uint8_t)(i + 1));
        assert_int_equal(aksu_addr_add(w->stack[i], 0, &addr, 64), AKSU_OK);
    }
    return w;
}

static aksu_sock connect6(struct tcp_world *w, uint16_t port) {
    aksu_sock sock;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = six(2), .port = port}};
    assert_int_equal(aksu_tcp_connect(w->stack[CLIENT], &open, &sock), AKSU_OK);
    return sock;
}

/* The whole life, with the MSS that a header of 40 bytes leaves (MUST-16, MUST-67). */
static void connection_over_ipv6_opens_carries_and_closes(void **state) {
    (void)state;
    struct tcp_world *w = open_world(world_config());
    aksu_sock listener = world_listen(w, 4, 0), server;
    aksu_sock client = connect6(w, 80);
    world_run(w, 10000);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    static uint8_t data[5000], got[5000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7);
    size_t bytes;
    assert_int_equal(aksu_tcp_send(w->stack[CLIENT], client, data, sizeof data, 0, &bytes), AKSU_OK);
    world_run(w, 100000);
    assert_int_equal(aksu_tcp_recv(w->stack[SERVER], server, got, sizeof got, &bytes), AKSU_OK);
    assert_int_equal(bytes, sizeof data);
    assert_memory_equal(got, data, sizeof data);
    assert_int_equal(aksu_tcp_close(w->stack[CLIENT], client), AKSU_OK);
    world_run(w, 1000);
    assert_int_equal(aksu_tcp_close(w->stack[SERVER], server), AKSU_OK);
    world_run(w, 1000);
    ladder_is(w, 0, LADDER_OPTIONS,
              "SYN-SENT     -- SYN 0 mss 1440 sackOK ts ws 7 -------> SYN-RECEIVED\n"
              "ESTABLISHED  <- SYN,ACK 0 ack 1 mss 1440 sackOK ts ws 7 --- SYN-RECEIVED\n"
              "ESTABLISHED  -- ACK 1 ack 1 ts ----------------------> ESTABLISHED\n"
              "ESTABLISHED  -- ACK 1..1429 ack 1 ts ----------------> ESTABLISHED\n"
              "ESTABLISHED  -- ACK 1429..2857 ack 1 ts -------------> ESTABLISHED\n"
              "ESTABLISHED  -- ACK 2857..4285 ack 1 ts -------------> ESTABLISHED\n"
              "ESTABLISHED  -- PSH,ACK 4285..5001 ack 1 ts ---------> ESTABLISHED\n"
              "ESTABLISHED  <- ACK 1 ack 5001 ts -------------------- ESTABLISHED\n"
              "FIN-WAIT-1   -- FIN,ACK 5001 ack 1 ts ---------------> CLOSE-WAIT\n"
              "FIN-WAIT-2   <- ACK 1 ack 5002 ts -------------------- CLOSE-WAIT\n"
              "TIME-WAIT    <- FIN,ACK 1 ack 5002 ts ---------------- LAST-ACK\n"
              "TIME-WAIT    -- ACK 5002 ack 2 ts -------------------> CLOSED\n");
    world_close(w);
}

static void nobody_listens_refuses(void **state) {
    (void)state;
    struct tcp_world *w = open_world(world_config());
    aksu_sock client = connect6(w, 81);
    world_run(w, 10000);
    aksu_reason reason = AKSU_REASON_NONE;
    assert_true(world_events(w, CLIENT, &reason) & AKSU_EV_CLOSED);
    assert_int_equal(reason, AKSU_REASON_REFUSED);
    assert_int_equal(world_state(w, CLIENT, client), AK_TCP_CLOSED);
    world_close(w);
}

/* Cookies alone: the ISN holds all, whatever the family. */
static void cookies_work_over_ipv6(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.syn_cookies = AKSU_SYN_COOKIES_ALWAYS;
    struct tcp_world *w = open_world(config);
    aksu_sock listener = world_listen(w, 4, 0), server;
    aksu_sock client = connect6(w, 80);
    world_run(w, 10000);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[SERVER], server, &info), AKSU_OK);
    assert_false(aksu_addr_is_v4(&info.remote.addr));
    assert_int_equal(world_state(w, CLIENT, client), AK_TCP_ESTABLISHED);
    world_close(w);
}

static uint32_t label_of_next(struct tcp_world *w) {
    aksu_frame frame;
    assert_int_equal(aksu_output(w->stack[CLIENT], w->now_us, &frame, 1), 1);
    assert_int_equal(frame.flags, AKSU_FRAME_V6 | AKSU_FRAME_TCP);
    return ak_be32(frame.iov[0].base) & 0xfffff;
}

/* The flow label is the same for all packets of a connection, and another's is another (RFC 6437 s3).  attack: 47 */
static void flow_label_belongs_to_the_connection(void **state) {
    (void)state;
    struct tcp_world *w = open_world(world_config());
    uint32_t label[2];
    for (int i = 0; i < 2; i++) {
        aksu_sock sock = connect6(w, 80);
        label[i] = label_of_next(w);
        w->now_us += 1100000; /* the SYN again */
        assert_int_equal(label_of_next(w), label[i]);
        assert_int_equal(aksu_tcp_abort(w->stack[CLIENT], sock), AKSU_OK);
    }
    assert_int_not_equal(label[0], label[1]);
    world_close(w);
}

struct labels {
    struct tcp_world *w;
    uint32_t label[2], count[2], flags[2]; /* flags: all that were seen */
};

static void see_label(void *user, const aksu_trace_event *event) {
    struct labels *l = user;
    const aksu_ev_segment *segment = &event->u.segment;
    if (event->kind != AKSU_TRACE_SEGMENT || segment->direction != AKSU_OUT) return;
    int side = segment->flow.remote_port == 80 ? CLIENT : SERVER;
    uint32_t label = ak_be32(segment->frame->iov[0].base) & 0xfffff;
    if (l->count[side]++ == 0) l->label[side] = label;
    assert_int_equal(label, l->label[side]);
    assert_int_not_equal(label, 0);
    l->flags[side] |= 1u << (segment->flags & 0x1f);
}

/* From SYN,ACK to the answer in TIME-WAIT: records without a control block say the same (RFC 6437 s3). */
static void flow_label_stays_from_first_to_last(void **state) {
    (void)state;
    for (int late = 0; late < 2; late++) { /* late: a reset to a connection that is gone */
        struct tcp_world *w = open_world(world_config());
        struct labels labels = {.w = w};
        aksu_sock listener = world_listen(w, 4, 0), server, client = connect6(w, 80);
        aksu_trace_set(w->stack[CLIENT], see_label, &labels);
        aksu_trace_set(w->stack[SERVER], see_label, &labels);
        world_run(w, 10000);
        assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
        if (late) {
            w->lose = 1;
            assert_int_equal(aksu_tcp_abort(w->stack[SERVER], server), AKSU_OK);
            world_run(w, 1000);
            size_t bytes;
            assert_int_equal(aksu_tcp_send(w->stack[CLIENT], client, "x", 1, 0, &bytes), AKSU_OK);
            world_run(w, 10000);
            assert_true(labels.flags[SERVER] & 1u << AKSU_TCP_RST);
        } else {
            assert_int_equal(aksu_tcp_close(w->stack[CLIENT], client), AKSU_OK);
            world_run(w, 1000);
            w->lose_mask = 1; /* the ACK of its FIN: it comes again, in TIME-WAIT */
            assert_int_equal(aksu_tcp_close(w->stack[SERVER], server), AKSU_OK);
            world_run(w, 3000000);
            assert_true(labels.count[CLIENT] >= 5 && labels.flags[SERVER] & 1u << (AKSU_TCP_SYN | AKSU_TCP_ACK));
        }
        world_close(w);
    }
}

static uint64_t drops(struct tcp_world *w, aksu_drop drop) {
    aksu_counters counters;
    aksu_counters_get(w->stack[SERVER], &counters);
    return counters.drop[drop];
}

/* An IPv6 packet to the server: its payload, and what stands before it. */
static void put6(struct tcp_world *w, uint8_t next, const uint8_t *payload, uint32_t payload_bytes, aksu_addr from) {
    uint8_t packet[600];
    struct ak_ip ip = {.src = from, .dst = six(2), .protocol = next, .ttl = 64};
    uint32_t at = ak_wire_ip_build(packet, &ip, payload_bytes);
    memcpy(packet + at, payload, payload_bytes);
    aksu_iov iov = {.base = packet, .bytes = at + payload_bytes};
    aksu_frame frame = {.total_bytes = at + payload_bytes, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[SERVER], w->now_us, &frame, 1);
}

static void seal(uint8_t *message, uint32_t bytes, uint8_t protocol, uint32_t at) {
    aksu_addr from = six(1), to = six(2);
    struct ak_sum sum = {0};
    ak_put16(message + at, 0);
    ak_sum_pseudo(&sum, &from, &to, protocol, bytes);
    ak_sum_add(&sum, message, bytes);
    ak_put16(message + at, (uint16_t)~ak_sum_fold(&sum));
}

/* RFC 4443 s4.2; a wrong checksum draws nothing. */
static void echo_request_is_answered(void **state) {
    (void)state;
    struct tcp_world *w = open_world(world_config());
    uint8_t message[64] = {AK_ICMP6_ECHO, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'};
    seal(message, sizeof message, AK_IP_PROTOCOL_ICMP6, 2);
    put6(w, AK_IP_PROTOCOL_ICMP6, message, sizeof message, six(1));
    aksu_frame frame;
    assert_int_equal(aksu_output(w->stack[SERVER], w->now_us, &frame, 1), 1);
    assert_int_equal(frame.total_bytes, 40 + sizeof message);
    struct ak_ip ip;
    assert_int_equal(ak_wire_ip_parse(frame.iov[0].base, frame.iov[0].bytes, frame.total_bytes, &ip), AKSU_DROP_NONE);
    aksu_addr wanted = six(1);
    assert_true(aksu_addr_equal(&ip.dst, &wanted));
    const uint8_t *reply = frame.iov[1].base;
    assert_int_equal(reply[0], AK_ICMP6_ECHO_REPLY);
    assert_memory_equal(reply + 4, message + 4, sizeof message - 4);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &ip.src, &ip.dst, AK_IP_PROTOCOL_ICMP6, sizeof message);
    ak_sum_add(&sum, reply, sizeof message);
    assert_int_equal(ak_sum_fold(&sum), 0xffff);
    message[20] ^= 1;
    put6(w, AK_IP_PROTOCOL_ICMP6, message, sizeof message, six(1));
    assert_int_equal(aksu_output(w->stack[SERVER], w->now_us, &frame, 1), 0);
    assert_int_equal(drops(w, AKSU_DROP_ICMP_CHECKSUM), 1);
    world_close(w);
}

/* RFC 8201: too big for the path: smaller, at once, and not below 1,280. */
static void packet_too_big_makes_segments_smaller(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.tcp.timestamps = 0;
    struct tcp_world *w = open_world(config);
    aksu_sock listener = world_listen(w, 4, 0), server;
    (void)connect6(w, 80);
    world_run(w, 10000);
    assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
    static const uint8_t data[1440];
    size_t bytes;
    aksu_frame frame;
    assert_int_equal(aksu_tcp_send(w->stack[SERVER], server, data, sizeof data, 0, &bytes), AKSU_OK);
    assert_int_equal(aksu_output(w->stack[SERVER], w->now_us, &frame, 1), 1);
    assert_int_equal(frame.total_bytes, 1500);
    uint8_t message[8 + 48] = {AK_ICMP6_PACKET_TOO_BIG};
    ak_put32(message + 4, 1300);
    memcpy(message + 8, frame.iov[0].base, 48);
    seal(message, sizeof message, AK_IP_PROTOCOL_ICMP6, 2);
    put6(w, AK_IP_PROTOCOL_ICMP6, message, sizeof message, six(1));
    assert_int_equal(aksu_output(w->stack[SERVER], w->now_us, &frame, 1), 1);
    assert_int_equal(frame.total_bytes, 1300);
    world_close(w);
}

/* Extension headers: passed over, within limits; source routes are not taken; attack: 23. And what a source is to
 * be told of it stands in RFC 8200 s4 and RFC 4443 s3.4. */
static void extension_headers_are_passed_over_within_limits(void **state) {
    (void)state;
    static const struct {
        uint8_t first;
        uint8_t bytes[24];
        uint32_t count;
        aksu_drop drop; /* NONE: the SYN behind them is answered */
        uint8_t code;   /* 0: nothing is told; else code of Parameter Problem + 1 */
        uint8_t pointer;
    } cases[] = {
        {60, {6, 0, 1, 4, 0, 0, 0, 0}, 8, AKSU_DROP_NONE, 0, 0}, /* destination options: PadN */
        {0, {60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0}, 16, AKSU_DROP_NONE, 0, 0},        /* hop-by-hop first */
        {60, {0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0}, 16, AKSU_DROP_IP_OPTIONS, 2, 40}, /* not first */
        {60, {6, 0, 0x1e, 4, 0, 0, 0, 0}, 8, AKSU_DROP_NONE, 0, 0},          /* unknown: "skip over this option" */
        {60, {6, 0, 0x5e, 4, 0, 0, 0, 0}, 8, AKSU_DROP_IP_OPTIONS, 0, 0},    /* unknown: "discard the packet" */
        {60, {6, 0, 0x9e, 4, 0, 0, 0, 0}, 8, AKSU_DROP_IP_OPTIONS, 3, 42},   /* and "send ... Code 2" */
        {0, {6, 0, 0, 0, 0xde, 2, 0, 0}, 8, AKSU_DROP_IP_OPTIONS, 3, 44},    /* the same unless it went to many */
        {60, {6, 0, 1, 9, 0, 0, 0, 0}, 8, AKSU_DROP_IP_OPTIONS, 0, 0},       /* longer than its header */
        {60, {6, 9, 1, 4, 0, 0, 0, 0}, 8, AKSU_DROP_IP_HEADER_LENGTH, 0, 0}, /* longer than the packet */
        {43, {6, 0, 0, 0, 0, 0, 0, 0}, 8, AKSU_DROP_NONE, 0, 0},             /* RFC 5095: as a type that is not known */
        {43, {6, 0, 0, 1, 0, 0, 0, 0}, 8, AKSU_DROP_IP_SOURCE_ROUTE, 1, 42},
        {43, {6, 0, 4, 0, 0, 0, 0, 0}, 8, AKSU_DROP_NONE, 0, 0}, /* another type, nothing left of it */
        {43, {6, 0, 4, 1, 0, 0, 0, 0}, 8, AKSU_DROP_IP_SOURCE_ROUTE, 1, 42},
        {44, {6, 0, 0, 0, 1, 2, 3, 4}, 8, AKSU_DROP_NONE, 0, 0},        /* RFC 6946: atomic */
        {51, {6, 0, 0, 0, 0, 0, 0, 0}, 8, AKSU_DROP_IP_PROTOCOL, 2, 6}, /* authentication: not spoken */
        {60, {255, 0, 1, 4, 0, 0, 0, 0}, 8, AKSU_DROP_IP_PROTOCOL, 2, 40},
        {59, {6, 0, 0, 0, 0, 0, 0, 0}, 8, AKSU_DROP_IP_PROTOCOL, 0, 0}, /* no next header */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tcp_world *w = open_world(world_config());
        (void)world_listen(w, 4, 0);
        uint8_t payload[100];
        memcpy(payload, cases[i].bytes, cases[i].count);
        struct ak_tcp_header header = {
            .src_port = 1234, .dst_port = 80, .seq = {1}, .flags = AKSU_TCP_SYN, .wnd = 1000};
        uint32_t bytes = ak_wire_tcp_build(payload + cases[i].count, &header, AK_OPTION_ORDER_LINUX);
        seal(payload + cases[i].count, bytes, AK_IP_PROTOCOL_TCP, 16);
        put6(w, cases[i].first, payload, cases[i].count + bytes, six(1));
        aksu_frame frame;
        size_t answers = aksu_output(w->stack[SERVER], w->now_us, &frame, 1);
        bool told = cases[i].code != 0;
        if (answers != (cases[i].drop == AKSU_DROP_NONE || told)) fail_msg("case %zu: %zu answers", i, answers);
        const uint8_t *message = answers > 0 && told ? frame.iov[1].base : NULL;
        if (told && (message[0] != 4 || message[1] != cases[i].code - 1 || ak_be32(message + 4) != cases[i].pointer))
            fail_msg("case %zu: type %u code %u pointer %u", i, message[0], message[1], ak_be32(message + 4));
        if (cases[i].drop != AKSU_DROP_NONE && drops(w, cases[i].drop) != 1) fail_msg("case %zu: another drop", i);
        world_close(w);
    }
}

/* What no sound packet has: each is a drop with its reason, and nothing else. */
static void bad_packets_are_dropped_with_their_reason(void **state) {
    (void)state;
    struct tcp_world *w = open_world(world_config());
    (void)world_listen(w, 4, 0);
    struct ak_tcp_header header = {.src_port = 1234, .dst_port = 80, .seq = {1}, .flags = AKSU_TCP_SYN, .wnd = 1000};
    uint8_t segment[60];
    uint32_t bytes = ak_wire_tcp_build(segment, &header, AK_OPTION_ORDER_LINUX);
    seal(segment, bytes, AK_IP_PROTOCOL_TCP, 16);
    const aksu_addr any = {{0}}, loopback = {{[15] = 1}}, multicast = {{[0] = 0xff, [1] = 2, [15] = 1}};
    put6(w, AK_IP_PROTOCOL_TCP, segment, bytes, any);
    put6(w, AK_IP_PROTOCOL_TCP, segment, bytes, loopback);
    put6(w, AK_IP_PROTOCOL_TCP, segment, bytes, multicast);
    assert_int_equal(drops(w, AKSU_DROP_IP_MARTIAN_SOURCE), 3);
    /* ::ffff:192.0.2.1 is IPv4's, and never comes in an IPv6 header (RFC 4942 s2.2). */
    uint8_t packet[100];
    struct ak_ip ip = {.src = six(1), .dst = six(2), .protocol = AK_IP_PROTOCOL_TCP, .ttl = 64};
    uint32_t at = ak_wire_ip_build(packet, &ip, bytes);
    memcpy(packet + at, segment, bytes);
    aksu_addr mapped = aksu_addr_v4(192, 0, 2, 1);
    memcpy(packet + 8, mapped.byte, 16);
    aksu_iov iov = {.base = packet, .bytes = at + bytes};
    aksu_frame frame = {.total_bytes = at + bytes, .iov_count = 1, .iov = &iov};
    aksu_input(w->stack[SERVER], w->now_us, &frame, 1);
    assert_int_equal(drops(w, AKSU_DROP_IP_MARTIAN_SOURCE), 4);
    segment[4] ^= 1;
    put6(w, AK_IP_PROTOCOL_TCP, segment, bytes, six(1));
    assert_int_equal(drops(w, AKSU_DROP_TCP_CHECKSUM), 1);
    /* Cut at every byte. */
    memcpy(packet + 8, six(1).byte, 16);
    for (uint32_t n = 1; n < at + bytes; n++) {
        uint8_t *exact = malloc(n);
        assert_non_null(exact);
        memcpy(exact, packet, n);
        iov = (aksu_iov){.base = exact, .bytes = n};
        frame.total_bytes = n;
        aksu_input(w->stack[SERVER], w->now_us, &frame, 1);
        free(exact);
    }
    aksu_frame out;
    assert_int_equal(aksu_output(w->stack[SERVER], w->now_us, &out, 1), 0);
    assert_int_equal(drops(w, AKSU_DROP_IP_TRUNCATED) + drops(w, AKSU_DROP_IP_TOTAL_LENGTH), at + bytes - 1);
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_over_ipv6_opens_carries_and_closes),
        cmocka_unit_test(nobody_listens_refuses),
        cmocka_unit_test(cookies_work_over_ipv6),
        cmocka_unit_test(flow_label_belongs_to_the_connection),
        cmocka_unit_test(flow_label_stays_from_first_to_last),
        cmocka_unit_test(echo_request_is_answered),
        cmocka_unit_test(packet_too_big_makes_segments_smaller),
        cmocka_unit_test(extension_headers_are_passed_over_within_limits),
        cmocka_unit_test(bad_packets_are_dropped_with_their_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
