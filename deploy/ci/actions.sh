#!/bin/sh
# SPDX-License-Identifier: MIT
# GitHub's caches and artifacts: prints variables for @actions/cache, @actions/artifact and whatever else speaks these services, with SLUICE_URL and
# SLUICE_TOKEN set. The server: --cache "github bucket=ci-actions".
#     in a step of a job (Gitea, Forgejo, GitHub)    deploy/ci/actions.sh >>"$GITHUB_ENV"
#     act                                            deploy/ci/actions.sh >sluice.env && act --env-file sluice.env
#     a runner of Gitea's or Forgejo's, for all      in its configuration "runner: {env_file: sluice.env}" and "cache: {enabled: false}"
# The output has the token in it: it belongs to the job, not into the repository or a log. A runner may set ACTIONS_RUNTIME_TOKEN to one of its own,
# which counts for what follows: then the step that caches needs the variable in its `env:`.
# Artifacts are those of a run: GITHUB_RUN_ID, or SLUICE_RUN. Their client wants to read that in the token; the server takes what is after the last dot.
claims=$(printf '{"scp":"Actions.Results:%s:%s"}' "${SLUICE_RUN:-${GITHUB_RUN_ID:-run}}" "${GITHUB_JOB:-job}" | base64 | tr '+/' '-_' | tr -d '=\n')
cat <<END
ACTIONS_RESULTS_URL=$SLUICE_URL/-/cache/github/
ACTIONS_CACHE_URL=$SLUICE_URL/-/cache/github/
ACTIONS_CACHE_SERVICE_V2=true
ACTIONS_RUNTIME_TOKEN=e30.$claims.$SLUICE_TOKEN
END
# @actions/cache speaks version 1, at ACTIONS_CACHE_URL, where GITHUB_SERVER_URL is neither GitHub's nor ends in .localhost; @actions/artifact does
# nothing there.
