/* SPDX-License-Identifier: MIT
 *
 * The file of a large download that is not whole yet, under a name by which a later run finds it: behind the object's bytes stands which object it is of, and
 * for each piece that is there its CRC-64. A piece counts where the bytes have that CRC still: after a crash of the machine they may not. */
#ifndef API_CLIENT_PART_FILE_H
#define API_CLIENT_PART_FILE_H

#include "api/client/transfer.h"

/* What stands before the name that the file will have. */
#define CLIENT_PART_FILE ".sluice.part."

/* Opens or makes the one of transfer->to, whose size, etag and pieces are set; fills temporary and fd. False: there can be none, or another program is at it. */
bool client_part_file_open(struct client_transfer *transfer);
/* Whether an earlier run has left that piece: then its CRC is in transfer->parts. Reads it. */
bool client_part_file_has(struct client_transfer *transfer, unsigned index);
/* The piece is there, with the CRC in transfer->parts. A failure is none of the download's: the piece comes again then. */
void client_part_file_note(struct client_transfer *transfer, unsigned index);
/* Before it gets its name: takes off what stands behind the bytes. 0 or a negative errno. */
int client_part_file_end(struct client_transfer *transfer);

#endif
