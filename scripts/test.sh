#!/usr/bin/env bash
# Everything that CI runs, from a fresh clone. Ends with "N passed, N failed"; exit code 0 only if nothing failed.
#   ./scripts/test.sh            all
#   ./scripts/test.sh unit       without the end-to-end runs
set -uo pipefail
. "$(dirname "$0")/lib.sh"
cd "$REPO"

passed=0
failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

say() { printf '\n== %s\n' "$*"; }

# check NAME COMMAND…: one check that passes or fails as a whole.
check() {
    local name=$1; shift
    say "$name"
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $name"; fi
}

# count NAME COMMAND…: a runner that counts its own tests, in the words of dotnet test or Hardhat.
count() {
    local name=$1 log="$logs/out" code good bad; shift
    say "$name"
    "$@" 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    good=$(sum 's/.*Passed: *\([0-9]*\),.*/\1/p; s/^ *\([0-9]*\) passing.*/\1/p' "$log")
    bad=$(sum 's/.*Failed: *\([0-9]*\),.*/\1/p; s/^ *\([0-9]*\) failing.*/\1/p' "$log")
    if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$code" -eq 0 ] && [ "$good" -eq 0 ]; then echo "FAILED: $name ran no test"; bad=1; fi
    passed=$((passed + good))
    failed=$((failed + bad))
}

sum() { sed -n "$1" "$2" | awk '{ total += $1 } END { print total + 0 }'; }

dotnet_tests() { dotnet test --no-build -c "$CONFIGURATION" --nologo "tests/Marketplace.$1.Tests" "${@:2}"; }

need zstd zstd
install_packages || exit 1
check "Solidity compiles" npx --no-install hardhat build
check "solhint" npm run --silent lint
count "Solidity tests" npx --no-install hardhat test solidity
check "The solution builds without a warning" dotnet build Marketplace.sln -c "$CONFIGURATION" --nologo -v q
check "dotnet format" dotnet format Marketplace.sln --verify-no-changes --no-restore

for project in tests/Marketplace.*.Tests; do
    name=${project#tests/Marketplace.}
    name=${name%.Tests}
    [ "$name" = EndToEnd ] || count "$name" dotnet_tests "$name"
done

if [ "${1:-all}" = all ]; then
    count "End to end" dotnet_tests EndToEnd
fi

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
