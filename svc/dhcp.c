/* The DHCPv4 client: RFC 2131 s4.4, Figure 5.
 *
 * One deadline stands for whatever comes next in the state: to ask again, T1, T2, or the end of the lease.  A reply
 * counts in the states that wait for one, with the transaction of the last question; all else is as if it had not come.
 * Questions are repeated after 4, 8, 16, 32 and then each 64 s, give or take one (s4.1); with a lease, at half of the
 * time that is left, and not within 60 s (s4.4.5).  Times of a lease count from when it was asked for (s4.4.1).
 *
 * DEVIATES s4.4.1 (a wait of 1 to 10 s before the first DISCOVER is a SHOULD): whoever starts a thousand hosts at once
 * can spread aksu_dhcp_start; one host need not wait. */
#include "aksu/dhcp.h"
#include "dhcp_message.h"
#include "random.h"

#include <string.h>

enum { REQUEST_TRIES = 4, REBOOT_TRIES = 2, SPREAD_MAX = 4, MTU_MIN = 576 };
static const uint64_t second_us = 1000000;
static const uint64_t never_us = UINT64_MAX;
static const uint64_t renew_wait_us = 60 * UINT64_C(1000000);
static const uint64_t decline_wait_us = 10 * UINT64_C(1000000);

struct aksu_dhcp {
    aksu_stack *stack;
    struct svc_random random;
    aksu_sock sock;
    uint16_t link, mtu, mtu_now; /* the link's own, and what it was set to */
    uint8_t mac[6];
    char host_name[AKSU_DHCP_NAME_BYTES];
    aksu_dhcp_state state;
    uint32_t xid, tries;
    uint64_t began_us, asked_us; /* the acquisition; the first question of this transaction */
    uint64_t again_us;           /* when to ask again */
    uint64_t renew_us, rebind_us, end_us;
    aksu_dhcp_lease lease;   /* HOLDING and later */
    aksu_dhcp_lease offered; /* REQUESTING: what is asked for; INIT-REBOOT: its address alone */
    aksu_addr known_addr;
    bool open, changed, route_set, router_set, released;
    aksu_dhcp_change change;
};

_Static_assert(sizeof(struct aksu_dhcp) <= AKSU_DHCP_BYTES, "the caller's memory");

const char *aksu_dhcp_state_name(aksu_dhcp_state state) {
    static const char *const names[] = {
        [AKSU_DHCP_STOPPED] = "STOPPED",     [AKSU_DHCP_INIT_REBOOT] = "INIT-REBOOT",
        [AKSU_DHCP_SELECTING] = "SELECTING", [AKSU_DHCP_REQUESTING] = "REQUESTING",
        [AKSU_DHCP_HOLDING] = "BOUND",       [AKSU_DHCP_RENEWING] = "RENEWING",
        [AKSU_DHCP_REBINDING] = "REBINDING",
    };
    return names[state];
}

static bool holds(const aksu_dhcp *d) {
    return d->state >= AKSU_DHCP_HOLDING;
}

static uint64_t after(uint64_t from_us, uint32_t seconds) {
    return seconds == UINT32_MAX ? never_us : from_us + seconds * second_us;
}

/* ---------------------------------------------------------------- the stack */

static void tell(aksu_dhcp *d, aksu_dhcp_what what) {
    d->change = (aksu_dhcp_change){.what = what, .lease = d->lease};
    d->changed = true;
}

static aksu_route default_route(const aksu_dhcp *d) {
    return (aksu_route){.prefix = aksu_addr_v4(0, 0, 0, 0), .gateway = d->lease.router[0], .link = d->link};
}

static aksu_route router_route(const aksu_dhcp *d) {
    return (aksu_route){.prefix = d->lease.router[0], .prefix_bits = 32, .link = d->link};
}

/* The way out.  A router that is in none of our networks, as with a lease of /32, is on the link all the same: a route
 * to it alone says so (RFC 3442 has it for the routes that it defines). */
static void routes_in(aksu_dhcp *d) {
    if (d->lease.router_count == 0) return;
    aksu_route way = default_route(d), router = router_route(d);
    aksu_err err = aksu_route_add(d->stack, &way);
    if (err == AKSU_ERR_NO_ROUTE && aksu_route_add(d->stack, &router) == AKSU_OK) {
        d->router_set = true;
        err = aksu_route_add(d->stack, &way);
    }
    d->route_set = err == AKSU_OK;
}

static void routes_out(aksu_dhcp *d) {
    aksu_route way = default_route(d), router = router_route(d);
    if (d->route_set) (void)aksu_route_remove(d->stack, &way);
    if (d->router_set) (void)aksu_route_remove(d->stack, &router);
    d->route_set = d->router_set = false;
}

/* The lease's address and way out, into the stack.  False: there is no room, or the address is there already. */
static bool put_in(aksu_dhcp *d) {
    if (aksu_addr_add(d->stack, d->link, &d->lease.addr, d->lease.prefix_bits) != AKSU_OK) return false;
    routes_in(d);
    return true;
}

/* What a lease says (0: nothing), as far as the link can carry it. */
static void set_mtu(aksu_dhcp *d, uint16_t said) {
    uint16_t mtu = said >= MTU_MIN && said < d->mtu ? said : d->mtu;
    if (mtu == d->mtu_now) return; /* connections would forget what they know of their paths */
    if (aksu_link_mtu(d->stack, d->link, mtu) == AKSU_OK) d->mtu_now = mtu;
}

static void take_out(aksu_dhcp *d) {
    routes_out(d);
    (void)aksu_addr_remove(d->stack, &d->lease.addr);
    set_mtu(d, 0);
}

/* ---------------------------------------------------------------- questions */

static void send_request(aksu_dhcp *d, const aksu_addr *to, struct dhcp_request *request) {
    uint8_t message[DHCP_MESSAGE_BYTES];
    memcpy(request->mac, d->mac, sizeof d->mac);
    request->xid = d->xid;
    request->host_name = d->host_name;
    aksu_endpoint server = {.addr = *to, .port = DHCP_SERVER_PORT, .link = d->link};
    /* One that cannot be sent now is one that was lost: it is sent again. */
    (void)aksu_udp_send(d->stack, d->sock, &server, message, dhcp_request_build(message, request));
}

static uint64_t wait_us(aksu_dhcp *d, uint64_t now_us) {
    if (holds(d)) {
        uint64_t until_us = d->state == AKSU_DHCP_RENEWING ? d->rebind_us : d->end_us;
        uint64_t half_us = (until_us - now_us) / 2;
        return half_us < renew_wait_us ? renew_wait_us : half_us;
    }
    uint64_t base_us = (second_us * 4) << (d->tries < SPREAD_MAX ? d->tries : SPREAD_MAX);
    return base_us - second_us + svc_random_u32(&d->random) % (2 * second_us);
}

/* What the state asks: RFC 2131 Table 4 and Table 5. */
static void ask(aksu_dhcp *d, uint64_t now_us) {
    aksu_addr everybody = aksu_addr_v4(255, 255, 255, 255), to = everybody;
    uint64_t seconds = (now_us - d->began_us) / second_us;
    struct dhcp_request request = {.type = DHCP_REQUEST,
                                   .seconds = (uint16_t)(seconds < UINT16_MAX ? seconds : UINT16_MAX),
                                   .broadcast = !holds(d)};
    if (d->state == AKSU_DHCP_SELECTING) {
        request.type = DHCP_DISCOVER;
        request.requested = d->known_addr;
    } else if (holds(d)) {
        request.client = d->lease.addr;
        if (d->state == AKSU_DHCP_RENEWING) to = d->lease.server;
    } else {
        request.requested = d->offered.addr;
        request.server = d->offered.server;
    }
    d->again_us = now_us + wait_us(d, now_us);
    d->tries++;
    send_request(d, &to, &request);
}

static void enter(aksu_dhcp *d, uint64_t now_us, aksu_dhcp_state state) {
    d->state = state;
    d->tries = 0;
    d->asked_us = now_us;
    if (state != AKSU_DHCP_REQUESTING) d->xid = svc_random_u32(&d->random);
    ask(d, now_us);
}

/* From the beginning, at once or after a while. */
static void begin(aksu_dhcp *d, uint64_t now_us, uint64_t delay_us) {
    d->began_us = d->asked_us = now_us;
    d->state = AKSU_DHCP_SELECTING;
    d->tries = 0;
    d->xid = svc_random_u32(&d->random);
    d->again_us = now_us + delay_us;
    if (delay_us == 0) ask(d, now_us);
}

static void lose(aksu_dhcp *d) {
    take_out(d);
    tell(d, AKSU_DHCP_LOST);
    d->state = AKSU_DHCP_SELECTING;
}

/* ---------------------------------------------------------------- answers */

static bool same_way(const aksu_dhcp_lease *a, const aksu_dhcp_lease *b) {
    bool router = a->router_count > 0, other = b->router_count > 0;
    return a->prefix_bits == b->prefix_bits && router == other &&
           (!router || aksu_addr_equal(&a->router[0], &b->router[0]));
}

/* A lease that is kept may bring another mask or router.  The address stays, and is not asked for again: what is open
 * on it goes on. */
static void change_way(aksu_dhcp *d, const aksu_dhcp_lease *lease) {
    bool same = same_way(&d->lease, lease);
    if (!same) routes_out(d);
    d->lease = *lease;
    if (same) return;
    (void)aksu_addr_prefix(d->stack, &lease->addr, lease->prefix_bits);
    routes_in(d);
}

/* RFC 2131 s4.4.1, s4.4.5: the lease counts from the question. */
static void bind_lease(aksu_dhcp *d, uint64_t now_us, const aksu_dhcp_lease *lease) {
    bool fresh = !holds(d);
    if (!fresh) {
        change_way(d, lease);
    } else {
        d->lease = *lease;
        if (!put_in(d)) { /* no room in the stack: leave it to others, and see again later */
            begin(d, now_us, renew_wait_us);
            return;
        }
    }
    set_mtu(d, lease->mtu);
    d->state = AKSU_DHCP_HOLDING;
    d->known_addr = lease->addr;
    d->renew_us = after(d->asked_us, lease->renew_s);
    d->rebind_us = after(d->asked_us, lease->rebind_s);
    d->end_us = after(d->asked_us, lease->lease_s);
    d->again_us = never_us;
    tell(d, fresh ? AKSU_DHCP_BOUND : AKSU_DHCP_RENEWED);
}

static void take_ack(aksu_dhcp *d, uint64_t now_us, const aksu_dhcp_lease *lease) {
    if (d->state == AKSU_DHCP_SELECTING || d->state == AKSU_DHCP_HOLDING) return;
    const aksu_addr *asked_for = holds(d) ? &d->lease.addr : &d->offered.addr;
    if (aksu_addr_equal(asked_for, &lease->addr)) bind_lease(d, now_us, lease);
}

/* RFC 2131 s3.1: back to the beginning; from REQUESTING not at once, since the server may do it again. */
static void take_nak(aksu_dhcp *d, uint64_t now_us, const aksu_dhcp_lease *said) {
    if (d->state == AKSU_DHCP_SELECTING || d->state == AKSU_DHCP_HOLDING) return;
    bool offered = d->state == AKSU_DHCP_REQUESTING;
    if (offered && !aksu_addr_equal(&said->server, &d->offered.server)) return;
    if (holds(d)) lose(d);
    d->known_addr = (aksu_addr){{0}};
    begin(d, now_us, offered ? second_us : 0);
}

static void take_message(aksu_dhcp *d, uint64_t now_us, const uint8_t *message, size_t bytes) {
    dhcp_type type;
    aksu_dhcp_lease lease;
    if (!dhcp_reply_parse(message, bytes, d->xid, d->mac, &type, &lease)) return;
    if (type == DHCP_ACK) take_ack(d, now_us, &lease);
    if (type == DHCP_NAK) take_nak(d, now_us, &lease);
    if (type != DHCP_OFFER || d->state != AKSU_DHCP_SELECTING || d->tries == 0) return;
    d->offered = lease;
    enter(d, now_us, AKSU_DHCP_REQUESTING);
}

bool aksu_dhcp_event(aksu_dhcp *d, uint64_t now_us, const aksu_event *event) {
    if (!d->open || event->sock.slot != d->sock.slot || event->sock.generation != d->sock.generation) return false;
    uint8_t message[1500];
    size_t bytes;
    aksu_udp_from from;
    while (aksu_udp_recv(d->stack, d->sock, message, sizeof message, &bytes, &from) == AKSU_OK) {
        if (from.remote.port == DHCP_SERVER_PORT && bytes <= sizeof message) take_message(d, now_us, message, bytes);
    }
    return true;
}

/* ---------------------------------------------------------------- time */

void aksu_dhcp_advance(aksu_dhcp *d, uint64_t now_us) {
    if (d->state == AKSU_DHCP_STOPPED) return;
    if (holds(d) && now_us >= d->end_us) {
        lose(d);
        begin(d, now_us, 0);
    } else if (d->state == AKSU_DHCP_HOLDING && now_us >= d->renew_us) {
        enter(d, now_us, AKSU_DHCP_RENEWING);
    } else if (d->state == AKSU_DHCP_RENEWING && now_us >= d->rebind_us) {
        enter(d, now_us, AKSU_DHCP_REBINDING);
    } else if (now_us >= d->again_us) {
        bool enough = (d->state == AKSU_DHCP_REQUESTING && d->tries >= REQUEST_TRIES) ||
                      (d->state == AKSU_DHCP_INIT_REBOOT && d->tries >= REBOOT_TRIES);
        if (enough)
            begin(d, now_us, 0);
        else
            ask(d, now_us);
    }
}

uint64_t aksu_dhcp_deadline_us(const aksu_dhcp *d) {
    uint64_t next_us = d->state == AKSU_DHCP_STOPPED ? never_us : d->again_us;
    if (d->state == AKSU_DHCP_HOLDING && d->renew_us < next_us) next_us = d->renew_us;
    if (d->state == AKSU_DHCP_RENEWING && d->rebind_us < next_us) next_us = d->rebind_us;
    if (holds(d) && d->end_us < next_us) next_us = d->end_us;
    return next_us;
}

/* ---------------------------------------------------------------- calls */

aksu_err aksu_dhcp_init(const aksu_dhcp_config *config, aksu_stack *stack, void *mem, size_t mem_bytes,
                        aksu_dhcp **ret_dhcp) {
    size_t name_bytes = config->host_name != NULL ? strlen(config->host_name) : 0;
    if (config->struct_bytes != sizeof *config || name_bytes >= AKSU_DHCP_NAME_BYTES) return AKSU_ERR_INVALID;
    if (mem_bytes < sizeof(aksu_dhcp) || (uintptr_t)mem % 8 != 0) return AKSU_ERR_INVALID;
    aksu_dhcp *d = mem;
    *d = (aksu_dhcp){.stack = stack,
                     .link = config->link,
                     .mtu = config->mtu,
                     .mtu_now = config->mtu,
                     .known_addr = config->known_addr};
    memcpy(d->mac, config->mac, sizeof d->mac);
    if (name_bytes > 0) memcpy(d->host_name, config->host_name, name_bytes);
    svc_random_init(&d->random, config->entropy);
    *ret_dhcp = d;
    return AKSU_OK;
}

aksu_err aksu_dhcp_start(aksu_dhcp *d, uint64_t now_us) {
    if (d->open) return AKSU_ERR_INVALID;
    aksu_udp_open open = {.struct_bytes = sizeof open,
                          .local = {.port = DHCP_CLIENT_PORT, .link = d->link},
                          .flags = AKSU_UDP_BROADCAST | AKSU_UDP_ONE_LINK};
    aksu_err err = aksu_udp_bind(d->stack, &open, &d->sock);
    if (err != AKSU_OK) return err;
    d->open = true;
    d->began_us = now_us;
    if (aksu_addr_is_any(&d->known_addr)) {
        begin(d, now_us, 0);
        return AKSU_OK;
    }
    d->offered = (aksu_dhcp_lease){.addr = d->known_addr}; /* RFC 2131 s3.2 */
    enter(d, now_us, AKSU_DHCP_INIT_REBOOT);
    return AKSU_OK;
}

void aksu_dhcp_release(aksu_dhcp *d) {
    if (!d->open || !holds(d)) return;
    struct dhcp_request release = {.type = DHCP_RELEASE, .client = d->lease.addr, .server = d->lease.server};
    d->xid = svc_random_u32(&d->random);
    send_request(d, &d->lease.server, &release);
    d->state = AKSU_DHCP_STOPPED;
    d->released = true;
}

void aksu_dhcp_stop(aksu_dhcp *d) {
    if (!d->open) return;
    if (holds(d) || d->released) take_out(d);
    (void)aksu_udp_close(d->stack, d->sock);
    d->open = d->changed = d->released = false;
    d->state = AKSU_DHCP_STOPPED;
}

void aksu_dhcp_conflict(aksu_dhcp *d, uint64_t now_us) {
    if (!holds(d)) return;
    aksu_addr everybody = aksu_addr_v4(255, 255, 255, 255);
    struct dhcp_request decline = {.type = DHCP_DECLINE, .requested = d->lease.addr, .server = d->lease.server};
    d->xid = svc_random_u32(&d->random);
    lose(d);
    send_request(d, &everybody, &decline);
    d->known_addr = (aksu_addr){{0}};
    begin(d, now_us, decline_wait_us);
}

bool aksu_dhcp_next(aksu_dhcp *d, aksu_dhcp_change *ret_change) {
    if (!d->changed) return false;
    *ret_change = d->change;
    d->changed = false;
    return true;
}

aksu_dhcp_state aksu_dhcp_status(const aksu_dhcp *d, aksu_dhcp_lease *ret_lease) {
    if (holds(d)) *ret_lease = d->lease;
    return d->state;
}
