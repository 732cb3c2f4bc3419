/* SPDX-License-Identifier: MIT
 *
 * One connection of the control socket, on a thread of its own. Private to the control. */
#ifndef API_SERVER_CONTROL_CONNECTION_H
#define API_SERVER_CONTROL_CONNECTION_H

#include "api/server/control/control_calls.h"

/* Serves it until the other end has gone, it is out of time, or stop_fd can be read from; closes fd, a stream that does not block. */
void control_connection_run(int fd, int stop_fd, const struct control_subject *subject);
/* Whether the other end may ask: this process's user, or root. Else, and when code is not 0, tells it why, if that needs no waiting, and
 * closes fd. */
bool control_connection_admit(int fd, int code, const char *why);

#endif
