// echo and http: a fixed number of messages in flight on each of a fixed number of connections, all the time.
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { room_bytes = 1024 * 1024, reply_bytes_max = 64 * 1024, events_max = 1024 };

struct flow {
    struct link link;
    uint64_t sent, received; // messages
    int64_t *sent_at;        // a ring of `depth` times
    uint8_t *kept;           // the beginning of a reply whose end has not arrived
    size_t kept_bytes;
};

static struct outcome outcome;
static uint8_t *block;          // `depth` requests, one after the other
static uint8_t *model;          // what a reply looks like
static size_t request, reply;   // their sizes
static size_t sequence_out;     // where in a request its number stands, masked; 0 for nowhere
static size_t sequence_in;      // where in a reply the number stands; 0 for nowhere
static size_t head_checked, tail_checked;
static uint8_t *room;           // for one receive, behind what was kept
static int alive;

static void prepare(const uint8_t *one) {
    block = malloc(request * (size_t)options.depth);
    room = malloc(reply_bytes_max + room_bytes);
    if (block == NULL || room == NULL) fail("no memory");
    for (int i = 0; i < options.depth; i++) memcpy(block + (size_t)i * request, one, request);
    outcome.request_bytes = (int)request;
    outcome.reply_bytes = (int)reply;
}

static uint64_t mask_of_eight(void) {
    uint64_t mask;
    memcpy(&mask, websocket_mask, 4);
    memcpy((uint8_t *)&mask + 4, websocket_mask, 4);
    return mask;
}

static void drop(struct flow *f) {
    outcome.errors++;
    link_close(&f->link);
    alive--;
}

static bool reply_is_good(const struct flow *f, const uint8_t *bytes) {
    if (memcmp(bytes, model, head_checked) != 0) return false;
    if (memcmp(bytes + reply - tail_checked, model + reply - tail_checked, tail_checked) != 0) return false;
    return sequence_in == 0 || memcmp(bytes + sequence_in, &f->received, 8) == 0;
}

static void send_more(struct flow *f, int messages, int64_t now) {
    uint64_t mask = mask_of_eight();
    for (int i = 0; i < messages; i++) {
        f->sent_at[f->sent % (uint64_t)options.depth] = now;
        if (sequence_out != 0) {
            uint64_t masked = f->sent ^ mask;
            memcpy(block + (size_t)i * request + sequence_out, &masked, 8);
        }
        f->sent++;
    }
    if (!link_send(&f->link, block, request * (size_t)messages)) drop(f);
}

// Takes the replies in `bytes`, keeps a cut one for later, and asks again as often as it was answered.
static void take(struct flow *f, const uint8_t *bytes, size_t size) {
    int64_t now = now_ns();
    bool counts = outcome.window.opened != 0 && outcome.window.closed == 0;
    int done = 0;
    while (size >= reply) {
        if (f->received == f->sent || !reply_is_good(f, bytes)) {
            if (outcome.errors == 0) {
                fprintf(stderr, "load: a wrong reply: ");
                for (size_t i = 0; i < reply && i < 64; i++) fprintf(stderr, "%02x ", bytes[i]);
                fputc('\n', stderr);
            }
            drop(f);
            return;
        }
        if (counts) {
            histogram_add(&outcome.latency, now - f->sent_at[f->received % (uint64_t)options.depth]);
            outcome.operations++;
        }
        f->received++;
        done++;
        bytes += reply;
        size -= reply;
    }
    memcpy(f->kept, bytes, size);
    f->kept_bytes = size;
    if (done > 0) send_more(f, done, now);
}

static void receive(struct flow *f) {
    do {
        memcpy(room, f->kept, f->kept_bytes);
        ssize_t got = link_receive(&f->link, room + f->kept_bytes, room_bytes);
        if (got < 0) return;
        if (got == 0) {
            drop(f);
            return;
        }
        take(f, room, f->kept_bytes + (size_t)got);
    } while (f->link.descriptor >= 0 && link_may_hold(&f->link));
}

static void run(bool (*open)(struct link *)) {
    struct flow *flows = calloc((size_t)options.connections, sizeof *flows);
    struct epoll_event events[events_max];
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (flows == NULL || poller < 0) fail("no memory");
    for (int i = 0; i < options.connections; i++) {
        struct flow *f = &flows[i];
        f->sent_at = calloc((size_t)options.depth, sizeof *f->sent_at);
        f->kept = malloc(reply);
        if (f->sent_at == NULL || f->kept == NULL) fail("no memory");
        if (!open(&f->link)) fail("connection %d of %d failed", i + 1, options.connections);
        link_never_blocks(&f->link);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = f};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, f->link.descriptor, &event) != 0) fail("epoll_ctl");
    }
    alive = options.connections;
    window_plan(&outcome.window);
    for (int i = 0; i < options.connections; i++) send_more(&flows[i], options.depth, now_ns());
    while (window_runs(&outcome.window, now_ns()) && alive > 0) {
        int ready = epoll_wait(poller, events, events_max, 10);
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
    }
    if (alive == 0) fail("the server ended every connection (%llu errors)", (unsigned long long)outcome.errors);
    for (int i = 0; i < options.connections; i++) link_close(&flows[i].link);
    print_outcome(&outcome);
}

static bool open_websocket(struct link *link) {
    return websocket_open(link, options.path != NULL ? options.path : "/ws", &outcome);
}

void run_echo(void) {
    size_t payload = (size_t)options.size;
    uint8_t one[16 + 65536], head[16];
    if (options.raw) {
        // Near enough to a frame; the peer only counts bytes.
        request = (size_t)options.raw_in;
        reply = (size_t)options.raw_out;
        memset(one, 'x', request);
        one[0] = 0x82;
    } else {
        size_t front = websocket_head(one, payload, true), back = websocket_head(head, payload, false);
        for (size_t i = 0; i < payload; i++) one[front + i] = (uint8_t)('a' + i % 26) ^ websocket_mask[i % 4];
        request = front + payload;
        reply = back + payload;
        sequence_out = front;
        sequence_in = back;
        head_checked = back;
    }
    model = calloc(1, reply);
    if (model == NULL) fail("no memory");
    model[0] = 0x82;
    if (options.raw) {
        head_checked = 1;
    } else {
        memcpy(model, head, head_checked);
        model[reply - 1] = (uint8_t)('a' + (payload - 1) % 26);
        tail_checked = payload > 8 ? 1 : 0;
    }
    prepare(one);
    run(options.raw ? link_open : open_websocket);
}

// Asks once, to learn how long the answer is. Every later answer has to be as long.
static void learn(const char *one) {
    struct link link;
    char text[reply_bytes_max + 1];
    size_t have = 0, wanted = sizeof text;
    if (!link_open(&link) || !link_send(&link, one, request)) fail("the server does not answer");
    while (have < wanted && have < sizeof text - 1) {
        ssize_t got = link_receive(&link, text + have, sizeof text - 1 - have);
        if (got <= 0) fail("the server ended the connection instead of answering");
        have += (size_t)got;
        text[have] = 0;
        const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");
        if (end == NULL) continue;
        if (length == NULL || length > end) fail("the first answer has no Content-Length");
        wanted = (size_t)(end + 4 - text) + (size_t)strtoul(length + 17, NULL, 10);
        tail_checked = wanted - (size_t)(end - text); // the empty line and the body
    }
    link_close(&link);
    if (have != wanted || memcmp(text, "HTTP/1.1 200", 12) != 0) fail("a strange first answer: %.200s", text);
    reply = wanted;
    head_checked = 12;
    model = malloc(reply);
    if (model == NULL) fail("no memory");
    memcpy(model, text, reply);
}

void run_http(void) {
    char one[1024];
    int size = snprintf(one, sizeof one, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                        options.path != NULL ? options.path : "/hello");
    if (size < 0 || (size_t)size >= sizeof one) fail("the path is too long");
    request = (size_t)size;
    learn(one);
    prepare((const uint8_t *)one);
    run(link_open);
}
