/* Streams of blocks: every byte at its place, holes without memory, and nothing kept that was let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/stream.h"
#include "random.h"

enum { BLOCK_BYTES = 64, BLOCK_MAX = 4096 };

struct store {
    struct ak_blocks blocks; /* what it finds is relative to itself */
    struct ak_block_meta meta[BLOCK_MAX];
    _Alignas(64) uint8_t memory[BLOCK_MAX * BLOCK_BYTES];
};

static struct store *open_store(uint32_t block_max) {
    struct store *s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
    assert_non_null(s);
    memset(s, 0, sizeof *s);
    ak_blocks_init(&s->blocks, s->memory, s->meta, BLOCK_BYTES, block_max);
    return s;
}

static uint32_t used(const struct store *s, uint32_t block_max) {
    return block_max - ak_pool_free(&s->blocks.pool);
}

static uint8_t byte_of(ak_seq position) {
    return (uint8_t)(position.n * 37 + (position.n >> 8));
}

/* Writes bytes whose values their positions give; false: no memory. */
static bool write_at(struct store *s, struct ak_stream *stream, ak_seq position, uint32_t bytes) {
    while (bytes > 0) {
        uint32_t room;
        uint8_t *to = ak_stream_room(stream, &s->blocks, position, &room);
        if (to == NULL) return false;
        if (room > bytes) room = bytes;
        for (uint32_t i = 0; i < room; i++) to[i] = byte_of(ak_seq_add(position, i));
        position = ak_seq_add(position, room);
        bytes -= room;
    }
    return true;
}

static void expect_at(const struct store *s, const struct ak_stream *stream, ak_seq position, uint32_t bytes) {
    while (bytes > 0) {
        uint32_t room, block;
        const uint8_t *from = ak_stream_at(stream, &s->blocks, position, &room, &block);
        if (room > bytes) room = bytes;
        for (uint32_t i = 0; i < room; i++) assert_int_equal(from[i], byte_of(ak_seq_add(position, i)));
        position = ak_seq_add(position, room);
        bytes -= room;
    }
}

/* A queue that moves on, across 2^32 too, for each height of the tree; what it holds follows what it spans. */
static void queue_moving_on_holds_what_it_spans(void **state) {
    (void)state;
    static const uint32_t spans[] = {1, 60, 64, 65, 900, 1024, 1025, 16000};
    for (size_t k = 0; k < sizeof spans / sizeof spans[0]; k++) {
        struct store *s = open_store(BLOCK_MAX);
        struct ak_stream stream;
        ak_seq begin = ak_seq_of(0xffffffff - 30000), end = begin;
        ak_stream_init(&stream, &s->blocks, begin);
        for (int i = 0; i < 3000; i++) {
            assert_true(write_at(s, &stream, end, 37));
            end = ak_seq_add(end, 37);
            while (ak_seq_bytes(begin, end) > spans[k]) begin = ak_seq_add(begin, 1);
            ak_stream_trim(&stream, &s->blocks, begin);
            expect_at(s, &stream, begin, ak_seq_bytes(begin, end));
            uint32_t data = spans[k] / BLOCK_BYTES + 2;
            assert_true(used(s, BLOCK_MAX) <= data + data / 8 + 4); /* and the maps */
        }
        ak_stream_clear(&stream, &s->blocks);
        assert_int_equal(used(s, BLOCK_MAX), 0);
        assert_true(ak_blocks_check(&s->blocks));
        free(s);
    }
}

/* Text far ahead costs its own block and maps, not those between. */
static void hole_costs_nothing(void **state) {
    (void)state;
    struct store *s = open_store(BLOCK_MAX);
    struct ak_stream stream;
    ak_seq begin = ak_seq_of(1000);
    ak_stream_init(&stream, &s->blocks, begin);
    assert_true(write_at(s, &stream, begin, 10));
    assert_true(write_at(s, &stream, ak_seq_add(begin, 100000), 10));
    assert_true(used(s, BLOCK_MAX) <= 10);
    expect_at(s, &stream, begin, 10);
    expect_at(s, &stream, ak_seq_add(begin, 100000), 10);
    ak_stream_trim(&stream, &s->blocks, ak_seq_add(begin, 99000));
    expect_at(s, &stream, ak_seq_add(begin, 100000), 10);
    ak_stream_trim(&stream, &s->blocks, ak_seq_add(begin, 200000)); /* beyond all that is there */
    assert_int_equal(used(s, BLOCK_MAX), 0);
    assert_true(write_at(s, &stream, ak_seq_add(begin, 200000), 10));
    ak_stream_clear(&stream, &s->blocks);
    assert_int_equal(used(s, BLOCK_MAX), 0);
    free(s);
}

/* Room that was taken and not used goes back; what was used stays. */
static void cut_gives_back_what_lies_behind(void **state) {
    (void)state;
    struct store *s = open_store(BLOCK_MAX);
    struct ak_stream stream;
    ak_seq begin = ak_seq_of(77);
    ak_stream_init(&stream, &s->blocks, begin);
    assert_true(write_at(s, &stream, begin, 5000));
    ak_stream_cut(&stream, &s->blocks, ak_seq_add(begin, 100));
    expect_at(s, &stream, begin, 100);
    assert_true(used(s, BLOCK_MAX) <= 3 + 12); /* two or three data blocks, and maps */
    assert_true(write_at(s, &stream, ak_seq_add(begin, 100), 5000));
    expect_at(s, &stream, begin, 5100);
    ak_stream_cut(&stream, &s->blocks, begin);
    ak_stream_clear(&stream, &s->blocks);
    assert_int_equal(used(s, BLOCK_MAX), 0);
    free(s);
}

/* With no block left it says so, loses nothing, and goes on when there is one again. */
static void memory_short_fails_and_keeps_all(void **state) {
    (void)state;
    for (uint32_t block_max = 1; block_max < 60; block_max++) {
        struct store *s = open_store(block_max);
        struct ak_stream stream;
        ak_seq begin = ak_seq_of(0xffffffe0), end = begin;
        ak_stream_init(&stream, &s->blocks, begin);
        while (write_at(s, &stream, end, 1)) end = ak_seq_add(end, 1);
        assert_true(!ak_seq_eq(begin, end));
        expect_at(s, &stream, begin, ak_seq_bytes(begin, end));
        assert_false(write_at(s, &stream, ak_seq_add(end, 50000), 1));
        expect_at(s, &stream, begin, ak_seq_bytes(begin, end));
        ak_stream_trim(&stream, &s->blocks, end);
        assert_true(write_at(s, &stream, end, 1));
        ak_stream_clear(&stream, &s->blocks);
        assert_int_equal(used(s, block_max), 0);
        free(s);
    }
}

/* Random writes, trims and cuts beside a plain array of what should be there. */
static void random_operations_agree_with_an_array(void **state) {
    (void)state;
    enum { SPAN = 20000 };
    static bool valid[SPAN * 4];
    struct store *s = open_store(BLOCK_MAX);
    random_seed(1);
    for (int run = 0; run < 30; run++) {
        struct ak_stream stream;
        ak_seq base = ak_seq_of((uint32_t)random_int());
        uint32_t low = 0;
        memset(valid, 0, sizeof valid);
        ak_stream_init(&stream, &s->blocks, base);
        for (int i = 0; i < 300; i++) {
            uint32_t at = low + (uint32_t)random_int() % SPAN, bytes = (uint32_t)random_int() % 500;
            uint32_t what = (uint32_t)random_int() % 10;
            if (at + bytes >= sizeof valid) break;
            if (what < 8) {
                assert_true(write_at(s, &stream, ak_seq_add(base, at), bytes));
                memset(valid + at, 1, bytes);
            } else if (what == 8) {
                low += (uint32_t)random_int() % 700;
                ak_stream_trim(&stream, &s->blocks, ak_seq_add(base, low));
            } else {
                ak_stream_cut(&stream, &s->blocks, ak_seq_add(base, at));
                memset(valid + at, 0, sizeof valid - at);
            }
        }
        for (uint32_t i = low; i < sizeof valid; i++) {
            if (valid[i]) expect_at(s, &stream, ak_seq_add(base, i), 1);
        }
        ak_stream_clear(&stream, &s->blocks);
        assert_int_equal(used(s, BLOCK_MAX), 0);
        assert_true(ak_blocks_check(&s->blocks));
    }
    free(s);
}

/* A block that a driver holds outlives its queue, and is free when both have let go. */
static void pinned_block_is_free_when_unpinned(void **state) {
    (void)state;
    struct store *s = open_store(4);
    uint32_t block = ak_block_get(&s->blocks);
    ak_block_pin(&s->blocks, block);
    ak_block_pin(&s->blocks, block);
    ak_block_put(&s->blocks, block);
    assert_int_equal(used(s, 4), 1);
    ak_block_unpin(&s->blocks, block);
    assert_int_equal(used(s, 4), 1);
    ak_block_unpin(&s->blocks, block);
    assert_int_equal(used(s, 4), 0);
    free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_moving_on_holds_what_it_spans),   cmocka_unit_test(hole_costs_nothing),
        cmocka_unit_test(cut_gives_back_what_lies_behind),       cmocka_unit_test(memory_short_fails_and_keeps_all),
        cmocka_unit_test(random_operations_agree_with_an_array), cmocka_unit_test(pinned_block_is_free_when_unpinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
