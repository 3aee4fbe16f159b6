/* aksu link: two TUN devices joined by the simulator's link, in real time. */
#ifndef APP_LINK_H
#define APP_LINK_H

#include <stdbool.h>
#include <stdio.h>

#include "aksu/sim.h"

int link_verb(int argc, char **argv);

/* ---- link_words.c: what a link does, as words: delay=50ms, a:loss=1% */
#define LINK_WHY_BYTES 160

typedef struct link_state {
    aksu_sim_path path[2]; /* [0]: of packets that come from A */
    uint32_t mtu;
    bool cut;
} link_state;

/* No delay, no loss, no rate; an MTU of 1,500. */
void link_state_default(link_state *ret_state);

/* Applies one word.  False: nothing is changed, and why says what is wrong. */
bool link_word(link_state *state, const char *word, char why[LINK_WHY_BYTES]);

/* What differs from the default, as words again. */
void link_words_write(FILE *out, const link_state *state);

#endif /* APP_LINK_H */
