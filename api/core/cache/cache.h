/* SPDX-License-Identifier: MIT
 *
 * Cache buckets: their rules, and what whoever serves objects says of their use. What is given up for what is in
 * api/core/upkeep/evict.c; how it is counted in metadata/meta_cache.h.
 *
 * What a writer into one is told: META_E_WRITE_ONCE, the key is taken and stays as it is; META_E_OBJECT_SIZE, it is too large. S3 has
 * PreconditionFailed and EntityTooLarge for them; others have their clients' answers. */
#ifndef API_CORE_CACHE_H
#define API_CORE_CACHE_H

#include "api/core/core.h"
#include "metadata/meta_cache.h"

/* ---- Rules ---- */

struct core_cache_rules {
    uint64_t
        bytes_max; /* of all objects; 0: no bound. Beyond it those that were used least recently go, down to CORE_CACHE_LOW_WATER */
    uint64_t age_max_s;        /* since the last use; 0: no bound */
    uint64_t object_bytes_max; /* of each; 0: no bound */
    uint32_t use_step_s;       /* uses of an object that are closer together may count as one */
    bool write_once;           /* a key that is taken is written by none */
};

#define CORE_CACHE_USE_STEP_S_DEFAULT 600u
#define CORE_CACHE_USE_STEP_S_MAX     86400u
#define CORE_CACHE_RULES_BYTES_MAX    160u /* of the text below */

/* Words with blanks between them: max-size=10G max-age=7d max-object=1G use-step=10m write-once. K, M, G, T are 1,024 times the one
 * before; s, m, h, d, w units of time, without one seconds. No word: a cache without bounds, which only counts. 0, or -EINVAL with *why,
 * a text that stays. */
int core_cache_rules_parse(struct slice text, struct core_cache_rules *rules, const char **why);
/* The same text, in plain numbers. Its length. */
size_t core_cache_rules_format(const struct core_cache_rules *rules, char text[CORE_CACHE_RULES_BYTES_MAX]);

/* The bucket's; *rules is NULL where it is no cache. Borrowed as from core_setting_get. 0 or an error. */
int core_cache_rules_get(struct core_worker *worker, int64_t bucket, const struct core_cache_rules **rules);
/* The same from any reader, copied: 1, 0 where there are none, or an error. */
int core_cache_rules_read(struct meta_reader *reader, int64_t bucket, struct core_cache_rules *rules);

/* A change of them, for core_change_submit; then core_cache_changed. */
struct core_cache_set {
    struct meta_cache_set op;
    char text[CORE_CACHE_RULES_BYTES_MAX];
};
/* rules NULL: no cache any more. META_E_NO_BUCKET, META_E_BUCKET_STATE: it has versioning, or had. */
void core_cache_set_fill(struct core_cache_set *set, int64_t bucket, const struct core_cache_rules *rules);
/* Rules of a bucket were changed: what follows from them begins now. Any thread. */
void core_cache_changed(struct core *core);

/* ---- Use: the worker's thread; cheap, and nothing where the bucket is no cache ---- */

/* The object was found and is given out, or would be if asked for. */
void core_cache_hit(struct core_worker *worker, int64_t bucket, struct slice key,
                    const struct meta_object *object);
/* There is none. */
void core_cache_miss(struct core_worker *worker, int64_t bucket);

/* All of these are used together. 1: all are there, and from now on used most recently: none of them is being given up (in a cluster: not by this
 * server; what another one gives up within the seconds until it sees this use may be among them). 0: one is
 * missing, or being given up at this moment. -EAGAIN: too many uses were noted lately, see core_cache_wait. Or an error. In a bucket that is
 * no cache it only looks. One call for up to some hundred keys: each is looked up. While a bucket that has just become a cache
 * is being counted, its objects were used when they were stored, whatever is said here. */
int core_cache_touch(struct core_worker *worker, int64_t bucket, const struct slice *keys, uint32_t count);
/* After -EAGAIN: turn->next follows soon, when it is worth another try; there may be no room then either, where the database fails. */
void core_cache_wait(struct core_worker *worker, struct core_turn *turn);

/* ---- Figures ---- */

struct core_cache_figures {
    const char *bucket; /* its name; valid during the call */
    bool is_whole;      /* all that it holds is counted yet */
    struct core_cache_rules rules;
    uint64_t entries, bytes;
    uint64_t hits, misses, evictions, evicted_bytes; /* since core_open */
};

/* Each cache bucket, as far as `limit`. visit non-zero stops and is returned; it may not use the reader. The reader's thread. */
int core_cache_each(struct core *core, struct meta_reader *reader, uint32_t limit,
                    int (*visit)(void *ctx, const struct core_cache_figures *figures), void *ctx);

/* ---- For people (cache_live.c): block, and are not for workers ---- */

/* All cache buckets of an open store; of a closed one, which is opened for it (exclusively, read only) as by core_check. */
int core_cache_list(struct core *core, int (*visit)(void *ctx, const struct core_cache_figures *figures),
                    void *ctx);
int core_cache_list_closed(const char *data_dir,
                           int (*visit)(void *ctx, const struct core_cache_figures *figures), void *ctx);
/* As core_cache_set_fill, by the bucket's name, and done when it returns. -EROFS. */
int core_cache_set(struct core *core, struct slice name, const struct core_cache_rules *rules);

#endif
