/* SPDX-License-Identifier: MIT
 *
 * Transfers, as the options want them. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What browsers need to show what people put there most; who wants another says --content-type. */
static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html"},       {".htm", "text/html"},         {".css", "text/css"},
        {".js", "text/javascript"},   {".mjs", "text/javascript"},   {".json", "application/json"},
        {".xml", "application/xml"},  {".txt", "text/plain"},        {".log", "text/plain"},
        {".md", "text/markdown"},     {".csv", "text/csv"},          {".svg", "image/svg+xml"},
        {".png", "image/png"},        {".jpg", "image/jpeg"},        {".jpeg", "image/jpeg"},
        {".gif", "image/gif"},        {".webp", "image/webp"},       {".ico", "image/x-icon"},
        {".pdf", "application/pdf"},  {".wasm", "application/wasm"}, {".zip", "application/zip"},
        {".gz", "application/gzip"},  {".tgz", "application/gzip"},  {".tar", "application/x-tar"},
        {".zst", "application/zstd"}, {".mp4", "video/mp4"},         {".mp3", "audio/mpeg"},
        {".woff2", "font/woff2"},
    };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcasecmp(dot, types[i].ending) == 0)
            return types[i].type;
    return NULL;
}

/* "COLOUR=red" as x-amz-meta-colour. */
static bool add_metadata(struct client_transfer *transfer, const char *pair)
{
    char name[256];
    size_t length = strcspn(pair, "=");
    int count = snprintf(name, sizeof(name), "x-amz-meta-%.*s", (int)length, pair);

    if (count < 0 || (size_t)count >= sizeof(name))
        return false;
    for (char *at = name; *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + ('a' - 'A')) : *at;
    return client_transfer_attribute(transfer, name, pair + length + 1);
}

bool remote_add_attributes(const struct remote *remote, struct client_transfer *transfer, const char *name)
{
    const struct options *options = remote->options;
    const char *type = options->content_type != NULL ? options->content_type
                       : name != NULL                ? type_of(name)
                                                     : NULL;
    bool is_whole = type == NULL || client_transfer_attribute(transfer, "content-type", type);

    for (size_t i = 0; is_whole && i < options->metadata.count; i++)
        is_whole = add_metadata(transfer, options->metadata.items[i]);
    return is_whole;
}

struct client_transfer *remote_make_upload(const struct remote *remote, const char *path, uint64_t size,
                                           const char *bucket, const char *key)
{
    struct client_transfer *transfer = client_transfer_make(CLIENT_UPLOAD, NULL, path, bucket, key);

    if (transfer == NULL)
        return NULL;
    transfer->has_size = true;
    transfer->size = size;
    if (remote_add_attributes(remote, transfer, path))
        return transfer;
    client_transfer_free(transfer);
    return NULL;
}

void remote_take_entry(struct client_transfer *transfer, const struct client_entry *entry)
{
    transfer->has_size = true;
    transfer->size = entry->size;
    transfer->modified_ms = entry->modified_ms;
    (void)snprintf(transfer->etag, sizeof(transfer->etag), "%s", entry->etag);
}

struct client_transfer *remote_make_download(const struct remote *remote, const char *bucket, const char *key,
                                             const struct client_entry *entry, const char *path)
{
    struct client_transfer *transfer = client_transfer_make(CLIENT_DOWNLOAD, bucket, key, NULL, path);

    (void)remote;
    if (transfer != NULL && entry != NULL)
        remote_take_entry(transfer, entry);
    return transfer;
}

char *remote_join(const char *folder, const char *name)
{
    size_t length = strlen(folder), bytes = length + strlen(name) + 2;
    char *path = malloc(bytes);

    if (path != NULL)
        (void)snprintf(path, bytes, "%s%s%s", folder, length > 0 && folder[length - 1] != '/' ? "/" : "",
                       name);
    return path;
}
