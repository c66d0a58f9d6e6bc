// A connection: TCP, perhaps TLS 1.3 over it, perhaps a WebSocket over that.
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char websocket_key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char websocket_accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; // the example of RFC 6455
const uint8_t websocket_mask[4] = {0x37, 0xfa, 0x21, 0x3d};

static SSL_CTX *tls_context(void) {
    static SSL_CTX *context;
    if (context != NULL) return context;
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1) fail("no TLS 1.3 here");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL); // the benchmark's server signs itself
    SSL_CTX_set_read_ahead(context, 1);                 // one receive per record instead of two
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (strcmp(options.mode, "idle") == 0) SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return context;
}

// A socket bound to one of many loopback addresses, so that ports that rest in TIME_WAIT never run out.
static int make_socket(int more) {
    static unsigned made;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | more, 0), on = 1;
    if (descriptor < 0) {
        fprintf(stderr, "load: socket: %s\n", strerror(errno));
        return -1;
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (strncmp(options.host, "127.", 4) == 0) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + made++ % 200);
        setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        bind(descriptor, (struct sockaddr *)&from, sizeof from); // without it the system chooses
    }
    return descriptor;
}

static bool begin_connecting(int descriptor) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    if (inet_pton(AF_INET, options.host, &address.sin_addr) != 1) fail("%s is no IPv4 address", options.host);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return true;
    return errno == EINPROGRESS;
}

bool link_secure(struct link *link) {
    link->tls = SSL_new(tls_context());
    if (link->tls == NULL || SSL_set_fd(link->tls, link->descriptor) != 1) fail("no memory for TLS");
    SSL_set_connect_state(link->tls);
    return true;
}

bool link_begin(struct link *link) {
    link->tls = NULL;
    link->descriptor = make_socket(SOCK_NONBLOCK);
    if (link->descriptor < 0) return false;
    if (begin_connecting(link->descriptor)) return true;
    link_close(link);
    return false;
}

bool link_open(struct link *link) {
    link->tls = NULL;
    link->descriptor = make_socket(0);
    if (link->descriptor < 0) return false;
    struct timeval patience = {.tv_sec = 10};
    setsockopt(link->descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(link->descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!begin_connecting(link->descriptor)) {
        fprintf(stderr, "load: connect: %s\n", strerror(errno));
        link_close(link);
        return false;
    }
    if (!options.tls) return true;
    link_secure(link);
    if (SSL_connect(link->tls) == 1) return true;
    fprintf(stderr, "load: the TLS handshake failed: ");
    ERR_print_errors_fp(stderr);
    link_close(link);
    return false;
}

void link_close(struct link *link) {
    if (link->tls != NULL) {
        if (SSL_is_init_finished(link->tls)) SSL_shutdown(link->tls);
        SSL_free(link->tls);
        link->tls = NULL;
        ERR_clear_error();
    }
    if (link->descriptor >= 0) close(link->descriptor);
    link->descriptor = -1;
}

void link_never_blocks(struct link *link) {
    fcntl(link->descriptor, F_SETFL, fcntl(link->descriptor, F_GETFL) | O_NONBLOCK);
}

bool link_send(struct link *link, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent;
        bool full;
        if (link->tls != NULL) {
            int written = SSL_write(link->tls, at, (int)size);
            sent = written;
            full = written <= 0 && SSL_get_error(link->tls, written) == SSL_ERROR_WANT_WRITE;
        } else {
            sent = send(link->descriptor, at, size, MSG_NOSIGNAL);
            full = sent < 0 && (errno == EAGAIN || errno == EINTR);
        }
        if (sent <= 0) {
            if (!full) return false;
            struct pollfd room = {.fd = link->descriptor, .events = POLLOUT};
            if (poll(&room, 1, 10000) <= 0) return false;
            continue;
        }
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

ssize_t link_receive(struct link *link, void *bytes, size_t size) {
    if (link->tls == NULL) {
        ssize_t got = recv(link->descriptor, bytes, size, 0);
        if (got >= 0) return got;
        return errno == EAGAIN || errno == EINTR ? -1 : 0;
    }
    int got = SSL_read(link->tls, bytes, size > 1 << 30 ? 1 << 30 : (int)size);
    if (got > 0) return got;
    int why = SSL_get_error(link->tls, got);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return -1;
    ERR_clear_error();
    return 0;
}

bool link_may_hold(const struct link *link) { return link->tls != NULL && SSL_has_pending(link->tls); }

size_t websocket_request(char *text, size_t room, const char *path) {
    int size = snprintf(text, room,
                        "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                        path, websocket_key, options.protocol != NULL ? "Sec-WebSocket-Protocol: " : "",
                        options.protocol != NULL ? options.protocol : "", options.protocol != NULL ? "\r\n" : "");
    if (size < 0 || (size_t)size >= room) fail("the path is too long");
    return (size_t)size;
}

bool websocket_reply_is_good(const char *text, size_t size) {
    return size > 12 && memcmp(text, "HTTP/1.1 101", 12) == 0
        && memmem(text, size, websocket_accept, sizeof websocket_accept - 1) != NULL;
}

size_t websocket_head(uint8_t *head, size_t payload, bool masked) {
    size_t at = 2;
    head[0] = 0x82;
    if (payload < 126) {
        head[1] = (uint8_t)payload;
    } else {
        head[1] = 126;
        head[2] = (uint8_t)(payload >> 8);
        head[3] = (uint8_t)payload;
        at = 4;
        if (payload > 65535) {
            head[1] = 127;
            for (int i = 0; i < 8; i++) head[2 + i] = (uint8_t)((uint64_t)payload >> (56 - 8 * i));
            at = 10;
        }
    }
    if (!masked) return at;
    head[1] |= 0x80;
    memcpy(head + at, websocket_mask, 4);
    return at + 4;
}

bool websocket_open(struct link *link, const char *path, struct outcome *o) {
    char text[4096];
    size_t asked = websocket_request(text, sizeof text, path), have = 0;
    if (!link_open(link)) return false;
    bool good = link_send(link, text, asked);
    // The server says nothing before it is asked, so all that comes belongs to this reply.
    while (good && (have < 4 || memcmp(text + have - 4, "\r\n\r\n", 4) != 0)) {
        ssize_t got = have < sizeof text ? link_receive(link, text + have, sizeof text - have) : 0;
        if (got <= 0) good = false;
        else have += (size_t)got;
    }
    if (!good || !websocket_reply_is_good(text, have)) {
        fprintf(stderr, "load: %s did not become a WebSocket: %.*s\n", path, (int)(have < 200 ? have : 200), text);
        link_close(link);
        return false;
    }
    if (o != NULL) {
        o->handshake_bytes = (int)asked;
        o->handshake_reply_bytes = (int)have;
    }
    return true;
}
