/* SPDX-License-Identifier: MIT
 *
 * Names: patterns in keys, --include and --exclude, folders, and what a key may be called as a file. */
#include "api/cli/remote/remote.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define WILDCARDS "*?["

bool remote_is_pattern(const struct remote *remote, const char *key)
{
    return !remote->is_literal && strpbrk(key, WILDCARDS "\\") != NULL;
}

char *remote_pattern_prefix(const char *pattern)
{
    char *prefix = malloc(strlen(pattern) + 1), *at = prefix;

    if (prefix == NULL)
        return NULL;
    for (; *pattern != '\0' && strchr(WILDCARDS, *pattern) == NULL; pattern++) {
        if (*pattern == '\\' && pattern[1] != '\0')
            pattern++;
        *at++ = *pattern;
    }
    *at = '\0';
    return prefix;
}

bool remote_pattern_matches(const struct remote *remote, const char *pattern, const char *key)
{
    return fnmatch(pattern, key, remote->is_recursive ? 0 : FNM_PATHNAME) == 0;
}

static bool matches_any(const struct options_list *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (fnmatch(patterns->items[i], name, 0) == 0)
            return true;
    return false;
}

bool remote_is_wanted(const struct remote *remote, const char *name)
{
    const struct options *options = remote->options;

    return (options->includes.count == 0 || matches_any(&options->includes, name)) &&
           !matches_any(&options->excludes, name);
}

char *remote_folder_of(const char *key)
{
    size_t length = strlen(key);
    char *folder = malloc(length + 2);

    if (folder == NULL)
        return NULL;
    (void)snprintf(folder, length + 2, "%s%s", key, length > 0 && key[length - 1] != '/' ? "/" : "");
    return folder;
}

const char *remote_base_name(const char *path)
{
    const char *end = path + strlen(path);

    while (end > path && end[-1] == '/')
        end--;
    while (end > path && end[-1] != '/')
        end--;
    return end;
}

bool remote_is_safe_name(const char *name)
{
    for (;; name++) {
        size_t length = strcspn(name, "/");

        if (length == 0 || (length <= 2 && strncmp(name, "..", length) == 0))
            return false;
        name += length;
        if (*name == '\0')
            return true;
    }
}
