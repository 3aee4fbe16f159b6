/* Doubly linked lists by reference.
 *
 * Invariants: head and tail are both AK_NONE or both members; the head's prev is AK_LIST_HEAD, the tail's next AK_NONE;
 * for neighbours a, b: a.next == b and b.prev == a.  A link that is on no list has prev == AK_NONE.
 *
 * A link is on one list at a time, and the list does not count its members. */
#include "list.h"

#include "check.h"

static struct ak_link *link_at(const struct ak_lens *lens, ak_ref ref) {
    return ak_lens_at(lens, ref);
}

void ak_list_push_back(struct ak_list *list, const struct ak_lens *lens, ak_ref ref) {
    struct ak_link *link = link_at(lens, ref);
    ak_check(!ak_link_linked(link));
    link->next = AK_NONE;
    if (list->tail == AK_NONE) {
        link->prev = AK_LIST_HEAD;
        list->head = ref;
    } else {
        link->prev = list->tail;
        link_at(lens, list->tail)->next = ref;
    }
    list->tail = ref;
}

void ak_list_remove(struct ak_list *list, const struct ak_lens *lens, ak_ref ref) {
    struct ak_link *link = link_at(lens, ref);
    ak_check(ak_link_linked(link));
    if (link->prev == AK_LIST_HEAD) {
        ak_check(list->head == ref);
        list->head = link->next;
    } else {
        link_at(lens, link->prev)->next = link->next;
    }
    if (link->next == AK_NONE) {
        ak_check(list->tail == ref);
        list->tail = link->prev == AK_LIST_HEAD ? AK_NONE : link->prev;
    } else {
        link_at(lens, link->next)->prev = link->prev;
    }
    ak_link_init(link);
}

bool ak_list_check(const struct ak_list *list, const struct ak_lens *lens, uint32_t count_max) {
    ak_ref prev = AK_LIST_HEAD;
    ak_ref ref = list->head;
    for (uint32_t i = 0; ref != AK_NONE; i++) {
        if (i == count_max) return false;
        const struct ak_link *link = link_at(lens, ref);
        if (link->prev != prev) return false;
        prev = ref;
        ref = link->next;
    }
    return list->tail == (prev == AK_LIST_HEAD ? AK_NONE : prev);
}
