// start: how long from the start of the server's process to its first answered request.
#define _GNU_SOURCE
#include "load.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// Reads the server's output until it says `listening …PORT`; 0 if it does not within 10 s.
static int port_of(int output) {
    char text[1024];
    size_t have = 0;
    int64_t deadline = now_ns() + 10000000000;
    while (have < sizeof text - 1 && now_ns() < deadline) {
        struct pollfd wait = {.fd = output, .events = POLLIN};
        if (poll(&wait, 1, 1000) <= 0) continue;
        ssize_t got = read(output, text + have, sizeof text - 1 - have);
        if (got <= 0) return 0;
        have += (size_t)got;
        text[have] = 0;
        const char *said = strstr(text, "listening "), *end = said != NULL ? strchr(said, '\n') : NULL;
        if (end == NULL) continue;
        while (end > said && end[-1] >= '0' && end[-1] <= '9') end--;
        return atoi(end);
    }
    return 0;
}

static bool first_answer(void) {
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct link link;
    char reply[64];
    if (!link_open(&link)) return false;
    bool good = link_send(&link, request, sizeof request - 1) && link_receive(&link, reply, sizeof reply) > 12
        && memcmp(reply, "HTTP/1.1 200", 12) == 0;
    link_close(&link);
    return good;
}

// The server's life: started, asked once, ended. Nanoseconds, or -1.
static int64_t one_start(void) {
    int pipes[2];
    pid_t server;
    posix_spawn_file_actions_t actions;
    if (pipe(pipes) != 0) fail("pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, pipes[0]);
    posix_spawn_file_actions_addclose(&actions, pipes[1]);
    int64_t began = now_ns(), took = -1;
    if (posix_spawn(&server, options.command[0], &actions, NULL, options.command, environ) != 0) {
        fail("%s can't be started", options.command[0]);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    options.port = port_of(pipes[0]);
    if (options.port != 0 && first_answer()) took = now_ns() - began;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    close(pipes[0]);
    return took;
}

static int ascending(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

void run_start(void) {
    if (options.command == NULL || options.command[0] == NULL) fail("start needs -- COMMAND");
    int64_t *times = calloc((size_t)options.rounds, sizeof *times);
    if (times == NULL) fail("no memory");
    for (int i = 0; i < options.rounds; i++) {
        times[i] = one_start();
        if (times[i] < 0) fail("%s gave no answer", options.command[0]);
    }
    qsort(times, (size_t)options.rounds, sizeof *times, ascending);
    printf("{\"rounds\": %d, \"median_ms\": %.3f, \"min_ms\": %.3f, \"max_ms\": %.3f, \"errors\": 0}\n", options.rounds,
           (double)times[options.rounds / 2] / 1e6, (double)times[0] / 1e6,
           (double)times[options.rounds - 1] / 1e6);
}
