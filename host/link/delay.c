/* Copies of frames that wait for a time.
 *
 * A binary heap of small entries over slots of 64 KiB.  The slots lie in a mapping without reservation, and the
 * free ones are a stack, so only as many are ever touched as have waited together.
 *
 * Invariant: the count entries of the heap, the free_count indices on the stack, and the slots that were popped and not
 * yet released name every slot once. */
#include "delay.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define FRAME_BYTES_MAX 65535u
#define SLOT_MAX_MAX    (1u << 20)
#define ALIGN_BYTES     64u

struct ak_delay_slot {
    aksu_frame frame;
    aksu_iov iov;
    uint8_t packet[FRAME_BYTES_MAX + 1u];
};

static size_t aligned(size_t bytes) {
    return (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
}

int ak_delay_init(ak_delay *delay, uint32_t slot_max, aksu_host_error *ret_error) {
    if (slot_max == 0 || slot_max > SLOT_MAX_MAX) {
        return aksu_host_error_set(ret_error, EINVAL, "delayed_max of %u is outside 1 to %u", slot_max, SLOT_MAX_MAX);
    }
    size_t heap_bytes = aligned(slot_max * sizeof *delay->heap);
    size_t free_bytes = aligned(slot_max * sizeof *delay->free_slot);
    size_t slot_bytes = slot_max * sizeof *delay->slots;
    aksu_arena arena = {0};
    int failed = aksu_arena_map(heap_bytes + free_bytes + slot_bytes, AKSU_ARENA_SMALL_PAGES, &arena, ret_error);
    if (failed) return failed;
    uint8_t *mem = arena.mem;
    *delay = (ak_delay){
        .free_count = slot_max,
        .slot_max = slot_max,
        .heap = (ak_delay_entry *)(void *)mem,
        .free_slot = (uint32_t *)(void *)(mem + heap_bytes),
        .slots = (struct ak_delay_slot *)(void *)(mem + heap_bytes + free_bytes),
        .arena = arena,
    };
    for (uint32_t i = 0; i < slot_max; i++) delay->free_slot[i] = slot_max - 1 - i;
    return 0;
}

void ak_delay_free(ak_delay *delay) {
    aksu_arena_unmap(&delay->arena);
    *delay = (ak_delay){0};
}

static bool before(const ak_delay_entry *a, const ak_delay_entry *b) {
    return a->due_us < b->due_us || (a->due_us == b->due_us && a->order < b->order);
}

bool ak_delay_push(ak_delay *delay, const aksu_frame *frame, aksu_pipe_side to, uint64_t due_us) {
    if (delay->free_count == 0 || frame->total_bytes > FRAME_BYTES_MAX) return false;
    uint32_t slot_index = delay->free_slot[delay->free_count - 1];
    struct ak_delay_slot *slot = &delay->slots[slot_index];
    size_t bytes = 0;
    for (uint32_t i = 0; i < frame->iov_count; i++) {
        if (bytes + frame->iov[i].bytes > FRAME_BYTES_MAX) return false; /* total_bytes was a lie */
        memcpy(slot->packet + bytes, frame->iov[i].base, frame->iov[i].bytes);
        bytes += frame->iov[i].bytes;
    }
    slot->frame = *frame;
    slot->frame.total_bytes = (uint32_t)bytes;

    delay->free_count--;
    ak_delay_entry entry = {.due_us = due_us, .order = delay->order_next++, .slot_index = slot_index, .to = to};
    uint32_t at = delay->count++;
    while (at > 0 && before(&entry, &delay->heap[(at - 1) / 2])) {
        delay->heap[at] = delay->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    delay->heap[at] = entry;
    return true;
}

uint64_t ak_delay_due_us(const ak_delay *delay) {
    return delay->count > 0 ? delay->heap[0].due_us : UINT64_MAX;
}

void ak_delay_pop(ak_delay *delay, ak_delay_popped *ret_popped) {
    assert(delay->count > 0);
    ak_delay_entry first = delay->heap[0];
    ak_delay_entry last = delay->heap[--delay->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= delay->count) break;
        if (child + 1 < delay->count && before(&delay->heap[child + 1], &delay->heap[child])) child++;
        if (!before(&delay->heap[child], &last)) break;
        delay->heap[at] = delay->heap[child];
        at = child;
    }
    delay->heap[at] = last; /* of an empty heap: written and never read */

    struct ak_delay_slot *slot = &delay->slots[first.slot_index];
    slot->iov = (aksu_iov){.base = slot->packet, .bytes = slot->frame.total_bytes};
    slot->frame.iov = &slot->iov;
    slot->frame.iov_count = 1;
    *ret_popped =
        (ak_delay_popped){.frame = slot->frame, .to = (aksu_pipe_side)first.to, .slot_index = first.slot_index};
}

void ak_delay_release(ak_delay *delay, uint32_t slot_index) {
    assert(slot_index < delay->slot_max);
    assert(delay->free_count + delay->count < delay->slot_max);
    delay->free_slot[delay->free_count++] = slot_index;
}
