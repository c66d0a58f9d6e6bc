// Counts the heap allocations of each thread, for tests that put a bound on them. Linking this target is enough: it
// stands in front of the allocator of glibc, for the program and for every library that it loads.
#ifndef GAMEKEEPER_CALLOCATIONS_H
#define GAMEKEEPER_CALLOCATIONS_H

/// 1, or 0 under a sanitizer, which has an allocator of its own: nothing is counted then.
int gamekeeper_counts_allocations(void);

/// How often the calling thread has asked for memory: malloc, calloc, realloc and the aligned ones.
unsigned long gamekeeper_allocations(void);

/// Keeps the call stack of the calling thread's next allocation.
void gamekeeper_watch_allocation(void);

/// Ends the watch. The stack that it kept, outermost call last, a line each; empty when nothing was allocated. It is
/// good until the thread's next watch.
const char *gamekeeper_watched_allocation(void);

#endif
