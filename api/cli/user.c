/* SPDX-License-Identifier: MIT
 *
 * `sluice user add|list|rotate|remove`: the users and tokens in a credentials file. A new key or token is printed once, on stdout, and
 * nowhere else. A running server notices the changed file by itself; or it edits its file itself, where --data names its
 * directory. */
#include "api/cli/cli.h"

#include <errno.h>
#include <string.h>

/* ---- The actions: on a file, or by the server of a directory. Each returns what sluice.h said. ---- */

/* In the form of a configuration file. */
static void print_key(const char *name, struct sluice_user_key *key)
{
    if (strcmp(key->access_key, name) == 0)
        printf("token = %s\nsecret = %s\n", name, key->secret_key);
    else
        printf("user = %s\naccess-key = %s\nsecret-key = %s\n", name, key->access_key, key->secret_key);
    explicit_bzero(key, sizeof(*key));
}

static int add(const struct options *options, const char *where, const char *name)
{
    const struct sluice_user_options user = {
        .id = options->user_id, .rights = options->rights, .is_token = options->is_token};
    struct sluice_user_key key;
    int err = sluice_user_add(where, name, &user, &key, cli_log, NULL);

    if (err == 0)
        print_key(name, &key);
    return err;
}

static int rotate(const struct options *options, const char *where, const char *name)
{
    struct sluice_user_key key;
    int err = sluice_user_rotate(where, name, options->keep_old, &key, cli_log, NULL);

    if (err == 0)
        print_key(name, &key);
    return err;
}

static int remove_user(const struct options *options, const char *where, const char *name)
{
    (void)options;
    return sluice_user_remove(where, name, cli_log, NULL);
}

static void print_heading(bool *is_printed)
{
    if (!*is_printed)
        printf("NAME\tACCOUNT\tCANONICAL-ID\tACCESS-KEY\tRIGHTS\n");
    *is_printed = true;
}

static int print_user(void *ctx, const struct sluice_user *user)
{
    print_heading(ctx);
    printf("%s\t%s\t%s\t%s\t%s\n", user->name, user->account, user->id,
           user->is_token             ? "(token)"
           : user->access_key != NULL ? user->access_key
                                      : "-",
           user->rights[0] != '\0' ? user->rights : "-");
    return 0;
}

static int list(const struct options *options, const char *where, const char *name)
{
    bool is_printed = false;
    int err = sluice_user_list(where, print_user, &is_printed, cli_log, NULL);

    (void)options;
    (void)name;
    if (err == 0)
        print_heading(&is_printed); /* also of nothing */
    return err;
}

/* ---- Where the users are ---- */

typedef int (*action_fn)(const struct options *options, const char *where, const char *name);

static enum option_source source_of(const struct options *options, const char *name)
{
    return option_source_of(options, option_row_find(name, strlen(name)));
}

/* A file that is named beside the action is meant. Else a directory that is named anywhere, for its server knows its own file. */
static bool asks_server(const struct options *options)
{
    if (options->credentials == NULL)
        return true;
    return source_of(options, "credentials") != OPTION_FROM_FLAG &&
           source_of(options, "data") != OPTION_FROM_DEFAULT;
}

/* There is no server, or it has no such file: nothing was done. */
static bool is_no_server(int err)
{
    return err == -ENOTCONN || err == -EOPNOTSUPP;
}

static int run(const struct options *options, action_fn action, const char *name)
{
    int err = asks_server(options) ? action(options, options->data, name) : -ENOTCONN;

    return is_no_server(err) && options->credentials != NULL ? action(options, options->credentials, name)
                                                             : err;
}

static int finish(const struct options *options, int err)
{
    if (err == 0)
        return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    if (is_no_server(err) && options->credentials == NULL) {
        cli_say(
            SLUICE_LOG_ERROR,
            "which file? Name it with --credentials or SLUICE_CREDENTIALS, or with --data the directory of a "
            "running server that has one");
        return CLI_USAGE;
    }
    /* The log has said most of it. */
    if (err == SLUICE_E_CREDENTIALS || err == -EINVAL || err == -EEXIST || err == -ENOENT)
        return err == -EINVAL ? CLI_USAGE : CLI_FAILED;
    cli_say(SLUICE_LOG_ERROR, "the users could not be changed: %s", sluice_strerror(err));
    return CLI_FAILED;
}

int cli_user(const struct options *options)
{
    static const struct {
        const char *word;
        size_t words;
        action_fn run;
    } actions[] = {{"add", 2, add}, {"rotate", 2, rotate}, {"remove", 2, remove_user}, {"list", 1, list}};
    const char *word = options->word_count > 0 ? options->words[0] : "";

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(word, actions[i].word) == 0 && options->word_count == actions[i].words)
            return finish(options, run(options, actions[i].run, options->words[1]));
    cli_say(SLUICE_LOG_ERROR,
            "expected: sluice user add|rotate|remove NAME, or sluice user list; see sluice user --help");
    return CLI_USAGE;
}
