/* Paths, and PUT: RFC 9110 s9.3.4.
 *
 * No path leaves the served directory: openat2 resolves it beneath, links included.  An upload is written to a new
 * file in the directory of the one it replaces and takes its name by rename when it is complete, so others see the old
 * file or the new one and nothing between.  What can be refused is refused before the body is read: no space for
 * it, too large, a directory of that name.
 *
 * Not done: fsync; directories are not made; a killed process leaves its .part file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/http_inside.h"

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool http_decode_path(const char *target, char ret_path[HTTP_PATH_BYTES]) {
    size_t used = 0;
    if (strncasecmp(target, "http://", 7) == 0) { /* absolute-form, RFC 9112 s3.2.2 */
        target += 7;
        while (*target != '\0' && *target != '/' && *target != '?') target++;
    } else if (*target != '/') {
        return false;
    }
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

int http_open_beneath(int directory, const char *path, int flags, unsigned mode) {
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC, .mode = mode, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int http_status_of(int errno_value) {
    switch (errno_value) {
    case ENOENT:
    case ENOTDIR: return 404;
    case ENAMETOOLONG: return 414;
    case EXDEV:
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP: return 403;
    case EISDIR:
    case ENOTEMPTY:
    case EEXIST: return 409;
    case EFBIG: return 413;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return 503;
    case ENOSPC:
    case EDQUOT: return 507;
    default: return 500;
    }
}

/* Splits a path into the directory, opened, and the name in it.  0, or a status. */
static int open_parent(struct http *h, const char *path) {
    http_upload *up = h->upload;
    char parent[HTTP_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (name[0] == '\0' || strcmp(name, ".") == 0) return 409; /* a directory's name */
    if (strcmp(name, "..") == 0) return 403;
    if (strlen(name) >= sizeof up->name) return 414;
    memcpy(up->name, name, strlen(name) + 1);
    size_t bytes = slash != NULL ? (size_t)(slash - path) : 0;
    memcpy(parent, path, bytes);
    memcpy(parent + bytes, bytes > 0 ? "" : ".", bytes > 0 ? 1 : 2);
    up->parent = http_open_beneath(h->site->directory, parent, O_RDONLY | O_DIRECTORY, 0);
    return up->parent < 0 ? http_status_of(errno) : 0;
}

/* Is there room for what has been announced? */
static int check_room(const struct http *h) {
    uint64_t announced = h->parser.content_length;
    if ((h->parser.flags & F_CHUNKED) != 0 || announced == UINT64_MAX) return 0;
    if (h->site->upload_max_bytes > 0 && announced > h->site->upload_max_bytes) return 413;
    if (announced > INT64_MAX) return 413;
    struct statvfs space;
    if (fstatvfs(h->upload->parent, &space) != 0 || space.f_blocks == 0) return 0;
    return announced / space.f_frsize > space.f_bavail ? 507 : 0;
}

static int open_temporary(struct http *h) {
    http_upload *up = h->upload;
    struct stat st;
    up->replaces = fstatat(up->parent, up->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (up->replaces && S_ISDIR(st.st_mode)) return 409;
    int status = http_conditions(h, up->replaces ? &st : NULL);
    if (status == 0) status = check_room(h);
    if (status != 0) return status;
    (void)snprintf(up->temporary, sizeof up->temporary, ".aksu-%ld-%llx.part", (long)getpid(),
                   (unsigned long long)(uintptr_t)h);
    up->file = openat(up->parent, up->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return up->file < 0 ? http_status_of(errno) : 0;
}

int http_upload_begin(struct http *h) {
    char path[HTTP_PATH_BYTES];
    if (!h->site->writable) return 405;
    /* A part of a file is not what this PUT would store: RFC 9110 s14.5. */
    if (h->header_count[HTTP_HEADER_CONTENT_RANGE] > 0 || !http_decode_path(h->path, path)) return 400;
    h->upload = calloc(1, sizeof *h->upload);
    if (h->upload == NULL) return 503;
    h->upload->parent = h->upload->file = -1;
    int status = open_parent(h, path);
    if (status == 0) status = open_temporary(h);
    if (status != 0) http_upload_drop(h);
    return status;
}

int http_upload_write(struct http *h, const char *bytes, size_t count) {
    http_upload *up = h->upload;
    if (h->site->upload_max_bytes > 0 && count > h->site->upload_max_bytes - (uint64_t)up->bytes) return 413;
    while (count > 0) {
        ssize_t n = pwrite(up->file, bytes, count, up->bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? http_status_of(errno) : 507;
        up->bytes += n;
        bytes += n;
        count -= (size_t)n;
    }
    return 0;
}

int http_upload_finish(struct http *h) {
    http_upload *up = h->upload;
    int failed = renameat(up->parent, up->temporary, up->parent, up->name);
    int status = up->replaces ? 204 : 201;
    if (failed != 0)
        status = http_status_of(errno);
    else
        up->temporary[0] = '\0';
    http_upload_drop(h);
    return status;
}

void http_upload_drop(struct http *h) {
    http_upload *up = h->upload;
    if (up == NULL) return;
    if (up->file >= 0) (void)close(up->file);
    if (up->file >= 0 && up->temporary[0] != '\0') (void)unlinkat(up->parent, up->temporary, 0);
    if (up->parent >= 0) (void)close(up->parent);
    free(up);
    h->upload = NULL;
}
