/* SPDX-License-Identifier: MIT
 *
 * RFC 2047's encoded words, both ways. Words are written in UTF-8 and Q: most of what people write stays readable, and no word is longer than the
 * 75 characters that strict readers take. Pure. */
#include "api/s3/text/s3_encoded_word.h"

#include <string.h>

#include "api/http/http.h"
#include "storage/base/text/base64.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/utf8.h"

#define WORD_BEGIN "=?UTF-8?Q?"
#define WORD_END   "?="
#define WORD_MAX   75u /* RFC 2047 2. */
#define TEXT_MAX   (WORD_MAX - (sizeof(WORD_BEGIN) - 1) - (sizeof(WORD_END) - 1))

/* ---- One word ---- */

struct word {
    struct slice charset, text;
    char encoding; /* in lower case */
};

static bool is_blank_or_control(char c)
{
    return (unsigned char)c <= 0x20 || c == 0x7f;
}

/* Up to the next '?', which is dropped. */
static bool cut(struct slice *rest, struct slice *part)
{
    const char *mark = memchr(rest->base, '?', rest->len);

    if (mark == NULL)
        return false;
    *part = slice_of(rest->base, (size_t)(mark - rest->base));
    *rest = slice_from(*rest, part->len + 1);
    return part->len > 0;
}

/* "=?charset?encoding?" at the beginning. *rest: what follows it. */
static bool word_begins(struct slice value, struct word *word, struct slice *rest)
{
    struct slice encoding;

    if (!slice_has_prefix(value, "=?"))
        return false;
    *rest = slice_from(value, 2);
    if (!cut(rest, &word->charset) || !cut(rest, &encoding) || encoding.len != 1)
        return false;
    word->encoding = slice_lower(encoding.base[0]);
    for (size_t i = 0; i < word->charset.len; i++)
        if (is_blank_or_control(word->charset.base[i]))
            return false;
    return word->encoding == 'q' || word->encoding == 'b';
}

static bool word_parse(struct slice token, struct word *word)
{
    struct slice rest;

    return word_begins(token, word, &rest) && cut(&rest, &word->text) && slice_is(rest, "=");
}

/* Bytes of the text, at most as many as it has; -1: malformed. */
static ssize_t decode_q(struct slice text, char *bytes)
{
    size_t length = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.base[i];

        if (byte == '_')
            byte = ' ';
        else if (byte == '=') {
            if (text.len - i < 3 || !hex_decode(text.base + i + 1, 2, &byte, 1))
                return -1;
            i += 2;
        } else if (byte > 0x7e)
            return -1;
        bytes[length++] = (char)byte;
    }
    return (ssize_t)length;
}

static ssize_t decode_b(struct slice text, char *bytes)
{
    ssize_t length = base64_decoded_length(text);

    return length >= 0 && base64_decode(text, bytes, (size_t)length) == 0 ? length : -1;
}

static size_t append_latin1(const char *bytes, size_t count, char *text)
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (byte >= 0x80)
            text[length++] = (char)(0xc0 | byte >> 6);
        text[length++] = (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte);
    }
    return length;
}

/* Writes what the word says, at most twice its length; -1: it says nothing that is understood. */
static ssize_t word_decode(struct arena *arena, const struct word *word, char *text)
{
    char *bytes = arena_alloc(arena, word->text.len);
    ssize_t length = word->encoding == 'q' ? decode_q(word->text, bytes) : decode_b(word->text, bytes);

    if (length < 0)
        return -1;
    if (slice_is_nocase(word->charset, "ISO-8859-1"))
        return (ssize_t)append_latin1(bytes, (size_t)length, text);
    if (!slice_is_nocase(word->charset, "UTF-8") && !slice_is_nocase(word->charset, "US-ASCII"))
        return -1;
    memcpy(text, bytes, (size_t)length);
    return length;
}

/* ---- Reading ---- */

/* The blanks at the beginning, or what comes before the next one. */
static struct slice take_run(struct slice *rest, bool blanks)
{
    size_t length = 0;

    while (length < rest->len && slice_is_blank(rest->base[length]) == blanks)
        length++;
    struct slice run = slice_of(rest->base, length);
    *rest = slice_from(*rest, length);
    return run;
}

struct slice s3_encoded_words_read(struct arena *arena, struct slice value)
{
    struct slice rest = value, blanks, token, after;
    bool follows_word = false;
    char *text, *at;

    if (value.len == 0 || memmem(value.base, value.len, "=?", 2) == NULL)
        return value;
    at = text = arena_alloc(arena, 2 * value.len);
    while (rest.len > 0) {
        struct word word;
        ssize_t length;

        blanks = take_run(&rest, true);
        token = take_run(&rest, false);
        bool is_word = word_parse(token, &word);

        if (!is_word && word_begins(token, &word, &after))
            return value;
        if (!is_word || !follows_word) /* blanks between two words only keep them apart */
            at = (char *)memcpy(at, blanks.base, blanks.len) + blanks.len;
        if (is_word && (length = word_decode(arena, &word, at)) < 0)
            return value;
        else if (is_word)
            at += length;
        else
            at = (char *)memcpy(at, token.base, token.len) + token.len;
        follows_word = is_word;
    }
    struct slice read = slice_of(text, (size_t)(at - text));

    return utf8_is_valid(read.base, read.len) && http_value_is_safe(read) ? read : value;
}

/* ---- Writing ---- */

/* Whether a reader takes it as it stands. */
static bool is_plain(struct slice text)
{
    struct slice rest;
    struct word word;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.base[i];

        if ((c < 0x20 && c != '\t') || c > 0x7e)
            return false;
        if (c == '=' && word_begins(slice_from(text, i), &word, &rest))
            return false;
    }
    return true;
}

/* One character, of `count` bytes. Returns how long it has become. */
static size_t encode_q(const char *bytes, size_t count, char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char first = (unsigned char)bytes[0];

    if (first > 0x20 && first < 0x7f && first != '=' && first != '?' && first != '_') {
        text[0] = bytes[0];
        return 1;
    }
    if (first == ' ') {
        text[0] = '_';
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        text[3 * i] = '=';
        text[3 * i + 1] = digits[(unsigned char)bytes[i] >> 4];
        text[3 * i + 2] = digits[(unsigned char)bytes[i] & 15];
    }
    return 3 * count;
}

static char *put(char *at, const char *text)
{
    size_t length = strlen(text);

    return (char *)memcpy(at, text, length) + length;
}

struct slice s3_encoded_words_write(struct arena *arena, struct slice text)
{
    /* A word that is full lacks less than the twelve characters of the longest. */
    size_t words = 1 + 3 * text.len / (TEXT_MAX - 12 + 1);
    size_t length, filled = 0;
    uint32_t code;
    char *encoded, *at;

    if (is_plain(text))
        return text;
    if (!utf8_is_valid(text.base, text.len) || !http_value_is_safe(text))
        return slice_of(NULL, 0);
    encoded = arena_alloc(arena, 3 * text.len + words * (WORD_MAX - TEXT_MAX + 1));
    at = put(encoded, WORD_BEGIN);
    for (size_t i = 0; i < text.len; i += length) {
        char character[12];
        size_t count;

        length = utf8_next(text.base + i, text.len - i, &code);
        count = encode_q(text.base + i, length, character);
        if (filled + count > TEXT_MAX) {
            at = put(at, WORD_END " " WORD_BEGIN);
            filled = 0;
        }
        at = (char *)memcpy(at, character, count) + count;
        filled += count;
    }
    at = put(at, WORD_END);
    return slice_of(encoded, (size_t)(at - encoded));
}
