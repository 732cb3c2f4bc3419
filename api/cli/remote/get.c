/* SPDX-License-Identifier: MIT
 *
 * `sluice get`: objects become files. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct download {
    struct remote *remote;
    struct remote_work *work;
    const char *bucket, *folder;
};

bool remote_is_folder_here(const char *path)
{
    struct stat status;
    size_t length = strlen(path);

    return (length > 0 && path[length - 1] == '/') || (stat(path, &status) == 0 && S_ISDIR(status.st_mode));
}

static int on_found(void *ctx, const struct client_entry *entry, const char *name)
{
    struct download *download = ctx;
    size_t length = strlen(name);
    char *path;

    if (length > 0 && name[length - 1] == '/' && entry->size == 0)
        return 0; /* some tools make an object for a folder */
    if (!remote_is_safe_name(name)) {
        (void)remote_fail(download->remote, -EINVAL, entry->key,
                          "it cannot be the name of a file below a folder");
        return 0;
    }
    path = remote_join(download->folder, name);
    remote_work_add(download->work, path != NULL ? remote_make_download(download->remote, download->bucket,
                                                                        entry->key, entry, path)
                                                 : NULL);
    free(path);
    return 0;
}

int remote_get_place(struct remote *remote, struct remote_work *work, struct remote_place *place,
                     const char *path, bool is_folder)
{
    struct download download = {.remote = remote, .work = work, .bucket = place->url.bucket, .folder = path};
    struct client_transfer *transfer;
    const char *name = remote_base_name(place->url.key);
    char *target;

    if (remote->is_recursive || remote_is_pattern(remote, place->url.key))
        return remote_walk(remote, place, on_found, &download);
    if (place->url.key[0] == '\0')
        return remote_usage_fail(remote, "s3://%s is a bucket: -r takes all that is in it",
                                 place->url.bucket);
    if (is_folder && !remote_is_safe_name(name))
        return remote_fail(remote, -EINVAL, place->url.key, "it cannot be the name of a file below a folder");
    target = is_folder ? remote_join(path, name) : strdup(path);
    transfer =
        target != NULL ? remote_make_download(remote, place->url.bucket, place->url.key, NULL, target) : NULL;
    if (transfer != NULL && remote->options->version_id != NULL)
        transfer->from_version = strdup(remote->options->version_id);
    remote_work_add(work, transfer);
    free(target);
    return 0;
}

static void get_all(struct remote *remote, const char *target, size_t sources)
{
    struct remote_place *places = calloc(sources, sizeof(*places));
    struct remote_work work;
    bool is_same = true;

    if (places == NULL) {
        (void)remote_fail(remote, -ENOMEM, target, "out of memory");
        return;
    }
    for (size_t i = 0; i < sources && is_same; i++)
        is_same = remote_place_open(remote, remote->options->words[i], REMOTE_SERVER | REMOTE_BUCKET,
                                    &places[i]) == 0;
    if (is_same && strcmp(target, "-") == 0) {
        for (size_t i = 0; i < sources && !atomic_load(&remote_cancelled); i++)
            (void)remote_cat_object(remote, &places[i]);
    } else if (is_same) {
        bool is_folder = sources > 1 || remote_is_folder_here(target);

        for (size_t i = 0; i < sources && !atomic_load(&remote_cancelled); i++) {
            if (remote_work_start(&work, remote, places[i].server, NULL) != 0)
                break;
            (void)remote_get_place(remote, &work, &places[i], target, is_folder);
            remote_work_finish(&work);
        }
    }
    for (size_t i = 0; i < sources; i++)
        remote_place_close(&places[i]);
    free(places);
}

int remote_get(const struct options *options)
{
    struct remote remote;
    size_t count = options->word_count;

    remote_begin(&remote, options);
    if (count == 0)
        (void)remote_usage_fail(&remote, "expected: sluice get URL... [FILE|FOLDER]; see sluice get --help");
    else if (count > 1 && strstr(options->words[count - 1], "://") != NULL)
        get_all(&remote, ".", count);
    else
        get_all(&remote, count > 1 ? options->words[count - 1] : ".", count > 1 ? count - 1 : 1);
    return remote_end(&remote);
}
