/* SPDX-License-Identifier: MIT
 *
 * What a command of `sluice run` finds in its environment. A variable more is a row in `given`, and where its value is new, one in what
 * run.c hands over. */
#include "api/cli/run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words in braces are values of run.c, and kinds of caches: "nx" is the name of the one of that kind, in URLs. A row is left out where there is not a
 * value of its text, or what it needs. */
static const struct {
    const char *name, *text, *needs; /* needs: a value, or NULL */
} given[] = {
    {"AWS_ENDPOINT_URL", "{url}", NULL},
    {"AWS_ENDPOINT_URL_S3", "{url}", NULL},
    {"AWS_ACCESS_KEY_ID", "{access-key}", NULL},
    {"AWS_SECRET_ACCESS_KEY", "{secret-key}", NULL},
    {"AWS_REGION", "{region}", NULL},
    {"AWS_DEFAULT_REGION", "{region}", NULL},
    {"SLUICE_BUCKET", "{bucket}", NULL},
    {"SLUICE_TOKEN", "{token}", NULL},
    {"NX_SELF_HOSTED_REMOTE_CACHE_SERVER", "{url}/-/cache/{nx}", NULL},
    {"NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN", "{token}", "nx"},
    {"TURBO_API", "{url}/-/cache/{turbo}", NULL},
    {"TURBO_TOKEN", "{token}", "turbo"},
    {"TURBO_TEAM", "sluice", "turbo"},
    {"CCACHE_REMOTE_STORAGE", "http://{access-key}:{secret-key}@{address}/-/cache/{ccache}", NULL},
    {"SLUICE_CACHE_BAZEL", "{url}/-/cache/{bazel}", NULL},
    {"SLUICE_BAZELRC", "{bazelrc}", NULL},
    {"SLUICE_CACHE_GRADLE", "{url}/-/cache/{gradle}/", NULL},
    {"SLUICE_CACHE_GO", "{url}/-/cache/{go}", NULL},
    {"SLUICE_CACHE_HTTP", "{url}/-/cache/{http}/", NULL},
    {"ACTIONS_RESULTS_URL", "{url}/-/cache/{github}/", NULL},
    {"ACTIONS_CACHE_URL", "{url}/-/cache/{github}/", NULL},
    {"ACTIONS_CACHE_SERVICE_V2", "true", "github"},
    /* @actions/artifact looks for the claim {"scp":"Actions.Results:run:job"} in it: s3_web.h. */
    {"ACTIONS_RUNTIME_TOKEN", "e30.eyJzY3AiOiJBY3Rpb25zLlJlc3VsdHM6cnVuOmpvYiJ9.{token}", "github"},
};

/* What SDKs prefer to the variables above, or that turns them off; and what is the server's. A hyphen at the end, which no variable has, stands for any
 * more. */
static const char *const taken[] = {
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_-",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "SLUICE_-",
};

/* Proxies know nothing of this machine's own addresses. Programs read either of the two, and some both. */
static const char *const unproxied[] = {"NO_PROXY", "no_proxy"};
static const char own_addresses[] = "127.0.0.1,localhost,::1";

/* ---- Names ---- */

static bool is_called(const char *entry, const char *name, size_t length)
{
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* Whether the new environment has that variable already. */
static bool is_given(char *const *environment, const char *entry)
{
    size_t length = strcspn(entry, "=");

    for (; *environment != NULL; environment++)
        if (is_called(*environment, entry, length))
            return true;
    return false;
}

static bool is_taken(const char *entry)
{
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        size_t length = strlen(taken[i]);

        if (taken[i][length - 1] == '-' ? strncmp(entry, taken[i], length - 1) == 0
                                        : is_called(entry, taken[i], length))
            return true;
    }
    return false;
}

/* ---- Values ---- */

/* NULL: there is none. */
static const char *value_of(const struct run_value *values, const char *name, size_t length)
{
    for (; values->name != NULL; values++)
        if (strlen(values->name) == length && memcmp(values->name, name, length) == 0)
            return values->value;
    return NULL;
}

/* NAME=TEXT with values in the place of their names. False: no memory. *entry is NULL where a value is not there. */
static bool expand(const char *name, const char *text, const struct run_value *values, char **entry)
{
    size_t size;
    FILE *out = open_memstream(entry, &size);
    const char *value = "";

    if (out == NULL)
        return false;
    fprintf(out, "%s=", name);
    while (*text != '\0' && value != NULL) {
        size_t plain = strcspn(text, "{");

        fwrite(text, 1, plain, out);
        text += plain;
        if (*text == '{') {
            size_t length = strcspn(++text, "}");

            if ((value = value_of(values, text, length)) != NULL)
                fputs(value, out);
            text += length + 1;
        }
    }
    bool is_written = !ferror(out);
    if (fclose(out) != 0 || !is_written || value == NULL) {
        free(*entry);
        *entry = NULL;
    }
    return is_written;
}

static const char *variable_of(char *const *environment, const char *name)
{
    for (; *environment != NULL; environment++)
        if (is_called(*environment, name, strlen(name)))
            return *environment + strlen(name) + 1;
    return NULL;
}

/* What each of the two would have said, or else the other, goes on to count. */
static bool unproxy(char *const *before, const char *name, char **entry)
{
    const char *own = variable_of(before, name);
    const char *other = variable_of(before, strcmp(name, unproxied[0]) == 0 ? unproxied[1] : unproxied[0]);
    const char *said = own != NULL ? own : other;

    if (said == NULL || said[0] == '\0')
        return asprintf(entry, "%s=%s", name, own_addresses) >= 0;
    if (strcmp(said, "*") == 0)
        return asprintf(entry, "%s=*", name) >= 0;
    return asprintf(entry, "%s=%s,%s", name, said, own_addresses) >= 0;
}

/* ---- All of it ---- */

/* False: no memory. */
static bool give(char **environment, char *const *before, const struct run_value *values)
{
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        if (given[i].needs != NULL && value_of(values, given[i].needs, strlen(given[i].needs)) == NULL)
            continue;
        if (!expand(given[i].name, given[i].text, values, environment))
            return false;
        environment += *environment != NULL;
    }
    for (size_t i = 0; i < sizeof(unproxied) / sizeof(unproxied[0]); i++, environment++)
        if (!unproxy(before, unproxied[i], environment)) {
            *environment = NULL;
            return false;
        }
    return true;
}

char **run_environment_make(char *const *before, const struct run_value *values)
{
    size_t count = 0, room = sizeof(given) / sizeof(given[0]) + sizeof(unproxied) / sizeof(unproxied[0]) + 1;
    char **environment;
    bool is_made;

    while (before[count] != NULL)
        count++;
    if ((environment = calloc(count + room, sizeof(*environment))) == NULL)
        return NULL;
    is_made = give(environment, before, values);
    for (count = 0; environment[count] != NULL;)
        count++;
    for (; is_made && *before != NULL; before++)
        if (!is_given(environment, *before) && !is_taken(*before))
            is_made = (environment[count++] = strdup(*before)) != NULL;
    if (is_made)
        return environment;
    run_environment_free(environment);
    return NULL;
}

void run_environment_free(char **environment)
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++)
        free(environment[i]);
    free(environment);
}
