/* Configuration: ranges that are named when they are left, memory, links, addresses and routes. */
#include "tcp_world.h"

static bool refused(const aksu_config *config, const char *field) {
    const char *why = aksu_config_check(config);
    return why != NULL && strstr(why, field) != NULL && aksu_stack_bytes(config) == 0;
}

/* Every limit out of its range is named; the defaults are in range. */
static void config_out_of_range_names_the_field(void **state) {
    (void)state;
    aksu_config good;
    aksu_config_default(&good);
    assert_null(aksu_config_check(&good));
    assert_true(aksu_stack_bytes(&good) > 0);
#define BAD(field, value)                                                                                              \
    do {                                                                                                               \
        aksu_config bad = good;                                                                                        \
        bad.field = value;                                                                                             \
        assert_true(refused(&bad, #field));                                                                            \
    } while (0)
    BAD(struct_bytes, 1);
    BAD(tcp_max, 0);
    BAD(tcp_max, (1u << 27) + 1);
    BAD(listener_max, 0);
    BAD(syn_cache_max, 0);
    BAD(time_wait_max, 0);
    BAD(transfer_max, 0);
    BAD(block_bytes, 32);
    BAD(block_bytes, 1000);
    BAD(block_max, 0);
    BAD(record_max, 0);
    BAD(frame_max, 0);
    BAD(reply_max, 0);
    BAD(settings_max, 0);
    BAD(link_max, 0);
    BAD(link_max, 256);
    BAD(addr_max, 0);
    BAD(route_max, 0);
    BAD(port_first, 0);
    BAD(port_last, 1);
    BAD(output_sync, 2);
    BAD(time_wait_us, 29999999);
    BAD(time_wait_us, 240000001);
    BAD(syn_cookies, 3);
    BAD(rst_per_second, 1000001);
    BAD(reset_on_overflow, 2);
#undef BAD
    aksu_config bad = good;
    bad.tcp.ttl = 0;
    assert_non_null(aksu_config_check(&bad));
}

/* Memory that is too small, not aligned, or none. */
static void init_with_unfit_memory_is_invalid(void **state) {
    (void)state;
    aksu_config config = world_config();
    size_t bytes = aksu_stack_bytes(&config);
    uint8_t *mem = aligned_alloc(64, (bytes + 127) / 64 * 64);
    assert_non_null(mem);
    memset(mem, 0, bytes);
    aksu_stack *stack;
    assert_int_equal(aksu_stack_init(&config, NULL, bytes, &stack), AKSU_ERR_INVALID);
    assert_int_equal(aksu_stack_init(&config, mem + 8, bytes, &stack), AKSU_ERR_INVALID);
    assert_int_equal(aksu_stack_init(&config, mem, bytes - 1, &stack), AKSU_ERR_INVALID);
    assert_int_equal(aksu_stack_init(&config, mem, bytes, &stack), AKSU_OK);
    free(mem);
}

static void links_out_of_range_are_refused(void **state) {
    (void)state;
    aksu_config config = world_config();
    config.link_max = 2;
    struct tcp_world *w = world_open(&config); /* one link is there */
    uint16_t link;
    aksu_link_config good = {.struct_bytes = sizeof good, .mtu = 1500}, bad = good;
    bad.mtu = 575;
    assert_int_equal(aksu_link_add(w->stack[0], &bad, &link), AKSU_ERR_INVALID);
    bad.mtu = 65536;
    assert_int_equal(aksu_link_add(w->stack[0], &bad, &link), AKSU_ERR_INVALID);
    bad = good;
    bad.flags = AKSU_LINK_TSO4; /* cut segments need new checksums */
    assert_int_equal(aksu_link_add(w->stack[0], &bad, &link), AKSU_ERR_INVALID);
    assert_int_equal(aksu_link_add(w->stack[0], &good, &link), AKSU_OK);
    assert_int_equal(aksu_link_add(w->stack[0], &good, &link), AKSU_ERR_NO_MEMORY);
    assert_int_equal(aksu_link_up(w->stack[0], 9), AKSU_ERR_INVALID);
    assert_int_equal(aksu_link_down(w->stack[0], 9), AKSU_ERR_INVALID);
    world_close(w);
}

static void addresses_and_routes_come_and_go(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_stack *stack = w->stack[0];
    aksu_addr addr = aksu_addr_v4(10, 0, 0, 1), far = aksu_addr_v4(8, 8, 8, 8);
    assert_int_equal(aksu_addr_add(stack, 0, &addr, 33), AKSU_ERR_INVALID);
    assert_int_equal(aksu_addr_add(stack, 9, &addr, 24), AKSU_ERR_INVALID);
    assert_int_equal(aksu_addr_add(stack, 0, &addr, 24), AKSU_OK);
    assert_int_equal(aksu_addr_add(stack, 0, &addr, 24), AKSU_ERR_EXISTS);
    assert_int_equal(aksu_addr_remove(stack, &far), AKSU_ERR_ADDR_NOT_AVAILABLE);

    aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = far, .port = 80}};
    aksu_sock sock;
    assert_int_equal(aksu_tcp_connect(stack, &open, &sock), AKSU_ERR_NO_ROUTE);
    aksu_route route = {.prefix = aksu_addr_v4(0, 0, 0, 0), .gateway = aksu_addr_v4(10, 0, 0, 254)};
    assert_int_equal(aksu_route_add(stack, &route), AKSU_OK);
    assert_int_equal(aksu_route_add(stack, &route), AKSU_ERR_EXISTS);
    assert_int_equal(aksu_tcp_connect(stack, &open, &sock), AKSU_OK);
    assert_int_equal(aksu_tcp_abort(stack, sock), AKSU_OK);
    assert_int_equal(aksu_route_remove(stack, &route), AKSU_OK);
    assert_int_equal(aksu_route_remove(stack, &route), AKSU_ERR_NO_ROUTE);
    assert_int_equal(aksu_tcp_connect(stack, &open, &sock), AKSU_ERR_NO_ROUTE);
    assert_int_equal(aksu_addr_remove(stack, &addr), AKSU_OK);
    world_close(w);
}

/* The longest prefix decides which of our addresses speaks. */
static void longest_prefix_chooses_the_source(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_stack *stack = w->stack[0];
    aksu_addr wide = aksu_addr_v4(10, 0, 0, 1), narrow = aksu_addr_v4(10, 1, 0, 1);
    assert_int_equal(aksu_addr_add(stack, 0, &wide, 8), AKSU_OK);
    assert_int_equal(aksu_addr_add(stack, 0, &narrow, 16), AKSU_OK);
    static const struct {
        uint8_t b, c;
        uint8_t wanted;
    } cases[] = {{1, 9, 1}, {2, 9, 0}};
    for (size_t i = 0; i < 2; i++) {
        aksu_sock sock;
        aksu_tcp_open open = {.struct_bytes = sizeof open,
                              .remote = {.addr = aksu_addr_v4(10, cases[i].b, cases[i].c, 9), .port = 80}};
        assert_int_equal(aksu_tcp_connect(stack, &open, &sock), AKSU_OK);
        aksu_tcp_info info;
        assert_int_equal(aksu_tcp_status(stack, sock, &info), AKSU_OK);
        assert_true(aksu_addr_equal(&info.local.addr, cases[i].wanted ? &narrow : &wide));
    }
    world_close(w);
}

/* RFC 1122 s3.3.4.3: of a link's addresses that in whose net the destination is, and the narrower of two; where it is
 * in none, and a route without a source leads there, the longest match; whatever their order. */
static void source_on_a_link_by_the_longest_match(void **state) {
    (void)state;
    static const struct {
        uint8_t at[4], bits;
    } have[] = {{{10, 1, 0, 201}, 8},
                {{10, 1, 0, 1}, 24},
                {{10, 1, 0, 129}, 25},
                {{172, 16, 0, 1}, 24},
                {{192, 168, 0, 1}, 24}};
    static const struct {
        uint8_t to[4], wanted;
    } cases[] = {
        {{10, 1, 0, 9}, 1},     /* in /8 and /24 */
        {{10, 1, 0, 200}, 2},   /* in all three */
        {{10, 1, 9, 9}, 0},     /* in /8 alone, though the other has more bits of it */
        {{172, 31, 255, 1}, 3}, /* in none: 12 bits of it */
        {{192, 160, 0, 1}, 4},  /* 12 bits again */
        {{11, 0, 0, 1}, 0},     /* 7 bits, of three: the first */
    };
    enum { COUNT = sizeof have / sizeof have[0] };
    for (size_t order = 0; order < COUNT; order++) {
        aksu_config config = world_config();
        struct tcp_world *w = world_open(&config);
        aksu_stack *stack = w->stack[0];
        aksu_route route = {.prefix = aksu_addr_v4(0, 0, 0, 0)};
        assert_int_equal(aksu_route_add(stack, &route), AKSU_OK);
        for (size_t i = 0; i < COUNT; i++) {
            const uint8_t *at = have[(i + order) % COUNT].at;
            aksu_addr addr = aksu_addr_v4(at[0], at[1], at[2], at[3]);
            assert_int_equal(aksu_addr_add(stack, 0, &addr, have[(i + order) % COUNT].bits), AKSU_OK);
        }
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const uint8_t *to = cases[i].to, *at = have[cases[i].wanted].at;
            if (order != 0 && cases[i].wanted == 0 && to[0] == 11) continue; /* the first of equals is another */
            aksu_sock sock;
            aksu_tcp_open open = {.struct_bytes = sizeof open,
                                  .remote = {.addr = aksu_addr_v4(to[0], to[1], to[2], to[3]), .port = 80}};
            assert_int_equal(aksu_tcp_connect(stack, &open, &sock), AKSU_OK);
            aksu_tcp_info info;
            assert_int_equal(aksu_tcp_status(stack, sock, &info), AKSU_OK);
            aksu_addr wanted = aksu_addr_v4(at[0], at[1], at[2], at[3]);
            if (!aksu_addr_equal(&info.local.addr, &wanted)) fail_msg("order %zu, case %zu", order, i);
        }
        world_close(w);
    }
}

/* RFC 1122 s3.3.4.3 (d): beyond a gateway it is the address that the gateway is beside, however many bits another has
 * in common with the destination: answers to that would not find back. */
static void source_beyond_a_gateway_is_beside_it(void **state) {
    (void)state;
    const aksu_addr have[] = {aksu_addr_v4(10, 0, 0, 2), aksu_addr_v4(192, 168, 1, 2)};
    const aksu_addr beyond[] = {aksu_addr_v4(8, 8, 8, 8), aksu_addr_v4(10, 0, 1, 9), aksu_addr_v4(192, 168, 2, 9)};
    for (size_t order = 0; order < 2; order++) {
        aksu_config config = world_config();
        struct tcp_world *w = world_open(&config);
        aksu_stack *stack = w->stack[0];
        for (size_t i = 0; i < 2; i++) assert_int_equal(aksu_addr_add(stack, 0, &have[(i + order) % 2], 24), AKSU_OK);
        aksu_route route = {.prefix = aksu_addr_v4(0, 0, 0, 0), .gateway = aksu_addr_v4(192, 168, 1, 1)};
        assert_int_equal(aksu_route_add(stack, &route), AKSU_OK);
        for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
            aksu_sock sock;
            aksu_tcp_open open = {.struct_bytes = sizeof open, .remote = {.addr = beyond[i], .port = 80}};
            assert_int_equal(aksu_tcp_connect(stack, &open, &sock), AKSU_OK);
            aksu_tcp_info info;
            assert_int_equal(aksu_tcp_status(stack, sock, &info), AKSU_OK);
            if (!aksu_addr_equal(&info.local.addr, &have[1])) fail_msg("order %zu, case %zu", order, i);
        }
        world_close(w);
    }
}

/* A setting out of its range is refused, and its range can be asked for. */
static void settings_out_of_range_are_refused(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 4, 0);
    for (int i = 0; i < AKSU_TCP_SETTING_COUNT; i++) {
        const aksu_tcp_setting_info_t *info = aksu_tcp_setting_info((aksu_tcp_setting)i);
        uint64_t value = 0;
        assert_int_equal(aksu_tcp_get(w->stack[SERVER], listener, (aksu_tcp_setting)i, &value), AKSU_OK);
        assert_in_range(value, info->min, info->max);
        assert_int_equal(aksu_tcp_set(w->stack[SERVER], listener, (aksu_tcp_setting)i, info->max + 1),
                         AKSU_ERR_OUT_OF_RANGE);
        if (info->min > 0)
            assert_int_equal(aksu_tcp_set(w->stack[SERVER], listener, (aksu_tcp_setting)i, info->min - 1),
                             AKSU_ERR_OUT_OF_RANGE);
        assert_int_equal(aksu_tcp_set(w->stack[SERVER], listener, (aksu_tcp_setting)i, info->max), AKSU_OK);
        assert_int_equal(aksu_tcp_set(w->stack[SERVER], listener, (aksu_tcp_setting)i, info->min), AKSU_OK);
        assert_int_equal(aksu_tcp_get(w->stack[SERVER], listener, (aksu_tcp_setting)i, &value), AKSU_OK);
        assert_int_equal(value, info->min);
    }
    assert_null(aksu_tcp_setting_info(AKSU_TCP_SETTING_COUNT));
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_out_of_range_names_the_field),  cmocka_unit_test(init_with_unfit_memory_is_invalid),
        cmocka_unit_test(links_out_of_range_are_refused),       cmocka_unit_test(addresses_and_routes_come_and_go),
        cmocka_unit_test(longest_prefix_chooses_the_source),    cmocka_unit_test(source_on_a_link_by_the_longest_match),
        cmocka_unit_test(source_beyond_a_gateway_is_beside_it), cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
