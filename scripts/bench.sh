#!/usr/bin/env bash
# Benchmarks: ./scripts/bench.sh NAME [--json]. With --json, one flat JSON object on the last line of standard output.
#   transfer   whole processes on a devnet: peak memory and speed of put and get of 1 GiB
set -euo pipefail
. "$(dirname "$0")/lib.sh"
build_market >&2
cd "$REPO"
dotnet build tests/Marketplace.Benchmarks -c "$CONFIGURATION" --nologo -v q >&2
exec dotnet "tests/Marketplace.Benchmarks/bin/$CONFIGURATION/net10.0/Marketplace.Benchmarks.dll" "$@"
