/* SPDX-License-Identifier: MIT
 *
 * --help, made from the table of options: two columns, wrapped, with defaults and the other names of each
 * option. */
#include "api/cli/options.h"

#include <string.h>

#define HELP_COLUMN 4   /* where explanations begin */
#define HELP_WIDTH  88u /* characters a line */

static void print_wrapped(FILE *out, const char *text, unsigned column)
{
    unsigned at = 0;

    while (*text != '\0') {
        unsigned length = (unsigned)strcspn(text, " ");
        if (at > 0 && at + 1 + length > HELP_WIDTH) {
            fputc('\n', out);
            at = 0;
        }
        if (at == 0)
            at = (unsigned)fprintf(out, "%*s", (int)column, "");
        else
            at += (unsigned)fprintf(out, " ");
        at += (unsigned)fprintf(out, "%.*s", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* "--data DIR", or for what is never a flag "SLUICE_SECRET_KEY=SECRET". */
static void print_name(FILE *out, const struct option_row *row, const char *variable)
{
    const char *argument = row->argument != NULL ? row->argument : row->words;

    if (row->letter != '\0')
        fprintf(out, "  -%c, --%s\n", row->letter, row->name);
    else if (row->sources & OPTION_FROM_FLAG)
        fprintf(out, "  --%s%s%s\n", row->name, argument != NULL ? " " : "",
                argument != NULL ? argument : "");
    else
        fprintf(out, "  %s=%s   (in the file: %s = %s)\n", variable, argument, row->name, argument);
}

static void print_row(FILE *out, const struct option_row *row, enum command command)
{
    char variable[64], text[1024], fallback[64] = "";
    /* defaults of a server's options are not those of who asks one */
    bool is_remote = command & COMMAND_REMOTE, is_flags_alone = command == COMMAND_RUN || is_remote,
         is_serve = command & (COMMAND_SERVE | COMMAND_CONFIG);
    bool is_flag = row->sources & OPTION_FROM_FLAG,
         has_variable = !is_flags_alone && row->sources & OPTION_FROM_ENVIRONMENT;

    option_row_variable(row, variable, sizeof(variable));
    if (row->default_text != NULL && row->type != OPTION_SWITCH &&
        !(is_remote && row->sources != OPTION_FROM_FLAG))
        (void)snprintf(fallback, sizeof(fallback), " Default: %s.", row->default_text);
    (void)snprintf(text, sizeof(text), "%s%s%s%s%s%s", row->help, fallback,
                   row->reloads && is_serve ? " Taken anew on SIGHUP." : "",
                   is_flag && has_variable ? " [" : "", is_flag && has_variable ? variable : "",
                   is_flag && has_variable ? "]" : "");
    print_name(out, row, variable);
    print_wrapped(out, text, HELP_COLUMN);
}

static const char *command_summary(enum command command)
{
    switch (command) {
    case COMMAND_SERVE:
        return "Usage: sluice serve [options]\n\n"
               "Serves a directory as S3 buckets until SIGTERM or SIGINT. SIGHUP opens the logs anew, and "
               "reads\n"
               "credentials and certificates (as do changes of these files) and the configuration again: "
               "what "
               "may\n"
               "change says so below. With a mistake in any of them all stays as it was, and the log says "
               "why.\n";
    case COMMAND_RUN:
        return "Usage: sluice run [options] -- COMMAND [ARGUMENT...]\n\n"
               "Runs a command beside a store of its own, which is made in a fresh folder below TMPDIR, "
               "served on\n"
               "a free port of loopback with a fresh key, and removed when the command has ended. The "
               "command's\n"
               "environment names them, so that AWS's SDKs and tools use it as they are: AWS_ENDPOINT_URL,\n"
               "AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, "
               "AWS_DEFAULT_REGION, and\n"
               "SLUICE_BUCKET, the first --bucket. What would lead them elsewhere (AWS_PROFILE, "
               "AWS_SESSION_TOKEN ...)\n"
               "is taken out of it. With --cache, build tools are told, too: deploy/README.md. For "
               "example:\n\n"
               "  sluice run --bucket artifacts --durability relaxed -- pytest\n\n"
               "Exit status: the command's, or 128 and the number of the signal that ended it; 125 the store "
               "could not\n"
               "be served, 126 the command could not be run, 127 there is no such command.\n";
    case COMMAND_CONFIG:
        return "Usage: sluice config [options of sluice serve]\n\n"
               "The settings that sluice serve would have with these options, in this environment and with "
               "this\n"
               "file, each with where it comes from: a file that --config takes. Secrets are left out.\n";
    case COMMAND_CHECK:
        return "Usage: sluice check [options]\n\n"
               "Verifies a store: rows, references and the checksum of every byte. A server that has it "
               "open\n"
               "does it beside its work; what only a start can tell is left out then.\n"
               "Exit status: 0 all is well, 1 something was found, 2 the check could not run.\n";
    case COMMAND_SCRUB:
        return "Usage: sluice scrub [options]\n\n"
               "Reads all that is stored, now and as fast as the disk goes, and compares it with its "
               "checksums, "
               "in a\n"
               "store that is served or not. A server does it by itself, slowly, again and again: "
               "--scrub-days. "
               "What is\n"
               "damaged is named with what to do about it, and mended where there is a second copy: "
               "--mend-from.\n"
               "Exit status: 0 all is well, or was mended; 1 something is damaged; 2 it could not run.\n";
    case COMMAND_IMPORT:
        return "Usage: sluice import --from-minio FOLDER [--data DIR] [options]\n"
               "       sluice import --from DIR [--data DIR] [options]\n\n"
               "Takes over what a MinIO server with one drive, or another store like this one, has stored,\n"
               "without the server: buckets and their settings, keys, all versions with their ids, times "
               "and\n"
               "order, delete markers, metadata, tags, checksums and locks. Bytes are compared with the "
               "hashes\n"
               "beside them. A key is taken with all of its\n"
               "versions or not at all; what is left out or refused (what is encrypted or compressed, for "
               "one) is\n"
               "named. Nothing that is in the store already is changed, so an import that was cut off is "
               "done again and\n"
               "goes on.\n"
               "Exit status: 0 done; 1 something was refused; 2 the command line is wrong; 3 there is no "
               "such\n"
               "folder; 130 interrupted.\n";
    case COMMAND_REKEY:
        return "Usage: sluice rekey [NAME ...] [options]\n\n"
               "Puts what is encrypted under the first of the encryption keys, in a store that is served or "
               "not: the keys\n"
               "of objects are encrypted anew, their bytes stay. Of SSE-KMS only what is under one of the "
               "keys NAME.\n"
               "Then a key that nothing needs any more can go from the file.\n"
               "Exit status: 0 all of it, 1 something was left, which is told.\n";
    case COMMAND_BACKUP:
        return "Usage: sluice backup --to DIR|URL [options]\n\n"
               "Copies a store into another folder, as of one moment, while it is served or not: all that "
               "was\n"
               "answered before. The copy is a store itself, which sluice check takes. Done again, it copies "
               "what\n"
               "is new; ended at any moment, the folder has the last whole backup. Files are clones or "
               "links\n"
               "where both folders are on one file system, unless --copies. What lies outside of the "
               "store's\n"
               "directory is not in it: credentials, encryption keys, certificates, configuration.\n"
               "Exit status: 0 done; 1 not done, or some files of the store could not be read, which is "
               "told;\n"
               "2 the command line is wrong.\n";
    case COMMAND_RESTORE:
        return "Usage: sluice restore --from DIR|URL [options]\n\n"
               "Makes a store of a backup, in a directory that is missing or empty. The backup stays as it "
               "is.\n"
               "Exit status: 0 done; 1 not done; 2 the command line is wrong.\n";
    case COMMAND_REPLICATE:
        return "Usage: sluice replicate [--status | --resync BUCKET] [options]\n\n"
               "What waits for the targets of replication of a store that is served, and what went there "
               "since\n"
               "the server's start; or has all keys of a bucket compared with its targets, and copied where\n"
               "they differ, which goes on in the server.\n"
               "Exit status: 0 done, 1 it could not be asked.\n";
    case COMMAND_COMPACT:
        return "Usage: sluice compact [options]\n\n"
               "Gives back what a store that is not served takes of the disk for nothing: the space of\n"
               "overwritten and deleted objects, and what is free in its database, which is written anew.\n"
               "That needs as much room again as sluice.db has. A server does most of it by itself.\n"
               "Exit status: 0 done; 1 not done, and the store is as it was; 2 the command line is wrong.\n";
    case COMMAND_UPGRADE:
        return "Usage: sluice upgrade [--dry-run] [options]\n\n"
               "Brings a store that an earlier release wrote, and that is not served, to what this one "
               "would\n"
               "have made of it: the schema of its database, which shrinks from then on; the counts of its\n"
               "buckets; of each file, what it is; and the chronicle, which sluice recover needs. A server\n"
               "does what is needed by itself, the rest as objects are written. No earlier release opens "
               "the\n"
               "store afterwards, but sluice.db.vN is kept. What was interrupted goes on with the next "
               "call.\n"
               "Exit status: 0 done, or nothing was lacking; 1 not done, some files cannot say what they\n"
               "are, or something is lacking and --dry-run was given; 2 the command line is wrong.\n";
    case COMMAND_RECOVER:
        return "Usage: sluice recover --to NEW [options]\n\n"
               "Makes a store anew whose sluice.db was lost or damaged: buckets with their settings, "
               "objects,\n"
               "versions and uploads, as the chronicle in blobs/ tells them, and what of the old database "
               "can\n"
               "be read. The old store is not changed, and nobody may have it open; blobs get a second name "
               "in\n"
               "NEW where it is on the same file system, and are copied else. What has lost its bytes, and\n"
               "blobs that nobody knows, are told a line each.\n"
               "Exit status: 0 done; 1 not done; 2 the command line is wrong.\n";
    case COMMAND_LOST:
        return "Usage: sluice lost [--list | --empty] [options]\n\n"
               "What starts have moved to lost/ in the directory of a store, served or not: files that\n"
               "no object names and no unfinished upload explains, and copies of damaged logs.\n";
    case COMMAND_STATUS:
        return "Usage: sluice status [options]\n"
               "       sluice status URL [--watch] [--json]\n\n"
               "What the server that has a store open is doing, as name = value lines; of a store that no\n"
               "server has open, what can be told of it. With http(s)://HOST:PORT, any server by its health "
               "and\n"
               "its metrics, on one screen; keys come from AWS_ACCESS_KEY_ID and so on, or --profile.\n"
               "Exit status: 0 all is well, 1 the server is not healthy, 2 it could not be asked.\n";
    case COMMAND_BUCKET:
        return "Usage: sluice bucket list\n"
               "       sluice bucket usage\n"
               "       sluice bucket quota NAME [bytes=N] [objects=N]\n"
               "       sluice bucket quota NAME off\n"
               "       sluice bucket recount\n"
               "       sluice bucket cache NAME RULE ...\n"
               "       sluice bucket cache NAME none\n"
               "       sluice bucket create NAME|URL\n"
               "       sluice bucket versions NAME|URL [on|off]\n"
               "       sluice bucket types NAME|URL [on|off]\n"
               "       sluice bucket website NAME|URL [--index NAME] [--error KEY]\n"
               "       sluice bucket website NAME|URL --off\n"
               "       sluice bucket show NAME|URL [SETTING]\n"
               "       sluice bucket unset NAME|URL SETTING\n"
               "       sluice bucket set NAME|URL SETTING FILE\n\n"
               "The cache buckets of a store, served or not: what they hold, and their rules, max-size=10G,\n"
               "max-age=7d, max-object=1G, use-step=10m and write-once. A cache gives up what was used "
               "least\n"
               "recently. The rules that are named replace those that the bucket has; none makes it a plain\n"
               "bucket, whose objects stay.\n\n"
               "usage tells what each bucket holds, and its quota; quota bounds all that it holds, such as\n"
               "bytes=10G objects=1000000: what would come out above it is refused from then on. recount "
               "has\n"
               "all that the buckets hold counted anew, which goes on in the server.\n\n"
               "create makes a bucket, versions says or sets whether it keeps them, types whether objects "
               "that\n"
               "were put without a type have that of their names. website makes it a website, which serve\n"
               "shows at --website-domain and --website-listen. SETTING is policy, cors, lifecycle, "
               "website,\n"
               "tagging, encryption, object-lock, ownership, notification, public-access-block, replication "
               "or cache, "
               "and\n"
               "FILE its document as S3 has it; - is standard input. show without one prints all that the\n"
               "bucket has. A NAME is in the store of --data, a URL on any server.\n";
    case COMMAND_USER:
        return "Usage: sluice user add NAME [--rights RIGHTS] [--id ID]\n"
               "       sluice user list\n"
               "       sluice user rotate NAME [--keep-old]\n"
               "       sluice user remove NAME\n\n"
               "The users in a credentials file: --credentials FILE or SLUICE_CREDENTIALS. add and rotate "
               "print\n"
               "the new key, once. A server that was started with the file notices the change by itself.\n"
               "With --data DIR, unless --credentials is given beside it, the server that has DIR open "
               "edits\n"
               "the file that it was started with.\n";
    default:
        return "Usage: sluice ping [options]\n\n"
               "Asks a running server whether it is healthy. Exit status: 0 it is, 1 it is not.\n";
    }
}

void options_print_help(FILE *out, enum command command)
{
    bool is_remote = command & COMMAND_REMOTE, is_flags_alone = command == COMMAND_RUN || is_remote;

    fprintf(out, "%s\nOptions%s:\n\n", is_remote ? remote_usage(command) : command_summary(command),
            is_flags_alone ? ""
                           : ", each also as an environment variable [in brackets] or a line of the file");
    for (size_t i = 0; i < option_row_count; i++)
        if (option_rows[i].commands & (command == COMMAND_CONFIG ? command | COMMAND_SERVE : command))
            print_row(out, &option_rows[i], command);
}
