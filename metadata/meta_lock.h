/* SPDX-License-Identifier: MIT
 *
 * Object Lock: what keeps a version from being deleted. The lock lies among the version's attributes (META_ATTRIBUTE_LOCK), so
 * that it goes wherever the version goes; a copy gets one of its own. META_OP_OBJECT_DELETE obeys it, within its transaction,
 * when a version is named. Delete markers are never locked. */
#ifndef METADATA_META_LOCK_H
#define METADATA_META_LOCK_H

#include "metadata/meta.h"

enum meta_lock_mode {
    META_LOCK_NONE,
    META_LOCK_GOVERNANCE, /* may be shortened and deleted by who bypasses it */
    META_LOCK_COMPLIANCE, /* by nobody */
};

/* Legal hold: no end, and nobody bypasses it; but it is lifted as easily as it is placed. The numbers are stored. */
enum meta_hold {
    META_HOLD_NEVER, /* nothing was ever said */
    META_HOLD_ON,
    META_HOLD_OFF, /* lifted, or said to be off: it holds nothing, but is told */
};

struct meta_lock {
    enum meta_lock_mode mode;
    enum meta_hold hold;
    int64_t until_ms; /* the end of the retention; 0 without a mode */
};

#define META_LOCK_BYTES 11u

/* The form in which a lock is stored. Returns the length; 0: nothing was ever said, and nothing is to be stored. */
size_t meta_lock_pack(const struct meta_lock *lock, unsigned char out[META_LOCK_BYTES]);
/* Empty: no lock. 0 or META_E_CORRUPT. */
int meta_lock_unpack(struct slice packed, struct meta_lock *lock);

/* Whether the lock forbids deletion at that moment. */
bool meta_lock_forbids(const struct meta_lock *lock, int64_t now_ms, bool bypass_governance);

/* Sets retention, legal hold, or both, of a version. META_E_LOCKED: a retention that still runs would be shortened or change its
 * mode (by bypassing, a governance retention may). META_E_NO_KEY, META_E_NO_VERSION, META_E_DELETE_MARKER. */
struct meta_object_lock {
    struct meta_op op; /* META_OP_OBJECT_LOCK */
    int64_t bucket;
    struct slice key;
    const struct meta_version_id *version; /* NULL: the current one */
    const struct meta_judged *judged;      /* NULL: whatever it is */
    bool sets_retention, sets_hold;        /* what of `lock` counts */
    bool bypass_governance;
    struct meta_lock lock;
    struct meta_version_id locked; /* out: which version it was */
};

#endif
