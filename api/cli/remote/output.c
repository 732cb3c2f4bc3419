/* SPDX-License-Identifier: MIT
 *
 * What the commands print: lines for people, or with --json one object a line. */
#include "api/cli/remote/remote.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

/* On a terminal, and for errors: a key may hold what moves the cursor or worse. A pipe gets it as it is. */
void remote_print_text(FILE *out, const char *text)
{
    if (!isatty(fileno(out))) {
        fputs(text, out);
        return;
    }
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            fprintf(out, "\\x%02x", (unsigned char)*text);
        else
            putc(*text, out);
}

static void print_time(int64_t unix_ms)
{
    time_t seconds = unix_ms / 1000;
    struct tm parts;
    char text[32] = "";

    if (gmtime_r(&seconds, &parts) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    fputs(text, stdout);
}

void remote_print_json(json_t *object)
{
    if (object == NULL || json_dumpf(object, stdout, JSON_COMPACT | JSON_SORT_KEYS) != 0)
        cli_say(SLUICE_LOG_ERROR, "a name cannot be written as JSON");
    putchar('\n');
    json_decref(object);
}

json_t *remote_json_entry(const char *bucket, const struct client_entry *entry)
{
    json_t *object;

    if (bucket == NULL)
        return json_pack("{s:s, s:I}", "bucket", entry->key, "modified_ms", (json_int_t)entry->modified_ms);
    if (entry->is_prefix)
        return json_pack("{s:s, s:s, s:b}", "bucket", bucket, "key", entry->key, "folder", 1);
    object = json_pack("{s:s, s:s, s:I, s:I, s:s}", "bucket", bucket, "key", entry->key, "size",
                       (json_int_t)entry->size, "modified_ms", (json_int_t)entry->modified_ms, "etag",
                       entry->etag);
    if (object != NULL && entry->version != NULL)
        (void)json_object_update_new(object, json_pack("{s:s, s:b, s:b}", "version", entry->version, "latest",
                                                       entry->is_latest, "delete_marker", entry->is_marker));
    return object;
}

void remote_print_entry(struct remote *remote, const char *bucket, const struct client_entry *entry,
                        const char *shown)
{
    if (remote->options->json) {
        remote_print_json(remote_json_entry(bucket, entry));
        return;
    }
    if (entry->is_prefix) {
        printf("%19s %14s ", "", "folder");
    } else {
        print_time(entry->modified_ms);
        if (bucket != NULL && entry->is_marker)
            printf(" %14s ", "deleted");
        else if (bucket != NULL)
            printf(" %14" PRIu64 " ", entry->size);
        else
            putchar(' ');
    }
    remote_print_text(stdout, shown);
    if (entry->version != NULL)
        printf(" %s%s", entry->version, entry->is_latest ? " *" : "");
    putchar('\n');
}
