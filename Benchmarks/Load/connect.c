// connect: open, WebSocket handshake, one message there and back, close; again and again, many at a time.
#define _GNU_SOURCE
#include "load.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { room_bytes = 8192, events_max = 1024, failures_in_a_row_max = 1000 };

enum stage { connecting, securing, shaking, echoing };

struct visit {
    struct link link;
    enum stage stage;
    int64_t began;
    uint8_t room[room_bytes];
    size_t have;
};

static struct outcome outcome;
static int poller, failures_in_a_row;
static char request[1024];
static uint8_t message[16 + 65536], model[16];
static size_t request_bytes, message_bytes, back, reply_bytes;

static void begin(struct visit *v) {
    v->stage = connecting;
    v->have = 0;
    v->began = now_ns();
    // A full table of ports or descriptors passes; a server that is gone does not.
    while (!link_begin(&v->link)) {
        outcome.errors++;
        if (++failures_in_a_row > failures_in_a_row_max) fail("the server takes no connections");
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = v};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, v->link.descriptor, &event) != 0) fail("epoll_ctl");
}

static void finish(struct visit *v, bool good) {
    if (good) {
        failures_in_a_row = 0;
        if (outcome.window.opened != 0 && outcome.window.closed == 0) {
            outcome.operations++;
            histogram_add(&outcome.latency, now_ns() - v->began);
        }
    } else {
        outcome.errors++;
        if (++failures_in_a_row > failures_in_a_row_max) fail("the server ends every connection");
    }
    epoll_ctl(poller, EPOLL_CTL_DEL, v->link.descriptor, NULL);
    link_close(&v->link);
    begin(v);
}

static void wait_for(struct visit *v, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = v};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, v->link.descriptor, &event) != 0) fail("epoll_ctl");
}

static void ask(struct visit *v) {
    v->stage = shaking;
    v->have = 0;
    if (!link_send(&v->link, request, request_bytes)) finish(v, false);
}

static void connected(struct visit *v) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(v->link.descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        finish(v, false);
        return;
    }
    wait_for(v, EPOLLIN);
    if (!options.tls) {
        ask(v);
        return;
    }
    link_secure(&v->link);
    v->stage = securing;
    SSL_do_handshake(v->link.tls);
}

static void secure(struct visit *v) {
    int done = SSL_do_handshake(v->link.tls);
    if (done == 1) {
        ask(v);
        return;
    }
    int why = SSL_get_error(v->link.tls, done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return;
    ERR_clear_error();
    finish(v, false);
}

// True when the handshake's reply is complete; `good` tells whether it is the right one.
static bool shaken(struct visit *v, bool *good) {
    if (options.raw) {
        *good = v->have == (size_t)options.raw_first_out;
        return v->have >= (size_t)options.raw_first_out;
    }
    if (v->have < 4 || memcmp(v->room + v->have - 4, "\r\n\r\n", 4) != 0) return false;
    *good = websocket_reply_is_good((char *)v->room, v->have);
    outcome.handshake_reply_bytes = (int)v->have;
    return true;
}

static void receive(struct visit *v) {
    ssize_t got = link_receive(&v->link, v->room + v->have, sizeof v->room - v->have);
    if (got < 0) return;
    if (got == 0) {
        finish(v, false);
        return;
    }
    v->have += (size_t)got;
    bool good = true;
    if (v->stage == shaking) {
        if (!shaken(v, &good)) return;
        v->stage = echoing;
        v->have = 0;
        if (!good || !link_send(&v->link, message, message_bytes)) finish(v, false);
    } else if (v->have >= reply_bytes) {
        good = v->have == reply_bytes && (options.raw || memcmp(v->room, model, back) == 0);
        finish(v, good);
    }
}

static void act(struct visit *v) {
    switch (v->stage) {
    case connecting: connected(v); break;
    case securing: secure(v); break;
    case shaking:
    case echoing: receive(v); break;
    }
}

static void prepare(void) {
    size_t payload = (size_t)options.size;
    request_bytes = websocket_request(request, sizeof request, options.path != NULL ? options.path : "/ws");
    size_t front = websocket_head(message, payload, true);
    back = websocket_head(model, payload, false);
    memset(message + front, 'x', payload);
    message_bytes = front + payload;
    reply_bytes = back + payload;
    if (options.raw) {
        if (options.raw_first_in == 0) fail("connect --raw needs --raw-first");
        request_bytes = (size_t)options.raw_first_in;
        message_bytes = (size_t)options.raw_in;
        reply_bytes = (size_t)options.raw_out;
    }
    if (request_bytes > sizeof request || reply_bytes > room_bytes) fail("these sizes are too large for connect");
    outcome.request_bytes = (int)message_bytes;
    outcome.reply_bytes = (int)reply_bytes;
    outcome.handshake_bytes = (int)request_bytes;
}

void run_connect(void) {
    struct visit *visits = calloc((size_t)options.connections, sizeof *visits);
    struct epoll_event events[events_max];
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (visits == NULL || poller < 0) fail("no memory");
    prepare();
    window_plan(&outcome.window);
    for (int i = 0; i < options.connections; i++) begin(&visits[i]);
    while (window_runs(&outcome.window, now_ns())) {
        int ready = epoll_wait(poller, events, events_max, 10);
        for (int i = 0; i < ready; i++) act(events[i].data.ptr);
    }
    for (int i = 0; i < options.connections; i++) link_close(&visits[i].link);
    print_outcome(&outcome);
}
