/* JSON lines, generated from events.def: each field type of trace.h has a printer put_<type> here, so a new event needs
 * no code and a new field type does not compile until it has one.
 *
 * A line is made in a buffer on the stack.  LINE_BYTES holds the longest one (a segment with every option: about 1.4
 * KB); one that would not fit is not written and reported as a failure, so what is written is always whole objects. */
#include "view/jsonl.h"

#include "view/text.h"
#include "view/words.h"

#define LINE_BYTES 4096

/* Names and texts of the tables hold no character that JSON would need escaped; addresses do not either. */
static void put_name(ak_text *line, const char *name) {
    ak_text_add_format(line, "\"%s\"", name);
}

static void put_u64(ak_text *line, aksu_trace_u64 value) {
    ak_text_add_format(line, "%llu", (unsigned long long)value);
}

static void put_u32(ak_text *line, aksu_trace_u32 value) {
    put_u64(line, value);
}

static void put_u16(ak_text *line, aksu_trace_u16 value) {
    put_u64(line, value);
}

static void put_u8(ak_text *line, aksu_trace_u8 value) {
    put_u64(line, value);
}

static void put_bool(ak_text *line, aksu_trace_bool value) {
    ak_text_add(line, value ? "true" : "false");
}

static void put_tcp_flags(ak_text *line, aksu_trace_tcp_flags flags) {
    static const char *const name[9] = {"AE", "CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"};
    const char *comma = "";
    ak_text_add(line, "[");
    for (unsigned i = 0; i < 9; i++) {
        if ((flags & (0x100u >> i)) == 0) continue;
        ak_text_add_format(line, "%s\"%s\"", comma, name[i]);
        comma = ",";
    }
    ak_text_add(line, "]");
}

static void put_event_bits(ak_text *line, aksu_trace_event_bits bits) {
    const char *comma = "";
    ak_text_add(line, "[");
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((bits & bit) == 0) continue;
        ak_text_add_format(line, "%s\"%s\"", comma, ak_word_event_bit(AK_LANG_EN, bit));
        comma = ",";
    }
    ak_text_add(line, "]");
}

static void put_addr(ak_text *line, aksu_trace_addr addr) {
    char text[AKSU_ADDR_TEXT_BYTES];
    aksu_addr_format(&addr, text, sizeof text);
    put_name(line, text);
}

static void put_flow(ak_text *line, aksu_trace_flow flow) {
    ak_text_add(line, "{\"local\":");
    put_addr(line, flow.local);
    ak_text_add_format(line, ",\"local_port\":%u,\"remote\":", flow.local_port);
    put_addr(line, flow.remote);
    ak_text_add_format(line, ",\"remote_port\":%u}", flow.remote_port);
}

static void put_sack(ak_text *line, const aksu_tcp_options *o) {
    ak_text_add(line, ",\"sack\":[");
    for (unsigned i = 0; i < o->sack_count && i < AKSU_SACK_BLOCK_MAX; i++) {
        ak_text_add_format(line, "%s[%lu,%lu]", i > 0 ? "," : "", (unsigned long)o->sack[i].left,
                           (unsigned long)o->sack[i].right);
    }
    ak_text_add(line, "]");
}

static void put_cookie(ak_text *line, const aksu_tcp_options *o) {
    ak_text_add(line, ",\"fast_open\":\"");
    for (unsigned i = 0; i < o->fast_open_cookie_bytes && i < AKSU_FAST_OPEN_COOKIE_MAX; i++) {
        ak_text_add_format(line, "%02x", o->fast_open_cookie[i]);
    }
    ak_text_add(line, "\"");
}

static void put_accecn(ak_text *line, const aksu_tcp_options *o) {
    static const char *const name[] = {"e0b", "ceb", "e1b"};
    ak_text_add_format(line, ",\"accecn\":{\"order\":%u", o->accecn_order);
    for (uint8_t i = 0; i < o->accecn_count && i < AKSU_ACCECN_FIELD_MAX; i++) {
        ak_text_add_format(line, ",\"%s\":%lu", name[aksu_accecn_field_at(o->accecn_order, i)],
                           (unsigned long)o->accecn[i]);
    }
    ak_text_add(line, "}");
}

/* Only the options that are present are in the object; "count" keeps it simple to read where there are none. */
static void put_options(ak_text *line, aksu_trace_options o) {
    ak_text_add_format(line, "{\"count\":%d", __builtin_popcount(o.present));
    if (o.present & AKSU_OPT_MSS) ak_text_add_format(line, ",\"mss\":%u", o.mss);
    if (o.present & AKSU_OPT_WSCALE) ak_text_add_format(line, ",\"wscale\":%u", o.wscale);
    if (o.present & AKSU_OPT_SACK_PERMITTED) ak_text_add(line, ",\"sack_permitted\":true");
    if (o.present & AKSU_OPT_SACK) put_sack(line, &o);
    if (o.present & AKSU_OPT_TIMESTAMPS) {
        ak_text_add_format(line, ",\"ts_val\":%lu,\"ts_ecr\":%lu", (unsigned long)o.ts_val, (unsigned long)o.ts_ecr);
    }
    /* RFC 5482 s2: the top bit says minutes, else seconds. */
    if (o.present & AKSU_OPT_USER_TIMEOUT) {
        ak_text_add_format(line, ",\"user_timeout_s\":%lu",
                           (unsigned long)(o.user_timeout & 0x7fffu) * ((o.user_timeout & 0x8000u) ? 60u : 1u));
    }
    if (o.present & AKSU_OPT_FAST_OPEN) put_cookie(line, &o);
    if (o.present & AKSU_OPT_ACCECN) put_accecn(line, &o);
    if (o.present & AKSU_OPT_UNKNOWN) ak_text_add(line, ",\"unknown\":true");
    ak_text_add(line, "}");
}

static void put_frame(ak_text *line, aksu_trace_frame frame) {
    static const char *const checksum[] = {"none", "valid", "partial"};
    if (frame == NULL) {
        ak_text_add(line, "null");
        return;
    }
    ak_text_add_format(line, "{\"link\":%u,\"bytes\":%lu,\"segment_bytes\":%u,\"checksum\":\"%s\"}", frame->link,
                       (unsigned long)frame->total_bytes, frame->segment_bytes,
                       frame->checksum <= AKSU_CHECKSUM_PARTIAL ? checksum[frame->checksum] : "?");
}

static void put_direction(ak_text *line, aksu_trace_direction direction) {
    put_name(line, direction == AKSU_OUT ? "out" : "in");
}

static void put_state(ak_text *line, aksu_trace_state state) {
    put_name(line, ak_word_state(state));
}

static void put_drop(ak_text *line, aksu_trace_drop drop) {
    static const char *const name[] = {
#define AKSU_X(name, text) #name,
        AKSU_DROPS(AKSU_X)
#undef AKSU_X
    };
    put_name(line, (size_t)drop < AKSU_DROP_COUNT ? name[drop] : "?");
}

static void put_reason(ak_text *line, aksu_trace_reason reason) {
    put_name(line, ak_word_reason(AK_LANG_EN, reason));
}

static void put_err(ak_text *line, aksu_trace_err err) {
    put_name(line, ak_word_err(AK_LANG_EN, err));
}

static void put_send_cause(ak_text *line, aksu_trace_send_cause cause) {
    put_name(line, ak_word_send_cause(AK_LANG_EN, cause));
}

static void put_state_cause(ak_text *line, aksu_trace_state_cause cause) {
    put_name(line, ak_word_state_cause(AK_LANG_EN, cause));
}

static void put_state_record(ak_text *line, aksu_trace_state_record record) {
    static const char *const name[] = {
#define AKSU_X(name, text) text,
        AKSU_STATE_RECORDS(AKSU_X)
#undef AKSU_X
    };
    put_name(line, (size_t)record < AKSU_STATE_RECORD_COUNT ? name[record] : "?");
}

static void put_timer(ak_text *line, aksu_trace_timer timer) {
    put_name(line, ak_word_timer(AK_LANG_EN, timer));
}

static void put_timer_action(ak_text *line, aksu_trace_timer_action action) {
    put_name(line, ak_word_timer_action(AK_LANG_EN, action));
}

static void put_call(ak_text *line, aksu_trace_call call) {
    put_name(line, ak_word_call(call));
}

static void put_cwnd_cause(ak_text *line, aksu_trace_cwnd_cause cause) {
    put_name(line, ak_word_cwnd_cause(AK_LANG_EN, cause));
}

static void put_cc_mode(ak_text *line, aksu_trace_cc_mode mode) {
    put_name(line, ak_word_cc_mode(AK_LANG_EN, mode));
}

static void put_loss_cause(ak_text *line, aksu_trace_loss_cause cause) {
    put_name(line, ak_word_loss_cause(AK_LANG_EN, cause));
}

/* RFC 9293 s3.4: the initial numbers are the base of what people read.  0 stands for unknown; a real 0 (one connection
 * in 2^32) only loses its relative numbers. */
static void put_relative(ak_text *line, const aksu_ev_segment *s) {
    uint32_t own = s->direction == AKSU_OUT ? s->iss : s->irs;
    uint32_t other = s->direction == AKSU_OUT ? s->irs : s->iss;
    if (own != 0) ak_text_add_format(line, ",\"rel_seq\":%lu", (unsigned long)(uint32_t)(s->seq - own));
    if (other != 0 && (s->flags & AKSU_TCP_ACK) != 0) {
        ak_text_add_format(line, ",\"rel_ack\":%lu", (unsigned long)(uint32_t)(s->ack - other));
    }
}

#define AKSU_EVENT(NAME, name, spec, text) static void put_event_##name(ak_text *line, const aksu_ev_##name *event) {
#define AKSU_FIELD(type, name)                                                                                         \
    ak_text_add(line, ",\"" #name "\":");                                                                              \
    put_##type(line, event->name);
#define AKSU_EVENT_END(name) }
#include "aksu/events.def"

const char *ak_jsonl_event_name(aksu_trace_kind kind) {
    static const char *const name[] = {
#define AKSU_EVENT(NAME, name, spec, text) #name,
#define AKSU_FIELD(type, name)
#define AKSU_EVENT_END(name)
#include "aksu/events.def"
    };
    return (size_t)kind < AKSU_TRACE_KIND_COUNT ? name[kind] : "?";
}

bool ak_jsonl_write(const ak_writer *writer, const aksu_trace_event *event) {
    char buf[LINE_BYTES];
    ak_text line = ak_text_in(buf, sizeof buf);
    ak_text_add_format(&line, "{\"time_us\":%llu,\"event\":\"%s\"", (unsigned long long)event->time_us,
                       ak_jsonl_event_name(event->kind));
    switch (event->kind) {
#define AKSU_EVENT(NAME, name, spec, text)                                                                             \
    case AKSU_TRACE_##NAME:                                                                                            \
        put_event_##name(&line, &event->u.name);                                                                       \
        break;
#define AKSU_FIELD(type, name)
#define AKSU_EVENT_END(name)
#include "aksu/events.def"
    case AKSU_TRACE_KIND_COUNT: break;
    }
    if (event->kind == AKSU_TRACE_SEGMENT) put_relative(&line, &event->u.segment);
    ak_text_add(&line, "}\n");
    return !line.full && writer->write(writer->user, buf, line.used_bytes);
}
