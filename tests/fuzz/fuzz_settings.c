/* SPDX-License-Identifier: MIT
 *
 * Documents that become settings, and their stored forms: the first byte chooses the reader. Whatever is taken is within its
 * limits, and written (or stored) and read again it is the same. */
#include <stdlib.h>
#include <string.h>

#include "api/core/upkeep/lifecycle/lifecycle_rules.h"
#include "api/s3/access/s3_acl.h"
#include "api/s3/object/s3_cors.h"
#include "api/s3/object/s3_lifecycle.h"
#include "api/s3/object/s3_tags.h"
#include "api/s3/website/s3_website.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static void require(int condition)
{
    if (!condition)
        abort();
}

static void require_same(const struct s3_xml *a, const struct s3_xml *b)
{
    require(a->length == b->length && memcmp(a->data, b->data, a->length) == 0);
}

/* ---- Tags ---- */

static void check_tags(const struct s3_tags *tags, uint32_t count_max)
{
    struct slice packed = s3_tags_pack(&arena, tags);
    struct s3_tags again;

    require(tags->count <= count_max);
    require(s3_tags_count(packed) == tags->count);
    require(s3_tags_unpack(&arena, packed, &again) && again.count == tags->count);
    struct slice repacked = s3_tags_pack(&arena, &again);
    require(packed.len == repacked.len && memcmp(packed.base, repacked.base, packed.len) == 0);
    require(core_lifecycle_tags_match(packed, packed));
}

static void fuzz_tags(struct slice text, bool is_xml)
{
    struct s3_refusal refusal = {0};
    struct s3_tags tags;
    enum s3_error error = is_xml ? s3_tags_read_xml(&arena, text, S3_TAGS_MAX, &tags, &refusal)
                                 : s3_tags_read_header(&arena, text, &tags, &refusal);

    if (error == S3_ERROR_NONE)
        check_tags(&tags, is_xml ? S3_TAGS_MAX : S3_OBJECT_TAGS_MAX);
}

/* ---- CORS ---- */

static void fuzz_cors(struct slice text)
{
    const struct slice origin = SLICE("https://a.example"), method = SLICE("GET"), none = {NULL, 0};
    struct s3_cors *cors, *again;
    const char *message = NULL;
    struct s3_xml first, second;

    if (s3_cors_read(&arena, text, &cors, &message) != S3_ERROR_NONE)
        return;
    require(cors->count >= 1 && cors->count <= S3_CORS_RULES_MAX);
    (void)s3_cors_match(cors, origin, method, none);
    s3_xml_init(&first, &arena);
    s3_cors_write(&first, cors);
    s3_cors_free(cors);
    /* What cannot stand in XML became another character: from then on it is stable. */
    require(s3_cors_read(&arena, slice_of(first.data, first.length), &again, &message) == S3_ERROR_NONE);
    s3_xml_init(&second, &arena);
    s3_cors_write(&second, again);
    s3_cors_free(again);
    require_same(&first, &second);
}

/* ---- Lifecycle ---- */

static void fuzz_lifecycle(struct slice text)
{
    struct core_lifecycle lifecycle = {0}, *decoded;
    struct s3_refusal refusal = {0};
    struct s3_xml first, second;
    size_t length;

    if (s3_lifecycle_read(&arena, text, &lifecycle, &refusal) != S3_ERROR_NONE)
        return;
    require(lifecycle.count >= 1 && lifecycle.count <= CORE_LIFECYCLE_RULES_MAX);
    char *stored = core_lifecycle_encode(&lifecycle, &length);
    require(stored != NULL && core_lifecycle_decode(slice_of(stored, length), &decoded) == 0);
    free(stored);
    s3_xml_init(&first, &arena);
    s3_lifecycle_write(&first, &lifecycle);
    s3_xml_init(&second, &arena);
    s3_lifecycle_write(&second, decoded);
    free(decoded);
    require_same(&first, &second);
    require(s3_lifecycle_read(&arena, slice_of(first.data, first.length), &lifecycle, &refusal) ==
            S3_ERROR_NONE);
}

static void fuzz_stored_lifecycle(struct slice text)
{
    struct core_lifecycle *lifecycle;
    struct slice key = SLICE("key");
    int64_t expiry;

    if (core_lifecycle_decode(text, &lifecycle) != 0)
        return;
    (void)core_lifecycle_first(lifecycle, key, 1, SLICE("a=b"), 0, 86400, &expiry);
    free(lifecycle);
}

/* ---- ACLs ---- */

static void check_acl(const struct s3_acl *acl)
{
    const struct slice owner = SLICE("alice");
    struct slice packed = s3_acl_pack(&arena, acl, owner);
    struct s3_acl again;

    require(acl->count <= S3_ACL_GRANTS_MAX);
    require(s3_acl_unpack(&arena, packed, owner, &again) && again.count == acl->count);
    require(s3_acl_granted(acl, owner, true) == s3_acl_granted(&again, owner, true));
}

static void fuzz_acl(struct slice text, bool is_xml)
{
    const struct s3_acl_owners owners = {SLICE("alice"), SLICE("bob")};
    struct s3_acl acl;

    if (is_xml ? s3_acl_read_xml(&arena, text, &owners, &acl) == S3_ERROR_NONE
               : s3_acl_unpack(&arena, text, owners.owner, &acl))
        check_acl(&acl);
}

/* ---- Websites ---- */

/* Whatever a document says and a client asks for, what it is told to ask for next is one line, here or at a host that the document names. */
static void check_location(struct slice location, bool is_local)
{
    for (size_t i = 0; i < location.len; i++)
        require(location.base[i] > ' ' && location.base[i] < 0x7f);
    if (is_local)
        require(location.len > 0 && location.base[0] == '/' &&
                (location.len == 1 || (location.base[1] != '/' && location.base[1] != '\\')));
    else
        require(slice_has_prefix(location, "http://") || slice_has_prefix(location, "https://"));
}

static void check_routes(const struct s3_website *website)
{
    static const struct s3_website_place here = {"http", {"site.example", 12}};
    static const struct slice keys[] = {{"", 0}, {"/x", 2}, {"a/b", 3}, {"docs/\r\n\xff", 8}};
    struct slice target;

    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
        for (unsigned error = 0; error <= 404; error += 404) {
            const struct s3_website_rule *rule = s3_website_match(website, keys[k], error);

            if (rule == NULL)
                continue;
            check_location(s3_website_location(&arena, rule, keys[k], &here),
                           s3_website_is_here(&rule->redirect, &here));
            (void)s3_website_follow(&arena, website, rule, keys[k], error, &here, &target);
        }
    }
    if (website->redirects_all)
        check_location(s3_website_location_of_all(&arena, &website->all, SLICE("/a?\xff"), &here), false);
}

static void fuzz_website(struct slice text)
{
    struct s3_website *website, *again;
    struct s3_refusal refusal;
    struct s3_xml first, second;

    if (s3_website_read(&arena, text, &website, &refusal) != S3_ERROR_NONE)
        return;
    require(website->count <= S3_WEBSITE_RULES_MAX);
    check_routes(website);
    s3_xml_init(&first, &arena);
    s3_website_write(&first, website);
    s3_website_free(website);
    require(s3_website_read(&arena, slice_of(first.data, first.length), &again, &refusal) == S3_ERROR_NONE);
    s3_xml_init(&second, &arena);
    s3_website_write(&second, again);
    s3_website_free(again);
    require_same(&first, &second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text;

    if (size == 0)
        return 0;
    arena_init(&arena, NULL);
    text = arena_dup(&arena, (const char *)data + 1, size - 1);
    switch (data[0]) {
    case 't':
        fuzz_tags(text, false);
        break;
    case 'T':
        fuzz_tags(text, true);
        break;
    case 'C':
        fuzz_cors(text);
        break;
    case 'L':
        fuzz_lifecycle(text);
        break;
    case 'l':
        fuzz_stored_lifecycle(text);
        break;
    case 'A':
        fuzz_acl(text, true);
        break;
    case 'a':
        fuzz_acl(text, false);
        break;
    case 'W':
        fuzz_website(text);
        break;
    default:
        break;
    }
    arena_free(&arena);
    return 0;
}
