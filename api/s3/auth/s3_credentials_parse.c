/* SPDX-License-Identifier: MIT
 *
 * The credentials file: read as a whole, taken apart line by line, refused with the number of the first line
 * that is wrong. Its format is described in s3_credentials.h. Blocks; not for workers. */
#include "api/core/quota.h"
#include "api/s3/auth/s3_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "api/s3/auth/s3_credentials_internal.h"
#include "storage/base/io.h"
#include "storage/base/secret_file.h"

struct parser {
    struct s3_credentials *set;
    const struct s3_credentials_options *options;
    const char *name;
    unsigned line;
};

static void say(const struct s3_credentials_options *options, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct s3_credentials_options *options, int level, const char *format, ...)
{
    char message[512];
    va_list arguments;

    if (options->log == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    options->log(options->log_ctx, level, message);
}

static int refuse(const struct parser *parser, const char *reason)
{
    say(parser->options, 2, "%s:%u: %s", parser->name, parser->line, reason);
    return -EBADMSG;
}

/* ---- One line ---- */

/* What the grants' readers found wrong. */
static int refuse_grant(const struct parser *parser, int result, const char *problem)
{
    return result == -EBADMSG ? refuse(parser, problem) : result;
}

static int take_grant(struct parser *parser, char *field, struct s3_grants *grants)
{
    const char *problem = "";

    return refuse_grant(parser, s3_grants_read(grants, field, &problem), problem);
}

static int take_owner(struct parser *parser, const char *owner, struct s3_identity *identity)
{
    size_t length = strlen(owner);

    if (length == 0 || length > S3_OWNER_BYTES_MAX)
        return refuse(parser, "an owner's name has 1 to 64 characters");
    memcpy(identity->name, owner, length + 1);
    identity->is_nameless = false;
    return 0;
}

/* "@own=RIGHT,RIGHT": what the key may do in its owner's buckets. Not a name that a bucket can have. */
static int take_own(struct parser *parser, char *rights, struct s3_identity *identity)
{
    const char *problem = "";

    return refuse_grant(parser, s3_rights_read(rights, &identity->own_rights, &problem), problem);
}

#define SCOPE_BOUNDS                                                                                         \
    "expected: scope=NAME read=NAME,NAME, at most 8 of the latter; names as main or pr/17, of letters, "     \
    "digits, '.', '_', '~', '-' and percent-escapes; one that depends on claims ({...}) is a role's"
_Static_assert(S3_SCOPES_MAX == 9, "the text above names it");

/* "scope=NAME", or "read=NAME,NAME", where caches are read and written. */
static int take_scopes(struct parser *parser, char *names, bool is_own, struct s3_identity *identity)
{
    char *rest, *name;
    bool is_good = true;

    if (identity->scopes == NULL && (identity->scopes = calloc(1, sizeof(*identity->scopes))) == NULL)
        return -ENOMEM;
    if (is_own)
        is_good = s3_scopes_set_own(identity->scopes, slice_text(names));
    else if (*names == '\0')
        is_good = false;
    for (name = is_own ? NULL : strtok_r(names, ",", &rest); is_good && name != NULL;
         name = strtok_r(NULL, ",", &rest))
        is_good = s3_scopes_add_read(identity->scopes, slice_text(name));
    return is_good ? 0 : refuse(parser, SCOPE_BOUNDS);
}

static int take_certificate(struct parser *parser, const char *text, struct s3_identity *identity)
{
    int result = identity->role != NULL
                     ? -EBADMSG /* who shows a certificate has no token to take claims from */
                     : s3_certificates_add(&parser->set->certificates, text, identity);

    return refuse_grant(parser, result, S3_CERTIFICATE_PROBLEM);
}

/* "rate:100": requests a second. */
static int take_rate(struct parser *parser, const char *text, struct s3_rate **rate)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number == 0 || number > S3_RATE_MAX)
        return refuse(parser, "expected: rate:N, requests a second from 1 to 1000000");
    if (*rate == NULL && (*rate = calloc(1, sizeof(**rate))) == NULL)
        return -ENOMEM;
    s3_rate_set(*rate, (unsigned)number);
    return 0;
}
_Static_assert(S3_RATE_MAX == 1000000, "the text above names it");

static int take_key_field(struct parser *parser, char *field, struct s3_identity *identity)
{
    if (strncmp(field, "owner:", 6) == 0)
        return take_owner(parser, field + 6, identity);
    if (strncmp(field, "@own=", 5) == 0)
        return take_own(parser, field + 5, identity);
    if (strncmp(field, "scope=", 6) == 0 || strncmp(field, "read=", 5) == 0)
        return take_scopes(parser, strchr(field, '=') + 1, field[0] == 's', identity);
    if (strncmp(field, "rate:", 5) == 0)
        return take_rate(parser, field + 5, &identity->rate);
    if (strncmp(field, "certificate:", 12) == 0)
        return take_certificate(parser, field + 12, identity);
    return take_grant(parser, field, &identity->grants);
}

/* "quota:bytes=10G,objects=1000", of a user line. */
static int take_quota(struct parser *parser, const char *text, struct meta_quota *quota)
{
    const char *why;

    return core_quota_parse(slice_text(text), ',', quota, &why) == 0
               ? 0
               : refuse(parser, "expected: quota:bytes=N,objects=N, or one of them, such as quota:bytes=10G");
}

static int take_user(struct parser *parser, char **rest)
{
    struct meta_quota quota = {META_QUOTA_NONE, META_QUOTA_NONE};
    const char *name = strtok_r(NULL, " \t\r", rest), *id = NULL, *field;
    int result = 0;

    while (result == 0 && name != NULL && (field = strtok_r(NULL, " \t\r", rest)) != NULL) {
        if (strncmp(field, "quota:", 6) == 0)
            result = take_quota(parser, field + 6, &quota);
        else if (id != NULL)
            name = NULL; /* too many words */
        else
            id = field;
    }
    if (result != 0)
        return result;
    if (name == NULL || strlen(name) > S3_OWNER_BYTES_MAX)
        return refuse(parser,
                      "expected: user NAME [CANONICAL-ID] [quota:...], the name of up to 64 characters");
    if (id != NULL && (strlen(id) > S3_OWNER_BYTES_MAX || strpbrk(id, ":*?/") != NULL))
        return refuse(parser, "a canonical id has up to 64 characters, and no ':', '*', '?' or '/'");
    if (parser->set->user_count == S3_KEYS_MAX)
        return refuse(parser, "too many users");
    return s3_credentials_add_user(parser->set, name, id, &quota);
}

/* The name goes where user names go, and before the ':' of Basic. */
static bool token_name_is_valid(const char *name)
{
    static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-";

    return strlen(name) <= S3_OWNER_BYTES_MAX && strspn(name, characters) == strlen(name);
}

#define TOKEN_BOUNDS                                                                                         \
    "a token's name has up to 64 of the characters A-Z a-z 0-9 + = , . @ _ -, its secret 16 to 128 "         \
    "characters"
_Static_assert(S3_OWNER_BYTES_MAX == 64 && S3_TOKEN_SECRET_BYTES_MIN == 16 && S3_SECRET_KEY_BYTES_MAX == 128,
               "the text above names them");

/* "key ACCESS SECRET ...", or "token NAME SECRET ...". */
static int take_key(struct parser *parser, char **rest, bool is_token)
{
    const char *access_key = strtok_r(NULL, " \t\r", rest);
    const char *secret = access_key != NULL ? strtok_r(NULL, " \t\r", rest) : NULL;
    struct s3_identity *identity;
    char *field;
    int result;

    if (secret == NULL)
        return refuse(parser, is_token ? "expected: token NAME SECRET BUCKET=RIGHT,RIGHT ..."
                                       : "expected: key ACCESS SECRET BUCKET=RIGHT,RIGHT ...");
    if (strlen(access_key) > S3_ACCESS_KEY_BYTES_MAX || strlen(secret) > S3_SECRET_KEY_BYTES_MAX)
        return refuse(parser, "an access key or secret has at most 128 characters");
    if (strchr(secret, '=') != NULL && strchr(secret, ',') != NULL)
        return refuse(parser,
                      "the secret looks like rights; expected: key ACCESS SECRET BUCKET=RIGHT,RIGHT ...");
    if (is_token && (strlen(secret) < S3_TOKEN_SECRET_BYTES_MIN || !token_name_is_valid(access_key)))
        return refuse(parser, TOKEN_BOUNDS);
    if (parser->set->count == S3_KEYS_MAX)
        return refuse(parser, "too many keys");
    result = is_token ? s3_credentials_add_token(parser->set, access_key, secret, &identity)
                      : s3_credentials_add(parser->set, access_key, secret, &identity);
    while (result == 0 && (field = strtok_r(NULL, " \t\r", rest)) != NULL)
        result = take_key_field(parser, field, identity);
    return result;
}

/* ---- Issuers and roles ---- */

static int take_issuer(struct parser *parser, char **rest)
{
    struct s3_issuer **end = &parser->set->issuers;
    const char *problem = "";
    int result;

    while (*end != NULL)
        end = &(*end)->next;
    result = s3_issuer_read(parser->set->issuers, rest, parser->options->sources, end, &problem);
    return refuse_grant(parser, result, problem);
}

static int take_role_field(struct parser *parser, char *field, struct s3_identity *identity)
{
    const char *problem = "";
    int result = s3_role_take(identity->role, parser->set->issuers, field, &problem);

    return result == 1 ? take_key_field(parser, field, identity) : refuse_grant(parser, result, problem);
}

/* Sessions of the role end when its line says something else: each word counts, and their order. */
static void digest_word(struct s3_identity *role, const char *word)
{
    s3_hmac_sha256(role->digest, sizeof(role->digest), word, strlen(word), role->digest);
}

static int take_role(struct parser *parser, char **rest)
{
    const char *name = strtok_r(NULL, " \t\r", rest), *problem = "";
    const struct s3_credentials *set = parser->set;
    struct s3_identity *identity;
    char *field;
    int result;

    if (name == NULL || !token_name_is_valid(name))
        return refuse(parser, "expected: role NAME claim:NAME=PATTERN ..., a name as tokens have");
    for (size_t i = 0; i < set->count; i++) {
        if (set->identities[i]->role != NULL && strcmp(set->identities[i]->access_key, name) == 0)
            return refuse(parser, "there is a role of that name already");
    }
    if (set->count - set->key_count - set->token_count == S3_ROLES_MAX)
        return refuse(parser, "too many roles");
    result = s3_credentials_add_role(parser->set, name, &identity);
    while (result == 0 && (field = strtok_r(NULL, " \t\r", rest)) != NULL) {
        digest_word(identity, field);
        result = take_role_field(parser, field, identity);
    }
    if (result != 0)
        return result;
    result = s3_role_finish(identity->role, set->issuers, &problem);
    if (result == 0)
        digest_word(identity, identity->role->issuer->name);
    return refuse_grant(parser, result, problem);
}

static int take_anonymous(struct parser *parser, char **rest)
{
    char *field;
    int result = 0;

    while (result == 0 && (field = strtok_r(NULL, " \t\r", rest)) != NULL)
        result = strncmp(field, "rate:", 5) == 0 ? take_rate(parser, field + 5, &parser->set->anonymous_rate)
                                                 : take_grant(parser, field, &parser->set->anonymous);
    return result;
}

static int take_line(struct parser *parser, char *line)
{
    char *comment = line, *rest, *word;

    /* A '#' within a word is part of it: secrets may have one. */
    while ((comment = strchr(comment, '#')) != NULL) {
        if (comment == line || comment[-1] == ' ' || comment[-1] == '\t') {
            *comment = '\0';
            break;
        }
        comment++;
    }
    word = strtok_r(line, " \t\r", &rest);
    if (word == NULL)
        return 0;
    if (strcmp(word, "key") == 0)
        return take_key(parser, &rest, false);
    if (strcmp(word, "token") == 0)
        return take_key(parser, &rest, true);
    if (strcmp(word, "anonymous") == 0)
        return take_anonymous(parser, &rest);
    if (strcmp(word, "user") == 0)
        return take_user(parser, &rest);
    if (strcmp(word, "oidc") == 0)
        return take_issuer(parser, &rest);
    if (strcmp(word, "role") == 0)
        return take_role(parser, &rest);
    return refuse(parser,
                  "a line begins with \"key\", \"token\", \"user\", \"oidc\", \"role\" or \"anonymous\"");
}

/* ---- The whole ---- */

static int take_text(struct parser *parser, char *text)
{
    int result = 0;

    while (text != NULL && result == 0) {
        char *line = strsep(&text, "\n");

        parser->line++;
        result = take_line(parser, line);
    }
    return result;
}

/* The one key of the command line or the environment. */
static int take_option_key(struct s3_credentials *set, const struct s3_credentials_options *options)
{
    struct s3_identity *identity;
    int result;

    if (options->access_key == NULL || options->secret_key == NULL) {
        if (options->access_key == options->secret_key)
            return 0;
        say(options, 2, "an access key and a secret key must be given together");
        return -EBADMSG;
    }
    if (*options->access_key == '\0' || *options->secret_key == '\0' ||
        strlen(options->access_key) > S3_ACCESS_KEY_BYTES_MAX ||
        strlen(options->secret_key) > S3_SECRET_KEY_BYTES_MAX) {
        say(options, 2, "the access key and the secret key must have 1 to 128 characters");
        return -EBADMSG;
    }
    result = s3_credentials_add(set, options->access_key, options->secret_key, &identity);
    return result != 0 ? result : s3_grants_add(&identity->grants, SLICE("*"), S3_RIGHTS_ALL);
}

static int take_all(struct s3_credentials *set, const char *text, size_t length, const char *name,
                    const struct s3_credentials_options *options)
{
    struct parser parser = {.set = set, .options = options, .name = name};
    char message[S3_SEAL_MESSAGE_BYTES], *copy;
    int result = take_option_key(set, options);

    if (result != 0)
        return result;
    /* A file that names nobody closes the server to everybody: it may have been cut short. */
    set->is_open = text == NULL && set->count == 0;
    if (length != 0 && memchr(text, '\0', length) != NULL)
        return refuse(&parser, "not a text file");
    copy = strndup(length != 0 ? text : "", length);
    if (copy == NULL)
        return -ENOMEM;
    result = take_text(&parser, copy);
    OPENSSL_cleanse(copy, length);
    free(copy);
    if (result == 0 && (result = s3_credentials_seal(set, message)) != 0)
        say(options, 2, "%s: %s", name, message);
    return result;
}

int s3_credentials_parse(struct s3_credentials **set, const char *text, size_t length, const char *name,
                         const struct s3_credentials_options *options)
{
    struct s3_credentials *built = s3_credentials_new();
    int result;

    if (built == NULL)
        return -ENOMEM;
    result = take_all(built, text, length, name, options);
    if (result != 0) {
        s3_credentials_unref(built);
        return result;
    }
    *set = built;
    return 0;
}

static int read_all(int fd, const char *path, const struct s3_credentials_options *options, char *text,
                    size_t *length)
{
    size_t taken = 0;

    while (taken <= S3_CREDENTIALS_FILE_BYTES_MAX) {
        ssize_t got = read(fd, text + taken, S3_CREDENTIALS_FILE_BYTES_MAX + 1 - taken);

        if (got == 0) {
            *length = taken;
            return 0;
        }
        if (got < 0 && errno != EINTR)
            return -errno;
        taken += got > 0 ? (size_t)got : 0;
    }
    say(options, 2, "%s: larger than %u bytes", path, S3_CREDENTIALS_FILE_BYTES_MAX);
    return -EBADMSG;
}

static int load(struct s3_credentials **set, int fd, const struct s3_credentials_options *options)
{
    struct stat status;
    size_t length = 0;
    char *text;
    int result;

    if (fstat(fd, &status) != 0)
        return -errno;
    if (!secret_file_is_private(&status)) {
        say(options, 2, "%s: others than its owner may read the secrets in it (chmod 600)", options->path);
        return -EBADMSG;
    }
    text = malloc(S3_CREDENTIALS_FILE_BYTES_MAX + 1);
    if (text == NULL)
        return -ENOMEM;
    result = read_all(fd, options->path, options, text, &length);
    if (result == 0)
        result = s3_credentials_parse(set, text, length, options->path, options);
    OPENSSL_cleanse(text, length);
    free(text);
    return result;
}

int s3_credentials_create(struct s3_credentials **set, const struct s3_credentials_options *options)
{
    int fd, result;

    if (options->path == NULL)
        return s3_credentials_parse(set, NULL, 0, "options", options);
    fd = io_open(AT_FDCWD, options->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        result = -errno;
        say(options, 2, "%s: %s", options->path, strerror(-result));
        return result;
    }
    result = load(set, fd, options);
    (void)close(fd); /* read only: nothing can be lost */
    return result;
}
