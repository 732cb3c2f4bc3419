/* SPDX-License-Identifier: MIT
 *
 * See lists.h. A page is read into memory whole, then visited, for a visit may take long. In order: a page and its elements; the calls. */
#include "api/client/lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/text/s3_xml.h"
#include "storage/base/text/percent.h"

#define BUCKETS "ListAllMyBucketsResult"

struct page {
    struct client_session *session;
    struct arena arena; /* not the session's: the visit may take long, and its texts with it */
    const char *root, *bucket;
    struct client_entry *entries, entry;
    size_t count, room;
    bool is_truncated;
    bool is_encoded;      /* keys are percent-encoded, as was asked for: not every server does it */
    const char *next_key; /* the first of them, where it is a key */
    const char *next[2];  /* where the next page begins: one text, or two */
    int err;
};

/* ---- A page and its elements ---- */

static int add(struct page *page)
{
    if (page->count == page->room) {
        page->room = page->room != 0 ? 2 * page->room : 128;
        page->entries = arena_grow(&page->arena, page->entries, page->count * sizeof(page->entries[0]),
                                   page->room * sizeof(page->entries[0]));
    }
    page->entries[page->count++] = page->entry;
    page->entry = (struct client_entry){0};
    return 0;
}

static const char *copied(struct page *page, const char *text, size_t length)
{
    return arena_dup(&page->arena, text, length).base;
}

static const char *unquoted(struct page *page, const char *text, size_t length)
{
    bool is_quoted = length >= 2 && text[0] == '"' && text[length - 1] == '"';

    return copied(page, text + is_quoted, length - 2 * is_quoted);
}

static int take_field(struct page *page, const char *name, const char *text, size_t length)
{
    struct client_entry *entry = &page->entry;

    if (strcmp(name, "Key") == 0 || strcmp(name, "Prefix") == 0)
        entry->key = copied(page, text, length);
    else if (strcmp(name, "Name") == 0)
        entry->key = copied(page, text, length);
    else if (strcmp(name, "Size") == 0)
        entry->size = strtoull(text, NULL, 10);
    else if (strcmp(name, "ETag") == 0)
        entry->etag = unquoted(page, text, length);
    else if (strcmp(name, "VersionId") == 0 || strcmp(name, "UploadId") == 0)
        entry->version = copied(page, text, length);
    else if (strcmp(name, "IsLatest") == 0)
        entry->is_latest = strcmp(text, "true") == 0;
    else if (strcmp(name, "PartNumber") == 0)
        entry->number = (unsigned)strtoul(text, NULL, 10);
    else if (strcmp(name, "ChecksumCRC64NVME") == 0)
        entry->crc64nvme = copied(page, text, length);
    else if (strcmp(name, "LastModified") == 0 || strcmp(name, "CreationDate") == 0 ||
             strcmp(name, "Initiated") == 0)
        (void)s3_time_parse(text, length, &entry->modified_ms);
    return 0;
}

/* What stands beside the entries: whether there is more, and where that begins. */
static void take_next(struct page *page, const char *name, const char *text, size_t length)
{
    if (strcmp(name, "EncodingType") == 0)
        page->is_encoded = strcmp(text, "url") == 0;
    else if (strcmp(name, "IsTruncated") == 0)
        page->is_truncated = strcmp(text, "true") == 0;
    else if (strcmp(name, "NextContinuationToken") == 0 || strcmp(name, "NextPartNumberMarker") == 0)
        page->next[0] = copied(page, text, length);
    else if (strcmp(name, "ContinuationToken") == 0 && strcmp(page->root, BUCKETS) == 0 && length > 0) {
        page->next[0] = copied(
            page, text,
            length); /* of buckets the next one is called so, and of objects the one that was asked with */
        page->is_truncated = true;
    } else if (strcmp(name, "NextKeyMarker") == 0)
        page->next[0] = page->next_key = copied(page, text, length);
    else if (strcmp(name, "NextVersionIdMarker") == 0 || strcmp(name, "NextUploadIdMarker") == 0)
        page->next[1] = copied(page, text, length);
}

static bool is_entry(const char *name)
{
    static const char *const names[] = {"Contents", "Version", "DeleteMarker",  "CommonPrefixes",
                                        "Upload",   "Part",    "Buckets/Bucket"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static int visit_element(void *ctx, const char *path, const char *text, size_t length)
{
    struct page *page = ctx;
    const char *name = path + strlen(page->root), *last = strrchr(path, '/');

    if (*name == '\0' || last == NULL)
        return 0;
    name++; /* the slash after the root */
    if (is_entry(name)) {
        page->entry.is_prefix = strcmp(name, "CommonPrefixes") == 0;
        page->entry.is_marker = strcmp(name, "DeleteMarker") == 0;
        return add(page);
    }
    if (last == name - 1)
        take_next(page, name, text, length);
    else
        return take_field(page, last + 1, text, length);
    return 0;
}

/* When all of the page was read, for what says that keys are encoded may stand after them. In that coding a blank is a plus sign. NULL: it
 * is none, or has a NUL in it, behind which it would be taken for another key. */
static const char *decoded(struct page *page, const char *text)
{
    struct slice key;

    if (!page->is_encoded || text == NULL)
        return text;
    key = percent_decode_in(&page->arena, slice_text(text), true);
    if (key.base == NULL || memchr(key.base, '\0', key.len) != NULL)
        return NULL;
    return arena_dup(&page->arena, key.base, key.len).base;
}

static int visit_all(struct page *page, uint64_t *left, client_visit_fn visit, void *ctx)
{
    for (size_t i = 0; i<page->count && * left> 0; i++, --*left) {
        int result;

        page->entries[i].key = decoded(page, page->entries[i].key);
        if (page->entries[i].key == NULL &&
            page->entries[i].number == 0) /* to leave it out would say that it is not there */
            return client_session_fail(page->session, -EPROTO,
                                       "the server's listing has a key that cannot be decoded");
        if (page->entries[i].etag == NULL)
            page->entries[i].etag = "";
        if ((result = visit(ctx, &page->entries[i])) != 0)
            return result;
    }
    return 0;
}

/* ---- The calls ---- */

/* What a page is asked for with. */
struct question {
    const char *root, *bucket, *key;
    const char *sub;           /* "versions"; NULL: none */
    const char *next_names[2]; /* parameters of where it begins */
    const struct client_listing *listing;
    const char *upload;
};

static void ask(struct client_session *session, const struct question *question, const char *const next[2])
{
    struct client_request *request = client_session_begin(session, "GET", question->bucket, question->key);
    const struct client_listing *listing = question->listing;

    if (question->sub != NULL)
        client_request_query(request, question->sub, NULL);
    if (question->upload != NULL)
        client_request_query(request, "uploadId", question->upload);
    if (listing != NULL) {
        if (question->sub == NULL)
            client_request_query(request, "list-type", "2");
        client_request_query(request, "encoding-type", "url");
        client_request_query(request, "prefix", listing->prefix);
        if (listing->is_folder)
            client_request_query(request, "delimiter", "/");
        if (question->sub == NULL && listing->start_after != NULL && next[0] == NULL)
            client_request_query(request, "start-after", listing->start_after);
        if (listing->limit > 0 && listing->limit < 1000)
            client_request_query_number(
                request,
                question->sub != NULL && strcmp(question->sub, "uploads") == 0 ? "max-uploads" : "max-keys",
                listing->limit);
    }
    for (size_t i = 0; i < 2; i++)
        if (next[i] != NULL && question->next_names[i] != NULL)
            client_request_query(request, question->next_names[i], next[i]);
}

static int read_page(struct client_session *session, const struct question *question, struct page *page)
{
    int err;

    if ((err = client_session_call(session, NULL, NULL)) != 0)
        return err;
    page->root = question->root;
    err = session->answer.body_length == 0 ? -EBADMSG
                                           : s3_xml_parse(session->answer.body, session->answer.body_length,
                                                          question->root, visit_element, page);
    return err == 0
               ? 0
               : client_session_fail(session, -EPROTO, "the server's answer is not a %s: is it one of S3?",
                                     question->root);
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Goes on to where the page says that the next one begins. One that does not say where must not look like the end: who mirrors would delete what
 * comes after it. One that says where this page began would never end. */
static int next_take(struct page *page, char *next[2])
{
    bool stands = same(page->next[0], next[0]) && same(page->next[1], next[1]);

    if (page->next[0] == NULL)
        return client_session_fail(page->session, -EPROTO,
                                   "the server's listing goes on, and does not say where");
    if (stands)
        return client_session_fail(page->session, -EPROTO, "the server's listing does not get on");
    for (size_t i = 0; i < 2; i++) {
        free(next[i]);
        next[i] = page->next[i] != NULL ? strdup(page->next[i]) : NULL;
        if (page->next[i] != NULL && next[i] == NULL)
            return client_session_fail(page->session, -ENOMEM, "there is no memory for the listing");
    }
    return 0;
}

static int list(struct client_session *session, const struct question *question, client_visit_fn visit,
                void *ctx)
{
    uint64_t left =
        question->listing != NULL && question->listing->limit > 0 ? question->listing->limit : UINT64_MAX;
    char *next[2] = {NULL, NULL};
    bool has_more = true;
    int err = 0;

    while (err == 0 && has_more && left > 0) {
        struct page page = {.session = session};

        arena_init(&page.arena, NULL);
        ask(session, question, (const char *const *)next);
        if ((err = read_page(session, question, &page)) == 0 && page.next_key != NULL)
            page.next[0] = decoded(&page, page.next_key);
        if (err == 0)
            err = visit_all(&page, &left, visit, ctx);
        has_more = page.is_truncated;
        if (err == 0 && has_more && left > 0)
            err = next_take(&page, next);
        arena_free(&page.arena);
    }
    free(next[0]);
    free(next[1]);
    return err;
}

int client_list_buckets(struct client_session *session, client_visit_fn visit, void *ctx)
{
    const struct question question = {.root = BUCKETS, .next_names = {"continuation-token"}};

    return list(session, &question, visit, ctx);
}

int client_list_objects(struct client_session *session, const struct client_listing *listing,
                        client_visit_fn visit, void *ctx)
{
    const struct question question = {.root = "ListBucketResult",
                                      .bucket = listing->bucket,
                                      .next_names = {"continuation-token"},
                                      .listing = listing};

    return list(session, &question, visit, ctx);
}

int client_list_versions(struct client_session *session, const struct client_listing *listing,
                         client_visit_fn visit, void *ctx)
{
    const struct question question = {.root = "ListVersionsResult",
                                      .bucket = listing->bucket,
                                      .sub = "versions",
                                      .next_names = {"key-marker", "version-id-marker"},
                                      .listing = listing};

    return list(session, &question, visit, ctx);
}

int client_list_uploads(struct client_session *session, const struct client_listing *listing,
                        client_visit_fn visit, void *ctx)
{
    const struct question question = {.root = "ListMultipartUploadsResult",
                                      .bucket = listing->bucket,
                                      .sub = "uploads",
                                      .next_names = {"key-marker", "upload-id-marker"},
                                      .listing = listing};

    return list(session, &question, visit, ctx);
}

int client_list_parts(struct client_session *session, const char *bucket, const char *key, const char *upload,
                      client_visit_fn visit, void *ctx)
{
    const struct question question = {.root = "ListPartsResult",
                                      .bucket = bucket,
                                      .key = key,
                                      .next_names = {"part-number-marker"},
                                      .upload = upload};

    return list(session, &question, visit, ctx);
}
