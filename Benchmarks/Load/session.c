// The wire of Gamekeeper, as far as a generator needs it: calls in four encodings, and just enough of the answers.
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <string.h>

static const char *const names[encodings] = {"json", "msgpack", "cbor", "protobuf"};

enum encoding encoding_named(const char *name) {
    for (int e = 0; e < encodings; e++) {
        if (strcmp(name, names[e]) == 0) return (enum encoding)e;
    }
    fail("%s is no encoding", name);
}

const char *encoding_protocol(enum encoding e) {
    static char text[64];
    snprintf(text, sizeof text, "gamekeeper.v1.%s", names[e]);
    return text;
}

// Bytes that grow; every user has a room that is large enough for the largest call.
struct pen {
    uint8_t *at;
};

static void put(struct pen *p, const void *bytes, size_t size) {
    memcpy(p->at, bytes, size);
    p->at += size;
}

static void put_byte(struct pen *p, unsigned byte) { *p->at++ = (uint8_t)byte; }

static void put_big(struct pen *p, uint64_t value, int bytes) {
    while (bytes-- > 0) put_byte(p, (unsigned)(value >> (8 * bytes)) & 0xff);
}

static void put_varint(struct pen *p, uint64_t value) {
    while (value >= 0x80) {
        put_byte(p, (unsigned)(value & 0x7f) | 0x80);
        value >>= 7;
    }
    put_byte(p, (unsigned)value);
}

// The head of a CBOR item.
static void put_cbor(struct pen *p, unsigned kind, uint64_t value) {
    if (value < 24) put_byte(p, kind << 5 | (unsigned)value);
    else if (value < 256) put_byte(p, kind << 5 | 24), put_big(p, value, 1);
    else if (value < 65536) put_byte(p, kind << 5 | 25), put_big(p, value, 2);
    else put_byte(p, kind << 5 | 26), put_big(p, value, 4);
}

static void put_text(struct pen *p, enum encoding e, const char *text, size_t size) {
    switch (e) {
    case json:
        put_byte(p, '"'); // nothing that is sent needs an escape
        put(p, text, size);
        put_byte(p, '"');
        return;
    case msgpack:
        if (size < 32) put_byte(p, 0xa0 | (unsigned)size);
        else if (size < 256) put_byte(p, 0xd9), put_big(p, size, 1);
        else put_byte(p, 0xda), put_big(p, size, 2);
        break;
    case cbor: put_cbor(p, 3, size); break;
    default: put_varint(p, size);
    }
    put(p, text, size);
}

static void put_number(struct pen *p, enum encoding e, uint64_t value) {
    switch (e) {
    case json: p->at += sprintf((char *)p->at, "%llu", (unsigned long long)value); return;
    case msgpack:
        if (value < 128) put_byte(p, (unsigned)value);
        else if (value < 256) put_byte(p, 0xcc), put_big(p, value, 1);
        else if (value < 65536) put_byte(p, 0xcd), put_big(p, value, 2);
        else put_byte(p, 0xce), put_big(p, value, 4);
        return;
    case cbor: put_cbor(p, 0, value); return;
    default: put_varint(p, value);
    }
}

size_t number_bytes(uint8_t *out, enum encoding e, uint64_t value) {
    struct pen p = {out};
    put_number(&p, e, value);
    return (size_t)(p.at - out);
}

static void put_count(struct pen *p, enum encoding e, unsigned count) {
    if (e == json) put_byte(p, '{');
    else put_byte(p, (e == msgpack ? 0x80 : 0xa0) | count);
}

static void put_key(struct pen *p, enum encoding e, const char *key, bool is_first) {
    if (e == json && !is_first) put_byte(p, ',');
    put_text(p, e, key, strlen(key));
    if (e == json) put_byte(p, ':');
}

static void put_params(struct pen *p, enum encoding e, const struct param *params, int count) {
    if (e != protobuf) put_count(p, e, (unsigned)count);
    for (int i = 0; i < count; i++) {
        const struct param *one = &params[i];
        if (e != protobuf) put_key(p, e, one->key, i == 0);
        else put_varint(p, (uint64_t)(i + 1) << 3 | (one->text != NULL ? 2 : 0));
        if (one->text != NULL) put_text(p, e, one->text, one->size);
        // A signed number of Protobuf's int64: these are never negative.
        else put_number(p, e, one->number);
    }
    if (e == json) put_byte(p, '}');
}

static void put_protobuf_call(struct pen *p, uint32_t id, const char *method, const struct param *params, int count) {
    uint8_t inner[call_bytes_max];
    struct pen q = {inner};
    put_params(&q, protobuf, params, count);
    put_byte(p, 1 << 3), put_byte(p, 1);
    put_byte(p, 2 << 3), put_varint(p, id);
    put_byte(p, 3 << 3 | 2), put_text(p, protobuf, method, strlen(method));
    put_byte(p, 4 << 3 | 2), put_text(p, protobuf, (const char *)inner, (size_t)(q.at - inner));
}

size_t call_frame(uint8_t *out, enum encoding e, uint32_t id, const char *method, const struct param *params, int count) {
    uint8_t payload[call_bytes_max];
    struct pen p = {payload};
    if (e == protobuf) {
        put_protobuf_call(&p, id, method, params, count);
    } else {
        put_count(&p, e, 4);
        put_key(&p, e, "type", true), put_text(&p, e, "rpc", 3);
        put_key(&p, e, "id", false), put_number(&p, e, id);
        put_key(&p, e, "method", false), put_text(&p, e, method, strlen(method));
        put_key(&p, e, "params", false), put_params(&p, e, params, count);
        if (e == json) put_byte(&p, '}');
    }
    return frame(out, e, payload, (size_t)(p.at - payload));
}

size_t ack_frame(uint8_t *out, enum encoding e, uint64_t seq) {
    uint8_t payload[64];
    struct pen p = {payload};
    if (e == protobuf) {
        put_byte(&p, 1 << 3), put_byte(&p, 5);
        put_byte(&p, 7 << 3), put_varint(&p, seq);
    } else {
        put_count(&p, e, 2);
        put_key(&p, e, "type", true), put_text(&p, e, "ack", 3);
        put_key(&p, e, "seq", false), put_number(&p, e, seq);
        if (e == json) put_byte(&p, '}');
    }
    return frame(out, e, payload, (size_t)(p.at - payload));
}

size_t frame(uint8_t *out, enum encoding e, const uint8_t *payload, size_t size) {
    size_t front = websocket_head(out, size, true);
    if (e == json) out[0] = 0x81;
    for (size_t i = 0; i < size; i++) out[front + i] = payload[i] ^ websocket_mask[i % 4];
    return front + size;
}

// MARK: Answers

bool next_frame(const uint8_t *bytes, size_t have, struct seen *seen) {
    if (have < 2) return false;
    size_t front = 2, size = bytes[1] & 0x7f;
    if (size == 126) {
        if (have < 4) return false;
        front = 4;
        size = (size_t)bytes[2] << 8 | bytes[3];
    } else if (size == 127) {
        if (have < 10) return false;
        front = 10;
        size = 0;
        for (int i = 2; i < 10; i++) size = size << 8 | bytes[i];
    }
    if (have < front || have - front < size) return false;
    seen->opcode = bytes[0] & 0xf;
    seen->payload = bytes + front;
    seen->size = size;
    seen->whole = front + size;
    return true;
}

static bool has(const struct seen *s, const char *text) {
    return memmem(s->payload, s->size, text, strlen(text)) != NULL;
}

bool is_response(const struct seen *s, enum encoding e) {
    if (e == protobuf) return s->size > 2 && s->payload[0] == 8 && s->payload[1] == 2;
    // The type comes first in what the server writes.
    struct seen head = *s;
    if (head.size > 24) head.size = 24;
    return has(&head, "response");
}

bool is_event(const struct seen *s, enum encoding e) {
    if (e == protobuf) return s->size > 2 && s->payload[0] == 8 && s->payload[1] == 3;
    struct seen head = *s;
    if (head.size > 16) head.size = 16;
    return has(&head, "event");
}

bool is_failure(const struct seen *s, enum encoding e) {
    if (e != protobuf) return has(s, "error");
    size_t at = 2;
    if (at < s->size && s->payload[at] == (2 << 3)) {
        do at++;
        while (at < s->size && (s->payload[at] & 0x80) != 0);
        at++;
    }
    return at < s->size && s->payload[at] == (6 << 3 | 2);
}

uint64_t seq_of(const struct seen *s, enum encoding e) {
    const uint8_t *end = s->payload + s->size;
    const uint8_t *at = e == protobuf ? s->payload + 2 : memmem(s->payload, s->size < 40 ? s->size : 40, "seq", 3);
    if (at == NULL || at + 12 > end) return 0;
    if (e == json) return strtoull((const char *)at + 5, NULL, 10);
    if (e == protobuf) {
        if (*at++ != (7 << 3)) return 0;
        uint64_t value = 0;
        for (int shift = 0; shift < 63; shift += 7) {
            value |= (uint64_t)(*at & 0x7f) << shift;
            if ((*at++ & 0x80) == 0) break;
        }
        return value;
    }
    at += 3;
    int bytes = 0;
    if (e == msgpack) bytes = *at == 0xcc ? 1 : *at == 0xcd ? 2 : *at == 0xce ? 4 : 0;
    else bytes = *at == 0x18 ? 1 : *at == 0x19 ? 2 : *at == 0x1a ? 4 : 0;
    uint64_t value = bytes == 0 ? *at : 0;
    for (int i = 1; i <= bytes; i++) value = value << 8 | at[i];
    return value;
}

// MARK: A session, opened while nobody measures

static bool receive_frame(struct inbox *in, struct link *link, struct seen *seen) {
    memmove(in->bytes, in->bytes + in->taken, in->have - in->taken);
    in->have -= in->taken;
    in->taken = 0;
    while (!next_frame(in->bytes, in->have, seen)) {
        ssize_t got = in->have < sizeof in->bytes ? link_receive(link, in->bytes + in->have, sizeof in->bytes - in->have) : 0;
        if (got <= 0) return false;
        in->have += (size_t)got;
    }
    in->taken = seen->whole;
    return true;
}

bool call_and_wait(struct inbox *in, struct link *link, enum encoding e, const uint8_t *call, size_t size, struct seen *reply) {
    if (!link_send(link, call, size)) return false;
    do {
        if (!receive_frame(in, link, reply) || reply->opcode == 8) return false;
    } while (!is_response(reply, e));
    return true;
}

size_t guest_frame(uint8_t *out, enum encoding e, uint32_t id, uint32_t number) {
    char secret[64];
    int size = snprintf(secret, sizeof secret, "a-device-of-the-benchmark-%08x-%08x", number, number * 2654435761u);
    struct param device = {.key = "device_secret", .text = secret, .size = (size_t)size};
    return call_frame(out, e, id, "auth.guest", &device, 1);
}

bool session_open(struct link *link, enum encoding e, uint32_t number) {
    static struct inbox in;
    uint8_t call[call_bytes_max];
    struct seen reply;
    options.protocol = encoding_protocol(e);
    if (!websocket_open(link, "/v1/connect", NULL)) return false;
    in.have = in.taken = 0;
    size_t size = guest_frame(call, e, 1, number);
    if (call_and_wait(&in, link, e, call, size, &reply) && !is_failure(&reply, e)) return true;
    fprintf(stderr, "load: a guest was not let in: %.*s\n", (int)(reply.size < 300 ? reply.size : 300), reply.payload);
    link_close(link);
    return false;
}
