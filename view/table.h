/* A table of connections as `ss` prints it, from the records of aksu_tcp_next. */
#ifndef VIEW_TABLE_H
#define VIEW_TABLE_H

#include "aksu/aksu.h"
#include "view/writer.h"

typedef enum ak_table_detail { AK_TABLE_BRIEF, AK_TABLE_DETAILS } ak_table_detail;

/* Columns: State Recv-Q Send-Q Local Peer Timer, as wide as their widest entry.  A listener's queues are those of ss:
 * waiting for accept, and the backlog.  With DETAILS a second line tells of each connection the rto, srtt, cwnd, mss
 * and so on. False: the writer failed. */
bool ak_table_write(const ak_writer *writer, const aksu_tcp_info *infos, size_t info_count, ak_table_detail detail);

/* An endpoint as text: 10.0.0.1:80, [2001:db8::1]:80, *:80 where the address is unspecified, and * for port 0. */
#define AK_ENDPOINT_TEXT_BYTES (AKSU_ADDR_TEXT_BYTES + 10)
const char *ak_table_endpoint(const aksu_addr *addr, uint16_t port, char buf[AK_ENDPOINT_TEXT_BYTES]);

#endif /* VIEW_TABLE_H */
