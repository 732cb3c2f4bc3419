/* SPDX-License-Identifier: MIT
 *
 * What a command of `sluice run` finds in its environment. A variable more is a row in `given`, and where its value is new, one in what
 * run.c hands over. */
#include "api/cli/run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words in braces are values of run.c; the row of one that there is not is left out. */
static const struct {
    const char *name, *text;
} given[] = {
    {"AWS_ENDPOINT_URL", "{url}"},
    {"AWS_ENDPOINT_URL_S3", "{url}"},
    {"AWS_ACCESS_KEY_ID", "{access-key}"},
    {"AWS_SECRET_ACCESS_KEY", "{secret-key}"},
    {"AWS_REGION", "{region}"},
    {"AWS_DEFAULT_REGION", "{region}"},
    {"SLUICE_BUCKET", "{bucket}"},
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

static bool is_replaced(const char *entry)
{
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        if (is_called(entry, given[i].name, strlen(given[i].name)))
            return true;
    for (size_t i = 0; i < sizeof(unproxied) / sizeof(unproxied[0]); i++)
        if (is_called(entry, unproxied[i], strlen(unproxied[i])))
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

static const char *value_of(const struct run_value *values, const char *name, size_t length)
{
    for (; values->name != NULL; values++)
        if (strlen(values->name) == length && memcmp(values->name, name, length) == 0)
            return values->value;
    assert(!"a word in braces is a value of run.c");
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

char **run_environment_make(char *const *before, const struct run_value *values)
{
    size_t count = 0, room = sizeof(given) / sizeof(given[0]) + sizeof(unproxied) / sizeof(unproxied[0]) + 1;
    char **environment;
    bool is_made = true;

    while (before[count] != NULL)
        count++;
    if ((environment = calloc(count + room, sizeof(*environment))) == NULL)
        return NULL;
    count = 0;
    for (size_t i = 0; is_made && before[i] != NULL; i++)
        if (!is_replaced(before[i]) && !is_taken(before[i]))
            is_made = (environment[count++] = strdup(before[i])) != NULL;
    for (size_t i = 0; is_made && i < sizeof(given) / sizeof(given[0]); i++) {
        is_made = expand(given[i].name, given[i].text, values, &environment[count]);
        count += environment[count] != NULL;
    }
    for (size_t i = 0; is_made && i < sizeof(unproxied) / sizeof(unproxied[0]); i++)
        if (!(is_made = unproxy(before, unproxied[i], &environment[count++])))
            environment[count - 1] = NULL;
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
