/* SPDX-License-Identifier: MIT
 *
 * One connection to an origin: a key is asked for, and its bytes become an object here. A thread of its own. */
#ifndef API_ORIGIN_LANE_H
#define API_ORIGIN_LANE_H

#include "api/client/session.h"
#include "api/origin/flights.h"

struct origin_lane {
    const struct origin_flights_options *options;
    struct core_worker *worker;
    struct client_session *session;
};

/* 0, -ENOSYS, or an error; close it in any case. */
int origin_lane_open(struct origin_lane *lane, const struct origin_flights_options *options,
                     const atomic_bool *cancelled);
void origin_lane_close(struct origin_lane *lane);
/* As s3_fetch.result; `why` has a sentence for the log where it is not 0, or is empty. Blocks for as long as it takes. */
int origin_lane_fetch(struct origin_lane *lane, struct origin_flight *flight, char why[ORIGIN_WHY_BYTES]);

#endif
