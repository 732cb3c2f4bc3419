/* SPDX-License-Identifier: MIT
 *
 * What is in the file of users, told line by line in the file's order. Secrets are not told. */
#include "api/s3/auth/users/s3_users.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "api/s3/auth/s3_credentials_internal.h"
#include "api/s3/auth/s3_hash.h"
#include "api/s3/auth/users/s3_users_edit.h"
#include "api/s3/auth/users/s3_users_lines.h"

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
    struct s3_users_edit edit;
    struct s3_credentials *set;
    int result = s3_users_edit_begin(&edit, options);

    if (result == 0 && edit.file.status.st_nlink == 0)
        result = s3_users_say(options, -ENOENT, "%s: %s", options->path, strerror(ENOENT));
    if (result == 0)
        result = s3_credentials_parse(&set, edit.file.text, edit.file.length, options->path,
                                      &(struct s3_credentials_options){0});
    if (result == 0) {
        struct listing listing = {set, edit.file.text, edit.file.length, visit, ctx};

        result = s3_users_line_walk(edit.file.text, edit.file.length, visit_listed, &listing);
        s3_credentials_unref(set);
    }
    s3_users_edit_end(&edit);
    return result;
}
