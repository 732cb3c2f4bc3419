/* SPDX-License-Identifier: MIT
 *
 * Messages of the service for artifacts as JSON: a wrapped text or number is one, a time is as RFC 3339 has it. Pure functions; any thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/doors/github/github_artifact.h"
#include "api/doors/github/github_json.h"
#include "api/s3/text/s3_time.h"

/* ---- Reading ---- */

static bool take_time(struct arena *arena, const json_t *value, int64_t *ms)
{
    struct slice text = slice_of(NULL, 0);

    *ms = INT64_MAX;
    return github_json_text(arena, value, &text) &&
           (text.base == NULL || s3_time_parse(text.base, text.len, ms) == 0);
}

static bool take_object(struct arena *arena, const json_t *object, struct github_artifact_message *message)
{
    const json_t *filter = github_json_member(object, "name_filter", "nameFilter");
    const json_t *name = json_object_get(object, "name");

    return json_is_object(object) &&
           github_json_text(arena,
                            github_json_member(object, "workflow_run_backend_id", "workflowRunBackendId"),
                            &message->run) &&
           github_json_text(
               arena, github_json_member(object, "workflow_job_run_backend_id", "workflowJobRunBackendId"),
               &message->job) &&
           github_json_text(arena, name != NULL ? name : filter, &message->name) &&
           github_json_text(arena, github_json_member(object, "mime_type", "mimeType"), &message->type) &&
           github_json_text(arena, json_object_get(object, "hash"), &message->hash) &&
           take_time(arena, github_json_member(object, "expires_at", "expiresAt"), &message->expires_ms) &&
           github_json_number(json_object_get(object, "size"), &message->size, &message->has_size) &&
           github_json_number(github_json_member(object, "id_filter", "idFilter"), &message->id,
                              &message->has_id);
}

int github_artifact_read_json(struct arena *arena, struct slice text, struct github_artifact_message *message)
{
    json_t *object = json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES, NULL);
    bool is_good;

    *message = (struct github_artifact_message){.expires_ms = INT64_MAX};
    is_good = object != NULL && take_object(arena, object, message);
    json_decref(object);
    return is_good ? 0 : -EBADMSG;
}

/* ---- Writing ---- */

static json_t *text_of(struct slice text)
{
    return json_stringn(text.base, text.len);
}

static json_t *number_of(uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    return json_string(text);
}

static json_t *entry_of(const struct github_artifact_entry *entry)
{
    char time[S3_TIME_ISO_BYTES + 1];
    json_t *object;

    s3_time_iso_format(entry->created_ms, time);
    object =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:s}", "workflow_run_backend_id", text_of(entry->run),
                  "workflow_job_run_backend_id", text_of(entry->job), "database_id", number_of(entry->id),
                  "name", text_of(entry->name), "size", number_of(entry->size), "created_at", time);
    if (object != NULL && entry->digest.base != NULL &&
        json_object_set_new(object, "digest", text_of(entry->digest)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *list_of(const struct github_artifact_answer *answer)
{
    json_t *list = json_array();

    for (unsigned i = 0; list != NULL && i < answer->count; i++) {
        if (json_array_append_new(list, entry_of(&answer->list[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:o}", "artifacts", list);
}

static json_t *answer_of(enum github_artifact_call call, const struct github_artifact_answer *answer)
{
    switch (call) {
    case GITHUB_ARTIFACT_CREATE:
        return json_pack("{s:b,s:o}", "ok", answer->ok, "signed_upload_url", text_of(answer->url));
    case GITHUB_ARTIFACT_LIST:
        return list_of(answer);
    case GITHUB_ARTIFACT_URL:
        return json_pack("{s:o}", "signed_url", text_of(answer->url));
    default:
        return json_pack("{s:b,s:o}", "ok", answer->ok, "artifact_id", number_of(answer->id));
    }
}

struct slice github_artifact_json(struct arena *arena, enum github_artifact_call call,
                                  const struct github_artifact_answer *answer)
{
    json_t *object = answer_of(call, answer);
    char *dumped = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    struct slice text = dumped != NULL ? arena_dup_text(arena, dumped) : slice_of(NULL, 0);

    free(dumped);
    json_decref(object);
    return text;
}
