/* SPDX-License-Identifier: MIT
 *
 * What a test does less of under the thread sanitizer, which makes code ten to twenty times as slow. A long row of cases on one thread has
 * nothing to tell it; of what threads do beside each other the first thousand rounds tell as much as the next ten thousand. */
#ifndef TEST_SANITIZED_H
#define TEST_SANITIZED_H

#ifdef __SANITIZE_THREAD__
#define TSAN_SHARE 5 /* one of so many is done */
#else
#define TSAN_SHARE 1
#endif

#endif
