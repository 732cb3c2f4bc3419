/* SPDX-License-Identifier: MIT
 *
 * Where a server and those who ask it meet: the Unix socket DATA/control. Both ends reach it through a descriptor of the folder, because
 * the address of a socket holds 107 bytes of path, and a data folder may lie deeper. */
#ifndef API_LIBRARY_CONTROL_WAY_H
#define API_LIBRARY_CONTROL_WAY_H

#define CONTROL_NAME "control"

/* A listening socket in the folder, mode 0600 from the beginning. What a killed server left there is replaced: whoever calls this holds the
 * store's lock. A descriptor, or a negative errno: -EEXIST: something is there that is no socket. */
int control_way_listen(int folder_fd);
/* Takes the name away; the caller closes the socket. */
void control_way_remove(int folder_fd);

/* A connected socket, or a negative errno: -ENOENT, -ECONNREFUSED: nobody listens there. Blocks. */
int control_way_connect(const char *folder);

#endif
