/* SPDX-License-Identifier: MIT
 *
 * The parts that CompleteMultipartUpload lists: reading them from XML, holding them against the stored ones, and the checksum
 * of the whole. Pure but for memory from a arena; any thread. */
#ifndef API_S3_OBJECT_S3_COMPLETE_H
#define API_S3_OBJECT_S3_COMPLETE_H

#include "api/s3/body/s3_checksum.h"
#include "storage/base/arena.h"

/* A part as the client lists it. */
struct s3_listed_part {
    enum s3_checksum_algorithm algorithm; /* NONE: no checksum was listed */
    unsigned char checksum[DIGEST_BYTES_MAX];
};

struct s3_part_list {
    struct arena *arena;
    struct meta_complete_part *parts; /* ascending */
    struct s3_listed_part *listed;    /* beside parts */
    uint32_t count, capacity, expected;
    bool has_number, has_etag;                 /* of the part being read */
    enum s3_error error;                       /* why reading stopped, when it is not the XML's fault */
    struct slice refused_number, refused_etag; /* InvalidPart: the part's, as far as they were read */
};

/* Reading one: begin, visit for the elements of <CompleteMultipartUpload> (an s3_xml_visit_fn with the list as its ctx), end. bytes: how
 * long the document is, or 0: not known; so that the list can be made in its size. */
void s3_part_list_begin(struct s3_part_list *list, struct arena *arena, uint64_t bytes);
int s3_part_list_visit(void *list, const char *path, const char *text, size_t length);
/* result: of the XML, as s3_xml_parse has it. MalformedXML, InvalidPartOrder, InvalidPart. At least one part. */
enum s3_error s3_part_list_end(struct s3_part_list *list, int result);
/* All of that for a text in memory. */
enum s3_error s3_part_list_parse(struct s3_part_list *list, struct arena *arena, struct slice xml);

/* Stored parts, told in ascending order, held against the list. */
struct s3_assembly {
    const struct s3_part_list *list;
    enum s3_checksum_algorithm algorithm; /* the upload's; where it has none, a CRC that all parts have */
    enum s3_checksum_type type;
    uint32_t at;                   /* next of the list */
    uint64_t size;                 /* so far */
    struct meta_checksum checksum; /* FULL_OBJECT: of the parts so far */
    struct digest_set *composite;  /* COMPOSITE: over the parts' checksums; NULL otherwise */
    bool asked;                    /* the upload was created with an algorithm */
    bool has_checksum;             /* false once a part without one was met */
    bool has_small_part;           /* one that only the last may be */
    uint32_t small_part;           /* the first of them, by its place in the list */
    uint64_t small_size;
};

/* 0 or -ENOMEM. */
int s3_assembly_begin(struct s3_assembly *assembly, const struct s3_part_list *list,
                      enum s3_checksum_algorithm algorithm, enum s3_checksum_type type);
/* InvalidPart (the listed one at `at`), BadDigest (its listed checksum is another), EntityTooLarge, InternalError. */
enum s3_error s3_assembly_add(struct s3_assembly *assembly, const struct meta_part *part);
/* After BadDigest: what S3 says of that part. In the list's arena. */
const char *s3_assembly_describe_unlike(const struct s3_assembly *assembly);
/* All stored parts were told: InvalidPart when one of the list was not among them (that at `at`), EntityTooSmall (small_part). checksum: algorithm 0 when there is none. */
enum s3_error s3_assembly_finish(struct s3_assembly *assembly, struct meta_checksum *checksum);
/* Due after a successful begin. */
void s3_assembly_end(struct s3_assembly *assembly);

/* Whether a checksum header of the request names the object's checksum; "-N" after a composite may be left out. */
bool s3_checksum_claim_matches(const struct s3_checksum_claim *claim, const struct meta_checksum *checksum,
                               uint32_t parts);

#endif
