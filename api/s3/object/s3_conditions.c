/* SPDX-License-Identifier: MIT
 *
 * Conditional requests. The checks for reads decide; those for writes only spare a doomed upload its body:
 * the one that binds is made inside the metadata transaction. Pure functions, any thread. */
#include "api/s3/object/s3_conditions.h"

#include <errno.h>
#include <string.h>

#include "api/s3/text/s3_time.h"
#include "storage/base/clock.h"

static struct slice without_quotes(struct slice text)
{
    if (text.len >= 2 && text.base[0] == '"' && text.base[text.len - 1] == '"')
        return slice_of(text.base + 1, text.len - 2);
    return text;
}

/* Cuts the first entry off a list. Commas inside quotes belong to the ETag. */
static struct slice next_entry(struct slice *list)
{
    bool quoted = false;
    size_t at = 0;
    struct slice entry;

    while (at < list->len && (quoted || list->base[at] != ',')) {
        if (list->base[at] == '"')
            quoted = !quoted;
        at++;
    }
    entry = slice_trim(slice_of(list->base, at));
    if (at < list->len)
        at++; /* the comma */
    *list = slice_of(list->base + at, list->len - at);
    return entry;
}

bool s3_etag_list_has(struct slice list, const char *etag, bool weak)
{
    while (list.len > 0) {
        struct slice entry = next_entry(&list);

        if (entry.len == 1 && entry.base[0] == '*')
            return true;
        if (entry.len >= 2 && entry.base[0] == 'W' && entry.base[1] == '/') {
            if (!weak)
                continue;
            entry = slice_of(entry.base + 2, entry.len - 2);
        }
        if (slice_is(without_quotes(entry), etag))
            return true;
    }
    return false;
}

/* Stored times have milliseconds, HTTP dates do not: the answer's own Last-Modified must compare as equal. */
static int64_t seconds_of(int64_t unix_ms)
{
    return unix_ms / 1000 - (unix_ms % 1000 < 0);
}

static bool parse_date(struct slice text, int64_t *unix_s)
{
    int64_t unix_ms;

    if (text.base == NULL || s3_time_parse(text.base, text.len, &unix_ms) != 0)
        return false;
    *unix_s = seconds_of(unix_ms);
    return true;
}

enum s3_verdict s3_conditions_check(const struct s3_conditions *conditions, const char *etag,
                                    int64_t modified_ms)
{
    int64_t modified_s = seconds_of(modified_ms), date_s;

    if (conditions->if_match.base != NULL) {
        if (!s3_etag_list_has(conditions->if_match, etag, false))
            return S3_VERDICT_FAILED;
    } else if (parse_date(conditions->if_unmodified_since, &date_s) && modified_s > date_s) {
        return S3_VERDICT_FAILED;
    }
    if (conditions->if_none_match.base != NULL) {
        if (s3_etag_list_has(conditions->if_none_match, etag, true))
            return S3_VERDICT_NOT_MODIFIED;
    } else if (parse_date(conditions->if_modified_since, &date_s) && modified_s <= date_s &&
               date_s <= seconds_of(clock_real_ms())) { /* RFC 9110 13.1.3: a date to come is none */
        return S3_VERDICT_NOT_MODIFIED;
    }
    return S3_VERDICT_GO;
}

bool s3_if_range_holds(struct slice value, const char *etag, int64_t modified_ms)
{
    int64_t date_s;

    value = slice_trim(value);
    if (value.len >= 2 && value.base[0] == 'W' && value.base[1] == '/')
        return false;
    if (parse_date(value, &date_s))
        return date_s == seconds_of(modified_ms);
    return slice_is(without_quotes(value), etag);
}

int s3_etag_parse(struct slice value, char etag[META_ETAG_BYTES_MAX + 1])
{
    struct slice text = without_quotes(slice_trim(value));

    if (text.len == 0 || text.len > META_ETAG_BYTES_MAX)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] == '"' || text.base[i] == ',' || text.base[i] == '\0')
            return -EINVAL;
    }
    (void)slice_copy(etag, text);
    etag[text.len] = '\0';
    return 0;
}

int s3_write_condition_parse(struct s3_write_condition *write, struct slice if_match,
                             struct slice if_none_match)
{
    *write = (struct s3_write_condition){0};
    if (if_match.base != NULL) {
        if (s3_etag_parse(if_match, write->if_match) != 0)
            return -EINVAL;
        if (strcmp(write->if_match, "*") == 0)
            write->condition.if_match_any = true;
        else
            write->condition.if_match = write->if_match;
    }
    if (if_none_match.base != NULL) {
        if (s3_etag_parse(if_none_match, write->if_none_match) != 0)
            return -EINVAL;
        if (strcmp(write->if_none_match, "*") == 0)
            write->condition.if_none_match_any = true;
        else
            write->condition.if_none_match = write->if_none_match;
    }
    return 0;
}

bool s3_write_condition_given(const struct s3_write_condition *write)
{
    const struct meta_condition *condition = &write->condition;

    return condition->if_match_any || condition->if_none_match_any || condition->if_match != NULL ||
           condition->if_none_match != NULL;
}

int s3_write_condition_check(const struct meta_condition *condition, const char *etag)
{
    if (condition->if_match_any || condition->if_match != NULL) {
        if (etag == NULL)
            return META_E_NO_KEY;
        if (condition->if_match != NULL && strcmp(condition->if_match, etag) != 0)
            return META_E_PRECONDITION;
    }
    if (etag != NULL && (condition->if_none_match_any ||
                         (condition->if_none_match != NULL && strcmp(condition->if_none_match, etag) == 0)))
        return META_E_PRECONDITION;
    return 0;
}
