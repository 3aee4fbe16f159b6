/* Rows into words; see ladder_text.h.  Numbers are printed as the row has them; nothing is computed here. */
#include "view/ladder_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static void add(ak_label *label, ak_colour colour, const char *format, ...) {
    if (label->word_count == AK_LABEL_WORD_MAX) return;
    ak_label_word *w = &label->word[label->word_count++];
    char piece[AK_LABEL_WORD_BYTES * 2];
    va_list args;
    va_start(args, format);
    vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    ak_text text = ak_text_in(w->text, sizeof w->text);
    ak_text_add(&text, piece);
    w->colour = colour;
}

/* RFC 9768 s3.2.2: the three flags as one field. */
#define ACE (AKSU_TCP_AE | AKSU_TCP_CWR | AKSU_TCP_ECE)
static unsigned ace_of(uint16_t flags) {
    return (unsigned)flags >> 6 & 7u;
}

static void add_accecn(ak_label *label, const aksu_tcp_options *o) {
    static const char *const name[] = {"E0B", "CEB", "E1B"};
    add(label, AK_COLOUR_DIM, "AccECN");
    for (uint8_t i = 0; i < o->accecn_count && i < AKSU_ACCECN_FIELD_MAX; i++)
        add(label, AK_COLOUR_DIM, "%s %" PRIu32, name[aksu_accecn_field_at(o->accecn_order, i)], o->accecn[i]);
}

static void add_options(ak_label *label, const aksu_tcp_options *o) {
    if (o->present & AKSU_OPT_MSS) add(label, AK_COLOUR_DIM, "MSS %u", o->mss);
    if (o->present & AKSU_OPT_WSCALE) add(label, AK_COLOUR_DIM, "WS %u", o->wscale);
    if (o->present & AKSU_OPT_SACK_PERMITTED) add(label, AK_COLOUR_DIM, "SACK_PERM");
    if (o->present & AKSU_OPT_TIMESTAMPS) add(label, AK_COLOUR_DIM, "TS %" PRIu32 "/%" PRIu32, o->ts_val, o->ts_ecr);
    for (unsigned i = 0; (o->present & AKSU_OPT_SACK) != 0 && i < o->sack_count && i < AKSU_SACK_BLOCK_MAX; i++) {
        add(label, AK_COLOUR_AGAIN, "SACK %" PRIu32 "-%" PRIu32, o->sack[i].left, o->sack[i].right);
    }
    if (o->present & AKSU_OPT_USER_TIMEOUT) {
        /* RFC 5482 s2: the top bit says minutes. */
        add(label, AK_COLOUR_DIM, "UTO %u %s", o->user_timeout & 0x7fffu, (o->user_timeout & 0x8000u) ? "min" : "s");
    }
    if (o->present & AKSU_OPT_FAST_OPEN) add(label, AK_COLOUR_DIM, "TFO %u B", o->fast_open_cookie_bytes);
    if (o->present & AKSU_OPT_ACCECN) add_accecn(label, o);
    if (o->present & AKSU_OPT_UNKNOWN) add(label, AK_COLOUR_DIM, "OPT ?");
}

/* Causes worth a word where the flags and numbers do not show them. */
static bool cause_tells(const ak_row_segment *s) {
    switch (s->cause) {
    case AKSU_SEND_CHALLENGE_CAUSE:
    case AKSU_SEND_WINDOW_UPDATE_CAUSE:
    case AKSU_SEND_DUPLICATE_ACK_CAUSE:
    case AKSU_SEND_PROBE_CAUSE:
    case AKSU_SEND_KEEPALIVE_CAUSE:
    case AKSU_SEND_TAIL_LOSS_PROBE_CAUSE:
    case AKSU_SEND_URGENT_CAUSE: return true;
    case AKSU_SEND_RTO_CAUSE:
    case AKSU_SEND_FAST_RETRANSMIT_CAUSE: return s->retransmission;
    case AKSU_SEND_NONE_CAUSE:
    case AKSU_SEND_OPEN_CAUSE:
    case AKSU_SEND_DATA_CAUSE:
    case AKSU_SEND_ACK_CAUSE:
    case AKSU_SEND_DELAYED_ACK_CAUSE:
    case AKSU_SEND_FIN_CAUSE:
    case AKSU_SEND_RESET_CAUSE:
    case AKSU_SEND_CAUSE_COUNT: break;
    }
    return false;
}

static void add_remarks(ak_label *label, const ak_row_segment *s, ak_lang lang) {
    const char *cause = ak_word_send_cause(lang, s->cause);
    const char *again = ak_word_text(lang, AK_WORD_RETRANSMISSION);
    if (s->retransmission && s->cause == AKSU_SEND_RTO_CAUSE) {
        add(label, AK_COLOUR_AGAIN, "[%s: %s]", again, ak_word_loss_cause(lang, AKSU_LOSS_BY_RTO));
    } else if (cause_tells(s)) {
        add(label, AK_COLOUR_AGAIN, "[%s]", cause);
        if (s->retransmission && s->cause != AKSU_SEND_FAST_RETRANSMIT_CAUSE)
            add(label, AK_COLOUR_AGAIN, "[%s]", again);
    } else if (s->retransmission) {
        add(label, AK_COLOUR_AGAIN, "[%s]", again);
    }
    if (s->duplicate) add(label, AK_COLOUR_AGAIN, "[%s]", ak_word_text(lang, AK_WORD_DUPLICATE));
    if (s->fate == AK_FATE_LOST && s->lost_why != NULL) {
        add(label, AK_COLOUR_BAD, "[%s: %s]", ak_word_text(lang, AK_WORD_LOST), s->lost_why[lang]);
    } else if (s->fate == AK_FATE_LOST) {
        add(label, AK_COLOUR_BAD, "[%s]", ak_word_text(lang, AK_WORD_LOST));
    }
    if (s->drop != AKSU_DROP_NONE) {
        add(label, AK_COLOUR_BAD, "[%s: %s]", ak_word_text(lang, AK_WORD_DROPPED), ak_word_drop(lang, s->drop));
    }
}

void ak_ladder_label(const ak_row *row, const ak_ladder_words *words, ak_label *ret_label) {
    const ak_row_segment *s = &row->u.segment;
    char flags[AK_FLAGS_TEXT_BYTES];
    ret_label->word_count = 0;
    if (row->kind == AK_ROW_ARRIVE && s->flight != 0) {
        /* The departure has told the rest. */
        ak_row_segment here = {.fate = AK_FATE_ARRIVED, .drop = s->drop};
        add_remarks(ret_label, &here, words->lang);
        return;
    }
    add(ret_label, (s->flags & AKSU_TCP_RST) ? AK_COLOUR_BAD : AK_COLOUR_FLAGS, "%s",
        ak_word_flags(s->ace ? s->flags & (uint16_t)~ACE : s->flags, words->flags, flags));
    if (s->ace && words->flags == AK_FLAGS_NINE)
        add(ret_label, s->flags & ACE ? AK_COLOUR_PLAIN : AK_COLOUR_DIM, "ace=%u", ace_of(s->flags));
    add(ret_label, AK_COLOUR_PLAIN, "seq=%" PRId64, s->seq);
    if (s->flags & AKSU_TCP_ACK) add(ret_label, AK_COLOUR_PLAIN, "ack=%" PRId64, s->ack);
    if (s->payload_bytes > 0) add(ret_label, AK_COLOUR_PLAIN, "len=%" PRIu32, s->payload_bytes);
    if ((s->flags & AKSU_TCP_RST) == 0) add(ret_label, AK_COLOUR_PLAIN, "win=%" PRIu32, s->wnd_bytes);
    if (s->flags & AKSU_TCP_URG) add(ret_label, AK_COLOUR_PLAIN, "up=%u", s->up);
    /* Remarks come before options: where room is short, they are what matters. */
    add_remarks(ret_label, s, words->lang);
    if (s->segment_bytes > 0 && s->payload_bytes > s->segment_bytes) {
        add(ret_label, AK_COLOUR_DIM, "(%" PRIu32 " x %" PRIu32 ")",
            (s->payload_bytes + s->segment_bytes - 1) / s->segment_bytes, s->segment_bytes);
    }
    add_options(ret_label, &s->options);
}

static ak_colour note_state(const ak_row_state *s, ak_lang lang, ak_text *text) {
    if (s->sureness == AK_UNKNOWN) {
        ak_text_add(text, "?");
        return AK_COLOUR_DIM;
    }
    ak_text_add_format(text, "%s%s", ak_word_state(s->to), s->sureness == AK_LIKELY ? "?" : "");
    if (s->to == AK_TCP_CLOSED && s->reason != AKSU_REASON_NONE && s->reason != AKSU_REASON_CLOSED) {
        ak_text_add_format(text, " (%s)", ak_word_reason(lang, s->reason));
        return AK_COLOUR_BAD;
    }
    return s->sureness == AK_LIKELY ? AK_COLOUR_DIM : AK_COLOUR_STATE;
}

static ak_colour note_notify(uint32_t bits, aksu_reason reason, ak_lang lang, ak_text *text) {
    const char *comma = " ";
    ak_text_add_format(text, "%s:", ak_word_text(lang, AK_WORD_TOLD));
    for (uint32_t bit = 1; bit != 0 && bit <= AKSU_EV_CLOSED; bit <<= 1) {
        if ((bits & bit) == 0) continue;
        ak_text_add_format(text, "%s%s", comma, ak_word_event_bit(lang, bit));
        comma = ", ";
    }
    bool has_reason = (bits & (AKSU_EV_CLOSED | AKSU_EV_SOFT_ERROR)) != 0 && reason != AKSU_REASON_NONE &&
                      reason != AKSU_REASON_CLOSED;
    if (has_reason) ak_text_add_format(text, " (%s)", ak_word_reason(lang, reason));
    return has_reason ? AK_COLOUR_BAD : AK_COLOUR_APP;
}

static ak_colour note_call(const ak_row *row, ak_lang lang, ak_text *text) {
    ak_text_add_format(text, "%s()", ak_word_call(row->u.call.call));
    if (row->u.call.bytes > 0) {
        ak_text_add(text, " ");
        ak_text_add_bytes(text, row->u.call.bytes);
    }
    if (row->u.call.err == AKSU_ERR_OK) return AK_COLOUR_APP;
    ak_text_add_format(text, ": %s", ak_word_err(lang, row->u.call.err));
    return row->u.call.err == AKSU_ERR_END || row->u.call.err == AKSU_ERR_AGAIN ? AK_COLOUR_APP : AK_COLOUR_BAD;
}

static void note_packet(const ak_row *row, ak_lang lang, ak_text *text) {
    uint8_t protocol = row->u.packet.protocol;
    ak_text_add(text, row->u.packet.direction == AKSU_OUT ? "-> " : "<- ");
    if (protocol == 1 || protocol == 58) {
        ak_text_add_format(text, "ICMP%s %u/%u", protocol == 58 ? "v6" : "", row->u.packet.icmp_type,
                           row->u.packet.icmp_code);
    } else {
        ak_text_add_format(text, "%s %u", ak_word_text(lang, AK_WORD_PACKET), protocol);
    }
    if (row->u.packet.drop != AKSU_DROP_NONE) {
        ak_text_add_format(text, " [%s: %s]", ak_word_text(lang, AK_WORD_DROPPED),
                           ak_word_drop(lang, row->u.packet.drop));
    }
}

static void note_cwnd(const ak_row *row, ak_lang lang, ak_text *text) {
    ak_text_add(text, "cwnd ");
    ak_text_add_bytes(text, row->u.cwnd.cwnd_bytes);
    ak_text_add_format(text, " (%s)", ak_word_cwnd_cause(lang, row->u.cwnd.cause));
}

/* Rates as links have them: 94.9 Mbit/s. */
static void note_mode(const ak_row *row, ak_lang lang, ak_text *text) {
    static const char *const unit[] = {"kbit/s", "Mbit/s", "Gbit/s"};
    ak_text_add_format(text, "bbr: %s", ak_word_cc_mode(lang, row->u.mode.mode));
    if (row->u.mode.bandwidth == 0) return;
    uint64_t tenths = row->u.mode.bandwidth * 8 / 100;
    int which = 0;
    for (; which < 2 && tenths >= 10000; which++) tenths /= 1000;
    ak_text_add_format(text, " (%" PRIu64 ".%" PRIu64 " %s, ", tenths / 10, tenths % 10, unit[which]);
    ak_text_add_duration(text, row->u.mode.min_rtt_us);
    ak_text_add(text, ")");
}

static void note_timer(const ak_row *row, ak_lang lang, ak_text *text) {
    ak_text_add_format(text, "%s: %s ", ak_word_text(lang, AK_WORD_TIMER), ak_word_timer(lang, row->u.timer.timer));
    if (row->u.timer.action == AKSU_TIMER_WAS_SET) {
        ak_text_add(text, "+");
        ak_text_add_duration(text, row->u.timer.in_us);
    } else {
        ak_text_add(text, ak_word_timer_action(lang, row->u.timer.action));
    }
}

static void note_rtt(const ak_row *row, ak_text *text) {
    ak_text_add(text, "srtt ");
    ak_text_add_duration(text, row->u.rtt.srtt_us);
    ak_text_add(text, ", rto ");
    ak_text_add_duration(text, row->u.rtt.rto_us);
}

static void note_loss(const ak_row *row, ak_lang lang, ak_text *text) {
    ak_text_add_format(text, "%s: seq=%" PRId64 " ", ak_word_text(lang, AK_WORD_JUDGED_LOST), row->u.loss.seq);
    ak_text_add_bytes(text, row->u.loss.bytes);
    ak_text_add_format(text, " (%s)", ak_word_loss_cause(lang, row->u.loss.cause));
}

/* A bar of so many tenths, and the number: memory in bytes, a queue as so many of so many. */
static void note_gauge(const ak_row *row, ak_lang lang, ak_text *text) {
    static const ak_word words[AK_GAUGE_COUNT] = {[AK_GAUGE_MEMORY] = AK_WORD_MEMORY,
                                                  [AK_GAUGE_SYN_QUEUE] = AK_WORD_SYN_QUEUE,
                                                  [AK_GAUGE_ACCEPT_QUEUE] = AK_WORD_ACCEPT_QUEUE};
    uint64_t value = row->u.gauge.value, full = row->u.gauge.full;
    uint64_t filled = full == 0 ? 0 : (value * AK_GAUGE_CELLS + full - 1) / full;
    ak_text_add(text, ak_word_text(lang, words[row->u.gauge.what]));
    ak_text_add(text, " [");
    for (uint64_t i = 0; i < AK_GAUGE_CELLS; i++) ak_text_add(text, i < filled ? "#" : ".");
    ak_text_add(text, "] ");
    if (row->u.gauge.what == AK_GAUGE_MEMORY)
        ak_text_add_bytes(text, value);
    else
        ak_text_add_format(text, "%" PRIu64 "/%" PRIu64, value, full);
}

static void note_delivered(const ak_row *row, ak_lang lang, ak_text *text) {
    ak_text_add_format(text, "%s ", ak_word_text(lang, AK_WORD_DELIVERED));
    ak_text_add_bytes(text, row->u.delivered.bytes);
}

ak_colour ak_ladder_note(const ak_row *row, const ak_ladder_words *words, char buf[AK_NOTE_BYTES]) {
    ak_text text = ak_text_in(buf, AK_NOTE_BYTES);
    ak_lang lang = words->lang;
    switch (row->kind) {
    case AK_ROW_STATE: return note_state(&row->u.state, lang, &text);
    case AK_ROW_CALL: return note_call(row, lang, &text);
    case AK_ROW_NOTIFY: return note_notify(row->u.notify.bits, row->u.notify.reason, lang, &text);
    case AK_ROW_DELIVERED: note_delivered(row, lang, &text); return AK_COLOUR_APP;
    case AK_ROW_TIMER: note_timer(row, lang, &text); return AK_COLOUR_TIMER;
    case AK_ROW_RTT: note_rtt(row, &text); return AK_COLOUR_DIM;
    case AK_ROW_CWND: note_cwnd(row, lang, &text); return AK_COLOUR_DIM;
    case AK_ROW_MODE: note_mode(row, lang, &text); return AK_COLOUR_DIM;
    case AK_ROW_LOSS: note_loss(row, lang, &text); return AK_COLOUR_BAD;
    case AK_ROW_PACKET: note_packet(row, lang, &text); return AK_COLOUR_DIM;
    case AK_ROW_GAUGE: note_gauge(row, lang, &text); return AK_COLOUR_TIMER;
    case AK_ROW_GAP:
        ak_text_add_duration(&text, row->u.gap.gap_us);
        ak_text_add_format(&text, " %s", ak_word_text(lang, AK_WORD_LATER));
        return AK_COLOUR_DIM;
    case AK_ROW_OMITTED: ak_text_add(&text, ak_word_text(lang, AK_WORD_OMITTED)); return AK_COLOUR_BAD;
    case AK_ROW_CONNECTION:
    case AK_ROW_SEGMENT:
    case AK_ROW_DEPART:
    case AK_ROW_ARRIVE: break;
    }
    return AK_COLOUR_PLAIN;
}

const char *ak_ladder_letter(uint32_t connection, char buf[AK_LETTER_BYTES]) {
    char reversed[AK_LETTER_BYTES];
    size_t count = 0;
    for (uint64_t n = (uint64_t)connection + 1; n > 0; n = (n - 1) / 26) reversed[count++] = (char)('A' + (n - 1) % 26);
    for (size_t i = 0; i < count; i++) buf[i] = reversed[count - 1 - i];
    buf[count] = '\0';
    return buf;
}

ak_line_style ak_ladder_style(aksu_tcp_state state, ak_sureness sureness) {
    if (sureness == AK_UNKNOWN) return AK_STYLE_NONE;
    switch (state) {
    case AK_TCP_CLOSED: return AK_STYLE_NONE;
    case AK_TCP_LISTEN:
    case AK_TCP_SYN_SENT:
    case AK_TCP_SYN_RECEIVED: return AK_STYLE_OPENING;
    case AK_TCP_ESTABLISHED:
    case AK_TCP_FIN_WAIT_1:
    case AK_TCP_FIN_WAIT_2:
    case AK_TCP_CLOSE_WAIT:
    case AK_TCP_CLOSING:
    case AK_TCP_LAST_ACK: return AK_STYLE_SYNCHRONIZED;
    case AK_TCP_TIME_WAIT: return AK_STYLE_WAITING;
    case AK_TCP_STATE_COUNT: break;
    }
    return AK_STYLE_NONE;
}
