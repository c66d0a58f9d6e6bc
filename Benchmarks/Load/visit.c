// login and resume: a new socket for each operation, many at a time, up to the first answered call.
//   login   open, WebSocket handshake, auth.guest, one bench.echo, close
//   resume  open, WebSocket handshake, session.resume, close; every visitor has a session from the warm-up
#define _GNU_SOURCE
#include "load.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { room_bytes = 8192, events_max = 1024, failures_in_a_row_max = 1000, token_bytes_max = 128 };
// So many different guests, each of whom comes again: the server's store of accounts does not grow with the seconds.
enum { guests = 4096 };

enum stage { connecting, securing, shaking, entering, calling };

struct visit {
    struct link link;
    enum stage stage;
    int64_t began;
    uint8_t room[room_bytes];
    size_t have;
    char token[token_bytes_max]; // of the session to resume; empty before the first visit
    size_t bytes_in, bytes_out;
};

static struct outcome outcome;
static bool resumes;
static int poller, failures_in_a_row;
static uint32_t guest;
static char request[1024];
static uint8_t echo[call_bytes_max];
static size_t request_bytes, echo_bytes;

static void begin(struct visit *v) {
    v->stage = connecting;
    v->have = v->bytes_in = v->bytes_out = 0;
    v->began = now_ns();
    // A full table of ports or descriptors passes; a server that is gone does not.
    while (!link_begin(&v->link)) {
        outcome.errors++;
        if (++failures_in_a_row > failures_in_a_row_max) fail("the server takes no connections");
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = v};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, v->link.descriptor, &event) != 0) fail("epoll_ctl");
}

// `counts` is false for the visit that got a session to resume.
static void finish(struct visit *v, bool good, bool counts) {
    if (good) {
        failures_in_a_row = 0;
        outcome.request_bytes = (int)v->bytes_in;
        outcome.reply_bytes = (int)v->bytes_out;
        if (counts && outcome.window.opened != 0 && outcome.window.closed == 0) {
            outcome.operations++;
            histogram_add(&outcome.latency, now_ns() - v->began);
        }
    } else {
        if (outcome.errors++ == 0) {
            fprintf(stderr, "load: stage %d failed with %.*s\n", v->stage, (int)(v->have < 400 ? v->have : 400), v->room);
        }
        v->token[0] = 0;
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

static void say(struct visit *v, enum stage stage, const void *bytes, size_t size) {
    v->stage = stage;
    v->have = 0;
    if (stage != shaking) v->bytes_in += size;
    if (!link_send(&v->link, bytes, size)) finish(v, false, false);
}

static void connected(struct visit *v) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(v->link.descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        finish(v, false, false);
        return;
    }
    wait_for(v, EPOLLIN);
    if (!options.tls) {
        say(v, shaking, request, request_bytes);
        return;
    }
    link_secure(&v->link);
    v->stage = securing;
    SSL_do_handshake(v->link.tls);
}

static void secure(struct visit *v) {
    int done = SSL_do_handshake(v->link.tls);
    if (done == 1) {
        say(v, shaking, request, request_bytes);
        return;
    }
    int why = SSL_get_error(v->link.tls, done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return;
    ERR_clear_error();
    finish(v, false, false);
}

static void enter(struct visit *v) {
    uint8_t call[call_bytes_max];
    if (v->token[0] == 0) {
        say(v, entering, call, guest_frame(call, json, 1, guest++ % guests));
        return;
    }
    struct param params[] = {
        {.key = "token", .text = v->token, .size = strlen(v->token)},
        {.key = "epoch", .number = 1},
        {.key = "seq", .number = 0},
    };
    say(v, entering, call, call_frame(call, json, 1, "session.resume", params, 3));
}

// Every message of a new session and every answer to a resume has the token for the next one.
static void keep_token(struct visit *v, const struct seen *s) {
    static const char key[] = "\"resume_token\":\"";
    const char *at = memmem(s->payload, s->size, key, sizeof key - 1);
    if (at == NULL) return;
    at += sizeof key - 1;
    const char *end = memchr(at, '"', (size_t)((const char *)s->payload + s->size - at));
    if (end == NULL || end - at >= token_bytes_max) return;
    memcpy(v->token, at, (size_t)(end - at));
    v->token[end - at] = 0;
}

static void answered(struct visit *v, const struct seen *s) {
    bool good = !is_failure(s, json);
    if (v->stage == calling) {
        good = good && memmem(s->payload, s->size, "xxxxxxxxxxxxxxxx", 16) != NULL;
        if (!resumes) v->token[0] = 0;
        finish(v, good, true);
    } else if (!good) {
        finish(v, false, false);
    } else if (!resumes) {
        say(v, calling, echo, echo_bytes);
    } else if (memmem(s->payload, s->size, "\"recovered\"", 11) == NULL) {
        finish(v, v->token[0] != 0, false); // the first visit: it came for the token
    } else {
        finish(v, memmem(s->payload, s->size, "\"recovered\":true", 16) != NULL, true);
    }
}

static void receive(struct visit *v) {
    if (v->have == sizeof v->room) {
        finish(v, false, false);
        return;
    }
    ssize_t got = link_receive(&v->link, v->room + v->have, sizeof v->room - v->have);
    if (got < 0) return;
    if (got == 0) {
        finish(v, false, false);
        return;
    }
    v->have += (size_t)got;
    if (v->stage == shaking) {
        if (v->have < 4 || memcmp(v->room + v->have - 4, "\r\n\r\n", 4) != 0) return;
        outcome.handshake_reply_bytes = (int)v->have;
        if (websocket_reply_is_good((char *)v->room, v->have)) enter(v);
        else finish(v, false, false);
        return;
    }
    struct seen s;
    for (size_t at = 0; next_frame(v->room + at, v->have - at, &s); at += s.whole) {
        if (s.opcode == 8) {
            finish(v, false, false);
            return;
        }
        if (s.opcode > 8) continue;
        keep_token(v, &s);
        if (!is_response(&s, json)) continue;
        v->bytes_out += v->have;
        answered(v, &s);
        return;
    }
}

static void act(struct visit *v) {
    switch (v->stage) {
    case connecting: connected(v); break;
    case securing: secure(v); break;
    default: receive(v);
    }
}

static void run(void) {
    struct visit *visits = calloc((size_t)options.connections, sizeof *visits);
    struct epoll_event events[events_max];
    struct param params = {.key = "text", .text = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", .size = 32};
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (visits == NULL || poller < 0) fail("no memory");
    options.protocol = encoding_protocol(json);
    request_bytes = websocket_request(request, sizeof request, "/v1/connect");
    echo_bytes = call_frame(echo, json, 2, "bench.echo", &params, 1);
    outcome.handshake_bytes = (int)request_bytes;
    window_plan(&outcome.window);
    for (int i = 0; i < options.connections; i++) begin(&visits[i]);
    while (window_runs(&outcome.window, now_ns())) {
        int ready = epoll_wait(poller, events, events_max, 10);
        for (int i = 0; i < ready; i++) act(events[i].data.ptr);
    }
    for (int i = 0; i < options.connections; i++) link_close(&visits[i].link);
    print_outcome(&outcome);
}

void run_login(void) { run(); }

void run_resume(void) {
    resumes = true;
    run();
}
