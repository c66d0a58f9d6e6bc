#include "CTLS.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "Context.h"

// One connection. OpenSSL reads and writes through a BIO of ours that owns no memory: for the length of one call it
// looks at the ciphertext the loop has received, and appends to the bytes the loop will send.

/// After the handshake a peer may send this many handshake messages (key updates, tickets)…
#define POST_HANDSHAKE_FREE 16
/// …one more for every 2^20 bytes of plaintext in either direction, and one for each key update that we asked for.
/// Each costs us a key derivation and an answer.
#define POST_HANDSHAKE_SHIFT 20

struct gamekeeper_tls_session {
    SSL *ssl;
    gamekeeper_tls_append append;
    // Valid during one call.
    const uint8_t *in;
    size_t in_left;
    void *out;
    // What the peer has cost so far.
    size_t handshake_left;
    size_t handshake_read;
    size_t hello_bytes_max;
    size_t hello_bytes;
    uint64_t plaintext;
    uint64_t updates_asked;
    uint64_t post_handshake;
    uint8_t done;
    uint8_t wrote;
    uint8_t closed;
    uint8_t said_goodbye;
    struct gamekeeper_tls_failure failure;
};

// The BIO.

/// Looks at the size that a ClientHello announces, before OpenSSL makes room for it: bytes 6 to 8 of the stream,
/// after a record header and the message's type. A first record too short to hold them is no client's and is refused
/// by the same rule.
static int is_hello_fine(struct gamekeeper_tls_session *session, size_t taken) {
    if (session->hello_bytes_max == 0) return 1;
    for (size_t index = 0; index < taken && session->handshake_read + index < 9; index++) {
        size_t at = session->handshake_read + index;
        if (at == 0 && session->in[index] != SSL3_RT_HANDSHAKE) session->hello_bytes_max = 0;
        if (at >= 6) session->hello_bytes = session->hello_bytes << 8 | session->in[index];
    }
    return session->hello_bytes_max == 0 || session->hello_bytes <= session->hello_bytes_max;
}

static int bio_read(BIO *bio, char *bytes, int count) {
    struct gamekeeper_tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (count <= 0) return 0;
    if (session->in_left == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = (size_t)count < session->in_left ? (size_t)count : session->in_left;
    if (!session->done) {
        if (taken > session->handshake_left || !is_hello_fine(session, taken)) {
            session->failure.fault = GAMEKEEPER_TLS_FAULT_HANDSHAKE_TOO_LARGE;
            return -1;
        }
        session->handshake_left -= taken;
        session->handshake_read += taken;
    } else if (session->post_handshake
               > POST_HANDSHAKE_FREE + session->updates_asked + (session->plaintext >> POST_HANDSHAKE_SHIFT)) {
        session->failure.fault = GAMEKEEPER_TLS_FAULT_FLOOD;
        return -1;
    }
    memcpy(bytes, session->in, taken);
    session->in += taken;
    session->in_left -= taken;
    return (int)taken;
}

static int bio_write(BIO *bio, const char *bytes, int count) {
    struct gamekeeper_tls_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (count <= 0) return 0;
    session->wrote = 1;
    session->append(session->out, bytes, (size_t)count);
    return count;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void) {
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gamekeeper");
    if (method == NULL) return;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    BIO_meth_set_create(method, bio_create);
}

/// Counts the peer's handshake messages after the handshake, so that the BIO can stop a flood of them.
static void watch(
    int writing, int version, int type, const void *bytes, size_t count, SSL *ssl, void *argument) {
    (void)version, (void)bytes, (void)count, (void)ssl;
    struct gamekeeper_tls_session *session = argument;
    if (type == SSL3_RT_HANDSHAKE && !writing && session->done) session->post_handshake++;
}

// Making and ending.

struct gamekeeper_tls_session *gamekeeper_tls_session_new(
    struct gamekeeper_tls_context *context, gamekeeper_tls_append append) {
    pthread_once(&method_once, make_method);
    struct gamekeeper_tls_session *session = calloc(1, sizeof *session);
    SSL *ssl = context->identity_count == 0 ? NULL : SSL_new(context->identities[0]);
    BIO *bio = method == NULL ? NULL : BIO_new(method);
    if (session == NULL || ssl == NULL || bio == NULL) {
        free(session);
        SSL_free(ssl);
        BIO_free(bio);
        ERR_clear_error();
        return NULL;
    }
    session->ssl = ssl;
    session->append = append;
    session->handshake_left = context->handshake_bytes_max;
    session->hello_bytes_max = context->server ? context->hello_bytes_max : 0;
    BIO_set_data(bio, session);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_msg_callback(ssl, watch);
    SSL_set_msg_callback_arg(ssl, session);
    if (context->server) SSL_set_accept_state(ssl);
    else SSL_set_connect_state(ssl);
    return session;
}

void gamekeeper_tls_session_free(struct gamekeeper_tls_session *session) {
    if (session == NULL) return;
    // Otherwise OpenSSL makes a session that ended without a goodbye unfit for resumption, as only SSL 3 wanted it.
    if (session->done && session->failure.fault == GAMEKEEPER_TLS_FAULT_NONE) {
        SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(session->ssl);
    free(session);
}

int gamekeeper_tls_session_expect(struct gamekeeper_tls_session *session, const char *name) {
    X509_VERIFY_PARAM *parameters = SSL_get0_param(session->ssl);
    int fine;
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    if (address != NULL) {
        ASN1_OCTET_STRING_free(address);
        fine = X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1;  // RFC 6066: an address is never sent as SNI.
    } else {
        X509_VERIFY_PARAM_set_hostflags(
            parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        fine = X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1
            && SSL_set_tlsext_host_name(session->ssl, name) == 1;
    }
    ERR_clear_error();
    return fine;
}

void gamekeeper_tls_session_judge_at(struct gamekeeper_tls_session *session, int64_t seconds) {
    X509_VERIFY_PARAM_set_time(SSL_get0_param(session->ssl), (time_t)seconds);
}

int gamekeeper_tls_session_resume(
    struct gamekeeper_tls_session *session, struct gamekeeper_tls_resumption *resumption) {
    int fine = SSL_set_session(session->ssl, (SSL_SESSION *)resumption) == 1;
    ERR_clear_error();
    return fine;
}

// Failures.

static struct gamekeeper_tls_failure explain(struct gamekeeper_tls_session *session) {
    struct gamekeeper_tls_failure failure = {GAMEKEEPER_TLS_FAULT_PROTOCOL, 0};
    unsigned long error;
    int reason = 0;
    while ((error = ERR_get_error()) != 0) {
        if (reason == 0 && ERR_GET_LIB(error) == ERR_LIB_SSL) reason = ERR_GET_REASON(error);
    }
    failure.detail = reason;
    if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
        failure.fault = GAMEKEEPER_TLS_FAULT_ALERT;
        failure.detail = reason - SSL_AD_REASON_OFFSET;
        return failure;
    }
    switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: failure.fault = GAMEKEEPER_TLS_FAULT_PLAIN_HTTP; break;
    case SSL_R_WRONG_VERSION_NUMBER:
        if (!session->done) failure.fault = GAMEKEEPER_TLS_FAULT_NOT_TLS;
        break;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH: failure.fault = GAMEKEEPER_TLS_FAULT_VERSION; break;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS: failure.fault = GAMEKEEPER_TLS_FAULT_NO_SHARED_CIPHER; break;
    case SSL_R_NO_APPLICATION_PROTOCOL: failure.fault = GAMEKEEPER_TLS_FAULT_NO_PROTOCOL; break;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        failure.fault = GAMEKEEPER_TLS_FAULT_CERTIFICATE;
        failure.detail = (int32_t)SSL_get_verify_result(session->ssl);
        break;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: failure.fault = GAMEKEEPER_TLS_FAULT_CERTIFICATE_REQUIRED; break;
    case SSL_R_DECRYPTION_FAILED:
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: failure.fault = GAMEKEEPER_TLS_FAULT_BAD_RECORD; break;
    case ERR_R_MALLOC_FAILURE: failure.fault = GAMEKEEPER_TLS_FAULT_MEMORY; break;
    default: break;
    }
    return failure;
}

/// Says what an OpenSSL call that returned ≤ 0 means, and remembers it when it is the end.
static int32_t judge(struct gamekeeper_tls_session *session, int result) {
    if (session->failure.fault == GAMEKEEPER_TLS_FAULT_NONE) {
        switch (SSL_get_error(session->ssl, result)) {
        case SSL_ERROR_WANT_READ: return GAMEKEEPER_TLS_NEEDS_MORE;
        case SSL_ERROR_ZERO_RETURN: session->closed = 1; return GAMEKEEPER_TLS_CLOSED;
        default: session->failure = explain(session);
        }
        // OpenSSL says nothing to a peer that does not speak TLS. One alert lets a confused TLS client understand.
        if (session->failure.fault == GAMEKEEPER_TLS_FAULT_NOT_TLS && !session->wrote) {
            static const uint8_t unexpected_message[] = {21, 3, 3, 0, 2, 2, 10};
            session->append(session->out, unexpected_message, sizeof unexpected_message);
        }
    }
    ERR_clear_error();
    return GAMEKEEPER_TLS_FAILED;
}

// Talking.

static void begin(struct gamekeeper_tls_session *session, const void *in, size_t count, void *out) {
    // Another user of OpenSSL on this thread may have left an error, and SSL_get_error would take it for ours.
    if (ERR_peek_error() != 0) ERR_clear_error();
    session->in = in;
    session->in_left = count;
    session->out = out;
}

static int32_t read_all(struct gamekeeper_tls_session *session, uint8_t *plaintext, size_t room, size_t *count) {
    if (!session->done) {
        int result = SSL_do_handshake(session->ssl);
        if (result != 1) return judge(session, result);
        session->done = 1;
    }
    while (*count < room) {
        if (session->in_left == 0 && !SSL_has_pending(session->ssl)) return GAMEKEEPER_TLS_NEEDS_MORE;
        size_t read = 0;
        int result = SSL_read_ex(session->ssl, plaintext + *count, room - *count, &read);
        if (result != 1) return judge(session, result);
        session->plaintext += read;
        *count += read;
    }
    // OpenSSL can't say whether what it holds is a whole record; asking again with fresh room is always right.
    return session->in_left == 0 && !SSL_has_pending(session->ssl) ? GAMEKEEPER_TLS_NEEDS_MORE : GAMEKEEPER_TLS_AGAIN;
}

void gamekeeper_tls_session_receive(
    struct gamekeeper_tls_session *session, const void *cipher, size_t cipher_count, void *plaintext,
    size_t plaintext_count, void *out, struct gamekeeper_tls_received *received) {
    received->consumed = cipher_count;
    received->plaintext = 0;
    if (session->failure.fault != GAMEKEEPER_TLS_FAULT_NONE) {
        received->status = GAMEKEEPER_TLS_FAILED;
        return;
    }
    if (session->closed) {
        received->status = GAMEKEEPER_TLS_CLOSED;
        return;
    }
    begin(session, cipher, cipher_count, out);
    received->status = read_all(session, plaintext, plaintext_count, &received->plaintext);
    if (received->status == GAMEKEEPER_TLS_AGAIN) received->consumed = cipher_count - session->in_left;
    session->in = NULL;
    session->in_left = 0;
    session->out = NULL;
}

int gamekeeper_tls_session_write(
    struct gamekeeper_tls_session *session, const void *plaintext, size_t count, void *out) {
    if (!session->done || session->said_goodbye || session->failure.fault != GAMEKEEPER_TLS_FAULT_NONE) return 0;
    if (count == 0) return 1;
    begin(session, NULL, 0, out);
    size_t written = 0;
    int result = SSL_write_ex(session->ssl, plaintext, count, &written);
    if (result != 1 && judge(session, result) != GAMEKEEPER_TLS_FAILED) {
        // A write that wants to read would have to be repeated with the same bytes; without renegotiation it can't
        // happen.
        session->failure.fault = GAMEKEEPER_TLS_FAULT_PROTOCOL;
    }
    session->out = NULL;
    session->plaintext += written;
    return result == 1 && written == count;
}

void gamekeeper_tls_session_close(struct gamekeeper_tls_session *session, void *out) {
    if (!session->done || session->said_goodbye || session->failure.fault != GAMEKEEPER_TLS_FAULT_NONE) return;
    begin(session, NULL, 0, out);
    session->said_goodbye = 1;
    if (SSL_shutdown(session->ssl) < 0) ERR_clear_error();
    session->out = NULL;
}

int gamekeeper_tls_session_update_keys(struct gamekeeper_tls_session *session) {
    if (!session->done || session->said_goodbye || session->failure.fault != GAMEKEEPER_TLS_FAULT_NONE) return 0;
    int fine = SSL_key_update(session->ssl, SSL_KEY_UPDATE_REQUESTED) == 1;
    if (fine) session->updates_asked++;
    ERR_clear_error();
    return fine;
}

// Looking.

struct gamekeeper_tls_failure gamekeeper_tls_session_failure(const struct gamekeeper_tls_session *session) {
    return session->failure;
}

int gamekeeper_tls_session_is_done(const struct gamekeeper_tls_session *session) { return session->done; }

int gamekeeper_tls_session_is_closed_by_peer(const struct gamekeeper_tls_session *session) { return session->closed; }

int gamekeeper_tls_session_is_resumed(const struct gamekeeper_tls_session *session) {
    return session->done && SSL_session_reused(session->ssl);
}

int gamekeeper_tls_session_version(const struct gamekeeper_tls_session *session) {
    return SSL_version(session->ssl);
}

const char *gamekeeper_tls_session_cipher(const struct gamekeeper_tls_session *session) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(session->ssl);
    return cipher == NULL ? NULL : SSL_CIPHER_standard_name(cipher);
}

const char *gamekeeper_tls_session_server_name(const struct gamekeeper_tls_session *session) {
    return SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name);
}

void gamekeeper_tls_session_alpn(const struct gamekeeper_tls_session *session, const uint8_t **name, size_t *count) {
    unsigned int length = 0;
    SSL_get0_alpn_selected(session->ssl, name, &length);
    *count = length;
}

struct gamekeeper_tls_resumption *gamekeeper_tls_session_resumption(const struct gamekeeper_tls_session *session) {
    SSL_SESSION *saved = SSL_get1_session(session->ssl);
    if (saved != NULL && SSL_SESSION_is_resumable(saved)) return (struct gamekeeper_tls_resumption *)saved;
    SSL_SESSION_free(saved);
    return NULL;
}

void gamekeeper_tls_resumption_free(struct gamekeeper_tls_resumption *resumption) {
    SSL_SESSION_free((SSL_SESSION *)resumption);
}

struct gamekeeper_tls_certificate *gamekeeper_tls_session_peer(const struct gamekeeper_tls_session *session) {
    return (struct gamekeeper_tls_certificate *)SSL_get1_peer_certificate(session->ssl);
}
