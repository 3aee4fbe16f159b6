/* Goal: neighbours are found, confirmed, doubted and forgotten as RFC 4861 and RFC 826 say, over both versions, within
 * bounds that no stranger moves. */
#include "ether_world.h"

static struct wire *two_hosts(void) {
    struct wire *w = wire_open();
    (void)wire_host(w, NULL, NULL);
    (void)wire_host(w, NULL, NULL);
    wire_give(w, 0, "192.0.2.1", 24);
    wire_give(w, 1, "192.0.2.2", 24);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_give(w, 1, "2001:db8::2", 64);
    wire_run(w, 5000000); /* announcements are over */
    wire_forget(w);
    return w;
}

static void connect_asks_first_then_sends(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    (void)wire_listen(w, 1, 80);
    aksu_sock sock = wire_connect(w, 0, "192.0.2.2", 80);
    wire_run(w, 1000);
    wire_expect(w, "over IPv4",
                "a > all ARP who has 192.0.2.2, says 192.0.2.1\n"
                "b > a ARP 192.0.2.2 is here, to 192.0.2.1\n"
                "a > b TCP SYN, 0 bytes\n"
                "b > a TCP SYN ACK, 0 bytes\n"
                "a > b TCP ACK, 0 bytes\n");
    assert_int_equal(wire_tcp_state(w, 0, sock), AK_TCP_ESTABLISHED);
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.2").state, AKSU_NEIGHBOUR_REACHABLE);
    /* The other side has learnt it from the question, and has used it. */
    assert_int_equal(wire_neighbour(w, 1, "192.0.2.1").state, AKSU_NEIGHBOUR_DELAY);
    sock = wire_connect(w, 0, "2001:db8::2", 80);
    wire_run(w, 1000);
    wire_expect(w, "over IPv6",
                "a > group NS 2001:db8::2, says 2001:db8::1\n"
                "b > a NA 2001:db8::2 solicited override\n"
                "a > b TCP SYN, 0 bytes\n"
                "b > a TCP SYN ACK, 0 bytes\n"
                "a > b TCP ACK, 0 bytes\n");
    assert_int_equal(wire_tcp_state(w, 0, sock), AK_TCP_ESTABLISHED);
    wire_close(w);
}

/* Asked three times, a second apart; then what is sent is lost, and the SYN's own timer goes on (MUST-23). */
static void nobody_there_connection_waits_then_retries(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    uint64_t start_us = w->now_us;
    aksu_sock sock = wire_connect(w, 0, "192.0.2.9", 80);
    wire_run(w, 2999000);
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.9").state, AKSU_NEIGHBOUR_INCOMPLETE);
    wire_expect(w, "three questions",
                "a > all ARP who has 192.0.2.9, says 192.0.2.1\n"
                "a > all ARP who has 192.0.2.9, says 192.0.2.1\n"
                "a > all ARP who has 192.0.2.9, says 192.0.2.1\n");
    wire_run(w, 500000);
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.9").state, AKSU_NEIGHBOUR_UNREACHABLE);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[0], sock, &info), AKSU_OK);
    assert_int_equal(info.state, AK_TCP_SYN_SENT);
    assert_int_equal(info.soft_error, AKSU_REASON_HOST_UNREACHABLE);
    assert_true(wire_drops(w, 0, AKSU_DROP_NEIGHBOUR_SILENT) > 0);
    wire_run(w, 400000000);
    aksu_event event;
    aksu_reason reason = AKSU_REASON_NONE;
    while (aksu_next_event(w->stack[0], &event)) reason = event.reason;
    assert_int_equal(reason, AKSU_REASON_TIMED_OUT);
    assert_true(w->now_us - start_us > 180000000);
    assert_int_equal(wire_count(w, "TCP"), 0);
    wire_close(w);
}

/* He answers while the connection waits: it goes on at once. */
static void late_neighbour_connection_goes_on(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    (void)wire_listen(w, 1, 80);
    w->unplugged[1] = true;
    aksu_sock sock = wire_connect(w, 0, "2001:db8::2", 80);
    wire_run(w, 1500000);
    assert_int_equal(wire_tcp_state(w, 0, sock), AK_TCP_SYN_SENT);
    w->unplugged[1] = false;
    wire_run(w, 600000);
    assert_int_equal(wire_tcp_state(w, 0, sock), AK_TCP_ESTABLISHED);
    wire_close(w);
}

/* RFC 4861 s7.3.3: used after its time it is asked, alone, then everybody is, then it is gone.  The connection's
 * progress spares the question. */
static void progress_confirms_silence_asks(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    (void)wire_listen(w, 1, 80);
    aksu_sock sock = wire_connect(w, 0, "192.0.2.2", 80);
    wire_run(w, 1000);
    wire_forget(w);
    /* Traffic every 10 s for five minutes: nobody asks. */
    for (int i = 0; i < 30; i++) {
        size_t sent;
        assert_int_equal(aksu_tcp_send(w->stack[0], sock, "x", 1, 0, &sent), AKSU_OK);
        wire_run(w, 10000000);
    }
    assert_int_equal(wire_count(w, "a > b ARP who"), 0);
    assert_int_equal(wire_count(w, "a > all ARP"), 0);
    /* Idle for two minutes, then a segment: asked after 5 s unless the ACK is followed by more. */
    wire_run(w, 120000000);
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.2").state, AKSU_NEIGHBOUR_STALE);
    wire_forget(w);
    w->unplugged[1] = true;
    size_t sent;
    assert_int_equal(aksu_tcp_send(w->stack[0], sock, "x", 1, 0, &sent), AKSU_OK);
    wire_run(w, 1000);
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.2").state, AKSU_NEIGHBOUR_DELAY);
    wire_run(w, 14000000);
    assert_int_equal(wire_count(w, "a > b ARP who has 192.0.2.2"), 3);
    assert_true(wire_count(w, "a > all ARP who has 192.0.2.2") >= 3);
    /* It comes back with another card: found by the question to everybody. */
    w->unplugged[1] = false;
    wire_run(w, 60000000);
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.2").state >= AKSU_NEIGHBOUR_REACHABLE, 1);
    aksu_tcp_info info;
    assert_int_equal(aksu_tcp_status(w->stack[0], sock, &info), AKSU_OK);
    assert_int_equal(info.snd_unacked_bytes, 0);
    wire_close(w);
}

/* At R1 the gateway, or the peer itself, is asked whether it is there (RFC 1122 s3.3.1.4).  MUST-20 */
static void retransmissions_doubt_the_neighbour(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    (void)wire_listen(w, 1, 80);
    aksu_sock sock = wire_connect(w, 0, "192.0.2.2", 80);
    wire_run(w, 1000);
    wire_forget(w);
    w->unplugged[1] = true;
    size_t sent;
    assert_int_equal(aksu_tcp_send(w->stack[0], sock, "x", 1, 0, &sent), AKSU_OK);
    wire_run(w, 1400000); /* retransmissions at about 0.2, 0.6, 1.4 s: R1 is 3 */
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.2").state, AKSU_NEIGHBOUR_REACHABLE);
    wire_run(w, 1000000);
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.2").state, AKSU_NEIGHBOUR_PROBE);
    assert_true(wire_count(w, "a > b ARP who has 192.0.2.2") > 0);
    wire_close(w);
}

/* ---------------------------------------------------------------- impostors */

/* Puts 192.0.2.66 and 2001:db8::66, at x, into a's cache as REACHABLE. */
static void know_x(struct wire *w) {
    aksu_mac x = wire_mac(HAND);
    (void)wire_connect(w, 0, "192.0.2.66", 80);
    wire_run(w, 100);
    wire_arp(w, AK_ARP_REPLY, &x, "192.0.2.66", "192.0.2.1");
    (void)wire_connect(w, 0, "2001:db8::66", 80);
    wire_run(w, 100);
    wire_advertise(w, &(struct wire_na){.src = "2001:db8::66",
                                        .dst = "2001:db8::1",
                                        .target = "2001:db8::66",
                                        .solicited = true,
                                        .overrides = true,
                                        .mac = &x});
    wire_run(w, 100);
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.66").state, AKSU_NEIGHBOUR_REACHABLE);
    assert_int_equal(wire_neighbour(w, 0, "2001:db8::66").state, AKSU_NEIGHBOUR_REACHABLE);
    wire_forget(w);
}

static void mac_is(struct wire *w, const char *addr, int host) {
    aksu_neighbour_info info = wire_neighbour(w, 0, addr);
    aksu_mac wanted = wire_mac(host);
    assert_memory_equal(&info.mac, &wanted, sizeof wanted);
}

/* ARP poisoning: gratuitous requests, replies nobody asked for, NS and NA without override.  The one who is known keeps
 * his place while he answers.  attack: 73 */
static void unsolicited_claims_reachable_not_overwritten(void **state) {
    (void)state;
    aksu_mac evil = {{0x02, 0xee, 0, 0, 0, 1}};
    for (int way = 0; way < 5; way++) {
        struct wire *w = two_hosts();
        aksu_mac x = wire_mac(HAND);
        know_x(w);
        if (way == 0) wire_arp(w, AK_ARP_REQUEST, &evil, "192.0.2.66", "192.0.2.66");
        if (way == 1) wire_arp(w, AK_ARP_REPLY, &evil, "192.0.2.66", "192.0.2.1");
        if (way == 2) wire_arp(w, AK_ARP_REQUEST, &evil, "192.0.2.66", "192.0.2.1");
        if (way == 3)
            wire_advertise(
                w, &(struct wire_na){.src = "2001:db8::66", .dst = "ff02::1", .target = "2001:db8::66", .mac = &evil});
        if (way == 4) wire_solicit(w, "2001:db8::66", "ff02::1:ff00:1", "2001:db8::1", &evil);
        const char *addr = way < 3 ? "192.0.2.66" : "2001:db8::66";
        mac_is(w, addr, HAND);
        assert_int_equal(wire_neighbour(w, 0, addr).state, AKSU_NEIGHBOUR_PROBE); /* he is asked, at once */
        wire_run(w, 100);
        assert_int_equal(wire_count(w, way < 3 ? "a > x ARP who has 192.0.2.66" : "a > x NS 2001:db8::66"), 1);
        if (way < 3)
            wire_arp(w, AK_ARP_REPLY, &x, addr, "192.0.2.1");
        else
            wire_advertise(w, &(struct wire_na){.src = addr, .dst = "2001:db8::1", .target = addr, .solicited = true});
        assert_int_equal(wire_neighbour(w, 0, addr).state, AKSU_NEIGHBOUR_REACHABLE);
        mac_is(w, addr, HAND);
        wire_close(w);
    }
}

/* With the override flag it is RFC 4861 s7.2.5's own wish: the new address is taken, and doubted. */
static void override_reachable_taken_stale(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    aksu_mac other = wire_mac(1);
    know_x(w);
    wire_advertise(
        w, &(struct wire_na){
               .src = "2001:db8::66", .dst = "ff02::1", .target = "2001:db8::66", .overrides = true, .mac = &other});
    mac_is(w, "2001:db8::66", 1);
    assert_int_equal(wire_neighbour(w, 0, "2001:db8::66").state, AKSU_NEIGHBOUR_STALE);
    wire_close(w);
}

/* Who was never asked for, and speaks of others, is not remembered; who asks for us is. */
static void strangers_who_do_not_ask_for_us_not_remembered(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    aksu_mac x = wire_mac(HAND);
    wire_arp(w, AK_ARP_REQUEST, &x, "192.0.2.77", "192.0.2.78");
    wire_arp(w, AK_ARP_REPLY, &x, "192.0.2.77", "192.0.2.1");
    wire_arp(w, AK_ARP_REQUEST, &x, "192.0.2.77", "192.0.2.77");
    wire_advertise(
        w, &(struct wire_na){
               .src = "2001:db8::77", .dst = "ff02::1", .target = "2001:db8::77", .overrides = true, .mac = &x});
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.77").state, AKSU_NEIGHBOUR_NONE);
    assert_int_equal(wire_neighbour(w, 0, "2001:db8::77").state, AKSU_NEIGHBOUR_NONE);
    wire_arp(w, AK_ARP_REQUEST, &x, "192.0.2.77", "192.0.2.1");
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.77").state, AKSU_NEIGHBOUR_STALE);
    wire_arp(w, AK_ARP_REPLY, &x, "192.0.2.77", "192.0.2.1"); /* an answer that nobody asked for confirms nothing */
    assert_int_equal(wire_neighbour(w, 0, "192.0.2.77").state, AKSU_NEIGHBOUR_STALE);
    wire_close(w);
}

/* Senders that cannot be: groups, nobody, loopback, ourselves. */
static void impossible_arp_senders_dropped(void **state) {
    (void)state;
    static const char *const senders[] = {"224.0.0.1", "255.255.255.255", "192.0.2.255", "127.0.0.1", "240.0.0.1"};
    struct wire *w = two_hosts();
    aksu_mac x = wire_mac(HAND), zero = {{0}};
    for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
        uint64_t before = wire_drops(w, 0, AKSU_DROP_ARP_SOURCE);
        wire_arp(w, AK_ARP_REQUEST, &x, senders[i], "192.0.2.1");
        assert_int_equal(wire_drops(w, 0, AKSU_DROP_ARP_SOURCE), before + 1);
        assert_int_equal(wire_neighbour(w, 0, senders[i]).state, AKSU_NEIGHBOUR_NONE);
    }
    uint64_t before = wire_drops(w, 0, AKSU_DROP_ARP_SOURCE);
    wire_arp(w, AK_ARP_REQUEST, &zero, "192.0.2.77", "192.0.2.1");
    assert_int_equal(wire_drops(w, 0, AKSU_DROP_ARP_SOURCE), before + 1);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a >"), 0);
    wire_close(w);
}

/* ---------------------------------------------------------------- bounds */

/* RFC 6583: somebody makes us ask for every address of a /64.  A quarter of the cache may be unanswered, and whoever is
 * there stays.  attack: 73 */
static void sweep_of_a_net_bounded_and_neighbours_kept(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_config config = wire_config();
    config.neighbour_max = 16;
    (void)wire_host(w, &config, NULL);
    (void)wire_host(w, NULL, NULL);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_give(w, 1, "2001:db8::2", 64);
    (void)wire_listen(w, 1, 80);
    aksu_sock sock = wire_connect(w, 0, "2001:db8::2", 80);
    wire_run(w, 1000);
    assert_int_equal(wire_tcp_state(w, 0, sock), AK_TCP_ESTABLISHED);
    aksu_mac x = wire_mac(HAND);
    for (unsigned i = 0; i < 5000; i++) { /* echo requests from addresses where nobody is: we would answer each */
        char from[64];
        (void)snprintf(from, sizeof from, "2001:db8::%x:%x", 0x1000 + i / 60000, 0x100 + i);
        uint8_t echo[16] = {128, 0};
        wire_icmp6(w, from, "2001:db8::1", 64, echo, sizeof echo);
        wire_run(w, 500);
    }
    (void)x;
    aksu_neighbour_info info;
    uint32_t cursor = 0, unanswered = 0, all = 0, held = 0;
    while (aksu_neighbour_next(w->stack[0], &cursor, &info)) {
        all++;
        unanswered += info.state == AKSU_NEIGHBOUR_INCOMPLETE || info.state == AKSU_NEIGHBOUR_UNREACHABLE;
        held += info.held;
    }
    assert_true(all <= 16 && unanswered <= 4 && held <= 12);
    assert_int_equal(wire_neighbour(w, 0, "2001:db8::2").state, AKSU_NEIGHBOUR_REACHABLE);
    aksu_counters counters;
    aksu_counters_get(w->stack[0], &counters);
    assert_true(counters.neighbour_evictions > 4000);
    /* All memory comes back. */
    wire_run(w, 20000000);
    aksu_counters_get(w->stack[0], &counters);
    assert_int_equal(counters.block_used, 0);
    size_t sent;
    assert_int_equal(aksu_tcp_send(w->stack[0], sock, "x", 1, 0, &sent), AKSU_OK);
    wire_run(w, 100000);
    aksu_tcp_info tcp;
    assert_int_equal(aksu_tcp_status(w->stack[0], sock, &tcp), AKSU_OK);
    assert_int_equal(tcp.snd_unacked_bytes, 0);
    wire_close(w);
}

/* Strangers on the link who fill the cache push out the idle, not who is spoken to.  attack: 73 */
static void strangers_who_ask_fill_the_cache_active_kept(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_config config = wire_config();
    config.neighbour_max = 16;
    (void)wire_host(w, &config, NULL);
    (void)wire_host(w, NULL, NULL);
    wire_give(w, 0, "10.0.0.1", 8);
    wire_give(w, 1, "10.0.0.2", 8);
    (void)wire_listen(w, 1, 80);
    aksu_sock sock = wire_connect(w, 0, "10.0.0.2", 80);
    wire_run(w, 1000);
    assert_int_equal(wire_tcp_state(w, 0, sock), AK_TCP_ESTABLISHED);
    aksu_mac x = wire_mac(HAND);
    for (unsigned i = 0; i < 3000; i++) {
        char from[64];
        (void)snprintf(from, sizeof from, "10.1.%u.%u", i / 250, 1 + i % 250);
        wire_arp(w, AK_ARP_REQUEST, &x, from, "10.0.0.1");
        if (i % 50 == 0) wire_run(w, 100);
    }
    wire_run(w, 100);
    aksu_counters counters;
    aksu_counters_get(w->stack[0], &counters);
    assert_true(counters.neighbour_used <= 16);
    assert_int_equal(wire_neighbour(w, 0, "10.0.0.2").state, AKSU_NEIGHBOUR_REACHABLE);
    wire_close(w);
}

/* Nobody keeps what may wait for neighbours for himself: a later packet takes the place of an earlier one. */
static void what_waits_makes_room(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_config config = wire_config();
    config.held_max = 1;
    (void)wire_host(w, &config, NULL);
    (void)wire_host(w, NULL, NULL);
    wire_give(w, 0, "2001:db8::1", 64);
    wire_run(w, 3000000);
    const char *const from[] = {"2001:db8::66", "2001:db8::67"};
    for (int i = 0; i < 2; i++) {
        uint8_t echo[16] = {128};
        wire_icmp6(w, from[i], "2001:db8::1", 64, echo, sizeof echo);
        wire_run(w, 1000);
        assert_int_equal(wire_neighbour(w, 0, from[i]).held, 1);
    }
    assert_int_equal(wire_neighbour(w, 0, from[0]).held, 0);
    assert_int_equal(wire_drops(w, 0, AKSU_DROP_NEIGHBOUR_QUEUE), 1);
    wire_close(w);
}

/* At most 3 packets wait for one neighbour, the newest, and they go when it answers.  Echo replies stand for them. */
static void packets_wait_at_most_three(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    aksu_mac x = wire_mac(HAND);
    for (uint8_t i = 0; i < 5; i++) {
        uint8_t echo[16] = {128, 0, [7] = i};
        wire_icmp6(w, "2001:db8::66", "2001:db8::1", 64, echo, sizeof echo);
        wire_run(w, 1000);
    }
    assert_int_equal(wire_neighbour(w, 0, "2001:db8::66").held, 3);
    assert_int_equal(wire_drops(w, 0, AKSU_DROP_NEIGHBOUR_QUEUE), 2);
    assert_int_equal(wire_count(w, "a > group NS 2001:db8::66"), 1);
    wire_forget(w);
    wire_advertise(w, &(struct wire_na){.src = "2001:db8::66",
                                        .dst = "2001:db8::1",
                                        .target = "2001:db8::66",
                                        .solicited = true,
                                        .overrides = true,
                                        .mac = &x});
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a > x IP protocol 58") + wire_count(w, "a > x ICMPv6 129"), 3);
    assert_int_equal(w->line[w->line_count - 1].bytes[14 + 40 + 7], 4); /* the last of them */
    wire_close(w);
}

/* Every limit may be 1. */
static void limits_of_one_still_work(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_config config = wire_config();
    config.neighbour_max = config.held_max = config.addr_max = config.route_max = config.link_max = 1;
    config.reply_max = 2;
    for (int i = 0; i < 3; i++) (void)wire_host(w, &config, NULL);
    wire_give(w, 0, "192.0.2.1", 24);
    wire_give(w, 1, "192.0.2.2", 24);
    wire_give(w, 2, "192.0.2.3", 24);
    (void)wire_listen(w, 1, 80);
    (void)wire_listen(w, 2, 80);
    for (int round = 0; round < 5; round++) { /* each pushes out the other */
        aksu_sock one = wire_connect(w, 0, "192.0.2.2", 80);
        wire_run(w, 10000000);
        assert_int_equal(wire_tcp_state(w, 0, one), AK_TCP_ESTABLISHED);
        aksu_sock two = wire_connect(w, 0, "192.0.2.3", 80);
        wire_run(w, 10000000);
        assert_int_equal(wire_tcp_state(w, 0, two), AK_TCP_ESTABLISHED);
        assert_int_equal(aksu_tcp_abort(w->stack[0], one), AKSU_OK);
        assert_int_equal(aksu_tcp_abort(w->stack[0], two), AKSU_OK);
        wire_run(w, 10000000);
    }
    wire_close(w);
}

/* ---------------------------------------------------------------- waiting connections */

/* Many wait for one neighbour, some leave meanwhile: closed, aborted; the others go on. */
static void many_parked_some_leave_the_rest_go_on(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    (void)wire_listen(w, 1, 80);
    w->unplugged[1] = true;
    aksu_sock sock[8];
    for (int i = 0; i < 8; i++) sock[i] = wire_connect(w, 0, "192.0.2.2", 80);
    wire_run(w, 500000);
    static const int leave[] = {7, 0, 3}; /* first and last of the chain, and one between */
    for (int i = 0; i < 3; i++) assert_int_equal(aksu_tcp_abort(w->stack[0], sock[leave[i]]), AKSU_OK);
    w->unplugged[1] = false;
    wire_run(w, 1100000);
    for (int i = 0; i < 8; i++) {
        if (i == 7 || i == 0 || i == 3) continue;
        assert_int_equal(wire_tcp_state(w, 0, sock[i]), AK_TCP_ESTABLISHED);
    }
    wire_close(w);
}

/* The place of one that a connection waits for is not taken: the other connection's SYN is lost, and goes again. */
static void waited_for_neighbour_not_pushed_out(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_config config = wire_config();
    config.neighbour_max = 4; /* one of them unanswered */
    (void)wire_host(w, &config, NULL);
    (void)wire_host(w, NULL, NULL);
    wire_give(w, 0, "192.0.2.1", 24);
    wire_give(w, 1, "192.0.2.2", 24);
    wire_give(w, 1, "192.0.2.3", 24);
    (void)wire_listen(w, 1, 80);
    wire_run(w, 5000000);
    w->unplugged[1] = true;
    aksu_sock one = wire_connect(w, 0, "192.0.2.2", 80), two = wire_connect(w, 0, "192.0.2.3", 80);
    wire_run(w, 100000);
    const char *first =
        wire_neighbour(w, 0, "192.0.2.2").state == AKSU_NEIGHBOUR_INCOMPLETE ? "192.0.2.2" : "192.0.2.3";
    assert_int_equal(wire_neighbour(w, 0, first).state, AKSU_NEIGHBOUR_INCOMPLETE);
    assert_true(wire_drops(w, 0, AKSU_DROP_NEIGHBOUR_FULL) > 0);
    w->unplugged[1] = false;
    wire_run(w, 5000000);
    assert_int_equal(wire_tcp_state(w, 0, one), AK_TCP_ESTABLISHED);
    assert_int_equal(wire_tcp_state(w, 0, two), AK_TCP_ESTABLISHED);
    wire_close(w);
}

/* What ends a connection may come while it waits for its neighbour: it leaves the chain, whichever state it goes to. */
static void parked_connection_enters_time_wait_or_is_reset(void **state) {
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct wire *w = two_hosts();
        aksu_sock listener = wire_listen(w, 1, 80), theirs;
        aksu_sock ours = wire_connect(w, 0, "192.0.2.2", 80), other = wire_connect(w, 0, "192.0.2.2", 80);
        wire_run(w, 1000);
        assert_int_equal(aksu_tcp_accept(w->stack[1], listener, &theirs), AKSU_OK);
        assert_int_equal(aksu_tcp_shutdown(w->stack[0], way == 0 ? ours : other), AKSU_OK);
        wire_run(w, 100000);
        aksu_tcp_info info;
        assert_int_equal(aksu_tcp_status(w->stack[1], theirs, &info), AKSU_OK);
        /* b goes on sending, but answers no question for its address any more; a has forgotten it. */
        aksu_addr addr = wire_addr("192.0.2.2");
        aksu_route route = {.prefix = wire_addr("192.0.2.0"), .prefix_bits = 24};
        assert_int_equal(aksu_route_add(w->stack[1], &route), AKSU_OK);
        assert_int_equal(aksu_addr_remove(w->stack[1], &addr), AKSU_OK);
        assert_int_equal(aksu_link_down(w->stack[0], 0), AKSU_OK);
        assert_int_equal(aksu_link_up(w->stack[0], 0), AKSU_OK);
        size_t sent;
        assert_int_equal(aksu_tcp_send(w->stack[1], theirs, "x", 1, 0, &sent), AKSU_OK);
        wire_run(w, 100000);
        assert_int_equal(wire_neighbour(w, 0, "192.0.2.2").state, AKSU_NEIGHBOUR_INCOMPLETE);
        if (way == 0)
            assert_int_equal(aksu_tcp_shutdown(w->stack[1], theirs), AKSU_OK);
        else
            assert_int_equal(aksu_tcp_abort(w->stack[1], theirs), AKSU_OK);
        wire_run(w, 10000);
        wire_run(w, 200000000);
        (void)aksu_tcp_close(w->stack[0], ours);
        (void)aksu_tcp_close(w->stack[0], other);
        wire_run(w, 400000000);
        aksu_counters counters;
        aksu_counters_get(w->stack[0], &counters);
        assert_int_equal(counters.tcp_used, 0);
        wire_close(w);
    }
}

/* While data moves the neighbour is never in doubt. */
static void steady_traffic_keeps_reachable(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    (void)wire_listen(w, 1, 80);
    aksu_sock sock = wire_connect(w, 0, "2001:db8::2", 80);
    wire_run(w, 1000);
    for (int i = 0; i < 1200; i++) {
        size_t sent;
        assert_int_equal(aksu_tcp_send(w->stack[0], sock, "x", 1, 0, &sent), AKSU_OK);
        wire_run(w, 100000);
        assert_int_equal(wire_neighbour(w, 0, "2001:db8::2").state, AKSU_NEIGHBOUR_REACHABLE);
    }
    wire_close(w);
}

/* Frames lent one by one, and a neighbour who comes late: nothing stays lent, and the data arrives. */
static void asynchronous_output_frames_all_given_back(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_config config = wire_config();
    config.output_sync = 0;
    config.frame_max = 4;
    w->async = true;
    (void)wire_host(w, &config, NULL);
    (void)wire_host(w, &config, NULL);
    wire_give(w, 0, "192.0.2.1", 24);
    wire_give(w, 1, "192.0.2.2", 24);
    aksu_sock listener = wire_listen(w, 1, 80), theirs;
    w->unplugged[1] = true;
    aksu_sock ours = wire_connect(w, 0, "192.0.2.2", 80);
    wire_run(w, 3500000); /* what is sent now is lost */
    w->unplugged[1] = false;
    wire_run(w, 20000000);
    assert_int_equal(aksu_tcp_accept(w->stack[1], listener, &theirs), AKSU_OK);
    static uint8_t data[30000], got[30000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7);
    size_t sent, received = 0, bytes;
    assert_int_equal(aksu_tcp_send(w->stack[0], ours, data, sizeof data, 0, &sent), AKSU_OK);
    wire_run(w, 5000000);
    while (aksu_tcp_recv(w->stack[1], theirs, got + received, sizeof got - received, &bytes) == AKSU_OK)
        received += bytes;
    assert_int_equal(received, sizeof data);
    assert_memory_equal(data, got, sizeof data);
    for (int i = 0; i < 2; i++) {
        aksu_counters counters;
        aksu_counters_get(w->stack[i], &counters);
        assert_int_equal(counters.frame_used, 0);
        assert_int_equal(counters.output_token_unknown, 0);
    }
    wire_close(w);
}

/* A copy of a stack goes on as the original does, connections that wait included. */
static void clone_goes_on_alike(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    (void)wire_listen(w, 1, 80);
    w->unplugged[1] = true;
    for (int i = 0; i < 3; i++) (void)wire_connect(w, 0, "192.0.2.2", 80);
    wire_run(w, 500000);
    aksu_config config = wire_config();
    size_t bytes = aksu_stack_bytes(&config);
    void *mem = aligned_alloc(64, bytes);
    assert_non_null(mem);
    memset(mem, 0, bytes);
    aksu_stack *copy, *original = w->stack[0];
    assert_int_equal(aksu_stack_clone(original, mem, bytes, &copy), AKSU_OK);
    assert_true(aksu_stack_digest(copy) == aksu_stack_digest(original));
    uint64_t start_us = w->now_us;
    w->unplugged[1] = false;
    wire_run(w, 3000000);
    uint64_t digest = aksu_stack_digest(original);
    struct wire *again = two_hosts(); /* the same other end, as it was */
    (void)wire_listen(again, 1, 80);
    again->unplugged[1] = true;
    wire_run(again, start_us - again->now_us);
    again->unplugged[1] = false;
    free(again->mem[0]);
    again->mem[0] = mem;
    again->stack[0] = copy;
    again->now_us = start_us;
    wire_run(again, 3000000);
    assert_true(aksu_stack_digest(copy) == digest);
    wire_close(again);
    wire_close(w);
}

/* ---------------------------------------------------------------- gateways */

static void gateway_not_on_link_refused(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    aksu_route route = {.prefix = wire_addr("0.0.0.0"), .gateway = wire_addr("198.51.100.1")};
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_ERR_NO_ROUTE);
    route.gateway = wire_addr("192.0.2.254");
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_OK);
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_ERR_EXISTS);
    route = (aksu_route){.prefix = wire_addr("::"), .gateway = wire_addr("2001:db8:1::1")};
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_ERR_NO_ROUTE);
    route.gateway = wire_addr("fe80::1"); /* always on the link */
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_OK);
    route.gateway = wire_addr("ff02::2");
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_ERR_INVALID);
    route = (aksu_route){.prefix = wire_addr("0.0.0.0"), .gateway = wire_addr("fe80::1")};
    assert_int_equal(aksu_route_add(w->stack[0], &route), AKSU_ERR_NO_ROUTE);
    wire_close(w);
}

/* Two gateways: the better by metric is used; when it is silent the other is, within the time of three questions; when
 * it is back it is used again.  Hosts b and c are gateways to 198.51.100.9, which both have. */
static void gateway_fails_other_taken_and_back(void **state) {
    (void)state;
    struct wire *w = wire_open();
    for (int i = 0; i < 3; i++) (void)wire_host(w, NULL, NULL);
    wire_give(w, 0, "192.0.2.1", 24);
    wire_give(w, 1, "192.0.2.11", 24);
    wire_give(w, 2, "192.0.2.12", 24);
    wire_give(w, 1, "198.51.100.9", 32);
    wire_give(w, 2, "198.51.100.9", 32);
    aksu_route b = {.prefix = wire_addr("0.0.0.0"), .gateway = wire_addr("192.0.2.11"), .metric = 1};
    aksu_route c = {.prefix = wire_addr("0.0.0.0"), .gateway = wire_addr("192.0.2.12"), .metric = 2};
    assert_int_equal(aksu_route_add(w->stack[0], &c), AKSU_OK);
    assert_int_equal(aksu_route_add(w->stack[0], &b), AKSU_OK);
    (void)wire_listen(w, 1, 80);
    (void)wire_listen(w, 2, 80);
    aksu_sock one = wire_connect(w, 0, "198.51.100.9", 80);
    wire_run(w, 1000000);
    assert_int_equal(wire_tcp_state(w, 0, one), AK_TCP_ESTABLISHED);
    assert_true(wire_count(w, "a > b TCP SYN") == 1 && wire_count(w, "a > c TCP") == 0);
    assert_true(wire_neighbour(w, 0, "192.0.2.11").gateway);
    /* b dies while a sends to it: R1 raises the doubt, three questions settle it. */
    w->unplugged[1] = true;
    wire_forget(w);
    size_t sent;
    assert_int_equal(aksu_tcp_send(w->stack[0], one, "x", 1, 0, &sent), AKSU_OK);
    wire_run(w, 8000000);
    assert_true(wire_count(w, "a > c TCP ACK, 1 bytes") > 0);
    assert_int_equal(aksu_tcp_abort(w->stack[0], one), AKSU_OK);
    aksu_sock two = wire_connect(w, 0, "198.51.100.9", 80);
    wire_run(w, 1000000);
    assert_int_equal(wire_tcp_state(w, 0, two), AK_TCP_ESTABLISHED);
    /* It is asked again and again, and used when it answers, long after it has stopped asking for us. */
    wire_run(w, 60000000);
    w->unplugged[1] = false;
    wire_run(w, 130000000);
    wire_forget(w);
    aksu_sock three = wire_connect(w, 0, "198.51.100.9", 80);
    wire_run(w, 1000000);
    assert_int_equal(wire_tcp_state(w, 0, three), AK_TCP_ESTABLISHED);
    assert_int_equal(wire_count(w, "a > b TCP SYN"), 1);
    wire_close(w);
}

/* A configured way to one net is not given up for a wider one: what is meant for a tunnel stays out of the open. */
static void configured_route_kept_while_its_gateway_is_silent(void **state) {
    (void)state;
    struct wire *w = wire_open();
    for (int i = 0; i < 2; i++) (void)wire_host(w, NULL, NULL);
    wire_give(w, 0, "192.0.2.1", 24);
    wire_give(w, 1, "192.0.2.11", 24);
    aksu_route wide = {.prefix = wire_addr("0.0.0.0"), .gateway = wire_addr("192.0.2.11")};
    aksu_route one = {
        .prefix = wire_addr("198.51.100.0"), .prefix_bits = 24, .gateway = wire_addr("192.0.2.99"), .metric = 1};
    assert_int_equal(aksu_route_add(w->stack[0], &wide), AKSU_OK);
    assert_int_equal(aksu_route_add(w->stack[0], &one), AKSU_OK);
    (void)wire_connect(w, 0, "198.51.100.9", 80);
    wire_run(w, 20000000);
    assert_true(wire_count(w, "a > all ARP who has 192.0.2.99") > 3);
    assert_int_equal(wire_count(w, "a > b TCP SYN"), 0);
    wire_close(w);
}

/* Frames to others, with another VLAN or from ourselves are none of ours; padding is not looked at. */
static void frames_of_others_dropped(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    uint8_t p[64] = {0};
    struct ak_arp arp = {
        .op = AK_ARP_REQUEST, .sha = wire_mac(HAND), .spa = wire_addr("192.0.2.66"), .tpa = wire_addr("192.0.2.1")};
    static const struct {
        aksu_mac dst, src;
        uint16_t vlan;
        aksu_drop drop;
    } rows[] = {
        {{{2, 0, 0, 0, 0, 0xa}}, {{2, 0, 0, 0, 0, 0xe}}, 0, AKSU_DROP_NONE},
        {{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, {{2, 0, 0, 0, 0, 0xe}}, 0, AKSU_DROP_NONE},
        {{{2, 0, 0, 0, 0, 0xc}}, {{2, 0, 0, 0, 0, 0xe}}, 0, AKSU_DROP_ETH_NOT_OURS},
        {{{1, 0, 0x5e, 0, 0, 1}}, {{2, 0, 0, 0, 0, 0xe}}, 0, AKSU_DROP_ETH_NOT_OURS},
        {{{0x33, 0x33, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 0xe}}, 0, AKSU_DROP_ETH_NOT_OURS},
        {{{2, 0, 0, 0, 0, 0xa}}, {{2, 0, 0, 0, 0, 0xa}}, 0, AKSU_DROP_ETH_SOURCE},
        {{{2, 0, 0, 0, 0, 0xa}}, {{2, 0, 0, 0, 0, 0xe}}, 7, AKSU_DROP_ETH_VLAN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ak_eth eth = {.dst = rows[i].dst, .src = rows[i].src, .vlan = rows[i].vlan, .type = AK_ETH_ARP};
        uint32_t bytes = ak_wire_eth_bytes(eth.vlan);
        ak_wire_eth_build(p + bytes, &eth);
        ak_wire_arp_build(p + bytes, &arp);
        uint64_t before = wire_drops(w, 0, rows[i].drop);
        wire_forget(w);
        wire_deliver(w, HAND, p, sizeof p);
        wire_run(w, 100);
        if (rows[i].drop != AKSU_DROP_NONE) assert_int_equal(wire_drops(w, 0, rows[i].drop), before + 1);
        assert_int_equal(wire_count(w, "a > x ARP 192.0.2.1 is here"), rows[i].drop == AKSU_DROP_NONE);
    }
    wire_close(w);
}

/* On a VLAN of our own all frames bear its tag, and only those are taken. */
static void own_vlan_tags_both_ways(void **state) {
    (void)state;
    struct wire *w = wire_open();
    for (int i = 0; i < 2; i++) {
        aksu_link_config link = wire_link(i);
        link.vlan = 42;
        (void)wire_host(w, NULL, &link);
    }
    (void)wire_host(w, NULL, NULL); /* c is on no VLAN */
    wire_give(w, 0, "192.0.2.1", 24);
    wire_give(w, 1, "192.0.2.2", 24);
    wire_give(w, 2, "192.0.2.2", 24);
    (void)wire_listen(w, 1, 80);
    aksu_sock sock = wire_connect(w, 0, "192.0.2.2", 80);
    wire_run(w, 1000);
    assert_int_equal(wire_tcp_state(w, 0, sock), AK_TCP_ESTABLISHED);
    for (uint32_t i = 0; i < w->line_count; i++) {
        if (w->line[i].from == 2) continue;
        assert_int_equal(ak_be16(w->line[i].bytes + 12), AK_ETH_TAG);
        assert_int_equal(ak_be16(w->line[i].bytes + 14), 42);
    }
    wire_close(w);
}

/* A unicast packet in a frame to everybody is nobody's (RFC 1122 s3.3.6).  MUST-57 attack: 90 */
static void unicast_packet_in_a_group_frame_dropped(void **state) {
    (void)state;
    struct wire *w = two_hosts();
    uint8_t p[14 + 40 + 16] = {0};
    struct ak_ip ip = {.src = wire_addr("2001:db8::66"), .dst = wire_addr("2001:db8::1"), .protocol = 58, .ttl = 64};
    struct ak_eth eth = {.dst = ak_mac_of_group(&ak_addr_all_nodes), .src = wire_mac(HAND), .type = AK_ETH_IPV6};
    ak_wire_eth_build(p + 14, &eth);
    (void)ak_wire_ip_build(p + 14, &ip, 16);
    uint64_t before = wire_drops(w, 0, AKSU_DROP_IP_BROADCAST);
    wire_deliver(w, HAND, p, sizeof p);
    assert_int_equal(wire_drops(w, 0, AKSU_DROP_IP_BROADCAST), before + 1);
    /* An echo request to all nodes, or from nobody, is not answered either. */
    uint8_t echo[16] = {128, 0};
    wire_icmp6(w, "2001:db8::66", "ff02::1", 64, echo, sizeof echo);
    wire_icmp6(w, "::", "ff02::1", 64, echo, sizeof echo);
    wire_forget(w);
    wire_run(w, 1000);
    assert_int_equal(wire_count(w, "a >"), 0);
    wire_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_asks_first_then_sends),
        cmocka_unit_test(nobody_there_connection_waits_then_retries),
        cmocka_unit_test(late_neighbour_connection_goes_on),
        cmocka_unit_test(progress_confirms_silence_asks),
        cmocka_unit_test(retransmissions_doubt_the_neighbour),
        cmocka_unit_test(unsolicited_claims_reachable_not_overwritten),
        cmocka_unit_test(override_reachable_taken_stale),
        cmocka_unit_test(strangers_who_do_not_ask_for_us_not_remembered),
        cmocka_unit_test(impossible_arp_senders_dropped),
        cmocka_unit_test(sweep_of_a_net_bounded_and_neighbours_kept),
        cmocka_unit_test(strangers_who_ask_fill_the_cache_active_kept),
        cmocka_unit_test(what_waits_makes_room),
        cmocka_unit_test(packets_wait_at_most_three),
        cmocka_unit_test(limits_of_one_still_work),
        cmocka_unit_test(many_parked_some_leave_the_rest_go_on),
        cmocka_unit_test(waited_for_neighbour_not_pushed_out),
        cmocka_unit_test(steady_traffic_keeps_reachable),
        cmocka_unit_test(parked_connection_enters_time_wait_or_is_reset),
        cmocka_unit_test(asynchronous_output_frames_all_given_back),
        cmocka_unit_test(clone_goes_on_alike),
        cmocka_unit_test(gateway_not_on_link_refused),
        cmocka_unit_test(gateway_fails_other_taken_and_back),
        cmocka_unit_test(configured_route_kept_while_its_gateway_is_silent),
        cmocka_unit_test(frames_of_others_dropped),
        cmocka_unit_test(own_vlan_tags_both_ways),
        cmocka_unit_test(unicast_packet_in_a_group_frame_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
