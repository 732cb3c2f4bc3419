/* SPDX-License-Identifier: MIT
 *
 * DATA/control: the Unix socket on which a running server takes calls (control_calls.h) as lines of JSON, from its own user and from root.
 * Threads of its own, one to accept and one for each connection; no event loop is involved. */
#ifndef API_SERVER_CONTROL_H
#define API_SERVER_CONTROL_H

#include "api/server/control/control_calls.h"

struct control;

/* subject is copied; what it points to must outlive the control. 0 or a negative errno: -EEXIST: the name is taken by something that is no
 * socket. Blocks. */
int control_start(struct control **control, const struct control_subject *subject);
/* Ends calls under way, a check within a moment. NULL allowed. Blocks. */
void control_stop(struct control *control);

#endif
