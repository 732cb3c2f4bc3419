/* SPDX-License-Identifier: MIT
 *
 * Files that hold secrets: who may read them, and reading a short one. Any thread. */
#ifndef STORAGE_BASE_SECRET_FILE_H
#define STORAGE_BASE_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Whether nobody may read what is in the file but its owner, and where that is root, a group to which root has given it: so services have
 * their secrets without owning them. What is no file (a pipe) is its owner's. */
bool secret_file_is_private(const struct stat *status);

/* The file's one line, without its end, as a string; size counts its NUL. 0; -EPERM: it is not private; -EMSGSIZE: longer than fits;
 * -EBADMSG: empty, or not one line of text; or why it cannot be read. On failure nothing of it is left in text. Blocks. */
int secret_file_read(const char *path, char *text, size_t size);

#endif
