// fanout: one publisher, many subscribers, one broadcast in the air at a time.
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { room_bytes = 256 * 1024, events_max = 1024 };

static struct outcome outcome;

struct subscriber {
    struct link link;
    size_t have; // bytes of the broadcast that have arrived
};

static struct link publisher;
static uint8_t *message, *model; // what is published, and how the broadcast begins
static size_t message_bytes, broadcast_bytes, front, back;
static uint8_t room[room_bytes];
static uint64_t number; // of the round
static int outstanding; // subscribers that have not got this round's broadcast
static int64_t published;

static void prepare(void) {
    size_t payload = (size_t)options.size;
    message = malloc(payload + 16);
    model = calloc(1, 64);
    if (message == NULL || model == NULL) fail("no memory");
    front = websocket_head(message, payload, true);
    back = websocket_head(model, payload, false);
    for (size_t i = 0; i < payload; i++) message[front + i] = (uint8_t)'x' ^ websocket_mask[i % 4];
    message_bytes = front + payload;
    broadcast_bytes = back + payload;
    if (options.raw) {
        message_bytes = (size_t)options.raw_in;
        broadcast_bytes = (size_t)options.raw_out;
        message = realloc(message, message_bytes + 16);
        if (message == NULL) fail("no memory");
    }
    outcome.request_bytes = (int)message_bytes;
    outcome.reply_bytes = (int)broadcast_bytes;
}

static void publish(void) {
    for (int i = 0; i < 8; i++) {
        message[front + (size_t)i] = (uint8_t)(number >> (8 * i)) ^ websocket_mask[i % 4];
    }
    published = now_ns();
    outstanding = options.connections;
    if (!link_send(&publisher, message, message_bytes)) fail("the publisher lost its connection");
}

static void receive(struct subscriber *s) {
    do {
        ssize_t got = link_receive(&s->link, room, room_bytes);
        if (got < 0) return;
        if (got == 0) fail("a subscriber lost its connection");
        // The head is compared where it came in one piece, which is nearly always.
        if (s->have == 0 && !options.raw && (size_t)got >= back + 8
            && (memcmp(room, model, back) != 0 || memcmp(room + back, &number, 8) != 0)) outcome.errors++;
        s->have += (size_t)got;
        if (s->have > broadcast_bytes) fail("a subscriber got more than was published");
        if (s->have < broadcast_bytes) continue;
        s->have = 0;
        outstanding--;
        if (outcome.window.opened == 0) continue;
        outcome.operations++;
        histogram_add(&outcome.latency, now_ns() - published);
    } while (link_may_hold(&s->link));
}

void run_fanout(void) {
    struct epoll_event events[events_max];
    struct subscriber *subscribers = calloc((size_t)options.connections, sizeof *subscribers);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (subscribers == NULL || poller < 0) fail("no memory");
    prepare();
    for (int i = 0; i < options.connections; i++) {
        struct link *link = &subscribers[i].link;
        bool good = options.raw ? link_open(link) : websocket_open(link, "/fanout", &outcome);
        if (!good) fail("subscriber %d of %d failed", i + 1, options.connections);
        link_never_blocks(link);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &subscribers[i]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, link->descriptor, &event) != 0) fail("epoll_ctl");
    }
    if (!(options.raw ? link_open(&publisher) : websocket_open(&publisher, "/fanout?publisher", NULL))) {
        fail("the publisher failed");
    }
    window_plan(&outcome.window);
    // The window opens and closes between two rounds.
    while (window_runs(&outcome.window, now_ns())) {
        number++;
        publish();
        while (outstanding > 0) {
            int ready = epoll_wait(poller, events, events_max, 5000);
            if (ready == 0) fail("%d subscribers waited 5 s for a broadcast", outstanding);
            for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
        }
    }
    print_outcome(&outcome);
    for (int i = 0; i < options.connections; i++) link_close(&subscribers[i].link);
    link_close(&publisher);
}
