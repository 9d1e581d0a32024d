#!/usr/bin/env bash
# Two hours of network time with kills, restarts, disk faults and price changes, and clients that store and read: ./scripts/chaos.sh --help
# The last line says what was seen; exit code 0 only if no acknowledged byte is lost, no honest node slashed and every vacant slot filled.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
build_market >&2
cd "$REPO"
dotnet build tests/Marketplace.Chaos.Tests -c "$CONFIGURATION" --nologo -v q >&2
exec dotnet "tests/Marketplace.Chaos.Tests/bin/$CONFIGURATION/net10.0/Marketplace.Chaos.Tests.dll" "$@"
