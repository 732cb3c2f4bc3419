/* SPDX-License-Identifier: MIT
 *
 * Whether a recorded history of operations on a few keys is linearizable: whether there is one order of
 * them all, in which each takes effect at once, at a moment between its call and its answer, and gives the
 * answer that was seen.
 *
 * The state is one value for each key; 0 means that the key is absent. An operation is a list of terms,
 * done from left to right at its one moment: conditions that hold, or the operation is not possible there,
 * and assignments. So a GET that saw value 7 under key 0 is `0=7`, a PUT is `0:7`, a PUT with If-Match
 * that was answered with 412 is `0!5 0!0`, a COPY that gave 7 is `0!0 1&0 1=7`.
 *
 * An operation without an answer may take effect at any moment after its call, or never; and never after
 * the death of the server that follows. All of it is pure computation: no globals, any number of threads,
 * each with its own history. */
#ifndef SLUICE_TESTS_LINEAR_CHECKER_H
#define SLUICE_TESTS_LINEAR_CHECKER_H

#include <stddef.h>
#include <stdint.h>

#define LINEAR_KEYS_MAX    8u
#define LINEAR_TERMS_MAX   12u
#define LINEAR_PENDING_MAX 64u        /* operations under way at one moment: bits of a word */
#define LINEAR_UNANSWERED  UINT64_MAX /* as the end of an operation */

enum linear_term_kind {
    LINEAR_EQUALS,  /* the key has the value */
    LINEAR_DIFFERS, /* the key has another value */
    LINEAR_SET,     /* the key gets the value */
    LINEAR_COPY,    /* the key gets what the key `value` has */
    LINEAR_COPY_AS, /* the key gets what a copy of that is: see copied_as */
};

struct linear_term {
    enum linear_term_kind kind;
    uint8_t key;
    uint16_t value;
};

struct linear_operation {
    uint64_t begin, end; /* of one clock; end not before begin */
    uint32_t term_count;
    struct linear_term terms[LINEAR_TERMS_MAX];
};

struct linear_history {
    uint32_t key_count;
    uint16_t state[LINEAR_KEYS_MAX]; /* at the beginning */
    const struct linear_operation *operations;
    size_t operation_count;
    const uint64_t *deaths; /* of the server: moments without an answered operation under way */
    size_t death_count;
    const uint16_t
        *copied_as; /* NULL, or UINT16_MAX + 1 entries: what a copy of each value is; 0: the value itself */
};

enum linear_verdict {
    LINEAR_YES,
    LINEAR_NO,
    LINEAR_TOO_LARGE, /* the bound was reached: nothing is known */
};

struct linear_result {
    enum linear_verdict verdict;
    size_t operation; /* with LINEAR_NO: the first one whose answer no order explains */
    size_t largest;   /* configurations that were looked at for one event, at most */
};

/* bound: configurations that may be looked at for one event; each takes 40 bytes. 0, or -EINVAL when the
 * history is not one (times in a wrong order, a key that is none, an answer after the death of its
 * server), -E2BIG with more than LINEAR_PENDING_MAX operations under way at once, -ENOMEM. */
int linear_check(const struct linear_history *history, size_t bound, struct linear_result *result);

#endif
