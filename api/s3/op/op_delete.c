/* SPDX-License-Identifier: MIT
 *
 * DeleteObject and DeleteObjects: one change, whatever the number of keys. Worker's thread. */
#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/body/s3_body.h"
#include "api/s3/notification/s3_origin.h"
#include "api/s3/replication/s3_replica.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/body/s3_document.h"
#include "api/s3/body/s3_stream.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/service/s3_audit.h"
#include "api/s3/s3_operation.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/text/s3_time.h"
#include "api/s3/object/s3_version.h"
#include "storage/base/slice.h"

/* ---- Conditions beside the ETag ---- */

static enum s3_error read_size(struct meta_delete_entry *entry, struct slice text)
{
    entry->if_match_size = true;
    return s3_number_parse(text.base, text.len, INT64_MAX, &entry->size) == 0 ? S3_ERROR_NONE
                                                                              : S3_ERROR_INVALID_ARGUMENT;
}

static enum s3_error read_modified(struct meta_delete_entry *entry, struct slice text)
{
    if (s3_time_parse(text.base, text.len, &entry->modified_ms) != 0)
        return S3_ERROR_INVALID_ARGUMENT;
    entry->if_match_modified = true;
    return S3_ERROR_NONE;
}

static enum s3_error read_conditions(struct s3_request *request, struct meta_delete_entry *entry)
{
    struct slice size = s3_request_header(request, "x-amz-if-match-size");
    struct slice modified = s3_request_header(request, "x-amz-if-match-last-modified-time");
    enum s3_error error = S3_ERROR_NONE;

    if (size.base != NULL && (error = read_size(entry, size)) != S3_ERROR_NONE)
        return s3_request_argument(request, SLICE("x-amz-if-match-size"), size, NULL);
    if (modified.base != NULL && (error = read_modified(entry, modified)) != S3_ERROR_NONE)
        return s3_request_argument(request, SLICE("x-amz-if-match-last-modified-time"), modified, NULL);
    return S3_ERROR_NONE;
}

/* ---- DeleteObject ---- */

struct deletion {
    struct s3_request *request;
    struct core_change change;
    struct meta_object_delete op;
    struct meta_delete_entry entry;
    struct s3_version version;
    char if_match[META_ETAG_BYTES_MAX + 1];
    bool is_copy; /* of a deletion that was made at another server */
};

static struct slice owner_of(const struct s3_request *request)
{
    return slice_text(request->owner_id);
}

/* Which version is gone, or which delete marker was added in its place. */
static void answer_version(struct deletion *deletion)
{
    struct s3_request *request = deletion->request;
    const struct meta_delete_entry *entry = &deletion->entry;

    if (entry->marker_added || entry->marker_removed)
        s3_answer_header_string(request, "x-amz-delete-marker", "true");
    if (entry->marker_added)
        s3_version_answer(request, &request->bucket, "x-amz-version-id", &entry->marker);
    else if (deletion->version.given)
        s3_version_answer(request, &request->bucket, "x-amz-version-id", &deletion->version.id);
}

static enum s3_error judge_bypass(struct deletion *deletion)
{
    return s3_lock_bypass(deletion->request, &deletion->request->pinned, NULL,
                          &deletion->entry.bypass_governance);
}

static void on_deleted(struct core_change *change);

static void deletion_submit(struct deletion *deletion)
{
    struct s3_request *request = deletion->request;

    s3_pinned_end(&request->pinned);
    deletion->entry.owner = request->only_over;
    deletion->entry.judged = s3_pinned_judged(&request->pinned);
    deletion->op = (struct meta_object_delete){
        .op.kind = META_OP_OBJECT_DELETE,
        .op.origin =
            deletion->is_copy ? s3_origin_as(request, META_EVENT_REPLICA_DELETE) : s3_origin(request),
        .bucket = request->bucket.id,
        .entries = &deletion->entry,
        .count = 1,
        .owner = owner_of(request),
    };
    deletion->change = (struct core_change){.op = &deletion->op.op, .done = on_deleted, .ctx = deletion};
    core_change_submit(request->worker, &deletion->change);
}

static void deletion_judge_again(struct deletion *deletion)
{
    enum s3_error error = s3_authorize_again(deletion->request);

    if (error == S3_ERROR_NONE)
        error = judge_bypass(deletion);
    if (error == S3_ERROR_NONE)
        deletion_submit(deletion);
    else
        s3_answer_error(deletion->request, error);
}

static void on_deleted(struct core_change *change)
{
    struct deletion *deletion = change->ctx;
    int result = deletion->op.op.result != 0 ? deletion->op.op.result : deletion->entry.result;

    if (result == META_E_JUDGED) {
        deletion_judge_again(deletion);
        return;
    }
    if (result != 0) {
        s3_answer_result(deletion->request, result);
        return;
    }
    answer_version(deletion);
    s3_answer_empty(deletion->request, 204);
}

void s3_op_delete_object(struct s3_request *request)
{
    struct deletion *deletion = s3_request_alloc(request, sizeof(*deletion));
    struct slice if_match = s3_request_effective(request, S3_EFFECTIVE_IF_MATCH);
    enum s3_error error = s3_version_read(request, &deletion->version);

    if (error == S3_ERROR_NONE)
        error = read_conditions(request, &deletion->entry);
    if (error == S3_ERROR_NONE)
        error = s3_lock_bypass_check(request);
    deletion->request = request;
    if (error == S3_ERROR_NONE)
        error = judge_bypass(deletion);
    if (error == S3_ERROR_NONE && if_match.base != NULL && s3_etag_parse(if_match, deletion->if_match) != 0)
        error = s3_refuse_condition(request);
    if (error == S3_ERROR_NONE)
        error = s3_replica_of_deletion(request, &deletion->is_copy);
    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    deletion->entry.key = request->key;
    deletion->entry.if_match = if_match.base != NULL ? deletion->if_match : NULL;
    deletion->entry.version = s3_version_wanted(&deletion->version);
    deletion_submit(deletion);
}

/* ---- DeleteObjects ---- */

struct wanted_key {
    struct slice key;
    enum s3_error refusal;               /* not even tried */
    struct meta_delete_entry *entry;     /* NULL when refused */
    struct meta_delete_entry conditions; /* size and date */
    struct slice version_text;           /* as given, and told back; base NULL when absent */
    struct meta_version_id version;
    char *if_match;
};

struct multi_deletion {
    struct s3_request *request;
    struct core_turn turn;
    struct core_change change;
    struct meta_object_delete op;
    struct wanted_key keys[S3_DELETE_KEYS_MAX];
    struct meta_delete_entry entries[S3_DELETE_KEYS_MAX];
    uint32_t key_count, judged_count;
    size_t excess; /* bytes of texts that are longer than they may be */
    bool quiet;
};

/* What a document may cost, beside the text that its reader holds: each key has one of each. */
_Static_assert(S3_KEY_BYTES_MAX == META_KEY_BYTES_MAX, "the limit is one");
_Static_assert(sizeof(struct multi_deletion) +
                       S3_DELETE_KEYS_MAX *
                           (S3_KEY_BYTES_MAX + META_VERSION_WHOLE_BYTES + META_ETAG_BYTES_MAX + 32) +
                       4 * S3_XML_TEXT_BYTES_MAX <=
                   S3_STREAM_MEMORY_MAX,
               "what is charged is what is kept");

/* Keeps the text of an element that an object has once. What is longer than any that could be meant is refused by its key; but all that is
 * kept so has a bound, too. */
static int keep_text(struct multi_deletion *deletion, struct slice *kept, struct slice text, size_t usual)
{
    if (kept->base != NULL)
        return -1;
    if (text.len > usual) {
        deletion->excess += text.len - usual;
        if (deletion->excess > S3_XML_TEXT_BYTES_MAX)
            return -1;
    }
    *kept = arena_dup(&deletion->request->http->arena, text.base, text.len);
    return 0;
}

static int visit_object_part(struct multi_deletion *deletion, const char *name, struct slice text)
{
    struct wanted_key *wanted = &deletion->keys[deletion->key_count];
    struct arena *arena = &deletion->request->http->arena;

    if (strcmp(name, "Key") == 0) {
        if (text.len > META_KEY_BYTES_MAX)
            wanted->refusal = S3_ERROR_KEY_TOO_LONG;
        return keep_text(deletion, &wanted->key, text, META_KEY_BYTES_MAX);
    }
    if (strcmp(name, "VersionId") == 0 && text.len > 0) {
        if (meta_version_parse(text, &wanted->version) != 0)
            wanted->refusal = S3_ERROR_NO_SUCH_VERSION;
        return keep_text(deletion, &wanted->version_text, text, META_VERSION_WHOLE_BYTES);
    }
    if (strcmp(name, "ETag") == 0) {
        if (wanted->if_match == NULL)
            wanted->if_match = arena_alloc(arena, META_ETAG_BYTES_MAX + 1);
        if (s3_etag_parse(text, wanted->if_match) != 0)
            wanted->refusal = S3_ERROR_INVALID_ARGUMENT;
    } else if (strcmp(name, "LastModifiedTime") == 0 && wanted->refusal == S3_ERROR_NONE) {
        wanted->refusal = read_modified(&wanted->conditions, text);
    } else if (strcmp(name, "Size") == 0 && wanted->refusal == S3_ERROR_NONE) {
        wanted->refusal = read_size(&wanted->conditions, text);
    }
    return 0;
}

static int visit_delete(void *ctx, const char *path, const char *text, size_t length)
{
    struct multi_deletion *deletion = ctx;
    static const char object[] = "Delete/Object/";

    if (strcmp(path, "Delete/Quiet") == 0) {
        deletion->quiet = slice_is_nocase(slice_of(text, length), "true");
        return 0;
    }
    if (strncmp(path, object, sizeof(object) - 2) != 0)
        return 0;
    if (deletion->key_count == S3_DELETE_KEYS_MAX)
        return -1;
    if (strcmp(path, "Delete/Object") == 0) {
        if (deletion->keys[deletion->key_count].key.len == 0)
            return -1;
        deletion->key_count++;
        return 0;
    }
    return visit_object_part(deletion, path + sizeof(object) - 1, slice_of(text, length));
}

/* The delete marker that was added, or that was deleted. */
static void write_marker(struct s3_xml *xml, const struct meta_delete_entry *entry)
{
    char text[META_VERSION_TEXT_BYTES + 1];

    if (!entry->marker_added && !entry->marker_removed)
        return;
    s3_xml_bool(xml, "DeleteMarker", true);
    (void)meta_version_format(entry->marker_added ? &entry->marker : entry->version, text);
    s3_xml_string(xml, "DeleteMarkerVersionId", text);
}

static void write_outcome(struct multi_deletion *deletion, struct s3_xml *xml,
                          const struct wanted_key *wanted)
{
    enum s3_error error = wanted->refusal;

    if (wanted->entry != NULL && wanted->entry->result != 0)
        error = s3_error_of_result(wanted->entry->result);
    s3_audit_deleted(deletion->request, wanted->key, wanted->version_text, wanted->entry, error);
    if (error == S3_ERROR_NONE && deletion->quiet)
        return;
    s3_xml_open(xml, error == S3_ERROR_NONE ? "Deleted" : "Error");
    s3_xml_text(xml, "Key", wanted->key.base, wanted->key.len);
    if (wanted->version_text.base != NULL)
        s3_xml_text(xml, "VersionId", wanted->version_text.base, wanted->version_text.len);
    if (error == S3_ERROR_NONE)
        write_marker(xml, wanted->entry);
    if (error != S3_ERROR_NONE) {
        s3_xml_string(xml, "Code", s3_error_code(error));
        s3_xml_string(xml, "Message", s3_error_message(error));
    }
    s3_xml_close(xml, error == S3_ERROR_NONE ? "Deleted" : "Error");
}

static void answer_deleted(struct multi_deletion *deletion)
{
    struct s3_xml xml;

    s3_xml_init(&xml, &deletion->request->http->arena);
    s3_xml_open(&xml, "DeleteResult" S3_XMLNS);
    for (uint32_t i = 0; i < deletion->key_count; i++)
        write_outcome(deletion, &xml, &deletion->keys[i]);
    s3_xml_close(&xml, "DeleteResult");
    s3_answer_xml(deletion->request, 200, &xml);
}

/* Policies may tell keys of one bucket apart. */
static enum s3_error authorize_key(struct s3_request *request, const struct wanted_key *wanted,
                                   struct s3_pinned *object)
{
    const struct s3_access access = {
        .object = object,
        .action =
            wanted->version_text.base != NULL ? S3_ACTION_DELETE_OBJECT_VERSION : S3_ACTION_DELETE_OBJECT,
        .rights = S3_RIGHT_WRITE,
    };

    return s3_authorize_access(request, &access);
}

static void judge_key(struct multi_deletion *deletion, struct wanted_key *wanted)
{
    struct s3_request *request = deletion->request;
    struct s3_pinned object = s3_pinned_named(&request->bucket, wanted->key,
                                              wanted->version_text.base != NULL ? &wanted->version : NULL);

    if (wanted->refusal != S3_ERROR_NONE || wanted->entry != NULL)
        return;                /* settled */
    request->only_over = NULL; /* each key may be allowed by something else */
    wanted->refusal = authorize_key(request, wanted, &object);
    if (wanted->refusal == S3_ERROR_NONE)
        wanted->refusal = s3_lock_bypass(request, &object, NULL, &wanted->conditions.bypass_governance);
    s3_pinned_end(&object);
    if (wanted->refusal != S3_ERROR_NONE)
        return;
    wanted->entry = &deletion->op.entries[deletion->op.count++];
    *wanted->entry = wanted->conditions;
    wanted->entry->key = wanted->key;
    wanted->entry->owner = request->only_over;
    if (s3_pinned_judged(&object) != NULL)
        wanted->entry->judged = (const struct meta_judged *)arena_dup(&request->http->arena, &object.judged,
                                                                      sizeof(object.judged))
                                    .base;
    wanted->entry->if_match = wanted->if_match;
    wanted->entry->version = wanted->version_text.base != NULL ? &wanted->version : NULL;
}

static void on_all_deleted(struct core_change *change);

static void submit_deletion(struct multi_deletion *deletion)
{
    struct s3_request *request = deletion->request;

    if (deletion->op.count == 0) {
        answer_deleted(deletion);
        return;
    }
    deletion->op.op.kind = META_OP_OBJECT_DELETE;
    deletion->op.op.origin = s3_origin(request);
    deletion->op.bucket = request->bucket.id;
    deletion->op.owner = owner_of(request);
    deletion->change = (struct core_change){.op = &deletion->op.op, .done = on_all_deleted, .ctx = deletion};
    core_change_submit(request->worker, &deletion->change);
}

/* Each key may ask a whole policy: a few of them, then it is the others' turn. */
static void judge_some(struct core_turn *turn)
{
    struct multi_deletion *deletion =
        (struct multi_deletion *)((char *)turn - offsetof(struct multi_deletion, turn));

    for (uint32_t i = 0; i < S3_DELETE_KEYS_PER_TURN && deletion->judged_count < deletion->key_count; i++)
        judge_key(deletion, &deletion->keys[deletion->judged_count++]);
    if (deletion->judged_count == deletion->key_count) {
        submit_deletion(deletion);
        return;
    }
    deletion->turn.next = judge_some;
    core_turn_wait(deletion->request->worker, &deletion->turn);
}

/* Takes back the entries whose objects are not as they were judged any more. False: there are none, or it has been tried often enough. */
static bool take_back_entries(struct multi_deletion *deletion)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < deletion->op.count; i++)
        count += deletion->op.entries[i].result == META_E_JUDGED;
    if (count == 0 || s3_authorize_begin_again(deletion->request) != S3_ERROR_NONE)
        return false;
    for (uint32_t i = 0; i < deletion->key_count; i++) {
        struct wanted_key *wanted = &deletion->keys[i];

        if (wanted->entry != NULL && wanted->entry->result == META_E_JUDGED)
            wanted->entry = NULL;
    }
    /* The others' stay where they are, for the answer. */
    deletion->op.entries = s3_request_alloc(deletion->request, count * sizeof(*deletion->op.entries));
    deletion->op.count = 0;
    deletion->judged_count = 0;
    return true;
}

static void on_all_deleted(struct core_change *change)
{
    struct multi_deletion *deletion = change->ctx;

    if (deletion->op.op.result != 0)
        s3_answer_result(deletion->request, deletion->op.op.result);
    else if (take_back_entries(deletion))
        judge_some(&deletion->turn);
    else
        answer_deleted(deletion);
}

static void on_document(struct s3_request *request, enum s3_error error, const char *message, int result,
                        void *ctx)
{
    struct multi_deletion *deletion = ctx;

    if (error == S3_ERROR_NONE && (result != 0 || deletion->key_count == 0))
        error = s3_error_of_xml(result);
    if (error == S3_ERROR_NONE)
        error = s3_lock_bypass_check(request);
    if (error == S3_ERROR_NONE)
        judge_some(&deletion->turn);
    else
        s3_answer_failure(request, error, message);
}

void s3_op_delete_objects(struct s3_request *request)
{
    struct multi_deletion *deletion = s3_request_alloc(request, sizeof(*deletion));
    const struct s3_stream_reader reader = {
        .root = "Delete",
        .visit = visit_delete,
        .bytes_max = S3_DELETE_BYTES_MAX,
        .has_checksum = true,
        .done = on_document,
        .ctx = deletion,
    };

    if (!s3_document_is_vouched(request))
        return;
    deletion->request = request;
    deletion->op.entries = deletion->entries;
    s3_stream_document(request, &reader);
}
