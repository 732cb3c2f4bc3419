/* SPDX-License-Identifier: MIT
 *
 * Website configurations of buckets: read and checked as S3 does (PutBucketWebsite), written, and what of one applies to a request. The stored
 * form is the XML that s3_website_write makes. Pure; any thread. */
#ifndef API_S3_WEBSITE_S3_WEBSITE_H
#define API_S3_WEBSITE_S3_WEBSITE_H

#include "api/s3/error/s3_error.h"
#include "api/s3/error/s3_error_elements.h"
#include "api/s3/text/s3_xml.h"
#include "storage/base/arena.h"

#define S3_WEBSITE_BYTES_MAX      (128u << 10) /* S3's limit of the document */
#define S3_WEBSITE_RULES_MAX      50u          /* S3's */
#define S3_WEBSITE_HOST_BYTES_MAX 512u         /* a host name has 253 at most; a port and a path may follow */

/* Where to send a client instead. Texts with base NULL were not given. */
struct s3_website_redirect {
    const char *protocol; /* "http" or "https"; NULL: that of the request */
    struct slice host;    /* with its port; of a redirect of all requests, a path may follow */
    struct slice
        prefix_with; /* ReplaceKeyPrefixWith: instead of what the rule's prefix is of the key. Never with the next */
    struct slice key_with; /* ReplaceKeyWith: instead of the whole key */
    unsigned status;       /* 301, 302, 303, 307 or 308 */
    bool has_status;       /* it was given */
};

struct s3_website_rule {
    struct slice prefix; /* of keys; base NULL: of any */
    unsigned error;      /* the status that the request would end with; 0: it is not asked for */
    struct s3_website_redirect redirect;
};

struct s3_website {
    struct arena arena; /* of all texts */
    bool redirects_all;
    struct s3_website_redirect all; /* if so; there is nothing else then */
    struct slice index;             /* what a key that is empty or ends in '/' goes on with; never empty */
    struct slice error;             /* the key of the error document; base NULL: none */
    struct s3_website_rule rules[S3_WEBSITE_RULES_MAX];
    uint32_t count;
};

/* Reads a document. On success *website is for s3_website_free. MalformedXML, InvalidRequest, InvalidArgument, as S3 says them; what
 * refusal says is in the arena. */
enum s3_error s3_website_read(struct arena *arena, struct slice xml, struct s3_website **website,
                              struct s3_refusal *refusal);
void s3_website_free(struct s3_website *website);
void s3_website_write(struct s3_xml *xml, const struct s3_website *website);

/* ---- Which rule applies ---- */

/* The first rule for that key: of a request that was not looked at yet (error 0), or that would end with that status. NULL: none. */
const struct s3_website_rule *s3_website_match(const struct s3_website *website, struct slice key,
                                               unsigned error);

/* What the client calls this place. */
struct s3_website_place {
    const char *protocol; /* "http" or "https" */
    struct slice host;    /* as Host has it, with its port */
};

/* What following a rule's redirect comes to, as far as rules alone tell it. */
enum s3_website_end {
    S3_WEBSITE_LEADS_ON,   /* somewhere else, or to a key without a rule */
    S3_WEBSITE_LEADS_BACK, /* round and round: the rule is not to be followed */
    S3_WEBSITE_LEADS_TO_OBJECT, /* to *target: on, if there is such an object; else a rule for errors would send the client on from there */
};
/* rule: that s3_website_match found for the key and that status. Memory comes from the arena. */
enum s3_website_end s3_website_follow(struct arena *arena, const struct s3_website *website,
                                      const struct s3_website_rule *rule, struct slice key, unsigned error,
                                      const struct s3_website_place *place, struct slice *target);
/* Whether a redirect of all requests would lead back here. */
bool s3_website_is_here(const struct s3_website_redirect *redirect, const struct s3_website_place *place);

/* The key without its segments "." and "..", as RFC 3986 5.2.4 takes them out of a path; in the arena, or the key itself. */
struct slice s3_website_resolve(struct arena *arena, struct slice key);

/* ---- Where it leads: values for Location, which hold nothing but printable ASCII ---- */

/* Of a rule for that key. */
struct slice s3_website_location(struct arena *arena, const struct s3_website_rule *rule, struct slice key,
                                 const struct s3_website_place *place);
/* Of a redirect of all requests. path: of the request, raw, with its slash and its query. */
struct slice s3_website_location_of_all(struct arena *arena, const struct s3_website_redirect *redirect,
                                        struct slice path, const struct s3_website_place *place);
/* Of the folder that the key names: the key with a slash behind it, in this place whatever the key begins with. query: with its '?', or empty. */
struct slice s3_website_location_of_folder(struct arena *arena, struct slice key, struct slice query);
/* Of an object that is to be found elsewhere (x-amz-website-redirect-location); base NULL: its value cannot be one. */
struct slice s3_website_location_of_object(struct arena *arena, struct slice value);

#endif
