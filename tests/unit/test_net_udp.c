/* UDP between two stacks, and against hand-made packets: who gets what, what is refused and why, what is sent. */
#include "tcp_world.h"

#include "base/bytes.h"
#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/udp.h"

static aksu_sock bind_to(struct tcp_world *w, int side, const aksu_udp_open *wanted) {
    aksu_udp_open open = *wanted;
    open.struct_bytes = sizeof open;
    aksu_sock sock;
    assert_int_equal(aksu_udp_bind(w->stack[side], &open, &sock), AKSU_OK);
    return sock;
}

static aksu_sock server(struct tcp_world *w, uint16_t port) {
    return bind_to(w, SERVER, &(aksu_udp_open){.local.port = port, .user = port});
}

static aksu_sock client(struct tcp_world *w, uint16_t port) {
    return bind_to(w, CLIENT, &(aksu_udp_open){.remote = {.addr = world_addr(SERVER), .port = port}});
}

static void send_text(struct tcp_world *w, int side, aksu_sock sock, const aksu_endpoint *to, const char *text) {
    assert_int_equal(aksu_udp_send(w->stack[side], sock, to, text, strlen(text)), AKSU_OK);
}

/* The next datagram's text; "-" if there is none. */
static const char *next_text(struct tcp_world *w, int side, aksu_sock sock, aksu_udp_from *ret_from) {
    static char text[64];
    size_t bytes;
    if (aksu_udp_recv(w->stack[side], sock, text, sizeof text - 1, &bytes, ret_from) != AKSU_OK) return "-";
    assert_true(bytes < sizeof text);
    text[bytes] = '\0';
    return text;
}

static uint64_t drops(const struct tcp_world *w, aksu_drop why) {
    aksu_counters counters;
    aksu_counters_get(w->stack[SERVER], &counters);
    return counters.drop[why];
}

static struct tcp_world *open_world(void) {
    aksu_config config = world_config();
    return world_open(&config);
}

static void datagrams_go_and_come_back(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock there = server(w, 7), here = client(w, 7);
    send_text(w, CLIENT, here, NULL, "one");
    send_text(w, CLIENT, here, NULL, "");
    send_text(w, CLIENT, here, NULL, "three");
    world_run(w, 1000);
    aksu_event event;
    assert_true(aksu_next_event(w->stack[SERVER], &event));
    assert_int_equal(event.bits, AKSU_EV_READABLE);
    assert_int_equal(event.user, 7);
    assert_false(aksu_next_event(w->stack[SERVER], &event));
    aksu_udp_from from;
    assert_string_equal(next_text(w, SERVER, there, &from), "one");
    aksu_addr wanted = world_addr(CLIENT), ours = world_addr(SERVER);
    aksu_endpoint local, remote;
    assert_int_equal(aksu_udp_ends(w->stack[CLIENT], here, &local, &remote), AKSU_OK);
    assert_true(aksu_addr_equal(&from.remote.addr, &wanted) && from.remote.port == local.port);
    assert_true(aksu_addr_equal(&from.local, &ours) && from.ttl == 64);
    assert_true(local.port >= 32768 && aksu_addr_equal(&local.addr, &wanted));
    uint32_t bits;
    assert_int_equal(aksu_poll(w->stack[SERVER], there, &bits), AKSU_OK);
    assert_int_equal(bits, AKSU_EV_READABLE);
    assert_string_equal(next_text(w, SERVER, there, NULL), "");
    assert_string_equal(next_text(w, SERVER, there, NULL), "three");
    assert_string_equal(next_text(w, SERVER, there, NULL), "-");
    send_text(w, SERVER, there, &from.remote, "back");
    world_run(w, 1000);
    assert_string_equal(next_text(w, CLIENT, here, NULL), "back");
    /* Told again only after it was seen empty. */
    send_text(w, CLIENT, here, NULL, "again");
    world_run(w, 1000);
    assert_true(aksu_next_event(w->stack[SERVER], &event));
    /* A piece of it, and its whole length. */
    char two[2];
    size_t bytes;
    assert_int_equal(aksu_udp_recv(w->stack[SERVER], there, two, 2, &bytes, NULL), AKSU_OK);
    assert_int_equal(bytes, 5);
    assert_memory_equal(two, "ag", 2);
    assert_int_equal(aksu_udp_close(w->stack[SERVER], there), AKSU_OK);
    assert_int_equal(aksu_udp_close(w->stack[SERVER], there), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_udp_recv(w->stack[SERVER], there, two, 2, &bytes, NULL), AKSU_ERR_BADSOCK);
    aksu_counters counters;
    aksu_counters_get(w->stack[SERVER], &counters);
    assert_int_equal(counters.udp_used + counters.datagram_used + counters.block_used, 0);
    world_close(w);
}

/* The most particular socket gets it: this peer, this address, this port. */
static void most_particular_socket_is_served(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock here = bind_to(w, CLIENT, &(aksu_udp_open){.local.port = 1000});
    aksu_endpoint to = {.addr = world_addr(SERVER), .port = 53};
    aksu_sock any = server(w, 53);
    aksu_sock bound = bind_to(w, SERVER, &(aksu_udp_open){.local = {.addr = world_addr(SERVER), .port = 53}});
    aksu_endpoint peer = {.addr = world_addr(CLIENT), .port = 1000}, other = {.addr = world_addr(CLIENT), .port = 1001};
    aksu_sock with_peer = bind_to(w, SERVER, &(aksu_udp_open){.local.port = 53, .remote = peer});
    aksu_sock with_other = bind_to(w, SERVER, &(aksu_udp_open){.local.port = 53, .remote = other});
    const aksu_sock order[] = {with_peer, bound, any};
    for (size_t i = 0; i < 3; i++) {
        send_text(w, CLIENT, here, &to, "x");
        world_run(w, 1000);
        assert_string_equal(next_text(w, SERVER, with_other, NULL), "-");
        for (size_t k = 0; k < 3; k++)
            if (k >= i) assert_string_equal(next_text(w, SERVER, order[k], NULL), k == i ? "x" : "-");
        assert_int_equal(aksu_udp_close(w->stack[SERVER], order[i]), AKSU_OK);
    }
    world_close(w);
}

/* RFC 1122 s4.1.3.1, s4.1.3.3: nobody there: an ICMP error, which the socket that asked is told. */
static void nobody_there_is_told(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock here = client(w, 9);
    send_text(w, CLIENT, here, NULL, "anybody?");
    world_run(w, 1000);
    assert_int_equal(drops(w, AKSU_DROP_UDP_NO_SOCKET), 1);
    aksu_event event;
    assert_true(aksu_next_event(w->stack[CLIENT], &event));
    assert_int_equal(event.bits, AKSU_EV_SOFT_ERROR);
    assert_int_equal(event.reason, AKSU_REASON_PORT_UNREACHABLE);
    assert_false(aksu_next_event(w->stack[CLIENT], &event));
    world_close(w);
}

/* Errors are limited in their number, and never answer a broadcast.  attack: 74 */
static void unreachable_is_limited(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.rst_per_second = 10;
    struct tcp_world *w = world_open(&config);
    aksu_sock here = client(w, 9);
    for (int i = 0; i < 60; i++) {
        send_text(w, CLIENT, here, NULL, "anybody?");
        world_run(w, 100);
    }
    assert_in_range(drops(w, AKSU_DROP_REPLY_RATE), 30, 55);
    world_close(w);
}

/* ---------------------------------------------------------------- hand-made packets */

struct made {
    aksu_addr src, dst;
    uint16_t src_port, dst_port, length; /* 0: right */
    uint32_t data_bytes, trailing;
    bool no_checksum, wrong_checksum;
    uint16_t segment_bytes;
    uint16_t link;
};

static void put(struct tcp_world *w, const struct made *m) {
    uint8_t p[4096];
    uint32_t bytes = AK_UDP_HEADER_BYTES + m->data_bytes;
    struct ak_ip ip = {.src = m->src, .dst = m->dst, .protocol = AK_IP_PROTOCOL_UDP, .ttl = 9, .tos = 3};
    uint32_t at = ak_wire_ip_build(p, &ip, bytes + m->trailing);
    struct ak_udp_header header = {
        .src_port = m->src_port, .dst_port = m->dst_port, .bytes = m->length != 0 ? m->length : (uint16_t)bytes};
    ak_wire_udp_build(p + at, &header);
    for (uint32_t i = 0; i < m->data_bytes + m->trailing; i++) p[at + 8 + i] = (uint8_t)('a' + i % 26);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &m->src, &m->dst, AK_IP_PROTOCOL_UDP, bytes);
    ak_sum_add(&sum, p + at, bytes);
    if (!m->no_checksum) ak_put16(p + at + 6, (uint16_t)(~ak_sum_fold(&sum) ^ m->wrong_checksum));
    uint8_t *exact = malloc(at + bytes + m->trailing);
    assert_non_null(exact);
    memcpy(exact, p, at + bytes + m->trailing);
    aksu_iov iov = {.base = exact, .bytes = at + bytes + m->trailing};
    aksu_frame frame = {
        .total_bytes = (uint32_t)iov.bytes, .iov_count = 1, .iov = &iov, .segment_bytes = m->segment_bytes};
    frame.link = m->link;
    if (m->segment_bytes != 0) frame.checksum = AKSU_CHECKSUM_PARTIAL;
    aksu_input(w->stack[SERVER], w->now_us, &frame, 1);
    free(exact);
}

static struct made plain(uint32_t data_bytes) {
    return (struct made){
        .src = world_addr(CLIENT), .dst = world_addr(SERVER), .src_port = 5, .dst_port = 7, .data_bytes = data_bytes};
}

/* attack: 96 */
static void bad_datagrams_are_dropped_with_their_reason(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock there = server(w, 7);
    const aksu_addr six[2] = {{{0x20, 1, 0x0d, 0xb8, [15] = 1}}, {{0x20, 1, 0x0d, 0xb8, [15] = 2}}};
    assert_int_equal(aksu_addr_add(w->stack[SERVER], 0, &six[1], 64), AKSU_OK);
    struct {
        const char *what;
        struct made made;
        aksu_drop drop; /* NONE: it comes */
    } cases[] = {
        {"plain", plain(4), AKSU_DROP_NONE},
        {"without checksum", plain(4), AKSU_DROP_NONE},
        {"trailing bytes", plain(4), AKSU_DROP_NONE},
        {"wrong checksum", plain(4), AKSU_DROP_UDP_CHECKSUM},
        {"length 7", plain(4), AKSU_DROP_UDP_LENGTH},
        {"length past the packet", plain(4), AKSU_DROP_UDP_LENGTH},
        {"length within it, checksum of all", plain(4), AKSU_DROP_UDP_CHECKSUM},
        {"port 0", plain(4), AKSU_DROP_UDP_PORT_ZERO},
        {"over IPv6", plain(4), AKSU_DROP_NONE},
        {"over IPv6 without checksum", plain(4), AKSU_DROP_UDP_CHECKSUM},
        {"from a broadcast address", plain(4), AKSU_DROP_IP_MARTIAN_SOURCE},
        {"to a broadcast address", plain(4), AKSU_DROP_IP_BROADCAST},
    };
    cases[1].made.no_checksum = true;
    cases[2].made.trailing = 9;
    cases[3].made.wrong_checksum = true;
    cases[4].made.length = 7;
    cases[5].made.length = 13;
    cases[6].made.length = 10;
    cases[7].made.dst_port = 0;
    for (int i = 8; i < 10; i++) cases[i].made.src = six[0], cases[i].made.dst = six[1];
    cases[9].made.no_checksum = true;
    cases[10].made.src = aksu_addr_v4(192, 0, 2, 255);
    cases[11].made.dst = aksu_addr_v4(255, 255, 255, 255);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before = drops(w, cases[i].drop);
        put(w, &cases[i].made);
        const char *came = next_text(w, SERVER, there, NULL), *wanted = cases[i].drop == AKSU_DROP_NONE ? "abcd" : "-";
        if (strcmp(came, wanted) != 0) fail_msg("%s: %s came", cases[i].what, came);
        if (cases[i].drop != AKSU_DROP_NONE && drops(w, cases[i].drop) != before + 1) fail_msg("%s", cases[i].what);
    }
    world_close(w);
}

/* Each piece of a super-datagram is a datagram. */
static void super_datagrams_are_taken_apart(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_sock there = server(w, 7);
    struct made made = plain(10);
    made.segment_bytes = 4;
    put(w, &made);
    assert_string_equal(next_text(w, SERVER, there, NULL), "abcd");
    assert_string_equal(next_text(w, SERVER, there, NULL), "efgh");
    assert_string_equal(next_text(w, SERVER, there, NULL), "ij");
    assert_string_equal(next_text(w, SERVER, there, NULL), "-");
    world_close(w);
}

/* A socket holds what it may, the stack what it has; what does not fit is counted, and all is given back. */
static void queues_are_bounded(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.block_bytes = 64;
    config.block_max = 256;
    struct tcp_world *w = world_open(&config);
    aksu_sock there = bind_to(w, SERVER, &(aksu_udp_open){.local.port = 7, .rcv_buf_bytes = 1000});
    aksu_sock greedy = bind_to(w, SERVER, &(aksu_udp_open){.local.port = 8, .rcv_buf_bytes = 1 << 20});
    struct made made = plain(60);
    for (int i = 0; i < 40; i++) put(w, &made);
    assert_int_equal(drops(w, AKSU_DROP_UDP_QUEUE_FULL), 40 - 16); /* of 64 bytes each: the last may go beyond */
    made = plain(900);                                             /* 15 blocks, and one that lists them */
    made.dst_port = 8;
    for (int i = 0; i < 40; i++) put(w, &made);
    aksu_counters counters;
    aksu_counters_get(w->stack[SERVER], &counters);
    assert_int_equal(counters.block_used, 16 + 13 * 16); /* an eighth stays free */
    char text[900];
    size_t bytes;
    for (int i = 0; i < 13; i++) {
        assert_int_equal(aksu_udp_recv(w->stack[SERVER], greedy, text, sizeof text, &bytes, NULL), AKSU_OK);
        assert_int_equal(bytes, 900);
        for (uint32_t k = 0; k < 900; k++) assert_int_equal(text[k], 'a' + k % 26);
    }
    made = plain(1025); /* more than a block can list */
    made.dst_port = 8;
    uint64_t before = drops(w, AKSU_DROP_UDP_QUEUE_FULL);
    put(w, &made);
    assert_int_equal(drops(w, AKSU_DROP_UDP_QUEUE_FULL), before + 1);
    assert_int_equal(aksu_udp_close(w->stack[SERVER], there), AKSU_OK);
    aksu_counters_get(w->stack[SERVER], &counters);
    assert_int_equal(counters.block_used + counters.datagram_used, 0);
    world_close(w);
}

/* A port on each link, as DHCP clients of two links have it; a socket of another link hides nobody. */
static void each_link_has_its_ports(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.link_max = 3;
    struct tcp_world *w = world_open(&config);
    aksu_link_config link = {.struct_bytes = sizeof link, .mtu = 1500};
    uint16_t second, third;
    assert_int_equal(aksu_link_add(w->stack[SERVER], &link, &second), AKSU_OK);
    assert_int_equal(aksu_link_add(w->stack[SERVER], &link, &third), AKSU_OK);
    aksu_udp_open open = {.struct_bytes = sizeof open, .local.port = 7, .flags = AKSU_UDP_ONE_LINK};
    aksu_sock one, two, any, none;
    assert_int_equal(aksu_udp_bind(w->stack[SERVER], &open, &one), AKSU_OK);
    open.local.link = second;
    assert_int_equal(aksu_udp_bind(w->stack[SERVER], &open, &two), AKSU_OK);
    assert_int_equal(aksu_udp_bind(w->stack[SERVER], &open, &none), AKSU_ERR_ADDR_IN_USE);
    any = server(w, 7);
    open.flags = 0;
    assert_int_equal(aksu_udp_bind(w->stack[SERVER], &open, &none), AKSU_ERR_ADDR_IN_USE);
    for (uint16_t i = 0; i < 3; i++) {
        struct made made = plain(3u + i);
        made.link = i;
        put(w, &made);
    }
    assert_string_equal(next_text(w, SERVER, one, NULL), "abc");
    assert_string_equal(next_text(w, SERVER, two, NULL), "abcd");
    assert_string_equal(next_text(w, SERVER, any, NULL), "abcde");
    const aksu_sock all[] = {one, two, any};
    for (size_t i = 0; i < 3; i++) assert_string_equal(next_text(w, SERVER, all[i], NULL), "-");
    world_close(w);
}

/* Ports of sockets that name none, one after the other: in their range, and nothing in one tells of the next (RFC 6056
 * s3.3.1); another stack's are others.  attack: 48 */
static void ports_drawn_tell_nothing_of_each_other(void **state) {
    (void)state;
    enum { COUNT = 1024 };
    struct tcp_world *w = open_world();
    aksu_config config = world_config();
    uint32_t upper[2] = {0, 0}, next = 0, same = 0, repeated = 0;
    uint16_t port[2][COUNT];
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            aksu_sock sock = bind_to(w, side, &(aksu_udp_open){.local.port = 0});
            aksu_endpoint local, remote;
            assert_int_equal(aksu_udp_ends(w->stack[side], sock, &local, &remote), AKSU_OK);
            assert_in_range(local.port, config.port_first, config.port_last);
            assert_int_equal(aksu_udp_close(w->stack[side], sock), AKSU_OK);
            port[side][i] = local.port;
            upper[side] += local.port > (config.port_first + config.port_last) / 2;
            if (i > 0) next += (uint16_t)(local.port - port[side][i - 1]) <= 16;
            if (i > 0) repeated += local.port == port[side][i - 1];
            if (side == 1) same += local.port == port[0][i];
        }
        assert_in_range(upper[side], COUNT / 2 - 80, COUNT / 2 + 80); /* five standard deviations */
    }
    assert_true(next <= 16 && same <= 8 && repeated <= 8);
    world_close(w);
}

/* Empty datagrams hold memory too: a flood of them to one socket takes nothing from the others.  attack: 71 */
static void empty_datagrams_take_their_share_only(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.datagram_max = 64;
    struct tcp_world *w = world_open(&config);
    aksu_sock there = bind_to(w, SERVER, &(aksu_udp_open){.local.port = 7, .rcv_buf_bytes = 4 * config.block_bytes});
    aksu_sock other = server(w, 8);
    struct made made = plain(0);
    for (int i = 0; i < 200; i++) put(w, &made);
    assert_int_equal(drops(w, AKSU_DROP_UDP_QUEUE_FULL), 200 - 4);
    made = plain(3);
    made.dst_port = 8;
    put(w, &made);
    assert_string_equal(next_text(w, SERVER, other, NULL), "abc");
    for (int i = 0; i < 4; i++) assert_string_equal(next_text(w, SERVER, there, NULL), "");
    assert_string_equal(next_text(w, SERVER, there, NULL), "-");
    put(w, &made);
    world_close(w);
}

/* ---------------------------------------------------------------- sending */

/* What does not fit goes in fragments that make up the datagram again: each but the last a multiple of eight. */
static void large_datagrams_go_in_fragments(void **state) {
    (void)state;
    static uint8_t data[5000], whole[5008];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7);
    const aksu_addr six[2] = {{{0x20, 1, 0x0d, 0xb8, [15] = 1}}, {{0x20, 1, 0x0d, 0xb8, [15] = 2}}};
    for (int v6 = 0; v6 < 2; v6++) {
        struct tcp_world *w = open_world();
        assert_int_equal(aksu_addr_add(w->stack[CLIENT], 0, &six[0], 64), AKSU_OK);
        aksu_sock here = bind_to(w, CLIENT, &(aksu_udp_open){.local.port = 1});
        aksu_endpoint to = {.addr = v6 ? six[1] : world_addr(SERVER), .port = 2};
        assert_int_equal(aksu_udp_send(w->stack[CLIENT], here, &to, data, sizeof data), AKSU_OK);
        uint32_t at = 0, id = 0;
        bool more = true;
        memset(whole, 0, sizeof whole);
        for (uint32_t n = 0; more; n++) {
            aksu_frame frame;
            assert_int_equal(aksu_output(w->stack[CLIENT], w->now_us, &frame, 1), 1);
            assert_true(frame.total_bytes <= 1500);
            const uint8_t *p = frame.iov[0].base;
            uint16_t field = v6 ? ak_be16(p + 42) : ak_be16(p + 6);
            uint32_t offset = v6 ? field & 0xfff8u : (field & 0x1fffu) * 8,
                     this_id = v6 ? ak_be32(p + 44) : ak_be16(p + 4);
            if (v6) assert_true(p[6] == 44 && p[40] == AK_IP_PROTOCOL_UDP);
            more = (field & (v6 ? 1 : 0x2000)) != 0;
            assert_int_equal(offset, at);
            if (n > 0) assert_int_equal(this_id, id);
            id = this_id;
            for (uint32_t i = 1; i < frame.iov_count; i++) {
                memcpy(whole + at, frame.iov[i].base, frame.iov[i].bytes);
                at += (uint32_t)frame.iov[i].bytes;
            }
            if (more) assert_int_equal(at % 8, 0);
        }
        assert_int_equal(at, sizeof whole);
        assert_memory_equal(whole + 8, data, sizeof data);
        struct ak_sum sum = {0};
        aksu_addr src = v6 ? six[0] : world_addr(CLIENT);
        ak_sum_pseudo(&sum, &src, &to.addr, AK_IP_PROTOCOL_UDP, sizeof whole);
        ak_sum_add(&sum, whole, sizeof whole);
        assert_int_equal(ak_sum_fold(&sum), 0xffff);
        world_close(w);
    }
}

/* All of a datagram or nothing: a ring of four takes no datagram of five fragments. */
static void no_room_is_again(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.reply_max = 4;
    struct tcp_world *w = world_open(&config);
    aksu_sock here = client(w, 7), there = server(w, 7);
    static const uint8_t data[6000];
    assert_int_equal(aksu_udp_send(w->stack[CLIENT], here, NULL, data, 6000), AKSU_ERR_NO_MEMORY); /* 5 packets */
    for (int i = 0; i < 4; i++) send_text(w, CLIENT, here, NULL, "x");
    assert_int_equal(aksu_udp_send(w->stack[CLIENT], here, NULL, "y", 1), AKSU_ERR_AGAIN);
    assert_int_equal(aksu_udp_send(w->stack[CLIENT], here, NULL, data, 5000), AKSU_ERR_AGAIN);
    world_run(w, 1000);
    send_text(w, CLIENT, here, NULL, "y");
    world_run(w, 1000);
    for (int i = 0; i < 4; i++) assert_string_equal(next_text(w, SERVER, there, NULL), "x");
    assert_string_equal(next_text(w, SERVER, there, NULL), "y");
    world_close(w);
}

/* RFC 2131's way: from nobody to everybody, on a link without an address. */
static void broadcasts_need_their_flag(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_addr own = world_addr(CLIENT);
    assert_int_equal(aksu_addr_remove(w->stack[CLIENT], &own), AKSU_OK);
    aksu_endpoint all = {.addr = aksu_addr_v4(255, 255, 255, 255), .port = 67, .link = AKSU_LINK_ANY};
    aksu_sock shy = bind_to(w, CLIENT, &(aksu_udp_open){.local.port = 67});
    assert_int_equal(aksu_udp_send(w->stack[CLIENT], shy, &all, "x", 1), AKSU_ERR_INVALID);
    aksu_sock here =
        bind_to(w, CLIENT, &(aksu_udp_open){.local.port = 68, .flags = AKSU_UDP_BROADCAST | AKSU_UDP_ONE_LINK});
    send_text(w, CLIENT, here, &all, "x");
    aksu_frame frame;
    assert_int_equal(aksu_output(w->stack[CLIENT], w->now_us, &frame, 1), 1);
    static const uint8_t ends[8] = {0, 0, 0, 0, 255, 255, 255, 255};
    assert_memory_equal((const uint8_t *)frame.iov[0].base + 12, ends, 8);
    /* And back: only to who asked for it. */
    aksu_sock listens = bind_to(w, SERVER, &(aksu_udp_open){.local.port = 7, .flags = AKSU_UDP_BROADCAST});
    struct made made = plain(4);
    made.dst = all.addr;
    put(w, &made);
    assert_string_equal(next_text(w, SERVER, listens, NULL), "abcd");
    made.dst = aksu_addr_v4(192, 0, 2, 255);
    put(w, &made);
    assert_string_equal(next_text(w, SERVER, listens, NULL), "abcd");
    made.dst_port = 8; /* nobody: no ICMP answers a broadcast */
    put(w, &made);
    assert_int_equal(aksu_output(w->stack[SERVER], w->now_us, &frame, 1), 0);
    world_close(w);
}

/* A group is on the link that the endpoint names, else the socket's, and the source is of there, whatever routes say.
 */
static void groups_are_on_the_link_that_is_named(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.link_max = 2;
    struct tcp_world *w = world_open(&config);
    aksu_stack *s = w->stack[SERVER];
    aksu_link_config link = {.struct_bytes = sizeof link, .mtu = 1500};
    uint16_t second;
    assert_int_equal(aksu_link_add(s, &link, &second), AKSU_OK);
    const aksu_addr six[2] = {{{0x20, 1, 0x0d, 0xb8, [15] = 1}}, {{0x20, 1, 0x0d, 0xb8, 1, [15] = 1}}};
    const aksu_addr four[2] = {world_addr(SERVER), aksu_addr_v4(10, 0, 0, 1)};
    assert_int_equal(aksu_addr_add(s, second, &four[1], 24), AKSU_OK);
    for (uint16_t i = 0; i < 2; i++) assert_int_equal(aksu_addr_add(s, i, &six[i], 64), AKSU_OK);
    const aksu_route all6 = {.prefix = {{0}}, .link = second};
    const aksu_route all4 = {.prefix = aksu_addr_v4(0, 0, 0, 0), .link = second};
    assert_int_equal(aksu_route_add(s, &all6), AKSU_OK);
    assert_int_equal(aksu_route_add(s, &all4), AKSU_OK);
    const aksu_addr groups[] = {
        {{0xff, 2, [15] = 0xfb}}, {{0xff, 5, [15] = 2}}, {{0xff, 0x0e, [15] = 9}}, aksu_addr_v4(224, 0, 0, 251)};
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        bool v4 = aksu_addr_is_v4(&groups[g]);
        for (uint16_t i = 0; i < 6; i++) { /* named by the endpoint; by the socket; by nobody, hence by the route */
            uint16_t named = i & 1, wanted = i < 4 ? named : second;
            uint32_t flags = AKSU_UDP_BROADCAST | (i / 2 == 1 ? (uint32_t)AKSU_UDP_ONE_LINK : 0);
            aksu_sock sock = bind_to(w, SERVER, &(aksu_udp_open){.local = {.port = 9, .link = named}, .flags = flags});
            aksu_endpoint to = {.addr = groups[g], .port = 9, .link = i < 2 ? named : AKSU_LINK_ANY};
            send_text(w, SERVER, sock, &to, "x");
            aksu_frame frame;
            assert_int_equal(aksu_output(s, w->now_us, &frame, 1), 1);
            if (frame.link != wanted) fail_msg("group %zu, way %u: link %u", g, i, frame.link);
            const uint8_t *header = frame.iov[0].base;
            if (v4)
                assert_memory_equal(header + 12, four[wanted].byte + 12, 4);
            else
                assert_memory_equal(header + 8, six[wanted].byte, 16);
            to.link = 7;
            assert_int_equal(aksu_udp_send(s, sock, &to, "x", 1), AKSU_ERR_NO_ROUTE);
            assert_int_equal(aksu_udp_close(s, sock), AKSU_OK);
        }
    }
    world_close(w);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.udp_max = 3;
    config.port_first = 40000;
    config.port_last = 40001;
    struct tcp_world *w = world_open(&config);
    aksu_stack *s = w->stack[CLIENT];
    const aksu_endpoint somebody = {.addr = world_addr(SERVER), .port = 7},
                        stranger = {.addr = aksu_addr_v4(10, 1, 1, 1), .port = 7};
    const struct {
        aksu_udp_open open;
        aksu_err err;
    } opens[] = {
        {{.struct_bytes = 1}, AKSU_ERR_INVALID},
        {{.flags = 8}, AKSU_ERR_INVALID},
        {{.dscp = 64}, AKSU_ERR_INVALID},
        {{.rcv_buf_bytes = UINT32_MAX}, AKSU_ERR_INVALID},
        {{.remote.port = 7}, AKSU_ERR_INVALID},
        {{.remote.addr = world_addr(SERVER)}, AKSU_ERR_INVALID},
        {{.remote = {.addr = aksu_addr_v4(192, 0, 2, 255), .port = 7}}, AKSU_ERR_INVALID},
        {{.local.addr = aksu_addr_v4(10, 1, 1, 1)}, AKSU_ERR_ADDR_NOT_AVAILABLE},
        {{.remote = stranger}, AKSU_ERR_NO_ROUTE},
    };
    aksu_sock sock;
    for (size_t i = 0; i < sizeof opens / sizeof opens[0]; i++) {
        aksu_udp_open open = opens[i].open;
        if (open.struct_bytes == 0) open.struct_bytes = sizeof open;
        if (aksu_udp_bind(s, &open, &sock) != opens[i].err) fail_msg("open %zu", i);
    }
    aksu_sock a = bind_to(w, CLIENT, &(aksu_udp_open){.user = 1});
    (void)bind_to(w, CLIENT, &(aksu_udp_open){.user = 2});
    aksu_udp_open open = {.struct_bytes = sizeof open};
    assert_int_equal(aksu_udp_bind(s, &open, &sock), AKSU_ERR_ADDR_IN_USE); /* both ports are taken */
    aksu_endpoint local, remote;
    assert_int_equal(aksu_udp_ends(s, a, &local, &remote), AKSU_OK);
    open.local.port = local.port;
    assert_int_equal(aksu_udp_bind(s, &open, &sock), AKSU_ERR_ADDR_IN_USE);
    aksu_sock b = bind_to(w, CLIENT, &(aksu_udp_open){.local.port = 1, .remote = somebody});
    open.local.port = 2;
    assert_int_equal(aksu_udp_bind(s, &open, &sock), AKSU_ERR_NO_MEMORY);
    static const uint8_t data[65536];
    const aksu_endpoint no_port = {.addr = world_addr(SERVER)}, no_addr = {.port = 7};
    assert_int_equal(aksu_udp_send(s, a, NULL, "x", 1), AKSU_ERR_NOT_CONNECTED);
    assert_int_equal(aksu_udp_send(s, b, &somebody, "x", 1), AKSU_ERR_EXISTS);
    assert_int_equal(aksu_udp_send(s, a, &no_port, "x", 1), AKSU_ERR_INVALID);
    assert_int_equal(aksu_udp_send(s, a, &no_addr, "x", 1), AKSU_ERR_INVALID);
    assert_int_equal(aksu_udp_send(s, a, &somebody, data, 65508), AKSU_ERR_INVALID);
    assert_int_equal(aksu_udp_send(s, a, &somebody, data, 65507), AKSU_OK);
    assert_int_equal(aksu_udp_send(s, a, &stranger, "x", 1), AKSU_ERR_NO_ROUTE);
    /* Handles of one kind are none of the other. */
    uint8_t buf[4];
    size_t bytes;
    assert_int_equal(aksu_tcp_send(s, a, "x", 1, 0, &bytes), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_tcp_close(s, a), AKSU_ERR_BADSOCK);
    aksu_sock listener = world_listen_on(w, CLIENT, 80, 1, 0);
    assert_int_equal(aksu_udp_recv(s, listener, buf, sizeof buf, &bytes, NULL), AKSU_ERR_BADSOCK);
    assert_int_equal(aksu_udp_close(s, listener), AKSU_ERR_BADSOCK);
    world_close(w);
}

/* One frame for many, where the link cuts it; one by one where it does not, or where each needs fragments. */
static void many_leave_as_super_segments(void **state) {
    (void)state;
    struct tcp_world *w = open_world();
    aksu_stack *s = w->stack[CLIENT];
    uint16_t link;
    aksu_link_config config = {.struct_bytes = sizeof config,
                               .mtu = 1500,
                               .flags = AKSU_LINK_TX_CHECKSUM | AKSU_LINK_USO,
                               .tso_max_bytes = 65535};
    assert_int_equal(aksu_link_add(s, &config, &link), AKSU_OK);
    const aksu_addr ours = aksu_addr_v4(10, 7, 0, 1);
    assert_int_equal(aksu_addr_add(s, link, &ours, 24), AKSU_OK);
    const aksu_endpoint there = {.addr = aksu_addr_v4(10, 7, 0, 2), .port = 7},
                        plainly = {.addr = world_addr(SERVER), .port = 7};
    aksu_sock sock = bind_to(w, CLIENT, &(aksu_udp_open){.local.port = 5});
    static uint8_t data[5500];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i / 1000);
    const struct {
        const aksu_endpoint *to;
        size_t bytes, each;
        uint32_t frames, segment_bytes, total_bytes;
    } cases[] = {
        {&there, 5500, 1000, 1, 1000, 28 + 5500}, {&there, 1000, 1000, 1, 0, 28 + 1000},
        {&there, 500, 1000, 1, 0, 28 + 500},      {&there, 5500, 1472, 1, 1472, 28 + 5500},
        {&there, 4000, 2000, 4, 0, 1500},         {&plainly, 5500, 1000, 6, 0, 28 + 1000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t sent = 0;
        aksu_frame frames[16];
        assert_int_equal(aksu_udp_send_many(s, sock, cases[i].to, data, cases[i].bytes, cases[i].each, &sent), AKSU_OK);
        assert_int_equal(sent, cases[i].bytes);
        size_t count = aksu_output(s, w->now_us, frames, 16);
        const aksu_frame *f = &frames[0];
        if (count != cases[i].frames || f->segment_bytes != cases[i].segment_bytes ||
            f->total_bytes != cases[i].total_bytes)
            fail_msg("case %zu: %zu frames, %u, %u", i, count, f->segment_bytes, f->total_bytes);
        if (f->segment_bytes == 0) continue;
        assert_int_equal(f->flags, AKSU_FRAME_V4 | AKSU_FRAME_UDP);
        assert_true(f->checksum == AKSU_CHECKSUM_PARTIAL && f->checksum_start == 20 && f->checksum_offset == 6);
        assert_int_equal(f->header_bytes, 28);
        struct ak_sum sum = {0};
        ak_sum_pseudo(&sum, &ours, &there.addr, AK_IP_PROTOCOL_UDP, f->total_bytes - 20);
        const uint8_t *udp = f->iov[1].base;
        assert_int_equal(ak_be16(udp + 6), ak_sum_fold(&sum));
        assert_int_equal(ak_be16(udp + 4), f->total_bytes - 20);
    }
    aksu_counters counters;
    aksu_counters_get(s, &counters);
    assert_int_equal(counters.udp_datagrams_out, 6 + 1 + 1 + 4 + 2 + 6);
    /* To ourselves: taken apart again. */
    const aksu_endpoint self = {.addr = ours, .port = 8};
    aksu_sock own = bind_to(w, CLIENT, &(aksu_udp_open){.local.port = 8});
    size_t sent, bytes;
    assert_int_equal(aksu_udp_send_many(s, sock, &self, data, 5500, 1000, &sent), AKSU_OK);
    aksu_frame none;
    assert_int_equal(aksu_output(s, w->now_us, &none, 1), 0);
    for (int i = 0; i < 6; i++) {
        uint8_t got[1000];
        assert_int_equal(aksu_udp_recv(s, own, got, sizeof got, &bytes, NULL), AKSU_OK);
        assert_true(bytes == (i < 5 ? 1000 : 500) && got[0] == i && got[499] == i);
    }
    assert_int_equal(aksu_udp_send_many(s, sock, &self, data, 10, 0, &sent), AKSU_ERR_INVALID);
    assert_int_equal(aksu_udp_send_many(s, sock, NULL, data, 10, 5, &sent), AKSU_ERR_NOT_CONNECTED);
    config.flags = AKSU_LINK_USO;
    assert_int_equal(aksu_link_add(s, &config, &link), AKSU_ERR_INVALID);
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_go_and_come_back),
        cmocka_unit_test(most_particular_socket_is_served),
        cmocka_unit_test(nobody_there_is_told),
        cmocka_unit_test(unreachable_is_limited),
        cmocka_unit_test(bad_datagrams_are_dropped_with_their_reason),
        cmocka_unit_test(super_datagrams_are_taken_apart),
        cmocka_unit_test(queues_are_bounded),
        cmocka_unit_test(each_link_has_its_ports),
        cmocka_unit_test(many_leave_as_super_segments),
        cmocka_unit_test(ports_drawn_tell_nothing_of_each_other),
        cmocka_unit_test(empty_datagrams_take_their_share_only),
        cmocka_unit_test(large_datagrams_go_in_fragments),
        cmocka_unit_test(no_room_is_again),
        cmocka_unit_test(broadcasts_need_their_flag),
        cmocka_unit_test(groups_are_on_the_link_that_is_named),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
