/* SPDX-License-Identifier: MIT
 *
 * A certificate and its key, out of their files, and what the log says where they are none. Any thread. */
#include "api/http/tls/tls.h"
#include "api/http/tls/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/base/secret_file.h"

static void say(const struct tls_context_options *options, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct tls_context_options *options, enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_say(options->log, options->log_ctx, level, format, arguments);
    va_end(arguments);
}

int tls_pair_refuse(const struct tls_context_options *options, const char *path, const char *what)
{
    unsigned long error = ERR_get_error();
    const char *reason = NULL;

    if (ERR_SYSTEM_ERROR(error))
        reason = strerror((int)ERR_GET_REASON(error));
    else if (error != 0)
        reason = ERR_reason_error_string(error);
    say(options, LOG_LEVEL_ERROR, "%s: cannot be used as TLS %s: %s", path, what,
        reason != NULL ? reason : "not understood");
    ERR_clear_error();
    return -EBADMSG;
}

/* OpenSSL would ask on the terminal. */
static int refuse_passphrase(char *buffer, int size, int for_writing, void *ctx)
{
    *(bool *)ctx = true;
    return -1;
}

static int load_key(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                    const struct http_tls_pair *pair)
{
    struct stat status;
    bool has_passphrase = false;
    int loaded;

    if (stat(pair->key, &status) == 0 && !secret_file_is_private(&status)) {
        say(options, LOG_LEVEL_ERROR, "%s: others than its owner may read the key in it (chmod 600)",
            pair->key);
        return -EBADMSG;
    }
    SSL_CTX_set_default_passwd_cb(ssl_ctx, refuse_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ssl_ctx, &has_passphrase);
    loaded = SSL_CTX_use_PrivateKey_file(ssl_ctx, pair->key, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(ssl_ctx, NULL);
    if (has_passphrase) {
        ERR_clear_error();
        say(options, LOG_LEVEL_ERROR, "%s: the key has a passphrase, and there is nobody to ask for it",
            pair->key);
        return -EBADMSG;
    }
    if (loaded != 1) {
        unsigned long error = ERR_peek_error();

        /* OpenSSL compares the two as soon as it has both. */
        if (ERR_GET_LIB(error) == ERR_LIB_X509 && (ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH ||
                                                   ERR_GET_REASON(error) == X509_R_KEY_TYPE_MISMATCH)) {
            ERR_clear_error();
            say(options, LOG_LEVEL_ERROR, "%s: is not the key of the certificate %s", pair->key,
                pair->certificate);
            return -EBADMSG;
        }
        return tls_pair_refuse(options, pair->key, "key");
    }
    return 0;
}

static void warn_of_dates(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                          const struct http_tls_pair *pair)
{
    const X509 *certificate = SSL_CTX_get0_certificate(ssl_ctx);

    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        say(options, LOG_LEVEL_WARNING, "%s: the certificate has expired: clients will refuse it",
            pair->certificate);
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        say(options, LOG_LEVEL_WARNING, "%s: the certificate is not valid yet: clients will refuse it",
            pair->certificate);
}

int tls_pair_load(SSL_CTX *ssl_ctx, const struct tls_context_options *options,
                  const struct http_tls_pair *pair)
{
    int err;

    if (SSL_CTX_use_certificate_chain_file(ssl_ctx, pair->certificate) != 1)
        return tls_pair_refuse(options, pair->certificate, "certificate");
    if ((err = load_key(ssl_ctx, options, pair)) != 0)
        return err;
    if (SSL_CTX_check_private_key(ssl_ctx) != 1) {
        say(options, LOG_LEVEL_ERROR, "%s: is not the key of the certificate %s", pair->key,
            pair->certificate);
        ERR_clear_error();
        return -EBADMSG;
    }
    warn_of_dates(ssl_ctx, options, pair);
    return 0;
}
