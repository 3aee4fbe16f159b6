/* Doubly linked lists of objects by reference, through a lens on their struct ak_link.  An object on no list has
 * next == prev == AK_NONE and is told apart from a lone member by ak_link_unlinked, which needs prev's mark: the first
 * member's prev is AK_LIST_HEAD. */
#ifndef AK_BASE_LIST_H
#define AK_BASE_LIST_H

#include <stdbool.h>

#include "lens.h"

#define AK_LIST_HEAD 0xfffffffeu

struct ak_link {
    ak_ref next, prev;
};
struct ak_list {
    ak_ref head, tail;
};

static inline void ak_list_init(struct ak_list *list) {
    list->head = list->tail = AK_NONE;
}
static inline void ak_link_init(struct ak_link *link) {
    link->next = link->prev = AK_NONE;
}
static inline bool ak_link_linked(const struct ak_link *link) {
    return link->prev != AK_NONE;
}
void ak_list_push_back(struct ak_list *list, const struct ak_lens *lens, ak_ref ref);
void ak_list_remove(struct ak_list *list, const struct ak_lens *lens, ak_ref ref);
bool ak_list_check(const struct ak_list *list, const struct ak_lens *lens, uint32_t count_max);

#endif
