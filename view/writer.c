/* Writers to a stream and to memory.  The memory one doubles its block, never beyond the caller's limit; a write
 * that would pass the limit is refused whole, so what is held is always a prefix made of whole writes. */
#include "view/writer.h"

#include <stdlib.h>
#include <string.h>

static bool file_write(void *user, const void *bytes, size_t byte_count) {
    return fwrite(bytes, 1, byte_count, (FILE *)user) == byte_count;
}

ak_writer ak_writer_file(FILE *file) {
    return (ak_writer){.write = file_write, .user = file};
}

static bool memory_write(void *user, const void *bytes, size_t byte_count) {
    ak_memory *m = user;
    if (byte_count > m->limit_bytes || m->used_bytes > m->limit_bytes - byte_count) return false;
    size_t need = m->used_bytes + byte_count + 1;
    if (need > m->cap_bytes) {
        size_t cap = m->cap_bytes < 1024 ? 1024 : m->cap_bytes;
        while (cap < need) cap *= 2;
        char *text = realloc(m->text, cap);
        if (text == NULL) return false;
        m->text = text;
        m->cap_bytes = cap;
    }
    if (byte_count > 0) memcpy(m->text + m->used_bytes, bytes, byte_count);
    m->used_bytes += byte_count;
    m->text[m->used_bytes] = '\0';
    return true;
}

ak_writer ak_writer_memory(ak_memory *memory) {
    return (ak_writer){.write = memory_write, .user = memory};
}

void ak_memory_free(ak_memory *memory) {
    free(memory->text);
    *memory = (ak_memory){.limit_bytes = memory->limit_bytes};
}
