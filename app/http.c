/* One HTTP/1.1 connection: RFC 9110, RFC 9112, for files.
 *
 * The parser is Debian's http-parser.  A request is read to its end before it is answered, and the next one waits until
 * the answer has been queued, so pipelined requests are answered in order and memory stays bounded.  File data goes
 * from pread straight into the send buffer, an upload from the receive buffer straight to pwrite; an upload replaces
 * its file only when it is complete. */
#include <errno.h>
#include <fcntl.h>
#include <http_parser.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"

enum { PATH_BYTES = 1024, HEAD_BYTES = 1024, IOV_COUNT = 32, SEND_BYTES = 256 * 1024, HEADER_VALUE_BYTES = 128 };

typedef enum header_kind {
    HEADER_OTHER,
    HEADER_RANGE,
    HEADER_IF_MODIFIED_SINCE,
    HEADER_IF_NONE_MATCH,
    HEADER_EXPECT,
    HEADER_KINDS
} header_kind;

struct http {
    const http_site *site;
    aksu_sock sock;
    http_parser parser;
    char path[PATH_BYTES];
    size_t path_bytes;
    bool path_too_long;
    char field[32];
    size_t field_bytes;
    header_kind header;
    char value[HEADER_KINDS][HEADER_VALUE_BYTES];
    bool message_done, answering, keep_alive, peer_done;
    bool draining; /* the last answer is out: what still comes is thrown away, so that closing is no reset */
    int status;    /* of a request that went wrong while it was read; 0: none */
    /* the answer */
    char head[HEAD_BYTES];
    size_t head_bytes, head_sent;
    int file;
    off_t at, end;
    /* an upload */
    int upload;
    off_t uploaded;
    char upload_name[PATH_BYTES], upload_temporary[PATH_BYTES + 32];
    bool upload_is_new;
};

/* ---------------------------------------------------------------- paths */

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The path of a request target, decoded, relative to the directory; false: malformed, or it holds a NUL. */
static bool decode_path(const char *target, char *ret_path) {
    size_t used = 0;
    while (*target == '/') target++;
    for (; *target != '\0' && *target != '?' && *target != '#'; target++) {
        char c = *target;
        if (c == '%') {
            int high = hex(target[1]);
            int low = high >= 0 ? hex(target[2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) return false;
            c = (char)(high * 16 + low);
            target += 2;
        }
        ret_path[used++] = c;
    }
    ret_path[used] = '\0';
    if (used == 0) memcpy(ret_path, ".", 2);
    return true;
}

/* Never outside the directory, whatever the path and its links say. */
static int open_beneath(int directory, const char *path, int flags, unsigned mode) {
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC, .mode = mode, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

static int status_of_errno(void) {
    if (errno == ENOENT || errno == ENOTDIR) return 404;
    if (errno == ENAMETOOLONG) return 414;
    return errno == EXDEV || errno == EACCES || errno == EPERM || errno == ELOOP ? 403 : 500;
}

/* ---------------------------------------------------------------- answers */

static const char *status_text(int status) {
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 414: return "URI Too Long";
    case 416: return "Range Not Satisfiable";
    default: return "Internal Server Error";
    }
}

static void http_date(time_t when, char *buf, size_t cap) {
    struct tm tm;
    if (gmtime_r(&when, &tm) == NULL || strftime(buf, cap, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0) buf[0] = '\0';
}

/* Begins an answer; more headers may follow by head_add, then head_end. */
static void head_add(struct http *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void head_add(struct http *h, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(h->head + h->head_bytes, sizeof h->head - h->head_bytes, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof h->head - h->head_bytes) h->head_bytes += (size_t)n;
}

static void head_begin(struct http *h, int status) {
    char date[40];
    http_date(time(NULL), date, sizeof date);
    h->head_bytes = h->head_sent = 0;
    head_add(h, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: aksu/%s\r\nConnection: %s\r\n", status, status_text(status),
             date, AKSU_VERSION, h->keep_alive ? "keep-alive" : "close");
}

/* An answer that is no more than its status. */
static void answer_status(struct http *h, int status) {
    char body[64];
    int bytes =
        status == 204 || status == 304 ? 0 : snprintf(body, sizeof body, "%d %s\n", status, status_text(status));
    head_begin(h, status);
    if (status == 405) head_add(h, "Allow: GET, HEAD%s\r\n", h->site->writable ? ", PUT" : "");
    if (bytes > 0) head_add(h, "Content-Type: text/plain\r\n");
    if (status != 204 && status != 304) head_add(h, "Content-Length: %d\r\n", bytes);
    head_add(h, "\r\n");
    if (bytes > 0 && h->parser.method != HTTP_HEAD) head_add(h, "%s", body);
}

static const char *content_type(const char *path) {
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},
        {".md", "text/plain; charset=utf-8"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".json", "application/json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".pdf", "application/pdf"},
        {".wasm", "application/wasm"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(dot, types[i][0]) == 0) return types[i][1];
    }
    return "application/octet-stream";
}

/* RFC 9110 s14.1.2: one range of bytes.  0: none, or not understood, so the whole; 1: this; -1: outside the file. */
static int parse_range(const char *text, off_t size, off_t *ret_at, off_t *ret_end) {
    if (strncmp(text, "bytes=", 6) != 0 || strchr(text, ',') != NULL) return 0;
    const char *dash = strchr(text + 6, '-');
    if (dash == NULL) return 0;
    char *end;
    if (dash == text + 6) { /* the last so many */
        unsigned long long last = strtoull(dash + 1, &end, 10);
        if (end == dash + 1 || *end != '\0') return 0;
        if (last == 0 || size == 0) return -1;
        *ret_at = last >= (unsigned long long)size ? 0 : size - (off_t)last;
        *ret_end = size;
        return 1;
    }
    unsigned long long first = strtoull(text + 6, &end, 10);
    if (end != dash) return 0;
    unsigned long long last = (unsigned long long)size - 1;
    if (dash[1] != '\0') {
        last = strtoull(dash + 1, &end, 10);
        if (*end != '\0' || last < first) return 0;
    }
    if (first >= (unsigned long long)size) return -1;
    *ret_at = (off_t)first;
    *ret_end = last >= (unsigned long long)size ? size : (off_t)last + 1;
    return 1;
}

/* GET and HEAD of an open file. */
static void answer_file(struct http *h, const char *path, const struct stat *st) {
    char modified[40], etag[48];
    http_date(st->st_mtime, modified, sizeof modified);
    (void)snprintf(etag, sizeof etag, "\"%llx-%llx\"", (unsigned long long)st->st_mtime,
                   (unsigned long long)st->st_size);
    bool same = h->value[HEADER_IF_NONE_MATCH][0] != '\0' ? strcmp(h->value[HEADER_IF_NONE_MATCH], etag) == 0
                                                          : strcmp(h->value[HEADER_IF_MODIFIED_SINCE], modified) == 0;
    if (same) {
        answer_status(h, 304);
        return;
    }
    h->at = 0;
    h->end = st->st_size;
    int range = parse_range(h->value[HEADER_RANGE], st->st_size, &h->at, &h->end);
    if (range < 0) {
        head_begin(h, 416);
        head_add(h, "Content-Range: bytes */%lld\r\nContent-Length: 0\r\n\r\n", (long long)st->st_size);
        h->at = h->end = 0;
        return;
    }
    head_begin(h, range > 0 ? 206 : 200);
    if (range > 0)
        head_add(h, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)h->at, (long long)h->end - 1,
                 (long long)st->st_size);
    head_add(
        h, "Content-Type: %s\r\nContent-Length: %lld\r\nLast-Modified: %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\n\r\n",
        content_type(path), (long long)(h->end - h->at), modified, etag);
    if (h->parser.method == HTTP_HEAD) h->at = h->end;
}

static void answer_get(struct http *h) {
    char path[PATH_BYTES + 16];
    struct stat st;
    if (!decode_path(h->path, path)) {
        answer_status(h, 400);
        return;
    }
    h->file = open_beneath(h->site->directory, path, O_RDONLY | O_NONBLOCK, 0);
    if (h->file >= 0 && fstat(h->file, &st) == 0 && S_ISDIR(st.st_mode)) {
        (void)close(h->file);
        (void)strncat(path, "/index.html", sizeof path - strlen(path) - 1);
        h->file = open_beneath(h->site->directory, path, O_RDONLY | O_NONBLOCK, 0);
    }
    if (h->file < 0) {
        answer_status(h, status_of_errno());
        return;
    }
    if (fstat(h->file, &st) != 0 || !S_ISREG(st.st_mode)) {
        answer_status(h, 403);
        (void)close(h->file);
        h->file = -1;
        return;
    }
    answer_file(h, path, &st);
}

/* ---------------------------------------------------------------- uploads */

static int begin_upload(struct http *h) {
    struct stat st;
    if (!h->site->writable) return 405;
    if (!decode_path(h->path, h->upload_name) || strcmp(h->upload_name, ".") == 0) return 400;
    h->upload_is_new = fstatat(h->site->directory, h->upload_name, &st, 0) != 0;
    (void)snprintf(h->upload_temporary, sizeof h->upload_temporary, "%s.%llx.part", h->upload_name,
                   (unsigned long long)(uintptr_t)h);
    h->upload = open_beneath(h->site->directory, h->upload_temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
    h->uploaded = 0;
    return h->upload < 0 ? status_of_errno() : 0;
}

static void drop_upload(struct http *h) {
    if (h->upload < 0) return;
    (void)close(h->upload);
    (void)unlinkat(h->site->directory, h->upload_temporary, 0);
    h->upload = -1;
}

static void finish_upload(struct http *h) {
    bool moved = renameat(h->site->directory, h->upload_temporary, h->site->directory, h->upload_name) == 0;
    if (!moved) {
        int status = status_of_errno();
        drop_upload(h);
        answer_status(h, status);
        return;
    }
    (void)close(h->upload);
    h->upload = -1;
    answer_status(h, h->upload_is_new ? 201 : 204);
}

/* ---------------------------------------------------------------- the parser's callbacks */

static int on_begin(http_parser *parser) {
    struct http *h = parser->data;
    h->path_bytes = h->field_bytes = 0;
    h->path_too_long = h->message_done = false;
    h->status = 0;
    memset(h->value, 0, sizeof h->value);
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

static header_kind header_of(const char *field, size_t bytes) {
    static const char *const names[HEADER_KINDS] = {[HEADER_RANGE] = "range",
                                                    [HEADER_IF_MODIFIED_SINCE] = "if-modified-since",
                                                    [HEADER_IF_NONE_MATCH] = "if-none-match",
                                                    [HEADER_EXPECT] = "expect"};
    for (int i = 1; i < HEADER_KINDS; i++) {
        if (strlen(names[i]) == bytes && strncasecmp(field, names[i], bytes) == 0) return (header_kind)i;
    }
    return HEADER_OTHER;
}

static int on_field(http_parser *parser, const char *at, size_t bytes) {
    struct http *h = parser->data;
    if (h->header != HEADER_KINDS) h->field_bytes = 0; /* the first piece of a name */
    h->header = HEADER_KINDS;
    size_t room = sizeof h->field - h->field_bytes;
    size_t take = bytes < room ? bytes : room;
    memcpy(h->field + h->field_bytes, at, take);
    h->field_bytes += take;
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t bytes) {
    struct http *h = parser->data;
    if (h->header == HEADER_KINDS) h->header = header_of(h->field, h->field_bytes);
    if (h->header == HEADER_OTHER) return 0;
    char *value = h->value[h->header];
    size_t used = strlen(value);
    if (bytes < HEADER_VALUE_BYTES - used) memcpy(value + used, at, bytes);
    return 0;
}

static int on_headers(http_parser *parser) {
    struct http *h = parser->data;
    h->path[h->path_bytes] = '\0';
    if (h->path_too_long) h->status = 414;
    if (parser->method != HTTP_PUT || h->status != 0) return 0;
    h->status = begin_upload(h);
    if (h->status == 0 && strcasecmp(h->value[HEADER_EXPECT], "100-continue") == 0) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        size_t bytes;
        (void)aksu_tcp_send(h->site->stack, h->sock, go_on, sizeof go_on - 1, 0, &bytes);
    }
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t bytes) {
    struct http *h = parser->data;
    while (h->upload >= 0 && bytes > 0) {
        ssize_t n = pwrite(h->upload, at, bytes, h->uploaded);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            h->status = 500;
            drop_upload(h);
            return 0;
        }
        h->uploaded += n;
        h->site->progress->received_bytes += (uint64_t)n;
        at += n;
        bytes -= (size_t)n;
    }
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

/* ---------------------------------------------------------------- the connection */

struct http *http_open(const http_site *site, aksu_sock sock) {
    struct http *h = calloc(1, sizeof *h);
    if (h == NULL) return NULL;
    h->site = site;
    h->sock = sock;
    h->file = h->upload = -1;
    http_parser_init(&h->parser, HTTP_REQUEST);
    h->parser.data = h;
    return h;
}

void http_close(struct http *h) {
    drop_upload(h);
    if (h->file >= 0) (void)close(h->file);
    (void)aksu_tcp_close(h->site->stack, h->sock);
    free(h);
}

/* The request is complete: what is the answer? */
static void answer(struct http *h) {
    h->answering = true;
    if (h->status != 0)
        answer_status(h, h->status);
    else if (h->parser.method == HTTP_GET || h->parser.method == HTTP_HEAD)
        answer_get(h);
    else if (h->parser.method == HTTP_PUT)
        finish_upload(h);
    else
        answer_status(h, 405);
}

/* File bytes into the send buffer; false: no room now, or the file has shrunk. */
static bool send_file(struct http *h) {
    aksu_iov iov[IOV_COUNT];
    uint32_t count;
    size_t want = h->end - h->at < SEND_BYTES ? (size_t)(h->end - h->at) : SEND_BYTES;
    if (aksu_tcp_send_reserve(h->site->stack, h->sock, want, iov, IOV_COUNT, &count) != AKSU_OK) return false;
    struct iovec to[IOV_COUNT];
    for (uint32_t i = 0; i < count; i++) to[i] = (struct iovec){.iov_base = iov[i].base, .iov_len = iov[i].bytes};
    ssize_t n = preadv(h->file, to, (int)count, h->at);
    if (n <= 0) { /* it was promised and is gone: the peer must not take what he has for the whole */
        (void)aksu_tcp_send_commit(h->site->stack, h->sock, 0, 0);
        (void)aksu_tcp_abort(h->site->stack, h->sock);
        h->peer_done = true;
        return false;
    }
    h->at += n;
    h->site->progress->sent_bytes += (uint64_t)n;
    (void)aksu_tcp_send_commit(h->site->stack, h->sock, (size_t)n, h->at < h->end ? AKSU_SEND_MORE : 0);
    return true;
}

/* Sends what there is room for; true: the answer is queued to its end. */
static bool send_answer(struct http *h) {
    while (h->head_sent < h->head_bytes) {
        size_t bytes;
        unsigned more = h->at < h->end ? AKSU_SEND_MORE : 0;
        aksu_err err =
            aksu_tcp_send(h->site->stack, h->sock, h->head + h->head_sent, h->head_bytes - h->head_sent, more, &bytes);
        if (err != AKSU_OK) return false;
        h->head_sent += bytes;
    }
    while (h->at < h->end) {
        if (!send_file(h)) return false;
    }
    if (h->file >= 0) (void)close(h->file);
    h->file = -1;
    h->at = h->end = 0;
    h->answering = false;
    return true;
}

/* Gives received bytes to the parser; false: none were there. */
static bool read_request(struct http *h) {
    aksu_iov iov[IOV_COUNT];
    uint32_t count;
    aksu_err err = aksu_tcp_recv_peek(h->site->stack, h->sock, iov, IOV_COUNT, &count);
    if (err != AKSU_OK) {
        if (err != AKSU_ERR_AGAIN) h->peer_done = true;
        return false;
    }
    size_t used = 0;
    for (uint32_t i = 0; i < count && !h->message_done && HTTP_PARSER_ERRNO(&h->parser) == HPE_OK; i++)
        used += http_parser_execute(&h->parser, &parser_settings, iov[i].base, iov[i].bytes);
    enum http_errno code = HTTP_PARSER_ERRNO(&h->parser);
    (void)aksu_tcp_recv_consume(h->site->stack, h->sock, used);
    if (code != HPE_OK && code != HPE_PAUSED) { /* not HTTP: say so and stop listening */
        h->keep_alive = false;
        h->message_done = true;
        h->status = 400;
    }
    return true;
}

/* Throws away what comes until the peer has closed too; false: he has, and it is over. */
static bool drain(struct http *h) {
    char scrap[4096];
    size_t bytes;
    aksu_err err;
    do {
        err = aksu_tcp_recv(h->site->stack, h->sock, scrap, sizeof scrap, &bytes);
    } while (err == AKSU_OK);
    if (err == AKSU_ERR_AGAIN) return true;
    http_close(h);
    return false;
}

bool http_event(struct http *h, const aksu_event *event) {
    if (event->bits & AKSU_EV_CLOSED) {
        http_close(h);
        return false;
    }
    if (h->draining) return drain(h);
    for (;;) {
        if (h->answering) {
            if (!send_answer(h)) break;
            if (!h->keep_alive) {
                h->draining = true;
                (void)aksu_tcp_shutdown(h->site->stack, h->sock);
                return drain(h);
            }
            http_parser_pause(&h->parser, 0);
            h->message_done = false;
        }
        if (!h->message_done && !read_request(h)) break;
        if (h->message_done) answer(h);
    }
    if (h->peer_done && !h->answering) {
        http_close(h);
        return false;
    }
    return true;
}
