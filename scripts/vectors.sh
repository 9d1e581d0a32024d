#!/usr/bin/env bash
# Writes docs/formats/vectors.json anew from the formats as the code has them: only for a new version of a format.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$REPO"
MARKET_WRITE_VECTORS="$REPO/docs/formats/vectors.json" dotnet test tests/Marketplace.Coding.Tests -c "$CONFIGURATION" --nologo --filter "FullyQualifiedName~Every_vector" > /dev/null || true
exec dotnet test tests/Marketplace.Coding.Tests -c "$CONFIGURATION" --nologo --filter "FullyQualifiedName~FormatVectorTests"
