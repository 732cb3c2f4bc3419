/* SPDX-License-Identifier: MIT
 *
 * `sluice bucket create, versions, types, website, show, set, unset`: a bucket and its settings, each of which is a document of S3's. A name alone is a bucket in the store of
 * --data; a URL is one on any server. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOCUMENT_BYTES_MAX (2u << 20) /* more than S3 takes of any */

/* As people call them, and as S3 does in its query. */
static const struct {
    const char *name, *parameter;
} settings[] = {
    {"policy", "policy"},
    {"cache", "sluice-cache"},
    {"cors", "cors"},
    {"lifecycle", "lifecycle"},
    {"website", "website"},
    {"tagging", "tagging"},
    {"encryption", "encryption"},
    {"object-lock", "object-lock"},
    {"ownership", "ownershipControls"},
    {"notification", "notification"},
    {"public-access-block", "publicAccessBlock"},
    {"replication", "replication"},
};

/* NULL: there is none, which was said. */
static const char *find_setting(struct remote *remote, const char *name)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (strcmp(settings[i].name, name) == 0)
            return settings[i].parameter;
    (void)remote_usage_fail(remote,
                            "%s is no setting: policy, cache, cors, lifecycle, website, tagging, encryption, "
                            "object-lock, ownership, notification, "
                            "public-access-block or replication",
                            name);
    return NULL;
}

static int create(struct remote *remote, struct client_session *session, const struct client_url *url)
{
    int err = client_bucket_make(session, url->bucket, false);

    return err == 0 ? 0 : remote_blame(remote, session, err, url);
}

/* before: of what is printed. */
static int versions(struct remote *remote, struct client_session *session, const struct client_url *url,
                    const char *word, const char *before)
{
    static const char *const words[] = {[CLIENT_VERSIONING_NEVER] = "never",
                                        [CLIENT_VERSIONING_ENABLED] = "on",
                                        [CLIENT_VERSIONING_SUSPENDED] = "off"};
    enum client_versioning versioning;
    int err;

    if (word != NULL && strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
        return remote_usage_fail(remote, "%s is neither on nor off", word);
    err = word != NULL ? client_bucket_versioning_set(session, url->bucket, strcmp(word, "on") == 0)
                       : client_bucket_versioning_get(session, url->bucket, &versioning);
    if (err != 0)
        return remote_blame(remote, session, err, url);
    if (word == NULL)
        printf("%s%s\n", before, words[versioning]);
    return 0;
}

static int show(struct remote *remote, struct client_session *session, const struct client_url *url,
                const char *setting)
{
    struct slice document;
    int err = client_bucket_setting_get(session, url->bucket, setting, &document);

    if (err != 0)
        return remote_blame(remote, session, err, url);
    (void)fwrite(document.base, 1, document.len, stdout); /* the end looks whether it went well */
    if (document.base[document.len - 1] != '\n')
        putchar('\n');
    return 0;
}

/* ---- All that a bucket has been told ---- */

/* A line of it: without the declaration that every document of XML begins with. */
static void print_setting(const char *name, struct slice document)
{
    const char *end =
        slice_has_prefix(document, "<?xml") ? memmem(document.base, document.len, "?>", 2) : NULL;

    if (end != NULL)
        document = slice_from(document, (size_t)(end - document.base) + 2);
    document = slice_trim_any(document, " \n");
    printf("%s = %.*s\n", name, (int)document.len, document.base);
}

/* What the bucket, or the server, does not have is left out. */
static int show_all(struct remote *remote, struct client_session *session, const struct client_url *url)
{
    int err = 0;

    if ((err = versions(remote, session, url, NULL, "versions = ")) != 0 ||
        (err = remote_types(remote, session, url, NULL, "types = ")) != 0)
        return err;
    for (size_t i = 0; err == 0 && i < sizeof(settings) / sizeof(settings[0]); i++) {
        struct slice document;

        err = client_bucket_setting_get(session, url->bucket, settings[i].parameter, &document);
        if (err == 0)
            print_setting(settings[i].name, document);
        else if (err == -ENOENT || err == -EOPNOTSUPP)
            err = 0;
    }
    return err == 0 ? 0 : remote_blame(remote, session, err, url);
}

/* What a file holds, or standard input; the caller's to free. NULL: that was said. */
static char *read_document(struct remote *remote, const char *path, size_t *length)
{
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char *document = malloc(DOCUMENT_BYTES_MAX + 1);
    ssize_t count = fd < 0 || document == NULL ? -1 : 1;

    for (*length = 0; count > 0 && *length <= DOCUMENT_BYTES_MAX; *length += count > 0 ? (size_t)count : 0)
        count = read(fd, document + *length, DOCUMENT_BYTES_MAX + 1 - *length);
    if (count < 0 || *length > DOCUMENT_BYTES_MAX || *length == 0) {
        (void)remote_fail(remote, count < 0 ? -errno : -EINVAL, path,
                          count < 0      ? strerror(errno)
                          : *length == 0 ? "it is empty"
                                         : "it is larger than any setting");
        free(document);
        document = NULL;
    }
    if (fd > STDIN_FILENO)
        (void)close(fd);
    return document;
}

static int set(struct remote *remote, struct client_session *session, const struct client_url *url,
               const char *setting, const char *path)
{
    size_t length;
    char *document = read_document(remote, path, &length);
    int err;

    if (document == NULL)
        return -EINVAL;
    err = client_bucket_setting_put(session, url->bucket, setting, slice_of(document, length));
    free(document);
    return err == 0 ? 0 : remote_blame(remote, session, err, url);
}

static int unset(struct remote *remote, struct client_session *session, const struct client_url *url,
                 const char *setting)
{
    int err;

    client_request_query(client_session_begin(session, "DELETE", url->bucket, NULL), setting, NULL);
    err = client_session_call(session, NULL, NULL);
    return err == 0 ? 0 : remote_blame(remote, session, err, url);
}

static void run(struct remote *remote, struct client_session *session, const struct client_url *url)
{
    const char **words = remote->options->words;
    size_t count = remote->options->word_count;
    const char *setting = NULL;

    if (!remote_website_flags_fit(remote))
        return;
    if (count == 2 && strcmp(words[0], "create") == 0)
        (void)create(remote, session, url);
    else if (count == 2 && strcmp(words[0], "website") == 0)
        (void)remote_website(remote, session, url);
    else if (count <= 3 && strcmp(words[0], "types") == 0)
        (void)remote_types(remote, session, url, count == 3 ? words[2] : NULL, "");
    else if (count == 2 && strcmp(words[0], "show") == 0)
        (void)show_all(remote, session, url);
    else if (count <= 3 && strcmp(words[0], "versions") == 0)
        (void)versions(remote, session, url, count == 3 ? words[2] : NULL, "");
    else if (count < 3 || count > 4 || (count == 4) != (strcmp(words[0], "set") == 0))
        (void)remote_usage_fail(
            remote, "expected: sluice bucket show|set|unset NAME SETTING [FILE]; see sluice bucket --help");
    else if ((setting = find_setting(remote, words[2])) == NULL)
        return;
    else if (strcmp(words[0], "set") == 0)
        (void)set(remote, session, url, setting, words[3]);
    else if (strcmp(words[0], "show") == 0)
        (void)show(remote, session, url, setting);
    else
        (void)unset(remote, session, url, setting);
}

bool remote_is_settings_word(const char *word)
{
    static const char *const words[] = {"create", "versions", "types", "website", "show", "set", "unset"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

int remote_settings(const struct options *options)
{
    bool is_question = strcmp(options->words[0], "versions") == 0 || strcmp(options->words[0], "types") == 0;
    bool is_reading = strcmp(options->words[0], "show") == 0 || (is_question && options->word_count == 2),
         is_making = strcmp(options->words[0], "create") == 0;
    unsigned needs =
        REMOTE_SERVER | REMOTE_BUCKET | (is_reading ? 0 : REMOTE_WRITES) | (is_making ? REMOTE_MAKES : 0);
    struct remote remote;
    struct remote_place place = {0};
    struct client_session *session;

    remote_begin(&remote, options);
    remote.is_in_store = options->word_count > 1 && strstr(options->words[1], "://") == NULL;
    if (options->word_count < 2)
        (void)remote_usage_fail(&remote, "expected the name of a bucket; see sluice bucket --help");
    else if (remote_place_open(&remote, options->words[1], needs, &place) == 0 &&
             (session = remote_session(&remote, place.server)) != NULL)
        run(&remote, session, &place.url);
    remote_place_close(&place);
    return remote_end(&remote);
}
