#ifndef GAMEKEEPER_TLS_CONTEXT_H
#define GAMEKEEPER_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "CTLS.h"

// What the files of this shim share. Opaque types of CTLS.h that are OpenSSL's own are casts:
// gamekeeper_tls_resumption is SSL_SESSION, gamekeeper_tls_certificate is X509.

struct gamekeeper_tls_name {
    char *text;
    int identity;
};

struct gamekeeper_tls_context {
    int server;
    int only13;
    int only12;
    int verify;
    size_t handshake_bytes_max;
    size_t hello_bytes_max;
    size_t certificates_bytes_max;
    X509_STORE *trust;
    uint8_t *alpn;
    size_t alpn_count;
    unsigned char scope[32];
    struct gamekeeper_tls_keys *keys;
    SSL_CTX **identities;
    int identity_count;
    // Sorted by text.
    struct gamekeeper_tls_name *names;
    size_t name_count;
};

/// Starts OpenSSL once per process.
void gamekeeper_tls_start(void);

/// The ticket callback, installed in every server context.
int gamekeeper_tls_ticket(
    SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing);

#endif
