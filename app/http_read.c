/* Requests: RFC 9112, by Debian's http-parser, which calls back with the pieces.
 *
 * A request whose head says already what is wrong with it is answered then, before its body; the connection ends with
 * that answer, because a body that is not wanted would follow.  After a whole request the parser pauses: the next one
 * waits in the receive buffer until this one is answered, so memory stays bounded and answers keep their order. */
#include <string.h>
#include <strings.h>

#include "app/http_inside.h"

enum { IOV_COUNT = 32 };

const char *http_value(const struct http *h, http_header header) {
    return h->text + h->value_at[header];
}

static int on_begin(http_parser *parser) {
    struct http *h = parser->data;
    h->path_bytes = h->field_bytes = h->line_bytes = 0;
    h->path_too_long = h->text_full = h->in_field = h->message_done = false;
    h->status = 0;
    h->header = HTTP_HEADER_OTHER;
    memset(h->header_count, 0, sizeof h->header_count);
    memset(h->value_at, 0, sizeof h->value_at);
    h->text[0] = '\0';
    h->text_bytes = 1;
    http_set_limit(h, HTTP_LIMIT_HEAD);
    return 0;
}

static int on_url(http_parser *parser, const char *at, size_t bytes) {
    struct http *h = parser->data;
    if (bytes >= sizeof h->path - h->path_bytes) {
        h->path_too_long = true;
        return 0;
    }
    memcpy(h->path + h->path_bytes, at, bytes);
    h->path_bytes += bytes;
    return 0;
}

static http_header header_of(const char *field, size_t bytes) {
    static const char *const names[HTTP_HEADERS] = {
        [HTTP_HEADER_OTHER] = "",
        [HTTP_HEADER_HOST] = "host",
        [HTTP_HEADER_RANGE] = "range",
        [HTTP_HEADER_IF_RANGE] = "if-range",
        [HTTP_HEADER_IF_MATCH] = "if-match",
        [HTTP_HEADER_IF_NONE_MATCH] = "if-none-match",
        [HTTP_HEADER_IF_MODIFIED_SINCE] = "if-modified-since",
        [HTTP_HEADER_IF_UNMODIFIED_SINCE] = "if-unmodified-since",
        [HTTP_HEADER_EXPECT] = "expect",
        [HTTP_HEADER_TRANSFER_ENCODING] = "transfer-encoding",
        [HTTP_HEADER_CONTENT_RANGE] = "content-range",
    };
    for (int i = 1; i < HTTP_HEADERS; i++) {
        if (strlen(names[i]) == bytes && strncasecmp(field, names[i], bytes) == 0) return (http_header)i;
    }
    return HTTP_HEADER_OTHER;
}

static int on_field(http_parser *parser, const char *at, size_t bytes) {
    struct http *h = parser->data;
    if (!h->in_field) h->field_bytes = 0; /* the first piece of a name */
    h->in_field = true;
    size_t room = sizeof h->field - h->field_bytes;
    size_t take = bytes < room ? bytes : room;
    memcpy(h->field + h->field_bytes, at, take);
    h->field_bytes += take;
    return 0;
}

static void text_add(struct http *h, const char *at, size_t bytes) {
    if (bytes >= sizeof h->text - h->text_bytes) {
        h->text_full = true;
        return;
    }
    memcpy(h->text + h->text_bytes, at, bytes);
    h->text_bytes += bytes;
    h->text[h->text_bytes] = '\0';
}

/* A header that comes again is one list with what came before: RFC 9110 s5.3. */
static void value_begin(struct http *h) {
    const char *before = http_value(h, h->header);
    h->text_bytes++; /* behind the last value's NUL */
    if (h->text_bytes >= sizeof h->text) h->text_bytes = sizeof h->text - 1;
    size_t at = h->text_bytes;
    h->text[at] = '\0';
    if (h->header_count[h->header]++ > 0) {
        text_add(h, before, strlen(before));
        text_add(h, ", ", 2);
    }
    h->value_at[h->header] = (uint16_t)at;
}

static int on_value(http_parser *parser, const char *at, size_t bytes) {
    struct http *h = parser->data;
    if (h->in_field) {
        h->in_field = false;
        h->header = header_of(h->field, h->field_bytes);
        if (h->header != HTTP_HEADER_OTHER) value_begin(h);
    }
    if (h->header != HTTP_HEADER_OTHER) text_add(h, at, bytes);
    return 0;
}

/* Optional white space behind a value is not part of it: RFC 9112 s5.1. */
static void trim_values(struct http *h) {
    for (int i = 1; i < HTTP_HEADERS; i++) {
        char *value = h->text + h->value_at[i];
        size_t bytes = strlen(value);
        while (bytes > 0 && (value[bytes - 1] == ' ' || value[bytes - 1] == '\t')) value[--bytes] = '\0';
    }
}

/* What a head alone can be refused for: a status, or 0. */
static int check_head(struct http *h) {
    const http_parser *parser = &h->parser;
    bool http_1_0 = parser->http_minor == 0;
    if (parser->http_major != 1) return 505;
    if (h->path_too_long) return 414;
    if (h->text_full) return 431;
    unsigned hosts = h->header_count[HTTP_HEADER_HOST];
    if (hosts > 1 || (hosts == 0 && !http_1_0)) return 400; /* RFC 9112 s3.2 */
    if (parser->method != HTTP_GET && parser->method != HTTP_HEAD && parser->method != HTTP_PUT) return 405;
    if (h->header_count[HTTP_HEADER_TRANSFER_ENCODING] > 0 &&
        strcasecmp(http_value(h, HTTP_HEADER_TRANSFER_ENCODING), "chunked") != 0)
        return 501; /* RFC 9112 s6.1 */
    bool expects = h->header_count[HTTP_HEADER_EXPECT] > 0 && !http_1_0;
    if (expects && strcasecmp(http_value(h, HTTP_HEADER_EXPECT), "100-continue") != 0) return 417;
    int status = parser->method == HTTP_PUT ? http_upload_begin(h) : 0;
    if (status == 0 && expects) http_head_add(h, "HTTP/1.1 100 Continue\r\n\r\n");
    return status;
}

/* To be answered before its end, and the last. */
static void refuse(struct http *h, int status) {
    http_upload_drop(h);
    h->status = status;
    h->message_done = true;
    h->keep_alive = false;
    if (HTTP_PARSER_ERRNO(&h->parser) == HPE_OK) http_parser_pause(&h->parser, 1);
}

static int on_headers(http_parser *parser) {
    struct http *h = parser->data;
    h->path[h->path_bytes] = '\0';
    trim_values(h);
    bool body =
        (parser->flags & F_CHUNKED) != 0 || (parser->content_length > 0 && parser->content_length != UINT64_MAX);
    bool connect = parser->method == HTTP_CONNECT;
    parser->upgrade = 0; /* RFC 9110 s7.8: an upgrade may be ignored, and is */
    h->status = check_head(h);
    if (h->status != 0 && (body || connect || parser->http_major != 1))
        refuse(h, h->status);
    else if (body)
        http_set_body_limit(h);
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t bytes) {
    struct http *h = parser->data;
    h->moved_bytes += bytes;
    h->site->progress->received_bytes += bytes;
    if (h->upload == NULL) return 0; /* of a GET: it means nothing */
    int status = http_upload_write(h, at, bytes);
    if (status != 0) refuse(h, status);
    return 0;
}

static int on_done(http_parser *parser) {
    struct http *h = parser->data;
    h->message_done = true;
    h->keep_alive = http_should_keep_alive(parser) != 0;
    http_parser_pause(parser, 1); /* the next request waits for this one's answer */
    return 0;
}

static const http_parser_settings parser_settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_done,
};

void http_parser_start(struct http *h) {
    http_parser_set_max_header_size(HTTP_HEAD_MAX);
    http_parser_init(&h->parser, HTTP_REQUEST);
    h->parser.data = h;
    h->text_bytes = 1;
}

/* The rest of a request line whose method is none that the parser knows.  With a version at its end it is HTTP, and the
 * answer 501; without it is not HTTP.  Answers the bytes used. */
static size_t scan_line(struct http *h, const char *at, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (at[i] != '\n' && h->line_bytes++ < HTTP_HEAD_MAX) {
            if (at[i] == '\r') continue;
            memmove(h->line_tail, h->line_tail + 1, sizeof h->line_tail - 1);
            h->line_tail[sizeof h->line_tail - 1] = at[i];
            continue;
        }
        refuse(h, at[i] == '\n' && memcmp(h->line_tail, " HTTP/1.", 8) == 0 ? 501 : 400);
        return i + 1;
    }
    return bytes;
}

/* What the parser stumbled over. */
static void parse_failed(struct http *h, enum http_errno code) {
    if (code == HPE_INVALID_METHOD) {
        h->scanning_line = true;
        memset(h->line_tail, 0, sizeof h->line_tail);
    } else if (code == HPE_HEADER_OVERFLOW) {
        refuse(h, h->path_too_long && h->field_bytes == 0 ? 414 : 431);
    } else {
        refuse(h, 400);
    }
}

static size_t parse(struct http *h, const char *at, size_t bytes) {
    if (h->scanning_line) return scan_line(h, at, bytes);
    size_t used = http_parser_execute(&h->parser, &parser_settings, at, bytes);
    enum http_errno code = HTTP_PARSER_ERRNO(&h->parser);
    if (code == HPE_OK || code == HPE_PAUSED) return used;
    parse_failed(h, code);
    return h->scanning_line ? used + scan_line(h, at + used, bytes - used) : used;
}

http_read http_read_request(struct http *h) {
    aksu_iov iov[IOV_COUNT];
    uint32_t count;
    aksu_err err = aksu_tcp_recv_peek(h->site->stack, h->sock, iov, IOV_COUNT, &count);
    if (err != AKSU_OK) return err == AKSU_ERR_AGAIN ? HTTP_READ_NOTHING : HTTP_READ_END;
    size_t used = 0;
    for (uint32_t i = 0; i < count && !h->message_done; i++) used += parse(h, iov[i].base, iov[i].bytes);
    (void)aksu_tcp_recv_consume(h->site->stack, h->sock, used);
    return HTTP_READ_SOME;
}
