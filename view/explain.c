/* The table of a capture's connections; see explain.h.
 *
 * Connections are found by both endpoints in either order, through a hash table of doubling size over one array;
 * indices are 1-based, 0 is none.  Two lists in the order of time hold those that have ended, and those of which no
 * more is known than one end tells: the heads leave when their time is over or the list too long, so that a flood or a
 * scan takes bounded memory.
 *
 * Packets that are captured more than once (on several interfaces, or leaving and coming) are counted in a fixed table
 * of recent ones by what the network does not change.  It works by counts, so identical packets that were sent twice
 * still count twice. */
#include "view/explain_conn.h"
#include "view/text.h"

#include <stdlib.h>
#include <string.h>

#define RECENT_COUNT     (1u << 16)
#define HOME_COUNT       1024u
#define BUCKETS_AT_FIRST 1024u

struct list {
    uint32_t first, last, count;
};

/* A packet that was seen, and how often more on its first interface than on others. */
struct recent {
    uint64_t hash;
    uint32_t tag;
    int32_t count;
    bool used;
};

struct ak_explain {
    ak_explain_options options;
    struct explain_conn *conn; /* [0] is not used */
    uint32_t conn_count, conn_cap, free_first;
    uint32_t *bucket;
    uint32_t bucket_count; /* a power of 2 */
    struct list ended, opening;
    uint32_t number, held, held_max;
    uint64_t now_ns;
    bool tagged; /* packets have been seen on more than one interface, or in both directions */
    bool has_tag;
    uint32_t first_tag;
    struct recent *recent;
    aksu_addr *home; /* addresses whose own interface is in the capture */
    bool *is_home;
};

ak_explain *ak_explain_open(const ak_explain_options *options) {
    ak_explain *x = calloc(1, sizeof *x);
    if (x == NULL) return NULL;
    x->options = *options;
    x->bucket_count = BUCKETS_AT_FIRST;
    x->bucket = calloc(x->bucket_count, sizeof *x->bucket);
    x->recent = calloc(RECENT_COUNT, sizeof *x->recent);
    x->home = calloc(HOME_COUNT, sizeof *x->home);
    x->is_home = calloc(HOME_COUNT, sizeof *x->is_home);
    if (x->bucket == NULL || x->recent == NULL || x->home == NULL || x->is_home == NULL) {
        ak_explain_close(x);
        return NULL;
    }
    return x;
}

void ak_explain_close(ak_explain *x) {
    if (x == NULL) return;
    free(x->conn);
    free(x->bucket);
    free(x->recent);
    free(x->home);
    free(x->is_home);
    free(x);
}

uint32_t ak_explain_count(const ak_explain *x) {
    return x->number;
}

uint32_t ak_explain_held_max(const ak_explain *x) {
    return x->held_max;
}

/* ---- hashes */

static uint64_t mix(uint64_t h) {
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ h >> 32;
}

/* Keyed, so that no capture can be made whose connections share a bucket. */
static uint64_t address_hash(const ak_explain *x, const aksu_addr *a) {
    uint64_t word[2];
    memcpy(word, a->byte, sizeof word);
    return mix(mix(word[0] ^ x->options.hash_key) ^ word[1]);
}

/* The same in both directions. */
static uint64_t ends_hash(const ak_explain *x, const aksu_addr *a, uint16_t a_port, const aksu_addr *b,
                          uint16_t b_port) {
    return mix(address_hash(x, a) + a_port) + mix(address_hash(x, b) + b_port);
}

/* ---- lists and table */

static struct list *list_of(ak_explain *x, const struct explain_conn *c) {
    return c->list == LIST_ENDED ? &x->ended : c->list == LIST_OPENING ? &x->opening : NULL;
}

static void append(ak_explain *x, uint32_t at) {
    struct explain_conn *c = &x->conn[at];
    struct list *l = list_of(x, c);
    if (l == NULL) return;
    l->count++;
    c->previous = l->last;
    c->next = 0;
    if (l->last != 0)
        x->conn[l->last].next = at;
    else
        l->first = at;
    l->last = at;
}

static void take_out(ak_explain *x, uint32_t at) {
    struct explain_conn *c = &x->conn[at];
    struct list *l = list_of(x, c);
    if (l == NULL) return;
    l->count--;
    if (c->previous != 0)
        x->conn[c->previous].next = c->next;
    else
        l->first = c->next;
    if (c->next != 0)
        x->conn[c->next].previous = c->previous;
    else
        l->last = c->previous;
}

static bool same_end(const aksu_endpoint *e, const aksu_addr *addr, uint16_t port) {
    return e->port == port && memcmp(&e->addr, addr, sizeof *addr) == 0;
}

static uint32_t *bucket_of(const ak_explain *x, uint64_t hash) {
    return &x->bucket[hash & (x->bucket_count - 1)];
}

static uint64_t conn_hash(const ak_explain *x, const struct explain_conn *c) {
    return ends_hash(x, &c->end[0].addr, c->end[0].port, &c->end[1].addr, c->end[1].port);
}

static uint32_t find(const ak_explain *x, const ak_packet *p, uint64_t hash, unsigned *ret_from) {
    for (uint32_t at = *bucket_of(x, hash); at != 0; at = x->conn[at].bucket_next) {
        const struct explain_conn *c = &x->conn[at];
        for (unsigned e = 0; e < 2; e++) {
            if (!same_end(&c->end[e], &p->from, p->from_port) || !same_end(&c->end[1 - e], &p->to, p->to_port))
                continue;
            *ret_from = e;
            return at;
        }
    }
    return 0;
}

static void unhash(ak_explain *x, uint32_t at) {
    uint32_t *link = bucket_of(x, conn_hash(x, &x->conn[at]));
    while (*link != at) link = &x->conn[*link].bucket_next;
    *link = x->conn[at].bucket_next;
}

static void double_buckets(ak_explain *x) {
    uint32_t count = x->bucket_count * 2;
    uint32_t *bigger = calloc(count, sizeof *bigger);
    if (bigger == NULL) return; /* slower, not wrong */
    for (uint32_t i = 0; i < x->bucket_count; i++) {
        uint32_t at = x->bucket[i];
        while (at != 0) {
            uint32_t next = x->conn[at].bucket_next;
            uint32_t *head = &bigger[conn_hash(x, &x->conn[at]) & (count - 1)];
            x->conn[at].bucket_next = *head;
            *head = at;
            at = next;
        }
    }
    free(x->bucket);
    x->bucket = bigger;
    x->bucket_count = count;
}

static uint32_t take_place(ak_explain *x) {
    uint32_t at = x->free_first;
    if (at != 0) {
        x->free_first = x->conn[at].next;
        return at;
    }
    if (x->conn_count + 1 >= x->conn_cap) {
        uint32_t cap = x->conn_cap == 0 ? 256 : x->conn_cap * 2;
        struct explain_conn *bigger = cap > x->conn_cap ? realloc(x->conn, cap * sizeof *bigger) : NULL;
        if (bigger == NULL) return 0;
        x->conn = bigger;
        x->conn_cap = cap;
    }
    return ++x->conn_count;
}

static bool is_drawn(const ak_explain *x, const struct explain_conn *c) {
    return x->options.row != NULL && c->number == (x->options.row_number == 0 ? 1 : x->options.row_number);
}

static uint32_t begin(ak_explain *x, uint64_t time_ns, const ak_packet *p, uint64_t hash) {
    uint32_t at = take_place(x);
    if (at == 0) return 0;
    if (x->held >= x->bucket_count) double_buckets(x);
    struct explain_conn *c = &x->conn[at];
    /* The one that opens is end 0; a SYN,ACK tells who that was. */
    bool answers = (p->flags & (AKSU_TCP_SYN | AKSU_TCP_ACK)) == (AKSU_TCP_SYN | AKSU_TCP_ACK);
    aksu_endpoint from = {.addr = p->from, .port = p->from_port, .link = AKSU_LINK_ANY};
    aksu_endpoint to = {.addr = p->to, .port = p->to_port, .link = AKSU_LINK_ANY};
    *c = (struct explain_conn){
        .number = ++x->number, .first_ns = time_ns, .last_ns = time_ns, .listed_ns = time_ns, .list = LIST_OPENING};
    c->end[0] = answers ? to : from;
    c->end[1] = answers ? from : to;
    uint32_t *head = bucket_of(x, hash);
    c->bucket_next = *head;
    *head = at;
    append(x, at);
    x->held++;
    if (x->held > x->held_max) x->held_max = x->held;
    if (is_drawn(x, c)) ak_explain_first_row(c, &x->options);
    return at;
}

static void tell(ak_explain *x, const struct explain_conn *c) {
    ak_explained explained;
    if (x->options.connection == NULL) return;
    ak_explain_sum(c, &explained);
    x->options.connection(x->options.user, &explained);
}

static void leave(ak_explain *x, uint32_t at) {
    struct explain_conn *c = &x->conn[at];
    take_out(x, at);
    tell(x, c);
    unhash(x, at);
    c->next = x->free_first;
    c->number = 0;
    x->free_first = at;
    x->held--;
}

static void expire(ak_explain *x) {
    while (x->ended.first != 0) {
        const struct explain_conn *c = &x->conn[x->ended.first];
        bool late = x->now_ns - c->listed_ns >= AK_EXPLAIN_LINGER_NS;
        if (!late && x->ended.count <= AK_EXPLAIN_ENDED_MAX) break;
        leave(x, x->ended.first);
    }
    while (x->opening.first != 0) {
        uint32_t at = x->opening.first;
        struct explain_conn *c = &x->conn[at];
        bool many = x->opening.count > AK_EXPLAIN_OPENING_MAX;
        if (!many && x->now_ns - c->listed_ns < AK_EXPLAIN_OPENING_NS) break;
        if (many || x->now_ns - c->last_ns >= AK_EXPLAIN_OPENING_NS) {
            leave(x, at);
            continue;
        }
        take_out(x, at); /* it has been heard since: another turn */
        c->listed_ns = x->now_ns;
        append(x, at);
    }
}

/* ---- packets seen more than once */

static uint32_t tag_of(const ak_packet *p) {
    return p->interface_id << 2 | (uint32_t)p->sighting;
}

static uint64_t packet_hash(const ak_explain *x, const ak_packet *p) {
    uint64_t h = mix(address_hash(x, &p->from) + p->from_port);
    h = mix(h ^ address_hash(x, &p->to)) + p->to_port;
    h = mix(h ^ ((uint64_t)p->seq << 32 | p->ack));
    h = mix(h ^ ((uint64_t)p->flags << 48 | (uint64_t)p->wnd << 32 | (uint64_t)p->ip_id << 16 | p->data_offset));
    return mix(h ^ ((uint64_t)p->options.ts_val << 32 | p->payload_bytes));
}

static size_t home_place(const ak_explain *x, const aksu_addr *a) {
    size_t at = address_hash(x, a) & (HOME_COUNT - 1);
    for (unsigned tries = 0; tries < 8; tries++, at = (at + 1) & (HOME_COUNT - 1)) {
        if (!x->is_home[at] || memcmp(&x->home[at], a, sizeof *a) == 0) return at;
    }
    return SIZE_MAX;
}

static bool has_home(const ak_explain *x, const aksu_addr *a) {
    size_t at = home_place(x, a);
    return at != SIZE_MAX && x->is_home[at];
}

/* Is it another sight of a packet that has been seen?  And if not, did its own host not send it? */
static bool seen_before(ak_explain *x, const ak_packet *p, struct finding *f) {
    uint32_t tag = tag_of(p);
    if (!x->has_tag) {
        x->has_tag = true;
        x->first_tag = tag;
    }
    if (p->sighting == AK_SIGHTED_OUT) {
        size_t at = home_place(x, &p->from);
        if (at != SIZE_MAX && !x->is_home[at]) {
            x->home[at] = p->from;
            x->is_home[at] = true;
        }
    }
    x->tagged = x->tagged || tag != x->first_tag;
    uint64_t hash = packet_hash(x, p);
    struct recent *r = &x->recent[hash & (RECENT_COUNT - 1)];
    bool same = r->used && r->hash == hash;
    if (same && r->tag != tag && r->count > 0) {
        r->count--;
        return true;
    }
    if (x->tagged && p->sighting == AK_SIGHTED_IN && has_home(x, &p->from)) {
        f->foreign = true;
        f->copy = same;
        return false;
    }
    if (same && r->tag == tag)
        r->count++;
    else
        *r = (struct recent){.hash = hash, .tag = tag, .count = 1, .used = true};
    return false;
}

/* ---- packets */

static bool is_any(const aksu_addr *a) {
    static const aksu_addr zero;
    return memcmp(a, &zero, sizeof zero) == 0;
}

static bool wanted(const ak_explain_options *o, const ak_packet *p) {
    if (o->filter_port != 0 && p->from_port != o->filter_port && p->to_port != o->filter_port) return false;
    return is_any(&o->filter_addr) || memcmp(&o->filter_addr, &p->from, sizeof p->from) == 0 ||
           memcmp(&o->filter_addr, &p->to, sizeof p->to) == 0;
}

/* A SYN with a number of its own, to a connection that stands: it is noted, and a new connection begins when it is
 * answered.  Where the old one is over, the new one begins at once.  True: begin anew. */
static bool begins_anew(struct explain_conn *c, unsigned from, uint64_t time_ns, const ak_packet *p) {
    bool syn = (p->flags & AKSU_TCP_SYN) != 0, ack = (p->flags & AKSU_TCP_ACK) != 0;
    if (!syn || (p->flags & AKSU_TCP_RST) != 0) return false;
    const ak_infer_end *e = &c->infer.end[from];
    if (!ack) {
        if (!ak_explain_was_open(c) && !c->reset) return false;
        if (e->syn_sent && e->isn == p->seq) return false;
        if (ak_explain_over(c)) return true;
        c->again = true;
        c->again_by = (uint8_t)from;
        c->again_seq = p->seq;
        c->again_ns = time_ns;
        return false;
    }
    c->reopened = c->again && c->again_by != from && p->ack == c->again_seq + 1;
    return c->reopened;
}

/* The connection that the packet belongs to; made where there is none. */
static uint32_t connection_of(ak_explain *x, uint64_t time_ns, const ak_packet *p, unsigned *ret_from) {
    uint64_t hash = ends_hash(x, &p->from, p->from_port, &p->to, p->to_port);
    uint32_t at = find(x, p, hash, ret_from);
    struct explain_conn *c = at != 0 ? &x->conn[at] : NULL;
    if (c != NULL && !begins_anew(c, *ret_from, time_ns, p)) return at;
    ak_packet syn = {0};
    bool noted = c != NULL && c->reopened;
    uint64_t since_ns = time_ns;
    if (noted) {
        since_ns = c->again_ns;
        syn = (ak_packet){.from = p->to,
                          .to = p->from,
                          .from_port = p->to_port,
                          .to_port = p->from_port,
                          .seq = c->again_seq,
                          .flags = AKSU_TCP_SYN};
    }
    if (c != NULL) leave(x, at);
    at = begin(x, since_ns, noted ? &syn : p, hash);
    if (at == 0) return 0;
    *ret_from = same_end(&x->conn[at].end[0], &p->from, p->from_port) ? 0 : 1;
    if (noted) {
        struct finding f = {0};
        ak_explain_take(&x->conn[at], 1 - *ret_from, since_ns, &syn, &f);
        x->conn[at].side[1 - *ret_from].count.packets = 0; /* the old one has counted it */
    }
    return at;
}

/* Into the list where it belongs now; one that has ended goes to the end of its list again. */
static void relist(ak_explain *x, uint32_t at) {
    struct explain_conn *c = &x->conn[at];
    bool both = c->side[0].heard && c->side[1].heard;
    bool over = ak_explain_over(c), opening = !over && (!both || !ak_explain_was_open(c));
    if (c->list == LIST_OPENING && opening) return;
    take_out(x, at);
    c->list = over ? LIST_ENDED : opening ? LIST_OPENING : LIST_NONE;
    c->listed_ns = x->now_ns;
    append(x, at);
}

bool ak_explain_packet(ak_explain *x, uint64_t time_ns, const ak_packet *p) {
    struct finding f = {0};
    unsigned from = 0;
    if (!wanted(&x->options, p) || seen_before(x, p, &f)) return true;
    if (time_ns > x->now_ns) x->now_ns = time_ns; /* several interfaces may be out of step */
    expire(x);
    uint32_t at = connection_of(x, x->now_ns, p, &from);
    if (at == 0) return false;
    struct explain_conn *c = &x->conn[at];
    ak_explain_take(c, from, x->now_ns, p, &f);
    if (is_drawn(x, c)) ak_explain_rows(c, &x->options, from, x->now_ns, p, &f);
    if (x->options.seen != NULL && !f.foreign) {
        x->options.seen(x->options.user, &(ak_explain_seen){.number = c->number,
                                                            .from = from,
                                                            .time_ns = x->now_ns,
                                                            .packet = p,
                                                            .state = {&c->infer.end[0].now, &c->infer.end[1].now}});
    }
    relist(x, at);
    return true;
}

static int by_number(const void *a, const void *b) {
    const struct explain_conn *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

void ak_explain_end(ak_explain *x) {
    if (x->conn_count > 0) qsort(x->conn + 1, x->conn_count, sizeof *x->conn, by_number);
    for (uint32_t at = 1; at <= x->conn_count; at++) {
        if (x->conn[at].number != 0) tell(x, &x->conn[at]);
    }
    x->conn_count = 0;
    x->free_first = 0;
    x->held = 0;
    x->ended = x->opening = (struct list){0};
    memset(x->bucket, 0, x->bucket_count * sizeof *x->bucket);
}

/* ---- words */

const char *ak_ending_name(ak_ending ending) {
    static const char *const names[AK_ENDING_COUNT] = {
#define AK_X(name, json, english, korean) [AK_END_##name] = json,
        AK_ENDINGS(AK_X)
#undef AK_X
    };
    return (unsigned)ending < AK_ENDING_COUNT ? names[ending] : "?";
}

const char *ak_ending_text(const ak_explained *e, ak_lang lang, char buf[AK_ENDING_BYTES]) {
    static const char *const texts[AK_ENDING_COUNT][AK_LANG_COUNT] = {
#define AK_X(name, json, english, korean) [AK_END_##name] = {english, korean},
        AK_ENDINGS(AK_X)
#undef AK_X
    };
    ak_text text = ak_text_in(buf, AK_ENDING_BYTES);
    const char *words = texts[e->ending][lang], *hole = strstr(words, "%s");
    char before[AK_ENDING_BYTES];
    (void)snprintf(before, sizeof before, "%.*s", hole != NULL ? (int)(hole - words) : (int)strlen(words), words);
    ak_text_add(&text, before);
    if (hole == NULL) return buf;
    ak_text_add(&text, e->by == 0 ? "A" : "B");
    ak_text_add(&text, hole + 2);
    return buf;
}
