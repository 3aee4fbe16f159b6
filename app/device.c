/* Which device a stack is behind, and what addresses and gateways it has there: the options, and what they leave open.
 *
 * Behind a TUN device the kernel is the peer, and both ends need an address of each family in use; there are defaults
 * of IPv4.  On a TAP device the kernel is one of the hosts of a segment: with no address given the same defaults hold,
 * with one the kernel gets only what --host-address says.  A packet socket has no end of the kernel's at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"

bool app_address(const char *what, const char *text, aksu_host_addr places[AKSU_HOST_ADDRS]) {
    char literal[AKSU_ADDR_TEXT_BYTES];
    aksu_addr addr;
    const char *slash = strchr(text, '/');
    size_t bytes = slash != NULL ? (size_t)(slash - text) : strlen(text);
    size_t at = 0;
    while (at < AKSU_HOST_ADDRS && !aksu_addr_is_any(&places[at].addr)) at++;
    if (at == AKSU_HOST_ADDRS) {
        app_say("%s %s is one too many; there may be %u", what, text, AKSU_HOST_ADDRS);
        return false;
    }
    if (bytes < sizeof literal) {
        memcpy(literal, text, bytes);
        literal[bytes] = '\0';
        if (aksu_addr_parse(literal, &addr) == AKSU_OK && !aksu_addr_is_any(&addr)) {
            bool v4 = aksu_addr_is_v4(&addr);
            uint64_t bits = v4 ? 24 : 64;
            if (slash != NULL && !app_number("prefix length", slash + 1, 1, v4 ? 31 : 127, &bits)) return false;
            places[at] = (aksu_host_addr){.addr = addr, .prefix_bits = (uint8_t)bits};
            return true;
        }
    }
    app_say("%s '%s' is not an address; write it as 192.0.2.2/24 or 2001:db8::2/64", what, text);
    return false;
}

/* The name, and for a packet socket what stands behind it: NAME[,rings=on|off]. */
static bool device_name(app_options *options, const char *text, const char *name) {
    bool packet = options->host.device == AKSU_HOST_PACKET;
    const char *comma = packet ? strchr(name, ',') : strstr(name, ",rings=");
    size_t bytes = comma != NULL ? (size_t)(comma - name) : strlen(name);
    if (comma != NULL) {
        bool on = strcmp(comma, ",rings=on") == 0;
        if (!packet || bytes == 0 || (!on && strcmp(comma, ",rings=off") != 0)) {
            app_say("--dev '%s': behind the name of a packet: device may stand ,rings=on or ,rings=off", text);
            return false;
        }
        options->host.rings = on ? AKSU_PACKET_RINGS_ON : AKSU_PACKET_RINGS_OFF;
    }
    if (bytes >= sizeof options->device)
        bytes = sizeof options->device - 1; /* too long in any case: it is said later */
    memcpy(options->device, name, bytes);
    options->device[bytes] = '\0';
    options->host.tun.name = options->device;
    return true;
}

bool app_device(app_options *options, const char *text) {
    static const struct {
        const char *prefix;
        aksu_host_device device;
        uint32_t flags;
    } kinds[] = {
        {"tun:", AKSU_HOST_TUN, 0}, {"tap:", AKSU_HOST_TUN, AKSU_TUN_ETHERNET}, {"packet:", AKSU_HOST_PACKET, 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t bytes = strlen(kinds[i].prefix);
        if (strncmp(text, kinds[i].prefix, bytes) != 0 || text[bytes] == '\0') continue;
        options->host.device = kinds[i].device;
        options->host.tun.flags |= kinds[i].flags;
        return device_name(options, text, text + bytes);
    }
    app_say("--dev '%s' is not tun:NAME, tap:NAME or packet:NAME", text);
    return false;
}

bool app_gateway(app_options *options, const char *text) {
    aksu_route route = {.metric = options->route_count};
    if (aksu_addr_parse(text, &route.gateway) != AKSU_OK || aksu_addr_is_any(&route.gateway)) {
        app_say("--gateway '%s' is not an address; write it as 192.0.2.254 or fe80::1", text);
        return false;
    }
    if (options->route_count == APP_ROUTES_MAX) {
        app_say("--gateway %s is one too many; there may be %u", text, APP_ROUTES_MAX);
        return false;
    }
    if (aksu_addr_is_v4(&route.gateway)) route.prefix = aksu_addr_v4(0, 0, 0, 0);
    options->route[options->route_count++] = route;
    return true;
}

bool app_mac(app_options *options, const char *text) {
    aksu_mac mac;
    unsigned all = 0;
    bool good = strlen(text) == 17;
    for (size_t i = 0; i < 6 && good; i++) {
        const char *at = text + 3 * i;
        good = strspn(at, "0123456789abcdefABCDEF") == 2 && at[2] == (i < 5 ? ':' : '\0');
        mac.byte[i] = good ? (uint8_t)strtoul(at, NULL, 16) : 0;
        all |= mac.byte[i];
    }
    if (good && (mac.byte[0] & 1) == 0 && all != 0) {
        options->host.tun.ether.mac = mac;
        return true;
    }
    app_say("--mac '%s' is not the Ethernet address of one host; write it as 02:00:00:00:00:01", text);
    return false;
}

bool app_autoconf(app_options *options, const char *text) {
    if (text == NULL || strcmp(text, "stable") == 0)
        options->host.tun.ether.autoconf = AKSU_AUTOCONF_STABLE;
    else if (strcmp(text, "temporary") == 0)
        options->host.tun.ether.autoconf = AKSU_AUTOCONF_TEMPORARY;
    else {
        app_say("--autoconf '%s' is not stable or temporary", text);
        return false;
    }
    return true;
}

bool app_is_ethernet(const app_options *options) {
    return options->host.device == AKSU_HOST_PACKET || (options->host.tun.flags & AKSU_TUN_ETHERNET) != 0;
}

/* How many addresses of a family there are. */
static size_t count_of(const aksu_host_addr *places, bool four) {
    size_t count = 0;
    for (size_t i = 0; i < AKSU_HOST_ADDRS; i++)
        count += !aksu_addr_is_any(&places[i].addr) && aksu_addr_is_v4(&places[i].addr) == four;
    return count;
}

bool app_has_family(const app_options *options, bool four) {
    bool learns =
        four ? options->dhcp : app_is_ethernet(options) && options->host.tun.ether.autoconf != AKSU_AUTOCONF_OFF;
    return learns || count_of(options->host.addr, four) > 0;
}

/* The kernel's addresses are in our networks, as far as one of ours says. */
static void share_prefixes(app_options *options) {
    const aksu_host_addr *ours = options->host.addr;
    aksu_host_addr *kernels = options->host.tun.host_addr;
    for (size_t i = 0; i < AKSU_HOST_ADDRS; i++) {
        if (aksu_addr_is_any(&kernels[i].addr)) continue;
        bool four = aksu_addr_is_v4(&kernels[i].addr);
        for (size_t k = 0; k < AKSU_HOST_ADDRS; k++) {
            if (aksu_addr_is_any(&ours[k].addr) || aksu_addr_is_v4(&ours[k].addr) != four) continue;
            kernels[i].prefix_bits = ours[k].prefix_bits;
            break;
        }
    }
}

/* Everything else by the kernel, in each family that has no gateway and in which the kernel has an address. */
static void add_kernel_routes(app_options *options) {
    for (int four = 0; four < 2; four++) {
        bool has = false;
        for (unsigned i = 0; i < options->route_count; i++)
            has |= aksu_addr_is_v4(&options->route[i].gateway) == (four != 0);
        for (size_t i = 0; i < AKSU_HOST_ADDRS && !has && options->route_count < APP_ROUTES_MAX; i++) {
            const aksu_addr *kernels = &options->host.tun.host_addr[i].addr;
            if (aksu_addr_is_any(kernels) || aksu_addr_is_v4(kernels) != (four != 0)) continue;
            options->route[options->route_count] = (aksu_route){.gateway = *kernels};
            if (four) options->route[options->route_count].prefix = aksu_addr_v4(0, 0, 0, 0);
            options->route_count++;
            has = true;
        }
    }
}

static bool check_tun(app_options *options) {
    aksu_host_addr *ours = options->host.addr, *kernels = options->host.tun.host_addr;
    aksu_host_config standard;
    aksu_host_config_default(&standard);
    aksu_host_addr *lists[] = {ours, kernels};
    const aksu_host_addr *defaults[] = {&standard.addr[0], &standard.tun.host_addr[0]};
    for (size_t i = 0; i < 2; i++) { /* IPv4 is there, unless it is given */
        if (count_of(lists[i], /* four= */ true) > 0) continue;
        memmove(lists[i] + 1, lists[i], (AKSU_HOST_ADDRS - 1) * sizeof *lists[i]);
        lists[i][0] = *defaults[i];
    }
    if ((count_of(ours, false) > 0) == (count_of(kernels, false) > 0)) return true;
    app_say("an IPv6 address needs both ends: --address 2001:db8::2/64 --host-address 2001:db8::1");
    return false;
}

static bool check_ethernet(app_options *options) {
    aksu_host_config *host = &options->host;
    bool none = count_of(host->addr, true) + count_of(host->addr, false) == 0;
    bool learns = host->tun.ether.autoconf != AKSU_AUTOCONF_OFF || options->dhcp;
    if (host->device == AKSU_HOST_PACKET) {
        if (count_of(host->tun.host_addr, true) + count_of(host->tun.host_addr, false) > 0) {
            app_say("--host-address is for tun: and tap: devices; the kernel keeps its own on %s", host->tun.name);
            return false;
        }
        if (!options->mtu_given) host->tun.mtu = 0; /* the device's */
    } else if (none && !learns) {
        return check_tun(options);
    }
    if (!none || learns) return true;
    app_say("%s needs an address: --address 192.0.2.2/24, --dhcp, or --autoconf for IPv6", host->tun.name);
    return false;
}

bool app_device_check(app_options *options) {
    bool ethernet = app_is_ethernet(options);
    const aksu_ether_config *ether = &options->host.tun.ether;
    static const aksu_mac no_mac = {{0}};
    bool asks = memcmp(&ether->mac, &no_mac, sizeof no_mac) != 0 || ether->vlan != 0 ||
                ether->autoconf != AKSU_AUTOCONF_OFF || options->dad_given || options->dhcp;
    if (!ethernet && asks) {
        app_say("--mac, --vlan, --dad, --dhcp and --autoconf are for tap: and packet: devices");
        return false;
    }
    if (!(ethernet ? check_ethernet(options) : check_tun(options))) return false;
    share_prefixes(options);
    add_kernel_routes(options);
    options->host.route_count = options->route_count;
    options->host.routes = options->route;
    return true;
}
