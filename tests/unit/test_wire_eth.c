/* Goal: Ethernet headers, tags and ARP packets are taken exactly if they are legal, each fault has its reason, and what
 * is built is what is parsed. */
#include "base/bytes.h"
#include "wire/eth.h"
#include "wire/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const aksu_mac a = {{0x02, 1, 2, 3, 4, 5}}, b = {{0x06, 9, 8, 7, 6, 5}};

/* Parses a copy of just these bytes, so that a read past them is seen; on a fault nothing may be written. */
static aksu_drop eth_parse(const uint8_t *p, size_t bytes, struct ak_eth *ret_eth) {
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(exact);
    memcpy(exact, p, bytes);
    struct ak_eth before;
    memset(&before, 0x77, sizeof before);
    memcpy(ret_eth, &before, sizeof before);
    aksu_drop drop = ak_wire_eth_parse(exact, bytes, ret_eth);
    if (drop != AKSU_DROP_NONE) assert_memory_equal(ret_eth, &before, sizeof before);
    free(exact);
    return drop;
}

static aksu_drop arp_parse(const uint8_t *p, size_t bytes, struct ak_arp *ret_arp) {
    uint8_t *exact = malloc(bytes > 0 ? bytes : 1);
    assert_non_null(exact);
    memcpy(exact, p, bytes);
    aksu_drop drop = ak_wire_arp_parse(exact, bytes, ret_arp);
    free(exact);
    return drop;
}

static void eth_header_built_and_parsed_alike(void **state) {
    (void)state;
    static const uint16_t types[] = {AK_ETH_IPV4, AK_ETH_IPV6, AK_ETH_ARP};
    static const uint16_t vlans[] = {0, 1, 2, 4093, 4094};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 5; k++) {
            uint8_t p[AK_ETH_HEADER_MAX];
            struct ak_eth eth = {.dst = a, .src = b, .type = types[i], .vlan = vlans[k]}, got;
            uint32_t bytes = ak_wire_eth_bytes(eth.vlan);
            assert_int_equal(bytes, vlans[k] == 0 ? 14 : 18);
            ak_wire_eth_build(p + sizeof p, &eth);
            const uint8_t *start = p + sizeof p - bytes;
            assert_int_equal(eth_parse(start, bytes, &got), AKSU_DROP_NONE);
            assert_true(ak_mac_equal(&got.dst, &a) && ak_mac_equal(&got.src, &b));
            assert_int_equal(got.type, types[i]);
            assert_int_equal(got.vlan, vlans[k]);
            assert_int_equal(got.header_bytes, bytes);
        }
    }
}

static void eth_truncated_at_each_byte_dropped(void **state) {
    (void)state;
    uint8_t p[AK_ETH_HEADER_MAX];
    struct ak_eth eth = {.dst = a, .src = b, .type = AK_ETH_IPV4, .vlan = 5}, got;
    ak_wire_eth_build(p + sizeof p, &eth);
    for (size_t bytes = 0; bytes < 18; bytes++) assert_int_equal(eth_parse(p, bytes, &got), AKSU_DROP_ETH_TRUNCATED);
    eth.vlan = 0;
    ak_wire_eth_build(p + 14, &eth);
    for (size_t bytes = 0; bytes < 14; bytes++) assert_int_equal(eth_parse(p, bytes, &got), AKSU_DROP_ETH_TRUNCATED);
}

/* A tag that says a priority alone is no VLAN; any priority bits are ignored (IEEE 802.1Q s9.6). */
static void eth_tag_of_each_identifier_judged(void **state) {
    (void)state;
    uint8_t p[18];
    struct ak_eth eth = {.dst = a, .src = b, .type = AK_ETH_IPV6, .vlan = 1}, got;
    ak_wire_eth_build(p + 18, &eth);
    for (uint32_t tci = 0; tci < 65536; tci++) {
        ak_put16(p + 14, (uint16_t)tci);
        aksu_drop drop = ak_wire_eth_parse(p, sizeof p, &got);
        assert_int_equal(drop, (tci & 0xfff) == 0xfff ? AKSU_DROP_ETH_VLAN : AKSU_DROP_NONE);
        if (drop == AKSU_DROP_NONE) assert_int_equal(got.vlan, tci & 0xfff);
    }
    ak_put16(p + 14, 5);
    ak_put16(p + 16, AK_ETH_TAG);
    assert_int_equal(eth_parse(p, sizeof p, &got), AKSU_DROP_ETH_VLAN); /* nested */
}

static void eth_type_each_judged(void **state) {
    (void)state;
    uint8_t p[14];
    struct ak_eth eth = {.dst = a, .src = b}, got;
    for (uint32_t type = 0; type < 65536; type++) {
        eth.type = (uint16_t)type;
        ak_wire_eth_build(p + 14, &eth);
        bool ours = type == 0x0800 || type == 0x0806 || type == 0x86dd;
        aksu_drop wanted = ours ? AKSU_DROP_NONE : AKSU_DROP_ETH_TYPE;
        if (type == AK_ETH_TAG) wanted = AKSU_DROP_ETH_TRUNCATED;
        assert_int_equal(ak_wire_eth_parse(p, sizeof p, &got), wanted);
    }
}

static void eth_source_of_a_group_dropped(void **state) {
    (void)state;
    uint8_t p[14];
    struct ak_eth eth = {.dst = a, .src = b, .type = AK_ETH_IPV4}, got;
    for (unsigned first = 0; first < 256; first++) {
        eth.src.byte[0] = (uint8_t)first;
        ak_wire_eth_build(p + 14, &eth);
        assert_int_equal(eth_parse(p, 14, &got), first & 1 ? AKSU_DROP_ETH_SOURCE : AKSU_DROP_NONE);
    }
}

static void group_addresses_by_family(void **state) {
    (void)state;
    static const struct {
        const char *addr;
        aksu_mac mac;
    } rows[] = {
        {"224.0.0.1", {{0x01, 0x00, 0x5e, 0, 0, 1}}},
        {"239.255.1.2", {{0x01, 0x00, 0x5e, 0x7f, 1, 2}}},
        {"255.255.255.255", {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}},
        {"192.0.2.255", {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}},
        {"ff02::1", {{0x33, 0x33, 0, 0, 0, 1}}},
        {"ff02::1:ff12:3456", {{0x33, 0x33, 0xff, 0x12, 0x34, 0x56}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        aksu_addr addr;
        assert_int_equal(aksu_addr_parse(rows[i].addr, &addr), AKSU_OK);
        aksu_mac mac = ak_mac_of_group(&addr);
        assert_memory_equal(&mac, &rows[i].mac, sizeof mac);
    }
}

static void arp_make(uint8_t *p) {
    struct ak_arp arp = {.op = AK_ARP_REQUEST,
                         .sha = a,
                         .tha = b,
                         .spa = aksu_addr_v4(192, 0, 2, 1),
                         .tpa = aksu_addr_v4(198, 51, 100, 7)};
    ak_wire_arp_build(p, &arp);
}

static void arp_built_and_parsed_alike(void **state) {
    (void)state;
    static const uint8_t wanted[AK_ARP_BYTES] = {0,   1, 8, 0, 6, 4, 0, 1, 2, 1, 2,   3,  4,   5,
                                                 192, 0, 2, 1, 6, 9, 8, 7, 6, 5, 198, 51, 100, 7};
    uint8_t p[AK_ARP_BYTES];
    arp_make(p);
    assert_memory_equal(p, wanted, sizeof p);
    struct ak_arp got;
    assert_int_equal(arp_parse(p, sizeof p, &got), AKSU_DROP_NONE);
    assert_int_equal(got.op, AK_ARP_REQUEST);
    assert_true(ak_mac_equal(&got.sha, &a) && ak_mac_equal(&got.tha, &b));
    aksu_addr spa = aksu_addr_v4(192, 0, 2, 1), tpa = aksu_addr_v4(198, 51, 100, 7);
    assert_true(aksu_addr_equal(&got.spa, &spa) && aksu_addr_equal(&got.tpa, &tpa));
}

/* attack: 32 */
static void arp_truncated_at_each_byte_dropped(void **state) {
    (void)state;
    uint8_t p[AK_ARP_BYTES];
    struct ak_arp got;
    arp_make(p);
    for (size_t bytes = 0; bytes < sizeof p; bytes++)
        assert_int_equal(arp_parse(p, bytes, &got), AKSU_DROP_ARP_TRUNCATED);
}

/* Each field that says what kind of ARP it is, at all its values. */
static void arp_of_another_kind_dropped(void **state) {
    (void)state;
    static const struct {
        uint32_t at, bytes, first, last; /* values taken */
    } fields[] = {{0, 2, 1, 1}, {2, 2, 0x800, 0x800}, {4, 1, 6, 6}, {5, 1, 4, 4}, {6, 2, 1, 2}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        uint32_t count = fields[i].bytes == 2 ? 65536 : 256;
        for (uint32_t value = 0; value < count; value++) {
            uint8_t p[AK_ARP_BYTES];
            struct ak_arp got;
            arp_make(p);
            if (fields[i].bytes == 2)
                ak_put16(p + fields[i].at, (uint16_t)value);
            else
                p[fields[i].at] = (uint8_t)value;
            bool ours = value >= fields[i].first && value <= fields[i].last;
            assert_int_equal(ak_wire_arp_parse(p, sizeof p, &got), ours ? AKSU_DROP_NONE : AKSU_DROP_ARP_FORMAT);
        }
    }
    uint8_t p[AK_ARP_BYTES];
    struct ak_arp got;
    arp_make(p);
    p[8] |= 1; /* nobody's own address */
    assert_int_equal(ak_wire_arp_parse(p, sizeof p, &got), AKSU_DROP_ARP_FORMAT);
    memset(p + 8, 0, 6);
    assert_int_equal(ak_wire_arp_parse(p, sizeof p, &got), AKSU_DROP_ARP_SOURCE);
    for (size_t i = 1; i < 6; i++) { /* each octet counts */
        memset(p + 8, 0, 6);
        p[8 + i] = 1;
        assert_int_equal(ak_wire_arp_parse(p, sizeof p, &got), AKSU_DROP_NONE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eth_header_built_and_parsed_alike), cmocka_unit_test(eth_truncated_at_each_byte_dropped),
        cmocka_unit_test(eth_tag_of_each_identifier_judged), cmocka_unit_test(eth_type_each_judged),
        cmocka_unit_test(eth_source_of_a_group_dropped),     cmocka_unit_test(group_addresses_by_family),
        cmocka_unit_test(arp_built_and_parsed_alike),        cmocka_unit_test(arp_truncated_at_each_byte_dropped),
        cmocka_unit_test(arp_of_another_kind_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
