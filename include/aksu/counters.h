/* Why packets are dropped, and what a stack has counted: a part of aksu.h, which includes it. */
#ifndef AKSU_COUNTERS_H
#define AKSU_COUNTERS_H

#include "aksu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a packet was dropped.  Always counted; aksu_drop_text explains. */
#define AKSU_DROPS(X)                                                                                                  \
    X(NONE, "not dropped")                                                                                             \
    X(LINK_UNKNOWN, "no such link, or down")                                                                           \
    X(FRAME_INVALID, "frame description inconsistent")                                                                 \
    X(ETH_TRUNCATED, "shorter than its Ethernet header")                                                               \
    X(ETH_TYPE, "Ethernet type not spoken")                                                                            \
    X(ETH_VLAN, "not of our VLAN")                                                                                     \
    X(ETH_SOURCE, "Ethernet source is a group, or ourselves")                                                          \
    X(ETH_NOT_OURS, "Ethernet destination is not ours")                                                                \
    X(ARP_TRUNCATED, "ARP packet too short")                                                                           \
    X(ARP_FORMAT, "not ARP for IPv4 on Ethernet")                                                                      \
    X(ARP_SOURCE, "ARP sender impossible here")                                                                        \
    X(NDP_TRUNCATED, "neighbour discovery message too short")                                                          \
    X(NDP_HOP_LIMIT, "neighbour discovery from beyond the link")                                                       \
    X(NDP_SOURCE, "neighbour discovery from one who may not say it")                                                   \
    X(NDP_FIELD, "neighbour discovery field makes no sense")                                                           \
    X(NDP_OPTION, "neighbour discovery option malformed")                                                              \
    X(NDP_FRAGMENT, "neighbour discovery in a fragment (RFC 6980)")                                                    \
    X(NEIGHBOUR_FULL, "no room for one more neighbour")                                                                \
    X(NEIGHBOUR_QUEUE, "too much waits for this neighbour")                                                            \
    X(NEIGHBOUR_SILENT, "the neighbour does not answer")                                                               \
    X(IP_TRUNCATED, "shorter than its IP header")                                                                      \
    X(IP_VERSION, "not IPv4 or IPv6")                                                                                  \
    X(IP_HEADER_LENGTH, "IP header length below 20 or past the end")                                                   \
    X(IP_TOTAL_LENGTH, "IP total length past the frame, or below the header")                                          \
    X(IP_CHECKSUM, "IP header checksum wrong")                                                                         \
    X(IP_SOURCE_ROUTE, "source-routed")                                                                                \
    X(IP_OPTIONS, "IP options malformed")                                                                              \
    X(IP_FRAGMENT, "a fragment, and none are put together here")                                                       \
    X(FRAGMENT_LENGTH, "fragment of no data, or not of whole 8 bytes")                                                 \
    X(FRAGMENT_TOO_LONG, "fragment reaches beyond what a datagram holds")                                              \
    X(FRAGMENT_HEADERS, "first fragment without all headers")                                                          \
    X(FRAGMENT_NESTED, "fragment within a fragment")                                                                   \
    X(FRAGMENT_OVERLAP, "fragments overlap: the datagram is lost")                                                     \
    X(FRAGMENT_END, "fragments disagree about the end: the datagram is lost")                                          \
    X(FRAGMENT_CONGESTION, "fragment marked by a congested router, and others cannot be")                              \
    X(FRAGMENT_DUPLICATE, "fragment has come before")                                                                  \
    X(FRAGMENT_GIVEN_UP, "fragment of a datagram that is lost")                                                        \
    X(FRAGMENT_NO_ROOM, "no room for the datagram of this fragment")                                                   \
    X(FRAGMENT_EVICTED, "datagram in pieces had to make room")                                                         \
    X(FRAGMENT_TIMEOUT, "datagram was not whole in time")                                                              \
    X(IP_MARTIAN_SOURCE, "source address impossible here")                                                             \
    X(IP_NOT_OURS, "destination is not ours")                                                                          \
    X(IP_PROTOCOL, "protocol not spoken")                                                                              \
    X(IP_BROADCAST, "sent to broadcast or multicast")                                                                  \
    X(ICMP_TRUNCATED, "ICMP message too short")                                                                        \
    X(ICMP_CHECKSUM, "ICMP checksum wrong")                                                                            \
    X(ICMP_TYPE, "ICMP type not handled")                                                                              \
    X(ICMP_QUOTE, "ICMP error quotes nothing of ours")                                                                 \
    X(ICMP_ECHO_REPLY, "answers no echo request of ours")                                                              \
    X(TCP_TRUNCATED, "shorter than its TCP header")                                                                    \
    X(TCP_DATA_OFFSET, "data offset below 5 or past the end")                                                          \
    X(TCP_CHECKSUM, "TCP checksum wrong")                                                                              \
    X(TCP_OPTION_LENGTH, "illegal option length")                                                                      \
    X(TCP_PORT_ZERO, "port 0")                                                                                         \
    X(TCP_LAND, "source and destination the same")                                                                     \
    X(TCP_NO_CONNECTION, "no connection")                                                                              \
    X(TCP_FLAGS, "flags make no sense here")                                                                           \
    X(TCP_PAWS, "older than timestamps seen (PAWS)")                                                                   \
    X(TCP_TIMESTAMP_MISSING, "timestamp missing (RFC 7323 s3.2)")                                                      \
    X(TCP_SEQUENCE, "outside the receive window")                                                                      \
    X(TCP_RST_OUTSIDE, "RST outside the window")                                                                       \
    X(TCP_RST_CHALLENGED, "RST in the window, not exact")                                                              \
    X(TCP_RST_IGNORED, "RST has no say in this state")                                                                 \
    X(TCP_SYN_CHALLENGED, "SYN in a synchronized state")                                                               \
    X(TCP_NO_ACK, "ACK bit missing")                                                                                   \
    X(TCP_ACK_TOO_OLD, "acknowledges too long ago")                                                                    \
    X(TCP_ACK_FUTURE, "acknowledges what was never sent")                                                              \
    X(TCP_ACK_UNACCEPTABLE, "ACK of another handshake")                                                                \
    X(TCP_AFTER_CLOSE, "data after close")                                                                             \
    X(TCP_AFTER_FIN, "text after the peer's FIN")                                                                      \
    X(TCP_DUPLICATE, "nothing new in it")                                                                              \
    X(TCP_BACKLOG_FULL, "accept queue full")                                                                           \
    X(TCP_SYN_CACHE_FULL, "SYN cache full")                                                                            \
    X(TCP_COOKIE_INVALID, "SYN cookie wrong or old")                                                                   \
    X(TCP_NO_MEMORY, "no memory for it")                                                                               \
    X(TCP_WINDOW_FULL, "beyond the window or the memory left")                                                         \
    X(TCP_REFUSED, "refused by the application")                                                                       \
    X(UDP_TRUNCATED, "shorter than its UDP header")                                                                    \
    X(UDP_LENGTH, "UDP length below 8 or past the packet")                                                             \
    X(UDP_PORT_ZERO, "UDP port 0")                                                                                     \
    X(UDP_CHECKSUM, "UDP checksum wrong, or none over IPv6")                                                           \
    X(UDP_NO_SOCKET, "nobody has this UDP port")                                                                       \
    X(UDP_QUEUE_FULL, "the socket's queue is full, or memory short")                                                   \
    X(REPLY_RING_FULL, "no room for a reply")                                                                          \
    X(REPLY_RATE, "reply suppressed by its rate limit")                                                                \
    X(NO_ROUTE, "no way to send it")
typedef enum aksu_drop {
#define AKSU_X(name, text) AKSU_DROP_##name,
    AKSU_DROPS(AKSU_X)
#undef AKSU_X
        AKSU_DROP_COUNT
} aksu_drop;
const char *aksu_drop_name(aksu_drop drop);
const char *aksu_drop_text(aksu_drop drop);

typedef struct aksu_counters {
    uint64_t drop[AKSU_DROP_COUNT];
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t tcp_segments_in, tcp_segments_out, tcp_retransmitted, tcp_resets_sent, tcp_challenges_sent;
    uint64_t tcp_active_opens, tcp_passive_opens, tcp_attempt_fails, tcp_established_resets;
    uint64_t syn_cookies_sent, syn_cookies_accepted, time_wait_evicted, time_wait_reused;
    uint64_t rto_fired, fast_retransmits, persist_probes, keepalive_probes, tcp_evicted;
    uint64_t recoveries_undone;                  /* RFC 4015 */
    uint64_t ecn_marks_received, ecn_reductions; /* RFC 3168 */
    uint64_t loss_steps;                         /* records that loss detection looked at: bounded for each ACK */
    uint64_t mtu_probes, mtu_black_holes; /* RFC 8899: probes sent; path MTUs lowered because nothing came through */
    uint64_t udp_datagrams_in, udp_datagrams_out;
    uint64_t icmp_echo_replies, icmp_echo_requests, icmp_errors_sent; /* sent */
    uint64_t fragments_in, datagrams_reassembled;
    uint64_t clock_backward, output_token_unknown;
    uint64_t buffer_growth_bytes;                               /* now: config.buffer_growth_max bounds it */
    uint64_t neighbour_solicitations, neighbour_advertisements; /* sent, of ARP and NDP */
    uint64_t neighbour_failures, neighbour_evictions;           /* nobody answered; forgotten for want of room */
    uint64_t addr_changes, addr_conflicts;
    uint32_t tcp_used, listener_used, syn_cache_used, time_wait_used, transfer_used, block_used, record_used,
        frame_used, neighbour_used, udp_used, datagram_used, reassembly_used;
    uint32_t reassembly_bytes; /* of blocks */
} aksu_counters;
void aksu_counters_get(const aksu_stack *stack, aksu_counters *ret_counters);

#ifdef __cplusplus
}
#endif

#endif /* AKSU_COUNTERS_H */
