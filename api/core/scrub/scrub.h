/* SPDX-License-Identifier: MIT
 *
 * The scrubber of a core: a thread, if rounds go on by themselves, and what they found. core_scrub.h tells what it does. Private to the core. */
#ifndef API_CORE_SCRUB_SCRUB_H
#define API_CORE_SCRUB_SCRUB_H

struct core;
struct scrub;

/* 0 or an error. Last of all that a core starts. */
int scrub_start(struct core *core, struct scrub **scrub);
/* Ends the step of the database that a round is at, and so the round; between two steps it has no effect. Any thread. NULL allowed. */
void scrub_interrupt(struct scrub *scrub);
/* First of all that a core stops: it reads rows and bytes. Writes down how far it came. NULL allowed. */
void scrub_stop(struct scrub *scrub);

#endif
