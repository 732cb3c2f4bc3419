/* SPDX-License-Identifier: MIT
 *
 * Adding, rotating and removing: lines are taken over, left out or added, and what comes out must pass
 * s3_credentials_parse.c. Blocks; not for workers. */
#include "api/s3/auth/users/s3_users.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/auth/s3_credentials_internal.h"
#include "api/s3/auth/users/s3_users_edit.h"
#include "api/s3/auth/users/s3_users_lines.h"
#include "api/s3/auth/users/s3_users_secret.h"
#include "storage/base/text/hex.h"

#define RIGHTS_DEFAULT "@own=all"

/* ---- Adding ---- */

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
static int check_id(const struct s3_users_edit *edit, const char *id)
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
            result = s3_users_say(edit->options, -EEXIST, "the id %s is in use: the user %s has it", id,
                                  set->identities[i]->name);
    for (size_t i = 0; i < set->user_count && result == 0; i++)
        if (ids_meet(id, account, set->users[i].id))
            result = s3_users_say(edit->options, -EEXIST, "the id %s is in use: the user %s has it", id,
                                  set->users[i].name);
    s3_credentials_unref(set);
    return result;
}

static int check_name(struct s3_users_edit *edit, const char *name)
{
    int result = s3_users_line_walk(edit->file.text, edit->file.length, visit_same_name, (void *)name);

    return result == -EEXIST
               ? s3_users_say(edit->options, result, "there is a user or token %s already", name)
               : result;
}

static int add(struct s3_users_edit *edit, const char *name, const char *id, const char *rights,
               struct s3_user_key *key)
{
    unsigned char random[32];
    char random_id[65];
    int result = check_name(edit, name);

    if (result != 0 || (id != NULL && (result = check_id(edit, id)) != 0) ||
        (result = s3_users_make_key(key)) != 0 ||
        (result = s3_users_random_bytes(random, sizeof(random))) != 0)
        return result;
    hex_encode(random, sizeof(random), random_id);
    random_id[64] = '\0';
    if ((result = s3_users_append(edit, edit->file.text, edit->file.length)) != 0 ||
        (result = s3_users_append_line(edit, "user %s %s\n", name, id != NULL ? id : random_id)) != 0 ||
        (result = s3_users_append_line(edit, "key %s %s owner:%s %s\n", key->access_key, key->secret_key,
                                       name, rights)) != 0)
        return result;
    return s3_users_edit_commit(edit);
}

/* Its id is its name, which nobody else may have. */
static int add_token(struct s3_users_edit *edit, const char *name, const char *rights,
                     struct s3_user_key *key)
{
    int result;

    if ((result = check_name(edit, name)) != 0 || (result = check_id(edit, name)) != 0 ||
        (result = s3_users_make_token(key, name)) != 0 ||
        (result = s3_users_append(edit, edit->file.text, edit->file.length)) != 0 ||
        (result = s3_users_append_line(edit, "token %s %s %s\n", name, key->secret_key, rights)) != 0)
        return result;
    return s3_users_edit_commit(edit);
}

static int check_words(const struct s3_credentials_options *options, const char *name, const char *rights)
{
    if (!is_name(name, "+=,.@_-"))
        return s3_users_say(
            options, -EINVAL,
            "a user's or token's name has 1 to 64 of the characters A-Z a-z 0-9 + = , . @ _ -");
    if (strpbrk(rights, "\n\r#") != NULL || strstr(rights, "owner:") != NULL ||
        strlen(rights) >= S3_USERS_RIGHTS_MAX)
        return s3_users_say(options, -EINVAL, "rights are PATTERN=RIGHT,RIGHT ..., separated by blanks");
    return 0;
}

int s3_users_add_token(const struct s3_credentials_options *options, const char *name, const char *rights,
                       struct s3_user_key *key)
{
    struct s3_users_edit edit;
    int result = check_words(options, name, rights);

    if (result != 0)
        return result;
    result = s3_users_edit_begin(&edit, options);
    if (result == 0)
        result = add_token(&edit, name, rights, key);
    s3_users_edit_end(&edit);
    return result;
}

int s3_users_add(const struct s3_credentials_options *options, const char *name, const char *id,
                 const char *rights, struct s3_user_key *key)
{
    struct s3_users_edit edit;
    int result;

    if (rights == NULL)
        rights = RIGHTS_DEFAULT;
    if ((result = check_words(options, name, rights)) != 0)
        return result;
    if (id != NULL && !is_name(id, "._-"))
        return s3_users_say(options, -EINVAL,
                            "a canonical id has 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    result = s3_users_edit_begin(&edit, options);
    if (result == 0)
        result = add(&edit, name, id, rights, key);
    s3_users_edit_end(&edit);
    return result;
}

/* ---- Rotating and removing ---- */

struct change {
    struct s3_users_edit *edit;
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
    return s3_users_append(change->edit, text, length);
}

static int change_user(struct change *change)
{
    struct s3_users_edit *edit = change->edit;
    int result = s3_users_line_walk(edit->file.text, edit->file.length, visit_change, change);

    if (result == 0 && !change->found)
        result = s3_users_say(edit->options, -ENOENT, "there is no user or token %s in %s", change->name,
                              edit->options->path);
    return result;
}

static int append_key(struct change *change, struct s3_user_key *key)
{
    int result = s3_users_make_key(key);

    return result != 0 ? result
                       : s3_users_append_line(change->edit, "key %s %s owner:%s %s\n", key->access_key,
                                              key->secret_key, change->name,
                                              change->keys > 0 ? change->rights : RIGHTS_DEFAULT);
}

static int append_token(struct change *change, struct s3_user_key *key)
{
    int result = s3_users_make_token(key, change->name);

    return result != 0 ? result
                       : s3_users_append_line(change->edit, "token %s %s%s%s %s\n", change->name,
                                              key->secret_key, change->owner[0] != '\0' ? " owner:" : "",
                                              change->owner, change->rights);
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
    struct s3_users_edit edit;
    struct change change = {.edit = &edit, .name = name};
    int result = s3_users_edit_begin(&edit, options);

    if (result == 0)
        result = find_kind(&change);
    change.drop_keys = !keep_old && !change.of_token;
    change.drop_tokens = !keep_old && change.of_token;
    if (result == 0)
        result = change_user(&change);
    if (result == 0)
        result = change.of_token ? append_token(&change, key) : append_key(&change, key);
    if (result == 0)
        result = s3_users_edit_commit(&edit);
    s3_users_edit_end(&edit);
    return result;
}

int s3_users_remove(const struct s3_credentials_options *options, const char *name)
{
    struct s3_users_edit edit;
    struct change change = {
        .edit = &edit, .name = name, .drop_keys = true, .drop_tokens = true, .drop_user = true};
    int result = s3_users_edit_begin(&edit, options);

    if (result == 0)
        result = change_user(&change);
    if (result == 0)
        result = s3_users_edit_commit(&edit);
    s3_users_edit_end(&edit);
    return result;
}
