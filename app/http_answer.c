/* Answers: statuses, files, conditions and ranges.  RFC 9110 s8.8, s13, s14, s15.
 *
 * A file's validators are a strong ETag of its modification time to the nanosecond, size and inode, and its time in
 * seconds.  One range is answered by 206; several, and any that is not understood, by the whole file, which s14.2
 * allows. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "app/http_inside.h"

enum { ETAG_BYTES = 64, DATE_BYTES = 40 };

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
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Internal Server Error";
    }
}

static void write_date(time_t when, char buf[DATE_BYTES]) {
    struct tm tm;
    if (gmtime_r(&when, &tm) == NULL || strftime(buf, DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0) buf[0] = '\0';
}

/* RFC 9110 s5.6.7: all three forms are read. */
static bool parse_date(const char *text, time_t *ret_when) {
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%a, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        if (end == NULL || *end != '\0') continue;
        *ret_when = timegm(&tm);
        return true;
    }
    return false;
}

void http_head_add(struct http *h, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(h->head + h->head_bytes, sizeof h->head - h->head_bytes, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof h->head - h->head_bytes) h->head_bytes += (size_t)n;
}

/* Begins an answer, behind an interim one that may still wait; more headers may follow. */
static void head_begin(struct http *h, int status) {
    char date[DATE_BYTES];
    write_date(time(NULL), date);
    if (h->head_sent == h->head_bytes) h->head_bytes = h->head_sent = 0;
    if (h->site->stopping) h->keep_alive = false;
    http_head_add(h, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: aksu/%s\r\nConnection: %s\r\n", status, status_text(status),
                  date, AKSU_VERSION, h->keep_alive ? "keep-alive" : "close");
}

void http_answer_status(struct http *h, int status) {
    char body[64];
    bool bare = status == 204 || status == 304; /* RFC 9110 s8.6: neither content nor length */
    int bytes = bare ? 0 : snprintf(body, sizeof body, "%d %s\n", status, status_text(status));
    head_begin(h, status);
    if (status == 405) http_head_add(h, "Allow: GET, HEAD%s\r\n", h->site->writable ? ", PUT" : "");
    if (!bare) http_head_add(h, "Content-Type: text/plain\r\nContent-Length: %d\r\n", bytes);
    http_head_add(h, "\r\n");
    if (bytes > 0 && h->parser.method != HTTP_HEAD) http_head_add(h, "%s", body);
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

/* ---------------------------------------------------------------- conditions */

static void write_etag(const struct stat *st, char buf[ETAG_BYTES]) {
    (void)snprintf(buf, ETAG_BYTES, "\"%llx.%lx-%llx-%llx\"", (unsigned long long)st->st_mtim.tv_sec,
                   (unsigned long)st->st_mtim.tv_nsec, (unsigned long long)st->st_size, (unsigned long long)st->st_ino);
}

typedef enum comparison { COMPARE_STRONG, COMPARE_WEAK } comparison; /* RFC 9110 s8.8.3.2 */

/* Is the file's tag in the list?  "*" stands for any. */
static bool list_has_tag(const char *list, const struct stat *st, comparison how) {
    char etag[ETAG_BYTES];
    if (strcmp(list, "*") == 0) return st != NULL;
    if (st == NULL) return false;
    write_etag(st, etag);
    size_t etag_bytes = strlen(etag);
    while (*list != '\0') {
        while (*list == ' ' || *list == '\t' || *list == ',') list++;
        bool weak = list[0] == 'W' && list[1] == '/';
        if (weak) list += 2;
        const char *end = *list == '"' ? strchr(list + 1, '"') : NULL;
        if (end == NULL) return false; /* not a list of tags */
        end++;
        bool same = (size_t)(end - list) == etag_bytes && memcmp(list, etag, etag_bytes) == 0;
        if (same && (how == COMPARE_WEAK || !weak)) return true;
        list = end;
    }
    return false;
}

static bool modified_since(const struct stat *st, const char *date) {
    time_t when;
    return st != NULL && parse_date(date, &when) && st->st_mtime > when;
}

int http_conditions(const struct http *h, const struct stat *st) {
    bool reads = h->parser.method == HTTP_GET || h->parser.method == HTTP_HEAD;
    time_t when;
    if (h->header_count[HTTP_HEADER_IF_MATCH] > 0) {
        if (!list_has_tag(http_value(h, HTTP_HEADER_IF_MATCH), st, COMPARE_STRONG)) return 412;
    } else if (modified_since(st, http_value(h, HTTP_HEADER_IF_UNMODIFIED_SINCE))) {
        return 412;
    }
    if (h->header_count[HTTP_HEADER_IF_NONE_MATCH] > 0) {
        if (list_has_tag(http_value(h, HTTP_HEADER_IF_NONE_MATCH), st, COMPARE_WEAK)) return reads ? 304 : 412;
        return 0;
    }
    const char *since = http_value(h, HTTP_HEADER_IF_MODIFIED_SINCE);
    return reads && st != NULL && parse_date(since, &when) && !modified_since(st, since) ? 304 : 0;
}

/* RFC 9110 s13.1.5: is the range wanted of this file as it is now? */
static bool range_is_wanted(const struct http *h, const struct stat *st) {
    const char *value = http_value(h, HTTP_HEADER_IF_RANGE);
    time_t when;
    if (h->header_count[HTTP_HEADER_IF_RANGE] == 0) return true;
    if (value[0] == '"') return list_has_tag(value, st, COMPARE_STRONG);
    /* A time is a strong validator only once the second is over (s8.8.2.2). */
    return parse_date(value, &when) && when == st->st_mtime && st->st_mtime < time(NULL);
}

/* ---------------------------------------------------------------- ranges */

/* Digits, saturated; false: there are none. */
static bool parse_position(const char **text, uint64_t *ret_value) {
    const char *at = *text;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    bool any = at != *text;
    *text = at;
    *ret_value = value;
    return any;
}

typedef enum range_kind { RANGE_NONE, RANGE_ONE, RANGE_OUTSIDE } range_kind;

/* RFC 9110 s14.1.2.  NONE: several, or not understood. */
static range_kind parse_range(const char *text, off_t size, off_t *ret_at, off_t *ret_end) {
    uint64_t first, last, length = (uint64_t)size;
    if (strncasecmp(text, "bytes=", 6) != 0) return RANGE_NONE;
    text += 6;
    bool has_first = parse_position(&text, &first);
    if (*text++ != '-') return RANGE_NONE;
    bool has_last = parse_position(&text, &last);
    if (*text != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first)) return RANGE_NONE;
    if (!has_first) { /* the last so many */
        if (last == 0 || length == 0) return RANGE_OUTSIDE;
        *ret_at = (off_t)(last < length ? length - last : 0);
        *ret_end = size;
        return RANGE_ONE;
    }
    if (first >= length) return RANGE_OUTSIDE;
    *ret_at = (off_t)first;
    *ret_end = has_last && last < length ? (off_t)last + 1 : size;
    return RANGE_ONE;
}

/* ---------------------------------------------------------------- files */

/* The head of GET and HEAD for an open file, and what is to be sent of it. */
static void answer_file(struct http *h, const char *path, const struct stat *st) {
    char modified[DATE_BYTES], etag[ETAG_BYTES];
    write_date(st->st_mtime, modified);
    write_etag(st, etag);
    off_t at = 0, end = st->st_size;
    range_kind range = RANGE_NONE;
    if (h->parser.method == HTTP_GET && range_is_wanted(h, st)) /* s14.2: of GET only */
        range = parse_range(http_value(h, HTTP_HEADER_RANGE), st->st_size, &at, &end);
    if (range == RANGE_OUTSIDE) {
        head_begin(h, 416);
        http_head_add(h, "Content-Range: bytes */%lld\r\nContent-Length: 0\r\n\r\n", (long long)st->st_size);
        return;
    }
    head_begin(h, range == RANGE_ONE ? 206 : 200);
    if (range == RANGE_ONE)
        http_head_add(h, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)at, (long long)end - 1,
                      (long long)st->st_size);
    http_head_add(
        h, "Content-Type: %s\r\nContent-Length: %lld\r\nLast-Modified: %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\n\r\n",
        content_type(path), (long long)(end - at), modified, etag);
    if (h->parser.method == HTTP_HEAD) return;
    h->at = at;
    h->end = end;
}

static void answer_not_modified(struct http *h, const struct stat *st) {
    char modified[DATE_BYTES], etag[ETAG_BYTES];
    write_date(st->st_mtime, modified);
    write_etag(st, etag);
    head_begin(h, 304); /* with the validators that 200 would have had: s15.4.5 */
    http_head_add(h, "Last-Modified: %s\r\nETag: %s\r\n\r\n", modified, etag);
}

void http_answer_get(struct http *h) {
    char path[HTTP_PATH_BYTES + 16];
    struct stat st;
    if (!http_decode_path(h->path, path)) {
        http_answer_status(h, 400);
        return;
    }
    h->file = http_open_beneath(h->site->directory, path, O_RDONLY | O_NONBLOCK, 0);
    if (h->file >= 0 && fstat(h->file, &st) == 0 && S_ISDIR(st.st_mode)) {
        (void)close(h->file);
        (void)strncat(path, "/index.html", sizeof path - strlen(path) - 1);
        h->file = http_open_beneath(h->site->directory, path, O_RDONLY | O_NONBLOCK, 0);
    }
    if (h->file < 0) {
        http_answer_status(h, http_status_of(errno));
        return;
    }
    if (fstat(h->file, &st) != 0 || !S_ISREG(st.st_mode)) {
        http_answer_status(h, 403);
        return;
    }
    int status = http_conditions(h, &st);
    if (status == 304)
        answer_not_modified(h, &st);
    else if (status != 0)
        http_answer_status(h, status);
    else
        answer_file(h, path, &st);
}
