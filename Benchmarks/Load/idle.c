// idle: WebSockets that are opened and then left alone, while somebody else reads the server's memory.
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void say_and_wait(int open) {
    printf("open %d\n", open);
    fflush(stdout);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[64];
    if (poll(&input, 1, 30000) <= 0 || read(STDIN_FILENO, line, sizeof line) <= 0) fail("nobody read the memory");
}

void run_idle(void) {
    struct link *links = calloc((size_t)options.connections, sizeof *links);
    if (links == NULL) fail("no memory");
    // What the server allocates once, whatever the number of connections, is paid by the first tenth.
    int first = (options.connections + 9) / 10;
    for (int i = 0; i < options.connections; i++) {
        if (i == first) say_and_wait(i);
        bool good = options.raw ? link_open(&links[i])
            : options.session   ? session_open(&links[i], json, (uint32_t)i)
                                : websocket_open(&links[i], "/ws", NULL);
        if (!good) {
            fail("connection %d of %d failed", i + 1, options.connections);
        }
    }
    say_and_wait(options.connections);
    for (int i = 0; i < options.connections; i++) link_close(&links[i]);
}
