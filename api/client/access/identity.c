/* SPDX-License-Identifier: MIT
 *
 * See identity.h. */
#include "api/client/access/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "api/client/access/aws_files.h"
#include "api/client/limits.h"
#include "storage/base/io.h"

struct sources {
    const char *profile;        /* its name; never NULL */
    bool is_named;              /* by a flag or a variable */
    char *credentials, *config; /* the texts of the files; NULL: there is none */
    char *why;
    size_t why_bytes;
};

/* NULL where it is not set, or empty. */
static const char *variable(const char *name)
{
    const char *text = getenv(name);

    return text != NULL && text[0] != '\0' ? text : NULL;
}

static const char *first_variable(const char *const *names)
{
    for (; *names != NULL; names++)
        if (variable(*names) != NULL)
            return variable(*names);
    return NULL;
}

/* A file that is not there is as an empty one. NULL with 0: so it is. */
static int read_file(struct sources *sources, const char *path, char **text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    *text = NULL;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0) {
        (void)snprintf(sources->why, sources->why_bytes, "cannot read %s: %s", path, strerror(errno));
        return -EINVAL;
    }
    if ((*text = malloc(CLIENT_AWS_FILE_BYTES_MAX + 1)) == NULL) {
        (void)close(fd);
        return -ENOMEM;
    }
    length = read_up_to(fd, *text, CLIENT_AWS_FILE_BYTES_MAX + 1, 0);
    (void)close(fd);
    if (length >= 0 && (size_t)length <= CLIENT_AWS_FILE_BYTES_MAX) {
        (*text)[length] = '\0';
        return 0;
    }
    (void)snprintf(sources->why, sources->why_bytes, "cannot read %s: %s", path,
                   length < 0 ? strerror((int)-length) : "it is too large");
    return -EINVAL;
}

static int read_aws_file(struct sources *sources, const char *path_variable, const char *name, char **text)
{
    const char *path = variable(path_variable), *home = variable("HOME");
    char fallback[PATH_MAX];

    *text = NULL;
    if (path == NULL && home == NULL)
        return 0;
    if (path == NULL &&
        snprintf(fallback, sizeof(fallback), "%s/.aws/%s", home, name) >= (int)sizeof(fallback))
        return 0;
    return read_file(sources, path != NULL ? path : fallback, text);
}

/* Of the profile: in credentials its section is [ci], in config [profile ci], and [default] in both. */
static struct slice find(const struct sources *sources, const char *parent, const char *name)
{
    char section[256];
    struct slice found =
        client_aws_find(slice_text(sources->credentials), slice_text(sources->profile), parent, name);

    (void)snprintf(section, sizeof(section), "%s%s",
                   strcmp(sources->profile, "default") == 0 ? "" : "profile ", sources->profile);
    return found.base != NULL
               ? found
               : client_aws_find(slice_text(sources->config), slice_text(section), parent, name);
}

static bool is_there(const struct sources *sources)
{
    char section[256];

    (void)snprintf(section, sizeof(section), "profile %s", sources->profile);
    return client_aws_has_section(slice_text(sources->credentials), slice_text(sources->profile)) ||
           client_aws_has_section(slice_text(sources->config), slice_text(section)) ||
           client_aws_has_section(slice_text(sources->config), slice_text(sources->profile));
}

/* What is set already stays. */
static int take(char **field, struct slice value)
{
    if (*field != NULL || value.base == NULL || value.len == 0)
        return 0;
    return (*field = strndup(value.base, value.len)) != NULL ? 0 : -ENOMEM;
}

static int take_keys(struct client_identity *identity, const struct sources *sources)
{
    bool is_environment = !sources->is_named || find(sources, NULL, "aws_access_key_id").base == NULL;
    int err = 0;

    if (is_environment && variable("AWS_ACCESS_KEY_ID") != NULL &&
        variable("AWS_SECRET_ACCESS_KEY") != NULL) {
        err = take(&identity->access_key, slice_text(variable("AWS_ACCESS_KEY_ID")));
        if (err == 0)
            err = take(&identity->secret_key, slice_text(variable("AWS_SECRET_ACCESS_KEY")));
        return err == 0 ? take(&identity->session_token, slice_text(variable("AWS_SESSION_TOKEN"))) : err;
    }
    if ((err = take(&identity->access_key, find(sources, NULL, "aws_access_key_id"))) != 0 ||
        (err = take(&identity->secret_key, find(sources, NULL, "aws_secret_access_key"))) != 0)
        return err;
    return take(&identity->session_token, find(sources, NULL, "aws_session_token"));
}

/* Keys that somebody else would make: to go on without any would ask as nobody. */
static int check_keys(const struct client_identity *identity, const struct sources *sources)
{
    static const char *const makers[] = {"credential_process", "role_arn", "sso_session", "sso_start_url",
                                         "web_identity_token_file"};

    if ((identity->access_key == NULL) != (identity->secret_key == NULL)) {
        (void)snprintf(sources->why, sources->why_bytes, "profile %s has only one half of a key",
                       sources->profile);
        return -EINVAL;
    }
    for (size_t i = 0; identity->access_key == NULL && i < sizeof(makers) / sizeof(makers[0]); i++)
        if (find(sources, NULL, makers[i]).base != NULL) {
            (void)snprintf(sources->why, sources->why_bytes,
                           "profile %s has its keys from %s, which is not supported: set AWS_ACCESS_KEY_ID, "
                           "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
                           sources->profile, makers[i]);
            return -EINVAL;
        }
    return 0;
}

/* The profile's own endpoint, or the one that the services it names have for S3. */
static int take_endpoint(struct client_identity *identity, const struct sources *sources)
{
    static const char *const names[] = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", NULL};
    struct slice services = find(sources, NULL, "services");
    char section[256];
    int err = take(&identity->endpoint_url, slice_text(first_variable(names)));

    if (err == 0 && services.base != NULL) {
        (void)snprintf(section, sizeof(section), "services %.*s", (int)services.len, services.base);
        err = take(&identity->endpoint_url,
                   client_aws_find(slice_text(sources->config), slice_text(section), "s3", "endpoint_url"));
    }
    return err == 0 ? take(&identity->endpoint_url, find(sources, NULL, "endpoint_url")) : err;
}

static int take_all(struct client_identity *identity, const struct sources *sources, const char *region)
{
    static const char *const regions[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};
    static const char *const bundles[] = {"AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", NULL};
    int err;

    if ((err = take_keys(identity, sources)) != 0 || (err = check_keys(identity, sources)) != 0 ||
        (err = take_endpoint(identity, sources)) != 0)
        return err;
    if ((err = take(&identity->region, slice_text(region))) != 0 ||
        (err = take(&identity->region, slice_text(first_variable(regions)))) != 0 ||
        (err = take(&identity->region, find(sources, NULL, "region"))) != 0 ||
        (err = take(&identity->region, SLICE("us-east-1"))) != 0)
        return err;
    return take(&identity->ca_bundle, slice_text(first_variable(bundles)));
}

int client_identity_load(struct client_identity *identity, const char *profile, const char *region, char *why,
                         size_t why_bytes)
{
    static const char *const profiles[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", NULL};
    const char *name = profile != NULL ? profile : first_variable(profiles);
    struct sources sources = {.profile = name != NULL ? name : "default",
                              .is_named = profile != NULL,
                              .why = why,
                              .why_bytes = why_bytes};
    int err;

    *identity = (struct client_identity){0};
    (void)snprintf(why, why_bytes, "out of memory");
    err = read_aws_file(&sources, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &sources.credentials);
    if (err == 0)
        err = read_aws_file(&sources, "AWS_CONFIG_FILE", "config", &sources.config);
    if (err == 0 && name != NULL && !is_there(&sources)) {
        (void)snprintf(why, why_bytes, "there is no profile %s in ~/.aws", name);
        err = -EINVAL;
    }
    if (err == 0)
        err = take_all(identity, &sources, region);
    if (sources.credentials != NULL)
        OPENSSL_cleanse(sources.credentials, strlen(sources.credentials));
    free(sources.credentials);
    free(sources.config);
    return err;
}

void client_identity_free(struct client_identity *identity)
{
    if (identity->secret_key != NULL)
        OPENSSL_cleanse(identity->secret_key, strlen(identity->secret_key));
    free(identity->access_key);
    free(identity->secret_key);
    free(identity->session_token);
    free(identity->region);
    free(identity->endpoint_url);
    free(identity->ca_bundle);
    *identity = (struct client_identity){0};
}
