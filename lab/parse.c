/* Reads a scenario file: docs/scenario-format.md.
 *
 * A line is a statement of words; "..." is one word; # begins a comment.  Every statement is understood completely
 * here, so that a file that loads can be run; an error names the line and column of the word that is wrong. */
#include "lab/parse_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- actions */

/* 17, client.rcv_nxt, client.rcv_nxt+5 */
static lab_number expression(struct parser *p) {
    static const char *const fields[] = {"snd_una", "snd_nxt", "rcv_nxt", "iss", "irs", "rcv_edge", "ts_val", "port"};
    enum { FIELDS = sizeof fields / sizeof fields[0] };
    const char *text = lab_take(p, "a number");
    lab_number n = {.host = -1};
    if (p->failed) return n;
    char buf[96];
    (void)snprintf(buf, sizeof buf, "%s", text);
    char *dot = strchr(buf, '.');
    char *end;
    if (dot == NULL) {
        n.plus = (int64_t)strtoll(buf, &end, 0);
        if (end == buf || *end != '\0') (void)lab_back(p, "'%s' is not a number", text);
        return n;
    }
    *dot = '\0';
    n.host = lab_host_named(p, buf);
    char *field = dot + 1;
    char *sign = field + strcspn(field, "+-");
    if (*sign != '\0') {
        n.plus = (int64_t)strtoll(sign, &end, 10);
        if (*end != '\0' || end == sign) (void)lab_back(p, "'%s' is not HOST.FIELD+N", text);
        *sign = '\0';
    }
    while (n.field < FIELDS && strcmp(field, fields[n.field]) != 0) n.field++;
    if (!p->failed && (n.host < 0 || n.field == FIELDS)) (void)lab_back(p, "'%s' is not HOST.FIELD", text);
    return n;
}

/* HOST:PORT, where PORT may be an expression's HOST.port */
static int endpoint(struct parser *p, lab_number *ret_port) {
    const char *text = lab_take(p, "HOST:PORT");
    char buf[96];
    (void)snprintf(buf, sizeof buf, "%s", text);
    char *colon = strchr(buf, ':');
    if (p->failed) return 0;
    if (colon == NULL) {
        (void)lab_back(p, "'%s' is not HOST:PORT", text);
        return 0;
    }
    *colon = '\0';
    int index = lab_host_named(p, buf);
    *ret_port = (lab_number){.host = -1};
    if (strncmp(colon + 1, "port-of-", 8) == 0) {
        ret_port->host = lab_host_named(p, colon + 9);
        ret_port->field = LAB_PORT;
        if (ret_port->host < 0) index = -1;
    } else {
        char *end;
        ret_port->plus = (int64_t)strtoll(colon + 1, &end, 10);
        if (end == colon + 1 || *end != '\0' || ret_port->plus < 0 || ret_port->plus > UINT16_MAX)
            return lab_back(p, "'%s' does not end in a port from 0 to 65535", text);
    }
    if (index < 0) (void)lab_back(p, "unknown host in '%s'", text);
    return index < 0 ? 0 : index;
}

/* A packet from host to peer that the lab itself makes. */
static bool raw_packet(struct parser *p, const lab_action *a) {
    if (p->failed) return false;
    if (!lab_joined(p, a->host, a->peer)) return lab_wrong(p, "no link between these hosts");
    if (aksu_addr_is_v4(&p->s->host[a->peer].addr) != aksu_addr_is_v4(&p->s->host[a->sender].addr))
        return lab_wrong(p, "these hosts speak different versions of IP");
    return true;
}

/* ts VAL [echo ECR] */
static void stamp(struct parser *p, lab_action *a) {
    a->stamped = true;
    a->ts_val = expression(p);
    if (lab_eat(p, "echo")) a->ts_ecr = expression(p);
}

static bool forge(struct parser *p, lab_action *a) {
    a->verb = LAB_FORGE;
    a->seq = a->ack = a->ts_val = a->ts_ecr = (lab_number){.host = -1};
    a->host = (uint8_t)endpoint(p, &a->source_port);
    a->peer = (uint8_t)endpoint(p, &a->port);
    a->flags = lab_flags_of(p);
    a->sender = a->host;
    while (lab_more(p)) {
        if (lab_eat(p, "seq"))
            a->seq = expression(p);
        else if (lab_eat(p, "ack"))
            a->ack = expression(p);
        else if (lab_eat(p, "ts"))
            stamp(p, a);
        else if (lab_eat(p, "data"))
            a->text = lab_take(p, "the data");
        else if (lab_eat(p, "as"))
            a->sender = (uint8_t)lab_host_word(p, NULL);
        else if (lab_eat(p, "times"))
            a->number = lab_number_word(p, "how often", UINT16_MAX);
        else
            return lab_wrong(p, "unknown word '%s' for a forged segment", p->word[p->at].text);
    }
    return raw_packet(p, a);
}

/* icmp BY VICTIM:PORT PEER:PORT KIND [seq N] [mtu N] */
static bool icmp(struct parser *p, lab_action *a) {
    static const struct {
        const char *name;
        uint8_t type, code;
    } kinds[] = {{"net-unreachable", 3, 0},  {"host-unreachable", 3, 1}, {"protocol-unreachable", 3, 2},
                 {"port-unreachable", 3, 3}, {"too-big", 3, 4},          {"time-exceeded", 11, 0}};
    a->verb = LAB_ICMP;
    a->seq = (lab_number){.host = -1};
    a->host = (uint8_t)lab_host_word(p, NULL);
    a->peer = (uint8_t)endpoint(p, &a->source_port);
    a->sender = (uint8_t)endpoint(p, &a->port);
    const char *kind = lab_take(p, "what the error says");
    size_t which = 0, count = sizeof kinds / sizeof kinds[0];
    while (which < count && strcmp(kind, kinds[which].name) != 0) which++;
    if (which == count) return p->failed ? false : lab_back(p, "unknown ICMP error '%s'", kind);
    a->icmp_type = kinds[which].type;
    a->icmp_code = kinds[which].code;
    while (lab_more(p)) {
        if (lab_eat(p, "seq"))
            a->seq = expression(p);
        else if (lab_eat(p, "mtu"))
            a->number = lab_number_word(p, "bytes", UINT16_MAX);
        else
            return lab_wrong(p, "unknown word '%s' for an ICMP error", p->word[p->at].text);
    }
    return raw_packet(p, a);
}

static bool connection_action(struct parser *p, lab_action *a) {
    a->host = (uint8_t)lab_host_word(p, &a->connection);
    const char *verb = lab_take(p, "what the host does");
    static const struct {
        const char *name;
        lab_deed verb;
    } plain[] = {{"accept", LAB_ACCEPT}, {"read", LAB_READ},      {"shutdown", LAB_SHUTDOWN},
                 {"close", LAB_CLOSE},   {"abort", LAB_ABORT},    {"unlisten", LAB_UNLISTEN},
                 {"crash", LAB_CRASH},   {"restart", LAB_RESTART}};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        a->verb = plain[i].verb;
        if (strcmp(verb, plain[i].name) == 0) return !p->failed;
    }
    if (strcmp(verb, "listen") == 0) {
        a->verb = LAB_LISTEN;
        a->number = lab_number_word(p, "a port", UINT16_MAX);
        a->backlog = lab_eat(p, "backlog") ? lab_number_word(p, "a backlog", UINT16_MAX) : 8;
    } else if (strcmp(verb, "connect") == 0 || strcmp(verb, "listen-connect") == 0) {
        a->verb = verb[0] == 'c' ? LAB_CONNECT : LAB_LISTEN_CONNECT;
        lab_number port;
        a->peer = (uint8_t)endpoint(p, &port);
        a->number = (uint64_t)port.plus;
        if (lab_eat(p, "from")) a->from_port = lab_number_word(p, "a port", UINT16_MAX);
    } else if (strcmp(verb, "send") == 0) {
        a->verb = LAB_SEND;
        a->urgent = lab_eat(p, "urgent");
        bool quoted = lab_more(p) && p->word[p->at].quoted;
        if (quoted)
            a->text = lab_take(p, "text");
        else
            a->number = lab_number_word(p, "text or a number of bytes", INT32_MAX);
    } else if (strcmp(verb, "clock") == 0) {
        a->verb = LAB_CLOCK;
        a->number = lab_quantity(p, "how far it jumps forwards");
    } else if (strcmp(verb, "set") == 0) {
        a->verb = LAB_SET;
        const char *name = lab_take(p, "a setting");
        int setting = lab_setting_named(name);
        if (setting < 0) return lab_back(p, "unknown setting '%s'", name);
        a->setting = (aksu_tcp_setting)setting;
        a->number = lab_quantity(p, "its value");
    } else if (!p->failed) {
        return lab_back(p, "unknown action '%s'", verb);
    }
    return !p->failed;
}

static bool read_action(struct parser *p, lab_action *a) {
    int from = 0;
    if (lab_eat(p, "forge")) return forge(p, a);
    if (lab_eat(p, "icmp")) return icmp(p, a);
    if (lab_eat(p, "cut") || lab_eat(p, "mend")) {
        a->verb = strcmp(p->word[p->at - 1].text, "cut") == 0 ? LAB_CUT : LAB_MEND;
        a->link = (uint8_t)lab_lane(p, '-', &from);
        return !p->failed;
    }
    if (lab_eat(p, "mtu")) {
        a->verb = LAB_MTU;
        a->link = (uint8_t)lab_lane(p, '-', &from);
        a->number = lab_number_word(p, "bytes", UINT16_MAX);
        return !p->failed;
    }
    if (lab_eat(p, "path")) {
        a->verb = LAB_PATH;
        a->link = (uint8_t)lab_lane(p, '>', &from);
        a->from = (uint8_t)(from < 0 ? 0 : from);
        if (p->failed) return false;
        const lab_link *l = &p->s->link[a->link];
        a->path = l->path[l->end[1] == a->from ? 1 : 0];
        if (lab_path_words(p, &a->path) && lab_more(p))
            return lab_wrong(p, "unknown word '%s' for a path", p->word[p->at].text);
        return !p->failed;
    }
    return connection_action(p, a);
}

static bool add_action(struct parser *p, lab_action *a) {
    if (!read_action(p, a)) return false;
    if (p->s->action_count == LAB_ITEM_MAX) return lab_wrong(p, "more than %d actions", LAB_ITEM_MAX);
    p->s->action[p->s->action_count++] = *a;
    return true;
}

static bool read_at(struct parser *p) {
    lab_action a = {.place = lab_here(p), .on_host = -1};
    a.at_us = lab_quantity(p, "a time");
    return add_action(p, &a);
}

static bool read_on(struct parser *p) {
    lab_action a = {.place = lab_here(p)};
    a.on_host = lab_host_word(p, &a.on_connection);
    const char *event = lab_take(p, "an event");
    a.on_bits = lab_event_bit(event);
    if (!p->failed && a.on_bits == 0) return lab_back(p, "unknown event '%s'", event);
    if (lab_eat(p, "after")) a.after_us = lab_quantity(p, "a time");
    return add_action(p, &a);
}

/* ---------------------------------------------------------------- story and claims */

/* SYN,ACK from server [nth 2] [data] */
static lab_segment_pick pick(struct parser *p) {
    lab_segment_pick pick = {.host = -1};
    if (lab_eat(p, "any"))
        pick.any_flags = true;
    else
        pick.flags = lab_flags_of(p);
    for (;;) {
        if (lab_eat(p, "from"))
            pick.host = lab_host_word(p, NULL);
        else if (lab_eat(p, "nth"))
            pick.nth = (uint32_t)lab_number_word(p, "which of them", UINT32_MAX);
        else if (lab_eat(p, "data"))
            pick.data = true;
        else
            return pick;
    }
}

static bool read_story(struct parser *p) {
    if (p->s->story_count == LAB_ITEM_MAX) return lab_wrong(p, "more than %d story lines", LAB_ITEM_MAX);
    lab_story *story = &p->s->story[p->s->story_count++];
    *story = (lab_story){.place = lab_here(p)};
    if (lab_eat(p, "at")) {
        story->at_time = true;
        story->at_us = lab_quantity(p, "a time");
    } else if (lab_eat(p, "state")) {
        story->at_state = true;
        story->host = lab_host_word(p, NULL);
        story->state = lab_state(p);
    } else {
        story->pick = pick(p);
        if (story->pick.nth == 0) story->pick.nth = 1;
    }
    story->text = lab_two_texts(p);
    return !p->failed;
}

/* 3, <3, >3 */
static void compared(struct parser *p, lab_expect *e) {
    e->compare = LAB_EQUAL;
    if (lab_more(p) && (p->word[p->at].text[0] == '<' || p->word[p->at].text[0] == '>')) {
        e->compare = p->word[p->at].text[0] == '<' ? LAB_LESS : LAB_MORE;
        p->word[p->at].text++;
    }
    e->number = lab_quantity(p, "a number");
}

static bool claim_segment(struct parser *p, lab_expect *e) {
    e->claim = LAB_CLAIM_SEGMENT;
    e->pick = pick(p);
    if (e->pick.nth == 0) e->pick.nth = 1;
    while (lab_more(p)) {
        if (lab_eat(p, "seq"))
            e->seq = (int64_t)lab_number_word(p, "a number", UINT32_MAX);
        else if (lab_eat(p, "ack"))
            e->ack = (int64_t)lab_number_word(p, "a number", UINT32_MAX);
        else if (lab_eat(p, "len"))
            e->len = (int64_t)lab_number_word(p, "bytes", UINT16_MAX);
        else if (lab_eat(p, "offset"))
            e->offset = (int64_t)lab_number_word(p, "words", 15);
        else if (lab_eat(p, "mss"))
            e->mss = (int64_t)lab_number_word(p, "bytes", UINT16_MAX);
        else
            return lab_wrong(p, "unknown word '%s' for a segment", p->word[p->at].text);
    }
    return !p->failed;
}

static bool claim_told(struct parser *p, lab_expect *e) {
    e->claim = LAB_CLAIM_TOLD;
    e->host = lab_host_word(p, &e->connection);
    const char *what = lab_take(p, "what was told");
    e->bits = lab_event_bit(what);
    e->reason = e->bits != 0 ? -1 : lab_reason_named(what);
    if (!p->failed && e->bits == 0 && e->reason < 0) return lab_back(p, "unknown event or reason '%s'", what);
    e->compare = LAB_MORE;
    e->number = 0;
    if (lab_more(p)) compared(p, e);
    return !p->failed;
}

static bool claim_path(struct parser *p, lab_expect *e) {
    e->claim = LAB_CLAIM_PATH;
    e->host = lab_host_word(p, &e->connection);
    while (lab_more(p)) {
        if (e->path_count == LAB_STATE_MAX) return lab_wrong(p, "more than %d states", LAB_STATE_MAX);
        e->path[e->path_count++] = lab_state(p);
    }
    return e->path_count > 0 || lab_wrong(p, "a path of states is missing");
}

static aksu_call call_named(struct parser *p) {
    static const char *const names[] = {
#define AKSU_X(name, text) text,
        AKSU_CALLS(AKSU_X)
#undef AKSU_X
    };
    const char *text = lab_take(p, "a call");
    for (int i = 0; i < AKSU_CALL_COUNT && !p->failed; i++) {
        if (strcmp(text, names[i]) == 0) return (aksu_call)i;
    }
    if (!p->failed) (void)lab_back(p, "unknown call '%s'", text);
    return AKSU_CALL_CONNECT;
}

static bool claim_drop(struct parser *p, lab_expect *e) {
    e->claim = LAB_CLAIM_DROP;
    e->host = lab_host_word(p, NULL);
    const char *name = lab_take(p, "why it was dropped");
    while (e->drop < AKSU_DROP_COUNT && strcmp(aksu_drop_name(e->drop), name) != 0 &&
           !lab_same_name(name, aksu_drop_name(e->drop)))
        e->drop = (aksu_drop)(e->drop + 1);
    if (!p->failed && e->drop == AKSU_DROP_COUNT) return lab_back(p, "unknown drop '%s'", name);
    compared(p, e);
    return !p->failed;
}

static bool claim_small(struct parser *p, lab_expect *e) {
    if (lab_eat(p, "state")) {
        e->claim = LAB_CLAIM_STATE;
        e->host = lab_host_word(p, NULL);
        e->path[0] = lab_state(p);
        e->compare = LAB_MORE;
        if (lab_more(p)) compared(p, e);
    } else if (lab_eat(p, "delivered")) {
        e->host = lab_host_word(p, NULL);
        bool quoted = lab_more(p) && p->word[p->at].quoted;
        e->claim = quoted ? LAB_CLAIM_DELIVERED_TEXT : LAB_CLAIM_DELIVERED_BYTES;
        if (quoted)
            e->text = lab_take(p, "the text");
        else
            compared(p, e);
    } else if (lab_eat(p, "call")) {
        e->claim = LAB_CLAIM_CALL;
        e->host = lab_host_word(p, NULL);
        e->call = call_named(p);
        e->err = lab_err_named(p);
    } else if (lab_eat(p, "reached")) {
        e->claim = LAB_CLAIM_REACHED;
        e->host = lab_host_word(p, NULL);
        e->path[0] = lab_state(p);
        compared(p, e);
    } else if (lab_eat(p, "counter")) {
        e->claim = LAB_CLAIM_COUNTER;
        e->host = lab_host_word(p, NULL);
        const char *name = lab_take(p, "a counter");
        int index = lab_counter_index(name);
        if (!p->failed && index < 0) return lab_back(p, "unknown counter '%s'", name);
        e->counter = (uint32_t)index;
        compared(p, e);
    } else if (lab_eat(p, "lost")) {
        e->claim = LAB_CLAIM_LOST;
        compared(p, e);
    } else if (lab_eat(p, "held")) {
        e->claim = LAB_CLAIM_HELD;
        e->host = lab_host_word(p, NULL);
        compared(p, e);
    } else if (lab_eat(p, "isn")) {
        e->host = lab_host_word(p, NULL);
        e->first = (uint32_t)lab_number_word(p, "which SYN", UINT32_MAX);
        e->second = (uint32_t)lab_number_word(p, "which SYN", UINT32_MAX);
        e->claim = lab_eat(p, "clock") ? LAB_CLAIM_ISN_CLOCK : LAB_CLAIM_ISN_RANDOM;
        if (e->claim == LAB_CLAIM_ISN_RANDOM && !lab_eat(p, "random"))
            return lab_wrong(p, "clock or random is missing");
    } else if (lab_eat(p, "violation")) {
        e->claim = LAB_CLAIM_VIOLATION;
        e->text = lab_take(p, "a part of its text");
    } else {
        return lab_wrong(p, "an expectation that cannot be checked: '%s'", lab_more(p) ? p->word[p->at].text : "");
    }
    return !p->failed;
}

static bool read_expect(struct parser *p) {
    if (p->s->expect_count == LAB_ITEM_MAX) return lab_wrong(p, "more than %d expectations", LAB_ITEM_MAX);
    lab_expect *e = &p->s->expect[p->s->expect_count];
    *e = (lab_expect){.place = lab_here(p),
                      .seq = -1,
                      .ack = -1,
                      .len = -1,
                      .offset = -1,
                      .mss = -1,
                      .reason = -1,
                      .pick = {.host = -1}};
    if (lab_eat(p, "at")) {
        e->at_time = true;
        e->at_us = lab_quantity(p, "a time");
    }
    bool good;
    if (lab_eat(p, "segment")) {
        good = claim_segment(p, e);
    } else if (lab_eat(p, "count")) {
        e->claim = LAB_CLAIM_COUNT;
        compared(p, e);
        e->pick = pick(p);
        good = !p->failed;
    } else if (lab_eat(p, "drop")) {
        good = claim_drop(p, e);
    } else if (lab_eat(p, "path")) {
        good = claim_path(p, e);
    } else if (lab_eat(p, "told")) {
        good = claim_told(p, e);
    } else {
        good = claim_small(p, e);
    }
    if (good) p->s->expect_count++;
    return good;
}

/* ---------------------------------------------------------------- the file */

static bool read_run(struct parser *p) {
    lab_scenario *s = p->s;
    if (s->run_count == LAB_RUN_MAX) return lab_wrong(p, "more than %d runs", LAB_RUN_MAX);
    lab_run_head *run = &s->run[s->run_count];
    run->name = lab_take(p, "the run's name");
    run->title = lab_two_texts(p);
    p->run = (int)s->run_count++;
    return !p->failed;
}

/* bars memory | queues */
static bool read_bars(struct parser *p) {
    bool *bars = p->s->bars;
    if (lab_eat(p, "memory"))
        bars[AK_GAUGE_MEMORY] = true;
    else if (lab_eat(p, "queues"))
        bars[AK_GAUGE_SYN_QUEUE] = bars[AK_GAUGE_ACCEPT_QUEUE] = true;
    else
        return lab_wrong(p, "bars are of 'memory' or 'queues'");
    return !p->failed;
}

static bool statement(struct parser *p) {
    lab_scenario *s = p->s;
    p->when = lab_eat(p, "intact") ? LAB_INTACT : lab_eat(p, "mutant") ? LAB_MUTANT : LAB_ALWAYS;
    if (lab_eat(p, "scenario")) {
        s->name = lab_take(p, "the scenario's name");
    } else if (lab_eat(p, "chapter")) {
        s->chapter = (uint32_t)lab_number_word(p, "the chapter", 9);
    } else if (lab_eat(p, "title")) {
        s->title = lab_two_texts(p);
    } else if (lab_eat(p, "question")) {
        s->question = lab_two_texts(p);
    } else if (lab_eat(p, "answer")) {
        s->answer = lab_two_texts(p);
    } else if (lab_eat(p, "mutation")) {
        s->mutation = lab_two_texts(p);
    } else if (lab_eat(p, "not-yet")) {
        s->not_yet = lab_take(p, "what it waits for");
    } else if (lab_eat(p, "end")) {
        s->end_us = lab_quantity(p, "a time");
    } else if (lab_eat(p, "boxes")) {
        s->boxes = true;
    } else if (lab_eat(p, "bars")) {
        return read_bars(p);
    } else if (lab_eat(p, "host")) {
        return lab_read_host(p);
    } else if (lab_eat(p, "router")) {
        return lab_read_router(p);
    } else if (lab_eat(p, "link")) {
        return lab_read_link(p);
    } else if (lab_eat(p, "fault")) {
        return lab_read_fault(p);
    } else if (lab_eat(p, "at")) {
        return read_at(p);
    } else if (lab_eat(p, "on")) {
        return read_on(p);
    } else if (lab_eat(p, "story")) {
        return read_story(p);
    } else if (lab_eat(p, "expect")) {
        return read_expect(p);
    } else if (lab_eat(p, "run")) {
        return read_run(p);
    } else {
        return lab_wrong(p, "unknown statement '%s'", lab_more(p) ? p->word[p->at].text : "");
    }
    return !p->failed;
}

/* What a file must have, and what must fit together. */
static bool complete(struct parser *p) {
    lab_scenario *s = p->s;
    p->count = p->at = 0;
    if (s->name == NULL || s->title.text[0] == NULL || s->question.text[0] == NULL)
        return lab_wrong(p, "scenario, title and question are needed");
    if (s->not_yet != NULL) return true;
    if (s->answer.text[0] == NULL || s->mutation.text[0] == NULL) return lab_wrong(p, "answer and mutation are needed");
    if (s->host_count == 0 || s->expect_count == 0) return lab_wrong(p, "hosts and expectations are needed");
    if (s->run_count == 0) {
        s->run_count = 1;
        s->run[0] = (lab_run_head){.name = s->name, .title = s->title};
    }
    for (uint32_t i = 0; i < s->expect_count; i++) {
        p->line = s->expect[i].place.line;
        if (s->expect[i].at_time && s->expect[i].at_us > s->end_us)
            return lab_wrong(p, "an expectation after the end of the run");
    }
    for (uint32_t i = 0; i < s->action_count; i++) {
        p->line = s->action[i].place.line;
        if (s->action[i].on_host < 0 && s->action[i].at_us > s->end_us)
            return lab_wrong(p, "an action after the end of the run");
    }
    for (uint32_t i = 0; i < s->story_count; i++) {
        p->line = s->story[i].place.line;
        if (s->story[i].at_time && s->story[i].at_us > s->end_us)
            return lab_wrong(p, "a story line after the end of the run");
    }
    return true;
}

lab_scenario *lab_parse(char *source, lab_error *ret_error) {
    lab_scenario *s = calloc(1, sizeof *s);
    if (s == NULL) {
        free(source);
        *ret_error = (lab_error){.text = "no memory"};
        return NULL;
    }
    s->source = source;
    s->end_us = 10000000;
    struct parser p = {.s = s, .error = ret_error, .run = -1};
    for (char *line = source; line != NULL && !p.failed;) {
        char *next = strchr(line, '\n');
        if (next != NULL) *next++ = '\0';
        p.line++;
        if (lab_cut(&p, line) && p.count > 0 && statement(&p) && p.at < p.count)
            (void)lab_wrong(&p, "'%s' is one word too many", p.word[p.at].text);
        line = next;
    }
    if (!p.failed && complete(&p)) {
        lab_happenings(s);
        return s;
    }
    lab_free(s);
    return NULL;
}

lab_scenario *lab_load(const char *path, lab_error *ret_error) {
    *ret_error = (lab_error){0};
    FILE *file = fopen(path, "rb");
    char *text = file != NULL ? calloc(1, 1u << 20) : NULL;
    if (text == NULL) {
        if (file != NULL) (void)fclose(file);
        (void)snprintf(ret_error->text, sizeof ret_error->text, "cannot be read");
        return NULL;
    }
    size_t got = fread(text, 1, (1u << 20) - 1, file);
    (void)fclose(file);
    if (memchr(text, '\0', got) != NULL) {
        free(text);
        (void)snprintf(ret_error->text, sizeof ret_error->text, "is not text");
        return NULL;
    }
    return lab_parse(text, ret_error);
}

void lab_free(lab_scenario *scenario) {
    if (scenario == NULL) return;
    free(scenario->source);
    free(scenario);
}

static void map_addr(aksu_addr *addr) {
    if (!aksu_addr_is_v4(addr)) return;
    aksu_addr six = {{0xfd}};
    memcpy(six.byte + 12, addr->byte + 12, 4);
    *addr = six;
}

void lab_to_ipv6(lab_scenario *s) {
    enum { WIDER = 20 }; /* so much longer is IPv6's header */
    for (uint32_t i = 0; i < s->host_count; i++) map_addr(&s->host[i].addr);
    for (uint32_t i = 0; i < s->entry_count; i++) map_addr(&s->entry[i].addr);
    for (uint32_t i = 0; i < s->router_count; i++) map_addr(&s->router[i].addr);
    for (uint32_t i = 0; i < s->link_count; i++) s->link[i].mtu += s->link[i].mtu != 0 ? WIDER : 1500 + WIDER;
    for (uint32_t i = 0; i < s->action_count; i++) {
        lab_action *a = &s->action[i];
        if (a->verb == LAB_MTU || (a->verb == LAB_ICMP && a->number != 0)) a->number += WIDER;
    }
}
