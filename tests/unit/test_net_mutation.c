/* Goal: whatever is changed in one or two places of an ARP packet or a Neighbour Discovery message, singly at every
 * value and in pairs at the edges, and wherever it is cut off, it moves nothing that its kind may not move.
 *
 * The oracle is about what must stay, after each message in a fresh copy of the stack: our addresses; the Ethernet
 * address of a neighbour who is REACHABLE, unless the message bears the override flag for him; the connection; and that
 * what is dropped is counted, once. */
#include "ether_world.h"

enum { TEMPLATE_MAX = 256 };

struct template {
    const char *name;
    uint32_t bytes;
    bool checksum; /* to be put right */
    uint8_t p[TEMPLATE_MAX];
};

static const char *const known_six = "2001:db8::66", *const known_four = "192.0.2.66";

static void ethernet(struct template *t, uint16_t type) {
    struct ak_eth eth = {.dst = wire_mac(0), .src = wire_mac(HAND), .type = type};
    ak_wire_eth_build(t->p + 14, &eth);
}

static void arp_template(struct template *t, uint16_t op) {
    struct ak_arp arp = {
        .op = op, .sha = {{2, 0xee, 0, 0, 0, 1}}, .spa = wire_addr(known_four), .tpa = wire_addr("192.0.2.1")};
    *t = (struct template){.name = op == AK_ARP_REQUEST ? "ARP request" : "ARP reply", .bytes = 14 + AK_ARP_BYTES};
    ethernet(t, AK_ETH_ARP);
    ak_wire_arp_build(t->p + 14, &arp);
}

static void six_template(struct template *t, const char *name, const char *src, const char *dst, const uint8_t *message,
                         uint32_t bytes) {
    *t = (struct template){.name = name, .bytes = 54 + bytes, .checksum = true};
    ethernet(t, AK_ETH_IPV6);
    struct ak_ip ip = {.src = wire_addr(src), .dst = wire_addr(dst), .protocol = 58, .ttl = 255};
    (void)ak_wire_ip_build(t->p + 14, &ip, bytes);
    memcpy(t->p + 54, message, bytes);
}

static uint32_t templates(struct template *t) {
    uint8_t message[TEMPLATE_MAX] = {0};
    aksu_mac evil = {{2, 0xee, 0, 0, 0, 1}};
    aksu_addr known = wire_addr(known_six);
    arp_template(&t[0], AK_ARP_REQUEST);
    arp_template(&t[1], AK_ARP_REPLY);
    struct ak_ndp ndp = {
        .type = AK_NDP_NEIGHBOUR_SOLICITATION, .target = wire_addr("2001:db8::1"), .has_mac = true, .mac = evil};
    six_template(&t[2], "NS", known_six, "2001:db8::1", message, ak_wire_ndp_build(message, &ndp));
    ndp = (struct ak_ndp){
        .type = AK_NDP_NEIGHBOUR_ADVERTISEMENT, .target = known, .solicited = true, .has_mac = true, .mac = evil};
    six_template(&t[3], "NA", known_six, "2001:db8::1", message, ak_wire_ndp_build(message, &ndp));
    memset(message, 0, sizeof message);
    message[0] = 137;
    aksu_addr target = wire_addr("fe80::b");
    memcpy(message + 8, target.byte, 16);
    memcpy(message + 24, known.byte, 16);
    message[40] = 2;
    message[41] = 1;
    memcpy(message + 42, evil.byte, 6);
    six_template(&t[4], "redirect", "fe80::99", "2001:db8::1", message, 48);
    memset(message, 0, sizeof message);
    message[0] = 134;
    message[7] = 200;
    message[16] = 1;
    message[17] = 1;
    memcpy(message + 18, evil.byte, 6);
    message[24] = 3;
    message[25] = 4;
    message[26] = 64;
    message[27] = 0xc0;
    message[31] = message[35] = 100;
    memcpy(message + 40, known.byte, 16);
    message[56] = 25;
    message[57] = 3;
    six_template(&t[5], "RA", "fe80::99", "2001:db8::1", message, 80);
    return 6;
}

/* A stack that knows two neighbours as REACHABLE and has a connection to one of them. */
static struct wire *prepared(aksu_sock *ret_sock) {
    struct wire *w = wire_open();
    aksu_config config = wire_config();
    config.tcp_max = config.syn_cache_max = config.time_wait_max = config.transfer_max = config.listener_max = 2;
    config.block_max = 4;
    config.record_max = config.frame_max = config.reply_max = 4;
    config.neighbour_max = 8;
    config.held_max = config.fast_open_cache_max = config.link_max = 1;
    config.addr_max = config.route_max = 6;
    aksu_link_config link = wire_link(0);
    link.autoconf = AKSU_AUTOCONF_STABLE;
    (void)wire_host(w, &config, &link);
    wire_give(w, 0, "192.0.2.1", 24);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_run(w, 20000000);
    aksu_mac x = wire_mac(HAND);
    (void)wire_connect(w, 0, known_four, 80);
    *ret_sock = wire_connect(w, 0, known_six, 80);
    wire_run(w, 100);
    wire_arp(w, AK_ARP_REPLY, &x, known_four, "192.0.2.1");
    wire_advertise(w, &(struct wire_na){.src = known_six,
                                        .dst = "2001:db8::1",
                                        .target = known_six,
                                        .solicited = true,
                                        .overrides = true,
                                        .mac = &x});
    wire_run(w, 100);
    assert_int_equal(wire_neighbour(w, 0, known_six).state, AKSU_NEIGHBOUR_REACHABLE);
    assert_int_equal(wire_neighbour(w, 0, known_four).state, AKSU_NEIGHBOUR_REACHABLE);
    return w;
}

static void checksum_repair(uint8_t *p, uint32_t bytes) {
    uint32_t left = ak_be16(p + 18);
    if (left < 4 || 54 + left > bytes) return;
    aksu_addr src, dst;
    memcpy(src.byte, p + 22, 16);
    memcpy(dst.byte, p + 38, 16);
    ak_put16(p + 56, 0);
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &src, &dst, 58, left);
    ak_sum_add(&sum, p + 54, left);
    ak_put16(p + 56, (uint16_t)~ak_sum_fold(&sum));
}

struct judge {
    struct wire *w;
    aksu_stack *copy;
    void *mem;
    size_t mem_bytes;
    aksu_sock sock;
    uint64_t drops_before, count;
};

static uint64_t all_drops(const aksu_stack *stack) {
    aksu_counters counters;
    aksu_counters_get(stack, &counters);
    uint64_t sum = 0;
    for (int i = 1; i < AKSU_DROP_COUNT; i++) sum += counters.drop[i];
    return sum;
}

static bool may_override(const uint8_t *p, uint32_t bytes) {
    aksu_addr known = wire_addr(known_six);
    return bytes >= 54 + 24 && p[54] == 136 && (p[58] & 0x20) != 0 && memcmp(p + 62, known.byte, 16) == 0;
}

static void mac_stays(const struct judge *j, const char *who, const uint8_t *p, uint32_t bytes) {
    struct wire w = {.stack = {j->copy}, .count = 1};
    aksu_neighbour_info info = wire_neighbour(&w, 0, who);
    aksu_mac x = wire_mac(HAND);
    assert_true(info.state != AKSU_NEIGHBOUR_NONE && info.state != AKSU_NEIGHBOUR_INCOMPLETE);
    if (memcmp(&info.mac, &x, sizeof x) != 0) assert_true(who == known_six && may_override(p, bytes));
}

static void judge_one(struct judge *j, const struct template *t, uint8_t *p, uint32_t bytes) {
    assert_int_equal(aksu_stack_clone(j->w->stack[0], j->mem, j->mem_bytes, &j->copy), AKSU_OK);
    if (t->checksum && bytes >= 58) checksum_repair(p, bytes);
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(exact);
    memcpy(exact, p, bytes);
    aksu_iov iov = {.base = exact, .bytes = bytes};
    aksu_frame frame = {.total_bytes = bytes, .iov_count = 1, .iov = &iov};
    aksu_input(j->copy, j->w->now_us, &frame, 1);
    free(exact);
    assert_true(all_drops(j->copy) <= j->drops_before + 1);
    mac_stays(j, known_six, p, bytes);
    mac_stays(j, known_four, p, bytes);
    struct wire w = {.stack = {j->copy}, .count = 1};
    assert_int_equal(wire_addr_state(&w, 0, "192.0.2.1"), AKSU_ADDR_PREFERRED);
    assert_int_equal(wire_addr_state(&w, 0, "2001:db8::1"), AKSU_ADDR_PREFERRED);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(j->copy, j->sock, &info), AKSU_OK);
    assert_int_equal(info.state, AK_TCP_SYN_SENT);
    j->count++;
}

static struct judge judge_open(void) {
    struct judge j = {0};
    j.w = prepared(&j.sock);
    j.drops_before = all_drops(j.w->stack[0]);
    j.mem_bytes = 1 << 20;
    j.mem = aligned_alloc(64, j.mem_bytes);
    assert_non_null(j.mem);
    memset(j.mem, 0, j.mem_bytes);
    return j;
}

static void judge_close(struct judge *j) {
    free(j->mem);
    wire_close(j->w);
}

static void every_byte_at_every_value(void **state) {
    (void)state;
    struct template t[8];
    uint32_t count = templates(t);
    struct judge j = judge_open();
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t at = 0; at < t[i].bytes; at++) {
            for (unsigned value = 0; value < 256; value++) {
                uint8_t p[TEMPLATE_MAX];
                memcpy(p, t[i].p, sizeof p);
                p[at] = (uint8_t)value;
                judge_one(&j, &t[i], p, t[i].bytes);
            }
        }
    }
    assert_true(j.count > 100000);
    judge_close(&j);
}

static void every_pair_at_the_edges(void **state) {
    (void)state;
    static const uint8_t edges[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff};
    enum { EDGES = sizeof edges };
    struct template t[8];
    uint32_t count = templates(t);
    struct judge j = judge_open();
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t a = 12; a < t[i].bytes; a++) { /* the addresses in front have had every value */
            for (uint32_t b = a + 1; b < t[i].bytes; b++) {
                for (unsigned v = 0; v < EDGES * EDGES; v++) {
                    uint8_t p[TEMPLATE_MAX];
                    memcpy(p, t[i].p, sizeof p);
                    p[a] = edges[v / EDGES];
                    p[b] = edges[v % EDGES];
                    judge_one(&j, &t[i], p, t[i].bytes);
                }
            }
        }
    }
    assert_true(j.count > 700000);
    judge_close(&j);
}

/* Cut off at each byte, with the IPv6 length as it was and as it then is: never more than a counted drop.  attack: 9 */
static void every_truncation(void **state) {
    (void)state;
    struct template t[8];
    uint32_t count = templates(t);
    struct judge j = judge_open();
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t bytes = 0; bytes < t[i].bytes; bytes++) {
            uint8_t p[TEMPLATE_MAX];
            memcpy(p, t[i].p, sizeof p);
            judge_one(&j, &t[i], p, bytes);
            assert_int_equal(all_drops(j.copy), j.drops_before + 1);
            if (!t[i].checksum || bytes < 54) continue;
            ak_put16(p + 18, (uint16_t)(bytes - 54));
            judge_one(&j, &t[i], p, bytes);
        }
    }
    judge_close(&j);
}

/* Etherleak, the other way round: what lies behind a packet is not part of it.  attack: 36 */
static void padding_of_any_bytes_is_not_looked_at(void **state) {
    (void)state;
    struct judge j = judge_open();
    struct template t[8];
    (void)templates(t);
    uint64_t digest = 0;
    for (unsigned fill = 0; fill < 256; fill++) {
        uint8_t p[TEMPLATE_MAX];
        memcpy(p, t[0].p, t[0].bytes);
        memset(p + t[0].bytes, (int)fill, 60 - t[0].bytes);
        judge_one(&j, &t[0], p, 60);
        if (fill == 0) digest = aksu_stack_digest(j.copy);
        assert_int_equal(aksu_stack_digest(j.copy), digest);
    }
    judge_close(&j);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_at_every_value),
        cmocka_unit_test(every_pair_at_the_edges),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(padding_of_any_bytes_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
