// What the parts of the load generator share.
#ifndef LOAD_H
#define LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// What the command line asked for. Every number is bounded where it is read.
struct options {
    const char *mode, *host, *path;
    int port, connections, depth, size, rounds;
    double seconds, warmup;
    bool tls, raw;
    int raw_in, raw_out;             // with `raw`: no handshake, messages and replies of these sizes
    int raw_first_in, raw_first_out; // with `raw` in connect: the sizes that stand for the handshake
    pid_t sampled;                   // whose processor time is measured over the window; 0 for nobody
    char **command;                  // what `start` runs
    const char *protocol;            // the sub-protocol that is offered; NULL for none
    const char *encoding;            // of calls
    const char *method, *refused;    // what is called, and the code by which it must be refused; NULL for an answer
    int rate;                        // calls per second, sent when they are due whatever the server does; 0: closed loop
    bool session;                    // idle: connections that have authenticated
};

extern struct options options;

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t now_ns(void);

// A log-linear histogram of nanoseconds: 64 steps per power of two, so a value is kept to 1.6 %.
enum { histogram_steps = 64, histogram_cells = 64 * 40 };
struct histogram {
    uint64_t cells[histogram_cells];
    uint64_t total;
    int64_t max;
};
void histogram_add(struct histogram *h, int64_t nanoseconds);
double histogram_us(const struct histogram *h, double quantile);

// The processor time that another process has used.
struct usage {
    int64_t total_ns;
    long user_ticks, system_ticks;
};
struct usage usage_of(pid_t process);

// One window of measurement: opened after the warm-up, closed after the seconds asked for.
struct window {
    int64_t opens, closes; // as planned
    int64_t opened, closed; // as happened; 0 before
    struct usage before, after;
};
void window_plan(struct window *w);
// Opens or closes the window when it is time. False once it is closed.
bool window_runs(struct window *w, int64_t now);

// The outcome of a mode, printed as one line of JSON.
struct outcome {
    struct window window;
    struct histogram latency;
    uint64_t operations, errors;
    int request_bytes, reply_bytes, handshake_bytes, handshake_reply_bytes;
};
void print_outcome(const struct outcome *o);

// A connection to the server, with TLS or without.
struct link {
    int descriptor;
    SSL *tls;
};
// Connects and makes the TLS handshake; blocks for 10 s at most. False with a word on stderr.
bool link_open(struct link *link);
// Starts to connect and returns at once; `link_secure` begins TLS when the connection stands.
bool link_begin(struct link *link);
bool link_secure(struct link *link);
void link_close(struct link *link);
void link_never_blocks(struct link *link);
// Sends everything, waiting for room; false when the peer is gone.
bool link_send(struct link *link, const void *bytes, size_t size);
// What has arrived: > 0 bytes, 0 when the stream has ended or broken, -1 when there is nothing now.
ssize_t link_receive(struct link *link, void *bytes, size_t size);
// True when the TLS layer may hold bytes that the socket no longer shows.
bool link_may_hold(const struct link *link);

// WebSocket, as far as a generator needs it.
size_t websocket_request(char *text, size_t room, const char *path);
bool websocket_reply_is_good(const char *text, size_t size);
size_t websocket_head(uint8_t *head, size_t payload, bool masked); // binary, final; the mask is websocket_mask
extern const uint8_t websocket_mask[4];
// Opens a WebSocket, blocking. The sizes of request and reply go to `o` when it is not NULL.
bool websocket_open(struct link *link, const char *path, struct outcome *o);

// The wire of Gamekeeper.
enum encoding { json, msgpack, cbor, protobuf, encodings };
enum { call_bytes_max = 8192 };
struct param {
    const char *key;
    const char *text; // NULL for a number
    size_t size;
    uint64_t number;
};
enum encoding encoding_named(const char *name);
const char *encoding_protocol(enum encoding e);
size_t number_bytes(uint8_t *out, enum encoding e, uint64_t value);
// A whole masked frame; what is written is its size.
size_t call_frame(uint8_t *out, enum encoding e, uint32_t id, const char *method, const struct param *params, int count);
size_t guest_frame(uint8_t *out, enum encoding e, uint32_t id, uint32_t number); // the guest with this number logs in
size_t ack_frame(uint8_t *out, enum encoding e, uint64_t seq);
size_t frame(uint8_t *out, enum encoding e, const uint8_t *payload, size_t size);

// A frame from the server that has fully arrived.
struct seen {
    int opcode;
    const uint8_t *payload;
    size_t size, whole; // of the payload, and of the frame
};
bool next_frame(const uint8_t *bytes, size_t have, struct seen *seen);
bool is_response(const struct seen *s, enum encoding e);
bool is_event(const struct seen *s, enum encoding e);
bool is_failure(const struct seen *s, enum encoding e);
uint64_t seq_of(const struct seen *s, enum encoding e);

// For what is asked while nobody measures, on a link that blocks.
struct inbox {
    uint8_t bytes[65536];
    size_t have, taken;
};
bool call_and_wait(struct inbox *in, struct link *link, enum encoding e, const uint8_t *call, size_t size, struct seen *reply);
// A WebSocket on which the guest with this number has logged in.
bool session_open(struct link *link, enum encoding e, uint32_t number);

void run_echo(void);
void run_rpc(void);
void run_feed(void);
void run_login(void);
void run_resume(void);
void run_http(void);
void run_fanout(void);
void run_idle(void);
void run_connect(void);
void run_start(void);

#endif
