/* SPDX-License-Identifier: MIT
 *
 * Buckets: they are made before their keys come, with their versioning; their other settings follow when all keys are there, so that no rule acts on what
 * is still arriving. And the uploads that were never completed, which are left out by name. */
#include "api/import/import.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/import/bucket_settings.h"
#include "storage/base/clock.h"
#include "storage/base/io.h"
#include "storage/base/text/names.h"

/* ---- Settings ---- */

/* *bytes hold what settings point to, and are the caller's to free. A bucket without a file has none. 0, -EBADMSG, and *why, or an error. */
static int settings_load(struct import_hand *hand, const char *bucket, struct bucket_settings *settings,
                         struct slice *bytes, const char **why)
{
    char path[sizeof(FOLDER_SYSTEM) + META_BUCKET_NAME_BYTES_MAX + 32];
    int err;

    *settings = (struct bucket_settings){0};
    *bytes = (struct slice){NULL, 0};
    (void)snprintf(path, sizeof(path), FOLDER_SYSTEM "/buckets/%s/.metadata.bin", bucket);
    err = import_system_file(hand, path, bytes, why);
    if (err == -ENOENT)
        return 0;
    if (err == 0 && !bucket_settings_read(*bytes, settings)) {
        *why = "its settings are damaged, or of a form that is not known";
        err = -EBADMSG;
    }
    return err;
}

static void leave_out(struct import *import, const char *bucket, const char *words, const char *why)
{
    char line[IMPORT_WHY_BYTES + 64];

    (void)snprintf(line, sizeof(line), "%s: %s", words, why);
    import_find(import, SLUICE_IMPORT_LEFT_OUT, bucket, NULL, NULL, line);
}

static void setting_hand_on(struct import *import, const char *bucket, enum bucket_setting setting,
                            struct slice document)
{
    const struct sluice_import_report more = {.settings = 1};
    const struct sluice_import_setting given = {bucket, bucket_setting_query(setting), document.base,
                                                document.len};
    const char *why = "there is no such setting here";

    if (given.name != NULL && import->options->on_setting == NULL)
        why = "nobody takes settings";
    else if (given.name != NULL)
        why = import->options->on_setting(import->options->ctx, &given);
    if (why != NULL)
        leave_out(import, bucket, bucket_setting_words(setting), why);
    else
        import_count(import, &more);
}

int import_settings(struct import_hand *hand)
{
    struct import *import = hand->import;

    for (struct import_bucket *bucket = import->buckets; bucket != NULL; bucket = bucket->next) {
        struct bucket_settings settings;
        struct slice bytes;
        const char *why;
        int err = settings_load(hand, bucket->name, &settings, &bytes, &why);

        if (import_is_over(import))
            err = -ECANCELED;
        for (int i = 0; i < BUCKET_SETTING_COUNT && err == 0; i++)
            if (bucket_setting_says_something((enum bucket_setting)i, settings.documents[i]))
                setting_hand_on(
                    import, bucket->name, (enum bucket_setting)i,
                    bucket_setting_plain(&hand->arena, (enum bucket_setting)i, settings.documents[i]));
        if (err == 0 && settings.has_exclusions)
            leave_out(import, bucket->name, "prefixes without versions",
                      "all keys of a bucket have versions here");
        free((void *)bytes.base);
        if (err != 0 && err != -EBADMSG) /* which was told when the bucket was made */
            return err;
    }
    return 0;
}

/* ---- Buckets ---- */

static enum meta_versioning versioning_of(const struct bucket_settings *settings)
{
    if (settings->is_versioned)
        return META_VERSIONING_ENABLED;
    return settings->is_suspended ? META_VERSIONING_SUSPENDED : META_VERSIONING_NEVER;
}

/* One that is there gets versions, if these have any, and loses none. */
static int bucket_meet(struct core_worker *worker, const char *name, const struct bucket_settings *settings,
                       int64_t *id)
{
    enum meta_versioning versioning = versioning_of(settings);
    struct meta_bucket_create create = {.op.kind = META_OP_BUCKET_CREATE};
    struct meta_bucket_versioning change = {.op.kind = META_OP_BUCKET_VERSIONING, .versioning = versioning};
    struct meta_bucket there;
    int err = meta_bucket_get(core_worker_reader(worker), slice_text(name), &there);

    if (err == META_E_NO_BUCKET) {
        strcpy(create.bucket.name, name);
        create.bucket.created_ms = settings->created_ms > 0 ? settings->created_ms : clock_real_ms();
        create.bucket.versioning = versioning;
        err = library_change(worker, &create.op);
        *id = create.bucket.id;
        return err;
    }
    if (err != 0)
        return err;
    *id = there.id;
    if (there.versioning == versioning || versioning == META_VERSIONING_NEVER ||
        (versioning == META_VERSIONING_SUSPENDED && there.versioning != META_VERSIONING_NEVER))
        return 0;
    change.bucket = there.id;
    return library_change(worker, &change.op);
}

static int refuse(struct import *import, const char *name, const char *why)
{
    import_find(import, SLUICE_IMPORT_REFUSED, name, NULL, NULL, why);
    return 0;
}

static int bucket_add(struct import_hand *hand, const char *name, const struct bucket_settings *settings)
{
    const struct sluice_import_report more = {.buckets = 1};
    struct import_bucket *bucket = calloc(1, sizeof(*bucket));
    struct core_worker *worker;
    int err;

    if (bucket == NULL)
        return -ENOMEM;
    strcpy(bucket->name, name);
    bucket->folder = io_open(hand->import->folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    err = bucket->folder < 0 ? -errno : library_lease(hand->import->store, &worker);
    if (err == 0) {
        err = bucket_meet(worker, name, settings, &bucket->id);
        library_give_back(hand->import->store, worker);
    }
    if (err != 0) {
        if (bucket->folder >= 0)
            (void)close(bucket->folder);
        free(bucket);
        return err == META_E_BUCKET_STATE ? refuse(hand->import, name, "it is a cache bucket here") : err;
    }
    bucket->next = hand->import->buckets;
    hand->import->buckets = bucket;
    import_count(hand->import, &more);
    return 0;
}

static int visit_bucket(void *ctx, const char *name)
{
    struct import_hand *hand = ctx;
    struct bucket_settings settings;
    struct slice bytes;
    const char *why;
    int err;

    if (strcmp(name, FOLDER_SYSTEM) == 0 || strcmp(name, "lost+found") == 0)
        return 0;
    if (import_is_over(hand->import))
        return -ECANCELED;
    if (!bucket_name_is_valid(name, strlen(name)))
        return refuse(hand->import, name, "it is no name of a bucket here");
    err = settings_load(hand, name, &settings, &bytes, &why);
    if (err == 0)
        err = bucket_add(hand, name, &settings);
    else if (err == -EBADMSG || err == -ENOTSUP)
        err = refuse(hand->import, name, why); /* whether it has versions is not known */
    free((void *)bytes.base);
    return err;
}

int import_buckets(struct import_hand *hand)
{
    return folder_list(hand->import->folder, visit_bucket, hand);
}

/* ---- Unfinished uploads ---- */

struct uploads {
    struct import *import;
    int folder;
    const char *digest; /* of bucket and key, which is all that is told of them */
    unsigned told;
    uint64_t untold;
};

/* The folder of an upload is its id and when it began, in ns since 1970. */
static int visit_upload(void *ctx, const char *name)
{
    struct uploads *uploads = ctx;
    const char *began = strrchr(name, 'x');
    time_t seconds = began != NULL ? (time_t)(strtoull(began + 1, NULL, 10) / 1000000000) : 0;
    char why[IMPORT_WHY_BYTES], date[32] = "an unknown time";
    struct tm utc;

    if (uploads->told >= IMPORT_UPLOADS_TOLD) {
        uploads->untold++;
        return 0;
    }
    uploads->told++;
    if (seconds > 0 && gmtime_r(&seconds, &utc) != NULL)
        (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &utc);
    (void)snprintf(why, sizeof(why),
                   "an unfinished upload, %.64s of %s, of the key whose name has the SHA-256 %.64s", name,
                   date, uploads->digest);
    import_find(uploads->import, SLUICE_IMPORT_LEFT_OUT, NULL, NULL, NULL, why);
    return 0;
}

static int visit_uploads(void *ctx, const char *name)
{
    struct uploads *uploads = ctx;
    int folder = io_open(uploads->folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), result;

    if (folder < 0)
        return -errno;
    uploads->digest = name;
    result = folder_list(folder, visit_upload, uploads);
    (void)close(folder);
    return result;
}

int import_uploads(struct import_hand *hand)
{
    struct uploads uploads = {.import = hand->import};
    char why[IMPORT_WHY_BYTES];
    int result;

    uploads.folder = io_open(hand->import->folder, FOLDER_SYSTEM "/multipart",
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (uploads.folder < 0)
        return errno == ENOENT ? 0 : -errno;
    result = folder_list(uploads.folder, visit_uploads, &uploads);
    (void)close(uploads.folder);
    if (result == 0 && uploads.untold > 0) {
        (void)snprintf(why, sizeof(why), "%llu more unfinished uploads", (unsigned long long)uploads.untold);
        import_find(hand->import, SLUICE_IMPORT_LEFT_OUT, NULL, NULL, NULL, why);
    }
    return result;
}
