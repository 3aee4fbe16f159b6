/* Goal: what is for ourselves goes round in the stack on every kind of link, over both versions, and never onto the
 * wire; nobody outside speaks as the loopback. */
#include "ether_world.h"

static void own_and_loopback_addresses_connect_to_ourselves(void **state) {
    (void)state;
    static const char *const remotes[] = {"127.0.0.1", "192.0.2.1", "::1", "2001:db8::1"};
    for (int ethernet = 0; ethernet < 2; ethernet++) {
        struct wire *w = wire_open();
        aksu_link_config link = wire_link(0), plain = {.struct_bytes = sizeof plain, .mtu = 1500};
        (void)wire_host(w, NULL, ethernet ? &link : &plain);
        wire_give(w, 0, "192.0.2.1", 24);
        wire_give(w, 0, "2001:db8::1", 64);
        (void)wire_listen(w, 0, 80);
        wire_run(w, 5000000);
        wire_forget(w);
        for (size_t i = 0; i < sizeof remotes / sizeof remotes[0]; i++) {
            aksu_sock sock = wire_connect(w, 0, remotes[i], 80);
            wire_run(w, 100000);
            aksu_tcp_info info;
            assert_int_equal(aksu_tcp_status(w->stack[0], sock, &info), AKSU_OK);
            assert_int_equal(info.state, AK_TCP_ESTABLISHED);
            assert_true(aksu_addr_equal(&info.local.addr, &info.remote.addr));
            assert_int_equal(aksu_tcp_abort(w->stack[0], sock), AKSU_OK);
            wire_run(w, 100000);
        }
        assert_int_equal(w->line_count, w->seen);
        wire_close(w);
    }
}

/* An address that is only asked for is not ours yet, for ourselves either. */
static void tentative_address_not_ours(void **state) {
    (void)state;
    struct wire *w = wire_open();
    aksu_link_config link = wire_link(0);
    link.dad_probes = 1;
    (void)wire_host(w, NULL, &link);
    wire_give(w, 0, "2001:db8::1", 64);
    aksu_sock sock;
    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = wire_addr("2001:db8::1"), .port = 80}};
    assert_int_equal(aksu_tcp_connect(w->stack[0], &open, &sock), AKSU_ERR_ADDR_NOT_AVAILABLE);
    wire_run(w, 3000000);
    assert_int_equal(aksu_tcp_connect(w->stack[0], &open, &sock), AKSU_OK);
    wire_close(w);
}

/* attack: 70 */
static void loopback_from_the_wire_dropped(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"::1", "2001:db8::1"}, {"2001:db8::66", "::1"}, {"2001:db8::1", "2001:db8::1"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire *w = wire_open();
        (void)wire_host(w, NULL, NULL);
        wire_give(w, 0, "2001:db8::1", 64);
        wire_run(w, 5000000);
        wire_forget(w);
        uint8_t echo[16] = {128, 0};
        wire_icmp6(w, rows[i][0], rows[i][1], 64, echo, sizeof echo);
        wire_forget(w);
        wire_run(w, 1000);
        assert_int_equal(wire_count(w, "a >"), 0);
        wire_close(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_and_loopback_addresses_connect_to_ourselves),
        cmocka_unit_test(tentative_address_not_ours),
        cmocka_unit_test(loopback_from_the_wire_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
