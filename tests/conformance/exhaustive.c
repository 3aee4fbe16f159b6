/* The exhaustive table: every cell of the oracle, run on the core (RFC 9293 s3.10.7).
 *
 * For each configuration, each window (open, zero) and each of five initial sequence numbers a stack is brought there
 * once by calls and packets (prepare.c).  Each cell then gets a clone of it: one segment goes in, what comes out is
 * drained, the events, the record and the received bytes are read through the public interface, and all of it is
 * compared with the outcome that oracle.py wrote down.  Differences are gathered into groups that have the
 * configuration, the outcome and the kind of difference in common; the first cell of each is printed in full.
 *
 *     exhaustive TABLE [--config NAME] [--base N] [--groups N] [--dirty 0|1]
 *
 * req: MUST-10, MUST-11, MUST-66, U-5, U-6, U-7, U-8, U-9, U-10, U-11, U-12, U-14, SHLD-2, SHLD-31, MAY-2, MAY-12,
 * MAY-13
 *
 * Limits: one segment a cell, no options, urgent pointer 0; URGENT events, windows and drop counters are not compared.
 * Exit status 0: no cell failed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prepare.h"
#include "table.h"

enum { GROUP_MAX = 512, TIMER_SLACK_S = 2, ACK_DELAY_MAX_US = 499999 };

static const uint32_t bases[] = {0, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
enum { BASE_COUNT = sizeof bases / sizeof bases[0] };

static const char *const seq_names[TABLE_SEQ_COUNT] = {"NXT-1-LEN", "NXT-LEN",    "NXT-1", "NXT",    "NXT+1",
                                                       "MIDDLE",    "EDGE-1",     "EDGE",  "EDGE+1", "NXT+2^31-1",
                                                       "NXT+2^31",  "NXT-2^31+1", "IRS",   "IRS+1"};
static const char *const ack_names[TABLE_ACK_COUNT] = {"UNA-MAX-1", "UNA-MAX", "UNA-1", "UNA", "UNA+1",
                                                       "NXT-1",     "NXT",     "NXT+1", "FAR"};

/* What may differ.  A group of differences has the same set of these. */
enum {
    DIFF_STATE = 1 << 0,
    DIFF_REPLY_COUNT = 1 << 1,
    DIFF_REPLY_FLAGS = 1 << 2,
    DIFF_REPLY_SEQ = 1 << 3,
    DIFF_REPLY_ACK = 1 << 4,
    DIFF_REPLY_TEXT = 1 << 5,
    DIFF_DELIVERED = 1 << 6,
    DIFF_RCV_NXT = 1 << 7,
    DIFF_SND_UNA = 1 << 8,
    DIFF_TOLD = 1 << 9,
    DIFF_REASON = 1 << 10,
    DIFF_TIMER = 1 << 11,
    DIFF_LISTENER = 1 << 12,
};
static const char *const diff_names[] = {"state",      "reply count", "reply flags",  "reply SEQ", "reply ACK",
                                         "reply text", "delivered",   "RCV.NXT",      "SND.UNA",   "told",
                                         "reason",     "2MSL",        "listener gone"};

/* What a cell did. */
struct seen {
    aksu_tcp_state state; /* CLOSED: no record that lives */
    bool listening;
    struct replies replies;
    uint32_t told;
    aksu_reason reason;
    uint32_t delivered_bytes;
    bool delivered_right; /* the bytes themselves */
    uint32_t rcv_nxt, snd_una;
    uint64_t timer_us;
};

struct group {
    uint32_t config, outcome, diff;
    uint64_t count;
    uint32_t seqs, acks, texts, windows; /* bits: which places occur */
    struct cell_index first_cell;
    uint32_t first_base;
    struct segment first_segment;
    struct seen first_seen;
};

struct run {
    struct table table;
    uint64_t passed, failed, unreachable;
    struct group groups[GROUP_MAX];
    uint32_t group_count;
    void *base_mem, *cell_mem;
    size_t mem_bytes;
    const char *only_config; /* NULL: all */
    bool only_base;
    bool dirty; /* clones go into memory that the last cell has used */
    uint32_t base;
};

/* ---------------------------------------------------------------- the cell's segment */

static uint32_t seq_at(const struct world *world, uint32_t position, uint32_t text_bytes) {
    const uint32_t nxt = world->rcv_nxt, wnd = world->rcv_wnd, half = 0x80000000u;
    const uint32_t at[TABLE_SEQ_COUNT] = {
        nxt - 1 - text_bytes, nxt - text_bytes, nxt - 1,    nxt,           nxt + 1,
        nxt + wnd / 2,        nxt + wnd - 1,    nxt + wnd,  nxt + wnd + 1, nxt + half - 1,
        nxt + half,           nxt - half + 1,   world->irs, world->irs + 1};
    return at[position];
}

static uint32_t ack_at(const struct world *world, uint32_t max_snd_wnd, uint32_t position) {
    const uint32_t una = world->snd_una, nxt = world->snd_nxt;
    const uint32_t at[TABLE_ACK_COUNT] = {
        una - max_snd_wnd - 1, una - max_snd_wnd, una - 1, una, una + 1, nxt - 1, nxt, nxt + 1, una + 0x80000000u};
    return at[position];
}

static struct segment segment_of(const struct run *run, const struct world *world, const struct cell_index *cell) {
    static const uint8_t text[] = "abcdefgh";
    uint32_t text_bytes = run->table.text_bytes[cell->text];
    return (struct segment){.seq = seq_at(world, cell->seq, text_bytes),
                            .ack = ack_at(world, run->table.configs[cell->config].max_snd_wnd, cell->ack),
                            .flags = (uint8_t)cell->flags,
                            .window = PEER_WINDOW,
                            .text = text,
                            .text_bytes = text_bytes};
}

/* ---------------------------------------------------------------- running a cell */

static void hear_events(aksu_stack *stack, const struct world *world, aksu_sock *sock, struct seen *seen) {
    static const aksu_sock none = {0, 0};
    aksu_event event;
    bool accepted = false;
    while (aksu_next_event(stack, &event)) {
        bool of_listener = memcmp(&event.sock, &world->listener, sizeof none) == 0;
        if (of_listener && event.bits & AKSU_EV_INCOMING && memcmp(sock, &none, sizeof none) == 0) {
            accepted = aksu_tcp_accept(stack, world->listener, sock) == AKSU_OK;
        }
        if (of_listener) {
            continue;
        }
        seen->told |= event.bits & AKSU_EV_CONNECTED ? TOLD_CONNECTED : 0u;
        seen->told |= event.bits & AKSU_EV_PEER_CLOSED ? TOLD_PEER_CLOSED : 0u;
        if (event.bits & AKSU_EV_CLOSED) {
            seen->told |= TOLD_CLOSED;
            seen->reason = event.reason;
        }
    }
    if (accepted) { /* to be accepted is to be CONNECTED; what came before accept shows in the levels */
        uint32_t bits = 0;
        (void)aksu_poll(stack, *sock, &bits);
        seen->told |= TOLD_CONNECTED | (bits & AKSU_EV_PEER_CLOSED ? TOLD_PEER_CLOSED : 0u);
    }
}

static void receive(aksu_stack *stack, const struct world *world, aksu_sock sock, const struct segment *segment,
                    struct seen *seen) {
    uint8_t got[1024];
    size_t got_bytes = 0, total = 0;
    while (total < sizeof got && aksu_tcp_recv(stack, sock, got + total, sizeof got - total, &got_bytes) == AKSU_OK &&
           got_bytes > 0) {
        total += got_bytes;
    }
    seen->delivered_right = true;
    if (total > world->unread_bytes) {
        seen->delivered_bytes = (uint32_t)total - world->unread_bytes;
        seen->delivered_right =
            seen->delivered_bytes <= segment->text_bytes &&
            memcmp(got + world->unread_bytes, segment->text + segment->text_bytes - seen->delivered_bytes,
                   seen->delivered_bytes) == 0;
    }
}

static void run_cell(const struct run *run, const struct world *world, const struct segment *segment,
                     const struct outcome *want, struct seen *ret_seen) {
    static const aksu_sock none = {0, 0};
    struct seen seen = {.state = AK_TCP_CLOSED, .reason = AKSU_REASON_NONE, .delivered_right = true};
    aksu_stack *stack = NULL;
    aksu_sock sock = world->sock;
    uint64_t now_us = world->now_us;
    aksu_tcp_info info;
    if (!run->dirty) {
        memset(run->cell_mem, 0, run->mem_bytes);
    }
    if (aksu_stack_clone(world->stack, run->cell_mem, run->mem_bytes, &stack) != AKSU_OK) {
        *ret_seen = seen;
        return;
    }
    aksu_advance(stack, now_us);
    world_put(stack, now_us, world->link, segment);
    world_drain(stack, now_us, &seen.replies);
    if (want->delayable && seen.replies.count == 0) {
        now_us += ACK_DELAY_MAX_US;
        world_drain(stack, now_us, &seen.replies);
    }
    if (world_record(stack, &info, &seen.listening)) {
        seen.state = info.state;
        seen.rcv_nxt = info.rcv_nxt;
        seen.snd_una = info.snd_una;
        seen.timer_us = info.timer_us;
    }
    hear_events(stack, world, &sock, &seen);
    if (memcmp(&sock, &none, sizeof none) != 0) {
        receive(stack, world, sock, segment, &seen);
    }
    *ret_seen = seen;
}

/* ---------------------------------------------------------------- comparing */

static uint32_t compare_reply(const struct world *world, const struct segment *segment, const struct outcome *want,
                              const struct replies *replies) {
    const struct segment *got = &replies->segment[0];
    uint32_t diff = 0;
    if (replies->count != (want->reply_flags ? 1 : 0)) {
        return DIFF_REPLY_COUNT;
    }
    if (!want->reply_flags) {
        return 0;
    }
    diff |= (got->flags & (FLAG_FIN | FLAG_SYN | FLAG_RST | FLAG_ACK)) != want->reply_flags ? DIFF_REPLY_FLAGS : 0u;
    diff |= got->text_bytes ? DIFF_REPLY_TEXT : 0u;
    switch (want->reply_seq) {
    case REPLY_SEQ_ZERO: diff |= got->seq != 0 ? DIFF_REPLY_SEQ : 0u; break;
    case REPLY_SEQ_ISS: diff |= got->seq != world->iss ? DIFF_REPLY_SEQ : 0u; break;
    case REPLY_SEQ_SND_NXT: diff |= got->seq != world->snd_nxt ? DIFF_REPLY_SEQ : 0u; break;
    case REPLY_SEQ_SEG_ACK: diff |= got->seq != segment->ack ? DIFF_REPLY_SEQ : 0u; break;
    case REPLY_SEQ_NEW_ISS: /* larger than any number of the last incarnation, if there was one (MAY-2) */
        if (world->snd_nxt != world->iss) {
            diff |= got->seq - world->snd_nxt > 0x7fffffff ? DIFF_REPLY_SEQ : 0u;
        }
        break;
    default: diff |= DIFF_REPLY_SEQ; break;
    }
    if (want->reply_ack != REPLY_ACK_NONE) {
        uint32_t from = want->reply_ack == REPLY_ACK_SEG_SEQ ? segment->seq : world->rcv_nxt;
        diff |= got->ack != from + want->reply_offset ? DIFF_REPLY_ACK : 0u;
    }
    return diff;
}

static bool reason_matches(uint8_t want, aksu_reason got) {
    static const aksu_reason reasons[] = {[REASON_NONE] = AKSU_REASON_NONE,
                                          [REASON_CLOSED] = AKSU_REASON_CLOSED,
                                          [REASON_RESET] = AKSU_REASON_RESET,
                                          [REASON_REFUSED] = AKSU_REASON_REFUSED};
    return want < sizeof reasons / sizeof reasons[0] && reasons[want] == got;
}

static uint32_t compare_timer(const struct outcome *want, const struct seen *seen) {
    uint64_t age_s = want->timer == TIMER_AS_IT_WAS ? TIME_WAIT_AGE_S : 0;
    uint64_t left_us = (TIME_WAIT_S - age_s) * 1000000, slack_us = (uint64_t)TIMER_SLACK_S * 1000000;
    return seen->timer_us + slack_us < left_us || seen->timer_us > left_us + slack_us ? DIFF_TIMER : 0;
}

static uint32_t compare(const struct table_config *config, const struct world *world, const struct segment *segment,
                        const struct outcome *want, const struct seen *seen) {
    uint32_t diff = compare_reply(world, segment, want, &seen->replies);
    /* A half-open connection that vanishes is drawn as a return to LISTEN (R7): no record, and the listener stands. */
    aksu_tcp_state state = want->state == AK_TCP_LISTEN ? AK_TCP_CLOSED : (aksu_tcp_state)want->state;
    diff |= state != seen->state ? DIFF_STATE : 0u;
    diff |= config->listener && !seen->listening ? DIFF_LISTENER : 0u;
    diff |= want->text_delivered != seen->delivered_bytes || !seen->delivered_right ? DIFF_DELIVERED : 0u;
    diff |= want->told != seen->told ? DIFF_TOLD : 0u;
    diff |= want->told & TOLD_CLOSED && !reason_matches(want->reason, seen->reason) ? DIFF_REASON : 0u;
    if (diff & DIFF_STATE || state == AK_TCP_CLOSED) {
        return diff;
    }
    bool nothing_received = want->state == AK_TCP_SYN_SENT;
    uint32_t rcv_nxt = (want->rcv_from_seg ? segment->seq : world->rcv_nxt) + want->rcv_offset;
    diff |= !nothing_received && seen->rcv_nxt != rcv_nxt ? DIFF_RCV_NXT : 0u;
    bool reopened = want->reply_seq == REPLY_SEQ_NEW_ISS;
    uint32_t snd_una = want->una_is_ack ? segment->ack : world->snd_una;
    diff |= !reopened && state != AK_TCP_TIME_WAIT && seen->snd_una != snd_una ? DIFF_SND_UNA : 0u;
    return diff | (state == AK_TCP_TIME_WAIT ? compare_timer(want, seen) : 0u);
}

static void note_difference(struct run *run, const struct group *difference) {
    for (uint32_t i = 0; i < run->group_count; i++) {
        struct group *group = &run->groups[i];
        if (group->config == difference->config && group->outcome == difference->outcome &&
            group->diff == difference->diff && group->first_seen.state == difference->first_seen.state &&
            group->first_seen.replies.segment[0].flags == difference->first_seen.replies.segment[0].flags) {
            group->count++;
            group->seqs |= difference->seqs;
            group->acks |= difference->acks;
            group->texts |= difference->texts;
            group->windows |= difference->windows;
            return;
        }
    }
    if (run->group_count < GROUP_MAX) {
        run->groups[run->group_count] = *difference;
        run->groups[run->group_count++].count = 1;
    }
}

/* ---------------------------------------------------------------- printing */

static void print_flags(uint8_t flags) {
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    const char *between = "";
    for (unsigned bit = 0; bit < 8; bit++) {
        if (flags & 1u << bit) {
            printf("%s%s", between, names[bit]);
            between = ",";
        }
    }
    printf("%s", flags ? "" : "none");
}

static void print_told(uint32_t told, const char *reason) {
    printf("told%s%s%s%s%s", told ? "" : " nothing", told & TOLD_CONNECTED ? " CONNECTED" : "",
           told & TOLD_PEER_CLOSED ? " PEER_CLOSED" : "", told & TOLD_CLOSED ? " CLOSED: " : "",
           told & TOLD_CLOSED ? reason : "");
}

static void print_want(const struct outcome *want) {
    static const char *const seq_text[] = {"-", "0", "ISS", "SND.NXT", "SEG.ACK", "new ISS"};
    static const char *const ack_text[] = {"-", "RCV.NXT", "SEG.SEQ"};
    static const char *const reasons[] = {"none", "closed", "reset", "refused"};
    static const char *const timers[] = {"as it was", "started", "restarted"};
    printf("      want %s; ", aksu_tcp_state_name((aksu_tcp_state)want->state));
    if (want->reply_flags) {
        printf("<SEQ=%s>", seq_text[want->reply_seq]);
        if (want->reply_ack != REPLY_ACK_NONE) {
            printf("<ACK=%s+%u>", ack_text[want->reply_ack], want->reply_offset);
        }
        printf("<CTL=");
        print_flags(want->reply_flags);
        printf(">; ");
    } else {
        printf("no reply; ");
    }
    print_told(want->told, reasons[want->reason & 3]);
    printf("; %u delivered; RCV.NXT %s+%u; SND.UNA %s; 2MSL %s\n", want->text_delivered,
           want->rcv_from_seg ? "SEG.SEQ" : "as it was", want->rcv_offset, want->una_is_ack ? "SEG.ACK" : "as it was",
           timers[want->timer % 3]);
}

static void print_seen(const struct seen *seen) {
    printf("      got  %s; ", aksu_tcp_state_name(seen->state));
    for (uint32_t i = 0; i < seen->replies.count && i < REPLY_MAX; i++) {
        const struct segment *segment = &seen->replies.segment[i];
        printf("<SEQ=%" PRIu32 "><ACK=%" PRIu32 "><CTL=", segment->seq, segment->ack);
        print_flags(segment->flags);
        printf("><%" PRIu32 " octets>; ", segment->text_bytes);
    }
    printf("%s", seen->replies.count ? "" : "no reply; ");
    print_told(seen->told, aksu_reason_text(seen->reason));
    printf("; %" PRIu32 " delivered%s; RCV.NXT %" PRIu32 "; SND.UNA %" PRIu32 "; timer %" PRIu64 " ms\n",
           seen->delivered_bytes, seen->delivered_right ? "" : " (other bytes)", seen->rcv_nxt, seen->snd_una,
           seen->timer_us / 1000);
}

static void print_places(const char *axis, uint32_t places, uint32_t place_count, const char *const *names) {
    printf(" %s", axis);
    if (places == (1u << place_count) - 1) {
        printf(" any");
        return;
    }
    for (uint32_t i = 0; i < place_count; i++) {
        printf("%s%s", places & 1u << i ? " " : "", places & 1u << i ? names[i] : "");
    }
}

static void print_group(const struct run *run, const struct group *group, uint32_t number) {
    const struct cell_index *cell = &group->first_cell;
    const struct outcome *want = &run->table.outcomes[group->outcome];
    printf("%3" PRIu32 ". %" PRIu64 " cells, %s:", number, group->count, run->table.configs[group->config].name);
    for (unsigned bit = 0; bit < sizeof diff_names / sizeof diff_names[0]; bit++) {
        printf("%s%s", group->diff & 1u << bit ? " " : "", group->diff & 1u << bit ? diff_names[bit] : "");
    }
    printf("\n      at");
    print_places("SEQ", group->seqs, TABLE_SEQ_COUNT, seq_names);
    print_places("| ACK", group->acks, TABLE_ACK_COUNT, ack_names);
    print_places("| LEN", group->texts, TABLE_TEXT_COUNT, (const char *const[]){"0", "1", "3"});
    print_places("| WND", group->windows, TABLE_WINDOW_COUNT, (const char *const[]){"OPEN", "ZERO"});
    printf("\n      first --explain %s ", run->table.configs[group->config].name);
    print_flags((uint8_t)cell->flags);
    printf(" %s %s %u %s   (ISS = IRS = %" PRIu32 ": SEG.SEQ=%" PRIu32 " SEG.ACK=%" PRIu32 ")\n", seq_names[cell->seq],
           ack_names[cell->ack], run->table.text_bytes[cell->text], cell->window ? "ZERO" : "OPEN", group->first_base,
           group->first_segment.seq, group->first_segment.ack);
    print_want(want);
    print_seen(&group->first_seen);
    printf("      [%s] %s\n", table_mark(want->mark), want->why);
}

/* ---------------------------------------------------------------- all cells */

static void judge_cell(struct run *run, const struct world *world, uint32_t base, const struct cell_index *cell) {
    struct seen seen;
    uint32_t outcome_index;
    const struct outcome *want = table_at(&run->table, cell, &outcome_index);
    struct segment segment = segment_of(run, world, cell);
    run_cell(run, world, &segment, want, &seen);
    uint32_t diff = compare(&run->table.configs[cell->config], world, &segment, want, &seen);
    if (!diff) {
        run->passed++;
        return;
    }
    run->failed++;
    note_difference(run, &(struct group){.config = cell->config,
                                         .outcome = outcome_index,
                                         .diff = diff,
                                         .seqs = 1u << cell->seq,
                                         .acks = 1u << cell->ack,
                                         .texts = 1u << cell->text,
                                         .windows = 1u << cell->window,
                                         .first_cell = *cell,
                                         .first_base = base,
                                         .first_segment = segment,
                                         .first_seen = seen});
}

static void run_world(struct run *run, uint32_t config_index, uint32_t window, uint32_t base) {
    const struct table_config *config = &run->table.configs[config_index];
    const uint64_t cell_count = 256u * TABLE_SEQ_COUNT * TABLE_ACK_COUNT * TABLE_TEXT_COUNT;
    struct world world;
    if (window && !config->zero_window) {
        run->unreachable += cell_count;
        return;
    }
    prepare_world(config->name, window != 0, base, run->base_mem, run->mem_bytes, &world);
    aksu_tcp_info info = {.state = AK_TCP_CLOSED};
    bool listening;
    if (!world.failed_step) {
        bool found = world_record(world.stack, &info, &listening);
        bool as_wanted =
            config->state == AK_TCP_CLOSED || config->state == AK_TCP_LISTEN ? !found : info.state == config->state;
        world.failed_step = as_wanted ? NULL : "the state at the end";
    }
    if (world.failed_step) {
        printf("%s, window %s, ISS = IRS = %" PRIu32 ": not reached, failed at: %s\n", config->name,
               window ? "zero" : "open", base, world.failed_step);
        run->failed += cell_count;
        return;
    }
    struct cell_index cell = {.config = config_index, .window = window};
    for (cell.flags = 0; cell.flags < 256; cell.flags++) {
        for (cell.seq = 0; cell.seq < TABLE_SEQ_COUNT; cell.seq++) {
            for (cell.ack = 0; cell.ack < TABLE_ACK_COUNT; cell.ack++) {
                for (cell.text = 0; cell.text < TABLE_TEXT_COUNT; cell.text++) {
                    judge_cell(run, &world, base, &cell);
                }
            }
        }
    }
}

static bool parse_arguments(struct run *run, int argc, char **argv, uint32_t *ret_groups) {
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 == argc) {
            return false;
        }
        if (strcmp(argv[i], "--config") == 0) {
            run->only_config = argv[i + 1];
        } else if (strcmp(argv[i], "--base") == 0) {
            run->only_base = true;
            run->base = (uint32_t)strtoul(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--groups") == 0) {
            *ret_groups = (uint32_t)strtoul(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--dirty") == 0) {
            run->dirty = strtoul(argv[i + 1], NULL, 0) != 0;
        } else {
            return false;
        }
    }
    return argc >= 2;
}

static bool take_memory(struct run *run) {
    aksu_config config;
    prepare_config(&config);
    run->mem_bytes = aksu_stack_bytes(&config);
    if (run->mem_bytes == 0) {
        const char *why = aksu_config_check(&config);
        fprintf(stderr, "config: %s\n", why ? why : "aksu_stack_bytes is 0");
        return false;
    }
    run->mem_bytes = (run->mem_bytes + 63) / 64 * 64;
    run->base_mem = aligned_alloc(64, run->mem_bytes);
    run->cell_mem = aligned_alloc(64, run->mem_bytes);
    return run->base_mem && run->cell_mem;
}

int main(int argc, char **argv) {
    static struct run run; /* large: it holds the groups */
    uint32_t groups_shown = 40;
    if (!parse_arguments(&run, argc, argv, &groups_shown)) {
        fprintf(stderr, "usage: exhaustive TABLE [--config NAME] [--base N] [--groups N] [--dirty 0|1]\n");
        return 2;
    }
    if (!table_load(argv[1], &run.table) || !take_memory(&run)) {
        return 2;
    }
    memset(run.cell_mem, 0, run.mem_bytes);
    for (uint32_t config = 0; config < run.table.config_count; config++) {
        if (run.only_config && strcmp(run.only_config, run.table.configs[config].name) != 0) {
            continue;
        }
        for (uint32_t i = 0; i < (run.only_base ? 1 : BASE_COUNT); i++) {
            run_world(&run, config, 0, run.only_base ? run.base : bases[i]);
            run_world(&run, config, 1, run.only_base ? run.base : bases[i]);
        }
    }
    for (uint32_t i = 0; i < run.group_count && i < groups_shown; i++) {
        print_group(&run, &run.groups[i], i + 1);
    }
    if (run.group_count > groups_shown) {
        printf("%" PRIu32 " more groups of differences\n", run.group_count - groups_shown);
    }
    printf("exhaustive table, stack of %zu bytes: %" PRIu64 " cells that no packet can reach\n", run.mem_bytes,
           run.unreachable);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", run.passed, run.failed);
    table_free(&run.table);
    free(run.base_mem);
    free(run.cell_mem);
    return run.failed || run.passed == 0 ? 1 : 0;
}
