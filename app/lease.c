/* An address by DHCP for a session: asked for while it opens, kept while it runs, given back at its end. */
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "aksu/dhcp.h"
#include "app/app.h"

struct app_lease {
    uint64_t mem[AKSU_DHCP_BYTES / 8];
    aksu_dhcp *dhcp;
    aksu_stack *stack;
    aksu_loop *loop;
    aksu_watch *watch;
    int timer; /* wakes the loop; its alarm is the verb's */
    uint64_t set_us;
    const char *device;
    bool quiet, held;
};

static void on_timer(void *user, int fd, unsigned ready) {
    uint64_t expirations;
    (void)user;
    (void)ready;
    (void)!read(fd, &expirations, sizeof expirations); /* the turn that follows looks at the time */
}

static void wake_at(struct app_lease *lease, uint64_t at_us) {
    if (at_us == lease->set_us) return;
    lease->set_us = at_us;
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(at_us / 1000000), .tv_nsec = (long)(at_us % 1000000) * 1000}};
    if (at_us == UINT64_MAX) when = (struct itimerspec){.it_value = {0}};
    (void)timerfd_settime(lease->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void release(struct app_lease *lease) {
    aksu_loop_unwatch(lease->loop, lease->watch);
    (void)close(lease->timer);
    free(lease);
}

struct app_lease *app_lease_open(const app_options *options, const aksu_host *host) {
    struct app_lease *lease = calloc(1, sizeof *lease);
    aksu_host_error error;
    aksu_link_config link = {.struct_bytes = sizeof link};
    aksu_dhcp_config config = {.struct_bytes = sizeof config, .link = host->link};
    host->driver->ops->link_config(host->driver, &link);
    memcpy(config.mac, link.mac.byte, sizeof config.mac);
    config.mtu = (uint16_t)link.mtu;
    if (lease == NULL || aksu_host_entropy(config.entropy, sizeof config.entropy, &error) < 0) {
        free(lease);
        return NULL;
    }
    lease->stack = host->stack;
    lease->loop = host->loop;
    lease->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    aksu_watch_config watch = {.fd = lease->timer, .interest = AKSU_WATCH_READ, .on_ready = on_timer, .user = lease};
    if (lease->timer < 0 || aksu_loop_watch(host->loop, &watch, &lease->watch, &error) < 0) {
        if (lease->timer >= 0) (void)close(lease->timer);
        free(lease);
        return NULL;
    }
    lease->device = host->driver->device;
    lease->quiet = options->quiet;
    uint64_t now_us = aksu_host_now_us();
    aksu_advance(host->stack, now_us);
    if (aksu_dhcp_init(&config, host->stack, lease->mem, sizeof lease->mem, &lease->dhcp) == AKSU_OK &&
        aksu_dhcp_start(lease->dhcp, now_us) == AKSU_OK) {
        wake_at(lease, aksu_dhcp_deadline_us(lease->dhcp));
        return lease;
    }
    release(lease);
    return NULL;
}

static void say(const struct app_lease *lease, const aksu_dhcp_change *change) {
    char addr[AKSU_ADDR_TEXT_BYTES], server[AKSU_ADDR_TEXT_BYTES];
    (void)aksu_addr_format(&change->lease.addr, addr, sizeof addr);
    (void)aksu_addr_format(&change->lease.server, server, sizeof server);
    if (change->what == AKSU_DHCP_LOST)
        app_say("%s is no longer ours on %s; asking for another", addr, lease->device);
    else if (change->what == AKSU_DHCP_BOUND && !lease->quiet)
        (void)fprintf(stderr, "aksu: %s/%u on %s from %s for %u s\n", addr, change->lease.prefix_bits, lease->device,
                      server, change->lease.lease_s);
}

/* The stack says that somebody else has the address: RFC 5227. */
static bool is_duplicate(const struct app_lease *lease, const aksu_addr *addr) {
    uint32_t cursor = 0;
    aksu_addr_info info;
    while (aksu_addr_next(lease->stack, &cursor, &info)) {
        if (aksu_addr_equal(&info.addr, addr)) return info.state == AKSU_ADDR_DUPLICATE;
    }
    return false;
}

bool app_lease_event(struct app_lease *lease, const aksu_event *event) {
    return lease != NULL && aksu_dhcp_event(lease->dhcp, aksu_host_now_us(), event);
}

void app_lease_turn(struct app_lease *lease, uint64_t now_us) {
    if (lease == NULL) return;
    aksu_dhcp_lease held;
    bool holds = aksu_dhcp_status(lease->dhcp, &held) >= AKSU_DHCP_HOLDING;
    if (holds && is_duplicate(lease, &held.addr)) aksu_dhcp_conflict(lease->dhcp, now_us);
    if (aksu_dhcp_deadline_us(lease->dhcp) <= now_us) aksu_dhcp_advance(lease->dhcp, now_us);
    wake_at(lease, aksu_dhcp_deadline_us(lease->dhcp));
    aksu_dhcp_change change;
    if (!aksu_dhcp_next(lease->dhcp, &change)) return;
    lease->held = change.what != AKSU_DHCP_LOST;
    say(lease, &change);
}

bool app_lease_held(const struct app_lease *lease) {
    return lease->held;
}

void app_lease_close(struct app_lease *lease) {
    if (lease == NULL) return;
    uint64_t now_us = aksu_host_now_us();
    aksu_advance(lease->stack, now_us);
    aksu_dhcp_release(lease->dhcp);
    (void)aksu_loop_turn(lease->loop, 0, NULL); /* it leaves */
    aksu_dhcp_stop(lease->dhcp);
    release(lease);
}
