/* SPDX-License-Identifier: MIT
 *
 * Tags of objects and buckets: reading them from the x-amz-tagging header and from XML, checking them as S3 does, and the
 * form in which they are stored: "key=value&key=value", in the given order, with %XX only for what would be ambiguous there
 * (control characters, space, '%', '&', '=', '+'). Equal tags have equal stored forms. Pure functions, any thread. */
#ifndef API_S3_OBJECT_S3_TAGS_H
#define API_S3_OBJECT_S3_TAGS_H

#include "api/core/core.h"
#include "api/s3/error/s3_error_elements.h"
#include "api/s3/text/s3_xml.h"
#include "storage/base/arena.h"

#define S3_TAGS_MAX                 50u /* a bucket's; S3's limits */
#define S3_OBJECT_TAGS_MAX          10u
#define S3_TAG_KEY_CHARACTERS_MAX   128u
#define S3_TAG_VALUE_CHARACTERS_MAX 256u

struct s3_tag {
    struct slice key, value; /* UTF-8, decoded */
};

struct s3_tags {
    struct s3_tag list[S3_TAGS_MAX];
    uint32_t count;
};

/* From x-amz-tagging (and from the tagging fields that look the same): an object's tags. Texts are in the arena. InvalidArgument
 * (form, duplicates), BadRequest (too many), InvalidTag; *refusal, which is zero-filled before, says more. */
enum s3_error s3_tags_read_header(struct arena *arena, struct slice text, struct s3_tags *tags,
                                  struct s3_refusal *refusal);
/* From <Tagging><TagSet><Tag><Key/><Value/></Tag>...: at most count_max tags. MalformedXML, BadRequest, InvalidTag. */
enum s3_error s3_tags_read_xml(struct arena *arena, struct slice xml, uint32_t count_max,
                               struct s3_tags *tags, struct s3_refusal *refusal);
/* From <CreateBucketConfiguration><Tags><Tag>...: a bucket's; what else stands there is passed over. The same errors. */
enum s3_error s3_tags_read_creation(struct arena *arena, struct slice xml, struct s3_tags *tags,
                                    struct s3_refusal *refusal);

/* What all of them check of each tag by itself. InvalidTag. */
enum s3_error s3_tags_check(const struct s3_tags *tags, struct s3_refusal *refusal);

/* The stored form, in the arena; empty without tags. */
struct slice s3_tags_pack(struct arena *arena, const struct s3_tags *tags);
/* Back again. false: not a stored form (then the row is damaged). */
bool s3_tags_unpack(struct arena *arena, struct slice packed, struct s3_tags *tags);
/* How many tags a stored form has. */
uint32_t s3_tags_count(struct slice packed);
/* The value of a key in a stored form, in the arena; base NULL when there is no such tag. */
struct slice s3_tags_find(struct arena *arena, struct slice packed, struct slice key);

/* <Tag><Key/><Value/></Tag> for each. */
void s3_tags_write(struct s3_xml *xml, const struct s3_tags *tags);

#endif
