/* Timers: a hierarchical wheel (Varghese and Lauck 1987).  Ticks of 64 us, six levels of 64 slots, a bitmap a level;
 * arming, disarming and firing are O(1), the next deadline is found from the bitmaps.  An entry never fires early and
 * at most one tick late. Entries are objects in the arena with a struct ak_wheel_node, found through a lens. */
#ifndef AK_BASE_WHEEL_H
#define AK_BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lens.h"

#define AK_WHEEL_TICK_US 64u
#define AK_WHEEL_LEVELS  6u
#define AK_WHEEL_SLOTS   64u

struct ak_wheel_node {
    ak_ref next;
    ak_ref prev;   /* the node before, or 0x80000000 | slot for the first of a slot; AK_NONE: not armed */
    uint32_t tick; /* when due, modulo 2^32 ticks; deadlines beyond 2^31 ticks (38 h) are filed at that and re-armed by
                      the owner */
};

struct ak_wheel {
    uint64_t tick; /* all ticks before this one have fired */
    uint64_t occupied[AK_WHEEL_LEVELS];
    ak_ref slot[AK_WHEEL_LEVELS * AK_WHEEL_SLOTS];
    uint32_t count;
    struct ak_lens node;
};

/* An empty wheel; leaves wheel->node for the owner to set. */
void ak_wheel_init(struct ak_wheel *wheel, uint64_t now_us);
static inline void ak_wheel_node_init(struct ak_wheel_node *node) {
    node->next = node->prev = AK_NONE;
    node->tick = 0;
}
static inline bool ak_wheel_armed(const struct ak_wheel_node *node) {
    return node->prev != AK_NONE;
}
/* Files the entry at the first tick not before the deadline, wherever it was. */
void ak_wheel_arm(struct ak_wheel *wheel, ak_ref ref, uint64_t deadline_us);
/* Nothing happens if it is not armed. */
void ak_wheel_disarm(struct ak_wheel *wheel, ak_ref ref);
/* The tick's time at which an armed entry fires; UINT64_MAX if it is not armed. */
uint64_t ak_wheel_due_us(const struct ak_wheel *wheel, const struct ak_wheel_node *node);
/* Disarms and gives one entry that is due at now_us, in order of ticks; AK_NONE when none is left. */
ak_ref ak_wheel_fire(struct ak_wheel *wheel, uint64_t now_us);
/* When ak_wheel_fire will next have something to do: exact when the entry is near, else the time at which an
 * entry must move down a level (never late).  UINT64_MAX: nothing armed. */
uint64_t ak_wheel_next_us(const struct ak_wheel *wheel);
bool ak_wheel_check(const struct ak_wheel *wheel);

#endif
