/* SPDX-License-Identifier: MIT
 *
 * Editing users: lines are taken over, left out or added, and what comes out must pass
 * s3_credentials_parse.c. Blocks; not for workers. */
#include "api/s3/auth/s3_users.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "api/s3/auth/s3_credentials_internal.h"
#include "api/s3/auth/s3_hash.h"
#include "api/s3/auth/s3_users_file.h"
#include "api/s3/auth/s3_users_lines.h"
#include "storage/base/text/hex.h"

#define RIGHTS_DEFAULT "@own=all"
#define SECRET_LENGTH  40u
#define ACCESS_PREFIX  "SL"
#define ACCESS_LENGTH  20u
#define TOKEN_PREFIX   "sluice_" /* for those who look for secrets that got loose */

struct edit {
    const struct s3_credentials_options *options;
    struct s3_users_file file;
    char *text; /* the new file */
    size_t length, capacity;
};

static int say(const struct s3_credentials_options *options, int result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int say(const struct s3_credentials_options *options, int result, const char *format, ...)
{
    char message[512];
    va_list arguments;

    if (options->log != NULL) {
        va_start(arguments, format);
        vsnprintf(message, sizeof(message), format, arguments);
        va_end(arguments);
        options->log(options->log_ctx, 2, message);
    }
    return result;
}

/* ---- The new text ---- */

static int append(struct edit *edit, const char *text, size_t length)
{
    if (length == 0)
        return 0;
    if (edit->length + length > edit->capacity) {
        size_t capacity = 2 * (edit->length + length) + 4096;
        char *grown = malloc(capacity);

        if (grown == NULL)
            return -ENOMEM;
        memcpy(grown, edit->text != NULL ? edit->text : "", edit->length);
        if (edit->text != NULL)
            OPENSSL_cleanse(edit->text, edit->length);
        free(edit->text);
        edit->text = grown;
        edit->capacity = capacity;
    }
    memcpy(edit->text + edit->length, text, length);
    edit->length += length;
    return 0;
}

static int append_line(struct edit *edit, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int append_line(struct edit *edit, const char *format, ...)
{
    char line[S3_USERS_RIGHTS_MAX + 1024];
    va_list arguments;
    int length, result = 0;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(line))
        return -E2BIG;
    if (edit->length > 0 && edit->text[edit->length - 1] != '\n')
        result = append(edit, "\n", 1);
    if (result == 0)
        result = append(edit, line, (size_t)length);
    OPENSSL_cleanse(line, sizeof(line));
    return result;
}

static int check(const struct edit *edit, const char *text, size_t length)
{
    struct s3_credentials *set;
    int result = s3_credentials_parse(
        &set, text, length, edit->options->path,
        &(struct s3_credentials_options){.log = edit->options->log, .log_ctx = edit->options->log_ctx});

    if (result == 0)
        s3_credentials_unref(set);
    return result;
}

static int edit_begin(struct edit *edit, const struct s3_credentials_options *options)
{
    int result;

    *edit = (struct edit){.options = options};
    result = s3_users_file_begin(&edit->file, options->path);
    if (result != 0)
        return say(options, result, "%s: %s", options->path, strerror(-result));
    return check(edit, edit->file.text, edit->file.length);
}

static int edit_commit(struct edit *edit)
{
    int result = check(edit, edit->text, edit->length);

    if (result != 0)
        return result == -EBADMSG ? -EINVAL : result;
    result = s3_users_file_replace(&edit->file, edit->text, edit->length);
    return result == 0 ? 0 : say(edit->options, result, "%s: %s", edit->options->path, strerror(-result));
}

static void edit_end(struct edit *edit)
{
    if (edit->text != NULL)
        OPENSSL_cleanse(edit->text, edit->length);
    free(edit->text);
    s3_users_file_end(&edit->file);
}

/* ---- Names and keys ---- */

/* IAM's alphabet for names of users. */
static bool is_name(const char *text, const char *more)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            strchr(more, c) == NULL)
            return false;
    }
    return length > 0 && length <= S3_OWNER_BYTES_MAX;
}

static int random_bytes(unsigned char *bytes, size_t length)
{
    return getrandom(bytes, length, 0) == (ssize_t)length ? 0
                                                          : -EIO; /* so few never come short, getrandom(2) */
}

/* Each character of an alphabet of `base` as likely as the others. */
static int random_text(char *text, size_t length, const char *alphabet, unsigned base)
{
    unsigned limit = 256 - 256 % base;

    for (size_t i = 0; i < length;) {
        unsigned char byte;

        if (random_bytes(&byte, 1) != 0)
            return -EIO;
        if (byte < limit)
            text[i++] = alphabet[byte % base];
    }
    text[length] = '\0';
    return 0;
}

/* No '+' and no '/': they are misread in URLs and by careless clients. */
static int make_secret(char *text)
{
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    return random_text(text, SECRET_LENGTH, all, 62);
}

int s3_users_make_key(struct s3_user_key *key)
{
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    size_t prefix = strlen(ACCESS_PREFIX);

    memcpy(key->access_key, ACCESS_PREFIX, prefix);
    if (random_text(key->access_key + prefix, ACCESS_LENGTH - prefix, capitals, 32) != 0)
        return -EIO;
    return make_secret(key->secret_key);
}

/* name: a user's. */
static int make_token(struct s3_user_key *key, const char *name)
{
    strcpy(key->access_key, name);
    strcpy(key->secret_key, TOKEN_PREFIX);
    return make_secret(key->secret_key + strlen(TOKEN_PREFIX));
}

/* ---- Adding ---- */

static int visit_same_name(void *ctx, struct s3_users_line *line, const char *text, size_t length)
{
    return s3_users_line_is_user(line, ctx) || s3_users_line_is_key_of(line, ctx) ||
                   s3_users_line_is_token_of(line, ctx) || s3_users_line_is_token(line, ctx)
               ? -EEXIST
               : 0;
}

/* Both forms of an id are taken for one: policies and x-amz-expected-bucket-owner name owners by either. */
static bool ids_meet(const char *id, const char *account, const char *other)
{
    char other_account[S3_ACCOUNT_TEXT_BYTES];

    s3_account_of_owner(other, strlen(other), other_account);
    return strcmp(id, other) == 0 || strcmp(id, other_account) == 0 || strcmp(account, other) == 0 ||
           strcmp(account, other_account) == 0;
}

/* -EEXIST: somebody in the file has the id, with or without a line of his own. */
static int check_id(const struct edit *edit, const char *id)
{
    char account[S3_ACCOUNT_TEXT_BYTES];
    struct s3_credentials *set;
    int result = s3_credentials_parse(&set, edit->file.text, edit->file.length, edit->options->path,
                                      &(struct s3_credentials_options){0});

    if (result != 0)
        return result;
    s3_account_of_owner(id, strlen(id), account);
    for (size_t i = 0; i < set->count && result == 0; i++)
        if (ids_meet(id, account, set->identities[i]->owner))
            result = say(edit->options, -EEXIST, "the id %s is in use: the user %s has it", id,
                         set->identities[i]->name);
    for (size_t i = 0; i < set->user_count && result == 0; i++)
        if (ids_meet(id, account, set->users[i].id))
            result = say(edit->options, -EEXIST, "the id %s is in use: the user %s has it", id,
                         set->users[i].name);
    s3_credentials_unref(set);
    return result;
}

static int check_name(struct edit *edit, const char *name)
{
    int result = s3_users_line_walk(edit->file.text, edit->file.length, visit_same_name, (void *)name);

    return result == -EEXIST ? say(edit->options, result, "there is a user or token %s already", name)
                             : result;
}

static int add(struct edit *edit, const char *name, const char *id, const char *rights,
               struct s3_user_key *key)
{
    unsigned char random[32];
    char random_id[65];
    int result = check_name(edit, name);

    if (result != 0 || (id != NULL && (result = check_id(edit, id)) != 0) ||
        (result = s3_users_make_key(key)) != 0 || (result = random_bytes(random, sizeof(random))) != 0)
        return result;
    hex_encode(random, sizeof(random), random_id);
    random_id[64] = '\0';
    if ((result = append(edit, edit->file.text, edit->file.length)) != 0 ||
        (result = append_line(edit, "user %s %s\n", name, id != NULL ? id : random_id)) != 0 ||
        (result = append_line(edit, "key %s %s owner:%s %s\n", key->access_key, key->secret_key, name,
                              rights)) != 0)
        return result;
    return edit_commit(edit);
}

/* Its id is its name, which nobody else may have. */
static int add_token(struct edit *edit, const char *name, const char *rights, struct s3_user_key *key)
{
    int result;

    if ((result = check_name(edit, name)) != 0 || (result = check_id(edit, name)) != 0 ||
        (result = make_token(key, name)) != 0 ||
        (result = append(edit, edit->file.text, edit->file.length)) != 0 ||
        (result = append_line(edit, "token %s %s %s\n", name, key->secret_key, rights)) != 0)
        return result;
    return edit_commit(edit);
}

static int check_words(const struct s3_credentials_options *options, const char *name, const char *rights)
{
    if (!is_name(name, "+=,.@_-"))
        return say(options, -EINVAL,
                   "a user's or token's name has 1 to 64 of the characters A-Z a-z 0-9 + = , . @ _ -");
    if (strpbrk(rights, "\n\r#") != NULL || strstr(rights, "owner:") != NULL ||
        strlen(rights) >= S3_USERS_RIGHTS_MAX)
        return say(options, -EINVAL, "rights are PATTERN=RIGHT,RIGHT ..., separated by blanks");
    return 0;
}

int s3_users_add_token(const struct s3_credentials_options *options, const char *name, const char *rights,
                       struct s3_user_key *key)
{
    struct edit edit;
    int result = check_words(options, name, rights);

    if (result != 0)
        return result;
    result = edit_begin(&edit, options);
    if (result == 0)
        result = add_token(&edit, name, rights, key);
    edit_end(&edit);
    return result;
}

int s3_users_add(const struct s3_credentials_options *options, const char *name, const char *id,
                 const char *rights, struct s3_user_key *key)
{
    struct edit edit;
    int result;

    if (rights == NULL)
        rights = RIGHTS_DEFAULT;
    if ((result = check_words(options, name, rights)) != 0)
        return result;
    if (id != NULL && !is_name(id, "._-"))
        return say(options, -EINVAL, "a canonical id has 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    result = edit_begin(&edit, options);
    if (result == 0)
        result = add(&edit, name, id, rights, key);
    edit_end(&edit);
    return result;
}

/* ---- Rotating and removing ---- */

struct change {
    struct edit *edit;
    const char *name;
    bool drop_keys, drop_tokens, drop_user;
    bool found;
    bool of_token; /* what is below: of the first token of that name, not of the user's first key */
    char rights[S3_USERS_RIGHTS_MAX];
    char owner[S3_OWNER_BYTES_MAX + 1]; /* "": the line names none */
    size_t keys;
};

static void take_first(struct change *change, const struct s3_users_line *line)
{
    const char *owner = s3_users_line_owner(line);

    if (change->keys++ > 0)
        return;
    s3_users_line_rights(line, change->rights);
    snprintf(change->owner, sizeof(change->owner), "%s", owner != NULL ? owner : "");
}

static int visit_change(void *ctx, struct s3_users_line *line, const char *text, size_t length)
{
    struct change *change = ctx;
    bool is_user = s3_users_line_is_user(line, change->name),
         is_key = s3_users_line_is_key_of(line, change->name),
         is_token = s3_users_line_is_token(line, change->name),
         is_owned = s3_users_line_is_token_of(line, change->name);

    change->found |= is_user || is_key || is_token || is_owned;
    if (change->of_token ? is_token : is_key)
        take_first(change, line);
    if (((is_user || is_owned) && change->drop_user) || (is_key && change->drop_keys) ||
        (is_token && change->drop_tokens))
        return 0;
    return append(change->edit, text, length);
}

static int change_user(struct change *change)
{
    struct edit *edit = change->edit;
    int result = s3_users_line_walk(edit->file.text, edit->file.length, visit_change, change);

    if (result == 0 && !change->found)
        result = say(edit->options, -ENOENT, "there is no user or token %s in %s", change->name,
                     edit->options->path);
    return result;
}

static int append_key(struct change *change, struct s3_user_key *key)
{
    int result = s3_users_make_key(key);

    return result != 0
               ? result
               : append_line(change->edit, "key %s %s owner:%s %s\n", key->access_key, key->secret_key,
                             change->name, change->keys > 0 ? change->rights : RIGHTS_DEFAULT);
}

static int append_token(struct change *change, struct s3_user_key *key)
{
    int result = make_token(key, change->name);

    return result != 0
               ? result
               : append_line(change->edit, "token %s %s%s%s %s\n", change->name, key->secret_key,
                             change->owner[0] != '\0' ? " owner:" : "", change->owner, change->rights);
}

/* 1: the user has a key. */
static int visit_kind(void *ctx, struct s3_users_line *line, const char *text, size_t length)
{
    struct change *change = ctx;

    if (s3_users_line_is_key_of(line, change->name))
        return 1;
    change->of_token |= s3_users_line_is_token(line, change->name);
    return 0;
}

static int find_kind(struct change *change)
{
    int result = s3_users_line_walk(change->edit->file.text, change->edit->file.length, visit_kind, change);

    change->of_token &= result == 0;
    return result < 0 ? result : 0;
}

int s3_users_rotate(const struct s3_credentials_options *options, const char *name, bool keep_old,
                    struct s3_user_key *key)
{
    struct edit edit;
    struct change change = {.edit = &edit, .name = name};
    int result = edit_begin(&edit, options);

    if (result == 0)
        result = find_kind(&change);
    change.drop_keys = !keep_old && !change.of_token;
    change.drop_tokens = !keep_old && change.of_token;
    if (result == 0)
        result = change_user(&change);
    if (result == 0)
        result = change.of_token ? append_token(&change, key) : append_key(&change, key);
    if (result == 0)
        result = edit_commit(&edit);
    edit_end(&edit);
    return result;
}

int s3_users_remove(const struct s3_credentials_options *options, const char *name)
{
    struct edit edit;
    struct change change = {
        .edit = &edit, .name = name, .drop_keys = true, .drop_tokens = true, .drop_user = true};
    int result = edit_begin(&edit, options);

    if (result == 0)
        result = change_user(&change);
    if (result == 0)
        result = edit_commit(&edit);
    edit_end(&edit);
    return result;
}

/* ---- Listing ---- */

struct listing {
    const struct s3_credentials *set;
    const char *text;
    size_t length;
    int (*visit)(void *ctx, const struct s3_user_line *line);
    void *ctx;
};

static int visit_key_of(void *ctx, struct s3_users_line *line, const char *text, size_t length)
{
    return s3_users_line_is_key_of(line, ctx) || s3_users_line_is_token_of(line, ctx) ||
                   s3_users_line_is_token(line, ctx)
               ? 1
               : 0;
}

static int list_token(struct listing *listing, const struct s3_users_line *line)
{
    unsigned char digest[S3_SECRET_DIGEST_BYTES];
    const struct s3_identity *identity;
    char rights[S3_USERS_RIGHTS_MAX];
    struct s3_user_line told;

    s3_sha256(line->words[2], strlen(line->words[2]), digest);
    identity = s3_credentials_find_token(listing->set, digest);
    assert(identity != NULL); /* the same text was parsed a moment ago */
    s3_users_line_rights(line, rights);
    told =
        (struct s3_user_line){identity->access_key, identity->owner, identity->account, NULL, rights, true};
    return listing->visit(listing->ctx, &told);
}

static int visit_listed(void *ctx, struct s3_users_line *line, const char *text, size_t length)
{
    struct listing *listing = ctx;
    struct s3_user_line told = {0};
    char rights[S3_USERS_RIGHTS_MAX], account[S3_ACCOUNT_TEXT_BYTES];

    if (line->count >= 3 && strcmp(line->words[0], "token") == 0)
        return list_token(listing, line);
    if (line->count >= 3 && strcmp(line->words[0], "key") == 0) {
        const struct s3_identity *identity =
            s3_credentials_find(listing->set, line->words[1], strlen(line->words[1]));

        assert(identity != NULL); /* the same text was parsed a moment ago */
        s3_users_line_rights(line, rights);
        told = (struct s3_user_line){identity->name,       identity->owner, identity->account,
                                     identity->access_key, rights,          false};
        return listing->visit(listing->ctx, &told);
    }
    if (line->count < 2 || strcmp(line->words[0], "user") != 0 ||
        s3_users_line_walk(listing->text, listing->length, visit_key_of, line->words[1]) != 0)
        return 0;
    for (size_t i = 0; i < listing->set->user_count; i++)
        if (strcmp(listing->set->users[i].name, line->words[1]) == 0)
            told.id = listing->set->users[i].id;
    assert(told.id != NULL);
    s3_account_of_owner(told.id, strlen(told.id), account);
    told.name = line->words[1];
    told.account = account;
    told.rights = "";
    return listing->visit(listing->ctx, &told);
}

int s3_users_list(const struct s3_credentials_options *options,
                  int (*visit)(void *ctx, const struct s3_user_line *line), void *ctx)
{
    struct edit edit;
    struct s3_credentials *set;
    int result = edit_begin(&edit, options);

    if (result == 0 && edit.file.status.st_nlink == 0)
        result = say(options, -ENOENT, "%s: %s", options->path, strerror(ENOENT));
    if (result == 0)
        result = s3_credentials_parse(&set, edit.file.text, edit.file.length, options->path,
                                      &(struct s3_credentials_options){0});
    if (result == 0) {
        struct listing listing = {set, edit.file.text, edit.file.length, visit, ctx};

        result = s3_users_line_walk(edit.file.text, edit.file.length, visit_listed, &listing);
        s3_credentials_unref(set);
    }
    edit_end(&edit);
    return result;
}
