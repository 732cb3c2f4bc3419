/* SPDX-License-Identifier: MIT
 *
 * CRC-64/NVME by carry-less multiplication: a long run of bytes becomes sixteen that have the same CRC. Private to
 * crc64nvme.c and its test. Pure; any thread. */
#ifndef STORAGE_DIGEST_CRC64NVME_FOLD_H
#define STORAGE_DIGEST_CRC64NVME_FOLD_H

#include <stddef.h>
#include <stdint.h>

#define CRC64NVME_FOLDED_BYTES 16u

/* state: the inverted CRC of what came before. folded: what the bytes taken and the state come to, to be continued with state 0.
 * Returns how many bytes were taken: all but the last few. */
typedef size_t (*crc64nvme_fold_fn)(uint64_t state, const unsigned char *data, size_t length,
                                    unsigned char folded[CRC64NVME_FOLDED_BYTES]);

enum crc64nvme_width {
    CRC64NVME_128, /* PCLMULQDQ */
    CRC64NVME_256, /* VPCLMULQDQ with AVX2 */
    CRC64NVME_512, /* VPCLMULQDQ with AVX-512 */
    CRC64NVME_WIDTH_COUNT,
};

/* For fewer bytes setting the registers up is not worth it. */
#define CRC64NVME_BYTES_MIN(width) (256u << (width))

/* For at least as many bytes as that. NULL: this CPU lacks it. */
crc64nvme_fold_fn crc64nvme_fold_of(enum crc64nvme_width width);
/* The widest for that many bytes, or NULL. */
crc64nvme_fold_fn crc64nvme_fold_choose(size_t length);

#endif
