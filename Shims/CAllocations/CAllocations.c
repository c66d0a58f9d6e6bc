#define _GNU_SOURCE
#include "CAllocations.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stddef.h>
#include <stdio.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define GAMEKEEPER_SANITIZED 1
#endif
#endif

enum { frames_max = 24 };

// Each thread has its own, so no lock is taken and no other test disturbs the count. They lie in the program's own
// thread block: touching them allocates nothing.
static _Thread_local unsigned long count;
static _Thread_local int is_watching;
static _Thread_local int frame_count;
static _Thread_local void *frames[frames_max];
static _Thread_local char text[8192];

unsigned long gamekeeper_allocations(void) { return count; }

void gamekeeper_watch_allocation(void) {
    // The first call of backtrace loads a library, which allocates.
    backtrace(frames, 1);
    frame_count = 0;
    is_watching = 1;
}

const char *gamekeeper_watched_allocation(void) {
    is_watching = 0;
    size_t used = 0;
    text[0] = 0;
    // The two innermost are this file's.
    for (int index = 2; index < frame_count && used < sizeof text; index++) {
        Dl_info info = {0};
        dladdr(frames[index], &info);
        int length = snprintf(text + used, sizeof text - used, "%s+%#tx %s\n", info.dli_fname ? info.dli_fname : "?",
                              (char *)frames[index] - (char *)info.dli_fbase, info.dli_sname ? info.dli_sname : "");
        if (length > 0) used += (size_t)length;
    }
    return text;
}

#ifdef GAMEKEEPER_SANITIZED

int gamekeeper_counts_allocations(void) { return 0; }

#else

int gamekeeper_counts_allocations(void) { return 1; }

// The allocator behind the names that are taken here. It promises them for exactly this.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t number, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static __attribute__((noinline)) void note(void) {
    count++;
    if (is_watching) {
        is_watching = 0;
        frame_count = backtrace(frames, frames_max);
    }
}

void *malloc(size_t size) {
    note();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    note();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    note();
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    note();
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
    void *found = __libc_memalign(alignment, size);
    if (found == NULL) return ENOMEM;
    *memory = found;
    return 0;
}

#endif
