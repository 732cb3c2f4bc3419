/* SPDX-License-Identifier: MIT
 *
 * What --help says of the commands that speak to a server, and checks of their options. */
#include "api/cli/options.h"

#include <stdlib.h>

#define PART_BYTES_MIN      (5ull << 20) /* S3's, of all parts but the last */
#define PART_BYTES_MAX      (5ull << 30)
#define PRESIGN_SECONDS_MAX 604800u /* S3's */

#define PLACES                                                                                               \
    "URL is http(s)://HOST/BUCKET/KEY, percent-encoded, or s3://BUCKET/KEY, as it stands: on the\n"          \
    "server that --endpoint or AWS's variables and files name, or in the store of --data DIR, which\n"       \
    "is opened here, or reached by the server that has it open. Keys come from AWS_ACCESS_KEY_ID,\n"         \
    "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or from ~/.aws; without any, requests are not signed.\n"
#define GLOBS                                                                                                \
    "In a key, *, ? and [...] stand for what matches, * not for slashes unless -r is given: quote them.\n"
#define EXITS                                                                                                \
    "Exit status: 0 done; 1 something failed; 2 the command line is wrong; 3 it is not there; 4 access\n"    \
    "was denied; 5 the server cannot be reached; 130 interrupted. Of several failures the first counts.\n"

const char *remote_check_part_size(const char *text)
{
    uint64_t bytes;
    unsigned share;

    return option_min_free_parse(text, &bytes, &share) && bytes >= PART_BYTES_MIN && bytes <= PART_BYTES_MAX
               ? NULL
               : "must be bytes, at least 5M and at most 5G, such as 64M";
}

const char *remote_check_pair(const char *text)
{
    size_t name = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    return name > 0 && text[name] == '=' && strpbrk(text, "\r\n") == NULL
               ? NULL
               : "must be NAME=VALUE, the name of letters, digits and hyphens";
}

const char *remote_check_bytes(const char *text)
{
    uint64_t bytes;
    unsigned share;

    return option_min_free_parse(text, &bytes, &share) && share == 0 ? NULL
                                                                     : "must be bytes, such as 500 or 10M";
}

bool remote_parse_duration(const char *text, uint64_t *seconds)
{
    static const struct {
        char unit;
        unsigned seconds;
    } units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 9 || (text[digits] != '\0' && text[digits + 1] != '\0'))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (text[digits] == units[i].unit) {
            *seconds = strtoull(text, NULL, 10) * units[i].seconds;
            return true;
        }
    return false;
}

const char *remote_check_duration(const char *text)
{
    uint64_t seconds;

    return remote_parse_duration(text, &seconds) ? NULL : "must be a time, such as 90, 15m, 12h or 7d";
}

const char *remote_check_expires(const char *text)
{
    uint64_t seconds;

    return remote_parse_duration(text, &seconds) && seconds >= 1 && seconds <= PRESIGN_SECONDS_MAX
               ? NULL
               : "must be a time of at most 7d, such as 15m or 12h";
}

const char *remote_usage(enum command command)
{
    switch (command) {
    case COMMAND_LS:
        return "Usage: sluice ls [URL...] [options]\n\n"
               "Lists buckets, the entries of a folder, or with -r all that lies below it.\n" PLACES GLOBS
                   EXITS;
    case COMMAND_CAT:
        return "Usage: sluice cat URL... [options]\n\n"
               "Writes objects to standard output.\n" PLACES EXITS;
    case COMMAND_STAT:
        return "Usage: sluice stat URL... [options]\n\n"
               "Says what there is to know of a bucket or an object: size, time, ETag, metadata.\n" PLACES
                   EXITS;
    case COMMAND_PUT:
        return "Usage: sluice put FILE... URL [options]\n\n"
               "Uploads files, - is standard input; with -r folders. A URL that ends with a slash, or has no "
               "key,\n"
               "is a folder. A large upload that was cut off goes on where it was: the server is asked for "
               "the\n"
               "parts that it has.\n" PLACES EXITS;
    case COMMAND_GET:
        return "Usage: sluice get URL... [FILE|FOLDER] [options]\n\n"
               "Downloads objects; - is standard output, and without a place it is the current folder. A "
               "file has\n"
               "its name when all of it is there and its checksum was compared. A large one that was cut "
               "off is\n"
               ".sluice.part.NAME beside it, with which the next run goes on.\n" PLACES GLOBS EXITS;
    case COMMAND_RM:
        return "Usage: sluice rm URL... [options]\n\n"
               "Deletes objects, with -r all that lies below a folder. In a bucket that keeps versions a "
               "delete\n"
               "marker hides the object, unless --versions or --version-id is given.\n" PLACES GLOBS EXITS;
    case COMMAND_CP:
        return "Usage: sluice cp FROM... TO [options]\n\n"
               "Copies between here and a server, within a server, which moves the bytes itself, and from "
               "one\n"
               "server to another; - is standard input or output. With -r the contents of a folder.\n" PLACES
                   GLOBS EXITS;
    case COMMAND_MV:
        return "Usage: sluice mv FROM... TO [options]\n\n"
               "As cp, and removes each source when its copy is there.\n" PLACES GLOBS EXITS;
    case COMMAND_SYNC:
        return "Usage: sluice sync FROM TO [options]\n\n"
               "Makes the folder TO as the folder FROM is: copies what is missing there, has another size or "
               "is\n"
               "older, and with --delete removes what FROM has not.\n" PLACES EXITS;
    case COMMAND_MIRROR:
        return "Usage: sluice mirror FROM[/BUCKET[/PREFIX]] TO[/BUCKET] [options]\n\n"
               "Copies all buckets of a server, or one, to another: settings, all versions in their order,\n"
               "metadata, tags and locks; ETags stay where the same parts give the same. Times and version "
               "ids\n"
               "become the target's, and access control lists, notifications and replication are left out.\n"
               "What the target has already is not copied again.\n" PLACES EXITS;
    case COMMAND_DU:
        return "Usage: sluice du URL... [options]\n\n"
               "How many objects there are below a folder, and how many bytes.\n" PLACES GLOBS EXITS;
    case COMMAND_FIND:
        return "Usage: sluice find URL... [options]\n\n"
               "Names the objects below a folder that the options want.\n" PLACES GLOBS EXITS;
    case COMMAND_PRESIGN:
        return "Usage: sluice presign URL... [options]\n\n"
               "Prints a URL that whoever has it may fetch an object with, or store one, until it "
               "expires.\n" PLACES EXITS;
    case COMMAND_WATCH:
        return "Usage: sluice watch URL [options]\n\n"
               "Prints what happens to objects below a folder, in a bucket, or, without a bucket, on the "
               "server,\n"
               "a line each, until it is interrupted. Asks again when the connection ends; what happens\n"
               "meanwhile is not told. MinIO answers it, too.\n" PLACES EXITS;
    case COMMAND_MB:
        return "Usage: sluice mb URL... [options]\n\n"
               "Makes buckets.\n" PLACES EXITS;
    default:
        return "Usage: sluice rb URL... [options]\n\n"
               "Removes buckets, which are empty or are emptied by --force.\n" PLACES EXITS;
    }
}
