/* SPDX-License-Identifier: MIT
 *
 * Requests by operation, those to STS, and credentials that were refused. */
#include <inttypes.h>
#include <string.h>

#include "api/s3/metrics/metrics.h"
#include "api/s3/operations.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/session/s3_sts.h"
#include "api/s3/web_auth/s3_attempts.h"

/* Rows of one name stand together. */
static void add_operations(struct metrics_page *page, const struct s3_service *service)
{
    uint64_t count = 0;

    metrics_add(page, "# HELP sluice_s3_requests_total Requests by S3's operation, refused ones too.\n"
                      "# TYPE sluice_s3_requests_total counter\n");
    for (unsigned row = 0; row < S3_OPERATION_ROWS; row++) {
        const char *name = s3_operations[row].name;

        count += s3_service_counted(service, row);
        if (row + 1 < S3_OPERATION_ROWS && strcmp(name, s3_operations[row + 1].name) == 0)
            continue;
        metrics_add(page, "sluice_s3_requests_total{operation=\"%s\"} %" PRIu64 "\n", name, count);
        count = 0;
    }
}

static void add_sts(struct metrics_page *page, const struct s3_service *service)
{
    metrics_add(page, "# HELP sluice_sts_requests_total Requests to STS by action, refused ones too.\n"
                      "# TYPE sluice_sts_requests_total counter\n");
    for (unsigned action = 0; action < S3_STS_ACTIONS; action++)
        metrics_add(page, "sluice_sts_requests_total{action=\"%s\"} %" PRIu64 "\n",
                    s3_sts_action_name(action), s3_service_counted(service, S3_STS_COUNT_ACTION + action));
    metrics_add(page, "sluice_sts_requests_total{action=\"none\"} %" PRIu64 "\n",
                s3_service_counted(service, S3_STS_COUNT_OTHER));
    metrics_add_value(page, "sluice_sts_refused_total", "counter", "Requests to STS that were refused.",
                      s3_service_counted(service, S3_STS_COUNT_REFUSED));
}

static void add_attempts(struct metrics_page *page, struct s3_service *service)
{
    uint64_t wrong, unseen;

    s3_attempts_count(s3_service_attempts(service), &wrong, &unseen);
    metrics_add(
        page,
        "# HELP sluice_credentials_refused_total Requests by Basic or Bearer: with wrong credentials, and "
        "those of an address that showed too many of them.\n"
        "# TYPE sluice_credentials_refused_total counter\n"
        "sluice_credentials_refused_total{reason=\"wrong\"} %" PRIu64 "\n"
        "sluice_credentials_refused_total{reason=\"too_many\"} %" PRIu64 "\n",
        wrong, unseen);
}

void metrics_add_requests(struct metrics_page *page, struct s3_service *service)
{
    add_attempts(page, service);
    add_operations(page, service);
    add_sts(page, service);
}
