/* SPDX-License-Identifier: MIT
 *
 * ?sluice-publish: a list of staged keys becomes visible under their target keys in one moment, and what else is below a prefix goes in the
 * same (core/publish.h). Private to api/s3/publish/; worker's thread.
 *
 *   op_publish.c        the request, and its answer
 *   publish_document.c  what it asks for
 *   publish_keys.c      which keys come next: those of the document, their staged ones, those below the prefix
 *   publish_upload.c    an upload, put together
 *   publish_judge.c     whether the caller may do that to the key, and what it comes to
 *   publish_run.c       the changes, one after the other
 *
 * Rights are those of what each key comes to: a copy (read the staged one, write the target), a removal (delete). What was judged on objects goes
 * into the changes as conditions, and where such an object is another by then, it is judged again. */
#ifndef API_S3_PUBLISH_PUBLISH_H
#define API_S3_PUBLISH_PUBLISH_H

#include "api/core/publish.h"
#include "api/s3/object/s3_complete.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_copy_source.h"
#include "api/s3/s3_request.h"

#define PUBLISH_BLOCK_KEYS 256u

/* What a document may insist on of a staged object. */
struct publish_demand {
    struct s3_version version;
    bool has_etag;
    char etag[META_ETAG_BYTES_MAX + 1];
};

/* An upload of the key, of which the object is made in place of a staged one. */
struct publish_upload {
    bool has_id;
    unsigned char id[META_UPLOAD_ID_BYTES];
    struct s3_part_list list;
};

/* One key of the document; the texts live in the request's arena. */
struct publish_key {
    const char *key, *staged;      /* staged NULL: it has an upload */
    struct publish_demand *demand; /* NULL: none */
    struct publish_upload *upload; /* NULL: none */
    uint16_t key_length, staged_length;
};

/* What the document says. */
struct publish_order {
    struct publish_key *blocks[(S3_PUBLISH_KEYS_MAX + PUBLISH_BLOCK_KEYS - 1) / PUBLISH_BLOCK_KEYS];
    uint32_t count;
    struct slice prefix; /* what else begins so goes; base NULL: nothing does */
    struct slice pointer;
    struct slice if_match, if_none_match; /* of the pointer's object */
    bool removes_staged;
    uint32_t upload_count, part_count;
    struct publish_key open; /* whose element is being read */
    struct slice refused;    /* the key that is too long, or is named wrongly */
    enum s3_error error;     /* why, beside what the reader of XML finds */
    const char *message;
};

static inline struct publish_key *publish_key_at(const struct publish_order *order, uint32_t i)
{
    return &order->blocks[i / PUBLISH_BLOCK_KEYS][i % PUBLISH_BLOCK_KEYS];
}

enum publish_stage {
    PUBLISH_NAMED,  /* the keys of the document */
    PUBLISH_STAGED, /* their staged ones, where these go, too */
    PUBLISH_BELOW,  /* what is below the prefix */
    PUBLISH_READY,
};

/* The keys of one change, being put together and on their way. */
struct publish_step {
    struct meta_publish_entry entries[META_PUBLISH_STEP_KEYS];
    uint32_t count;
    uint32_t pieces; /* that their objects lie in */
};

struct publishing {
    struct s3_request *request;
    struct publish_order order;
    struct s3_write_condition condition;
    struct arena *scratch; /* of one step: what judging each of ten thousand keys leaves would add up */
    struct core_turn turn;
    struct core_change change;
    union {
        struct meta_publish_begin begin;
        struct meta_publish_prepare prepare;
        struct meta_publish publish;
        struct meta_publish_end end;
        struct meta_sweep sweep;
        struct meta_uploads_end uploads_end;
    } op;
    int64_t id; /* of the publication; 0: there is none */
    enum publish_stage stage;
    uint32_t at;                             /* the next key of the document */
    unsigned char below[META_KEY_BYTES_MAX]; /* the last key that was seen below the prefix */
    size_t below_length;
    struct publish_step step;
    /* Where the step began, should it be judged again. */
    enum publish_stage step_stage;
    uint32_t step_at;
    unsigned char step_below[META_KEY_BYTES_MAX];
    size_t step_below_length;
    unsigned step_judgements, attempts;
    bool rests_on_objects; /* some judgement asked what an object is like */
    uint32_t removed;
    enum s3_error failure; /* why it is given up */
    int failure_result;    /* the same, where it is a result of the module; 0: not so */
};

/* visit of s3_stream_reader; ctx: the publish_order, whose memory comes from `arena`. */
struct publish_reading {
    struct publish_order *order;
    struct arena *arena;
};
int publish_document_visit(void *ctx, const char *path, const char *text, size_t length);

/* Adds the next few keys to the step, each judged: S3_ERROR_NONE, and *is_full says whether the step is to be submitted; order.refused is the
 * key that an error is about. */
enum s3_error publish_keys_gather(struct publishing *publishing, bool *is_full);

/* The request is about this key from here on (empty: the bucket), whatever allows it. */
void publish_aim(struct s3_request *request, struct slice key);
/* What was judged of the key that the request is about goes along as conditions. */
void publish_keep_conditions(struct publishing *publishing, struct meta_publish_entry *entry);
/* Judges one key and says what the change is to do. *is_there false: there is nothing to remove. */
enum s3_error publish_judge_copy(struct publishing *publishing, const struct publish_key *key,
                                 struct meta_publish_entry *entry);
enum s3_error publish_judge_upload(struct publishing *publishing, const struct publish_key *key,
                                   struct meta_publish_entry *entry);
enum s3_error publish_judge_removal(struct publishing *publishing, struct slice key,
                                    struct meta_publish_entry *entry);
/* The next few uploads that are no more, once they are published: how many. */
uint32_t publish_keys_uploads(struct publishing *publishing, struct meta_uploads_end *op);
/* Whether the prefix may be replaced at all: who is told which of its keys he may not remove must be allowed to list them. */
enum s3_error publish_judge_prefix(struct publishing *publishing);
/* Whether what others do to its keys meanwhile would be judged as what was there has been. */
bool publish_judge_overrules(struct publishing *publishing);
/* The condition on the pointer, judged. */
enum s3_error publish_judge_pointer(struct publishing *publishing, struct meta_condition *condition);

/* Carries the order out, and calls publish_answer. */
void publish_run(struct publishing *publishing);
void publish_answer(struct publishing *publishing);

/* What is judged between the two leaves its memory to the step. */
struct arena publish_scratch_enter(struct publishing *publishing);
void publish_scratch_leave(struct publishing *publishing, struct arena own);

#endif
