/* SPDX-License-Identifier: MIT
 *
 * See s3_annotation_name.h. Beyond ASCII the blocks are listed that hold no letters and no numbers: punctuation, symbols, emoji, private use.
 * Single signs among the letters of a script pass, and so do the marks without which many scripts cannot be written. */
#include "api/s3/text/s3_annotation_name.h"

#include <stdint.h>

#include "api/core/core.h"
#include "storage/base/text/utf8.h"

static const struct {
    uint32_t first, last;
} refused[] = {
    {0x80, 0xa9},       {0xab, 0xb1},       {0xb4, 0xb4},       {0xb6, 0xb8},        {0xbb, 0xbb},
    {0xbf, 0xbf},       {0xd7, 0xd7},       {0xf7, 0xf7},       {0x2000, 0x206f},    {0x20a0, 0x20cf},
    {0x2190, 0x245f},   {0x2500, 0x2775},   {0x2794, 0x2bff},   {0x2e00, 0x2e2e},    {0x2e30, 0x3004},
    {0x3008, 0x3020},   {0x3030, 0x3030},   {0xd800, 0xf8ff},   {0xfe10, 0xfe19},    {0xfe30, 0xfe6f},
    {0xfeff, 0xff0f},   {0xff1a, 0xff20},   {0xff3b, 0xff40},   {0xff5b, 0xff65},    {0xffe0, 0xffff},
    {0x1f000, 0x1f0ff}, {0x1f10d, 0x1fbef}, {0xe0000, 0xe007f}, {0xf0000, 0x10ffff},
};

static bool character_is_valid(uint32_t code)
{
    if (code < 0x80)
        return (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z') ||
               code == '_' || code == '.' || code == '-';
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (code >= refused[i].first && code <= refused[i].last)
            return false;
    return true;
}

bool s3_annotation_prefix_is_valid(struct slice prefix)
{
    uint32_t code;

    for (size_t at = 0, count; at < prefix.len; at += count)
        if ((count = utf8_next(prefix.base + at, prefix.len - at, &code)) == 0 || !character_is_valid(code))
            return false;
    return prefix.len <= META_ANNOTATION_NAME_BYTES_MAX;
}

enum s3_error s3_annotation_name_check(struct slice name)
{
    if (name.len == 0)
        return S3_ERROR_USER_ANNOTATION_NAME_MISSING;
    if (name.len > META_ANNOTATION_NAME_BYTES_MAX)
        return S3_ERROR_ANNOTATION_NAME_TOO_LONG;
    if (!s3_annotation_prefix_is_valid(name) || slice_has_prefix_nocase(name, "aws") ||
        slice_has_prefix_nocase(name, "s3"))
        return S3_ERROR_INVALID_ANNOTATION_NAME;
    return S3_ERROR_NONE;
}
