#include "Context.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Mozilla's "intermediate" profile, without its three DHE suites: no client since 2015 needs them, and a DHE key
// exchange lets a stranger spend the server's time for nothing.
static const char ciphers12[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char groups[] = "X25519:P-256:P-384";

static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start(void) {
    // Without this, OpenSSL frees its tables in exit() while other loops may still use them.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    OPENSSL_init_ssl(0, NULL);
}

void gamekeeper_tls_start(void) { pthread_once(&started, start); }

static int fail(struct gamekeeper_tls_failure *failure, int32_t fault) {
    failure->fault = fault;
    failure->detail = (int32_t)ERR_GET_REASON(ERR_peek_last_error());
    ERR_clear_error();
    return -1;
}

static BIO *open_pem(struct gamekeeper_tls_pem pem) {
    if (pem.bytes == NULL) return pem.path == NULL ? NULL : BIO_new_file(pem.path, "r");
    return pem.count > 1 << 24 ? NULL : BIO_new_mem_buf(pem.bytes, (int)pem.count);
}

/// An encrypted key is refused: OpenSSL's default would ask for its pass phrase on the terminal.
static int no_pass_phrase(char *buffer, int size, int writing, void *context) {
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

/// Whether reading stopped because the PEM has no more certificates, and not because one is broken.
static int is_end_of_pem(void) {
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

// Trust.

static int load_roots(X509_STORE *store, struct gamekeeper_tls_pem pem) {
    BIO *bio = open_pem(pem);
    if (bio == NULL) return 0;
    int count = 0, intact = 1;
    X509 *root;
    ERR_clear_error();
    while (intact && (root = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL)) != NULL) {
        intact = X509_STORE_add_cert(store, root);
        X509_free(root);
        count++;
    }
    intact = intact && is_end_of_pem();
    BIO_free(bio);
    ERR_clear_error();
    return intact && count > 0;
}

static X509_STORE *make_store(const struct gamekeeper_tls_settings *settings) {
    X509_STORE *store = X509_STORE_new();
    if (store == NULL) return NULL;
    int loaded = 1;
    if (settings->trust == GAMEKEEPER_TLS_TRUST_SYSTEM) loaded = X509_STORE_set_default_paths(store);
    if (settings->trust == GAMEKEEPER_TLS_TRUST_GIVEN) loaded = load_roots(store, settings->roots);
    if (loaded) return store;
    X509_STORE_free(store);
    return NULL;
}

/// Tickets are good only where they could have been earned: a listener that trusts other client certificates has
/// another scope.
static int make_scope(struct gamekeeper_tls_context *context) {
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    int fine = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1
        && EVP_DigestUpdate(hash, &context->verify, sizeof context->verify) == 1;
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(context->trust);
    for (int index = 0; fine && index < sk_X509_OBJECT_num(objects); index++) {
        X509 *root = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, index));
        unsigned char print[EVP_MAX_MD_SIZE];
        unsigned int count = 0;
        fine = root == NULL
            || (X509_digest(root, EVP_sha256(), print, &count) == 1 && EVP_DigestUpdate(hash, print, count) == 1);
    }
    fine = fine && EVP_DigestFinal_ex(hash, context->scope, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return fine;
}

struct gamekeeper_tls_context *gamekeeper_tls_context_new(
    const struct gamekeeper_tls_settings *settings, struct gamekeeper_tls_failure *failure) {
    gamekeeper_tls_start();
    struct gamekeeper_tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        fail(failure, GAMEKEEPER_TLS_FAULT_MEMORY);
        return NULL;
    }
    context->server = settings->server;
    context->only13 = settings->only13;
    context->only12 = settings->only12;
    context->verify = settings->verify;
    context->handshake_bytes_max = settings->handshake_bytes_max;
    context->hello_bytes_max = settings->hello_bytes_max;
    context->certificates_bytes_max = settings->certificates_bytes_max;
    context->keys = settings->keys;
    context->trust = make_store(settings);
    if (context->trust == NULL) {
        fail(failure, GAMEKEEPER_TLS_FAULT_TRUST_UNREADABLE);
        gamekeeper_tls_context_free(context);
        return NULL;
    }
    if (settings->alpn_count > 0) {
        context->alpn = malloc(settings->alpn_count);
        if (context->alpn != NULL) memcpy(context->alpn, settings->alpn, settings->alpn_count);
        context->alpn_count = settings->alpn_count;
    }
    if ((settings->alpn_count > 0 && context->alpn == NULL) || !make_scope(context)) {
        fail(failure, GAMEKEEPER_TLS_FAULT_MEMORY);
        gamekeeper_tls_context_free(context);
        return NULL;
    }
    return context;
}

void gamekeeper_tls_context_free(struct gamekeeper_tls_context *context) {
    if (context == NULL) return;
    for (int index = 0; index < context->identity_count; index++) SSL_CTX_free(context->identities[index]);
    for (size_t index = 0; index < context->name_count; index++) free(context->names[index].text);
    X509_STORE_free(context->trust);
    free(context->identities);
    free(context->names);
    free(context->alpn);
    free(context);
}

// Names.

/// Where a name is, or where it would have to be put.
static size_t place(const struct gamekeeper_tls_context *context, const char *text, int *found) {
    size_t low = 0, high = context->name_count;
    *found = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(context->names[middle].text, text);
        if (order == 0) {
            *found = 1;
            return middle;
        }
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

int gamekeeper_tls_context_add_name(struct gamekeeper_tls_context *context, const char *name, int identity) {
    int found;
    size_t at = place(context, name, &found);
    if (found) return 0;
    struct gamekeeper_tls_name *names = realloc(context->names, (context->name_count + 1) * sizeof *names);
    if (names == NULL) return -1;
    context->names = names;
    char *text = strdup(name);
    if (text == NULL) return -1;
    memmove(names + at + 1, names + at, (context->name_count - at) * sizeof *names);
    names[at].text = text;
    names[at].identity = identity;
    context->name_count++;
    return 0;
}

struct claim {
    struct gamekeeper_tls_context *context;
    int identity;
    int result;
};

static int lower(const char *from, size_t count, char text[256]) {
    if (count == 0 || count > 255) return 0;
    for (size_t index = 0; index < count; index++) text[index] = (char)tolower((unsigned char)from[index]);
    text[count] = 0;
    return 1;
}

static void claim_name(void *to, char kind, const void *bytes, size_t count) {
    struct claim *claim = to;
    char text[256];
    if (kind != 'd' || claim->result != 0 || !lower(bytes, count, text)) return;
    claim->result = gamekeeper_tls_context_add_name(claim->context, text, claim->identity);
}

int gamekeeper_tls_context_add_own_names(struct gamekeeper_tls_context *context, int identity) {
    X509 *certificate = SSL_CTX_get0_certificate(context->identities[identity]);
    struct claim claim = {context, identity, 0};
    gamekeeper_tls_certificate_names((struct gamekeeper_tls_certificate *)certificate, &claim, claim_name);
    return claim.result;
}

static int choose_identity(SSL *ssl, int *alert, void *argument) {
    (void)alert;
    struct gamekeeper_tls_context *context = argument;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    char text[256];
    if (asked == NULL || !lower(asked, strlen(asked), text)) return SSL_TLSEXT_ERR_NOACK;
    int found;
    size_t at = place(context, text, &found);
    if (!found) {
        // A wildcard stands for exactly one label: "a.example" is looked up as "*.example".
        char *dot = strchr(text, '.');
        if (dot == NULL || dot == text) return SSL_TLSEXT_ERR_NOACK;
        *--dot = '*';
        at = place(context, dot, &found);
        if (!found) return SSL_TLSEXT_ERR_NOACK;
    }
    SSL_CTX *chosen = context->identities[context->names[at].identity];
    if (SSL_get_SSL_CTX(ssl) != chosen && SSL_set_SSL_CTX(ssl, chosen) == NULL) return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

/// The first of our protocols that the client offers. RFC 7301 wants a fatal alert when there is none.
static int choose_protocol(
    SSL *ssl, const unsigned char **out, unsigned char *out_count, const unsigned char *offered,
    unsigned int offered_count, void *argument) {
    (void)ssl;
    struct gamekeeper_tls_context *context = argument;
    for (size_t ours = 0; ours < context->alpn_count; ours += 1u + context->alpn[ours]) {
        size_t count = context->alpn[ours];
        for (size_t theirs = 0; theirs + 1 + count <= offered_count; theirs += 1u + offered[theirs]) {
            if (offered[theirs] != count || memcmp(offered + theirs, context->alpn + ours, count + 1) != 0) continue;
            *out = offered + theirs + 1;
            *out_count = (unsigned char)count;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Identities.

static int set_server(struct gamekeeper_tls_context *context, SSL_CTX *ssl) {
    SSL_CTX_set_tlsext_servername_callback(ssl, choose_identity);
    SSL_CTX_set_tlsext_servername_arg(ssl, context);
    if (context->alpn_count > 0) SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, context);
    SSL_CTX_set_timeout(ssl, 2 * 60 * 60);
    // One ticket is enough for a client that keeps one connection.
    if (SSL_CTX_set_num_tickets(ssl, 1) != 1) return 0;
    if (SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, gamekeeper_tls_ticket) != 1) return 0;
    if (SSL_CTX_set_session_id_context(ssl, context->scope, sizeof context->scope) != 1) return 0;
    if (context->verify == GAMEKEEPER_TLS_VERIFY_NONE) return 1;
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(context->trust);
    for (int index = 0; index < sk_X509_OBJECT_num(objects); index++) {
        X509 *root = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, index));
        if (root != NULL && SSL_CTX_add_client_CA(ssl, root) != 1) return 0;
    }
    return 1;
}

static SSL_CTX *make(struct gamekeeper_tls_context *context) {
    SSL_CTX *ssl = SSL_CTX_new(context->server ? TLS_server_method() : TLS_client_method());
    if (ssl == NULL) return NULL;
    SSL_CTX_set_app_data(ssl, context);
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_clear_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE
        | SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    // Tickets are kept by clients, and by whoever calls for one here; OpenSSL keeps nothing.
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ssl, (long)context->certificates_bytes_max);
    SSL_CTX_set_max_early_data(ssl, 0);
    SSL_CTX_set_recv_max_early_data(ssl, 0);
    int verify = SSL_VERIFY_NONE;
    if (context->verify == GAMEKEEPER_TLS_VERIFY_OPTIONAL) verify = SSL_VERIFY_PEER;
    if (context->verify == GAMEKEEPER_TLS_VERIFY_REQUIRED) verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ssl, verify, NULL);
    SSL_CTX_set1_cert_store(ssl, context->trust);
    int fine = SSL_CTX_set_min_proto_version(ssl, context->only13 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1
        && SSL_CTX_set_max_proto_version(ssl, context->only12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1
        && SSL_CTX_set_cipher_list(ssl, ciphers12) == 1 && SSL_CTX_set_ciphersuites(ssl, ciphers13) == 1
        && SSL_CTX_set1_groups_list(ssl, groups) == 1;
    if (fine && context->server) fine = set_server(context, ssl);
    if (fine && !context->server && context->alpn_count > 0) {
        fine = SSL_CTX_set_alpn_protos(ssl, context->alpn, (unsigned int)context->alpn_count) == 0;
    }
    if (fine) return ssl;
    SSL_CTX_free(ssl);
    return NULL;
}

static int keep(struct gamekeeper_tls_context *context, SSL_CTX *ssl, struct gamekeeper_tls_failure *failure) {
    SSL_CTX **identities = realloc(context->identities, ((size_t)context->identity_count + 1) * sizeof *identities);
    if (identities == NULL) {
        SSL_CTX_free(ssl);
        return fail(failure, GAMEKEEPER_TLS_FAULT_MEMORY);
    }
    context->identities = identities;
    identities[context->identity_count] = ssl;
    return context->identity_count++;
}

static int load_chain(SSL_CTX *ssl, struct gamekeeper_tls_pem pem) {
    BIO *bio = open_pem(pem);
    if (bio == NULL) return 0;
    ERR_clear_error();
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL);
    int intact = certificate != NULL && SSL_CTX_use_certificate(ssl, certificate) == 1;
    X509_free(certificate);
    while (intact && (certificate = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL)) != NULL) {
        intact = SSL_CTX_add0_chain_cert(ssl, certificate) == 1;
        if (!intact) X509_free(certificate);
    }
    intact = intact && is_end_of_pem();
    BIO_free(bio);
    return intact;
}

static int load_key(SSL_CTX *ssl, struct gamekeeper_tls_pem pem, int32_t *fault) {
    BIO *bio = open_pem(pem);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
    BIO_free(bio);
    *fault = key == NULL ? GAMEKEEPER_TLS_FAULT_KEY_UNREADABLE : GAMEKEEPER_TLS_FAULT_KEY_MISMATCH;
    int fine = key != NULL && SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
    EVP_PKEY_free(key);
    return fine;
}

int gamekeeper_tls_context_add_identity(
    struct gamekeeper_tls_context *context, struct gamekeeper_tls_pem chain, struct gamekeeper_tls_pem key,
    struct gamekeeper_tls_failure *failure) {
    int32_t fault;
    SSL_CTX *ssl = make(context);
    if (ssl == NULL) return fail(failure, GAMEKEEPER_TLS_FAULT_SETTINGS);
    if (!load_chain(ssl, chain)) {
        SSL_CTX_free(ssl);
        return fail(failure, GAMEKEEPER_TLS_FAULT_CERTIFICATE_UNREADABLE);
    }
    if (!load_key(ssl, key, &fault)) {
        SSL_CTX_free(ssl);
        return fail(failure, fault);
    }
    ERR_clear_error();
    return keep(context, ssl, failure);
}

int gamekeeper_tls_context_add_anonymous(
    struct gamekeeper_tls_context *context, struct gamekeeper_tls_failure *failure) {
    SSL_CTX *ssl = make(context);
    if (ssl == NULL) return fail(failure, GAMEKEEPER_TLS_FAULT_SETTINGS);
    return keep(context, ssl, failure) < 0 ? -1 : 0;
}
