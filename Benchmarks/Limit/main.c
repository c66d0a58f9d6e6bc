// The physical limit: what this machine's kernel lets one thread do, with no protocol at all.
//
// A level-triggered epoll loop that makes the reads and writes of the real server and nothing else: it finds the end of
// a message by counting bytes, and answers from a buffer that was filled before the first connection came. It neither
// parses nor copies. `gamekeeper bench` divides the cost of the real server by the cost of this one.
//
//   limit --mode echo   --in 106 --out 102                  each 106 bytes are answered by 102
//   limit --mode http   --in 45 --out 130                   the same, answered by an HTTP response of that length
//   limit --mode fanout --in 1032 --out 1028                each 1032 bytes are answered by 1028 to everybody else
//   … --first-in 160 --first-out 129                        a connection first has that one exchange (a handshake)
//   … --port P                                              0, the default, lets the system choose
//
// It prints `listening PORT`, serves the loopback interface only, and ends by a signal, or after half an hour.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    input_bytes = 512 * 1024,       // one receive; the real server's size
    output_bytes = 4 * 1024 * 1024, // one send at most
    events_max = 1024,
    backlog = 4096,
    message_bytes_max = 1024 * 1024,
    minutes_max = 30,
};

enum mode { mode_echo, mode_http, mode_fanout };

struct connection {
    int descriptor;
    uint32_t position;  // in the list of all
    uint64_t counted;   // bytes of a message that has not fully arrived
    uint64_t owed;      // bytes that did not fit into the socket
    uint32_t phase;     // where in a reply the next byte sent stands
    bool first_is_done; // the handshake's exchange has passed
    bool waits;         // for room to send
    bool closed;
};

static enum mode mode = mode_echo;
static uint64_t in_bytes = 106, out_bytes = 102, first_in, first_out;
static char *input, *output, *greeting;
static int poller;
static struct connection **all;
static uint32_t count, capacity;
static struct connection *closed_now[events_max + 1];
static int closed_count;

static void fail(const char *what) {
    fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
    exit(1);
}

// A reply that the generator can verify: a WebSocket frame, or a response padded to the wanted length.
static void make_reply(char *reply, uint64_t size) {
    memset(reply, 'x', size);
    if (mode != mode_http) {
        if (size < 2) return;
        reply[0] = (char)0x82;
        if (size <= 127) {
            reply[1] = (char)(size - 2);
        } else if (size <= 65539) {
            reply[1] = 126;
            reply[2] = (char)((size - 4) >> 8);
            reply[3] = (char)(size - 4);
        }
        return;
    }
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nPad: ", tail[] = "\r\n\r\nhello";
    if (size < sizeof head + sizeof tail) {
        fprintf(stderr, "limit: an HTTP reply has at least %zu bytes\n", sizeof head + sizeof tail);
        exit(2);
    }
    memcpy(reply, head, sizeof head - 1);
    memcpy(reply + size - (sizeof tail - 1), tail, sizeof tail - 1);
}

static void watch(struct connection *c, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->descriptor, &event) != 0) fail("epoll_ctl");
}

static void close_connection(struct connection *c) {
    if (c->closed) return;
    c->closed = true;
    watch(c, 0, EPOLL_CTL_DEL);
    close(c->descriptor);
    count--;
    all[c->position] = all[count];
    all[c->position]->position = c->position;
    // The batch of events may still name it.
    if (closed_count <= events_max) closed_now[closed_count++] = c;
}

// Sends from the prepared replies. One call per run of replies, as the real server has one send per iteration.
static void send_owed(struct connection *c) {
    while (c->owed > 0) {
        uint64_t size = c->owed;
        if (size > output_bytes - c->phase) size = output_bytes - c->phase;
        ssize_t sent = send(c->descriptor, output + c->phase, size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) {
                close_connection(c);
                return;
            }
            if (!c->waits) watch(c, EPOLLOUT, EPOLL_CTL_MOD); // reads no more until the peer does
            c->waits = true;
            return;
        }
        c->owed -= (uint64_t)sent;
        c->phase = (uint32_t)((c->phase + (uint64_t)sent) % out_bytes);
    }
    if (c->waits) watch(c, EPOLLIN, EPOLL_CTL_MOD);
    c->waits = false;
}

static void fan_out(struct connection *publisher, uint64_t messages) {
    // Downwards, because a connection that breaks is replaced by the last one.
    for (uint32_t i = count; i-- > 0;) {
        struct connection *c = all[i];
        if (c == publisher) continue;
        c->owed += messages * out_bytes;
        if (!c->waits) send_owed(c);
        if (closed_count > events_max) return;
    }
}

static void read_some(struct connection *c) {
    ssize_t got = recv(c->descriptor, input, input_bytes, 0);
    if (got <= 0) {
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        close_connection(c);
        return;
    }
    c->counted += (uint64_t)got;
    if (!c->first_is_done) {
        if (c->counted < first_in) return;
        c->counted -= first_in;
        c->first_is_done = true;
        if (send(c->descriptor, greeting, first_out, MSG_NOSIGNAL) != (ssize_t)first_out) {
            close_connection(c);
            return;
        }
    }
    uint64_t messages = c->counted / in_bytes;
    if (messages == 0) return;
    c->counted %= in_bytes;
    if (mode == mode_fanout) {
        fan_out(c, messages);
    } else {
        c->owed += messages * out_bytes;
        if (!c->waits) send_owed(c);
    }
}

static void accept_some(int listener) {
    for (int i = 0; i < 64; i++) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) return;
        int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = calloc(1, sizeof *c);
        if (count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            all = realloc(all, capacity * sizeof *all);
        }
        if (c == NULL || all == NULL) fail("memory");
        c->descriptor = descriptor;
        c->position = count;
        c->first_is_done = first_in == 0;
        all[count++] = c;
        watch(c, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int listen_on(uint16_t port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (listener < 0) fail("socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(listener, backlog) != 0) fail("listen");
    socklen_t length = sizeof address;
    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) fail("getsockname");
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static uint64_t number(const char *text, uint64_t max) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != 0 || end == text || value > max) {
        fprintf(stderr, "limit: %s is not a number up to %llu\n", text, (unsigned long long)max);
        exit(2);
    }
    return value;
}

static uint16_t read_arguments(int argc, char **argv) {
    uint16_t port = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--port") == 0) port = (uint16_t)number(value, 65535);
        else if (strcmp(name, "--in") == 0) in_bytes = number(value, message_bytes_max);
        else if (strcmp(name, "--out") == 0) out_bytes = number(value, message_bytes_max);
        else if (strcmp(name, "--first-in") == 0) first_in = number(value, message_bytes_max);
        else if (strcmp(name, "--first-out") == 0) first_out = number(value, message_bytes_max);
        else if (strcmp(name, "--mode") == 0 && strcmp(value, "echo") == 0) mode = mode_echo;
        else if (strcmp(name, "--mode") == 0 && strcmp(value, "http") == 0) mode = mode_http;
        else if (strcmp(name, "--mode") == 0 && strcmp(value, "fanout") == 0) mode = mode_fanout;
        else argc = 0; // leads to the complaint below
    }
    if (argc % 2 == 0 || in_bytes == 0 || out_bytes == 0) {
        fprintf(stderr, "usage: limit [--port P] [--mode echo|http|fanout] [--in BYTES] [--out BYTES]"
                        " [--first-in BYTES --first-out BYTES]\n");
        exit(2);
    }
    return port;
}

int main(int argc, char **argv) {
    uint16_t port = read_arguments(argc, argv);
    alarm(minutes_max * 60); // whoever started it may have died without a word
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    input = malloc(input_bytes);
    output = malloc(output_bytes + message_bytes_max);
    greeting = calloc(1, first_out + 1);
    if (input == NULL || output == NULL || greeting == NULL) fail("memory");
    make_reply(output, out_bytes);
    for (uint64_t at = out_bytes; at < output_bytes; at += out_bytes) memcpy(output + at, output, out_bytes);

    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) fail("epoll_create1");
    int listener = listen_on(port);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[events_max];
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) != 0) fail("epoll_ctl");
    for (;;) {
        int ready = epoll_wait(poller, events, events_max, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == NULL) accept_some(listener);
            else if (c->closed) continue;
            else if (c->waits) send_owed(c);
            else read_some(c);
        }
        while (closed_count > 0) free(closed_now[--closed_count]);
    }
}
