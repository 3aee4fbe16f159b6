/* The Internet checksum, RFC 1071.  A running sum takes pieces of any size and alignment in order. */
#ifndef AK_WIRE_CHECKSUM_H
#define AK_WIRE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aksu/aksu.h"

struct ak_sum {
    uint64_t acc;
    bool odd; /* an odd number of bytes so far */
};

void ak_sum_add(struct ak_sum *sum, const void *data, size_t bytes);
/* The pseudo-header of RFC 9293 s3.1 (IPv4 if both addresses are) or RFC 8200 s8.1. */
void ak_sum_pseudo(struct ak_sum *sum, const aksu_addr *src, const aksu_addr *dst, uint8_t protocol, uint32_t bytes);
/* The folded sum, not complemented: 0xffff means that what was added, checksum included, is right. */
uint16_t ak_sum_fold(const struct ak_sum *sum);

#endif
