#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "Context.h"

// Session tickets, sealed by RFC 5077's own recipe: AES-256-CBC, then HMAC-SHA-256. OpenSSL would make one key per
// context and keep it for ever; here the key outlives a reload of certificates, and a rotation ends what a stolen key
// can open.

struct ticket_key {
    unsigned char name[16];
    unsigned char cipher[32];
    unsigned char mac[32];
};

struct gamekeeper_tls_keys {
    pthread_rwlock_t lock;
    struct ticket_key current;
    struct ticket_key previous;
    int has_previous;
};

struct gamekeeper_tls_keys *gamekeeper_tls_keys_new(void) {
    gamekeeper_tls_start();
    struct gamekeeper_tls_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) return NULL;
    if (RAND_bytes((unsigned char *)&keys->current, sizeof keys->current) != 1
        || pthread_rwlock_init(&keys->lock, NULL) != 0) {
        free(keys);
        return NULL;
    }
    return keys;
}

void gamekeeper_tls_keys_free(struct gamekeeper_tls_keys *keys) {
    if (keys == NULL) return;
    pthread_rwlock_destroy(&keys->lock);
    OPENSSL_cleanse(keys, sizeof *keys);
    free(keys);
}

int gamekeeper_tls_keys_rotate(struct gamekeeper_tls_keys *keys) {
    struct ticket_key fresh;
    if (RAND_bytes((unsigned char *)&fresh, sizeof fresh) != 1) return 0;
    pthread_rwlock_wrlock(&keys->lock);
    keys->previous = keys->current;
    keys->current = fresh;
    keys->has_previous = 1;
    pthread_rwlock_unlock(&keys->lock);
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return 1;
}

static int prepare(
    const struct ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters) == 1
        && EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, sealing) == 1;
}

int gamekeeper_tls_ticket(
    SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing) {
    struct gamekeeper_tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct gamekeeper_tls_keys *keys = context->keys;
    struct ticket_key key;
    int answer = 1;  // For OpenSSL: 0 no such key, 1 use it, 2 use it and issue a new ticket.
    pthread_rwlock_rdlock(&keys->lock);
    if (sealing || memcmp(name, keys->current.name, sizeof key.name) == 0) {
        key = keys->current;
    } else if (keys->has_previous && memcmp(name, keys->previous.name, sizeof key.name) == 0) {
        key = keys->previous;
        answer = 2;
    } else {
        answer = 0;
    }
    pthread_rwlock_unlock(&keys->lock);
    if (answer == 0) return 0;

    if (sealing) {
        memcpy(name, key.name, sizeof key.name);
        if (RAND_bytes(iv, 16) != 1) answer = -1;
    }
    if (answer > 0 && !prepare(&key, iv, cipher, mac, sealing)) answer = -1;
    OPENSSL_cleanse(&key, sizeof key);
    return answer;
}
