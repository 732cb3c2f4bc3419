/* SPDX-License-Identifier: MIT
 *
 * What the writer keeps of meta_outbox.h: the rules of buckets, how many rows wait for each target, and what the open batch has come
 * to. All of it is made of rows, and read anew where a batch or a change of rules was undone. Committer's thread. Private to metadata/. */
#ifndef METADATA_ROWS_OUTBOX_H
#define METADATA_ROWS_OUTBOX_H

#include "metadata/meta_outbox.h"
#include "metadata/rows/row_store.h"

struct meta_writer;

/* The rules of one kind of a bucket; they point into `bytes`. */
struct outbox_rules {
    int64_t bucket;
    int kind; /* enum meta_setting_kind */
    unsigned char *bytes;
    struct meta_outbox_rule *list;
    uint32_t count;
};

struct outbox_target {
    unsigned char name[META_OUTBOX_TARGET_BYTES_MAX];
    size_t length;
    uint64_t waiting;
    uint64_t dropped; /* by the open batch */
};

struct outbox {
    struct outbox_rules *rules; /* by ascending bucket */
    size_t rules_count, rules_capacity;
    struct outbox_target *targets;
    size_t target_count, target_capacity;
    uint64_t seq;       /* the last one that was given */
    uint64_t server;    /* of several, the one that this is: its numbers are its own; 0: there is but one */
    int64_t counted_ms; /* of several: when all rows were last counted because too many seemed to wait */
    bool is_stale;      /* the counts may be wrong */
    /* What the open batch has come to. */
    struct arena arena;
    struct meta_news_event *first, **end;
    bool has_rows, has_drops;
};

int outbox_load(struct meta_writer *writer);
void outbox_free(struct outbox *outbox);

/* Replaces those of the bucket and kind; bytes empty: there are none any more. */
int outbox_rules_set(struct meta_writer *writer, int64_t bucket, int kind, struct slice bytes);
/* The bucket is no more. */
void outbox_rules_forget(struct meta_writer *writer, int64_t bucket);

/* Whether anybody wants to know of it: then it is worth finding out what it is. */
bool outbox_wants(struct meta_writer *writer, int64_t bucket, enum meta_event_kind kind, struct slice key);
/* Writes a row for each rule that is about it, and tells listeners. Seq, time, and name and owner of the bucket are filled in. */
int outbox_put(struct meta_writer *writer, struct meta_event *event);
/* A row for that target, whatever its rules say. */
int outbox_put_for(struct meta_writer *writer, struct meta_event *event, struct slice target,
                   struct slice rule);
/* Strikes a row off. */
int outbox_strike(struct meta_writer *writer, struct slice target, uint64_t seq);

/* A batch begins: nothing has happened yet. */
void outbox_batch_begin(struct meta_writer *writer);
/* It was committed: hands what it came to to the hook, if that is something. */
void outbox_batch_tell(struct meta_writer *writer);

#endif
