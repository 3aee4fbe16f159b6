/* The resolver against servers that a test plays: answers, silence, refusal, truncation, forgeries. */
#include "tcp_world.h"

#include "aksu/dns.h"

enum { PORT = 53, SERVERS = 2 };

/* What the server does with each question, in order. */
enum deed { ANSWER, SILENT, REFUSE, NO_NAME, TRUNCATE, NO_EDNS, FORGE, NONSENSE };

struct names {
    struct tcp_world *w;
    aksu_dns *dns;
    void *mem;
    aksu_sock server[SERVERS], listener, peer;
    bool peer_open;
    enum deed deed[16];
    uint32_t forgeries; /* that come before the deed of each question over UDP */
    uint32_t deeds, asked[SERVERS];
    bool edns[16];
    uint16_t ids[16];
    uint64_t asked_us[16];
};

static struct names *names_open(const enum deed *deeds, uint32_t count) {
    struct names *n = calloc(1, sizeof *n);
    assert_non_null(n);
    aksu_config config = world_config();
    n->w = world_open(&config);
    memcpy(n->deed, deeds, count * sizeof *deeds);
    for (int i = 0; i < SERVERS; i++) {
        aksu_udp_open open = {.struct_bytes = sizeof open, .local.port = (uint16_t)(PORT + i)};
        assert_int_equal(aksu_udp_bind(n->w->stack[SERVER], &open, &n->server[i]), AKSU_OK);
    }
    n->listener = world_listen_on(n->w, SERVER, PORT, 4, 0);
    aksu_dns_config dns;
    aksu_dns_config_default(&dns);
    dns.server_count = SERVERS;
    for (int i = 0; i < SERVERS; i++)
        dns.server[i] = (aksu_endpoint){.addr = world_addr(SERVER), .port = i == 0 ? 0 : (uint16_t)(PORT + i)};
    memset(dns.entropy, 5, sizeof dns.entropy);
    size_t bytes = aksu_dns_bytes(&dns);
    n->mem = malloc(bytes);
    assert_non_null(n->mem);
    assert_int_equal(aksu_dns_init(&dns, n->w->stack[CLIENT], n->mem, bytes, &n->dns), AKSU_OK);
    return n;
}

static void names_close(struct names *n) {
    aksu_dns_close(n->dns);
    aksu_counters counters;
    aksu_counters_get(n->w->stack[CLIENT], &counters);
    assert_int_equal(counters.udp_used, 0);
    world_close(n->w);
    free(n->mem);
    free(n);
}

/* Turns a question of bytes into a reply, in place; 192.0.2.77 is the answer.  Answers its bytes. */
static size_t reply_to(uint8_t *p, size_t bytes, enum deed deed) {
    static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 77};
    static const uint8_t codes[] = {[ANSWER] = 0, [REFUSE] = 5, [NO_NAME] = 3, [NO_EDNS] = 1};
    if (p[11] == 1) bytes -= 11; /* the question's OPT */
    p[2] = 0x81 | (deed == TRUNCATE ? 2 : 0);
    p[3] = 0x80 | (deed < sizeof codes ? codes[deed] : 0);
    p[11] = 0;
    if (deed == FORGE) p[0] ^= 1;
    if (deed != ANSWER && deed != FORGE && deed != NONSENSE) return bytes;
    p[7] = 1;
    memcpy(p + bytes, record, sizeof record - (deed == NONSENSE));
    return bytes + sizeof record - (deed == NONSENSE);
}

static void serve_udp(struct names *n, int server) {
    uint8_t p[600];
    size_t bytes;
    aksu_udp_from from;
    while (aksu_udp_recv(n->w->stack[SERVER], n->server[server], p, sizeof p, &bytes, &from) == AKSU_OK) {
        uint32_t turn = n->deeds++;
        n->asked[server]++;
        n->edns[turn] = p[11] == 1;
        n->ids[turn] = (uint16_t)(p[0] << 8 | p[1]);
        n->asked_us[turn] = n->w->now_us;
        for (uint32_t i = 0; i < n->forgeries; i++) {
            uint8_t forged[600];
            memcpy(forged, p, bytes);
            size_t forged_bytes = reply_to(forged, bytes, FORGE);
            aksu_stack *s = n->w->stack[SERVER];
            assert_int_equal(aksu_udp_send(s, n->server[server], &from.remote, forged, forged_bytes), AKSU_OK);
        }
        if (n->deed[turn] == SILENT) continue;
        bytes = reply_to(p, bytes, n->deed[turn]);
        assert_int_equal(aksu_udp_send(n->w->stack[SERVER], n->server[server], &from.remote, p, bytes), AKSU_OK);
    }
}

/* Over TCP the answer comes in two pieces. */
static void serve_tcp(struct names *n) {
    uint8_t p[600];
    size_t bytes, sent;
    if (!n->peer_open) n->peer_open = aksu_tcp_accept(n->w->stack[SERVER], n->listener, &n->peer) == AKSU_OK;
    if (!n->peer_open || aksu_tcp_recv(n->w->stack[SERVER], n->peer, p, sizeof p, &bytes) != AKSU_OK) return;
    assert_int_equal(p[0] << 8 | p[1], bytes - 2);
    bytes = reply_to(p + 2, bytes - 2, n->deed[n->deeds++]);
    p[0] = (uint8_t)(bytes >> 8);
    p[1] = (uint8_t)bytes;
    assert_int_equal(aksu_tcp_send(n->w->stack[SERVER], n->peer, p, 7, 0, &sent), AKSU_OK);
    world_run(n->w, 10000);
    assert_int_equal(aksu_tcp_send(n->w->stack[SERVER], n->peer, p + 7, bytes + 2 - 7, 0, &sent), AKSU_OK);
}

/* Everything that happens within so long. */
static void run(struct names *n, uint64_t for_us) {
    uint64_t end_us = n->w->now_us + for_us;
    while (n->w->now_us < end_us) {
        world_run(n->w, 20000);
        for (int i = 0; i < SERVERS; i++) serve_udp(n, i);
        serve_tcp(n);
        aksu_event event;
        while (aksu_next_event(n->w->stack[CLIENT], &event)) (void)aksu_dns_event(n->dns, n->w->now_us, &event);
        if (aksu_dns_deadline_us(n->dns) <= n->w->now_us) aksu_dns_advance(n->dns, n->w->now_us);
    }
}

static uint32_t ask(struct names *n, const char *name) {
    uint32_t id;
    assert_int_equal(aksu_dns_ask(n->dns, n->w->now_us, name, AKSU_DNS_A, 99, &id), AKSU_OK);
    return id;
}

static aksu_dns_answer answer_to(struct names *n, uint64_t within_us) {
    run(n, within_us);
    aksu_dns_answer answer;
    assert_true(aksu_dns_next(n->dns, &answer));
    assert_false(aksu_dns_next(n->dns, &answer) && answer.user != 99);
    return answer;
}

#define OPEN(...)                                                                                                      \
    names_open((const enum deed[]){__VA_ARGS__}, sizeof((const enum deed[]){__VA_ARGS__}) / sizeof(enum deed))

static void question_is_answered(void **state) {
    (void)state;
    struct names *n = OPEN(ANSWER);
    uint32_t id = ask(n, "host.example");
    aksu_dns_answer answer = answer_to(n, 100000);
    assert_int_equal(answer.result, AKSU_DNS_ANSWERED);
    assert_int_equal(answer.id, id);
    assert_int_equal(answer.user, 99);
    assert_int_equal(answer.addr_count, 1);
    aksu_addr wanted = aksu_addr_v4(192, 0, 2, 77);
    assert_true(aksu_addr_equal(&answer.addr[0], &wanted));
    assert_int_equal(answer.ttl_s, 60);
    assert_int_equal(answer.server.port, PORT);
    assert_false(answer.tcp);
    assert_true(n->edns[0]);
    assert_true(aksu_dns_deadline_us(n->dns) == UINT64_MAX);
    names_close(n);
}

/* Both servers in turn, the whole list again with twice the patience, each with an id of its own; then: nobody. */
static void silence_goes_round_all_servers(void **state) {
    (void)state;
    struct names *n = OPEN(SILENT, SILENT, SILENT, SILENT);
    (void)ask(n, "host.example");
    aksu_dns_answer answer = answer_to(n, 13000000);
    assert_int_equal(answer.result, AKSU_DNS_SILENT);
    assert_int_equal(n->asked[0], 2);
    assert_int_equal(n->asked[1], 2);
    assert_in_range(n->asked_us[1] - n->asked_us[0], 1990000, 2100000);
    assert_in_range(n->asked_us[3] - n->asked_us[2], 3990000, 4100000);
    for (int i = 1; i < 4; i++) assert_int_not_equal(n->ids[i], n->ids[i - 1]);
    names_close(n);
}

/* A question that finds no room to leave is one that was lost: it waits its time and is asked again. */
static void no_room_to_send_is_a_loss(void **state) {
    (void)state;
    struct names *n = OPEN(ANSWER);
    aksu_udp_open open = {.struct_bytes = sizeof open, .remote = {.addr = world_addr(SERVER), .port = 9}};
    aksu_sock flood;
    assert_int_equal(aksu_udp_bind(n->w->stack[CLIENT], &open, &flood), AKSU_OK);
    while (aksu_udp_send(n->w->stack[CLIENT], flood, NULL, "x", 1) == AKSU_OK) continue;
    (void)ask(n, "example.org");
    assert_int_equal(aksu_udp_close(n->w->stack[CLIENT], flood), AKSU_OK);
    aksu_dns_answer answer = answer_to(n, 5000000);
    assert_int_equal(answer.result, AKSU_DNS_ANSWERED);
    assert_int_equal(n->asked[1], 1);
    names_close(n);
}

static void refusal_moves_on_at_once(void **state) {
    (void)state;
    struct names *n = OPEN(REFUSE, ANSWER);
    (void)ask(n, "host.example");
    assert_int_equal(answer_to(n, 200000).result, AKSU_DNS_ANSWERED);
    assert_int_equal(n->asked[1], 1);
    names_close(n);
    n = OPEN(REFUSE, NONSENSE, REFUSE, NONSENSE);
    (void)ask(n, "host.example");
    assert_int_equal(answer_to(n, 400000).result, AKSU_DNS_REFUSED); /* the best that anybody said */
    names_close(n);
}

static void a_name_that_is_not_there_is_an_answer(void **state) {
    (void)state;
    struct names *n = OPEN(NO_NAME);
    (void)ask(n, "host.example");
    assert_int_equal(answer_to(n, 100000).result, AKSU_DNS_NO_NAME);
    assert_int_equal(n->deeds, 1);
    names_close(n);
}

/* RFC 6891 s7: the same server again, without. */
static void server_without_edns_is_asked_without(void **state) {
    (void)state;
    struct names *n = OPEN(NO_EDNS, ANSWER);
    (void)ask(n, "host.example");
    assert_int_equal(answer_to(n, 200000).result, AKSU_DNS_ANSWERED);
    assert_int_equal(n->asked[0], 2);
    assert_true(n->edns[0] && !n->edns[1]);
    names_close(n);
}

/* RFC 7766: truncated over UDP, whole over TCP. */
static void truncated_reply_is_asked_for_over_tcp(void **state) {
    (void)state;
    struct names *n = OPEN(TRUNCATE, ANSWER);
    (void)ask(n, "host.example");
    aksu_dns_answer answer = answer_to(n, 500000);
    assert_int_equal(answer.result, AKSU_DNS_ANSWERED);
    assert_true(answer.tcp);
    names_close(n);
}

/* RFC 5452: a reply with another id is as if it had not come; the true one still counts. */
static void forged_reply_does_not_count(void **state) {
    (void)state;
    struct names *n = OPEN(FORGE, ANSWER);
    (void)ask(n, "host.example");
    run(n, 500000);
    aksu_dns_answer answer;
    assert_false(aksu_dns_next(n->dns, &answer));
    assert_int_equal(answer_to(n, 2000000).result,
                     AKSU_DNS_ANSWERED); /* by the other server, when the first was silent */
    assert_int_equal(n->asked[1], 1);
    names_close(n);
}

/* RFC 5452 s9.3: nine replies that do not fit are borne; with the tenth the port and the id are given up, and TCP is
 * asked, whatever comes then; where there is no TCP, the next server. */
static void many_forged_replies_end_the_port(void **state) {
    (void)state;
    for (uint32_t forgeries = 9; forgeries < 12; forgeries++) {
        struct names *n = OPEN(ANSWER, ANSWER);
        n->forgeries = forgeries;
        (void)ask(n, "host.example");
        aksu_dns_answer answer = answer_to(n, 500000);
        assert_int_equal(answer.result, AKSU_DNS_ANSWERED);
        assert_true(answer.tcp == (forgeries >= 10));
        assert_int_equal(answer.server.port, PORT);
        assert_int_equal(n->asked[0], 1);
        names_close(n);
    }
    struct names *n = OPEN(SILENT, ANSWER); /* each port begins anew */
    n->forgeries = 9;
    (void)ask(n, "host.example");
    assert_false(answer_to(n, 3000000).tcp);
    names_close(n);
    n = OPEN(SILENT, ANSWER);
    n->forgeries = 10;
    assert_int_equal(aksu_tcp_abort(n->w->stack[SERVER], n->listener), AKSU_OK);
    (void)ask(n, "host.example");
    run(n, 40000);
    n->forgeries = 0;
    aksu_dns_answer answer = answer_to(n, 500000);
    assert_int_equal(answer.result, AKSU_DNS_ANSWERED);
    assert_int_equal(answer.server.port, PORT + 1);
    assert_int_not_equal(n->ids[0], n->ids[1]);
    names_close(n);
}

/* RFC 1122 s4.1.3.3: nobody at the port: the next one, without waiting. */
static void port_unreachable_moves_on_at_once(void **state) {
    (void)state;
    struct names *n = OPEN(ANSWER);
    assert_int_equal(aksu_udp_close(n->w->stack[SERVER], n->server[0]), AKSU_OK);
    n->server[0] = n->server[1];
    (void)ask(n, "host.example");
    assert_int_equal(answer_to(n, 200000).result, AKSU_DNS_ANSWERED);
    names_close(n);
}

static void questions_are_limited_and_can_be_forgotten(void **state) {
    (void)state;
    struct names *n = OPEN(SILENT, SILENT, SILENT, SILENT, SILENT, SILENT, SILENT, SILENT, ANSWER);
    uint32_t id[8], more;
    for (int i = 0; i < 8; i++) id[i] = ask(n, "host.example");
    assert_int_equal(aksu_dns_ask(n->dns, n->w->now_us, "x", AKSU_DNS_A, 0, &more), AKSU_ERR_AGAIN);
    run(n, 100000);
    assert_int_equal(aksu_dns_cancel(n->dns, id[3]), AKSU_OK);
    assert_int_equal(aksu_dns_cancel(n->dns, id[3]), AKSU_ERR_INVALID);
    more = ask(n, "host.example");
    assert_int_not_equal(more, id[3]);
    assert_int_equal(answer_to(n, 100000).id, more);
    static const char *const bad[] = {
        "", ".", "a..b", "a.very.long.label.0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(aksu_dns_ask(n->dns, n->w->now_us, bad[i], AKSU_DNS_A, 0, &more), AKSU_ERR_INVALID);
    assert_int_equal(aksu_dns_ask(n->dns, n->w->now_us, "x", (aksu_dns_type)15, 0, &more), AKSU_ERR_INVALID);
    names_close(n);
}

static void config_out_of_range_is_refused(void **state) {
    (void)state;
    aksu_dns_config config;
    aksu_dns_config_default(&config);
    assert_int_equal(aksu_dns_bytes(&config), 0); /* no server */
    config.server_count = 1;
    config.server[0].addr = aksu_addr_v4(192, 0, 2, 1);
    assert_true(aksu_dns_bytes(&config) > 0);
    aksu_dns_config wrong[6];
    for (int i = 0; i < 6; i++) wrong[i] = config;
    wrong[0].server_count = 4;
    wrong[1].query_max = 0;
    wrong[2].query_max = 4097;
    wrong[3].try_max = 11;
    wrong[4].timeout_us = 1;
    wrong[5].struct_bytes = 1;
    for (int i = 0; i < 6; i++) assert_int_equal(aksu_dns_bytes(&wrong[i]), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(question_is_answered),
        cmocka_unit_test(silence_goes_round_all_servers),
        cmocka_unit_test(no_room_to_send_is_a_loss),
        cmocka_unit_test(refusal_moves_on_at_once),
        cmocka_unit_test(a_name_that_is_not_there_is_an_answer),
        cmocka_unit_test(server_without_edns_is_asked_without),
        cmocka_unit_test(truncated_reply_is_asked_for_over_tcp),
        cmocka_unit_test(many_forged_replies_end_the_port),
        cmocka_unit_test(forged_reply_does_not_count),
        cmocka_unit_test(port_unreachable_moves_on_at_once),
        cmocka_unit_test(questions_are_limited_and_can_be_forgotten),
        cmocka_unit_test(config_out_of_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
