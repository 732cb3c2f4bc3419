/* SPDX-License-Identifier: MIT
 *
 * `sluice backup --to s3://BUCKET/FOLDER` and `sluice restore --from` the same: what sluice.h calls a carrier, over the client. Large files go by the
 * engine's connections, segments one by one, BACKUP last. The listing of the folder says what is there; what nobody has asked for is
 * deleted once the backup is whole. So a run that was cut off goes on with what there is. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/objects.h"

struct name {
    char *name; /* without the folder */
    uint64_t bytes;
    bool is_wanted;
};

struct bucket {
    struct remote remote;
    struct remote_place place;
    struct client_session *session;
    char *folder;           /* "" or with a slash at its end */
    struct options options; /* as the client is to have them */
    bool is_restore;

    struct name *names; /* that are there, in their order */
    size_t count, capacity;

    struct remote_work work; /* what goes through the engine */
    bool is_working;
};

/* ---- What is there ---- */

static int on_entry(void *ctx, const struct client_entry *entry)
{
    struct bucket *bucket = ctx;
    const char *name = entry->key + strlen(bucket->folder);

    if (bucket->count == bucket->capacity) {
        size_t capacity = bucket->capacity == 0 ? 1024 : bucket->capacity * 2;
        struct name *names = realloc(bucket->names, capacity * sizeof(*names));

        if (names == NULL)
            return -ENOMEM;
        bucket->names = names;
        bucket->capacity = capacity;
    }
    if ((bucket->names[bucket->count].name = strdup(name)) == NULL)
        return -ENOMEM;
    bucket->names[bucket->count].bytes = entry->size;
    bucket->names[bucket->count].is_wanted = false;
    bucket->count++;
    return remote_is_over();
}

static int names_read(struct bucket *bucket)
{
    const struct client_listing listing = {.bucket = bucket->place.url.bucket, .prefix = bucket->folder};
    int err = client_list_objects(bucket->session, &listing, on_entry, bucket);

    return err != 0 ? remote_blame(&bucket->remote, bucket->session, err, &bucket->place.url) : 0;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static bool bucket_has(void *ctx, const char *name, uint64_t bytes)
{
    struct bucket *bucket = ctx;
    const struct name wanted = {.name = (char *)name};
    struct name *found = bucket->count == 0 ? NULL
                                            : bsearch(&wanted, bucket->names, bucket->count,
                                                      sizeof(*bucket->names), name_compare);

    if (found == NULL)
        return false;
    found->is_wanted = true; /* also of another size: it is going to be replaced */
    return bytes == SLUICE_BACKUP_ANY_SIZE || bytes == found->bytes;
}

/* ---- There and back ---- */

/* is_from: what is fetched, and what is deleted, is the server's. */
static int work_begin(struct bucket *bucket, bool is_from)
{
    struct remote_server *server = bucket->place.server;
    int err = 0;

    if (!bucket->is_working)
        err = remote_work_start(&bucket->work, &bucket->remote, is_from ? server : NULL,
                                is_from ? NULL : server);
    bucket->is_working = err == 0;
    return err;
}

static int bucket_file(void *ctx, const char *name, const char *path, uint64_t bytes)
{
    struct bucket *bucket = ctx;
    char *key = remote_join(bucket->folder, name);
    int err = key == NULL ? -ENOMEM : work_begin(bucket, bucket->is_restore);

    if (err == 0)
        remote_work_add(
            &bucket->work,
            bucket->is_restore
                ? remote_make_download(&bucket->remote, bucket->place.url.bucket, key, NULL, path)
                : remote_make_upload(&bucket->remote, path, bytes, bucket->place.url.bucket, key));
    free(key);
    return err != 0 ? err : remote_is_over();
}

static int bucket_put(struct bucket *bucket, const char *name, const struct client_bytes *bytes)
{
    char *key = remote_join(bucket->folder, name);
    const struct client_put put = {.bucket = bucket->place.url.bucket, .key = key, .bytes = *bytes};
    struct client_object object;
    int err = key == NULL ? -ENOMEM : client_object_put(bucket->session, &put, &object);

    free(key);
    if (err == -ENOMEM)
        return remote_fail(&bucket->remote, err, name, "out of memory");
    return err != 0 ? remote_blame(&bucket->remote, bucket->session, err, &bucket->place.url) : 0;
}

static int bucket_data(void *ctx, const char *name, int fd, uint64_t bytes)
{
    const struct client_bytes all = {.fd = fd, .length = bytes};
    int err = bucket_put(ctx, name, &all);

    return err != 0 ? err : remote_is_over();
}

static int bucket_flush(void *ctx)
{
    struct bucket *bucket = ctx;

    if (bucket->is_working)
        remote_work_finish(&bucket->work);
    bucket->is_working = false;
    if (remote_is_over() != 0)
        return -ECANCELED;
    return bucket->remote.status == CLI_OK ? 0 : -EIO; /* what it was has been said */
}

static int bucket_commit(void *ctx, const char *name, const char *text, size_t length)
{
    const struct client_bytes all = {.data = text, .fd = -1, .length = length};

    (void)bucket_has(ctx, name, SLUICE_BACKUP_ANY_SIZE); /* it stays */
    return bucket_put(ctx, name, &all);
}

/* What the backup does not need; also what a run that was cut off has left. */
static void names_prune(struct bucket *bucket)
{
    struct remote_removal removal = {.work = &bucket->work, .bucket = bucket->place.url.bucket};

    for (size_t i = 0; i < bucket->count; i++) {
        char *key;

        if (bucket->names[i].is_wanted)
            continue;
        if ((key = remote_join(bucket->folder, bucket->names[i].name)) == NULL ||
            work_begin(bucket, true) != 0 || remote_removal_add(&removal, key, NULL) != 0)
            (void)remote_fail(&bucket->remote, -ENOMEM, bucket->names[i].name, "cannot be deleted");
        free(key);
    }
    if (bucket->is_working)
        remote_removal_submit(&removal);
    (void)bucket_flush(bucket);
}

/* ---- The commands ---- */

/* --data is the store here, and not where s3:// leads; of single files nothing is told. */
static int bucket_open(struct bucket *bucket, const struct options *options, const char *word, unsigned needs)
{
    const struct option_row *data = option_row_find("data", strlen("data"));

    bucket->options = *options;
    bucket->options.sources[data - option_rows] = OPTION_FROM_DEFAULT;
    bucket->options.quiet = true;
    bucket->options.umask_before = 077; /* files of a store are its owner's */
    remote_begin(&bucket->remote, &bucket->options);
    if (remote_place_open(&bucket->remote, word, REMOTE_SERVER | REMOTE_BUCKET | needs, &bucket->place) != 0)
        return -EINVAL;
    if ((bucket->session = remote_session(&bucket->remote, bucket->place.server)) == NULL)
        return -EIO;
    if ((bucket->folder = remote_folder_of(bucket->place.url.key)) == NULL)
        return remote_fail(&bucket->remote, -ENOMEM, word, "out of memory");
    return names_read(bucket);
}

static int bucket_close(struct bucket *bucket)
{
    (void)bucket_flush(bucket);
    for (size_t i = 0; i < bucket->count; i++)
        free(bucket->names[i].name);
    free(bucket->names);
    free(bucket->folder);
    remote_place_close(&bucket->place);
    return remote_end(&bucket->remote);
}

static struct sluice_backup_carrier carrier_of(struct bucket *bucket)
{
    return (struct sluice_backup_carrier){.has = bucket_has,
                                          .file = bucket_file,
                                          .data = bucket_data,
                                          .flush = bucket_flush,
                                          .commit = bucket_commit,
                                          .ctx = bucket};
}

int remote_backup(const struct options *options, const struct sluice_backup_options *backup,
                  struct sluice_backup_report *report, int *err)
{
    struct bucket bucket = {.is_restore = false};
    const struct sluice_backup_carrier carrier = carrier_of(&bucket);

    *err = bucket_open(&bucket, options, options->backup_to, REMOTE_WRITES);
    if (*err == 0 && (*err = sluice_backup_carried(options->data, &carrier, backup, report)) == 0)
        names_prune(&bucket);
    return bucket_close(&bucket);
}

int remote_restore(const struct options *options, const struct sluice_backup_options *backup,
                   struct sluice_backup_report *report, int *err)
{
    struct bucket bucket = {.is_restore = true};
    const struct sluice_backup_carrier carrier = carrier_of(&bucket);

    *err = bucket_open(&bucket, options, options->from, REMOTE_SOURCE);
    if (*err == 0)
        *err = sluice_restore_carried(&carrier, options->data, backup, report);
    return bucket_close(&bucket);
}
