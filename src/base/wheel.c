/* Hierarchical timer wheel.
 *
 * A due tick is a number of 6 digits of 6 bits.  An entry lies at the level of the highest digit in which its due tick
 * differs from the wheel's tick, in the slot of that digit.  So level 0 holds what is due in the same 64 ticks as now,
 * level 1 what is due in the same 4,096, and everything on a lower level is due before everything on a higher one.
 * Above the sixth digit the top level goes round: no deadline is further away than 2^31 ticks, two slots of it, so
 * there is no doubt which turn is meant.
 *
 * Invariants: each armed entry is due at or after the wheel's tick and lies where the rule above puts it; no occupied
 * slot begins before the wheel's tick; a bit of `occupied` is set exactly if its slot has entries.  The tick moves
 * forward only to the begin of the first occupied slot, or to the present if that is earlier, which keeps the rule true
 * for all entries but those of that slot: they move down.  An entry moves down at most five times.
 *
 * Entries of the same tick fire in no promised order (but always in the same one for the same calls). */
#include "wheel.h"

#include "check.h"

#define DIGIT_BITS  6u
#define FIRST       0x80000000u /* in prev: the first of slot (prev & ~FIRST) */
#define AHEAD_TICKS (UINT64_C(1) << 31)

static struct ak_wheel_node *node_at(const struct ak_wheel *wheel, ak_ref ref) {
    return ak_lens_at(&wheel->node, ref);
}

static uint64_t tick_us(uint64_t tick) {
    return tick > UINT64_MAX / AK_WHEEL_TICK_US ? UINT64_MAX : tick * AK_WHEEL_TICK_US;
}

static unsigned digit_of(uint64_t tick, unsigned level) {
    return (unsigned)(tick >> level * DIGIT_BITS) & (AK_WHEEL_SLOTS - 1);
}

/* The node's tick in full: it is at most 2^31 ahead. */
static uint64_t due_tick(const struct ak_wheel *wheel, const struct ak_wheel_node *node) {
    return wheel->tick + (node->tick - (uint32_t)wheel->tick);
}

static unsigned slot_of(const struct ak_wheel *wheel, uint64_t due) {
    const uint64_t differ = (due ^ wheel->tick) | 1;
    unsigned level = (63u - (unsigned)__builtin_clzll(differ)) / DIGIT_BITS;
    if (level >= AK_WHEEL_LEVELS) level = AK_WHEEL_LEVELS - 1;
    return level * AK_WHEEL_SLOTS + digit_of(due, level);
}

static void slot_push(struct ak_wheel *wheel, unsigned slot, ak_ref ref, struct ak_wheel_node *node) {
    const ak_ref first = wheel->slot[slot];
    node->next = first;
    node->prev = FIRST | slot;
    if (first != AK_NONE) node_at(wheel, first)->prev = ref;
    wheel->slot[slot] = ref;
    wheel->occupied[slot / AK_WHEEL_SLOTS] |= UINT64_C(1) << slot % AK_WHEEL_SLOTS;
}

static void slot_remove(struct ak_wheel *wheel, struct ak_wheel_node *node) {
    if (node->next != AK_NONE) node_at(wheel, node->next)->prev = node->prev;
    if (node->prev & FIRST) {
        const unsigned slot = node->prev & ~FIRST;
        wheel->slot[slot] = node->next;
        if (node->next == AK_NONE) {
            wheel->occupied[slot / AK_WHEEL_SLOTS] &= ~(UINT64_C(1) << slot % AK_WHEEL_SLOTS);
        }
    } else {
        node_at(wheel, node->prev)->next = node->next;
    }
    node->next = node->prev = AK_NONE;
}

void ak_wheel_init(struct ak_wheel *wheel, uint64_t now_us) {
    wheel->tick = now_us / AK_WHEEL_TICK_US;
    wheel->count = 0;
    for (unsigned i = 0; i < AK_WHEEL_LEVELS; i++) wheel->occupied[i] = 0;
    for (unsigned i = 0; i < AK_WHEEL_LEVELS * AK_WHEEL_SLOTS; i++) wheel->slot[i] = AK_NONE;
}

void ak_wheel_arm(struct ak_wheel *wheel, ak_ref ref, uint64_t deadline_us) {
    struct ak_wheel_node *node = node_at(wheel, ref);
    uint64_t due = deadline_us / AK_WHEEL_TICK_US + (deadline_us % AK_WHEEL_TICK_US != 0);
    if (due < wheel->tick) due = wheel->tick;
    if (due > wheel->tick + AHEAD_TICKS) due = wheel->tick + AHEAD_TICKS;
    if (ak_wheel_armed(node)) {
        if (node->tick == (uint32_t)due) return;
        slot_remove(wheel, node);
    } else {
        wheel->count++;
    }
    node->tick = (uint32_t)due;
    slot_push(wheel, slot_of(wheel, due), ref, node);
}

void ak_wheel_disarm(struct ak_wheel *wheel, ak_ref ref) {
    struct ak_wheel_node *node = node_at(wheel, ref);
    if (!ak_wheel_armed(node)) return;
    ak_check(wheel->count > 0);
    slot_remove(wheel, node);
    wheel->count--;
}

uint64_t ak_wheel_due_us(const struct ak_wheel *wheel, const struct ak_wheel_node *node) {
    return ak_wheel_armed(node) ? tick_us(due_tick(wheel, node)) : UINT64_MAX;
}

struct first_slot {
    unsigned level, slot; /* slot counts through all levels */
    uint64_t tick;        /* at which it begins */
};

/* The first occupied slot; false if there is none. */
static bool first_slot(const struct ak_wheel *wheel, struct first_slot *ret_first) {
    unsigned level = 0;
    while (wheel->occupied[level] == 0) {
        if (++level == AK_WHEEL_LEVELS) return false;
    }
    /* Rotated so that the wheel's own digit comes first.  Below the top level nothing lies before it; the top level
     * goes round. */
    const unsigned here = digit_of(wheel->tick, level);
    const uint64_t bits = wheel->occupied[level];
    const uint64_t turned = here == 0 ? bits : bits >> here | bits << (AK_WHEEL_SLOTS - here);
    const uint64_t ahead = (uint64_t)(unsigned)__builtin_ctzll(turned);
    const unsigned shift = level * DIGIT_BITS;
    ret_first->level = level;
    ret_first->slot = level * AK_WHEEL_SLOTS + (unsigned)((here + ahead) % AK_WHEEL_SLOTS);
    ret_first->tick = ((wheel->tick >> shift) + ahead) << shift;
    return true;
}

/* The wheel's tick is the begin of the slot: each of its entries has a lower level now. */
static void slot_lower(struct ak_wheel *wheel, unsigned slot) {
    ak_ref ref = wheel->slot[slot];
    wheel->slot[slot] = AK_NONE;
    wheel->occupied[slot / AK_WHEEL_SLOTS] &= ~(UINT64_C(1) << slot % AK_WHEEL_SLOTS);
    while (ref != AK_NONE) {
        struct ak_wheel_node *node = node_at(wheel, ref);
        const ak_ref next = node->next;
        const unsigned lower = slot_of(wheel, due_tick(wheel, node));
        ak_check(lower / AK_WHEEL_SLOTS < slot / AK_WHEEL_SLOTS);
        slot_push(wheel, lower, ref, node);
        ref = next;
    }
}

ak_ref ak_wheel_fire(struct ak_wheel *wheel, uint64_t now_us) {
    const uint64_t now_tick = now_us / AK_WHEEL_TICK_US;
    struct first_slot first;
    while (first_slot(wheel, &first) && first.tick <= now_tick) {
        wheel->tick = first.tick;
        if (first.level == 0) {
            const ak_ref ref = wheel->slot[first.slot];
            ak_check(wheel->count > 0);
            slot_remove(wheel, node_at(wheel, ref));
            wheel->count--;
            return ref;
        }
        slot_lower(wheel, first.slot);
    }
    if (wheel->tick < now_tick) wheel->tick = now_tick;
    return AK_NONE;
}

uint64_t ak_wheel_next_us(const struct ak_wheel *wheel) {
    struct first_slot first;
    return first_slot(wheel, &first) ? tick_us(first.tick) : UINT64_MAX;
}

static bool slot_check(const struct ak_wheel *wheel, unsigned slot, uint32_t *count) {
    const bool occupied = wheel->occupied[slot / AK_WHEEL_SLOTS] >> slot % AK_WHEEL_SLOTS & 1;
    if (occupied != (wheel->slot[slot] != AK_NONE)) return false;
    ak_ref prev = FIRST | slot;
    for (ak_ref ref = wheel->slot[slot]; ref != AK_NONE; ref = node_at(wheel, ref)->next) {
        const struct ak_wheel_node *node = node_at(wheel, ref);
        const uint64_t due = due_tick(wheel, node);
        if ((*count)++ == wheel->count || node->prev != prev) return false;
        if (due > wheel->tick + AHEAD_TICKS || slot_of(wheel, due) != slot) return false;
        prev = ref;
    }
    return true;
}

bool ak_wheel_check(const struct ak_wheel *wheel) {
    uint32_t count = 0;
    for (unsigned slot = 0; slot < AK_WHEEL_LEVELS * AK_WHEEL_SLOTS; slot++) {
        if (!slot_check(wheel, slot, &count)) return false;
    }
    return count == wheel->count;
}
