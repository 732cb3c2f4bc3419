/* SPDX-License-Identifier: MIT
 *
 * See s3_region.h. */
#include "api/s3/text/s3_region.h"

#define WORDS_MIN  2u /* a place, and which side of it */
#define WORDS_MAX  3u
#define DIGITS_MAX 2u

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_word(struct slice word)
{
    for (size_t i = 0; i < word.len; i++)
        if (!is_lower(word.base[i]))
            return false;
    return word.len >= 2;
}

static bool is_number(struct slice word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.base[i] < '0' || word.base[i] > '9')
            return false;
    return word.len >= 1 && word.len <= DIGITS_MAX;
}

bool s3_region_is_possible(struct slice name)
{
    struct slice part;
    unsigned words = 0;

    if (name.len > 0 && name.base[name.len - 1] == '-')
        return false;
    while (slice_next_part(&name, '-', &part)) {
        if (name.len == 0) /* the last one */
            return is_number(part) && words >= WORDS_MIN && words <= WORDS_MAX;
        if (!is_word(part))
            return false;
        words++;
    }
    return false;
}
