/* Copies of frames that wait for a time: a bounded queue ordered by (due time, order of entry). */
#ifndef AKSU_HOST_LINK_DELAY_H
#define AKSU_HOST_LINK_DELAY_H

#include "aksu/host.h"

typedef struct ak_delay_entry {
    uint64_t due_us;
    uint64_t order; /* of entry: frames due at one time leave as they came */
    uint32_t slot_index;
    uint32_t to; /* aksu_pipe_side */
} ak_delay_entry;

typedef struct ak_delay {
    uint32_t count, free_count, slot_max;
    uint64_t order_next;
    ak_delay_entry *heap; /* slot_max entries, the first count in use, least at [0] */
    uint32_t *free_slot;  /* a stack of free_count indices */
    struct ak_delay_slot *slots;
    aksu_arena arena;
} ak_delay;

int ak_delay_init(ak_delay *delay, uint32_t slot_max, aksu_host_error *ret_error);
void ak_delay_free(ak_delay *delay);

/* Copies the frame, which leaves for to at due_us.  False: it is longer than 65,535 bytes, or slot_max are waiting. */
bool ak_delay_push(ak_delay *delay, const aksu_frame *frame, aksu_pipe_side to, uint64_t due_us);

/* When the first is due; UINT64_MAX: none. */
uint64_t ak_delay_due_us(const ak_delay *delay);

/* Takes the first out.  The frame is lent until ak_delay_release of its slot.  There must be one. */
typedef struct ak_delay_popped {
    aksu_frame frame;
    aksu_pipe_side to;
    uint32_t slot_index;
} ak_delay_popped;
void ak_delay_pop(ak_delay *delay, ak_delay_popped *ret_popped);
void ak_delay_release(ak_delay *delay, uint32_t slot_index);

#endif
