/* SPDX-License-Identifier: MIT
 *
 * `sluice user add|list|rotate|remove`: the users in a credentials file. A new key is printed once, on stdout, and
 * nowhere else. A running server notices the changed file by itself. */
#include "api/cli/cli.h"

#include <errno.h>
#include <string.h>

static int fail(int err)
{
    /* The log has said most of it. */
    if (err == SLUICE_E_CREDENTIALS || err == -EINVAL || err == -EEXIST || err == -ENOENT)
        return err == -EINVAL ? CLI_USAGE : CLI_FAILED;
    cli_say(SLUICE_LOG_ERROR, "the users could not be changed: %s", sluice_strerror(err));
    return CLI_FAILED;
}

/* In the form of a configuration file. */
static int print_key(const char *name, struct sluice_user_key *key)
{
    printf("user = %s\naccess-key = %s\nsecret-key = %s\n", name, key->access_key, key->secret_key);
    explicit_bzero(key, sizeof(*key));
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static int add(const struct options *options, const char *name)
{
    const struct sluice_user_options user = {.id = options->user_id, .rights = options->rights};
    struct sluice_user_key key;
    int err = sluice_user_add(options->credentials, name, &user, &key, cli_log, NULL);

    return err != 0 ? fail(err) : print_key(name, &key);
}

static int rotate(const struct options *options, const char *name)
{
    struct sluice_user_key key;
    int err = sluice_user_rotate(options->credentials, name, options->keep_old, &key, cli_log, NULL);

    return err != 0 ? fail(err) : print_key(name, &key);
}

static int remove_user(const struct options *options, const char *name)
{
    int err = sluice_user_remove(options->credentials, name, cli_log, NULL);

    return err != 0 ? fail(err) : CLI_OK;
}

static int print_user(void *ctx, const struct sluice_user *user)
{
    (void)ctx;
    printf("%s\t%s\t%s\t%s\t%s\n", user->name, user->account, user->id,
           user->access_key != NULL ? user->access_key : "-", user->rights[0] != '\0' ? user->rights : "-");
    return 0;
}

static int list(const struct options *options)
{
    int err;

    printf("NAME\tACCOUNT\tCANONICAL-ID\tACCESS-KEY\tRIGHTS\n");
    err = sluice_user_list(options->credentials, print_user, NULL, cli_log, NULL);
    if (err != 0)
        return fail(err);
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

int cli_user(const struct options *options)
{
    static const struct {
        const char *word;
        int (*run)(const struct options *options, const char *name);
    } actions[] = {{"add", add}, {"rotate", rotate}, {"remove", remove_user}};
    const char *word = options->word_count > 0 ? options->words[0] : "";

    if (options->credentials == NULL) {
        cli_say(SLUICE_LOG_ERROR, "which file? Name it with --credentials or SLUICE_CREDENTIALS");
        return CLI_USAGE;
    }
    if (strcmp(word, "list") == 0 && options->word_count == 1)
        return list(options);
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(word, actions[i].word) == 0 && options->word_count == 2)
            return actions[i].run(options, options->words[1]);
    cli_say(SLUICE_LOG_ERROR,
            "expected: sluice user add|rotate|remove NAME, or sluice user list; see sluice user --help");
    return CLI_USAGE;
}
