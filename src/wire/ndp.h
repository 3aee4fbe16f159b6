/* Neighbour Discovery messages, RFC 4861 s4, and what RFC 4191 and RFC 8106 add to router advertisements: bytes to
 * struct and back, stateless. */
#ifndef AK_WIRE_NDP_H
#define AK_WIRE_NDP_H

#include "wire/eth.h"
#include "wire/ip.h"

enum ak_ndp_type {
    AK_NDP_ROUTER_SOLICITATION = 133,
    AK_NDP_ROUTER_ADVERTISEMENT = 134,
    AK_NDP_NEIGHBOUR_SOLICITATION = 135,
    AK_NDP_NEIGHBOUR_ADVERTISEMENT = 136,
    AK_NDP_REDIRECT = 137,
};

#define AK_NDP_HOP_LIMIT  255u
#define AK_NDP_PREFIX_MAX 8u
#define AK_NDP_ROUTE_MAX  8u
#define AK_NDP_DNS_MAX    4u
#define AK_NDP_FOREVER    0xffffffffu /* a lifetime without end */

struct ak_ndp_prefix {
    aksu_addr prefix;
    uint32_t valid_s, preferred_s;
    uint8_t bits; /* 0 to 128 */
    bool on_link, autonomous;
};
struct ak_ndp_route { /* RFC 4191 s2.3 */
    aksu_addr prefix;
    uint32_t lifetime_s;
    uint8_t bits;
    int8_t preference; /* -1, 0, 1 */
};

struct ak_ndp {
    enum ak_ndp_type type;
    bool has_mac; /* the source's option, in an advertisement of a neighbour or a redirect the target's */
    aksu_mac mac;
    aksu_addr target;                  /* of neighbour messages and redirects */
    aksu_addr destination;             /* of redirects */
    bool router, solicited, overrides; /* neighbour advertisement */
    bool managed, other;               /* the rest: router advertisement */
    uint8_t hop_limit;                 /* 0: unspecified, as are the times */
    int8_t preference;
    uint16_t lifetime_s;
    uint32_t reachable_ms, retransmit_ms;
    uint32_t mtu; /* 0: no option */
    uint32_t prefix_count, route_count, dns_count;
    struct ak_ndp_prefix prefix[AK_NDP_PREFIX_MAX]; /* what is more than fits is passed over */
    struct ak_ndp_route route[AK_NDP_ROUTE_MAX];
    aksu_addr dns[AK_NDP_DNS_MAX];
    uint32_t dns_lifetime_s;
};

/* A message that RFC 4861 s6.1, s7.1 and s8.1 let a host take, whose bytes all lie at p; the checksum is the caller's
 * to check.  ICMP_TYPE: no such message; NDP_HOP_LIMIT: it came through a router; NDP_TRUNCATED; NDP_SOURCE: from one
 * who may not say this; NDP_FIELD: a code, target or flag that makes no sense; NDP_OPTION: an option of length 0 or
 * past the end, of a length that its kind cannot have, or a prefix longer than 128 bits. */
aksu_drop ak_wire_ndp_parse(const struct ak_ip *ip, const uint8_t *p, size_t bytes, struct ak_ndp *ret_ndp);

/* Writes a solicitation, of a router or a neighbour, or a neighbour advertisement, its checksum 0; answers its bytes,
 * at most AK_NDP_BUILD_MAX. */
#define AK_NDP_BUILD_MAX 32u
uint32_t ak_wire_ndp_build(uint8_t *p, const struct ak_ndp *ndp);

/* ff02::1:ffXX:XXXX, RFC 4291 s2.7.1. */
aksu_addr ak_addr_solicited_node(const aksu_addr *addr);
/* fe80::/10, and in IPv4 169.254/16. */
bool ak_addr_is_link_local(const aksu_addr *addr);
extern const aksu_addr ak_addr_all_nodes, ak_addr_all_routers, ak_addr_all_mld_routers;

/* An MLDv2 report (RFC 3810 s5.2) that says of one group that all senders are wanted, or none any more; its checksum 0,
 * without the hop-by-hop header in front. */
#define AK_MLD_REPORT_BYTES 28u
#define AK_MLD_REPORT       143
#define AK_MLD_QUERY        130
enum ak_mld_record { AK_MLD_IS_EXCLUDE = 2, AK_MLD_TO_INCLUDE = 3, AK_MLD_TO_EXCLUDE = 4 };
void ak_wire_mld_build(uint8_t *p, enum ak_mld_record record, const aksu_addr *group);

/* The same of MLDv1 (RFC 2710 s3): Report and Done; and how long its query is, shorter than any of MLDv2. */
#define AK_MLD1_BYTES           24u
#define AK_MLD1_REPORT          131
#define AK_MLD1_DONE            132
#define AK_MLD2_QUERY_BYTES_MIN 28u
void ak_wire_mld1_build(uint8_t *p, uint8_t type, const aksu_addr *group);

#endif
