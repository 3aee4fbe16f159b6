/* The congestion controls there are, by number and by name. */
#include "tcp/rate.h"

static const struct ak_cc_ops *const algorithm[] = {&ak_cc_cubic, &ak_cc_newreno, &ak_cc_bbr};
#define ALGORITHM_COUNT (sizeof algorithm / sizeof algorithm[0])

const struct ak_cc_ops *ak_cc_at(uint64_t index) {
    return algorithm[index < ALGORITHM_COUNT ? index : 0];
}

const char *aksu_cc_name(unsigned index) {
    return index < ALGORITHM_COUNT ? algorithm[index]->name : NULL;
}

int aksu_cc_index(const char *name) {
    for (unsigned i = 0; i < ALGORITHM_COUNT; i++) {
        const char *a = algorithm[i]->name;
        const char *b = name;
        while (*a != '\0' && *a == *b) a++, b++;
        if (*a == *b) return (int)i;
    }
    return -1;
}

void ak_cc_begin(struct ak_core *core, struct ak_tcb *t) {
    ak_rate_begin(core, t);
    if (ak_transfer_of(core, t)->rate == AK_NONE) ak_cc_of(core, t)->init(ak_transfer_of(core, t));
}

void ak_cc_end(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x->rate != AK_NONE) ak_rate_end(core, t);
    t->cwnd = x->cwnd;
    t->ssthresh = x->ssthresh;
}

void ak_cc_congestion(struct ak_core *core, struct ak_tcb *t, enum ak_cc_event event, uint32_t flight_bytes) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    const struct ak_cc_ops *ops = ak_cc_of(core, t);
    if (x->rate != AK_NONE)
        ops->model->event(core, t, event);
    else
        ops->on_congestion(x, event, flight_bytes, ak_tcp_effective_mss(core, t, 0));
}

/* What one has found out, a threshold or a rate, means nothing to the other; the window does, and in a recovery the
 * threshold that it ends with. */
void ak_tcp_cc_leaves(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x != NULL) {
        bool models = x->rate != AK_NONE;
        ak_cc_end(core, t);
        if (x->in_recovery == AK_RECOVERY_NONE)
            x->ssthresh = UINT32_MAX;
        else if (models)
            x->ssthresh = x->cwnd;
    }
    t->ssthresh = 0;
}

void ak_tcp_cc_enters(struct ak_core *core, struct ak_tcb *t) {
    struct ak_transfer *x = ak_transfer_of(core, t);
    if (x == NULL) return;
    x->undo.kept = false;
    x->frto = AK_FRTO_OFF;
    x->cwv.round_end = t->snd.una; /* not heard of while another kept the window */
    ak_cc_begin(core, t);
}
