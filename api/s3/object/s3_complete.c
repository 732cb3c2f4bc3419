/* SPDX-License-Identifier: MIT
 *
 * The parts of a multipart upload put together, as far as that can be done without touching anything stored.
 * Any thread. */
#include "api/s3/object/s3_complete.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/s3/limits.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/text/s3_xml.h"
#include "storage/base/text/base64.h"
#include "storage/base/slice.h"

#define PARTS_INITIAL 64u
/* No document has more parts than one for so many bytes. */
#define PART_BYTES_LEAST (sizeof("<Part><PartNumber>1</PartNumber><ETag>e</ETag></Part>") - 1)
_Static_assert(S3_PARTS_MAX == META_PART_NUMBER_MAX, "the limit is one");

/* ---- The list ---- */

/* Room for one more entry, zero-filled; the arena keeps what was outgrown until the request ends. */
static void list_reserve(struct s3_part_list *list)
{
    uint32_t capacity = list->capacity == 0 ? list->expected : list->capacity * 2;
    struct meta_complete_part *parts;
    struct s3_listed_part *listed;

    if (list->count < list->capacity)
        return;
    parts = arena_alloc(list->arena, capacity * sizeof(*parts));
    listed = arena_alloc(list->arena, capacity * sizeof(*listed));
    memset(parts, 0, capacity * sizeof(*parts));
    memset(listed, 0, capacity * sizeof(*listed));
    if (list->count > 0) {
        memcpy(parts, list->parts, list->count * sizeof(*parts));
        memcpy(listed, list->listed, list->count * sizeof(*listed));
    }
    list->parts = parts;
    list->listed = listed;
    list->capacity = capacity;
}

static int list_refuse(struct s3_part_list *list, enum s3_error error)
{
    list->error = error;
    return -1;
}

/* The part is none: what it was called is kept for the answer. */
static int list_refuse_part(struct s3_part_list *list, struct slice number, struct slice etag)
{
    list->refused_number = arena_dup(list->arena, number.base, number.len);
    list->refused_etag = arena_dup(list->arena, etag.base, etag.len);
    return list_refuse(list, S3_ERROR_INVALID_PART);
}

static struct slice list_number_text(const struct s3_part_list *list, char text[11])
{
    return slice_of(text, (size_t)snprintf(text, 11, "%u", (unsigned)list->parts[list->count].number));
}

static int list_close_part(struct s3_part_list *list)
{
    struct meta_complete_part *part = &list->parts[list->count];

    if (!list->has_number || !list->has_etag)
        return -1;
    if (list->count > 0 && part->number <= part[-1].number)
        return list_refuse(list, S3_ERROR_INVALID_PART_ORDER);
    list->count++;
    list->has_number = list->has_etag = false;
    return 0;
}

static int list_read_field(struct s3_part_list *list, const char *name, struct slice text)
{
    struct meta_complete_part *part = &list->parts[list->count];
    struct s3_listed_part *listed = &list->listed[list->count];
    enum s3_checksum_algorithm algorithm;
    uint64_t number;
    char digits[11];

    if (strcmp(name, "PartNumber") == 0) {
        if (s3_number_parse(text.base, text.len, META_PART_NUMBER_MAX, &number) != 0 || number == 0)
            return list_refuse_part(list, text, list->has_etag ? slice_text(part->etag) : SLICE(""));
        part->number = (uint32_t)number;
        list->has_number = true;
        return 0;
    }
    if (strcmp(name, "ETag") == 0) {
        if (s3_etag_parse(text, part->etag) != 0)
            return list_refuse_part(list, list->has_number ? list_number_text(list, digits) : SLICE(""),
                                    text);
        list->has_etag = true;
        return 0;
    }
    algorithm = s3_checksum_of_element(slice_text(name));
    if (algorithm == S3_CHECKSUM_NONE || text.len == 0)
        return 0;
    if (base64_decode(text, listed->checksum, s3_checksum_bytes(algorithm)) != 0)
        return list_refuse_part(list, list->has_number ? list_number_text(list, digits) : SLICE(""),
                                list->has_etag ? slice_text(part->etag) : SLICE(""));
    listed->algorithm = algorithm;
    return 0;
}

int s3_part_list_visit(void *ctx, const char *path, const char *text, size_t length)
{
    static const char part[] = "CompleteMultipartUpload/Part";
    struct s3_part_list *list = ctx;

    if (strncmp(path, part, sizeof(part) - 1) != 0)
        return 0;
    if (list->count == META_PART_NUMBER_MAX)
        return -1;
    list_reserve(list);
    if (path[sizeof(part) - 1] == '\0')
        return list_close_part(list);
    if (path[sizeof(part) - 1] != '/')
        return 0;
    return list_read_field(list, path + sizeof(part), slice_trim_any(slice_of(text, length), " \t\r\n"));
}

void s3_part_list_begin(struct s3_part_list *list, struct arena *arena, uint64_t bytes)
{
    uint64_t expected = bytes / PART_BYTES_LEAST + 1;

    *list = (struct s3_part_list){.arena = arena, .expected = PARTS_INITIAL};
    if (bytes != 0)
        list->expected = expected < META_PART_NUMBER_MAX ? (uint32_t)expected : META_PART_NUMBER_MAX;
}

enum s3_error s3_part_list_end(struct s3_part_list *list, int result)
{
    if (result != 0)
        return list->error != S3_ERROR_NONE ? list->error : s3_error_of_xml(result);
    return list->count > 0 ? S3_ERROR_NONE : S3_ERROR_MALFORMED_XML;
}

enum s3_error s3_part_list_parse(struct s3_part_list *list, struct arena *arena, struct slice xml)
{
    s3_part_list_begin(list, arena, xml.len);
    return s3_part_list_end(
        list, s3_xml_parse(xml.base, xml.len, "CompleteMultipartUpload", s3_part_list_visit, list));
}

/* ---- The assembly ---- */

int s3_assembly_begin(struct s3_assembly *assembly, const struct s3_part_list *list,
                      enum s3_checksum_algorithm algorithm, enum s3_checksum_type type)
{
    *assembly = (struct s3_assembly){
        .list = list,
        .algorithm = algorithm,
        .type = type,
        .asked = algorithm != S3_CHECKSUM_NONE,
        .has_checksum = algorithm != S3_CHECKSUM_NONE,
    };
    if (algorithm != S3_CHECKSUM_NONE && type == S3_CHECKSUM_COMPOSITE)
        return digest_set_create(&assembly->composite, DIGEST_BIT(s3_checksum_digest(algorithm)));
    return 0;
}

void s3_assembly_end(struct s3_assembly *assembly)
{
    if (assembly->composite != NULL)
        digest_set_free(assembly->composite);
    assembly->composite = NULL;
}

/* An upload that asked for no checksum gets the one that its parts have anyway, if it follows from them. */
static void choose_algorithm(struct s3_assembly *assembly, const struct meta_part *part)
{
    uint8_t algorithm = part->checksum.algorithm;

    if (assembly->at > 0 || assembly->algorithm != S3_CHECKSUM_NONE || algorithm >= S3_CHECKSUM_COUNT ||
        !s3_checksum_is_crc((enum s3_checksum_algorithm)algorithm))
        return;
    assembly->algorithm = (enum s3_checksum_algorithm)algorithm;
    assembly->type = S3_CHECKSUM_FULL_OBJECT;
    assembly->has_checksum = true;
}

/* Takes the part's checksum into the object's. A part without one leaves the object without. */
static enum s3_error add_checksum(struct s3_assembly *assembly, const struct meta_part *part)
{
    size_t bytes;

    choose_algorithm(assembly, part);
    if (!assembly->has_checksum)
        return S3_ERROR_NONE;
    bytes = s3_checksum_bytes(assembly->algorithm);
    if (part->checksum.algorithm != (uint8_t)assembly->algorithm || part->checksum.length != bytes) {
        assembly->has_checksum = false;
        return S3_ERROR_NONE;
    }
    if (assembly->composite != NULL)
        return digest_set_update(assembly->composite, part->checksum.value, bytes) == 0
                   ? S3_ERROR_NONE
                   : S3_ERROR_INTERNAL_ERROR;
    if (assembly->at == 0)
        assembly->checksum = part->checksum;
    else
        digest_crc_combine(s3_checksum_digest(assembly->algorithm), assembly->checksum.value,
                           part->checksum.value, part->size);
    return S3_ERROR_NONE;
}

/* A checksum in the list must be the stored one; one that the upload did not ask for cannot be vouched for. */
static enum s3_error check_listed(const struct s3_assembly *assembly, const struct meta_part *part)
{
    const struct s3_listed_part *listed = &assembly->list->listed[assembly->at];

    if (listed->algorithm == S3_CHECKSUM_NONE)
        return S3_ERROR_NONE;
    if (!assembly->asked || part->checksum.algorithm != (uint8_t)listed->algorithm)
        return S3_ERROR_INVALID_PART;
    return memcmp(part->checksum.value, listed->checksum, s3_checksum_bytes(listed->algorithm)) == 0
               ? S3_ERROR_NONE
               : S3_ERROR_CHECKSUM_MISMATCH;
}

enum s3_error s3_assembly_add(struct s3_assembly *assembly, const struct meta_part *part)
{
    const struct s3_part_list *list = assembly->list;
    enum s3_error error;

    if (assembly->at == list->count || part->number < list->parts[assembly->at].number)
        return S3_ERROR_NONE; /* a part that the client leaves out */
    if (part->number > list->parts[assembly->at].number ||
        strcmp(part->etag, list->parts[assembly->at].etag) != 0)
        return S3_ERROR_INVALID_PART;
    if ((error = check_listed(assembly, part)) != S3_ERROR_NONE)
        return error;
    if (part->size < S3_PART_BYTES_MIN && assembly->at + 1 < list->count && !assembly->has_small_part) {
        assembly->has_small_part = true; /* told at the end: a part that is missing weighs more */
        assembly->small_part = assembly->at;
        assembly->small_size = part->size;
    }
    if ((error = add_checksum(assembly, part)) != S3_ERROR_NONE)
        return error;
    assembly->size += part->size; /* 10,000 parts of at most 5 GiB: no overflow */
    assembly->at++;
    return assembly->size > S3_OBJECT_BYTES_MAX ? S3_ERROR_ENTITY_TOO_LARGE : S3_ERROR_NONE;
}

const char *s3_assembly_describe_unlike(const struct s3_assembly *assembly)
{
    const struct s3_part_list *list = assembly->list;
    const char *header = s3_checksum_header(list->listed[assembly->at].algorithm);
    char text[128];

    snprintf(text, sizeof(text), "The %s you specified for part %u did not match what we received.",
             header + strlen("x-amz-checksum-"), list->parts[assembly->at].number);
    return arena_dup_text(list->arena, text).base;
}

enum s3_error s3_assembly_finish(struct s3_assembly *assembly, struct meta_checksum *checksum)
{
    struct digest_values values;

    *checksum = (struct meta_checksum){0};
    if (assembly->at < assembly->list->count)
        return S3_ERROR_INVALID_PART;
    if (assembly->has_small_part)
        return S3_ERROR_ENTITY_TOO_SMALL;
    if (!assembly->has_checksum)
        return S3_ERROR_NONE;
    if (assembly->composite == NULL) {
        *checksum = assembly->checksum;
    } else {
        if (digest_set_final(assembly->composite, &values) != 0)
            return S3_ERROR_INTERNAL_ERROR;
        s3_checksum_from_digests(checksum, assembly->algorithm, &values);
    }
    checksum->type = (uint8_t)assembly->type;
    return S3_ERROR_NONE;
}

bool s3_checksum_claim_matches(const struct s3_checksum_claim *claim, const struct meta_checksum *checksum,
                               uint32_t parts)
{
    char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1];
    size_t length, plain;

    if (claim->algorithm == S3_CHECKSUM_NONE)
        return true;
    if (checksum->algorithm != (uint8_t)claim->algorithm)
        return false;
    length = s3_checksum_format(checksum, parts, text);
    plain = (checksum->length + 2u) / 3 * 4;
    assert(plain <= length);
    return (claim->text.len == length || claim->text.len == plain) &&
           memcmp(claim->text.base, text, claim->text.len) == 0;
}
