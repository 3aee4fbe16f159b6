/* Numbers that cannot be guessed: see random.h. */
#include "random.h"

#include <string.h>

static uint32_t rotate(uint32_t v, unsigned bits) {
    return v << bits | v >> (32 - bits);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    *a += *b, *d = rotate(*d ^ *a, 16);
    *c += *d, *b = rotate(*b ^ *c, 12);
    *a += *b, *d = rotate(*d ^ *a, 8);
    *c += *d, *b = rotate(*b ^ *c, 7);
}

static void next_block(struct svc_random *random) {
    uint32_t first[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(first + 4, random->key, sizeof random->key);
    first[12] = (uint32_t)random->counter;
    first[13] = (uint32_t)(random->counter >> 32);
    uint32_t *w = random->block;
    memcpy(w, first, sizeof first);
    for (int i = 0; i < 4; i++) {
        for (unsigned k = 0; k < 4; k++) quarter(&w[k], &w[4 + k], &w[8 + k], &w[12 + k]);
        for (unsigned k = 0; k < 4; k++) quarter(&w[k], &w[4 + (k + 1) % 4], &w[8 + (k + 2) % 4], &w[12 + (k + 3) % 4]);
    }
    for (unsigned i = 0; i < 16; i++) w[i] += first[i];
    random->counter++;
    random->used = 0;
}

void svc_random_init(struct svc_random *random, const uint8_t entropy[32]) {
    *random = (struct svc_random){.used = 16};
    for (unsigned i = 0; i < 32; i++) random->key[i / 4] |= (uint32_t)entropy[i] << (8 * (i % 4));
}

uint32_t svc_random_u32(struct svc_random *random) {
    if (random->used == 16) next_block(random);
    return random->block[random->used++];
}
