/* SPDX-License-Identifier: MIT
 *
 * Bounds of the way to a live store, with their units in their names and their reasons beside them. */
#ifndef API_LIBRARY_LIMITS_H
#define API_LIBRARY_LIMITS_H

/* A request names a call and a few words. */
#define CONTROL_LINE_BYTES_MAX 16384u
/* An answer: a finding names a key, whose bytes may quadruple, and JSON escapes each of them. */
#define CONTROL_ANSWER_BYTES_MAX (1u << 20)

/* People and their scripts; each connection is a thread while it lasts. */
#define CONTROL_CONNECTIONS_MAX 16u
#define CONTROL_LISTEN_BACKLOG  16

#define CONTROL_IDLE_TIMEOUT_MS 60000u  /* between two requests */
#define CONTROL_LINE_TIMEOUT_MS 10000u  /* first byte of a request to its last */
#define CONTROL_SEND_TIMEOUT_MS 300000u /* without progress: whoever reads may have stopped to think */

/* What an answer by HTTP shows of findings, files and users; it is made in memory, and read by programs. */
#define CONTROL_HTTP_ITEMS_MAX 1000u
#define CONTROL_HTTP_CALLS_MAX 4u /* at once; each is a thread */

/* Objects that status looks at to count them: tens of milliseconds. */
#define CONTROL_COUNT_OBJECTS_MAX 100000u

/* Faults on demand: requests that wait to begin late, and for how long at most. A test has a few of them. */
#define LIBRARY_FAULTS_WAITING_MAX 1024u
#define LIBRARY_FAULTS_SLOW_MS_MAX 60000u

/* A backup whose server ends meanwhile is begun anew so many times; and a server that has a store open and does not answer is asked again for half
 * a minute: it may be starting. */
#define LIBRARY_BACKUP_TRIES_MAX  5u
#define LIBRARY_BACKUP_PAUSES_MAX 150u
#define LIBRARY_BACKUP_HOLDS_MAX                                                                             \
    10u /* a server looks so often, and oftener, whether the last asker has gone */
#define LIBRARY_BACKUP_PAUSE_MS 200u

#endif
