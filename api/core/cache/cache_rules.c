/* SPDX-License-Identifier: MIT
 *
 * The rules of cache buckets: their text, which is what is stored too, and how they are looked up. Any thread, but for
 * core_cache_rules_get. */
#include "api/core/cache/cache.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Text ---- */

/* What may stand after a number, and how many of the plain unit that is. */
struct unit {
    char letter;
    uint64_t times;
};

static const struct unit size_units[] = {
    {'K', 1ull << 10}, {'M', 1ull << 20}, {'G', 1ull << 30}, {'T', 1ull << 40}, {0, 0}};
static const struct unit time_units[] = {{'s', 1},     {'m', 60},     {'h', 3600},
                                         {'d', 86400}, {'w', 604800}, {0, 0}};

/* At least 1; rows have no room for more than INT64_MAX. */
static bool number_parse(struct slice text, const struct unit *units, uint64_t *number)
{
    size_t at = 0;

    *number = 0;
    for (; at < text.len && text.base[at] >= '0' && text.base[at] <= '9'; at++) {
        uint64_t digit = (uint64_t)(text.base[at] - '0');
        if (*number > (INT64_MAX - digit) / 10)
            return false;
        *number = 10 * *number + digit;
    }
    if (at == 0 || *number == 0)
        return false;
    if (at == text.len)
        return true;
    for (; units->letter != 0; units++)
        if (at + 1 == text.len && text.base[at] == units->letter) {
            bool fits = *number <= INT64_MAX / units->times;
            *number *= units->times;
            return fits;
        }
    return false;
}

/* The rest of the word after `name` and '='; base NULL: it is another word. */
static struct slice value_of(struct slice word, const char *name)
{
    size_t length = strlen(name);

    if (word.len <= length || memcmp(word.base, name, length) != 0 || word.base[length] != '=')
        return (struct slice){NULL, 0};
    return slice_of(word.base + length + 1, word.len - length - 1);
}

static const char *word_take(struct slice word, struct core_cache_rules *rules)
{
    struct slice value;
    uint64_t step;

    if (slice_equals(word, SLICE("write-once"))) {
        rules->write_once = true;
        return NULL;
    }
    if ((value = value_of(word, "max-size")).base != NULL)
        return number_parse(value, size_units, &rules->bytes_max) ? NULL
                                                                  : "max-size must be bytes, such as 10G";
    if ((value = value_of(word, "max-object")).base != NULL)
        return number_parse(value, size_units, &rules->object_bytes_max)
                   ? NULL
                   : "max-object must be bytes, such as 1G";
    if ((value = value_of(word, "max-age")).base != NULL)
        return number_parse(value, time_units, &rules->age_max_s) && rules->age_max_s <= INT64_MAX / 1000
                   ? NULL
                   : "max-age must be a time, such as 7d";
    if ((value = value_of(word, "use-step")).base == NULL)
        return "expected: max-size=, max-age=, max-object=, use-step=, write-once";
    if (!number_parse(value, time_units, &step) || step > CORE_CACHE_USE_STEP_S_MAX)
        return "use-step must be a time from 1s to 1d";
    rules->use_step_s = (uint32_t)step;
    return NULL;
}

int core_cache_rules_parse(struct slice text, struct core_cache_rules *rules, const char **why)
{
    *rules = (struct core_cache_rules){.use_step_s = CORE_CACHE_USE_STEP_S_DEFAULT};
    for (size_t at = 0; at < text.len;) {
        size_t end = at;

        while (end < text.len && text.base[end] != ' ')
            end++;
        if (end > at && (*why = word_take(slice_of(text.base + at, end - at), rules)) != NULL)
            return -EINVAL;
        at = end + 1;
    }
    return 0;
}

size_t core_cache_rules_format(const struct core_cache_rules *rules, char text[CORE_CACHE_RULES_BYTES_MAX])
{
    size_t length = 0;
    const struct {
        const char *name;
        uint64_t value;
    } words[] = {{"max-size", rules->bytes_max},
                 {"max-age", rules->age_max_s},
                 {"max-object", rules->object_bytes_max},
                 {"use-step", rules->use_step_s}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].value != 0)
            length += (size_t)snprintf(text + length, CORE_CACHE_RULES_BYTES_MAX - length, "%s%s=%" PRIu64,
                                       length > 0 ? " " : "", words[i].name, words[i].value);
    if (rules->write_once)
        length += (size_t)snprintf(text + length, CORE_CACHE_RULES_BYTES_MAX - length, " write-once");
    assert(length < CORE_CACHE_RULES_BYTES_MAX);
    return length;
}

/* ---- Looking up ---- */

static int parse_stored(struct slice document, void **parsed)
{
    struct core_cache_rules *rules = malloc(sizeof(*rules));
    const char *why;

    if (rules == NULL)
        return -ENOMEM;
    if (core_cache_rules_parse(document, rules, &why) != 0) {
        free(rules);
        return META_E_CORRUPT; /* only what was understood is stored */
    }
    *parsed = rules;
    return 0;
}

int core_cache_rules_get(struct core_worker *worker, int64_t bucket, const struct core_cache_rules **rules)
{
    static const struct core_setting_form form = {META_SETTING_CACHE, parse_stored, free};
    const void *parsed = NULL;
    int err = core_setting_get(worker, bucket, &form, &parsed);

    *rules = err == 0 ? parsed : NULL;
    return err;
}

int core_cache_rules_read(struct meta_reader *reader, int64_t bucket, struct core_cache_rules *rules)
{
    struct slice document;
    const char *why;
    int err = meta_setting_get(reader, bucket, META_SETTING_CACHE, &document);

    if (err != 0)
        return err == META_E_NO_SETTING ? 0 : err;
    err = core_cache_rules_parse(document, rules, &why);
    free((void *)document.base);
    return err == 0 ? 1 : META_E_CORRUPT;
}

void core_cache_set_fill(struct core_cache_set *set, int64_t bucket, const struct core_cache_rules *rules)
{
    set->op = (struct meta_cache_set){.op.kind = META_OP_CACHE_SET, .bucket = bucket};
    if (rules == NULL)
        return;
    set->op.document = slice_of(set->text, core_cache_rules_format(rules, set->text));
    set->op.write_once = rules->write_once;
    set->op.object_bytes_max = rules->object_bytes_max;
}
