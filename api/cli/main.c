/* SPDX-License-Identifier: MIT
 *
 * The `sluice` program: finds the sub-command, has its options read, and runs it. */
#include "api/cli/cli.h"

#include <string.h>
#include <sys/stat.h>

struct cli_command {
    const char *name;
    enum command command;
    int (*run)(const struct options *options);
    const char *summary;
};

static const struct cli_command commands[] = {
    {"serve", COMMAND_SERVE, cli_serve, "serve a directory over S3 and plain HTTP"},
    {"run", COMMAND_RUN, cli_run, "run a command beside a temporary store"},
    {"ls", COMMAND_LS, remote_ls, "list buckets, folders and objects"},
    {"put", COMMAND_PUT, remote_put, "upload files"},
    {"get", COMMAND_GET, remote_get, "download objects"},
    {"cat", COMMAND_CAT, remote_cat, "write objects to standard output"},
    {"stat", COMMAND_STAT, remote_stat, "say what there is to know of an object or a bucket"},
    {"cp", COMMAND_CP, remote_cp, "copy files and objects"},
    {"mv", COMMAND_MV, remote_mv, "move files and objects"},
    {"sync", COMMAND_SYNC, remote_sync, "make a folder as another is"},
    {"mirror", COMMAND_MIRROR, remote_mirror, "copy buckets to another server"},
    {"import", COMMAND_IMPORT, remote_import, "take over the data folder of another server"},
    {"find", COMMAND_FIND, remote_find, "name objects by pattern, size and age"},
    {"du", COMMAND_DU, remote_du, "say how much is below a folder"},
    {"watch", COMMAND_WATCH, remote_watch, "tell what happens to objects, as it happens"},
    {"presign", COMMAND_PRESIGN, remote_presign, "make a URL that needs no key"},
    {"rm", COMMAND_RM, remote_rm, "delete objects"},
    {"mb", COMMAND_MB, remote_mb, "make buckets"},
    {"rb", COMMAND_RB, remote_rb, "remove buckets"},
    {"check", COMMAND_CHECK, cli_check, "verify a store, served or not"},
    {"scrub", COMMAND_SCRUB, cli_scrub, "read all that is stored, and mend what is damaged"},
    {"status", COMMAND_STATUS, cli_status, "say what the server of a directory is doing"},
    {"backup", COMMAND_BACKUP, cli_backup, "copy a store into another folder, served or not"},
    {"restore", COMMAND_RESTORE, cli_restore, "make a store of a backup"},
    {"compact", COMMAND_COMPACT, cli_compact, "give back what a store takes of the disk for nothing"},
    {"upgrade", COMMAND_UPGRADE, cli_upgrade, "bring a store of an earlier release up to date at once"},
    {"replicate", COMMAND_REPLICATE, cli_replicate,
     "say what waits to be copied to other servers, or compare all"},
    {"recover", COMMAND_RECOVER, cli_recover, "make a store anew whose database was lost"},
    {"rekey", COMMAND_REKEY, cli_rekey, "put what is encrypted under another key"},
    {"lost", COMMAND_LOST, cli_lost, "list or remove what starts could not explain"},
    {"user", COMMAND_USER, cli_user, "add, list, rotate and remove the users of a credentials file"},
    {"bucket", COMMAND_BUCKET, cli_bucket, "list cache buckets, and set their rules"},
    {"config", COMMAND_CONFIG, cli_config, "say which settings a server would have, and where from"},
    {"ping", COMMAND_PING, cli_ping, "ask a running server whether it is healthy"},
};
static const size_t command_count = sizeof(commands) / sizeof(commands[0]);

static const struct cli_command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* The self-contained program can load no library, and says what it therefore has not. */
#ifdef SLUICE_STATIC
#define KIND " (self-contained, without --cluster)"
#else
#define KIND ""
#endif

static void print_usage(FILE *out)
{
    fprintf(out, "sluice %s: an S3 object store in a directory\n\nUsage: sluice COMMAND [options]\n\n",
            sluice_version());
    for (size_t i = 0; i < command_count; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "  %-10s %s\n", "help", "this, or with a command its options");
    fprintf(out, "\nsluice COMMAND --help lists the options of a command. For example:\n\n"
                 "  sluice serve --data ./data --listen 127.0.0.1:9000\n"
                 "  curl -X PUT http://127.0.0.1:9000/artifacts\n"
                 "  curl -T app.tar http://127.0.0.1:9000/artifacts/app.tar\n");
}

static int run_help(const char *name)
{
    const struct cli_command *command = name != NULL ? find_command(name) : NULL;

    if (name != NULL && command == NULL) {
        cli_say(SLUICE_LOG_ERROR, "unknown command \"%s\"; see sluice --help", name);
        return CLI_USAGE;
    }
    if (command != NULL)
        options_print_help(stdout, command->command);
    else
        print_usage(stdout);
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static int run_command(const struct cli_command *command, int argc, char **argv, mode_t umask_before)
{
    struct options options;
    int status;

    options_init(&options);
    options.umask_before = umask_before;
    if (options_load(&options, command->command, argc, argv) != 0) {
        cli_log(NULL, SLUICE_LOG_ERROR, options.error);
        status = command->command == COMMAND_RUN ? CLI_RUN_USAGE : CLI_USAGE;
    } else if (options.help) {
        status = run_help(command->name);
    } else {
        status = command->run(&options);
    }
    options_free(&options);
    return status;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    const struct cli_command *command;
    mode_t umask_before = umask(077); /* the access log, too, is the account's alone */

    if (name == NULL) {
        print_usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("sluice %s (SQLite %s)" KIND "\n", sluice_version(), sluice_sqlite_version());
        return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    }
    if (strcmp(name, "help") == 0)
        return run_help(argv[2]);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return run_help(NULL);
    command = find_command(name);
    if (command == NULL) {
        cli_say(SLUICE_LOG_ERROR, "unknown %s \"%s\"; see sluice --help",
                name[0] == '-' ? "option" : "command", name);
        return CLI_USAGE;
    }
    return run_command(command, argc - 2, argv + 2, umask_before);
}
