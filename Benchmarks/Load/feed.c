// feed: sessions in three encodings subscribe to one topic; one more makes the server publish, one message in the air at a
// time. All is on the reliable lane: each message of a session has the next number, and is acknowledged now and then.
#define _GNU_SOURCE
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { room_bytes = 64 * 1024, events_max = 1024 };
// What docs/sessions.md asks of clients: at the latest after so many events.
enum { ack_every = 64 };

struct listener {
    struct link link;
    enum encoding encoding;
    uint64_t seq; // of the last message
    uint8_t kept[8192];
    size_t kept_bytes;
};

static struct outcome outcome;
static struct link publisher;
static uint8_t publication[call_bytes_max];
static size_t publication_bytes;
static int outstanding;
static int64_t published;
static uint64_t frame_bytes_seen, frames_seen;

static void subscribe(struct listener *l, int number) {
    static const enum encoding used[] = {json, msgpack, protobuf};
    static struct inbox in;
    static const char topic[] = "bench.feed";
    uint8_t call[call_bytes_max];
    struct param params = {.key = "topic", .text = topic, .size = sizeof topic - 1};
    struct seen reply;
    l->encoding = used[number % 3];
    in.have = in.taken = 0;
    if (!session_open(&l->link, l->encoding, (uint32_t)number)) fail("listener %d failed", number + 1);
    size_t size = call_frame(call, l->encoding, 2, "topic.subscribe", &params, 1);
    if (!call_and_wait(&in, &l->link, l->encoding, call, size, &reply) || is_failure(&reply, l->encoding)) {
        fail("listener %d could not subscribe: %.*s", number + 1, (int)reply.size, reply.payload);
    }
    link_never_blocks(&l->link);
}

static void publish(void) {
    published = now_ns();
    outstanding = options.connections;
    if (!link_send(&publisher, publication, publication_bytes)) fail("the publisher lost its connection");
}

static void acknowledge(struct listener *l) {
    uint8_t ack[128];
    size_t size = ack_frame(ack, l->encoding, l->seq);
    if (!link_send(&l->link, ack, size)) fail("a listener lost its connection");
}

static void hear(struct listener *l, const struct seen *s) {
    if (s->opcode == 8) fail("a listener was sent away");
    if (s->opcode > 8 || !is_event(s, l->encoding)) return;
    uint64_t seq = seq_of(s, l->encoding);
    if (memmem(s->payload, s->size, "bench.feed", 10) == NULL || (l->seq != 0 && seq != l->seq + 1)) {
        if (outcome.errors++ == 0) {
            fprintf(stderr, "load: message %llu after %llu: %.*s\n", (unsigned long long)seq, (unsigned long long)l->seq,
                    (int)(s->size < 200 ? s->size : 200), s->payload);
        }
    }
    l->seq = seq;
    if (seq % ack_every == 0) acknowledge(l);
    outstanding--;
    if (outcome.window.opened == 0) return;
    frame_bytes_seen += s->whole;
    frames_seen++;
    outcome.operations++;
    histogram_add(&outcome.latency, now_ns() - published);
}

static void receive(struct listener *l) {
    static uint8_t room[room_bytes + sizeof l->kept];
    do {
        memcpy(room, l->kept, l->kept_bytes);
        ssize_t got = link_receive(&l->link, room + l->kept_bytes, room_bytes);
        if (got < 0) return;
        if (got == 0) fail("a listener lost its connection");
        const uint8_t *at = room;
        size_t have = l->kept_bytes + (size_t)got;
        struct seen s;
        for (; next_frame(at, have, &s); at += s.whole, have -= s.whole) hear(l, &s);
        if (have > sizeof l->kept) fail("a message without an end");
        memcpy(l->kept, at, have);
        l->kept_bytes = have;
    } while (link_may_hold(&l->link));
}

// What the publisher is told is of no interest, but it must not stay in the way.
static void drain_publisher(void) {
    static uint8_t room[room_bytes];
    ssize_t got = link_receive(&publisher, room, sizeof room);
    struct seen s;
    if (got == 0) fail("the publisher was sent away");
    if (got > 0 && next_frame(room, (size_t)got, &s) && is_response(&s, json) && is_failure(&s, json)) {
        fail("the publisher was refused: %.*s", (int)(s.size < 300 ? s.size : 300), s.payload);
    }
}

// A session whose socket closes goes on hearing its topics, so that it can be resumed: to the next generator, or the next
// turn of this one, it would be a listener that nobody counts. So each is ended, and its end is waited for.
static void leave(struct listener *l) {
    uint8_t call[call_bytes_max];
    size_t size = call_frame(call, l->encoding, 3, "session.end", NULL, 0);
    struct pollfd input = {.fd = l->link.descriptor, .events = POLLIN};
    static uint8_t room[room_bytes];
    bool asked = link_send(&l->link, call, size);
    for (ssize_t got = -1; asked && got != 0 && poll(&input, 1, 5000) > 0;) {
        got = link_receive(&l->link, room, sizeof room);
        struct seen s;
        const uint8_t *at = room;
        bool closed = false;
        for (size_t have = got > 0 ? (size_t)got : 0; next_frame(at, have, &s); at += s.whole, have -= s.whole) {
            closed = closed || s.opcode == 8;
        }
        if (closed) break;
    }
    link_close(&l->link);
}

void run_feed(void) {
    struct epoll_event events[events_max];
    struct listener *listeners = calloc((size_t)options.connections, sizeof *listeners);
    struct param params[] = {{.key = "count", .number = 1}, {.key = "bytes", .number = (uint64_t)options.size}};
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (listeners == NULL || poller < 0) fail("no memory");
    for (int i = 0; i < options.connections; i++) {
        subscribe(&listeners[i], i);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listeners[i]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, listeners[i].link.descriptor, &event) != 0) fail("epoll_ctl");
    }
    if (!session_open(&publisher, json, 0x7fffffff)) fail("the publisher failed");
    link_never_blocks(&publisher);
    publication_bytes = call_frame(publication, json, 2, "bench.feed", params, 2);
    outcome.request_bytes = (int)publication_bytes;
    window_plan(&outcome.window);
    // The window opens and closes between two rounds.
    while (window_runs(&outcome.window, now_ns())) {
        publish();
        while (outstanding > 0) {
            int ready = epoll_wait(poller, events, events_max, 5000);
            if (ready == 0) fail("%d listeners waited 5 s for a message", outstanding);
            for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
        }
        drain_publisher();
    }
    if (frames_seen > 0) outcome.reply_bytes = (int)(frame_bytes_seen / frames_seen);
    print_outcome(&outcome);
    for (int i = 0; i < options.connections; i++) leave(&listeners[i]);
    link_close(&publisher);
}
