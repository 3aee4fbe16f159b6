/* DHCPv4 messages: see dhcp_message.h. */
#include "dhcp_message.h"

#include <string.h>

/* RFC 2131 s2, Figure 1. */
enum {
    AT_OP = 0,
    AT_XID = 4,
    AT_SECS = 8,
    AT_CIADDR = 12,
    AT_YIADDR = 16,
    AT_CHADDR = 28,
    AT_SNAME = 44,
    AT_FILE = 108
};
enum { SNAME_BYTES = 64, FILE_BYTES = 128, BOOT_REQUEST = 1, BOOT_REPLY = 2, ETHERNET = 1, MESSAGE_BYTES_MIN = 300 };

enum option { /* RFC 2132 */
              OPTION_PAD = 0,
              OPTION_MASK = 1,
              OPTION_ROUTER = 3,
              OPTION_DNS = 6,
              OPTION_HOST_NAME = 12,
              OPTION_DOMAIN = 15,
              OPTION_MTU = 26,
              OPTION_REQUESTED = 50,
              OPTION_LEASE = 51,
              OPTION_OVERLOAD = 52,
              OPTION_TYPE = 53,
              OPTION_SERVER = 54,
              OPTION_PARAMETERS = 55,
              OPTION_SIZE = 57,
              OPTION_RENEW = 58,
              OPTION_REBIND = 59,
              OPTION_CLIENT = 61,
              OPTION_END = 255,
};

static const uint8_t cookie[4] = {99, 130, 83, 99};

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---------------------------------------------------------------- out */

static uint8_t *put_option(uint8_t *at, enum option code, const void *data, size_t bytes) {
    *at++ = (uint8_t)code;
    *at++ = (uint8_t)bytes;
    memcpy(at, data, bytes);
    return at + bytes;
}

static uint8_t *put_addr(uint8_t *at, enum option code, const aksu_addr *addr) {
    return aksu_addr_is_any(addr) ? at : put_option(at, code, addr->byte + 12, 4);
}

static uint8_t *put_wishes(uint8_t *at, const struct dhcp_request *request) {
    static const uint8_t wanted[] = {OPTION_MASK, OPTION_ROUTER, OPTION_DNS,   OPTION_DOMAIN,
                                     OPTION_MTU,  OPTION_LEASE,  OPTION_RENEW, OPTION_REBIND};
    static const uint8_t size[2] = {DHCP_MESSAGE_BYTES >> 8, DHCP_MESSAGE_BYTES & 255};
    at = put_option(at, OPTION_PARAMETERS, wanted, sizeof wanted);
    at = put_option(at, OPTION_SIZE, size, sizeof size);
    if (request->host_name == NULL || request->host_name[0] == '\0') return at;
    return put_option(at, OPTION_HOST_NAME, request->host_name, strlen(request->host_name));
}

size_t dhcp_request_build(uint8_t *p, const struct dhcp_request *request) {
    memset(p, 0, DHCP_MESSAGE_BYTES);
    p[AT_OP] = BOOT_REQUEST;
    p[1] = ETHERNET;
    p[2] = 6;
    for (unsigned i = 0; i < 4; i++) p[AT_XID + i] = (uint8_t)(request->xid >> (24 - 8 * i));
    p[AT_SECS] = (uint8_t)(request->seconds >> 8);
    p[AT_SECS + 1] = (uint8_t)request->seconds;
    if (request->broadcast) p[AT_SECS + 2] = 0x80;
    if (!aksu_addr_is_any(&request->client)) memcpy(p + AT_CIADDR, request->client.byte + 12, 4);
    memcpy(p + AT_CHADDR, request->mac, 6);
    memcpy(p + DHCP_FIXED_BYTES - sizeof cookie, cookie, sizeof cookie);
    uint8_t type = (uint8_t)request->type, client[7] = {ETHERNET};
    memcpy(client + 1, request->mac, 6);
    uint8_t *at = put_option(p + DHCP_FIXED_BYTES, OPTION_TYPE, &type, 1);
    at = put_option(at, OPTION_CLIENT, client, sizeof client);
    at = put_addr(at, OPTION_REQUESTED, &request->requested);
    at = put_addr(at, OPTION_SERVER, &request->server);
    if (request->type == DHCP_DISCOVER || request->type == DHCP_REQUEST) at = put_wishes(at, request);
    *at++ = OPTION_END;
    size_t bytes = (size_t)(at - p);
    return bytes < MESSAGE_BYTES_MIN ? MESSAGE_BYTES_MIN : bytes;
}

/* ---------------------------------------------------------------- in */

struct reading {
    aksu_dhcp_lease lease;
    uint8_t type, overload;
    uint32_t mask;
    bool has_mask, has_lease, has_renew, has_rebind;
};

/* An address of one host, from four octets. */
static bool host_addr(const uint8_t *p, aksu_addr *ret_addr) {
    if (p[0] == 0 || p[0] == 127 || p[0] >= 224) return false;
    *ret_addr = aksu_addr_v4(p[0], p[1], p[2], p[3]);
    return true;
}

/* As many as are sound and fit, in the server's order of preference. */
static uint8_t take_addrs(const uint8_t *p, size_t bytes, aksu_addr ret_addrs[AKSU_DHCP_SERVERS]) {
    uint8_t count = 0;
    for (size_t at = 0; at + 4 <= bytes && count < AKSU_DHCP_SERVERS; at += 4) {
        if (host_addr(p + at, &ret_addrs[count])) count++;
    }
    return count;
}

static void take_domain(const uint8_t *p, size_t bytes, char ret_domain[AKSU_DHCP_DOMAIN_BYTES]) {
    for (size_t i = 0; i < bytes; i++) {
        bool letter = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z');
        if (!letter && !(p[i] >= '0' && p[i] <= '9') && p[i] != '-' && p[i] != '_' && p[i] != '.') return;
    }
    memcpy(ret_domain, p, bytes); /* at most 255: one octet says how many */
    ret_domain[bytes] = '\0';
}

/* One option; a known one of another length than it has is passed over.  The first of a kind counts. */
static void take_option(struct reading *r, uint8_t code, const uint8_t *p, size_t bytes) {
    aksu_dhcp_lease *lease = &r->lease;
    uint32_t number = bytes == 4 ? be32(p) : 0;
    if (code == OPTION_TYPE && bytes == 1 && r->type == 0) r->type = p[0];
    if (code == OPTION_OVERLOAD && bytes == 1 && r->overload == 0) r->overload = p[0];
    if (code == OPTION_SERVER && bytes == 4 && aksu_addr_is_any(&lease->server)) (void)host_addr(p, &lease->server);
    if (code == OPTION_MASK && bytes == 4 && !r->has_mask) r->mask = number, r->has_mask = true;
    if (code == OPTION_LEASE && bytes == 4 && !r->has_lease) lease->lease_s = number, r->has_lease = true;
    if (code == OPTION_RENEW && bytes == 4 && !r->has_renew) lease->renew_s = number, r->has_renew = true;
    if (code == OPTION_REBIND && bytes == 4 && !r->has_rebind) lease->rebind_s = number, r->has_rebind = true;
    if (code == OPTION_ROUTER && lease->router_count == 0) lease->router_count = take_addrs(p, bytes, lease->router);
    if (code == OPTION_DNS && lease->dns_count == 0) lease->dns_count = take_addrs(p, bytes, lease->dns);
    if (code == OPTION_MTU && bytes == 2 && lease->mtu == 0) lease->mtu = (uint16_t)(p[0] << 8 | p[1]);
    if (code == OPTION_DOMAIN && lease->domain[0] == '\0') take_domain(p, bytes, lease->domain);
}

/* False: an option that reaches past the end. */
static bool walk(struct reading *r, const uint8_t *p, size_t bytes) {
    for (size_t at = 0; at < bytes && p[at] != OPTION_END;) {
        if (p[at] == OPTION_PAD) {
            at++;
            continue;
        }
        if (bytes - at < 2 || bytes - at - 2 < p[at + 1]) return false;
        take_option(r, p[at], p + at + 2, p[at + 1]);
        at += 2u + p[at + 1];
    }
    return true;
}

/* The bits of a mask whose ones come first; without one, those of the address' class (RFC 2131 has no other default).
 * False: no network that a host can be in. */
static bool prefix_of(const struct reading *r, uint8_t *ret_bits) {
    uint32_t mask = r->mask;
    if (!r->has_mask) {
        uint8_t first = r->lease.addr.byte[12];
        mask = first < 128 ? 0xff000000 : first < 192 ? 0xffff0000 : 0xffffff00;
    }
    uint8_t bits = 0;
    while (bits < 32 && (mask & (UINT32_C(1) << (31 - bits))) != 0) bits++;
    *ret_bits = bits;
    return bits > 0 && (bits == 32 || mask << bits == 0);
}

/* RFC 2131 s4.4.5: halves and seven eighths where nothing sensible was given; T1 is never at once, or each answer would
 * bring the next question. */
static void put_times_right(struct reading *r) {
    aksu_dhcp_lease *lease = &r->lease;
    if (lease->lease_s == UINT32_MAX) {
        lease->renew_s = lease->rebind_s = UINT32_MAX;
        return;
    }
    uint32_t half_s = lease->lease_s > 1 ? lease->lease_s / 2 : 1;
    if (lease->rebind_s == 0 || lease->rebind_s > lease->lease_s) lease->rebind_s = lease->lease_s - lease->lease_s / 8;
    if (lease->renew_s == 0 || lease->renew_s > lease->rebind_s) lease->renew_s = half_s;
    if (lease->renew_s > lease->rebind_s) lease->renew_s = lease->rebind_s;
}

static bool is_ours(const uint8_t *p, size_t bytes, uint32_t xid, const uint8_t mac[6]) {
    return bytes >= DHCP_FIXED_BYTES && p[AT_OP] == BOOT_REPLY && p[1] == ETHERNET && p[2] == 6 &&
           be32(p + AT_XID) == xid && memcmp(p + AT_CHADDR, mac, 6) == 0 &&
           memcmp(p + DHCP_FIXED_BYTES - sizeof cookie, cookie, sizeof cookie) == 0;
}

bool dhcp_reply_parse(const uint8_t *p, size_t bytes, uint32_t xid, const uint8_t mac[6], dhcp_type *ret_type,
                      aksu_dhcp_lease *ret_lease) {
    struct reading r = {.type = 0};
    if (!is_ours(p, bytes, xid, mac) || !walk(&r, p + DHCP_FIXED_BYTES, bytes - DHCP_FIXED_BYTES)) return false;
    if ((r.overload & 1) != 0 && !walk(&r, p + AT_FILE, FILE_BYTES)) return false;
    if ((r.overload & 2) != 0 && !walk(&r, p + AT_SNAME, SNAME_BYTES)) return false;
    if (r.type != DHCP_OFFER && r.type != DHCP_ACK && r.type != DHCP_NAK) return false;
    if (aksu_addr_is_any(&r.lease.server)) return false; /* RFC 2131 Table 3: MUST be there */
    if (r.type != DHCP_NAK) {
        if (!host_addr(p + AT_YIADDR, &r.lease.addr) || !r.has_lease || r.lease.lease_s == 0) return false;
        if (!prefix_of(&r, &r.lease.prefix_bits)) return false;
        put_times_right(&r);
    }
    *ret_type = (dhcp_type)r.type;
    *ret_lease = r.lease;
    return true;
}
