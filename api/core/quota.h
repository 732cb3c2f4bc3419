/* SPDX-License-Identifier: MIT
 *
 * Quotas for people: their text, and by the names of buckets. What they are, and how they are kept, is in metadata/meta_usage.h. Any thread;
 * what asks the store blocks: not for workers. */
#ifndef API_CORE_QUOTA_H
#define API_CORE_QUOTA_H

#include "metadata/meta_usage.h"

struct core;

/* Words with one of `between` between them, such as "bytes=10G objects=1000000"; or "off". K, M, G, T are powers of 1024 of bytes, of 1000 of
 * objects. 0; or -EINVAL, *why says why. */
int core_quota_parse(struct slice text, char between, struct meta_quota *quota, const char **why);
/* A number as it stands there: 0, or -EINVAL. unit: 1024 or 1000. */
int core_quota_number(struct slice text, uint64_t unit, uint64_t *number);

#define CORE_QUOTA_BYTES_MAX 64
/* The same text, the numbers in full; "off" where there is no bound. */
void core_quota_format(const struct meta_quota *quota, char text[CORE_QUOTA_BYTES_MAX]);

/* META_E_NO_BUCKET, -EROFS, or what the change gives. */
int core_quota_set(struct core *core, struct slice bucket, const struct meta_quota *quota);
/* Each bucket, by ascending id. visit non-zero stops and is returned. */
int core_usage_each(struct core *core, int (*visit)(void *ctx, const struct meta_usage *usage), void *ctx);
/* The same of a store that nobody has open; *is_counted: meta_usage_is_whole. */
int core_usage_each_closed(const char *data_dir, int (*visit)(void *ctx, const struct meta_usage *usage),
                           void *ctx, bool *is_counted);
/* Has everything counted anew, which goes on after this. -EROFS, or what the change gives. */
int core_usage_recount(struct core *core);

#endif
