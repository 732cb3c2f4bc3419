#!/bin/sh
# SPDX-License-Identifier: MIT
# Git LFS: to be run in a job's repository, with SLUICE_URL and SLUICE_TOKEN set. The server: --cache "lfs bucket=ci-lfs", and --public-url where
# clients call it otherwise than it listens. The token is in .git/config then, as the job's own is.
# For people, without secrets:    git config -f .lfsconfig lfs.url "$SLUICE_URL/-/cache/lfs/ORGANISATION/REPOSITORY"    and ~/.netrc
url="$SLUICE_URL/-/cache/lfs${SLUICE_FOLDER:+/$SLUICE_FOLDER}"
git config lfs.url "$url"
git config lfs.locksverify false
git config "http.$SLUICE_URL/.extraHeader" "Authorization: Bearer $SLUICE_TOKEN"
