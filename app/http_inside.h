/* What the files of the HTTP server share: one connection and its request. */
#ifndef APP_HTTP_INSIDE_H
#define APP_HTTP_INSIDE_H

#include <http_parser.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "app/http.h"

enum {
    HTTP_PATH_BYTES = 1024,  /* of a request target; longer: 414 */
    HTTP_TEXT_BYTES = 2048,  /* of all header values that mean something to us; more: 431 */
    HTTP_HEAD_BYTES = 1024,  /* of an answer: it is of our own making, and never longer */
    HTTP_HEAD_MAX = 16384,   /* of a request's head as it comes; longer: 431 */
    HTTP_FIELD_BYTES = 24,   /* longest name of a header we know, and more */
    HTTP_LINE_TAIL_BYTES = 9 /* " HTTP/1.1" */
};

typedef enum http_header {
    HTTP_HEADER_OTHER,
    HTTP_HEADER_HOST,
    HTTP_HEADER_RANGE,
    HTTP_HEADER_IF_RANGE,
    HTTP_HEADER_IF_MATCH,
    HTTP_HEADER_IF_NONE_MATCH,
    HTTP_HEADER_IF_MODIFIED_SINCE,
    HTTP_HEADER_IF_UNMODIFIED_SINCE,
    HTTP_HEADER_EXPECT,
    HTTP_HEADER_TRANSFER_ENCODING,
    HTTP_HEADER_CONTENT_RANGE,
    HTTP_HEADERS
} http_header;

/* A file that is being received: written under a name of its own beside the one it will replace. */
typedef struct http_upload {
    int parent; /* directory of both names */
    int file;
    off_t bytes;
    bool replaces;
    char name[256], temporary[48];
} http_upload;

struct http {
    http_site *site;
    aksu_sock sock;
    /* its place in a queue */
    struct http *earlier, *later;
    http_limit limit;
    uint64_t deadline_us;
    uint64_t moved_bytes; /* of a body, since the deadline was set */
    /* the request */
    http_parser parser;
    char path[HTTP_PATH_BYTES];
    size_t path_bytes;
    bool path_too_long, text_full;
    char field[HTTP_FIELD_BYTES];
    size_t field_bytes;
    bool in_field; /* the last piece was of a name, not of a value */
    http_header header;
    unsigned header_count[HTTP_HEADERS];
    uint16_t value_at[HTTP_HEADERS]; /* in text */
    char text[HTTP_TEXT_BYTES];      /* values, each closed by a NUL; the first byte is one, for those not there */
    size_t text_bytes;
    char line_tail[HTTP_LINE_TAIL_BYTES]; /* of a request line whose method is not known */
    size_t line_bytes;
    bool scanning_line;
    bool message_done, keep_alive;
    int status; /* of a request that went wrong while it was read; 0: none */
    http_upload *upload;
    /* the answer */
    bool answering;
    char head[HTTP_HEAD_BYTES];
    size_t head_bytes, head_sent;
    int file;
    off_t at, end;  /* what is still to be sent of it */
    bool lingering; /* our FIN is queued: what still comes is thrown away, so that closing is no reset */
};

/* ---- http.c */
void http_set_limit(struct http *h, http_limit limit);
void http_set_body_limit(struct http *h); /* HTTP_LIMIT_TRANSFER, from now */

/* ---- http_read.c */
typedef enum http_read { HTTP_READ_SOME, HTTP_READ_NOTHING, HTTP_READ_END } http_read;
void http_parser_start(struct http *h);
http_read http_read_request(struct http *h); /* sets message_done when there is something to answer */

/* The value of a header of this request, "" if it is not there. */
const char *http_value(const struct http *h, http_header header);

/* ---- http_answer.c */
void http_head_add(struct http *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
void http_answer_status(struct http *h, int status); /* an answer that is no more than its status */
void http_answer_get(struct http *h);

/* RFC 9110 s13.2.2: the status that the request's conditions call for, 0: go on.  st is NULL where there is no file. */
int http_conditions(const struct http *h, const struct stat *st);

/* ---- http_upload.c */
/* The path of the request target, decoded, relative to the directory; false: malformed, or it holds a NUL. */
bool http_decode_path(const char *target, char ret_path[HTTP_PATH_BYTES]);
/* Never outside the directory, whatever the path and its links say. */
int http_open_beneath(int directory, const char *path, int flags, unsigned mode);
int http_status_of(int errno_value);

int http_upload_begin(struct http *h); /* 0, or a status */
int http_upload_write(struct http *h, const char *bytes, size_t count);
int http_upload_finish(struct http *h); /* the status */
void http_upload_drop(struct http *h);  /* NULL is allowed */

#endif
