/* The same inputs give the same bytes: every byte of every frame, in every build.
 *
 * The hash is printed; tools/test_summary.py compares it between the builds of ./dev test, which differ in compiler and
 * in optimisation. */
#include "tcp_world.h"

/* Connections that carry text both ways and close, through a network that loses what the pattern says. */
static uint64_t hash_of_a_life(uint64_t pattern) {
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock listener = world_listen(w, 8, 0);
    static const char text[20000] = "determinism";
    for (int i = 0; i < 3; i++) {
        aksu_sock client = world_connect(w), server;
        w->lose_mask = pattern;
        world_run(w, 20000000);
        size_t bytes;
        char buf[4096];
        assert_int_equal(aksu_tcp_accept(w->stack[SERVER], listener, &server), AKSU_OK);
        assert_int_equal(aksu_tcp_send(w->stack[CLIENT], client, text, sizeof text, 0, &bytes), AKSU_OK);
        assert_int_equal(aksu_tcp_send(w->stack[SERVER], server, text, 3000, 0, &bytes), AKSU_OK);
        w->lose_mask = pattern >> 7 | pattern << 3;
        for (int k = 0; k < 40; k++) {
            world_run(w, 500000);
            while (aksu_tcp_recv(w->stack[SERVER], server, buf, sizeof buf, &bytes) == AKSU_OK) {
            }
            while (aksu_tcp_recv(w->stack[CLIENT], client, buf, sizeof buf, &bytes) == AKSU_OK) {
            }
        }
        assert_int_equal(aksu_tcp_close(w->stack[CLIENT], client), AKSU_OK);
        w->lose_mask = pattern >> 13;
        world_run(w, 3000000);
        (void)aksu_tcp_close(w->stack[SERVER], server);
        world_run(w, 20000000);
    }
    uint64_t hash = w->frames_hash ^ aksu_stack_digest(w->stack[CLIENT]) ^ aksu_stack_digest(w->stack[SERVER]);
    world_close(w);
    return hash;
}

static void same_inputs_give_the_same_bytes(void **state) {
    (void)state;
    uint64_t all = 0, pattern = 0x9e3779b97f4a7c15u;
    for (int i = 0; i < 16; i++) {
        pattern = pattern * 6364136223846793005u + 1442695040888963407u;
        uint64_t lost = pattern & pattern >> 31 & 0xffffffff; /* about a quarter */
        uint64_t hash = hash_of_a_life(lost);
        assert_int_equal(hash, hash_of_a_life(lost));
        all = all * 31 + hash;
    }
    print_message("determinism: %016llx\n", (unsigned long long)all);
}

/* What is queued behind our SYN begins after it: with nothing queued there is no byte to look at. */
static void digest_in_syn_sent_is_of_what_is_queued(void **state) {
    (void)state;
    aksu_config config = world_config();
    struct tcp_world *w = world_open(&config);
    aksu_sock sock = world_connect(w);
    aksu_iov iov[4];
    uint32_t count;
    size_t bytes;
    assert_int_equal(aksu_tcp_send_reserve(w->stack[CLIENT], sock, 100, iov, 4, &count), AKSU_OK);
    assert_int_equal(aksu_tcp_send_commit(w->stack[CLIENT], sock, 0, 0), AKSU_OK);
    uint64_t empty = aksu_stack_digest(w->stack[CLIENT]);
    assert_int_equal(aksu_tcp_send(w->stack[CLIENT], sock, "a", 1, 0, &bytes), AKSU_OK);
    assert_true(aksu_stack_digest(w->stack[CLIENT]) != empty);
    world_close(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_inputs_give_the_same_bytes),
        cmocka_unit_test(digest_in_syn_sent_is_of_what_is_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
