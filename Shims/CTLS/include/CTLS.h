#ifndef GAMEKEEPER_CTLS_H
#define GAMEKEEPER_CTLS_H

// TLS by OpenSSL 3, as small functions over opaque types. Swift sees no OpenSSL header: its macros are functions
// here, and its reference counts stay here. Nothing in this shim knows a socket.

#include <stddef.h>
#include <stdint.h>

struct gamekeeper_tls_keys;
struct gamekeeper_tls_context;
struct gamekeeper_tls_session;
struct gamekeeper_tls_resumption;
struct gamekeeper_tls_certificate;

/// Bytes of PEM, or the path of a file that holds them when `bytes` is null.
struct gamekeeper_tls_pem {
    const void *bytes;
    size_t count;
    const char *path;
};

/// What went wrong. `fault` is one of the GAMEKEEPER_TLS_FAULT numbers; `detail` is the alert, the verdict on a
/// certificate or OpenSSL's reason, depending on it.
struct gamekeeper_tls_failure {
    int32_t fault;
    int32_t detail;
};

#define GAMEKEEPER_TLS_FAULT_NONE 0
#define GAMEKEEPER_TLS_FAULT_PLAIN_HTTP 1
#define GAMEKEEPER_TLS_FAULT_NOT_TLS 2
#define GAMEKEEPER_TLS_FAULT_VERSION 3
#define GAMEKEEPER_TLS_FAULT_NO_SHARED_CIPHER 4
#define GAMEKEEPER_TLS_FAULT_NO_PROTOCOL 5
#define GAMEKEEPER_TLS_FAULT_CERTIFICATE 6
#define GAMEKEEPER_TLS_FAULT_CERTIFICATE_REQUIRED 7
#define GAMEKEEPER_TLS_FAULT_ALERT 8
#define GAMEKEEPER_TLS_FAULT_BAD_RECORD 9
#define GAMEKEEPER_TLS_FAULT_HANDSHAKE_TOO_LARGE 10
#define GAMEKEEPER_TLS_FAULT_FLOOD 11
#define GAMEKEEPER_TLS_FAULT_PROTOCOL 12
#define GAMEKEEPER_TLS_FAULT_MEMORY 13
#define GAMEKEEPER_TLS_FAULT_CERTIFICATE_UNREADABLE 20
#define GAMEKEEPER_TLS_FAULT_KEY_UNREADABLE 21
#define GAMEKEEPER_TLS_FAULT_KEY_MISMATCH 22
#define GAMEKEEPER_TLS_FAULT_TRUST_UNREADABLE 23
#define GAMEKEEPER_TLS_FAULT_SETTINGS 24

// Ticket keys: what lets a client resume, shared by every context of one server and outliving each of them.

/// Fresh random keys, or null when memory or entropy is missing.
struct gamekeeper_tls_keys *gamekeeper_tls_keys_new(void);
void gamekeeper_tls_keys_free(struct gamekeeper_tls_keys *keys);
/// Makes a new key for new tickets. Tickets of the key before are accepted until the next rotation. 0 when entropy is
/// missing.
int gamekeeper_tls_keys_rotate(struct gamekeeper_tls_keys *keys);

// Contexts: what a listener or a kind of client agrees to. Immutable after the last add_….

#define GAMEKEEPER_TLS_TRUST_NOBODY 0
#define GAMEKEEPER_TLS_TRUST_SYSTEM 1
#define GAMEKEEPER_TLS_TRUST_GIVEN 2

#define GAMEKEEPER_TLS_VERIFY_NONE 0
#define GAMEKEEPER_TLS_VERIFY_OPTIONAL 1
#define GAMEKEEPER_TLS_VERIFY_REQUIRED 2

struct gamekeeper_tls_settings {
    int server;
    /// Only TLS 1.3 when set; otherwise also 1.2.
    int only13;
    int only12;
    int verify;
    int trust;
    struct gamekeeper_tls_pem roots;
    /// ALPN names in wire form: each a length byte and its bytes, in the order of preference.
    const uint8_t *alpn;
    size_t alpn_count;
    /// Borrowed: must outlive the context. Null for clients.
    struct gamekeeper_tls_keys *keys;
    /// How many bytes a peer may send before the handshake is done.
    size_t handshake_bytes_max;
    /// How large a ClientHello a server takes.
    size_t hello_bytes_max;
    /// How many bytes of certificates a peer may show.
    size_t certificates_bytes_max;
};

struct gamekeeper_tls_context *gamekeeper_tls_context_new(
    const struct gamekeeper_tls_settings *settings, struct gamekeeper_tls_failure *failure);
void gamekeeper_tls_context_free(struct gamekeeper_tls_context *context);
/// Adds a certificate chain with its key. The first one is the default. Returns its index, or -1.
int gamekeeper_tls_context_add_identity(
    struct gamekeeper_tls_context *context, struct gamekeeper_tls_pem chain, struct gamekeeper_tls_pem key,
    struct gamekeeper_tls_failure *failure);
/// Makes a client context without an identity usable. Returns 0 or -1.
int gamekeeper_tls_context_add_anonymous(
    struct gamekeeper_tls_context *context, struct gamekeeper_tls_failure *failure);
/// Lets a server name (lower case; may begin with "*.") choose an identity. The first to claim a name keeps it. 0 or
/// -1.
int gamekeeper_tls_context_add_name(struct gamekeeper_tls_context *context, const char *name, int identity);
/// Claims every DNS name in the certificate of the identity. 0 or -1.
int gamekeeper_tls_context_add_own_names(struct gamekeeper_tls_context *context, int identity);

// Sessions: one connection each. A session may be used by one thread at a time, no matter which.

/// Takes ciphertext that is to be sent, during a call.
typedef void (*gamekeeper_tls_append)(void *out, const void *bytes, size_t count);

#define GAMEKEEPER_TLS_AGAIN 0
#define GAMEKEEPER_TLS_NEEDS_MORE 1
#define GAMEKEEPER_TLS_CLOSED 2
#define GAMEKEEPER_TLS_FAILED 3

struct gamekeeper_tls_received {
    size_t consumed;
    size_t plaintext;
    int32_t status;
};

struct gamekeeper_tls_session *gamekeeper_tls_session_new(
    struct gamekeeper_tls_context *context, gamekeeper_tls_append append);
void gamekeeper_tls_session_free(struct gamekeeper_tls_session *session);
/// Says whom a client wants to reach: a host name or an address; null verifies only the chain. 0 when it can't be a
/// name.
int gamekeeper_tls_session_expect(struct gamekeeper_tls_session *session, const char *name);
/// Judges certificates as of this time instead of the machine's clock.
void gamekeeper_tls_session_judge_at(struct gamekeeper_tls_session *session, int64_t seconds);
/// Offers a session from before. 0 when OpenSSL does not take it.
int gamekeeper_tls_session_resume(
    struct gamekeeper_tls_session *session, struct gamekeeper_tls_resumption *resumption);

void gamekeeper_tls_session_receive(
    struct gamekeeper_tls_session *session, const void *cipher, size_t cipher_count, void *plaintext,
    size_t plaintext_count, void *out, struct gamekeeper_tls_received *received);
/// Encrypts all of it into `out`. 0 when the session can't write (any more).
int gamekeeper_tls_session_write(
    struct gamekeeper_tls_session *session, const void *plaintext, size_t count, void *out);
/// Sends close_notify once, if there is anybody to tell.
void gamekeeper_tls_session_close(struct gamekeeper_tls_session *session, void *out);
/// Changes the sending key, and asks the peer to do the same. TLS 1.3 only; goes out with the next write. 0 when
/// refused.
int gamekeeper_tls_session_update_keys(struct gamekeeper_tls_session *session);

struct gamekeeper_tls_failure gamekeeper_tls_session_failure(const struct gamekeeper_tls_session *session);
int gamekeeper_tls_session_is_done(const struct gamekeeper_tls_session *session);
int gamekeeper_tls_session_is_closed_by_peer(const struct gamekeeper_tls_session *session);
int gamekeeper_tls_session_is_resumed(const struct gamekeeper_tls_session *session);
/// 0x0303 for TLS 1.2, 0x0304 for TLS 1.3.
int gamekeeper_tls_session_version(const struct gamekeeper_tls_session *session);
/// Borrowed texts; null when there is none.
const char *gamekeeper_tls_session_cipher(const struct gamekeeper_tls_session *session);
const char *gamekeeper_tls_session_server_name(const struct gamekeeper_tls_session *session);
void gamekeeper_tls_session_alpn(const struct gamekeeper_tls_session *session, const uint8_t **name, size_t *count);

/// What is needed to resume this session later, or null. The caller frees it.
struct gamekeeper_tls_resumption *gamekeeper_tls_session_resumption(const struct gamekeeper_tls_session *session);
void gamekeeper_tls_resumption_free(struct gamekeeper_tls_resumption *resumption);

// Certificates.

/// The peer's certificate, or null. The caller frees it.
struct gamekeeper_tls_certificate *gamekeeper_tls_session_peer(const struct gamekeeper_tls_session *session);
void gamekeeper_tls_certificate_free(struct gamekeeper_tls_certificate *certificate);
/// Writes the SHA-256 of the certificate's DER form: 32 bytes. 0 on failure.
int gamekeeper_tls_certificate_sha256(const struct gamekeeper_tls_certificate *certificate, uint8_t *hash);
/// Writes the subject as RFC 2253 text and returns its length, at most `room`.
size_t gamekeeper_tls_certificate_subject(
    const struct gamekeeper_tls_certificate *certificate, char *text, size_t room);
/// Hands each subject alternative name to `take`: kind 'd' with a DNS name, 'i' with the 4 or 16 bytes of an address,
/// 'u' with a URI, 'e' with an e-mail address. Names with bytes outside printable ASCII are left out.
void gamekeeper_tls_certificate_names(
    const struct gamekeeper_tls_certificate *certificate, void *to,
    void (*take)(void *to, char kind, const void *bytes, size_t count));

struct gamekeeper_tls_made {
    char *certificate;
    size_t certificate_count;
    char *key;
    size_t key_count;
};

/// Makes an ECDSA P-256 key and a certificate for it. `names` are DNS names and addresses. It is signed by the issuer
/// when one is given, else by itself. 0 on failure.
int gamekeeper_tls_make_certificate(
    const char *const *names, size_t name_count, int64_t not_before, int64_t not_after, int authority,
    const struct gamekeeper_tls_made *issuer, struct gamekeeper_tls_made *made);
void gamekeeper_tls_made_free(struct gamekeeper_tls_made *made);

/// OpenSSL's own words for a verdict on a certificate, and for the reason of a failure. Never null, never freed.
const char *gamekeeper_tls_verdict_text(int32_t verdict);
const char *gamekeeper_tls_reason_text(int32_t reason);

#endif
