/* Assertions: "assert tcpi_state == TCP_ESTABLISHED, tcpi_state", one or more a block, over the fields of Linux's
 * tcp_info.  The part of the expression language that tests use: or, and, not, comparisons, + - * / %, brackets. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/script.h"

static int64_t linux_state(aksu_tcp_state state) {
    static const uint8_t numbers[AK_TCP_STATE_COUNT] = {
        [AK_TCP_CLOSED] = 7,      [AK_TCP_LISTEN] = 10,    [AK_TCP_SYN_SENT] = 2,   [AK_TCP_SYN_RECEIVED] = 3,
        [AK_TCP_ESTABLISHED] = 1, [AK_TCP_FIN_WAIT_1] = 4, [AK_TCP_FIN_WAIT_2] = 5, [AK_TCP_CLOSE_WAIT] = 8,
        [AK_TCP_CLOSING] = 11,    [AK_TCP_LAST_ACK] = 9,   [AK_TCP_TIME_WAIT] = 6};
    return numbers[state];
}

bool script_tcp_info(const char *name, const aksu_tcp_info *info, int64_t *ret_value) {
    uint32_t mss = info->snd_mss > 0 ? info->snd_mss : 1;
    const aksu_transfer_info *f = &info->transfer;
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {
        {"tcpi_state", linux_state(info->state)},
        {"tcpi_retransmits", info->retransmit_count},
        {"tcpi_options",
         (info->timestamps ? 1 : 0) | (info->sack ? 2 : 0) | (info->snd_wscale || info->rcv_wscale ? 4 : 0)},
        {"tcpi_snd_wscale", info->snd_wscale},
        {"tcpi_rcv_wscale", info->rcv_wscale},
        {"tcpi_rto", info->rto_us},
        {"tcpi_snd_mss", info->snd_mss},
        {"tcpi_rcv_mss", info->rcv_mss},
        {"tcpi_pmtu", info->path_mtu},
        {"tcpi_rtt", info->srtt_us},
        {"tcpi_rttvar", info->rttvar_us},
        {"tcpi_min_rtt", info->min_rtt_us},
        {"tcpi_ca_state", f->ca_state},
        {"tcpi_backoff", f->backoff},
        {"tcpi_probes", f->probes},
        {"tcpi_ato", f->ato_us},
        {"tcpi_snd_ssthresh", info->ssthresh_bytes >= UINT32_MAX / 2 ? 0x7fffffff : info->ssthresh_bytes / mss},
        {"tcpi_snd_cwnd", info->cwnd_bytes / mss},
        {"tcpi_unacked", f->unacked},
        {"tcpi_sacked", f->sacked},
        {"tcpi_lost", f->lost},
        {"tcpi_retrans", f->retrans},
        {"tcpi_last_data_sent", f->last_data_sent_ms},
        {"tcpi_last_data_recv", f->last_data_recv_ms},
        {"tcpi_last_ack_recv", f->last_ack_recv_ms},
        {"tcpi_rcv_rtt", f->rcv_rtt_us},
        {"tcpi_rcv_space", f->rcv_space_bytes},
        {"tcpi_notsent_bytes", f->notsent_bytes},
        {"tcpi_segs_out", f->segs_out},
        {"tcpi_segs_in", f->segs_in},
        {"tcpi_data_segs_out", f->data_segs_out},
        {"tcpi_data_segs_in", f->data_segs_in},
        {"tcpi_delivered", f->delivered},
        {"tcpi_delivered_ce", info->accecn.delivered_ce},
        {"tcpi_dsack_dups", f->dsack_dups},
        {"tcpi_reord_seen", f->reord_seen},
        {"tcpi_rcv_ooopack", f->rcv_ooopack},
        {"tcpi_total_rto", f->total_rto},
        {"tcpi_bytes_retrans", (int64_t)f->bytes_retrans},
        {"tcpi_busy_time", (int64_t)f->busy_time_us},
        {"tcpi_rwnd_limited", (int64_t)f->rwnd_limited_us},
        {"tcpi_sndbuf_limited", (int64_t)f->sndbuf_limited_us},
        {"tcpi_pacing_rate", (int64_t)info->pacing_rate},
        {"tcpi_delivery_rate", (int64_t)info->bandwidth},
        {"tcpi_total_retrans", info->retransmitted_segments},
        {"tcpi_bytes_acked", (int64_t)info->bytes_acked},
        {"tcpi_bytes_received", (int64_t)info->bytes_received},
        {"tcpi_bytes_sent", (int64_t)info->bytes_sent},
        {"tcpi_snd_wnd", info->snd_wnd},
        {"tcpi_rcv_wnd", info->rcv_wnd},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].name, name) != 0) continue;
        *ret_value = fields[i].value;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- expressions */

struct reader {
    const char *at;
    const aksu_tcp_info *info;
    script_error *error;
    int depth;
    bool bad;
};

/* The first fault is kept, and the text is over: every loop ends. */
static int64_t give_up(struct reader *r, const char *why, const char *what) {
    if (!r->bad) {
        r->error->unsupported = true;
        (void)snprintf(r->error->text, sizeof r->error->text, "%s: %.100s", why, what);
    }
    r->bad = true;
    r->at = "";
    return 0;
}

static void blank(struct reader *r) {
    while (*r->at == ' ' || *r->at == '\t') r->at++;
}

static bool word(struct reader *r, const char *text) {
    size_t bytes = strlen(text);
    blank(r);
    if (strncmp(r->at, text, bytes) != 0) return false;
    bool letters = isalpha((unsigned char)text[0]) != 0;
    if (letters && (isalnum((unsigned char)r->at[bytes]) || r->at[bytes] == '_')) return false;
    r->at += bytes;
    return true;
}

static int64_t read_or(struct reader *r);

static int64_t read_atom(struct reader *r) {
    if (r->depth > 50) return give_up(r, "nested too deeply", r->at);
    r->depth++;
    blank(r);
    int64_t value = 0;
    if (word(r, "(")) {
        value = read_or(r);
        if (!word(r, ")")) (void)give_up(r, "')' expected", r->at);
    } else if (word(r, "-")) {
        value = -read_atom(r);
    } else if (isdigit((unsigned char)*r->at)) {
        char *end;
        value = strtoll(r->at, &end, 0);
        r->at = end;
        if (*r->at == '.') (void)give_up(r, "a number with a fraction", r->at);
    } else {
        char name[64];
        size_t n = 0;
        while ((isalnum((unsigned char)r->at[n]) || r->at[n] == '_') && n < sizeof name - 1) {
            name[n] = r->at[n];
            n++;
        }
        name[n] = '\0';
        if (n == 0) return give_up(r, "not understood", r->at);
        if (!script_tcp_info(name, r->info, &value) && !script_constant(name, &value))
            return give_up(r, "the name is not known", name);
        r->at += n;
    }
    r->depth--;
    return value;
}

static int64_t read_product(struct reader *r) {
    int64_t value = read_atom(r);
    for (;;) {
        bool times = word(r, "*");
        bool quotient = !times && (word(r, "//") || word(r, "/"));
        bool rest = !times && !quotient && word(r, "%");
        if (!times && !quotient && !rest) return value;
        int64_t other = read_atom(r);
        if (!times && other == 0) return give_up(r, "divided by zero", r->at);
        value = times ? value * other : quotient ? value / other : value % other;
    }
}

static int64_t read_sum(struct reader *r) {
    int64_t value = read_product(r);
    for (;;) {
        if (word(r, "+"))
            value += read_product(r);
        else if (word(r, "-"))
            value -= read_product(r);
        else
            return value;
    }
}

static int64_t read_comparison(struct reader *r) {
    static const char *const operators[] = {"==", "!=", "<=", ">=", "<", ">"};
    int64_t left = read_sum(r);
    bool all = true, any = false;
    for (;;) { /* a chain, as in 3 <= x <= 5 */
        int which = 0;
        while (which < 6 && !word(r, operators[which])) which++;
        if (which == 6) return any ? all : left;
        int64_t right = read_sum(r);
        const bool holds[] = {left == right, left != right, left <= right, left >= right, left<right, left> right};
        all = all && holds[which];
        any = true;
        left = right;
    }
}

static int64_t read_not(struct reader *r) {
    if (word(r, "not")) return !read_not(r);
    return read_comparison(r);
}

static int64_t read_and(struct reader *r) {
    int64_t value = read_not(r);
    while (word(r, "and")) {
        int64_t other = read_not(r);
        value = value && other;
    }
    return value;
}

static int64_t read_or(struct reader *r) {
    int64_t value = read_and(r);
    while (word(r, "or")) {
        int64_t other = read_and(r);
        value = value || other;
    }
    return value;
}

/* One assertion; what follows the comma is for people, and skipped. */
static bool holds(struct reader *r) {
    const char *start = r->at;
    if (!word(r, "assert")) return give_up(r, "only assertions are understood", r->at) != 0;
    bool good = read_or(r) != 0;
    if (r->bad) return false;
    size_t bytes = (size_t)(r->at - start);
    blank(r);
    if (*r->at == ',') r->at += strcspn(r->at, "\n;");
    if (!good) (void)snprintf(r->error->text, sizeof r->error->text, "does not hold: %.*s", (int)bytes, start);
    return good;
}

bool script_assert(const char *text, const aksu_tcp_info *info, script_error *ret_error) {
    struct reader r = {.at = text, .info = info, .error = ret_error};
    for (;;) {
        while (isspace((unsigned char)*r.at) || *r.at == ';') r.at++;
        if (*r.at == '#') r.at += strcspn(r.at, "\n");
        if (*r.at == '\0') return true;
        if (*r.at == '\n') continue;
        if (!holds(&r)) return false;
    }
}
