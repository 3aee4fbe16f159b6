/* Whether what must be true is true. */
#include "lab/lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool lab_holds(const lab_place *place, int run, lab_when variant) {
    return (place->when == LAB_ALWAYS || place->when == variant) && (place->run < 0 || place->run == run);
}

bool lab_picks(const lab_segment_pick *pick, uint32_t host, const aksu_ev_segment *segment) {
    if (pick->host >= 0 && pick->host != (int)host) return false;
    if (pick->data && segment->payload_bytes == 0) return false;
    uint8_t ignore = pick->flags & AKSU_TCP_PSH ? 0 : AKSU_TCP_PSH; /* PSH matters only where it is asked for */
    return pick->any_flags || (segment->flags & ~ignore) == pick->flags;
}

__attribute__((format(printf, 3, 4))) static bool fails(lab_result *r, const lab_expect *e, const char *format, ...) {
    char text[LAB_REASON_MAX / 2];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)snprintf(r->reason, sizeof r->reason, "line %u: %s", (unsigned)e->place.line, text);
    return false;
}

static bool compares(const lab_expect *e, uint64_t value) {
    switch (e->compare) {
    case LAB_EQUAL: return value == e->number;
    case LAB_LESS: return value < e->number;
    case LAB_MORE: return value > e->number;
    }
    return false;
}

static bool check_number(lab_result *r, const lab_expect *e, const char *what, uint64_t value) {
    return compares(e, value) || fails(r, e, "%s: %llu", what, (unsigned long long)value);
}

static bool judge_segment(lab_result *r, const lab_expect *e) {
    uint32_t nth = 0;
    for (uint32_t i = 0; i < r->segment_count; i++) {
        const lab_segment *s = &r->segment[i];
        if (s->segment.direction != AKSU_OUT || !lab_picks(&e->pick, s->host, &s->segment)) continue;
        if (++nth != e->pick.nth) continue;
        if (e->seq >= 0 && s->rel_seq != (uint32_t)e->seq) return fails(r, e, "seq is %u", (unsigned)s->rel_seq);
        if (e->ack >= 0 && s->rel_ack != (uint32_t)e->ack) return fails(r, e, "ack is %u", (unsigned)s->rel_ack);
        if (e->len >= 0 && s->segment.payload_bytes != e->len)
            return fails(r, e, "it has %u bytes", (unsigned)s->segment.payload_bytes);
        if (e->offset >= 0 && s->segment.data_offset != e->offset)
            return fails(r, e, "data offset is %u", s->segment.data_offset);
        uint32_t mss = s->segment.options.present & AKSU_OPT_MSS ? s->segment.options.mss : 0;
        if (e->mss >= 0 && mss != (uint32_t)e->mss) return fails(r, e, "MSS is %u", (unsigned)mss);
        return true;
    }
    return fails(r, e, "there are only %u such segments", (unsigned)nth);
}

static bool judge_count(lab_result *r, const lab_expect *e) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < r->segment_count; i++) {
        const lab_segment *s = &r->segment[i];
        bool drops = e->claim == LAB_CLAIM_DROP;
        if (s->segment.direction != (drops ? AKSU_IN : AKSU_OUT)) continue;
        if (drops ? s->host == (uint32_t)e->host && s->segment.drop == e->drop
                  : lab_picks(&e->pick, s->host, &s->segment))
            count++;
    }
    return check_number(r, e, "segments", count);
}

static bool judge_path(lab_result *r, const lab_expect *e) {
    uint32_t chain = e->connection == 0 ? 1 : e->connection;
    char walked[160] = "";
    size_t used = 0;
    uint32_t at = 0;
    bool same = true;
    for (uint32_t i = 0; i < r->change_count; i++) {
        const lab_change *c = &r->change[i];
        if (c->host != (uint32_t)e->host || c->chain != chain) continue;
        const aksu_tcp_state both[2] = {c->state.from, c->state.to};
        for (uint32_t k = at == 0 ? 0 : 1; k < 2; k++) {
            if (at >= e->path_count || e->path[at] != both[k]) same = false;
            at++;
            used += (size_t)snprintf(walked + used, sizeof walked - used, " %s", aksu_tcp_state_name(both[k]));
            if (used >= sizeof walked) used = sizeof walked - 1;
        }
    }
    if (same && at == e->path_count) return true;
    return fails(r, e, "the path is%s", at > 0 ? walked : " empty");
}

/* Connections in a state now, or bytes held. */
static uint64_t walk(const lab_result *r, const lab_expect *e) {
    const lab_naive *naive = r->naive[e->host];
    if (naive != NULL) return e->claim == LAB_CLAIM_STATE ? lab_naive_count(naive, e->path[0]) : 0;
    aksu_stack *stack = aksu_sim_stack(r->sim, (uint32_t)e->host);
    uint64_t cursor = 0, count = 0;
    aksu_tcp_info info;
    while (stack != NULL && aksu_tcp_next(stack, &cursor, &info)) {
        if (e->claim == LAB_CLAIM_HELD)
            count += info.state == AK_TCP_LISTEN ? 0 : info.held_bytes;
        else if (info.state == e->path[0])
            count++;
    }
    return count;
}

static bool judge_told(lab_result *r, const lab_expect *e) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < r->note_count; i++) {
        const lab_note *n = &r->note[i];
        if (n->call || n->host != (uint32_t)e->host) continue;
        bool over = (n->told.bits & (AKSU_EV_CLOSED | AKSU_EV_SOFT_ERROR)) != 0;
        if (e->reason >= 0 ? over && (int)n->told.reason == e->reason : (n->told.bits & e->bits) != 0) count++;
    }
    return check_number(r, e, "times told", count);
}

static bool judge_call(lab_result *r, const lab_expect *e) {
    for (uint32_t i = 0; i < r->note_count; i++) {
        const lab_note *n = &r->note[i];
        if (n->call && n->host == (uint32_t)e->host && n->what.call == e->call && n->what.err == e->err) return true;
    }
    return fails(r, e, "no such call was answered so");
}

static bool judge_reached(lab_result *r, const lab_expect *e) {
    for (uint32_t i = 0; i < r->change_count; i++) {
        const lab_change *c = &r->change[i];
        if (c->host == (uint32_t)e->host && c->state.to == e->path[0])
            return check_number(r, e, "microseconds", c->time_us);
    }
    return fails(r, e, "it never was");
}

static const char *const counter_names[] = {
    "tcp_used",    "listener_used",    "syn_cache_used",  "time_wait_used",   "transfer_used", "block_used",
    "record_used", "resets_sent",      "challenges_sent", "retransmitted",    "cookies_sent",  "cookies_accepted",
    "rto_fired",   "time_wait_reused", "persist_probes",  "keepalive_probes", "evicted",
};

int lab_counter_index(const char *name) {
    for (size_t i = 0; i < sizeof counter_names / sizeof counter_names[0]; i++) {
        if (strcmp(counter_names[i], name) == 0) return (int)i;
    }
    for (int i = 0; strncmp(name, "drop.", 5) == 0 && i < AKSU_DROP_COUNT; i++) {
        if (strcmp(aksu_drop_name((aksu_drop)i), name + 5) == 0) return 1000 + i;
    }
    return -1;
}

uint64_t lab_counter_value(const aksu_counters *c, uint32_t index) {
    if (index >= 1000) return c->drop[index - 1000];
    const uint64_t values[] = {
        c->tcp_used,         c->listener_used,        c->syn_cache_used,  c->time_wait_used,      c->transfer_used,
        c->block_used,       c->record_used,          c->tcp_resets_sent, c->tcp_challenges_sent, c->tcp_retransmitted,
        c->syn_cookies_sent, c->syn_cookies_accepted, c->rto_fired,       c->time_wait_reused,    c->persist_probes,
        c->keepalive_probes, c->tcp_evicted,
    };
    return index < sizeof values / sizeof values[0] ? values[index] : 0;
}

static bool judge_counter(lab_result *r, const lab_expect *e) {
    aksu_stack *stack = aksu_sim_stack(r->sim, (uint32_t)e->host);
    if (stack == NULL) return fails(r, e, "the host is down");
    aksu_counters c;
    aksu_counters_get(stack, &c);
    return check_number(r, e, "the counter", lab_counter_value(&c, e->counter));
}

/* RFC 6528: the same four-tuple's ISNs differ by the clock, those of different ones look random. */
static bool judge_isn(lab_result *r, const lab_expect *e) {
    const lab_syn *found[2] = {NULL, NULL};
    uint32_t nth = 0;
    for (uint32_t i = 0; i < r->syn_count; i++) {
        if (r->syn[i].host != (uint32_t)e->host) continue;
        nth++;
        if (nth == e->first) found[0] = &r->syn[i];
        if (nth == e->second) found[1] = &r->syn[i];
    }
    if (found[0] == NULL || found[1] == NULL) return fails(r, e, "there are only %u ISNs", (unsigned)nth);
    uint32_t clock = (uint32_t)((found[1]->time_us - found[0]->time_us) / 4);
    int64_t off = (int32_t)(found[1]->iss - found[0]->iss - clock);
    bool near = off >= -1 && off <= 1;
    if (near == (e->claim == LAB_CLAIM_ISN_CLOCK)) return true;
    return fails(r, e, "the ISNs differ by %lld more than the clock", (long long)off);
}

static bool judge_delivered(lab_result *r, const lab_expect *e) {
    const char *text = r->delivered[e->host] != NULL ? r->delivered[e->host] : "";
    if (e->claim == LAB_CLAIM_DELIVERED_BYTES)
        return check_number(r, e, "bytes delivered", r->delivered_bytes[e->host]);
    return strcmp(text, e->text) == 0 || fails(r, e, "delivered: \"%.60s\"", text);
}

bool lab_judge(lab_result *r, const lab_expect *e) {
    switch (e->claim) {
    case LAB_CLAIM_SEGMENT: return judge_segment(r, e);
    case LAB_CLAIM_COUNT:
    case LAB_CLAIM_DROP: return judge_count(r, e);
    case LAB_CLAIM_PATH: return judge_path(r, e);
    case LAB_CLAIM_STATE: return check_number(r, e, "connections in that state", walk(r, e));
    case LAB_CLAIM_HELD: return check_number(r, e, "bytes held", walk(r, e));
    case LAB_CLAIM_TOLD: return judge_told(r, e);
    case LAB_CLAIM_DELIVERED_TEXT:
    case LAB_CLAIM_DELIVERED_BYTES: return judge_delivered(r, e);
    case LAB_CLAIM_CALL: return judge_call(r, e);
    case LAB_CLAIM_REACHED: return judge_reached(r, e);
    case LAB_CLAIM_COUNTER: return judge_counter(r, e);
    case LAB_CLAIM_LOST: return check_number(r, e, "packets lost", r->lost_count);
    case LAB_CLAIM_ISN_CLOCK:
    case LAB_CLAIM_ISN_RANDOM: return judge_isn(r, e);
    case LAB_CLAIM_VIOLATION: {
        const char *violation = aksu_sim_violation(r->sim);
        return (violation != NULL && strstr(violation, e->text) != NULL) || fails(r, e, "no such violation");
    }
    }
    return false;
}
