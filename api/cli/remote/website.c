/* SPDX-License-Identifier: MIT
 *
 * `sluice bucket website` and `sluice bucket types`: a bucket as a website, and whether its objects have types by their names. */
#include "api/cli/remote/remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INDEX_DEFAULT "index.html"

bool remote_website_flags_fit(struct remote *remote)
{
    const struct options *options = remote->options;
    bool has_page = options->website_index != NULL || options->website_error != NULL;
    const char *why = NULL;

    if ((has_page || options->website_off) && strcmp(options->words[0], "website") != 0)
        why = "--index, --error and --off are about sluice bucket website";
    else if (has_page && options->website_off)
        why = "--off stands alone";
    if (why != NULL)
        (void)remote_usage_fail(remote, "%s", why);
    return why == NULL;
}

static int unset(struct client_session *session, const char *bucket)
{
    client_request_query(client_session_begin(session, "DELETE", bucket, NULL), "website", NULL);
    return client_session_call(session, NULL, NULL);
}

int remote_website(struct remote *remote, struct client_session *session, const struct client_url *url)
{
    const struct options *options = remote->options;
    const char *index = options->website_index != NULL ? options->website_index : INDEX_DEFAULT;
    int err = options->website_off
                  ? unset(session, url->bucket)
                  : client_bucket_website_set(session, url->bucket, index, options->website_error);

    return err == 0 ? 0 : remote_blame(remote, session, err, url);
}

int remote_types(struct remote *remote, struct client_session *session, const struct client_url *url,
                 const char *word, const char *before)
{
    bool are_by_name = word != NULL && strcmp(word, "on") == 0;
    int err;

    if (word != NULL && !are_by_name && strcmp(word, "off") != 0)
        return remote_usage_fail(remote, "%s is neither on nor off", word);
    err = word != NULL ? client_bucket_types_set(session, url->bucket, are_by_name)
                       : client_bucket_types_get(session, url->bucket, &are_by_name);
    if (err != 0)
        return remote_blame(remote, session, err, url);
    if (word == NULL)
        printf("%s%s\n", before, are_by_name ? "on" : "off");
    return 0;
}
