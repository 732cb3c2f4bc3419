#!/bin/sh
# SPDX-License-Identifier: MIT
# Nix: to be sourced, with SLUICE_URL, SLUICE_TOKEN and the token's name, SLUICE_TOKEN_NAME, set. The server: --cache "http bucket=ci-http".
# Builds then take what is there. What they made is stored by    nix copy --to "$SLUICE_URL/-/cache/http" PATH...
# With signing keys: nix copy --to "$SLUICE_URL/-/cache/http?secret-key=FILE", and NIX_PUBLIC_KEY here; without one, what the cache has is taken unsigned.
sluice_netrc="${SLUICE_NETRC:-$HOME/.sluice.netrc}"
sluice_host="${SLUICE_URL#*://}"
(umask 077 && printf 'machine %s\nlogin %s\npassword %s\n' "${sluice_host%%[:/]*}" "$SLUICE_TOKEN_NAME" "$SLUICE_TOKEN" >"$sluice_netrc")
export NIX_CONFIG="netrc-file = $sluice_netrc
extra-substituters = $SLUICE_URL/-/cache/http${NIX_PUBLIC_KEY:+
extra-trusted-public-keys = $NIX_PUBLIC_KEY}"
[ -n "${NIX_PUBLIC_KEY:-}" ] || NIX_CONFIG="$NIX_CONFIG
require-sigs = false"
