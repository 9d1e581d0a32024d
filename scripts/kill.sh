#!/usr/bin/env bash
# Kills a storage node with SIGKILL at random moments while clients upload to it, and checks that everything acknowledged is there.
#   ./scripts/kill.sh [--kills 300] [--seed 1]
# The last line says what was seen; exit code 0 only if nothing is lost, nothing is left over and nothing wrongly charged.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
kills=300 seed=1
while [ $# -gt 0 ]; do
    case "$1 ${2:-}" in
        "--kills "[0-9]*) kills=$2 ;;
        "--seed "[0-9]*) seed=$2 ;;
        *) echo "usage: ./scripts/kill.sh [--kills N] [--seed S]" >&2; exit 2 ;;
    esac
    shift 2
done
build_market >&2
cd "$REPO"
dotnet build tests/Marketplace.Node.Tests -c "$CONFIGURATION" --nologo -v q >&2
exec dotnet "tests/Marketplace.Node.Tests/bin/$CONFIGURATION/net10.0/Marketplace.Node.Tests.dll" kill --kills "$kills" --seed "$seed"
