/* SPDX-License-Identifier: MIT
 *
 * What a failed call on a file or a folder of a store is called by everybody above the call.
 *
 * The kernel's names for a disk that fails are many (EIO, EBADMSG and EUCLEAN for bad checksums, ENODATA for a bad sector, ETIMEDOUT for
 * a device that does not answer, EROFS after an error ...), and higher up the same numbers say other things: that a client's bytes are
 * not what was signed, that the client went away, that a file is shorter than its row says, that a call may be tried again. So where the
 * result of such a call is handed on, it goes through here first. Whoever expects a certain errno looks at it before that; whoever logs
 * one logs what the kernel said. */
#ifndef STORAGE_BASE_DISK_ERROR_H
#define STORAGE_BASE_DISK_ERROR_H

/* error: a negative errno. Returns it where it means the same to everybody: -ENOSPC and -EDQUOT (-EFBIG becomes -ENOSPC: there is no
 * room for a file that long), -EMFILE, -ENFILE, -ENOMEM, -ENOENT, -EEXIST. All others are -EIO. */
int disk_error(int error);

#endif
