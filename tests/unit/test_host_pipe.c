/* Goal: two stacks joined in memory hold a whole connection, in virtual time, with delay and loss; a test can stand at
 * one end instead; nothing is copied that has no delay; and the same inputs give the same frames. */
#include "aksu/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PORT          7000
#define TRANSFER      (3u << 20)
#define ONE_WAY_US    25000u
#define PING_BYTES    28u
#define SECOND_US     1000000u
#define FNV_OFFSET    14695981039346656037u
#define FNV_PRIME     1099511628211u
#define RUN_LIMIT_US  (600u * (uint64_t)SECOND_US)
#define LOSS_INTERVAL 37u

/* ---------------------------------------------------------------- a client that sends, a server that checks */

struct side {
    aksu_arena arena;
    aksu_stack *stack;
    uint16_t link;
};

struct transfer {
    struct side side[2];
    aksu_pipe *pipe;
    aksu_sock listener, client, server;
    uint64_t to_send, sent, received;
    bool wrong_byte, server_done, client_done;
    uint64_t connected_us;
    uint64_t hash;        /* of all frames, in order */
    uint64_t frame_count; /* seen by the filter */
    uint32_t drop_first, drop_every;
    bool largest_is_super;
};

static uint8_t stream_byte(uint64_t at) {
    return (uint8_t)(at * 31 + (at >> 11));
}

static void client_fill(struct transfer *transfer) {
    uint8_t chunk[10000];
    while (transfer->sent < transfer->to_send) {
        uint64_t left = transfer->to_send - transfer->sent;
        size_t bytes = left < sizeof chunk ? (size_t)left : sizeof chunk;
        for (size_t i = 0; i < bytes; i++) chunk[i] = stream_byte(transfer->sent + i);
        size_t taken = 0;
        aksu_err err =
            aksu_tcp_send(transfer->side[AKSU_PIPE_A].stack, transfer->client, chunk, bytes, /* flags= */ 0, &taken);
        if (err == AKSU_ERR_AGAIN) return;
        assert_int_equal(err, AKSU_OK);
        transfer->sent += taken;
    }
    (void)aksu_tcp_shutdown(transfer->side[AKSU_PIPE_A].stack, transfer->client);
}

static void client_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct transfer *transfer = user;
    if (event->bits & AKSU_EV_CONNECTED) transfer->connected_us = aksu_pipe_now_us(transfer->pipe);
    if (event->bits & (AKSU_EV_CONNECTED | AKSU_EV_WRITABLE)) client_fill(transfer);
    if (event->bits & AKSU_EV_PEER_CLOSED) {
        transfer->client_done = true;
        (void)aksu_tcp_close(stack, event->sock);
    }
}

static void server_drain(struct transfer *transfer, aksu_stack *stack) {
    uint8_t chunk[10000];
    for (;;) {
        size_t got = 0;
        aksu_err err = aksu_tcp_recv(stack, transfer->server, chunk, sizeof chunk, &got);
        if (err == AKSU_ERR_END) {
            transfer->server_done = true;
            (void)aksu_tcp_close(stack, transfer->server);
            return;
        }
        if (err != AKSU_OK) return;
        for (size_t i = 0; i < got; i++) transfer->wrong_byte |= chunk[i] != stream_byte(transfer->received + i);
        transfer->received += got;
    }
}

static void server_event(void *user, aksu_stack *stack, const aksu_event *event) {
    struct transfer *transfer = user;
    if (event->bits & AKSU_EV_INCOMING) (void)aksu_tcp_accept(stack, transfer->listener, &transfer->server);
    if (event->bits & (AKSU_EV_INCOMING | AKSU_EV_READABLE)) server_drain(transfer, stack);
}

static aksu_pipe_verdict watch_frames(void *user, aksu_pipe_side from, const aksu_frame *frame, uint64_t now_us,
                                      uint64_t *delay_us) {
    struct transfer *transfer = user;
    *delay_us += 0; /* the pipe's own */
    transfer->frame_count++;
    transfer->hash = (transfer->hash ^ now_us) * FNV_PRIME;
    transfer->hash = (transfer->hash ^ (uint64_t)from) * FNV_PRIME;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        const uint8_t *bytes = frame->iov[i].base;
        for (size_t at = 0; at < frame->iov[i].bytes; at++) transfer->hash = (transfer->hash ^ bytes[at]) * FNV_PRIME;
    }
    if (frame->segment_bytes != 0 && frame->total_bytes > 30000) transfer->largest_is_super = true;
    if (transfer->frame_count <= transfer->drop_first) return AKSU_PIPE_DROP;
    if (transfer->drop_every != 0 && transfer->frame_count % transfer->drop_every == 0) return AKSU_PIPE_DROP;
    return AKSU_PIPE_PASS;
}

static void side_open(struct side *side, uint8_t last_byte, uint32_t output_sync) {
    aksu_config config;
    aksu_config_default(&config);
    memset(config.entropy, last_byte, sizeof config.entropy);
    config.tcp_max = 16;
    config.output_sync = output_sync;
    assert_int_equal(aksu_host_stack(&config, AKSU_ARENA_SMALL_PAGES, &side->arena, &side->stack, NULL), 0);
    aksu_link_config link = {
        .struct_bytes = sizeof link,
        .mtu = 1500,
        .flags = AKSU_LINK_TX_CHECKSUM | AKSU_LINK_TSO4 | AKSU_LINK_TSO6,
        .tso_max_bytes = 65535,
    };
    assert_int_equal(aksu_link_add(side->stack, &link, &side->link), AKSU_OK);
    aksu_addr addr = aksu_addr_v4(192, 0, 2, last_byte);
    assert_int_equal(aksu_addr_add(side->stack, side->link, &addr, 24), AKSU_OK);
}

static void transfer_open(struct transfer *transfer, uint64_t to_send, uint64_t delay_us, uint32_t output_sync) {
    *transfer = (struct transfer){.to_send = to_send, .hash = FNV_OFFSET};
    side_open(&transfer->side[AKSU_PIPE_A], 1, output_sync);
    side_open(&transfer->side[AKSU_PIPE_B], 2, output_sync);
    aksu_pipe_config config = {
        .struct_bytes = sizeof config,
        .delay_us = delay_us,
        .start_us = SECOND_US,
        .filter = watch_frames,
        .filter_user = transfer,
    };
    for (uint32_t i = 0; i < 2; i++) {
        config.end[i] = (aksu_pipe_end){
            .stack = transfer->side[i].stack,
            .link = transfer->side[i].link,
            .output_sync = (uint8_t)output_sync,
            .on_event = i == AKSU_PIPE_A ? client_event : server_event,
            .user = transfer,
        };
    }
    assert_int_equal(aksu_pipe_open(&config, &transfer->pipe, NULL), 0);
    aksu_tcp_open open = {.struct_bytes = sizeof open, .local.port = PORT, .backlog = 1};
    assert_int_equal(aksu_tcp_listen(transfer->side[AKSU_PIPE_B].stack, &open, &transfer->listener), AKSU_OK);
    open = (aksu_tcp_open){.struct_bytes = sizeof open};
    open.remote = (aksu_endpoint){.addr = aksu_addr_v4(192, 0, 2, 2), .port = PORT, .link = AKSU_LINK_ANY};
    assert_int_equal(aksu_tcp_connect(transfer->side[AKSU_PIPE_A].stack, &open, &transfer->client), AKSU_OK);
}

static void transfer_close(struct transfer *transfer) {
    aksu_pipe_close(transfer->pipe);
    aksu_arena_unmap(&transfer->side[0].arena);
    aksu_arena_unmap(&transfer->side[1].arena);
}

static void expect_complete(const struct transfer *transfer) {
    assert_true(transfer->received == transfer->to_send);
    assert_false(transfer->wrong_byte);
    assert_true(transfer->server_done);
    assert_true(transfer->client_done);
}

/* Nothing is held for the connection any more, in either stack. */
static void expect_quiet(const struct transfer *transfer) {
    for (uint32_t i = 0; i < 2; i++) {
        aksu_counters counters;
        aksu_counters_get(transfer->side[i].stack, &counters);
        assert_int_equal(counters.tcp_used, 0);
        assert_int_equal(counters.time_wait_used, 0);
        assert_int_equal(counters.block_used, 0);
        assert_int_equal(counters.output_token_unknown, 0);
    }
}

static void transfer_no_delay_complete_without_copies(void **state) {
    (void)state;
    for (uint32_t output_sync = 0; output_sync <= 1; output_sync++) {
        struct transfer transfer;
        transfer_open(&transfer, TRANSFER, /* delay_us= */ 0, output_sync);
        (void)aksu_pipe_run(transfer.pipe, RUN_LIMIT_US);
        expect_complete(&transfer);
        expect_quiet(&transfer);
        assert_true(transfer.largest_is_super);
        aksu_pipe_counters counters;
        aksu_pipe_counters_get(transfer.pipe, &counters);
        assert_true(counters.copied[0] == 0 && counters.copied[1] == 0);
        assert_true(counters.frames[0] + counters.frames[1] == transfer.frame_count);
        transfer_close(&transfer);
    }
}

static void transfer_delayed_handshake_takes_round_trip(void **state) {
    (void)state;
    struct transfer transfer;
    transfer_open(&transfer, TRANSFER, ONE_WAY_US, /* output_sync= */ 1);
    (void)aksu_pipe_run(transfer.pipe, RUN_LIMIT_US);
    expect_complete(&transfer);
    assert_true(transfer.connected_us == SECOND_US + 2 * ONE_WAY_US);
    aksu_pipe_counters counters;
    aksu_pipe_counters_get(transfer.pipe, &counters);
    assert_true(counters.copied[0] == counters.frames[0]);
    assert_true(counters.overflow[0] == 0 && counters.overflow[1] == 0);
    transfer_close(&transfer);
}

static void transfer_lost_syn_repeated_after_rto(void **state) {
    (void)state;
    struct transfer transfer;
    transfer_open(&transfer, 1000, ONE_WAY_US, /* output_sync= */ 1);
    transfer.drop_first = 1;
    (void)aksu_pipe_run(transfer.pipe, RUN_LIMIT_US);
    expect_complete(&transfer);
    /* RFC 6298 s2.1: the first RTO is a second; the wheel may be late by a tick. */
    assert_true(transfer.connected_us >= 2 * SECOND_US + 2 * ONE_WAY_US);
    assert_true(transfer.connected_us <= 2 * SECOND_US + 2 * ONE_WAY_US + 2000);
    transfer_close(&transfer);
}

static void transfer_lossy_complete(void **state) {
    (void)state;
    struct transfer transfer;
    transfer_open(&transfer, TRANSFER, ONE_WAY_US, /* output_sync= */ 0);
    transfer.drop_every = LOSS_INTERVAL;
    (void)aksu_pipe_run(transfer.pipe, RUN_LIMIT_US);
    expect_complete(&transfer);
    expect_quiet(&transfer);
    aksu_pipe_counters counters;
    aksu_pipe_counters_get(transfer.pipe, &counters);
    assert_true(counters.filtered[0] + counters.filtered[1] == transfer.frame_count / LOSS_INTERVAL);
    transfer_close(&transfer);
}

static void same_inputs_same_frames(void **state) {
    (void)state;
    uint64_t hash[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct transfer transfer;
        transfer_open(&transfer, 200000, ONE_WAY_US, /* output_sync= */ 1);
        transfer.drop_every = LOSS_INTERVAL;
        (void)aksu_pipe_run(transfer.pipe, RUN_LIMIT_US);
        expect_complete(&transfer);
        hash[i] = transfer.hash;
        transfer_close(&transfer);
    }
    assert_true(hash[0] == hash[1]);
}

static void run_until_quiet_ends_after_time_wait(void **state) {
    (void)state;
    struct transfer transfer;
    transfer_open(&transfer, 1000, /* delay_us= */ 0, /* output_sync= */ 1);
    assert_int_equal(aksu_tcp_close(transfer.side[AKSU_PIPE_B].stack, AKSU_SOCK_NONE), AKSU_ERR_BADSOCK);
    uint64_t ended_us = aksu_pipe_run(transfer.pipe, UINT64_MAX);
    expect_complete(&transfer);
    expect_quiet(&transfer);
    assert_true(aksu_pipe_deadline_us(transfer.pipe) == UINT64_MAX);
    assert_true(ended_us >= 31 * (uint64_t)SECOND_US); /* 2MSL is 30 s at least */
    assert_true(aksu_pipe_run(transfer.pipe, ended_us + 5) == ended_us + 5);
    transfer_close(&transfer);
}

static void transfer_real_clock_complete(void **state) {
    (void)state;
    struct transfer transfer;
    transfer_open(&transfer, TRANSFER, /* delay_us= */ 0, /* output_sync= */ 1);
    while (!transfer.client_done || !transfer.server_done) {
        (void)aksu_pipe_run_clock(transfer.pipe, aksu_host_now_us() + 10000);
    }
    expect_complete(&transfer);
    transfer_close(&transfer);
}

/* ---------------------------------------------------------------- a test at one end */

struct hook {
    uint32_t count;
    uint64_t last_us;
    uint8_t last[PING_BYTES];
};

static void note_frame(void *user, const aksu_frame *frame, uint64_t now_us) {
    struct hook *hook = user;
    hook->count++;
    hook->last_us = now_us;
    size_t at = 0;
    for (uint32_t i = 0; i < frame->iov_count && at + frame->iov[i].bytes <= PING_BYTES; i++) {
        memcpy(hook->last + at, frame->iov[i].base, frame->iov[i].bytes);
        at += frame->iov[i].bytes;
    }
}

static void put_be16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t checksum(const uint8_t *bytes, uint32_t count) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i + 1 < count; i += 2) sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* An echo request from 192.0.2.9 to 192.0.2.1. */
static void ping_make(uint8_t *packet) {
    memset(packet, 0, PING_BYTES);
    packet[0] = 0x45;
    put_be16(packet + 2, PING_BYTES);
    packet[8] = 64;
    packet[9] = 1;
    static const uint8_t addresses[8] = {192, 0, 2, 0x09, 192, 0, 2, 0x01};
    memcpy(packet + 12, addresses, sizeof addresses);
    put_be16(packet + 10, checksum(packet, 20));
    packet[20] = 8;
    put_be16(packet + 22, checksum(packet + 20, 8));
}

static aksu_pipe_verdict delay_requests_only(void *user, aksu_pipe_side from, const aksu_frame *frame, uint64_t now_us,
                                             uint64_t *delay_us) {
    (void)user;
    (void)frame;
    (void)now_us;
    *delay_us = from == AKSU_PIPE_B ? 700 : 0;
    return AKSU_PIPE_PASS;
}

static void inject_echo_request_hook_gets_reply(void **state) {
    (void)state;
    struct side side = {0};
    side_open(&side, 1, /* output_sync= */ 1);
    struct hook hook = {0};
    aksu_pipe_config config = {
        .struct_bytes = sizeof config,
        .end = {{.stack = side.stack, .link = side.link, .output_sync = 1}, {.on_frame = note_frame, .user = &hook}},
        .start_us = 5000,
        .filter = delay_requests_only,
    };
    aksu_pipe *pipe = NULL;
    assert_int_equal(aksu_pipe_open(&config, &pipe, NULL), 0);
    uint8_t packet[PING_BYTES];
    ping_make(packet);
    aksu_iov iov[2] = {{packet, 20}, {packet + 20, PING_BYTES - 20}};
    aksu_frame frame = {.link = 999, .flags = AKSU_FRAME_V4, .total_bytes = PING_BYTES, .iov = iov, .iov_count = 2};
    aksu_pipe_inject(pipe, AKSU_PIPE_B, &frame);
    memset(packet, 0, sizeof packet); /* it was copied: it has a delay */
    assert_true(aksu_pipe_deadline_us(pipe) == 5700);
    assert_true(aksu_pipe_run(pipe, 5699) == 5699);
    assert_int_equal(hook.count, 0);
    (void)aksu_pipe_run(pipe, UINT64_MAX);
    assert_int_equal(hook.count, 1);
    assert_true(hook.last_us == 5700);
    assert_int_equal(hook.last[20], 0); /* echo reply */
    assert_memory_equal(hook.last + 16, "\xc0\x00\x02\x09", 4);
    assert_true(aksu_pipe_now_us(pipe) == 5700);
    aksu_pipe_close(pipe);
    aksu_arena_unmap(&side.arena);
}

static void delayed_queue_full_frame_lost_and_counted(void **state) {
    (void)state;
    struct hook hook = {0};
    aksu_pipe_config config = {
        .struct_bytes = sizeof config,
        .end = {{.on_frame = note_frame, .user = &hook}, {.on_frame = note_frame, .user = &hook}},
        .delay_us = 10,
        .delayed_max = 3,
    };
    aksu_pipe *pipe = NULL;
    assert_int_equal(aksu_pipe_open(&config, &pipe, NULL), 0);
    uint8_t packet[PING_BYTES];
    ping_make(packet);
    aksu_iov iov = {packet, PING_BYTES};
    aksu_frame frame = {.total_bytes = PING_BYTES, .iov = &iov, .iov_count = 1};
    for (uint32_t i = 0; i < 5; i++) aksu_pipe_inject(pipe, AKSU_PIPE_A, &frame);
    assert_true(aksu_pipe_run(pipe, UINT64_MAX) == 10);
    assert_int_equal(hook.count, 3);
    /* What has arrived has made room. */
    for (uint32_t i = 0; i < 3; i++) aksu_pipe_inject(pipe, AKSU_PIPE_B, &frame);
    assert_true(aksu_pipe_run(pipe, UINT64_MAX) == 20);
    assert_int_equal(hook.count, 6);
    aksu_pipe_counters counters;
    aksu_pipe_counters_get(pipe, &counters);
    assert_true(counters.overflow[AKSU_PIPE_A] == 2);
    assert_true(counters.frames[AKSU_PIPE_A] == 3 && counters.bytes[AKSU_PIPE_A] == 84);
    aksu_pipe_close(pipe);
}

static void open_bad_config_refused(void **state) {
    (void)state;
    aksu_pipe *pipe = NULL;
    aksu_host_error error = {0};
    aksu_pipe_config config = {0};
    assert_int_equal(aksu_pipe_open(&config, &pipe, &error), -22);
    struct side side = {0};
    side_open(&side, 1, /* output_sync= */ 1);
    config.struct_bytes = sizeof config;
    config.end[0].stack = side.stack;
    config.end[1].stack = side.stack;
    assert_int_equal(aksu_pipe_open(&config, &pipe, &error), -22);
    assert_non_null(strstr(error.text, "both ends"));
    assert_null(pipe);
    aksu_pipe_close(NULL);
    aksu_arena_unmap(&side.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transfer_no_delay_complete_without_copies),
        cmocka_unit_test(transfer_delayed_handshake_takes_round_trip),
        cmocka_unit_test(transfer_lost_syn_repeated_after_rto),
        cmocka_unit_test(transfer_lossy_complete),
        cmocka_unit_test(same_inputs_same_frames),
        cmocka_unit_test(run_until_quiet_ends_after_time_wait),
        cmocka_unit_test(transfer_real_clock_complete),
        cmocka_unit_test(inject_echo_request_hook_gets_reply),
        cmocka_unit_test(delayed_queue_full_frame_lost_and_counted),
        cmocka_unit_test(open_bad_config_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
