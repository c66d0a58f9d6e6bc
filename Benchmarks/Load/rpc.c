// rpc: calls of authenticated sessions. Closed loop: `depth` in flight on each connection, all the time. Open loop: each
// call is sent when it is due, and its latency counts from then, however late the server or this program is: a
// stall is paid by every call that fell into it.
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

// Every id takes as many bytes as every other, in all encodings, for three billion calls.
enum { first_id = 1000000000, id_digits = 10, room_bytes = 256 * 1024, events_max = 1024, in_flight_max = 4096 };

struct caller {
    struct link link;
    uint64_t sent, received;
    int64_t *sent_at; // a ring of `ring` times
    uint8_t *kept;    // the beginning of a frame whose end has not arrived
    size_t kept_bytes;
};

static struct outcome outcome;
static enum encoding encoding;
static uint8_t call[call_bytes_max], *block;
static size_t call_bytes;
static size_t id_out, text_out; // where in a call its number stands, twice; 0 for nowhere
static uint8_t *model;          // the payload of the answer to the first call
static size_t model_bytes, id_in, text_in, id_bytes;
static uint64_t reply_bytes_seen, replies_seen;
static uint64_t ring;
static int alive;

static size_t find(const uint8_t *bytes, size_t size, const void *wanted, size_t length) {
    const uint8_t *at = memmem(bytes, size, wanted, length);
    return at == NULL ? 0 : (size_t)(at - bytes);
}

static void put_digits(uint8_t *out, uint64_t value) {
    for (int i = id_digits - 1; i >= 0; i--) {
        out[i] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
}

// The example: the text begins with the call's number, so every answer differs.
static void prepare(void) {
    static char text[65536];
    char digits[id_digits + 1];
    uint8_t plain[call_bytes_max], number[16];
    struct param params = {.key = "text", .text = text, .size = (size_t)options.size};
    memset(text, 'x', sizeof text);
    snprintf(digits, sizeof digits, "%d", first_id);
    memcpy(text, digits, id_digits);
    // What must be refused for its type is a number instead of the text.
    if (options.refused != NULL && strcmp(options.refused, "INVALID_ARGUMENT") == 0) params.text = NULL, params.number = 7;
    if (options.size + 256 > call_bytes_max) fail("the text is too long for rpc");
    call_bytes = call_frame(call, encoding, first_id, options.method, &params, 1);
    size_t front = call[1] == (0x80 | 126) ? 8 : 6;
    for (size_t i = front; i < call_bytes; i++) plain[i] = call[i] ^ websocket_mask[(i - front) % 4];
    id_bytes = number_bytes(number, encoding, first_id);
    id_out = front + find(plain + front, call_bytes - front, number, id_bytes);
    size_t behind = id_out + id_bytes;
    if (params.text != NULL) text_out = behind + find(plain + behind, call_bytes - behind, digits, id_digits);
    block = malloc(call_bytes * (size_t)options.depth);
    if (block == NULL) fail("no memory");
    for (int i = 0; i < options.depth; i++) memcpy(block + (size_t)i * call_bytes, call, call_bytes);
    outcome.request_bytes = (int)call_bytes;
}

static void number_call(uint8_t *frame, uint64_t id) {
    size_t front = frame[1] == (0x80 | 126) ? 8 : 6;
    uint8_t number[16], digits[id_digits];
    number_bytes(number, encoding, id);
    for (size_t i = 0; i < id_bytes; i++) frame[id_out + i] = number[i] ^ websocket_mask[(id_out + i - front) % 4];
    if (text_out == 0) return;
    put_digits(digits, id);
    for (size_t i = 0; i < id_digits; i++) frame[text_out + i] = digits[i] ^ websocket_mask[(text_out + i - front) % 4];
}

// Asks once: every later answer has to be the same but for its number.
static void learn(struct caller *c) {
    static struct inbox in;
    struct seen reply;
    uint8_t number[16];
    char digits[id_digits + 1];
    if (!call_and_wait(&in, &c->link, encoding, call, call_bytes, &reply)) fail("%s was not answered", options.method);
    c->sent = c->received = 1;
    if (is_failure(&reply, encoding) != (options.refused != NULL)) {
        // A rate is met only by those who come after others.
        if (options.refused == NULL || strcmp(options.refused, "RATE_LIMITED") != 0) {
            fail("a strange first answer: %.*s", (int)(reply.size < 300 ? reply.size : 300), reply.payload);
        }
    }
    model = malloc(reply.size);
    if (model == NULL) fail("no memory");
    memcpy(model, reply.payload, reply.size);
    model_bytes = reply.size;
    outcome.reply_bytes = (int)reply.whole;
    id_bytes = number_bytes(number, encoding, first_id);
    snprintf(digits, sizeof digits, "%d", first_id);
    id_in = find(model, model_bytes, number, id_bytes);
    if (id_in == 0) fail("the first answer has another id");
    if (options.refused != NULL) return;
    text_in = id_in + id_bytes + find(model + id_in + id_bytes, model_bytes - id_in - id_bytes, digits, id_digits);
    if (text_in == id_in + id_bytes) fail("the first answer has another text");
}

static void drop(struct caller *c) {
    outcome.errors++;
    link_close(&c->link);
    alive--;
}

static bool reply_is_good(const struct caller *c, const struct seen *s) {
    uint64_t id = first_id + c->received;
    uint8_t number[16];
    number_bytes(number, encoding, id);
    if (s->size < id_in + id_bytes || memcmp(s->payload + id_in, number, id_bytes) != 0) return false;
    if (options.refused != NULL && strcmp(options.refused, "RATE_LIMITED") == 0 && !is_failure(s, encoding)) return true;
    if (options.refused != NULL) return memmem(s->payload, s->size, options.refused, strlen(options.refused)) != NULL;
    if (s->size != model_bytes) return false;
    memcpy(model + id_in, number, id_bytes);
    put_digits(model + text_in, id);
    return memcmp(s->payload, model, model_bytes) == 0;
}

static void send_calls(struct caller *c, int count, int64_t at) {
    for (int i = 0; i < count; i++) {
        c->sent_at[c->sent % ring] = at;
        number_call(block + (size_t)i * call_bytes, first_id + c->sent);
        c->sent++;
    }
    if (!link_send(&c->link, block, call_bytes * (size_t)count)) drop(c);
}

static void complain(const struct seen *s) {
    if (outcome.errors > 0) return;
    fprintf(stderr, "load: a wrong answer: %.*s\n", (int)(s->size < 300 ? s->size : 300), s->payload);
}

// Takes the frames in `bytes`, keeps a cut one for later, and calls again as often as it was answered.
static void take(struct caller *c, const uint8_t *bytes, size_t size) {
    int64_t now = now_ns();
    bool counts = outcome.window.opened != 0 && outcome.window.closed == 0;
    struct seen s;
    int done = 0;
    for (; next_frame(bytes, size, &s); bytes += s.whole, size -= s.whole) {
        if (s.opcode > 8) continue; // a ping: a server that is busy sends none
        if (s.opcode == 8 || c->received == c->sent || !reply_is_good(c, &s)) {
            complain(&s);
            drop(c);
            return;
        }
        // Now and then a call comes within its rate: that one is no refusal, and does not count.
        if (counts && is_failure(&s, encoding) == (options.refused != NULL)) {
            histogram_add(&outcome.latency, now - c->sent_at[c->received % ring]);
            outcome.operations++;
            reply_bytes_seen += s.whole;
            replies_seen++;
        }
        c->received++;
        done++;
    }
    if (size > room_bytes / 2) fail("an answer without an end");
    memcpy(c->kept, bytes, size);
    c->kept_bytes = size;
    if (done > 0 && options.rate == 0) send_calls(c, done, now);
}

static void receive(struct caller *c) {
    static uint8_t room[room_bytes];
    do {
        memcpy(room, c->kept, c->kept_bytes);
        ssize_t got = link_receive(&c->link, room + c->kept_bytes, sizeof room - c->kept_bytes);
        if (got < 0) return;
        if (got == 0) {
            drop(c);
            return;
        }
        take(c, room, c->kept_bytes + (size_t)got);
    } while (c->link.descriptor >= 0 && link_may_hold(&c->link));
}

// Sends whatever is due. Connections take turns, so the calls of one are spread over time as those of a player are.
static void send_due(struct caller *callers, int64_t begun, uint64_t *next) {
    double interval = 1e9 / options.rate;
    int64_t now = now_ns();
    while (outcome.window.closed == 0) {
        int64_t due = begun + (int64_t)((double)*next * interval);
        if (due > now) return;
        struct caller *c = &callers[*next % (uint64_t)options.connections];
        ++*next;
        if (c->link.descriptor < 0) continue;
        if (c->sent - c->received >= ring) fail("the server is %d calls behind: the rate is too high", in_flight_max);
        send_calls(c, 1, due);
    }
}

static struct caller *open_all(int poller) {
    struct caller *callers = calloc((size_t)options.connections, sizeof *callers);
    if (callers == NULL) fail("no memory");
    for (int i = 0; i < options.connections; i++) {
        struct caller *c = &callers[i];
        c->sent_at = calloc(ring, sizeof *c->sent_at);
        c->kept = malloc(room_bytes);
        if (c->sent_at == NULL || c->kept == NULL) fail("no memory");
        if (!session_open(&c->link, encoding, (uint32_t)i)) fail("session %d of %d failed", i + 1, options.connections);
        if (i == 0) learn(c);
        link_never_blocks(&c->link);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, c->link.descriptor, &event) != 0) fail("epoll_ctl");
    }
    alive = options.connections;
    return callers;
}

void run_rpc(void) {
    struct epoll_event events[events_max];
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) fail("no memory");
    encoding = encoding_named(options.encoding);
    ring = options.rate > 0 ? in_flight_max : (uint64_t)options.depth;
    if (options.rate > 0) options.depth = 1;
    prepare();
    struct caller *callers = open_all(poller);
    window_plan(&outcome.window);
    int64_t begun = now_ns();
    uint64_t next = 0;
    if (options.rate == 0) {
        for (int i = 0; i < options.connections; i++) send_calls(&callers[i], options.depth, now_ns());
    }
    while (window_runs(&outcome.window, now_ns()) && alive > 0) {
        if (options.rate > 0) send_due(callers, begun, &next);
        // With a rate it never sleeps: a sleep would be late by itself.
        int ready = epoll_wait(poller, events, events_max, options.rate > 0 ? 0 : 10);
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
    }
    if (alive == 0) fail("the server ended every connection (%llu errors)", (unsigned long long)outcome.errors);
    for (int i = 0; i < options.connections; i++) link_close(&callers[i].link);
    if (replies_seen > 0) outcome.reply_bytes = (int)(reply_bytes_seen / replies_seen);
    print_outcome(&outcome);
}
