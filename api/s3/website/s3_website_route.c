/* SPDX-License-Identifier: MIT
 *
 * Routing rules: which one applies to a request, where it leads, and whether that comes to an end. The server never follows a redirect itself, but
 * clients do: a rule that would send them round and round is passed over. Pure functions. */
#include <string.h>

#include "api/s3/website/s3_website.h"
#include "storage/base/text/names.h"
#include "storage/base/text/percent.h"
#include "storage/base/slice.h"

#define STEPS_MAX 10u /* browsers follow twenty */

static const struct slice no_prefix = {"", 0};

static struct slice prefix_of(const struct s3_website_rule *rule)
{
    return rule->prefix.base != NULL ? rule->prefix : no_prefix;
}

/* ---- Matching ---- */

const struct s3_website_rule *s3_website_match(const struct s3_website *website, struct slice key,
                                               unsigned error)
{
    for (uint32_t i = 0; i < website->count; i++) {
        const struct s3_website_rule *rule = &website->rules[i];

        if (rule->error == error && slice_begins(key, prefix_of(rule)))
            return rule;
    }
    return NULL;
}

/* Whether some rule is about an error at that key. */
static bool has_error_rule(const struct s3_website *website, struct slice key)
{
    for (uint32_t i = 0; i < website->count; i++)
        if (website->rules[i].error != 0 && slice_begins(key, prefix_of(&website->rules[i])))
            return true;
    return false;
}

/* ---- Where it leads ---- */

/* Replacements may be anything that a URL can have behind its host, a query for one; whatever else is in them is encoded. */
static struct slice encode_replacement(struct arena *arena, struct slice text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%";
    char *out = arena_alloc(arena, PERCENT_ENCODED_BYTES(text.len) + 1);
    size_t length = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] != '\0' && strchr(plain, text.base[i]) != NULL)
            out[length++] = text.base[i];
        else
            length += percent_encode(&text.base[i], 1, false, out + length);
    }
    return slice_of(out, length);
}

/* What follows the host and its slash, encoded. */
static struct slice path_of(struct arena *arena, const struct s3_website_rule *rule, struct slice key)
{
    const struct s3_website_redirect *redirect = &rule->redirect;

    if (redirect->key_with.base != NULL)
        return encode_replacement(arena, redirect->key_with);
    if (redirect->prefix_with.base != NULL)
        return arena_concat(arena, encode_replacement(arena, redirect->prefix_with),
                            percent_encode_in(arena, slice_from(key, prefix_of(rule).len), true));
    return percent_encode_in(arena, key, true);
}

/* A path in this place. Two slashes at its beginning would be read as a host. */
static struct slice local_location(struct arena *arena, struct slice path, struct slice rest)
{
    bool is_slash = path.len > 0 && path.base[0] == '/';

    return arena_concat(arena, is_slash ? SLICE("/%2F") : SLICE("/"), is_slash ? slice_from(path, 1) : path,
                        rest);
}

static bool is_elsewhere(const struct s3_website_redirect *redirect, const struct s3_website_place *place)
{
    return (redirect->host.base != NULL && !slice_equals_nocase(redirect->host, place->host)) ||
           (redirect->protocol != NULL && strcmp(redirect->protocol, place->protocol) != 0);
}

bool s3_website_is_here(const struct s3_website_redirect *redirect, const struct s3_website_place *place)
{
    return !is_elsewhere(redirect, place);
}

static struct slice global_location(struct arena *arena, const struct s3_website_redirect *redirect,
                                    struct slice path, const struct s3_website_place *place)
{
    return arena_concat(arena, slice_text(redirect->protocol != NULL ? redirect->protocol : place->protocol),
                        SLICE("://"), redirect->host.base != NULL ? redirect->host : place->host, path);
}

struct slice s3_website_location(struct arena *arena, const struct s3_website_rule *rule, struct slice key,
                                 const struct s3_website_place *place)
{
    struct slice path = path_of(arena, rule, key);

    if (!is_elsewhere(&rule->redirect, place))
        return local_location(arena, path, SLICE(""));
    return global_location(arena, &rule->redirect, arena_concat(arena, SLICE("/"), path), place);
}

/* The bytes of a request's path, of which some are not those of a URL. */
static struct slice raw_path(struct arena *arena, struct slice path)
{
    return encode_replacement(arena, path);
}

struct slice s3_website_location_of_all(struct arena *arena, const struct s3_website_redirect *redirect,
                                        struct slice path, const struct s3_website_place *place)
{
    bool has_slash = redirect->host.base[redirect->host.len - 1] == '/';

    return global_location(arena, redirect, slice_from(raw_path(arena, path), has_slash ? 1 : 0), place);
}

struct slice s3_website_location_of_folder(struct arena *arena, struct slice key, struct slice query)
{
    struct slice path = arena_concat(arena, percent_encode_in(arena, key, true), SLICE("/"));

    return local_location(arena, path, raw_path(arena, query));
}

struct slice s3_website_location_of_object(struct arena *arena, struct slice value)
{
    bool is_url = slice_has_prefix_nocase(value, "http://") || slice_has_prefix_nocase(value, "https://");

    if (!is_url && !slice_has_prefix(value, "/"))
        return slice_of(NULL, 0);
    return is_url ? encode_replacement(arena, value)
                  : local_location(arena, encode_replacement(arena, slice_from(value, 1)), SLICE(""));
}

/* ---- Dots ---- */

static bool has_dots(struct slice key)
{
    struct slice segment;

    while (slice_next_part(&key, '/', &segment))
        if (slice_is(segment, ".") || slice_is(segment, ".."))
            return true;
    return false;
}

/* Back to where the last segment begins, its slash kept. */
static size_t drop_segment(const char *path, size_t length)
{
    if (length > 0)
        length--; /* the slash behind it */
    while (length > 0 && path[length - 1] != '/')
        length--;
    return length;
}

struct slice s3_website_resolve(struct arena *arena, struct slice key)
{
    struct slice rest = key, segment;
    size_t length = 0;
    char *path;

    if (!has_dots(key))
        return key;
    path = arena_alloc(arena, key.len + 1);
    while (slice_next_part(&rest, '/', &segment)) {
        bool is_last = segment.base + segment.len == key.base + key.len;

        if (slice_is(segment, "..")) {
            length = drop_segment(path, length);
            continue;
        }
        if (slice_is(segment, "."))
            continue;
        (void)slice_copy(path + length, segment);
        length += segment.len;
        if (!is_last)
            path[length++] = '/';
    }
    return slice_of(path, length);
}

/* ---- Whether it comes to an end ---- */

/* The key that a client asks for next, in this place; base NULL: it can be none. */
static struct slice next_key(struct arena *arena, const struct s3_website_rule *rule, struct slice key)
{
    struct slice path = path_of(arena, rule, key);
    size_t length = 0;

    while (length < path.len && path.base[length] != '?' && path.base[length] != '#')
        length++;
    return length <= PERCENT_ENCODED_BYTES(KEY_BYTES_MAX)
               ? percent_decode_in(arena, slice_of(path.base, length), false)
               : slice_of(NULL, 0);
}

enum s3_website_end s3_website_follow(struct arena *arena, const struct s3_website *website,
                                      const struct s3_website_rule *rule, struct slice key, unsigned error,
                                      const struct s3_website_place *place, struct slice *target)
{
    struct slice begin = key;

    for (unsigned step = 0; rule != NULL; step++) {
        if (is_elsewhere(&rule->redirect, place))
            return S3_WEBSITE_LEADS_ON;
        key = next_key(arena, rule, key);
        if (key.base == NULL || key.len > KEY_BYTES_MAX)
            return S3_WEBSITE_LEADS_ON; /* to an error that no rule is asked about */
        if (step == STEPS_MAX || slice_equals(key, begin))
            return S3_WEBSITE_LEADS_BACK;
        rule = s3_website_match(website, key, 0);
    }
    *target = key;
    return error != 0 && has_error_rule(website, key) ? S3_WEBSITE_LEADS_TO_OBJECT : S3_WEBSITE_LEADS_ON;
}
