/* Two passes over the records: the first finds each column's width, the second writes.  Nothing is kept, so the
 * number of records has no limit here. */
#include "view/table.h"

#include "view/text.h"
#include "view/words.h"

#include <inttypes.h>
#include <string.h>

enum { COLUMN_STATE, COLUMN_RECV, COLUMN_SEND, COLUMN_LOCAL, COLUMN_PEER, COLUMN_TIMER, COLUMN_COUNT };
#define ENTRY_BYTES 64

static const char *const heading[COLUMN_COUNT] = {"State", "Recv-Q", "Send-Q", "Local", "Peer", "Timer"};

const char *ak_table_endpoint(const aksu_addr *addr, uint16_t port, char buf[AK_ENDPOINT_TEXT_BYTES]) {
    char text[AKSU_ADDR_TEXT_BYTES] = "*", port_text[8] = "*";
    static const aksu_addr any;
    bool unspecified = memcmp(addr, &any, sizeof any) == 0 || aksu_addr_is_any(addr);
    if (!unspecified) aksu_addr_format(addr, text, sizeof text);
    if (port != 0) snprintf(port_text, sizeof port_text, "%u", port);
    bool brackets = strchr(text, ':') != NULL;
    snprintf(buf, AK_ENDPOINT_TEXT_BYTES, "%s%s%s:%s", brackets ? "[" : "", text, brackets ? "]" : "", port_text);
    return buf;
}

static void entry(const aksu_tcp_info *info, int column, char buf[ENTRY_BYTES]) {
    bool listener = info->state == AK_TCP_LISTEN;
    ak_text text = ak_text_in(buf, ENTRY_BYTES);
    switch (column) {
    case COLUMN_STATE: ak_text_add(&text, ak_word_state(info->state)); break;
    case COLUMN_RECV:
        ak_text_add_format(&text, "%" PRIu32, listener ? info->accept_count : info->rcv_queued_bytes);
        break;
    case COLUMN_SEND: ak_text_add_format(&text, "%" PRIu32, listener ? info->backlog : info->snd_queued_bytes); break;
    case COLUMN_LOCAL: ak_table_endpoint(&info->local.addr, info->local.port, buf); break;
    case COLUMN_PEER: ak_table_endpoint(&info->remote.addr, info->remote.port, buf); break;
    case COLUMN_TIMER:
        if (info->timer_us == UINT64_MAX) {
            ak_text_add(&text, "-");
            break;
        }
        ak_text_add_format(&text, "%.12s ", info->timer);
        ak_text_add_duration(&text, info->timer_us);
        break;
    }
}

static bool write_row(const ak_writer *writer, char entries[COLUMN_COUNT][ENTRY_BYTES], const size_t *columns) {
    char buf[COLUMN_COUNT * ENTRY_BYTES * 2];
    ak_text line = ak_text_in(buf, sizeof buf);
    for (int c = 0; c < COLUMN_COUNT; c++) {
        bool number = c == COLUMN_RECV || c == COLUMN_SEND;
        if (c > 0) ak_text_add(&line, "  ");
        ak_text_add_padded(&line, entries[c], columns[c], number ? AK_ALIGN_RIGHT : AK_ALIGN_LEFT);
    }
    while (line.used_bytes > 0 && buf[line.used_bytes - 1] == ' ') line.used_bytes--;
    buf[line.used_bytes] = '\n';
    return writer->write(writer->user, buf, line.used_bytes + 1);
}

static void add_duration(ak_text *line, const char *name, uint64_t duration_us) {
    ak_text_add_format(line, " %s:", name);
    char buf[24];
    ak_text text = ak_text_in(buf, sizeof buf);
    ak_text_add_duration(&text, duration_us);
    /* No blank inside an item: "rto:200ms". */
    for (const char *c = buf; *c != '\0'; c++) {
        if (*c != ' ') ak_text_add_format(line, "%c", *c);
    }
}

static void add_options(ak_text *line, const aksu_tcp_info *info) {
    if (info->snd_wscale != 0 || info->rcv_wscale != 0) {
        ak_text_add_format(line, " wscale:%u,%u", info->snd_wscale, info->rcv_wscale);
    }
    if (info->timestamps) ak_text_add(line, " ts");
    if (info->sack) ak_text_add(line, " sack");
    if (info->fast_open) ak_text_add(line, " fastopen");
    if (info->keepalive) ak_text_add(line, " keepalive");
    if (info->urgent) ak_text_add_format(line, " urgent:%" PRIu32, info->urgent_bytes);
}

static bool write_details(const ak_writer *writer, const aksu_tcp_info *info) {
    char buf[1024];
    ak_text line = ak_text_in(buf, sizeof buf);
    ak_text_add(&line, "   ");
    if (info->state == AK_TCP_LISTEN) {
        ak_text_add_format(&line, " syn-received:%" PRIu32, info->syn_count);
    } else {
        add_options(&line, info);
        add_duration(&line, "rto", info->rto_us);
        if (info->srtt_us != 0) {
            add_duration(&line, "srtt", info->srtt_us);
            add_duration(&line, "rttvar", info->rttvar_us);
            add_duration(&line, "minrtt", info->min_rtt_us);
        }
        ak_text_add_format(&line, " mss:%" PRIu32 " rcvmss:%" PRIu32 " pmtu:%" PRIu32, info->snd_mss, info->rcv_mss,
                           info->path_mtu);
        ak_text_add_format(&line, " cwnd:%" PRIu32, info->cwnd_bytes);
        if (info->cc_mode >= AKSU_CC_STARTUP)
            ak_text_add_format(&line, " bbr:(%s,bw:%" PRIu64 "bps)", aksu_cc_mode_text(info->cc_mode),
                               info->bandwidth * 8);
        if (info->pacing_rate != 0) ak_text_add_format(&line, " pacing:%" PRIu64 "bps", info->pacing_rate * 8);
        if (info->ssthresh_bytes != 0 && info->ssthresh_bytes < UINT32_MAX / 2) {
            ak_text_add_format(&line, " ssthresh:%" PRIu32, info->ssthresh_bytes);
        }
        ak_text_add_format(&line, " sndwnd:%" PRIu32 " rcvwnd:%" PRIu32, info->snd_wnd, info->rcv_wnd);
        ak_text_add_format(&line, " unacked:%" PRIu32, info->snd_unacked_bytes);
        if (info->transfer.sacked != 0) ak_text_add_format(&line, " sacked:%" PRIu32, info->transfer.sacked);
        if (info->transfer.lost != 0) ak_text_add_format(&line, " lost:%" PRIu32, info->transfer.lost);
        if (info->transfer.backoff != 0) ak_text_add_format(&line, " backoff:%" PRIu32, info->transfer.backoff);
        if (info->rcv_out_of_order_bytes != 0) ak_text_add_format(&line, " ooo:%" PRIu32, info->rcv_out_of_order_bytes);
        if (info->retransmitted_segments != 0 || info->retransmit_count != 0) {
            ak_text_add_format(&line, " retrans:%" PRIu32 "/%" PRIu32, info->retransmit_count,
                               info->retransmitted_segments);
        }
        ak_text_add_format(&line, " bytes_sent:%" PRIu64 " bytes_acked:%" PRIu64 " bytes_received:%" PRIu64,
                           info->bytes_sent, info->bytes_acked, info->bytes_received);
    }
    ak_text_add_format(&line, " held:%" PRIu32, info->held_bytes);
    ak_text_add(&line, "\n");
    return writer->write(writer->user, buf, line.used_bytes);
}

bool ak_table_write(const ak_writer *writer, const aksu_tcp_info *infos, size_t info_count, ak_table_detail detail) {
    char entries[COLUMN_COUNT][ENTRY_BYTES];
    size_t columns[COLUMN_COUNT];
    for (int c = 0; c < COLUMN_COUNT; c++) {
        columns[c] = strlen(heading[c]);
        memcpy(entries[c], heading[c], strlen(heading[c]) + 1);
    }
    for (size_t i = 0; i < info_count; i++) {
        for (int c = 0; c < COLUMN_COUNT; c++) {
            char text[ENTRY_BYTES];
            entry(&infos[i], c, text);
            if (strlen(text) > columns[c]) columns[c] = strlen(text);
        }
    }
    if (!write_row(writer, entries, columns)) return false;
    for (size_t i = 0; i < info_count; i++) {
        for (int c = 0; c < COLUMN_COUNT; c++) entry(&infos[i], c, entries[c]);
        if (!write_row(writer, entries, columns)) return false;
        if (detail == AK_TABLE_DETAILS && !write_details(writer, &infos[i])) return false;
    }
    return true;
}
