/* The resolver: questions over UDP, and over TCP where a reply was truncated.  RFC 1035 s7, RFC 5452, RFC 7766.
 *
 * A question is in a slot while it is out and until its answer was taken.  It has one socket at a time: of UDP, with a
 * port of its own chosen by the stack and connected to the server, so that nobody else's datagrams come in and its ICMP
 * errors do; or of TCP.  Servers are asked in turn, the whole list try_max times, with the wait doubled each round.
 * Whatever goes wrong at one server (silence, refusal, nonsense, no TCP) is left for the next; what is told in the end
 * is the best that any of them said. */
#include "aksu/dns.h"
#include "dns_message.h"
#include "random.h"

#include <string.h>

enum { DNS_PORT = 53, TCP_MESSAGE_BYTES = 4096, FOREIGN_MAX = 10 };
static const uint64_t timeout_min_us = 100000, timeout_max_us = 60000000;

enum slot_state { SLOT_FREE, SLOT_UDP, SLOT_TCP, SLOT_ANSWERED };

struct slot {
    struct dns_question question;
    uint32_t id; /* the application's: slot number and times of use */
    uint32_t uses, asked;
    uint64_t user, deadline_us;
    aksu_sock sock;
    enum slot_state state;
    bool edns, sent; /* sent: over TCP */
    uint8_t foreign; /* replies to this port that were not to the question */
    aksu_dns_answer answer;
    uint32_t have; /* of a message over TCP, with its length */
    uint8_t message[2 + TCP_MESSAGE_BYTES];
};

struct aksu_dns {
    aksu_dns_config config;
    aksu_stack *stack;
    struct svc_random random;
    uint32_t out_count; /* slots that wait for a server */
    struct slot slot[];
};

const char *aksu_dns_result_text(aksu_dns_result result) {
    static const char *const texts[] = {
        [AKSU_DNS_ANSWERED] = "answered",
        [AKSU_DNS_NO_NAME] = "no such name",
        [AKSU_DNS_NO_DATA] = "the name has no such record",
        [AKSU_DNS_REFUSED] = "the servers refused or failed",
        [AKSU_DNS_MALFORMED] = "the servers' reply cannot be read",
        [AKSU_DNS_SILENT] = "no server answered",
    };
    return texts[result];
}

void aksu_dns_config_default(aksu_dns_config *ret_config) {
    *ret_config =
        (aksu_dns_config){.struct_bytes = sizeof *ret_config, .query_max = 8, .try_max = 2, .timeout_us = 2000000};
}

static bool config_is_good(const aksu_dns_config *config) {
    bool good = config->struct_bytes == sizeof *config && config->query_max >= 1 && config->query_max <= 4096 &&
                config->server_count >= 1 && config->server_count <= AKSU_DNS_SERVERS && config->try_max >= 1 &&
                config->try_max <= 10 && config->timeout_us >= timeout_min_us && config->timeout_us <= timeout_max_us;
    for (uint32_t i = 0; good && i < config->server_count; i++) good = !aksu_addr_is_any(&config->server[i].addr);
    return good;
}

size_t aksu_dns_bytes(const aksu_dns_config *config) {
    return config_is_good(config) ? sizeof(aksu_dns) + config->query_max * sizeof(struct slot) : 0;
}

aksu_err aksu_dns_init(const aksu_dns_config *config, aksu_stack *stack, void *mem, size_t mem_bytes,
                       aksu_dns **ret_dns) {
    size_t bytes = aksu_dns_bytes(config);
    if (bytes == 0 || (uintptr_t)mem % 8 != 0) return AKSU_ERR_INVALID;
    if (mem_bytes < bytes) return AKSU_ERR_NO_MEMORY;
    memset(mem, 0, bytes);
    aksu_dns *dns = mem;
    dns->config = *config;
    dns->stack = stack;
    svc_random_init(&dns->random, config->entropy);
    for (uint32_t i = 0; i < config->server_count; i++) {
        if (dns->config.server[i].port == 0) dns->config.server[i].port = DNS_PORT;
    }
    *ret_dns = dns;
    return AKSU_OK;
}

/* ---------------------------------------------------------------- one question */

static bool is_out(const struct slot *slot) {
    return slot->state == SLOT_UDP || slot->state == SLOT_TCP;
}

static const aksu_endpoint *server_of(const aksu_dns *dns, const struct slot *slot) {
    return &dns->config.server[slot->asked % dns->config.server_count];
}

static uint64_t wait_us(const aksu_dns *dns, const struct slot *slot) {
    uint64_t wait_us = dns->config.timeout_us << (slot->asked / dns->config.server_count);
    return wait_us < timeout_max_us ? wait_us : timeout_max_us;
}

static void close_socket(aksu_dns *dns, struct slot *slot) {
    if (slot->state == SLOT_UDP) (void)aksu_udp_close(dns->stack, slot->sock);
    if (slot->state == SLOT_TCP) (void)aksu_tcp_abort(dns->stack, slot->sock);
}

static void finish(aksu_dns *dns, struct slot *slot) {
    close_socket(dns, slot);
    slot->state = SLOT_ANSWERED;
    slot->answer.id = slot->id;
    slot->answer.user = slot->user;
    dns->out_count--;
}

/* A socket of its own each time: what comes late for an earlier one finds nobody. */
static aksu_err ask_by_udp(aksu_dns *dns, struct slot *slot, uint64_t now_us) {
    aksu_udp_open open = {
        .struct_bytes = sizeof open, .remote = *server_of(dns, slot), .user = (uint64_t)(slot - dns->slot)};
    aksu_err err = aksu_udp_bind(dns->stack, &open, &slot->sock);
    if (err != AKSU_OK) return err;
    uint8_t query[DNS_QUERY_BYTES];
    slot->question.id = (uint16_t)svc_random_u32(&dns->random);
    size_t bytes = dns_query_build(query, &slot->question, slot->edns);
    err = aksu_udp_send(dns->stack, slot->sock, NULL, query, bytes);
    if (err != AKSU_OK && err != AKSU_ERR_AGAIN) { /* one that has no room now is one that was lost */
        (void)aksu_udp_close(dns->stack, slot->sock);
        return err;
    }
    slot->state = SLOT_UDP;
    slot->foreign = 0;
    slot->deadline_us = now_us + wait_us(dns, slot);
    return AKSU_OK;
}

static aksu_err ask_by_tcp(aksu_dns *dns, struct slot *slot, uint64_t now_us) {
    close_socket(dns, slot);
    slot->state = SLOT_FREE;
    aksu_tcp_open open = {
        .struct_bytes = sizeof open, .remote = *server_of(dns, slot), .user = (uint64_t)(slot - dns->slot)};
    aksu_err err = aksu_tcp_connect(dns->stack, &open, &slot->sock);
    if (err != AKSU_OK) return err;
    slot->state = SLOT_TCP;
    slot->sent = false;
    slot->have = 0;
    slot->deadline_us = now_us + wait_us(dns, slot);
    return AKSU_OK;
}

/* RFC 1035 s7.2: the next server, or the first again; those that cannot even be asked are passed over. */
static aksu_err ask_next(aksu_dns *dns, struct slot *slot, uint64_t now_us) {
    aksu_err err = AKSU_OK;
    uint32_t most = dns->config.try_max * dns->config.server_count;
    for (; slot->asked < most; slot->asked++) {
        err = ask_by_udp(dns, slot, now_us);
        if (err == AKSU_OK) return AKSU_OK;
    }
    return err;
}

/* This server is of no use: the next one, or the end. */
static void give_up_server(aksu_dns *dns, struct slot *slot, uint64_t now_us, aksu_dns_result why) {
    if (why < slot->answer.result) slot->answer.result = why;
    close_socket(dns, slot);
    slot->state = SLOT_FREE;
    slot->edns = true;
    slot->asked++;
    if (ask_next(dns, slot, now_us) == AKSU_OK && slot->state == SLOT_UDP) return;
    finish(dns, slot);
}

/* A reply to this port, from the server's, that is not to the question: somebody guesses (RFC 5452 s9.3).  After a few
 * the port, which he has, is given up, and the same server is asked by TCP, where guessing is of no use. */
static void take_foreign(aksu_dns *dns, struct slot *slot, uint64_t now_us) {
    if (slot->state == SLOT_UDP && ++slot->foreign < FOREIGN_MAX) return;
    if (slot->state == SLOT_UDP && ask_by_tcp(dns, slot, now_us) == AKSU_OK) return;
    give_up_server(dns, slot, now_us, AKSU_DNS_MALFORMED);
}

static void take_reply(aksu_dns *dns, struct slot *slot, uint64_t now_us, const uint8_t *message, size_t bytes) {
    aksu_dns_answer answer;
    bool tcp = slot->state == SLOT_TCP;
    dns_verdict verdict = dns_reply_parse(message, bytes, &slot->question, &answer);
    switch (verdict) {
    case DNS_FOREIGN: take_foreign(dns, slot, now_us); return;
    case DNS_ANSWERED:
    case DNS_NO_NAME:
    case DNS_NO_DATA:
        if (verdict != DNS_ANSWERED) answer = (aksu_dns_answer){.result = AKSU_DNS_NO_DATA};
        if (verdict == DNS_NO_NAME) answer.result = AKSU_DNS_NO_NAME;
        answer.server = *server_of(dns, slot);
        answer.tcp = tcp;
        slot->answer = answer;
        finish(dns, slot);
        return;
    case DNS_TRUNCATED:
        if (tcp || ask_by_tcp(dns, slot, now_us) != AKSU_OK) give_up_server(dns, slot, now_us, AKSU_DNS_REFUSED);
        return;
    case DNS_NO_EDNS:
        if (!tcp && slot->edns) { /* the same server once more, without */
            slot->edns = false;
            close_socket(dns, slot);
            slot->state = SLOT_FREE;
            if (ask_by_udp(dns, slot, now_us) == AKSU_OK) return;
        }
        give_up_server(dns, slot, now_us, AKSU_DNS_REFUSED);
        return;
    case DNS_MALFORMED: give_up_server(dns, slot, now_us, AKSU_DNS_MALFORMED); return;
    case DNS_REFUSED: give_up_server(dns, slot, now_us, AKSU_DNS_REFUSED); return;
    }
}

/* ---------------------------------------------------------------- events */

static bool same_sock(aksu_sock a, aksu_sock b) {
    return a.slot == b.slot && a.generation == b.generation;
}

static void udp_event(aksu_dns *dns, struct slot *slot, uint64_t now_us, const aksu_event *event) {
    uint8_t message[DNS_UDP_BYTES];
    size_t bytes;
    aksu_sock sock = slot->sock;
    while (slot->state == SLOT_UDP && same_sock(slot->sock, sock) &&
           aksu_udp_recv(dns->stack, sock, message, sizeof message, &bytes, NULL) == AKSU_OK) {
        if (bytes <= sizeof message) take_reply(dns, slot, now_us, message, bytes);
    }
    /* RFC 5452 does not let an ICMP error end a question; it only moves on to the next server at once. */
    bool same = slot->state == SLOT_UDP && same_sock(slot->sock, sock);
    if (same && (event->bits & AKSU_EV_SOFT_ERROR)) give_up_server(dns, slot, now_us, AKSU_DNS_SILENT);
}

/* RFC 7766 s8: two octets of length before each message. */
static bool tcp_send(aksu_dns *dns, struct slot *slot) {
    uint8_t query[2 + DNS_QUERY_BYTES];
    size_t bytes = dns_query_build(query + 2, &slot->question, slot->edns), sent = 0;
    query[0] = (uint8_t)(bytes >> 8);
    query[1] = (uint8_t)bytes;
    slot->sent = true;
    return aksu_tcp_send(dns->stack, slot->sock, query, bytes + 2, 0, &sent) == AKSU_OK && sent == bytes + 2;
}

/* What has come, behind what came before.  False: there will never be a message. */
static bool tcp_receive(aksu_dns *dns, struct slot *slot, size_t *ret_bytes) {
    aksu_err err = AKSU_OK;
    *ret_bytes = 0;
    while (err == AKSU_OK && slot->have < sizeof slot->message) {
        size_t bytes;
        err = aksu_tcp_recv(dns->stack, slot->sock, slot->message + slot->have, sizeof slot->message - slot->have,
                            &bytes);
        if (err == AKSU_OK) slot->have += (uint32_t)bytes;
    }
    size_t wanted = slot->have < 2 ? 0 : (size_t)(slot->message[0] << 8 | slot->message[1]);
    if (wanted > TCP_MESSAGE_BYTES) return false;
    if (wanted > 0 && slot->have - 2 >= wanted) *ret_bytes = wanted;
    return *ret_bytes > 0 || err == AKSU_ERR_AGAIN;
}

static void tcp_event(aksu_dns *dns, struct slot *slot, uint64_t now_us, const aksu_event *event) {
    bool good = (event->bits & AKSU_EV_CLOSED) == 0;
    if (good && (event->bits & AKSU_EV_CONNECTED) && !slot->sent) good = tcp_send(dns, slot);
    size_t bytes = 0;
    if (good && (event->bits & (AKSU_EV_READABLE | AKSU_EV_PEER_CLOSED))) good = tcp_receive(dns, slot, &bytes);
    if (!good) {
        give_up_server(dns, slot, now_us, AKSU_DNS_REFUSED);
        return;
    }
    if (bytes > 0) take_reply(dns, slot, now_us, slot->message + 2, bytes);
}

bool aksu_dns_event(aksu_dns *dns, uint64_t now_us, const aksu_event *event) {
    if (event->user >= dns->config.query_max) return false;
    struct slot *slot = &dns->slot[event->user];
    if (!is_out(slot) || !same_sock(slot->sock, event->sock)) return false;
    if (slot->state == SLOT_UDP)
        udp_event(dns, slot, now_us, event);
    else
        tcp_event(dns, slot, now_us, event);
    return true;
}

/* ---------------------------------------------------------------- calls */

/* The question that a text asks. */
static bool question_of(const char *name, aksu_dns_type type, struct dns_question *ret_question) {
    aksu_addr addr;
    if (type != AKSU_DNS_A && type != AKSU_DNS_AAAA && type != AKSU_DNS_PTR) return false;
    ret_question->type = (uint16_t)type;
    if (type != AKSU_DNS_PTR || aksu_addr_parse(name, &addr) != AKSU_OK)
        return dns_name_from_text(name, &ret_question->name);
    dns_name_from_addr(&addr, &ret_question->name);
    return true;
}

aksu_err aksu_dns_ask(aksu_dns *dns, uint64_t now_us, const char *name, aksu_dns_type type, uint64_t user,
                      uint32_t *ret_id) {
    struct dns_question question = {.type = 0};
    if (!question_of(name, type, &question)) return AKSU_ERR_INVALID;
    for (uint32_t i = 0; i < dns->config.query_max; i++) {
        struct slot *slot = &dns->slot[i];
        if (slot->state != SLOT_FREE) continue;
        uint32_t uses = slot->uses + 1;
        *slot = (struct slot){.question = question,
                              .id = (uses & 0xfffff) * dns->config.query_max + i,
                              .uses = uses,
                              .user = user,
                              .edns = true,
                              .answer.result = AKSU_DNS_SILENT};
        aksu_err err = ask_next(dns, slot, now_us);
        if (err != AKSU_OK) return err;
        dns->out_count++;
        *ret_id = slot->id;
        return AKSU_OK;
    }
    return AKSU_ERR_AGAIN;
}

aksu_err aksu_dns_cancel(aksu_dns *dns, uint32_t id) {
    struct slot *slot = &dns->slot[id % dns->config.query_max];
    if (slot->state == SLOT_FREE || slot->id != id) return AKSU_ERR_INVALID;
    close_socket(dns, slot);
    if (is_out(slot)) dns->out_count--;
    slot->state = SLOT_FREE;
    return AKSU_OK;
}

void aksu_dns_advance(aksu_dns *dns, uint64_t now_us) {
    for (uint32_t i = 0; i < dns->config.query_max && dns->out_count > 0; i++) {
        struct slot *slot = &dns->slot[i];
        if (is_out(slot) && now_us >= slot->deadline_us) give_up_server(dns, slot, now_us, AKSU_DNS_SILENT);
    }
}

uint64_t aksu_dns_deadline_us(const aksu_dns *dns) {
    uint64_t next_us = UINT64_MAX;
    for (uint32_t i = 0; i < dns->config.query_max && dns->out_count > 0; i++) {
        const struct slot *slot = &dns->slot[i];
        if (is_out(slot) && slot->deadline_us < next_us) next_us = slot->deadline_us;
    }
    return next_us;
}

bool aksu_dns_next(aksu_dns *dns, aksu_dns_answer *ret_answer) {
    for (uint32_t i = 0; i < dns->config.query_max; i++) {
        struct slot *slot = &dns->slot[i];
        if (slot->state != SLOT_ANSWERED) continue;
        *ret_answer = slot->answer;
        slot->state = SLOT_FREE;
        return true;
    }
    return false;
}

void aksu_dns_close(aksu_dns *dns) {
    for (uint32_t i = 0; i < dns->config.query_max; i++) {
        close_socket(dns, &dns->slot[i]);
        dns->slot[i].state = SLOT_FREE;
    }
    dns->out_count = 0;
}
