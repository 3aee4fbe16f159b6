/* What two stacks said to each other, as text that a test can hold against what the RFC says they should have said:
 *
 *     SYN-SENT     -- SYN 0 -------------------> SYN-RECEIVED
 *     ESTABLISHED  <- SYN,ACK 0 ack 1 ---------- SYN-RECEIVED
 *     ESTABLISHED  -- ACK 1 ack 1 -------------> ESTABLISHED
 *
 * The client is on the left; a state is its side's after the segment; numbers count from each side's ISN; "1..11" are
 * ten bytes, from 1 to before 11; an arrow that ends in x did not arrive, one that ends in ! arrived and was dropped.
 */
#ifndef TEST_TCP_LADDER_H
#define TEST_TCP_LADDER_H

#include <inttypes.h>
#include <stdio.h>

#include "tcp_world.h"

enum { LADDER_TIMES = 1, LADDER_OPTIONS = 2, LADDER_WINDOWS = 4 }; /* what each rung tells besides */

struct ladder_text {
    char text[16384];
    size_t bytes;
};

static inline void ladder_add(struct ladder_text *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void ladder_add(struct ladder_text *l, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->text + l->bytes, sizeof l->text - l->bytes, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < sizeof l->text - l->bytes);
    l->bytes += (size_t)n;
}

static inline void ladder_flags(struct ladder_text *l, uint16_t flags) {
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"};
    static const uint8_t order[] = {1, 2, 0, 3, 5, 6, 7, 8, 4};
    const char *comma = "";
    for (uint32_t i = 0; i < sizeof order; i++) {
        if ((flags & (1u << order[i])) == 0) continue;
        ladder_add(l, "%s%s", comma, names[order[i]]);
        comma = ",";
    }
    if (*comma == '\0') ladder_add(l, "none");
}

static inline void ladder_options(struct ladder_text *l, const aksu_tcp_options *o, uint32_t base, unsigned what) {
    for (uint32_t i = 0; i < o->sack_count && (o->present & AKSU_OPT_SACK); i++)
        ladder_add(l, " sack %" PRIu32 "..%" PRIu32, o->sack[i].left - base, o->sack[i].right - base);
    if ((what & LADDER_OPTIONS) == 0) return;
    if (o->present & AKSU_OPT_MSS) ladder_add(l, " mss %u", o->mss);
    if (o->present & AKSU_OPT_SACK_PERMITTED) ladder_add(l, " sackOK");
    if (o->present & AKSU_OPT_TIMESTAMPS) ladder_add(l, " ts");
    if (o->present & AKSU_OPT_WSCALE) ladder_add(l, " ws %u", o->wscale);
}

/* One rung. */
static inline void ladder_rung(struct ladder_text *l, const struct tcp_seen *seen, const uint32_t isn[2], bool by_hand,
                               unsigned what) {
    const aksu_ev_segment *s = &seen->segment;
    struct ladder_text rung = {.bytes = 0};
    ladder_flags(&rung, s->flags);
    uint32_t seq = s->seq - isn[seen->from];
    ladder_add(&rung, " %" PRIu32, seq);
    if (s->payload_bytes > 0)
        ladder_add(&rung, "..%" PRIu32, seq + ((s->flags & AKSU_TCP_SYN) != 0) + s->payload_bytes);
    if (s->flags & AKSU_TCP_ACK) ladder_add(&rung, " ack %" PRIu32, s->ack - isn[!seen->from]);
    if (s->flags & AKSU_TCP_URG) ladder_add(&rung, " up %u", s->up);
    if (what & LADDER_WINDOWS) {
        uint32_t shift = s->flags & AKSU_TCP_SYN ? 0 : s->rcv_wscale;
        ladder_add(&rung, " win %" PRIu32, (uint32_t)s->wnd << shift);
    }
    ladder_options(&rung, &s->options, isn[!seen->from], what);
    const char *here = by_hand && seen->from == CLIENT ? "" : aksu_tcp_state_name(s->state_after);
    const char *there = seen->came ? aksu_tcp_state_name(seen->state_there) : "";
    bool lost = !seen->came && !(by_hand && seen->from == SERVER);
    int dashes = 36 - (int)rung.bytes;
    if (dashes < 2) dashes = 2;
    char line[64];
    memset(line, '-', sizeof line);
    char end = lost ? 'x' : seen->drop != AKSU_DROP_NONE ? '!' : seen->from == CLIENT ? '>' : '<';
    if (seen->from == CLIENT)
        ladder_add(l, "%-12s -- %s %.*s%c%s%s\n", here, rung.text, dashes, line, end, *there ? " " : "", there);
    else
        ladder_add(l, "%-12s %c- %s %.*s- %s\n", there, end, rung.text, dashes, line, here);
}

/* The rungs from the first-th on. */
static inline const char *ladder_of(struct tcp_world *w, uint32_t first, unsigned what) {
    static struct ladder_text l;
    l.bytes = 0;
    l.text[0] = '\0';
    uint32_t isn[2] = {0, 0};
    for (uint32_t i = w->seen_count; i-- > 0;) {
        if (w->seen[i].segment.flags & AKSU_TCP_SYN) isn[w->seen[i].from] = w->seen[i].segment.seq;
    }
    if (w->by_hand) isn[CLIENT] = w->hand_iss;
    for (uint32_t i = first; i < w->seen_count; i++) {
        if (what & LADDER_TIMES) ladder_add(&l, "%7.3f ", (double)(w->seen[i].time_us - w->seen[0].time_us) / 1e6);
        ladder_rung(&l, &w->seen[i], isn, w->by_hand, what);
    }
    return l.text;
}

#define ladder_is(world, first, what, expected)                                                                        \
    do {                                                                                                               \
        const char *ladder_got = ladder_of(world, first, what);                                                        \
        if (strcmp(ladder_got, expected) != 0) {                                                                       \
            (void)fprintf(stderr, "wanted:\n%s\ngot at line %d:\n%s\nend\n", expected, __LINE__, ladder_got);          \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
