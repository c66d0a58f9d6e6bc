#ifndef GAMEKEEPER_CLINUX_H
#define GAMEKEEPER_CLINUX_H

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC. Swift does not see it, because glibc shows it to _GNU_SOURCE only.
int gamekeeper_accept(int listener, struct sockaddr *address, socklen_t *length);

#endif
