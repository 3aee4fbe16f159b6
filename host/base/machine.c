/* What a stack needs from the machine before it starts: a clock, entropy, an arena; and the texts of errors.
 *
 * The arena is an anonymous mapping without reservation: the core reserves all its limits at the start and touches
 * little of them, so the mapping may be far larger than the memory of the machine.  Fresh pages are zero, which is what
 * aksu_stack_init asks for, and page alignment is more than its 64 bytes.
 *
 * Huge pages are off by default: one touched byte would then cost up to 2 MiB, and an idle stack is mostly holes. */
#include "aksu/host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

int aksu_host_error_set(aksu_host_error *ret_error, int code, const char *format, ...) {
    if (ret_error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        ret_error->code = code;
        (void)vsnprintf(ret_error->text, sizeof ret_error->text, format, arguments);
        va_end(arguments);
    }
    return -code;
}

uint64_t aksu_host_now_us(void) {
    struct timespec now;
    /* CLOCK_MONOTONIC with a valid pointer cannot fail on Linux. */
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

int aksu_host_entropy(void *buf, size_t bytes, aksu_host_error *ret_error) {
    uint8_t *at = buf;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            int code = errno;
            return aksu_host_error_set(ret_error, code, "no entropy from the kernel: %s", strerror(code));
        }
        at += got;
        bytes -= (size_t)got;
    }
    return 0;
}

int aksu_arena_map(size_t bytes, aksu_arena_pages pages, aksu_arena *ret_arena, aksu_host_error *ret_error) {
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    if (bytes == 0 || bytes > SIZE_MAX / 2) {
        return aksu_host_error_set(ret_error, EINVAL, "no arena can have %zu bytes", bytes);
    }
    size_t map_bytes = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    void *mem =
        mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, /* fd= */ -1, 0);
    if (mem == MAP_FAILED) {
        int code = errno;
        return aksu_host_error_set(ret_error, code, "cannot map %zu bytes for a stack: %s", map_bytes, strerror(code));
    }
    switch (pages) {
    case AKSU_ARENA_SMALL_PAGES:
        /* Where the system's setting is "always", holes would fill up with huge pages. */
        (void)madvise(mem, map_bytes, MADV_NOHUGEPAGE);
        break;
    case AKSU_ARENA_HUGE_PAGES:
        (void)madvise(mem, map_bytes, MADV_HUGEPAGE); /* a wish: kernels without them say EINVAL */
        break;
    }
    *ret_arena = (aksu_arena){.mem = mem, .bytes = map_bytes};
    return 0;
}

void aksu_arena_unmap(aksu_arena *arena) {
    if (arena->mem != NULL) (void)munmap(arena->mem, arena->bytes);
    *arena = (aksu_arena){0};
}

int aksu_host_stack(const aksu_config *config, aksu_arena_pages pages, aksu_arena *ret_arena, aksu_stack **ret_stack,
                    aksu_host_error *ret_error) {
    static const uint8_t none[sizeof config->entropy] = {0};
    aksu_config own = *config;
    if (memcmp(own.entropy, none, sizeof none) == 0) {
        int failed = aksu_host_entropy(own.entropy, sizeof own.entropy, ret_error);
        if (failed) return failed;
    }
    const char *wrong = aksu_config_check(&own);
    if (wrong != NULL) return aksu_host_error_set(ret_error, EINVAL, "config: %s", wrong);

    aksu_arena arena = {0};
    int failed = aksu_arena_map(aksu_stack_bytes(&own), pages, &arena, ret_error);
    if (failed == 0) {
        aksu_stack *stack = NULL;
        aksu_err err = aksu_stack_init(&own, arena.mem, arena.bytes, &stack);
        if (err == AKSU_OK) {
            *ret_arena = arena;
            *ret_stack = stack;
        } else {
            aksu_arena_unmap(&arena);
            failed = aksu_host_error_set(ret_error, EINVAL, "cannot start a stack: %s", aksu_err_text(err));
        }
    }
    explicit_bzero(own.entropy, sizeof own.entropy);
    return failed;
}
