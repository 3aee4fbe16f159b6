/* Where a view's bytes go: to a file, a descriptor or memory, the view does not know which.  A writer answers false
 * when it could not take everything; the view then stops writing and tells its caller. */
#ifndef VIEW_WRITER_H
#define VIEW_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct ak_writer {
    bool (*write)(void *user, const void *bytes, size_t byte_count);
    void *user;
} ak_writer;

/* A writer to an open stream; the stream stays the caller's. */
ak_writer ak_writer_file(FILE *file);

/* A writer to memory that grows up to limit_bytes.  text is always NUL-terminated after a write; free it with
 * ak_memory_free.  Zero-initialise and set limit_bytes. */
typedef struct ak_memory {
    char *text; /* owned; NULL while empty */
    size_t used_bytes, cap_bytes;
    size_t limit_bytes;
} ak_memory;
ak_writer ak_writer_memory(ak_memory *memory);
void ak_memory_free(ak_memory *memory);

#endif /* VIEW_WRITER_H */
