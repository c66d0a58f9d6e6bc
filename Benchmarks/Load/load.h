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

void run_echo(void);
void run_http(void);
void run_fanout(void);
void run_idle(void);
void run_connect(void);
void run_start(void);

#endif
