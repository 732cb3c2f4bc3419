/* SPDX-License-Identifier: MIT
 *
 * The entry that a job gets: in each scope that it reads, its own first, the key itself, then the newest entry that begins so, then the same
 * with each restore key. Of very many entries that begin so the first GITHUB_SCAN_MAX are looked at. Worker's thread. */
#include <string.h>

#include "api/core/core.h"
#include "api/doors/github/github.h"

struct finding {
    struct github_request *github;
    struct core_turn turn;
    unsigned scope, at; /* which of its keys */
    struct slice prefix;
    unsigned scanned;
    bool is_exact;
    int64_t best_ms;
    size_t best_length, after_length; /* best_length 0: nothing yet */
    char best[META_KEY_BYTES_MAX], after[META_KEY_BYTES_MAX];
};

static int visit(void *ctx, const struct meta_list_entry *entry)
{
    struct finding *finding = ctx;

    finding->scanned++;
    (void)slice_copy(finding->after, entry->key);
    finding->after_length = entry->key.len;
    finding->is_exact = slice_equals(entry->key, finding->prefix);
    if (finding->best_length == 0 || entry->modified_ms >= finding->best_ms || finding->is_exact) {
        (void)slice_copy(finding->best, entry->key);
        finding->best_length = entry->key.len;
        finding->best_ms = entry->modified_ms;
    }
    return finding->is_exact; /* the first of all that begin so */
}

static void answer_found(struct finding *finding)
{
    struct github_request *github = finding->github;
    struct s3_request *request = github->call->request;
    struct slice key = arena_dup(&request->http->arena, finding->best, finding->best_length);
    struct slice before = github_key(github, finding->scope, github->message.version, slice_of("", 0));
    struct github_answer answer = {.ok = true, .matched = slice_from(key, before.len)};
    enum s3_error error = github_may(github, key, false);

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    answer.url = github_url_of_entry(github, key);
    if (answer.url.len != 0)
        github_answer(github, &answer);
}

/* The next key, or the first of the next scope. False: that was all. */
static bool move_on(struct finding *finding)
{
    const struct github_request *github = finding->github;
    const struct s3_scopes *scopes = github->call->scopes;

    finding->after_length = 0;
    if (++finding->at < github->message.key_count)
        return true;
    finding->at = 0;
    return ++finding->scope < (scopes != NULL ? scopes->count : 1);
}

static void look(struct core_turn *turn)
{
    struct finding *finding = (struct finding *)((char *)turn - offsetof(struct finding, turn));
    struct github_request *github = finding->github;
    struct s3_request *request = github->call->request;
    const struct github_message *message = &github->message;

    do {
        struct meta_list_query query = {.bucket = request->bucket.id, .limit = GITHUB_SCAN_STEP};
        bool truncated = false;
        int result = 0;

        finding->prefix = query.prefix =
            github_key(github, finding->scope, message->version, message->keys[finding->at]);
        query.after = slice_of(finding->after, finding->after_length);
        if (query.prefix.base != NULL)
            result =
                meta_object_list(core_worker_reader(request->worker), &query, visit, finding, &truncated);
        if (result < 0 || (result != 0 && !finding->is_exact)) {
            s3_answer_result(request, result);
            return;
        }
        if (truncated && !finding->is_exact && finding->scanned < GITHUB_SCAN_MAX) {
            finding->turn.next = look;
            core_turn_wait(request->worker, &finding->turn);
            return;
        }
        if (finding->best_length != 0) {
            answer_found(finding);
            return;
        }
    } while (move_on(finding));
    github_answer(github, &(struct github_answer){.ok = false});
}

void github_find(struct github_request *github)
{
    struct s3_request *request = github->call->request;
    struct finding *finding = s3_request_alloc(request, sizeof(*finding));
    struct slice key = github_key(github, 0, github->message.version, github->message.key);
    enum s3_error error = key.base != NULL ? github_may(github, key, false) : S3_ERROR_KEY_TOO_LONG;

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    finding->github = github;
    look(&finding->turn);
}
