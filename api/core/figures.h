/* SPDX-License-Identifier: MIT
 *
 * What the committer does, for whoever watches the server: core_figures (core.h) fills it. */
#ifndef API_CORE_FIGURES_H
#define API_CORE_FIGURES_H

#include "api/core/core.h"
#include "metadata/meta_figures.h"

#endif
