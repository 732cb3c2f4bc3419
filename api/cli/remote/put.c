/* SPDX-License-Identifier: MIT
 *
 * `sluice put`: files, folders and standard input become objects. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct upload {
    struct remote *remote;
    struct remote_work *work;
    const char *bucket, *folder; /* of keys */
};

static int on_file(void *ctx, const char *path, const char *name, const struct stat *status)
{
    struct upload *upload = ctx;
    char *key = remote_join(upload->folder, name);

    remote_work_add(upload->work, key != NULL
                                      ? remote_make_upload(upload->remote, path, (uint64_t)status->st_size,
                                                           upload->bucket, key)
                                      : NULL);
    free(key);
    return 0;
}

/* The contents of a folder go below the URL, as a file does. */
int remote_put_path(struct remote *remote, struct remote_work *work, const char *path, const char *bucket,
                    const char *key, bool is_folder)
{
    struct upload upload = {.remote = remote, .work = work, .bucket = bucket};
    char *folder = remote_folder_of(key), *target;
    struct stat status;
    int err = 0;

    if (folder == NULL)
        return remote_fail(remote, -ENOMEM, path, "out of memory");
    upload.folder = folder;
    if (stat(path, &status) != 0) {
        err = remote_fail(remote, -errno, path, strerror(errno));
    } else if (S_ISDIR(status.st_mode) && !remote->is_recursive) {
        err = remote_usage_fail(remote, "%s is a folder: -r takes all that is in it", path);
    } else if (S_ISDIR(status.st_mode)) {
        err = remote_walk_files(remote, path, on_file, &upload);
    } else if (!S_ISREG(status.st_mode)) {
        err = remote_fail(remote, -EINVAL, path, "it is not a regular file");
    } else {
        target = is_folder ? remote_join(folder, remote_base_name(path)) : strdup(key);
        remote_work_add(work, target != NULL
                                  ? remote_make_upload(remote, path, (uint64_t)status.st_size, bucket, target)
                                  : NULL);
        free(target);
    }
    free(folder);
    return err;
}

static void put_all(struct remote *remote, struct remote_place *place)
{
    const struct options *options = remote->options;
    size_t sources = options->word_count - 1, length = strlen(place->url.key);
    bool is_folder = sources > 1 || length == 0 || place->url.key[length - 1] == '/';
    struct remote_work work;

    if (sources == 1 && strcmp(options->words[0], "-") == 0) {
        if (is_folder)
            (void)remote_usage_fail(remote, "standard input has no name: give the whole URL");
        else
            (void)remote_put_stream(remote, place);
        return;
    }
    if (remote_work_start(&work, remote, NULL, place->server) != 0)
        return;
    for (size_t i = 0; i < sources && !atomic_load(&remote_cancelled); i++)
        (void)remote_put_path(remote, &work, options->words[i], place->url.bucket, place->url.key, is_folder);
    remote_work_finish(&work);
}

int remote_put(const struct options *options)
{
    struct remote remote;
    struct remote_place place;

    remote_begin(&remote, options);
    if (options->word_count < 2) {
        (void)remote_usage_fail(&remote, "expected: sluice put FILE... URL; see sluice put --help");
        return remote_end(&remote);
    }
    if (remote_place_open(&remote, options->words[options->word_count - 1],
                          REMOTE_SERVER | REMOTE_BUCKET | REMOTE_WRITES, &place) == 0)
        put_all(&remote, &place);
    remote_place_close(&place);
    return remote_end(&remote);
}
