#!/usr/bin/env bash
# Throws hostile bytes at every format for a while: ./scripts/fuzz.sh [SECONDS] [TARGET], 60 seconds a target unless said otherwise.
# Targets: Chunk, Bundle, Footer, Manifest, Sidecar, Range_proof, Challenge_proof. A failure names the seed; MARKET_FUZZ_SEED=SEED repeats it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$REPO"
MARKET_FUZZ_SECONDS=${1:-60} exec dotnet test tests/Marketplace.Coding.Tests -c "$CONFIGURATION" --nologo --filter "FullyQualifiedName~FuzzTests.${2:-}"
