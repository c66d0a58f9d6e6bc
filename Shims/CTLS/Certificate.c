#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "Context.h"

// Reading a peer's certificate, and making one for the first start and for tests.

void gamekeeper_tls_certificate_free(struct gamekeeper_tls_certificate *certificate) {
    X509_free((X509 *)certificate);
}

int gamekeeper_tls_certificate_sha256(const struct gamekeeper_tls_certificate *certificate, uint8_t *hash) {
    unsigned int count = 32;
    return X509_digest((const X509 *)certificate, EVP_sha256(), hash, &count) == 1 && count == 32;
}

size_t gamekeeper_tls_certificate_subject(
    const struct gamekeeper_tls_certificate *certificate, char *text, size_t room) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL) return 0;
    size_t count = 0;
    // RFC 2253 escapes every byte outside ASCII and every control character.
    if (X509_NAME_print_ex(bio, X509_get_subject_name((const X509 *)certificate), 0, XN_FLAG_RFC2253) >= 0) {
        BIO_read_ex(bio, text, room, &count);
    }
    BIO_free(bio);
    ERR_clear_error();
    return count;
}

static int is_printable(const unsigned char *bytes, size_t count) {
    for (size_t index = 0; index < count; index++) {
        if (bytes[index] < 0x21 || bytes[index] > 0x7E) return 0;
    }
    return count > 0;
}

void gamekeeper_tls_certificate_names(
    const struct gamekeeper_tls_certificate *certificate, void *to,
    void (*take)(void *to, char kind, const void *bytes, size_t count)) {
    GENERAL_NAMES *names = X509_get_ext_d2i((const X509 *)certificate, NID_subject_alt_name, NULL, NULL);
    for (int index = 0; index < sk_GENERAL_NAME_num(names); index++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, index), &type);
        char kind = 0;
        if (type == GEN_DNS) kind = 'd';
        if (type == GEN_IPADD) kind = 'i';
        if (type == GEN_URI) kind = 'u';
        if (type == GEN_EMAIL) kind = 'e';
        if (kind == 0 || value == NULL) continue;
        const unsigned char *bytes = ASN1_STRING_get0_data(value);
        size_t count = (size_t)ASN1_STRING_length(value);
        if (kind == 'i' ? (count == 4 || count == 16) : is_printable(bytes, count)) take(to, kind, bytes, count);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

const char *gamekeeper_tls_verdict_text(int32_t verdict) { return X509_verify_cert_error_string(verdict); }

const char *gamekeeper_tls_reason_text(int32_t reason) {
    const char *text = reason == 0 ? NULL : ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));
    return text == NULL ? "a broken exchange" : text;
}

// Making.

static int add_extension(X509 *certificate, X509V3_CTX *context, int nid, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
    int fine = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return fine;
}

static int add_names(X509 *certificate, const char *const *names, size_t count) {
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    int fine = list != NULL;
    for (size_t index = 0; fine && index < count; index++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_OCTET_STRING *address = a2i_IPADDRESS(names[index]);
        fine = name != NULL;
        if (fine && address != NULL) {
            GENERAL_NAME_set0_value(name, GEN_IPADD, address);
            address = NULL;
        } else if (fine) {
            ASN1_IA5STRING *text = ASN1_IA5STRING_new();
            fine = text != NULL && is_printable((const unsigned char *)names[index], strlen(names[index]))
                && ASN1_STRING_set(text, names[index], -1) == 1;
            if (text != NULL) GENERAL_NAME_set0_value(name, GEN_DNS, text);
        }
        ASN1_OCTET_STRING_free(address);
        if (fine && sk_GENERAL_NAME_push(list, name) > 0) continue;
        GENERAL_NAME_free(name);
        fine = 0;
    }
    fine = fine && (count == 0 || X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, 0) == 1);
    GENERAL_NAMES_free(list);
    return fine;
}

static int set_serial(X509 *certificate) {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return 0;
    bytes[0] = (bytes[0] & 0x7F) | 0x40;  // Positive, and always 16 bytes long.
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    int fine = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return fine;
}

static int fill(
    X509 *certificate, EVP_PKEY *key, const char *const *names, size_t name_count, int authority, X509 *issuer) {
    X509_NAME *subject = X509_get_subject_name(certificate);
    const char *constraint = authority ? "critical,CA:TRUE" : "critical,CA:FALSE";
    const char *common = name_count > 0 && strlen(names[0]) <= 64 ? names[0] : "gamekeeper";
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer == NULL ? certificate : issuer, certificate, NULL, NULL, 0);
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate)
        && X509_set_pubkey(certificate, key) == 1
        && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common, -1, -1, 0) == 1
        && X509_set_issuer_name(certificate, issuer == NULL ? subject : X509_get_subject_name(issuer)) == 1
        && add_extension(certificate, &context, NID_subject_key_identifier, "hash")
        && add_extension(certificate, &context, NID_basic_constraints, constraint)
        && add_extension(
               certificate, &context, NID_key_usage,
               authority ? "critical,keyCertSign,cRLSign,digitalSignature" : "critical,digitalSignature")
        && (authority || add_extension(certificate, &context, NID_ext_key_usage, "serverAuth,clientAuth"))
        && add_names(certificate, names, name_count);
}

static int take(BIO *bio, char **bytes, size_t *count) {
    char *held = NULL;
    long length = BIO_get_mem_data(bio, &held);
    if (length <= 0 || (*bytes = malloc((size_t)length)) == NULL) return 0;
    memcpy(*bytes, held, (size_t)length);
    *count = (size_t)length;
    return 1;
}

static int write_made(X509 *certificate, EVP_PKEY *key, struct gamekeeper_tls_made *made) {
    BIO *first = BIO_new(BIO_s_mem());
    BIO *second = BIO_new(BIO_s_secmem());
    int fine = first != NULL && second != NULL && PEM_write_bio_X509(first, certificate) == 1
        && PEM_write_bio_PKCS8PrivateKey(second, key, NULL, NULL, 0, NULL, NULL) == 1
        && take(first, &made->certificate, &made->certificate_count) && take(second, &made->key, &made->key_count);
    BIO_free(first);
    BIO_free(second);
    return fine;
}

static int read_made(const struct gamekeeper_tls_made *made, X509 **certificate, EVP_PKEY **key) {
    BIO *first = BIO_new_mem_buf(made->certificate, (int)made->certificate_count);
    BIO *second = BIO_new_mem_buf(made->key, (int)made->key_count);
    if (first != NULL) *certificate = PEM_read_bio_X509(first, NULL, NULL, (void *)"");
    if (second != NULL) *key = PEM_read_bio_PrivateKey(second, NULL, NULL, (void *)"");
    BIO_free(first);
    BIO_free(second);
    return *certificate != NULL && *key != NULL;
}

int gamekeeper_tls_make_certificate(
    const char *const *names, size_t name_count, int64_t not_before, int64_t not_after, int authority,
    const struct gamekeeper_tls_made *issuer, struct gamekeeper_tls_made *made) {
    gamekeeper_tls_start();
    memset(made, 0, sizeof *made);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new(), *signer = NULL;
    EVP_PKEY *signer_key = NULL;
    int fine = key != NULL && certificate != NULL && (issuer == NULL || read_made(issuer, &signer, &signer_key))
        && ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)not_before) != NULL
        && ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)not_after) != NULL
        && fill(certificate, key, names, name_count, authority, signer)
        && X509_sign(certificate, signer_key == NULL ? key : signer_key, EVP_sha256()) > 0
        && write_made(certificate, key, made);
    X509_free(signer);
    EVP_PKEY_free(signer_key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!fine) gamekeeper_tls_made_free(made);
    return fine;
}

void gamekeeper_tls_made_free(struct gamekeeper_tls_made *made) {
    free(made->certificate);
    if (made->key != NULL) OPENSSL_cleanse(made->key, made->key_count);
    free(made->key);
    memset(made, 0, sizeof *made);
}
