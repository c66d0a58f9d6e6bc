// What the module of glibc does not show to Swift: epoll, and what wants _GNU_SOURCE.
#ifndef GAMEKEEPER_CLINUX_H
#define GAMEKEEPER_CLINUX_H

#include <sys/epoll.h>
#include <sys/eventfd.h>

struct sockaddr;

/// accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC.
int gamekeeper_accept(int listener, struct sockaddr *address, unsigned int *length);

/// Names the calling thread; the name has at most 15 bytes.
void gamekeeper_name_thread(const char *name);

/// How many processors the process may use.
int gamekeeper_processor_count(void);

/// Keeps the calling thread, and the threads and processes that it starts, on one processor. 0, or -1 with errno.
int gamekeeper_pin(int processor);

/// pipe2 with O_CLOEXEC: the end to read from, and the end to write to. 0, or -1 with errno.
int gamekeeper_pipe(int ends[2]);

/// How many bytes of the allocator's are in use.
unsigned long gamekeeper_memory_in_use(void);

/// malloc_trim: gives free pages back to the system. 1 when there were any.
int gamekeeper_trim_memory(void);

#endif
