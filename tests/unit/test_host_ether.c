/* Goal: an Ethernet address of our own is one host's, local, and the same each time; short frames leave a TAP device
 * with zeros behind them, and nothing else. */
#include "host/link/ether.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void mac_made_local_unicast_and_stable(void **state) {
    (void)state;
    aksu_ether_config config = {.dad_probes = 1}, first, again, other;
    assert_int_equal(ak_ether_make(&config, "tap0", &first, NULL), 0);
    assert_int_equal(first.mac.byte[0] & 3, 2);
    assert_int_equal(first.dad_probes, 1);
    if (access("/etc/machine-id", R_OK) == 0) {
        assert_int_equal(ak_ether_make(&config, "tap0", &again, NULL), 0);
        assert_memory_equal(&first.mac, &again.mac, sizeof first.mac);
    }
    assert_int_equal(ak_ether_make(&config, "tap1", &other, NULL), 0);
    assert_memory_not_equal(&first.mac, &other.mac, sizeof first.mac);
    aksu_mac mine = {{0x06, 1, 2, 3, 4, 5}};
    config.mac = mine;
    assert_int_equal(ak_ether_make(&config, "tap1", &other, NULL), 0);
    assert_memory_equal(&mine, &other.mac, sizeof mine);
}

static void config_out_of_range_refused(void **state) {
    (void)state;
    const aksu_ether_config bad[] = {
        {.mac = {{1, 0, 0, 0, 0, 1}}}, {.vlan = 4095}, {.dad_probes = 17}, {.autoconf = 3}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        aksu_ether_config made;
        assert_true(ak_ether_make(&bad[i], "tap0", &made, NULL) < 0);
    }
}

/* CVE-2003-0001.  attack: 36 */
static void short_frames_padded_with_zeros(void **state) {
    (void)state;
    for (uint32_t bytes = 14; bytes < 70; bytes++) {
        struct iovec iov = {NULL, 0};
        assert_int_equal(ak_ether_pad(bytes, &iov), bytes < 60);
        if (bytes >= 60) continue;
        assert_int_equal(iov.iov_len, 60 - bytes);
        for (size_t i = 0; i < iov.iov_len; i++) assert_int_equal(((const uint8_t *)iov.iov_base)[i], 0);
    }
}

/* The same through a device: what the kernel gets.  attack: 36 */
static void tap_write_short_frame_sixty_bytes(void **state) {
    (void)state;
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) skip();
    aksu_tun_config config;
    aksu_host_error error;
    aksu_driver *driver = NULL;
    aksu_tun_config_default(&config);
    config.flags = AKSU_TUN_ETHERNET;
    config.name = "pad0";
    if (aksu_tun_open(&config, &driver, &error) < 0) skip();
    aksu_link_config link;
    driver->ops->link_config(driver, &link);
    assert_int_equal(link.type, AKSU_LINK_ETHERNET);
    assert_int_equal(link.mtu, 1500);
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex("pad0")};
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    uint8_t frame[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1};
    aksu_iov iov[2] = {{frame, 14}, {frame + 14, sizeof frame - 14}};
    aksu_frame out = {.total_bytes = sizeof frame, .iov_count = 2, .iov = iov};
    assert_int_equal(driver->ops->write(driver, &out, 1), 1);
    uint8_t got[128];
    ssize_t bytes = 0;
    do { /* the kernel's own solicitations pass too */
        struct pollfd one = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&one, 1, 5000), 1);
        bytes = recv(fd, got, sizeof got, 0);
    } while (bytes < 12 || got[11] != 9);
    assert_int_equal(bytes, 60);
    assert_memory_equal(got, frame, sizeof frame);
    for (size_t i = sizeof frame; i < 60; i++) assert_int_equal(got[i], 0);
    (void)close(fd);
    aksu_driver_close(driver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mac_made_local_unicast_and_stable),
        cmocka_unit_test(config_out_of_range_refused),
        cmocka_unit_test(short_frames_padded_with_zeros),
        cmocka_unit_test(tap_write_short_frame_sixty_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
