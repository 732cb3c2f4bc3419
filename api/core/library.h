/* SPDX-License-Identifier: MIT
 *
 * The public library over the core: what its files share, and the one door from a store of sluice.h to its core. */
#ifndef API_CORE_LIBRARY_H
#define API_CORE_LIBRARY_H

#include "api/core/core.h"
#include "api/sluice.h"

/* The core of an open store: for the server that serves it. Valid until sluice_store_close. */
struct core *sluice_store_core(struct sluice_store *store);

#endif
