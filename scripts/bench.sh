#!/usr/bin/env bash
# Benchmarks: ./scripts/bench.sh NAME [--json]. With --json, one flat JSON object on the last line of standard output.
#   coding     kernels and the chain that they make, in memory, by processor time, beside other people's code
#   gas        whole transactions on Hardhat's own chain (osaka), in its steady state
#   transfer   whole processes on a devnet: peak memory and speed of put and get of 1 GiB
set -euo pipefail
. "$(dirname "$0")/lib.sh"
if [ "${1:-}" = gas ]; then
  install_packages >&2
  cd "$REPO"
  npx hardhat build --no-tests --quiet >&2
  exec npx hardhat run --no-compile scripts/gas.js
fi
if [ "${1:-}" = coding ]; then want_library libisal.so.2 libisal2; else build_market >&2; fi
cd "$REPO"
dotnet build tests/Marketplace.Benchmarks -c "$CONFIGURATION" --nologo -v q >&2
exec dotnet "tests/Marketplace.Benchmarks/bin/$CONFIGURATION/net10.0/Marketplace.Benchmarks.dll" "$@"
