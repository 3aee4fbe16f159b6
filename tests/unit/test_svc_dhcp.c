/* The DHCP client in virtual time against a server of hand-made packets: a lease taken, kept, lost and given back. */
#include "tcp_world.h"

#include "aksu/dhcp.h"
#include "base/bytes.h"
#include "svc/dhcp_message.h"
#include "wire/checksum.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/udp.h"

#define SECOND UINT64_C(1000000)

struct lan {
    struct tcp_world *w;
    aksu_stack *stack;
    aksu_dhcp *dhcp;
    uint64_t mem[AKSU_DHCP_BYTES / 8];
    uint8_t asked[DHCP_MESSAGE_BYTES]; /* the last question */
    aksu_addr asked_from, asked_to;
    uint16_t mtu;                   /* of the lease; 0: not said */
    uint8_t mask_last, router_last; /* of the lease: 255.255.255.x, 192.0.2.x */
    uint16_t link;                  /* 1: of Ethernet, where who is asked for answers at once */
    uint32_t probes;                /* ARP for an address that is not in use yet */
    uint8_t sought[4];              /* the last who was asked for */
};

static const aksu_mac server_mac = {{2, 0, 0, 9, 9, 9}};

static const uint8_t mac[6] = {2, 0, 0, 1, 2, 3};

static struct lan *lan_open_on(const char *known, uint16_t link) {
    struct lan *l = calloc(1, sizeof *l);
    assert_non_null(l);
    aksu_config config = world_config();
    config.link_max = 2;
    l->link = link;
    l->router_last = 1;
    l->w = world_open(&config);
    l->stack = l->w->stack[CLIENT];
    aksu_addr own = world_addr(CLIENT);
    assert_int_equal(aksu_addr_remove(l->stack, &own), AKSU_OK);
    aksu_dhcp_config dhcp = {.struct_bytes = sizeof dhcp, .mtu = 1500, .host_name = "h", .link = link};
    memcpy(dhcp.mac, mac, sizeof mac);
    if (link == 1) {
        aksu_link_config ether = {
            .struct_bytes = sizeof ether, .mtu = 1500, .type = AKSU_LINK_ETHERNET, .dad_probes = 1};
        memcpy(ether.mac.byte, mac, sizeof mac);
        assert_int_equal(aksu_link_add(l->stack, &ether, &link), AKSU_OK);
        assert_int_equal(link, 1);
    }
    memset(dhcp.entropy, 3, sizeof dhcp.entropy);
    if (known != NULL) assert_int_equal(aksu_addr_parse(known, &dhcp.known_addr), AKSU_OK);
    assert_int_equal(aksu_dhcp_init(&dhcp, l->stack, l->mem, sizeof l->mem, &l->dhcp), AKSU_OK);
    assert_int_equal(aksu_dhcp_start(l->dhcp, l->w->now_us), AKSU_OK);
    return l;
}

static struct lan *lan_open(const char *known) {
    return lan_open_on(known, 0);
}

static void lan_close(struct lan *l) {
    world_close(l->w);
    free(l);
}

/* Whoever is asked for is the server. */
static void answer_arp(struct lan *l, const uint8_t *asked) {
    struct ak_arp arp;
    assert_int_equal(ak_wire_arp_parse(asked, AK_ARP_BYTES, &arp), AKSU_DROP_NONE);
    if (ak_addr_equal(&arp.spa, &arp.tpa)) return; /* an announcement */
    if (ak_addr_v4_value(&arp.spa) == 0) {
        l->probes++;
        return;
    }
    memcpy(l->sought, arp.tpa.byte + 12, 4);
    struct ak_arp is_here = {.op = AK_ARP_REPLY, .sha = server_mac, .spa = arp.tpa, .tha = arp.sha, .tpa = arp.spa};
    uint8_t p[64] = {0};
    ak_wire_eth_build(p + 14, &(struct ak_eth){.dst = arp.sha, .src = server_mac, .type = AK_ETH_ARP});
    ak_wire_arp_build(p + 14, &is_here);
    aksu_iov iov = {.base = p, .bytes = 60};
    aksu_frame frame = {.link = 1, .total_bytes = 60, .iov_count = 1, .iov = &iov};
    aksu_input(l->stack, l->w->now_us, &frame, 1);
}

/* The next frame that is not ARP, and where its IP packet is; NULL: none. */
static const uint8_t *next_packet(struct lan *l, aksu_frame *frame, uint32_t *ret_bytes) {
    while (aksu_output(l->stack, l->w->now_us, frame, 1) == 1) {
        const uint8_t *p = frame->iov[0].base;
        uint32_t skip = frame->link == 1 ? 14 : 0;
        *ret_bytes = frame->total_bytes - skip;
        if (skip == 0 || ak_be16(p + 12) == AK_ETH_IPV4) return p + skip;
        answer_arp(l, p + skip);
    }
    return NULL;
}

/* The next question that leaves; 0: none.  Its type is answered. */
static int question(struct lan *l) {
    aksu_frame frame;
    uint32_t packet_bytes;
    const uint8_t *packet = next_packet(l, &frame, &packet_bytes);
    if (packet == NULL) return 0;
    struct ak_ip ip;
    assert_int_equal(ak_wire_ip_parse(packet, 20, packet_bytes, &ip), AKSU_DROP_NONE);
    l->asked_from = ip.src;
    l->asked_to = ip.dst;
    const uint8_t *udp = frame.iov[1].base;
    assert_int_equal(ak_be16(udp), DHCP_CLIENT_PORT);
    assert_int_equal(ak_be16(udp + 2), DHCP_SERVER_PORT);
    assert_true(frame.iov[1].bytes - 8 <= sizeof l->asked);
    memset(l->asked, 0, sizeof l->asked);
    memcpy(l->asked, udp + 8, frame.iov[1].bytes - 8);
    assert_int_equal(l->asked[240], 53);
    return l->asked[242];
}

static bool asks_for(const struct lan *l, uint8_t code, uint8_t last_octet) {
    for (size_t at = 240; l->asked[at] != 255; at += 2u + l->asked[at + 1])
        if (l->asked[at] == code) return l->asked[at + 5] == last_octet;
    return last_octet == 0;
}

/* A reply of the server 192.0.2.1 to the last question: address 192.0.2.LAST for 800 s, T1 400, T2 700. */
static void reply(struct lan *l, dhcp_type type, uint8_t last) {
    uint8_t whole[420] = {0}, *p = whole + 14, *m = p + 28;
    m[0] = 2, m[1] = 1, m[2] = 6;
    memcpy(m + 4, l->asked + 4, 4);
    const uint8_t yours[] = {192, 0, 2, last};
    if (type != DHCP_NAK) memcpy(m + 16, yours, 4);
    memcpy(m + 28, mac, 6);
    const uint8_t options[] = {
        99,           130, 83, 99,  53, 1, (uint8_t)type,  54, 4, 192, 0, 2, 1, 51, 4, 0, 0, 3, 32, 1, 4, 255, 255, 255,
        l->mask_last, 3,   4,  192, 0,  2, l->router_last, 255};
    memcpy(m + 236, options, sizeof options);
    if (l->mtu != 0) {
        const uint8_t more[] = {26, 2, (uint8_t)(l->mtu >> 8), (uint8_t)l->mtu, 255};
        memcpy(m + 236 + sizeof options - 1, more, sizeof more);
    }
    aksu_addr src = aksu_addr_v4(192, 0, 2, 1), dst = aksu_addr_v4(255, 255, 255, 255);
    struct ak_ip ip = {.src = src, .dst = dst, .protocol = AK_IP_PROTOCOL_UDP, .ttl = 64};
    (void)ak_wire_ip_build(p, &ip, 308);
    struct ak_udp_header header = {.src_port = DHCP_SERVER_PORT, .dst_port = DHCP_CLIENT_PORT, .bytes = 308};
    ak_wire_udp_build(p + 20, &header);
    aksu_mac to;
    memcpy(to.byte, mac, sizeof mac);
    ak_wire_eth_build(p, &(struct ak_eth){.dst = to, .src = server_mac, .type = AK_ETH_IPV4});
    aksu_iov iov = {.base = l->link == 1 ? whole : p, .bytes = l->link == 1 ? 342 : 328};
    aksu_frame frame = {.link = l->link, .total_bytes = (uint32_t)iov.bytes, .iov_count = 1, .iov = &iov};
    aksu_input(l->stack, l->w->now_us, &frame, 1);
    aksu_event event;
    while (aksu_next_event(l->stack, &event)) assert_true(aksu_dhcp_event(l->dhcp, l->w->now_us, &event));
}

/* Time passes to the next deadline, which lies within these seconds from now. */
static void wait_until_due(struct lan *l, uint64_t least_s, uint64_t most_s) {
    uint64_t due_us = aksu_dhcp_deadline_us(l->dhcp);
    assert_in_range(due_us - l->w->now_us, least_s * SECOND, most_s * SECOND);
    l->w->now_us = due_us;
    aksu_advance(l->stack, due_us);
    aksu_dhcp_advance(l->dhcp, due_us);
}

static aksu_dhcp_state state_of(const struct lan *l) {
    aksu_dhcp_lease lease;
    return aksu_dhcp_status(l->dhcp, &lease);
}

static bool has_addr(const struct lan *l, uint8_t last) {
    aksu_addr addr = aksu_addr_v4(192, 0, 2, last);
    aksu_udp_open open = {.struct_bytes = sizeof open, .local = {.addr = addr, .port = 5}};
    aksu_sock sock;
    if (aksu_udp_bind(l->stack, &open, &sock) != AKSU_OK) return false;
    assert_int_equal(aksu_udp_close(l->stack, sock), AKSU_OK);
    return true;
}

static aksu_dhcp_change change_of(struct lan *l) {
    aksu_dhcp_change change;
    assert_true(aksu_dhcp_next(l->dhcp, &change));
    return change;
}

static struct lan *bound_to(struct lan *l) {
    assert_int_equal(question(l), DHCP_DISCOVER);
    reply(l, DHCP_OFFER, 7);
    assert_int_equal(question(l), DHCP_REQUEST);
    reply(l, DHCP_ACK, 7);
    assert_int_equal(change_of(l).what, AKSU_DHCP_BOUND);
    return l;
}

static struct lan *bound(void) {
    return bound_to(lan_open(NULL));
}

/* RFC 2131 s3.1: from nobody to everybody; then the address, its network and the way out are the stack's. */
static void lease_is_taken(void **state) {
    (void)state;
    struct lan *l = lan_open(NULL);
    assert_int_equal(question(l), DHCP_DISCOVER);
    aksu_addr nobody = aksu_addr_v4(0, 0, 0, 0), all = aksu_addr_v4(255, 255, 255, 255);
    assert_true(aksu_addr_equal(&l->asked_from, &nobody) && aksu_addr_equal(&l->asked_to, &all));
    assert_int_equal(l->asked[10], 0x80); /* it cannot be reached but by broadcast */
    uint32_t xid = ak_be32(l->asked + 4);
    reply(l, DHCP_OFFER, 7);
    assert_int_equal(question(l), DHCP_REQUEST);
    assert_true(asks_for(l, 50, 7) && asks_for(l, 54, 1));
    assert_int_equal(ak_be32(l->asked + 4), xid);
    assert_false(has_addr(l, 7));
    reply(l, DHCP_ACK, 8); /* another one than was asked for */
    assert_int_equal(state_of(l), AKSU_DHCP_REQUESTING);
    reply(l, DHCP_ACK, 7);
    assert_int_equal(state_of(l), AKSU_DHCP_HOLDING);
    aksu_dhcp_change change = change_of(l);
    assert_int_equal(change.what, AKSU_DHCP_BOUND);
    assert_int_equal(change.lease.prefix_bits, 24);
    assert_true(has_addr(l, 7));
    aksu_udp_open open = {.struct_bytes = sizeof open, .remote = {.addr = aksu_addr_v4(198, 51, 100, 1), .port = 9}};
    aksu_sock sock;
    assert_int_equal(aksu_udp_bind(l->stack, &open, &sock), AKSU_OK); /* by the router */
    lan_close(l);
}

/* The largest packet that a connection would send now. */
static uint32_t path_mtu(struct lan *l) {
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = aksu_addr_v4(192, 0, 2, 9), .port = 9}};
    aksu_sock sock;
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_connect(l->stack, &open, &sock), AKSU_OK);
    assert_int_equal(aksu_tcp_status(l->stack, sock, &info), AKSU_OK);
    assert_int_equal(aksu_tcp_abort(l->stack, sock), AKSU_OK);
    return info.path_mtu;
}

/* RFC 2132 s5.1: a lease makes the link's MTU smaller, never larger than the device can take, and only while it lasts.
 */
static void mtu_of_a_lease_never_exceeds_the_link(void **state) {
    (void)state;
    static const struct {
        uint16_t said;
        uint32_t wanted;
    } rows[] = {{1400, 1400}, {1500, 1500}, {1501, 1500}, {65535, 1500}, {576, 576}, {575, 1500}, {0, 1500}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lan *l = lan_open(NULL);
        l->mtu = rows[i].said;
        assert_int_equal(question(l), DHCP_DISCOVER);
        reply(l, DHCP_OFFER, 7);
        assert_int_equal(question(l), DHCP_REQUEST);
        reply(l, DHCP_ACK, 7);
        assert_int_equal(state_of(l), AKSU_DHCP_HOLDING);
        assert_int_equal(path_mtu(l), rows[i].wanted);
        aksu_dhcp_stop(l->dhcp);
        aksu_addr own = aksu_addr_v4(192, 0, 2, 7);
        assert_int_equal(aksu_addr_add(l->stack, 0, &own, 24), AKSU_OK);
        assert_int_equal(path_mtu(l), 1500);
        lan_close(l);
    }
}

/* RFC 2131 s4.1: 4, 8, 16, 32 and then each 64 s, give or take one. */
static void questions_are_repeated_ever_more_slowly(void **state) {
    (void)state;
    struct lan *l = lan_open(NULL);
    assert_int_equal(question(l), DHCP_DISCOVER);
    static const uint64_t waits_s[] = {4, 8, 16, 32, 64, 64};
    for (size_t i = 0; i < sizeof waits_s / sizeof waits_s[0]; i++) {
        wait_until_due(l, waits_s[i] - 1, waits_s[i] + 1);
        assert_int_equal(question(l), DHCP_DISCOVER);
    }
    assert_true(ak_be16(l->asked + 8) >= 180); /* seconds since it began */
    reply(l, DHCP_OFFER, 7);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(question(l), DHCP_REQUEST);
        wait_until_due(l, 3, 33);
    }
    assert_int_equal(question(l), DHCP_DISCOVER); /* the offer was none */
    lan_close(l);
}

/* s4.4.5: asked of the server at T1, of everybody at T2, lost at the end, and a new one is looked for. */
static void lease_is_renewed_rebound_and_lost(void **state) {
    (void)state;
    struct lan *l = bound();
    wait_until_due(l, 400, 400);
    assert_int_equal(state_of(l), AKSU_DHCP_RENEWING);
    assert_int_equal(question(l), DHCP_REQUEST);
    aksu_addr server = aksu_addr_v4(192, 0, 2, 1), own = aksu_addr_v4(192, 0, 2, 7),
              all = aksu_addr_v4(255, 255, 255, 255);
    assert_true(aksu_addr_equal(&l->asked_to, &server) && aksu_addr_equal(&l->asked_from, &own));
    assert_true(l->asked[15] == 7 && asks_for(l, 50, 0) && asks_for(l, 54, 0)); /* ciaddr, and neither option */
    reply(l, DHCP_ACK, 7);
    assert_int_equal(change_of(l).what, AKSU_DHCP_RENEWED);
    wait_until_due(l, 400, 400);
    assert_int_equal(question(l), DHCP_REQUEST);
    wait_until_due(l, 150, 150); /* half of what is left to T2 */
    assert_int_equal(question(l), DHCP_REQUEST);
    wait_until_due(l, 75, 75);
    assert_int_equal(question(l), DHCP_REQUEST);
    wait_until_due(l, 60, 60);
    assert_int_equal(question(l), DHCP_REQUEST);
    wait_until_due(l, 15, 15);
    assert_int_equal(state_of(l), AKSU_DHCP_REBINDING);
    assert_int_equal(question(l), DHCP_REQUEST);
    assert_true(aksu_addr_equal(&l->asked_to, &all));
    wait_until_due(l, 60, 60);
    assert_int_equal(question(l), DHCP_REQUEST);
    wait_until_due(l, 40, 40);
    aksu_dhcp_change change = change_of(l);
    assert_int_equal(change.what, AKSU_DHCP_LOST);
    assert_true(aksu_addr_equal(&change.lease.addr, &own));
    assert_false(has_addr(l, 7));
    assert_int_equal(question(l), DHCP_DISCOVER);
    assert_true(asks_for(l, 50, 7)); /* the same again, if it may be */
    lan_close(l);
}

static aksu_addr_info info_of(const struct lan *l) {
    uint32_t cursor = 0;
    aksu_addr_info info = {.prefix_bits = 0};
    aksu_addr own = aksu_addr_v4(192, 0, 2, 7);
    while (aksu_addr_next(l->stack, &cursor, &info))
        if (aksu_addr_equal(&info.addr, &own)) return info;
    fail();
    return info;
}

static void run(struct lan *l, uint64_t seconds) {
    aksu_frame frame;
    uint32_t bytes;
    for (uint64_t until_us = l->w->now_us + seconds * SECOND; l->w->now_us < until_us; l->w->now_us += SECOND / 4)
        (void)next_packet(l, &frame, &bytes);
}

/* Whom a datagram to far away goes to: the last octet of its address; 0: there is no way. */
static uint8_t router_to(struct lan *l, uint8_t far) {
    aksu_udp_open open = {.struct_bytes = sizeof open, .remote = {.addr = aksu_addr_v4(198, 51, 100, far), .port = 9}};
    aksu_sock sock;
    if (aksu_udp_bind(l->stack, &open, &sock) != AKSU_OK) return 0;
    assert_int_equal(aksu_udp_send(l->stack, sock, NULL, "x", 1), AKSU_OK);
    aksu_frame frame;
    uint32_t bytes;
    memset(l->sought, 0, 4);
    const uint8_t *packet = next_packet(l, &frame, &bytes);
    assert_non_null(packet);
    assert_int_equal(packet[19], far);
    assert_int_equal(aksu_udp_close(l->stack, sock), AKSU_OK);
    return l->sought[3];
}

/* A renewal may bring another mask and another router: the address is not asked for again, nor ever out of use. */
static void renewal_with_another_mask_keeps_the_address(void **state) {
    (void)state;
    struct lan *l = bound_to(lan_open_on(NULL, 1));
    run(l, 20);
    assert_int_equal(info_of(l).state, AKSU_ADDR_PREFERRED);
    assert_int_equal(info_of(l).prefix_bits, 24);
    assert_int_equal(l->probes, 1);
    assert_int_equal(router_to(l, 1), 1);
    static const struct { uint8_t mask_last, bits, router_last; } next[] = {{128, 25, 1}, {128, 25, 99}, {0, 24, 98}};
    for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
        wait_until_due(l, 0, 400);
        assert_int_equal(question(l), DHCP_REQUEST);
        l->mask_last = next[i].mask_last;
        l->router_last = next[i].router_last;
        reply(l, DHCP_ACK, 7);
        assert_int_equal(change_of(l).what, AKSU_DHCP_RENEWED);
        assert_int_equal(info_of(l).state, AKSU_ADDR_PREFERRED);
        assert_int_equal(info_of(l).prefix_bits, next[i].bits);
        uint8_t router = router_to(l, (uint8_t)(10 + i));
        assert_true(router == next[i].router_last || (i == 0 && router == 0)); /* that one is known */
    }
    run(l, 20);
    assert_int_equal(l->probes, 1);
    assert_int_equal(question(l), 0);
    lan_close(l);
}

/* A lease of /32: its router is on the link though no network says so, and has its route while the lease lasts. */
static void lease_of_a_single_address_has_its_way_out(void **state) {
    (void)state;
    struct lan *l = lan_open_on(NULL, 1);
    l->mask_last = 255;
    l->router_last = 254;
    (void)bound_to(l);
    run(l, 20);
    assert_int_equal(info_of(l).prefix_bits, 32);
    assert_int_equal(router_to(l, 1), 254);
    l->router_last = 253;
    wait_until_due(l, 0, 400);
    assert_int_equal(question(l), DHCP_REQUEST);
    reply(l, DHCP_ACK, 7);
    assert_int_equal(router_to(l, 2), 253);
    aksu_dhcp_stop(l->dhcp);
    aksu_addr own = aksu_addr_v4(192, 0, 2, 7);
    assert_int_equal(aksu_addr_add(l->stack, 1, &own, 32), AKSU_OK);
    run(l, 20);
    assert_int_equal(router_to(l, 3), 0);
    aksu_route left[] = {{.prefix = aksu_addr_v4(192, 0, 2, 253), .prefix_bits = 32, .link = 1},
                         {.prefix = aksu_addr_v4(192, 0, 2, 254), .prefix_bits = 32, .link = 1}};
    for (size_t i = 0; i < 2; i++) assert_int_equal(aksu_route_remove(l->stack, &left[i]), AKSU_ERR_NO_ROUTE);
    lan_close(l);
}

static void nak_takes_the_lease_back(void **state) {
    (void)state;
    struct lan *l = bound();
    reply(l, DHCP_NAK, 0); /* nothing was asked */
    assert_int_equal(state_of(l), AKSU_DHCP_HOLDING);
    wait_until_due(l, 400, 400);
    assert_int_equal(question(l), DHCP_REQUEST);
    reply(l, DHCP_NAK, 0);
    assert_int_equal(change_of(l).what, AKSU_DHCP_LOST);
    assert_false(has_addr(l, 7));
    assert_int_equal(question(l), DHCP_DISCOVER);
    reply(l, DHCP_OFFER, 9);
    assert_int_equal(question(l), DHCP_REQUEST);
    reply(l, DHCP_NAK, 0); /* a server that takes back what it offers is not asked again at once */
    assert_int_equal(question(l), 0);
    wait_until_due(l, 1, 1);
    assert_int_equal(question(l), DHCP_DISCOVER);
    lan_close(l);
}

/* RFC 2131 s3.2: a known address is asked for by name; nobody confirms it: from the beginning. */
static void known_address_is_asked_for_first(void **state) {
    (void)state;
    struct lan *l = lan_open("192.0.2.44");
    assert_int_equal(state_of(l), AKSU_DHCP_INIT_REBOOT);
    assert_int_equal(question(l), DHCP_REQUEST);
    assert_true(asks_for(l, 50, 44) && asks_for(l, 54, 0));
    reply(l, DHCP_ACK, 44);
    assert_int_equal(change_of(l).what, AKSU_DHCP_BOUND);
    assert_true(has_addr(l, 44));
    lan_close(l);
    l = lan_open("192.0.2.44");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(question(l), DHCP_REQUEST);
        wait_until_due(l, 3, 9);
    }
    assert_int_equal(question(l), DHCP_DISCOVER);
    lan_close(l);
}

/* RFC 5227, RFC 2131 s3.1 step 5: declined, and ten seconds later another one. */
static void conflict_is_declined(void **state) {
    (void)state;
    struct lan *l = bound();
    aksu_dhcp_conflict(l->dhcp, l->w->now_us);
    assert_int_equal(question(l), DHCP_DECLINE);
    assert_true(asks_for(l, 50, 7) && asks_for(l, 54, 1));
    assert_int_equal(change_of(l).what, AKSU_DHCP_LOST);
    assert_false(has_addr(l, 7));
    assert_int_equal(question(l), 0);
    wait_until_due(l, 10, 10);
    assert_int_equal(question(l), DHCP_DISCOVER);
    assert_true(asks_for(l, 50, 0));
    lan_close(l);
}

static void stopping_gives_the_lease_back(void **state) {
    (void)state;
    struct lan *l = bound();
    aksu_dhcp_release(l->dhcp);
    assert_int_equal(question(l), DHCP_RELEASE);
    assert_true(has_addr(l, 7));
    aksu_dhcp_stop(l->dhcp);
    aksu_addr server = aksu_addr_v4(192, 0, 2, 1), own = aksu_addr_v4(192, 0, 2, 7);
    assert_true(aksu_addr_equal(&l->asked_to, &server) && aksu_addr_equal(&l->asked_from, &own));
    assert_false(has_addr(l, 7));
    assert_int_equal(state_of(l), AKSU_DHCP_STOPPED);
    assert_true(aksu_dhcp_deadline_us(l->dhcp) == UINT64_MAX);
    assert_int_equal(aksu_dhcp_start(l->dhcp, l->w->now_us), AKSU_OK);
    assert_int_equal(question(l), DHCP_REQUEST); /* the address is known now */
    lan_close(l);
}

static void replies_to_others_do_not_count(void **state) {
    (void)state;
    struct lan *l = lan_open(NULL);
    assert_int_equal(question(l), DHCP_DISCOVER);
    l->asked[7] ^= 1;
    reply(l, DHCP_OFFER, 7);
    assert_int_equal(question(l), 0);
    l->asked[7] ^= 1;
    reply(l, DHCP_ACK, 7); /* not an offer */
    assert_int_equal(question(l), 0);
    reply(l, DHCP_OFFER, 7);
    assert_int_equal(question(l), DHCP_REQUEST);
    lan_close(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lease_is_taken),
        cmocka_unit_test(mtu_of_a_lease_never_exceeds_the_link),
        cmocka_unit_test(questions_are_repeated_ever_more_slowly),
        cmocka_unit_test(lease_is_renewed_rebound_and_lost),
        cmocka_unit_test(renewal_with_another_mask_keeps_the_address),
        cmocka_unit_test(lease_of_a_single_address_has_its_way_out),
        cmocka_unit_test(nak_takes_the_lease_back),
        cmocka_unit_test(known_address_is_asked_for_first),
        cmocka_unit_test(conflict_is_declined),
        cmocka_unit_test(stopping_gives_the_lease_back),
        cmocka_unit_test(replies_to_others_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
