/* SPDX-License-Identifier: MIT
 *
 * What a server's metrics say, in Prometheus' text format. Pure functions; any thread. */
#ifndef API_CLIENT_METRICS_H
#define API_CLIENT_METRICS_H

#include <stdint.h>

#include "storage/base/slice.h"

/* The sum of all samples of that name, whatever their labels; with label and value, of those alone that have it. */
double client_metric_sum(struct slice text, const char *name, const char *label, const char *value);
/* Cuts the next sample of that name off, with the value of the label (empty: it has none). False at the end. */
bool client_metric_next(struct slice *text, const char *name, const char *label, struct slice *value,
                        double *number);

#endif
