/* SPDX-License-Identifier: MIT
 *
 * Files that hold secrets: who may read them, and reading a short one. Any thread. */
#ifndef STORAGE_BASE_SECRET_FILE_H
#define STORAGE_BASE_SECRET_FILE_H

#include <stddef.h>
#include <sys/stat.h>

enum secret_readers { SECRET_READERS_OWNER, SECRET_READERS_GROUP, SECRET_READERS_ANYBODY };

/* Who may read what is in the file, by its mode. What is no file (a pipe) is its owner's. */
enum secret_readers secret_file_readers(const struct stat *status);

/* The file's one line, without its end, as a string; size counts its NUL. 0; -EPERM: anybody may read it; -EMSGSIZE: longer than fits;
 * -EBADMSG: empty, or not one line of text; or why it cannot be read. On failure nothing of it is left in text. Blocks. */
int secret_file_read(const char *path, char *text, size_t size);

#endif
