/* SPDX-License-Identifier: MIT
 *
 * Reading the options of a sub-command: flags first, for they may name the file, then the environment, then
 * the file. The order does not decide who wins: option_set does. */
#include "api/cli/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TLS_PAIRS_MAX 64u /* sluice.h */

void option_row_variable(const struct option_row *row, char *name, size_t size)
{
    int length = row->variable != NULL ? snprintf(name, size, "%s", row->variable)
                                       : snprintf(name, size, "SLUICE_%s", row->name);

    assert(length > 0 && (size_t)length < size);
    if (row->variable != NULL)
        return;
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
}

const char *option_command_name(enum command command)
{
    static const struct {
        enum command command;
        const char *name;
    } names[] = {
        {COMMAND_SERVE, "serve"},     {COMMAND_CHECK, "check"},
        {COMMAND_USER, "user"},       {COMMAND_LOST, "lost"},
        {COMMAND_STATUS, "status"},   {COMMAND_RUN, "run"},
        {COMMAND_BUCKET, "bucket"},   {COMMAND_PING, "ping"},
        {COMMAND_LS, "ls"},           {COMMAND_CAT, "cat"},
        {COMMAND_STAT, "stat"},       {COMMAND_PUT, "put"},
        {COMMAND_GET, "get"},         {COMMAND_RM, "rm"},
        {COMMAND_MB, "mb"},           {COMMAND_RB, "rb"},
        {COMMAND_CP, "cp"},           {COMMAND_MV, "mv"},
        {COMMAND_SYNC, "sync"},       {COMMAND_DU, "du"},
        {COMMAND_FIND, "find"},       {COMMAND_PRESIGN, "presign"},
        {COMMAND_MIRROR, "mirror"},   {COMMAND_CONFIG, "config"},
        {COMMAND_IMPORT, "import"},   {COMMAND_REKEY, "rekey"},
        {COMMAND_WATCH, "watch"},     {COMMAND_COMPACT, "compact"},
        {COMMAND_SCRUB, "scrub"},     {COMMAND_BACKUP, "backup"},
        {COMMAND_RESTORE, "restore"}, {COMMAND_REPLICATE, "replicate"},
        {COMMAND_RECOVER, "recover"}, {COMMAND_UPGRADE, "upgrade"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].command == command)
            return names[i].name;
    return "";
}

/* The row of the flag `word`, whose name has `length` bytes; NULL with error set. */
static const struct option_row *find_flag(struct options *options, enum command command, const char *word,
                                          size_t length)
{
    const struct option_row *row = option_row_find(word + 2, length);
    const char *name = option_command_name(command);
    char variable[64];

    if (row == NULL) {
        (void)options_fail(options, "unknown option --%.*s; see sluice %s --help", (int)length, word + 2,
                           name);
        return NULL;
    }
    option_row_variable(row, variable, sizeof(variable));
    if (!(row->sources & OPTION_FROM_FLAG)) {
        (void)options_fail(
            options,
            "--%s is refused: everybody on the machine can read a program's arguments; set %s or write it "
            "into the configuration file",
            row->name, variable);
        return NULL;
    }
    if (!(row->commands & command) && !(command == COMMAND_CONFIG && row->commands & COMMAND_SERVE)) {
        (void)options_fail(options, "--%s is not an option of sluice %s", row->name, name);
        return NULL;
    }
    return row;
}

/* What stands beside the flags. False: this command takes none, or not so many. */
static bool take_word(struct options *options, enum command command, const char *word)
{
    bool is_remote = command & COMMAND_REMOTE;

    if (!is_remote && command != COMMAND_USER && command != COMMAND_BUCKET && command != COMMAND_REKEY &&
        (command != COMMAND_STATUS || options->word_count > 0))
        return false;
    if (!is_remote && options->word_count == OPTIONS_WORDS_MAX)
        return false;
    options->words[options->word_count++] = word;
    return true;
}

/* "-r" and "-rn" as "--recursive", "--dry-run". 1: they were; 0: it is nothing of that; or what option_set says. */
static int take_letters(struct options *options, enum command command, const char *word)
{
    if (word[0] != '-' || word[1] == '-' || word[1] == '\0')
        return 0;
    for (const char *at = word + 1; *at != '\0'; at++) {
        const struct option_row *row = NULL;

        for (size_t i = 0; i < option_row_count; i++)
            if (option_rows[i].letter == *at && option_rows[i].commands & command)
                row = &option_rows[i];
        if (row == NULL)
            return options_fail(options, "unexpected argument \"%s\"; see sluice %s --help", word,
                                option_command_name(command));
        int err = option_set(options, row, OPTION_FROM_FLAG, "yes");
        if (err != 0)
            return err;
    }
    return 1;
}

/* "--name=value" and "--name value"; *i is moved on. */
static int take_flag(struct options *options, enum command command, int argc, char *const *argv, int *i)
{
    const char *word = argv[*i], *text;

    if (strcmp(word, "-h") == 0)
        word = "--help";
    if (strncmp(word, "--", 2) != 0 || word[2] == '\0')
        return options_fail(options, "unexpected argument \"%s\"; see sluice %s --help", word,
                            option_command_name(command));
    size_t length = strcspn(word + 2, "=");
    const struct option_row *row = find_flag(options, command, word, length);
    if (row == NULL)
        return -EINVAL;
    if (word[2 + length] == '=')
        text = word + 2 + length + 1;
    else if (row->type == OPTION_SWITCH)
        text = "yes";
    else if (*i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0)
        text = argv[++*i];
    else
        return options_fail(options, "--%s needs a value", row->name);

    char reason[OPTIONS_ERROR_BYTES];
    int err = option_set(options, row, OPTION_FROM_FLAG, text);
    if (err != 0) {
        (void)snprintf(reason, sizeof(reason), "%s", options->error);
        (void)options_fail(options, "--%s", reason);
    }
    return err;
}

static int load_flags(struct options *options, enum command command, int argc, char *const *argv)
{
    bool is_remote = command & COMMAND_REMOTE, is_rest = false;
    int err = 0;

    free(options->words); /* of what was loaded before */
    options->word_count = 0;
    if ((options->words = calloc((size_t)argc + 1, sizeof(options->words[0]))) == NULL)
        return options_fail(options, "out of memory"), -ENOMEM;
    for (int i = 0; err == 0 && i < argc; i++) {
        if (command == COMMAND_RUN && strcmp(argv[i], "--") == 0) {
            options->rest = &argv[i + 1];
            return 0;
        }
        if (is_remote && !is_rest && strcmp(argv[i], "--") == 0) {
            is_rest = true; /* what follows are words, whatever they begin with */
            continue;
        }
        if ((is_rest || argv[i][0] != '-' ||
             ((is_remote || command == COMMAND_BUCKET) && strcmp(argv[i], "-") == 0)) &&
            take_word(options, command, argv[i]))
            continue;
        err = (is_remote || command == COMMAND_IMPORT) && strcmp(argv[i], "-h") != 0
                  ? take_letters(options, command, argv[i])
                  : 0;
        err = err == 1 ? 0 : err == 0 ? take_flag(options, command, argc, argv, &i) : err;
    }
    return err;
}

static const struct option_row *find_row(const char *name)
{
    return option_row_find(name, strlen(name));
}

static int load_environment(struct options *options)
{
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        char variable[64], reason[OPTIONS_ERROR_BYTES];
        const char *text;
        int err;

        if (!(row->sources & OPTION_FROM_ENVIRONMENT))
            continue;
        option_row_variable(row, variable, sizeof(variable));
        text = getenv(variable);
        if (text == NULL || text[0] == '\0')
            continue;
        err = option_set(options, row, OPTION_FROM_ENVIRONMENT, text);
        if (err != 0) {
            (void)snprintf(reason, sizeof(reason), "%s", options->error);
            (void)options_fail(options, "%s: %s", variable, reason);
            return err;
        }
    }
    return 0;
}

/* What systemd hands to a service, LoadCredential=secret-key:FILE: files in a folder of its own, named as the options that say the same. */
static int load_handed(struct options *options)
{
    static const struct {
        const char *name, *option, *instead; /* instead: another way to say it, or NULL */
    } rows[] = {
        {"credentials", "credentials", NULL},
        {"notifications", "notifications", NULL},
        {"replication", "replication", NULL},
        {"origins", "origins", NULL},
        {"access-key", "access-key-file", "access-key"},
        {"secret-key", "secret-key-file", "secret-key"},
        {"tls-certificate", "tls-certificate", NULL},
        {"tls-key", "tls-key", NULL},
    };
    const char *folder = getenv("CREDENTIALS_DIRECTORY");

    if (folder == NULL || folder[0] == '\0')
        return 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct option_row *row = find_row(rows[i].option);
        char path[PATH_MAX];
        int err;

        if (option_source_of(options, row) != OPTION_FROM_DEFAULT ||
            (rows[i].instead != NULL &&
             option_source_of(options, find_row(rows[i].instead)) != OPTION_FROM_DEFAULT))
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", folder, rows[i].name) >= (int)sizeof(path))
            return options_fail(options, "CREDENTIALS_DIRECTORY is too long");
        if (access(path, F_OK) == 0 && (err = option_set(options, row, OPTION_FROM_FILE, path)) != 0)
            return err;
    }
    return 0;
}

/* A name of another server's counts like ours, where ours is not used; two that differ would have one of them ignored. A text is what
 * these rows take. */
static int load_alias(struct options *options, const struct option_row *row)
{
    const char *const *field = (const char *const *)((char *)options + row->field);
    const char *text = row->alias != NULL ? getenv(row->alias) : NULL;
    char reason[OPTIONS_ERROR_BYTES];
    int err;

    if (text == NULL || text[0] == '\0')
        return 0;
    if (*field != NULL && strcmp(*field, text) == 0)
        return 0;
    if (*field != NULL)
        return options_fail(options, "%s and %s say different things: set one of them", row->alias,
                            row->name);
    if ((err = option_set(options, row, OPTION_FROM_ENVIRONMENT, text)) == 0)
        return 0;
    (void)snprintf(reason, sizeof(reason), "%s", options->error);
    (void)options_fail(options, "%s: %s", row->alias, reason);
    return err;
}

static int load_aliases(struct options *options)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < option_row_count; i++)
        err = load_alias(options, &option_rows[i]);
    return err;
}

/* A key is two things, and each is said in one way. */
static int check_key(struct options *options)
{
    bool has_access = options->access_key != NULL || options->access_key_file != NULL;
    bool has_secret = options->secret_key != NULL || options->secret_key_file != NULL;

    if (options->access_key != NULL && options->access_key_file != NULL)
        return options_fail(options, "access-key and access-key-file exclude each other");
    if (options->secret_key != NULL && options->secret_key_file != NULL)
        return options_fail(options, "secret-key and secret-key-file exclude each other");
    if (has_access != has_secret)
        return options_fail(options, "%s is set but %s is not: a key needs both",
                            has_access ? "access-key" : "secret-key",
                            has_access ? "secret-key" : "access-key");
    return 0;
}

static int check_tls(struct options *options)
{
    size_t certificates = options->tls_certificate.count, keys = options->tls_key.count;

    if ((certificates == 0) != (keys == 0))
        return options_fail(options, "%s is set but %s is not: TLS needs both",
                            certificates > 0 ? "tls-certificate" : "tls-key",
                            certificates > 0 ? "tls-key" : "tls-certificate");
    if (certificates != keys)
        return options_fail(options,
                            "there are %zu of tls-certificate and %zu of tls-key: each needs its own",
                            certificates, keys);
    if (certificates > TLS_PAIRS_MAX)
        return options_fail(options, "there are more than %u of tls-certificate", TLS_PAIRS_MAX);
    if (options->tls_listen != NULL && certificates == 0)
        return options_fail(options, "tls-listen needs tls-certificate and tls-key");
    if (options->tls_client_authority != NULL && certificates == 0)
        return options_fail(options, "tls-client-authority needs tls-certificate and tls-key");
    if (options->tls_client_required && options->tls_client_authority == NULL)
        return options_fail(options, "tls-client-required needs tls-client-authority");
    return 0;
}

/* A header that anybody may send would let everybody choose his address. */
static int check_proxy_protocol(struct options *options)
{
    if (options->proxy_protocol == PROXY_PROTOCOL_OFF)
        return 0;
    if (options->trusted_proxies.count == 0)
        return options_fail(options, "proxy-protocol needs trusted-proxy: whose header is believed");
    if (options->proxy_protocol == PROXY_PROTOCOL_TLS_LISTEN && options->tls_listen == NULL)
        return options_fail(options, "proxy-protocol names tls-listen, which is not set");
    return 0;
}

/* What a server of a cluster cannot be as well. */
static int check_cluster(struct options *options)
{
    const struct option_row *row = option_row_find("cluster", strlen("cluster"));
    const struct {
        const char *name;
        bool is_set;
    } others[] = {
        {"durability relaxed", options->durability == DURABILITY_RELAXED},
        {"read-only", options->read_only},
        {"accept-older-database", options->accept_older_database},
        {"mend-from", options->mend_from != NULL},
    };

    if (options->cluster == NULL)
        return 0;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (others[i].is_set)
            return options_fail(options, "cluster and %s exclude each other", others[i].name);
    const char *user = strstr(options->cluster, "://") + 3, *at = strchr(user, '@');
    const char *colon = at != NULL ? memchr(user, ':', (size_t)(at - user)) : NULL;
    if (option_source_of(options, row) == OPTION_FROM_FLAG &&
        (colon != NULL || strstr(options->cluster, "password=") != NULL))
        return options_fail(options,
                            "cluster has a password, which the list of processes would show: give it by "
                            "SLUICE_CLUSTER, the configuration or libpq's password file");
    return 0;
}

int options_load(struct options *options, enum command command, int argc, char *const *argv)
{
    int err;

    options->argc = argc;
    options->argv = argv;
    if ((err = load_flags(options, command, argc, argv)) != 0 || options->help)
        return err;
    if (command == COMMAND_RUN)
        return options->rest != NULL && options->rest[0] != NULL
                   ? 0
                   : options_fail(options, "there is nothing to run: sluice run [options] -- COMMAND");
    if (command & COMMAND_REMOTE)
        return 0; /* what a server is told is nothing for those who ask one */
    if ((err = load_environment(options)) != 0)
        return err;
    if (options->config != NULL && (err = config_file_load(options, options->config)) != 0)
        return err;
    if (command & (COMMAND_SERVE | COMMAND_CONFIG) &&
        ((err = load_aliases(options)) != 0 || (err = load_handed(options)) != 0))
        return err;
    if ((err = check_key(options)) != 0)
        return err;
    if (options->buckets.count > 0 && options->read_only)
        return options_fail(
            options, "bucket and read-only exclude each other: a bucket that is missing could not be made");
    if ((err = check_tls(options)) != 0 || (err = check_cluster(options)) != 0)
        return err;
    return check_proxy_protocol(options);
}
