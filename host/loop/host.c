/* All in one call: an arena with a stack, a device as its link, addresses, routes and a loop.
 *
 * The parts are made in the order in which they depend on each other and released in the reverse order; a failure
 * half-way releases what is there.  Nothing here is needed by those who wire the parts themselves. */
#include "aksu/host.h"

#include <errno.h>

#define MTU_MIN_V6 1280u /* RFC 8200 s5 */

void aksu_host_config_default(aksu_host_config *ret_config) {
    *ret_config = (aksu_host_config){
        .struct_bytes = sizeof *ret_config,
        .addr[0] = {.addr = aksu_addr_v4(192, 0, 2, 2), .prefix_bits = 24},
    };
    aksu_config_default(&ret_config->stack);
    ret_config->stack.output_sync = 1;
    /* 300 Mbit/s over 300 ms need 11 MiB, and as much again while the bottleneck's queue is full. */
    ret_config->stack.tcp.rcv_buf_max_bytes = 65535u << 9;
    ret_config->stack.tcp.snd_buf_max_bytes = 32u << 20;
    ret_config->stack.block_max = 65536;
    ret_config->stack.buffer_growth_max = 128u << 20;
    aksu_tun_config_default(&ret_config->tun);
}

static int core_failed(aksu_err err, const char *what, aksu_host_error *ret_error) {
    return aksu_host_error_set(ret_error, err == AKSU_ERR_NO_MEMORY ? ENOMEM : EINVAL, "cannot add %s: %s", what,
                               aksu_err_text(err));
}

static int open_driver(const aksu_host_config *config, aksu_driver **ret_driver, aksu_host_error *ret_error) {
    if (config->device == AKSU_HOST_TUN) return aksu_tun_open(&config->tun, ret_driver, ret_error);
    aksu_packet_config packet;
    aksu_packet_config_default(&packet);
    packet.name = config->tun.name;
    packet.mtu = config->tun.mtu;
    packet.batch_frames = config->tun.batch_frames;
    packet.no_offload = (config->tun.flags & AKSU_TUN_NO_OFFLOAD) != 0;
    packet.rings = config->rings;
    packet.ether = config->tun.ether;
    return aksu_packet_open(&packet, ret_driver, ret_error);
}

static int add_route(const aksu_host *host, aksu_route route, aksu_host_error *ret_error) {
    route.link = host->link;
    aksu_err err = aksu_route_add(host->stack, &route);
    if (err == AKSU_ERR_NO_ROUTE) {
        char gateway[AKSU_ADDR_TEXT_BYTES];
        (void)aksu_addr_format(&route.gateway, gateway, sizeof gateway);
        return aksu_host_error_set(ret_error, ENETUNREACH,
                                   "the gateway %s is not on the link %s: none of our networks "
                                   "holds it",
                                   gateway, host->driver->device);
    }
    return err != AKSU_OK ? core_failed(err, "a route", ret_error) : 0;
}

/* Everything by the kernel, in each family in which it has an address. */
static int add_default_routes(const aksu_host_config *config, const aksu_host *host, aksu_host_error *ret_error) {
    int failed = 0;
    if (config->device != AKSU_HOST_TUN) return 0;
    for (size_t i = 0; !failed && i < AKSU_HOST_ADDRS; i++) {
        aksu_route route = {.metric = (uint32_t)i, .gateway = config->tun.host_addr[i].addr};
        if (aksu_addr_is_any(&route.gateway)) continue;
        if (aksu_addr_is_v4(&route.gateway)) route.prefix = aksu_addr_v4(0, 0, 0, 0);
        failed = add_route(host, route, ret_error);
    }
    return failed;
}

static int add_routes(const aksu_host_config *config, const aksu_host *host, aksu_host_error *ret_error) {
    if (config->route_count == 0) return add_default_routes(config, host, ret_error);
    int failed = 0;
    for (uint32_t i = 0; !failed && i < config->route_count; i++) {
        failed = add_route(host, config->routes[i], ret_error);
    }
    return failed;
}

static int add_link(const aksu_host_config *config, aksu_host *host, aksu_host_error *ret_error) {
    aksu_link_config link = {0};
    host->driver->ops->link_config(host->driver, &link);
    bool six = link.autoconf != AKSU_AUTOCONF_OFF;
    for (size_t i = 0; i < AKSU_HOST_ADDRS; i++)
        six = six || (!aksu_addr_is_any(&config->addr[i].addr) && !aksu_addr_is_v4(&config->addr[i].addr));
    if (six && link.mtu < MTU_MIN_V6) {
        return aksu_host_error_set(ret_error, EINVAL, "an MTU of %u is too small for IPv6, which needs %u", link.mtu,
                                   MTU_MIN_V6);
    }
    aksu_err err = aksu_link_add(host->stack, &link, &host->link);
    if (err != AKSU_OK) return core_failed(err, "the link", ret_error);
    for (size_t i = 0; i < AKSU_HOST_ADDRS; i++) {
        const aksu_host_addr *ours = &config->addr[i];
        if (aksu_addr_is_any(&ours->addr)) continue;
        err = aksu_addr_add(host->stack, host->link, &ours->addr, ours->prefix_bits);
        if (err != AKSU_OK) return core_failed(err, "the address", ret_error);
    }
    int failed = add_routes(config, host, ret_error);
    if (failed) return failed;
    return aksu_loop_add_link(host->loop, host->driver, host->link, ret_error);
}

int aksu_host_open(const aksu_host_config *config, aksu_host *ret_host, aksu_host_error *ret_error) {
    if (config->struct_bytes != sizeof *config) {
        return aksu_host_error_set(ret_error, EINVAL, "the host config was not made for this version of the library");
    }
    for (size_t i = 0; i < AKSU_HOST_ADDRS * AKSU_HOST_ADDRS; i++) {
        const aksu_addr *ours = &config->addr[i / AKSU_HOST_ADDRS].addr;
        if (aksu_addr_is_any(ours) || !aksu_addr_equal(ours, &config->tun.host_addr[i % AKSU_HOST_ADDRS].addr))
            continue;
        return aksu_host_error_set(ret_error, EINVAL, "the stack and the kernel cannot have the same address");
    }
    aksu_host host = {0};
    int failed = aksu_host_stack(&config->stack, config->arena_pages, &host.arena, &host.stack, ret_error);
    if (!failed) failed = open_driver(config, &host.driver, ret_error);
    if (!failed) {
        aksu_loop_config loop = {
            .struct_bytes = sizeof loop,
            .busy_poll_us = config->busy_poll_us,
            .stack = host.stack,
            .output_sync = config->stack.output_sync,
            .frame_max = config->stack.frame_max,
            .on_event = config->on_event,
            .on_turn = config->on_turn,
            .user = config->user,
        };
        failed = aksu_loop_open(&loop, &host.loop, ret_error);
    }
    if (!failed) failed = add_link(config, &host, ret_error);
    if (failed) {
        aksu_host_close(&host);
        return failed;
    }
    *ret_host = host;
    return 0;
}

void aksu_host_close(aksu_host *host) {
    aksu_loop_close(host->loop);
    aksu_driver_close(host->driver);
    aksu_arena_unmap(&host->arena);
    *host = (aksu_host){0};
}
