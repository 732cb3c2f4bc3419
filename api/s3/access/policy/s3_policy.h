/* SPDX-License-Identifier: MIT
 *
 * Bucket policies: a JSON text becomes an immutable compiled form, which is then asked whether it allows or denies an action.
 * Knows nothing of requests: whoever asks supplies the values of condition keys.
 *
 * The language is IAM's as far as S3 has it for buckets: Version, Id, Statement with Sid, Effect, Principal or NotPrincipal,
 * Action or NotAction, Resource or NotResource, Condition; wildcards; in texts of Version 2012-10-17 the variables
 * ${aws:username}, ${aws:userid}, ${aws:PrincipalAccount} and ${aws:SourceIp}, also with a default for those without, ${aws:username, 'guest'};
 * ${*}, ${?} and ${$}.
 *
 * A compiled policy never changes; any thread may ask it. */
#ifndef API_S3_ACCESS_S3_POLICY_H
#define API_S3_ACCESS_S3_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "api/s3/access/s3_action.h"
#include "storage/base/slice.h"

struct s3_policy;

#define S3_POLICY_BYTES_MAX   20480u /* S3's limit */
#define S3_POLICY_MESSAGE_MAX 160u

/* Condition keys that have values here. Others of AWS's are understood, and are always absent. */
enum s3_policy_key {
    S3_KEY_ABSENT,
    S3_KEY_CURRENT_TIME, /* "2026-01-31T12:00:00Z" */
    S3_KEY_EPOCH_TIME,   /* seconds, decimal */
    S3_KEY_PRINCIPAL_ACCOUNT,
    S3_KEY_PRINCIPAL_ARN,
    S3_KEY_PRINCIPAL_TYPE,   /* "User", "Anonymous" */
    S3_KEY_SECURE_TRANSPORT, /* "true", "false" */
    S3_KEY_SOURCE_IP,
    S3_KEY_USER_ID,
    S3_KEY_USER_NAME,
    S3_KEY_REQUESTED_REGION,
    S3_KEY_RESOURCE_ACCOUNT,
    S3_KEY_HEADER, /* the header that `detail` names, lower case */
    /* the object lock that the request asks for; the header that `detail` names, or from the body */
    S3_KEY_LOCK,
    S3_KEY_LOCK_DAYS,         /* days until that lock ends */
    S3_KEY_PARAMETER,         /* the query parameter that `detail` names */
    S3_KEY_AUTH_TYPE,         /* "REST-HEADER", "REST-QUERY-STRING", "POST" */
    S3_KEY_SIGNATURE_VERSION, /* "AWS4-HMAC-SHA256", "AWS" */
    S3_KEY_SIGNATURE_AGE,     /* milliseconds */
    S3_KEY_EXISTING_TAG,      /* the tag that `detail` names, on the object that is there */
    S3_KEY_REQUEST_TAG,       /* the tag that `detail` names, in the request */
    S3_KEY_REQUEST_TAG_KEYS,  /* all of them */
    S3_KEY_OBJECT_CREATION,   /* s3:ObjectCreationOperation: "true" where PutObject makes an object */
    S3_KEY_TLS_VERSION,
    S3_KEY_COUNT,
};

/* Who asks. All members given. */
struct s3_principal {
    const char *name;    /* the user's */
    const char *id;      /* canonical user id */
    const char *account; /* 12 digits */
    const char *arn;     /* arn:aws:iam::ACCOUNT:user/NAME */
};

struct s3_policy_question {
    enum s3_action action;
    struct slice resource;                /* arn:aws:s3:::bucket or arn:aws:s3:::bucket/key */
    const struct s3_principal *principal; /* NULL: anonymous */
    /* The key's value number `index`; base NULL: there is none (any more). detail: "" but where the enum says otherwise. */
    struct slice (*value)(void *ctx, enum s3_policy_key key, const char *detail, size_t index);
    void *ctx;
};

enum s3_policy_answer { S3_POLICY_SILENT, S3_POLICY_ALLOWS, S3_POLICY_DENIES };

/* For the bucket of that name; NULL: one that was taken already, maybe by a release that took more. 0; -EBADMSG with what is wrong in message; -ENOMEM. Bounded: refuses more than
 * S3_POLICY_BYTES_MAX bytes unread. */
int s3_policy_compile(const char *text, size_t length, const char *bucket, struct s3_policy **policy,
                      char message[S3_POLICY_MESSAGE_MAX]);
/* One that narrows a session: it has no Principal, for it is about its session alone, and may speak of other services, of which nothing is
 * here. The same results. */
int s3_policy_compile_session(const char *text, size_t length, struct s3_policy **policy,
                              char message[S3_POLICY_MESSAGE_MAX]);
void s3_policy_free(struct s3_policy *policy); /* NULL allowed */

/* A statement that denies wins over all that allow. */
enum s3_policy_answer s3_policy_ask(const struct s3_policy *policy,
                                    const struct s3_policy_question *question);
/* Whether some statement allows the action to the principal, if not for every resource and condition. principal NULL: anonymous. */
bool s3_policy_could_allow(const struct s3_policy *policy, enum s3_action action,
                           const struct s3_principal *principal);
/* Whether it allows something to everybody, as S3 defines "public": an Allow for "*" (or for all but some) that no condition
 * ties to fixed addresses, accounts, or principals. */
bool s3_policy_is_public(const struct s3_policy *policy);

#endif
