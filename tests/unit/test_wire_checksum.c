/* Goal: the sum is that of RFC 1071 for every size, alignment and splitting, whichever way it is taken. */
#include "random.h"
#include "wire/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE_MAX_TESTED 700u

/* Byte by byte, as RFC 1071 s1 words it. */
static uint16_t naive_sum(const uint8_t *p, size_t bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes; i++) {
        sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
        if (sum > 0xffff) sum -= 0xffff;
    }
    return (uint16_t)sum;
}

static uint16_t sum_of(const uint8_t *p, size_t bytes) {
    struct ak_sum sum = {0};
    ak_sum_add(&sum, p, bytes);
    return ak_sum_fold(&sum);
}

static void fill_random(uint8_t *p, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) p[i] = (uint8_t)(random_int() >> 7);
}

/* RFC 1071 s3: 00 01 f2 03 f4 f5 f6 f7 add up to ddf2. */
static void rfc1071_example_ddf2(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(sum_of(bytes, sizeof bytes), 0xddf2);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        struct ak_sum sum = {0};
        ak_sum_add(&sum, bytes, cut);
        ak_sum_add(&sum, bytes + cut, sizeof bytes - cut);
        assert_int_equal(ak_sum_fold(&sum), 0xddf2);
    }
}

static void add_every_size_and_alignment_as_naive(void **state) {
    (void)state;
    uint8_t *block = malloc(SIZE_MAX_TESTED + 16);
    random_seed(1);
    for (size_t n = 0; n <= SIZE_MAX_TESTED; n++) {
        for (size_t shift = 0; shift < 16; shift++) {
            fill_random(block, n + shift);
            assert_int_equal(sum_of(block + shift, n), naive_sum(block + shift, n));
        }
    }
    free(block);
}

/* Of its very size, so that AddressSanitizer sees a read past the end. */
static void add_every_size_within_bounds(void **state) {
    (void)state;
    for (size_t n = 0; n <= 300; n++) {
        uint8_t *from = malloc(n > 0 ? n : 1);
        fill_random(from, n);
        assert_int_equal(sum_of(from, n), naive_sum(from, n));
        free(from);
    }
    struct ak_sum sum = {.acc = 5};
    ak_sum_add(&sum, NULL, 0);
    assert_int_equal(sum.acc, 5);
    assert_false(sum.odd);
}

static void pieces_any_splitting_as_one(void **state) {
    (void)state;
    uint8_t bytes[600];
    random_seed(3);
    for (unsigned run = 0; run < 4000; run++) {
        const size_t total = (size_t)random_int() % sizeof bytes;
        fill_random(bytes, total);
        struct ak_sum sum = {0};
        size_t at = 0;
        while (at < total) {
            size_t n = (size_t)random_int() % (run % 2 ? 7 : 200);
            if (n > total - at) n = total - at;
            ak_sum_add(&sum, bytes + at, n);
            at += n;
            assert_int_equal(sum.odd, at % 2);
        }
        assert_int_equal(ak_sum_fold(&sum), naive_sum(bytes, total));
    }
}

/* All ones are what makes a carry go missing, all zeros what must stay 0. */
static void extremes_ones_ffff_zeros_0(void **state) {
    (void)state;
    uint8_t *block = malloc(65536);
    memset(block, 0xff, 65536);
    for (size_t n = 2; n <= 65536; n += n < 256 ? 2 : 510) assert_int_equal(sum_of(block, n), 0xffff);
    for (size_t n = 1; n <= 65536; n += n < 256 ? 2 : 510) assert_int_equal(sum_of(block, n), 0xff00);
    memset(block, 0, 65536);
    for (size_t n = 0; n <= 65536; n += n < 256 ? 1 : 509) assert_int_equal(sum_of(block, n), 0);
    /* The carry out of 64 bits goes round: UINT64_MAX stands for 0, so one more word is that word. */
    struct ak_sum sum = {.acc = UINT64_MAX};
    ak_sum_add(&sum, (uint8_t[]){0x12, 0x34}, 2);
    assert_int_equal(ak_sum_fold(&sum), 0x1234);
    free(block);
}

static void large_block_as_naive(void **state) {
    (void)state;
    const size_t bytes = (size_t)3 << 20;
    uint8_t *block = malloc(bytes + 1);
    random_seed(4);
    fill_random(block, bytes + 1);
    assert_int_equal(sum_of(block, bytes), naive_sum(block, bytes));
    assert_int_equal(sum_of(block + 1, bytes - 1), naive_sum(block + 1, bytes - 1));
    free(block);
}

static void checksum_put_in_sum_is_ffff_any_bit_flipped_is_not(void **state) {
    (void)state;
    uint8_t segment[33];
    random_seed(5);
    fill_random(segment, sizeof segment);
    segment[16] = segment[17] = 0;
    const uint16_t checksum = (uint16_t)~sum_of(segment, sizeof segment);
    segment[16] = (uint8_t)(checksum >> 8);
    segment[17] = (uint8_t)checksum;
    assert_int_equal(sum_of(segment, sizeof segment), 0xffff);
    for (unsigned bit = 0; bit < sizeof segment * 8; bit++) {
        segment[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(sum_of(segment, sizeof segment), 0xffff);
        segment[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void pseudo_v4_as_the_12_bytes_of_rfc9293(void **state) {
    (void)state;
    random_seed(6);
    for (unsigned run = 0; run < 500; run++) {
        uint8_t header[12];
        fill_random(header, sizeof header);
        header[8] = 0;
        const aksu_addr src = aksu_addr_v4(header[0], header[1], header[2], header[3]);
        const aksu_addr dst = aksu_addr_v4(header[4], header[5], header[6], header[7]);
        const uint32_t bytes = (uint32_t)header[10] << 8 | header[11];
        struct ak_sum sum = {0};
        ak_sum_pseudo(&sum, &src, &dst, header[9], bytes);
        assert_int_equal(ak_sum_fold(&sum), naive_sum(header, sizeof header));
        assert_false(sum.odd);
    }
}

static void pseudo_v6_as_the_40_bytes_of_rfc8200(void **state) {
    (void)state;
    random_seed(7);
    for (unsigned run = 0; run < 500; run++) {
        uint8_t header[40];
        fill_random(header, sizeof header);
        header[36] = header[37] = header[38] = 0;
        aksu_addr src, dst;
        memcpy(&src, header, 16);
        memcpy(&dst, header + 16, 16);
        const uint32_t bytes =
            (uint32_t)header[32] << 24 | (uint32_t)header[33] << 16 | (uint32_t)header[34] << 8 | header[35];
        struct ak_sum sum = {0};
        ak_sum_pseudo(&sum, &src, &dst, header[39], bytes);
        assert_int_equal(ak_sum_fold(&sum), naive_sum(header, sizeof header));
    }
}

static void pseudo_one_address_mapped_only_counts_as_v6(void **state) {
    (void)state;
    aksu_addr v4 = aksu_addr_v4(10, 0, 0, 1), v6 = {.byte = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    uint8_t header[40] = {0};
    memcpy(header, &v4, 16);
    memcpy(header + 16, &v6, 16);
    header[35] = 20;
    header[39] = 6;
    struct ak_sum sum = {0};
    ak_sum_pseudo(&sum, &v4, &v6, 6, 20);
    assert_int_equal(ak_sum_fold(&sum), naive_sum(header, sizeof header));
}

/* A segment of odd size first, the pseudo-header last: the order of RFC 1071 s2 A does not matter. */
static void pseudo_after_odd_text_as_before(void **state) {
    (void)state;
    const aksu_addr a = aksu_addr_v4(192, 0, 2, 1), b = aksu_addr_v4(198, 51, 100, 77);
    static const uint8_t text[] = {1, 2, 3, 4, 5};
    struct ak_sum before = {0}, after = {0};
    ak_sum_pseudo(&before, &a, &b, 6, sizeof text);
    ak_sum_add(&before, text, sizeof text);
    ak_sum_add(&after, text, sizeof text);
    ak_sum_add(&after, "", 1); /* the pad byte of an odd segment */
    ak_sum_pseudo(&after, &a, &b, 6, sizeof text);
    assert_int_equal(ak_sum_fold(&before), ak_sum_fold(&after));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc1071_example_ddf2),
        cmocka_unit_test(add_every_size_and_alignment_as_naive),
        cmocka_unit_test(add_every_size_within_bounds),
        cmocka_unit_test(pieces_any_splitting_as_one),
        cmocka_unit_test(extremes_ones_ffff_zeros_0),
        cmocka_unit_test(large_block_as_naive),
        cmocka_unit_test(checksum_put_in_sum_is_ffff_any_bit_flipped_is_not),
        cmocka_unit_test(pseudo_v4_as_the_12_bytes_of_rfc9293),
        cmocka_unit_test(pseudo_v6_as_the_40_bytes_of_rfc8200),
        cmocka_unit_test(pseudo_one_address_mapped_only_counts_as_v6),
        cmocka_unit_test(pseudo_after_odd_text_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
