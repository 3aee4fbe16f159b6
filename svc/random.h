/* Numbers that cannot be guessed by who has seen earlier ones: ChaCha (RFC 8439 s2.3) with 8 rounds, keyed by entropy.
 * Eight rounds, not twenty: nothing here outlives a transaction of seconds. */
#ifndef SVC_RANDOM_H
#define SVC_RANDOM_H

#include <stdint.h>

struct svc_random {
    uint32_t key[8], block[16];
    uint64_t counter;
    uint32_t used; /* words of the block; 16: all */
};

void svc_random_init(struct svc_random *random, const uint8_t entropy[32]);
uint32_t svc_random_u32(struct svc_random *random);

#endif /* SVC_RANDOM_H */
