/* What aksu lab was asked for; shared by the verb (verb.c), what it shows (show.c) and the stepper (step.c). */
#ifndef LAB_ASK_H
#define LAB_ASK_H

#include "lab/lab.h"

struct ask {
    const char *name, *pcapng, *svg, *folder;
    bool all, ipv6, json, states, edges, diagram, step, one_by_one, mutation;
    uint64_t seed;
    lab_draw_options draw;
    ak_ladder_options ladder;
};

/* Plays all runs of a scenario and shows them.  Answers the exit status. */
int lab_show(const lab_scenario *scenario, const struct ask *ask);

/* One event at a time, by keys from standard input.  False: output failed. */
bool lab_step(lab_result *const *results, uint32_t result_count, const lab_draw_options *options);

#endif /* LAB_ASK_H */
