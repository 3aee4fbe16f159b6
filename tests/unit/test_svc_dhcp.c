/* The DHCP client in virtual time against a server of hand-made packets: a lease taken, kept, lost and given back. */
#include "tcp_world.h"

#include "aksu/dhcp.h"
#include "base/bytes.h"
#include "svc/dhcp_message.h"
#include "wire/checksum.h"
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
    uint16_t mtu; /* of the lease; 0: not said */
};

static const uint8_t mac[6] = {2, 0, 0, 1, 2, 3};

static struct lan *lan_open(const char *known) {
    struct lan *l = calloc(1, sizeof *l);
    assert_non_null(l);
    aksu_config config = world_config();
    l->w = world_open(&config);
    l->stack = l->w->stack[CLIENT];
    aksu_addr own = world_addr(CLIENT);
    assert_int_equal(aksu_addr_remove(l->stack, &own), AKSU_OK);
    aksu_dhcp_config dhcp = {.struct_bytes = sizeof dhcp, .mtu = 1500, .host_name = "h"};
    memcpy(dhcp.mac, mac, sizeof mac);
    memset(dhcp.entropy, 3, sizeof dhcp.entropy);
    if (known != NULL) assert_int_equal(aksu_addr_parse(known, &dhcp.known_addr), AKSU_OK);
    assert_int_equal(aksu_dhcp_init(&dhcp, l->stack, l->mem, sizeof l->mem, &l->dhcp), AKSU_OK);
    assert_int_equal(aksu_dhcp_start(l->dhcp, l->w->now_us), AKSU_OK);
    return l;
}

static void lan_close(struct lan *l) {
    world_close(l->w);
    free(l);
}

/* The next question that leaves; 0: none.  Its type is answered. */
static int question(struct lan *l) {
    aksu_frame frame;
    if (aksu_output(l->stack, l->w->now_us, &frame, 1) == 0) return 0;
    struct ak_ip ip;
    assert_int_equal(ak_wire_ip_parse(frame.iov[0].base, frame.iov[0].bytes, frame.total_bytes, &ip), AKSU_DROP_NONE);
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
    uint8_t p[400] = {0}, *m = p + 28;
    m[0] = 2, m[1] = 1, m[2] = 6;
    memcpy(m + 4, l->asked + 4, 4);
    const uint8_t yours[] = {192, 0, 2, last};
    if (type != DHCP_NAK) memcpy(m + 16, yours, 4);
    memcpy(m + 28, mac, 6);
    const uint8_t options[] = {99, 130, 83, 99, 53, 1,   (uint8_t)type, 54,  4, 192, 0, 2,   1, 51, 4, 0,
                               0,  3,   32, 1,  4,  255, 255,           255, 0, 3,   4, 192, 0, 2,  1, 255};
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
    aksu_iov iov = {.base = p, .bytes = 328};
    aksu_frame frame = {.total_bytes = 328, .iov_count = 1, .iov = &iov};
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

static struct lan *bound(void) {
    struct lan *l = lan_open(NULL);
    assert_int_equal(question(l), DHCP_DISCOVER);
    reply(l, DHCP_OFFER, 7);
    assert_int_equal(question(l), DHCP_REQUEST);
    reply(l, DHCP_ACK, 7);
    assert_int_equal(change_of(l).what, AKSU_DHCP_BOUND);
    return l;
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
        cmocka_unit_test(nak_takes_the_lease_back),
        cmocka_unit_test(known_address_is_asked_for_first),
        cmocka_unit_test(conflict_is_declined),
        cmocka_unit_test(stopping_gives_the_lease_back),
        cmocka_unit_test(replies_to_others_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
