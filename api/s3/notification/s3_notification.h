/* SPDX-License-Identifier: MIT
 *
 * The document of ?notification: read with S3's checks, and written anew as it is stored and answered. What its ARNs mean is for the
 * operator's file to say: they name a target,
 *
 *      arn:sluice:sqs:REGION:NAME:webhook      or, as MinIO has it, arn:minio:sqs:REGION:NAME:webhook
 *
 * with sns or lambda in the place of sqs, if a client insists; REGION may be empty. Pure functions; any thread. */
#ifndef API_S3_NOTIFICATION_S3_NOTIFICATION_H
#define API_S3_NOTIFICATION_S3_NOTIFICATION_H

#include "api/core/core.h"
#include "api/s3/error/s3_error.h"
#include "api/s3/text/s3_xml.h"

enum s3_notification_kind { S3_NOTIFY_TOPIC, S3_NOTIFY_QUEUE, S3_NOTIFY_FUNCTION, S3_NOTIFY_KINDS };

#define S3_NOTIFICATION_BYTES_MAX  (256u << 10) /* 100 configurations with long filters fit */
#define S3_NOTIFICATION_EVENTS_MAX 32u          /* of one configuration: S3 knows no more */

struct s3_notification_rule {
    enum s3_notification_kind kind;
    struct slice id, arn;
    struct slice target; /* the NAME of the ARN; base NULL: it is no ARN of this server's region */
    struct slice events[S3_NOTIFICATION_EVENTS_MAX]; /* as they are called */
    unsigned event_count;
    uint64_t bits; /* all of them */
    bool has_prefix, has_suffix;
    struct slice prefix, suffix;
};

struct s3_notification {
    struct s3_notification_rule *rules; /* up to META_OUTBOX_RULES_MAX */
    unsigned count;
};

/* What is wrong: the error, a message (or NULL), and what InvalidArgument is about. */
struct s3_notification_fault {
    enum s3_error error;
    const char *message;
    struct slice argument, value;
};

/* S3_ERROR_NONE, or what the fault says. All texts are in the arena. */
enum s3_error s3_notification_read(struct arena *arena, struct slice document, struct slice region,
                                   struct s3_notification *notification, struct s3_notification_fault *fault);
void s3_notification_write(struct s3_xml *xml, const struct s3_notification *notification);

#endif
